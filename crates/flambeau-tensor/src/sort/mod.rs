//! Order: sorting, selection, quantiles, uniqueness, searching in sorted sequences, histograms.
//!
//! One engine for all element types: each element becomes a 64-bit key with the same order (NaN above everything,
//! both zeros equal), so sorting is compiled once. Where PyTorch leaves the choice among equal elements open, the same algorithms
//! make the same choice (`ties`).

mod histogram;
mod quantile;
mod search;
mod select;
mod ties;
mod unique;

pub use histogram::{Bins, histc, histogram, histogramdd, histogramdd_bin_edges};
pub use quantile::{Interpolation, quantile};
pub use search::{bucketize, searchsorted};
pub use select::{kthvalue, median, median_dim, mode, nanmedian, nanmedian_dim, topk};
pub use unique::{Unique, unique, unique_consecutive, unique_dim, unique_dim_consecutive};

use crate::layout::{Dims, wrap_dim};
use crate::{Element, Result, Tensor, bail, bf16, dispatch, f16};

#[cfg(test)]
mod tests;

/// An element with a total order.
pub(crate) trait OrderKey: Element {
    /// Ordered as the elements; all NaN give `NAN_KEY`, both zeros the same key.
    fn order_key(self) -> u64;
}

pub(crate) const NAN_KEY: u64 = u64::MAX;

macro_rules! integer_key {
    ($($t:ty),*) => {$(
        impl OrderKey for $t {
            #[inline]
            fn order_key(self) -> u64 {
                self as i64 as u64 ^ 1 << 63
            }
        }
    )*};
}
integer_key!(bool, u8, i8, i16, i32, i64);

impl OrderKey for f32 {
    #[inline]
    fn order_key(self) -> u64 {
        if self.is_nan() {
            return NAN_KEY;
        }
        let bits = (self + 0.0).to_bits();
        (bits ^ ((bits as i32 >> 31) as u32 | 1 << 31)) as u64
    }
}

impl OrderKey for f64 {
    #[inline]
    fn order_key(self) -> u64 {
        if self.is_nan() {
            return NAN_KEY;
        }
        let bits = (self + 0.0).to_bits();
        bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
    }
}

impl OrderKey for f16 {
    #[inline]
    fn order_key(self) -> u64 {
        self.to_f32().order_key()
    }
}

impl OrderKey for bf16 {
    #[inline]
    fn order_key(self) -> u64 {
        self.to_f32().order_key()
    }
}

/// A tensor laid out so that each row along the chosen dimension is contiguous.
pub(crate) struct Rows {
    /// Contiguous, the chosen dimension last; one element in one row for a 0-d tensor.
    pub tensor: Tensor,
    /// Length of a row.
    pub n: usize,
    /// Number of rows.
    pub count: usize,
    /// The chosen dimension in the original.
    pub dim: usize,
    /// Whether the original has no dimensions.
    pub scalar: bool,
}

impl Rows {
    pub fn new(t: &Tensor, dim: i64) -> Result<Rows> {
        let scalar = t.dim() == 0;
        let dim = wrap_dim(dim, t.dim())?;
        let t = if scalar { t.reshape(&[1])? } else { t.clone() };
        let tensor = t.transpose(dim as i64, -1)?.contiguous()?;
        let n = *tensor.sizes().last().unwrap_or(&1) as usize;
        let count = tensor.sizes()[..tensor.dim() - 1].iter().product::<i64>() as usize;
        Ok(Rows {
            tensor,
            n,
            count,
            dim,
            scalar,
        })
    }

    /// Sort keys of all elements, row by row.
    pub fn keys(&self, name: &str) -> Result<Vec<u64>> {
        keys(&self.tensor, name)
    }

    /// A tensor of `m` elements per row, put back in the original order of dimensions.
    pub fn restore(&self, flat: Tensor, m: usize) -> Result<Tensor> {
        if self.scalar {
            return flat.reshape(&[]);
        }
        let mut sizes: Dims = self.tensor.sizes().into();
        if let Some(last) = sizes.last_mut() {
            *last = m as i64;
        }
        flat.reshape(&sizes)?.transpose(self.dim as i64, -1)?.contiguous()
    }

    /// One element per row, the dimension kept or dropped.
    pub fn restore_reduced(&self, flat: Tensor, keepdim: bool) -> Result<Tensor> {
        let t = self.restore(flat, 1)?;
        if keepdim || self.scalar {
            Ok(t)
        } else {
            t.squeeze_dim(self.dim as i64)
        }
    }

    /// The elements at `places`, which index all rows laid end to end.
    pub fn take(&self, places: impl ExactSizeIterator<Item = usize>) -> Result<Tensor> {
        take(&self.tensor, places)
    }
}

/// The elements of a contiguous tensor at flat `places`, as a vector.
pub(crate) fn take(t: &Tensor, places: impl ExactSizeIterator<Item = usize>) -> Result<Tensor> {
    let read = t.read()?;
    dispatch!(t.dtype(), "take", T => {
        let data = read.slice::<T>()?;
        let taken: Vec<T> = places.map(|i| data[i]).collect();
        Tensor::from_elements(&taken)
    })
}

/// Sort keys of the elements of a contiguous tensor.
pub(crate) fn keys(t: &Tensor, name: &str) -> Result<Vec<u64>> {
    let read = t.read()?;
    dispatch!(t.dtype(), name, T: real => {
        Ok(read.slice::<T>()?.iter().map(|x| x.order_key()).collect())
    })
}

/// Stable order of one row: indices from the least key up, or down.
pub(crate) fn order(keys: &[u64], descending: bool) -> Vec<usize> {
    let flip = if descending { u64::MAX } else { 0 };
    let mut pairs: Vec<(u64, usize)> = keys.iter().map(|k| k ^ flip).zip(0..).collect();
    // The index breaks ties, so an unstable sort is stable.
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, i)| i).collect()
}

/// Values and indices along `dim`, NaN last (first if descending). `stable`: equal elements keep their order;
/// otherwise they end where PyTorch's introsort puts them.
pub fn sort(t: &Tensor, dim: i64, descending: bool, stable: bool) -> Result<(Tensor, Tensor)> {
    if t.is_complex() {
        bail!("Sort does not support complex dtypes on CPU");
    }
    let rows = Rows::new(t, dim)?;
    // PyTorch sorts long lists of integers by their digits, which is stable.
    let radix = t.dim() == 1 && t.dtype().is_integral(false) && !descending && rows.n >= 32768;
    let keys = rows.keys("sort")?;
    let mut indices: Vec<i64> = Vec::with_capacity(keys.len());
    for row in keys.chunks_exact(rows.n.max(1)) {
        if stable || radix || rows.n <= ties::SHORT {
            indices.extend(order(row, descending).into_iter().map(|i| i as i64));
            continue;
        }
        let flip = if descending { u64::MAX } else { 0 };
        let mut pairs: Vec<(u64, usize)> = row.iter().map(|k| k ^ flip).zip(0..).collect();
        ties::sort(&mut pairs);
        indices.extend(pairs.into_iter().map(|(_, i)| i as i64));
    }
    let n = rows.n;
    let places = indices.iter().enumerate().map(|(at, &i)| at / n * n + i as usize);
    let values = rows.restore(rows.take(places)?, n)?;
    Ok((
        values,
        rows.restore(Tensor::from_vec(indices, &[(n * rows.count) as i64])?, n)?,
    ))
}

/// The indices that [`sort`] gives.
pub fn argsort(t: &Tensor, dim: i64, descending: bool, stable: bool) -> Result<Tensor> {
    Ok(sort(t, dim, descending, stable)?.1)
}

/// Sorts along the first dimension.
pub fn msort(t: &Tensor) -> Result<Tensor> {
    Ok(sort(t, 0, false, false)?.0)
}
