//! Mathematical functions of one number: vectorisable ones ([`single`], [`double`]), special functions, complex
//! functions. They know scalars only; loops, threads and instruction sets belong to the callers.

// Coefficients are written as they were computed, and tables in the digits of their source.
#![allow(clippy::excessive_precision)]

pub mod complex;
pub mod double;
pub mod madd;
pub mod single;
pub mod special;

pub use complex::ComplexMath;
pub use madd::{Fused, Madd, Separate};

#[cfg(test)]
mod tests;
