//! torchvision's operators: suppression of overlapping boxes, pooling over regions, deformable
//! convolution. They compute in float, or in double for double inputs; half types are widened.

mod boxes;
mod deform;
mod regions;
mod rotated;
#[cfg(test)]
mod tests;

pub use boxes::nms;
pub use deform::{DeformParams, deform_conv2d};
pub use regions::{ps_roi_align, ps_roi_pool, roi_align, roi_pool};
pub use rotated::box_iou_rotated;

use std::ops::{Add, AddAssign, Div, Mul, Sub};

use crate::dtype::Element;
use crate::nn::access::dense;
use crate::{DType, Result, Tensor, ensure};

/// What the kernels compute in: `f32`, or `f64` for double inputs.
pub(crate) trait Number:
    Element
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    const ZERO: Self;
    const ONE: Self;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn round(self) -> Self;
    fn larger(self, other: Self) -> Self;
    fn smaller(self, other: Self) -> Self;
    /// The largest number not above `x`, so that `self > x` may be asked without widening.
    fn not_above(x: f64) -> Self;
}

macro_rules! number {
    ($($t:ty)*) => {$(
        impl Number for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            #[inline(always)]
            fn of(x: f64) -> $t {
                x as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn floor(self) -> $t {
                <$t>::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> $t {
                <$t>::ceil(self)
            }
            #[inline(always)]
            fn round(self) -> $t {
                <$t>::round(self)
            }
            #[inline(always)]
            fn larger(self, other: $t) -> $t {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn smaller(self, other: $t) -> $t {
                if self < other { self } else { other }
            }
            fn not_above(x: f64) -> $t {
                let near = x as $t;
                if f64::from(near) > x { near.next_down() } else { near }
            }
        }
    )*};
}
number!(f32 f64);

/// The elements of a tensor in double, for kernels where that costs nothing.
fn values(t: &Tensor) -> Result<Vec<f64>> {
    t.to_dtype(DType::Double)?.to_vec::<f64>()
}

/// The tensor as the kernels read it: dense, in `T`.
fn readable<T: Number>(t: &Tensor) -> Result<Tensor> {
    dense(&t.to_dtype(T::DTYPE)?)
}

/// Whether to compute in double.
fn is_double(t: &Tensor) -> bool {
    t.dtype() == DType::Double
}

/// A result of the input's type from computed values.
fn deliver<T: Number>(values: Vec<T>, sizes: &[i64], dtype: DType) -> Result<Tensor> {
    Tensor::from_vec(values, sizes)?.to_dtype(dtype)
}

/// `a * b * …` as a length, refusing what cannot be held in memory.
fn count(sizes: &[i64]) -> Result<usize> {
    let product = sizes
        .iter()
        .try_fold(1i64, |n, &s| n.checked_mul(s))
        .filter(|n| *n >= 0 && *n < 1 << 40);
    ensure!(product.is_some(), "the result of size {sizes:?} is too large");
    Ok(product.unwrap_or(0) as usize)
}

/// `n` zeros, or an error where there is no memory for them.
fn zeros<T: Number>(n: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    ensure!(
        all.try_reserve_exact(n).is_ok(),
        "not enough memory for {n} elements"
    );
    all.resize(n, T::ZERO);
    Ok(all)
}
