//! Literals from mpmath (rounded to f64), and what PyTorch 2.15 gives at the edges.

use super::*;

/// One function a line: its name here, the relative tolerance, and pairs of an argument and the value there.
const EXPECTED: &str = include_str!("tests.txt");

#[track_caller]
fn check(name: &str, function: impl Fn(f64) -> f64) {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let line = EXPECTED
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" | "));
    let (tolerance, table) = line.and_then(|line| line.split_once(" | ")).unwrap();
    for pair in table.split(", ") {
        let (x, expected) = pair.split_once(' ').unwrap();
        let (x, expected) = (number(x), number(expected));
        let value = function(x);
        let same = value == expected || value.is_nan() && expected.is_nan();
        assert!(
            same || (value - expected).abs() <= number(tolerance) * expected.abs(),
            "{name}({x:e}) = {value:e}, not {expected:e}"
        );
    }
}
const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[test]
fn gamma_family() {
    check("lgamma", lgamma);
    check("digamma", digamma);
    check("trigamma", trigamma);
    check("polygamma2", |x| polygamma(2, x));
    check("polygamma5", |x| polygamma(5, x));
    check("zeta(2,q)", |q| zeta(2.0, q));
    check("zeta(s,1)", |s| zeta(s, 1.0));
    check("zeta(s,7.5)", |s| zeta(s, 7.5));
    check("zeta edges", |q| zeta(3.0, q));
    assert!(zeta(0.5, 1.0).is_nan() && zeta(1.0, 2.0) == INF && zeta(2.5, -1.5).is_nan());
    check("igamma(0.01)", |x| igamma(0.01, x));
    check("igammac(0.01)", |x| igammac(0.01, x));
    check("igamma(0.5)", |x| igamma(0.5, x));
    check("igammac(0.5)", |x| igammac(0.5, x));
    check("igamma(1.0)", |x| igamma(1.0, x));
    check("igammac(1.0)", |x| igammac(1.0, x));
    check("igamma(3.3)", |x| igamma(3.3, x));
    check("igammac(3.3)", |x| igammac(3.3, x));
    check("igamma(29.0)", |x| igamma(29.0, x));
    check("igammac(29.0)", |x| igammac(29.0, x));
    check("igamma(31.0)", |x| igamma(31.0, x));
    check("igammac(31.0)", |x| igammac(31.0, x));
    check("igamma(150.5)", |x| igamma(150.5, x));
    check("igammac(150.5)", |x| igammac(150.5, x));
    check("igamma(1500.0)", |x| igamma(1500.0, x));
    check("igammac(1500.0)", |x| igammac(1500.0, x));
    check("igamma(a, 0.0)", |a| igamma(a, 0.0));
    check("igamma(a, 1.0)", |a| igamma(a, 1.0));
    check("igamma(a, INF)", |a| igamma(a, INF));
    check("igamma(a, -1.0)", |a| igamma(a, -1.0));
    check("igamma(a, NAN)", |a| igamma(a, NAN));
    check("igammac(a, 0.0)", |a| igammac(a, 0.0));
    check("igammac(a, 1.0)", |a| igammac(a, 1.0));
    check("igammac(a, INF)", |a| igammac(a, INF));
    check("igammac(a, -1.0)", |a| igammac(a, -1.0));
    check("igammac(a, NAN)", |a| igammac(a, NAN));
    assert!((multigammaln(5.5, 3) - 11.306699197583207).abs() < 1e-12);
}

#[test]
fn error_family() {
    check("erfinv", erfinv);
    check("erfcx", erfcx);
    check("ndtr", ndtr);
    check("log_ndtr", log_ndtr);
    check("ndtri", ndtri);
}

#[test]
fn bessel_family() {
    check("bessel_j0", bessel_j0);
    check("bessel_j1", bessel_j1);
    check("bessel_y0", bessel_y0);
    check("bessel_y1", bessel_y1);
    check("i0", i0);
    check("i0e", i0e);
    check("i1", i1);
    check("i1e", i1e);
    check("modified_bessel_k0", modified_bessel_k0);
    check("modified_bessel_k1", modified_bessel_k1);
    check("scaled_modified_bessel_k0", scaled_modified_bessel_k0);
    check("scaled_modified_bessel_k1", scaled_modified_bessel_k1);
    check("spherical_bessel_j0", spherical_bessel_j0);
    check("airy_ai", airy_ai);
}

#[test]
fn polynomials() {
    check("chebyshev_polynomial_t -1", |x| {
        chebyshev_polynomial_t(x, -1, false)
    });
    check("chebyshev_polynomial_t 0", |x| {
        chebyshev_polynomial_t(x, 0, false)
    });
    check("chebyshev_polynomial_t 1", |x| {
        chebyshev_polynomial_t(x, 1, false)
    });
    check("chebyshev_polynomial_t 2", |x| {
        chebyshev_polynomial_t(x, 2, false)
    });
    check("chebyshev_polynomial_t 5", |x| {
        chebyshev_polynomial_t(x, 5, false)
    });
    check("chebyshev_polynomial_t 9", |x| {
        chebyshev_polynomial_t(x, 9, false)
    });
    check("chebyshev_polynomial_t 12", |x| {
        chebyshev_polynomial_t(x, 12, false)
    });
    check("chebyshev_polynomial_u -1", |x| {
        chebyshev_polynomial_u(x, -1, false)
    });
    check("chebyshev_polynomial_u 0", |x| {
        chebyshev_polynomial_u(x, 0, false)
    });
    check("chebyshev_polynomial_u 1", |x| {
        chebyshev_polynomial_u(x, 1, false)
    });
    check("chebyshev_polynomial_u 2", |x| {
        chebyshev_polynomial_u(x, 2, false)
    });
    check("chebyshev_polynomial_u 5", |x| {
        chebyshev_polynomial_u(x, 5, false)
    });
    check("chebyshev_polynomial_u 9", |x| {
        chebyshev_polynomial_u(x, 9, false)
    });
    check("chebyshev_polynomial_u 12", |x| {
        chebyshev_polynomial_u(x, 12, false)
    });
    check("chebyshev_polynomial_v -1", |x| {
        chebyshev_polynomial_v(x, -1, false)
    });
    check("chebyshev_polynomial_v 0", |x| {
        chebyshev_polynomial_v(x, 0, false)
    });
    check("chebyshev_polynomial_v 1", |x| {
        chebyshev_polynomial_v(x, 1, false)
    });
    check("chebyshev_polynomial_v 2", |x| {
        chebyshev_polynomial_v(x, 2, false)
    });
    check("chebyshev_polynomial_v 5", |x| {
        chebyshev_polynomial_v(x, 5, false)
    });
    check("chebyshev_polynomial_v 9", |x| {
        chebyshev_polynomial_v(x, 9, false)
    });
    check("chebyshev_polynomial_v 12", |x| {
        chebyshev_polynomial_v(x, 12, false)
    });
    check("chebyshev_polynomial_w -1", |x| {
        chebyshev_polynomial_w(x, -1, false)
    });
    check("chebyshev_polynomial_w 0", |x| {
        chebyshev_polynomial_w(x, 0, false)
    });
    check("chebyshev_polynomial_w 1", |x| {
        chebyshev_polynomial_w(x, 1, false)
    });
    check("chebyshev_polynomial_w 2", |x| {
        chebyshev_polynomial_w(x, 2, false)
    });
    check("chebyshev_polynomial_w 5", |x| {
        chebyshev_polynomial_w(x, 5, false)
    });
    check("chebyshev_polynomial_w 9", |x| {
        chebyshev_polynomial_w(x, 9, false)
    });
    check("chebyshev_polynomial_w 12", |x| {
        chebyshev_polynomial_w(x, 12, false)
    });
    check("hermite_polynomial_h -1", |x| hermite_polynomial_h(x, -1, false));
    check("hermite_polynomial_h 0", |x| hermite_polynomial_h(x, 0, false));
    check("hermite_polynomial_h 1", |x| hermite_polynomial_h(x, 1, false));
    check("hermite_polynomial_h 2", |x| hermite_polynomial_h(x, 2, false));
    check("hermite_polynomial_h 5", |x| hermite_polynomial_h(x, 5, false));
    check("hermite_polynomial_h 9", |x| hermite_polynomial_h(x, 9, false));
    check("hermite_polynomial_h 12", |x| hermite_polynomial_h(x, 12, false));
    check("hermite_polynomial_he -1", |x| {
        hermite_polynomial_he(x, -1, false)
    });
    check("hermite_polynomial_he 0", |x| hermite_polynomial_he(x, 0, false));
    check("hermite_polynomial_he 1", |x| hermite_polynomial_he(x, 1, false));
    check("hermite_polynomial_he 2", |x| hermite_polynomial_he(x, 2, false));
    check("hermite_polynomial_he 5", |x| hermite_polynomial_he(x, 5, false));
    check("hermite_polynomial_he 9", |x| hermite_polynomial_he(x, 9, false));
    check("hermite_polynomial_he 12", |x| {
        hermite_polynomial_he(x, 12, false)
    });
    check("laguerre_polynomial_l -1", |x| {
        laguerre_polynomial_l(x, -1, false)
    });
    check("laguerre_polynomial_l 0", |x| laguerre_polynomial_l(x, 0, false));
    check("laguerre_polynomial_l 1", |x| laguerre_polynomial_l(x, 1, false));
    check("laguerre_polynomial_l 2", |x| laguerre_polynomial_l(x, 2, false));
    check("laguerre_polynomial_l 5", |x| laguerre_polynomial_l(x, 5, false));
    check("laguerre_polynomial_l 9", |x| laguerre_polynomial_l(x, 9, false));
    check("laguerre_polynomial_l 12", |x| {
        laguerre_polynomial_l(x, 12, false)
    });
    check("legendre_polynomial_p -1", |x| {
        legendre_polynomial_p(x, -1, false)
    });
    check("legendre_polynomial_p 0", |x| legendre_polynomial_p(x, 0, false));
    check("legendre_polynomial_p 1", |x| legendre_polynomial_p(x, 1, false));
    check("legendre_polynomial_p 2", |x| legendre_polynomial_p(x, 2, false));
    check("legendre_polynomial_p 5", |x| legendre_polynomial_p(x, 5, false));
    check("legendre_polynomial_p 9", |x| legendre_polynomial_p(x, 9, false));
    check("legendre_polynomial_p 12", |x| {
        legendre_polynomial_p(x, 12, false)
    });
    check("shifted_chebyshev_polynomial_t -1", |x| {
        shifted_chebyshev_polynomial_t(x, -1, false)
    });
    check("shifted_chebyshev_polynomial_t 0", |x| {
        shifted_chebyshev_polynomial_t(x, 0, false)
    });
    check("shifted_chebyshev_polynomial_t 1", |x| {
        shifted_chebyshev_polynomial_t(x, 1, false)
    });
    check("shifted_chebyshev_polynomial_t 2", |x| {
        shifted_chebyshev_polynomial_t(x, 2, false)
    });
    check("shifted_chebyshev_polynomial_t 5", |x| {
        shifted_chebyshev_polynomial_t(x, 5, false)
    });
    check("shifted_chebyshev_polynomial_t 9", |x| {
        shifted_chebyshev_polynomial_t(x, 9, false)
    });
    check("shifted_chebyshev_polynomial_t 12", |x| {
        shifted_chebyshev_polynomial_t(x, 12, false)
    });
    check("shifted_chebyshev_polynomial_u -1", |x| {
        shifted_chebyshev_polynomial_u(x, -1, false)
    });
    check("shifted_chebyshev_polynomial_u 0", |x| {
        shifted_chebyshev_polynomial_u(x, 0, false)
    });
    check("shifted_chebyshev_polynomial_u 1", |x| {
        shifted_chebyshev_polynomial_u(x, 1, false)
    });
    check("shifted_chebyshev_polynomial_u 2", |x| {
        shifted_chebyshev_polynomial_u(x, 2, false)
    });
    check("shifted_chebyshev_polynomial_u 5", |x| {
        shifted_chebyshev_polynomial_u(x, 5, false)
    });
    check("shifted_chebyshev_polynomial_u 9", |x| {
        shifted_chebyshev_polynomial_u(x, 9, false)
    });
    check("shifted_chebyshev_polynomial_u 12", |x| {
        shifted_chebyshev_polynomial_u(x, 12, false)
    });
    check("shifted_chebyshev_polynomial_v -1", |x| {
        shifted_chebyshev_polynomial_v(x, -1, false)
    });
    check("shifted_chebyshev_polynomial_v 0", |x| {
        shifted_chebyshev_polynomial_v(x, 0, false)
    });
    check("shifted_chebyshev_polynomial_v 1", |x| {
        shifted_chebyshev_polynomial_v(x, 1, false)
    });
    check("shifted_chebyshev_polynomial_v 2", |x| {
        shifted_chebyshev_polynomial_v(x, 2, false)
    });
    check("shifted_chebyshev_polynomial_v 5", |x| {
        shifted_chebyshev_polynomial_v(x, 5, false)
    });
    check("shifted_chebyshev_polynomial_v 9", |x| {
        shifted_chebyshev_polynomial_v(x, 9, false)
    });
    check("shifted_chebyshev_polynomial_v 12", |x| {
        shifted_chebyshev_polynomial_v(x, 12, false)
    });
    check("shifted_chebyshev_polynomial_w -1", |x| {
        shifted_chebyshev_polynomial_w(x, -1, false)
    });
    check("shifted_chebyshev_polynomial_w 0", |x| {
        shifted_chebyshev_polynomial_w(x, 0, false)
    });
    check("shifted_chebyshev_polynomial_w 1", |x| {
        shifted_chebyshev_polynomial_w(x, 1, false)
    });
    check("shifted_chebyshev_polynomial_w 2", |x| {
        shifted_chebyshev_polynomial_w(x, 2, false)
    });
    check("shifted_chebyshev_polynomial_w 5", |x| {
        shifted_chebyshev_polynomial_w(x, 5, false)
    });
    check("shifted_chebyshev_polynomial_w 9", |x| {
        shifted_chebyshev_polynomial_w(x, 9, false)
    });
    check("shifted_chebyshev_polynomial_w 12", |x| {
        shifted_chebyshev_polynomial_w(x, 12, false)
    });
    assert!(hermite_polynomial_h(0.5, 200, true).is_nan() && hermite_polynomial_he(0.5, 513, false).is_nan());
}

#[test]
fn elementary_functions() {
    check("entr", entr);
    check("sinc", sinc);
    check("logit", |x| logit(x, None));
    check("logit eps", |x| logit(x, Some(0.25)));
    check("xlogy", |x| xlogy(x, 0.0));
    check("xlog1py", |x| xlog1py(x, -1.0));
    assert!(xlogy(0.0, NAN).is_nan() && xlog1py(0.0, NAN).is_nan());
    for x in [1.0, -0.75, 3e-310, 1e300, 5e-324, f64::MIN_POSITIVE] {
        let (mantissa, exponent) = frexp(x);
        assert!((0.5..1.0).contains(&mantissa.abs()));
        assert_eq!(
            mantissa * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2),
            x
        );
    }
    assert_eq!(frexp(INF), (INF, 0));
    for (a, b, g, l) in [
        (12, 18, 6, 36),
        (-12, 18, 6, 36),
        (0, 0, 0, 0),
        (0, 5, 5, 0),
        (-4, -6, 2, 12),
    ] {
        assert_eq!((gcd(a, b), lcm(a, b)), (g, l));
    }
    assert_eq!(gcd(i64::MIN, 0), i64::MIN);
    lcm(i64::MIN, -1);
}
