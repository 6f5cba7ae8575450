//! The real Schur form of a real matrix: Hessenberg form, then QR steps with two shifts at a time.
//!
//! Every step is LAPACK's (`gehrd`, `lahqr`, `lanv2`) and is done in the precision of the matrix: how many steps are
//! made decides the signs of eigenvectors.

use crate::balance::Balance;
use crate::mat::Mat;
use num_traits::Float;

/// `A = Z T Z^T`: T is upper triangular but for blocks of two rows, one for each pair of conjugate eigenvalues.
pub(crate) struct Schur<R> {
    pub t: Mat<R>,
    pub z: Mat<R>,
    /// Real and imaginary parts, the one above the real axis first.
    pub values: Vec<(R, R)>,
}

fn number<R: Float>(x: f64) -> R {
    R::from(x).unwrap_or_else(R::nan)
}

/// |a| with the sign of b.
fn sign<R: Float>(a: R, b: R) -> R {
    if b.is_sign_negative() { -a.abs() } else { a.abs() }
}

/// Turns `x` into `[beta, v[1..]]` and returns `tau`.
fn reflector<R: Float>(x: &mut [R]) -> R {
    let Some((&mut alpha, rest)) = x.split_first_mut() else {
        return R::zero();
    };
    let largest = rest.iter().fold(R::zero(), |m, x| m.max(x.abs()));
    if largest == R::zero() {
        return R::zero();
    }
    let squares = rest
        .iter()
        .fold(R::zero(), |sum, x| sum + (*x / largest) * (*x / largest));
    let beta = -sign(alpha.hypot(largest * squares.sqrt()), alpha);
    let scale = R::one() / (alpha - beta);
    rest.iter_mut().for_each(|v| *v = *v * scale);
    x[0] = beta;
    (beta - alpha) / beta
}

/// `A := (I - tau v v^T) A` on the rows from `from`, `v[0]` taken as 1.
fn left<R: Float>(a: &mut Mat<R>, from: usize, columns: std::ops::Range<usize>, v: &[R], tau: R) {
    for j in columns {
        let dot = (1..v.len()).fold(a[(from, j)], |sum, i| sum + v[i] * a[(from + i, j)]) * tau;
        a[(from, j)] = a[(from, j)] - dot;
        for (i, v) in v.iter().enumerate().skip(1) {
            a[(from + i, j)] = a[(from + i, j)] - dot * *v;
        }
    }
}

/// `A := A (I - tau v v^T)` on the columns from `from`.
fn right<R: Float>(a: &mut Mat<R>, rows: std::ops::Range<usize>, from: usize, v: &[R], tau: R) {
    for i in rows {
        let dot = (1..v.len()).fold(a[(i, from)], |sum, j| sum + v[j] * a[(i, from + j)]) * tau;
        a[(i, from)] = a[(i, from)] - dot;
        for (j, v) in v.iter().enumerate().skip(1) {
            a[(i, from + j)] = a[(i, from + j)] - dot * *v;
        }
    }
}

/// Of a balanced matrix. Without `vectors`, Z has no rows.
pub(crate) fn schur<R: Float>(mut h: Mat<R>, balance: &Balance, vectors: bool) -> Result<Schur<R>, String> {
    let n = h.rows;
    let (low, high) = (balance.low, balance.high);
    let rows = if vectors { n } else { 0 };
    let mut z = Mat {
        rows,
        cols: n,
        data: vec![R::zero(); rows * n],
    };
    for i in 0..rows {
        z[(i, i)] = R::one();
    }
    for k in low..high.saturating_sub(2).max(low) {
        let mut v: Vec<R> = (k + 1..high).map(|i| h[(i, k)]).collect();
        let tau = reflector(&mut v);
        right(&mut h, 0..high, k + 1, &v, tau);
        left(&mut h, k + 1, k + 1..n, &v, tau);
        right(&mut z, 0..rows, k + 1, &v, tau);
        h[(k + 1, k)] = v[0];
        for i in k + 2..high {
            h[(i, k)] = R::zero();
        }
    }
    let mut values: Vec<(R, R)> = (0..n).map(|i| (h[(i, i)], R::zero())).collect();
    let mut end = high;
    while end > low {
        end = deflate(&mut h, &mut z, &mut values, low, high, end)?;
    }
    Ok(Schur { t: h, z, values })
}

/// Makes steps until one eigenvalue or two come off at the end of `low..end`; gives the new end.
fn deflate<R: Float>(
    h: &mut Mat<R>,
    z: &mut Mat<R>,
    values: &mut [(R, R)],
    low: usize,
    high: usize,
    end: usize,
) -> Result<usize, String> {
    let n = h.rows;
    let i = end - 1;
    let ulp = R::epsilon();
    let small = R::min_positive_value() * (number::<R>(n as f64) / ulp);
    let limit = 30 * (high - low).max(10);
    let mut first = low;
    for round in 0..=limit {
        // The active block is `first..=i`.
        first = (first + 1..=i)
            .rev()
            .find(|&k| negligible(h, k, low, high, ulp, small))
            .unwrap_or(first);
        if first > low {
            h[(first, first - 1)] = R::zero();
        }
        if first == i {
            values[i] = (h[(i, i)], R::zero());
            return Ok(i);
        }
        if first + 1 == i {
            split(h, z, values, i);
            return Ok(i - 1);
        }
        step(h, z, first, i, round + 1);
    }
    Err("linalg.eig: the algorithm failed to converge".into())
}

/// Whether the element left of the diagonal in row `k` counts as zero (Ahues and Tisseur's test).
fn negligible<R: Float>(h: &Mat<R>, k: usize, low: usize, high: usize, ulp: R, small: R) -> bool {
    let below = h[(k, k - 1)].abs();
    if below <= small {
        return true;
    }
    let mut around = h[(k - 1, k - 1)].abs() + h[(k, k)].abs();
    if around == R::zero() {
        if k >= low + 2 {
            around = around + h[(k - 1, k - 2)].abs();
        }
        if k + 1 < high {
            around = around + h[(k + 1, k)].abs();
        }
    }
    if below > ulp * around {
        return false;
    }
    let above = h[(k - 1, k)].abs();
    let (own, gap) = (h[(k, k)].abs(), (h[(k - 1, k - 1)] - h[(k, k)]).abs());
    let (ab, ba) = (below.max(above), below.min(above));
    let (aa, bb) = (own.max(gap), own.min(gap));
    let s = aa + ab;
    ba * (ab / s) <= small.max(ulp * (bb * (aa / s)))
}

/// The two shifts of a step, real and imaginary parts.
fn shifts<R: Float>(h: &Mat<R>, first: usize, i: usize, round: usize) -> [(R, R); 2] {
    let exceptional = |s: R, d: R| {
        let corner = number::<R>(0.75) * s + d;
        (corner, number::<R>(-0.4375) * s, s, corner)
    };
    let (h11, h12, h21, h22) = if round % 20 == 0 {
        exceptional(h[(i, i - 1)].abs() + h[(i - 1, i - 2)].abs(), h[(i, i)])
    } else if round % 10 == 0 {
        let s = h[(first + 1, first)].abs() + h[(first + 2, first + 1)].abs();
        exceptional(s, h[(first, first)])
    } else {
        (h[(i - 1, i - 1)], h[(i - 1, i)], h[(i, i - 1)], h[(i, i)])
    };
    let zero = R::zero();
    let s = h11.abs() + h12.abs() + h21.abs() + h22.abs();
    if s == zero {
        return [(zero, zero); 2];
    }
    let (h11, h12, h21, h22) = (h11 / s, h12 / s, h21 / s, h22 / s);
    let half = (h11 + h22) / number(2.0);
    let det = (h11 - half) * (h22 - half) - h12 * h21;
    let root = det.abs().sqrt();
    if det >= zero {
        return [(half * s, root * s), (half * s, -root * s)];
    }
    let (a, b) = (half + root, half - root);
    let nearer = if (a - h22).abs() <= (b - h22).abs() { a } else { b };
    [(nearer * s, zero); 2]
}

/// One step with two shifts on rows and columns `first..=i`.
fn step<R: Float>(h: &mut Mat<R>, z: &mut Mat<R>, first: usize, i: usize, round: usize) {
    let n = h.rows;
    let ulp = R::epsilon();
    let [(r1, i1), (r2, i2)] = shifts(h, first, i, round);
    // Where two small elements in a row allow it, the step begins below the block's start.
    let mut begin = i - 2;
    let mut start;
    loop {
        let m = begin;
        let s = (h[(m, m)] - r2).abs() + i2.abs() + h[(m + 1, m)].abs();
        let below = h[(m + 1, m)] / s;
        start = [
            below * h[(m, m + 1)] + (h[(m, m)] - r1) * ((h[(m, m)] - r2) / s) - i1 * (i2 / s),
            below * (h[(m, m)] + h[(m + 1, m + 1)] - r1 - r2),
            below * h[(m + 2, m + 1)],
        ];
        let size = start[0].abs() + start[1].abs() + start[2].abs();
        start.iter_mut().for_each(|v| *v = *v / size);
        if m == first {
            break;
        }
        let neighbours = h[(m - 1, m - 1)].abs() + h[(m, m)].abs() + h[(m + 1, m + 1)].abs();
        let left = h[(m, m - 1)].abs() * (start[1].abs() + start[2].abs());
        if left <= ulp * start[0].abs() * neighbours {
            break;
        }
        begin -= 1;
    }
    for k in begin..i {
        let count = 3.min(i - k + 1);
        let mut v = start;
        if k > begin {
            for (r, v) in v.iter_mut().enumerate().take(count) {
                *v = h[(k + r, k - 1)];
            }
        }
        let v = &mut v[..count];
        let tau = reflector(v);
        if k > begin {
            h[(k, k - 1)] = v[0];
            for r in 1..count {
                h[(k + r, k - 1)] = R::zero();
            }
        } else if begin > first {
            // Not a change of sign alone: the reflection may be the identity.
            h[(k, k - 1)] = h[(k, k - 1)] * (R::one() - tau);
        }
        left(h, k, k..n, v, tau);
        right(h, 0..(k + 3).min(i) + 1, k, v, tau);
        right(z, 0..z.rows, k, v, tau);
    }
}

/// Brings the block of rows `i - 1` and `i` to its standard form: triangular, or with equal diagonal elements.
fn split<R: Float>(h: &mut Mat<R>, z: &mut Mat<R>, values: &mut [(R, R)], i: usize) {
    let n = h.rows;
    let block = standard(h[(i - 1, i - 1)], h[(i - 1, i)], h[(i, i - 1)], h[(i, i)]);
    let [a, b, c, d] = block.elements;
    (h[(i - 1, i - 1)], h[(i - 1, i)], h[(i, i - 1)], h[(i, i)]) = (a, b, c, d);
    let im = if c == R::zero() {
        R::zero()
    } else {
        b.abs().sqrt() * c.abs().sqrt()
    };
    (values[i - 1], values[i]) = ((a, im), (d, -im));
    let (c, s) = block.rotation;
    for j in i + 1..n {
        let (x, y) = (h[(i - 1, j)], h[(i, j)]);
        (h[(i - 1, j)], h[(i, j)]) = (c * x + s * y, c * y - s * x);
    }
    let turn = |a: &mut Mat<R>, r: usize| {
        let (x, y) = (a[(r, i - 1)], a[(r, i)]);
        (a[(r, i - 1)], a[(r, i)]) = (c * x + s * y, c * y - s * x);
    };
    (0..i - 1).for_each(|r| turn(h, r));
    (0..z.rows).for_each(|r| turn(z, r));
}

struct Standard<R> {
    elements: [R; 4],
    rotation: (R, R),
}

/// Schur form of `[a b; c d]`, and the rotation that gives it.
fn standard<R: Float>(mut a: R, mut b: R, mut c: R, mut d: R) -> Standard<R> {
    let (zero, one) = (R::zero(), R::one());
    let done = |elements, c, s| Standard {
        elements,
        rotation: (c, s),
    };
    if c == zero {
        return done([a, b, c, d], one, zero);
    }
    if b == zero {
        return done([d, -c, zero, a], zero, one);
    }
    let opposite = sign(one, b) != sign(one, c);
    if a - d == zero && opposite {
        return done([a, b, c, d], one, zero);
    }
    let difference = a - d;
    let half = number::<R>(0.5);
    let p = half * difference;
    let largest = b.abs().max(c.abs());
    let smallest = b.abs().min(c.abs()) * sign(one, b) * sign(one, c);
    let scale = p.abs().max(largest);
    let discriminant = (p / scale) * p + (largest / scale) * smallest;
    // The unit roundoff is half of what Rust calls epsilon.
    if discriminant >= number::<R>(2.0) * R::epsilon() {
        // Real eigenvalues.
        let root = p + sign(scale.sqrt() * discriminant.sqrt(), p);
        a = d + root;
        d = d - (largest / root) * smallest;
        let length = c.hypot(root);
        return done([a, b - c, zero, d], root / length, c / length);
    }
    // Complex ones, or real ones that are almost equal: the diagonal is made equal.
    let sigma = b + c;
    let length = sigma.hypot(difference);
    let mut cs = (half * (one + sigma.abs() / length)).sqrt();
    let mut sn = -(p / (length * cs)) * sign(one, sigma);
    let (aa, bb, cc, dd) = (
        a * cs + b * sn,
        -a * sn + b * cs,
        c * cs + d * sn,
        -c * sn + d * cs,
    );
    (a, b, c, d) = (
        aa * cs + cc * sn,
        bb * cs + dd * sn,
        -aa * sn + cc * cs,
        -bb * sn + dd * cs,
    );
    let middle = half * (a + d);
    (a, d) = (middle, middle);
    if c != zero {
        if b == zero {
            return done([a, -c, zero, d], -sn, cs);
        }
        if sign(one, b) == sign(one, c) {
            // Real after all.
            let (rb, rc) = (b.abs().sqrt(), c.abs().sqrt());
            let p = sign(rb * rc, c);
            let tau = one / (b + c).abs().sqrt();
            (a, d, b, c) = (middle + p, middle - p, b - c, zero);
            let (c1, s1) = (rb * tau, rc * tau);
            (cs, sn) = (cs * c1 - sn * s1, cs * s1 + sn * c1);
        }
    }
    done([a, b, c, d], cs, sn)
}
