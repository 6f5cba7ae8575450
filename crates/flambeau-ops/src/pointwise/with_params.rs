//! Pointwise operators with more than two operands, or with parameters.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::pointwise::{self as p, To};
use flambeau_tensor::{Scalar, Tensor, ensure};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor")
        .doc("`self` where the condition holds, elsewhere `other`.")
        .kernel(|condition: Tensor, x: Tensor, other: Tensor| {
            p::where_(&condition, (&x).into(), (&other).into())
        });
    ops.op("aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor")
        .kernel(|condition: Tensor, x: Scalar, other: Tensor| {
            p::where_(&condition, x.into(), (&other).into())
        });
    ops.op("aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor")
        .kernel(|condition: Tensor, x: Tensor, other: Scalar| {
            p::where_(&condition, (&x).into(), other.into())
        });
    ops.op("aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor")
        .kernel(|condition: Tensor, x: Scalar, other: Scalar| p::where_(&condition, x.into(), other.into()));
    ops.op("aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor")
        .doc("Limits elements to a range; NaN stays.")
        .kernel(|x: Tensor, min: Option<Scalar>, max: Option<Scalar>| {
            p::clamp(&x, min.map(Into::into), max.map(Into::into))
        });
    ops.op("aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor")
        .kernel(|x: Tensor, min: Option<Tensor>, max: Option<Tensor>| {
            p::clamp(&x, min.as_ref().map(Into::into), max.as_ref().map(Into::into))
        });
    ops.op("aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)")
        .kernel(|x: Tensor, min: Option<Scalar>, max: Option<Scalar>| {
            p::clamp_to(To::InPlace(&x), &x, min.map(Into::into), max.map(Into::into))
        });
    ops.op("aten::clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor")
        .doc("Limits elements to a range; NaN stays.")
        .kernel(|x: Tensor, min: Option<Scalar>, max: Option<Scalar>| {
            p::clamp(&x, min.map(Into::into), max.map(Into::into))
        });
    ops.op("aten::clip.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor")
        .kernel(|x: Tensor, min: Option<Tensor>, max: Option<Tensor>| {
            p::clamp(&x, min.as_ref().map(Into::into), max.as_ref().map(Into::into))
        });
    ops.op("aten::clip_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)")
        .kernel(|x: Tensor, min: Option<Scalar>, max: Option<Scalar>| {
            p::clamp_to(To::InPlace(&x), &x, min.map(Into::into), max.map(Into::into))
        });
    ops.op("aten::clamp_min(Tensor self, Scalar min) -> Tensor")
        .doc("Raises elements to a minimum.")
        .kernel(|x: Tensor, min: Scalar| p::clamp(&x, Some(min.into()), None));
    ops.op("aten::clamp_min.Tensor(Tensor self, Tensor min) -> Tensor")
        .kernel(|x: Tensor, min: Tensor| p::clamp(&x, Some((&min).into()), None));
    ops.op("aten::clamp_max(Tensor self, Scalar max) -> Tensor")
        .doc("Lowers elements to a maximum.")
        .kernel(|x: Tensor, max: Scalar| p::clamp(&x, None, Some(max.into())));
    ops.op("aten::clamp_max.Tensor(Tensor self, Tensor max) -> Tensor")
        .kernel(|x: Tensor, max: Tensor| p::clamp(&x, None, Some((&max).into())));
    ops.op("aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor")
        .doc("`start + weight * (end - start)`.")
        .kernel(|x: Tensor, end: Tensor, weight: Scalar| p::lerp(&x, &end, weight.into()));
    ops.op("aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor")
        .kernel(|x: Tensor, end: Tensor, weight: Tensor| p::lerp(&x, &end, (&weight).into()));
    ops.op("aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor")
        .doc("`self + value * tensor1 * tensor2`.")
        .kernel(|x: Tensor, tensor1: Tensor, tensor2: Tensor, value: Scalar| {
            p::addcmul(&x, &tensor1, &tensor2, value)
        });
    ops.op("aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor")
        .doc("`self + value * tensor1 / tensor2`.")
        .kernel(|x: Tensor, tensor1: Tensor, tensor2: Tensor, value: Scalar| {
            p::addcdiv(&x, &tensor1, &tensor2, value)
        });
    ops.op("aten::isclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> Tensor")
        .doc("True where two elements are nearly equal.")
        .kernel(|x: Tensor, other: Tensor, rtol: f64, atol: f64, equal_nan: bool| p::isclose(&x, &other, rtol, atol, equal_nan));
    ops.op("aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool")
        .doc("Whether all elements are nearly equal.")
        .kernel(|x: Tensor, other: Tensor, rtol: f64, atol: f64, equal_nan: bool| p::allclose(&x, &other, rtol, atol, equal_nan));
    ops.op("aten::equal(Tensor self, Tensor other) -> bool")
        .doc("Whether shape and elements are equal.")
        .kernel(|x: Tensor, other: Tensor| p::equal(&x, &other));
    ops.op("aten::complex(Tensor real, Tensor imag) -> Tensor")
        .doc("Complex numbers from their parts.")
        .kernel(|real: Tensor, imag: Tensor| p::complex(&real, &imag));
    ops.op("aten::polar(Tensor abs, Tensor angle) -> Tensor")
        .doc("Complex numbers from modulus and angle.")
        .kernel(|abs: Tensor, angle: Tensor| p::polar(&abs, &angle));
    ops.op("aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor")
        .doc("Keeps positive elements and scales the others.")
        .kernel(|x: Tensor, negative_slope: Scalar| p::leaky_relu(&x, negative_slope.to_f64()));
    ops.op("aten::leaky_relu_(Tensor(a!) self, Scalar negative_slope=0.01) -> Tensor(a!)")
        .kernel(|x: Tensor, negative_slope: Scalar| {
            p::leaky_relu_to(To::InPlace(&x), &x, negative_slope.to_f64())
        });
    ops.op("aten::prelu(Tensor self, Tensor weight) -> Tensor")
        .doc("`leaky_relu` with learned slopes, one or one a channel.")
        .kernel(|x: Tensor, weight: Tensor| {
            ensure!(
                weight.dim() <= 1,
                "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {}",
                weight.dim()
            );
            p::prelu(&x, &weight)
        });
    ops.op("aten::_prelu_kernel(Tensor self, Tensor weight) -> Tensor")
        .kernel(|x: Tensor, weight: Tensor| p::prelu(&x, &weight));
    ops.op("aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor")
        .doc("The exponential linear unit.")
        .kernel(|x: Tensor, alpha: Scalar, scale: Scalar, input_scale: Scalar| {
            p::elu(&x, alpha.to_f64(), scale.to_f64(), input_scale.to_f64())
        });
    ops.op("aten::elu_(Tensor(a!) self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor(a!)")
        .kernel(|x: Tensor, alpha: Scalar, scale: Scalar, input_scale: Scalar| {
            p::elu_to(
                To::InPlace(&x),
                &x,
                alpha.to_f64(),
                scale.to_f64(),
                input_scale.to_f64(),
            )
        });
    ops.op("aten::celu(Tensor self, Scalar alpha=1.) -> Tensor")
        .doc("The continuously differentiable exponential linear unit.")
        .kernel(|x: Tensor, alpha: Scalar| p::celu(&x, alpha.to_f64()));
    ops.op("aten::gelu(Tensor self, *, str approximate=\"none\") -> Tensor")
        .doc("The Gaussian error linear unit.")
        .kernel(|x: Tensor, approximate: Arc<str>| p::gelu(&x, &approximate));
    ops.op("aten::gelu_(Tensor(a!) self, *, str approximate=\"none\") -> Tensor(a!)")
        .kernel(|x: Tensor, approximate: Arc<str>| p::gelu_to(To::InPlace(&x), &x, &approximate));
    ops.op("aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor")
        .doc("Limits elements to a range.")
        .kernel(|x: Tensor, min_val: Scalar, max_val: Scalar| {
            p::hardtanh(&x, min_val.to_f64(), max_val.to_f64())
        });
    ops.op("aten::hardtanh_(Tensor(a!) self, Scalar min_val=-1, Scalar max_val=1) -> Tensor(a!)")
        .kernel(|x: Tensor, min_val: Scalar, max_val: Scalar| {
            p::hardtanh_to(To::InPlace(&x), &x, min_val.to_f64(), max_val.to_f64())
        });
    ops.op("aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor")
        .doc("`log(1 + exp(beta x)) / beta`, linear above the threshold.")
        .kernel(|x: Tensor, beta: Scalar, threshold: Scalar| {
            p::softplus(&x, beta.to_f64(), threshold.to_f64())
        });
    ops.op("aten::softshrink(Tensor self, Scalar lambd=0.5) -> Tensor")
        .doc("Moves elements towards zero by `lambd`.")
        .kernel(|x: Tensor, lambd: Scalar| p::softshrink(&x, lambd.to_f64()));
    ops.op("aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor")
        .doc("Makes elements within `lambd` of zero zero.")
        .kernel(|x: Tensor, lambd: Scalar| p::hardshrink(&x, lambd.to_f64()));
    ops.op("aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor")
        .doc("Replaces elements up to the threshold.")
        .kernel(|x: Tensor, threshold: Scalar, value: Scalar| {
            p::threshold(&x, threshold.to_f64(), value.to_f64())
        });
    ops.op("aten::threshold_(Tensor(a!) self, Scalar threshold, Scalar value) -> Tensor(a!)")
        .kernel(|x: Tensor, threshold: Scalar, value: Scalar| {
            p::threshold_to(To::InPlace(&x), &x, threshold.to_f64(), value.to_f64())
        });
    ops.op("aten::glu(Tensor self, int dim=-1) -> Tensor")
        .doc("The first half of a dimension times the sigmoid of the second.")
        .kernel(|x: Tensor, dim: i64| p::glu(&x, dim));
}
