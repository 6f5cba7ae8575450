use super::*;

fn numbers(size: &[i64], seed: i64) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<f64> = (0..n)
        .map(|i| ((i * 7919 + seed * 31) % 101) as f64 * 0.07 - 2.0)
        .collect();
    Tensor::from_slice(&data, size).unwrap()
}

fn close(got: &Tensor, want: &[f64], tolerance: f64) {
    let got = got.to_vec::<f64>().unwrap();
    assert_eq!(got.len(), want.len());
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= tolerance * (1.0 + w.abs()), "{g} {w}");
    }
}

/// Normalises the elements that share a key, then scales and shifts by channel.
fn plain(
    x: &Tensor,
    key: impl Fn(usize) -> usize,
    affine: impl Fn(usize) -> (f64, f64),
    eps: f64,
) -> Vec<f64> {
    let data = x.to_vec::<f64>().unwrap();
    let keys = (0..data.len()).map(&key).max().map_or(0, |k| k + 1);
    let (mut n, mut mean, mut var) = (vec![0.0; keys], vec![0.0; keys], vec![0.0; keys]);
    data.iter()
        .enumerate()
        .for_each(|(i, x)| (n[key(i)], mean[key(i)]) = (n[key(i)] + 1.0, mean[key(i)] + x));
    (0..keys).for_each(|k| mean[k] /= n[k]);
    data.iter()
        .enumerate()
        .for_each(|(i, x)| var[key(i)] += (x - mean[key(i)]).powi(2));
    data.iter()
        .enumerate()
        .map(|(i, x)| {
            let (w, b) = affine(i);
            (x - mean[key(i)]) / (var[key(i)] / n[key(i)] + eps).sqrt() * w + b
        })
        .collect()
}

#[test]
fn every_normalisation_equals_its_definition() {
    for (dtype, tolerance) in [
        (DType::Float, 1e-5),
        (DType::Double, 1e-12),
        (DType::BFloat16, 2e-2),
    ] {
        for size in [
            vec![2, 6, 5],
            vec![3, 4, 3, 3],
            vec![4, 6],
            vec![2, 2, 70, 65],
            vec![1, 4, 2, 2, 2],
        ] {
            let x = numbers(&size, 1).to_dtype(dtype).unwrap();
            let (c, plane) = (size[1] as usize, size[2..].iter().product::<i64>() as usize);
            let (w, b) = (numbers(&[size[1]], 2), numbers(&[size[1]], 3));
            let (wv, bv) = (w.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
            let single = |t: &Tensor| {
                t.to_dtype(if dtype == DType::BFloat16 {
                    DType::Float
                } else {
                    dtype
                })
                .unwrap()
            };
            let (w, b) = (single(&w), single(&b));
            let channel = |i: usize| i / plane % c;
            let affine = |i: usize| (wv[channel(i)], bv[channel(i)]);
            let none = Running::default();
            let got = batch_norm(&x, Some(&w), Some(&b), none, true, 0.1, 1e-5).unwrap();
            assert_eq!(got.dtype(), dtype);
            close(&got, &plain(&x, channel, affine, 1e-5), tolerance);
            if size.len() > 2 {
                let got = instance_norm(&x, Some(&w), Some(&b), none, true, 0.1, 1e-5).unwrap();
                close(&got, &plain(&x, |i| i / plane, affine, 1e-5), tolerance);
            }
            let groups = 2;
            let got = group_norm(&x, groups, Some(&w), Some(&b), 1e-5).unwrap();
            close(
                &got,
                &plain(&x, |i| i / (plane * c / groups as usize), affine, 1e-5),
                tolerance,
            );
            let last = &size[size.len() - 1..];
            let n = last[0] as usize;
            let got = layer_norm(&x, last, None, None, 1e-5).unwrap();
            close(&got, &plain(&x, |i| i / n, |_| (1.0, 0.0), 1e-5), tolerance);
            let (lw, lb) = (numbers(last, 4), numbers(last, 5));
            let (lwv, lbv) = (lw.to_vec::<f64>().unwrap(), lb.to_vec::<f64>().unwrap());
            let got = layer_norm(&x, last, Some(&lw), Some(&lb), 1e-5).unwrap();
            close(
                &got,
                &plain(&x, |i| i / n, |i| (lwv[i % n], lbv[i % n]), 1e-5),
                tolerance,
            );
            let data = x.to_vec::<f64>().unwrap();
            let want: Vec<f64> = data
                .chunks(n)
                .flat_map(|r| {
                    let s = (r.iter().map(|x| x * x).sum::<f64>() / n as f64 + 1e-6).sqrt();
                    r.iter().map(move |x| x / s)
                })
                .collect();
            close(&rms_norm(&x, last, None, Some(1e-6)).unwrap(), &want, tolerance);
        }
    }
}

#[test]
fn running_statistics_move_and_serve() {
    let x = numbers(&[4, 3, 5], 1).to_dtype(DType::Float).unwrap();
    let mean = Tensor::zeros(&[3], DType::Float).unwrap();
    let var = Tensor::ones(&[3], DType::Float).unwrap();
    let running = Running {
        mean: Some(&mean),
        var: Some(&var),
    };
    batch_norm(&x, None, None, running, true, 0.25, 1e-5).unwrap();
    let data = x.to_vec::<f64>().unwrap();
    for c in 0..3 {
        let of: Vec<f64> = (0..60).filter(|i| i / 5 % 3 == c).map(|i| data[i]).collect();
        let m = of.iter().sum::<f64>() / 20.0;
        let v = of.iter().map(|x| (x - m).powi(2)).sum::<f64>() / 19.0;
        assert!((mean.to_vec::<f64>().unwrap()[c] - 0.25 * m).abs() < 1e-6);
        assert!((var.to_vec::<f64>().unwrap()[c] - (0.25 * v + 0.75)).abs() < 1e-5);
    }
    let got = batch_norm(&x, None, None, running, false, 0.0, 1e-3).unwrap();
    let (m, v) = (mean.to_vec::<f64>().unwrap(), var.to_vec::<f64>().unwrap());
    let want: Vec<f64> = data
        .iter()
        .enumerate()
        .map(|(i, x)| (x - m[i / 5 % 3]) / (v[i / 5 % 3] + 1e-3).sqrt())
        .collect();
    close(&got, &want, 1e-5);
}

#[test]
fn mistakes_are_named_as_pytorch_names_them() {
    let x = numbers(&[2, 3, 4], 1);
    let v = numbers(&[4], 1);
    let long = Tensor::zeros(&[2, 3], DType::Long).unwrap();
    for (got, want) in [
        (
            batch_norm(&x, Some(&v), None, Running::default(), true, 0.1, 1e-5),
            "weight should contain 3 elements not 4",
        ),
        (
            batch_norm(&x, None, None, Running::default(), false, 0.1, 1e-5),
            "running_mean must be defined in evaluation mode",
        ),
        (
            layer_norm(&x, &[5], None, None, 1e-5),
            "Given normalized_shape=[5], expected input with shape [*, 5], but got input of size[2, 3, 4]",
        ),
        (
            layer_norm(&x, &[], None, None, 1e-5),
            "Expected normalized_shape to be at least 1-dimensional",
        ),
        (
            layer_norm(&x, &[4], Some(&x), None, 1e-5),
            "Expected weight to be of same shape as normalized_shape, but got weight of shape [2, 3, 4]",
        ),
        (
            group_norm(&x, 2, None, None, 1e-5),
            "Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 3, 4] and num_groups=2",
        ),
        (
            group_norm(&x, 0, None, None, 1e-5),
            "Expected num groups to be greater than 0, got 0",
        ),
        (
            batch_norm(&long, None, None, Running::default(), true, 0.1, 1e-5),
            "\"batch_norm\" not implemented for 'Long'",
        ),
    ] {
        let message = got.unwrap_err().message;
        assert!(message.contains(want), "{message}");
    }
    for size in [[0, 3, 4], [2, 0, 4], [2, 3, 0]] {
        let x = numbers(&size, 1);
        assert_eq!(
            batch_norm(&x, None, None, Running::default(), true, 0.1, 1e-5)
                .unwrap()
                .sizes(),
            size
        );
        assert_eq!(
            layer_norm(&x, &size[2..], None, None, 1e-5).unwrap().sizes(),
            size
        );
        if size[1] > 0 {
            assert_eq!(group_norm(&x, 3, None, None, 1e-5).unwrap().sizes(), size);
        }
    }
}

#[test]
fn standardised_parameters_are_kept() {
    let mut data: Vec<f32> = (0..48).map(|i| (i * i % 17) as f32).collect();
    // SAFETY: the vector outlives the storage and is used by nothing else.
    let storage =
        unsafe { crate::storage::Storage::parameters(data.as_mut_ptr().cast(), 4 * 48, Box::new(())) };
    let weight = Tensor::from_storage(storage, &[1, 6, 8], &[48, 8, 1], 0, DType::Float).unwrap();
    let run = || batch_norm(&weight, None, None, Running::default(), true, 0.0, 1e-8).unwrap();
    let values = |t: &Tensor| t.to_vec::<f32>().unwrap();
    let (first, second) = (run(), run());
    // One is held, so the other is apart from it.
    assert!(!first.shares_storage(&second) && values(&first) == values(&second));
    let (place, want) = (second.storage().as_ptr(), values(&first));
    drop((first, second));
    let again = run();
    assert_eq!((again.storage().as_ptr(), values(&again)), (place, want.clone()));
    // What was written to is not given out again, and neither is what a changed parameter had given.
    again.zero_().unwrap();
    drop(again);
    assert_eq!(values(&run()), want);
    weight.zero_().unwrap();
    assert_eq!(values(&run()), [0.0; 48]);
    drop(weight);
    drop(data);
}
