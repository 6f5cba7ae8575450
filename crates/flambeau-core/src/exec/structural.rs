//! What structural instructions do with values: building and taking apart containers, type tests, conversions.

use std::sync::Arc;

use flambeau_ir::types::Type;
use flambeau_ir::value::{Dict, EnumValue, IValue, TupleValue};
use flambeau_tensor::{DType, Scalar, Tensor};

use super::error::{Error, Result};

#[cold]
pub(super) fn expected(what: &str, found: &IValue) -> Error {
    Error::runtime(format!("expected {what}, found {}", found.type_name()))
}

/// A tuple; the type is kept only where it says more than the items do.
pub(super) fn tuple(items: Vec<IValue>, ty: &Type) -> IValue {
    let named = matches!(ty, Type::Tuple(t) if t.named.as_ref().is_some_and(|n| !n.name.is_empty()));
    IValue::Tuple(Arc::new(TupleValue {
        items: items.into(),
        ty: named.then(|| ty.clone()),
    }))
}

pub(super) fn list(items: Vec<IValue>, ty: &Type) -> IValue {
    IValue::list(ty.list_element().cloned().unwrap_or(Type::TENSOR), items)
}

/// A dict from alternating keys and values.
pub(super) fn dict(items: Vec<IValue>, ty: &Type) -> IValue {
    let (key, value) = match ty {
        Type::Dict(kv) => (kv.0.clone(), kv.1.clone()),
        _ => (Type::Str, Type::TENSOR),
    };
    let dict = Dict::new(key, value);
    let mut items = items.into_iter();
    while let (Some(k), Some(v)) = (items.next(), items.next()) {
        dict.insert(k, v);
    }
    IValue::Dict(dict)
}

pub(super) fn tuple_items(value: &IValue) -> Result<&[IValue]> {
    value.as_tuple().ok_or_else(|| expected("a tuple", value))
}

/// The item at an index that may count from the end.
pub(super) fn item(items: &[IValue], index: &IValue, what: &str) -> Result<IValue> {
    let at = index.as_int().ok_or_else(|| expected("an int as index", index))?;
    let len = items.len() as i64;
    let wrapped = if at < 0 { at + len } else { at };
    usize::try_from(wrapped)
        .ok()
        .and_then(|i| items.get(i))
        .cloned()
        .ok_or_else(|| Error::runtime(format!("{what} index out of range")))
}

pub(super) fn is_instance(value: &IValue, types: &[Type]) -> bool {
    // The common tests need no type made.
    let quick = |ty: &Type| match (value, ty) {
        (IValue::Tensor(_), Type::Tensor(_))
        | (IValue::Int(_), Type::Int)
        | (IValue::Double(_), Type::Float)
        | (IValue::Bool(_), Type::Bool)
        | (IValue::Str(_), Type::Str)
        | (IValue::None, Type::None)
        | (_, Type::Any) => true,
        _ => false,
    };
    if types.iter().any(quick) {
        return true;
    }
    let ty = value.ty();
    types.iter().any(|t| ty.is_subtype_of(t))
}

/// `tensor.tolist()` with the depth and the element type that the annotation gave.
pub(super) fn to_list(tensor: &IValue, depth: &IValue, element: &IValue) -> Result<IValue> {
    let tensor = tensor.as_tensor().ok_or_else(|| expected("a tensor", tensor))?;
    let depth = depth.as_int().ok_or_else(|| expected("an int", depth))?;
    let element = match element.as_int() {
        Some(0) => Type::Int,
        Some(1) => Type::Float,
        Some(2) => Type::Complex,
        Some(3) => Type::Bool,
        _ => return Err(Error::runtime("unsupported element type for `tolist`")),
    };
    if tensor.dim() as i64 != depth {
        return Err(Error::runtime(
            "Output annotation list dimension and runtime tensor dimension must match for tolist()",
        ));
    }
    let dtype = tensor.dtype();
    let (fits, name) = match element {
        Type::Int => (dtype == DType::Long, "Long"),
        Type::Float => (dtype.is_floating_point(), "Double"),
        Type::Complex => (dtype.is_complex(), "ComplexDouble"),
        _ => (dtype == DType::Bool, "Bool"),
    };
    if !fits {
        return Err(Error::runtime(format!(
            "Output annotation element type and runtime tensor element type must match for tolist(): {name} vs {}",
            dtype.name()
        )));
    }
    let values = tensor.to_scalars().map_err(Error::from)?;
    fn nest(values: &mut std::vec::IntoIter<Scalar>, sizes: &[i64], element: &Type) -> (IValue, Type) {
        match sizes {
            [] => (
                values.next().map_or(IValue::None, IValue::scalar),
                element.clone(),
            ),
            [n, rest @ ..] => {
                let mut inner = element.clone();
                rest.iter().for_each(|_| inner = Type::list(inner.clone()));
                let items = (0..*n).map(|_| nest(values, rest, element).0).collect();
                (IValue::list(inner.clone(), items), Type::list(inner))
            }
        }
    }
    Ok(nest(&mut values.into_iter(), tensor.sizes(), &element).0)
}

pub(super) fn enum_value(value: &IValue) -> Result<&Arc<EnumValue>> {
    match value {
        IValue::Enum(e) => Ok(e),
        other => Err(expected("an enum", other)),
    }
}

/// A submodule of a `ModuleList` by number or of a `ModuleDict` by name.
pub(super) fn container_item(module: &IValue, index: &IValue) -> Result<IValue> {
    let object = module.as_object().ok_or_else(|| expected("a module", module))?;
    let names: Vec<Arc<str>> = object
        .class()
        .attributes()
        .into_iter()
        .filter(|a| matches!(&a.ty, Type::Class(c) if c.is_module) || matches!(a.ty, Type::Interface(_)))
        .map(|a| a.name)
        .collect();
    let name = match index {
        IValue::Int(i) => {
            let at = if *i < 0 { *i + names.len() as i64 } else { *i };
            let found = usize::try_from(at).ok().and_then(|at| names.get(at).cloned());
            found.ok_or_else(|| Error::runtime("Index is out of range"))?
        }
        IValue::Str(s) => s.clone(),
        other => return Err(expected("an int or a str", other)),
    };
    object
        .get(&name)
        .ok_or_else(|| Error::runtime(format!("Key not in ModuleDict: {name}")))
}

/// What `if` makes of a value that should be a bool.
pub(super) fn truth(value: &IValue) -> Result<bool> {
    match value {
        IValue::Bool(b) => Ok(*b),
        IValue::Tensor(t) => tensor_truth(t),
        IValue::Int(i) => Ok(*i != 0),
        other => Err(expected("a bool", other)),
    }
}

fn tensor_truth(t: &Tensor) -> Result<bool> {
    Ok(t.item().map_err(Error::from)?.to_bool())
}
