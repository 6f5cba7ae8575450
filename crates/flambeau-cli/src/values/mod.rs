//! Values on the command line: what an argument such as `rand:1x3x224x224`, `cat.jpg?size=224` or `[1, 2]` means, and
//! how results are written to files.
//!
//! | text | is |
//! |---|---|
//! | `3` `2.5` `true` `None` `"text"` `[1, 2]` `(1, "a")` `{"k": 1.5}` `1+2j` | the value, as Python writes it |
//! | `tensor([[1, 2], [3, 4]])` `tensor([0.5], f64)` | a tensor |
//! | `zeros:2x3` `ones:` `full:2x3:0.5` `arange:0:10:2` `eye:3` `rand:8:f64` `randn:` `randint:0:10:4x4` | a made tensor |
//! | `x.npy` `x.npz` `x.safetensors` `x.pt` `x.json` `x.png` `x.jpg` `x.wav`, or any path after `@` | the contents of a file |
//!
//! Everything is read into a [`Literal`], which knows no declared types; `flambeau run` fits it to the types of the
//! method's arguments.

mod audio;
mod checkpoint;
mod fit;
mod image;
mod json;
mod make;
mod npy;
mod safetensors;
mod text;

pub use fit::{fit, literal, untyped};

use flambeau_tensor::random::Generator;
use flambeau_tensor::{DType, Scalar, Tensor};
use std::path::Path;

/// What went wrong, as a sentence for the user.
pub type Result<T, E = String> = std::result::Result<T, E>;

/// A value as it was written, before anything is known of the type it should have.
#[derive(Debug, Clone)]
pub enum Literal {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    Str(String),
    Tensor(Tensor),
    List(Vec<Literal>),
    Tuple(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

/// Reads values; keeps the random generator between them.
pub struct Reader {
    pub generator: Generator,
}

impl Reader {
    /// `seed` is what `torch.manual_seed` would be given for the same numbers.
    pub fn new(seed: u64) -> Reader {
        Reader {
            generator: Generator::new(seed),
        }
    }

    /// The value of one argument.
    pub fn read(&mut self, text: &str) -> Result<Literal> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix('@') {
            return self.read_file(path);
        }
        if file_kind(split_options(text).0).is_some() && !text.starts_with(['"', '\'', '[', '(', '{']) {
            return self.read_file(text);
        }
        text::parse(text, self)
    }

    /// The contents of a file; `?name=value&…` after the path sets options of images and sound.
    pub fn read_file(&mut self, text: &str) -> Result<Literal> {
        let (path, options) = split_options(text);
        let options = Options::parse(options)?;
        let kind = known_kind(path)?;
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read `{path}`: {e}"))?;
        let value = match kind {
            Kind::Npy => npy::read(&bytes).map(Literal::Tensor),
            Kind::Npz => npy::read_npz(bytes),
            Kind::Safetensors => safetensors::read(&bytes),
            Kind::Checkpoint => checkpoint::read(bytes),
            Kind::Json => json::read(&bytes),
            Kind::Png => image::read_png(&bytes, &options).map(Literal::Tensor),
            Kind::Jpeg => image::read_jpeg(&bytes, &options).map(Literal::Tensor),
            Kind::Wav => audio::read(&bytes, &options).map(Literal::Tensor),
        };
        let value = value.and_then(|value| options.all_used().map(|()| value));
        value.map_err(|e| format!("`{path}`: {e}"))
    }
}

/// Writes a value to a file of the kind that the path's ending names; `?name=value` as in reading.
pub fn write_file(text: &str, value: &Literal) -> Result<()> {
    let (path, options) = split_options(text);
    let options = Options::parse(options)?;
    let kind = known_kind(path)?;
    let bytes = match kind {
        Kind::Npy => npy::write(&value.to_tensor(None)?),
        Kind::Npz => npy::write_npz(value),
        Kind::Safetensors => safetensors::write(value),
        Kind::Checkpoint => checkpoint::write(value),
        Kind::Json => json::write(value).map(String::into_bytes),
        Kind::Png => image::write_png(&value.to_tensor(None)?, &options),
        Kind::Jpeg => Err("images are written as `.png`".into()),
        Kind::Wav => audio::write(&value.to_tensor(None)?, &options),
    };
    let bytes = bytes
        .and_then(|bytes| options.all_used().map(|()| bytes))
        .map_err(|e| format!("`{path}`: {e}"))?;
    flambeau_archive::write_file(Path::new(path), |file| {
        use std::io::Write;
        file.write_all(&bytes).map_err(|e| {
            flambeau_archive::Error::new(
                flambeau_archive::ErrorKind::Io,
                format!("cannot write `{path}`: {e}"),
            )
        })
    })
    .map_err(|e| e.to_string())
}

/// The value as JSON.
pub fn to_json(value: &Literal) -> Result<String> {
    json::write(value)
}

/// Splits `name=value` of a keyword argument.
pub fn split_keyword(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, value))
            if !name.is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            (Some(name), value)
        }
        _ => (None, text),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Npy,
    Npz,
    Safetensors,
    /// Of `torch.save`.
    Checkpoint,
    Json,
    Png,
    Jpeg,
    Wav,
}

const KINDS: [(&str, Kind); 10] = [
    (".npy", Kind::Npy),
    (".npz", Kind::Npz),
    (".safetensors", Kind::Safetensors),
    (".pt", Kind::Checkpoint),
    (".pth", Kind::Checkpoint),
    (".json", Kind::Json),
    (".png", Kind::Png),
    (".jpg", Kind::Jpeg),
    (".jpeg", Kind::Jpeg),
    (".wav", Kind::Wav),
];

fn file_kind(path: &str) -> Option<Kind> {
    let lower = path.to_ascii_lowercase();
    KINDS
        .into_iter()
        .find(|(ending, _)| lower.ends_with(ending) && lower.len() > ending.len())
        .map(|(_, kind)| kind)
}

fn known_kind(path: &str) -> Result<Kind> {
    file_kind(path).ok_or_else(|| {
        let kinds = KINDS.map(|(ending, _)| ending).join(", ");
        format!("`{path}`: expected a file of one of the kinds {kinds}")
    })
}

/// Cuts the options off a path, unless a file has the whole as its name.
fn split_options(text: &str) -> (&str, &str) {
    match text.rsplit_once('?') {
        Some((path, options)) if !Path::new(text).exists() => (path, options),
        _ => (text, ""),
    }
}

/// `name=value` pairs after a path. Whoever reads one marks it; a pair that nobody reads is an error.
#[derive(Debug)]
struct Options {
    pairs: Vec<(String, String, std::cell::Cell<bool>)>,
}

impl Options {
    fn parse(text: &str) -> Result<Options> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("expected `name=value`, found `{pair}`"))?;
            Ok((name.to_owned(), value.to_owned(), std::cell::Cell::new(false)))
        });
        Ok(Options {
            pairs: pairs.collect::<Result<_>>()?,
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, value, used) = self.pairs.iter().rev().find(|(own, ..)| own == name)?;
        used.set(true);
        Some(value)
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some("true" | "1" | "yes") => Ok(true),
            Some("false" | "0" | "no") => Ok(false),
            Some(other) => Err(format!("`{name}` should be `true` or `false`, found `{other}`")),
        }
    }

    fn all_used(&self) -> Result<()> {
        match self.pairs.iter().find(|(_, _, used)| !used.get()) {
            Some((name, ..)) => Err(format!("`{name}` is not an option of this kind of file")),
            None => Ok(()),
        }
    }
}

/// Short names (`f32`), PyTorch's (`float32`) and its aliases (`long`).
pub fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "f16" => DType::Half,
        "bf16" => DType::BFloat16,
        "f32" => DType::Float,
        "f64" => DType::Double,
        "i8" => DType::Char,
        "i16" => DType::Short,
        "i32" => DType::Int,
        "i64" => DType::Long,
        "u8" => DType::Byte,
        "c64" => DType::ComplexFloat,
        "c128" => DType::ComplexDouble,
        _ => return DType::from_name(name),
    })
}

impl Literal {
    /// What it is called in an error.
    pub fn describe(&self) -> &'static str {
        match self {
            Literal::None => "None",
            Literal::Bool(_) => "a bool",
            Literal::Int(_) => "an int",
            Literal::Float(_) => "a float",
            Literal::Complex(..) => "a complex number",
            Literal::Str(_) => "a string",
            Literal::Tensor(_) => "a tensor",
            Literal::List(_) => "a list",
            Literal::Tuple(_) => "a tuple",
            Literal::Dict(_) => "a dict",
        }
    }

    /// A number as the scalar of a tensor.
    pub fn as_scalar(&self) -> Option<Scalar> {
        Some(match *self {
            Literal::Bool(b) => Scalar::Bool(b),
            Literal::Int(i) => Scalar::Int(i),
            Literal::Float(f) => Scalar::Float(f),
            Literal::Complex(re, im) => Scalar::Complex(flambeau_tensor::Complex::new(re, im)),
            _ => return None,
        })
    }

    /// What `torch.tensor` makes of it: numbers and rectangular lists of numbers. A list of one tensor, or a tuple, as a
    /// model may return it, counts as that tensor.
    pub fn to_tensor(&self, dtype: Option<DType>) -> Result<Tensor> {
        match self {
            Literal::Tensor(t) => match dtype {
                Some(dtype) => t.to_dtype(dtype).map_err(|e| e.to_string()),
                None => Ok(t.clone()),
            },
            Literal::List(items) | Literal::Tuple(items) if matches!(&items[..], [Literal::Tensor(_)]) => {
                items[0].to_tensor(dtype)
            }
            _ => {
                let (mut sizes, mut numbers) = (Vec::new(), Vec::new());
                flatten(self, 0, &mut sizes, &mut numbers)?;
                let dtype = dtype.unwrap_or_else(|| natural_dtype(&numbers));
                Tensor::from_scalars(&numbers, &sizes, dtype).map_err(|e| e.to_string())
            }
        }
    }

    /// A number, or lists of numbers and nothing else.
    fn is_numbers(&self) -> bool {
        match self {
            Literal::List(items) | Literal::Tuple(items) => items.iter().all(Literal::is_numbers),
            other => other.as_scalar().is_some(),
        }
    }

    /// The tensors inside of a value by dotted names: a single one is called `output`, those of a tuple or list
    /// `output_0`, `output_1`, …, those of a dict by their keys. Numbers count as tensors, `None` is left out.
    fn named_tensors(&self) -> Result<Vec<(String, Tensor)>> {
        let mut found = Vec::new();
        match self {
            Literal::Dict(items) => name_members("", items, &mut found)?,
            Literal::Tuple(items) => number_items("output_", items, &mut found)?,
            Literal::List(items) if !self.is_numbers() => number_items("output_", items, &mut found)?,
            other => found.push(("output".into(), other.to_tensor(None)?)),
        }
        Ok(found)
    }
}

fn name_tensors(name: &str, value: &Literal, found: &mut Vec<(String, Tensor)>) -> Result<()> {
    match value {
        Literal::None => {}
        Literal::Dict(items) => name_members(&format!("{name}."), items, found)?,
        Literal::Tuple(items) | Literal::List(items) if !value.is_numbers() => {
            number_items(&format!("{name}."), items, found)?;
        }
        _ => {
            let tensor = value.to_tensor(None).map_err(|e| format!("`{name}`: {e}"))?;
            found.push((name.to_owned(), tensor));
        }
    }
    Ok(())
}

fn number_items(prefix: &str, items: &[Literal], found: &mut Vec<(String, Tensor)>) -> Result<()> {
    let mut items = items.iter().enumerate();
    items.try_for_each(|(i, item)| name_tensors(&format!("{prefix}{i}"), item, found))
}

fn name_members(prefix: &str, items: &[(Literal, Literal)], found: &mut Vec<(String, Tensor)>) -> Result<()> {
    for (key, value) in items {
        let key = match key {
            Literal::Str(name) => name.clone(),
            Literal::Int(number) => number.to_string(),
            other => {
                let other = other.describe();
                return Err(format!("the name of a tensor should be a string, found {other}"));
            }
        };
        name_tensors(&format!("{prefix}{key}"), value, found)?;
    }
    Ok(())
}

/// Collects the numbers of nested lists in row-major order, and their common sizes.
fn flatten(value: &Literal, depth: usize, sizes: &mut Vec<i64>, numbers: &mut Vec<Scalar>) -> Result<()> {
    if let Some(number) = value.as_scalar() {
        // Below the first number every list must be as deep.
        if depth != sizes.len() {
            return Err("expected lists of equal depth, found a number where a list should be".into());
        }
        numbers.push(number);
        return Ok(());
    }
    let (Literal::List(items) | Literal::Tuple(items)) = value else {
        return Err(format!(
            "expected numbers to make a tensor of, found {}",
            value.describe()
        ));
    };
    let len = items.len() as i64;
    if depth == sizes.len() {
        if !numbers.is_empty() {
            return Err("expected lists of equal depth, found a list where a number should be".into());
        }
        sizes.push(len);
    } else if sizes[depth] != len {
        return Err(format!(
            "expected sequence of length {} at dim {depth} (got {len})",
            sizes[depth]
        ));
    }
    items
        .iter()
        .try_for_each(|item| flatten(item, depth + 1, sizes, numbers))
}

fn natural_dtype(numbers: &[Scalar]) -> DType {
    let rank = |s: &Scalar| match s {
        Scalar::Bool(_) => 0,
        Scalar::Int(_) => 1,
        Scalar::Float(_) => 2,
        Scalar::Complex(_) => 3,
    };
    match numbers.iter().map(rank).max() {
        Some(0) => DType::Bool,
        Some(1) => DType::Long,
        None | Some(2) => DType::Float,
        Some(_) => DType::ComplexFloat,
    }
}

/// The elements of a tensor in row-major order, as little-endian bytes.
fn to_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let bytes = || -> flambeau_tensor::Result<Vec<u8>> {
        let flat = tensor.contiguous()?.reshape(&[tensor.numel()])?;
        flat.view_dtype(DType::Byte)?.to_vec::<u8>()
    };
    let mut bytes = bytes().map_err(|e| e.to_string())?;
    if cfg!(target_endian = "big") {
        swap(&mut bytes, tensor.dtype());
    }
    Ok(bytes)
}

/// A tensor of little-endian bytes; `strides` are row-major if not given.
fn from_bytes(mut bytes: Vec<u8>, sizes: &[i64], strides: Option<&[i64]>, dtype: DType) -> Result<Tensor> {
    let count = sizes.iter().try_fold(1i64, |n, &size| {
        (size >= 0).then(|| n.checked_mul(size)).flatten()
    });
    let expected = count.and_then(|n| usize::try_from(n).ok()?.checked_mul(dtype.size()));
    if expected != Some(bytes.len()) {
        return Err(format!(
            "a tensor of sizes {sizes:?} and dtype {} does not have {} bytes",
            dtype.torch_name(),
            bytes.len()
        ));
    }
    if cfg!(target_endian = "big") {
        swap(&mut bytes, dtype);
    }
    if dtype == DType::Bool {
        bytes.iter_mut().for_each(|b| *b = u8::from(*b != 0));
    }
    let tensor = || {
        let storage = flambeau_tensor::Storage::from_bytes(&bytes)?;
        let strides = strides.map_or_else(|| row_major(sizes), <[i64]>::to_vec);
        Tensor::from_storage(storage, sizes, &strides, 0, dtype)?.contiguous()
    };
    tensor().map_err(|e: flambeau_tensor::Error| e.to_string())
}

fn row_major(sizes: &[i64]) -> Vec<i64> {
    let mut strides = vec![1i64; sizes.len()];
    for i in (1..sizes.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(sizes[i].max(1));
    }
    strides
}

/// Reverses the bytes of each number; those of a complex number are two.
fn swap(bytes: &mut [u8], dtype: DType) {
    let complex = matches!(
        dtype,
        DType::ComplexHalf | DType::ComplexFloat | DType::ComplexDouble
    );
    let size = if complex { dtype.size() / 2 } else { dtype.size() };
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

#[cfg(test)]
mod tests;
