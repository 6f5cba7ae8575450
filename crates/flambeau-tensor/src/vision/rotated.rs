//! Overlap of boxes as `(x_center, y_center, width, height, angle in degrees)`.

use crate::{DType, Result, Tensor, ensure};

type Point = [f64; 2];

/// The corners, counter-clockwise.
fn corners(b: &[f64]) -> [Point; 4] {
    let angle = b[4].to_radians();
    let (s, c) = (angle.sin() * 0.5, angle.cos() * 0.5);
    let (x, y, w, h) = (b[0], b[1], b[2], b[3]);
    let first = [x + s * h + c * w, y + c * h - s * w];
    let second = [x - s * h + c * w, y - c * h - s * w];
    [
        first,
        second,
        [2.0 * x - first[0], 2.0 * y - first[1]],
        [2.0 * x - second[0], 2.0 * y - second[1]],
    ]
}

/// Twice the signed area between `b` and `c` as seen from `a`.
fn turn(a: Point, b: Point, c: Point) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn area(polygon: &[Point]) -> f64 {
    let Some(&first) = polygon.first() else { return 0.0 };
    let twice: f64 = polygon.windows(2).map(|w| turn(first, w[0], w[1])).sum();
    (twice * 0.5).abs()
}

/// What of `polygon` lies on the inner side of every edge of the rectangle: Sutherland and Hodgman's clipping.
fn clip(polygon: &[Point], rectangle: &[Point; 4]) -> Vec<Point> {
    // Mirrored boxes (negative sizes) run the other way round.
    let side = area_sign(rectangle);
    let mut rest = polygon.to_vec();
    for i in 0..4 {
        let (a, b) = (rectangle[i], rectangle[(i + 1) % 4]);
        let mut kept = Vec::with_capacity(rest.len() + 1);
        for (j, &p) in rest.iter().enumerate() {
            let before = rest[(j + rest.len() - 1) % rest.len()];
            let (from, to) = (side * turn(a, b, before), side * turn(a, b, p));
            if (from < 0.0 && to > 0.0) || (from > 0.0 && to < 0.0) {
                let t = from / (from - to);
                kept.push([
                    before[0] + t * (p[0] - before[0]),
                    before[1] + t * (p[1] - before[1]),
                ]);
            }
            if to >= 0.0 {
                kept.push(p);
            }
        }
        rest = kept;
    }
    rest
}

fn area_sign(rectangle: &[Point; 4]) -> f64 {
    if turn(rectangle[0], rectangle[1], rectangle[2]) < 0.0 {
        -1.0
    } else {
        1.0
    }
}

/// The quotient of intersection and union of each box of the one list with each of the other, as float.
pub fn box_iou_rotated(boxes1: &Tensor, boxes2: &Tensor) -> Result<Tensor> {
    for (name, t) in [("boxes1", boxes1), ("boxes2", boxes2)] {
        ensure!(t.dim() == 2, "{name} should be a 2d tensor, got {}D", t.dim());
        ensure!(
            t.sizes()[1] == 5,
            "{name} should have 5 elements in dimension 1, got {}",
            t.sizes()[1]
        );
    }
    ensure!(
        boxes1.dtype() == boxes2.dtype(),
        "boxes1 and boxes2 must have the same dtype"
    );
    ensure!(
        matches!(boxes1.dtype(), DType::Float | DType::Double),
        "\"box_iou_rotated_cpu\" not implemented for '{}'",
        boxes1.dtype().name()
    );
    let (n, m) = (boxes1.sizes()[0], boxes2.sizes()[0]);
    super::count(&[n, m])?;
    let (first, second) = (super::values(boxes1)?, super::values(boxes2)?);
    let mut out = Vec::new();
    for a in first.chunks_exact(5) {
        for b in second.chunks_exact(5) {
            let (one, two) = (a[2] * a[3], b[2] * b[3]);
            // Around a common center, so that far-away boxes keep their digits.
            let center = [(a[0] + b[0]) * 0.5, (a[1] + b[1]) * 0.5];
            let near = |x: &[f64]| [x[0] - center[0], x[1] - center[1], x[2], x[3], x[4]];
            let iou = if one < 1e-14 || two < 1e-14 {
                0.0
            } else {
                let shared = area(&clip(&corners(&near(a)), &corners(&near(b))));
                shared / (one + two - shared)
            };
            out.push(iou as f32);
        }
    }
    Tensor::from_vec(out, &[n, m])
}
