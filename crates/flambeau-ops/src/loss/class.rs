//! Losses of classification: negative log likelihood and cross entropy.

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::loss::{Reduction, nll_loss};
use flambeau_tensor::{DType, Result, Tensor, index, pointwise as p};

use crate::calc::*;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    each(
        ops,
        "The negative logarithm of each target's probability, given logarithms.",
        &[
            "aten::nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor",
            "aten::nll_loss2d(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor",
            "aten::nll_loss_nd(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor",
        ],
        |x: Tensor, t: Tensor, weight: Option<Tensor>, r: i64, ignore: i64| {
            nll(&x, &t, weight.as_ref(), r, ignore).map(|(loss, _)| loss)
        },
    );
    each(
        ops,
        "The loss, and the sum of the weights.",
        &[
            "aten::nll_loss_forward(Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index) -> (Tensor output, Tensor total_weight)",
            "aten::nll_loss2d_forward(Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index) -> (Tensor output, Tensor total_weight)",
        ],
        |x: Tensor, t: Tensor, weight: Option<Tensor>, r: i64, ignore: i64| {
            nll(&x, &t, weight.as_ref(), r, ignore)
        },
    );
    ops.op("aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor")
        .doc("`nll_loss` of the logarithms of `softmax`.")
        .kernel(|x: Tensor, t: Tensor, weight: Option<Tensor>, r: i64, ignore: i64, smoothing: f64| cross_entropy(&x, &t, weight.as_ref(), r, ignore, smoothing));
}

/// The dimension of the classes.
fn class_dim(x: &Tensor) -> i64 {
    (x.dim() > 1) as i64
}

/// Per target: its class (0 where ignored) and its weight (0 where ignored).
fn chosen(x: &Tensor, t: &Tensor, weight: Option<&Tensor>, ignore: i64) -> Result<(Tensor, Tensor)> {
    let dim = class_dim(x);
    let mut expected = x.sizes().to_vec();
    if expected.is_empty() {
        return Err(error("Expected 1 or more dimensions (got 0)"));
    }
    let classes = expected.remove(dim as usize);
    if t.sizes() != expected {
        return Err(error(format!(
            "Expected target size {expected:?}, got {:?}",
            t.sizes()
        )));
    }
    if !t.dtype().is_integral(false) {
        return Err(error(format!(
            "expected scalar type Long but found {}",
            t.dtype().name()
        )));
    }
    for class in ints(t)? {
        if class != ignore && !(0..classes).contains(&class) {
            return Err(flambeau_tensor::Error::new(
                flambeau_tensor::ErrorKind::Index,
                format!("Target {class} is out of bounds."),
            ));
        }
    }
    let t = t.to_dtype(flambeau_tensor::DType::Long)?;
    let valid = ne(&t, ignore)?;
    let class = choose(&valid, &t, 0i64)?;
    let weight = match weight {
        Some(w) => {
            if w.dim() != 1 || w.numel() != classes {
                return Err(error(format!(
                    "weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of shape: {:?}",
                    w.sizes()
                )));
            }
            index::index_select(w, 0, &class.reshape(&[-1])?)?.reshape(t.sizes())?
        }
        None => Tensor::ones(t.sizes(), x.dtype())?,
    };
    Ok((class, choose(&valid, &weight, 0.0)?.to_dtype(x.dtype())?))
}

fn nll(
    x: &Tensor,
    t: &Tensor,
    weight: Option<&Tensor>,
    reduction: i64,
    ignore: i64,
) -> Result<(Tensor, Tensor)> {
    let (class, w) = chosen(x, t, weight, ignore)?;
    if reduction != 0 && matches!(x.dtype(), DType::Half | DType::BFloat16) {
        // Half types show the order of the sums.
        let how = Reduction::from_code(reduction)?;
        return nll_loss(x, &t.to_dtype(DType::Long)?, weight, how, ignore);
    }
    let dim = class_dim(x);
    let picked = index::gather(x, dim, &class.unsqueeze(dim)?)?.squeeze_dim(dim)?;
    // What is ignored counts as zero even if its score is infinite.
    let loss = choose(
        &ne(&t.to_dtype(flambeau_tensor::DType::Long)?, ignore)?,
        &p::neg(&mul(&picked, &w)?)?,
        0.0,
    )?
    .to_dtype(x.dtype())?;
    let total = sum(&w)?;
    Ok(match reduction {
        1 => (div(&sum(&loss)?, &total)?, total),
        2 => (sum(&loss)?, total),
        _ => (loss, Tensor::zeros(&[], x.dtype())?),
    })
}

fn cross_entropy(
    x: &Tensor,
    t: &Tensor,
    weight: Option<&Tensor>,
    reduction: i64,
    ignore: i64,
    smoothing: f64,
) -> Result<Tensor> {
    if !(0.0..=1.0).contains(&smoothing) {
        return Err(error(format!(
            "label_smoothing must be between 0.0 and 1.0. Got: {smoothing}"
        )));
    }
    if x.dim() == 0 {
        return Err(error("Expected 1 or more dimensions (got 0)"));
    }
    let dim = class_dim(x);
    let classes = x.size(dim)?;
    let logs = flambeau_tensor::reduce::log_softmax(x, dim, None)?;
    let scaled = |values: &Tensor| match weight {
        Some(w) => {
            let mut shape = vec![1; x.dim()];
            shape[dim as usize] = classes;
            mul(values, &w.reshape(&shape)?)
        }
        None => Ok(values.clone()),
    };
    if x.sizes() == t.sizes() {
        if !t.dtype().is_floating_point() {
            return Err(error(format!(
                "Expected floating point type for target with class probabilities, got {}",
                t.dtype().name()
            )));
        }
        let target = if smoothing > 0.0 {
            add(&mul(t, 1.0 - smoothing)?, smoothing / classes as f64)?
        } else {
            t.clone()
        };
        let loss = p::neg(&sum_dim(&scaled(&mul(&logs, &target)?)?, dim)?)?;
        return match reduction {
            1 => div(&sum(&loss)?, (x.numel() / classes.max(1)) as f64),
            2 => sum(&loss),
            _ => Ok(loss),
        };
    }
    let (loss, _) = nll(&logs, t, weight, reduction, ignore)?;
    if smoothing == 0.0 {
        return Ok(loss);
    }
    let valid = ne(t, ignore)?;
    let smooth = choose(&valid, &p::neg(&sum_dim(&scaled(&logs)?, dim)?)?, 0.0)?.to_dtype(x.dtype())?;
    let smooth = match reduction {
        1 => {
            let (_, w) = chosen(&logs, t, weight, ignore)?;
            div(&sum(&smooth)?, &sum(&w)?)?
        }
        2 => sum(&smooth)?,
        _ => smooth,
    };
    add(
        &mul(&loss, 1.0 - smoothing)?,
        &mul(&smooth, smoothing / classes as f64)?,
    )
}
