//! Functions of one element: signs, rounding, roots, exponentials, logarithms, trigonometry.

use crate::dtype::DType;
use crate::error::Result;
use crate::math::{ComplexMath, complex};
use crate::pointwise::call::{To, by_lanes, is_half, op, promoting, promoting_float, run};
use crate::pointwise::engine::Params;
use crate::pointwise::real::Real;
use crate::pointwise::table::table;
use crate::tensor::Tensor;
use crate::{bail, ensure};

table! {
    NEG = "neg_cpu", Same {
        float |c, a| -a;
        int |c, a| a.wrapping_neg();
        complex |c, a| -a;
    }
    ABS = "abs_cpu", Part {
        float |c, a| a.abs();
        complex |c, a| a.re.hypot(a.im);
    }
    ABS_INT = "abs_cpu", Same {
        u8 |c, a| a;
        signed |c, a| a.wrapping_abs();
    }
    SIGN = "sign_cpu", Same {
        float |c, a| (((a > 0.0) as u8) as T) - (((a < 0.0) as u8) as T);
        u8 |c, a| (a > 0) as u8;
        signed |c, a| a.signum();
    }
    SGN = "sgn_cpu", Same {
        slow_complex |c, a| {
            let n = a.re.hypot(a.im);
            if n == 0.0 { T::default() } else { a / n }
        };
    }
    FLOOR = "floor_vml_cpu", Same { float |c, a| a.floor(); }
    CEIL = "ceil_vml_cpu", Same { float |c, a| a.ceil(); }
    TRUNC = "trunc_vml_cpu", Same { float |c, a| a.trunc(); }
    ROUND = "round_vml_cpu", Same { float |c, a| a.round_even(); }
    // f[0] = 10^|decimals|, i[0] = whether decimals are negative
    ROUND_DECIMALS = "round_cpu", Same {
        float |c, a| {
            let p = c.f[0] as T;
            if c.i[0] != 0 { (a / p).round_even() * p } else { (a * p).round_even() / p }
        };
    }
    FRAC = "frac_cpu", Same { float |c, a| a - a.trunc(); }
    SQUARE = "mul_stub", Same {
        float |c, a| a * a;
        int |c, a| a.wrapping_mul(a);
        complex |c, a| a * a;
    }
    SQRT = "sqrt_cpu", Same {
        float |c, a| a.sqrt();
        slow_complex |c, a| a.through(complex::sqrt);
    }
    RSQRT = "rsqrt_cpu", Same {
        float |c, a| 1.0 / a.sqrt();
        slow_complex |c, a| a.through(complex::sqrt).through(complex::inverse);
    }
    RECIPROCAL = "reciprocal_cpu", Same {
        float |c, a| 1.0 / a;
        slow_complex |c, a| a.through(complex::inverse);
    }
    EXP = "exp_cpu", Same {
        float |c, a| a.exp_::<M>();
        slow_complex |c, a| a.through(complex::exp);
    }
    EXP2 = "exp2_cpu", Same {
        float |c, a| a.exp2_::<M>();
        slow_complex |c, a| ComplexMath::exp2(a);
    }
    EXPM1 = "expm1_cpu", Same {
        float |c, a| a.expm1_::<M>();
        slow_complex |c, a| ComplexMath::expm1(a);
    }
    LOG = "log_cpu", Same {
        float |c, a| a.log_::<M>();
        slow_complex |c, a| a.through(complex::log);
    }
    LOG2 = "log2_cpu", Same {
        float |c, a| a.log2_::<M>();
        slow_complex |c, a| a.through(complex::log2);
    }
    LOG10 = "log10_cpu", Same {
        float |c, a| a.log10_::<M>();
        slow_complex |c, a| a.through(complex::log10);
    }
    LOG1P = "log1p_cpu", Same {
        float |c, a| a.log1p_::<M>();
        slow_complex |c, a| ComplexMath::log1p(a);
    }
    SIN = "sin_cpu", Same { float |c, a| a.sin_::<M>(); slow_complex |c, a| a.through(complex::sin); }
    COS = "cos_cpu", Same { float |c, a| a.cos_::<M>(); slow_complex |c, a| a.through(complex::cos); }
    TAN = "tan_cpu", Same { float |c, a| a.tan_::<M>(); slow_complex |c, a| a.through(complex::tan); }
    ASIN = "asin_cpu", Same { float |c, a| a.asin_::<M>(); slow_complex |c, a| a.through(complex::asin); }
    ACOS = "acos_cpu", Same { float |c, a| a.acos_::<M>(); slow_complex |c, a| a.through(complex::acos); }
    ATAN = "atan_cpu", Same { float |c, a| a.atan_::<M>(); slow_complex |c, a| a.through(complex::atan); }
    SINH = "sinh_cpu", Same { float |c, a| a.sinh_::<M>(); slow_complex |c, a| a.through(complex::sinh); }
    COSH = "cosh_cpu", Same { float |c, a| a.cosh_::<M>(); slow_complex |c, a| a.through(complex::cosh); }
    TANH = "tanh_cpu", Same { float |c, a| a.tanh_::<M>(); slow_complex |c, a| a.through(complex::tanh); }
    ASINH = "asinh_cpu", Same { float |c, a| a.asinh_::<M>(); slow_complex |c, a| a.through(complex::asinh); }
    ACOSH = "acosh_cpu", Same { float |c, a| a.acosh_::<M>(); slow_complex |c, a| a.through(complex::acosh); }
    ATANH = "atanh_cpu", Same { float |c, a| a.atanh_::<M>(); slow_complex |c, a| a.through(complex::atanh); }
    SIGMOID = "sigmoid_cpu", Same {
        float |c, a| a.sigmoid::<M>();
        slow_complex |c, a| ((-a).through(complex::exp) + T::new(1.0, 0.0)).through(complex::inverse);
    }
    // f[0] = eps, or NaN for none
    LOGIT = "logit_cpu", Same {
        float |c, a| {
            let eps = c.step(c.f[0] as T);
            let high = c.step(1.0 - eps);
            let x = if a < eps { eps } else if a > high { high } else { a };
            c.step(x / c.step(1.0 - x)).log_::<M>()
        };
    }
    ERF = "erf_vml_cpu", Same { float |c, a| a.erf_::<M>(); }
    ERFC = "erfc_vml_cpu", Same { float |c, a| a.erfc_::<M>(); }
    SINC = "sinc_cpu", Same {
        float |c, a| if a == 0.0 { 1.0 } else { let p = a * T::of(std::f64::consts::PI); p.sin_::<M>() / p };
        slow_complex |c, a| if a == T::default() { T::new(1.0, 0.0) } else {
            let p = a * T::new(1.0, 0.0).scale(std::f64::consts::PI as _);
            p.through(complex::sin) / p
        };
    }
    // f[0] = factor
    SCALE = "deg2rad_cpu", Same { float |c, a| a * c.f[0] as T; }
    // f[0..3] = replacements of NaN, +inf, -inf
    NAN_TO_NUM = "nan_to_num", Same {
        float |c, a| if a.is_nan() { c.f[0] as T } else if a == T::INFINITY { c.f[1] as T } else if a == T::NEG_INFINITY {
            c.f[2] as T
        } else { a };
    }
}

fn no_params() -> Params {
    Params::default()
}

fn params(f: &[f64], i: &[i64]) -> Params {
    let mut p = Params::default();
    p.f[..f.len()].copy_from_slice(f);
    p.i[..i.len()].copy_from_slice(i);
    p
}

macro_rules! float_functions {
    ($($name:ident, $to:ident, $table:ident, $cost:literal;)*) => {
        op! {$(
            #[doc = concat!("`torch.", stringify!($name), "`; integers give floats.")]
            $name, $to(to, x: &Tensor) { promoting_float(&$table, no_params(), to, &[x.into()], $cost) }
        )*}
    };
}
float_functions! {
    sqrt, sqrt_to, SQRT, 2;
    reciprocal, reciprocal_to, RECIPROCAL, 2;
    exp, exp_to, EXP, 4;
    exp2, exp2_to, EXP2, 4;
    expm1, expm1_to, EXPM1, 6;
    log, log_to, LOG, 4;
    log2, log2_to, LOG2, 4;
    log10, log10_to, LOG10, 4;
    log1p, log1p_to, LOG1P, 6;
    sin, sin_to, SIN, 6;
    cos, cos_to, COS, 6;
    tan, tan_to, TAN, 8;
    asin, asin_to, ASIN, 8;
    acos, acos_to, ACOS, 8;
    atan, atan_to, ATAN, 8;
    sinh, sinh_to, SINH, 8;
    cosh, cosh_to, COSH, 8;
    tanh, tanh_to, TANH, 6;
    asinh, asinh_to, ASINH, 8;
    acosh, acosh_to, ACOSH, 8;
    atanh, atanh_to, ATANH, 8;
    sigmoid, sigmoid_to, SIGMOID, 6;
    erf, erf_to, ERF, 6;
    erfc, erfc_to, ERFC, 6;
    sinc, sinc_to, SINC, 8;
}

op! {
    /// `1 / sqrt(x)`; integers give floats.
    rsqrt, rsqrt_to(to, x: &Tensor) {
        if is_half(x.dtype()) {
            return to.deliver(rsqrt_half(x)?);
        }
        promoting_float(&RSQRT, no_params(), to, &[x.into()], 2)
    }
}

/// `rsqrt` of a half type, which rounds the root where PyTorch does.
pub(super) fn rsqrt_half(x: &Tensor) -> Result<Tensor> {
    by_lanes(
        &[x],
        || promoting_float(&RSQRT, no_params(), To::New, &[x.into()], 2),
        |x| reciprocal(&sqrt(&x[0])?),
    )
}

/// Rounding functions return integers as they are.
macro_rules! rounding_functions {
    ($($name:ident, $to:ident, $table:ident;)*) => {
        op! {$(
            #[doc = concat!("`torch.", stringify!($name), "`; integers stay as they are.")]
            $name, $to(to, x: &Tensor) {
                ensure!(
                    !x.is_complex() && x.dtype() != DType::Bool,
                    NotImplemented,
                    "\"{}\" not implemented for '{}'",
                    $table.name,
                    x.dtype().name()
                );
                if x.dtype().is_integral(true) {
                    return to.deliver(x.copy()?);
                }
                promoting(&$table, no_params(), to, &[x.into()], 1)
            }
        )*}
    };
}
rounding_functions! {
    floor, floor_to, FLOOR;
    ceil, ceil_to, CEIL;
    trunc, trunc_to, TRUNC;
    round, round_to, ROUND;
}

op! {
    neg, neg_to(to, x: &Tensor) {
        if x.dtype() == DType::Bool {
            bail!(
                NotImplemented,
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, \
                 use the `~` or `logical_not()` operator instead."
            );
        }
        promoting(&NEG, no_params(), to, &[x.into()], 1)
    }
    positive, positive_to(to, x: &Tensor) {
        ensure!(x.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
        to.deliver(x.clone())
    }
    /// `|x|`; the modulus of complex numbers, as reals
    abs, abs_to(to, x: &Tensor) {
        if x.dtype().is_integral(true) {
            return promoting(&ABS_INT, no_params(), to, &[x.into()], 1);
        }
        promoting(&ABS, no_params(), to, &[x.into()], 1)
    }
    /// -1, 0 or 1
    sign, sign_to(to, x: &Tensor) {
        ensure!(
            !x.is_complex(),
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        );
        if x.dtype() == DType::Bool {
            return to.deliver(x.copy()?);
        }
        promoting(&SIGN, no_params(), to, &[x.into()], 1)
    }
    /// `sign`, and `x / |x|` for complex numbers
    sgn, sgn_to(to, x: &Tensor) {
        if x.is_complex() { promoting(&SGN, no_params(), to, &[x.into()], 4) } else { sign_to(to, x) }
    }
    round_decimals, round_decimals_to(to, x: &Tensor, decimals: i64) {
        if decimals == 0 {
            return round_to(to, x);
        }
        let power = 10f64.powi(decimals.unsigned_abs().min(400) as i32);
        promoting(&ROUND_DECIMALS, params(&[power], &[(decimals < 0) as i64]), to, &[x.into()], 2)
    }
    frac, frac_to(to, x: &Tensor) { promoting(&FRAC, no_params(), to, &[x.into()], 1) }
    square, square_to(to, x: &Tensor) {
        let dtype = if x.dtype() == DType::Bool { DType::Long } else { x.dtype() };
        run(&SQUARE, no_params(), to, &[x.into()], dtype, 1)
    }
    deg2rad, deg2rad_to(to, x: &Tensor) {
        ensure!(!x.is_complex(), "deg2rad is not supported for complex tensors.");
        promoting_float(&SCALE, params(&[std::f64::consts::PI / 180.0], &[]), to, &[x.into()], 1)
    }
    rad2deg, rad2deg_to(to, x: &Tensor) {
        ensure!(!x.is_complex(), "rad2deg is not supported for complex tensors.");
        promoting_float(&SCALE, params(&[180.0 / std::f64::consts::PI], &[]), to, &[x.into()], 1)
    }
    logit, logit_to(to, x: &Tensor, eps: Option<f64>) {
        // Without `eps` nothing is clamped: comparisons with NaN are false.
        promoting_float(&LOGIT, params(&[eps.unwrap_or(f64::NAN)], &[]), to, &[x.into()], 6)
    }
    nan_to_num, nan_to_num_to(to, x: &Tensor, nan: Option<f64>, posinf: Option<f64>, neginf: Option<f64>) {
        if x.dtype().is_integral(true) {
            return to.deliver(x.copy()?);
        }
        let dtype = x.dtype().to_real();
        let most = most_of(dtype)?;
        let f = [nan.unwrap_or(0.0), posinf.unwrap_or(most), neginf.unwrap_or(-most)];
        if x.is_complex() {
            let out = x.copy()?;
            let parts = out.view_as_real()?;
            run(&NAN_TO_NUM, params(&f, &[]), super::To::InPlace(&parts), &[(&parts).into()], dtype, 1)?;
            return to.deliver(out);
        }
        promoting(&NAN_TO_NUM, params(&f, &[]), to, &[x.into()], 1)
    }
}

/// The largest finite number of a floating type.
pub fn most_of(dtype: DType) -> Result<f64> {
    Ok(match dtype {
        DType::Half => 65504.0,
        DType::BFloat16 => half::bf16::MAX.to_f64(),
        DType::Float => f32::MAX as f64,
        DType::Double => f64::MAX,
        other => bail!("expected a floating point dtype, found {}", other.name()),
    })
}
