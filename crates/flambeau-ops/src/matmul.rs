//! Matrix and vector products.

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::matmul as m;
use flambeau_tensor::{Scalar, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::mm(Tensor self, Tensor mat2) -> Tensor")
        .doc("The matrix product.")
        .kernel(|x: Tensor, mat2: Tensor| m::mm(&x, &mat2));
    ops.op("aten::bmm(Tensor self, Tensor mat2) -> Tensor")
        .doc("Products of matrices in a batch.")
        .kernel(|x: Tensor, mat2: Tensor| m::bmm(&x, &mat2));
    ops.op("aten::mv(Tensor self, Tensor vec) -> Tensor")
        .doc("Matrix times vector.")
        .kernel(|x: Tensor, vec: Tensor| m::mv(&x, &vec));
    ops.op("aten::dot(Tensor self, Tensor tensor) -> Tensor")
        .doc("The sum of products of two vectors.")
        .kernel(|x: Tensor, tensor: Tensor| m::dot(&x, &tensor));
    ops.op("aten::vdot(Tensor self, Tensor other) -> Tensor")
        .doc("The dot product with the first vector conjugated.")
        .kernel(|x: Tensor, other: Tensor| m::vdot(&x, &other));
    ops.op("aten::outer(Tensor self, Tensor vec2) -> Tensor")
        .doc("All products of two vectors.")
        .kernel(|x: Tensor, vec2: Tensor| m::outer(&x, &vec2));
    ops.op("aten::ger(Tensor self, Tensor vec2) -> Tensor")
        .doc("The same as `outer`.")
        .kernel(|x: Tensor, vec2: Tensor| m::outer(&x, &vec2));
    ops.op("aten::matmul(Tensor self, Tensor other) -> Tensor")
        .doc("The matrix product, with batches broadcast and vectors treated as matrices.")
        .kernel(|x: Tensor, other: Tensor| m::matmul(&x, &other));
    ops.op("aten::linalg_matmul(Tensor self, Tensor other) -> Tensor")
        .doc("The same as `matmul`.")
        .kernel(|x: Tensor, other: Tensor| m::matmul(&x, &other));
    ops.op("aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor")
        .doc("`beta * self + alpha * mat1 @ mat2`.")
        .kernel(
            |x: Tensor, mat1: Tensor, mat2: Tensor, beta: Scalar, alpha: Scalar| {
                m::addmm(&x, &mat1, &mat2, beta, alpha)
            },
        );
    ops.op("aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor")
        .doc("`beta * self + alpha * batch1 @ batch2`.")
        .kernel(|x: Tensor, batch1: Tensor, batch2: Tensor, beta: Scalar, alpha: Scalar| m::baddbmm(&x, &batch1, &batch2, beta, alpha));
    ops.op(
        "aten::addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    )
    .doc("`beta * self` plus the summed products of a batch.")
    .kernel(
        |x: Tensor, batch1: Tensor, batch2: Tensor, beta: Scalar, alpha: Scalar| {
            m::addbmm(&x, &batch1, &batch2, beta, alpha)
        },
    );
    ops.op("aten::addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor")
        .doc("`beta * self + alpha * mat @ vec`.")
        .kernel(
            |x: Tensor, mat: Tensor, vec: Tensor, beta: Scalar, alpha: Scalar| {
                m::addmv(&x, &mat, &vec, beta, alpha)
            },
        );
    ops.op("aten::addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor")
        .doc("`beta * self` plus a scaled outer product.")
        .kernel(
            |x: Tensor, vec1: Tensor, vec2: Tensor, beta: Scalar, alpha: Scalar| {
                m::addr(&x, &vec1, &vec2, beta, alpha)
            },
        );
    ops.op("aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor")
        .doc("`input @ weight.t() + bias`.")
        .kernel(|input: Tensor, weight: Tensor, bias: Option<Tensor>| {
            m::linear(&input, &weight, bias.as_ref())
        });
}
