//! Fourier transforms and linear algebra.

use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Tensor};

use super::{Array, Numbers, call, check};

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
