//! Joining tensors: the stack family, block matrices, combinations.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{DType, Result, Tensor, index};

use crate::calc::*;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    let raise =
        |ts: &[Tensor], f: fn(&Tensor) -> Result<Tensor>| ts.iter().map(f).collect::<Result<Vec<_>>>();
    ops.op("aten::hstack(Tensor[] tensors) -> Tensor")
        .doc("Tensors side by side.")
        .kernel(move |ts: Vec<Tensor>| {
            if ts.is_empty() {
                return Err(error("hstack expects a non-empty TensorList"));
            }
            let ts = raise(&ts, |t| at_least_dims(t, 1))?;
            cat(&ts, (ts[0].dim() > 1) as i64)
        });
    each(
        ops,
        "Tensors below each other.",
        &[
            "aten::vstack(Tensor[] tensors) -> Tensor",
            "aten::row_stack(Tensor[] tensors) -> Tensor",
        ],
        move |ts: Vec<Tensor>| {
            if ts.is_empty() {
                return Err(error("vstack expects a non-empty TensorList"));
            }
            cat(&raise(&ts, |t| at_least_dims(t, 2))?, 0)
        },
    );
    ops.op("aten::dstack(Tensor[] tensors) -> Tensor")
        .doc("Tensors behind each other.")
        .kernel(move |ts: Vec<Tensor>| {
            if ts.is_empty() {
                return Err(error("dstack expects a non-empty TensorList"));
            }
            cat(&raise(&ts, |t| at_least_dims(t, 3))?, 2)
        });
    ops.op("aten::column_stack(Tensor[] tensors) -> Tensor")
        .doc("Vectors and matrices side by side, vectors as columns.")
        .kernel(move |ts: Vec<Tensor>| {
            if ts.is_empty() {
                return Err(error("column_stack expects a non-empty TensorList"));
            }
            let ts = raise(&ts, |t| {
                if t.dim() <= 1 {
                    t.reshape(&[t.numel(), 1])
                } else {
                    Ok(t.clone())
                }
            })?;
            cat(&ts, 1)
        });
    ops.op("aten::block_diag(Tensor[] tensors) -> Tensor")
        .doc("A matrix of zeros with the tensors along its diagonal.")
        .kernel(|ts: Vec<Tensor>| block_diag(&ts));
    ops.op("aten::_chunk_cat(Tensor[] tensors, int dim, int num_chunks) -> Tensor")
        .doc("Each tensor in chunks, chunks of all tensors joined.")
        .kernel(|ts: Vec<Tensor>, dim: i64, chunks: i64| chunk_cat(&ts, dim, chunks));
    ops.op("aten::combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor")
        .doc("All choices of `r` elements, a row each.")
        .kernel(|x: Tensor, r: i64, again: bool| combinations(&x, r, again));
    ops.op("prim::VarConcat(...) -> Tensor")
        .doc("Tensors joined along the dimension given last.")
        .kernel(
            |_: &flambeau_ir::ops::Context, args: &[flambeau_ir::value::IValue]| {
                let (ts, dim) = variadic(args)?;
                cat(&ts, dim)
            },
        );
    ops.op("prim::VarStack(...) -> Tensor")
        .doc("Tensors joined along a new dimension given last.")
        .kernel(
            |_: &flambeau_ir::ops::Context, args: &[flambeau_ir::value::IValue]| {
                let (ts, dim) = variadic(args)?;
                index::stack(&ts, dim)
            },
        );
}

fn variadic(args: &[flambeau_ir::value::IValue]) -> Result<(Vec<Tensor>, i64)> {
    let (last, tensors) = args
        .split_last()
        .ok_or_else(|| error("expected tensors and a dimension"))?;
    let dim = last
        .as_int()
        .ok_or_else(|| error("expected a dimension at the end"))?;
    Ok((
        tensors.iter().filter_map(|t| t.as_tensor().cloned()).collect(),
        dim,
    ))
}

fn at_least_dims(t: &Tensor, dims: usize) -> Result<Tensor> {
    match (t.dim(), dims) {
        (0, n) => t.reshape(&vec![1; n]),
        (1, 2) => t.unsqueeze(0),
        (1, 3) => t.unsqueeze(0)?.unsqueeze(2),
        (2, 3) => t.unsqueeze(2),
        _ => Ok(t.clone()),
    }
}

fn block_diag(ts: &[Tensor]) -> Result<Tensor> {
    let Some(first) = ts.first() else {
        return Tensor::empty(&[1, 0], DType::Float);
    };
    let dtype = ts.iter().fold(first.dtype(), |d, t| d.promote(t.dtype()));
    let mut blocks = Vec::new();
    let (mut rows, mut columns) = (0, 0);
    for (i, t) in ts.iter().enumerate() {
        if t.dim() > 2 {
            return Err(error(format!(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {} dimensions",
                t.dim()
            )));
        }
        let t = at_least_dims(t, 2)?;
        rows += t.sizes()[0];
        columns += t.sizes()[1];
        blocks.push(t);
    }
    let out = Tensor::zeros(&[rows, columns], dtype)?;
    let (mut row, mut column) = (0, 0);
    for t in blocks {
        out.narrow(0, row, t.sizes()[0])?
            .narrow(1, column, t.sizes()[1])?
            .copy_(&t)?;
        row += t.sizes()[0];
        column += t.sizes()[1];
    }
    Ok(out)
}

fn chunk_cat(ts: &[Tensor], dim: i64, chunks: i64) -> Result<Tensor> {
    let Some(first) = ts.first() else {
        return Err(error("_chunk_cat expects a non-empty input tensor list"));
    };
    if chunks < 1 {
        return Err(error("_chunk_cat expects positive num_chunks"));
    }
    if ts.iter().any(|t| t.numel() == 0) {
        return Err(error("_chunk_cat expects non-empty tensor"));
    }
    if dim < 0 && ts.iter().any(|t| t.dim() != first.dim()) {
        return Err(error(
            "_chunk_cat expects non-negative dim when input tensors have different ndims",
        ));
    }
    if dim >= 0 && ts.iter().any(|t| dim >= t.dim() as i64) {
        return Err(error("_chunk_cat expects dim < ndim for all input tensors"));
    }
    let dim = flambeau_tensor::layout::wrap_dim(dim, first.dim())?;
    if ts.iter().any(|t| t.sizes()[..dim] != first.sizes()[..dim]) {
        return Err(error(
            "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors",
        ));
    }
    let mut rows = Vec::new();
    for t in ts {
        let size = t.size(dim as i64)?;
        let Some(padded) = size.checked_add(chunks - 1).map(|s| s / chunks * chunks) else {
            return Err(error("_chunk_cat: num_chunks is too large"));
        };
        let mut shape = t.sizes().to_vec();
        shape[dim] = padded;
        let full = Tensor::zeros(&shape, t.dtype())?;
        full.narrow(dim as i64, 0, size)?.copy_(t)?;
        let mut view = t.sizes()[..dim].to_vec();
        view.extend([chunks, -1]);
        rows.push(full.view(&view)?);
    }
    cat(&rows, dim as i64 + 1)
}

fn combinations(x: &Tensor, r: i64, again: bool) -> Result<Tensor> {
    if x.dim() != 1 {
        return Err(error(format!(
            "Expect a 1D vector, but got shape {:?}",
            x.sizes()
        )));
    }
    if r < 0 {
        return Err(error(format!("Expect a non-negative number, but got {r}")));
    }
    let n = x.numel();
    if r == 0 {
        return Tensor::empty(&[0], x.dtype());
    }
    if n == 0 || (!again && r > n) {
        return Tensor::empty(&[0, r], x.dtype());
    }
    if r > 1 << 24 {
        return Err(error("too many combinations"));
    }
    let mut picked: Vec<i64> = Vec::new();
    let mut current: Vec<i64> = (0..r).map(|i| if again { 0 } else { i }).collect();
    let mut rows = 0;
    let most = |i: usize| if again { n - 1 } else { n - (r - i as i64) };
    loop {
        picked.extend(&current);
        rows += 1;
        if picked.len() > 1 << 28 {
            return Err(error("too many combinations"));
        }
        let Some(place) = (0..r as usize).rev().find(|&i| current[i] < most(i)) else {
            break;
        };
        let next = current[place] + 1;
        for (k, slot) in current[place..].iter_mut().enumerate() {
            *slot = if again { next } else { next + k as i64 };
        }
    }
    let places = Tensor::from_elements(&picked)?;
    index::index_select(x, 0, &places)?.view(&[rows, r])
}
