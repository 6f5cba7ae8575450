//! Sums that undo broadcasting, and membership.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Result, Scalar, Tensor, reduce};

use crate::calc::*;
use crate::values::error;

pub fn declare(ops: &mut Rows) {
    ops.op("aten::sum_to_size(Tensor self, SymInt[] size) -> Tensor")
        .doc("Sums the dimensions that broadcasting to the tensor's sizes would have added.")
        .kernel(|x: Tensor, size: Vec<i64>| sum_to_size(&x, &size));
    let doc = "Whether each element is one of the others.";
    ops.op("aten::isin.Tensor_Tensor(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor").doc(doc).kernel(
        |x: Tensor, others: Tensor, _: bool, invert: bool| isin(&x, &others, invert),
    );
    ops.op("aten::isin.Tensor_Scalar(Tensor elements, Scalar test_element, *, bool assume_unique=False, bool invert=False) -> Tensor").doc(doc).kernel(
        |x: Tensor, other: Scalar, _: bool, invert: bool| isin(&x, &Tensor::scalar_tensor(other, other.dtype())?, invert),
    );
    ops.op("aten::isin.Scalar_Tensor(Scalar element, Tensor test_elements, *, bool assume_unique=False, bool invert=False) -> Tensor").doc(doc).kernel(
        |x: Scalar, others: Tensor, _: bool, invert: bool| isin(&Tensor::scalar_tensor(x, x.dtype())?, &others, invert),
    );
}

fn sum_to_size(x: &Tensor, size: &[i64]) -> Result<Tensor> {
    let extra = x.dim().checked_sub(size.len());
    let fits = extra.is_some_and(|extra| {
        size.iter()
            .zip(&x.sizes()[extra..])
            .all(|(s, own)| *s == *own || *s == 1)
    });
    let (Some(extra), true) = (extra, fits) else {
        return Err(error(format!(
            "size {{{size:?}}} is not expandable to size {{{:?}}}.",
            x.sizes()
        )));
    };
    let dims: Vec<i64> = (0..x.dim())
        .filter(|&d| d < extra || size[d - extra] == 1 && x.sizes()[d] != 1)
        .map(|d| d as i64)
        .collect();
    // Nothing to sum leaves the tensor alone, but a size of no dimensions always sums, and sums of integers are long.
    if dims.is_empty() && !size.is_empty() {
        return Ok(x.clone());
    }
    reduce::sum(x, &dims, true, None)?.reshape(size)
}

fn isin(x: &Tensor, others: &Tensor, invert: bool) -> Result<Tensor> {
    let ints_only = x.dtype().is_integral(true) && others.dtype().is_integral(true);
    let found: Vec<bool> = if ints_only {
        let set: std::collections::HashSet<i64> = ints(others)?.into_iter().collect();
        ints(x)?.iter().map(|i| set.contains(i) != invert).collect()
    } else {
        let common = x.dtype().promote(others.dtype());
        // +0 and -0 are one number, and a NaN is in nothing.
        let key = |f: &f64| (*f + 0.0).to_bits();
        let set: std::collections::HashSet<u64> = floats(&others.to_dtype(common)?)?
            .iter()
            .filter(|f| !f.is_nan())
            .map(key)
            .collect();
        floats(&x.to_dtype(common)?)?
            .iter()
            .map(|f| set.contains(&key(f)) != invert)
            .collect()
    };
    let flags: Vec<u8> = found.iter().map(|b| *b as u8).collect();
    ne(&Tensor::from_slice(&flags, x.sizes())?, 0i64)
}
