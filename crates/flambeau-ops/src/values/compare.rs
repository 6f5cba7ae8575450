//! Comparisons of numbers, strings, lists, devices and enum members.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_ir::value::{Device, IValue, List};
use flambeau_tensor::{Complex, Result, Scalar};

use super::{each, error};

type C = Complex<f64>;

pub fn declare(ops: &mut Rows) {
    equal(ops);
    different(ops);
    ordered(ops);
}

/// Two numbers in the wider of their types.
fn scalars_equal(a: Scalar, b: Scalar) -> Result<bool> {
    Ok(match (a, b) {
        // PyTorch's operator gives no result here, and fails where somebody takes it.
        (Scalar::Complex(_), Scalar::Int(_) | Scalar::Bool(_))
        | (Scalar::Int(_) | Scalar::Bool(_), Scalar::Complex(_)) => {
            return Err(error(
                "pop() called on empty stack: a complex number and an int cannot be compared, write `complex(…)`",
            ));
        }
        (Scalar::Complex(_), _) | (_, Scalar::Complex(_)) => a.to_complex() == b.to_complex(),
        (Scalar::Float(_), _) | (_, Scalar::Float(_)) => a.to_f64() == b.to_f64(),
        _ => a.to_i64() == b.to_i64(),
    })
}

fn scalars_compare(
    a: Scalar,
    b: Scalar,
    int: fn(&i64, &i64) -> bool,
    float: fn(&f64, &f64) -> bool,
) -> Result<bool> {
    match (a, b) {
        (Scalar::Complex(_), _) | (_, Scalar::Complex(_)) => {
            Err(error("complex numbers have no order: expected int or float"))
        }
        (Scalar::Float(_), _) | (_, Scalar::Float(_)) => Ok(float(&a.to_f64(), &b.to_f64())),
        _ => Ok(int(&a.to_i64(), &b.to_i64())),
    }
}

fn lists_equal(a: &List, b: &List) -> bool {
    // Compared by value: a list that holds a NaN is not equal to itself.
    let (a, b) = (a.to_vec(), b.to_vec());
    a == b
}

fn enums_equal(a: &IValue, b: &IValue) -> bool {
    match (a, b) {
        (IValue::Enum(x), IValue::Enum(y)) => x.class.name == y.class.name && x.name == y.name,
        _ => false,
    }
}

fn equal(ops: &mut Rows) {
    let doc = "Whether both are equal.";
    each(
        ops,
        doc,
        &[
            "aten::eq.int_list(int[] a, int[] b) -> bool",
            "aten::eq.float_list(float[] a, float[] b) -> bool",
            "aten::eq.bool_list(bool[] a, bool[] b) -> bool",
            "aten::eq.str_list(str[] a, str[] b) -> bool",
        ],
        |a: List, b: List| lists_equal(&a, &b),
    );
    each(
        ops,
        doc,
        &["aten::eq.device(Device a, Device b) -> bool"],
        |a: Device, b: Device| a == b,
    );
    each(
        ops,
        doc,
        &["aten::eq.bool(bool a, bool b) -> bool"],
        |a: bool, b: bool| a == b,
    );
    each(
        ops,
        doc,
        &["aten::eq.enum(AnyEnumType a, AnyEnumType b) -> bool"],
        |a: IValue, b: IValue| enums_equal(&a, &b),
    );
    each(
        ops,
        doc,
        &["aten::eq.int(int a, int b) -> bool"],
        |a: i64, b: i64| a == b,
    );
    each(
        ops,
        doc,
        &[
            "aten::eq.float(float a, float b) -> bool",
            "aten::eq.int_float(int a, float b) -> bool",
            "aten::eq.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a == b,
    );
    each(
        ops,
        doc,
        &[
            "aten::eq.complex(complex a, complex b) -> bool",
            "aten::eq.float_complex(float a, complex b) -> bool",
            "aten::eq.complex_float(complex a, float b) -> bool",
        ],
        |a: C, b: C| a == b,
    );
    each(
        ops,
        doc,
        &["aten::eq(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_equal(a, b),
    );
    each(
        ops,
        doc,
        &["aten::eq.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a == b,
    );
}

fn different(ops: &mut Rows) {
    let doc = "Whether both differ.";
    each(
        ops,
        doc,
        &[
            "aten::ne.int_list(int[] a, int[] b) -> bool",
            "aten::ne.float_list(float[] a, float[] b) -> bool",
            "aten::ne.bool_list(bool[] a, bool[] b) -> bool",
            "aten::ne.str_list(str[] a, str[] b) -> bool",
        ],
        |a: List, b: List| !lists_equal(&a, &b),
    );
    each(
        ops,
        doc,
        &["aten::ne.device(Device a, Device b) -> bool"],
        |a: Device, b: Device| a != b,
    );
    each(
        ops,
        doc,
        &["aten::ne.bool(bool a, bool b) -> bool"],
        |a: bool, b: bool| a != b,
    );
    each(
        ops,
        doc,
        &["aten::ne.enum(AnyEnumType a, AnyEnumType b) -> bool"],
        |a: IValue, b: IValue| !enums_equal(&a, &b),
    );
    each(
        ops,
        doc,
        &["aten::ne.int(int a, int b) -> bool"],
        |a: i64, b: i64| a != b,
    );
    each(
        ops,
        doc,
        &[
            "aten::ne.float(float a, float b) -> bool",
            "aten::ne.int_float(int a, float b) -> bool",
            "aten::ne.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a != b,
    );
    each(
        ops,
        doc,
        &[
            "aten::ne.complex(complex a, complex b) -> bool",
            "aten::ne.float_complex(float a, complex b) -> bool",
            "aten::ne.complex_float(complex a, float b) -> bool",
        ],
        |a: C, b: C| a != b,
    );
    each(
        ops,
        doc,
        &["aten::ne(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_equal(a, b).map(|e| !e),
    );
    each(
        ops,
        doc,
        &["aten::ne.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a != b,
    );
}

fn ordered(ops: &mut Rows) {
    let doc = "Whether `a` is less than `b`.";
    each(
        ops,
        doc,
        &["aten::lt.int(int a, int b) -> bool"],
        |a: i64, b: i64| a < b,
    );
    each(
        ops,
        doc,
        &[
            "aten::lt.float(float a, float b) -> bool",
            "aten::lt.int_float(int a, float b) -> bool",
            "aten::lt.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a < b,
    );
    each(
        ops,
        doc,
        &["aten::lt(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_compare(a, b, i64::lt, f64::lt),
    );
    each(
        ops,
        doc,
        &["aten::lt.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a < b,
    );
    let doc = "Whether `a` is at most `b`.";
    each(
        ops,
        doc,
        &["aten::le.int(int a, int b) -> bool"],
        |a: i64, b: i64| a <= b,
    );
    each(
        ops,
        doc,
        &[
            "aten::le.float(float a, float b) -> bool",
            "aten::le.int_float(int a, float b) -> bool",
            "aten::le.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a <= b,
    );
    each(
        ops,
        doc,
        &["aten::le(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_compare(a, b, i64::le, f64::le),
    );
    each(
        ops,
        doc,
        &["aten::le.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a <= b,
    );
    let doc = "Whether `a` is greater than `b`.";
    each(
        ops,
        doc,
        &["aten::gt.int(int a, int b) -> bool"],
        |a: i64, b: i64| a > b,
    );
    each(
        ops,
        doc,
        &[
            "aten::gt.float(float a, float b) -> bool",
            "aten::gt.int_float(int a, float b) -> bool",
            "aten::gt.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a > b,
    );
    each(
        ops,
        doc,
        &["aten::gt(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_compare(a, b, i64::gt, f64::gt),
    );
    each(
        ops,
        doc,
        &["aten::gt.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a > b,
    );
    let doc = "Whether `a` is at least `b`.";
    each(
        ops,
        doc,
        &["aten::ge.int(int a, int b) -> bool"],
        |a: i64, b: i64| a >= b,
    );
    each(
        ops,
        doc,
        &[
            "aten::ge.float(float a, float b) -> bool",
            "aten::ge.int_float(int a, float b) -> bool",
            "aten::ge.float_int(float a, int b) -> bool",
        ],
        |a: f64, b: f64| a >= b,
    );
    each(
        ops,
        doc,
        &["aten::ge(Scalar a, Scalar b) -> bool"],
        |a: Scalar, b: Scalar| scalars_compare(a, b, i64::ge, f64::ge),
    );
    each(
        ops,
        doc,
        &["aten::ge.str(str a, str b) -> bool"],
        |a: Arc<str>, b: Arc<str>| a >= b,
    );
}
