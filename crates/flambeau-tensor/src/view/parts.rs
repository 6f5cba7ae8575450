//! Parts of dimensions: slices, places, diagonals, windows, and tensors cut into pieces.

use crate::ensure;
use crate::error::Result;
use crate::layout::{Dims, show, wrap_dim};
use crate::tensor::Tensor;

impl Tensor {
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
        let offset = m.offset().saturating_add(start.saturating_mul(m.strides()[d]));
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
        let offset = m.offset().saturating_add(index.saturating_mul(strides[d]));
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
        let start = if length == 0 || self.numel() == 0 {
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
}
