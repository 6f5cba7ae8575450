//! What is built from the decompositions: pseudoinverse, rank, least squares, powers, exponential, norms, condition.

use crate::eigh::eigh;
use crate::lu::{lu_factor, solve_triangular};
use crate::mat::{Field, Mat, Precision};
use crate::qr::qr;
use crate::svd::svd;

/// The pseudoinverse; singular values up to `max(atol, rtol * largest)` count as zero.
pub fn pinv<T: Field>(a: &Mat<T>, atol: f64, rtol: f64, hermitian: bool) -> Result<Mat<T>, String> {
    if hermitian {
        let (values, vectors) = eigh(a, Precision::Double)?;
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let cut = atol.max(rtol * largest);
        let scaled = Mat::from_fn(a.rows, a.rows, |i, j| {
            if values[j].abs() > cut {
                vectors[(i, j)].scale(1.0 / values[j])
            } else {
                T::zero()
            }
        });
        return Ok(scaled.mul(&vectors.adjoint()));
    }
    let d = svd(a, Precision::Double, false)?;
    let cut = atol.max(rtol * d.s.first().copied().unwrap_or(0.0));
    let v = d.vh.adjoint();
    let scaled = Mat::from_fn(v.rows, v.cols, |i, j| {
        if d.s[j] > cut {
            v[(i, j)].scale(1.0 / d.s[j])
        } else {
            T::zero()
        }
    });
    Ok(scaled.mul(&d.u.adjoint()))
}

/// Singular values in descending order; of a Hermitian matrix by way of its eigenvalues.
pub fn singular_values<T: Field>(a: &Mat<T>, hermitian: bool) -> Result<Vec<f64>, String> {
    if !hermitian {
        return Ok(svd(a, Precision::Double, false)?.s);
    }
    let mut s: Vec<f64> = eigh(a, Precision::Double)?.0.into_iter().map(f64::abs).collect();
    s.sort_by(|a, b| b.total_cmp(a));
    Ok(s)
}

/// Number of singular values above `max(atol, rtol * largest)`.
pub fn matrix_rank<T: Field>(a: &Mat<T>, atol: f64, rtol: f64, hermitian: bool) -> Result<usize, String> {
    let s = singular_values(a, hermitian)?;
    let cut = atol.max(rtol * s.first().copied().unwrap_or(0.0));
    Ok(s.iter().filter(|&&x| x > cut).count())
}

/// Least squares of least norm, with rank and singular values.
pub struct Lstsq<T> {
    pub solution: Mat<T>,
    pub rank: usize,
    pub singular_values: Vec<f64>,
}

/// By the singular value decomposition (LAPACK's gelsd, gelss, gelsy): singular values up to `rcond * largest` are
/// zero.
pub fn lstsq<T: Field>(a: &Mat<T>, b: &Mat<T>, rcond: f64) -> Result<Lstsq<T>, String> {
    let d = svd(a, Precision::Double, false)?;
    let cut = rcond * d.s.first().copied().unwrap_or(0.0);
    let rank = d.s.iter().filter(|&&x| x > cut).count();
    let mut c = d.u.adjoint().mul(b);
    for (i, &s) in d.s.iter().enumerate() {
        let factor = if i < rank { 1.0 / s } else { 0.0 };
        c.row_mut(i).iter_mut().for_each(|x| *x = x.scale(factor));
    }
    Ok(Lstsq {
        solution: d.vh.adjoint().mul(&c),
        rank,
        singular_values: d.s,
    })
}

/// By QR, for matrices of full rank (LAPACK's gels): least squares if tall, least norm if wide.
pub fn lstsq_qr<T: Field>(a: &Mat<T>, b: &Mat<T>) -> Mat<T> {
    if a.rows >= a.cols {
        let (q, r) = qr(a.clone(), false);
        let mut x = q.adjoint().mul(b);
        solve_triangular(&r, &mut x, true, false);
        return x;
    }
    let (q, r) = qr(a.adjoint(), false);
    let mut y = b.clone();
    solve_triangular(&r.adjoint(), &mut y, false, false);
    q.mul(&y)
}

/// `A^n`; negative powers by the inverse, or an error if there is none.
pub fn matrix_power<T: Field>(a: &Mat<T>, n: i64) -> Result<Mat<T>, String> {
    let mut base = a.clone();
    if n < 0 {
        let lu = lu_factor(base, true);
        if lu.info != 0 {
            return Err(format!(
                "linalg.inv: The diagonal element {} is zero, the inversion could not be completed because the input \
                 matrix is singular.",
                lu.info
            ));
        }
        base = lu.inverse()?;
    }
    let mut n = n.unsigned_abs();
    let mut out: Option<Mat<T>> = None;
    while n > 0 {
        if n & 1 == 1 {
            out = Some(out.map_or_else(|| base.clone(), |o| o.mul(&base)));
        }
        n >>= 1;
        if n > 0 {
            base = base.mul(&base);
        }
    }
    Ok(out.unwrap_or_else(|| Mat::identity(a.rows)))
}

/// exp(A): scaling, Padé's approximant of degree 13, squaring (Higham 2005).
pub fn matrix_exp<T: Field>(a: &Mat<T>) -> Result<Mat<T>, String> {
    let n = a.rows;
    if !a.data.iter().all(|x| x.is_finite()) {
        return Ok(Mat::from_fn(n, n, |_, _| T::from_re(f64::NAN)));
    }
    let norm = a.norm_1();
    if !norm.is_finite() {
        return Ok(Mat::from_fn(n, n, |_, _| T::from_re(f64::NAN)));
    }
    let squarings = if norm > 5.371920351148152 {
        (norm / 5.371920351148152).log2().ceil() as i32
    } else {
        0
    };
    let a = {
        let mut a = a.clone();
        a.data
            .iter_mut()
            .for_each(|x| *x = x.scale(0.5f64.powi(squarings)));
        a
    };
    const B: [f64; 14] = [
        64764752532480000.0,
        32382376266240000.0,
        7771770303897600.0,
        1187353796428800.0,
        129060195264000.0,
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ];
    let a2 = a.mul(&a);
    let a4 = a2.mul(&a2);
    let a6 = a4.mul(&a2);
    let identity = Mat::<T>::identity(n);
    let combine = |terms: [(f64, &Mat<T>); 4]| {
        let mut sum = Mat::<T>::zeros(n, n);
        for (factor, m) in terms {
            for (s, x) in sum.data.iter_mut().zip(&m.data) {
                *s += x.scale(factor);
            }
        }
        sum
    };
    let zero = Mat::<T>::zeros(n, n);
    let add = |a: &Mat<T>, b: &Mat<T>, sign: f64| combine([(1.0, a), (sign, b), (0.0, &zero), (0.0, &zero)]);
    let high = a6.mul(&combine([(B[13], &a6), (B[11], &a4), (B[9], &a2), (0.0, &zero)]));
    let u = a.mul(&add(
        &high,
        &combine([(B[7], &a6), (B[5], &a4), (B[3], &a2), (B[1], &identity)]),
        1.0,
    ));
    let high = a6.mul(&combine([(B[12], &a6), (B[10], &a4), (B[8], &a2), (0.0, &zero)]));
    let v = add(
        &high,
        &combine([(B[6], &a6), (B[4], &a4), (B[2], &a2), (B[0], &identity)]),
        1.0,
    );
    let mut out = lu_factor(add(&v, &u, -1.0), true).solve(&add(&v, &u, 1.0), false)?;
    for _ in 0..squarings {
        out = out.mul(&out);
    }
    Ok(out)
}
