//! Rounding to the numbers that a quantised tensor would hold, in floats: what models trained for quantisation run.

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::value::IValue;
use flambeau_tensor::pointwise as p;
use flambeau_tensor::{DType, Result, Scalar, Tensor, reduce as r};

use crate::calc::*;
use crate::values::error;

pub fn declare(ops: &mut Rows) {
    let doc = "The nearest number that a quantised tensor could hold.";
    ops.op("aten::fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, scale: f64, zero: i64, low: i64, high: i64| Ok::<_, flambeau_tensor::Error>(per_tensor(&x, scale, zero, low, high)?.0));
    ops.op("aten::fake_quantize_per_tensor_affine.tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, low: i64, high: i64| {
            let (scale, zero) = (one(&scale, "scale")?.to_f64(), one(&zero, "zero_point")?.to_i64());
            Ok::<_, flambeau_tensor::Error>(per_tensor(&x, scale, zero, low, high)?.0)
        });
    let masked = "The nearest number that a quantised tensor could hold, and where it is in range.";
    ops.op("aten::fake_quantize_per_tensor_affine_cachemask(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> (Tensor output, Tensor mask)")
        .doc(masked)
        .kernel(|x: Tensor, scale: f64, zero: i64, low: i64, high: i64| per_tensor(&x, scale, zero, low, high));
    ops.op("aten::_fake_quantize_per_tensor_affine_cachemask_tensor_qparams(Tensor self, Tensor scale, Tensor zero_point, Tensor fake_quant_enabled, int quant_min, int quant_max) -> (Tensor output, Tensor mask)")
        .doc(masked)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, enabled: Tensor, low: i64, high: i64| {
            if one(&enabled, "fake_quant_enabled")?.to_f64() == 0.0 {
                return unchanged(&x);
            }
            per_tensor(&x, one(&scale, "scale")?.to_f64(), one(&zero, "zero_point")?.to_i64(), low, high)
        });
    ops.op("aten::fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, axis: i64, low: i64, high: i64| Ok::<_, flambeau_tensor::Error>(per_channel(&x, &scale, &zero, axis, low, high)?.0));
    ops.op("aten::fake_quantize_per_channel_affine_cachemask(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max) -> (Tensor output, Tensor mask)")
        .doc(masked)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, axis: i64, low: i64, high: i64| per_channel(&x, &scale, &zero, axis, low, high));
    ops.op("aten::_fake_quantize_learnable_per_tensor_affine(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max, float grad_factor=1.) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, low: i64, high: i64, _grad_factor: f64| {
            let zero = (one(&zero, "zero_point")?.to_f64() + 0.5).clamp(low as f64, high.max(low) as f64) as i64;
            Ok::<_, flambeau_tensor::Error>(per_tensor(&x, one(&scale, "scale")?.to_f64(), zero, low, high)?.0)
        });
    ops.op("aten::_fake_quantize_learnable_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, int quant_max, float grad_factor=1.) -> Tensor")
        .doc(doc)
        .kernel(|x: Tensor, scale: Tensor, zero: Tensor, axis: i64, low: i64, high: i64, _grad_factor: f64| {
            let zero = p::clamp(&p::round(&zero)?, Some((low as f64).into()), Some((high as f64).into()))?;
            Ok::<_, flambeau_tensor::Error>(per_channel(&x, &scale, &zero.to_dtype(DType::Int)?, axis, low, high)?.0)
        });
    ops.op("aten::fused_moving_avg_obs_fake_quant(Tensor self, Tensor observer_on, Tensor fake_quant_on, Tensor(a!) running_min, Tensor(b!) running_max, Tensor(c!) scale, Tensor(d!) zero_point, float averaging_const, int quant_min, int quant_max, int ch_axis, bool per_row_fake_quant=False, bool symmetric_quant=False) -> Tensor")
        .doc("Observes the range of the numbers, and rounds to what a quantised tensor of it could hold.")
        .kernel(|_: &Context, args: &[IValue]| -> Result<Tensor> { Ok(observed(args)?.0) });
    ops.op("aten::_fused_moving_avg_obs_fq_helper(Tensor self, Tensor observer_on, Tensor fake_quant_on, Tensor(a!) running_min, Tensor(b!) running_max, Tensor(c!) scale, Tensor(d!) zero_point, float averaging_const, int quant_min, int quant_max, int ch_axis, bool per_row_fake_quant=False, bool symmetric_quant=False) -> (Tensor output, Tensor mask)")
        .doc("`fused_moving_avg_obs_fake_quant`, and where numbers are in range.")
        .kernel(|_: &Context, args: &[IValue]| observed(args));
}

fn one(t: &Tensor, name: &str) -> Result<Scalar> {
    if t.numel() != 1 {
        return Err(error(format!(
            "expected one element in `{name}`, found {}",
            t.numel()
        )));
    }
    t.reshape(&[])?.item()
}

fn unchanged(x: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((x.copy()?, Tensor::ones(x.sizes(), DType::Bool)?))
}

fn check_range(low: i64, high: i64) -> Result<()> {
    if low > high {
        return Err(error(
            "`quant_min` should be less than or equal to `quant_max`.".to_string(),
        ));
    }
    Ok(())
}

/// `(clamp(round(x / scale) + zero) - zero) * scale`, and where the clamp does nothing.
fn rounded(
    x: &Tensor,
    scale: &Tensor,
    inverse: &Tensor,
    zero: &Tensor,
    low: i64,
    high: i64,
) -> Result<(Tensor, Tensor)> {
    let wide = match x.dtype() {
        DType::Double => DType::Double,
        _ => DType::Float,
    };
    let steps = add(&p::round(&mul(&x.to_dtype(wide)?, inverse)?)?, zero)?;
    let kept = p::clamp(&steps, Some((low as f64).into()), Some((high as f64).into()))?;
    let mask = p::logical_and(
        (&p::ge((&steps).into(), low.into())?).into(),
        (&p::le((&steps).into(), high.into())?).into(),
    )?;
    Ok((mul(&sub(&kept, zero)?, scale)?.to_dtype(x.dtype())?, mask))
}

fn per_tensor(x: &Tensor, scale: f64, zero: i64, low: i64, high: i64) -> Result<(Tensor, Tensor)> {
    check_range(low, high)?;
    if !(low..=high).contains(&zero) {
        return Err(error(
            "`zero_point` must be between `quant_min` and `quant_max`.".to_string(),
        ));
    }
    let single = |v: f32| Tensor::scalar_tensor(f64::from(v), DType::Float);
    let (scale, zero) = (scale as f32, zero as f32);
    rounded(
        x,
        &single(scale)?,
        &single(1.0 / scale)?,
        &single(zero)?,
        low,
        high,
    )
}

fn per_channel(
    x: &Tensor,
    scale: &Tensor,
    zero: &Tensor,
    axis: i64,
    low: i64,
    high: i64,
) -> Result<(Tensor, Tensor)> {
    check_range(low, high)?;
    if axis < 0 || axis >= x.dim() as i64 {
        return Err(error(
            "`axis` must be between 0 and number of dimensions of input",
        ));
    }
    let channels = x.sizes()[axis as usize];
    for (name, t) in [("scale", scale), ("zero-point", zero)] {
        if t.dim() != 1 || t.numel() != channels {
            return Err(error(format!(
                "dimensions of {name} are not consistent with input tensor: expected [{channels}], found {:?}",
                t.sizes()
            )));
        }
    }
    if !zero.is_floating_point() && zero.numel() > 0 {
        let (least, most) = (r::min(zero)?.item()?.to_i64(), r::max(zero)?.item()?.to_i64());
        if least < low || most > high {
            return Err(error("`zero_point` must be between `quant_min` and `quant_max`."));
        }
    }
    let mut sizes = vec![1; x.dim()];
    sizes[axis as usize] = channels;
    let scale = scale.to_dtype(DType::Float)?.reshape(&sizes)?;
    let zero = zero.to_dtype(DType::Float)?.reshape(&sizes)?;
    rounded(x, &scale, &p::reciprocal(&scale)?, &zero, low, high)
}

fn argument<T: flambeau_ir::ops::Native>(args: &[IValue], at: usize) -> Result<T> {
    let found = args.get(at);
    found.and_then(T::take).ok_or_else(|| {
        let found = found.map_or("nothing".into(), |v| v.type_name());
        error(format!(
            "argument {}: expected {}, found {found}",
            at + 1,
            T::TYPE
        ))
    })
}

fn observed(args: &[IValue]) -> Result<(Tensor, Tensor)> {
    let tensor = |at| argument::<Tensor>(args, at);
    let (x, low, high) = (tensor(0)?, tensor(3)?, tensor(4)?);
    let (scale, zero) = (tensor(5)?, tensor(6)?);
    let rate: f64 = argument(args, 7)?;
    let (least, most): (i64, i64) = (argument(args, 8)?, argument(args, 9)?);
    let (axis, per_row, symmetric): (i64, bool, bool) =
        (argument(args, 10)?, argument(args, 11)?, argument(args, 12)?);
    if one(&tensor(1)?, "observer_on")?.to_f64() != 0.0 {
        if per_row && axis != 0 {
            return Err(error(
                "Per-channel FakeQuant in fused_moving_avg_obs_fake_quant is only supported on axis == 0",
            ));
        }
        let (small, large) = r::aminmax(&x, per_row.then_some(1), false)?;
        for (running, current) in [(&low, small), (&high, large)] {
            let current = current.to_dtype(running.dtype())?.reshape(running.sizes())?;
            let moved = add(running, &mul(&sub(&current, running)?, rate)?)?;
            running.copy_(&choose(&p::isinf(running)?, &current, &moved)?)?;
        }
    }
    if one(&tensor(2)?, "fake_quant_on")?.to_f64() == 0.0 {
        return unchanged(&x);
    }
    let chosen: Vec<(f32, i32)> = floats(&low)?
        .into_iter()
        .zip(floats(&high)?)
        .map(|(low, high)| choose_parameters(low as f32, high as f32, least, most, symmetric))
        .collect();
    if chosen.len() != scale.numel() as usize || chosen.len() != zero.numel() as usize {
        return Err(error(format!(
            "expected {} elements in `scale` and `zero_point`, found {} and {}",
            chosen.len(),
            scale.numel(),
            zero.numel()
        )));
    }
    let scales: Vec<f32> = chosen.iter().map(|c| c.0).collect();
    let zeros: Vec<i32> = chosen.iter().map(|c| c.1).collect();
    scale.copy_(&Tensor::from_slice(&scales, scale.sizes())?)?;
    zero.copy_(&Tensor::from_slice(&zeros, zero.sizes())?)?;
    if per_row {
        per_channel(&x, &scale, &zero, axis, least, most)
    } else {
        per_tensor(
            &x,
            one(&scale, "scale")?.to_f64(),
            one(&zero, "zero_point")?.to_i64(),
            least,
            most,
        )
    }
}

/// The scale and the zero that spread a range, which always holds 0, over whole numbers.
fn choose_parameters(mut low: f32, mut high: f32, least: i64, most: i64, symmetric: bool) -> (f32, i32) {
    const SMALLEST: f32 = 6.1e-5;
    let span = most.saturating_sub(least);
    let steps = span as f64;
    let both_sides = low < 0.0 && high > 0.0 && symmetric;
    if both_sides {
        let (below, above) = (-((span / 2 + 1) as f32), (span / 2) as f32);
        let scale = (low / below).abs().max((high / above).abs());
        (low, high) = (scale * below, scale * above);
    }
    (low, high) = (low.min(0.0), high.max(0.0));
    let mut scale = (f64::from(high) - f64::from(low)) / steps;
    if scale as f32 == 0.0 || (1.0 / scale as f32).is_infinite() {
        scale = 0.1;
    }
    if scale < f64::from(SMALLEST) {
        let before = scale as f32;
        scale = f64::from(SMALLEST);
        if low == 0.0 {
            high = SMALLEST * steps as f32;
        } else if high == 0.0 {
            low = -SMALLEST * steps as f32;
        } else {
            (low, high) = (low * SMALLEST / before, high * SMALLEST / before);
        }
    }
    let (low, high) = (f64::from(low) / scale, f64::from(high) / scale);
    let nearer_low = (least as f64).abs() + low.abs() < (most as f64).abs() + high.abs();
    let mut zero = if nearer_low {
        least as f64 - low
    } else {
        most as f64 - high
    };
    if both_sides {
        zero = (least as f64 + most as f64) / 2.0;
    }
    let zero = zero.round_ties_even().clamp(least as f64, most.max(least) as f64);
    (scale as f32, zero as i32)
}
