//! Pooling in one to three dimensions: windows slide over the planes of an input.
//!
//! Everything runs over three spatial dimensions; the missing ones have size 1. A plane is worked on row by row of its
//! output: rows of the window are combined as whole rows first, so the inner loops run along the width.

mod adaptive;
#[cfg(test)]
mod tests;
mod unpool;

pub use adaptive::*;
pub use unpool::*;

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{Dims, MemoryFormat, show};
use crate::nn::access::{checked_product, dense, lengths};
use crate::parallel::{SharedMut, parallel_for};
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Arguments of a window that slides, by dimension.
#[derive(Clone, Debug)]
struct Window {
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
    input: [usize; 3],
    output: [usize; 3],
    /// Batch times channels.
    planes: usize,
    /// The size of the result.
    size: Dims,
}

fn words(n: usize) -> &'static str {
    match n {
        1 => "one int",
        2 => "two ints",
        _ => "three ints",
    }
}

/// Spreads a list of one entry, or takes one of `dims`.
fn spread(
    name: &str,
    argument: &str,
    list: &[i64],
    dims: usize,
    default: Option<&[i64]>,
) -> Result<Vec<i64>> {
    match (list, default) {
        ([], Some(default)) => Ok(default.to_vec()),
        ([one], _) => Ok(vec![*one; dims]),
        _ if list.len() == dims => Ok(list.to_vec()),
        _ => bail!(
            "{name}: {argument} must {}be {}a single int, or a tuple of {}",
            if default.is_some() { "either " } else { "" },
            if default.is_some() { "omitted, " } else { "either " },
            words(dims)
        ),
    }
}

fn three(list: &[i64], fill: usize) -> [usize; 3] {
    let mut all = [fill; 3];
    for (to, &x) in all[3 - list.len()..].iter_mut().zip(list) {
        *to = x.max(0) as usize;
    }
    all
}

/// Checks that `input` is `dims` spatial dimensions after channels and perhaps a batch, none but the batch empty.
fn check_input(name: &str, input: &Tensor, dims: usize) -> Result<()> {
    let sizes = input.sizes();
    ensure!(
        matches!(sizes.len().checked_sub(dims), Some(1 | 2)),
        "{name}: Expected {}D or {}D (batch mode) tensor with optional 0 dim batch size for input, but got:{}",
        dims + 1,
        dims + 2,
        show(sizes)
    );
    let skip = sizes.len() - dims - 1;
    ensure!(
        sizes[skip..].iter().all(|&s| s > 0),
        "Expected {}D or {}D (batch mode) tensor with optional 0 dim batch size for input, but got:{}",
        dims + 1,
        dims + 2,
        show(sizes)
    );
    Ok(())
}

#[allow(clippy::too_many_arguments)]
fn window(
    name: &str,
    dims: usize,
    input: &Tensor,
    kernel: &[i64],
    stride: &[i64],
    padding: &[i64],
    dilation: &[i64],
    ceil_mode: bool,
) -> Result<Window> {
    let kernel = spread(name, "kernel_size", kernel, dims, None)?;
    let stride = spread(name, "stride", stride, dims, Some(&kernel))?;
    let padding = spread(name, "padding", padding, dims, None)?;
    let dilation = spread(name, "dilation", dilation, dims, None)?;
    for (argument, list) in [
        ("kernel_size", &kernel),
        ("stride", &stride),
        ("padding", &padding),
        ("dilation", &dilation),
    ] {
        // Far beyond any tensor, so that what is computed from them stays within the machine's integers.
        ensure!(
            list.iter().all(|&x| x < 1 << 20),
            "{name}: {argument} is too large: {}{}",
            show(list),
            if name == "max_pool1d" {
                ". Invalid computed output size: -1"
            } else {
                ""
            }
        );
    }
    if name == "max_pool1d" {
        for (argument, list) in [
            ("kernel_size", &kernel),
            ("stride", &stride),
            ("dilation", &dilation),
        ] {
            ensure!(
                list[0] > 0,
                "max_pool1d() {argument} must be greater than zero, but got {}",
                list[0]
            );
        }
    }
    ensure!(stride.iter().all(|&s| s != 0), "stride should not be zero");
    ensure!(
        kernel.iter().all(|&k| k > 0),
        "kernel size should be greater than zero, but got {}",
        show(&kernel)
    );
    ensure!(
        stride.iter().all(|&s| s > 0),
        "stride should be greater than zero, but got {}",
        show(&stride)
    );
    ensure!(
        dilation.iter().all(|&d| d > 0),
        "dilation should be greater than zero, but got {}",
        show(&dilation)
    );
    ensure!(
        padding.iter().all(|&p| p >= 0),
        "pad must be non-negative, but got pad: {}",
        show(&padding)
    );
    for d in 0..dims {
        let extent = dilation[d].saturating_mul(kernel[d] - 1).saturating_add(1);
        ensure!(
            padding[d] <= extent / 2,
            "pad should be at most half of effective kernel size, but got pad={}, kernel_size={} and dilation={}",
            padding[d],
            kernel[d],
            dilation[d]
        );
    }
    check_input(name, input, dims)?;
    let sizes = input.sizes();
    let spatial = &sizes[sizes.len() - dims..];
    let mut size = Dims::from_slice(&sizes[..sizes.len() - dims]);
    for d in 0..dims {
        let extent = dilation[d].saturating_mul(kernel[d] - 1).saturating_add(1);
        let room = spatial[d]
            .saturating_add(padding[d].saturating_mul(2))
            .saturating_sub(extent);
        let extra = if ceil_mode { stride[d] - 1 } else { 0 };
        let mut out = room.saturating_add(extra).div_euclid(stride[d]) + 1;
        // The last window must start inside the input or its padding before.
        if ceil_mode && (out - 1).saturating_mul(stride[d]) >= spatial[d].saturating_add(padding[d]) {
            out -= 1;
        }
        size.push(out);
    }
    let by = |s: &[i64]| s.iter().map(i64::to_string).collect::<Vec<_>>().join("x");
    let skip = sizes.len() - dims - 1;
    ensure!(
        name != "max_pool1d" || size[sizes.len() - dims] >= 0,
        "max_pool1d() Invalid computed output size: {}",
        size[sizes.len() - dims]
    );
    ensure!(
        size[sizes.len() - dims..].iter().all(|&s| s > 0),
        "Given input size: ({}). Calculated output size: ({}). Output size is too small",
        by(&sizes[skip..]),
        by(&size[skip..])
    );
    let planes = checked_product(&lengths(&sizes[..sizes.len() - dims]))?;
    checked_product(&lengths(&size))?;
    Ok(Window {
        kernel: three(&kernel, 1),
        stride: three(&stride, 1),
        padding: three(&padding, 0),
        dilation: three(&dilation, 1),
        input: three(spatial, 1),
        output: three(&size[sizes.len() - dims..], 1),
        planes,
        size,
    })
}

impl Window {
    /// Input positions of output `o` in dimension `d` that are inside: first, count.
    #[inline(always)]
    fn span(&self, d: usize, o: usize) -> (usize, usize) {
        let start = o * self.stride[d];
        let skip = self.padding[d].saturating_sub(start).div_ceil(self.dilation[d]);
        let first = start + skip * self.dilation[d] - self.padding[d].min(start + skip * self.dilation[d]);
        let left = self.kernel[d].saturating_sub(skip);
        let fit = self.input[d].saturating_sub(first).div_ceil(self.dilation[d]);
        (first, left.min(fit))
    }

    /// Output columns for which tap `k` of the width is inside, and the input column of the first.
    #[inline(always)]
    fn columns(&self, k: usize) -> (usize, usize, usize) {
        let at = k * self.dilation[2];
        let first = self.padding[2]
            .saturating_sub(at)
            .div_ceil(self.stride[2])
            .min(self.output[2]);
        let end = (self.input[2] + self.padding[2])
            .saturating_sub(at)
            .div_ceil(self.stride[2]);
        let end = end.clamp(first, self.output[2]);
        let start = (first * self.stride[2] + at).saturating_sub(self.padding[2]);
        (first, end, start)
    }

    fn input_plane(&self) -> usize {
        self.input.iter().product()
    }

    fn output_plane(&self) -> usize {
        self.output.iter().product()
    }

    /// Planes that are worth a thread.
    fn grain(&self) -> usize {
        let work = self.output_plane().saturating_mul(self.kernel.iter().product());
        (1 << 16) / work.max(1) + 1
    }
}

/// Numbers that pools order and sum.
trait Pooled: Element + PartialOrd {
    const LOWEST: Self;
    fn plus(self, b: Self) -> Self;
    fn over(self, n: i64) -> Self;
    /// The larger, NaN if either is.
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn larger(self, b: Self) -> Self {
        if b > self || b != b { b } else { self }
    }
}

macro_rules! pooled {
    ($($t:ty, $lowest:expr, |$a:ident, $b:ident| $plus:expr, |$x:ident, $n:ident| $over:expr;)*) => {$(
        impl Pooled for $t {
            const LOWEST: $t = $lowest;
            #[inline(always)]
            fn plus(self, $b: $t) -> $t {
                let $a = self;
                $plus
            }
            #[inline(always)]
            fn over(self, $n: i64) -> $t {
                let $x = self;
                $over
            }
        }
    )*};
}

pooled! {
    f32, f32::NEG_INFINITY, |a, b| a + b, |x, n| x / n as f32;
    f64, f64::NEG_INFINITY, |a, b| a + b, |x, n| x / n as f64;
    u8, 0, |a, b| a.wrapping_add(b), |x, n| (x as i64).wrapping_div(n) as u8;
    i8, i8::MIN, |a, b| a.wrapping_add(b), |x, n| (x as i64).wrapping_div(n) as i8;
    i16, i16::MIN, |a, b| a.wrapping_add(b), |x, n| (x as i64).wrapping_div(n) as i16;
    i32, i32::MIN, |a, b| a.wrapping_add(b), |x, n| (x as i64).wrapping_div(n) as i32;
    i64, i64::MIN, |a, b| a.wrapping_add(b), |x, n| x.wrapping_div(n);
}

/// Runs the body with `$T` bound; half precisions come as `float`.
macro_rules! pooled_dispatch {
    ($dtype:expr, $name:expr, $T:ident => $body:expr) => {
        match $dtype {
            DType::Float => {
                type $T = f32;
                $body
            }
            DType::Double => {
                type $T = f64;
                $body
            }
            DType::Byte => {
                type $T = u8;
                $body
            }
            DType::Char => {
                type $T = i8;
                $body
            }
            DType::Short => {
                type $T = i16;
                $body
            }
            DType::Int => {
                type $T = i32;
                $body
            }
            DType::Long => {
                type $T = i64;
                $body
            }
            other => bail!(
                NotImplemented,
                "\"{}\" not implemented for '{}'",
                $name,
                other.name()
            ),
        }
    };
}

use pooled_dispatch;

/// `to[first + i] = f(to[first + i], from[start + i·stride])`.
#[inline(always)]
fn along<T: Copy>(to: &mut [T], from: &[T], stride: usize, f: impl Fn(T, T) -> T) {
    match stride {
        1 => to.iter_mut().zip(from).for_each(|(c, &x)| *c = f(*c, x)),
        2 => {
            let (pairs, rest) = from.as_chunks::<2>();
            let n = pairs.len().min(to.len());
            to[..n].iter_mut().zip(pairs).for_each(|(c, x)| *c = f(*c, x[0]));
            if let (Some(c), Some(&x)) = (to.get_mut(n), rest.first()) {
                *c = f(*c, x);
            }
        }
        _ => to
            .iter_mut()
            .zip(from.iter().step_by(stride))
            .for_each(|(c, &x)| *c = f(*c, x)),
    }
}

/// Combines windows of one plane with `f`, starting from `start`, then calls `done(d, h, row)`.
#[inline(always)]
fn slide<T: Pooled>(
    w: &Window,
    input: &[T],
    output: &mut [T],
    start: T,
    vertical_first: bool,
    column: &mut [T],
    f: impl Fn(T, T) -> T + Copy,
    done: impl Fn(usize, usize, &mut [T]),
) {
    let [_, ih, iw] = w.input;
    for d in 0..w.output[0] {
        let (d0, dn) = w.span(0, d);
        for h in 0..w.output[1] {
            let (h0, hn) = w.span(1, h);
            let row = (d * w.output[1] + h) * w.output[2];
            let out = &mut output[row..row + w.output[2]];
            out.fill(start);
            let rows =
                (0..dn).flat_map(|i| (0..hn).map(move |j| (d0 + i * w.dilation[0], h0 + j * w.dilation[1])));
            let row_of = |(d, h): (usize, usize)| &input[(d * ih + h) * iw..][..iw];
            if vertical_first && dn * hn > 1 {
                // The order of combination does not matter: rows of the window become one row.
                column.fill(start);
                for at in rows {
                    along(column, row_of(at), 1, f);
                }
                for k in 0..w.kernel[2] {
                    let (first, end, from) = w.columns(k);
                    if first < end {
                        along(&mut out[first..end], &column[from..], w.stride[2], f);
                    }
                }
            } else {
                for at in rows {
                    for k in 0..w.kernel[2] {
                        let (first, end, from) = w.columns(k);
                        if first < end {
                            along(&mut out[first..end], &row_of(at)[from..], w.stride[2], f);
                        }
                    }
                }
            }
            done(d, h, out);
        }
    }
}

fn like_input(out: Tensor, input: &Tensor) -> Result<Tensor> {
    match input.suggest_memory_format() {
        MemoryFormat::Contiguous => Ok(out),
        format if out.dim() == input.dim() => out.contiguous_as(format),
        _ => Ok(out),
    }
}

/// Half precisions through `float`, which holds them exactly.
fn widened(input: &Tensor, run: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let dtype = input.dtype();
    if matches!(dtype, DType::Half | DType::BFloat16) {
        return run(&input.to_dtype(DType::Float)?)?.to_dtype(dtype);
    }
    run(input)
}

fn max_plain(name: &str, w: &Window, input: &Tensor) -> Result<Tensor> {
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write) = (x.read()?, out.write()?);
            let (x, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
            let (plane, pixels) = (w.input_plane(), w.output_plane());
            parallel_for(w.planes, w.grain(), |range| {
                let mut column = vec![T::LOWEST; w.input[2]];
                vectorize(#[inline(always)] || {
                    for p in range {
                        // SAFETY: each plane of the output belongs to one index.
                        let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(p * pixels), pixels) };
                        let x = &x[p * plane..][..plane];
                        slide(w, x, out, T::LOWEST, true, &mut column, |a: T, b| a.larger(b), |_, _, _| {});
                    }
                });
            });
        });
        Ok(out)
    })?;
    like_input(out, input)
}

fn max_indexed(name: &str, w: &Window, input: &Tensor) -> Result<(Tensor, Tensor)> {
    let indices = Tensor::empty(&w.size, DType::Long)?;
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write, mut write_index) = (x.read()?, out.write()?, indices.write()?);
            let x = read.slice::<T>()?;
            let to = SharedMut(write.slice::<T>()?.as_mut_ptr());
            let to_index = SharedMut(write_index.slice::<i64>()?.as_mut_ptr());
            let (plane, pixels) = (w.input_plane(), w.output_plane());
            parallel_for(w.planes, w.grain(), |range| {
                for p in range {
                    let x = &x[p * plane..][..plane];
                    let mut at = p * pixels;
                    for d in 0..w.output[0] {
                        for h in 0..w.output[1] {
                            for o in 0..w.output[2] {
                                let (best, index) = largest(w, x, w.span(0, d), w.span(1, h), w.span(2, o), w.dilation);
                                // SAFETY: each plane of the outputs belongs to one index.
                                unsafe {
                                    *to.get().add(at) = best;
                                    *to_index.get().add(at) = index as i64;
                                }
                                at += 1;
                            }
                        }
                    }
                }
            });
        });
        Ok(out)
    })?;
    Ok((like_input(out, input)?, like_input(indices, input)?))
}

/// The largest element of a window, the first of equals, and where it is in the plane.
#[inline(always)]
#[allow(clippy::eq_op)]
fn largest<T: Pooled>(
    w: &Window,
    x: &[T],
    d: (usize, usize),
    h: (usize, usize),
    c: (usize, usize),
    step: [usize; 3],
) -> (T, usize) {
    let start = (d.0.min(w.input[0] - 1) * w.input[1] + h.0.min(w.input[1] - 1)) * w.input[2]
        + c.0.min(w.input[2] - 1);
    let mut best = (T::LOWEST, start);
    for i in 0..d.1 {
        for j in 0..h.1 {
            let row = ((d.0 + i * step[0]) * w.input[1] + h.0 + j * step[1]) * w.input[2];
            for k in 0..c.1 {
                let at = row + c.0 + k * step[2];
                let v = x[at];
                if v > best.0 || v != v {
                    best = (v, at);
                }
            }
        }
    }
    best
}

macro_rules! max_pool {
    ($name:ident, $indexed:ident, $dims:literal, $impl:literal) => {
        /// PyTorch's operator of this name.
        pub fn $name(
            input: &Tensor,
            kernel_size: &[i64],
            stride: &[i64],
            padding: &[i64],
            dilation: &[i64],
            ceil_mode: bool,
        ) -> Result<Tensor> {
            let w = window(
                stringify!($name),
                $dims,
                input,
                kernel_size,
                stride,
                padding,
                dilation,
                ceil_mode,
            )?;
            max_plain($impl, &w, input)
        }

        /// The same with the position of each maximum in its plane.
        pub fn $indexed(
            input: &Tensor,
            kernel_size: &[i64],
            stride: &[i64],
            padding: &[i64],
            dilation: &[i64],
            ceil_mode: bool,
        ) -> Result<(Tensor, Tensor)> {
            let w = window(
                stringify!($name),
                $dims,
                input,
                kernel_size,
                stride,
                padding,
                dilation,
                ceil_mode,
            )?;
            max_indexed($impl, &w, input)
        }
    };
}

max_pool!(max_pool1d, max_pool1d_with_indices, 1, "max_pool1d_impl");
max_pool!(max_pool2d, max_pool2d_with_indices, 2, "max_pool2d");
max_pool!(max_pool3d, max_pool3d_with_indices, 3, "max_pool3d");

fn average(
    name: &str,
    w: &Window,
    input: &Tensor,
    count_include_pad: bool,
    divisor_override: Option<i64>,
) -> Result<Tensor> {
    ensure!(divisor_override != Some(0), "divisor must be not zero");
    // Elements of a window by dimension, with padding or without.
    let counts: [Vec<i64>; 3] = std::array::from_fn(|d| {
        let count = |o: usize| {
            if count_include_pad {
                let start = o * w.stride[d];
                (start + w.kernel[d])
                    .min(w.input[d] + 2 * w.padding[d])
                    .saturating_sub(start) as i64
            } else {
                w.span(d, o).1 as i64
            }
        };
        (0..w.output[d]).map(count).collect()
    });
    let out = widened(input, |input| {
        let x = dense(input)?;
        let out = Tensor::empty(&w.size, input.dtype())?;
        pooled_dispatch!(input.dtype(), name, T => {
            let (read, mut write) = (x.read()?, out.write()?);
            let (x, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
            let (plane, pixels) = (w.input_plane(), w.output_plane());
            parallel_for(w.planes, w.grain(), |range| {
                vectorize(#[inline(always)] || {
                    for p in range {
                        // SAFETY: each plane of the output belongs to one index.
                        let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(p * pixels), pixels) };
                        let x = &x[p * plane..][..plane];
                        let divide = |d: usize, h: usize, row: &mut [T]| {
                            let rows = counts[0][d] * counts[1][h];
                            for (c, &n) in row.iter_mut().zip(&counts[2]) {
                                *c = c.over(divisor_override.unwrap_or(rows * n).max(if divisor_override.is_some() { i64::MIN } else { 1 }));
                            }
                        };
                        slide(w, x, out, T::default(), false, &mut [], |a: T, b| a.plus(b), divide);
                    }
                });
            });
        });
        Ok(out)
    })?;
    like_input(out, input)
}

macro_rules! avg_pool {
    ($name:ident, $dims:literal) => {
        /// PyTorch's operator of this name.
        pub fn $name(
            input: &Tensor,
            kernel_size: &[i64],
            stride: &[i64],
            padding: &[i64],
            ceil_mode: bool,
            count_include_pad: bool,
            divisor_override: Option<i64>,
        ) -> Result<Tensor> {
            let w = window(
                stringify!($name),
                $dims,
                input,
                kernel_size,
                stride,
                padding,
                &[1],
                ceil_mode,
            )?;
            average(
                stringify!($name),
                &w,
                input,
                count_include_pad,
                divisor_override,
            )
        }
    };
}

avg_pool!(avg_pool1d, 1);
avg_pool!(avg_pool2d, 2);
avg_pool!(avg_pool3d, 3);
