//! Strided tensors with shared storage, and their CPU kernels.
