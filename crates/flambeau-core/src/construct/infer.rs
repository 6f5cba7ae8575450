//! The types of attributes, from their values.

use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::value::Value;

/// The type that a value has by itself, or why it has none, in PyTorch's words.
pub(super) fn infer(value: &Value) -> Result<Type, String> {
    Ok(match value {
        Value::Plain(value) => match value {
            IValue::Tuple(tuple) => match &tuple.ty {
                Some(ty) => ty.clone(),
                None => value.ty(),
            },
            other => other.ty(),
        },
        Value::Parameter(_) => Type::TENSOR,
        Value::Tuple(items) => Type::tuple(items.iter().map(infer).collect::<Result<_, _>>()?),
        Value::List(items) => match items.borrow().as_slice() {
            [] => return Err("List trace inputs must have elements".into()),
            items => Type::list(unified(items, "List")?),
        },
        Value::Dict(pairs) => {
            let pairs = pairs.borrow();
            if pairs.is_empty() {
                return Err("Dictionary inputs must have entries".into());
            }
            let keys: Vec<Value> = pairs.iter().map(|(k, _)| k.clone()).collect();
            let values: Vec<Value> = pairs.iter().map(|(_, v)| v.clone()).collect();
            Type::dict(unified(&keys, "Dictionary")?, unified(&values, "Dictionary")?)
        }
        other => {
            return Err(format!(
                "Only tensors and (possibly nested) tuples of tensors, lists, or dicts are supported as inputs or \
                 outputs of traced functions, but instead got value of type {}.",
                other.type_name()
            ));
        }
    })
}

fn unified(values: &[Value], what: &str) -> Result<Type, String> {
    let mut unified = infer(&values[0])?;
    for value in &values[1..] {
        let ty = infer(value)?;
        match unified.unify(&ty, false) {
            Some(joined) => unified = joined,
            None => {
                return Err(format!(
                    "{what} inputs to traced functions must have consistent element type. Found {} and {}",
                    unified.annotation_str(),
                    ty.annotation_str()
                ));
            }
        }
    }
    Ok(unified)
}
