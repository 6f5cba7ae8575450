//! `# type:` comments. Ruff drops them from its tree; they are found among the tokens and attached here.
//!
//! PyTorch looks for a function's signature in every `# type:` comment of its text, so a comment on a local
//! variable makes the function unreadable to it. Whoever compiles decides whether to follow (`bad_signature`).

use super::{Cx, expression_in};
use crate::ast::{Expr, ExprKind, SignatureComment, TypeComment};
use crate::span::Span;

const PREFIX: &str = "# type:";
const SEE: &str = "\nSee PEP 484 (https://www.python.org/dev/peps/pep-0484/#suggested-syntax-for-python-2-7-and-straddling-code)";

impl Cx<'_> {
    /// The type comment on the line on which a statement (or its header) ends.
    pub(super) fn type_comment_behind(&mut self, end: u32) -> Option<Box<TypeComment>> {
        let next = self.comments.partition_point(|c| c.start < end);
        let comment = *self.comments.get(next)?;
        if self.file.line_index(comment.start) != self.file.line_index(end) || self.is_ignore(comment) {
            return None;
        }
        let content = self.content(comment)?;
        let (ty, _) = expression_in(self.file, content);
        Some(Box::new(TypeComment {
            ty: ty?,
            span: comment,
        }))
    }

    /// What follows `# type:`.
    fn content(&self, comment: Span) -> Option<Span> {
        let text = self.file.slice(comment);
        let rest = text.strip_prefix(PREFIX)?;
        let trimmed = rest.trim_start();
        let start = comment.end - trimmed.len() as u32;
        Some(Span::new(start, start + trimmed.trim_end().len() as u32))
    }

    /// Whether the comment is `# type: ignore`, which is meant for type checkers.
    fn is_ignore(&self, comment: Span) -> bool {
        let text = self.file.slice(comment).trim_end();
        let Some(at) = text.rfind("# type: ignore") else {
            return false;
        };
        let rule = &text[at + "# type: ignore".len()..];
        let letters = |r: &str| !r.is_empty() && r.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
        rule.is_empty()
            || rule
                .strip_prefix('[')
                .and_then(|r| r.strip_suffix(']'))
                .is_some_and(letters)
    }

    /// The signature that the type comments in the text of a function give, or what is wrong with them.
    pub(super) fn signature_comment(&self, source: Span) -> Result<Option<SignatureComment>, (String, Span)> {
        let first = self.comments.partition_point(|c| c.start < source.start);
        let inside = || {
            self.comments[first..]
                .iter()
                .copied()
                .take_while(|c| c.start < source.end)
        };
        let typed: Vec<Span> = inside()
            .filter(|&c| self.file.slice(c).contains(PREFIX) && !self.is_ignore(c))
            .collect();
        match typed[..] {
            [] => {
                let Some(wrong) = inside().find(|&c| misspelt(self.file.slice(c))) else {
                    return Ok(None);
                };
                let line = self.file.line_index(wrong.start) - self.file.line_index(source.start);
                let message = format!(
                    "The annotation prefix in line {line} is probably invalid.\nIt must be '{PREFIX}'{SEE}\nfor examples"
                );
                Err((message, wrong))
            }
            [comment] => self.whole_signature(comment).map(Some),
            _ => self.signature_per_argument(&typed).map(Some),
        }
    }

    /// `# type: (int, Tensor) -> Tensor`, alone on its line.
    fn whole_signature(&self, comment: Span) -> Result<SignatureComment, (String, Span)> {
        let content = self.alone(comment)?;
        let (params, returns) = self.split(content).map_err(|m| (m, comment))?;
        let params = self.list(params)?;
        let returns = returns.map(|r| self.ty(r)).transpose()?;
        Ok(SignatureComment {
            params,
            returns,
            span: comment,
        })
    }

    /// One comment behind each argument, and `# type: (...) -> Tensor` below.
    fn signature_per_argument(&self, typed: &[Span]) -> Result<SignatureComment, (String, Span)> {
        let is_return = |c: &&Span| self.file.slice(**c).contains("# type: (...) -> ");
        let Some(&last) = typed.iter().find(is_return) else {
            let message = format!(
                "Return type line '# type: (...) -> ...' not found on multiline type annotation\n\
                 for type lines:\n{}\n(See{}",
                typed
                    .iter()
                    .map(|&c| self.file.slice(c))
                    .collect::<Vec<_>>()
                    .join("\n"),
                SEE.trim_start_matches("\nSee")
            );
            return Err((message, typed[0]));
        };
        let mut params = Vec::new();
        for &comment in typed.iter().take_while(|c| c.start < last.start) {
            let content = self.content(comment).ok_or_else(|| {
                (
                    format!("expected `{PREFIX}` at the start of the comment"),
                    comment,
                )
            })?;
            // A line may name several: `# type: int, int`.
            let trailing = u32::from(self.file.slice(content).ends_with(','));
            params.extend(self.elements(Span::new(content.start, content.end - trailing))?);
        }
        let (_, returns) = self.split(self.alone(last)?).map_err(|m| (m, last))?;
        let returns = returns.map(|r| self.ty(r)).transpose()?;
        Ok(SignatureComment {
            params,
            returns,
            span: last,
        })
    }

    /// The content of a signature comment, which must be the first thing on its line.
    fn alone(&self, comment: Span) -> Result<Span, (String, Span)> {
        let line = self.file.line_span(self.file.line_index(comment.start));
        let before = self.file.slice(Span::new(line.start, comment.start)).trim();
        match self.content(comment) {
            Some(content) if before.is_empty() => Ok(content),
            _ => {
                let text = self.file.slice(line).trim();
                let word = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
                let found = if word { "'ident' " } else { "" };
                let marks = text.len()
                    - text
                        .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                        .len();
                let marks = "~".repeat(marks.max(1));
                Err((
                    format!("expected type comment but found {found}here:\n{text}\n{marks} <--- HERE\n"),
                    comment,
                ))
            }
        }
    }

    /// Splits `(params) -> returns` at the parenthesis that closes the first one; gives what is between the
    /// parentheses, and what follows the arrow if there is one.
    fn split(&self, content: Span) -> Result<(Span, Option<Span>), String> {
        let text = self.file.slice(content);
        let mut depth = 0i32;
        let close = text.bytes().position(|b| {
            depth += match b {
                b'(' | b'[' => 1,
                b')' | b']' => -1,
                _ => 0,
            };
            depth == 0
        });
        let (true, Some(close)) = (text.starts_with('('), close) else {
            return Err(format!(
                "expected a signature such as `# type: (int, Tensor) -> Tensor`, found `{PREFIX} {text}`"
            ));
        };
        let params = Span::new(content.start + 1, content.start + close as u32);
        let rest = text[close + 1..].trim_start();
        if rest.is_empty() {
            return Ok((params, None));
        }
        let Some(returns) = rest.strip_prefix("->") else {
            return Err(format!("expected `->` behind the argument types, found `{rest}`"));
        };
        let returns = returns.trim_start();
        Ok((
            params,
            Some(Span::new(content.end - returns.len() as u32, content.end)),
        ))
    }

    fn ty(&self, at: Span) -> Result<Expr, (String, Span)> {
        match expression_in(self.file, at) {
            (Some(ty), _) => Ok(ty),
            (None, problems) => {
                let why = problems.first().map_or("not a type", |d| d.message.as_str());
                Err((
                    format!("expected a type, found `{}`: {why}", self.file.slice(at)),
                    at,
                ))
            }
        }
    }

    /// The types of `int, Tensor`, which may be empty.
    fn list(&self, at: Span) -> Result<Vec<Expr>, (String, Span)> {
        if self.file.slice(at).trim().is_empty() {
            Ok(Vec::new())
        } else {
            self.elements(at)
        }
    }

    fn elements(&self, at: Span) -> Result<Vec<Expr>, (String, Span)> {
        let text = self.file.slice(at);
        let start = at.end - text.trim_start().len() as u32;
        let ty = self.ty(Span::new(start, start + text.trim().len() as u32))?;
        let in_parentheses = self.file.slice(ty.span).starts_with('(');
        Ok(match ty.kind {
            ExprKind::Tuple(elements) if !in_parentheses => elements,
            kind => vec![Expr::new(kind, ty.span)],
        })
    }
}

/// Comments that look like a type comment with a slip: `#type: int`, `#  type : int`.
fn misspelt(comment: &str) -> bool {
    comment.match_indices('#').any(|(at, _)| {
        let blank = |c| c == ' ' || c == '\t';
        let Some(rest) = comment[at + 1..].trim_start_matches(blank).strip_prefix("type") else {
            return false;
        };
        let rest = rest.trim_start_matches(blank);
        let ignore = rest == ": ignore" || (rest.starts_with(": ignore[") && rest.ends_with(']'));
        rest.starts_with(':') && !ignore
    })
}
