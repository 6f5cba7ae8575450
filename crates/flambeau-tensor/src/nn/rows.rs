//! Kernels over one row of numbers, shared by normalisations, attention and recurrent layers. They add along fixed lanes, so a
//! result depends on the length of a row and on nothing else.

use super::vector::Real;
use crate::math::{Fused, Madd, Separate, double, single};
use crate::pointwise::real::Real as Functions;
use crate::simd::{Isa, Kernel, dispatch};

/// Numbers of rows: arithmetic and functions.
pub trait RowElement: Real + Functions + crate::dtype::Element + bytemuck::Pod {
    /// Exact or nearly so.
    fn wide(self) -> f64;
    fn over(self, b: Self) -> Self;
    fn lowest() -> Self;
    /// exp of what is not above zero.
    fn exp_below<M: Madd>(self) -> Self;
}

impl RowElement for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn over(self, b: f32) -> f32 {
        self / b
    }
    #[inline(always)]
    fn lowest() -> f32 {
        f32::NEG_INFINITY
    }
    #[inline(always)]
    fn exp_below<M: Madd>(self) -> f32 {
        single::exp_negative::<M>(self)
    }
}

impl RowElement for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn over(self, b: f64) -> f64 {
        self / b
    }
    #[inline(always)]
    fn lowest() -> f64 {
        f64::NEG_INFINITY
    }
    #[inline(always)]
    fn exp_below<M: Madd>(self) -> f64 {
        double::exp::<M>(self)
    }
}

/// A loop compiled for every level, told how to multiply and add there. Mark `run` `#[inline(always)]`.
pub trait Loop {
    type Output;
    fn run<M: Madd>(self) -> Self::Output;
}

struct Chosen<L>(L);

impl<L: Loop> Kernel for Chosen<L> {
    type Output = L::Output;
    #[inline(always)]
    fn run<const LEVEL: u8>(self) -> L::Output {
        if LEVEL > Isa::Baseline as u8 || cfg!(target_arch = "aarch64") {
            self.0.run::<Fused>()
        } else {
            self.0.run::<Separate>()
        }
    }
}

/// Runs a [`Loop`] at the level of this process.
pub fn looped<L: Loop>(l: L) -> L::Output {
    dispatch(Chosen(l))
}

/// Lanes over which rows are added.
pub const LANES: usize = 32;
/// Elements added in the type itself before the sum moves to `f64`.
const STRETCH: usize = 4096;

/// The sum of `f(x)` over a row.
#[inline(always)]
pub fn sum<T: RowElement>(row: &[T], f: impl Fn(T) -> T) -> f64 {
    let mut total = 0.0;
    for stretch in row.chunks(STRETCH) {
        let mut lanes = [T::ZERO; LANES];
        let (whole, rest) = stretch.as_chunks::<LANES>();
        for chunk in whole {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane = lane.plus(f(x));
            }
        }
        if !rest.is_empty() {
            // Whole lanes again: a loop over what is left would not be vectorised.
            let mut chunk = [T::ZERO; LANES];
            chunk[..rest.len()].copy_from_slice(rest);
            for i in 0..LANES {
                let more = lanes[i].plus(f(chunk[i]));
                lanes[i] = if i < rest.len() { more } else { lanes[i] };
            }
        }
        total += halves(&mut lanes, |a, b| a.plus(b)).wide();
    }
    total
}

/// Joins lanes by halves.
#[inline(always)]
fn halves<T: Copy>(lanes: &mut [T; LANES], f: impl Fn(T, T) -> T) -> T {
    // Spelled out, so that the lanes stay in registers.
    for i in 0..16 {
        lanes[i] = f(lanes[i], lanes[i + 16]);
    }
    for i in 0..8 {
        lanes[i] = f(lanes[i], lanes[i + 8]);
    }
    for i in 0..4 {
        lanes[i] = f(lanes[i], lanes[i + 4]);
    }
    for i in 0..2 {
        lanes[i] = f(lanes[i], lanes[i + 2]);
    }
    f(lanes[0], lanes[1])
}

/// Mean and (biased) variance of a row, in two passes.
#[inline(always)]
pub fn moments<T: RowElement>(row: &[T]) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = sum(row, |x| x) / n;
    let center = T::of(mean);
    let squares = sum(row, |x| {
        let d = x.less(center);
        d.times(d)
    });
    // `center` is rounded; what that adds to every square comes off again.
    let off = mean - center.wide();
    (mean, (squares / n - off * off).max(0.0))
}

/// The largest element, NaN if there is one.
#[inline(always)]
#[allow(clippy::eq_op)]
pub fn largest<T: RowElement>(row: &[T]) -> T {
    let larger = |a: T, b: T| if b > a || b != b { b } else { a };
    let mut lanes = [T::lowest(); LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    if !rest.is_empty() {
        let mut chunk = [T::lowest(); LANES];
        chunk[..rest.len()].copy_from_slice(rest);
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    // A NaN in a lane must not be overtaken: `larger` keeps one only on its left.
    halves(&mut lanes, |a, b| if a != a { a } else { larger(a, b) })
}

/// `to[i] = exp(row[i] - shift)`; returns the sum.
#[inline(always)]
pub fn exponentials<T: RowElement, M: Madd>(row: &mut [T], shift: T) -> f64 {
    let mut total = 0.0;
    for stretch in row.chunks_mut(STRETCH) {
        let mut lanes = [T::ZERO; LANES];
        let (whole, rest) = stretch.as_chunks_mut::<LANES>();
        for chunk in whole {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *x = x.less(shift).exp_below::<M>();
                *lane = lane.plus(*x);
            }
        }
        if !rest.is_empty() {
            let mut chunk = [T::lowest(); LANES];
            chunk[..rest.len()].copy_from_slice(rest);
            for x in &mut chunk {
                *x = x.less(shift).exp_below::<M>();
            }
            rest.copy_from_slice(&chunk[..rest.len()]);
            // The lanes beyond hold exp(-inf), which is zero.
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = lane.plus(x);
            }
        }
        total += halves(&mut lanes, |a, b| a.plus(b)).wide();
    }
    total
}
