//! The vocabulary of the compiler and the interpreter: TorchScript types, schemas, values, graphs,
//! and the shape of an operator row.
//!
//! It stops before meaning: nothing here compiles source, runs a graph, or knows which operators
//! exist.

#![deny(unsafe_code)]

pub mod function;
pub mod ir;
pub mod ops;
pub mod schema;
pub mod source;
#[allow(unsafe_code)]
mod sync;
pub mod types;
pub mod value;
