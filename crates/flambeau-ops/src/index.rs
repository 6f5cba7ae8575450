//! Choosing, setting and joining elements.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::index as ix;
use flambeau_tensor::{Result, Scalar, Tensor, ensure};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::cat(Tensor[] tensors, int dim=0) -> Tensor")
        .doc("Joins tensors along a dimension.")
        .kernel(|tensors: Vec<Tensor>, dim: i64| ix::cat(&tensors, dim));
    ops.op("aten::concat(Tensor[] tensors, int dim=0) -> Tensor")
        .doc("The same as `cat`.")
        .kernel(|tensors: Vec<Tensor>, dim: i64| ix::cat(&tensors, dim));
    ops.op("aten::concatenate(Tensor[] tensors, int dim=0) -> Tensor")
        .doc("The same as `cat`.")
        .kernel(|tensors: Vec<Tensor>, dim: i64| ix::cat(&tensors, dim));
    ops.op("aten::stack(Tensor[] tensors, int dim=0) -> Tensor")
        .doc("Joins tensors along a new dimension.")
        .kernel(|tensors: Vec<Tensor>, dim: i64| ix::stack(&tensors, dim));
    ops.op("aten::flip(Tensor self, int[] dims) -> Tensor")
        .doc("Reverses dimensions.")
        .kernel(|x: Tensor, dims: Vec<i64>| ix::flip(&x, &dims));
    ops.op("aten::fliplr(Tensor self) -> Tensor")
        .doc("Reverses the second dimension.")
        .kernel(|x: Tensor| {
            ensure!(x.dim() >= 2, "Input must be >= 2-d.");
            ix::flip(&x, &[1])
        });
    ops.op("aten::flipud(Tensor self) -> Tensor")
        .doc("Reverses the first dimension.")
        .kernel(|x: Tensor| {
            ensure!(x.dim() >= 1, "Input must be >= 1-d.");
            ix::flip(&x, &[0])
        });
    ops.op("aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor")
        .doc("Moves elements along dimensions, around the end.")
        .kernel(|x: Tensor, shifts: Vec<i64>, dims: Vec<i64>| ix::roll(&x, &shifts, &dims));
    ops.op("aten::rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor")
        .doc("Turns a plane by quarters.")
        .kernel(|x: Tensor, k: i64, dims: Vec<i64>| ix::rot90(&x, k, &dims));
    ops.op("aten::repeat(Tensor self, SymInt[] repeats) -> Tensor")
        .doc("Repeats the whole tensor.")
        .kernel(|x: Tensor, repeats: Vec<i64>| ix::repeat(&x, &repeats));
    ops.op("aten::tile(Tensor self, SymInt[] dims) -> Tensor")
        .doc("Repeats the whole tensor, dimensions added in front.")
        .kernel(|x: Tensor, dims: Vec<i64>| ix::tile(&x, &dims));
    ops.op("aten::repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor")
        .doc("Repeats each element.")
        .kernel(|x: Tensor, repeats: Tensor, dim: Option<i64>, _output_size: Option<i64>| ix::repeat_interleave(&x, &repeats, dim));
    ops.op("aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor")
        .kernel(|x: Tensor, repeats: i64, dim: Option<i64>, _output_size: Option<i64>| ix::repeat_interleave_each(&x, repeats, dim));
    ops.op("aten::repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor")
        .kernel(|repeats: Tensor, _output_size: Option<i64>| ix::repeat_interleave_indices(&repeats));
    ops.op("aten::tril(Tensor self, SymInt diagonal=0) -> Tensor")
        .doc("Keeps what is on or below a diagonal.")
        .kernel(|x: Tensor, diagonal: i64| ix::tril(&x, diagonal));
    ops.op("aten::triu(Tensor self, SymInt diagonal=0) -> Tensor")
        .doc("Keeps what is on or above a diagonal.")
        .kernel(|x: Tensor, diagonal: i64| ix::triu(&x, diagonal));
    ops.op("aten::take(Tensor self, Tensor index) -> Tensor")
        .doc("Elements by their number in the flattened tensor.")
        .kernel(|x: Tensor, index: Tensor| ix::take(&x, &index));
    ops.op("aten::put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor")
        .doc("Sets elements by their number in the flattened tensor.")
        .kernel(|x: Tensor, index: Tensor, source: Tensor, accumulate: bool| {
            ix::put(&x, &index, &source, accumulate)
        });
    ops.op("aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor")
        .doc("Rows of a table.")
        .kernel(|weight: Tensor, indices: Tensor, _padding_idx: i64, _scale_grad_by_freq: bool, _sparse: bool| {
            ensure!(weight.dim() == 2, "'weight' must be 2-D");
            ix::embedding(&weight, &indices)
        });
    ops.op("aten::one_hot(Tensor self, int num_classes=-1) -> Tensor")
        .doc("A one at the place that each element names.")
        .kernel(|x: Tensor, num_classes: i64| ix::one_hot(&x, num_classes));
    ops.op("aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor")
        .doc("How often each number occurs.")
        .kernel(|x: Tensor, weights: Option<Tensor>, minlength: i64| {
            ix::bincount(&x, weights.as_ref(), minlength)
        });
    ops.op("aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor")
        .doc("Elements chosen by tensors of places or by masks.")
        .kernel(|x: Tensor, indices: Vec<Option<Tensor>>| ix::index(&x, &indices));
    ops.op("aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor")
        .doc("Elements chosen along a dimension.")
        .kernel(|x: Tensor, dim: i64, index: Tensor, _sparse_grad: bool| ix::gather(&x, dim, &index));
    ops.op("aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor")
        .doc("Elements chosen along a dimension, shapes broadcast.")
        .kernel(|x: Tensor, indices: Tensor, dim: Option<i64>| ix::take_along_dim(&x, &indices, dim));
    ops.op("aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor")
        .doc("Sets elements chosen along a dimension.")
        .kernel(|x: Tensor, dim: i64, index: Tensor, src: Tensor| ix::scatter(&x, dim, &index, &src));
    ops.op("aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor")
        .kernel(|x: Tensor, dim: i64, index: Tensor, value: Scalar| {
            ix::scatter_value(&x, dim, &index, value)
        });
    ops.op("aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor")
        .doc("Adds to elements chosen along a dimension.")
        .kernel(|x: Tensor, dim: i64, index: Tensor, src: Tensor| ix::scatter_add(&x, dim, &index, &src));
    ops.op("aten::index_select(Tensor self, int dim, Tensor index) -> Tensor")
        .doc("Slices of a dimension by number.")
        .kernel(|x: Tensor, dim: i64, index: Tensor| ix::index_select(&x, dim, &index));
    ops.op("aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor")
        .doc("Sets elements where the mask holds.")
        .kernel(|x: Tensor, mask: Tensor, value: Scalar| ix::masked_fill(&x, &mask, value.into()));
    ops.op("aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor")
        .kernel(|x: Tensor, mask: Tensor, value: Tensor| ix::masked_fill(&x, &mask, (&value).into()));
    ops.op("aten::masked_fill_.Scalar(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)")
        .kernel(|x: Tensor, mask: Tensor, value: Scalar| {
            ix::masked_fill_to(
                flambeau_tensor::pointwise::To::InPlace(&x),
                &x,
                &mask,
                value.into(),
            )
        });
    ops.op("aten::masked_fill_.Tensor(Tensor(a!) self, Tensor mask, Tensor value) -> Tensor(a!)")
        .kernel(|x: Tensor, mask: Tensor, value: Tensor| {
            ix::masked_fill_to(
                flambeau_tensor::pointwise::To::InPlace(&x),
                &x,
                &mask,
                (&value).into(),
            )
        });
    ops.op("aten::masked_select(Tensor self, Tensor mask) -> Tensor")
        .doc("The elements where the mask holds.")
        .kernel(|x: Tensor, mask: Tensor| ix::masked_select(&x, &mask));
    ops.op("aten::masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor")
        .doc("Sets elements where the mask holds from a source in order.")
        .kernel(|x: Tensor, mask: Tensor, source: Tensor| ix::masked_scatter(&x, &mask, &source));
    ops.op("aten::nonzero(Tensor self) -> Tensor")
        .doc("The places of nonzero elements.")
        .kernel(|x: Tensor| ix::nonzero(&x));
    ops.op("aten::index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor")
        .doc("Sets elements chosen by tensors of places or by masks.")
        .kernel(
            |x: Tensor, indices: Vec<Option<Tensor>>, values: Tensor, accumulate: bool| -> Result<Tensor> {
                let out = x.copy()?;
                ix::index_put_(&out, &indices, &values, accumulate)?;
                Ok(out)
            },
        );
    ops.op("aten::index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor(a!)")
        .kernel(|x: Tensor, indices: Vec<Option<Tensor>>, values: Tensor, accumulate: bool| -> Result<Tensor> { ix::index_put_(&x, &indices, &values, accumulate)?; Ok(x) });
    ops.op("aten::index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor")
        .doc("Adds slices to those that the index names.")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, source: Tensor, alpha: Scalar| -> Result<Tensor> {
                let out = x.copy()?;
                ix::index_add(&out, dim, &index, &source, alpha)?;
                Ok(out)
            },
        );
    ops.op("aten::index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor(a!)")
        .kernel(|x: Tensor, dim: i64, index: Tensor, source: Tensor, alpha: Scalar| -> Result<Tensor> { ix::index_add(&x, dim, &index, &source, alpha)?; Ok(x) });
    ops.op("aten::index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor")
        .doc("Sets slices that the index names.")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, source: Tensor| -> Result<Tensor> {
                let out = x.copy()?;
                ix::index_copy(&out, dim, &index, &source)?;
                Ok(out)
            },
        );
    ops.op("aten::index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, source: Tensor| -> Result<Tensor> {
                ix::index_copy(&x, dim, &index, &source)?;
                Ok(x)
            },
        );
    ops.op("aten::index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor")
        .doc("Fills slices that the index names.")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, value: Scalar| -> Result<Tensor> {
                let out = x.copy()?;
                ix::index_fill(&out, dim, &index, value)?;
                Ok(out)
            },
        );
    ops.op(
        "aten::index_fill_.int_Scalar(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)",
    )
    .kernel(
        |x: Tensor, dim: i64, index: Tensor, value: Scalar| -> Result<Tensor> {
            ix::index_fill(&x, dim, &index, value)?;
            Ok(x)
        },
    );
    ops.op("aten::_index_put_impl_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False, bool unsafe=False) -> Tensor(a!)")
        .kernel(|x: Tensor, indices: Vec<Option<Tensor>>, values: Tensor, accumulate: bool, _unsafe: bool| -> Result<Tensor> { ix::index_put_(&x, &indices, &values, accumulate)?; Ok(x) });
    ops.op("aten::index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, value: Tensor| -> Result<Tensor> {
                let out = x.copy()?;
                ix::index_fill(&out, dim, &index, value.item()?)?;
                Ok(out)
            },
        );
    ops.op(
        "aten::index_fill_.int_Tensor(Tensor(a!) self, int dim, Tensor index, Tensor value) -> Tensor(a!)",
    )
    .kernel(
        |x: Tensor, dim: i64, index: Tensor, value: Tensor| -> Result<Tensor> {
            ix::index_fill(&x, dim, &index, value.item()?)?;
            Ok(x)
        },
    );
    ops.op("aten::scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor")
        .kernel(
            |x: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: Arc<str>| -> Result<Tensor> {
                let out = x.copy()?;
                ix::scatter_with(
                    &out,
                    dim,
                    &index,
                    (&src).into(),
                    ix::Reduction::from_scatter_name(&reduce)?,
                    true,
                )?;
                Ok(out)
            },
        );
    ops.op("aten::scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor").kernel(|x: Tensor, dim: i64, index: Tensor, value: Scalar, reduce: Arc<str>| -> Result<Tensor> { let out = x.copy()?; ix::scatter_with(&out, dim, &index, value.into(), ix::Reduction::from_scatter_name(&reduce)?, true)?; Ok(out) });
    ops.op("aten::scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor").doc("Reduces into elements chosen along a dimension.").kernel(|x: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: Arc<str>, include_self: bool| -> Result<Tensor> { let out = x.copy()?; ix::scatter_with(&out, dim, &index, (&src).into(), ix::Reduction::from_name(&reduce)?, include_self)?; Ok(out) });
    ops.op("aten::index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor").doc("Reduces slices into those that the index names.").kernel(|x: Tensor, dim: i64, index: Tensor, source: Tensor, reduce: Arc<str>, include_self: bool| -> Result<Tensor> { let out = x.copy()?; ix::index_reduce(&out, dim, &index, &source, ix::Reduction::from_name(&reduce)?, include_self)?; Ok(out) });
    ops.op("aten::scatter_.reduce(Tensor(a!) self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor(a!)").kernel(|x: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: Arc<str>| -> Result<Tensor> { let out = x; ix::scatter_with(&out, dim, &index, (&src).into(), ix::Reduction::from_scatter_name(&reduce)?, true)?; Ok(out) });
    ops.op("aten::scatter_.value_reduce(Tensor(a!) self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor(a!)").kernel(|x: Tensor, dim: i64, index: Tensor, value: Scalar, reduce: Arc<str>| -> Result<Tensor> { let out = x; ix::scatter_with(&out, dim, &index, value.into(), ix::Reduction::from_scatter_name(&reduce)?, true)?; Ok(out) });
    ops.op("aten::scatter_reduce_.two(Tensor(a!) self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor(a!)").kernel(|x: Tensor, dim: i64, index: Tensor, src: Tensor, reduce: Arc<str>, include_self: bool| -> Result<Tensor> { let out = x; ix::scatter_with(&out, dim, &index, (&src).into(), ix::Reduction::from_name(&reduce)?, include_self)?; Ok(out) });
    ops.op("aten::index_reduce_(Tensor(a!) self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor(a!)").kernel(|x: Tensor, dim: i64, index: Tensor, source: Tensor, reduce: Arc<str>, include_self: bool| -> Result<Tensor> { let out = x; ix::index_reduce(&out, dim, &index, &source, ix::Reduction::from_name(&reduce)?, include_self)?; Ok(out) });
}
