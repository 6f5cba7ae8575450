//! Copies between layouts and dtypes: `copy_`, `contiguous`, `to_dtype`, `clone`.

use crate::convert::{Convert, converter};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::MemoryFormat;
use crate::pointwise::engine::{In, Params, run_into};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// # Safety
/// See [`crate::pointwise::engine::Kernel`]; both sides have elements of `SIZE` bytes.
unsafe fn identity<const SIZE: usize>(ins: *const *const u8, out: *mut u8, n: usize, _: &Params) {
    // SAFETY: by the contract.
    unsafe { out.copy_from_nonoverlapping(*ins, n * SIZE) }
}

fn identity_of(size: usize) -> crate::pointwise::engine::Kernel {
    match size {
        1 => identity::<1>,
        2 => identity::<2>,
        4 => identity::<4>,
        8 => identity::<8>,
        _ => identity::<16>,
    }
}

/// Writes `src`, broadcast and converted, into `dst`.
pub(crate) fn copy_into(dst: &Tensor, src: &Tensor) -> Result<()> {
    if dst.is_same(src) {
        return Ok(());
    }
    let dtype = dst.dtype();
    run_into(
        identity_of(dtype.size()),
        &Params::default(),
        &[In::Tensor(src, dtype)],
        dst,
        dtype,
        1,
    )
}

pub(crate) fn fill(dst: &Tensor, value: Scalar) -> Result<()> {
    let dtype = dst.dtype();
    if dst.numel() == 0 {
        return Ok(());
    }
    if dst.is_non_overlapping_and_dense() {
        let m = dst.meta();
        let mut element = 0u128;
        let p = (&raw mut element).cast::<u8>();
        // SAFETY: 16 bytes hold an element of any dtype.
        unsafe { crate::tensor::write_scalar(p, dtype, value)? };
        let _access = Tensor::access(&[], &[dst])?;
        let n = m.numel() as usize;
        // SAFETY: the tensor is dense from `ptr` on, and write access is held.
        unsafe {
            if element == 0 {
                m.ptr().write_bytes(0, n * dtype.size());
                return Ok(());
            }
            let base = m.ptr();
            if (base as usize).is_multiple_of(dtype.size()) && dtype.size() <= 8 {
                match dtype.size() {
                    1 => base.write_bytes(element as u8, n),
                    2 => std::slice::from_raw_parts_mut(base.cast::<u16>(), n).fill(element as u16),
                    4 => std::slice::from_raw_parts_mut(base.cast::<u32>(), n).fill(element as u32),
                    _ => std::slice::from_raw_parts_mut(base.cast::<u64>(), n).fill(element as u64),
                }
                return Ok(());
            }
        }
    }
    run_into(
        identity_of(dtype.size()),
        &Params::default(),
        &[In::Number(value, dtype)],
        dst,
        dtype,
        1,
    )
}

impl Tensor {
    /// Writes `src` into `self`, broadcasting and converting; other views of the storage see it.
    pub fn copy_(&self, src: &Tensor) -> Result<()> {
        copy_into(self, src)
    }

    /// New memory with the same elements and order of strides (`clone` in PyTorch).
    pub fn copy(&self) -> Result<Tensor> {
        self.clone_format(MemoryFormat::Preserve)
    }

    /// New memory with the same elements, laid out in `format` (`clone(memory_format=…)`).
    pub fn clone_format(&self, format: MemoryFormat) -> Result<Tensor> {
        let t = self.empty_like(None, format)?;
        copy_into(&t, self)?;
        Ok(t)
    }

    /// `self` if it is contiguous, else a contiguous copy.
    pub fn contiguous(&self) -> Result<Tensor> {
        if self.is_contiguous() {
            Ok(self.clone())
        } else {
            self.clone_format(MemoryFormat::Contiguous)
        }
    }

    pub fn contiguous_as(&self, format: MemoryFormat) -> Result<Tensor> {
        if format == MemoryFormat::Preserve || self.is_contiguous_as(format) {
            return Ok(self.clone());
        }
        self.clone_format(format)
    }

    /// `self` if it has the dtype, else a converted copy that keeps the order of strides.
    pub fn to_dtype(&self, dtype: DType) -> Result<Tensor> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        let t = self.empty_like(Some(dtype), MemoryFormat::Preserve)?;
        copy_into(&t, self)?;
        Ok(t)
    }

    /// A fresh contiguous copy even if `self` already is.
    pub fn to_dtype_copy(&self, dtype: DType, format: MemoryFormat) -> Result<Tensor> {
        let t = self.empty_like(Some(dtype), format)?;
        copy_into(&t, self)?;
        Ok(t)
    }
}

/// The conversion between two dtypes over contiguous runs, for kernels outside the engine.
pub fn convert_fn(from: DType, to: DType) -> Convert {
    converter(from, to)
}
