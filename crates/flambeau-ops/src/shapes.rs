//! Shape rules that many rows share.

use flambeau_ir::ops::{Rows, ShapeArg, ShapeRule};
use flambeau_tensor::layout::broadcast_shapes;
use flambeau_tensor::{Error, Result};

/// The sizes of the first tensor.
pub fn like_first(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let first = args.iter().find_map(|a| match a {
        ShapeArg::Tensor(sizes) => Some(sizes.clone()),
        _ => None,
    });
    first
        .map(|sizes| vec![sizes])
        .ok_or_else(|| Error::runtime("expected a tensor among the arguments"))
}

/// The sizes that all tensors broadcast to.
pub fn broadcast(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let mut sizes = Vec::new();
    for arg in args {
        if let ShapeArg::Tensor(more) = arg {
            sizes = broadcast_shapes(&sizes, more)?.to_vec();
        }
    }
    Ok(vec![sizes])
}

/// `(…, n, k) @ (…, k, m)`, with vectors on either side.
pub fn matmul(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let [ShapeArg::Tensor(a), ShapeArg::Tensor(b), ..] = args else {
        return Err(Error::runtime("expected two tensors"));
    };
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    let a_batch = match a.as_slice() {
        [] => return Err(Error::runtime("both arguments to matmul need to be at least 1D")),
        [_] => &a[..0],
        [batch @ .., n, _] => {
            rows.push(*n);
            batch
        }
    };
    let b_batch = match b.as_slice() {
        [] => return Err(Error::runtime("both arguments to matmul need to be at least 1D")),
        [_] => &b[..0],
        [batch @ .., _, m] => {
            columns.push(*m);
            batch
        }
    };
    let mut sizes = broadcast_shapes(a_batch, b_batch)?.to_vec();
    sizes.extend(rows);
    sizes.extend(columns);
    Ok(vec![sizes])
}

/// Gives simple rows that name no rule theirs.
pub fn assign(rows: &mut Rows) {
    for op in &mut rows.rows {
        if op.shape.is_none() {
            op.shape = rule(op.text());
        }
    }
}

fn rule(text: &str) -> Option<ShapeRule> {
    let name = text.split(['(', '.']).next()?;
    let base = name.strip_prefix("aten::")?;
    // In place the sizes stay; metadata operations are the exception.
    let keeps = base.ends_with('_') && text.contains("(Tensor(a!) self");
    let moves = [
        "squeeze_",
        "unsqueeze_",
        "transpose_",
        "t_",
        "swapaxes_",
        "swapdims_",
        "as_strided_",
    ];
    if keeps && !moves.contains(&base) && !base.starts_with("resize") && !base.starts_with("set_") {
        return Some(like_first);
    }
    if !text.ends_with("-> Tensor") {
        return None;
    }
    match base {
        _ if LIKE_FIRST.contains(&base) => Some(like_first),
        _ if BROADCAST.contains(&base) => Some(broadcast),
        "matmul" | "mm" | "bmm" | "mv" | "linalg_matmul" => Some(matmul),
        _ => None,
    }
}

/// Functions of each element alone, and those that normalise along dimensions.
#[rustfmt::skip]
const LIKE_FIRST: &[&str] = &[
    "abs", "absolute", "acos", "acosh", "angle", "asin", "asinh", "atan", "atanh", "bitwise_not", "ceil", "celu",
    "cos", "cosh", "cumsum", "cumprod", "deg2rad", "digamma", "dropout", "elu", "erf", "erfc",
    "erfinv", "exp", "exp2", "expm1", "feature_dropout", "alpha_dropout", "fix", "floor", "frac", "gelu", "hardshrink",
    "hardsigmoid", "hardswish", "hardtanh", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal",
    "layer_norm", "leaky_relu", "lgamma", "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax", "logical_not",
    "logit", "mish", "nan_to_num", "neg", "negative", "prelu", "rad2deg", "reciprocal", "relu", "relu6", "rms_norm",
    "round", "rsqrt", "selu", "sgn", "sigmoid", "sign", "signbit", "silu", "sin", "sinc", "sinh", "softmax", "softplus",
    "softshrink", "sqrt", "square", "tan", "tanh", "threshold", "tril", "triu", "trunc", "batch_norm", "group_norm",
    "instance_norm", "flip",
];

/// Functions of several tensors' elements.
#[rustfmt::skip]
const BROADCAST: &[&str] = &[
    "__and__", "__or__", "__xor__", "add", "addcdiv", "addcmul", "atan2", "bitwise_and", "bitwise_left_shift",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "copysign", "div", "divide", "eq", "float_power",
    "floor_divide", "fmax", "fmin", "fmod", "gcd", "ge", "greater", "greater_equal", "gt", "heaviside", "hypot",
    "lcm", "le", "lerp", "less", "less_equal", "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor",
    "lt", "maximum", "minimum", "mul", "multiply", "ne", "nextafter", "not_equal", "pow", "remainder", "rsub", "sub",
    "subtract", "true_divide", "xlogy",
];
