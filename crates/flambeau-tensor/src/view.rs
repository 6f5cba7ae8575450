//! Views: other sizes and strides over the same storage, with PyTorch's rules and messages. Nothing is copied,
//! except by `reshape` and `flatten` when no view exists.

use smallvec::SmallVec;

use crate::dtype::DType;
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

    /// The same bytes as elements of another dtype; the last dimension grows or shrinks with the element size.
    pub fn view_dtype(&self, dtype: DType) -> Result<Tensor> {
        let m = self.meta();
        let (old, new) = (m.dtype().size() as i64, dtype.size() as i64);
        let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
        let mut offset = m.offset();
        let n = sizes.len();
        if old > new {
            ensure!(
                n > 0,
                "self.dim() cannot be 0 to view {} as {} (different element sizes)",
                m.dtype().name(),
                dtype.name()
            );
            ensure!(
                strides[n - 1] == 1 || sizes[n - 1] == 1,
                "self.stride(-1) must be 1 to view {} as {} (different element sizes), but got {}",
                m.dtype().name(),
                dtype.name(),
                strides[n - 1]
            );
            let ratio = old / new;
            sizes[n - 1] = match sizes[n - 1].checked_mul(ratio) {
                Some(s) => s,
                None => bail!("view: the last dimension is too large"),
            };
            strides.iter_mut().for_each(|s| *s = s.saturating_mul(ratio));
            strides[n - 1] = 1;
            offset *= ratio;
        } else if old < new {
            let ratio = new / old;
            ensure!(
                n > 0,
                "self.dim() cannot be 0 to view {} as {} (different element sizes)",
                m.dtype().name(),
                dtype.name()
            );
            ensure!(
                sizes[n - 1] % ratio == 0,
                "self.size(-1) must be divisible by {ratio} to view {} as {} (different element sizes), but got {}",
                m.dtype().name(),
                dtype.name(),
                sizes[n - 1]
            );
            ensure!(
                strides[n - 1] == 1 || sizes[n - 1] == 0,
                "self.stride(-1) must be 1 to view {} as {} (different element sizes), but got {}",
                m.dtype().name(),
                dtype.name(),
                strides[n - 1]
            );
            ensure!(
                offset % ratio == 0,
                "self.storage_offset() must be divisible by {ratio} to view {} as {} (different element sizes), but got {offset}",
                m.dtype().name(),
                dtype.name()
            );
            for (d, s) in strides.iter_mut().enumerate().take(n - 1) {
                ensure!(
                    *s % ratio == 0,
                    "self.stride({d}) must be divisible by {ratio} to view {} as {} (different element sizes), but got {s}",
                    m.dtype().name(),
                    dtype.name()
                );
                *s /= ratio;
            }
            sizes[n - 1] /= ratio;
            offset /= ratio;
        }
        Ok(Meta::new(m.storage().clone(), sizes, strides, offset, dtype)?.into())
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

    /// Elements `start..end` of a dimension in steps; bounds clamp as in Python.
    pub fn slice(&self, dim: i64, start: Option<i64>, end: Option<i64>, step: i64) -> Result<Tensor> {
        let m = self.meta();
        ensure!(self.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
        let d = wrap_dim(dim, self.dim())?;
        ensure!(step > 0, "slice step must be positive");
        let size = m.sizes()[d];
        let clamp = |x: i64| if x < 0 { x.saturating_add(size) } else { x }.clamp(0, size);
        let start = clamp(start.unwrap_or(0));
        let end = clamp(end.unwrap_or(i64::MAX)).max(start);
        let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
        sizes[d] = (end - start).div_euclid(step) + ((end - start) % step != 0) as i64;
        let offset = m.offset() + start * m.strides()[d];
        strides[d] = strides[d].saturating_mul(step);
        if sizes[d] <= 1 && strides[d] == i64::MAX {
            strides[d] = m.strides()[d];
        }
        self.alias(sizes, strides, offset)
    }

    pub fn select(&self, dim: i64, index: i64) -> Result<Tensor> {
        let m = self.meta();
        ensure!(
            self.dim() > 0,
            Index,
            "select() cannot be applied to a 0-dim tensor."
        );
        let d = wrap_dim(dim, self.dim())?;
        let size = m.sizes()[d];
        ensure!(
            index >= -size && index < size,
            Index,
            "select(): index {index} out of range for tensor of size {} at dimension {d}",
            show(m.sizes())
        );
        let index = if index < 0 { index + size } else { index };
        let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
        let offset = m.offset() + index * strides[d];
        sizes.remove(d);
        strides.remove(d);
        self.alias(sizes, strides, offset)
    }

    pub fn narrow(&self, dim: i64, start: i64, length: i64) -> Result<Tensor> {
        ensure!(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
        ensure!(length >= 0, "narrow(): length must be non-negative.");
        let size = self.size(dim)?;
        ensure!(
            start >= -size && start <= size,
            Index,
            "start out of range (expected to be in range of [{}, {size}], but got {start})",
            -size
        );
        let start = if start < 0 { start + size } else { start };
        ensure!(
            start <= size.saturating_sub(length),
            "start ({start}) + length ({length}) exceeds dimension size ({size})."
        );
        self.slice(dim, Some(start), Some(start + length), 1)
    }

    /// The diagonal of two dimensions, as a last dimension.
    pub fn diagonal(&self, offset: i64, dim1: i64, dim2: i64) -> Result<Tensor> {
        let m = self.meta();
        let n = self.dim();
        let (a, b) = (wrap_dim(dim1, n)?, wrap_dim(dim2, n)?);
        ensure!(
            a != b && n >= 2,
            "diagonal dimensions cannot be identical {dim1}, {dim2}"
        );
        let (sa, sb) = (m.sizes()[a], m.sizes()[b]);
        let (ta, tb) = (m.strides()[a], m.strides()[b]);
        let length = if offset >= 0 {
            sa.min(sb.saturating_sub(offset))
        } else {
            sa.saturating_add(offset).min(sb)
        }
        .max(0);
        let start = if length == 0 {
            m.offset()
        } else if offset >= 0 {
            m.offset() + offset * tb
        } else {
            m.offset() - offset * ta
        };
        let keep = |list: &[i64]| -> Dims {
            list.iter()
                .enumerate()
                .filter(|(d, _)| *d != a && *d != b)
                .map(|(_, x)| *x)
                .collect()
        };
        let (mut sizes, mut strides) = (keep(m.sizes()), keep(m.strides()));
        sizes.push(length);
        strides.push(ta.saturating_add(tb));
        self.alias(sizes, strides, start)
    }

    /// Sliding windows of `size` every `step` along a dimension, as a last dimension (`Tensor.unfold`).
    pub fn unfold(&self, dim: i64, size: i64, step: i64) -> Result<Tensor> {
        let m = self.meta();
        let d = wrap_dim(dim, self.dim())?;
        let have = m.sizes().get(d).copied().unwrap_or(1);
        let stride = m.strides().get(d).copied().unwrap_or(1);
        ensure!(size >= 0, "size is {size} but must be >= 0");
        ensure!(
            size <= have,
            "maximum size for tensor at dimension {d} is {have} but size is {size}"
        );
        ensure!(step > 0, "step is {step} but must be > 0");
        let (mut sizes, mut strides) = (Dims::from_slice(m.sizes()), Dims::from_slice(m.strides()));
        if !sizes.is_empty() {
            sizes[d] = (have - size) / step + 1;
            strides[d] = if sizes[d] == 1 {
                stride
            } else {
                stride.saturating_mul(step)
            };
        }
        sizes.push(size);
        strides.push(stride);
        self.alias(sizes, strides, m.offset())
    }

    /// Pieces of `size` along a dimension; the last may be shorter.
    pub fn split(&self, size: i64, dim: i64) -> Result<Vec<Tensor>> {
        ensure!(self.dim() != 0, "split expects at least a 1-dimensional tensor");
        ensure!(
            size >= 0,
            "split expects split_size be non-negative, but got split_size={size}"
        );
        let have = self.size(dim)?;
        ensure!(
            size > 0 || have == 0,
            "split_size can only be 0 if dimension size is 0, but got dimension size of {have}"
        );
        let count = if size == 0 {
            1
        } else {
            (have as u64).div_ceil(size as u64).max(1) as i64
        };
        (0..count)
            .map(|i| self.narrow(dim, i * size, size.min(have - i * size)))
            .collect()
    }

    pub fn split_with_sizes(&self, sizes: &[i64], dim: i64) -> Result<Vec<Tensor>> {
        ensure!(self.dim() != 0, "split expects at least a 1-dimensional tensor");
        let have = self.size(dim)?;
        let mut at = 0i64;
        for &s in sizes {
            ensure!(
                s >= 0,
                "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={}",
                show(sizes)
            );
            at = at.saturating_add(s);
        }
        ensure!(
            at == have,
            "split_with_sizes expects split_sizes to sum exactly to {have} (input tensor's size at dimension {dim}), \
             but got split_sizes={}",
            show(sizes)
        );
        let mut at = 0;
        sizes
            .iter()
            .map(|&s| {
                let piece = self.narrow(dim, at, s);
                at += s;
                piece
            })
            .collect()
    }

    /// At most `chunks` pieces of equal size, the last shorter.
    pub fn chunk(&self, chunks: i64, dim: i64) -> Result<Vec<Tensor>> {
        ensure!(self.dim() > 0, "chunk expects at least a 1-dimensional tensor");
        ensure!(
            chunks > 0,
            "chunk expects `chunks` to be greater than 0, got: {chunks}"
        );
        let have = self.size(dim)?;
        let size = (have as u64).div_ceil(chunks as u64) as i64;
        if size == 0 {
            ensure!(chunks <= 1 << 20, "chunk: {chunks} pieces are too many");
            return self.split_with_sizes(&vec![0; chunks as usize], dim);
        }
        self.split(size, dim)
    }

    pub fn unbind(&self, dim: i64) -> Result<Vec<Tensor>> {
        ensure!(
            self.dim() > 0,
            "Dimension specified as {dim} but tensor has no dimensions"
        );
        (0..self.size(dim)?).map(|i| self.select(dim, i)).collect()
    }

    /// Exactly `sections` pieces, the first ones larger by one where it does not divide.
    pub fn tensor_split(&self, sections: i64, dim: i64) -> Result<Vec<Tensor>> {
        ensure!(
            self.dim() > 0,
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with {} dims",
            self.dim()
        );
        ensure!(
            sections > 0,
            "number of sections must be larger than 0, got {sections}"
        );
        ensure!(
            sections <= 1 << 24,
            "tensor_split: {sections} sections are too many"
        );
        let have = self.size(dim)?;
        let (base, extra) = (have / sections, have % sections);
        let mut at = 0;
        (0..sections)
            .map(|i| {
                let n = base + (i < extra) as i64;
                let piece = self.narrow(dim, at, n);
                at += n;
                piece
            })
            .collect()
    }

    /// Pieces between the given indices.
    pub fn tensor_split_indices(&self, indices: &[i64], dim: i64) -> Result<Vec<Tensor>> {
        ensure!(
            self.dim() > 0,
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with {} dims",
            self.dim()
        );
        let mut start = Some(0);
        let mut out = Vec::with_capacity(indices.len() + 1);
        for &i in indices {
            out.push(self.slice(dim, start, Some(i), 1)?);
            start = Some(i);
        }
        out.push(self.slice(dim, start, None, 1)?);
        Ok(out)
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

    /// Complex numbers as pairs of floats in a new last dimension.
    pub fn view_as_real(&self) -> Result<Tensor> {
        ensure!(
            self.is_complex(),
            "view_as_real is only supported for complex tensors"
        );
        let m = self.meta();
        let mut sizes = Dims::from_slice(m.sizes());
        let mut strides: Dims = m.strides().iter().map(|s| s.saturating_mul(2)).collect();
        sizes.push(2);
        strides.push(1);
        Ok(Meta::new(
            m.storage().clone(),
            sizes,
            strides,
            m.offset() * 2,
            m.dtype().to_real(),
        )?
        .into())
    }

    /// Pairs of floats in the last dimension as complex numbers.
    pub fn view_as_complex(&self) -> Result<Tensor> {
        let m = self.meta();
        ensure!(
            matches!(m.dtype(), DType::Float | DType::Double | DType::Half),
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: {}",
            m.dtype().name()
        );
        let n = m.sizes().len();
        ensure!(n > 0, "Input tensor must have one or more dimensions");
        ensure!(
            m.sizes()[n - 1] == 2,
            "Tensor must have a last dimension of size 2"
        );
        ensure!(
            m.strides()[n - 1] == 1,
            "Tensor must have a last dimension with stride 1"
        );
        let mut strides = Dims::new();
        for (d, s) in m.strides()[..n - 1].iter().enumerate() {
            ensure!(
                s % 2 == 0,
                "Tensor must have a stride divisible by 2 for all but last dimension, found {s} at dimension {d}"
            );
            strides.push(s / 2);
        }
        ensure!(
            m.offset() % 2 == 0,
            "Tensor must have a storage_offset divisible by 2"
        );
        let sizes = Dims::from_slice(&m.sizes()[..n - 1]);
        Ok(Meta::new(
            m.storage().clone(),
            sizes,
            strides,
            m.offset() / 2,
            m.dtype().to_complex(),
        )?
        .into())
    }

    /// The real parts, as a view; the tensor itself if it is real.
    pub fn real(&self) -> Result<Tensor> {
        if self.is_complex() {
            self.view_as_real()?.select(-1, 0)
        } else {
            Ok(self.clone())
        }
    }

    pub fn imag(&self) -> Result<Tensor> {
        ensure!(
            self.is_complex(),
            "imag is not implemented for tensors with non-complex dtypes."
        );
        self.view_as_real()?.select(-1, 1)
    }

    /// Another tensor object over the same elements (`alias`, and views that change nothing).
    pub fn alias_self(&self) -> Result<Tensor> {
        Ok(self.detach())
    }

    // Metadata in place: all holders of this tensor object see the new layout.

    pub fn squeeze_(&self) -> Result<()> {
        self.set_meta(squeezed(self.meta(), |_, s| s == 1)?);
        Ok(())
    }

    pub fn squeeze_dims_(&self, dims: &[i64]) -> Result<()> {
        let mask = dim_mask(dims, self.dim())?;
        self.set_meta(squeezed(self.meta(), |d, s| mask[d] && s == 1)?);
        Ok(())
    }

    pub fn unsqueeze_(&self, dim: i64) -> Result<()> {
        self.set_meta(unsqueezed(self.meta(), dim)?);
        Ok(())
    }

    pub fn transpose_(&self, dim0: i64, dim1: i64) -> Result<()> {
        self.set_meta(transposed(self.meta(), dim0, dim1)?);
        Ok(())
    }

    pub fn t_(&self) -> Result<()> {
        ensure!(
            self.dim() <= 2,
            "t_() expects a tensor with <= 2 dimensions, but self is {}D",
            self.dim()
        );
        if self.dim() == 2 {
            self.transpose_(0, 1)
        } else {
            Ok(())
        }
    }

    pub fn as_strided_(&self, sizes: &[i64], strides: &[i64], offset: Option<i64>) -> Result<()> {
        self.set_meta(self.as_strided(sizes, strides, offset)?.meta().clone());
        Ok(())
    }

    /// Takes over layout, dtype and storage of `source` (`set_`, and assignment to `.data`).
    pub fn set_(&self, source: &Tensor) {
        self.set_meta(source.meta().clone());
    }

    /// Changes the sizes in place. Elements keep their places in memory; if the storage is too small, this tensor
    /// gets a larger one with the old contents in front (other views keep the old one).
    pub fn resize_(&self, sizes: &[i64], format: MemoryFormat) -> Result<()> {
        let m = self.meta();
        if m.sizes() == sizes && format == MemoryFormat::Contiguous {
            return Ok(());
        }
        let strides = layout::format_strides(sizes, format)?;
        let need = layout::checked_numel(sizes)?;
        let item = m.dtype().size();
        let fits = need
            .checked_add(m.offset())
            .and_then(|n| n.checked_mul(item as i64));
        if fits.is_some_and(|bytes| bytes <= m.storage().nbytes() as i64) || need == 0 {
            self.set_meta(Meta::new(
                m.storage().clone(),
                sizes.into(),
                strides,
                m.offset(),
                m.dtype(),
            )?);
            return Ok(());
        }
        let Some(bytes) = fits else {
            bail!("resize_: {} is too large", show(sizes))
        };
        let grown = crate::storage::Storage::empty(bytes as usize)?;
        {
            let _access = crate::storage::Access::take([&**m.storage()], [&*grown])?;
            // SAFETY: the new storage is larger than the old one and apart from it; access to both is held.
            unsafe {
                let old = m.storage().nbytes().min(bytes as usize);
                grown.as_ptr().copy_from_nonoverlapping(m.storage().as_ptr(), old);
                grown.as_ptr().add(old).write_bytes(0, bytes as usize - old);
            }
        }
        self.set_meta(Meta::new(grown, sizes.into(), strides, m.offset(), m.dtype())?);
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;

    fn iota(sizes: &[i64]) -> Tensor {
        let n = layout::numel(sizes);
        Tensor::arange(Scalar::Int(0), Scalar::Int(n), Scalar::Int(1), DType::Long)
            .unwrap()
            .view(sizes)
            .unwrap()
    }

    /// Checks `sizes | strides | offset | values` or the error message.
    #[track_caller]
    fn check(t: Result<Tensor>, expected: &str) {
        let found = match t {
            Ok(t) => format!(
                "{} {} {} {}",
                show(t.sizes()),
                show(t.strides()),
                t.storage_offset(),
                show(&t.to_vec::<i64>().unwrap())
            ),
            Err(e) => e.message,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn shapes() {
        let x = iota(&[2, 3]);
        check(x.view(&[3, -1]), "[3, 2] [2, 1] 0 [0, 1, 2, 3, 4, 5]");
        check(x.t().unwrap().reshape(&[6]), "[6] [1] 0 [0, 3, 1, 4, 2, 5]");
        check(
            x.t().unwrap().view(&[6]),
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two \
             contiguous subspaces). Use .reshape(...) instead.",
        );
        check(x.permute(&[1, 0]), "[3, 2] [1, 3] 0 [0, 3, 1, 4, 2, 5]");
        check(x.permute(&[1, 1]), "permute(): duplicate dims are not allowed.");
        check(x.unsqueeze(1), "[2, 1, 3] [3, 3, 1] 0 [0, 1, 2, 3, 4, 5]");
        check(x.unsqueeze(-1), "[2, 3, 1] [3, 1, 1] 0 [0, 1, 2, 3, 4, 5]");
        check(iota(&[1, 2, 1]).squeeze(), "[2] [1] 0 [0, 1]");
        check(iota(&[1, 2, 1]).squeeze_dim(0), "[2, 1] [1, 1] 0 [0, 1]");
        check(
            iota(&[2, 1]).expand(&[2, 2, -1]),
            "[2, 2, 1] [0, 1, 1] 0 [0, 1, 0, 1]",
        );
    }

    #[test]
    fn parts() {
        let x = iota(&[3, 4]);
        check(
            x.slice(0, Some(1), None, 1),
            "[2, 4] [4, 1] 4 [4, 5, 6, 7, 8, 9, 10, 11]",
        );
        check(
            x.slice(1, Some(-3), Some(100), 2),
            "[3, 2] [4, 2] 1 [1, 3, 5, 7, 9, 11]",
        );
        check(x.slice(1, Some(3), Some(1), 1), "[3, 0] [4, 1] 3 []");
        check(x.select(1, -1), "[3] [4] 3 [3, 7, 11]");
        check(
            x.select(1, 4),
            "select(): index 4 out of range for tensor of size [3, 4] at dimension 1",
        );
        check(x.diagonal(1, 0, 1), "[3] [5] 1 [1, 6, 11]");
        check(x.diagonal(-1, 0, 1), "[2] [5] 4 [4, 9]");
        check(x.diagonal(9, 0, 1), "[0] [5] 0 []");
        check(iota(&[5]).unfold(0, 3, 2), "[2, 3] [2, 1] 0 [0, 1, 2, 2, 3, 4]");
        check(iota(&[1]).expand(&[3]), "[3] [0] 0 [0, 0, 0]");
        check(
            x.as_strided(&[2], &[1], Some(11)),
            "setStorage: sizes [2], strides [1], storage offset 11, and itemsize 8 requiring a storage size of 104 are out of bounds for storage of size 96",
        );
        let pieces: Vec<i64> = x.chunk(3, 1).unwrap().iter().map(|t| t.sizes()[1]).collect();
        assert_eq!(pieces, [2, 2]);
        let pieces: Vec<i64> = x
            .tensor_split(3, 1)
            .unwrap()
            .iter()
            .map(|t| t.sizes()[1])
            .collect();
        assert_eq!(pieces, [2, 1, 1]);
    }

    #[test]
    fn aliasing() {
        let x = iota(&[2, 3]);
        x.t()
            .unwrap()
            .select(0, 1)
            .unwrap()
            .fill_(Scalar::Int(9))
            .unwrap();
        assert_eq!(x.to_vec::<i64>().unwrap(), [0, 9, 2, 3, 9, 5]);
        let y = x.clone();
        y.t_().unwrap();
        assert_eq!(x.sizes(), [3, 2]);
        x.resize_(&[4, 2], MemoryFormat::Contiguous).unwrap();
        assert_eq!(y.to_vec::<i64>().unwrap(), [0, 9, 2, 3, 9, 5, 0, 0]);
    }
}
