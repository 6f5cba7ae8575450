//! The TorchScript compiler and interpreter.
