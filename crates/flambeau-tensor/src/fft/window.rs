//! Window functions. A periodic window is the symmetric one of one point more, without its last point.

use crate::math::special::i0;
use crate::{DType, Result, Tensor, ensure};
use std::f64::consts::PI;

fn window(
    name: &str,
    length: i64,
    periodic: bool,
    dtype: DType,
    value: impl Fn(f64, f64) -> f64,
) -> Result<Tensor> {
    ensure!(
        dtype.is_floating_point(),
        "{name} expects floating point dtypes, got: TensorOptions(dtype={})",
        dtype.name()
    );
    ensure!(
        length >= 0,
        "{name} requires non-negative window_length, got window_length={length}"
    );
    if length == 1 {
        return Tensor::ones(&[1], dtype);
    }
    let last = if periodic { length } else { length - 1 } as f64;
    // The allocation is checked before anything is computed.
    let out = Tensor::empty(&[length], dtype)?;
    let values: Vec<f64> = (0..length).map(|k| value(k as f64, last)).collect();
    out.copy_(&Tensor::from_vec(values, &[length])?)?;
    Ok(out)
}

pub fn hann_window(length: i64, periodic: bool, dtype: DType) -> Result<Tensor> {
    window("hann_window", length, periodic, dtype, |k, last| {
        0.5 - 0.5 * (2.0 * PI * k / last).cos()
    })
}

pub fn hamming_window(length: i64, periodic: bool, alpha: f64, beta: f64, dtype: DType) -> Result<Tensor> {
    window("hamming_window", length, periodic, dtype, |k, last| {
        alpha - beta * (2.0 * PI * k / last).cos()
    })
}

pub fn blackman_window(length: i64, periodic: bool, dtype: DType) -> Result<Tensor> {
    window("blackman_window", length, periodic, dtype, |k, last| {
        let angle = 2.0 * PI * k / last;
        0.42 - 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos()
    })
}

pub fn bartlett_window(length: i64, periodic: bool, dtype: DType) -> Result<Tensor> {
    window("bartlett_window", length, periodic, dtype, |k, last| {
        let x = 2.0 * k / last;
        if x <= 1.0 { x } else { 2.0 - x }
    })
}

pub fn kaiser_window(length: i64, periodic: bool, beta: f64, dtype: DType) -> Result<Tensor> {
    window("kaiser_window", length, periodic, dtype, |k, last| {
        let x = 2.0 * k / last - 1.0;
        i0(beta * (1.0 - x * x).max(0.0).sqrt()) / i0(beta)
    })
}
