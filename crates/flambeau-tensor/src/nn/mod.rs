//! Kernels of neural networks: matrix products, convolution, pooling, normalisation, attention, recurrence.
//!
//! `vector`, `scratch` and `gemm` work on raw strided memory; the functions on tensors stand on them.

pub mod access;
pub mod attention;
pub mod conv;
pub mod distance;
pub mod einsum;
pub mod embedding_bag;
pub mod fold;
pub mod gemm;
pub mod interpolate;
pub mod loss;
pub mod matmul;
pub mod norm;
pub mod pad;
pub mod pool;
pub mod recurrent;
pub mod rows;
pub mod sample;
pub mod scratch;
pub mod vector;
