//! Two operands, either of which may be a number; shapes broadcast.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::pointwise::{self as p, Rounding, To};
use flambeau_tensor::{Result, Scalar, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::_test_serialization_subcmul(Tensor self, Tensor other, Scalar alpha=1) -> Tensor")
        .doc("`self - alpha * other`; PyTorch's own tests of old archives use it.")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| {
            // Two steps: a float `alpha` makes floats of integers, which `sub` refuses.
            let product = p::mul((&other).into(), alpha.into())?;
            p::sub((&x).into(), (&product).into(), Scalar::Int(1))
        })
        .example(
            "_test_serialization_subcmul(torch.tensor([2, 3]), torch.tensor([2, 3]), 2.5)",
            "[-3.0, -4.5]",
        );
    ops.op("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")
        .doc("`self + alpha * other`.")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| p::add((&x).into(), (&other).into(), alpha));
    ops.op("aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| {
            p::add_to(To::InPlace(&x), (&x).into(), (&other).into(), alpha)
        });
    ops.op("aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor")
        .doc("`self + alpha * other`.")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| p::add((&x).into(), other.into(), alpha));
    ops.op("aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| {
            p::add_to(To::InPlace(&x), (&x).into(), other.into(), alpha)
        });
    ops.op("aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")
        .doc("`self - alpha * other`.")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| p::sub((&x).into(), (&other).into(), alpha));
    ops.op("aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| {
            p::sub_to(To::InPlace(&x), (&x).into(), (&other).into(), alpha)
        });
    ops.op("aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor")
        .doc("`self - alpha * other`.")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| p::sub((&x).into(), other.into(), alpha));
    ops.op("aten::sub_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| {
            p::sub_to(To::InPlace(&x), (&x).into(), other.into(), alpha)
        });
    ops.op("aten::mul.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The product.")
        .kernel(|x: Tensor, other: Tensor| p::mul((&x).into(), (&other).into()));
    ops.op("aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor| p::mul_to(To::InPlace(&x), (&x).into(), (&other).into()));
    ops.op("aten::mul.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The product.")
        .kernel(|x: Tensor, other: Scalar| p::mul((&x).into(), other.into()));
    ops.op("aten::mul_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar| p::mul_to(To::InPlace(&x), (&x).into(), other.into()));
    ops.op("aten::div.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The quotient; of integers a float.")
        .kernel(|x: Tensor, other: Tensor| p::div((&x).into(), (&other).into()));
    ops.op("aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor| p::div_to(To::InPlace(&x), (&x).into(), (&other).into()));
    ops.op("aten::div.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The quotient; of integers a float.")
        .kernel(|x: Tensor, other: Scalar| p::div((&x).into(), other.into()));
    ops.op("aten::div_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar| p::div_to(To::InPlace(&x), (&x).into(), other.into()));
    ops.op("aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")
        .doc("`other - alpha * self`.")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| p::rsub((&x).into(), (&other).into(), alpha));
    ops.op("aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor")
        .doc("`other - alpha * self`.")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| p::rsub((&x).into(), other.into(), alpha));
    ops.op("aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The remainder with the sign of the divisor.")
        .kernel(|x: Tensor, other: Tensor| p::remainder((&x).into(), (&other).into()));
    ops.op("aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The remainder with the sign of the divisor.")
        .kernel(|x: Tensor, other: Scalar| p::remainder((&x).into(), other.into()));
    ops.op("aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The remainder with the sign of the divisor.")
        .kernel(|x: Scalar, other: Tensor| p::remainder(x.into(), (&other).into()));
    ops.op("aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The remainder with the sign of the dividend.")
        .kernel(|x: Tensor, other: Tensor| p::fmod((&x).into(), (&other).into()));
    ops.op("aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The remainder with the sign of the dividend.")
        .kernel(|x: Tensor, other: Scalar| p::fmod((&x).into(), other.into()));
    ops.op("aten::floor_divide(Tensor self, Tensor other) -> Tensor")
        .doc("The quotient rounded down.")
        .kernel(|x: Tensor, other: Tensor| p::floor_divide((&x).into(), (&other).into()));
    ops.op("aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The quotient rounded down.")
        .kernel(|x: Tensor, other: Scalar| p::floor_divide((&x).into(), other.into()));
    ops.op("aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor")
        .doc("The power.")
        .kernel(|x: Tensor, exponent: Tensor| p::pow((&x).into(), (&exponent).into()));
    ops.op("aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor")
        .doc("The power.")
        .kernel(|x: Tensor, exponent: Scalar| p::pow((&x).into(), exponent.into()));
    ops.op("aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor")
        .doc("The power.")
        .kernel(|x: Scalar, exponent: Tensor| p::pow(x.into(), (&exponent).into()));
    ops.op("aten::float_power.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor")
        .doc("The power, computed in double precision.")
        .kernel(|x: Tensor, exponent: Tensor| p::float_power((&x).into(), (&exponent).into()));
    ops.op("aten::float_power.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor")
        .doc("The power, computed in double precision.")
        .kernel(|x: Tensor, exponent: Scalar| p::float_power((&x).into(), exponent.into()));
    ops.op("aten::float_power.Scalar(Scalar self, Tensor exponent) -> Tensor")
        .doc("The power, computed in double precision.")
        .kernel(|x: Scalar, exponent: Tensor| p::float_power(x.into(), (&exponent).into()));
    ops.op("aten::maximum(Tensor self, Tensor other) -> Tensor")
        .doc("The larger; NaN wins.")
        .kernel(|x: Tensor, other: Tensor| p::maximum((&x).into(), (&other).into()));
    ops.op("aten::minimum(Tensor self, Tensor other) -> Tensor")
        .doc("The smaller; NaN wins.")
        .kernel(|x: Tensor, other: Tensor| p::minimum((&x).into(), (&other).into()));
    ops.op("aten::fmax(Tensor self, Tensor other) -> Tensor")
        .doc("The larger; NaN loses.")
        .kernel(|x: Tensor, other: Tensor| p::fmax((&x).into(), (&other).into()));
    ops.op("aten::fmin(Tensor self, Tensor other) -> Tensor")
        .doc("The smaller; NaN loses.")
        .kernel(|x: Tensor, other: Tensor| p::fmin((&x).into(), (&other).into()));
    ops.op("aten::nextafter(Tensor self, Tensor other) -> Tensor")
        .doc("The next number towards `other`.")
        .kernel(|x: Tensor, other: Tensor| p::nextafter((&x).into(), (&other).into()));
    ops.op("aten::hypot(Tensor self, Tensor other) -> Tensor")
        .doc("`sqrt(a^2 + b^2)` without overflow.")
        .kernel(|x: Tensor, other: Tensor| p::hypot((&x).into(), (&other).into()));
    ops.op("aten::atan2(Tensor self, Tensor other) -> Tensor")
        .doc("The angle of the point `(other, self)`.")
        .kernel(|x: Tensor, other: Tensor| p::atan2((&x).into(), (&other).into()));
    ops.op("aten::heaviside(Tensor self, Tensor values) -> Tensor")
        .doc("0 for negative elements, 1 for positive ones, `values` at zero.")
        .kernel(|x: Tensor, values: Tensor| p::heaviside((&x).into(), (&values).into()));
    ops.op("aten::logaddexp(Tensor self, Tensor other) -> Tensor")
        .doc("`log(exp(a) + exp(b))`.")
        .kernel(|x: Tensor, other: Tensor| p::logaddexp((&x).into(), (&other).into()));
    ops.op("aten::logaddexp2(Tensor self, Tensor other) -> Tensor")
        .doc("`log2(2^a + 2^b)`.")
        .kernel(|x: Tensor, other: Tensor| p::logaddexp2((&x).into(), (&other).into()));
    ops.op("aten::gcd(Tensor self, Tensor other) -> Tensor")
        .doc("The greatest common divisor.")
        .kernel(|x: Tensor, other: Tensor| p::gcd((&x).into(), (&other).into()));
    ops.op("aten::lcm(Tensor self, Tensor other) -> Tensor")
        .doc("The least common multiple.")
        .kernel(|x: Tensor, other: Tensor| p::lcm((&x).into(), (&other).into()));
    ops.op("aten::copysign.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The magnitude of `self` with the sign of `other`.")
        .kernel(|x: Tensor, other: Tensor| p::copysign((&x).into(), (&other).into()));
    ops.op("aten::copysign.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The magnitude of `self` with the sign of `other`.")
        .kernel(|x: Tensor, other: Scalar| p::copysign((&x).into(), other.into()));
    ops.op("aten::xlogy.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Tensor| p::xlogy((&x).into(), (&other).into()));
    ops.op("aten::xlogy.Scalar_Self(Scalar self, Tensor other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Scalar, other: Tensor| p::xlogy(x.into(), (&other).into()));
    ops.op("aten::xlogy.Scalar_Other(Tensor self, Scalar other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Scalar| p::xlogy((&x).into(), other.into()));
    ops.op("aten::special_xlogy(Tensor self, Tensor other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Tensor| p::xlogy((&x).into(), (&other).into()));
    ops.op("aten::special_xlogy.self_scalar(Scalar self, Tensor other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Scalar, other: Tensor| p::xlogy(x.into(), (&other).into()));
    ops.op("aten::special_xlogy.other_scalar(Tensor self, Scalar other) -> Tensor")
        .doc("`self * log(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Scalar| p::xlogy((&x).into(), other.into()));
    ops.op("aten::special_xlog1py(Tensor self, Tensor other) -> Tensor")
        .doc("`self * log1p(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Tensor| p::xlog1py((&x).into(), (&other).into()));
    ops.op("aten::special_xlog1py.self_scalar(Scalar self, Tensor other) -> Tensor")
        .doc("`self * log1p(other)`, zero where `self` is zero.")
        .kernel(|x: Scalar, other: Tensor| p::xlog1py(x.into(), (&other).into()));
    ops.op("aten::special_xlog1py.other_scalar(Tensor self, Scalar other) -> Tensor")
        .doc("`self * log1p(other)`, zero where `self` is zero.")
        .kernel(|x: Tensor, other: Scalar| p::xlog1py((&x).into(), other.into()));
    ops.op("aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise and.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_and((&x).into(), (&other).into()));
    ops.op("aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise and.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_and((&x).into(), other.into()));
    ops.op("aten::bitwise_and.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The bitwise and.")
        .kernel(|x: Scalar, other: Tensor| p::bitwise_and(x.into(), (&other).into()));
    ops.op("aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise or.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_or((&x).into(), (&other).into()));
    ops.op("aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise or.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_or((&x).into(), other.into()));
    ops.op("aten::bitwise_or.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The bitwise or.")
        .kernel(|x: Scalar, other: Tensor| p::bitwise_or(x.into(), (&other).into()));
    ops.op("aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise exclusive or.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_xor((&x).into(), (&other).into()));
    ops.op("aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise exclusive or.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_xor((&x).into(), other.into()));
    ops.op("aten::bitwise_xor.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The bitwise exclusive or.")
        .kernel(|x: Scalar, other: Tensor| p::bitwise_xor(x.into(), (&other).into()));
    ops.op("aten::bitwise_left_shift.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bits shifted left.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_left_shift((&x).into(), (&other).into()));
    ops.op("aten::bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bits shifted left.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_left_shift((&x).into(), other.into()));
    ops.op("aten::bitwise_left_shift.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The bits shifted left.")
        .kernel(|x: Scalar, other: Tensor| p::bitwise_left_shift(x.into(), (&other).into()));
    ops.op("aten::bitwise_right_shift.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bits shifted right, the sign kept.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_right_shift((&x).into(), (&other).into()));
    ops.op("aten::bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bits shifted right, the sign kept.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_right_shift((&x).into(), other.into()));
    ops.op("aten::bitwise_right_shift.Scalar_Tensor(Scalar self, Tensor other) -> Tensor")
        .doc("The bits shifted right, the sign kept.")
        .kernel(|x: Scalar, other: Tensor| p::bitwise_right_shift(x.into(), (&other).into()));
    ops.op("aten::__and__.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise and.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_and((&x).into(), (&other).into()));
    ops.op("aten::__and__.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise and.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_and((&x).into(), other.into()));
    ops.op("aten::__or__.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise or.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_or((&x).into(), (&other).into()));
    ops.op("aten::__or__.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise or.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_or((&x).into(), other.into()));
    ops.op("aten::__xor__.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bitwise exclusive or.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_xor((&x).into(), (&other).into()));
    ops.op("aten::__xor__.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bitwise exclusive or.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_xor((&x).into(), other.into()));
    ops.op("aten::__lshift__.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bits shifted left.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_left_shift((&x).into(), (&other).into()));
    ops.op("aten::__lshift__.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bits shifted left.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_left_shift((&x).into(), other.into()));
    ops.op("aten::__rshift__.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The bits shifted right, the sign kept.")
        .kernel(|x: Tensor, other: Tensor| p::bitwise_right_shift((&x).into(), (&other).into()));
    ops.op("aten::__rshift__.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The bits shifted right, the sign kept.")
        .kernel(|x: Tensor, other: Scalar| p::bitwise_right_shift((&x).into(), other.into()));
    ops.op("aten::eq.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where equal.")
        .kernel(|x: Tensor, other: Tensor| p::eq((&x).into(), (&other).into()));
    ops.op("aten::eq.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where equal.")
        .kernel(|x: Tensor, other: Scalar| p::eq((&x).into(), other.into()));
    ops.op("aten::ne.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where different.")
        .kernel(|x: Tensor, other: Tensor| p::ne((&x).into(), (&other).into()));
    ops.op("aten::ne.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where different.")
        .kernel(|x: Tensor, other: Scalar| p::ne((&x).into(), other.into()));
    ops.op("aten::lt.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where smaller.")
        .kernel(|x: Tensor, other: Tensor| p::lt((&x).into(), (&other).into()));
    ops.op("aten::lt.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where smaller.")
        .kernel(|x: Tensor, other: Scalar| p::lt((&x).into(), other.into()));
    ops.op("aten::le.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where smaller or equal.")
        .kernel(|x: Tensor, other: Tensor| p::le((&x).into(), (&other).into()));
    ops.op("aten::le.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where smaller or equal.")
        .kernel(|x: Tensor, other: Scalar| p::le((&x).into(), other.into()));
    ops.op("aten::gt.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where larger.")
        .kernel(|x: Tensor, other: Tensor| p::gt((&x).into(), (&other).into()));
    ops.op("aten::gt.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where larger.")
        .kernel(|x: Tensor, other: Scalar| p::gt((&x).into(), other.into()));
    ops.op("aten::ge.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("True where larger or equal.")
        .kernel(|x: Tensor, other: Tensor| p::ge((&x).into(), (&other).into()));
    ops.op("aten::ge.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("True where larger or equal.")
        .kernel(|x: Tensor, other: Scalar| p::ge((&x).into(), other.into()));
    ops.op("aten::logical_and(Tensor self, Tensor other) -> Tensor")
        .doc("True where both are nonzero.")
        .kernel(|x: Tensor, other: Tensor| p::logical_and((&x).into(), (&other).into()));
    ops.op("aten::logical_or(Tensor self, Tensor other) -> Tensor")
        .doc("True where one is nonzero.")
        .kernel(|x: Tensor, other: Tensor| p::logical_or((&x).into(), (&other).into()));
    ops.op("aten::logical_xor(Tensor self, Tensor other) -> Tensor")
        .doc("True where exactly one is nonzero.")
        .kernel(|x: Tensor, other: Tensor| p::logical_xor((&x).into(), (&other).into()));
    ops.op("aten::ldexp.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("`self * 2^other`.")
        .kernel(|x: Tensor, other: Tensor| p::ldexp((&x).into(), (&other).into()));
    ops.op("aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor")
        .doc("The same as `sub`.")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| p::sub((&x).into(), (&other).into(), alpha));
    ops.op("aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor")
        .doc("The same as `sub`.")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| p::sub((&x).into(), other.into(), alpha));
    ops.op("aten::multiply.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `mul`.")
        .kernel(|x: Tensor, other: Tensor| p::mul((&x).into(), (&other).into()));
    ops.op("aten::multiply.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `mul`.")
        .kernel(|x: Tensor, other: Scalar| p::mul((&x).into(), other.into()));
    ops.op("aten::divide.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `div`.")
        .kernel(|x: Tensor, other: Tensor| p::div((&x).into(), (&other).into()));
    ops.op("aten::divide.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `div`.")
        .kernel(|x: Tensor, other: Scalar| p::div((&x).into(), other.into()));
    ops.op("aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `div`.")
        .kernel(|x: Tensor, other: Tensor| p::div((&x).into(), (&other).into()));
    ops.op("aten::true_divide.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `div`.")
        .kernel(|x: Tensor, other: Scalar| p::div((&x).into(), other.into()));
    ops.op("aten::greater.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `gt`.")
        .kernel(|x: Tensor, other: Tensor| p::gt((&x).into(), (&other).into()));
    ops.op("aten::greater.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `gt`.")
        .kernel(|x: Tensor, other: Scalar| p::gt((&x).into(), other.into()));
    ops.op("aten::greater_equal.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `ge`.")
        .kernel(|x: Tensor, other: Tensor| p::ge((&x).into(), (&other).into()));
    ops.op("aten::greater_equal.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `ge`.")
        .kernel(|x: Tensor, other: Scalar| p::ge((&x).into(), other.into()));
    ops.op("aten::less.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `lt`.")
        .kernel(|x: Tensor, other: Tensor| p::lt((&x).into(), (&other).into()));
    ops.op("aten::less.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `lt`.")
        .kernel(|x: Tensor, other: Scalar| p::lt((&x).into(), other.into()));
    ops.op("aten::less_equal.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `le`.")
        .kernel(|x: Tensor, other: Tensor| p::le((&x).into(), (&other).into()));
    ops.op("aten::less_equal.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `le`.")
        .kernel(|x: Tensor, other: Scalar| p::le((&x).into(), other.into()));
    ops.op("aten::not_equal.Tensor(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `ne`.")
        .kernel(|x: Tensor, other: Tensor| p::ne((&x).into(), (&other).into()));
    ops.op("aten::not_equal.Scalar(Tensor self, Scalar other) -> Tensor")
        .doc("The same as `ne`.")
        .kernel(|x: Tensor, other: Scalar| p::ne((&x).into(), other.into()));
    ops.op("aten::arctan2(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `atan2`.")
        .kernel(|x: Tensor, other: Tensor| p::atan2((&x).into(), (&other).into()));
    ops.op("aten::max.other(Tensor self, Tensor other) -> Tensor")
        .doc("The larger; NaN wins.")
        .kernel(|x: Tensor, other: Tensor| p::maximum((&x).into(), (&other).into()));
    ops.op("aten::min.other(Tensor self, Tensor other) -> Tensor")
        .doc("The smaller; NaN wins.")
        .kernel(|x: Tensor, other: Tensor| p::minimum((&x).into(), (&other).into()));
    ops.op("aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor")
        .doc("The quotient, rounded as `rounding_mode` says.")
        .kernel(
            |x: Tensor, other: Tensor, rounding_mode: Option<Arc<str>>| -> Result<Tensor> {
                p::div_mode(
                    (&x).into(),
                    (&other).into(),
                    Rounding::from_name(rounding_mode.as_deref())?,
                )
            },
        );
    ops.op("aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor")
        .doc("The quotient, rounded as `rounding_mode` says.")
        .kernel(
            |x: Tensor, other: Scalar, rounding_mode: Option<Arc<str>>| -> Result<Tensor> {
                p::div_mode(
                    (&x).into(),
                    other.into(),
                    Rounding::from_name(rounding_mode.as_deref())?,
                )
            },
        );
    ops.op("aten::divide.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor")
        .doc("The quotient, rounded as `rounding_mode` says.")
        .kernel(
            |x: Tensor, other: Tensor, rounding_mode: Option<Arc<str>>| -> Result<Tensor> {
                p::div_mode(
                    (&x).into(),
                    (&other).into(),
                    Rounding::from_name(rounding_mode.as_deref())?,
                )
            },
        );
    ops.op("aten::divide.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor")
        .doc("The quotient, rounded as `rounding_mode` says.")
        .kernel(
            |x: Tensor, other: Scalar, rounding_mode: Option<Arc<str>>| -> Result<Tensor> {
                p::div_mode(
                    (&x).into(),
                    other.into(),
                    Rounding::from_name(rounding_mode.as_deref())?,
                )
            },
        );
}
