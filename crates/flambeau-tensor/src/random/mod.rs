//! Random numbers equal to those of PyTorch's CPU generator: the engine and its state ([`Generator`]), filling
//! runs of elements ([`fill`]), single samples ([`distributions`]). Tensors and layouts belong to the callers.

// `!(a < b)` is how NaN is turned away.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

pub mod distributions;
pub mod fill;
mod generator;
mod mt19937;
pub mod tensor;

pub use generator::{DEFAULT_SEED, Generator, STATE_BYTES, default_generator};
pub use mt19937::Mt19937;

#[cfg(test)]
mod tests;
