//! Strided tensors with shared storage, and their CPU kernels. A plain Rust API that knows no language.
//!
//! Names follow PyTorch. A [`Tensor`] is a cheap handle; `clone()` shares it, [`Tensor::copy`] copies. Views alias.
//! Every fallible operation returns [`Result`]; nothing panics on any input.
//!
//! | look for | in |
//! |---|---|
//! | `empty zeros ones full arange linspace eye from_slice from_vec scalar_tensor fill_` | methods in `factory` |
//! | `view reshape expand permute transpose squeeze unsqueeze slice select narrow split …` | methods in `view` |
//! | `copy_ copy contiguous to_dtype` | methods in `copy` |
//! | `read() write()` guards with `slice::<T>()`, `item`, `to_vec` | methods in `tensor` |
//! | dtype rules: [`DType::promote`], [`ResultType`], [`dispatch!`] | `dtype` |
//! | pointwise operators | [`pointwise`] |
//! | sums, extrema, norms, scans, softmax | [`reduce`] |
//! | `index gather scatter cat stack masked_* …` | [`index`] |
//! | PyTorch-Geometric's `scatter_* segment_* knn radius spmm_* …` | [`graph`] |

pub mod alloc;
pub mod convert;
pub mod copy;
pub mod dtype;
pub mod error;
pub mod factory;
pub mod fft;
pub mod graph;
pub mod index;
pub mod layout;
pub mod math;
pub mod nn;
pub mod parallel;
pub mod pointwise;
pub mod print;
pub mod random;
pub mod reduce;
pub mod scalar;
pub mod simd;
pub mod sort;
pub mod storage;
pub mod tensor;
pub mod view;
pub mod vision;

pub use dtype::{DType, Element, ResultType};
pub use error::{Error, ErrorKind, Result};
pub use half::{bf16, f16};
pub use layout::{Dims, MemoryFormat};
pub use num_complex::Complex;
pub use scalar::Scalar;
pub use storage::{Access, Storage};
pub use tensor::{Device, Meta, Quantizer, Read, Tensor, Write};
