//! Functions of a complex number in f64, with the branch cuts and infinities of C's Annex G, as PyTorch has them.
//!
//! Inverse functions follow Kahan ("Branch cuts for complex elementary functions", 1987): they take square roots of
//! `1 - z` and `1 + z`, never of `1 - z^2`, and so lose nothing near the branch points and far from them. Complex f32
//! widens to this.

use num_complex::Complex;
use std::f64::consts::{LN_10, LN_2};

pub type C64 = Complex<f64>;

fn c(re: f64, im: f64) -> C64 {
    Complex::new(re, im)
}

pub fn abs(z: C64) -> f64 {
    z.re.hypot(z.im)
}

/// The root in the right half plane; the cut is the negative real axis.
pub fn sqrt(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if y.is_infinite() {
        return c(f64::INFINITY, y);
    }
    if x.is_infinite() {
        let other = if y.is_nan() { y } else { 0.0f64.copysign(y) };
        return if x > 0.0 { c(x, other) } else { c(other.abs(), f64::INFINITY.copysign(y)) };
    }
    if x == 0.0 && y == 0.0 {
        return c(0.0, y);
    }
    // A power of four out of both parts, so that the sum below neither overflows nor vanishes.
    let size = x.abs().max(y.abs());
    let (factor, back) = if size > 1e150 {
        (2f64.powi(-600), 2f64.powi(300))
    } else if size < 1e-150 {
        (2f64.powi(600), 2f64.powi(-300))
    } else {
        (1.0, 1.0)
    };
    let (x, y) = (x * factor, y * factor);
    let t = ((x.abs() + x.hypot(y)) * 0.5).sqrt();
    let other = y.abs() / (2.0 * t);
    if x >= 0.0 { c(t * back, other.copysign(y) * back) } else { c(other * back, t.copysign(y) * back) }
}

pub fn exp(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(x.exp(), y);
    }
    if !y.is_finite() {
        return match x {
            x if x == f64::NEG_INFINITY => c(0.0, 0.0),
            x if x == f64::INFINITY => c(x, f64::NAN),
            _ => c(f64::NAN, f64::NAN),
        };
    }
    let (sin, cos) = y.sin_cos();
    if x > 709.0 && x < 1500.0 {
        // exp(x) alone may overflow where the product does not.
        let half = (x * 0.5).exp();
        return c(half * cos * half, half * sin * half);
    }
    let size = x.exp();
    c(size * cos, size * sin)
}

pub fn exp2(z: C64) -> C64 {
    exp(z * LN_2)
}

pub fn expm1(z: C64) -> C64 {
    // exp(x) cos y - 1 without cancellation.
    let (x, y) = (z.re, z.im);
    if x.abs() > 1.0 || y.abs() > 1.0 || x.is_nan() || y.is_nan() {
        return exp(z) - 1.0;
    }
    let half = (0.5 * y).sin();
    let e = x.exp_m1();
    c(e - 2.0 * half * half * (e + 1.0), (e + 1.0) * y.sin())
}

pub fn log(z: C64) -> C64 {
    let (x, y) = (z.re.abs(), z.im.abs());
    let size = x.hypot(y);
    let (high, low) = (x.max(y), x.min(y));
    let re = if size > 0.5 && size < 2.0 {
        0.5 * ((high - 1.0) * (high + 1.0) + low * low).ln_1p()
    } else {
        size.ln()
    };
    c(re, z.im.atan2(z.re))
}

pub fn log2(z: C64) -> C64 {
    log(z) / LN_2
}

pub fn log10(z: C64) -> C64 {
    log(z) / LN_10
}

pub fn log1p(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if x.is_finite() && y.is_finite() && abs(z) < 0.5 {
        // |1 + z|^2 - 1
        return c(0.5 * (x * (2.0 + x) + y * y).ln_1p(), y.atan2(1.0 + x));
    }
    log(c(1.0 + x, y))
}

/// `a ** b`; 0 to the power of 0 is 1.
pub fn pow(a: C64, b: C64) -> C64 {
    if b.re == 0.0 && b.im == 0.0 {
        return c(1.0, 0.0);
    }
    if a.re == 0.0 && a.im == 0.0 {
        return if b.re > 0.0 && b.im == 0.0 {
            c(0.0, 0.0)
        } else if b.im == 0.0 {
            c(f64::INFINITY, f64::NAN)
        } else {
            c(f64::NAN, f64::NAN)
        };
    }
    if b.im == 0.0 && b.re == 2.0 {
        return a * a;
    }
    if b.im == 0.0 && b.re == 1.0 {
        return a;
    }
    exp(b * log(a))
}

pub fn reciprocal(z: C64) -> C64 {
    // Smith: divide by the larger part first.
    if z.re.abs() >= z.im.abs() {
        let r = z.im / z.re;
        let d = z.re + z.im * r;
        if z.re.is_infinite() { c(0.0f64.copysign(z.re), 0.0f64.copysign(-z.im)) } else { c(1.0 / d, -r / d) }
    } else {
        let r = z.re / z.im;
        let d = z.re * r + z.im;
        if z.im.is_infinite() { c(0.0f64.copysign(z.re), 0.0f64.copysign(-z.im)) } else { c(r / d, -1.0 / d) }
    }
}

pub fn rsqrt(z: C64) -> C64 {
    reciprocal(sqrt(z))
}

pub fn sigmoid(z: C64) -> C64 {
    reciprocal(exp(-z) + 1.0)
}

pub fn sinh(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if x == 0.0 || y == 0.0 {
        return c(if x == 0.0 { x } else { x.sinh() * y.cos() }, if x == 0.0 { y.sin() } else { y });
    }
    if x.abs() > 700.0 && x.is_finite() {
        // Only the larger exponential is left.
        let e = exp(c(x.abs() - LN_2, y));
        return c(e.re * x.signum(), e.im);
    }
    let (sin, cos) = y.sin_cos();
    c(x.sinh() * cos, x.cosh() * sin)
}

pub fn cosh(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(x.cosh(), x * y);
    }
    if x == 0.0 {
        return c(y.cos(), x * y);
    }
    if x.abs() > 700.0 && x.is_finite() {
        let e = exp(c(x.abs() - LN_2, y));
        return c(e.re, e.im * x.signum());
    }
    let (sin, cos) = y.sin_cos();
    c(x.cosh() * cos, x.sinh() * sin)
}

pub fn tanh(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if x.abs() > 20.0 {
        let im = if y.is_finite() { 4.0 * y.sin() * y.cos() * (-2.0 * x.abs()).exp() } else { 0.0f64.copysign(y) };
        return c(1.0f64.copysign(x), im);
    }
    if !y.is_finite() {
        return c(if x == 0.0 { x } else { f64::NAN }, f64::NAN);
    }
    let t = y.tan();
    let beta = 1.0 + t * t;
    let s = x.sinh();
    let rho = (1.0 + s * s).sqrt();
    if t.is_infinite() {
        return c(rho / s, 1.0 / t);
    }
    let d = 1.0 + beta * s * s;
    c(beta * rho * s / d, t / d)
}

/// `f(iz)/i` for the hyperbolic twin `f` of a function.
fn turned(z: C64, f: impl Fn(C64) -> C64) -> C64 {
    let w = f(c(-z.im, z.re));
    c(w.im, -w.re)
}

pub fn sin(z: C64) -> C64 {
    turned(z, sinh)
}

pub fn cos(z: C64) -> C64 {
    cosh(c(-z.im, z.re))
}

pub fn tan(z: C64) -> C64 {
    turned(z, tanh)
}

/// Cuts: the real axis left of -1 and right of 1.
pub fn asin(z: C64) -> C64 {
    if !z.re.is_finite() || !z.im.is_finite() {
        return turned(z, asinh);
    }
    let (low, high) = (sqrt(c(1.0 - z.re, -z.im)), sqrt(c(1.0 + z.re, z.im)));
    c(z.re.atan2((low * high).re), (low.conj() * high).im.asinh())
}

pub fn acos(z: C64) -> C64 {
    if !z.re.is_finite() || !z.im.is_finite() {
        let w = asin(z);
        return c(std::f64::consts::FRAC_PI_2 - w.re, -w.im);
    }
    let (low, high) = (sqrt(c(1.0 - z.re, -z.im)), sqrt(c(1.0 + z.re, z.im)));
    c(2.0 * low.re.atan2(high.re), (high.conj() * low).im.asinh())
}

pub fn asinh(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if x.is_infinite() || y.is_infinite() {
        let angle = match (x.is_infinite(), y.is_infinite()) {
            (true, true) => std::f64::consts::FRAC_PI_4,
            (true, false) if !y.is_nan() => 0.0,
            (false, true) if !x.is_nan() => std::f64::consts::FRAC_PI_2,
            _ => f64::NAN,
        };
        return c(f64::INFINITY.copysign(x), angle.copysign(y));
    }
    if x.is_nan() || y.is_nan() {
        return c(if y == 0.0 { x } else { f64::NAN }, if y == 0.0 { y } else { f64::NAN });
    }
    turned(z, asin_finite)
}

fn asin_finite(z: C64) -> C64 {
    let (low, high) = (sqrt(c(1.0 - z.re, -z.im)), sqrt(c(1.0 + z.re, z.im)));
    c(z.re.atan2((low * high).re), (low.conj() * high).im.asinh())
}

/// Cut: the real axis left of 1.
pub fn acosh(z: C64) -> C64 {
    if !z.re.is_finite() || !z.im.is_finite() {
        let w = acos(z);
        return if w.im.is_sign_positive() { c(w.im, -w.re) } else { c(-w.im, w.re) };
    }
    let (low, high) = (sqrt(c(z.re - 1.0, z.im)), sqrt(c(z.re + 1.0, z.im)));
    c((low.conj() * high).re.asinh(), 2.0 * low.im.atan2(high.re))
}

/// Cuts: the real axis left of -1 and right of 1.
pub fn atanh(z: C64) -> C64 {
    let (x, y) = (z.re, z.im);
    if x.is_infinite() || y.is_infinite() || abs(z) > 1e150 {
        let re = if x.is_nan() { 0.0 } else { 0.0f64.copysign(x) };
        return c(re, std::f64::consts::FRAC_PI_2.copysign(y));
    }
    let gap = 1.0 - x.abs();
    let re = 0.25 * (4.0 * x.abs() / (gap * gap + y * y)).ln_1p();
    let im = 0.5 * (2.0 * y).atan2(gap * (1.0 + x.abs()) - y * y);
    c(re.copysign(x), if y == 0.0 && x.abs() < 1.0 { y } else { im })
}

pub fn atan(z: C64) -> C64 {
    turned(z, atanh)
}
