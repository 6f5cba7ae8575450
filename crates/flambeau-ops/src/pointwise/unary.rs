//! One tensor in, one tensor of the same shape out.

use flambeau_ir::ops::Rows;
use flambeau_tensor::Tensor;
use flambeau_tensor::pointwise::{self as p, To};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::sqrt(Tensor self) -> Tensor")
        .doc("The square root.")
        .kernel(|x: Tensor| p::sqrt(&x));
    ops.op("aten::sqrt_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::sqrt_to(To::InPlace(&x), &x));
    ops.op("aten::rsqrt(Tensor self) -> Tensor")
        .doc("One over the square root.")
        .kernel(|x: Tensor| p::rsqrt(&x));
    ops.op("aten::reciprocal(Tensor self) -> Tensor")
        .doc("One over the element.")
        .kernel(|x: Tensor| p::reciprocal(&x));
    ops.op("aten::exp(Tensor self) -> Tensor")
        .doc("The exponential.")
        .kernel(|x: Tensor| p::exp(&x));
    ops.op("aten::exp_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::exp_to(To::InPlace(&x), &x));
    ops.op("aten::exp2(Tensor self) -> Tensor")
        .doc("Two to the power of the element.")
        .kernel(|x: Tensor| p::exp2(&x));
    ops.op("aten::expm1(Tensor self) -> Tensor")
        .doc("`exp(x) - 1` without loss for small `x`.")
        .kernel(|x: Tensor| p::expm1(&x));
    ops.op("aten::log(Tensor self) -> Tensor")
        .doc("The natural logarithm.")
        .kernel(|x: Tensor| p::log(&x));
    ops.op("aten::log2(Tensor self) -> Tensor")
        .doc("The logarithm to base two.")
        .kernel(|x: Tensor| p::log2(&x));
    ops.op("aten::log10(Tensor self) -> Tensor")
        .doc("The logarithm to base ten.")
        .kernel(|x: Tensor| p::log10(&x));
    ops.op("aten::log1p(Tensor self) -> Tensor")
        .doc("`log(1 + x)` without loss for small `x`.")
        .kernel(|x: Tensor| p::log1p(&x));
    ops.op("aten::sin(Tensor self) -> Tensor")
        .doc("The sine of radians.")
        .kernel(|x: Tensor| p::sin(&x));
    ops.op("aten::cos(Tensor self) -> Tensor")
        .doc("The cosine of radians.")
        .kernel(|x: Tensor| p::cos(&x));
    ops.op("aten::tan(Tensor self) -> Tensor")
        .doc("The tangent of radians.")
        .kernel(|x: Tensor| p::tan(&x));
    ops.op("aten::asin(Tensor self) -> Tensor")
        .doc("The inverse sine.")
        .kernel(|x: Tensor| p::asin(&x));
    ops.op("aten::acos(Tensor self) -> Tensor")
        .doc("The inverse cosine.")
        .kernel(|x: Tensor| p::acos(&x));
    ops.op("aten::atan(Tensor self) -> Tensor")
        .doc("The inverse tangent.")
        .kernel(|x: Tensor| p::atan(&x));
    ops.op("aten::sinh(Tensor self) -> Tensor")
        .doc("The hyperbolic sine.")
        .kernel(|x: Tensor| p::sinh(&x));
    ops.op("aten::cosh(Tensor self) -> Tensor")
        .doc("The hyperbolic cosine.")
        .kernel(|x: Tensor| p::cosh(&x));
    ops.op("aten::tanh(Tensor self) -> Tensor")
        .doc("The hyperbolic tangent.")
        .kernel(|x: Tensor| p::tanh(&x));
    ops.op("aten::tanh_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::tanh_to(To::InPlace(&x), &x));
    ops.op("aten::asinh(Tensor self) -> Tensor")
        .doc("The inverse hyperbolic sine.")
        .kernel(|x: Tensor| p::asinh(&x));
    ops.op("aten::acosh(Tensor self) -> Tensor")
        .doc("The inverse hyperbolic cosine.")
        .kernel(|x: Tensor| p::acosh(&x));
    ops.op("aten::atanh(Tensor self) -> Tensor")
        .doc("The inverse hyperbolic tangent.")
        .kernel(|x: Tensor| p::atanh(&x));
    ops.op("aten::sigmoid(Tensor self) -> Tensor")
        .doc("`1 / (1 + exp(-x))`.")
        .kernel(|x: Tensor| p::sigmoid(&x));
    ops.op("aten::sigmoid_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::sigmoid_to(To::InPlace(&x), &x));
    ops.op("aten::erf(Tensor self) -> Tensor")
        .doc("The error function.")
        .kernel(|x: Tensor| p::erf(&x));
    ops.op("aten::erfc(Tensor self) -> Tensor")
        .doc("One minus the error function.")
        .kernel(|x: Tensor| p::erfc(&x));
    ops.op("aten::sinc(Tensor self) -> Tensor")
        .doc("`sin(pi x) / (pi x)`, one at zero.")
        .kernel(|x: Tensor| p::sinc(&x));
    ops.op("aten::floor(Tensor self) -> Tensor")
        .doc("Rounds down.")
        .kernel(|x: Tensor| p::floor(&x));
    ops.op("aten::ceil(Tensor self) -> Tensor")
        .doc("Rounds up.")
        .kernel(|x: Tensor| p::ceil(&x));
    ops.op("aten::trunc(Tensor self) -> Tensor")
        .doc("Rounds towards zero.")
        .kernel(|x: Tensor| p::trunc(&x));
    ops.op("aten::round(Tensor self) -> Tensor")
        .doc("Rounds to the nearest integer, ties to even.")
        .kernel(|x: Tensor| p::round(&x));
    ops.op("aten::neg(Tensor self) -> Tensor")
        .doc("The negative.")
        .kernel(|x: Tensor| p::neg(&x));
    ops.op("aten::neg_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::neg_to(To::InPlace(&x), &x));
    ops.op("aten::positive(Tensor(a) self) -> Tensor(a)")
        .doc("The tensor itself; refuses bools.")
        .kernel(|x: Tensor| p::positive(&x));
    ops.op("aten::abs(Tensor self) -> Tensor")
        .doc("The absolute value; of complex numbers the modulus.")
        .kernel(|x: Tensor| p::abs(&x));
    ops.op("aten::sign(Tensor self) -> Tensor")
        .doc("-1, 0 or 1.")
        .kernel(|x: Tensor| p::sign(&x));
    ops.op("aten::sgn(Tensor self) -> Tensor")
        .doc("The sign; of complex numbers `x / |x|`.")
        .kernel(|x: Tensor| p::sgn(&x));
    ops.op("aten::frac(Tensor self) -> Tensor")
        .doc("What truncation leaves.")
        .kernel(|x: Tensor| p::frac(&x));
    ops.op("aten::square(Tensor self) -> Tensor")
        .doc("The element times itself.")
        .kernel(|x: Tensor| p::square(&x));
    ops.op("aten::deg2rad(Tensor self) -> Tensor")
        .doc("Degrees as radians.")
        .kernel(|x: Tensor| p::deg2rad(&x));
    ops.op("aten::rad2deg(Tensor self) -> Tensor")
        .doc("Radians as degrees.")
        .kernel(|x: Tensor| p::rad2deg(&x));
    ops.op("aten::bitwise_not(Tensor self) -> Tensor")
        .doc("Inverts each bit; of bools the logical negation.")
        .kernel(|x: Tensor| p::bitwise_not(&x));
    ops.op("aten::logical_not(Tensor self) -> Tensor")
        .doc("True where the element is zero.")
        .kernel(|x: Tensor| p::logical_not(&x));
    ops.op("aten::isnan(Tensor self) -> Tensor")
        .doc("True where the element is not a number.")
        .kernel(|x: Tensor| p::isnan(&x));
    ops.op("aten::isinf(Tensor self) -> Tensor")
        .doc("True where the element is infinite.")
        .kernel(|x: Tensor| p::isinf(&x));
    ops.op("aten::isfinite(Tensor self) -> Tensor")
        .doc("True where the element is neither infinite nor NaN.")
        .kernel(|x: Tensor| p::isfinite(&x));
    ops.op("aten::isreal(Tensor self) -> Tensor")
        .doc("True where the imaginary part is zero.")
        .kernel(|x: Tensor| p::isreal(&x));
    ops.op("aten::isposinf(Tensor self) -> Tensor")
        .doc("True where the element is positive infinity.")
        .kernel(|x: Tensor| p::isposinf(&x));
    ops.op("aten::isneginf(Tensor self) -> Tensor")
        .doc("True where the element is negative infinity.")
        .kernel(|x: Tensor| p::isneginf(&x));
    ops.op("aten::signbit(Tensor self) -> Tensor")
        .doc("True where the sign bit is set.")
        .kernel(|x: Tensor| p::signbit(&x));
    ops.op("aten::angle(Tensor self) -> Tensor")
        .doc("The argument of a complex number; 0 or pi for reals.")
        .kernel(|x: Tensor| p::angle(&x));
    ops.op("aten::relu(Tensor self) -> Tensor")
        .doc("Keeps positive elements and makes the others zero.")
        .kernel(|x: Tensor| p::relu(&x));
    ops.op("aten::relu_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::relu_to(To::InPlace(&x), &x));
    ops.op("aten::relu6(Tensor self) -> Tensor")
        .doc("Limits elements to between 0 and 6.")
        .kernel(|x: Tensor| p::relu6(&x));
    ops.op("aten::relu6_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::relu6_to(To::InPlace(&x), &x));
    ops.op("aten::selu(Tensor self) -> Tensor")
        .doc("The scaled exponential linear unit.")
        .kernel(|x: Tensor| p::selu(&x));
    ops.op("aten::silu(Tensor self) -> Tensor")
        .doc("`x * sigmoid(x)`.")
        .kernel(|x: Tensor| p::silu(&x));
    ops.op("aten::silu_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::silu_to(To::InPlace(&x), &x));
    ops.op("aten::mish(Tensor self) -> Tensor")
        .doc("`x * tanh(softplus(x))`.")
        .kernel(|x: Tensor| p::mish(&x));
    ops.op("aten::mish_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::mish_to(To::InPlace(&x), &x));
    ops.op("aten::hardswish(Tensor self) -> Tensor")
        .doc("`x * relu6(x + 3) / 6`.")
        .kernel(|x: Tensor| p::hardswish(&x));
    ops.op("aten::hardswish_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::hardswish_to(To::InPlace(&x), &x));
    ops.op("aten::hardsigmoid(Tensor self) -> Tensor")
        .doc("`relu6(x + 3) / 6`.")
        .kernel(|x: Tensor| p::hardsigmoid(&x));
    ops.op("aten::hardsigmoid_(Tensor(a!) self) -> Tensor(a!)")
        .kernel(|x: Tensor| p::hardsigmoid_to(To::InPlace(&x), &x));
    ops.op("aten::log_sigmoid(Tensor self) -> Tensor")
        .doc("The logarithm of the sigmoid.")
        .kernel(|x: Tensor| p::log_sigmoid(&x));
    ops.op("aten::absolute(Tensor self) -> Tensor")
        .doc("The same as `abs`.")
        .kernel(|x: Tensor| p::abs(&x));
    ops.op("aten::arccos(Tensor self) -> Tensor")
        .doc("The same as `acos`.")
        .kernel(|x: Tensor| p::acos(&x));
    ops.op("aten::arcsin(Tensor self) -> Tensor")
        .doc("The same as `asin`.")
        .kernel(|x: Tensor| p::asin(&x));
    ops.op("aten::arctan(Tensor self) -> Tensor")
        .doc("The same as `atan`.")
        .kernel(|x: Tensor| p::atan(&x));
    ops.op("aten::arcsinh(Tensor self) -> Tensor")
        .doc("The same as `asinh`.")
        .kernel(|x: Tensor| p::asinh(&x));
    ops.op("aten::arccosh(Tensor self) -> Tensor")
        .doc("The same as `acosh`.")
        .kernel(|x: Tensor| p::acosh(&x));
    ops.op("aten::arctanh(Tensor self) -> Tensor")
        .doc("The same as `atanh`.")
        .kernel(|x: Tensor| p::atanh(&x));
    ops.op("aten::negative(Tensor self) -> Tensor")
        .doc("The same as `neg`.")
        .kernel(|x: Tensor| p::neg(&x));
    ops.op("aten::fix(Tensor self) -> Tensor")
        .doc("The same as `trunc`.")
        .kernel(|x: Tensor| p::trunc(&x));
    ops.op("aten::special_erf(Tensor self) -> Tensor")
        .doc("The same as `erf`.")
        .kernel(|x: Tensor| p::erf(&x));
    ops.op("aten::special_erfc(Tensor self) -> Tensor")
        .doc("The same as `erfc`.")
        .kernel(|x: Tensor| p::erfc(&x));
    ops.op("aten::special_exp2(Tensor self) -> Tensor")
        .doc("The same as `exp2`.")
        .kernel(|x: Tensor| p::exp2(&x));
    ops.op("aten::special_expm1(Tensor self) -> Tensor")
        .doc("The same as `expm1`.")
        .kernel(|x: Tensor| p::expm1(&x));
    ops.op("aten::special_expit(Tensor self) -> Tensor")
        .doc("The same as `sigmoid`.")
        .kernel(|x: Tensor| p::sigmoid(&x));
    ops.op("aten::special_log1p(Tensor self) -> Tensor")
        .doc("The same as `log1p`.")
        .kernel(|x: Tensor| p::log1p(&x));
    ops.op("aten::special_sinc(Tensor self) -> Tensor")
        .doc("The same as `sinc`.")
        .kernel(|x: Tensor| p::sinc(&x));
    ops.op("aten::round.decimals(Tensor self, *, int decimals) -> Tensor")
        .doc("Rounds to a number of decimals.")
        .kernel(|x: Tensor, decimals: i64| p::round_decimals(&x, decimals));
    ops.op("aten::special_round(Tensor self, *, int decimals=0) -> Tensor")
        .doc("Rounds to a number of decimals.")
        .kernel(|x: Tensor, decimals: i64| p::round_decimals(&x, decimals));
    ops.op("aten::logit(Tensor self, float? eps=None) -> Tensor")
        .doc("`log(x / (1 - x))`, elements limited to `[eps, 1 - eps]` where `eps` is given.")
        .kernel(|x: Tensor, eps: Option<f64>| p::logit(&x, eps));
    ops.op("aten::special_logit(Tensor self, float? eps=None) -> Tensor")
        .doc("The same as `logit`.")
        .kernel(|x: Tensor, eps: Option<f64>| p::logit(&x, eps));
    ops.op(
        "aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    )
    .doc("Replaces NaN and infinities by finite numbers.")
    .kernel(
        |x: Tensor, nan: Option<f64>, posinf: Option<f64>, neginf: Option<f64>| {
            p::nan_to_num(&x, nan, posinf, neginf)
        },
    );
}
