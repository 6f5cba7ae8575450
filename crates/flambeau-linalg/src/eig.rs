//! Eigenvalues of general matrices: Hessenberg form, then the shifted QR algorithm on a complex Schur form.
//!
//! Real matrices go the same way in complex arithmetic; their eigenvalues then come out paired up to rounding, and
//! are made exactly so.

use crate::mat::{C64, Field, Mat, norm2};
use crate::qr::{reflect_left, reflect_right, reflector};
use num_complex::Complex;

/// `A = Z T Z^H`, T upper triangular.
fn schur(mut h: Mat<C64>, vectors: bool) -> Result<(Mat<C64>, Mat<C64>), String> {
    let n = h.rows;
    let mut z = Mat::<C64>::identity(if vectors { n } else { 0 });
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<C64> = (k + 1..n).map(|i| h[(i, k)]).collect();
        let tau = reflector(&mut v);
        reflect_left(&mut h, k + 1, k, &v, tau.conj());
        reflect_right(&mut h, 0, k + 1, &v, tau);
        if vectors {
            reflect_right(&mut z, 0, k + 1, &v, tau);
        }
        for i in k + 2..n {
            h[(i, k)] = C64::default();
        }
    }
    let (mut high, mut rounds) = (n, 0);
    while high > 1 {
        let last = high - 1;
        let mut low = last;
        while low > 0 {
            let around = h[(low, low)].abs1() + h[(low - 1, low - 1)].abs1();
            let around = if around == 0.0 { h.frobenius() } else { around };
            if h[(low, low - 1)].abs1() <= f64::EPSILON * around {
                h[(low, low - 1)] = C64::default();
                break;
            }
            low -= 1;
        }
        if low == last {
            (high, rounds) = (last, 0);
            continue;
        }
        rounds += 1;
        if rounds > 300 {
            return Err("linalg.eig: the algorithm failed to converge".into());
        }
        let shift = if rounds % 10 == 0 {
            // An exceptional one, to leave a cycle.
            h[(last, last)] + Complex::new(h[(last, last - 1)].abs(), 0.0)
        } else {
            wilkinson(
                h[(last - 1, last - 1)],
                h[(last - 1, last)],
                h[(last, last - 1)],
                h[(last, last)],
            )
        };
        sweep(&mut h, &mut z, low, high, shift);
    }
    Ok((h, z))
}

/// The eigenvalue of [[a, b], [c, d]] nearer to d.
fn wilkinson(a: C64, b: C64, c: C64, d: C64) -> C64 {
    let half = (a - d) * 0.5;
    let product = b * c;
    if product == C64::default() {
        return d;
    }
    let root = (half * half + product).sqrt();
    let far = if (half + root).norm() > (half - root).norm() {
        half + root
    } else {
        half - root
    };
    if far == C64::default() {
        d
    } else {
        d - product / far
    }
}

/// One QR step on rows and columns `low..high`.
fn sweep(h: &mut Mat<C64>, z: &mut Mat<C64>, low: usize, high: usize, shift: C64) {
    let n = h.rows;
    for i in low..high {
        h[(i, i)] -= shift;
    }
    // Rotations G with G [x; y] = [r; 0]: c real, s complex.
    let mut turns = Vec::with_capacity(high - low);
    for k in low..high - 1 {
        let (x, y) = (h[(k, k)], h[(k + 1, k)]);
        let r = x.norm().hypot(y.norm());
        let (c, s) = if r == 0.0 {
            (1.0, C64::default())
        } else if x.norm() == 0.0 {
            (0.0, Complex::new(1.0, 0.0))
        } else {
            (x.norm() / r, (x / x.norm()) * y.conj() / r)
        };
        let (upper, lower) = h.two_rows_mut(k, k + 1);
        for (a, b) in upper[k..n].iter_mut().zip(&mut lower[k..n]) {
            let (u, w) = (*a, *b);
            *a = u * c + w * s;
            *b = w * c - u * s.conj();
        }
        turns.push((c, s));
    }
    for (k, (c, s)) in (low..high - 1).zip(turns) {
        let bottom = (k + 2).min(high);
        let turn = |row: &mut [C64]| {
            let (u, w) = (row[k], row[k + 1]);
            row[k] = u * c + w * s.conj();
            row[k + 1] = w * c - u * s;
        };
        for i in 0..bottom {
            turn(h.row_mut(i));
        }
        for i in 0..z.rows {
            turn(z.row_mut(i));
        }
    }
    for i in low..high {
        h[(i, i)] += shift;
    }
}

/// Eigenvalues, and eigenvectors of length 1 as columns (none if not asked for). `real`: the matrix is real, so
/// eigenvalues come in conjugate pairs, the one above the real axis first.
pub fn eig(a: &Mat<C64>, real: bool, vectors: bool) -> Result<(Vec<C64>, Mat<C64>), String> {
    if !a.data.iter().all(|x| x.is_finite()) {
        return Err("linalg.eig: input tensor should not contain infs or NaNs.".into());
    }
    let n = a.rows;
    let (t, z) = schur(a.clone(), vectors)?;
    let mut values: Vec<C64> = (0..n).map(|i| t[(i, i)]).collect();
    let mut out = Mat::zeros(if vectors { n } else { 0 }, if vectors { n } else { 0 });
    if vectors {
        let size = t.frobenius().max(f64::MIN_POSITIVE);
        for k in 0..n {
            // (T - t_kk) x = 0 with x_k = 1, from the bottom up.
            let mut x = vec![C64::default(); n];
            x[k] = Complex::new(1.0, 0.0);
            for i in (0..k).rev() {
                let sum = (i + 1..=k).fold(C64::default(), |sum, j| sum + t[(i, j)] * x[j]);
                let mut gap = t[(i, i)] - values[k];
                if gap.norm() < f64::EPSILON * size {
                    gap = Complex::new(f64::EPSILON * size, 0.0);
                }
                x[i] = -sum / gap;
                let largest = x.iter().map(|v| v.norm()).fold(0.0, f64::max);
                if largest > 1e100 {
                    x.iter_mut().for_each(|v| *v /= largest);
                }
            }
            let v: Vec<C64> = (0..n)
                .map(|i| (0..=k).fold(C64::default(), |s, j| s + z[(i, j)] * x[j]))
                .collect();
            let norm = norm2(&v);
            // The largest component is made real, as in LAPACK.
            let top = v
                .iter()
                .copied()
                .fold(C64::default(), |m, x| if x.norm() > m.norm() { x } else { m });
            let turn = if top.norm() == 0.0 {
                Complex::new(1.0, 0.0)
            } else {
                top.conj() / top.norm()
            };
            for (i, v) in v.into_iter().enumerate() {
                out[(i, k)] = v * turn / norm;
            }
        }
    }
    if real {
        pair_up(&mut values, &mut out, a.frobenius());
    }
    Ok((values, out))
}

/// Makes almost conjugate pairs neighbours and exactly conjugate, and almost real eigenvalues real.
fn pair_up(values: &mut [C64], vectors: &mut Mat<C64>, size: f64) {
    let n = values.len();
    let tolerance = 1e-13 * size.max(f64::MIN_POSITIVE);
    let swap = |values: &mut [C64], vectors: &mut Mat<C64>, i: usize, j: usize| {
        values.swap(i, j);
        for r in 0..vectors.rows {
            vectors.row_mut(r).swap(i, j);
        }
    };
    let mut i = 0;
    while i < n {
        let distance = |j: &usize| (values[*j] - values[i].conj()).norm();
        let partner = (i + 1..n).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let own = 2.0 * values[i].im.abs();
        match partner {
            Some(j) if values[i].im.abs() > tolerance && distance(&j) < own => {
                swap(values, vectors, i + 1, j);
                if values[i].im < 0.0 {
                    swap(values, vectors, i, i + 1);
                }
                values[i + 1] = values[i].conj();
                for r in 0..vectors.rows {
                    vectors[(r, i + 1)] = vectors[(r, i)].conj();
                }
                i += 2;
            }
            _ => {
                values[i].im = 0.0;
                // A real matrix has a real vector for it, up to a phase that is already gone.
                for r in 0..vectors.rows {
                    vectors[(r, i)].im = 0.0;
                }
                i += 1;
            }
        }
    }
}
