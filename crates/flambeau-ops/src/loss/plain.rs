//! Losses of each element, reduced.

use flambeau_ir::ops::Rows;
use flambeau_tensor::layout::show;
use flambeau_tensor::pointwise::{self as p, Arg, result_type};
use flambeau_tensor::{DType, Result, Scalar, Tensor};

use super::distance::{cosine_similarity, pairwise_distance};
use super::reduced;
use crate::calc::*;
use crate::values::error;

/// A number as an element of a dtype would hold it. Half types that compute step by step round their constants too.
fn own(x: f64, dtype: DType) -> Result<f64> {
    match dtype {
        DType::Half | DType::BFloat16 => Ok(Tensor::scalar_tensor(Scalar::Float(x), dtype)?.item()?.to_f64()),
        _ => Ok(x),
    }
}

/// In single precision for bfloat16, step by step for float16: so PyTorch has it.
fn smooth_l1(x: &Tensor, t: &Tensor, beta: f64) -> Result<Tensor> {
    let z = p::abs(&sub(x, t)?)?;
    if beta == 0.0 {
        return Ok(z);
    }
    let small = div(&mul(&p::square(&z)?, 0.5)?, beta)?;
    choose(&lt(&z, beta)?, &small, &sub(&z, own(0.5 * beta, z.dtype())?)?)
}

/// In single precision for float16, step by step for bfloat16: so PyTorch has it.
fn huber(x: &Tensor, t: &Tensor, delta: f64) -> Result<Tensor> {
    let z = p::abs(&sub(x, t)?)?;
    let small = mul(&p::square(&z)?, 0.5)?;
    let large = mul(&sub(&z, own(0.5 * delta, z.dtype())?)?, delta)?;
    choose(&p::le((&z).into(), delta.into())?, &small, &large)
}

pub fn declare(ops: &mut Rows) {
    ops.op("aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor")
        .doc("The absolute differences.")
        .kernel(|x: Tensor, t: Tensor, r: i64| reduced(p::abs(&sub(&x, &t)?)?, r));
    ops.op("aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor")
        .doc("The squared differences.")
        .kernel(|x: Tensor, t: Tensor, r: i64| reduced(p::square(&sub(&x, &t)?)?, r));
    ops.op("aten::smooth_l1_loss(Tensor self, Tensor target, int reduction=1, float beta=1.) -> Tensor")
        .doc("Squared differences below `beta`, absolute ones above.")
        .kernel(|x: Tensor, t: Tensor, r: i64, beta: f64| {
            if beta < 0.0 {
                return Err(error("smooth_l1_loss does not support negative values for beta."));
            }
            let dtype = result_type(&[(&x).into(), (&t).into()]);
            if dtype == DType::BFloat16 {
                let loss = smooth_l1(&x.to_dtype(DType::Float)?, &t.to_dtype(DType::Float)?, beta)?;
                return reduced(loss.to_dtype(dtype)?, r);
            }
            reduced(smooth_l1(&x, &t, own(beta, dtype)?)?, r)
        });
    ops.op("aten::huber_loss(Tensor self, Tensor target, int reduction=1, float delta=1.) -> Tensor")
        .doc("Half the squared differences up to `delta`, and linear above.")
        .kernel(|x: Tensor, t: Tensor, r: i64, delta: f64| {
            if delta <= 0.0 {
                return Err(error(
                    "huber_loss does not support non-positive values for delta.",
                ));
            }
            let dtype = result_type(&[(&x).into(), (&t).into()]);
            if dtype == DType::Half {
                let loss = huber(&x.to_dtype(DType::Float)?, &t.to_dtype(DType::Float)?, delta)?;
                return reduced(loss.to_dtype(dtype)?, r);
            }
            reduced(huber(&x, &t, own(delta, dtype)?)?, r)
        });
    ops.op("aten::soft_margin_loss(Tensor self, Tensor target, int reduction=1) -> Tensor")
        .doc("`log(1 + exp(-target * self))`.")
        .kernel(|x: Tensor, t: Tensor, r: i64| reduced(p::log1p(&p::exp(&p::neg(&mul(&t, &x)?)?)?)?, r));
    ops.op("aten::kl_div(Tensor self, Tensor target, int reduction=1, *, bool log_target=False) -> Tensor")
        .doc("The Kullback-Leibler divergence from logarithms of probabilities.")
        .kernel(|x: Tensor, t: Tensor, r: i64, log_target: bool| {
            let loss = if log_target {
                mul(&p::exp(&t)?, &sub(&t, &x)?)?
            } else {
                sub(&p::xlogy((&t).into(), (&t).into())?, &mul(&t, &x)?)?
            };
            reduced(loss, r)
        });
    ops.op("aten::poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, int reduction) -> Tensor")
        .doc("The negative logarithm of a Poisson likelihood.")
        .kernel(|x: Tensor, t: Tensor, log_input: bool, full: bool, eps: f64, r: i64| {
            let mut loss = if log_input {
                sub(&p::exp(&x)?, &mul(&t, &x)?)?
            } else {
                sub(&x, &mul(&t, &p::log(&add(&x, eps)?)?)?)?
            };
            if full {
                let stirling = add(
                    &sub(&mul(&t, &p::log(&t)?)?, &t)?,
                    &mul(&p::log(&mul(&t, 2.0 * std::f64::consts::PI)?)?, 0.5)?,
                )?;
                loss = add(&loss, &choose(&p::le((&t).into(), 1i64.into())?, 0.0, &stirling)?)?;
            }
            reduced(loss, r)
        });
    ops.op(
        "aten::hinge_embedding_loss(Tensor self, Tensor target, float margin=1., int reduction=1) -> Tensor",
    )
    .doc("The distance where the target is 1, and what is missing to the margin where it is -1.")
    .kernel(|x: Tensor, t: Tensor, margin: f64, r: i64| {
        let far = at_least(&sub(margin, &x)?, 0.0)?;
        let far = choose(&ne(&t, 1i64)?, &far, 0.0)?;
        let near = choose(&ne(&t, -1i64)?, &x, 0.0)?;
        reduced(add(&far, &near)?, r)
    });
    ops.op("aten::margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0., int reduction=1) -> Tensor")
        .doc("What is missing to the margin between two inputs in the order of the target.")
        .kernel(|a: Tensor, b: Tensor, t: Tensor, margin: f64, r: i64| {
            let gap = add(&mul(&p::neg(&t)?, &sub(&a, &b)?)?, margin)?;
            reduced(at_least(&gap, 0.0)?, r)
        });
    ops.op("aten::cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0., int reduction=1) -> Tensor")
        .doc("One minus the cosine where the target is 1, the cosine above the margin where it is -1.")
        .kernel(|a: Tensor, b: Tensor, t: Tensor, margin: f64, r: i64| {
            let dim = if t.dim() == 0 { 0 } else { 1 };
            let products = sum_dim(&mul(&a, &b)?, dim)?;
            let square = |x: &Tensor| add(&sum_dim(&mul(x, x)?, dim)?, 1e-12);
            let cosine = div(&products, &p::sqrt(&mul(&square(&a)?, &square(&b)?)?)?)?;
            let near = choose(&eq(&t, 1i64)?, &sub(1.0, &cosine)?, 0.0)?;
            let far = choose(&eq(&t, -1i64)?, &at_least(&sub(&cosine, margin)?, 0.0)?, 0.0)?;
            reduced(add(&near, &far)?, r)
        });
    ops.op("aten::triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1., float p=2., float eps=9.9999999999999995e-07, bool swap=False, int reduction=1) -> Tensor")
        .doc("How much closer than the margin the negative is than the positive.")
        .kernel(|a: Tensor, pos: Tensor, neg: Tensor, margin: f64, order: f64, eps: f64, swap: bool, r: i64| {
            if a.dim() != pos.dim() || pos.dim() != neg.dim() {
                return Err(error(format!(
                    "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor {}D, positive {}D, and negative {}D inputs",
                    a.dim(),
                    pos.dim(),
                    neg.dim()
                )));
            }
            let near = pairwise_distance(&a, &pos, order, eps, false)?;
            let mut far = pairwise_distance(&a, &neg, order, eps, false)?;
            if swap {
                let other = pairwise_distance(&pos, &neg, order, eps, false)?;
                far = p::minimum((&far).into(), (&other).into())?;
            }
            reduced(at_least(&sub(&add(&near, margin)?, &far)?, 0.0)?, r)
        });
    ops.op("aten::binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=1) -> Tensor")
        .doc("The negative logarithm of the probability of each target.")
        .kernel(|x: Tensor, t: Tensor, weight: Option<Tensor>, r: i64| -> Result<Tensor> {
            if x.numel() > 0 {
                let (low, high) = flambeau_tensor::reduce::aminmax(&x, None, false)?;
                if low.item()?.to_f64() < 0.0 || high.item()?.to_f64() > 1.0 {
                    return Err(error("all elements of input should be between 0 and 1"));
                }
            }
            let log = at_least(&p::log(&x)?, -100.0)?;
            let other = at_least(&p::log1p(&p::neg(&x)?)?, -100.0)?;
            let mut loss = sub(&mul(&sub(&t, 1i64)?, &other)?, &mul(&t, &log)?)?;
            if let Some(w) = &weight {
                loss = mul(&loss, w)?;
            }
            reduced(loss, r)
        });
    ops.op("aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor")
        .doc("`binary_cross_entropy` of the sigmoid, without loss of precision.")
        .kernel(|x: Tensor, t: Tensor, weight: Option<Tensor>, pos_weight: Option<Tensor>, r: i64| {
            let log = p::log_sigmoid(&x)?;
            let rest = mul(&sub(1i64, &t)?, &x)?;
            let mut loss = match &pos_weight {
                Some(pos) => {
                    let scale = add(&mul(&sub(pos, 1i64)?, &t)?, 1i64)?;
                    sub(&rest, &mul(&scale, &log)?)?
                }
                None => sub(&rest, &log)?,
            };
            if let Some(w) = &weight {
                loss = mul(&loss, w)?;
            }
            reduced(loss, r)
        });
    ops.op("aten::cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor")
        .doc("The cosine of the angle between vectors along a dimension.")
        .kernel(|a: Tensor, b: Tensor, dim: i64, eps: f64| cosine_similarity(&a, &b, dim, eps));
    ops.op("aten::multi_margin_loss(Tensor self, Tensor target, Scalar p=1, Scalar margin=1, Tensor? weight=None, int reduction=1) -> Tensor")
        .doc("What is missing to the margin between the target's score and each other score.")
        .kernel(|x: Tensor, t: Tensor, order: flambeau_tensor::Scalar, margin: flambeau_tensor::Scalar, weight: Option<Tensor>, r: i64| {
            if order.to_f64() != 1.0 && order.to_f64() != 2.0 {
                return Err(error("only p == 1 and p == 2 supported"));
            }
            vector_or_matrix(&x)?;
            let rows = if x.dim() < 2 { x.reshape(&[1, -1])? } else { x.clone() };
            let classes = rows.size(1)?;
            if t.dim() > 1 || t.numel() != rows.size(0)? {
                return Err(error(format!(
                    "multi_margin_loss: The target tensor should be 1-D with size equal to the batch size of the input. Expected target size [{}], but got {}",
                    rows.size(0)?,
                    show(t.sizes())
                )));
            }
            if t.dtype() != DType::Long {
                return Err(error(format!("expected scalar type Long but found {}", t.dtype().name())));
            }
            if let Some(w) = &weight && w.numel() != classes {
                return Err(error(format!("inconsistent weight size, expected {classes} but got {}", show(w.sizes()))));
            }
            let target = t.reshape(&[-1])?;
            if ints(&target)?.iter().any(|i| !(0..classes).contains(i)) {
                return Err(error("target out of range"));
            }
            let index = target.unsqueeze(1)?;
            let own = flambeau_tensor::index::gather(&rows, 1, &index)?;
            let mut gap = at_least(&add(&sub(&rows, &own)?, Arg::from(margin))?, 0.0)?;
            if order.to_f64() == 2.0 {
                gap = p::square(&gap)?;
            }
            if let Some(w) = &weight {
                let own_weight = flambeau_tensor::index::index_select(&w.reshape(&[-1])?, 0, &target)?.unsqueeze(1)?;
                gap = mul(&gap, &own_weight)?;
            }
            let gap = flambeau_tensor::index::scatter_value(&gap, 1, &index, 0i64.into())?;
            let mut loss = div(&sum_dim(&gap, 1)?, classes)?;
            if t.dim() == 0 {
                loss = loss.reshape(&[])?;
            }
            reduced(loss, r)
        });
    ops.op("aten::multilabel_margin_loss(Tensor self, Tensor target, int reduction=1) -> Tensor")
        .doc("What is missing to the margin between each target's score and each score that is no target.")
        .kernel(|x: Tensor, t: Tensor, r: i64| multilabel_margin(&x, &t, r).map(|(loss, _)| loss));
    ops.op("aten::multilabel_margin_loss_forward(Tensor self, Tensor target, int reduction) -> (Tensor output, Tensor is_target)")
        .doc("The loss, and which scores are targets.")
        .kernel(|x: Tensor, t: Tensor, r: i64| multilabel_margin(&x, &t, r));
}

fn vector_or_matrix(x: &Tensor) -> Result<()> {
    if x.dim() > 2 || x.sizes().last() == Some(&0) {
        return Err(error(format!(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: {}",
            show(x.sizes())
        )));
    }
    Ok(())
}

fn multilabel_margin(x: &Tensor, t: &Tensor, reduction: i64) -> Result<(Tensor, Tensor)> {
    vector_or_matrix(x)?;
    if x.sizes() != t.sizes() {
        return Err(error(format!(
            "inconsistent target size: {} for input of size: {}",
            show(t.sizes()),
            show(x.sizes())
        )));
    }
    let classes = x.sizes().last().copied().unwrap_or(1).max(1) as usize;
    let (scores, targets) = (floats(x)?, ints(t)?);
    let mut is_target = vec![0.0; scores.len()];
    let mut losses = Vec::new();
    for (row, (scores, targets)) in scores.chunks(classes).zip(targets.chunks(classes)).enumerate() {
        let marks = &mut is_target[row * classes..(row + 1) * classes];
        // Targets end at the first that is negative.
        let own: Vec<i64> = targets.iter().copied().take_while(|t| *t >= 0).collect();
        for &class in &own {
            let mark = marks
                .get_mut(class as usize)
                .ok_or_else(|| error("argument target is out of range"))?;
            *mark = 1.0;
        }
        let mut loss = 0.0;
        for &class in &own {
            for (score, mark) in scores.iter().zip(marks.iter()) {
                if *mark == 0.0 {
                    loss += (1.0 - scores[class as usize] + score).max(0.0);
                }
            }
        }
        losses.push(loss / classes as f64);
    }
    let shape: &[i64] = if x.dim() < 2 { &[] } else { &x.sizes()[..1] };
    let loss = Tensor::from_slice(&losses, shape)?.to_dtype(x.dtype())?;
    Ok((
        reduced(loss, reduction)?,
        Tensor::from_slice(&is_target, t.sizes())?.to_dtype(x.dtype())?,
    ))
}
