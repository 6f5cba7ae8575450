//! Strided tensors with shared storage, and their CPU kernels.

pub mod nn;
pub mod parallel;
pub mod simd;
pub mod math;
