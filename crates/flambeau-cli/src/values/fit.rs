//! From what was written to what a program takes, guided by the type of the parameter, and back.

use super::{Literal, Result, dtype};
use flambeau_ir::types::{EnumType, TupleType, Type};
use flambeau_ir::value::{Device, Dict, EnumValue, IValue, TupleValue};
use flambeau_tensor::Complex;
use std::sync::Arc;

/// Containers of a result deeper than this are not written out.
const DEPTH: usize = 200;

/// The value as one of the type: ints serve as floats, lists of numbers as tensors, tuples and lists for each other,
/// names as devices, dtypes and members of an enum.
pub fn fit(literal: &Literal, ty: &Type) -> Result<IValue> {
    let unfit = || {
        format!(
            "expected a value of type {}, found {}",
            ty.annotation_str(),
            literal.describe()
        )
    };
    Ok(match (ty, literal) {
        (Type::Any | Type::Var(_), _) => untyped(literal)?,
        (Type::Tensor(_), Literal::None | Literal::Str(_) | Literal::Dict(_)) => return Err(unfit()),
        (Type::Tensor(_), _) => IValue::Tensor(literal.to_tensor(None)?),
        (Type::None, Literal::None) => IValue::None,
        (Type::Optional(_), Literal::None) => IValue::None,
        (Type::Optional(inner), _) => fit(literal, inner)?,
        (Type::Union(members), _) => {
            // A member of just this type goes before one that takes it by conversion.
            let exact = untyped(literal)
                .ok()
                .filter(|v| members.iter().any(|m| v.ty().is_subtype_of(m)));
            match exact {
                Some(value) => value,
                None => members
                    .iter()
                    .find_map(|m| fit(literal, m).ok())
                    .ok_or_else(unfit)?,
            }
        }
        (Type::Bool | Type::SymBool, Literal::Bool(b)) => IValue::Bool(*b),
        (Type::Int | Type::SymInt | Type::Number, Literal::Int(i)) => IValue::Int(*i),
        (Type::ScalarType | Type::Layout | Type::MemoryFormat, Literal::Int(i)) => IValue::Int(*i),
        (Type::ScalarType, Literal::Str(name)) => IValue::Int(dtype(name).ok_or_else(unfit)?.code()),
        (Type::Float | Type::Number, Literal::Float(f)) => IValue::Double(*f),
        (Type::Float, Literal::Int(i)) => IValue::Double(*i as f64),
        (Type::Complex | Type::Number, Literal::Complex(re, im)) => IValue::Complex(Complex::new(*re, *im)),
        (Type::Complex, Literal::Float(f)) => IValue::Complex(Complex::new(*f, 0.0)),
        (Type::Complex, Literal::Int(i)) => IValue::Complex(Complex::new(*i as f64, 0.0)),
        (Type::Number, Literal::Bool(b)) => IValue::Bool(*b),
        (Type::Str, Literal::Str(s)) => IValue::str(s),
        (Type::Device, Literal::Str(name)) => IValue::Device(Device::parse(name).ok_or_else(unfit)?),
        (Type::Enum(class), Literal::Str(name)) => member(class, name)?,
        (Type::List(element), Literal::List(items) | Literal::Tuple(items)) => {
            let items = items
                .iter()
                .enumerate()
                .map(|(i, item)| fit(item, element).map_err(|e| format!("item {i}: {e}")));
            IValue::list((**element).clone(), items.collect::<Result<_>>()?)
        }
        // A tensor where a list of numbers is expected, for example from a file.
        (Type::List(element), Literal::Tensor(tensor))
            if matches!(**element, Type::Int | Type::Float | Type::Bool) =>
        {
            let numbers = tensor.to_scalars().map_err(|e| e.to_string())?;
            let items = numbers.into_iter().map(|n| match **element {
                Type::Int => IValue::Int(n.to_i64()),
                Type::Float => IValue::Double(n.to_f64()),
                _ => IValue::Bool(n.to_bool()),
            });
            IValue::list((**element).clone(), items.collect())
        }
        (Type::Tuple(tuple), Literal::Tuple(items) | Literal::List(items)) => {
            let count = tuple.elements.len();
            if items.len() != count {
                return Err(format!(
                    "expected a tuple of {count}, found {} items",
                    items.len()
                ));
            }
            tuple_of(ty, tuple, &items.iter().collect::<Vec<_>>())?
        }
        // The fields of a NamedTuple by name.
        (Type::Tuple(tuple), Literal::Dict(items)) => {
            let info = tuple.named.as_ref().ok_or_else(unfit)?;
            let field = |name: &Arc<str>| {
                let found = items
                    .iter()
                    .find(|(key, _)| matches!(key, Literal::Str(key) if **key == **name));
                found
                    .map(|(_, value)| value)
                    .ok_or_else(|| format!("the field `{name}` is missing"))
            };
            let fields = info.fields.iter().map(field).collect::<Result<Vec<_>>>()?;
            if fields.len() != tuple.elements.len() {
                return Err(unfit());
            }
            tuple_of(ty, tuple, &fields)?
        }
        (Type::Dict(types), Literal::Dict(items)) => {
            let (key, value) = &**types;
            let pairs = items.iter().map(|(k, v)| {
                // Names in JSON are strings; a dict of ints reads them as such.
                let k = match (key, k) {
                    (Type::Int, Literal::Str(text)) => IValue::Int(text.parse().map_err(|_| unfit())?),
                    _ => fit(k, key)?,
                };
                Ok((k, fit(v, value)?))
            });
            IValue::Dict(Dict::from_pairs(
                key.clone(),
                value.clone(),
                pairs.collect::<Result<Vec<_>>>()?,
            ))
        }
        _ => return Err(unfit()),
    })
}

fn tuple_of(ty: &Type, tuple: &TupleType, items: &[&Literal]) -> Result<IValue> {
    let items = items
        .iter()
        .zip(&tuple.elements)
        .enumerate()
        .map(|(i, (item, element))| fit(item, element).map_err(|e| format!("item {i}: {e}")));
    let items = items.collect::<Result<_>>()?;
    Ok(IValue::Tuple(Arc::new(TupleValue {
        items,
        ty: tuple.named.as_ref().map(|_| ty.clone()),
    })))
}

fn member(class: &Arc<EnumType>, name: &str) -> Result<IValue> {
    let name = name.rsplit('.').next().unwrap_or(name);
    let found = class.members.iter().find(|(own, _)| **own == *name);
    let (name, value) = found.ok_or_else(|| {
        let names: Vec<&str> = class.members.iter().map(|(name, _)| &**name).collect();
        format!(
            "`{name}` is not a member of `{}`; it has {}",
            class.name,
            names.join(", ")
        )
    })?;
    Ok(IValue::Enum(Arc::new(EnumValue {
        class: class.clone(),
        name: name.clone(),
        value: value.clone(),
    })))
}

/// The value as it stands. The items of a list get one type; an empty list is one of tensors, an empty dict one from
/// strings to tensors, as in PyTorch.
pub fn untyped(literal: &Literal) -> Result<IValue> {
    Ok(match literal {
        Literal::None => IValue::None,
        Literal::Bool(b) => IValue::Bool(*b),
        Literal::Int(i) => IValue::Int(*i),
        Literal::Float(f) => IValue::Double(*f),
        Literal::Complex(re, im) => IValue::Complex(Complex::new(*re, *im)),
        Literal::Str(s) => IValue::str(s),
        Literal::Tensor(t) => IValue::Tensor(t.clone()),
        Literal::Tuple(items) => IValue::tuple(items.iter().map(untyped).collect::<Result<_>>()?),
        Literal::List(items) => {
            let element = common(items.iter())?.unwrap_or(Type::TENSOR);
            let items = items
                .iter()
                .map(|item| fit(item, &element))
                .collect::<Result<_>>()?;
            IValue::list(element, items)
        }
        Literal::Dict(items) => {
            let key = common(items.iter().map(|(k, _)| k))?.unwrap_or(Type::Str);
            let value = common(items.iter().map(|(_, v)| v))?.unwrap_or(Type::TENSOR);
            if !matches!(
                key,
                Type::Str | Type::Int | Type::Float | Type::Bool | Type::Complex
            ) {
                return Err(format!(
                    "a dict with keys of type {} cannot be",
                    key.annotation_str()
                ));
            }
            let pairs = items.iter().map(|(k, v)| Ok((fit(k, &key)?, fit(v, &value)?)));
            IValue::Dict(Dict::from_pairs(
                key.clone(),
                value.clone(),
                pairs.collect::<Result<Vec<_>>>()?,
            ))
        }
    })
}

/// The type that all items have, counting ints as floats where both occur.
fn common<'a>(items: impl Iterator<Item = &'a Literal>) -> Result<Option<Type>> {
    let mut common: Option<Type> = None;
    for item in items {
        let ty = untyped(item)?.ty();
        common = Some(match common {
            None => ty,
            Some(Type::Int) if ty == Type::Float => ty,
            Some(Type::Float) if ty == Type::Int => Type::Float,
            Some(so_far) => so_far.unify(&ty, false).ok_or_else(|| {
                let (a, b) = (so_far.annotation_str(), ty.annotation_str());
                format!("the items of a list or dict should have one type, found {a} and {b}")
            })?,
        });
    }
    Ok(common)
}

/// A result, to be written to a file. A NamedTuple becomes a dict of its fields.
pub fn literal(value: &IValue) -> Result<Literal> {
    literal_at(value, 0)
}

fn literal_at(value: &IValue, depth: usize) -> Result<Literal> {
    if depth > DEPTH {
        return Err(format!("the value nests deeper than the allowed {DEPTH}"));
    }
    let all = |items: &[IValue]| {
        items
            .iter()
            .map(|item| literal_at(item, depth + 1))
            .collect::<Result<Vec<_>>>()
    };
    Ok(match value {
        IValue::None => Literal::None,
        IValue::Bool(b) => Literal::Bool(*b),
        IValue::Int(i) => Literal::Int(*i),
        IValue::Double(f) => Literal::Float(*f),
        IValue::Complex(c) => Literal::Complex(c.re, c.im),
        IValue::Str(s) => Literal::Str(s.to_string()),
        IValue::Tensor(t) => Literal::Tensor(t.clone()),
        IValue::List(list) => Literal::List(all(&list.to_vec())?),
        IValue::Tuple(tuple) => {
            let items = all(&tuple.items)?;
            match tuple.ty.as_ref() {
                Some(Type::Tuple(ty)) if ty.named.as_ref().is_some_and(|n| n.fields.len() == items.len()) => {
                    let names = ty
                        .named
                        .iter()
                        .flat_map(|n| &n.fields)
                        .map(|name| Literal::Str(name.to_string()));
                    Literal::Dict(names.zip(items).collect())
                }
                _ => Literal::Tuple(items),
            }
        }
        IValue::Dict(dict) => {
            let pairs = dict.pairs();
            let pairs = pairs
                .iter()
                .map(|(k, v)| Ok((literal_at(k, depth + 1)?, literal_at(v, depth + 1)?)));
            Literal::Dict(pairs.collect::<Result<_>>()?)
        }
        IValue::Device(device) => Literal::Str(device.to_string()),
        IValue::Enum(member) => Literal::Str(member.name.to_string()),
        other => {
            return Err(format!(
                "a value of type {} cannot be written to a file",
                other.type_name()
            ));
        }
    })
}
