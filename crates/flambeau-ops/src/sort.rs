//! Sorting and selection by rank.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Tensor, sort as s};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)")
        .doc("Sorts a dimension; gives the elements and their places.")
        .kernel(|x: Tensor, dim: i64, descending: bool| s::sort(&x, dim, descending));
    ops.op("aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)")
        .kernel(|x: Tensor, _stable: Option<bool>, dim: i64, descending: bool| s::sort(&x, dim, descending));
    ops.op("aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor")
        .doc("The places that sort a dimension.")
        .kernel(|x: Tensor, dim: i64, descending: bool| s::argsort(&x, dim, descending));
    ops.op("aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor")
        .kernel(|x: Tensor, _stable: bool, dim: i64, descending: bool| s::argsort(&x, dim, descending));
    ops.op("aten::msort(Tensor self) -> Tensor")
        .doc("Sorts the first dimension.")
        .kernel(|x: Tensor| s::msort(&x));
    ops.op("aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)")
        .doc("The largest or smallest elements of a dimension, and their places.")
        .kernel(|x: Tensor, k: i64, dim: i64, largest: bool, sorted: bool| s::topk(&x, k, dim, largest, sorted));
    ops.op("aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The k-th smallest element of a dimension, and its place.")
        .kernel(|x: Tensor, k: i64, dim: i64, keepdim: bool| s::kthvalue(&x, k, dim, keepdim));
    ops.op("aten::median(Tensor self) -> Tensor")
        .doc("The lower median.")
        .kernel(|x: Tensor| s::median(&x));
    ops.op("aten::median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| s::median_dim(&x, dim, keepdim));
    ops.op("aten::nanmedian(Tensor self) -> Tensor")
        .doc("The lower median without NaN.")
        .kernel(|x: Tensor| s::nanmedian(&x));
    ops.op(
        "aten::nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    )
    .kernel(|x: Tensor, dim: i64, keepdim: bool| s::nanmedian_dim(&x, dim, keepdim));
    ops.op("aten::mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The most frequent element of a dimension, and its place.")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| s::mode(&x, dim, keepdim));
}
