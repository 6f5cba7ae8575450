//! `str`, `format` and the `%` operator.

use flambeau_ir::ops::Rows;
use flambeau_ir::value::{IValue, print};
use flambeau_tensor::Result;

use super::error;

/// A value as `print` and `str` show it.
pub fn text(value: &IValue) -> String {
    print::display(value)
}

pub fn declare(ops: &mut Rows) {
    ops.op("aten::str(t elem) -> str")
        .doc("The value as text.")
        .kernel(|elem: IValue| text(&elem));
    ops.op("aten::format(str self, ...) -> str")
        .doc("Each `{}` of the string replaced by the next argument.")
        .kernel(|_: &flambeau_ir::ops::Context, args: &[IValue]| format(args));
    ops.op("aten::percentFormat(str self, ...) -> str")
        .doc("Each `%d`, `%i`, `%s`, `%f`, `%e`, `%c` of the string replaced by the next argument.")
        .kernel(|_: &flambeau_ir::ops::Context, args: &[IValue]| percent(args));
    ops.op("aten::_print(str s) -> ()")
        .doc("Writes the string.")
        .kernel(|ctx: &flambeau_ir::ops::Context, s: std::sync::Arc<str>| (ctx.stdout)(&s));
}

fn template(args: &[IValue]) -> Result<(&str, &[IValue])> {
    match args {
        [IValue::Str(s), rest @ ..] => Ok((s, rest)),
        _ => Err(error("expected a format string")),
    }
}

fn format(args: &[IValue]) -> Result<String> {
    let (template, mut values) = template(args)?;
    let mut out = String::new();
    let mut rest = template;
    while let Some(place) = rest.find("{}") {
        let Some((value, others)) = values.split_first() else {
            return Err(error(format!("Too few arguments for format string: {template}")));
        };
        out.push_str(&rest[..place]);
        out.push_str(&text(value));
        values = others;
        rest = &rest[place + 2..];
    }
    // Arguments without a slot are dropped.
    out.push_str(rest);
    Ok(out)
}

fn kind(value: &IValue) -> String {
    match value {
        IValue::Str(_) => "String".into(),
        IValue::Double(_) => "Double".into(),
        IValue::Int(_) => "Int".into(),
        IValue::Bool(_) => "Bool".into(),
        IValue::Complex(_) => "ComplexDouble".into(),
        IValue::None => "None".into(),
        IValue::List(_) => "GenericList".into(),
        IValue::Dict(_) => "GenericDict".into(),
        other => other.type_name(),
    }
}

/// C's `%e` with six digits.
fn exponent(value: f64) -> String {
    if !value.is_finite() {
        return print::g17(value);
    }
    let text = format!("{value:.6e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!(
        "{mantissa}e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    )
}

fn fixed(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.6}")
    } else {
        print::g17(value)
    }
}

fn percent(args: &[IValue]) -> Result<String> {
    let (template, values) = template(args)?;
    // A tuple as the only argument gives the arguments.
    let unpacked: Vec<IValue> = match values {
        [IValue::Tuple(t)] => t.items.to_vec(),
        values => values.to_vec(),
    };
    let mut values = unpacked.iter();
    let mut out = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(specifier) = chars.next() else {
            return Err(error("Incomplete format specifier"));
        };
        if specifier == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            return Err(error("Too few arguments for format string"));
        };
        let wants = |what: &str| {
            error(format!(
                "%{specifier} requires {what} for formatting, but got {}",
                kind(value)
            ))
        };
        match (specifier, value) {
            ('d' | 'i', IValue::Int(i)) => out.push_str(&i.to_string()),
            ('d' | 'i', IValue::Double(f)) => out.push_str(&super::convert::truncate(*f).to_string()),
            ('d' | 'i', _) => return Err(wants("a number")),
            ('e' | 'E', IValue::Int(_) | IValue::Double(_)) => {
                let number = value.as_scalar().map_or(0.0, |s| s.to_f64());
                let text = exponent(number);
                out.push_str(&if specifier == 'E' {
                    text.to_uppercase()
                } else {
                    text
                });
            }
            ('e' | 'E', _) => return Err(wants("a number")),
            ('f' | 'F', IValue::Int(_) | IValue::Double(_)) => {
                out.push_str(&fixed(value.as_scalar().map_or(0.0, |s| s.to_f64())));
            }
            ('f' | 'F', _) => return Err(wants("a number")),
            ('c', IValue::Int(i)) => out.push(char::from(*i as u8)),
            ('c', IValue::Str(s)) if s.len() == 1 => out.push_str(s),
            ('c', _) => return Err(wants("an int or char")),
            ('s', value) => out.push_str(&text(value)),
            (other, _) => {
                return Err(error(format!(
                    "The specifier %{other} is not supported in TorchScript format strings"
                )));
            }
        }
    }
    if values.next().is_some() {
        return Err(error("Too many arguments for format string"));
    }
    Ok(out)
}

#[cfg(test)]
mod unit {
    use super::*;

    fn check(template: &str, args: &[IValue], expected: Result<&str, &str>) {
        let mut all = vec![IValue::str(template)];
        all.extend_from_slice(args);
        let made = if template.contains('%') {
            percent(&all)
        } else {
            format(&all)
        };
        assert_eq!(
            made.as_deref().map_err(|e| e.message.as_str()),
            expected,
            "{template}"
        );
    }

    #[test]
    fn slots() {
        let (one, half) = (IValue::Int(1), IValue::Double(0.5));
        check("{} {{}} {", &[one.clone(), IValue::Int(0)], Ok("1 {0} {"));
        check(
            "{} {}",
            std::slice::from_ref(&one),
            Err("Too few arguments for format string: {} {}"),
        );
        check("{0} {:.2f}", &[one.clone()], Ok("{0} {:.2f}"));
        check(
            "%d %f %e %%",
            &[one.clone(), half.clone(), half.clone()],
            Ok("1 0.500000 5.000000e-01 %"),
        );
        check(
            "%d",
            &[IValue::str("x")],
            Err("%d requires a number for formatting, but got String"),
        );
        check(
            "%g",
            &[half],
            Err("The specifier %g is not supported in TorchScript format strings"),
        );
        check("%", &[one], Err("Incomplete format specifier"));
    }
}
