//! Graphs from text: the inverse of printing. What the text does not hold cannot come back: the elements of tensors
//! printed as `<Tensor>` (an empty tensor stands for them), the bodies of functions, and places in source files.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_tensor::{DType, Scalar, Tensor};
use num_complex::Complex64;

use super::Attr;
use super::graph::{BlockId, Graph, NodeId, ValueId};
use crate::function::Function;
use crate::types::{NamedTupleInfo, TensorInfo, Type};
use crate::value::{Dict, IValue};

/// Where and why a text is no graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// 1-based line of the text.
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}
impl std::error::Error for ParseError {}

type Result<T> = std::result::Result<T, ParseError>;

/// What qualified names of classes, interfaces and enums stand for.
pub type FindType<'a> = &'a dyn Fn(&str) -> Option<Type>;

impl Graph {
    /// Reads a graph; classes become [`Type::Named`].
    pub fn parse(text: &str) -> Result<Graph> {
        Graph::parse_with(text, &|_| None)
    }

    pub fn parse_with(text: &str, find: FindType) -> Result<Graph> {
        let mut parser = Parser {
            text,
            at: 0,
            find,
            depth: 0,
        };
        let graph = parser.graph()?;
        parser.space();
        match parser.rest() {
            "" => Ok(graph),
            _ => parser.fail("expected the end of the text"),
        }
    }
}

/// Blocks, types and values may nest this deep.
const MAX_DEPTH: usize = 200;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    find: FindType<'a>,
    depth: usize,
}

/// The graph being read and its names so far.
struct Scope {
    g: Graph,
    values: HashMap<String, ValueId>,
    /// Nodes whose subgraph comes after this graph, by the name it will have.
    subgraphs: Vec<(String, NodeId)>,
}

impl<'a> Parser<'a> {
    // ---- characters ----------------------------------------------------------------------------

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        let line = self.text[..self.at].matches('\n').count() + 1;
        Err(ParseError {
            line,
            message: message.into(),
        })
    }

    /// Skips blanks, newlines and comments.
    fn space(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
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
            return Ok(());
        }
        let found: String = self.rest().chars().take(20).take_while(|c| *c != '\n').collect();
        self.fail(format!("expected `{token}`, found `{found}`"))
    }

    fn word(&mut self, allowed: impl Fn(char) -> bool) -> &'a str {
        self.space();
        let rest = self.rest();
        let len = rest.find(|c| !allowed(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn deeper<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("the text nests too deeply");
        }
        let result = body(self);
        self.depth -= 1;
        result
    }

    /// Items between here and `close`, separated by commas.
    fn list<T>(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(item(self)?);
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    // ---- graphs --------------------------------------------------------------------------------

    fn graph(&mut self) -> Result<Graph> {
        self.expect("graph(")?;
        let mut scope = Scope {
            g: Graph::new(),
            values: HashMap::new(),
            subgraphs: Vec::new(),
        };
        let top = scope.g.block();
        for (name, ty) in self.list(")", Self::typed_name)? {
            let value = scope.g.add_block_param(top, ty);
            self.name(&mut scope, value, name)?;
        }
        self.expect(":")?;
        self.nodes(&mut scope, top, "return")?;
        self.returns(&mut scope, top)?;
        let pending = std::mem::take(&mut scope.subgraphs);
        for (name, node) in pending {
            self.expect("with")?;
            self.expect(&name)?;
            self.expect("=")?;
            let subgraph = self.deeper(Self::graph)?;
            scope
                .g
                .set_attr(node, "Subgraph", Attr::Graph(Arc::new(subgraph)));
        }
        Ok(scope.g)
    }

    /// `%x.1 : int`
    fn typed_name(&mut self) -> Result<(&'a str, Type)> {
        let name = self.value_name()?;
        self.expect(":")?;
        Ok((name, self.ty()?))
    }

    fn value_name(&mut self) -> Result<&'a str> {
        self.expect("%")?;
        let name = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '-'));
        if name.is_empty() {
            self.fail("expected a name after `%`")
        } else {
            Ok(name)
        }
    }

    fn name(&mut self, scope: &mut Scope, value: ValueId, name: &str) -> Result<()> {
        if scope.values.insert(name.to_string(), value).is_some() {
            return self.fail(format!("`%{name}` is defined twice"));
        }
        match name.parse::<u32>() {
            // A number is no name but the value's own.
            Ok(number) => {
                scope.g.values[value.index()].unique = number;
                scope.g.next_unique = scope.g.next_unique.max(number.saturating_add(1));
            }
            Err(_) => scope.g.set_name(value, name),
        }
        Ok(())
    }

    fn lookup(&mut self, scope: &Scope) -> Result<ValueId> {
        let name = self.value_name()?;
        match scope.values.get(name) {
            Some(&value) => Ok(value),
            None => self.fail(format!("`%{name}` is not defined")),
        }
    }

    fn nodes(&mut self, scope: &mut Scope, block: BlockId, end: &str) -> Result<()> {
        while !self.eat(end) {
            self.node(scope, block)?;
        }
        Ok(())
    }

    fn returns(&mut self, scope: &mut Scope, block: BlockId) -> Result<()> {
        self.expect("(")?;
        for value in self.list(")", |p| p.lookup(scope))? {
            scope.g.add_return(block, value);
        }
        Ok(())
    }

    /// `%a : T, %b : T = kind[attributes](%x, %y)` and the blocks below it.
    fn node(&mut self, scope: &mut Scope, block: BlockId) -> Result<()> {
        let mut outputs = Vec::new();
        self.space();
        if self.rest().starts_with('%') {
            loop {
                outputs.push(self.typed_name()?);
                if !self.eat(",") {
                    break;
                }
            }
        }
        self.expect("=")?;
        let kind = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'));
        if !kind.contains("::") {
            return self.fail(format!("expected an operator, found `{kind}`"));
        }
        let mut attributes = Vec::new();
        if self.rest().starts_with('[') {
            self.expect("[")?;
            let ty = outputs.first().map(|(_, ty)| ty.clone());
            attributes = self.list("]", |p| p.attribute(ty.as_ref()))?;
        }
        self.expect("(")?;
        let inputs = self.list(")", |p| p.lookup(scope))?;
        // `prim::fork_0` is a fork whose body follows under that name.
        let subgraph = kind.rsplit_once('_').filter(|(base, number)| {
            number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() && has_subgraph(base)
        });
        let node = scope
            .g
            .create(subgraph.map_or(kind, |(base, _)| base), &inputs, 0);
        for (name, attribute) in attributes {
            scope.g.set_attr(node, &name, attribute);
        }
        scope.g.append(block, node);
        if subgraph.is_some() {
            scope.subgraphs.push((kind.to_string(), node));
        }
        for (name, ty) in outputs {
            let is_function = matches!(ty, Type::Function(_));
            let output = scope.g.add_output(node, ty);
            if is_function && let Some(Attr::Str(of)) = scope.g.attr(node, "name").cloned() {
                let function = unknown_function(&of);
                scope.g.set_type(output, Type::Function(function.clone()));
                scope.g.node_mut(node).function = Some(function);
            }
            self.name(scope, output, name)?;
        }
        while self.next_is_block() {
            self.word(char::is_alphanumeric);
            self.expect("(")?;
            let inner = scope.g.add_block(node);
            for (name, ty) in self.list(")", Self::typed_name)? {
                let value = scope.g.add_block_param(inner, ty);
                self.name(scope, value, name)?;
            }
            self.expect(":")?;
            self.deeper(|p| {
                p.nodes(scope, inner, "->")?;
                p.returns(scope, inner)
            })?;
        }
        Ok(())
    }

    fn next_is_block(&mut self) -> bool {
        self.space();
        let Some(rest) = self.rest().strip_prefix("block") else {
            return false;
        };
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        digits > 0 && rest[digits..].starts_with('(')
    }

    // ---- attributes ----------------------------------------------------------------------------

    fn attribute(&mut self, ty: Option<&Type>) -> Result<(String, Attr)> {
        let name = self.word(|c| c.is_alphanumeric() || c == '_').to_string();
        self.expect("=")?;
        if name == "types" {
            self.expect("[")?;
            return Ok((name, Attr::Types(self.list("]", Self::ty)?)));
        }
        self.space();
        let rest = self.rest();
        let is_tensor = ty.is_some_and(Type::is_tensor);
        let attr = if is_tensor && let Some((shown, len)) = shown_tensor(rest, ty) {
            self.at += len;
            Attr::Tensor(shown)
        } else if rest.starts_with("<Tensor>") || (rest.starts_with('{') && is_tensor) {
            Attr::Tensor(self.tensor(ty)?)
        } else {
            match self.value()? {
                IValue::Int(i) => Attr::Int(i),
                IValue::Double(f) => Attr::Float(f),
                IValue::Complex(c) => Attr::Complex(c),
                IValue::Str(s) => Attr::Str(s),
                IValue::List(list) => list_attribute(&list.to_vec()),
                other => Attr::Value(other),
            }
        };
        Ok((name, attr))
    }

    /// `{5}` or `<Tensor>`.
    fn tensor(&mut self, ty: Option<&Type>) -> Result<Tensor> {
        let dtype = match ty {
            Some(Type::Tensor(Some(info))) => info.dtype,
            _ => None,
        };
        let made = if self.eat("<Tensor>") {
            Tensor::zeros(&[UNSHOWN], dtype.unwrap_or(DType::Float))
        } else {
            self.expect("{")?;
            let value = self.value()?;
            self.expect("}")?;
            let Some(scalar) = value.as_scalar() else {
                return self.fail("expected a number");
            };
            Tensor::scalar_tensor(scalar, dtype.unwrap_or(scalar.dtype()))
        };
        made.or_else(|error| self.fail(error.message))
    }

    fn value(&mut self) -> Result<IValue> {
        self.deeper(|p| {
            p.space();
            match p.rest().as_bytes().first() {
                Some(b'"') => p.string().map(|s| IValue::Str(s.into())),
                Some(b'[') => {
                    p.expect("[")?;
                    let items = p.list("]", Self::value)?;
                    let element = items.first().map_or(Type::TENSOR, IValue::ty);
                    Ok(IValue::list(element, items))
                }
                Some(b'(') => {
                    p.expect("(")?;
                    Ok(IValue::tuple(p.list(")", Self::value)?))
                }
                Some(b'{') => {
                    p.expect("{")?;
                    let pairs = p.list("}", |p| {
                        let key = p.value()?;
                        p.expect(":")?;
                        Ok((key, p.value()?))
                    })?;
                    let (key, value) = pairs
                        .first()
                        .map_or((Type::Str, Type::TENSOR), |(k, v)| (k.ty(), v.ty()));
                    Ok(IValue::Dict(Dict::from_pairs(key, value, pairs)))
                }
                _ => p.plain(),
            }
        })
    }

    fn plain(&mut self) -> Result<IValue> {
        for (word, value) in [
            ("None", IValue::None),
            ("True", IValue::Bool(true)),
            ("False", IValue::Bool(false)),
        ] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        if self.eat("annotate(") {
            let ty = self.annotation()?;
            self.expect(",")?;
            let value = self.value()?;
            self.expect(")")?;
            return Ok(match (ty, value) {
                (Type::List(element), IValue::List(list)) => IValue::list((*element).clone(), list.to_vec()),
                (Type::Dict(kv), IValue::Dict(dict)) => {
                    IValue::Dict(Dict::from_pairs(kv.0.clone(), kv.1.clone(), dict.pairs()))
                }
                (_, value) => value,
            });
        }
        if self.eat("<Tensor>") {
            let empty = Tensor::zeros(&[UNSHOWN], DType::Float);
            return empty
                .map(IValue::Tensor)
                .or_else(|error| self.fail(error.message));
        }
        let word = self.word(|c| c.is_alphanumeric() || matches!(c, '.' | '+' | '-'));
        if let Some(complex) = word.strip_suffix('j').and_then(complex) {
            return Ok(IValue::Complex(complex));
        }
        if let Ok(int) = word.parse() {
            return Ok(IValue::Int(int));
        }
        match word.parse() {
            Ok(float) if !word.is_empty() => Ok(IValue::Double(match word {
                "-nan" => -f64::NAN.abs(),
                _ => float,
            })),
            _ => self.fail(format!("expected a value, found `{word}`")),
        }
    }

    fn string(&mut self) -> Result<String> {
        self.expect("\"")?;
        let mut bytes = Vec::new();
        let text = self.text.as_bytes();
        loop {
            let Some(&byte) = text.get(self.at) else {
                return self.fail("a string does not end");
            };
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    let Some(&escape) = text.get(self.at) else {
                        return self.fail("a string does not end");
                    };
                    self.at += 1;
                    bytes.push(match escape {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'a' => 0x07,
                        b'b' => 0x08,
                        b'v' => 0x0b,
                        b'f' => 0x0c,
                        // Digits of bytes outside ASCII, taken from signed numbers.
                        b'.' | b'/' | b'0'
                            if text
                                .get(self.at - 1..self.at + 2)
                                .is_some_and(|d| d.iter().any(|c| (b')'..b'0').contains(c))) =>
                        {
                            let digit = |i: usize| i16::from(text[self.at - 1 + i]) - i16::from(b'0');
                            let byte = digit(0) * 64 + digit(1) * 8 + digit(2);
                            self.at += 2;
                            byte as u8
                        }
                        b'0'..=b'7' => {
                            let digits = text.get(self.at - 1..self.at + 2).unwrap_or(&[]);
                            let octal = std::str::from_utf8(digits)
                                .ok()
                                .and_then(|d| u8::from_str_radix(d, 8).ok());
                            let Some(octal) = octal else {
                                return self.fail("expected three octal digits");
                            };
                            self.at += 2;
                            octal
                        }
                        other => other,
                    });
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).or_else(|_| self.fail("a string is not UTF-8"))
    }

    // ---- types ---------------------------------------------------------------------------------

    fn ty(&mut self) -> Result<Type> {
        self.deeper(|p| {
            let mut ty = p.base_type()?;
            loop {
                if p.eat("[]") {
                    ty = Type::list(ty);
                } else if p.rest().starts_with('?') {
                    p.at += 1;
                    ty = Type::Optional(Arc::new(ty));
                } else {
                    return Ok(ty);
                }
            }
        })
    }

    /// A type as annotations spell it, in `annotate(List[int], [])`.
    fn annotation(&mut self) -> Result<Type> {
        self.deeper(|p| {
            let word = p.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
            if !p.eat("[") {
                return Ok(match Type::from_plain_name(word) {
                    Some(ty) => ty,
                    None if word == "number" => Type::Number,
                    None => (p.find)(word).unwrap_or_else(|| Type::Named(word.into())),
                });
            }
            if p.eat("()") {
                p.expect("]")?;
                return Ok(Type::tuple(Vec::new()));
            }
            let parts = p.list("]", Self::annotation)?;
            Ok(match (word, &parts[..]) {
                ("List", [element]) => Type::list(element.clone()),
                ("Optional", [inner]) => Type::Optional(Arc::new(inner.clone())),
                ("Dict", [key, value]) => Type::dict(key.clone(), value.clone()),
                ("Future", [inner]) => Type::future(inner.clone()),
                ("Tuple", _) => Type::tuple(parts),
                ("Union", _) => Type::union(parts),
                _ => return p.fail(format!("expected a type, found `{word}[`")),
            })
        })
    }

    /// Passes over the ` = default` of a NamedTuple's field. Strings stand there without quotes, so that only the
    /// brackets tell where it ends, and the value cannot be read back.
    fn skip_default(&mut self) {
        if !self.eat("=") {
            return;
        }
        let mut depth = 0usize;
        for (i, c) in self.rest().char_indices() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ',' | ')' if depth == 0 => {
                    self.at += i;
                    return;
                }
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn base_type(&mut self) -> Result<Type> {
        if self.eat("(") {
            return Ok(Type::tuple(self.list(")", Self::ty)?));
        }
        let word = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'));
        let open = self.rest().as_bytes().first().copied();
        Ok(match (word, open) {
            ("NamedTuple", Some(b'(')) => {
                self.expect("(")?;
                let fields = self.list(")", |p| {
                    let field = p.word(|c| c.is_alphanumeric() || c == '_').to_string();
                    p.expect(":")?;
                    let ty = p.ty()?;
                    p.skip_default();
                    Ok((field, ty))
                })?;
                let (names, types): (Vec<String>, Vec<Type>) = fields.into_iter().unzip();
                let info = NamedTupleInfo {
                    name: "".into(),
                    fields: names.into_iter().map(Into::into).collect(),
                    defaults: Vec::new(),
                };
                Type::named_tuple(Arc::new(info), types)
            }
            ("Dict", Some(b'(')) => {
                self.expect("(")?;
                let key = self.ty()?;
                self.expect(",")?;
                let value = self.ty()?;
                self.expect(")")?;
                Type::dict(key, value)
            }
            ("Union", Some(b'[' | b'(')) => {
                let close = if open == Some(b'[') { "]" } else { ")" };
                self.at += 1;
                Type::union(self.list(close, Self::ty)?)
            }
            ("Future" | "Await" | "RRef", Some(b'[' | b'(')) => {
                let close = if open == Some(b'[') { "]" } else { ")" };
                self.at += 1;
                let inner = Arc::new(self.ty()?);
                self.expect(close)?;
                match word {
                    "Future" => Type::Future(inner),
                    "Await" => Type::Await(inner),
                    _ => Type::RRef(inner),
                }
            }
            ("Enum" | "InterfaceType", Some(b'<')) => {
                self.expect("<")?;
                let name = self.word(|c| c != '>').to_string();
                self.expect(">")?;
                (self.find)(&name).unwrap_or_else(|| Type::Named(format!("{word}<{name}>").into()))
            }
            ("Function", _) => Type::Function(unknown_function("")),
            (dtype, Some(b'(')) if DType::from_name(dtype).is_some_and(|d| d.name() == dtype) => {
                self.tensor_type(DType::from_name(dtype))?
            }
            ("", _) => return self.fail("expected a type"),
            (name, _) => match Type::from_plain_name(name) {
                Some(ty) => ty,
                None => (self.find)(name).unwrap_or_else(|| Type::Named(name.into())),
            },
        })
    }

    /// `(2, *, strides=[3, 1], requires_grad=0, device=cpu)`
    fn tensor_type(&mut self, dtype: Option<DType>) -> Result<Type> {
        let mut info = TensorInfo {
            dtype,
            ..TensorInfo::default()
        };
        self.expect("(")?;
        let extent = |p: &mut Self| -> Result<Option<i64>> {
            if p.eat("*") {
                return Ok(None);
            }
            let digits = p.word(|c| c.is_ascii_digit() || c == '-');
            digits.parse().map(Some).or_else(|_| p.fail("expected an extent"))
        };
        let mut sizes = Vec::new();
        let mut unknown_rank = false;
        while !self.eat(")") {
            if self.eat("strides=[") {
                info.strides = Some(self.list("]", extent)?);
            } else if self.eat("requires_grad=") {
                info.requires_grad = Some(self.word(|c| c.is_ascii_digit()) == "1");
            } else if self.eat("device=") {
                info.device = Some(self.word(|c| c.is_alphanumeric() || c == ':').into());
            } else {
                sizes.push(extent(self)?);
            }
            unknown_rank = sizes == [None] && self.rest().starts_with(')');
            self.eat(",");
        }
        // `Float(*)` says nothing of the rank.
        if !unknown_rank {
            info.sizes = Some(sizes);
        }
        Ok(Type::Tensor(Some(Arc::new(info))))
    }
}

fn has_subgraph(kind: &str) -> bool {
    matches!(
        kind,
        "prim::fork" | "prim::awaitable" | "prim::DifferentiableGraph" | "prim::FusionGroup"
    )
}

/// A function that is only known by name.
fn unknown_function(name: &str) -> Arc<Function> {
    let message = format!("the body of `{name}` is not in the text of the graph");
    Function::lazy(name, move |_| {
        Err(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
            message,
        )))
    })
}

fn list_attribute(items: &[IValue]) -> Attr {
    fn all<T>(items: &[IValue], one: impl Fn(&IValue) -> Option<T>) -> Option<Vec<T>> {
        items.iter().map(one).collect()
    }
    if let Some(v) = all(items, IValue::as_int) {
        return Attr::Ints(v);
    }
    let float = |v: &IValue| match v {
        IValue::Double(f) => Some(*f),
        _ => None,
    };
    if let Some(v) = all(items, float) {
        return Attr::Floats(v);
    }
    let text = |v: &IValue| match v {
        IValue::Str(s) => Some(s.clone()),
        _ => None,
    };
    if let Some(v) = all(items, text) {
        return Attr::Strs(v);
    }
    let element = items.first().map_or(Type::TENSOR, IValue::ty);
    Attr::Value(IValue::list(element, items.to_vec()))
}

/// `1.+2.` of `1.+2.j`.
fn complex(text: &str) -> Option<Complex64> {
    // The sign between the parts is the last one that is no exponent's.
    let split = text
        .char_indices()
        .filter(|(i, c)| *i > 0 && matches!(c, '+' | '-') && !matches!(text.as_bytes()[i - 1], b'e' | b'E'))
        .last()
        .map(|(i, _)| i)?;
    let (re, im) = text.split_at(split);
    Some(Complex64::new(
        re.parse().ok()?,
        im.strip_prefix('+').unwrap_or(im).parse().ok()?,
    ))
}

/// What stands for `<Tensor>`, whose elements the text does not say, has more of them than are ever printed.
const UNSHOWN: i64 = 11;

/// A small tensor as printed, ` 1  2 [ CPUFloatType{2} ]`, and the length of its text. Numbers that are not written
/// plainly, with a factor in front or in several tables, are taken as zeros.
fn shown_tensor(text: &str, ty: Option<&Type>) -> Option<(Tensor, usize)> {
    let line = text.lines().next()?;
    let start = line.find("[ CPU")?;
    let kind = &line[start + "[ CPU".len()..];
    let open = kind.find("Type{")?;
    let close = kind.find('}')?;
    let len = start + "[ CPU".len() + kind.find(']')? + 1;
    let sizes = kind.get(open + "Type{".len()..close)?;
    let sizes: Vec<i64> = sizes
        .split(',')
        .filter(|s| !s.is_empty())
        .map(|s| s.trim().parse().ok())
        .collect::<Option<_>>()?;
    let dtype = match ty {
        Some(Type::Tensor(Some(info))) if info.dtype.is_some() => info.dtype?,
        _ => DType::from_name(&kind[..open])?,
    };
    let count = sizes.iter().try_fold(1i64, |n, s| n.checked_mul(*s))?;
    if !(0..=64).contains(&count) {
        return None;
    }
    let numbers: Option<Vec<Scalar>> = line[..start]
        .split_whitespace()
        .map(|n| n.parse::<f64>().ok().map(Scalar::Float))
        .collect();
    let zeros = || vec![Scalar::Int(0); count as usize];
    let numbers = numbers.filter(|n| n.len() as i64 == count).unwrap_or_else(zeros);
    Some((Tensor::from_scalars(&numbers, &sizes, dtype).ok()?, len))
}

#[cfg(test)]
mod tests {
    use crate::ir::Graph;

    /// Prints back as it was read, and is well formed.
    fn check(text: &str) {
        let graph = match Graph::parse(text) {
            Ok(graph) => graph,
            Err(error) => panic!("{error}\n{text}"),
        };
        assert_eq!(graph.to_text(false), text);
        graph.verify().unwrap();
    }

    #[test]
    fn prints_back() {
        check("graph(%x.1 : Tensor):\n  return (%x.1)\n");
        check(
            "graph(%x.1 : int[],\n      %y : Dict(str, Tensor?)):\n  %2 : int = prim::Constant[value=3]()\n  %3 : str = prim::Constant[value=\"a\\n\\0)+\\/.)\"]()\n   = prim::Print(%x.1, %2, %3)\n  return ()\n",
        );
        check(
            "graph(%c.1 : bool):\n  %n : int = prim::Constant[value=10]()\n  %r : int = prim::If(%c.1)\n    block0():\n      %4 : int = prim::Loop(%n, %c.1, %n)\n        block0(%i : int, %k.1 : int):\n          %k.3 : int = aten::add(%k.1, %i)\n          -> (%c.1, %k.3)\n      -> (%4)\n    block1():\n      -> (%n)\n  return (%r)\n",
        );
        check(
            "graph(%x : (int, NamedTuple(a : float, b : str[])?)):\n  %1 : complex = prim::Constant[value=1.+-2.j]()\n  %2 : Float(2, *, strides=[3, 1], requires_grad=0, device=cpu) = prim::Constant[value=<Tensor>]()\n  %3 : (int, float) = prim::Constant[value=(1, inf)]()\n  %4 : bool = prim::isinstance[types=[int[], str]](%x)\n  %5 : Function = prim::Constant[name=\"work\"]()\n  return (%1, %2, %3, %4)\n".replace("1.+-2.j", "1.-2.j").as_str(),
        );
        check(
            "graph(%n.1 : int):\n  %1 : Future[int] = prim::fork_0(%n.1)\n  %2 : int = aten::wait(%1)\n  return (%2)\nwith prim::fork_0 = graph(%n.1 : int):\n  return (%n.1)\n",
        );
    }

    #[test]
    fn says_where() {
        let check = |text: &str, message: &str| {
            assert_eq!(Graph::parse(text).map(|_| ()).unwrap_err().to_string(), message);
        };
        check("", "line 1: expected `graph(`, found ``");
        check("graph(%x : int):\n  return (%y)\n", "line 2: `%y` is not defined");
        check(
            "graph():\n  %x : int = prim::Constant()\n  %x : int = prim::Constant()\n  return ()",
            "line 3: `%x` is defined twice",
        );
    }
}
