//! Pickled values to [`IValue`]s. The types that the code declares decide what an empty list or a bare number becomes;
//! a global that is not on the list below is refused before anything is made of it.

use std::sync::Arc;

use flambeau_archive::pickle::{Built, Global, NodeId, Pickle, Value, View};
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::{Device, Dict, EnumValue, IValue, Object, TupleValue};
use flambeau_tensor::tensor::Quantizer;
use flambeau_tensor::{DType, Tensor, pointwise};
use num_complex::Complex64;
use parking_lot::Mutex;

use flambeau_archive::Archive;

use super::error::{LoadError, Result};
use super::storages::{Storages, storage_dtype, unsupported_dtype};
use crate::exec::{self, Runtime};
use crate::lower::import::SourceImporter;

/// The state of an object of a class that is not TorchScript: packed quantised weights and the like.
pub struct CustomObject {
    /// `__torch__.torch.classes.quantized.LinearPackedParamsBase`
    pub class: Arc<str>,
    pub state: IValue,
}

/// What data pickles may name. Everything else is refused.
pub(super) fn is_allowed(module: &str, name: &str) -> bool {
    module == "__torch__"
        || module.starts_with("__torch__.")
        || match module {
            "torch._utils" => matches!(
                name,
                "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_parameter" | "_rebuild_qtensor"
            ),
            "torch.jit._pickle" => matches!(
                name,
                "build_intlist"
                    | "build_doublelist"
                    | "build_boollist"
                    | "build_tensorlist"
                    | "build_complexlist"
                    | "build_tensor_from_id"
                    | "restore_type_tag"
                    | "IntList"
                    | "TensorID"
            ),
            "__main__" => matches!(name, "TensorID" | "IntList"),
            "collections" => name == "OrderedDict",
            "torch" => {
                matches!(
                    name,
                    "device" | "Size" | "per_tensor_affine" | "per_channel_affine" | "per_tensor_symmetric"
                ) || storage_dtype(name).is_some()
                    || unsupported_dtype(name).is_some()
                    || DType::from_name(name).is_some()
            }
            "torch.storage" => matches!(name, "UntypedStorage" | "TypedStorage"),
            "builtins" => name == "complex",
            _ => false,
        }
}

pub(super) struct Unpickler<'a> {
    pub pickle: &'a Pickle,
    pub archive: &'a Mutex<Archive>,
    pub storages: &'a mut Storages,
    /// The folder of the pickle's storages: `data/`, `constants/`.
    pub folder: &'a str,
    pub importer: Option<&'a Arc<SourceImporter>>,
    /// Where devices that the file names other than the CPU end up.
    pub map_location: &'a flambeau_ir::value::Device,
    /// Objects that cannot be restored stay, without attributes.
    pub keep_broken: bool,
    pub runtime: &'a Arc<Runtime>,
    /// The tensor table of old formats.
    pub tensors: &'a [Tensor],
    pub memo: Vec<Option<IValue>>,
}

impl Unpickler<'_> {
    pub(super) fn root(&mut self, expected: Option<&Type>) -> Result<IValue> {
        self.value(self.pickle.root(), expected)
    }

    /// A value, as the type wants it where one is known.
    pub(super) fn value(&mut self, value: Value, expected: Option<&Type>) -> Result<IValue> {
        let Value::Node(id) = value else {
            return Ok(match (value, expected) {
                (Value::Bool(b), _) => IValue::Bool(b),
                (Value::Int(i), Some(Type::Float)) => IValue::Double(i as f64),
                (Value::Int(i), _) => IValue::Int(i),
                (Value::Float(f), _) => IValue::Double(f),
                (Value::None | Value::Node(_), _) => IValue::None,
            });
        };
        if let Some(made) = &self.memo[id.index()] {
            return Ok(made.clone());
        }
        // Pickles nest up to the archive's limit, which a small thread's stack would not bear.
        let made = stacker::maybe_grow(64 << 10, 1 << 20, || self.node(id, value, expected))?;
        self.memo[id.index()] = Some(made.clone());
        Ok(made)
    }

    fn node(&mut self, id: NodeId, value: Value, expected: Option<&Type>) -> Result<IValue> {
        let inner = expected.map(|t| t.optional_inner().unwrap_or(t));
        let pickle = self.pickle;
        match pickle.view(value) {
            View::Str(s) => Ok(match inner {
                Some(Type::Device) => {
                    let device = Device::parse(s).unwrap_or_else(Device::cpu);
                    IValue::Device(super::mapped(device, self.map_location))
                }
                _ => IValue::str(s),
            }),
            View::Bytes(b) => Ok(IValue::Str(String::from_utf8_lossy(b).into())),
            View::List(items) => self.list(items, inner.and_then(Type::list_element)),
            View::Tuple(items) => {
                let ty = inner.filter(|t| t.tuple_elements().is_some_and(|e| e.len() == items.len()));
                self.tuple(items, ty)
            }
            View::Dict(pairs) => self.dict(pairs, inner),
            View::Global(global) => self.global(global),
            View::Object(built) => self.object(built),
            View::Reduce(built) => self.call(built, inner),
            _ => Err(LoadError::data(format!(
                "expected a value, found {} (object {})",
                pickle.describe(value),
                id.index()
            ))),
        }
    }

    fn list(&mut self, items: &[Value], element: Option<&Type>) -> Result<IValue> {
        let items: Vec<IValue> = items
            .iter()
            .map(|&v| self.value(v, element))
            .collect::<Result<_>>()?;
        let element = match element {
            Some(element) => element.clone(),
            None => common_type(&items),
        };
        Ok(IValue::list(element, items))
    }

    fn tuple(&mut self, items: &[Value], ty: Option<&Type>) -> Result<IValue> {
        let elements = ty.and_then(Type::tuple_elements);
        let items: Vec<IValue> = items
            .iter()
            .enumerate()
            .map(|(i, &v)| self.value(v, elements.and_then(|e| e.get(i))))
            .collect::<Result<_>>()?;
        let named = ty.filter(|t| matches!(t, Type::Tuple(t) if t.named.is_some()));
        Ok(IValue::Tuple(Arc::new(TupleValue {
            items: items.into(),
            ty: named.cloned(),
        })))
    }

    fn dict(&mut self, pairs: &[(Value, Value)], ty: Option<&Type>) -> Result<IValue> {
        let kv = match ty {
            Some(Type::Dict(kv)) => Some(kv.clone()),
            _ => None,
        };
        let mut made = Vec::with_capacity(pairs.len());
        for &(k, v) in pairs {
            let key = self.value(k, kv.as_ref().map(|kv| &kv.0))?;
            made.push((key, self.value(v, kv.as_ref().map(|kv| &kv.1))?));
        }
        let (key, value) = match kv {
            Some(kv) => (kv.0.clone(), kv.1.clone()),
            None => {
                let (keys, values): (Vec<IValue>, Vec<IValue>) = made.iter().cloned().unzip();
                (common_type(&keys), common_type(&values))
            }
        };
        Ok(IValue::Dict(Dict::from_pairs(key, value, made)))
    }

    fn global(&mut self, global: &Global) -> Result<IValue> {
        match (&*global.module, DType::from_name(&global.name)) {
            ("torch", Some(dtype)) => Ok(IValue::Int(dtype.code())),
            _ => Err(LoadError::data(format!("the global `{global}` is no value"))),
        }
    }

    fn callable(&self, built: &Built) -> Result<&'_ Global> {
        self.pickle
            .global(built.callable)
            .ok_or_else(|| LoadError::data("a call of something that has no name"))
    }

    fn find_type(&self, name: &str) -> Result<Option<Type>> {
        match self.importer {
            Some(importer) => Ok(importer.find_type(name)?),
            None => Ok(None),
        }
    }

    /// An instance of a class of the archive's code.
    fn object(&mut self, built: &Built) -> Result<IValue> {
        let name = self.callable(built)?.to_string();
        match self.find_type(&name)? {
            Some(Type::Class(class)) => self.instance(class, built),
            Some(ty @ Type::Tuple(_)) => {
                let items = self.pickle.as_sequence(built.args).unwrap_or(&[]).to_vec();
                self.tuple(&items, Some(&ty))
            }
            Some(Type::Enum(ty)) => self.enum_member(&ty, built.args),
            _ if name.starts_with("__torch__.torch.classes.") => self.custom(&name, built),
            _ => Err(LoadError::data(format!(
                "the archive's code does not define `{name}`"
            ))),
        }
    }

    fn instance(&mut self, class: Arc<ClassType>, built: &Built) -> Result<IValue> {
        let object = Object::new(class.clone());
        let Some(state) = built.state else {
            return Ok(IValue::Object(object));
        };
        if class.method("__setstate__").is_some() {
            return match self.restore(&class, &object, state) {
                Err(_) if self.keep_broken => Ok(IValue::Object(object)),
                restored => restored.map(|()| IValue::Object(object)),
            };
        }
        let pickle = self.pickle;
        let Some(state) = pickle.as_dict(state) else {
            let found = pickle.describe(state);
            return Err(LoadError::data(format!(
                "expected the attributes of `{}`, found {found}",
                class.name
            )));
        };
        let mut set = vec![false; class.attribute_count()];
        for &(key, value) in state {
            let Some(name) = pickle.as_str(key) else {
                return Err(LoadError::data(format!(
                    "an attribute of `{}` has no name",
                    class.name
                )));
            };
            // Attributes that the code does not declare cannot be used by it.
            let Some(slot) = class.slot(name) else { continue };
            let ty = class.attribute(name).map(|a| a.ty);
            let value = self
                .value(value, ty.as_ref())
                .map_err(|e| e.within(&format!("`{}.{name}`", class.short_name())))?;
            object.set_slot(slot, value);
            set[slot] = true;
        }
        for attribute in class.attributes() {
            let is_set = class.slot(&attribute.name).is_some_and(|slot| set[slot]);
            if !is_set && !attribute.ty.accepts_none() && !self.keep_broken {
                let message = format!(
                    "`{}` lacks the value of its attribute `{}`",
                    class.name, attribute.name
                );
                return Err(LoadError::data(message));
            }
        }
        Ok(IValue::Object(object))
    }

    /// Calls `__setstate__`.
    fn restore(&mut self, class: &Arc<ClassType>, object: &Object, state: Value) -> Result<()> {
        let Some(method) = class.method("__setstate__") else {
            return Ok(());
        };
        let schema = method.schema().map_err(exec::Error::compile)?;
        let expected = schema.arguments.get(1).map(|a| a.ty.clone());
        let state = self.value(state, expected.as_ref())?;
        let program = exec::program_of(&method)?;
        exec::run::run(
            self.runtime,
            &program,
            vec![IValue::Object(object.clone()), state],
        )
        .map_err(|e| e.in_function("__setstate__"))?;
        Ok(())
    }

    fn custom(&mut self, name: &str, built: &Built) -> Result<IValue> {
        let state = match built.state {
            Some(state) => self.value(state, None)?,
            None => self.value(built.args, None)?,
        };
        Ok(IValue::Capsule(Arc::new(CustomObject {
            class: name.into(),
            state,
        })))
    }

    fn enum_member(&mut self, ty: &Arc<flambeau_ir::types::EnumType>, value: Value) -> Result<IValue> {
        let value = match self.pickle.as_tuple(value) {
            Some([only]) => self.value(*only, Some(&ty.value_type))?,
            _ => self.value(value, Some(&ty.value_type))?,
        };
        let member = ty.members.iter().find(|(_, v)| *v == value);
        let Some((name, value)) = member else {
            return Err(LoadError::data(format!(
                "`{}` has no member with the value {value:?}",
                ty.name
            )));
        };
        let (name, value) = (name.clone(), value.clone());
        Ok(IValue::Enum(Arc::new(EnumValue {
            class: ty.clone(),
            name,
            value,
        })))
    }

    /// What a call would have returned.
    fn call(&mut self, built: &Built, expected: Option<&Type>) -> Result<IValue> {
        let callable = self.callable(built)?;
        let (module, name) = (callable.module.to_string(), callable.name.to_string());
        let args: Vec<Value> = self.pickle.as_tuple(built.args).unwrap_or(&[]).to_vec();
        let arg = |i: usize| {
            args.get(i)
                .copied()
                .ok_or_else(|| LoadError::data(format!("`{module}.{name}` lacks argument {i}")))
        };
        match (&*module, &*name) {
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_qtensor") => {
                self.tensor(&name, &args)
            }
            ("torch._utils", "_rebuild_parameter") => {
                let value = self.value(arg(0)?, expected)?;
                if let (IValue::Tensor(t), Ok(Value::Bool(grad))) = (&value, arg(1)) {
                    t.set_requires_grad(grad);
                }
                Ok(value)
            }
            ("torch.jit._pickle", "restore_type_tag") => {
                let Some(text) = self.pickle.as_str(arg(1)?) else {
                    return Err(LoadError::data("a type tag is not text"));
                };
                let ty = match self.importer {
                    Some(importer) => Some(importer.parse_type(text)?),
                    None => flambeau_ir::schema::parse_type(text).ok(),
                };
                self.value(arg(0)?, ty.as_ref().or(expected))
            }
            ("torch.jit._pickle" | "__main__", "build_tensor_from_id" | "TensorID") => {
                let id = match arg(0).unwrap_or(built.args) {
                    Value::Int(id) => usize::try_from(id).ok(),
                    _ => None,
                };
                let tensor = id.and_then(|id| self.tensors.get(id));
                let tensor =
                    tensor.ok_or_else(|| LoadError::data("a tensor that the archive does not have"))?;
                Ok(IValue::Tensor(tensor.clone()))
            }
            ("torch.jit._pickle" | "__main__", builder) => {
                let element = match builder {
                    "build_intlist" | "IntList" => Type::Int,
                    "build_doublelist" => Type::Float,
                    "build_boollist" => Type::Bool,
                    "build_complexlist" => Type::Complex,
                    _ => Type::TENSOR,
                };
                let items = self.pickle.as_sequence(arg(0)?).unwrap_or(&[]).to_vec();
                self.list(&items, Some(&element))
            }
            ("collections", _) => {
                let mut pairs = Vec::new();
                if let Some(given) = args.first().and_then(|&v| self.pickle.as_sequence(v)) {
                    for &pair in given {
                        if let Some(&[k, v]) = self.pickle.as_sequence(pair) {
                            pairs.push((k, v));
                        }
                    }
                }
                pairs.extend_from_slice(&built.items);
                self.dict(&pairs, expected)
            }
            ("torch", "device") => {
                let text = self.pickle.as_str(arg(0)?).unwrap_or("");
                let device = Device::parse(text);
                device
                    .map(|d| IValue::Device(super::mapped(d, self.map_location)))
                    .ok_or_else(|| LoadError::data(format!("`{text}` is not a device")))
            }
            ("torch", "Size") => {
                let items = self.pickle.as_sequence(arg(0)?).unwrap_or(&[]).to_vec();
                self.list(&items, Some(&Type::Int))
            }
            ("builtins", "complex") => {
                let part = |v: Value| match v {
                    Value::Float(f) => Ok(f),
                    Value::Int(i) => Ok(i as f64),
                    _ => Err(LoadError::data("a part of a complex number is not a number")),
                };
                Ok(IValue::Complex(Complex64::new(part(arg(0)?)?, part(arg(1)?)?)))
            }
            (module, _) if module == "__torch__" || module.starts_with("__torch__.") => self.object(built),
            _ => Err(LoadError::data(format!("a call of `{module}.{name}`"))),
        }
    }

    fn ints(&self, value: Value) -> Result<Vec<i64>> {
        let items = self
            .pickle
            .as_sequence(value)
            .ok_or_else(|| LoadError::data("expected a tuple of ints"))?;
        let int = |v: &Value| match v {
            Value::Int(i) => Ok(*i),
            _ => Err(LoadError::data("expected an int")),
        };
        items.iter().map(int).collect()
    }

    /// `(storage, offset, sizes, strides, requires_grad, hooks)`; quantised ones have their parameters after the strides.
    fn tensor(&mut self, builder: &str, args: &[Value]) -> Result<IValue> {
        let [storage, Value::Int(offset), sizes, strides, rest @ ..] = args else {
            return Err(LoadError::data(format!("`{builder}` lacks arguments")));
        };
        let View::Persistent(id) = self.pickle.view(*storage) else {
            return Err(LoadError::data("a tensor without a storage"));
        };
        // ("storage", class, key, device, element count)
        let id = self.pickle.as_tuple(id).unwrap_or(&[]);
        let [_, class, key, _, Value::Int(count), ..] = id else {
            return Err(LoadError::data("a storage's description lacks parts"));
        };
        let class = match self.pickle.view(*class) {
            View::Global(global) => &*global.name,
            _ => self.pickle.as_str(*class).unwrap_or(""),
        };
        let Some(dtype) = storage_dtype(class.rsplit('.').next().unwrap_or(class)) else {
            let message = match unsupported_dtype(class.rsplit('.').next().unwrap_or(class)) {
                Some(dtype) => format!("tensors of dtype `{dtype}` are not supported"),
                None => format!("the storage class `{class}` is not known"),
            };
            return Err(LoadError::data(message));
        };
        let Some(key) = self.pickle.as_str(*key) else {
            return Err(LoadError::data("a storage without a key"));
        };
        let entry = format!("{}{key}", self.folder);
        let memory = self
            .storages
            .get(&mut self.archive.lock(), &entry, dtype, *count)?;
        let (sizes, strides) = (self.ints(*sizes)?, self.ints(*strides)?);
        let tensor = Tensor::from_storage(memory, &sizes, &strides, *offset, dtype)?;
        let (tensor, rest) = match (builder, rest) {
            ("_rebuild_qtensor", [parameters, rest @ ..]) => {
                let quantizer = self.quantizer(*parameters)?;
                (tensor.with_quantizer(Some(Arc::new(quantizer))), rest)
            }
            _ => (tensor, rest),
        };
        let tensor = match rest {
            [_, _, metadata, ..] => self.with_pending(tensor, *metadata)?,
            _ => tensor,
        };
        if let [Value::Bool(true), ..] = rest {
            tensor.set_requires_grad(true);
        }
        Ok(IValue::Tensor(tensor))
    }

    /// `{"conj": True, "neg": True}`: PyTorch puts off conjugating and negating; here it is done at once.
    fn with_pending(&mut self, tensor: Tensor, metadata: Value) -> Result<Tensor> {
        let mut tensor = tensor;
        let metadata = self.value(metadata, None)?;
        for (key, value) in metadata.as_dict().map(Dict::pairs).unwrap_or_default() {
            match (key.as_str(), value) {
                (Some("conj"), IValue::Bool(true)) => tensor = pointwise::conj(&tensor)?,
                (Some("neg"), IValue::Bool(true)) => tensor = pointwise::neg((&tensor).into())?,
                _ => (),
            }
        }
        Ok(tensor)
    }

    /// `(torch.per_tensor_affine, scale, zero_point)` or `(torch.per_channel_affine, scales, zero_points, axis)`
    fn quantizer(&mut self, parameters: Value) -> Result<Quantizer> {
        let unknown = || LoadError::data("the parameters of a quantised tensor are not understood");
        let parameters = self.pickle.as_tuple(parameters).ok_or_else(unknown)?.to_vec();
        match parameters.as_slice() {
            [_, Value::Float(scale), Value::Int(zero_point)] => Ok(Quantizer::PerTensor {
                scale: *scale,
                zero_point: *zero_point,
            }),
            [_, scales, zero_points, Value::Int(axis)] => {
                let scales = self.value(*scales, None)?;
                let zero_points = self.value(*zero_points, None)?;
                let scales = scales.as_tensor().ok_or_else(unknown)?.to_vec::<f64>()?;
                let zero_points = zero_points.as_tensor().ok_or_else(unknown)?.to_vec::<i64>()?;
                let axis = usize::try_from(*axis).map_err(|_| unknown())?;
                Ok(Quantizer::PerChannel {
                    scales,
                    zero_points,
                    axis,
                })
            }
            _ => Err(unknown()),
        }
    }
}

/// The type that all values have, or `Any`.
fn common_type(values: &[IValue]) -> Type {
    let mut types = values.iter().map(IValue::ty);
    let Some(first) = types.next() else {
        return Type::Any;
    };
    let mut joined = first;
    for ty in types {
        match joined.unify(&ty, false) {
            Some(ty) => joined = ty,
            None => return Type::Any,
        }
    }
    joined
}
