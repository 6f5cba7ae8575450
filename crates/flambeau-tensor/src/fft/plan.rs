//! Transforms of one length, planned by `flambeau-fft` and kept for the lengths used last.
//!
//! Nothing is normalised here.

use crate::{Complex, Element, Result, ensure};
use flambeau_fft::{self as fft, ComplexToReal, Fft, FftNum, RealToComplex};
use std::sync::{Arc, Mutex};

/// f32 or f64: the parts of complex elements.
pub(super) trait Part: FftNum + Element + Default
where
    Complex<Self>: Element,
{
    fn of(x: f64) -> Self;
    /// `exp(-2 pi i jk/n)`, in place.
    fn forward(n: usize) -> Result<Arc<dyn Fft<Self>>>;
    /// `exp(+2 pi i jk/n)`, in place.
    fn inverse(n: usize) -> Result<Arc<dyn Fft<Self>>>;
    /// `n` real points to `n / 2 + 1` complex ones.
    fn to_complex(n: usize) -> Result<Arc<dyn RealToComplex<Self>>>;
    /// `n / 2 + 1` complex points to `n` real ones.
    fn to_real(n: usize) -> Result<Arc<dyn ComplexToReal<Self>>>;
}

/// The plans used last. The planners of the libraries keep every length they have seen, which a host that
/// transforms recordings of all lengths would notice as a leak; a model uses a handful of them.
struct Recent<P: ?Sized>(Mutex<Vec<(usize, Arc<P>)>>);

const KEPT: usize = 16;

impl<P: ?Sized> Recent<P> {
    const fn new() -> Self {
        Recent(Mutex::new(Vec::new()))
    }

    fn get(&self, n: usize, plan: impl FnOnce() -> Arc<P>) -> Result<Arc<P>> {
        ensure!(
            n as u64 <= 1 << 40,
            "a Fourier transform of {n} points is too long"
        );
        let lock = || self.0.lock().unwrap_or_else(|e| e.into_inner());
        let mut plans = lock();
        if let Some(at) = plans.iter().position(|(length, _)| *length == n) {
            plans[at..].rotate_left(1);
            return Ok(plans[plans.len() - 1].1.clone());
        }
        // Long plans take a while; nobody waits for them who needs another length.
        drop(plans);
        let made = plan();
        plans = lock();
        if plans.len() >= KEPT {
            plans.remove(0);
        }
        plans.push((n, made.clone()));
        Ok(made)
    }
}

macro_rules! part {
    ($t:ty, $forward:ident, $inverse:ident, $to_complex:ident, $to_real:ident) => {
        impl Part for $t {
            fn of(x: f64) -> $t {
                x as $t
            }

            fn forward(n: usize) -> Result<Arc<dyn Fft<$t>>> {
                static PLANS: Recent<dyn Fft<$t>> = Recent::new();
                PLANS.get(n, || fft::$forward(n))
            }

            fn inverse(n: usize) -> Result<Arc<dyn Fft<$t>>> {
                static PLANS: Recent<dyn Fft<$t>> = Recent::new();
                PLANS.get(n, || fft::$inverse(n))
            }

            fn to_complex(n: usize) -> Result<Arc<dyn RealToComplex<$t>>> {
                static PLANS: Recent<dyn RealToComplex<$t>> = Recent::new();
                PLANS.get(n, || fft::$to_complex(n))
            }

            fn to_real(n: usize) -> Result<Arc<dyn ComplexToReal<$t>>> {
                static PLANS: Recent<dyn ComplexToReal<$t>> = Recent::new();
                PLANS.get(n, || fft::$to_real(n))
            }
        }
    };
}
part!(f32, forward_f32, inverse_f32, to_complex_f32, to_real_f32);
part!(f64, forward_f64, inverse_f64, to_complex_f64, to_real_f64);
