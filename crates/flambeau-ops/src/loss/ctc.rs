//! Connectionist temporal classification.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{DType, Result, Tensor};

use super::reduced;
use crate::calc::*;
use crate::values::error;

pub fn declare(ops: &mut Rows) {
    let doc = "The negative logarithm of the probability of all alignments of the targets.";
    ops.op("aten::_ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank=0, bool zero_infinity=False) -> (Tensor, Tensor)")
        .doc(doc)
        .kernel(|x: Tensor, t: Tensor, inputs: Vec<i64>, targets: Vec<i64>, blank: i64, _: bool| forward(&x, &t, &inputs, &targets, blank));
    ops.op("aten::_ctc_loss.Tensor(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, bool zero_infinity=False) -> (Tensor, Tensor)")
        .doc(doc)
        .kernel(|x: Tensor, t: Tensor, inputs: Tensor, targets: Tensor, blank: i64, _: bool| forward(&x, &t, &ints(&inputs)?, &ints(&targets)?, blank));
    ops.op("aten::ctc_loss.IntList(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, int blank=0, int reduction=1, bool zero_infinity=False) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, t: Tensor, inputs: Vec<i64>, targets: Vec<i64>, blank: i64, r: i64, zero: bool| loss(&x, &t, &inputs, &targets, blank, r, zero));
    ops.op("aten::ctc_loss.Tensor(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, int reduction=1, bool zero_infinity=False) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, t: Tensor, inputs: Tensor, targets: Tensor, blank: i64, r: i64, zero: bool| loss(&x, &t, &ints(&inputs)?, &ints(&targets)?, blank, r, zero));
}

fn loss(
    x: &Tensor,
    t: &Tensor,
    inputs: &[i64],
    targets: &[i64],
    blank: i64,
    reduction: i64,
    zero: bool,
) -> Result<Tensor> {
    let batched = x.dim() == 3;
    let x3 = if batched { x.clone() } else { x.unsqueeze(1)? };
    let t2 = if batched { t.clone() } else { t.unsqueeze(0)? };
    let (mut each, _) = forward(&x3, &t2, inputs, targets, blank)?;
    if zero {
        each = choose(&eq(&each, f64::INFINITY)?, 0.0, &each)?;
    }
    if reduction == 1 {
        let lengths: Vec<f64> = targets.iter().map(|l| (*l).max(1) as f64).collect();
        each = div(&each, &Tensor::from_elements(&lengths)?.to_dtype(x.dtype())?)?;
    }
    if !batched && reduction == 0 {
        return each.squeeze_dim(0);
    }
    reduced(each, reduction)
}

fn log_add(a: f64, b: f64) -> f64 {
    let high = a.max(b);
    if high == f64::NEG_INFINITY {
        high
    } else {
        high + ((a - high).exp() + (b - high).exp()).ln()
    }
}

/// Losses by sequence, and the table of the logarithms of partial sums that they come from.
fn forward(x: &Tensor, t: &Tensor, inputs: &[i64], targets: &[i64], blank: i64) -> Result<(Tensor, Tensor)> {
    let &[steps, batch, classes] = x.sizes() else {
        return Err(error(format!(
            "expected log_probs of 3 dimensions, found {}",
            x.dim()
        )));
    };
    if !(0..classes).contains(&blank) {
        return Err(error("blank must be in label range"));
    }
    if inputs.len() as i64 != batch || targets.len() as i64 != batch {
        return Err(error(format!(
            "input_lengths and target_lengths must be of size batch_size {batch}, found {} and {}",
            inputs.len(),
            targets.len()
        )));
    }
    if inputs.iter().any(|l| !(0..=steps).contains(l)) || targets.iter().any(|l| *l < 0) {
        return Err(error(format!(
            "Expected input_lengths to have value at most {steps} and lengths not to be negative"
        )));
    }
    let labels = ints(t)?;
    let mut starts = Vec::with_capacity(targets.len());
    if t.dim() == 1 {
        let mut from = 0;
        for l in targets {
            starts.push(from);
            from += *l as usize;
        }
        if from != labels.len() {
            return Err(error(format!(
                "Expected tensor to have size {from} at dimension 0, but got size {}",
                labels.len()
            )));
        }
    } else {
        let &[rows, width] = t.sizes() else {
            return Err(error(format!(
                "targets should be 1-D or 2-D, found {}-D",
                t.dim()
            )));
        };
        if rows != batch || targets.iter().any(|l| *l > width) {
            return Err(error(
                "Expected targets to have one row for each sequence, as long as its length",
            ));
        }
        starts.extend((0..batch as usize).map(|b| b * width as usize));
    }
    let longest = targets.iter().copied().max().unwrap_or(0) as usize;
    let width = 2 * longest + 1;
    let data = floats(x)?;
    let total = batch as usize * steps as usize;
    let mut table = vec![
        f64::NEG_INFINITY;
        total
            .checked_mul(width)
            .ok_or_else(|| error("the table is too large"))?
    ];
    let mut losses = Vec::with_capacity(batch as usize);
    for b in 0..batch as usize {
        let count = targets[b] as usize;
        let own = &labels[starts[b]..starts[b] + count];
        if own.iter().any(|l| !(0..classes).contains(l)) {
            return Err(error("Expected targets to be labels below the number of classes"));
        }
        let states = 2 * count + 1;
        let label = |s: usize| if s % 2 == 0 { blank } else { own[s / 2] };
        let log =
            |step: usize, s: usize| data[(step * batch as usize + b) * classes as usize + label(s) as usize];
        let own_steps = inputs[b] as usize;
        if own_steps == 0 {
            losses.push(if count == 0 { 0.0 } else { f64::INFINITY });
            continue;
        }
        let rows = &mut table[b * steps as usize * width..(b + 1) * steps as usize * width];
        rows[0] = log(0, 0);
        if states > 1 {
            rows[1] = log(0, 1);
        }
        for step in 1..own_steps {
            let (before, now) = rows[(step - 1) * width..].split_at_mut(width);
            for s in 0..states {
                let mut sum = before[s];
                if s > 0 {
                    sum = log_add(sum, before[s - 1]);
                }
                if s > 1 && label(s) != label(s - 2) {
                    sum = log_add(sum, before[s - 2]);
                }
                now[s] = sum + log(step, s);
            }
        }
        let last = &rows[(own_steps - 1) * width..];
        let end = if states > 1 {
            log_add(last[states - 1], last[states - 2])
        } else {
            last[0]
        };
        losses.push(-end);
    }
    let losses = Tensor::from_elements(&losses)?.to_dtype(x.dtype())?;
    let table = Tensor::from_slice(&table, &[batch, steps, width as i64])?.to_dtype(x.dtype())?;
    if x.dtype() == DType::Double || x.dtype() == DType::Float {
        return Ok((losses, table));
    }
    Err(error(format!(
        "\"ctc_loss_cpu\" not implemented for '{}'",
        x.dtype().name()
    )))
}
