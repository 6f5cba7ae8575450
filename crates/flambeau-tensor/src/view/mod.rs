//! Views: other sizes and strides over the same storage, with PyTorch's rules and messages. Nothing is copied,
//! except by `reshape` and `flatten` when no view exists.
//!
//! Here are those that rearrange dimensions; [`parts`] takes parts of them, [`reinterpret`] reads the bytes as another
//! type, and [`in_place`] changes the layout that all holders of a tensor see.

mod in_place;
mod parts;
mod reinterpret;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::error::Result;
use crate::layout::{self, Dims, MemoryFormat, dim_mask, show, wrap_dim};
use crate::tensor::{Meta, Tensor};
use crate::{bail, ensure};

impl Tensor {
    /// The same elements with another shape; `-1` stands for what is left.
    pub fn view(&self, shape: &[i64]) -> Result<Tensor> {
        let m = self.meta();
        let shape = layout::infer_size(shape, m.numel())?;
        match layout::view_strides(m.sizes(), m.strides(), &shape) {
            Some(strides) => self.alias(shape, strides, m.offset()),
            None => bail!(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans \
                 across two contiguous subspaces). Use .reshape(...) instead."
            ),
        }
    }

    /// A view where one exists, else a copy.
    pub fn reshape(&self, shape: &[i64]) -> Result<Tensor> {
        let m = self.meta();
        let shape = layout::infer_size(shape, m.numel())?;
        match layout::view_strides(m.sizes(), m.strides(), &shape) {
            Some(strides) => self.alias(shape, strides, m.offset()),
            None => {
                let copy = self.clone_format(MemoryFormat::Contiguous)?;
                let strides = layout::contiguous_strides(&shape);
                copy.alias(shape, strides, 0)
            }
        }
    }

    pub fn reshape_as(&self, other: &Tensor) -> Result<Tensor> {
        self.reshape(other.sizes())
    }

    pub fn view_as(&self, other: &Tensor) -> Result<Tensor> {
        self.view(other.sizes())
    }

    /// Any layout over the storage, checked against its size.
    pub fn as_strided(&self, sizes: &[i64], strides: &[i64], offset: Option<i64>) -> Result<Tensor> {
        if let Some(s) = strides.iter().find(|s| **s < 0) {
            bail!("as_strided: Negative strides are not supported at the moment, got strides: {s}");
        }
        self.alias(
            sizes.into(),
            strides.into(),
            offset.unwrap_or(self.storage_offset()),
        )
    }

    /// Sizes of 1 repeat to the given ones without copying; `-1` keeps a size.
    pub fn expand(&self, shape: &[i64]) -> Result<Tensor> {
        let m = self.meta();
        let (old, n) = (m.sizes(), shape.len());
        ensure!(
            n >= old.len(),
            "expand({}{}, size={}): the number of sizes provided ({n}) must be greater or equal to the number of \
             dimensions in the tensor ({})",
            m.dtype().torch_name(),
            show(old),
            show(shape),
            old.len()
        );
        let lead = n - old.len();
        let (mut sizes, mut strides): (Dims, Dims) = (SmallVec::with_capacity(n), SmallVec::with_capacity(n));
        for (d, &want) in shape.iter().enumerate() {
            let (have, stride) = if d < lead {
                (1, 0)
            } else {
                (old[d - lead], m.strides()[d - lead])
            };
            let size = if want == -1 {
                ensure!(
                    d >= lead,
                    "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {d}"
                );
                have
            } else {
                want
            };
            ensure!(
                size >= 0,
                "expand: sizes must not be negative, found {size} at dimension {d}"
            );
            if size == have {
                sizes.push(size);
                strides.push(if d < lead { 0 } else { stride });
                continue;
            }
            ensure!(
                have == 1,
                "The expanded size of the tensor ({size}) must match the existing size ({have}) at non-singleton \
                 dimension {d}.  Target sizes: {}.  Tensor sizes: {}",
                show(shape),
                show(old)
            );
            sizes.push(size);
            strides.push(0);
        }
        self.alias(sizes, strides, m.offset())
    }

    pub fn expand_as(&self, other: &Tensor) -> Result<Tensor> {
        self.expand(other.sizes())
    }

    pub fn broadcast_to(&self, shape: &[i64]) -> Result<Tensor> {
        self.expand(shape)
    }

    /// Expands all to their common shape.
    pub fn broadcast_tensors(tensors: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut shape = Dims::new();
        for t in tensors {
            shape = layout::broadcast_shapes(&shape, t.sizes())?;
        }
        tensors.iter().map(|t| t.expand(&shape)).collect()
    }

    pub fn permute(&self, dims: &[i64]) -> Result<Tensor> {
        let m = self.meta();
        let n = m.sizes().len();
        ensure!(
            dims.len() == n,
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired \
             ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {}",
            dims.len()
        );
        let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, n);
        let (mut sizes, mut strides): (Dims, Dims) = (SmallVec::with_capacity(n), SmallVec::with_capacity(n));
        for &d in dims {
            let d = wrap_dim(d, n)?;
            ensure!(!seen[d], "permute(): duplicate dims are not allowed.");
            seen[d] = true;
            sizes.push(m.sizes()[d]);
            strides.push(m.strides()[d]);
        }
        self.alias(sizes, strides, m.offset())
    }

    pub fn transpose(&self, dim0: i64, dim1: i64) -> Result<Tensor> {
        let meta = transposed(self.meta(), dim0, dim1)?;
        Ok(meta.with_quantizer_of(self.meta()).into())
    }

    /// Swaps the two dimensions of a matrix; vectors and numbers stay.
    pub fn t(&self) -> Result<Tensor> {
        ensure!(
            self.dim() <= 2,
            "t() expects a tensor with <= 2 dimensions, but self is {}D",
            self.dim()
        );
        if self.dim() < 2 {
            self.alias_self()
        } else {
            self.transpose(0, 1)
        }
    }

    /// `x.T`: all dimensions reversed.
    pub fn numpy_t(&self) -> Result<Tensor> {
        let dims: Vec<i64> = (0..self.dim() as i64).rev().collect();
        self.permute(&dims)
    }

    /// `x.mT`: the last two dimensions swapped.
    pub fn mt(&self) -> Result<Tensor> {
        ensure!(
            self.dim() >= 2,
            "tensor.mT is only supported on matrices or batches of matrices. Got {}-D tensor.",
            self.dim()
        );
        self.transpose(-2, -1)
    }

    pub fn swapaxes(&self, a: i64, b: i64) -> Result<Tensor> {
        self.transpose(a, b)
    }

    /// Moves each `source[i]` to `destination[i]`; the others keep their order.
    pub fn movedim(&self, source: &[i64], destination: &[i64]) -> Result<Tensor> {
        let n = self.dim();
        ensure!(
            source.len() == destination.len(),
            "movedim: Invalid source or destination dims: source ({} dims) should contain the same number of dims as \
             destination ({} dims)",
            show(source),
            show(destination)
        );
        if n == 0 {
            dim_mask(source, 0)?;
            dim_mask(destination, 0)?;
            return self.alias_self();
        }
        let mut order: Vec<Option<i64>> = vec![None; n];
        let mut taken = vec![false; n];
        for (what, list) in [("source", source), ("destination", destination)] {
            let mut seen = vec![false; n];
            for &d in list {
                let d = wrap_dim(d, n)?;
                ensure!(!seen[d], "movedim: repeated dim in `{what}` ({})", show(list));
                seen[d] = true;
            }
        }
        for (&s, &d) in source.iter().zip(destination) {
            let s = wrap_dim(s, n)?;
            order[wrap_dim(d, n)?] = Some(s as i64);
            taken[s] = true;
        }
        let mut rest = (0..n).filter(|d| !taken[*d]);
        let order: Vec<i64> = order
            .into_iter()
            .map(|d| d.or_else(|| rest.next().map(|d| d as i64)).unwrap_or(0))
            .collect();
        self.permute(&order)
    }

    /// Without all dimensions of size 1.
    pub fn squeeze(&self) -> Result<Tensor> {
        Ok(squeezed(self.meta(), |_, s| s == 1)?.into())
    }

    /// Without that dimension, if its size is 1.
    pub fn squeeze_dim(&self, dim: i64) -> Result<Tensor> {
        self.squeeze_dims(&[dim])
    }

    pub fn squeeze_dims(&self, dims: &[i64]) -> Result<Tensor> {
        let mask = dim_mask(dims, self.dim())?;
        Ok(squeezed(self.meta(), |d, s| mask[d] && s == 1)?.into())
    }

    pub fn unsqueeze(&self, dim: i64) -> Result<Tensor> {
        Ok(unsqueezed(self.meta(), dim)?.into())
    }

    pub fn flatten(&self, start: i64, end: i64) -> Result<Tensor> {
        let n = self.dim();
        let (s, e) = (wrap_dim(start, n)?, wrap_dim(end, n)?);
        ensure!(
            s <= e,
            "flatten() has invalid args: start_dim cannot come after end_dim"
        );
        if n == 0 {
            return self.reshape(&[1]);
        }
        if s == e {
            return Ok(self.clone());
        }
        let sizes = self.sizes();
        let mut shape = Dims::from_slice(&sizes[..s]);
        shape.push(sizes[s..=e].iter().product());
        shape.extend_from_slice(&sizes[e + 1..]);
        self.reshape(&shape)
    }

    pub fn unflatten(&self, dim: i64, sizes: &[i64]) -> Result<Tensor> {
        let d = wrap_dim(dim, self.dim())?;
        ensure!(!sizes.is_empty(), "unflatten: sizes must be non-empty");
        let have = self.size(dim)?;
        let Ok(inner) = layout::infer_size(sizes, have) else {
            bail!(
                "unflatten: Provided sizes {} don't multiply up to the size of dim {d} ({have}) in the input tensor",
                show(sizes)
            );
        };
        let mut shape = Dims::from_slice(&self.sizes()[..d]);
        shape.extend_from_slice(&inner);
        shape.extend_from_slice(&self.sizes()[d + 1..]);
        self.view(&shape)
    }

    /// Another tensor object over the same elements (`alias`, and views that change nothing).
    pub fn alias_self(&self) -> Result<Tensor> {
        Ok(self.detach())
    }
}

fn transposed(m: &Meta, dim0: i64, dim1: i64) -> Result<Meta> {
    let n = m.sizes().len();
    let (a, b) = (wrap_dim(dim0, n)?, wrap_dim(dim1, n)?);
    let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
    if n > 0 {
        sizes.swap(a, b);
        strides.swap(a, b);
    }
    Ok(Meta::new(m.storage().clone(), sizes, strides, m.offset(), m.dtype())?.with_quantizer_of(m))
}

fn squeezed(m: &Meta, drop: impl Fn(usize, i64) -> bool) -> Result<Meta> {
    let (mut sizes, mut strides) = (Dims::new(), Dims::new());
    for (d, (&s, &st)) in m.sizes().iter().zip(m.strides()).enumerate() {
        if !drop(d, s) {
            sizes.push(s);
            strides.push(st);
        }
    }
    Ok(Meta::new(m.storage().clone(), sizes, strides, m.offset(), m.dtype())?.with_quantizer_of(m))
}

fn unsqueezed(m: &Meta, dim: i64) -> Result<Meta> {
    let n = m.sizes().len();
    let d = wrap_dim(dim, n + 1)?;
    let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
    let stride = if d < n {
        m.sizes()[d].saturating_mul(m.strides()[d])
    } else {
        1
    };
    sizes.insert(d, 1);
    strides.insert(d, stride);
    Ok(Meta::new(m.storage().clone(), sizes, strides, m.offset(), m.dtype())?.with_quantizer_of(m))
}
