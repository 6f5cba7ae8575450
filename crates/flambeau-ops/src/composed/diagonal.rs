//! Diagonals and triangles.

use flambeau_ir::ops::Rows;
use flambeau_ir::value::Device;
use flambeau_tensor::{DType, Result, Scalar, Tensor, index};

use crate::calc::*;
use crate::values::error;

pub fn declare(ops: &mut Rows) {
    ops.op("aten::diag(Tensor self, int diagonal=0) -> Tensor")
        .doc("A matrix with the vector as its diagonal, or the diagonal of a matrix.")
        .kernel(|x: Tensor, offset: i64| match x.dim() {
            1 => diag_embed(&x, offset, 0, 1),
            2 => x.diagonal(offset, 0, 1)?.copy(),
            n => Err(error(format!("diag(): Supports 1D or 2D tensors. Got {n}D"))),
        });
    ops.op("aten::diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor")
        .doc("Matrices whose diagonals are the last dimension.")
        .kernel(|x: Tensor, offset: i64, a: i64, b: i64| diag_embed(&x, offset, a, b));
    ops.op("aten::diagflat(Tensor self, int offset=0) -> Tensor")
        .doc("A matrix with all elements on its diagonal.")
        .kernel(|x: Tensor, offset: i64| diag_embed(&x.reshape(&[-1])?, offset, 0, 1));
    ops.op("aten::trace(Tensor self) -> Tensor")
        .doc("The sum of the diagonal.")
        .kernel(|x: Tensor| {
            if x.dim() != 2 {
                return Err(error(format!(
                    "trace: expected a matrix, but got tensor with dim {}",
                    x.dim()
                )));
            }
            sum(&x.diagonal(0, 0, 1)?)
        });
    ops.op("aten::fill_diagonal_(Tensor(a!) self, Scalar fill_value, bool wrap=False) -> Tensor(a!)")
        .doc("Writes a number into the diagonal.")
        .kernel(|x: Tensor, value: Scalar, wrap: bool| -> Result<Tensor> {
            if x.dim() < 2 {
                return Err(error("dimensions must larger than 1"));
            }
            if x.dim() > 2 && x.sizes().iter().any(|s| *s != x.sizes()[0]) {
                return Err(error("all dimensions of input must be of equal length"));
            }
            let step: i64 = x.strides().iter().sum();
            let length = x.sizes().iter().copied().min().unwrap_or(0);
            x.as_strided(&[length], &[step], None)?.fill_(value)?;
            let (rows, columns) = (x.sizes()[0], x.sizes()[1]);
            if wrap && x.dim() == 2 && rows > columns + 1 {
                let mut row = columns + 1;
                while row < rows {
                    let count = columns.min(rows - row);
                    x.narrow(0, row, count)?.diagonal(0, 0, 1)?.fill_(value)?;
                    row += columns + 1;
                }
            }
            Ok(x)
        });
    ops.op("aten::tril_indices(int row, int col, int offset=0, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("The places of the lower triangle.")
        .kernel(|rows: i64, columns: i64, offset: i64, dtype: Option<DType>, _: Option<i64>, _: Option<Device>, _: Option<bool>| {
            index::tril_indices(rows, columns, offset, dtype.unwrap_or(DType::Long))
        });
    ops.op("aten::triu_indices(int row, int col, int offset=0, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("The places of the upper triangle.")
        .kernel(|rows: i64, columns: i64, offset: i64, dtype: Option<DType>, _: Option<i64>, _: Option<Device>, _: Option<bool>| {
            index::triu_indices(rows, columns, offset, dtype.unwrap_or(DType::Long))
        });
    ops.op("aten::vander(Tensor x, int? N=None, bool increasing=False) -> Tensor")
        .doc("The powers of a vector, a column each.")
        .kernel(|x: Tensor, n: Option<i64>, increasing: bool| {
            if x.dim() != 1 {
                return Err(error("x must be a one-dimensional tensor."));
            }
            let n = n.unwrap_or(x.numel());
            let powers = vandermonde(&x, n)?;
            if increasing {
                Ok(powers)
            } else {
                index::flip(&powers, &[1])
            }
        });
}

/// Columns `x⁰, x¹, …`.
pub fn vandermonde(x: &Tensor, n: i64) -> Result<Tensor> {
    if n < 0 {
        return Err(error(format!("N must be non-negative, found {n}")));
    }
    let dtype = if x.dtype().is_integral(true) {
        DType::Long
    } else {
        x.dtype()
    };
    let mut shape = x.sizes().to_vec();
    shape.push(n);
    let out = Tensor::ones(&shape, dtype)?;
    if n > 1 && out.numel() > 0 {
        let last = x.dim() as i64;
        out.narrow(last, 1, n - 1)?
            .copy_(&x.to_dtype(dtype)?.unsqueeze(-1)?)?;
        return flambeau_tensor::reduce::cumprod(&out, last, None);
    }
    Ok(out)
}

fn diag_embed(x: &Tensor, offset: i64, a: i64, b: i64) -> Result<Tensor> {
    if x.dim() == 0 {
        return Err(error("diag_embed expects a tensor of at least one dimension"));
    }
    let dims = x.dim() + 1;
    let (a, b) = (
        flambeau_tensor::layout::wrap_dim(a, dims)?,
        flambeau_tensor::layout::wrap_dim(b, dims)?,
    );
    if a == b {
        return Err(error(format!("diagonal dimensions cannot be identical {a}, {b}")));
    }
    let size = (offset.unsigned_abs() as i64)
        .checked_add(x.size(-1)?)
        .ok_or_else(|| error("the offset is too large"))?;
    let mut shape = x.sizes()[..x.dim() - 1].to_vec();
    let (low, high) = (a.min(b), a.max(b));
    shape.insert(low, size);
    shape.insert(high, size);
    let out = Tensor::zeros(&shape, x.dtype())?;
    out.diagonal(offset, a as i64, b as i64)?.copy_(x)?;
    Ok(out)
}
