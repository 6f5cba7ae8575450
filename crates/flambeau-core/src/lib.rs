//! The TorchScript compiler and interpreter.

#![forbid(unsafe_code)]

pub mod code;
pub mod lower;
pub mod passes;
pub mod save;
