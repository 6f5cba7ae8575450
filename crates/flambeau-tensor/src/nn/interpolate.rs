//! Resampling of planes: nearest, linear, cubic, with or without antialiasing, in one to three dimensions.
//!
//! All modes are separable. For each dimension a table says which input positions an output position takes and with
//! which weights; the dimensions are done one after the other, the width first.

#[path = "interpolate_bytes.rs"]
mod bytes;

use super::access::{checked_product, compute, dense, lengths, no_memory};
use super::pad::{Table, remap, table_of};
use super::rows::{Loop, RowElement, looped};
use super::scratch::with_scratch;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, MemoryFormat, show};
use crate::math::Madd;
use crate::parallel::{SharedMut, parallel_for};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, bf16, ensure, f16};

/// How values between positions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The position below.
    Nearest,
    /// The position whose pixel covers the point.
    NearestExact,
    /// Linear, bilinear, trilinear.
    Linear,
    Cubic,
    /// Linear over all input pixels that an output pixel covers.
    LinearAntialias,
    CubicAntialias,
    /// Lanczos' window of three lobes over all input pixels that an output pixel covers.
    LanczosAntialias,
}

/// Input positions and weights of each output position: `taps` of them, position by position.
struct Weights {
    taps: usize,
    /// Whether the last taps of a position may be beyond its window. They have no weight, but what they point at may
    /// be infinite.
    windows: bool,
    at: Vec<usize>,
    weight: Vec<f64>,
}

/// Input positions per output position; numbers that PyTorch computes in `float` are computed in `float`.
struct Axis {
    input: usize,
    output: usize,
    align_corners: bool,
    scale: Option<f64>,
    /// Whether the data, and so the arithmetic of positions, is `double`.
    double: bool,
}

impl Axis {
    fn given(&self) -> Option<f64> {
        self.scale.filter(|&s| s > 0.0)
    }

    /// Input positions per output position.
    fn ratio(&self) -> f64 {
        let (i, o) = (self.input as f64, self.output as f64);
        if self.align_corners {
            if self.output <= 1 {
                0.0
            } else if self.double {
                (i - 1.0) / (o - 1.0)
            } else {
                ((i - 1.0) as f32 / (o - 1.0) as f32) as f64
            }
        } else {
            match self.given() {
                Some(s) if self.double => 1.0 / s,
                Some(s) => (1.0 / s) as f32 as f64,
                None if self.double => i / o,
                None => (i as f32 / o as f32) as f64,
            }
        }
    }

    /// The point of output position `o`, in input positions.
    fn source(&self, o: usize, ratio: f64, cubic: bool) -> f64 {
        let at = if self.double {
            if self.align_corners {
                ratio * o as f64
            } else {
                ratio * (o as f64 + 0.5) - 0.5
            }
        } else {
            let (ratio, o) = (ratio as f32, o as f32);
            (if self.align_corners {
                ratio * o
            } else {
                ratio * (o + 0.5) - 0.5
            }) as f64
        };
        if !cubic && !self.align_corners {
            at.max(0.0)
        } else {
            at
        }
    }

    fn nearest(&self, exact: bool) -> Result<Table> {
        let last = self.input.saturating_sub(1) as i64;
        let ratio = match self.given() {
            Some(s) => (1.0 / s) as f32,
            None => self.input as f32 / self.output as f32,
        };
        table_of(self.output as i64, |o| {
            let at = if exact {
                ((o as f32 + 0.5) * ratio).floor() as i64
            } else if self.output == self.input {
                o
            } else if self.output == 2 * self.input {
                o >> 1
            } else {
                (o as f32 * ratio).floor() as i64
            };
            Some(at.clamp(0, last) as usize)
        })
    }

    fn weights(&self, mode: Interpolation) -> Result<Weights> {
        let ratio = self.ratio();
        let taps = match mode {
            Interpolation::Linear => 2,
            Interpolation::Cubic => 4,
            Interpolation::LinearAntialias => self.widest(ratio, 2.0)?,
            Interpolation::LanczosAntialias => self.widest(ratio, 6.0)?,
            _ => self.widest(ratio, 4.0)?,
        };
        let total = checked_product(&[taps, self.output])?;
        let (mut at, mut weight) = (Vec::new(), Vec::new());
        at.try_reserve_exact(total).map_err(|_| no_memory())?;
        weight.try_reserve_exact(total).map_err(|_| no_memory())?;
        for o in 0..self.output {
            match mode {
                Interpolation::Linear => {
                    let (i, t) = if self.input == self.output {
                        (o, 0.0)
                    } else {
                        let s = self.source(o, ratio, false);
                        let i = (s as usize).min(self.input - 1);
                        (i, (s - i as f64).clamp(0.0, 1.0))
                    };
                    at.extend([i, (i + 1).min(self.input - 1)]);
                    let rest = if self.double {
                        1.0 - t
                    } else {
                        (1.0 - t as f32) as f64
                    };
                    weight.extend([rest, t]);
                }
                Interpolation::Cubic => {
                    let s = self.source(o, ratio, true);
                    let floor = s.floor();
                    let t = s - floor;
                    let i = floor as i64;
                    for (k, w) in [
                        cubic(t + 1.0, -0.75),
                        cubic(t, -0.75),
                        cubic(1.0 - t, -0.75),
                        cubic(2.0 - t, -0.75),
                    ]
                    .into_iter()
                    .enumerate()
                    {
                        at.push((i - 1 + k as i64).clamp(0, self.input as i64 - 1) as usize);
                        weight.push(w);
                    }
                }
                _ => {
                    let size = match mode {
                        Interpolation::LinearAntialias => 2.0,
                        Interpolation::LanczosAntialias => 6.0,
                        _ => 4.0,
                    };
                    // As PyTorch rounds: what it keeps in a variable is of the data's type, what it adds on the way
                    // is `double`.
                    let kept = |x: f64| if self.double { x } else { x as f32 as f64 };
                    let support = kept(size * 0.5 * ratio.max(1.0));
                    let center = kept(ratio * (o as f64 + 0.5));
                    let first = ((kept(center - support) + 0.5) as i64).max(0);
                    let end = ((kept(center + support) + 0.5) as i64).min(self.input as i64);
                    let inverse = if ratio >= 1.0 { kept(1.0 / ratio) } else { 1.0 };
                    let count = (end - first).clamp(0, taps as i64);
                    let of = |k: i64| {
                        let x = kept((kept((k + first) as f64 - center) + 0.5) * inverse).abs();
                        kept(match mode {
                            Interpolation::LinearAntialias => (1.0 - x).max(0.0),
                            Interpolation::LanczosAntialias => lanczos(x),
                            _ if x < 1.0 => cubic(x, -0.5),
                            _ if x >= 2.0 => 0.0,
                            _ if self.double => ((x - 5.0).mul_add(x, 8.0).mul_add(x, -4.0)) * -0.5,
                            _ => {
                                let x = x as f32;
                                (((x - 5.0).mul_add(x, 8.0).mul_add(x, -4.0)) * -0.5) as f64
                            }
                        })
                    };
                    let sum = (0..count).fold(0.0, |sum, k| kept(sum + of(k)));
                    for k in 0..taps as i64 {
                        at.push((first + k).clamp(0, self.input as i64 - 1) as usize);
                        weight.push(if k < count && sum != 0.0 {
                            kept(of(k) / sum)
                        } else {
                            0.0
                        });
                    }
                }
            }
        }
        Ok(Weights {
            taps,
            windows: matches!(
                mode,
                Interpolation::LinearAntialias
                    | Interpolation::CubicAntialias
                    | Interpolation::LanczosAntialias
            ),
            at,
            weight,
        })
    }

    /// Taps of the widest antialiasing window.
    fn widest(&self, ratio: f64, size: f64) -> Result<usize> {
        let support = size * 0.5 * ratio.max(1.0);
        ensure!(
            support < 1e9,
            "the input is too large for antialiasing by {ratio}"
        );
        Ok(((support.ceil() as usize) * 2 + 1).min(self.input + 1))
    }
}

/// Keys' cubic convolution at distance `x`.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

/// The sine cardinal under one of three times its width.
fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if x < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// The output size and the scales that `.vec` overloads of PyTorch's operators work with: either a size, or factors.
pub fn upsample_size(
    x: &Tensor,
    output_size: Option<&[i64]>,
    scale_factors: Option<&[f64]>,
) -> Result<(Vec<i64>, Vec<Option<f64>>)> {
    let dims = x.dim().saturating_sub(2);
    match (output_size, scale_factors) {
        (Some(size), None) => {
            ensure!(
                size.len() == dims,
                "It is expected output_size equals to {dims}, but got size {}",
                size.len()
            );
            Ok((size.to_vec(), vec![None; dims]))
        }
        (None, Some(factors)) => {
            ensure!(
                factors.len() == dims,
                "It is expected scale_factors equals to {dims}, but got size {}",
                factors.len()
            );
            ensure!(
                x.dim() == dims + 2,
                "It is expected input_size equals to {}, but got size {}",
                dims + 2,
                x.dim()
            );
            let size = x.sizes()[2..]
                .iter()
                .zip(factors)
                .map(|(&s, f)| (s as f64 * f) as i64)
                .collect();
            Ok((size, factors.iter().map(|&f| Some(f)).collect()))
        }
        _ => bail!("Must specify exactly one of output_size and scale_factors"),
    }
}

/// Resamples the spatial dimensions of a batch to `output_size`. `scales`, where given, take the place of the ratio of
/// the sizes in the arithmetic of positions.
pub fn upsample(
    x: &Tensor,
    output_size: &[i64],
    mode: Interpolation,
    align_corners: bool,
    scales: &[Option<f64>],
) -> Result<Tensor> {
    let dims = output_size.len();
    ensure!(
        (1..=3).contains(&dims) && x.dim() == dims + 2,
        "It is expected input_size equals to {}, but got size {}",
        dims + 2,
        x.dim()
    );
    let sizes = x.sizes();
    let letters = ["D", "H", "W"];
    let named = |s: &[i64]| {
        s.iter()
            .zip(&letters[3 - dims..])
            .map(|(s, l)| format!("{l}: {s}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    ensure!(
        sizes[2..].iter().all(|&s| s > 0) && output_size.iter().all(|&s| s > 0),
        "Input and output sizes should be greater than 0, but got input ({}) output ({})",
        named(&sizes[2..]),
        named(output_size)
    );
    ensure!(
        sizes[1] > 0,
        "Non-empty {}D data tensor expected but got a tensor with sizes {}",
        dims + 2,
        show(sizes)
    );
    let cubic = matches!(
        mode,
        Interpolation::Cubic | Interpolation::CubicAntialias | Interpolation::LanczosAntialias
    );
    ensure!(
        !cubic || dims == 2,
        "cubic interpolation works in two dimensions, but the output has {dims}"
    );
    let mut size = Dims::from_slice(&sizes[..2]);
    size.extend_from_slice(output_size);
    checked_product(&lengths(&size))?;
    if sizes[0] == 0 && x.is_floating_point() {
        return Tensor::empty(&size, x.dtype());
    }
    let axis = |d: usize| Axis {
        input: sizes[d + 2] as usize,
        output: output_size[d] as usize,
        align_corners,
        scale: scales.get(d).copied().flatten(),
        double: x.dtype() == DType::Double,
    };
    if matches!(mode, Interpolation::Nearest | Interpolation::NearestExact) {
        let mut tables = vec![
            table_of(sizes[0], |i| Some(i as usize))?,
            table_of(sizes[1], |i| Some(i as usize))?,
        ];
        for d in 0..dims {
            tables.push(axis(d).nearest(mode == Interpolation::NearestExact)?);
        }
        return remap(x, &tables, Scalar::Int(0));
    }
    let dtype = x.dtype();
    ensure!(
        x.is_floating_point() || dtype == DType::Byte,
        "\"compute_indices_weights\" not implemented for '{}'",
        dtype.name()
    );
    if dtype == DType::Byte && dims == 2 && mode != Interpolation::LanczosAntialias {
        return bytes::resample(x, &size, &[axis(0), axis(1)], mode);
    }
    let wide = x.to_dtype(if dtype == DType::Byte {
        DType::Float
    } else {
        compute(dtype)
    })?;
    // Where its loops are general, PyTorch keeps the weights in the type of the data.
    let last = x.suggest_memory_format() != MemoryFormat::Contiguous && sizes[1] > 3;
    let special = mode == Interpolation::Linear
        && match dims {
            2 => last || output_size[0] + output_size[1] <= 128,
            3 => last,
            _ => false,
        };
    let rounded = |w: f64| match dtype {
        DType::Half => f16::from_f64(w).to_f64(),
        DType::BFloat16 => bf16::from_f64(w).to_f64(),
        _ => w,
    };
    let mut weights = Vec::new();
    for d in 0..dims {
        let mut table = axis(d).weights(mode)?;
        if !special && compute(dtype) != dtype {
            if mode == Interpolation::Linear && table.taps == 2 {
                for pair in table.weight.as_chunks_mut::<2>().0 {
                    let second = rounded(pair[1]);
                    *pair = [rounded(1.0 - second), second];
                }
            } else {
                table.weight.iter_mut().for_each(|w| *w = rounded(*w));
            }
        }
        weights.push(table);
    }
    let out = if wide.dtype() == DType::Double {
        separable::<f64>(&wide, &size, &weights)?
    } else {
        separable::<f32>(&wide, &size, &weights)?
    };
    let out = if dtype == DType::Byte {
        // To the nearest number there is.
        out.write()?
            .slice::<f32>()?
            .iter_mut()
            .for_each(|x| *x = x.round().clamp(0.0, 255.0));
        out.to_dtype(dtype)?
    } else {
        out.to_dtype(dtype)?
    };
    match x.suggest_memory_format() {
        MemoryFormat::Contiguous => Ok(out),
        format => out.contiguous_as(format),
    }
}

fn separable<T: RowElement>(x: &Tensor, size: &[i64], weights: &[Weights]) -> Result<Tensor> {
    let x = dense(x)?;
    let out = Tensor::empty(size, T::DTYPE)?;
    let dims = weights.len();
    let three = |s: &[i64]| {
        let mut all = [1; 3];
        all[3 - dims..].copy_from_slice(&lengths(s));
        all
    };
    let [id, ih, iw] = three(&x.sizes()[2..]);
    let [od, oh, ow] = three(&size[2..]);
    let (plane, pixels) = (id * ih * iw, od * oh * ow);
    let typed: Vec<Vec<T>> = weights
        .iter()
        .map(|w| w.weight.iter().map(|&w| T::of(w)).collect())
        .collect();
    // By dimension from the width on.
    let by = |back: usize| dims.checked_sub(back).map(|d| (&weights[d], &typed[d]));
    // Width done; width and height done.
    let (first, second) = (id * ih * ow, id * oh * ow);
    checked_product(&[first, 2])?;
    checked_product(&[second, 2])?;
    let planes = (size[0] * size[1]) as usize;
    let failed = std::sync::atomic::AtomicBool::new(false);
    {
        let (read, mut write) = (x.read()?, out.write()?);
        let (data, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
        parallel_for(planes, (1 << 14) / (plane + pixels) + 1, |range| {
            let done = with_scratch(first + second, |scratch: &mut [T]| {
                let (a, b) = scratch.split_at_mut(first);
                for p in range {
                    let from = &data[p * plane..][..plane];
                    // SAFETY: each plane of the output belongs to one index.
                    let to = unsafe { std::slice::from_raw_parts_mut(to.get().add(p * pixels), pixels) };
                    looped(Passes {
                        axes: [by(1), by(2), by(3)],
                        input: [ih, iw],
                        output: [oh, ow],
                        from,
                        scratch: [&mut *a, &mut *b],
                        to,
                    });
                }
            });
            if done.is_none() {
                failed.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        });
    }
    if failed.into_inner() {
        Err(no_memory())
    } else {
        Ok(out)
    }
}

/// One plane or volume, a dimension after another from the width on.
struct Passes<'a, T> {
    axes: [Option<(&'a Weights, &'a Vec<T>)>; 3],
    /// Heights and widths.
    input: [usize; 2],
    output: [usize; 2],
    from: &'a [T],
    /// Room for what is done in width, and in width and height.
    scratch: [&'a mut [T]; 2],
    to: &'a mut [T],
}

impl<T: RowElement> Loop for Passes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<M: Madd>(self) {
        let ([ih, iw], [oh, ow]) = (self.input, self.output);
        let [a, b] = self.scratch;
        let [width, height, depth] = self.axes;
        if let Some((w, t)) = width {
            let to = if height.is_none() { &mut *self.to } else { &mut *a };
            for (from, to) in self.from.chunks_exact(iw).zip(to.chunks_exact_mut(ow)) {
                across::<M, T>(w, t, from, to);
            }
        }
        if let Some((w, t)) = height {
            let to = if depth.is_none() { &mut *self.to } else { &mut *b };
            for (from, to) in a.chunks_exact(ih * ow).zip(to.chunks_exact_mut(oh * ow)) {
                down::<M, T>(w, t, from, to, ow);
            }
        }
        if let Some((w, t)) = depth {
            down::<M, T>(w, t, b, self.to, oh * ow);
        }
    }
}

/// Along a row.
#[inline(always)]
fn across<M: Madd, T: RowElement>(w: &Weights, weight: &[T], from: &[T], to: &mut [T]) {
    let windows = w.windows;
    match w.taps {
        2 => {
            let (at, weight) = (w.at.as_chunks::<2>().0, weight.as_chunks::<2>().0);
            for ((to, at), w) in to.iter_mut().zip(at).zip(weight) {
                *to = from[at[1]].madd::<M>(w[1], from[at[0]].times(w[0]));
            }
        }
        taps => {
            for ((to, at), w) in to
                .iter_mut()
                .zip(w.at.chunks_exact(taps))
                .zip(weight.chunks_exact(taps))
            {
                let beyond = |w: &T| windows && *w == T::ZERO;
                *to = at
                    .iter()
                    .zip(w)
                    .filter(|(_, w)| !beyond(w))
                    .fold(T::ZERO, |sum, (&i, &w)| from[i].madd::<M>(w, sum));
            }
        }
    }
}

/// Across rows of `width` elements.
#[inline(always)]
fn down<M: Madd, T: RowElement>(w: &Weights, weight: &[T], from: &[T], to: &mut [T], width: usize) {
    let windows = w.windows;
    let row = |i: usize| &from[i * width..][..width];
    for (o, to) in to.chunks_exact_mut(width).enumerate() {
        let (at, weight) = (&w.at[o * w.taps..][..w.taps], &weight[o * w.taps..][..w.taps]);
        to.iter_mut()
            .zip(row(at[0]))
            .for_each(|(c, &x)| *c = x.times(weight[0]));
        for (&i, &w) in at.iter().zip(weight).skip(1) {
            if windows && w == T::ZERO {
                continue;
            }
            to.iter_mut()
                .zip(row(i))
                .for_each(|(c, &x)| *c = x.madd::<M>(w, *c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(size: &[i64]) -> Tensor {
        let n: i64 = size.iter().product();
        Tensor::from_slice(&(0..n).map(|i| ((i * 37) % 23) as f64).collect::<Vec<_>>(), size).unwrap()
    }

    fn list(x: &[f64], output: i64, mode: Interpolation, align: bool, scale: Option<f64>) -> Vec<f64> {
        let x = Tensor::from_slice(x, &[1, 1, x.len() as i64]).unwrap();
        let y = upsample(&x, &[output], mode, align, &[scale])
            .unwrap()
            .to_vec::<f64>()
            .unwrap();
        y.iter().map(|v| (v * 1e4).round() / 1e4).collect()
    }

    #[test]
    fn one_dimension_by_hand() {
        use Interpolation::*;
        let x = [1.0, 2.0, 4.0, 8.0];
        for (output, mode, align, scale, want) in [
            (8, Nearest, false, None, vec![1., 1., 2., 2., 4., 4., 8., 8.]),
            (3, Nearest, false, None, vec![1., 2., 4.]),
            (3, NearestExact, false, None, vec![1., 4., 8.]),
            (6, Nearest, false, Some(1.6), vec![1., 1., 2., 2., 4., 8.]),
            (7, Linear, true, None, vec![1., 1.5, 2., 3., 4., 6., 8.]),
            (8, Linear, false, None, vec![1., 1.25, 1.75, 2.5, 3.5, 5., 7., 8.]),
            (2, Linear, false, None, vec![1.5, 6.0]),
            (1, Linear, true, None, vec![1.0]),
            (2, LinearAntialias, false, None, vec![1.8571, 5.4286]),
        ] {
            assert_eq!(
                list(&x, output, mode, align, scale),
                want,
                "{output} {mode:?} {align}"
            );
        }
    }

    /// Numbers from PyTorch.
    #[test]
    fn cubic_and_scaled() {
        let x = Tensor::from_slice(&[1f32, 2., 4., 8.].repeat(3), &[1, 1, 3, 4]).unwrap();
        let row = |size: i64, mode| {
            let y = upsample(&x, &[3, size], mode, false, &[])
                .unwrap()
                .to_vec::<f32>()
                .unwrap();
            y[..size as usize]
                .iter()
                .map(|v| (v * 1e4).round() / 1e4)
                .collect::<Vec<f32>>()
        };
        assert_eq!(
            row(7, Interpolation::Cubic),
            [0.9008, 1.2177, 1.8504, 2.7188, 4.3212, 6.76, 8.3969]
        );
        assert_eq!(row(3, Interpolation::CubicAntialias), [1.1327, 2.8944, 7.1259]);
        assert_eq!(
            list(&[1., 2., 4., 8.], 6, Interpolation::Linear, false, Some(1.6)),
            [1.0, 1.4375, 2.125, 3.375, 5.25, 7.75]
        );
        assert_eq!(
            list(
                &[1., 2., 4., 8.],
                2,
                Interpolation::NearestExact,
                false,
                Some(0.6)
            ),
            [1.0, 4.0]
        );
    }

    /// Numbers from PyTorch.
    #[test]
    fn lanczos_window() {
        let x: Vec<f64> = (0..30).map(f64::from).collect();
        let x = Tensor::from_slice(&x, &[1, 1, 5, 6]).unwrap();
        for (align, want) in [
            (
                false,
                [
                    2.1860, 3.6474, 5.2118, 6.6732, 12.2564, 13.7178, 15.2822, 16.7436, 22.3268, 23.7882,
                    25.3526, 26.8140,
                ],
            ),
            (
                true,
                [
                    2.8031, 4.3725, 6.2994, 7.4837, 16.2467, 17.8160, 19.7430, 20.9273, 24.8136, 26.3830,
                    28.3099, 29.4942,
                ],
            ),
        ] {
            let y = upsample(&x, &[3, 4], Interpolation::LanczosAntialias, align, &[]).unwrap();
            for (got, want) in y.to_vec::<f64>().unwrap().iter().zip(want) {
                assert!((got - want).abs() < 1e-4, "{got} {want}");
            }
        }
    }

    /// Weights by the formula, applied dimension by dimension, without any sharing of work.
    fn plain(x: &Tensor, output: &[i64], mode: Interpolation, align: bool) -> Vec<f64> {
        let sizes: Vec<usize> = x.sizes()[2..].iter().map(|&s| s as usize).collect();
        let w: Vec<Weights> = (0..output.len())
            .map(|d| {
                let axis = Axis {
                    input: sizes[d],
                    output: output[d] as usize,
                    align_corners: align,
                    scale: None,
                    double: true,
                };
                axis.weights(mode).unwrap()
            })
            .collect();
        let (data, plane) = (x.to_vec::<f64>().unwrap(), sizes.iter().product::<usize>());
        let pixels: usize = output.iter().product::<i64>() as usize;
        let mut all = Vec::new();
        for plane in data.chunks(plane) {
            for p in 0..pixels {
                let (mut rest, mut terms, mut pitch) = (p, vec![(0, 1.0)], 1);
                for d in (0..output.len()).rev() {
                    let (o, taps) = (rest % output[d] as usize, w[d].taps);
                    rest /= output[d] as usize;
                    terms = terms
                        .iter()
                        .flat_map(|&(at, weight)| {
                            let w = &w[d];
                            (o * taps..(o + 1) * taps)
                                .map(move |k| (at + w.at[k] * pitch, weight * w.weight[k]))
                        })
                        .collect();
                    pitch *= sizes[d];
                }
                all.push(terms.iter().map(|&(at, w)| plane[at] * w).sum());
            }
        }
        all
    }

    #[test]
    fn separable_passes_equal_the_formula() {
        use Interpolation::*;
        for (size, output) in [
            (vec![2, 3, 5], vec![9]),
            (vec![1, 2, 4, 6], vec![8, 5]),
            (vec![1, 1, 9, 12], vec![4, 3]),
            (vec![2, 1, 3, 4, 5], vec![6, 2, 10]),
            (vec![1, 2, 3, 3], vec![3, 3]),
            (vec![1, 1, 1, 1], vec![4, 4]),
        ] {
            for mode in [Linear, Cubic, LinearAntialias, CubicAntialias] {
                if matches!(mode, Cubic | CubicAntialias) && output.len() != 2 {
                    continue;
                }
                for align in [false, true] {
                    let x = numbers(&size);
                    let want = plain(&x, &output, mode, align);
                    for (dtype, tolerance) in
                        [(DType::Double, 1e-10), (DType::Float, 1e-3), (DType::Half, 0.1)]
                    {
                        let got = upsample(&x.to_dtype(dtype).unwrap(), &output, mode, align, &[]).unwrap();
                        assert_eq!(got.dtype(), dtype);
                        for (g, w) in got.to_vec::<f64>().unwrap().iter().zip(&want) {
                            assert!((g - w).abs() < tolerance, "{size:?} {mode:?} {g} {w}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_and_mistakes() {
        let x = numbers(&[1, 1, 4, 4]);
        let (size, scales) = upsample_size(&x, None, Some(&[1.6, 2.0])).unwrap();
        assert_eq!((size, scales), (vec![6, 8], vec![Some(1.6), Some(2.0)]));
        for (got, want) in [
            (
                upsample(&x, &[0, 4], Interpolation::Linear, false, &[]),
                "Input and output sizes should be greater than 0, but got input (H: 4, W: 4) output (H: 0, W: 4)",
            ),
            (
                upsample(&x, &[4], Interpolation::Linear, false, &[]),
                "It is expected input_size equals to 3, but got size 4",
            ),
            (
                upsample(&x, &[1 << 40, 1 << 40], Interpolation::Linear, false, &[]),
                "too large",
            ),
            (
                upsample(
                    &x.to_dtype(DType::Long).unwrap(),
                    &[4, 4],
                    Interpolation::Linear,
                    false,
                    &[],
                ),
                "not implemented for 'Long'",
            ),
        ] {
            let message = got.unwrap_err().message;
            assert!(message.contains(want), "{message}");
        }
        assert!(upsample_size(&x, None, None).is_err());
    }
}
