//! Pooling over regions: `rois` holds `(batch, x1, y1, x2, y2)` a row.
//!
//! The bilinear samples of a bin form a grid, so a weight is a product of one for the row and one for the column. Rows
//! are combined first, along registers, and columns afterwards.

use super::{Number, count, deliver, is_double, readable, zeros};
use crate::parallel::{SharedMut, parallel_for};
use crate::simd::vectorize;
use crate::tensor::Read;
use crate::{DType, Result, Tensor, ensure};

struct Regions<'a, T> {
    input: &'a [T],
    rois: &'a [T],
    n: i64,
    channels: i64,
    h: usize,
    w: usize,
    dtype: DType,
}

/// The tensors that [`Regions`] reads.
struct Operands {
    input: Tensor,
    rois: Tensor,
}

impl Operands {
    fn new<T: Number>(input: &Tensor, rois: &Tensor, out: [i64; 2]) -> Result<Operands> {
        ensure!(
            input.dim() == 4,
            "expected an input of 4 dimensions, found {}",
            input.dim()
        );
        ensure!(
            rois.dim() == 2 && rois.sizes()[1] == 5,
            "Tensor rois should have 5 elements in dimension 1, but has size {:?}",
            rois.sizes()
        );
        ensure!(
            input.dtype() == rois.dtype(),
            "input and rois should have the same type"
        );
        ensure!(
            out.iter().all(|&n| n > 0),
            "the pooled size should be positive, but is {out:?}"
        );
        Ok(Operands {
            input: readable::<T>(input)?,
            rois: readable::<T>(rois)?,
        })
    }
}

impl<'a, T: Number> Regions<'a, T> {
    fn new(input: &'a Read<'_>, rois: &'a Read<'_>, o: &Operands, dtype: DType) -> Result<Regions<'a, T>> {
        let sizes = o.input.sizes();
        let regions = Regions {
            input: input.slice::<T>()?,
            rois: rois.slice::<T>()?,
            n: o.rois.sizes()[0],
            channels: sizes[1],
            h: sizes[2] as usize,
            w: sizes[3] as usize,
            dtype,
        };
        ensure!(
            regions.n == 0 || (regions.h > 0 && regions.w > 0),
            "expected a plane of at least one element, found {sizes:?}"
        );
        let bad = (0..regions.n as usize).find(|&r| {
            let batch = regions.rois[5 * r].wide();
            !(batch >= 0.0 && batch < sizes[0] as f64)
        });
        ensure!(
            bad.is_none(),
            "a region names image {:?} of a batch of {}",
            regions.rois[5 * bad.unwrap_or(0)],
            sizes[0]
        );
        Ok(regions)
    }

    fn roi(&self, r: usize) -> &[T] {
        &self.rois[5 * r..5 * r + 5]
    }

    fn plane(&self, batch: T, channel: i64) -> &[T] {
        let size = self.h * self.w;
        let at = (batch.wide() as usize * self.channels as usize + channel as usize) * size;
        &self.input[at..at + size]
    }
}

/// Reads both operands in the type that is computed in and calls `$body` with the regions.
macro_rules! over_regions {
    ($input:ident, $rois:ident, $out:ident, |$g:ident: $t:ident| $body:expr) => {{
        fn typed<$t: Number, R>(
            input: &Tensor,
            rois: &Tensor,
            out: [i64; 2],
            body: impl FnOnce(Regions<'_, $t>) -> Result<R>,
        ) -> Result<R> {
            let o = Operands::new::<$t>(input, rois, out)?;
            let (read, boxes) = (o.input.read()?, o.rois.read()?);
            body(Regions::new(&read, &boxes, &o, input.dtype())?)
        }
        if is_double($input) {
            typed::<f64, _>($input, $rois, $out, |$g| $body)
        } else {
            typed::<f32, _>($input, $rois, $out, |$g| $body)
        }
    }};
}

/// Samples per bin along an axis: as asked, or as many as the bin covers pixels.
fn samples<T: Number>(asked: i64, length: T, bins: i64) -> Result<i64> {
    if asked > 0 {
        ensure!(asked < 1 << 20, "a sampling ratio of {asked} is too large");
        return Ok(asked);
    }
    let n = (length / T::of(bins as f64)).ceil().wide();
    ensure!(n < (1 << 20) as f64, "a region of length {length:?} is too large");
    Ok(n as i64)
}

/// Where the samples of one bin fall along one axis: pixels with their weights, each pixel once.
type Taps<T> = Vec<(usize, T)>;

/// The taps of every bin of an axis of `n` pixels. Samples beyond one pixel outside count nothing, those within that
/// the nearest pixel.
fn taps<T: Number>(start: T, bin: T, bins: i64, grid: i64, n: usize) -> Vec<Taps<T>> {
    let along = |p: i64| {
        let mut taps = Taps::new();
        let mut add = |at: usize, weight: T| match taps.iter_mut().rev().take(2).find(|t| t.0 == at) {
            Some(found) => found.1 += weight,
            None => taps.push((at, weight)),
        };
        for i in 0..grid {
            let at =
                start + T::of(p as f64) * bin + (T::of(i as f64) + T::of(0.5)) * bin / T::of(grid as f64);
            if !(at >= T::of(-1.0) && at <= T::of(n as f64)) {
                continue;
            }
            let at = at.larger(T::ZERO);
            let low = at.wide() as usize;
            if low + 1 >= n {
                add(n - 1, T::ONE);
            } else {
                let high = at - T::of(low as f64);
                add(low, T::ONE - high);
                add(low + 1, high);
            }
        }
        taps
    };
    (0..bins).map(along).collect()
}

/// Means of bilinear samples over the bins of each region.
pub fn roi_align(
    input: &Tensor,
    rois: &Tensor,
    scale: f64,
    out: [i64; 2],
    sampling_ratio: i64,
    aligned: bool,
) -> Result<Tensor> {
    over_regions!(input, rois, out, |g: T| align(
        &g,
        scale,
        out,
        sampling_ratio,
        aligned
    ))
}

fn align<T: Number>(
    g: &Regions<'_, T>,
    scale: f64,
    out: [i64; 2],
    sampling_ratio: i64,
    aligned: bool,
) -> Result<Tensor> {
    let bins = count(&out)?;
    let each = count(&[g.channels, out[0], out[1]])?;
    let mut result = zeros::<T>(count(&[g.n, each as i64])?)?;
    let (offset, scale) = (T::of(if aligned { 0.5 } else { 0.0 }), T::of(scale));
    let mut axes = Vec::new();
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let (x, y) = (roi[1] * scale - offset, roi[2] * scale - offset);
        let (mut width, mut height) = (roi[3] * scale - offset - x, roi[4] * scale - offset - y);
        if !aligned {
            (width, height) = (width.larger(T::ONE), height.larger(T::ONE));
        }
        let (bin_h, bin_w) = (height / T::of(out[0] as f64), width / T::of(out[1] as f64));
        let (grid_h, grid_w) = (
            samples(sampling_ratio, height, out[0])?,
            samples(sampling_ratio, width, out[1])?,
        );
        let per_bin = (grid_h.max(0) * grid_w.max(0)).max(1) as f64;
        let (rows, columns) = (
            taps(y, bin_h, out[0], grid_h, g.h),
            taps(x, bin_w, out[1], grid_w, g.w),
        );
        axes.push((rows, columns, T::of(per_bin)));
    }
    let to = SharedMut(result.as_mut_ptr());
    parallel_for(axes.len(), 1, |range| {
        let mut line = vec![T::ZERO; g.w];
        for r in range {
            let (rows, columns, per_bin) = &axes[r];
            let places = || columns.iter().flatten().map(|t| t.0);
            let (first, end) = (places().min().unwrap_or(0), places().max().map_or(0, |m| m + 1));
            for channel in 0..g.channels as usize {
                let plane = g.plane(g.roi(r)[0], channel as i64);
                // SAFETY: each region has its own part of the result.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(to.get().add(r * each + channel * bins), bins) };
                for (taps, to) in rows.iter().zip(to.chunks_exact_mut(columns.len())) {
                    combine(plane, g.w, taps, first, &mut line[first..end]);
                    for (columns, to) in columns.iter().zip(to) {
                        let mut sum = T::ZERO;
                        for &(at, weight) in columns {
                            sum += weight * line[at];
                        }
                        *to = sum / *per_bin;
                    }
                }
            }
        }
    });
    deliver(result, &[g.n, g.channels, out[0], out[1]], g.dtype)
}

/// Adds up rows of a plane by their weights, from column `first` on.
fn combine<T: Number>(plane: &[T], w: usize, taps: &[(usize, T)], first: usize, line: &mut [T]) {
    vectorize(
        #[inline(always)]
        || {
            line.fill(T::ZERO);
            for &(at, weight) in taps {
                let row = &plane[at * w + first..][..line.len()];
                for (to, &x) in line.iter_mut().zip(row) {
                    *to += weight * x;
                }
            }
        },
    );
}

/// A bin's pixel range along an axis, within the plane.
fn bin<T: Number>(start: T, size: T, k: i64, limit: usize) -> (usize, usize) {
    let clamp = |at: T| at.wide().clamp(0.0, limit as f64) as usize;
    (
        clamp((T::of(k as f64) * size).floor() + start),
        clamp((T::of((k + 1) as f64) * size).ceil() + start),
    )
}

/// Maxima over the bins of each region, and where they were.
pub fn roi_pool(input: &Tensor, rois: &Tensor, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    over_regions!(input, rois, out, |g: T| maxima(&g, scale, out))
}

fn maxima<T: Number>(g: &Regions<'_, T>, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    let total = count(&[g.n, g.channels, out[0], out[1]])?;
    let (mut result, mut places) = (Vec::with_capacity(total), Vec::with_capacity(total));
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let round = |v: T| (v * T::of(scale)).round();
        let (x, y) = (round(roi[1]), round(roi[2]));
        let (width, height) = (
            (round(roi[3]) - x + T::ONE).larger(T::ONE),
            (round(roi[4]) - y + T::ONE).larger(T::ONE),
        );
        let (bin_h, bin_w) = (height / T::of(out[0] as f64), width / T::of(out[1] as f64));
        for channel in 0..g.channels {
            let plane = g.plane(roi[0], channel);
            for ph in 0..out[0] {
                let (h0, h1) = bin(y, bin_h, ph, g.h);
                for pw in 0..out[1] {
                    let (w0, w1) = bin(x, bin_w, pw, g.w);
                    let is_empty = h1 <= h0 || w1 <= w0;
                    let lowest = if is_empty { 0.0 } else { f64::from(-f32::MAX) };
                    let (mut best, mut place) = (T::of(lowest), -1i64);
                    for at in (h0..h1).flat_map(|h| (w0..w1).map(move |w| h * g.w + w)) {
                        if plane[at] > best {
                            (best, place) = (plane[at], at as i64);
                        }
                    }
                    result.push(best);
                    places.push(place as i32);
                }
            }
        }
    }
    let sizes = [g.n, g.channels, out[0], out[1]];
    Ok((
        deliver(result, &sizes, g.dtype)?,
        Tensor::from_vec(places, &sizes)?,
    ))
}

/// The input channel of each output channel and bin, for the position-sensitive forms.
fn mapping<T>(g: &Regions<'_, T>, out: [i64; 2]) -> Result<(i64, Tensor)> {
    let bins = out[0].saturating_mul(out[1]);
    ensure!(
        g.channels % bins == 0,
        "input channels must be a multiple of pooling height * pooling width"
    );
    let channels = g.channels / bins;
    let total = count(&[g.n, channels, out[0], out[1]])?;
    let one: Vec<i32> = (0..channels * bins).map(|i| i as i32).collect();
    let map: Vec<i32> = one.iter().copied().cycle().take(total).collect();
    Ok((channels, Tensor::from_vec(map, &[g.n, channels, out[0], out[1]])?))
}

/// `roi_align` where each bin has channels of its own.
pub fn ps_roi_align(
    input: &Tensor,
    rois: &Tensor,
    scale: f64,
    out: [i64; 2],
    sampling_ratio: i64,
) -> Result<(Tensor, Tensor)> {
    over_regions!(input, rois, out, |g: T| sensitive_align(
        &g,
        scale,
        out,
        sampling_ratio
    ))
}

fn sensitive_align<T: Number>(
    g: &Regions<'_, T>,
    scale: f64,
    out: [i64; 2],
    sampling_ratio: i64,
) -> Result<(Tensor, Tensor)> {
    let (channels, map) = mapping(g, out)?;
    let mut result = Vec::new();
    let (scale, half) = (T::of(scale), T::of(0.5));
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let (x, y) = (roi[1] * scale - half, roi[2] * scale - half);
        let (width, height) = (roi[3] * scale - half - x, roi[4] * scale - half - y);
        let (bin_h, bin_w) = (height / T::of(out[0] as f64), width / T::of(out[1] as f64));
        let (grid_h, grid_w) = (
            samples(sampling_ratio, height, out[0])?,
            samples(sampling_ratio, width, out[1])?,
        );
        let rows = taps(y, bin_h, out[0], grid_h, g.h);
        let columns = taps(x, bin_w, out[1], grid_w, g.w);
        let per_bin = T::of((grid_h * grid_w) as f64);
        for channel in 0..channels {
            for (ph, rows) in rows.iter().enumerate() {
                for (pw, columns) in columns.iter().enumerate() {
                    let plane = g.plane(roi[0], (channel * out[0] + ph as i64) * out[1] + pw as i64);
                    let mut sum = T::ZERO;
                    for &(row, weight) in rows {
                        let mut along = T::ZERO;
                        for &(at, weight) in columns {
                            along += weight * plane[row * g.w + at];
                        }
                        sum += weight * along;
                    }
                    result.push(sum / per_bin);
                }
            }
        }
    }
    Ok((deliver(result, &[g.n, channels, out[0], out[1]], g.dtype)?, map))
}

/// Means over bins where each bin has channels of its own.
pub fn ps_roi_pool(input: &Tensor, rois: &Tensor, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    over_regions!(input, rois, out, |g: T| sensitive_means(&g, scale, out))
}

fn sensitive_means<T: Number>(g: &Regions<'_, T>, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    let (channels, map) = mapping(g, out)?;
    let mut result = Vec::new();
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let round = |v: T| (v * T::of(scale)).round();
        let (x, y) = (round(roi[1]), round(roi[2]));
        let (width, height) = (
            (round(roi[3]) - x).larger(T::ONE),
            (round(roi[4]) - y).larger(T::ONE),
        );
        let (bin_h, bin_w) = (height / T::of(out[0] as f64), width / T::of(out[1] as f64));
        let range = |start: T, size: T, k: i64, limit: usize| {
            let clamp = |at: T| at.wide().clamp(0.0, (limit - 1) as f64) as usize;
            let from = clamp((T::of(k as f64) * size + start).floor());
            (from, clamp((T::of((k + 1) as f64) * size + start).ceil()))
        };
        for channel in 0..channels {
            for ph in 0..out[0] {
                let (h0, h1) = range(y, bin_h, ph, g.h);
                for pw in 0..out[1] {
                    let (w0, w1) = range(x, bin_w, pw, g.w);
                    let plane = g.plane(roi[0], (channel * out[0] + ph) * out[1] + pw);
                    let pixels = h1.saturating_sub(h0) * w1.saturating_sub(w0);
                    let mut sum = T::ZERO;
                    for at in (h0..h1).flat_map(|h| (w0..w1).map(move |w| h * g.w + w)) {
                        sum += plane[at];
                    }
                    result.push(if pixels == 0 {
                        T::ZERO
                    } else {
                        sum / T::of(pixels as f64)
                    });
                }
            }
        }
    }
    Ok((deliver(result, &[g.n, channels, out[0], out[1]], g.dtype)?, map))
}
