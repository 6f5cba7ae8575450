//! Deformable convolution: each tap of the kernel reads at a learned displacement.

use super::{Number, count, is_double, readable, zeros};
use crate::nn::matmul;
use crate::parallel::{SharedMut, parallel_for};
use crate::{Result, Tensor, ensure, index, pointwise};

pub struct DeformParams {
    pub stride: [i64; 2],
    pub padding: [i64; 2],
    pub dilation: [i64; 2],
    pub groups: i64,
    pub offset_groups: i64,
}

/// torchvision's `deform_conv2d`; the mask scales each tap.
pub fn deform_conv2d(
    input: &Tensor,
    weight: &Tensor,
    offset: &Tensor,
    mask: Option<&Tensor>,
    bias: &Tensor,
    p: &DeformParams,
) -> Result<Tensor> {
    ensure!(
        input.dim() == 4 && weight.dim() == 4 && offset.dim() == 4,
        "deform_conv2d expects 4-dimensional tensors"
    );
    let (n, c, h, w) = (
        input.sizes()[0],
        input.sizes()[1],
        input.sizes()[2],
        input.sizes()[3],
    );
    let (oc, kh, kw) = (weight.sizes()[0], weight.sizes()[2], weight.sizes()[3]);
    ensure!(
        p.stride.iter().chain(&p.dilation).all(|&s| s > 0),
        "stride and dilation should be positive"
    );
    ensure!(
        p.padding.iter().all(|&s| s >= 0),
        "padding should not be negative"
    );
    ensure!(
        p.groups > 0 && p.offset_groups > 0,
        "the number of groups should be positive"
    );
    ensure!(
        c == weight.sizes()[1] * p.groups,
        "the input has {c} channels, the weight expects {}",
        weight.sizes()[1] * p.groups
    );
    ensure!(
        oc % p.groups == 0 && c % p.offset_groups == 0,
        "the channels do not divide into groups"
    );
    let out = |size: i64, d: usize, k: i64| {
        (size + 2 * p.padding[d] - (p.dilation[d] * (k - 1) + 1)) / p.stride[d] + 1
    };
    let (oh, ow) = (out(h, 0, kh), out(w, 1, kw));
    ensure!(
        oh > 0 && ow > 0,
        "Calculated output size too small - out_h: {oh} out_w: {ow}"
    );
    let taps = kh * kw;
    ensure!(
        offset.sizes() == [n, 2 * p.offset_groups * taps, oh, ow],
        "offset has size {:?}, expected {:?}",
        offset.sizes(),
        [n, 2 * p.offset_groups * taps, oh, ow]
    );
    if let Some(mask) = mask {
        ensure!(
            mask.sizes() == [n, p.offset_groups * taps, oh, ow],
            "mask has size {:?}, expected {:?}",
            mask.sizes(),
            [n, p.offset_groups * taps, oh, ow]
        );
    }
    let sizes = Sizes {
        n,
        c,
        h,
        w,
        oh,
        ow,
        kh,
        kw,
    };
    if is_double(input) {
        convolve::<f64>(&sizes, input, weight, offset, mask, bias, p)
    } else {
        convolve::<f32>(&sizes, input, weight, offset, mask, bias, p)
    }
}

struct Sizes {
    n: i64,
    c: i64,
    h: i64,
    w: i64,
    oh: i64,
    ow: i64,
    kh: i64,
    kw: i64,
}

/// Where a tap reads for one output pixel: the upper left of four pixels in the plane with its border of zeros, and
/// their weights.
#[derive(Clone, Copy)]
struct Sample<T> {
    at: usize,
    weights: [T; 4],
}

fn convolve<T: Number>(
    z: &Sizes,
    input: &Tensor,
    weight: &Tensor,
    offset: &Tensor,
    mask: Option<&Tensor>,
    bias: &Tensor,
    p: &DeformParams,
) -> Result<Tensor> {
    let oc = weight.sizes()[0];
    let (x, shift) = (readable::<T>(input)?, readable::<T>(offset)?);
    let scale = mask.map(readable::<T>).transpose()?;
    let taps = (z.kh * z.kw) as usize;
    let (plane, pixels) = (count(&[z.oh, z.ow])?, count(&[z.h, z.w])?);
    let per_group = z.c / p.groups * taps as i64;
    let kernel = readable::<T>(weight)?.reshape(&[p.groups, oc / p.groups, per_group])?;
    let bias = readable::<T>(bias)?.reshape(&[1, oc, 1, 1])?;
    // A border of zeros around each plane, so that reading needs no questions.
    let pitch = z.w as usize + 2;
    let bordered = count(&[z.h + 2, z.w + 2])?;
    let (channels, groups) = (z.c as usize, p.offset_groups as usize);
    let mut images = Vec::new();
    for b in 0..z.n as usize {
        let mut columns = zeros::<T>(count(&[z.c, taps as i64, plane as i64])?)?;
        {
            let (x, shift) = (x.read()?, shift.read()?);
            let (x, shift) = (x.slice::<T>()?, shift.slice::<T>()?);
            let scale = scale.as_ref().map(|s| s.read()).transpose()?;
            let scale = scale.as_ref().map(|s| s.slice::<T>()).transpose()?;
            let mut padded = zeros::<T>(bordered * (channels / groups))?;
            for group in 0..groups {
                let first = group * (channels / groups);
                for c in 0..channels / groups {
                    let from = &x[(b * channels + first + c) * pixels..][..pixels];
                    let to = &mut padded[c * bordered..(c + 1) * bordered];
                    for (row, from) in from.chunks_exact(z.w.max(1) as usize).enumerate() {
                        to[(row + 1) * pitch + 1..][..from.len()].copy_from_slice(from);
                    }
                }
                let out = SharedMut(columns.as_mut_ptr());
                parallel_for(taps, 1, |range| {
                    let mut samples = Vec::with_capacity(plane);
                    for tap in range {
                        let at = (b * groups + group) * taps + tap;
                        let shifts = &shift[2 * at * plane..][..2 * plane];
                        let scales = scale.map(|s| &s[at * plane..][..plane]);
                        samples.clear();
                        samples.extend((0..plane).map(|place| {
                            let (oy, ox) = (place as i64 / z.ow, place as i64 % z.ow);
                            let (ky, kx) = (tap as i64 / z.kw, tap as i64 % z.kw);
                            let y = (oy * p.stride[0] - p.padding[0] + ky * p.dilation[0]) as f64;
                            let x = (ox * p.stride[1] - p.padding[1] + kx * p.dilation[1]) as f64;
                            let (y, x) = (T::of(y) + shifts[place], T::of(x) + shifts[plane + place]);
                            sample(z, pitch, y, x, scales.map_or(T::ONE, |s| s[place]))
                        }));
                        for c in 0..channels / groups {
                            let from = &padded[c * bordered..(c + 1) * bordered];
                            // SAFETY: each channel and tap has its own row of the columns.
                            let to = unsafe {
                                let row = ((first + c) * taps + tap) * plane;
                                std::slice::from_raw_parts_mut(out.get().add(row), plane)
                            };
                            read_samples(from, pitch, &samples, to);
                        }
                    }
                });
            }
        }
        let columns = Tensor::from_vec(columns, &[p.groups, per_group, plane as i64])?;
        images.push(matmul::matmul(&kernel, &columns)?.reshape(&[oc, z.oh, z.ow])?);
    }
    if images.is_empty() {
        return Tensor::zeros(&[0, oc, z.oh, z.ow], input.dtype());
    }
    let result = index::stack(&images, 0)?;
    pointwise::add((&result).into(), (&bias).into(), 1.into())?.to_dtype(input.dtype())
}

/// Every pixel outside of the plane is zero.
fn sample<T: Number>(z: &Sizes, pitch: usize, y: T, x: T, scale: T) -> Sample<T> {
    let (h, w) = (T::of(z.h as f64), T::of(z.w as f64));
    let (low, zero) = (T::of(-1.0), T::ZERO);
    if !(y > low && y < h && x > low && x < w) {
        return Sample {
            at: 0,
            weights: [zero; 4],
        };
    }
    let (y0, x0) = (y.floor(), x.floor());
    let (ly, lx) = (y - y0, x - x0);
    let (hy, hx) = (T::ONE - ly, T::ONE - lx);
    let (row, column) = ((y0.wide() + 1.0) as usize, (x0.wide() + 1.0) as usize);
    Sample {
        at: row * pitch + column,
        weights: [hy * hx * scale, hy * lx * scale, ly * hx * scale, ly * lx * scale],
    }
}

fn read_samples<T: Number>(from: &[T], pitch: usize, samples: &[Sample<T>], to: &mut [T]) {
    for (to, s) in to.iter_mut().zip(samples) {
        let (upper, lower) = (&from[s.at..s.at + 2], &from[s.at + pitch..s.at + pitch + 2]);
        let [a, b, c, d] = s.weights;
        *to = a * upper[0] + b * upper[1] + c * lower[0] + d * lower[1];
    }
}
