//! Chance that can be had once more: the same seed and the same actor make the same choices.
//!
//! Source: SplitMix64 (Steele, Lea, Flood 2014). Nothing secret depends on it.

use std::time::Duration;

pub struct Chance(u64);

impl Chance {
    /// `actor`: each has a row of its own, whatever the others do meanwhile.
    pub fn new(seed: u64, actor: u64) -> Self {
        Self(seed ^ actor.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `count`.
    pub fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// From a tenth of `longest` to all of it; mostly short.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        let whole = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
        let (a, b) = (self.below(901), self.below(901));
        longest * whole(100 + a.min(b)) / 1000
    }
}
