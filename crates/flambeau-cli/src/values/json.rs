//! JSON. Arrays are lists, objects are dicts with string keys, and a tensor is
//! `{"dtype": "float32", "shape": [2], "data": [1.0, 2.0]}` with its elements in row-major order.
//!
//! JSON has no infinities and no NaN; they are the strings `Infinity`, `-Infinity` and `NaN`, read back inside of
//! tensors only. A complex number is `[re, im]`.

use super::{Literal, Result, dtype};
use flambeau_tensor::{Complex, Scalar, Tensor};
use serde_json::{Map, Number, Value};

pub fn read(bytes: &[u8]) -> Result<Literal> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("this is not JSON: {e}"))?;
    literal(&value)
}

fn literal(value: &Value) -> Result<Literal> {
    Ok(match value {
        Value::Null => Literal::None,
        Value::Bool(b) => Literal::Bool(*b),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(int), _) => Literal::Int(int),
            (None, Some(float)) if !n.is_u64() => Literal::Float(float),
            _ => return Err(format!("`{n}` does not fit in an int of 64 bits")),
        },
        Value::String(s) => Literal::Str(s.clone()),
        Value::Array(items) => Literal::List(items.iter().map(literal).collect::<Result<_>>()?),
        Value::Object(members) => match tensor(members) {
            Some(tensor) => Literal::Tensor(tensor?),
            None => {
                let pair = |(k, v): (&String, &Value)| Ok((Literal::Str(k.clone()), literal(v)?));
                Literal::Dict(members.iter().map(pair).collect::<Result<_>>()?)
            }
        },
    })
}

/// An object with exactly the members of a tensor.
fn tensor(members: &Map<String, Value>) -> Option<Result<Tensor>> {
    let (kind, shape, data) = (
        members.get("dtype")?.as_str()?,
        members.get("shape")?,
        members.get("data")?,
    );
    let sizes: Vec<i64> = shape
        .as_array()?
        .iter()
        .map(Value::as_i64)
        .collect::<Option<_>>()?;
    (members.len() == 3).then(|| {
        let dtype = dtype(kind).ok_or_else(|| format!("`{kind}` is not a dtype"))?;
        let mut numbers = Vec::new();
        scalars(data, dtype.is_complex(), &mut numbers)?;
        Tensor::from_scalars(&numbers, &sizes, dtype).map_err(|e| e.to_string())
    })
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => match s.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Numbers of flat or nested arrays.
fn scalars(value: &Value, complex: bool, out: &mut Vec<Scalar>) -> Result<()> {
    let scalar = match value {
        Value::Array(items) => {
            if let ([re, im], true) = (&items[..], complex)
                && let (Some(re), Some(im)) = (float(re), float(im))
            {
                out.push(Scalar::Complex(Complex::new(re, im)));
                return Ok(());
            }
            return items.iter().try_for_each(|item| scalars(item, complex, out));
        }
        Value::Bool(b) => Some(Scalar::Bool(*b)),
        Value::Number(n) if n.is_i64() => n.as_i64().map(Scalar::Int),
        other => float(other).map(Scalar::Float),
    };
    out.push(scalar.ok_or_else(|| format!("expected a number in `data`, found `{value}`"))?);
    Ok(())
}

pub fn write(value: &Literal) -> Result<String> {
    Ok(to_value(value)?.to_string())
}

fn from_float(value: f64) -> Value {
    let special = || {
        if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
    };
    Number::from_f64(value).map_or_else(|| Value::String(special().into()), Value::Number)
}

fn from_scalar(value: Scalar, narrow: bool) -> Value {
    // The shortest text that reads back as the same float of 32 bits.
    let float = |f: f64| {
        if narrow {
            from_float((f as f32).to_string().parse().unwrap_or(f))
        } else {
            from_float(f)
        }
    };
    match value {
        Scalar::Bool(b) => b.into(),
        Scalar::Int(i) => i.into(),
        Scalar::Float(f) => float(f),
        Scalar::Complex(c) => Value::Array(vec![float(c.re), float(c.im)]),
    }
}

fn to_value(value: &Literal) -> Result<Value> {
    let list = |items: &[Literal]| {
        items
            .iter()
            .map(to_value)
            .collect::<Result<_>>()
            .map(Value::Array)
    };
    Ok(match value {
        Literal::None => Value::Null,
        Literal::Bool(b) => (*b).into(),
        Literal::Int(i) => (*i).into(),
        Literal::Float(f) => from_float(*f),
        Literal::Complex(re, im) => Value::Array(vec![from_float(*re), from_float(*im)]),
        Literal::Str(s) => s.clone().into(),
        Literal::List(items) | Literal::Tuple(items) => list(items)?,
        Literal::Dict(items) => {
            let mut members = Map::new();
            for (key, value) in items {
                let key = match key {
                    Literal::Str(s) => s.clone(),
                    Literal::Int(i) => i.to_string(),
                    Literal::Bool(b) => b.to_string(),
                    Literal::Float(f) => format!("{f:?}"),
                    other => return Err(format!("{} cannot be a name in JSON", other.describe())),
                };
                members.insert(key, to_value(value)?);
            }
            Value::Object(members)
        }
        Literal::Tensor(tensor) => {
            let scalars = tensor.to_scalars().map_err(|e| e.to_string())?;
            let narrow = tensor.dtype().size() <= 4 || tensor.dtype() == flambeau_tensor::DType::ComplexFloat;
            let name = tensor.dtype().torch_name();
            let mut members = Map::new();
            members.insert("dtype".into(), name.strip_prefix("torch.").unwrap_or(name).into());
            members.insert("shape".into(), tensor.sizes().into());
            members.insert(
                "data".into(),
                scalars.into_iter().map(|s| from_scalar(s, narrow)).collect(),
            );
            Value::Object(members)
        }
    })
}
