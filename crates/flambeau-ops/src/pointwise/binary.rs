//! Two operands, either of which may be a number; shapes broadcast.

use std::sync::Arc;

use flambeau_ir::ops::{Op, Rows};
use flambeau_tensor::pointwise::{self as p, Arg, Rounding, To};
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
    ops.op("aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| {
            p::add_to(To::InPlace(&x), (&x).into(), (&other).into(), alpha)
        });
    ops.op("aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| {
            p::add_to(To::InPlace(&x), (&x).into(), other.into(), alpha)
        });
    ops.op("aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor, alpha: Scalar| {
            p::sub_to(To::InPlace(&x), (&x).into(), (&other).into(), alpha)
        });
    ops.op("aten::sub_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar, alpha: Scalar| {
            p::sub_to(To::InPlace(&x), (&x).into(), other.into(), alpha)
        });
    ops.op("aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor| p::mul_to(To::InPlace(&x), (&x).into(), (&other).into()));
    ops.op("aten::mul_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar| p::mul_to(To::InPlace(&x), (&x).into(), other.into()));
    ops.op("aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Tensor| p::div_to(To::InPlace(&x), (&x).into(), (&other).into()));
    ops.op("aten::div_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)")
        .kernel(|x: Tensor, other: Scalar| p::div_to(To::InPlace(&x), (&x).into(), other.into()));
    for &(function, doc, schemas) in PAIRS {
        for schema in schemas {
            pair(ops.op(schema).doc(doc), function);
        }
    }
    for &(function, doc, schemas) in SCALED {
        for schema in schemas {
            scaled(ops.op(schema).doc(doc), function);
        }
    }
    for schema in [
        "aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
        "aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
        "aten::divide.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
        "aten::divide.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
    ] {
        rounded(
            ops.op(schema)
                .doc("The quotient, rounded as `rounding_mode` says."),
        );
    }
}

type Pair = fn(Arg<'_>, Arg<'_>) -> Result<Tensor>;
type ScaledPair = fn(Arg<'_>, Arg<'_>, Scalar) -> Result<Tensor>;

/// Whether the first and the second operand of a schema are numbers.
fn numbers(row: &Op) -> (bool, bool) {
    let mut operands = row
        .text()
        .split_once('(')
        .map_or("", |(_, rest)| rest)
        .split(", ");
    let mut next = || operands.next().is_some_and(|o| o.starts_with("Scalar "));
    (next(), next())
}

fn pair(row: &mut Op, f: Pair) {
    match numbers(row) {
        (true, _) => row.kernel(move |x: Scalar, y: Tensor| f(x.into(), (&y).into())),
        (_, true) => row.kernel(move |x: Tensor, y: Scalar| f((&x).into(), y.into())),
        _ => row.kernel(move |x: Tensor, y: Tensor| f((&x).into(), (&y).into())),
    };
}

fn scaled(row: &mut Op, f: ScaledPair) {
    match numbers(row) {
        (_, true) => row.kernel(move |x: Tensor, y: Scalar, alpha: Scalar| f((&x).into(), y.into(), alpha)),
        _ => row.kernel(move |x: Tensor, y: Tensor, alpha: Scalar| f((&x).into(), (&y).into(), alpha)),
    };
}

fn rounded(row: &mut Op) {
    type Mode = Option<Arc<str>>;
    let mode = |name: Mode| Rounding::from_name(name.as_deref());
    match numbers(row) {
        (_, true) => row
            .kernel(move |x: Tensor, y: Scalar, name: Mode| p::div_mode((&x).into(), y.into(), mode(name)?)),
        _ => row.kernel(move |x: Tensor, y: Tensor, name: Mode| {
            p::div_mode((&x).into(), (&y).into(), mode(name)?)
        }),
    };
}

/// Functions of two operands, each of which is a tensor or a number as the schema says.
const PAIRS: &[(Pair, &str, &[&str])] = &[
    (
        p::mul,
        "The product.",
        &[
            "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::mul.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::div,
        "The quotient; of integers a float.",
        &[
            "aten::div.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::div.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::remainder,
        "The remainder with the sign of the divisor.",
        &[
            "aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
        ],
    ),
    (
        p::fmod,
        "The remainder with the sign of the dividend.",
        &[
            "aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::floor_divide,
        "The quotient rounded down.",
        &[
            "aten::floor_divide(Tensor self, Tensor other) -> Tensor",
            "aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::pow,
        "The power.",
        &[
            "aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor",
            "aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
            "aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor",
        ],
    ),
    (
        p::float_power,
        "The power, computed in double precision.",
        &[
            "aten::float_power.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor",
            "aten::float_power.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
            "aten::float_power.Scalar(Scalar self, Tensor exponent) -> Tensor",
        ],
    ),
    (
        p::maximum,
        "The larger; NaN wins.",
        &[
            "aten::maximum(Tensor self, Tensor other) -> Tensor",
            "aten::max.other(Tensor self, Tensor other) -> Tensor",
        ],
    ),
    (
        p::minimum,
        "The smaller; NaN wins.",
        &[
            "aten::minimum(Tensor self, Tensor other) -> Tensor",
            "aten::min.other(Tensor self, Tensor other) -> Tensor",
        ],
    ),
    (
        p::fmax,
        "The larger; NaN loses.",
        &["aten::fmax(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::fmin,
        "The smaller; NaN loses.",
        &["aten::fmin(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::nextafter,
        "The next number towards `other`.",
        &["aten::nextafter(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::hypot,
        "`sqrt(a^2 + b^2)` without overflow.",
        &["aten::hypot(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::atan2,
        "The angle of the point `(other, self)`.",
        &["aten::atan2(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::heaviside,
        "0 for negative elements, 1 for positive ones, `values` at zero.",
        &["aten::heaviside(Tensor self, Tensor values) -> Tensor"],
    ),
    (
        p::logaddexp,
        "`log(exp(a) + exp(b))`.",
        &["aten::logaddexp(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::logaddexp2,
        "`log2(2^a + 2^b)`.",
        &["aten::logaddexp2(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::gcd,
        "The greatest common divisor.",
        &["aten::gcd(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::lcm,
        "The least common multiple.",
        &["aten::lcm(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::copysign,
        "The magnitude of `self` with the sign of `other`.",
        &[
            "aten::copysign.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::copysign.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::xlogy,
        "`self * log(other)`, zero where `self` is zero.",
        &[
            "aten::xlogy.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::xlogy.Scalar_Self(Scalar self, Tensor other) -> Tensor",
            "aten::xlogy.Scalar_Other(Tensor self, Scalar other) -> Tensor",
            "aten::special_xlogy(Tensor self, Tensor other) -> Tensor",
            "aten::special_xlogy.self_scalar(Scalar self, Tensor other) -> Tensor",
            "aten::special_xlogy.other_scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::xlog1py,
        "`self * log1p(other)`, zero where `self` is zero.",
        &[
            "aten::special_xlog1py(Tensor self, Tensor other) -> Tensor",
            "aten::special_xlog1py.self_scalar(Scalar self, Tensor other) -> Tensor",
            "aten::special_xlog1py.other_scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::bitwise_and,
        "The bitwise and.",
        &[
            "aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::bitwise_and.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
            "aten::__and__.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::__and__.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::bitwise_or,
        "The bitwise or.",
        &[
            "aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::bitwise_or.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
            "aten::__or__.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::__or__.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::bitwise_xor,
        "The bitwise exclusive or.",
        &[
            "aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::bitwise_xor.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
            "aten::__xor__.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::__xor__.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::bitwise_left_shift,
        "The bits shifted left.",
        &[
            "aten::bitwise_left_shift.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::bitwise_left_shift.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
            "aten::__lshift__.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::__lshift__.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::bitwise_right_shift,
        "The bits shifted right, the sign kept.",
        &[
            "aten::bitwise_right_shift.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::bitwise_right_shift.Scalar_Tensor(Scalar self, Tensor other) -> Tensor",
            "aten::__rshift__.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::__rshift__.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::eq,
        "True where equal.",
        &[
            "aten::eq.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::eq.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::ne,
        "True where different.",
        &[
            "aten::ne.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::ne.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::lt,
        "True where smaller.",
        &[
            "aten::lt.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::lt.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::le,
        "True where smaller or equal.",
        &[
            "aten::le.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::le.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::gt,
        "True where larger.",
        &[
            "aten::gt.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::gt.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::ge,
        "True where larger or equal.",
        &[
            "aten::ge.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::ge.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::logical_and,
        "True where both are nonzero.",
        &["aten::logical_and(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::logical_or,
        "True where one is nonzero.",
        &["aten::logical_or(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::logical_xor,
        "True where exactly one is nonzero.",
        &["aten::logical_xor(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::ldexp,
        "`self * 2^other`.",
        &["aten::ldexp.Tensor(Tensor self, Tensor other) -> Tensor"],
    ),
    (
        p::mul,
        "The same as `mul`.",
        &[
            "aten::multiply.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::multiply.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::div,
        "The same as `div`.",
        &[
            "aten::divide.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::divide.Scalar(Tensor self, Scalar other) -> Tensor",
            "aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::true_divide.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::gt,
        "The same as `gt`.",
        &[
            "aten::greater.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::greater.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::ge,
        "The same as `ge`.",
        &[
            "aten::greater_equal.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::greater_equal.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::lt,
        "The same as `lt`.",
        &[
            "aten::less.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::less.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::le,
        "The same as `le`.",
        &[
            "aten::less_equal.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::less_equal.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::ne,
        "The same as `ne`.",
        &[
            "aten::not_equal.Tensor(Tensor self, Tensor other) -> Tensor",
            "aten::not_equal.Scalar(Tensor self, Scalar other) -> Tensor",
        ],
    ),
    (
        p::atan2,
        "The same as `atan2`.",
        &["aten::arctan2(Tensor self, Tensor other) -> Tensor"],
    ),
];

/// The same with a factor for the second operand.
const SCALED: &[(ScaledPair, &str, &[&str])] = &[
    (
        p::add,
        "`self + alpha * other`.",
        &[
            "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
        ],
    ),
    (
        p::sub,
        "`self - alpha * other`.",
        &[
            "aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
        ],
    ),
    (
        p::rsub,
        "`other - alpha * self`.",
        &[
            "aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
        ],
    ),
    (
        p::sub,
        "The same as `sub`.",
        &[
            "aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
            "aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
        ],
    ),
];
