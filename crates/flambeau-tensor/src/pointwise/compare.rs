//! Comparisons and tests of single elements; all give bool.

use crate::convert::B8;
use crate::dtype::DType;
use crate::error::Result;
use crate::pointwise::call::{Arg, op, promoting, result_type, run};
use crate::pointwise::engine::Params;
use crate::pointwise::table::table;
use crate::tensor::Tensor;
use crate::{bail, ensure};

macro_rules! comparison {
    ($name:ident, $label:literal, $op:tt) => {
        table! {
            $name = $label, Bool {
                float |c, a, b| B8((a $op b) as u8);
                int |c, a, b| B8((a $op b) as u8);
                bool |c, a, b| B8((a.get() $op b.get()) as u8);
            }
        }
    };
    (complex $name:ident, $label:literal, $op:tt) => {
        table! {
            $name = $label, Bool {
                float |c, a, b| B8((a $op b) as u8);
                int |c, a, b| B8((a $op b) as u8);
                bool |c, a, b| B8((a.get() $op b.get()) as u8);
                complex |c, a, b| B8((a $op b) as u8);
            }
        }
    };
}
comparison!(complex EQ, "eq_cpu", ==);
comparison!(complex NE, "ne_cpu", !=);
comparison!(LT, "lt_cpu", <);
comparison!(LE, "le_cpu", <=);
comparison!(GT, "gt_cpu", >);
comparison!(GE, "ge_cpu", >=);

table! {
    ISNAN = "isnan", Bool {
        float |c, a| B8(a.is_nan() as u8);
        complex |c, a| B8((a.re.is_nan() || a.im.is_nan()) as u8);
    }
    ISINF = "isinf", Bool {
        float |c, a| B8(a.is_infinite() as u8);
        complex |c, a| B8((a.re.is_infinite() || a.im.is_infinite()) as u8);
    }
    ISFINITE = "isfinite", Bool {
        float |c, a| B8(a.is_finite() as u8);
        complex |c, a| B8((a.re.is_finite() && a.im.is_finite()) as u8);
    }
    ISPOSINF = "isposinf", Bool { float |c, a| B8((a == T::INFINITY) as u8); }
    ISNEGINF = "isneginf", Bool { float |c, a| B8((a == T::NEG_INFINITY) as u8); }
    SIGNBIT = "signbit_cpu", Bool {
        float |c, a| B8(a.is_sign_negative() as u8);
        int |c, a| B8((a < T::MIN.wrapping_sub(T::MIN)) as u8);
    }
    ISREAL = "isreal", Bool {
        complex |c, a| B8((a.im == 0.0) as u8);
    }
    // |a - b| <= atol + |rtol * b|, or equal; f[0] = rtol, f[1] = atol, i[0] = whether NaN equals NaN
    ISCLOSE = "isclose", Bool {
        float |c, a, b| {
            let (rtol, atol) = (c.f[0] as T, c.f[1] as T);
            let near = (a - b).abs() <= atol + (rtol * b).abs();
            B8(((a == b) | ((a - b).is_finite() & near) | (c.i[0] != 0 && a.is_nan() && b.is_nan())) as u8)
        };
        complex |c, a, b| {
            let (rtol, atol) = (c.f[0], c.f[1]);
            let (d, s) = ((a - b).norm() as f64, b.norm() as f64);
            let nans = c.i[0] != 0 && a.is_nan() && b.is_nan();
            B8(((a == b) | (d.is_finite() & (d <= atol + (rtol * s).abs())) | nans) as u8)
        };
        int |c, a, b| {
            let (x, y) = (a as f64, b as f64);
            B8(((a == b) | ((x - y).abs() <= c.f[1] + (c.f[0] * y).abs())) as u8)
        };
        bool |c, a, b| B8((a.get() == b.get()) as u8);
    }
}

op! {
    /// `a == b`
    eq, eq_to(to, a: Arg, b: Arg) { promoting(&EQ, Params::default(), to, &[a, b], 1) }
    /// `a != b`
    ne, ne_to(to, a: Arg, b: Arg) { promoting(&NE, Params::default(), to, &[a, b], 1) }
    /// `a < b`
    lt, lt_to(to, a: Arg, b: Arg) { promoting(&LT, Params::default(), to, &[a, b], 1) }
    /// `a <= b`
    le, le_to(to, a: Arg, b: Arg) { promoting(&LE, Params::default(), to, &[a, b], 1) }
    /// `a > b`
    gt, gt_to(to, a: Arg, b: Arg) { promoting(&GT, Params::default(), to, &[a, b], 1) }
    /// `a >= b`
    ge, ge_to(to, a: Arg, b: Arg) { promoting(&GE, Params::default(), to, &[a, b], 1) }
    isnan, isnan_to(to, x: &Tensor) {
        if x.dtype().is_integral(true) { return to.deliver(Tensor::zeros(x.sizes(), DType::Bool)?) }
        promoting(&ISNAN, Params::default(), to, &[x.into()], 1)
    }
    isinf, isinf_to(to, x: &Tensor) {
        if x.dtype().is_integral(true) { return to.deliver(Tensor::zeros(x.sizes(), DType::Bool)?) }
        promoting(&ISINF, Params::default(), to, &[x.into()], 1)
    }
    isfinite, isfinite_to(to, x: &Tensor) {
        if x.dtype().is_integral(true) { return to.deliver(Tensor::ones(x.sizes(), DType::Bool)?) }
        promoting(&ISFINITE, Params::default(), to, &[x.into()], 1)
    }
    isreal, isreal_to(to, x: &Tensor) {
        if !x.is_complex() { return to.deliver(Tensor::ones(x.sizes(), DType::Bool)?) }
        promoting(&ISREAL, Params::default(), to, &[x.into()], 1)
    }
    isposinf, isposinf_to(to, x: &Tensor) {
        ensure!(!x.is_complex(), "isposinf does not support complex inputs.");
        if x.dtype().is_integral(true) { return to.deliver(Tensor::zeros(x.sizes(), DType::Bool)?) }
        promoting(&ISPOSINF, Params::default(), to, &[x.into()], 1)
    }
    isneginf, isneginf_to(to, x: &Tensor) {
        ensure!(!x.is_complex(), "isneginf does not support complex inputs.");
        if x.dtype().is_integral(true) { return to.deliver(Tensor::zeros(x.sizes(), DType::Bool)?) }
        promoting(&ISNEGINF, Params::default(), to, &[x.into()], 1)
    }
    signbit, signbit_to(to, x: &Tensor) {
        ensure!(!x.is_complex(), "signbit is not implemented for complex tensors.");
        if x.dtype() == DType::Bool { return to.deliver(Tensor::zeros(x.sizes(), DType::Bool)?) }
        promoting(&SIGNBIT, Params::default(), to, &[x.into()], 1)
    }
}

/// `torch.isclose`.
pub fn isclose(a: &Tensor, b: &Tensor, rtol: f64, atol: f64, equal_nan: bool) -> Result<Tensor> {
    ensure!(
        a.dtype() == b.dtype(),
        "{} did not match {}",
        a.dtype().name(),
        b.dtype().name()
    );
    ensure!(
        rtol >= 0.0,
        "rtol must be greater than or equal to zero, but got {rtol}"
    );
    ensure!(
        atol >= 0.0,
        "atol must be greater than or equal to zero, but got {atol}"
    );
    let params = Params {
        f: [rtol, atol, 0.0, 0.0],
        i: [equal_nan as i64, 0],
        ..Params::default()
    };
    let args = [a.into(), b.into()];
    run(
        &ISCLOSE,
        params,
        crate::pointwise::To::New,
        &args,
        result_type(&args),
        2,
    )
}

/// `torch.allclose`.
pub fn allclose(a: &Tensor, b: &Tensor, rtol: f64, atol: f64, equal_nan: bool) -> Result<bool> {
    let close = isclose(a, b, rtol, atol, equal_nan)?.contiguous()?;
    let read = close.read()?;
    Ok(read.slice::<bool>()?.iter().all(|b| *b))
}

/// `torch.equal`: same shape and all elements equal.
pub fn equal(a: &Tensor, b: &Tensor) -> Result<bool> {
    if a.dtype() != b.dtype() {
        bail!(
            "Expected object of data type {} but got data type {} for argument",
            a.dtype().name(),
            b.dtype().name()
        );
    }
    if a.sizes() != b.sizes() {
        return Ok(false);
    }
    let same = eq(a.into(), b.into())?.contiguous()?;
    let read = same.read()?;
    Ok(read.slice::<bool>()?.iter().all(|b| *b))
}
