//! Operators that treat each element for itself, over one strided engine.

pub mod engine;
