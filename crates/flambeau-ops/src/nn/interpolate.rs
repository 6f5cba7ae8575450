//! `interpolate` and `upsample` as operators, which archives of PyTorch 1.0 to 1.4 call.

use std::sync::Arc;

use flambeau_ir::ops::{Native, Rows};
use flambeau_ir::value::IValue;
use flambeau_tensor::nn::interpolate::{Interpolation, upsample, upsample_size};
use flambeau_tensor::nn::pool as p;
use flambeau_tensor::{Result, Tensor};

use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    each(
        ops,
        "Resizes to a size or by a factor.",
        &[
            "aten::__interpolate(Tensor input, int? size=None, float? scale_factor=None, str mode=\"nearest\", bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
            "aten::__interpolate.scale_list(Tensor input, int? size=None, float[]? scale_factor=None, str mode=\"nearest\", bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
            "aten::__interpolate.size_list(Tensor input, int[]? size=None, float? scale_factor=None, str mode=\"nearest\", bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
            "aten::__interpolate.size_list_scale_list(Tensor input, int[]? size=None, float[]? scale_factor=None, str mode=\"nearest\", bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
        ],
        |x: Tensor,
         size: IValue,
         factor: IValue,
         mode: Arc<str>,
         align: Option<bool>,
         _recompute: Option<bool>,
         antialias: bool| {
            interpolate(&x, &size, &factor, &mode, align.unwrap_or(false), antialias)
        },
    );
    each(
        ops,
        "Resizes to a size or by a factor.",
        &[
            "aten::__upsample(Tensor input, int? size=None, int? scale_factor=None, str mode=\"nearest\", bool? align_corners=None) -> Tensor",
            "aten::__upsample.size_list(Tensor input, int[]? size=None, int? scale_factor=None, str mode=\"nearest\", bool? align_corners=None) -> Tensor",
        ],
        |x: Tensor, size: IValue, factor: IValue, mode: Arc<str>, align: Option<bool>| {
            interpolate(&x, &size, &factor, &mode, align.unwrap_or(false), false)
        },
    );
    each(
        ops,
        "Resizes by repeating the nearest element below.",
        &[
            "aten::__upsample_nearest(Tensor input, int? size=None, int? scale_factor=None) -> Tensor",
            "aten::__upsample_nearest.size_list(Tensor input, int[]? size=None, int? scale_factor=None) -> Tensor",
        ],
        |x: Tensor, size: IValue, factor: IValue| interpolate(&x, &size, &factor, "nearest", false, false),
    );
    each(
        ops,
        "Resizes by linear interpolation between the corners.",
        &[
            "aten::__upsample_bilinear(Tensor input, int? size=None, int? scale_factor=None) -> Tensor",
            "aten::__upsample_bilinear.scale_list(Tensor input, int? size=None, int[]? scale_factor=None) -> Tensor",
            "aten::__upsample_bilinear.size_list(Tensor input, int[]? size=None, int? scale_factor=None) -> Tensor",
            "aten::__upsample_bilinear.size_list_scale_list(Tensor input, int[]? size=None, int[]? scale_factor=None) -> Tensor",
        ],
        |x: Tensor, size: IValue, factor: IValue| interpolate(&x, &size, &factor, "bilinear", true, false),
    );
}

/// One number for all dimensions, or one for each.
fn spread<T: Native + Copy>(value: &IValue, dims: usize) -> Result<Option<Vec<T>>> {
    if value.is_none() {
        return Ok(None);
    }
    if let Some(one) = T::take(value) {
        return Ok(Some(vec![one; dims]));
    }
    let all: Option<Vec<T>> = value
        .as_list()
        .and_then(|l| l.read().iter().map(T::take).collect());
    match all {
        Some(all) if all.len() == dims => Ok(Some(all)),
        _ => Err(error(format!(
            "Input and output must have the same number of spatial dimensions, but got input with {dims} spatial \
             dimensions and {}",
            flambeau_ir::value::print::repr(value)
        ))),
    }
}

fn interpolate(
    x: &Tensor,
    size: &IValue,
    factor: &IValue,
    mode: &str,
    align_corners: bool,
    antialias: bool,
) -> Result<Tensor> {
    let dims = x.dim().saturating_sub(2);
    let fits = |wanted: usize, mode: Interpolation| {
        if dims == wanted {
            return Ok(mode);
        }
        Err(error(format!(
            "Got {}D input, but this mode needs {}D input",
            x.dim(),
            wanted + 2
        )))
    };
    let size = spread::<i64>(size, dims)?;
    let factor = spread::<f64>(factor, dims)?;
    match (&size, &factor) {
        (Some(_), Some(_)) => return Err(error("only one of size or scale_factor should be defined")),
        (None, None) => return Err(error("either size or scale_factor should be defined")),
        _ => {}
    }
    let chosen = match mode {
        "nearest" => Interpolation::Nearest,
        "nearest-exact" => Interpolation::NearestExact,
        "linear" => fits(1, Interpolation::Linear)?,
        "bilinear" if antialias => fits(2, Interpolation::LinearAntialias)?,
        "bilinear" => fits(2, Interpolation::Linear)?,
        "trilinear" => fits(3, Interpolation::Linear)?,
        "bicubic" if antialias => fits(2, Interpolation::CubicAntialias)?,
        "bicubic" => fits(2, Interpolation::Cubic)?,
        "lanczos" => fits(2, Interpolation::LanczosAntialias)?,
        "area" => {
            let (size, _) = upsample_size(x, size.as_deref(), factor.as_deref())?;
            return match dims {
                1 => p::adaptive_avg_pool1d(x, &size),
                2 => p::adaptive_avg_pool2d(x, &size),
                _ => p::adaptive_avg_pool3d(x, &size),
            };
        }
        other => {
            return Err(error(format!(
                "expected a mode of nearest, nearest-exact, linear, bilinear, bicubic, trilinear or area, found `{other}`"
            )));
        }
    };
    // The factors only make the size.
    let (size, _) = upsample_size(x, size.as_deref(), factor.as_deref())?;
    upsample(x, &size, chosen, align_corners, &[])
}
