//! Losses that are not compositions of pointwise operators: negative log likelihood and CTC.

use super::access::{compute, lengths};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::show;
use crate::tensor::Tensor;
use crate::{bail, bf16, ensure, f16};

/// How the losses of a batch become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    None,
    Mean,
    Sum,
}

impl Reduction {
    /// PyTorch's number for it.
    pub fn from_code(code: i64) -> Result<Reduction> {
        match code {
            0 => Ok(Reduction::None),
            1 => Ok(Reduction::Mean),
            2 => Ok(Reduction::Sum),
            other => bail!(Value, "{other} is not a valid value for reduction"),
        }
    }
}

/// PyTorch's `nll_loss` for any number of dimensions: `input` is `[c]`, `[n, c]` or `[n, c, …]`, and `target` holds the
/// classes. Returns the loss and the total weight of what took part.
pub fn nll_loss(
    input: &Tensor,
    target: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
    ignore_index: i64,
) -> Result<(Tensor, Tensor)> {
    let sizes = input.sizes();
    ensure!(!sizes.is_empty(), "input tensor should be 1D or 2D");
    if !input.is_floating_point() {
        bail!(
            NotImplemented,
            "\"nll_loss_out_frame\" not implemented for '{}'",
            input.dtype().name()
        );
    }
    ensure!(
        matches!(target.dtype(), DType::Long | DType::Byte),
        "expected scalar type Long but found {}",
        target.dtype().name()
    );
    let class = usize::from(sizes.len() > 1);
    let classes = sizes[class];
    let mut wanted = sizes.to_vec();
    wanted.remove(class);
    ensure!(
        target.sizes() == wanted.as_slice(),
        "size mismatch (got input: {}, target: {})",
        show(sizes),
        show(target.sizes())
    );
    if let Some(w) = weight {
        ensure!(
            w.dim() == 1 && w.numel() == classes,
            "weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of shape: {}",
            show(w.sizes())
        );
    }
    let weight = weight.map(|w| w.to_vec::<f64>()).transpose()?;
    let (x, t) = (input.to_vec::<f64>()?, target.to_vec::<i64>()?);
    let inner: usize = lengths(&sizes[class + 1..]).iter().product();
    let (mut losses, mut total) = (Vec::with_capacity(t.len()), 0.0);
    for (i, &c) in t.iter().enumerate() {
        if c == ignore_index {
            losses.push(0.0);
            continue;
        }
        ensure!((0..classes).contains(&c), "Target {c} is out of bounds.");
        let w = weight.as_ref().map_or(1.0, |w| w[c as usize]);
        let (n, at) = (i / inner.max(1), i % inner.max(1));
        losses.push(-w * x[(n * classes as usize + c as usize) * inner + at]);
        total += w;
    }
    let dtype = input.dtype();
    let single = |v: f64| Tensor::scalar_tensor(v, DType::Double)?.to_dtype(dtype);
    if reduction != Reduction::None && compute(dtype) != dtype {
        let own = |v: f64| match dtype {
            DType::Half => f16::from_f64(v).to_f64(),
            _ => bf16::from_f64(v).to_f64(),
        };
        losses.iter_mut().for_each(|x| *x = own(*x));
        if let Some(w) = &weight {
            let used = t
                .iter()
                .map(|&c| if c == ignore_index { 0.0 } else { w[c as usize] });
            total = cascade(used, t.len(), own);
        }
        let sum = cascade(losses.iter().copied(), t.len(), own);
        let mean = reduction == Reduction::Mean;
        return Ok((single(if mean { sum / own(total) } else { sum })?, single(total)?));
    }
    let out = match reduction {
        Reduction::None => Tensor::from_slice(&losses, &wanted)?.to_dtype(dtype)?,
        Reduction::Sum => single(losses.iter().sum())?,
        // Nothing took part: NaN, as in PyTorch.
        Reduction::Mean => single(losses.iter().sum::<f64>() / total)?,
    };
    Ok((
        out,
        single(if reduction == Reduction::None { 0.0 } else { total })?,
    ))
}

/// The sum of `n` numbers of a half type in PyTorch's order: partial sums of growing length, each sum rounded by `own`.
fn cascade(values: impl Iterator<Item = f64>, n: usize, own: impl Fn(f64) -> f64) -> f64 {
    const LEVELS: usize = 8;
    let power = (n.max(1).next_power_of_two().trailing_zeros() as usize / LEVELS).max(4);
    let mask = (1usize << power) - 1;
    let mut sums = [0.0; LEVELS];
    for (i, x) in values.enumerate() {
        sums[0] = own(sums[0] + x);
        for level in 0..LEVELS - 1 {
            if i & mask.checked_shl((level * power) as u32).unwrap_or(0) != 0 {
                break;
            }
            sums[level + 1] = own(sums[level + 1] + sums[level]);
            sums[level] = 0.0;
        }
    }
    sums.iter().fold(0.0, |sum, x| own(sum + x))
}

/// `ln(e^a + e^b)`.
fn log_add(a: f64, b: f64) -> f64 {
    let high = a.max(b);
    if high == f64::NEG_INFINITY {
        high
    } else {
        high + ((a - high).exp() + (b - high).exp()).ln()
    }
}

/// PyTorch's `ctc_loss` over `[time, batch, classes]` (or without a batch). Targets are `[batch, most]` or one after the
/// other.
#[allow(clippy::too_many_arguments)]
pub fn ctc_loss(
    log_probs: &Tensor,
    targets: &Tensor,
    input_lengths: &[i64],
    target_lengths: &[i64],
    blank: i64,
    reduction: Reduction,
    zero_infinity: bool,
) -> Result<Tensor> {
    if log_probs.dim() == 2 {
        let out = ctc_loss(
            &log_probs.unsqueeze(1)?,
            targets,
            input_lengths,
            target_lengths,
            blank,
            reduction,
            zero_infinity,
        )?;
        return if out.dim() == 1 {
            out.squeeze_dim(0)
        } else {
            Ok(out)
        };
    }
    ensure!(
        log_probs.dim() == 3,
        "log_probs must have 3 dimensions, got {}",
        log_probs.dim()
    );
    if !matches!(log_probs.dtype(), DType::Float | DType::Double) {
        bail!(
            NotImplemented,
            "\"ctc_loss_cpu\" not implemented for '{}'",
            log_probs.dtype().name()
        );
    }
    let s = lengths(log_probs.sizes());
    let (time, batch, classes) = (s[0], s[1], s[2]);
    ensure!(
        (0..classes as i64).contains(&blank),
        "blank must be in label range"
    );
    ensure!(
        input_lengths.len() == batch,
        "input_lengths must be of size batch_size"
    );
    ensure!(
        target_lengths.len() == batch,
        "target_lengths must be of size batch_size"
    );
    ensure!(
        target_lengths.iter().all(|&l| l >= 0),
        "Expected target_lengths to have value at least 0, but got {}",
        show(target_lengths)
    );
    for &l in input_lengths {
        ensure!(
            (0..=time as i64).contains(&l),
            "Expected input_lengths to have value at most {time}, but got value {l}"
        );
    }
    let flat = targets.dim() == 1 && (batch != 1 || targets.numel() == target_lengths.iter().sum::<i64>());
    let most = target_lengths.iter().copied().max().unwrap_or(0);
    if flat {
        let sum = target_lengths.iter().try_fold(0i64, |a, &b| a.checked_add(b));
        ensure!(
            sum == Some(targets.numel()),
            "Expected tensor to have size {} at dimension 0, but got size {}",
            sum.unwrap_or(i64::MAX),
            targets.numel()
        );
    } else {
        ensure!(
            targets.dim() == 2 && targets.sizes()[0] == batch as i64 && targets.sizes()[1] >= most,
            "Expected targets of size {batch} x {most} at least, but got {}",
            show(targets.sizes())
        );
    }
    let labels = targets.to_vec::<i64>()?;
    let x = log_probs.to_vec::<f64>()?;
    let mut losses = Vec::with_capacity(batch);
    let mut at = 0;
    for n in 0..batch {
        let (t_len, l_len) = (input_lengths[n] as usize, target_lengths[n] as usize);
        let start = if flat { at } else { n * targets.sizes()[1] as usize };
        at += l_len;
        let own = &labels[start..start + l_len];
        for &l in own {
            ensure!((0..classes as i64).contains(&l), "Target {l} is out of bounds.");
        }
        // Blanks around and between the labels.
        let state = |s: usize| {
            if s % 2 == 1 {
                own[s / 2] as usize
            } else {
                blank as usize
            }
        };
        let states = 2 * l_len + 1;
        let row = |t: usize| &x[(t * batch + n) * classes..][..classes];
        let mut alpha = vec![f64::NEG_INFINITY; states];
        let loss = if t_len == 0 {
            if l_len == 0 { 0.0 } else { f64::INFINITY }
        } else {
            for s in 0..states.min(2) {
                alpha[s] = row(0)[state(s)];
            }
            for t in 1..t_len {
                let before = alpha.clone();
                for s in 0..states {
                    let mut sum = before[s];
                    if s >= 1 {
                        sum = log_add(sum, before[s - 1]);
                    }
                    // A label may follow another without a blank if they differ.
                    if s >= 2 && state(s) != state(s - 2) {
                        sum = log_add(sum, before[s - 2]);
                    }
                    alpha[s] = sum + row(t)[state(s)];
                }
            }
            let last = alpha[states - 1];
            -if states > 1 {
                log_add(last, alpha[states - 2])
            } else {
                last
            }
        };
        losses.push(if zero_infinity && loss == f64::INFINITY {
            0.0
        } else {
            loss
        });
    }
    let dtype = log_probs.dtype();
    let single = |v: f64| Tensor::scalar_tensor(v, DType::Double)?.to_dtype(dtype);
    match reduction {
        Reduction::None => Tensor::from_slice(&losses, &[batch as i64])?.to_dtype(dtype),
        Reduction::Sum => single(losses.iter().sum()),
        Reduction::Mean => {
            let each = losses
                .iter()
                .zip(target_lengths)
                .map(|(l, &n)| l / n.max(1) as f64);
            single(each.sum::<f64>() / batch as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(t: &Tensor) -> f64 {
        (t.item().unwrap().to_f64() * 1e4).round() / 1e4
    }

    #[test]
    fn likelihoods() {
        let x = Tensor::from_slice(&[-1f64, -2., -3., -4., -5., -6.], &[2, 3]).unwrap();
        let t = Tensor::from_slice(&[2i64, 0], &[2]).unwrap();
        let w = Tensor::from_slice(&[1f64, 2., 3.], &[3]).unwrap();
        assert_eq!(
            item(&nll_loss(&x, &t, None, Reduction::Mean, -100).unwrap().0),
            3.5
        );
        assert_eq!(
            item(&nll_loss(&x, &t, Some(&w), Reduction::Sum, -100).unwrap().0),
            13.0
        );
        let (mean, total) = nll_loss(&x, &t, Some(&w), Reduction::Mean, 0).unwrap();
        assert_eq!((item(&mean), item(&total)), (3.0, 3.0));
        assert_eq!(
            nll_loss(&x, &t, None, Reduction::None, 2)
                .unwrap()
                .0
                .to_vec::<f64>()
                .unwrap(),
            [0.0, 4.0]
        );
        assert!(
            item(
                &nll_loss(
                    &x.narrow(0, 0, 0).unwrap(),
                    &t.narrow(0, 0, 0).unwrap(),
                    None,
                    Reduction::Mean,
                    0
                )
                .unwrap()
                .0
            )
            .is_nan()
        );
        let deep = x.reshape(&[1, 3, 2]).unwrap();
        let got = nll_loss(
            &deep,
            &Tensor::from_slice(&[1i64, 2], &[1, 2]).unwrap(),
            None,
            Reduction::None,
            -1,
        )
        .unwrap()
        .0;
        assert_eq!(got.to_vec::<f64>().unwrap(), [3.0, 6.0]);
        let bad = Tensor::from_slice(&[3i64, 0], &[2]).unwrap();
        assert!(
            nll_loss(&x, &bad, None, Reduction::Mean, -100)
                .unwrap_err()
                .message
                .contains("Target 3 is out of bounds")
        );
    }

    /// The sum over all paths of `time` classes that collapse to the labels.
    fn all_paths(x: &[f64], time: usize, classes: usize, labels: &[i64], blank: i64) -> f64 {
        let mut sum = 0.0;
        for path in 0..classes.pow(time as u32) {
            let (mut rest, mut p, mut collapsed, mut before) = (path, 1.0, Vec::new(), -1);
            for t in 0..time {
                let c = (rest % classes) as i64;
                rest /= classes;
                p *= x[t * classes + c as usize].exp();
                if c != before && c != blank {
                    collapsed.push(c);
                }
                before = c;
            }
            if collapsed == labels {
                sum += p;
            }
        }
        -sum.ln()
    }

    #[test]
    fn ctc_counts_all_paths() {
        let (time, classes) = (4, 3);
        let x: Vec<f64> = (0..time * classes)
            .map(|i| -0.3 - ((i * 7) % 5) as f64 * 0.4)
            .collect();
        let logs = Tensor::from_slice(&x, &[time as i64, 1, classes as i64]).unwrap();
        for labels in [
            vec![1i64],
            vec![1, 2],
            vec![1, 1],
            vec![2, 1, 2],
            vec![],
            vec![1, 1, 1],
        ] {
            let n = labels.len() as i64;
            let t = Tensor::from_slice(&labels, &[1, n]).unwrap();
            let want = all_paths(&x, time, classes, &labels, 0);
            let got = ctc_loss(&logs, &t, &[time as i64], &[n], 0, Reduction::Sum, false).unwrap();
            let got = got.item().unwrap().to_f64();
            assert!(
                got == want || (got - want).abs() < 1e-9,
                "{labels:?} {got} {want}"
            );
            let zero = ctc_loss(&logs, &t, &[time as i64], &[n], 0, Reduction::Mean, true).unwrap();
            assert!(zero.item().unwrap().to_f64().is_finite());
        }
        let t = Tensor::from_slice(&[1i64, 2, 1], &[3]).unwrap();
        let two = logs.expand(&[4, 2, 3]).unwrap();
        let got = ctc_loss(&two, &t, &[4, 3], &[2, 1], 0, Reduction::None, false)
            .unwrap()
            .to_vec::<f64>()
            .unwrap();
        assert!((got[0] - all_paths(&x, 4, 3, &[1, 2], 0)).abs() < 1e-9);
        assert!((got[1] - all_paths(&x, 3, 3, &[1], 0)).abs() < 1e-9);
        assert!(ctc_loss(&two, &t, &[5, 3], &[2, 1], 0, Reduction::None, false).is_err());
        assert!(ctc_loss(&two, &t, &[4, 3], &[2, 1], 3, Reduction::None, false).is_err());
    }
}
