//! Values of the recent past in slots of equal length, so that "worst in the last hour" costs a fixed amount of memory.

use std::collections::VecDeque;

use vrrp_record::history::Time;

/// One value for each slot of `width` that something came in, the last `keep` of them.
#[derive(Clone, Debug)]
pub(super) struct Slots<T> {
    width: i64,
    keep: i64,
    slots: VecDeque<(i64, T)>,
}

impl<T: Default> Slots<T> {
    /// Slots of `width` nanoseconds, at least one.
    pub(super) const fn new(width: i64, keep: i64) -> Self {
        Self {
            width,
            keep,
            slots: VecDeque::new(),
        }
    }

    /// The slot of a time. A time before the last slot is counted there: what comes late is still recent.
    pub(super) fn at(&mut self, time: Time) -> &mut T {
        let index = time.0.div_euclid(self.width);
        if self.slots.back().is_none_or(|(last, _)| *last < index) {
            self.slots.push_back((index, T::default()));
            let first = index - self.keep + 1;
            while self.slots.front().is_some_and(|(old, _)| *old < first) {
                self.slots.pop_front();
            }
        }
        let last = self
            .slots
            .back_mut()
            .expect("one was pushed where none was");
        &mut last.1
    }

    /// The slots of the last `keep` × `width` before `now`, oldest first.
    pub(super) fn recent(&self, now: Time) -> impl Iterator<Item = &T> {
        let first = now.0.div_euclid(self.width) - self.keep + 1;
        self.slots
            .iter()
            .filter(move |(index, _)| *index >= first)
            .map(|(_, value)| value)
    }
}

impl Slots<u64> {
    /// Keeps the larger of a value and what the slot has.
    pub(super) fn raise(&mut self, time: Time, value: u64) {
        let slot = self.at(time);
        *slot = value.max(*slot);
    }

    /// The largest value of the recent past.
    pub(super) fn largest(&self, now: Time) -> Option<u64> {
        self.recent(now).copied().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_slots_leave_and_the_largest_recent_value_remains() {
        let mut slots = Slots::<u64>::new(10, 3);
        for (time, value) in [(0, 9), (5, 4), (12, 3), (21, 5)] {
            slots.raise(Time(time), value);
        }
        assert_eq!(slots.largest(Time(29)), Some(9));
        assert_eq!(slots.largest(Time(30)), Some(5));
        slots.raise(Time(31), 1);
        assert_eq!(slots.slots.len(), 3);
        assert_eq!(slots.largest(Time(1_000)), None);
    }

    #[test]
    fn what_comes_late_counts_in_the_last_slot() {
        let mut slots = Slots::<u64>::new(10, 2);
        slots.raise(Time(25), 1);
        slots.raise(Time(3), 7);
        assert_eq!(slots.largest(Time(25)), Some(7));
    }
}
