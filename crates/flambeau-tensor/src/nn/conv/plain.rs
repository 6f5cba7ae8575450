//! Convolution by its definition: the oracle of the fast kernels, and what runs for the types they do not serve.

use super::shape::ConvShape;

/// Convolves with `madd(sum, input, weight)`, starting each sum from `zero`.
pub fn convolve<T: Copy, S: Copy>(
    s: &ConvShape,
    input: &[T],
    weights: &[T],
    zero: S,
    madd: impl Fn(S, T, T) -> S,
    mut put: impl FnMut(usize, S),
) {
    let (plane, taps) = (s.input_plane(), s.taps());
    let mut at = 0;
    for image in 0..s.batch {
        for feature in 0..s.groups * s.features {
            let first = (image * s.groups + feature / s.features) * s.channels;
            for d in 0..s.output[0] {
                for h in 0..s.output[1] {
                    for w in 0..s.output[2] {
                        let mut sum = zero;
                        for c in 0..s.channels {
                            let input = &input[(first + c) * plane..][..plane];
                            let weights = &weights[(feature * s.channels + c) * taps..][..taps];
                            for (tap, &weight) in weights.iter().enumerate() {
                                let k = [
                                    tap / (s.kernel[1] * s.kernel[2]),
                                    tap / s.kernel[2] % s.kernel[1],
                                    tap % s.kernel[2],
                                ];
                                let from = |i: usize, o: usize| {
                                    (o * s.stride[i] + k[i] * s.dilation[i])
                                        .checked_sub(s.padding[i])
                                        .filter(|&x| x < s.input[i])
                                };
                                if let (Some(d), Some(h), Some(w)) = (from(0, d), from(1, h), from(2, w)) {
                                    sum = madd(sum, input[(d * s.input[1] + h) * s.input[2] + w], weight);
                                }
                            }
                        }
                        put(at, sum);
                        at += 1;
                    }
                }
            }
        }
    }
}

/// The transposed convolution by its definition: every incoming element is added, times each weight, where a
/// convolution would have read it. Slices as in [`super::transposed::convolve`]; `out` starts at zero.
pub fn transposed<T: Copy>(
    s: &ConvShape,
    input: &[T],
    weights: &[T],
    out: &mut [T],
    madd: impl Fn(T, T, T) -> T,
) {
    let (plane, taps, pixels) = (s.input_plane(), s.taps(), s.output_plane());
    for image in 0..s.batch {
        for feature in 0..s.groups * s.features {
            let first = (image * s.groups + feature / s.features) * s.channels;
            for pixel in 0..pixels {
                let x = input[(image * s.groups * s.features + feature) * pixels + pixel];
                let o = [
                    pixel / (s.output[1] * s.output[2]),
                    pixel / s.output[2] % s.output[1],
                    pixel % s.output[2],
                ];
                for c in 0..s.channels {
                    let out = &mut out[(first + c) * plane..][..plane];
                    let weights = &weights[(feature * s.channels + c) * taps..][..taps];
                    for (tap, &weight) in weights.iter().enumerate() {
                        let k = [
                            tap / (s.kernel[1] * s.kernel[2]),
                            tap / s.kernel[2] % s.kernel[1],
                            tap % s.kernel[2],
                        ];
                        let to = |i: usize| {
                            (o[i] * s.stride[i] + k[i] * s.dilation[i])
                                .checked_sub(s.padding[i])
                                .filter(|&x| x < s.input[i])
                        };
                        if let (Some(d), Some(h), Some(w)) = (to(0), to(1), to(2)) {
                            let to = &mut out[(d * s.input[1] + h) * s.input[2] + w];
                            *to = madd(*to, x, weight);
                        }
                    }
                }
            }
        }
    }
}
