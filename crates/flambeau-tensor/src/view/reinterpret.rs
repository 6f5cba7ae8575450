//! The same bytes as another type: other dtypes, pairs as complex numbers and back.

use crate::dtype::DType;
use crate::error::Result;
use crate::layout::Dims;
use crate::tensor::{Meta, Tensor};
use crate::{bail, ensure};

impl Tensor {
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
}
