use super::*;
use crate::Error;

#[track_caller]
fn check(t: Result<Tensor>, expected: &str) {
    let found = match t {
        Ok(t) => format!("{t:?}")
            .trim_start_matches("Tensor(torch.")
            .trim_end_matches(')')
            .to_string(),
        Err(Error { message, .. }) => message,
    };
    assert_eq!(found, expected);
}

fn f(x: &[f32], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(x, sizes).unwrap()
}
fn i(x: &[i64], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(x, sizes).unwrap()
}
const NAN: f32 = f32::NAN;

#[test]
fn sums() {
    let x = f(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    check(sum(&x, &[], false, None), "float32, [], [21.0]");
    check(sum(&x, &[0], false, None), "float32, [3], [5.0, 7.0, 9.0]");
    check(sum(&x, &[-1], true, None), "float32, [2, 1], [6.0, 15.0]");
    check(
        sum(&x, &[0, 0], false, None),
        "dim 0 appears multiple times in the list of dims",
    );
    check(
        sum(&i(&[1, 2], &[2]).to_dtype(DType::Byte).unwrap(), &[], false, None),
        "int64, [], [3]",
    );
    check(sum(&i(&[], &[0]), &[], false, None), "int64, [], [0]");
    check(
        sum(
            &Tensor::zeros(&[2, 0, 3], DType::Float).unwrap(),
            &[1],
            false,
            None,
        ),
        "float32, [2, 3], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]",
    );
    check(mean(&x, &[1], false, None), "float32, [2], [2.0, 5.0]");
    check(
        mean(&i(&[1], &[1]), &[], false, None),
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long",
    );
    check(prod(&x, Some(0), false, None), "float32, [3], [4.0, 10.0, 18.0]");
    check(
        nansum(&f(&[1.0, NAN], &[2]), &[], false, None),
        "float32, [], [1.0]",
    );
    check(
        nanmean(&f(&[1.0, NAN, 3.0], &[3]), &[], false, None),
        "float32, [], [2.0]",
    );
    check(count_nonzero(&x, &[]), "int64, [], [6]");
    check(
        norm(&f(&[3.0, 4.0], &[2]), 2.0, &[], false, None),
        "float32, [], [5.0]",
    );
    check(
        norm(&f(&[3.0, -4.0], &[2]), 1.0, &[], false, None),
        "float32, [], [7.0]",
    );
    check(
        norm(&f(&[3.0, -4.0], &[2]), f64::INFINITY, &[], false, None),
        "float32, [], [4.0]",
    );
    check(
        norm(&f(&[1.0, 2.0], &[2]), 3.0, &[], false, None),
        "float32, [], [2.0800838]",
    );
    check(var(&x, &[1], 1.0, false), "float32, [2], [1.0, 1.0]");
    check(std(&x, &[], 0.0, false), "float32, [], [1.7078252]");
    check(var(&f(&[1.0], &[1]), &[], 1.0, false), "float32, [], [NaN]");
    check(
        logsumexp(&f(&[0.0, 0.0, 1000.0, 1000.0], &[2, 2]), &[1], false),
        "float32, [2], [0.6931472, 1000.6932]",
    );
    check(
        logsumexp(&f(&[f32::NEG_INFINITY; 2], &[2]), &[0], false),
        "float32, [], [-inf]",
    );
}

#[test]
fn extrema() {
    let x = f(&[1.0, 5.0, 3.0, 4.0, 5.0, 0.0], &[2, 3]);
    check(amax(&x, &[0], false), "float32, [3], [4.0, 5.0, 3.0]");
    check(amin(&x, &[], false), "float32, [], [0.0]");
    check(argmax(&x, None, false), "int64, [], [1]");
    check(argmax(&x, Some(0), false), "int64, [3], [1, 0, 0]");
    check(argmin(&x, Some(1), true), "int64, [2, 1], [0, 2]");
    check(
        argmax(&f(&[1.0, NAN, 9.0, NAN], &[4]), Some(0), false),
        "int64, [], [1]",
    );
    check(max(&f(&[1.0, NAN], &[2])), "float32, [], [NaN]");
    check(
        max(&f(&[], &[0])),
        "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
    );
    let (v, k) = max_dim(&x, 1, false).unwrap();
    check(Ok(v), "float32, [2], [5.0, 5.0]");
    check(Ok(k), "int64, [2], [1, 1]");
    check(any(&x, &[1], false), "bool, [2], [true, true]");
    check(all(&x, &[1], false), "bool, [2], [true, false]");
    check(
        all(&i(&[1, 2], &[2]).to_dtype(DType::Byte).unwrap(), &[], false),
        "uint8, [], [1]",
    );
    let (low, high) = aminmax(&x, Some(0), false).unwrap();
    check(Ok(low), "float32, [3], [1.0, 5.0, 0.0]");
    check(Ok(high), "float32, [3], [4.0, 5.0, 3.0]");
}

#[test]
fn scans() {
    let x = f(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
    check(cumsum(&x, 0, None), "float32, [2, 2], [1.0, 2.0, 4.0, 6.0]");
    check(cumsum(&x, 1, None), "float32, [2, 2], [1.0, 3.0, 3.0, 7.0]");
    check(
        cumsum(&i(&[1, 2], &[2]).to_dtype(DType::Int).unwrap(), 0, None),
        "int64, [2], [1, 3]",
    );
    check(cumprod(&x, 1, None), "float32, [2, 2], [1.0, 2.0, 3.0, 12.0]");
    check(
        logcumsumexp(&f(&[f32::NEG_INFINITY, 0.0, 0.0], &[3]), 0),
        "float32, [3], [-inf, 0.0, 0.6931472]",
    );
    let (v, k) = cummax(&f(&[1.0, 3.0, 3.0, 2.0], &[4]), 0).unwrap();
    check(Ok(v), "float32, [4], [1.0, 3.0, 3.0, 3.0]");
    check(Ok(k), "int64, [4], [0, 1, 2, 2]");
    check(
        cumsum(&Tensor::scalar_tensor(3.0, DType::Float).unwrap(), 0, None),
        "float32, [], [3.0]",
    );
}

#[test]
fn softmaxes() {
    let x = f(&[0.0, 0.0, 1000.0, 0.0], &[2, 2]);
    check(softmax(&x, 1, None), "float32, [2, 2], [0.5, 0.5, 1.0, 0.0]");
    check(softmax(&x, 0, None), "float32, [2, 2], [0.0, 0.5, 1.0, 0.5]");
    check(
        log_softmax(&x, 1, None),
        "float32, [2, 2], [-0.6931472, -0.6931472, 0.0, -1000.0]",
    );
    check(
        softmax(&i(&[1], &[1]), 0, None),
        "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'",
    );
}

/// Against plain loops over all layouts, dims and thread counts; long enough to be cut into pieces.
#[test]
fn layouts_and_threads_do_not_matter() {
    let sizes = [7i64, 33, 1200];
    let n: i64 = sizes.iter().product();
    let data: Vec<f64> = (0..n)
        .map(|k| ((k * 7919 % 1009) as f64 - 500.0) / 64.0)
        .collect();
    let x = Tensor::from_slice(&data, &sizes).unwrap();
    for p in [[0i64, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut back = [0i64; 3];
        (0..3).for_each(|k| back[p[k] as usize] = k as i64);
        let y = x
            .permute(&p)
            .unwrap()
            .contiguous()
            .unwrap()
            .permute(&back)
            .unwrap();
        for dims in [
            vec![0i64],
            vec![1],
            vec![2],
            vec![0, 1],
            vec![0, 2],
            vec![1, 2],
            vec![0, 1, 2],
        ] {
            let mask: Vec<bool> = (0..3).map(|d| dims.contains(&d)).collect();
            let kept: Vec<i64> = (0..3)
                .filter(|d| !mask[*d as usize])
                .map(|d| sizes[d as usize])
                .collect();
            let mut sums = vec![0.0f64; kept.iter().product::<i64>() as usize];
            let mut tops = vec![f64::NEG_INFINITY; sums.len()];
            for (k, v) in data.iter().enumerate() {
                let at = [k as i64 / (33 * 1200), k as i64 / 1200 % 33, k as i64 % 1200];
                let place = (0..3).filter(|d| !mask[*d]).fold(0, |o, d| o * sizes[d] + at[d]) as usize;
                sums[place] += v;
                tops[place] = tops[place].max(*v);
            }
            for threads in [1, 3] {
                crate::parallel::with_threads(threads, || {
                    // Sums of multiples of 1/64 are exact, so they must be equal.
                    assert_eq!(
                        sum(&y, &dims, false, None).unwrap().to_vec::<f64>().unwrap(),
                        sums,
                        "{p:?} {dims:?}"
                    );
                    assert_eq!(
                        amax(&y, &dims, false).unwrap().to_vec::<f64>().unwrap(),
                        tops,
                        "{p:?} {dims:?}"
                    );
                    if let [d] = dims[..] {
                        let (v, k) = max_dim(&y, d, false).unwrap();
                        assert_eq!(v.to_vec::<f64>().unwrap(), tops, "{p:?} {dims:?}");
                        let first = argmax(&x, Some(d), false).unwrap();
                        assert_eq!(
                            k.to_vec::<i64>().unwrap(),
                            first.to_vec::<i64>().unwrap(),
                            "{p:?} {dims:?}"
                        );
                    }
                });
            }
        }
    }
    let v1 = var(&x, &[1], 1.0, false).unwrap();
    let m = mean(&x, &[1], true, None).unwrap();
    let d = pointwise::sub((&x).into(), (&m).into(), 1.into()).unwrap();
    let v2 = sum(&pointwise::square(&d).unwrap(), &[1], false, None).unwrap();
    let v2 = pointwise::div((&v2).into(), Arg::Number(32.into())).unwrap();
    assert!(pointwise::allclose(&v1, &v2, 1e-12, 0.0, false).unwrap());
}
