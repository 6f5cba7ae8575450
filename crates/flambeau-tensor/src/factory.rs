//! New tensors: empty, filled, ranges, from Rust values.

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{self, Dims, MemoryFormat, checked_numel, contiguous_strides, format_strides};
use crate::scalar::Scalar;
use crate::storage::Storage;
use crate::tensor::{Meta, Tensor};
use crate::{bail, dispatch, ensure};

fn bytes_for(sizes: &[i64], dtype: DType) -> Result<usize> {
    let n = checked_numel(sizes)?;
    match usize::try_from(n).ok().and_then(|n| n.checked_mul(dtype.size())) {
        Some(bytes) => Ok(bytes),
        None => bail!(
            "Storage size calculation overflowed with sizes={}",
            layout::show(sizes)
        ),
    }
}

impl Tensor {
    /// Arbitrary contents (zeros for bool, whose bytes must be 0 or 1).
    pub fn empty(sizes: &[i64], dtype: DType) -> Result<Tensor> {
        let bytes = bytes_for(sizes, dtype)?;
        let storage = if dtype == DType::Bool {
            Storage::zeroed(bytes)?
        } else {
            Storage::empty(bytes)?
        };
        Ok(Meta::new(storage, sizes.into(), contiguous_strides(sizes), 0, dtype)?.into())
    }

    /// As `empty`, for callers that write every element before anyone reads one.
    pub(crate) fn empty_to_fill(sizes: &[i64], dtype: DType) -> Result<Tensor> {
        let storage = Storage::empty(bytes_for(sizes, dtype)?)?;
        Ok(Meta::new(storage, sizes.into(), contiguous_strides(sizes), 0, dtype)?.into())
    }

    pub fn empty_format(sizes: &[i64], dtype: DType, format: MemoryFormat) -> Result<Tensor> {
        let bytes = bytes_for(sizes, dtype)?;
        let strides = format_strides(sizes, format)?;
        let storage = if dtype == DType::Bool {
            Storage::zeroed(bytes)?
        } else {
            Storage::empty(bytes)?
        };
        Ok(Meta::new(storage, sizes.into(), strides, 0, dtype)?.into())
    }

    /// The storage is as large as the strides need.
    pub fn empty_strided(sizes: &[i64], strides: &[i64], dtype: DType) -> Result<Tensor> {
        ensure!(
            sizes.len() == strides.len(),
            "mismatch in length of strides and shape: {} and {}",
            layout::show(strides),
            layout::show(sizes)
        );
        checked_numel(sizes)?;
        if let Some(s) = strides.iter().find(|s| **s < 0) {
            bail!("empty_strided: expected non-negative strides, found {s}");
        }
        let high = layout::extent(sizes, strides)?.map_or(0, |(_, high)| high.saturating_add(1));
        let bytes = bytes_for(&[high], dtype)?;
        let storage = if dtype == DType::Bool {
            Storage::zeroed(bytes)?
        } else {
            Storage::empty(bytes)?
        };
        Ok(Meta::new(storage, sizes.into(), strides.into(), 0, dtype)?.into())
    }

    /// Sizes of `self`, its order of strides (see [`MemoryFormat::Preserve`]), another dtype if given.
    pub fn empty_like(&self, dtype: Option<DType>, format: MemoryFormat) -> Result<Tensor> {
        let dtype = dtype.unwrap_or(self.dtype());
        if format == MemoryFormat::Preserve {
            let strides = layout::preserved_strides(self.sizes(), self.strides());
            let t = Tensor::empty_strided(self.sizes(), &strides, dtype)?;
            return Ok(self.keep_quantizer(t, dtype));
        }
        let t = Tensor::empty_format(self.sizes(), dtype, format)?;
        Ok(self.keep_quantizer(t, dtype))
    }

    fn keep_quantizer(&self, t: Tensor, dtype: DType) -> Tensor {
        match self.quantizer() {
            Some(q) if dtype == self.dtype() => t.with_quantizer(Some(q.clone())),
            _ => t,
        }
    }

    pub fn zeros(sizes: &[i64], dtype: DType) -> Result<Tensor> {
        let storage = Storage::zeroed(bytes_for(sizes, dtype)?)?;
        Ok(Meta::new(storage, sizes.into(), contiguous_strides(sizes), 0, dtype)?.into())
    }

    pub fn ones(sizes: &[i64], dtype: DType) -> Result<Tensor> {
        Tensor::full(sizes, Scalar::Int(1), dtype)
    }

    pub fn full(sizes: &[i64], value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        let t = Tensor::empty(sizes, dtype)?;
        t.fill_(value)?;
        Ok(t)
    }

    pub fn full_like(&self, value: impl Into<Scalar>, dtype: Option<DType>) -> Result<Tensor> {
        let t = self.empty_like(dtype, MemoryFormat::Preserve)?;
        t.fill_(value)?;
        Ok(t)
    }

    pub fn zeros_like(&self) -> Result<Tensor> {
        self.full_like(Scalar::Int(0), None)
    }

    pub fn ones_like(&self) -> Result<Tensor> {
        self.full_like(Scalar::Int(1), None)
    }

    /// A 0-d tensor.
    pub fn scalar_tensor(value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        Tensor::full(&[], value, dtype)
    }

    /// A copy of `data` with the given sizes.
    pub fn from_slice<T: Element>(data: &[T], sizes: &[i64]) -> Result<Tensor> {
        let n = checked_numel(sizes)?;
        ensure!(
            n == data.len() as i64,
            "shape '{}' is invalid for input of size {}",
            layout::show(sizes),
            data.len()
        );
        // SAFETY: elements are plain data without padding, so their bytes can be read.
        let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data)) };
        let storage = Storage::from_bytes(bytes)?;
        Ok(Meta::new(storage, sizes.into(), contiguous_strides(sizes), 0, T::DTYPE)?.into())
    }

    pub fn from_vec<T: Element>(data: Vec<T>, sizes: &[i64]) -> Result<Tensor> {
        Tensor::from_slice(&data, sizes)
    }

    /// A 1-d tensor of the elements.
    pub fn from_elements<T: Element>(data: &[T]) -> Result<Tensor> {
        Tensor::from_slice(data, &[data.len() as i64])
    }

    /// A tensor of any dtype from scalars, each cast.
    pub fn from_scalars(data: &[Scalar], sizes: &[i64], dtype: DType) -> Result<Tensor> {
        if dtype == DType::ComplexHalf {
            return Tensor::from_scalars(data, sizes, DType::ComplexFloat)?.to_dtype(dtype);
        }
        dispatch!(dtype, "tensor", T => {
            let t = Tensor::from_vec(data.iter().map(|s| T::from_scalar(*s)).collect(), sizes)?;
            if t.dtype() == dtype { Ok(t) } else { Tensor::from_storage(t.storage().clone(), t.sizes(), t.strides(), 0, dtype) }
        })
    }

    /// `torch.arange`; integers are exact when all three are.
    pub fn arange(start: Scalar, end: Scalar, step: Scalar, dtype: DType) -> Result<Tensor> {
        let (s, e, d) = (start.to_f64(), end.to_f64(), step.to_f64());
        ensure!(d != 0.0 && !d.is_nan(), "step must be nonzero");
        ensure!(s.is_finite() && e.is_finite(), "unsupported range: {s} -> {e}");
        ensure!(
            (d > 0.0 && e >= s) || (d < 0.0 && e <= s),
            "upper bound and lower bound inconsistent with step sign"
        );
        let exact = [start, end, step].iter().all(|x| x.is_integral(true)) && dtype.is_integral(false);
        let n = if exact {
            let (s, e, d) = (
                start.to_i64() as i128,
                end.to_i64() as i128,
                step.to_i64() as i128,
            );
            let span = if d > 0 { e - s } else { s - e };
            (span + d.abs() - 1) / d.abs()
        } else {
            let n = ((e - s) / d).ceil();
            ensure!(
                n >= 0.0 && n <= i64::MAX as f64,
                "invalid size, possible overflow?"
            );
            n as i128
        };
        let Ok(n) = i64::try_from(n) else {
            bail!("invalid size, possible overflow?")
        };
        let t = Tensor::empty(&[n], dtype)?;
        let mut w = t.write()?;
        dispatch!(dtype, "arange_cpu", T => {
            let out = w.slice::<T>()?;
            if dtype.is_integral(false) {
                let (s, d) = (start.to_i64(), step.to_i64());
                for (i, x) in out.iter_mut().enumerate() {
                    *x = T::from_scalar(Scalar::Int(s.wrapping_add(d.wrapping_mul(i as i64))));
                }
            } else if dtype == DType::Half || dtype == DType::BFloat16 {
                // PyTorch goes in blocks of 16, two at a time, from a start that is rounded; the rest goes one by one.
                let (s, d, blocks) = (s as f32, d as f32, out.len() / 32 * 32);
                let round = |x: f32| T::from_scalar(Scalar::Float(x as f64));
                for (i, x) in out.iter_mut().enumerate() {
                    let lane = if i < blocks { i % 16 } else { 0 };
                    let start = round(d.mul_add((i - lane) as f32, s));
                    *x = if lane == 0 { start } else {
                        round(d.mul_add(lane as f32, start.to_scalar().to_f64() as f32))
                    };
                }
            } else {
                for (i, x) in out.iter_mut().enumerate() {
                    *x = T::from_scalar(Scalar::Float(s + d * i as f64));
                }
            }
        });
        drop(w);
        Ok(t)
    }

    /// `torch.linspace`: both ends included, symmetric around the middle.
    pub fn linspace(start: Scalar, end: Scalar, steps: i64, dtype: DType) -> Result<Tensor> {
        ensure!(steps >= 0, "number of steps must be non-negative");
        let t = Tensor::empty(&[steps], dtype)?;
        let mut w = t.write()?;
        dispatch!(dtype, "linspace_cpu", T => {
            let out = w.slice::<T>()?;
            // The ends are cast first: a range of integers goes between integers.
            let (s, e) = (T::from_scalar(start).to_scalar().to_complex(), T::from_scalar(end).to_scalar().to_complex());
            if steps == 1 {
                out[0] = T::from_scalar(start);
            } else if steps > 1 {
                let half = steps / 2;
                // PyTorch computes the step in the tensor's own precision.
                let single = matches!(dtype, DType::Float);
                let step = (e - s) / (steps - 1) as f64;
                let (s32, e32) = (s.re as f32, e.re as f32);
                let step32 = (e32 - s32) / (steps - 1) as f32;
                for (i, x) in out.iter_mut().enumerate() {
                    let i = i as i64;
                    *x = if single {
                        let v = if i < half {
                            step32.mul_add(i as f32, s32)
                        } else {
                            (-step32).mul_add((steps - i - 1) as f32, e32)
                        };
                        T::from_scalar(Scalar::Float(v as f64))
                    } else {
                        let v = if i < half { s + step * i as f64 } else { e - step * (steps - i - 1) as f64 };
                        T::from_scalar(if dtype.is_complex() { Scalar::Complex(v) } else { Scalar::Float(v.re) })
                    };
                }
            }
        });
        drop(w);
        Ok(t)
    }

    pub fn logspace(start: Scalar, end: Scalar, steps: i64, base: f64, dtype: DType) -> Result<Tensor> {
        if steps == 1 {
            let value = base.powf(start.to_f64());
            return Tensor::from_vec(vec![value], &[1])?.to_dtype(dtype);
        }
        // The ends are cast to the dtype, the rest is done in doubles.
        let own = |s: Scalar| Tensor::scalar_tensor(s, dtype)?.item();
        let exponents = Tensor::linspace(own(start)?, own(end)?, steps, DType::Double)?.to_vec::<f64>()?;
        let values: Vec<f64> = exponents.into_iter().map(|e| base.powf(e)).collect();
        Tensor::from_vec(values, &[steps])?.to_dtype(dtype)
    }

    pub fn eye(n: i64, m: i64, dtype: DType) -> Result<Tensor> {
        ensure!(n >= 0, "n must be greater or equal to 0, got {n}");
        ensure!(m >= 0, "m must be greater or equal to 0, got {m}");
        let t = Tensor::zeros(&[n, m], dtype)?;
        let diagonal = t.alias(
            Dims::from_slice(&[n.min(m)]),
            Dims::from_slice(&[m.saturating_add(1)]),
            0,
        )?;
        diagonal.fill_(Scalar::Int(1))?;
        Ok(t)
    }

    /// Fills with a value cast to the dtype.
    pub fn fill_(&self, value: impl Into<Scalar>) -> Result<()> {
        crate::copy::fill(self, value.into())
    }

    pub fn zero_(&self) -> Result<()> {
        self.fill_(Scalar::Int(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(t: Result<Tensor>, expected: &str) {
        let found = match t {
            Ok(t) => format!("{t:?}"),
            Err(e) => e.message,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn filled() {
        check(
            Tensor::zeros(&[2], DType::Float),
            "Tensor(torch.float32, [2], [0.0, 0.0])",
        );
        check(
            Tensor::ones(&[2], DType::Bool),
            "Tensor(torch.bool, [2], [true, true])",
        );
        check(
            Tensor::full(&[], 300, DType::Byte),
            "Tensor(torch.uint8, [], [44])",
        );
        check(
            Tensor::eye(2, 3, DType::Long),
            "Tensor(torch.int64, [2, 3], [1, 0, 0, 0, 1, 0])",
        );
        check(Tensor::eye(0, 3, DType::Long), "Tensor(torch.int64, [0, 3], [])");
        check(
            Tensor::zeros(&[0, i64::MAX], DType::Long),
            "Tensor(torch.int64, [0, 9223372036854775807], [])",
        );
        check(
            Tensor::zeros(&[-1], DType::Long),
            "Trying to create tensor with negative dimension -1: [-1]",
        );
    }

    #[test]
    fn ranges() {
        let (i, f) = (Scalar::Int, Scalar::Float);
        check(
            Tensor::arange(i(0), i(5), i(2), DType::Long),
            "Tensor(torch.int64, [3], [0, 2, 4])",
        );
        check(
            Tensor::arange(i(5), i(0), i(-2), DType::Long),
            "Tensor(torch.int64, [3], [5, 3, 1])",
        );
        check(
            Tensor::arange(f(0.0), f(1.0), f(0.5), DType::Float),
            "Tensor(torch.float32, [2], [0.0, 0.5])",
        );
        check(
            Tensor::arange(i(1), i(0), i(1), DType::Long),
            "upper bound and lower bound inconsistent with step sign",
        );
        check(
            Tensor::linspace(i(0), i(1), 3, DType::Float),
            "Tensor(torch.float32, [3], [0.0, 0.5, 1.0])",
        );
        check(
            Tensor::linspace(i(3), i(9), 1, DType::Long),
            "Tensor(torch.int64, [1], [3])",
        );
    }

    #[test]
    fn too_large() {
        assert!(Tensor::zeros(&[1 << 40, 1 << 30], DType::Float).is_err());
        assert!(Tensor::empty(&[i64::MAX], DType::Double).is_err());
        assert!(Tensor::empty_strided(&[2], &[i64::MAX], DType::Double).is_err());
    }
}
