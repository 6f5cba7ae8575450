//! The tree back to Python text: text that parses to an equal tree (spans and comments aside).
//!
//! Parentheses are printed where precedence asks for them and around every tuple. Nodes whose content the tree
//! does not keep (`Unsupported`) are copied from the source they came from.

use std::fmt::Write;

use crate::ast::*;
use crate::span::SourceFile;
use crate::torch_span::python_float;

/// A module as text. `source` is the file the tree was read from.
pub fn print_module(module: &Module, source: &SourceFile) -> String {
    let mut p = Printer {
        out: String::new(),
        indent: 0,
        source,
    };
    module.body.iter().for_each(|s| p.stmt(s));
    p.out
}

/// An expression as text. `source` is the file it was read from.
pub fn print_expr(expr: &Expr, source: &SourceFile) -> String {
    let mut p = Printer {
        out: String::new(),
        indent: 0,
        source,
    };
    p.expr(expr, prec::TEST);
    p.out
}

/// Binding strength, weakest first.
mod prec {
    pub const TEST: u8 = 1;
    pub const OR: u8 = 2;
    pub const AND: u8 = 3;
    pub const NOT: u8 = 4;
    pub const COMPARE: u8 = 5;
    pub const BIT_OR: u8 = 6;
    pub const BIT_XOR: u8 = 7;
    pub const BIT_AND: u8 = 8;
    pub const SHIFT: u8 = 9;
    pub const ARITH: u8 = 10;
    pub const TERM: u8 = 11;
    pub const UNARY: u8 = 12;
    pub const POWER: u8 = 13;
    pub const POSTFIX: u8 = 14;
    pub const ATOM: u8 = 15;
}

struct Printer<'a> {
    out: String,
    indent: usize,
    source: &'a SourceFile,
}

impl Printer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line_start(&mut self) {
        self.out.extend(std::iter::repeat_n("    ", self.indent));
    }

    fn block(&mut self, body: &[Stmt]) {
        self.push(":\n");
        self.indented(body);
    }

    fn indented(&mut self, body: &[Stmt]) {
        self.indent += 1;
        body.iter().for_each(|s| self.stmt(s));
        if body.is_empty() {
            self.line_start();
            self.push("pass\n");
        }
        self.indent -= 1;
    }

    /// Calls `f` on each element with `, ` between them.
    fn list<T>(&mut self, items: &[T], mut f: impl FnMut(&mut Self, &T)) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            f(self, item);
        }
    }

    fn tests(&mut self, items: &[Expr]) {
        self.list(items, |p, e| p.expr(e, prec::TEST));
    }

    fn optional(&mut self, before: &str, e: &Option<Expr>) {
        if let Some(e) = e {
            self.push(before);
            self.expr(e, prec::TEST);
        }
    }

    fn type_comment(&mut self, comment: &Option<Box<TypeComment>>) {
        if let Some(comment) = comment {
            self.push("  # type: ");
            self.expr(&comment.ty, prec::TEST);
        }
    }

    /// A type comment behind the colon of a header, then the body.
    fn commented_block(&mut self, comment: &Option<Box<TypeComment>>, body: &[Stmt]) {
        self.push(":");
        self.type_comment(comment);
        self.push("\n");
        self.indented(body);
    }

    fn stmt(&mut self, s: &Stmt) {
        match &s.kind {
            StmtKind::FunctionDef(def) => return self.function(def),
            StmtKind::ClassDef(def) => return self.class(def),
            _ => self.line_start(),
        }
        match &s.kind {
            StmtKind::FunctionDef(_) | StmtKind::ClassDef(_) => {}
            StmtKind::Assign {
                targets,
                value,
                type_comment,
            } => {
                for target in targets {
                    self.expr(target, prec::TEST);
                    self.push(" = ");
                }
                self.expr(value, prec::TEST);
                self.type_comment(type_comment);
            }
            StmtKind::AugAssign { target, op, value } => {
                self.expr(target, prec::TEST);
                let _ = write!(self.out, " {}= ", op.token());
                self.expr(value, prec::TEST);
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                self.expr(target, prec::TEST);
                self.push(": ");
                self.expr(annotation, prec::TEST);
                self.optional(" = ", value);
            }
            StmtKind::Return { value } => {
                self.push("return");
                self.optional(" ", value);
            }
            StmtKind::Raise { exc, cause } => {
                self.push("raise");
                self.optional(" ", exc);
                self.optional(" from ", cause);
            }
            StmtKind::Assert { test, msg } => {
                self.push("assert ");
                self.expr(test, prec::TEST);
                self.optional(", ", msg);
            }
            StmtKind::If { test, body, orelse } => return self.if_else("if ", test, body, orelse),
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                type_comment,
            } => {
                self.push("for ");
                self.expr(target, prec::TEST);
                self.push(" in ");
                self.expr(iter, prec::TEST);
                self.commented_block(type_comment, body);
                return self.orelse(orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.push("while ");
                self.expr(test, prec::TEST);
                self.block(body);
                return self.orelse(orelse);
            }
            StmtKind::With {
                items,
                body,
                type_comment,
            } => {
                self.push("with ");
                self.with_items(items);
                return self.commented_block(type_comment, body);
            }
            StmtKind::Pass => self.push("pass"),
            StmtKind::Break => self.push("break"),
            StmtKind::Continue => self.push("continue"),
            StmtKind::Expr(e) => self.expr(e, prec::TEST),
            StmtKind::Delete { targets } => {
                self.push("del ");
                self.tests(targets);
            }
            StmtKind::Import { names } => {
                self.push("import ");
                self.list(names, Self::alias);
            }
            StmtKind::ImportFrom { module, names, level } => {
                self.push("from ");
                self.out.extend(std::iter::repeat_n('.', *level as usize));
                self.push(module.as_ref().map_or("", |m| &m.name));
                self.push(" import ");
                self.list(names, Self::alias);
            }
            StmtKind::Unsupported { .. } => self.copied(s),
        }
        self.push("\n");
    }

    /// A statement as it stands in the source, moved to the current indentation.
    fn copied(&mut self, s: &Stmt) {
        let line = self.source.line_span(self.source.line_index(s.span.start));
        let column = (s.span.start - line.start) as usize;
        for (i, line) in self.source.slice(s.span).split('\n').enumerate() {
            if i > 0 {
                self.push("\n");
                self.line_start();
                let blanks = line.len() - line.trim_start().len();
                self.push(&line[column.min(blanks)..]);
            } else {
                self.push(line);
            }
        }
    }

    fn if_else(&mut self, keyword: &str, test: &Expr, body: &[Stmt], orelse: &[Stmt]) {
        self.push(keyword);
        self.expr(test, prec::TEST);
        self.block(body);
        if let [
            Stmt {
                kind: StmtKind::If { test, body, orelse },
                ..
            },
        ] = orelse
        {
            self.line_start();
            self.if_else("elif ", test, body, orelse);
        } else {
            self.orelse(orelse);
        }
    }

    fn orelse(&mut self, orelse: &[Stmt]) {
        if !orelse.is_empty() {
            self.line_start();
            self.push("else");
            self.block(orelse);
        }
    }

    fn with_items(&mut self, items: &[WithItem]) {
        // `with (a, b):` would be two items.
        let lone = matches!(items, [WithItem { target: None, .. }]);
        self.list(items, |p, item| {
            let parenthesize = lone && matches!(item.context.kind, ExprKind::Tuple(_));
            p.push(if parenthesize { "(" } else { "" });
            p.expr(&item.context, prec::TEST);
            p.push(if parenthesize { ")" } else { "" });
            p.optional(" as ", &item.target);
        });
    }

    fn alias(&mut self, alias: &Alias) {
        self.push(&alias.name.name);
        if let Some(asname) = &alias.asname {
            self.push(" as ");
            self.push(&asname.name);
        }
    }

    fn decorators(&mut self, decorators: &[Expr]) {
        for decorator in decorators {
            self.line_start();
            self.push("@");
            self.expr(decorator, prec::TEST);
            self.push("\n");
        }
        self.line_start();
    }

    fn function(&mut self, def: &FunctionDef) {
        self.decorators(&def.decorators);
        self.push("def ");
        self.push(&def.name.name);
        self.push("(");
        // Comments on local variables rule out the one-line form of a signature comment.
        let per_argument = def
            .signature
            .as_ref()
            .filter(|s| s.returns.is_some() && has_type_comment(&def.body));
        let types = per_argument.map_or(&[][..], |s| &s.params);
        let untyped = def.params.len().saturating_sub(types.len());
        let mut slash = false;
        let mut star = false;
        for (i, param) in def.params.iter().enumerate() {
            if slash && param.kind != ParamKind::PositionalOnly {
                self.push("/, ");
            }
            slash = param.kind == ParamKind::PositionalOnly;
            if param.kind == ParamKind::KeywordOnly && !star {
                self.push("*, ");
                star = true;
            }
            star |= param.kind == ParamKind::VarArgs;
            self.push(match param.kind {
                ParamKind::VarArgs => "*",
                ParamKind::KwArgs => "**",
                _ => "",
            });
            self.push(&param.name.name);
            self.optional(": ", &param.annotation);
            self.optional(" = ", &param.default);
            let last = i + 1 == def.params.len();
            if last && slash {
                self.push(", /");
            }
            self.push(if last { "" } else { ", " });
            if let Some(ty) = i.checked_sub(untyped).and_then(|i| types.get(i)) {
                self.push("  # type: ");
                self.expr(ty, prec::TEST);
                self.push("\n");
                self.line_start();
                self.push("        ");
            }
        }
        self.push(")");
        self.optional(" -> ", &def.returns);
        self.push(":\n");
        if let Some(signature) = &def.signature {
            self.indent += 1;
            self.line_start();
            self.indent -= 1;
            self.push("# type: (");
            if per_argument.is_some() {
                self.push("...");
            } else {
                self.tests(&signature.params);
            }
            self.push(")");
            self.optional(" -> ", &signature.returns);
            self.push("\n");
        }
        self.indented(&def.body);
    }

    fn class(&mut self, def: &ClassDef) {
        self.decorators(&def.decorators);
        self.push("class ");
        self.push(&def.name.name);
        if !def.bases.is_empty() || !def.keywords.is_empty() {
            self.arguments(&def.bases, &def.keywords);
        }
        self.block(&def.body);
    }

    fn arguments(&mut self, args: &[Expr], keywords: &[Keyword]) {
        self.push("(");
        self.tests(args);
        self.push(if args.is_empty() || keywords.is_empty() {
            ""
        } else {
            ", "
        });
        self.list(keywords, |p, k| {
            match &k.arg {
                Some(arg) => {
                    p.push(&arg.name);
                    p.push("=");
                }
                None => p.push("**"),
            }
            p.expr(&k.value, prec::TEST);
        });
        self.push(")");
    }

    fn expr(&mut self, e: &Expr, at_least: u8) {
        let own = precedence(e);
        if own < at_least {
            self.push("(");
            self.expr_inside(e, own);
            self.push(")");
        } else {
            self.expr_inside(e, own);
        }
    }

    fn expr_inside(&mut self, e: &Expr, own: u8) {
        match &e.kind {
            ExprKind::Name(name) => self.push(name),
            ExprKind::Constant(constant) => self.constant(constant),
            ExprKind::Attribute { value, attr } => {
                // `1.real` is no attribute.
                let int = matches!(
                    value.kind,
                    ExprKind::Constant(Constant::Int(_) | Constant::BigInt(_))
                );
                self.push(if int { "(" } else { "" });
                self.expr(value, prec::POSTFIX);
                self.push(if int { ")." } else { "." });
                self.push(&attr.name);
            }
            ExprKind::Subscript { value, index } => {
                self.expr(value, prec::POSTFIX);
                self.push("[");
                match &index.kind {
                    ExprKind::Tuple(elements) if !elements.is_empty() => {
                        self.tests(elements);
                        self.push(if elements.len() == 1 { "," } else { "" });
                    }
                    _ => self.expr(index, prec::TEST),
                }
                self.push("]");
            }
            ExprKind::Slice { lower, upper, step } => {
                let mut bound = |before: &str, e: &Option<Box<Expr>>| {
                    self.push(before);
                    if let Some(e) = e {
                        self.expr(e, prec::TEST);
                    }
                };
                bound("", lower);
                bound(":", upper);
                if step.is_some() {
                    bound(":", step);
                }
            }
            ExprKind::Call { func, args, keywords } => {
                self.expr(func, prec::POSTFIX);
                self.arguments(args, keywords);
            }
            ExprKind::BinOp { op, left, right } => {
                let (l, r) = match op {
                    BinOp::Pow => (prec::POSTFIX, prec::UNARY),
                    _ => (own, own + 1),
                };
                self.expr(left, l);
                let _ = write!(self.out, " {} ", op.token());
                self.expr(right, r);
            }
            ExprKind::UnaryOp { op, operand } => {
                self.push(op.token());
                self.push(if *op == UnaryOp::Not { " " } else { "" });
                self.expr(operand, own);
            }
            ExprKind::BoolOp { op, values } => {
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        let _ = write!(self.out, " {} ", op.token());
                    }
                    self.expr(value, own + 1);
                }
            }
            ExprKind::Compare {
                left,
                ops,
                comparators,
            } => {
                self.expr(left, own + 1);
                for (op, right) in ops.iter().zip(comparators) {
                    let _ = write!(self.out, " {} ", op.token());
                    self.expr(right, own + 1);
                }
            }
            ExprKind::IfExp { test, body, orelse } => {
                self.expr(body, prec::OR);
                self.push(" if ");
                self.expr(test, prec::OR);
                self.push(" else ");
                self.expr(orelse, prec::TEST);
            }
            ExprKind::List(elements) => {
                self.push("[");
                self.tests(elements);
                self.push("]");
            }
            ExprKind::Tuple(elements) => {
                self.push("(");
                self.tests(elements);
                self.push(if elements.len() == 1 { ",)" } else { ")" });
            }
            ExprKind::Dict { keys, values } => {
                self.push("{");
                for (i, (key, value)) in keys.iter().zip(values).enumerate() {
                    self.push(if i > 0 { ", " } else { "" });
                    match key {
                        Some(key) => {
                            self.expr(key, prec::TEST);
                            self.push(": ");
                            self.expr(value, prec::TEST);
                        }
                        None => {
                            self.push("**");
                            self.expr(value, prec::BIT_OR);
                        }
                    }
                }
                self.push("}");
            }
            ExprKind::Starred(value) => {
                self.push("*");
                self.expr(value, prec::BIT_OR);
            }
            ExprKind::ListComp { element, generators } => {
                self.push("[");
                self.expr(element, prec::TEST);
                self.generators(generators, "]");
            }
            ExprKind::GeneratorExp { element, generators } => {
                self.push("(");
                self.expr(element, prec::TEST);
                self.generators(generators, ")");
            }
            ExprKind::DictComp {
                key,
                value,
                generators,
            } => {
                self.push("{");
                self.expr(key, prec::TEST);
                self.push(": ");
                self.expr(value, prec::TEST);
                self.generators(generators, "}");
            }
            ExprKind::JoinedStr(parts) => self.f_string(parts),
            ExprKind::Unsupported { .. } => {
                self.push("(");
                self.push(self.source.slice(e.span));
                self.push(")");
            }
        }
    }

    fn generators(&mut self, generators: &[Comprehension], close: &str) {
        for generator in generators {
            self.push(if generator.is_async {
                " async for "
            } else {
                " for "
            });
            self.expr(&generator.target, prec::TEST);
            self.push(" in ");
            self.expr(&generator.iter, prec::OR);
            for test in &generator.ifs {
                self.push(" if ");
                self.expr(test, prec::OR);
            }
        }
        self.push(close);
    }

    fn constant(&mut self, constant: &Constant) {
        match constant {
            Constant::None => self.push("None"),
            Constant::Bool(true) => self.push("True"),
            Constant::Bool(false) => self.push("False"),
            Constant::Ellipsis => self.push("..."),
            Constant::Int(i) => {
                let _ = write!(self.out, "{i}");
            }
            Constant::BigInt(text) => self.push(text),
            // Python has no literal for infinity, but reads one that is too large as such.
            Constant::Float(f) if f.is_infinite() => self.push("1e999"),
            Constant::Float(f) => self.push(&python_float(*f)),
            Constant::Complex(f) if f.is_infinite() => self.push("1e999j"),
            Constant::Complex(f) => {
                self.push(&python_float(*f));
                self.push("j");
            }
            Constant::Str(text) => self.string(text),
            Constant::Bytes(bytes) => {
                self.push("b\"");
                for &byte in bytes {
                    match byte {
                        b'"' | b'\\' => {
                            self.push("\\");
                            self.out.push(char::from(byte));
                        }
                        b' '..=b'~' => self.out.push(char::from(byte)),
                        _ => {
                            let _ = write!(self.out, "\\x{byte:02x}");
                        }
                    }
                }
                self.push("\"");
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.push("\"");
        for c in text.chars() {
            self.escaped(c, "\"");
        }
        self.push("\"");
    }

    fn escaped(&mut self, c: char, quote: &str) {
        match c {
            '\\' => self.push("\\\\"),
            '\n' => self.push("\\n"),
            '\r' => self.push("\\r"),
            '\t' => self.push("\\t"),
            c if quote.starts_with(c) => {
                self.push("\\");
                self.out.push(c);
            }
            c if c.is_ascii_control() => {
                let _ = write!(self.out, "\\x{:02x}", u32::from(c));
            }
            c => self.out.push(c),
        }
    }

    fn f_string(&mut self, parts: &[FStringPart]) {
        // Format specifications are kept as they stood, so the quotes must be none of theirs.
        let formats = || {
            parts.iter().filter_map(|p| match p {
                FStringPart::Value { format, .. } => format.as_deref(),
                FStringPart::Text(..) => None,
            })
        };
        let fits =
            |quote: &&&str| !formats().any(|f| f.contains(**quote) || (quote.len() == 1 && f.contains('\n')));
        let quote = ["\"", "'", "\"\"\"", "'''"].iter().find(fits).unwrap_or(&"\"");
        self.push("f");
        self.push(quote);
        for part in parts {
            match part {
                FStringPart::Text(text, _) => {
                    for c in text.chars() {
                        match c {
                            '{' => self.push("{{"),
                            '}' => self.push("}}"),
                            c => self.escaped(c, quote),
                        }
                    }
                }
                FStringPart::Value {
                    value,
                    conversion,
                    format,
                    ..
                } => {
                    self.push("{");
                    let start = self.out.len();
                    self.expr(value, prec::OR);
                    if self.out[start..].starts_with('{') {
                        self.out.insert(start, ' ');
                    }
                    if let Some(conversion) = conversion {
                        self.push("!");
                        self.out.push(*conversion);
                    }
                    if let Some(format) = format {
                        self.push(":");
                        self.push(format);
                    }
                    self.push("}");
                }
            }
        }
        self.push(quote);
    }
}

fn precedence(e: &Expr) -> u8 {
    match &e.kind {
        ExprKind::IfExp { .. } => prec::TEST,
        ExprKind::BoolOp { op: BoolOp::Or, .. } => prec::OR,
        ExprKind::BoolOp { op: BoolOp::And, .. } => prec::AND,
        ExprKind::UnaryOp { op: UnaryOp::Not, .. } => prec::NOT,
        ExprKind::UnaryOp { .. } => prec::UNARY,
        ExprKind::Compare { .. } => prec::COMPARE,
        ExprKind::BinOp { op, .. } => match op {
            BinOp::BitOr => prec::BIT_OR,
            BinOp::BitXor => prec::BIT_XOR,
            BinOp::BitAnd => prec::BIT_AND,
            BinOp::LShift | BinOp::RShift => prec::SHIFT,
            BinOp::Add | BinOp::Sub => prec::ARITH,
            BinOp::Mult | BinOp::MatMult | BinOp::Div | BinOp::FloorDiv | BinOp::Mod => prec::TERM,
            BinOp::Pow => prec::POWER,
        },
        ExprKind::Call { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => prec::POSTFIX,
        ExprKind::Starred(_) | ExprKind::Slice { .. } => prec::TEST,
        _ => prec::ATOM,
    }
}

/// Whether a statement below carries a type comment of its own.
fn has_type_comment(body: &[Stmt]) -> bool {
    body.iter().any(|s| match &s.kind {
        StmtKind::Assign { type_comment, .. } => type_comment.is_some(),
        StmtKind::For {
            type_comment,
            body,
            orelse,
            ..
        } => type_comment.is_some() || has_type_comment(body) || has_type_comment(orelse),
        StmtKind::With {
            type_comment, body, ..
        } => type_comment.is_some() || has_type_comment(body),
        StmtKind::If { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
            has_type_comment(body) || has_type_comment(orelse)
        }
        _ => false,
    })
}
