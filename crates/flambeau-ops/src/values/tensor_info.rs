//! What is known about a tensor without looking at its elements, and tensors made of Python values.

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::types::Type;
use flambeau_ir::value::{Device, IValue, List};
use flambeau_tensor::{DType, MemoryFormat, Result, Scalar, Tensor};

use super::{each, error};

pub fn declare(ops: &mut Rows) {
    geometry(ops);
    properties(ops);
    flags(ops);
    make(ops);
}

fn geometry(ops: &mut Rows) {
    each(
        ops,
        "The sizes.",
        &[
            "aten::size(Tensor self) -> int[]",
            "aten::sym_size(Tensor self) -> SymInt[]",
        ],
        |t: Tensor| t.sizes().to_vec(),
    );
    each(
        ops,
        "The size of a dimension.",
        &[
            "aten::size.int(Tensor self, int dim) -> int",
            "aten::sym_size.int(Tensor self, int dim) -> SymInt",
        ],
        |t: Tensor, dim: i64| t.size(dim),
    );
    each(
        ops,
        "The strides.",
        &[
            "aten::stride(Tensor self) -> int[]",
            "aten::sym_stride(Tensor self) -> SymInt[]",
        ],
        |t: Tensor| t.strides().to_vec(),
    );
    each(
        ops,
        "The stride of a dimension.",
        &[
            "aten::stride.int(Tensor self, int dim) -> int",
            "aten::sym_stride.int(Tensor self, int dim) -> SymInt",
        ],
        |t: Tensor, dim: i64| t.stride(dim),
    );
    each(
        ops,
        "The number of dimensions.",
        &[
            "aten::dim(Tensor self) -> int",
            "aten::dense_dim(Tensor self) -> int",
        ],
        |t: Tensor| t.dim() as i64,
    );
    ops.op("aten::sparse_dim(Tensor self) -> int")
        .doc("The number of sparse dimensions, which are none.")
        .kernel(|_: Tensor| 0i64);
    each(
        ops,
        "The number of elements.",
        &[
            "aten::numel(Tensor self) -> int",
            "aten::sym_numel(Tensor self) -> SymInt",
        ],
        |t: Tensor| t.numel(),
    );
    each(
        ops,
        "The place of the first element in the storage.",
        &[
            "aten::storage_offset(Tensor self) -> int",
            "aten::sym_storage_offset(Tensor self) -> SymInt",
        ],
        |t: Tensor| t.storage_offset(),
    );
    each(
        ops,
        "The bytes that an element takes.",
        &[
            "aten::element_size(Tensor self) -> int",
            "prim::itemsize(Tensor a) -> int",
        ],
        |t: Tensor| t.dtype().size() as i64,
    );
    ops.op("prim::nbytes(Tensor a) -> int")
        .doc("The bytes that the elements take.")
        .kernel(|t: Tensor| t.numel().saturating_mul(t.dtype().size() as i64));
    ops.op("aten::len.Tensor(Tensor t) -> int")
        .doc("The size of the first dimension.")
        .kernel(|t: Tensor| {
            t.sizes()
                .first()
                .copied()
                .ok_or_else(|| error("len() of a 0-d tensor"))
        });
    ops.op("aten::_shape_as_tensor(Tensor self) -> Tensor")
        .doc("The sizes as a tensor.")
        .kernel(|t: Tensor| Tensor::from_elements(t.sizes()));
}

/// A memory format by its number.
pub fn memory_format(code: i64) -> Result<MemoryFormat> {
    MemoryFormat::from_code(code).ok_or_else(|| error(format!("{code} is no memory format")))
}

fn properties(ops: &mut Rows) {
    ops.op("prim::dtype(Tensor a) -> int")
        .doc("The dtype.")
        .kernel(|t: Tensor| t.dtype());
    ops.op("prim::device(Tensor a) -> Device")
        .doc("The device.")
        .kernel(|_: Tensor| Device::cpu());
    ops.op("prim::layout(Tensor a) -> Layout")
        .doc("The layout: strided.")
        .kernel(|_: Tensor| 0i64);
    ops.op("prim::name(Tensor a) -> str?")
        .doc("The tensor's name; it has none.")
        .kernel(|_: Tensor| IValue::None);
    ops.op("prim::grad(Tensor a) -> Tensor(*)")
        .doc("The gradient that was recorded, or None.")
        .kernel(|_: Tensor| IValue::None);
    each(
        ops,
        "The tensor without its history.",
        &[
            "prim::data(Tensor(a) a) -> Tensor(a)",
            "aten::data(Tensor self) -> Tensor",
        ],
        |t: Tensor| t.detach(),
    );
    ops.op("prim::requires_grad(Tensor a) -> bool")
        .doc("Whether gradients are wanted for it.")
        .kernel(|t: Tensor| t.requires_grad());
    ops.op("aten::requires_grad_(Tensor(a!) self, bool requires_grad=True) -> Tensor(a!)")
        .doc("Says whether gradients are wanted.")
        .kernel(|t: Tensor, on: bool| {
            if on && !t.dtype().is_floating_point() && !t.dtype().is_complex() {
                return Err(error(
                    "only Tensors of floating point dtype can require gradients",
                ));
            }
            t.set_requires_grad(on);
            Ok(t)
        });
    ops.op("aten::_version(Tensor self) -> int")
        .doc("How often the storage was written.")
        .kernel(|t: Tensor| t.version() as i64);
    ops.op("aten::output_nr(Tensor self) -> int")
        .doc("Which output of its operation it is.")
        .kernel(|_: Tensor| 0i64);
    ops.op("aten::get_device(Tensor self) -> int")
        .doc("The number of its device; the CPU is -1.")
        .kernel(|_: Tensor| -1i64);
    ops.op("aten::set_data(Tensor(a!) self, Tensor new_data) -> ()")
        .doc("Makes the tensor a view of another one.")
        .kernel(|t: Tensor, new: Tensor| t.set_(&new));
}

fn flags(ops: &mut Rows) {
    each(
        ops,
        "Never so: tensors are dense and on the CPU.",
        &[
            "prim::is_cuda(Tensor a) -> bool",
            "prim::is_ipu(Tensor a) -> bool",
            "prim::is_maia(Tensor a) -> bool",
            "prim::is_meta(Tensor a) -> bool",
            "prim::is_mkldnn(Tensor a) -> bool",
            "prim::is_mps(Tensor a) -> bool",
            "prim::is_mtia(Tensor a) -> bool",
            "prim::is_sparse(Tensor a) -> bool",
            "prim::is_sparse_csr(Tensor a) -> bool",
            "prim::is_vulkan(Tensor a) -> bool",
            "prim::is_xla(Tensor a) -> bool",
            "prim::is_xpu(Tensor a) -> bool",
            "aten::is_coalesced(Tensor self) -> bool",
            "aten::is_conj(Tensor self) -> bool",
            "aten::is_neg(Tensor self) -> bool",
            "aten::is_distributed(Tensor self) -> bool",
            "aten::is_inference(Tensor self) -> bool",
            "aten::retains_grad(Tensor self) -> bool",
        ],
        |_: Tensor| false,
    );
    ops.op("prim::is_cpu(Tensor a) -> bool")
        .doc("Whether it is on the CPU.")
        .kernel(|_: Tensor| true);
    ops.op("prim::is_nested(Tensor a) -> bool")
        .doc("Whether its rows have lengths of their own.")
        .kernel(|t: Tensor| crate::nn::nested::lengths(&t).is_some());
    ops.op("prim::is_quantized(Tensor a) -> bool")
        .doc("Whether it is quantised.")
        .kernel(|t: Tensor| t.dtype().is_quantized());
    ops.op("aten::is_leaf(Tensor self) -> bool")
        .doc("Whether no recorded operation made it.")
        .kernel(|t: Tensor| t.autograd().is_none());
    ops.op("aten::retain_grad(Tensor(a!) self) -> ()")
        .doc("Asks to keep the gradient.")
        .kernel(|_: Tensor| ());
    ops.op("aten::is_pinned(Tensor self, Device? device=None) -> bool")
        .doc("Whether its memory is pinned; it is not.")
        .kernel(|_: Tensor, _: Option<Device>| false);
    ops.op("aten::is_floating_point(Tensor self) -> bool")
        .doc("Whether the elements are floats.")
        .kernel(|t: Tensor| t.is_floating_point());
    ops.op("aten::is_complex(Tensor self) -> bool")
        .doc("Whether the elements are complex.")
        .kernel(|t: Tensor| t.is_complex());
    ops.op("aten::is_signed(Tensor self) -> bool")
        .doc("Whether elements can be negative.")
        .kernel(|t: Tensor| t.dtype().is_signed());
    ops.op("aten::is_contiguous(Tensor self) -> bool")
        .doc("Whether the elements follow each other in memory.")
        .kernel(|t: Tensor| t.is_contiguous());
    each(
        ops,
        "Whether the elements follow each other in the order of the format.",
        &[
            "aten::is_contiguous.memory_format(Tensor self, MemoryFormat memory_format) -> bool",
            "aten::sym_is_contiguous(Tensor self, MemoryFormat memory_format=0) -> SymBool",
            "aten::is_strides_like_format(Tensor self, MemoryFormat memory_format) -> bool",
        ],
        |t: Tensor, format: i64| -> Result<bool> { Ok(t.is_contiguous_as(memory_format(format)?)) },
    );
    ops.op("aten::is_non_overlapping_and_dense(Tensor self) -> bool")
        .doc("Whether the elements fill their memory, in some order.")
        .kernel(|t: Tensor| t.is_non_overlapping_and_dense());
    ops.op("aten::is_same_size(Tensor self, Tensor other) -> bool")
        .doc("Whether both have the same sizes.")
        .kernel(|a: Tensor, b: Tensor| a.sizes() == b.sizes());
    ops.op("aten::is_set_to(Tensor self, Tensor tensor) -> bool")
        .doc("Whether both see the same elements.")
        .kernel(|a: Tensor, b: Tensor| {
            a.shares_storage(&b)
                && a.storage_offset() == b.storage_offset()
                && a.sizes() == b.sizes()
                && a.strides() == b.strides()
        });
    ops.op("aten::_has_same_storage_numel(Tensor self, Tensor other) -> bool")
        .doc("Whether both storages are equally long.")
        .kernel(|a: Tensor, b: Tensor| {
            a.storage().nbytes() / a.dtype().size() == b.storage().nbytes() / b.dtype().size()
        });
    ops.op("aten::_has_compatible_shallow_copy_type(Tensor self, Tensor from) -> bool")
        .doc("Whether one may stand for the other.")
        .kernel(|_: Tensor, _: Tensor| true);
}

/// The dtype of a list's innermost element type, by which empty lists are made.
fn element_dtype(ty: &Type) -> DType {
    match ty {
        Type::List(inner) => element_dtype(inner),
        Type::Int => DType::Long,
        Type::Bool => DType::Bool,
        Type::Complex => DType::ComplexFloat,
        _ => DType::Float,
    }
}

fn not_numbers(found: &Type) -> flambeau_tensor::Error {
    error(format!(
        "Input must be of ints, floats, or bools, got {}",
        found.annotation_str()
    ))
}

/// Walks nested lists, which must be rectangular.
fn gather(value: &IValue, depth: usize, sizes: &[i64], into: &mut Vec<Scalar>) -> Result<()> {
    match value {
        IValue::List(l) => {
            let items = l.to_vec();
            let expected = sizes.get(depth).copied().unwrap_or(-1);
            if items.len() as i64 != expected {
                return Err(error(format!(
                    "Expected sequence of length {expected} at dim {depth} (got {})",
                    items.len()
                )));
            }
            items
                .iter()
                .try_for_each(|item| gather(item, depth + 1, sizes, into))
        }
        other if depth == sizes.len() => match other.as_scalar() {
            Some(s) => {
                into.push(s);
                Ok(())
            }
            None => Err(not_numbers(&other.ty())),
        },
        _ => Err(error(format!(
            "Expected sequence of length {} at dim {depth}",
            sizes[depth]
        ))),
    }
}

/// `torch.tensor` of nested lists.
fn from_list(list: &List, dtype: Option<DType>) -> Result<Tensor> {
    let mut sizes = Vec::new();
    let mut first = IValue::List(list.clone());
    while let IValue::List(l) = &first {
        sizes.push(l.len() as i64);
        let Some(next) = l.read().first().cloned() else {
            break;
        };
        first = next;
    }
    let mut element = list.element_type();
    while let Type::List(inner) = element {
        element = inner;
    }
    if !matches!(
        element,
        Type::Int | Type::Float | Type::Bool | Type::Complex | Type::Number
    ) && !sizes.contains(&0)
    {
        return Err(not_numbers(element));
    }
    let mut data = Vec::new();
    gather(&IValue::List(list.clone()), 0, &sizes, &mut data)?;
    let natural = data
        .first()
        .map_or_else(|| element_dtype(list.element_type()), |s| s.dtype());
    Tensor::from_scalars(&data, &sizes, dtype.unwrap_or(natural))
}

fn from_scalar(value: Scalar, dtype: Option<DType>) -> Result<Tensor> {
    Tensor::scalar_tensor(value, dtype.unwrap_or(value.dtype()))
}

fn make(ops: &mut Rows) {
    let doc = "A tensor of the value.";
    each(
        ops,
        doc,
        &[
            "aten::tensor.bool(bool t, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor",
            "aten::tensor.float(float t, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor",
            "aten::tensor.int(int t, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor",
            "aten::tensor.complex(complex t, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor",
        ],
        |value: Scalar, dtype: Option<DType>, _: Option<Device>, grad: bool| -> Result<Tensor> {
            let made = from_scalar(value, dtype)?;
            made.set_requires_grad(grad);
            Ok(made)
        },
    );
    ops.op("aten::tensor(t[] data, *, ScalarType? dtype=None, Device? device=None, bool requires_grad=False) -> Tensor")
        .doc("A tensor of nested lists.")
        .kernel(|data: List, dtype: Option<DType>, _: Option<Device>, grad: bool| -> Result<Tensor> {
            let made = from_list(&data, dtype)?;
            made.set_requires_grad(grad);
            Ok(made)
        });
    each(
        ops,
        doc,
        &[
            "aten::as_tensor.bool(bool t, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
            "aten::as_tensor.float(float t, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
            "aten::as_tensor.int(int t, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
            "aten::as_tensor.complex(complex t, *, ScalarType? dtype=None, Device? device=None) -> Tensor",
        ],
        |value: Scalar, dtype: Option<DType>, _: Option<Device>| from_scalar(value, dtype),
    );
    ops.op("aten::as_tensor(Tensor(a) data, *, ScalarType? dtype=None, Device? device=None) -> Tensor(b|a)")
        .doc("The tensor, in another dtype where one is given.")
        .kernel(|data: Tensor, dtype: Option<DType>, _: Option<Device>| {
            data.to_dtype(dtype.unwrap_or(data.dtype()))
        });
    ops.op("aten::as_tensor.list(t[] data, *, ScalarType? dtype=None, Device? device=None) -> Tensor")
        .doc("A tensor of nested lists.")
        .kernel(|data: List, dtype: Option<DType>, _: Option<Device>| from_list(&data, dtype));
    ops.op("prim::AutogradZero() -> Tensor")
        .doc("No gradient.")
        .kernel(|_: &Context, _: &[IValue]| IValue::None);
}
