//! The earliest of many deadlines: a tournament tree with a fixed place for each owner.
//!
//! Setting one costs the logarithm of their number, reading the earliest nothing; nothing is allocated after `new`.

use alloc::vec;
use alloc::vec::Vec;

use crate::time::Instant;

/// A deadline and the number of its owner; earlier first, and by number where equal, so that runs are reproducible.
type Entry = Option<(Instant, usize)>;

/// Deadlines of `slots` owners.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    /// Node 1 is the root, node n has the children 2n and 2n + 1, the owners are leaves.
    tree: Vec<Entry>,
    leaves: usize,
}

impl Deadlines {
    pub(super) fn new(slots: usize) -> Self {
        let leaves = slots.max(1).next_power_of_two();
        Self {
            tree: vec![None; leaves.saturating_mul(2)],
            leaves,
        }
    }

    /// Sets or clears an owner's deadline.
    pub(super) fn set(&mut self, slot: usize, at: Option<Instant>) {
        if slot >= self.leaves {
            return;
        }
        let mut place = self.leaves.saturating_add(slot);
        self.put(place, at.map(|at| (at, slot)));
        while place > 1 {
            place >>= 1;
            let left = place.saturating_mul(2);
            let earliest = match (self.at(left), self.at(left.saturating_add(1))) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, other) => one.or(other),
            };
            self.put(place, earliest);
        }
    }

    /// The earliest deadline and its owner.
    pub(super) fn earliest(&self) -> Entry {
        self.at(1)
    }

    /// Visits every owner whose deadline has come, by number. Costs nothing for those that have not.
    pub(super) fn for_each_due(&self, now: Instant, visit: &mut dyn FnMut(usize)) {
        self.visit_due(1, now, visit);
    }

    /// As deep as the tree: at most 17 levels.
    fn visit_due(&self, place: usize, now: Instant, visit: &mut dyn FnMut(usize)) {
        if self.at(place).is_none_or(|(at, _)| at > now) {
            return;
        }
        if place >= self.leaves {
            visit(place.saturating_sub(self.leaves));
            return;
        }
        let left = place.saturating_mul(2);
        self.visit_due(left, now, visit);
        self.visit_due(left.saturating_add(1), now, visit);
    }

    /// Where the tree is: address and bytes.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.tree.as_ptr().addr(), size_of_val(self.tree.as_slice()))
    }

    pub(super) fn clear(&mut self) {
        self.tree.fill(None);
    }

    fn at(&self, place: usize) -> Entry {
        self.tree.get(place).copied().flatten()
    }

    fn put(&mut self, place: usize, entry: Entry) {
        if let Some(node) = self.tree.get_mut(place) {
            *node = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_is_always_the_minimum_and_ties_go_to_the_lower_number() {
        for slots in [1_usize, 2, 3, 5, 8, 100] {
            let mut deadlines = Deadlines::new(slots);
            let mut model = vec![None; slots];
            assert_eq!(deadlines.earliest(), None);
            let mut seed = 7_u64;
            for _ in 0..2_000 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let slot = usize::try_from(seed >> 33).unwrap() % slots;
                let at = (seed >> 20) % 5;
                let at = (at != 0).then(|| Instant::from_nanos(at));
                deadlines.set(slot, at);
                model[slot] = at;
                let expected = model
                    .iter()
                    .enumerate()
                    .filter_map(|(slot, at)| at.map(|at| (at, slot)))
                    .min();
                assert_eq!(deadlines.earliest(), expected);
                let now = Instant::from_nanos(seed % 5);
                let mut due = Vec::new();
                deadlines.for_each_due(now, &mut |slot| due.push(slot));
                let has_come = |at: &Option<Instant>| at.is_some_and(|at| at <= now);
                let expected: Vec<usize> =
                    (0..slots).filter(|slot| has_come(&model[*slot])).collect();
                assert_eq!(due, expected);
            }
            deadlines.clear();
            assert_eq!(deadlines.earliest(), None);
            deadlines.set(slots * 4, Some(Instant::ZERO));
            assert_eq!(deadlines.earliest(), None, "an unknown owner has no place");
        }
    }
}
