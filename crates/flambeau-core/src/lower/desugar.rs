//! Python's syntax tree to the tree that emission walks, refusing what TorchScript's frontend refuses.
//!
//! Everything is checked here, reachable or not: PyTorch rejects unsupported syntax in dead branches too. Names
//! and types are not looked at.

use std::sync::Arc;

use flambeau_syntax::{self as ast, Span};

use super::error::{CompileError, ErrorKind, Result, Text};
use super::tree::*;

const VARARG: &str = "Compiled functions can't take variable number of arguments or use keyword-only arguments \
                      with defaults";

/// What a function is turned into.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefOptions<'a> {
    /// For a method, the name of its class: the type of an unannotated `self`.
    pub self_name: Option<&'a str>,
    /// Archives and native sources carry their defaults in the text.
    pub native: bool,
}

/// A function definition.
pub fn def(function: &ast::FunctionDef, source: &Arc<Text>, options: DefOptions<'_>) -> Result<Def> {
    Desugar {
        source,
        native: options.native,
    }
    .def(function, options)
}

/// A lone expression, such as an annotation.
pub fn expr(expr: &ast::Expr, source: &Arc<Text>) -> Result<Expr> {
    Desugar { source, native: true }.expr(expr)
}

struct Desugar<'a> {
    source: &'a Arc<Text>,
    native: bool,
}

impl Desugar<'_> {
    fn fail<T>(&self, kind: ErrorKind, span: Span, message: impl Into<String>) -> Result<T> {
        Err(CompileError::at(kind, self.source, span, message))
    }

    fn not_supported<T>(&self, span: Span, message: impl Into<String>) -> Result<T> {
        self.fail(ErrorKind::NotSupported, span, message)
    }

    fn unsupported<T>(&self, span: Span, len: u32, what: &str) -> Result<T> {
        self.fail(
            ErrorKind::UnsupportedNode,
            span.head(len),
            format!("{what} aren't supported"),
        )
    }

    /// Attributes are declared in `__init__` only.
    fn no_declarations(&self, body: &[ast::Stmt], method: &str) -> Result<()> {
        for stmt in body {
            if let ast::StmtKind::AnnAssign {
                target,
                value: Some(_),
                ..
            } = &stmt.kind
                && let ast::ExprKind::Attribute { value, .. } = &target.kind
                && value.as_name() == Some("self")
            {
                let place = flambeau_syntax::highlight(&self.source.file, target.span, "");
                let message = format!(
                    "Type annotations on instance attributes must be declared in __init__, not '{method}': SourceRange at:\n{place}"
                );
                return Err(CompileError::new(ErrorKind::Value, message));
            }
        }
        Ok(())
    }

    fn def(&self, function: &ast::FunctionDef, options: DefOptions<'_>) -> Result<Def> {
        let head = function.span.head(3);
        if options.self_name.is_some() && function.name.name != "__init__" {
            self.no_declarations(&function.body, &function.name.name)?;
        }
        let mut params = Vec::with_capacity(function.params.len());
        for star in [ast::ParamKind::KwArgs, ast::ParamKind::VarArgs] {
            if let Some(p) = function.params.iter().find(|p| p.kind == star) {
                let stars = Span::new(p.name.span.start.saturating_sub(1), p.name.span.end);
                return self.not_supported(stars, VARARG);
            }
        }
        if !options.native {
            for p in &function.params {
                if let (ast::ParamKind::KeywordOnly, Some(default)) = (p.kind, &p.default) {
                    return self.not_supported(self.expr(default)?.span, VARARG);
                }
            }
        }
        for p in &function.params {
            // PyTorch does not see these; what uses one is told that it is undefined.
            if p.kind == ast::ParamKind::PositionalOnly && !options.native {
                continue;
            }
            let ty = match (&p.annotation, options.self_name) {
                (Some(annotation), _) => Some(self.expr(annotation)?),
                (None, Some(class)) if p.name.name == "self" => Some(Expr::var(class, p.name.span)),
                _ => None,
            };
            let default = match &p.default {
                Some(default) if options.native => Some(self.expr(default)?),
                _ => None,
            };
            let span = ty.as_ref().map_or(p.name.span, |t| p.name.span.to(t.span));
            params.push(Param {
                name: ident(&p.name),
                ty,
                default,
                kwarg_only: p.kind == ast::ParamKind::KeywordOnly,
                span,
            });
        }
        let mut returns = match &function.returns {
            Some(returns) => Some(self.expr(returns)?),
            None => None,
        };
        let params_span = params.iter().fold(head, |s, p| s.to(p.span));
        if let Some((message, span)) = &function.bad_signature {
            if message.starts_with("The annotation prefix") || message.starts_with("Return type line") {
                let mut error = CompileError::new(ErrorKind::Compile, message.clone());
                error.outside = true;
                return Err(error);
            }
            return self.fail(ErrorKind::Compile, *span, message.clone());
        }
        if let Some(signature) = &function.signature {
            let is_method = options.self_name.is_some();
            let expected = params.len().saturating_sub(usize::from(is_method));
            if signature.params.len() != expected {
                let message = format!(
                    "Number of type annotations ({}) did not match the number of {} parameters ({expected})",
                    signature.params.len(),
                    if is_method { "method" } else { "function" },
                );
                return self.fail(ErrorKind::Compile, params_span, message);
            }
            for (p, ty) in params
                .iter_mut()
                .skip(usize::from(is_method))
                .zip(&signature.params)
            {
                p.ty = Some(self.expr(ty)?);
            }
            returns = signature.returns.as_ref().map(|r| self.expr(r)).transpose()?;
        }
        let body = self.stmts(&function.body)?;
        let mut span = params_span;
        if let Some(returns) = &returns {
            span = span.to(returns.span);
        }
        let span = body.iter().fold(span, |s, b| s.to(b.span));
        Ok(Def {
            name: Ident {
                name: function.name.name.clone(),
                span: head,
            },
            params,
            returns,
            body,
            span,
            params_span,
            text: self.source.clone(),
        })
    }

    fn stmts(&self, stmts: &[ast::Stmt]) -> Result<Vec<Stmt>> {
        stmts.iter().map(|s| self.stmt(s)).collect()
    }

    fn stmt(&self, stmt: &ast::Stmt) -> Result<Stmt> {
        use ast::StmtKind as S;
        let body_span = |span: Span, body: &[Stmt]| body.iter().fold(span, |s, b| s.to(b.span));
        let head = |len: u32| stmt.span.head(len);
        let (kind, span) = match &stmt.kind {
            S::FunctionDef(function) if self.native => {
                let def = self.def(
                    function,
                    DefOptions {
                        self_name: None,
                        native: true,
                    },
                )?;
                let span = def.span;
                (StmtKind::Def(Arc::new(def)), span)
            }
            S::Assign { targets, value, .. } => {
                let value = self.expr(value)?;
                let targets = self.exprs(targets)?;
                let span = targets.first().map_or(value.span, |t| t.span);
                let span = join(span, &targets).to(value.span);
                (
                    StmtKind::Assign {
                        targets,
                        value,
                        ty: None,
                    },
                    span,
                )
            }
            S::AnnAssign {
                target,
                annotation,
                value,
            } => {
                let Some(value) = value else {
                    return self.unsupported(stmt.span, 1, "annotated assignments without assigned value");
                };
                let value = self.expr(value)?;
                let target = self.expr(target)?;
                let ty = self.expr(annotation)?;
                let span = target.span.to(value.span).to(ty.span);
                let targets = vec![target];
                (
                    StmtKind::Assign {
                        targets,
                        value,
                        ty: Some(ty),
                    },
                    span,
                )
            }
            S::AugAssign { target, op, value } => {
                let target = self.expr(target)?;
                let value = self.expr(value)?;
                if matches!(op, ast::BinOp::FloorDiv | ast::BinOp::MatMult) {
                    let before = self.source.slice(Span::new(0, value.span.start));
                    let at = before.rfind('=').unwrap_or(0) as u32;
                    let span = Span::new(at.saturating_sub(1), at + 1);
                    let message = format!("unsupported kind of augmented assignment: {}", op.name());
                    return self.not_supported(span, message);
                }
                let span = target.span.to(value.span);
                (
                    StmtKind::AugAssign {
                        target,
                        op: bin(*op),
                        value,
                    },
                    span,
                )
            }
            S::Delete { targets } => {
                let targets = self.exprs(targets)?;
                let span = join(head(3), &targets);
                (StmtKind::Delete(targets), span)
            }
            S::Return { value } => {
                let value = match value {
                    Some(value) => self.expr(value)?,
                    None => Expr::new(ExprKind::None, head(6)),
                };
                let span = head(6).to(value.span);
                (StmtKind::Return(value), span)
            }
            S::Raise { exc, .. } => {
                let Some(exc) = exc else {
                    let message = "'NoneType' object has no attribute 'lineno'";
                    return Err(CompileError::new(ErrorKind::Attribute, message));
                };
                let exc = self.expr(exc)?;
                let span = head(5).to(exc.span);
                (StmtKind::Raise(exc), span)
            }
            S::Assert { test, msg } => {
                let test = self.expr(test)?;
                let msg = msg.as_ref().map(|m| self.expr(m)).transpose()?;
                let span = head(6).to(test.span);
                let span = msg.as_ref().map_or(span, |m| span.to(m.span));
                (StmtKind::Assert { test, msg }, span)
            }
            S::If { test, body, orelse } => {
                let test = self.expr(test)?;
                let body = self.stmts(body)?;
                let orelse = self.stmts(orelse)?;
                let span = body_span(body_span(head(2).to(test.span), &body), &orelse);
                (StmtKind::If { test, body, orelse }, span)
            }
            S::While { test, body, orelse } => {
                if !orelse.is_empty() {
                    let message = "else branches of while loops aren't supported";
                    // PyTorch fails to build its own error here, with Python's TypeError.
                    return Err(CompileError::new(ErrorKind::Type, message));
                }
                let test = self.expr(test)?;
                let body = self.stmts(body)?;
                let span = body_span(head(5).to(test.span), &body);
                (StmtKind::While { test, body }, span)
            }
            S::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                if !orelse.is_empty() {
                    return self.not_supported(head(3), "else branches of for loops aren't supported");
                }
                let target = self.expr(target)?;
                let iter = self.expr(iter)?;
                let body = self.stmts(body)?;
                let span = body_span(head(3).to(target.span).to(iter.span), &body);
                (StmtKind::For { target, iter, body }, span)
            }
            S::With { items, body, .. } => {
                let mut span = head(4);
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    let context = self.expr(&item.context)?;
                    let target = item.target.as_ref().map(|t| self.expr(t)).transpose()?;
                    span = target.as_ref().map_or(span.to(context.span), |t| span.to(t.span));
                    out.push((context, target));
                }
                let body = self.stmts(body)?;
                let span = body_span(span, &body);
                (StmtKind::With { items: out, body }, span)
            }
            S::Pass => (StmtKind::Pass, head(4)),
            S::Break => (StmtKind::Break, head(5)),
            S::Continue => (StmtKind::Continue, head(8)),
            S::Expr(expr) => {
                let expr = self.expr(expr)?;
                let span = expr.span;
                (StmtKind::Expr(expr), span)
            }
            other => {
                let (what, len) = other.frontend_name();
                return self.unsupported(stmt.span, len, what);
            }
        };
        Ok(Stmt { kind, span })
    }

    fn exprs(&self, exprs: &[ast::Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|e| self.expr(e)).collect()
    }

    fn boxed(&self, expr: &ast::Expr) -> Result<Box<Expr>> {
        Ok(Box::new(self.expr(expr)?))
    }

    fn expr(&self, expr: &ast::Expr) -> Result<Expr> {
        use ast::ExprKind as E;
        let (kind, span) = match &expr.kind {
            E::Name(name) => {
                if name.starts_with("__jit") {
                    let message = "names of variables used in JIT-ed functions can't start with __jit";
                    return self.not_supported(expr.span, message);
                }
                let kind = match name.as_str() {
                    "True" => ExprKind::True,
                    "False" => ExprKind::False,
                    "None" => ExprKind::None,
                    "Ellipsis" => ExprKind::Dots,
                    _ => ExprKind::Var(name.clone()),
                };
                (kind, expr.span)
            }
            E::Constant(constant) => return self.constant(constant, expr.span),
            E::Attribute { value, attr } => {
                let value = self.boxed(value)?;
                let span = value.span.to(self.attribute_span(value.span, attr));
                (ExprKind::Select(value, ident(attr)), span)
            }
            E::Subscript { value, index } => {
                let value = self.boxed(value)?;
                let base = value.span;
                let mut indices = Vec::new();
                match &index.kind {
                    E::Tuple(elements) if elements.is_empty() => {
                        indices.push(Expr::new(ExprKind::Tuple(Vec::new()), index.span.head(2)));
                    }
                    E::Tuple(elements) => {
                        for element in elements {
                            indices.push(self.index(element, base)?);
                        }
                    }
                    _ => indices.push(self.index(index, base)?),
                }
                let mut span = join(base, &indices);
                // The bracket belongs to it.
                span.end += 1;
                (ExprKind::Subscript(value, indices), span)
            }
            E::Slice { .. } => return self.index(expr, expr.span),
            E::Call { func, args, keywords } => {
                let callee = self.expr(func)?;
                let inputs = self.exprs(args)?;
                let mut attributes = Vec::with_capacity(keywords.len());
                for keyword in keywords {
                    let value = self.expr(&keyword.value)?;
                    let span = value.span;
                    let Some(arg) = &keyword.arg else {
                        return self.not_supported(span, "keyword-arg expansion is not supported");
                    };
                    attributes.push(Attribute {
                        name: arg.name.clone(),
                        value,
                        span,
                    });
                }
                return Ok(Expr::apply(callee, inputs, attributes));
            }
            E::BinOp { op, left, right } => {
                let (left, right) = (self.boxed(left)?, self.boxed(right)?);
                let span = left.span.to(right.span);
                (ExprKind::Bin(bin(*op), left, right), span)
            }
            E::UnaryOp { op, operand } => {
                if let Some(number) = self.negative_number(*op, operand) {
                    return Ok(number);
                }
                let operand = self.boxed(operand)?;
                let kind = match op {
                    ast::UnaryOp::Not => UnKind::Not,
                    ast::UnaryOp::USub => UnKind::Neg,
                    ast::UnaryOp::Invert => UnKind::Invert,
                    ast::UnaryOp::UAdd => {
                        // PyTorch's own refusal fails with this sentence.
                        let message = "'UnaryOp' object has no attribute 'range'";
                        return Err(CompileError::new(ErrorKind::Attribute, message));
                    }
                };
                let span = expr.span.head(op.token().len() as u32).to(operand.span);
                (ExprKind::Unary(kind, operand), span)
            }
            E::BoolOp { op, values } => {
                let kind = match op {
                    ast::BoolOp::And => BinKind::And,
                    ast::BoolOp::Or => BinKind::Or,
                };
                let values = self.exprs(values)?;
                let joined = values.into_iter().reduce(|left, right| binary(kind, left, right));
                return match joined {
                    Some(joined) => Ok(joined),
                    None => self.fail(
                        ErrorKind::Frontend,
                        expr.span,
                        "expected at least 2 values in BoolOp",
                    ),
                };
            }
            E::Compare {
                left,
                ops,
                comparators,
            } => {
                let mut left = self.expr(left)?;
                let rights = self.exprs(comparators)?;
                let mut result: Option<Expr> = None;
                for (op, right) in ops.iter().zip(rights) {
                    let between = Span::new(left.span.end, right.span.start);
                    let compared = match compare(*op) {
                        Some(kind) => binary(kind, left, right.clone()),
                        None => {
                            let inner = binary(BinKind::In, left, right.clone());
                            let span = between.to(inner.span);
                            Expr::new(ExprKind::Unary(UnKind::Not, Box::new(inner)), span)
                        }
                    };
                    result = Some(match result {
                        None => compared,
                        Some(before) => binary(BinKind::And, before, compared),
                    });
                    left = right;
                }
                return match result {
                    Some(result) => Ok(result),
                    None => Ok(left),
                };
            }
            E::IfExp { test, body, orelse } => {
                let (cond, yes, no) = (self.expr(test)?, self.expr(body)?, self.expr(orelse)?);
                let span = cond.span.to(yes.span).to(no.span);
                (ExprKind::Ternary(Box::new(Ternary { cond, yes, no })), span)
            }
            E::List(elements) => {
                let elements = self.exprs(elements)?;
                let span = join(expr.span.head(1), &elements);
                (ExprKind::List(elements), span)
            }
            E::Tuple(elements) => {
                let elements = self.exprs(elements)?;
                let span = join(expr.span.head(1), &elements);
                (ExprKind::Tuple(elements), span)
            }
            E::Dict { keys, values } => {
                let head = expr.span.head(1);
                let mut out = Vec::with_capacity(keys.len());
                if keys.iter().skip(1).any(Option::is_none) && keys[0].is_some() {
                    // PyTorch's own refusal of a later `**` fails with this sentence.
                    let message = "'NoneType' object has no attribute 'lineno'";
                    return Err(CompileError::new(ErrorKind::Attribute, message));
                }
                for key in keys {
                    let Some(key) = key else {
                        return self.not_supported(head, "Dict expansion (e.g. `{**dict}`) is not supported");
                    };
                    out.push(self.expr(key)?);
                }
                let values = self.exprs(values)?;
                let span = join(join(head, &out), &values);
                (ExprKind::Dict(out, values), span)
            }
            E::Starred(inner) => {
                let inner = self.boxed(inner)?;
                let span = expr.span.head(1).to(inner.span);
                (ExprKind::Starred(inner), span)
            }
            E::ListComp { element, generators } | E::GeneratorExp { element, generators } => {
                let head = expr.span.head(0);
                let generator = self.generator(generators, head)?;
                let elt = self.expr(element)?;
                let target = self.expr(&generator.target)?;
                let iter = self.expr(&generator.iter)?;
                let span = head.to(elt.span).to(target.span).to(iter.span);
                (ExprKind::ListComp(Box::new(ListComp { elt, target, iter })), span)
            }
            E::DictComp {
                key,
                value,
                generators,
            } => {
                let head = expr.span.head(0);
                let generator = self.generator(generators, head)?;
                let key = self.expr(key)?;
                let value = self.expr(value)?;
                let target = self.expr(&generator.target)?;
                let iter = self.expr(&generator.iter)?;
                let span = head.to(key.span).to(value.span).to(target.span).to(iter.span);
                (
                    ExprKind::DictComp(Box::new(DictComp {
                        key,
                        value,
                        target,
                        iter,
                    })),
                    span,
                )
            }
            E::JoinedStr(parts) => {
                let mut text = String::new();
                let mut args = Vec::new();
                for part in parts {
                    match part {
                        ast::FStringPart::Text(piece, _) => text.push_str(piece),
                        ast::FStringPart::Value {
                            value,
                            conversion,
                            format,
                            ..
                        } => {
                            if conversion.is_some() {
                                let message = "Don't support conversion in JoinedStr";
                                return self.not_supported(expr.span.head(1), message);
                            }
                            if format.is_some() {
                                let message = "Don't support formatting in JoinedStr";
                                return self.not_supported(expr.span.head(1), message);
                            }
                            text.push_str("{}");
                            args.push(self.expr(value)?);
                        }
                    }
                }
                let head = expr.span.head(1);
                let text = Expr::new(ExprKind::Str(text), head);
                let name = Ident {
                    name: "format".into(),
                    span: head,
                };
                let callee = Expr::new(ExprKind::Select(Box::new(text), name), head);
                return Ok(Expr::apply(callee, args, Vec::new()));
            }
            E::Unsupported { what } => return self.unsupported(expr.span, 1, what),
        };
        Ok(Expr::new(kind, span))
    }

    /// PyTorch looks for the attribute one byte behind what it takes for the end of the value, which for a call is
    /// the closing parenthesis.
    fn attribute_span(&self, value: Span, attr: &ast::Ident) -> Span {
        if self.native {
            return attr.span;
        }
        let text = self.source.file.text.as_bytes();
        let mut start = value.end as usize + 1;
        while text.get(start).is_some_and(u8::is_ascii_whitespace) {
            start += 1;
        }
        Span::new(start as u32, (start + attr.name.len()) as u32)
    }

    fn generator<'e>(
        &self,
        generators: &'e [ast::Comprehension],
        span: Span,
    ) -> Result<&'e ast::Comprehension> {
        let [generator] = generators else {
            return self.not_supported(span, "Only a single generator is currently supported");
        };
        if !generator.ifs.is_empty() {
            return self.not_supported(span, "Comprehension ifs are not supported yet");
        }
        Ok(generator)
    }

    /// An index; a slice's range starts with what is indexed.
    fn index(&self, expr: &ast::Expr, base: Span) -> Result<Expr> {
        let ast::ExprKind::Slice { lower, upper, step } = &expr.kind else {
            return self.expr(expr);
        };
        let mut span = base;
        let mut part = |part: &Option<Box<ast::Expr>>| -> Result<Option<Expr>> {
            let Some(part) = part else { return Ok(None) };
            let part = self.expr(part)?;
            span = span.to(part.span);
            Ok(Some(part))
        };
        let start = part(lower)?;
        let end = part(upper)?;
        let step = part(step)?;
        Ok(Expr::new(
            ExprKind::Slice(Box::new(SliceExpr { start, end, step })),
            span,
        ))
    }

    /// `-1` in native text is one number, standing where its digits do; programs negate a number.
    fn negative_number(&self, op: ast::UnaryOp, operand: &ast::Expr) -> Option<Expr> {
        use ast::Constant as C;
        let ast::ExprKind::Constant(number) = &operand.kind else {
            return None;
        };
        let kind = match number {
            _ if !self.native || op != ast::UnaryOp::USub => return None,
            C::Int(i) => ExprKind::Int(-i),
            C::Float(f) => ExprKind::Float(-f),
            C::Complex(f) => ExprKind::Complex(-f),
            // The smallest integer has no positive counterpart.
            C::BigInt(digits) => ExprKind::Int(format!("-{digits}").parse().ok()?),
            _ => return None,
        };
        Some(Expr::new(kind, operand.span))
    }

    fn constant(&self, constant: &ast::Constant, span: Span) -> Result<Expr> {
        use ast::Constant as C;
        let (kind, span) = match constant {
            C::None => (ExprKind::None, span),
            C::Bool(true) => (ExprKind::True, span),
            C::Bool(false) => (ExprKind::False, span),
            C::Ellipsis => (ExprKind::Dots, span),
            C::Int(i) => (ExprKind::Int(*i), span),
            C::BigInt(digits) => {
                // Archives are read by another part of PyTorch than programs.
                let message = match self.native {
                    false => "Integral constant out of range (must fit in a signed 64 bit integer)".into(),
                    true => format!("Integral literal out of range: {digits}"),
                };
                return self.fail(ErrorKind::Compile, span, message);
            }
            C::Float(f) => (ExprKind::Float(*f), span),
            C::Complex(f) => (ExprKind::Complex(*f), span),
            C::Str(s) => (ExprKind::Str(s.clone()), span.head(s.chars().count() as u32 + 1)),
            C::Bytes(_) => {
                return self.fail(ErrorKind::Frontend, span, "Unknown Constant expression type");
            }
        };
        Ok(Expr::new(kind, span))
    }
}

fn ident(ident: &ast::Ident) -> Ident {
    Ident {
        name: ident.name.clone(),
        span: ident.span,
    }
}

fn binary(kind: BinKind, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr::new(ExprKind::Bin(kind, Box::new(left), Box::new(right)), span)
}

fn bin(op: ast::BinOp) -> BinKind {
    match op {
        ast::BinOp::Add => BinKind::Add,
        ast::BinOp::Sub => BinKind::Sub,
        ast::BinOp::Mult => BinKind::Mul,
        ast::BinOp::MatMult => BinKind::MatMul,
        ast::BinOp::Div => BinKind::Div,
        ast::BinOp::Mod => BinKind::Mod,
        ast::BinOp::Pow => BinKind::Pow,
        ast::BinOp::LShift => BinKind::LShift,
        ast::BinOp::RShift => BinKind::RShift,
        ast::BinOp::BitOr => BinKind::BitOr,
        ast::BinOp::BitXor => BinKind::BitXor,
        ast::BinOp::BitAnd => BinKind::BitAnd,
        ast::BinOp::FloorDiv => BinKind::FloorDiv,
    }
}

/// `not in` is a negated `in`.
fn compare(op: ast::CmpOp) -> Option<BinKind> {
    Some(match op {
        ast::CmpOp::Eq => BinKind::Eq,
        ast::CmpOp::NotEq => BinKind::Ne,
        ast::CmpOp::Lt => BinKind::Lt,
        ast::CmpOp::LtE => BinKind::Le,
        ast::CmpOp::Gt => BinKind::Gt,
        ast::CmpOp::GtE => BinKind::Ge,
        ast::CmpOp::Is => BinKind::Is,
        ast::CmpOp::IsNot => BinKind::IsNot,
        ast::CmpOp::In => BinKind::In,
        ast::CmpOp::NotIn => return None,
    })
}
