//! The CPU generator: a Mersenne Twister, its seed, and the second half of a pair of normal numbers.
//!
//! The same seed gives the numbers that PyTorch's CPU generator gives, and the state travels in PyTorch's own
//! 5056-byte form.

use super::mt19937::{Mt19937, WORDS};
use std::sync::{LazyLock, Mutex};

/// Bytes of a saved state: what `torch.get_rng_state()` returns.
///
/// ```text
/// 0 seed u64 | 8 left i32 | 12 seeded i32 | 16 next u64 | 24 state 624 x u64 | 5016 unused f64
/// | 5024 cached normal f64 | 5032 unused f64 | 5040 cached normal is valid i32 | 5044 padding
/// | 5048 cached normal f32 | 5052 cached normal f32 is valid u8 | padding
/// ```
pub const STATE_BYTES: usize = 5056;

/// The seed of a generator nobody seeded (`torch.Generator().initial_seed()`).
pub const DEFAULT_SEED: u64 = 67280421310721;

#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    engine: Mt19937,
    seed: u64,
    /// The sine half of the last Box-Muller pair.
    pub(crate) next_normal: Option<f64>,
    next_normal_single: Option<f32>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new(DEFAULT_SEED)
    }
}

impl Generator {
    /// A generator seeded with `seed`; the engine sees its low 32 bits only, as in PyTorch.
    pub fn new(seed: u64) -> Self {
        Self {
            engine: Mt19937::new(seed as u32),
            seed,
            next_normal: None,
            next_normal_single: None,
        }
    }

    pub fn manual_seed(&mut self, seed: u64) {
        *self = Self::new(seed);
    }

    pub fn initial_seed(&self) -> u64 {
        self.seed
    }

    /// Seeds from the clock and the process, and returns the seed.
    pub fn seed(&mut self) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
        // A bare wasm host has no clock, and asking for it would panic.
        if cfg!(not(target_family = "wasm")) {
            let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            hasher.write_u128(time.map_or(0, |t| t.as_nanos()));
        }
        // 53 bits, so that the number survives a trip through a double.
        let seed = hasher.finish() >> 11;
        self.manual_seed(seed);
        seed
    }

    #[inline]
    pub fn random(&mut self) -> u32 {
        self.engine.next_u32()
    }

    /// Two draws, the first in the upper half.
    #[inline]
    pub fn random64(&mut self) -> u64 {
        let high = self.engine.next_u32() as u64;
        high << 32 | self.engine.next_u32() as u64
    }

    /// Uniform in [0, 1), 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.random64() & ((1 << 53) - 1)) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [0, 1), 24 bits.
    #[inline]
    pub fn uniform_single(&mut self) -> f32 {
        (self.random() & ((1 << 24) - 1)) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Standard normal, by Box and Muller; the second number of a pair waits for the next call.
    pub fn normal(&mut self) -> f64 {
        if let Some(value) = self.next_normal.take() {
            return value;
        }
        let u1 = self.uniform();
        let u2 = self.uniform();
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let theta = 2.0 * std::f64::consts::PI * u1;
        self.next_normal = Some(radius * theta.sin());
        radius * theta.cos()
    }

    pub fn get_state(&self) -> Vec<u8> {
        let mut bytes = vec![0u8; STATE_BYTES];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        // PyTorch counts down the words left, one of which announces the renewal; before the first one `next` is 0.
        let left = WORDS + 1 - self.engine.next;
        let fresh = left == 1 && self.engine == Mt19937::new(self.seed as u32);
        let next = if fresh { 0 } else { self.engine.next };
        put(0, &self.seed.to_ne_bytes());
        put(8, &(left as i32).to_ne_bytes());
        put(12, &1i32.to_ne_bytes());
        put(16, &(next as u64).to_ne_bytes());
        for (i, word) in self.engine.state.iter().enumerate() {
            put(24 + 8 * i, &(*word as u64).to_ne_bytes());
        }
        if let Some(value) = self.next_normal {
            put(5024, &value.to_ne_bytes());
            put(5040, &1i32.to_ne_bytes());
        }
        if let Some(value) = self.next_normal_single {
            put(5048, &value.to_ne_bytes());
            put(5052, &[1]);
        }
        bytes
    }

    pub fn set_state(&mut self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() != STATE_BYTES {
            return Err(format!(
                "Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG state size to be {}",
                bytes.len()
            ));
        }
        let word = |at: usize| -> [u8; 8] { std::array::from_fn(|i| bytes[at + i]) };
        let half = |at: usize| -> [u8; 4] { std::array::from_fn(|i| bytes[at + i]) };
        let left = i32::from_ne_bytes(half(8));
        let seeded = i32::from_ne_bytes(half(12));
        let next = u64::from_ne_bytes(word(16));
        if seeded != 1 || left < 1 || left > WORDS as i32 || next > WORDS as u64 {
            return Err("Invalid mt19937 state".into());
        }
        let state = Box::new(std::array::from_fn(|i| {
            u64::from_ne_bytes(word(24 + 8 * i)) as u32
        }));
        // With one word left the next draw renews the state, wherever `next` points.
        let next = if left == 1 { WORDS } else { next as usize };
        self.engine = Mt19937 { state, next };
        self.seed = u64::from_ne_bytes(word(0));
        self.next_normal = (i32::from_ne_bytes(half(5040)) != 0).then(|| f64::from_ne_bytes(word(5024)));
        self.next_normal_single = (bytes[5052] != 0).then(|| f32::from_ne_bytes(half(5048)));
        Ok(())
    }
}

static DEFAULT: LazyLock<Mutex<Generator>> = LazyLock::new(|| {
    let mut generator = Generator::default();
    generator.seed();
    Mutex::new(generator)
});

/// The process-wide generator that `torch.manual_seed` seeds and operators use when given none; until then its
/// seed differs from run to run.
pub fn default_generator() -> &'static Mutex<Generator> {
    &DEFAULT
}
