//! Errors drawn for people: a short title, what was expected and found, the declaration that it conflicts with, a hint,
//! and a stable code.
//!
//! PyTorch's sentences stay what exceptions say, because programs match on them. Here they are taken apart again, and
//! the source text is searched for the places that explain them; the compiler itself carries neither.

mod around;
mod calls;
mod names;
mod syntax;
mod values;
mod variables;

use flambeau_syntax::{self as ast, Diagnostic, Kind, Span};

use self::around::Around;
use self::calls::calls;
use self::names::names;
use self::syntax::unsupported;
use self::values::values;
use self::variables::variables;
use super::error::{CompileError, ErrorKind};

/// An explanation of one error.
struct Explained {
    code: &'static str,
    title: String,
    label: String,
    notes: Vec<(Span, String)>,
    hints: Vec<String>,
}

impl Explained {
    fn new(code: &'static str, title: impl Into<String>) -> Explained {
        Explained {
            code,
            title: title.into(),
            label: String::new(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }
    fn label(mut self, label: impl Into<String>) -> Explained {
        self.label = label.into();
        self
    }
    fn note(mut self, span: Option<Span>, text: impl Into<String>) -> Explained {
        if let Some(span) = span {
            self.notes.push((span, text.into()));
        }
        self
    }
    fn hint(mut self, hint: impl Into<String>) -> Explained {
        self.hints.push(hint.into());
        self
    }
}

/// What the `{}` of a template stand for in a text that starts with it.
fn cut<'a>(text: &'a str, template: &str) -> Option<Vec<&'a str>> {
    let mut pieces = template.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let pieces: Vec<&str> = pieces.collect();
    for (i, piece) in pieces.iter().enumerate() {
        let at = match (piece.is_empty(), i + 1 == pieces.len()) {
            (true, true) => rest.len(),
            _ => rest.find(piece)?,
        };
        found.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    Some(found)
}

/// A type as programs write it: without addresses, modules and marks of inference.
fn shown(ty: &str) -> String {
    let mut out = String::new();
    let mut rest = ty;
    while let Some(at) = rest.find(" (of Python compilation unit at: 0x") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    let out = out.replace(" (inferred)", "").replace("NoneType", "None");
    let mut short = String::new();
    let mut rest = out.as_str();
    while let Some(at) = rest.find("__torch__.") {
        short.push_str(&rest[..at]);
        let end = rest[at..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .map_or(rest.len(), |e| at + e);
        short.push_str(rest[at..end].rsplit('.').next().unwrap_or_default());
        rest = &rest[end..];
    }
    short.push_str(rest);
    short.trim_end_matches('.').to_string()
}

/// A type with its article.
fn a(ty: &str) -> String {
    let an = ty.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']);
    format!("{} `{ty}`", if an { "an" } else { "a" })
}

fn article(count: &str, what: &str) -> String {
    match count {
        "1" => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The error as shells draw it.
pub(super) fn diagnostic(error: &CompileError) -> Diagnostic {
    let kind = match error.kind {
        ErrorKind::Syntax => Kind::Syntax,
        ErrorKind::UnsupportedNode
        | ErrorKind::NotSupported
        | ErrorKind::Frontend
        | ErrorKind::NotImplemented
        | ErrorKind::Recursion => Kind::Unsupported,
        _ => Kind::Type,
    };
    let around = error.place.as_ref().map(|(text, span)| Around {
        module: ast::parse_module(&text.file).0,
        place: *span,
    });
    let explained = explain(error, around.as_ref());
    let mut diagnostic = Diagnostic::error(kind, explained.code, explained.title);
    if let Some((text, span)) = &error.place {
        diagnostic = diagnostic.at(&text.file, *span, explained.label);
        for (span, note) in explained.notes {
            diagnostic = diagnostic.with(&text.file, span, note);
        }
    }
    for (text, span, note) in &error.notes {
        diagnostic = diagnostic.with(&text.file, *span, note);
    }
    for hint in explained.hints.iter().chain(&error.hints) {
        diagnostic = diagnostic.hint(hint);
    }
    for frame in &error.frames {
        diagnostic = diagnostic.called_from(&frame.caller, &frame.text.file, frame.span);
    }
    diagnostic
}

fn explain(error: &CompileError, around: Option<&Around>) -> Explained {
    let message = error.message.trim();
    let frontend = match error.kind {
        ErrorKind::Syntax => Some(Explained::new("syntax", lower(first_line(message)))),
        ErrorKind::UnsupportedNode | ErrorKind::NotSupported | ErrorKind::Frontend => unsupported(message),
        _ => None,
    };
    frontend
        .or_else(|| calls(message, around))
        .or_else(|| variables(message, around))
        .or_else(|| names(message, around))
        .or_else(|| values(message))
        .unwrap_or_else(|| plain(error.kind, message))
}

fn first_line(message: &str) -> &str {
    message
        .lines()
        .find(|l| !l.trim().is_empty())
        .unwrap_or(message)
        .trim()
}

/// A sentence in the style of our own: no capital at its start, no full stop.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim().trim_end_matches(['.', ':']);
    let mut chars = sentence.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + &sentence[first.len_utf8()..]
        }
        _ => sentence.to_string(),
    }
}

/// Sentences that have no explanation of their own.
fn plain(kind: ErrorKind, message: &str) -> Explained {
    let code = match kind {
        ErrorKind::Syntax => "syntax",
        ErrorKind::UnsupportedNode => "unsupported.node",
        ErrorKind::NotSupported => "unsupported.form",
        ErrorKind::Frontend => "unsupported.frontend",
        ErrorKind::NotImplemented => "unsupported.operation",
        ErrorKind::Recursion => "unsupported.recursion",
        ErrorKind::Compile => "compile",
        ErrorKind::Value => "compile.value",
        ErrorKind::Type => "compile.type",
        ErrorKind::Attribute => "compile.attribute",
    };
    let mut lines = message.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    // Several sentences in one line: the first says what is wrong, the others what to do.
    let (title, advice) = match first.split_once(". ") {
        Some((title, advice)) if title.len() > 8 => (title, Some(advice)),
        _ => (first, None),
    };
    let explained = Explained::new(code, lower(&shown(title)));
    let hints = advice.into_iter().chain(lines);
    hints.fold(explained, |e, line| e.hint(lower(&shown(line))))
}

#[cfg(test)]
mod tests {
    use super::{cut, lower, shown};

    #[test]
    fn templates() {
        let check = |text: &str, template: &str, expected: Option<&[&str]>| {
            assert_eq!(cut(text, template).as_deref(), expected, "{template}");
        };
        check("undefined value x", "undefined value {}", Some(&["x"]));
        check("a 'b' c 'd'.", "a '{}' c '{}'", Some(&["b", "d"]));
        check("a b", "c {}", None);
    }

    #[test]
    fn types() {
        let check = |ty: &str, expected: &str| assert_eq!(shown(ty), expected);
        check("__torch__.case.P (of Python compilation unit at: 0x7f)", "P");
        check(
            "Optional[__torch__.P (of Python compilation unit at: 0x7f)]",
            "Optional[P]",
        );
        check("Tensor (inferred)", "Tensor");
        check("Enum<__torch__.Color>", "Enum<Color>");
    }

    #[test]
    fn sentences() {
        assert_eq!(lower("Expected a thing."), "expected a thing");
        assert_eq!(lower("JIT is"), "JIT is");
    }
}
