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

/// `(i * step % modulus) / over - less` for each `i`.
fn numbers(sizes: &[i64], step: usize, modulus: usize, over: f32, less: f32) -> Tensor {
    let n = sizes.iter().product::<i64>() as usize;
    let values: Vec<f32> = (0..n)
        .map(|i| (i * step % modulus) as f32 / over - less)
        .collect();
    tensor(&values, sizes)
}

#[track_caller]
fn close(t: Result<Tensor>, expected: &[f32]) {
    let found = t.unwrap();
    for (found, expected) in found.to_vec::<f32>().unwrap().iter().zip(expected) {
        assert!((found - expected).abs() <= 6e-5, "{found} {expected}");
    }
    assert_eq!(found.numel(), expected.len() as i64);
}

#[test]
#[rustfmt::skip]
fn recorded_regions() {
    let x = numbers(&[2, 4, 5, 6], 37, 101, 10.0, 0.0);
    let one = x.narrow(1, 0, 1).unwrap();
    let rois = [0., 0.3, 0.7, 4.2, 3.9, 1., -2., -1., 7.5, 6., 1., 2., 2., 2.3, 2.2];
    let rois = tensor(&rois, &[3, 5]);
    close(super::roi_align(&one, &rois, 0.9, [2, 3], 2, true), &[
        3.0135, 6.7857, 4.3285, 5.8935, 5.1056, 4.5593, 2.9009, 4.3981, 7.3206, 3.0687, 5.2072, 3.8321, 6.0643, 6.0837,
        6.1031, 5.9307, 5.8683, 5.8059,
    ]);
    close(super::roi_align(&one, &rois, 0.9, [2, 2], 0, false), &[
        5.8948, 5.0859, 6.44, 4.9871, 4.422, 4.3223, 3.1413, 2.7896, 1.185, 3.035, 2.185, 4.035,
    ]);
    close(super::roi_pool(&one, &rois, 0.9, [2, 2]).map(|r| r.0), &[
        9.4, 9.4, 9.7, 9.0, 9.7, 10.0, 9.3, 8.6, 0.9, 0.9, 0.9, 0.9,
    ]);
    close(super::ps_roi_align(&x, &rois, 0.9, [2, 2], 2).map(|r| r.0), &[
        4.05, 5.6457, 6.3554, 3.4507, 2.2034, 5.2434, 2.357, 5.458, 6.0692, 5.9983, 5.7151, 5.5215,
    ]);
    close(super::ps_roi_pool(&x, &rois, 0.9, [2, 2]).map(|r| r.0), &[
        4.85, 4.575, 6.65, 3.85, 5.9833, 4.8667, 4.7333, 5.3, 0.9, 0.8, 0.7, 0.6,
    ]);
}

#[test]
fn recorded_deformation() {
    let x = numbers(&[2, 4, 5, 6], 37, 101, 10.0, 0.0);
    let x = x.narrow(0, 0, 1).unwrap();
    let x = x.narrow(2, 0, 3).unwrap().narrow(3, 0, 4).unwrap();
    let weight = numbers(&[2, 2, 2, 2], 29, 13, 1.0, 6.0);
    let offset = numbers(&[1, 16, 2, 3], 31, 23, 7.0, 1.5);
    let mask = numbers(&[1, 8, 2, 3], 17, 11, 11.0, 0.0);
    let bias = tensor(&[0.5, -1.0], &[2]);
    let params = super::DeformParams {
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 2,
        offset_groups: 2,
    };
    close(
        super::deform_conv2d(&x, &weight, &offset, Some(&mask), &bias, &params),
        &[
            25.4431, -22.5808, 19.6468, -23.5637, -14.5227, 11.4158, -9.0028, -15.0927, -8.1291, 41.2305,
            -46.7962, 54.4649,
        ],
    );
    close(
        super::deform_conv2d(&x, &weight, &offset, None, &bias, &params),
        &[
            27.8444, -26.4546, 20.2776, -23.2602, -32.8245, 2.4015, 3.6388, -35.349, 24.7224, 47.2143,
            -34.8592, 58.9429,
        ],
    );
}
