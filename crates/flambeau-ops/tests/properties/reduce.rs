//! Reductions, scans and sorting: each line along a dimension becomes another one.

use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Tensor};

use super::{Array, Numbers, check, with_dim};

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
