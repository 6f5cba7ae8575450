//! Functions of complex numbers with the special values of C's Annex G (infinities, NaN, signed zeros, arguments whose
//! squares overflow), which PyTorch takes from the C library. All are computed in f64; complex64 goes through it.

use num_complex::Complex;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, LN_10, PI};

type C = Complex<f64>;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Complex numbers of either width.
pub trait ComplexMath: Copy {
    fn wide(self) -> C;
    fn narrow(value: C) -> Self;
    fn through(self, f: fn(C) -> C) -> Self {
        Self::narrow(f(self.wide()))
    }
    /// An f64 rounded to the width of the parts.
    fn step(value: f64) -> f64;

    fn divide(self, by: Self) -> Self {
        let (a, b) = (self.wide(), inverse(by.wide()));
        Self::narrow(C::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re))
    }

    /// `self^exponent` as C has it, NaN for the zeroth power of zero and of infinities.
    fn pow(self, exponent: Self) -> Self {
        let step = |z: C| C::new(Self::step(z.re), Self::step(z.im));
        Self::narrow(exp(step(product(exponent.wide(), step(log(self.wide()))))))
    }

    /// `2^z` as `e^(z ln 2)`.
    fn exp2(self) -> Self {
        let (z, ln2) = (self.wide(), Self::step(LN_2));
        Self::narrow(exp(C::new(Self::step(z.re * ln2), Self::step(z.im * ln2))))
    }

    /// `e^z - 1` without cancellation in the real part.
    fn expm1(self) -> Self {
        let z = self.wide();
        let s = (z.im * 0.5).sin();
        Self::narrow(C::new(
            z.re.exp_m1() * z.im.cos() - 2.0 * s * s,
            Self::step(z.re.exp()) * z.im.sin(),
        ))
    }

    /// PyTorch corrects `log(1 + z)` by `z / ((1 + z) - 1)`, which is NaN at an infinity whose other part is changed
    /// by the two steps.
    fn log1p(self) -> Self {
        let z = self.wide();
        let (x, y) = (z.re, z.im);
        if x.is_nan() || y.is_nan() || (y.is_infinite() && Self::step(Self::step(x + 1.0) - 1.0) != x) {
            return Self::narrow(C::new(NAN, NAN));
        }
        let re = if x.hypot(y) > 0.5 {
            log_abs(x + 1.0, y)
        } else {
            0.5 * (x * (2.0 + x) + y * y).ln_1p()
        };
        Self::narrow(C::new(re, y.atan2(x + 1.0)))
    }
}

impl ComplexMath for C {
    fn wide(self) -> C {
        self
    }
    fn narrow(value: C) -> Self {
        value
    }
    fn step(value: f64) -> f64 {
        value
    }
}

impl ComplexMath for Complex<f32> {
    fn wide(self) -> C {
        C::new(self.re as f64, self.im as f64)
    }
    fn narrow(value: C) -> Self {
        Complex::new(value.re as f32, value.im as f32)
    }
    fn step(value: f64) -> f64 {
        value as f32 as f64
    }
}

/// `r * (cos y + i sin y)` for a finite `y`, without NaN where `r` is infinite and a factor zero. `r` comes in two
/// factors, as it may overflow where the product does not.
fn polar(r: f64, s: f64, y: f64) -> C {
    let (sin, cos) = y.sin_cos();
    C::new(r * cos * s, if y == 0.0 { y } else { r * sin * s })
}

pub fn exp(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return C::new(x.exp(), y);
    }
    if !y.is_finite() {
        return match x {
            f64::NEG_INFINITY => C::new(0.0, 0.0f64.copysign(y)),
            INF => C::new(INF, NAN),
            _ => C::new(NAN, NAN),
        };
    }
    if x > 700.0 && x < 1500.0 {
        return polar((x * 0.5).exp(), (x * 0.5).exp(), y);
    }
    polar(x.exp(), 1.0, y)
}

fn log_abs(x: f64, y: f64) -> f64 {
    let h = x.hypot(y);
    if h > 0.5 && h < 2.0 {
        let (large, small) = if x.abs() > y.abs() {
            (x.abs(), y)
        } else {
            (y.abs(), x)
        };
        return 0.5 * ((large - 1.0) * (large + 1.0) + small * small).ln_1p();
    }
    if h > 1e300 && x.is_finite() && y.is_finite() {
        return (x * 0.25).hypot(y * 0.25).ln() + 2.0 * LN_2;
    }
    h.ln()
}

pub fn log(z: C) -> C {
    C::new(log_abs(z.re, z.im), z.im.atan2(z.re))
}

pub fn log2(z: C) -> C {
    let z = log(z);
    C::new(z.re / LN_2, z.im / LN_2)
}

pub fn log10(z: C) -> C {
    let z = log(z);
    C::new(z.re / LN_10, z.im / LN_10)
}

/// The product, with an infinity that C recovers where the parts of the plain formula are both NaN.
pub fn product(a: C, b: C) -> C {
    let plain = C::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
    if !(plain.re.is_nan() && plain.im.is_nan()) {
        return plain;
    }
    let infinite = |z: C| z.re.is_infinite() || z.im.is_infinite();
    if !infinite(a) && !infinite(b) {
        return plain;
    }
    let signs = |z: C| {
        let part = |x: f64| if x.is_infinite() { 1.0 } else { 0.0f64 }.copysign(x);
        let known = |x: f64| if x.is_nan() { 0.0f64.copysign(x) } else { x };
        if infinite(z) {
            C::new(part(z.re), part(z.im))
        } else {
            C::new(known(z.re), known(z.im))
        }
    };
    let (a, b) = (signs(a), signs(b));
    C::new(
        INF * (a.re * b.re - a.im * b.im),
        INF * (a.re * b.im + a.im * b.re),
    )
}

/// `1 / z` without overflow of the squares (Smith, 1962).
pub fn inverse(z: C) -> C {
    let (c, d) = (z.re, z.im);
    if c.abs() >= d.abs() {
        if c == 0.0 && d == 0.0 {
            return C::new(INF, NAN);
        }
        let ratio = d / c;
        let scale = 1.0 / (c + d * ratio);
        C::new(scale, -ratio * scale)
    } else {
        let ratio = c / d;
        let scale = 1.0 / (c * ratio + d);
        C::new(ratio * scale, -scale)
    }
}

pub fn sqrt(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y.is_infinite() {
        return C::new(INF, y);
    }
    if x.is_infinite() {
        let other = if y.is_nan() { NAN } else { 0.0 };
        return if x > 0.0 {
            C::new(INF, other.copysign(y))
        } else {
            C::new(other.abs(), INF.copysign(y))
        };
    }
    if x == 0.0 && y == 0.0 {
        return C::new(0.0, y);
    }
    // Scaled by a power of four, so that neither the sum overflows nor the parts become denormal.
    let scale = match x.abs().max(y.abs()) {
        m if m > 1e300 => 2f64.powi(-4),
        m if m < 1e-290 => 2f64.powi(108),
        _ => 1.0,
    };
    let (x, y) = (x * scale, y * scale);
    let t = ((x.abs() + x.hypot(y)) * 0.5).sqrt();
    let back = scale.sqrt();
    if x >= 0.0 {
        C::new(t / back, y / (2.0 * t) / back)
    } else {
        C::new(y.abs() / (2.0 * t) / back, t.copysign(y) / back)
    }
}

pub fn cosh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        let im = if x.is_nan() {
            y
        } else {
            0.0f64.copysign(x) * y.signum()
        };
        return C::new(x.cosh(), im);
    }
    if !y.is_finite() {
        return match x {
            0.0 => C::new(NAN, 0.0),
            _ if x.is_infinite() => C::new(INF, NAN),
            _ => C::new(NAN, NAN),
        };
    }
    if x.abs() > 700.0 && x.abs() < 1500.0 {
        let half = (x.abs() * 0.5).exp();
        let w = polar(half * 0.5, half, y);
        return C::new(w.re, w.im * x.signum());
    }
    let (sin, cos) = y.sin_cos();
    C::new(x.cosh() * cos, if x == 0.0 { x * sin } else { x.sinh() * sin })
}

pub fn sinh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return C::new(x.sinh(), y);
    }
    if !y.is_finite() {
        return match x {
            0.0 => C::new(x, NAN),
            _ if x.is_infinite() => C::new(x, NAN),
            _ => C::new(NAN, NAN),
        };
    }
    if x.abs() > 700.0 && x.abs() < 1500.0 {
        let half = (x.abs() * 0.5).exp();
        let w = polar(half * 0.5, half, y);
        return C::new(w.re * x.signum(), w.im);
    }
    let (sin, cos) = y.sin_cos();
    C::new(x.sinh() * cos, x.cosh() * sin)
}

pub fn tanh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if x.is_infinite() {
        let sign = if y.is_finite() { (2.0 * y).sin() } else { y };
        let sign = if y == 0.0 { y } else { sign };
        return C::new(1.0f64.copysign(x), 0.0f64.copysign(sign));
    }
    if !y.is_finite() {
        return C::new(if x == 0.0 { x } else { NAN }, NAN);
    }
    if x.is_nan() {
        return C::new(NAN, if y == 0.0 { y } else { NAN });
    }
    if x.abs() > 22.0 {
        let (sin, cos) = y.sin_cos();
        let e = (-x.abs()).exp();
        return C::new(1.0f64.copysign(x), 4.0 * sin * cos * e * e);
    }
    let t = y.tan();
    let s = x.sinh();
    let (beta, rho) = (1.0 + t * t, (1.0 + s * s).sqrt());
    let denominator = 1.0 + beta * s * s;
    C::new(beta * rho * s / denominator, t / denominator)
}

/// `f(iz) / i`: the circular function of a hyperbolic one.
fn turned(z: C, f: fn(C) -> C) -> C {
    let w = f(C::new(-z.im, z.re));
    C::new(w.im, -w.re)
}

pub fn sin(z: C) -> C {
    turned(z, sinh)
}

pub fn cos(z: C) -> C {
    cosh(C::new(-z.im, z.re))
}

pub fn tan(z: C) -> C {
    turned(z, tanh)
}

/// `acos(|x| + i|y|)` and `asin(|x| + i|y|)` share their steps (Hull, Fairgrieve and Tang, 1997): the real part of
/// `acos`, that of `asin`, and the imaginary part without its sign. The arguments are finite.
fn inverse_parts(x: f64, y: f64) -> (f64, f64, f64) {
    if x.max(y) > 1e150 {
        return (y.atan2(x), x.atan2(y), log_abs(x, y) + LN_2);
    }
    if y < 1e-150 {
        // The square of y is lost: the limits of the terms.
        if x < 1.0 {
            return (x.acos(), x.asin(), y / ((1.0 - x) * (1.0 + x)).sqrt());
        }
        if x == 1.0 {
            let root = y.sqrt();
            return (root, FRAC_PI_2 - root, root);
        }
        let above = x - 1.0;
        let root = (above * (x + 1.0)).sqrt();
        return (y / root, FRAC_PI_2, (above + root).ln_1p());
    }
    let (r, s) = ((x + 1.0).hypot(y), (x - 1.0).hypot(y));
    let a = 0.5 * (r + s);
    let b = x / a;
    let (acos, asin) = if b <= 0.6417 {
        (b.acos(), b.asin())
    } else if x <= 1.0 {
        let root = (0.5 * (a + x) * (y * y / (r + x + 1.0) + (s + (1.0 - x)))).sqrt();
        (root.atan2(x), x.atan2(root))
    } else {
        let root = y * (0.5 * ((a + x) / (r + x + 1.0) + (a + x) / (s + (x - 1.0)))).sqrt();
        (root.atan2(x), x.atan2(root))
    };
    let im = if a <= 1.5 {
        let above = if x < 1.0 {
            0.5 * (y * y / (r + (x + 1.0)) + y * y / (s + (1.0 - x)))
        } else {
            0.5 * (y * y / (r + (x + 1.0)) + (s + (x - 1.0)))
        };
        (above + (above * (a + 1.0)).sqrt()).ln_1p()
    } else {
        (a + (a * a - 1.0).sqrt()).ln()
    };
    (acos, asin, im)
}

pub fn acos(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if !x.is_finite() || !y.is_finite() {
        let im = -INF.copysign(y);
        return match (x.is_nan(), y.is_nan()) {
            (false, false) if x.is_infinite() && y.is_infinite() => {
                C::new(if x > 0.0 { FRAC_PI_4 } else { 3.0 * FRAC_PI_4 }, im)
            }
            (false, false) if x.is_infinite() => C::new(if x > 0.0 { 0.0 } else { PI }, im),
            (false, false) => C::new(FRAC_PI_2, im),
            (true, false) if y.is_infinite() => C::new(NAN, im),
            (false, true) if x.is_infinite() => C::new(NAN, -INF),
            (false, true) if x == 0.0 => C::new(FRAC_PI_2, NAN),
            _ => C::new(NAN, NAN),
        };
    }
    let (re, _, im) = inverse_parts(x.abs(), y.abs());
    C::new(if x.is_sign_negative() { PI - re } else { re }, -im.copysign(y))
}

pub fn acosh(z: C) -> C {
    let w = acos(z);
    C::new(w.im.abs(), w.re.copysign(z.im))
}

pub fn asinh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if !x.is_finite() || !y.is_finite() {
        return match (x.is_nan(), y.is_nan()) {
            (false, false) if x.is_infinite() && y.is_infinite() => C::new(x, FRAC_PI_4.copysign(y)),
            (false, false) if x.is_infinite() => C::new(x, 0.0f64.copysign(y)),
            (false, false) => C::new(INF.copysign(x), FRAC_PI_2.copysign(y)),
            (true, false) if y == 0.0 => C::new(NAN, y),
            (true, false) if y.is_infinite() => C::new(INF, NAN),
            (false, true) if x.is_infinite() => C::new(x, NAN),
            _ => C::new(NAN, NAN),
        };
    }
    let (_, im, re) = inverse_parts(y.abs(), x.abs());
    C::new(re.copysign(x), im.copysign(y))
}

pub fn asin(z: C) -> C {
    turned(z, asinh)
}

pub fn atanh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    let half_turn = FRAC_PI_2.copysign(y);
    if !x.is_finite() || !y.is_finite() {
        return match (x.is_nan(), y.is_nan()) {
            (_, false) if y.is_infinite() => C::new(0.0f64.copysign(x), half_turn),
            (false, false) => C::new(0.0f64.copysign(x), half_turn),
            (false, true) if x.is_infinite() || x == 0.0 => C::new(0.0f64.copysign(x), NAN),
            _ => C::new(NAN, NAN),
        };
    }
    if x.abs().max(y.abs()) > 1e100 {
        let h = x.hypot(y * 0.999_999_999_999).max(x.abs());
        return C::new(x / h / h, half_turn);
    }
    let ax = x.abs();
    let below = 1.0 - ax;
    let re = if ax == 1.0 && y.abs() < 1e-150 {
        if y == 0.0 {
            return C::new(INF.copysign(x), y);
        }
        0.5 * (LN_2 - y.abs().ln())
    } else {
        0.25 * (4.0 * ax / (below * below + y * y)).ln_1p()
    };
    let im = 0.5 * (2.0 * y).atan2(below * (1.0 + ax) - y * y);
    C::new(re.copysign(x), im)
}

pub fn atan(z: C) -> C {
    turned(z, atanh)
}
