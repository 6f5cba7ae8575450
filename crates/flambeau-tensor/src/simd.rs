//! Run-time choice of vector instructions.
//!
//! A kernel is written once as a plain loop and compiled for each level; [`simd!`](crate::simd) makes the function
//! that picks the right copy. Hand-written intrinsics belong to the kernels that need them; they too ask [`isa`].
//!
//! ```
//! flambeau_tensor::simd! {
//!     /// Adds `b` to `a`.
//!     pub fn add(a: &mut [f32], b: &[f32]) {
//!         for (a, b) in a.iter_mut().zip(b) {
//!             *a += *b;
//!         }
//!     }
//! }
//! ```
//!
//! `f32::mul_add` is one instruction at the levels above [`Isa::Baseline`] on x86-64 but a slow library call at the
//! baseline: write such a kernel as a [`Kernel`] and use [`fma32`] and [`fma64`] in it.

use std::sync::atomic::{AtomicU8, Ordering};

/// A level of vector instructions, ordered by strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    /// What every processor of the target has: SSE2, NEON, whatever wasm was compiled with.
    Baseline = 1,
    /// AVX2, FMA and F16C.
    Avx2 = 2,
    /// AVX-512 F, BW, DQ, VL, CD, over AVX2.
    Avx512 = 3,
}

static DETECTED: AtomicU8 = AtomicU8::new(0);

/// The level this process uses: the best the processor has, or a lower one named by the environment variable
/// `FLAMBEAU_ISA` (`baseline`, `avx2`, `avx512`), read once.
#[inline]
pub fn isa() -> Isa {
    match DETECTED.load(Ordering::Relaxed) {
        1 => Isa::Baseline,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => detect(),
    }
}

#[cold]
fn detect() -> Isa {
    let limit = match std::env::var("FLAMBEAU_ISA").as_deref() {
        Ok("baseline") => Isa::Baseline,
        Ok("avx2") => Isa::Avx2,
        _ => Isa::Avx512,
    };
    let found = best().min(limit);
    DETECTED.store(found as u8, Ordering::Relaxed);
    found
}

#[cfg(target_arch = "x86_64")]
fn best() -> Isa {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx512, avx2) {
        (true, _) => Isa::Avx512,
        (_, true) => Isa::Avx2,
        _ => Isa::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn best() -> Isa {
    Isa::Baseline
}

/// Runs `body` compiled for the level of this process, or for AVX2 where that is lower: such loops wait for memory, and
/// a third copy of each would cost half a megabyte. Kernels that compute a lot go through [`dispatch`]. Pass a closure marked `#[inline(always)]`, or its loops stay
/// at the baseline:
///
/// ```
/// let mut v = [1.0f32; 100];
/// flambeau_tensor::simd::vectorize(#[inline(always)] || v.iter_mut().for_each(|x| *x *= 2.0));
/// assert_eq!(v, [2.0; 100]);
/// ```
#[inline]
pub fn vectorize<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names a level only if the processor has all its features.
        Isa::Avx512 | Isa::Avx2 => return unsafe { vectorize_avx2(body) },
        Isa::Baseline => {}
    }
    body()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn vectorize_avx512<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn vectorize_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Defines a function whose body is compiled for every [`Isa`](crate::simd::Isa) and which calls the copy for this
/// processor. Type parameters take plain trait bounds (`<T: Copy, U: Number>`); what the body calls must be
/// `#[inline(always)]` to be compiled along.
#[macro_export]
macro_rules! simd {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$($g:ident $(: $b:path)?),* $(,)?>)?
        ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name $(<$($g $(: $b)?),*>)? ($($arg: $ty),*) $(-> $ret)? {
            $crate::simd::vectorize(#[inline(always)] move || $(-> $ret)? { $body })
        }
    };
}

/// A kernel that knows the level it is compiled for, where [`simd!`](crate::simd) leaves that to the compiler. Mark
/// `run` `#[inline(always)]`.
pub trait Kernel {
    /// What the kernel returns.
    type Output;
    /// The body; `LEVEL` is an [`Isa`] as `u8`.
    fn run<const LEVEL: u8>(self) -> Self::Output;
}

/// Runs the copy of `kernel` for the level of this process.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names a level only if the processor has all its features.
        Isa::Avx512 => {
            return unsafe {
                vectorize_avx512(
                    #[inline(always)]
                    || kernel.run::<{ Isa::Avx512 as u8 }>(),
                )
            };
        }
        // SAFETY: as above.
        Isa::Avx2 => {
            return unsafe {
                vectorize_avx2(
                    #[inline(always)]
                    || kernel.run::<{ Isa::Avx2 as u8 }>(),
                )
            };
        }
        Isa::Baseline => {}
    }
    kernel.run::<{ Isa::Baseline as u8 }>()
}

/// `a * b + c` in a [`Kernel`]: rounded once where `LEVEL` (or the target) has the instruction, a product and a sum
/// elsewhere, because the library call that `mul_add` becomes there is far slower than anything it is used in.
#[inline(always)]
pub fn fma32<const LEVEL: u8>(a: f32, b: f32, c: f32) -> f32 {
    if LEVEL > Isa::Baseline as u8 || cfg!(target_arch = "aarch64") {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// [`fma32`] for `f64`.
#[inline(always)]
pub fn fma64<const LEVEL: u8>(a: f64, b: f64, c: f64) -> f64 {
    if LEVEL > Isa::Baseline as u8 || cfg!(target_arch = "aarch64") {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::simd! {
        fn axpy<T: Copy, F: Fn(T, T) -> T>(a: &[T], b: &mut [T], f: F) -> usize {
            for (a, b) in a.iter().zip(b.iter_mut()) {
                *b = f(*a, *b);
            }
            b.len()
        }
    }

    #[test]
    fn every_level_gives_the_loop() {
        assert!(isa() >= Isa::Baseline && isa() == isa());
        let a: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let mut b = a.clone();
        assert_eq!(axpy(&a, &mut b, |x, y| 2.0 * x + y), 100);
        assert!(b.iter().enumerate().all(|(i, v)| *v == 3.0 * i as f32));
    }
}
