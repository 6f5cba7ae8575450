//! How an operator is called: arguments that are tensors or numbers, results that are new, in place or `out=`, and
//! the dtype rules shared by families of operators.

use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;

use crate::dtype::{DType, ResultType};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MemoryFormat};
use crate::pointwise::engine::{In, Params, run_into, run_new};
use crate::pointwise::table::Table;
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// An operand: a tensor or a number.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    Tensor(&'a Tensor),
    Number(Scalar),
}

impl<'a> From<&'a Tensor> for Arg<'a> {
    fn from(t: &'a Tensor) -> Arg<'a> {
        Arg::Tensor(t)
    }
}

impl<'a> From<Scalar> for Arg<'a> {
    fn from(s: Scalar) -> Arg<'a> {
        Arg::Number(s)
    }
}

macro_rules! arg_from {
    ($($t:ty),*) => {$(
        impl From<$t> for Arg<'_> {
            fn from(x: $t) -> Self {
                Arg::Number(x.into())
            }
        }
    )*};
}
arg_from!(bool, i32, i64, f32, f64);

impl<'a> Arg<'a> {
    pub(crate) fn wants(self, dtype: DType) -> In<'a> {
        match self {
            Arg::Tensor(t) => In::Tensor(t, dtype),
            Arg::Number(s) => In::Number(s, dtype),
        }
    }

    /// The dtype of the tensor, or the one a tensor of the number would have.
    pub fn dtype(self) -> DType {
        match self {
            Arg::Tensor(t) => t.dtype(),
            Arg::Number(s) => s.dtype(),
        }
    }

    pub(crate) fn tensor(self) -> Result<Tensor> {
        match self {
            Arg::Tensor(t) => Ok(t.clone()),
            Arg::Number(s) => Tensor::scalar_tensor(s, s.dtype()),
        }
    }
}

/// Where a result goes. In place and `out=` check that the result type can be cast to the target's.
#[derive(Clone, Copy, Debug, Default)]
pub enum To<'a> {
    /// a new tensor
    #[default]
    New,
    /// this tensor, whose shape must already fit
    InPlace(&'a Tensor),
    /// this tensor, resized if need be
    Out(&'a Tensor),
}

impl<'a> To<'a> {
    /// Prepares the target for a result and hands it over, or `None` for a new one.
    pub(crate) fn target(self, shape: &[i64], dtype: DType) -> Result<Option<&'a Tensor>> {
        let t = match self {
            To::New => return Ok(None),
            To::InPlace(t) => t,
            To::Out(t) => {
                if t.sizes() != shape {
                    t.resize_(shape, MemoryFormat::Contiguous)?;
                }
                t
            }
        };
        ensure!(
            dtype.can_cast(t.dtype()),
            "result type {} can't be cast to the desired output type {}",
            dtype.name(),
            t.dtype().name()
        );
        Ok(Some(t))
    }

    /// Delivers a finished result: itself, or copied into the target.
    pub fn deliver(self, result: Tensor) -> Result<Tensor> {
        match self.target(result.sizes(), result.dtype())? {
            None => Ok(result),
            Some(t) => {
                ensure!(
                    t.sizes() == result.sizes(),
                    "output with shape {} doesn't match the broadcast shape {}",
                    layout::show(t.sizes()),
                    layout::show(result.sizes())
                );
                t.copy_(&result)?;
                Ok(t.clone())
            }
        }
    }
}

/// PyTorch's `result_type` of operands.
pub fn result_type(args: &[Arg]) -> DType {
    let mut r = ResultType::default();
    for a in args {
        r = match a {
            Arg::Tensor(t) => r.operand(t),
            Arg::Number(s) => r.scalar(*s),
        };
    }
    r.get().unwrap_or(DType::Float)
}

fn broadcast_shape(ins: &[In]) -> Result<layout::Dims> {
    let mut shape = layout::Dims::new();
    for i in ins {
        if let In::Tensor(t, _) = i {
            shape = layout::broadcast_shapes(&shape, t.sizes())?;
        }
    }
    Ok(shape)
}

/// A number, or a tensor of no dimensions and another dtype, as an element of a half type holds it.
pub(crate) fn own<'a>(a: Arg<'a>, common: DType) -> Result<Arg<'a>> {
    if !is_half(common) {
        return Ok(a);
    }
    let number = match a {
        Arg::Number(s) if !s.is_complex() => s,
        Arg::Tensor(t) if t.dim() == 0 && t.dtype() != common && !t.is_complex() => t.item()?,
        _ => return Ok(a),
    };
    Ok(Arg::Number(Tensor::scalar_tensor(number, common)?.item()?))
}

pub(crate) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::Half | DType::BFloat16)
}

/// Half types, where PyTorch's kernels take 32 elements at a time in single precision and round once (`whole`), but
/// round each step of what is left over or does not lie in order (`steps`).
pub(crate) fn by_lanes(
    xs: &[&Tensor],
    whole: impl FnOnce() -> Result<Tensor>,
    steps: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Tensor> {
    const LANES: i64 = 32;
    let Some(first) = xs.first() else {
        return whole();
    };
    let n = first.numel();
    let even = xs.iter().all(|x| x.is_contiguous() && x.sizes() == first.sizes());
    let rest = if even { n % LANES } else { n };
    if rest == n {
        let xs: Vec<Tensor> = xs.iter().map(|x| (*x).clone()).collect();
        return steps(&xs);
    }
    let out = whole()?;
    if rest > 0 {
        let tail = |t: &Tensor| t.view(&[n])?.narrow(0, n - rest, rest);
        let parts = xs.iter().map(|x| tail(x)).collect::<Result<Vec<_>>>()?;
        tail(&out)?.copy_(&steps(&parts)?)?;
    }
    Ok(out)
}

/// Runs a table's kernel for `compute` over operands that say what they want, giving `out_dtype`.
pub(crate) fn run_ins(
    table: &Table,
    params: Params,
    to: To,
    ins: &[In],
    compute: DType,
    out_dtype: DType,
    cost: usize,
) -> Result<Tensor> {
    let Some(kernel) = table.kernels[compute as usize] else {
        bail!(
            NotImplemented,
            "\"{}\" not implemented for '{}'",
            table.name,
            out_dtype.name()
        )
    };
    let out_want = table.out_compute(compute);
    let target = match to {
        To::New => None,
        To::InPlace(t) => To::InPlace(t).target(t.sizes(), out_dtype)?,
        To::Out(_) => to.target(&broadcast_shape(ins)?, out_dtype)?,
    };
    let out = match target {
        None => run_new(kernel, &params, ins, out_dtype, out_want, cost)?,
        Some(t) => {
            run_into(kernel, &params, ins, t, out_want, cost)?;
            t.clone()
        }
    };
    if params.fault.load(Relaxed) {
        return Err(Error::new(ErrorKind::Runtime, "ZeroDivisionError"));
    }
    Ok(out)
}

/// Runs a table over operands converted to `common`; results have `common`, or what the table gives.
pub(crate) fn run(
    table: &Table,
    params: Params,
    to: To,
    args: &[Arg],
    common: DType,
    cost: usize,
) -> Result<Tensor> {
    let compute = common.compute();
    if table.kernels[compute as usize].is_none() {
        bail!(
            NotImplemented,
            "\"{}\" not implemented for '{}'",
            table.name,
            common.name()
        )
    }
    let ins: SmallVec<[In; 4]> = args.iter().map(|a| a.wants(compute)).collect();
    let out_dtype = match table.gives {
        crate::pointwise::table::Gives::Same => common,
        crate::pointwise::table::Gives::Bool => DType::Bool,
        crate::pointwise::table::Gives::Part => common.to_real(),
    };
    let params = Params {
        half: common.into(),
        ..params
    };
    run_ins(table, params, to, &ins, compute, out_dtype, cost)
}

/// The common dtype is the promotion of all operands.
pub(crate) fn promoting(table: &Table, params: Params, to: To, args: &[Arg], cost: usize) -> Result<Tensor> {
    let common = match args {
        [Arg::Tensor(t)] => t.dtype(),
        _ => result_type(args),
    };
    run(table, params, to, args, common, cost)
}

/// As `promoting`, with integers computed in the default floating type.
pub(crate) fn promoting_float(
    table: &Table,
    params: Params,
    to: To,
    args: &[Arg],
    cost: usize,
) -> Result<Tensor> {
    let common = match args {
        [Arg::Tensor(t)] => t.dtype(),
        _ => result_type(args),
    };
    run(table, params, to, args, common.to_float(), cost)
}

/// Declares an operator twice: `name(…)` gives a new tensor, `name_to(To, …)` any target.
macro_rules! op {
    ($($(#[$m:meta])* $name:ident, $name_to:ident($to:ident $(, $p:ident : $t:ty)*) $body:block)*) => {$(
        $(#[$m])*
        pub fn $name($($p: $t),*) -> $crate::Result<$crate::Tensor> {
            $name_to($crate::pointwise::To::New, $($p),*)
        }
        #[doc = concat!("[`", stringify!($name), "`] into a target.")]
        pub fn $name_to($to: $crate::pointwise::To, $($p: $t),*) -> $crate::Result<$crate::Tensor> {
            $body
        }
    )*};
}
pub(crate) use op;
