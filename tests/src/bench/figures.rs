//! What is made of many measured values.

use std::time::Duration;

/// The value that `percent` of 100 do not exceed; nothing of nothing.
pub(super) fn percentile(values: &[Duration], percent: u32) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    let place = (last * usize::try_from(percent).ok()?).div_ceil(100);
    sorted.get(place).copied()
}

/// What each gap between neighbours is longer than `nominal`, gaps that are shorter as zero.
pub(super) fn late(at: &[Duration], nominal: Duration) -> Vec<Duration> {
    at.windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]).saturating_sub(nominal))
        .collect()
}

/// How much later than the one before each event is beyond `nominal`, in nanoseconds: the slope of a straight line through
/// all of them (least squares). Robust against single late ones, which the ends alone would not be.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of minutes lie far below 2^52"
)]
pub(super) fn drift_ns(at: &[Duration], nominal: Duration) -> Option<f64> {
    let first = *at.first()?;
    let count = at.len() as f64;
    if at.len() < 2 {
        return None;
    }
    let middle = (count - 1.0) / 2.0;
    let offsets: Vec<f64> = at
        .iter()
        .enumerate()
        .map(|(number, at)| {
            at.saturating_sub(first).as_nanos() as f64 - number as f64 * nominal.as_nanos() as f64
        })
        .collect();
    let mean = offsets.iter().sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (number, offset) in offsets.iter().enumerate() {
        let from_middle = number as f64 - middle;
        above += from_middle * (offset - mean);
        below += from_middle * from_middle;
    }
    Some(above / below)
}

/// The most events within any `window`.
pub(super) fn fullest(at: &[Duration], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, end) in at.iter().enumerate() {
        while at[first] + window <= *end {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[u64]) -> Vec<Duration> {
        values.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values = millis(&[5, 1, 4, 2, 3]);
        assert_eq!(percentile(&values, 0), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&values, 50), Some(Duration::from_millis(3)));
        assert_eq!(percentile(&values, 99), Some(Duration::from_millis(5)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn only_gaps_that_are_too_long_are_late() {
        let late = late(&millis(&[0, 10, 25, 30]), Duration::from_millis(10));
        assert_eq!(late, millis(&[0, 5, 0]));
    }

    #[test]
    fn a_steady_schedule_does_not_drift_and_one_late_event_hardly_moves_it() {
        let interval = Duration::from_millis(10);
        let steady: Vec<Duration> = (0..1000).map(|n| interval * n).collect();
        assert_eq!(drift_ns(&steady, interval), Some(0.0));
        let slow: Vec<Duration> = (0..1000)
            .map(|n| (interval + Duration::from_micros(100)) * n)
            .collect();
        let drift = drift_ns(&slow, interval).unwrap();
        assert!((drift - 100_000.0).abs() < 1.0, "{drift}");
        let mut once = steady;
        once[500] += Duration::from_millis(5);
        let drift = drift_ns(&once, interval).unwrap();
        assert!(drift.abs() < 100.0, "{drift}");
    }

    #[test]
    fn the_fullest_window_is_found_wherever_it_begins() {
        let at = millis(&[0, 8, 12, 13, 14, 30]);
        assert_eq!(fullest(&at, Duration::from_millis(10)), 4);
        assert_eq!(fullest(&[], Duration::from_millis(10)), 0);
    }
}
