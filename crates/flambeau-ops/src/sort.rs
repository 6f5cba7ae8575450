//! Sorting, selection, quantiles, unique elements, searching, histograms.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::sort::{self as s, Bins, Interpolation};
use flambeau_tensor::{DType, Result, Scalar, Tensor, ensure};

pub fn declare(ops: &mut Rows) {
    order(ops);
    selection(ops);
    quantiles(ops);
    unique(ops);
    search(ops);
    histograms(ops);
}

/// Kernels that PyTorch lacks for bools.
fn no_bools(x: &Tensor, message: &str) -> Result<()> {
    ensure!(x.dtype() != DType::Bool, NotImplemented, "{message}");
    Ok(())
}

fn order(ops: &mut Rows) {
    let doc = "Sorts along a dimension, NaN as the greatest; returns values and where they were.";
    ops.op("aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)")
        .doc(doc)
        .kernel(|x: Tensor, dim: i64, descending: bool| s::sort(&x, dim, descending, false));
    ops.op("aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)")
        .doc(doc)
        .kernel(|x: Tensor, stable: Option<bool>, dim: i64, descending: bool| s::sort(&x, dim, descending, stable.unwrap_or(false)));
    let doc = "Where the sorted elements were.";
    ops.op("aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, dim: i64, descending: bool| s::argsort(&x, dim, descending, false));
    ops.op("aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, stable: bool, dim: i64, descending: bool| {
            s::argsort(&x, dim, descending, stable)
        });
    ops.op("aten::msort(Tensor self) -> Tensor")
        .doc("Sorts along the first dimension.")
        .kernel(|x: Tensor| s::msort(&x));
    ops.op("aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)")
        .doc("The `k` largest (or smallest) elements along a dimension, and where they were.")
        .kernel(|x: Tensor, k: i64, dim: i64, largest: bool, sorted: bool| -> Result<(Tensor, Tensor)> {
            no_bools(&x, "topk does not support bool dtypes on CPU")?;
            ensure!(!x.is_complex(), " topk does not support complex dtypes on CPU");
            s::topk(&x, k, dim, largest, sorted)
        });
}

fn selection(ops: &mut Rows) {
    ops.op("aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The `k`-th smallest element along a dimension, and where it was.")
        .kernel(|x: Tensor, k: i64, dim: i64, keepdim: bool| -> Result<(Tensor, Tensor)> {
            no_bools(&x, "\"kthvalue_cpu\" not implemented for 'Bool'")?;
            s::kthvalue(&x, k, dim, keepdim)
        });
    ops.op("aten::median(Tensor self) -> Tensor")
        .doc("The lower median of all elements.")
        .kernel(|x: Tensor| -> Result<Tensor> {
            no_bools(&x, "\"median_cpu\" not implemented for 'Bool'")?;
            s::median(&x)
        });
    ops.op("aten::nanmedian(Tensor self) -> Tensor")
        .doc("The lower median of all elements that are not NaN.")
        .kernel(|x: Tensor| -> Result<Tensor> {
            no_bools(&x, "\"median_cpu\" not implemented for 'Bool'")?;
            s::nanmedian(&x)
        });
    ops.op("aten::median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The lower median along a dimension, and where it was.")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| -> Result<(Tensor, Tensor)> {
            no_bools(&x, "\"median_out\" not implemented for 'Bool'")?;
            s::median_dim(&x, dim, keepdim)
        });
    ops.op(
        "aten::nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    )
    .doc("The lower median along a dimension, NaN left out, and where it was.")
    .kernel(|x: Tensor, dim: i64, keepdim: bool| -> Result<(Tensor, Tensor)> {
        no_bools(&x, "\"median_out\" not implemented for 'Bool'")?;
        s::nanmedian_dim(&x, dim, keepdim)
    });
    ops.op("aten::mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The most frequent element along a dimension, and where it was last.")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| s::mode(&x, dim, keepdim));
}

fn quantiles(ops: &mut Rows) {
    for (schema, ignore_nan) in [
        (
            "aten::quantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation=\"linear\") -> Tensor",
            false,
        ),
        (
            "aten::nanquantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation=\"linear\") -> Tensor",
            true,
        ),
    ] {
        ops.op(schema)
            .doc("Quantiles along a dimension or of all elements; several become the first dimension.")
            .kernel(
                move |x: Tensor, q: Tensor, dim: Option<i64>, keepdim: bool, how: Arc<str>| {
                    s::quantile(&x, &q, dim, keepdim, Interpolation::from_name(&how)?, ignore_nan)
                },
            );
    }
    for (schema, ignore_nan) in [
        (
            "aten::quantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation=\"linear\") -> Tensor",
            false,
        ),
        (
            "aten::nanquantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation=\"linear\") -> Tensor",
            true,
        ),
    ] {
        ops.op(schema)
            .doc("A quantile along a dimension or of all elements.")
            .kernel(
                move |x: Tensor, q: f64, dim: Option<i64>, keepdim: bool, how: Arc<str>| {
                    ensure!(
                        (0.0..=1.0).contains(&q),
                        "quantile() q must be in the range [0, 1] but got {q}"
                    );
                    let q = Tensor::scalar_tensor(
                        q,
                        if x.is_floating_point() {
                            x.dtype()
                        } else {
                            DType::Float
                        },
                    )?;
                    s::quantile(&x, &q, dim, keepdim, Interpolation::from_name(&how)?, ignore_nan)
                },
            );
    }
}

fn unique(ops: &mut Rows) {
    /// What was not asked for comes back empty.
    fn parts(u: s::Unique, inverse: bool, counts: bool) -> Result<(Tensor, Tensor, Tensor)> {
        let empty = Tensor::empty(&[0], DType::Long)?;
        let or_empty = |wanted: bool, t: Tensor| if wanted { t } else { empty.clone() };
        Ok((u.values, or_empty(inverse, u.inverse), or_empty(counts, u.counts)))
    }
    ops.op("aten::_unique(Tensor self, bool sorted=True, bool return_inverse=False) -> (Tensor, Tensor)")
        .doc("The distinct elements, and which of them each element is.")
        .kernel(|x: Tensor, _sorted: bool, inverse: bool| {
            let (values, inverse, _) = parts(s::unique(&x)?, inverse, false)?;
            Ok((values, inverse))
        });
    ops.op("aten::_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)")
        .doc("The distinct elements in order, which of them each element is, and how often each occurs.")
        .kernel(|x: Tensor, _sorted: bool, inverse: bool, counts: bool| parts(s::unique(&x)?, inverse, counts));
    ops.op("aten::unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)")
        .doc("The distinct slices along a dimension, in order.")
        .kernel(|x: Tensor, dim: i64, _sorted: bool, inverse: bool, counts: bool| {
            parts(s::unique_dim(&x, dim)?, inverse, counts)
        });
    ops.op("aten::unique_dim_consecutive(Tensor self, int dim, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)")
        .doc("The first slice of each run of equal ones.")
        .kernel(|x: Tensor, dim: i64, inverse: bool, counts: bool| {
            parts(s::unique_dim_consecutive(&x, dim)?, inverse, counts)
        });
    ops.op("aten::unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> (Tensor, Tensor, Tensor)")
        .doc("The first element (or slice) of each run of equal ones.")
        .kernel(|x: Tensor, inverse: bool, counts: bool, dim: Option<i64>| {
            let u = match dim {
                None => s::unique_consecutive(&x)?,
                Some(dim) => s::unique_dim_consecutive(&x, dim)?,
            };
            parts(u, inverse, counts)
        });
}

fn search(ops: &mut Rows) {
    fn right_of(right: bool, side: Option<Arc<str>>) -> Result<bool> {
        let Some(side) = side else { return Ok(right) };
        ensure!(
            &*side == "left" || &*side == "right",
            "torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        );
        ensure!(
            !(right && &*side == "left"),
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        );
        Ok(&*side == "right")
    }
    let doc = "Where values would be inserted into sorted sequences (the last dimension).";
    ops.op("aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor").doc(doc).kernel(
        |sorted: Tensor, x: Tensor, int32: bool, right: bool, side: Option<Arc<str>>, sorter: Option<Tensor>| {
            s::searchsorted(&sorted, &x, int32, right_of(right, side)?, sorter.as_ref())
        },
    );
    ops.op("aten::searchsorted.Scalar(Tensor sorted_sequence, Scalar self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor").doc(doc).kernel(
        |sorted: Tensor, x: Scalar, int32: bool, right: bool, side: Option<Arc<str>>, sorter: Option<Tensor>| {
            let x = Tensor::scalar_tensor(x, sorted.dtype().promote(x.dtype()))?;
            s::searchsorted(&sorted, &x, int32, right_of(right, side)?, sorter.as_ref())
        },
    );
    let doc = "The bucket between boundaries that each value falls into.";
    ops.op("aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor").doc(doc).kernel(|x: Tensor, boundaries: Tensor, int32: bool, right: bool| {
        s::bucketize(&x, &boundaries, int32, right)
    });
    ops.op("aten::bucketize.Scalar(Scalar self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor").doc(doc).kernel(|x: Scalar, boundaries: Tensor, int32: bool, right: bool| {
        let x = Tensor::scalar_tensor(x, boundaries.dtype().promote(x.dtype()))?;
        s::bucketize(&x, &boundaries, int32, right)
    });
}

fn edges(bins: &[Tensor]) -> Result<Vec<Bins>> {
    bins.iter()
        .map(|b| {
            ensure!(
                b.dim() == 1,
                "torch.histogramdd(): bins tensor should have one dimension, but got {} dimensions",
                b.dim()
            );
            Ok(Bins::Edges(b.to_vec::<f64>()?))
        })
        .collect()
}

fn counts(bins: &[i64]) -> Vec<Bins> {
    bins.iter().map(|&n| Bins::Count(n)).collect()
}

fn histograms(ops: &mut Rows) {
    ops.op("aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor")
        .doc("Counts in bins of equal width between `min` and `max` (over all elements if both are equal).")
        .kernel(|x: Tensor, bins: i64, min: Scalar, max: Scalar| {
            s::histc(&x, bins, min.to_f64(), max.to_f64())
        });
    let doc = "Counts (or weights) per bin, and the edges of the bins.";
    ops.op("aten::histogram.bin_ct(Tensor self, int bins=100, *, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)").doc(doc).kernel(
        |x: Tensor, bins: i64, range: Option<Vec<f64>>, weight: Option<Tensor>, density: bool| {
            s::histogram(&x, Bins::Count(bins), range.as_deref(), weight.as_ref(), density)
        },
    );
    ops.op("aten::histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)").doc(doc).kernel(
        |x: Tensor, bins: Tensor, weight: Option<Tensor>, density: bool| {
            let bins = edges(&[bins])?.remove(0);
            s::histogram(&x, bins, None, weight.as_ref(), density)
        },
    );
    let doc = "Counts (or weights) per bin over several dimensions, and the edges of the bins.";
    ops.op("aten::histogramdd(Tensor self, int[] bins, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor[] bin_edges)").doc(doc).kernel(
        |x: Tensor, bins: Vec<i64>, range: Option<Vec<f64>>, weight: Option<Tensor>, density: bool| {
            s::histogramdd(&x, &counts(&bins), range.as_deref(), weight.as_ref(), density)
        },
    );
    ops.op("aten::histogramdd.int_bins(Tensor self, int bins, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor[] bin_edges)").doc(doc).kernel(
        |x: Tensor, bins: i64, range: Option<Vec<f64>>, weight: Option<Tensor>, density: bool| {
            let dims = x.size(-1)?.clamp(0, 1 << 16) as usize;
            s::histogramdd(&x, &counts(&vec![bins; dims]), range.as_deref(), weight.as_ref(), density)
        },
    );
    ops.op("aten::histogramdd.TensorList_bins(Tensor self, Tensor[] bins, float[]? range=None, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor[] bin_edges)").doc(doc).kernel(
        |x: Tensor, bins: Vec<Tensor>, range: Option<Vec<f64>>, weight: Option<Tensor>, density: bool| {
            s::histogramdd(&x, &edges(&bins)?, range.as_deref(), weight.as_ref(), density)
        },
    );
    ops.op("aten::_histogramdd_bin_edges(Tensor self, int[] bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> Tensor[]")
        .doc("The edges that `histogramdd` uses for so many bins.")
        .kernel(|x: Tensor, bins: Vec<i64>, range: Option<Vec<f64>>, _weight: Option<Tensor>, _density: bool| {
            s::histogramdd_bin_edges(&x, &counts(&bins), range.as_deref())
        });
    ops.op("aten::_histogramdd_from_bin_cts(Tensor self, int[] bins, *, float[]? range=None, Tensor? weight=None, bool density=False) -> Tensor").doc("The counts of `histogramdd`.").kernel(
        |x: Tensor, bins: Vec<i64>, range: Option<Vec<f64>>, weight: Option<Tensor>, density: bool| {
            Ok(s::histogramdd(&x, &counts(&bins), range.as_deref(), weight.as_ref(), density)?.0)
        },
    );
    ops.op("aten::_histogramdd_from_bin_tensors(Tensor self, Tensor[] bins, *, Tensor? weight=None, bool density=False) -> Tensor").doc("The counts of `histogramdd`.").kernel(
        |x: Tensor, bins: Vec<Tensor>, weight: Option<Tensor>, density: bool| {
            Ok(s::histogramdd(&x, &edges(&bins)?, None, weight.as_ref(), density)?.0)
        },
    );
}
