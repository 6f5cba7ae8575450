//! Subtyping, unification and the binding of type variables.

use std::collections::HashMap;
use std::sync::Arc;

use super::{TensorInfo, Type};

impl Type {
    pub fn is_subtype_of(&self, other: &Type) -> bool {
        use Type::*;
        if self == other {
            return true;
        }
        match (self, other) {
            (_, Any) => true,
            (Int | Float | Complex, Number) => true,
            (Int, ScalarType | Layout | MemoryFormat | SymInt)
            | (ScalarType | Layout | MemoryFormat | SymInt, Int) => true,
            (SymBool, Bool) | (Bool, SymBool) => true,
            (ScalarType | Layout | MemoryFormat | SymInt, Number) => true,
            (Optional(a), Optional(b)) => a.is_subtype_of(b),
            (None, Optional(_)) => true,
            (t, Optional(b)) => t.is_subtype_of(b),
            (Union(members), t) => members.iter().all(|m| m.is_subtype_of(t)),
            (Optional(a), Union(members)) => {
                members.iter().any(|m| matches!(m, None)) && members.iter().any(|m| a.is_subtype_of(m))
            }
            (Number, Union(members)) => [Int, Float, Complex].iter().all(|n| members.contains(n)),
            (t, Union(members)) => members.iter().any(|m| t.is_subtype_of(m)),
            (List(_), AnyList) | (Tuple(_), AnyTuple) | (Class(_), AnyClass) | (Enum(_), AnyEnum) => true,
            // Lists and dicts are mutable, so they are invariant; equality was checked above.
            (List(a), List(b)) => a.is_tensor() && b.is_tensor(),
            (Tuple(a), Tuple(b)) => {
                // A NamedTuple is a tuple; a tuple is not a NamedTuple.
                let names = match (&a.named, &b.named) {
                    (_, Option::None) => true,
                    (Some(x), Some(y)) => x.fields == y.fields && x.name == y.name,
                    (Option::None, Some(_)) => false,
                };
                names
                    && a.elements.len() == b.elements.len()
                    && a.elements
                        .iter()
                        .zip(&b.elements)
                        .all(|(x, y)| x.is_subtype_of(y))
            }
            (Future(a), Future(b)) | (Await(a), Await(b)) | (RRef(a), RRef(b)) => a.is_subtype_of(b),
            (Class(class), Interface(interface)) => interface.is_implemented_by(class),
            (Interface(a), Interface(b)) => a.extends(b),
            (Class(class), Named(name)) => *class.name == **name,
            _ => false,
        }
    }

    /// The type that values of both can have, or `None`. With `default_to_union`, unrelated types
    /// join to their union instead.
    pub fn unify(&self, other: &Type, default_to_union: bool) -> Option<Type> {
        if let (Type::Tensor(a), Type::Tensor(b)) = (self, other) {
            // That a type was assumed makes it no other one; which of the two it is then shows in graphs.
            let plain = |info: &Option<Arc<TensorInfo>>| {
                let info = info.as_deref().cloned().unwrap_or_default();
                TensorInfo {
                    inferred: false,
                    ..info
                }
            };
            return Some(if plain(a) == plain(b) {
                other.clone()
            } else {
                Type::TENSOR
            });
        }
        if self.is_subtype_of(other) {
            return Some(other.clone());
        }
        if other.is_subtype_of(self) {
            return Some(self.clone());
        }
        if matches!(self, Type::None) && !matches!(other, Type::None) {
            return Some(Type::optional(other.clone()));
        }
        if matches!(other, Type::None) {
            return Some(Type::optional(self.clone()));
        }
        let joined = match (self, other) {
            (Type::Optional(a), b) | (b, Type::Optional(a)) => {
                let b = b.optional_inner().unwrap_or(b);
                a.unify(b, false).map(Type::optional)
            }
            (Type::Tuple(a), Type::Tuple(b)) if a.elements.len() == b.elements.len() => a
                .elements
                .iter()
                .zip(&b.elements)
                .map(|(x, y)| x.unify(y, default_to_union))
                .collect::<Option<Vec<_>>>()
                .map(Type::tuple),
            (Type::Future(a), Type::Future(b)) => a.unify(b, false).map(Type::future),
            _ => None,
        };
        if joined.is_some() || !default_to_union {
            return joined;
        }
        Some(Type::union([self.clone(), other.clone()]))
    }

    /// The type with its variables replaced, or `None` when one is unbound.
    pub fn substitute(&self, bindings: &TypeBindings) -> Option<Type> {
        match self {
            Type::Var(name) => bindings.get(&**name).cloned(),
            other => {
                let mut complete = true;
                let result = other.map_children(&mut |t| {
                    t.substitute(bindings).unwrap_or_else(|| {
                        complete = false;
                        t.clone()
                    })
                });
                complete.then_some(result)
            }
        }
    }
}

/// What each type variable stands for in one call.
pub type TypeBindings = HashMap<String, Type>;

/// Binds the variables of `formal` so that it covers `actual`. The error is PyTorch's reason.
pub fn match_type_variables(
    formal: &Type,
    actual: &Type,
    bindings: &mut TypeBindings,
) -> Result<Type, String> {
    if !formal.has_free_variables() {
        return Ok(formal.clone());
    }
    let mismatch = || {
        let what = match formal {
            Type::Dict(_) => "a dict".to_string(),
            Type::Future(_) => "a future".to_string(),
            Type::Await(_) => "an await".to_string(),
            Type::RRef(_) => "a rref".to_string(),
            Type::Tuple(f) => match actual {
                Type::Tuple(a) if a.elements.len() != f.elements.len() => {
                    return "Cannot match tuples of mismatched size".to_string();
                }
                _ => "a tuple".to_string(),
            },
            other => other.repr_str(),
        };
        format!("Cannot match {what} to {}", actual.repr_str())
    };
    match (formal, actual) {
        (Type::Var(name), actual) => {
            let bound = match bindings.get(&**name) {
                None => actual.clone(),
                Some(have) => have.unify(actual, false).ok_or_else(|| {
                    format!(
                        "Type variable '{name}' previously matched to type {} is matched to type {}",
                        have.repr_str(),
                        actual.repr_str()
                    )
                })?,
            };
            bindings.insert(name.to_string(), bound.clone());
            Ok(bound)
        }
        (Type::List(f), Type::List(a)) => {
            let inner = match_type_variables(f, a, bindings)?;
            // A refined element binding must not turn int[] into Scalar[].
            if **a == inner {
                Ok(actual.clone())
            } else {
                Ok(Type::list(inner))
            }
        }
        (Type::List(f), Type::Tuple(t)) => {
            let mut joined: Option<Type> = None;
            for element in &t.elements {
                joined = Some(match joined {
                    None => element.clone(),
                    Some(have) => have.unify(element, false).ok_or_else(mismatch)?,
                });
            }
            let element = joined.ok_or_else(mismatch)?;
            match_type_variables(f, &element, bindings)?;
            Ok(Type::list(element))
        }
        (Type::List(_), _) => Err(format!(
            "Cannot match {} to {}",
            formal.repr_str(),
            actual.repr_str()
        )),
        (Type::Tuple(f), Type::Tuple(a)) if f.elements.len() == a.elements.len() => {
            let elements = f
                .elements
                .iter()
                .zip(&a.elements)
                .map(|(f, a)| match_type_variables(f, a, bindings));
            Ok(Type::tuple(elements.collect::<Result<_, _>>()?))
        }
        (Type::Future(f), Type::Future(a)) => Ok(Type::future(match_type_variables(f, a, bindings)?)),
        (Type::Await(f), Type::Await(a)) => Ok(Type::Await(match_type_variables(f, a, bindings)?.into())),
        (Type::RRef(f), Type::RRef(a)) => Ok(Type::RRef(match_type_variables(f, a, bindings)?.into())),
        (Type::Optional(f), Type::Optional(a)) => Ok(Type::optional(match_type_variables(f, a, bindings)?)),
        // None leaves the variable open: the caller decides what an unbound variable means.
        (Type::Optional(_), Type::None) => Ok(Type::None),
        (Type::Optional(f), actual) => Ok(Type::optional(match_type_variables(f, actual, bindings)?)),
        (Type::Dict(f), Type::Dict(a)) => {
            let key = match_type_variables(&f.0, &a.0, bindings)?;
            let value = match_type_variables(&f.1, &a.1, bindings)?;
            Ok(Type::dict(key, value))
        }
        _ => Err(mismatch()),
    }
}
