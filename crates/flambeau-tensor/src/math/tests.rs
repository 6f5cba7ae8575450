//! f32 functions against f64 ones over a sweep of all bit patterns; f64 functions against mpmath literals.

use super::madd::{Fused, Madd, Separate};
use super::{double, single};

/// Distance from the exact value in units of the last place of f32.
fn ulps(value: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if value.is_nan() && rounded.is_nan() || value == rounded {
        return 0.0;
    }
    if !value.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    let exponent = ((rounded.abs().to_bits() >> 23) as i32).max(1) - 150;
    (value as f64 - exact).abs() / 2f64.powi(exponent)
}

fn sweep(name: &str, bound: f64, function: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) {
    let mut worst = (0.0, 0.0f32, 0.0f32);
    let special = [
        0x0000_0000u32,
        0x8000_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        1,
        0x8000_0001,
        0x007f_ffff,
    ];
    for bits in special.into_iter().chain((0..=u32::MAX).step_by(9973)) {
        let x = f32::from_bits(bits);
        let (value, reference) = (function(x), exact(x as f64));
        if reference == 0.0 && value == 0.0 {
            assert_eq!(
                value.is_sign_negative(),
                reference.is_sign_negative(),
                "{name}({x:e}): sign of zero"
            );
        }
        let error = ulps(value, reference);
        if error > worst.0 {
            worst = (error, x, value);
        }
    }
    let (error, x, value) = worst;
    assert!(
        error <= bound,
        "{name}({x:e}) = {value:e}, exactly {:e}: {error} ulp",
        exact(x as f64)
    );
}

fn single_functions<M: Madd>() {
    sweep("exp", 1.0, single::exp::<M>, f64::exp);
    let negative = |x: f32| if x > 0.0 { -x } else { x };
    sweep(
        "exp_negative",
        1.0,
        |x| single::exp_negative::<M>(negative(x)),
        |x| (negative(x as f32) as f64).exp(),
    );
    for x in (0..1 << 16)
        .map(|i| i as f32 * -0.0017)
        .chain([f32::NEG_INFINITY, -1e30])
    {
        assert_eq!(single::exp_negative::<M>(x), single::exp::<M>(x), "exp({x:e})");
        assert_eq!(
            single::sigmoid::<M>(x),
            1.0 / (1.0 + single::exp::<M>(-x)),
            "sigmoid({x:e})"
        );
        assert_eq!(
            single::sigmoid::<M>(-x),
            1.0 / (1.0 + single::exp::<M>(x)),
            "sigmoid({:e})",
            -x
        );
    }
    let positive = |x: f32| if x.is_normal() { x.abs() } else { 1.0 };
    // Pairs are worth little without fused steps.
    sweep(
        "log_paired",
        2.0,
        |x| single::log_paired::<M>(positive(x)),
        |x| (positive(x as f32) as f64).ln(),
    );
    sweep("exp2", 1.0, single::exp2::<M>, f64::exp2);
    sweep("expm1", 1.0, single::expm1::<M>, f64::exp_m1);
    sweep("log", 1.0, single::log::<M>, f64::ln);
    sweep("log2", 1.0, single::log2::<M>, f64::log2);
    sweep("log10", 1.0, single::log10::<M>, f64::log10);
    sweep("log1p", 1.0, single::log1p::<M>, f64::ln_1p);
    sweep("tanh", 2.0, single::tanh::<M>, f64::tanh);
    sweep("sinh", 1.0, single::sinh::<M>, f64::sinh);
    sweep("cosh", 1.0, single::cosh::<M>, f64::cosh);
    sweep("sin", 1.0, single::sin::<M>, f64::sin);
    sweep("cos", 1.0, single::cos::<M>, f64::cos);
    sweep("tan", 1.0, single::tan::<M>, f64::tan);
    sweep("asin", 1.0, single::asin::<M>, f64::asin);
    sweep("acos", 1.0, single::acos::<M>, f64::acos);
    sweep("atan", 1.0, single::atan::<M>, f64::atan);
    sweep("asinh", 1.0, single::asinh::<M>, |x: f64| {
        if x.abs() < 1e-3 {
            x * (1.0 - x * x / 6.0)
        } else {
            x.asinh()
        }
    });
    sweep("acosh", 1.0, single::acosh::<M>, f64::acosh);
    sweep("atanh", 1.0, single::atanh::<M>, |x: f64| {
        if x.abs() < 1e-3 {
            x * (1.0 + x * x / 3.0)
        } else {
            x.atanh()
        }
    });
    sweep("cbrt", 1.0, single::cbrt::<M>, f64::cbrt);
    sweep("erf", 1.1, single::erf::<M>, double::erf::<M>);
    sweep("erfc", 1.0, single::erfc::<M>, double::erfc::<M>);
    // Compared only where the exponential does not overflow; PyTorch gives 0 below.
    sweep(
        "sigmoid",
        2.0,
        |x| single::sigmoid::<M>(x.max(-87.0)),
        |x| 1.0 / (1.0 + (-x.max(-87.0)).exp()),
    );
    let ys = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        3.0,
        -3.0,
        1.7,
        100.0,
        16777215.0,
        16777216.0,
        -8388609.0,
        1e10,
        1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    for y in ys {
        sweep(
            &format!("pow(_, {y})"),
            1.0,
            |x| single::pow::<M>(x, y),
            |x| x.powf(y as f64),
        );
        sweep(
            &format!("pow({y}, _)"),
            1.0,
            |x| single::pow::<M>(y, x),
            |x| (y as f64).powf(x),
        );
        sweep(
            &format!("atan2(_, {y})"),
            1.0,
            |x| single::atan2::<M>(x, y),
            |x| x.atan2(y as f64),
        );
        sweep(
            &format!("atan2({y}, _)"),
            1.0,
            |x| single::atan2::<M>(y, x),
            |x| (y as f64).atan2(x),
        );
    }
}

#[test]
fn single_separate() {
    single_functions::<Separate>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn single_fused() {
    #[target_feature(enable = "avx2,fma")]
    fn run() {
        single_functions::<Fused>();
    }
    if is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx2") {
        // SAFETY: the features were just detected.
        unsafe { run() }
    }
}

fn check(name: &str, function: impl Fn(f64) -> f64, table: &[(f64, f64)]) {
    for &(x, expected) in table {
        let value = function(x);
        let unit = f64::from_bits(expected.abs().to_bits() + 1) - expected.abs();
        let error = (value - expected).abs() / unit;
        assert!(
            value == expected || error <= 2.5,
            "{name}({x:e}) = {value:e}, not {expected:e}: {error} ulp"
        );
    }
    let outside = function(f64::NAN);
    assert!(outside.is_nan(), "{name}(NaN) = {outside}");
}

fn double_functions<M: Madd>() {
    use double::*;
    check(
        "exp",
        exp::<M>,
        &[
            (-745.0, 5e-324),
            (-708.5, 2.006132305331306e-308),
            (-100.3, 2.7559000653565687e-44),
            (-1.5, 0.22313016014842982),
            (-0.34, 0.7117703227626097),
            (1e-10, 1.0000000001),
            (0.3, 1.3498588075760032),
            (1.0, 2.718281828459045),
            (2.5, 12.182493960703473),
            (33.3, 289738526663660.5),
            (709.7, 1.6549840276802644e+308),
        ],
    );
    check(
        "expm1",
        expm1::<M>,
        &[
            (-745.0, -1.0),
            (-30.2, -0.9999999999999234),
            (-1.5, -0.7768698398515702),
            (-0.34, -0.2882296772373903),
            (-0.35, -0.29531191028128656),
            (1e-10, 1.00000000005e-10),
            (1e-300, 1e-300),
            (0.3, 0.3498588075760031),
            (0.36, 0.43332941456034024),
            (1.0, 1.7182818284590453),
            (2.5, 11.182493960703473),
            (33.3, 289738526663659.5),
            (709.7, 1.6549840276802644e+308),
        ],
    );
    check(
        "log",
        log::<M>,
        &[
            (5e-324, -744.4400719213812),
            (1e-310, -713.8013788281542),
            (2.3e-308, -708.363299519231),
            (1e-05, -11.512925464970229),
            (0.3, -1.2039728043259361),
            (0.7, -0.35667494393873245),
            (0.71, -0.342490308946776),
            (0.9999, -0.00010000500033334732),
            (1.0001, 9.999500033329732e-05),
            (1.41, 0.34358970439007686),
            (1.42, 0.35065687161316933),
            (7.5, 2.0149030205422647),
            (1e+300, 690.7755278982137),
        ],
    );
    check(
        "log1p",
        log1p::<M>,
        &[
            (-0.9999999, -16.118095651484676),
            (-0.5, -0.6931471805599453),
            (-0.3, -0.35667494393873234),
            (-0.29, -0.3424903089467759),
            (1e-20, 1e-20),
            (1e-10, 9.999999999500001e-11),
            (-1e-05, -1.0000050000333337e-05),
            (0.3, 0.26236426446749106),
            (0.42, 0.35065687161316933),
            (1.0, 0.6931471805599453),
            (7.7, 2.1633230256605382),
            (1000000000000000.0, 34.538776394910684),
            (1e+300, 690.7755278982137),
        ],
    );
    check(
        "tanh",
        tanh::<M>,
        &[
            (1e-300, 1e-300),
            (1e-12, 1e-12),
            (1e-05, 9.999999999666668e-06),
            (0.1, 0.09966799462495582),
            (-0.3, -0.2913126124515909),
            (0.55, 0.5005202111902353),
            (0.7, 0.6043677771171635),
            (1.5, 0.9051482536448664),
            (-3.3, -0.9972829600991421),
            (10.0, 0.9999999958776927),
            (21.5, 1.0),
        ],
    );
    check(
        "sigmoid",
        sigmoid::<M>,
        &[
            (-700.0, 9.85967654375977e-305),
            (-30.5, 5.6756852326324e-14),
            (-1.1, 0.24973989440488237),
            (0.0, 0.5),
            (0.4, 0.598687660112452),
            (2.2, 0.9002495108803149),
            (20.0, 0.9999999979388464),
            (40.0, 1.0),
        ],
    );
    check(
        "erf",
        erf::<M>,
        &[
            (1e-300, 1.1283791670955126e-300),
            (1e-12, 1.1283791670955126e-12),
            (-1e-05, -1.1283791670579e-05),
            (0.1, 0.1124629160182849),
            (-0.3, -0.3286267594591274),
            (0.55, 0.563323366325109),
            (0.99, 0.8385080695553698),
            (1.01, 0.8468104962282768),
            (1.5, 0.9661051464753108),
            (-3.3, -0.9999969422902035),
            (5.5, 0.9999999999999927),
        ],
    );
    check(
        "erfc",
        erfc::<M>,
        &[
            (-6.0, 2.0),
            (-1.5, 1.9661051464753108),
            (-0.51, 1.5292436198411705),
            (-0.3, 1.3286267594591274),
            (1e-12, 0.9999999999988716),
            (0.1, 0.887537083981715),
            (0.49, 0.4883317388114769),
            (0.51, 0.4707563801588296),
            (0.99, 0.1614919304446302),
            (1.5, 0.033894853524689274),
            (3.75, 1.1372725656979665e-07),
            (7.3, 5.502573750691923e-25),
            (15.5, 1.6632016400488723e-106),
            (26.0, 5.663192408856143e-296),
            (26.5, 2.2109076642637343e-307),
        ],
    );
    check(
        "sin_moderate",
        sin_moderate::<M>,
        &[
            (1e-300, 1e-300),
            (1e-09, 1e-09),
            (0.1, 0.09983341664682815),
            (0.78, 0.7032794192004101),
            (0.79, 0.7103532724176078),
            (1.5, 0.9974949866040544),
            (1.57079632679, 1.0),
            (3.14159265358979, 3.2310891488651735e-15),
            (-22.0, 0.008851309290403876),
            (355.0, -3.014435335948845e-05),
            (1234.5, 0.14539565052293643),
            (100000.25, -0.21260836606769953),
            (-250000.5, 0.916877916353339),
        ],
    );
    check(
        "cos_moderate",
        cos_moderate::<M>,
        &[
            (1e-300, 1.0),
            (1e-09, 1.0),
            (0.1, 0.9950041652780258),
            (0.78, 0.7109135380122773),
            (0.79, 0.7038453156522361),
            (1.5, 0.0707372016677029),
            (1.57079632679, 4.8965888601467475e-12),
            (3.14159265358979, -1.0),
            (-22.0, -0.9999608263946371),
            (355.0, -0.999999999545659),
            (1234.5, -0.989373592132422),
            (100000.25, -0.9771374942545307),
            (-250000.5, 0.3991677423133781),
        ],
    );
    let inf = f64::INFINITY;
    assert_eq!((exp::<M>(inf), exp::<M>(-inf), exp::<M>(710.0)), (inf, 0.0, inf));
    assert_eq!(
        (expm1::<M>(inf), expm1::<M>(-inf), expm1::<M>(710.0)),
        (inf, -1.0, inf)
    );
    assert_eq!(
        (log::<M>(inf), log::<M>(0.0), log1p::<M>(-1.0), log1p::<M>(inf)),
        (inf, -inf, -inf, inf)
    );
    assert!(log::<M>(-1.0).is_nan() && log1p::<M>(-1.5).is_nan() && log::<M>(-inf).is_nan());
    assert_eq!(
        (
            tanh::<M>(inf),
            tanh::<M>(-inf),
            sigmoid::<M>(-inf),
            sigmoid::<M>(inf)
        ),
        (1.0, -1.0, 0.0, 1.0)
    );
    assert_eq!(
        (erf::<M>(inf), erf::<M>(-inf), erfc::<M>(inf), erfc::<M>(-inf)),
        (1.0, -1.0, 0.0, 2.0)
    );
    for zero_keeping in [tanh::<M>, erf::<M>, log1p::<M>, expm1::<M>, sin_moderate::<M>] {
        assert!(zero_keeping(-0.0).to_bits() == 1 << 63);
    }
}

#[test]
fn double_separate() {
    double_functions::<Separate>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn double_fused() {
    #[target_feature(enable = "avx2,fma")]
    fn run() {
        double_functions::<Fused>();
    }
    if is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx2") {
        // SAFETY: the features were just detected.
        unsafe { run() }
    }
}
