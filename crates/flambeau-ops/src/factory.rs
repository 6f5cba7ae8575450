//! New tensors, copies, and conversions of dtype and memory format.
//!
//! Devices and layouts are accepted and have no effect: everything is dense and on the CPU.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_ir::value::Device;
use flambeau_tensor::{DType, MemoryFormat, Result, Scalar, Tensor};

use crate::shapes;
use crate::values::{each, error, memory_format};

/// What every factory takes after its own arguments.
type Layout = Option<i64>;
type Where = Option<Device>;
type Pin = Option<bool>;

pub fn declare(ops: &mut Rows) {
    filled(ops);
    like(ops);
    ranges(ops);
    convert(ops);
    copies(ops);
    resize(ops);
    grids(ops);
}

fn format(code: Option<i64>) -> Result<MemoryFormat> {
    code.map_or(Ok(MemoryFormat::Contiguous), memory_format)
}

/// The dtype that a fill value stands for.
fn natural(value: Scalar) -> DType {
    value.dtype()
}

fn filled(ops: &mut Rows) {
    ops.op("aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor")
        .doc("A tensor whose elements are not set.")
        .kernel(|size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin, f: Option<i64>| {
            Tensor::empty_format(&size, dtype.unwrap_or(DType::Float), format(f)?)
        });
    ops.op("aten::empty_strided(SymInt[] size, SymInt[] stride, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of given strides whose elements are not set.")
        .kernel(|size: Vec<i64>, stride: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            Tensor::empty_strided(&size, &stride, dtype.unwrap_or(DType::Float))
        });
    ops.op("aten::empty_permuted(SymInt[] size, int[] physical_layout, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor whose dimensions lie in memory in the given order.")
        .kernel(|size: Vec<i64>, order: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            if order.len() != size.len() {
                return Err(error("Number of dimensions in size does not match the length of the physical_layout"));
            }
            let mut physical = Vec::with_capacity(order.len());
            let mut place = vec![0i64; order.len()];
            for (i, &dim) in order.iter().enumerate() {
                let Some(size) = usize::try_from(dim).ok().and_then(|d| size.get(d)) else {
                    return Err(error(format!("Dimension out of range: {dim} in physical_layout")));
                };
                if order[..i].contains(&dim) {
                    return Err(error("Duplicate dim not allowed"));
                }
                physical.push(*size);
                place[dim as usize] = i as i64;
            }
            Tensor::empty(&physical, dtype.unwrap_or(DType::Float))?.permute(&place)
        });
    ops.op("aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of zeros.")
        .kernel(|size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::zeros(&size, dtype.unwrap_or(DType::Float)))
        .example("zeros([2])", "[0., 0.]");
    ops.op("aten::_efficientzerotensor(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of zeros.")
        .kernel(|size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::zeros(&size, dtype.unwrap_or(DType::Float)));
    ops.op("aten::ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of ones.")
        .kernel(|size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::ones(&size, dtype.unwrap_or(DType::Float)));
    ops.op("aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of one value.")
        .kernel(|size: Vec<i64>, value: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::full(&size, value, dtype.unwrap_or(natural(value))));
    ops.op("aten::scalar_tensor(Scalar s, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A 0-d tensor of the number.")
        .kernel(|s: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::scalar_tensor(s, dtype.unwrap_or(DType::Float)));
    each(
        ops,
        "A matrix with ones on its diagonal.",
        &[
            "aten::eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        ],
        |n: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            Tensor::eye(n, n, dtype.unwrap_or(DType::Float))
        },
    );
    each(
        ops,
        "A matrix with ones on its diagonal.",
        &[
            "aten::eye.m(SymInt n, SymInt m, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        ],
        |n: i64, m: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            Tensor::eye(n, m, dtype.unwrap_or(DType::Float))
        },
    );
}

fn like(ops: &mut Rows) {
    /// An empty tensor as `x`, in its own memory order unless a format is asked for.
    fn empty_like(x: &Tensor, dtype: Option<DType>, f: Option<i64>) -> Result<Tensor> {
        x.empty_like(dtype, f.map_or(Ok(MemoryFormat::Preserve), memory_format)?)
    }
    ops.op("aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor")
        .doc("A tensor of the same sizes whose elements are not set.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Layout, _: Where, _: Pin, f: Option<i64>| empty_like(&x, dtype, f));
    ops.op("aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor")
        .doc("Zeros in the sizes of a tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Layout, _: Where, _: Pin, f: Option<i64>| -> Result<Tensor> {
            let out = empty_like(&x, dtype, f)?;
            out.zero_()?;
            Ok(out)
        });
    ops.op("aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor")
        .doc("Ones in the sizes of a tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Layout, _: Where, _: Pin, f: Option<i64>| -> Result<Tensor> {
            let out = empty_like(&x, dtype, f)?;
            out.fill_(1i64)?;
            Ok(out)
        });
    ops.op("aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor")
        .doc("One value in the sizes of a tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, value: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin, f: Option<i64>| -> Result<Tensor> {
            let out = empty_like(&x, dtype, f)?;
            out.fill_(value)?;
            Ok(out)
        });
    ops.op("aten::new_empty(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of the same dtype whose elements are not set.")
        .kernel(|x: Tensor, size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::empty(&size, dtype.unwrap_or(x.dtype())));
    ops.op("aten::new_empty_strided(Tensor self, SymInt[] size, SymInt[] stride, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("A tensor of the same dtype and given strides whose elements are not set.")
        .kernel(|x: Tensor, size: Vec<i64>, stride: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            Tensor::empty_strided(&size, &stride, dtype.unwrap_or(x.dtype()))
        });
    ops.op("aten::new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("Zeros of the same dtype.")
        .kernel(|x: Tensor, size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::zeros(&size, dtype.unwrap_or(x.dtype())));
    ops.op("aten::new_ones(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("Ones of the same dtype.")
        .kernel(|x: Tensor, size: Vec<i64>, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::ones(&size, dtype.unwrap_or(x.dtype())));
    ops.op("aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc("One value in the same dtype.")
        .kernel(|x: Tensor, size: Vec<i64>, value: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::full(&size, value, dtype.unwrap_or(x.dtype())));
}

/// The dtype of a range: ints when all of its bounds are.
fn range_dtype(dtype: Option<DType>, bounds: &[Scalar]) -> DType {
    let ints = bounds.iter().all(|s| s.is_integral(true));
    dtype.unwrap_or(if ints { DType::Long } else { DType::Float })
}

/// The dtype of evenly spaced numbers.
fn space_dtype(dtype: Option<DType>, a: Scalar, b: Scalar) -> DType {
    let complex = a.is_complex() || b.is_complex();
    dtype.unwrap_or(if complex {
        DType::ComplexFloat
    } else {
        DType::Float
    })
}

/// A 0-d tensor as a bound.
fn bound(t: &Tensor) -> Result<Scalar> {
    if t.dim() != 0 {
        return Err(error(format!(
            "linspace only supports 0-dimensional start and end tensors, but got start with {} dimension(s)",
            t.dim()
        )));
    }
    t.item()
}

fn ranges(ops: &mut Rows) {
    let doc = "Numbers from `start` up to but not including `end`.";
    ops.op("aten::arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|end: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::arange(Scalar::Int(0), end, Scalar::Int(1), range_dtype(dtype, &[end])))
        .example("arange(3)", "[0, 1, 2]");
    ops.op("aten::arange.start(Scalar start, Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|start: Scalar, end: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::arange(start, end, Scalar::Int(1), range_dtype(dtype, &[start, end])));
    ops.op("aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|start: Scalar, end: Scalar, step: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| {
            Tensor::arange(start, end, step, range_dtype(dtype, &[start, end, step]))
        });
    /// As `arange`, with the end included.
    fn range(start: Scalar, end: Scalar, step: Scalar, dtype: DType) -> Result<Tensor> {
        if step.to_f64() == 0.0 {
            return Err(error("step must be nonzero"));
        }
        let count = ((end.to_f64() - start.to_f64()) / step.to_f64()).floor();
        if count < 0.0 || !count.is_finite() {
            return Err(error("upper bound and larger bound inconsistent with step sign"));
        }
        let end = start.to_f64() + (count + 0.5) * step.to_f64();
        Tensor::arange(start, Scalar::Float(end), step, dtype)
    }
    let doc = "Numbers from `start` up to `end`.";
    ops.op("aten::range(Scalar start, Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| range(a, b, Scalar::Int(1), dtype.unwrap_or(DType::Float)));
    ops.op("aten::range.step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Scalar, step: Scalar, dtype: Option<DType>, _: Layout, _: Where, _: Pin| range(a, b, step, dtype.unwrap_or(DType::Float)));

    let doc = "`steps` numbers at equal distances, both ends included.";
    ops.op("aten::linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Scalar, n: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::linspace(a, b, n, space_dtype(dtype, a, b)));
    ops.op("aten::linspace.Tensor_Tensor(Tensor start, Tensor end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, b: Tensor, n: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let (a, b) = (bound(&a)?, bound(&b)?);
            Tensor::linspace(a, b, n, space_dtype(dtype, a, b))
        });
    ops.op("aten::linspace.Tensor_Scalar(Tensor start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, b: Scalar, n: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let a = bound(&a)?;
            Tensor::linspace(a, b, n, space_dtype(dtype, a, b))
        });
    ops.op("aten::linspace.Scalar_Tensor(Scalar start, Tensor end, int steps, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Tensor, n: i64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let b = bound(&b)?;
            Tensor::linspace(a, b, n, space_dtype(dtype, a, b))
        });
    let doc = "`steps` powers of `base` whose exponents are at equal distances.";
    ops.op("aten::logspace(Scalar start, Scalar end, int steps, float base=10., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Scalar, n: i64, base: f64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| Tensor::logspace(a, b, n, base, space_dtype(dtype, a, b)));
    ops.op("aten::logspace.Tensor_Tensor(Tensor start, Tensor end, int steps, float base=10., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, b: Tensor, n: i64, base: f64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let (a, b) = (bound(&a)?, bound(&b)?);
            Tensor::logspace(a, b, n, base, space_dtype(dtype, a, b))
        });
    ops.op("aten::logspace.Tensor_Scalar(Tensor start, Scalar end, int steps, float base=10., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Tensor, b: Scalar, n: i64, base: f64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let a = bound(&a)?;
            Tensor::logspace(a, b, n, base, space_dtype(dtype, a, b))
        });
    ops.op("aten::logspace.Scalar_Tensor(Scalar start, Tensor end, int steps, float base=10., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
        .doc(doc)
        .kernel(|a: Scalar, b: Tensor, n: i64, base: f64, dtype: Option<DType>, _: Layout, _: Where, _: Pin| -> Result<Tensor> {
            let b = bound(&b)?;
            Tensor::logspace(a, b, n, base, space_dtype(dtype, a, b))
        });
}

/// `to`: the tensor itself when nothing changes and no copy is asked for.
fn to(x: &Tensor, dtype: DType, copy: bool, f: Option<i64>) -> Result<Tensor> {
    let format = f.map_or(Ok(MemoryFormat::Preserve), memory_format)?;
    let fits = matches!(format, MemoryFormat::Preserve) || x.is_contiguous_as(format);
    if !copy && dtype == x.dtype() && fits {
        return Ok(x.clone());
    }
    x.to_dtype_copy(dtype, format)
}

fn convert(ops: &mut Rows) {
    let doc = "The tensor in another dtype or memory format.";
    ops.op("aten::to.device(Tensor(a) self, Device device, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, _: Device, dtype: DType, _: bool, copy: bool, f: Option<i64>| to(&x, dtype, copy, f));
    ops.op("aten::to.dtype(Tensor(a) self, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: DType, _: bool, copy: bool, f: Option<i64>| to(&x, dtype, copy, f));
    ops.op("aten::to.other(Tensor(a) self, Tensor other, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, other: Tensor, _: bool, copy: bool, f: Option<i64>| to(&x, other.dtype(), copy, f));
    ops.op("aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Layout, _: Where, _: Pin, _: bool, copy: bool, f: Option<i64>| to(&x, dtype.unwrap_or(x.dtype()), copy, f));
    ops.op("aten::to.prim_Device(Tensor(a) self, Device? device, int? dtype=None, bool non_blocking=False, bool copy=False) -> Tensor(b|a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, _: Where, dtype: Option<DType>, _: bool, copy: bool| to(&x, dtype.unwrap_or(x.dtype()), copy, None));
    ops.op("aten::to.prim_dtype(Tensor(a) self, int? dtype=None, bool non_blocking=False, bool copy=False) -> Tensor(b|a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: bool, copy: bool| to(&x, dtype.unwrap_or(x.dtype()), copy, None));
    ops.op("aten::to.prim_other(Tensor(a) self, bool non_blocking=False, bool copy=False) -> Tensor(b|a)")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, _: bool, copy: bool| to(&x, x.dtype(), copy, None));
    ops.op("aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor")
        .doc(doc)
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Layout, _: Where, _: Pin, _: bool, f: Option<i64>| to(&x, dtype.unwrap_or(x.dtype()), true, f));
    ops.op("aten::type_as(Tensor self, Tensor other) -> Tensor")
        .doc("The tensor in the dtype of another one.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, other: Tensor| x.to_dtype(other.dtype()));
    each(
        ops,
        "The tensor itself: it is on the CPU, and there is no other device.",
        &[
            "aten::cpu(Tensor(a) self) -> Tensor(b|a)",
            "aten::cuda(Tensor(a) self) -> Tensor(b|a)",
        ],
        |x: Tensor| x,
    );
    ops.op("aten::_to_cpu(Tensor[] tensors) -> Tensor[]")
        .doc("The tensors themselves.")
        .kernel(|ts: Vec<Tensor>| ts);
    for (schema, dtype) in [
        (
            "aten::_cast_Byte(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Byte,
        ),
        (
            "aten::_cast_Char(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Char,
        ),
        (
            "aten::_cast_Double(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Double,
        ),
        (
            "aten::_cast_Float(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Float,
        ),
        (
            "aten::_cast_Half(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Half,
        ),
        (
            "aten::_cast_Int(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Int,
        ),
        (
            "aten::_cast_Long(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Long,
        ),
        (
            "aten::_cast_Short(Tensor self, bool non_blocking=False) -> Tensor",
            DType::Short,
        ),
    ] {
        ops.op(schema)
            .doc("The tensor in another dtype.")
            .shape(shapes::like_first)
            .kernel(move |x: Tensor, _: bool| x.to_dtype(dtype));
    }
    for schema in [
        "aten::_autocast_to_full_precision(Tensor(a) self, bool cuda_enabled, bool cpu_enabled) -> Tensor(a)",
    ] {
        ops.op(schema)
            .doc("The tensor in single precision, if it is in half.")
            .shape(shapes::like_first)
            .kernel(|x: Tensor, _: bool, _: bool| match x.dtype() {
                DType::Half | DType::BFloat16 => x.to_dtype(DType::Float),
                _ => Ok(x),
            });
    }
    ops.op("aten::to_dense(Tensor self, ScalarType? dtype=None, *, bool? masked_grad=None) -> Tensor")
        .doc("The tensor, which is dense, in another dtype where one is given.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, dtype: Option<DType>, _: Option<bool>| x.to_dtype(dtype.unwrap_or(x.dtype())));
}

fn copies(ops: &mut Rows) {
    ops.op("aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)")
        .doc("The tensor with its elements in order, a copy only if they are not.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, f: i64| match memory_format(f)? {
            MemoryFormat::Preserve => Err(error(
                "preserve memory format is unsupported by the contiguous operator",
            )),
            format => x.contiguous_as(format),
        });
    ops.op("aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor")
        .doc("A copy.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, f: Option<i64>| {
            x.clone_format(f.map_or(Ok(MemoryFormat::Preserve), memory_format)?)
        });
    ops.op("aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor")
        .doc("The elements of `src` in the sizes and the dtype of the tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, src: Tensor, _: bool| -> Result<Tensor> {
            let out = x.empty_like(None, MemoryFormat::Preserve)?;
            out.copy_(&src)?;
            Ok(out)
        });
    ops.op("aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)")
        .doc("Writes the elements of `src` into the tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, src: Tensor, _: bool| x.copy_(&src).map(|()| x));
    ops.op("aten::copy_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .doc("Writes the elements of `other` into the tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, src: Tensor| x.copy_(&src).map(|()| x));
    each(
        ops,
        "Writes a number into all elements.",
        &[
            "aten::copy_.int(Tensor(a!) self, int other) -> Tensor(a!)",
            "aten::copy_.float(Tensor(a!) self, float other) -> Tensor(a!)",
            "aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)",
        ],
        |x: Tensor, value: Scalar| x.fill_(value).map(|()| x),
    );
    ops.op("aten::_copy_from(Tensor self, Tensor dst, bool non_blocking=False) -> Tensor")
        .doc("Writes the tensor's elements into `dst`.")
        .kernel(|x: Tensor, dst: Tensor, _: bool| dst.copy_(&x).map(|()| dst));
    fn fill_tensor(x: &Tensor, value: &Tensor) -> Result<()> {
        if value.dim() != 0 {
            return Err(error(format!(
                "fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.",
                value.dim()
            )));
        }
        x.copy_(value)
    }
    ops.op("aten::fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)")
        .doc("Writes a 0-d tensor's number into all elements.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, value: Tensor| fill_tensor(&x, &value).map(|()| x));
    ops.op("aten::fill.Tensor(Tensor self, Tensor value) -> Tensor")
        .doc("A 0-d tensor's number in all places.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, value: Tensor| -> Result<Tensor> {
            let out = x.empty_like(None, MemoryFormat::Preserve)?;
            fill_tensor(&out, &value)?;
            Ok(out)
        });
    ops.op("aten::fill.Scalar(Tensor self, Scalar value) -> Tensor")
        .doc("A number in all places.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor, value: Scalar| x.full_like(value, None));
    ops.op("aten::zero_(Tensor(a!) self) -> Tensor(a!)")
        .doc("Writes zeros.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor| x.zero_().map(|()| x));
    ops.op("aten::zero(Tensor self) -> Tensor")
        .doc("Zeros in the sizes of the tensor.")
        .shape(shapes::like_first)
        .kernel(|x: Tensor| x.zeros_like());
}

fn resize(ops: &mut Rows) {
    ops.op(
        "aten::resize_(Tensor(a!) self, SymInt[] size, *, MemoryFormat? memory_format=None) -> Tensor(a!)",
    )
    .doc("Changes the tensor's sizes; memory grows as needed.")
    .kernel(|x: Tensor, size: Vec<i64>, f: Option<i64>| -> Result<Tensor> {
        x.resize_(&size, format(f)?)?;
        Ok(x)
    });
    ops.op("aten::resize_as_(Tensor(a!) self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor(a!)")
        .doc("Changes the tensor's sizes to those of another.")
        .kernel(|x: Tensor, template: Tensor, f: Option<i64>| -> Result<Tensor> {
            x.resize_(template.sizes(), format(f)?)?;
            Ok(x)
        });
    ops.op("aten::_resize_output_(Tensor(a!) self, SymInt[] size, Device device) -> Tensor(a!)")
        .doc("Changes the tensor's sizes.")
        .kernel(|x: Tensor, size: Vec<i64>, _: Device| -> Result<Tensor> {
            x.resize_(&size, MemoryFormat::Contiguous)?;
            Ok(x)
        });
}

fn meshgrid(tensors: &[Tensor], xy: bool) -> Result<Vec<Tensor>> {
    if tensors.is_empty() {
        return Err(error("meshgrid expects a non-empty TensorList"));
    }
    if let Some(t) = tensors.iter().find(|t| t.dim() > 1) {
        return Err(error(format!(
            "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t:?}"
        )));
    }
    let mut inputs = tensors.to_vec();
    let swap = xy && inputs.len() >= 2;
    if swap {
        inputs.swap(0, 1);
    }
    let sizes: Vec<i64> = inputs.iter().map(Tensor::numel).collect();
    let mut grids = Vec::with_capacity(inputs.len());
    for (i, t) in inputs.iter().enumerate() {
        let mut shape = vec![1; inputs.len()];
        shape[i] = sizes[i];
        grids.push(t.reshape(&shape)?.expand(&sizes)?);
    }
    if swap {
        grids.swap(0, 1);
    }
    Ok(grids)
}

fn grids(ops: &mut Rows) {
    ops.op("aten::meshgrid(Tensor[] tensors) -> Tensor[]")
        .doc("The grid of all combinations of coordinates.")
        .kernel(|ts: Vec<Tensor>| meshgrid(&ts, false));
    ops.op("aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]")
        .doc("The grid of all combinations of coordinates.")
        .kernel(|ts: Vec<Tensor>, indexing: Arc<str>| match &*indexing {
            "ij" => meshgrid(&ts, false),
            "xy" => meshgrid(&ts, true),
            other => Err(error(format!(
                "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {other}"
            ))),
        });
    ops.op("aten::cartesian_prod(Tensor[] tensors) -> Tensor")
        .doc("All combinations, a row each.")
        .kernel(|ts: Vec<Tensor>| {
            if let Some(t) = ts.iter().find(|t| t.dim() != 1) {
                return Err(error(format!(
                    "Expect a 1D vector, but got shape {:?}",
                    t.sizes()
                )));
            }
            if let [only] = ts.as_slice() {
                return Ok(only.clone());
            }
            let flat = meshgrid(&ts, false)?
                .iter()
                .map(|g| g.flatten(0, -1))
                .collect::<Result<Vec<_>>>()?;
            flambeau_tensor::index::stack(&flat, 1)
        });
    ops.op("aten::flatten_dense_tensors(Tensor[] tensors) -> Tensor")
        .doc("All elements in one dimension.")
        .kernel(|ts: Vec<Tensor>| {
            let flat = ts
                .iter()
                .map(|t| t.contiguous()?.view(&[-1]))
                .collect::<Result<Vec<_>>>()?;
            flambeau_tensor::index::cat(&flat, 0)
        });
    ops.op("aten::unflatten_dense_tensors(Tensor flat, Tensor[] tensors) -> Tensor[]")
        .doc("Pieces of a flat tensor in the sizes of others.")
        .kernel(|flat: Tensor, ts: Vec<Tensor>| {
            let mut from = 0;
            let mut out = Vec::with_capacity(ts.len());
            for t in &ts {
                out.push(flat.narrow(0, from, t.numel())?.view(t.sizes())?);
                from += t.numel();
            }
            Ok::<_, flambeau_tensor::Error>(out)
        });
}
