//! Tensors as TorchScript's `print` shows them: the C++ style of PyTorch, with widths, scale factors and the
//! `[ CPUFloatType{2,3} ]` line below.

use crate::{Result, Scalar, Tensor};

/// Columns that a line may take.
const LINE: usize = 80;

/// The text of a tensor, without a newline at the end.
pub fn format(tensor: &Tensor) -> Result<String> {
    let mut out = String::new();
    let values = Values::of(tensor)?;
    match tensor.sizes() {
        [] => {
            match tensor.item() {
                Ok(Scalar::Int(i)) => out.push_str(&i.to_string()),
                _ => out.push_str(&shortest(values.data.first().copied().unwrap_or(0.0))),
            }
            out.push('\n');
        }
        [n] if *n > 0 => {
            let style = Style::of(&values.data);
            if style.scale != 1.0 {
                style.header(&mut out);
            }
            for &v in &values.data {
                style.number(v, &mut out);
                out.push('\n');
            }
        }
        [rows, columns] if rows * columns > 0 => {
            matrix(&values.data, *rows as usize, *columns as usize, 0, &mut out);
        }
        sizes if sizes.len() > 2 && tensor.numel() > 0 => planes(&values.data, sizes, &mut out),
        _ => {}
    }
    let sizes: Vec<String> = tensor.sizes().iter().map(i64::to_string).collect();
    out.push_str(&format!(
        "[ CPU{}Type{{{}}} ]",
        tensor.dtype().name(),
        sizes.join(",")
    ));
    Ok(out)
}

/// The elements in row-major order, as doubles: all formatting is done on those.
struct Values {
    data: Vec<f64>,
}

impl Values {
    fn of(tensor: &Tensor) -> Result<Values> {
        let real = |s| match s {
            Scalar::Complex(c) => c.re,
            other => other.to_f64(),
        };
        Ok(Values {
            data: tensor.to_scalars()?.into_iter().map(real).collect(),
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Notation {
    /// C++'s default: six significant digits.
    General,
    Fixed,
    Scientific,
}

#[derive(Clone, Copy)]
struct Style {
    scale: f64,
    width: usize,
    notation: Notation,
}

impl Style {
    /// One style for all numbers that are shown together.
    fn of(data: &[f64]) -> Style {
        let whole = data.iter().all(|v| !v.is_finite() || *v == v.ceil());
        let finite: Vec<f64> = data.iter().copied().filter(|v| v.is_finite()).collect();
        let (mut least, mut most) = (1.0, 1.0);
        if let Some(first) = finite.first() {
            least = finite.iter().fold(first.abs(), |a, v| a.min(v.abs()));
            most = finite.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            let exponent = |v: f64| if v != 0.0 { v.log10().floor() + 1.0 } else { 1.0 };
            (least, most) = (exponent(least), exponent(most));
        }
        let style = |scale, width, notation| Style {
            scale,
            width,
            notation,
        };
        if whole {
            return if most > 9.0 {
                style(1.0, 11, Notation::Scientific)
            } else {
                style(1.0, most as usize + 1, Notation::General)
            };
        }
        if most - least > 4.0 {
            let wide = most.abs() > 99.0 || least.abs() > 99.0;
            style(1.0, if wide { 12 } else { 11 }, Notation::Scientific)
        } else if !(0.0..=5.0).contains(&most) {
            style(10f64.powf(most - 1.0), 7, Notation::Fixed)
        } else if most == 0.0 {
            style(1.0, 7, Notation::Fixed)
        } else {
            style(1.0, most as usize + 6, Notation::Fixed)
        }
    }

    /// `1e+06 *`
    fn header(&self, out: &mut String) {
        out.push_str(&general(self.scale));
        out.push_str(" *\n");
    }

    fn number(&self, value: f64, out: &mut String) {
        let v = value / self.scale;
        let text = if v.is_nan() {
            "nan".to_string()
        } else if v.is_infinite() {
            if v > 0.0 { "inf" } else { "-inf" }.to_string()
        } else {
            match self.notation {
                Notation::General => general(v),
                Notation::Fixed => format!("{v:.4}"),
                Notation::Scientific => scientific(v, 4),
            }
        };
        out.push_str(&" ".repeat(self.width.saturating_sub(text.len())));
        out.push_str(&text);
    }
}

/// C's `%.Ne`.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

/// C's `%g`.
fn general(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let text = scientific(value, 5);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |s: &str| match s.contains('.') {
        true => s.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => s.to_string(),
    };
    if (-4..6).contains(&exponent) {
        return trim(&format!("{value:.*}", (5 - exponent).max(0) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

/// As few digits as tell the value from its neighbours: how a single number is shown.
fn shortest(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return general(value);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn matrix(data: &[f64], rows: usize, columns: usize, indent: usize, out: &mut String) {
    let style = Style::of(data);
    // The first line goes without: that is PyTorch's way.
    let margin = " ".repeat(indent);
    let per_line = ((LINE - indent) / (style.width + 1)).max(1);
    let mut first = 0;
    while first < columns {
        let last = (first + per_line).min(columns);
        if per_line < columns {
            if first != 0 {
                out.push('\n');
            }
            // PyTorch does not break the line here.
            out.push_str(&format!("Columns {} to {last}{margin}", first + 1));
        }
        if style.scale != 1.0 {
            style.header(out);
            out.push_str(&margin);
        }
        for row in 0..rows {
            for column in first..last {
                style.number(data[row * columns + column], out);
                out.push(if column + 1 == last { '\n' } else { ' ' });
            }
            if row + 1 != rows {
                out.push_str(&margin);
                if style.scale != 1.0 {
                    out.push(' ');
                }
            }
        }
        first = last;
    }
}

/// Three and more dimensions: one matrix for each index of the leading ones, the first index fastest.
fn planes(data: &[f64], sizes: &[i64], out: &mut String) {
    let outer = &sizes[..sizes.len() - 2];
    let (rows, columns) = (sizes[sizes.len() - 2] as usize, sizes[sizes.len() - 1] as usize);
    let count: i64 = outer.iter().product();
    let mut counter = vec![0i64; outer.len()];
    for plane in 0..count {
        if plane > 0 {
            out.push('\n');
        }
        let at = counter.iter().zip(outer).fold(0, |at, (i, n)| at * n + i) as usize * rows * columns;
        out.push('(');
        counter.iter().for_each(|i| out.push_str(&format!("{},", i + 1)));
        out.push_str(".,.) = \n");
        matrix(&data[at..at + rows * columns], rows, columns, 1, out);
        for (i, n) in counter.iter_mut().zip(outer) {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Complex, Element, Tensor};

    fn check<T: Element>(data: &[T], sizes: &[i64], expected: &str) {
        let tensor = Tensor::from_slice(data, sizes).unwrap();
        assert_eq!(super::format(&tensor).unwrap(), expected);
    }

    #[test]
    fn as_recorded_from_pytorch() {
        check(&[1.5f32], &[], "1.5\n[ CPUFloatType{} ]");
        check(&[123456789i64], &[], "123456789\n[ CPULongType{} ]");
        check(&[0.1f32], &[], "0.10000000149011612\n[ CPUFloatType{} ]");
        check(&[1e20f32], &[], "1.0000000200408773e+20\n[ CPUFloatType{} ]");
        check(&[1i64, -200, 30], &[3], "   1\n-200\n  30\n[ CPULongType{3} ]");
        check(&[0i64, 1, 2], &[3], " 0\n 1\n 2\n[ CPULongType{3} ]");
        check(
            &[0i64, 1000, 2000, 3000, 4000, 5000],
            &[2, 3],
            "    0  1000  2000\n 3000  4000  5000\n[ CPULongType{2,3} ]",
        );
        check(
            &[1.5f32, 2.25, -3.0],
            &[3],
            " 1.5000\n 2.2500\n-3.0000\n[ CPUFloatType{3} ]",
        );
        check(
            &[1e-5f32, 1.0],
            &[2],
            " 1.0000e-05\n 1.0000e+00\n[ CPUFloatType{2} ]",
        );
        check(
            &[123456.5f32, 200000.25],
            &[2],
            "100000 *\n 1.2346\n 2.0000\n[ CPUFloatType{2} ]",
        );
        check(
            &[0.001f32, 0.002],
            &[2],
            "0.001 *\n 1.0000\n 2.0000\n[ CPUFloatType{2} ]",
        );
        check(
            &[f32::NAN, 1.5, f32::INFINITY],
            &[3],
            "    nan\n 1.5000\n    inf\n[ CPUFloatType{3} ]",
        );
        check(
            &[1e-120f64, 1.0],
            &[2],
            " 1.0000e-120\n  1.0000e+00\n[ CPUDoubleType{2} ]",
        );
        check(
            &[Complex::new(1f32, 2.0), Complex::new(3.0, 4.5)],
            &[2],
            " 1\n 3\n[ CPUComplexFloatType{2} ]",
        );
        check::<f32>(&[], &[2, 0], "[ CPUFloatType{2,0} ]");
        let ones = vec![1f32; 8];
        check(
            &ones,
            &[2, 1, 2, 2],
            "(1,1,.,.) = \n 1  1\n  1  1\n\n(2,1,.,.) = \n 1  1\n  1  1\n[ CPUFloatType{2,1,2,2} ]",
        );
        let wide: Vec<i64> = (0..60).collect();
        let text = super::format(&Tensor::from_slice(&wide, &[2, 30]).unwrap()).unwrap();
        assert!(text.starts_with("Columns 1 to 20  0   1   2"), "{text}");
        assert!(text.contains("48  49\n\nColumns 21 to 30 20  21"), "{text}");
    }
}
