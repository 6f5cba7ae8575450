//! Text to tree. Ruff's parser does the reading; this folder turns its tree into ours and stops there.
//!
//! Parsing never fails: what could not be read is missing from the tree and complained about.

mod expr;
mod nesting;
mod stmt;
mod type_comment;

use std::sync::Arc;

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_parser::{Mode, ParseErrorType, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};

use crate::ast::{Expr, ExprKind, Module};
use crate::diagnostic::{Diagnostic, Kind};
use crate::span::{SourceFile, Span};

/// Stack that must be left before Ruff's parser and the destructor of its tree are let loose, and the size of the
/// one they get otherwise. Both suffice for the depth that `nesting` lets through.
const STACK_LEFT: usize = 4 << 20;
const STACK_SIZE: usize = 16 << 20;

/// A text that is no Python at all gives a complaint a line; nobody reads more than these.
const MAX_COMPLAINTS: usize = 50;

/// How string literals are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strings {
    /// As in Python: `"\303"` is one character.
    Python,
    /// As TorchScript's serializer writes them: escapes are bytes, and `"\303\251"` is `é`.
    Bytes,
}

/// What the conversion needs to know and collects.
struct Cx<'a> {
    file: &'a Arc<SourceFile>,
    strings: Strings,
    /// Spans of all comments, in order.
    comments: Vec<Span>,
    diagnostics: Vec<Diagnostic>,
    /// Depth of the node being converted.
    depth: usize,
    /// Where functions and classes stand, for [`SourceFile::set_views`].
    views: Vec<Span>,
    /// Whether the node being converted is inside of a function, whose inner definitions are no views.
    in_function: bool,
    /// Whether names must be read from the file, because Ruff was given a text with other names.
    masked: bool,
    /// The indentation that PyTorch takes away from every line of a function, inside of its strings too.
    indent: &'a str,
}

/// Reads a program written by a person.
pub fn parse_module(file: &Arc<SourceFile>) -> (Module, Vec<Diagnostic>) {
    parse_indented(file, "")
}

/// Reads a text whose lines are all indented further than they count for: string literals over several lines are
/// without `indent`.
pub fn parse_indented(file: &Arc<SourceFile>, indent: &str) -> (Module, Vec<Diagnostic>) {
    let (module, diagnostics, views) = module(file, Strings::Python, indent);
    file.set_views(views);
    (module, diagnostics)
}

/// Reads a file of an archive's `code` folder, in which the escapes of string literals stand for bytes and error
/// excerpts may run over the ends of functions.
pub fn parse_archive_module(file: &Arc<SourceFile>) -> (Module, Vec<Diagnostic>) {
    let (module, diagnostics, _) = module(file, Strings::Bytes, "");
    (module, diagnostics)
}

/// Reads a single expression; an unreadable text gives no expression.
pub fn parse_expression(file: &Arc<SourceFile>) -> (Option<Expr>, Vec<Diagnostic>) {
    expression_in(file, Span::new(0, file.text.len() as u32))
}

/// Reads the content of a `# type:` comment (without that prefix) as a type expression, `int` or `Dict[str, Tensor]`.
pub fn parse_type_comment(file: &Arc<SourceFile>, content: Span) -> (Option<Expr>, Vec<Diagnostic>) {
    expression_in(file, content)
}

fn cx<'a>(file: &'a Arc<SourceFile>, strings: Strings, indent: &'a str) -> Cx<'a> {
    Cx {
        file,
        strings,
        comments: Vec::new(),
        diagnostics: Vec::new(),
        depth: 0,
        views: Vec::new(),
        in_function: false,
        masked: false,
        indent,
    }
}

fn module(file: &Arc<SourceFile>, strings: Strings, indent: &str) -> (Module, Vec<Diagnostic>, Vec<Span>) {
    let mut cx = cx(file, strings, indent);
    let mut out = Module::default();
    if cx.refuse_unreadable(Mode::Module) {
        return (out, cx.diagnostics, cx.views);
    }
    stacker::maybe_grow(STACK_LEFT, STACK_SIZE, || {
        let mut parsed = parse_unchecked(&file.text, ParseOptions::from(Mode::Module));
        if strings == Strings::Bytes
            && !parsed.errors().is_empty()
            && let Some(text) = mask_keywords(&file.text, parsed.tokens())
        {
            parsed = parse_unchecked(&text, ParseOptions::from(Mode::Module));
            cx.masked = true;
        }
        let comments = parsed.tokens().iter().filter(|t| t.kind() == TokenKind::Comment);
        cx.comments = comments.map(|t| span(t.range())).collect();
        // The serializer drops the `*` of keyword-only parameters.
        let dropped_star = |error: &ParseErrorType| {
            strings == Strings::Bytes && *error == ParseErrorType::NonDefaultParamAfterDefaultParam
        };
        for error in parsed
            .errors()
            .iter()
            .filter(|e| !dropped_star(&e.error))
            .take(MAX_COMPLAINTS)
        {
            cx.syntax_error(&error.error.to_string(), span(error.location));
        }
        if let ruff_python_ast::Mod::Module(tree) = parsed.syntax() {
            out.body = cx.stmts(&tree.body);
        }
    });
    out.comments = std::mem::take(&mut cx.comments);
    (out, cx.diagnostics, cx.views)
}

/// Reads the expression that fills `part` of the file.
fn expression_in(file: &Arc<SourceFile>, part: Span) -> (Option<Expr>, Vec<Diagnostic>) {
    let mut cx = cx(file, Strings::Python, "");
    let mut out = None;
    if !cx.refuse_unreadable(Mode::Expression) && file.text.get(part.range()).is_some() {
        stacker::maybe_grow(STACK_LEFT, STACK_SIZE, || {
            let range = TextRange::new(part.start.into(), part.end.into());
            match ruff_python_parser::parse_expression_range(&file.text, range) {
                Ok(parsed) => out = Some(cx.expr(parsed.expr())),
                Err(error) => cx.syntax_error(&error.error.to_string(), span(error.location)),
            }
        });
    }
    (out, cx.diagnostics)
}

impl Cx<'_> {
    /// Refuses texts that are too long for our spans or too deep for the parser.
    fn refuse_unreadable(&mut self, mode: Mode) -> bool {
        let text = &self.file.text;
        if text.len() >= (u32::MAX / 2) as usize {
            let message = format!("`{}` is too long: {} bytes", self.file.name, text.len());
            self.diagnostics
                .push(Diagnostic::error(Kind::Syntax, "syntax.size", message));
            return true;
        }
        if nesting::too_deep(text, mode) {
            let message = format!("an expression in `{}` is nested too deeply", self.file.name);
            self.diagnostics.push(
                Diagnostic::error(Kind::Syntax, "syntax.nesting", message)
                    .hint("assign parts of the expression to variables"),
            );
            return true;
        }
        false
    }

    fn syntax_error(&mut self, message: &str, at: Span) {
        self.diagnostics
            .push(Diagnostic::error(Kind::Syntax, "syntax", sentence(message)).at(self.file, at, ""));
    }

    /// Converts one level deeper, or complains and leaves a node that nothing accepts.
    fn deeper<T>(&mut self, at: Span, too_deep: impl FnOnce() -> T, f: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= crate::ast::MAX_DEPTH {
            if !self.diagnostics.iter().any(|d| d.code == "syntax.nesting") {
                let message = format!("code is nested more than {} levels deep", crate::ast::MAX_DEPTH);
                self.diagnostics.push(
                    Diagnostic::error(Kind::Syntax, "syntax.nesting", message)
                        .at(self.file, at, "this is too deep")
                        .hint("assign parts of the expression to variables"),
                );
            }
            return too_deep();
        }
        self.depth += 1;
        let out = stacker::maybe_grow(64 << 10, 1 << 20, || f(self));
        self.depth -= 1;
        out
    }

    fn expr_or_deep(&mut self, at: Span, f: impl FnOnce(&mut Self) -> Expr) -> Expr {
        let deep = || {
            Expr::new(
                ExprKind::Unsupported {
                    what: "deeply nested code",
                },
                at,
            )
        };
        self.deeper(at, deep, f)
    }
}

/// The text with placeholders of equal length for Python's keywords that are names to PyTorch's parser: archives may
/// have attributes called `lambda` or `from`. `None` where there are none.
fn mask_keywords(text: &str, tokens: &Tokens) -> Option<String> {
    use TokenKind::{Async, Await, Except, Finally, From, Lambda, Nonlocal, Try, Yield};
    let mut out = String::new();
    for token in tokens.iter() {
        if matches!(
            token.kind(),
            Async | Await | Except | Finally | From | Lambda | Nonlocal | Try | Yield
        ) {
            let at = span(token.range()).range();
            out.push_str(text.get(out.len()..at.start)?);
            out.extend(at.map(|_| '_'));
        }
    }
    if out.is_empty() {
        return None;
    }
    out.push_str(text.get(out.len()..)?);
    Some(out)
}

fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}

/// Ruff's sentences begin with a capital; ours do not.
fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first
            .to_lowercase()
            .chain(std::iter::once(second))
            .chain(chars)
            .collect(),
        _ => message.to_string(),
    }
}
