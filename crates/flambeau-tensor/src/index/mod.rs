//! Operators that choose, place and join elements by position.
//!
//! | file | operators |
//! |---|---|
//! | `along` | `gather scatter scatter_add scatter_reduce index_select index_add index_copy index_fill index_reduce take_along_dim` |
//! | `advanced` | `index`, `index_put_`: `x[i, :, mask]` |
//! | `mask` | `masked_fill masked_select masked_scatter nonzero` |
//! | `join` | `cat stack flip roll rot90 repeat repeat_interleave tile tril triu tril_indices triu_indices` |
//! | `lookup` | `take put embedding one_hot bincount` |

mod advanced;
mod along;
mod join;
mod lookup;
mod mask;
#[cfg(test)]
mod tests;

pub use advanced::{index, index_put_};
pub use along::{
    Reduction, gather, index_add, index_copy, index_fill, index_reduce, index_select, scatter, scatter_add,
    scatter_reduce, scatter_value, scatter_value_reduce, scatter_with, take_along_dim,
};
pub use join::{
    cat, flip, repeat, repeat_interleave, repeat_interleave_each, repeat_interleave_indices, roll, rot90,
    stack, tile, tril, tril_indices, triu, triu_indices,
};
pub use lookup::{bincount, embedding, one_hot, put, take};
pub use mask::{masked_fill, masked_fill_to, masked_scatter, masked_select, nonzero};

use crate::dtype::DType;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Runs the body with `$T` a plain type of so many bytes, for code that only moves elements.
macro_rules! by_size {
    ($size:expr, $T:ident => $body:expr) => {
        match $size {
            1 => {
                type $T = u8;
                $body
            }
            2 => {
                type $T = u16;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            8 => {
                type $T = u64;
                $body
            }
            _ => {
                type $T = [u64; 2];
                $body
            }
        }
    };
}
pub(crate) use by_size;

/// An index tensor as contiguous `Long`.
fn long(index: &Tensor, name: &str) -> Result<Tensor> {
    ensure!(
        matches!(index.dtype(), DType::Long | DType::Int),
        "{name}(): Expected dtype int32/int64 for index, found {}",
        index.dtype().name()
    );
    index.to_dtype(DType::Long)?.contiguous()
}

/// A possibly negative index into `n` elements.
#[inline(always)]
fn wrap(i: i64, n: i64) -> Option<i64> {
    let j = if i < 0 { i + n } else { i };
    (j >= 0 && j < n).then_some(j)
}

fn out_of_bounds<T>(i: i64, dim: usize, n: i64) -> Result<T> {
    bail!(
        Index,
        "index {i} is out of bounds for dimension {dim} with size {n}"
    )
}
