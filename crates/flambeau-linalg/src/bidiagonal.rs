//! Singular values of bidiagonal matrices by implicit QR steps, in LAPACK's order of operations (`bdsqr`), which
//! decides the signs of singular vectors.

use crate::mat::{Field, Mat, Precision};

/// The unit roundoff, half of the distance between 1 and the next number.
const EPSILON: f64 = f64::EPSILON / 2.0;

/// The rotation (c, s) with `[c s; -s c] (f, g) = (r, 0)` and a positive c, as LAPACK has it since 3.10.
pub(crate) fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    if g == 0.0 {
        return (1.0, 0.0, f);
    }
    if f == 0.0 {
        return (0.0, 1.0f64.copysign(g), g.abs());
    }
    let size = f.hypot(g);
    let r = size.copysign(f);
    (f.abs() / size, g / r, r)
}

/// Rotates the rows `j` and `j + 1`.
pub(crate) fn turn<T: Field>(rows: &mut Mat<T>, j: usize, c: f64, s: f64) {
    let (low, high) = rows.two_rows_mut(j, j + 1);
    for (a, b) in low.iter_mut().zip(high) {
        let t = *b;
        *b = t.scale(c) - a.scale(s);
        *a = t.scale(s) + a.scale(c);
    }
}

/// The smaller singular value of `[f g; 0 h]`.
fn smaller(f: f64, g: f64, h: f64) -> f64 {
    let (f, g, h) = (f.abs(), g.abs(), h.abs());
    let (low, high) = (f.min(h), f.max(h));
    if low == 0.0 {
        return 0.0;
    }
    let (sum, difference) = (1.0 + low / high, (high - low) / high);
    if g < high {
        let square = (g / high) * (g / high);
        return low * (2.0 / ((sum * sum + square).sqrt() + (difference * difference + square).sqrt()));
    }
    let ratio = high / g;
    if ratio == 0.0 {
        return low * high / g;
    }
    let c = 1.0 / ((1.0 + (sum * ratio).powi(2)).sqrt() + (1.0 + (difference * ratio).powi(2)).sqrt());
    low * c * ratio * 2.0
}

/// Both singular values of `[f g; 0 h]` with signs, the smaller first, and the sines and cosines of the rotations of
/// its rows from the right and from the left: (small, large, (sin, cos) right, (sin, cos) left).
fn two_by_two(f: f64, g: f64, h: f64) -> (f64, f64, (f64, f64), (f64, f64)) {
    let one = |x: f64| 1.0f64.copysign(x);
    let swapped = h.abs() > f.abs();
    let (ft, ht) = if swapped { (h, f) } else { (f, h) };
    let (fa, ha, ga) = (ft.abs(), ht.abs(), g.abs());
    let mut place = if swapped { 3 } else { 1 };
    let (low, high, left, right);
    // Pairs are (cos, sin) here.
    if ga == 0.0 {
        (low, high, left, right) = (ha, fa, (1.0, 0.0), (1.0, 0.0));
    } else {
        if ga > fa {
            place = 2;
        }
        if ga > fa && fa / ga < EPSILON {
            low = if ha > 1.0 { fa / (ga / ha) } else { (fa / ga) * ha };
            (high, left, right) = (ga, (1.0, ht / g), (ft / g, 1.0));
        } else {
            let d = fa - ha;
            let mut l = if d == fa { 1.0 } else { d / fa };
            let m = g / ft;
            let mut t = 2.0 - l;
            let mm = m * m;
            let s = (t * t + mm).sqrt();
            let r = if l == 0.0 { m.abs() } else { (l * l + mm).sqrt() };
            let a = 0.5 * (s + r);
            (low, high) = (ha / a, fa * a);
            t = if mm != 0.0 {
                (m / (s + t) + m / (r + l)) * (1.0 + a)
            } else if l == 0.0 {
                2.0f64.copysign(ft) * one(g)
            } else {
                g / d.copysign(ft) + m / t
            };
            l = (t * t + 4.0).sqrt();
            right = (2.0 / l, t / l);
            left = ((right.0 + right.1 * m) / a, (ht / ft) * right.1 / a);
        }
    }
    let (left, right) = if swapped {
        ((right.1, right.0), (left.1, left.0))
    } else {
        (left, right)
    };
    let sign = match place {
        1 => one(right.0) * one(left.0) * one(f),
        2 => one(right.1) * one(left.0) * one(g),
        _ => one(right.1) * one(left.1) * one(h),
    };
    (
        low.copysign(sign * one(f) * one(h)),
        high.copysign(sign),
        (right.1, right.0),
        (left.1, left.0),
    )
}

/// Makes the upper bidiagonal matrix (`d` over `e`) diagonal, positive and descending. The rows of `vt` and those of
/// `u`, which are the columns of U, are rotated along.
pub(crate) fn diagonalize<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    vt: &mut Mat<T>,
    u: &mut Mat<T>,
    precision: Precision,
) -> Result<(), String> {
    let unit = precision.unit();
    let n = d.len();
    if n == 0 {
        return Ok(());
    }
    let tolerance = unit.powf(-0.125).clamp(10.0, 100.0) * unit;
    let mut least = d[0].abs();
    let mut mu = least;
    for i in 1..n {
        if least == 0.0 {
            break;
        }
        mu = d[i].abs() * (mu / (mu + e[i - 1].abs()));
        least = least.min(mu);
    }
    let floor = 6.0 * (n * n) as f64 * precision.least();
    let threshold = (tolerance * least / (n as f64).sqrt()).max(floor);
    let mut m = n - 1;
    let mut before = None;
    let mut down = true;
    let mut rounds = 0;
    while m > 0 {
        rounds += 1;
        if rounds > 60 * n + 60 {
            return Err("the algorithm failed to converge".into());
        }
        // The unreduced block `top..=m`.
        let mut largest = d[m].abs();
        let mut top = 0;
        for k in (0..m).rev() {
            if e[k].abs() <= threshold {
                e[k] = 0.0;
                top = k + 1;
                break;
            }
            largest = largest.max(d[k].abs()).max(e[k].abs());
        }
        if top == m {
            m -= 1;
            continue;
        }
        if top + 1 == m {
            let (small, large, right, left) = two_by_two(d[top], e[top], d[m]);
            (d[top], e[top], d[m]) = (large, 0.0, small);
            turn(vt, top, right.1, right.0);
            turn(u, top, left.1, left.0);
            m = m.saturating_sub(2);
            continue;
        }
        // A new block is chased from its larger end.
        if before.is_none_or(|(t, b)| top > b || m < t) {
            down = d[top].abs() >= d[m].abs();
        }
        let Some(smallest) = converged(d, e, (top, m), down, tolerance) else {
            continue;
        };
        before = Some((top, m));
        let mut shift = 0.0;
        if n as f64 * tolerance * (smallest / largest) > unit.max(0.01 * tolerance) {
            let end;
            (end, shift) = if down {
                (d[top].abs(), smaller(d[m - 1], e[m - 1], d[m]))
            } else {
                (d[m].abs(), smaller(d[top], e[top], d[top + 1]))
            };
            if end > 0.0 && (shift / end).powi(2) < unit {
                shift = 0.0;
            }
        }
        let last = if shift == 0.0 {
            plain_step(d, e, vt, u, (top, m), down)
        } else {
            shifted_step(d, e, vt, u, (top, m), down, shift)
        };
        if e[last].abs() <= threshold {
            e[last] = 0.0;
        }
    }
    for (i, d) in d.iter_mut().enumerate() {
        if *d < 0.0 {
            *d = -*d;
            vt.row_mut(i).iter_mut().for_each(|x| *x = -*x);
        }
    }
    for end in (1..n).rev() {
        let least = (1..=end).fold(0, |k, j| if d[j] <= d[k] { j } else { k });
        if least != end {
            d.swap(least, end);
            vt.swap_rows(least, end);
            u.swap_rows(least, end);
        }
    }
    Ok(())
}

/// Sets a negligible element off the diagonal to zero and gives nothing, or a bound of the smallest singular value.
fn converged(d: &[f64], e: &mut [f64], (top, m): (usize, usize), down: bool, tolerance: f64) -> Option<f64> {
    let (last, end, start) = if down { (m - 1, m, top) } else { (top, top, m) };
    if e[last].abs() <= tolerance * d[end].abs() {
        e[last] = 0.0;
        return None;
    }
    let mut mu = d[start].abs();
    let mut least = mu;
    for step in 0..m - top {
        let (k, next) = if down {
            (top + step, top + step + 1)
        } else {
            (m - 1 - step, m - 1 - step)
        };
        if e[k].abs() <= tolerance * mu {
            e[k] = 0.0;
            return None;
        }
        mu = d[next].abs() * (mu / (mu + e[k].abs()));
        least = least.min(mu);
    }
    Some(least)
}

/// A step without a shift, which keeps small values accurate. Gives the place of the element that should vanish.
fn plain_step<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    vt: &mut Mat<T>,
    u: &mut Mat<T>,
    (top, m): (usize, usize),
    down: bool,
) -> usize {
    let (mut c, mut old_c, mut old_s) = (1.0, 1.0, 0.0);
    if down {
        for i in top..m {
            let (cs, sn, r) = rotation(d[i] * c, e[i]);
            c = cs;
            if i > top {
                e[i - 1] = old_s * r;
            }
            (old_c, old_s, d[i]) = rotation(old_c * r, d[i + 1] * sn);
            turn(vt, i, c, sn);
            turn(u, i, old_c, old_s);
        }
        let h = d[m] * c;
        (d[m], e[m - 1]) = (h * old_c, h * old_s);
        return m - 1;
    }
    for i in (top + 1..=m).rev() {
        let (cs, sn, r) = rotation(d[i] * c, e[i - 1]);
        c = cs;
        if i < m {
            e[i] = old_s * r;
        }
        (old_c, old_s, d[i]) = rotation(old_c * r, d[i - 1] * sn);
        turn(vt, i - 1, old_c, -old_s);
        turn(u, i - 1, c, -sn);
    }
    let h = d[top] * c;
    (d[top], e[top]) = (h * old_c, h * old_s);
    top
}

/// A step with a shift. Gives the place of the element that should vanish.
fn shifted_step<T: Field>(
    d: &mut [f64],
    e: &mut [f64],
    vt: &mut Mat<T>,
    u: &mut Mat<T>,
    (top, m): (usize, usize),
    down: bool,
    shift: f64,
) -> usize {
    let first = |x: f64| (x.abs() - shift) * (1.0f64.copysign(x) + shift / x);
    if down {
        let (mut f, mut g) = (first(d[top]), e[top]);
        for i in top..m {
            let (c, s, r) = rotation(f, g);
            if i > top {
                e[i - 1] = r;
            }
            f = c * d[i] + s * e[i];
            e[i] = c * e[i] - s * d[i];
            g = s * d[i + 1];
            d[i + 1] *= c;
            let (lc, ls, r) = rotation(f, g);
            d[i] = r;
            f = lc * e[i] + ls * d[i + 1];
            d[i + 1] = lc * d[i + 1] - ls * e[i];
            if i + 1 < m {
                g = ls * e[i + 1];
                e[i + 1] *= lc;
            }
            turn(vt, i, c, s);
            turn(u, i, lc, ls);
        }
        e[m - 1] = f;
        return m - 1;
    }
    let (mut f, mut g) = (first(d[m]), e[m - 1]);
    for i in (top + 1..=m).rev() {
        let (c, s, r) = rotation(f, g);
        if i < m {
            e[i] = r;
        }
        f = c * d[i] + s * e[i - 1];
        e[i - 1] = c * e[i - 1] - s * d[i];
        g = s * d[i - 1];
        d[i - 1] *= c;
        let (lc, ls, r) = rotation(f, g);
        d[i] = r;
        f = lc * e[i - 1] + ls * d[i - 1];
        d[i - 1] = lc * d[i - 1] - ls * e[i - 1];
        if i > top + 1 {
            g = ls * e[i - 2];
            e[i - 2] *= lc;
        }
        turn(vt, i - 1, lc, -ls);
        turn(u, i - 1, c, -s);
    }
    e[top] = f;
    top
}
