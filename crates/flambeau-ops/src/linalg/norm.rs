//! Norms of vectors and matrices, and condition numbers.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::layout::wrap_dim;
use flambeau_tensor::reduce::{amax, amin, norm, sum};
use flambeau_tensor::{DType, Result, Scalar, Tensor, bail, ensure, pointwise};

use super::{batch_of, check_matrix, check_square, error, mats, stack_rows, with_field};

pub fn declare(ops: &mut Rows) {
    matrix_norms(ops);
    general_norms(ops);
    condition(ops);
}

/// Singular values of the matrices that two dimensions make, in place of those two a last one.
fn singular_values(a: &Tensor, dims: (i64, i64)) -> Result<Tensor> {
    let a = a.movedim(&[dims.0, dims.1], &[-2, -1])?;
    let k = a.size(-1)?.min(a.size(-2)?) as usize;
    with_field!(a, T => {
        let mut all = Vec::new();
        for m in mats::<T>(&a)? {
            all.extend(flambeau_linalg::singular_values(&m, false).map_err(error)?);
        }
        stack_rows(&batch_of(&a), k, all, a.dtype().to_real())
    })
}

/// Puts back two dimensions of size 1 where `dims` were.
fn keep(t: Tensor, dims: (i64, i64), keepdim: bool) -> Result<Tensor> {
    if !keepdim {
        return Ok(t);
    }
    t.unsqueeze(dims.0.min(dims.1))?.unsqueeze(dims.0.max(dims.1))
}

fn two_dims(a: &Tensor, dim: &[i64], name: &str) -> Result<(i64, i64)> {
    ensure!(
        dim.len() == 2,
        "{name}: dim must be a 2-tuple. Got {}",
        flambeau_tensor::layout::show(dim)
    );
    ensure!(
        a.dim() >= 2,
        "{name}: The input tensor A must have at least 2 dimensions."
    );
    let (d0, d1) = (
        wrap_dim(dim[0], a.dim())? as i64,
        wrap_dim(dim[1], a.dim())? as i64,
    );
    ensure!(d0 != d1, "{name}: dims must be different. Got ({d0}, {d1})");
    Ok((d0, d1))
}

fn cast(a: &Tensor, dtype: Option<DType>, name: &str) -> Result<Tensor> {
    ensure!(
        a.is_floating_point() || a.is_complex(),
        "{name}: Expected a floating point or complex tensor as input. Got {}",
        a.dtype().name()
    );
    match dtype {
        Some(dtype) => a.to_dtype(dtype),
        None => Ok(a.clone()),
    }
}

fn matrix_norm(a: &Tensor, order: f64, dim: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let name = "linalg.matrix_norm";
    let a = cast(a, dtype, name)?;
    let dims = two_dims(&a, dim, name)?;
    let size = order.abs();
    if size == 2.0 {
        let s = singular_values(&a, dims)?;
        let s = if order > 0.0 && s.size(-1)? == 0 {
            Tensor::zeros(&s.sizes()[..s.dim() - 1], s.dtype())?
        } else if order > 0.0 {
            amax(&s, &[-1], false)?
        } else {
            amin(&s, &[-1], false)?
        };
        return keep(s, dims, keepdim);
    }
    ensure!(
        size == 1.0 || size == f64::INFINITY,
        "linalg.matrix_norm: Order {order} not supported."
    );
    // Sums over rows or columns, then the extreme one.
    let (summed, other) = if size == 1.0 {
        (dims.0, dims.1)
    } else {
        (dims.1, dims.0)
    };
    let sums = norm(&a, 1.0, &[summed], true, None)?;
    if order > 0.0 && sums.size(other)? == 0 {
        // The largest of no sums is zero.
        let mut sizes = sums.sizes().to_vec();
        let at = flambeau_tensor::layout::wrap_dim(other, sizes.len())?;
        sizes[at] = 1;
        let none = Tensor::zeros(&sizes, sums.dtype())?;
        return if keepdim {
            Ok(none)
        } else {
            none.squeeze_dims(&[dims.0, dims.1])
        };
    }
    let ends = if order > 0.0 {
        amax(&sums, &[other], true)?
    } else {
        amin(&sums, &[other], true)?
    };
    if keepdim {
        Ok(ends)
    } else {
        ends.squeeze_dims(&[dims.0, dims.1])
    }
}

fn matrix_norm_str(
    a: &Tensor,
    order: &str,
    dim: &[i64],
    keepdim: bool,
    dtype: Option<DType>,
) -> Result<Tensor> {
    let name = "linalg.matrix_norm";
    let a = cast(a, dtype, name)?;
    let dims = two_dims(&a, dim, name)?;
    match order {
        "fro" => norm(&a, 2.0, &[dims.0, dims.1], keepdim, None),
        "nuc" => keep(
            sum(&singular_values(&a, dims)?, &[-1], false, None)?,
            dims,
            keepdim,
        ),
        _ => bail!("linalg.matrix_norm: Order {order} not supported."),
    }
}

fn matrix_norms(ops: &mut Rows) {
    let doc = "A norm of the matrices that two dimensions make.";
    ops.op("aten::linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2, -1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor").doc(doc).kernel(
        |a: Tensor, order: Scalar, dim: Vec<i64>, keepdim: bool, dtype: Option<DType>| {
            matrix_norm(&a, order.to_f64(), &dim, keepdim, dtype)
        },
    );
    ops.op("aten::linalg_matrix_norm.str_ord(Tensor self, str ord=\"fro\", int[] dim=[-2, -1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor").doc(doc).kernel(
        |a: Tensor, order: Arc<str>, dim: Vec<i64>, keepdim: bool, dtype: Option<DType>| {
            matrix_norm_str(&a, &order, &dim, keepdim, dtype)
        },
    );
    ops.op("aten::nuclear_norm(Tensor self, bool keepdim=False) -> Tensor")
        .doc("The sum of the singular values.")
        .kernel(|a: Tensor, keepdim: bool| matrix_norm_str(&a, "nuc", &[-2, -1], keepdim, None));
    ops.op("aten::nuclear_norm.dim(Tensor self, int[2] dim, bool keepdim=False) -> Tensor")
        .doc("The sum of the singular values of the matrices that two dimensions make.")
        .kernel(|a: Tensor, dim: Vec<i64>, keepdim: bool| matrix_norm_str(&a, "nuc", &dim, keepdim, None));
    ops.op("aten::frobenius_norm.dim(Tensor self, int[1] dim, bool keepdim=False) -> Tensor")
        .doc("The root of the sum of squares over dimensions.")
        .kernel(|a: Tensor, dim: Vec<i64>, keepdim: bool| {
            let a = cast(&a, None, "linalg.matrix_norm")?;
            ensure!(
                dim.len() <= 2,
                "Expected at most 2 dimensions, but got {} dimensions instead.",
                dim.len()
            );
            norm(&a, 2.0, &dim, keepdim, None)
        });
}

fn general_norms(ops: &mut Rows) {
    let doc = "A norm of vectors (one dimension) or matrices (two).";
    ops.op("aten::linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor").doc(doc).kernel(
        |a: Tensor, order: Option<Scalar>, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| {
            if let Some(dim) = &dim {
                ensure!(
                    dim.len() == 1 || dim.len() == 2 || order.is_none(),
                    "linalg.norm: If dim is specified, it must be of length 1 or 2. Got {}",
                    flambeau_tensor::layout::show(dim)
                );
            } else if order.is_some() {
                ensure!(
                    a.dim() == 1 || a.dim() == 2,
                    "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {}D.",
                    a.dim()
                );
            }
            let count = dim.as_ref().map_or(a.dim(), |d| d.len());
            match order {
                Some(order) if count == 2 => {
                    matrix_norm(&a, order.to_f64(), &dim.unwrap_or(vec![0, 1]), keepdim, dtype)
                }
                _ => {
                    let a = cast(&a, None, "linalg.vector_norm")?;
                    norm(&a, order.map_or(2.0, |o| o.to_f64()), &dim.unwrap_or_default(), keepdim, dtype)
                }
            }
        },
    );
    ops.op("aten::linalg_norm.ord_str(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor").doc(doc).kernel(
        |a: Tensor, order: Arc<str>, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| {
            ensure!(
                dim.is_some() || a.dim() == 2,
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {}D.",
                a.dim()
            );
            matrix_norm_str(&a, &order, &dim.unwrap_or(vec![0, 1]), keepdim, dtype)
        },
    );
}

fn inverse_norm(a: &Tensor, of: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let n = a.size(-1)? as usize;
    let mut singular = Vec::new();
    let inverse = with_field!(a, T => super::map::<T>(a, (n, n), |m| {
        let lu = flambeau_linalg::lu_factor(m, true);
        singular.push(lu.info != 0);
        lu.inverse().map_err(error)
    }))?;
    let out = pointwise::mul((&of(a)?).into(), (&of(&inverse)?).into())?;
    // Singular matrices have no inverse: their condition is infinite.
    if singular.contains(&true) {
        let dtype = out.dtype();
        let mut values = out.to_vec::<f64>()?;
        for (value, _) in values.iter_mut().zip(&singular).filter(|(_, s)| **s) {
            *value = f64::INFINITY;
        }
        return Tensor::from_vec(values, out.sizes())?.to_dtype(dtype);
    }
    Ok(out)
}

fn condition(ops: &mut Rows) {
    let doc = "The condition number of matrices in a norm.";
    ops.op("aten::linalg_cond(Tensor self, Scalar? p=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, p: Option<Scalar>| {
            check_matrix(&a, "linalg.cond")?;
            let p = p.map_or(2.0, |p| p.to_f64());
            if p.abs() == 2.0 {
                let nd = a.dim() as i64;
                let s = singular_values(&a, (nd - 2, nd - 1))?;
                if s.size(-1)? == 0 {
                    let mut sizes = batch_of(&a);
                    if a.numel() == 0 && sizes.is_empty() {
                        sizes.clear();
                    }
                    return Tensor::zeros(&sizes, s.dtype());
                }
                let (first, last) = (s.select(-1, 0)?, s.select(-1, -1)?);
                let ratio = if p > 0.0 { (first, last) } else { (last, first) };
                return pointwise::div((&ratio.0).into(), (&ratio.1).into());
            }
            check_square(&a, "linalg.cond")?;
            inverse_norm(&a, |m| matrix_norm(m, p, &[-2, -1], false, None))
        });
    ops.op("aten::linalg_cond.p_str(Tensor self, str p) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, p: Arc<str>| {
            check_square(&a, "linalg.cond")?;
            ensure!(
                &*p == "fro" || &*p == "nuc",
                "linalg.cond got an invalid norm type: {p}"
            );
            inverse_norm(&a, |m| matrix_norm_str(m, &p, &[-2, -1], false, None))
        });
}
