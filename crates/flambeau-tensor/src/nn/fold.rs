//! Sliding windows as columns and back (`im2col`, `col2im`), and the shuffles of channels and pixels.

use super::access::{checked_product, dense, lengths};
use super::conv::ConvShape;
use super::pad::by_size;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::show;
use crate::parallel::{SharedMut, parallel_for};
use crate::tensor::Tensor;
use crate::{Complex, bail, ensure};

fn two(name: &str, list: &[i64], least: i64) -> Result<[usize; 2]> {
    ensure!(
        list.len() == 2,
        "It is expected {name} equals to 2, but got size {}",
        list.len()
    );
    ensure!(
        list.iter().all(|&x| x >= least && x < 1 << 24),
        "{name} should be {} , but got {}",
        if least > 0 {
            "greater than zero"
        } else {
            "non negative"
        },
        show(list)
    );
    Ok([list[0] as usize, list[1] as usize])
}

/// The windows over planes of `input` as the shape of a convolution of one channel.
fn windows(
    input: [usize; 2],
    kernel: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<ConvShape> {
    let kernel = two("kernel_size", kernel, 1)?;
    let dilation = two("dilation", dilation, 1)?;
    let padding = two("padding", padding, 0)?;
    let stride = two("stride", stride, 1)?;
    let mut output = [1; 3];
    for d in 0..2 {
        let extent = dilation[d] * (kernel[d] - 1) + 1;
        let room = (input[d] + 2 * padding[d]).checked_sub(extent);
        let Some(room) = room else {
            bail!(
                "Given input with spatial size ({}, {}), kernel_size=({}, {}), dilation=({}, {}), padding=({}, {}), \
                 calculated shape of the array of sliding blocks is not positive: its components must be at least one.",
                input[0],
                input[1],
                kernel[0],
                kernel[1],
                dilation[0],
                dilation[1],
                padding[0],
                padding[1]
            );
        };
        output[d + 1] = room / stride[d] + 1;
    }
    let three = |x: [usize; 2], fill| [fill, x[0], x[1]];
    Ok(ConvShape {
        batch: 1,
        groups: 1,
        channels: 1,
        features: 1,
        input: three(input, 1),
        kernel: three(kernel, 1),
        stride: three(stride, 1),
        padding: three(padding, 0),
        dilation: three(dilation, 1),
        output,
    })
}

/// Output columns of a row for which tap `k` of the width is inside, and the input column of the first.
fn columns(s: &ConvShape, k: usize) -> (usize, usize, usize) {
    let at = k * s.dilation[2];
    let first = s.padding[2]
        .saturating_sub(at)
        .div_ceil(s.stride[2])
        .min(s.output[2]);
    let end = (s.input[2] + s.padding[2])
        .saturating_sub(at)
        .div_ceil(s.stride[2])
        .clamp(first, s.output[2]);
    (
        first,
        end,
        (first * s.stride[2] + at).saturating_sub(s.padding[2]),
    )
}

/// PyTorch's `im2col` (`torch.nn.functional.unfold`).
pub fn im2col(
    x: &Tensor,
    kernel: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Tensor> {
    let sizes = x.sizes();
    ensure!(
        matches!(sizes.len(), 3 | 4) && sizes[sizes.len() - 3..].iter().all(|&s| s > 0),
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: \
         {}",
        show(sizes)
    );
    if sizes.len() == 3 {
        return im2col(&x.unsqueeze(0)?, kernel, dilation, padding, stride)?.squeeze_dim(0);
    }
    let n = lengths(sizes);
    let s = windows([n[2], n[3]], kernel, dilation, padding, stride)?;
    let (taps, pixels, plane) = (s.taps(), s.output_plane(), s.input_plane());
    let rows = checked_product(&[n[0], n[1], taps])?;
    checked_product(&[rows, pixels])?;
    let out = Tensor::zeros(&[n[0] as i64, (n[1] * taps) as i64, pixels as i64], x.dtype())?;
    let x = dense(x)?;
    let access = Tensor::access(&[&x], &[&out])?;
    by_size!(x.dtype(), T => {
        let (from, to) = (SharedMut(x.meta().ptr().cast::<T>()), SharedMut(out.meta().ptr().cast::<T>()));
        parallel_for(rows, 8192 / pixels.max(1) + 1, |range| {
            for row in range {
                let (channel, tap) = (row / taps, row % taps);
                let (kh, kw) = (tap / s.kernel[2], tap % s.kernel[2]);
                let (first, end, start) = columns(&s, kw);
                for h in 0..s.output[1] {
                    let ih = (h * s.stride[1] + kh * s.dilation[1]).checked_sub(s.padding[1]);
                    let Some(ih) = ih.filter(|&i| i < s.input[1]) else { continue };
                    // SAFETY: rows of the output are cut disjointly; the columns were bounded by the input.
                    unsafe {
                        let from = from.get().add(channel * plane + ih * s.input[2] + start);
                        let to = to.get().add(row * pixels + h * s.output[2] + first);
                        for i in 0..end - first {
                            *to.add(i) = *from.add(i * s.stride[2]);
                        }
                    }
                }
            }
        });
    });
    drop(access);
    Ok(out)
}

/// PyTorch's `col2im` (`torch.nn.functional.fold`): overlapping elements are added.
pub fn col2im(
    x: &Tensor,
    output_size: &[i64],
    kernel: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Tensor> {
    let sizes = x.sizes();
    ensure!(
        matches!(sizes.len(), 2 | 3) && sizes[sizes.len() - 2..].iter().all(|&s| s > 0),
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but \
         got: {}",
        show(sizes)
    );
    if sizes.len() == 2 {
        return col2im(&x.unsqueeze(0)?, output_size, kernel, dilation, padding, stride)?.squeeze_dim(0);
    }
    let output = two("output_size", output_size, 1)?;
    let s = windows(output, kernel, dilation, padding, stride)?;
    let (taps, pixels) = (s.taps(), s.output_plane());
    let n = lengths(sizes);
    ensure!(
        n[1] % taps == 0,
        "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)={} and \
         kernel_size=({}, {}).",
        n[1],
        s.kernel[1],
        s.kernel[2]
    );
    ensure!(
        n[2] == pixels,
        "Given output_size=({}, {}), kernel_size=({}, {}), dilation=({}, {}), padding=({}, {}), stride=({}, {}), expected \
         size of input's dimension 2 to match the calculated number of sliding blocks {} * {} = {pixels}, but got \
         input.size(2)={}.",
        output[0],
        output[1],
        s.kernel[1],
        s.kernel[2],
        s.dilation[1],
        s.dilation[2],
        s.padding[1],
        s.padding[2],
        s.stride[1],
        s.stride[2],
        s.output[1],
        s.output[2],
        n[2]
    );
    let size = [
        n[0] as i64,
        (n[1] / taps) as i64,
        output[0] as i64,
        output[1] as i64,
    ];
    match x.dtype() {
        DType::Float => add_up::<f32>(x, &s, &size, |a, b| a + b),
        DType::Double => add_up::<f64>(x, &s, &size, |a, b| a + b),
        DType::ComplexFloat => add_up::<Complex<f32>>(x, &s, &size, |a, b| a + b),
        DType::ComplexDouble => add_up::<Complex<f64>>(x, &s, &size, |a, b| a + b),
        DType::Long => add_up::<i64>(x, &s, &size, i64::wrapping_add),
        DType::Int => add_up::<i32>(x, &s, &size, i32::wrapping_add),
        DType::Bool => add_up::<bool>(x, &s, &size, |a, b| a | b),
        half @ (DType::Half | DType::BFloat16) => {
            add_up::<f32>(&x.to_dtype(DType::Float)?, &s, &size, |a, b| a + b)?.to_dtype(half)
        }
        other => bail!(
            NotImplemented,
            "\"col2im_out_cpu\" not implemented for '{}'",
            other.name()
        ),
    }
}

fn add_up<T: Element>(
    x: &Tensor,
    s: &ConvShape,
    size: &[i64],
    add: impl Fn(T, T) -> T + Sync,
) -> Result<Tensor> {
    let out = Tensor::zeros(size, T::DTYPE)?;
    let x = dense(x)?;
    {
        let (read, mut write) = (x.read()?, out.write()?);
        let (x, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
        let (taps, pixels, plane) = (s.taps(), s.output_plane(), s.input_plane());
        parallel_for(
            (size[0] * size[1]) as usize,
            (1 << 15) / (taps * pixels) + 1,
            |range| {
                for channel in range {
                    // SAFETY: each channel has its own plane.
                    let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(channel * plane), plane) };
                    for tap in 0..taps {
                        let (kh, kw) = (tap / s.kernel[2], tap % s.kernel[2]);
                        let (first, end, start) = columns(s, kw);
                        for h in 0..s.output[1] {
                            let ih = (h * s.stride[1] + kh * s.dilation[1]).checked_sub(s.padding[1]);
                            let Some(ih) = ih.filter(|&i| i < s.input[1] && first < end) else {
                                continue;
                            };
                            let from = &x[(channel * taps + tap) * pixels + h * s.output[2] + first..]
                                [..end - first];
                            let to = out[ih * s.input[2] + start..].iter_mut().step_by(s.stride[2]);
                            to.zip(from).for_each(|(c, &x)| *c = add(*c, x));
                        }
                    }
                }
            },
        );
    }
    Ok(out)
}

/// Moves blocks of channels into space: `[.., c·r², h, w]` to `[.., c, h·r, w·r]`.
pub fn pixel_shuffle(x: &Tensor, r: i64) -> Result<Tensor> {
    let n = x.dim();
    ensure!(
        n >= 3,
        "pixel_shuffle expects input to have at least 3 dimensions, but got input with {n} dimension(s)"
    );
    ensure!(
        r > 0,
        "pixel_shuffle expects a positive upscale_factor, but got {r}"
    );
    let s = x.sizes();
    let (lead, c, h, w) = (&s[..n - 3], s[n - 3], s[n - 2], s[n - 1]);
    let square = r.saturating_mul(r);
    ensure!(
        c % square == 0,
        "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but \
         input.size(-3)={c} is not divisible by {square}"
    );
    rearrange(
        x,
        lead,
        &[c / square, r, r, h, w],
        &[0, 3, 1, 4, 2],
        &[c / square, h.saturating_mul(r), w.saturating_mul(r)],
    )
}

/// The inverse of [`pixel_shuffle`].
pub fn pixel_unshuffle(x: &Tensor, r: i64) -> Result<Tensor> {
    let n = x.dim();
    ensure!(
        n >= 3,
        "pixel_unshuffle expects input to have at least 3 dimensions, but got input with {n} dimension(s)"
    );
    ensure!(
        r > 0,
        "pixel_unshuffle expects a positive downscale_factor, but got {r}"
    );
    let s = x.sizes();
    let (lead, c, h, w) = (&s[..n - 3], s[n - 3], s[n - 2], s[n - 1]);
    for (name, size, at) in [("height", h, -2), ("width", w, -1)] {
        ensure!(
            size % r == 0,
            "pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({at})={size} is not divisible \
             by {r}"
        );
    }
    rearrange(
        x,
        lead,
        &[c, h / r, r, w / r, r],
        &[0, 2, 4, 1, 3],
        &[c.saturating_mul(r.saturating_mul(r)), h / r, w / r],
    )
}

/// Deals channels out of their groups in turn.
pub fn channel_shuffle(x: &Tensor, groups: i64) -> Result<Tensor> {
    let n = x.dim();
    ensure!(
        n > 2,
        "channel_shuffle expects input with > 2 dims, but got input with sizes {}",
        show(x.sizes())
    );
    ensure!(
        groups > 0,
        "Number of groups to divide channels in must be positive. Value of groups:{groups}"
    );
    let s = x.sizes();
    ensure!(
        s[1] % groups == 0,
        "Number of channels must be divisible by groups. Got {} channels and {groups} groups.",
        s[1]
    );
    let mut parts = vec![groups, s[1] / groups];
    parts.extend_from_slice(&s[2..]);
    let mut order: Vec<i64> = vec![1, 0];
    order.extend(2..parts.len() as i64);
    rearrange(x, &s[..1], &parts, &order, &s[1..])
}

/// Views the trailing dimensions as `parts`, permutes these, and makes them `to`.
fn rearrange(x: &Tensor, lead: &[i64], parts: &[i64], order: &[i64], to: &[i64]) -> Result<Tensor> {
    let join = |tail: &[i64]| [lead, tail].concat();
    let mut dims: Vec<i64> = (0..lead.len() as i64).collect();
    dims.extend(order.iter().map(|d| d + lead.len() as i64));
    x.reshape(&join(parts))?
        .permute(&dims)?
        .contiguous()?
        .view(&join(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(size: &[i64]) -> Tensor {
        let n: i64 = size.iter().product();
        Tensor::from_slice(&(0..n).collect::<Vec<_>>(), size).unwrap()
    }

    #[test]
    fn columns_and_back() {
        for (size, k, d, p, s) in [
            ([2, 3, 5, 6], [2, 3], [1, 1], [0, 0], [1, 1]),
            ([1, 2, 7, 7], [3, 3], [1, 2], [1, 2], [2, 1]),
            ([1, 1, 4, 4], [1, 1], [1, 1], [0, 0], [3, 3]),
            ([0, 1, 4, 4], [2, 2], [1, 1], [0, 0], [1, 1]),
        ] {
            let x = numbers(&size);
            let y = im2col(&x, &k, &d, &p, &s).unwrap();
            let (data, cols) = (x.to_vec::<i64>().unwrap(), y.to_vec::<i64>().unwrap());
            let out: Vec<i64> = (0..2)
                .map(|i| (size[i + 2] + 2 * p[i] - d[i] * (k[i] - 1) - 1) / s[i] + 1)
                .collect();
            assert_eq!(y.sizes(), [size[0], size[1] * k[0] * k[1], out[0] * out[1]]);
            let mut sums = vec![0; data.len()];
            for (i, &v) in cols.iter().enumerate() {
                let i = i as i64;
                let (pixel, row) = (i % (out[0] * out[1]), i / (out[0] * out[1]));
                let (tap, channel) = (row % (k[0] * k[1]), row / (k[0] * k[1]));
                let h = pixel / out[1] * s[0] + tap / k[1] * d[0] - p[0];
                let w = pixel % out[1] * s[1] + tap % k[1] * d[1] - p[1];
                if (0..size[2]).contains(&h) && (0..size[3]).contains(&w) {
                    let at = ((channel * size[2] + h) * size[3] + w) as usize;
                    assert_eq!(v, data[at]);
                    sums[at] += v;
                } else {
                    assert_eq!(v, 0);
                }
            }
            for dtype in [DType::Long, DType::Float, DType::Half] {
                let back = col2im(&y.to_dtype(dtype).unwrap(), &size[2..], &k, &d, &p, &s).unwrap();
                assert_eq!(back.to_vec::<i64>().unwrap(), sums);
            }
        }
    }

    #[test]
    fn shuffles() {
        let x = numbers(&[1, 4, 1, 2]);
        let y = pixel_shuffle(&x, 2).unwrap();
        assert_eq!(
            (y.sizes(), y.to_vec::<i64>().unwrap()),
            (&[1, 1, 2, 4][..], vec![0, 2, 1, 3, 4, 6, 5, 7])
        );
        assert_eq!(
            pixel_unshuffle(&y, 2).unwrap().to_vec::<i64>().unwrap(),
            x.to_vec::<i64>().unwrap()
        );
        let y = channel_shuffle(&numbers(&[1, 6, 1]), 2).unwrap();
        assert_eq!(y.to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
        for (got, want) in [
            (pixel_shuffle(&x, 3), "is not divisible by 9"),
            (pixel_shuffle(&x, 0), "positive upscale_factor"),
            (
                pixel_unshuffle(&x, 2),
                "pixel_unshuffle expects height to be divisible",
            ),
            (
                channel_shuffle(&x, 3),
                "Number of channels must be divisible by groups. Got 4 channels and 3 groups.",
            ),
            (
                im2col(&x, &[3, 3], &[1, 1], &[0, 0], &[1, 1]),
                "calculated shape of the array of sliding blocks",
            ),
            (
                im2col(&x, &[0, 3], &[1, 1], &[0, 0], &[1, 1]),
                "kernel_size should be greater than zero",
            ),
        ] {
            let message = got.unwrap_err().message;
            assert!(message.contains(want), "{message}");
        }
    }
}
