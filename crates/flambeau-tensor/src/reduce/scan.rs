//! Running sums, products and extrema along a dimension.

use num_complex::Complex;

use crate::dtype::DType;
use crate::error::Result;
use crate::layout::wrap_dim;
use crate::parallel::{SharedMut, parallel_for};
use crate::reduce::fold::{Number, Ordered};
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Columns scanned side by side when the dimension is not the last.
const TILE: usize = 256;

/// `out[o, k, i] = f(acc[o, i], x[o, k, i])` for increasing `k`.
fn scan<T: Copy + Sync, A: Copy + Sync, O: Copy + Send>(
    x: &[T],
    out: &mut [O],
    (outer, n, inner): (usize, usize, usize),
    start: A,
    f: impl Fn(&mut A, T, i64) -> O + Sync,
) {
    let shared = SharedMut(out.as_mut_ptr());
    let tiles = inner.div_ceil(TILE);
    let work = n * inner.min(TILE);
    parallel_for(outer * tiles, (1usize << 14).div_ceil(work.max(1)), |range| {
        for task in range {
            let (o, first) = (task / tiles, task % tiles * TILE);
            let width = TILE.min(inner - first);
            let mut acc = [start; TILE];
            for k in 0..n {
                let at = (o * n + k) * inner + first;
                // SAFETY: tasks write disjoint columns of `out`, which is as long as `x`.
                let row = unsafe { std::slice::from_raw_parts_mut(shared.get().add(at), width) };
                for (i, r) in row.iter_mut().enumerate() {
                    *r = f(&mut acc[i], x[at + i], k as i64);
                }
            }
        }
    });
}

/// The shape as outer × n × inner around a dimension.
pub(super) fn around(sizes: &[i64], d: usize) -> (usize, usize, usize) {
    let product = |s: &[i64]| s.iter().product::<i64>() as usize;
    if sizes.is_empty() {
        return (1, 1, 1);
    }
    (product(&sizes[..d]), sizes[d] as usize, product(&sizes[d + 1..]))
}

fn running<T: Number + crate::dtype::Element>(
    x: &Tensor,
    d: usize,
    start: T::Wide,
    join: impl Fn(T::Wide, T::Wide) -> T::Wide + Sync,
) -> Result<Tensor>
where
    T::Wide: Sync,
{
    let out = Tensor::empty(x.sizes(), <T as Number>::DTYPE)?;
    {
        let read = x.read()?;
        let mut write = out.write()?;
        scan(
            read.slice::<T>()?,
            write.slice::<T>()?,
            around(x.sizes(), d),
            start,
            |a, x, _| {
                *a = join(*a, x.wide());
                T::narrow(*a)
            },
        );
    }
    Ok(out)
}

fn prepared(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<(Tensor, usize, DType)> {
    let d = wrap_dim(dim, x.dim())?;
    let dtype = dtype.unwrap_or(if x.dtype().is_integral(true) {
        DType::Long
    } else {
        x.dtype()
    });
    // PyTorch casts to the result type first; integers are then summed as Long.
    let x = x.to_dtype(dtype)?;
    let compute = if dtype.is_integral(true) {
        DType::Long
    } else {
        dtype.compute()
    };
    Ok((x.to_dtype(compute)?.contiguous()?, d, dtype))
}

pub fn cumsum(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    let (x, d, dtype) = prepared(x, dim, dtype)?;
    let out = match x.dtype() {
        DType::Float => running::<f32>(&x, d, 0.0, |a, b| a + b),
        DType::Double => running::<f64>(&x, d, 0.0, |a, b| a + b),
        DType::Long => running::<i64>(&x, d, 0, i64::wrapping_add),
        DType::ComplexFloat => running::<Complex<f32>>(&x, d, Complex::ZERO, |a, b| a + b),
        DType::ComplexDouble => running::<Complex<f64>>(&x, d, Complex::ZERO, |a, b| a + b),
        other => bail!(
            NotImplemented,
            "\"cumsum_out_cpu\" not implemented for '{}'",
            other.name()
        ),
    }?;
    out.to_dtype(dtype)
}

pub fn cumprod(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    let (x, d, dtype) = prepared(x, dim, dtype)?;
    let out = match x.dtype() {
        DType::Float => running::<f32>(&x, d, 1.0, |a, b| a * b),
        DType::Double => running::<f64>(&x, d, 1.0, |a, b| a * b),
        DType::Long => running::<i64>(&x, d, 1, i64::wrapping_mul),
        DType::ComplexFloat => running::<Complex<f32>>(&x, d, Complex::ONE, |a, b| a * b),
        DType::ComplexDouble => running::<Complex<f64>>(&x, d, Complex::ONE, |a, b| a * b),
        other => bail!(
            NotImplemented,
            "\"cumprod_out_cpu\" not implemented for '{}'",
            other.name()
        ),
    }?;
    out.to_dtype(dtype)
}

/// Running `log(sum(exp))` of complex numbers, joined two by two as PyTorch does, which decides the branch of the
/// imaginary part.
fn logcumsumexp_complex(x: &Tensor, d: usize) -> Result<Tensor> {
    let wide = x.to_dtype(DType::ComplexDouble)?.contiguous()?;
    let out = Tensor::empty(x.sizes(), DType::ComplexDouble)?;
    {
        let read = wide.read()?;
        let mut write = out.write()?;
        let start = Complex::new(f64::NEG_INFINITY, 0.0);
        let (from, to) = (read.slice::<Complex<f64>>()?, write.slice::<Complex<f64>>()?);
        scan(
            from,
            to,
            around(x.sizes(), d),
            start,
            |a: &mut Complex<f64>, x, _| {
                *a = log_add_exp(x, *a);
                *a
            },
        );
    }
    out.to_dtype(x.dtype())
}

fn log_add_exp(x: Complex<f64>, y: Complex<f64>) -> Complex<f64> {
    let (low, high) = if x.re < y.re { (x, y) } else { (y, x) };
    if low.is_nan() || high.is_nan() {
        return Complex::new(f64::NAN, f64::NAN);
    }
    if !low.re.is_finite() && low.re == high.re {
        return if low.re < 0.0 {
            low
        } else {
            (low.exp() + high.exp()).ln()
        };
    }
    if low.re == f64::NEG_INFINITY {
        return high;
    }
    (Complex::<f64>::ONE + (low - high).exp()).ln() + high
}

/// Running `log(sum(exp))`, kept as a maximum and a scaled sum.
pub fn logcumsumexp(x: &Tensor, dim: i64) -> Result<Tensor> {
    if x.is_complex() {
        let d = wrap_dim(dim, x.dim())?;
        return logcumsumexp_complex(x, d);
    }
    ensure!(
        x.is_floating_point(),
        NotImplemented,
        "\"logcumsumexp_out_cpu\" not implemented for '{}'",
        x.dtype().name()
    );
    let d = wrap_dim(dim, x.dim())?;
    let wide = x.to_dtype(DType::Double)?.contiguous()?;
    let out = Tensor::empty(x.sizes(), DType::Double)?;
    {
        let read = wide.read()?;
        let mut write = out.write()?;
        let start = (f64::NEG_INFINITY, 0.0f64);
        scan(
            read.slice::<f64>()?,
            write.slice::<f64>()?,
            around(x.sizes(), d),
            start,
            |a, x, _| {
                let high = if a.0.is_nan() || a.0 >= x { a.0 } else { x };
                let term = |v: f64| if v == high { 1.0 } else { (v - high).exp() };
                let sum = if a.1 == 0.0 { 0.0 } else { a.1 * term(a.0) };
                *a = if high == f64::NEG_INFINITY {
                    (high, 0.0)
                } else {
                    (high, sum + term(x))
                };
                if a.1 == 0.0 { a.0 } else { a.0 + a.1.ln() }
            },
        );
    }
    out.to_dtype(x.dtype())
}

fn running_place<T: Ordered + crate::dtype::Element>(
    x: &Tensor,
    d: usize,
    better: impl Fn(T, T) -> bool + Sync,
) -> Result<Tensor> {
    let out = Tensor::empty(x.sizes(), DType::Long)?;
    {
        let read = x.read()?;
        let mut write = out.write()?;
        let start = (T::default(), -1i64);
        scan(
            read.slice::<T>()?,
            write.slice::<i64>()?,
            around(x.sizes(), d),
            start,
            |a, x, k| {
                if a.1 < 0 || x.nan() || (!a.0.nan() && better(x, a.0)) {
                    *a = (x, k);
                }
                a.1
            },
        );
    }
    Ok(out)
}

fn running_extreme(x: &Tensor, dim: i64, high: bool) -> Result<(Tensor, Tensor)> {
    let d = wrap_dim(dim, x.dim())?;
    if x.dim() == 0 {
        return Ok((x.copy()?, Tensor::zeros(&[], DType::Long)?));
    }
    let compute = if x.dtype().is_integral(true) {
        DType::Long
    } else {
        x.dtype().compute()
    };
    let c = x.to_dtype(compute)?.contiguous()?;
    let indices = match (compute, high) {
        (DType::Float, true) => running_place::<f32>(&c, d, |x, a| x >= a),
        (DType::Float, false) => running_place::<f32>(&c, d, |x, a| x <= a),
        (DType::Double, true) => running_place::<f64>(&c, d, |x, a| x >= a),
        (DType::Double, false) => running_place::<f64>(&c, d, |x, a| x <= a),
        (DType::Long, true) => running_place::<i64>(&c, d, |x, a| x >= a),
        (DType::Long, false) => running_place::<i64>(&c, d, |x, a| x <= a),
        (other, _) => bail!(
            NotImplemented,
            "\"{}_cpu\" not implemented for '{}'",
            if high { "cummax" } else { "cummin" },
            other.name()
        ),
    }?;
    Ok((crate::index::gather(x, d as i64, &indices)?, indices))
}

/// Running maximum and where it was last met.
pub fn cummax(x: &Tensor, dim: i64) -> Result<(Tensor, Tensor)> {
    running_extreme(x, dim, true)
}

pub fn cummin(x: &Tensor, dim: i64) -> Result<(Tensor, Tensor)> {
    running_extreme(x, dim, false)
}
