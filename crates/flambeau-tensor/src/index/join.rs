//! Joining, repeating, turning and cutting tensors.

use super::along::select_slices;
use crate::dtype::{DType, ResultType};
use crate::error::Result;
use crate::layout::{Dims, MemoryFormat, dim_mask, show, wrap_dim};
use crate::storage::Access;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// A 1-d tensor without elements is ignored by `cat`, whatever the other shapes.
fn is_skipped(t: &Tensor) -> bool {
    t.dim() == 1 && t.sizes()[0] == 0
}

/// Joins along an existing dimension; dtypes promote.
pub fn cat(tensors: &[Tensor], dim: i64) -> Result<Tensor> {
    ensure!(
        !tensors.is_empty(),
        "torch.cat(): expected a non-empty list of Tensors"
    );
    let mut dtype = ResultType::default();
    for (i, t) in tensors.iter().enumerate() {
        ensure!(
            t.dim() > 0,
            "zero-dimensional tensor (at position {i}) cannot be concatenated"
        );
        dtype = dtype.tensor(t.dtype(), t.dim());
    }
    let dtype = dtype.get().unwrap_or(DType::Float);
    let Some(first) = tensors.iter().find(|t| !is_skipped(t)) else {
        wrap_dim(dim, 1)?;
        return Tensor::empty(&[0], dtype);
    };
    let d = wrap_dim(dim, first.dim())?;
    let mut shape = Dims::from_slice(first.sizes());
    shape[d] = 0;
    for (i, t) in tensors.iter().enumerate().filter(|(_, t)| !is_skipped(t)) {
        ensure!(
            t.dim() == first.dim(),
            "Tensors must have same number of dimensions: got {} and {}",
            first.dim(),
            t.dim()
        );
        for (k, (&a, &b)) in first.sizes().iter().zip(t.sizes()).enumerate() {
            ensure!(
                k == d || a == b,
                "Sizes of tensors must match except in dimension {d}. Expected size {a} but got size {b} for tensor number \
                 {i} in the list."
            );
        }
        shape[d] = match shape[d].checked_add(t.sizes()[d]) {
            Some(n) => n,
            None => bail!("torch.cat(): the result is too large"),
        };
    }
    let format = first.suggest_memory_format();
    let same = tensors
        .iter()
        .filter(|t| !is_skipped(t))
        .all(|t| t.suggest_memory_format() == format);
    let out = Tensor::empty_format(
        &shape,
        dtype,
        if same { format } else { MemoryFormat::Contiguous },
    )?;
    let mut at = 0;
    for t in tensors.iter().filter(|t| !is_skipped(t)) {
        let n = t.sizes()[d];
        out.narrow(d as i64, at, n)?.copy_(t)?;
        at += n;
    }
    Ok(out)
}

/// Joins along a new dimension; all shapes must be equal.
pub fn stack(tensors: &[Tensor], dim: i64) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        bail!("stack expects a non-empty TensorList")
    };
    for (i, t) in tensors.iter().enumerate() {
        ensure!(
            t.sizes() == first.sizes(),
            "stack expects each tensor to be equal size, but got {} at entry 0 and {} at entry {i}",
            show(first.sizes()),
            show(t.sizes())
        );
    }
    let d = wrap_dim(dim, first.dim() + 1)? as i64;
    let parts = tensors
        .iter()
        .map(|t| t.unsqueeze(d))
        .collect::<Result<Vec<_>>>()?;
    cat(&parts, d)
}

/// Reverses dimensions.
pub fn flip(x: &Tensor, dims: &[i64]) -> Result<Tensor> {
    let mask = dim_mask(dims, x.dim())?;
    let out = x.empty_like(None, MemoryFormat::Preserve)?;
    if x.numel() == 0 {
        return Ok(out);
    }
    let m = x.meta();
    let (mut strides, mut offset) = (Dims::from_slice(m.strides()), m.offset());
    for (d, flipped) in mask.iter().enumerate() {
        if *flipped {
            offset += (m.sizes()[d] - 1) * strides[d];
            strides[d] = -strides[d];
        }
    }
    out.copy_(&x.alias(m.sizes().into(), strides, offset)?)?;
    Ok(out)
}

/// Shifts elements around dimensions; without `dims`, around the flattened tensor.
pub fn roll(x: &Tensor, shifts: &[i64], dims: &[i64]) -> Result<Tensor> {
    ensure!(!shifts.is_empty(), "`shifts` required");
    if dims.is_empty() && shifts.len() == 1 {
        let flat = x.contiguous()?.view(&[-1])?;
        return roll(&flat, shifts, &[0])?.view(x.sizes());
    }
    ensure!(
        shifts.len() == dims.len(),
        "shifts and dimensions must align. shifts: {}, dims:{}",
        shifts.len(),
        dims.len()
    );
    let mut out = x.clone();
    for (&shift, &dim) in shifts.iter().zip(dims) {
        ensure!(
            out.dim() > 0,
            Index,
            "Dimension specified as {dim} but tensor has no dimensions"
        );
        let d = wrap_dim(dim, x.dim())?;
        if out.numel() == 0 {
            return out.copy();
        }
        let n = out.sizes()[d];
        let start = (n - shift.rem_euclid(n)) % n;
        let d = d as i64;
        out = cat(&[out.narrow(d, start, n - start)?, out.narrow(d, 0, start)?], d)?;
    }
    Ok(out)
}

/// Turns by `k` quarter turns in the plane of two dimensions.
pub fn rot90(x: &Tensor, k: i64, dims: &[i64]) -> Result<Tensor> {
    let &[a, b] = dims else {
        bail!("expected total rotation dims == 2, but got dims = {}", dims.len())
    };
    ensure!(
        x.dim() >= 2,
        "expected total dims >= 2, but got total dims = {}",
        x.dim()
    );
    let (wa, wb) = (wrap_dim(a, x.dim())?, wrap_dim(b, x.dim())?);
    ensure!(
        wa != wb,
        "expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}"
    );
    match k.rem_euclid(4) {
        1 => flip(x, &[b])?.transpose(a, b)?.contiguous(),
        2 => flip(x, dims),
        3 => flip(x, &[a])?.transpose(a, b)?.contiguous(),
        _ => x.clone_format(MemoryFormat::Contiguous),
    }
}

/// Copies side by side, `repeats[d]` times along dimension `d` (new leading dimensions first).
pub fn repeat(x: &Tensor, repeats: &[i64]) -> Result<Tensor> {
    ensure!(
        repeats.len() >= x.dim(),
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
    );
    let lead = repeats.len() - x.dim();
    let mut padded = Dims::from_elem(1, lead);
    padded.extend_from_slice(x.sizes());
    let mut shape = Dims::new();
    for (&n, &r) in padded.iter().zip(repeats) {
        ensure!(
            r >= 0,
            "Trying to create tensor with negative dimension {}: repeats {}",
            n.wrapping_mul(r),
            show(repeats)
        );
        match n.checked_mul(r) {
            Some(s) => shape.push(s),
            None => bail!("repeat: the result is too large"),
        }
    }
    let out = Tensor::empty(&shape, x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    // Seen as repeats[0] × n0 × repeats[1] × n1 …, the output is `x` expanded.
    let (mut sizes, mut strides) = (Dims::new(), Dims::new());
    for ((&n, &r), &s) in padded.iter().zip(repeats).zip(out.strides()) {
        sizes.extend_from_slice(&[r, n]);
        strides.extend_from_slice(&[s * n, s]);
    }
    let source: Dims = padded.iter().flat_map(|n| [1, *n]).collect();
    let target = out.alias(sizes, strides, 0)?;
    target.copy_(&x.reshape(&source)?)?;
    Ok(out)
}

/// As `repeat`, with missing repeats counting as 1.
pub fn tile(x: &Tensor, repeats: &[i64]) -> Result<Tensor> {
    let mut padded = vec![1; x.dim().saturating_sub(repeats.len())];
    padded.extend_from_slice(repeats);
    repeat(x, &padded)
}

/// Index `i`, `repeats[i]` times, for all `i`.
pub fn repeat_interleave_indices(repeats: &Tensor) -> Result<Tensor> {
    ensure!(
        repeats.dim() == 1,
        "repeat_interleave only accept 1D vector as repeat"
    );
    ensure!(
        matches!(repeats.dtype(), DType::Long | DType::Int),
        "repeats has to be Long or Int tensor"
    );
    let repeats = repeats.to_vec::<i64>()?;
    ensure!(repeats.iter().all(|r| *r >= 0), "repeats can not be negative");
    let total = repeats.iter().try_fold(0i64, |a, r| a.checked_add(*r));
    let Some(total) = total else {
        bail!("repeat_interleave: the result is too large")
    };
    let out = Tensor::empty(&[total], DType::Long)?;
    let mut write = out.write()?;
    let mut rest = write.slice::<i64>()?;
    for (i, r) in repeats.iter().enumerate() {
        let (head, tail) = rest.split_at_mut(*r as usize);
        head.fill(i as i64);
        rest = tail;
    }
    drop(write);
    Ok(out)
}

/// Each slice along `dim` (of the flattened tensor without one) `repeats` times in a row.
pub fn repeat_interleave(x: &Tensor, repeats: &Tensor, dim: Option<i64>) -> Result<Tensor> {
    let (x, d) = match dim {
        Some(dim) => (x.clone(), wrap_dim(dim, x.dim())?),
        None => (x.reshape(&[-1])?, 0),
    };
    let x = if x.dim() == 0 { x.reshape(&[1])? } else { x };
    let n = x.sizes()[d];
    let repeats = if repeats.dim() == 0 || (repeats.dim() == 1 && repeats.sizes()[0] == 1) {
        repeats.reshape(&[1])?.expand(&[n])?
    } else {
        repeats.clone()
    };
    ensure!(
        repeats.dim() == 1 && repeats.sizes()[0] == n,
        "repeats must have the same size as input along dim, but got repeats.size(0) = {} and input.size({d}) = {n}",
        repeats.sizes().first().copied().unwrap_or(1)
    );
    let index = repeat_interleave_indices(&repeats)?.to_vec::<i64>()?;
    select_slices(&x, d, &index, "index out of range in self")
}

pub fn repeat_interleave_each(x: &Tensor, repeats: i64, dim: Option<i64>) -> Result<Tensor> {
    repeat_interleave(x, &Tensor::scalar_tensor(repeats, DType::Long)?, dim)
}

fn triangle(x: &Tensor, diagonal: i64, lower: bool, name: &str) -> Result<Tensor> {
    ensure!(
        x.dim() >= 2,
        "{name}: input tensor must have at least 2 dimensions"
    );
    let x = x.contiguous()?;
    let out = Tensor::zeros(x.sizes(), x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let n = x.dim();
    let (rows, columns) = (x.sizes()[n - 2], x.sizes()[n - 1]);
    let item = x.dtype().size();
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    let (from, to) = (x.meta().ptr(), out.meta().ptr());
    for r in 0..x.numel() / columns {
        let edge = (r % rows).saturating_add(diagonal);
        let (start, end) = if lower {
            (0, edge.saturating_add(1).clamp(0, columns))
        } else {
            (edge.clamp(0, columns), columns)
        };
        if start < end {
            let at = (r * columns + start) as usize * item;
            // SAFETY: both are contiguous; the range lies within row `r`.
            unsafe {
                to.add(at)
                    .copy_from_nonoverlapping(from.add(at), (end - start) as usize * item)
            };
        }
    }
    drop(access);
    Ok(out)
}

/// The lower triangle of matrices, zeros above.
pub fn tril(x: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle(x, diagonal, true, "tril")
}

/// The upper triangle of matrices, zeros below.
pub fn triu(x: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle(x, diagonal, false, "triu")
}

fn triangle_indices(rows: i64, columns: i64, offset: i64, lower: bool, dtype: DType) -> Result<Tensor> {
    ensure!(rows >= 0, "row must be non-negative, got{rows}");
    ensure!(columns >= 0, "col must be non-negative, got{columns}");
    let range = |r: i64| {
        let edge = r.saturating_add(offset);
        if lower {
            (0, edge.saturating_add(1).clamp(0, columns))
        } else {
            (edge.clamp(0, columns), columns)
        }
    };
    let mut total = 0i64;
    if columns > 0 {
        // Bounded before anything is allocated; a storage of that many indices is checked below.
        crate::layout::checked_numel(&[rows, columns, 16])?;
        for r in 0..rows {
            let (a, b) = range(r);
            total += (b - a).max(0);
        }
    }
    let out = Tensor::empty(&[2, total], DType::Long)?;
    let mut write = out.write()?;
    let (i, j) = write.slice::<i64>()?.split_at_mut(total as usize);
    let mut at = 0;
    if total > 0 {
        for r in 0..rows {
            let (a, b) = range(r);
            for c in a..b {
                (i[at], j[at]) = (r, c);
                at += 1;
            }
        }
    }
    drop(write);
    out.to_dtype(dtype)
}

/// Row and column indices of the lower triangle.
pub fn tril_indices(rows: i64, columns: i64, offset: i64, dtype: DType) -> Result<Tensor> {
    triangle_indices(rows, columns, offset, true, dtype)
}

pub fn triu_indices(rows: i64, columns: i64, offset: i64, dtype: DType) -> Result<Tensor> {
    triangle_indices(rows, columns, offset, false, dtype)
}
