//! Element types: their codes, names, sizes and promotion rules.

use half::{bf16, f16};
use num_complex::Complex;

use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// Element type of a tensor; the discriminants are PyTorch's `ScalarType` codes, as they appear in `.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DType {
    Byte = 0,
    Char = 1,
    Short = 2,
    Int = 3,
    Long = 4,
    Half = 5,
    Float = 6,
    Double = 7,
    ComplexHalf = 8,
    ComplexFloat = 9,
    ComplexDouble = 10,
    Bool = 11,
    QInt8 = 12,
    QUInt8 = 13,
    QInt32 = 14,
    BFloat16 = 15,
    /// Kept, moved, compared and converted; there is no arithmetic.
    UInt64 = 29,
}

use DType::*;

const ALL: [DType; 17] = [
    Byte,
    Char,
    Short,
    Int,
    Long,
    Half,
    Float,
    Double,
    ComplexHalf,
    ComplexFloat,
    ComplexDouble,
    Bool,
    QInt8,
    QUInt8,
    QInt32,
    BFloat16,
    UInt64,
];

impl DType {
    pub fn from_code(code: i64) -> Option<DType> {
        ALL.into_iter().find(|d| d.code() == code)
    }

    pub fn code(self) -> i64 {
        self as i64
    }

    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Byte | Char | Bool | QInt8 | QUInt8 => 1,
            Short | Half | BFloat16 => 2,
            Int | Float | QInt32 | ComplexHalf => 4,
            Long | UInt64 | Double | ComplexFloat => 8,
            ComplexDouble => 16,
        }
    }

    /// The name in error messages: `Float`, `Long`.
    pub const fn name(self) -> &'static str {
        match self {
            Byte => "Byte",
            Char => "Char",
            Short => "Short",
            Int => "Int",
            Long => "Long",
            Half => "Half",
            Float => "Float",
            Double => "Double",
            ComplexHalf => "ComplexHalf",
            ComplexFloat => "ComplexFloat",
            ComplexDouble => "ComplexDouble",
            Bool => "Bool",
            QInt8 => "QInt8",
            QUInt8 => "QUInt8",
            QInt32 => "QInt32",
            BFloat16 => "BFloat16",
            UInt64 => "UInt64",
        }
    }

    /// The name in Python: `torch.float32`.
    pub const fn torch_name(self) -> &'static str {
        match self {
            Byte => "torch.uint8",
            Char => "torch.int8",
            Short => "torch.int16",
            Int => "torch.int32",
            Long => "torch.int64",
            Half => "torch.float16",
            Float => "torch.float32",
            Double => "torch.float64",
            ComplexHalf => "torch.complex32",
            ComplexFloat => "torch.complex64",
            ComplexDouble => "torch.complex128",
            Bool => "torch.bool",
            QInt8 => "torch.qint8",
            QUInt8 => "torch.quint8",
            QInt32 => "torch.qint32",
            BFloat16 => "torch.bfloat16",
            UInt64 => "torch.uint64",
        }
    }

    /// Finds a dtype by `name()`, `torch_name()` or the latter without `torch.` (also `float`, `double`, `half`,
    /// `long`, `int`, `short`, `cfloat`, `cdouble`, `chalf`).
    pub fn from_name(name: &str) -> Option<DType> {
        let short = name.strip_prefix("torch.").unwrap_or(name);
        let alias = match short {
            "float" => Float,
            "double" => Double,
            "half" => Half,
            "long" => Long,
            "int" => Int,
            "short" => Short,
            "cfloat" => ComplexFloat,
            "cdouble" => ComplexDouble,
            "chalf" => ComplexHalf,
            _ => {
                return ALL
                    .into_iter()
                    .find(|d| d.name() == name || d.torch_name()[6..] == *short);
            }
        };
        Some(alias)
    }

    pub const fn is_floating_point(self) -> bool {
        matches!(self, Half | Float | Double | BFloat16)
    }

    pub const fn is_complex(self) -> bool {
        matches!(self, ComplexHalf | ComplexFloat | ComplexDouble)
    }

    pub const fn is_integral(self, include_bool: bool) -> bool {
        matches!(self, Byte | Char | Short | Int | Long | UInt64) || (include_bool && matches!(self, Bool))
    }

    pub const fn is_quantized(self) -> bool {
        matches!(self, QInt8 | QUInt8 | QInt32)
    }

    pub const fn is_signed(self) -> bool {
        !matches!(self, Byte | Bool | QUInt8 | UInt64)
    }

    /// `Float` for `ComplexFloat` and so on; other types unchanged.
    pub const fn to_real(self) -> DType {
        match self {
            ComplexHalf => Half,
            ComplexFloat => Float,
            ComplexDouble => Double,
            other => other,
        }
    }

    /// `ComplexFloat` for `Float` and so on; integers give the default complex type.
    pub const fn to_complex(self) -> DType {
        match self {
            Half => ComplexHalf,
            Double => ComplexDouble,
            ComplexHalf => ComplexHalf,
            ComplexDouble => ComplexDouble,
            _ => ComplexFloat,
        }
    }

    /// Floating and complex types unchanged, integers and bool to the default floating type.
    pub const fn to_float(self) -> DType {
        if self.is_integral(true) { Float } else { self }
    }

    /// The integer that stores a quantised element, and the one of equal size for unsigned ones; other types unchanged.
    pub const fn underlying(self) -> DType {
        match self {
            QInt8 => Char,
            QUInt8 => Byte,
            QInt32 => Int,
            UInt64 => Long,
            other => other,
        }
    }

    /// The type arithmetic is done in: half types in `Float` (`ComplexHalf` in `ComplexFloat`), others in themselves.
    pub const fn compute(self) -> DType {
        match self {
            Half | BFloat16 => Float,
            ComplexHalf => ComplexFloat,
            other => other,
        }
    }

    /// `torch.promote_types`. Quantised types promote only with themselves; otherwise the first is returned.
    pub fn promote(self, other: DType) -> DType {
        let (a, b) = (self, other);
        if a == b {
            return a;
        }
        if a.is_quantized() || b.is_quantized() {
            return a;
        }
        if a.is_complex() || b.is_complex() {
            let rank = |d: DType| match d {
                Double | ComplexDouble => 2,
                Float | ComplexFloat | BFloat16 => 1,
                _ => 0,
            };
            return match rank(a).max(rank(b)) {
                2 => ComplexDouble,
                1 => ComplexFloat,
                // a complex half with a half, an integer or a bool
                _ => ComplexHalf,
            };
        }
        match (a.is_floating_point(), b.is_floating_point()) {
            (true, false) => a,
            (false, true) => b,
            (true, true) => {
                if a == Double || b == Double {
                    Double
                } else {
                    // two different ones among Float, Half, BFloat16
                    Float
                }
            }
            (false, false) => match (a, b) {
                (Bool, x) | (x, Bool) => x,
                (Byte, Char) | (Char, Byte) => Short,
                (Byte, x) | (x, Byte) => x,
                // the rest are signed and their codes grow with their width
                _ => a.max(b),
            },
        }
    }

    /// `torch.can_cast(from=self, to)`: whether an in-place result of type `self` may be stored as `to`.
    pub fn can_cast(self, to: DType) -> bool {
        if self.is_complex() && !to.is_complex() {
            return false;
        }
        if (self.is_floating_point()) && to.is_integral(true) {
            return false;
        }
        !(self != Bool && to == Bool)
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Collects operands for PyTorch's `result_type`: tensors with dimensions outrank 0-d tensors, which outrank
/// Python numbers, unless the lower category is of a higher kind (bool < integer < float < complex).
#[derive(Clone, Copy, Debug, Default)]
pub struct ResultType {
    dim: Option<DType>,
    zero: Option<DType>,
    wrapped: Option<DType>,
}

fn promote_opt(a: Option<DType>, b: Option<DType>) -> Option<DType> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.promote(b)),
        (a, b) => a.or(b),
    }
}

fn combine(higher: Option<DType>, lower: Option<DType>) -> Option<DType> {
    let (Some(h), Some(l)) = (higher, lower) else {
        return higher.or(lower);
    };
    if h.is_complex() {
        return higher;
    }
    if h.is_floating_point() {
        return if l.is_complex() {
            Some(h.to_complex())
        } else {
            higher
        };
    }
    if h == Bool || l.is_floating_point() || l.is_complex() {
        promote_opt(higher, lower)
    } else {
        higher
    }
}

impl ResultType {
    pub fn tensor(mut self, dtype: DType, dim: usize) -> ResultType {
        let slot = if dim > 0 { &mut self.dim } else { &mut self.zero };
        *slot = promote_opt(*slot, Some(dtype));
        self
    }

    /// Counts a tensor, as a number if it stands for one.
    pub fn operand(self, t: &Tensor) -> ResultType {
        if !t.is_wrapped_number() || t.dim() > 0 {
            return self.tensor(t.dtype(), t.dim());
        }
        self.scalar(match t.dtype() {
            Bool => Scalar::Bool(false),
            d if d.is_complex() => Scalar::Complex(Complex::default()),
            d if d.is_floating_point() => Scalar::Float(0.0),
            _ => Scalar::Int(0),
        })
    }

    pub fn scalar(mut self, s: Scalar) -> ResultType {
        self.wrapped = promote_opt(self.wrapped, Some(s.dtype()));
        self
    }

    pub fn get(self) -> Option<DType> {
        combine(self.dim, combine(self.zero, self.wrapped))
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that elements of a tensor can be read and written as.
pub trait Element:
    Copy + Default + PartialEq + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static
{
    const DTYPE: DType;
    /// Conversion as a cast does it: floats to integers truncate, integers wrap, anything to bool is `!= 0`.
    fn from_scalar(s: Scalar) -> Self;
    fn to_scalar(self) -> Scalar;
}

macro_rules! element {
    ($($t:ty, $d:ident, |$s:ident| $from:expr, |$x:ident| $to:expr;)*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$d;
            #[inline]
            fn from_scalar($s: Scalar) -> Self { $from }
            #[inline]
            fn to_scalar(self) -> Scalar { let $x = self; $to }
        }
    )*};
}

element! {
    bool, Bool, |s| s.to_bool(), |x| Scalar::Bool(x);
    u8, Byte, |s| s.to_i64() as u8, |x| Scalar::Int(x as i64);
    i8, Char, |s| s.to_i64() as i8, |x| Scalar::Int(x as i64);
    i16, Short, |s| s.to_i64() as i16, |x| Scalar::Int(x as i64);
    i32, Int, |s| s.to_i64() as i32, |x| Scalar::Int(x as i64);
    i64, Long, |s| s.to_i64(), |x| Scalar::Int(x);
    f16, Half, |s| f16::from_f64(s.to_f64()), |x| Scalar::Float(x.to_f64());
    bf16, BFloat16, |s| bf16::from_f32(s.to_f64() as f32), |x| Scalar::Float(x.to_f64());
    f32, Float, |s| s.to_f64() as f32, |x| Scalar::Float(x as f64);
    f64, Double, |s| s.to_f64(), |x| Scalar::Float(x);
    Complex<f32>, ComplexFloat, |s| { let c = s.to_complex(); Complex::new(c.re as f32, c.im as f32) },
        |x| Scalar::Complex(Complex::new(x.re as f64, x.im as f64));
    Complex<f64>, ComplexDouble, |s| s.to_complex(), |x| Scalar::Complex(x);
}

/// Runs the body with `$T` bound to the Rust type of a dtype; use it only at the outermost level of a kernel.
///
/// `dispatch!(dtype, T => body)` covers all types that have arithmetic (quantised ones run as their integers);
/// `dispatch!(dtype, T: float => body)` only half, bfloat16, float and double; `T: int` only the five integers;
/// `T: real` both and bool. Other dtypes return PyTorch's `"name" not implemented for 'Long'`, where the name is
/// given after the dtype: `dispatch!(dtype, "exp", T: float => …)`.
#[macro_export]
macro_rules! dispatch {
    (@arm $T:ident, $ty:ty, $body:expr) => {{ type $T = $ty; $body }};
    ($d:expr, $T:ident => $body:expr) => { $crate::dispatch!($d, "operator", $T => $body) };
    ($d:expr, $name:expr, $T:ident => $body:expr) => {
        match $d.underlying() {
            $crate::DType::Bool => $crate::dispatch!(@arm $T, bool, $body),
            $crate::DType::Byte => $crate::dispatch!(@arm $T, u8, $body),
            $crate::DType::Char => $crate::dispatch!(@arm $T, i8, $body),
            $crate::DType::Short => $crate::dispatch!(@arm $T, i16, $body),
            $crate::DType::Int => $crate::dispatch!(@arm $T, i32, $body),
            $crate::DType::Long => $crate::dispatch!(@arm $T, i64, $body),
            $crate::DType::Half => $crate::dispatch!(@arm $T, $crate::f16, $body),
            $crate::DType::BFloat16 => $crate::dispatch!(@arm $T, $crate::bf16, $body),
            $crate::DType::Float => $crate::dispatch!(@arm $T, f32, $body),
            $crate::DType::Double => $crate::dispatch!(@arm $T, f64, $body),
            $crate::DType::ComplexFloat => $crate::dispatch!(@arm $T, $crate::Complex<f32>, $body),
            $crate::DType::ComplexDouble => $crate::dispatch!(@arm $T, $crate::Complex<f64>, $body),
            other => $crate::bail!(NotImplemented, "\"{}\" not implemented for '{}'", $name, other.name()),
        }
    };
    ($d:expr, $name:expr, $T:ident : real => $body:expr) => {
        match $d {
            $crate::DType::Bool => $crate::dispatch!(@arm $T, bool, $body),
            $crate::DType::Byte => $crate::dispatch!(@arm $T, u8, $body),
            $crate::DType::Char => $crate::dispatch!(@arm $T, i8, $body),
            $crate::DType::Short => $crate::dispatch!(@arm $T, i16, $body),
            $crate::DType::Int => $crate::dispatch!(@arm $T, i32, $body),
            $crate::DType::Long => $crate::dispatch!(@arm $T, i64, $body),
            $crate::DType::Half => $crate::dispatch!(@arm $T, $crate::f16, $body),
            $crate::DType::BFloat16 => $crate::dispatch!(@arm $T, $crate::bf16, $body),
            $crate::DType::Float => $crate::dispatch!(@arm $T, f32, $body),
            $crate::DType::Double => $crate::dispatch!(@arm $T, f64, $body),
            other => $crate::bail!(NotImplemented, "\"{}\" not implemented for '{}'", $name, other.name()),
        }
    };
    ($d:expr, $name:expr, $T:ident : float => $body:expr) => {
        match $d {
            $crate::DType::Half => $crate::dispatch!(@arm $T, $crate::f16, $body),
            $crate::DType::BFloat16 => $crate::dispatch!(@arm $T, $crate::bf16, $body),
            $crate::DType::Float => $crate::dispatch!(@arm $T, f32, $body),
            $crate::DType::Double => $crate::dispatch!(@arm $T, f64, $body),
            other => $crate::bail!(NotImplemented, "\"{}\" not implemented for '{}'", $name, other.name()),
        }
    };
    ($d:expr, $name:expr, $T:ident : int => $body:expr) => {
        match $d {
            $crate::DType::Byte => $crate::dispatch!(@arm $T, u8, $body),
            $crate::DType::Char => $crate::dispatch!(@arm $T, i8, $body),
            $crate::DType::Short => $crate::dispatch!(@arm $T, i16, $body),
            $crate::DType::Int => $crate::dispatch!(@arm $T, i32, $body),
            $crate::DType::Long => $crate::dispatch!(@arm $T, i64, $body),
            other => $crate::bail!(NotImplemented, "\"{}\" not implemented for '{}'", $name, other.name()),
        }
    };
}
