//! The spans that PyTorch's own frontend gives to nodes. They are not Python's: most nodes span their first token
//! and their children, so `f(x)` ends behind `x` and `(a + b) * c` starts at `a`. Graphs print where these spans
//! start, and error excerpts underline them.

use crate::ast::*;
use crate::span::{SourceFile, Span};

impl Expr {
    /// The span that PyTorch gives this expression.
    pub fn torch_span(&self, file: &SourceFile) -> Span {
        let start = self.span;
        let own = match &self.kind {
            ExprKind::Name(_) | ExprKind::Unsupported { .. } => return self.span,
            ExprKind::Constant(constant) => return constant_span(constant, self.span, file),
            ExprKind::Attribute { value, attr } => {
                let value = value.torch_span(file);
                return value.to(attribute_span(value, attr, file));
            }
            // Made from their children alone.
            ExprKind::Call { .. }
            | ExprKind::Subscript { .. }
            | ExprKind::BinOp { .. }
            | ExprKind::BoolOp { .. }
            | ExprKind::Compare { .. }
            | ExprKind::IfExp { .. } => None,
            ExprKind::Slice { .. } => None,
            ExprKind::UnaryOp { op, .. } => Some(start.head(op.token().len() as u32)),
            ExprKind::List(_)
            | ExprKind::Tuple(_)
            | ExprKind::Dict { .. }
            | ExprKind::Starred(_)
            | ExprKind::JoinedStr(_) => Some(start.head(1)),
            ExprKind::ListComp { .. } | ExprKind::GeneratorExp { .. } | ExprKind::DictComp { .. } => {
                Some(start.head(0))
            }
        };
        let mut union = own;
        let mut add = |e: &Expr| {
            let span = e.torch_span(file);
            union = Some(union.map_or(span, |u: Span| u.to(span)));
        };
        match &self.kind {
            // Several indices are no tuple to PyTorch.
            ExprKind::Subscript { value, index } => {
                add(value);
                for element in index.elements() {
                    if !matches!(element.kind, ExprKind::Slice { .. }) {
                        add(element);
                    } else {
                        element.children(&mut |e| add(e));
                    }
                }
                if matches!(&index.kind, ExprKind::Tuple(e) if e.is_empty()) {
                    union = union.map(|u| u.to(index.span));
                }
            }
            _ => self.children(&mut |e| add(e)),
        }
        union.unwrap_or(self.span)
    }
}

impl Expr {
    /// What PyTorch underlines when an operation made from this expression fails: its span, and for a subscript
    /// also the bracket.
    pub fn torch_marked_span(&self, file: &SourceFile) -> Span {
        let mut span = self.torch_span(file);
        span.end += u32::from(matches!(self.kind, ExprKind::Subscript { .. }));
        span
    }
}

impl Stmt {
    /// The span that PyTorch gives this statement.
    pub fn torch_span(&self, file: &SourceFile) -> Span {
        let keyword = match &self.kind {
            StmtKind::Return { .. } => 6,
            StmtKind::If { .. } => 2,
            StmtKind::While { .. } => 5,
            StmtKind::Pass => 4,
            StmtKind::Assign { .. }
            | StmtKind::AugAssign { .. }
            | StmtKind::AnnAssign { .. }
            | StmtKind::Expr(_) => 0,
            // The cause is dropped before spans are merged.
            StmtKind::Raise { exc, .. } => {
                return exc
                    .iter()
                    .fold(self.span.head(5), |s, e| s.to(e.torch_span(file)));
            }
            StmtKind::FunctionDef(def) => {
                let body = def.body.iter().map(|s| s.torch_span(file));
                return body.fold(def.torch_span(file), Span::to);
            }
            kind => kind.frontend_name().1,
        };
        let mut union = (keyword > 0).then(|| self.span.head(keyword));
        self.children(&mut |node| {
            let span = match node {
                crate::visit::Node::Stmt(s) => s.torch_span(file),
                crate::visit::Node::Expr(e) => e.torch_span(file),
            };
            union = Some(union.map_or(span, |u| u.to(span)));
        });
        union.unwrap_or(self.span)
    }
}

impl FunctionDef {
    /// The span that PyTorch gives the declaration: from `def` to the last parameter or the return type.
    pub fn torch_span(&self, file: &SourceFile) -> Span {
        let mut span = self.span.head(3);
        for param in &self.params {
            span = span.to(param.torch_span(file));
        }
        self.returns.iter().fold(span, |s, r| s.to(r.torch_span(file)))
    }
}

impl Param {
    /// The span that PyTorch gives the parameter: its name and its annotation.
    pub fn torch_span(&self, file: &SourceFile) -> Span {
        self.annotation
            .iter()
            .fold(self.name.span, |s, a| s.to(a.torch_span(file)))
    }
}

/// PyTorch looks for the attribute one byte behind what it takes for the end of the value.
fn attribute_span(value: Span, attr: &Ident, file: &SourceFile) -> Span {
    if !file.has_views() {
        return attr.span;
    }
    let text = file.text.as_bytes();
    let mut start = value.end as usize + 1;
    while text.get(start).is_some_and(u8::is_ascii_whitespace) {
        start += 1;
    }
    Span::new(start as u32, (start + attr.name.len()) as u32)
}

/// PyTorch counts the characters of the value as Python prints it, not those of the literal.
fn constant_span(constant: &Constant, span: Span, file: &SourceFile) -> Span {
    if !file.has_views() {
        return span;
    }
    let len = match constant {
        Constant::Int(i) => i.to_string().len(),
        Constant::Float(f) => python_float(*f).len(),
        Constant::Str(s) => s.chars().count() + 1,
        _ => return span,
    };
    span.head(len as u32)
}

/// A float as Python's `repr` prints it.
pub fn python_float(f: f64) -> String {
    if f.is_nan() {
        return "nan".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{f:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        format!("{f:?}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}
