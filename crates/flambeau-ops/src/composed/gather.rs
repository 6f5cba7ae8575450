//! Finding places, and indexing in its rarer forms.

use flambeau_ir::ops::Rows;
use flambeau_tensor::index;
use flambeau_tensor::{DType, Result, Scalar, Tensor, pointwise as p};

use crate::calc::*;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    places(ops);
    twins(ops);
    masked(ops);
    lists(ops);
}

/// The coordinates of all elements that are not zero, one tensor a dimension.
fn nonzero_list(x: &Tensor) -> Result<Vec<Tensor>> {
    let x = if x.dim() == 0 { x.unsqueeze(0)? } else { x.clone() };
    index::nonzero(&x)?.unbind(1)
}

fn places(ops: &mut Rows) {
    each(
        ops,
        "The places of all elements that are not zero, one tensor a dimension.",
        &[
            "aten::where(Tensor condition) -> Tensor[]",
            "aten::nonzero_numpy(Tensor self) -> Tensor[]",
        ],
        |x: Tensor| nonzero_list(&x),
    );
    ops.op("aten::argwhere(Tensor self) -> Tensor")
        .doc("The places of all elements that are not zero, a row each.")
        .kernel(|x: Tensor| index::nonzero(&x));
    ops.op("aten::nonzero_static(Tensor self, *, SymInt size, int fill_value=-1) -> Tensor")
        .doc("The first `size` places of elements that are not zero, filled up.")
        .kernel(|x: Tensor, size: i64, fill: i64| {
            if size < 0 {
                return Err(error(format!(
                    "nonzero_static: 'size' must be an non-negative integer, found {size}"
                )));
            }
            let found = index::nonzero(&x)?;
            let out = Tensor::full(&[size, x.dim() as i64], fill, DType::Long)?;
            let count = found.size(0)?.min(size);
            out.narrow(0, 0, count)?.copy_(&found.narrow(0, 0, count)?)?;
            Ok(out)
        });
}

fn some(indices: Vec<Tensor>) -> Vec<Option<Tensor>> {
    indices.into_iter().map(Some).collect()
}

fn twins(ops: &mut Rows) {
    let doc = "The elements that index tensors name.";
    each(
        ops,
        doc,
        &[
            "aten::index.Tensor_hacked_twin(Tensor self, Tensor[] indices) -> Tensor",
            "aten::_unsafe_index.Tensor_hacked_twin(Tensor self, Tensor[] indices) -> Tensor",
        ],
        |x: Tensor, at: Vec<Tensor>| index::index(&x, &some(at)),
    );
    ops.op("aten::_unsafe_index.Tensor(Tensor self, Tensor?[] indices) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, at: Vec<Option<Tensor>>| index::index(&x, &at));
    let doc = "Writes values where index tensors say.";
    ops.op("aten::index_put_.hacked_twin(Tensor(a!) self, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor(a!)").doc(doc).kernel(
        |x: Tensor, at: Vec<Tensor>, values: Tensor, accumulate: bool| index::index_put_(&x, &some(at), &values, accumulate).map(|()| x),
    );
    ops.op("aten::_index_put_impl_.hacked_twin(Tensor(a!) self, Tensor[] indices, Tensor values, bool accumulate=False, bool unsafe=False) -> Tensor(a!)").doc(doc).kernel(
        |x: Tensor, at: Vec<Tensor>, values: Tensor, accumulate: bool, _: bool| index::index_put_(&x, &some(at), &values, accumulate).map(|()| x),
    );
    fn put(x: &Tensor, at: &[Option<Tensor>], values: &Tensor, accumulate: bool) -> Result<Tensor> {
        let out = x.copy()?;
        index::index_put_(&out, at, values, accumulate)?;
        Ok(out)
    }
    let doc = "A copy with values where index tensors say.";
    each(
        ops,
        doc,
        &[
            "aten::index_put.hacked_twin(Tensor self, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor",
            "aten::_unsafe_index_put.hacked_twin(Tensor self, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor",
        ],
        |x: Tensor, at: Vec<Tensor>, values: Tensor, accumulate: bool| {
            put(&x, &some(at), &values, accumulate)
        },
    );
    ops.op("aten::_unsafe_index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor").doc(doc).kernel(
        |x: Tensor, at: Vec<Option<Tensor>>, values: Tensor, accumulate: bool| put(&x, &at, &values, accumulate),
    );
}

/// Indices brought into range, and zeroed where the mask is false.
fn safe(x: &Tensor, mask: &Tensor, at: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
    at.iter()
        .enumerate()
        .map(|(dim, i)| match i {
            Some(i) => {
                let last = x.size(dim as i64)? - 1;
                let kept = p::mul(i.into(), mask.into())?;
                Ok(Some(
                    p::clamp(&kept, Some((-(last + 1)).into()), Some(last.into()))?.to_dtype(DType::Long)?,
                ))
            }
            None => Ok(None),
        })
        .collect()
}

fn masked(ops: &mut Rows) {
    ops.op("aten::_unsafe_masked_index(Tensor self, Tensor mask, Tensor?[] indices, Scalar fill) -> Tensor")
        .doc("The elements that indices name where the mask is true, elsewhere a number.")
        .kernel(|x: Tensor, mask: Tensor, at: Vec<Option<Tensor>>, fill: Scalar| {
            if x.numel() == 0 {
                let shape = at.iter().flatten().next().map_or(vec![], |t| t.sizes().to_vec());
                return Tensor::full(&shape, fill, x.dtype());
            }
            let picked = index::index(&x, &safe(&x, &mask, &at)?)?;
            index::masked_fill(&picked, &p::logical_not(&mask)?, fill.into())
        });
    ops.op("aten::_unsafe_masked_index_put_accumulate(Tensor self, Tensor mask, Tensor?[] indices, Tensor values) -> Tensor")
        .doc("A copy with values added where indices say and the mask is true.")
        .kernel(|x: Tensor, mask: Tensor, at: Vec<Option<Tensor>>, values: Tensor| -> Result<Tensor> {
            let out = x.copy()?;
            if x.numel() == 0 {
                return Ok(out);
            }
            let values = index::masked_fill(&values, &p::logical_not(&mask)?, 0i64.into())?;
            index::index_put_(&out, &safe(&x, &mask, &at)?, &values, true)?;
            Ok(out)
        });
}

fn lists(ops: &mut Rows) {
    fn equal(a: &[Tensor], b: &[Tensor]) -> Result<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (x, y) in a.iter().zip(b) {
            if !p::equal(x, y)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
    ops.op("aten::eq.Tensor_list(Tensor[] a, Tensor[] b) -> bool")
        .doc("Whether all tensors are equal.")
        .kernel(|a: Vec<Tensor>, b: Vec<Tensor>| equal(&a, &b));
    ops.op("aten::ne.Tensor_list(Tensor[] a, Tensor[] b) -> bool")
        .doc("Whether a tensor differs.")
        .kernel(|a: Vec<Tensor>, b: Vec<Tensor>| equal(&a, &b).map(|e| !e));
    let doc = "The tensor divided and rounded down in place.";
    ops.op("aten::floor_divide_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)")
        .doc(doc)
        .kernel(|x: Tensor, other: Tensor| {
            p::floor_divide_to(p::To::InPlace(&x), (&x).into(), (&other).into())
        });
    ops.op("aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)")
        .doc("The tensor's power in place.")
        .kernel(|x: Tensor, other: Tensor| p::pow_to(p::To::InPlace(&x), (&x).into(), (&other).into()));
    ops.op("aten::sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor")
        .doc("The gradient through `sigmoid`.")
        .kernel(|g: Tensor, y: Tensor| mul(&g, &mul(&sub(1i64, &y)?, &y)?));
    ops.op("aten::tanh_backward(Tensor grad_output, Tensor output) -> Tensor")
        .doc("The gradient through `tanh`.")
        .kernel(|g: Tensor, y: Tensor| mul(&g, &sub(1i64, &mul(&y, &y)?)?));
}
