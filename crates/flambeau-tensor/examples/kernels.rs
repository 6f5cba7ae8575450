//! Speed of the kernels relative to what the processor's multipliers can do.
//!
//! `cargo run --release --example kernels [filter]` prints GFLOP/s, the share of the peak that a probe of dependent-free
//! multiply-adds reaches, and milliseconds, for one thread and for two.

use flambeau_tensor::nn::conv::{ConvShape, depthwise, implicit};
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
    convolutions(&report);
    layers(&report);
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

fn convolutions(report: &Report) {
    // input channels, output channels, groups, kernel, stride, image side
    let shapes = [
        (3, 64, 1, 7, 2, 224),
        (64, 64, 1, 1, 1, 56),
        (64, 64, 1, 3, 1, 56),
        (64, 256, 1, 1, 1, 56),
        (256, 64, 1, 1, 1, 56),
        (256, 128, 1, 1, 1, 56),
        (128, 128, 1, 3, 2, 56),
        (128, 512, 1, 1, 1, 28),
        (256, 512, 1, 1, 2, 56),
        (128, 128, 1, 3, 1, 28),
        (256, 256, 1, 3, 1, 14),
        (1024, 256, 1, 1, 1, 14),
        (256, 1024, 1, 1, 1, 14),
        (512, 512, 1, 3, 1, 7),
        (2048, 512, 1, 1, 1, 7),
        (512, 2048, 1, 1, 1, 7),
        (1024, 2048, 1, 1, 2, 14),
        (3, 16, 1, 3, 2, 224),
        (16, 64, 1, 1, 1, 112),
        (64, 24, 1, 1, 1, 56),
        (80, 480, 1, 1, 1, 14),
        (160, 960, 1, 1, 1, 7),
        (16, 16, 16, 3, 1, 112),
        (64, 64, 64, 3, 2, 112),
        (96, 96, 96, 3, 1, 56),
        (240, 240, 240, 3, 2, 28),
        (120, 120, 120, 5, 1, 28),
        (672, 672, 672, 3, 1, 14),
        (672, 672, 672, 5, 2, 14),
        (960, 960, 960, 5, 1, 7),
        (1152, 1152, 1152, 3, 1, 7),
        (96, 96, 96, 7, 1, 56),
        (192, 192, 192, 7, 1, 28),
        (768, 768, 768, 7, 1, 7),
        (128, 32, 1, 3, 1, 28),
        (128, 32, 1, 3, 1, 56),
        (128, 128, 32, 3, 1, 56),
        (3, 96, 1, 4, 4, 224),
    ];
    for (cin, cout, groups, kernel, stride, side) in shapes {
        let padding = if kernel == 4 { 0 } else { kernel / 2 };
        let output = (side + 2 * padding - kernel) / stride + 1;
        let s = ConvShape {
            batch: 1,
            groups,
            channels: cin / groups,
            features: cout / groups,
            input: [1, side, side],
            kernel: [1, kernel, kernel],
            stride: [1, stride, stride],
            padding: [0, padding, padding],
            dilation: [1; 3],
            output: [1, output, output],
        };
        let input = vec![0.5f32; cin * side * side];
        let weights = vec![0.25f32; cout * s.depth()];
        let mut out = vec![0f32; cout * output * output];
        let name = format!("conv {cin}->{cout}/{groups} {kernel}x{kernel}/{stride} @{side}");
        if s.channels == 1 {
            report.line(&name, 2.0 * s.work(), || {
                depthwise::convolve(&s, &input, &weights, &mut out, None).unwrap()
            });
        } else {
            let mode = implicit::mode::<f32>(&s);
            let packed = implicit::pack_weights(&s, &weights, mode).unwrap();
            report.line(&format!("{name} {mode:?}"), 2.0 * s.work(), || {
                implicit::convolve(&s, &input, &packed, &mut out, None).unwrap()
            });
        }
    }
}

/// Layers on tensors, with all their checks and allocations. The rates of those that do not multiply count one
/// operation per element they read.
fn layers(report: &Report) {
    use flambeau_tensor::nn::attention::{AttentionParams, scaled_dot_product_attention};
    use flambeau_tensor::nn::conv::{Padding, conv2d};
    use flambeau_tensor::nn::recurrent::{Cell, LayerParams, recurrent};
    use flambeau_tensor::nn::{interpolate, matmul, norm, pool};
    use flambeau_tensor::{DType, Tensor};
    let t = |size: &[i64]| Tensor::full(size, 0.01, DType::Float).unwrap();
    for (l, heads, e) in [(197, 12, 64), (1024, 8, 64), (128, 12, 64), (1, 12, 64)] {
        let s = if l == 1 { 512 } else { l };
        let (q, k, v) = (t(&[1, heads, l, e]), t(&[1, heads, s, e]), t(&[1, heads, s, e]));
        report.line(
            &format!("layer attention {l}x{s}x{heads}x{e}"),
            (4 * l * s * heads * e) as f64,
            || {
                scaled_dot_product_attention(&q, &k, &v, None, &AttentionParams::default()).unwrap();
            },
        );
    }
    for (m, n, k) in [
        (1, 1000, 2048),
        (1, 3072, 768),
        (16, 3072, 768),
        (64, 768, 768),
        (197, 3072, 768),
        (197, 768, 3072),
    ] {
        let (x, w, b) = (t(&[m, k]), t(&[n, k]), t(&[n]));
        report.line(
            &format!("layer linear {m}x{k}x{n}"),
            (2 * m * n * k) as f64,
            || {
                matmul::linear(&x, &w, Some(&b)).unwrap();
            },
        );
    }
    for (cin, cout, groups, k, side) in [(64, 64, 1, 3, 56), (512, 512, 1, 3, 7), (96, 96, 96, 3, 56)] {
        let (x, w, b) = (
            t(&[1, cin, side, side]),
            t(&[cout, cin / groups, k, k]),
            t(&[cout]),
        );
        let flops = (2 * cout * side * side * cin / groups * k * k) as f64;
        report.line(
            &format!("layer conv2d {cin}->{cout}/{groups} @{side}"),
            flops,
            || {
                conv2d(&x, &w, Some(&b), &[1], Padding::Sizes(&[k / 2]), &[1], groups).unwrap();
            },
        );
    }
    let x = t(&[1, 64, 112, 112]);
    report.line("layer max_pool2d 3/2 64x112x112", x.numel() as f64, || {
        pool::max_pool2d(&x, &[3], &[2], &[1], &[1], false).unwrap();
    });
    report.line("layer avg_pool2d 2/2 64x112x112", x.numel() as f64, || {
        pool::avg_pool2d(&x, &[2], &[2], &[0], false, true, None).unwrap();
    });
    report.line("layer adaptive_avg_pool2d 1 64x112x112", x.numel() as f64, || {
        pool::adaptive_avg_pool2d(&x, &[1]).unwrap();
    });
    let (w, b) = (t(&[64]), t(&[64]));
    let running = norm::Running {
        mean: Some(&w),
        var: Some(&b),
    };
    report.line("layer batch_norm 64x112x112", x.numel() as f64, || {
        norm::batch_norm(&x, Some(&w), Some(&b), running, false, 0.1, 1e-5).unwrap();
    });
    report.line("layer group_norm 8 64x112x112", x.numel() as f64, || {
        norm::group_norm(&x, 8, Some(&w), Some(&b), 1e-5).unwrap();
    });
    report.line("layer bilinear x2 64x112x112", 4.0 * x.numel() as f64, || {
        let mode = interpolate::Interpolation::Linear;
        interpolate::upsample(&x, &[224, 224], mode, false, &[]).unwrap();
    });
    let (x, w, b) = (t(&[197, 768]), t(&[768]), t(&[768]));
    report.line("layer layer_norm 197x768", x.numel() as f64, || {
        norm::layer_norm(&x, &[768], Some(&w), Some(&b), 1e-5).unwrap();
    });
    for (time, batch, size) in [(50, 1, 256), (50, 32, 256)] {
        let x = t(&[time, batch, size]);
        let weights = [
            t(&[4 * size, size]),
            t(&[4 * size, size]),
            t(&[4 * size]),
            t(&[4 * size]),
        ];
        let states = [t(&[1, batch, size]), t(&[1, batch, size])];
        let params = LayerParams {
            has_biases: true,
            num_layers: 1,
            bidirectional: false,
            between: None,
        };
        report.line(
            &format!("layer lstm {time}x{batch}x{size}"),
            (16 * time * batch * size * size) as f64,
            || {
                recurrent(Cell::Lstm, &x, &states, &weights, &params, false).unwrap();
            },
        );
    }
}
