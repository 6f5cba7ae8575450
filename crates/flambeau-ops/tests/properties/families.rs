//! One test a family; what each operator must give, as a loop over indices.

use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Tensor};

use super::{Array, Numbers, call, check};

macro_rules! args {
    ($($v:expr),* $(,)?) => { vec![$(IValue::from($v)),*] };
}

// ---- pointwise ----

/// The sizes that arrays broadcast to, and the element of each at an index of it.
fn spread(arrays: &[Array], f: impl Fn(&[f64]) -> f64) -> Vec<Array> {
    let dims = arrays.iter().map(|a| a.sizes.len()).max().unwrap_or(0);
    let mut sizes = vec![1; dims];
    for a in arrays {
        for (d, &s) in a.sizes.iter().enumerate() {
            let at = dims - a.sizes.len() + d;
            if sizes[at] == 1 {
                sizes[at] = s;
            }
        }
    }
    let out = Array::make(&sizes, |at| {
        let elements: Vec<f64> = arrays
            .iter()
            .map(|a| {
                let own = &at[dims - a.sizes.len()..];
                let own: Vec<usize> = own
                    .iter()
                    .zip(&a.sizes)
                    .map(|(&i, &s)| if s == 1 { 0 } else { i })
                    .collect();
                a.at(&own)
            })
            .collect();
        f(&elements)
    });
    vec![out]
}

/// Sizes of which some dimensions are 1 or missing.
fn broadcastable(n: &mut Numbers, sizes: &[i64]) -> Vec<i64> {
    let skip = n.below(sizes.len() + 1);
    sizes[skip..]
        .iter()
        .map(|&s| if n.below(3) == 0 { 1 } else { s })
        .collect()
}

#[test]
fn pointwise() {
    type Unary = fn(f64) -> f64;
    for (op, low, high, f) in [
        ("aten::exp", -4, 4, f64::exp as Unary),
        ("aten::log", 1, 9, f64::ln),
        ("aten::sqrt", 0, 9, f64::sqrt),
        ("aten::tanh", -4, 4, f64::tanh),
        ("aten::abs", -4, 4, f64::abs),
        ("aten::neg", -4, 4, |x| -x),
        ("aten::relu", -4, 4, |x| x.max(0.0)),
        ("aten::sigmoid", -4, 4, |x| 1.0 / (1.0 + (-x).exp())),
        ("aten::floor", -4, 4, f64::floor),
        ("aten::round", -4, 4, f64::round_ties_even),
        ("aten::sin", -4, 4, f64::sin),
        ("aten::atan", -4, 4, f64::atan),
        ("aten::silu", -4, 4, |x| x / (1.0 + (-x).exp())),
        ("aten::hardswish", -4, 4, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
    ] {
        let arguments = |n: &mut Numbers| {
            let dims = n.below(5);
            let (shape, dtype) = (n.shape(dims, 0), n.real());
            args![n.tensor(&shape, low, high, dtype)]
        };
        check(op, 12, arguments, |a, _| spread(a, |x| f(x[0])));
    }
    type Binary = fn(&[f64]) -> f64;
    for (op, f) in [
        ("aten::add.Tensor", (|x| x[0] + x[1]) as Binary),
        ("aten::sub.Tensor", |x| x[0] - x[1]),
        ("aten::mul.Tensor", |x| x[0] * x[1]),
        ("aten::div.Tensor", |x| x[0] / x[1]),
        ("aten::maximum", |x| x[0].max(x[1])),
        ("aten::minimum", |x| x[0].min(x[1])),
        ("aten::atan2", |x| x[0].atan2(x[1])),
        ("aten::remainder.Tensor", |x| x[0] - x[1] * (x[0] / x[1]).floor()),
        ("aten::lt.Tensor", |x| f64::from(x[0] < x[1])),
        ("aten::eq.Tensor", |x| f64::from(x[0] == x[1])),
    ] {
        let arguments = |n: &mut Numbers| {
            let dims = n.below(4);
            let (shape, dtype) = (n.shape(dims, 1), n.real());
            let (a, b) = (broadcastable(n, &shape), broadcastable(n, &shape));
            args![n.tensor(&a, -4, 4, dtype), n.tensor(&b, 1, 4, dtype)]
        };
        check(op, 20, arguments, |a, _| spread(a, f));
    }
    let arguments = |n: &mut Numbers| {
        let (shape, dtype) = (n.shape(3, 1), n.real());
        let (a, b, c) = (
            broadcastable(n, &shape),
            broadcastable(n, &shape),
            broadcastable(n, &shape),
        );
        let mask = n.indices(&a, 2).to_dtype(DType::Bool).unwrap();
        args![mask, n.tensor(&b, -4, 4, dtype), n.tensor(&c, -4, 4, dtype)]
    };
    check("aten::where.self", 20, arguments, |a, _| {
        spread(a, |x| if x[0] != 0.0 { x[1] } else { x[2] })
    });
}

// ---- reductions and scans ----

fn with_dim(n: &mut Numbers) -> (Tensor, usize) {
    let dims = 1 + n.below(4);
    let shape = n.shape(dims, 1);
    (n.float(&shape), n.below(dims))
}

#[test]
fn reductions() {
    type Fold = fn(&[f64]) -> f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    for (op, f) in [
        ("aten::sum.dim_IntList", (|x| x.iter().sum()) as Fold),
        ("aten::mean.dim", mean),
        ("aten::amax", |x| x.iter().copied().fold(f64::MIN, f64::max)),
        ("aten::amin", |x| x.iter().copied().fold(f64::MAX, f64::min)),
        ("aten::logsumexp", |x| x.iter().map(|v| v.exp()).sum::<f64>().ln()),
        ("aten::var.correction", |x| {
            let m = x.iter().sum::<f64>() / x.len() as f64;
            x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (x.len() as f64 - 1.0)
        }),
    ] {
        let arguments = |n: &mut Numbers| {
            let (x, dim) = with_dim(n);
            args![x, vec![dim as i64]]
        };
        check(op, 25, arguments, |a, args| {
            let dim = args[1].as_list().unwrap().to_ints().unwrap()[0] as usize;
            vec![a[0].lines(dim, 1, |line| vec![f(line)]).squeezed(dim)]
        });
    }
    let first = |line: &[f64], better: fn(f64, f64) -> bool| {
        let at = (1..line.len()).fold(0, |best, i| if better(line[i], line[best]) { i } else { best });
        vec![at as f64]
    };
    for (op, better) in [
        ("aten::argmax", (|a, b| a > b) as fn(f64, f64) -> bool),
        ("aten::argmin", |a, b| a < b),
    ] {
        let arguments = |n: &mut Numbers| {
            let (x, dim) = with_dim(n);
            args![x, dim as i64]
        };
        check(op, 25, arguments, |a, args| {
            let dim = args[1].as_int().unwrap() as usize;
            vec![a[0].lines(dim, 1, |line| first(line, better)).squeezed(dim)]
        });
    }
    // Over all elements, and over several dimensions at once.
    check(
        "aten::prod",
        15,
        |n| {
            let (x, _) = with_dim(n);
            args![x]
        },
        |a, _| {
            vec![Array {
                sizes: vec![],
                data: vec![a[0].data.iter().product()],
            }]
        },
    );
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(4, 1);
        args![n.float(&shape), vec![0i64, -2], true]
    };
    check("aten::sum.dim_IntList", 15, arguments, |a, _| {
        let one = |x: &Array, dim| x.lines(dim, 1, |line| vec![line.iter().sum()]);
        vec![one(&one(&a[0], 0), 2)]
    });
}

#[test]
fn scans() {
    fn scan(line: &[f64], f: fn(f64, f64) -> f64) -> Vec<f64> {
        let mut last = None;
        line.iter()
            .map(|&x| {
                let next = last.map_or(x, |l| f(l, x));
                last = Some(next);
                next
            })
            .collect()
    }
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        args![x, dim as i64]
    };
    for (op, f) in [
        ("aten::cumsum", (|a, b| a + b) as fn(f64, f64) -> f64),
        ("aten::cumprod", |a, b| a * b),
        ("aten::logcumsumexp", |a, b| (a.exp() + b.exp()).ln()),
    ] {
        check(op, 25, arguments, |a, args| {
            let dim = args[1].as_int().unwrap() as usize;
            vec![a[0].lines(dim, a[0].sizes[dim], |line| scan(line, f))]
        });
    }
    check("aten::cummax", 25, arguments, |a, args| {
        let dim = args[1].as_int().unwrap() as usize;
        let places = |line: &[f64]| {
            let mut best = 0;
            (0..line.len())
                .map(|i| {
                    if line[i] >= line[best] {
                        best = i;
                    }
                    best as f64
                })
                .collect()
        };
        let length = a[0].sizes[dim];
        vec![
            a[0].lines(dim, length, |line| scan(line, f64::max)),
            a[0].lines(dim, length, places),
        ]
    });
}

// ---- sorting and selection ----

fn order(line: &[f64], descending: bool) -> Vec<usize> {
    let mut at: Vec<usize> = (0..line.len()).collect();
    at.sort_by(|&a, &b| {
        if descending {
            line[b].total_cmp(&line[a])
        } else {
            line[a].total_cmp(&line[b])
        }
    });
    at
}

#[test]
fn sorting() {
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        args![x, true, dim as i64, n.below(2) == 0]
    };
    check("aten::sort.stable", 30, arguments, |a, args| {
        let (dim, down) = (args[2].as_int().unwrap() as usize, args[3].as_bool().unwrap());
        let length = a[0].sizes[dim];
        vec![
            a[0].lines(dim, length, |l| order(l, down).iter().map(|&i| l[i]).collect()),
            a[0].lines(dim, length, |l| {
                order(l, down).iter().map(|&i| i as f64).collect()
            }),
        ]
    });
    // Different elements, so that the places are decided.
    let different = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let count = x.numel();
        let ramp = Tensor::arange(0i64.into(), count.into(), 1i64.into(), DType::Double).unwrap();
        let shuffled = flambeau_tensor::pointwise::remainder(
            (&flambeau_tensor::pointwise::mul((&ramp).into(), 1000003.0.into()).unwrap()).into(),
            7919.0.into(),
        )
        .unwrap();
        let k = 1 + n.below(x.sizes()[dim] as usize) as i64;
        (shuffled.reshape(x.sizes()).unwrap().transpose(0, -1).unwrap(), k)
    };
    for largest in [true, false] {
        let arguments = |n: &mut Numbers| {
            let (x, _) = different(n);
            let k = 1 + n.below(x.sizes()[0] as usize) as i64;
            args![x, k, 0i64, largest]
        };
        check("aten::topk", 15, arguments, |a, args| {
            let k = args[1].as_int().unwrap() as usize;
            vec![
                a[0].lines(0, k, |l| order(l, largest).iter().map(|&i| l[i]).collect()),
                a[0].lines(0, k, |l| order(l, largest).iter().map(|&i| i as f64).collect()),
            ]
        });
    }
    let arguments = |n: &mut Numbers| {
        let (x, _) = different(n);
        let k = 1 + n.below(x.sizes()[0] as usize) as i64;
        args![x, k, 0i64]
    };
    check("aten::kthvalue", 15, arguments, |a, args| {
        let k = args[1].as_int().unwrap() as usize - 1;
        vec![
            a[0].lines(0, 1, |l| vec![l[order(l, false)[k]]]).squeezed(0),
            a[0].lines(0, 1, |l| vec![order(l, false)[k] as f64]).squeezed(0),
        ]
    });
}

// ---- indexing ----

#[test]
fn indexing() {
    let at = |index: &[usize], dim: usize, i: f64| {
        let mut index = index.to_vec();
        index[dim] = i as usize;
        index
    };
    let dim_of = |args: &[IValue]| args[1].as_int().unwrap() as usize;
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let mut sizes = x.sizes().to_vec();
        sizes[dim] = 1 + n.below(5) as i64;
        args![x.clone(), dim as i64, n.indices(&sizes, x.sizes()[dim])]
    };
    check("aten::gather", 30, arguments, |a, args| {
        vec![Array::make(&a[1].sizes, |i| {
            a[0].at(&at(i, dim_of(args), a[1].at(i)))
        })]
    });
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let count = 1 + n.below(5) as i64;
        args![x.clone(), dim as i64, n.indices(&[count], x.sizes()[dim])]
    };
    check("aten::index_select", 30, arguments, |a, args| {
        let dim = dim_of(args);
        let mut sizes = a[0].sizes.clone();
        sizes[dim] = a[1].data.len();
        vec![Array::make(&sizes, |i| a[0].at(&at(i, dim, a[1].data[i[dim]])))]
    });
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let src = n.tensor(x.sizes(), -4, 4, x.dtype());
        args![x.clone(), dim as i64, n.indices(x.sizes(), x.sizes()[dim]), src]
    };
    check("aten::scatter_add", 30, arguments, |a, args| {
        let dim = dim_of(args);
        let mut out = a[0].clone();
        let added = Array::make(&out.sizes.clone(), |target| {
            let mut sum = 0.0;
            for e in 0..a[1].sizes[dim] {
                let from = at(target, dim, e as f64);
                if a[1].at(&from) as usize == target[dim] {
                    sum += a[2].at(&from);
                }
            }
            sum
        });
        out.data.iter_mut().zip(added.data).for_each(|(o, x)| *o += x);
        vec![out]
    });
    let arguments = |n: &mut Numbers| {
        let (x, _) = with_dim(n);
        let mask = n.indices(x.sizes(), 2).to_dtype(DType::Bool).unwrap();
        args![x, mask]
    };
    check("aten::masked_select", 30, arguments, |a, _| {
        let data: Vec<f64> = a[0]
            .data
            .iter()
            .zip(&a[1].data)
            .filter(|(_, m)| **m != 0.0)
            .map(|(x, _)| *x)
            .collect();
        vec![Array {
            sizes: vec![data.len()],
            data,
        }]
    });
    let arguments = |n: &mut Numbers| {
        let (x, _) = with_dim(n);
        args![x.clone(), n.indices(&[2, 3], x.numel())]
    };
    check("aten::take", 20, arguments, |a, _| {
        vec![Array::make(&[2, 3], |i| a[0].data[a[1].at(i) as usize])]
    });
    // Two index tensors that broadcast, with a whole dimension between them.
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        let (rows, columns) = (n.indices(&[2, 1], shape[0]), n.indices(&[3], shape[2]));
        let at = vec![Some(rows), None, Some(columns)];
        let list = IValue::list(
            flambeau_ir::types::Type::optional(flambeau_ir::types::Type::TENSOR),
            at.into_iter().map(Into::into).collect(),
        );
        vec![n.float(&shape).into(), list]
    };
    check("aten::index.Tensor", 20, arguments, |a, _| {
        let sizes = [2, 3, a[0].sizes[1]];
        vec![Array::make(&sizes, |i| {
            a[0].at(&[a[1].data[i[0]] as usize, i[2], a[2].data[i[1]] as usize])
        })]
    });
}

// ---- views ----

#[test]
fn views() {
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        args![n.float(&shape), vec![2i64, 0, 1]]
    };
    check("aten::permute", 15, arguments, |a, _| {
        let s = &a[0].sizes;
        vec![Array::make(&[s[2], s[0], s[1]], |i| a[0].at(&[i[1], i[2], i[0]]))]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 2);
        args![
            n.float(&shape),
            1i64,
            n.below(2) as i64,
            IValue::None,
            1 + n.below(3) as i64
        ]
    };
    check("aten::slice.Tensor", 15, arguments, |a, args| {
        let (start, step) = (
            args[2].as_int().unwrap() as usize,
            args[4].as_int().unwrap() as usize,
        );
        let (rows, length) = (a[0].sizes[0], a[0].sizes[1]);
        vec![Array::make(&[rows, (length - start).div_ceil(step)], |i| {
            a[0].at(&[i[0], start + i[1] * step])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 2);
        args![n.float(&shape), 1i64, 2i64, 1 + n.below(2) as i64]
    };
    check("aten::unfold", 15, arguments, |a, args| {
        let step = args[3].as_int().unwrap() as usize;
        let count = (a[0].sizes[1] - 2) / step + 1;
        vec![Array::make(&[a[0].sizes[0], count, 2], |i| {
            a[0].at(&[i[0], i[1] * step + i[2]])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        args![n.float(&shape), vec![0i64, 2]]
    };
    check("aten::flip", 15, arguments, |a, _| {
        let s = a[0].sizes.clone();
        vec![Array::make(&s, |i| {
            a[0].at(&[s[0] - 1 - i[0], i[1], s[2] - 1 - i[2]])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 1);
        args![n.float(&shape), vec![n.below(7) as i64 - 3], vec![1i64]]
    };
    check("aten::roll", 15, arguments, |a, args| {
        let by = args[1].as_list().unwrap().to_ints().unwrap()[0];
        let width = a[0].sizes[1] as i64;
        vec![Array::make(&a[0].sizes, |i| {
            a[0].at(&[i[0], (i[1] as i64 - by).rem_euclid(width) as usize])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        let (a, b) = (
            n.tensor(&shape, -4, 4, DType::Float),
            n.tensor(&shape, -4, 4, DType::Float),
        );
        args![vec![a, b], 1i64]
    };
    check("aten::cat", 15, arguments, |a, _| {
        let s = a[0].sizes.clone();
        vec![Array::make(&[s[0], 2 * s[1], s[2]], |i| {
            a[i[1] / s[1]].at(&[i[0], i[1] % s[1], i[2]])
        })]
    });
}

// ---- padding, pooling, convolution, interpolation ----

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

// ---- normalisation and losses ----

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

// ---- transforms and linear algebra ----

#[test]
fn fourier() {
    let transform = |x: &Array, bins: usize| {
        let n = x.sizes[1];
        vec![Array::make(&[x.sizes[0], bins, 2], |i| {
            (0..n)
                .map(|t| {
                    let angle = -2.0 * std::f64::consts::PI * (i[1] * t) as f64 / n as f64;
                    x.at(&[i[0], t]) * if i[2] == 0 { angle.cos() } else { angle.sin() }
                })
                .sum()
        })]
    };
    let arguments = |n: &mut Numbers| {
        let (rows, length) = (1 + n.below(3) as i64, 1 + n.below(24) as i64);
        args![n.float(&[rows, length])]
    };
    check("aten::fft_fft", 30, arguments, |a, _| {
        transform(&a[0], a[0].sizes[1])
    });
    check("aten::fft_rfft", 30, arguments, |a, _| {
        transform(&a[0], a[0].sizes[1] / 2 + 1)
    });
}

fn product(a: &Array, b: &Array) -> Array {
    Array::make(&[a.sizes[0], b.sizes[1]], |i| {
        (0..a.sizes[1]).map(|k| a.at(&[i[0], k]) * b.at(&[k, i[1]])).sum()
    })
}

#[test]
fn linear_algebra() {
    let arguments = |n: &mut Numbers| {
        let (rows, inner, columns) = (n.below(9) as i64, 1 + n.below(40) as i64, 1 + n.below(20) as i64);
        let dtype = n.real();
        args![
            n.tensor(&[rows, inner], -4, 4, dtype),
            n.tensor(&[inner, columns], -4, 4, dtype)
        ]
    };
    check("aten::mm", 40, arguments, |a, _| vec![product(&a[0], &a[1])]);
    check("aten::matmul", 10, arguments, |a, _| vec![product(&a[0], &a[1])]);
    // A well-conditioned matrix: the diagonal outweighs the rest.
    let square = |n: &mut Numbers| {
        let size = 1 + n.below(5) as i64;
        let x = n.tensor(&[size, size], -1, 1, DType::Double);
        let diagonal = Tensor::eye(size, size, DType::Double).unwrap();
        let heavy = flambeau_tensor::pointwise::mul((&diagonal).into(), 8.0.into()).unwrap();
        flambeau_tensor::pointwise::add((&x).into(), (&heavy).into(), 1i64.into()).unwrap()
    };
    for round in 0..25 {
        let mut n = Numbers(round);
        let a = square(&mut n).transpose(0, 1).unwrap();
        let size = a.sizes()[0];
        let b = n.tensor(&[size, 2], -4, 4, DType::Double);
        let back = |op: &str, given: &[IValue]| call(op, given).as_tensor().cloned().unwrap();
        let x = back("aten::linalg_solve", &args![a.clone(), b.clone()]);
        super::close(
            "linalg_solve",
            &[product(&Array::of(&a), &Array::of(&x))],
            &[Array::of(&b)],
            1e-9,
        );
        let inverse = back("aten::linalg_inv", &args![a.clone()]);
        let one = Array::of(&Tensor::eye(size, size, DType::Double).unwrap());
        super::close(
            "linalg_inv",
            &[product(&Array::of(&a), &Array::of(&inverse))],
            &[one],
            1e-9,
        );
        let spd = product(&Array::of(&a), &Array::of(&a.transpose(0, 1).unwrap()));
        let spd_tensor = Tensor::from_slice(&spd.data, &[size, size]).unwrap();
        let l = back("aten::linalg_cholesky", &args![spd_tensor]);
        let again = product(&Array::of(&l), &Array::of(&l.transpose(0, 1).unwrap()));
        super::close("linalg_cholesky", &[again], &[spd], 1e-9);
        let IValue::Tuple(qr) = call("aten::linalg_qr", &args![a.clone()]) else {
            panic!("expected a tuple")
        };
        let parts: Vec<Array> = qr
            .items
            .iter()
            .map(|t| Array::of(t.as_tensor().unwrap()))
            .collect();
        super::close(
            "linalg_qr",
            &[product(&parts[0], &parts[1])],
            &[Array::of(&a)],
            1e-9,
        );
    }
}

// ---- random numbers ----

#[test]
fn random() {
    use flambeau_tensor::random::{Generator, tensor as r};
    for seed in 0..20 {
        let draw = |layout: fn(&Tensor) -> Tensor| {
            let t = layout(&Tensor::zeros(&[4, 6], DType::Double).unwrap());
            r::uniform_(&t, -1.0, 3.0, &mut Generator::new(seed)).unwrap();
            t.to_vec::<f64>().unwrap()
        };
        let plain = draw(|t| t.clone());
        assert!(plain.iter().all(|x| (-1.0..3.0).contains(x)));
        assert_eq!(plain, draw(|t| t.clone()), "the same seed gives the same numbers");
        assert_eq!(plain.len(), draw(|t| t.transpose(0, 1).unwrap()).len());
        let mut order = r::randperm(50, DType::Long, &mut Generator::new(seed))
            .unwrap()
            .to_vec::<i64>()
            .unwrap();
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
        let weights = Tensor::from_slice(&[0.0, 1.0, 0.0, 2.0], &[4]).unwrap();
        let drawn = r::multinomial(&weights, 30, true, &mut Generator::new(seed)).unwrap();
        assert!(drawn.to_vec::<i64>().unwrap().iter().all(|i| [1, 3].contains(i)));
        let coins = Tensor::zeros(&[4000], DType::Float).unwrap();
        r::bernoulli_(&coins, 0.25, &mut Generator::new(seed)).unwrap();
        let heads = coins.to_vec::<f32>().unwrap().iter().sum::<f32>();
        assert!((850.0..1150.0).contains(&heads), "{heads}");
    }
}
