//! Singular values by one-sided Jacobi rotations (Hestenes): slow to grow, accurate to the last value.

use crate::mat::{Field, Mat, norm2};
use crate::qr::{geqrf, householder_product, qr};

/// `A = U diag(S) Vh`.
#[derive(Clone, Debug)]
pub struct Svd<T> {
    pub u: Mat<T>,
    /// In descending order.
    pub s: Vec<f64>,
    pub vh: Mat<T>,
}

/// `full`: U and Vh square; otherwise `min(rows, cols)` vectors each.
pub fn svd<T: Field>(a: &Mat<T>, full: bool) -> Result<Svd<T>, String> {
    if !a.data.iter().all(|x| x.is_finite()) {
        return Err(
            "The algorithm failed to converge because the input matrix contained non-finite values.".into(),
        );
    }
    if a.rows < a.cols {
        let t = svd(&a.adjoint(), full)?;
        return Ok(Svd {
            u: t.vh.adjoint(),
            s: t.s,
            vh: t.u.adjoint(),
        });
    }
    let (m, n) = (a.rows, a.cols);
    if n == 0 {
        return Ok(Svd {
            u: Mat::identity(if full { m } else { 0 }).pad_rows(m),
            s: vec![],
            vh: Mat::zeros(0, 0),
        });
    }
    // Tall ones shrink to their R first.
    let (q, r) = if m > n {
        qr(a.clone(), false)
    } else {
        (Mat::identity(m), a.clone())
    };
    // Columns as rows: `w` = R^T, and V's columns alike. Scaled, so that squares neither overflow nor vanish.
    let largest = r
        .data
        .iter()
        .map(|x| x.re().abs().max(x.im().abs()))
        .fold(0.0, f64::max);
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let mut w = r.transpose();
    w.data
        .iter_mut()
        .for_each(|x| *x = T::new(x.re() / unit, x.im() / unit));
    let mut v = Mat::<T>::identity(n);
    rotate(&mut w, &mut v)?;
    let norms: Vec<f64> = (0..n).map(|j| norm2(w.row(j))).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    let s: Vec<f64> = order.iter().map(|&j| norms[j]).collect();
    // Columns of U that belong to zeros are free: any orthonormal completion.
    let tiny = s[0] * f64::EPSILON * 1e-3;
    let rank = s.iter().filter(|&&x| x > tiny && x > 0.0).count();
    let mut u = Mat::from_fn(n, n, |i, j| {
        if j < rank {
            w[(order[j], i)].scale(1.0 / s[j])
        } else {
            T::zero()
        }
    });
    if rank < n {
        complete(&mut u, rank);
    }
    let s = s.into_iter().map(|x| x * unit).collect();
    let mut u = if m > n { q.mul(&u) } else { u };
    if full && m > n {
        let narrow = u;
        u = Mat::from_fn(m, m, |i, j| if j < n { narrow[(i, j)] } else { T::zero() });
        complete(&mut u, n);
    }
    let vh = Mat::from_fn(n, n, |i, j| v[(order[i], j)].conj());
    Ok(Svd { u, s, vh })
}

impl<T: Field> Mat<T> {
    /// Zero rows appended up to `rows`.
    fn pad_rows(mut self, rows: usize) -> Self {
        self.data.resize(rows * self.cols, T::zero());
        self.rows = rows;
        self
    }
}

/// Replaces the columns of `u` from `known` on by an orthonormal complement of those before.
fn complete<T: Field>(u: &mut Mat<T>, known: usize) {
    let (packed, taus) = geqrf(u.left_columns(known));
    let q = householder_product(&packed, &taus, u.cols);
    for i in 0..u.rows {
        for j in known..u.cols {
            u[(i, j)] = q[(i, j)];
        }
    }
}

/// Makes the rows of `w` orthogonal by rotating pairs of them, and the rows of `v` along.
fn rotate<T: Field>(w: &mut Mat<T>, v: &mut Mat<T>) -> Result<(), String> {
    let n = w.rows;
    for _ in 0..60 {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (a, b) = w.two_rows_mut(p, q);
                let (mut aa, mut bb, mut ab) = (0.0, 0.0, T::zero());
                for (x, y) in a.iter().zip(b.iter()) {
                    aa += x.abs_square();
                    bb += y.abs_square();
                    ab += x.conj() * *y;
                }
                let size = ab.abs();
                if size == 0.0 || size <= 1e-15 * (aa * bb).sqrt() || size < 1e-300 {
                    continue;
                }
                rotated = true;
                let phase = ab.scale(1.0 / size);
                let zeta = (bb - aa) / (2.0 * size);
                let t = 1.0f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                let turn = |a: &mut [T], b: &mut [T]| {
                    for (x, y) in a.iter_mut().zip(b) {
                        let (u, w) = (*x, *y * phase.conj());
                        *x = u.scale(c) - w.scale(s);
                        *y = u.scale(s) + w.scale(c);
                    }
                };
                turn(a, b);
                let (a, b) = v.two_rows_mut(p, q);
                turn(a, b);
            }
        }
        if !rotated {
            return Ok(());
        }
    }
    Ok(())
}
