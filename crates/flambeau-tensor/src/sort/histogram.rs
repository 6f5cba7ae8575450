//! Histograms over one and several dimensions.

use crate::layout::Dims;
use crate::{DType, Result, Tensor, bail, bf16, ensure, f16};

/// More bins than this, over all dimensions, are refused: the counts would not fit in memory.
const MOST_BINS: i64 = 1 << 28;

/// The bins along one dimension.
#[derive(Clone, Debug)]
pub enum Bins {
    /// So many of equal width.
    Count(i64),
    /// Between these edges, ascending.
    Edges(Vec<f64>),
}

/// Counts of elements in `bins` bins of equal width from `min` to `max`, or over all elements if both are equal.
pub fn histc(t: &Tensor, bins: i64, min: f64, max: f64) -> Result<Tensor> {
    ensure!(bins > 0, "bins must be > 0, but got {bins}");
    ensure!(bins <= MOST_BINS, OutOfMemory, "histc: {bins} bins are too many");
    ensure!(max >= min, "torch.histc: max must be larger than min");
    let data = t.to_vec::<f64>()?;
    let (mut low, mut high) = (min, max);
    if low == high && !data.is_empty() {
        (low, high) = bounds(data.iter().copied());
    }
    if low == high {
        (low, high) = (low - 1.0, high + 1.0);
    }
    ensure!(
        low.is_finite() && high.is_finite(),
        "torch.histc: range of [{low}, {high}] is not finite"
    );
    // The place of an element is computed in the tensor's own precision.
    let own = |x: f64| match t.dtype() {
        DType::Half => f16::from_f64(x).to_f64(),
        DType::BFloat16 => bf16::from_f64(x).to_f64(),
        DType::Float => x as f32 as f64,
        _ => x,
    };
    let (low, high) = (own(low), own(high));
    let (width, count) = (own(high - low), own(bins as f64));
    let mut counts = vec![0.0; bins as usize];
    for x in data {
        if x >= low && x <= high {
            let place = own(own(own(x - low) * count) / width);
            counts[(place as usize).min(bins as usize - 1)] += 1.0;
        }
    }
    Tensor::from_elements::<f64>(&counts)?.to_dtype(t.dtype())
}

/// Least and greatest; NaN if any is.
fn bounds(data: impl Iterator<Item = f64>) -> (f64, f64) {
    let step = |(low, high): (f64, f64), x: f64| {
        if x.is_nan() {
            (x, x)
        } else {
            (if x < low { x } else { low }, if x > high { x } else { high })
        }
    };
    data.fold((f64::INFINITY, f64::NEG_INFINITY), step)
}

fn edges(
    bins: &[Bins],
    range: Option<&[f64]>,
    data: &[f64],
    rows: usize,
    dims: usize,
) -> Result<Vec<Vec<f64>>> {
    if let Some(range) = range {
        ensure!(
            range.len() == 2 * dims,
            "torch.histogramdd(): for a {dims}-dimensional histogram range should have {} elements, but got {}",
            2 * dims,
            range.len()
        );
    }
    let mut all = Vec::with_capacity(dims);
    for (d, bins) in bins.iter().enumerate() {
        let count = match bins {
            Bins::Edges(edges) => {
                ensure!(
                    !edges.is_empty(),
                    "torch.histogramdd(): bins tensor should have one or more elements"
                );
                all.push(edges.clone());
                continue;
            }
            Bins::Count(count) => *count,
        };
        ensure!(
            count > 0 && count <= MOST_BINS,
            "torch.histogramdd(): bins must be > 0, but got {count} for dimension {d}"
        );
        let (mut low, mut high) = match range {
            Some(range) => (range[2 * d], range[2 * d + 1]),
            None if rows == 0 => (0.0, 1.0),
            None => bounds(data.iter().skip(d).step_by(dims).copied()),
        };
        ensure!(
            low.is_finite() && high.is_finite(),
            "torch.histogramdd(): dimension {d}'s range [{low}, {high}] is not finite"
        );
        ensure!(
            low <= high,
            "torch.histogramdd(): min should not exceed max, but got min {low} max {high} for dimension {d}"
        );
        if low == high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        // As linspace: from the nearer end.
        let step = (high - low) / count as f64;
        let edge = |i: i64| {
            if i < (count + 1) / 2 {
                low + step * i as f64
            } else {
                high - step * (count - i) as f64
            }
        };
        all.push((0..=count).map(edge).collect());
    }
    Ok(all)
}

/// The samples as a list of points: all leading dimensions flattened, the last one the coordinates.
fn points(t: &Tensor, bins: usize) -> Result<(Vec<f64>, usize, usize)> {
    ensure!(
        t.dtype().is_floating_point(),
        "\"histogramdd\" not implemented for '{}'",
        t.dtype().name()
    );
    ensure!(
        t.dim() >= 2,
        "torch.histogramdd(): input tensor should have at least 2 dimensions, but got {}",
        t.dim()
    );
    let dims = *t.sizes().last().unwrap_or(&1) as usize;
    ensure!(
        dims == bins,
        "torch.histogramdd(): expected {dims} sequences of bin edges for a {dims}-dimensional histogram but got {bins}"
    );
    let data = t.to_vec::<f64>()?;
    let rows = t.sizes()[..t.dim() - 1].iter().product::<i64>() as usize;
    Ok((data, rows, dims))
}

fn to_tensors(edges: &[Vec<f64>], dtype: DType) -> Result<Vec<Tensor>> {
    edges
        .iter()
        .map(|e| Tensor::from_elements::<f64>(e)?.to_dtype(dtype))
        .collect()
}

/// The edges that [`histogramdd`] would use.
pub fn histogramdd_bin_edges(t: &Tensor, bins: &[Bins], range: Option<&[f64]>) -> Result<Vec<Tensor>> {
    let (data, rows, dims) = points(t, bins.len())?;
    to_tensors(&edges(bins, range, &data, rows, dims)?, t.dtype())
}

/// Counts (or weights) of points per bin, and the edges; the last bin of each dimension includes its upper edge.
pub fn histogramdd(
    t: &Tensor,
    bins: &[Bins],
    range: Option<&[f64]>,
    weight: Option<&Tensor>,
    density: bool,
) -> Result<(Tensor, Vec<Tensor>)> {
    let (data, rows, dims) = points(t, bins.len())?;
    let weights = match weight {
        None => None,
        Some(weight) => {
            ensure!(
                weight.dtype() == t.dtype(),
                "torch.histogramdd(): if weight tensor is provided, it should have the same dtype as input tensor"
            );
            ensure!(
                weight.sizes() == &t.sizes()[..t.dim() - 1],
                "torch.histogramdd(): if weight tensor is provided it should have the same shape as the input tensor \
                 excluding its innermost dimension"
            );
            Some(weight.to_vec::<f64>()?)
        }
    };
    // Elements are compared with edges as their dtype holds them.
    let edge_tensors = to_tensors(&edges(bins, range, &data, rows, dims)?, t.dtype())?;
    let mut edges: Vec<Vec<f64>> = Vec::with_capacity(dims);
    for e in &edge_tensors {
        edges.push(e.to_vec::<f64>()?);
    }
    let sizes: Dims = edges.iter().map(|e| e.len() as i64 - 1).collect();
    let total = crate::layout::checked_numel(&sizes)?;
    ensure!(
        total <= MOST_BINS,
        OutOfMemory,
        "torch.histogramdd(): {total} bins are too many"
    );
    let mut counts = vec![0.0; total as usize];
    if dims > 0 {
        for (r, point) in data.chunks_exact(dims).enumerate() {
            let place = point.iter().zip(&edges).try_fold(0usize, |flat, (x, e)| {
                let last = e.len() - 1;
                if !(e[0] <= *x && *x <= e[last]) {
                    return None;
                }
                let bin = e.partition_point(|edge| edge <= x) - 1;
                // The upper edge belongs to the last bin.
                Some(flat * last + bin.min(last.checked_sub(1)?))
            });
            if let Some(place) = place {
                counts[place] += weights.as_ref().map_or(1.0, |w| w[r]);
            }
        }
    }
    if density {
        let total: f64 = counts.iter().sum();
        for (place, count) in counts.iter_mut().enumerate() {
            let mut rest = place;
            let mut volume = 1.0;
            for e in edges.iter().rev() {
                let bin = rest % (e.len() - 1);
                rest /= e.len() - 1;
                volume *= e[bin + 1] - e[bin];
            }
            *count /= total * volume;
        }
    }
    let hist = Tensor::from_vec(counts, &sizes)?.to_dtype(t.dtype())?;
    Ok((hist, edge_tensors))
}

/// The one-dimensional case, over all elements.
pub fn histogram(
    t: &Tensor,
    bins: Bins,
    range: Option<&[f64]>,
    weight: Option<&Tensor>,
    density: bool,
) -> Result<(Tensor, Tensor)> {
    let column = t.reshape(&[-1, 1])?;
    let weight = match weight {
        Some(weight) if weight.sizes() != t.sizes() => bail!(
            "torch.histogramdd(): if weight tensor is provided it should have the same shape as the input tensor"
        ),
        Some(weight) => Some(weight.reshape(&[-1])?),
        None => None,
    };
    let (hist, mut edges) = histogramdd(&column, &[bins], range, weight.as_ref(), density)?;
    Ok((hist, edges.remove(0)))
}
