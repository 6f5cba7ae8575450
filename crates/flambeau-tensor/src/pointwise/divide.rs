//! Division in all its roundings, remainders and powers.

use num_complex::Complex;

use crate::convert::B8;
use crate::dtype::DType;
use crate::error::Result;
use crate::math::ComplexMath;
use crate::pointwise::call::{Arg, To, op, own, result_type, run};
use crate::pointwise::engine::Params;
use crate::pointwise::real::Real;
use crate::pointwise::table::table;
use crate::pointwise::{arith, unary};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Complex division with scaling, so that large and small parts neither overflow nor vanish.
macro_rules! complex_division {
    ($name:ident, $t:ty) => {
        pub(crate) fn $name(a: Complex<$t>, b: Complex<$t>) -> Complex<$t> {
            let (br, bi) = (b.re.abs(), b.im.abs());
            if br >= bi {
                if br == 0.0 && bi == 0.0 {
                    return Complex::new(a.re / br, a.im / bi);
                }
                let rat = b.im / b.re;
                let scale = 1.0 / (b.re + b.im * rat);
                Complex::new((a.re + a.im * rat) * scale, (a.im - a.re * rat) * scale)
            } else {
                let rat = b.re / b.im;
                let scale = 1.0 / (b.re * rat + b.im);
                Complex::new((a.re * rat + a.im) * scale, (a.im * rat - a.re) * scale)
            }
        }
    };
}
complex_division!(complex_div_f32, f32);
complex_division!(complex_div_f64, f64);

macro_rules! float_floor_div {
    ($name:ident, $rem:ident, $t:ty) => {
        /// Rounds the quotient down, exactly where `floor(a / b)` would be off by rounding.
        fn $name(a: $t, b: $t) -> $t {
            if b == 0.0 {
                return a / b;
            }
            let rem = a % b;
            let mut div = (a - rem) / b;
            if rem != 0.0 && (b < 0.0) != (rem < 0.0) {
                div -= 1.0;
            }
            if div == 0.0 {
                return (0.0 as $t).copysign(a / b);
            }
            let floor = div.floor();
            if div - floor > 0.5 {
                floor + 1.0
            } else {
                floor
            }
        }

        /// The remainder with the sign of the divisor.
        fn $rem(a: $t, b: $t) -> $t {
            let rem = a % b;
            if rem != 0.0 && (b < 0.0) != (rem < 0.0) {
                rem + b
            } else {
                rem
            }
        }
    };
}
float_floor_div!(floor_div_f32, rem_f32, f32);
float_floor_div!(floor_div_f64, rem_f64, f64);

table! {
    DIV = "div_cpu", Same {
        float |c, a, b| a / b;
        c32 |c, a, b| complex_div_f32(a, b);
        c64 |c, a, b| complex_div_f64(a, b);
    }
    DIV_TRUNC = "div_trunc_cpu", Same {
        float |c, a, b| (a / b).trunc();
        slow_int |c, a, b| if b == 0 { c.fault = true; 0 } else { a.wrapping_div(b) };
    }
    DIV_FLOOR = "div_floor_cpu", Same {
        slow_f32 |c, a, b| floor_div_f32(a, b);
        slow_f64 |c, a, b| floor_div_f64(a, b);
        slow_int |c, a, b| if b == 0 {
            c.fault = true;
            0
        } else {
            let q = a.wrapping_div(b);
            let r = a.wrapping_rem(b);
            let zero: T = 0;
            if r != 0 && (r < zero) != (b < zero) { q.wrapping_sub(1) } else { q }
        };
    }
    REMAINDER = "remainder_cpu", Same {
        slow_f32 |c, a, b| rem_f32(a, b);
        slow_f64 |c, a, b| rem_f64(a, b);
        slow_int |c, a, b| if b == 0 {
            c.fault = true;
            0
        } else {
            let r = a.wrapping_rem(b);
            let zero: T = 0;
            if r != 0 && (r < zero) != (b < zero) { r.wrapping_add(b) } else { r }
        };
    }
    FMOD = "fmod_cpu", Same {
        slow_float |c, a, b| a % b;
        slow_int |c, a, b| if b == 0 { c.fault = true; 0 } else { a.wrapping_rem(b) };
    }
    POW = "pow", Same {
        float |c, a, b| a.pow_::<M>(b);
        slow_int |c, a, b| {
            let negative = (b as i64) < 0;
            if negative {
                let one: T = 1;
                let odd = (b as i64) & 1 != 0;
                if a == one { one } else if a.wrapping_add(one) == 0 { if odd { a } else { one } } else { 0 }
            } else {
                let (mut base, mut e, mut r) = (a, b as u64, 1 as T);
                while e != 0 {
                    if e & 1 != 0 {
                        r = r.wrapping_mul(base);
                    }
                    e >>= 1;
                    base = base.wrapping_mul(base);
                }
                r
            }
        };
        bool |c, a, b| B8((a.0 != 0 || b.0 == 0) as u8);
        slow_complex |c, a, b| ComplexMath::pow(a, b);
    }
    CUBE = "pow", Same {
        float |c, a| a * a * a;
        int |c, a| a.wrapping_mul(a).wrapping_mul(a);
        complex |c, a| a * a * a;
    }
    INV_SQUARE = "pow", Same { float |c, a| 1.0 / (a * a); }
}

/// `rounding_mode` of `div`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// true division; integers give floats
    True,
    Trunc,
    Floor,
}

impl Rounding {
    pub fn from_name(name: Option<&str>) -> Result<Rounding> {
        Ok(match name {
            None => Rounding::True,
            Some("trunc") => Rounding::Trunc,
            Some("floor") => Rounding::Floor,
            Some(other) => {
                bail!("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{other}'")
            }
        })
    }
}

op! {
    /// `a / b`; integers give floats
    div, div_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]).to_float();
        // A number on the right stays as precise as it is.
        let a = if matches!(b, Arg::Tensor(_)) { own(a, common)? } else { a };
        run(&DIV, Params::default(), to, &[a, b], common, 1)
    }
    div_mode, div_mode_to(to, a: Arg, b: Arg, mode: Rounding) {
        let common = result_type(&[a, b]);
        match mode {
            Rounding::True => div_to(to, a, b),
            // Half types round the quotient of tensors before they cut it.
            Rounding::Trunc if common.compute() != common && matches!(b, Arg::Tensor(t) if t.dim() > 0) => {
                let quotient = run(&DIV, Params::default(), To::New, &[a, b], common, 1)?;
                run(&unary::TRUNC, Params::default(), to, &[(&quotient).into()], common, 1)
            }
            Rounding::Trunc => run(&DIV_TRUNC, Params::default(), to, &[a, b], common, 4),
            Rounding::Floor => run(&DIV_FLOOR, Params::default(), to, &[a, b], common, 16),
        }
    }
    /// `a // b`, rounding down
    floor_divide, floor_divide_to(to, a: Arg, b: Arg) { div_mode_to(to, a, b, Rounding::Floor) }
    /// `a % b` with the sign of `b`
    remainder, remainder_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        run(&REMAINDER, Params::default(), to, &[own(a, common)?, own(b, common)?], common, 16)
    }
    /// the remainder with the sign of `a`
    fmod, fmod_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        run(&FMOD, Params::default(), to, &[own(a, common)?, own(b, common)?], common, 16)
    }
    /// `a ** b`
    pow, pow_to(to, a: Arg, b: Arg) {
        match (a, b) {
            (Arg::Tensor(x), Arg::Number(e)) => pow_number(to, x, e),
            _ => {
                let common = result_type(&[a, b]);
                if let Arg::Number(base) = a && base.to_complex() == Complex::new(1.0, 0.0) {
                    return to.deliver(b.tensor()?.full_like(Scalar::Int(1), Some(common))?);
                }
                run(&POW, Params::default(), to, &[own(a, common)?, own(b, common)?], common, 16)
            }
        }
    }
    /// `a ** b` in double precision
    float_power, float_power_to(to, a: Arg, b: Arg) {
        let complex = a.dtype().is_complex() || b.dtype().is_complex();
        let dtype = if complex { DType::ComplexDouble } else { DType::Double };
        run(&POW, Params::default(), to, &[a, b], dtype, 16)
    }
    /// `a * 2 ** b`
    ldexp, ldexp_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]).to_float();
        let two = pow(Arg::Number(Scalar::Float(2.0)), b)?;
        arith::mul_as(to, a, (&two).into(), common)
    }
}

fn pow_number(to: To, x: &Tensor, e: Scalar) -> Result<Tensor> {
    let common = result_type(&[x.into(), e.into()]);
    if x.dtype().is_integral(true) && e.is_integral(true) {
        ensure!(
            e.to_i64() >= 0,
            "Integers to negative integer powers are not allowed."
        );
    }
    // The shortcuts below may compute in another type, so the target is checked first.
    to.target(x.sizes(), common)?;
    let special = match e {
        Scalar::Complex(c) if c.im == 0.0 && (c.re == 0.0 || c.re == 1.0) => c.re,
        Scalar::Complex(_) => f64::NAN,
        _ => e.to_f64(),
    };
    let float = common.is_floating_point();
    if special == 0.0 {
        return to.deliver(x.full_like(Scalar::Int(1), Some(common))?);
    }
    if special == 1.0 {
        return to.deliver(if x.dtype() == common {
            x.copy()?
        } else {
            x.to_dtype(common)?
        });
    }
    if common != DType::Bool && special == 2.0 {
        return arith::mul_as(to, x.into(), x.into(), common);
    }
    if common == DType::BFloat16 && (special == 3.0 || special == -2.0) {
        // This type rounds the square.
        let square = arith::mul_as(To::New, x.into(), x.into(), common)?;
        return if special == 3.0 {
            arith::mul_as(to, (&square).into(), x.into(), common)
        } else {
            run(
                &unary::RECIPROCAL,
                Params::default(),
                to,
                &[(&square).into()],
                common,
                1,
            )
        };
    }
    if common == DType::BFloat16 && special == -0.5 && x.dtype() == common {
        return to.deliver(unary::rsqrt_half(x)?);
    }
    if common != DType::Bool && special == 3.0 {
        return run(&CUBE, Params::default(), to, &[x.into()], common, 1);
    }
    if float || common.is_complex() {
        let table = match special {
            0.5 => Some(&unary::SQRT),
            -0.5 if float => Some(&unary::RSQRT),
            -1.0 => Some(&unary::RECIPROCAL),
            -2.0 if float => Some(&INV_SQUARE),
            _ => None,
        };
        if let Some(table) = table {
            return run(table, Params::default(), to, &[x.into()], common, 2);
        }
    }
    run(
        &POW,
        Params::default(),
        to,
        &[x.into(), own(e.into(), common)?],
        common,
        16,
    )
}
