//! Mathematical functions of one number: vectorisable ones ([`single`], [`double`]), special functions, complex
//! functions. They know scalars only; loops, threads and instruction sets belong to the callers.

pub mod double;
pub mod madd;
pub mod single;
pub mod special;

pub use madd::{Fused, Madd, Separate};

#[cfg(test)]
mod tests;
