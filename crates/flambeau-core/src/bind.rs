//! Calling a function from outside: positional and keyword arguments put in the order of the schema, defaults
//! filled in, and every value converted to the type that the schema declares, as PyTorch converts Python values.
//!
//! Containers are copied, as on every entry from Python: the program never sees the caller's list, unless it was made
//! to be shared ([`List::of_host`]). Tensors are shared.

use std::sync::Arc;

use flambeau_ir::schema::Schema;
use flambeau_ir::types::{TupleType, Type};
use flambeau_ir::value::{Device, Dict, IValue, List, TupleValue};
use flambeau_syntax::python_float;
use num_complex::Complex64;

/// Why a call's arguments do not fit, worded as PyTorch words it.
pub type BindError = String;

/// The values of all parameters, in order. A method's receiver is the first positional argument.
pub fn bind(
    schema: &Schema,
    args: Vec<IValue>,
    mut kwargs: Vec<(String, IValue)>,
) -> Result<Vec<IValue>, BindError> {
    let name = schema.name.rsplit('.').next().unwrap_or(&schema.name);
    let given = args.len() + kwargs.len();
    if given > schema.arguments.len() {
        return Err(format!(
            "{name}() expected at most {} argument(s) but received {given} argument(s). Declaration: {schema}",
            schema.arguments.len()
        ));
    }
    let positional = args.len();
    let mut out = Vec::with_capacity(schema.arguments.len());
    for (position, value) in args.into_iter().enumerate() {
        out.push(argument(schema, name, position, value)?);
    }
    for (position, parameter) in schema.arguments.iter().enumerate().skip(positional) {
        if let Some(at) = kwargs.iter().position(|(k, _)| **k == *parameter.name) {
            let (_, value) = kwargs.swap_remove(at);
            out.push(argument(schema, name, position, value)?);
        } else if let Some(default) = &parameter.default {
            out.push(convert(default, &parameter.ty).unwrap_or_else(|_| default.clone()));
        } else {
            return Err(format!(
                "{name}() is missing value for argument '{}'. Declaration: {schema}",
                parameter.name
            ));
        }
    }
    match kwargs.first() {
        None => Ok(out),
        Some((twice, _)) if schema.argument_index(twice).is_some() => Err(format!(
            "Argument '{twice}' specified both as positional and keyword argument. Schema: {schema}"
        )),
        Some((unknown, _)) => Err(format!(
            "Unknown keyword argument '{unknown}' for operator '{name}'. Schema: {schema}"
        )),
    }
}

/// A tuple of two.
fn pair(value: &IValue) -> Option<(IValue, IValue)> {
    match value {
        IValue::Tuple(tuple) => match &tuple.items[..] {
            [key, item] => Some((key.clone(), item.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// One argument, converted; the error tells everything about it.
fn argument(schema: &Schema, name: &str, position: usize, value: IValue) -> Result<IValue, BindError> {
    let parameter = &schema.arguments[position];
    convert(&value, &parameter.ty).map_err(|why| match why {
        Misfit::Sentence(sentence) => sentence,
        Misfit::Type(why) => format!(
            "{name}() Expected a value of type '{}' for argument '{}' but instead found type '{}'.\n{}\
             Position: {position}\nValue: {}\nDeclaration: {schema}\nCast error details: {why}",
            parameter.ty.repr_str(),
            parameter.name,
            python_type(&value),
            inferred_hint(parameter),
            python_repr(&value)
        ),
    })
}

/// Why a parameter without an annotation takes tensors only.
fn inferred_hint(parameter: &flambeau_ir::schema::Argument) -> String {
    match &parameter.ty {
        Type::Tensor(Some(info)) if info.inferred => format!(
            "Inferred '{}' to be of type 'Tensor' because it was not annotated with an explicit type.\n",
            parameter.name
        ),
        _ => String::new(),
    }
}

enum Misfit {
    /// The value is not of the type: what exactly is wrong.
    Type(String),
    /// The value is wrong whatever the type; the sentence stands alone.
    Sentence(String),
}

fn misfit<T>(value: &IValue, ty: &Type) -> Result<T, Misfit> {
    Err(Misfit::Type(format!(
        "expected `{}`, found `{}`",
        ty.annotation_str(),
        python_type(value)
    )))
}

/// A value as one of type `ty`, if it can be one.
pub fn convert_value(value: &IValue, ty: &Type) -> Option<IValue> {
    convert(value, ty).ok()
}

/// A value as a parameter of type `ty` receives it.
fn convert(value: &IValue, ty: &Type) -> Result<IValue, Misfit> {
    let one_number = |value: &IValue| match value {
        IValue::Tensor(t) if t.numel() == 1 => t.item().ok().map(IValue::scalar),
        other => Some(other.clone()),
    };
    Ok(match ty {
        Type::Any => return any(value),
        Type::Tensor(_) => match value {
            // None stands for an undefined tensor.
            IValue::Tensor(_) | IValue::None => value.clone(),
            _ => return misfit(value, ty),
        },
        Type::None => match value {
            IValue::None => IValue::None,
            _ => return misfit(value, ty),
        },
        Type::Bool | Type::SymBool => match one_number(value) {
            Some(IValue::None) => IValue::Bool(false),
            Some(number) => match number.as_scalar() {
                Some(scalar) => IValue::Bool(scalar.to_bool()),
                None => return misfit(value, ty),
            },
            None => return misfit(value, ty),
        },
        Type::Int | Type::SymInt | Type::ScalarType | Type::Layout | Type::MemoryFormat => {
            match one_number(value) {
                Some(IValue::Int(i)) => IValue::Int(i),
                Some(IValue::Bool(b)) => IValue::Int(b.into()),
                _ => return misfit(value, ty),
            }
        }
        Type::Float => match one_number(value) {
            Some(IValue::Double(f)) => IValue::Double(f),
            Some(IValue::Int(i)) => IValue::Double(i as f64),
            Some(IValue::Bool(b)) => IValue::Double(u8::from(b).into()),
            _ => return misfit(value, ty),
        },
        Type::Complex => match one_number(value).as_ref().and_then(IValue::as_scalar) {
            Some(scalar) => IValue::Complex(scalar.to_complex()),
            None => return misfit(value, ty),
        },
        Type::Number => match one_number(value) {
            Some(number @ (IValue::Int(_) | IValue::Double(_) | IValue::Complex(_) | IValue::Bool(_))) => {
                number
            }
            _ => return misfit(value, ty),
        },
        Type::Device => match value {
            IValue::Device(_) => value.clone(),
            IValue::Str(text) => match Device::parse(text) {
                Some(device) => IValue::Device(device),
                None => return Err(Misfit::Sentence(format!("Invalid device string: '{text}'"))),
            },
            _ => return misfit(value, ty),
        },
        Type::Optional(inner) => match value {
            IValue::None => IValue::None,
            _ => convert(value, inner)?,
        },
        Type::Union(members) => match members.iter().find(|m| value.ty().is_subtype_of(m)) {
            Some(exact) => convert(value, exact)?,
            None => {
                // Containers may fit after the conversion of their items; plain values must be of a member.
                let container = matches!(value, IValue::List(_) | IValue::Tuple(_) | IValue::Dict(_));
                let fitting = members
                    .iter()
                    .filter(|_| container)
                    .find_map(|m| convert(value, m).ok());
                match fitting {
                    Some(converted) => converted,
                    None => {
                        return Err(Misfit::Type(format!(
                            "Expected a member of {} but instead found type {}",
                            ty.annotation_str(),
                            python_type(value)
                        )));
                    }
                }
            }
        },
        Type::List(element) => {
            let items = match value {
                IValue::List(list) if list.is_of_host() && *list.element_type() == **element => {
                    return Ok(value.clone());
                }
                IValue::List(list) => list.to_vec(),
                IValue::Tuple(tuple) => tuple.items.to_vec(),
                IValue::Str(text) if matches!(**element, Type::Str) => {
                    text.chars().map(|c| IValue::from(c.to_string())).collect()
                }
                _ => return misfit(value, ty),
            };
            let items = items
                .iter()
                .map(|item| convert(item, element))
                .collect::<Result<_, _>>()?;
            IValue::List(List::new((**element).clone(), items))
        }
        Type::Dict(types) => {
            // Python makes a dict of pairs, too.
            if let IValue::List(list) = value
                && let Some(pairs) = list.to_vec().iter().map(pair).collect::<Option<Vec<_>>>()
            {
                let mut converted = Vec::with_capacity(pairs.len());
                for (key, item) in pairs {
                    converted.push((convert(&key, &types.0)?, convert(&item, &types.1)?));
                }
                return Ok(IValue::Dict(Dict::from_pairs(
                    types.0.clone(),
                    types.1.clone(),
                    converted,
                )));
            }
            let IValue::Dict(dict) = value else {
                return misfit(value, ty);
            };
            if dict.is_of_host() && (dict.key_type(), dict.value_type()) == (&types.0, &types.1) {
                return Ok(value.clone());
            }
            let mut pairs = Vec::with_capacity(dict.len());
            for (key, item) in dict.pairs() {
                pairs.push((convert(&key, &types.0)?, convert(&item, &types.1)?));
            }
            IValue::Dict(Dict::from_pairs(types.0.clone(), types.1.clone(), pairs))
        }
        Type::Tuple(tuple) => return convert_tuple(value, ty, tuple),
        Type::Class(class) => match value {
            IValue::Object(object) if Arc::ptr_eq(object.class(), class) => value.clone(),
            _ => return misfit(value, ty),
        },
        Type::Interface(interface) => match value {
            IValue::Object(object) => match interface.missing_from(object.class()) {
                None => value.clone(),
                Some(missing) => return Err(Misfit::Type(missing)),
            },
            _ => return misfit(value, ty),
        },
        Type::Enum(class) => match value {
            IValue::Enum(member) if Arc::ptr_eq(&member.class, class) => value.clone(),
            _ => return misfit(value, ty),
        },
        _ if value.ty().is_subtype_of(ty) => value.clone(),
        _ => return misfit(value, ty),
    })
}

fn convert_tuple(value: &IValue, ty: &Type, tuple: &TupleType) -> Result<IValue, Misfit> {
    let items = match value {
        IValue::Tuple(items) => items.items.to_vec(),
        IValue::List(list) => list.to_vec(),
        _ => return misfit(value, ty),
    };
    if items.len() != tuple.elements.len() {
        return Err(Misfit::Type(format!(
            "Object {} had a different number of elements than type {}",
            python_repr(value),
            ty.annotation_str()
        )));
    }
    let items = items
        .iter()
        .zip(&tuple.elements)
        .map(|(item, element)| convert(item, element))
        .collect::<Result<_, _>>()?;
    Ok(IValue::Tuple(Arc::new(TupleValue {
        items,
        ty: tuple.named.is_some().then(|| ty.clone()),
    })))
}

/// For a parameter that takes anything, the type of a container must follow from its items.
fn any(value: &IValue) -> Result<IValue, Misfit> {
    let inconsistent = |what: &str, members: &[Type]| {
        let found: Vec<String> = members.iter().map(Type::annotation_str).collect();
        Err(Misfit::Sentence(format!(
            "Tracer cannot infer type of {}\n:{what} must have consistent element type. Found {}",
            python_repr(value),
            found.join(" and ")
        )))
    };
    match value {
        IValue::List(list) if list.is_empty() => Err(Misfit::Sentence(
            "Tracer cannot infer type of []\n:List trace inputs must have elements".into(),
        )),
        IValue::Dict(dict) if dict.is_empty() => Err(Misfit::Sentence(
            "Tracer cannot infer type of {}\n:Dictionary inputs must have entries".into(),
        )),
        IValue::List(list) => match list.element_type() {
            Type::Union(members) => inconsistent("List inputs to traced functions", members),
            element => {
                let items = list.to_vec().iter().map(any).collect::<Result<_, _>>()?;
                Ok(IValue::List(List::new(element.clone(), items)))
            }
        },
        IValue::Dict(dict) => match dict.value_type() {
            Type::Union(members) => inconsistent("Dictionary inputs to traced functions", members),
            ty => Ok(IValue::Dict(Dict::from_pairs(
                dict.key_type().clone(),
                ty.clone(),
                dict.pairs(),
            ))),
        },
        IValue::Tuple(tuple) => {
            let items = tuple.items.iter().map(any).collect::<Result<_, _>>()?;
            Ok(IValue::Tuple(Arc::new(TupleValue {
                items,
                ty: tuple.ty.clone(),
            })))
        }
        other => Ok(other.clone()),
    }
}

/// The name of the Python type that such a value has.
fn python_type(value: &IValue) -> String {
    match value {
        IValue::None | IValue::Uninitialized => "NoneType".into(),
        IValue::List(_) => "list".into(),
        IValue::Dict(_) => "dict".into(),
        IValue::Tuple(t) if t.ty.is_none() => "tuple".into(),
        IValue::Object(o) => o.class().short_name().into(),
        IValue::Device(_) => "torch.device".into(),
        IValue::Enum(e) => e.class.name.rsplit('.').next().unwrap_or("").into(),
        other => other.type_name().rsplit('.').next().unwrap_or("").into(),
    }
}

/// A value as Python's `repr` spells it; tensors by dtype and shape.
fn python_repr(value: &IValue) -> String {
    match value {
        IValue::Double(f) => python_float(*f),
        IValue::Complex(c) => python_complex(*c),
        IValue::Str(s) => python_str(s),
        other => flambeau_ir::value::print::write(other, &python_repr, &|t| {
            let sizes: Vec<String> = t.sizes().iter().map(i64::to_string).collect();
            format!("{}[{}]", t.dtype().name(), sizes.join(", "))
        }),
    }
}

/// `(1+2j)`, `2j`: whole parts are printed without `.0`.
fn python_complex(value: Complex64) -> String {
    let part = |f: f64| python_float(f).trim_end_matches(".0").to_string();
    if value.re == 0.0 && value.re.is_sign_positive() {
        return format!("{}j", part(value.im));
    }
    let sign = if value.im.is_sign_negative() { "" } else { "+" };
    format!("({}{sign}{}j)", part(value.re), part(value.im))
}

/// A string in the quotes that Python would choose.
fn python_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binds one argument to a parameter of the given type and shows what arrives, or the first line of the error.
    fn check(ty: &str, value: IValue, expected: &str) {
        let schema = Schema::parse(&format!("f({ty} x) -> ()")).expect("a schema");
        let found = match bind(&schema, vec![value], Vec::new()) {
            Ok(values) => python_repr(&values[0]),
            Err(error) => error.lines().next().unwrap_or("").to_string(),
        };
        assert_eq!(found, expected, "{ty}");
    }

    fn list(items: Vec<IValue>) -> IValue {
        IValue::list(Type::union(items.iter().map(IValue::ty)), items)
    }

    fn wrong(ty: &str, value: &str) -> String {
        format!("f() Expected a value of type '{ty}' for argument 'x' but instead found type '{value}'.")
    }

    #[test]
    fn values_are_converted_as_pytorch_does() {
        use IValue::{Bool, Double, Int, None};
        check("float", Int(1), "1.0");
        check("float", Bool(true), "1.0");
        check("float", IValue::str("a"), &wrong("float", "str"));
        check(
            "float",
            IValue::Complex(Complex64::new(0.0, 1.0)),
            &wrong("float", "complex"),
        );
        check("int", Bool(true), "1");
        check("int", Double(1.0), &wrong("int", "float"));
        check("bool", Double(2.5), "True");
        check("bool", None, "False");
        check("bool", list(vec![Int(1)]), &wrong("bool", "list"));
        check("complex", Double(1.5), "(1.5+0j)");
        check("str", Int(1), &wrong("str", "int"));
        check("Device", IValue::str("cpu"), "cpu");
        check("float[]", list(vec![Int(1), Double(2.5)]), "[1.0, 2.5]");
        check("int[]", IValue::tuple(vec![Int(1), Int(2)]), "[1, 2]");
        check("int[]", list(vec![Double(1.5)]), &wrong("List[int]", "list"));
        check("str[]", IValue::str("ab"), "['a', 'b']");
        check("(int, float)", IValue::tuple(vec![Int(1), Int(2)]), "(1, 2.0)");
        check("(int, float)", list(vec![Int(1), Double(2.0)]), "(1, 2.0)");
        check(
            "(int, int)",
            IValue::tuple(vec![Int(1)]),
            &wrong("Tuple[int, int]", "tuple"),
        );
        check("Tensor", Int(1), &wrong("Tensor", "int"));
        check("Tensor", None, "None");
        check("int?", None, "None");
        check("int?", Double(1.5), &wrong("Optional[int]", "float"));
    }

    #[test]
    fn arguments_are_put_in_order() {
        let schema = Schema::parse("f(int a, int b=2, *, int c=3) -> ()").expect("a schema");
        let call = |args: &[i64], kwargs: &[(&str, i64)]| {
            let args = args.iter().map(|i| IValue::Int(*i)).collect();
            let kwargs = kwargs
                .iter()
                .map(|(k, i)| (k.to_string(), IValue::Int(*i)))
                .collect();
            match bind(&schema, args, kwargs) {
                Ok(values) => values
                    .iter()
                    .map(|v| python_repr(v))
                    .collect::<Vec<_>>()
                    .join(" "),
                Err(error) => error,
            }
        };
        let text = schema.to_string();
        assert_eq!(call(&[1], &[]), "1 2 3");
        assert_eq!(call(&[1], &[("c", 5)]), "1 2 5");
        assert_eq!(call(&[], &[("b", 5), ("a", 4)]), "4 5 3");
        assert_eq!(
            call(&[], &[]),
            format!("f() is missing value for argument 'a'. Declaration: {text}")
        );
        assert_eq!(
            call(&[1, 2, 3, 4], &[]),
            format!("f() expected at most 3 argument(s) but received 4 argument(s). Declaration: {text}")
        );
        assert_eq!(
            call(&[1], &[("q", 1)]),
            format!("Unknown keyword argument 'q' for operator 'f'. Schema: {text}")
        );
        assert_eq!(
            call(&[1, 2], &[("a", 1)]),
            format!("Argument 'a' specified both as positional and keyword argument. Schema: {text}")
        );
    }
}
