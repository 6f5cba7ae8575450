//! The gamma function's family: logarithm, derivatives, Hurwitz zeta, incomplete gamma.

use std::f64::consts::PI;

/// log |Γ(x)|; infinite at zero and the negative integers.
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// Sum of `lgamma(a - i/2)` for i below `p`, and the constant: `torch.special.multigammaln`.
pub fn multigammaln(a: f64, p: i64) -> f64 {
    let constant = (p as f64) * (p as f64 - 1.0) / 4.0 * PI.ln();
    (0..p).fold(constant, |sum, i| sum + lgamma(a - i as f64 * 0.5))
}

/// Derivative of `lgamma`.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        if x == x.trunc() {
            return f64::NAN;
        }
        // Reflection; the fraction first, so that pi x stays small.
        return digamma(1.0 - x) - PI / (PI * x.fract()).tan();
    }
    let (mut x, mut result) = (x, 0.0);
    while x < 10.0 {
        result -= 1.0 / x;
        x += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32760.0,
        1.0 / 12.0,
    ];
    let z = 1.0 / (x * x);
    let tail = z * SERIES.iter().rev().fold(0.0, |sum, c| sum * z + c);
    result + x.ln() - 0.5 / x - tail
}

/// Second derivative of `lgamma`.
pub fn trigamma(x: f64) -> f64 {
    if x < 0.5 {
        let sine = (PI * x).sin();
        return PI * PI / (sine * sine) - trigamma(1.0 - x);
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let (mut x, mut result) = (x, 0.0);
    while x < 12.0 {
        result += 1.0 / (x * x);
        x += 1.0;
    }
    // Bernoulli numbers B2, B4, …
    const SERIES: [f64; 7] = [
        1.0 / 6.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        5.0 / 66.0,
        -691.0 / 2730.0,
        7.0 / 6.0,
    ];
    let z = 1.0 / (x * x);
    let tail = z * SERIES.iter().rev().fold(0.0, |sum, c| sum * z + c);
    result + (1.0 + 0.5 / x + tail) / x
}

/// `trigamma` whose poles are as high as PyTorch's: reflected in single precision.
pub fn trigamma_f32(x: f32) -> f32 {
    const PI: f32 = std::f32::consts::PI;
    if x >= 0.5 || x.is_nan() {
        return trigamma(x as f64) as f32;
    }
    let sine = (PI * x).sin();
    PI * PI / (sine * sine) - trigamma(1.0 - x as f64) as f32
}

/// n-th derivative of digamma.
pub fn polygamma(n: i64, x: f64) -> f64 {
    match n {
        0 => digamma(x),
        1 => trigamma(x),
        _ => {
            let sign = if n % 2 == 0 { -1.0 } else { 1.0 };
            let n = n as f64;
            sign * lgamma(n + 1.0).exp() * zeta(n + 1.0, x)
        }
    }
}

/// Hurwitz zeta: the sum of (q + n)^-x, by Euler and Maclaurin.
pub fn zeta(x: f64, q: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    if x.is_nan() || q.is_nan() || q == f64::INFINITY || x < 1.0 {
        return f64::NAN;
    }
    let mut shift = 0.0;
    let mut q = q;
    if q <= 0.0 {
        if q == q.floor() {
            return f64::INFINITY;
        }
        if x != x.floor() {
            return f64::NAN;
        }
        // Terms with a negative base: up to sign, a finite stretch of the sum that starts at 1 - fraction.
        let fraction = q - q.floor();
        let steps = -q.floor();
        let parity = if x % 2.0 == 0.0 { 1.0 } else { -1.0 };
        shift = parity * (zeta(x, 1.0 - fraction) - zeta(x, 1.0 - fraction + steps));
        q = fraction;
    }
    if q > 1e9 {
        return shift + (1.0 / (x - 1.0) + 1.0 / (2.0 * q)) * q.powf(1.0 - x);
    }
    let (mut sum, mut a) = (q.powf(-x), q);
    if !sum.is_finite() {
        return sum;
    }
    let mut i = 0;
    let mut term;
    loop {
        i += 1;
        a += 1.0;
        term = a.powf(-x);
        sum += term;
        if term <= f64::EPSILON / 2.0 * sum {
            return shift + sum;
        }
        if i >= 9 && a > 9.0 {
            break;
        }
    }
    sum += term * a / (x - 1.0) - 0.5 * term;
    // (2k)! / B2k
    const FACTORS: [f64; 12] = [
        12.0,
        -720.0,
        30240.0,
        -1209600.0,
        47900160.0,
        -1307674368000.0 / 691.0,
        74724249600.0,
        -10670622842880000.0 / 3617.0,
        5109094217170944000.0 / 43867.0,
        -802857662698291200000.0 / 174611.0,
        14101100039391805440000.0 / 77683.0,
        -1693824136731743669452800000.0 / 236364091.0,
    ];
    let (mut power, mut k) = (1.0, 0.0);
    for factor in FACTORS {
        power *= x + k;
        term /= a;
        let t = power * term / factor;
        sum += t;
        if (t / sum).abs() < f64::EPSILON / 2.0 {
            break;
        }
        k += 1.0;
        power *= x + k;
        term /= a;
        k += 1.0;
    }
    shift + sum
}

/// x^a exp(-x) / Γ(a), without the overflow of its factors.
fn gamma_density_factor(a: f64, x: f64) -> f64 {
    if a < 30.0 {
        return (a * x.ln() - x - lgamma(a)).exp();
    }
    // Stirling: sqrt(a / 2 pi) exp(a (log(x/a) - x/a + 1)) / correction.
    let mu = (x - a) / a;
    let exponent = if mu.abs() < 0.3 {
        // log1p(mu) - mu, by its series.
        let mut power = mu * mu;
        let mut sum = 0.0;
        let mut k = 2.0;
        while power.abs() > 1e-20 && k < 200.0 {
            sum -= power / k;
            power *= -mu;
            k += 1.0;
        }
        sum
    } else {
        (x / a).ln() - mu
    };
    let z = 1.0 / (a * a);
    let correction = (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z / 1680.0))) / a;
    (a / (2.0 * PI)).sqrt() * (a * exponent - correction).exp()
}

/// Lower incomplete gamma over Γ(a), by its power series.
fn igamma_series(a: f64, x: f64) -> f64 {
    let factor = gamma_density_factor(a, x);
    if factor == 0.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut r) = (1.0, 1.0, a);
    for _ in 0..1_000_000 {
        r += 1.0;
        term *= x / r;
        sum += term;
        if term <= f64::EPSILON / 2.0 * sum {
            break;
        }
    }
    sum * factor / a
}

/// Upper incomplete gamma over Γ(a), by Lentz's continued fraction.
fn igammac_fraction(a: f64, x: f64) -> f64 {
    let factor = gamma_density_factor(a, x);
    if factor == 0.0 {
        return 0.0;
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / if b == 0.0 { TINY } else { b };
    let mut h = d;
    for i in 1..1_000_000 {
        let n = i as f64;
        let an = -n * (n - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = c * d;
        h *= step;
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    h * factor
}

/// Regularised lower incomplete gamma function.
pub fn igamma(a: f64, x: f64) -> f64 {
    if x < 0.0 || a < 0.0 || x.is_nan() || a.is_nan() {
        f64::NAN
    } else if a == 0.0 {
        if x > 0.0 { 1.0 } else { f64::NAN }
    } else if x == 0.0 {
        0.0
    } else if a.is_infinite() {
        if x.is_infinite() { f64::NAN } else { 0.0 }
    } else if x.is_infinite() {
        1.0
    } else if near_the_mean(a, x) {
        1.0 - igammac_asymptotic(a, x)
    } else if x > 1.0 && x > a {
        1.0 - igammac_fraction(a, x)
    } else {
        igamma_series(a, x)
    }
}

/// Where series and fraction would take a number of terms that grows with the square root of `a`.
fn near_the_mean(a: f64, x: f64) -> bool {
    a > 1e5 && (x - a).abs() < 6.0 * a.sqrt()
}

/// Temme's expansion (1979) to two terms: enough from `a = 1e5` on.
fn igammac_asymptotic(a: f64, x: f64) -> f64 {
    let mu = (x - a) / a;
    // mu - ln(1 + mu), whose first terms cancel for the small `mu` that there are here.
    let half = mu * mu * (0.5 + mu * (-1.0 / 3.0 + mu * (0.25 + mu * (-0.2 + mu / 6.0))));
    let eta = (2.0 * half).sqrt().copysign(mu);
    let first = -1.0 / 3.0 + eta * (1.0 / 12.0 + eta * (-2.0 / 135.0 + eta / 864.0));
    let second = -1.0 / 540.0 - eta / 288.0;
    let density = (-a * half).exp() / (2.0 * std::f64::consts::PI * a).sqrt();
    0.5 * super::erfc(eta * (a * 0.5).sqrt()) + density * (first + second / a)
}

/// Regularised upper incomplete gamma function.
pub fn igammac(a: f64, x: f64) -> f64 {
    if x < 0.0 || a < 0.0 || x.is_nan() || a.is_nan() {
        f64::NAN
    } else if a == 0.0 {
        if x > 0.0 { 0.0 } else { f64::NAN }
    } else if x == 0.0 {
        1.0
    } else if a.is_infinite() {
        if x.is_infinite() { f64::NAN } else { 1.0 }
    } else if x.is_infinite() {
        0.0
    } else if near_the_mean(a, x) {
        igammac_asymptotic(a, x)
    } else if x > 1.1 && x > a {
        igammac_fraction(a, x)
    } else if x <= 0.5 && a < 0.1 {
        // 1 - P would lose everything: P is close to 1 there.
        igammac_small(a, x)
    } else {
        1.0 - igamma_series(a, x)
    }
}

/// For small a and x: `1 - x^a / Γ(a+1) (1 + sum)`, with `x^a / Γ(a+1) - 1` by expm1.
fn igammac_small(a: f64, x: f64) -> f64 {
    let mut factor = 1.0;
    let mut sum = 0.0;
    for n in 1..200 {
        factor *= -x / n as f64;
        let term = factor / (a + n as f64);
        sum += term;
        if term.abs() <= f64::EPSILON * sum.abs() {
            break;
        }
    }
    let log = a * x.ln();
    let first = -(log - lgamma(1.0 + a)).exp_m1();
    first - (log - lgamma(a)).exp() * sum
}
