//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), which every CPU random number comes from.

pub(crate) const WORDS: usize = 624;
const SHIFT: usize = 397;

/// 624 words of state, and how many of them are already used up.
#[derive(Clone, Debug, PartialEq)]
pub struct Mt19937 {
    pub(crate) state: Box<[u32; WORDS]>,
    /// Index of the next word to hand out; `WORDS` when the state must be renewed first.
    pub(crate) next: usize,
}

impl Mt19937 {
    pub fn new(seed: u32) -> Self {
        let mut state = Box::new([0u32; WORDS]);
        state[0] = seed;
        for i in 1..WORDS {
            let last = state[i - 1];
            state[i] = 1812433253u32
                .wrapping_mul(last ^ (last >> 30))
                .wrapping_add(i as u32);
        }
        Self { state, next: WORDS }
    }

    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.next >= WORDS {
            self.renew();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    #[inline(never)]
    fn renew(&mut self) {
        let twist = |a: u32, b: u32| {
            let mixed = (a & 0x8000_0000) | (b & 0x7fff_ffff);
            (mixed >> 1) ^ if b & 1 != 0 { 0x9908_b0df } else { 0 }
        };
        let s = &mut *self.state;
        for i in 0..WORDS - SHIFT {
            s[i] = s[i + SHIFT] ^ twist(s[i], s[i + 1]);
        }
        for i in WORDS - SHIFT..WORDS - 1 {
            s[i] = s[i + SHIFT - WORDS] ^ twist(s[i], s[i + 1]);
        }
        s[WORDS - 1] = s[SHIFT - 1] ^ twist(s[WORDS - 1], s[0]);
        self.next = 0;
    }
}
