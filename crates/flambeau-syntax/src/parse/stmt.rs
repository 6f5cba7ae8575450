//! Ruff's statements to ours.

use ruff_python_ast as ruff;
use ruff_text_size::Ranged;

use super::expr::bin_op;
use super::{Cx, span};
use crate::ast::*;
use crate::span::Span;

impl Cx<'_> {
    pub(super) fn stmts(&mut self, list: &[ruff::Stmt]) -> Vec<Stmt> {
        list.iter().map(|s| self.stmt(s)).collect()
    }

    fn stmt(&mut self, s: &ruff::Stmt) -> Stmt {
        let mut at = span(s.range());
        // Python's own ranges of functions and classes begin behind the decorators.
        match s {
            ruff::Stmt::FunctionDef(f) => at.start = self.behind_decorators(at, &f.decorator_list),
            ruff::Stmt::ClassDef(c) => at.start = self.behind_decorators(at, &c.decorator_list),
            _ => {}
        }
        let deep = || Stmt {
            kind: StmtKind::Unsupported {
                what: "deeply nested code",
                keyword_len: 1,
            },
            span: at,
        };
        self.deeper(at, deep, |cx| Stmt {
            kind: cx.stmt_kind(s, at),
            span: at,
        })
    }

    fn stmt_kind(&mut self, s: &ruff::Stmt, at: Span) -> StmtKind {
        use ruff::Stmt as S;
        let unsupported = |what, keyword_len| StmtKind::Unsupported { what, keyword_len };
        match s {
            S::FunctionDef(f) if f.is_async => unsupported("async function definitions", 9),
            S::FunctionDef(f) => StmtKind::FunctionDef(Box::new(self.function(f, at))),
            S::ClassDef(c) => StmtKind::ClassDef(Box::new(self.class(c, at))),
            S::Return(s) => StmtKind::Return {
                value: self.optional(&s.value),
            },
            S::Delete(s) => StmtKind::Delete {
                targets: self.exprs(&s.targets),
            },
            S::Assign(s) => StmtKind::Assign {
                targets: self.exprs(&s.targets),
                value: self.expr(&s.value),
                type_comment: self.type_comment_behind(at.end),
            },
            S::AugAssign(s) => StmtKind::AugAssign {
                target: self.expr(&s.target),
                op: bin_op(s.op),
                value: self.expr(&s.value),
            },
            S::AnnAssign(s) => StmtKind::AnnAssign {
                target: self.expr(&s.target),
                annotation: self.expr(&s.annotation),
                value: self.optional(&s.value),
            },
            S::For(s) if s.is_async => unsupported("async for loops", 9),
            S::For(s) => StmtKind::For {
                target: self.expr(&s.target),
                iter: self.expr(&s.iter),
                type_comment: self.type_comment_behind(span(s.iter.range()).end),
                body: self.stmts(&s.body),
                orelse: self.stmts(&s.orelse),
            },
            S::While(s) => StmtKind::While {
                test: self.expr(&s.test),
                body: self.stmts(&s.body),
                orelse: self.stmts(&s.orelse),
            },
            S::If(s) => StmtKind::If {
                test: self.expr(&s.test),
                body: self.stmts(&s.body),
                orelse: self.elif_else(&s.elif_else_clauses, at.end),
            },
            S::With(s) if s.is_async => unsupported("async with statements", 10),
            S::With(s) => {
                let items: Vec<WithItem> = s
                    .items
                    .iter()
                    .map(|i| WithItem {
                        context: self.expr(&i.context_expr),
                        target: self.optional(&i.optional_vars),
                    })
                    .collect();
                let end = s.items.last().map_or(at.start, |i| span(i.range).end);
                StmtKind::With {
                    items,
                    type_comment: self.type_comment_behind(end),
                    body: self.stmts(&s.body),
                }
            }
            S::Raise(s) => StmtKind::Raise {
                exc: self.optional(&s.exc),
                cause: self.optional(&s.cause),
            },
            S::Assert(s) => StmtKind::Assert {
                test: self.expr(&s.test),
                msg: self.optional(&s.msg),
            },
            S::Import(s) => StmtKind::Import {
                names: self.aliases(&s.names),
            },
            S::ImportFrom(s) => StmtKind::ImportFrom {
                module: s.module.as_ref().map(|m| self.ident(m)),
                names: self.aliases(&s.names),
                level: s.level,
            },
            S::Expr(s) => StmtKind::Expr(self.expr(&s.value)),
            S::Pass(_) => StmtKind::Pass,
            S::Break(_) => StmtKind::Break,
            S::Continue(_) => StmtKind::Continue,
            S::Global(_) => unsupported("global variables", 6),
            S::Nonlocal(_) => unsupported("nonlocal variables", 8),
            S::Try(s) if s.is_star => unsupported("TryStar", 1),
            S::Try(_) => unsupported("try blocks", 3),
            S::Match(_) => unsupported("Match", 1),
            S::TypeAlias(_) => unsupported("TypeAlias", 1),
            S::IpyEscapeCommand(_) => unsupported("shell escapes", 1),
        }
    }

    /// `elif … elif … else …` as statements nested in each other's `orelse`.
    fn elif_else(&mut self, clauses: &[ruff::ElifElseClause], end: u32) -> Vec<Stmt> {
        let Some((clause, rest)) = clauses.split_first() else {
            return Vec::new();
        };
        let Some(test) = &clause.test else {
            return self.stmts(&clause.body);
        };
        let at = Span::new(span(clause.range).start, end);
        let deep = || Stmt {
            kind: StmtKind::Unsupported {
                what: "deeply nested code",
                keyword_len: 1,
            },
            span: at,
        };
        let nested = self.deeper(at, deep, |cx| Stmt {
            kind: StmtKind::If {
                test: cx.expr(test),
                body: cx.stmts(&clause.body),
                orelse: cx.elif_else(rest, end),
            },
            span: at,
        });
        vec![nested]
    }

    fn aliases(&self, names: &[ruff::Alias]) -> Vec<Alias> {
        let one = |a: &ruff::Alias| Alias {
            name: self.ident(&a.name),
            asname: a.asname.as_ref().map(|n| self.ident(n)),
        };
        names.iter().map(one).collect()
    }

    fn function(&mut self, f: &ruff::StmtFunctionDef, at: Span) -> FunctionDef {
        let source = self.source_lines(span(f.range), &f.body);
        self.view(source);
        let outer = std::mem::replace(&mut self.in_function, true);
        let (signature, bad_signature) = match self.signature_comment(source) {
            Ok(signature) => (signature.map(Box::new), None),
            Err(complaint) => (None, Some(complaint)),
        };
        let def = FunctionDef {
            name: self.ident(&f.name),
            params: self.params(&f.parameters),
            returns: self.optional(&f.returns),
            decorators: f
                .decorator_list
                .iter()
                .map(|d| self.expr(&d.expression))
                .collect(),
            body: self.stmts(&f.body),
            signature,
            bad_signature,
            span: at,
            source,
        };
        self.in_function = outer;
        def
    }

    fn view(&mut self, source: Span) {
        if !self.in_function {
            self.views.push(source);
        }
    }

    fn params(&mut self, p: &ruff::Parameters) -> Vec<Param> {
        let mut out = Vec::new();
        let groups = [
            (ParamKind::PositionalOnly, &p.posonlyargs[..], None),
            (ParamKind::Positional, &p.args[..], None),
            (ParamKind::VarArgs, &[], p.vararg.as_deref()),
            (ParamKind::KeywordOnly, &p.kwonlyargs[..], None),
            (ParamKind::KwArgs, &[], p.kwarg.as_deref()),
        ];
        for (kind, ordinary, starred) in groups {
            let ordinary = ordinary.iter().map(|p| (&p.parameter, &p.default));
            for (param, default) in ordinary.chain(starred.map(|p| (p, &None))) {
                out.push(Param {
                    name: self.ident(&param.name),
                    kind,
                    annotation: self.optional(&param.annotation),
                    default: self.optional(default),
                    span: span(param.range),
                });
            }
        }
        out
    }

    fn class(&mut self, c: &ruff::StmtClassDef, at: Span) -> ClassDef {
        let source = self.source_lines(span(c.range), &c.body);
        self.view(source);
        let keywords = c.arguments.as_ref().map_or(&[][..], |a| &a.keywords[..]);
        ClassDef {
            name: self.ident(&c.name),
            bases: self.exprs(c.bases()),
            keywords: keywords.iter().map(|k| self.keyword(k)).collect(),
            decorators: c
                .decorator_list
                .iter()
                .map(|d| self.expr(&d.expression))
                .collect(),
            body: self.stmts(&c.body),
            span: at,
            source,
        }
    }

    /// Where the `def` or `class` behind the decorators starts.
    fn behind_decorators(&self, at: Span, decorators: &[ruff::Decorator]) -> u32 {
        let Some(last) = decorators.last() else {
            return at.start;
        };
        let text = self.file.text.as_bytes();
        let mut pos = span(last.range).end as usize;
        while let Some(&byte) = text.get(pos) {
            match byte {
                b'#' => {
                    pos += text[pos..]
                        .iter()
                        .position(|&b| b == b'\n')
                        .unwrap_or(text.len() - pos)
                }
                b if b.is_ascii_whitespace() || b == b'\\' => pos += 1,
                _ => break,
            }
        }
        (pos as u32).clamp(at.start, at.end)
    }

    /// The lines of a definition, as `inspect.getsource` returns them: to the end of its last line, and with
    /// comments below it that are indented like its body.
    fn source_lines(&self, at: Span, body: &[ruff::Stmt]) -> Span {
        let file = self.file;
        let start = file.line_span(file.line_index(at.start)).start;
        let mut last = file.line_index(at.end.saturating_sub(1).max(at.start));
        let column = |offset: u32| offset - file.line_span(file.line_index(offset)).start;
        let body_column = body.first().map_or(u32::MAX, |s| column(span(s.range()).start));
        for line in last + 1..file.line_count() {
            let text = file.line_text(line);
            let trimmed = text.trim_start();
            if trimmed.starts_with('#') && (text.len() - trimmed.len()) as u32 >= body_column {
                last = line;
            } else if !trimmed.is_empty() {
                break;
            }
        }
        let end = file.line_span(last).end;
        // With its newline, where it has one.
        Span::new(start, (end + 1).min(file.text.len() as u32))
    }
}
