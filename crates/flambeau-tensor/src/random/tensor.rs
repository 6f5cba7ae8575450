//! Random numbers into tensors. Elements are visited as PyTorch visits them: in the order of memory.

use super::{Generator, distributions as d, fill};
use crate::layout::{Dims, iteration_order, wrap_dim};
use crate::pointwise::{add, mul};
use crate::{DType, Element, Error, MemoryFormat, Result, Tensor, bail, dispatch, ensure};

/// Lets `body` fill all elements of `t` in memory order.
fn fill_with<T: Element>(t: &Tensor, body: impl FnOnce(&mut [T]) -> Result<(), String>) -> Result<()> {
    if t.is_non_overlapping_and_dense() {
        return body(t.write()?.memory::<T>()?).map_err(Error::runtime);
    }
    // Strided: filled apart, dimensions from the largest stride to the smallest.
    let order: Vec<i64> = iteration_order(t.sizes(), &[t.strides()])
        .iter()
        .rev()
        .map(|&d| d as i64)
        .collect();
    let view = t.permute(&order)?;
    let apart = Tensor::empty(view.sizes(), t.dtype())?;
    body(apart.write()?.slice::<T>()?).map_err(Error::runtime)?;
    view.copy_(&apart)
}

/// The same for any real dtype, from f64 samples converted as C++ converts them.
fn fill_samples(t: &Tensor, name: &str, mut sample: impl FnMut() -> Result<f64, String>) -> Result<()> {
    dispatch!(t.dtype(), name, T: real => fill_with::<T>(t, |out| {
        for x in out {
            *x = T::from_scalar(sample()?.into());
        }
        Ok(())
    }))
}

/// `uniform_`: in `[from, to)`.
pub fn uniform_(t: &Tensor, from: f64, to: f64, g: &mut Generator) -> Result<()> {
    if t.is_complex() {
        return uniform_(&t.view_as_real()?, from, to, g);
    }
    dispatch!(t.dtype(), "uniform", T: float => {
        fill_with::<T>(t, |out| fill::uniform(out, from, to, g))
    })
}

/// `normal_`.
pub fn normal_(t: &Tensor, mean: f64, std: f64, g: &mut Generator) -> Result<()> {
    if t.is_complex() {
        ensure!(std >= 0.0, "normal expects std >= 0.0, but found std {std}");
        // Both parts share the variance and get the mean.
        let parts = t.view_as_real()?;
        normal_(&parts, 0.0, std / std::f64::consts::SQRT_2, g)?;
        if mean != 0.0 {
            parts.copy_(&add((&parts).into(), mean.into(), 1.into())?)?;
        }
        return Ok(());
    }
    let contiguous = t.is_contiguous();
    dispatch!(t.dtype(), "normal", T: float => {
        fill_with::<T>(t, |out| fill::normal(out, mean, std, contiguous, g))
    })
}

/// `random_()`: every value of the type.
pub fn random_(t: &Tensor, g: &mut Generator) -> Result<()> {
    dispatch!(t.dtype(), "random", T: real => fill_with::<T>(t, |out| {
        fill::random(out, g);
        Ok(())
    }))
}

/// The least and greatest integer that a dtype counts to.
fn integer_range(dtype: DType) -> (i64, i64) {
    match dtype {
        DType::Bool => (0, 1),
        DType::Byte => (0, 255),
        DType::Char => (-128, 127),
        DType::Short => (-32768, 32767),
        DType::Int => (i32::MIN as i64, i32::MAX as i64),
        DType::Half => (-65504, 65504),
        _ => (i64::MIN, i64::MAX),
    }
}

fn c_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "bool",
        DType::Byte => "unsigned char",
        DType::Char => "signed char",
        DType::Short => "short",
        DType::Int => "int",
        DType::Half => "c10::Half",
        _ => "long",
    }
}

/// `random_(from, to)`: integers in `[from, to)`, up to the greatest if there is no `to`.
pub fn random_from_to_(t: &Tensor, from: i64, to: Option<i64>, g: &mut Generator) -> Result<()> {
    if t.is_complex() {
        bail!(
            NotImplemented,
            "\"check_uniform_bounds\" not implemented for '{}'",
            t.dtype().name()
        );
    }
    let (low, high) = integer_range(t.dtype());
    if let Some(to) = to {
        ensure!(
            from < to,
            "random_ expects 'from' to be less than 'to', but got from={from} >= to={to}"
        );
        for (name, value) in [("from", from), ("to - 1", to.wrapping_sub(1))] {
            ensure!(
                (low..=high).contains(&value),
                "{name} is out of bounds for {}",
                c_name(t.dtype())
            );
        }
    }
    // Without an upper bound a float counts to 2^digits, an integer to its greatest value.
    let to = match (to, t.dtype()) {
        (Some(to), _) => Some(to),
        (None, DType::Float) => Some((1 << 24) + 1),
        (None, DType::Double) => Some((1 << 53) + 1),
        (None, DType::Half) => Some((1 << 11) + 1),
        (None, DType::BFloat16) => Some((1 << 8) + 1),
        (None, DType::Long) => None,
        (None, _) => Some(high + 1),
    };
    dispatch!(t.dtype(), "random_from_to", T: real => {
        fill_with::<T>(t, |out| fill::random_from_to(out, from, to, g))
    })
}

pub fn randperm(n: i64, dtype: DType, g: &mut Generator) -> Result<Tensor> {
    ensure!(n >= 0, "n must be non-negative, got{n}");
    // Fails here if there is no memory for it.
    Tensor::empty(&[n], DType::Long)?;
    Tensor::from_elements(&fill::randperm(n as usize, g))?.to_dtype(dtype)
}

fn floating(t: &Tensor, name: &str) -> Result<()> {
    ensure!(
        t.is_floating_point(),
        NotImplemented,
        "\"{name}\" not implemented for '{}'",
        t.dtype().name()
    );
    Ok(())
}

pub fn exponential_(t: &Tensor, lambda: f64, g: &mut Generator) -> Result<()> {
    floating(t, "exponential")?;
    ensure!(
        lambda > 0.0,
        "exponential_ expects lambda > 0.0, but found lambda={lambda}"
    );
    fill_samples(t, "exponential", || Ok(d::exponential(lambda, g)))
}

pub fn geometric_(t: &Tensor, p: f64, g: &mut Generator) -> Result<()> {
    ensure!(
        0.0 < p && p < 1.0,
        "geometric_ expects p to be in (0, 1), but got p={p}"
    );
    fill_samples(t, "geometric", || Ok(d::geometric(p, g)))
}

pub fn cauchy_(t: &Tensor, median: f64, sigma: f64, g: &mut Generator) -> Result<()> {
    floating(t, "cauchy")?;
    ensure!(
        sigma > 0.0,
        "cauchy_ expects sigma > 0.0, but found sigma={sigma}"
    );
    fill_samples(t, "cauchy", || Ok(d::cauchy(median, sigma, g)))
}

pub fn log_normal_(t: &Tensor, mean: f64, std: f64, g: &mut Generator) -> Result<()> {
    floating(t, "log_normal")?;
    ensure!(std > 0.0, "log_normal_ expects std > 0.0, but found std={std}");
    fill_samples(t, "log_normal", || Ok(d::log_normal(mean, std, g)))
}

/// Ones with probability `p`, zeros otherwise.
pub fn bernoulli_(t: &Tensor, p: f64, g: &mut Generator) -> Result<()> {
    ensure!(
        (0.0..=1.0).contains(&p),
        "bernoulli_ expects p to be in [0, 1], but got p={p}"
    );
    fill_samples(t, "bernoulli_scalar_cpu_", || Ok(f64::from(g.uniform() < p)))
}

/// Each element with its own probability.
pub fn bernoulli_tensor_(t: &Tensor, p: &Tensor, g: &mut Generator) -> Result<()> {
    floating(p, "bernoulli_tensor_cpu_p_")?;
    let double = p.dtype() == DType::Double;
    let p = p.expand(t.sizes())?.to_vec::<f64>()?;
    let mut p = p.into_iter();
    let mut next = move || {
        let p = p.next().unwrap_or(0.0);
        let one = if double {
            d::bernoulli(p, g)
        } else {
            d::bernoulli_single(p as f32, g)
        };
        one.map(f64::from)
    };
    let out = Tensor::empty(t.sizes(), t.dtype())?;
    fill_samples(&out, "bernoulli_tensor_cpu_self_", &mut next)?;
    t.copy_(&out)
}

/// Which elements dropout treats alike, and whether it keeps mean and variance (alpha dropout).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropout {
    Elements,
    /// One decision for all of a channel.
    Features,
    Alpha,
    AlphaFeatures,
}

/// `torch.nn.functional.dropout` and its kin.
pub fn dropout(t: &Tensor, p: f64, train: bool, kind: Dropout, g: &mut Generator) -> Result<Tensor> {
    ensure!(
        (0.0..=1.0).contains(&p),
        "dropout probability has to be between 0 and 1, but got {p}"
    );
    if p == 0.0 || !train || t.numel() == 0 {
        return Ok(t.clone());
    }
    if p == 1.0 {
        return mul(t.into(), (&Tensor::zeros(&[], t.dtype())?).into());
    }
    let features = matches!(kind, Dropout::Features | Dropout::AlphaFeatures);
    let noise = if features {
        ensure!(
            t.dim() >= 2,
            "Feature dropout requires at least 2 dimensions in the input"
        );
        let sizes: Dims = t
            .sizes()
            .iter()
            .enumerate()
            .map(|(i, &n)| if i < 2 { n } else { 1 })
            .collect();
        Tensor::empty(&sizes, t.dtype().to_real())?
    } else {
        t.empty_like(Some(t.dtype().to_real()), MemoryFormat::Preserve)?
    };
    bernoulli_(&noise, 1.0 - p, g)?;
    if matches!(kind, Dropout::Elements | Dropout::Features) {
        let noise = crate::pointwise::div((&noise).into(), (1.0 - p).into())?;
        return mul(t.into(), (&noise).into());
    }
    const ALPHA: f64 = 1.758_099_340_847_376_6;
    let a = 1.0 / ((ALPHA * ALPHA * p + 1.0) * (1.0 - p)).sqrt();
    let shift = add((&noise).into(), (-1).into(), 1.into())?;
    let shift = mul((&shift).into(), (ALPHA * a).into())?;
    let shift = add((&shift).into(), (ALPHA * a * p).into(), 1.into())?;
    let noise = mul((&noise).into(), a.into())?;
    add(
        (&mul(t.into(), (&noise).into())?).into(),
        (&shift).into(),
        1.into(),
    )
}

/// The result of dropout, and the mask of what was kept.
pub fn native_dropout(t: &Tensor, p: f64, train: bool, g: &mut Generator) -> Result<(Tensor, Tensor)> {
    ensure!(
        (0.0..=1.0).contains(&p),
        "dropout probability has to be between 0 and 1, but got {p}"
    );
    if t.numel() == 0 {
        return Ok((t.clone(), t.empty_like(None, MemoryFormat::Preserve)?));
    }
    let mask = t.empty_like(Some(DType::Bool), MemoryFormat::Preserve)?;
    if !train {
        mask.fill_(true)?;
        return Ok((t.copy()?, mask));
    }
    if p == 1.0 {
        mask.fill_(false)?;
        return Ok((t.zeros_like()?, mask));
    }
    bernoulli_(&mask, 1.0 - p, g)?;
    let kept = mul(t.into(), (&mask).into())?;
    Ok((mul((&kept).into(), (1.0 / (1.0 - p)).into())?, mask))
}

/// Indices drawn from rows of weights.
pub fn multinomial(t: &Tensor, samples: i64, replacement: bool, g: &mut Generator) -> Result<Tensor> {
    ensure!(t.dim() == 1 || t.dim() == 2, "prob_dist must be 1 or 2 dim");
    ensure!(
        t.is_floating_point(),
        "multinomial only supports floating-point dtypes for input, but got: {}",
        t.dtype().name()
    );
    ensure!(samples > 0, "cannot sample n_sample <= 0 samples");
    let n = t.size(wrap_dim(-1, t.dim())? as i64)?;
    ensure!(
        replacement || samples <= n,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
    );
    ensure!(n <= 1 << 24, "number of categories cannot exceed 2^24");
    let mut sizes: Dims = t.sizes().into();
    if let Some(last) = sizes.last_mut() {
        *last = samples;
    }
    // Fails here if there is no memory for it.
    Tensor::empty(&sizes, DType::Long)?;
    let weights = t.to_vec::<f64>()?;
    if !replacement || samples == 1 {
        d::check_weights(&weights, n as usize).map_err(Error::runtime)?;
        // Each weight divided by an exponential number, the largest win. The steps round to the dtype, so ties happen.
        let draws = t.empty_like(None, MemoryFormat::Preserve)?;
        exponential_(&draws, 1.0, g)?;
        let keys = crate::pointwise::div(t.into(), (&draws).into())?;
        return if samples == 1 {
            crate::reduce::argmax(&keys, Some(-1), true)
        } else {
            Ok(crate::sort::topk(&keys, samples, -1, true, true)?.1)
        };
    }
    let single = t.dtype() != DType::Double;
    let mut out: Vec<i64> = Vec::new();
    for row in weights.chunks_exact((n as usize).max(1)) {
        out.extend(
            d::multinomial_with_replacement(row, samples as usize, single, g).map_err(Error::runtime)?,
        );
    }
    Tensor::from_vec(out, &sizes)
}

/// One sample per element, in row-major order.
fn per_element(t: &Tensor, name: &str, mut sample: impl FnMut(f64) -> Result<f64, String>) -> Result<Tensor> {
    floating(t, name)?;
    let values: Result<Vec<f64>, String> = t.to_vec::<f64>()?.into_iter().map(&mut sample).collect();
    Tensor::from_vec(values.map_err(Error::runtime)?, t.sizes())?.to_dtype(t.dtype())
}

pub fn poisson(rates: &Tensor, g: &mut Generator) -> Result<Tensor> {
    per_element(rates, "poisson_cpu", |rate| d::poisson(rate, g).map(|k| k as f64))
}

pub fn standard_gamma(alpha: &Tensor, g: &mut Generator) -> Result<Tensor> {
    let single = alpha.dtype() != DType::Double;
    let least = if single {
        f32::MIN_POSITIVE as f64
    } else {
        f64::MIN_POSITIVE
    };
    per_element(alpha, "gamma_cpu", |a| {
        Ok(d::standard_gamma(a, single, g).max(least))
    })
}

/// Points of the simplex, one per row of the last dimension.
pub fn sample_dirichlet(alpha: &Tensor, g: &mut Generator) -> Result<Tensor> {
    floating(alpha, "dirichlet")?;
    let n = alpha.size(-1)?.max(1) as usize;
    let values = alpha.to_vec::<f64>()?;
    let mut out = vec![0.0; values.len()];
    for (row, point) in values.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        d::dirichlet(row, point, g);
    }
    Tensor::from_vec(out, alpha.sizes())?.to_dtype(alpha.dtype())
}

pub fn binomial(count: &Tensor, prob: &Tensor, g: &mut Generator) -> Result<Tensor> {
    ensure!(
        count.dtype() == prob.dtype(),
        "Found dtype {} but expected {}",
        prob.dtype().name(),
        count.dtype().name()
    );
    let both = Tensor::broadcast_tensors(&[count.clone(), prob.clone()])?;
    let mut probabilities = both[1].to_vec::<f64>()?.into_iter();
    per_element(&both[0], "binomial_cpu", |n| {
        Ok(d::binomial(n, probabilities.next().unwrap_or(0.0), g))
    })
}

/// Randomised leaky ReLU: the slopes drawn for negative elements (1 for the others), and the result.
pub fn rrelu(t: &Tensor, lower: f64, upper: f64, g: &mut Generator) -> Result<(Tensor, Tensor)> {
    ensure!(
        lower <= upper,
        "Lower bound should be less than or equal to the upper bound"
    );
    floating(t, "rrelu_with_noise_out_cpu")?;
    // Of types with 16 bits the slope and the result are rounded, each once.
    let wide = if t.dtype() == DType::Double {
        DType::Double
    } else {
        DType::Float
    };
    let x = t.to_dtype(wide)?;
    let noise = per_element(&x, "rrelu_with_noise_out_cpu", |x| {
        Ok(if x <= 0.0 {
            g.uniform() * (upper - lower) + lower
        } else {
            1.0
        })
    })?;
    let out = mul((&x).into(), (&noise).into())?;
    Ok((noise.to_dtype(t.dtype())?, out.to_dtype(t.dtype())?))
}
