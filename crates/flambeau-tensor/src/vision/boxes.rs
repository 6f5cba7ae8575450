//! Boxes as `(x1, y1, x2, y2)`.

use super::{Number, is_double, readable};
use crate::simd::vectorize;
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
    let kept = if is_double(boxes) {
        suppress::<f64>(boxes, &order, threshold)?
    } else {
        suppress::<f32>(boxes, &order, threshold)?
    };
    let n = kept.len() as i64;
    Tensor::from_vec(kept, &[n])
}

/// Boxes in the order of their scores, one list a corner.
struct Sorted<T> {
    x1: Vec<T>,
    y1: Vec<T>,
    x2: Vec<T>,
    y2: Vec<T>,
    area: Vec<T>,
}

fn suppress<T: Number>(boxes: &Tensor, order: &[i64], threshold: f64) -> Result<Vec<i64>> {
    let boxes = readable::<T>(boxes)?;
    let read = boxes.read()?;
    let all = read.slice::<T>()?;
    let corner = |k: usize| -> Vec<T> { order.iter().map(|&i| all[4 * i as usize + k]).collect() };
    let (x1, y1, x2, y2) = (corner(0), corner(1), corner(2), corner(3));
    let area = (0..order.len())
        .map(|i| (x2[i] - x1[i]) * (y2[i] - y1[i]))
        .collect();
    let sorted = Sorted { x1, y1, x2, y2, area };
    let mut gone = vec![0u8; order.len()];
    let mut kept = Vec::new();
    let limit = T::not_above(threshold);
    for (i, &number) in order.iter().enumerate() {
        if gone[i] == 0 {
            kept.push(number);
            overlapping(&sorted, i, limit, &mut gone[i + 1..]);
        }
    }
    Ok(kept)
}

/// Marks the boxes after number `i` that overlap it by more than `limit`.
fn overlapping<T: Number>(s: &Sorted<T>, i: usize, limit: T, gone: &mut [u8]) {
    vectorize(
        #[inline(always)]
        || {
            let (x1, y1, x2, y2, area) = (s.x1[i], s.y1[i], s.x2[i], s.y2[i], s.area[i]);
            let n = gone.len();
            let from = i + 1;
            let (ox1, oy1) = (&s.x1[from..][..n], &s.y1[from..][..n]);
            let (ox2, oy2) = (&s.x2[from..][..n], &s.y2[from..][..n]);
            let others = &s.area[from..][..n];
            for j in 0..n {
                let width = (x2.smaller(ox2[j]) - x1.larger(ox1[j])).larger(T::ZERO);
                let height = (y2.smaller(oy2[j]) - y1.larger(oy1[j])).larger(T::ZERO);
                let inter = width * height;
                // The quotient may be NaN for empty boxes, which suppresses nothing.
                gone[j] |= u8::from(inter / (area + others[j] - inter) > limit);
            }
        },
    );
}
