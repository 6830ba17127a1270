//! Counts of durations in the bucket layout of HdrHistogram with one significant digit: sixteen buckets an octave, so a
//! value is known to 6.25 %. Sparse, since a minute of adverts fills few buckets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values below this many nanoseconds share the first bucket.
pub const UNIT: u64 = 1 << 10;
/// Buckets an octave.
const HALF: u64 = 16;
/// Buckets in all: up to `UNIT` × 2^32 nanoseconds, an hour and thirteen minutes.
pub const BUCKETS: u16 = 28 * 16 + 32;

/// The bucket of a duration in nanoseconds.
#[must_use]
pub fn bucket(nanos: u64) -> u16 {
    let units = nanos / UNIT;
    if units < 2 * HALF {
        return u16::try_from(units).unwrap_or_default();
    }
    // Position of the highest bit above the five that are kept.
    let octave = u64::from(units.ilog2()) - 4;
    let index = (octave + 1) * HALF + (units >> octave) - HALF;
    u16::try_from(index).unwrap_or(u16::MAX).min(BUCKETS - 1)
}

/// The smallest duration of a bucket in nanoseconds.
#[must_use]
pub fn lowest(bucket: u16) -> u64 {
    let index = u64::from(bucket);
    if index < 2 * HALF {
        return index * UNIT;
    }
    let octave = index / HALF - 1;
    ((index % HALF + HALF) << octave) * UNIT
}

/// Counts of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    counts: BTreeMap<u16, u32>,
    total: u64,
    /// The largest value, exactly.
    largest: u64,
}

impl Histogram {
    /// Counts one duration in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        self.add_bucket(bucket(nanos), 1, nanos);
    }

    /// Counts several durations of one bucket, the largest of which is known.
    pub fn add_bucket(&mut self, bucket: u16, count: u32, largest: u64) {
        if count == 0 {
            return;
        }
        let counts = self.counts.entry(bucket.min(BUCKETS - 1)).or_default();
        *counts = counts.saturating_add(count);
        self.total += u64::from(count);
        self.largest = self.largest.max(largest);
    }

    /// Adds the counts of another one.
    pub fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            self.add_bucket(*bucket, *count, 0);
        }
        self.largest = self.largest.max(other.largest);
    }

    /// How many durations were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The largest one in nanoseconds, exactly; 0 where there is none.
    #[must_use]
    pub const fn largest(&self) -> u64 {
        self.largest
    }

    /// The duration that the fraction `quantile` (0.0 to 1.0) of all does not exceed: the upper end of its bucket, and
    /// never more than the largest. None where nothing was counted.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among counts, bounded by the next line"
        )]
        let rank = (quantile.clamp(0.0, 1.0) * self.total as f64).ceil() as u64;
        let rank = rank.clamp(1, self.total);
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(lowest(bucket + 1).min(self.largest));
            }
        }
        Some(self.largest)
    }

    /// Buckets with their counts, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.counts.iter().map(|(bucket, count)| (*bucket, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_within_a_sixteenth() {
        for index in 0..BUCKETS - 1 {
            assert_eq!(bucket(lowest(index)), index, "lowest of {index}");
            assert_eq!(bucket(lowest(index + 1) - 1), index, "highest of {index}");
            let width = lowest(index + 1) - lowest(index);
            assert!(
                width <= UNIT || width * 16 <= lowest(index),
                "width of {index}"
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_upper_ends_and_the_largest_is_exact() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(micros * 1000);
        }
        assert_eq!(histogram.count(), 1000);
        assert_eq!(histogram.quantile(1.0), Some(1_000_000));
        let half = histogram.quantile(0.5).unwrap();
        assert!((500_000..=535_000).contains(&half), "{half}");
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn adding_is_counting_both() {
        let (mut one, mut two, mut both) = (
            Histogram::default(),
            Histogram::default(),
            Histogram::default(),
        );
        for nanos in [5, 70_000, 3_000_000_000] {
            one.record(nanos);
            both.record(nanos);
        }
        for nanos in [70_001, 4] {
            two.record(nanos);
            both.record(nanos);
        }
        one.add(&two);
        assert_eq!(one, both);
    }
}
