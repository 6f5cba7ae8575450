//! Layout changed in place: all holders of the tensor object see the new one.

use super::{squeezed, transposed, unsqueezed};
use crate::error::Result;
use crate::layout::{self, MemoryFormat, dim_mask, show};
use crate::tensor::{Meta, Tensor};
use crate::{bail, ensure};

impl Tensor {
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
