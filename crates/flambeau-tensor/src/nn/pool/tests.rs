use super::*;

fn numbers(size: &[i64], dtype: DType) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<i64> = (0..n).map(|i| (i * 7919 + 31) % 23 - 9).collect();
    Tensor::from_slice(&data, size).unwrap().to_dtype(dtype).unwrap()
}

/// Windows by their definition: for each output, the (flat position, value) pairs it covers.
fn windows(w: &Window, plane: &[f64]) -> Vec<Vec<(usize, f64)>> {
    let mut all = Vec::new();
    for at in 0..w.output_plane() {
        let o = [
            at / (w.output[1] * w.output[2]),
            at / w.output[2] % w.output[1],
            at % w.output[2],
        ];
        let mut found = Vec::new();
        for tap in 0..w.kernel.iter().product() {
            let k = [
                tap / (w.kernel[1] * w.kernel[2]),
                tap / w.kernel[2] % w.kernel[1],
                tap % w.kernel[2],
            ];
            let from: Vec<Option<usize>> = (0..3)
                .map(|d| {
                    (o[d] * w.stride[d] + k[d] * w.dilation[d])
                        .checked_sub(w.padding[d])
                        .filter(|&i| i < w.input[d])
                })
                .collect();
            if let [Some(d), Some(h), Some(c)] = from[..] {
                let i = (d * w.input[1] + h) * w.input[2] + c;
                found.push((i, plane[i]));
            }
        }
        all.push(found);
    }
    all
}

#[test]
fn sliding_windows_equal_their_definition() {
    type Case = (&'static [i64], [&'static [i64]; 4], bool);
    let cases: [Case; 11] = [
        (&[2, 3, 8, 9], [&[2], &[], &[0], &[1]], false),
        (&[2, 3, 8, 9], [&[3], &[2], &[1], &[1]], false),
        (&[1, 3, 8, 9], [&[3], &[2], &[1], &[1]], true),
        (&[3, 7, 7], [&[3, 2], &[1, 2], &[1, 0], &[1]], true),
        (&[1, 2, 11, 40], [&[2, 3], &[3], &[1], &[2, 1]], false),
        (&[1, 2, 11, 40], [&[3], &[1], &[1], &[1]], false),
        (&[1, 2, 11, 10], [&[5, 1], &[4], &[0], &[1]], true),
        (&[0, 2, 5, 5], [&[2], &[], &[0], &[1]], false),
        (&[1, 1, 9, 9], [&[2], &[2], &[1], &[3]], false),
        (&[1, 1, 5, 5], [&[1], &[3], &[0], &[1]], true),
        (&[1, 2, 6, 70], [&[3], &[3], &[1], &[1]], true),
    ];
    for (size, [kernel, stride, padding, dilation], ceil) in cases {
        for dtype in [DType::Float, DType::Double, DType::Long, DType::BFloat16] {
            let x = numbers(size, dtype);
            let w = window("max_pool2d", 2, &x, kernel, stride, padding, dilation, ceil).unwrap();
            let (got, at) = max_pool2d_with_indices(&x, kernel, stride, padding, dilation, ceil).unwrap();
            let plain = max_pool2d(&x, kernel, stride, padding, dilation, ceil).unwrap();
            assert_eq!(got.sizes(), w.size.as_slice());
            let (got, at) = (got.to_vec::<f64>().unwrap(), at.to_vec::<i64>().unwrap());
            assert_eq!(got, plain.to_vec::<f64>().unwrap());
            let data = x.to_vec::<f64>().unwrap();
            let n = w.output_plane();
            for (p, plane) in data.chunks(w.input_plane()).enumerate() {
                for (i, found) in windows(&w, plane).iter().enumerate() {
                    let best = found.iter().map(|f| f.1).fold(f64::NEG_INFINITY, f64::max);
                    let first = found.iter().find(|f| f.1 == best).unwrap();
                    assert_eq!(
                        (got[p * n + i], at[p * n + i]),
                        (best, first.0 as i64),
                        "{size:?} {kernel:?}"
                    );
                }
            }
            if dilation != [1] || !x.is_floating_point() {
                continue;
            }
            for include in [true, false] {
                for divisor in [None, Some(4)] {
                    let got = avg_pool2d(&x, kernel, stride, padding, ceil, include, divisor)
                        .unwrap()
                        .to_vec::<f64>()
                        .unwrap();
                    for (p, plane) in data.chunks(w.input_plane()).enumerate() {
                        for (i, found) in windows(&w, plane).iter().enumerate() {
                            let o = [0, i / w.output[2], i % w.output[2]];
                            let padded: usize = (0..3)
                                .map(|d| {
                                    (o[d] * w.stride[d] + w.kernel[d]).min(w.input[d] + 2 * w.padding[d])
                                        - o[d] * w.stride[d]
                                })
                                .product();
                            let n_div = divisor.unwrap_or(if include { padded } else { found.len() } as i64);
                            let want = found.iter().map(|f| f.1).sum::<f64>() / n_div as f64;
                            let error = (got[p * n + i] - want).abs();
                            assert!(
                                error <= if dtype == DType::BFloat16 { 0.1 } else { 1e-5 },
                                "{size:?} {want} {error}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn adaptive_windows() {
    let x = Tensor::from_slice(&[1f32, 2., 3., 4., 5.], &[1, 1, 5]).unwrap();
    let list = |t: Tensor| t.to_vec::<f32>().unwrap();
    for (size, avg, max) in [
        (1, vec![3.0], vec![5.0]),
        (2, vec![2.0, 4.0], vec![3.0, 5.0]),
        (3, vec![1.5, 3.0, 4.5], vec![2.0, 4.0, 5.0]),
        (5, vec![1., 2., 3., 4., 5.], vec![1., 2., 3., 4., 5.]),
        (0, vec![], vec![]),
        (
            7,
            vec![1., 1.5, 2.5, 3., 3.5, 4.5, 5.],
            vec![1., 2., 3., 3., 4., 5., 5.],
        ),
    ] {
        assert_eq!(list(adaptive_avg_pool1d(&x, &[size]).unwrap()), avg);
        assert_eq!(list(adaptive_max_pool1d(&x, &[size]).unwrap().0), max);
    }
    let big = numbers(&[2, 3, 7, 9], DType::Float);
    let mean = list(adaptive_avg_pool2d(&big, &[1, 1]).unwrap());
    for (m, plane) in mean.iter().zip(list(big.clone()).chunks(63)) {
        assert!((m - plane.iter().sum::<f32>() / 63.0).abs() < 1e-5);
    }
    assert_eq!(
        adaptive_avg_pool3d(&numbers(&[2, 3, 4, 5], DType::Half), &[2, 2, 2])
            .unwrap()
            .sizes(),
        [2, 2, 2, 2]
    );
}

#[test]
fn what_is_pooled_can_be_put_back() {
    let x = Tensor::from_slice(
        &(0..16).map(|i| ((i * 7) % 16) as f32).collect::<Vec<_>>(),
        &[1, 1, 4, 4],
    )
    .unwrap();
    let (y, at) = max_pool2d_with_indices(&x, &[2], &[], &[0], &[1], false).unwrap();
    let back = max_unpool2d(&y, &at, &[4, 4]).unwrap().to_vec::<f32>().unwrap();
    let (data, at) = (x.to_vec::<f32>().unwrap(), at.to_vec::<i64>().unwrap());
    for i in 0..16 {
        assert_eq!(back[i], if at.contains(&(i as i64)) { data[i] } else { 0.0 });
    }
    assert!(
        max_unpool2d(&y, &y.to_dtype(DType::Long).unwrap(), &[2, 2])
            .unwrap_err()
            .message
            .contains("Found an invalid max index: ")
    );
}

#[test]
fn nan_wins_and_mistakes_are_named() {
    let nan = f32::NAN;
    let x = Tensor::from_slice(&[1., nan, 2., 3., 4., 5., 6., 7., 8f32], &[1, 3, 3]).unwrap();
    let y = max_pool2d(&x, &[2], &[1], &[0], &[1], false)
        .unwrap()
        .to_vec::<f32>()
        .unwrap();
    assert!(y[0].is_nan() && y[1].is_nan() && y[2] == 7.0 && y[3] == 8.0);
    let f = |size: &[i64]| Tensor::ones(size, DType::Float).unwrap();
    let max =
        |size: &[i64], k: i64, s: i64, p: i64, d: i64| max_pool2d(&f(size), &[k], &[s], &[p], &[d], false);
    let huge = i64::MAX - 1;
    for (got, want) in [
        (
            max(&[1, 3, 8, 8], 3, 1, 2, 1),
            "pad should be at most half of effective kernel size, but got pad=2, kernel_size=3 and dilation=1",
        ),
        (
            max(&[1, 3, 8, 8], 9, 9, 0, 1),
            "Given input size: (3x8x8). Calculated output size: (3x0x0). Output size is too small",
        ),
        (max(&[1, 3, 8, 8], 2, 0, 0, 1), "stride should not be zero"),
        (
            max(&[1, 3, 8, 8], 2, 1, 0, 0),
            "dilation should be greater than zero",
        ),
        (max(&[1, 3, 8, 8], huge, huge, huge / 2, huge), "is too large"),
        (
            max(&[8, 8], 2, 2, 0, 1),
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[8, 8]",
        ),
        (max(&[1, 0, 8, 8], 2, 2, 0, 1), "but got:[1, 0, 8, 8]"),
        (
            avg_pool2d(&f(&[1, 3, 8, 8]), &[2], &[], &[0], false, true, Some(0)),
            "divisor must be not zero",
        ),
        (
            adaptive_avg_pool2d(&f(&[1, 3, 8, 8]), &[-1, 2]),
            "elements of output_size must be greater than or equal to 0 but received {-1, 2}",
        ),
        (
            adaptive_avg_pool2d(&f(&[8, 8]), &[2]),
            "adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got [8, 8]",
        ),
        (
            max_pool2d(&f(&[1, 3, 8, 8]), &[1, 2, 3], &[], &[0], &[1], false),
            "max_pool2d: kernel_size must",
        ),
    ] {
        let message = got.unwrap_err().message;
        assert!(message.contains(want), "{message}");
    }
}
