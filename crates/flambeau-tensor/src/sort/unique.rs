//! Distinct elements, and distinct slices along a dimension.

use super::{keys, order, take};
use crate::{DType, Result, Tensor, ensure};

/// Distinct values, for each input which of them it is, and how often each occurs.
#[derive(Debug)]
pub struct Unique {
    pub values: Tensor,
    pub inverse: Tensor,
    pub counts: Tensor,
}

/// Distinct elements in ascending order.
pub fn unique(t: &Tensor) -> Result<Unique> {
    let flat = t.contiguous()?;
    let keys = keys(&flat, "unique")?;
    let order = order(&keys, false);
    // NaN differ from each other, as they do for PyTorch.
    let (firsts, groups, counts) = groups(&order, |a, b| keys[a] == keys[b] && keys[a] != super::NAN_KEY);
    let mut inverse = vec![0i64; keys.len()];
    for (&i, group) in order.iter().zip(groups) {
        inverse[i] = group;
    }
    Ok(Unique {
        values: take(&flat, firsts.into_iter())?,
        inverse: Tensor::from_vec(inverse, t.sizes())?,
        counts: Tensor::from_elements(&counts)?,
    })
}

/// Runs of equal neighbours in `order`: where each starts, which run each place is in, and how long each is.
fn groups(order: &[usize], equal: impl Fn(usize, usize) -> bool) -> (Vec<usize>, Vec<i64>, Vec<i64>) {
    let (mut firsts, mut groups, mut counts) = (Vec::new(), Vec::new(), Vec::<i64>::new());
    for (at, &i) in order.iter().enumerate() {
        if at == 0 || !equal(order[at - 1], i) {
            firsts.push(i);
            counts.push(0);
        }
        if let Some(count) = counts.last_mut() {
            *count += 1;
        }
        groups.push(firsts.len() as i64 - 1);
    }
    (firsts, groups, counts)
}

/// The first of each run of equal elements.
pub fn unique_consecutive(t: &Tensor) -> Result<Unique> {
    let flat = t.contiguous()?;
    let keys = keys(&flat, "unique")?;
    let order: Vec<usize> = (0..keys.len()).collect();
    let (firsts, groups, counts) = groups(&order, |a, b| keys[a] == keys[b] && keys[a] != super::NAN_KEY);
    Ok(Unique {
        values: take(&flat, firsts.into_iter())?,
        inverse: Tensor::from_vec(groups, t.sizes())?,
        counts: Tensor::from_elements(&counts)?,
    })
}

/// Distinct slices along `dim`, in lexicographic order.
pub fn unique_dim(t: &Tensor, dim: i64) -> Result<Unique> {
    slices(t, dim, true)
}

/// The first of each run of equal slices along `dim`.
pub fn unique_dim_consecutive(t: &Tensor, dim: i64) -> Result<Unique> {
    slices(t, dim, false)
}

fn slices(t: &Tensor, dim: i64, sorted: bool) -> Result<Unique> {
    let dim = crate::layout::wrap_dim(dim, t.dim())? as i64;
    let t = if t.dim() == 0 { t.reshape(&[1])? } else { t.clone() };
    let n = t.size(dim)? as usize;
    let zeros = t.sizes().iter().filter(|&&s| s == 0).count();
    ensure!(
        zeros == 0 || (n == 0 && zeros == 1),
        "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
    );
    let first = t.movedim(&[dim], &[0])?.contiguous()?;
    if n == 0 {
        let none = Tensor::empty(&[0], DType::Long)?;
        return Ok(Unique {
            values: t,
            inverse: none.clone(),
            counts: none,
        });
    }
    let keys = keys(&first, "unique_dim")?;
    let width = keys.len() / n;
    let slice = |i: usize| &keys[i * width..][..width];
    let mut order: Vec<usize> = (0..n).collect();
    if sorted {
        order.sort_by(|&a, &b| slice(a).cmp(slice(b)));
    }
    let same = |a: usize, b: usize| slice(a) == slice(b) && !slice(a).contains(&super::NAN_KEY);
    let (firsts, groups, counts) = groups(&order, same);
    let mut inverse = vec![0i64; n];
    for (&i, group) in order.iter().zip(groups) {
        inverse[i] = group;
    }
    let mut sizes: crate::layout::Dims = first.sizes().into();
    sizes[0] = firsts.len() as i64;
    let places: Vec<usize> = firsts.iter().flat_map(|&i| i * width..(i + 1) * width).collect();
    let values = take(&first, places.into_iter())?.reshape(&sizes)?;
    Ok(Unique {
        values: values.movedim(&[0], &[dim])?.contiguous()?,
        inverse: Tensor::from_elements(&inverse)?,
        counts: Tensor::from_elements(&counts)?,
    })
}
