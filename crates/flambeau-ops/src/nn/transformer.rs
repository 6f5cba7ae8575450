//! The fast path of transformer encoders, and attention in its plainer forms.

use flambeau_ir::ops::{Context, Native, Rows};
use flambeau_ir::value::IValue;
use flambeau_tensor::nn::{matmul as m, norm as n};
use flambeau_tensor::pointwise::{self as p};
use flambeau_tensor::{DType, Result, Scalar, Tensor, reduce as r};

use super::nested;
use crate::calc::*;
use crate::values::error;

pub fn declare(ops: &mut Rows) {
    ops.op("aten::_masked_softmax(Tensor self, Tensor mask, int? dim=None, int? mask_type=None) -> Tensor")
        .doc("The softmax over the elements that the mask leaves free.")
        .kernel(|x: Tensor, mask: Tensor, dim: Option<i64>, kind: Option<i64>| {
            masked_softmax(&x, &mask, dim, kind)
        });
    ops.op("aten::_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor")
        .doc("The softmax, and 0 where all elements are minus infinity.")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| -> Result<Tensor> {
            let out = r::softmax(&x, dim, dtype)?;
            let hidden = r::all(&eq(&x, f64::NEG_INFINITY)?, &[dim], true)?;
            choose(&hidden, 0.0, &out)?.to_dtype(out.dtype())
        });
    ops.op("aten::_addmm_activation(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, bool use_gelu=False) -> Tensor")
        .doc("`addmm` with `relu` or `gelu` of its result.")
        .kernel(|x: Tensor, a: Tensor, b: Tensor, beta: Scalar, alpha: Scalar, use_gelu: bool| {
            activated(&m::addmm(&x, &a, &b, beta, alpha)?, use_gelu)
        });
    ops.op("aten::_transform_bias_rescale_qkv(Tensor qkv, Tensor qkv_bias, int num_heads) -> (Tensor, Tensor, Tensor)")
        .doc("Queries, scaled, keys and values of each head from a joint projection.")
        .kernel(|qkv: Tensor, bias: Tensor, heads: i64| -> Result<(Tensor, Tensor, Tensor)> {
            let [q, k, v] = heads_of(&qkv, &bias, heads)?;
            Ok((q, k, v))
        });
    ops.op("aten::_native_multi_head_attention(Tensor query, Tensor key, Tensor value, int embed_dim, int num_head, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, Tensor proj_bias, Tensor? mask=None, bool need_weights=True, bool average_attn_weights=True, int? mask_type=None) -> (Tensor, Tensor)")
        .doc("Attention of several heads with its projections.")
        .kernel(|_: &Context, args: &[IValue]| -> Result<(Tensor, Option<Tensor>)> {
            let call = Attention::from_args(args, 3, 9, 12)?;
            let (query, key, value) = (take(args, 0)?, take(args, 1)?, take(args, 2)?);
            let (out, weights) = call.run(&query, &key, &value)?;
            Ok(match (weights, take(args, 10)?, take(args, 11)?) {
                (Some(weights), true, true) => (out, Some(r::mean(&weights, &[1], false, None)?)),
                (Some(weights), true, false) => (out, Some(weights)),
                _ => (out, None),
            })
        });
    ops.op("aten::_transformer_encoder_layer_fwd(Tensor src, int embed_dim, int num_heads, Tensor qkv_weight, Tensor qkv_bias, Tensor proj_weight, Tensor proj_bias, bool use_gelu, bool norm_first, float eps, Tensor norm_weight_1, Tensor norm_bias_1, Tensor norm_weight_2, Tensor norm_bias_2, Tensor ffn_weight_1, Tensor ffn_bias_1, Tensor ffn_weight_2, Tensor ffn_bias_2, Tensor? mask=None, int? mask_type=None) -> Tensor")
        .doc("A layer of a transformer encoder: attention and two linear maps, each added to its input and normalised.")
        .kernel(|_: &Context, args: &[IValue]| encoder_layer(args));
    ops.op("aten::_scaled_dot_product_attention_math(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, Tensor? dropout_mask=None, *, float? scale=None, bool enable_gqa=False) -> (Tensor, Tensor)")
        .doc("Attention, and its weights.")
        .kernel(|q: Tensor, k: Tensor, v: Tensor, mask: Option<Tensor>, dropout_p: f64, is_causal: bool, dropout_mask: Option<Tensor>, scale: Option<f64>, enable_gqa: bool| {
            if dropout_p != 0.0 || dropout_mask.is_some() {
                return Err(error("_scaled_dot_product_attention_math: dropout is not supported"));
            }
            plain_attention(&q, &k, &v, mask, is_causal, scale, enable_gqa)
        });
}

fn take<T: Native>(args: &[IValue], position: usize) -> Result<T> {
    args.get(position).and_then(T::take).ok_or_else(|| {
        let found = args.get(position).map_or("nothing".into(), |v| v.type_name());
        error(format!(
            "argument {}: expected {}, found {found}",
            position + 1,
            T::TYPE
        ))
    })
}

fn activated(x: &Tensor, use_gelu: bool) -> Result<Tensor> {
    if use_gelu { p::gelu(x, "none") } else { p::relu(x) }
}

/// `kind` 0: the mask is of target by source; 1: of batch by source; 2: of the scores' sizes.
fn masked_softmax(x: &Tensor, mask: &Tensor, dim: Option<i64>, kind: Option<i64>) -> Result<Tensor> {
    if mask.dtype() != DType::Bool {
        return Err(error("Mask should be a boolean tensor"));
    }
    if (x.dim() == 4 || kind != Some(2)) && kind.is_none() && x.sizes() != mask.sizes() {
        return Err(error("Mask Type should be defined"));
    }
    let last = x.sizes().last().copied().unwrap_or(1);
    let mask = match kind {
        Some(0) if x.dim() == 4 => {
            if mask.sizes() != &x.sizes()[2..] {
                return Err(error("For mask_type == 0 mask shape should be (L, L)"));
            }
            mask.expand(x.sizes())?
        }
        Some(1) if x.dim() == 4 => {
            if mask.sizes() != [x.sizes()[0], last] {
                return Err(error("For mask_type == 1 mask shape should be (B, L)"));
            }
            mask.reshape(&[x.sizes()[0], 1, 1, last])?.expand(x.sizes())?
        }
        _ => mask.expand(x.sizes())?,
    };
    r::softmax(
        &choose(&mask, f64::NEG_INFINITY, x)?.to_dtype(x.dtype())?,
        dim.unwrap_or(-1),
        None,
    )
}

/// Queries (divided by the root of their length), keys and values, each of batch, head, position and feature.
fn heads_of(qkv: &Tensor, bias: &Tensor, heads: i64) -> Result<[Tensor; 3]> {
    if qkv.dim() != 3 {
        return Err(error(format!("expected 3-D `qkv`, got {}-D tensor", qkv.dim())));
    }
    let (batch, time, width) = (qkv.sizes()[0], qkv.sizes()[1], qkv.sizes()[2] / 3);
    if qkv.sizes()[2] % 3 != 0 || heads <= 0 || width % heads != 0 {
        return Err(error("Expected D % num_head == 0 to be true, but got false."));
    }
    let each = width / heads;
    let all = add(qkv, bias)?
        .reshape(&[batch, time, 3, heads, each])?
        .permute(&[2, 0, 3, 1, 4])?;
    let q = mul(&all.select(0, 0)?, 1.0 / (each as f64).sqrt())?.to_dtype(qkv.dtype())?;
    Ok([
        q,
        all.select(0, 1)?.contiguous()?,
        all.select(0, 2)?.contiguous()?,
    ])
}

/// The parameters of an attention and its mask.
struct Attention {
    embed_dim: i64,
    heads: i64,
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    proj_weight: Tensor,
    proj_bias: Tensor,
    mask: Option<Tensor>,
    mask_type: Option<i64>,
}

impl Attention {
    /// Both schemas have the widths and weights in this order from `first` on, and the mask and its type elsewhere.
    fn from_args(args: &[IValue], first: usize, mask: usize, mask_type: usize) -> Result<Attention> {
        Ok(Attention {
            embed_dim: take(args, first)?,
            heads: take(args, first + 1)?,
            qkv_weight: take(args, first + 2)?,
            qkv_bias: take(args, first + 3)?,
            proj_weight: take(args, first + 4)?,
            proj_bias: take(args, first + 5)?,
            mask: take(args, mask)?,
            mask_type: take(args, mask_type)?,
        })
    }

    fn check(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Result<()> {
        for (name, t) in [("query", query), ("key", key), ("value", value)] {
            if t.dim() != 3 {
                return Err(error(format!("expected 3-D `{name}`, got {}-D tensor", t.dim())));
            }
        }
        let d = self.embed_dim;
        if query.sizes()[2] != d {
            return Err(error(format!(
                "passed-in embed_dim {d} didn't match last dim of query {}",
                query.sizes()[2]
            )));
        }
        let tall = d
            .checked_mul(3)
            .is_some_and(|n| self.qkv_weight.sizes().first() == Some(&n));
        for (holds, message) in [
            (
                query.sizes() == key.sizes() && key.sizes() == value.sizes(),
                "expected `query`/`key`/`value` shapes to match",
            ),
            (self.qkv_weight.dim() == 2, "expected 2-D `qkv_weight`"),
            (tall, "expected `qkv_weight` first dim to be 3x embed_dim"),
            (
                self.qkv_weight.sizes().get(1) == Some(&d),
                "expected `qkv_weight` second dim to be embed_Dim",
            ),
            (self.qkv_bias.dim() == 1, "expected 1-D `qkv_bias`"),
            (
                self.qkv_bias.sizes().first() == self.qkv_weight.sizes().first(),
                "expected `qkv_bias` first dim and first dim of query to be equal",
            ),
            (
                self.heads > 0 && d % self.heads.max(1) == 0,
                "`embed_dim` must divide evenly by `num_heads`",
            ),
        ] {
            if !holds {
                return Err(error(message));
            }
        }
        Ok(())
    }

    /// The result and the weights of each head; no weights where there is nothing to attend to.
    fn run(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        self.check(query, key, value)?;
        if query.numel() == 0 {
            return Ok((Tensor::empty(query.sizes(), query.dtype())?, None));
        }
        let qkv = if query.is_same(key) && key.is_same(value) {
            m::linear(query, &self.qkv_weight, None)?
        } else {
            let weights = self.qkv_weight.chunk(3, 0)?;
            let mut parts = Vec::with_capacity(3);
            for (x, weight) in [query, key, value].into_iter().zip(&weights) {
                parts.push(m::linear(x, weight, None)?);
            }
            cat(&parts, 2)?
        };
        let [q, k, v] = heads_of(&qkv, &self.qkv_bias, self.heads)?;
        let scores = m::matmul(&q, &k.transpose(-2, -1)?)?;
        let weights = match &self.mask {
            Some(mask) => {
                if self.mask_type.is_none() && mask.sizes() != scores.sizes() {
                    return Err(error("Mask Type should be defined"));
                }
                masked_softmax(&scores, &mask.to_dtype(DType::Bool)?, Some(3), self.mask_type)?
            }
            None => r::softmax(&scores, -1, None)?,
        };
        let context = m::matmul(&weights, &v)?.permute(&[0, 2, 1, 3])?;
        let context = context.reshape(&[query.sizes()[0], query.sizes()[1], self.embed_dim])?;
        let out = m::linear(&context, &self.proj_weight, Some(&self.proj_bias))?;
        Ok((out, Some(weights)))
    }
}

fn encoder_layer(args: &[IValue]) -> Result<Tensor> {
    let src: Tensor = take(args, 0)?;
    if src.numel() == 0 {
        return src.copy();
    }
    let lengths = nested::lengths(&src);
    let mut attention = Attention::from_args(args, 1, 18, 19)?;
    if let Some(lengths) = &lengths {
        // What the rows do not have is hidden, as a padding mask hides it.
        if attention.mask.is_some() {
            return Err(error("NestedTensor with mask is not supported"));
        }
        attention.mask = Some(nested::ended(lengths, src.size(1)?)?);
        attention.mask_type = Some(1);
    }
    let (use_gelu, norm_first, eps): (bool, bool, f64) = (take(args, 7)?, take(args, 8)?, take(args, 9)?);
    let norm = |x: &Tensor, at: usize| {
        let (weight, bias): (Tensor, Tensor) = (take(args, at)?, take(args, at + 1)?);
        n::layer_norm(x, &[attention.embed_dim], Some(&weight), Some(&bias), eps)
    };
    let linear = |x: &Tensor, at: usize| {
        let (weight, bias): (Tensor, Tensor) = (take(args, at)?, take(args, at + 1)?);
        m::linear(x, &weight, Some(&bias))
    };
    let feed = |x: &Tensor| linear(&activated(&linear(x, 14)?, use_gelu)?, 16);
    let out = if norm_first {
        let x = norm(&src, 10)?;
        let x = add(&attention.run(&x, &x, &x)?.0, &src)?;
        add(&feed(&norm(&x, 12)?)?, &x)?
    } else {
        let x = norm(&add(&attention.run(&src, &src, &src)?.0, &src)?, 10)?;
        norm(&add(&feed(&x)?, &x)?, 12)?
    };
    if let Some(lengths) = lengths {
        nested::attach(&out, lengths)?;
    }
    Ok(out)
}

/// Attention step by step, for those who want its weights.
fn plain_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: Option<Tensor>,
    is_causal: bool,
    scale: Option<f64>,
    enable_gqa: bool,
) -> Result<(Tensor, Tensor)> {
    if q.dim() < 2 || k.dim() < 2 || v.dim() < 2 {
        return Err(error("expected tensors of at least 2 dimensions for attention"));
    }
    let repeated = |t: &Tensor| -> Result<Tensor> {
        if !enable_gqa {
            return Ok(t.clone());
        }
        let (heads, own) = (q.size(-3)?, t.size(-3)?);
        if own == 0 || heads % own != 0 {
            return Err(error(format!(
                "expected a number of query heads that {own} divides, found {heads}"
            )));
        }
        let expanded = t.unsqueeze(t.dim() as i64 - 2)?;
        let mut sizes = expanded.sizes().to_vec();
        let at = sizes.len() - 3;
        sizes[at] = heads / own;
        expanded.expand(&sizes)?.flatten(at as i64 - 1, at as i64)
    };
    let (k, v) = (repeated(k)?, repeated(v)?);
    let scale = scale.unwrap_or(1.0 / (q.size(-1)? as f64).sqrt());
    let scores = m::matmul(&mul(q, scale)?.to_dtype(q.dtype())?, &k.transpose(-2, -1)?)?;
    let mask = if is_causal {
        if mask.is_some() {
            return Err(error(
                "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
            ));
        }
        let square = Tensor::ones(&[q.size(-2)?, k.size(-2)?], DType::Bool)?;
        Some(flambeau_tensor::index::tril(&square, 0)?)
    } else {
        mask
    };
    let scores = match mask {
        Some(mask) if is_causal => choose(&mask, &scores, f64::NEG_INFINITY)?.to_dtype(scores.dtype())?,
        // This form adds masks of truth values too, as 0 and 1; `scaled_dot_product_attention` reads them.
        Some(mask) => add(&scores, &mask)?,
        None => scores,
    };
    let weights = r::softmax(&scores, -1, None)?;
    // A row that sees nothing gives zeros.
    let hidden = r::all(&eq(&scores, f64::NEG_INFINITY)?, &[-1], true)?;
    let weights = choose(&hidden, 0.0, &weights)?.to_dtype(weights.dtype())?;
    Ok((m::matmul(&weights, &v)?, weights))
}
