//! Rows of a table, summed, averaged or maximised over bags of indices.

use super::access::compute;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::show;
use crate::tensor::Tensor;
use crate::{bail, bf16, ensure, f16};

/// What becomes of the rows of a bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BagMode {
    Sum,
    Mean,
    Max,
}

impl BagMode {
    /// PyTorch's number for it.
    pub fn from_code(code: i64) -> Result<BagMode> {
        match code {
            0 => Ok(BagMode::Sum),
            1 => Ok(BagMode::Mean),
            2 => Ok(BagMode::Max),
            other => {
                bail!("expected a mode of 0 (sum), 1 (mean) or 2 (max) for embedding_bag, but got {other}")
            }
        }
    }
}

/// The results of `embedding_bag`.
pub struct Bags {
    pub output: Tensor,
    /// The bag of each index.
    pub offset2bag: Tensor,
    /// Indices that took part, by bag.
    pub bag_size: Tensor,
    /// Which index gave each maximum.
    pub max_indices: Tensor,
}

/// PyTorch's `embedding_bag`: bag `b` holds the indices from `offsets[b]` to the next offset. With
/// `include_last_offset` the last offset is the end of the last bag. Indices equal to `padding_idx` take no part.
pub fn embedding_bag(
    weight: &Tensor,
    indices: &Tensor,
    offsets: &Tensor,
    mode: BagMode,
    per_sample_weights: Option<&Tensor>,
    include_last_offset: bool,
    padding_idx: Option<i64>,
) -> Result<Bags> {
    ensure!(
        weight.dim() == 2,
        "weight has to be a 2D Tensor, but got Tensor of dimension {}",
        weight.dim()
    );
    ensure!(
        indices.dim() == 1 && offsets.dim() == 1,
        "input has to be a 1D Tensor with 1D offsets, but got Tensors of dimension {} and {}",
        indices.dim(),
        offsets.dim()
    );
    for (t, name) in [(indices, "indices"), (offsets, "offsets")] {
        ensure!(
            matches!(t.dtype(), DType::Long | DType::Int),
            "Expected tensor for argument '{name}' to have one of the following scalar types: Long, Int; but got {} instead",
            t.dtype().name()
        );
    }
    if !weight.is_floating_point() {
        bail!(
            NotImplemented,
            "\"embedding_bag\" not implemented for '{}'",
            weight.dtype().name()
        );
    }
    let (rows, width) = (weight.sizes()[0], weight.sizes()[1] as usize);
    let (index, offset) = (indices.to_vec::<i64>()?, offsets.to_vec::<i64>()?);
    ensure!(
        !include_last_offset || !offset.is_empty(),
        "include_last_offset: number of offsets should be at least 1"
    );
    ensure!(
        offset.first().is_none_or(|&o| o == 0),
        "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {}",
        offset.first().copied().unwrap_or(0)
    );
    ensure!(
        offset.last().is_none_or(|&o| o <= index.len() as i64) && offset.windows(2).all(|w| w[0] <= w[1]),
        "offsets must not decrease and offsets[-1] can not be greater than input's length({}), but got offsets {}",
        index.len(),
        show(&offset)
    );
    let padding = match padding_idx {
        Some(p) => {
            ensure!(
                (-rows..rows).contains(&p),
                "padding_idx must be within the number of embeddings, -{rows} through {}, but got {p}",
                rows - 1
            );
            Some(if p < 0 { p + rows } else { p })
        }
        None => None,
    };
    let scale = match per_sample_weights {
        Some(w) => {
            ensure!(
                mode == BagMode::Sum,
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum'"
            );
            ensure!(
                w.sizes() == indices.sizes(),
                "expected per_sample_weights to have the same shape as input, but got {} and {}",
                show(w.sizes()),
                show(indices.sizes())
            );
            Some(w.to_vec::<f64>()?)
        }
        None => None,
    };
    let bags = offset.len() - usize::from(include_last_offset);
    let table = weight.to_dtype(compute(weight.dtype()))?.contiguous()?;
    let table = table.to_vec::<f64>()?;
    let mut output = vec![0.0; bags * width];
    let mut argmax = vec![0i64; if mode == BagMode::Max { bags * width } else { 0 }];
    let (mut of_bag, mut size) = (vec![0i64; index.len()], vec![0i64; bags]);
    for b in 0..bags {
        let start = offset[b] as usize;
        let end = offset.get(b + 1).map_or(index.len(), |&o| o as usize);
        let out = &mut output[b * width..][..width];
        for i in start..end {
            let at = index[i];
            ensure!(
                (0..rows).contains(&at),
                "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {at}"
            );
            of_bag[i] = b as i64;
            if padding == Some(at) {
                continue;
            }
            let row = &table[at as usize * width..][..width];
            if mode == BagMode::Max {
                for (j, (o, &x)) in out.iter_mut().zip(row).enumerate() {
                    if size[b] == 0 || x > *o {
                        *o = x;
                        argmax[b * width + j] = at;
                    }
                }
            } else {
                let scale = scale.as_ref().map_or(1.0, |s| s[i]);
                out.iter_mut().zip(row).for_each(|(o, &x)| *o += scale * x);
            }
            size[b] += 1;
        }
        if mode == BagMode::Mean && size[b] > 0 {
            let n = size[b] as f64;
            // Half types round the sum first.
            match weight.dtype() {
                DType::Half => out.iter_mut().for_each(|o| *o = f16::from_f64(*o).to_f64()),
                DType::BFloat16 => out.iter_mut().for_each(|o| *o = bf16::from_f64(*o).to_f64()),
                _ => (),
            }
            out.iter_mut().for_each(|o| *o /= n);
        }
    }
    let (b, w) = (bags as i64, width as i64);
    let max_size = if mode == BagMode::Max { vec![b, w] } else { vec![0] };
    let whole = |data: &[i64], size: &[i64]| Tensor::from_slice(data, size)?.to_dtype(indices.dtype());
    Ok(Bags {
        output: Tensor::from_slice(&output, &[b, w])?.to_dtype(weight.dtype())?,
        offset2bag: whole(&of_bag, &[index.len() as i64])?,
        bag_size: whole(&size, &[b])?,
        max_indices: whole(&argmax, &max_size)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bags() {
        let w = Tensor::from_slice(&[1f32, 10., 2., 20., 3., 30., 4., 5.], &[4, 2]).unwrap();
        let list = |v: &[i64]| Tensor::from_slice(v, &[v.len() as i64]).unwrap();
        let run = |mode, scale: Option<&Tensor>, last, padding| {
            let offsets = if last {
                list(&[0, 2, 2, 5])
            } else {
                list(&[0, 2, 2])
            };
            let bags =
                embedding_bag(&w, &list(&[0, 1, 3, 2, 1]), &offsets, mode, scale, last, padding).unwrap();
            bags.output.to_vec::<f32>().unwrap()
        };
        for last in [false, true] {
            assert_eq!(run(BagMode::Sum, None, last, None), [3., 30., 0., 0., 9., 55.]);
            assert_eq!(
                run(BagMode::Mean, None, last, None),
                [1.5, 15., 0., 0., 3., 55. / 3.]
            );
            assert_eq!(run(BagMode::Max, None, last, None), [2., 20., 0., 0., 4., 30.]);
            assert_eq!(
                run(BagMode::Sum, None, last, Some(-3)),
                [1., 10., 0., 0., 7., 35.]
            );
        }
        let scale = Tensor::from_slice(&[1f32, 2., 0., 1., 0.], &[5]).unwrap();
        assert_eq!(
            run(BagMode::Sum, Some(&scale), false, None),
            [5., 50., 0., 0., 3., 30.]
        );
        for (indices, offsets, want) in [
            (&[4][..], &[0][..], "found idx to be 4"),
            (&[1], &[1], "offsets[0] has to be 0"),
            (&[1], &[0, 2], "can not be greater than input's length(1)"),
        ] {
            let got = embedding_bag(
                &w,
                &list(indices),
                &list(offsets),
                BagMode::Sum,
                None,
                false,
                None,
            );
            let message = got.err().unwrap().message;
            assert!(message.contains(want), "{message}");
        }
    }
}
