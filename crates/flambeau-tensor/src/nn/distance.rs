//! Distances between rows: `cdist`, `pdist`, by differences and so without cancellation.

use super::access::{checked_product, compute, dense, lengths};
use super::rows::{Loop, RowElement, looped, sum};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::math::Madd;
use crate::parallel::{SharedMut, parallel_for};
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// The p-norm of the difference of two rows.
struct Distance<'a, T> {
    a: &'a [T],
    b: &'a [T],
    p: f64,
    /// Room for the differences.
    room: &'a mut [T],
}

impl<T: RowElement> Loop for Distance<'_, T> {
    type Output = T;
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run<M: Madd>(self) -> T {
        let Distance { a, b, p, room } = self;
        for ((d, &x), &y) in room.iter_mut().zip(a).zip(b) {
            let difference = x.less(y);
            *d = if difference < T::ZERO {
                T::ZERO.less(difference)
            } else {
                difference
            };
        }
        let room = &*room;
        if p == 2.0 {
            T::of(sum(room, |d| d.times(d)).sqrt())
        } else if p == 1.0 {
            T::of(sum(room, |d| d))
        } else if p == 0.0 {
            T::of(sum(room, |d| if d == T::ZERO { T::ZERO } else { T::ONE }))
        } else if p == f64::INFINITY {
            room.iter()
                .fold(T::ZERO, |m, &d| if d > m || d != d { d } else { m })
        } else {
            let power = T::of(p);
            T::of(sum(room, |d| d.pow_::<M>(power)).powf(1.0 / p))
        }
    }
}

fn floats(name: &str, x: &Tensor, p: f64) -> Result<()> {
    if !x.is_floating_point() {
        bail!(
            NotImplemented,
            "\"{name}\" not implemented for '{}'",
            x.dtype().name()
        );
    }
    ensure!(p >= 0.0, "{name} only supports non-negative p values");
    Ok(())
}

/// PyTorch's `cdist`: `[.., r, m]` and `[.., s, m]` to `[.., r, s]`.
pub fn cdist(a: &Tensor, b: &Tensor, p: f64) -> Result<Tensor> {
    for (t, name) in [(a, "X1"), (b, "X2")] {
        ensure!(
            t.dim() >= 2,
            "cdist only supports at least 2D tensors, {name} got: {}D",
            t.dim()
        );
        ensure!(
            t.is_floating_point(),
            "cdist only supports floating-point dtypes, {name} got: {}",
            t.dtype().name()
        );
    }
    floats("cdist", a, p)?;
    let split = |t: &Tensor| {
        (
            t.sizes()[..t.dim() - 2].to_vec(),
            t.sizes()[t.dim() - 2],
            t.sizes()[t.dim() - 1],
        )
    };
    let ((la, r, ma), (lb, s, mb)) = (split(a), split(b));
    ensure!(
        ma == mb,
        "X1 and X2 must have the same number of columns. X1: {ma} X2: {mb}"
    );
    let dtype = a.dtype().promote(b.dtype());
    let lead = broadcast_shapes(&la, &lb)?;
    let full = |t: &Tensor, rows: i64| -> Result<Tensor> {
        dense(
            &t.to_dtype(compute(dtype))?
                .expand(&[&lead[..], &[rows, ma]].concat())?,
        )
    };
    let (x, y) = (full(a, r)?, full(b, s)?);
    let size = [&lead[..], &[r, s]].concat();
    checked_product(&lengths(&size))?;
    let out = Tensor::zeros(&size, compute(dtype))?;
    if out.numel() > 0 && ma > 0 {
        let sizes = [r as usize, s as usize, ma as usize];
        if compute(dtype) == DType::Double {
            all::<f64>(&x, &y, &out, sizes, p)?
        } else {
            all::<f32>(&x, &y, &out, sizes, p)?
        }
    }
    out.to_dtype(dtype)
}

fn all<T: RowElement>(x: &Tensor, y: &Tensor, out: &Tensor, [r, s, m]: [usize; 3], p: f64) -> Result<()> {
    let (x, y, mut write) = (x.read()?, y.read()?, out.write()?);
    let (x, y, to) = (
        x.slice::<T>()?,
        y.slice::<T>()?,
        SharedMut(write.slice::<T>()?.as_mut_ptr()),
    );
    let rows = x.len() / m;
    parallel_for(rows, (1 << 15) / (s * m) + 1, |range| {
        let mut room = vec![T::ZERO; m];
        for i in range {
            for j in 0..s {
                let (a, b) = (&x[i * m..][..m], &y[(i / r * s + j) * m..][..m]);
                let d = looped(Distance {
                    a,
                    b,
                    p,
                    room: &mut room,
                });
                // SAFETY: each row of the output belongs to one index.
                unsafe { *to.get().add(i * s + j) = d };
            }
        }
    });
    Ok(())
}

/// PyTorch's `pdist`: between all pairs of rows of a matrix, `(0,1), (0,2), …, (1,2), …`.
pub fn pdist(x: &Tensor, p: f64) -> Result<Tensor> {
    ensure!(x.dim() == 2, "pdist only supports 2D tensors, got: {}D", x.dim());
    floats("pdist", x, p)?;
    let n = x.sizes()[0];
    let square = cdist(x, x, p)?.to_vec::<f64>()?;
    let n = n as usize;
    let pairs: Vec<f64> = (0..n)
        .flat_map(|i| (i + 1..n).map(move |j| (i, j)))
        .map(|(i, j)| square[i * n + j])
        .collect();
    Tensor::from_slice(&pairs, &[pairs.len() as i64])?.to_dtype(x.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_norm() {
        let x = Tensor::from_slice(&[0f64, 0., 3., 4., -1., 1.], &[3, 2]).unwrap();
        let inf = f64::INFINITY;
        for (p, want) in [
            (2.0, [5.0, 2f64.sqrt(), 5.0]),
            (1.0, [7.0, 2.0, 7.0]),
            (0.0, [2.0, 2.0, 2.0]),
            (inf, [4.0, 1.0, 4.0]),
            (
                3.0,
                [91f64.powf(1.0 / 3.0), 2f64.powf(1.0 / 3.0), 91f64.powf(1.0 / 3.0)],
            ),
        ] {
            for dtype in [DType::Double, DType::Float] {
                let got = pdist(&x.to_dtype(dtype).unwrap(), p)
                    .unwrap()
                    .to_vec::<f64>()
                    .unwrap();
                assert!(
                    got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5),
                    "{p} {got:?}"
                );
            }
        }
        let y = x.unsqueeze(0).unwrap().expand(&[4, 3, 2]).unwrap();
        assert_eq!(
            cdist(&y, &x.narrow(0, 0, 2).unwrap(), 2.0).unwrap().sizes(),
            [4, 3, 2]
        );
        assert!(
            cdist(&x, &x.t().unwrap(), 2.0)
                .unwrap_err()
                .message
                .contains("must have the same number of columns")
        );
        assert!(
            cdist(&x, &x, -1.0)
                .unwrap_err()
                .message
                .contains("non-negative p")
        );
    }
}
