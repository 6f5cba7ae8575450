//! Literals recorded from PyTorch 2.15; the naive sum as the reference for many lengths.

use super::stft::*;
use super::window::*;
use super::*;

fn t(data: &[f64], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(data, sizes).unwrap()
}

fn complex(data: &[f64], sizes: &[i64]) -> Tensor {
    let pairs: Vec<_> = data.chunks(2).map(|p| Complex::new(p[0], p[1])).collect();
    Tensor::from_slice(&pairs, sizes).unwrap()
}

/// One call a line: its text without spaces, the sizes of its result, and the elements, complex ones as pairs.
const EXPECTED: &str = include_str!("tests.txt");

#[track_caller]
fn check(call: &str, found: Result<Tensor>) {
    let call: String = call.split_whitespace().collect();
    let line = EXPECTED
        .lines()
        .find_map(|line| line.strip_prefix(&*call)?.strip_prefix(" | "));
    let Some((sizes, expected)) = line.and_then(|line| line.split_once(" | ")) else {
        panic!("no line for {call}");
    };
    let sizes: Vec<i64> = sizes.split_whitespace().map(|s| s.parse().unwrap()).collect();
    let expected: Vec<f64> = expected.split_whitespace().map(|e| e.parse().unwrap()).collect();
    let found = found.unwrap();
    assert_eq!(found.sizes(), sizes, "{call}");
    let found: Vec<f64> = if found.is_complex() {
        let pairs = found.to_vec::<Complex<f64>>().unwrap();
        pairs.iter().flat_map(|z| [z.re, z.im]).collect()
    } else {
        found.to_vec::<f64>().unwrap()
    };
    assert_eq!(found.len(), expected.len(), "{call}");
    for (f, e) in found.iter().zip(&expected) {
        assert!(
            (f - e).abs() < 1e-6 * e.abs().max(1.0),
            "{call}: {found:?}, not {expected:?}"
        );
    }
}

/// The call names its line.
macro_rules! check {
    ($call:expr) => {
        check(stringify!($call), $call)
    };
}

#[test]
fn many_lengths() {
    let lengths = [
        1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 16, 30, 31, 37, 49, 64, 74, 97, 100, 121, 128, 210, 243, 256, 331,
        1024,
    ];
    for n in lengths {
        for count in [1usize, 3, 17] {
            let signal: Vec<Complex<f64>> = (0..n * count)
                .map(|k| Complex::new((k as f64 * 0.7).sin(), (k * k % 11) as f64 / 11.0))
                .collect();
            let t = Tensor::from_slice(&signal, &[count as i64, n as i64]).unwrap();
            let found = fft(&t, None, -1, None).unwrap().to_vec::<Complex<f64>>().unwrap();
            let row = count - 1;
            for k in 0..n {
                let exact = (0..n).fold(Complex::new(0.0, 0.0), |sum, j| {
                    let angle = -2.0 * std::f64::consts::PI * (j * k % n) as f64 / n as f64;
                    sum + signal[row * n + j] * Complex::from_polar(1.0, angle)
                });
                assert!(
                    (found[row * n + k] - exact).norm() < 1e-11 * n as f64,
                    "{n} at {k}"
                );
            }
            let single = t.to_dtype(DType::ComplexFloat).unwrap();
            let back = ifft(&fft(&single, None, -1, None).unwrap(), None, -1, None).unwrap();
            let back = back.to_vec::<Complex<f64>>().unwrap();
            assert!(
                back.iter().zip(&signal).all(|(b, s)| (b - s).norm() < 2e-6),
                "{n} in f32"
            );
        }
    }
}

#[test]
fn functions() {
    let x = t(
        &[
            0.625, 0.25, 0.0, 0.625, -0.5, -0.125, -1.5, 0.375, -1.0, -0.625, -0.875, -0.0,
        ],
        &[3, 4],
    );
    let z = complex(
        &[
            0.625, -1.0, 0.25, -0.625, 0.0, -0.875, 0.625, -0.0, -0.5, -0.5, -0.125, -0.125, -1.5, -1.5,
            0.375, 0.375, -1.0, 0.625, -0.625, 0.25, -0.875, 0.0, -0.0, 0.625,
        ],
        &[3, 4],
    );
    check!(fft(&z, None, -1, None));
    check!(fft(&z, Some(5), 0, Some("ortho")));
    check!(fft(&z, Some(2), 1, Some("forward")));
    check!(ifft(&z, None, -1, None));
    check!(ifft(&z, Some(5), 0, Some("ortho")));
    check!(ifft(&z, Some(2), 1, Some("forward")));
    check!(hfft(&z, None, -1, None));
    check!(hfft(&z, Some(5), 0, Some("ortho")));
    check!(hfft(&z, Some(2), 1, Some("forward")));
    check!(irfft(&z, None, -1, None));
    check!(irfft(&z, Some(5), 0, Some("ortho")));
    check!(irfft(&z, Some(2), 1, Some("forward")));
    check!(rfft(&x, None, -1, None));
    check!(rfft(&x, Some(5), 0, Some("ortho")));
    check!(rfft(&x, Some(3), 1, Some("forward")));
    check!(rfft(&x, None, 1, Some("backward")));
    check!(ihfft(&x, None, -1, None));
    check!(ihfft(&x, Some(5), 0, Some("ortho")));
    check!(ihfft(&x, Some(3), 1, Some("forward")));
    check!(ihfft(&x, None, 1, Some("backward")));
    check!(fftn(&z, None, None, None));
    check!(fftn(&z, Some(&[5, 2]), None, Some("ortho")));
    check!(fftn(&z, Some(&[3]), Some(&[0]), Some("forward")));
    check!(fftn(&z, None, Some(&[1, 0]), None));
    check!(ifftn(&z, None, None, None));
    check!(ifftn(&z, Some(&[5, 2]), None, Some("ortho")));
    check!(ifftn(&z, Some(&[3]), Some(&[0]), Some("forward")));
    check!(ifftn(&z, None, Some(&[1, 0]), None));
    check!(hfftn(&z, None, None, None));
    check!(hfftn(&z, Some(&[5, 2]), None, Some("ortho")));
    check!(hfftn(&z, Some(&[3]), Some(&[0]), Some("forward")));
    check!(hfftn(&z, None, Some(&[1, 0]), None));
    check!(irfftn(&z, None, None, None));
    check!(irfftn(&z, Some(&[5, 2]), None, Some("ortho")));
    check!(irfftn(&z, Some(&[3]), Some(&[0]), Some("forward")));
    check!(irfftn(&z, None, Some(&[1, 0]), None));
    check!(rfftn(&x, None, None, None));
    check!(rfftn(&x, Some(&[5, 2]), None, Some("ortho")));
    check!(rfftn(&x, Some(&[3]), Some(&[0]), Some("forward")));
    check!(rfftn(&x, None, Some(&[1, 0]), None));
    check!(ihfftn(&x, None, None, None));
    check!(ihfftn(&x, Some(&[5, 2]), None, Some("ortho")));
    check!(ihfftn(&x, Some(&[3]), Some(&[0]), Some("forward")));
    check!(ihfftn(&x, None, Some(&[1, 0]), None));
    check!(fftshift(&x, None));
    check!(fftshift(&x, Some(&[0])));
    check!(fftshift(&x, Some(&[0, 1])));
    check!(ifftshift(&x, None));
    check!(ifftshift(&x, Some(&[0])));
    check!(ifftshift(&x, Some(&[0, 1])));
    check!(fftfreq(4, 0.5, DType::Float));
    check!(rfftfreq(4, 0.5, DType::Float));
    check!(fftfreq(5, 0.5, DType::Float));
    check!(rfftfreq(5, 0.5, DType::Float));
    assert!(
        fft(&x, Some(0), 0, None).is_err()
            && fft(&x, None, 2, None).is_err()
            && fft(&x, None, 0, Some("x")).is_err()
    );
    assert!(rfft(&z, None, 0, None).is_err() && fftn(&x, None, Some(&[0, 0]), None).is_err());
    let integers = Tensor::from_slice(&[1i64, 2], &[2]).unwrap();
    assert_eq!(
        fft(&integers, None, 0, None).unwrap().dtype(),
        DType::ComplexFloat
    );
}

#[test]
fn windows() {
    check!(hann_window(1, true, DType::Double));
    check!(hamming_window(1, true, 0.5, 0.4, DType::Double));
    check!(blackman_window(1, true, DType::Double));
    check!(bartlett_window(1, true, DType::Double));
    check!(kaiser_window(1, true, 7.0, DType::Double));
    check!(hann_window(1, false, DType::Double));
    check!(hamming_window(1, false, 0.5, 0.4, DType::Double));
    check!(blackman_window(1, false, DType::Double));
    check!(bartlett_window(1, false, DType::Double));
    check!(kaiser_window(1, false, 7.0, DType::Double));
    check!(hann_window(2, true, DType::Double));
    check!(hamming_window(2, true, 0.5, 0.4, DType::Double));
    check!(blackman_window(2, true, DType::Double));
    check!(bartlett_window(2, true, DType::Double));
    check!(kaiser_window(2, true, 7.0, DType::Double));
    check!(hann_window(2, false, DType::Double));
    check!(hamming_window(2, false, 0.5, 0.4, DType::Double));
    check!(blackman_window(2, false, DType::Double));
    check!(bartlett_window(2, false, DType::Double));
    check!(kaiser_window(2, false, 7.0, DType::Double));
    check!(hann_window(5, true, DType::Double));
    check!(hamming_window(5, true, 0.5, 0.4, DType::Double));
    check!(blackman_window(5, true, DType::Double));
    check!(bartlett_window(5, true, DType::Double));
    check!(kaiser_window(5, true, 7.0, DType::Double));
    check!(hann_window(5, false, DType::Double));
    check!(hamming_window(5, false, 0.5, 0.4, DType::Double));
    check!(blackman_window(5, false, DType::Double));
    check!(bartlett_window(5, false, DType::Double));
    check!(kaiser_window(5, false, 7.0, DType::Double));
    check!(hann_window(6, true, DType::Double));
    check!(hamming_window(6, true, 0.5, 0.4, DType::Double));
    check!(blackman_window(6, true, DType::Double));
    check!(bartlett_window(6, true, DType::Double));
    check!(kaiser_window(6, true, 7.0, DType::Double));
    check!(hann_window(6, false, DType::Double));
    check!(hamming_window(6, false, 0.5, 0.4, DType::Double));
    check!(blackman_window(6, false, DType::Double));
    check!(bartlett_window(6, false, DType::Double));
    check!(kaiser_window(6, false, 7.0, DType::Double));
    assert!(hann_window(-1, true, DType::Float).is_err() && hann_window(3, true, DType::Long).is_err());
}

#[test]
fn short_time() {
    let y = t(
        &[
            1.375, 1.0, 0.375, 0.375, 0.75, 0.375, 0.625, 1.625, -0.75, -0.0, -0.25, -0.375, -1.125, 0.5,
            1.0, -0.125, 1.75, -0.375, -1.0, -0.25, 0.625, 0.125, -1.5, -0.625, -0.875, 1.875, 1.125, 0.0,
            -0.625, -1.125, -2.0, -0.5, -0.5, -0.125, 1.25, 0.875, 1.625, -0.125, 0.625, 0.0,
        ],
        &[2, 20],
    );
    let w = t(
        &[
            0.0,
            0.24999999999999994,
            0.7499999999999999,
            1.0,
            0.7500000000000002,
            0.25000000000000033,
        ],
        &[6],
    );
    let args = Stft {
        n_fft: 8,
        hop_length: Some(3),
        win_length: Some(6),
        window: Some(&w),
        normalized: false,
        onesided: None,
    };
    check!(stft(&y, args, Some(true)));
    check!(stft(&center_pad(&y, 8, "reflect").unwrap(), args, Some(true)));
    check!(stft(&center_pad(&y, 8, "constant").unwrap(), args, Some(true)));
    check!(stft(&center_pad(&y, 8, "replicate").unwrap(), args, Some(true)));
    check!(stft(&center_pad(&y, 8, "circular").unwrap(), args, Some(true)));
    let z = stft(&center_pad(&y, 8, "reflect").unwrap(), args, Some(true)).unwrap();
    check!(istft(&z, args, true, None, false));
    check!(istft(&z, args, true, Some(19), false));
    let plain = Stft {
        n_fft: 8,
        hop_length: None,
        win_length: None,
        window: None,
        normalized: true,
        onesided: Some(false),
    };
    check!(stft(&y.select(0, 0).unwrap(), plain, Some(false)));
    assert!(stft(&y, args, None).is_err() && stft(&y, Stft { n_fft: 0, ..args }, Some(true)).is_err());
    assert!(
        stft(
            &y,
            Stft {
                hop_length: Some(0),
                ..args
            },
            Some(true)
        )
        .is_err()
    );
    assert!(istft(&y, args, true, None, false).is_err());
}
