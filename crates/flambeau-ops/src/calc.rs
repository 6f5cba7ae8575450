//! Short names for tensor arithmetic, for rows that are written as formulas.

use flambeau_tensor::pointwise::{self as p, Arg};
use flambeau_tensor::{DType, Result, Scalar, Tensor, index, reduce};

pub fn add<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::add(a.into(), b.into(), Scalar::Int(1))
}
pub fn sub<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::sub(a.into(), b.into(), Scalar::Int(1))
}
pub fn mul<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::mul(a.into(), b.into())
}
pub fn div<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::div(a.into(), b.into())
}
pub fn lt<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::lt(a.into(), b.into())
}
pub fn eq<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::eq(a.into(), b.into())
}
pub fn ne<'a>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::ne(a.into(), b.into())
}
pub fn choose<'a>(condition: &Tensor, a: impl Into<Arg<'a>>, b: impl Into<Arg<'a>>) -> Result<Tensor> {
    p::where_(condition, a.into(), b.into())
}
pub fn at_least(a: &Tensor, low: f64) -> Result<Tensor> {
    p::clamp(a, Some(Arg::from(low)), None)
}
/// The sum of all elements.
pub fn sum(a: &Tensor) -> Result<Tensor> {
    reduce::sum(a, &[], false, None)
}
pub fn sum_dim(a: &Tensor, dim: i64) -> Result<Tensor> {
    reduce::sum(a, &[dim], false, None)
}
/// The mean of all elements.
pub fn mean(a: &Tensor) -> Result<Tensor> {
    reduce::mean(a, &[], false, None)
}
/// The p-norm along a dimension.
pub fn norm(a: &Tensor, order: f64, dim: i64, keepdim: bool) -> Result<Tensor> {
    reduce::norm(a, order, &[dim], keepdim, None)
}
pub fn cat(tensors: &[Tensor], dim: i64) -> Result<Tensor> {
    index::cat(tensors, dim)
}
/// The elements as plain floats, in order.
pub fn floats(a: &Tensor) -> Result<Vec<f64>> {
    a.to_dtype(DType::Double)?.contiguous()?.to_vec::<f64>()
}
/// The elements as plain ints, in order.
pub fn ints(a: &Tensor) -> Result<Vec<i64>> {
    a.to_dtype(DType::Long)?.contiguous()?.to_vec::<i64>()
}
