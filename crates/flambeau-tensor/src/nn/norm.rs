//! Normalisations: batch, instance, layer, group, root mean square, and of weights.
//!
//! Statistics are taken in two passes and kept in `f64` until they are used.

use super::access::{checked_product, compute, dense, lengths};
use super::rows::{Loop, RowElement, looped, moments, sum};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{MemoryFormat, show};
use crate::math::Madd;
use crate::parallel::{SharedMut, parallel_for};
use crate::scalar::Scalar;
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{bail, ensure, pointwise};
use parking_lot::Mutex;
use std::sync::Arc;

/// A normalised tensor, the means, and the reciprocals of the standard deviations.
pub struct Normalized {
    pub output: Tensor,
    pub mean: Tensor,
    pub rstd: Tensor,
}

fn float_only(name: &str, x: &Tensor) -> Result<()> {
    if !x.is_floating_point() {
        bail!(
            NotImplemented,
            "\"{name}\" not implemented for '{}'",
            x.dtype().name()
        );
    }
    Ok(())
}

/// Parameters as `f64`, which holds them exactly, or nothing.
fn numbers(t: Option<&Tensor>) -> Result<Option<Vec<f64>>> {
    t.map(|t| t.to_vec::<f64>()).transpose()
}

/// The running statistics and how they move.
#[derive(Clone, Copy, Default)]
pub struct Running<'a> {
    pub mean: Option<&'a Tensor>,
    pub var: Option<&'a Tensor>,
}

/// PyTorch's `batch_norm`: per channel (dimension 1), with the statistics of the input if `training`, else with the
/// running ones. In training the running statistics are moved towards those of the input.
#[allow(clippy::too_many_arguments)]
pub fn batch_norm(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running: Running<'_>,
    training: bool,
    momentum: f64,
    eps: f64,
) -> Result<Tensor> {
    let fresh = || Ok(native_batch_norm(x, weight, bias, running, training, momentum, eps)?.output);
    let alone = weight.is_none() && bias.is_none() && running.mean.is_none() && running.var.is_none();
    if training && alone && x.storage().holds_parameters() {
        return standardized(x, eps, fresh);
    }
    fresh()
}

/// A standardised parameter, which models with weight standardisation compute in every call. The last result is kept
/// with the parameter and given out again if nobody holds it any more and nobody wrote to it; what later operators
/// prepared of it stays with it.
fn standardized(x: &Tensor, eps: f64, fresh: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    type Kept = Mutex<Option<(Tensor, u64)>>;
    let kept = x.prepared("batch_norm", &[eps.to_bits() as i64], || Ok(Kept::default()))?;
    let mut kept = kept.lock();
    if let Some((t, version)) = &*kept
        && Arc::strong_count(t.storage()) == 1
        && t.storage().version() == *version
    {
        return Ok(t.detach());
    }
    let t = fresh()?;
    *kept = Some((t.detach(), t.storage().version()));
    Ok(t)
}

/// [`batch_norm`] with the statistics it took; they are empty outside of training.
#[allow(clippy::too_many_arguments)]
pub fn native_batch_norm(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running: Running<'_>,
    training: bool,
    momentum: f64,
    eps: f64,
) -> Result<Normalized> {
    float_only("batch_norm", x)?;
    // A vector has no channels, which only an empty one survives.
    let channels = x.sizes().get(1).copied().unwrap_or(0);
    for (name, t) in [
        ("weight", weight),
        ("bias", bias),
        ("running_mean", running.mean),
        ("running_var", running.var),
    ] {
        if let Some(t) = t {
            ensure!(
                t.numel() == channels,
                "{name} should contain {channels} elements not {}",
                t.numel()
            );
        }
    }
    if !training {
        ensure!(
            running.mean.is_some(),
            "running_mean must be defined in evaluation mode"
        );
        ensure!(
            running.var.is_some(),
            "running_var must be defined in evaluation mode"
        );
    }
    let dtype = x.dtype();
    if x.dim() < 2 {
        ensure!(
            x.numel() == 0,
            "Expected at least 2 dimensions of the input to batch_norm, but got {}",
            show(x.sizes())
        );
        let none = Tensor::empty(&[0], dtype)?;
        return Ok(Normalized {
            output: x.copy()?,
            mean: none.clone(),
            rstd: none,
        });
    }
    let wide = x.to_dtype(compute(dtype))?;
    let stats_dtype = compute(dtype);
    let kept = statistics_dtype(dtype, &[weight, bias, running.mean, running.var]);
    let done = if stats_dtype == DType::Double {
        batch::<f64>(&wide, weight, bias, running, training, momentum, eps, kept)?
    } else {
        batch::<f32>(&wide, weight, bias, running, training, momentum, eps, kept)?
    };
    let parameters = [Some(x), weight, bias, running.mean, running.var];
    let even = parameters.iter().flatten().all(|t| t.is_contiguous());
    if !even && kept == dtype && stats_dtype != dtype && x.numel() > 0 {
        return in_steps(x, weight, bias, running, eps, done, training);
    }
    let mut output = done.output.to_dtype(dtype)?;
    let format = x.suggest_memory_format();
    if format != MemoryFormat::Contiguous {
        output = output.contiguous_as(format)?;
    }
    Ok(Normalized {
        output,
        mean: done.mean.to_dtype(kept)?,
        rstd: done.rstd.to_dtype(kept)?,
    })
}

/// Half types that do not lie in order are normalised step by step.
fn in_steps(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running: Running<'_>,
    eps: f64,
    done: Normalized,
    training: bool,
) -> Result<Normalized> {
    let dtype = x.dtype();
    let (mean, rstd) = (done.mean.to_dtype(dtype)?, done.rstd.to_dtype(dtype)?);
    let (center, scale) = match (training, running.mean, running.var) {
        (false, Some(mean), Some(var)) => {
            let root = pointwise::sqrt(&pointwise::add(
                var.into(),
                Scalar::Float(eps).into(),
                Scalar::Int(1),
            )?)?;
            (
                mean.to_dtype(dtype)?,
                pointwise::reciprocal(&root)?.to_dtype(dtype)?,
            )
        }
        _ => (mean.clone(), rstd.clone()),
    };
    let mut along = vec![1; x.dim()];
    along[1] = -1;
    let along = |t: &Tensor| t.to_dtype(dtype)?.reshape(&along);
    let mut out = pointwise::sub(x.into(), (&along(&center)?).into(), Scalar::Int(1))?;
    out = pointwise::mul((&out).into(), (&along(&scale)?).into())?;
    if let Some(w) = weight {
        out = pointwise::mul((&out).into(), (&along(w)?).into())?;
    }
    if let Some(b) = bias {
        out = pointwise::add((&out).into(), (&along(b)?).into(), Scalar::Int(1))?;
    }
    Ok(Normalized {
        output: out,
        mean,
        rstd,
    })
}

/// Statistics come back in the type of the input, in single precision if parameters beside a half type have that.
fn statistics_dtype(dtype: DType, parameters: &[Option<&Tensor>]) -> DType {
    let first = parameters.iter().flatten().next();
    match first {
        Some(t) if compute(dtype) != dtype && t.dtype() == DType::Float => DType::Float,
        _ => dtype,
    }
}

#[allow(clippy::too_many_arguments)]
fn batch<T: RowElement>(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running: Running<'_>,
    training: bool,
    momentum: f64,
    eps: f64,
    kept: DType,
) -> Result<Normalized> {
    let x = dense(x)?;
    let sizes = lengths(x.sizes());
    let (batch, channels) = (sizes[0], sizes[1]);
    let plane: usize = sizes[2..].iter().product();
    let (mut mean, var) = if training {
        let (mut mean, mut var) = (vec![0.0; channels], vec![0.0; channels]);
        let read = x.read()?;
        let data = read.slice::<T>()?;
        let (to_mean, to_var) = (SharedMut(mean.as_mut_ptr()), SharedMut(var.as_mut_ptr()));
        parallel_for(channels, (1 << 15) / (batch * plane).max(1) + 1, |range| {
            for c in range {
                let row = |n: usize| &data[(n * channels + c) * plane..][..plane];
                let (m, v) = vectorize(
                    #[inline(always)]
                    || {
                        let count = (batch * plane) as f64;
                        let mean = (0..batch).map(|n| sum(row(n), |x| x)).sum::<f64>() / count;
                        let center = T::of(mean);
                        let squares: f64 = (0..batch)
                            .map(|n| {
                                sum(row(n), |x| {
                                    let d = x.less(center);
                                    d.times(d)
                                })
                            })
                            .sum();
                        let off = mean - center.wide();
                        (mean, (squares / count - off * off).max(0.0))
                    },
                );
                // SAFETY: each channel has its own place.
                unsafe {
                    *to_mean.get().add(c) = m;
                    *to_var.get().add(c) = v;
                }
            }
        });
        drop(read);
        let count = (batch * plane) as f64;
        if batch * plane > 0 {
            let unbiased: Vec<f64> = var.iter().map(|v| v * count / (count - 1.0)).collect();
            for (t, now) in [(running.mean, &mean), (running.var, &unbiased)] {
                if let Some(t) = t {
                    let old = t.to_vec::<f64>()?;
                    let new: Vec<f64> = old
                        .iter()
                        .zip(now)
                        .map(|(o, n)| momentum * n + (1.0 - momentum) * o)
                        .collect();
                    t.copy_(&Tensor::from_slice(&new, t.sizes())?)?;
                }
            }
        }
        (mean, var)
    } else {
        (
            numbers(running.mean)?.unwrap_or_default(),
            numbers(running.var)?.unwrap_or_default(),
        )
    };
    let (weight, bias) = (numbers(weight)?, numbers(bias)?);
    let mut rstd: Vec<f64> = var.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
    if training && compute(kept) != kept {
        // Statistics are kept in the half type, and used as kept.
        for list in [&mut mean, &mut rstd] {
            *list = Tensor::from_slice(list, &[channels as i64])?
                .to_dtype(kept)?
                .to_vec::<f64>()?;
        }
    }
    let affine: Vec<(T, T)> = (0..channels)
        .map(|c| {
            let scale = T::of(rstd[c]).times(T::of(weight.as_ref().map_or(1.0, |w| w[c])));
            let shift = T::of(bias.as_ref().map_or(0.0, |b| b[c])).less(T::of(mean[c]).times(scale));
            (scale, shift)
        })
        .collect();
    let output = Tensor::empty(x.sizes(), T::DTYPE)?;
    {
        let (read, mut write) = (x.read()?, output.write()?);
        let (data, to) = (read.slice::<T>()?, SharedMut(write.slice::<T>()?.as_mut_ptr()));
        if plane == 1 {
            // Channels lie side by side.
            let (scales, shifts): (Vec<T>, Vec<T>) = affine.into_iter().unzip();
            parallel_for(batch, (1 << 15) / channels.max(1) + 1, |range| {
                vectorize(
                    #[inline(always)]
                    || {
                        for i in range {
                            let from = &data[i * channels..][..channels];
                            // SAFETY: rows are cut disjointly.
                            let to = unsafe {
                                std::slice::from_raw_parts_mut(to.get().add(i * channels), channels)
                            };
                            for (((c, &x), &scale), &shift) in
                                to.iter_mut().zip(from).zip(&scales).zip(&shifts)
                            {
                                *c = x.times(scale).plus(shift);
                            }
                        }
                    },
                );
            });
        } else {
            parallel_for(batch * channels, (1 << 15) / plane.max(1) + 1, |range| {
                vectorize(
                    #[inline(always)]
                    || {
                        for i in range {
                            let (scale, shift) = affine[i % channels];
                            let from = &data[i * plane..][..plane];
                            // SAFETY: planes are cut disjointly.
                            let to =
                                unsafe { std::slice::from_raw_parts_mut(to.get().add(i * plane), plane) };
                            to.iter_mut()
                                .zip(from)
                                .for_each(|(c, &x)| *c = x.times(scale).plus(shift));
                        }
                    },
                );
            });
        }
    }
    let list = |values: Vec<f64>| -> Result<Tensor> {
        let values = if training { values } else { Vec::new() };
        let n = values.len() as i64;
        Tensor::from_slice(&values, &[n])?.to_dtype(T::DTYPE)
    };
    Ok(Normalized {
        output,
        mean: list(mean)?,
        rstd: list(rstd)?,
    })
}

/// PyTorch's `instance_norm`: each channel of each item for itself.
#[allow(clippy::too_many_arguments)]
pub fn instance_norm(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    running: Running<'_>,
    use_input_stats: bool,
    momentum: f64,
    eps: f64,
) -> Result<Tensor> {
    ensure!(
        use_input_stats || (running.mean.is_some() && running.var.is_some()),
        "Expected running_mean and running_var to be defined when use_input_stats is false"
    );
    ensure!(
        x.dim() >= 2,
        "Expected at least 2 dimensions of the input to instance_norm, but got {}",
        show(x.sizes())
    );
    let (batch, channels) = (x.sizes()[0], x.sizes()[1]);
    let mut size = vec![1, checked_product(&lengths(&[batch, channels]))? as i64];
    size.extend_from_slice(&x.sizes()[2..]);
    let repeat = |t: Option<&Tensor>| -> Result<Option<Tensor>> {
        t.map(|t| {
            ensure!(
                t.numel() == channels,
                "weight should contain {channels} elements not {}",
                t.numel()
            );
            t.reshape(&[1, channels])?
                .expand(&[batch, channels])?
                .reshape(&[batch * channels])?
                .copy()
        })
        .transpose()
    };
    let (w, b, mean, var) = (
        repeat(weight)?,
        repeat(bias)?,
        repeat(running.mean)?,
        repeat(running.var)?,
    );
    let each = Running {
        mean: mean.as_ref(),
        var: var.as_ref(),
    };
    let folded = x.contiguous()?.view(&size)?;
    let out = batch_norm(
        &folded,
        w.as_ref(),
        b.as_ref(),
        each,
        use_input_stats,
        momentum,
        eps,
    )?;
    if use_input_stats && batch > 0 {
        // The running statistics are those of the items, averaged.
        for (t, all) in [(running.mean, mean), (running.var, var)] {
            if let (Some(t), Some(all)) = (t, all) {
                let all = all.to_vec::<f64>()?;
                let c = channels as usize;
                let average: Vec<f64> = (0..c)
                    .map(|i| all.iter().skip(i).step_by(c).sum::<f64>() / batch as f64)
                    .collect();
                t.copy_(&Tensor::from_slice(&average, t.sizes())?)?;
            }
        }
    }
    out.view(x.sizes())
}

fn check_normalized(
    name: &str,
    x: &Tensor,
    shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
) -> Result<()> {
    ensure!(
        !shape.is_empty(),
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got \
         normalized_shape = []"
    );
    for (what, t) in [("weight", weight), ("bias", bias)] {
        if let Some(t) = t {
            ensure!(
                t.sizes() == shape,
                "Expected {what} to be of same shape as normalized_shape, but got {what} of shape {} and normalized_shape = \
                 {}",
                show(t.sizes()),
                show(shape)
            );
        }
    }
    let sizes = x.sizes();
    let tail: String = shape.iter().map(|s| format!(", {s}")).collect();
    ensure!(
        sizes.len() >= shape.len() && &sizes[sizes.len() - shape.len()..] == shape,
        "Given normalized_shape={}, expected input with shape [*{tail}], but got input of size{}",
        show(shape),
        show(sizes)
    );
    float_only(name, x)
}

/// PyTorch's `layer_norm`: over the last dimensions.
pub fn layer_norm(
    x: &Tensor,
    shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    Ok(native_layer_norm(x, shape, weight, bias, eps)?.output)
}

/// [`layer_norm`] with its statistics.
pub fn native_layer_norm(
    x: &Tensor,
    shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Normalized> {
    check_normalized("LayerNormKernelImpl", x, shape, weight, bias)?;
    by_rows(x, shape, weight, bias, eps, true)
}

/// PyTorch's `rms_norm`: divides by the root of the mean square; without `eps` the smallest distinguishable number.
pub fn rms_norm(x: &Tensor, shape: &[i64], weight: Option<&Tensor>, eps: Option<f64>) -> Result<Tensor> {
    if x.is_complex() {
        let part = weight.map(Tensor::real).transpose()?;
        check_normalized("rms_norm", &x.real()?, shape, part.as_ref(), None)?;
        let dims: Vec<i64> = (1..=shape.len() as i64).map(|d| -d).collect();
        let squares = pointwise::mul(x.into(), x.into())?;
        let mean = crate::reduce::mean(&squares, &dims, true, None)?;
        let eps = eps.unwrap_or(if x.dtype() == DType::ComplexDouble {
            f64::EPSILON
        } else {
            f32::EPSILON as f64
        });
        let shifted = pointwise::add((&mean).into(), Scalar::Float(eps).into(), Scalar::Int(1))?;
        let out = pointwise::mul(x.into(), (&pointwise::rsqrt((&shifted).into())?).into())?;
        return match weight {
            Some(w) => pointwise::mul((&out).into(), w.into()),
            None => Ok(out),
        };
    }
    check_normalized("rms_norm", x, shape, weight, None)?;
    let eps = eps.unwrap_or(if x.dtype() == DType::Double {
        f64::EPSILON
    } else {
        f32::EPSILON as f64
    });
    Ok(by_rows(x, shape, weight, None, eps, false)?.output)
}

fn by_rows(
    x: &Tensor,
    shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
    center: bool,
) -> Result<Normalized> {
    let dtype = x.dtype();
    let wide = x.to_dtype(compute(dtype))?;
    let done = if compute(dtype) == DType::Double {
        rows_of::<f64>(&wide, shape, weight, bias, eps, center)?
    } else {
        rows_of::<f32>(&wide, shape, weight, bias, eps, center)?
    };
    let kept = statistics_dtype(dtype, &[weight, bias]);
    Ok(Normalized {
        output: done.output.to_dtype(dtype)?,
        mean: done.mean.to_dtype(kept)?,
        rstd: done.rstd.to_dtype(kept)?,
    })
}

fn rows_of<T: RowElement>(
    x: &Tensor,
    shape: &[i64],
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
    center: bool,
) -> Result<Normalized> {
    let x = dense(x)?;
    let n = checked_product(&lengths(shape))?;
    let lead = x.dim() - shape.len();
    let rows: usize = lengths(&x.sizes()[..lead]).iter().product();
    let output = Tensor::empty(x.sizes(), T::DTYPE)?;
    let mut stats_size = x.sizes()[..lead].to_vec();
    stats_size.extend(shape.iter().map(|_| 1));
    let (mean, rstd) = (
        Tensor::empty(&stats_size, T::DTYPE)?,
        Tensor::empty(&stats_size, T::DTYPE)?,
    );
    let typed = |t: Option<&Tensor>| t.map(|t| t.to_vec::<T>()).transpose();
    let (weight, bias) = (typed(weight)?, typed(bias)?);
    {
        let read = x.read()?;
        let (mut a, mut b, mut c) = (output.write()?, mean.write()?, rstd.write()?);
        let data = read.slice::<T>()?;
        let to = SharedMut(a.slice::<T>()?.as_mut_ptr());
        let (to_mean, to_rstd) = (
            SharedMut(b.slice::<T>()?.as_mut_ptr()),
            SharedMut(c.slice::<T>()?.as_mut_ptr()),
        );
        parallel_for(rows, (1 << 15) / n.max(1) + 1, |range| {
            for r in range {
                let from = &data[r * n..][..n];
                // SAFETY: rows are cut disjointly.
                let to = unsafe { std::slice::from_raw_parts_mut(to.get().add(r * n), n) };
                let (m, s) = looped(Row {
                    from,
                    to,
                    weight: weight.as_deref(),
                    bias: bias.as_deref(),
                    eps,
                    center,
                });
                // SAFETY: as above.
                unsafe {
                    *to_mean.get().add(r) = m;
                    *to_rstd.get().add(r) = s;
                }
            }
        });
    }
    Ok(Normalized { output, mean, rstd })
}

struct Row<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
    weight: Option<&'a [T]>,
    bias: Option<&'a [T]>,
    eps: f64,
    center: bool,
}

impl<T: RowElement> Loop for Row<'_, T> {
    type Output = (T, T);
    #[inline(always)]
    fn run<M: Madd>(self) -> (T, T) {
        let Row {
            from,
            to,
            weight,
            bias,
            eps,
            center,
        } = self;
        let (mean, var) = if center {
            moments(from)
        } else {
            (0.0, sum(from, |x| x.times(x)) / from.len() as f64)
        };
        let scale = T::of(1.0 / (var + eps).sqrt());
        let shift = T::ZERO.less(T::of(mean)).times(scale);
        let base = |x: T| {
            if center {
                x.times(scale).plus(shift)
            } else {
                x.times(scale)
            }
        };
        match (weight, bias) {
            (Some(w), Some(b)) => {
                for (((c, &x), &w), &b) in to.iter_mut().zip(from).zip(w).zip(b) {
                    *c = base(x).times(w).plus(b);
                }
            }
            (Some(w), None) => to
                .iter_mut()
                .zip(from)
                .zip(w)
                .for_each(|((c, &x), &w)| *c = base(x).times(w)),
            (None, Some(b)) => to
                .iter_mut()
                .zip(from)
                .zip(b)
                .for_each(|((c, &x), &b)| *c = base(x).plus(b)),
            (None, None) => to.iter_mut().zip(from).for_each(|(c, &x)| *c = base(x)),
        }
        (T::of(mean), scale)
    }
}

/// PyTorch's `group_norm`: channels in groups.
pub fn group_norm(
    x: &Tensor,
    num_groups: i64,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    Ok(native_group_norm(x, num_groups, weight, bias, eps)?.output)
}

/// [`group_norm`] with its statistics, `[batch, groups]`.
pub fn native_group_norm(
    x: &Tensor,
    num_groups: i64,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Normalized> {
    ensure!(
        x.dim() >= 2,
        "Expected at least 2 dimensions for input tensor but received {}",
        x.dim()
    );
    ensure!(
        num_groups > 0,
        "Expected num groups to be greater than 0, got {num_groups}"
    );
    let channels = x.sizes()[1];
    ensure!(
        channels % num_groups == 0,
        "Expected number of channels in input to be divisible by num_groups, but got input of shape {} and \
         num_groups={num_groups}",
        show(x.sizes())
    );
    for (what, t) in [("weight", weight), ("bias", bias)] {
        if let Some(t) = t {
            ensure!(
                t.dim() == 1 && t.numel() == channels,
                "Expected {what} to be a vector of size equal to the number of channels in input, but got {what} of shape \
                 {} and input of shape {}",
                show(t.sizes()),
                show(x.sizes())
            );
        }
    }
    float_only("group_norm", x)?;
    let dtype = x.dtype();
    let wide = x.to_dtype(compute(dtype))?;
    let done = if compute(dtype) == DType::Double {
        groups::<f64>(&wide, num_groups as usize, weight, bias, eps)?
    } else {
        groups::<f32>(&wide, num_groups as usize, weight, bias, eps)?
    };
    let mut output = done.output.to_dtype(dtype)?;
    if x.suggest_memory_format() != MemoryFormat::Contiguous {
        output = output.contiguous_as(x.suggest_memory_format())?;
    }
    let kept = statistics_dtype(x.dtype(), &[weight, bias]);
    Ok(Normalized {
        output,
        mean: done.mean.to_dtype(kept)?,
        rstd: done.rstd.to_dtype(kept)?,
    })
}

fn groups<T: RowElement>(
    x: &Tensor,
    groups: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Normalized> {
    let x = dense(x)?;
    let sizes = lengths(x.sizes());
    let (batch, channels) = (sizes[0], sizes[1]);
    let plane: usize = sizes[2..].iter().product();
    let each = channels / groups;
    let n = each * plane;
    let output = Tensor::empty(x.sizes(), T::DTYPE)?;
    let size = [batch as i64, groups as i64];
    let (mean, rstd) = (Tensor::empty(&size, T::DTYPE)?, Tensor::empty(&size, T::DTYPE)?);
    let typed = |t: Option<&Tensor>| t.map(|t| t.to_vec::<T>()).transpose();
    let (weight, bias) = (typed(weight)?, typed(bias)?);
    {
        let read = x.read()?;
        let (mut a, mut b, mut c) = (output.write()?, mean.write()?, rstd.write()?);
        let data = read.slice::<T>()?;
        let to = SharedMut(a.slice::<T>()?.as_mut_ptr());
        let (to_mean, to_rstd) = (
            SharedMut(b.slice::<T>()?.as_mut_ptr()),
            SharedMut(c.slice::<T>()?.as_mut_ptr()),
        );
        parallel_for(batch * groups, (1 << 15) / n.max(1) + 1, |range| {
            vectorize(
                #[inline(always)]
                || {
                    for i in range {
                        let from = &data[i * n..][..n];
                        // SAFETY: groups are cut disjointly.
                        let to = unsafe { std::slice::from_raw_parts_mut(to.get().add(i * n), n) };
                        let (m, v) = moments(from);
                        let r = T::of(1.0 / (v + eps).sqrt());
                        for c in 0..each {
                            let channel = i % groups * each + c;
                            let scale = weight.as_ref().map_or(r, |w| r.times(w[channel]));
                            let base = bias.as_ref().map_or(T::ZERO, |b| b[channel]);
                            let shift = base.less(scale.times(T::of(m)));
                            let span = c * plane..(c + 1) * plane;
                            for (to, &x) in to[span.clone()].iter_mut().zip(&from[span]) {
                                *to = x.times(scale).plus(shift);
                            }
                        }
                        // SAFETY: as above.
                        unsafe {
                            *to_mean.get().add(i) = T::of(m);
                            *to_rstd.get().add(i) = r;
                        }
                    }
                },
            );
        });
    }
    Ok(Normalized { output, mean, rstd })
}

#[cfg(test)]
#[path = "norm_tests.rs"]
mod tests;
