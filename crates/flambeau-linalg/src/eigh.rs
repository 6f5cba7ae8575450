//! Eigenvalues of Hermitian matrices: reduction to a real tridiagonal matrix, then implicit QL with Wilkinson's shift.

use crate::mat::{Field, Mat};
use crate::qr::{reflect_left, reflect_right, reflector};

/// Eigenvalues in ascending order, and the eigenvectors as columns, from the lower triangle of `a`.
pub fn eigh<T: Field>(a: &Mat<T>) -> Result<(Vec<f64>, Mat<T>), String> {
    let n = a.rows;
    let mut work = Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Greater => a[(i, j)],
        std::cmp::Ordering::Less => a[(j, i)].conj(),
        std::cmp::Ordering::Equal => T::from_re(a[(i, i)].re()),
    });
    if !work.data.iter().all(|x| x.is_finite()) {
        return Err("the input contains non-finite values".into());
    }
    // A = Q T Q^H
    let mut reflections = Vec::new();
    for k in 0..n.saturating_sub(1) {
        let mut v: Vec<T> = (k + 1..n).map(|i| work[(i, k)]).collect();
        let tau = reflector(&mut v);
        reflect_left(&mut work, k + 1, k, &v, tau.conj());
        reflect_right(&mut work, k, k + 1, &v, tau);
        reflections.push((v, tau));
    }
    let mut q = Mat::identity(n);
    for (k, (v, tau)) in reflections.iter().enumerate().rev() {
        reflect_left(&mut q, k + 1, 0, v, *tau);
    }
    let mut d: Vec<f64> = (0..n).map(|i| work[(i, i)].re()).collect();
    let mut e: Vec<f64> = (1..n).map(|i| work[(i, i - 1)].re()).chain([0.0]).collect();
    // Vectors as rows, so that rotations touch neighbours in memory.
    let mut z = q.transpose();
    tridiagonal_ql(&mut d, &mut e, &mut z)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| d[i].total_cmp(&d[j]));
    let vectors = Mat::from_fn(n, n, |i, j| z[(order[j], i)]);
    Ok((order.iter().map(|&i| d[i]).collect(), vectors))
}

/// Diagonalises the symmetric tridiagonal matrix with diagonal `d` and off-diagonal `e`, rotating the rows of `z`.
fn tridiagonal_ql<T: Field>(d: &mut [f64], e: &mut [f64], z: &mut Mat<T>) -> Result<(), String> {
    let n = d.len();
    for l in 0..n {
        let mut rounds = 0;
        loop {
            let small =
                |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs()) || e[m].abs() < 1e-300;
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            rounds += 1;
            if rounds > 100 {
                return Err("the algorithm failed to converge".into());
            }
            let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let r = g.hypot(1.0);
            let mut g = d[m] - d[l] + e[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut finished = true;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    finished = false;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                let (low, high) = z.two_rows_mut(i, i + 1);
                for (a, b) in low.iter_mut().zip(high) {
                    let f = *b;
                    *b = a.scale(s) + f.scale(c);
                    *a = a.scale(c) - f.scale(s);
                }
            }
            if finished {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    Ok(())
}
