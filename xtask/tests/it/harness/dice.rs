//! Chance for tests, from a seed that they print: the same seed throws the same.

use std::time::SystemTime;

/// A small generator (xorshift).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A new one and its seed, which is `XTASK_TEST_SEED` or the time.
    pub fn thrown() -> (Self, u64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let seed = u64::try_from(count("XTASK_TEST_SEED", usize::try_from(now % 1_000_000_007).unwrap())).unwrap();
        (Self::of(seed), seed)
    }

    /// The one that a seed makes.
    pub fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// True once in so many throws.
    pub fn once_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// How many random cases to try: `XTASK_TEST_CASES`, at least `least`.
pub fn cases(least: usize) -> usize {
    count("XTASK_TEST_CASES", least).max(least)
}

fn count(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).map_or(usual, |count: usize| count.max(1))
}
