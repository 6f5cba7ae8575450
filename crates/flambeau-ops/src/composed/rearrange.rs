//! Elements in other places: pixel and channel shuffles, flips, padded sequences, weight norms.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_ir::value::Device;
use flambeau_tensor::{DType, MemoryFormat, Result, Scalar, Tensor, reduce};

use crate::calc::*;
use crate::values::{each, error, memory_format};

pub fn declare(ops: &mut Rows) {
    each(
        ops,
        "Channels of all groups in turn.",
        &["aten::native_channel_shuffle(Tensor self, SymInt groups) -> Tensor"],
        |x: Tensor, groups: i64| {
            if x.dim() < 3 {
                return Err(error(format!(
                    "channel_shuffle expects input with > 2 dims, but got input with sizes {:?}",
                    x.sizes()
                )));
            }
            let c = x.sizes()[1];
            if groups <= 0 || c % groups != 0 {
                return Err(error(format!(
                    "Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
                )));
            }
            let mut split = vec![x.sizes()[0], groups, c / groups];
            split.extend(&x.sizes()[2..]);
            x.reshape(&split)?.transpose(1, 2)?.reshape(x.sizes())
        },
    );
    ops.op("aten::chalf(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor")
        .doc("The tensor as complex numbers of two half-precision floats.")
        .kernel(|x: Tensor, f: Option<i64>| {
            x.to_dtype_copy(
                DType::ComplexHalf,
                f.map_or(Ok(MemoryFormat::Preserve), memory_format)?,
            )
        });
    weight_norms(ops);
    sequences(ops);
    asserts(ops);
}

/// The norms of all that one place of `dim` holds.
fn norm_except(v: &Tensor, order: f64, dim: i64) -> Result<Tensor> {
    if dim == -1 {
        return reduce::norm(v, order, &[], false, None);
    }
    let dim = flambeau_tensor::layout::wrap_dim(dim, v.dim())? as i64;
    let rest: Vec<i64> = (0..v.dim() as i64).filter(|d| *d != dim).collect();
    if rest.is_empty() {
        return flambeau_tensor::pointwise::abs(v);
    }
    reduce::norm(v, order, &rest, true, None)
}

fn weight_norms(ops: &mut Rows) {
    ops.op("aten::_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor")
        .doc("Directions `v` scaled to lengths `g`.")
        .kernel(|v: Tensor, g: Tensor, dim: i64| mul(&v, &div(&g, &norm_except(&v, 2.0, dim)?)?));
    ops.op("aten::_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)")
        .doc("The scaled directions, and the lengths they had.")
        .kernel(|v: Tensor, g: Tensor, dim: i64| -> Result<(Tensor, Tensor)> {
            let norm = norm_except(&v, 2.0, dim)?;
            Ok((mul(&v, &div(&g, &norm)?)?, norm))
        });
    ops.op("aten::norm_except_dim(Tensor v, int pow=2, int dim=0) -> Tensor")
        .doc("The norms of all that one place of a dimension holds.")
        .kernel(|v: Tensor, order: i64, dim: i64| norm_except(&v, order as f64, dim));
}

fn sequences(ops: &mut Rows) {
    ops.op("aten::pad_sequence(Tensor[] sequences, bool batch_first=False, float padding_value=0., str padding_side=\"right\") -> Tensor")
        .doc("Sequences filled up to the longest one.")
        .kernel(|ts: Vec<Tensor>, batch_first: bool, value: f64, side: Arc<str>| {
            let Some(first) = ts.first() else { return Err(error("received an empty list of sequences")) };
            if ts.iter().any(|t| t.dim() == 0) {
                return Err(error("expected sequences of at least one dimension"));
            }
            let longest = ts.iter().map(|t| t.sizes()[0]).max().unwrap_or(0);
            let mut shape = vec![ts.len() as i64, longest];
            shape.extend(&first.sizes()[1..]);
            let out = Tensor::full(&shape, value, first.dtype())?;
            for (i, t) in ts.iter().enumerate() {
                let length = t.sizes()[0];
                let from = if &*side == "left" { longest - length } else { 0 };
                out.select(0, i as i64)?.narrow(0, from, length)?.copy_(t)?;
            }
            if batch_first { Ok(out) } else { out.transpose(0, 1)?.contiguous() }
        });
    ops.op("aten::_pack_padded_sequence(Tensor input, Tensor lengths, bool batch_first) -> (Tensor, Tensor)")
        .doc("The steps of sequences, longest first, without padding, and how many sequences each step has.")
        .kernel(
            |x: Tensor, lengths: Tensor, batch_first: bool| -> Result<(Tensor, Tensor)> {
                let x = if batch_first { x.transpose(0, 1)? } else { x };
                let lengths = ints(&lengths)?;
                if x.dim() < 2 || lengths.len() as i64 != x.sizes()[1] {
                    return Err(error(format!(
                        "Expected `len(lengths)` to be equal to batch_size, but got {} (batch_size={:?})",
                        lengths.len(),
                        x.sizes().get(1)
                    )));
                }
                if lengths.windows(2).any(|w| w[0] < w[1]) {
                    return Err(error(
                        "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True.",
                    ));
                }
                if lengths.last().is_none_or(|l| *l <= 0) || lengths[0] > x.sizes()[0] {
                    return Err(error(
                        "Length of all samples has to be greater than 0 and at most that of the input",
                    ));
                }
                let mut sizes = Vec::new();
                let mut steps = Vec::new();
                for step in 0..lengths[0] {
                    let count = lengths.iter().filter(|l| **l > step).count() as i64;
                    steps.push(x.select(0, step)?.narrow(0, 0, count)?);
                    sizes.push(count);
                }
                Ok((cat(&steps, 0)?, Tensor::from_elements(&sizes)?))
            },
        );
    ops.op("aten::_pad_packed_sequence(Tensor data, Tensor batch_sizes, bool batch_first, Scalar padding_value, int total_length) -> (Tensor, Tensor)")
        .doc("Packed sequences with padding again, and their lengths.")
        .kernel(|data: Tensor, batch_sizes: Tensor, batch_first: bool, value: Scalar, total: i64| -> Result<(Tensor, Tensor)> {
            let sizes = ints(&batch_sizes)?;
            let batch = sizes.first().copied().unwrap_or(0);
            let mut length = sizes.len() as i64;
            if total > 0 {
                if total < length {
                    return Err(error(format!("Expected total_length to be at least the length of the longest sequence in input, but got total_length={total} and max sequence length being {length}")));
                }
                length = total;
            }
            if data.dim() == 0 {
                return Err(error("expected packed data of at least one dimension"));
            }
            let mut shape = vec![length, batch];
            shape.extend(&data.sizes()[1..]);
            let out = Tensor::full(&shape, value, data.dtype())?;
            let mut from = 0;
            let mut lengths = vec![0i64; batch.max(0) as usize];
            for (step, &count) in sizes.iter().enumerate() {
                out.select(0, step as i64)?.narrow(0, 0, count)?.copy_(&data.narrow(0, from, count)?)?;
                from += count;
                lengths.iter_mut().take(count.max(0) as usize).for_each(|l| *l += 1);
            }
            let out = if batch_first { out.transpose(0, 1)? } else { out };
            Ok((out, Tensor::from_elements(&lengths)?))
        });
}

fn asserts(ops: &mut Rows) {
    ops.op("aten::_assert_async(Tensor self) -> ()")
        .doc("Fails if the element is zero.")
        .kernel(|x: Tensor| {
            if x.item()?.to_bool() {
                Ok(())
            } else {
                Err(error("Expected Tensor with single nonzero value, but got zero"))
            }
        });
    ops.op("aten::_assert_async.msg(Tensor self, str assert_msg) -> ()")
        .doc("Fails with the message if the element is zero.")
        .kernel(|x: Tensor, message: Arc<str>| {
            if x.item()?.to_bool() {
                Ok(())
            } else {
                Err(error(message.to_string()))
            }
        });
    ops.op("aten::_assert_tensor_metadata(Tensor a, SymInt[]? size=None, SymInt[]? stride=None, ScalarType? dtype=None, *, Device? device=None, Layout? layout=None) -> ()")
        .doc("Fails if sizes, strides or dtype are others.")
        .kernel(|x: Tensor, size: Option<Vec<i64>>, stride: Option<Vec<i64>>, dtype: Option<DType>, _: Option<Device>, _: Option<i64>| {
            if size.is_some_and(|s| s != x.sizes()) {
                return Err(error("Tensor sizes mismatch!"));
            }
            if stride.is_some_and(|s| s != x.strides()) {
                return Err(error("Tensor strides mismatch!"));
            }
            match dtype {
                Some(d) if d != x.dtype() => Err(error(format!("Tensor dtype mismatch! Expected: {} Got: {}", d.name(), x.dtype().name()))),
                _ => Ok(()),
            }
        });
    ops.op("aten::_is_all_true(Tensor self) -> Tensor")
        .doc("Whether all elements are true.")
        .kernel(|x: Tensor| reduce::all(&x, &[], false));
    ops.op("aten::_is_any_true(Tensor self) -> Tensor")
        .doc("Whether an element is true.")
        .kernel(|x: Tensor| reduce::any(&x, &[], false));
}
