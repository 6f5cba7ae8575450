//! Element conversions over contiguous runs, for every pair of dtypes, with the rules of a C cast on x86: floats
//! truncate toward zero, out-of-range floats become the smallest integer, wider integers wrap, `!= 0` gives bool,
//! complex drops its imaginary part, and half types round through single precision.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use num_complex::Complex;

use crate::dtype::DType;

/// A bool as it lies in memory: any non-zero byte is true, and 1 is written.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(transparent)]
pub struct B8(pub u8);

impl B8 {
    #[inline(always)]
    pub fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for B8 {
    #[inline(always)]
    fn from(b: bool) -> B8 {
        B8(b as u8)
    }
}

/// What an element can be turned into.
pub trait Source: Copy {
    fn u8(self) -> u8;
    fn i8(self) -> i8;
    fn i16(self) -> i16;
    fn i32(self) -> i32;
    fn i64(self) -> i64;
    fn f32(self) -> f32;
    fn f64(self) -> f64;
    fn bool(self) -> bool;
    #[inline(always)]
    fn im32(self) -> f32 {
        0.0
    }
    #[inline(always)]
    fn im64(self) -> f64 {
        0.0
    }
}

/// Conversion from any other element.
pub trait Cast: Copy + Default {
    fn cast<S: Source>(s: S) -> Self;
}

macro_rules! int_source {
    ($($t:ty),*) => {$(
        impl Source for $t {
            #[inline(always)] fn u8(self) -> u8 { self as u8 }
            #[inline(always)] fn i8(self) -> i8 { self as i8 }
            #[inline(always)] fn i16(self) -> i16 { self as i16 }
            #[inline(always)] fn i32(self) -> i32 { self as i32 }
            #[inline(always)] fn i64(self) -> i64 { self as i64 }
            #[inline(always)] fn f32(self) -> f32 { self as f32 }
            #[inline(always)] fn f64(self) -> f64 { self as f64 }
            #[inline(always)] fn bool(self) -> bool { self != 0 }
        }
    )*};
}
int_source!(u8, i8, i16, i32, i64, u64);

macro_rules! float_source {
    ($($t:ty),*) => {$(
        impl Source for $t {
            #[inline(always)] fn u8(self) -> u8 { self.i32() as u8 }
            #[inline(always)] fn i8(self) -> i8 { self.i32() as i8 }
            #[inline(always)] fn i16(self) -> i16 { self.i32() as i16 }
            #[inline(always)] fn i32(self) -> i32 {
                if self >= -2147483648.0 && self < 2147483648.0 { self as i32 } else { i32::MIN }
            }
            #[inline(always)] fn i64(self) -> i64 {
                if self >= -9223372036854775808.0 && self < 9223372036854775808.0 { self as i64 } else { i64::MIN }
            }
            #[inline(always)] fn f32(self) -> f32 { self as f32 }
            #[inline(always)] fn f64(self) -> f64 { self as f64 }
            #[inline(always)] fn bool(self) -> bool { self != 0.0 }
        }
    )*};
}
float_source!(f32, f64);

/// Sources that convert by way of another one.
macro_rules! via_source {
    ($($t:ty, |$x:ident| $via:expr, $im32:expr, $im64:expr, $bool:expr;)*) => {$(
        impl Source for $t {
            #[inline(always)] fn u8(self) -> u8 { let $x = self; $via.u8() }
            #[inline(always)] fn i8(self) -> i8 { let $x = self; $via.i8() }
            #[inline(always)] fn i16(self) -> i16 { let $x = self; $via.i16() }
            #[inline(always)] fn i32(self) -> i32 { let $x = self; $via.i32() }
            #[inline(always)] fn i64(self) -> i64 { let $x = self; $via.i64() }
            #[inline(always)] fn f32(self) -> f32 { let $x = self; $via.f32() }
            #[inline(always)] fn f64(self) -> f64 { let $x = self; $via.f64() }
            #[inline(always)] fn bool(self) -> bool { let $x = self; $bool }
            #[inline(always)] fn im32(self) -> f32 { let $x = self; let _ = $x; $im32 }
            #[inline(always)] fn im64(self) -> f64 { let $x = self; let _ = $x; $im64 }
        }
    )*};
}
via_source! {
    B8, |x| (x.0 != 0) as u8, 0.0, 0.0, x.0 != 0;
    f16, |x| x.to_f32(), 0.0, 0.0, x.to_f32() != 0.0;
    bf16, |x| x.to_f32(), 0.0, 0.0, x.to_f32() != 0.0;
    Complex<f32>, |x| x.re, x.im, x.im as f64, x.re != 0.0 || x.im != 0.0;
    Complex<f64>, |x| x.re, x.im as f32, x.im, x.re != 0.0 || x.im != 0.0;
    Complex<f16>, |x| x.re.to_f32(), x.im.to_f32(), x.im.to_f64(), x.re.bool() || x.im.bool();
}

macro_rules! cast {
    ($($t:ty, |$s:ident| $e:expr;)*) => {$(
        impl Cast for $t {
            #[inline(always)]
            fn cast<S: Source>($s: S) -> Self { $e }
        }
    )*};
}
cast! {
    B8, |s| B8(s.bool() as u8);
    u8, |s| s.u8();
    i8, |s| s.i8();
    i16, |s| s.i16();
    i32, |s| s.i32();
    i64, |s| s.i64();
    f32, |s| s.f32();
    f64, |s| s.f64();
    f16, |s| f16::from_f32(s.f32());
    bf16, |s| bf16::from_f32(s.f32());
    Complex<f32>, |s| Complex::new(s.f32(), s.im32());
    Complex<f64>, |s| Complex::new(s.f64(), s.im64());
    Complex<f16>, |s| Complex::new(f16::from_f32(s.f32()), f16::from_f32(s.im32()));
}

/// Converts `n` elements at the first address into elements at the second.
///
/// Safety contract of every such function: both runs are valid for `n` elements of their type, aligned, and apart.
pub type Convert = unsafe fn(*const u8, *mut u8, usize);

/// # Safety
/// See [`Convert`].
unsafe fn convert<S: Source, D: Cast>(src: *const u8, dst: *mut u8, n: usize) {
    // SAFETY: by the contract.
    let (src, dst) = unsafe {
        (
            std::slice::from_raw_parts(src.cast::<S>(), n),
            std::slice::from_raw_parts_mut(dst.cast::<D>(), n),
        )
    };
    for (d, s) in dst.iter_mut().zip(src) {
        *d = D::cast(*s);
    }
}

/// As [`convert`], compiled for each vector level; for the pairs that models use much.
///
/// # Safety
/// See [`Convert`].
unsafe fn convert_simd<S: Source, D: Cast>(src: *const u8, dst: *mut u8, n: usize) {
    // SAFETY: by the contract.
    let (src, dst) = unsafe {
        (
            std::slice::from_raw_parts(src.cast::<S>(), n),
            std::slice::from_raw_parts_mut(dst.cast::<D>(), n),
        )
    };
    crate::simd::vectorize(
        #[inline(always)]
        || {
            for (d, s) in dst.iter_mut().zip(src) {
                *d = D::cast(*s);
            }
        },
    )
}

/// # Safety
/// See [`Convert`].
unsafe fn half_to_float(src: *const u8, dst: *mut u8, n: usize) {
    // SAFETY: by the contract; `isa` names AVX2 only together with F16C.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if crate::simd::isa() >= crate::simd::Isa::Avx2 {
            return x86::half_to_float(src.cast(), dst.cast(), n);
        }
        let src = std::slice::from_raw_parts(src.cast::<f16>(), n);
        src.convert_to_f32_slice(std::slice::from_raw_parts_mut(dst.cast::<f32>(), n));
    }
}

/// # Safety
/// See [`Convert`].
unsafe fn float_to_half(src: *const u8, dst: *mut u8, n: usize) {
    // SAFETY: by the contract; `isa` names AVX2 only together with F16C.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if crate::simd::isa() >= crate::simd::Isa::Avx2 {
            return x86::float_to_half(src.cast(), dst.cast(), n);
        }
        let dst = std::slice::from_raw_parts_mut(dst.cast::<f16>(), n);
        dst.convert_from_f32_slice(std::slice::from_raw_parts(src.cast::<f32>(), n));
    }
}

/// F16C, eight elements at a time.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use half::f16;
    use std::arch::x86_64::{
        __m128i, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps,
        _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_storeu_ps,
    };

    /// # Safety
    /// Both runs hold `n` elements; the processor has F16C.
    #[target_feature(enable = "avx2,f16c")]
    pub unsafe fn half_to_float(src: *const f16, dst: *mut f32, n: usize) {
        let mut i = 0;
        // SAFETY: by the contract.
        unsafe {
            while i + 8 <= n {
                let v = _mm_loadu_si128(src.add(i).cast::<__m128i>());
                _mm256_storeu_ps(dst.add(i), _mm256_cvtph_ps(v));
                i += 8;
            }
            while i < n {
                dst.add(i).write((*src.add(i)).to_f32());
                i += 1;
            }
        }
    }

    /// # Safety
    /// Both runs hold `n` elements; the processor has F16C.
    #[target_feature(enable = "avx2,f16c")]
    pub unsafe fn float_to_half(src: *const f32, dst: *mut f16, n: usize) {
        let mut i = 0;
        // SAFETY: by the contract.
        unsafe {
            while i + 8 <= n {
                let v = _mm256_loadu_ps(src.add(i));
                let h = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v);
                _mm_storeu_si128(dst.add(i).cast::<__m128i>(), h);
                i += 8;
            }
            while i < n {
                dst.add(i).write(f16::from_f32(*src.add(i)));
                i += 1;
            }
        }
    }
}

/// # Safety
/// See [`Convert`].
unsafe fn copy_bytes<const SIZE: usize>(src: *const u8, dst: *mut u8, n: usize) {
    // SAFETY: by the contract.
    unsafe { dst.copy_from_nonoverlapping(src, n * SIZE) }
}

/// The function that converts `from` to `to`; equal types copy bytes.
pub fn converter(from: DType, to: DType) -> Convert {
    use DType::*;
    let (from, to) = (from.underlying(), to.underlying());
    if from == to {
        return match from.size() {
            1 => {
                if from == Bool {
                    convert::<B8, B8>
                } else {
                    copy_bytes::<1>
                }
            }
            2 => copy_bytes::<2>,
            4 => copy_bytes::<4>,
            8 => copy_bytes::<8>,
            _ => copy_bytes::<16>,
        };
    }
    match (from, to) {
        (Half, Float) => return half_to_float,
        (Float, Half) => return float_to_half,
        (BFloat16, Float) => return convert_simd::<bf16, f32>,
        (Float, BFloat16) => return convert_simd::<f32, bf16>,
        (Float, Double) => return convert_simd::<f32, f64>,
        (Double, Float) => return convert_simd::<f64, f32>,
        (Byte, Float) => return convert_simd::<u8, f32>,
        (Float, Byte) => return convert_simd::<f32, u8>,
        (Long, Float) => return convert_simd::<i64, f32>,
        (Float, Long) => return convert_simd::<f32, i64>,
        (Bool, Float) => return convert_simd::<B8, f32>,
        _ => {}
    }
    fn to_type<S: Source>(to: DType) -> Convert {
        match to.underlying() {
            Byte => convert::<S, u8>,
            Char => convert::<S, i8>,
            Short => convert::<S, i16>,
            Int => convert::<S, i32>,
            Long => convert::<S, i64>,
            Half => convert::<S, f16>,
            Float => convert::<S, f32>,
            Double => convert::<S, f64>,
            ComplexHalf => convert::<S, Complex<f16>>,
            ComplexFloat => convert::<S, Complex<f32>>,
            ComplexDouble => convert::<S, Complex<f64>>,
            BFloat16 => convert::<S, bf16>,
            Bool | QInt8 | QUInt8 | QInt32 | UInt64 => convert::<S, B8>,
        }
    }
    match from {
        Byte => to_type::<u8>(to),
        Char => to_type::<i8>(to),
        Short => to_type::<i16>(to),
        Int => to_type::<i32>(to),
        Long => to_type::<i64>(to),
        Half => to_type::<f16>(to),
        Float => to_type::<f32>(to),
        Double => to_type::<f64>(to),
        ComplexHalf => to_type::<Complex<f16>>(to),
        ComplexFloat => to_type::<Complex<f32>>(to),
        ComplexDouble => to_type::<Complex<f64>>(to),
        BFloat16 => to_type::<bf16>(to),
        UInt64 => to_type::<u64>(to),
        Bool | QInt8 | QUInt8 | QInt32 => to_type::<B8>(to),
    }
}
