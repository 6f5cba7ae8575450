//! Choosing by masks.

use super::by_size;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::pointwise::call::{Arg, To};
use crate::storage::Access;
use crate::tensor::Tensor;
use crate::{ensure, pointwise};

fn check_mask(mask: &Tensor, name: &str) -> Result<()> {
    ensure!(
        matches!(mask.dtype(), DType::Bool | DType::Byte),
        "{name}: expected BoolTensor for mask, found {}",
        mask.dtype().name()
    );
    Ok(())
}

/// `value` where the mask is true, else `x`; the dtype stays `x`'s.
pub fn masked_fill(x: &Tensor, mask: &Tensor, value: Arg) -> Result<Tensor> {
    masked_fill_to(To::New, x, mask, value)
}

/// [`masked_fill`] into a target.
pub fn masked_fill_to(to: To, x: &Tensor, mask: &Tensor, value: Arg) -> Result<Tensor> {
    ensure!(
        mask.dtype() == DType::Bool,
        "masked_fill_ only supports boolean masks, but got mask with dtype {}",
        mask.dtype().name()
    );
    if let Arg::Tensor(v) = value {
        ensure!(
            v.dim() == 0,
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).",
            v.dim()
        );
    }
    if value.dtype().is_complex() && !x.is_complex() {
        crate::bail!(
            "value cannot be converted to type {} without overflow",
            c_name(x.dtype())
        );
    }
    pointwise::ternary::choose_as(to, mask, value, x.into(), x.dtype())
}

/// The C type that PyTorch names in conversion errors.
fn c_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Byte => "uint8_t",
        DType::Char => "int8_t",
        DType::Short => "int16_t",
        DType::Int => "int",
        DType::Long => "int64_t",
        DType::Half => "at::Half",
        DType::BFloat16 => "at::BFloat16",
        DType::Double => "double",
        DType::Bool => "bool",
        _ => "float",
    }
}

/// The mask and tensor expanded to one shape, contiguous; the mask as bytes 0 and 1.
fn together(x: &Tensor, mask: &Tensor) -> Result<(Tensor, Vec<u8>)> {
    let shape = broadcast_shapes(x.sizes(), mask.sizes())?;
    let mask = mask
        .to_dtype(DType::Bool)?
        .expand(&shape)?
        .to_dtype(DType::Byte)?;
    Ok((x.expand(&shape)?, mask.to_vec::<u8>()?))
}

/// The elements where the mask is true, as a vector.
pub fn masked_select(x: &Tensor, mask: &Tensor) -> Result<Tensor> {
    check_mask(mask, "masked_select")?;
    let (x, mask) = together(x, mask)?;
    let x = x.contiguous()?;
    let n = mask.iter().map(|b| *b as i64).sum::<i64>();
    let out = Tensor::empty(&[n], x.dtype())?;
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    by_size!(x.dtype().size(), T => {
        let (from, mut to) = (x.meta().ptr().cast::<T>(), out.meta().ptr().cast::<T>());
        for (i, _) in mask.iter().enumerate().filter(|(_, b)| **b != 0) {
            // SAFETY: `x` has an element per byte of the mask, the output one per true byte.
            unsafe {
                to.write(from.add(i).read_unaligned());
                to = to.add(1);
            }
        }
    });
    drop(access);
    Ok(out)
}

/// `x` with elements of `source`, in order, where the mask is true.
pub fn masked_scatter(x: &Tensor, mask: &Tensor, source: &Tensor) -> Result<Tensor> {
    ensure!(
        mask.dtype() == DType::Bool,
        "masked_scatter_ only supports boolean masks, but got mask with dtype {}",
        mask.dtype().name()
    );
    ensure!(
        x.dtype() == source.dtype(),
        "masked_scatter: expected self and source to have same dtypes but got {} and {}",
        x.dtype().name(),
        source.dtype().name()
    );
    let (x, mask) = together(x, mask)?;
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    let source = source.contiguous()?;
    let n = mask.iter().map(|b| *b as i64).sum::<i64>();
    ensure!(
        n <= source.numel(),
        "masked_scatter: expected self and source to have the same number of elements as the mask has ones: {n}, found {}",
        source.numel()
    );
    let access = Access::take([&**source.storage()], [&**out.storage()])?;
    by_size!(x.dtype().size(), T => {
        let (mut from, to) = (source.meta().ptr().cast::<T>(), out.meta().ptr().cast::<T>());
        for (i, _) in mask.iter().enumerate().filter(|(_, b)| **b != 0) {
            // SAFETY: the output has an element per byte of the mask, the source one per true byte.
            unsafe {
                to.add(i).write(from.read_unaligned());
                from = from.add(1);
            }
        }
    });
    drop(access);
    Ok(out)
}

/// The positions of elements that are not zero: a row for each, a column for each dimension.
pub fn nonzero(x: &Tensor) -> Result<Tensor> {
    let truth = x.to_dtype(DType::Bool)?.to_dtype(DType::Byte)?.to_vec::<u8>()?;
    let n: i64 = truth.iter().map(|b| *b as i64).sum();
    let dims = x.dim();
    // One dimension after the other, as in PyTorch: each column is a ready index vector.
    let out = Tensor::empty_strided(&[n, dims as i64], &[1, n.max(1)], DType::Long)?;
    if dims == 0 || n == 0 {
        return Ok(out);
    }
    let mut write = out.write()?;
    let data = write.memory::<i64>()?;
    let n = n as usize;
    let sizes = x.sizes();
    for (row, (i, _)) in truth.iter().enumerate().filter(|(_, b)| **b != 0).enumerate() {
        let mut rest = i as i64;
        for d in (0..dims).rev() {
            data[d * n + row] = rest % sizes[d];
            rest /= sizes[d];
        }
    }
    drop(write);
    Ok(out)
}
