//! Quantiles: sort, then interpolate between neighbours.

use super::{Rows, keys, order};
use crate::layout::Dims;
use crate::{DType, Result, Tensor, bail, ensure};

/// What a quantile between two elements is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    Linear,
    Lower,
    Higher,
    Midpoint,
    Nearest,
}

impl Interpolation {
    pub fn from_name(name: &str) -> Result<Interpolation> {
        Ok(match name {
            "linear" => Interpolation::Linear,
            "lower" => Interpolation::Lower,
            "higher" => Interpolation::Higher,
            "midpoint" => Interpolation::Midpoint,
            "nearest" => Interpolation::Nearest,
            _ => bail!(
                "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {name}"
            ),
        })
    }
}

/// Quantiles `q` (0-d or 1-d) along `dim`, or of all elements; NaN spoil a row, or with `ignore_nan` do not count.
/// A 1-d `q` becomes the first dimension of the result.
pub fn quantile(
    t: &Tensor,
    q: &Tensor,
    dim: Option<i64>,
    keepdim: bool,
    interpolation: Interpolation,
    ignore_nan: bool,
) -> Result<Tensor> {
    let name = if ignore_nan { "nanquantile" } else { "quantile" };
    ensure!(q.dim() <= 1, "{name}() q must be a scalar or 1D tensor");
    ensure!(
        matches!(t.dtype(), DType::Float | DType::Double),
        "{name}() input tensor must be either float or double dtype"
    );
    ensure!(
        t.dtype() == q.dtype(),
        "{name}() q tensor must be same dtype as the input tensor"
    );
    let qs = q.to_vec::<f64>()?;
    ensure!(
        qs.iter().all(|q| (0.0..=1.0).contains(q)),
        "{name}() q values must be in the range [0, 1]"
    );
    let source = if dim.is_none() {
        t.reshape(&[-1])?
    } else {
        t.clone()
    };
    let rows = Rows::new(&source, dim.unwrap_or(0))?;
    ensure!(rows.n > 0, "{name}() input tensor must be non-empty");
    let single = t.dtype() == DType::Float;
    let round = |x: f64| if single { x as f32 as f64 } else { x };
    let data = rows.tensor.to_vec::<f64>()?;
    let keys = keys(&rows.tensor, name)?;
    let mut out = vec![0.0; rows.count * qs.len()];
    for (r, (row, row_keys)) in data
        .chunks_exact(rows.n)
        .zip(keys.chunks_exact(rows.n))
        .enumerate()
    {
        let order = order(row_keys, false);
        let nans = row.iter().filter(|x| x.is_nan()).count();
        for (i, &q) in qs.iter().enumerate() {
            let last = if ignore_nan {
                (rows.n - nans).max(1) - 1
            } else {
                rows.n - 1
            } as f64;
            let rank = if nans > 0 && !ignore_nan {
                last
            } else {
                round(q * last)
            };
            let rank = match interpolation {
                Interpolation::Lower => rank.floor(),
                Interpolation::Higher => rank.ceil(),
                Interpolation::Nearest => rank.round_ties_even(),
                _ => rank,
            };
            let below = row[order[rank.floor() as usize]];
            let above = row[order[rank.ceil() as usize]];
            let weight = match interpolation {
                Interpolation::Linear => rank - rank.floor(),
                Interpolation::Midpoint => 0.5,
                _ => 0.0,
            };
            // From the nearer end, as PyTorch's lerp.
            out[i * rows.count + r] = if below == above || weight == 0.0 {
                below
            } else if weight < 0.5 {
                below + weight * (above - below)
            } else {
                above - (above - below) * (1.0 - weight)
            };
        }
    }
    let mut sizes: Dims = Dims::new();
    if q.dim() == 1 {
        sizes.push(qs.len() as i64);
    }
    match dim {
        Some(_) => {
            for (d, &size) in t.sizes().iter().enumerate() {
                match d == rows.dim {
                    true if keepdim => sizes.push(1),
                    true => {}
                    false => sizes.push(size),
                }
            }
        }
        None if keepdim => sizes.extend(t.sizes().iter().map(|_| 1)),
        None => {}
    }
    // The rows are in the order of the other dimensions after `dim` changed places with the last one.
    let mut shape: Dims = [qs.len() as i64].into_iter().collect();
    shape.extend_from_slice(&rows.tensor.sizes()[..rows.tensor.dim() - 1]);
    shape.push(1);
    let laid = Tensor::from_vec(out, &shape)?;
    laid.transpose(rows.dim as i64 + 1, -1)?
        .reshape(&sizes)?
        .to_dtype(t.dtype())
}
