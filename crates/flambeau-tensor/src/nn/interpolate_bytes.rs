//! Resampling of images of bytes in fixed point: weights become 16-bit integers with as many binary places as the
//! largest one allows, and each of the two passes, along the width and then along the height, rounds to bytes.

use super::{Axis, Interpolation, cubic};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::MemoryFormat;
use crate::nn::access::{checked_product, dense, lengths};
use crate::tensor::Tensor;

/// For each output position the first input position it takes and its weights, scaled by `1 << places`.
struct Fixed {
    rows: Vec<(usize, Vec<i32>)>,
    places: u32,
}

/// Weights at `o` without antialiasing; those of positions outside go to the border.
fn plain(axis: &Axis, o: usize, ratio: f64, taps: i64) -> (usize, Vec<f64>) {
    let is_cubic = taps > 2;
    let size = axis.input as i64;
    let at = axis.source(o, ratio, is_cubic);
    let index = (at.floor() as i64).min(size - 1);
    let lambda = (at - index as f64).clamp(0.0, 1.0);
    let support = taps / 2;
    let low = index - support + 1;
    let first = low.max(0);
    let count = ((index + support + 1).min(size) - first).clamp(0, taps);
    let mut weights = vec![0.0; taps as usize];
    let mut place = 0;
    for j in 0..taps {
        let x = (j + 1 - support) as f64 - lambda;
        let w = if is_cubic {
            cubic(x, -0.75)
        } else {
            (1.0 - x.abs()).max(0.0)
        };
        if low + j <= 0 {
            place = 0;
        } else if low + j >= size - 1 {
            place = (count - 1).max(0);
        }
        weights[place as usize] += w;
        place = (place + 1).min(taps - 1);
    }
    weights.truncate(count as usize);
    (first as usize, weights)
}

/// Weights at `o` over all input positions that the output position covers.
fn covering(axis: &Axis, o: usize, ratio: f64, size: f64) -> (usize, Vec<f64>) {
    let support = size * 0.5 * ratio.max(1.0);
    let most = support.ceil() as i64 * 2 + 1;
    let center = ratio * (o as f64 + 0.5);
    let first = ((center - support + 0.5) as i64).max(0);
    let count = (((center + support + 0.5) as i64).min(axis.input as i64) - first).clamp(0, most);
    let inverse = if ratio >= 1.0 { 1.0 / ratio } else { 1.0 };
    let of = |j: i64| {
        let x = ((j + first) as f64 - center + 0.5) * inverse;
        if size > 2.0 {
            cubic(x, -0.5)
        } else {
            (1.0 - x.abs()).max(0.0)
        }
    };
    let mut weights: Vec<f64> = (0..count).map(of).collect();
    let sum: f64 = weights.iter().sum();
    if sum != 0.0 {
        weights.iter_mut().for_each(|w| *w /= sum);
    }
    (first as usize, weights)
}

fn fixed(axis: &Axis, mode: Interpolation) -> Result<Fixed> {
    // Positions of bytes are computed in doubles.
    let axis = Axis {
        double: true,
        ..*axis
    };
    let ratio = axis.ratio();
    match mode {
        Interpolation::LinearAntialias => drop(axis.widest(ratio, 2.0)?),
        Interpolation::CubicAntialias => drop(axis.widest(ratio, 4.0)?),
        _ => (),
    }
    let rows: Vec<(usize, Vec<f64>)> = (0..axis.output)
        .map(|o| match mode {
            Interpolation::Linear => plain(&axis, o, ratio, 2),
            Interpolation::Cubic => plain(&axis, o, ratio, 4),
            Interpolation::LinearAntialias => covering(&axis, o, ratio, 2.0),
            _ => covering(&axis, o, ratio, 4.0),
        })
        .collect();
    let largest = rows.iter().flat_map(|(_, w)| w).fold(0.0f64, |a, &b| a.max(b));
    let places = (0..22)
        .find(|p| (0.5 + largest * f64::from(1 << (p + 1))) as i32 >= 1 << 15)
        .unwrap_or(22);
    let scaled = |w: f64| {
        let v = w * f64::from(1 << places);
        (if v < 0.0 { v - 0.5 } else { v + 0.5 }) as i32
    };
    Ok(Fixed {
        rows: rows
            .into_iter()
            .map(|(first, w)| (first, w.into_iter().map(scaled).collect()))
            .collect(),
        places,
    })
}

impl Fixed {
    /// One pass over lines whose elements lie `step` apart; `lines` are their starts in the input and the output.
    fn pass(&self, from: &[u8], to: &mut [u8], step: usize, lines: impl Iterator<Item = (usize, usize)>) {
        let half = 1i32.checked_shl(self.places.wrapping_sub(1)).unwrap_or(0);
        for (start, end) in lines {
            for (o, (first, weights)) in self.rows.iter().enumerate() {
                let sum = weights.iter().enumerate().fold(half, |sum, (j, w)| {
                    sum + w * i32::from(from[start + (first + j) * step])
                });
                to[end + o * step] = (sum >> self.places).clamp(0, 255) as u8;
            }
        }
    }
}

/// `[n, c, h, w]` to `size`; the axes are height and width.
pub(super) fn resample(x: &Tensor, size: &[i64], axes: &[Axis; 2], mode: Interpolation) -> Result<Tensor> {
    let format = x.suggest_memory_format();
    let x = dense(x)?;
    let [down, along] = [fixed(&axes[0], mode)?, fixed(&axes[1], mode)?];
    let planes = checked_product(&lengths(&size[..2]))?;
    let (h, w) = (axes[0].input, axes[1].input);
    let (oh, ow) = (axes[0].output, axes[1].output);
    let mut middle = vec![0u8; checked_product(&[planes, h, ow])?];
    let out = Tensor::empty(size, DType::Byte)?;
    {
        let (read, mut write) = (x.read()?, out.write()?);
        let (from, to) = (read.slice::<u8>()?, write.slice::<u8>()?);
        // A pass between equal sizes would change nothing but is also what rounds, so PyTorch leaves it out.
        if w == ow {
            middle.copy_from_slice(from);
        } else {
            along.pass(from, &mut middle, 1, (0..planes * h).map(|r| (r * w, r * ow)));
        }
        if h == oh {
            to.copy_from_slice(&middle);
        } else {
            let columns = (0..planes).flat_map(|p| (0..ow).map(move |c| (p * h * ow + c, p * oh * ow + c)));
            down.pass(&middle, to, ow, columns);
        }
    }
    if format == MemoryFormat::Contiguous {
        Ok(out)
    } else {
        out.contiguous_as(format)
    }
}
