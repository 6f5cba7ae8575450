//! Complex numbers: conjugates, angles, and making them from parts. `real`, `imag` and `view_as_*` are views.

use crate::dtype::DType;
use crate::pointwise::call::{Arg, op, promoting, promoting_float};
use crate::pointwise::engine::Params;
use crate::pointwise::real::Real;
use crate::pointwise::table::table;
use crate::pointwise::unary;
use crate::tensor::Tensor;
use crate::{bail, ensure};

table! {
    CONJ = "conj_cpu", Same { complex |c, a| a.conj(); }
    ANGLE = "angle_cpu", Part {
        float |c, a| if a.is_nan() { a } else if a < 0.0 { T::of(std::f64::consts::PI) } else { 0.0 };
        slow_complex |c, a| a.im.atan2(a.re);
    }
}

op! {
    /// The conjugate as a new tensor; real tensors as they are.
    conj, conj_to(to, x: &Tensor) {
        if !x.is_complex() {
            return to.deliver(x.clone());
        }
        promoting(&CONJ, Params::default(), to, &[x.into()], 1)
    }
    /// The argument of complex numbers; 0 or pi for reals.
    angle, angle_to(to, x: &Tensor) { promoting_float(&ANGLE, Params::default(), to, &[x.into()], 8) }
    /// Complex numbers from real and imaginary parts.
    complex, complex_to(to, re: &Tensor, im: &Tensor) {
        let dtype = match (re.dtype(), im.dtype()) {
            (DType::Float, DType::Float) => DType::ComplexFloat,
            (DType::Double, DType::Double) => DType::ComplexDouble,
            (DType::Half, DType::Half) => DType::ComplexHalf,
            (a, b) if a != b && a.is_floating_point() && b.is_floating_point() => {
                bail!("Expected object of scalar type {} but got scalar type {} for second argument", a.name(), b.name())
            }
            (a, b) => bail!(
                "Expected both inputs to be Half, Float or Double tensors but got {} and {}",
                a.name(),
                b.name()
            ),
        };
        let parts = Tensor::broadcast_tensors(&[re.clone(), im.clone()])?;
        let out = Tensor::empty(parts[0].sizes(), dtype)?;
        out.real()?.copy_(&parts[0])?;
        out.imag()?.copy_(&parts[1])?;
        to.deliver(out)
    }
    /// Complex numbers from modulus and angle.
    polar, polar_to(to, modulus: &Tensor, angle: &Tensor) {
        ensure!(
            modulus.dtype() == angle.dtype(),
            "Expected object of scalar type {} but got scalar type {} for second argument",
            modulus.dtype().name(),
            angle.dtype().name()
        );
        let re = super::mul(modulus.into(), Arg::Tensor(&unary::cos(angle)?))?;
        let im = super::mul(modulus.into(), Arg::Tensor(&unary::sin(angle)?))?;
        complex_to(to, &re, &im)
    }
}
