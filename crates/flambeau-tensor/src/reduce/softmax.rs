//! `softmax` and `log_softmax` over any dimension, in three passes over rows that stay in the cache.

use crate::bail;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::wrap_dim;
use crate::math::{Fused, Madd, Separate, double, single};
use crate::parallel::{SharedMut, parallel_for};
use crate::pointwise::{self, real::Real};
use crate::reduce::scan::around;
use crate::scalar::Scalar;
use crate::simd::{self, Isa};
use crate::tensor::Tensor;
use std::ops::{Add, Div, Mul, Sub};

/// Columns treated side by side when the dimension is not the last.
const TILE: usize = 256;

pub fn softmax(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    run(x, dim, dtype, false)
}

pub fn log_softmax(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    run(x, dim, dtype, true)
}

fn run(x: &Tensor, dim: i64, dtype: Option<DType>, log: bool) -> Result<Tensor> {
    let d = wrap_dim(dim, x.dim())?;
    let dtype = dtype.unwrap_or(x.dtype());
    if log && matches!(dtype, DType::Half | DType::BFloat16) && d + 1 == x.dim() && x.numel() > 0 {
        return log_along_rows(&x.to_dtype(dtype)?);
    }
    let x = x.to_dtype(dtype.compute())?.contiguous()?;
    let out = Tensor::empty(x.sizes(), x.dtype())?;
    if x.numel() > 0 {
        match x.dtype() {
            DType::Float => over::<f32>(&x, &out, d, log)?,
            DType::Double => over::<f64>(&x, &out, d, log)?,
            _ => {
                let last = if d + 1 >= x.dim() { "lastdim_" } else { "" };
                let name = if log { "log_softmax" } else { "softmax" };
                bail!(
                    NotImplemented,
                    "\"{name}_{last}kernel_impl\" not implemented for '{}'",
                    dtype.name()
                )
            }
        }
    }
    if !log && matches!(dtype, DType::Half | DType::BFloat16) && d + 1 < x.dim() && x.numel() > 0 {
        round_last_columns(&x, &out, d, dtype)?;
    }
    out.to_dtype(dtype)
}

/// Columns beyond the last whole group of 32: there PyTorch keeps the exponentials in the half type before it divides.
fn round_last_columns(x: &Tensor, out: &Tensor, d: usize, dtype: DType) -> Result<()> {
    let (outer, n, inner) = around(x.sizes(), d);
    let rest = (inner % 32) as i64;
    if rest == 0 {
        return Ok(());
    }
    let size = [outer as i64, n as i64, inner as i64];
    let last = |t: &Tensor| t.view(&size)?.narrow(2, size[2] - rest, rest);
    let x = last(x)?;
    let shifted = pointwise::sub(
        (&x).into(),
        (&super::amax(&x, &[1], true)?).into(),
        Scalar::Int(1),
    )?;
    let e = pointwise::exp(&shifted)?;
    let sum = super::sum(&e, &[1], true, None)?;
    let kept = e.to_dtype(dtype)?.to_dtype(DType::Float)?;
    last(out)?.copy_(&pointwise::div((&kept).into(), (&sum).into())?)
}

/// Along rows of a half type PyTorch keeps the sum and its logarithm in that type.
fn log_along_rows(x: &Tensor) -> Result<Tensor> {
    let own = |t: Tensor| t.to_dtype(x.dtype())?.to_dtype(DType::Float);
    let wide = x.to_dtype(DType::Float)?;
    let shifted = pointwise::sub(
        (&wide).into(),
        (&super::amax(&wide, &[-1], true)?).into(),
        Scalar::Int(1),
    )?;
    let sum = own(super::sum(&pointwise::exp(&shifted)?, &[-1], true, None)?)?;
    let log = own(pointwise::log(&sum)?)?;
    pointwise::sub((&shifted).into(), (&log).into(), Scalar::Int(1))?.to_dtype(x.dtype())
}

fn over<T: Lane>(x: &Tensor, out: &Tensor, d: usize, log: bool) -> Result<()> {
    let (outer, n, inner) = around(x.sizes(), d);
    let read = x.read()?;
    let mut write = out.write()?;
    let x = read.slice::<T>()?;
    let target = SharedMut(write.slice::<T>()?.as_mut_ptr());
    let tiles = inner.div_ceil(TILE);
    let work = n * inner.min(TILE) * 8;
    parallel_for(outer * tiles, (1usize << 15).div_ceil(work.max(1)), |range| {
        for task in range {
            let (o, first) = (task / tiles, task % tiles * TILE);
            let width = TILE.min(inner - first);
            let start = o * n * inner;
            // SAFETY: tasks write disjoint columns; the pointer stays within the output.
            unsafe {
                if inner == 1 {
                    let row = std::slice::from_raw_parts_mut(target.get().add(start), n);
                    simd::dispatch(Row {
                        x: &x[start..start + n],
                        out: row,
                        log,
                    });
                } else {
                    let columns = Columns {
                        x: x.as_ptr().add(start),
                        out: target.get().add(start),
                        n,
                        inner,
                        first,
                        width,
                        log,
                    };
                    simd::dispatch(columns);
                }
            }
        }
    });
    Ok(())
}

/// The two types. `f32` computes what PyTorch's AVX-512 code does, in its order: detection models sort by scores that
/// saturate, and what ties there must tie here.
trait Lane:
    Real + Element + Sub<Output = Self> + Mul<Output = Self> + Add<Output = Self> + Div<Output = Self>
{
    const LOWEST: Self;
    const ONE: Self;
    fn nan(self) -> bool;
    fn exp_negative<M: Madd>(self) -> Self;
    fn log_of_sum<M: Madd>(self) -> Self;
    /// Both as the C library's scalar functions give them, which PyTorch calls for the columns left over.
    fn exp_plain<M: Madd>(self) -> Self;
    fn log_plain(self) -> Self;
}
impl Lane for f32 {
    const LOWEST: f32 = f32::NEG_INFINITY;
    const ONE: f32 = 1.0;
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn exp_negative<M: Madd>(self) -> f32 {
        single::exp_negative::<M>(self)
    }
    #[inline(always)]
    fn log_of_sum<M: Madd>(self) -> f32 {
        single::log_paired::<M>(self)
    }
    #[inline(always)]
    fn exp_plain<M: Madd>(self) -> f32 {
        double::exp::<M>(self as f64) as f32
    }
    #[inline(always)]
    fn log_plain(self) -> f32 {
        (self as f64).ln() as f32
    }
}
impl Lane for f64 {
    const LOWEST: f64 = f64::NEG_INFINITY;
    const ONE: f64 = 1.0;
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn exp_negative<M: Madd>(self) -> f64 {
        double::exp::<M>(self)
    }
    #[inline(always)]
    fn log_of_sum<M: Madd>(self) -> f64 {
        self.ln()
    }
    #[inline(always)]
    fn exp_plain<M: Madd>(self) -> f64 {
        double::exp::<M>(self)
    }
    #[inline(always)]
    fn log_plain(self) -> f64 {
        self.ln()
    }
}

#[inline(always)]
fn larger<T: Lane>(a: T, b: T) -> T {
    if a.nan() || a > b { a } else { b }
}

/// One contiguous row.
struct Row<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    log: bool,
}

impl<T: Lane> simd::Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<const LEVEL: u8>(self) {
        if LEVEL > Isa::Baseline as u8 {
            row::<T, Fused>(self)
        } else {
            row::<T, Separate>(self)
        }
    }
}

const LANES: usize = 32;
/// Lanes over which a row is added, and columns that are not left over.
const SUMS: usize = 16;
/// Elements per pass, so that each block is still in the cache when it is summed.
const BLOCK: usize = 1024;

// Loops are functions over slices of their own: that is what the compiler vectorises.

#[inline(always)]
fn highest<T: Lane>(x: &[T]) -> T {
    let (blocks, tail) = x.as_chunks::<LANES>();
    let mut lanes = [T::LOWEST; LANES];
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = larger(lanes[l], block[l]);
        }
    }
    let last = padded(tail, T::LOWEST);
    for l in 0..LANES {
        lanes[l] = larger(lanes[l], last[l]);
    }
    halves(&mut lanes, larger)
}

/// What is left of a row, in whole lanes: a loop over so many elements as there are would not be vectorised, and would
/// keep the lanes out of registers.
#[inline(always)]
fn padded<T: Lane>(tail: &[T], with: T) -> [T; LANES] {
    let mut block = [with; LANES];
    block[..tail.len()].copy_from_slice(tail);
    block
}

/// Joins lanes by halves: few steps that wait for each other.
#[inline(always)]
fn halves<T: Copy>(lanes: &mut [T; LANES], f: impl Fn(T, T) -> T) -> T {
    for l in 0..16 {
        lanes[l] = f(lanes[l], lanes[l + 16]);
    }
    for l in 0..8 {
        lanes[l] = f(lanes[l], lanes[l + 8]);
    }
    for l in 0..4 {
        lanes[l] = f(lanes[l], lanes[l + 4]);
    }
    for l in 0..2 {
        lanes[l] = f(lanes[l], lanes[l + 2]);
    }
    f(lanes[0], lanes[1])
}

#[inline(always)]
fn exp_minus<T: Lane, M: Madd>(x: &[T], shift: T, out: &mut [T]) {
    let whole = x.len() / LANES * LANES;
    let (x, tail) = x.split_at(whole);
    let (out, rest) = out.split_at_mut(whole);
    for (o, v) in out.iter_mut().zip(x) {
        *o = (*v - shift).exp_negative::<M>();
    }
    if !tail.is_empty() {
        let mut block = padded(tail, T::LOWEST);
        for x in &mut block {
            *x = (*x - shift).exp_negative::<M>();
        }
        rest.copy_from_slice(&block[..tail.len()]);
    }
}

/// Adds a block to the lanes. Blocks but the last are of whole lanes; zeros change no sum of exponentials.
#[inline(always)]
fn add_to<T: Lane>(lanes: &mut [T; SUMS], x: &[T]) {
    let (blocks, tail) = x.as_chunks::<SUMS>();
    for block in blocks {
        for l in 0..SUMS {
            lanes[l] = lanes[l] + block[l];
        }
    }
    if !tail.is_empty() {
        let mut last = [T::default(); SUMS];
        last[..tail.len()].copy_from_slice(tail);
        for l in 0..SUMS {
            lanes[l] = lanes[l] + last[l];
        }
    }
}

/// Joins the lanes of a row: by halves if it filled them, else from the first to the last.
#[inline(always)]
fn joined<T: Lane>(mut lanes: [T; SUMS], n: usize) -> T {
    if n < SUMS {
        return lanes[1..n].iter().fold(lanes[0], |a, b| a + *b);
    }
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] = lanes[l] + lanes[l + half];
        }
    }
    lanes[0]
}

#[inline(always)]
fn row<T: Lane, M: Madd>(r: Row<T>) {
    let (x, out) = (r.x, r.out);
    let high = highest(x);
    // exp(x - high) is written on the way; log_softmax needs only the sum.
    let mut lanes = [T::default(); SUMS];
    for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        exp_minus::<T, M>(x, high, out);
        add_to(&mut lanes, out);
    }
    let sum = joined(lanes, x.len());
    if r.log {
        let shift = sum.log_of_sum::<M>();
        for (o, v) in out.iter_mut().zip(x) {
            *o = (*v - high) - shift;
        }
    } else {
        let scale = T::ONE / sum;
        for o in out.iter_mut() {
            *o = *o * scale;
        }
    }
}

/// Columns `first..first + width` of an `n × inner` matrix, reduced over `n`.
struct Columns<T> {
    x: *const T,
    out: *mut T,
    n: usize,
    inner: usize,
    first: usize,
    width: usize,
    log: bool,
}

impl<T: Lane> simd::Kernel for Columns<T> {
    type Output = ();
    #[inline(always)]
    fn run<const LEVEL: u8>(self) {
        if LEVEL > Isa::Baseline as u8 {
            columns::<T, Fused>(self)
        } else {
            columns::<T, Separate>(self)
        }
    }
}

#[inline(always)]
fn columns<T: Lane, M: Madd>(c: Columns<T>) {
    // SAFETY: the caller's matrices have `n` rows of `inner` elements, and the columns belong to this task.
    let x_row = |k: usize| unsafe { std::slice::from_raw_parts(c.x.add(k * c.inner + c.first), c.width) };
    // SAFETY: as above; one row is borrowed at a time.
    let out_row =
        |k: usize| unsafe { std::slice::from_raw_parts_mut(c.out.add(k * c.inner + c.first), c.width) };
    let (mut high, mut sum) = ([T::LOWEST; TILE], [T::default(); TILE]);
    let (high, sum) = (&mut high[..c.width], &mut sum[..c.width]);
    // Tiles are of whole lanes, so only the last one has columns left over.
    let whole = c.width / SUMS * SUMS;
    for k in 0..c.n {
        for (h, v) in high.iter_mut().zip(x_row(k)) {
            *h = larger(*h, *v);
        }
    }
    for k in 0..c.n {
        let (x, out) = (x_row(k), out_row(k));
        exp_minus_each::<T>(&x[..whole], high, &mut out[..whole], |x| x.exp_negative::<M>());
        exp_minus_each::<T>(&x[whole..], &high[whole..], &mut out[whole..], |x| {
            x.exp_plain::<M>()
        });
        for (s, e) in sum.iter_mut().zip(out) {
            *s = *s + *e;
        }
    }
    if c.log {
        sum[..whole].iter_mut().for_each(|s| *s = s.log_of_sum::<M>());
        sum[whole..].iter_mut().for_each(|s| *s = s.log_plain());
    }
    for k in 0..c.n {
        let out = out_row(k);
        if c.log {
            for (((o, v), h), l) in out.iter_mut().zip(x_row(k)).zip(&*high).zip(&*sum) {
                *o = (*v - *h) - *l;
            }
        } else {
            for (o, s) in out.iter_mut().zip(&*sum) {
                *o = *o / *s;
            }
        }
    }
}

#[inline(always)]
fn exp_minus_each<T: Lane>(x: &[T], shift: &[T], out: &mut [T], exp: impl Fn(T) -> T) {
    for ((o, v), s) in out.iter_mut().zip(x).zip(shift) {
        *o = exp(*v - *s);
    }
}
