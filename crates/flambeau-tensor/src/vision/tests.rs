//! Values computed by torchvision.

use crate::{Result, Tensor};

fn tensor(values: &[f32], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(values, sizes).unwrap()
}

#[test]
fn suppression() {
    let check = |boxes: &[f32], scores: &[f32], threshold: f64, expected: &[i64]| {
        let n = scores.len() as i64;
        let kept = super::nms(&tensor(boxes, &[n, 4]), &tensor(scores, &[n]), threshold).unwrap();
        assert_eq!(kept.to_vec::<i64>().unwrap(), expected);
    };
    let boxes = [0., 0., 10., 10., 1., 1., 11., 11., 20., 20., 30., 30.];
    check(&boxes, &[0.8, 0.9, 0.7], 0.5, &[1, 2]);
    check(&boxes, &[0.8, 0.9, 0.7], 0.9, &[1, 0, 2]);
    check(&[], &[], 0.5, &[]);
    check(&[0., 0., 0., 0., 0., 0., 0., 0.], &[1.0, 2.0], 0.5, &[1, 0]);
}

#[test]
fn regions() {
    let x = tensor(&(0..16).map(|i| i as f32).collect::<Vec<_>>(), &[1, 1, 4, 4]);
    let rois = tensor(&[0., 0., 0., 3., 3.], &[1, 5]);
    let check =
        |t: Result<Tensor>, expected: &[f32]| assert_eq!(t.unwrap().to_vec::<f32>().unwrap(), expected);
    check(
        super::roi_align(&x, &rois, 1.0, [2, 2], 2, false),
        &[3.75, 5.25, 9.75, 11.25],
    );
    check(
        super::roi_pool(&x, &rois, 1.0, [2, 2]).map(|r| r.0),
        &[5., 7., 13., 15.],
    );
    // A region of another image than the batch has is an error.
    assert!(super::roi_align(&x, &tensor(&[7., 0., 0., 3., 3.], &[1, 5]), 1.0, [2, 2], 2, false).is_err());
    assert!(super::roi_pool(&x, &tensor(&[0.; 4], &[1, 4]), 1.0, [2, 2]).is_err());
}

#[test]
fn rotated_overlap() {
    let boxes = tensor(
        &[
            5., 5., 10., 4., 30., 5., 5., 10., 4., 0., 100., 3., 2., 2., 0., 5., 5., 0., 4., 0.,
        ],
        &[4, 5],
    );
    let iou = super::box_iou_rotated(&boxes, &boxes.narrow(0, 0, 2).unwrap()).unwrap();
    assert_eq!(iou.sizes(), [4, 2]);
    let expected = [1.0, 0.5457, 0.5457, 1.0, 0.0, 0.0, 0.0, 0.0];
    for (found, expected) in iou.to_vec::<f32>().unwrap().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
    let none = super::box_iou_rotated(&boxes.narrow(0, 0, 0).unwrap(), &boxes).unwrap();
    assert_eq!(none.sizes(), [0, 4]);
    assert!(super::box_iou_rotated(&boxes, &tensor(&[0.; 4], &[1, 4])).is_err());
}
