//! Transposed convolution: the gradient of a convolution with respect to its input. `s` is the shape of that
//! convolution, so its `output` is what comes in here and its `input` what goes out.
//!
//! A product makes, for each output feature under each tap, what every incoming pixel contributes; the contributions
//! are then added where they belong. Features are taken in blocks so that the table stays bounded.

use super::implicit::Finish;
use super::shape::ConvShape;
use crate::nn::gemm::{Columns, Matrix, Product, Rows, multiply};
use crate::nn::scratch::with_scratch;
use crate::nn::vector::Real;
use crate::parallel::{SharedMut, parallel_for};
use crate::simd::vectorize;

/// Elements of the table of contributions.
const TABLE: usize = 1 << 20;

/// `input` is `[batch][groups·features][output pixels]`, `weights` `[groups·features][channels][taps]`, `output`
/// `[batch][groups·channels][input pixels]`. `None`: no memory.
pub fn convolve<T: Real + bytemuck::Pod>(
    s: &ConvShape,
    input: &[T],
    weights: &[T],
    output: &mut [T],
    finish: Finish<'_, T>,
) -> Option<()> {
    let (pixels, plane, taps) = (s.output_plane(), s.input_plane(), s.taps());
    let row = s.channels * taps;
    if plane == 0 || s.channels == 0 {
        return Some(());
    }
    let block = (TABLE / (taps * pixels).max(1)).clamp(1, s.channels);
    for item in 0..s.batch * s.groups {
        let (image, g) = (item / s.groups, item % s.groups);
        let x = &input[item * s.features * pixels..][..s.features * pixels];
        let w = &weights[g * s.features * row..][..s.features * row];
        for first in (0..s.channels).step_by(block) {
            let count = block.min(s.channels - first);
            let out = &mut output[(item * s.channels + first) * plane..][..count * plane];
            with_scratch((count * taps).checked_mul(pixels)?, |table: &mut [T]| {
                let product = Product {
                    m: count * taps,
                    n: pixels,
                    k: s.features,
                    a: Rows::Strided(Matrix {
                        data: w[first * taps..].as_ptr(),
                        row_stride: 1,
                        column_stride: row as isize,
                    }),
                    b: Columns::Strided(Matrix {
                        data: x.as_ptr(),
                        row_stride: pixels as isize,
                        column_stride: 1,
                    }),
                    c: SharedMut(table.as_mut_ptr()),
                    c_stride: pixels,
                    add: false,
                    finish: None,
                };
                if s.features == 0 {
                    table.fill(T::ZERO);
                } else {
                    // SAFETY: the operands have these extents; the table is ours.
                    unsafe { multiply(&product) }?;
                }
                let table = &*table;
                let to = SharedMut(out.as_mut_ptr());
                parallel_for(count, (1 << 15) / (taps * pixels).max(1) + 1, |range| {
                    for c in range {
                        // SAFETY: each channel has its own plane.
                        let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(c * plane), plane) };
                        let table = &table[c * taps * pixels..][..taps * pixels];
                        vectorize(
                            #[inline(always)]
                            || add_up(s, table, out),
                        );
                        if let Some(finish) = finish {
                            finish(image, g * s.channels + first + c, 0, out);
                        }
                    }
                });
                Some(())
            })??;
        }
    }
    Some(())
}

/// Adds the contributions `[taps][pixels]` of one channel into its plane.
#[inline(always)]
pub fn add_up<T: Real>(s: &ConvShape, table: &[T], out: &mut [T]) {
    out.fill(T::ZERO);
    let [_, ih, iw] = s.input;
    let [od, oh, ow] = s.output;
    let mut rows = table.chunks_exact(ow.max(1));
    for kd in 0..s.kernel[0] {
        for kh in 0..s.kernel[1] {
            for kw in 0..s.kernel[2] {
                let (shift, stride) = (kw * s.dilation[2], s.stride[2]);
                // Columns of the table that fall inside the plane.
                let first = s.padding[2].saturating_sub(shift).div_ceil(stride).min(ow);
                let end = (iw + s.padding[2])
                    .saturating_sub(shift)
                    .div_ceil(stride)
                    .clamp(first, ow);
                for d in 0..od {
                    let at_d = (d * s.stride[0] + kd * s.dilation[0]).checked_sub(s.padding[0]);
                    for h in 0..oh {
                        let at_h = (h * s.stride[1] + kh * s.dilation[1]).checked_sub(s.padding[1]);
                        let Some(row) = rows.next() else { return };
                        let (Some(d), Some(h)) = (at_d.filter(|&d| d < s.input[0]), at_h.filter(|&h| h < ih))
                        else {
                            continue;
                        };
                        if first == end {
                            continue;
                        }
                        let start = (d * ih + h) * iw + first * stride + shift - s.padding[2];
                        let from = &row[first..end];
                        if stride == 1 {
                            let to = &mut out[start..start + from.len()];
                            to.iter_mut().zip(from).for_each(|(c, &x)| *c = c.plus(x));
                        } else {
                            let to = out[start..].iter_mut().step_by(stride);
                            to.zip(from).for_each(|(c, &x)| *c = c.plus(x));
                        }
                    }
                }
            }
        }
    }
}
