//! Every path against plain loops, over integers small enough that the sums are exact.

use super::skinny::{Dots, Streams, dots, streams};
use super::*;
use crate::nn::vector::Real;
use crate::parallel::{SharedMut, with_threads};

fn numbers(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|i| ((i * 7919 + seed * 104_729) % 17) as f64 - 8.0)
        .collect()
}

fn plain(m: usize, n: usize, k: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            c[i * n + j] = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
        }
    }
    c
}

fn matrix<T>(data: &[T], rows: isize, columns: isize) -> Matrix<T> {
    Matrix {
        data: data.as_ptr(),
        row_stride: rows,
        column_stride: columns,
    }
}

fn check<T: Real + bytemuck::Pod>(m: usize, n: usize, k: usize, of: fn(f64) -> T) {
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let want: Vec<T> = plain(m, n, k, &a, &b).into_iter().map(of).collect();
    let a: Vec<T> = a.into_iter().map(of).collect();
    let b: Vec<T> = b.into_iter().map(of).collect();
    let at: Vec<T> = (0..m * k).map(|i| a[i % m.max(1) * k + i / m.max(1)]).collect();
    let bt: Vec<T> = (0..n * k).map(|i| b[i % k.max(1) * n + i / k.max(1)]).collect();
    let (mi, ni, ki) = (m as isize, n as isize, k as isize);
    let lefts = [matrix(&a, ki, 1), matrix(&at, 1, mi)];
    let rights = [matrix(&b, ni, 1), matrix(&bt, 1, ki)];
    for threads in [1, 2] {
        for left in lefts {
            for right in rights {
                let mut c = vec![of(99.0); m * n];
                let product = Product {
                    m,
                    n,
                    k,
                    a: Rows::Strided(left),
                    b: Columns::Strided(right),
                    c: SharedMut(c.as_mut_ptr()),
                    c_stride: n,
                    add: false,
                    finish: None,
                };
                with_threads(threads, || unsafe { multiply(&product) }).unwrap();
                assert_eq!(c, want, "{m}×{k}×{n} threads {threads}");
                let finish = |i: usize, j: usize, piece: &mut [T]| {
                    assert!(i < m && j + piece.len() <= n);
                    piece.iter_mut().for_each(|x| *x = x.plus(of(1.0)));
                };
                let again = Product {
                    add: true,
                    finish: Some(&finish),
                    ..product
                };
                with_threads(threads, || unsafe { multiply(&again) }).unwrap();
                let twice: Vec<T> = want.iter().map(|x| x.plus(*x).plus(of(1.0))).collect();
                assert_eq!(c, twice, "{m}×{k}×{n} added");
            }
        }
        if m <= 20 {
            let mut c = vec![of(99.0); m * n];
            let job = Dots::new(
                (m, n, k),
                matrix(&a, ki, 1),
                matrix(&bt, ki, 1),
                SharedMut(c.as_mut_ptr()),
                (n, 1),
            );
            with_threads(threads, || unsafe { dots(job) });
            assert_eq!(c, want, "dots {m}×{k}×{n}");
        }
        if m <= skinny::STREAMS_MOST {
            let mut c = vec![of(99.0); m * n];
            let job = Streams::new(
                (m, n, k),
                matrix(&a, ki, 1),
                matrix(&b, ni, 1),
                SharedMut(c.as_mut_ptr()),
                n,
            );
            with_threads(threads, || unsafe { streams(job) });
            assert_eq!(c, want, "streams {m}×{k}×{n}");
        }
    }
}

#[test]
fn products_equal_plain_loops() {
    let sizes = [0, 1, 2, 5, 7, 12, 13, 16, 17, 25, 33];
    for m in sizes {
        for n in sizes {
            for k in [0, 1, 3, 16, 21] {
                check::<f32>(m, n, k, |x| x as f32);
                check::<f64>(m, n, k, |x| x);
            }
        }
    }
    for (m, n, k) in [
        (1, 700, 1000),
        (3, 1300, 50),
        (100, 49, 900),
        (50, 1500, 400),
        (200, 200, 1200),
        (300, 31, 769),
    ] {
        check::<f32>(m, n, k, |x| x as f32);
        check::<f64>(m, n, k, |x| x);
    }
}
