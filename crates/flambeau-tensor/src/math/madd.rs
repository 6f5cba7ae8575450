//! The multiply-add that the vectorisable functions are generic over.
//!
//! `f32::mul_add` is one instruction where the calling loop is compiled with FMA, and a slow call to the C
//! library where it is not. So each function takes a type parameter: loops compiled with `avx2,fma`, `avx512f`
//! or `neon` pass [`Fused`], baseline loops pass [`Separate`]. Both stay within the stated error bounds; their
//! last bits may differ.

/// How `a * b + c` is computed.
pub trait Madd: Copy {
    fn single(a: f32, b: f32, c: f32) -> f32;
    fn double(a: f64, b: f64, c: f64) -> f64;
}

/// One rounding; only for code compiled with hardware FMA.
#[derive(Clone, Copy, Debug)]
pub struct Fused;

/// Two roundings; for every machine.
#[derive(Clone, Copy, Debug)]
pub struct Separate;

impl Madd for Fused {
    #[inline(always)]
    fn single(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn double(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
}

impl Madd for Separate {
    #[inline(always)]
    fn single(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    fn double(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

/// Horner's rule, coefficients from the highest power down.
#[inline(always)]
pub(crate) fn poly32<M: Madd, const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[0];
    let mut i = 1;
    while i < N {
        sum = M::single(sum, x, coefficients[i]);
        i += 1;
    }
    sum
}

/// Horner's rule, coefficients from the highest power down.
#[inline(always)]
pub(crate) fn poly64<M: Madd, const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[0];
    let mut i = 1;
    while i < N {
        sum = M::double(sum, x, coefficients[i]);
        i += 1;
    }
    sum
}
