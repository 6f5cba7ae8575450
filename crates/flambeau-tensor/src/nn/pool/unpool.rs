//! The partial inverse of max pooling: maxima go back to where they were found, zeros everywhere else.

use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, show};
use crate::nn::access::{checked_product, dense, lengths};
use crate::tensor::Tensor;
use crate::{dispatch, ensure};

fn unpool(name: &str, dims: usize, input: &Tensor, indices: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    ensure!(
        output_size.len() == dims,
        "There should be exactly {} elements ({}) in output_size, but got {} elements.",
        if dims == 2 { "two" } else { "three" },
        if dims == 2 {
            "height, width"
        } else {
            "depth, height, width"
        },
        output_size.len()
    );
    ensure!(
        indices.dtype() == DType::Long,
        "elements in indices should be type int64 but got: {}",
        indices.dtype().name()
    );
    ensure!(
        matches!(input.dim().checked_sub(dims), Some(1 | 2)),
        "Input to {name} should be a {}d or {}d Tensor, but got a tensor with {} dimensions.",
        dims + 1,
        dims + 2,
        input.dim()
    );
    ensure!(
        input.sizes() == indices.sizes(),
        "Expected shape of indices to be same as that of the input tensor ({}) but got indices tensor with shape: {}",
        show(input.sizes()),
        show(indices.sizes())
    );
    ensure!(
        output_size.iter().all(|&s| s >= 0),
        "output_size must not be negative, but got {}",
        show(output_size)
    );
    let lead = input.dim() - dims;
    let mut size = Dims::from_slice(&input.sizes()[..lead]);
    size.extend_from_slice(output_size);
    let planes = checked_product(&lengths(&size[..lead]))?;
    let volume = checked_product(&lengths(output_size))?;
    let out = Tensor::zeros(&size, input.dtype())?;
    let (x, at) = (dense(input)?, dense(indices)?);
    let each = x.numel() as usize / planes.max(1);
    dispatch!(input.dtype(), name, T => {
        let (x, at) = (x.read()?, at.read()?);
        let (x, at) = (x.slice::<T>()?, at.slice::<i64>()?);
        let mut write = out.write()?;
        let to = write.slice::<T>()?;
        for (i, (&x, &at)) in x.iter().zip(at).enumerate() {
            let inside = usize::try_from(at).ok().filter(|&at| at < volume);
            let Some(inside) = inside else {
                crate::bail!(
                    "Found an invalid max index: {at} (output volumes are of size {}",
                    output_size.iter().map(i64::to_string).collect::<Vec<_>>().join("x")
                );
            };
            to[i / each * volume + inside] = x;
        }
    });
    Ok(out)
}

/// PyTorch's operator of this name.
pub fn max_unpool2d(input: &Tensor, indices: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    unpool("max_unpooling2d", 2, input, indices, output_size)
}

/// PyTorch's operator of this name. The stride and padding of the pooling do not enter.
pub fn max_unpool3d(
    input: &Tensor,
    indices: &Tensor,
    output_size: &[i64],
    stride: &[i64],
    padding: &[i64],
) -> Result<Tensor> {
    ensure!(
        stride.len() == 3 && padding.len() == 3,
        "There should be exactly three elements (depth, height, width) in stride and padding, but got: {} and {}",
        stride.len(),
        padding.len()
    );
    ensure!(
        stride.iter().all(|&s| s > 0),
        "strides should be greater than zero, but got stride: {}",
        show(stride)
    );
    unpool("max_unpooling3d", 3, input, indices, output_size)
}
