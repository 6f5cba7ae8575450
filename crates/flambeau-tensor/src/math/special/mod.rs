//! Special functions of `torch.special`, in f64; f32 callers widen and round. Not vectorised: they are rare, and
//! most are longer than any loop around them. Domains and non-finite results follow PyTorch.

// `!(a < b)` is how NaN is turned away.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

mod bessel;
mod elementary;
mod error;
mod gamma;
mod polynomial;

pub use bessel::*;
pub use elementary::*;
pub use error::*;
pub use gamma::*;
pub use polynomial::*;

#[cfg(test)]
mod tests;
