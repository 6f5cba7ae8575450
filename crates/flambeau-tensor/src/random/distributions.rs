//! One sample at a time from the distributions that PyTorch's CPU kernels draw in f64, and the ones built on them.

use super::Generator;

/// Whether an event of probability `p` happens; `p` must be in [0, 1].
pub fn bernoulli(p: f64, generator: &mut Generator) -> Result<bool, String> {
    check_probability(p)?;
    Ok(generator.uniform() < p)
}

/// The same for a probability held as f32 (or fewer bits), which takes a 32-bit draw.
pub fn bernoulli_single(p: f32, generator: &mut Generator) -> Result<bool, String> {
    check_probability(p as f64)?;
    Ok(generator.uniform_single() < p)
}

fn check_probability(p: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(format!("bernoulli_ expects p to be in [0, 1], but got p={p}"))
}

/// Fills a dropout mask: each element kept with probability `1 - p`.
pub fn dropout_mask(out: &mut [bool], p: f64, generator: &mut Generator) -> Result<(), String> {
    if !(0.0..=1.0).contains(&p) {
        return Err(format!(
            "dropout probability has to be between 0 and 1, but got {p}"
        ));
    }
    out.iter_mut()
        .for_each(|kept| *kept = generator.uniform() < 1.0 - p);
    Ok(())
}

pub fn exponential(lambda: f64, generator: &mut Generator) -> f64 {
    -1.0 / lambda * (-generator.uniform()).ln_1p()
}

/// Number of trials up to the first success.
pub fn geometric(p: f64, generator: &mut Generator) -> f64 {
    (generator.uniform().ln() / (1.0 - p).ln()).ceil()
}

pub fn cauchy(median: f64, sigma: f64, generator: &mut Generator) -> f64 {
    median + sigma * (std::f64::consts::PI * (generator.uniform() - 0.5)).tan()
}

pub fn log_normal(mean: f64, std: f64, generator: &mut Generator) -> f64 {
    (generator.normal() * std + mean).exp()
}

/// Number of events at rate `lambda`: counting below 10, Hörmann's transformed rejection (1993) from there on.
pub fn poisson(lambda: f64, generator: &mut Generator) -> Result<i64, String> {
    if !(lambda >= 0.0) {
        return Err("invalid Poisson rate, expected rate to be non-negative".into());
    }
    if lambda == 0.0 {
        return Ok(0);
    }
    if lambda < 10.0 {
        let limit = (-lambda).exp();
        let mut product = generator.uniform();
        let mut count = 0;
        while product > limit {
            product *= generator.uniform();
            count += 1;
        }
        return Ok(count);
    }
    if !lambda.is_finite() {
        return Err("invalid Poisson rate, expected a finite one".into());
    }
    let log_lambda = lambda.ln();
    let b = 0.931 + 2.53 * lambda.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let accept = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = generator.uniform() - 0.5;
        let v = generator.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + lambda + 0.43).floor();
        if us >= 0.07 && v <= accept {
            return Ok(k as i64);
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        let left = v.ln() + inverse_alpha.ln() - (a / (us * us) + b).ln();
        if left <= -lambda + k * log_lambda - crate::math::special::lgamma(k + 1.0) {
            return Ok(k as i64);
        }
    }
}

/// Marsaglia and Tsang (2000). `single`: the shape came as f32, which rounds `1 / alpha`.
pub fn standard_gamma(alpha: f64, single: bool, generator: &mut Generator) -> f64 {
    let mut scale = 1.0;
    let mut alpha = alpha;
    if alpha < 1.0 {
        if alpha == 0.0 {
            return 0.0;
        }
        let exponent = if single {
            (1.0 / alpha as f32) as f64
        } else {
            1.0 / alpha
        };
        scale = (1.0 - generator.uniform()).powf(exponent);
        alpha = if single {
            (alpha as f32 + 1.0) as f64
        } else {
            alpha + 1.0
        };
    }
    if !(alpha > 0.0) {
        return f64::NAN;
    }
    // PyTorch writes the constants as floats, and so they stay.
    let third = (1.0f32 / 3.0) as f64;
    let d = if single {
        (alpha as f32 - 1.0f32 / 3.0) as f64
    } else {
        alpha - third
    };
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let (x, y) = loop {
            let x = generator.normal();
            let y = 1.0 + c * x;
            // NaN, from a negative shape, goes on into the result.
            if y > 0.0 || y.is_nan() {
                break (x, y);
            }
        };
        let v = y * y * y;
        let u = 1.0 - generator.uniform();
        let xx = x * x;
        if u < 1.0 - 0.0331f32 as f64 * xx * xx || u.ln() < 0.5 * xx + d * (1.0 - v + v.ln()) {
            return scale * d * v;
        }
    }
}

/// One point of the simplex: gamma samples divided by their sum.
pub fn dirichlet(alpha: &[f64], out: &mut [f64], generator: &mut Generator) {
    for (x, &a) in out.iter_mut().zip(alpha) {
        *x = standard_gamma(a, false, generator).max(f64::MIN_POSITIVE);
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut()
        .for_each(|x| *x = (*x / sum).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0));
}

/// Number of successes among `count` trials.
pub fn binomial(count: f64, p: f64, generator: &mut Generator) -> f64 {
    if count.is_nan() || count == f64::INFINITY {
        f64::NAN
    } else if count <= 0.0 || p <= 0.0 {
        0.0
    } else if p >= 1.0 {
        count
    } else if p <= 0.5 {
        binomial_lower(count, p, generator)
    } else if p > 0.5 {
        count - binomial_lower(count, 1.0 - p, generator)
    } else {
        f64::NAN
    }
}

fn binomial_lower(count: f64, p: f64, generator: &mut Generator) -> f64 {
    if count * p >= 10.0 {
        return binomial_rejection(count, p, generator);
    }
    // Few successes: add up geometric waiting times.
    let log = (-p).ln_1p();
    let (mut waited, mut successes) = (0.0, 0.0);
    loop {
        waited += (generator.uniform().ln() / log).ceil();
        if !(waited <= count) {
            return successes;
        }
        successes += 1.0;
    }
}

/// The tail of Stirling's series for ln k!.
fn stirling_tail(k: f64) -> f64 {
    const SMALL: [f64; 10] = [
        0.0810614667953272,
        0.0413406959554092,
        0.0276779256849983,
        0.02079067210376509,
        0.0166446911898211,
        0.0138761288230707,
        0.0118967099458917,
        0.0104112652619720,
        0.00925546218271273,
        0.00833056343336287,
    ];
    if k <= 9.0 {
        return SMALL[k.max(0.0) as usize];
    }
    let square = (k + 1.0) * (k + 1.0);
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / (k + 1.0)
}

/// Hörmann's transformed rejection for the binomial (1993).
fn binomial_rejection(count: f64, p: f64, generator: &mut Generator) -> f64 {
    let deviation = (count * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let c = count * p + 0.5;
    let accept = 0.92 - 4.2 / b;
    let odds = p / (1.0 - p);
    let alpha = (2.83 + 5.1 / b) * deviation;
    let mode = ((count + 1.0) * p).floor();
    loop {
        let u = generator.uniform() - 0.5;
        let v = generator.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + c).floor();
        if us >= 0.07 && v <= accept {
            return k;
        }
        if k < 0.0 || k > count || !k.is_finite() {
            continue;
        }
        let left = (v * alpha / (a / (us * us) + b)).ln();
        let bound = (mode + 0.5) * ((mode + 1.0) / (odds * (count - mode + 1.0))).ln()
            + (count + 1.0) * ((count - mode + 1.0) / (count - k + 1.0)).ln()
            + (k + 0.5) * (odds * (count - k + 1.0) / (k + 1.0)).ln()
            + stirling_tail(mode)
            + stirling_tail(count - mode)
            - stirling_tail(k)
            - stirling_tail(count - k);
        if left <= bound {
            return k;
        }
    }
}

/// Draws `samples` indices from one row of weights, with replacement. The running sums are rounded to `f32` if
/// the weights were (`single`).
pub fn multinomial_with_replacement(
    weights: &[f64],
    samples: usize,
    single: bool,
    generator: &mut Generator,
) -> Result<Vec<i64>, String> {
    let round = |x: f64| if single { x as f32 as f64 } else { x };
    let mut sums = Vec::with_capacity(weights.len());
    let mut sum = 0.0;
    for &w in weights {
        check_weight(w, true)?;
        sum = round(sum + w);
        sums.push(sum);
    }
    if !(sum > 0.0) {
        return Err("invalid multinomial distribution (sum of probabilities <= 0)".into());
    }
    sums.iter_mut().for_each(|s| *s = round(*s / sum));
    if let Some(last) = sums.last_mut() {
        *last = 1.0;
    }
    let sample = |_| {
        let u = generator.uniform();
        sums.partition_point(|&s| s < u).min(weights.len() - 1) as i64
    };
    Ok((0..samples).map(sample).collect())
}

/// Whether each row of `n` weights can be drawn from without replacement.
pub fn check_weights(weights: &[f64], n: usize) -> Result<(), String> {
    for row in weights.chunks_exact(n.max(1)) {
        row.iter().try_for_each(|&w| check_weight(w, false))?;
        if !row.iter().any(|&w| w > 0.0) {
            return Err("invalid multinomial distribution (sum of probabilities <= 0)".into());
        }
    }
    Ok(())
}

fn check_weight(w: f64, replacement: bool) -> Result<(), String> {
    if w >= 0.0 && w.is_finite() {
        return Ok(());
    }
    if replacement {
        let found = if w < 0.0 {
            "negative probability entry < 0"
        } else {
            "with Inf or NaN entries"
        };
        return Err(format!("invalid multinomial distribution ({found})"));
    }
    Err("probability tensor contains either `inf`, `nan` or element < 0".into())
}
