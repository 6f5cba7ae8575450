//! Decompositions of Hermitian matrices: Cholesky, and Bunch and Kaufman's `L D L^H`.

use crate::lu::solve_triangular;
use crate::mat::{Field, Mat, axpy};

/// The lower L with `A = L L^H`, read from the lower triangle, and 0 or the order (from 1) of the first leading minor
/// that is not positive.
pub fn cholesky<T: Field>(a: &Mat<T>) -> (Mat<T>, i32) {
    let n = a.rows;
    let mut l = Mat::from_fn(n, n, |i, j| if j <= i { a[(i, j)] } else { T::zero() });
    for j in 0..n {
        let square = l[(j, j)].re() - l.row(j)[..j].iter().map(|x| x.abs_square()).sum::<f64>();
        if !(square > 0.0) {
            return (l, j as i32 + 1);
        }
        let diagonal = square.sqrt();
        l[(j, j)] = T::from_re(diagonal);
        for i in j + 1..n {
            let (row, pivot) = l.two_rows_mut(i, j);
            let dot = row[..j]
                .iter()
                .zip(&pivot[..j])
                .fold(T::zero(), |sum, (x, y)| sum + *x * y.conj());
            row[j] = (row[j] - dot).scale(1.0 / diagonal);
        }
    }
    (l, 0)
}

/// The X with `L L^H X = B`.
pub fn cholesky_solve<T: Field>(l: &Mat<T>, b: &Mat<T>) -> Mat<T> {
    let mut x = b.clone();
    solve_triangular(l, &mut x, false, false);
    solve_triangular(&l.adjoint(), &mut x, true, false);
    x
}

/// `D` and the multipliers of `L` in the lower triangle, and LAPACK's pivots: `p > 0` is a 1x1 block swapped with row
/// `p`, two equal `p < 0` a 2x2 block whose second row was swapped with row `-p`.
#[derive(Clone, Debug)]
pub struct Ldl<T> {
    pub packed: Mat<T>,
    pub pivots: Vec<i32>,
    pub info: i32,
}

/// Bunch and Kaufman's decomposition of the lower triangle: `A = L D L^H` (`hermitian`) or `L D L^T`.
pub fn ldl_factor<T: Field>(mut a: Mat<T>, hermitian: bool) -> Ldl<T> {
    let alpha = (1.0 + 17f64.sqrt()) / 8.0;
    let n = a.rows;
    let conj = |x: T| if hermitian { x.conj() } else { x };
    let diagonal = |x: T| if hermitian { x.re().abs() } else { x.abs1() };
    let (mut pivots, mut info) = (vec![0i32; n], 0);
    let mut k = 0;
    while k < n {
        let mut pair = false;
        let mut kp = k;
        let akk = diagonal(a[(k, k)]);
        let (mut imax, mut colmax) = (k, 0.0);
        for i in k + 1..n {
            if a[(i, k)].abs1() > colmax {
                (imax, colmax) = (i, a[(i, k)].abs1());
            }
        }
        if !(akk.max(colmax) > 0.0) {
            if info == 0 {
                info = k as i32 + 1;
            }
            pivots[k] = k as i32 + 1;
            k += 1;
            continue;
        }
        if akk < alpha * colmax {
            let row = (k..imax).map(|j| a[(imax, j)].abs1());
            let column = (imax + 1..n).map(|i| a[(i, imax)].abs1());
            let rowmax = row.chain(column).fold(0.0, f64::max);
            if akk >= alpha * colmax * (colmax / rowmax) {
                kp = k;
            } else if diagonal(a[(imax, imax)]) >= alpha * rowmax {
                kp = imax;
            } else {
                (kp, pair) = (imax, true);
            }
        }
        let kk = if pair { k + 1 } else { k };
        if kp != kk {
            for i in kp + 1..n {
                let t = a[(i, kk)];
                a[(i, kk)] = a[(i, kp)];
                a[(i, kp)] = t;
            }
            for j in kk + 1..kp {
                let t = conj(a[(j, kk)]);
                a[(j, kk)] = conj(a[(kp, j)]);
                a[(kp, j)] = t;
            }
            a[(kp, kk)] = conj(a[(kp, kk)]);
            let t = a[(kk, kk)];
            a[(kk, kk)] = a[(kp, kp)];
            a[(kp, kp)] = t;
            if pair {
                let t = a[(k + 1, k)];
                a[(k + 1, k)] = a[(kp, k)];
                a[(kp, k)] = t;
            }
        }
        if hermitian {
            a[(k, k)] = T::from_re(a[(k, k)].re());
        }
        if !pair {
            let d = T::one() / a[(k, k)];
            for j in k + 1..n {
                let factor = conj(a[(j, k)]) * d;
                for i in j..n {
                    let t = a[(i, k)] * factor;
                    a[(i, j)] -= t;
                }
            }
            for i in k + 1..n {
                a[(i, k)] *= d;
            }
            pivots[k] = kp as i32 + 1;
            k += 1;
        } else {
            // The inverse of [[d22', conj(d21)], [d21, d11']], as LAPACK forms it.
            let off = a[(k + 1, k)];
            let (scale, unit) = if hermitian {
                (T::from_re(off.abs()), off.scale(1.0 / off.abs()))
            } else {
                (off, T::one())
            };
            let (d11, d22) = (a[(k + 1, k + 1)] / scale, a[(k, k)] / scale);
            let d = T::one() / (d11 * d22 - T::one()) / scale;
            for j in k + 2..n {
                let wk = d * (d11 * a[(j, k)] - unit * a[(j, k + 1)]);
                let wk1 = d * (d22 * a[(j, k + 1)] - conj(unit) * a[(j, k)]);
                for i in j..n {
                    let t = a[(i, k)] * conj(wk) + a[(i, k + 1)] * conj(wk1);
                    a[(i, j)] -= t;
                }
                a[(j, k)] = wk;
                a[(j, k + 1)] = wk1;
                if hermitian {
                    a[(j, j)] = T::from_re(a[(j, j)].re());
                }
            }
            pivots[k] = -(kp as i32 + 1);
            pivots[k + 1] = pivots[k];
            k += 2;
        }
    }
    Ldl {
        packed: a,
        pivots,
        info,
    }
}

/// The X with `A X = B` from A's decomposition.
pub fn ldl_solve<T: Field>(
    a: &Mat<T>,
    pivots: &[i32],
    b: &Mat<T>,
    hermitian: bool,
) -> Result<Mat<T>, String> {
    let n = a.rows;
    let conj = |x: T| if hermitian { x.conj() } else { x };
    let swap_of = |p: i32| match p.unsigned_abs() as usize {
        p if p >= 1 && p <= n => Ok(p - 1),
        _ => Err(String::from(
            "pivots of ldl_solve must be between 1 and the number of rows",
        )),
    };
    let mut x = b.clone();
    let mut k = 0;
    // L and D
    while k < n {
        let kp = swap_of(pivots[k])?;
        if pivots[k] > 0 || k + 1 >= n {
            x.swap_rows(k, kp);
            for i in k + 1..n {
                let factor = -a[(i, k)];
                let (row, pivot) = x.two_rows_mut(i, k);
                axpy(row, factor, pivot);
            }
            let d = a[(k, k)];
            x.row_mut(k).iter_mut().for_each(|v| *v = *v / d);
            k += 1;
        } else {
            x.swap_rows(k + 1, kp);
            for i in k + 2..n {
                for c in [k, k + 1] {
                    let factor = -a[(i, c)];
                    let (row, pivot) = x.two_rows_mut(i, c);
                    axpy(row, factor, pivot);
                }
            }
            let off = a[(k + 1, k)];
            let (d1, d2) = (a[(k, k)] / conj(off), a[(k + 1, k + 1)] / off);
            let denominator = d1 * d2 - T::one();
            let (first, second) = x.two_rows_mut(k, k + 1);
            for (u, v) in first.iter_mut().zip(second) {
                let (p, q) = (*u / conj(off), *v / off);
                *u = (d2 * p - q) / denominator;
                *v = (d1 * q - p) / denominator;
            }
            k += 2;
        }
    }
    // L^H (or L^T), from the last block up
    let mut k = n;
    while k > 0 {
        let last = k - 1;
        let pair = pivots[last] < 0 && last > 0;
        for c in last - usize::from(pair)..=last {
            for i in k..n {
                let factor = -conj(a[(i, c)]);
                let (row, other) = x.two_rows_mut(c, i);
                axpy(row, factor, other);
            }
        }
        x.swap_rows(last, swap_of(pivots[last])?);
        k -= if pair { 2 } else { 1 };
    }
    Ok(x)
}
