//! Distances between vectors.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{DType, Result, Scalar, Tensor, nn::matmul, pointwise as p, reduce};

use crate::calc::*;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::pairwise_distance(Tensor x1, Tensor x2, float p=2., float eps=9.9999999999999995e-07, bool keepdim=False) -> Tensor")
        .doc("The p-norms of the differences of rows.")
        .kernel(|a: Tensor, b: Tensor, order: f64, eps: f64, keep: bool| pairwise_distance(&a, &b, order, eps, keep));
    ops.op("aten::dist(Tensor self, Tensor other, Scalar p=2) -> Tensor")
        .doc("The p-norm of the difference.")
        .kernel(|a: Tensor, b: Tensor, order: Scalar| {
            reduce::norm(&sub(&a, &b)?, order.to_f64(), &[], false, None)
        });
    each(
        ops,
        "The distances of all rows of one matrix to all rows of another.",
        &[
            "aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor",
            "aten::_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor",
        ],
        |a: Tensor, b: Tensor, order: f64, mode: Option<i64>| cdist(&a, &b, order, mode),
    );
    ops.op("aten::_euclidean_dist(Tensor x1, Tensor x2) -> Tensor")
        .doc("Euclidean distances of all rows, through one matrix product.")
        .kernel(|a: Tensor, b: Tensor| euclidean(&a, &b));
    each(
        ops,
        "The distances of all pairs of rows.",
        &[
            "aten::pdist(Tensor self, float p=2.) -> Tensor",
            "aten::_pdist_forward(Tensor self, float p=2.) -> Tensor",
        ],
        |x: Tensor, order: f64| {
            if x.dim() != 2 {
                return Err(error(format!(
                    "pdist only supports 2D tensors, got: {}D",
                    x.dim()
                )));
            }
            if order < 0.0 {
                return Err(error("pdist only supports non-negative p values"));
            }
            let rows = x.size(0)?;
            let all = cdist(&x, &x, order, Some(2))?;
            let pairs = flambeau_tensor::index::triu_indices(rows, rows, 1, DType::Long)?;
            let flat = add(&mul(&pairs.select(0, 0)?, rows)?, &pairs.select(0, 1)?)?;
            flambeau_tensor::index::take(&all.contiguous()?, &flat)
        },
    );
}

pub fn pairwise_distance(a: &Tensor, b: &Tensor, order: f64, eps: f64, keepdim: bool) -> Result<Tensor> {
    let last = a.dim().max(b.dim()) as i64 - 1;
    norm(&add(&sub(a, b)?, eps)?, order, last, keepdim)
}

pub fn cosine_similarity(a: &Tensor, b: &Tensor, dim: i64, eps: f64) -> Result<Tensor> {
    let common = a.dtype().promote(b.dtype());
    if !common.is_floating_point() && !common.is_complex() {
        return Err(error(format!(
            "expected common dtype to be floating point, yet common dtype is {}",
            common.name()
        )));
    }
    let parts = Tensor::broadcast_tensors(&[a.to_dtype(common)?, b.to_dtype(common)?])?;
    let scaled = |x: &Tensor| -> Result<Tensor> { div(x, &at_least(&norm(x, 2.0, dim, true)?, eps)?) };
    sum_dim(&mul(&scaled(&parts[0])?, &scaled(&parts[1])?)?, dim)
}

fn euclidean(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    // |a - b|² = |a|² - 2ab + |b|², as one product of extended rows.
    let a2 = reduce::sum(&p::square(a)?, &[-1], true, None)?;
    let b2 = reduce::sum(&p::square(b)?, &[-1], true, None)?;
    let left = cat(&[mul(a, -2i64)?, a2.clone(), a2.ones_like()?], -1)?;
    let right = cat(&[b.clone(), b2.ones_like()?, b2], -1)?;
    p::sqrt(&at_least(&matmul::matmul(&left, &right.mt()?)?, 0.0)?)
}

fn cdist(a: &Tensor, b: &Tensor, order: f64, mode: Option<i64>) -> Result<Tensor> {
    if a.dim() < 2 || b.dim() < 2 {
        return Err(error(format!(
            "cdist only supports at least 2D tensors, X1 got: {}D",
            a.dim().min(b.dim())
        )));
    }
    let (columns, other) = (a.size(-1)?, b.size(-1)?);
    if columns != other {
        return Err(error(format!(
            "X1 and X2 must have the same number of columns. X1: {columns} X2: {other}"
        )));
    }
    if order < 0.0 {
        return Err(error("cdist only supports non-negative p values"));
    }
    let (rows, others) = (a.size(-2)?, b.size(-2)?);
    let fast = match mode.unwrap_or(0) {
        0 => rows > 25 || others > 25,
        1 => true,
        _ => false,
    };
    if order == 2.0 && fast && columns > 0 {
        return euclidean(a, b);
    }
    // A row of the result at a time, so that the differences never take more than one matrix.
    let batch =
        flambeau_tensor::layout::broadcast_shapes(&a.sizes()[..a.dim() - 2], &b.sizes()[..b.dim() - 2])?;
    let mut shape = batch.to_vec();
    shape.extend([rows, others]);
    let out = Tensor::empty(&shape, a.dtype().promote(b.dtype()))?;
    for row in 0..rows {
        let difference = sub(&a.narrow(-2, row, 1)?, b)?;
        out.select(-2, row)?
            .copy_(&norm(&difference, order, -1, false)?)?;
    }
    Ok(out)
}
