//! Values that `torch.save` wrote, and writing values that `torch.load` reads: tensors in dicts, lists and tuples.

use super::{Literal, Result, to_bytes};
use flambeau_archive::pickle::{Built, NodeId, Pickle, Value, View, Writer};
use flambeau_archive::{ArchiveWriter, ByteOrder, Checkpoint, Limits, Packing};
use flambeau_tensor::{DType, Quantizer, Storage, Tensor};
use std::collections::HashMap;
use std::sync::Arc;

/// Values that one file may make, shared ones counted every time they are met.
const MOST_VALUES: usize = 10_000_000;

fn allowed(module: &str, name: &str) -> bool {
    match module {
        "torch" => {
            name.ends_with("Storage")
                || matches!(
                    name,
                    "Size" | "device" | "per_tensor_affine" | "per_channel_affine"
                )
                || DType::from_name(name).is_some()
        }
        "torch.storage" => matches!(name, "UntypedStorage" | "TypedStorage"),
        "torch._utils" => matches!(
            name,
            "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_parameter"
        ),
        "collections" => name == "OrderedDict",
        "builtins" | "__builtin__" => matches!(name, "complex" | "set" | "list" | "dict"),
        _ => false,
    }
}

pub fn read(bytes: Vec<u8>) -> Result<Literal> {
    let limits = Limits {
        inflate_ratio: 1100,
        ..Limits::default()
    };
    let file = Checkpoint::from_bytes(bytes, &limits, &mut allowed).map_err(|e| e.to_string())?;
    if file.byte_order() == ByteOrder::Big {
        return Err("the numbers in the file are big-endian; save it on a little-endian machine".into());
    }
    let mut reader = Reader {
        file: &file,
        pickle: file.pickle(),
        storages: HashMap::new(),
        budget: MOST_VALUES,
    };
    reader.value(file.pickle().root())
}

struct Reader<'a> {
    file: &'a Checkpoint,
    pickle: &'a Pickle,
    storages: HashMap<&'a str, Arc<Storage>>,
    budget: usize,
}

impl<'a> Reader<'a> {
    // Recursion is as deep as the pickle, whose depth is bounded.
    fn value(&mut self, value: Value) -> Result<Literal> {
        self.budget = self
            .budget
            .checked_sub(1)
            .ok_or("the file repeats its values too often")?;
        let pickle = self.pickle;
        Ok(match pickle.view(value) {
            View::None => Literal::None,
            View::Bool(b) => Literal::Bool(b),
            View::Int(i) => Literal::Int(i),
            View::Float(f) => Literal::Float(f),
            View::Str(s) => Literal::Str(s.to_owned()),
            View::List(items) => Literal::List(self.all(items)?),
            View::Tuple(items) => Literal::Tuple(self.all(items)?),
            View::Dict(items) => self.dict(items)?,
            // A dtype is an int to a program.
            View::Global(global) => match DType::from_name(&global.name) {
                Some(dtype) if &*global.module == "torch" => Literal::Int(dtype.code()),
                _ => return Err(self.strange(value)),
            },
            View::Reduce(call) => self.call(value, call)?,
            _ => return Err(self.strange(value)),
        })
    }

    fn strange(&self, value: Value) -> String {
        format!(
            "{} is not a value that can be given to a program",
            self.pickle.describe(value)
        )
    }

    fn all(&mut self, items: &[Value]) -> Result<Vec<Literal>> {
        items.iter().map(|&item| self.value(item)).collect()
    }

    fn dict(&mut self, items: &[(Value, Value)]) -> Result<Literal> {
        let pairs = items
            .iter()
            .map(|&(key, value)| Ok((self.value(key)?, self.value(value)?)));
        pairs.collect::<Result<_>>().map(Literal::Dict)
    }

    fn name(&self, id: NodeId) -> &'a str {
        self.pickle.global(id).map_or("", |global| &*global.name)
    }

    fn call(&mut self, value: Value, call: &'a Built) -> Result<Literal> {
        let pickle = self.pickle;
        let args = pickle.as_tuple(call.args).unwrap_or_default();
        Ok(match (self.name(call.callable), args) {
            ("OrderedDict" | "dict", []) => self.dict(&call.items)?,
            ("Size", &[sizes]) => match pickle.as_sequence(sizes) {
                Some(sizes) => Literal::List(self.all(sizes)?),
                None => return Err(self.strange(value)),
            },
            ("device", &[kind, ..]) => match pickle.as_str(kind) {
                Some(kind) => Literal::Str(kind.to_owned()),
                None => return Err(self.strange(value)),
            },
            ("complex", &[re, im]) => match (self.value(re)?.as_scalar(), self.value(im)?.as_scalar()) {
                (Some(re), Some(im)) => Literal::Complex(re.to_f64(), im.to_f64()),
                _ => return Err(self.strange(value)),
            },
            ("_rebuild_parameter", &[tensor, ..]) => self.value(tensor)?,
            ("_rebuild_tensor_v2" | "_rebuild_tensor", &[storage, offset, sizes, strides, ..]) => {
                let tensor = self.tensor(storage, offset, sizes, strides);
                Literal::Tensor(tensor?.ok_or_else(|| self.strange(value))?)
            }
            ("_rebuild_qtensor", &[storage, offset, sizes, strides, quantizer, ..]) => {
                let tensor = self
                    .tensor(storage, offset, sizes, strides)?
                    .ok_or_else(|| self.strange(value))?;
                let quantizer = self.quantizer(quantizer)?.ok_or_else(|| self.strange(value))?;
                Literal::Tensor(tensor.with_quantizer(Some(Arc::new(quantizer))))
            }
            _ => return Err(self.strange(value)),
        })
    }

    /// `(scheme, scale, zero point)`, or with tensors of them and the axis.
    fn quantizer(&mut self, value: Value) -> Result<Option<Quantizer>> {
        let Some(&[_, scale, zero_point, ref axis @ ..]) = self.pickle.as_tuple(value) else {
            return Ok(None);
        };
        Ok(match (self.value(scale)?, self.value(zero_point)?, axis) {
            (Literal::Float(scale), Literal::Int(zero_point), []) => {
                Some(Quantizer::PerTensor { scale, zero_point })
            }
            (Literal::Tensor(scales), Literal::Tensor(zero_points), &[Value::Int(axis)]) => {
                let (scales, zero_points) = (scales.to_vec::<f64>(), zero_points.to_vec::<i64>());
                Some(Quantizer::PerChannel {
                    scales: scales.map_err(|e| e.to_string())?,
                    zero_points: zero_points.map_err(|e| e.to_string())?,
                    axis: usize::try_from(axis).map_err(|_| "the axis of a quantiser is negative")?,
                })
            }
            _ => None,
        })
    }

    /// `None` if the arguments are not those of a tensor.
    fn tensor(
        &mut self,
        storage: Value,
        offset: Value,
        sizes: Value,
        strides: Value,
    ) -> Result<Option<Tensor>> {
        let pickle = self.pickle;
        let ints = |value: Value| -> Option<Vec<i64>> {
            let int = |&item: &Value| if let Value::Int(i) = item { Some(i) } else { None };
            pickle.as_sequence(value)?.iter().map(int).collect()
        };
        let View::Persistent(id) = pickle.view(storage) else {
            return Ok(None);
        };
        let Some(&[_, class, key, ..]) = pickle.as_tuple(id) else {
            return Ok(None);
        };
        let (View::Global(class), Some(key)) = (pickle.view(class), pickle.as_str(key)) else {
            return Ok(None);
        };
        let (Value::Int(offset), Some(sizes), Some(strides)) = (offset, ints(sizes), ints(strides)) else {
            return Ok(None);
        };
        let scalar = class.name.strip_suffix("Storage").unwrap_or_default();
        let known = (0..)
            .map_while(DType::from_code)
            .find(|dtype| dtype.name() == scalar);
        let dtype = known.ok_or_else(|| format!("tensors of `{class}` are not supported"))?;
        let storage = match self.storages.get(key) {
            Some(storage) => storage.clone(),
            None => {
                let bytes = self.file.storage(key).map_err(|e| e.to_string())?;
                let storage = Storage::from_bytes(&bytes).map_err(|e| e.to_string())?;
                self.storages.insert(key, storage.clone());
                storage
            }
        };
        Tensor::from_storage(storage, &sizes, &strides, offset, dtype)
            .map(Some)
            .map_err(|e| e.to_string())
    }
}

pub fn write(value: &Literal) -> Result<Vec<u8>> {
    let mut saver = Saver {
        writer: Writer::new(),
        storages: Vec::new(),
    };
    saver.value(value)?;
    let plain = |e: flambeau_archive::Error| e.to_string();
    let mut archive = ArchiveWriter::new(Vec::new(), "archive").map_err(plain)?;
    archive
        .add("data.pkl", &saver.writer.finish(), Packing::Stored)
        .map_err(plain)?;
    for (i, bytes) in saver.storages.iter().enumerate() {
        archive
            .add(&format!("data/{i}"), bytes, Packing::Stored)
            .map_err(plain)?;
    }
    archive.finish(3).map_err(plain)
}

struct Saver {
    writer: Writer,
    storages: Vec<Vec<u8>>,
}

impl Saver {
    fn value(&mut self, value: &Literal) -> Result<()> {
        match value {
            Literal::None => self.writer.none(),
            Literal::Bool(b) => self.writer.bool(*b),
            Literal::Int(i) => self.writer.int(*i),
            Literal::Float(f) => self.writer.float(*f),
            Literal::Complex(re, im) => self.writer.complex(*re, *im),
            Literal::Str(s) => self.writer.str(s),
            Literal::Tensor(tensor) => self.tensor(tensor)?,
            Literal::List(items) => {
                self.writer.begin_list();
                items.iter().try_for_each(|item| self.value(item))?;
                self.writer.end_list();
            }
            Literal::Tuple(items) => {
                self.writer.begin_tuple(items.len());
                items.iter().try_for_each(|item| self.value(item))?;
                self.writer.end_tuple(items.len());
            }
            Literal::Dict(items) => {
                self.writer.begin_dict();
                for (key, value) in items {
                    self.value(key)?;
                    self.value(value)?;
                }
                self.writer.end_dict();
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        if tensor.quantizer().is_some() {
            return Err("quantised tensors cannot be written; dequantise them first".into());
        }
        let w = &mut self.writer;
        w.global("torch._utils", "_rebuild_tensor_v2");
        w.begin_args();
        w.begin_args();
        w.str("storage");
        w.global("torch", &format!("{}Storage", tensor.dtype().name()));
        w.str(&self.storages.len().to_string());
        w.str("cpu");
        w.int(tensor.numel());
        w.end_args();
        w.persistent();
        w.int(0);
        for list in [tensor.sizes(), &super::row_major(tensor.sizes())] {
            w.begin_args();
            list.iter().for_each(|&n| w.int(n));
            w.end_args();
        }
        w.bool(false);
        w.global("collections", "OrderedDict");
        w.end_tuple(0);
        w.reduce();
        w.end_args();
        w.reduce();
        self.storages.push(to_bytes(tensor)?);
        Ok(())
    }
}
