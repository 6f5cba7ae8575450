//! Singular values: reduction to a bidiagonal matrix, as LAPACK's `gesdd` does it for small matrices, so that vectors
//! have its signs. One-sided Jacobi rotations (Hestenes), slow to grow but sure to converge, stand behind it.

use crate::bidiagonal::{diagonalize, rotation, turn};
use crate::mat::{Field, Mat, Precision, norm2};
use crate::qr::{geqrf, householder_product, ormqr, qr, reflect_left, reflect_right, reflector};

/// `A = U diag(S) Vh`.
#[derive(Clone, Debug)]
pub struct Svd<T> {
    pub u: Mat<T>,
    /// In descending order.
    pub s: Vec<f64>,
    pub vh: Mat<T>,
}

/// `full`: U and Vh square; otherwise `min(rows, cols)` vectors each.
pub fn svd<T: Field>(a: &Mat<T>, precision: Precision, full: bool) -> Result<Svd<T>, String> {
    if !a.data.iter().all(|x| x.is_finite()) {
        return Err(
            "The algorithm failed to converge because the input matrix contained non-finite values.".into(),
        );
    }
    if a.rows.min(a.cols) == 0 {
        return jacobi(a, full);
    }
    bidiagonal(a, precision, full).or_else(|_| jacobi(a, full))
}

/// `I - tau v v^H` with the rows or columns from the number on.
type Reflection<T> = (usize, Vec<T>, T);

/// The product of reflections and `[small 0; 0 I]`, `rows x cols`.
fn product<T: Field>(reflections: &[Reflection<T>], small: &Mat<T>, rows: usize, cols: usize) -> Mat<T> {
    let mut out = placed(small, rows, cols);
    for (from, v, tau) in reflections.iter().rev() {
        reflect_left(&mut out, *from, 0, v, *tau);
    }
    out
}

/// `[small 0; 0 I]`, `rows x cols`.
fn placed<T: Field>(small: &Mat<T>, rows: usize, cols: usize) -> Mat<T> {
    Mat::from_fn(rows, cols, |i, j| {
        if i < small.rows && j < small.cols {
            small[(i, j)]
        } else if i == j {
            T::one()
        } else {
            T::zero()
        }
    })
}

fn bidiagonal<T: Field>(a: &Mat<T>, precision: Precision, full: bool) -> Result<Svd<T>, String> {
    let largest = a
        .data
        .iter()
        .map(|x| x.re().abs().max(x.im().abs()))
        .fold(0.0, f64::max);
    let unit = if largest > 0.0 && !(1e-100..1e100).contains(&largest) {
        largest
    } else {
        1.0
    };
    let wide = a.rows < a.cols;
    let mut tall = if wide { a.adjoint() } else { a.clone() };
    if unit != 1.0 {
        tall.data
            .iter_mut()
            .for_each(|x| *x = T::new(x.re() / unit, x.im() / unit));
    }
    let (m, n) = (tall.rows, tall.cols);
    let complex = T::new(0.0, 1.0).im() != 0.0;
    let slender = if complex { n * 17 / 9 } else { n * 11 / 6 };
    let mut out = if m > n && m >= slender && (complex || !wide) {
        // Much longer than wide: first to a triangle.
        let (packed, taus) = geqrf(tall);
        let r = Mat::from_fn(n, n, |i, j| if i <= j { packed[(i, j)] } else { T::zero() });
        let inner = reduced(&if wide { r.adjoint() } else { r }, precision, false, full)?;
        let cols = if full { m } else { n };
        let long = |small: &Mat<T>| ormqr(&packed, &taus, &placed(small, m, cols), true, false);
        if wide {
            Svd {
                vh: long(&inner.vh.adjoint()).adjoint(),
                ..inner
            }
        } else {
            Svd {
                u: long(&inner.u),
                ..inner
            }
        }
    } else {
        reduced(&tall, precision, wide, full)?
    };
    out.s.iter_mut().for_each(|s| *s *= unit);
    Ok(out)
}

/// Of a matrix that is not wider than long; `wide`: of its adjoint, whose bidiagonal matrix is the lower one.
fn reduced<T: Field>(a: &Mat<T>, precision: Precision, wide: bool, full: bool) -> Result<Svd<T>, String> {
    let (m, n) = (a.rows, a.cols);
    let mut work = a.clone();
    let (mut d, mut e) = (vec![0.0; n], vec![0.0; n]);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for i in 0..n {
        let mut v: Vec<T> = (i..m).map(|r| work[(r, i)]).collect();
        let tau = reflector(&mut v);
        reflect_left(&mut work, i, i + 1, &v, tau.conj());
        d[i] = v[0].re();
        left.push((i, v, tau));
        if i + 1 < n {
            let mut v: Vec<T> = work.row(i)[i + 1..].iter().map(|x| x.conj()).collect();
            let tau = reflector(&mut v);
            reflect_right(&mut work, i + 1, i + 1, &v, tau);
            e[i] = v[0].re();
            right.push((i + 1, v, tau));
        }
    }
    let mut turns = Vec::new();
    if wide {
        for i in 0..n - 1 {
            let (c, s, r) = rotation(d[i], e[i]);
            d[i] = r;
            e[i] = s * d[i + 1];
            d[i + 1] *= c;
            turns.push((c, -s));
        }
    }
    let (mut vt, mut ut) = (Mat::<T>::identity(n), Mat::<T>::identity(n));
    diagonalize(&mut d, &mut e, &mut vt, &mut ut, precision)?;
    let mut u = ut.transpose();
    for (j, (c, s)) in turns.into_iter().enumerate().rev() {
        turn(&mut u, j, c, s);
    }
    let v = vt.adjoint();
    let cols = if full { m } else { n };
    Ok(if wide {
        Svd {
            u: product(&right, &u, n, n),
            s: d,
            vh: product(&left, &v, m, cols).adjoint(),
        }
    } else {
        Svd {
            u: product(&left, &u, m, cols),
            s: d,
            vh: product(&right, &v, n, n).adjoint(),
        }
    })
}

fn jacobi<T: Field>(a: &Mat<T>, full: bool) -> Result<Svd<T>, String> {
    if a.rows < a.cols {
        let t = jacobi(&a.adjoint(), full)?;
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
