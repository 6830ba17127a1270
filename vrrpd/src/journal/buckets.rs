//! Counts of durations since start in the buckets that metrics show: fixed bounds, as dashboards compare them over time.

/// Upper bounds in nanoseconds: 50 µs, 100 µs, 0.5 ms, 1, 5, 10, 50, 100 ms, 0.5 s, 1, 2, 5 s. The last bucket has none.
pub(crate) const BOUNDS: [u64; 12] = [
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
];

/// Counts of durations since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buckets {
    counts: [u64; BOUNDS.len()],
    total: u64,
    sum: u64,
}

impl Buckets {
    /// Counts one duration in nanoseconds.
    pub(crate) fn record(&mut self, nanos: u64) {
        if let Some(place) = BOUNDS.iter().position(|bound| nanos <= *bound)
            && let Some(count) = self.counts.get_mut(place)
        {
            *count += 1;
        }
        self.total += 1;
        self.sum = self.sum.saturating_add(nanos);
    }

    /// Each bound with how many durations did not exceed it, ascending.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut sum = 0;
        BOUNDS.iter().zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (*bound, sum)
        })
    }

    /// How many were counted.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Their sum in nanoseconds.
    pub(crate) const fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_every_bucket_that_holds_it() {
        let mut buckets = Buckets::default();
        for nanos in [50_000, 50_001, 3_000_000_000, 6_000_000_000] {
            buckets.record(nanos);
        }
        let counts: Vec<u64> = buckets.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
        assert_eq!((buckets.total(), buckets.sum()), (4, 9_000_100_001));
    }
}
