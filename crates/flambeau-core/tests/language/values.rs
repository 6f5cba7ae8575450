//! Recorded values as JSON: made into `IValue`s for arguments, and compared with the ones that come back.

use std::sync::Arc;

use flambeau_ir::types::Type;
use flambeau_ir::value::{Device, Dict, EnumValue, IValue, List, Object, TupleValue};
use flambeau_tensor::{DType, Scalar, Tensor};
use num_complex::Complex64;
use serde_json::Value as Json;

/// Finds a class, NamedTuple or enum of the program by its name.
pub type FindType<'a> = &'a dyn Fn(&str) -> Option<Type>;

/// Why a recorded value could not be made.
pub type Problem = String;

/// A recorded argument. `hint` is the parameter's type, which empty containers and mixed ones take on.
pub fn decode(json: &Json, hint: Option<&Type>, find: FindType) -> Result<IValue, Problem> {
    let hint = hint.map(|t| t.optional_inner().unwrap_or(t));
    match json {
        Json::Null => return Ok(IValue::None),
        Json::Bool(b) => return Ok(IValue::Bool(*b)),
        _ => {}
    }
    let (kind, value) = tagged(json)?;
    let text = || value.as_str().ok_or_else(|| format!("expected a text in {json}"));
    let items = || {
        value
            .as_array()
            .ok_or_else(|| format!("expected a list in {json}"))
    };
    Ok(match kind {
        "int" => IValue::Int(text()?.parse().map_err(|_| format!("no 64-bit int: {json}"))?),
        "float" => IValue::Double(float(value)?),
        "complex" => IValue::Complex(complex(value)?),
        "str" => IValue::str(text()?),
        "list" => {
            let element = hint.and_then(Type::list_element);
            let items = items()?
                .iter()
                .map(|item| decode(item, element, find))
                .collect::<Result<Vec<_>, _>>()?;
            IValue::List(List::new(common(element, &items), items))
        }
        "tuple" => {
            let elements = hint.and_then(Type::tuple_elements).unwrap_or(&[]);
            let items = items()?
                .iter()
                .enumerate()
                .map(|(i, item)| decode(item, elements.get(i), find));
            IValue::tuple(items.collect::<Result<_, _>>()?)
        }
        "dict" => {
            let types = match hint {
                Some(Type::Dict(types)) => Some((&types.0, &types.1)),
                _ => None,
            };
            let mut pairs = Vec::new();
            for pair in items()? {
                let key = decode(&pair[0], types.map(|t| t.0), find)?;
                pairs.push((key, decode(&pair[1], types.map(|t| t.1), find)?));
            }
            let (keys, values): (Vec<_>, Vec<_>) = pairs.iter().cloned().unzip();
            let key = common(types.map(|t| t.0), &keys);
            let value = common(types.map(|t| t.1), &values);
            IValue::Dict(Dict::from_pairs(key, value, pairs))
        }
        "tensor" => IValue::Tensor(tensor(value)?),
        "device" => IValue::Device(Device::parse(text()?).ok_or_else(|| format!("unknown device {json}"))?),
        "dtype" => IValue::Int(
            DType::from_name(text()?)
                .ok_or_else(|| format!("unknown dtype {json}"))?
                .code(),
        ),
        "layout" => match text()? {
            "strided" => IValue::Int(0),
            other => return Err(format!("unknown layout {other}")),
        },
        "memory_format" => {
            let formats = [
                "contiguous_format",
                "preserve_format",
                "channels_last",
                "channels_last_3d",
            ];
            let text = text()?;
            let code = formats.iter().position(|f| *f == text);
            IValue::Int(code.ok_or_else(|| format!("unknown memory format {text}"))? as i64)
        }
        "enum" => {
            let Some(Type::Enum(class)) = find(named(value)?) else {
                return Err(format!("no enum for {json}"));
            };
            let name = value["name"].as_str().unwrap_or("");
            let member = class
                .member(name)
                .ok_or_else(|| format!("no member for {json}"))?
                .clone();
            IValue::Enum(Arc::new(EnumValue {
                name: name.into(),
                value: member,
                class,
            }))
        }
        "namedtuple" => {
            let ty = find(named(value)?).ok_or_else(|| format!("no NamedTuple for {json}"))?;
            let fields = value["fields"]
                .as_array()
                .ok_or_else(|| format!("no fields in {json}"))?;
            let elements = ty.tuple_elements().unwrap_or(&[]).to_vec();
            let items = fields
                .iter()
                .enumerate()
                .map(|(i, field)| decode(&field[1], elements.get(i), find));
            let items = items.collect::<Result<_, _>>()?;
            IValue::Tuple(Arc::new(TupleValue { items, ty: Some(ty) }))
        }
        "object" => {
            let Some(Type::Class(class)) = find(named(value)?) else {
                return Err(format!("no class for {json}"));
            };
            let object = Object::new(class.clone());
            for (name, attr) in value["attrs"].as_object().into_iter().flatten() {
                let ty = class.attribute(name).map(|a| a.ty);
                if !object.set(name, decode(attr, ty.as_ref(), find)?) {
                    return Err(format!("no attribute `{name}` for {json}"));
                }
            }
            IValue::Object(object)
        }
        other => return Err(format!("values of kind `{other}` cannot be made")),
    })
}

fn named(value: &Json) -> Result<&str, Problem> {
    value["class"]
        .as_str()
        .ok_or_else(|| format!("no class name in {value}"))
}

/// The one key and value of a tagged value.
fn tagged(json: &Json) -> Result<(&str, &Json), Problem> {
    let entry = json
        .as_object()
        .filter(|o| o.len() == 1)
        .and_then(|o| o.iter().next());
    entry
        .map(|(k, v)| (k.as_str(), v))
        .ok_or_else(|| format!("not a value: {json}"))
}

/// The element type of a container: the expected one where the items fit it, or what the items have in common.
fn common(expected: Option<&Type>, items: &[IValue]) -> Type {
    if let Some(expected) = expected
        && items.iter().all(|i| i.ty().is_subtype_of(expected))
    {
        return expected.clone();
    }
    match items {
        [] => Type::TENSOR,
        _ => Type::union(items.iter().map(IValue::ty)),
    }
}

/// `0x1.8p+1`, `inf`, `-inf`, `nan`, or a plain number.
fn float(json: &Json) -> Result<f64, Problem> {
    if let Some(number) = json.as_f64() {
        return Ok(number);
    }
    let text = json.as_str().ok_or_else(|| format!("not a float: {json}"))?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let value = match digits.strip_prefix("0x") {
        None => digits.parse().ok(),
        Some(hex) => hex.split_once('p').and_then(|(mantissa, exponent)| {
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let bits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
            let exponent: i32 = exponent.parse().ok()?;
            let exponent = exponent - 4 * fraction.len() as i32;
            // In two steps, so that subnormal results do not underflow on the way.
            let half = exponent / 2;
            Some(bits as f64 * 2f64.powi(half) * 2f64.powi(exponent - half))
        }),
    };
    let value = value.ok_or_else(|| format!("not a float: {json}"))?;
    Ok(if negative { -value } else { value })
}

fn complex(json: &Json) -> Result<Complex64, Problem> {
    Ok(Complex64::new(float(&json[0])?, float(&json[1])?))
}

fn shape(json: &Json) -> Vec<i64> {
    json["shape"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_i64)
        .collect()
}

fn dtype(json: &Json) -> Result<DType, Problem> {
    json["dtype"]
        .as_str()
        .and_then(DType::from_name)
        .ok_or_else(|| format!("unknown dtype in {json}"))
}

fn scalars(json: &Json, dtype: DType) -> Result<Vec<Scalar>, Problem> {
    let one = |item: &Json| {
        Ok(match item {
            Json::Bool(b) => Scalar::Bool(*b),
            Json::Array(_) => Scalar::Complex(complex(item)?),
            Json::Number(n) if !dtype.is_floating_point() => Scalar::Int(n.as_i64().ok_or("not an int")?),
            _ => Scalar::Float(float(item)?),
        })
    };
    json["data"].as_array().into_iter().flatten().map(one).collect()
}

fn tensor(json: &Json) -> Result<Tensor, Problem> {
    let dtype = dtype(json)?;
    let shape = shape(json);
    let made = Tensor::from_scalars(&scalars(json, dtype)?, &shape, dtype).map_err(|e| e.to_string())?;
    let strides: Vec<i64> = json["strides"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_i64)
        .collect();
    let tensor = if strides.len() == shape.len() && strides != made.strides() && made.numel() > 0 {
        let laid_out = Tensor::empty_strided(&shape, &strides, dtype).map_err(|e| e.to_string())?;
        laid_out.copy_(&made).map_err(|e| e.to_string())?;
        laid_out
    } else {
        made
    };
    if json["requires_grad"] == true {
        tensor.set_requires_grad(true);
    }
    Ok(tensor)
}

/// Compares a value with a recorded one; the error says where and how they differ.
pub fn compare(expected: &Json, found: &IValue, tolerance: f64) -> Result<(), Problem> {
    let differ = || Err(format!("expected {}, found {found:?}", shorten(expected)));
    match expected {
        Json::Null => return if found.is_none() { Ok(()) } else { differ() },
        Json::Bool(b) => {
            return if found.as_bool() == Some(*b) {
                Ok(())
            } else {
                differ()
            };
        }
        _ => {}
    }
    let (kind, value) = tagged(expected)?;
    let text = value.as_str().unwrap_or("");
    let equal = match (kind, found) {
        ("int", IValue::Int(i)) => text == i.to_string(),
        ("float", IValue::Double(f)) => close(float(value)?, *f, tolerance),
        ("complex", IValue::Complex(c)) => close_complex(complex(value)?, *c, tolerance),
        ("str", IValue::Str(s)) => text == &**s,
        ("list", IValue::List(list)) => return all(value, &list.to_vec(), tolerance),
        ("tuple", IValue::Tuple(tuple)) => return all(value, &tuple.items, tolerance),
        ("dict", IValue::Dict(dict)) => {
            let pairs = dict
                .pairs()
                .into_iter()
                .map(|(k, v)| IValue::tuple(vec![k, v]))
                .collect::<Vec<_>>();
            let expected = value.as_array().map_or(&[][..], Vec::as_slice);
            let wrapped = expected
                .iter()
                .map(|pair| serde_json::json!({ "tuple": pair }))
                .collect();
            return all(&Json::Array(wrapped), &pairs, tolerance);
        }
        ("tensor", IValue::Tensor(t)) => return compare_tensor(value, t, tolerance),
        ("device", IValue::Device(d)) => text == d.to_string(),
        ("dtype", IValue::Int(code)) => DType::from_name(text).is_some_and(|d| d.code() == *code),
        ("enum", IValue::Enum(e)) => {
            value["name"] == *e.name && short(&e.class.name) == value["class"].as_str().unwrap_or("")
        }
        ("namedtuple", IValue::Tuple(t)) => {
            let fields = value["fields"].as_array().map_or(&[][..], Vec::as_slice);
            let values = fields.iter().map(|field| field[1].clone()).collect();
            return all(&Json::Array(values), &t.items, tolerance);
        }
        ("object", IValue::Object(o)) => {
            for (name, attr) in value["attrs"].as_object().into_iter().flatten() {
                let found = o
                    .get(name)
                    .ok_or_else(|| format!("no attribute `{name}` in the result"))?;
                compare(attr, &found, tolerance).map_err(|p| format!(".{name}: {p}"))?;
            }
            short(&o.class().name) == value["class"].as_str().unwrap_or("")
        }
        ("module", IValue::Object(_))
        | ("future", IValue::Future(_))
        | ("generator", IValue::Generator(_)) => true,
        _ => false,
    };
    if equal { Ok(()) } else { differ() }
}

fn short(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or(qualified)
}

fn shorten(json: &Json) -> String {
    json.to_string().chars().take(200).collect()
}

fn all(expected: &Json, found: &[IValue], tolerance: f64) -> Result<(), Problem> {
    let expected = expected.as_array().map_or(&[][..], Vec::as_slice);
    if expected.len() != found.len() {
        return Err(format!(
            "expected {} items, found {}: {found:?}",
            expected.len(),
            found.len()
        ));
    }
    for (i, (e, f)) in expected.iter().zip(found).enumerate() {
        compare(e, f, tolerance).map_err(|p| format!("[{i}]: {p}"))?;
    }
    Ok(())
}

fn compare_tensor(expected: &Json, found: &Tensor, tolerance: f64) -> Result<(), Problem> {
    let dtype = dtype(expected)?;
    if found.dtype() != dtype {
        return Err(format!(
            "expected a tensor of {dtype:?}, found {:?}",
            found.dtype()
        ));
    }
    let shape = shape(expected);
    if found.sizes() != shape {
        return Err(format!(
            "expected a tensor of shape {shape:?}, found {:?}",
            found.sizes()
        ));
    }
    let found = found.to_scalars().map_err(|e| e.to_string())?;
    let expected = scalars(expected, dtype)?;
    let equal = expected.iter().zip(&found).all(|(e, f)| match (e, f) {
        (Scalar::Int(e), Scalar::Int(f)) => e == f,
        (Scalar::Complex(e), f) => close_complex(*e, f.to_complex(), tolerance),
        (e, f) => close(e.to_f64(), f.to_f64(), tolerance),
    });
    if equal && expected.len() == found.len() {
        Ok(())
    } else {
        Err(format!("expected a tensor of {expected:?}, found {found:?}"))
    }
}

fn close(expected: f64, found: f64, tolerance: f64) -> bool {
    expected == found
        || (expected.is_nan() && found.is_nan())
        || (expected - found).abs() <= tolerance * (1.0 + expected.abs())
}

fn close_complex(expected: Complex64, found: Complex64, tolerance: f64) -> bool {
    close(expected.re, found.re, tolerance) && close(expected.im, found.im, tolerance)
}
