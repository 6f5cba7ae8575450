//! The TorchScript compiler and interpreter.

pub mod code;
pub mod save;
