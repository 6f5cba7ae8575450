//! NumPy's `.npy` and `.npz`.
//!
//! ```text
//! "\x93NUMPY" | version, 2 bytes | length of the header | a Python dict as text, padded to 64 bytes | the elements
//! ```

use super::{Literal, Result, from_bytes, swap, text, to_bytes};
use flambeau_archive::{Archive, ArchiveWriter, Limits, Packing};
use flambeau_tensor::{DType, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

pub fn read(bytes: &[u8]) -> Result<Tensor> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("this is not an `.npy` file")?;
    let cut = || "the file is cut off".to_owned();
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (len, rest) = if major == 1 {
        let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        (usize::from(u16::from_le_bytes(*len)), rest)
    } else {
        let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        (u32::from_le_bytes(*len) as usize, rest)
    };
    if !(1..=3).contains(&major) {
        return Err(format!("version {major} of the format is not known"));
    }
    let (header, data) = rest.split_at_checked(len).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header is not text")?;
    let Literal::Dict(header) = text::parse_data(header.trim())? else {
        return Err("the header should be a dict".into());
    };
    let field = |name: &str| {
        let found = header
            .iter()
            .find(|(key, _)| matches!(key, Literal::Str(key) if key == name));
        found
            .map(|(_, value)| value)
            .ok_or_else(|| format!("the header has no `{name}`"))
    };
    let (dtype, big) = match field("descr")? {
        Literal::Str(descr) => element(descr)?,
        _ => return Err("arrays of records have no tensor counterpart".into()),
    };
    let Literal::Bool(fortran) = *field("fortran_order")? else {
        return Err("`fortran_order` should be a bool".into());
    };
    let Literal::Tuple(shape) = field("shape")? else {
        return Err("`shape` should be a tuple".into());
    };
    let sizes = shape.iter().map(|size| match size {
        Literal::Int(size) if *size >= 0 => Ok(*size),
        _ => Err("`shape` should hold sizes".to_owned()),
    });
    let sizes = sizes.collect::<Result<Vec<_>>>()?;
    let mut data = data.to_vec();
    if big {
        swap(&mut data, dtype);
    }
    // In Fortran's order the first dimension is the innermost.
    let strides = fortran.then(|| {
        let reversed: Vec<i64> = sizes.iter().rev().copied().collect();
        super::row_major(&reversed).into_iter().rev().collect::<Vec<_>>()
    });
    from_bytes(data, &sizes, strides.as_deref(), dtype)
}

/// The dtype of a description such as `<f4`, and whether it is big-endian.
fn element(descr: &str) -> Result<(DType, bool)> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
    let dtype = match kind {
        "b1" => DType::Bool,
        "u1" => DType::Byte,
        "i1" => DType::Char,
        "i2" => DType::Short,
        "i4" => DType::Int,
        "i8" => DType::Long,
        "f2" => DType::Half,
        "f4" => DType::Float,
        "f8" => DType::Double,
        "c8" => DType::ComplexFloat,
        "c16" => DType::ComplexDouble,
        _ => {
            return Err(format!(
                "arrays of dtype `{descr}` have no tensor counterpart; convert them in NumPy"
            ));
        }
    };
    match order {
        "<" | "|" | "=" => Ok((dtype, false)),
        ">" => Ok((dtype, true)),
        _ => Err(format!("`{descr}` is not a dtype")),
    }
}

pub fn write(tensor: &Tensor) -> Result<Vec<u8>> {
    let (descr, tensor) = match tensor.dtype() {
        DType::Bool => ("|b1", tensor.clone()),
        DType::Byte => ("|u1", tensor.clone()),
        DType::Char => ("|i1", tensor.clone()),
        DType::Short => ("<i2", tensor.clone()),
        DType::Int => ("<i4", tensor.clone()),
        DType::Long => ("<i8", tensor.clone()),
        DType::UInt64 => ("<u8", tensor.clone()),
        DType::Half => ("<f2", tensor.clone()),
        DType::Float => ("<f4", tensor.clone()),
        DType::Double => ("<f8", tensor.clone()),
        DType::ComplexFloat => ("<c8", tensor.clone()),
        DType::ComplexDouble => ("<c16", tensor.clone()),
        // NumPy has no such type; every bfloat16 is a float32.
        DType::BFloat16 => ("<f4", tensor.to_dtype(DType::Float).map_err(|e| e.to_string())?),
        other => {
            return Err(format!(
                "tensors of dtype {} have no NumPy counterpart",
                other.torch_name()
            ));
        }
    };
    let sizes: Vec<String> = tensor.sizes().iter().map(|size| format!("{size},")).collect();
    let sizes = if sizes.len() == 1 {
        sizes[0].clone()
    } else {
        sizes.join(" ").trim_end_matches(',').to_owned()
    };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let whole = (MAGIC.len() + 4 + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(
        ' ',
        whole - MAGIC.len() - 4 - header.len() - 1,
    ));
    header.push('\n');
    let len = u16::try_from(header.len()).map_err(|_| "the tensor has too many dimensions for the format")?;
    let mut out = [MAGIC, &[1, 0], &len.to_le_bytes(), header.as_bytes()].concat();
    out.extend(to_bytes(&tensor)?);
    Ok(out)
}

/// A zip file of `.npy` files, as a dict.
pub fn read_npz(bytes: Vec<u8>) -> Result<Literal> {
    // The user's own file: it may shrink as much as deflate can make it.
    let limits = Limits {
        inflate_ratio: 1100,
        ..Limits::default()
    };
    let archive = Archive::from_bytes(bytes, &limits).map_err(|e| e.to_string())?;
    // Without a top folder the names are those of the arrays.
    let top = if archive.root().is_empty() {
        String::new()
    } else {
        format!("{}/", archive.root())
    };
    let arrays = archive.entries().iter().map(|entry| {
        let contents = archive.read(&entry.name).map_err(|e| e.to_string())?;
        let name = entry.name.strip_suffix(".npy").unwrap_or(&entry.name);
        let tensor = read(&contents).map_err(|e| format!("`{name}`: {e}"))?;
        Ok((Literal::Str(format!("{top}{name}")), Literal::Tensor(tensor)))
    });
    arrays.collect::<Result<Vec<_>>>().map(Literal::Dict)
}

pub fn write_npz(value: &Literal) -> Result<Vec<u8>> {
    let mut writer = ArchiveWriter::new(Vec::new(), "").map_err(|e| e.to_string())?;
    for (name, tensor) in value.named_tensors()? {
        writer
            .add(&format!("{name}.npy"), &write(&tensor)?, Packing::Stored)
            .map_err(|e| e.to_string())?;
    }
    writer.finish_plain().map_err(|e| e.to_string())
}
