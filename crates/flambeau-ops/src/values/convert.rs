//! Conversions between numbers, bools, strings and tensors of one element.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Complex, DType, Result, Scalar, Tensor};

use super::{each, error};

type C = Complex<f64>;

pub fn declare(ops: &mut Rows) {
    to_bool(ops);
    to_int(ops);
    to_float(ops);
    to_complex(ops);
    texts(ops);
    implicit(ops);
}

/// A float as an int: towards zero; what does not fit gives the least int, as x86 does.
pub fn truncate(x: f64) -> i64 {
    if x.is_nan() || !(-9223372036854775808.0..9223372036854775808.0).contains(&x) {
        i64::MIN
    } else {
        x as i64
    }
}

/// A tensor's only element.
pub fn only(t: &Tensor) -> Result<Scalar> {
    if t.numel() != 1 {
        return Err(error(format!(
            "a Tensor with {} elements cannot be converted to Scalar",
            t.numel()
        )));
    }
    t.item()
}

fn overflow(target: &str) -> flambeau_tensor::Error {
    error(format!(
        "value cannot be converted to type {target} without overflow"
    ))
}

pub fn tensor_to_int(t: &Tensor) -> Result<i64> {
    match only(t)? {
        Scalar::Complex(z) if z.im != 0.0 => Err(overflow("int")),
        Scalar::Complex(Complex { re: f, .. }) | Scalar::Float(f) => {
            if f.is_nan() || !(-9223372036854775808.0..9223372036854775808.0).contains(&f) {
                return Err(overflow("int"));
            }
            Ok(f as i64)
        }
        other => Ok(other.to_i64()),
    }
}

pub fn tensor_to_float(t: &Tensor) -> Result<f64> {
    match only(t)? {
        Scalar::Complex(z) if z.im != 0.0 => Err(overflow("double")),
        other => Ok(other.to_f64()),
    }
}

pub fn tensor_to_bool(t: &Tensor) -> Result<bool> {
    match t.numel() {
        0 => Err(error("Boolean value of Tensor with no values is ambiguous")),
        1 => Ok(t.item()?.to_bool()),
        _ => Err(error(
            "Boolean value of Tensor with more than one value is ambiguous",
        )),
    }
}

fn to_bool(ops: &mut Rows) {
    let doc = "Whether the value is not zero.";
    ops.op("aten::Bool.Tensor(Tensor a) -> bool")
        .doc(doc)
        .kernel(|a: Tensor| tensor_to_bool(&a));
    ops.op("aten::Bool.int(int a) -> bool")
        .doc(doc)
        .kernel(|a: i64| a != 0);
    ops.op("aten::Bool.float(float a) -> bool")
        .doc(doc)
        .kernel(|a: f64| a != 0.0);
    ops.op("aten::is_nonzero(Tensor self) -> bool")
        .doc(doc)
        .kernel(|a: Tensor| tensor_to_bool(&a));
}

/// C's `strtoll`, whole string: leading blanks are skipped, trailing ones are not.
fn parse_int(text: &str) -> Result<i64> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (sign, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => ("-", &trimmed[1..]),
        Some(b'+') => ("", &trimmed[1..]),
        _ => ("", trimmed),
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value: i64 = format!("{sign}{}", &digits[..count])
        .parse()
        .map_err(|_| error("stoll"))?;
    if count < digits.len() {
        return Err(error(format!("invalid literal for int() with base 10: '{text}'")));
    }
    Ok(value)
}

/// The hexadecimal float after `0x`, as C reads it, and how much of the text it takes.
fn parse_hex(digits: &str) -> Option<(f64, usize)> {
    let bytes = digits.as_bytes();
    let (mut value, mut scale, mut i, mut any, mut point) = (0f64, 0i32, 0, false, false);
    while let Some(&b) = bytes.get(i) {
        match (b as char).to_digit(16) {
            Some(d) => {
                any = true;
                value = value * 16.0 + d as f64;
                scale -= if point { 4 } else { 0 };
            }
            None if b == b'.' && !point => point = true,
            None => break,
        }
        i += 1;
    }
    if !any {
        return None;
    }
    if matches!(bytes.get(i), Some(b'p' | b'P')) {
        let rest = &digits[i + 1..];
        let sign = usize::from(rest.starts_with(['+', '-']));
        let count = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            scale += rest[..sign + count]
                .parse::<i32>()
                .unwrap_or(5000)
                .clamp(-5000, 5000);
            i += 1 + sign + count;
        }
    }
    Some((libm::ldexp(value, scale), i))
}

/// How much of the text is a decimal float.
fn float_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    let mut any = whole > 0;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        any |= fraction > 0;
        end += 1 + fraction;
    }
    if !any {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// C's `strtod`, whole string.
fn parse_float(text: &str) -> Result<f64> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, body) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let lower = body.to_ascii_lowercase();
    let (value, length) = if lower.starts_with("infinity") {
        (f64::INFINITY, 8)
    } else if lower.starts_with("inf") {
        (f64::INFINITY, 3)
    } else if lower.starts_with("nan") {
        let tagged = lower[3..].starts_with('(').then(|| lower.find(')')).flatten();
        (f64::NAN, tagged.map_or(3, |close| close + 1))
    } else if let Some((value, length)) = lower.strip_prefix("0x").and_then(parse_hex) {
        (value, length + 2)
    } else {
        let length = float_length(&lower);
        let value: f64 = lower[..length].parse().map_err(|_| error("stod"))?;
        let nonzero = lower[..length]
            .split('e')
            .next()
            .unwrap_or("")
            .bytes()
            .any(|b| matches!(b, b'1'..=b'9'));
        // Beyond what a double holds, C reports an error of range.
        if value.is_infinite() || nonzero && (value == 0.0 || value.is_subnormal()) {
            return Err(error("stod"));
        }
        (value, length)
    };
    if length < lower.len() {
        return Err(error(format!("could not convert string to float: '{text}'")));
    }
    Ok(if negative { -value } else { value })
}

fn to_int(ops: &mut Rows) {
    let doc = "The value as an int, its fraction cut off.";
    ops.op("aten::Int.Tensor(Tensor a) -> int")
        .doc(doc)
        .kernel(|a: Tensor| tensor_to_int(&a));
    ops.op("aten::Int.bool(bool a) -> int")
        .doc(doc)
        .kernel(|a: bool| a as i64);
    ops.op("aten::Int.float(float a) -> int")
        .doc(doc)
        .kernel(truncate);
    ops.op("aten::Int.Scalar(Scalar a) -> int")
        .doc(doc)
        .kernel(|a: Scalar| match a {
            Scalar::Complex(z) if z.im != 0.0 => Err(overflow("int")),
            Scalar::Complex(z) => Ok(truncate(z.re)),
            Scalar::Float(f) => Ok(truncate(f)),
            other => Ok(other.to_i64()),
        });
    ops.op("aten::Int.str(str a) -> int")
        .doc("Reads a decimal int.")
        .kernel(|a: Arc<str>| parse_int(&a));
}

fn to_float(ops: &mut Rows) {
    let doc = "The value as a float.";
    ops.op("aten::Float.Tensor(Tensor a) -> float")
        .doc(doc)
        .kernel(|a: Tensor| tensor_to_float(&a));
    ops.op("aten::Float.Scalar(Scalar a) -> float")
        .doc(doc)
        .kernel(|a: Scalar| a.to_f64());
    // Through single precision: what PyTorch does, and models have seen it.
    ops.op("aten::Float.int(int a) -> float")
        .doc(doc)
        .kernel(|a: i64| a as f32 as f64);
    ops.op("aten::Float.bool(bool a) -> float")
        .doc(doc)
        .kernel(|a: bool| a as u8 as f64);
    ops.op("aten::Float.str(str a) -> float")
        .doc("Reads a float.")
        .kernel(|a: Arc<str>| parse_float(&a));
}

fn part(t: &Tensor) -> Result<f64> {
    tensor_to_float(t)
}

fn to_complex(ops: &mut Rows) {
    let doc = "The complex number of the given real and imaginary parts.";
    ops.op("aten::Complex.Scalar(Scalar a) -> complex")
        .doc("The value as a complex number.")
        .kernel(|a: Scalar| a.to_complex());
    each(
        ops,
        doc,
        &[
            "aten::Complex.int_bool(int x, bool y) -> complex",
            "aten::Complex.bool_int(bool x, int y) -> complex",
            "aten::Complex.float_bool(float x, bool y) -> complex",
            "aten::Complex.bool_float(bool x, float y) -> complex",
            "aten::Complex.float_int(float x, int y) -> complex",
            "aten::Complex.int_float(int x, float y) -> complex",
            "aten::Complex.int_int(int x, int y) -> complex",
            "aten::Complex.bool_bool(bool x, bool y) -> complex",
            "aten::Complex.float_float(float x, float y) -> complex",
        ],
        |x: Scalar, y: Scalar| C::new(x.to_f64(), y.to_f64()),
    );
    each(
        ops,
        doc,
        &["aten::Complex.Tensor_Tensor(Tensor a, Tensor b) -> complex"],
        |a: Tensor, b: Tensor| -> Result<C> { Ok(C::new(part(&a)?, part(&b)?)) },
    );
    each(
        ops,
        doc,
        &[
            "aten::Complex.Tensor_float(Tensor x, float y) -> complex",
            "aten::Complex.Tensor_int(Tensor x, int y) -> complex",
            "aten::Complex.Tensor_bool(Tensor x, bool y) -> complex",
        ],
        |x: Tensor, y: Scalar| -> Result<C> { Ok(C::new(part(&x)?, y.to_f64())) },
    );
    each(
        ops,
        doc,
        &[
            "aten::Complex.float_Tensor(float x, Tensor y) -> complex",
            "aten::Complex.int_Tensor(int x, Tensor y) -> complex",
            "aten::Complex.bool_Tensor(bool x, Tensor y) -> complex",
        ],
        |x: Scalar, y: Tensor| -> Result<C> { Ok(C::new(x.to_f64(), part(&y)?)) },
    );
}

fn in_base(i: i64, prefix: &str, digits: impl Fn(u64) -> String) -> String {
    let sign = if i < 0 { "-" } else { "" };
    format!("{sign}{prefix}{}", digits(i.unsigned_abs()))
}

fn texts(ops: &mut Rows) {
    ops.op("aten::bin(int i) -> str")
        .doc("The int in binary.")
        .kernel(|i: i64| in_base(i, "0b", |u| format!("{u:b}")));
    ops.op("aten::oct(int i) -> str")
        .doc("The int in octal.")
        .kernel(|i: i64| in_base(i, "0o", |u| format!("{u:o}")));
    ops.op("aten::hex(int i) -> str")
        .doc("The int in hexadecimal.")
        .kernel(|i: i64| in_base(i, "0x", |u| format!("{u:x}")));
    ops.op("aten::ord(str string) -> int")
        .doc("The byte that the string consists of.")
        .kernel(|s: Arc<str>| match s.as_bytes() {
            [byte] => Ok(*byte as i64),
            other => Err(error(format!(
                "String for ord() must be 1 character, found {}",
                other.len()
            ))),
        });
    ops.op("aten::chr(int i) -> str")
        .doc("The string of one character.")
        .kernel(|i: i64| {
            if !(0..0x10ffff).contains(&i) {
                return Err(error(format!("chr() arg not in range(0x110000), found {i}")));
            }
            // PyTorch keeps the lowest byte, which alone is no text; the character itself is what was meant.
            char::from_u32(i as u32)
                .map(String::from)
                .ok_or_else(|| error(format!("chr() arg is half of a surrogate pair, found {i}")))
        });
}

/// What a tensor must be to stand for a number unasked.
fn checked(t: &Tensor, to_int: bool) -> Result<()> {
    if t.requires_grad() {
        return Err(error(
            "Cannot input a tensor that requires grad as a scalar argument",
        ));
    }
    if t.dim() != 0 {
        return Err(error(
            "Cannot input a tensor of dimension other than 0 as a scalar argument",
        ));
    }
    if to_int
        && !matches!(
            t.dtype(),
            DType::Byte | DType::Char | DType::Short | DType::Int | DType::Long
        )
    {
        return Err(error(format!(
            "Cannot input a tensor of type {} as an integral argument",
            t.dtype().name()
        )));
    }
    Ok(())
}

fn implicit(ops: &mut Rows) {
    let doc = "The number that a 0-d tensor holds.";
    ops.op("aten::IntImplicit(Tensor a) -> int")
        .doc(doc)
        .kernel(|a: Tensor| {
            checked(&a, true)?;
            tensor_to_int(&a)
        });
    ops.op("aten::FloatImplicit(Tensor a) -> float")
        .doc(doc)
        .kernel(|a: Tensor| {
            checked(&a, false)?;
            tensor_to_float(&a)
        });
    ops.op("aten::ComplexImplicit(Tensor a) -> complex")
        .doc(doc)
        .kernel(|a: Tensor| -> Result<C> {
            checked(&a, false)?;
            Ok(only(&a)?.to_complex())
        });
    ops.op("aten::ScalarImplicit(Tensor a) -> Scalar")
        .doc(doc)
        .kernel(|a: Tensor| {
            checked(&a, false)?;
            only(&a)
        });
    ops.op("aten::item(Tensor self) -> Scalar")
        .doc("The tensor's only element.")
        .kernel(|a: Tensor| only(&a));
    ops.op("aten::_local_scalar_dense(Tensor self) -> Scalar")
        .doc("The tensor's only element.")
        .kernel(|a: Tensor| only(&a));
    ops.op("prim::NumToTensor.Scalar(Scalar a) -> Tensor")
        .doc("A 0-d tensor of the number.")
        .kernel(|a: Scalar| match a {
            Scalar::Float(_) => Tensor::scalar_tensor(a, DType::Double),
            Scalar::Complex(_) => Tensor::scalar_tensor(a, DType::ComplexDouble),
            other => Tensor::scalar_tensor(other, other.dtype()),
        });
    ops.op("prim::NumToTensor.bool(bool a) -> Tensor")
        .doc("A 0-d tensor of the bool.")
        .kernel(|a: bool| Tensor::scalar_tensor(a, DType::Bool));
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn numbers_from_text() {
        for (text, expected) in [("12", Ok(12)), (" -3", Ok(-3)), ("+3", Ok(3))] {
            assert_eq!(parse_int(text).map_err(|e| e.message), expected, "{text}");
        }
        for text in ["", "3 ", "1_0", "0x10", "9223372036854775808", "a", "é"] {
            assert!(parse_int(text).is_err(), "{text}");
        }
        for (text, expected) in [
            ("12", 12.0),
            ("-1.5e3", -1500.0),
            ("inf", f64::INFINITY),
            ("0x10", 16.0),
            ("0x1.8p1", 3.0),
            (".5", 0.5),
            ("5.", 5.0),
        ] {
            assert_eq!(parse_float(text).map_err(|e| e.message), Ok(expected), "{text}");
        }
        for text in ["", "1e999", "1e", "abc", "1e-400", "1 ", ".", "é", "0x", "nan(é"] {
            assert!(parse_float(text).is_err(), "{text}");
        }
    }
}
