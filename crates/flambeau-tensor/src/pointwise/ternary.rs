//! Operators of three operands: choosing, clamping, interpolating, fused products.

use num_complex::Complex;

use crate::convert::B8;
use crate::dtype::{DType, ResultType};
use crate::error::Result;
use crate::pointwise::call::{Arg, To, op, result_type, run, run_ins};
use crate::pointwise::engine::{In, Kernel, Params};
use crate::pointwise::real::Real;
use crate::pointwise::table::{Gives, Table, table};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// `where` moves elements without looking at them, so there is one loop per element size.
///
/// # Safety
/// See [`Kernel`]; operand 0 is bool, the others have elements of `T`'s size.
unsafe fn choose<T: Copy>(ins: *const *const u8, out: *mut u8, n: usize, _: &Params) {
    // SAFETY: by the contract.
    let (c, a, b, out) = unsafe {
        (
            std::slice::from_raw_parts(*ins, n),
            std::slice::from_raw_parts((*ins.add(1)).cast::<T>(), n),
            std::slice::from_raw_parts((*ins.add(2)).cast::<T>(), n),
            std::slice::from_raw_parts_mut(out.cast::<T>(), n),
        )
    };
    crate::simd::vectorize(
        #[inline(always)]
        || {
            for i in 0..n {
                out[i] = if c[i] != 0 { a[i] } else { b[i] };
            }
        },
    )
}

static WHERE: Table = {
    let mut kernels: [Option<Kernel>; 16] = [None; 16];
    let mut code = 0;
    while code < 16 {
        kernels[code] = Some(match code {
            // Byte, Char, Bool and quantised bytes
            0 | 1 | 11 | 12 | 13 => choose::<u8>,
            // Short, Half, BFloat16
            2 | 5 | 15 => choose::<u16>,
            // Int, Float, ComplexHalf, QInt32
            3 | 6 | 8 | 14 => choose::<u32>,
            // Long, Double, ComplexFloat
            4 | 7 | 9 => choose::<u64>,
            _ => choose::<[u64; 2]>,
        });
        code += 1;
    }
    Table {
        name: "where",
        gives: Gives::Same,
        kernels,
    }
};

table! {
    CLAMP = "clamp_cpu", Same {
        float |c, a, low, high| if a.is_nan() { a } else if low.is_nan() { low } else if high.is_nan() { high } else {
            let x = if a < low { low } else { a };
            if x > high { high } else { x }
        };
        int |c, a, low, high| {
            let x = if a < low { low } else { a };
            if x > high { high } else { x }
        };
        bool |c, a, low, high| B8((a.0 | low.0) & high.0);
    }
    LERP = "lerp_kernel_scalar", Same {
        float |c, a, b, w| if w.abs() < 0.5 { w.madd::<M>(b - a, a) } else { (b - a).madd::<M>(w - 1.0, b) };
        c32 |c, a, b, w| if w.norm_sqr() < 0.25 { a + w * (b - a) } else { b - (b - a) * (Complex::new(1.0, 0.0) - w) };
        c64 |c, a, b, w| if w.norm_sqr() < 0.25 { a + w * (b - a) } else { b - (b - a) * (Complex::new(1.0, 0.0) - w) };
    }
    // a + value * b * d
    ADDCMUL = "addcmul_cpu_out", Same {
        float |c, a, b, d, value| a + value * b * d;
        int |c, a, b, d, value| a.wrapping_add(value.wrapping_mul(b).wrapping_mul(d));
        complex |c, a, b, d, value| a + value * b * d;
    }
    ADDCDIV = "addcdiv_cpu_out", Same {
        float |c, a, b, d, value| a + value * b / d;
        complex |c, a, b, d, value| a + value * b / d;
    }
}

op! {
    /// `condition ? a : b`, element by element
    where_, where_to(to, condition: &Tensor, a: Arg, b: Arg) {
        ensure!(
            matches!(condition.dtype(), DType::Bool | DType::Byte),
            "where expected condition to be a boolean tensor, but got a tensor with dtype {}",
            condition.dtype().name()
        );
        let common = result_type(&[a, b]);
        let ins = [In::Tensor(condition, DType::Bool), a.wants(common), b.wants(common)];
        run_ins(&WHERE, Params::default(), to, &ins, common, common, 1)
    }
    /// Bounds may be tensors or numbers; NaN stays NaN.
    clamp, clamp_to(to, x: &Tensor, min: Option<Arg>, max: Option<Arg>) {
        ensure!(!x.is_complex(), "clamp is not supported for complex types");
        let mut result = ResultType::default().tensor(x.dtype(), x.dim());
        for bound in [min, max].into_iter().flatten() {
            ensure!(!bound.dtype().is_complex(), "clamp is not supported for complex types");
            result = match bound {
                Arg::Tensor(t) => result.operand(t),
                Arg::Number(s) => result.scalar(s),
            };
        }
        let common = result.get().unwrap_or(x.dtype());
        match (min, max) {
            (Some(low), Some(high)) => run(&CLAMP, Params::default(), to, &[x.into(), low, high], common, 1),
            (Some(low), None) => run(&super::arith::MAXIMUM, Params::default(), to, &[x.into(), low], common, 1),
            (None, Some(high)) => run(&super::arith::MINIMUM, Params::default(), to, &[x.into(), high], common, 1),
            (None, None) => bail!("torch.clamp: At least one of 'min' or 'max' must not be None"),
        }
    }
    /// `a + weight * (b - a)`
    lerp, lerp_to(to, a: &Tensor, b: &Tensor, weight: Arg) {
        ensure!(
            a.dtype() == b.dtype(),
            "expected dtype {} for `end` but got dtype {}",
            a.dtype().torch_name().trim_start_matches("torch."),
            b.dtype().torch_name().trim_start_matches("torch.")
        );
        if let Arg::Tensor(w) = weight {
            ensure!(
                a.dtype() == w.dtype(),
                "expected dtype {} for `weight` but got dtype {}",
                a.dtype().torch_name().trim_start_matches("torch."),
                w.dtype().torch_name().trim_start_matches("torch.")
            );
        }
        run(&LERP, Params::default(), to, &[a.into(), b.into(), weight], a.dtype(), 1)
    }
    /// `x + value * a * b`
    addcmul, addcmul_to(to, x: &Tensor, a: &Tensor, b: &Tensor, value: Scalar) {
        let common = result_type(&[x.into(), a.into(), b.into()]);
        run(&ADDCMUL, Params::default(), to, &[x.into(), a.into(), b.into(), value.into()], common, 1)
    }
    /// `x + value * a / b`
    addcdiv, addcdiv_to(to, x: &Tensor, a: &Tensor, b: &Tensor, value: Scalar) {
        ensure!(
            !(a.dtype().is_integral(true) && b.dtype().is_integral(true)),
            "Integer division with addcdiv is no longer supported, and in a future release addcdiv will perform a true \
             division of tensor1 and tensor2."
        );
        let common = result_type(&[x.into(), a.into(), b.into()]);
        run(&ADDCDIV, Params::default(), to, &[x.into(), a.into(), b.into(), value.into()], common, 2)
    }
}

/// `condition ? a : b` in a given dtype.
pub(crate) fn choose_as(to: To, condition: &Tensor, a: Arg, b: Arg, dtype: DType) -> Result<Tensor> {
    let ins = [In::Tensor(condition, DType::Bool), a.wants(dtype), b.wants(dtype)];
    run_ins(&WHERE, Params::default(), to, &ins, dtype, dtype, 1)
}
