use super::*;
use crate::nn::matmul::matmul;
use crate::parallel::with_threads;
use crate::reduce::softmax;

fn numbers(size: &[i64], dtype: DType, seed: i64) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<f64> = (0..n)
        .map(|i| ((i * 7919 + seed * 31) % 101) as f64 * 0.02 - 1.0)
        .collect();
    Tensor::from_slice(&data, size).unwrap().to_dtype(dtype).unwrap()
}

/// By its definition, in `double`.
fn plain(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>, p: &AttentionParams) -> Tensor {
    let wide = |t: &Tensor| t.to_dtype(DType::Double).unwrap();
    let (q, mut k, mut v) = (wide(q), wide(k), wide(v));
    if p.enable_gqa {
        let repeat = |t: &Tensor| {
            let s = t.sizes();
            let times = q.sizes()[1] / s[1];
            let full = t
                .unsqueeze(2)
                .unwrap()
                .expand(&[s[0], s[1], times, s[2], s[3]])
                .unwrap();
            full.reshape(&[s[0], s[1] * times, s[2], s[3]]).unwrap()
        };
        (k, v) = (repeat(&k), repeat(&v));
    }
    let (l, s) = (q.size(-2).unwrap(), k.size(-2).unwrap());
    let scale = p.scale.unwrap_or(1.0 / (q.size(-1).unwrap() as f64).sqrt());
    let scores = matmul(&q, &k.transpose(-1, -2).unwrap()).unwrap();
    let full = scores.sizes().to_vec();
    let mut data: Vec<f64> = scores
        .to_vec::<f64>()
        .unwrap()
        .iter()
        .map(|x| x * scale)
        .collect();
    if let Some(m) = mask {
        let keep = m.dtype() == DType::Bool;
        let m = m
            .to_dtype(DType::Double)
            .unwrap()
            .expand(&full)
            .unwrap()
            .to_vec::<f64>()
            .unwrap();
        for (x, m) in data.iter_mut().zip(m) {
            *x = if !keep {
                *x + m
            } else if m != 0.0 {
                *x
            } else {
                f64::NEG_INFINITY
            };
        }
    }
    if p.is_causal {
        for (i, x) in data.iter_mut().enumerate() {
            if i as i64 % s > i as i64 / s % l {
                *x = f64::NEG_INFINITY;
            }
        }
    }
    let weights = softmax(&Tensor::from_slice(&data, &full).unwrap(), -1, None).unwrap();
    let data: Vec<f64> = weights
        .to_vec::<f64>()
        .unwrap()
        .iter()
        .map(|x| if x.is_nan() { 0.0 } else { *x })
        .collect();
    matmul(&Tensor::from_slice(&data, &full).unwrap(), &v).unwrap()
}

fn check(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>, p: AttentionParams, tolerance: f64) {
    let want = plain(q, k, v, mask, &p);
    for threads in [1, 2] {
        let got = with_threads(threads, || scaled_dot_product_attention(q, k, v, mask, &p)).unwrap();
        assert_eq!((got.sizes(), got.dtype()), (want.sizes(), q.dtype()));
        for (g, w) in got
            .to_vec::<f64>()
            .unwrap()
            .iter()
            .zip(want.to_vec::<f64>().unwrap())
        {
            assert!(
                (g - w).abs() < tolerance,
                "{:?} {:?} {p:?}: {g} {w}",
                q.sizes(),
                k.sizes()
            );
        }
    }
}

#[test]
fn blocks_equal_the_definition() {
    for (dtype, tolerance) in [
        (DType::Float, 1e-5),
        (DType::Double, 1e-12),
        (DType::BFloat16, 2e-2),
    ] {
        for (batch, heads, l, s, e, ev) in [
            (1, 1, 1, 1, 1, 1),
            (2, 3, 5, 7, 8, 4),
            (1, 2, 40, 40, 16, 16),
            (1, 1, 300, 333, 8, 40),
            (1, 1, 17, 1500, 33, 5),
            (2, 1, 1, 90, 64, 64),
        ] {
            let q = numbers(&[batch, heads, l, e], dtype, 1);
            let (k, v) = (
                numbers(&[batch, heads, s, e], dtype, 2),
                numbers(&[batch, heads, s, ev], dtype, 3),
            );
            check(&q, &k, &v, None, AttentionParams::default(), tolerance);
            check(
                &q,
                &k,
                &v,
                None,
                AttentionParams {
                    is_causal: true,
                    ..Default::default()
                },
                tolerance,
            );
            check(
                &q,
                &k,
                &v,
                None,
                AttentionParams {
                    scale: Some(0.5),
                    ..Default::default()
                },
                tolerance,
            );
            let float = numbers(&[heads, l, s], dtype, 4);
            check(&q, &k, &v, Some(&float), AttentionParams::default(), tolerance);
            let row = numbers(&[batch, 1, 1, s], dtype, 4);
            check(&q, &k, &v, Some(&row), AttentionParams::default(), tolerance);
            let keep: Vec<bool> = (0..l * s).map(|i| i % 3 != 0 && i / s != 2).collect();
            let keep = Tensor::from_slice(&keep, &[l, s]).unwrap();
            check(&q, &k, &v, Some(&keep), AttentionParams::default(), tolerance);
            // As projections give them: heads beside the size of a head.
            let fold = |t: &Tensor| {
                t.transpose(1, 2)
                    .unwrap()
                    .contiguous()
                    .unwrap()
                    .transpose(1, 2)
                    .unwrap()
            };
            check(
                &fold(&q),
                &fold(&k),
                &fold(&v),
                None,
                AttentionParams::default(),
                tolerance,
            );
        }
    }
}

#[test]
fn heads_are_shared_and_broadcast() {
    let q = numbers(&[2, 6, 20, 8], DType::Float, 1);
    let (k, v) = (
        numbers(&[2, 2, 9, 8], DType::Float, 2),
        numbers(&[2, 2, 9, 8], DType::Float, 3),
    );
    check(
        &q,
        &k,
        &v,
        None,
        AttentionParams {
            enable_gqa: true,
            ..Default::default()
        },
        1e-5,
    );
    let (k, v) = (
        numbers(&[1, 6, 9, 8], DType::Float, 2),
        numbers(&[9, 8], DType::Float, 3),
    );
    check(&q, &k, &v, None, AttentionParams::default(), 1e-5);
    let p = AttentionParams::default();
    let flat = |t: &Tensor| t.select(0, 0).unwrap().select(0, 0).unwrap();
    check(&flat(&q), &flat(&k), &v, None, p, 1e-5);
    let got = scaled_dot_product_attention(&numbers(&[1, 0, 8], DType::Float, 1), &k, &v, None, &p).unwrap();
    assert_eq!(got.sizes(), [1, 6, 0, 8]);
    let empty = numbers(&[1, 6, 0, 8], DType::Float, 1);
    let got = scaled_dot_product_attention(&q, &empty, &empty, None, &p).unwrap();
    assert!(got.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
    for (q, k, v, p, want) in [
        (
            &q,
            &numbers(&[2, 6, 9, 7], DType::Float, 1),
            &v,
            p,
            "expected keys of the size of the queries",
        ),
        (
            &q,
            &numbers(&[2, 6, 9, 8], DType::Double, 1),
            &v,
            p,
            "Expected query, key, and value to have the same dtype",
        ),
        (&q, &k, &v, AttentionParams { dropout_p: 0.5, ..p }, "dropout"),
    ] {
        let message = scaled_dot_product_attention(q, k, v, None, &p)
            .unwrap_err()
            .message;
        assert!(message.contains(want), "{message}");
    }
}
