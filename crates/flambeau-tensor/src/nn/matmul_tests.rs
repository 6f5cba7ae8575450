use super::*;
use crate::parallel::with_threads;

/// Small whole numbers, so that every order of summation gives the same.
fn numbers(size: &[i64], dtype: DType, seed: i64) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<i64> = (0..n).map(|i| (i * 7919 + seed * 104_729) % 11 - 4).collect();
    let data: Vec<i64> = if dtype == DType::Byte {
        data.iter().map(|x| x + 4).collect()
    } else {
        data
    };
    Tensor::from_slice(&data, size).unwrap().to_dtype(dtype).unwrap()
}

fn values(t: &Tensor) -> Vec<Complex<f64>> {
    t.to_scalars()
        .unwrap()
        .into_iter()
        .map(|s| s.to_complex())
        .collect()
}

/// `[b,m,k] @ [b,k,n]` by its definition.
fn plain(a: &Tensor, b: &Tensor) -> Vec<Complex<f64>> {
    let (x, y) = (values(a), values(b));
    let (sa, n) = (a.sizes(), b.sizes()[2] as usize);
    let (batch, m, k) = (sa[0] as usize, sa[1] as usize, sa[2] as usize);
    let mut out = Vec::new();
    for i in 0..batch {
        for r in 0..m {
            for c in 0..n {
                out.push(
                    (0..k)
                        .map(|p| x[(i * m + r) * k + p] * y[(i * k + p) * n + c])
                        .sum(),
                );
            }
        }
    }
    out
}

/// What an exact result becomes in a dtype.
fn rounded(want: Vec<Complex<f64>>, dtype: DType) -> Vec<Complex<f64>> {
    let n = want.len() as i64;
    values(&Tensor::from_vec(want, &[n]).unwrap().to_dtype(dtype).unwrap())
}

fn check(a: &Tensor, b: &Tensor) {
    let want = rounded(plain(a, b), a.dtype());
    for threads in [1, 2] {
        let got = with_threads(threads, || bmm(a, b)).unwrap();
        assert_eq!(got.dtype(), a.dtype());
        assert_eq!(
            values(&got),
            want,
            "{:?} {:?} {:?} {:?}",
            a.sizes(),
            a.strides(),
            b.sizes(),
            b.strides()
        );
    }
}

#[test]
fn batches_equal_the_definition_in_every_layout() {
    let dtypes = [
        DType::Float,
        DType::Double,
        DType::Half,
        DType::BFloat16,
        DType::ComplexFloat,
        DType::ComplexDouble,
        DType::Byte,
        DType::Char,
        DType::Short,
        DType::Int,
        DType::Long,
    ];
    for dtype in dtypes {
        for (batch, m, n, k) in [
            (1, 1, 1, 1),
            (2, 3, 4, 5),
            (3, 1, 40, 7),
            (1, 40, 1, 37),
            (0, 2, 2, 2),
            (2, 3, 3, 0),
            (2, 0, 3, 4),
            (1, 18, 19, 2),
            (2, 5, 9, 1),
        ] {
            if dtype == DType::Byte && k > 5 {
                continue;
            }
            let (a, b) = (
                numbers(&[batch, m, k], dtype, 1),
                numbers(&[batch, k, n], dtype, 2),
            );
            if matches!(dtype, DType::Char | DType::Byte) && k * 49 > 127 {
                continue;
            }
            check(&a, &b);
            let at = numbers(&[batch, k, m], dtype, 3).transpose(1, 2).unwrap();
            let bt = numbers(&[n, batch, k], dtype, 4).permute(&[1, 2, 0]).unwrap();
            check(&at, &b);
            check(&a, &bt);
            check(&at, &bt);
            let wide = numbers(&[batch, m, 3 * k], dtype, 5)
                .slice(2, Some(0), None, 3)
                .unwrap();
            check(&wide, &b);
            check(
                &numbers(&[1, m, k], dtype, 6).expand(&[batch, m, k]).unwrap(),
                &bt,
            );
        }
    }
    for (m, n, k) in [
        (1, 300, 64),
        (300, 1, 64),
        (16, 33, 100),
        (40, 50, 33),
        (4, 200, 31),
        (7, 6, 130),
    ] {
        let (a, b) = (
            numbers(&[1, m, k], DType::Float, 1),
            numbers(&[1, k, n], DType::Float, 2),
        );
        check(&a, &b);
        check(&a, &numbers(&[1, n, k], DType::Float, 2).transpose(1, 2).unwrap());
        check(&numbers(&[1, k, m], DType::Float, 2).transpose(1, 2).unwrap(), &b);
    }
}

#[test]
fn matmul_takes_every_pair_of_ranks() {
    for (a, b, size) in [
        (vec![4], vec![4], vec![]),
        (vec![3, 4], vec![4], vec![3]),
        (vec![4], vec![4, 5], vec![5]),
        (vec![3, 4], vec![4, 5], vec![3, 5]),
        (vec![2, 3, 4], vec![4], vec![2, 3]),
        (vec![4], vec![2, 4, 5], vec![2, 5]),
        (vec![2, 3, 4], vec![4, 5], vec![2, 3, 5]),
        (vec![3, 4], vec![2, 4, 5], vec![2, 3, 5]),
        (vec![2, 3, 4], vec![2, 4, 5], vec![2, 3, 5]),
        (vec![7, 1, 3, 4], vec![2, 4, 5], vec![7, 2, 3, 5]),
        (vec![2, 0, 3, 4], vec![4, 5], vec![2, 0, 3, 5]),
        (vec![1, 3, 4], vec![6, 4, 2], vec![6, 3, 2]),
    ] {
        let (x, y) = (numbers(&a, DType::Float, 1), numbers(&b, DType::Float, 2));
        let got = matmul(&x, &y).unwrap();
        assert_eq!(got.sizes(), size, "{a:?} {b:?}");
        // The same through one flat batch.
        let grow = |t: &Tensor, size: &[i64], left: bool| {
            let t = match (size.len(), left) {
                (1, true) => t.unsqueeze(0).unwrap(),
                (1, false) => t.unsqueeze(1).unwrap(),
                _ => t.clone(),
            };
            let s = t.sizes().to_vec();
            (t, s)
        };
        let ((x, sx), (y, sy)) = (grow(&x, &a, true), grow(&y, &b, false));
        let batch = broadcast_shapes(&sx[..sx.len() - 2], &sy[..sy.len() - 2]).unwrap();
        let flat = |t: &Tensor, s: &[i64]| {
            let mut full = batch.to_vec();
            full.extend(&s[s.len() - 2..]);
            let count = batch.iter().product();
            t.expand(&full)
                .unwrap()
                .reshape(&[count, s[s.len() - 2], s[s.len() - 1]])
                .unwrap()
        };
        assert_eq!(values(&got), plain(&flat(&x, &sx), &flat(&y, &sy)), "{a:?} {b:?}");
    }
}

#[test]
fn linear_adds_its_bias_and_notices_changed_weights() {
    for dtype in [DType::Float, DType::Double, DType::BFloat16, DType::Half] {
        for (m, n, k) in [
            (1, 5, 40),
            (3, 20, 7),
            (20, 33, 5),
            (30, 40, 64),
            (0, 3, 4),
            (3, 4, 0),
            (19, 3, 8),
        ] {
            let (x, w) = (numbers(&[m, k], dtype, 1), numbers(&[n, k], dtype, 2));
            let bias = numbers(&[n], dtype, 3);
            let double = |t: &Tensor| t.to_dtype(DType::Double).unwrap();
            let product = values(&mm(&double(&x), &double(&w).t().unwrap()).unwrap());
            let b = values(&bias);
            let want: Vec<_> = product
                .iter()
                .enumerate()
                .map(|(i, c)| c + b[i % n as usize])
                .collect();
            let (want, product) = (rounded(want, dtype), rounded(product, dtype));
            for _ in 0..2 {
                assert_eq!(values(&linear(&x, &w, Some(&bias)).unwrap()), want);
                assert_eq!(values(&linear(&x, &w, None).unwrap()), product);
            }
            w.fill_(1.0).unwrap();
            let changed = mm(&x, &w.t().unwrap()).unwrap();
            assert_eq!(values(&linear(&x, &w, None).unwrap()), values(&changed));
        }
    }
    let x = numbers(&[2, 3, 4], DType::Float, 1);
    assert_eq!(
        linear(&x, &numbers(&[5, 4], DType::Float, 1), None)
            .unwrap()
            .sizes(),
        [2, 3, 5]
    );
    assert_eq!(
        linear(&x, &numbers(&[4], DType::Float, 1), None).unwrap().sizes(),
        [2, 3]
    );
}

#[test]
fn sums_with_a_base() {
    let (a, b) = (
        numbers(&[2, 3], DType::Float, 1),
        numbers(&[3, 2], DType::Float, 2),
    );
    let product = values(&mm(&a, &b).unwrap());
    let base = Tensor::from_slice(&[1f32, f32::NAN], &[2]).unwrap();
    let two = Scalar::Float(2.0);
    let ignored = addmm(&base, &a, &b, Scalar::Int(0), two).unwrap();
    assert_eq!(
        values(&ignored),
        product.iter().map(|c| c * 2.0).collect::<Vec<_>>()
    );
    let base = Tensor::from_slice(&[1f32, 5.0], &[2]).unwrap();
    let want: Vec<_> = product
        .iter()
        .enumerate()
        .map(|(i, c)| c + [2.0, 10.0][i % 2])
        .collect();
    assert_eq!(values(&addmm(&base, &a, &b, two, Scalar::Int(1)).unwrap()), want);
    let (x, y) = (
        numbers(&[2, 2, 3], DType::Long, 1),
        numbers(&[2, 3, 2], DType::Long, 2),
    );
    let each = values(&bmm(&x, &y).unwrap());
    let zero = Tensor::zeros(&[2, 2], DType::Long).unwrap();
    let sum: Vec<_> = (0..4).map(|i| each[i] + each[i + 4]).collect();
    assert_eq!(
        values(&addbmm(&zero, &x, &y, Scalar::Int(1), Scalar::Int(1)).unwrap()),
        sum
    );
    assert_eq!(
        values(&baddbmm(&zero, &x, &y, Scalar::Int(1), Scalar::Int(1)).unwrap()),
        each
    );
    let v = numbers(&[3], DType::Float, 5);
    let one = Tensor::ones(&[2], DType::Float).unwrap();
    let want: Vec<_> = values(&mv(&a, &v).unwrap()).iter().map(|c| c + 1.0).collect();
    assert_eq!(
        values(&addmv(&one, &a, &v, Scalar::Int(1), Scalar::Int(1)).unwrap()),
        want
    );
}

#[test]
fn mistakes_are_named_as_pytorch_names_them() {
    let f = |size: &[i64]| numbers(size, DType::Float, 1);
    let d = |size: &[i64]| numbers(size, DType::Double, 1);
    for (got, want) in [
        (
            mm(&f(&[2, 3]), &f(&[4, 5])),
            "mm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        ),
        (
            mm(&f(&[2, 3]), &d(&[3, 5])),
            "expected m1 and m2 to have the same dtype, but got: float != double",
        ),
        (mm(&f(&[2]), &f(&[4, 5])), "self must be a matrix"),
        (
            bmm(&f(&[2, 3, 4]), &f(&[2, 3, 4])),
            "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3].",
        ),
        (dot(&f(&[2]), &f(&[3])), "inconsistent tensor size"),
        (
            mv(&f(&[2, 3]), &f(&[4])),
            "size mismatch, got input (2), mat (2x3), vec (4)",
        ),
        (
            matmul(&f(&[]), &f(&[4])),
            "both arguments to matmul need to be at least 1D, but they are 0D and 1D",
        ),
        (
            linear(&f(&[2, 3]), &f(&[5, 4]), None),
            "mm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        ),
        (
            mm(
                &numbers(&[2, 2], DType::Bool, 1),
                &numbers(&[2, 2], DType::Bool, 1),
            ),
            "\"addmm_impl_cpu_\" not implemented for 'Bool'",
        ),
    ] {
        let message = got.unwrap_err().message;
        assert!(message.contains(want), "{message}");
    }
}

#[test]
fn half_types_of_rare_shapes() {
    for dtype in [DType::Half, DType::BFloat16] {
        let t = |data: &[f64], size: &[i64]| Tensor::from_slice(data, size).unwrap().to_dtype(dtype).unwrap();
        // A weight of one dimension gives one number a row.
        let out = linear(
            &t(&[1.0, 2.0, 3.0, 4.0], &[2, 2]),
            &t(&[2.0, 1.0], &[2]),
            Some(&t(&[0.5], &[])),
        )
        .unwrap();
        assert_eq!(out.to_vec::<f64>().unwrap(), [4.5, 10.5]);
        // No product to add.
        let (base, none) = (t(&[1.0, 2.0], &[1, 2]), t(&[], &[0, 1, 3]));
        let out = addbmm(&base, &none, &t(&[], &[0, 3, 2]), 2i64.into(), 1i64.into()).unwrap();
        assert_eq!(out.to_vec::<f64>().unwrap(), [2.0, 4.0]);
    }
}
