//! Values as a pickle, with their tensors' storages set aside.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_archive::pickle::Writer;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::{IValue, Object};
use flambeau_tensor::{DType, Tensor};

use super::{Caller, Result, SaveError, TypeNames};

pub(super) struct Pickled {
    pub bytes: Vec<u8>,
    /// One tensor for each storage, in the order of their keys `0`, `1`, ….
    pub storages: Vec<Tensor>,
    /// The classes of the objects, in the order of the pickle. Behind an interface only the object tells its class.
    pub classes: Vec<Arc<ClassType>>,
}

pub(super) fn pickle(value: &IValue, names: &TypeNames, call: &Caller) -> Result<Pickled> {
    let mut pickler = Pickler {
        writer: Writer::new(),
        names,
        call,
        storages: Vec::new(),
        keys: HashMap::new(),
        memo: HashMap::new(),
        kept: Vec::new(),
        open: Vec::new(),
        classes: Vec::new(),
    };
    pickler.value(value)?;
    Ok(Pickled {
        bytes: pickler.writer.finish(),
        storages: pickler.storages,
        classes: pickler.classes,
    })
}

struct Pickler<'a> {
    writer: Writer,
    names: &'a TypeNames,
    call: &'a Caller<'a>,
    storages: Vec<Tensor>,
    /// The key of each storage, by its address.
    keys: HashMap<usize, usize>,
    /// Memo slots of containers and objects, by address.
    memo: HashMap<usize, u32>,
    /// States made by `__getstate__`, kept alive so that no address is used twice.
    kept: Vec<IValue>,
    /// Objects being written, to refuse cycles.
    open: Vec<usize>,
    classes: Vec<Arc<ClassType>>,
}

impl Pickler<'_> {
    fn value(&mut self, value: &IValue) -> Result<()> {
        let address = match value {
            IValue::List(l) => Some(l.address()),
            IValue::Dict(d) => Some(d.address()),
            IValue::Object(o) => Some(o.address()),
            IValue::Tensor(t) => Some(t.id()),
            _ => None,
        };
        if let Some(&slot) = address.and_then(|a| self.memo.get(&a)) {
            self.writer.get(slot);
            return Ok(());
        }
        if let Some(address) = address {
            if self.open.contains(&address) {
                return Err(SaveError::Value(
                    "a value that contains itself cannot be saved".into(),
                ));
            }
            self.open.push(address);
        }
        self.fresh(value)?;
        if let Some(address) = address {
            self.open.pop();
            let slot = self.writer.memoize();
            self.memo.insert(address, slot);
        }
        Ok(())
    }

    fn fresh(&mut self, value: &IValue) -> Result<()> {
        match value {
            IValue::None | IValue::Uninitialized => self.writer.none(),
            IValue::Bool(b) => self.writer.bool(*b),
            IValue::Int(i) => self.writer.int(*i),
            IValue::Double(f) => self.writer.float(*f),
            IValue::Complex(c) => self.writer.complex(c.re, c.im),
            IValue::Str(s) => self.writer.str(s),
            IValue::Tensor(t) => self.tensor(t)?,
            IValue::Tuple(t) => {
                self.writer.begin_tuple(t.items.len());
                t.items.iter().try_for_each(|item| self.value(item))?;
                self.writer.end_tuple(t.items.len());
            }
            IValue::List(list) => self.list(&list.to_vec(), list.element_type())?,
            IValue::Dict(dict) => {
                self.writer.begin_typed();
                self.writer.begin_dict();
                for (key, value) in dict.pairs() {
                    self.value(&key)?;
                    self.value(&value)?;
                }
                self.writer.end_dict();
                let annotation = self.annotation(&value.ty());
                self.writer.end_typed(&annotation);
            }
            IValue::Object(object) => self.object(object)?,
            IValue::Device(d) => {
                self.writer.global("torch", "device");
                self.writer.begin_args();
                self.writer.str(&d.kind);
                if let Some(index) = d.index {
                    self.writer.int(index.into());
                }
                self.writer.end_args();
                self.writer.reduce();
            }
            IValue::Enum(e) => {
                let name = self.names.name(&Type::Enum(e.class.clone())).unwrap_or_default();
                let (module, class) = split(&name);
                self.writer.global(module, class);
                // Not in a tuple: PyTorch's reader takes the value itself.
                self.value(&e.value)?;
                self.writer.reduce();
            }
            IValue::Future(_) | IValue::Generator(_) | IValue::Function(_) | IValue::Capsule(_) => {
                return Err(SaveError::Value(format!(
                    "a value of type {} cannot be saved",
                    value.type_name()
                )));
            }
        }
        Ok(())
    }

    fn annotation(&self, ty: &Type) -> String {
        ty.annotation_str_with(&|t| self.names.name(t))
    }

    fn list(&mut self, items: &[IValue], element: &Type) -> Result<()> {
        let constructor = match element {
            Type::Int => Some("build_intlist"),
            Type::Float => Some("build_doublelist"),
            Type::Bool => Some("build_boollist"),
            Type::Tensor(_) => Some("build_tensorlist"),
            _ => None,
        };
        if let Some(constructor) = constructor {
            self.writer.begin_special_list(constructor);
            items.iter().try_for_each(|item| self.value(item))?;
            self.writer.end_special_list();
            return Ok(());
        }
        self.writer.begin_typed();
        self.writer.begin_list();
        items.iter().try_for_each(|item| self.value(item))?;
        self.writer.end_list();
        let annotation = self.annotation(&Type::list(element.clone()));
        self.writer.end_typed(&annotation);
        Ok(())
    }

    fn object(&mut self, object: &Object) -> Result<()> {
        let class = object.class();
        let name = self.names.name(&Type::Class(class.clone())).unwrap_or_default();
        let (module, short) = split(&name);
        self.writer.begin_object(module, short);
        self.classes.push(class.clone());
        let getstate = class
            .method("__getstate__")
            .filter(|_| class.method("__setstate__").is_some());
        if let Some(getstate) = getstate {
            let state =
                (self.call)(&getstate, vec![IValue::Object(object.clone())]).map_err(SaveError::Call)?;
            self.kept.push(state.clone());
            self.value(&state)?;
        } else {
            self.writer.begin_dict();
            for (slot, attribute) in class.attributes().iter().enumerate() {
                self.writer.str(&attribute.name);
                self.value(&object.get_slot(slot).unwrap_or_default())?;
            }
            self.writer.end_dict();
        }
        self.writer.build();
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        if tensor.quantizer().is_some() {
            return Err(SaveError::Value("quantised tensors cannot be saved yet".into()));
        }
        let address = std::sync::Arc::as_ptr(tensor.storage()) as usize;
        let key = *self.keys.entry(address).or_insert(self.storages.len());
        if key == self.storages.len() {
            self.storages.push(tensor.clone());
        }
        let dtype = tensor.dtype();
        let elements = tensor.storage().nbytes() / dtype.size().max(1);
        let w = &mut self.writer;
        w.global("torch._utils", "_rebuild_tensor_v2");
        w.begin_args();
        w.begin_args();
        w.str("storage");
        w.global("torch", storage_class(dtype));
        w.str(&key.to_string());
        w.str("cpu");
        w.int(elements as i64);
        w.end_args();
        w.persistent();
        w.int(tensor.storage_offset());
        for dims in [tensor.sizes(), tensor.strides()] {
            w.begin_args();
            dims.iter().for_each(|&d| w.int(d));
            w.end_args();
        }
        w.bool(tensor.requires_grad());
        w.global("collections", "OrderedDict");
        w.begin_tuple(0);
        w.end_tuple(0);
        w.reduce();
        w.end_args();
        w.reduce();
        Ok(())
    }
}

/// `__torch__.a.B` as the module and the name of a pickle's global.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("__torch__", name))
}

fn storage_class(dtype: DType) -> &'static str {
    match dtype {
        DType::Byte => "ByteStorage",
        DType::Char => "CharStorage",
        DType::Short => "ShortStorage",
        DType::Int => "IntStorage",
        DType::Long => "LongStorage",
        DType::Half => "HalfStorage",
        DType::Float => "FloatStorage",
        DType::Double => "DoubleStorage",
        DType::ComplexHalf => "ComplexHalfStorage",
        DType::ComplexFloat => "ComplexFloatStorage",
        DType::ComplexDouble => "ComplexDoubleStorage",
        DType::Bool => "BoolStorage",
        DType::QInt8 => "QInt8Storage",
        DType::QUInt8 => "QUInt8Storage",
        DType::QInt32 => "QInt32Storage",
        DType::BFloat16 => "BFloat16Storage",
        DType::UInt64 => "UInt64Storage",
    }
}
