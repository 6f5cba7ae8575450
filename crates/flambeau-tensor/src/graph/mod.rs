//! The operators of PyTorch-Geometric's companion packages, on dense tensors of node numbers and features.
//!
//! | file | operators |
//! |---|---|
//! | `scatter` | torch_scatter: `scatter_*`, `segment_*_coo`, `segment_*_csr`, `gather_coo`, `gather_csr` |
//! | `cluster` | torch_cluster: `knn radius nearest grid fps graclus` |
//! | `sparse` | torch_sparse: `ind2ptr ptr2ind non_diag_mask relabel relabel_one_hop saint_subgraph spmm_*` |
//!
//! Numbers are read as i64 or f64 and written back in the tensor's dtype. Every index is checked, where the packages read
//! beyond their memory.

mod cluster;
mod scatter;
mod sparse;
#[cfg(test)]
mod tests;

pub use cluster::{fps, graclus, grid, knn, nearest, radius};
pub use scatter::{Reduce, gather_coo, gather_csr, scatter, segment_coo, segment_csr};
pub use sparse::{
    Relabelled, ind2ptr, non_diag_mask, ptr2ind, relabel, relabel_one_hop, saint_subgraph, spmm,
};

use crate::{DType, Result, Tensor, ensure};

/// The type that elements are computed in.
trait Number: crate::Element + Copy + PartialOrd {
    fn zero() -> Self;
    fn one() -> Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Divided by a positive count; without fractions rounded downwards or towards zero.
    fn over(self, count: i64, floor: bool) -> Self;
    /// The largest and smallest number of a dtype, without infinities.
    fn range(dtype: DType) -> (Self, Self);
}

impl Number for f64 {
    fn zero() -> f64 {
        0.0
    }
    fn one() -> f64 {
        1.0
    }
    fn plus(self, other: f64) -> f64 {
        self + other
    }
    fn times(self, other: f64) -> f64 {
        self * other
    }
    fn over(self, count: i64, _: bool) -> f64 {
        self / count as f64
    }
    fn range(dtype: DType) -> (f64, f64) {
        let most = match dtype {
            DType::Half => f64::from(crate::f16::MAX),
            DType::BFloat16 => f64::from(crate::bf16::MAX),
            DType::Float => f64::from(f32::MAX),
            _ => f64::MAX,
        };
        (most, -most)
    }
}

impl Number for i64 {
    fn zero() -> i64 {
        0
    }
    fn one() -> i64 {
        1
    }
    fn plus(self, other: i64) -> i64 {
        self.wrapping_add(other)
    }
    fn times(self, other: i64) -> i64 {
        self.wrapping_mul(other)
    }
    fn over(self, count: i64, floor: bool) -> i64 {
        if floor {
            self.wrapping_div_euclid(count)
        } else {
            self.wrapping_div(count)
        }
    }
    fn range(dtype: DType) -> (i64, i64) {
        match dtype {
            DType::Byte => (u8::MAX.into(), u8::MIN.into()),
            DType::Char => (i8::MAX.into(), i8::MIN.into()),
            DType::Short => (i16::MAX.into(), i16::MIN.into()),
            DType::Int => (i32::MAX.into(), i32::MIN.into()),
            _ => (i64::MAX, i64::MIN),
        }
    }
}

/// Whether a kernel computes in f64 rather than i64; other dtypes are refused in the operator's name.
fn is_real(t: &Tensor, name: &str) -> Result<bool> {
    ensure!(
        !t.is_complex() && t.dtype() != DType::Bool,
        "\"{name}\" not implemented for '{}'",
        t.dtype().name()
    );
    Ok(t.is_floating_point())
}

fn numbers<T: Number>(t: &Tensor) -> Result<Vec<T>> {
    t.to_dtype(T::DTYPE)?.to_vec::<T>()
}

fn indices(t: &Tensor, name: &str) -> Result<Vec<i64>> {
    ensure!(
        t.dtype() == DType::Long,
        "expected `{name}` of dtype Long, found {}",
        t.dtype().name()
    );
    t.to_vec::<i64>()
}

/// The indices of a list.
fn vector(t: &Tensor, name: &str) -> Result<Vec<i64>> {
    ensure!(
        t.dim() == 1,
        "expected `{name}` of 1 dimension, found {}",
        t.dim()
    );
    indices(t, name)
}

/// Offsets that do not fall, from at least 0 to at most `end`.
fn offsets(t: &Tensor, name: &str, end: i64) -> Result<Vec<i64>> {
    let ptr = vector(t, name)?;
    check_offsets(&ptr, name, end)?;
    Ok(ptr)
}

fn check_offsets(ptr: &[i64], name: &str, end: i64) -> Result<()> {
    ensure!(!ptr.is_empty(), "expected offsets in `{name}`, found none");
    let rises = ptr.windows(2).all(|w| w[0] <= w[1]);
    let fits = ptr[0] >= 0 && ptr[ptr.len() - 1] <= end;
    ensure!(
        rises && fits,
        "expected rising offsets between 0 and {end} in `{name}`, found {}",
        crate::layout::show(&ptr[..ptr.len().min(10)])
    );
    Ok(())
}

fn list(values: Vec<i64>) -> Result<Tensor> {
    let n = values.len() as i64;
    Tensor::from_vec(values, &[n])
}

fn no_memory() -> crate::Error {
    crate::Error::new(crate::ErrorKind::OutOfMemory, "not enough memory for the result")
}

/// A vector of `n` equal elements, or an error where there is not so much memory.
fn filled<T: Clone>(n: usize, value: T) -> Result<Vec<T>> {
    let mut all = Vec::new();
    if n as u64 > 1 << 40 || all.try_reserve_exact(n).is_err() {
        return Err(no_memory());
    }
    all.resize(n, value);
    Ok(all)
}
