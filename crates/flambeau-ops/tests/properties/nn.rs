//! Padding, pooling, convolution, interpolation, normalisation and losses.

use flambeau_ir::value::IValue;
use flambeau_tensor::Tensor;

use super::{Array, Numbers, check, with_dim};

/// A batch of two images with two channels.
fn image(n: &mut Numbers, least: usize) -> Tensor {
    let (h, w) = (least + n.below(4), least + n.below(4));
    n.float(&[2, 2, h as i64, w as i64])
}

#[test]
fn padding() {
    type Place = fn(i64, i64) -> Option<i64>;
    for (op, place) in [
        (
            "aten::constant_pad_nd",
            (|i, n| (0..n).contains(&i).then_some(i)) as Place,
        ),
        ("aten::replication_pad2d", |i, n| Some(i.clamp(0, n - 1))),
        ("aten::reflection_pad2d", |i, n| {
            let i = i.abs();
            Some(if i >= n { 2 * (n - 1) - i } else { i })
        }),
    ] {
        let arguments = |n: &mut Numbers| {
            let pad: Vec<i64> = (0..4).map(|_| n.below(3) as i64).collect();
            args![image(n, 3), pad]
        };
        check(op, 20, arguments, |a, args| {
            let p = args[1].as_list().unwrap().to_ints().unwrap();
            let (h, w) = (a[0].sizes[2] as i64, a[0].sizes[3] as i64);
            let sizes = [2, 2, (h + p[2] + p[3]) as usize, (w + p[0] + p[1]) as usize];
            vec![Array::make(&sizes, |i| {
                let y = place(i[2] as i64 - p[2], h);
                let x = place(i[3] as i64 - p[0], w);
                y.zip(x)
                    .map_or(0.0, |(y, x)| a[0].at(&[i[0], i[1], y as usize, x as usize]))
            })]
        });
    }
}

/// Elements of an image under a window; `None` in the padding.
fn window(
    x: &Array,
    at: &[usize],
    size: [usize; 2],
    stride: usize,
    pad: usize,
    dilation: usize,
) -> Vec<Option<f64>> {
    let mut all = Vec::new();
    for ky in 0..size[0] {
        for kx in 0..size[1] {
            let y = (at[2] * stride + ky * dilation)
                .checked_sub(pad)
                .filter(|&y| y < x.sizes[2]);
            let c = (at[3] * stride + kx * dilation)
                .checked_sub(pad)
                .filter(|&c| c < x.sizes[3]);
            all.push(y.zip(c).map(|(y, c)| x.at(&[at[0], at[1], y, c])));
        }
    }
    all
}

fn outputs(length: usize, kernel: usize, stride: usize, pad: usize, dilation: usize) -> usize {
    (length + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1
}

#[test]
fn pooling() {
    let arguments = |n: &mut Numbers| {
        let (stride, pad) = (1 + n.below(2) as i64, n.below(2) as i64);
        args![image(n, 3), vec![2i64, 3], vec![stride], vec![pad]]
    };
    let first = |v: &IValue| v.as_list().unwrap().to_ints().unwrap()[0] as usize;
    for (op, is_max) in [("aten::max_pool2d", true), ("aten::avg_pool2d", false)] {
        check(op, 25, arguments, |a, args| {
            let (stride, pad) = (first(&args[2]), first(&args[3]));
            let s = &a[0].sizes;
            let sizes = [
                2,
                2,
                outputs(s[2], 2, stride, pad, 1),
                outputs(s[3], 3, stride, pad, 1),
            ];
            vec![Array::make(&sizes, |at| {
                let all = window(&a[0], at, [2, 3], stride, pad, 1);
                if is_max {
                    all.into_iter().flatten().fold(f64::MIN, f64::max)
                } else {
                    all.into_iter().flatten().sum::<f64>() / 6.0
                }
            })]
        });
    }
    let arguments = |n: &mut Numbers| args![image(n, 2), vec![1 + n.below(4) as i64, 2]];
    check("aten::adaptive_avg_pool2d", 20, arguments, |a, args| {
        let out = args[1].as_list().unwrap().to_ints().unwrap();
        let (oh, ow) = (out[0] as usize, out[1] as usize);
        let (h, w) = (a[0].sizes[2], a[0].sizes[3]);
        vec![Array::make(&[2, 2, oh, ow], |i| {
            let (mut sum, mut count) = (0.0, 0.0);
            for y in i[2] * h / oh..((i[2] + 1) * h).div_ceil(oh) {
                for x in i[3] * w / ow..((i[3] + 1) * w).div_ceil(ow) {
                    sum += a[0].at(&[i[0], i[1], y, x]);
                    count += 1.0;
                }
            }
            sum / count
        })]
    });
}

#[test]
fn convolution() {
    let arguments = |n: &mut Numbers| {
        let groups = 1 + n.below(2);
        let dtype = n.real();
        let (channels, filters) = (2 * groups as i64, 3 * groups as i64);
        let (h, w) = (5 + n.below(4) as i64, 5 + n.below(4) as i64);
        let (stride, pad, dilation) = (1 + n.below(2) as i64, n.below(3) as i64, 1 + n.below(2) as i64);
        args![
            n.tensor(&[2, channels, h, w], -4, 4, dtype),
            n.tensor(&[filters, 2, 2, 3], -4, 4, dtype),
            n.tensor(&[filters], -4, 4, dtype),
            vec![stride, stride],
            vec![pad, pad],
            vec![dilation, dilation],
            groups as i64
        ]
    };
    let first = |v: &IValue| v.as_list().unwrap().to_ints().unwrap()[0] as usize;
    check("aten::conv2d", 40, arguments, |a, args| {
        let (stride, pad, dilation) = (first(&args[3]), first(&args[4]), first(&args[5]));
        let filters = a[1].sizes[0];
        let per_group = filters / args[6].as_int().unwrap() as usize;
        let s = &a[0].sizes;
        let sizes = [
            2,
            filters,
            outputs(s[2], 2, stride, pad, dilation),
            outputs(s[3], 3, stride, pad, dilation),
        ];
        vec![Array::make(&sizes, |at| {
            let mut sum = a[2].data[at[1]];
            for c in 0..2 {
                let channel = at[1] / per_group * 2 + c;
                let taps = window(
                    &a[0],
                    &[at[0], channel, at[2], at[3]],
                    [2, 3],
                    stride,
                    pad,
                    dilation,
                );
                for (k, x) in taps.into_iter().enumerate() {
                    sum += x.unwrap_or(0.0) * a[1].at(&[at[1], c, k / 3, k % 3]);
                }
            }
            sum
        })]
    });
    let arguments = |n: &mut Numbers| {
        let (length, stride) = (3 + n.below(4) as i64, 1 + n.below(3) as i64);
        let dtype = n.real();
        args![
            n.tensor(&[2, 2, length], -4, 4, dtype),
            n.tensor(&[2, 3, 3], -4, 4, dtype),
            IValue::None,
            vec![stride]
        ]
    };
    check("aten::conv_transpose1d", 25, arguments, |a, args| {
        let stride = first(&args[3]);
        let length = a[0].sizes[2];
        let mut out = Array::make(&[2, 3, (length - 1) * stride + 3], |_| 0.0);
        let width = out.sizes[2];
        for (b, f) in (0..2).flat_map(|b| (0..3).map(move |f| (b, f))) {
            for (c, i, k) in
                (0..2).flat_map(|c| (0..length).flat_map(move |i| (0..3).map(move |k| (c, i, k))))
            {
                out.data[(b * 3 + f) * width + i * stride + k] += a[0].at(&[b, c, i]) * a[1].at(&[c, f, k]);
            }
        }
        vec![out]
    });
}

#[test]
fn interpolation() {
    let arguments = |n: &mut Numbers| args![image(n, 2), vec![1 + n.below(7) as i64, 1 + n.below(7) as i64]];
    let sizes = |a: &Array, args: &[IValue]| {
        let out = args[1].as_list().unwrap().to_ints().unwrap();
        [2, 2, out[0] as usize, out[1] as usize]
            .map(|s| s)
            .to_vec()
            .into_iter()
            .chain(a.sizes[2..].to_vec())
            .collect::<Vec<_>>()
    };
    check("aten::upsample_nearest2d", 25, arguments, |a, args| {
        let s = sizes(&a[0], args);
        let near =
            |i: usize, input: usize, output: usize| (i as f32 * (input as f32 / output as f32)) as usize;
        vec![Array::make(&s[..4], |i| {
            a[0].at(&[i[0], i[1], near(i[2], s[4], s[2]), near(i[3], s[5], s[3])])
        })]
    });
    for align in [false, true] {
        let arguments = |n: &mut Numbers| {
            let mut all = arguments(n);
            all.push(align.into());
            all
        };
        check("aten::upsample_bilinear2d", 25, arguments, |a, args| {
            let s = sizes(&a[0], args);
            let source = |i: usize, input: usize, output: usize| {
                let at = if !align {
                    ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0)
                } else if output > 1 {
                    i as f64 * (input as f64 - 1.0) / (output as f64 - 1.0)
                } else {
                    0.0
                };
                let low = (at as usize).min(input - 1);
                (low, (low + 1).min(input - 1), at - low as f64)
            };
            vec![Array::make(&s[..4], |i| {
                let (y0, y1, ty) = source(i[2], s[4], s[2]);
                let (x0, x1, tx) = source(i[3], s[5], s[3]);
                let at = |y, x| a[0].at(&[i[0], i[1], y, x]);
                (1.0 - ty) * ((1.0 - tx) * at(y0, x0) + tx * at(y0, x1))
                    + ty * ((1.0 - tx) * at(y1, x0) + tx * at(y1, x1))
            })]
        });
    }
}

fn normal(line: &[f64]) -> Vec<f64> {
    let n = line.len() as f64;
    let mean = line.iter().sum::<f64>() / n;
    let var = line.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    line.iter().map(|x| (x - mean) / (var + 1e-5).sqrt()).collect()
}

#[test]
fn normalisation() {
    let arguments = |n: &mut Numbers| {
        let (shape, dtype) = (n.shape(3, 2), n.real());
        let width = shape[2];
        args![
            n.tensor(&shape, -4, 4, dtype),
            vec![width],
            n.tensor(&[width], -4, 4, dtype),
            n.tensor(&[width], -4, 4, dtype)
        ]
    };
    check("aten::layer_norm", 25, arguments, |a, _| {
        let base = a[0].lines(2, a[0].sizes[2], normal);
        vec![Array::make(&base.sizes, |i| {
            base.at(i) * a[1].data[i[2]] + a[2].data[i[2]]
        })]
    });
    let arguments = |n: &mut Numbers| {
        let (h, dtype) = (2 + n.below(4) as i64, n.real());
        args![n.tensor(&[2, 4, h], -4, 4, dtype), 2i64]
    };
    check("aten::group_norm", 20, arguments, |a, _| {
        let h = a[0].sizes[2];
        let grouped = Array {
            sizes: vec![4, 2 * h],
            data: a[0].data.clone(),
        };
        let out = grouped.lines(1, 2 * h, normal);
        vec![Array {
            sizes: a[0].sizes.clone(),
            data: out.data,
        }]
    });
    let arguments = |n: &mut Numbers| {
        let x = image(n, 2);
        let d = x.dtype();
        let (w, b, m, v) = (
            n.tensor(&[2], -4, 4, d),
            n.tensor(&[2], -4, 4, d),
            n.tensor(&[2], -4, 4, d),
            n.tensor(&[2], 1, 4, d),
        );
        args![x, w, b, m, v, false, 0.1, 1e-5, true]
    };
    check("aten::batch_norm", 20, arguments, |a, _| {
        vec![Array::make(&a[0].sizes, |i| {
            let c = i[1];
            (a[0].at(i) - a[3].data[c]) / (a[4].data[c] + 1e-5).sqrt() * a[1].data[c] + a[2].data[c]
        })]
    });
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        args![x, dim as i64]
    };
    check("aten::softmax.int", 25, arguments, |a, args| {
        let dim = args[1].as_int().unwrap() as usize;
        let softmax = |line: &[f64]| {
            let sum: f64 = line.iter().map(|x| x.exp()).sum();
            line.iter().map(|x| x.exp() / sum).collect()
        };
        vec![a[0].lines(dim, a[0].sizes[dim], softmax)]
    });
}

#[test]
fn losses() {
    type Loss = fn(f64, f64) -> f64;
    for (op, f) in [
        ("aten::mse_loss", (|x, y| (x - y) * (x - y)) as Loss),
        ("aten::l1_loss", |x, y| (x - y).abs()),
        ("aten::smooth_l1_loss", |x, y| {
            let d = (x - y).abs();
            if d < 1.0 { 0.5 * d * d } else { d - 0.5 }
        }),
        ("aten::soft_margin_loss", |x, y| (1.0 + (-x * y).exp()).ln()),
    ] {
        let arguments = |n: &mut Numbers| {
            let (x, _) = with_dim(n);
            args![
                x.clone(),
                n.tensor(x.sizes(), -4, 4, x.dtype()),
                n.below(3) as i64
            ]
        };
        check(op, 20, arguments, |a, args| {
            let each: Vec<f64> = a[0].data.iter().zip(&a[1].data).map(|(&x, &y)| f(x, y)).collect();
            vec![reduced(each, &a[0].sizes, args[2].as_int().unwrap())]
        });
    }
    let arguments = |n: &mut Numbers| {
        let (rows, classes) = (1 + n.below(5) as i64, 2 + n.below(4) as i64);
        args![
            n.float(&[rows, classes]),
            n.indices(&[rows], classes),
            IValue::None,
            n.below(3) as i64
        ]
    };
    check("aten::cross_entropy_loss", 25, arguments, |a, args| {
        let each = (0..a[0].sizes[0]).map(|i| {
            let classes = a[0].sizes[1];
            let row = &a[0].data[i * classes..][..classes];
            row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[a[1].data[i] as usize]
        });
        vec![reduced(
            each.collect(),
            &a[0].sizes[..1],
            args[3].as_int().unwrap(),
        )]
    });
}

/// 0: as they are, 1: the mean, 2: the sum.
fn reduced(each: Vec<f64>, sizes: &[usize], how: i64) -> Array {
    let sum: f64 = each.iter().sum();
    match how {
        0 => Array {
            sizes: sizes.to_vec(),
            data: each,
        },
        1 => Array {
            sizes: vec![],
            data: vec![sum / each.len() as f64],
        },
        _ => Array {
            sizes: vec![],
            data: vec![sum],
        },
    }
}
