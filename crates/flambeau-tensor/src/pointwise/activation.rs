//! Activation functions of neural networks.

use crate::dtype::DType;
use crate::error::Result;
use crate::math::{ComplexMath, complex};
use crate::pointwise::call::{Arg, To, op, promoting, promoting_float, run};
use crate::pointwise::engine::Params;
use crate::pointwise::real::Real;
use crate::pointwise::table::table;
use crate::pointwise::{arith, unary};
use crate::tensor::Tensor;
use crate::{bail, ensure};

table! {
    RELU = "relu", Same {
        float |c, a| if a < 0.0 { 0.0 } else { a };
        int |c, a| if a < T::MIN.wrapping_sub(T::MIN) { 0 } else { a };
    }
    // f[0] = slope; the sign of zero follows the product
    LEAKY_RELU = "leaky_relu_cpu", Same { float |c, a| if a > 0.0 { a } else { a * c.f[0] as T }; }
    PRELU = "prelu_cpu", Same { float |c, a, w| if a > 0.0 { a } else { a * w }; }
    // f = alpha, scale, input_scale
    ELU = "elu_cpu", Same {
        float |c, a| {
            let (alpha, scale, input) = (c.f[0] as T, c.f[1] as T, c.f[2] as T);
            if a < 0.0 { (a * input).expm1_::<M>() * (alpha * scale) } else { a * scale }
        };
    }
    GELU = "GeluKernelImpl", Same { float |c, a| a.gelu::<M>(); }
    GELU_TANH = "GeluKernelImpl", Same { float |c, a| a.gelu_tanh::<M>(); }
    SILU = "silu_cpu", Same {
        float |c, a| a.silu::<M>();
        slow_complex |c, a| ComplexMath::divide(a, (-a).through(complex::exp) + T::new(1.0, 0.0));
    }
    // x * tanh(softplus(x)) = x * n / (n + 2) with n = e^x (e^x + 2)
    MISH = "mish_cpu", Same {
        float |c, a| if a > 20.0 { a } else {
            let e = a.exp_::<M>();
            let n = e * (e + 2.0);
            a * (n / (n + 2.0))
        };
    }
    HARDSWISH = "hardswish_cpu", Same {
        float |c, a| { let x = a + 3.0; let x = if x < 0.0 { 0.0 } else if x > 6.0 { 6.0 } else { x }; a * x / 6.0 };
    }
    HARDSIGMOID = "hardsigmoid_cpu", Same {
        float |c, a| { let x = a + 3.0; (if x < 0.0 { 0.0 } else if x > 6.0 { 6.0 } else { x }) / 6.0 };
    }
    // f = min, max
    HARDTANH = "clamp_cpu", Same {
        float |c, a| {
            let (low, high) = (c.f[0] as T, c.f[1] as T);
            let x = if a < low { low } else { a };
            if x > high { high } else { x }
        };
        int |c, a| {
            // `as` saturates: a bound outside the type does not bind.
            let (low, high) = (c.f[0] as T, c.f[1] as T);
            let x = if a < low { low } else { a };
            if x > high { high } else { x }
        };
    }
    // f = beta, threshold
    SOFTPLUS = "softplus_cpu", Same {
        float |c, a| {
            let (beta, threshold) = (c.f[0] as T, c.f[1] as T);
            let x = a * beta;
            // log(1 + e^x) = max(x, 0) + log1p(e^-|x|)
            let soft = (if x > 0.0 { x } else { 0.0 }) + (-x.abs()).exp_::<M>().log1p_::<M>();
            if x > threshold { a } else { soft / beta }
        };
    }
    // f = lambda
    SOFTSHRINK = "softshrink_check", Same {
        float |c, a| {
            let l = c.step(c.f[0] as T);
            if a.is_nan() { a } else if a > l { a - l } else if a < -l { a + l } else { 0.0 }
        };
    }
    HARDSHRINK = "hardshrink_cpu", Same {
        float |c, a| { let l = c.f[0] as T; if a >= -l && a <= l { 0.0 } else { a } };
    }
    // f = threshold, value
    THRESHOLD = "threshold_cpu", Same {
        float |c, a| if a <= c.f[0] as T { c.f[1] as T } else { a };
        int |c, a| if a <= c.f[0] as T { c.f[1] as T } else { a };
    }
    LOG_SIGMOID = "log_sigmoid_cpu", Same {
        float |c, a| (if a < 0.0 { a } else { 0.0 }) - (-a.abs()).exp_::<M>().log1p_::<M>();
    }
    SOFTSIGN = "softsign", Same { float |c, a| a / (1.0 + a.abs()); }
    GLU = "glu_cpu", Same { float |c, a, b| a * b.sigmoid::<M>(); }
    TANHSHRINK = "tanhshrink", Same { float |c, a| a - a.tanh_::<M>(); }
}

fn floats(f: &[f64]) -> Params {
    let mut p = Params::default();
    p.f[..f.len()].copy_from_slice(f);
    p
}

/// Constants of SELU.
const SELU_ALPHA: f64 = 1.6732632423543772848170429916717;
const SELU_SCALE: f64 = 1.0507009873554804934193349852946;

op! {
    relu, relu_to(to, x: &Tensor) {
        ensure!(x.dtype() != DType::Bool, NotImplemented, "Boolean inputs not supported for relu");
        ensure!(!x.is_complex(), NotImplemented, "clamp is not supported for complex types");
        promoting(&RELU, Params::default(), to, &[x.into()], 1)
    }
    relu6, relu6_to(to, x: &Tensor) {
        hardtanh_to(to, x, 0.0, 6.0)
    }
    leaky_relu, leaky_relu_to(to, x: &Tensor, slope: f64) {
        promoting(&LEAKY_RELU, floats(&[slope]), to, &[x.into()], 1)
    }
    /// `weight` holds one slope, or one for each channel (dimension 1).
    prelu, prelu_to(to, x: &Tensor, weight: &Tensor) {
        let n = weight.numel();
        let mut w = weight.clone();
        if n != 1 {
            ensure!(x.dim() > 0, "Not allow zero-dim input tensor.");
            let channels = if x.dim() > 1 { x.sizes()[1] } else { 1 };
            ensure!(
                channels == n,
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = {n} and channel size \
                 = {channels}."
            );
            let mut shape = vec![1; x.dim()];
            if x.dim() > 1 {
                shape[1] = n;
            }
            w = weight.reshape(&shape)?;
        } else {
            w = w.reshape(&[])?;
        }
        ensure!(
            x.dtype() == w.dtype(),
            "prelu: Type promoting not supported. Got {} and {}",
            x.dtype().name(),
            w.dtype().name()
        );
        run(&PRELU, Params::default(), to, &[x.into(), (&w).into()], x.dtype(), 1)
    }
    elu, elu_to(to, x: &Tensor, alpha: f64, scale: f64, input_scale: f64) {
        promoting(&ELU, floats(&[alpha, scale, input_scale]), to, &[x.into()], 6)
    }
    selu, selu_to(to, x: &Tensor) { elu_to(to, x, SELU_ALPHA, SELU_SCALE, 1.0) }
    celu, celu_to(to, x: &Tensor, alpha: f64) {
        ensure!(alpha != 0.0, "ZeroDivisionError: alpha cannot be 0 for CELU");
        elu_to(to, x, alpha, 1.0, 1.0 / alpha)
    }
    /// `approximate` is `none` or `tanh`.
    gelu, gelu_to(to, x: &Tensor, approximate: &str) {
        let table = match approximate {
            "none" => &GELU,
            "tanh" => &GELU_TANH,
            _ => bail!("approximate argument must be either none or tanh."),
        };
        promoting(table, Params::default(), to, &[x.into()], 8)
    }
    silu, silu_to(to, x: &Tensor) { promoting(&SILU, Params::default(), to, &[x.into()], 6) }
    mish, mish_to(to, x: &Tensor) { promoting(&MISH, Params::default(), to, &[x.into()], 6) }
    hardswish, hardswish_to(to, x: &Tensor) { promoting(&HARDSWISH, Params::default(), to, &[x.into()], 1) }
    hardsigmoid, hardsigmoid_to(to, x: &Tensor) { promoting(&HARDSIGMOID, Params::default(), to, &[x.into()], 1) }
    hardtanh, hardtanh_to(to, x: &Tensor, min: f64, max: f64) {
        ensure!(x.dtype() != DType::Bool, "Bool inputs not supported for hardtanh");
        ensure!(!x.is_complex(), NotImplemented, "clamp is not supported for complex types");
        promoting(&HARDTANH, floats(&[min, max]), to, &[x.into()], 1)
    }
    softplus, softplus_to(to, x: &Tensor, beta: f64, threshold: f64) {
        promoting(&SOFTPLUS, floats(&[beta, threshold]), to, &[x.into()], 8)
    }
    softshrink, softshrink_to(to, x: &Tensor, lambda: f64) {
        ensure!(lambda >= 0.0, "lambda must be greater or equal to 0, but found to be {lambda}.");
        promoting(&SOFTSHRINK, floats(&[lambda]), to, &[x.into()], 1)
    }
    hardshrink, hardshrink_to(to, x: &Tensor, lambda: f64) {
        promoting(&HARDSHRINK, floats(&[lambda]), to, &[x.into()], 1)
    }
    threshold, threshold_to(to, x: &Tensor, threshold: f64, value: f64) {
        promoting(&THRESHOLD, floats(&[threshold, value]), to, &[x.into()], 1)
    }
    log_sigmoid, log_sigmoid_to(to, x: &Tensor) {
        promoting(&LOG_SIGMOID, Params::default(), to, &[x.into()], 8)
    }
    softsign, softsign_to(to, x: &Tensor) { promoting_float(&SOFTSIGN, Params::default(), to, &[x.into()], 1) }
    tanhshrink, tanhshrink_to(to, x: &Tensor) {
        if x.is_complex() {
            let t = unary::tanh(x)?;
            return arith::sub_to(to, x.into(), (&t).into(), 1.into());
        }
        promoting_float(&TANHSHRINK, Params::default(), to, &[x.into()], 6)
    }
    /// The first half of a dimension times the sigmoid of the second.
    glu, glu_to(to, x: &Tensor, dim: i64) {
        ensure!(x.dim() > 0, "glu does not support 0-dimensional tensors");
        let n = x.size(dim)?;
        ensure!(n % 2 == 0, "Halving dimension must be even, but dimension {dim} is size {n}");
        let (a, b) = (x.narrow(dim, 0, n / 2)?, x.narrow(dim, n / 2, n / 2)?);
        promoting(&GLU, Params::default(), to, &[Arg::Tensor(&a), Arg::Tensor(&b)], 6)
    }
}

/// `rrelu` outside training: the mean slope.
pub fn rrelu_eval(to: To, x: &Tensor, lower: f64, upper: f64) -> Result<Tensor> {
    leaky_relu_to(to, x, (lower + upper) / 2.0)
}
