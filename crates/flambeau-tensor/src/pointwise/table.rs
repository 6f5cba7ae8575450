//! Kernels of pointwise operators: for each operator a [`Table`] with one loop for each dtype it computes in, written
//! as one expression per class of dtypes and compiled for every vector level.
//!
//! ```ignore
//! table! {
//!     ADD = "add", Same {
//!         float |c, a, b| a + b;
//!         int |c, a, b| a.wrapping_add(b);
//!     }
//! }
//! ```
//!
//! In the expression `T` is the Rust type, `M` how a multiply-add is done (see [`crate::math::Madd`]), and `c` the
//! [`Context`] with the call's numbers. `Same`, `Bool` and `Part` say what comes out.

use std::sync::atomic::Ordering::Relaxed;

use num_complex::Complex;

use crate::convert::B8;
use crate::dtype::DType;
use crate::math::{Fused, Madd, Separate};
use crate::pointwise::engine::{Half, Kernel, Params};
#[cfg(target_arch = "x86_64")]
use crate::simd::Isa;
use crate::simd::isa;

/// What a kernel's results are, given the dtype it computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Same,
    Bool,
    /// the real type of a complex one; others unchanged
    Part,
}

/// The kernels of one operator.
pub struct Table {
    /// the name in "not implemented for" messages
    pub name: &'static str,
    pub gives: Gives,
    /// by code of the dtype computed in
    pub kernels: [Option<Kernel>; 16],
}

impl Table {
    pub fn out_compute(&self, compute: DType) -> DType {
        match self.gives {
            Gives::Same => compute,
            Gives::Bool => DType::Bool,
            Gives::Part => compute.to_real(),
        }
    }
}

/// The numbers of a call, by value so that loops keep them in registers.
pub struct Context {
    pub f: [f64; 4],
    pub i: [i64; 2],
    pub half: Half,
    pub fault: bool,
}

impl Context {
    /// A step of a computation, rounded if the elements are of a half type and PyTorch computes the step in it.
    #[inline(always)]
    pub fn step<T: Step>(&self, x: T) -> T {
        x.rounded(self.half)
    }

    /// A step that only one of the half types rounds.
    #[inline(always)]
    pub fn step_of<T: Step>(&self, half: Half, x: T) -> T {
        if self.half == half { x.rounded(half) } else { x }
    }
}

/// A type whose values can be rounded to a half type.
pub trait Step: Copy {
    fn rounded(self, half: Half) -> Self;
}

impl Step for f32 {
    #[inline(always)]
    fn rounded(self, half: Half) -> f32 {
        match half {
            Half::None => self,
            Half::F16 => crate::f16::from_f32(self).to_f32(),
            Half::BF16 => crate::bf16::from_f32(self).to_f32(),
        }
    }
}

impl Step for f64 {
    #[inline(always)]
    fn rounded(self, _: Half) -> f64 {
        self
    }
}

/// One loop over contiguous operands.
pub trait Tile {
    /// # Safety
    /// See [`Kernel`].
    unsafe fn run<M: Madd>(ins: *const *const u8, out: *mut u8, n: usize, c: &mut Context);
}

/// Runs the copy of a tile for this processor.
///
/// # Safety
/// See [`Kernel`].
pub unsafe fn entry<K: Tile>(ins: *const *const u8, out: *mut u8, n: usize, params: &Params) {
    let mut c = Context {
        f: params.f,
        i: params.i,
        half: params.half,
        fault: false,
    };
    // SAFETY: by the contract; `isa` names a level only if the processor has all its features.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::<K>(ins, out, n, &mut c),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::<K>(ins, out, n, &mut c),
            _ if cfg!(target_arch = "aarch64") => K::run::<Fused>(ins, out, n, &mut c),
            _ => K::run::<Separate>(ins, out, n, &mut c),
        }
    }
    if c.fault {
        params.fault.store(true, Relaxed);
    }
}

/// Runs the copy of a tile for this processor, of those up to AVX2: for dtypes that are too rare for a third copy.
///
/// # Safety
/// See [`Kernel`].
pub unsafe fn entry_narrow<K: Tile>(ins: *const *const u8, out: *mut u8, n: usize, params: &Params) {
    let mut c = Context {
        f: params.f,
        i: params.i,
        half: params.half,
        fault: false,
    };
    // SAFETY: by the contract; `isa` names a level only if the processor has all its features.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx2 => avx2::<K>(ins, out, n, &mut c),
            _ if cfg!(target_arch = "aarch64") => K::run::<Fused>(ins, out, n, &mut c),
            _ => K::run::<Separate>(ins, out, n, &mut c),
        }
    }
    if c.fault {
        params.fault.store(true, Relaxed);
    }
}

/// Runs a tile that gains nothing from vectors, to keep the number of compiled copies down.
///
/// # Safety
/// See [`Kernel`].
pub unsafe fn entry_plain<K: Tile>(ins: *const *const u8, out: *mut u8, n: usize, params: &Params) {
    let mut c = Context {
        f: params.f,
        i: params.i,
        half: params.half,
        fault: false,
    };
    // SAFETY: by the contract.
    unsafe { K::run::<Separate>(ins, out, n, &mut c) }
    if c.fault {
        params.fault.store(true, Relaxed);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn avx512<K: Tile>(ins: *const *const u8, out: *mut u8, n: usize, c: &mut Context) {
    // SAFETY: by the contract.
    unsafe { K::run::<Fused>(ins, out, n, c) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn avx2<K: Tile>(ins: *const *const u8, out: *mut u8, n: usize, c: &mut Context) {
    // SAFETY: by the contract.
    unsafe { K::run::<Fused>(ins, out, n, c) }
}

/// Maps a compute type to the type of results; implemented by the markers `Same`, `Bool` and `Part`.
pub trait OutOf<T> {
    type O;
}
pub struct Same;
pub struct Bool;
pub struct Part;
impl<T> OutOf<T> for Same {
    type O = T;
}
impl<T> OutOf<T> for Bool {
    type O = B8;
}
macro_rules! part {
    ($($t:ty => $o:ty),*) => { $(impl OutOf<$t> for Part { type O = $o; })* };
}
part!(f32 => f32, f64 => f64, Complex<f32> => f32, Complex<f64> => f64);

/// See the module.
macro_rules! table {
    ($($(#[$m:meta])* $name:ident = $label:literal, $gives:ident {
        $($class:ident |$c:ident, $($a:ident),+| $body:expr;)*
    })*) => {$(
        $(#[$m])*
        pub static $name: $crate::pointwise::table::Table = {
            #[allow(unused_mut)]
            let mut k: [Option<$crate::pointwise::engine::Kernel>; 16] = [None; 16];
            $($crate::pointwise::table::table_class!($class k $gives entry |$c, $($a),+| $body);)*
            $crate::pointwise::table::Table {
                name: $label,
                gives: $crate::pointwise::table::Gives::$gives,
                kernels: k,
            }
        };
    )*};
}

macro_rules! table_class {
    (float $($r:tt)*) => {
        $crate::pointwise::table::table_class!(f32 $($r)*);
        $crate::pointwise::table::table_class!(f64 $($r)*);
    };
    // Integers and complex numbers do without the widest registers.
    (int $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(int $k $g entry_narrow $($r)*);
    };
    (int $($r:tt)*) => {
        $crate::pointwise::table::table_class!(u8 $($r)*);
        $crate::pointwise::table::table_class!(signed $($r)*);
    };
    (signed $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(signed $k $g entry_narrow $($r)*);
    };
    (signed $($r:tt)*) => {
        $crate::pointwise::table::table_class!(i8 $($r)*);
        $crate::pointwise::table::table_class!(i16 $($r)*);
        $crate::pointwise::table::table_class!(i32 $($r)*);
        $crate::pointwise::table::table_class!(i64 $($r)*);
    };
    (complex $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(complex $k $g entry_narrow $($r)*);
    };
    (complex $($r:tt)*) => {
        $crate::pointwise::table::table_class!(c32 $($r)*);
        $crate::pointwise::table::table_class!(c64 $($r)*);
    };
    // the same without vector copies
    (slow_float $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(f32 $k $g entry_plain $($r)*);
        $crate::pointwise::table::table_class!(f64 $k $g entry_plain $($r)*);
    };
    (slow_f32 $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(f32 $k $g entry_plain $($r)*);
    };
    (slow_f64 $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(f64 $k $g entry_plain $($r)*);
    };
    (slow_int $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(int $k $g entry_plain $($r)*);
    };
    (slow_complex $k:ident $g:ident entry $($r:tt)*) => {
        $crate::pointwise::table::table_class!(complex $k $g entry_plain $($r)*);
    };
    (bool $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Bool ($crate::convert::B8) $($r)*); };
    (u8 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Byte (u8) $($r)*); };
    (i8 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Char (i8) $($r)*); };
    (i16 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Short (i16) $($r)*); };
    (i32 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Int (i32) $($r)*); };
    (i64 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Long (i64) $($r)*); };
    (f32 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Float (f32) $($r)*); };
    (f64 $($r:tt)*) => { $crate::pointwise::table::table_class!(@one Double (f64) $($r)*); };
    (c32 $($r:tt)*) => {
        $crate::pointwise::table::table_class!(@one ComplexFloat ($crate::Complex<f32>) $($r)*);
    };
    (c64 $($r:tt)*) => {
        $crate::pointwise::table::table_class!(@one ComplexDouble ($crate::Complex<f64>) $($r)*);
    };
    (@one $d:ident ($t:ty) $k:ident $gives:ident $entry:ident |$c:ident, $($a:ident),+| $body:expr) => {{
        #[allow(dead_code)]
        type T = $t;
        type O = <$crate::pointwise::table::$gives as $crate::pointwise::table::OutOf<T>>::O;
        struct K;
        #[inline(always)]
        #[allow(unused_variables, clippy::needless_range_loop, clippy::redundant_locals)]
        fn body<M: $crate::math::Madd>(
            n: usize,
            $($a: &[T],)+
            out: &mut [O],
            $c: &mut $crate::pointwise::table::Context,
        ) {
            $(let $a = &$a[..n];)+
            let out = &mut out[..n];
            for at in 0..n {
                $(let $a = $a[at];)+
                out[at] = $body;
            }
        }
        impl $crate::pointwise::table::Tile for K {
            #[inline(always)]
            #[allow(unused_assignments)]
            unsafe fn run<M: $crate::math::Madd>(
                ins: *const *const u8,
                out: *mut u8,
                n: usize,
                c: &mut $crate::pointwise::table::Context,
            ) {
                // SAFETY: by the contract of `Kernel`: `n` elements each, the output apart from the inputs.
                unsafe {
                    let mut operand = 0;
                    $(
                        let $a = std::slice::from_raw_parts((*ins.add(operand)).cast::<T>(), n);
                        operand += 1;
                    )+
                    body::<M>(n, $($a,)+ std::slice::from_raw_parts_mut(out.cast::<O>(), n), c);
                }
            }
        }
        $k[$crate::DType::$d as usize] = Some($crate::pointwise::table::$entry::<K>);
    }};
}

pub(crate) use {table, table_class};
