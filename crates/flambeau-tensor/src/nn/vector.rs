//! Vector registers behind one trait, for the kernels that lay out their registers by hand: tiles of matrix
//! products, convolutions, attention. Loops that the compiler vectorises well do not need it.
//!
//! Methods are `#[inline(always)]` and take effect inside a function compiled for the level: a type of level `L` may
//! be used only in code that [`crate::simd::isa`] has allowed to run `L`. That is the safety condition of every
//! method here; pointers must be valid for the lanes named.

#![allow(clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

/// A register of `LANES` floats.
pub trait Vector: Copy {
    /// One lane.
    type Elem: Copy;
    /// Lanes of a register.
    const LANES: usize;
    /// Rows of the widest tile (two registers wide) whose accumulators stay in registers.
    const ROWS: usize;
    unsafe fn splat(x: Self::Elem) -> Self;
    unsafe fn load(p: *const Self::Elem) -> Self;
    unsafe fn store(self, p: *mut Self::Elem);
    /// Loads `n < LANES` lanes and zeros.
    unsafe fn load_part(p: *const Self::Elem, n: usize) -> Self;
    /// Stores the first `n < LANES` lanes.
    unsafe fn store_part(self, p: *mut Self::Elem, n: usize);
    /// `a * b + self`.
    unsafe fn fma(self, a: Self, b: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// The larger lane, NaN if either is.
    unsafe fn max(self, b: Self) -> Self;
    /// The smaller lane, NaN if either is.
    unsafe fn min(self, b: Self) -> Self;
    /// The lanes with even numbers of `self` and then of `b`.
    unsafe fn evens(self, b: Self) -> Self;
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(self) -> Self::Elem;
}

#[cfg(target_arch = "x86_64")]
pub use x86::*;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    /// 16 × `f32`, AVX-512.
    #[derive(Clone, Copy)]
    pub struct F32x16(pub __m512);
    /// 8 × `f64`, AVX-512.
    #[derive(Clone, Copy)]
    pub struct F64x8(pub __m512d);
    /// 8 × `f32`, AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct F32x8(pub __m256);
    /// 4 × `f64`, AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct F64x4(pub __m256d);

    #[inline(always)]
    unsafe fn evens_f32x16(a: __m512, b: __m512) -> __m512 {
        unsafe {
            let pick = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(a, pick, b)
        }
    }

    #[inline(always)]
    unsafe fn evens_f64x8(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b) }
    }

    #[inline(always)]
    unsafe fn evens_f32x8(a: __m256, b: __m256) -> __m256 {
        unsafe {
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0xD8>(_mm256_castps_pd(
                _mm256_shuffle_ps::<0x88>(a, b),
            )))
        }
    }

    #[inline(always)]
    unsafe fn evens_f64x4(a: __m256d, b: __m256d) -> __m256d {
        unsafe { _mm256_permute4x64_pd::<0xD8>(_mm256_shuffle_pd::<0>(a, b)) }
    }

    macro_rules! avx512 {
        ($v:ident, $e:ty, $lanes:literal, $mask:ty, $set:ident, $load:ident, $store:ident, $mload:ident, $mstore:ident,
         $fma:ident, $add:ident, $mul:ident, $max:ident, $min:ident, $unord:ident, $blend:ident, $sum:ident, $pick:ident) => {
            impl Vector for $v {
                type Elem = $e;
                const LANES: usize = $lanes;
                const ROWS: usize = 12;
                #[inline(always)]
                unsafe fn splat(x: $e) -> Self {
                    unsafe { $v($set(x)) }
                }
                #[inline(always)]
                unsafe fn load(p: *const $e) -> Self {
                    unsafe { $v($load(p)) }
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut $e) {
                    unsafe { $store(p, self.0) }
                }
                #[inline(always)]
                unsafe fn load_part(p: *const $e, n: usize) -> Self {
                    unsafe { $v($mload(((1u32 << n) - 1) as $mask, p)) }
                }
                #[inline(always)]
                unsafe fn store_part(self, p: *mut $e, n: usize) {
                    unsafe { $mstore(p, ((1u32 << n) - 1) as $mask, self.0) }
                }
                #[inline(always)]
                unsafe fn fma(self, a: Self, b: Self) -> Self {
                    unsafe { $v($fma(a.0, b.0, self.0)) }
                }
                #[inline(always)]
                unsafe fn add(self, b: Self) -> Self {
                    unsafe { $v($add(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn mul(self, b: Self) -> Self {
                    unsafe { $v($mul(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn max(self, b: Self) -> Self {
                    // The instruction returns its second operand if either is NaN: right unless only `self` is.
                    unsafe { $v($blend($unord::<_CMP_UNORD_Q>(self.0, self.0), $max(self.0, b.0), self.0)) }
                }
                #[inline(always)]
                unsafe fn min(self, b: Self) -> Self {
                    unsafe { $v($blend($unord::<_CMP_UNORD_Q>(self.0, self.0), $min(self.0, b.0), self.0)) }
                }
                #[inline(always)]
                unsafe fn evens(self, b: Self) -> Self {
                    unsafe { $v($pick(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn sum(self) -> $e {
                    unsafe { $sum(self.0) }
                }
            }
        };
    }

    avx512!(
        F32x16,
        f32,
        16,
        __mmask16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_maskz_loadu_ps,
        _mm512_mask_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps,
        _mm512_mul_ps,
        _mm512_max_ps,
        _mm512_min_ps,
        _mm512_cmp_ps_mask,
        _mm512_mask_blend_ps,
        _mm512_reduce_add_ps,
        evens_f32x16
    );
    avx512!(
        F64x8,
        f64,
        8,
        __mmask8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_maskz_loadu_pd,
        _mm512_mask_storeu_pd,
        _mm512_fmadd_pd,
        _mm512_add_pd,
        _mm512_mul_pd,
        _mm512_max_pd,
        _mm512_min_pd,
        _mm512_cmp_pd_mask,
        _mm512_mask_blend_pd,
        _mm512_reduce_add_pd,
        evens_f64x8
    );

    macro_rules! avx2 {
        ($v:ident, $e:ty, $lanes:literal, $int:ty, $set:ident, $load:ident, $store:ident, $mload:ident, $mstore:ident,
         $fma:ident, $add:ident, $mul:ident, $max:ident, $min:ident, $cmp:ident, $blend:ident, $pick:ident) => {
            impl $v {
                #[inline(always)]
                unsafe fn mask(n: usize) -> __m256i {
                    const ONES: [$int; 2 * $lanes] = {
                        let mut m = [0; 2 * $lanes];
                        let mut i = 0;
                        while i < $lanes {
                            m[i] = -1;
                            i += 1;
                        }
                        m
                    };
                    unsafe { _mm256_loadu_si256(ONES.as_ptr().add($lanes - n).cast()) }
                }
            }
            impl Vector for $v {
                type Elem = $e;
                const LANES: usize = $lanes;
                const ROWS: usize = 6;
                #[inline(always)]
                unsafe fn splat(x: $e) -> Self {
                    unsafe { $v($set(x)) }
                }
                #[inline(always)]
                unsafe fn load(p: *const $e) -> Self {
                    unsafe { $v($load(p)) }
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut $e) {
                    unsafe { $store(p, self.0) }
                }
                #[inline(always)]
                unsafe fn load_part(p: *const $e, n: usize) -> Self {
                    unsafe { $v($mload(p, Self::mask(n))) }
                }
                #[inline(always)]
                unsafe fn store_part(self, p: *mut $e, n: usize) {
                    unsafe { $mstore(p, Self::mask(n), self.0) }
                }
                #[inline(always)]
                unsafe fn fma(self, a: Self, b: Self) -> Self {
                    unsafe { $v($fma(a.0, b.0, self.0)) }
                }
                #[inline(always)]
                unsafe fn add(self, b: Self) -> Self {
                    unsafe { $v($add(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn mul(self, b: Self) -> Self {
                    unsafe { $v($mul(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn max(self, b: Self) -> Self {
                    // The instruction returns its second operand if either is NaN: right unless only `self` is.
                    unsafe { $v($blend($max(self.0, b.0), self.0, $cmp::<_CMP_UNORD_Q>(self.0, self.0))) }
                }
                #[inline(always)]
                unsafe fn min(self, b: Self) -> Self {
                    unsafe { $v($blend($min(self.0, b.0), self.0, $cmp::<_CMP_UNORD_Q>(self.0, self.0))) }
                }
                #[inline(always)]
                unsafe fn evens(self, b: Self) -> Self {
                    unsafe { $v($pick(self.0, b.0)) }
                }
                #[inline(always)]
                unsafe fn sum(self) -> $e {
                    let mut lanes = [0.0; $lanes];
                    unsafe { $store(lanes.as_mut_ptr(), self.0) };
                    super::halve(&mut lanes)
                }
            }
        };
    }

    avx2!(
        F32x8,
        f32,
        8,
        i32,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_maskload_ps,
        _mm256_maskstore_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps,
        _mm256_mul_ps,
        _mm256_max_ps,
        _mm256_min_ps,
        _mm256_cmp_ps,
        _mm256_blendv_ps,
        evens_f32x8
    );
    avx2!(
        F64x4,
        f64,
        4,
        i64,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_maskload_pd,
        _mm256_maskstore_pd,
        _mm256_fmadd_pd,
        _mm256_add_pd,
        _mm256_mul_pd,
        _mm256_max_pd,
        _mm256_min_pd,
        _mm256_cmp_pd,
        _mm256_blendv_pd,
        evens_f64x4
    );
}

/// Adds lanes by halves: the order of the horizontal sum.
#[inline(always)]
fn halve<T: Copy + std::ops::Add<Output = T>>(lanes: &mut [T]) -> T {
    let mut n = lanes.len();
    while n > 1 {
        n /= 2;
        for i in 0..n {
            lanes[i] = lanes[i] + lanes[i + n];
        }
    }
    lanes[0]
}

/// The twin without instructions of its own: an array that the compiler keeps in whatever registers there are.
#[derive(Clone, Copy)]
pub struct Plain<T, const N: usize>([T; N]);

macro_rules! plain {
    ($t:ty, $n:literal, $fma:ident) => {
        impl Vector for Plain<$t, $n> {
            type Elem = $t;
            const LANES: usize = $n;
            const ROWS: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };
            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                Plain([x; $n])
            }
            #[inline(always)]
            unsafe fn load(p: *const $t) -> Self {
                Plain(unsafe { p.cast::<[$t; $n]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $t) {
                unsafe { p.cast::<[$t; $n]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn load_part(p: *const $t, n: usize) -> Self {
                Plain(std::array::from_fn(|i| {
                    if i < n { unsafe { *p.add(i) } } else { 0.0 }
                }))
            }
            #[inline(always)]
            unsafe fn store_part(self, p: *mut $t, n: usize) {
                for i in 0..n.min($n) {
                    unsafe { *p.add(i) = self.0[i] }
                }
            }
            #[inline(always)]
            unsafe fn fma(self, a: Self, b: Self) -> Self {
                Plain(std::array::from_fn(|i| {
                    crate::simd::$fma::<1>(a.0[i], b.0[i], self.0[i])
                }))
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                Plain(std::array::from_fn(|i| self.0[i] + b.0[i]))
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Plain(std::array::from_fn(|i| self.0[i] * b.0[i]))
            }
            #[inline(always)]
            unsafe fn max(self, b: Self) -> Self {
                let max = |a: $t, b: $t| if a > b || a.is_nan() { a } else { b };
                Plain(std::array::from_fn(|i| max(self.0[i], b.0[i])))
            }
            #[inline(always)]
            unsafe fn min(self, b: Self) -> Self {
                let min = |a: $t, b: $t| if a < b || a.is_nan() { a } else { b };
                Plain(std::array::from_fn(|i| min(self.0[i], b.0[i])))
            }
            #[inline(always)]
            unsafe fn evens(self, b: Self) -> Self {
                Plain(std::array::from_fn(|i| {
                    if 2 * i < $n {
                        self.0[2 * i]
                    } else {
                        b.0[2 * i - $n]
                    }
                }))
            }
            #[inline(always)]
            unsafe fn sum(mut self) -> $t {
                halve(&mut self.0)
            }
        }
    };
}

plain!(f32, 4, fma32);
plain!(f64, 2, fma64);

/// The element types that have vectors at every level.
pub trait Real: Copy + Send + Sync + Default + PartialEq + std::fmt::Debug + 'static {
    /// The widest registers.
    #[cfg(target_arch = "x86_64")]
    type V512: Vector<Elem = Self>;
    /// The middle ones.
    #[cfg(target_arch = "x86_64")]
    type V256: Vector<Elem = Self>;
    /// The twin.
    type V: Vector<Elem = Self>;
    const ZERO: Self;
    const ONE: Self;
    fn times(self, b: Self) -> Self;
    fn plus(self, b: Self) -> Self;
    fn less(self, b: Self) -> Self;
}

impl Real for f32 {
    #[cfg(target_arch = "x86_64")]
    type V512 = F32x16;
    #[cfg(target_arch = "x86_64")]
    type V256 = F32x8;
    type V = Plain<f32, 4>;
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    #[inline(always)]
    fn times(self, b: f32) -> f32 {
        self * b
    }
    #[inline(always)]
    fn plus(self, b: f32) -> f32 {
        self + b
    }
    #[inline(always)]
    fn less(self, b: f32) -> f32 {
        self - b
    }
}

impl Real for f64 {
    #[cfg(target_arch = "x86_64")]
    type V512 = F64x8;
    #[cfg(target_arch = "x86_64")]
    type V256 = F64x4;
    type V = Plain<f64, 2>;
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    #[inline(always)]
    fn times(self, b: f64) -> f64 {
        self * b
    }
    #[inline(always)]
    fn plus(self, b: f64) -> f64 {
        self + b
    }
    #[inline(always)]
    fn less(self, b: f64) -> f64 {
        self - b
    }
}

/// A computation written once over [`Vector`]; [`run`] compiles it for each level and calls the right copy. Mark
/// `call` `#[inline(always)]`.
pub trait WithVector<T: Real> {
    type Output;
    /// # Safety
    /// `V` is of a level that this processor has.
    unsafe fn call<V: Vector<Elem = T>>(self) -> Self::Output;
}

/// Runs `job` with the widest registers of this process.
#[inline]
pub fn run<T: Real, W: WithVector<T>>(job: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(
            enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt"
        )]
        unsafe fn wide<T: Real, W: WithVector<T>>(job: W) -> W::Output {
            unsafe { job.call::<T::V512>() }
        }
        #[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn middle<T: Real, W: WithVector<T>>(job: W) -> W::Output {
            unsafe { job.call::<T::V256>() }
        }
        match crate::simd::isa() {
            // SAFETY: `isa` names a level only if the processor has all its features.
            crate::simd::Isa::Avx512 => return unsafe { wide(job) },
            // SAFETY: as above.
            crate::simd::Isa::Avx2 => return unsafe { middle(job) },
            crate::simd::Isa::Baseline => {}
        }
    }
    // SAFETY: the twin needs nothing.
    unsafe { job.call::<T::V>() }
}
