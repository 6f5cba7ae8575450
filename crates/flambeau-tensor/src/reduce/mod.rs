//! Operators that fold many elements into one, or run along a dimension: sums, extrema, norms, statistics, scans,
//! softmax.
//!
//! Medians, modes and other order statistics are in [`crate::sort`]. `dims` lists the dimensions to reduce; empty means all. Results follow PyTorch's dtype rules: sums of integers are
//! `Long`, means need floats.

pub mod engine;
pub mod fold;
pub mod scan;
pub mod softmax;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{dim_mask, show, wrap_dim};
use crate::pointwise::{self, Arg};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, ensure};
use engine::{Numbers, Reducer, reduce};
use fold::{
    All, Any, ArgMax, ArgMin, Count, Max, Mean, Min, NanSum, Norm0, Norm1, Norm2, NormInf, NormNegInf, NormP,
    Prod, Sum, Var, reducer,
};
use num_complex::Complex;

pub use scan::{cummax, cummin, cumprod, cumsum, logcumsumexp};
pub use softmax::{log_softmax, softmax};

type Mask = SmallVec<[bool; 8]>;

/// The mask of reduced dimensions; no dims means all.
fn mask_of(x: &Tensor, dims: &[i64]) -> Result<Mask> {
    ensure!(x.dim() <= 64, "only tensors with up to 64 dims are supported");
    if dims.is_empty() {
        return Ok(SmallVec::from_elem(true, x.dim()));
    }
    dim_mask(dims, x.dim())
}

/// The reducer of a fold for the number types; the compute type is Float, Double, Long or complex.
macro_rules! numeric {
    ($fold:ident, $dtype:expr) => {
        match $dtype.compute() {
            DType::Float => reducer::<$fold<f32>>(),
            DType::Double => reducer::<$fold<f64>>(),
            DType::ComplexFloat => reducer::<$fold<Complex<f32>>>(),
            DType::ComplexDouble => reducer::<$fold<Complex<f64>>>(),
            DType::Bool | DType::Byte | DType::Char | DType::Short | DType::Int | DType::Long => {
                reducer::<$fold<i64>>()
            }
            other => bail!(
                NotImplemented,
                "\"{}\" not implemented for '{}'",
                stringify!($fold),
                other.name()
            ),
        }
    };
}

macro_rules! ordered {
    ($fold:ident, $name:literal, $dtype:expr) => {
        match $dtype.compute() {
            DType::Float => reducer::<$fold<f32>>(),
            DType::Double => reducer::<$fold<f64>>(),
            DType::Bool | DType::Byte | DType::Char | DType::Short | DType::Int | DType::Long => {
                reducer::<$fold<i64>>()
            }
            other => bail!(
                NotImplemented,
                "\"{}\" not implemented for '{}'",
                $name,
                other.name()
            ),
        }
    };
}

macro_rules! floating {
    ($fold:ident, $name:literal, $dtype:expr) => {
        match $dtype.compute() {
            DType::Float => reducer::<$fold<f32>>(),
            DType::Double => reducer::<$fold<f64>>(),
            other => bail!(
                NotImplemented,
                "\"{}\" not implemented for '{}'",
                $name,
                other.name()
            ),
        }
    };
}

/// `Long` for integers, else the dtype, unless one is given.
fn sum_dtype(x: &Tensor, dtype: Option<DType>) -> DType {
    dtype.unwrap_or(if x.dtype().is_integral(true) {
        DType::Long
    } else {
        x.dtype()
    })
}

pub fn sum(x: &Tensor, dims: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let dtype = sum_dtype(x, dtype);
    let r: Reducer = numeric!(Sum, dtype);
    reduce(x, &mask_of(x, dims)?, keepdim, &r, Numbers::default(), dtype)
}

/// Sum that counts NaN as 0.
pub fn nansum(x: &Tensor, dims: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    ensure!(!x.is_complex(), "nansum on CPU does not support complex inputs");
    let dtype = sum_dtype(x, dtype);
    if dtype.is_integral(true) && x.is_floating_point() {
        let zeros = pointwise::where_(&pointwise::isnan(x)?, Arg::Number(0.0.into()), x.into())?;
        return sum(&zeros, dims, keepdim, Some(dtype));
    }
    let r: Reducer = numeric!(NanSum, dtype);
    reduce(x, &mask_of(x, dims)?, keepdim, &r, Numbers::default(), dtype)
}

pub fn mean(x: &Tensor, dims: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let out = dtype.unwrap_or(x.dtype());
    if !out.is_floating_point() && !out.is_complex() {
        match dtype {
            Some(d) => bail!(
                NotImplemented,
                "mean(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. \
                 Got: {}",
                d.name()
            ),
            None => bail!(
                NotImplemented,
                "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. \
                 Got: {}",
                out.name()
            ),
        }
    }
    let r: Reducer = numeric!(Mean, out);
    reduce(x, &mask_of(x, dims)?, keepdim, &r, Numbers::default(), out)
}

/// Mean of the elements that are not NaN.
pub fn nanmean(x: &Tensor, dims: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    ensure!(
        x.is_floating_point(),
        "nanmean(): expected input to have floating point dtype but got {}",
        x.dtype().name()
    );
    let total = nansum(x, dims, keepdim, dtype)?;
    let valid = pointwise::logical_not(&pointwise::isnan(x)?)?;
    let count = sum(&valid, dims, keepdim, None)?;
    pointwise::div((&total).into(), (&count).into())
}

/// Product over one dimension, or all.
pub fn prod(x: &Tensor, dim: Option<i64>, keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    let dtype = sum_dtype(x, dtype);
    let dims: &[i64] = dim.as_slice();
    if matches!(dtype, DType::Half | DType::BFloat16) {
        let n = match dim {
            Some(d) if x.dim() > 0 => x.size(d)?,
            _ => x.numel(),
        };
        if n < 128 && x.numel() > 0 {
            return prod_in_steps(&x.to_dtype(dtype)?, dim, keepdim);
        }
    }
    let r: Reducer = numeric!(Prod, dtype);
    reduce(x, &mask_of(x, dims)?, keepdim, &r, Numbers::default(), dtype)
}

/// The product of few elements of a half type, which is rounded after each.
fn prod_in_steps(x: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    let (flat, d) = match dim {
        Some(d) if x.dim() > 0 => (x.clone(), d),
        _ => (x.reshape(&[-1])?, 0),
    };
    let mut product = flat.select(d, 0)?.copy()?;
    for i in 1..flat.size(d)? {
        product = pointwise::mul((&product).into(), (&flat.select(d, i)?).into())?;
    }
    match (dim, keepdim) {
        (_, false) => Ok(product),
        (Some(d), true) if x.dim() > 0 => product.unsqueeze(d.rem_euclid(x.dim() as i64)),
        (_, true) => product.reshape(&vec![1; x.dim()]),
    }
}

fn check_not_empty(x: &Tensor, mask: &[bool], name: &str) -> Result<()> {
    for (d, (&n, reduced)) in x.sizes().iter().zip(mask).enumerate() {
        ensure!(
            n != 0 || !reduced,
            Index,
            "{name}: Expected reduction dim {d} to have non-zero size."
        );
    }
    Ok(())
}

/// Largest values over dimensions.
pub fn amax(x: &Tensor, dims: &[i64], keepdim: bool) -> Result<Tensor> {
    let mask = mask_of(x, dims)?;
    check_extreme(x, &mask, dims, "amax()")?;
    let r: Reducer = ordered!(Max, "max_values_cpu", x.dtype());
    reduce(x, &mask, keepdim, &r, Numbers::default(), x.dtype())
}

/// Smallest values over dimensions.
pub fn amin(x: &Tensor, dims: &[i64], keepdim: bool) -> Result<Tensor> {
    let mask = mask_of(x, dims)?;
    check_extreme(x, &mask, dims, "amin()")?;
    let r: Reducer = ordered!(Min, "min_values_cpu", x.dtype());
    reduce(x, &mask, keepdim, &r, Numbers::default(), x.dtype())
}

fn check_extreme(x: &Tensor, mask: &[bool], dims: &[i64], name: &str) -> Result<()> {
    if x.numel() == 0 && dims.is_empty() && x.dim() > 0 && mask.iter().all(|m| *m) {
        bail!(
            Index,
            "{name}: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the \
             'dim' argument."
        );
    }
    check_not_empty(x, mask, name)
}

/// The largest element of all.
pub fn max(x: &Tensor) -> Result<Tensor> {
    ensure!(
        x.numel() > 0,
        "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' \
         argument."
    );
    amax(x, &[], false)
}

pub fn min(x: &Tensor) -> Result<Tensor> {
    ensure!(
        x.numel() > 0,
        "min(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' \
         argument."
    );
    amin(x, &[], false)
}

/// Positions along one dimension, and the values there.
fn extreme_dim(x: &Tensor, dim: i64, keepdim: bool, r: &Reducer, name: &str) -> Result<(Tensor, Tensor)> {
    ensure!(!x.is_complex(), "{name}: does not support complex input");
    let d = wrap_dim(dim, x.dim())?;
    if x.dim() == 0 {
        return Ok((x.copy()?, Tensor::zeros(&[], DType::Long)?));
    }
    let mut mask: Mask = SmallVec::from_elem(false, x.dim());
    mask[d] = true;
    check_not_empty(x, &mask, name)?;
    let indices = reduce(x, &mask, true, r, Numbers::default(), DType::Long)?;
    let values = crate::index::gather(x, d as i64, &indices)?;
    if keepdim {
        return Ok((values, indices));
    }
    Ok((values.squeeze_dim(d as i64)?, indices.squeeze_dim(d as i64)?))
}

/// `(values, indices)` of the largest along a dimension.
pub fn max_dim(x: &Tensor, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    ensure!(!x.is_complex(), "max(): does not support complex input");
    let r: Reducer = ordered!(ArgMax, "max_cpu", x.dtype());
    extreme_dim(x, dim, keepdim, &r, "max()")
}

/// `(values, indices)` of the smallest along a dimension.
pub fn min_dim(x: &Tensor, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    ensure!(!x.is_complex(), "min(): does not support complex input");
    let r: Reducer = ordered!(ArgMin, "min_cpu", x.dtype());
    extreme_dim(x, dim, keepdim, &r, "min()")
}

fn arg_extreme(x: &Tensor, dim: Option<i64>, keepdim: bool, r: &Reducer, name: &str) -> Result<Tensor> {
    let Some(dim) = dim else {
        ensure!(
            x.numel() > 0,
            Index,
            "{name}: Expected reduction dim to be specified for input.numel() == 0."
        );
        let flat = x.reshape(&[-1])?;
        let out = reduce(&flat, &[true], false, r, Numbers::default(), DType::Long)?;
        return if keepdim {
            out.view(&vec![1; x.dim()])
        } else {
            Ok(out)
        };
    };
    let d = wrap_dim(dim, x.dim())?;
    if x.dim() == 0 {
        return Tensor::zeros(&[], DType::Long);
    }
    let mut mask: Mask = SmallVec::from_elem(false, x.dim());
    mask[d] = true;
    check_not_empty(x, &mask, name)?;
    reduce(x, &mask, keepdim, r, Numbers::default(), DType::Long)
}

fn check_arg(x: &Tensor, name: &str) -> Result<()> {
    ensure!(!x.is_complex(), "{name}: does not support complex input");
    if x.dtype() == DType::Bool {
        bail!(NotImplemented, "{name}: does not support bool input");
    }
    Ok(())
}

pub fn argmax(x: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    check_arg(x, "argmax()")?;
    let r: Reducer = ordered!(ArgMax, "argmax_cpu", x.dtype());
    arg_extreme(x, dim, keepdim, &r, "argmax()")
}

pub fn argmin(x: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<Tensor> {
    check_arg(x, "argmin()")?;
    let r: Reducer = ordered!(ArgMin, "argmin_cpu", x.dtype());
    arg_extreme(x, dim, keepdim, &r, "argmin()")
}

/// `(min, max)` over one dimension, or all.
pub fn aminmax(x: &Tensor, dim: Option<i64>, keepdim: bool) -> Result<(Tensor, Tensor)> {
    ensure!(
        dim.is_some() || x.numel() > 0,
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
    );
    let dims: &[i64] = dim.as_slice();
    Ok((amin(x, dims, keepdim)?, amax(x, dims, keepdim)?))
}

/// PyTorch keeps `uint8` for `any` and `all` of bytes.
fn truth_dtype(x: &Tensor) -> DType {
    if x.dtype() == DType::Byte {
        DType::Byte
    } else {
        DType::Bool
    }
}

/// Whether any element is not zero; no dims means all.
pub fn any(x: &Tensor, dims: &[i64], keepdim: bool) -> Result<Tensor> {
    reduce(
        x,
        &mask_of(x, dims)?,
        keepdim,
        &const { reducer::<Any>() },
        Numbers::default(),
        truth_dtype(x),
    )
}

/// Whether all elements are not zero.
pub fn all(x: &Tensor, dims: &[i64], keepdim: bool) -> Result<Tensor> {
    reduce(
        x,
        &mask_of(x, dims)?,
        keepdim,
        &const { reducer::<All>() },
        Numbers::default(),
        truth_dtype(x),
    )
}

pub fn count_nonzero(x: &Tensor, dims: &[i64]) -> Result<Tensor> {
    reduce(
        x,
        &mask_of(x, dims)?,
        false,
        &const { reducer::<Count>() },
        Numbers::default(),
        DType::Long,
    )
}

/// The `p`-norm over dimensions (`linalg.vector_norm`), `p` possibly infinite.
pub fn norm(x: &Tensor, p: f64, dims: &[i64], keepdim: bool, dtype: Option<DType>) -> Result<Tensor> {
    ensure!(
        x.is_floating_point() || x.is_complex(),
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}",
        x.dtype().name()
    );
    let x = if x.is_complex() {
        pointwise::abs(x)?
    } else {
        x.clone()
    };
    let dtype = dtype.map_or(x.dtype(), |d| d.to_real());
    let mask = mask_of(&x, dims)?;
    if p < 0.0 || p == f64::INFINITY {
        let empty = x.sizes().iter().zip(&mask).any(|(n, m)| *n == 0 && *m);
        ensure!(
            !empty,
            "linalg.vector_norm cannot compute the {p} norm on an empty tensor because the operation does not have an \
             identity"
        );
    }
    let r: Reducer = if p == 2.0 {
        floating!(Norm2, "norm", dtype)
    } else if p == 1.0 {
        floating!(Norm1, "norm", dtype)
    } else if p == 0.0 {
        floating!(Norm0, "norm", dtype)
    } else if p == f64::INFINITY {
        floating!(NormInf, "norm", dtype)
    } else if p == f64::NEG_INFINITY {
        floating!(NormNegInf, "norm", dtype)
    } else {
        floating!(NormP, "norm", dtype)
    };
    reduce(&x, &mask, keepdim, &r, Numbers { f: [p, 0.0] }, dtype)
}

/// Variance with `correction` taken from the number of elements.
pub fn var(x: &Tensor, dims: &[i64], correction: f64, keepdim: bool) -> Result<Tensor> {
    if x.is_complex() {
        let (re, im) = (
            var(&x.real()?, dims, correction, keepdim)?,
            var(&x.imag()?, dims, correction, keepdim)?,
        );
        return pointwise::add((&re).into(), (&im).into(), Scalar::Int(1));
    }
    if !x.is_floating_point() {
        bail!(
            NotImplemented,
            "std and var only support floating point and complex dtypes"
        );
    }
    let r: Reducer = floating!(Var, "var", x.dtype());
    reduce(
        x,
        &mask_of(x, dims)?,
        keepdim,
        &r,
        Numbers { f: [correction, 0.0] },
        x.dtype(),
    )
}

/// Square root of [`var`].
pub fn std(x: &Tensor, dims: &[i64], correction: f64, keepdim: bool) -> Result<Tensor> {
    // Half types would round twice.
    let wide = if x.dtype().compute() != x.dtype() {
        x.to_dtype(x.dtype().compute())?
    } else {
        x.clone()
    };
    pointwise::sqrt(&var(&wide, dims, correction, keepdim)?)?.to_dtype(x.dtype().to_real())
}

pub fn var_mean(x: &Tensor, dims: &[i64], correction: f64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    Ok((var(x, dims, correction, keepdim)?, mean(x, dims, keepdim, None)?))
}

pub fn std_mean(x: &Tensor, dims: &[i64], correction: f64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    Ok((std(x, dims, correction, keepdim)?, mean(x, dims, keepdim, None)?))
}

/// `log(sum(exp(x)))` without overflow; integers give floats.
pub fn logsumexp(x: &Tensor, dims: &[i64], keepdim: bool) -> Result<Tensor> {
    let wide = match x.dtype() {
        d if d.is_integral(true) => DType::Float,
        d => d.compute(),
    };
    let out_dtype = if x.dtype().is_integral(true) {
        DType::Float
    } else {
        x.dtype()
    };
    let x = x.to_dtype(wide)?;
    if x.numel() == 0 {
        return pointwise::log(&sum(&pointwise::exp(&x)?, dims, keepdim, None)?)?.to_dtype(out_dtype);
    }
    let real = if x.is_complex() { x.real()? } else { x.clone() };
    let high = amax(&real, dims, true)?;
    let infinite = pointwise::eq(
        Arg::Tensor(&pointwise::abs(&high)?),
        Arg::Number(f64::INFINITY.into()),
    )?;
    let high = pointwise::where_(&infinite, Arg::Number(0.0.into()), (&high).into())?;
    let high = high.to_dtype(real.dtype())?;
    let e = pointwise::exp(&pointwise::sub((&x).into(), (&high).into(), Scalar::Int(1))?)?;
    let total = pointwise::log(&sum(&e, dims, true, None)?)?;
    let out = pointwise::add((&total).into(), (&high).into(), Scalar::Int(1))?;
    let out = if keepdim {
        out
    } else {
        squeeze_reduced(&out, dims)?
    };
    out.to_dtype(out_dtype)
}

fn squeeze_reduced(x: &Tensor, dims: &[i64]) -> Result<Tensor> {
    let mask = mask_of(x, dims)?;
    let shape: SmallVec<[i64; 6]> = x
        .sizes()
        .iter()
        .zip(&mask)
        .filter(|(_, m)| !**m)
        .map(|(s, _)| *s)
        .collect();
    if x.dim() == 0 {
        return Ok(x.clone());
    }
    match x.view(&shape) {
        Ok(t) => Ok(t),
        Err(_) => bail!("cannot drop dimensions {} of {}", show(dims), show(x.sizes())),
    }
}
