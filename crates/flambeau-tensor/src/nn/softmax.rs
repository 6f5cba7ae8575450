//! Softmax and its logarithm along a dimension.

use super::access::{dense, lengths};
use super::rows::{self, Loop, RowElement, looped};
use crate::bail;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::wrap_dim;
use crate::math::Madd;
use crate::parallel::{SharedMut, parallel_for};
use crate::tensor::Tensor;

/// `exp(x) / Σ exp(x)` along `dim`, computed and returned in `dtype` if given.
pub fn softmax(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    along("softmax_lastdim_kernel_impl", x, dim, dtype, false)
}

/// The logarithm of [`softmax`].
pub fn log_softmax(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    along("log_softmax_lastdim_kernel_impl", x, dim, dtype, true)
}

/// [`softmax`] of `-x`.
pub fn softmin(x: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    softmax(&crate::pointwise::neg(x)?, dim, dtype)
}

fn along(name: &str, x: &Tensor, dim: i64, dtype: Option<DType>, log: bool) -> Result<Tensor> {
    let x = match dtype {
        Some(dtype) => x.to_dtype(dtype)?,
        None => x.clone(),
    };
    let d = wrap_dim(dim, x.dim())?;
    match x.dtype() {
        DType::Float => floats::<f32>(&x, d, log),
        DType::Double => floats::<f64>(&x, d, log),
        half @ (DType::Half | DType::BFloat16) => {
            floats::<f32>(&x.to_dtype(DType::Float)?, d, log)?.to_dtype(half)
        }
        other => bail!(
            NotImplemented,
            "\"{name}\" not implemented for '{}'",
            other.name()
        ),
    }
}

fn floats<T: RowElement>(x: &Tensor, dim: usize, log: bool) -> Result<Tensor> {
    let x = dense(x)?;
    let out = Tensor::empty(x.sizes(), T::DTYPE)?;
    if x.numel() == 0 {
        return Ok(out);
    }
    let sizes = lengths(x.sizes());
    let n = sizes.get(dim).copied().unwrap_or(1);
    let inner: usize = sizes.iter().skip(dim + 1).product();
    let outer = x.numel() as usize / (n * inner);
    {
        let (read, mut write) = (x.read()?, out.write()?);
        let (x, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
        let grain = 8192 / n + 1;
        if inner == 1 {
            parallel_for(outer, grain, |range| {
                // SAFETY: rows are cut disjointly.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(to.get().add(range.start * n), range.len() * n) };
                looped(Rows {
                    x: &x[range.start * n..range.end * n],
                    to,
                    n,
                    log,
                });
            });
        } else {
            // Columns of a block, side by side; a block of a few lines keeps its sums in the first-level cache.
            const WIDE: usize = 64;
            let blocks = inner.div_ceil(WIDE);
            parallel_for(outer * blocks, grain / WIDE + 1, |range| {
                for i in range {
                    let (o, b) = (i / blocks, i % blocks);
                    let start = o * n * inner + b * WIDE;
                    let wide = WIDE.min(inner - b * WIDE);
                    looped(Columns {
                        x,
                        to,
                        start,
                        step: inner,
                        n,
                        wide,
                        log,
                    });
                }
            });
        }
    }
    Ok(out)
}

struct Rows<'a, T> {
    x: &'a [T],
    to: &'a mut [T],
    n: usize,
    log: bool,
}

impl<T: RowElement> Loop for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Madd>(self) {
        for (x, to) in self.x.chunks_exact(self.n).zip(self.to.chunks_exact_mut(self.n)) {
            if self.log {
                rows::log_softmax::<T, M>(x, to);
            } else {
                to.copy_from_slice(x);
                rows::softmax::<T, M>(to);
            }
        }
    }
}

struct Columns<'a, T> {
    x: &'a [T],
    to: SharedMut<T>,
    start: usize,
    step: usize,
    n: usize,
    wide: usize,
    log: bool,
}

impl<T: RowElement> Loop for Columns<'_, T> {
    type Output = ();
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run<M: Madd>(self) {
        let Columns {
            x,
            to,
            start,
            step,
            n,
            wide,
            log,
        } = self;
        let (mut top, mut sum) = ([T::lowest(); 64], [T::ZERO; 64]);
        let row = |i: usize| &x[start + i * step..][..wide];
        // SAFETY: blocks of columns are cut disjointly.
        let row_to =
            |i: usize| unsafe { std::slice::from_raw_parts_mut(to.get().add(start + i * step), wide) };
        for i in 0..n {
            for (top, &x) in top.iter_mut().zip(row(i)) {
                if x > *top || x != x {
                    *top = x;
                }
            }
        }
        for i in 0..n {
            for (((to, &x), &top), sum) in row_to(i).iter_mut().zip(row(i)).zip(&top).zip(&mut sum) {
                *to = x.less(top).exp_::<M>();
                *sum = sum.plus(*to);
            }
        }
        if log {
            sum.iter_mut().for_each(|s| *s = s.log_::<M>());
        }
        for i in 0..n {
            for (((to, &x), &top), &sum) in row_to(i).iter_mut().zip(row(i)).zip(&top).zip(&sum) {
                *to = if log { x.less(top).less(sum) } else { to.over(sum) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_columns_and_their_logarithms() {
        for dtype in [DType::Float, DType::Double, DType::BFloat16] {
            for size in [
                vec![5],
                vec![3, 7],
                vec![2, 3, 4],
                vec![2, 70, 3],
                vec![2, 3, 130],
                vec![0, 3],
                vec![3, 0],
            ] {
                let n: i64 = size.iter().product();
                let data: Vec<f64> = (0..n).map(|i| ((i * 37 % 29) - 12) as f64 * 0.5).collect();
                let x = Tensor::from_slice(&data, &size).unwrap().to_dtype(dtype).unwrap();
                for dim in 0..size.len() as i64 {
                    let got = softmax(&x, dim, None).unwrap().to_vec::<f64>().unwrap();
                    let log = log_softmax(&x, dim - size.len() as i64, None)
                        .unwrap()
                        .to_vec::<f64>()
                        .unwrap();
                    let inner: usize = size[dim as usize + 1..].iter().product::<i64>() as usize;
                    let count = size[dim as usize] as usize;
                    for i in 0..n as usize {
                        let first = i / (inner * count) * inner * count + i % inner;
                        let total: f64 = (0..count).map(|k| data[first + k * inner].exp()).sum();
                        let want = data[i].exp() / total;
                        let tolerance = if dtype == DType::BFloat16 { 1e-2 } else { 1e-6 };
                        assert!((got[i] - want).abs() <= tolerance, "{} {want}", got[i]);
                        assert!((log[i] - want.ln()).abs() <= tolerance * 10.0);
                    }
                }
            }
        }
        let x = Tensor::from_slice(
            &[f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY],
            &[2, 2],
        )
        .unwrap();
        let y = softmax(&x, 1, None).unwrap().to_vec::<f32>().unwrap();
        assert!(y[0] == 0.0 && y[1] == 1.0 && y[2].is_nan() && y[3].is_nan());
        let y = softmax(&Tensor::from_slice(&[1f32, f32::NAN], &[2]).unwrap(), 0, None).unwrap();
        assert!(y.to_vec::<f32>().unwrap().iter().all(|v| v.is_nan()));
        assert!(softmax(&Tensor::zeros(&[2], DType::Long).unwrap(), 0, None).is_err());
        assert_eq!(
            softmax(&Tensor::zeros(&[2], DType::Long).unwrap(), 0, Some(DType::Float))
                .unwrap()
                .dtype(),
            DType::Float
        );
        assert!(softmax(&x, 2, None).is_err());
    }
}
