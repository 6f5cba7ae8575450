//! The operators of PyTorch-Geometric's companion packages, with the schemas that they register: from C++ signatures,
//! whose arguments have numbers for names.

use flambeau_ir::ops::{Context, Rows};
use flambeau_tensor::graph::{self as g, Reduce};
use flambeau_tensor::{Result, Tensor};

use crate::values::error;

pub fn declare(ops: &mut Rows) {
    scatter(ops);
    segments(ops);
    cluster(ops);
    sparse(ops);
}

/// Both results of an extremum.
fn both((values, places): (Tensor, Option<Tensor>)) -> Result<(Tensor, Tensor)> {
    let places = places.ok_or_else(|| error("an extremum gave no places"))?;
    Ok((values, places))
}

fn scatter(ops: &mut Rows) {
    for (schema, doc, reduce) in [
        (
            "torch_scatter::scatter_sum(Tensor _0, Tensor _1, int _2, Tensor? _3, int? _4) -> Tensor _0",
            "The sum of the elements that share an index.",
            Reduce::Sum,
        ),
        (
            "torch_scatter::scatter_mul(Tensor _0, Tensor _1, int _2, Tensor? _3, int? _4) -> Tensor _0",
            "The product of the elements that share an index.",
            Reduce::Mul,
        ),
        (
            "torch_scatter::scatter_mean(Tensor _0, Tensor _1, int _2, Tensor? _3, int? _4) -> Tensor _0",
            "The mean of the elements that share an index.",
            Reduce::Mean,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |src: Tensor, index: Tensor, dim: i64, out: Option<Tensor>, size: Option<i64>| {
                Ok::<_, flambeau_tensor::Error>(g::scatter(&src, &index, dim, out.as_ref(), size, reduce)?.0)
            },
        );
    }
    for (schema, doc, reduce) in [
        (
            "torch_scatter::scatter_min(Tensor _0, Tensor _1, int _2, Tensor? _3, int? _4) -> (Tensor _0, Tensor _1)",
            "The smallest of the elements that share an index, and its place.",
            Reduce::Min,
        ),
        (
            "torch_scatter::scatter_max(Tensor _0, Tensor _1, int _2, Tensor? _3, int? _4) -> (Tensor _0, Tensor _1)",
            "The largest of the elements that share an index, and its place.",
            Reduce::Max,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |src: Tensor, index: Tensor, dim: i64, out: Option<Tensor>, size: Option<i64>| {
                both(g::scatter(&src, &index, dim, out.as_ref(), size, reduce)?)
            },
        );
    }
    for schema in [
        "torch_scatter::cuda_version() -> int _0",
        "torch_cluster::cuda_version() -> int _0",
        "torch_sparse::cuda_version() -> int _0",
    ] {
        ops.op(schema).doc("-1: there is no CUDA.").kernel(|| -1i64);
    }
}

fn segments(ops: &mut Rows) {
    for (schema, doc, reduce) in [
        (
            "torch_scatter::segment_sum_coo(Tensor _0, Tensor _1, Tensor? _2, int? _3) -> Tensor _0",
            "The sum of the elements that share a sorted index.",
            Reduce::Sum,
        ),
        (
            "torch_scatter::segment_mean_coo(Tensor _0, Tensor _1, Tensor? _2, int? _3) -> Tensor _0",
            "The mean of the elements that share a sorted index.",
            Reduce::Mean,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |src: Tensor, index: Tensor, out: Option<Tensor>, size: Option<i64>| {
                Ok::<_, flambeau_tensor::Error>(g::segment_coo(&src, &index, out.as_ref(), size, reduce)?.0)
            },
        );
    }
    for (schema, doc, reduce) in [
        (
            "torch_scatter::segment_min_coo(Tensor _0, Tensor _1, Tensor? _2, int? _3) -> (Tensor _0, Tensor _1)",
            "The smallest of the elements that share a sorted index, and its place.",
            Reduce::Min,
        ),
        (
            "torch_scatter::segment_max_coo(Tensor _0, Tensor _1, Tensor? _2, int? _3) -> (Tensor _0, Tensor _1)",
            "The largest of the elements that share a sorted index, and its place.",
            Reduce::Max,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |src: Tensor, index: Tensor, out: Option<Tensor>, size: Option<i64>| {
                both(g::segment_coo(&src, &index, out.as_ref(), size, reduce)?)
            },
        );
    }
    for (schema, doc, reduce) in [
        (
            "torch_scatter::segment_sum_csr(Tensor _0, Tensor _1, Tensor? _2) -> Tensor _0",
            "The sum of the elements between two offsets.",
            Reduce::Sum,
        ),
        (
            "torch_scatter::segment_mean_csr(Tensor _0, Tensor _1, Tensor? _2) -> Tensor _0",
            "The mean of the elements between two offsets.",
            Reduce::Mean,
        ),
    ] {
        ops.op(schema)
            .doc(doc)
            .kernel(move |src: Tensor, indptr: Tensor, out: Option<Tensor>| {
                Ok::<_, flambeau_tensor::Error>(g::segment_csr(&src, &indptr, out.as_ref(), reduce)?.0)
            });
    }
    for (schema, doc, reduce) in [
        (
            "torch_scatter::segment_min_csr(Tensor _0, Tensor _1, Tensor? _2) -> (Tensor _0, Tensor _1)",
            "The smallest of the elements between two offsets, and its place.",
            Reduce::Min,
        ),
        (
            "torch_scatter::segment_max_csr(Tensor _0, Tensor _1, Tensor? _2) -> (Tensor _0, Tensor _1)",
            "The largest of the elements between two offsets, and its place.",
            Reduce::Max,
        ),
    ] {
        ops.op(schema)
            .doc(doc)
            .kernel(move |src: Tensor, indptr: Tensor, out: Option<Tensor>| {
                both(g::segment_csr(&src, &indptr, out.as_ref(), reduce)?)
            });
    }
    ops.op("torch_scatter::gather_coo(Tensor _0, Tensor _1, Tensor? _2) -> Tensor _0")
        .doc("The elements that a sorted index names.")
        .kernel(|src: Tensor, index: Tensor, out: Option<Tensor>| g::gather_coo(&src, &index, out.as_ref()));
    ops.op("torch_scatter::gather_csr(Tensor _0, Tensor _1, Tensor? _2) -> Tensor _0")
        .doc("Each element as often as its segment between two offsets is long.")
        .kernel(|src: Tensor, indptr: Tensor, out: Option<Tensor>| {
            g::gather_csr(&src, &indptr, out.as_ref())
        });
}

fn cluster(ops: &mut Rows) {
    // Archives of older versions leave the last argument out.
    ops.op("torch_cluster::radius(Tensor _0, Tensor _1, Tensor? _2, Tensor? _3, float _4, int _5, int _6, bool _7=False) -> Tensor _0")
        .doc("For each point of `y` the points of `x` within a radius: rows of both numbers.")
        .kernel(|x: Tensor, y: Tensor, ptr_x: Option<Tensor>, ptr_y: Option<Tensor>, r: f64, most: i64, _workers: i64, ignore_same: bool| {
            g::radius(&x, &y, ptr_x.as_ref(), ptr_y.as_ref(), r, most, ignore_same)
        });
    ops.op("torch_cluster::knn(Tensor _0, Tensor _1, Tensor? _2, Tensor? _3, int _4, bool _5, int _6) -> Tensor _0")
        .doc("For each point of `y` the nearest points of `x`: rows of both numbers.")
        .kernel(|x: Tensor, y: Tensor, ptr_x: Option<Tensor>, ptr_y: Option<Tensor>, k: i64, cosine: bool, _workers: i64| {
            g::knn(&x, &y, ptr_x.as_ref(), ptr_y.as_ref(), k, cosine)
        });
    ops.op("torch_cluster::nearest(Tensor _0, Tensor _1, Tensor _2, Tensor _3) -> Tensor _0")
        .doc("For each point of `x` the nearest of `y`.")
        .kernel(|x: Tensor, y: Tensor, ptr_x: Tensor, ptr_y: Tensor| g::nearest(&x, &y, &ptr_x, &ptr_y));
    ops.op("torch_cluster::grid(Tensor _0, Tensor _1, Tensor? _2, Tensor? _3) -> Tensor _0")
        .doc("The cell of a grid that each point lies in.")
        .kernel(
            |pos: Tensor, size: Tensor, start: Option<Tensor>, end: Option<Tensor>| {
                g::grid(&pos, &size, start.as_ref(), end.as_ref())
            },
        );
    ops.op("torch_cluster::fps(Tensor _0, Tensor _1, Tensor _2, bool _3) -> Tensor _0")
        .doc("Points that are far from each other, one after the other.")
        .kernel(
            |ctx: &Context, src: Tensor, ptr: Tensor, ratio: Tensor, random_start: bool| {
                g::fps(&src, &ptr, &ratio, random_start, &mut ctx.generator.lock())
            },
        );
    ops.op("torch_cluster::graclus(Tensor _0, Tensor _1, Tensor? _2) -> Tensor _0")
        .doc("Pairs of neighbouring nodes, chosen in random order.")
        .kernel(
            |ctx: &Context, rowptr: Tensor, col: Tensor, weight: Option<Tensor>| {
                g::graclus(&rowptr, &col, weight.as_ref(), &mut ctx.generator.lock())
            },
        );
}

fn sparse(ops: &mut Rows) {
    ops.op("torch_sparse::ind2ptr(Tensor _0, int _1) -> Tensor _0")
        .doc("Sorted row numbers as offsets.")
        .kernel(|ind: Tensor, rows: i64| g::ind2ptr(&ind, rows));
    ops.op("torch_sparse::ptr2ind(Tensor _0, int _1) -> Tensor _0")
        .doc("Offsets as row numbers.")
        .kernel(|ptr: Tensor, edges: i64| g::ptr2ind(&ptr, edges));
    ops.op("torch_sparse::non_diag_mask(Tensor _0, Tensor _1, int _2, int _3, int _4) -> Tensor _0")
        .doc("Where other elements go when a diagonal is put between them.")
        .kernel(|row: Tensor, col: Tensor, rows: i64, columns: i64, k: i64| {
            g::non_diag_mask(&row, &col, rows, columns, k)
        });
    ops.op("torch_sparse::relabel(Tensor _0, Tensor _1) -> (Tensor _0, Tensor _1)")
        .doc("Columns in new numbers, and the old ones.")
        .kernel(|col: Tensor, idx: Tensor| g::relabel(&col, &idx));
    ops.op("torch_sparse::relabel_one_hop(Tensor _0, Tensor _1, Tensor? _2, Tensor _3, bool _4) -> (Tensor _0, Tensor _1, Tensor? _2, Tensor _3)")
        .doc("Some rows of a matrix, with columns in new numbers.")
        .kernel(|rowptr: Tensor, col: Tensor, value: Option<Tensor>, idx: Tensor, bipartite: bool| -> Result<(Tensor, Tensor, Option<Tensor>, Tensor)> {
            let hop = g::relabel_one_hop(&rowptr, &col, value.as_ref(), &idx, bipartite)?;
            Ok((hop.rowptr, hop.col, hop.value, hop.idx))
        });
    ops.op("torch_sparse::saint_subgraph(Tensor _0, Tensor _1, Tensor _2, Tensor _3) -> (Tensor _0, Tensor _1, Tensor _2)")
        .doc("The edges among some nodes.")
        .kernel(|idx: Tensor, rowptr: Tensor, row: Tensor, col: Tensor| g::saint_subgraph(&idx, &rowptr, &row, &col));
    type Given = Option<Tensor>;
    ops.op("torch_sparse::spmm_sum(Tensor? _0, Tensor _1, Tensor _2, Tensor? _3, Tensor? _4, Tensor? _5, Tensor _6) -> Tensor _0")
        .doc("A sparse matrix, as offsets, columns and values, times a dense one.")
        .kernel(|_row: Given, rowptr: Tensor, col: Tensor, value: Given, _colptr: Given, _csr2csc: Given, mat: Tensor| -> Result<Tensor> {
            Ok(g::spmm(&rowptr, &col, value.as_ref(), &mat, Reduce::Sum)?.0)
        });
    ops.op("torch_sparse::spmm_mean(Tensor? _0, Tensor _1, Tensor _2, Tensor? _3, Tensor? _4, Tensor? _5, Tensor? _6, Tensor _7) -> Tensor _0")
        .doc("`spmm_sum` with means in the place of sums.")
        .kernel(|_row: Given, rowptr: Tensor, col: Tensor, value: Given, _rowcount: Given, _colptr: Given, _csr2csc: Given, mat: Tensor| -> Result<Tensor> {
            Ok(g::spmm(&rowptr, &col, value.as_ref(), &mat, Reduce::Mean)?.0)
        });
    ops.op("torch_sparse::spmm_min(Tensor _0, Tensor _1, Tensor? _2, Tensor _3) -> (Tensor _0, Tensor _1)")
        .doc("`spmm_sum` with minima in the place of sums, and their places.")
        .kernel(|rowptr: Tensor, col: Tensor, value: Given, mat: Tensor| {
            both(g::spmm(&rowptr, &col, value.as_ref(), &mat, Reduce::Min)?)
        });
    ops.op("torch_sparse::spmm_max(Tensor _0, Tensor _1, Tensor? _2, Tensor _3) -> (Tensor _0, Tensor _1)")
        .doc("`spmm_sum` with maxima in the place of sums, and their places.")
        .kernel(|rowptr: Tensor, col: Tensor, value: Given, mat: Tensor| {
            both(g::spmm(&rowptr, &col, value.as_ref(), &mat, Reduce::Max)?)
        });
}
