//! Arithmetic of ints, floats, complex numbers and `Scalar`s.
//!
//! Ints wrap as machine integers do. What kills PyTorch's process (a remainder by zero) raises.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Complex, Error, ErrorKind, Result, Scalar};

use super::{each, error};

type C = Complex<f64>;

pub fn declare(ops: &mut Rows) {
    sums(ops);
    products(ops);
    quotients(ops);
    powers(ops);
    signs(ops);
    bits(ops);
    extremes(ops);
}

/// Bools count as ints.
fn plain(a: Scalar) -> Scalar {
    match a {
        Scalar::Bool(b) => Scalar::Int(b as i64),
        other => other,
    }
}

fn binary(
    a: Scalar,
    b: Scalar,
    int: impl Fn(i64, i64) -> Result<Scalar>,
    float: impl Fn(f64, f64) -> Result<Scalar>,
    complex: impl Fn(C, C) -> Result<Scalar>,
) -> Result<Scalar> {
    match (plain(a), plain(b)) {
        (Scalar::Complex(_), _) | (_, Scalar::Complex(_)) => complex(a.to_complex(), b.to_complex()),
        (Scalar::Int(a), Scalar::Int(b)) => int(a, b),
        (a, b) => float(a.to_f64(), b.to_f64()),
    }
}

fn no_complex(_: C, _: C) -> Result<Scalar> {
    Err(error(
        "the operation is not defined for complex numbers: expected int or float",
    ))
}

fn sums(ops: &mut Rows) {
    let doc = "The sum of two numbers.";
    each(
        ops,
        doc,
        &["aten::add.int(int a, int b) -> int"],
        |a: i64, b: i64| a.wrapping_add(b),
    );
    each(
        ops,
        doc,
        &[
            "aten::add.float(float a, float b) -> float",
            "aten::add.int_float(int a, float b) -> float",
            "aten::add.float_int(float a, int b) -> float",
        ],
        |a: f64, b: f64| a + b,
    );
    each(
        ops,
        doc,
        &["aten::add.complex(complex a, complex b) -> complex"],
        |a: C, b: C| a + b,
    );
    each(
        ops,
        doc,
        &[
            "aten::add.int_complex(int a, complex b) -> complex",
            "aten::add.float_complex(float a, complex b) -> complex",
        ],
        |a: f64, b: C| b + a,
    );
    each(
        ops,
        doc,
        &[
            "aten::add.complex_int(complex a, int b) -> complex",
            "aten::add.complex_float(complex a, float b) -> complex",
        ],
        |a: C, b: f64| a + b,
    );
    each(
        ops,
        doc,
        &["aten::add(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(a.wrapping_add(b).into()),
                |a, b| Ok((a + b).into()),
                |a, b| Ok((a + b).into()),
            )
        },
    );
    let doc = "The difference of two numbers.";
    each(
        ops,
        doc,
        &["aten::sub.int(int a, int b) -> int"],
        |a: i64, b: i64| a.wrapping_sub(b),
    );
    each(
        ops,
        doc,
        &[
            "aten::sub.float(float a, float b) -> float",
            "aten::sub.int_float(int a, float b) -> float",
            "aten::sub.float_int(float a, int b) -> float",
        ],
        |a: f64, b: f64| a - b,
    );
    each(
        ops,
        doc,
        &["aten::sub.complex(complex a, complex b) -> complex"],
        |a: C, b: C| a - b,
    );
    each(
        ops,
        doc,
        &[
            "aten::sub.int_complex(int a, complex b) -> complex",
            "aten::sub.float_complex(float a, complex b) -> complex",
        ],
        |a: f64, b: C| C::new(a, 0.0) - b,
    );
    each(
        ops,
        doc,
        &[
            "aten::sub.complex_int(complex a, int b) -> complex",
            "aten::sub.complex_float(complex a, float b) -> complex",
        ],
        |a: C, b: f64| a - b,
    );
    each(
        ops,
        doc,
        &["aten::sub(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(a.wrapping_sub(b).into()),
                |a, b| Ok((a - b).into()),
                |a, b| Ok((a - b).into()),
            )
        },
    );
}

fn products(ops: &mut Rows) {
    let doc = "The product of two numbers.";
    each(
        ops,
        doc,
        &["aten::mul.int(int a, int b) -> int"],
        |a: i64, b: i64| a.wrapping_mul(b),
    );
    each(
        ops,
        doc,
        &[
            "aten::mul.float(float a, float b) -> float",
            "aten::mul.int_float(int a, float b) -> float",
            "aten::mul.float_int(float a, int b) -> float",
        ],
        |a: f64, b: f64| a * b,
    );
    each(
        ops,
        doc,
        &["aten::mul.complex(complex a, complex b) -> complex"],
        |a: C, b: C| a * b,
    );
    each(
        ops,
        doc,
        &[
            "aten::mul.int_complex(int a, complex b) -> complex",
            "aten::mul.float_complex(float a, complex b) -> complex",
        ],
        |a: f64, b: C| b * a,
    );
    each(
        ops,
        doc,
        &[
            "aten::mul.complex_int(complex a, int b) -> complex",
            "aten::mul.complex_float(complex a, float b) -> complex",
        ],
        |a: C, b: f64| a * b,
    );
    each(
        ops,
        doc,
        &["aten::mul(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(a.wrapping_mul(b).into()),
                |a, b| Ok((a * b).into()),
                |a, b| Ok((a * b).into()),
            )
        },
    );
}

fn division_by_zero() -> Error {
    Error::new(ErrorKind::ZeroDivision, "division by 0")
}

/// Python's `//`.
pub fn floordiv_int(a: i64, b: i64) -> Result<i64> {
    if b == 0 {
        return Err(division_by_zero());
    }
    let quotient = a.wrapping_div(b);
    let inexact = a.wrapping_rem(b) != 0;
    Ok(if inexact && (a < 0) != (b < 0) {
        quotient - 1
    } else {
        quotient
    })
}

/// Python's `%`: the result has the divisor's sign.
fn remainder_int(a: i64, b: i64) -> Result<i64> {
    if b == 0 {
        let message = "ZeroDivisionError: integer division or modulo by zero";
        return Err(Error::new(ErrorKind::ZeroDivision, message));
    }
    // The processor traps on this one, which ends PyTorch's process.
    let Some(r) = a.checked_rem(b) else {
        return Err(Error::new(ErrorKind::Runtime, "integer overflow in a remainder"));
    };
    Ok(if r != 0 && (r < 0) != (b < 0) { r + b } else { r })
}

fn remainder_float(a: f64, b: f64) -> f64 {
    // As PyTorch computes it, which shows where one of the numbers is infinite.
    (b + a % b) % b
}

fn floordiv_float(a: f64, b: f64) -> f64 {
    (a / b).floor()
}

fn divmod_float(a: f64, b: f64) -> Result<(f64, f64)> {
    if b == 0.0 {
        return Err(Error::new(
            ErrorKind::ZeroDivision,
            "ZeroDivisionError: float divmod()",
        ));
    }
    let r = remainder_float(a, b);
    Ok(((a - r) / b, r))
}

/// Scaled by the larger part, as NumPy does it: no overflow on the way, and infinities for a zero.
fn div_complex(a: C, b: C) -> C {
    let (c, d) = (b.re.abs(), b.im.abs());
    if c >= d {
        if c == 0.0 {
            return C::new(a.re / c, a.im / d);
        }
        let ratio = b.im / b.re;
        let scale = 1.0 / (b.re + b.im * ratio);
        C::new((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale)
    } else {
        let ratio = b.re / b.im;
        let scale = 1.0 / (b.re * ratio + b.im);
        C::new((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale)
    }
}

fn quotients(ops: &mut Rows) {
    let doc = "The quotient of two numbers, never an int.";
    each(
        ops,
        doc,
        &["aten::div.int(int a, int b) -> float"],
        |a: i64, b: i64| a as f64 / b as f64,
    );
    each(
        ops,
        doc,
        &["aten::div.float(float a, float b) -> float"],
        |a: f64, b: f64| a / b,
    );
    each(
        ops,
        doc,
        &["aten::div.complex(complex a, complex b) -> complex"],
        div_complex,
    );
    each(
        ops,
        doc,
        &["aten::div(Scalar a, Scalar b) -> float"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok((a as f64 / b as f64).into()),
                |a, b| Ok((a / b).into()),
                no_complex,
            )
        },
    );

    let doc = "The quotient rounded down.";
    each(
        ops,
        doc,
        &[
            "aten::floordiv.float(float a, float b) -> float",
            "aten::floordiv.int_float(int a, float b) -> float",
            "aten::floordiv.float_int(float a, int b) -> float",
        ],
        floordiv_float,
    );
    each(
        ops,
        doc,
        &["aten::floordiv.int(int a, int b) -> int"],
        floordiv_int,
    );
    each(
        ops,
        doc,
        &["aten::floordiv(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(floordiv_int(a, b)?.into()),
                |a, b| Ok(floordiv_float(a, b).into()),
                no_complex,
            )
        },
    );
    ops.op("aten::__round_to_zero_floordiv.int(int a, int b) -> int")
        .doc("The quotient without its fraction.")
        .kernel(|a: i64, b: i64| {
            if b == 0 {
                Err(division_by_zero())
            } else {
                Ok(a.wrapping_div(b))
            }
        });

    let doc = "The remainder, with the sign of the divisor.";
    each(
        ops,
        doc,
        &["aten::remainder.int(int a, int b) -> int"],
        remainder_int,
    );
    each(
        ops,
        doc,
        &[
            "aten::remainder.float(float a, float b) -> float",
            "aten::remainder.int_float(int a, float b) -> float",
            "aten::remainder.float_int(float a, int b) -> float",
        ],
        remainder_float,
    );
    each(
        ops,
        doc,
        &["aten::remainder(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(remainder_int(a, b)?.into()),
                |a, b| Ok(remainder_float(a, b).into()),
                no_complex,
            )
        },
    );

    let doc = "The remainder, with the sign of the dividend.";
    each(
        ops,
        doc,
        &[
            "aten::fmod.int(int a, int b) -> float",
            "aten::fmod.float(float a, float b) -> float",
            "aten::fmod.int_float(int a, float b) -> float",
            "aten::fmod.float_int(float a, int b) -> float",
        ],
        |a: f64, b: f64| a % b,
    );
    each(
        ops,
        doc,
        &["aten::fmod(Scalar a, Scalar b) -> float"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok((a as f64 % b as f64).into()),
                |a, b| Ok((a % b).into()),
                no_complex,
            )
        },
    );

    let doc = "The quotient rounded down and the remainder.";
    ops.op("aten::divmod.int(int x, int y) -> (int, int)")
        .doc(doc)
        .kernel(|x: i64, y: i64| {
            Ok::<_, Error>((
                remainder_int(x, y).and_then(|_| floordiv_int(x, y))?,
                remainder_int(x, y)?,
            ))
        });
    each(
        ops,
        doc,
        &[
            "aten::divmod.float(float x, float y) -> (float, float)",
            "aten::divmod.int_float(int x, float y) -> (float, float)",
            "aten::divmod.float_int(float x, int y) -> (float, float)",
        ],
        divmod_float,
    );
}

fn pow_float(a: f64, b: f64) -> Result<f64> {
    if a == 0.0 && b < 0.0 {
        return Err(error("0.0 cannot be raised to a negative power"));
    }
    Ok(a.powf(b))
}

pub fn pow_complex(a: C, b: C) -> C {
    if a.re == 0.0 && a.im == 0.0 {
        // C's `cpow` is `exp(b * log(a))`, which for the power of zero is no number.
        let nothing = if b.re == 0.0 && b.im == 0.0 { f64::NAN } else { 0.0 };
        return C::new(nothing, nothing);
    }
    if b.re == 0.0 && b.im == 0.0 {
        return C::new(1.0, 0.0);
    }
    (b * a.ln()).exp()
}

fn pow_int(base: i64, exponent: i64) -> Result<i64> {
    if exponent < 0 {
        return match base {
            1 => Ok(1),
            -1 => Ok(if exponent % 2 == 0 { 1 } else { -1 }),
            0 => Err(error("0.0 cannot be raised to a negative power")),
            _ => Ok(0),
        };
    }
    let (mut base, mut exponent, mut result) = (base, exponent, 1i64);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    Ok(result)
}

fn powers(ops: &mut Rows) {
    let doc = "`a` to the power of `b`; of two ints too, a float.";
    each(
        ops,
        doc,
        &[
            "aten::pow.int(int a, int b) -> float",
            "aten::pow.float(float a, float b) -> float",
            "aten::pow.int_float(int a, float b) -> float",
            "aten::pow.float_int(float a, int b) -> float",
        ],
        pow_float,
    );
    each(
        ops,
        doc,
        &[
            "aten::pow.complex(complex a, complex b) -> complex",
            "aten::pow.float_complex(float a, complex b) -> complex",
            "aten::pow.complex_float(complex a, float b) -> complex",
        ],
        pow_complex,
    );
    each(
        ops,
        doc,
        &["aten::pow.Scalar_Scalar(Scalar a, Scalar b) -> float"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(pow_float(a as f64, b as f64)?.into()),
                |a, b| Ok(pow_float(a, b)?.into()),
                no_complex,
            )
        },
    );
    ops.op("aten::pow.int_to_int(int a, int b) -> int")
        .doc("`a` to the power of `b`, an int.")
        .kernel(pow_int);
}

fn signs(ops: &mut Rows) {
    let doc = "The number with its sign changed.";
    ops.op("aten::neg.int(int a) -> int")
        .doc(doc)
        .kernel(|a: i64| a.wrapping_neg());
    ops.op("aten::neg.float(float a) -> float")
        .doc(doc)
        .kernel(|a: f64| -a);
    ops.op("aten::neg.complex(complex a) -> complex")
        .doc(doc)
        .kernel(|a: C| -a);
    ops.op("aten::neg.Scalar(Scalar a) -> Scalar")
        .doc(doc)
        .kernel(|a: Scalar| match plain(a) {
            Scalar::Int(i) => Scalar::Int(i.wrapping_neg()),
            Scalar::Complex(c) => Scalar::Complex(-c),
            other => Scalar::Float(-other.to_f64()),
        });
    let doc = "The absolute value.";
    ops.op("prim::abs.int(int a) -> int")
        .doc(doc)
        .kernel(|a: i64| a.wrapping_abs());
    ops.op("prim::abs.float(float a) -> float")
        .doc(doc)
        .kernel(|a: f64| a.abs());
    ops.op("prim::abs.complex(complex a) -> float")
        .doc(doc)
        .kernel(|a: C| a.norm());
    ops.op("prim::abs(Tensor x) -> Tensor")
        .doc(doc)
        .script("def abs(x: Tensor) -> Tensor:\n    return torch.abs(x)\n");
    ops.op("prim::abs.Scalar(Scalar a) -> Scalar")
        .doc(doc)
        .kernel(|a: Scalar| match plain(a) {
            Scalar::Int(i) => Scalar::Int(i.wrapping_abs()),
            Scalar::Complex(c) => Scalar::Float(c.norm()),
            other => Scalar::Float(other.to_f64().abs()),
        });
}

fn bits(ops: &mut Rows) {
    ops.op("aten::__and__.int(int a, int b) -> int")
        .doc("Bitwise and.")
        .kernel(|a: i64, b: i64| a & b);
    ops.op("aten::__or__.int(int a, int b) -> int")
        .doc("Bitwise or.")
        .kernel(|a: i64, b: i64| a | b);
    ops.op("aten::__xor__.int(int a, int b) -> int")
        .doc("Bitwise exclusive or.")
        .kernel(|a: i64, b: i64| a ^ b);
    // Counts wrap at 64, as on the machines that PyTorch runs on.
    ops.op("aten::__lshift__.int(int a, int b) -> int")
        .doc("Shifts to the left.")
        .kernel(|a: i64, b: i64| a.wrapping_shl(b as u32));
    ops.op("aten::__rshift__.int(int a, int b) -> int")
        .doc("Shifts to the right, keeping the sign.")
        .kernel(|a: i64, b: i64| a.wrapping_shr(b as u32));
    ops.op("aten::__and__.bool(bool a, bool b) -> bool")
        .doc("Both.")
        .kernel(|a: bool, b: bool| a && b);
    ops.op("aten::__or__.bool(bool a, bool b) -> bool")
        .doc("Either.")
        .kernel(|a: bool, b: bool| a || b);
    ops.op("aten::__xor__.bool(bool a, bool b) -> bool")
        .doc("Just one.")
        .kernel(|a: bool, b: bool| a != b);
    ops.op("aten::__not__(bool self) -> bool")
        .doc("The opposite.")
        .kernel(|a: bool| !a);
}

/// `a > b ? a : b`, so that which operand a NaN is in matters, as in PyTorch.
fn max_float(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
fn min_float(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

fn extremes(ops: &mut Rows) {
    let doc = "The greater of two numbers.";
    each(
        ops,
        doc,
        &["prim::max.int(int a, int b) -> int"],
        |a: i64, b: i64| a.max(b),
    );
    each(
        ops,
        doc,
        &[
            "prim::max.float(float a, float b) -> float",
            "prim::max.int_float(int a, float b) -> float",
            "prim::max.float_int(float a, int b) -> float",
        ],
        max_float,
    );
    each(
        ops,
        doc,
        &["prim::max(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(a.max(b).into()),
                |a, b| Ok(max_float(a, b).into()),
                no_complex,
            )
        },
    );
    let doc = "The lesser of two numbers.";
    each(
        ops,
        doc,
        &["prim::min.int(int a, int b) -> int"],
        |a: i64, b: i64| a.min(b),
    );
    each(
        ops,
        doc,
        &[
            "prim::min.float(float a, float b) -> float",
            "prim::min.int_float(int a, float b) -> float",
            "prim::min.float_int(float a, int b) -> float",
        ],
        min_float,
    );
    each(
        ops,
        doc,
        &["prim::min(Scalar a, Scalar b) -> Scalar"],
        |a: Scalar, b: Scalar| {
            binary(
                a,
                b,
                |a, b| Ok(a.min(b).into()),
                |a, b| Ok(min_float(a, b).into()),
                no_complex,
            )
        },
    );
}
