//! The numbers under which transitions, near failovers and anomalies are explained: `vrrpctl explain 17`.
//!
//! They count on across restarts. Where the last number comes from is the journal's; here it is only counted.

use std::sync::atomic::{AtomicU32, Ordering};

/// Gives out the numbers of one daemon. Shared by all threads of the outer world.
#[derive(Debug, Default)]
pub struct Numbers(AtomicU32);

impl Numbers {
    /// The next number, from 1. It stays at the largest there is.
    pub fn next(&self) -> u32 {
        let count = |last: u32| Some(last.saturating_add(1));
        let last = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
        last.unwrap_or_else(|last| last).saturating_add(1)
    }

    /// An earlier run got as far as `last`: go on behind it.
    pub fn continue_behind(&self, last: u32) {
        self.0.fetch_max(last, Ordering::Relaxed);
    }

    /// The number given out last; 0 before the first.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_behind_the_highest_known_one_and_never_back() {
        let numbers = Numbers::default();
        assert_eq!((numbers.last(), numbers.next()), (0, 1));
        numbers.continue_behind(41);
        assert_eq!(numbers.next(), 42);
        numbers.continue_behind(7);
        assert_eq!(numbers.next(), 43);
        numbers.continue_behind(u32::MAX);
        assert_eq!((numbers.next(), numbers.next()), (u32::MAX, u32::MAX));
    }
}
