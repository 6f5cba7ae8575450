//! Literals recorded from PyTorch 2.15.

use super::*;
use crate::DType;
const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn t<T: Element>(data: &[T], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(data, sizes).unwrap()
}

#[track_caller]
fn check<T: Element>(found: Tensor, sizes: &[i64], expected: &[T]) {
    assert_eq!(found.sizes(), sizes);
    let found = found.to_vec::<T>().unwrap();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        let close = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * b.abs();
        assert!(
            close(f.to_scalar().to_f64(), e.to_scalar().to_f64()),
            "{found:?}, not {expected:?}"
        );
    }
}

#[test]
fn sorting() {
    let x = t(
        &[
            3.0, NAN, -0.0, 2.0, 0.0, 3.0, INF, -1.0, 2.0, -INF, NAN, 2.0, 1.0, 1.0, 1.0, 0.0, 5.0, 4.0,
        ],
        &[3, 6],
    );
    let (values, indices) = sort(&x, 0, false, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            1.0, -1.0, -0.0, -INF, 0.0, 2.0, 3.0, 1.0, 1.0, 0.0, 5.0, 3.0, INF, NAN, 2.0, 2.0, NAN, 4.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[2, 1, 0, 1, 0, 1, 0, 2, 2, 2, 2, 0, 1, 0, 1, 0, 1, 2],
    );
    let (values, indices) = sort(&x, 0, true, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            INF, NAN, 2.0, 2.0, NAN, 4.0, 3.0, 1.0, 1.0, 0.0, 5.0, 3.0, 1.0, -1.0, -0.0, -INF, 0.0, 2.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[1, 0, 1, 0, 1, 2, 0, 2, 2, 2, 2, 0, 2, 1, 0, 1, 0, 1],
    );
    let (values, indices) = sort(&x, 1, false, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            -0.0, 0.0, 2.0, 3.0, 3.0, NAN, -INF, -1.0, 2.0, 2.0, INF, NAN, 0.0, 1.0, 1.0, 1.0, 4.0, 5.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[2, 4, 3, 0, 5, 1, 3, 1, 2, 5, 0, 4, 3, 0, 1, 2, 5, 4],
    );
    let (values, indices) = sort(&x, 1, true, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            NAN, 3.0, 3.0, 2.0, -0.0, 0.0, NAN, INF, 2.0, 2.0, -1.0, -INF, 5.0, 4.0, 1.0, 1.0, 1.0, 0.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[1, 0, 5, 3, 2, 4, 4, 0, 2, 5, 1, 3, 4, 5, 0, 1, 2, 3],
    );
    let (values, indices) = sort(&x, -1, false, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            -0.0, 0.0, 2.0, 3.0, 3.0, NAN, -INF, -1.0, 2.0, 2.0, INF, NAN, 0.0, 1.0, 1.0, 1.0, 4.0, 5.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[2, 4, 3, 0, 5, 1, 3, 1, 2, 5, 0, 4, 3, 0, 1, 2, 5, 4],
    );
    let (values, indices) = sort(&x, -1, true, true).unwrap();
    check(
        values,
        &[3, 6],
        &[
            NAN, 3.0, 3.0, 2.0, -0.0, 0.0, NAN, INF, 2.0, 2.0, -1.0, -INF, 5.0, 4.0, 1.0, 1.0, 1.0, 0.0,
        ],
    );
    check(
        indices,
        &[3, 6],
        &[1, 0, 5, 3, 2, 4, 4, 0, 2, 5, 1, 3, 4, 5, 0, 1, 2, 3],
    );
    let (values, indices) = sort(&Tensor::scalar_tensor(2.5, DType::Float).unwrap(), 0, true, true).unwrap();
    check(values, &[], &[2.5]);
    check(indices, &[], &[0i64]);
    check(
        sort(&t::<f32>(&[], &[2, 0]), 1, false, true).unwrap().0,
        &[2, 0],
        &[0f32; 0],
    );
    check(
        sort(&t(&[true, false, true], &[3]), 0, false, true).unwrap().0,
        &[3],
        &[false, true, true],
    );
    check(
        sort(&t(&[3u8, 255, 0], &[3]), 0, true, true).unwrap().0,
        &[3],
        &[255u8, 3, 0],
    );
    check(
        sort(&t(&[3i8, -128, 0], &[3]), 0, false, true).unwrap().0,
        &[3],
        &[-128i8, 0, 3],
    );
    check(
        sort(&t(&[i64::MAX, i64::MIN, 0], &[3]), 0, false, true)
            .unwrap()
            .0,
        &[3],
        &[i64::MIN, 0, i64::MAX],
    );
    assert!(sort(&x, 2, false, true).is_err());

    check(
        msort(&x).unwrap(),
        &[3, 6],
        &[
            1.0, -1.0, -0.0, -INF, 0.0, 2.0, 3.0, 1.0, 1.0, 0.0, 5.0, 3.0, INF, NAN, 2.0, 2.0, NAN, 4.0,
        ],
    );
}

#[test]
fn selecting() {
    let x = t(
        &[
            3.0, NAN, -0.0, 2.0, 0.0, 3.0, INF, -1.0, 2.0, -INF, NAN, 2.0, 1.0, 1.0, 1.0, 0.0, 5.0, 4.0,
        ],
        &[3, 6],
    );
    let y = t(&[7, 1, 5, 3, 9, 2, 2, 8, 4, 4, 6, 6, 0, 0, 1, 4i64], &[2, 8]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 0, 1, true, true).unwrap();
    check(values, &[3, 0], &[0f64; 0]);
    check(indices, &[3, 0], &[0i64; 0]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 0, 1, false, true).unwrap();
    check(values, &[3, 0], &[0f64; 0]);
    check(indices, &[3, 0], &[0i64; 0]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 1, 1, true, true).unwrap();
    check(values, &[3, 1], &[NAN, INF, 1.0]);
    check(indices, &[3, 1], &[1, 0, 1]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 1, 1, false, true).unwrap();
    check(values, &[3, 1], &[-0.0, -INF, 0.0]);
    check(indices, &[3, 1], &[2, 3, 3]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 3, 1, true, true).unwrap();
    check(values, &[3, 3], &[NAN, 3.0, 2.0, INF, 2.0, -1.0, 1.0, 1.0, 1.0]);
    check(indices, &[3, 3], &[1, 0, 3, 0, 2, 1, 1, 2, 0]);
    let (values, indices) = topk(&x.narrow(1, 0, 4).unwrap(), 3, 1, false, true).unwrap();
    check(values, &[3, 3], &[-0.0, 2.0, 3.0, -INF, -1.0, 2.0, 0.0, 1.0, 1.0]);
    check(indices, &[3, 3], &[2, 3, 0, 3, 1, 2, 3, 2, 0]);
    let (values, indices) = kthvalue(&y, 1, 1, false).unwrap();
    check(values, &[2], &[1, 0]);
    check(indices, &[2], &[1, 5]);
    let (values, indices) = kthvalue(&y, 2, 1, false).unwrap();
    check(values, &[2], &[2, 0]);
    check(indices, &[2], &[6, 4]);
    let (values, indices) = kthvalue(&y, 4, 1, false).unwrap();
    check(values, &[2], &[3, 4]);
    check(indices, &[2], &[3, 7]);
    let (values, indices) = kthvalue(&y, 7, 1, false).unwrap();
    check(values, &[2], &[8, 6]);
    check(indices, &[2], &[7, 2]);
    check(
        kthvalue(&x, 3, 0, true).unwrap().0,
        &[1, 6],
        &[INF, NAN, 2.0, 2.0, NAN, 4.0],
    );
    check(median(&x).unwrap(), &[], &[NAN]);
    check(median(&y).unwrap(), &[], &[4]);
    check(median_dim(&x, 1, true).unwrap().0, &[3, 1], &[NAN, NAN, 1.0]);
    check(
        median_dim(&x, 0, false).unwrap().0,
        &[6],
        &[3.0, NAN, 1.0, 0.0, NAN, 3.0],
    );
    check(nanmedian(&x).unwrap(), &[], &[1.0]);
    check(nanmedian(&y).unwrap(), &[], &[4]);
    check(nanmedian_dim(&x, 1, true).unwrap().0, &[3, 1], &[2.0, 2.0, 1.0]);
    check(
        nanmedian_dim(&x, 0, false).unwrap().0,
        &[6],
        &[3.0, -1.0, 1.0, 0.0, 0.0, 3.0],
    );
    let (values, indices) = mode(&y, 1, false).unwrap();
    check(values, &[2], &[2, 4]);
    check(indices, &[2], &[6, 7]);
    assert!(topk(&y, 9, 1, true, true).is_err() && topk(&y, -1, 1, true, true).is_err());
    assert!(kthvalue(&y, 0, 1, false).is_err() && mode(&t::<f32>(&[], &[0]), 0, false).is_err());
    check(median(&t::<f32>(&[], &[0])).unwrap(), &[], &[f32::NAN]);
}

#[test]
fn quantiles() {
    let z = t(&[0.3, 0.9, -0.2, 1.7, 0.6, 1.0, 5.0, NAN, 2.0, 3.0], &[2, 5]);
    let q = t(&[0.0, 0.3, 0.85, 1.0], &[4]);
    let half = Tensor::scalar_tensor(0.5, DType::Double).unwrap();
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Linear, false).unwrap(),
        &[4, 2],
        &[-0.2, NAN, 0.36, NAN, 1.22, NAN, 1.7, NAN],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Lower, false).unwrap(),
        &[4, 2],
        &[-0.2, NAN, 0.3, NAN, 0.9, NAN, 1.7, NAN],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Higher, false).unwrap(),
        &[4, 2],
        &[-0.2, NAN, 0.6, NAN, 1.7, NAN, 1.7, NAN],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Midpoint, false).unwrap(),
        &[4, 2],
        &[-0.2, NAN, 0.44999999999999996, NAN, 1.3, NAN, 1.7, NAN],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Nearest, false).unwrap(),
        &[4, 2],
        &[-0.2, NAN, 0.3, NAN, 0.9, NAN, 1.7, NAN],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Linear, true).unwrap(),
        &[4, 2],
        &[-0.2, 1.0, 0.36, 1.9, 1.22, 4.1, 1.7, 5.0],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Lower, true).unwrap(),
        &[4, 2],
        &[-0.2, 1.0, 0.3, 1.0, 0.9, 3.0, 1.7, 5.0],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Higher, true).unwrap(),
        &[4, 2],
        &[-0.2, 1.0, 0.6, 2.0, 1.7, 5.0, 1.7, 5.0],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Midpoint, true).unwrap(),
        &[4, 2],
        &[-0.2, 1.0, 0.44999999999999996, 1.5, 1.3, 4.0, 1.7, 5.0],
    );
    check(
        quantile(&z, &q, Some(1), false, Interpolation::Nearest, true).unwrap(),
        &[4, 2],
        &[-0.2, 1.0, 0.3, 2.0, 0.9, 5.0, 1.7, 5.0],
    );
    check(
        quantile(&z, &half, Some(0), true, Interpolation::Linear, true).unwrap(),
        &[1, 5],
        &[0.65, 2.95, -0.2, 1.85, 1.8],
    );
    check(
        quantile(&z, &q, Some(0), true, Interpolation::Linear, true).unwrap(),
        &[4, 1, 5],
        &[
            0.3,
            0.9,
            -0.2,
            1.7,
            0.6,
            0.51,
            2.13,
            -0.2,
            1.79,
            1.3199999999999998,
            0.895,
            4.385,
            -0.2,
            1.955,
            2.64,
            1.0,
            5.0,
            -0.2,
            2.0,
            3.0,
        ],
    );
    check(
        quantile(&z, &half, Some(1), true, Interpolation::Linear, true).unwrap(),
        &[2, 1],
        &[0.6, 2.5],
    );
    check(
        quantile(&z, &q, Some(1), true, Interpolation::Linear, true).unwrap(),
        &[4, 2, 1],
        &[-0.2, 1.0, 0.36, 1.9, 1.22, 4.1, 1.7, 5.0],
    );
    check(
        quantile(&z, &half, None, true, Interpolation::Linear, true).unwrap(),
        &[1, 1],
        &[1.0],
    );
    check(
        quantile(&z, &q, None, true, Interpolation::Linear, true).unwrap(),
        &[4, 1, 1],
        &[-0.2, 0.72, 2.8, 5.0],
    );
    check(
        quantile(&z, &half, None, false, Interpolation::Linear, true).unwrap(),
        &[],
        &[1.0],
    );
    check(
        quantile(&z, &q, None, false, Interpolation::Linear, true).unwrap(),
        &[4],
        &[-0.2, 0.72, 2.8, 5.0],
    );
    check(
        quantile(&z, &half, Some(0), false, Interpolation::Linear, true).unwrap(),
        &[5],
        &[0.65, 2.95, -0.2, 1.85, 1.8],
    );
    check(
        quantile(&z, &q, Some(0), false, Interpolation::Linear, true).unwrap(),
        &[4, 5],
        &[
            0.3,
            0.9,
            -0.2,
            1.7,
            0.6,
            0.51,
            2.13,
            -0.2,
            1.79,
            1.3199999999999998,
            0.895,
            4.385,
            -0.2,
            1.955,
            2.64,
            1.0,
            5.0,
            -0.2,
            2.0,
            3.0,
        ],
    );
    assert!(quantile(&z, &t(&[1.5], &[1]), None, false, Interpolation::Linear, false).is_err());
}

#[test]
fn uniqueness() {
    let x = t(
        &[
            3.0, NAN, -0.0, 2.0, 0.0, 3.0, INF, -1.0, 2.0, -INF, NAN, 2.0, 1.0, 1.0, 1.0, 0.0, 5.0, 4.0,
        ],
        &[3, 6],
    );
    let y = t(&[7, 1, 5, 3, 9, 2, 2, 8, 4, 4, 6, 6, 0, 0, 1, 4i64], &[2, 8]);
    let u = unique(&y).unwrap();
    check(u.values, &[10], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    check(
        u.inverse,
        &[2, 8],
        &[7, 1, 5, 3, 9, 2, 2, 8, 4, 4, 6, 6, 0, 0, 1, 4],
    );
    check(u.counts, &[10], &[2, 2, 2, 1, 3, 1, 2, 1, 1, 1]);
    let u = unique(&x.narrow(0, 0, 1).unwrap()).unwrap();
    check(u.values, &[4], &[-0.0, 2.0, 3.0, NAN]);
    check(u.inverse, &[1, 6], &[2, 3, 0, 1, 0, 2]);
    check(u.counts, &[4], &[2, 1, 2, 1]);
    let u = unique_consecutive(&y).unwrap();
    check(u.values, &[12], &[7, 1, 5, 3, 9, 2, 8, 4, 6, 0, 1, 4]);
    check(
        u.inverse,
        &[2, 8],
        &[0, 1, 2, 3, 4, 5, 5, 6, 7, 7, 8, 8, 9, 9, 10, 11],
    );
    check(u.counts, &[12], &[1, 1, 1, 1, 1, 2, 1, 2, 2, 2, 1, 1]);
    let w = t(&[2, 1, 0, 3, 2, 1, 2, 1, 0, 2i64], &[5, 2]);
    let u = unique_dim(&w, 0).unwrap();
    check(u.values, &[3, 2], &[0, 2, 0, 3, 2, 1]);
    check(u.inverse, &[5], &[2, 1, 2, 2, 0]);
    check(u.counts, &[3], &[1, 1, 3]);
    let u = unique_dim(&w, 1).unwrap();
    check(u.values, &[5, 2], &[1, 2, 3, 0, 1, 2, 1, 2, 2, 0]);
    check(u.inverse, &[2], &[1, 0]);
    check(u.counts, &[2], &[1, 1]);
    let u = unique_dim_consecutive(&w, 0).unwrap();
    check(u.values, &[4, 2], &[2, 1, 0, 3, 2, 1, 0, 2]);
    check(u.inverse, &[5], &[0, 1, 2, 2, 3]);
    check(u.counts, &[4], &[1, 1, 2, 1]);
}

#[test]
fn searching() {
    let s = t(&[1.0, 3.0, 5.0, 7.0, 9.0, 2.0, 4.0, 6.0, 6.0, 10.0], &[2, 5]);
    let v = t(&[3.0, 6.0, NAN, 6.0, -1.0, 11.0], &[2, 3]);
    check(
        searchsorted(&s, &v, false, false, None).unwrap(),
        &[2, 3],
        &[1, 3, 5, 2, 0, 5],
    );
    check(
        bucketize(&v, &t(&[1i64, 3, 5], &[3]), true, false).unwrap(),
        &[2, 3],
        &[1, 3, 3, 3, 0, 3],
    );
    check(
        searchsorted(&s, &v, false, true, None).unwrap(),
        &[2, 3],
        &[2, 3, 5, 4, 0, 5],
    );
    check(
        bucketize(&v, &t(&[1i64, 3, 5], &[3]), true, true).unwrap(),
        &[2, 3],
        &[2, 3, 3, 3, 0, 3],
    );
    check(
        searchsorted(
            &t(&[5i64, 1, 9, 3], &[4]),
            &t(&[4i64, 9], &[2]),
            false,
            false,
            Some(&t(&[1, 3, 0, 2i64], &[4])),
        )
        .unwrap(),
        &[2],
        &[2, 3],
    );
    assert!(searchsorted(&s, &t(&[1.0], &[1]), false, false, None).is_err());
}

#[test]
fn histograms() {
    let d = t(&[0.5, 1.5, 1.5, 2.0, 4.0, -1.0, 3.99], &[7]);
    check(histc(&d, 4, 0.0, 4.0).unwrap(), &[4], &[1.0, 2.0, 1.0, 2.0]);
    check(histc(&d, 3, 0.0, 0.0).unwrap(), &[3], &[2.0, 3.0, 2.0]);
    check(histc(&d, 5, 1.0, 2.0).unwrap(), &[5], &[0.0, 0.0, 2.0, 0.0, 1.0]);
    check(
        histc(&t(&[2.0, 2.0], &[2]), 2, 0.0, 0.0).unwrap(),
        &[2],
        &[0.0, 2.0],
    );
    let w = t(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[7]);
    let (h, e) = histogram(&d, Bins::Count(4), Some(&[0.0, 4.0]), Some(&w), false).unwrap();
    check(h, &[4], &[0.0, 3.0, 3.0, 10.0]);
    check(e, &[5], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    let (h, e) = histogram(&d, Bins::Count(4), Some(&[0.0, 4.0]), Some(&w), true).unwrap();
    check(h, &[4], &[0.0, 0.1875, 0.1875, 0.625]);
    check(e, &[5], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    check(
        histogram(&d, Bins::Edges(vec![0.0, 1.0, 2.0, 4.0]), None, None, false)
            .unwrap()
            .0,
        &[3],
        &[1.0, 2.0, 3.0],
    );
    check(
        histogram(&t(&[2.0, 2.0], &[2]), Bins::Count(2), None, None, false)
            .unwrap()
            .1,
        &[3],
        &[1.5, 2.0, 2.5],
    );
    let (h, e) = histogramdd(
        &t(&[0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 2.0, 2.0], &[4, 2]),
        &[Bins::Count(3), Bins::Count(2)],
        None,
        None,
        false,
    )
    .unwrap();
    check(h, &[3, 2], &[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    check(
        e[0].clone(),
        &[4],
        &[0.0, 0.6666666666666666, 1.3333333333333335, 2.0],
    );
    let w = t(&[1.0, 2.0, 3.0, 4.0], &[4]);
    check(
        histogramdd(
            &t(&[0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 2.0, 2.0], &[4, 2]),
            &[Bins::Count(3), Bins::Count(2)],
            None,
            Some(&w),
            true,
        )
        .unwrap()
        .0,
        &[3, 2],
        &[
            0.0,
            0.15000000000000002,
            0.29999999999999993,
            0.0,
            0.45000000000000007,
            0.6000000000000002,
        ],
    );
}

#[test]
fn ties() {
    // Few different values in many places: every choice among equals shows in the indices.
    let x = t(&(0..600i64).map(|i| i * i % 7).collect::<Vec<_>>(), &[600]);
    let y = x.narrow(0, 0, 45).unwrap();
    assert_eq!(hash(topk(&x, 1, 0, true, true).unwrap().1), 2);
    assert_eq!(hash(topk(&x, 1, 0, false, true).unwrap().1), 0);
    assert_eq!(hash(kthvalue(&x, 1, 0, true).unwrap().1), 406);
    assert_eq!(hash(topk(&x, 5, 0, true, true).unwrap().1), 8472674);
    assert_eq!(hash(topk(&x, 5, 0, false, true).unwrap().1), 13158880);
    assert_eq!(hash(kthvalue(&x, 5, 0, true).unwrap().1), 518);
    assert_eq!(hash(topk(&x, 9, 0, true, true).unwrap().1), 8029795088002);
    assert_eq!(hash(topk(&x, 9, 0, false, true).unwrap().1), 12947105408412);
    assert_eq!(hash(kthvalue(&x, 9, 0, true).unwrap().1), 105);
    assert_eq!(hash(topk(&x, 20, 0, true, true).unwrap().1), 6386555994064505770);
    assert_eq!(hash(topk(&x, 20, 0, false, true).unwrap().1), 2714577810090048069);
    assert_eq!(hash(kthvalue(&x, 20, 0, true).unwrap().1), 70);
    assert_eq!(hash(topk(&x, 44, 0, true, true).unwrap().1), 7997692186767567127);
    assert_eq!(hash(topk(&x, 44, 0, false, true).unwrap().1), 8136355272070519346);
    assert_eq!(hash(kthvalue(&x, 44, 0, true).unwrap().1), 196);
    assert_eq!(hash(median_dim(&x, 0, true).unwrap().1), 150);
    assert_eq!(hash(argsort(&x, 0, false, false).unwrap()), 5910366812328343914);
    assert_eq!(hash(argsort(&x, 0, true, false).unwrap()), 3897925117435312522);
    assert_eq!(hash(mode(&x, 0, true).unwrap().1), 199);
    assert_eq!(hash(topk(&y, 1, 0, true, true).unwrap().1), 12);
    assert_eq!(hash(topk(&y, 1, 0, false, true).unwrap().1), 7);
    assert_eq!(hash(kthvalue(&y, 1, 0, true).unwrap().1), 28);
    assert_eq!(hash(topk(&y, 5, 0, true, true).unwrap().1), 11664689);
    assert_eq!(hash(topk(&y, 5, 0, false, true).unwrap().1), 20235901);
    assert_eq!(hash(kthvalue(&y, 5, 0, true).unwrap().1), 0);
    assert_eq!(hash(topk(&y, 9, 0, true, true).unwrap().1), 28404144224605);
    assert_eq!(hash(topk(&y, 9, 0, false, true).unwrap().1), 18688279984915);
    assert_eq!(hash(kthvalue(&y, 9, 0, true).unwrap().1), 43);
    assert_eq!(hash(topk(&y, 20, 0, true, true).unwrap().1), 870280817178442558);
    assert_eq!(hash(topk(&y, 20, 0, false, true).unwrap().1), 1378460983744429948);
    assert_eq!(hash(kthvalue(&y, 20, 0, true).unwrap().1), 15);
    assert_eq!(hash(topk(&y, 44, 0, true, true).unwrap().1), 6360919804968444421);
    assert_eq!(hash(topk(&y, 44, 0, false, true).unwrap().1), 912401332456043403);
    assert_eq!(hash(kthvalue(&y, 44, 0, true).unwrap().1), 33);
    assert_eq!(hash(median_dim(&y, 0, true).unwrap().1), 10);
    assert_eq!(hash(argsort(&y, 0, false, false).unwrap()), 2894452231234048906);
    assert_eq!(hash(argsort(&y, 0, true, false).unwrap()), 1278829212376262450);
    assert_eq!(hash(mode(&y, 0, true).unwrap().1), 13);
}

fn hash(t: Tensor) -> i64 {
    t.to_vec::<i64>()
        .unwrap()
        .iter()
        .fold(0i64, |h, i| h.wrapping_mul(31).wrapping_add(*i) & i64::MAX)
}
