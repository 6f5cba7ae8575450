//! Shape rules that many rows share.

use flambeau_ir::ops::ShapeArg;
use flambeau_tensor::layout::broadcast_shapes;
use flambeau_tensor::{Error, Result};

/// The sizes of the first tensor.
pub fn like_first(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let first = args.iter().find_map(|a| match a {
        ShapeArg::Tensor(sizes) => Some(sizes.clone()),
        _ => None,
    });
    first.map(|sizes| vec![sizes]).ok_or_else(|| Error::runtime("expected a tensor among the arguments"))
}

/// The sizes that all tensors broadcast to.
pub fn broadcast(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let mut sizes = Vec::new();
    for arg in args {
        if let ShapeArg::Tensor(more) = arg {
            sizes = broadcast_shapes(&sizes, more)?.to_vec();
        }
    }
    Ok(vec![sizes])
}

/// `(…, n, k) @ (…, k, m)`, with vectors on either side.
pub fn matmul(args: &[ShapeArg]) -> Result<Vec<Vec<i64>>> {
    let [ShapeArg::Tensor(a), ShapeArg::Tensor(b), ..] = args else {
        return Err(Error::runtime("expected two tensors"));
    };
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    let a_batch = match a.as_slice() {
        [] => return Err(Error::runtime("both arguments to matmul need to be at least 1D")),
        [_] => &a[..0],
        [batch @ .., n, _] => {
            rows.push(*n);
            batch
        }
    };
    let b_batch = match b.as_slice() {
        [] => return Err(Error::runtime("both arguments to matmul need to be at least 1D")),
        [_] => &b[..0],
        [batch @ .., _, m] => {
            columns.push(*m);
            batch
        }
    };
    let mut sizes = broadcast_shapes(a_batch, b_batch)?.to_vec();
    sizes.extend(rows);
    sizes.extend(columns);
    Ok(vec![sizes])
}
