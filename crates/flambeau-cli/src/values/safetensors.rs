//! `.safetensors`: a JSON header of names, dtypes, shapes and ranges, then the bytes.

use super::{Literal, Result, from_bytes, to_bytes};
use flambeau_tensor::DType;
use serde_json::{Map, Value, json};

const NAMES: [(&str, DType); 12] = [
    ("BOOL", DType::Bool),
    ("U8", DType::Byte),
    ("I8", DType::Char),
    ("I16", DType::Short),
    ("I32", DType::Int),
    ("I64", DType::Long),
    ("F16", DType::Half),
    ("BF16", DType::BFloat16),
    ("F32", DType::Float),
    ("F64", DType::Double),
    ("C64", DType::ComplexFloat),
    ("C128", DType::ComplexDouble),
];

/// All tensors, as a dict by name.
pub fn read(bytes: &[u8]) -> Result<Literal> {
    let cut = || "the file is cut off".to_owned();
    let (len, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| cut())?;
    let (header, data) = rest.split_at_checked(len).ok_or_else(cut)?;
    let header: Map<String, Value> =
        serde_json::from_slice(header).map_err(|e| format!("the header is not a JSON object: {e}"))?;
    let mut tensors = Vec::new();
    for (name, entry) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let wrong = |what: &str| format!("the header of `{name}` has no valid `{what}`");
        let dtype = entry["dtype"].as_str().ok_or_else(|| wrong("dtype"))?;
        let dtype = NAMES
            .iter()
            .find(|(own, _)| *own == dtype)
            .map(|(_, dtype)| *dtype)
            .ok_or_else(|| format!("`{name}` has the dtype `{dtype}`, which is not known here"))?;
        let ints =
            |what: &str| -> Option<Vec<u64>> { entry[what].as_array()?.iter().map(Value::as_u64).collect() };
        let sizes = ints("shape").ok_or_else(|| wrong("shape"))?;
        let sizes = sizes
            .into_iter()
            .map(|size| i64::try_from(size).map_err(|_| wrong("shape")));
        let sizes = sizes.collect::<Result<Vec<_>>>()?;
        let range = ints("data_offsets").ok_or_else(|| wrong("data_offsets"))?;
        let &[start, end] = &range[..] else {
            return Err(wrong("data_offsets"));
        };
        let (start, end) = (usize::try_from(start), usize::try_from(end));
        let bytes = match (start, end) {
            (Ok(start), Ok(end)) => data.get(start..end),
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| format!("`{name}` lies outside of the file"))?;
        let tensor = from_bytes(bytes.to_vec(), &sizes, None, dtype).map_err(|e| format!("`{name}`: {e}"))?;
        tensors.push((
            start.unwrap_or(0),
            Literal::Str(name.clone()),
            Literal::Tensor(tensor),
        ));
    }
    // The JSON object does not keep its order; the bytes do.
    tensors.sort_by_key(|(start, ..)| *start);
    Ok(Literal::Dict(
        tensors
            .into_iter()
            .map(|(_, name, tensor)| (name, tensor))
            .collect(),
    ))
}

pub fn write(value: &Literal) -> Result<Vec<u8>> {
    let mut tensors = value.named_tensors()?;
    // Wide elements first, so that all are aligned; by name among equals, as the reference implementation does.
    tensors.sort_by(|(a, x), (b, y)| y.dtype().size().cmp(&x.dtype().size()).then_with(|| a.cmp(b)));
    let (mut header, mut data) = (String::from("{"), Vec::new());
    for (i, (name, tensor)) in tensors.iter().enumerate() {
        let dtype = NAMES
            .iter()
            .find(|(_, dtype)| *dtype == tensor.dtype())
            .map(|(name, _)| name)
            .ok_or_else(|| {
                format!(
                    "`{name}` has the dtype {}, which the format does not know",
                    tensor.dtype().torch_name()
                )
            })?;
        if tensors[..i].iter().any(|(other, _)| other == name) {
            return Err(format!("there are two tensors named `{name}`"));
        }
        let start = data.len();
        data.extend(to_bytes(tensor)?);
        let entry = json!({"dtype": dtype, "shape": tensor.sizes(), "data_offsets": [start, data.len()]});
        let comma = if i == 0 { "" } else { "," };
        header.push_str(&format!("{comma}{}:{entry}", Value::String(name.clone())));
    }
    header.push('}');
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(data);
    Ok(out)
}
