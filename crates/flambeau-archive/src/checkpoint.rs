//! What `torch.save` wrote: one pickle, and the storages it refers to. No program.
//!
//! Since PyTorch 1.6 a checkpoint is a zip archive with `data.pkl` and `data/KEY`. Before, it was pickles and bytes in a
//! row:
//!
//! ```text
//! magic number | protocol 1001 | dict of the machine | the object | list of keys
//! per key: count of elements, 8 bytes | the elements
//! ```

use crate::archive::ByteOrder;
use crate::kind::{self, FileKind};
use crate::pickle::{self, Pickle, Value, View};
use crate::{Archive, Error, ErrorKind, Limits, Mapping, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// An opened checkpoint. What its globals and persistent ids mean is up to the caller.
#[derive(Debug)]
pub struct Checkpoint {
    pickle: Pickle,
    storages: Storages,
    byte_order: ByteOrder,
}

#[derive(Debug)]
enum Storages {
    Zip(Box<Archive>),
    Row {
        mapping: Mapping,
        ranges: HashMap<String, Range<usize>>,
    },
}

impl Checkpoint {
    /// `allow` is asked about every global that the pickle names, as in [`pickle::read`].
    pub fn open(
        path: impl AsRef<Path>,
        limits: &Limits,
        allow: &mut dyn FnMut(&str, &str) -> bool,
    ) -> Result<Checkpoint> {
        let path = path.as_ref();
        let place = |e: Error| {
            if e.kind() == ErrorKind::Io {
                e
            } else {
                e.within(format_args!("`{}`", path.display()))
            }
        };
        Mapping::open(path, limits)
            .and_then(|m| Self::from_mapping(m, limits, allow))
            .map_err(place)
    }

    pub fn from_bytes(
        bytes: impl Into<Mapping>,
        limits: &Limits,
        allow: &mut dyn FnMut(&str, &str) -> bool,
    ) -> Result<Checkpoint> {
        Self::from_mapping(bytes.into(), limits, allow)
    }

    fn from_mapping(
        mapping: Mapping,
        limits: &Limits,
        allow: &mut dyn FnMut(&str, &str) -> bool,
    ) -> Result<Checkpoint> {
        if kind::of_bytes(mapping.slice(0..mapping.len())) == Some(FileKind::CheckpointLegacy) {
            return row(mapping, limits, allow);
        }
        let archive = Archive::from_mapping(mapping, limits)?;
        match archive.kind() {
            FileKind::Checkpoint => {}
            FileKind::TorchScript | FileKind::TorchScriptLegacy => {
                let message = "this is a TorchScript archive, not a checkpoint of `torch.save`";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            other => {
                let message = format!(
                    "this is not a checkpoint of `torch.save` but {}",
                    other.describe()
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        let pickle =
            pickle::read(&archive.read("data.pkl")?, limits, allow).map_err(|e| e.within("`data.pkl`"))?;
        let byte_order = archive.byte_order()?;
        Ok(Checkpoint {
            pickle,
            storages: Storages::Zip(Box::new(archive)),
            byte_order,
        })
    }

    pub fn pickle(&self) -> &Pickle {
        &self.pickle
    }

    /// The bytes of the storage that a persistent id names by its key.
    pub fn storage(&self, key: &str) -> Result<Cow<'_, [u8]>> {
        match &self.storages {
            Storages::Zip(archive) => archive.read(&format!("data/{key}")),
            Storages::Row { mapping, ranges } => match ranges.get(key) {
                Some(range) => Ok(Cow::Borrowed(mapping.slice(range.clone()))),
                None => Err(Error::new(
                    ErrorKind::Missing,
                    format!("the checkpoint has no storage `{key}`"),
                )),
            },
        }
    }

    pub fn byte_order(&self) -> ByteOrder {
        self.byte_order
    }
}

/// Reads the old form.
fn row(mapping: Mapping, limits: &Limits, allow: &mut dyn FnMut(&str, &str) -> bool) -> Result<Checkpoint> {
    let bytes = mapping.slice(0..mapping.len());
    // The pickles come first and storages may follow by the gigabyte; the budget is for the former.
    let head = |at: usize| &bytes[at..bytes.len().min(at.saturating_add(limits.pickle_bytes))];
    let mut at = 0;
    let mut next = |what: &str, allow: &mut dyn FnMut(&str, &str) -> bool| {
        let (pickle, len) = pickle::read_prefix(head(at), limits, allow).map_err(|e| e.within(what))?;
        at += len;
        Ok::<_, Error>((pickle, at))
    };
    let none = &mut |_: &str, _: &str| false;
    next("magic number", none)?;
    let (protocol, _) = next("protocol", none)?;
    if protocol.root() != Value::Int(1001) {
        let found = protocol.describe(protocol.root());
        return Err(Error::corrupt(format!(
            "expected protocol 1001 of `torch.save`, found {found}"
        )));
    }
    let (machine, _) = next("machine", none)?;
    let little = machine
        .as_dict(machine.root())
        .unwrap_or_default()
        .iter()
        .rev()
        .find_map(|&(key, value)| {
            (machine.as_str(key) == Some("little_endian")).then_some(value != Value::Bool(false))
        });
    let (object, _) = next("object", allow)?;
    let (keys, mut at) = next("keys", none)?;

    let sizes = element_sizes(&object);
    let mut ranges = HashMap::new();
    for &key in keys
        .as_sequence(keys.root())
        .ok_or_else(|| Error::corrupt("the keys of the storages are not a list"))?
    {
        let key = keys
            .as_str(key)
            .ok_or_else(|| Error::corrupt("the key of a storage is not a string"))?;
        let cut = || Error::corrupt(format!("the file is truncated: the storage `{key}` is cut off"));
        let count = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or_else(cut)?;
        let count = if little == Some(false) {
            u64::from_be_bytes(*count)
        } else {
            u64::from_le_bytes(*count)
        };
        let size = sizes.get(key).copied().ok_or_else(|| {
            Error::corrupt(format!("the storage `{key}` is stored, but nothing refers to it"))
        })?;
        let len = usize::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(size))
            .ok_or_else(cut)?;
        let end = (at + 8)
            .checked_add(len)
            .filter(|&end| end <= bytes.len())
            .ok_or_else(cut)?;
        ranges.insert(key.to_owned(), at + 8..end);
        at = end;
    }
    let byte_order = if little == Some(false) {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    Ok(Checkpoint {
        pickle: object,
        storages: Storages::Row { mapping, ranges },
        byte_order,
    })
}

/// Bytes per element of every storage that the object refers to, by key.
fn element_sizes(pickle: &Pickle) -> HashMap<&str, usize> {
    let size = |&id: &pickle::NodeId| {
        let View::Persistent(id) = pickle.view(Value::Node(id)) else {
            return None;
        };
        let &[tag, class, key, ..] = pickle.as_tuple(id)? else {
            return None;
        };
        let View::Global(class) = pickle.view(class) else {
            return None;
        };
        (pickle.as_str(tag) == Some("storage")).then_some((pickle.as_str(key)?, element_size(&class.name)?))
    };
    pickle.postorder().iter().filter_map(size).collect()
}

/// Bytes per element of PyTorch's storage classes.
fn element_size(class: &str) -> Option<usize> {
    Some(match class.strip_suffix("Storage")? {
        "Byte" | "Char" | "Bool" | "Untyped" | "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => 1,
        "Short" | "Half" | "BFloat16" => 2,
        "Int" | "Float" | "QInt32" | "ComplexHalf" => 4,
        "Long" | "Double" | "ComplexFloat" => 8,
        "ComplexDouble" => 16,
        _ => return None,
    })
}
