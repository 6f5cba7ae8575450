//! torch_sparse: rows and columns of sparse matrices as plain lists, and their products with dense ones.

use std::collections::HashMap;

use super::scatter::{Reduce, segment_csr};
use super::{filled, list, no_memory, offsets, vector};
use crate::pointwise as p;
use crate::{DType, Result, Tensor, ensure};

/// Sorted row numbers as offsets of `rows` rows.
pub fn ind2ptr(ind: &Tensor, rows: i64) -> Result<Tensor> {
    let ind = vector(ind, "ind")?;
    ensure!(rows >= 0, "expected a number of rows of at least 0, found {rows}");
    ensure!(
        ind.windows(2).all(|w| w[0] <= w[1]) && ind.iter().all(|i| (0..rows).contains(i)),
        "expected rising row numbers from 0 to {rows} in `ind`"
    );
    let mut out = filled((rows as usize).saturating_add(1), 0i64)?;
    for i in ind {
        out[i as usize + 1] += 1;
    }
    for i in 1..out.len() {
        out[i] += out[i - 1];
    }
    list(out)
}

/// Offsets of rows as the row number of each of `edges` elements.
pub fn ptr2ind(ptr: &Tensor, edges: i64) -> Result<Tensor> {
    ensure!(
        edges >= 0,
        "expected a number of elements of at least 0, found {edges}"
    );
    let ptr = offsets(ptr, "ptr", edges)?;
    let mut out = filled(edges as usize, 0i64)?;
    for (row, w) in ptr.windows(2).enumerate() {
        out[w[0] as usize..w[1] as usize].fill(row as i64);
    }
    list(out)
}

/// Where the elements that are not on the `k`th diagonal go when all of that diagonal is put between them, in the order
/// of rows.
pub fn non_diag_mask(row: &Tensor, col: &Tensor, rows: i64, columns: i64, k: i64) -> Result<Tensor> {
    let (row, col) = (vector(row, "row")?, vector(col, "col")?);
    ensure!(
        row.len() == col.len(),
        "expected as many rows as columns, found {} and {}",
        row.len(),
        col.len()
    );
    let on = if k < 0 {
        rows.saturating_add(k).min(columns)
    } else {
        rows.min(columns.saturating_sub(k))
    };
    let on = on.max(0);
    let mut mask = filled((row.len() as i64).saturating_add(on) as usize, false)?;
    for (i, (&r, &c)) in row.iter().zip(&col).enumerate() {
        let diagonal = r.saturating_add(k);
        // Diagonal elements before this one.
        let before = if diagonal < 0 {
            0
        } else if diagonal >= columns {
            on
        } else {
            let own = if k < 0 { diagonal } else { r };
            match diagonal.cmp(&c) {
                std::cmp::Ordering::Greater => own,
                std::cmp::Ordering::Less => own + 1,
                std::cmp::Ordering::Equal => continue,
            }
        };
        let at = i as i64 + before;
        ensure!(
            (0..mask.len() as i64).contains(&at),
            "expected rows and columns of a matrix of {rows} by {columns}, found {r} and {c}"
        );
        mask[at as usize] = true;
    }
    let n = mask.len() as i64;
    Tensor::from_vec(mask, &[n])
}

/// New numbers for nodes: first those of `idx`, then others in the order in which they are met.
struct Numbering {
    known: HashMap<i64, i64>,
    nodes: Vec<i64>,
}

impl Numbering {
    fn of(idx: &[i64]) -> Numbering {
        let known = idx.iter().enumerate().map(|(n, &i)| (i, n as i64)).collect();
        Numbering {
            known,
            nodes: idx.to_vec(),
        }
    }
    fn number(&mut self, node: i64) -> i64 {
        let next = self.nodes.len() as i64;
        let number = *self.known.entry(node).or_insert(next);
        if number == next {
            self.nodes.push(node);
        }
        number
    }
}

/// `col` in new numbers, and the old number of each new one.
pub fn relabel(col: &Tensor, idx: &Tensor) -> Result<(Tensor, Tensor)> {
    let (col, idx) = (vector(col, "col")?, vector(idx, "idx")?);
    let mut numbering = Numbering::of(&idx);
    let col = col.into_iter().map(|c| numbering.number(c)).collect();
    Ok((list(col)?, list(numbering.nodes)?))
}

/// The rows of some nodes in new numbers.
pub struct Relabelled {
    pub rowptr: Tensor,
    pub col: Tensor,
    pub value: Option<Tensor>,
    pub idx: Tensor,
}

/// The rows `idx` of a matrix, with columns in new numbers. `bipartite` adds empty rows for the new nodes.
pub fn relabel_one_hop(
    rowptr: &Tensor,
    col: &Tensor,
    value: Option<&Tensor>,
    idx: &Tensor,
    bipartite: bool,
) -> Result<Relabelled> {
    let (col, idx) = (vector(col, "col")?, vector(idx, "idx")?);
    let ptr = offsets(rowptr, "rowptr", col.len() as i64)?;
    let nodes = ptr.len() as i64 - 1;
    ensure!(
        idx.iter().all(|i| (0..nodes).contains(i)),
        "expected numbers of {nodes} nodes in `idx`"
    );
    let mut numbering = Numbering::of(&idx);
    let (mut out_ptr, mut out_col, mut taken) = (vec![0i64], Vec::new(), Vec::new());
    for &v in &idx {
        let (start, end) = (ptr[v as usize] as usize, ptr[v as usize + 1] as usize);
        out_col.try_reserve(end - start).map_err(|_| no_memory())?;
        for (e, &w) in col.iter().enumerate().take(end).skip(start) {
            out_col.push(numbering.number(w));
            taken.push(e as i64);
        }
        out_ptr.push(out_col.len() as i64);
    }
    if bipartite {
        let more = numbering.nodes.len() - idx.len();
        out_ptr.extend(std::iter::repeat_n(out_col.len() as i64, more));
    }
    let value = match value {
        Some(value) => {
            ensure!(
                value.dim() == 1 && value.numel() == col.len() as i64,
                "expected {} values, found {}",
                col.len(),
                crate::layout::show(value.sizes())
            );
            Some(crate::index::index_select(value, 0, &list(taken)?)?)
        }
        None => None,
    };
    Ok(Relabelled {
        rowptr: list(out_ptr)?,
        col: list(out_col)?,
        value,
        idx: list(numbering.nodes)?,
    })
}

/// The edges among the nodes `idx`, in their numbers: rows, columns and the places of the edges.
pub fn saint_subgraph(
    idx: &Tensor,
    rowptr: &Tensor,
    row: &Tensor,
    col: &Tensor,
) -> Result<(Tensor, Tensor, Tensor)> {
    let (idx, col) = (vector(idx, "idx")?, vector(col, "col")?);
    vector(row, "row")?;
    let ptr = offsets(rowptr, "rowptr", col.len() as i64)?;
    let nodes = ptr.len() as i64 - 1;
    ensure!(
        idx.iter().all(|i| (0..nodes).contains(i)),
        "expected numbers of {nodes} nodes in `idx`"
    );
    let known: HashMap<i64, i64> = idx.iter().enumerate().map(|(n, &i)| (i, n as i64)).collect();
    let (mut rows, mut columns, mut edges) = (Vec::new(), Vec::new(), Vec::new());
    for (n, &v) in idx.iter().enumerate() {
        for e in ptr[v as usize]..ptr[v as usize + 1] {
            if let Some(&w) = known.get(&col[e as usize]) {
                rows.push(n as i64);
                columns.push(w);
                edges.push(e);
            }
        }
    }
    Ok((list(rows)?, list(columns)?, list(edges)?))
}

/// A sparse matrix times a dense one, with any reduction in the place of the sum. Extrema come with the places of
/// their edges.
pub fn spmm(
    rowptr: &Tensor,
    col: &Tensor,
    value: Option<&Tensor>,
    mat: &Tensor,
    reduce: Reduce,
) -> Result<(Tensor, Option<Tensor>)> {
    ensure!(
        mat.dim() >= 2,
        "expected `mat` of at least 2 dimensions, found {}",
        mat.dim()
    );
    ensure!(
        col.dim() == 1 && col.dtype() == DType::Long && rowptr.dim() == 1,
        "expected `rowptr` and `col` of 1 dimension and dtype Long"
    );
    let dim = mat.dim() as i64 - 2;
    let mut terms = crate::index::index_select(mat, dim, col)?;
    if let Some(value) = value {
        ensure!(
            value.dim() == 1 && value.sizes() == col.sizes(),
            "expected a value for each of {} elements, found {}",
            col.numel(),
            crate::layout::show(value.sizes())
        );
        let dtype = mat.dtype();
        terms = p::mul((&terms).into(), (&value.unsqueeze(-1)?).into())?.to_dtype(dtype)?;
    }
    let mut sizes = vec![1; dim as usize];
    sizes.push(rowptr.numel());
    segment_csr(&terms, &rowptr.reshape(&sizes)?, None, reduce)
}
