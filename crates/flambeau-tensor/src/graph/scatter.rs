//! torch_scatter: reductions over elements that share an index, by any index or by sorted ones.

use super::{Number, check_offsets, filled, indices, is_real, numbers};
use crate::{DType, Result, Tensor, ensure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    Sum,
    Mean,
    Mul,
    Min,
    Max,
}

impl Reduce {
    fn has_places(self) -> bool {
        matches!(self, Reduce::Min | Reduce::Max)
    }
    fn start<T: Number>(self, dtype: DType) -> T {
        match self {
            Reduce::Sum | Reduce::Mean => T::zero(),
            Reduce::Mul => T::one(),
            Reduce::Min => T::range(dtype).0,
            Reduce::Max => T::range(dtype).1,
        }
    }
}

/// A tensor as `batch` blocks of `length` rows of `width`.
#[derive(Clone, Copy)]
struct Block {
    batch: usize,
    length: usize,
    width: usize,
}

fn block(sizes: &[i64], dim: usize) -> Block {
    let product = |s: &[i64]| s.iter().product::<i64>().max(0) as usize;
    Block {
        batch: product(&sizes[..dim]),
        length: sizes[dim].max(0) as usize,
        width: product(&sizes[dim + 1..]),
    }
}

/// One index for each element of the source; a negative one leaves its element out.
struct Job<'a> {
    src: &'a Tensor,
    index: &'a [i64],
    dim: usize,
    out: Option<&'a Tensor>,
    reduce: Reduce,
}

/// Reduces into `length` places along the dimension. Places that nothing reaches hold 0 (1 for products), or what `out`
/// held; the second result says where extrema come from, and the source's length for such places.
fn reduce_into<T: Number>(job: &Job, length: i64) -> Result<(Tensor, Option<Tensor>, Vec<i64>)> {
    let Job { src, dim, reduce, .. } = *job;
    let from = block(src.sizes(), dim);
    let mut sizes = src.sizes().to_vec();
    sizes[dim] = length;
    let to = block(&sizes, dim);
    let total = to
        .batch
        .checked_mul(to.length)
        .and_then(|n| n.checked_mul(to.width));
    let total = total.ok_or_else(super::no_memory)?;
    let values: Vec<T> = numbers(src)?;
    let mut out: Vec<T> = match job.out {
        Some(out) => numbers(out)?,
        None => filled(total, reduce.start(src.dtype()))?,
    };
    let mut places = filled(if reduce.has_places() { total } else { 0 }, from.length as i64)?;
    let mut counts = filled(if reduce == Reduce::Mean { total } else { 0 }, 0i64)?;
    for b in 0..from.batch {
        for e in 0..from.length {
            for k in 0..from.width {
                let i = (b * from.length + e) * from.width + k;
                let at = job.index[i];
                if at < 0 {
                    continue;
                }
                ensure!(
                    at < length,
                    "index {at} is out of bounds for dimension {dim} with size {length}"
                );
                let o = (b * to.length + at as usize) * to.width + k;
                let x = values[i];
                match reduce {
                    Reduce::Sum => out[o] = out[o].plus(x),
                    Reduce::Mean => {
                        out[o] = out[o].plus(x);
                        counts[o] += 1;
                    }
                    Reduce::Mul => out[o] = out[o].times(x),
                    Reduce::Min if x < out[o] => (out[o], places[o]) = (x, e as i64),
                    Reduce::Max if x > out[o] => (out[o], places[o]) = (x, e as i64),
                    Reduce::Min | Reduce::Max => {}
                }
            }
        }
    }
    if reduce.has_places() && job.out.is_none() {
        let start: T = reduce.start(src.dtype());
        out.iter_mut()
            .filter(|x| **x == start)
            .for_each(|x| *x = T::zero());
    }
    let places = match reduce.has_places() {
        true => Some(Tensor::from_vec(places, &sizes)?),
        false => None,
    };
    Ok((
        Tensor::from_vec(out, &sizes)?.to_dtype(src.dtype())?,
        places,
        counts,
    ))
}

/// Divides sums by their counts, downwards or towards zero where there are no fractions.
fn average<T: Number>(sums: &Tensor, counts: &[i64], floor: bool) -> Result<Tensor> {
    let mut values: Vec<T> = numbers(sums)?;
    for (x, &n) in values.iter_mut().zip(counts) {
        *x = x.over(n.max(1), floor);
    }
    Tensor::from_vec(values, sums.sizes())?.to_dtype(sums.dtype())
}

fn run(job: &Job, length: i64, name: &str, floor: bool) -> Result<(Tensor, Option<Tensor>)> {
    ensure!(length >= 0, "expected a size of at least 0, found {length}");
    if let Some(out) = job.out {
        ensure!(
            out.dtype() == job.src.dtype(),
            "expected `out` of dtype {}, found {}",
            job.src.dtype().name(),
            out.dtype().name()
        );
    }
    let is_real = is_real(job.src, name)?;
    let (mut result, places, counts) = if is_real {
        reduce_into::<f64>(job, length)?
    } else {
        reduce_into::<i64>(job, length)?
    };
    if job.reduce == Reduce::Mean {
        result = if is_real {
            average::<f64>(&result, &counts, floor)?
        } else {
            average::<i64>(&result, &counts, floor)?
        };
    }
    match job.out {
        Some(out) => {
            out.copy_(&result)?;
            Ok((out.clone(), places))
        }
        None => Ok((result, places)),
    }
}

/// The length along `dim` of the result: the given tensor's, the given one, or one beyond the largest index.
fn target(
    src: &Tensor,
    dim: usize,
    out: Option<&Tensor>,
    dim_size: Option<i64>,
    index: &[i64],
) -> Result<i64> {
    if let Some(out) = out {
        let fits = out.dim() == src.dim()
            && out
                .sizes()
                .iter()
                .zip(src.sizes())
                .enumerate()
                .all(|(d, (a, b))| d == dim || a == b);
        ensure!(
            fits,
            "expected `out` of the source's sizes {} but for dimension {dim}, found {}",
            crate::layout::show(src.sizes()),
            crate::layout::show(out.sizes())
        );
        return Ok(out.sizes()[dim]);
    }
    let most = index.iter().copied().max().map_or(0, |m| m.saturating_add(1));
    Ok(dim_size.unwrap_or(most))
}

/// The index of each element of `src`: a list stands along `dim`, missing dimensions are added behind.
fn broadcast(index: &Tensor, src: &Tensor, dim: usize) -> Result<Tensor> {
    let mut index = index.clone();
    if index.dim() == 1 {
        for _ in 0..dim {
            index = index.unsqueeze(0)?;
        }
    }
    while index.dim() < src.dim() {
        index = index.unsqueeze(-1)?;
    }
    index.expand(src.sizes())
}

/// Elements with the same index along `dim` become one. Extrema come with their places.
pub fn scatter(
    src: &Tensor,
    index: &Tensor,
    dim: i64,
    out: Option<&Tensor>,
    dim_size: Option<i64>,
    reduce: Reduce,
) -> Result<(Tensor, Option<Tensor>)> {
    ensure!(src.dim() > 0, "expected a source of at least 1 dimension");
    let dim = crate::layout::wrap_dim(dim, src.dim())?;
    let index = indices(&broadcast(index, src, dim)?, "index")?;
    let length = target(src, dim, out, dim_size, &index)?;
    ensure!(
        index.iter().all(|&i| i >= 0),
        "expected indices of at least 0 in `index`"
    );
    let job = Job {
        src,
        index: &index,
        dim,
        out,
        reduce,
    };
    run(&job, length, "scatter_cpu", true)
}

/// Sorted indices, one for each place of the source's first dimensions.
fn sorted(index: &Tensor, src: &Tensor) -> Result<(usize, Vec<i64>)> {
    ensure!(
        (1..=src.dim()).contains(&index.dim()),
        "expected an index of 1 to {} dimensions, found {}",
        src.dim(),
        index.dim()
    );
    let dim = index.dim() - 1;
    let index = index.expand(&src.sizes()[..=dim])?;
    let all = indices(&index, "index")?;
    let rises = all
        .chunks(index.sizes()[dim].max(1) as usize)
        .all(|row| row.windows(2).all(|w| w[0] <= w[1]));
    ensure!(
        rises && all.iter().all(|&i| i >= 0),
        "expected rising indices of at least 0 in `index`"
    );
    Ok((dim, all))
}

/// Repeats each index over the elements behind it.
fn widened(index: &[i64], src: &Tensor, dim: usize) -> Result<Vec<i64>> {
    let width = block(src.sizes(), dim).width;
    let mut all = filled(0, 0)?;
    if all.try_reserve_exact(index.len().saturating_mul(width)).is_err() {
        return Err(super::no_memory());
    }
    for &i in index {
        all.extend(std::iter::repeat_n(i, width));
    }
    Ok(all)
}

/// As [`scatter`] along the last dimension of a sorted index.
pub fn segment_coo(
    src: &Tensor,
    index: &Tensor,
    out: Option<&Tensor>,
    dim_size: Option<i64>,
    reduce: Reduce,
) -> Result<(Tensor, Option<Tensor>)> {
    let (dim, index) = sorted(index, src)?;
    let length = target(src, dim, out, dim_size, &index)?;
    let job = Job {
        src,
        index: &widened(&index, src, dim)?,
        dim,
        out,
        reduce,
    };
    run(&job, length, "segment_coo", false)
}

/// The segment of each place, from offsets; the places outside of all segments have none.
fn from_offsets(indptr: &Tensor, sizes: &[i64], end: i64) -> Result<Vec<i64>> {
    let all = indices(indptr, "indptr")?;
    let per_row = indptr.sizes()[indptr.dim() - 1] as usize;
    let rows = sizes.iter().product::<i64>().max(0) as usize;
    let mut index = filled(rows.saturating_mul(end.max(0) as usize), -1)?;
    for (row, ptr) in all.chunks_exact(per_row).enumerate() {
        check_offsets(ptr, "indptr", end)?;
        for (segment, w) in ptr.windows(2).enumerate() {
            index[row * end as usize..][w[0] as usize..w[1] as usize].fill(segment as i64);
        }
    }
    Ok(index)
}

/// Offsets for each row of the first dimensions of `src`.
fn expanded(indptr: &Tensor, src: &Tensor) -> Result<(usize, Tensor)> {
    ensure!(
        (1..=src.dim()).contains(&indptr.dim()) && indptr.size(-1)? > 0,
        "expected offsets of 1 to {} dimensions, found {}",
        src.dim(),
        crate::layout::show(indptr.sizes())
    );
    let dim = indptr.dim() - 1;
    let mut sizes = src.sizes()[..dim].to_vec();
    sizes.push(indptr.sizes()[dim]);
    Ok((dim, indptr.expand(&sizes)?))
}

/// Elements between two offsets become one.
pub fn segment_csr(
    src: &Tensor,
    indptr: &Tensor,
    out: Option<&Tensor>,
    reduce: Reduce,
) -> Result<(Tensor, Option<Tensor>)> {
    let (dim, indptr) = expanded(indptr, src)?;
    let length = indptr.sizes()[dim] - 1;
    let index = from_offsets(&indptr, &src.sizes()[..dim], src.sizes()[dim])?;
    let given = target(src, dim, out, Some(length), &[])?;
    ensure!(
        given == length,
        "expected `out` of size {length} in dimension {dim}, found {given}"
    );
    let job = Job {
        src,
        index: &widened(&index, src, dim)?,
        dim,
        out: None,
        reduce,
    };
    let (result, places) = run(&job, length, "segment_csr", false)?;
    match out {
        Some(out) => {
            out.copy_(&result)?;
            Ok((out.clone(), places))
        }
        None => Ok((result, places)),
    }
}

fn pick(src: &Tensor, index: &[i64], dim: usize, length: i64, out: Option<&Tensor>) -> Result<Tensor> {
    let mut sizes = src.sizes().to_vec();
    sizes[dim] = length;
    let found = src.sizes()[dim];
    ensure!(
        index.iter().all(|&i| i < found),
        "expected indices below {found} in dimension {dim}"
    );
    if let Some(out) = out {
        ensure!(
            out.sizes() == sizes,
            "expected `out` of sizes {}, found {}",
            crate::layout::show(&sizes),
            crate::layout::show(out.sizes())
        );
    }
    let result = if found == 0 || index.is_empty() {
        Tensor::zeros(&sizes, src.dtype())?
    } else {
        let mut own = src.sizes()[..dim].to_vec();
        own.push(length);
        let at: Vec<i64> = index.iter().map(|&i| i.max(0)).collect();
        let mut at = Tensor::from_vec(at, &own)?;
        while at.dim() < src.dim() {
            at = at.unsqueeze(-1)?;
        }
        crate::index::gather(src, dim as i64, &at.expand(&sizes)?)?
    };
    match out {
        Some(out) => {
            out.copy_(&result)?;
            Ok(out.clone())
        }
        None => Ok(result),
    }
}

/// The elements that a sorted index names.
pub fn gather_coo(src: &Tensor, index: &Tensor, out: Option<&Tensor>) -> Result<Tensor> {
    ensure!(
        (1..=src.dim()).contains(&index.dim()),
        "expected an index of 1 to {} dimensions, found {}",
        src.dim(),
        index.dim()
    );
    let dim = index.dim() - 1;
    ensure!(
        src.sizes()[..dim] == index.sizes()[..dim],
        "expected an index of leading sizes {}, found {}",
        crate::layout::show(&src.sizes()[..dim]),
        crate::layout::show(index.sizes())
    );
    let all = indices(index, "index")?;
    ensure!(
        all.iter().all(|&i| i >= 0),
        "expected indices of at least 0 in `index`"
    );
    pick(src, &all, dim, index.sizes()[dim], out)
}

/// Each element as often as its segment is long.
pub fn gather_csr(src: &Tensor, indptr: &Tensor, out: Option<&Tensor>) -> Result<Tensor> {
    let (dim, indptr) = expanded(indptr, src)?;
    let segments = indptr.sizes()[dim] - 1;
    let found = src.sizes()[dim];
    ensure!(
        found == 0 || found == segments,
        "expected {segments} elements in dimension {dim}, found {found}"
    );
    let last = indices(&indptr, "indptr")?.last().copied().unwrap_or(0);
    let length = if src.numel() > 0 { last } else { 0 };
    ensure!(length >= 0, "expected offsets of at least 0 in `indptr`");
    let index = if src.numel() > 0 {
        from_offsets(&indptr, &src.sizes()[..dim], length)?
    } else {
        Vec::new()
    };
    pick(src, &index, dim, length, out)
}
