//! The functions of Python's `math` and `cmath` on numbers.

use flambeau_ir::ops::Rows;
use flambeau_ir::value::IValue;
use flambeau_tensor::math::special;
use flambeau_tensor::{Complex, Result, Scalar};

use super::{each, error};

type C = Complex<f64>;

/// `[float]` schemas for int, float and `Scalar`, a complex one where there is a complex function.
struct Unary {
    int: &'static str,
    float: &'static str,
    scalar: &'static str,
    doc: &'static str,
    real: fn(f64) -> f64,
    complex: Option<(&'static str, fn(C) -> C)>,
}

/// A pole gives infinity with no error, as `std::lgamma` and `std::tgamma` do.
fn gamma(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0 / x;
    }
    if x < 0.0 && x.fract() == 0.0 || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    libm::tgamma(x)
}

/// Half to even, as the processor rounds.
fn round(x: f64) -> f64 {
    x.round_ties_even()
}

const UNARY: &[Unary] = &[
    Unary {
        int: "aten::acos.int(int a) -> float",
        float: "aten::acos.float(float a) -> float",
        scalar: "aten::acos.Scalar(Scalar a) -> Scalar",
        doc: "The arc cosine.",
        real: f64::acos,
        complex: Some(("aten::acos.complex(complex a) -> complex", |z| z.acos())),
    },
    Unary {
        int: "aten::acosh.int(int a) -> float",
        float: "aten::acosh.float(float a) -> float",
        scalar: "aten::acosh.Scalar(Scalar a) -> Scalar",
        doc: "The inverse hyperbolic cosine.",
        real: f64::acosh,
        complex: Some(("aten::acosh.complex(complex a) -> complex", |z| z.acosh())),
    },
    Unary {
        int: "aten::asin.int(int a) -> float",
        float: "aten::asin.float(float a) -> float",
        scalar: "aten::asin.Scalar(Scalar a) -> Scalar",
        doc: "The arc sine.",
        real: f64::asin,
        complex: Some(("aten::asin.complex(complex a) -> complex", |z| z.asin())),
    },
    Unary {
        int: "aten::asinh.int(int a) -> float",
        float: "aten::asinh.float(float a) -> float",
        scalar: "aten::asinh.Scalar(Scalar a) -> Scalar",
        doc: "The inverse hyperbolic sine.",
        real: f64::asinh,
        complex: Some(("aten::asinh.complex(complex a) -> complex", |z| z.asinh())),
    },
    Unary {
        int: "aten::atan.int(int a) -> float",
        float: "aten::atan.float(float a) -> float",
        scalar: "aten::atan.Scalar(Scalar a) -> Scalar",
        doc: "The arc tangent.",
        real: f64::atan,
        complex: Some(("aten::atan.complex(complex a) -> complex", |z| z.atan())),
    },
    Unary {
        int: "aten::atanh.int(int a) -> float",
        float: "aten::atanh.float(float a) -> float",
        scalar: "aten::atanh.Scalar(Scalar a) -> Scalar",
        doc: "The inverse hyperbolic tangent.",
        real: f64::atanh,
        complex: Some(("aten::atanh.complex(complex a) -> complex", |z| z.atanh())),
    },
    Unary {
        int: "aten::cos.int(int a) -> float",
        float: "aten::cos.float(float a) -> float",
        scalar: "aten::cos.Scalar(Scalar a) -> Scalar",
        doc: "The cosine.",
        real: f64::cos,
        complex: Some(("aten::cos.complex(complex a) -> complex", |z| z.cos())),
    },
    Unary {
        int: "aten::cosh.int(int a) -> float",
        float: "aten::cosh.float(float a) -> float",
        scalar: "aten::cosh.Scalar(Scalar a) -> Scalar",
        doc: "The hyperbolic cosine.",
        real: f64::cosh,
        complex: Some(("aten::cosh.complex(complex a) -> complex", |z| z.cosh())),
    },
    Unary {
        int: "aten::degrees.int(int a) -> float",
        float: "aten::degrees.float(float a) -> float",
        scalar: "aten::degrees.Scalar(Scalar a) -> Scalar",
        doc: "Radians as degrees.",
        real: |x| x * (180.0 / std::f64::consts::PI),
        complex: None,
    },
    Unary {
        int: "aten::erf.int(int a) -> float",
        float: "aten::erf.float(float a) -> float",
        scalar: "aten::erf.Scalar(Scalar a) -> Scalar",
        doc: "The error function.",
        real: special::erf,
        complex: None,
    },
    Unary {
        int: "aten::erfc.int(int a) -> float",
        float: "aten::erfc.float(float a) -> float",
        scalar: "aten::erfc.Scalar(Scalar a) -> Scalar",
        doc: "One minus the error function.",
        real: special::erfc,
        complex: None,
    },
    Unary {
        int: "aten::exp.int(int a) -> float",
        float: "aten::exp.float(float a) -> float",
        scalar: "aten::exp.Scalar(Scalar a) -> Scalar",
        doc: "e to the power of the number.",
        real: f64::exp,
        complex: Some(("aten::exp.complex(complex a) -> complex", |z| z.exp())),
    },
    Unary {
        int: "aten::expm1.int(int a) -> float",
        float: "aten::expm1.float(float a) -> float",
        scalar: "aten::expm1.Scalar(Scalar a) -> Scalar",
        doc: "e to the power of the number, minus one.",
        real: f64::exp_m1,
        complex: None,
    },
    Unary {
        int: "aten::fabs.int(int a) -> float",
        float: "aten::fabs.float(float a) -> float",
        scalar: "aten::fabs.Scalar(Scalar a) -> Scalar",
        doc: "The absolute value as a float.",
        real: f64::abs,
        complex: None,
    },
    Unary {
        int: "aten::gamma.int(int a) -> float",
        float: "aten::gamma.float(float a) -> float",
        scalar: "aten::gamma.Scalar(Scalar a) -> Scalar",
        doc: "The gamma function.",
        real: gamma,
        complex: None,
    },
    Unary {
        int: "aten::lgamma.int(int a) -> float",
        float: "aten::lgamma.float(float a) -> float",
        scalar: "aten::lgamma.Scalar(Scalar a) -> Scalar",
        doc: "The logarithm of the gamma function's absolute value.",
        real: special::lgamma,
        complex: None,
    },
    Unary {
        int: "aten::log.int(int a) -> float",
        float: "aten::log.float(float a) -> float",
        scalar: "aten::log.Scalar(Scalar a) -> Scalar",
        doc: "The natural logarithm.",
        real: f64::ln,
        complex: Some(("aten::log.complex(complex a) -> complex", |z| z.ln())),
    },
    Unary {
        int: "aten::log10.int(int a) -> float",
        float: "aten::log10.float(float a) -> float",
        scalar: "aten::log10.Scalar(Scalar a) -> Scalar",
        doc: "The logarithm to the base 10.",
        real: f64::log10,
        complex: Some(("aten::log10.complex(complex a) -> complex", |z| {
            z.ln() / std::f64::consts::LN_10
        })),
    },
    Unary {
        int: "aten::log1p.int(int a) -> float",
        float: "aten::log1p.float(float a) -> float",
        scalar: "aten::log1p.Scalar(Scalar a) -> Scalar",
        doc: "The natural logarithm of one plus the number.",
        real: f64::ln_1p,
        complex: None,
    },
    Unary {
        int: "aten::radians.int(int a) -> float",
        float: "aten::radians.float(float a) -> float",
        scalar: "aten::radians.Scalar(Scalar a) -> Scalar",
        doc: "Degrees as radians.",
        real: |x| x * (std::f64::consts::PI / 180.0),
        complex: None,
    },
    Unary {
        int: "aten::round.int(int a) -> float",
        float: "aten::round.float(float a) -> float",
        scalar: "aten::round.Scalar(Scalar a) -> Scalar",
        doc: "The nearest whole number, halves to even, as a float.",
        real: round,
        complex: None,
    },
    Unary {
        int: "aten::sin.int(int a) -> float",
        float: "aten::sin.float(float a) -> float",
        scalar: "aten::sin.Scalar(Scalar a) -> Scalar",
        doc: "The sine.",
        real: f64::sin,
        complex: Some(("aten::sin.complex(complex a) -> complex", |z| z.sin())),
    },
    Unary {
        int: "aten::sinh.int(int a) -> float",
        float: "aten::sinh.float(float a) -> float",
        scalar: "aten::sinh.Scalar(Scalar a) -> Scalar",
        doc: "The hyperbolic sine.",
        real: f64::sinh,
        complex: Some(("aten::sinh.complex(complex a) -> complex", |z| z.sinh())),
    },
    Unary {
        int: "aten::sqrt.int(int a) -> float",
        float: "aten::sqrt.float(float a) -> float",
        scalar: "aten::sqrt.Scalar(Scalar a) -> Scalar",
        doc: "The square root.",
        real: f64::sqrt,
        complex: Some(("aten::sqrt.complex(complex a) -> complex", |z| z.sqrt())),
    },
    Unary {
        int: "aten::tan.int(int a) -> float",
        float: "aten::tan.float(float a) -> float",
        scalar: "aten::tan.Scalar(Scalar a) -> Scalar",
        doc: "The tangent.",
        real: f64::tan,
        complex: Some(("aten::tan.complex(complex a) -> complex", |z| z.tan())),
    },
    Unary {
        int: "aten::tanh.int(int a) -> float",
        float: "aten::tanh.float(float a) -> float",
        scalar: "aten::tanh.Scalar(Scalar a) -> Scalar",
        doc: "The hyperbolic tangent.",
        real: f64::tanh,
        complex: Some(("aten::tanh.complex(complex a) -> complex", |z| z.tanh())),
    },
];

pub fn declare(ops: &mut Rows) {
    for row in UNARY {
        let (real, complex) = (row.real, row.complex.map(|(_, f)| f));
        ops.op(row.int).doc(row.doc).kernel(move |a: f64| real(a));
        ops.op(row.float).doc(row.doc).kernel(move |a: f64| real(a));
        ops.op(row.scalar)
            .doc(row.doc)
            .kernel(move |a: Scalar| match (a, complex) {
                (Scalar::Complex(z), Some(f)) => Ok(Scalar::Complex(f(z))),
                (Scalar::Complex(_), None) => {
                    Err(error("not defined for complex numbers: expected int or float"))
                }
                (a, _) => Ok(Scalar::Float(real(a.to_f64()))),
            });
        if let Some((schema, f)) = row.complex {
            ops.op(schema).doc(row.doc).kernel(move |a: C| f(a));
        }
    }
    angles(ops);
    logarithms(ops);
    whole(ops);
    pairs(ops);
    tests(ops);
}

fn angle(a: Scalar) -> f64 {
    match a {
        Scalar::Complex(z) => z.arg(),
        a if a.to_f64().is_nan() => f64::NAN,
        a if a.to_f64() < 0.0 => std::f64::consts::PI,
        _ => 0.0,
    }
}

fn angles(ops: &mut Rows) {
    let doc = "The angle of the number in the complex plane.";
    ops.op("aten::angle.int(int a) -> float")
        .doc(doc)
        .kernel(|a: i64| angle(a.into()));
    ops.op("aten::angle.float(float a) -> float")
        .doc(doc)
        .kernel(|a: f64| angle(a.into()));
    ops.op("aten::angle.complex(complex a) -> float")
        .doc(doc)
        .kernel(|a: C| angle(a.into()));
    ops.op("aten::angle.Scalar(Scalar a) -> Scalar")
        .doc(doc)
        .kernel(|a: Scalar| angle(a));
    each(
        ops,
        "The angle of the point `(b, a)`.",
        &[
            "aten::atan2.int(int a, int b) -> float",
            "aten::atan2.float(float a, float b) -> float",
            "aten::atan2.int_float(int a, float b) -> float",
            "aten::atan2.float_int(float a, int b) -> float",
            "aten::atan2.Scalar_Scalar(Scalar a, Scalar b) -> float",
        ],
        |a: Scalar, b: Scalar| a.to_f64().atan2(b.to_f64()),
    );
    each(
        ops,
        "The complex number of absolute value `a` and angle `b`.",
        &[
            "aten::polar.int(int a, int b) -> complex",
            "aten::polar.float(float a, float b) -> complex",
            "aten::polar.int_float(int a, float b) -> complex",
            "aten::polar.float_int(float a, int b) -> complex",
            "aten::polar.Scalar_Scalar(Scalar a, Scalar b) -> Scalar",
        ],
        |a: Scalar, b: Scalar| C::from_polar(a.to_f64(), b.to_f64()),
    );
}

fn logarithms(ops: &mut Rows) {
    let doc = "The logarithm of `a` to the base `b`.";
    each(
        ops,
        doc,
        &[
            "aten::log.int_int(int a, int b) -> float",
            "aten::log.float_float(float a, float b) -> float",
            "aten::log.int_float(int a, float b) -> float",
            "aten::log.float_int(float a, int b) -> float",
            "aten::log.Scalar_Scalar(Scalar a, Scalar b) -> float",
        ],
        |a: Scalar, b: Scalar| a.to_f64().ln() / b.to_f64().ln(),
    );
    each(
        ops,
        doc,
        &[
            "aten::log.complex_complex(complex a, complex b) -> complex",
            "aten::log.int_complex(int a, complex b) -> complex",
            "aten::log.complex_int(complex a, int b) -> complex",
            "aten::log.float_complex(float a, complex b) -> complex",
            "aten::log.complex_float(complex a, float b) -> complex",
        ],
        |a: C, b: C| a.ln() / b.ln(),
    );
}

/// A float that has been rounded, as an int.
fn to_int(x: f64) -> Result<i64> {
    if x.is_nan() {
        return Err(error("Cannot convert float nan to integer"));
    }
    if x.is_infinite() {
        let sign = if x < 0.0 { "-" } else { "" };
        return Err(error(format!("Cannot convert float {sign}inf to integer")));
    }
    Ok(super::convert::truncate(x))
}

fn scalar_to_int(a: Scalar, round: fn(f64) -> f64) -> Result<Scalar> {
    match a {
        Scalar::Complex(_) => Err(error("not defined for complex numbers: expected int or float")),
        Scalar::Float(f) => Ok(to_int(round(f))?.into()),
        other => Ok(other.to_i64().into()),
    }
}

fn whole(ops: &mut Rows) {
    let doc = "The greatest int that is not above the number.";
    ops.op("aten::floor.int(int a) -> int")
        .doc(doc)
        .kernel(|a: i64| a);
    ops.op("aten::floor.float(float a) -> int")
        .doc(doc)
        .kernel(|a: f64| to_int(a.floor()));
    ops.op("aten::floor.Scalar(Scalar a) -> Scalar")
        .doc(doc)
        .kernel(|a: Scalar| scalar_to_int(a, f64::floor));
    let doc = "The least int that is not below the number.";
    ops.op("aten::ceil.int(int a) -> int").doc(doc).kernel(|a: i64| a);
    ops.op("aten::ceil.float(float a) -> int")
        .doc(doc)
        .kernel(|a: f64| to_int(a.ceil()));
    ops.op("aten::ceil.Scalar(Scalar a) -> Scalar")
        .doc(doc)
        .kernel(|a: Scalar| scalar_to_int(a, f64::ceil));

    ops.op("aten::factorial.int(int a) -> int")
        .doc("The product of the first `a` ints.")
        .kernel(|a: i64| {
            if a < 0 {
                return Err(error("factorial() not defined for negative values"));
            }
            // 66! is the first whose lowest 64 bits are all zero, and so are those of all that follow.
            Ok((1..=a.min(66)).fold(1i64, |product, k| product.wrapping_mul(k)))
        });
    ops.op("aten::gcd.int(int a, int b) -> int")
        .doc("The greatest common divisor.")
        .kernel(|a: i64, b: i64| special::gcd(a, b));
}

fn pairs(ops: &mut Rows) {
    each(
        ops,
        "`a` with the sign of `b`.",
        &[
            "aten::copysign.int(int a, int b) -> float",
            "aten::copysign.float(float a, float b) -> float",
            "aten::copysign.int_float(int a, float b) -> float",
            "aten::copysign.float_int(float a, int b) -> float",
            "aten::copysign(Scalar a, Scalar b) -> float",
        ],
        |a: Scalar, b: Scalar| a.to_f64().copysign(b.to_f64()),
    );
    each(
        ops,
        "The remainder of `a` from the nearest multiple of `b`.",
        &[
            "aten::mathremainder.int(int a, int b) -> float",
            "aten::mathremainder.float(float a, float b) -> float",
            "aten::mathremainder.int_float(int a, float b) -> float",
            "aten::mathremainder.float_int(float a, int b) -> float",
            "aten::mathremainder(Scalar a, Scalar b) -> float",
        ],
        |a: Scalar, b: Scalar| libm::remainder(a.to_f64(), b.to_f64()),
    );
    ops.op("aten::frexp(float a) -> (float, int)")
        .doc("The mantissa and the exponent.")
        .kernel(|a: f64| {
            let (mantissa, exponent) = special::frexp(a);
            IValue::tuple(vec![mantissa.into(), IValue::Int(exponent as i64)])
        });
    ops.op("aten::ldexp(float x, int i) -> float")
        .doc("`x` times 2 to the power of `i`.")
        .kernel(|x: f64, i: i64| libm::ldexp(x, i.clamp(-5000, 5000) as i32));
    ops.op("aten::modf(float a) -> (float, float)")
        .doc("The fraction and the whole part.")
        .kernel(|a: f64| {
            let whole = a.trunc();
            let fraction = if a.is_infinite() { 0.0 } else { a - whole };
            (fraction.copysign(a), whole)
        });
}

fn tests(ops: &mut Rows) {
    let doc = "Whether the number is finite.";
    ops.op("aten::isfinite.float(float a) -> bool")
        .doc(doc)
        .kernel(|a: f64| a.is_finite());
    ops.op("aten::isfinite.complex(complex a) -> bool")
        .doc(doc)
        .kernel(|a: C| a.is_finite());
    let doc = "Whether the number is infinite.";
    ops.op("aten::isinf.float(float a) -> bool")
        .doc(doc)
        .kernel(|a: f64| a.is_infinite());
    ops.op("aten::isinf.complex(complex a) -> bool")
        .doc(doc)
        .kernel(|a: C| a.is_infinite());
    let doc = "Whether the number is not a number.";
    ops.op("aten::isnan.float(float a) -> bool")
        .doc(doc)
        .kernel(|a: f64| a.is_nan());
    ops.op("aten::isnan.complex(complex a) -> bool")
        .doc(doc)
        .kernel(|a: C| a.is_nan());
}
