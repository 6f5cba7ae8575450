//! Views: tensors that share the storage of their input, and their copying and in-place twins.

use flambeau_ir::ops::{IntoKernel, Kernel, Rows};
use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Result, Tensor};

use crate::shapes;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    shape(ops);
    axes(ops);
    parts(ops);
    pieces(ops);
    in_place(ops);
    complex(ops);
    scatter(ops);
}

/// One kernel for a view's overloads; schemas that give plain `Tensor`s copy what the view shows.
fn view<Args, K: IntoKernel<Args> + Copy>(
    ops: &mut Rows,
    doc: &'static str,
    schemas: &[&'static str],
    kernel: K,
) {
    for schema in schemas {
        let name = schema.split(['(', '.']).next().unwrap_or(schema);
        let op = ops.op(schema).doc(doc).kernel(kernel);
        if name.ends_with("_copy") || name.starts_with("aten::unsafe_") {
            op.kernel = op.kernel.take().map(copied);
        }
    }
}

fn copied(kernel: Kernel) -> Kernel {
    let Kernel { run, parameters } = kernel;
    Kernel {
        run: Box::new(move |ctx, args| {
            Ok(match run(ctx, args)? {
                IValue::Tensor(t) => IValue::Tensor(t.copy()?),
                IValue::List(l) => {
                    let copies = l
                        .to_vec()
                        .iter()
                        .filter_map(IValue::as_tensor)
                        .map(Tensor::copy)
                        .collect::<Result<Vec<_>>>()?;
                    copies.into()
                }
                other => other,
            })
        }),
        parameters,
    }
}

fn shape(ops: &mut Rows) {
    view(
        ops,
        "The elements in another shape, over the same memory.",
        &[
            "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
            "aten::view_copy(Tensor self, SymInt[] size) -> Tensor",
            "aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor",
        ],
        |x: Tensor, size: Vec<i64>| x.view(&size),
    );
    view(
        ops,
        "The elements in another shape; a view where strides allow it.",
        &[
            "aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)",
            "aten::_reshape_copy(Tensor self, SymInt[] size) -> Tensor",
        ],
        |x: Tensor, size: Vec<i64>| x.reshape(&size),
    );
    ops.op("aten::_reshape_from_tensor(Tensor self, Tensor shape) -> Tensor")
        .doc("The elements in the shape that a tensor holds.")
        .kernel(|x: Tensor, shape: Tensor| x.reshape(&shape.to_dtype(DType::Long)?.to_vec::<i64>()?));
    view(
        ops,
        "The elements with given strides.",
        &[
            "aten::_reshape_alias(Tensor(a) self, SymInt[] size, SymInt[] stride) -> Tensor(a)",
            "aten::_reshape_alias_copy(Tensor self, SymInt[] size, SymInt[] stride) -> Tensor",
        ],
        |x: Tensor, size: Vec<i64>, stride: Vec<i64>| x.as_strided(&size, &stride, Some(x.storage_offset())),
    );
    view(
        ops,
        "The elements in the shape of another tensor.",
        &["aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)"],
        |x: Tensor, o: Tensor| x.view_as(&o),
    );
    view(
        ops,
        "The elements in the shape of another tensor.",
        &["aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)"],
        |x: Tensor, o: Tensor| x.reshape_as(&o),
    );
    view(
        ops,
        "The bytes read as another dtype.",
        &[
            "aten::view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)",
            "aten::view_copy.dtype(Tensor self, ScalarType dtype) -> Tensor",
        ],
        |x: Tensor, dtype: DType| x.view_dtype(dtype),
    );
    view(
        ops,
        "The elements repeated along dimensions of size one, without copies.",
        &[
            "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
            "aten::expand_copy(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor",
        ],
        |x: Tensor, size: Vec<i64>, _: bool| x.expand(&size),
    );
    view(
        ops,
        "The tensor expanded to the sizes of another.",
        &["aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)"],
        |x: Tensor, o: Tensor| x.expand_as(&o),
    );
    view(
        ops,
        "The tensor expanded to the sizes.",
        &["aten::broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)"],
        |x: Tensor, size: Vec<i64>| x.broadcast_to(&size),
    );
    view(
        ops,
        "The tensors expanded to common sizes.",
        &["aten::broadcast_tensors(Tensor[] tensors) -> Tensor[]"],
        |ts: Vec<Tensor>| Tensor::broadcast_tensors(&ts),
    );
    view(
        ops,
        "Some dimensions as one.",
        &["aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)"],
        |x: Tensor, a: i64, b: i64| x.flatten(a, b),
    );
    view(
        ops,
        "All elements in one dimension.",
        &["aten::ravel(Tensor(a) self) -> Tensor(a)"],
        |x: Tensor| x.contiguous()?.view(&[-1]),
    );
    view(
        ops,
        "One dimension as several.",
        &["aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)"],
        |x: Tensor, dim: i64, sizes: Vec<i64>| x.unflatten(dim, &sizes),
    );
    view(
        ops,
        "The tensor without dimensions of size one.",
        &[
            "aten::squeeze(Tensor(a) self) -> Tensor(a)",
            "aten::squeeze_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x.squeeze(),
    );
    view(
        ops,
        "The tensor without the dimension, if its size is one.",
        &[
            "aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)",
            "aten::squeeze_copy.dim(Tensor self, int dim) -> Tensor",
        ],
        |x: Tensor, dim: i64| x.squeeze_dim(dim),
    );
    view(
        ops,
        "The tensor without those of the dimensions whose size is one.",
        &[
            "aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)",
            "aten::squeeze_copy.dims(Tensor self, int[] dim) -> Tensor",
        ],
        |x: Tensor, dims: Vec<i64>| x.squeeze_dims(&dims),
    );
    view(
        ops,
        "The tensor with a new dimension of size one.",
        &[
            "aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)",
            "aten::unsqueeze_copy(Tensor self, int dim) -> Tensor",
        ],
        |x: Tensor, dim: i64| x.unsqueeze(dim),
    );
    view(
        ops,
        "Any sizes and strides over the storage.",
        &[
            "aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)",
            "aten::as_strided_copy(Tensor self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor",
        ],
        |x: Tensor, size: Vec<i64>, stride: Vec<i64>, offset: Option<i64>| {
            x.as_strided(&size, &stride, offset)
        },
    );
    fn grown(x: &Tensor, dims: usize) -> Result<Tensor> {
        match (dims, x.dim()) {
            (1, 0) => x.reshape(&[1]),
            (2, 0) => x.reshape(&[1, 1]),
            (2, 1) => x.unsqueeze(0),
            (3, 0) => x.reshape(&[1, 1, 1]),
            (3, 1) => x.unsqueeze(0)?.unsqueeze(2),
            (3, 2) => x.unsqueeze(2),
            _ => Ok(x.clone()),
        }
    }
    let doc = "The tensor with at least so many dimensions.";
    view(
        ops,
        doc,
        &["aten::atleast_1d(Tensor self) -> Tensor"],
        |x: Tensor| grown(&x, 1),
    );
    view(
        ops,
        doc,
        &["aten::atleast_2d(Tensor self) -> Tensor"],
        |x: Tensor| grown(&x, 2),
    );
    view(
        ops,
        doc,
        &["aten::atleast_3d(Tensor self) -> Tensor"],
        |x: Tensor| grown(&x, 3),
    );
    let all = |ts: Vec<Tensor>, dims: usize| ts.iter().map(|t| grown(t, dims)).collect::<Result<Vec<_>>>();
    view(
        ops,
        doc,
        &["aten::atleast_1d.Sequence(Tensor[] tensors) -> Tensor[]"],
        move |ts: Vec<Tensor>| all(ts, 1),
    );
    view(
        ops,
        doc,
        &["aten::atleast_2d.Sequence(Tensor[] tensors) -> Tensor[]"],
        move |ts: Vec<Tensor>| all(ts, 2),
    );
    view(
        ops,
        doc,
        &["aten::atleast_3d.Sequence(Tensor[] tensors) -> Tensor[]"],
        move |ts: Vec<Tensor>| all(ts, 3),
    );
}

fn axes(ops: &mut Rows) {
    view(
        ops,
        "The dimensions in another order.",
        &[
            "aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)",
            "aten::permute_copy(Tensor self, int[] dims) -> Tensor",
        ],
        |x: Tensor, dims: Vec<i64>| x.permute(&dims),
    );
    view(
        ops,
        "Two dimensions exchanged.",
        &[
            "aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)",
            "aten::transpose_copy.int(Tensor self, int dim0, int dim1) -> Tensor",
            "aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)",
            "aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)",
        ],
        |x: Tensor, a: i64, b: i64| x.transpose(a, b),
    );
    ops.op("aten::t(Tensor(a) self) -> Tensor(a)")
        .doc("Transposes a matrix; a vector or a scalar is returned as it is.")
        .kernel(|x: Tensor| x.t())
        .example("t(torch.tensor([[1, 2], [3, 4]]))", "[[1, 3], [2, 4]]");
    view(
        ops,
        "Transposes a matrix.",
        &["aten::t_copy(Tensor self) -> Tensor"],
        |x: Tensor| x.t(),
    );
    view(
        ops,
        "The dimensions in reverse order.",
        &[
            "aten::numpy_T(Tensor(a) self) -> Tensor(a)",
            "aten::numpy_T.a(Tensor(a) self) -> Tensor(a)",
        ],
        |x: Tensor| x.numpy_t(),
    );
    view(
        ops,
        "The last two dimensions exchanged.",
        &[
            "aten::mT(Tensor(a) self) -> Tensor(a)",
            "aten::mT.a(Tensor(a) self) -> Tensor(a)",
        ],
        |x: Tensor| x.mt(),
    );
    view(
        ops,
        "The last two dimensions exchanged, and conjugated.",
        &[
            "aten::mH(Tensor(a) self) -> Tensor(a)",
            "aten::mH.a(Tensor(a) self) -> Tensor(a)",
            "aten::adjoint(Tensor(a) self) -> Tensor(a)",
        ],
        |x: Tensor| flambeau_tensor::pointwise::conj(&x.mt()?),
    );
    view(
        ops,
        "The conjugated transpose of a matrix.",
        &[
            "aten::matrix_H(Tensor(a) self) -> Tensor(a)",
            "aten::matrix_H.a(Tensor(a) self) -> Tensor(a)",
        ],
        |x: Tensor| match x.dim() {
            0 => Ok(x),
            2 => flambeau_tensor::pointwise::conj(&x.transpose(0, 1)?),
            dim => Err(error(format!(
                "tensor.H is only supported on matrices (2-D tensors). Got {dim}-D tensor."
            ))),
        },
    );
    let doc = "Dimensions moved to other places.";
    view(
        ops,
        doc,
        &[
            "aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)",
            "aten::moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)",
        ],
        |x: Tensor, a: i64, b: i64| x.movedim(&[a], &[b]),
    );
    view(
        ops,
        doc,
        &[
            "aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
            "aten::moveaxis.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
        ],
        |x: Tensor, a: Vec<i64>, b: Vec<i64>| x.movedim(&a, &b),
    );
}

fn parts(ops: &mut Rows) {
    view(
        ops,
        "The elements from `start` to `end` of a dimension.",
        &[
            "aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)",
            "aten::slice_copy.Tensor(Tensor self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor",
        ],
        |x: Tensor, dim: i64, start: Option<i64>, end: Option<i64>, step: i64| x.slice(dim, start, end, step),
    );
    view(
        ops,
        "One place of a dimension, which is dropped.",
        &[
            "aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)",
            "aten::select_copy.int(Tensor self, int dim, SymInt index) -> Tensor",
        ],
        |x: Tensor, dim: i64, index: i64| x.select(dim, index),
    );
    view(
        ops,
        "`length` places of a dimension.",
        &[
            "aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)",
            "aten::narrow_copy(Tensor self, int dim, SymInt start, SymInt length) -> Tensor",
        ],
        |x: Tensor, dim: i64, start: i64, length: i64| x.narrow(dim, start, length),
    );
    view(
        ops,
        "`length` places of a dimension.",
        &["aten::narrow.Tensor(Tensor(a) self, int dim, Tensor start, SymInt length) -> Tensor(a)"],
        |x: Tensor, dim: i64, start: Tensor, length: i64| {
            if start.dim() != 0 || !start.dtype().is_integral(false) {
                return Err(error("start must be an 0-dim integral Tensor."));
            }
            x.narrow(dim, start.item()?.to_i64(), length)
        },
    );
    view(
        ops,
        "The diagonal of two dimensions.",
        &[
            "aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
            "aten::diagonal_copy(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
        ],
        |x: Tensor, offset: i64, a: i64, b: i64| x.diagonal(offset, a, b),
    );
    view(
        ops,
        "The diagonal of two dimensions.",
        &["aten::linalg_diagonal(Tensor(a) A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor(a)"],
        |x: Tensor, offset: i64, a: i64, b: i64| x.diagonal(offset, a, b),
    );
    view(
        ops,
        "Windows of `size` places, each `step` after the one before.",
        &[
            "aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)",
            "aten::unfold_copy(Tensor self, int dimension, int size, int step) -> Tensor",
        ],
        |x: Tensor, dim: i64, size: i64, step: i64| x.unfold(dim, size, step),
    );
}

fn pieces(ops: &mut Rows) {
    view(
        ops,
        "Pieces of `split_size` places.",
        &[
            "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
            "aten::split_copy.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]",
            "aten::unsafe_split.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]",
        ],
        |x: Tensor, size: i64, dim: i64| x.split(size, dim),
    );
    view(
        ops,
        "Pieces of the given sizes.",
        &[
            "aten::split.sizes(Tensor(a -> *) self, SymInt[] split_size, int dim=0) -> Tensor(a)[]",
            "aten::split(Tensor(a -> *) self, int[] split_sizes, int dim=0) -> Tensor(a)[]",
            "aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
            "aten::split_with_sizes_copy(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]",
            "aten::unsafe_split_with_sizes(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]",
        ],
        |x: Tensor, sizes: Vec<i64>, dim: i64| x.split_with_sizes(&sizes, dim),
    );
    view(
        ops,
        "At most so many pieces of equal size.",
        &[
            "aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]",
            "aten::unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
        ],
        |x: Tensor, chunks: i64, dim: i64| x.chunk(chunks, dim),
    );
    view(
        ops,
        "The places of a dimension, as a list.",
        &[
            "aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]",
            "aten::unbind_copy.int(Tensor self, int dim=0) -> Tensor[]",
        ],
        |x: Tensor, dim: i64| x.unbind(dim),
    );
    view(
        ops,
        "So many pieces, whose sizes differ by one at most.",
        &["aten::tensor_split.sections(Tensor(a -> *) self, SymInt sections, int dim=0) -> Tensor(a)[]"],
        |x: Tensor, sections: i64, dim: i64| x.tensor_split(sections, dim),
    );
    view(
        ops,
        "Pieces cut at the indices.",
        &["aten::tensor_split.indices(Tensor(a -> *) self, SymInt[] indices, int dim=0) -> Tensor(a)[]"],
        |x: Tensor, at: Vec<i64>, dim: i64| x.tensor_split_indices(&at, dim),
    );
    view(
        ops,
        "Pieces cut at the indices, or so many pieces.",
        &[
            "aten::tensor_split.tensor_indices_or_sections(Tensor(a -> *) self, Tensor tensor_indices_or_sections, int dim=0) -> Tensor(a)[]",
        ],
        |x: Tensor, at: Tensor, dim: i64| {
            if at.dtype() != DType::Long {
                return Err(error(format!(
                    "tensor_split expected tensor_indices_or_sections to have dtype of long, but got {}",
                    at.dtype().name()
                )));
            }
            match at.dim() {
                0 => x.tensor_split(at.item()?.to_i64(), dim),
                1 => x.tensor_split_indices(&at.to_vec::<i64>()?, dim),
                n => Err(error(format!(
                    "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but got a tensor with {n} dims"
                ))),
            }
        },
    );
    fn need(x: &Tensor, dims: usize, name: &str) -> Result<()> {
        if x.dim() >= dims {
            return Ok(());
        }
        Err(error(format!(
            "torch.{name} requires a tensor with at least {dims} dimension, but got a tensor with {} dimensions!",
            x.dim()
        )))
    }
    fn sections(x: &Tensor, sections: i64, dim: i64, name: &str) -> Result<Vec<Tensor>> {
        let size = x.size(dim)?;
        if sections <= 0 || size % sections != 0 {
            return Err(error(format!(
                "torch.{name} attempted to split along dimension {dim}, but the size of the dimension {size} is not divisible by the split_size {sections}!"
            )));
        }
        x.tensor_split(sections, dim)
    }
    let doc = "Pieces along a dimension.";
    view(
        ops,
        doc,
        &["aten::hsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]"],
        |x: Tensor, n: i64| {
            need(&x, 1, "hsplit")?;
            sections(&x, n, (x.dim() > 1) as i64, "hsplit")
        },
    );
    view(
        ops,
        doc,
        &["aten::hsplit.array(Tensor(a -> *) self, int[] indices) -> Tensor(a)[]"],
        |x: Tensor, at: Vec<i64>| {
            need(&x, 1, "hsplit")?;
            x.tensor_split_indices(&at, (x.dim() > 1) as i64)
        },
    );
    view(
        ops,
        doc,
        &["aten::vsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]"],
        |x: Tensor, n: i64| {
            need(&x, 2, "vsplit")?;
            sections(&x, n, 0, "vsplit")
        },
    );
    view(
        ops,
        doc,
        &["aten::vsplit.array(Tensor(a -> *) self, int[] indices) -> Tensor(a)[]"],
        |x: Tensor, at: Vec<i64>| {
            need(&x, 2, "vsplit")?;
            x.tensor_split_indices(&at, 0)
        },
    );
    view(
        ops,
        doc,
        &["aten::dsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]"],
        |x: Tensor, n: i64| {
            need(&x, 3, "dsplit")?;
            sections(&x, n, 2, "dsplit")
        },
    );
    view(
        ops,
        doc,
        &["aten::dsplit.array(Tensor(a -> *) self, int[] indices) -> Tensor(a)[]"],
        |x: Tensor, at: Vec<i64>| {
            need(&x, 3, "dsplit")?;
            x.tensor_split_indices(&at, 2)
        },
    );
}

fn in_place(ops: &mut Rows) {
    let doc = "Changes the tensor's own sizes and strides.";
    ops.op("aten::squeeze_(Tensor(a!) self) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor| x.squeeze_().map(|()| x));
    ops.op("aten::squeeze_.dim(Tensor(a!) self, int dim) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor, dim: i64| x.squeeze_dims_(&[dim]).map(|()| x));
    ops.op("aten::squeeze_.dims(Tensor(a!) self, int[] dim) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor, dims: Vec<i64>| x.squeeze_dims_(&dims).map(|()| x));
    ops.op("aten::unsqueeze_(Tensor(a!) self, int dim) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor, dim: i64| x.unsqueeze_(dim).map(|()| x));
    each(
        ops,
        doc,
        &[
            "aten::transpose_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)",
            "aten::swapaxes_(Tensor(a!) self, int axis0, int axis1) -> Tensor(a!)",
            "aten::swapdims_(Tensor(a!) self, int dim0, int dim1) -> Tensor(a!)",
        ],
        |x: Tensor, a: i64, b: i64| x.transpose_(a, b).map(|()| x),
    );
    ops.op("aten::t_(Tensor(a!) self) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor| x.t_().map(|()| x));
    ops.op("aten::as_strided_(Tensor(a!) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor, size: Vec<i64>, stride: Vec<i64>, offset: Option<i64>| x.as_strided_(&size, &stride, offset).map(|()| x));
    ops.op("aten::set_.source_Tensor(Tensor(a!) self, Tensor source) -> Tensor(a!)")
        .doc("Makes the tensor see what another one sees.")
        .kernel(|x: Tensor, source: Tensor| {
            x.set_(&source);
            x
        });
    ops.op("aten::set_.source_Tensor_storage_offset(Tensor(a!) self, Tensor source, SymInt storage_offset, SymInt[] size, SymInt[] stride=[]) -> Tensor(a!)")
        .doc("Makes the tensor see a part of another one's storage.")
        .kernel(|x: Tensor, source: Tensor, offset: i64, size: Vec<i64>, stride: Vec<i64>| -> Result<Tensor> {
            let stride = if stride.is_empty() && !size.is_empty() {
                flambeau_tensor::layout::contiguous_strides(&size).to_vec()
            } else {
                stride
            };
            x.set_(&source.as_strided(&size, &stride, Some(offset))?);
            Ok(x)
        });
    ops.op("aten::set_(Tensor(a!) self) -> Tensor(a!)")
        .doc("Makes the tensor empty.")
        .kernel(|x: Tensor| -> Result<Tensor> {
            x.set_(&Tensor::empty(&[0], x.dtype())?);
            Ok(x)
        });
}

fn complex(ops: &mut Rows) {
    view(
        ops,
        "Pairs of reals as complex numbers.",
        &[
            "aten::view_as_complex(Tensor(a) self) -> Tensor(a)",
            "aten::view_as_complex_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x.view_as_complex(),
    );
    view(
        ops,
        "Complex numbers as pairs of reals.",
        &[
            "aten::view_as_real(Tensor(a) self) -> Tensor(a)",
            "aten::view_as_real_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x.view_as_real(),
    );
    view(
        ops,
        "The real parts.",
        &["aten::real(Tensor(a) self) -> Tensor(a)"],
        |x: Tensor| x.real(),
    );
    view(
        ops,
        "The imaginary parts.",
        &["aten::imag(Tensor(a) self) -> Tensor(a)"],
        |x: Tensor| x.imag(),
    );
    // Conjugation and negation are never put off here, so there is nothing to resolve.
    view(
        ops,
        "The tensor as it is.",
        &[
            "aten::resolve_conj(Tensor(a) self) -> Tensor(a)",
            "aten::resolve_neg(Tensor(a) self) -> Tensor(a)",
            "aten::lift(Tensor self) -> Tensor",
            "aten::lift_fresh(Tensor(a) self) -> Tensor(a)",
            "aten::lift_fresh_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x,
    );
    each(
        ops,
        "The complex conjugates.",
        &[
            "aten::conj(Tensor(a) self) -> Tensor(a)",
            "aten::_conj(Tensor(a) self) -> Tensor(a)",
            "aten::_conj_copy(Tensor self) -> Tensor",
            "aten::_conj_physical(Tensor self) -> Tensor",
            "aten::conj_physical(Tensor self) -> Tensor",
        ],
        |x: Tensor| flambeau_tensor::pointwise::conj(&x),
    );
    each(
        ops,
        "The elements with their signs changed.",
        &[
            "aten::_neg_view(Tensor(a) self) -> Tensor(a)",
            "aten::_neg_view_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| flambeau_tensor::pointwise::neg(&x),
    );
    view(
        ops,
        "Another handle on the elements.",
        &[
            "aten::alias(Tensor(a) self) -> Tensor(a)",
            "aten::alias_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x.alias_self(),
    );
    view(
        ops,
        "The tensor without its history.",
        &[
            "aten::detach(Tensor(a) self) -> Tensor(a)",
            "aten::detach_copy(Tensor self) -> Tensor",
        ],
        |x: Tensor| x.detach(),
    );
    ops.op("aten::detach_(Tensor(a!) self) -> Tensor(a!)")
        .doc("Forgets the tensor's history.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor| {
            x.set_autograd(None);
            x.set_requires_grad(false);
            x
        });
}

/// A copy of `x` whose part `pick` is overwritten by `src`.
fn overwritten(x: &Tensor, src: &Tensor, pick: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let out = x.copy()?;
    let part = pick(&out)?;
    if part.sizes() != src.sizes() {
        return Err(error(format!(
            "expected src to have a size equal to the slice of self. src size = {:?}, slice size = {:?}",
            src.sizes(),
            part.sizes()
        )));
    }
    part.copy_(src)?;
    Ok(out)
}

fn scatter(ops: &mut Rows) {
    let doc = "A copy with a part replaced.";
    ops.op("aten::as_strided_scatter(Tensor self, Tensor src, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, src: Tensor, size: Vec<i64>, stride: Vec<i64>, offset: Option<i64>| {
            // Strides are those of the input's storage, so the copy must be laid out alike.
            let offset = offset.unwrap_or(x.storage_offset());
            let length = (x.storage().nbytes() / x.dtype().size()) as i64;
            let storage = x.as_strided(&[length], &[1], Some(0))?.copy()?;
            let out = storage.as_strided(x.sizes(), x.strides(), Some(x.storage_offset()))?;
            let part = storage.as_strided(&size, &stride, Some(offset))?;
            if part.sizes() != src.sizes() {
                return Err(error(format!("expected src to have a size equal to the slice of self. src size = {:?}, slice size = {size:?}", src.sizes())));
            }
            part.copy_(&src)?;
            out.copy()
        });
    ops.op("aten::diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, src: Tensor, offset: i64, a: i64, b: i64| {
            overwritten(&x, &src, |t| t.diagonal(offset, a, b))
        });
    ops.op("aten::select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, src: Tensor, dim: i64, index: i64| {
            overwritten(&x, &src, |t| t.select(dim, index))
        });
    ops.op("aten::slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, src: Tensor, dim: i64, start: Option<i64>, end: Option<i64>, step: i64| {
            let part = x.slice(dim, start, end, step)?;
            let src = src.expand(part.sizes())?;
            overwritten(&x, &src, |t| t.slice(dim, start, end, step))
        });
    ops.op("aten::slice_inverse(Tensor(a) self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)")
        .doc("The larger tensor that a slice came from.")
        .kernel(|x: Tensor, src: Tensor, _: i64, _: Option<i64>, _: Option<i64>, _: i64| x.as_strided(src.sizes(), src.strides(), Some(src.storage_offset())));
    let doc = "A tensor of zeros with a part filled from a gradient.";
    ops.op(
        "aten::select_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt index) -> Tensor",
    )
    .doc(doc)
    .kernel(|g: Tensor, sizes: Vec<i64>, dim: i64, index: i64| {
        overwritten(&Tensor::zeros(&sizes, g.dtype())?, &g, |t| t.select(dim, index))
    });
    ops.op("aten::slice_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt start, SymInt end, SymInt step) -> Tensor").doc(doc).kernel(
        |g: Tensor, sizes: Vec<i64>, dim: i64, start: i64, end: i64, step: i64| {
            overwritten(&Tensor::zeros(&sizes, g.dtype())?, &g, |t| t.slice(dim, Some(start), Some(end), step))
        },
    );
    ops.op("aten::diagonal_backward(Tensor grad_output, SymInt[] input_sizes, int offset, int dim1, int dim2) -> Tensor").doc(doc).kernel(
        |g: Tensor, sizes: Vec<i64>, offset: i64, a: i64, b: i64| overwritten(&Tensor::zeros(&sizes, g.dtype())?, &g, |t| t.diagonal(offset, a, b)),
    );
}
