//! Pointwise functions of one, two and three tensors.

use flambeau_ir::value::IValue;
use flambeau_tensor::DType;

use super::{Array, Numbers, check};

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
