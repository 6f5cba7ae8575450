//! Deformable convolution: each tap of the kernel reads at a learned displacement.

use super::{count, deliver, values};
use crate::nn::matmul;
use crate::{DType, Result, Tensor, ensure, pointwise};

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
    let (x, shift) = (values(input)?, values(offset)?);
    let scale = mask.map(values).transpose()?;
    let plane = (oh * ow) as usize;
    let mut columns = Vec::with_capacity(count(&[n, c, taps, oh, ow])?);
    for b in 0..n {
        for channel in 0..c {
            let at = ((b * c + channel) * h * w) as usize;
            let source = &x[at..at + (h * w) as usize];
            let group = channel / (c / p.offset_groups);
            for tap in 0..taps {
                let shifts = (((b * p.offset_groups + group) * 2 * taps + 2 * tap) as usize) * plane;
                let scales = (((b * p.offset_groups + group) * taps + tap) as usize) * plane;
                for place in 0..plane {
                    let (oy, ox) = (place as i64 / ow, place as i64 % ow);
                    let y = (oy * p.stride[0] - p.padding[0] + tap / kw * p.dilation[0]) as f64
                        + shift[shifts + place];
                    let xx = (ox * p.stride[1] - p.padding[1] + tap % kw * p.dilation[1]) as f64
                        + shift[shifts + plane + place];
                    let value = outside_zero(source, h, w, y, xx);
                    columns.push(scale.as_ref().map_or(value, |s| s[scales + place] * value));
                }
            }
        }
    }
    let per_group = c / p.groups * taps;
    let columns = deliver(columns, &[n, p.groups, per_group, oh * ow], DType::Double)?;
    let weight = weight
        .to_dtype(DType::Double)?
        .reshape(&[1, p.groups, oc / p.groups, per_group])?;
    let result = matmul::matmul(&weight, &columns)?.reshape(&[n, oc, oh, ow])?;
    let bias = bias.to_dtype(DType::Double)?.reshape(&[1, oc, 1, 1])?;
    pointwise::add((&result).into(), (&bias).into(), 1.into())?.to_dtype(input.dtype())
}

/// Bilinear interpolation where every pixel outside of the plane is zero.
fn outside_zero(plane: &[f64], h: i64, w: i64, y: f64, x: f64) -> f64 {
    if !(y > -1.0 && y < h as f64 && x > -1.0 && x < w as f64) {
        return 0.0;
    }
    let (y0, x0) = (y.floor(), x.floor());
    let (ly, lx) = (y - y0, x - x0);
    let pixel = |y: i64, x: i64| {
        if y < 0 || y >= h || x < 0 || x >= w {
            0.0
        } else {
            plane[(y * w + x) as usize]
        }
    };
    let (y0, x0) = (y0 as i64, x0 as i64);
    (1.0 - ly) * ((1.0 - lx) * pixel(y0, x0) + lx * pixel(y0, x0 + 1))
        + ly * ((1.0 - lx) * pixel(y0 + 1, x0) + lx * pixel(y0 + 1, x0 + 1))
}
