//! Resizing, sampling, padding and rearranging of images.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::nn::interpolate::{Interpolation, upsample, upsample_size};
use flambeau_tensor::nn::{fold as f, pad as pads, sample as s};
use flambeau_tensor::{Result, Scalar, Tensor};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::upsample_nearest1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor")
        .doc("Resizes by repeating the nearest element below.")
        .kernel(|x: Tensor, output_size: Vec<i64>, scales: Option<f64>| {
            upsample(&x, &output_size, Interpolation::Nearest, false, &[scales])
        });
    ops.op(
        "aten::upsample_nearest1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    )
    .kernel(
        |input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| {
            sized(&input, output_size, scale_factors, Interpolation::Nearest, false)
        },
    );
    ops.op("aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by repeating the nearest element below.")
        .kernel(|x: Tensor, output_size: Vec<i64>, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::Nearest, false, &[scales_h, scales_w]));
    ops.op(
        "aten::upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    )
    .kernel(
        |input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| {
            sized(&input, output_size, scale_factors, Interpolation::Nearest, false)
        },
    );
    ops.op("aten::upsample_nearest3d(Tensor self, SymInt[3] output_size, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by repeating the nearest element below.")
        .kernel(|x: Tensor, output_size: Vec<i64>, scales_d: Option<f64>, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::Nearest, false, &[scales_d, scales_h, scales_w]));
    ops.op(
        "aten::upsample_nearest3d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
    )
    .kernel(
        |input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| {
            sized(&input, output_size, scale_factors, Interpolation::Nearest, false)
        },
    );
    ops.op(
        "aten::_upsample_nearest_exact1d(Tensor self, SymInt[1] output_size, float? scales=None) -> Tensor",
    )
    .doc("Resizes by repeating the nearest element.")
    .kernel(|x: Tensor, output_size: Vec<i64>, scales: Option<f64>| {
        upsample(&x, &output_size, Interpolation::NearestExact, false, &[scales])
    });
    ops.op("aten::_upsample_nearest_exact1d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::NearestExact, false));
    ops.op("aten::_upsample_nearest_exact2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by repeating the nearest element.")
        .kernel(|x: Tensor, output_size: Vec<i64>, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::NearestExact, false, &[scales_h, scales_w]));
    ops.op("aten::_upsample_nearest_exact2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::NearestExact, false));
    ops.op("aten::_upsample_nearest_exact3d(Tensor self, SymInt[3] output_size, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by repeating the nearest element.")
        .kernel(|x: Tensor, output_size: Vec<i64>, scales_d: Option<f64>, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::NearestExact, false, &[scales_d, scales_h, scales_w]));
    ops.op("aten::_upsample_nearest_exact3d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::NearestExact, false));
    ops.op("aten::upsample_linear1d(Tensor self, SymInt[1] output_size, bool align_corners, float? scales=None) -> Tensor")
        .doc("Resizes by linear interpolation.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales: Option<f64>| upsample(&x, &output_size, Interpolation::Linear, align_corners, &[scales]));
    ops.op("aten::upsample_linear1d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::Linear, align_corners));
    ops.op("aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by linear interpolation.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::Linear, align_corners, &[scales_h, scales_w]));
    ops.op("aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::Linear, align_corners));
    ops.op("aten::upsample_trilinear3d(Tensor self, SymInt[3] output_size, bool align_corners, float? scales_d=None, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by linear interpolation.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_d: Option<f64>, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::Linear, align_corners, &[scales_d, scales_h, scales_w]));
    ops.op("aten::upsample_trilinear3d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::Linear, align_corners));
    ops.op("aten::upsample_bicubic2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by cubic interpolation.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::Cubic, align_corners, &[scales_h, scales_w]));
    ops.op("aten::upsample_bicubic2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::Cubic, align_corners));
    ops.op("aten::_upsample_bilinear2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by linear interpolation over all that a new element covers.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::LinearAntialias, align_corners, &[scales_h, scales_w]));
    ops.op("aten::_upsample_bilinear2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::LinearAntialias, align_corners));
    ops.op("aten::_upsample_bicubic2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by cubic interpolation over all that a new element covers.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::CubicAntialias, align_corners, &[scales_h, scales_w]));
    ops.op("aten::_upsample_bicubic2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::CubicAntialias, align_corners));
    ops.op("aten::_upsample_lanczos2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor")
        .doc("Resizes by Lanczos' window over all that a new element covers.")
        .kernel(|x: Tensor, output_size: Vec<i64>, align_corners: bool, scales_h: Option<f64>, scales_w: Option<f64>| upsample(&x, &output_size, Interpolation::LanczosAntialias, align_corners, &[scales_h, scales_w]));
    ops.op("aten::_upsample_lanczos2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor")
        .kernel(|input: Tensor, output_size: Option<Vec<i64>>, align_corners: bool, scale_factors: Option<Vec<f64>>| sized(&input, output_size, scale_factors, Interpolation::LanczosAntialias, align_corners));
    ops.op("aten::grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor")
        .doc("Elements at the places that a grid names, between -1 and 1.")
        .kernel(|input: Tensor, grid: Tensor, interpolation_mode: i64, padding_mode: i64, align_corners: bool| s::grid_sampler(&input, &grid, interpolation_mode, padding_mode, align_corners));
    ops.op("aten::grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor")
        .kernel(|input: Tensor, grid: Tensor, interpolation_mode: i64, padding_mode: i64, align_corners: bool| s::grid_sampler(&input, &grid, interpolation_mode, padding_mode, align_corners));
    ops.op("aten::grid_sampler_3d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor")
        .kernel(|input: Tensor, grid: Tensor, interpolation_mode: i64, padding_mode: i64, align_corners: bool| s::grid_sampler(&input, &grid, interpolation_mode, padding_mode, align_corners));
    ops.op("aten::affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor")
        .doc("The grid of an affine map.")
        .kernel(|theta: Tensor, size: Vec<i64>, align_corners: bool| {
            s::affine_grid(&theta, &size, align_corners)
        });
    ops.op("aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor")
        .doc("Adds elements around: constant, reflected, repeated or circular.")
        .kernel(|x: Tensor, pad: Vec<i64>, mode: Arc<str>, value: Option<f64>| {
            pads::pad(&x, &pad, &mode, value)
        });
    ops.op("aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor")
        .doc("Adds a constant around.")
        .kernel(|x: Tensor, pad: Vec<i64>, value: Scalar| pads::constant_pad_nd(&x, &pad, value));
    ops.op("aten::reflection_pad1d(Tensor self, SymInt[2] padding) -> Tensor")
        .doc("Adds reflected elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::reflection_pad1d(&x, &padding));
    ops.op("aten::reflection_pad2d(Tensor self, SymInt[4] padding) -> Tensor")
        .doc("Adds reflected elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::reflection_pad2d(&x, &padding));
    ops.op("aten::reflection_pad3d(Tensor self, SymInt[6] padding) -> Tensor")
        .doc("Adds reflected elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::reflection_pad3d(&x, &padding));
    ops.op("aten::replication_pad1d(Tensor self, SymInt[2] padding) -> Tensor")
        .doc("Repeats the outermost elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::replication_pad1d(&x, &padding));
    ops.op("aten::replication_pad2d(Tensor self, SymInt[4] padding) -> Tensor")
        .doc("Repeats the outermost elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::replication_pad2d(&x, &padding));
    ops.op("aten::replication_pad3d(Tensor self, SymInt[6] padding) -> Tensor")
        .doc("Repeats the outermost elements around.")
        .kernel(|x: Tensor, padding: Vec<i64>| pads::replication_pad3d(&x, &padding));
    ops.op("aten::_pad_circular(Tensor self, SymInt[] pad) -> Tensor")
        .kernel(|x: Tensor, pad: Vec<i64>| pads::pad(&x, &pad, "circular", None));
    ops.op("aten::im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor")
        .doc("Windows as columns.")
        .kernel(|x: Tensor, kernel_size: Vec<i64>, dilation: Vec<i64>, padding: Vec<i64>, stride: Vec<i64>| f::im2col(&x, &kernel_size, &dilation, &padding, &stride));
    ops.op("aten::col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor")
        .doc("Adds columns back to the windows that they were.")
        .kernel(|x: Tensor, output_size: Vec<i64>, kernel_size: Vec<i64>, dilation: Vec<i64>, padding: Vec<i64>, stride: Vec<i64>| f::col2im(&x, &output_size, &kernel_size, &dilation, &padding, &stride));
    ops.op("aten::pixel_shuffle(Tensor self, int upscale_factor) -> Tensor")
        .doc("Channels as pixels.")
        .kernel(|x: Tensor, upscale_factor: i64| f::pixel_shuffle(&x, upscale_factor));
    ops.op("aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor")
        .doc("Pixels as channels.")
        .kernel(|x: Tensor, downscale_factor: i64| f::pixel_unshuffle(&x, downscale_factor));
    ops.op("aten::channel_shuffle(Tensor self, SymInt groups) -> Tensor")
        .doc("Mixes the channels of groups.")
        .kernel(|x: Tensor, groups: i64| f::channel_shuffle(&x, groups));
}

/// The forms that take either the size or the factors of each dimension.
fn sized(
    input: &Tensor,
    size: Option<Vec<i64>>,
    factors: Option<Vec<f64>>,
    mode: Interpolation,
    align_corners: bool,
) -> Result<Tensor> {
    let (size, scales) = upsample_size(input, size.as_deref(), factors.as_deref())?;
    upsample(input, &size, mode, align_corners, &scales)
}
