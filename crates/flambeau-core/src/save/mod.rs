//! Modules to archives, in PyTorch's layout: `data.pkl` with the values, `code/` with their
//! classes as source, `constants.pkl` with what the source cannot spell, and beside each source
//! file a record of where its parts were written originally.
//!
//! Saving what was loaded from a saved archive gives the same bytes again.

mod code;
mod data;
mod debug;

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flambeau_archive::{ArchiveWriter, Packing, root_name, write_file};
use flambeau_ir::function::{DefineError, Function};
use flambeau_ir::types::Type;
use flambeau_ir::value::{IValue, Object};

/// The archive format that PyTorch 2.15 writes for code without operators that have changed since.
const FORMAT_VERSION: u64 = 3;

/// Entries up to this size are not worth deflating.
const MIN_TO_DEFLATE: usize = 200;

#[derive(Debug)]
pub enum SaveError {
    /// The value has no form in an archive.
    Value(String),
    /// A function could not be compiled.
    Define(DefineError),
    Archive(flambeau_archive::Error),
    Tensor(flambeau_tensor::Error),
    /// `__getstate__` failed.
    Call(String),
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::Value(message) | SaveError::Call(message) => f.write_str(message),
            SaveError::Define(error) => write!(f, "{error}"),
            SaveError::Archive(error) => write!(f, "{error}"),
            SaveError::Tensor(error) => write!(f, "{error}"),
        }
    }
}
impl std::error::Error for SaveError {}

impl From<DefineError> for SaveError {
    fn from(error: DefineError) -> Self {
        SaveError::Define(error)
    }
}
impl From<flambeau_archive::Error> for SaveError {
    fn from(error: flambeau_archive::Error) -> Self {
        SaveError::Archive(error)
    }
}
impl From<flambeau_tensor::Error> for SaveError {
    fn from(error: flambeau_tensor::Error) -> Self {
        SaveError::Tensor(error)
    }
}

pub type Result<T> = std::result::Result<T, SaveError>;

/// Runs a method; saving needs it for classes with `__getstate__`.
pub type Caller<'a> = dyn Fn(&Arc<Function>, Vec<IValue>) -> std::result::Result<IValue, String> + 'a;

/// What goes into an archive besides the module.
#[derive(Default, Clone)]
pub struct SaveOptions {
    /// Files for `extra/`, by name.
    pub extra_files: Vec<(String, Vec<u8>)>,
}

/// Saves to a file, which is there whole or not at all.
pub fn save_to_path(module: &Object, path: &Path, options: &SaveOptions, call: &Caller) -> Result<()> {
    let root = root_name(path);
    let mut failure = None;
    let written = write_file(path, |sink| {
        write(module, sink, &root, options, call).map_err(|error| match error {
            SaveError::Archive(error) => error,
            other => {
                let message = other.to_string();
                failure = Some(other);
                flambeau_archive::Error::new(flambeau_archive::ErrorKind::Unsupported, message)
            }
        })
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

/// Saves to memory, with PyTorch's name for archives without a file name.
pub fn save_to_buffer(module: &Object, options: &SaveOptions, call: &Caller) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(module, &mut bytes, "archive", options, call)?;
    Ok(bytes)
}

fn write(module: &Object, sink: impl Write, root: &str, options: &SaveOptions, call: &Caller) -> Result<()> {
    let mut archive = ArchiveWriter::new(sink, root)?;
    for (name, bytes) in &options.extra_files {
        archive.add(&format!("extra/{name}"), bytes, Packing::Stored)?;
    }
    let names = TypeNames::default();
    let root_value = IValue::Object(module.clone());
    let data = data::pickle(&root_value, &names, call)?;
    let code = code::print(module, &data.classes, &names)?;
    write_values(&mut archive, "data", data)?;
    for file in code.files {
        let packing = |bytes: &[u8]| {
            if bytes.len() > MIN_TO_DEFLATE {
                Packing::Deflated
            } else {
                Packing::Stored
            }
        };
        archive.add(
            &file.path,
            file.text.text.as_bytes(),
            packing(file.text.text.as_bytes()),
        )?;
        let debug = debug::pickle(&file.text.ranges);
        archive.add(&format!("{}.debug_pkl", file.path), &debug, packing(&debug))?;
    }
    let constants = data::pickle(&IValue::tuple(code.constants), &names, call)?;
    write_values(&mut archive, "constants", constants)?;
    archive.finish(code.version.max(FORMAT_VERSION))?;
    Ok(())
}

/// Tensors first, each at the alignment of the container, then the pickle that refers to them.
fn write_values<W: Write>(archive: &mut ArchiveWriter<W>, name: &str, values: data::Pickled) -> Result<()> {
    for (i, tensor) in values.storages.iter().enumerate() {
        let read = tensor.read()?;
        archive.add(&format!("{name}/{i}"), read.storage_bytes(), Packing::Stored)?;
    }
    archive.add(&format!("{name}.pkl"), &values.bytes, Packing::Stored)?;
    Ok(())
}

/// One name a type: a second type of a name that is taken gets a mangled one.
#[derive(Default)]
struct TypeNames {
    inner: std::cell::RefCell<Names>,
}

#[derive(Default)]
struct Names {
    by_type: HashMap<Type, Arc<str>>,
    taken: std::collections::HashSet<Arc<str>>,
    mangled: usize,
}

impl TypeNames {
    /// The name of a named type in this archive; `None` for types without one.
    fn name(&self, ty: &Type) -> Option<String> {
        let own: Arc<str> = match ty {
            Type::Class(c) => c.name.clone(),
            Type::Interface(i) => i.name.clone(),
            Type::Enum(e) => e.name.clone(),
            Type::Function(f) => f.name().clone(),
            Type::Tuple(t) => t.named.as_ref().filter(|n| !n.name.is_empty())?.name.clone(),
            _ => return None,
        };
        let mut names = self.inner.borrow_mut();
        if let Some(name) = names.by_type.get(ty) {
            return Some(name.to_string());
        }
        let mut name = own.clone();
        while names.taken.contains(&name) {
            name = mangle(&own, names.mangled).into();
            names.mangled += 1;
        }
        names.taken.insert(name.clone());
        names.by_type.insert(ty.clone(), name.clone());
        Some(name.to_string())
    }
}

/// `__torch__.a.B` as `__torch__.a.___torch_mangle_3.B`, replacing a mark that is there already.
fn mangle(name: &str, number: usize) -> String {
    let mark = format!("___torch_mangle_{number}");
    let mut parts: Vec<&str> = name.split('.').collect();
    match parts.iter().position(|p| p.starts_with("___torch_mangle_")) {
        Some(at) => parts[at] = &mark,
        None => parts.insert(parts.len().saturating_sub(1), &mark),
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::mangle;

    #[test]
    fn mangled_names() {
        let check = |name: &str, expected: &str| assert_eq!(mangle(name, 3), expected);
        check("__torch__.a.B", "__torch__.a.___torch_mangle_3.B");
        check(
            "__torch__.a.___torch_mangle_1.B",
            "__torch__.a.___torch_mangle_3.B",
        );
        check("B", "___torch_mangle_3.B");
    }
}
