//! Reductions over dimensions, scans along one, and softmax.

use flambeau_ir::ops::Rows;
use flambeau_tensor::layout::wrap_dim;
use flambeau_tensor::{DType, Result, Scalar, Tensor, bail, ensure, pointwise as p, reduce as r};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor")
        .doc("The sum.")
        .kernel(|x: Tensor, dtype: Option<DType>| r::sum(&x, &[], false, dtype));
    ops.op("aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor")
        .doc("The mean.")
        .kernel(|x: Tensor, dtype: Option<DType>| r::mean(&x, &[], false, dtype));
    ops.op("aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| r::sum(&x, &dim.unwrap_or_default(), keepdim, dtype));
    ops.op(
        "aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    )
    .kernel(
        |x: Tensor, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| {
            r::mean(&x, &dim.unwrap_or_default(), keepdim, dtype)
        },
    );
    ops.op("aten::nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor")
        .doc("The sum without NaN.")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| r::nansum(&x, &dim.unwrap_or_default(), keepdim, dtype));
    ops.op("aten::nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor")
        .doc("The mean without NaN.")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| r::nanmean(&x, &dim.unwrap_or_default(), keepdim, dtype));
    ops.op("aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor")
        .doc("The product.")
        .kernel(|x: Tensor, dtype: Option<DType>| r::prod(&x, None, false, dtype));
    ops.op(
        "aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
    )
    .kernel(|x: Tensor, dim: i64, keepdim: bool, dtype: Option<DType>| {
        r::prod(&x, Some(dim), keepdim, dtype)
    });
    ops.op("aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor")
        .doc("The largest element over dimensions.")
        .kernel(|x: Tensor, dim: Vec<i64>, keepdim: bool| r::amax(&x, &dim, keepdim));
    ops.op("aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor")
        .doc("The smallest element over dimensions.")
        .kernel(|x: Tensor, dim: Vec<i64>, keepdim: bool| r::amin(&x, &dim, keepdim));
    ops.op("aten::max(Tensor self) -> Tensor")
        .doc("The largest element.")
        .kernel(|x: Tensor| r::max(&x));
    ops.op("aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The largest element of a dimension, and its place.")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| r::max_dim(&x, dim, keepdim));
    ops.op("aten::min(Tensor self) -> Tensor")
        .doc("The smallest element.")
        .kernel(|x: Tensor| r::min(&x));
    ops.op("aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)")
        .doc("The smallest element of a dimension, and its place.")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| r::min_dim(&x, dim, keepdim));
    ops.op("aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor")
        .doc("The place of the largest element.")
        .kernel(|x: Tensor, dim: Option<i64>, keepdim: bool| r::argmax(&x, dim, keepdim));
    ops.op("aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor")
        .doc("The place of the smallest element.")
        .kernel(|x: Tensor, dim: Option<i64>, keepdim: bool| r::argmin(&x, dim, keepdim));
    ops.op("aten::aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)")
        .doc("The smallest and the largest element.")
        .kernel(|x: Tensor, dim: Option<i64>, keepdim: bool| r::aminmax(&x, dim, keepdim));
    ops.op("aten::any(Tensor self) -> Tensor")
        .doc("Whether any element is nonzero.")
        .kernel(|x: Tensor| r::any(&x, &[], false));
    ops.op("aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| r::any(&x, &[dim], keepdim));
    ops.op("aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, keepdim: bool| {
            r::any(&x, &dim.unwrap_or_default(), keepdim)
        });
    ops.op("aten::all(Tensor self) -> Tensor")
        .doc("Whether all elements are nonzero.")
        .kernel(|x: Tensor| r::all(&x, &[], false));
    ops.op("aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: i64, keepdim: bool| r::all(&x, &[dim], keepdim));
    ops.op("aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, keepdim: bool| {
            r::all(&x, &dim.unwrap_or_default(), keepdim)
        });
    ops.op("aten::count_nonzero(Tensor self, int? dim=None) -> Tensor")
        .doc("How many elements are nonzero.")
        .kernel(|x: Tensor, dim: Option<i64>| {
            r::count_nonzero(&x, &dim.map(|d| vec![d]).unwrap_or_default())
        });
    ops.op("aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor")
        .kernel(|x: Tensor, dim: Vec<i64>| r::count_nonzero(&x, &dim));
    ops.op("aten::var(Tensor self, bool unbiased=True) -> Tensor")
        .doc("The variance.")
        .kernel(|x: Tensor, unbiased: bool| r::var(&x, &[], unbiased as i64 as f64, false));
    ops.op("aten::var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor")
        .kernel(
            |x: Tensor, dim: Option<Vec<i64>>, unbiased: bool, keepdim: bool| {
                r::var(&x, &dim.unwrap_or_default(), unbiased as i64 as f64, keepdim)
            },
        );
    ops.op("aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, correction: Option<Scalar>, keepdim: bool| r::var(&x, &dim.unwrap_or_default(), correction.map_or(1.0, Scalar::to_f64), keepdim));
    ops.op("aten::std(Tensor self, bool unbiased=True) -> Tensor")
        .doc("The standard deviation.")
        .kernel(|x: Tensor, unbiased: bool| r::std(&x, &[], unbiased as i64 as f64, false));
    ops.op("aten::std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor")
        .kernel(
            |x: Tensor, dim: Option<Vec<i64>>, unbiased: bool, keepdim: bool| {
                r::std(&x, &dim.unwrap_or_default(), unbiased as i64 as f64, keepdim)
            },
        );
    ops.op("aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, correction: Option<Scalar>, keepdim: bool| r::std(&x, &dim.unwrap_or_default(), correction.map_or(1.0, Scalar::to_f64), keepdim));
    ops.op("aten::var_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)")
        .doc("Variance and mean.")
        .kernel(|x: Tensor, unbiased: bool| r::var_mean(&x, &[], unbiased as i64 as f64, false));
    ops.op("aten::var_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, unbiased: bool, keepdim: bool| r::var_mean(&x, &dim.unwrap_or_default(), unbiased as i64 as f64, keepdim));
    ops.op("aten::var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, correction: Option<Scalar>, keepdim: bool| r::var_mean(&x, &dim.unwrap_or_default(), correction.map_or(1.0, Scalar::to_f64), keepdim));
    ops.op("aten::std_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)")
        .doc("Standard deviation and mean.")
        .kernel(|x: Tensor, unbiased: bool| r::std_mean(&x, &[], unbiased as i64 as f64, false));
    ops.op("aten::std_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, unbiased: bool, keepdim: bool| r::std_mean(&x, &dim.unwrap_or_default(), unbiased as i64 as f64, keepdim));
    ops.op("aten::std_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>, correction: Option<Scalar>, keepdim: bool| r::std_mean(&x, &dim.unwrap_or_default(), correction.map_or(1.0, Scalar::to_f64), keepdim));
    ops.op("aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor")
        .doc("`log(sum(exp(x)))` without overflow.")
        .kernel(|x: Tensor, dim: Vec<i64>, keepdim: bool| r::logsumexp(&x, &dim, keepdim));
    ops.op("aten::special_logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, dim: Vec<i64>, keepdim: bool| r::logsumexp(&x, &dim, keepdim));
    ops.op("aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor")
        .doc("The norm of the elements as a vector.")
        .kernel(|x: Tensor, ord: Scalar, dim: Option<Vec<i64>>, keepdim: bool, dtype: Option<DType>| r::norm(&x, ord.to_f64(), &dim.unwrap_or_default(), keepdim, dtype));
    ops.op("aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor")
        .doc("The norm of the elements as a vector.")
        .kernel(|x: Tensor, p: Scalar| r::norm(&x, p.to_f64(), &[], false, None));
    ops.op("aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor")
        .kernel(|x: Tensor, p: Option<Scalar>, dim: Vec<i64>, keepdim: bool| {
            r::norm(&x, p.map_or(2.0, Scalar::to_f64), &dim, keepdim, None)
        });
    ops.op("aten::norm.ScalarOpt_dtype(Tensor self, Scalar? p, *, ScalarType dtype) -> Tensor")
        .kernel(|x: Tensor, p: Option<Scalar>, dtype: DType| {
            r::norm(&x, p.map_or(2.0, Scalar::to_f64), &[], false, Some(dtype))
        });
    ops.op("aten::norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> Tensor")
        .kernel(|x: Tensor, p: Option<Scalar>, dim: Vec<i64>, keepdim: bool, dtype: DType| r::norm(&x, p.map_or(2.0, Scalar::to_f64), &dim, keepdim, Some(dtype)));
    ops.op("aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor")
        .doc("The running sum.")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::cumsum(&x, dim, dtype));
    ops.op("aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor")
        .doc("The running product.")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::cumprod(&x, dim, dtype));
    ops.op("aten::logcumsumexp(Tensor self, int dim) -> Tensor")
        .doc("The running `logsumexp`.")
        .kernel(|x: Tensor, dim: i64| r::logcumsumexp(&x, dim));
    ops.op("aten::cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)")
        .doc("The running maximum, and its place.")
        .kernel(|x: Tensor, dim: i64| r::cummax(&x, dim));
    ops.op("aten::cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)")
        .doc("The running minimum, and its place.")
        .kernel(|x: Tensor, dim: i64| r::cummin(&x, dim));
    ops.op("aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor")
        .doc("Exponentials of a dimension divided by their sum.")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::softmax(&x, dim, dtype));
    ops.op("aten::special_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::softmax(&x, dim, dtype));
    ops.op("aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor")
        .kernel(|x: Tensor, dim: i64, half_to_float: bool| {
            r::softmax(&x, dim, half_to_float.then_some(DType::Float))
        });
    ops.op("aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor")
        .doc("The logarithm of the softmax.")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::log_softmax(&x, dim, dtype));
    ops.op("aten::special_log_softmax(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor")
        .kernel(|x: Tensor, dim: i64, dtype: Option<DType>| r::log_softmax(&x, dim, dtype));
    ops.op("aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor")
        .kernel(|x: Tensor, dim: i64, half_to_float: bool| {
            r::log_softmax(&x, dim, half_to_float.then_some(DType::Float))
        });
    ops.op("aten::hash_tensor(Tensor self, int[1] dim=[], *, bool keepdim=False, int mode=0) -> Tensor")
        .doc("The exclusive or of the elements' bits, as doubles or longs.")
        .kernel(|x: Tensor, dim: Vec<i64>, keepdim: bool, mode: i64| hash(&x, &dim, keepdim, mode));
    ops.op("aten::_softmax_backward_data(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor")
        .doc("The gradient of `softmax` from its result.")
        .kernel(|grad: Tensor, output: Tensor, dim: i64, dtype: DType| {
            let wide = grad.dtype().compute();
            let (grad, output) = (grad.to_dtype(wide)?, output.to_dtype(wide)?);
            let weighted = p::mul((&grad).into(), (&output).into())?;
            let dims: &[i64] = if grad.dim() == 0 { &[] } else { &[dim] };
            let sum = r::sum(&weighted, dims, true, None)?;
            let own = p::mul((&output).into(), (&sum).into())?;
            p::sub((&weighted).into(), (&own).into(), Scalar::Int(1))?.to_dtype(dtype)
        });
}

fn hash(x: &Tensor, dims: &[i64], keepdim: bool, mode: i64) -> Result<Tensor> {
    ensure!(mode == 0, "Unknown hash_tensor mode: {mode}");
    ensure!(
        !dims.is_empty() || x.numel() > 0,
        "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the \
         'dim' argument."
    );
    if x.is_complex() {
        bail!(
            NotImplemented,
            "\"xor_sum_cpu\" not implemented for '{}'",
            x.dtype().name()
        );
    }
    let rank = x.dim();
    let mut gone = vec![dims.is_empty(); rank];
    for &d in dims {
        let d = wrap_dim(d, rank)?;
        if let Some(gone) = gone.get_mut(d) {
            ensure!(!*gone, "dim {d} appears multiple times in the list of dims");
            *gone = true;
        }
    }
    for (d, &gone) in gone.iter().enumerate() {
        ensure!(
            !gone || x.sizes()[d] > 0,
            "hash_tensor: Expected reduction dim {d} to have non-zero size."
        );
    }
    // Rows of what is hashed together: the dimensions that go are moved to the end.
    let order: Vec<i64> = (0..rank)
        .filter(|&d| !gone[d])
        .chain((0..rank).filter(|&d| gone[d]))
        .map(|d| d as i64)
        .collect();
    let width = (0..rank)
        .filter(|&d| gone[d])
        .map(|d| x.sizes()[d] as usize)
        .product::<usize>();
    let moved = x.permute(&order)?;
    let bits: Vec<i64> = if x.is_floating_point() {
        let values = moved.to_dtype(DType::Double)?.to_vec::<f64>()?;
        values.into_iter().map(|v| v.to_bits() as i64).collect()
    } else {
        moved.to_dtype(DType::Long)?.to_vec::<i64>()?
    };
    let hashes: Vec<i64> = bits
        .chunks(width.max(1))
        .map(|row| row.iter().fold(0, |a, b| a ^ b))
        .collect();
    let sizes: Vec<i64> = (0..rank)
        .filter(|&d| keepdim || !gone[d])
        .map(|d| if gone[d] { 1 } else { x.sizes()[d] })
        .collect();
    Tensor::from_vec(hashes, &sizes)?.view_dtype(DType::UInt64)
}
