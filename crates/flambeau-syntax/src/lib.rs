//! Python text to a small syntax tree with spans, and back.
//!
//! The parser reads user programs and the `code/**/*.py` files of TorchScript archives. It does not know which
//! functions or types exist: that is the compiler's business.
#![forbid(unsafe_code)]

pub mod ast;
pub mod span;

pub use ast::*;
pub use span::{SourceFile, Span};
