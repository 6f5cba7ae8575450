//! How deeply nested a text can be at most, judged from its tokens alone.
//!
//! Ruff's parser and the destructors of its tree recurse. Text from strangers may nest a million brackets, so the
//! depth is bounded before parsing. The bound counts, between commas, every token that could add a level; it is
//! never below the depth of the tree, and far above it only for very long flat expressions.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Texts whose bound is higher are refused unparsed.
const MAX_TOKEN_DEPTH: usize = 6000;

/// What is known of one open bracket (or of the statement, outside all brackets).
#[derive(Default)]
struct Level {
    /// Bound for the text since the last separator.
    current: usize,
    /// The largest bound among the finished parts.
    finished: usize,
}

/// Whether the text could be nested deeper than the parser should be asked to follow.
pub(super) fn too_deep(text: &str, mode: Mode) -> bool {
    // A text with fewer bytes than levels cannot be too deep, and most texts are spared the second lexing.
    if text.len() <= MAX_TOKEN_DEPTH {
        return false;
    }
    let mut lexer = lexer::lex(text, mode);
    let mut open: Vec<Level> = vec![Level::default()];
    // The sum of all `current`.
    let mut total = 0usize;
    let mut indent = 0usize;
    loop {
        let kind = lexer.next_token();
        let added = match kind {
            TokenKind::EndOfFile => return false,
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
            | TokenKind::Ellipsis
            | TokenKind::Colon
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::FStringMiddle
            | TokenKind::FStringEnd
            | TokenKind::TStringMiddle
            | TokenKind::TStringEnd => 0,
            TokenKind::Indent => {
                indent += 1;
                0
            }
            TokenKind::Dedent => {
                indent = indent.saturating_sub(1);
                0
            }
            TokenKind::Newline => {
                open.clear();
                open.push(Level::default());
                total = 0;
                0
            }
            TokenKind::Comma | TokenKind::Semi => {
                if let Some(top) = open.last_mut() {
                    total -= top.current;
                    top.finished = top.finished.max(std::mem::take(&mut top.current));
                }
                0
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                open.push(Level::default());
                1
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if open.len() > 1 => {
                // What follows a closed pair may stand above all of it: `(…)()()`.
                let closed = open.pop().unwrap_or_default();
                total -= closed.current;
                closed.current.max(closed.finished) + 1
            }
            _ => 1,
        };
        if let Some(top) = open.last_mut() {
            top.current += added;
            total += added;
        }
        if total + indent > MAX_TOKEN_DEPTH {
            return true;
        }
    }
}
