use super::call::*;
use super::params::ConvParams;
use crate::dtype::DType;
use crate::layout::MemoryFormat;
use crate::tensor::Tensor;

fn numbers(size: &[i64], dtype: DType, seed: i64) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<i64> = (0..n).map(|i| (i * 7919 + seed * 104_729) % 5).collect();
    Tensor::from_slice(&data, size).unwrap().to_dtype(dtype).unwrap()
}

/// Every dtype gives what `Long`, which runs the definition, gives.
#[test]
fn all_types_and_arguments_agree() {
    struct Case(&'static [i64], &'static [i64], [&'static [i64]; 4], i64, bool);
    let cases = [
        Case(&[1, 2, 9], &[3, 2, 3], [&[1], &[0], &[1], &[0]], 1, false),
        Case(&[2, 4, 9, 7], &[6, 2, 3, 2], [&[2], &[1], &[1], &[0]], 2, false),
        Case(
            &[2, 4, 9, 7],
            &[4, 1, 3, 3],
            [&[1, 2], &[1, 0], &[2, 1], &[0]],
            4,
            false,
        ),
        Case(
            &[1, 2, 5, 6, 4],
            &[3, 2, 2, 3, 1],
            [&[1], &[1], &[1], &[0]],
            1,
            false,
        ),
        Case(&[1, 1, 8, 8], &[2, 1, 3, 3], [&[1], &[1], &[1], &[0]], 1, false),
        Case(&[2, 3, 9], &[3, 4, 3], [&[2], &[1], &[1], &[1]], 1, true),
        Case(&[2, 4, 5, 4], &[4, 3, 3, 2], [&[2, 3], &[1], &[2], &[1]], 2, true),
        Case(
            &[1, 2, 3, 4, 5],
            &[2, 2, 2, 3, 2],
            [&[1, 2, 3], &[0, 1, 0], &[1], &[0]],
            1,
            true,
        ),
        Case(&[1, 2, 6, 6], &[2, 2, 1, 1], [&[1], &[0], &[1], &[0]], 1, true),
        Case(&[0, 2, 6, 6], &[2, 2, 1, 1], [&[1], &[0], &[1], &[0]], 1, false),
        Case(&[1, 0, 6, 6], &[2, 0, 1, 1], [&[1], &[0], &[1], &[0]], 1, false),
    ];
    for Case(x, w, [stride, padding, dilation, output_padding], groups, transposed) in cases {
        let params = ConvParams {
            stride: stride.into(),
            padding: padding.into(),
            dilation: dilation.into(),
            transposed,
            output_padding: output_padding.into(),
            groups,
        };
        let features = if transposed { w[1] * groups } else { w[0] };
        let run = |dtype| {
            let bias = numbers(&[features], dtype, 3);
            let (x, w) = (numbers(x, dtype, 1), numbers(w, dtype, 2));
            let out = convolution(&x, &w, Some(&bias), &params).unwrap();
            let strided = x
                .transpose(0, 1)
                .unwrap()
                .contiguous()
                .unwrap()
                .transpose(0, 1)
                .unwrap();
            let again = convolution(&strided, &w, Some(&bias), &params).unwrap();
            assert_eq!(out.to_vec::<f64>().unwrap(), again.to_vec::<f64>().unwrap());
            out
        };
        let want = run(DType::Long);
        for dtype in [
            DType::Float,
            DType::Double,
            DType::Half,
            DType::BFloat16,
            DType::Int,
            DType::ComplexFloat,
        ] {
            let got = run(dtype);
            assert_eq!((got.sizes(), got.dtype()), (want.sizes(), dtype));
            let want = want.to_dtype(dtype).unwrap();
            assert_eq!(
                got.to_vec::<crate::Complex<f64>>().unwrap(),
                want.to_vec().unwrap(),
                "{x:?} {w:?} {dtype:?}"
            );
        }
    }
}

#[test]
fn same_and_valid() {
    let x = numbers(&[1, 2, 6, 7], DType::Float, 1);
    let w = numbers(&[3, 2, 3, 4], DType::Float, 2);
    let same = conv2d(&x, &w, None, &[1], Padding::Named("same"), &[1], 1).unwrap();
    assert_eq!(same.sizes(), [1, 3, 6, 7]);
    // The odd zero of the even kernel goes to the end.
    let wide = Tensor::zeros(&[1, 2, 6, 8], DType::Float).unwrap();
    wide.narrow(3, 0, 7).unwrap().copy_(&x).unwrap();
    let want = conv2d(&wide, &w, None, &[1], Padding::Sizes(&[1, 1]), &[1], 1).unwrap();
    assert_eq!(same.to_vec::<f32>().unwrap(), want.to_vec::<f32>().unwrap());
    assert_eq!(
        conv2d(&x, &w, None, &[1], Padding::Named("valid"), &[1], 1)
            .unwrap()
            .sizes(),
        [1, 3, 4, 4]
    );
    let one = x.select(0, 0).unwrap();
    assert_eq!(
        conv2d(&one, &w, None, &[1], Padding::Named("valid"), &[1], 1)
            .unwrap()
            .sizes(),
        [3, 4, 4]
    );
    let last = x.contiguous_as(MemoryFormat::ChannelsLast).unwrap();
    let out = conv2d(&last, &w, None, &[1], Padding::Sizes(&[0]), &[1], 1).unwrap();
    assert_eq!(out.strides(), [48, 1, 12, 3]);
}

#[test]
fn epilogues_follow_the_bias() {
    for (channels, features, groups, side) in [(3, 5, 1, 9), (4, 4, 4, 6), (70, 40, 1, 5)] {
        let x = numbers(&[2, channels, side, side], DType::Float, 1);
        let w = numbers(&[features, channels / groups, 3, 3], DType::Float, 2);
        let bias = numbers(&[features], DType::Float, 3);
        let params = ConvParams {
            padding: [1][..].into(),
            groups,
            ..ConvParams::default()
        };
        let add = numbers(&[2, features, side, side], DType::Float, 4);
        let each = |piece: &mut [f32]| piece.iter_mut().for_each(|x| *x = (*x - 30.0).max(0.0));
        let epilogue = Epilogue {
            add: Some(&add),
            each: Some(&each),
        };
        let got = convolution_fused(&x, &w, Some(&bias), &params, &epilogue)
            .unwrap()
            .to_vec::<f32>()
            .unwrap();
        let plain = convolution(&x, &w, Some(&bias), &params)
            .unwrap()
            .to_vec::<f32>()
            .unwrap();
        let add = add.to_vec::<f32>().unwrap();
        let want: Vec<f32> = plain
            .iter()
            .zip(&add)
            .map(|(c, a)| (c + a - 30.0).max(0.0))
            .collect();
        assert_eq!(got, want);
    }
}

#[test]
fn changed_weights_are_noticed() {
    let x = numbers(&[1, 3, 9, 9], DType::Float, 1);
    let w = numbers(&[8, 3, 3, 3], DType::Float, 2);
    let before = conv2d(&x, &w, None, &[1], Padding::Sizes(&[0]), &[1], 1).unwrap();
    w.zero_().unwrap();
    let after = conv2d(&x, &w, None, &[1], Padding::Sizes(&[0]), &[1], 1).unwrap();
    assert!(before.to_vec::<f32>().unwrap().iter().any(|&v| v != 0.0));
    assert!(after.to_vec::<f32>().unwrap().iter().all(|&v| v == 0.0));
}

#[test]
fn mistakes_are_named_as_pytorch_names_them() {
    let f = |size: &[i64]| Tensor::ones(size, DType::Float).unwrap();
    let conv = |x: &[i64], w: &[i64], stride: &[i64], padding: &[i64], dilation: &[i64], groups: i64| {
        conv2d(
            &f(x),
            &f(w),
            None,
            stride,
            Padding::Sizes(padding),
            dilation,
            groups,
        )
    };
    let (x, w) = (&[1, 3, 8, 8][..], &[4, 3, 3, 3][..]);
    let huge = i64::MAX / 2;
    for (got, want) in [
        (
            conv(&[8, 8], w, &[1], &[0], &[1], 1),
            "Expected 3D (unbatched) or 4D (batched) input to conv2d",
        ),
        (
            conv(&[1, 2, 8, 8], w, &[1], &[0], &[1], 1),
            "to have 3 channels, but got 2 channels instead",
        ),
        (
            conv(x, w, &[0], &[0], &[1], 1),
            "non-positive stride is not supported",
        ),
        (
            conv(x, w, &[1], &[-1], &[1], 1),
            "negative padding is not supported",
        ),
        (
            conv(x, w, &[1], &[0], &[0], 1),
            "dilation should be greater than zero, but got [0, 0]",
        ),
        (
            conv(x, w, &[1], &[0], &[1], 0),
            "non-positive groups is not supported",
        ),
        (
            conv(x, w, &[1, 2, 3], &[0], &[1], 1),
            "expected stride to be a single integer value or a list of 2 values",
        ),
        (
            conv(&[1, 3, 2, 2], w, &[1], &[0], &[1], 1),
            "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3).",
        ),
        (
            conv(&[1, 3, 0, 8], &[4, 3, 1, 1], &[1], &[0], &[1], 1),
            "Kernel size can't be greater than actual input size",
        ),
        (conv(x, w, &[1], &[huge], &[1], 1), "too large"),
        (conv(x, w, &[1], &[1 << 39], &[1], 1), "too large"),
        (
            conv(x, w, &[1], &[0], &[huge], 1),
            "Kernel size can't be greater than actual input size",
        ),
        (
            conv_transpose2d(&f(x), &f(&[4, 4, 3, 3]), None, &[1], &[0], &[0], 1, &[1]),
            "Given transposed=1, weight of size [4, 4, 3, 3], expected input",
        ),
        (
            conv_transpose2d(&f(x), &f(&[3, 4, 3, 3]), None, &[1], &[6], &[0], 1, &[1]),
            "Given input size per channel: (8 x 8). Calculated output size per channel: (-2 x -2). Output size is too small",
        ),
        (
            conv_transpose2d(&f(x), &f(&[3, 4, 3, 3]), None, &[2], &[0], &[2], 1, &[1]),
            "output padding must be smaller than either stride or dilation",
        ),
        (
            conv2d(&f(x), &f(w), Some(&f(&[3])), &[1], Padding::Sizes(&[0]), &[1], 1),
            "expected bias to be 1-dimensional with 4 elements, but got bias of size [3] instead",
        ),
        (
            conv2d(&f(x), &f(w), None, &[2], Padding::Named("same"), &[1], 1),
            "padding='same' is not supported for strided convolutions",
        ),
        (
            conv2d(&f(x), &f(w), None, &[2], Padding::Named("foo"), &[1], 1),
            "Invalid padding string: 'foo'",
        ),
    ] {
        let message = got.unwrap_err().message;
        assert!(message.contains(want), "{message}");
    }
}
