//! Sums over rows of embedding tables.

use flambeau_ir::ops::Rows;
use flambeau_tensor::{DType, Result, Tensor, index, reduce};

use crate::calc::*;
use crate::values::{each, error};

type Bags = (Tensor, Tensor, Tensor, Tensor);

pub fn declare(ops: &mut Rows) {
    let doc = "Sums, means or maxima of bags of rows; bags begin at the offsets.";
    ops.op("aten::embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False) -> (Tensor, Tensor, Tensor, Tensor)")
        .doc(doc)
        .kernel(|w: Tensor, i: Tensor, o: Tensor, _: bool, mode: i64, _: bool, samples: Option<Tensor>, last: bool| bags(&w, &i, &o, mode, samples.as_ref(), last, -1));
    ops.op("aten::embedding_bag.padding_idx(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, bool sparse, Tensor? per_sample_weights, bool include_last_offset, int? padding_idx) -> (Tensor, Tensor, Tensor, Tensor)")
        .doc(doc)
        .kernel(|w: Tensor, i: Tensor, o: Tensor, _: bool, mode: i64, _: bool, samples: Option<Tensor>, last: bool, padding: Option<i64>| {
            let padding = match padding {
                Some(p) if p < 0 => p + w.size(0)?,
                Some(p) => p,
                None => -1,
            };
            bags(&w, &i, &o, mode, samples.as_ref(), last, padding)
        });
    each(
        ops,
        doc,
        &[
            "aten::_embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int padding_idx=-1) -> (Tensor, Tensor, Tensor, Tensor)",
            "aten::_embedding_bag_forward_only(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int padding_idx=-1) -> (Tensor, Tensor, Tensor, Tensor)",
        ],
        |w: Tensor,
         i: Tensor,
         o: Tensor,
         _: bool,
         mode: i64,
         _: bool,
         samples: Option<Tensor>,
         last: bool,
         padding: i64| { bags(&w, &i, &o, mode, samples.as_ref(), last, padding) },
    );
    ops.op("aten::embedding_renorm_(Tensor(a!) self, Tensor indices, float max_norm, float norm_type) -> Tensor(a!)")
        .doc("Scales the rows that are looked up down to a norm.")
        .kernel(|w: Tensor, i: Tensor, most: f64, order: f64| -> Result<Tensor> {
            if w.dim() != 2 {
                return Err(error(format!("expected a weight of 2 dimensions, found {}", w.dim())));
            }
            let rows = w.size(0)?;
            let mut seen: Vec<i64> = ints(&i)?;
            seen.sort_unstable();
            seen.dedup();
            for row in seen {
                if !(0..rows).contains(&row) {
                    return Err(error(format!("index {row} is out of range for {rows} rows")));
                }
                let row = w.select(0, row)?;
                let norm = reduce::norm(&row, order, &[], false, None)?.item()?.to_f64();
                if norm > most {
                    row.copy_(&mul(&row, most / (norm + 1e-7))?)?;
                }
            }
            Ok(w)
        });
}

fn bags(
    w: &Tensor,
    indices: &Tensor,
    offsets: &Tensor,
    mode: i64,
    samples: Option<&Tensor>,
    include_last: bool,
    padding: i64,
) -> Result<Bags> {
    if w.dim() != 2 {
        return Err(error(format!(
            "weight has to be a 2D Tensor, but got Tensor of dimension {}",
            w.dim()
        )));
    }
    if !(0..=2).contains(&mode) {
        return Err(error(format!(
            "mode must be 0 (sum), 1 (mean) or 2 (max), found {mode}"
        )));
    }
    let (mut at, mut starts) = (ints(indices)?, ints(offsets)?);
    if indices.dim() == 2 {
        // Without offsets, each row is a bag.
        let (rows, width) = (indices.sizes()[0], indices.sizes()[1]);
        starts = (0..rows).map(|r| r * width).collect();
    } else if indices.dim() != 1 {
        return Err(error(format!(
            "input has to be a 1D or 2D Tensor, but got Tensor of dimension {}",
            indices.dim()
        )));
    }
    if starts.first().is_some_and(|s| *s != 0) {
        return Err(error(format!(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {}",
            starts[0]
        )));
    }
    if starts.last().is_some_and(|s| *s > at.len() as i64) || starts.windows(2).any(|p| p[0] > p[1]) {
        return Err(error(format!(
            "offsets[-1] can not be greater than input's length {}",
            at.len()
        )));
    }
    let (rows, width) = (w.size(0)?, w.size(1)?);
    for i in &mut at {
        if *i < 0 || *i >= rows {
            return Err(flambeau_tensor::Error::new(
                flambeau_tensor::ErrorKind::Index,
                format!("embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {i}"),
            ));
        }
    }
    let count = if include_last {
        starts.len().saturating_sub(1)
    } else {
        starts.len()
    };
    let end = |bag: usize| starts.get(bag + 1).map_or(at.len(), |s| *s as usize);
    let weights = samples.map(floats).transpose()?;
    if weights.as_ref().is_some_and(|s| s.len() != at.len() || mode != 0) {
        return Err(error(
            "embedding_bag: per_sample_weights need mode='sum' and the sizes of the indices",
        ));
    }
    let width = width as usize;
    let picked = floats(&index::index_select(w, 0, &Tensor::from_elements(&at)?)?)?;
    let mut out = vec![0.0; count * width];
    let mut largest = vec![0i64; count * width];
    let mut bag_of = vec![0i64; at.len()];
    let mut sizes = vec![0i64; starts.len()];
    for bag in 0..count {
        let row = &mut out[bag * width..(bag + 1) * width];
        let mut kept = 0;
        for place in starts[bag] as usize..end(bag) {
            bag_of[place] = bag as i64;
            if at[place] == padding {
                continue;
            }
            let source = &picked[place * width..(place + 1) * width];
            let scale = weights.as_ref().map_or(1.0, |s| s[place]);
            for (k, (sum, x)) in row.iter_mut().zip(source).enumerate() {
                if mode == 2 {
                    if kept == 0 || *x > *sum {
                        *sum = *x;
                        largest[bag * width + k] = at[place];
                    }
                } else {
                    *sum += scale * x;
                }
            }
            kept += 1;
        }
        if mode == 1 && kept > 0 {
            row.iter_mut().for_each(|x| *x /= kept as f64);
        }
        sizes[bag] = kept;
    }
    let integers = if offsets.dtype() == DType::Int && indices.dtype() == DType::Int {
        DType::Int
    } else {
        DType::Long
    };
    let output = Tensor::from_slice(&out, &[count as i64, width as i64])?.to_dtype(w.dtype())?;
    // As in PyTorch on the CPU, a plain sum of floats skips what only its gradient would need.
    let fast = matches!(w.dtype(), DType::Float | DType::Half | DType::BFloat16)
        && mode == 0
        && padding < 0
        && w.strides()[1] == 1;
    let bag_of = if fast {
        Tensor::empty(&[0], integers)?
    } else {
        Tensor::from_elements(&bag_of)?.to_dtype(integers)?
    };
    if mode == 0 {
        sizes.iter_mut().for_each(|s| *s = 0);
    }
    let sizes = Tensor::from_elements(&sizes)?.to_dtype(integers)?;
    let largest = if mode == 2 {
        Tensor::from_slice(&largest, &[count as i64, width as i64])?.to_dtype(integers)?
    } else {
        sizes.copy()?
    };
    Ok((output, bag_of, sizes, largest))
}
