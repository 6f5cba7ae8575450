//! The TorchScript compiler and interpreter.

#![deny(unsafe_code)]

pub mod bind;
pub mod code;
pub mod construct;
pub mod custom;
pub mod exec;
pub mod load;
pub mod lower;
pub mod module;
pub mod overload;
pub mod passes;
pub mod save;
