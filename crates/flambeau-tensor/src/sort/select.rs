//! Selection without a full sort: topk, kthvalue, median, mode.

use super::{NAN_KEY, Rows, ties};
use crate::{DType, Result, Tensor, bail, ensure};

/// The `k` largest (or smallest) elements along `dim`, and where they are.
pub fn topk(t: &Tensor, k: i64, dim: i64, largest: bool, sorted: bool) -> Result<(Tensor, Tensor)> {
    let rows = Rows::new(t, dim)?;
    ensure!(k >= 0 && k as usize <= rows.n, "selected index k out of range");
    let (n, k) = (rows.n, k as usize);
    let keys = rows.keys("topk")?;
    let flip = if largest { u64::MAX } else { 0 };
    let mut indices: Vec<i64> = Vec::with_capacity(rows.count * k);
    let mut pairs: Vec<(u64, usize)> = Vec::with_capacity(n);
    for row in keys.chunks_exact(n.max(1)) {
        pairs.clear();
        pairs.extend(row.iter().map(|key| key ^ flip).zip(0..));
        if k > 0 && k.saturating_mul(64) <= n {
            ties::partial_sort(&mut pairs, k);
        } else if k > 0 {
            ties::nth_element(&mut pairs, k - 1);
            if sorted {
                ties::sort(&mut pairs[..k - 1]);
            }
        }
        indices.extend(pairs[..k].iter().map(|&(_, i)| i as i64));
    }
    let places = indices.iter().enumerate().map(|(at, &i)| at / k * n + i as usize);
    let values = rows.restore(rows.take(places)?, k)?;
    Ok((values, rows.restore(Tensor::from_elements(&indices)?, k)?))
}

/// Puts the element of rank `k` (by key) in its place, by Hoare's selection with the median of three as the pivot.
/// Which of several equal elements ends there is PyTorch's choice too.
fn quick_select(keys: &mut [u64], indices: &mut [usize], k: usize) {
    if keys.is_empty() {
        return;
    }
    let (mut left, mut right) = (0, keys.len() - 1);
    let swap = |keys: &mut [u64], indices: &mut [usize], a: usize, b: usize| {
        keys.swap(a, b);
        indices.swap(a, b);
    };
    while right > left {
        if right == left + 1 {
            if keys[left] > keys[right] {
                swap(keys, indices, left, right);
            }
            return;
        }
        swap(keys, indices, left + (right - left) / 2, left + 1);
        if keys[left + 1] > keys[right] {
            swap(keys, indices, left + 1, right);
        }
        if keys[left] > keys[right] {
            swap(keys, indices, left, right);
        }
        if keys[left + 1] > keys[left] {
            swap(keys, indices, left + 1, left);
        }
        let (mut i, mut j, pivot) = (left + 1, right, keys[left]);
        loop {
            i += 1;
            while pivot > keys[i] {
                i += 1;
            }
            j -= 1;
            while keys[j] > pivot {
                j -= 1;
            }
            if j < i {
                break;
            }
            swap(keys, indices, i, j);
        }
        swap(keys, indices, left, j);
        if j <= k {
            left = i;
        }
        if j >= k {
            match j.checked_sub(1) {
                Some(r) => right = r,
                None => return,
            }
        }
    }
}

/// Values and indices of one chosen place per row.
fn pick(
    rows: &Rows,
    keepdim: bool,
    place: impl FnMut(&[u64]) -> usize,
    name: &str,
) -> Result<(Tensor, Tensor)> {
    let keys = rows.keys(name)?;
    let chosen: Vec<usize> = keys.chunks_exact(rows.n.max(1)).map(place).collect();
    let places = chosen.iter().enumerate().map(|(row, &i)| row * rows.n + i);
    let values = rows.restore_reduced(rows.take(places)?, keepdim)?;
    let indices: Vec<i64> = chosen.iter().map(|&i| i as i64).collect();
    Ok((
        values,
        rows.restore_reduced(Tensor::from_elements(&indices)?, keepdim)?,
    ))
}

fn non_empty(rows: &Rows, name: &str) -> Result<()> {
    if rows.n == 0 {
        bail!(
            Index,
            "{name}(): Expected reduction dim {} to have non-zero size.",
            rows.dim
        );
    }
    Ok(())
}

/// The `k`-th smallest element (from 1) along `dim`, and its index.
pub fn kthvalue(t: &Tensor, k: i64, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    let rows = Rows::new(t, dim)?;
    non_empty(&rows, "kthvalue")?;
    ensure!(
        k >= 1 && k as usize <= rows.n,
        "kthvalue(): selected number k out of range for dimension {}",
        rows.dim
    );
    let select = |row: &[u64]| {
        let mut keys = row.to_vec();
        let mut indices: Vec<usize> = (0..row.len()).collect();
        quick_select(&mut keys, &mut indices, k as usize - 1);
        indices[k as usize - 1]
    };
    pick(&rows, keepdim, select, "kthvalue_cpu")
}

/// The lower median of a row, the first of equal ones in a stable order; a NaN wins unless `ignore_nan`.
fn median_place(row: &[u64], ignore_nan: bool) -> usize {
    let nans = row.iter().filter(|&&k| k == NAN_KEY).count();
    if nans > 0 && !ignore_nan {
        return row.iter().position(|&k| k == NAN_KEY).unwrap_or(0);
    }
    let valid = row.len() - nans;
    let rank = if valid == 0 { 0 } else { (valid - 1) / 2 };
    let mut pairs: Vec<(u64, usize)> = row.iter().copied().zip(0..).collect();
    pairs.select_nth_unstable(rank).1.1
}

fn median_of(t: &Tensor, dim: i64, keepdim: bool, ignore_nan: bool) -> Result<(Tensor, Tensor)> {
    let rows = Rows::new(t, dim)?;
    non_empty(&rows, "median")?;
    pick(&rows, keepdim, |row| median_place(row, ignore_nan), "median_cpu")
}

pub fn median_dim(t: &Tensor, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    median_of(t, dim, keepdim, false)
}

pub fn nanmedian_dim(t: &Tensor, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    median_of(t, dim, keepdim, true)
}

fn median_all(t: &Tensor, ignore_nan: bool) -> Result<Tensor> {
    if t.numel() == 0 {
        return match t.dtype() {
            d if d.is_floating_point() => Tensor::scalar_tensor(f64::NAN, d),
            DType::Long => Tensor::scalar_tensor(i64::MIN, DType::Long),
            d => Tensor::scalar_tensor(0i64, d),
        };
    }
    Ok(median_of(&t.reshape(&[-1])?, 0, false, ignore_nan)?.0)
}

/// The lower median of all elements.
pub fn median(t: &Tensor) -> Result<Tensor> {
    median_all(t, false)
}

/// The lower median of all elements but NaN.
pub fn nanmedian(t: &Tensor) -> Result<Tensor> {
    median_all(t, true)
}

/// The most frequent element along `dim`, the least of several, and the index of its last occurrence.
pub fn mode(t: &Tensor, dim: i64, keepdim: bool) -> Result<(Tensor, Tensor)> {
    let rows = Rows::new(t, dim)?;
    non_empty(&rows, "mode")?;
    let most_frequent = |row: &[u64]| {
        let mut pairs: Vec<(u64, usize)> = row.iter().copied().zip(0..).collect();
        ties::sort(&mut pairs);
        let (mut best, mut best_count, mut count) = (0, 0, 0);
        for (at, &(key, i)) in pairs.iter().enumerate() {
            count += 1;
            if pairs.get(at + 1).is_none_or(|next| next.0 != key) {
                if count > best_count {
                    (best, best_count) = (i, count);
                }
                count = 0;
            }
        }
        best
    };
    pick(&rows, keepdim, most_frequent, "mode")
}
