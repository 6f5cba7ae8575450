//! Enough JSON for `model.json`: strict, with a bounded depth. Numbers keep their text, because 64-bit integers may come
//! as numbers or as strings.

use crate::{Error, Result};

const DEPTH: usize = 512;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn parse(text: &str) -> Result<Json> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.at != text.len() {
            return Err(parser.expected("the end"));
        }
        Ok(value)
    }

    /// A member of an object; `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
            .filter(|v| **v != Json::Null)
    }

    pub fn describe(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn expected(&self, what: &str) -> Error {
        Error::corrupt(format!("expected {what} at byte {} of the JSON text", self.at))
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > DEPTH {
            return Err(Error::limit(format!(
                "the JSON text nests deeper than the allowed {DEPTH}"
            )));
        }
        self.space();
        match self.rest().first() {
            Some(b'{') => {
                self.at += 1;
                let mut members = Vec::new();
                if self.eat(b'}') {
                    return Ok(Json::Object(members));
                }
                loop {
                    self.space();
                    let key = self.string()?;
                    if !self.eat(b':') {
                        return Err(self.expected("`:`"));
                    }
                    members.push((key, self.value(depth + 1)?));
                    if self.eat(b'}') {
                        return Ok(Json::Object(members));
                    }
                    if !self.eat(b',') {
                        return Err(self.expected("`,` or `}`"));
                    }
                }
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                if self.eat(b']') {
                    return Ok(Json::Array(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    if self.eat(b']') {
                        return Ok(Json::Array(items));
                    }
                    if !self.eat(b',') {
                        return Err(self.expected("`,` or `]`"));
                    }
                }
            }
            Some(b'"') => self.string().map(Json::String),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'-' | b'0'..=b'9') => {
                let len = self
                    .rest()
                    .iter()
                    .take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                let text = &self.text[self.at..self.at + len];
                if text.parse::<f64>().is_err() {
                    return Err(self.expected("a number"));
                }
                self.at += len;
                Ok(Json::Number(text.to_owned()))
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn string(&mut self) -> Result<String> {
        if self.rest().first() != Some(&b'"') {
            return Err(self.expected("a string"));
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain = self
                .rest()
                .iter()
                .take_while(|&&b| b != b'"' && b != b'\\' && b >= 0x20)
                .count();
            // Stops before an ASCII byte, so on a character boundary.
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(out);
                }
                [b'\\', escape, ..] => {
                    let escape = *escape;
                    self.at += 2;
                    out.push(match escape {
                        b'"' | b'\\' | b'/' => char::from(escape),
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.unicode()?,
                        _ => return Err(self.expected("an escape")),
                    });
                }
                _ => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.expected("a character"))
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.rest().get(..4).and_then(|d| std::str::from_utf8(d).ok());
        let value = digits
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u32::from_str_radix(d, 16).ok())
            .ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    fn check(text: &str, expected: &str) {
        let found = match Json::parse(text) {
            Ok(value) => format!("{value:?}"),
            Err(e) => e.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values() {
        check("null", "Null");
        check(" [ 1 , -2.5e3 ] ", r#"Array([Number("1"), Number("-2.5e3")])"#);
        check(
            r#"{"a": {}, "b": [true, false]}"#,
            r#"Object([("a", Object([])), ("b", Array([Bool(true), Bool(false)]))])"#,
        );
        check(r#""\u00e4\ud83d\ude00\n\/ü""#, r#"String("ä😀\n/ü")"#);
    }

    #[test]
    fn refusals() {
        check("", "expected a value at byte 0 of the JSON text");
        check("[1 2]", "expected `,` or `]` at byte 3 of the JSON text");
        check(r#"{"a" 1}"#, "expected `:` at byte 5 of the JSON text");
        check(r#""\ud83d""#, "expected a character at byte 7 of the JSON text");
        check(
            r#""\u+123""#,
            "expected four hexadecimal digits at byte 3 of the JSON text",
        );
        check(
            "\"a\nb\"",
            "expected the end of a string at byte 2 of the JSON text",
        );
        check("1e", "expected a number at byte 0 of the JSON text");
        check("nul", "expected a value at byte 0 of the JSON text");
        check("1 1", "expected the end at byte 2 of the JSON text");
        check(
            &"[".repeat(100_000),
            "the JSON text nests deeper than the allowed 512",
        );
    }
}
