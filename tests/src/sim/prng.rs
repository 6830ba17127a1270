//! A small generator of pseudo-random numbers, our own so that a seed means the same run for ever.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Not for secrets.

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub struct Prng(u64);

impl Prng {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 calls.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let bound = u64::try_from(from.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.below(bound)).unwrap_or(0);
        from[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference values of SplitMix64 for seed 0: a change here would make every recorded seed worthless.
    #[test]
    fn stream_of_a_seed_never_changes() {
        let mut prng = Prng::new(0);
        assert_eq!(prng.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(prng.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(prng.next(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn bounds_are_kept() {
        let mut prng = Prng::new(1);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&prng.between(3, 5)));
            assert!(prng.below(7) < 7);
        }
        assert!(!prng.chance(0));
        assert!(prng.chance(100));
    }
}
