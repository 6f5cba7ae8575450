//! Branch-free f32 functions that LLVM vectorises when the calling loop is compiled for a wide instruction set.
//!
//! Error at most 2 units in the last place (most stay below 1); NaN, infinities, signed zeros and subnormal
//! numbers are right over the whole range. The functions of hot layers (exp, log, tanh, sigmoid, erf) compute in
//! f32; the others widen to f64, which vectorises just as well and needs no error analysis of its own.

use super::double;
use super::madd::{Madd, poly32, poly64};

/// Adding it rounds to an integer that then sits in the low bits.
const ROUND: f32 = 12582912.0;
const LN2_HI: f32 = 0.693359375;
const LN2_LO: f32 = -2.121_944_4e-4;

/// ln(2) as `exp` takes it off: SLEEF's split and polynomial, which PyTorch's vector code calls. Equal bits make scores
/// that tie there tie here.
const EXP_LN2: (f32, f32) = (0.693145751953125, 1.428606765330187e-06);
/// `(exp(r) - 1 - r) / r^2` on |r| <= ln(2)/2.
const EXP: [f32; 6] = [
    0.00019852762,
    0.0013930436,
    0.008333361,
    0.041666485,
    0.16666667,
    0.5,
];

/// `(log(1+f) - f + f^2/2) / f^3` for 1+f from sqrt(1/2) to sqrt(2).
const LOG: [f32; 9] = [
    0.06971612,
    -0.11479734,
    0.1168542,
    -0.12425687,
    0.14249058,
    -0.16667803,
    0.20000716,
    -0.24999997,
    0.3333333,
];

/// `(tanh(x) / x - 1) / x^2` in powers of `x^2`, |x| <= 0.625.
const TANH: [f32; 6] = [
    0.0022927448,
    -0.008343945,
    0.021768918,
    -0.053959258,
    0.13333304,
    -0.33333334,
];

/// `(atan(x) / x - 1) / x^2` in powers of `x^2`, |x| <= 1, to 1.7e-12.
const ATAN: [f64; 14] = [
    0.0002420321329492996,
    -0.0019608268978377713,
    0.0074572473304224075,
    -0.01798369324520612,
    0.03165803796192987,
    -0.04494995162541376,
    0.05606687035291111,
    -0.06595124596280294,
    0.07679381276430296,
    -0.09089368031943441,
    0.11110999508742127,
    -0.14285710020067355,
    0.19999999935142282,
    -0.3333333333316827,
];

/// `(asin(x) / x - 1) / x^2` in powers of `x^2`, |x| <= 1/2, to 6e-14.
const ASIN: [f64; 10] = [
    0.0279070314326661,
    -0.0029397929067241963,
    0.015675662527070935,
    0.01318791613675373,
    0.017441495685492855,
    0.02236606593888501,
    0.030382182776212484,
    0.04464285243793872,
    0.07500000003584559,
    0.1666666666666218,
];

#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    // Written so that NaN passes through.
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// `v * 2^(k - 254)` for `k` from 0 to 508, rounded once.
#[inline(always)]
fn scale(v: f32, k: u32) -> f32 {
    let first = k >> 1;
    let second = k.wrapping_sub(first);
    v * f32::from_bits(first << 23) * f32::from_bits(second << 23)
}

/// `exp(x - n ln 2)`, and the integer `n` nearest to `x / ln 2` plus `offset`, in the low bits of the second.
#[inline(always)]
fn exp_parts<M: Madd>(x: f32, offset: f32) -> (f32, u32) {
    // Not one fused step: near halves that would be another `n`, and other last bits than PyTorch's.
    let shifted = x * std::f32::consts::LOG2_E + (ROUND + offset);
    let n = shifted - (ROUND + offset);
    let r = M::single(n, -EXP_LN2.0, x);
    let r = M::single(n, -EXP_LN2.1, r);
    let y = M::single(r * r, poly32::<M, _>(r, &EXP), r);
    (1.0 + y, shifted.to_bits())
}

#[inline(always)]
pub fn exp<M: Madd>(x: f32) -> f32 {
    let (v, k) = exp_parts::<M>(clamp(x, -104.0, 89.0), 254.0);
    scale(v, k.wrapping_sub(ROUND.to_bits()))
}

/// [`exp`] for `x <= 0`, bit by bit, subnormal results included.
#[inline(always)]
pub fn exp_negative<M: Madd>(x: f32) -> f32 {
    const DOWN: f32 = f32::from_bits((127 - 64) << 23);
    let x = if x < -104.0 { -104.0 } else { x };
    let (v, k) = exp_parts::<M>(x, 127.0 + 64.0);
    v * f32::from_bits(k << 23) * DOWN
}

/// `1 + exp(-x)`, as if by [`exp`]: what is lost of its subnormal results is nothing beside one.
#[inline(always)]
fn one_and_exp_of_minus<M: Madd>(x: f32) -> f32 {
    let (v, k) = exp_parts::<M>(clamp(-x, -87.0, 89.0), 127.0 - 1.0);
    1.0 + v * f32::from_bits(k << 23) * 2.0
}

/// [`exp`] where neither argument nor result is near the limits.
#[inline(always)]
fn exp_moderate<M: Madd>(x: f32) -> f32 {
    let (v, k) = exp_parts::<M>(x, 127.0);
    v * f32::from_bits(k << 23)
}

#[inline(always)]
pub fn exp2<M: Madd>(x: f32) -> f32 {
    let x = clamp(x, -151.0, 129.0);
    let shifted = x + ROUND;
    let r = (x - (shifted - ROUND)) * std::f32::consts::LN_2;
    let y = M::single(r * r, poly32::<M, _>(r, &EXP), r);
    scale(
        1.0 + y,
        shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(254),
    )
}

#[inline(always)]
pub fn expm1<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let small = w * M::double(0.5, w, 1.0);
    let large = double::exp::<M>(w) - 1.0;
    (if x.abs() < 1e-4 { small } else { large }) as f32
}

#[inline(always)]
pub fn log<M: Madd>(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let bits = (if tiny { x * 8388608.0 } else { x }).to_bits();
    let e = (bits.wrapping_sub(0x3f35_04f3) as i32) >> 23;
    let f = f32::from_bits(bits.wrapping_sub((e as u32) << 23)) - 1.0;
    let e = e as f32 - if tiny { 23.0 } else { 0.0 };
    let z = f * f;
    let tail = M::single(f * z, poly32::<M, _>(f, &LOG), M::single(e, LN2_LO, -0.5 * z));
    let value = M::single(e, LN2_HI, f + tail);
    let value = if x == f32::INFINITY { x } else { value };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f32::NAN }
}

/// The logarithm of a positive, not subnormal number by SLEEF's algorithm in pairs of numbers, whose bits
/// PyTorch's `log_softmax` has.
#[inline(always)]
pub fn log_paired<M: Madd>(x: f32) -> f32 {
    const LN2: (f32, f32) = (0.693_147_2, -1.904_654_3e-9);
    // x = 2^e * m, m from 3/4 to 3/2.
    let bits = x.to_bits();
    let e = bits.wrapping_sub(0x3f40_0000) as i32 >> 23;
    let m = f32::from_bits(bits.wrapping_sub((e as u32) << 23));
    let e = e as f32;
    let whole = LN2.0 * e;
    let whole_low = M::single(LN2.1, e, M::single(LN2.0, e, -whole));
    // (m - 1) / (m + 1)
    let (above, below) = (m - 1.0, m + 1.0);
    let above_low = (-1.0 - (above - (above + 1.0))) + (m - (above + 1.0));
    let below_low = (1.0 - (below - (below - 1.0))) + (m - (below - 1.0));
    let inverse = 1.0 / below;
    let q = above * inverse;
    let off = M::single(inverse, above, -q);
    let rest = M::single(-below_low, inverse, M::single(-below, inverse, 1.0));
    let q_low = M::single(q, rest, M::single(above_low, inverse, off));
    let square = q * q;
    let tail = M::single(0.302_729_5, square, 0.399_610_82);
    let tail = square * q * M::single(tail, square, 0.666_669_5);
    let sum = whole + q * 2.0;
    let sum_low = (((whole - sum) + q * 2.0) + whole_low) + q_low * 2.0;
    let value = sum + tail;
    let value = value + (((sum - value) + tail) + sum_low);
    if x < f32::INFINITY { value } else { x }
}

#[inline(always)]
pub fn log2<M: Madd>(x: f32) -> f32 {
    double::log2::<M>(x as f64) as f32
}

#[inline(always)]
pub fn log10<M: Madd>(x: f32) -> f32 {
    double::log10::<M>(x as f64) as f32
}

#[inline(always)]
pub fn log1p<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let small = w * M::double(-0.5, w, 1.0);
    let large = double::log::<M>(1.0 + w);
    (if x.abs() < 1e-6 { small } else { large }) as f32
}

#[inline(always)]
pub fn tanh<M: Madd>(x: f32) -> f32 {
    let a = x.abs();
    // From 10 on it is 1; NaN stays.
    let large = 1.0 - 2.0 / (exp_moderate::<M>(2.0 * if a > 10.0 { 10.0 } else { a }) + 1.0);
    let z = x * x;
    let small = M::single(a * z, poly32::<M, _>(z, &TANH), a);
    (if a < 0.625 { small } else { large }).copysign(x)
}

#[inline(always)]
pub fn sigmoid<M: Madd>(x: f32) -> f32 {
    1.0 / one_and_exp_of_minus::<M>(x)
}

#[inline(always)]
pub fn silu<M: Madd>(x: f32) -> f32 {
    x / one_and_exp_of_minus::<M>(x)
}

#[inline(always)]
pub fn erf<M: Madd>(x: f32) -> f32 {
    // erf = 1 - exp(-polynomial) away from zero: one exponential, no division.
    let t = x.abs();
    let s = x * x;
    let r = M::single(-1.72853470e-5, t, 3.83197126e-4);
    let u = M::single(-3.88396438e-3, t, 2.42546219e-2);
    let r = M::single(r, s, u);
    let r = M::single(r, t, -1.06777877e-1);
    let r = M::single(r, t, -6.34846687e-1);
    let r = M::single(r, t, -1.28717512e-1);
    let r = M::single(r, t, -t);
    // Computed before it is asked for: a branch around it would keep loops from being vectorised.
    let near = 1.0 - exp_moderate::<M>(if r < -40.0 { -40.0 } else { r });
    let large = if t > 4.0 { 1.0 } else { near };
    let r = M::single(-5.96761703e-4, s, 4.99119423e-3);
    let r = M::single(r, s, -2.67681349e-2);
    let r = M::single(r, s, 1.12819925e-1);
    let r = M::single(r, s, -3.76125336e-1);
    let r = M::single(r, s, 1.28379166e-1);
    let small = M::single(r, x, x);
    let large = large.copysign(x);
    if t > 0.927734375 { large } else { small }
}

#[inline(always)]
pub fn erfc<M: Madd>(x: f32) -> f32 {
    double::erfc::<M>(x as f64) as f32
}

/// As PyTorch computes it: `x/2 * (1 + erf(x / sqrt 2))`.
#[inline(always)]
pub fn gelu<M: Madd>(x: f32) -> f32 {
    x * 0.5 * (1.0 + erf::<M>(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// gelu with `approximate="tanh"`.
#[inline(always)]
pub fn gelu_tanh<M: Madd>(x: f32) -> f32 {
    const BETA: f32 = std::f32::consts::SQRT_2 * std::f32::consts::FRAC_2_SQRT_PI * 0.5;
    let inner = BETA * M::single(0.044715 * x * x, x, x);
    0.5 * x * (1.0 + tanh::<M>(inner))
}

#[inline(always)]
pub fn sinh<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let e = double::exp::<M>(w);
    let z = w * w;
    let small = M::double(w * z, M::double(z, 1.0 / 120.0, 1.0 / 6.0), w);
    let large = 0.5 * (e - 1.0 / e);
    (if x.abs() < 0.0625 { small } else { large }) as f32
}

#[inline(always)]
pub fn cosh<M: Madd>(x: f32) -> f32 {
    let e = double::exp::<M>(x as f64);
    (0.5 * (e + 1.0 / e)) as f32
}

#[inline(always)]
fn asin_kernel<M: Madd>(x: f64) -> f64 {
    let z = x * x;
    M::double(x * z, poly64::<M, _>(z, &ASIN), x)
}

#[inline(always)]
pub fn asin<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let a = w.abs();
    let far = a > 0.5;
    let y = asin_kernel::<M>(if far { (0.5 - 0.5 * a).sqrt() } else { a });
    let value = if far {
        std::f64::consts::FRAC_PI_2 - 2.0 * y
    } else {
        y
    };
    value.copysign(w) as f32
}

#[inline(always)]
pub fn acos<M: Madd>(x: f32) -> f32 {
    use std::f64::consts::{FRAC_PI_2, PI};
    let w = x as f64;
    let a = w.abs();
    let far = a > 0.5;
    let y = asin_kernel::<M>(if far { (0.5 - 0.5 * a).sqrt() } else { w });
    let value = if !far {
        FRAC_PI_2 - y
    } else if x < 0.0 {
        PI - 2.0 * y
    } else {
        2.0 * y
    };
    value as f32
}

/// atan(y / x) for y, x >= 0, in f64.
#[inline(always)]
fn atan_ratio<M: Madd>(y: f64, x: f64) -> f64 {
    let swap = y > x;
    let (small, large) = if swap { (x, y) } else { (y, x) };
    let t = small / large;
    let z = t * t;
    let value = M::double(t * z, poly64::<M, _>(z, &ATAN), t);
    if swap {
        std::f64::consts::FRAC_PI_2 - value
    } else {
        value
    }
}

#[inline(always)]
pub fn atan<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    atan_ratio::<M>(w.abs(), 1.0).copysign(w) as f32
}

/// Angle of the point (x, y), with the signed zeros and infinities of C.
#[inline(always)]
pub fn atan2<M: Madd>(y: f32, x: f32) -> f32 {
    let (v, w) = (y as f64, x as f64);
    let (a, b) = (v.abs(), w.abs());
    let both_zero = a + b == 0.0;
    let both_infinite = (if a < b { a } else { b }) == f64::INFINITY;
    let value = atan_ratio::<M>(a, b);
    let value = if both_zero { 0.0 } else { value };
    let value = if both_infinite {
        std::f64::consts::FRAC_PI_4
    } else {
        value
    };
    let value = if w.is_sign_negative() {
        std::f64::consts::PI - value
    } else {
        value
    };
    let value = value.copysign(v) as f32;
    if x.is_nan() || y.is_nan() { f32::NAN } else { value }
}

#[inline(always)]
pub fn asinh<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let a = w.abs();
    let large = double::log::<M>(a + M::double(a, a, 1.0).sqrt());
    let small = M::double(a * a, a * (-1.0 / 6.0), a);
    (if a < 0.001 { small } else { large }).copysign(w) as f32
}

#[inline(always)]
pub fn acosh<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let value = double::log::<M>(w + ((w - 1.0) * (w + 1.0)).sqrt());
    (if w < 1.0 { f64::NAN } else { value }) as f32
}

#[inline(always)]
pub fn atanh<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let large = 0.5 * double::log::<M>((1.0 + w) / (1.0 - w));
    let small = M::double(w * w, w * (1.0 / 3.0), w);
    (if w.abs() < 0.001 { small } else { large }) as f32
}

/// C's pow, special cases included.
#[inline(always)]
pub fn pow<M: Madd>(x: f32, y: f32) -> f32 {
    let (w, v) = (x as f64, y as f64);
    let magnitude = double::exp::<M>(v * double::log::<M>(w.abs()));
    // Every f32 from 2^52 on is an even integer, and adding 2^52 keeps that.
    let shifted = v.abs() + 4503599627370496.0;
    let whole = shifted - 4503599627370496.0 == v.abs();
    let odd = shifted.to_bits() << 63;
    let odd = if whole & (v.abs() < 4503599627370496.0) {
        odd
    } else {
        0
    };
    let signed = f64::from_bits(magnitude.to_bits() | (odd & w.to_bits()));
    let outside = (x < 0.0) & !whole & (x != f32::NEG_INFINITY);
    let value = if outside { f64::NAN } else { signed };
    let unit = (y == 0.0) | (x == 1.0) | ((x == -1.0) & (y.abs() == f32::INFINITY));
    (if unit { 1.0 } else { value }) as f32
}

#[inline(always)]
pub fn cbrt<M: Madd>(x: f32) -> f32 {
    let w = x as f64;
    let value = double::exp::<M>(double::log::<M>(w.abs()) * (1.0 / 3.0));
    value.copysign(w) as f32
}

#[inline(always)]
pub fn rsqrt(x: f32) -> f32 {
    1.0 / x.sqrt()
}

/// 2/pi in binary: 32 bits a word, most significant first.
const TWO_OVER_PI: [u32; 8] = [
    0xa2f9_836e,
    0x4e44_1529,
    0xfc27_57d1,
    0xf534_ddc0,
    0xdb62_9599,
    0x3c43_9041,
    0xfe51_63ab,
    0xdebb_c561,
];

/// For the biased exponent `e` of an f32, `2/pi * 2^(e - 88)` modulo 2^64, and the next 32 bits after the point:
/// the 24-bit significand times that is the angle in quarter turns, with 62 bits after the point.
const WINDOW: ([u64; 256], [u32; 256]) = {
    let mut high = [0u64; 256];
    let mut low = [0u32; 256];
    let mut e = 0;
    while e < 256 {
        // Bit i after the point of 2/pi has weight 2^-i; the window's top bit must get weight 2^63.
        let mut i = 0;
        let mut window: u128 = 0;
        while i < 96 {
            let place = e as i32 - 88 - 63 + i; // index, from 1, of the bit that lands at this place
            if place >= 1 && place <= 256 {
                let index = (place - 1) as usize;
                let bit = (TWO_OVER_PI[index / 32] >> (31 - index % 32)) & 1;
                window |= (bit as u128) << (95 - i);
            }
            i += 1;
        }
        high[e] = (window >> 32) as u64;
        low[e] = window as u32;
        e += 1;
    }
    (high, low)
};
static WINDOW_HIGH: [u64; 256] = WINDOW.0;
static WINDOW_LOW: [u32; 256] = WINDOW.1;

/// Quadrant of `|x|` (two low bits) and what is left of it, in f64, for any finite x (Payne and Hanek).
#[inline(always)]
fn reduce_angle(x: f32) -> (u64, f64) {
    let bits = x.to_bits();
    let e = ((bits >> 23) & 0xff) as usize;
    let m = ((bits & 0x7f_ffff) | 0x80_0000) as u64;
    let (high, low) = (WINDOW_HIGH[e], WINDOW_LOW[e] as u64);
    // Three products of 32-bit numbers: what SSE2 can multiply.
    let turns = (m * (high & 0xffff_ffff))
        .wrapping_add((m * (high >> 32)) << 32)
        .wrapping_add((m * low) >> 32);
    let quadrant = turns.wrapping_add(1 << 61) >> 62;
    let rest = turns.wrapping_sub(quadrant << 62) ^ (1 << 63);
    // An unsigned 64-bit integer to f64 by exponent tricks: only AVX-512 converts directly.
    const BIAS: f64 = (1u128 << 84 | 1 << 63 | 1 << 52) as f64;
    let upper = f64::from_bits((rest >> 32) | 0x4530_0000_0000_0000) - BIAS;
    let lower = f64::from_bits((rest & 0xffff_ffff) | 0x4330_0000_0000_0000);
    let r = (upper + lower) * (std::f64::consts::FRAC_PI_2 / (1u64 << 62) as f64);
    let direct = x.abs() < 0.785;
    (
        if direct { 0 } else { quadrant },
        if direct { x.abs() as f64 } else { r },
    )
}

#[inline(always)]
fn sin_quadrant<M: Madd>(quadrant: u64, r: f64) -> f32 {
    let (s, c) = (double::sin_kernel::<M>(r), double::cos_kernel::<M>(r));
    let value = if quadrant & 1 == 0 { s } else { c };
    f64::from_bits(value.to_bits() ^ ((quadrant & 2) << 62)) as f32
}

#[inline(always)]
pub fn sin<M: Madd>(x: f32) -> f32 {
    let (quadrant, r) = reduce_angle(x);
    let value = sin_quadrant::<M>(quadrant, r);
    let value = f32::from_bits(value.to_bits() ^ (x.to_bits() & 0x8000_0000));
    if x.abs() < f32::INFINITY { value } else { f32::NAN }
}

#[inline(always)]
pub fn cos<M: Madd>(x: f32) -> f32 {
    let (quadrant, r) = reduce_angle(x);
    let value = sin_quadrant::<M>(quadrant.wrapping_add(1), r);
    if x.abs() < f32::INFINITY { value } else { f32::NAN }
}

#[inline(always)]
pub fn tan<M: Madd>(x: f32) -> f32 {
    let (quadrant, r) = reduce_angle(x);
    let (s, c) = (double::sin_kernel::<M>(r), double::cos_kernel::<M>(r));
    let odd = quadrant & 1 != 0;
    let value = (if odd { -c } else { s } / if odd { s } else { c }) as f32;
    let value = f32::from_bits(value.to_bits() ^ (x.to_bits() & 0x8000_0000));
    if x.abs() < f32::INFINITY { value } else { f32::NAN }
}
