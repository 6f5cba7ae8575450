//! Pooling over regions: `rois` holds `(batch, x1, y1, x2, y2)` a row.

use super::{bilinear, count, deliver, values};
use crate::{DType, Result, Tensor, ensure};

struct Regions {
    input: Vec<f64>,
    rois: Vec<f64>,
    n: i64,
    channels: i64,
    h: usize,
    w: usize,
    dtype: DType,
}

impl Regions {
    fn new(input: &Tensor, rois: &Tensor, out: [i64; 2]) -> Result<Regions> {
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
        let sizes = input.sizes();
        let regions = Regions {
            input: values(input)?,
            rois: values(rois)?,
            n: rois.sizes()[0],
            channels: sizes[1],
            h: sizes[2] as usize,
            w: sizes[3] as usize,
            dtype: input.dtype(),
        };
        ensure!(
            regions.n == 0 || (regions.h > 0 && regions.w > 0),
            "expected a plane of at least one element, found {:?}",
            input.sizes()
        );
        let bad = (0..regions.n as usize).find(|&r| {
            let batch = regions.rois[5 * r];
            !(batch >= 0.0 && batch < sizes[0] as f64)
        });
        ensure!(
            bad.is_none(),
            "a region names image {} of a batch of {}",
            regions.rois[5 * bad.unwrap_or(0)],
            sizes[0]
        );
        Ok(regions)
    }

    fn roi(&self, r: usize) -> &[f64] {
        &self.rois[5 * r..5 * r + 5]
    }

    fn plane(&self, batch: f64, channel: i64) -> &[f64] {
        let size = self.h * self.w;
        let at = (batch as usize * self.channels as usize + channel as usize) * size;
        &self.input[at..at + size]
    }
}

/// Samples per bin along an axis: as asked, or as many as the bin covers pixels.
fn samples(asked: i64, length: f64, bins: i64) -> i64 {
    if asked > 0 {
        asked
    } else {
        (length / bins as f64).ceil() as i64
    }
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
    let g = Regions::new(input, rois, out)?;
    let mut result = Vec::with_capacity(count(&[g.n, g.channels, out[0], out[1]])?);
    let offset = if aligned { 0.5 } else { 0.0 };
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let (x, y) = (roi[1] * scale - offset, roi[2] * scale - offset);
        let (mut width, mut height) = (roi[3] * scale - offset - x, roi[4] * scale - offset - y);
        if !aligned {
            (width, height) = (width.max(1.0), height.max(1.0));
        }
        let (bin_h, bin_w) = (height / out[0] as f64, width / out[1] as f64);
        let (grid_h, grid_w) = (
            samples(sampling_ratio, height, out[0]),
            samples(sampling_ratio, width, out[1]),
        );
        ensure!(
            grid_h.max(grid_w) < 1 << 20,
            "a region of {width} by {height} is too large"
        );
        let per_bin = (grid_h.max(0) * grid_w.max(0)).max(1) as f64;
        for channel in 0..g.channels {
            let plane = g.plane(roi[0], channel);
            for ph in 0..out[0] {
                for pw in 0..out[1] {
                    let mut sum = 0.0;
                    for iy in 0..grid_h {
                        let sy = y + ph as f64 * bin_h + (iy as f64 + 0.5) * bin_h / grid_h as f64;
                        for ix in 0..grid_w {
                            let sx = x + pw as f64 * bin_w + (ix as f64 + 0.5) * bin_w / grid_w as f64;
                            sum += bilinear(plane, g.h, g.w, sy, sx);
                        }
                    }
                    result.push(sum / per_bin);
                }
            }
        }
    }
    deliver(result, &[g.n, g.channels, out[0], out[1]], g.dtype)
}

/// A bin's pixel range along an axis, within the plane.
fn bin(start: f64, size: f64, k: i64, offset: f64, limit: usize) -> (usize, usize) {
    let from = ((k as f64 * size).floor() + start + offset).clamp(0.0, limit as f64);
    let to = (((k + 1) as f64 * size).ceil() + start + offset).clamp(0.0, limit as f64);
    (from as usize, to as usize)
}

/// Maxima over the bins of each region, and where they were.
pub fn roi_pool(input: &Tensor, rois: &Tensor, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    let g = Regions::new(input, rois, out)?;
    let total = count(&[g.n, g.channels, out[0], out[1]])?;
    let (mut result, mut places) = (Vec::with_capacity(total), Vec::with_capacity(total));
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let round = |v: f64| (v * scale).round();
        let (x, y) = (round(roi[1]), round(roi[2]));
        let (width, height) = (
            (round(roi[3]) - x + 1.0).max(1.0),
            (round(roi[4]) - y + 1.0).max(1.0),
        );
        let (bin_h, bin_w) = (height / out[0] as f64, width / out[1] as f64);
        for channel in 0..g.channels {
            let plane = g.plane(roi[0], channel);
            for ph in 0..out[0] {
                let (h0, h1) = bin(y, bin_h, ph, 0.0, g.h);
                for pw in 0..out[1] {
                    let (w0, w1) = bin(x, bin_w, pw, 0.0, g.w);
                    let (mut best, mut place) = (
                        if h1 <= h0 || w1 <= w0 {
                            0.0
                        } else {
                            f64::from(-f32::MAX)
                        },
                        -1i64,
                    );
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
fn mapping(g: &Regions, out: [i64; 2]) -> Result<(i64, Tensor)> {
    let bins = out[0] * out[1];
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
    let g = Regions::new(input, rois, out)?;
    let (channels, map) = mapping(&g, out)?;
    let mut result = Vec::new();
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let (x, y) = (roi[1] * scale - 0.5, roi[2] * scale - 0.5);
        let (width, height) = (roi[3] * scale - 0.5 - x, roi[4] * scale - 0.5 - y);
        let (bin_h, bin_w) = (height / out[0] as f64, width / out[1] as f64);
        let (grid_h, grid_w) = (
            samples(sampling_ratio, height, out[0]),
            samples(sampling_ratio, width, out[1]),
        );
        ensure!(
            grid_h.max(grid_w) < 1 << 20,
            "a region of {width} by {height} is too large"
        );
        for channel in 0..channels {
            for ph in 0..out[0] {
                for pw in 0..out[1] {
                    let plane = g.plane(roi[0], (channel * out[0] + ph) * out[1] + pw);
                    let mut sum = 0.0;
                    for iy in 0..grid_h {
                        let sy = y + ph as f64 * bin_h + (iy as f64 + 0.5) * bin_h / grid_h as f64;
                        for ix in 0..grid_w {
                            let sx = x + pw as f64 * bin_w + (ix as f64 + 0.5) * bin_w / grid_w as f64;
                            sum += bilinear(plane, g.h, g.w, sy, sx);
                        }
                    }
                    result.push(sum / (grid_h * grid_w) as f64);
                }
            }
        }
    }
    Ok((deliver(result, &[g.n, channels, out[0], out[1]], g.dtype)?, map))
}

/// Means over bins where each bin has channels of its own.
pub fn ps_roi_pool(input: &Tensor, rois: &Tensor, scale: f64, out: [i64; 2]) -> Result<(Tensor, Tensor)> {
    let g = Regions::new(input, rois, out)?;
    let (channels, map) = mapping(&g, out)?;
    let mut result = Vec::new();
    for r in 0..g.n as usize {
        let roi = g.roi(r);
        let (x, y) = ((roi[1] * scale).round(), (roi[2] * scale).round());
        let (width, height) = (
            ((roi[3] * scale).round() - x).max(1.0),
            ((roi[4] * scale).round() - y).max(1.0),
        );
        let (bin_h, bin_w) = (height / out[0] as f64, width / out[1] as f64);
        let range = |start: f64, size: f64, k: i64, limit: usize| {
            let from = (k as f64 * size + start).floor().clamp(0.0, (limit - 1) as f64) as usize;
            let to = ((k + 1) as f64 * size + start)
                .ceil()
                .clamp(0.0, (limit - 1) as f64) as usize;
            (from, to)
        };
        for channel in 0..channels {
            for ph in 0..out[0] {
                let (h0, h1) = range(y, bin_h, ph, g.h);
                for pw in 0..out[1] {
                    let (w0, w1) = range(x, bin_w, pw, g.w);
                    let plane = g.plane(roi[0], (channel * out[0] + ph) * out[1] + pw);
                    let pixels = h1.saturating_sub(h0) * w1.saturating_sub(w0);
                    let places = (h0..h1).flat_map(|h| (w0..w1).map(move |w| h * g.w + w));
                    let sum: f64 = places.map(|at| plane[at]).sum();
                    result.push(if pixels == 0 { 0.0 } else { sum / pixels as f64 });
                }
            }
        }
    }
    Ok((deliver(result, &[g.n, channels, out[0], out[1]], g.dtype)?, map))
}
