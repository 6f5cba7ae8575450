//! `f32` and `f64` under one name, so that a kernel is written once for both. The functions are those of
//! [`crate::math`] where they exist for the type, else those of the standard library.

use crate::math::{Madd, double, single};

pub trait Real: Copy + PartialOrd + Default + 'static {
    fn of(x: f64) -> Self;
    fn madd<M: Madd>(self, b: Self, c: Self) -> Self;
    fn exp_<M: Madd>(self) -> Self;
    fn exp2_<M: Madd>(self) -> Self;
    fn expm1_<M: Madd>(self) -> Self;
    fn log_<M: Madd>(self) -> Self;
    fn log2_<M: Madd>(self) -> Self;
    fn log10_<M: Madd>(self) -> Self;
    fn log1p_<M: Madd>(self) -> Self;
    fn tanh_<M: Madd>(self) -> Self;
    fn sigmoid<M: Madd>(self) -> Self;
    fn silu<M: Madd>(self) -> Self;
    fn erf_<M: Madd>(self) -> Self;
    fn erfc_<M: Madd>(self) -> Self;
    fn gelu<M: Madd>(self) -> Self;
    fn gelu_tanh<M: Madd>(self) -> Self;
    fn sin_<M: Madd>(self) -> Self;
    fn cos_<M: Madd>(self) -> Self;
    fn tan_<M: Madd>(self) -> Self;
    fn asin_<M: Madd>(self) -> Self;
    fn acos_<M: Madd>(self) -> Self;
    fn atan_<M: Madd>(self) -> Self;
    fn atan2_<M: Madd>(self, x: Self) -> Self;
    fn sinh_<M: Madd>(self) -> Self;
    fn cosh_<M: Madd>(self) -> Self;
    fn asinh_<M: Madd>(self) -> Self;
    fn acosh_<M: Madd>(self) -> Self;
    fn atanh_<M: Madd>(self) -> Self;
    fn pow_<M: Madd>(self, y: Self) -> Self;
    /// Half to even, as Python's `round`.
    fn round_even(self) -> Self;
    /// The next number toward another, IEEE.
    fn next_after(self, toward: Self) -> Self;
}

macro_rules! by_math {
    ($m:ident: $($name:ident = $f:ident),* $(,)?) => {$(
        #[inline(always)]
        fn $name<M: Madd>(self) -> Self { $m::$f::<M>(self) }
    )*};
}
macro_rules! by_std {
    ($t:ty: $($name:ident = $f:ident),* $(,)?) => {$(
        #[inline(always)]
        fn $name<M: Madd>(self) -> Self { <$t>::$f(self) }
    )*};
}

impl Real for f32 {
    #[inline(always)]
    fn of(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn madd<M: Madd>(self, b: f32, c: f32) -> f32 {
        M::single(self, b, c)
    }
    by_math!(single: exp_ = exp, exp2_ = exp2, expm1_ = expm1, log_ = log, log2_ = log2, log10_ = log10,
        log1p_ = log1p, tanh_ = tanh, sigmoid = sigmoid, silu = silu, erf_ = erf, erfc_ = erfc, gelu = gelu,
        gelu_tanh = gelu_tanh, sin_ = sin, cos_ = cos, tan_ = tan, asin_ = asin, acos_ = acos, atan_ = atan,
        sinh_ = sinh, cosh_ = cosh, asinh_ = asinh, acosh_ = acosh, atanh_ = atanh);
    #[inline(always)]
    fn atan2_<M: Madd>(self, x: f32) -> f32 {
        single::atan2::<M>(self, x)
    }
    #[inline(always)]
    fn pow_<M: Madd>(self, y: f32) -> f32 {
        single::pow::<M>(self, y)
    }
    #[inline(always)]
    fn round_even(self) -> f32 {
        self.round_ties_even()
    }
    #[inline(always)]
    fn next_after(self, toward: f32) -> f32 {
        if self.is_nan() || toward.is_nan() {
            return f32::NAN;
        }
        if self == toward {
            return toward;
        }
        if toward > self {
            self.next_up()
        } else {
            self.next_down()
        }
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn madd<M: Madd>(self, b: f64, c: f64) -> f64 {
        M::double(self, b, c)
    }
    by_math!(double: exp_ = exp, expm1_ = expm1, log_ = log, log2_ = log2, log10_ = log10, log1p_ = log1p,
        tanh_ = tanh, sigmoid = sigmoid, silu = silu, erf_ = erf, erfc_ = erfc, gelu = gelu, gelu_tanh = gelu_tanh);
    by_std!(f64: exp2_ = exp2, sin_ = sin, cos_ = cos, tan_ = tan, asin_ = asin, acos_ = acos, atan_ = atan,
        sinh_ = sinh, cosh_ = cosh, acosh_ = acosh, atanh_ = atanh, asinh_ = asinh);
    #[inline(always)]
    fn atan2_<M: Madd>(self, x: f64) -> f64 {
        f64::atan2(self, x)
    }
    #[inline(always)]
    fn pow_<M: Madd>(self, y: f64) -> f64 {
        f64::powf(self, y)
    }
    #[inline(always)]
    fn round_even(self) -> f64 {
        self.round_ties_even()
    }
    #[inline(always)]
    fn next_after(self, toward: f64) -> f64 {
        if self.is_nan() || toward.is_nan() {
            return f64::NAN;
        }
        if self == toward {
            return toward;
        }
        if toward > self {
            self.next_up()
        } else {
            self.next_down()
        }
    }
}
