//! Tensors made from a short description: `rand:1x3x224x224:f32`.

use super::{Result, dtype};
use flambeau_tensor::random::Generator;
use flambeau_tensor::random::fill::{self, RandomFloat};
use flambeau_tensor::{DType, Scalar, Tensor, bf16, f16};

/// No shape typed by hand needs more; a slip of the keyboard should not fill the memory.
const MOST_ELEMENTS: i64 = 1 << 33;

/// `None` if the text does not begin with the name of a maker and a colon.
pub fn parse(text: &str, generator: &mut Generator) -> Option<Result<Tensor>> {
    let (name, rest) = text.split_once(':')?;
    const NAMES: [&str; 8] = [
        "zeros", "ones", "full", "arange", "eye", "rand", "randn", "randint",
    ];
    NAMES.contains(&name).then(|| make(name, rest, generator))
}

fn make(name: &str, rest: &str, generator: &mut Generator) -> Result<Tensor> {
    let mut parts: Vec<&str> = rest.split(':').collect();
    let named = match parts.last() {
        Some(last) if parts.len() > 1 && last.starts_with(|c: char| c.is_alphabetic()) => {
            let found = dtype(last).ok_or_else(|| format!("`{last}` is not a dtype"))?;
            parts.pop();
            Some(found)
        }
        _ => None,
    };
    let count = |expected: &[usize], form: &str| {
        if expected.contains(&parts.len()) {
            Ok(())
        } else {
            Err(format!("expected `{name}:{form}`"))
        }
    };
    let plain = |e: flambeau_tensor::Error| e.to_string();
    match name {
        "zeros" | "ones" => {
            count(&[1], "SHAPE[:DTYPE]")?;
            let value = Scalar::Int(i64::from(name == "ones"));
            Tensor::full(&shape(parts[0])?, value, named.unwrap_or(DType::Float)).map_err(plain)
        }
        "full" => {
            count(&[2], "SHAPE:VALUE[:DTYPE]")?;
            let value = number(parts[1])?;
            Tensor::full(&shape(parts[0])?, value, named.unwrap_or(natural(&[value]))).map_err(plain)
        }
        "eye" => {
            count(&[1], "N[xM][:DTYPE]")?;
            let (n, m) = match shape(parts[0])?[..] {
                [n] => (n, n),
                [n, m] => (n, m),
                _ => return Err("expected `eye:N` or `eye:NxM`".into()),
            };
            Tensor::eye(n, m, named.unwrap_or(DType::Float)).map_err(plain)
        }
        "arange" => {
            count(&[1, 2, 3], "[START:]END[:STEP][:DTYPE]")?;
            let numbers = parts
                .iter()
                .map(|part| number(part))
                .collect::<Result<Vec<_>>>()?;
            let (start, end, step) = match numbers[..] {
                [end] => (Scalar::Int(0), end, Scalar::Int(1)),
                [start, end] => (start, end, Scalar::Int(1)),
                [start, end, step] => (start, end, step),
                _ => return Err("expected `arange:[START:]END[:STEP][:DTYPE]`".into()),
            };
            let len = (end.to_f64() - start.to_f64()) / step.to_f64();
            if len.is_nan() || len > MOST_ELEMENTS as f64 {
                return Err(format!("a range of {len} elements cannot be made"));
            }
            Tensor::arange(start, end, step, named.unwrap_or(natural(&numbers))).map_err(plain)
        }
        "randint" => {
            count(&[3], "LOW:HIGH:SHAPE[:DTYPE]")?;
            let (low, high) = (number(parts[0])?, number(parts[1])?);
            let (Scalar::Int(low), Scalar::Int(high)) = (low, high) else {
                return Err("the bounds of `randint` should be ints".into());
            };
            let sizes = shape(parts[2])?;
            let count = elements(&sizes)?;
            flambeau_tensor::Storage::empty(count.saturating_mul(8)).map_err(|e| e.to_string())?;
            let mut values = vec![0i64; count];
            fill::random_from_to(&mut values, low, Some(high), generator)?;
            let tensor = Tensor::from_vec(values, &sizes).map_err(plain)?;
            tensor.to_dtype(named.unwrap_or(DType::Long)).map_err(plain)
        }
        _ => {
            count(&[1], "SHAPE[:DTYPE]")?;
            let (sizes, kind) = (shape(parts[0])?, named.unwrap_or(DType::Float));
            let (normal, count) = (name == "randn", elements(&sizes)?);
            // Each of these dtypes draws its own number of bits; the others are drawn as float and converted.
            let tensor = match kind {
                DType::Double => Tensor::from_vec(draw::<f64>(count, normal, generator)?, &sizes),
                DType::Half => Tensor::from_vec(draw::<f16>(count, normal, generator)?, &sizes),
                DType::BFloat16 => Tensor::from_vec(draw::<bf16>(count, normal, generator)?, &sizes),
                _ => Tensor::from_vec(draw::<f32>(count, normal, generator)?, &sizes),
            };
            tensor.and_then(|t| t.to_dtype(kind)).map_err(plain)
        }
    }
}

fn draw<T: RandomFloat + Default>(count: usize, normal: bool, generator: &mut Generator) -> Result<Vec<T>> {
    // Asked for first, since a vector of that size would not fail but end the process.
    flambeau_tensor::Storage::empty(count.saturating_mul(size_of::<T>())).map_err(|e| e.to_string())?;
    let mut values = vec![T::default(); count];
    if normal {
        fill::normal(&mut values, 0.0, 1.0, true, generator)?;
    } else {
        fill::uniform(&mut values, 0.0, 1.0, generator)?;
    }
    Ok(values)
}

/// `2x3`, or nothing for a 0-d tensor.
fn shape(text: &str) -> Result<Vec<i64>> {
    let sizes = text.split('x').filter(|_| !text.is_empty()).map(|size| {
        let size = size.trim();
        size.parse::<u32>()
            .map(i64::from)
            .map_err(|_| format!("`{size}` is not a size; a shape is written `2x3`"))
    });
    let sizes = sizes.collect::<Result<Vec<_>>>()?;
    elements(&sizes)?;
    Ok(sizes)
}

fn elements(sizes: &[i64]) -> Result<usize> {
    let count = sizes
        .iter()
        .try_fold(1i64, |n, &size| n.checked_mul(size))
        .filter(|&n| n <= MOST_ELEMENTS);
    count
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| format!("a tensor of sizes {sizes:?} is too large"))
}

fn number(text: &str) -> Result<Scalar> {
    let value = super::text::parse_data(text)?;
    value
        .as_scalar()
        .ok_or_else(|| format!("expected a number, found {}", value.describe()))
}

fn natural(numbers: &[Scalar]) -> DType {
    super::natural_dtype(numbers)
}
