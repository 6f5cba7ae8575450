//! What every kernel on tensors does first: bring operands into shape and get at their memory.

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// A contiguous tensor with these elements whose memory is aligned for its dtype.
pub fn dense(t: &Tensor) -> Result<Tensor> {
    let t = t.contiguous()?;
    aligned(&t)
}

/// The tensor, or a copy if its memory is not aligned for its dtype (foreign buffers).
pub fn aligned(t: &Tensor) -> Result<Tensor> {
    if (t.meta().ptr() as usize).is_multiple_of(t.dtype().size()) {
        Ok(t.clone())
    } else {
        t.copy()
    }
}

/// The address of the first element, to be used while access is held. The dtype must be `T`'s.
pub fn address<T: Element>(t: &Tensor) -> Result<*mut T> {
    ensure!(
        t.dtype() == T::DTYPE,
        "expected scalar type {} but found {}",
        T::DTYPE.name(),
        t.dtype().name()
    );
    Ok(t.meta().ptr().cast())
}

/// Sizes as `usize`; PyTorch tensors have no negative ones.
pub fn lengths(sizes: &[i64]) -> smallvec::SmallVec<[usize; 6]> {
    sizes.iter().map(|&s| s.max(0) as usize).collect()
}

/// Checks a product of sizes that a kernel is about to use.
pub fn checked_product(sizes: &[usize]) -> Result<usize> {
    let product = sizes
        .iter()
        .try_fold(1usize, |a, &b| a.checked_mul(b))
        .filter(|&n| n <= isize::MAX as usize / 16);
    match product {
        Some(n) => Ok(n),
        None => bail!("the sizes {sizes:?} are too large"),
    }
}

/// The failure of a kernel to get working memory.
pub fn no_memory() -> crate::Error {
    crate::Error::new(
        crate::ErrorKind::OutOfMemory,
        "not enough memory for the working buffers of a kernel",
    )
}

/// The dtype in which a kernel computes that serves `float` and `double`: half precisions run as `float`.
pub fn compute(dtype: DType) -> DType {
    match dtype {
        DType::Half | DType::BFloat16 => DType::Float,
        other => other,
    }
}

/// The C++ name, as some of PyTorch's messages show it.
pub fn c_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "bool",
        DType::Byte => "unsigned char",
        DType::Char => "signed char",
        DType::Short => "short",
        DType::Int => "int",
        DType::Long => "long",
        DType::Half => "c10::Half",
        DType::BFloat16 => "c10::BFloat16",
        DType::Float => "float",
        DType::Double => "double",
        DType::ComplexFloat => "c10::complex<float>",
        DType::ComplexDouble => "c10::complex<double>",
        other => other.name(),
    }
}
