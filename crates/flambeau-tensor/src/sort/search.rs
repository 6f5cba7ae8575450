//! Places in sorted sequences.

use super::keys;
use crate::{DType, Result, Tensor, bail, ensure};

/// Where each value would be inserted into the last dimension of `sorted` (1-d, or of the leading sizes of
/// `values`): before equal elements, or after them if `right`. `sorter` gives the order of an unsorted sequence.
pub fn searchsorted(
    sorted: &Tensor,
    values: &Tensor,
    int32: bool,
    right: bool,
    sorter: Option<&Tensor>,
) -> Result<Tensor> {
    ensure!(
        sorted.dim() > 0,
        "torch.searchsorted(): boundaries tensor should have positive dimension"
    );
    let last = sorted.dim() - 1;
    if sorted.dim() > 1 {
        ensure!(
            values.dim() == sorted.dim() && sorted.sizes()[..last] == values.sizes()[..last],
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries \
             tensor and input value tensor must match, but we got boundaries tensor {} and input value tensor {}",
            crate::layout::show(sorted.sizes()),
            crate::layout::show(values.sizes())
        );
    }
    ensure!(
        !sorted.is_complex() && !values.is_complex(),
        "torch.searchsorted(): input value tensor must not be complex"
    );
    // Compared in a common type; half types and integers of 64 bits keep their exact values in it.
    let common = sorted.dtype().promote(values.dtype());
    let n = sorted.sizes()[last] as usize;
    let sequence = keys(&sorted.to_dtype(common)?.contiguous()?, "searchsorted")?;
    let wanted = keys(&values.to_dtype(common)?.contiguous()?, "searchsorted")?;
    let order = match sorter {
        None => None,
        Some(order) => {
            ensure!(
                order.sizes() == sorted.sizes(),
                "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor {} and \
                 got sorter tensor {}",
                crate::layout::show(sorted.sizes()),
                crate::layout::show(order.sizes())
            );
            ensure!(
                order.dtype() == DType::Long,
                "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {}",
                order.dtype().name()
            );
            let order = order.to_vec::<i64>()?;
            if order.iter().any(|&i| i < 0 || i as usize >= n) {
                bail!("torch.searchsorted(): sorter index out of range");
            }
            Some(order)
        }
    };
    let per_row = match sorted.dim() {
        1 => wanted.len(),
        _ => *values.sizes().last().unwrap_or(&1) as usize,
    };
    let place = |(at, &key): (usize, &u64)| -> i64 {
        let row = if sorted.dim() == 1 { 0 } else { at / per_row };
        let element = |i: usize| match &order {
            None => sequence[row * n + i],
            Some(order) => sequence[row * n + order[row * n + i] as usize],
        };
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = low + (high - low) / 2;
            let before = if right {
                element(middle) <= key
            } else {
                element(middle) < key
            };
            if before { low = middle + 1 } else { high = middle }
        }
        low as i64
    };
    let places: Vec<i64> = wanted.iter().enumerate().map(place).collect();
    let result = Tensor::from_vec(places, values.sizes())?;
    if !int32 {
        return Ok(result);
    }
    ensure!(
        n < i32::MAX as usize,
        "torch.searchsorted(): the size of boundaries' last dimension should be less than {} when output dtype is \
         torch.int32",
        i32::MAX
    );
    result.to_dtype(DType::Int)
}

/// The bucket of each element between the `boundaries` (1-d, ascending).
pub fn bucketize(t: &Tensor, boundaries: &Tensor, int32: bool, right: bool) -> Result<Tensor> {
    ensure!(
        boundaries.dim() == 1,
        "boundaries tensor must be 1 dimension, but got dim({})",
        boundaries.dim()
    );
    searchsorted(boundaries, t, int32, right, None)
}
