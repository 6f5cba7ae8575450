//! Short functions: entropies, products with logarithms, sinc, logit, exponents, integers.

use std::f64::consts::PI;

/// `-x log x`, 0 at 0.
pub fn entr(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x > 0.0 {
        -x * x.ln()
    } else if x == 0.0 {
        0.0
    } else {
        f64::NEG_INFINITY
    }
}

/// `x log y`, 0 where x is 0 (unless y is NaN).
pub fn xlogy(x: f64, y: f64) -> f64 {
    if y.is_nan() {
        f64::NAN
    } else if x == 0.0 {
        0.0
    } else {
        x * y.ln()
    }
}

/// `x log(1 + y)`, 0 where x is 0 (unless y is NaN).
pub fn xlog1py(x: f64, y: f64) -> f64 {
    if y.is_nan() {
        f64::NAN
    } else if x == 0.0 {
        0.0
    } else {
        x * y.ln_1p()
    }
}

/// `sin(pi x) / (pi x)`, 1 at 0.
pub fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let y = PI * x;
    y.sin() / y
}

/// `log(x / (1 - x))`, `x` first clamped to `[eps, 1 - eps]` if there is an `eps`.
pub fn logit(x: f64, eps: Option<f64>) -> f64 {
    let x = match eps {
        Some(eps) if x < eps => eps,
        Some(eps) if x > 1.0 - eps => 1.0 - eps,
        _ => x,
    };
    (x / (1.0 - x)).ln()
}

/// Mantissa in [1/2, 1) and exponent of two; (x, 0) for zero and non-finite numbers.
pub fn frexp(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let bits = x.to_bits();
    if (bits >> 52) & 0x7ff == 0 {
        let (mantissa, exponent) = frexp(x * 18014398509481984.0);
        return (mantissa, exponent - 54);
    }
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    (f64::from_bits((bits & !(0x7ff << 52)) | 1022 << 52), exponent)
}

/// Greatest common divisor, never negative (but for the lowest integer, which has no opposite).
pub fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a as i64
}

/// Least common multiple, wrapping like C.
pub fn lcm(a: i64, b: i64) -> i64 {
    match gcd(a, b) {
        0 => 0,
        g => (a.wrapping_div(g)).wrapping_mul(b).wrapping_abs(),
    }
}
