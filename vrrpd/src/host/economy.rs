//! What of the readings is worth a sample: changes, and now and then what stands still.
//!
//! A value that stood still is told once more at its last reading before the new one, so that a reader sees the step where
//! it was and not a slope.

use std::collections::HashMap;

use vrrp_record::history::{Sample, Time, Unit};

/// A value that does not change is repeated this often, in nanoseconds.
const REPEAT: i64 = 5_000_000_000;
/// Readings of objects that did not come for so long are forgotten.
const FORGET: i64 = 60_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Told {
    value: u64,
    told: Time,
    read: Time,
}

/// What was told of every counter.
#[derive(Debug, Default)]
pub(super) struct Economy(HashMap<(Unit, u32), Told>);

impl Economy {
    /// Takes a reading, and hands over what is worth telling.
    pub(super) fn read(
        &mut self,
        at: Time,
        (unit, object): (Unit, u32),
        value: u64,
        sink: &mut dyn FnMut(Sample),
    ) {
        let mut tell = |at, value| {
            sink(Sample {
                at,
                unit,
                object,
                value,
            });
        };
        let fresh = Told {
            value,
            told: at,
            read: at,
        };
        let Some(known) = self.0.get_mut(&(unit, object)) else {
            tell(at, value);
            self.0.insert((unit, object), fresh);
            return;
        };
        if known.value != value {
            if known.read > known.told {
                tell(known.read, known.value);
            }
            tell(at, value);
            *known = fresh;
        } else if at.since(known.told) >= REPEAT {
            tell(at, value);
            *known = fresh;
        } else {
            known.read = at;
        }
    }

    /// Forgets what is no longer read: a device that is gone.
    pub(super) fn forget(&mut self, now: Time) {
        self.0.retain(|_, told| now.since(told.read) < FORGET);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: i64 = 100_000_000;

    fn run(values: &[u64]) -> Vec<(i64, u64)> {
        let mut economy = Economy::default();
        let mut told = Vec::new();
        for (tick, value) in (0..).zip(values) {
            economy.read(
                Time(tick * TICK),
                (Unit::Steal, 0),
                *value,
                &mut |sample: Sample| told.push((sample.at.0 / TICK, sample.value)),
            );
        }
        told
    }

    #[test]
    fn a_step_is_told_at_its_beginning_and_its_end() {
        assert_eq!(
            run(&[7, 7, 7, 9, 9, 12, 13]),
            [(0, 7), (2, 7), (3, 9), (4, 9), (5, 12), (6, 13)]
        );
    }

    #[test]
    fn what_stands_still_is_repeated_every_five_seconds() {
        assert_eq!(run(&[7; 120]), [(0, 7), (50, 7), (100, 7)]);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut economy = Economy::default();
        economy.read(Time(0), (Unit::DeviceBusy, 8), 1, &mut |_| {});
        economy.forget(Time(FORGET));
        assert!(economy.0.is_empty());
    }
}
