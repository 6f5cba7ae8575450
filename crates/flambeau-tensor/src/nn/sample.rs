//! Reading an image at arbitrary points: `grid_sampler`, and the grids of affine maps.

#[path = "sample_steps.rs"]
mod steps;

use super::access::{checked_product, dense, lengths};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::show;
use crate::parallel::{SharedMut, parallel_for};
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// What a point outside of the image stands for.
#[derive(Clone, Copy, PartialEq)]
enum Outside {
    Zeros,
    Border,
    Reflection,
}

#[derive(Clone, Copy, PartialEq)]
enum Between {
    Linear,
    Nearest,
    Cubic,
}

/// PyTorch's `grid_sampler` for images and volumes. Interpolation: 0 linear, 1 nearest, 2 cubic. Padding: 0 zeros,
/// 1 border, 2 reflection.
pub fn grid_sampler(
    input: &Tensor,
    grid: &Tensor,
    interpolation_mode: i64,
    padding_mode: i64,
    align_corners: bool,
) -> Result<Tensor> {
    let (si, sg) = (input.sizes(), grid.sizes());
    ensure!(
        input.dtype() == grid.dtype(),
        "grid_sampler(): expected input and grid to have same dtype, but input has {} and grid has {}",
        input.dtype().torch_name(),
        grid.dtype().torch_name()
    );
    ensure!(
        matches!(si.len(), 4 | 5) && si.len() == sg.len(),
        "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes {} and \
         grid with sizes {}",
        show(si),
        show(sg)
    );
    let dims = si.len() - 2;
    ensure!(
        si[0] == sg[0],
        "grid_sampler(): expected grid and input to have same batch size, but got input with sizes {} and grid with sizes {}",
        show(si),
        show(sg)
    );
    ensure!(
        sg[dims + 1] == dims as i64,
        "grid_sampler(): expected grid to have size {dims} in last dimension, but got grid with sizes {}",
        show(sg)
    );
    for (d, &s) in si.iter().enumerate().skip(2) {
        ensure!(
            s > 0,
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes {} with dimension {d} \
             being empty",
            show(si)
        );
    }
    let between = match interpolation_mode {
        0 => Between::Linear,
        1 => Between::Nearest,
        2 => Between::Cubic,
        other => bail!("grid_sampler(): expected an interpolation mode of 0 to 2, but got {other}"),
    };
    let outside = match padding_mode {
        0 => Outside::Zeros,
        1 => Outside::Border,
        2 => Outside::Reflection,
        other => bail!("grid_sampler(): expected a padding mode of 0 to 2, but got {other}"),
    };
    let dtype = input.dtype();
    if !input.is_floating_point() {
        bail!(
            NotImplemented,
            "\"grid_sampler\" not implemented for '{}'",
            dtype.name()
        );
    }
    let how = How {
        dims,
        between,
        outside,
        align: align_corners,
    };
    if let Some(half) = steps::Half::of(dtype) {
        return steps::sample(input, grid, how, half);
    }
    let wide = dtype;
    let (x, g) = (dense(&input.to_dtype(wide)?)?, dense(&grid.to_dtype(wide)?)?);
    let mut size = si[..2].to_vec();
    size.extend_from_slice(&sg[1..=dims]);
    let out = Tensor::empty(&size, wide)?;
    if wide == DType::Double {
        double::sample(&x, &g, &out, how)?
    } else {
        single::sample(&x, &g, &out, how)?
    }
    Ok(out)
}

#[derive(Clone, Copy)]
struct How {
    dims: usize,
    between: Between,
    outside: Outside,
    align: bool,
}

/// Taps of one point: positions in a plane and weights. Linear interpolation in space has 8, cubic 16 in the plane and
/// 64 in space.
const TAPS: usize = 64;
/// Points of an image that are placed together.
const BLOCK: usize = 64;

macro_rules! sampler {
    ($module:ident, $t:ty) => {
        mod $module {
            use super::*;

            /// From the range -1 to 1 to positions.
            #[inline(always)]
            fn unnormalize(x: $t, size: usize, align: bool) -> $t {
                let n = size as $t;
                if align {
                    (x + 1.0) / 2.0 * (n - 1.0)
                } else {
                    ((x + 1.0) * n - 1.0) / 2.0
                }
            }

            fn reflect(x: $t, size: usize, align: bool) -> $t {
                let (low, high) = if align {
                    (0.0, 2.0 * (size as $t - 1.0))
                } else {
                    (-1.0, 2.0 * size as $t - 1.0)
                };
                if low == high {
                    return 0.0;
                }
                let (least, span) = (low / 2.0, (high - low) / 2.0);
                let x = (x - least).abs();
                let extra = x % span;
                if (x / span).floor() as i64 % 2 == 0 {
                    extra + least
                } else {
                    span - extra + least
                }
            }

            fn inside(x: $t, size: usize, how: How) -> $t {
                // NaN goes to the near border, as in PyTorch.
                let clip = |x: $t| {
                    if x > 0.0 {
                        x.min(size as $t - 1.0)
                    } else {
                        0.0
                    }
                };
                let x = match how.outside {
                    Outside::Zeros => x,
                    Outside::Border => clip(x),
                    Outside::Reflection => clip(reflect(x, size, how.align)),
                };
                if x.is_finite() && x.abs() < 2147483646.0 {
                    x
                } else {
                    -100.0
                }
            }

            fn cubic(t: $t) -> [$t; 4] {
                const A: $t = -0.75;
                let near = |x: $t| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
                let far = |x: $t| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
                [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
            }

            /// The taps of a point; those outside are left out. `point` has the width first.
            fn taps(point: &[$t], sizes: &[usize], how: How, taps: &mut [(usize, $t); TAPS]) -> usize {
                let dims = how.dims;
                // By dimension from the outermost on: positions and weights.
                let mut along: [([i64; 4], [$t; 4], usize); 3] = [([0; 4], [0.0; 4], 0); 3];
                for d in 0..dims {
                    let size = sizes[d];
                    let x = unnormalize(point[dims - 1 - d], size, how.align);
                    along[d] = match how.between {
                        Between::Cubic => {
                            let floor = x.floor();
                            let mut at = [0; 4];
                            for (k, at) in at.iter_mut().enumerate() {
                                *at = inside(floor + (k as $t - 1.0), size, how) as i64;
                            }
                            (at, cubic(x - floor), 4)
                        }
                        Between::Nearest => (
                            [inside(x, size, how).round_ties_even() as i64, 0, 0, 0],
                            [1.0; 4],
                            1,
                        ),
                        Between::Linear => {
                            let x = inside(x, size, how);
                            let floor = x.floor();
                            let (low, t) = (floor as i64, x - floor);
                            ([low, low + 1, 0, 0], [(low + 1) as $t - x, t, 0.0, 0.0], 2)
                        }
                    };
                }
                let mut count = 0;
                let each = |d: usize| if d < dims { along[d].2 } else { 1 };
                for i in 0..each(0) {
                    for j in 0..each(1) {
                        for k in 0..each(2) {
                            let (mut at, mut weight, mut ok) = (0, 1.0, true);
                            for (d, tap) in [i, j, k].into_iter().enumerate().take(dims) {
                                let position = along[d].0[tap];
                                ok &= position >= 0 && (position as u64) < sizes[d] as u64;
                                at = at * sizes[d] + position.max(0) as usize;
                                weight *= along[d].1[tap];
                            }
                            if ok {
                                taps[count] = (at, weight);
                                count += 1;
                            }
                        }
                    }
                }
                count
            }

            /// The four taps of each point of a block: positions, weights, and whether they are in the image.
            struct Block {
                at: [[u32; BLOCK]; 4],
                weight: [[$t; BLOCK]; 4],
                inside: [[bool; BLOCK]; 4],
            }

            struct Image {
                size: [usize; 2],
                how: How,
            }

            impl Image {
                /// The common case of `taps`: linear in the plane, a block of points at a time along registers.
                fn place(&self, points: &[$t], block: &mut Block) {
                    let [h, w] = self.size;
                    let how = self.how;
                    let (mut xs, mut ys) = ([0.0; BLOCK], [0.0; BLOCK]);
                    for (point, (x, y)) in points
                        .as_chunks::<2>()
                        .0
                        .iter()
                        .zip(xs.iter_mut().zip(&mut ys))
                    {
                        (*x, *y) = (point[0], point[1]);
                    }
                    if how.outside == Outside::Reflection {
                        for (x, y) in xs.iter_mut().zip(&mut ys) {
                            *x = inside(unnormalize(*x, w, how.align), w, how);
                            *y = inside(unnormalize(*y, h, how.align), h, how);
                        }
                    } else {
                        vectorize(
                            #[inline(always)]
                            || {
                                for (x, y) in xs.iter_mut().zip(&mut ys) {
                                    *x = flat(unnormalize(*x, w, how.align), w, how.outside);
                                    *y = flat(unnormalize(*y, h, how.align), h, how.outside);
                                }
                            },
                        );
                    }
                    vectorize(
                        #[inline(always)]
                        || {
                            let (last_x, last_y) = (w as i32 - 1, h as i32 - 1);
                            for i in 0..BLOCK {
                                let (x, y) = (xs[i], ys[i]);
                                let (fx, fy) = (x.floor(), y.floor());
                                // In range of the type: `inside` and `flat` see to it.
                                // SAFETY: finite and below 2³¹.
                                let (x0, y0): (i32, i32) =
                                    unsafe { (fx.to_int_unchecked(), fy.to_int_unchecked()) };
                                let (x1, y1) = (x0 + 1, y0 + 1);
                                let (tx, ty) = (x - fx, y - fy);
                                let (sx, sy) = (fx + 1.0 - x, fy + 1.0 - y);
                                let ok = |v: i32, last: i32| v >= 0 && v <= last;
                                let (okx0, okx1) = (ok(x0, last_x), ok(x1, last_x));
                                let (oky0, oky1) = (ok(y0, last_y), ok(y1, last_y));
                                let (cx0, cx1) = (x0.clamp(0, last_x), x1.clamp(0, last_x));
                                let (cy0, cy1) = (y0.clamp(0, last_y), y1.clamp(0, last_y));
                                let place =
                                    |y: i32, x: i32| (y as u32).wrapping_mul(w as u32).wrapping_add(x as u32);
                                block.at[0][i] = place(cy0, cx0);
                                block.at[1][i] = place(cy0, cx1);
                                block.at[2][i] = place(cy1, cx0);
                                block.at[3][i] = place(cy1, cx1);
                                block.weight[0][i] = sy * sx;
                                block.weight[1][i] = sy * tx;
                                block.weight[2][i] = ty * sx;
                                block.weight[3][i] = ty * tx;
                                block.inside[0][i] = oky0 & okx0;
                                block.inside[1][i] = oky0 & okx1;
                                block.inside[2][i] = oky1 & okx0;
                                block.inside[3][i] = oky1 & okx1;
                            }
                        },
                    );
                }
            }

            /// `inside` without reflection, in a form that vectorises; far points become some point outside.
            #[inline(always)]
            fn flat(x: $t, size: usize, outside: Outside) -> $t {
                let x = if outside == Outside::Border {
                    let x = if x > 0.0 { x } else { 0.0 };
                    let last = size as $t - 1.0;
                    if x < last { x } else { last }
                } else {
                    x
                };
                if x > -1.0e9 && x < 1.0e9 { x } else { -100.0 }
            }

            impl Block {
                fn new() -> Block {
                    Block {
                        at: [[0; BLOCK]; 4],
                        weight: [[0.0; BLOCK]; 4],
                        inside: [[false; BLOCK]; 4],
                    }
                }

                fn read(&self, from: &[$t], to: &mut [$t]) {
                    for (i, to) in to.iter_mut().enumerate() {
                        let mut sum = 0.0;
                        for k in 0..4 {
                            let x = from[self.at[k][i] as usize];
                            sum += if self.inside[k][i] {
                                x * self.weight[k][i]
                            } else {
                                0.0
                            };
                        }
                        *to = sum;
                    }
                }
            }

            pub fn sample(x: &Tensor, grid: &Tensor, out: &Tensor, how: How) -> Result<()> {
                let sizes = lengths(x.sizes());
                let (channels, spatial) = (sizes[1], &sizes[2..]);
                let plane: usize = spatial.iter().product();
                let pixels: usize = lengths(&out.sizes()[2..]).iter().product();
                let (x, grid, mut write) = (x.read()?, grid.read()?, out.write()?);
                let (x, grid) = (x.slice::<$t>()?, grid.slice::<$t>()?);
                let to = SharedMut(write.slice::<$t>()?.as_mut_ptr());
                if how.dims == 2 && how.between == Between::Linear && plane < 1 << 31 {
                    let blocks = pixels.div_ceil(BLOCK);
                    let image = Image {
                        size: [spatial[0], spatial[1]],
                        how,
                    };
                    parallel_for(
                        sizes[0] * blocks,
                        2048 / channels.max(1) / BLOCK + 1,
                        |range| {
                            let mut block = Block::new();
                            for i in range {
                                let (n, first) = (i / blocks, i % blocks * BLOCK);
                                let count = BLOCK.min(pixels - first);
                                let points = &grid[(n * pixels + first) * 2..][..count * 2];
                                image.place(points, &mut block);
                                for c in 0..channels {
                                    let from = &x[(n * channels + c) * plane..][..plane];
                                    // SAFETY: each block of points has its own places in the output.
                                    let to = unsafe {
                                        let at = (n * channels + c) * pixels + first;
                                        std::slice::from_raw_parts_mut(to.get().add(at), count)
                                    };
                                    block.read(from, to);
                                }
                            }
                        },
                    );
                    return Ok(());
                }
                parallel_for(sizes[0] * pixels, 2048 / channels.max(1) + 64, |range| {
                    let mut found = [(0, 0.0); TAPS];
                    for i in range {
                        let (n, pixel) = (i / pixels, i % pixels);
                        let point = &grid[i * how.dims..][..how.dims];
                        let count = taps(point, spatial, how, &mut found);
                        for c in 0..channels {
                            let from = &x[(n * channels + c) * plane..][..plane];
                            let sum = found[..count]
                                .iter()
                                .fold(0.0, |sum, &(at, w)| sum + from[at] * w);
                            // SAFETY: each point has its own places in the output.
                            unsafe { *to.get().add((n * channels + c) * pixels + pixel) = sum };
                        }
                    }
                });
                Ok(())
            }
        }
    };
}

sampler!(single, f32);
sampler!(double, f64);

/// PyTorch's `affine_grid_generator`: `theta` is `[n, 2, 3]` or `[n, 3, 4]`, `size` that of the image to sample.
pub fn affine_grid(theta: &Tensor, size: &[i64], align_corners: bool) -> Result<Tensor> {
    let dims = size.len().saturating_sub(2);
    ensure!(
        matches!(dims, 2 | 3),
        "AffineGridGenerator needs 4d (spatial) or 5d (volumetric) inputs."
    );
    let (rows, columns) = (dims as i64, dims as i64 + 1);
    ensure!(
        theta.sizes() == [size[0], rows, columns],
        "Expected a batch of {rows}D affine matrices of shape Nx{rows}x{columns} for size {}. Got {}.",
        show(size),
        show(theta.sizes())
    );
    ensure!(
        size.iter().all(|&s| s > 0),
        "Expected non-zero, positive output size. Got {}",
        show(size)
    );
    let dtype = theta.dtype();
    if !theta.is_floating_point() {
        bail!(
            NotImplemented,
            "\"affine_grid_generator\" not implemented for '{}'",
            dtype.name()
        );
    }
    let spatial = lengths(&size[2..]);
    let pixels = checked_product(&spatial)?;
    let mut full = vec![size[0]];
    full.extend_from_slice(&size[2..]);
    full.push(rows);
    checked_product(&lengths(&full))?;
    let base: Vec<Vec<f64>> = spatial
        .iter()
        .map(|&n| {
            let step = |i: usize| {
                if n == 1 {
                    0.0
                } else {
                    -1.0 + 2.0 * i as f64 / (n as f64 - 1.0)
                }
            };
            let shrink = if align_corners || n == 0 {
                1.0
            } else {
                (n as f64 - 1.0) / n as f64
            };
            (0..n).map(|i| step(i) * shrink).collect()
        })
        .collect();
    let matrices = theta.to_vec::<f64>()?;
    let out = Tensor::empty(&full, DType::Double)?;
    {
        let mut write = out.write()?;
        let to = write.slice::<f64>()?;
        for (i, to) in to.chunks_exact_mut(dims).enumerate() {
            let (n, mut rest) = (i / pixels, i % pixels);
            let m = &matrices[n * dims * (dims + 1)..][..dims * (dims + 1)];
            // The width comes first in a point.
            let mut point = [0.0; 3];
            for d in (0..dims).rev() {
                point[dims - 1 - d] = base[d][rest % spatial[d]];
                rest /= spatial[d];
            }
            for (r, to) in to.iter_mut().enumerate() {
                let row = &m[r * (dims + 1)..][..dims + 1];
                *to = row[..dims].iter().zip(&point).map(|(a, b)| a * b).sum::<f64>() + row[dims];
            }
        }
    }
    out.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Tensor {
        Tensor::from_slice(&[1f64, 2., 3., 4., 5., 6., 7., 8., 9.], &[1, 1, 3, 3]).unwrap()
    }

    fn at(x: f64, y: f64, mode: i64, padding: i64, align: bool) -> f64 {
        let grid = Tensor::from_slice(&[x, y], &[1, 1, 1, 2]).unwrap();
        let y = grid_sampler(&image(), &grid, mode, padding, align)
            .unwrap()
            .to_vec::<f64>()
            .unwrap()[0];
        (y * 1e4).round() / 1e4
    }

    /// Numbers from PyTorch.
    #[test]
    fn single_points() {
        for (x, y, mode, padding, align, want) in [
            (0.0, 0.0, 0, 0, true, 5.0),
            (-1.0, -1.0, 0, 0, true, 1.0),
            (-1.0, -1.0, 0, 0, false, 0.25),
            (-1.0, -1.0, 0, 1, false, 1.0),
            (0.5, 0.0, 0, 0, true, 5.5),
            (0.5, 0.0, 0, 0, false, 5.75),
            (1.5, 0.0, 0, 0, true, 3.0),
            (1.5, 0.0, 0, 1, true, 6.0),
            (1.5, 0.0, 0, 2, true, 5.5),
            (1.5, 0.0, 0, 2, false, 5.75),
            (0.4, 0.6, 1, 0, true, 8.0),
            (3.0, 3.0, 1, 0, true, 0.0),
            (f64::NAN, 0.0, 1, 1, true, 4.0),
            (f64::NAN, 0.0, 1, 0, true, 0.0),
            (0.0, 0.0, 2, 0, true, 5.0),
            (0.5, 0.0, 2, 1, true, 5.5938),
        ] {
            assert_eq!(
                at(x, y, mode, padding, align),
                want,
                "{x} {y} {mode} {padding} {align}"
            );
        }
    }

    #[test]
    fn the_identity_map_gives_the_image_back() {
        for size in [vec![2, 3, 4, 5], vec![1, 2, 3, 4, 5]] {
            let dims = size.len() - 2;
            let n: i64 = size.iter().product();
            let x = Tensor::from_slice(&(0..n).map(|i| i as f32).collect::<Vec<_>>(), &size).unwrap();
            let eye = Tensor::eye(dims as i64, dims as i64 + 1, DType::Float).unwrap();
            let theta = eye.expand(&[size[0], dims as i64, dims as i64 + 1]).unwrap();
            for align in [false, true] {
                let grid = affine_grid(&theta, &size, align).unwrap();
                for mode in 0..if dims == 2 { 3 } else { 2 } {
                    let y = grid_sampler(&x, &grid, mode, 1, align).unwrap();
                    for (a, b) in y.to_vec::<f32>().unwrap().iter().zip(x.to_vec::<f32>().unwrap()) {
                        assert!((a - b).abs() < 1e-3, "{a} {b}");
                    }
                }
            }
        }
        let x = image();
        for (got, want) in [
            (
                grid_sampler(
                    &x,
                    &Tensor::zeros(&[1, 2, 2, 3], DType::Double).unwrap(),
                    0,
                    0,
                    true,
                ),
                "expected grid to have size 2 in last dimension",
            ),
            (
                grid_sampler(
                    &x,
                    &Tensor::zeros(&[2, 2, 2, 2], DType::Double).unwrap(),
                    0,
                    0,
                    true,
                ),
                "same batch size",
            ),
            (
                grid_sampler(
                    &x,
                    &Tensor::zeros(&[1, 2, 2, 2], DType::Float).unwrap(),
                    0,
                    0,
                    true,
                ),
                "same dtype",
            ),
            (
                affine_grid(&x, &[1, 1, 2, 2], true),
                "Expected a batch of 2D affine matrices",
            ),
        ] {
            let message = got.unwrap_err().message;
            assert!(message.contains(want), "{message}");
        }
    }
}
