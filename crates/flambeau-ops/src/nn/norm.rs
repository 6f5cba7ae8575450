//! Normalisation and attention.

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::attention::{AttentionParams, scaled_dot_product_attention};
use flambeau_tensor::nn::matmul;
use flambeau_tensor::nn::norm::{self as n, Running};
use flambeau_tensor::{DType, Result, Scalar, Tensor, pointwise, reduce};

use crate::values::error;

pub fn declare(ops: &mut Rows) {
    ops.op("aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)")
        .doc("`group_norm` with the means and the inverse deviations.")
        .kernel(
            |x: Tensor,
             weight: Option<Tensor>,
             bias: Option<Tensor>,
             _n: i64,
             _c: i64,
             _area: i64,
             group: i64,
             eps: f64|
             -> Result<(Tensor, Tensor, Tensor)> {
                let r = n::native_group_norm(&x, group, weight.as_ref(), bias.as_ref(), eps)?;
                Ok((r.output, r.mean, r.rstd))
            },
        );
    ops.op("aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor")
        .doc("Normalises each channel over the batch, or by the running statistics.")
        .kernel(|input: Tensor, weight: Option<Tensor>, bias: Option<Tensor>, running_mean: Option<Tensor>, running_var: Option<Tensor>, training: bool, momentum: f64, eps: f64, _cudnn_enabled: bool| n::batch_norm(&input, weight.as_ref(), bias.as_ref(), Running { mean: running_mean.as_ref(), var: running_var.as_ref() }, training, momentum, eps));
    ops.op("aten::native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)").kernel(|input: Tensor, weight: Option<Tensor>, bias: Option<Tensor>, running_mean: Option<Tensor>, running_var: Option<Tensor>, training: bool, momentum: f64, eps: f64| -> Result<(Tensor, Tensor, Tensor)> { let r = n::native_batch_norm(&input, weight.as_ref(), bias.as_ref(), Running { mean: running_mean.as_ref(), var: running_var.as_ref() }, training, momentum, eps)?; Ok((r.output, r.mean, r.rstd)) });
    ops.op("aten::_batch_norm_with_update(Tensor input, Tensor? weight, Tensor? bias, Tensor(a!) running_mean, Tensor(b!) running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor)")
        .doc("`batch_norm` in training, with its statistics and an empty reserve.")
        .kernel(
            |x: Tensor,
             weight: Option<Tensor>,
             bias: Option<Tensor>,
             mean: Tensor,
             var: Tensor,
             momentum: f64,
             eps: f64|
             -> Result<(Tensor, Tensor, Tensor, Tensor)> {
                let running = Running {
                    mean: Some(&mean),
                    var: Some(&var),
                };
                let r = n::native_batch_norm(&x, weight.as_ref(), bias.as_ref(), running, true, momentum, eps)?;
                Ok((r.output, r.mean, r.rstd, Tensor::empty(&[0], DType::Byte)?))
            },
        );
    ops.op("aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)").kernel(|input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor>, bias: Option<Tensor>, eps: f64| -> Result<(Tensor, Tensor, Tensor)> { let r = n::native_layer_norm(&input, &normalized_shape, weight.as_ref(), bias.as_ref(), eps)?; Ok((r.output, r.mean, r.rstd)) });
    ops.op("aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor")
        .doc("Normalises each channel of each sample.")
        .kernel(|input: Tensor, weight: Option<Tensor>, bias: Option<Tensor>, running_mean: Option<Tensor>, running_var: Option<Tensor>, use_input_stats: bool, momentum: f64, eps: f64, _cudnn_enabled: bool| n::instance_norm(&input, weight.as_ref(), bias.as_ref(), Running { mean: running_mean.as_ref(), var: running_var.as_ref() }, use_input_stats, momentum, eps));
    ops.op("aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor")
        .doc("Normalises the last dimensions of each sample.")
        .kernel(|input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor>, bias: Option<Tensor>, eps: f64, _cudnn_enable: bool| n::layer_norm(&input, &normalized_shape, weight.as_ref(), bias.as_ref(), eps));
    ops.op("aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor")
        .doc("Divides the last dimensions by their root mean square.")
        .kernel(|input: Tensor, normalized_shape: Vec<i64>, weight: Option<Tensor>, eps: Option<f64>| n::rms_norm(&input, &normalized_shape, weight.as_ref(), eps));
    ops.op("aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor")
        .doc("Normalises groups of channels of each sample.")
        .kernel(|input: Tensor, num_groups: i64, weight: Option<Tensor>, bias: Option<Tensor>, eps: f64, _cudnn_enabled: bool| {
            let sizes = input.sizes();
            if sizes.len() >= 2 && input.numel() == 0 && sizes[0] != 0 {
                if sizes[1] == 0 {
                    return Err(error("Expected number of channels to be greater than 0, got 0"));
                }
                return Err(error("Expected HxW to be greater than 0, got 0"));
            }
            n::group_norm(&input, num_groups, weight.as_ref(), bias.as_ref(), eps)
        });
    ops.op("aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor")
        .doc("Attention: `softmax(q k^T scale + mask) v`.")
        .kernel(|query: Tensor, key: Tensor, value: Tensor, attn_mask: Option<Tensor>, dropout_p: f64, is_causal: bool, scale: Option<f64>, enable_gqa: bool| {
            let params = AttentionParams { dropout_p, is_causal, scale, enable_gqa };
            scaled_dot_product_attention(&query, &key, &value, attn_mask.as_ref(), &params)
        });
    ops.op("aten::_scaled_dot_product_flash_attention_for_cpu(Tensor query, Tensor key, Tensor value, float dropout_p=0., bool is_causal=False, *, Tensor? attn_mask=None, float? scale=None) -> (Tensor output, Tensor logsumexp)")
        .doc("Attention, and the logarithms of the sums that its softmax divides by.")
        .kernel(|query: Tensor, key: Tensor, value: Tensor, dropout_p: f64, is_causal: bool, attn_mask: Option<Tensor>, scale: Option<f64>| {
            let params = AttentionParams { dropout_p, is_causal, scale, enable_gqa: false };
            let output = scaled_dot_product_attention(&query, &key, &value, attn_mask.as_ref(), &params)?;
            Ok::<_, flambeau_tensor::Error>((output, score_sums(&query, &key, attn_mask.as_ref(), is_causal, scale)?))
        });
}

/// `logsumexp` of the scores of attention over the keys, at least in single precision.
fn score_sums(
    query: &Tensor,
    key: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
    scale: Option<f64>,
) -> Result<Tensor> {
    let wide = query.dtype().compute();
    let scale = scale.unwrap_or(1.0 / (query.size(-1)? as f64).sqrt());
    let scores = matmul::matmul(&query.to_dtype(wide)?, &key.to_dtype(wide)?.transpose(-2, -1)?)?;
    let mut scores = pointwise::mul((&scores).into(), scale.into())?;
    let never = Scalar::Float(f64::NEG_INFINITY);
    if causal {
        let seen = Tensor::ones(&[query.size(-2)?, key.size(-2)?], DType::Bool)?;
        let seen = flambeau_tensor::index::tril(&seen, 0)?;
        scores = pointwise::where_(&seen, (&scores).into(), never.into())?;
    }
    if let Some(mask) = mask {
        scores = if mask.dtype() == DType::Bool {
            pointwise::where_(mask, (&scores).into(), never.into())?
        } else {
            pointwise::add((&scores).into(), (&mask.to_dtype(wide)?).into(), Scalar::Int(1))?
        };
    }
    reduce::logsumexp(&scores, &[-1], false)
}
