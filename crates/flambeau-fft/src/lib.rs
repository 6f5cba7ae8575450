//! Plans of Fourier transforms by `rustfft` and `realfft`, for `f32` and `f64`.
//!
//! A crate of its own because the libraries are generic: their two megabytes of code are compiled by whoever names the
//! element type, and here they are compiled for size. The transforms' own loops are vector intrinsics and keep their
//! speed.

#![forbid(unsafe_code)]

use std::sync::Arc;

pub use realfft::{ComplexToReal, RealToComplex};
pub use rustfft::{Fft, FftNum};

macro_rules! plans {
    ($t:ty, $forward:ident, $inverse:ident, $to_complex:ident, $to_real:ident) => {
        /// `exp(-2 pi i jk/n)`, in place.
        pub fn $forward(n: usize) -> Arc<dyn Fft<$t>> {
            rustfft::FftPlanner::new().plan_fft_forward(n)
        }

        /// `exp(+2 pi i jk/n)`, in place.
        pub fn $inverse(n: usize) -> Arc<dyn Fft<$t>> {
            rustfft::FftPlanner::new().plan_fft_inverse(n)
        }

        /// `n` real points to `n / 2 + 1` complex ones.
        pub fn $to_complex(n: usize) -> Arc<dyn RealToComplex<$t>> {
            realfft::RealFftPlanner::new().plan_fft_forward(n)
        }

        /// `n / 2 + 1` complex points to `n` real ones.
        pub fn $to_real(n: usize) -> Arc<dyn ComplexToReal<$t>> {
            realfft::RealFftPlanner::new().plan_fft_inverse(n)
        }
    };
}
plans!(f32, forward_f32, inverse_f32, to_complex_f32, to_real_f32);
plans!(f64, forward_f64, inverse_f64, to_complex_f64, to_real_f64);
