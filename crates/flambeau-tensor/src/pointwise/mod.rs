//! Operators that treat each element for itself, over one strided engine.
//!
//! Every operator is a function giving a new tensor, and a twin with `_to` that takes a [`To`] first: new, in place
//! (`add_`) or `out=`. Binary ones take [`Arg`]s, so either side may be a number: `add((&x).into(), 2.into(), 1.into())`.
//!
//! To add one: a [`table`](mod@table) entry with its loops, and an `op!` with its dtype rule.

pub mod activation;
pub mod arith;
pub mod bitwise;
pub mod call;
pub mod compare;
pub mod complex;
pub mod divide;
pub mod engine;
pub mod logic;
mod operand;
pub mod real;
pub mod special;
pub(crate) mod strided;
pub mod table;
pub mod ternary;
#[cfg(test)]
mod tests;
pub mod unary;

pub use activation::*;
pub use arith::*;
pub use bitwise::*;
pub use call::{Arg, To, result_type};
pub use compare::*;
pub use complex::*;
pub use divide::*;
pub use logic::*;
pub use special::*;
pub use ternary::*;
pub use unary::*;
