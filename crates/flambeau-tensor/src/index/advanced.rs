//! `x[i, :, mask]`: indexing with tensors, which broadcast against each other.
//!
//! ```text
//!   x: before × indexed × after      out: before × index shape × after
//! ```
//! Indexed dimensions that are not neighbours move to the front first, as in NumPy.

use smallvec::SmallVec;

use super::mask::nonzero;
use super::{by_size, out_of_bounds, wrap};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, broadcast_shapes, show};
use crate::parallel::{SharedMut, parallel_for};
use crate::pointwise::strided;
use crate::storage::Access;
use crate::tensor::Tensor;
use crate::{bail, ensure, pointwise};

/// Where the indices point.
struct Plan {
    /// shape of the result
    shape: Dims,
    /// element offset of each index position
    offsets: Vec<i64>,
    before: (Dims, Dims),
    after: (Dims, Dims),
}

/// Masks become one index vector per dimension of the mask.
fn expand_masks(x: &Tensor, indices: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
    let mut out: Vec<Option<Tensor>> = Vec::new();
    for index in indices {
        let Some(t) = index else {
            out.push(None);
            continue;
        };
        match t.dtype() {
            DType::Bool | DType::Byte => {
                for k in 0..t.dim() {
                    let d = out.len() + k;
                    ensure!(
                        x.sizes().get(d) == Some(&t.sizes()[k]),
                        Index,
                        "The shape of the mask {} at index {k} does not match the shape of the indexed tensor {} at index {d}",
                        show(t.sizes()),
                        show(x.sizes())
                    );
                }
                let places = nonzero(t)?;
                for k in 0..t.dim() as i64 {
                    out.push(Some(places.select(1, k)?));
                }
                if t.dim() == 0 {
                    bail!(Index, "indexing with a 0-dimensional mask is not supported here");
                }
            }
            DType::Long | DType::Int | DType::Short | DType::Char => out.push(Some(t.to_dtype(DType::Long)?)),
            _ => bail!(
                Index,
                "tensors used as indices must be long, int, byte or bool tensors"
            ),
        }
    }
    ensure!(
        out.len() <= x.dim(),
        Index,
        "too many indices for tensor of dimension {} (got {})",
        x.dim(),
        out.len()
    );
    out.resize(x.dim(), None);
    Ok(out)
}

fn plan(x: &Tensor, indices: &[Option<Tensor>]) -> Result<Plan> {
    let indices = expand_masks(x, indices)?;
    let indexed: Vec<usize> = (0..indices.len()).filter(|d| indices[*d].is_some()).collect();
    let mut shape = Dims::new();
    for t in indices.iter().flatten() {
        shape = match broadcast_shapes(&shape, t.sizes()) {
            Ok(s) => s,
            Err(_) => {
                let shapes: Vec<String> = indices.iter().flatten().map(|t| show(t.sizes())).collect();
                bail!(
                    Index,
                    "shape mismatch: indexing tensors could not be broadcast together with shapes {}",
                    shapes.join(", ")
                )
            }
        };
    }
    let adjacent = indexed.windows(2).all(|w| w[1] == w[0] + 1);
    let first = if adjacent {
        indexed.first().copied().unwrap_or(0)
    } else {
        0
    };
    let side = |keep: &dyn Fn(usize) -> bool| -> (Dims, Dims) {
        let dims: SmallVec<[usize; 6]> = (0..x.dim())
            .filter(|d| indices[*d].is_none() && keep(*d))
            .collect();
        (
            dims.iter().map(|d| x.sizes()[*d]).collect(),
            dims.iter().map(|d| x.strides()[*d]).collect(),
        )
    };
    let before = side(&|d| adjacent && d < first);
    let after = side(&|d| !adjacent || d >= first);
    let count = crate::layout::checked_numel(&shape)? as usize;
    let mut offsets = vec![0i64; count];
    for &d in &indexed {
        let Some(t) = &indices[d] else { continue };
        let (n, stride) = (x.sizes()[d], x.strides()[d]);
        let t = t.expand(&shape)?.contiguous()?;
        let read = t.read()?;
        let places = read.slice::<i64>()?;
        // Looked at before, so that neither loop is left early.
        if let Some(&i) = places.iter().find(|i| wrap(**i, n).is_none()) {
            return out_of_bounds(i, d, n);
        }
        for (o, &i) in offsets.iter_mut().zip(places) {
            *o += (if i < 0 { i + n } else { i }) * stride;
        }
    }
    let mut out_shape = before.0.clone();
    out_shape.extend_from_slice(&shape);
    out_shape.extend_from_slice(&after.0);
    Ok(Plan {
        shape: out_shape,
        offsets,
        before,
        after,
    })
}

impl Plan {
    /// Element offset in `x` of the `row`-th choice of dimensions before the indexed ones.
    fn row_offset(&self, mut row: usize) -> i64 {
        let mut offset = 0;
        for (n, s) in self.before.0.iter().zip(&self.before.1).rev() {
            offset += (row as i64 % n) * s;
            row /= *n as usize;
        }
        offset
    }

    /// Element offset in `x` of the `at`-th block of `after` elements.
    fn block_offset(&self, at: usize) -> i64 {
        let k = self.offsets.len();
        self.row_offset(at / k) + self.offsets[at % k]
    }

    /// The blocks of a range, a run at a time: where the run's row starts in `x`, the offsets from there, and the
    /// number of its first block.
    fn runs(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = (i64, &[i64], usize)> {
        let (k, end) = (self.offsets.len(), range.end);
        let mut at = range.start;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let (row, first) = (at / k, at % k);
                let last = k.min(first + end - at);
                let run = (self.row_offset(row), &self.offsets[first..last], at);
                at += last - first;
                run
            })
        })
    }
}

/// Sizes and byte strides of the `after` block, fastest first and merged.
fn block_layout(plan: &Plan, item: i64) -> (Dims, Dims) {
    let (mut sizes, mut strides) = (Dims::new(), Dims::new());
    for (&n, &s) in plan.after.0.iter().zip(&plan.after.1).rev() {
        if n == 1 {
            continue;
        }
        match (sizes.last_mut(), strides.last()) {
            (Some(last), Some(step)) if s * item == *step * *last => *last *= n,
            _ => {
                sizes.push(n);
                strides.push(s * item);
            }
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
        strides.push(item);
    }
    (sizes, strides)
}

/// Copies the elements at `offsets` from `from`, one after another.
///
/// # Safety
/// Offsets lie within `from`, and `to` has room for all of them; neither needs to be aligned.
unsafe fn elements<T: Copy>(from: *const u8, offsets: &[i64], to: *mut u8) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    for (i, &offset) in offsets.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            to.add(i)
                .write_unaligned(from.wrapping_offset(offset as isize).read_unaligned())
        };
    }
}

/// `x[indices]`; `None` stands for `:`.
pub fn index(x: &Tensor, indices: &[Option<Tensor>]) -> Result<Tensor> {
    let plan = plan(x, indices)?;
    let out = Tensor::empty(&plan.shape, x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let item = x.dtype().size();
    let (sizes, strides) = block_layout(&plan, item as i64);
    let block = sizes.iter().product::<i64>() as usize;
    let blocks = out.numel() as usize / block;
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    let (from, to) = (SharedMut(x.meta().ptr()), SharedMut(out.meta().ptr()));
    parallel_for(blocks, (1usize << 13).div_ceil(block), |range| {
        for (row, offsets, at) in plan.runs(range) {
            let from = from.get().wrapping_offset(row as isize * item as isize);
            // SAFETY: offsets were checked against the sizes; blocks of the output are disjoint.
            unsafe {
                let mut to = to.get().add(at * block * item);
                if block == 1 {
                    by_size!(item, T => elements::<T>(from, offsets, to));
                    continue;
                }
                for &offset in offsets {
                    let from = from.wrapping_offset(offset as isize * item as isize);
                    strided::gather(from, &sizes, &strides, item, 0, block, to);
                    to = to.add(block * item);
                }
            }
        }
    });
    drop(access);
    Ok(out)
}

/// `x[indices] = values`, or `+=` with `accumulate`, in place.
pub fn index_put_(x: &Tensor, indices: &[Option<Tensor>], values: &Tensor, accumulate: bool) -> Result<()> {
    ensure!(
        x.dtype() == values.dtype(),
        "Index put requires the source and destination dtypes match, got {} for the destination and {} for the source.",
        x.dtype().name(),
        values.dtype().name()
    );
    ensure!(
        !crate::layout::has_internal_overlap(x.sizes(), x.strides()),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. \
         Please clone() the tensor before performing the operation."
    );
    let plan = plan(x, indices)?;
    let values = match values.expand(&plan.shape) {
        Ok(v) => v,
        Err(_) => bail!(
            "shape mismatch: value tensor of shape {} cannot be broadcast to indexing result of shape {}",
            show(values.sizes()),
            show(&plan.shape)
        ),
    };
    if values.numel() == 0 {
        return Ok(());
    }
    let values = if values.shares_storage(x) {
        values.clone_format(crate::MemoryFormat::Contiguous)?
    } else {
        values.contiguous()?
    };
    let item = x.dtype().size();
    let (sizes, strides) = block_layout(&plan, item as i64);
    let block = sizes.iter().product::<i64>() as usize;
    let blocks = values.numel() as usize / block;
    if accumulate {
        // Add into a gathered block and put it back, one block after another: indices may repeat.
        let scratch = Tensor::empty(&[block as i64], x.dtype())?;
        for at in 0..blocks {
            let p = x
                .meta()
                .ptr()
                .wrapping_offset(plan.block_offset(at) as isize * item as isize);
            {
                let _access = Access::take([&**x.storage()], [&**scratch.storage()])?;
                // SAFETY: offsets were checked against the sizes.
                unsafe { strided::gather(p, &sizes, &strides, item, 0, block, scratch.meta().ptr()) };
            }
            let part = values.alias(
                Dims::from_slice(&[block as i64]),
                Dims::from_slice(&[1]),
                values.storage_offset() + (at * block) as i64,
            )?;
            pointwise::add_to(
                pointwise::To::InPlace(&scratch),
                (&scratch).into(),
                (&part).into(),
                1.into(),
            )?;
            let _access = Access::take([&**scratch.storage()], [&**x.storage()])?;
            // SAFETY: as above.
            unsafe { strided::scatter(p, &sizes, &strides, item, 0, block, scratch.meta().ptr()) };
        }
        return Ok(());
    }
    let _access = Access::take([&**values.storage()], [&**x.storage()])?;
    for at in 0..blocks {
        let p = x
            .meta()
            .ptr()
            .wrapping_offset(plan.block_offset(at) as isize * item as isize);
        // SAFETY: offsets were checked against the sizes; the values are contiguous.
        unsafe {
            strided::scatter(
                p,
                &sizes,
                &strides,
                item,
                0,
                block,
                values.meta().ptr().add(at * block * item),
            );
        }
    }
    Ok(())
}
