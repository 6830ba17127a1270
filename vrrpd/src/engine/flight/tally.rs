//! A router's minute: how often each stage took how long. Every advert counts, those that are kept whole too.

use vrrp_record::histogram::{BUCKETS, bucket};
use vrrp_record::history::{Stage, Time};

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;
/// Buckets as a length.
const LENGTH: usize = BUCKETS as usize;
/// Stages in the order of the counts.
const STAGES: [Stage; 7] = [
    Stage::Wake,
    Stage::Send,
    Stage::Queue,
    Stage::Device,
    Stage::Departure,
    Stage::Gap,
    Stage::Read,
];

/// The counts of the present minute.
#[derive(Debug)]
pub(super) struct Tally {
    minute: Time,
    stages: Box<[Counts; 7]>,
}

/// Of one stage.
#[derive(Clone, Debug)]
struct Counts {
    counts: [u32; LENGTH],
    total: u32,
    largest: u64,
}

const EMPTY: Counts = Counts {
    counts: [0; LENGTH],
    total: 0,
    largest: 0,
};

/// One stage of a minute that is over.
#[derive(Debug)]
pub(super) struct Over<'a> {
    pub(super) minute: Time,
    pub(super) stage: Stage,
    pub(super) counts: &'a [u32; LENGTH],
    pub(super) largest: u64,
    /// All counts together.
    pub(super) total: u32,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            minute: Time(0),
            stages: vec![EMPTY; STAGES.len()]
                .into_boxed_slice()
                .try_into()
                .expect("as many counts as stages were made"),
        }
    }

    /// Counts a stage of an advert that took so long; less than nothing is a clock's error and counts as nothing.
    pub(super) fn count(&mut self, stage: Stage, nanos: i64) {
        let nanos = u64::try_from(nanos).unwrap_or_default();
        let Some(place) = STAGES.iter().position(|known| *known == stage) else {
            return;
        };
        let counts = &mut self.stages[place];
        if let Some(count) = counts.counts.get_mut(usize::from(bucket(nanos))) {
            *count = count.saturating_add(1);
        }
        counts.total = counts.total.saturating_add(1);
        counts.largest = counts.largest.max(nanos);
    }

    /// Whether the minute of `now` is another one than the counts'.
    pub(super) const fn is_over(&self, now: Time) -> bool {
        now.0.div_euclid(MINUTE) != self.minute.0.div_euclid(MINUTE)
    }

    /// Gives the stages of the minute that is over, and begins that of `now`.
    pub(super) fn turn(&mut self, now: Time, mut each: impl FnMut(&Over<'_>)) {
        for (counts, stage) in self.stages.iter_mut().zip(STAGES) {
            if counts.total == 0 {
                continue;
            }
            each(&Over {
                minute: self.minute,
                stage,
                counts: &counts.counts,
                largest: counts.largest,
                total: counts.total,
            });
            *counts = EMPTY;
        }
        self.minute = Time(now.0.div_euclid(MINUTE) * MINUTE);
    }

    /// Where the counts are, for locking them.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.stages.as_ptr().addr(), size_of_val(&*self.stages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_given_once_with_every_count_and_its_largest_value() {
        let mut tally = Tally::new();
        tally.turn(Time(90_000_000_000), |over| panic!("{over:?}"));
        assert!(!tally.is_over(Time(119_999_999_999)));
        assert!(tally.is_over(Time(120_000_000_000)));
        tally.count(Stage::Wake, 70_000);
        tally.count(Stage::Wake, -5);
        tally.count(Stage::Gap, 1_000_000_000);
        let mut seen = Vec::new();
        tally.turn(Time(120_000_000_000), |over| {
            let total: u32 = over.counts.iter().sum();
            seen.push((over.minute, over.stage, total, over.largest));
        });
        assert_eq!(
            seen,
            [
                (Time(60_000_000_000), Stage::Wake, 2, 70_000),
                (Time(60_000_000_000), Stage::Gap, 1, 1_000_000_000),
            ]
        );
        tally.turn(Time(180_000_000_000), |over| panic!("{over:?}"));
    }
}
