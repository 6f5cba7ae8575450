//! Values as text: as literals in schemas, graphs and code, and as `repr` shows them. How
//! `print()` shows tensors belongs to the tensor crate.

use flambeau_tensor::Tensor;

use super::IValue;
use crate::types::Type;

/// C's `%.17g`.
pub fn g17(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() {
            "-0".into()
        } else {
            "0".into()
        };
    }
    let text = format!("{value:.16e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..17).contains(&exponent) {
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let fixed = format!("{value:.*}", (16 - exponent).max(0) as usize);
    if fixed.contains('.') {
        fixed.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        fixed
    }
}

/// A float as TorchScript writes it: `1.`, `0.10000000000000001`, `inf`.
pub fn float(value: f64) -> String {
    if value.is_finite()
        && (value.is_normal() || value == 0.0)
        && value.abs() < 1e10
        && value.trunc() == value
    {
        let sign = if value == 0.0 && value.is_sign_negative() {
            "-"
        } else {
            ""
        };
        return format!("{sign}{}.", value as i64);
    }
    g17(value)
}

/// A complex number as TorchScript writes it: `1.+2.j`.
pub fn complex(value: num_complex::Complex64) -> String {
    let imaginary = float(value.im);
    let sign = if imaginary.starts_with('-') { "" } else { "+" };
    // A zero's sign is not shown in the real part.
    let real = if value.re == 0.0 { 0.0 } else { value.re };
    format!("{}{sign}{imaginary}j", float(real))
}

/// A string in double quotes with C escapes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for &byte in text.as_bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\'' => out.push_str("\\'"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            0x0b => out.push_str("\\v"),
            0x0c => out.push_str("\\f"),
            0x20..=0x7e => out.push(byte as char),
            // Bytes outside ASCII are written as three octal digits.
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out.push('"');
    out
}

/// Whether a container's type can be read off its members; otherwise it needs an annotation.
pub fn is_inferable(element: &Type) -> bool {
    !matches!(
        element,
        Type::Union(_) | Type::Optional(_) | Type::Number | Type::Interface(_) | Type::Any
    )
}

/// A value as it stands in a schema's default or a graph's constant.
pub fn literal(value: &IValue) -> String {
    match value {
        IValue::Str(s) => quoted(s),
        // What the processor makes of `inf - inf` has the sign bit set, and C's formatting shows it.
        IValue::Double(f) if f.is_nan() && f.is_sign_negative() => "-nan".into(),
        other => write(other, &literal, &|_| "<Tensor>".into()),
    }
}

/// A value for debugging and error messages: strings quoted, tensors by shape.
pub fn repr(value: &IValue) -> String {
    match value {
        IValue::Str(s) => quoted(s),
        other => write(other, &repr, &|t| {
            let sizes: Vec<String> = t.sizes().iter().map(|d| d.to_string()).collect();
            format!("{}[{}]", t.dtype().name(), sizes.join(", "))
        }),
    }
}

/// A value as `print` and `str` show it: strings bare at every depth, tensors with their numbers.
pub fn display(value: &IValue) -> String {
    match value {
        IValue::Double(f) => display_float(*f),
        IValue::Complex(c) => {
            let imaginary = display_float(c.im);
            let sign = if imaginary.starts_with('-') { "" } else { "+" };
            format!("{}{sign}{imaginary}j", display_float(c.re))
        }
        other => write(other, &display, &|t| {
            flambeau_tensor::print::format(t).unwrap_or_else(|error| error.to_string())
        }),
    }
}

/// As [`float`], but whole numbers of any size keep their digits, and zero loses its sign.
fn display_float(value: f64) -> String {
    let whole = value as i64;
    if (value.is_normal() || value == 0.0) && whole as f64 == value && whole != i64::MAX {
        return format!("{whole}.");
    }
    if value.is_nan() && value.is_sign_negative() {
        return "-nan".into();
    }
    g17(value)
}

/// The common shape of every spelling: containers around `item`, tensors through `tensor`.
pub fn write(value: &IValue, item: &dyn Fn(&IValue) -> String, tensor: &dyn Fn(&Tensor) -> String) -> String {
    let join = |items: &[IValue]| items.iter().map(item).collect::<Vec<_>>().join(", ");
    match value {
        IValue::None => "None".into(),
        IValue::Bool(b) => if *b { "True" } else { "False" }.into(),
        IValue::Int(i) => i.to_string(),
        IValue::Double(f) => float(*f),
        IValue::Complex(c) => complex(*c),
        IValue::Str(s) => s.to_string(),
        IValue::Tensor(t) => tensor(t),
        IValue::Tuple(t) if t.items.len() == 1 => format!("({},)", item(&t.items[0])),
        IValue::Tuple(t) => format!("({})", join(&t.items)),
        IValue::List(l) => format!("[{}]", join(&l.to_vec())),
        IValue::Dict(d) => {
            let pairs: Vec<String> = d
                .pairs()
                .iter()
                .map(|(k, v)| format!("{}: {}", item(k), item(v)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        IValue::Object(o) => format!("<{} object at 0x{:x}>", o.class().name, o.address()),
        IValue::Enum(e) => {
            let class = e.class.name.rsplit('.').next().unwrap_or_default();
            format!("Enum<{class}.{}>", e.name)
        }
        IValue::Device(d) => d.to_string(),
        IValue::Generator(_) => "Generator".into(),
        IValue::Future(_) => "<Future>".into(),
        IValue::Function(f) => f.name().to_string(),
        IValue::Capsule(_) => "<Capsule>".into(),
        IValue::Uninitialized => "Uninitialized".into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn floats() {
        let check = |value: f64, expected: &str| assert_eq!(super::float(value), expected);
        check(1.0, "1.");
        check(-0.0, "-0.");
        check(0.1, "0.10000000000000001");
        check(1e-5, "1.0000000000000001e-05");
        check(1e-8, "1e-08");
        check(1e10, "10000000000");
        check(1e17, "1e+17");
        check(0.333_333_333_333_333_3, "0.33333333333333331");
        check(123456.789, "123456.789");
        check(f64::NEG_INFINITY, "-inf");
    }
}
