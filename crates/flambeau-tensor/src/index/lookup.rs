//! Tables: `take`, `put`, `embedding`, `one_hot`, `bincount`.

use super::along::{Combine, select_slices};
use super::{by_size, long, wrap};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::Dims;
use crate::storage::Access;
use crate::tensor::Tensor;
use crate::{bail, dispatch, ensure};

fn flat_places(index: &Tensor, n: i64, name: &str) -> Result<Vec<i64>> {
    ensure!(
        index.dtype() == DType::Long,
        "{name}(): Expected a long tensor for index, but got {}",
        index.dtype().name()
    );
    let mut places = index.to_vec::<i64>()?;
    ensure!(
        n > 0 || places.is_empty(),
        Index,
        "{name}(): tried to take from an empty tensor"
    );
    for i in &mut places {
        match wrap(*i, n) {
            Some(j) => *i = j,
            None => bail!(
                Index,
                "out of range: tried to access index {i} on a tensor of {n} elements."
            ),
        }
    }
    Ok(places)
}

/// Elements of the flattened tensor.
pub fn take(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    let places = flat_places(index, x.numel(), "take")?;
    let x = x.contiguous()?;
    let out = Tensor::empty(index.sizes(), x.dtype())?;
    let access = Access::take([&**x.storage()], [&**out.storage()])?;
    by_size!(x.dtype().size(), T => {
        let (from, to) = (x.meta().ptr().cast::<T>(), out.meta().ptr().cast::<T>());
        for (k, i) in places.iter().enumerate() {
            // SAFETY: places were checked; the output has one element per place.
            unsafe { to.add(k).write(from.add(*i as usize).read_unaligned()) };
        }
    });
    drop(access);
    Ok(out)
}

/// `x` with `source` put (or added) at places of the flattened tensor.
pub fn put(x: &Tensor, index: &Tensor, source: &Tensor, accumulate: bool) -> Result<Tensor> {
    ensure!(
        x.dtype() == source.dtype(),
        "put_(): self and source expected to have the same dtype, but got self.dtype = {} and source.dtype = {}",
        x.dtype().name(),
        source.dtype().name()
    );
    ensure!(
        index.numel() == source.numel(),
        "put_(): Expected source and index to have the same number of elements, but got source.numel() = {}, index.numel() \
         = {}",
        source.numel(),
        index.numel()
    );
    let places = flat_places(index, x.numel(), "put_")?;
    let out = x.clone_format(crate::MemoryFormat::Contiguous)?;
    let source = source.contiguous()?;
    {
        let _access = Access::take([&**source.storage()], [&**out.storage()])?;
        dispatch!(x.dtype(), "put_", T => {
            let (from, to) = (source.meta().ptr().cast::<T>(), out.meta().ptr().cast::<T>());
            for (k, i) in places.iter().enumerate() {
                // SAFETY: places were checked; the source has one element per place.
                unsafe {
                    let p = to.add(*i as usize);
                    let v = from.add(k).read_unaligned();
                    p.write(if accumulate { Combine::add(p.read(), v) } else { v });
                }
            }
        });
    }
    Ok(out)
}

/// Rows of `weight`.
pub fn embedding(weight: &Tensor, indices: &Tensor) -> Result<Tensor> {
    ensure!(weight.dim() == 2, "'weight' must be 2-D");
    let places = long(indices, "embedding")?.to_vec::<i64>()?;
    let rows = select_slices(weight, 0, &places, "index out of range in self")?;
    let mut shape = Dims::from_slice(indices.sizes());
    shape.push(weight.sizes()[1]);
    rows.view(&shape)
}

/// A last dimension of zeros with a one at each index; `classes` -1 takes the largest index.
pub fn one_hot(x: &Tensor, classes: i64) -> Result<Tensor> {
    ensure!(
        x.dtype() == DType::Long,
        "one_hot is only applicable to index tensor of type LongTensor."
    );
    let places = x.to_vec::<i64>()?;
    let mut shape = Dims::from_slice(x.sizes());
    if places.is_empty() {
        ensure!(
            classes > 0,
            "Can not infer total number of classes from empty tensor."
        );
        shape.push(classes);
        return Tensor::zeros(&shape, DType::Long);
    }
    ensure!(
        places.iter().all(|i| *i >= 0),
        "Class values must be non-negative."
    );
    let most = places.iter().copied().max().unwrap_or(0);
    let classes = if classes == -1 {
        match most.checked_add(1) {
            Some(n) => n,
            None => bail!("one_hot: class value {most} is too large"),
        }
    } else {
        ensure!(classes > 0, "num_classes should be positive");
        ensure!(most < classes, "Class values must be smaller than num_classes.");
        classes
    };
    shape.push(classes);
    let out = Tensor::zeros(&shape, DType::Long)?;
    let mut write = out.write()?;
    let data = write.slice::<i64>()?;
    for (row, i) in places.iter().enumerate() {
        data[row * classes as usize + *i as usize] = 1;
    }
    drop(write);
    Ok(out)
}

/// How often each integer occurs, or the sum of its weights.
pub fn bincount(x: &Tensor, weights: Option<&Tensor>, minlength: i64) -> Result<Tensor> {
    ensure!(minlength >= 0, "minlength should be >= 0");
    ensure!(
        x.dim() == 1 && x.dtype().is_integral(false),
        "bincount only supports 1-d non-negative integral inputs."
    );
    let places = x.to_vec::<i64>()?;
    ensure!(
        places.iter().all(|i| *i >= 0),
        "bincount only supports 1-d non-negative integral inputs."
    );
    let most = places
        .iter()
        .copied()
        .max()
        .map_or(0, |m| m.saturating_add(1))
        .max(minlength);
    let Some(w) = weights else {
        let out = Tensor::zeros(&[most], DType::Long)?;
        let mut write = out.write()?;
        let counts = write.slice::<i64>()?;
        places.iter().for_each(|i| counts[*i as usize] += 1);
        drop(write);
        return Ok(out);
    };
    ensure!(
        w.sizes() == x.sizes(),
        "weights should be 1-d and have the same length as input"
    );
    let dtype = if w.dtype() == DType::Float {
        DType::Float
    } else {
        DType::Double
    };
    let values = w.to_vec::<f64>()?;
    let out = Tensor::zeros(&[most], DType::Double)?;
    let mut write = out.write()?;
    let sums = write.slice::<f64>()?;
    for (i, v) in places.iter().zip(values) {
        sums[*i as usize] += v;
    }
    drop(write);
    out.to_dtype(dtype)
}
