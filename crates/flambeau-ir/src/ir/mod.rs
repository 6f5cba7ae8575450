//! The intermediate representation: graphs of nodes in nested blocks, in SSA form.
//!
//! A [`Graph`] owns everything; nodes, values and blocks are indices into it. It prints in
//! PyTorch's textual form. Which node kinds exist is open: kinds are names, and only the
//! structural `prim::` ones are treated specially anywhere.

mod attr;
mod copy;
mod graph;
mod names;
mod parse;
mod print;
mod verify;

pub use attr::Attr;
pub use graph::{
    Block, BlockId, Def, Graph, InlinedCall, InsertPoint, Node, NodeId, Use, User, Value, ValueId,
};
pub use parse::{FindType, ParseError};

use std::sync::Arc;

/// A node kind such as `aten::add` or `prim::If`.
pub type Symbol = Arc<str>;
