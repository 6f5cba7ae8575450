//! Python text to a small syntax tree with spans, and back.
//!
//! The parser reads user programs and the `code/**/*.py` files of TorchScript archives. It does not know which
//! functions or types exist: that is the compiler's business. It never fails and never stops: it returns a tree
//! and a list of complaints.
#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
mod highlight;
mod parse;
mod print;
mod render;
pub mod span;
mod torch_span;
pub mod visit;

pub use ast::*;
pub use diagnostic::{Diagnostic, Frame, Kind, Label, Severity};
pub use highlight::{highlight, highlight_text};
pub use parse::{parse_archive_module, parse_expression, parse_indented, parse_module, parse_type_comment};
pub use print::{print_expr, print_module};
pub use render::render;
pub use span::{SourceFile, Span};
pub use torch_span::python_float;
pub use visit::Node;
