//! A number outside any tensor, as TorchScript's `Scalar`.

use num_complex::Complex;

use crate::dtype::DType;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(Complex<f64>),
}

impl Scalar {
    /// The real part as `f64`.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(b) => b as u8 as f64,
            Scalar::Int(i) => i as f64,
            Scalar::Float(f) => f,
            Scalar::Complex(c) => c.re,
        }
    }

    /// The value as an integer; floats truncate toward zero, and give the least integer where they are out of range
    /// or NaN, as casts of tensors do.
    pub fn to_i64(self) -> i64 {
        use crate::convert::Source;
        match self {
            Scalar::Bool(b) => b as i64,
            Scalar::Int(i) => i,
            Scalar::Float(f) => f.i64(),
            Scalar::Complex(c) => c.re.i64(),
        }
    }

    pub fn to_bool(self) -> bool {
        match self {
            Scalar::Bool(b) => b,
            Scalar::Int(i) => i != 0,
            Scalar::Float(f) => f != 0.0,
            Scalar::Complex(c) => c.re != 0.0 || c.im != 0.0,
        }
    }

    pub fn to_complex(self) -> Complex<f64> {
        match self {
            Scalar::Complex(c) => c,
            other => Complex::new(other.to_f64(), 0.0),
        }
    }

    /// The dtype `torch.tensor(x)` would have, with Float as the default floating type.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::Int(_) => DType::Long,
            Scalar::Float(_) => DType::Float,
            Scalar::Complex(_) => DType::ComplexFloat,
        }
    }

    pub fn is_integral(self, include_bool: bool) -> bool {
        match self {
            Scalar::Int(_) => true,
            Scalar::Bool(_) => include_bool,
            _ => false,
        }
    }

    pub fn is_floating_point(self) -> bool {
        matches!(self, Scalar::Float(_))
    }

    pub fn is_complex(self) -> bool {
        matches!(self, Scalar::Complex(_))
    }
}

impl From<bool> for Scalar {
    fn from(x: bool) -> Scalar {
        Scalar::Bool(x)
    }
}
impl From<i64> for Scalar {
    fn from(x: i64) -> Scalar {
        Scalar::Int(x)
    }
}
impl From<i32> for Scalar {
    fn from(x: i32) -> Scalar {
        Scalar::Int(x as i64)
    }
}
impl From<f64> for Scalar {
    fn from(x: f64) -> Scalar {
        Scalar::Float(x)
    }
}
impl From<f32> for Scalar {
    fn from(x: f32) -> Scalar {
        Scalar::Float(x as f64)
    }
}
impl From<Complex<f64>> for Scalar {
    fn from(x: Complex<f64>) -> Scalar {
        Scalar::Complex(x)
    }
}
