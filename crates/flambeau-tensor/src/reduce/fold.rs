//! What reductions do to elements: the [`Fold`] trait, its erased form, and the folds themselves.

use std::marker::PhantomData;

use num_complex::Complex;

use crate::convert::B8;
use crate::dtype::DType;
use crate::reduce::engine::{Numbers, Reducer, Rows};
use crate::simd::vectorize;

/// How elements `T` are folded into an accumulator.
pub trait Fold {
    type T: Copy;
    type A: Copy;
    type O: Copy;
    const INPUT: DType;
    const OUTPUT: DType;
    fn init(p: &Numbers) -> Self::A;
    fn step(acc: &mut Self::A, x: Self::T, index: i64, p: &Numbers);
    fn merge(acc: &mut Self::A, other: &Self::A, p: &Numbers);
    fn finish(acc: &Self::A, count: i64, p: &Numbers) -> Self::O;

    /// Folds a run; by default in independent lanes that vectorise.
    #[inline(always)]
    fn run(x: &[Self::T], index: i64, acc: &mut Self::A, p: &Numbers) {
        if size_of::<Self::A>() <= 8 && x.len() >= 512 {
            // So many lanes stay a loop over memory, which gets the widest vectors.
            run_lanes::<Self, 128>(x, index, acc, p)
        } else if size_of::<Self::A>() <= 8 {
            run_lanes::<Self, 32>(x, index, acc, p)
        } else {
            run_lanes::<Self, 8>(x, index, acc, p)
        }
    }
}

#[inline(always)]
fn run_lanes<F: Fold + ?Sized, const L: usize>(x: &[F::T], index: i64, acc: &mut F::A, p: &Numbers) {
    let (blocks, tail) = x.as_chunks::<L>();
    let mut at = index;
    if !blocks.is_empty() {
        let mut lanes = [F::init(p); L];
        for block in blocks {
            for l in 0..L {
                F::step(&mut lanes[l], block[l], at + l as i64, p);
            }
            at += L as i64;
        }
        let mut width = L / 2;
        while width > 0 {
            for l in 0..width {
                let other = lanes[l + width];
                F::merge(&mut lanes[l], &other, p);
            }
            width /= 2;
        }
        F::merge(acc, &lanes[0], p);
    }
    for (k, v) in tail.iter().enumerate() {
        F::step(acc, *v, at + k as i64, p);
    }
}

unsafe fn init<F: Fold>(acc: *mut u8, n: usize, p: &Numbers) {
    // SAFETY: see `Reducer`.
    unsafe {
        for i in 0..n {
            acc.cast::<F::A>().add(i).write(F::init(p));
        }
    }
}

unsafe fn run<F: Fold>(x: *const u8, n: usize, index: i64, acc: *mut u8, p: &Numbers) {
    // SAFETY: see `Reducer`.
    let (x, acc) = unsafe {
        (
            std::slice::from_raw_parts(x.cast::<F::T>(), n),
            &mut *acc.cast::<F::A>(),
        )
    };
    if n < 8 {
        x.iter()
            .enumerate()
            .for_each(|(k, v)| F::step(acc, *v, index + k as i64, p));
        return;
    }
    vectorize(
        #[inline(always)]
        || F::run(x, index, acc, p),
    )
}

unsafe fn rows<F: Fold>(x: *const u8, n: usize, rows: Rows, acc: *mut u8, p: &Numbers) {
    // SAFETY: see `Reducer`.
    let acc = unsafe { std::slice::from_raw_parts_mut(acc.cast::<F::A>(), n) };
    vectorize(
        #[inline(always)]
        || {
            for k in 0..rows.count {
                let row = x.wrapping_offset(rows.step * k as isize).cast::<F::T>();
                // SAFETY: each row holds `n` elements.
                let row = unsafe { std::slice::from_raw_parts(row, n) };
                fold_row::<F>(row, rows.index + k as i64, acc, p);
            }
        },
    )
}

#[inline(always)]
fn fold_row<F: Fold>(x: &[F::T], index: i64, acc: &mut [F::A], p: &Numbers) {
    for (a, v) in acc.iter_mut().zip(x) {
        F::step(a, *v, index, p);
    }
}

unsafe fn merge<F: Fold>(acc: *mut u8, other: *const u8, n: usize, p: &Numbers) {
    // SAFETY: see `Reducer`.
    let (acc, other) = unsafe {
        (
            std::slice::from_raw_parts_mut(acc.cast::<F::A>(), n),
            std::slice::from_raw_parts(other.cast::<F::A>(), n),
        )
    };
    for (a, o) in acc.iter_mut().zip(other) {
        F::merge(a, o, p);
    }
}

unsafe fn finish<F: Fold>(acc: *const u8, out: *mut u8, n: usize, count: i64, p: &Numbers) {
    // SAFETY: see `Reducer`.
    let (acc, out) = unsafe {
        (
            std::slice::from_raw_parts(acc.cast::<F::A>(), n),
            std::slice::from_raw_parts_mut(out.cast::<F::O>(), n),
        )
    };
    for (o, a) in out.iter_mut().zip(acc) {
        *o = F::finish(a, count, p);
    }
}

/// The erased form of a fold.
pub const fn reducer<F: Fold>() -> Reducer {
    assert!(size_of::<F::A>() <= 32 && align_of::<F::A>() <= 16);
    Reducer {
        input: F::INPUT,
        output: F::OUTPUT,
        size: size_of::<F::A>(),
        init: init::<F>,
        run: run::<F>,
        rows: rows::<F>,
        merge: merge::<F>,
        finish: finish::<F>,
    }
}

/// Types that folds compute in, with their wide accumulators.
pub trait Number: Copy + PartialEq {
    type Wide: Copy + std::ops::Add<Output = Self::Wide> + std::ops::Mul<Output = Self::Wide>;
    const DTYPE: DType;
    const ZERO: Self::Wide;
    const ONE: Self::Wide;
    fn wide(self) -> Self::Wide;
    fn narrow(w: Self::Wide) -> Self;
    fn is_nan(self) -> bool;
    fn divide(w: Self::Wide, n: f64) -> Self::Wide;
    fn plus(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn times(a: Self::Wide, b: Self::Wide) -> Self::Wide;
}

macro_rules! number {
    ($($t:ty, $w:ty, $d:ident, $zero:expr, $one:expr, |$x:ident| $wide:expr, |$y:ident| $narrow:expr, $nan:expr, |$v:ident, $n:ident| $div:expr;)*) => {$(
        impl Number for $t {
            type Wide = $w;
            const DTYPE: DType = DType::$d;
            const ZERO: $w = $zero;
            const ONE: $w = $one;
            #[inline(always)]
            fn wide(self) -> $w { let $x = self; $wide }
            #[inline(always)]
            fn narrow($y: $w) -> $t { $narrow }
            #[inline(always)]
            fn is_nan(self) -> bool { let $x = self; let _ = $x; $nan }
            #[inline(always)]
            fn divide($v: $w, $n: f64) -> $w { $div }
            #[inline(always)]
            fn plus(a: $w, b: $w) -> $w { Plus(a).plus(b) }
            #[inline(always)]
            fn times(a: $w, b: $w) -> $w { Plus(a).times(b) }
        }
    )*};
}

/// Sums and products that wrap for integers.
struct Plus<T>(T);
impl Plus<i64> {
    #[inline(always)]
    fn plus(self, b: i64) -> i64 {
        self.0.wrapping_add(b)
    }
    #[inline(always)]
    fn times(self, b: i64) -> i64 {
        self.0.wrapping_mul(b)
    }
}
macro_rules! plus {
    ($($t:ty),*) => {$(
        impl Plus<$t> {
            #[inline(always)]
            fn plus(self, b: $t) -> $t { self.0 + b }
            #[inline(always)]
            fn times(self, b: $t) -> $t { self.0 * b }
        }
    )*};
}
plus!(f64, Complex<f64>);

const C0: Complex<f64> = Complex { re: 0.0, im: 0.0 };
const C1: Complex<f64> = Complex { re: 1.0, im: 0.0 };
number! {
    f32, f64, Float, 0.0, 1.0, |x| x as f64, |y| y as f32, x.is_nan(), |v, n| v / n;
    f64, f64, Double, 0.0, 1.0, |x| x, |y| y, x.is_nan(), |v, n| v / n;
    i64, i64, Long, 0, 1, |x| x, |y| y, false, |v, n| (v as f64 / n) as i64;
    Complex<f32>, Complex<f64>, ComplexFloat, C0, C1, |x| Complex::new(x.re as f64, x.im as f64),
        |y| Complex::new(y.re as f32, y.im as f32), x.is_nan(), |v, n| v / n;
    Complex<f64>, Complex<f64>, ComplexDouble, C0, C1, |x| x, |y| y, x.is_nan(), |v, n| v / n;
}

/// Folds that add or multiply: result = finish(wide accumulator).
macro_rules! wide_fold {
    ($($(#[$m:meta])* $name:ident: $zero:ident, |$a:ident, $x:ident| $step:expr, $join:ident, |$w:ident, $count:ident| $fin:expr;)*) => {$(
        $(#[$m])*
        pub struct $name<T>(PhantomData<T>);
        impl<T: Number> Fold for $name<T> {
            type T = T;
            type A = T::Wide;
            type O = T;
            const INPUT: DType = T::DTYPE;
            const OUTPUT: DType = T::DTYPE;
            #[inline(always)]
            fn init(_: &Numbers) -> T::Wide { T::$zero }
            #[inline(always)]
            fn step($a: &mut T::Wide, $x: T, _: i64, _: &Numbers) { *$a = $step; }
            #[inline(always)]
            fn merge(a: &mut T::Wide, b: &T::Wide, _: &Numbers) { *a = T::$join(*a, *b); }
            #[inline(always)]
            fn finish($w: &T::Wide, $count: i64, _: &Numbers) -> T { let _ = $count; T::narrow($fin) }
        }
    )*};
}
wide_fold! {
    Sum: ZERO, |a, x| T::plus(*a, x.wide()), plus, |w, count| *w;
    Mean: ZERO, |a, x| T::plus(*a, x.wide()), plus, |w, count| T::divide(*w, count as f64);
    Prod: ONE, |a, x| T::times(*a, x.wide()), times, |w, count| *w;
    /// NaN counts as nothing.
    NanSum: ZERO, |a, x| if x.is_nan() { *a } else { T::plus(*a, x.wide()) }, plus, |w, count| *w;
}

/// Ordered types.
pub trait Ordered: Copy + PartialOrd {
    const DTYPE: DType;
    const LOW: Self;
    const HIGH: Self;
    fn nan(self) -> bool;
}
macro_rules! ordered {
    ($($t:ty, $d:ident, $low:expr, $high:expr, |$x:ident| $nan:expr;)*) => {$(
        impl Ordered for $t {
            const DTYPE: DType = DType::$d;
            const LOW: $t = $low;
            const HIGH: $t = $high;
            #[inline(always)]
            fn nan(self) -> bool { let $x = self; let _ = $x; $nan }
        }
    )*};
}
ordered! {
    f32, Float, f32::NEG_INFINITY, f32::INFINITY, |x| x.is_nan();
    f64, Double, f64::NEG_INFINITY, f64::INFINITY, |x| x.is_nan();
    i64, Long, i64::MIN, i64::MAX, |x| false;
}

/// The first place where `f` holds; whole blocks are tested at once.
#[inline(always)]
fn place_of<T: Copy>(x: &[T], f: impl Fn(T) -> bool) -> Option<usize> {
    let (blocks, tail) = x.as_chunks::<64>();
    for (k, block) in blocks.iter().enumerate() {
        if block.iter().fold(false, |a, v| a | f(*v)) {
            return block.iter().position(|v| f(*v)).map(|i| k * 64 + i);
        }
    }
    tail.iter().position(|v| f(*v)).map(|i| blocks.len() * 64 + i)
}

/// Extreme value; NaN wins.
macro_rules! extreme {
    ($name:ident, $arg:ident, $start:ident, $op:tt) => {
        pub struct $name<T>(PhantomData<T>);
        impl<T: Ordered> Fold for $name<T> {
            type T = T;
            type A = T;
            type O = T;
            const INPUT: DType = T::DTYPE;
            const OUTPUT: DType = T::DTYPE;
            #[inline(always)]
            fn init(_: &Numbers) -> T { T::$start }
            #[inline(always)]
            fn step(a: &mut T, x: T, _: i64, _: &Numbers) {
                *a = if a.nan() | (*a $op x) { *a } else { x };
            }
            #[inline(always)]
            fn merge(a: &mut T, b: &T, p: &Numbers) { Self::step(a, *b, 0, p) }
            #[inline(always)]
            fn finish(a: &T, _: i64, _: &Numbers) -> T { *a }
        }

        /// Position of the first extreme value; NaN wins.
        pub struct $arg<T>(PhantomData<T>);
        impl<T: Ordered> Fold for $arg<T> {
            type T = T;
            type A = (T, i64);
            type O = i64;
            const INPUT: DType = T::DTYPE;
            const OUTPUT: DType = DType::Long;
            #[inline(always)]
            fn init(_: &Numbers) -> (T, i64) { (T::$start, i64::MAX) }
            #[inline(always)]
            fn step(a: &mut (T, i64), x: T, index: i64, _: &Numbers) {
                let better = if a.0.nan() { false } else { x.nan() || x $op a.0 };
                if better || a.1 == i64::MAX { *a = (x, index); }
            }
            #[inline(always)]
            fn merge(a: &mut (T, i64), b: &(T, i64), p: &Numbers) {
                if b.1 != i64::MAX { Self::step(a, b.0, b.1, p) }
            }
            #[inline(always)]
            fn finish(a: &(T, i64), _: i64, _: &Numbers) -> i64 { if a.1 == i64::MAX { 0 } else { a.1 } }
            /// The extreme value first, its place after.
            #[inline(always)]
            fn run(x: &[T], index: i64, acc: &mut (T, i64), p: &Numbers) {
                let mut best = T::$start;
                $name::<T>::run(x, 0, &mut best, p);
                if acc.1 != i64::MAX && (acc.0.nan() || !(best.nan() || best $op acc.0)) {
                    return;
                }
                let place = if best.nan() { place_of(x, |v| v.nan()) } else { place_of(x, |v| v == best) };
                if let Some(i) = place { *acc = (best, index + i as i64); }
            }
        }
    };
}
extreme!(Max, ArgMax, LOW, >);
extreme!(Min, ArgMin, HIGH, <);

/// Folds over bytes that are zero or not.
macro_rules! truth {
    ($name:ident, $a:ty, $o:ty, $out:ident, $start:expr, |$acc:ident, $x:ident| $step:expr, |$l:ident, $r:ident| $merge:expr, |$f:ident| $fin:expr) => {
        pub struct $name;
        impl Fold for $name {
            type T = B8;
            type A = $a;
            type O = $o;
            const INPUT: DType = DType::Bool;
            const OUTPUT: DType = DType::$out;
            #[inline(always)]
            fn init(_: &Numbers) -> $a {
                $start
            }
            #[inline(always)]
            fn step($acc: &mut $a, $x: B8, _: i64, _: &Numbers) {
                *$acc = $step;
            }
            #[inline(always)]
            fn merge($l: &mut $a, $r: &$a, _: &Numbers) {
                *$l = $merge;
            }
            #[inline(always)]
            fn finish($f: &$a, _: i64, _: &Numbers) -> $o {
                $fin
            }
        }
    };
}
truth!(Any, u8, B8, Bool, 0, |a, x| *a | x.0, |l, r| *l | *r, |f| B8(
    (*f != 0) as u8
));
truth!(
    All,
    u8,
    B8,
    Bool,
    1,
    |a, x| *a & (x.0 != 0) as u8,
    |l, r| *l & *r,
    |f| B8(*f)
);
truth!(
    Count,
    i64,
    i64,
    Long,
    0,
    |a, x| *a + (x.0 != 0) as i64,
    |l, r| *l + *r,
    |f| *f
);

/// Real types of norms.
pub trait Float: Number<Wide = f64> {}
impl Float for f32 {}
impl Float for f64 {}

macro_rules! norm {
    ($($(#[$m:meta])* $name:ident: $start:expr, |$a:ident, $x:ident, $p:ident| $step:expr, |$l:ident, $r:ident| $merge:expr, |$f:ident, $q:ident| $fin:expr;)*) => {$(
        $(#[$m])*
        pub struct $name<T>(PhantomData<T>);
        impl<T: Float> Fold for $name<T> {
            type T = T;
            type A = f64;
            type O = T;
            const INPUT: DType = T::DTYPE;
            const OUTPUT: DType = T::DTYPE;
            #[inline(always)]
            fn init(_: &Numbers) -> f64 { $start }
            #[inline(always)]
            fn step($a: &mut f64, x: T, _: i64, $p: &Numbers) { let _ = $p; let $x = x.wide(); *$a = $step; }
            #[inline(always)]
            fn merge($l: &mut f64, $r: &f64, _: &Numbers) { *$l = $merge; }
            #[inline(always)]
            fn finish($f: &f64, _: i64, $q: &Numbers) -> T { let _ = $q; T::narrow($fin) }
        }
    )*};
}
norm! {
    /// how many are not zero
    Norm0: 0.0, |a, x, p| *a + ((x != 0.0) as u8 as f64), |l, r| *l + *r, |f, p| *f;
    Norm1: 0.0, |a, x, p| *a + x.abs(), |l, r| *l + *r, |f, p| *f;
    Norm2: 0.0, |a, x, p| *a + x * x, |l, r| *l + *r, |f, p| f.sqrt();
    NormInf: 0.0, |a, x, p| if a.is_nan() || *a > x.abs() { *a } else { x.abs() },
        |l, r| if l.is_nan() || *l > *r { *l } else { *r }, |f, p| *f;
    NormNegInf: f64::INFINITY, |a, x, p| if a.is_nan() || *a < x.abs() { *a } else { x.abs() },
        |l, r| if l.is_nan() || *l < *r { *l } else { *r }, |f, p| *f;
    /// exponent `f[0]`
    NormP: 0.0, |a, x, p| *a + x.abs().powf(p.f[0]), |l, r| *l + *r, |f, p| f.powf(1.0 / p.f[0]);
}

/// Running mean and squared deviations (Welford), joined by Chan's rule. `f[0]` is the correction.
#[derive(Clone, Copy)]
pub struct Moments {
    mean: f64,
    m2: f64,
    n: f64,
}

pub struct Var<T>(PhantomData<T>);
impl<T: Float> Fold for Var<T> {
    type T = T;
    type A = Moments;
    type O = T;
    const INPUT: DType = T::DTYPE;
    const OUTPUT: DType = T::DTYPE;
    #[inline(always)]
    fn init(_: &Numbers) -> Moments {
        Moments {
            mean: 0.0,
            m2: 0.0,
            n: 0.0,
        }
    }
    #[inline(always)]
    fn step(a: &mut Moments, x: T, _: i64, _: &Numbers) {
        let x = x.wide();
        a.n += 1.0;
        let d = x - a.mean;
        a.mean += d / a.n;
        a.m2 += d * (x - a.mean);
    }
    #[inline(always)]
    fn merge(a: &mut Moments, b: &Moments, _: &Numbers) {
        if b.n == 0.0 {
            return;
        }
        let n = a.n + b.n;
        let d = b.mean - a.mean;
        a.mean += d * (b.n / n);
        a.m2 += b.m2 + d * d * (a.n * b.n / n);
        a.n = n;
    }
    #[inline(always)]
    fn finish(a: &Moments, count: i64, p: &Numbers) -> T {
        let divisor = (count as f64 - p.f[0]).max(0.0);
        T::narrow(a.m2 / divisor)
    }
    /// Two passes over short blocks, which stay in the cache.
    #[inline(always)]
    fn run(x: &[T], _: i64, acc: &mut Moments, p: &Numbers) {
        for block in x.chunks(1024) {
            let n = block.len() as f64;
            let mut sum = 0.0;
            Sum::<T>::run(block, 0, &mut sum, p);
            let mean = sum / n;
            let (eights, tail) = block.as_chunks::<8>();
            let mut lanes = [0.0f64; 8];
            for e in eights {
                for l in 0..8 {
                    let d = e[l].wide() - mean;
                    lanes[l] += d * d;
                }
            }
            let mut m2: f64 = lanes.iter().sum();
            for v in tail {
                let d = v.wide() - mean;
                m2 += d * d;
            }
            Self::merge(acc, &Moments { mean, m2, n }, p);
        }
    }
}
