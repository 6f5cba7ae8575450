//! Nested tensors, as far as transformer encoders make them of a batch and its padding mask: the batch stays as it is,
//! and the lengths of its rows are kept beside its data until that is written to. Operators that do not know of them see
//! an ordinary batch.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::{DType, Result, Tensor, bail, ensure};

use crate::calc::*;

struct Lengths(Vec<i64>);

/// The lengths of the rows, of a nested tensor.
pub(crate) fn lengths(t: &Tensor) -> Option<Vec<i64>> {
    let found: Result<Arc<Lengths>> = t.prepared("nested", &[], || bail!("not a nested tensor"));
    found.ok().map(|l| l.0.clone())
}

/// Makes a nested tensor of one with memory of its own.
pub(super) fn attach(t: &Tensor, lengths: Vec<i64>) -> Result<()> {
    t.prepared("nested", &[], || Ok(Lengths(lengths))).map(drop)
}

/// Where rows of `size` have ended: true from each length on.
pub(super) fn ended(lengths: &[i64], size: i64) -> Result<Tensor> {
    let flags: Vec<bool> = lengths
        .iter()
        .flat_map(|&n| (0..size).map(move |i| i >= n))
        .collect();
    Tensor::from_vec(flags, &[lengths.len() as i64, size])
}

/// The lengths of a mask that is true at the start of each row only.
fn left_aligned(mask: &Tensor) -> Result<Option<Vec<i64>>> {
    let width = mask.size(1)?.max(0) as usize;
    let flags = mask.to_vec::<bool>()?;
    let mut lengths = Vec::new();
    for r in 0..mask.size(0)? as usize {
        let row = &flags[r * width..][..width];
        let n = row.iter().take_while(|x| **x).count();
        if row[n..].iter().any(|x| *x) {
            return Ok(None);
        }
        lengths.push(n as i64);
    }
    Ok(Some(lengths))
}

fn check(t: &Tensor, mask: &Tensor) -> Result<()> {
    ensure!(
        mask.dtype() == DType::Bool,
        "Expected mask to be of ScalarType Bool, but got {} instead.",
        mask.dtype().name()
    );
    ensure!(mask.dim() == 2, "Padding mask should be 2D");
    ensure!(t.dim() == 3, "Input should be a 3D tensor, N * L * D");
    ensure!(
        mask.sizes() == &t.sizes()[..2],
        "Mask size should match input size"
    );
    Ok(())
}

fn padded(t: &Tensor, padding: f64, size: Option<Vec<i64>>) -> Result<Tensor> {
    let Some(lengths) = lengths(t) else {
        bail!(
            "to_padded_tensor: expected a nested tensor, found one of size {:?}",
            t.sizes()
        );
    };
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let own = [t.size(0)?, longest, t.size(2)?];
    let size = size.unwrap_or(own.to_vec());
    ensure!(
        size.len() == 3 && size.iter().zip(own).all(|(a, b)| *a >= b),
        "Value in output_size is less than NestedTensor padded size. Truncation is not supported."
    );
    let out = Tensor::full(&size, padding, t.dtype())?;
    let (kept, places) = (t.narrow(1, 0, longest)?, out.narrow(0, 0, own[0])?);
    let places = places.narrow(1, 0, longest)?.narrow(2, 0, own[2])?;
    let gone = ended(&lengths, longest)?.unsqueeze(-1)?;
    places.copy_(&choose(&gone, padding, &kept)?.to_dtype(t.dtype())?)?;
    Ok(out)
}

pub fn declare(ops: &mut Rows) {
    ops.op("aten::_nested_tensor_from_mask_left_aligned(Tensor t, Tensor mask) -> bool")
        .doc("Whether the mask is true at the start of each row only, so that a nested tensor can be made.")
        .kernel(|t: Tensor, mask: Tensor| -> Result<bool> {
            check(&t, &mask)?;
            Ok(left_aligned(&mask)?.is_some())
        });
    ops.op("aten::_nested_tensor_from_mask(Tensor t, Tensor mask, bool mask_check=True) -> Tensor")
        .doc("A nested tensor of the elements at which the mask is true.")
        .kernel(|t: Tensor, mask: Tensor, _check: bool| -> Result<Tensor> {
            check(&t, &mask)?;
            let Some(lengths) = left_aligned(&mask)? else {
                bail!("Mask must be left-aligned without gaps");
            };
            let out = t.contiguous()?.copy()?;
            attach(&out, lengths)?;
            Ok(out)
        });
    for schema in [
        "aten::to_padded_tensor(Tensor self, float padding, SymInt[]? output_size=None) -> Tensor",
        "aten::nested_to_padded_tensor(Tensor self, float padding, int[]? output_size=None) -> Tensor",
    ] {
        ops.op(schema)
            .doc("A nested tensor as a batch, rows filled up.")
            .kernel(|t: Tensor, padding: f64, size: Option<Vec<i64>>| padded(&t, padding, size));
    }
}
