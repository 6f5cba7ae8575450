//! Special functions: gamma, error, Bessel and Airy functions, orthogonal polynomials.
//!
//! Computed in f64 whatever the dtype; integers give the default float type.

use flambeau_ir::ops::Rows;
use flambeau_tensor::math::special as f;
use flambeau_tensor::pointwise::{self, Arg, result_type};
use flambeau_tensor::{DType, Result, Scalar, Tensor, ensure};

type Unary = fn(f64) -> f64;

fn supported(name: &str, dtype: DType) -> Result<DType> {
    let dtype = dtype.to_float();
    ensure!(
        dtype.is_floating_point(),
        NotImplemented,
        "\"{name}\" not implemented for '{}'",
        dtype.name()
    );
    Ok(dtype)
}

/// Half types are rounded from single precision.
fn narrowed(values: Tensor, dtype: DType) -> Result<Tensor> {
    match dtype {
        DType::Double => Ok(values),
        _ => values.to_dtype(DType::Float)?.to_dtype(dtype),
    }
}

fn unary(name: &str, x: &Tensor, function: impl Fn(f64) -> f64) -> Result<Tensor> {
    let dtype = supported(name, x.dtype())?;
    let values = x.to_vec::<f64>()?.into_iter().map(function).collect();
    narrowed(Tensor::from_vec(values, x.sizes())?, dtype)
}

/// `function` gets whether the result is a single-precision number or less.
fn binary(name: &str, a: Arg, b: Arg, function: impl Fn(f64, f64, bool) -> f64) -> Result<Tensor> {
    let dtype = supported(name, result_type(&[a, b]))?;
    let tensor = |a: Arg| match a {
        Arg::Tensor(t) => t.to_dtype(DType::Double),
        Arg::Number(s) => Tensor::scalar_tensor(s, DType::Double),
    };
    let both = Tensor::broadcast_tensors(&[tensor(a)?, tensor(b)?])?;
    let single = dtype != DType::Double;
    let (x, y) = (both[0].to_vec::<f64>()?, both[1].to_vec::<f64>()?);
    let values = x
        .into_iter()
        .zip(y)
        .map(|(x, y)| function(x, y, single))
        .collect();
    narrowed(Tensor::from_vec(values, both[0].sizes())?, dtype)
}

pub fn declare(ops: &mut Rows) {
    unary_rows(ops);
    polynomials(ops);
    rest(ops);
}

fn unary_rows(ops: &mut Rows) {
    const ROWS: &[(&str, &str, &str, Unary)] = &[
        (
            "aten::lgamma(Tensor self) -> Tensor",
            "The logarithm of the absolute value of the gamma function.",
            "lgamma",
            f::lgamma,
        ),
        (
            "aten::special_gammaln(Tensor self) -> Tensor",
            "The logarithm of the absolute value of the gamma function.",
            "lgamma",
            f::lgamma,
        ),
        (
            "aten::digamma(Tensor self) -> Tensor",
            "The derivative of `lgamma`.",
            "digamma",
            f::digamma,
        ),
        (
            "aten::special_digamma(Tensor self) -> Tensor",
            "The derivative of `lgamma`.",
            "digamma",
            f::digamma,
        ),
        (
            "aten::special_psi(Tensor self) -> Tensor",
            "The derivative of `lgamma`.",
            "digamma",
            f::digamma,
        ),
        (
            "aten::erfinv(Tensor self) -> Tensor",
            "The inverse of the error function.",
            "erfinv",
            f::erfinv,
        ),
        (
            "aten::special_erfinv(Tensor self) -> Tensor",
            "The inverse of the error function.",
            "erfinv",
            f::erfinv,
        ),
        (
            "aten::special_erfcx(Tensor self) -> Tensor",
            "The scaled complementary error function, `exp(x^2) * erfc(x)`.",
            "erfcx",
            f::erfcx,
        ),
        (
            "aten::special_ndtri(Tensor self) -> Tensor",
            "The inverse of `ndtr`.",
            "ndtri",
            f::ndtri,
        ),
        (
            "aten::special_log_ndtr(Tensor self) -> Tensor",
            "The logarithm of `ndtr`, without underflow.",
            "log_ndtr",
            f::log_ndtr,
        ),
        (
            "aten::i0(Tensor self) -> Tensor",
            "The modified Bessel function of the first kind of order 0.",
            "i0",
            f::i0,
        ),
        (
            "aten::special_i0(Tensor self) -> Tensor",
            "The modified Bessel function of the first kind of order 0.",
            "i0",
            f::i0,
        ),
        (
            "aten::special_i0e(Tensor self) -> Tensor",
            "`exp(-|x|) * i0(x)`.",
            "i0e",
            f::i0e,
        ),
        (
            "aten::special_i1(Tensor self) -> Tensor",
            "The modified Bessel function of the first kind of order 1.",
            "i1",
            f::i1,
        ),
        (
            "aten::special_i1e(Tensor self) -> Tensor",
            "`exp(-|x|) * i1(x)`.",
            "i1e",
            f::i1e,
        ),
        (
            "aten::special_bessel_j0(Tensor self) -> Tensor",
            "The Bessel function of the first kind of order 0.",
            "bessel_j0",
            f::bessel_j0,
        ),
        (
            "aten::special_bessel_j1(Tensor self) -> Tensor",
            "The Bessel function of the first kind of order 1.",
            "bessel_j1",
            f::bessel_j1,
        ),
        (
            "aten::special_bessel_y0(Tensor self) -> Tensor",
            "The Bessel function of the second kind of order 0.",
            "bessel_y0",
            f::bessel_y0,
        ),
        (
            "aten::special_bessel_y1(Tensor self) -> Tensor",
            "The Bessel function of the second kind of order 1.",
            "bessel_y1",
            f::bessel_y1,
        ),
        (
            "aten::special_modified_bessel_i0(Tensor self) -> Tensor",
            "The modified Bessel function of the first kind of order 0.",
            "modified_bessel_i0",
            f::i0,
        ),
        (
            "aten::special_modified_bessel_i1(Tensor self) -> Tensor",
            "The modified Bessel function of the first kind of order 1.",
            "modified_bessel_i1",
            f::i1,
        ),
        (
            "aten::special_modified_bessel_k0(Tensor self) -> Tensor",
            "The modified Bessel function of the second kind of order 0.",
            "modified_bessel_k0",
            f::modified_bessel_k0,
        ),
        (
            "aten::special_modified_bessel_k1(Tensor self) -> Tensor",
            "The modified Bessel function of the second kind of order 1.",
            "modified_bessel_k1",
            f::modified_bessel_k1,
        ),
        (
            "aten::special_scaled_modified_bessel_k0(Tensor x) -> Tensor",
            "`exp(x) * modified_bessel_k0(x)`.",
            "scaled_modified_bessel_k0",
            f::scaled_modified_bessel_k0,
        ),
        (
            "aten::special_scaled_modified_bessel_k1(Tensor x) -> Tensor",
            "`exp(x) * modified_bessel_k1(x)`.",
            "scaled_modified_bessel_k1",
            f::scaled_modified_bessel_k1,
        ),
        (
            "aten::special_spherical_bessel_j0(Tensor x) -> Tensor",
            "The spherical Bessel function of the first kind of order 0, `sin(x) / x`.",
            "spherical_bessel_j0",
            f::spherical_bessel_j0,
        ),
        (
            "aten::special_airy_ai(Tensor x) -> Tensor",
            "The Airy function Ai.",
            "airy_ai",
            f::airy_ai,
        ),
    ];
    for &(schema, doc, name, function) in ROWS {
        ops.op(schema)
            .doc(doc)
            .kernel(move |x: Tensor| unary(name, &x, function));
    }
}

fn polynomials(ops: &mut Rows) {
    /// Value at x of the polynomial of degree n; the flag says single precision.
    type Polynomial = fn(f64, i64, bool) -> f64;
    const ROWS: &[(&str, &str, &str, &str, &str, Polynomial)] = &[
        (
            "aten::special_chebyshev_polynomial_t(Tensor x, Tensor n) -> Tensor",
            "aten::special_chebyshev_polynomial_t.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_chebyshev_polynomial_t.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the first kind.",
            "chebyshev_polynomial_t",
            f::chebyshev_polynomial_t,
        ),
        (
            "aten::special_chebyshev_polynomial_u(Tensor x, Tensor n) -> Tensor",
            "aten::special_chebyshev_polynomial_u.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_chebyshev_polynomial_u.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the second kind.",
            "chebyshev_polynomial_u",
            f::chebyshev_polynomial_u,
        ),
        (
            "aten::special_chebyshev_polynomial_v(Tensor x, Tensor n) -> Tensor",
            "aten::special_chebyshev_polynomial_v.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_chebyshev_polynomial_v.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the third kind.",
            "chebyshev_polynomial_v",
            f::chebyshev_polynomial_v,
        ),
        (
            "aten::special_chebyshev_polynomial_w(Tensor x, Tensor n) -> Tensor",
            "aten::special_chebyshev_polynomial_w.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_chebyshev_polynomial_w.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the fourth kind.",
            "chebyshev_polynomial_w",
            f::chebyshev_polynomial_w,
        ),
        (
            "aten::special_shifted_chebyshev_polynomial_t(Tensor x, Tensor n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_t.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_t.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the first kind, shifted to `[0, 1]`.",
            "shifted_chebyshev_polynomial_t",
            f::shifted_chebyshev_polynomial_t,
        ),
        (
            "aten::special_shifted_chebyshev_polynomial_u(Tensor x, Tensor n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_u.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_u.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the second kind, shifted to `[0, 1]`.",
            "shifted_chebyshev_polynomial_u",
            f::shifted_chebyshev_polynomial_u,
        ),
        (
            "aten::special_shifted_chebyshev_polynomial_v(Tensor x, Tensor n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_v.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_v.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the third kind, shifted to `[0, 1]`.",
            "shifted_chebyshev_polynomial_v",
            f::shifted_chebyshev_polynomial_v,
        ),
        (
            "aten::special_shifted_chebyshev_polynomial_w(Tensor x, Tensor n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_w.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_shifted_chebyshev_polynomial_w.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Chebyshev polynomial of the fourth kind, shifted to `[0, 1]`.",
            "shifted_chebyshev_polynomial_w",
            f::shifted_chebyshev_polynomial_w,
        ),
        (
            "aten::special_hermite_polynomial_h(Tensor x, Tensor n) -> Tensor",
            "aten::special_hermite_polynomial_h.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_hermite_polynomial_h.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The physicists' Hermite polynomial.",
            "hermite_polynomial_h",
            f::hermite_polynomial_h,
        ),
        (
            "aten::special_hermite_polynomial_he(Tensor x, Tensor n) -> Tensor",
            "aten::special_hermite_polynomial_he.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_hermite_polynomial_he.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The probabilists' Hermite polynomial.",
            "hermite_polynomial_he",
            f::hermite_polynomial_he,
        ),
        (
            "aten::special_laguerre_polynomial_l(Tensor x, Tensor n) -> Tensor",
            "aten::special_laguerre_polynomial_l.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_laguerre_polynomial_l.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Laguerre polynomial.",
            "laguerre_polynomial_l",
            f::laguerre_polynomial_l,
        ),
        (
            "aten::special_legendre_polynomial_p(Tensor x, Tensor n) -> Tensor",
            "aten::special_legendre_polynomial_p.n_scalar(Tensor x, Scalar n) -> Tensor",
            "aten::special_legendre_polynomial_p.x_scalar(Scalar x, Tensor n) -> Tensor",
            "The Legendre polynomial.",
            "legendre_polynomial_p",
            f::legendre_polynomial_p,
        ),
    ];
    for &(tensors, n_scalar, x_scalar, doc, name, polynomial) in ROWS {
        let of = move |x: Arg, n: Arg| {
            binary(name, x, n, move |x, n, single| {
                polynomial(x, Scalar::Float(n).to_i64(), single)
            })
        };
        ops.op(tensors)
            .doc(doc)
            .kernel(move |x: Tensor, n: Tensor| of((&x).into(), (&n).into()));
        ops.op(n_scalar)
            .doc(doc)
            .kernel(move |x: Tensor, n: Scalar| of((&x).into(), n.into()));
        ops.op(x_scalar)
            .doc(doc)
            .kernel(move |x: Scalar, n: Tensor| of(x.into(), (&n).into()));
    }
}

fn rest(ops: &mut Rows) {
    ops.op("aten::special_entr(Tensor self) -> Tensor")
        .doc("`-x * log(x)`, 0 at 0.")
        .kernel(|x: Tensor| pointwise::entr(&x));
    ops.op("aten::special_ndtr(Tensor self) -> Tensor")
        .doc("The distribution function of the standard normal distribution.")
        .kernel(|x: Tensor| pointwise::ndtr(&x));
    for schema in [
        "aten::polygamma(int n, Tensor self) -> Tensor",
        "aten::special_polygamma(int n, Tensor self) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The n-th derivative of `digamma`.")
            .kernel(|n: i64, x: Tensor| pointwise::polygamma(n, &x));
    }
    ops.op("aten::polygamma_(Tensor(a!) self, int n) -> Tensor(a!)")
        .doc("`polygamma` in place.")
        .kernel(|x: Tensor, n: i64| pointwise::polygamma_to(pointwise::To::InPlace(&x), n, &x));
    for schema in [
        "aten::mvlgamma(Tensor self, int p) -> Tensor",
        "aten::special_multigammaln(Tensor self, int p) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The logarithm of the multivariate gamma function of dimension `p`.")
            .kernel(|x: Tensor, p: i64| pointwise::mvlgamma(&x, p));
    }
    for schema in [
        "aten::igamma(Tensor self, Tensor other) -> Tensor",
        "aten::special_gammainc(Tensor self, Tensor other) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The regularised lower incomplete gamma function.")
            .kernel(|a: Tensor, x: Tensor| {
                binary("igamma", (&a).into(), (&x).into(), |a, x, _| f::igamma(a, x))
            });
    }
    for schema in [
        "aten::igammac(Tensor self, Tensor other) -> Tensor",
        "aten::special_gammaincc(Tensor self, Tensor other) -> Tensor",
    ] {
        ops.op(schema)
            .doc("The regularised upper incomplete gamma function.")
            .kernel(|a: Tensor, x: Tensor| {
                binary("igammac", (&a).into(), (&x).into(), |a, x, _| f::igammac(a, x))
            });
    }
    let zeta = |x: Arg, q: Arg| binary("zeta", x, q, |x, q, _| f::zeta(x, q));
    let doc = "The Hurwitz zeta function, the sum of `(q + k) ** -x`.";
    ops.op("aten::special_zeta(Tensor self, Tensor other) -> Tensor")
        .doc(doc)
        .kernel(move |x: Tensor, q: Tensor| zeta((&x).into(), (&q).into()));
    ops.op("aten::special_zeta.other_scalar(Tensor self, Scalar other) -> Tensor")
        .doc(doc)
        .kernel(move |x: Tensor, q: Scalar| zeta((&x).into(), q.into()));
    ops.op("aten::special_zeta.self_scalar(Scalar self, Tensor other) -> Tensor")
        .doc(doc)
        .kernel(move |x: Scalar, q: Tensor| zeta(x.into(), (&q).into()));
    ops.op("aten::frexp.Tensor(Tensor self) -> (Tensor mantissa, Tensor exponent)")
        .doc("Mantissas in `[0.5, 1)` and exponents of two.")
        .kernel(|x: Tensor| {
            ensure!(
                x.is_floating_point(),
                "torch.frexp() only supports floating-point dtypes"
            );
            let (mantissas, exponents): (Vec<f64>, Vec<i32>) =
                x.to_vec::<f64>()?.into_iter().map(f::frexp).unzip();
            let mantissa = Tensor::from_vec(mantissas, x.sizes())?.to_dtype(x.dtype())?;
            Ok((mantissa, Tensor::from_vec(exponents, x.sizes())?))
        });
}
