//! Gradients of a convolution with respect to its input, its weights and its bias.
//!
//! The gradient of the input is the transposed convolution of what comes in from above (and the other way round). That
//! of the weights is a product over pixels: features above times the input under every tap.

use super::call::convolution;
use super::input::{InputLayout, SLACK};
use super::params::{ConvParams, check};
use super::shape::ConvShape;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::show;
use crate::nn::access::{address, dense, no_memory};
use crate::nn::gemm::{Columns, Matrix, Product, Rows, multiply};
use crate::nn::scratch::with_scratch;
use crate::nn::vector::Real;
use crate::parallel::{SharedMut, parallel_for};
use crate::reduce;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Rows of the input under taps that are laid out at a time.
const BLOCK: usize = 1 << 20;

/// Gradients of [`convolution`], for those of input, weight and bias that `mask` asks for.
pub fn convolution_backward(
    grad: &Tensor,
    input: &Tensor,
    weight: &Tensor,
    params: &ConvParams,
    mask: [bool; 3],
) -> Result<[Option<Tensor>; 3]> {
    let checked = check(input, weight, None, params)?;
    ensure!(
        grad.sizes() == checked.output.as_slice() && grad.dtype() == input.dtype(),
        "expected a gradient of size {} and type {}, but got {} and {}",
        show(&checked.output),
        input.dtype().name(),
        show(grad.sizes()),
        grad.dtype().name()
    );
    let dtype = input.dtype();
    if matches!(dtype, DType::Half | DType::BFloat16) {
        let wide = |t: &Tensor| t.to_dtype(DType::Float);
        let [a, b, c] = convolution_backward(&wide(grad)?, &wide(input)?, &wide(weight)?, params, mask)?;
        let back = |t: Option<Tensor>| t.map(|t| t.to_dtype(dtype)).transpose();
        return Ok([back(a)?, back(b)?, back(c)?]);
    }
    let to_input = if mask[0] {
        Some(input_gradient(grad, input, weight, params)?)
    } else {
        None
    };
    let to_weight = if !mask[1] {
        None
    } else {
        // In a transposed convolution input and output have changed places.
        let (above, below) = if params.transposed {
            (input, grad)
        } else {
            (grad, input)
        };
        Some(match dtype {
            DType::Float => weight_gradient::<f32>(&checked.shape, above, below, weight.sizes())?,
            DType::Double => weight_gradient::<f64>(&checked.shape, above, below, weight.sizes())?,
            other => bail!(
                NotImplemented,
                "\"convolution_backward\" not implemented for '{}'",
                other.name()
            ),
        })
    };
    let to_bias = if mask[2] {
        let dims: Vec<i64> = (0..grad.dim() as i64).filter(|&d| d != 1).collect();
        Some(reduce::sum(grad, &dims, false, None)?)
    } else {
        None
    };
    Ok([to_input, to_weight, to_bias])
}

fn input_gradient(grad: &Tensor, input: &Tensor, weight: &Tensor, params: &ConvParams) -> Result<Tensor> {
    let dims = input.dim() - 2;
    let mut back = params.spread(dims)?;
    back.transposed = !params.transposed;
    if grad.numel() == 0 || weight.numel() == 0 {
        return input.zeros_like();
    }
    for d in 0..dims {
        // What the stride cut off at the end of the input.
        back.output_padding[d] = if params.transposed {
            0
        } else {
            let reach = (grad.sizes()[d + 2] - 1) * back.stride[d] - 2 * back.padding[d]
                + back.dilation[d] * (weight.sizes()[d + 2] - 1)
                + 1;
            input.sizes()[d + 2] - reach
        };
    }
    let out = convolution(grad, weight, None, &back)?;
    // A transposed convolution may have been given more room at its end than its taps reach.
    let mut out = out;
    for d in 0..dims {
        let dim = (d + 2) as i64;
        if out.sizes()[d + 2] != input.sizes()[d + 2] {
            out = out.narrow(dim, 0, input.sizes()[d + 2])?;
        }
    }
    Ok(out)
}

/// `above` is `[batch, groups·features, output]`, `below` `[batch, groups·channels, input]` of the convolution `s`.
fn weight_gradient<T: Real + Element + bytemuck::Pod>(
    s: &ConvShape,
    above: &Tensor,
    below: &Tensor,
    size: &[i64],
) -> Result<Tensor> {
    let out = Tensor::zeros(size, T::DTYPE)?;
    if out.numel() == 0 || above.numel() == 0 {
        return Ok(out);
    }
    let (above, below) = (dense(above)?, dense(below)?);
    let access = Tensor::access(&[&above, &below], &[&out])?;
    // SAFETY: access is held to the end; all three are contiguous.
    let (g, x, to) = unsafe {
        (
            std::slice::from_raw_parts(address::<T>(&above)?.cast_const(), above.numel() as usize),
            std::slice::from_raw_parts(address::<T>(&below)?.cast_const(), below.numel() as usize),
            SharedMut(address::<T>(&out)?),
        )
    };
    let (pixels, plane, taps, depth) = (s.output_plane(), s.input_plane(), s.taps(), s.depth());
    let layout = InputLayout::new(s);
    let (offsets, rows) = (layout.taps(), layout.rows());
    let [pitch_d, pitch_h] = layout.pitch();
    let [_, oh, ow] = s.output;
    // Channels whose taps are laid out together.
    let block = (BLOCK / (taps * pixels)).clamp(1, s.channels);
    for item in 0..s.batch * s.groups {
        let group = item % s.groups;
        let g = &g[item * s.features * pixels..][..s.features * pixels];
        let x = &x[item * s.channels * plane..][..s.channels * plane];
        for first in (0..s.channels).step_by(block) {
            let count = block.min(s.channels - first);
            let columns = (count * taps).checked_mul(pixels).ok_or_else(no_memory)?;
            let laid_out = count.checked_mul(layout.plane).ok_or_else(no_memory)?;
            let done = with_scratch(columns + laid_out + SLACK, |scratch: &mut [T]| {
                let (columns, data) = scratch.split_at_mut(columns);
                data.fill(T::ZERO);
                let (to_data, to_columns) = (SharedMut(data.as_mut_ptr()), SharedMut(columns.as_mut_ptr()));
                parallel_for(count, (1 << 14) / (taps * pixels) + 1, |range| {
                    for c in range {
                        // SAFETY: each channel has its own parts of the buffers.
                        let (data, columns) = unsafe {
                            (
                                std::slice::from_raw_parts_mut(
                                    to_data.get().add(c * layout.plane),
                                    layout.plane,
                                ),
                                std::slice::from_raw_parts_mut(
                                    to_columns.get().add(c * taps * pixels),
                                    taps * pixels,
                                ),
                            )
                        };
                        layout.copy(&rows, &x[(first + c) * plane..][..plane], data);
                        for (row, to) in columns.chunks_exact_mut(ow).enumerate() {
                            let (tap, line) = (row * ow / pixels, row % (pixels / ow));
                            let from = offsets[tap] + line / oh * pitch_d + line % oh * pitch_h;
                            to.copy_from_slice(&data[from..from + ow]);
                        }
                    }
                });
                let product = Product {
                    m: s.features,
                    n: count * taps,
                    k: pixels,
                    a: Rows::Strided(Matrix {
                        data: g.as_ptr(),
                        row_stride: pixels as isize,
                        column_stride: 1,
                    }),
                    b: Columns::Strided(Matrix {
                        data: columns.as_ptr(),
                        row_stride: 1,
                        column_stride: pixels as isize,
                    }),
                    c: SharedMut(to.get().wrapping_add(group * s.features * depth + first * taps)),
                    c_stride: depth,
                    add: true,
                    finish: None,
                };
                // SAFETY: the operands have these extents; this part of the output is ours.
                unsafe { multiply(&product) }
            });
            done.flatten().ok_or_else(no_memory)?;
        }
    }
    drop(access);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(size: &[i64], seed: i64) -> Tensor {
        let n: i64 = size.iter().product();
        let data: Vec<f64> = (0..n).map(|i| ((i * 7919 + seed * 31) % 7 - 3) as f64).collect();
        Tensor::from_slice(&data, size).unwrap()
    }

    fn inner(a: &Tensor, b: &Tensor) -> f64 {
        a.to_vec::<f64>()
            .unwrap()
            .iter()
            .zip(b.to_vec::<f64>().unwrap())
            .map(|(a, b)| a * b)
            .sum()
    }

    /// A convolution is linear in its input and in its weights, so its gradients are their adjoints:
    /// `<grad, conv(x, w)> = <grad_x, x> = <grad_w, w>`, and changing one place of `x` or `w` changes the left as
    /// the gradient says.
    #[test]
    fn gradients_are_adjoint() {
        struct Case(&'static [i64], &'static [i64], [&'static [i64]; 4], i64, bool);
        for Case(x, w, [stride, padding, dilation, output_padding], groups, transposed) in [
            Case(&[2, 3, 9], &[4, 3, 3], [&[1], &[0], &[1], &[0]], 1, false),
            Case(&[2, 4, 9, 8], &[6, 2, 3, 2], [&[2], &[1], &[1], &[0]], 2, false),
            Case(
                &[1, 2, 6, 5, 7],
                &[3, 2, 2, 3, 2],
                [&[2, 1, 3], &[1, 0, 1], &[1, 2, 1], &[0]],
                1,
                false,
            ),
            Case(&[2, 4, 7, 7], &[4, 1, 3, 3], [&[3], &[1], &[1], &[0]], 4, false),
            Case(&[2, 3, 5, 4], &[3, 2, 3, 3], [&[2], &[1], &[1], &[1]], 1, true),
            Case(&[1, 4, 5], &[4, 2, 3], [&[3], &[0], &[2], &[2]], 2, true),
        ] {
            let params = ConvParams {
                stride: stride.into(),
                padding: padding.into(),
                dilation: dilation.into(),
                transposed,
                output_padding: output_padding.into(),
                groups,
            };
            let (x, w) = (numbers(x, 1), numbers(w, 2));
            let run = |x: &Tensor, w: &Tensor| convolution(x, w, None, &params).unwrap();
            let y = run(&x, &w);
            let grad = numbers(y.sizes(), 3);
            let [gx, gw, gb] = convolution_backward(&grad, &x, &w, &params, [true; 3]).unwrap();
            let (gx, gw, gb) = (gx.unwrap(), gw.unwrap(), gb.unwrap());
            assert_eq!((gx.sizes(), gw.sizes()), (x.sizes(), w.sizes()));
            let whole = inner(&grad, &y);
            assert_eq!((inner(&gx, &x), inner(&gw, &w)), (whole, whole));
            assert_eq!(
                gb.to_vec::<f64>().unwrap().iter().sum::<f64>(),
                grad.to_vec::<f64>().unwrap().iter().sum()
            );
            for (t, gradient, is_x) in [(&x, &gx, true), (&w, &gw, false)] {
                let data = t.to_vec::<f64>().unwrap();
                for i in (0..data.len()).step_by(5) {
                    let mut changed = data.clone();
                    changed[i] += 1.0;
                    let changed = Tensor::from_slice(&changed, t.sizes()).unwrap();
                    let y = if is_x {
                        run(&changed, &w)
                    } else {
                        run(&x, &changed)
                    };
                    assert_eq!(inner(&grad, &y) - whole, gradient.to_vec::<f64>().unwrap()[i]);
                }
            }
            let single = |t: &Tensor| t.to_dtype(DType::Float).unwrap();
            let [fx, fw, _] =
                convolution_backward(&single(&grad), &single(&x), &single(&w), &params, [true; 3]).unwrap();
            assert_eq!(fx.unwrap().to_vec::<f64>().unwrap(), gx.to_vec::<f64>().unwrap());
            assert_eq!(fw.unwrap().to_vec::<f64>().unwrap(), gw.to_vec::<f64>().unwrap());
        }
    }
}
