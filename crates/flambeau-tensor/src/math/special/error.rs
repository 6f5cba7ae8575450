//! Inverses and tails of the error function and the normal distribution.

use crate::math::double;
use crate::math::madd::Separate;
use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

pub fn erf(x: f64) -> f64 {
    double::erf::<Separate>(x)
}

pub fn erfc(x: f64) -> f64 {
    double::erfc::<Separate>(x)
}

/// exp(x^2) erfc(x).
pub fn erfcx(x: f64) -> f64 {
    if x > 1e100 {
        return 0.5 * std::f64::consts::FRAC_2_SQRT_PI / x;
    }
    if x >= 0.0 {
        return double::erfcx_nonnegative::<Separate>(x);
    }
    if x < -26.7 {
        return f64::INFINITY;
    }
    // exp(x^2) with the rounding error of the square put back.
    let square = x * x;
    let lost = x.mul_add(x, -square);
    2.0 * square.exp() * (1.0 + lost) - double::erfcx_nonnegative::<Separate>(-x)
}

/// The y with erf(y) = x.
pub fn erfinv(x: f64) -> f64 {
    let a = x.abs();
    if a == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    if !(a < 1.0) {
        return f64::NAN;
    }
    if a == 0.0 {
        return x;
    }
    // Giles (2010) in single precision, then Halley's steps.
    let w = -((1.0 - a) * (1.0 + a)).ln();
    let start = if w < 5.0 {
        const C: [f64; 9] = [
            2.81022636e-08,
            3.43273939e-07,
            -3.5233877e-06,
            -4.39150654e-06,
            0.00021858087,
            -0.00125372503,
            -0.00417768164,
            0.246640727,
            1.50140941,
        ];
        C.iter().fold(0.0, |sum, c| sum * (w - 2.5) + c)
    } else if w > 16.0 {
        // Beyond f32: erfc(y) ~ exp(-y^2) / (y sqrt pi), solved once.
        let log = -(1.0 - a).ln();
        (log - 0.5 * (PI * log).ln()).sqrt()
    } else {
        const C: [f64; 9] = [
            -0.000200214257,
            0.000100950558,
            0.00134934322,
            -0.00367342844,
            0.00573950773,
            -0.0076224613,
            0.00943887047,
            1.00167406,
            2.83297682,
        ];
        C.iter().fold(0.0, |sum, c| sum * (w.sqrt() - 3.0) + c)
    };
    let mut y = start * a;
    for _ in 0..6 {
        // Near 1 the complement keeps the digits.
        let error = if a < 0.5 { erf(y) - a } else { (1.0 - a) - erfc(y) };
        let step = error * (PI.sqrt() / 2.0) * (y * y).exp();
        let change = step / (1.0 + y * step);
        y -= change;
        if change.abs() < 1e-9 * y {
            break;
        }
    }
    y.copysign(x)
}

/// Standard normal distribution function.
pub fn ndtr(x: f64) -> f64 {
    let z = x * FRAC_1_SQRT_2;
    if z.abs() < 1.0 {
        0.5 + 0.5 * erf(z)
    } else {
        0.5 * erfc(-z)
    }
}

/// Its logarithm, without underflow on the left.
pub fn log_ndtr(x: f64) -> f64 {
    let z = x * FRAC_1_SQRT_2;
    if x < -1.0 {
        (erfcx(-z) / 2.0).ln() - z * z
    } else {
        (-erfc(z) / 2.0).ln_1p()
    }
}

/// Its inverse.
pub fn ndtri(p: f64) -> f64 {
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.25 {
        return SQRT_2 * erfinv(2.0 * p - 1.0);
    }
    // Left tail: Newton's method on log ndtr, which is concave and nearly quadratic there.
    let log = p.ln();
    let t = (-2.0 * log).sqrt();
    let mut x = -(t
        - (2.515517 + t * (0.802853 + t * 0.010328))
            / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for _ in 0..4 {
        // d/dx log ndtr = sqrt(2/pi) / erfcx(-x / sqrt 2)
        let slope = (2.0 / PI).sqrt() / erfcx(-x * FRAC_1_SQRT_2);
        let step = (log_ndtr(x) - log) / slope;
        x -= step;
        if step.abs() < 1e-15 * x.abs() {
            break;
        }
    }
    x
}
