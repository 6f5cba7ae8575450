//! The fast kernels against the definition, over small integers, so that sums are exact.

use super::implicit::{Mode, convolve, pack_weights};
use super::shape::ConvShape;
use super::{by_tap, depthwise, plain};
use crate::nn::vector::Real;
use crate::parallel::with_threads;

fn numbers<T>(n: usize, seed: usize, of: fn(f64) -> T) -> Vec<T> {
    (0..n)
        .map(|i| of(((i * 7919 + seed * 104_729) % 17) as f64 - 8.0))
        .collect()
}

fn check<T: Real + bytemuck::Pod>(s: &ConvShape, of: fn(f64) -> T) {
    let input = numbers(s.batch * s.groups * s.channels * s.input_plane(), 1, of);
    let weights = numbers(s.groups * s.features * s.depth(), 2, of);
    let n = s.batch * s.groups * s.features * s.output_plane();
    let mut want = vec![of(0.0); n];
    plain::convolve(
        s,
        &input,
        &weights,
        of(0.0),
        |s, x, w| s.plus(x.times(w)),
        |at, sum| want[at] = sum,
    );
    let bias = |_: usize, f: usize, _: usize, piece: &mut [T]| {
        (0..f).for_each(|_| piece.iter_mut().for_each(|x| *x = x.plus(T::ONE)));
    };
    let mut biased = want.clone();
    let plane = s.output_plane().max(1);
    for (i, x) in biased.iter_mut().enumerate() {
        (0..i / plane % (s.groups * s.features)).for_each(|_| *x = x.plus(T::ONE));
    }
    for threads in [1, 2] {
        with_threads(threads, || {
            for mode in [Mode::Wide, Mode::Tall, Mode::ByTap] {
                if mode == Mode::ByTap && !by_tap::can(s) {
                    continue;
                }
                let packed = pack_weights(s, &weights, mode).unwrap();
                let mut out = vec![of(99.0); n];
                convolve(s, &input, &packed, &mut out, None).unwrap();
                assert_eq!(out, want, "{s:?} {mode:?}");
                convolve(s, &input, &packed, &mut out, Some(&bias)).unwrap();
                assert_eq!(out, biased, "{s:?} {mode:?} with bias");
            }
            if s.channels == 1 {
                let mut out = vec![of(99.0); n];
                depthwise::convolve(s, &input, &weights, &mut out, Some(&bias)).unwrap();
                assert_eq!(out, biased, "{s:?} depthwise");
            }
        });
    }
}

/// Output size from the other numbers.
fn shape(
    (batch, groups, channels, features): (usize, usize, usize, usize),
    input: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
    dilation: [usize; 3],
) -> ConvShape {
    let output = std::array::from_fn(|i| {
        (input[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1
    });
    ConvShape {
        batch,
        groups,
        channels,
        features,
        input,
        kernel,
        stride,
        padding,
        dilation,
        output,
    }
}

#[test]
fn fast_kernels_equal_the_definition() {
    let one = [1; 3];
    let zero = [0; 3];
    for s in [
        shape((1, 1, 1, 1), [1, 1, 1], one, one, zero, one),
        shape((2, 1, 3, 5), [1, 7, 9], one, one, zero, one),
        shape((1, 1, 5, 14), [1, 9, 8], one, [1, 2, 2], zero, one),
        shape((1, 1, 4, 13), [1, 8, 8], [1, 3, 3], one, [0, 1, 1], one),
        shape((2, 1, 3, 33), [1, 14, 14], [1, 3, 3], one, [0, 1, 1], one),
        shape((1, 1, 3, 8), [1, 23, 21], [1, 7, 7], [1, 2, 2], [0, 3, 3], one),
        shape(
            (1, 1, 2, 3),
            [1, 1, 40],
            [1, 1, 5],
            [1, 1, 3],
            [0, 0, 2],
            [1, 1, 2],
        ),
        shape(
            (1, 2, 3, 4),
            [1, 10, 11],
            [1, 3, 2],
            [1, 3, 2],
            [0, 2, 1],
            [1, 2, 3],
        ),
        shape((1, 1, 2, 3), [5, 6, 7], [3, 2, 3], [2, 1, 2], [1, 0, 1], one),
        shape((2, 2, 2, 3), [4, 5, 9], [2, 3, 3], one, one, [2, 1, 1]),
        shape((1, 5, 1, 1), [1, 20, 37], [1, 3, 3], one, [0, 1, 1], one),
        shape((2, 3, 1, 2), [1, 15, 15], [1, 5, 5], [1, 2, 2], [0, 2, 2], one),
        shape((1, 4, 1, 1), [1, 7, 7], [1, 7, 7], one, [0, 3, 3], one),
        shape((1, 3, 1, 2), [1, 16, 40], [1, 7, 7], [1, 2, 2], [0, 3, 3], one),
        shape((1, 2, 1, 1), [1, 19, 18], [1, 9, 4], one, [0, 4, 1], one),
        shape((1, 2, 1, 1), [1, 15, 17], [1, 5, 3], one, [0, 4, 2], [1, 2, 2]),
        shape((1, 3, 1, 1), [6, 9, 33], [3, 3, 3], [1, 2, 1], one, [1, 1, 2]),
        shape((1, 2, 1, 1), [1, 3, 200], [1, 1, 9], one, zero, one),
        shape((3, 1, 40, 20), [1, 7, 7], [1, 3, 3], one, [0, 1, 1], one),
        shape((1, 1, 200, 40), [1, 7, 7], one, one, zero, one),
        shape((1, 1, 2, 2), [1, 3, 3], [1, 3, 3], one, [0, 9, 9], [1, 5, 5]),
        shape(
            (1, 1, 3, 5),
            [1, 28, 28],
            [1, 3, 3],
            one,
            [0, 20, 20],
            [1, 20, 20],
        ),
        shape((2, 2, 70, 9), [1, 9, 12], [1, 3, 3], one, [0, 10, 6], [1, 10, 6]),
        shape((1, 1, 3, 4), [1, 5, 40], [1, 2, 5], one, [0, 0, 12], [1, 4, 7]),
        shape((0, 1, 2, 2), [1, 3, 3], [1, 2, 2], one, zero, one),
        shape((1, 1, 0, 2), [1, 3, 3], [1, 2, 2], one, zero, one),
    ] {
        check::<f32>(&s, |x| x as f32);
        check::<f64>(&s, |x| x);
    }
}
