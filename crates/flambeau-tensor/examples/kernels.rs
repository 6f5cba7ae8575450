//! Speed of the kernels relative to what the processor's multipliers can do.
//!
//! `cargo run --release --example kernels [filter]` prints GFLOP/s, the share of the peak that a probe of dependent-free
//! multiply-adds reaches, and milliseconds, for one thread and for two.

use flambeau_tensor::nn::gemm::{Columns, Matrix, Product, Rows, multiply, skinny};
use flambeau_tensor::nn::vector::{Vector, WithVector, run};
use flambeau_tensor::parallel::{SharedMut, with_threads};
use std::time::Instant;

/// Seconds of the fastest of many calls, within about a third of a second.
fn best(mut body: impl FnMut()) -> f64 {
    body();
    let start = Instant::now();
    let mut best = f64::INFINITY;
    let mut calls = 0;
    while calls < 3 || (start.elapsed().as_secs_f64() < 0.3 && calls < 2000) {
        let t = Instant::now();
        body();
        best = best.min(t.elapsed().as_secs_f64());
        calls += 1;
    }
    best
}

/// Multiply-adds on 24 independent registers: nothing but arithmetic.
struct Probe;

impl WithVector<f32> for Probe {
    type Output = f32;
    #[inline(always)]
    unsafe fn call<V: Vector<Elem = f32>>(self) -> f32 {
        unsafe {
            let (a, b) = (
                V::splat(std::hint::black_box(0.5)),
                V::splat(std::hint::black_box(0.25)),
            );
            let mut sums = [a; 24];
            for _ in 0..PROBE {
                for s in &mut sums {
                    *s = s.fma(a, b);
                }
            }
            std::hint::black_box(sums.iter().fold(a, |x, y| x.add(*y)).sum())
        }
    }
}

const PROBE: usize = 100_000;

fn lanes() -> usize {
    flambeau_tensor::nn::gemm::panel_width::<f32>() / 2
}

struct Report {
    peak: f64,
    filter: String,
}

impl Report {
    fn line(&self, name: &str, flops: f64, mut body: impl FnMut()) {
        if !name.contains(&self.filter) {
            return;
        }
        print!("{name:44}");
        for threads in [1, 2] {
            let s = with_threads(threads, || best(&mut body));
            let rate = flops / s * 1e-9;
            print!(
                "  {rate:7.1} GFLOP/s {:5.1} % {:8.3} ms",
                rate / self.peak / threads as f64 * 100.0,
                s * 1e3
            );
        }
        println!();
    }
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let seconds = best(|| _ = run(Probe));
    let peak = (PROBE * 24 * lanes() * 2) as f64 / seconds * 1e-9;
    println!(
        "{:?}: peak {peak:.1} GFLOP/s on one thread",
        flambeau_tensor::simd::isa()
    );
    let report = Report { peak, filter };
    products(&report);
}

fn products(report: &Report) {
    let shapes = [
        (512, 512, 512),
        (1024, 1024, 1024),
        (3136, 64, 576),
        (64, 3136, 576),
        (128, 784, 1152),
        (256, 196, 2304),
        (512, 49, 4608),
        (49, 512, 4608),
        (32, 32, 32),
        (128, 128, 128),
        (197, 768, 768),
        (64, 1024, 1024),
    ];
    for (m, n, k) in shapes {
        let a = vec![0.5f32; m * k];
        let b = vec![0.25f32; n * k];
        let mut c = vec![0f32; m * n];
        let flops = (2 * m * n * k) as f64;
        for (name, rows, columns) in [("", n as isize, 1), (" B^T", 1, k as isize)] {
            let product = Product {
                m,
                n,
                k,
                a: Rows::Strided(Matrix {
                    data: a.as_ptr(),
                    row_stride: k as isize,
                    column_stride: 1,
                }),
                b: Columns::Strided(Matrix {
                    data: b.as_ptr(),
                    row_stride: rows,
                    column_stride: columns,
                }),
                c: SharedMut(c.as_mut_ptr()),
                c_stride: n,
                add: false,
                finish: None,
            };
            report.line(&format!("gemm {m}x{k}x{n}{name}"), flops, || {
                unsafe { multiply(&product) }.unwrap()
            });
        }
    }
    for m in [1, 2, 4, 8, 16] {
        let (n, k) = (1024, 1024);
        let a = vec![0.5f32; m * k];
        let b = vec![0.25f32; n * k];
        let mut c = vec![0f32; m * n];
        let flops = (2 * m * n * k) as f64;
        let rows = Matrix {
            data: a.as_ptr(),
            row_stride: k as isize,
            column_stride: 1,
        };
        let dense = Matrix {
            data: b.as_ptr(),
            row_stride: k as isize,
            column_stride: 1,
        };
        let out = SharedMut(c.as_mut_ptr());
        let job = skinny::Dots::new((m, n, k), rows, dense, out, (n, 1));
        report.line(&format!("skinny {m}x{k}x{n} B^T"), flops, || unsafe {
            skinny::dots(job)
        });
        if m <= skinny::STREAMS_MOST {
            let job = skinny::Streams::new((m, n, k), rows, dense, out, n);
            report.line(&format!("skinny {m}x{k}x{n}"), flops, || unsafe {
                skinny::streams(job)
            });
        }
        let product = Product {
            m,
            n,
            k,
            a: Rows::Strided(rows),
            b: Columns::Strided(dense),
            c: out,
            c_stride: n,
            add: false,
            finish: None,
        };
        report.line(&format!("gemm {m}x{k}x{n}"), flops, || {
            unsafe { multiply(&product) }.unwrap()
        });
    }
}
