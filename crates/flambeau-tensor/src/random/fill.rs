//! Filling a run of elements with random numbers, element types as in PyTorch: which draw (32 or 64 bits) each
//! one takes and where it rounds decides the numbers.
//!
//! Elements are filled in memory order; callers with other layouts fill what their layout visits first.

use super::Generator;
use half::{bf16, f16};

/// A floating-point element type.
pub trait RandomFloat: Copy {
    /// Bits of the significand, implicit one included: the range of `random_()`.
    const DIGITS: u32;
    /// Whether `random_()` takes a 64-bit draw.
    const DOUBLE: bool;
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    /// Uniform in `[from, to)`, rounded where PyTorch rounds: once, its builds contract to fused multiply-adds. What
    /// rounds up to `to` becomes `from`.
    fn uniform(generator: &mut Generator, from: Self, to: Self) -> Self;
    /// The vectorised normal fill of 16 numbers or more.
    fn normal_fill(out: &mut [Self], mean: f64, std: f64, generator: &mut Generator);
}

impl RandomFloat for f64 {
    const DIGITS: u32 = 53;
    const DOUBLE: bool = true;
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn uniform(generator: &mut Generator, from: Self, to: Self) -> Self {
        let x = generator.uniform().mul_add(to - from, from);
        if x == to { from } else { x }
    }
    fn normal_fill(out: &mut [Self], mean: f64, std: f64, generator: &mut Generator) {
        let pairs = |block: &mut [f64]| {
            for j in 0..8 {
                let (u1, u2) = (1.0 - block[j], block[j + 8]);
                let radius = (-2.0 * u1.ln()).sqrt();
                let theta = 2.0 * std::f64::consts::PI * u2;
                block[j] = radius * theta.cos() * std + mean;
                block[j + 8] = radius * theta.sin() * std + mean;
            }
        };
        out.iter_mut().for_each(|x| *x = generator.uniform());
        out.chunks_exact_mut(16).for_each(pairs);
        if out.len() % 16 != 0 {
            let start = out.len() - 16;
            out[start..].iter_mut().for_each(|x| *x = generator.uniform());
            pairs(&mut out[start..]);
        }
    }
}

/// Sixteen uniform numbers into sixteen normal ones, in f32.
fn normal_pairs(block: &mut [f32], mean: f32, std: f32) {
    for j in 0..8 {
        let (u1, u2) = (1.0 - block[j], block[j + 8]);
        let radius = (-2.0 * u1.ln()).sqrt();
        let (sin, cos) = (std::f32::consts::TAU * u2).sin_cos();
        block[j] = (radius * cos).mul_add(std, mean);
        block[j + 8] = (radius * sin).mul_add(std, mean);
    }
}

impl RandomFloat for f32 {
    const DIGITS: u32 = 24;
    const DOUBLE: bool = false;
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        self as f64
    }
    fn uniform(generator: &mut Generator, from: Self, to: Self) -> Self {
        let x = generator.uniform_single().mul_add(to - from, from);
        if x == to { from } else { x }
    }
    fn normal_fill(out: &mut [Self], mean: f64, std: f64, generator: &mut Generator) {
        let (mean, std) = (mean as f32, std as f32);
        out.iter_mut().for_each(|x| *x = generator.uniform_single());
        out.chunks_exact_mut(16)
            .for_each(|block| normal_pairs(block, mean, std));
        if out.len() % 16 != 0 {
            // The last 16 are drawn anew, over what the last whole block left there.
            let start = out.len() - 16;
            out[start..]
                .iter_mut()
                .for_each(|x| *x = generator.uniform_single());
            normal_pairs(&mut out[start..], mean, std);
        }
    }
}

macro_rules! sixteen_bits {
    ($type:ty, $digits:expr) => {
        impl RandomFloat for $type {
            const DIGITS: u32 = $digits;
            const DOUBLE: bool = false;
            fn from_f64(value: f64) -> Self {
                // In two steps, as C++ converts a double to a 16-bit float.
                <$type>::from_f32(value as f32)
            }
            fn to_f64(self) -> f64 {
                self.to_f32() as f64
            }
            fn uniform(generator: &mut Generator, from: Self, to: Self) -> Self {
                let x = generator.uniform_single();
                let width = <$type>::from_f32(to.to_f32() - from.to_f32()).to_f32();
                let x = <$type>::from_f32(x.mul_add(width, from.to_f32()));
                if x == to { from } else { x }
            }
            fn normal_fill(out: &mut [Self], mean: f64, std: f64, generator: &mut Generator) {
                let (mean, std) = (mean as f32, std as f32);
                let mut fill = |block: &mut [Self]| {
                    let mut wide: [f32; 16] = std::array::from_fn(|_| generator.uniform_single());
                    normal_pairs(&mut wide, mean, std);
                    for (x, w) in block.iter_mut().zip(wide) {
                        *x = <$type>::from_f32(w);
                    }
                };
                out.chunks_exact_mut(16).for_each(&mut fill);
                if out.len() % 16 != 0 {
                    let start = out.len() - 16;
                    fill(&mut out[start..]);
                }
            }
        }
    };
}
sixteen_bits!(f16, 11);
sixteen_bits!(bf16, 8);

/// `uniform_(from, to)`.
pub fn uniform<T: RandomFloat>(
    out: &mut [T],
    from: f64,
    to: f64,
    generator: &mut Generator,
) -> Result<(), String> {
    if !(from <= to) {
        return Err(format!(
            "uniform_ expects to return a [from, to) range, but found from={from} > to={to}"
        ));
    }
    if !((to - from) <= f64::MAX) {
        return Err("uniform_ expects to-from <= std::numeric_limits<scalar_t>::max()".into());
    }
    let (from, to) = (T::from_f64(from), T::from_f64(to));
    out.iter_mut().for_each(|x| *x = T::uniform(generator, from, to));
    Ok(())
}

/// `normal_(mean, std)`. Contiguous tensors of 16 elements and more go eight pairs at a time, which gives other
/// numbers than one by one: `contiguous` says which.
pub fn normal<T: RandomFloat>(
    out: &mut [T],
    mean: f64,
    std: f64,
    contiguous: bool,
    generator: &mut Generator,
) -> Result<(), String> {
    if !(std >= 0.0) {
        return Err(format!("normal expects std >= 0.0, but found std {std}"));
    }
    if contiguous && out.len() >= 16 {
        T::normal_fill(out, mean, std, generator);
    } else {
        out.iter_mut()
            .for_each(|x| *x = T::from_f64(generator.normal() * std + mean));
    }
    Ok(())
}

/// Elements that `random_` can fill.
pub trait RandomInteger: Copy {
    /// `random_()` without bounds.
    fn full(generator: &mut Generator) -> Self;
    fn from_i64(value: i64) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl RandomInteger for $type {
            fn full(generator: &mut Generator) -> Self {
                let draw = if size_of::<$type>() == 8 { generator.random64() } else { generator.random() as u64 };
                (draw % (<$type>::MAX as u64 + 1)) as $type
            }
            fn from_i64(value: i64) -> Self {
                value as $type
            }
        }
    )*};
}
integers!(u8, i8, i16, i32, i64);

impl RandomInteger for bool {
    fn full(generator: &mut Generator) -> Self {
        generator.random() & 1 != 0
    }
    fn from_i64(value: i64) -> Self {
        value != 0
    }
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl RandomInteger for $type {
            fn full(generator: &mut Generator) -> Self {
                let draw = if <$type as RandomFloat>::DOUBLE { generator.random64() } else { generator.random() as u64 };
                Self::from_i64((draw % ((1u64 << <$type as RandomFloat>::DIGITS) + 1)) as i64)
            }
            fn from_i64(value: i64) -> Self {
                <$type as IntegerTo>::convert(value)
            }
        }
    )*};
}
floats!(f32, f64, f16, bf16);

/// Conversions as C++ makes them: 16-bit floats by way of f32.
trait IntegerTo {
    fn convert(value: i64) -> Self;
}
impl IntegerTo for f32 {
    fn convert(value: i64) -> Self {
        value as f32
    }
}
impl IntegerTo for f64 {
    fn convert(value: i64) -> Self {
        value as f64
    }
}
impl IntegerTo for f16 {
    fn convert(value: i64) -> Self {
        f16::from_f32(value as f32)
    }
}
impl IntegerTo for bf16 {
    fn convert(value: i64) -> Self {
        bf16::from_f32(value as f32)
    }
}

/// `random_()`: every non-negative value of an integer type, 0 to 2^digits of a float type.
pub fn random<T: RandomInteger>(out: &mut [T], generator: &mut Generator) {
    out.iter_mut().for_each(|x| *x = T::full(generator));
}

/// `random_(from, to)` and `randint`: integers in `[from, to)`; no `to` means every i64 from `from` on.
pub fn random_from_to<T: RandomInteger>(
    out: &mut [T],
    from: i64,
    to: Option<i64>,
    generator: &mut Generator,
) -> Result<(), String> {
    let range = match to {
        Some(to) if from >= to => {
            return Err(format!(
                "random_ expects 'from' to be less than 'to', but got from={from} >= to={to}"
            ));
        }
        Some(to) => to.wrapping_sub(from) as u64,
        // All of 2^64 for the lowest `from`: 0 stands for it.
        None => (i64::MAX.wrapping_sub(from) as u64).wrapping_add(1),
    };
    for x in out {
        // From 2^28 on, the remainder of a 32-bit draw would be visibly skewed.
        let offset = match range {
            0 => generator.random64(),
            1..0x1000_0000 => generator.random() as u64 % range,
            _ => generator.random64() % range,
        };
        let value = if range == 0 {
            offset as i64
        } else {
            (offset as i64).wrapping_add(from)
        };
        *x = T::from_i64(value);
    }
    Ok(())
}

/// `randperm(n)`: 0 to n-1 shuffled from the front.
pub fn randperm(n: usize, generator: &mut Generator) -> Vec<i64> {
    let mut out: Vec<i64> = (0..n as i64).collect();
    let small = n < u32::MAX as usize / 20;
    for i in 0..n.saturating_sub(1) {
        let left = (n - i) as u64;
        let draw = if small {
            generator.random() as u64
        } else {
            generator.random64()
        };
        out.swap(i, i + (draw % left) as usize);
    }
    out
}
