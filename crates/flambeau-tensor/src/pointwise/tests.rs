use super::*;
use crate::dtype::DType;
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{Error, Result, f16};

fn shown(t: Result<Tensor>) -> String {
    match t {
        Ok(t) => format!("{t:?}")
            .trim_start_matches("Tensor(torch.")
            .trim_end_matches(')')
            .to_string(),
        Err(Error { message, .. }) => message,
    }
}

#[track_caller]
fn check(t: Result<Tensor>, expected: &str) {
    assert_eq!(shown(t), expected);
}

fn f(x: &[f32]) -> Tensor {
    Tensor::from_elements(x).unwrap()
}
fn i(x: &[i64]) -> Tensor {
    Tensor::from_elements(x).unwrap()
}
fn b(x: &[bool]) -> Tensor {
    Tensor::from_elements(x).unwrap()
}
fn u(x: &[u8]) -> Tensor {
    Tensor::from_elements(x).unwrap()
}
fn n(x: impl Into<Scalar>) -> Arg<'static> {
    Arg::Number(x.into())
}
const ONE: Scalar = Scalar::Int(1);
const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

#[test]
fn sums_and_products() {
    let (x, y) = (f(&[1.0, 2.0]), i(&[3, 4]));
    check(add((&x).into(), (&y).into(), ONE), "float32, [2], [4.0, 6.0]");
    check(
        add((&x).into(), (&y).into(), 2.into()),
        "float32, [2], [7.0, 10.0]",
    );
    check(add((&y).into(), n(1), ONE), "int64, [2], [4, 5]");
    check(add((&y).into(), n(1.5), ONE), "float32, [2], [4.5, 5.5]");
    check(
        add((&y).into(), (&y).into(), 0.5.into()),
        "For integral input tensors, argument alpha must not be a floating point number.",
    );
    check(
        add((&b(&[true, false])).into(), (&b(&[true, false])).into(), ONE),
        "bool, [2], [true, false]",
    );
    check(
        sub((&b(&[true])).into(), (&b(&[true])).into(), ONE),
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
    );
    check(rsub((&y).into(), n(10), ONE), "int64, [2], [7, 6]");
    check(mul((&u(&[200])).into(), n(2)), "uint8, [1], [144]");
    check(
        mul((&f(&[2.0]).to_dtype(DType::Half).unwrap()).into(), n(1.5)),
        "float16, [1], [3.0]",
    );
    check(
        add((&f(&[1.0, 2.0])).into(), (&f(&[1.0, 2.0, 3.0])).into(), ONE),
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0",
    );
    let col = f(&[1.0, 2.0]).view(&[2, 1]).unwrap();
    check(
        add((&col).into(), (&x).into(), ONE),
        "float32, [2, 2], [2.0, 3.0, 3.0, 4.0]",
    );
    check(
        maximum((&f(&[1.0, NAN, 2.0])).into(), (&f(&[NAN, 1.0, 1.0])).into()),
        "float32, [3], [NaN, NaN, 2.0]",
    );
    check(
        fmax((&f(&[1.0, NAN, 2.0])).into(), (&f(&[NAN, 1.0, 1.0])).into()),
        "float32, [3], [1.0, 1.0, 2.0]",
    );
    check(
        gcd((&i(&[12, -8, 0])).into(), (&i(&[18, 12, 0])).into()),
        "int64, [3], [6, 4, 0]",
    );
    check(
        lcm((&i(&[4, -6, 0])).into(), (&i(&[6, 4, 3])).into()),
        "int64, [3], [12, 12, 0]",
    );
    check(
        logaddexp((&f(&[0.0, INF, -INF])).into(), (&f(&[0.0, INF, -INF])).into()),
        "float32, [3], [0.6931472, inf, -inf]",
    );
    check(
        heaviside((&f(&[-1.0, 0.0, 2.0])).into(), (&f(&[0.5])).into()),
        "float32, [3], [0.0, 0.5, 1.0]",
    );
    check(
        copysign((&i(&[1, 2])).into(), n(-1.0)),
        "float32, [2], [-1.0, -2.0]",
    );
}

#[test]
fn divisions() {
    let (x, y) = (i(&[7, -7, 7, -7]), i(&[2, 2, -2, -2]));
    check(
        div((&x).into(), (&y).into()),
        "float32, [4], [3.5, -3.5, -3.5, 3.5]",
    );
    check(
        div_mode((&x).into(), (&y).into(), Rounding::Trunc),
        "int64, [4], [3, -3, -3, 3]",
    );
    check(
        floor_divide((&x).into(), (&y).into()),
        "int64, [4], [3, -4, -4, 3]",
    );
    check(remainder((&x).into(), (&y).into()), "int64, [4], [1, 1, -1, -1]");
    check(fmod((&x).into(), (&y).into()), "int64, [4], [1, -1, 1, -1]");
    check(floor_divide((&x).into(), n(0)), "ZeroDivisionError");
    check(remainder((&i(&[i64::MIN])).into(), n(-1)), "int64, [1], [0]");
    check(
        floor_divide((&f(&[1.0, -1.0, 1.0])).into(), (&f(&[0.0, 0.3, 0.1])).into()),
        "float32, [3], [inf, -4.0, 9.0]",
    );
    check(
        remainder((&f(&[-1.0, 5.5])).into(), n(3)),
        "float32, [2], [2.0, 2.5]",
    );
    check(pow((&i(&[2, -3])).into(), n(3)), "int64, [2], [8, -27]");
    check(
        pow((&i(&[2])).into(), n(-1)),
        "Integers to negative integer powers are not allowed.",
    );
    check(
        pow((&i(&[2, 1, -1, -1])).into(), (&i(&[-1, -5, -3, -4])).into()),
        "int64, [4], [0, 1, -1, 1]",
    );
    check(pow((&i(&[4])).into(), n(0.5)), "float32, [1], [2.0]");
    check(
        pow((&f(&[2.0, 0.0])).into(), n(-2.0)),
        "float32, [2], [0.25, inf]",
    );
    check(pow(n(2), (&i(&[3, 4])).into()), "int64, [2], [8, 16]");
    check(pow((&f(&[-8.0, 4.0])).into(), n(1.5)), "float32, [2], [NaN, 8.0]");
}

#[test]
fn tests_and_logic() {
    let x = f(&[1.0, NAN, INF]);
    check(lt((&x).into(), n(2)), "bool, [3], [true, false, false]");
    check(ne((&x).into(), (&x).into()), "bool, [3], [false, true, false]");
    check(isnan(&x), "bool, [3], [false, true, false]");
    check(isfinite(&x), "bool, [3], [true, false, false]");
    check(
        logical_and((&i(&[0, 2])).into(), (&f(&[1.0, 0.5])).into()),
        "bool, [2], [false, true]",
    );
    check(logical_not(&i(&[0, 2])), "bool, [2], [true, false]");
    check(bitwise_and((&i(&[6, 5])).into(), n(3)), "int64, [2], [2, 1]");
    check(bitwise_not(&b(&[true, false])), "bool, [2], [false, true]");
    check(
        bitwise_left_shift((&i(&[1, -1])).into(), n(3)),
        "int64, [2], [8, -8]",
    );
    check(
        bitwise_right_shift((&i(&[-8, 8])).into(), n(1)),
        "int64, [2], [-4, 4]",
    );
    check(
        bitwise_and((&f(&[1.0])).into(), n(3)),
        "\"bitwise_and_cpu\" not implemented for 'Float'",
    );
    assert!(allclose(&f(&[1.0, 2.0]), &f(&[1.0, 2.000001]), 1e-5, 1e-8, false).unwrap());
    assert!(!allclose(&f(&[NAN]), &f(&[NAN]), 1e-5, 1e-8, false).unwrap());
    assert!(equal(&i(&[1, 2]), &i(&[1, 2])).unwrap());
}

#[test]
fn in_place_and_out() {
    let x = i(&[1, 2]);
    check(
        add_to(To::InPlace(&x), (&x).into(), n(1.5), ONE),
        "result type Float can't be cast to the desired output type Long",
    );
    check(
        add_to(To::InPlace(&x), (&x).into(), (&x).into(), ONE),
        "int64, [2], [2, 4]",
    );
    assert_eq!(x.to_vec::<i64>().unwrap(), [2, 4]);
    // A shifted overlap reads the old values.
    let x = f(&[1.0, 2.0, 3.0, 4.0]);
    let (head, tail) = (x.narrow(0, 0, 3).unwrap(), x.narrow(0, 1, 3).unwrap());
    add_to(To::InPlace(&tail), (&tail).into(), (&head).into(), ONE).unwrap();
    assert_eq!(x.to_vec::<f32>().unwrap(), [1.0, 3.0, 5.0, 7.0]);
    let out = Tensor::empty(&[0], DType::Double).unwrap();
    check(
        exp_to(To::Out(&out), &f(&[0.0, 1.0])),
        "float64, [2], [1.0, 2.7182817459106445]",
    );
    let y = f(&[1.0]).expand(&[3]).unwrap();
    check(
        add_to(To::InPlace(&y), (&y).into(), n(1), ONE),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    );
    let z = f(&[1.0]);
    check(
        add_to(To::InPlace(&z), (&z).into(), (&f(&[1.0, 2.0])).into(), ONE),
        "output with shape [1] doesn't match the broadcast shape [2]",
    );
}

#[test]
fn functions() {
    check(sqrt(&i(&[4, 9])), "float32, [2], [2.0, 3.0]");
    check(neg(&u(&[1])), "uint8, [1], [255]");
    check(abs(&i(&[-3, 3])), "int64, [2], [3, 3]");
    check(sign(&f(&[-2.0, 0.0, 3.0])), "float32, [3], [-1.0, 0.0, 1.0]");
    check(
        round(&f(&[0.5, 1.5, 2.5, -0.5])),
        "float32, [4], [0.0, 2.0, 2.0, -0.0]",
    );
    check(round_decimals(&f(&[1.25, 0.35]), 1), "float32, [2], [1.2, 0.4]");
    check(round_decimals(&f(&[125.0]), -1), "float32, [1], [120.0]");
    check(floor(&i(&[3])), "int64, [1], [3]");
    check(frac(&f(&[-1.5, 2.25])), "float32, [2], [-0.5, 0.25]");
    check(
        nan_to_num(&f(&[NAN, INF, -INF]), None, Some(5.0), None),
        "float32, [3], [0.0, 5.0, -3.4028235e38]",
    );
    check(
        logit(&f(&[0.5, 0.0]), Some(0.25)),
        "float32, [2], [0.0, -1.0986123]",
    );
    check(sigmoid(&f(&[0.0])), "float32, [1], [0.5]");
    check(
        neg(&b(&[true])),
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    );
}

#[test]
fn activations() {
    let x = f(&[-1.0, 0.0, 2.0]);
    check(relu(&x), "float32, [3], [0.0, 0.0, 2.0]");
    check(relu6(&f(&[7.0])), "float32, [1], [6.0]");
    check(leaky_relu(&x, 0.5), "float32, [3], [-0.5, 0.0, 2.0]");
    check(hardswish(&x), "float32, [3], [-0.33333334, 0.0, 1.6666666]");
    check(hardsigmoid(&f(&[0.0, 9.0])), "float32, [2], [0.5, 1.0]");
    check(softshrink(&x, 0.5), "float32, [3], [-0.5, 0.0, 1.5]");
    check(threshold(&x, 0.5, 9.0), "float32, [3], [9.0, 9.0, 2.0]");
    check(
        softplus(&f(&[100.0, 0.0]), 1.0, 20.0),
        "float32, [2], [100.0, 0.6931472]",
    );
    check(prelu(&x, &f(&[0.25])), "float32, [3], [-0.25, 0.0, 2.0]");
    check(glu(&f(&[2.0, 0.0]), 0), "float32, [1], [1.0]");
    check(
        gelu(&x, "other"),
        "approximate argument must be either none or tanh.",
    );
    check(gelu(&f(&[1.0]), "none"), "float32, [1], [0.8413447]");
    check(celu(&f(&[-1.0]), 2.0), "float32, [1], [-0.78693867]");
}

#[test]
fn three_operands() {
    let c = b(&[true, false]);
    check(where_(&c, (&i(&[1, 2])).into(), n(9)), "int64, [2], [1, 9]");
    check(where_(&c, n(1.5), n(2)), "float32, [2], [1.5, 2.0]");
    check(
        clamp(&f(&[-1.0, NAN, 5.0]), Some(n(0)), Some(n(1))),
        "float32, [3], [0.0, NaN, 1.0]",
    );
    check(
        clamp(&i(&[-1, 5]), Some(n(0.5)), None),
        "float32, [2], [0.5, 5.0]",
    );
    check(
        clamp(&f(&[1.0]), None, None),
        "torch.clamp: At least one of 'min' or 'max' must not be None",
    );
    check(lerp(&f(&[0.0]), &f(&[10.0]), n(0.25)), "float32, [1], [2.5]");
    check(
        addcmul(&f(&[1.0]), &f(&[2.0]), &f(&[3.0]), 2.into()),
        "float32, [1], [13.0]",
    );
    check(
        addcdiv(&f(&[1.0]), &f(&[3.0]), &f(&[2.0]), 2.into()),
        "float32, [1], [4.0]",
    );
}

#[test]
fn complex_numbers() {
    let z = complex(&f(&[3.0, 0.0]), &f(&[4.0, -1.0])).unwrap();
    check(abs(&z), "float32, [2], [5.0, 1.0]");
    check(conj(&z), "complex64, [2], [3-4i, 0+1i]");
    check(mul((&z).into(), (&z).into()), "complex64, [2], [-7+24i, -1+-0i]");
    check(div((&z).into(), (&z).into()), "complex64, [2], [1+0i, 1+-0i]");
    check(angle(&f(&[-1.0, 2.0])), "float32, [2], [3.1415927, 0.0]");
    check(
        lt((&z).into(), n(1)),
        "\"lt_cpu\" not implemented for 'ComplexFloat'",
    );
    check(
        add(
            (&z).into(),
            (&f(&[1.0, 1.0]).to_dtype(DType::Double).unwrap()).into(),
            ONE,
        ),
        "complex128, [2], [4+4i, 1-1i]",
    );
}

#[test]
fn special_functions() {
    check(lgamma(&f(&[4.0])), "float32, [1], [1.7917595]");
    check(i0(&i(&[0])), "float32, [1], [1.0]");
    check(polygamma(1, &f(&[1.0])), "float32, [1], [1.644934]");
    check(
        legendre_polynomial_p((&f(&[0.5])).into(), n(2)),
        "float32, [1], [-0.125]",
    );
    check(mvlgamma(&f(&[3.0]), 1), "float32, [1], [0.6931472]");
    let (m, e) = frexp(&f(&[10.0])).unwrap();
    check(Ok(m), "float32, [1], [0.625]");
    check(Ok(e), "int32, [1], [4]");
}

/// The same operands in many layouts give the same bits, whatever the number of threads.
#[test]
fn layouts_and_threads_do_not_matter() {
    let n = 3 * 5 * 700;
    let data: Vec<f32> = (0..n).map(|k| ((k * 37 % 101) as f32 - 50.0) / 7.0).collect();
    let x = Tensor::from_slice(&data, &[3, 5, 700]).unwrap();
    let y = Tensor::from_slice(&data[..700], &[700]).unwrap();
    let expected: Vec<f32> = data.iter().enumerate().map(|(k, v)| v * data[k % 700]).collect();
    let tanh_expected = tanh(&x).unwrap().to_vec::<f32>().unwrap();
    let permuted = |t: &Tensor, p: &[i64; 3]| {
        let mut back = [0i64; 3];
        (0..3).for_each(|k| back[p[k] as usize] = k as i64);
        t.permute(p)
            .unwrap()
            .contiguous()
            .unwrap()
            .permute(&back)
            .unwrap()
    };
    for p in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0]] {
        let xp = permuted(&x, &p);
        assert_eq!(xp.to_vec::<f32>().unwrap(), data, "{p:?}");
        for threads in [1, 3] {
            crate::parallel::with_threads(threads, || {
                let r = mul((&xp).into(), (&y).into()).unwrap();
                assert_eq!(r.to_vec::<f32>().unwrap(), expected, "{p:?}");
                assert_eq!(
                    tanh(&xp).unwrap().to_vec::<f32>().unwrap(),
                    tanh_expected,
                    "{p:?}"
                );
                assert_eq!(tanh(&xp).unwrap().strides(), xp.strides(), "{p:?}");
                // into a strided target of another dtype
                let wide = Tensor::zeros(&[3, 5, 1400], DType::Double).unwrap();
                let target = wide.slice(2, Some(1), None, 2).unwrap();
                mul_to(To::InPlace(&target), (&xp).into(), (&y).into()).unwrap();
                assert_eq!(target.to_vec::<f32>().unwrap(), expected, "{p:?}");
            });
        }
    }
    let half: Vec<f16> = data.iter().map(|v| f16::from_f32(*v)).collect();
    let h = Tensor::from_slice(&half, &[3, 5, 700]).unwrap();
    let expected: Vec<f32> = half
        .iter()
        .map(|v| f16::from_f32(v.to_f32() * 3.0).to_f32())
        .collect();
    let r = mul((&permuted(&h, &[2, 0, 1])).into(), Arg::Number(3.into())).unwrap();
    assert_eq!(r.to_vec::<f32>().unwrap(), expected);
}

#[test]
fn empty_and_zero_dimensional() {
    check(add((&f(&[])).into(), n(1), ONE), "float32, [0], []");
    let z = Tensor::scalar_tensor(2.0, DType::Double).unwrap();
    check(add((&f(&[1.0])).into(), (&z).into(), ONE), "float32, [1], [3.0]");
    check(add((&i(&[1])).into(), (&z).into(), ONE), "float64, [1], [3.0]");
    check(add((&z).into(), (&z).into(), ONE), "float64, [], [4.0]");
    let e = Tensor::empty(&[0, 3], DType::Float).unwrap();
    check(
        add((&e).into(), (&f(&[1.0, 2.0, 3.0])).into(), ONE),
        "float32, [0, 3], []",
    );
}
