//! Pooling to a given output size: windows follow from the sizes.

use super::{Pooled, Window, largest, like_input, pooled_dispatch, three, widened};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, show};
use crate::nn::access::{checked_product, dense, lengths};
use crate::parallel::{SharedMut, parallel_for};
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{bail, bf16, ensure, f16};

/// First position and length of window `o` of `output` over `input` positions.
#[inline(always)]
fn span(o: usize, input: usize, output: usize) -> (usize, usize) {
    let start = (o as u128 * input as u128 / output as u128) as usize;
    let end = ((o as u128 + 1) * input as u128).div_ceil(output as u128) as usize;
    (start, end - start)
}

fn window(name: &str, dims: usize, input: &Tensor, output_size: &[i64]) -> Result<Window> {
    let sizes = input.sizes();
    ensure!(
        matches!(sizes.len().checked_sub(dims), Some(1 | 2)),
        "{name}(): Expected {}D or {}D tensor, but got {}",
        dims + 1,
        dims + 2,
        show(sizes)
    );
    let output = match output_size {
        [one] => vec![*one; dims],
        _ => output_size.to_vec(),
    };
    if dims == 1 {
        ensure!(
            output.len() == 1,
            "{name}() argument 'output_size' should contain one int"
        );
    }
    ensure!(
        output.len() == dims,
        "{name}: internal error: output_size must be {dims}"
    );
    let skip = sizes.len() - dims - 1;
    for (i, &s) in sizes.iter().enumerate().skip(skip) {
        ensure!(
            s > 0,
            "{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {} with \
             dimension {i} being empty",
            show(sizes)
        );
    }
    ensure!(
        output.iter().all(|&o| o >= 0) || name.contains("max"),
        "{name}: elements of output_size must be greater than or equal to 0 but received {{{}}}",
        output.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    );
    let mut size = Dims::from_slice(&sizes[..sizes.len() - dims]);
    size.extend(output.iter().copied());
    if let Some(least) = output.iter().find(|o| **o < 0) {
        bail!(
            "Trying to create tensor with negative dimension {least}: {}",
            show(&size)
        );
    }
    checked_product(&lengths(&size))?;
    Ok(Window {
        kernel: [1; 3],
        stride: [1; 3],
        padding: [0; 3],
        dilation: [1; 3],
        input: three(&sizes[sizes.len() - dims..], 1),
        output: three(&output, 1),
        planes: checked_product(&lengths(&sizes[..sizes.len() - dims]))?,
        size,
    })
}

/// The sum of a run, over a fixed number of lanes.
#[inline(always)]
fn sum<T: Pooled>(x: &[T]) -> T {
    const LANES: usize = 32;
    if x.len() < LANES {
        return x.iter().fold(T::default(), |a, &b| a.plus(b));
    }
    let mut lanes = [T::default(); LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for chunk in whole {
        lanes.iter_mut().zip(chunk).for_each(|(a, &b)| *a = a.plus(b));
    }
    lanes.iter_mut().zip(rest).for_each(|(a, &b)| *a = a.plus(b));
    let mut n = LANES / 2;
    while n > 0 {
        for i in 0..n {
            lanes[i] = lanes[i].plus(lanes[i + n]);
        }
        n /= 2;
    }
    lanes[0]
}

/// Averages of volumes of a half type, which PyTorch sums and divides in that type.
fn in_steps(w: &Window, input: &Tensor) -> Result<Tensor> {
    let rounded: fn(f32) -> f32 = match input.dtype() {
        DType::Half => |x| f16::from_f32(x).to_f32(),
        _ => |x| bf16::from_f32(x).to_f32(),
    };
    let x = input.to_vec::<f32>()?;
    let plane: usize = w.input.iter().product();
    let mut out = Vec::with_capacity(w.planes * w.output.iter().product::<usize>());
    for p in 0..w.planes {
        let x = &x[p * plane..][..plane];
        for d in 0..w.output[0] {
            let (d0, dn) = span(d, w.input[0], w.output[0]);
            for h in 0..w.output[1] {
                let (h0, hn) = span(h, w.input[1], w.output[1]);
                for c in 0..w.output[2] {
                    let (c0, cn) = span(c, w.input[2], w.output[2]);
                    let mut total = 0.0;
                    for i in d0..d0 + dn {
                        for j in h0..h0 + hn {
                            let row = (i * w.input[1] + j) * w.input[2] + c0;
                            total = x[row..row + cn].iter().fold(total, |a, &b| rounded(a + b));
                        }
                    }
                    let mean = [dn, hn, cn]
                        .iter()
                        .fold(total, |mean, &n| rounded(mean / rounded(n as f32)));
                    out.push(mean);
                }
            }
        }
    }
    Tensor::from_vec(out, &w.size)?.to_dtype(input.dtype())
}

fn average(name: &str, dims: usize, input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    let w = window(name, dims, input, output_size)?;
    // Before any loop: one size may be vast where another is 0.
    let empty = Tensor::empty(&w.size, input.dtype())?;
    if empty.numel() == 0 {
        return Ok(empty);
    }
    drop(empty);
    ensure!(
        input.is_floating_point(),
        "\"{name}\" not implemented for '{}'",
        input.dtype().name()
    );
    let own = input.dtype();
    if dims == 3 && own != own.compute() && w.output != [1; 3] {
        return like_input(in_steps(&w, input)?, input);
    }
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        let w = &w;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write) = (x.read()?, out.write()?);
            let (x, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
            let plane: usize = w.input.iter().product();
            let pixels: usize = w.output.iter().product();
            parallel_for(w.planes, (1 << 16) / plane + 1, |range| {
                vectorize(#[inline(always)] || {
                    for p in range {
                        // SAFETY: each plane of the output belongs to one index.
                        let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(p * pixels), pixels) };
                        let x = &x[p * plane..][..plane];
                        if pixels == 1 {
                            out[0] = sum(x).over(plane as i64);
                            continue;
                        }
                        let mut at = 0;
                        for d in 0..w.output[0] {
                            let (d0, dn) = span(d, w.input[0], w.output[0]);
                            for h in 0..w.output[1] {
                                let (h0, hn) = span(h, w.input[1], w.output[1]);
                                for c in 0..w.output[2] {
                                    let (c0, cn) = span(c, w.input[2], w.output[2]);
                                    let mut total = T::default();
                                    for i in d0..d0 + dn {
                                        for j in h0..h0 + hn {
                                            let row = (i * w.input[1] + j) * w.input[2] + c0;
                                            total = x[row..row + cn].iter().fold(total, |a, &b| a.plus(b));
                                        }
                                    }
                                    out[at] = total.over((dn * hn * cn) as i64);
                                    at += 1;
                                }
                            }
                        }
                    }
                });
            });
        });
        Ok(out)
    })?;
    like_input(out, input)
}

fn maximum(name: &str, dims: usize, input: &Tensor, output_size: &[i64]) -> Result<(Tensor, Tensor)> {
    let w = window(name, dims, input, output_size)?;
    if w.size.contains(&0) {
        return Ok((
            Tensor::empty(&w.size, input.dtype())?,
            Tensor::empty(&w.size, DType::Long)?,
        ));
    }
    let indices = Tensor::empty(&w.size, DType::Long)?;
    ensure!(
        input.is_floating_point(),
        "\"{name}\" not implemented for '{}'",
        input.dtype().name()
    );
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        let w = &w;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write, mut write_index) = (x.read()?, out.write()?, indices.write()?);
            let x = read.slice::<T>()?;
            let to = SharedMut(write.slice::<T>()?.as_mut_ptr());
            let to_index = SharedMut(write_index.slice::<i64>()?.as_mut_ptr());
            let plane: usize = w.input.iter().product();
            let pixels: usize = w.output.iter().product();
            parallel_for(w.planes, (1 << 16) / plane + 1, |range| {
                for p in range {
                    let x = &x[p * plane..][..plane];
                    for at in 0..pixels {
                        let o = [at / (w.output[1] * w.output[2]), at / w.output[2] % w.output[1], at % w.output[2]];
                        let s = |d: usize| span(o[d], w.input[d], w.output[d]);
                        let (best, index) = largest(w, x, s(0), s(1), s(2), [1; 3]);
                        // SAFETY: each plane of the outputs belongs to one index.
                        unsafe {
                            *to.get().add(p * pixels + at) = best;
                            *to_index.get().add(p * pixels + at) = index as i64;
                        }
                    }
                }
            });
        });
        Ok(out)
    })?;
    Ok((like_input(out, input)?, like_input(indices, input)?))
}

macro_rules! adaptive {
    ($avg:ident, $max:ident, $dims:literal) => {
        /// PyTorch's operator of this name.
        pub fn $avg(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
            average(stringify!($avg), $dims, input, output_size)
        }

        /// PyTorch's operator of this name: maxima, and their positions in their planes.
        pub fn $max(input: &Tensor, output_size: &[i64]) -> Result<(Tensor, Tensor)> {
            maximum(stringify!($max), $dims, input, output_size)
        }
    };
}

adaptive!(adaptive_avg_pool1d, adaptive_max_pool1d, 1);
adaptive!(adaptive_avg_pool2d, adaptive_max_pool2d, 2);
adaptive!(adaptive_avg_pool3d, adaptive_max_pool3d, 3);

/// Where the windows of fractional pooling start: PyTorch's pseudo-random sequence for one sample.
fn starts(sample: f64, input: usize, output: usize, kernel: usize, dtype: DType) -> Vec<usize> {
    let last = input - kernel;
    let mut all = Vec::with_capacity(output);
    if output > 1 {
        for i in 0..output - 1 {
            // In the precision of the samples, as the sequence depends on its rounding.
            let step = |x: f64| match dtype {
                DType::Double => x,
                DType::Half => half::f16::from_f64(x).to_f64(),
                DType::BFloat16 => half::bf16::from_f64(x).to_f64(),
                _ => x as f32 as f64,
            };
            let alpha = step(last as f64 / (output - 1) as f64);
            let at = step(step(i as f64 + sample) * alpha) as i64 - step(sample * alpha) as i64;
            all.push(at.clamp(0, last as i64) as usize);
        }
    }
    all.push(last);
    all
}

fn fractional(
    name: &str,
    dims: usize,
    input: &Tensor,
    kernel: &[i64],
    output_size: &[i64],
    samples: &Tensor,
) -> Result<(Tensor, Tensor)> {
    ensure!(
        kernel.len() == 1 || kernel.len() == dims,
        "{name}: kernel_size must either be a single int or tuple of ints"
    );
    ensure!(
        output_size.len() == 1 || output_size.len() == dims,
        "{name}: output_size must either be a single int or tuple of ints"
    );
    let w = window(name, dims, input, output_size)?;
    let kernel = if kernel.len() == 1 {
        vec![kernel[0]; dims]
    } else {
        kernel.to_vec()
    };
    for d in 0..dims {
        let (k, i, o) = (
            kernel[d],
            w.input[3 - dims + d] as i64,
            w.output[3 - dims + d] as i64,
        );
        ensure!(
            k > 0 && o > 0 && o.saturating_add(k).saturating_sub(1) <= i,
            "{name}(): pool size ({k}) too large relative to input size ({i})"
        );
    }
    ensure!(
        samples.dtype() == input.dtype(),
        "Expect _random_samples to have the same dtype as input"
    );
    ensure!(
        samples.dim() == 3,
        "Expect _random_samples to have 3 dimensions, got {}",
        samples.dim()
    );
    let (batch, channels) = if input.dim() as usize == dims + 2 {
        (input.sizes()[0], input.sizes()[1])
    } else {
        (1, input.sizes()[0])
    };
    // More samples than batches are no error: the first ones are taken.
    ensure!(
        samples.sizes()[0] >= batch,
        "Expect _random_samples.size(0) no less then input batch size."
    );
    ensure!(
        samples.sizes()[1] == channels,
        "Expect _random_samples.size(1) equals to input channel size."
    );
    ensure!(
        samples.sizes()[2] == dims as i64,
        "Expect _random_samples.size(2) equals to {dims}; got {}.",
        samples.sizes()[2]
    );
    let kernel = three(&kernel, 1);
    let samples_data = samples.to_vec::<f64>()?;
    let indices = Tensor::empty(&w.size, DType::Long)?;
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write, mut write_index) = (x.read()?, out.write()?, indices.write()?);
            let (x, to, to_index) = (read.slice::<T>()?, write.slice::<T>()?, write_index.slice::<i64>()?);
            let plane: usize = w.input.iter().product();
            let mut at = 0;
            for p in 0..w.planes {
                let x = &x[p * plane..][..plane];
                let sample = &samples_data[p * dims..][..dims];
                // The samples of two dimensions come width first.
                let of = |d: usize| match (dims, d) {
                    (2, 1) => sample[1],
                    (2, 2) => sample[0],
                    (3, d) => sample[d],
                    _ => 0.0,
                };
                let s: [Vec<usize>; 3] =
                    std::array::from_fn(|d| starts(of(d), w.input[d], w.output[d], kernel[d], samples.dtype()));
                for &d in &s[0] {
                    for &h in &s[1] {
                        for &c in &s[2] {
                            let found = largest(&w, x, (d, kernel[0]), (h, kernel[1]), (c, kernel[2]), [1; 3]);
                            (to[at], to_index[at]) = (found.0, found.1 as i64);
                            at += 1;
                        }
                    }
                }
            }
        });
        Ok(out)
    })?;
    Ok((out, indices))
}

/// PyTorch's operator of this name.
pub fn fractional_max_pool2d(
    input: &Tensor,
    kernel_size: &[i64],
    output_size: &[i64],
    random_samples: &Tensor,
) -> Result<(Tensor, Tensor)> {
    fractional(
        "fractional_max_pool2d",
        2,
        input,
        kernel_size,
        output_size,
        random_samples,
    )
}

/// PyTorch's operator of this name.
pub fn fractional_max_pool3d(
    input: &Tensor,
    kernel_size: &[i64],
    output_size: &[i64],
    random_samples: &Tensor,
) -> Result<(Tensor, Tensor)> {
    fractional(
        "fractional_max_pool3d",
        3,
        input,
        kernel_size,
        output_size,
        random_samples,
    )
}
