//! Branch-free f64 functions that LLVM vectorises when the calling loop is compiled for a wide instruction set.
//!
//! Error at most 2 units in the last place unless a function says otherwise; NaN, infinities, signed zeros and
//! subnormal numbers are right. Range reduction uses the "add 1.5 * 2^52" rounding trick and logical shifts
//! only, because SSE2 and AVX2 have neither a 64-bit arithmetic shift nor a 64-bit integer conversion.
//! `sin` and `cos` of large arguments are not here (see [`sin_moderate`]).

use super::madd::{Madd, poly64};

/// Adding it rounds to an integer that then sits in the low bits.
const ROUND: f64 = 6755399441055744.0;
/// The upper 33 bits of ln 2, so that multiples up to 2^20 are exact.
const LN2_HI: f64 = 6.931_471_803_691_238_2e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// `(exp(r) - 1 - r) / r^2` on |r| <= ln(2)/2.
const EXP: [f64; 11] = [
    2.0916212837493853e-09,
    2.5107353767261877e-08,
    2.7557269903215795e-07,
    2.755725016302918e-06,
    2.4801587328555858e-05,
    0.00019841269879033045,
    0.001388888888888287,
    0.008333333333324906,
    0.04166666666666667,
    0.1666666666666667,
    0.5,
];

/// `(log((1+s)/(1-s)) / s - 2) / s^2` in powers of `s^2`, for (1+s)/(1-s) from sqrt(1/2) to sqrt(2).
const LOG: [f64; 7] = [
    0.14618462083796982,
    0.15331558670323325,
    0.18182894030543298,
    0.22222211067419392,
    0.2857142862638853,
    0.39999999999898594,
    0.666666666666667,
];

/// `(sin(r) / r - 1) / r^2` in powers of `r^2`, |r| <= pi/4.
const SIN: [f64; 7] = [
    -7.585486485235938e-13,
    1.6058510875319195e-10,
    -2.505210610025599e-08,
    2.7557319218954762e-06,
    -0.00019841269841264567,
    0.008333333333333331,
    -0.16666666666666666,
];

/// `(cos(r) - 1 + r^2/2) / r^4` in powers of `r^2`, |r| <= pi/4.
const COS: [f64; 6] = [
    -1.1380868171449914e-11,
    2.0876121534608454e-09,
    -2.7557317151858866e-07,
    2.480158729853226e-05,
    -0.0013888888888887241,
    0.041666666666666664,
];

/// `(erf(x) / x - 2/sqrt(pi)) / x^2` in powers of `x^2`, |x| <= 1.
const ERF: [f64; 12] = [
    6.174097221305255e-11,
    -1.1500357159785296e-09,
    1.4692484859133263e-08,
    -1.6355118610877705e-07,
    1.6461446656928561e-06,
    -1.4925622504489842e-05,
    0.00012055332214716276,
    -0.0008548327010033328,
    0.005223977625303518,
    -0.026866170645123838,
    0.11283791670955111,
    -0.37612638903183754,
];

/// `(1 + 2x) erfcx(x)` for every x >= 0, in powers of `(x - 3.75) / (x + 3.75)`.
const ERFCX: [f64; 25] = [
    4.434959070009628e-10,
    3.110310719839165e-10,
    -5.28428697963142e-09,
    -3.743568033634583e-09,
    3.8965452548985966e-08,
    2.3261913276696566e-08,
    -2.591069687796658e-07,
    -5.721597255990987e-08,
    1.752057970166318e-06,
    -9.735619015182663e-07,
    -1.1444412439171722e-05,
    2.2384240314224437e-05,
    5.1649211390702855e-05,
    -0.0002901540809795271,
    0.0002937136342850081,
    0.0017556258530017257,
    -0.009746579552504244,
    0.028362277418940665,
    -0.058693398590212366,
    0.09230432116037876,
    -0.10880393014171785,
    0.08227673849014516,
    0.003585415485463775,
    -0.14024059858554697,
    1.2375126308378275,
];

/// `v * 2^(k - 2046)` for `k` from 0 to 4092, rounded once.
#[inline(always)]
fn scale(v: f64, k: u64) -> f64 {
    let first = k >> 1;
    let second = k.wrapping_sub(first);
    v * f64::from_bits(first << 52) * f64::from_bits(second << 52)
}

/// `n` such that `x = n ln 2 + r`, as the biased power `k = n + 2046` of [`scale`], and `r`.
#[inline(always)]
fn reduce_exp<M: Madd>(x: f64, low: f64) -> (u64, f64) {
    let shifted = M::double(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = M::double(n, -LN2_HI, x);
    let r = M::double(n, -LN2_LO, r) + low;
    (
        shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(2046),
        r,
    )
}

#[inline(always)]
fn clamp(x: f64, low: f64, high: f64) -> f64 {
    // Written so that NaN passes through.
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// exp(x + low) for a `low` much smaller than `x`.
#[inline(always)]
fn exp_parts<M: Madd>(x: f64, low: f64) -> f64 {
    let (k, r) = reduce_exp::<M>(clamp(x, -746.0, 710.0), low);
    let y = M::double(r * r, poly64::<M, _>(r, &EXP), r);
    scale(1.0 + y, k)
}

#[inline(always)]
pub fn exp<M: Madd>(x: f64) -> f64 {
    exp_parts::<M>(x, 0.0)
}

#[inline(always)]
pub fn expm1<M: Madd>(x: f64) -> f64 {
    let (k, r) = reduce_exp::<M>(clamp(x, -40.0, 710.0), 0.0);
    let y = M::double(r * r, poly64::<M, _>(r, &EXP), r);
    // Half of 2^n, because n may be 1024.
    let half = f64::from_bits(k.wrapping_sub(1024) << 52);
    let value = M::double(half, y, half - 0.5) * 2.0;
    if x.abs() < 1e-20 { x } else { value }
}

/// log of `x` (positive, finite) plus `low / x`-like correction `c`.
#[inline(always)]
fn log_core<M: Madd>(x: f64, c: f64) -> f64 {
    let tiny = x < f64::MIN_POSITIVE;
    let scaled = if tiny { x * 18014398509481984.0 } else { x };
    let bias = if tiny { 2048.0 + 54.0 } else { 2048.0 };
    // Mantissa between sqrt(1/2) and sqrt(2); the exponent plus 2048 stays positive, so a logical shift does.
    let bits = scaled.to_bits();
    let k = bits.wrapping_sub(0x3fe6_a09e_667f_3bcd).wrapping_add(1 << 63) >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub(k.wrapping_sub(2048) << 52));
    let e = f64::from_bits(k | 0x4330_0000_0000_0000) - 4503599627370496.0 - bias;
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * poly64::<M, _>(z, &LOG);
    let half_square = 0.5 * f * f;
    let low = M::double(s, half_square + r, M::double(e, LN2_LO, c));
    M::double(e, LN2_HI, f - (half_square - low))
}

#[inline(always)]
pub fn log<M: Madd>(x: f64) -> f64 {
    let value = log_core::<M>(x, 0.0);
    let value = if x == f64::INFINITY { x } else { value };
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

#[inline(always)]
pub fn log1p<M: Madd>(x: f64) -> f64 {
    let u = 1.0 + x;
    let b = u - 1.0;
    let lost = (1.0 - (u - b)) + (x - b);
    let value = log_core::<M>(u, lost / u);
    let value = if x == f64::INFINITY || x == 0.0 { x } else { value };
    let value = if x == -1.0 { f64::NEG_INFINITY } else { value };
    if x >= -1.0 { value } else { f64::NAN }
}

#[inline(always)]
pub fn log2<M: Madd>(x: f64) -> f64 {
    log::<M>(x) * std::f64::consts::LOG2_E
}

#[inline(always)]
pub fn log10<M: Madd>(x: f64) -> f64 {
    log::<M>(x) * std::f64::consts::LOG10_E
}

#[inline(always)]
pub fn tanh<M: Madd>(x: f64) -> f64 {
    let e = expm1::<M>(2.0 * clamp(x.abs(), 0.0, 25.0));
    let value = e / (e + 2.0);
    let value = if x.abs() < 1e-9 { x.abs() } else { value };
    value.copysign(x)
}

#[inline(always)]
pub fn sigmoid<M: Madd>(x: f64) -> f64 {
    1.0 / (1.0 + exp::<M>(-x))
}

#[inline(always)]
pub fn silu<M: Madd>(x: f64) -> f64 {
    x / (1.0 + exp::<M>(-x))
}

/// exp(a^2) erfc(a) for a >= 0.
#[inline(always)]
fn erfcx_positive<M: Madd>(a: f64) -> f64 {
    let t = (a - 3.75) / (a + 3.75);
    poly64::<M, _>(t, &ERFCX) / M::double(2.0, a, 1.0)
}

#[inline(always)]
fn erfc_positive<M: Madd>(a: f64) -> f64 {
    let a = clamp(a, 0.0, 30.0);
    // The square in two parts: its rounding error would be magnified by the exponential.
    let head = f64::from_bits(a.to_bits() & 0xffff_ffff_f800_0000);
    let tail = (a - head) * (a + head);
    exp_parts::<M>(-head * head, -tail) * erfcx_positive::<M>(a)
}

#[inline(always)]
fn erf_small<M: Madd>(x: f64) -> f64 {
    let z = x * x;
    M::double(
        x * z,
        poly64::<M, _>(z, &ERF),
        x * std::f64::consts::FRAC_2_SQRT_PI,
    )
}

#[inline(always)]
pub fn erf<M: Madd>(x: f64) -> f64 {
    let a = x.abs();
    let large = 1.0 - erfc_positive::<M>(a);
    (if a < 1.0 { erf_small::<M>(a) } else { large }).copysign(x)
}

#[inline(always)]
pub fn erfc<M: Madd>(x: f64) -> f64 {
    let a = x.abs();
    let upper = erfc_positive::<M>(a);
    let value = if x < 0.0 { 2.0 - upper } else { upper };
    if a < 0.5 { 1.0 - erf_small::<M>(x) } else { value }
}

/// Scaled complementary error function, for x >= 0 only; [`super::special::erfcx`] covers the rest.
#[inline(always)]
pub fn erfcx_nonnegative<M: Madd>(x: f64) -> f64 {
    erfcx_positive::<M>(clamp(x, 0.0, 1e200))
}

/// As PyTorch computes it: `x/2 * (1 + erf(x / sqrt 2))`.
#[inline(always)]
pub fn gelu<M: Madd>(x: f64) -> f64 {
    x * 0.5 * (1.0 + erf::<M>(x * std::f64::consts::FRAC_1_SQRT_2))
}

/// gelu with `approximate="tanh"`.
#[inline(always)]
pub fn gelu_tanh<M: Madd>(x: f64) -> f64 {
    const BETA: f64 = std::f64::consts::SQRT_2 * std::f64::consts::FRAC_2_SQRT_PI * 0.5;
    let inner = BETA * M::double(0.044715 * x * x, x, x);
    0.5 * x * (1.0 + tanh::<M>(inner))
}

#[inline(always)]
pub(crate) fn sin_kernel<M: Madd>(r: f64) -> f64 {
    let z = r * r;
    M::double(r * z, poly64::<M, _>(z, &SIN), r)
}

#[inline(always)]
pub(crate) fn cos_kernel<M: Madd>(r: f64) -> f64 {
    let z = r * r;
    // 1 - z/2 with its rounding error carried along.
    let h = 0.5 * z;
    let w = 1.0 - h;
    w + (((1.0 - w) - h) + z * z * poly64::<M, _>(z, &COS))
}

/// Quadrant (in the two low bits) and remainder of `x` by pi/2, for |x| <= 2^18.
#[inline(always)]
fn reduce_moderate<M: Madd>(x: f64) -> (u64, f64) {
    // 33 bits of pi/2 at a time, so that n times each part is exact.
    const PART_1: f64 = 1.570_796_326_734_125_6;
    const PART_2: f64 = 6.077_100_506_303_966e-11;
    const PART_3: f64 = 2.022_266_248_795_950_6e-21;
    let shifted = M::double(x, std::f64::consts::FRAC_2_PI, ROUND);
    let n = shifted - ROUND;
    let r = M::double(n, -PART_1, x);
    // The difference of the second part is exact only together with what it loses.
    let p = n * PART_2;
    let head = r - p;
    let lost = (r - head) - p;
    (shifted.to_bits(), head + (lost - n * PART_3))
}

#[inline(always)]
fn sin_quadrant<M: Madd>(quadrant: u64, r: f64) -> f64 {
    let (s, c) = (sin_kernel::<M>(r), cos_kernel::<M>(r));
    let value = if quadrant & 1 == 0 { s } else { c };
    f64::from_bits(value.to_bits() ^ ((quadrant & 2) << 62))
}

/// sin(x) for |x| <= 2^18; the slice-level caller sends larger arguments to `f64::sin`.
#[inline(always)]
pub fn sin_moderate<M: Madd>(x: f64) -> f64 {
    let (quadrant, r) = reduce_moderate::<M>(x);
    let value = sin_quadrant::<M>(quadrant, r);
    if x == 0.0 { x } else { value }
}

/// cos(x) for |x| <= 2^18; the slice-level caller sends larger arguments to `f64::cos`.
#[inline(always)]
pub fn cos_moderate<M: Madd>(x: f64) -> f64 {
    let (quadrant, r) = reduce_moderate::<M>(x);
    sin_quadrant::<M>(quadrant.wrapping_add(1), r)
}

/// Whether `sin_moderate` and `cos_moderate` may be used for all of `values`.
pub fn all_moderate(values: &[f64]) -> bool {
    values.iter().fold(true, |ok, x| ok & (x.abs() <= 262144.0))
}
