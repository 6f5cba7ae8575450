//! Ruff's expressions to ours.

use ruff_python_ast as ruff;
use ruff_text_size::Ranged;

use super::{Cx, Strings, span};
use crate::ast::*;
use crate::span::Span;

impl Cx<'_> {
    pub(super) fn expr(&mut self, e: &ruff::Expr) -> Expr {
        let at = span(e.range());
        self.expr_or_deep(at, |cx| Expr::new(cx.expr_kind(e, at), at))
    }

    pub(super) fn exprs(&mut self, list: &[ruff::Expr]) -> Vec<Expr> {
        list.iter().map(|e| self.expr(e)).collect()
    }

    pub(super) fn boxed(&mut self, e: &ruff::Expr) -> Box<Expr> {
        Box::new(self.expr(e))
    }

    pub(super) fn optional(&mut self, e: &Option<Box<ruff::Expr>>) -> Option<Expr> {
        e.as_ref().map(|e| self.expr(e))
    }

    fn optional_box(&mut self, e: &Option<Box<ruff::Expr>>) -> Option<Box<Expr>> {
        e.as_ref().map(|e| self.boxed(e))
    }

    pub(super) fn ident(&self, ident: &ruff::Identifier) -> Ident {
        let at = span(ident.range);
        Ident {
            name: self.name(&ident.id, at),
            span: at,
        }
    }

    fn name(&self, name: &str, at: Span) -> String {
        if self.masked { self.file.slice(at) } else { name }.to_string()
    }

    fn expr_kind(&mut self, e: &ruff::Expr, at: Span) -> ExprKind {
        use ruff::Expr as E;
        let unsupported = |what| ExprKind::Unsupported { what };
        match e {
            E::Name(e) => ExprKind::Name(self.name(&e.id, at)),
            E::NoneLiteral(_) => ExprKind::Constant(Constant::None),
            E::BooleanLiteral(e) => ExprKind::Constant(Constant::Bool(e.value)),
            E::EllipsisLiteral(_) => ExprKind::Constant(Constant::Ellipsis),
            E::NumberLiteral(e) => ExprKind::Constant(number(&e.value)),
            E::StringLiteral(e) => ExprKind::Constant(self.string(e, at)),
            E::BytesLiteral(e) => ExprKind::Constant(Constant::Bytes(e.value.bytes().collect())),
            E::Attribute(e) => ExprKind::Attribute {
                value: self.boxed(&e.value),
                attr: self.ident(&e.attr),
            },
            E::Subscript(e) => ExprKind::Subscript {
                value: self.boxed(&e.value),
                index: self.boxed(&e.slice),
            },
            E::Slice(e) => ExprKind::Slice {
                lower: self.optional_box(&e.lower),
                upper: self.optional_box(&e.upper),
                step: self.optional_box(&e.step),
            },
            E::Call(e) => {
                let func = self.boxed(&e.func);
                let mut args = self.exprs(&e.arguments.args);
                // `f(x for x in y)`: Python counts the call's parentheses to the generator.
                if let ([ruff::Expr::Generator(g)], [arg]) = (&*e.arguments.args, &mut args[..])
                    && !g.parenthesized
                {
                    arg.span = span(e.arguments.range);
                }
                let keywords = e.arguments.keywords.iter().map(|k| self.keyword(k)).collect();
                ExprKind::Call { func, args, keywords }
            }
            E::BinOp(e) => ExprKind::BinOp {
                op: bin_op(e.op),
                left: self.boxed(&e.left),
                right: self.boxed(&e.right),
            },
            E::UnaryOp(e) => {
                let op = match e.op {
                    ruff::UnaryOp::Invert => UnaryOp::Invert,
                    ruff::UnaryOp::Not => UnaryOp::Not,
                    ruff::UnaryOp::UAdd => UnaryOp::UAdd,
                    ruff::UnaryOp::USub => UnaryOp::USub,
                };
                ExprKind::UnaryOp {
                    op,
                    operand: self.boxed(&e.operand),
                }
            }
            E::BoolOp(e) => {
                let op = match e.op {
                    ruff::BoolOp::And => BoolOp::And,
                    ruff::BoolOp::Or => BoolOp::Or,
                };
                ExprKind::BoolOp {
                    op,
                    values: self.exprs(&e.values),
                }
            }
            E::Compare(e) => ExprKind::Compare {
                left: self.boxed(&e.left),
                ops: e.ops.iter().map(|op| cmp_op(*op)).collect(),
                comparators: self.exprs(&e.comparators),
            },
            E::If(e) => ExprKind::IfExp {
                test: self.boxed(&e.test),
                body: self.boxed(&e.body),
                orelse: self.boxed(&e.orelse),
            },
            E::List(e) => ExprKind::List(self.exprs(&e.elts)),
            E::Tuple(e) => ExprKind::Tuple(self.exprs(&e.elts)),
            E::Dict(e) => ExprKind::Dict {
                keys: e
                    .items
                    .iter()
                    .map(|i| i.key.as_ref().map(|k| self.expr(k)))
                    .collect(),
                values: e.items.iter().map(|i| self.expr(&i.value)).collect(),
            },
            E::Starred(e) => ExprKind::Starred(self.boxed(&e.value)),
            E::ListComp(e) => ExprKind::ListComp {
                element: self.boxed(&e.elt),
                generators: self.generators(&e.generators),
            },
            E::Generator(e) => ExprKind::GeneratorExp {
                element: self.boxed(&e.elt),
                generators: self.generators(&e.generators),
            },
            E::DictComp(e) => match &e.key {
                Some(key) => ExprKind::DictComp {
                    key: self.boxed(key),
                    value: self.boxed(&e.value),
                    generators: self.generators(&e.generators),
                },
                // `{**x for …}`, new in Python 3.15.
                None => unsupported("DictComp"),
            },
            E::FString(e) => ExprKind::JoinedStr(self.f_string(e)),
            E::TString(_) => unsupported("TemplateStr"),
            E::Named(_) => unsupported("NamedExpr"),
            E::Lambda(_) => unsupported("Lambda"),
            E::Set(_) => unsupported("Set"),
            E::SetComp(_) => unsupported("SetComp"),
            E::Await(_) => unsupported("Await"),
            E::Yield(_) => unsupported("Yield"),
            E::YieldFrom(_) => unsupported("YieldFrom"),
            E::IpyEscapeCommand(_) => unsupported("shell escapes"),
        }
    }

    pub(super) fn keyword(&mut self, k: &ruff::Keyword) -> Keyword {
        Keyword {
            arg: k.arg.as_ref().map(|a| self.ident(a)),
            value: self.expr(&k.value),
            span: span(k.range),
        }
    }

    fn generators(&mut self, list: &[ruff::Comprehension]) -> Vec<Comprehension> {
        let one = |c: &ruff::Comprehension| Comprehension {
            target: self.expr(&c.target),
            iter: self.expr(&c.iter),
            ifs: self.exprs(&c.ifs),
            is_async: c.is_async,
        };
        list.iter().map(one).collect()
    }

    fn string(&self, e: &ruff::ExprStringLiteral, at: Span) -> Constant {
        let value = e.value.to_str();
        if self.strings == Strings::Bytes && !value.is_ascii() && self.file.slice(at).is_ascii() {
            // Every character beyond ASCII came from an escape, which here means a byte.
            let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            if let Some(bytes) = bytes {
                return match String::from_utf8(bytes) {
                    Ok(text) => Constant::Str(text),
                    Err(error) => Constant::Bytes(error.into_bytes()),
                };
            }
        }
        if !self.indent.is_empty() && self.file.slice(at).contains('\n') {
            let text = format!("({})", dedented(self.file.slice(at), self.indent));
            if let Ok(parsed) = ruff_python_parser::parse_expression(&text)
                && let ruff::Expr::StringLiteral(e) = parsed.expr()
            {
                return Constant::Str(e.value.to_str().to_string());
            }
        }
        Constant::Str(value.to_string())
    }

    /// Adds literal text of an f-string.
    fn f_string_text(&self, parts: &mut Vec<FStringPart>, text: &str, at: Span) {
        let lines = |text: &str| text.matches('\n').count();
        // Line ends that escapes make are not lines of the file.
        if !self.indent.is_empty() && lines(text) > 0 && lines(text) == lines(self.file.slice(at)) {
            push_text(parts, &dedented(text, self.indent), at);
        } else {
            push_text(parts, text, at);
        }
    }

    fn f_string(&mut self, e: &ruff::ExprFString) -> Vec<FStringPart> {
        let mut parts = Vec::new();
        for part in e.value.as_slice() {
            match part {
                ruff::FStringPart::Literal(text) => {
                    self.f_string_text(&mut parts, &text.value, span(text.range));
                }
                ruff::FStringPart::FString(f) => {
                    for element in &f.elements {
                        self.f_string_element(element, &mut parts);
                    }
                }
            }
        }
        parts
    }

    fn f_string_element(&mut self, element: &ruff::InterpolatedStringElement, parts: &mut Vec<FStringPart>) {
        match element {
            ruff::InterpolatedStringElement::Literal(text) => {
                self.f_string_text(parts, &text.value, span(text.range));
            }
            ruff::InterpolatedStringElement::Interpolation(i) => {
                let at = span(i.range);
                let format = i
                    .format_spec
                    .as_ref()
                    .map(|f| self.file.slice(span(f.range)).to_string());
                let mut conversion = i.conversion.to_char();
                if i.debug_text.is_some() {
                    // `{x=}` is the text `x=` and then the value, by default as `repr` gives it.
                    let inside = self.file.slice(Span::new(at.start + 1, at.end));
                    let value_end = (span(i.expression.range()).end - at.start) as usize;
                    let text_end = inside[value_end.saturating_sub(1).min(inside.len())..]
                        .find('=')
                        .map_or(inside.len(), |p| value_end.saturating_sub(1) + p + 1);
                    push_text(parts, &inside[..text_end], at);
                    if conversion.is_none() && format.is_none() {
                        conversion = Some('r');
                    }
                }
                let value = self.expr(&i.expression);
                parts.push(FStringPart::Value {
                    value,
                    conversion,
                    format,
                    span: at,
                });
            }
        }
    }
}

/// A text without `indent` at the start of its lines but the first; lines of blanks only become empty.
fn dedented(text: &str, indent: &str) -> String {
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_string();
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        out.push('\n');
        // What follows the last line of a literal is not known here.
        let blank = line.trim().is_empty() && lines.peek().is_some();
        out.push_str(if blank {
            ""
        } else {
            line.strip_prefix(indent).unwrap_or(line)
        });
    }
    out
}

/// Adds literal text, joined to the text before it.
fn push_text(parts: &mut Vec<FStringPart>, text: &str, at: Span) {
    if text.is_empty() {
        return;
    }
    if let Some(FStringPart::Text(before, span)) = parts.last_mut() {
        before.push_str(text);
        *span = span.to(at);
    } else {
        parts.push(FStringPart::Text(text.to_string(), at));
    }
}

fn number(n: &ruff::Number) -> Constant {
    match n {
        ruff::Number::Int(i) => match i.as_i64() {
            Some(i) => Constant::Int(i),
            None => Constant::BigInt(i.to_string().replace('_', "")),
        },
        ruff::Number::Float(f) => Constant::Float(*f),
        ruff::Number::Complex { imag, .. } => Constant::Complex(*imag),
    }
}

pub(super) fn bin_op(op: ruff::Operator) -> BinOp {
    match op {
        ruff::Operator::Add => BinOp::Add,
        ruff::Operator::Sub => BinOp::Sub,
        ruff::Operator::Mult => BinOp::Mult,
        ruff::Operator::MatMult => BinOp::MatMult,
        ruff::Operator::Div => BinOp::Div,
        ruff::Operator::Mod => BinOp::Mod,
        ruff::Operator::Pow => BinOp::Pow,
        ruff::Operator::LShift => BinOp::LShift,
        ruff::Operator::RShift => BinOp::RShift,
        ruff::Operator::BitOr => BinOp::BitOr,
        ruff::Operator::BitXor => BinOp::BitXor,
        ruff::Operator::BitAnd => BinOp::BitAnd,
        ruff::Operator::FloorDiv => BinOp::FloorDiv,
    }
}

fn cmp_op(op: ruff::CmpOp) -> CmpOp {
    match op {
        ruff::CmpOp::Eq => CmpOp::Eq,
        ruff::CmpOp::NotEq => CmpOp::NotEq,
        ruff::CmpOp::Lt => CmpOp::Lt,
        ruff::CmpOp::LtE => CmpOp::LtE,
        ruff::CmpOp::Gt => CmpOp::Gt,
        ruff::CmpOp::GtE => CmpOp::GtE,
        ruff::CmpOp::Is => CmpOp::Is,
        ruff::CmpOp::IsNot => CmpOp::IsNot,
        ruff::CmpOp::In => CmpOp::In,
        ruff::CmpOp::NotIn => CmpOp::NotIn,
    }
}
