//! Boxes as `(x1, y1, x2, y2)`.

use crate::{Result, Tensor, ensure, sort};

/// Keeps the boxes that overlap no better-scored kept box by more than the threshold; gives their
/// numbers, best first.
pub fn nms(boxes: &Tensor, scores: &Tensor, threshold: f64) -> Result<Tensor> {
    ensure!(
        boxes.dim() == 2,
        "boxes should be a 2d tensor, got {}D",
        boxes.dim()
    );
    ensure!(
        boxes.sizes()[1] == 4,
        "boxes should have 4 elements in dimension 1, got {}",
        boxes.sizes()[1]
    );
    ensure!(
        scores.dim() == 1,
        "scores should be a 1d tensor, got {}D",
        scores.dim()
    );
    ensure!(
        boxes.sizes()[0] == scores.sizes()[0],
        "boxes and scores should have same number of elements in dimension 0, got {} and {}",
        boxes.sizes()[0],
        scores.sizes()[0]
    );
    ensure!(
        boxes.dtype() == scores.dtype(),
        "dets should have the same type as scores"
    );
    let (_, order) = sort::sort(scores, 0, true, true)?;
    let order = order.to_vec::<i64>()?;
    let single = boxes.to_dtype(crate::DType::Float)?.to_vec::<f32>()?;
    let corner = |i: usize, k: usize| single[4 * i + k];
    let area: Vec<f32> = (0..order.len())
        .map(|i| (corner(i, 2) - corner(i, 0)) * (corner(i, 3) - corner(i, 1)))
        .collect();
    let mut suppressed = vec![false; order.len()];
    let mut keep = Vec::new();
    for (rank, &i) in order.iter().enumerate() {
        let i = i as usize;
        if suppressed[i] {
            continue;
        }
        keep.push(i as i64);
        for &j in &order[rank + 1..] {
            let j = j as usize;
            if suppressed[j] {
                continue;
            }
            let width = (corner(i, 2).min(corner(j, 2)) - corner(i, 0).max(corner(j, 0))).max(0.0);
            let height = (corner(i, 3).min(corner(j, 3)) - corner(i, 1).max(corner(j, 1))).max(0.0);
            let inter = width * height;
            // The quotient may be NaN for empty boxes, which suppresses nothing.
            suppressed[j] = f64::from(inter / (area[i] + area[j] - inter)) > threshold;
        }
    }
    let n = keep.len() as i64;
    Tensor::from_vec(keep, &[n])
}
