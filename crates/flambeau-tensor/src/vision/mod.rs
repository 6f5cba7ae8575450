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

use crate::{DType, Result, Tensor, ensure};

/// The elements of a tensor in the type that the kernels compute in.
fn values(t: &Tensor) -> Result<Vec<f64>> {
    t.to_dtype(DType::Double)?.to_vec::<f64>()
}

/// A result of the input's type from computed values.
fn deliver(values: Vec<f64>, sizes: &[i64], dtype: DType) -> Result<Tensor> {
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

/// Bilinear interpolation in a plane of `h` by `w`, with torchvision's treatment of the border:
/// nothing beyond one pixel outside, the nearest pixel within that.
fn bilinear(plane: &[f64], h: usize, w: usize, y: f64, x: f64) -> f64 {
    if !(y >= -1.0 && y <= h as f64 && x >= -1.0 && x <= w as f64) {
        return 0.0;
    }
    let axis = |at: f64, n: usize| {
        let at = at.max(0.0);
        let low = at as usize;
        if low + 1 >= n {
            (n - 1, n - 1, 0.0)
        } else {
            (low, low + 1, at - low as f64)
        }
    };
    let (y0, y1, ly) = axis(y, h);
    let (x0, x1, lx) = axis(x, w);
    (1.0 - ly) * ((1.0 - lx) * plane[y0 * w + x0] + lx * plane[y0 * w + x1])
        + ly * ((1.0 - lx) * plane[y1 * w + x0] + lx * plane[y1 * w + x1])
}
