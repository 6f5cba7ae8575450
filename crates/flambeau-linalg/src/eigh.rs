//! Eigenvalues of Hermitian matrices: reduction to a real tridiagonal matrix, then implicit QL or QR, whichever way the
//! diagonal grows. Every step is LAPACK's (`sytrd`, `steqr`), so that eigenvectors have its signs.

use crate::mat::{Field, Mat, Precision};
use crate::qr::{reflect_left, reflect_right, reflector};

/// Eigenvalues in ascending order, and the eigenvectors as columns, from the lower triangle of `a`.
pub fn eigh<T: Field>(a: &Mat<T>, precision: Precision) -> Result<(Vec<f64>, Mat<T>), String> {
    of_triangle(a, precision, false)
}

/// [`eigh`] from the upper triangle, which is reduced from its end.
pub fn eigh_upper<T: Field>(a: &Mat<T>, precision: Precision) -> Result<(Vec<f64>, Mat<T>), String> {
    let n = a.rows;
    let turned = Mat::from_fn(n, n, |i, j| a[(n - 1 - i, n - 1 - j)]);
    of_triangle(&turned, precision, true)
}

/// `turned`: the rows and columns of `a` are in reverse.
fn of_triangle<T: Field>(
    a: &Mat<T>,
    precision: Precision,
    turned: bool,
) -> Result<(Vec<f64>, Mat<T>), String> {
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
    if turned {
        d.reverse();
        if let Some((_, e)) = e.split_last_mut() {
            e.reverse();
        }
        q = Mat::from_fn(n, n, |i, j| q[(n - 1 - i, n - 1 - j)]);
    }
    // Vectors as rows, so that rotations touch neighbours in memory.
    let mut z = q.transpose();
    tridiagonal(&mut d, &mut e, &mut z, precision)?;
    // Exchanges, not a stable sort: equal eigenvalues come in LAPACK's order.
    for i in 0..n {
        let least = (i..n).fold(i, |k, j| if d[j] < d[k] { j } else { k });
        if least != i {
            d.swap(i, least);
            let (a, b) = z.two_rows_mut(i, least);
            a.swap_with_slice(b);
        }
    }
    Ok((d, z.transpose()))
}

/// Rotates the rows `j` and `j + 1` of `z`.
fn turn<T: Field>(z: &mut Mat<T>, j: usize, c: f64, s: f64) {
    let (low, high) = z.two_rows_mut(j, j + 1);
    for (a, b) in low.iter_mut().zip(high) {
        let t = *b;
        *b = t.scale(c) - a.scale(s);
        *a = t.scale(s) + a.scale(c);
    }
}

/// The rotation (c, s) with `[c s; -s c] (f, g) = (r, 0)`, in the form of LAPACK before 3.10.
pub(crate) fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    if g == 0.0 {
        return (1.0, 0.0, f);
    }
    if f == 0.0 {
        return (0.0, 1.0, g);
    }
    let r = f.hypot(g);
    let (c, s) = (f / r, g / r);
    if f.abs() > g.abs() && c < 0.0 {
        (-c, -s, -r)
    } else {
        (c, s, r)
    }
}

/// Eigenvalues of `[a b; b c]`, the larger in absolute value first, and the unit eigenvector (c, s) of that.
fn two_by_two(a: f64, b: f64, c: f64) -> (f64, f64, f64, f64) {
    let (sum, difference, twice) = (a + c, a - c, b + b);
    let (large, small) = if a.abs() > c.abs() { (a, c) } else { (c, a) };
    let root = difference.hypot(twice);
    let (first, second, sign) = if sum == 0.0 {
        (0.5 * root, -0.5 * root, 1)
    } else {
        let sign = if sum < 0.0 { -1 } else { 1 };
        let first = 0.5 * (sum + f64::from(sign) * root);
        (first, (large / first) * small - (b / first) * b, sign)
    };
    let (cs, other) = if difference >= 0.0 {
        (difference + root, 1)
    } else {
        (difference - root, -1)
    };
    let (c, s) = if cs.abs() > twice.abs() {
        let cotangent = -twice / cs;
        let s = 1.0 / (1.0 + cotangent * cotangent).sqrt();
        (cotangent * s, s)
    } else if twice == 0.0 {
        (1.0, 0.0)
    } else {
        let tangent = -cs / twice;
        let c = 1.0 / (1.0 + tangent * tangent).sqrt();
        (c, tangent * c)
    };
    if sign == other {
        (first, second, -s, c)
    } else {
        (first, second, c, s)
    }
}

/// Diagonalises the symmetric tridiagonal matrix with diagonal `d` and off-diagonal `e`, rotating the rows of `z`.
fn tridiagonal<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    z: &mut Mat<T>,
    precision: Precision,
) -> Result<(), String> {
    let unit = precision.unit();
    let n = d.len();
    let mut start = 0;
    let mut rounds = 0;
    while start < n {
        if start > 0 {
            e[start - 1] = 0.0;
        }
        let negligible = |k: &usize| e[*k].abs() <= d[*k].abs().sqrt() * d[*k + 1].abs().sqrt() * unit;
        let end = (start..n - 1).find(negligible).unwrap_or(n - 1);
        if end < n - 1 {
            e[end] = 0.0;
        }
        let block = (start, end);
        start = end + 1;
        if block.0 == block.1 {
            continue;
        }
        if d[block.1].abs() < d[block.0].abs() {
            backward(d, e, z, block, precision, &mut rounds)?;
        } else {
            forward(d, e, z, block, precision, &mut rounds)?;
        }
        // What a round splits off or leaves is looked at again from the block's beginning.
        if (block.0..block.1).any(|k| e[k] != 0.0) {
            start = block.0;
        }
    }
    Ok(())
}

fn small(d: &[f64], e: &[f64], k: usize, precision: Precision) -> bool {
    let square = precision.unit() * precision.unit();
    e[k] * e[k] <= square * d[k].abs() * d[k + 1].abs() + precision.least()
}

fn count(rounds: &mut usize, n: usize) -> Result<(), String> {
    *rounds += 1;
    if *rounds > 30 * n {
        return Err("the algorithm failed to converge".into());
    }
    Ok(())
}

/// Implicit QL on a block: eigenvalues settle at its top.
fn forward<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    z: &mut Mat<T>,
    (mut l, end): (usize, usize),
    precision: Precision,
    rounds: &mut usize,
) -> Result<(), String> {
    while l <= end {
        let m = (l..end).find(|&k| small(d, e, k, precision)).unwrap_or(end);
        if m < end {
            e[m] = 0.0;
        }
        if m == l {
            l += 1;
            continue;
        }
        if m == l + 1 {
            let (first, second, c, s) = two_by_two(d[l], e[l], d[l + 1]);
            turn(z, l, c, s);
            (d[l], d[l + 1], e[l]) = (first, second, 0.0);
            l += 2;
            continue;
        }
        count(rounds, d.len())?;
        let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
        let mut g = d[m] - d[l] + e[l] / (g + g.hypot(1.0).copysign(g));
        let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
        for i in (l..m).rev() {
            let (f, b) = (s * e[i], c * e[i]);
            let r;
            (c, s, r) = rotation(g, f);
            if i != m - 1 {
                e[i + 1] = r;
            }
            g = d[i + 1] - p;
            let r = (d[i] - g) * s + 2.0 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            turn(z, i, c, -s);
        }
        d[l] -= p;
        e[l] = g;
    }
    Ok(())
}

/// Implicit QR on a block: eigenvalues settle at its bottom.
fn backward<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    z: &mut Mat<T>,
    (end, last): (usize, usize),
    precision: Precision,
    rounds: &mut usize,
) -> Result<(), String> {
    // One past the place, since the place itself may go below zero.
    let mut above = last + 1;
    while above > end {
        let l = above - 1;
        let m = (end + 1..=l)
            .rev()
            .find(|&k| small(d, e, k - 1, precision))
            .unwrap_or(end);
        if m > end {
            e[m - 1] = 0.0;
        }
        if m == l {
            above -= 1;
            continue;
        }
        if m + 1 == l {
            let (first, second, c, s) = two_by_two(d[m], e[m], d[l]);
            turn(z, m, c, s);
            (d[m], d[l], e[m]) = (first, second, 0.0);
            above -= 2;
            continue;
        }
        count(rounds, d.len())?;
        let g = (d[l - 1] - d[l]) / (2.0 * e[l - 1]);
        let mut g = d[m] - d[l] + e[l - 1] / (g + g.hypot(1.0).copysign(g));
        let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
        for i in m..l {
            let (f, b) = (s * e[i], c * e[i]);
            let r;
            (c, s, r) = rotation(g, f);
            if i != m {
                e[i - 1] = r;
            }
            g = d[i] - p;
            let r = (d[i + 1] - g) * s + 2.0 * c * b;
            p = s * r;
            d[i] = g + p;
            g = c * r - b;
            turn(z, i, c, s);
        }
        d[l] -= p;
        e[l - 1] = g;
    }
    Ok(())
}
