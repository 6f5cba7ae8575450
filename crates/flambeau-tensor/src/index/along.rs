//! Indexing along one dimension: each index tensor (or vector) names places of that dimension.

use num_complex::Complex;
use smallvec::SmallVec;

use super::{by_size, long, out_of_bounds, wrap};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{Dims, show, wrap_dim};
use crate::parallel::{SharedMut, parallel_for};
use crate::scalar::Scalar;
use crate::storage::Access;
use crate::tensor::Tensor;
use crate::{bail, bf16, dispatch, ensure, f16, pointwise};

/// How `scatter` and `index_reduce` join what falls on one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Replace,
    Sum,
    Prod,
    Mean,
    Amax,
    Amin,
}

impl Reduction {
    /// The names of `scatter_reduce` and `index_reduce`.
    pub fn from_name(name: &str) -> Result<Reduction> {
        Ok(match name {
            "sum" => Reduction::Sum,
            "prod" => Reduction::Prod,
            "mean" => Reduction::Mean,
            "amax" => Reduction::Amax,
            "amin" => Reduction::Amin,
            _ => bail!("reduce argument must be either sum, prod, mean, amax or amin, got {name}."),
        })
    }

    /// The names of `scatter(…, reduce=)`.
    pub fn from_scatter_name(name: &str) -> Result<Reduction> {
        Ok(match name {
            "add" => Reduction::Sum,
            "multiply" => Reduction::Prod,
            _ => bail!("reduce argument must be either add or multiply."),
        })
    }
}

/// Arithmetic that reductions need, for every element type.
pub(super) trait Combine: Element {
    fn add(self, o: Self) -> Self;
    fn mul(self, o: Self) -> Self;
    fn larger(self, o: Self) -> Self;
    fn smaller(self, o: Self) -> Self;
    fn divided(self, n: i64) -> Self;
}
macro_rules! combine {
    ($($t:ty, |$a:ident, $b:ident| $add:expr, $mul:expr, $larger:expr, $smaller:expr, |$x:ident, $n:ident| $div:expr;)*) => {$(
        impl Combine for $t {
            #[inline(always)] fn add(self, $b: Self) -> Self { let $a = self; $add }
            #[inline(always)] fn mul(self, $b: Self) -> Self { let $a = self; $mul }
            #[inline(always)] fn larger(self, $b: Self) -> Self { let $a = self; $larger }
            #[inline(always)] fn smaller(self, $b: Self) -> Self { let $a = self; $smaller }
            #[inline(always)] fn divided(self, $n: i64) -> Self { let $x = self; $div }
        }
    )*};
}
macro_rules! combine_ints {
    ($($t:ty),*) => { combine! {$(
        $t, |a, b| a.wrapping_add(b), a.wrapping_mul(b), a.max(b), a.min(b), |x, n| (x as i64).div_euclid(n) as $t;
    )*} };
}
macro_rules! combine_halves {
    ($($t:ty),*) => { combine! {$(
        $t, |a, b| a + b, a * b, if a.is_nan() || a > b { a } else { b }, if a.is_nan() || a < b { a } else { b },
            |x, n| <$t>::from_f32(x.to_f32() / n as f32);
    )*} };
}
combine_ints!(u8, i8, i16, i32, i64);
combine_halves!(f16, bf16);
combine! {
    f32, |a, b| a + b, a * b, if a.is_nan() || a > b { a } else { b }, if a.is_nan() || a < b { a } else { b }, |x, n| x / n as f32;
    f64, |a, b| a + b, a * b, if a.is_nan() || a > b { a } else { b }, if a.is_nan() || a < b { a } else { b }, |x, n| x / n as f64;
    bool, |a, b| a | b, a & b, a | b, a & b, |x, n| { let _ = n; x };
    Complex<f32>, |a, b| a + b, a * b, if a.re > b.re { a } else { b }, if a.re < b.re { a } else { b }, |x, n| x / n as f32;
    Complex<f64>, |a, b| a + b, a * b, if a.re > b.re { a } else { b }, if a.re < b.re { a } else { b }, |x, n| x / n as f64;
}

/// Walks an index tensor beside a target: calls `f(flat index position, index value, element offset of the target
/// without the indexed dimension)`. Offsets follow the target's strides.
fn walk(
    index_sizes: &[i64],
    target_strides: &[i64],
    d: usize,
    index: &[i64],
    mut f: impl FnMut(usize, i64, i64) -> Result<()>,
) -> Result<()> {
    let n = index_sizes.len();
    if n == 0 {
        return f(0, index[0], 0);
    }
    if index.is_empty() {
        return Ok(());
    }
    let row = index_sizes[n - 1] as usize;
    let step = if d == n - 1 { 0 } else { target_strides[n - 1] };
    let mut at: SmallVec<[i64; 6]> = SmallVec::from_elem(0, n - 1);
    let mut base = 0i64;
    for (r, values) in index.chunks(row).enumerate() {
        for (j, &i) in values.iter().enumerate() {
            f(r * row + j, i, base + j as i64 * step)?;
        }
        for k in (0..n - 1).rev() {
            let stride = if k == d { 0 } else { target_strides[k] };
            at[k] += 1;
            base += stride;
            if at[k] < index_sizes[k] {
                break;
            }
            base -= stride * index_sizes[k];
            at[k] = 0;
        }
    }
    Ok(())
}

fn check_ranks(x: &Tensor, index: &Tensor, name: &str) -> Result<()> {
    let rank = |t: &Tensor| t.dim().max(1);
    ensure!(
        rank(x) == rank(index),
        "{name}(): Index tensor must have the same number of dimensions as {} tensor",
        if name.starts_with("scatter") {
            "self"
        } else {
            "input"
        }
    );
    Ok(())
}

/// A 0-d tensor seen as 1-d.
fn at_least_1d(t: &Tensor) -> Result<Tensor> {
    if t.dim() == 0 {
        t.reshape(&[1])
    } else {
        Ok(t.clone())
    }
}

/// `out[i][j] = x[index[i][j]][j]` for `dim` 0, and so on.
pub fn gather(x: &Tensor, dim: i64, index: &Tensor) -> Result<Tensor> {
    let d = wrap_dim(dim, x.dim())?;
    if index.numel() == 0 {
        // PyTorch looks at the type of an index only if it has elements.
        return Tensor::empty(index.sizes(), x.dtype());
    }
    let index_long = long(index, "gather")?;
    check_ranks(x, index, "gather")?;
    let shape = index.sizes();
    let (x, index) = (at_least_1d(x)?, at_least_1d(&index_long)?);
    for (k, (&i, &s)) in index.sizes().iter().zip(x.sizes()).enumerate() {
        ensure!(
            k == d || i <= s,
            "Size does not match at dimension {k} expected index {} to be no larger than self {} apart from dimension {d}",
            show(index.sizes()),
            show(x.sizes())
        );
    }
    let out = Tensor::empty(shape, x.dtype())?;
    let m = x.meta();
    let (size, stride) = (m.sizes()[d], m.strides()[d]);
    let read = index.read()?;
    let positions = read.slice::<i64>()?;
    let access = Access::take([&**m.storage()], [&**out.storage()])?;
    by_size!(m.dtype().size(), T => {
        let (from, to) = (m.ptr().cast::<T>(), out.meta().ptr().cast::<T>());
        walk(index.sizes(), m.strides(), d, positions, |at, i, base| {
            if i < 0 || i >= size {
                return out_of_bounds(i, d, size);
            }
            // SAFETY: the index is in range and the other positions are within `x`'s sizes; `out` has the index's shape.
            unsafe { to.add(at).write(from.offset((base + i * stride) as isize).read_unaligned()) };
            Ok(())
        })
    })?;
    drop(access);
    Ok(out)
}

pub fn take_along_dim(x: &Tensor, index: &Tensor, dim: Option<i64>) -> Result<Tensor> {
    ensure!(
        index.dtype() == DType::Long,
        "torch.take_along_dim(): dtype of indices should be Long but got {}",
        index.dtype().name()
    );
    let Some(dim) = dim else {
        return gather(&x.reshape(&[-1])?, 0, &index.reshape(&[-1])?);
    };
    ensure!(
        x.dim() == index.dim(),
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but got {} dimensions for \
         input, and {} dimensions for indices",
        x.dim(),
        index.dim()
    );
    let d = wrap_dim(dim, x.dim())?;
    if x.dim() == 0 {
        return gather(x, 0, index);
    }
    let (mut a, mut b) = (Dims::from_slice(x.sizes()), Dims::from_slice(index.sizes()));
    a[d] = 1;
    b[d] = 1;
    let mut shape = crate::layout::broadcast_shapes(&a, &b)?;
    shape[d] = x.sizes()[d];
    let x = x.expand(&shape)?;
    shape[d] = index.sizes()[d];
    // With a dimension, indices wrap around at its size; without one they do not.
    let size = x.sizes()[d].max(1);
    let wrapped: Vec<i64> = index
        .to_vec::<i64>()?
        .iter()
        .map(|i| i.rem_euclid(size))
        .collect();
    let index = Tensor::from_vec(wrapped, index.sizes())?;
    gather(&x, d as i64, &index.expand(&shape)?)
}

/// What `scatter` puts in place.
#[derive(Clone, Copy)]
enum Values<'a> {
    Tensor(&'a Tensor),
    Number(Scalar),
}

/// Scatters into `out`, which is already a copy (or the target in place).
fn scatter_into(
    out: &Tensor,
    dim: i64,
    index: &Tensor,
    values: Values,
    how: Reduction,
    include_self: bool,
    name: &str,
) -> Result<()> {
    if how != Reduction::Replace && out.dtype().compute() != out.dtype() {
        // Half types are summed in single precision and rounded once.
        let wide = out.to_dtype(out.dtype().compute())?;
        let source;
        let values = match values {
            Values::Tensor(t) => {
                ensure!(
                    t.dtype() == out.dtype(),
                    "{name}(): Expected self.dtype to be equal to src.dtype"
                );
                source = t.to_dtype(wide.dtype())?;
                Values::Tensor(&source)
            }
            number => number,
        };
        scatter_into(&wide, dim, index, values, how, include_self, name)?;
        return out.copy_(&wide);
    }
    let d = wrap_dim(dim, out.dim())?;
    let index_long = long(index, name)?;
    if index_long.numel() == 0 {
        return Ok(());
    }
    check_ranks(out, index, name)?;
    let (target, index) = (at_least_1d(out)?, at_least_1d(&index_long)?);
    let source = match values {
        Values::Tensor(src) => {
            ensure!(
                src.dtype() == out.dtype(),
                "{name}(): Expected self.dtype to be equal to src.dtype"
            );
            let src = at_least_1d(src)?;
            ensure!(
                src.dim() == index.dim(),
                "{name}(): Index tensor must have the same number of dimensions as src tensor"
            );
            for (k, &i) in index.sizes().iter().enumerate() {
                ensure!(
                    i <= src.sizes()[k] && (k == d || i <= target.sizes()[k]),
                    "Expected index {} to be no larger than self {} apart from dimension {d} and to be no larger size than \
                     src {}",
                    show(index.sizes()),
                    show(target.sizes()),
                    show(src.sizes())
                );
            }
            let mut part = src;
            for (k, &i) in index.sizes().iter().enumerate() {
                part = part.narrow(k as i64, 0, i)?;
            }
            // A copy also keeps a source that overlaps the target apart from it.
            if part.shares_storage(out) {
                part.clone_format(crate::MemoryFormat::Contiguous)?
            } else {
                part.contiguous()?
            }
        }
        Values::Number(s) => {
            for (k, &i) in index.sizes().iter().enumerate() {
                ensure!(
                    k == d || i <= target.sizes()[k],
                    "Expected index {} to be no larger than self {} apart from dimension {d}",
                    show(index.sizes()),
                    show(target.sizes())
                );
            }
            Tensor::scalar_tensor(s, out.dtype())?
        }
    };
    let single = matches!(values, Values::Number(_));
    let index = if index.shares_storage(out) {
        index.copy()?
    } else {
        index
    };
    let m = target.meta();
    let (size, stride) = (m.sizes()[d], m.strides()[d]);
    let positions = index.to_vec::<i64>()?;
    if let Some(&i) = positions.iter().find(|i| **i < 0 || **i >= size) {
        return out_of_bounds(i, d, size);
    }
    let _access = Access::take([&**source.storage()], [&**m.storage()])?;
    let from = source.meta().ptr();
    if how == Reduction::Replace {
        return by_size!(m.dtype().size(), T => {
            let (from, to) = (from.cast::<T>(), m.ptr().cast::<T>());
            walk(index.sizes(), m.strides(), d, &positions, |at, i, base| {
                // SAFETY: positions were checked above; `source` has one element per index, or one in all.
                unsafe {
                    to.offset((base + i * stride) as isize).write_unaligned(from.add(if single { 0 } else { at }).read());
                }
                Ok(())
            })
        });
    }
    dispatch!(m.dtype(), "scatter_reduce", T => {
        let (from, to) = (from.cast::<T>(), m.ptr().cast::<T>());
        // Elements met so far at each place, where that matters.
        let counted = how == Reduction::Mean || !include_self;
        let mut counts: std::collections::HashMap<i64, i64> = std::collections::HashMap::new();
        walk(index.sizes(), m.strides(), d, &positions, |at, i, base| {
            let place = base + i * stride;
            // SAFETY: as above.
            unsafe {
                let p = to.offset(place as isize);
                let v = from.add(if single { 0 } else { at }).read();
                let old = p.read_unaligned();
                let mut first = false;
                if counted {
                    let count = counts.entry(place).or_insert(include_self as i64);
                    first = *count == 0;
                    *count += 1;
                }
                p.write_unaligned(if first { v } else {
                    match how {
                        Reduction::Sum | Reduction::Mean => Combine::add(old, v),
                        Reduction::Prod => Combine::mul(old, v),
                        Reduction::Amax => old.larger(v),
                        Reduction::Amin => old.smaller(v),
                        Reduction::Replace => v,
                    }
                });
            }
            Ok(())
        })?;
        if how == Reduction::Mean {
            for (place, count) in counts {
                // SAFETY: as above.
                unsafe {
                    let p = to.offset(place as isize);
                    p.write_unaligned(p.read_unaligned().divided(count));
                }
            }
        }
        Ok(())
    })
}

/// `out = x; out[index[i][j]][j] = src[i][j]` for `dim` 0. In place: pass the tensor to [`scatter_with`].
pub fn scatter(x: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    scatter_into(
        &out,
        dim,
        index,
        Values::Tensor(src),
        Reduction::Replace,
        true,
        "scatter",
    )?;
    Ok(out)
}

pub fn scatter_value(x: &Tensor, dim: i64, index: &Tensor, value: Scalar) -> Result<Tensor> {
    scatter_value_reduce(x, dim, index, value, Reduction::Replace)
}

/// `scatter(…, value, reduce=)`
pub fn scatter_value_reduce(
    x: &Tensor,
    dim: i64,
    index: &Tensor,
    value: Scalar,
    how: Reduction,
) -> Result<Tensor> {
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    scatter_into(&out, dim, index, Values::Number(value), how, true, "scatter")?;
    Ok(out)
}

pub fn scatter_add(x: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    scatter_into(
        &out,
        dim,
        index,
        Values::Tensor(src),
        Reduction::Sum,
        true,
        "scatter",
    )?;
    Ok(out)
}

pub fn scatter_reduce(
    x: &Tensor,
    dim: i64,
    index: &Tensor,
    src: &Tensor,
    how: Reduction,
    include_self: bool,
) -> Result<Tensor> {
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    scatter_into(
        &out,
        dim,
        index,
        Values::Tensor(src),
        how,
        include_self,
        "scatter",
    )?;
    Ok(out)
}

/// All forms of `scatter_` in place.
pub fn scatter_with(
    out: &Tensor,
    dim: i64,
    index: &Tensor,
    src: pointwise::Arg,
    how: Reduction,
    include_self: bool,
) -> Result<()> {
    let values = match src {
        pointwise::Arg::Tensor(t) => Values::Tensor(t),
        pointwise::Arg::Number(s) => Values::Number(s),
    };
    scatter_into(out, dim, index, values, how, include_self, "scatter")
}

/// An index vector (a number counts as one of length 1).
fn vector(index: &Tensor, name: &str) -> Result<Vec<i64>> {
    ensure!(
        index.dim() <= 1,
        Index,
        "{name}(): Index is supposed to be a vector"
    );
    long(index, name)?.to_vec::<i64>()
}

/// The slices of `x` along `dim` at the given places.
pub fn index_select(x: &Tensor, dim: i64, index: &Tensor) -> Result<Tensor> {
    let d = wrap_dim(dim, x.dim())?;
    let index = vector(index, "index_select")?;
    if x.dim() == 0 {
        for &i in &index {
            ensure!(i == 0, Index, "index_select(): index out of range in self");
        }
        return x.copy();
    }
    select_slices(x, d, &index, "index out of range in self")
}

/// Copies whole slices; also the heart of `embedding`.
pub(super) fn select_slices(x: &Tensor, d: usize, index: &[i64], message: &str) -> Result<Tensor> {
    let n = x.sizes()[d];
    if index.iter().any(|i| *i < 0 || *i >= n) {
        bail!(Index, "{message}");
    }
    let mut shape = Dims::from_slice(x.sizes());
    shape[d] = index.len() as i64;
    let out = Tensor::empty(&shape, x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let x = x.contiguous()?;
    let item = x.dtype().size();
    let inner = shape[d + 1..].iter().product::<i64>() as usize * item;
    let outer = shape[..d].iter().product::<i64>() as usize;
    let (n, k) = (n as usize, index.len());
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    let (from, to) = (SharedMut(x.meta().ptr()), SharedMut(out.meta().ptr()));
    parallel_for(outer * k, (1usize << 15).div_ceil(inner), |range| {
        for at in range {
            let (o, i) = (at / k, index[at % k] as usize);
            // SAFETY: indices were checked; both tensors are contiguous, and slices of the output are disjoint.
            unsafe {
                to.get()
                    .add(at * inner)
                    .copy_from_nonoverlapping(from.get().add((o * n + i) * inner), inner);
            }
        }
    });
    drop(access);
    Ok(out)
}

fn check_source(x: &Tensor, d: usize, index: &[i64], source: &Tensor, name: &str) -> Result<()> {
    ensure!(
        source.dtype() == x.dtype(),
        "{name}(): self ({}) and source ({}) must have the same scalar type",
        x.dtype().name(),
        source.dtype().name()
    );
    let numel = if source.dim() == 0 {
        1
    } else {
        source.sizes()[d.min(source.dim() - 1)]
    };
    ensure!(
        numel == index.len() as i64,
        Index,
        "{name}(): Number of indices ({}) should be equal to source.size(dim) ({numel})",
        index.len()
    );
    if x.dim() > 0 {
        let n = x.sizes()[d];
        for &i in index {
            ensure!(
                wrap(i, n).is_some() && i >= 0,
                Index,
                "{name}(): index out of range in self"
            );
        }
    }
    Ok(())
}

/// Runs `f(slice of x, slice of source)` for every index.
fn each_slice(
    x: &Tensor,
    dim: i64,
    index: &Tensor,
    source: &Tensor,
    name: &str,
    mut f: impl FnMut(&Tensor, &Tensor) -> Result<()>,
) -> Result<()> {
    let d = wrap_dim(dim, x.dim())?;
    let index = vector(index, name)?;
    check_source(x, d, &index, source, name)?;
    for (k, &i) in index.iter().enumerate() {
        let a = if x.dim() == 0 {
            x.clone()
        } else {
            x.select(d as i64, i)?
        };
        let b = if source.dim() == 0 {
            source.clone()
        } else {
            source.select(d as i64, k as i64)?
        };
        ensure!(
            a.sizes() == b.sizes(),
            "{name}(): source/destination slice shapes must match, found {} and {}",
            show(a.sizes()),
            show(b.sizes())
        );
        f(&a, &b)?;
    }
    Ok(())
}

/// `x[index[k]] += alpha * source[k]` into `out`, which holds `x` already.
pub fn index_add(out: &Tensor, dim: i64, index: &Tensor, source: &Tensor, alpha: Scalar) -> Result<()> {
    each_slice(out, dim, index, source, "index_add", |a, b| {
        pointwise::add_to(pointwise::To::InPlace(a), a.into(), b.into(), alpha).map(drop)
    })
}

/// `x[index[k]] = source[k]` into `out`.
pub fn index_copy(out: &Tensor, dim: i64, index: &Tensor, source: &Tensor) -> Result<()> {
    each_slice(out, dim, index, source, "index_copy", |a, b| a.copy_(b))
}

/// `x[index[k]] = value` into `out`.
pub fn index_fill(out: &Tensor, dim: i64, index: &Tensor, value: Scalar) -> Result<()> {
    let d = wrap_dim(dim, out.dim())?;
    let index = vector(index, "index_fill_")?;
    for i in index {
        if out.dim() == 0 {
            ensure!(
                i == 0 || i == -1,
                Index,
                "index {i} is out of bounds for dimension 0 with size 1"
            );
            out.fill_(value)?;
            continue;
        }
        let Some(i) = wrap(i, out.sizes()[d]) else {
            return out_of_bounds(i, d, out.sizes()[d]);
        };
        out.select(d as i64, i)?.fill_(value)?;
    }
    Ok(())
}

/// `index_reduce_` of half types, which rounds after each slice.
fn reduce_in_steps(
    out: &Tensor,
    d: usize,
    places: &[i64],
    index: &Tensor,
    source: &Tensor,
    how: Reduction,
    include_self: bool,
) -> Result<()> {
    let dim = d as i64;
    let product = how == Reduction::Prod;
    if !include_self {
        index_fill(out, dim, index, Scalar::Int(i64::from(product)))?;
    }
    each_slice(out, dim, index, source, "index_reduce", |a, b| {
        let to = pointwise::To::InPlace(a);
        if product {
            pointwise::mul_to(to, a.into(), b.into()).map(drop)
        } else {
            pointwise::add_to(to, a.into(), b.into(), Scalar::Int(1)).map(drop)
        }
    })?;
    if product {
        return Ok(());
    }
    let mut counts = vec![i64::from(include_self); out.sizes()[d] as usize];
    for &i in places {
        counts[i as usize] += 1;
    }
    for (i, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 1) {
        let slice = out.select(dim, i as i64)?;
        pointwise::div_to(pointwise::To::InPlace(&slice), (&slice).into(), count.into())?;
    }
    Ok(())
}

/// `index_reduce_` into `out`.
pub fn index_reduce(
    out: &Tensor,
    dim: i64,
    index: &Tensor,
    source: &Tensor,
    how: Reduction,
    include_self: bool,
) -> Result<()> {
    let d = wrap_dim(dim, out.dim())?;
    let places = vector(index, "index_reduce")?;
    check_source(out, d, &places, source, "index_reduce")?;
    if out.dim() == 0 {
        return scatter_into(
            out,
            0,
            index,
            Values::Tensor(source),
            how,
            include_self,
            "index_reduce",
        );
    }
    let in_steps = matches!(how, Reduction::Mean | Reduction::Prod);
    if in_steps && matches!(out.dtype(), DType::Half | DType::BFloat16) {
        return reduce_in_steps(out, d, &places, index, source, how, include_self);
    }
    let mut shape: Vec<i64> = vec![1; out.dim()];
    shape[d] = places.len() as i64;
    let index = index
        .reshape(&[places.len() as i64])?
        .view(&shape)?
        .expand(source.sizes())?;
    scatter_into(
        out,
        d as i64,
        &index,
        Values::Tensor(source),
        how,
        include_self,
        "index_reduce",
    )
}
