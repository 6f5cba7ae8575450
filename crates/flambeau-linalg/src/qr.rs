//! QR decomposition by Householder reflections, with LAPACK's signs.
//!
//! A reflection is `H = I - tau v v^H` with `v[0] = 1`; `H^H` takes a column to a real multiple of the first unit
//! vector, of the sign opposite to the column's first element.

use crate::mat::{Field, Mat, axpy, norm2};

/// Turns `x` into `[beta, v[1..]]` and returns `tau`.
pub(crate) fn reflector<T: Field>(x: &mut [T]) -> T {
    let Some((&mut alpha, rest)) = x.split_first_mut() else {
        return T::zero();
    };
    let norm = norm2(rest);
    if norm == 0.0 && alpha.im() == 0.0 {
        return T::zero();
    }
    let beta = -alpha.abs().hypot(norm).copysign(alpha.re());
    let tau = T::new((beta - alpha.re()) / beta, -alpha.im() / beta);
    let scale = T::one() / (alpha - T::from_re(beta));
    rest.iter_mut().for_each(|v| *v *= scale);
    x[0] = T::from_re(beta);
    tau
}

/// `A := (I - factor v v^H) A` on rows `from..` and columns `columns..`; `v` starts with 1, which is not looked at.
pub(crate) fn reflect_left<T: Field>(a: &mut Mat<T>, from: usize, columns: usize, v: &[T], factor: T) {
    if factor == T::zero() || columns >= a.cols {
        return;
    }
    let mut dots = a.row(from)[columns..].to_vec();
    for (i, v) in v.iter().enumerate().skip(1) {
        axpy(&mut dots, v.conj(), &a.row(from + i)[columns..]);
    }
    for (i, v) in v.iter().enumerate() {
        let v = if i == 0 { T::one() } else { *v };
        axpy(&mut a.row_mut(from + i)[columns..], -(factor * v), &dots);
    }
}

/// `A := A (I - factor v v^H)` on rows `rows..` and columns `from..`.
pub(crate) fn reflect_right<T: Field>(a: &mut Mat<T>, rows: usize, from: usize, v: &[T], factor: T) {
    if factor == T::zero() {
        return;
    }
    for i in rows..a.rows {
        let row = &mut a.row_mut(i)[from..from + v.len()];
        let dot = row
            .iter()
            .zip(v)
            .skip(1)
            .fold(row[0], |sum, (x, v)| sum + *x * *v)
            * factor;
        row[0] -= dot;
        for (x, v) in row.iter_mut().zip(v).skip(1) {
            *x -= dot * v.conj();
        }
    }
}

fn column<T: Field>(a: &Mat<T>, i: usize, j: usize) -> Vec<T> {
    (i..a.rows).map(|r| a[(r, j)]).collect()
}

/// R on and above the diagonal, the reflections' vectors below it; and their `tau`.
pub fn geqrf<T: Field>(mut a: Mat<T>) -> (Mat<T>, Vec<T>) {
    let steps = a.rows.min(a.cols);
    let mut taus = Vec::with_capacity(steps);
    for k in 0..steps {
        let mut v = column(&a, k, k);
        let tau = reflector(&mut v);
        reflect_left(&mut a, k, k + 1, &v, tau.conj());
        for (i, v) in v.into_iter().enumerate() {
            a[(k + i, k)] = v;
        }
        taus.push(tau);
    }
    (a, taus)
}

/// The first `cols` columns of the product of the reflections.
pub fn householder_product<T: Field>(a: &Mat<T>, taus: &[T], cols: usize) -> Mat<T> {
    let mut q = Mat::from_fn(a.rows, cols, |i, j| if i == j { T::one() } else { T::zero() });
    for (k, &tau) in taus.iter().enumerate().rev() {
        if k < a.rows && k < a.cols {
            reflect_left(&mut q, k, 0, &column(a, k, k), tau);
        }
    }
    q
}

/// `Q C` or `C Q` (`left`), Q or its adjoint, where Q is the product of the reflections.
pub fn ormqr<T: Field>(a: &Mat<T>, taus: &[T], c: &Mat<T>, left: bool, adjoint: bool) -> Mat<T> {
    let mut c = c.clone();
    // Q = H1 H2 … Hk: from the left the last acts first, unless adjoint.
    let count = taus.len().min(a.cols).min(a.rows);
    let ascending = left == adjoint;
    for step in 0..count {
        let k = if ascending { step } else { count - 1 - step };
        let factor = if adjoint { taus[k].conj() } else { taus[k] };
        let v = column(a, k, k);
        if left {
            reflect_left(&mut c, k, 0, &v, factor);
        } else {
            reflect_right(&mut c, 0, k, &v, factor);
        }
    }
    c
}

/// Q (`rows x rows` if `complete`, else `rows x min`) and R.
pub fn qr<T: Field>(a: Mat<T>, complete: bool) -> (Mat<T>, Mat<T>) {
    let (m, n) = (a.rows, a.cols);
    let k = if complete { m } else { m.min(n) };
    let (packed, taus) = geqrf(a);
    let r = Mat::from_fn(k, n, |i, j| if i <= j { packed[(i, j)] } else { T::zero() });
    (householder_product(&packed, &taus, k), r)
}
