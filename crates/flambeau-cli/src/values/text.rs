//! Values as Python writes them.

use super::{Literal, Reader, Result, dtype, make};
use flambeau_tensor::DType;

const DEPTH: usize = 200;

/// Reads a whole text; made tensors and files may stand wherever a value may.
pub fn parse(text: &str, reader: &mut Reader) -> Result<Literal> {
    whole(Parser {
        text,
        at: 0,
        reader: Some(reader),
    })
}

/// Reads plain data: numbers, strings and containers.
pub fn parse_data(text: &str) -> Result<Literal> {
    whole(Parser {
        text,
        at: 0,
        reader: None,
    })
}

fn whole(mut parser: Parser) -> Result<Literal> {
    let value = parser.value(0)?;
    parser.space();
    if parser.rest().is_empty() {
        Ok(value)
    } else {
        Err(parser.error("the end"))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    reader: Option<&'a mut Reader>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.space();
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn error(&self, expected: &str) -> String {
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() {
            "the end".to_owned()
        } else {
            format!("`{found}`")
        };
        let text: String = self.text.chars().take(80).collect();
        format!("expected {expected}, found {found} in `{text}`")
    }

    fn value(&mut self, depth: usize) -> Result<Literal> {
        if depth > DEPTH {
            return Err(format!("the value nests deeper than the allowed {DEPTH}"));
        }
        self.space();
        // Inside of a list, as in `[a.npy, b.npy]`.
        if self.reader.is_some() && !self.rest().starts_with(['"', '\'', '[', '(', '{', '@']) {
            let (start, word) = (self.at, self.word().to_owned());
            if super::file_kind(super::split_options(&word).0).is_some()
                && let Some(reader) = self.reader.as_mut()
            {
                return reader.read_file(&word);
            }
            self.at = start;
        }
        match self.rest().chars().next() {
            Some('[') => self.sequence(']', depth).map(|(items, _)| Literal::List(items)),
            Some('(') => {
                let (mut items, comma) = self.sequence(')', depth)?;
                Ok(if items.len() == 1 && !comma {
                    items.remove(0)
                } else {
                    Literal::Tuple(items)
                })
            }
            Some('{') => self.dict(depth),
            Some('"' | '\'') => self.string().map(Literal::Str),
            Some(c) if c.is_ascii_digit() || matches!(c, '.' | '+' | '-') => self.number(),
            Some('@') => {
                self.at += 1;
                let path = if self.rest().starts_with(['"', '\'']) {
                    self.string()?
                } else {
                    self.word().to_owned()
                };
                match self.reader.as_mut() {
                    Some(reader) => reader.read_file(&path),
                    None => Err("a file cannot be named here".into()),
                }
            }
            Some(_) => self.name(depth),
            None => Err(self.error("a value")),
        }
    }

    /// The items up to the closing bracket, and whether a comma came last.
    fn sequence(&mut self, close: char, depth: usize) -> Result<(Vec<Literal>, bool)> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), true);
        while !self.eat(close) {
            if !comma {
                return Err(self.error(&format!("`,` or `{close}`")));
            }
            items.push(self.value(depth + 1)?);
            comma = self.eat(',');
        }
        Ok((items, comma))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), true);
        while !self.eat('}') {
            if !comma {
                return Err(self.error("`,` or `}`"));
            }
            let key = self.value(depth + 1)?;
            if !self.eat(':') {
                return Err(self.error("`:`"));
            }
            items.push((key, self.value(depth + 1)?));
            comma = self.eat(',');
        }
        Ok(Literal::Dict(items))
    }

    fn string(&mut self) -> Result<String> {
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            if Some(c) == quote {
                self.at += at + 1;
                return Ok(out);
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            let escape = chars.next().map(|(_, c)| c);
            let mut hex = |digits: usize| {
                let code: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                let complete = code.len() == digits && code.bytes().all(|b| b.is_ascii_hexdigit());
                if complete {
                    u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
                } else {
                    None
                }
            };
            let decoded = match escape {
                Some('n') => Some('\n'),
                Some('t') => Some('\t'),
                Some('r') => Some('\r'),
                Some('0') => Some('\0'),
                Some(c @ ('\\' | '\'' | '"')) => Some(c),
                Some('x') => hex(2),
                Some('u') => hex(4),
                Some('U') => hex(8),
                _ => None,
            };
            out.push(decoded.ok_or_else(|| self.error("a string with escapes that Python knows"))?);
        }
        Err(self.error("a string with an end"))
    }

    fn number(&mut self) -> Result<Literal> {
        let first = self.real()?;
        if self.eat_imaginary() {
            return Ok(Literal::Complex(0.0, first.to_f64()));
        }
        if self.rest().starts_with(['+', '-']) {
            let before = self.at;
            let second = self.real()?;
            if self.eat_imaginary() {
                return Ok(Literal::Complex(first.to_f64(), second.to_f64()));
            }
            self.at = before;
            return Err(self.error("the end of a number"));
        }
        Ok(match first {
            Real::Int(i) => Literal::Int(i),
            Real::Float(f) => Literal::Float(f),
        })
    }

    fn eat_imaginary(&mut self) -> bool {
        let found = self.rest().starts_with('j');
        self.at += usize::from(found);
        found
    }

    fn real(&mut self) -> Result<Real> {
        let bytes = self.rest().as_bytes();
        let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
        let mut end = sign;
        if bytes[sign..].starts_with(b"inf") || bytes[sign..].starts_with(b"nan") {
            end += 3;
        } else {
            while let Some(&b) = bytes.get(end) {
                let exponent_sign =
                    matches!(b, b'+' | b'-') && end > sign && matches!(bytes[end - 1], b'e' | b'E');
                if b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'e' | b'E') || exponent_sign {
                    end += 1;
                } else {
                    break;
                }
            }
        }
        let text = self.rest()[..end].replace('_', "");
        let value = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(int), _) => Real::Int(int),
            (_, Ok(float)) if text.contains(['.', 'e', 'E', 'i', 'n']) => Real::Float(float),
            (_, Ok(_)) => return Err(format!("`{text}` does not fit in an int of 64 bits")),
            _ => return Err(self.error("a number")),
        };
        self.at += end;
        Ok(value)
    }

    /// Everything up to what may follow a value.
    fn word(&mut self) -> &str {
        let start = self.at;
        let rest = &self.text[start..];
        self.at += rest
            .find(|c: char| c.is_whitespace() || ",])}('\"".contains(c))
            .unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn name(&mut self, depth: usize) -> Result<Literal> {
        let start = self.at;
        let word = self.word().to_owned();
        match word.as_str() {
            // Keys of a dict end at the colon.
            "None" | "none" | "null" => return Ok(Literal::None),
            "True" | "true" => return Ok(Literal::Bool(true)),
            "False" | "false" => return Ok(Literal::Bool(false)),
            "inf" => return Ok(Literal::Float(f64::INFINITY)),
            "nan" => return Ok(Literal::Float(f64::NAN)),
            "tensor" | "torch.tensor" if self.rest().starts_with('(') => return self.tensor(depth),
            _ => {}
        }
        if let Some(dtype) = word.strip_prefix("torch.").and_then(DType::from_name) {
            return Ok(Literal::Int(dtype.code())); // what a dtype is to a program
        }
        if let Some(reader) = self.reader.as_mut()
            && let Some(made) = make::parse(&word, &mut reader.generator)
        {
            return made.map(Literal::Tensor).map_err(|e| format!("`{word}`: {e}"));
        }
        self.at = start;
        let hint = if word.is_empty() {
            String::new()
        } else {
            format!("; a string needs quotes, as in '\"{word}\"'")
        };
        Err(self.error("a value") + &hint)
    }

    /// `tensor(values)` or `tensor(values, dtype)`.
    fn tensor(&mut self, depth: usize) -> Result<Literal> {
        self.at += 1;
        let values = self.value(depth + 1)?;
        let mut kind = None;
        if self.eat(',') {
            self.space();
            let word = self.word().to_owned();
            let name = word.strip_prefix("dtype=").unwrap_or(&word);
            kind = Some(dtype(name).ok_or_else(|| format!("`{name}` is not a dtype"))?);
        }
        if !self.eat(')') {
            return Err(self.error("`)`"));
        }
        values.to_tensor(kind).map(Literal::Tensor)
    }
}

#[derive(Clone, Copy)]
enum Real {
    Int(i64),
    Float(f64),
}

impl Real {
    fn to_f64(self) -> f64 {
        match self {
            Real::Int(i) => i as f64,
            Real::Float(f) => f,
        }
    }
}
