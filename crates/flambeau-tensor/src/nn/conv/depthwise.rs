//! Convolution with one input channel per group: a few multiply-adds per element, bound by loads.
//!
//! In the layout of [`super::input`] a whole output channel is one flat run, `out[j] = Σ_tap w[tap]·in[j + tap]`, with
//! a few columns between the rows of the output that nobody wants. Registers hold a stretch of `j`; every tap costs
//! one load and one multiply-add for each.
//!
//! Where the kernel is several rows high, registers hold the same columns of several rows of the output instead, and
//! what is loaded from a row of the input serves all of them:
//!
//! ```text
//! in row 0 ─w0→ out row 0
//! in row 1 ─w1→ out row 0 ─w0→ out row 1          a column of the kernel, w0 w1 w2
//! in row 2 ─w2→ out row 0 ─w1→ out row 1 ─w0→ …
//! ```

use super::implicit::Finish;
use super::input::{InputLayout, SLACK};
use super::shape::ConvShape;
use crate::nn::scratch::with_scratch;
use crate::nn::vector::{Real, Vector, WithVector, run};
use crate::parallel::{SharedMut, parallel_for};

/// Convolves; `s.channels` is 1. Slices as in [`super::implicit::convolve`], weights `[groups·features][taps]` as they
/// are. `None`: no memory.
pub fn convolve<T: Real + bytemuck::Pod>(
    s: &ConvShape,
    input: &[T],
    weights: &[T],
    output: &mut [T],
    finish: Finish<'_, T>,
) -> Option<()> {
    let (pixels, plane, taps) = (s.output_plane(), s.input_plane(), s.taps());
    let layout = InputLayout::new(s);
    let offsets = layout.taps();
    let [pitch_d, pitch_h] = layout.pitch();
    let [od, oh, ow] = s.output;
    let rows = if layout.as_is { Vec::new() } else { layout.rows() };
    let columns = (oh >= 4 && s.kernel[1] >= 2).then(|| Columns::new(s, &layout, &offsets));
    // Rows of the output are computed in bands, so that what lies between them stays in the first-level cache.
    let dense = pitch_h == ow && pitch_d == oh * ow;
    let band = if dense { oh } else { (2048 / pitch_h).clamp(1, oh) };
    let out = SharedMut(output.as_mut_ptr());
    let failed = std::sync::atomic::AtomicBool::new(false);
    let work = pixels * taps * s.features;
    parallel_for(s.batch * s.groups, 100_000 / work.max(1) + 1, |range| {
        let copied = if layout.as_is { 0 } else { layout.plane + SLACK };
        let between = if dense || columns.is_some() {
            0
        } else {
            band * pitch_h + SLACK
        };
        let done = with_scratch(copied + between, |scratch: &mut [T]| {
            let (copy, flat) = scratch.split_at_mut(copied);
            copy.fill(T::ZERO);
            for item in range {
                let mut data = &input[item * plane..(item + 1) * plane];
                if !layout.as_is {
                    layout.copy(&rows, data, &mut copy[..layout.plane]);
                    data = &copy[..layout.plane];
                }
                for f in 0..s.features {
                    let channel = item * s.features + f;
                    let feature = channel % (s.groups * s.features);
                    let weights = &weights[feature * taps..(feature + 1) * taps];
                    // SAFETY: each channel of the output belongs to one item.
                    let to =
                        unsafe { std::slice::from_raw_parts_mut(out.get().add(channel * pixels), pixels) };
                    if let Some(columns) = &columns {
                        for d in 0..od {
                            run(RowBlocks {
                                data: &data[d * pitch_d..],
                                columns,
                                weights,
                                pitch: pitch_h,
                                width: ow,
                                out: &mut to[d * oh * ow..][..oh * ow],
                            });
                        }
                    } else if dense {
                        run(Taps {
                            data,
                            offsets: &offsets,
                            weights,
                            out: to,
                        });
                    } else {
                        for d in 0..od {
                            for h in (0..oh).step_by(band) {
                                let high = band.min(oh - h);
                                let flat = &mut flat[..(high - 1) * pitch_h + ow + SLACK];
                                let wanted = flat.len() - SLACK;
                                let data = &data[d * pitch_d + h * pitch_h..];
                                run(Taps {
                                    data,
                                    offsets: &offsets,
                                    weights,
                                    out: &mut flat[..wanted],
                                });
                                let to = &mut to[(d * oh + h) * ow..][..high * ow];
                                run(Gather {
                                    flat,
                                    pitch: pitch_h,
                                    width: ow,
                                    out: to,
                                });
                            }
                        }
                    }
                    if let Some(finish) = finish {
                        finish(channel / (s.groups * s.features), feature, 0, to);
                    }
                }
            }
        });
        if done.is_none() {
            failed.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    (!failed.into_inner()).then_some(())
}

/// The taps by column: those whose inputs lie one row under the other.
struct Columns {
    /// Offset of the first tap, and which taps follow each other.
    runs: Vec<(usize, Vec<usize>)>,
    /// How far the taps reach beyond the element that an output belongs to.
    reach: usize,
}

/// The longest run of taps that [`rows`] is compiled for.
const LONGEST: usize = 7;
/// Rows of the output that are computed together.
const TOGETHER: usize = 7;

impl Columns {
    fn new(s: &ConvShape, layout: &InputLayout, offsets: &[usize]) -> Columns {
        let pitch = layout.pitch()[1];
        let mut runs: Vec<(usize, Vec<usize>)> = Vec::new();
        let [kd, kh, kw] = s.kernel;
        for d in 0..kd {
            for w in 0..kw {
                for h in 0..kh {
                    let tap = (d * kh + h) * kw + w;
                    let above = runs.iter_mut().rev().take(2 * kh).find(|(first, taps)| {
                        taps.len() < LONGEST && first + taps.len() * pitch == offsets[tap]
                    });
                    match above {
                        Some((_, taps)) => taps.push(tap),
                        None => runs.push((offsets[tap], vec![tap])),
                    }
                }
            }
        }
        let reach = offsets.iter().copied().max().unwrap_or(0);
        Columns { runs, reach }
    }
}

/// One plane of the output, a block of rows and a register of columns at a time.
struct RowBlocks<'a, T> {
    data: &'a [T],
    columns: &'a Columns,
    weights: &'a [T],
    pitch: usize,
    width: usize,
    out: &'a mut [T],
}

impl<T: Real> WithVector<T> for RowBlocks<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(mut self) {
        let height = self.out.len() / self.width.max(1);
        assert!(
            height == 0
                || self.columns.reach + (height - 1) * self.pitch + self.width <= self.data.len()
                    && self
                        .columns
                        .runs
                        .iter()
                        .flat_map(|r| &r.1)
                        .all(|&t| t < self.weights.len())
        );
        let mut row = 0;
        // SAFETY: as just asserted, every tap may be read for every output.
        unsafe {
            while row + TOGETHER <= height {
                self.block::<V, TOGETHER>(row);
                row += TOGETHER;
            }
            if row + 4 <= height {
                self.block::<V, 4>(row);
                row += 4;
            }
            while row < height {
                self.block::<V, 1>(row);
                row += 1;
            }
        }
    }
}

impl<T: Real> RowBlocks<'_, T> {
    /// `R` rows of the output from `row` on.
    #[inline(always)]
    unsafe fn block<V: Vector<Elem = T>, const R: usize>(&mut self, row: usize) {
        let mut j = 0;
        while j < self.width {
            let wide = V::LANES.min(self.width - j);
            let start = row * self.pitch + j;
            // A whole register may be read if it ends within the data, whatever lies there.
            let whole = start + (R - 1) * self.pitch + self.columns.reach + V::LANES <= self.data.len();
            // SAFETY: the caller vouches for the rows; columns are cut at the width, or reading ends in the data.
            unsafe {
                let mut sums = [V::splat(T::ZERO); R];
                for (offset, taps) in &self.columns.runs {
                    let from = self.data.as_ptr().add(start + offset);
                    let lanes = if whole { V::LANES } else { wide };
                    macro_rules! by_length {
                        ($($n:literal)*) => {
                            match taps.len() {
                                $($n => rows::<V, R, $n>(from, self.pitch, lanes, taps, self.weights, &mut sums),)*
                                _ => {}
                            }
                        };
                    }
                    by_length!(1 2 3 4 5 6 7);
                }
                let to = self.out.as_mut_ptr().add(row * self.width + j);
                for (r, sum) in sums.into_iter().enumerate() {
                    if wide == V::LANES {
                        sum.store(to.add(r * self.width));
                    } else {
                        sum.store_part(to.add(r * self.width), wide);
                    }
                }
            }
            j += V::LANES;
        }
    }
}

/// Adds a column of `K` taps to `R` rows.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn rows<V: Vector<Elem: Real>, const R: usize, const K: usize>(
    from: *const V::Elem,
    pitch: usize,
    lanes: usize,
    taps: &[usize],
    weights: &[V::Elem],
    sums: &mut [V; R],
) {
    // SAFETY: the caller vouches for `lanes` elements of `R + K - 1` rows and for `K` taps.
    unsafe {
        let mut w = [V::splat(V::Elem::ZERO); K];
        for k in 0..K {
            w[k] = V::splat(*weights.get_unchecked(*taps.get_unchecked(k)));
        }
        for r in 0..R + K - 1 {
            let at = from.add(r * pitch);
            let x = if lanes == V::LANES {
                V::load(at)
            } else {
                V::load_part(at, lanes)
            };
            for k in 0..K {
                if k <= r && r - k < R {
                    sums[r - k] = sums[r - k].fma(w[k], x);
                }
            }
        }
    }
}

/// Rows of `width` elements, `pitch` apart, moved together. Registers may be read past a row (`SLACK`).
struct Gather<'a, T> {
    flat: &'a [T],
    pitch: usize,
    width: usize,
    out: &'a mut [T],
}

impl<T: Real> WithVector<T> for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let Gather {
            flat,
            pitch,
            width,
            out,
        } = self;
        let rows = out.len() / width.max(1);
        assert!(rows == 0 || (rows - 1) * pitch + width + SLACK <= flat.len() && V::LANES <= SLACK);
        // SAFETY: reads end within the slack; a whole register is stored where that much output is left, and what
        // it writes too much is the next row, which comes later.
        unsafe {
            for row in 0..rows {
                let from = flat.as_ptr().add(row * pitch);
                let mut i = 0;
                while i < width {
                    let at = row * width + i;
                    let x = V::load(from.add(i));
                    let to = out.as_mut_ptr().add(at);
                    if at + V::LANES <= out.len() {
                        x.store(to)
                    } else {
                        x.store_part(to, out.len() - at)
                    }
                    i += V::LANES;
                }
            }
        }
    }
}

struct Taps<'a, T> {
    data: &'a [T],
    offsets: &'a [usize],
    weights: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> WithVector<T> for Taps<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let Taps {
            data,
            offsets,
            weights,
            out,
        } = self;
        let n = out.len();
        assert!(offsets.len() == weights.len() && offsets.iter().max().is_none_or(|o| o + n <= data.len()));
        let mut j = 0;
        // SAFETY: every tap may be read for all `n` outputs, as just asserted.
        unsafe {
            while j + 8 * V::LANES <= n {
                stretch::<V, 8>(data, offsets, weights, out, j);
                j += 8 * V::LANES;
            }
            if j + 4 * V::LANES <= n {
                stretch::<V, 4>(data, offsets, weights, out, j);
                j += 4 * V::LANES;
            }
            if j + 2 * V::LANES <= n {
                stretch::<V, 2>(data, offsets, weights, out, j);
                j += 2 * V::LANES;
            }
            while j < n {
                let wide = V::LANES.min(n - j);
                let mut sum = V::splat(T::ZERO);
                for (&offset, &weight) in offsets.iter().zip(weights) {
                    let from = data.as_ptr().add(offset + j);
                    let x = if wide == V::LANES {
                        V::load(from)
                    } else {
                        V::load_part(from, wide)
                    };
                    sum = sum.fma(V::splat(weight), x);
                }
                let to = out.as_mut_ptr().add(j);
                if wide == V::LANES {
                    sum.store(to)
                } else {
                    sum.store_part(to, wide)
                }
                j += wide;
            }
        }
    }
}

/// `N` registers of output from `j` on.
#[inline(always)]
unsafe fn stretch<V: Vector<Elem: Real>, const N: usize>(
    data: &[V::Elem],
    offsets: &[usize],
    weights: &[V::Elem],
    out: &mut [V::Elem],
    j: usize,
) {
    // SAFETY: the caller vouches for `N` registers from `j` on, under every tap.
    unsafe {
        let mut sums = [V::splat(V::Elem::ZERO); N];
        for (&offset, &weight) in offsets.iter().zip(weights) {
            let from = data.as_ptr().add(offset + j);
            let weight = V::splat(weight);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = sum.fma(weight, V::load(from.add(i * V::LANES)));
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            sum.store(out.as_mut_ptr().add(j + i * V::LANES));
        }
    }
}
