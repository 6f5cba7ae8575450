//! `softmax` and `log_softmax` over any dimension, in three passes over rows that stay in the cache.

use crate::bail;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::wrap_dim;
use crate::math::{Fused, Madd, Separate};
use crate::parallel::{SharedMut, parallel_for};
use crate::pointwise::real::Real;
use crate::reduce::scan::around;
use crate::simd::{self, Isa};
use crate::tensor::Tensor;

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
    let x = x.to_dtype(dtype.compute())?.contiguous()?;
    let out = Tensor::empty(x.sizes(), x.dtype())?;
    if x.numel() > 0 {
        match x.dtype() {
            DType::Float => over::<f32>(&x, &out, d, log)?,
            DType::Double => over::<f64>(&x, &out, d, log)?,
            _ => {
                let name = if log {
                    "log_softmax_lastdim_kernel_impl"
                } else {
                    "softmax_lastdim_kernel_impl"
                };
                bail!(
                    NotImplemented,
                    "\"{name}\" not implemented for '{}'",
                    dtype.name()
                )
            }
        }
    }
    out.to_dtype(dtype)
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

/// The two types, with a wide sum.
trait Lane:
    Real + Element + std::ops::Sub<Output = Self> + std::ops::Mul<Output = Self> + std::ops::Add<Output = Self>
{
    const LOWEST: Self;
    fn wide(self) -> f64;
    fn nan(self) -> bool;
}
impl Lane for f32 {
    const LOWEST: f32 = f32::NEG_INFINITY;
    #[inline(always)]
    fn wide(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
    }
}
impl Lane for f64 {
    const LOWEST: f64 = f64::NEG_INFINITY;
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
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

#[inline(always)]
fn row<T: Lane, M: Madd>(r: Row<T>) {
    let (x, out) = (r.x, r.out);
    let out = &mut out[..x.len()];
    let (blocks, tail) = x.as_chunks::<LANES>();
    let mut lanes = [T::LOWEST; LANES];
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = larger(lanes[l], block[l]);
        }
    }
    let high = lanes.iter().chain(tail).fold(T::LOWEST, |a, b| larger(a, *b));
    // exp(x - high) is written on the way; log_softmax needs only the sum.
    let mut sums = [0.0f64; LANES];
    let (out_blocks, out_tail) = out.as_chunks_mut::<LANES>();
    for (block, o) in blocks.iter().zip(out_blocks) {
        for l in 0..LANES {
            let e = (block[l] - high).exp_::<M>();
            o[l] = e;
            sums[l] += e.wide();
        }
    }
    let mut sum: f64 = sums.iter().sum();
    for (v, o) in tail.iter().zip(out_tail) {
        let e = (*v - high).exp_::<M>();
        *o = e;
        sum += e.wide();
    }
    if r.log {
        let shift = sum.ln();
        let shift = T::of(shift);
        for (o, v) in out.iter_mut().zip(x) {
            *o = (*v - high) - shift;
        }
    } else {
        let scale = T::of(1.0 / sum);
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
    let mut high = [T::LOWEST; TILE];
    let mut sum = [0.0f64; TILE];
    for k in 0..c.n {
        for (h, v) in high.iter_mut().zip(x_row(k)) {
            *h = larger(*h, *v);
        }
    }
    for k in 0..c.n {
        let row = x_row(k);
        let out = out_row(k);
        for i in 0..row.len() {
            let e = (row[i] - high[i]).exp_::<M>();
            out[i] = e;
            sum[i] += e.wide();
        }
    }
    let mut last = [T::default(); TILE];
    for i in 0..c.width {
        last[i] = T::of(if c.log { sum[i].ln() } else { 1.0 / sum[i] });
    }
    for k in 0..c.n {
        let row = x_row(k);
        let out = out_row(k);
        if c.log {
            for i in 0..row.len() {
                out[i] = (row[i] - high[i]) - last[i];
            }
        } else {
            for i in 0..row.len() {
                out[i] = out[i] * last[i];
            }
        }
    }
}
