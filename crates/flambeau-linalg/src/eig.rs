//! Eigenvalues of general matrices: balancing, a Schur form, back-substitution, as LAPACK's `geev` has it, so that the
//! order of eigenvalues and the phases of eigenvectors are the same.

use crate::balance::balance;
use crate::eigh::rotation;
use crate::mat::{C64, Field, Mat, Precision, norm2};
use crate::qr::{reflect_left, reflect_right, reflector};
use crate::schur::{Schur, schur as real_schur};
use num_complex::Complex;
use num_traits::Float;

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

fn finite<T: Field>(a: &Mat<T>) -> Result<(), String> {
    if a.data.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err("linalg.eig: input tensor should not contain infs or NaNs.".into())
}

/// Eigenvalues, and eigenvectors of length 1 as columns (none if not asked for).
pub fn eig(a: &Mat<C64>, vectors: bool) -> Result<(Vec<C64>, Mat<C64>), String> {
    finite(a)?;
    let n = a.rows;
    let mut balanced = a.clone();
    let balance = balance(&mut balanced);
    let (t, z) = schur(balanced, vectors)?;
    let values: Vec<C64> = (0..n).map(|i| t[(i, i)]).collect();
    let mut out = Mat::zeros(if vectors { n } else { 0 }, if vectors { n } else { 0 });
    for k in 0..out.cols {
        let mut x = vec![C64::default(); n];
        x[k] = Complex::new(1.0, 0.0);
        substitute(&t, k, values[k], &mut x, f64::EPSILON);
        let mut v = product(&z, &x[..=k]);
        balance.undo(&mut v);
        let norm = norm2(&v);
        // The largest component is made real.
        let top = v[largest(&v)];
        let turn = if top.norm() == 0.0 {
            Complex::new(1.0, 0.0)
        } else {
            top.conj() / top.norm()
        };
        for (i, v) in v.into_iter().enumerate() {
            out[(i, k)] = v * turn / norm;
        }
    }
    Ok((values, out))
}

/// `Z x`.
fn product(z: &Mat<C64>, x: &[C64]) -> Vec<C64> {
    (0..z.rows)
        .map(|i| z.row(i).iter().zip(x).fold(C64::default(), |s, (z, x)| s + z * x))
        .collect()
}

/// The place of the largest component, the first of equal ones.
fn largest(v: &[C64]) -> usize {
    (0..v.len()).fold(0, |top, i| {
        if v[i].norm_sqr() > v[top].norm_sqr() {
            i
        } else {
            top
        }
    })
}

/// Solves `(T - value) x = 0` for `x[..k]`, where what is set in `x` is given; T is upper triangular but for blocks of
/// two rows.
fn substitute(t: &Mat<C64>, k: usize, value: C64, x: &mut [C64], epsilon: f64) {
    let n = t.rows;
    let size = (0..k).map(|i| t[(i, i)].abs1()).fold(0.0, f64::max);
    let least = (epsilon * value.abs1())
        .max(epsilon * size)
        .max(f64::MIN_POSITIVE / epsilon);
    let mut i = k;
    while i > 0 {
        i -= 1;
        let sum = |r: usize, x: &[C64]| (i + 1..n).fold(C64::default(), |s, j| s - t[(r, j)] * x[j]);
        if i > 0 && t[(i, i - 1)] != C64::default() {
            let (b1, b2) = (sum(i - 1, x), sum(i, x));
            let (a, b) = (t[(i - 1, i - 1)] - value, t[(i - 1, i)]);
            let (c, d) = (t[(i, i - 1)], t[(i, i)] - value);
            let mut det = a * d - b * c;
            if det.norm() < least * least {
                det = Complex::new(least * least, 0.0);
            }
            (x[i - 1], x[i]) = ((d * b1 - b * b2) / det, (a * b2 - c * b1) / det);
            i -= 1;
        } else {
            let mut gap = t[(i, i)] - value;
            if gap.abs1() < least {
                gap = Complex::new(least, 0.0);
            }
            x[i] = sum(i, x) / gap;
        }
        let top = x.iter().map(|v| v.norm()).fold(0.0, f64::max);
        if top > 1e100 {
            x.iter_mut().for_each(|v| *v /= top);
        }
    }
}

/// [`eig`] of a real matrix: eigenvalues come in conjugate pairs, the one above the real axis first.
pub fn eig_real(a: &Mat<f64>, precision: Precision, vectors: bool) -> Result<(Vec<C64>, Mat<C64>), String> {
    finite(a)?;
    match precision {
        Precision::Single => eig_in::<f32>(a, precision, vectors),
        Precision::Double => eig_in::<f64>(a, precision, vectors),
    }
}

fn eig_in<R: Float>(
    a: &Mat<f64>,
    precision: Precision,
    vectors: bool,
) -> Result<(Vec<C64>, Mat<C64>), String> {
    let n = a.rows;
    let mut balanced = a.clone();
    let balance = balance(&mut balanced);
    let own = Mat {
        rows: n,
        cols: n,
        data: balanced
            .data
            .iter()
            .map(|x| R::from(*x).unwrap_or_else(R::nan))
            .collect(),
    };
    let Schur { t, z, values } = real_schur(own, &balance, vectors)?;
    let wide = |x: R| x.to_f64().unwrap_or(f64::NAN);
    let widened = |m: Mat<R>| Mat {
        rows: m.rows,
        cols: m.cols,
        data: m.data.into_iter().map(|x| Complex::new(wide(x), 0.0)).collect(),
    };
    let (t, z) = (widened(t), widened(z));
    let values: Vec<C64> = values
        .into_iter()
        .map(|(re, im)| Complex::new(wide(re), wide(im)))
        .collect();
    let mut out = Mat::zeros(if vectors { n } else { 0 }, if vectors { n } else { 0 });
    let mut k = 0;
    while k < out.cols {
        let pair = values[k].im > 0.0 && k + 1 < n;
        let mut x = vec![C64::default(); n];
        if !pair {
            x[k] = Complex::new(1.0, 0.0);
        } else if t[(k, k + 1)].norm() >= t[(k + 1, k)].norm() {
            x[k] = Complex::new(1.0, 0.0);
            x[k + 1] = Complex::new(0.0, values[k].im / t[(k, k + 1)].re);
        } else {
            x[k] = Complex::new(-values[k].im / t[(k + 1, k)].re, 0.0);
            x[k + 1] = Complex::new(0.0, 1.0);
        }
        substitute(&t, k, values[k], &mut x, 2.0 * precision.unit());
        let mut v = product(&z, &x);
        balance.undo(&mut v);
        let norm = norm2(&v);
        let mut turn = Complex::new(1.0, 0.0);
        if pair {
            // The largest component is made real by a rotation; that of the single precision keeps its sign.
            let top = v[largest(&v)];
            let (c, s, _) = match precision {
                Precision::Single => crate::bidiagonal::rotation(top.re, top.im),
                Precision::Double => rotation(top.re, top.im),
            };
            turn = Complex::new(c, -s);
        }
        for (i, v) in v.into_iter().enumerate() {
            out[(i, k)] = v * turn / norm;
            if pair {
                out[(i, k + 1)] = out[(i, k)].conj();
            }
        }
        k += if pair { 2 } else { 1 };
    }
    Ok((values, out))
}
