//! `grid_sampler` of half types: PyTorch computes every step in the type of the data, so every step is rounded here.
//!
//! The plane and space are computed by different formulas there, and so they are here.

use super::{Between, How, Outside};
use crate::dtype::DType;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::{bf16, f16};

/// A half type: numbers are `float`s that it can hold.
#[derive(Clone, Copy)]
pub(super) struct Half(fn(f32) -> f32);

impl Half {
    pub fn of(dtype: DType) -> Option<Half> {
        match dtype {
            DType::Half => Some(Half(|x| f16::from_f32(x).to_f32())),
            DType::BFloat16 => Some(Half(|x| bf16::from_f32(x).to_f32())),
            _ => None,
        }
    }

    fn add(self, a: f32, b: f32) -> f32 {
        (self.0)(a + b)
    }
    fn sub(self, a: f32, b: f32) -> f32 {
        (self.0)(a - b)
    }
    fn mul(self, a: f32, b: f32) -> f32 {
        (self.0)(a * b)
    }
    fn div(self, a: f32, b: f32) -> f32 {
        (self.0)(a / b)
    }
    fn of_size(self, n: usize) -> f32 {
        (self.0)(n as f32)
    }

    fn cubic(self, t: f32) -> [f32; 4] {
        const A: f32 = -0.75;
        let near = |x: f32| {
            let inner = self.sub(self.mul(A + 2.0, x), A + 3.0);
            self.add(self.mul(self.mul(inner, x), x), 1.0)
        };
        let far = |x: f32| {
            let inner = self.add(self.mul(self.sub(self.mul(A, x), 5.0 * A), x), 8.0 * A);
            self.sub(self.mul(inner, x), 4.0 * A)
        };
        [
            far(self.add(t, 1.0)),
            near(t),
            near(self.sub(1.0, t)),
            far(self.sub(2.0, t)),
        ]
    }
}

/// One dimension of an image.
#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    how: How,
    half: Half,
}

impl Axis {
    fn unnormalize(&self, x: f32) -> f32 {
        let half = self.half;
        let x = half.add(x, 1.0);
        match (self.how.dims, self.how.align) {
            (2, true) => half.mul(x, half.div(half.of_size(self.size - 1), 2.0)),
            (2, false) => half.sub(half.mul(x, half.div(half.of_size(self.size), 2.0)), 0.5),
            (_, true) => half.mul(half.div(x, 2.0), half.of_size(self.size - 1)),
            (_, false) => half.div(half.sub(half.mul(x, half.of_size(self.size)), 1.0), 2.0),
        }
    }

    fn reflect(&self, x: f32) -> f32 {
        let half = self.half;
        let (low, span) = if self.how.align {
            (0.0, half.of_size(self.size - 1))
        } else {
            (-0.5, half.of_size(self.size))
        };
        if span == 0.0 {
            return 0.0;
        }
        let x = half.sub(x, low).abs();
        if self.how.dims == 2 {
            let twice = half.mul(span, 2.0);
            let flips = half.div(x, twice).trunc();
            let extra = half.sub(x, half.mul(flips, twice));
            let other = half.sub(twice, extra);
            return half.add(if other < extra { other } else { extra }, low);
        }
        let extra = (half.0)(x % span);
        let inside = if half.div(x, span).floor() as i64 % 2 == 0 {
            extra
        } else {
            half.sub(span, extra)
        };
        half.add(inside, low)
    }

    /// A position, or a far one outside for what is no number.
    fn inside(&self, x: f32) -> f32 {
        let last = self.half.of_size(self.size - 1);
        let clip = |x: f32| if x > 0.0 { x.min(last) } else { 0.0 };
        let x = match self.how.outside {
            Outside::Zeros => x,
            Outside::Border => clip(x),
            Outside::Reflection => clip(self.reflect(x)),
        };
        if x.is_finite() && x.abs() < 2147483646.0 {
            x
        } else {
            -100.0
        }
    }

    fn holds(&self, at: i64) -> bool {
        at >= 0 && (at as u64) < self.size as u64
    }

    /// The two neighbours of a point, and their weights.
    fn linear(&self, x: f32) -> ([i64; 2], [f32; 2]) {
        let half = self.half;
        let x = self.inside(self.unnormalize(x));
        let floor = x.floor();
        let low = floor as i64;
        let weights = if self.how.dims == 2 {
            let t = half.sub(x, floor);
            [half.sub(1.0, t), t]
        } else {
            [half.sub((half.0)((low + 1) as f32), x), half.sub(x, floor)]
        };
        ([low, low + 1], weights)
    }
}

/// A plane or volume of the input.
struct Image<'a> {
    data: &'a [f32],
    axes: &'a [Axis],
}

impl Image<'_> {
    /// Zero outside.
    fn at(&self, place: &[i64]) -> Option<f32> {
        let mut offset = 0;
        for (axis, &at) in self.axes.iter().zip(place) {
            if !axis.holds(at) {
                return None;
            }
            offset = offset * axis.size + at as usize;
        }
        Some(self.data[offset])
    }
}

/// The value at one point, whose width comes first.
fn value(image: &Image, point: &[f32], how: How, half: Half) -> f32 {
    let dims = how.dims;
    let axes = image.axes;
    let of = |d: usize| point[dims - 1 - d];
    match how.between {
        Between::Nearest => {
            let mut place = [0; 3];
            for d in 0..dims {
                place[d] = axes[d].inside(axes[d].unnormalize(of(d))).round_ties_even() as i64;
            }
            image.at(&place[..dims]).unwrap_or(0.0)
        }
        Between::Linear => {
            let mut along = [([0; 2], [0.0; 2]); 3];
            for d in 0..dims {
                along[d] = axes[d].linear(of(d));
            }
            let mut sum = 0.0;
            for corner in 0..1usize << dims {
                // The width turns fastest; weights are multiplied from the height on in the plane, from the width on
                // in space.
                let (mut place, mut weight) = ([0; 3], 1.0);
                for d in 0..dims {
                    let d = if dims == 2 { d } else { dims - 1 - d };
                    let side = corner >> (dims - 1 - d) & 1;
                    place[d] = along[d].0[side];
                    weight = half.mul(weight, along[d].1[side]);
                }
                if let Some(x) = image.at(&place[..dims]) {
                    sum = half.add(sum, half.mul(x, weight));
                }
            }
            sum
        }
        Between::Cubic => {
            let mut along = [([0; 4], [0.0; 4]); 3];
            for d in 0..dims {
                let x = axes[d].unnormalize(of(d));
                let floor = x.floor();
                along[d].1 = half.cubic(half.sub(x, floor));
                for (k, at) in along[d].0.iter_mut().enumerate() {
                    *at = axes[d].inside(half.add(floor, k as f32 - 1.0)) as i64;
                }
            }
            cubic(image, &along[..dims], &mut [0; 3], 0, half)
        }
    }
}

/// Along the dimensions from `d` on, the last one first.
fn cubic(image: &Image, along: &[([i64; 4], [f32; 4])], place: &mut [i64; 3], d: usize, half: Half) -> f32 {
    if d == along.len() {
        return image.at(&place[..d]).unwrap_or(0.0);
    }
    (0..4).fold(0.0, |sum, k| {
        place[d] = along[d].0[k];
        let x = cubic(image, along, place, d + 1, half);
        half.add(sum, half.mul(along[d].1[k], x))
    })
}

/// Sizes and dtypes are known to fit.
pub(super) fn sample(input: &Tensor, grid: &Tensor, how: How, half: Half) -> Result<Tensor> {
    let (si, sg) = (input.sizes(), grid.sizes());
    let (x, points) = (input.to_vec::<f32>()?, grid.to_vec::<f32>()?);
    let axes: Vec<Axis> = si[2..]
        .iter()
        .map(|&size| Axis {
            size: size as usize,
            how,
            half,
        })
        .collect();
    let plane: usize = axes.iter().map(|a| a.size).product();
    let mut size = si[..2].to_vec();
    size.extend_from_slice(&sg[1..=how.dims]);
    let out = Tensor::empty(&size, DType::Float)?;
    {
        let mut write = out.write()?;
        let out = write.slice::<f32>()?;
        let channels = si[1] as usize;
        let pixels = sg[1..=how.dims].iter().product::<i64>() as usize;
        let rows = out.chunks_exact_mut(pixels.max(1));
        for (i, row) in rows.enumerate() {
            let image = Image {
                data: &x[i * plane..][..plane],
                axes: &axes,
            };
            let points = &points[i / channels * pixels * how.dims..];
            for (to, point) in row.iter_mut().zip(points.chunks_exact(how.dims)) {
                *to = value(&image, point, how, half);
            }
        }
    }
    out.to_dtype(input.dtype())
}
