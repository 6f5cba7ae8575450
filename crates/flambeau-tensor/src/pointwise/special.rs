//! The functions of `torch.special`: computed in double precision, one element after another.

use crate::dtype::DType;
use crate::error::Result;
use crate::math::special as f;
use crate::pointwise::arith;
use crate::pointwise::call::{Arg, op, promoting_float};
use crate::pointwise::engine::{Half, Params};
use crate::pointwise::table::table;
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{dispatch, ensure};

/// Functions of one number: table, operator and documentation from one line each.
macro_rules! functions {
    ($($name:ident, $to:ident, $table:ident, $label:literal, $f:expr;)*) => {
        table! {$(
            $table = $label, Same { slow_float |c, a| ($f)(a as f64) as T; }
        )*}
        op! {$(
            #[doc = concat!("`torch.special.", stringify!($name), "`; integers give floats.")]
            $name, $to(to, x: &Tensor) { promoting_float(&$table, Params::default(), to, &[x.into()], 32) }
        )*}
    };
}
functions! {
    lgamma, lgamma_to, LGAMMA, "lgamma_vml_cpu", f::lgamma;
    digamma, digamma_to, DIGAMMA, "digamma_vml_cpu", f::digamma;
    erfinv, erfinv_to, ERFINV, "erfinv_vml_cpu", f::erfinv;
    erfcx, erfcx_to, ERFCX, "erfcx_cpu", f::erfcx;
    log_ndtr, log_ndtr_to, LOG_NDTR, "log_ndtr_cpu", f::log_ndtr;
    ndtri, ndtri_to, NDTRI, "ndtri_cpu", f::ndtri;
    i0, i0_to, I0, "i0_vml_cpu", f::i0;
    i0e, i0e_to, I0E, "i0e_cpu", f::i0e;
    i1, i1_to, I1, "i1_cpu", f::i1;
    i1e, i1e_to, I1E, "i1e_cpu", f::i1e;
    bessel_j0, bessel_j0_to, BESSEL_J0, "bessel_j0_cpu", f::bessel_j0;
    bessel_j1, bessel_j1_to, BESSEL_J1, "bessel_j1_cpu", f::bessel_j1;
    bessel_y0, bessel_y0_to, BESSEL_Y0, "bessel_y0_cpu", f::bessel_y0;
    bessel_y1, bessel_y1_to, BESSEL_Y1, "bessel_y1_cpu", f::bessel_y1;
    modified_bessel_k0, modified_bessel_k0_to, BESSEL_K0, "modified_bessel_k0_cpu", f::modified_bessel_k0;
    modified_bessel_k1, modified_bessel_k1_to, BESSEL_K1, "modified_bessel_k1_cpu", f::modified_bessel_k1;
    scaled_modified_bessel_k0, scaled_modified_bessel_k0_to, SCALED_K0, "scaled_modified_bessel_k0_cpu",
        f::scaled_modified_bessel_k0;
    scaled_modified_bessel_k1, scaled_modified_bessel_k1_to, SCALED_K1, "scaled_modified_bessel_k1_cpu",
        f::scaled_modified_bessel_k1;
    spherical_bessel_j0, spherical_bessel_j0_to, SPHERICAL_J0, "spherical_bessel_j0_cpu", f::spherical_bessel_j0;
    airy_ai, airy_ai_to, AIRY_AI, "airy_ai_cpu", f::airy_ai;
}

table! {
    TRIGAMMA = "trigamma_vml_cpu", Same {
        slow_f32 |c, a| f::trigamma_f32(a);
        slow_f64 |c, a| f::trigamma(a);
    }
}
op! {
    /// `torch.special.polygamma(1, x)`; integers give floats.
    trigamma, trigamma_to(to, x: &Tensor) { promoting_float(&TRIGAMMA, Params::default(), to, &[x.into()], 32) }
}

/// Functions of two numbers.
macro_rules! functions_of_two {
    ($($name:ident, $to:ident, $table:ident, $label:literal, $f:expr;)*) => {
        table! {$(
            $table = $label, Same { slow_float |c, a, b| ($f)(a as f64, b as f64, size_of::<T>() == 4) as T; }
        )*}
        op! {$(
            #[doc = concat!("`torch.special.", stringify!($name), "`; integers give floats.")]
            $name, $to(to, a: Arg, b: Arg) { promoting_float(&$table, Params::default(), to, &[a, b], 64) }
        )*}
    };
}
functions_of_two! {
    zeta, zeta_to, ZETA, "zeta_cpu", |x, q, _| f::zeta(x, q);
    igamma, igamma_to, IGAMMA, "igamma_cpu", |a, x, _| f::igamma(a, x);
    igammac, igammac_to, IGAMMAC, "igammac_cpu", |a, x, _| f::igammac(a, x);
    chebyshev_polynomial_t, chebyshev_polynomial_t_to, CHEBYSHEV_T, "chebyshev_polynomial_t_cpu",
        |x, n, single| f::chebyshev_polynomial_t(x, Scalar::Float(n).to_i64(), single);
    chebyshev_polynomial_u, chebyshev_polynomial_u_to, CHEBYSHEV_U, "chebyshev_polynomial_u_cpu",
        |x, n, single| f::chebyshev_polynomial_u(x, Scalar::Float(n).to_i64(), single);
    chebyshev_polynomial_v, chebyshev_polynomial_v_to, CHEBYSHEV_V, "chebyshev_polynomial_v_cpu",
        |x, n, single| f::chebyshev_polynomial_v(x, Scalar::Float(n).to_i64(), single);
    chebyshev_polynomial_w, chebyshev_polynomial_w_to, CHEBYSHEV_W, "chebyshev_polynomial_w_cpu",
        |x, n, single| f::chebyshev_polynomial_w(x, Scalar::Float(n).to_i64(), single);
    shifted_chebyshev_polynomial_t, shifted_chebyshev_polynomial_t_to, SHIFTED_T, "shifted_chebyshev_polynomial_t_cpu",
        |x, n, single| f::shifted_chebyshev_polynomial_t(x, Scalar::Float(n).to_i64(), single);
    shifted_chebyshev_polynomial_u, shifted_chebyshev_polynomial_u_to, SHIFTED_U, "shifted_chebyshev_polynomial_u_cpu",
        |x, n, single| f::shifted_chebyshev_polynomial_u(x, Scalar::Float(n).to_i64(), single);
    shifted_chebyshev_polynomial_v, shifted_chebyshev_polynomial_v_to, SHIFTED_V, "shifted_chebyshev_polynomial_v_cpu",
        |x, n, single| f::shifted_chebyshev_polynomial_v(x, Scalar::Float(n).to_i64(), single);
    shifted_chebyshev_polynomial_w, shifted_chebyshev_polynomial_w_to, SHIFTED_W, "shifted_chebyshev_polynomial_w_cpu",
        |x, n, single| f::shifted_chebyshev_polynomial_w(x, Scalar::Float(n).to_i64(), single);
    laguerre_polynomial_l, laguerre_polynomial_l_to, LAGUERRE, "laguerre_polynomial_l_cpu",
        |x, n, single| f::laguerre_polynomial_l(x, Scalar::Float(n).to_i64(), single);
    legendre_polynomial_p, legendre_polynomial_p_to, LEGENDRE, "legendre_polynomial_p_cpu",
        |x, n, single| f::legendre_polynomial_p(x, Scalar::Float(n).to_i64(), single);
}

table! {
    // i[0] = order
    POLYGAMMA = "polygamma", Same {
        slow_float |c, a| if c.half == Half::None {
            f::polygamma(c.i[0], a as f64) as T
        } else {
            let next = c.i[0] as f64 + 1.0;
            let sign = if c.i[0] % 2 == 0 { -1.0 } else { 1.0 };
            sign * c.step(f::lgamma(next).exp() as T) * c.step(f::zeta(next, a as f64) as T)
        };
    }
    ENTR = "entr_cpu", Same {
        slow_float |c, a| if c.half != Half::None && a > 0.0 {
            -a * c.step((a as f64).ln() as T)
        } else {
            f::entr(a as f64) as T
        };
    }
    NDTR = "ndtr_cpu", Same {
        slow_float |c, a| if c.half == Half::None {
            f::ndtr(a as f64) as T
        } else {
            let z = c.step(a * c.step(std::f64::consts::FRAC_1_SQRT_2 as T));
            c.step(1.0 + c.step(f::erf(z as f64) as T)) * 0.5
        };
    }
    HERMITE_H = "hermite_polynomial_h", Same {
        slow_float |c, a, b| f::hermite_polynomial_h(a as f64, Scalar::Float(b as f64).to_i64(), size_of::<T>() == 4) as T;
    }
    HERMITE_HE = "hermite_polynomial_he", Same {
        slow_float |c, a, b| f::hermite_polynomial_he(a as f64, Scalar::Float(b as f64).to_i64(), size_of::<T>() == 4) as T;
    }
}

op! {
    /// `-x log(x)`
    entr, entr_to(to, x: &Tensor) { promoting_float(&ENTR, Params::default(), to, &[x.into()], 32) }
    /// The normal distribution function.
    ndtr, ndtr_to(to, x: &Tensor) { promoting_float(&NDTR, Params::default(), to, &[x.into()], 32) }
    hermite_polynomial_h, hermite_polynomial_h_to(to, a: Arg, b: Arg) {
        promoting_float(&HERMITE_H, Params::default(), to, &[a, b], 64)
    }
    hermite_polynomial_he, hermite_polynomial_he_to(to, a: Arg, b: Arg) {
        promoting_float(&HERMITE_HE, Params::default(), to, &[a, b], 64)
    }
    /// The `n`-th derivative of `digamma`.
    polygamma, polygamma_to(to, n: i64, x: &Tensor) {
        ensure!(n >= 0, "polygamma(n, x) does not support negative n.");
        match n {
            0 => digamma_to(to, x),
            1 => trigamma_to(to, x),
            _ => {
                let params = Params { i: [n, 0], ..Params::default() };
                promoting_float(&POLYGAMMA, params, to, &[x.into()], 64)
            }
        }
    }
    /// `log` of the multivariate gamma function of dimension `p`.
    mvlgamma, mvlgamma_to(to, x: &Tensor, p: i64) {
        ensure!(p >= 1, "p has to be greater than or equal to 1");
        ensure!(p <= 1 << 16, "mvlgamma: p = {p} is too large");
        let dtype = x.dtype().to_float();
        let x = x.to_dtype(dtype)?;
        // Half types round the shifted arguments, each value, their sum and what is added to it.
        let wide = if dtype == DType::Double { dtype } else { DType::Float };
        let mut sum = Tensor::zeros(x.sizes(), wide)?;
        for k in 0..p {
            let shift = Arg::Number(((1 - p + k) as f64 / 2.0).into());
            let value = lgamma(&arith::add((&x).into(), shift, 1.into())?)?;
            sum = arith::add((&sum).into(), (&value.to_dtype(wide)?).into(), 1.into())?;
        }
        let constant = (p * (p - 1)) as f64 / 4.0 * std::f64::consts::PI.ln();
        arith::add_to(to, (&sum.to_dtype(dtype)?).into(), Arg::Number(constant.into()), 1.into())
    }
}

/// Mantissas in [0.5, 1) and exponents.
pub fn frexp(x: &Tensor) -> Result<(Tensor, Tensor)> {
    ensure!(
        x.is_floating_point(),
        "torch.frexp() only supports floating-point dtypes"
    );
    let c = x.contiguous()?;
    let (mantissa, exponent) = (
        Tensor::empty(x.sizes(), x.dtype())?,
        Tensor::empty(x.sizes(), DType::Int)?,
    );
    {
        let read = c.read()?;
        let (mut mw, mut ew) = (mantissa.write()?, exponent.write()?);
        let e = ew.slice::<i32>()?;
        dispatch!(x.dtype(), "frexp", T: float => {
            let m = mw.slice::<T>()?;
            for (i, v) in read.slice::<T>()?.iter().enumerate() {
                let (a, b) = f::frexp(f64::from(*v));
                m[i] = <T as crate::Element>::from_scalar(a.into());
                e[i] = b;
            }
        });
    }
    Ok((mantissa, exponent))
}
