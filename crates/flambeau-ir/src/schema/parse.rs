//! The schema grammar: types with alias marks, arguments with defaults, results.

use std::fmt;
use std::sync::Arc;

use super::{AliasInfo, Argument, Schema};
use crate::types::Type;
use crate::value::IValue;

/// Why a text is not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub message: String,
    /// Byte position in the text.
    pub at: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at position {}", self.message, self.at)
    }
}
impl std::error::Error for ParseError {}

type Result<T> = std::result::Result<T, ParseError>;

pub fn parse_schema(text: &str) -> Result<Schema> {
    let mut p = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let schema = p.schema()?;
    p.end()?;
    Ok(schema)
}

/// A type in the spelling of schemas and printed graphs, such as `Dict(str, Tensor)?`.
pub fn parse_type(text: &str) -> Result<Type> {
    let mut p = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let ty = p.annotated_type()?.declared;
    p.end()?;
    Ok(ty)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// A type with what may stand between it and the argument's name.
struct Annotated {
    declared: Type,
    size: Option<u32>,
    alias: Option<AliasInfo>,
    element_alias: Option<AliasInfo>,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(ParseError {
            message: message.into(),
            at: self.at,
        })
    }
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }
    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
    fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) {
            Ok(())
        } else {
            self.fail(format!("expected `{token}`"))
        }
    }
    fn end(&mut self) -> Result<()> {
        self.space();
        if self.rest().is_empty() {
            Ok(())
        } else {
            self.fail("expected the end")
        }
    }
    fn take(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let n = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }
    fn word(&mut self) -> Result<&'a str> {
        self.space();
        let word = self.take(|c| c.is_alphanumeric() || c == '_');
        if word.is_empty() {
            self.fail("expected a name")
        } else {
            Ok(word)
        }
    }
    fn dotted(&mut self) -> Result<&'a str> {
        self.space();
        let word = self.take(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if word.is_empty() {
            self.fail("expected a name")
        } else {
            Ok(word)
        }
    }

    fn schema(&mut self) -> Result<Schema> {
        self.space();
        let full = self.take(|c| c.is_alphanumeric() || "_.:".contains(c));
        if full.is_empty() {
            return self.fail("expected the name of an operator");
        }
        let split = full.find("::").map_or(0, |p| p + 2);
        let (name, overload) = match full[split..].split_once('.') {
            // A schema of a method has dots in its name and no namespace.
            Some((n, o)) if split > 0 => (format!("{}{}", &full[..split], n), o.to_string()),
            _ => (full.to_string(), String::new()),
        };
        self.expect("(")?;
        let (arguments, is_vararg) = self.arguments(")")?;
        self.expect("->")?;
        let (returns, is_varret) = if self.eat("...") {
            (Vec::new(), true)
        } else if self.eat("(") {
            self.arguments(")")?
        } else {
            (vec![self.argument(false, true)?], false)
        };
        Ok(Schema {
            name,
            overload,
            arguments,
            returns,
            is_vararg,
            is_varret,
        })
    }

    fn arguments(&mut self, close: &str) -> Result<(Vec<Argument>, bool)> {
        let (mut arguments, mut vararg, mut keyword_only) = (Vec::new(), false, false);
        if self.eat(close) {
            return Ok((arguments, vararg));
        }
        loop {
            if self.eat("...") {
                vararg = true;
            } else if self.eat("*") {
                keyword_only = true;
            } else {
                arguments.push(self.argument(keyword_only, false)?);
            }
            if self.eat(close) {
                return Ok((arguments, vararg));
            }
            self.expect(",")?;
        }
    }

    fn argument(&mut self, keyword_only: bool, is_result: bool) -> Result<Argument> {
        let Annotated {
            declared,
            size,
            alias,
            element_alias,
        } = self.annotated_type()?;
        self.space();
        let has_name = self.rest().starts_with(|c: char| c.is_alphabetic() || c == '_');
        let name = if has_name { self.word()? } else { "" };
        let default = if !is_result && self.eat("=") {
            Some(self.default(&declared, size)?)
        } else {
            None
        };
        let ty = declared.language_type();
        Ok(Argument {
            name: name.into(),
            declared,
            ty,
            size,
            default,
            keyword_only,
            alias,
            element_alias,
        })
    }

    fn annotated_type(&mut self) -> Result<Annotated> {
        self.depth += 1;
        if self.depth > 64 {
            return self.fail("types are nested too deeply");
        }
        let mut ty = self.base_type()?;
        let mut alias = self.alias()?;
        let (mut size, mut element_alias) = (None, None);
        loop {
            if self.rest().starts_with('[') {
                self.at += 1;
                let digits = self.take(|c| c.is_ascii_digit());
                self.expect("]")?;
                size = digits.parse().ok();
                element_alias = alias.take();
                ty = Type::list(ty);
                alias = self.alias()?;
            } else if self.rest().starts_with('?') {
                self.at += 1;
                ty = Type::Optional(Arc::new(ty));
            } else {
                self.depth -= 1;
                return Ok(Annotated {
                    declared: ty,
                    size,
                    alias,
                    element_alias,
                });
            }
        }
    }

    fn alias(&mut self) -> Result<Option<AliasInfo>> {
        if !self.rest().starts_with('(') {
            return Ok(None);
        }
        self.at += 1;
        let set = |p: &mut Self| -> Result<(Vec<Arc<str>>, bool)> {
            let (mut names, mut write) = (Vec::new(), false);
            loop {
                p.space();
                names.push(if p.eat("*") { "*".into() } else { p.word()?.into() });
                write |= p.eat("!");
                if !p.eat("|") {
                    return Ok((names, write));
                }
            }
        };
        let (before, is_write) = set(self)?;
        let after = if self.eat("->") {
            set(self)?.0
        } else {
            before.clone()
        };
        self.expect(")")?;
        Ok(Some(AliasInfo {
            before,
            after,
            is_write,
        }))
    }

    fn one_inside(&mut self, open: &str, close: &str) -> Result<Type> {
        self.expect(open)?;
        let inner = self.annotated_type()?.declared;
        self.expect(close)?;
        Ok(inner)
    }

    fn base_type(&mut self) -> Result<Type> {
        if self.eat("(") {
            let mut elements = Vec::new();
            if !self.eat(")") {
                loop {
                    elements.push(self.annotated_type()?.declared);
                    if self.eat(")") {
                        break;
                    }
                    self.expect(",")?;
                }
            }
            return Ok(Type::tuple(elements));
        }
        let start = self.at;
        let name = self.dotted()?;
        if let Some(plain) = Type::from_plain_name(name) {
            return Ok(plain);
        }
        Ok(match name {
            "Future" if self.rest().starts_with('[') => Type::Future(Arc::new(self.one_inside("[", "]")?)),
            "Future" => Type::Future(Arc::new(self.one_inside("(", ")")?)),
            "Await" => Type::Await(Arc::new(self.one_inside("(", ")")?)),
            "RRef" => Type::RRef(Arc::new(self.one_inside("(", ")")?)),
            "Dict" => {
                self.expect("(")?;
                let key = self.annotated_type()?.declared;
                self.expect(",")?;
                let value = self.annotated_type()?.declared;
                self.expect(")")?;
                Type::dict(key, value)
            }
            "Union" => {
                self.expect("[")?;
                let mut members = Vec::new();
                loop {
                    members.push(self.annotated_type()?.declared);
                    if self.eat("]") {
                        break;
                    }
                    self.expect(",")?;
                }
                Type::union(members)
            }
            // Type variables are single lower-case words; custom classes are dotted.
            v if v == "tVal"
                || v.len() <= 3 && v.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) =>
            {
                Type::var(v)
            }
            custom if custom.contains('.') => Type::Named(custom.into()),
            other => {
                self.at = start;
                return self.fail(format!("unknown type `{other}`"));
            }
        })
    }

    fn default(&mut self, declared: &Type, size: Option<u32>) -> Result<IValue> {
        let inner = declared.optional_inner().unwrap_or(declared);
        self.space();
        if self.rest().starts_with('[') {
            self.at += 1;
            let element = inner.list_element().cloned().unwrap_or(Type::Int);
            let mut items = Vec::new();
            if !self.eat("]") {
                loop {
                    items.push(self.default(&element, None)?);
                    if self.eat("]") {
                        break;
                    }
                    self.expect(",")?;
                }
            }
            return Ok(IValue::list(element.language_type(), items));
        }
        if self.rest().starts_with(['"', '\'']) {
            let quote = self.rest().as_bytes()[0] as char;
            self.at += 1;
            let mut text = String::new();
            let mut chars = self.rest().char_indices();
            while let Some((i, c)) = chars.next() {
                match c {
                    c if c == quote => {
                        self.at += i + 1;
                        return Ok(IValue::str(&text));
                    }
                    '\\' => text.push(match chars.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, 't')) => '\t',
                        Some((_, 'r')) => '\r',
                        Some((_, 'f')) => '\x0c',
                        Some((_, 'v')) => '\x0b',
                        Some((_, other)) => other,
                        None => break,
                    }),
                    c => text.push(c),
                }
            }
            return self.fail("unterminated string");
        }
        let word = self.take(|c| c.is_alphanumeric() || "_.+-".contains(c));
        let scalar = |text: &str| -> Option<IValue> {
            Some(match (text, inner.list_element().unwrap_or(inner)) {
                ("None", _) => IValue::None,
                ("True", _) => IValue::Bool(true),
                ("False", _) => IValue::Bool(false),
                ("Mean", _) => IValue::Int(1),
                ("contiguous_format", _) => IValue::Int(0),
                ("strided", _) => IValue::Int(0),
                ("long", _) => IValue::Int(4),
                ("inf", _) => IValue::Double(f64::INFINITY),
                ("-inf", _) => IValue::Double(f64::NEG_INFINITY),
                ("nan", _) => IValue::Double(f64::NAN),
                (text, Type::Float) => IValue::Double(text.parse().ok()?),
                (text, _) => match text.parse::<i64>() {
                    Ok(i) => IValue::Int(i),
                    Err(_) => IValue::Double(text.parse().ok()?),
                },
            })
        };
        let Some(value) = scalar(word) else {
            return self.fail(format!("`{word}` is not a default value"));
        };
        // `int[2] stride=1` means [1, 1].
        match (inner, size) {
            (Type::List(element), Some(n)) if !matches!(value, IValue::None) => {
                Ok(IValue::list(element.language_type(), vec![value; n as usize]))
            }
            _ => Ok(value),
        }
    }
}
