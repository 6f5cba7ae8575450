//! The transform itself: Stockham's mixed-radix algorithm over several signals side by side.
//!
//! Signals lie interleaved (`lanes` of them, element by element), real and imaginary parts apart, so that the inner
//! loop always runs over neighbours in memory whatever the length. Lengths with a prime factor above
//! [`LARGEST_RADIX`] go through Bluestein's convolution. Nothing is normalised here.

use std::f64::consts::PI;
use std::ops::{Add, Mul, Neg, Sub};

/// f32 or f64.
pub(crate) trait Real:
    Copy
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    fn of(x: f64) -> Self;
}

impl Real for f32 {
    fn of(x: f64) -> f32 {
        x as f32
    }
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }
}

const LARGEST_RADIX: usize = 31;

/// One pass: `radix` points at a time.
struct Stage<T> {
    radix: usize,
    /// Length of the sub-transforms that remain after this pass.
    rest: usize,
    /// `exp(-2 pi i p k / (radix rest))` for p below `rest` and k from 1 to `radix - 1`.
    twiddles: Vec<(T, T)>,
    /// `exp(-2 pi i k / radix)`, for radices without code of their own.
    roots: Vec<(T, T)>,
}

struct Bluestein<T> {
    /// Transform of the length of the convolution.
    inner: Box<Plan<T>>,
    /// `exp(-pi i k^2 / n)`
    chirp: Vec<(T, T)>,
    /// The chirp's conjugate, transformed and divided by the length.
    kernel: Vec<(T, T)>,
}

/// How to transform `n` points.
pub(crate) struct Plan<T> {
    pub n: usize,
    stages: Vec<Stage<T>>,
    bluestein: Option<Bluestein<T>>,
}

/// exp(-2 pi i num / den), reduced first so that the angle is exact.
fn root<T: Real>(num: usize, den: usize) -> (T, T) {
    let angle = -2.0 * PI * (num % den) as f64 / den as f64;
    (T::of(angle.cos()), T::of(angle.sin()))
}

#[inline(always)]
fn times<T: Real>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

impl<T: Real> Plan<T> {
    pub fn new(n: usize) -> Plan<T> {
        let (mut left, mut radices) = (n, Vec::new());
        for radix in [4, 2, 3, 5].into_iter().chain((7..=LARGEST_RADIX).step_by(2)) {
            while left > 1 && left % radix == 0 {
                radices.push(radix);
                left /= radix;
            }
        }
        if left > 1 {
            return Plan {
                n,
                stages: Vec::new(),
                bluestein: Some(Bluestein::new(n)),
            };
        }
        let mut size = n;
        let stages = radices.into_iter().map(|radix| {
            let rest = size / radix;
            let twiddles = (0..rest)
                .flat_map(|p| (1..radix).map(move |k| root(p * k, size)))
                .collect();
            size = rest;
            Stage {
                radix,
                rest,
                twiddles,
                roots: (0..radix).map(|k| root(k, radix)).collect(),
            }
        });
        Plan {
            n,
            stages: stages.collect(),
            bluestein: None,
        }
    }

    /// Transforms `lanes` signals in place, with exp(-2 pi i jk/n). Both slices hold `n * lanes` elements.
    pub fn forward(&self, re: &mut Vec<T>, im: &mut Vec<T>, lanes: usize) {
        if let Some(bluestein) = &self.bluestein {
            return bluestein.forward(self.n, re, im, lanes);
        }
        let mut to = (vec![T::default(); re.len()], vec![T::default(); im.len()]);
        let mut stride = lanes;
        for stage in &self.stages {
            crate::simd::vectorize(
                #[inline(always)]
                || stage.run(stride, re, im, &mut to.0, &mut to.1),
            );
            std::mem::swap(re, &mut to.0);
            std::mem::swap(im, &mut to.1);
            stride *= stage.radix;
        }
    }
}

impl<T: Real> Stage<T> {
    #[inline(always)]
    fn run(&self, stride: usize, re: &[T], im: &[T], to_re: &mut [T], to_im: &mut [T]) {
        let r = self.radix;
        for p in 0..self.rest {
            let twiddles = &self.twiddles[p * (r - 1)..(p + 1) * (r - 1)];
            let from = |k: usize| {
                let at = stride * (p + self.rest * k);
                (&re[at..at + stride], &im[at..at + stride])
            };
            let out = stride * r * p..stride * r * (p + 1);
            let (out_re, out_im) = (&mut to_re[out.clone()], &mut to_im[out]);
            match r {
                2 => two(from(0), from(1), out_re, out_im, twiddles),
                3 => three(from(0), from(1), from(2), out_re, out_im, twiddles),
                4 => four(from(0), from(1), from(2), from(3), out_re, out_im, twiddles),
                _ => {
                    for k in 0..r {
                        let w = if k == 0 {
                            (T::of(1.0), T::default())
                        } else {
                            twiddles[k - 1]
                        };
                        let (o_re, o_im) = (
                            &mut out_re[k * stride..(k + 1) * stride],
                            &mut out_im[k * stride..(k + 1) * stride],
                        );
                        let (x, y) = from(0);
                        o_re.copy_from_slice(x);
                        o_im.copy_from_slice(y);
                        for j in 1..r {
                            let c = self.roots[j * k % r];
                            let (x, y) = from(j);
                            for q in 0..stride {
                                o_re[q] = o_re[q] + (x[q] * c.0 - y[q] * c.1);
                                o_im[q] = o_im[q] + (x[q] * c.1 + y[q] * c.0);
                            }
                        }
                        for q in 0..stride {
                            (o_re[q], o_im[q]) = times((o_re[q], o_im[q]), w);
                        }
                    }
                }
            }
        }
    }
}

type Pair<'a, T> = (&'a [T], &'a [T]);

#[inline(always)]
fn two<T: Real>(a: Pair<T>, b: Pair<T>, re: &mut [T], im: &mut [T], w: &[(T, T)]) {
    let n = a.0.len();
    let (re0, re1) = re.split_at_mut(n);
    let (im0, im1) = im.split_at_mut(n);
    let (a0, a1, b0, b1) = (&a.0[..n], &a.1[..n], &b.0[..n], &b.1[..n]);
    let (re1, im0, im1) = (&mut re1[..n], &mut im0[..n], &mut im1[..n]);
    for q in 0..n {
        re0[q] = a0[q] + b0[q];
        im0[q] = a1[q] + b1[q];
        (re1[q], im1[q]) = times((a0[q] - b0[q], a1[q] - b1[q]), w[0]);
    }
}

#[inline(always)]
fn three<T: Real>(a: Pair<T>, b: Pair<T>, c: Pair<T>, re: &mut [T], im: &mut [T], w: &[(T, T)]) {
    let n = a.0.len();
    let (half, sine) = (T::of(0.5), T::of(0.866_025_403_784_438_6));
    let (re0, rest) = re.split_at_mut(n);
    let (re1, re2) = rest.split_at_mut(n);
    let (im0, rest) = im.split_at_mut(n);
    let (im1, im2) = rest.split_at_mut(n);
    let (re2, im2) = (&mut re2[..n], &mut im2[..n]);
    let (a0, a1, b0, b1, c0, c1) = (&a.0[..n], &a.1[..n], &b.0[..n], &b.1[..n], &c.0[..n], &c.1[..n]);
    for q in 0..n {
        let (sr, si) = (b0[q] + c0[q], b1[q] + c1[q]);
        let (dr, di) = ((b0[q] - c0[q]) * sine, (b1[q] - c1[q]) * sine);
        let (mr, mi) = (a0[q] - sr * half, a1[q] - si * half);
        re0[q] = a0[q] + sr;
        im0[q] = a1[q] + si;
        (re1[q], im1[q]) = times((mr + di, mi - dr), w[0]);
        (re2[q], im2[q]) = times((mr - di, mi + dr), w[1]);
    }
}

#[inline(always)]
fn four<T: Real>(a: Pair<T>, b: Pair<T>, c: Pair<T>, d: Pair<T>, re: &mut [T], im: &mut [T], w: &[(T, T)]) {
    let n = a.0.len();
    let (re0, rest) = re.split_at_mut(n);
    let (re1, rest) = rest.split_at_mut(n);
    let (re2, re3) = rest.split_at_mut(n);
    let (im0, rest) = im.split_at_mut(n);
    let (im1, rest) = rest.split_at_mut(n);
    let (im2, im3) = rest.split_at_mut(n);
    let (re3, im3) = (&mut re3[..n], &mut im3[..n]);
    let (a0, a1, b0, b1) = (&a.0[..n], &a.1[..n], &b.0[..n], &b.1[..n]);
    let (c0, c1, d0, d1) = (&c.0[..n], &c.1[..n], &d.0[..n], &d.1[..n]);
    for q in 0..n {
        let (er, ei) = (a0[q] + c0[q], a1[q] + c1[q]);
        let (fr, fi) = (a0[q] - c0[q], a1[q] - c1[q]);
        let (gr, gi) = (b0[q] + d0[q], b1[q] + d1[q]);
        let (hr, hi) = (b0[q] - d0[q], b1[q] - d1[q]);
        re0[q] = er + gr;
        im0[q] = ei + gi;
        (re1[q], im1[q]) = times((fr + hi, fi - hr), w[0]);
        (re2[q], im2[q]) = times((er - gr, ei - gi), w[1]);
        (re3[q], im3[q]) = times((fr - hi, fi + hr), w[2]);
    }
}

impl<T: Real> Bluestein<T> {
    fn new(n: usize) -> Bluestein<T> {
        let length = (2 * n - 1).next_power_of_two();
        let inner = Box::new(Plan::<T>::new(length));
        // k^2 modulo 2n, so that the angle stays small.
        let chirp: Vec<(f64, f64)> = (0..n)
            .map(|k| root((k as u128 * k as u128 % (2 * n) as u128) as usize, 2 * n))
            .collect();
        let (mut re, mut im) = (vec![0.0; length], vec![0.0; length]);
        for k in 0..n {
            let (c, s) = chirp[k];
            for at in [k, (length - k) % length] {
                (re[at], im[at]) = (c / length as f64, -s / length as f64);
            }
        }
        Plan::<f64>::new(length).forward(&mut re, &mut im, 1);
        let kernel = re
            .into_iter()
            .zip(im)
            .map(|(c, s)| (T::of(c), T::of(s)))
            .collect();
        Bluestein {
            inner,
            chirp: chirp.into_iter().map(|(c, s)| (T::of(c), T::of(s))).collect(),
            kernel,
        }
    }

    fn forward(&self, n: usize, re: &mut Vec<T>, im: &mut Vec<T>, lanes: usize) {
        let length = self.inner.n;
        let mut a = (
            vec![T::default(); length * lanes],
            vec![T::default(); length * lanes],
        );
        for k in 0..n {
            for q in k * lanes..(k + 1) * lanes {
                (a.0[q], a.1[q]) = times((re[q], im[q]), self.chirp[k]);
            }
        }
        self.inner.forward(&mut a.0, &mut a.1, lanes);
        for (k, w) in self.kernel.iter().enumerate() {
            for q in k * lanes..(k + 1) * lanes {
                (a.0[q], a.1[q]) = times((a.0[q], a.1[q]), *w);
            }
        }
        // The inverse transform: real and imaginary parts change places.
        self.inner.forward(&mut a.1, &mut a.0, lanes);
        for k in 0..n {
            for q in k * lanes..(k + 1) * lanes {
                (re[q], im[q]) = times((a.0[q], a.1[q]), self.chirp[k]);
            }
        }
    }
}
