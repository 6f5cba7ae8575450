//! Orthogonal polynomials of integer degree; zero for negative degrees.

/// Degrees above would take seconds for each element, or centuries; they give NaN.
const MOST_STEPS: i64 = 1 << 22;

/// `p_(k+1) = step(k, p_k, p_(k-1))` from `first` (degree 0) and `second` (degree 1) up to degree `n`.
/// Those of `single` precision overflow in the middle as PyTorch's do.
fn recurrence(n: i64, single: bool, first: f64, second: f64, step: impl Fn(f64, f64, f64) -> f64) -> f64 {
    if n < 0 {
        return 0.0;
    }
    if n == 0 {
        return first;
    }
    if n > MOST_STEPS {
        return f64::NAN;
    }
    let (mut p, mut q, mut k) = (first, second, 1);
    while k < n && !q.is_nan() {
        let next = step(k as f64, q, p);
        (p, q) = (q, if single { next as f32 as f64 } else { next });
        k += 1;
    }
    q
}

fn parity(n: i64, value: f64) -> f64 {
    if n % 2 == 0 { value } else { -value }
}

/// First kind.
pub fn chebyshev_polynomial_t(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x.abs() == 1.0 {
        return if x > 0.0 { 1.0 } else { parity(n, 1.0) };
    }
    if n > 6 && x.abs() < 1.0 {
        return (n as f64 * x.acos()).cos();
    }
    recurrence(n, single, 1.0, x, |_, q, p| 2.0 * x * q - p)
}

/// Second kind.
pub fn chebyshev_polynomial_u(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x.abs() == 1.0 {
        return if x > 0.0 {
            n as f64 + 1.0
        } else {
            parity(n, n as f64 + 1.0)
        };
    }
    if n > 8 && x.abs() < 1.0 {
        let angle = x.acos();
        return ((n as f64 + 1.0) * angle).sin() / angle.sin();
    }
    recurrence(n, single, 1.0, 2.0 * x, |_, q, p| 2.0 * x * q - p)
}

/// Third kind.
pub fn chebyshev_polynomial_v(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x.abs() == 1.0 {
        return if x > 0.0 {
            1.0
        } else {
            parity(n, 2.0 * n as f64 + 1.0)
        };
    }
    if n > 8 && x.abs() < 1.0 {
        let angle = x.acos();
        return ((n as f64 + 0.5) * angle).cos() / (0.5 * angle).cos();
    }
    recurrence(n, single, 1.0, 2.0 * x - 1.0, |_, q, p| 2.0 * x * q - p)
}

/// Fourth kind.
pub fn chebyshev_polynomial_w(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x.abs() == 1.0 {
        return if x > 0.0 {
            2.0 * n as f64 + 1.0
        } else {
            parity(n, 1.0)
        };
    }
    if n > 8 && x.abs() < 1.0 {
        let angle = x.acos();
        return ((n as f64 + 0.5) * angle).sin() / (0.5 * angle).sin();
    }
    recurrence(n, single, 1.0, 2.0 * x + 1.0, |_, q, p| 2.0 * x * q - p)
}

/// The same on [0, 1].
pub fn shifted_chebyshev_polynomial_t(x: f64, n: i64, single: bool) -> f64 {
    chebyshev_polynomial_t(2.0 * x - 1.0, n, single)
}

pub fn shifted_chebyshev_polynomial_u(x: f64, n: i64, single: bool) -> f64 {
    chebyshev_polynomial_u(2.0 * x - 1.0, n, single)
}

pub fn shifted_chebyshev_polynomial_v(x: f64, n: i64, single: bool) -> f64 {
    chebyshev_polynomial_v(2.0 * x - 1.0, n, single)
}

pub fn shifted_chebyshev_polynomial_w(x: f64, n: i64, single: bool) -> f64 {
    chebyshev_polynomial_w(2.0 * x - 1.0, n, single)
}

/// Degrees from which PyTorch's recurrences give up (f32 and f64).
const HERMITE_LIMIT: (i64, i64) = (128, 512);

/// Physicists' Hermite polynomial; NaN above degree 128 (`single`) or 512.
pub fn hermite_polynomial_h(x: f64, n: i64, single: bool) -> f64 {
    if n > if single { HERMITE_LIMIT.0 } else { HERMITE_LIMIT.1 } {
        return f64::NAN;
    }
    recurrence(n, single, 1.0, 2.0 * x, |k, q, p| 2.0 * x * q - 2.0 * k * p)
}

/// Probabilists' Hermite polynomial; NaN above degree 128 (`single`) or 512.
pub fn hermite_polynomial_he(x: f64, n: i64, single: bool) -> f64 {
    if n > if single { HERMITE_LIMIT.0 } else { HERMITE_LIMIT.1 } {
        return f64::NAN;
    }
    recurrence(n, single, 1.0, x, |k, q, p| x * q - k * p)
}

pub fn laguerre_polynomial_l(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x == 0.0 {
        return 1.0;
    }
    recurrence(n, single, 1.0, 1.0 - x, |k, q, p| {
        ((2.0 * k + 1.0 - x) * q - k * p) / (k + 1.0)
    })
}

pub fn legendre_polynomial_p(x: f64, n: i64, single: bool) -> f64 {
    if n >= 0 && x.abs() == 1.0 {
        return if x > 0.0 { 1.0 } else { parity(n, 1.0) };
    }
    recurrence(n, single, 1.0, x, |k, q, p| {
        ((2.0 * k + 1.0) * x * q - k * p) / (k + 1.0)
    })
}
