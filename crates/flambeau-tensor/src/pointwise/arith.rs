//! Sums, products, extrema and other arithmetic of two operands. Division and powers are in [`super::divide`].

use crate::convert::B8;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::broadcast_shapes;
use crate::math::{ComplexMath, complex};
use crate::pointwise::call::{
    Arg, To, by_lanes, is_half, op, own, promoting, promoting_float, result_type, run,
};
use crate::pointwise::engine::Params;
use crate::pointwise::real::Real;
use crate::pointwise::table::table;
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, bf16, ensure, f16};

/// Euclid's steps in the type itself: the least number stays negative, and so may the result.
macro_rules! gcd_in {
    ($a:expr, $b:expr) => {{
        let positive = |x: T| if (x as i64) < 0 { x.wrapping_neg() } else { x };
        let (mut a, mut b) = (positive($a), positive($b));
        while a != 0 {
            (a, b) = (b.wrapping_rem(a), a);
        }
        b
    }};
}

table! {
    ADD = "add_stub", Same {
        float |c, a, b| a + b;
        int |c, a, b| a.wrapping_add(b);
        bool |c, a, b| B8(((a.0 | b.0) != 0) as u8);
        // PyTorch multiplies by a complex 1, which makes NaN beside an infinity.
        complex |c, a, b| a + b * T::new(1.0, 0.0);
    }
    // a + alpha * b
    ADD_SCALED = "add_stub", Same {
        float |c, a, b, alpha| b.madd::<M>(c.step(alpha), a);
        int |c, a, b, alpha| a.wrapping_add(alpha.wrapping_mul(b));
        bool |c, a, b, alpha| B8((a.0 != 0 || (alpha.0 != 0 && b.0 != 0)) as u8);
        complex |c, a, b, alpha| a + alpha * b;
    }
    SUB = "sub_stub", Same {
        float |c, a, b| a - b;
        int |c, a, b| a.wrapping_sub(b);
        complex |c, a, b| a - b * T::new(1.0, 0.0);
    }
    MUL = "mul_stub", Same {
        float |c, a, b| a * b;
        int |c, a, b| a.wrapping_mul(b);
        bool |c, a, b| B8((a.0 != 0 && b.0 != 0) as u8);
        complex |c, a, b| a * b;
    }
    MAXIMUM = "maximum_cpu", Same {
        float |c, a, b| if a.is_nan() || a > b { a } else { b };
        int |c, a, b| if a > b { a } else { b };
        bool |c, a, b| B8(((a.0 | b.0) != 0) as u8);
    }
    MINIMUM = "minimum_cpu", Same {
        float |c, a, b| if a.is_nan() || a < b { a } else { b };
        int |c, a, b| if a < b { a } else { b };
        bool |c, a, b| B8((a.0 != 0 && b.0 != 0) as u8);
    }
    FMAX = "fmax_cpu", Same { float |c, a, b| if b.is_nan() || a >= b { a } else { b }; }
    FMIN = "fmin_cpu", Same { float |c, a, b| if b.is_nan() || a <= b { a } else { b }; }
    COPYSIGN = "copysign_cpu", Same { float |c, a, b| a.copysign(b); }
    NEXTAFTER = "nextafter_cpu", Same { slow_float |c, a, b| a.next_after(b); }
    HYPOT = "hypot_cpu", Same { slow_float |c, a, b| a.hypot(b); }
    ATAN2 = "atan2_cpu", Same { float |c, a, b| a.atan2_::<M>(b); }
    HEAVISIDE = "heaviside_cpu", Same {
        float |c, a, b| if a == 0.0 { b } else if a > 0.0 { 1.0 } else { 0.0 };
        int |c, a, b| if a == 0 { b } else { (a > 0) as T };
        bool |c, a, b| if a.0 == 0 { b } else { B8(1) };
    }
    XLOGY = "xlogy_cpu", Same {
        float |c, a, b| if b.is_nan() { b } else if a == 0.0 { 0.0 } else { a * c.step(b.log_::<M>()) };
    }
    XLOG1PY = "xlog1py_cpu", Same {
        float |c, a, b| if b.is_nan() { b } else if a == 0.0 { 0.0 } else { a * c.step(b.log1p_::<M>()) };
    }
    LOGADDEXP = "logaddexp_cpu", Same {
        float |c, a, b| {
            let high = if a.is_nan() || a > b { a } else { b };
            let sum = high + (-(a - b).abs()).exp_::<M>().log1p_::<M>();
            if a == b && a.is_infinite() { a } else { sum }
        };
        slow_complex |c, a, b| {
            let (high, low) = if a.re > b.re { (a, b) } else { (b, a) };
            high + ((low - high).through(complex::exp) + T::new(1.0, 0.0)).through(complex::log)
        };
    }
    LOGADDEXP2 = "logaddexp2_cpu", Same {
        float |c, a, b| {
            let high = if a.is_nan() || a > b { a } else { b };
            let sum = high + (-(a - b).abs()).exp2_::<M>().log1p_::<M>() * T::of(std::f64::consts::LOG2_E);
            if a == b && a.is_infinite() { a } else { sum }
        };
    }
    GCD = "gcd_cpu", Same {
        slow_int |c, a, b| gcd_in!(a, b);
    }
    LCM = "lcm_cpu", Same {
        slow_int |c, a, b| {
            let g = gcd_in!(a, b);
            if g == 0 { 0 } else {
                // Small types are multiplied as 32-bit numbers and cut afterwards.
                let both = a.wrapping_div(g);
                if size_of::<T>() <= 4 {
                    (both as i32).wrapping_mul(b as i32).wrapping_abs() as T
                } else {
                    (both as i64).wrapping_mul(b as i64).wrapping_abs() as T
                }
            }
        };
    }
}

/// Checks `alpha` of `add` and `sub` against the result type.
fn check_alpha(common: DType, alpha: Scalar) -> Result<()> {
    ensure!(
        !matches!(alpha, Scalar::Bool(_)) || common == DType::Bool,
        "Boolean alpha only supported for Boolean results."
    );
    ensure!(
        common.is_floating_point() || common.is_complex() || alpha.is_integral(true),
        "For integral input tensors, argument alpha must not be a floating point number."
    );
    ensure!(
        common.is_complex() || !alpha.is_complex(),
        "For non-complex input tensors, argument alpha must not be a complex number."
    );
    Ok(())
}

fn is_bool(a: Arg) -> bool {
    a.dtype() == DType::Bool
}

fn check_sub(a: Arg, b: Arg) -> Result<()> {
    if is_bool(a) && is_bool(b) {
        bail!(
            NotImplemented,
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` \
             operator instead."
        );
    }
    if is_bool(a) || is_bool(b) {
        bail!(
            NotImplemented,
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, \
             use the `~` or `logical_not()` operator instead."
        );
    }
    Ok(())
}

fn negated(alpha: Scalar) -> Scalar {
    match alpha {
        Scalar::Bool(b) => Scalar::Int(-(b as i64)),
        Scalar::Int(i) => Scalar::Int(i.wrapping_neg()),
        Scalar::Float(f) => Scalar::Float(-f),
        Scalar::Complex(c) => Scalar::Complex(-c),
    }
}

/// `a + alpha * b` of half types.
fn scaled_half(a: Arg, b: Arg, alpha: Scalar, common: DType) -> Result<Tensor> {
    let Arg::Number(alpha) = own(alpha.into(), common)? else {
        bail!("expected a number for `alpha`");
    };
    let table = |a: Arg, b: Arg| {
        let args = [a, b, alpha.into()];
        run(&ADD_SCALED, Params::default(), To::New, &args, common, 1)
    };
    let steps = |a: Arg, b: Arg| {
        let scaled = run(&MUL, Params::default(), To::New, &[b, alpha.into()], common, 1)?;
        run(
            &ADD,
            Params::default(),
            To::New,
            &[a, (&scaled).into()],
            common,
            1,
        )
    };
    match (a, b) {
        (Arg::Tensor(x), Arg::Tensor(y)) if x.dtype() == common && y.dtype() == common => {
            by_lanes(&[x, y], || table(a, b), |t| steps((&t[0]).into(), (&t[1]).into()))
        }
        (Arg::Tensor(x), Arg::Number(s)) if x.dtype() == common => {
            let s = Tensor::scalar_tensor(s, common)?;
            by_lanes(&[x], || table(a, b), |t| steps((&t[0]).into(), (&s).into()))
        }
        _ => table(a, b),
    }
}

fn is_one(s: Scalar) -> bool {
    s.to_complex() == num_complex::Complex::new(1.0, 0.0)
}

op! {
    /// `a + alpha * b`
    add, add_to(to, a: Arg, b: Arg, alpha: Scalar) {
        let common = result_type(&[a, b]);
        check_alpha(common, alpha)?;
        let (a, b) = (own(a, common)?, own(b, common)?);
        if is_one(alpha) {
            return run(&ADD, Params::default(), to, &[a, b], common, 1);
        }
        if is_half(common) {
            return to.deliver(scaled_half(a, b, alpha, common)?);
        }
        run(&ADD_SCALED, Params::default(), to, &[a, b, alpha.into()], common, 1)
    }
    /// `a - alpha * b`
    sub, sub_to(to, a: Arg, b: Arg, alpha: Scalar) {
        let common = result_type(&[a, b]);
        check_sub(a, b)?;
        check_alpha(common, alpha)?;
        let (a, b) = (own(a, common)?, own(b, common)?);
        if is_one(alpha) {
            return run(&SUB, Params::default(), to, &[a, b], common, 1);
        }
        if is_half(common) {
            return to.deliver(scaled_half(a, b, negated(alpha), common)?);
        }
        run(&ADD_SCALED, Params::default(), to, &[a, b, negated(alpha).into()], common, 1)
    }
    /// `b - alpha * a`
    rsub, rsub_to(to, a: Arg, b: Arg, alpha: Scalar) { sub_to(to, b, a, alpha) }
    /// `a * b`
    mul, mul_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        // A number on the right stays as precise as it is.
        let a = if matches!(b, Arg::Tensor(_)) { own(a, common)? } else { a };
        run(&MUL, Params::default(), to, &[a, b], common, 1)
    }
    maximum, maximum_to(to, a: Arg, b: Arg) {
        ensure!(!a.dtype().is_complex() && !b.dtype().is_complex(), "maximum not implemented for complex tensors.");
        promoting(&MAXIMUM, Params::default(), to, &[a, b], 1)
    }
    minimum, minimum_to(to, a: Arg, b: Arg) {
        ensure!(!a.dtype().is_complex() && !b.dtype().is_complex(), "minimum not implemented for complex tensors.");
        promoting(&MINIMUM, Params::default(), to, &[a, b], 1)
    }
    /// The larger, or the one that is not NaN.
    fmax, fmax_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        ensure!(!common.is_complex(), "fmax not implemented for complex tensors.");
        let table = if common.is_floating_point() { &FMAX } else { &MAXIMUM };
        run(table, Params::default(), to, &[a, b], common, 1)
    }
    /// The smaller, or the one that is not NaN.
    fmin, fmin_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        ensure!(!common.is_complex(), "fmin not implemented for complex tensors.");
        let table = if common.is_floating_point() { &FMIN } else { &MINIMUM };
        run(table, Params::default(), to, &[a, b], common, 1)
    }
    copysign, copysign_to(to, a: Arg, b: Arg) { promoting_float(&COPYSIGN, Params::default(), to, &[a, b], 1) }
    nextafter, nextafter_to(to, a: Arg, b: Arg) {
        match result_type(&[a, b]) {
            DType::Half => to.deliver(next_half::<f16>(a, b, |x| x.to_bits(), f16::from_bits)?),
            DType::BFloat16 => to.deliver(next_half::<bf16>(a, b, |x| x.to_bits(), bf16::from_bits)?),
            _ => promoting(&NEXTAFTER, Params::default(), to, &[a, b], 8),
        }
    }
    hypot, hypot_to(to, a: Arg, b: Arg) { promoting(&HYPOT, Params::default(), to, &[a, b], 16) }
    /// The angle of the point (b, a).
    atan2, atan2_to(to, a: Arg, b: Arg) { promoting_float(&ATAN2, Params::default(), to, &[a, b], 8) }
    heaviside, heaviside_to(to, a: Arg, b: Arg) {
        ensure!(
            !a.dtype().is_complex() && !b.dtype().is_complex(),
            "heaviside is not yet implemented for complex tensors."
        );
        ensure!(
            a.dtype() == b.dtype(),
            "heaviside is not yet implemented for tensors with different dtypes."
        );
        promoting(&HEAVISIDE, Params::default(), to, &[a, b], 1)
    }
    /// `a * log(b)`, 0 where `a` is 0
    xlogy, xlogy_to(to, a: Arg, b: Arg) { promoting_float(&XLOGY, Params::default(), to, &[a, b], 8) }
    xlog1py, xlog1py_to(to, a: Arg, b: Arg) { promoting_float(&XLOG1PY, Params::default(), to, &[a, b], 8) }
    logaddexp, logaddexp_to(to, a: Arg, b: Arg) { promoting(&LOGADDEXP, Params::default(), to, &[a, b], 16) }
    logaddexp2, logaddexp2_to(to, a: Arg, b: Arg) {
        promoting(&LOGADDEXP2, Params::default(), to, &[a, b], 16)
    }
    gcd, gcd_to(to, a: Arg, b: Arg) { promoting(&GCD, Params::default(), to, &[a, b], 32) }
    lcm, lcm_to(to, a: Arg, b: Arg) { promoting(&LCM, Params::default(), to, &[a, b], 32) }
}

/// `a * b` computed in a given dtype.
pub(crate) fn mul_as(to: To, a: Arg, b: Arg, common: DType) -> Result<Tensor> {
    run(&MUL, Params::default(), to, &[a, b], common, 1)
}

/// `nextafter` in a half type's own steps.
fn next_half<T: Element + PartialOrd>(
    a: Arg,
    b: Arg,
    bits: impl Fn(T) -> u16,
    of: impl Fn(u16) -> T,
) -> Result<Tensor> {
    let (a, b) = (a.tensor()?.to_dtype(T::DTYPE)?, b.tensor()?.to_dtype(T::DTYPE)?);
    let shape = broadcast_shapes(a.sizes(), b.sizes())?;
    let (x, y) = (a.expand(&shape)?.to_vec::<T>()?, b.expand(&shape)?.to_vec::<T>()?);
    let zero = T::default();
    let next = |(&x, &y): (&T, &T)| match x.partial_cmp(&y) {
        None => T::from_scalar(Scalar::Float(f64::NAN)),
        Some(std::cmp::Ordering::Equal) => y,
        Some(order) => {
            let up = order == std::cmp::Ordering::Less;
            // Magnitudes grow with their bits below the sign.
            if x == zero {
                of(if up { 1 } else { 0x8001 })
            } else if (x > zero) == up {
                of(bits(x) + 1)
            } else {
                of(bits(x) - 1)
            }
        }
    };
    Tensor::from_vec(x.iter().zip(&y).map(next).collect::<Vec<T>>(), &shape)
}
