//! Interval arithmetic of RFC 9568 §6.1 and RFC 3768 §6.1, exact in nanoseconds: multiply first, divide once, last.
//!
//! Knows no state; the state machine says from when an interval counts.

use core::time::Duration;

use crate::time::Instant;
use crate::units::{AdvertInterval, Priority, Version};

/// Twice what one step of priority is worth at one centisecond, which keeps it whole: 10 ms / 256 = 78,125 / 2 ns.
const TWICE_NANOS_PER_STEP_AND_CENTISECOND: u64 = 78_125;
/// The same at one second: 1 s / 256 = 7,812,500 / 2 ns.
const TWICE_NANOS_PER_STEP_AND_SECOND: u64 = 7_812_500;

/// A Backup that was woken later than this, or than half an interval, does not trust the silence that it saw.
const LEAST_STALL: Duration = Duration::from_millis(20);
/// Least time in which the kernel has to confirm an address (safety rule 5).
const LEAST_CONFIRM: Duration = Duration::from_secs(1);
/// The Releasing phase never lasts longer (safety rule 2).
const LONGEST_RELEASE: Duration = Duration::from_secs(2);

/// Skew_Time: in version 3 a share of the Active's interval, in version 2 of one second whatever the interval.
#[must_use]
pub fn skew(version: Version, priority: Priority, active: AdvertInterval) -> Duration {
    let steps = 256_u64.saturating_sub(u64::from(priority.as_u8()));
    let twice = match version {
        Version::V2 => steps.saturating_mul(TWICE_NANOS_PER_STEP_AND_SECOND),
        Version::V3 => steps
            .saturating_mul(u64::from(active.as_centis()))
            .saturating_mul(TWICE_NANOS_PER_STEP_AND_CENTISECOND),
    };
    Duration::from_nanos(twice >> 1)
}

/// Active_Down_Interval: `adverts` intervals (3, unless `down_timer_adverts` says otherwise) and the skew.
#[must_use]
pub fn down_interval(
    version: Version,
    priority: Priority,
    active: AdvertInterval,
    adverts: u8,
) -> Duration {
    active
        .as_duration()
        .saturating_mul(u32::from(adverts))
        .saturating_add(skew(version, priority, active))
}

/// The longest Releasing phase (safety rule 2): what the lowest successor needs after priority 0, and one interval; at
/// most 2 s and at most `configured`.
#[must_use]
pub fn release_bound(version: Version, interval: AdvertInterval, configured: Duration) -> Duration {
    successor_bound(version, interval)
        .min(LONGEST_RELEASE)
        .min(configured)
}

/// Within which time a successor has taken over after priority 0: the slowest skew, and one interval for its advert.
#[must_use]
pub fn successor_bound(version: Version, interval: AdvertInterval) -> Duration {
    skew(version, Priority::LOWEST, interval).saturating_add(interval.as_duration())
}

/// A wake-up of a Backup that was later than this counts as an own stall.
#[must_use]
pub fn stall_threshold(active: AdvertInterval) -> Duration {
    active
        .as_duration()
        .checked_div(2)
        .unwrap_or(Duration::ZERO)
        .max(LEAST_STALL)
}

/// How long the kernel may take to confirm an address (safety rule 5).
#[must_use]
pub fn confirm_bound(interval: AdvertInterval) -> Duration {
    interval.as_duration().max(LEAST_CONFIRM)
}

/// When the next advert after one at `now` is due: an interval later, or up to one interval earlier where `phase` says where
/// in the interval adverts lie; never later.
#[must_use]
pub fn next_in_phase(now: Instant, interval: AdvertInterval, phase: Option<Duration>) -> Instant {
    let period = interval.as_duration();
    let Some(phase) = phase else {
        return now.saturating_add(period);
    };
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let period_nanos = nanos(period).max(1);
    let into = |at: u64| at.checked_rem(period_nanos).unwrap_or(0);
    let (at, wanted) = (into(now.as_nanos()), into(nanos(phase)));
    let ahead = if wanted > at {
        wanted.saturating_sub(at)
    } else {
        period_nanos.saturating_sub(at).saturating_add(wanted)
    };
    now.saturating_add(Duration::from_nanos(ahead))
}

/// The first grid point after `now`, and how many were passed over since `due`, which has come.
///
/// The grid is `due + k × interval`, so lateness never moves it (T-14).
#[must_use]
pub fn next_on_grid(due: Instant, now: Instant, interval: AdvertInterval) -> (Instant, u64) {
    let period = interval.as_duration();
    let period_nanos = u64::from(interval.as_centis()).saturating_mul(10_000_000);
    let late = now.as_nanos().saturating_sub(due.as_nanos());
    let skipped = late.checked_div(period_nanos).unwrap_or(0);
    let next = Instant::from_nanos(
        due.as_nanos()
            .saturating_add(skipped.saturating_mul(period_nanos)),
    )
    .saturating_add(period);
    (next, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(value: u8) -> Priority {
        Priority::new(value).unwrap()
    }

    fn centis(value: u16) -> AdvertInterval {
        AdvertInterval::from_centis(value).unwrap()
    }

    #[test]
    fn a_phase_brings_the_next_advert_forward_and_never_puts_it_off() {
        let (second, ms) = (centis(100), Duration::from_millis);
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        assert_eq!(next_in_phase(at(7_300), second, None), at(8_300));
        assert_eq!(next_in_phase(at(7_300), second, Some(ms(450))), at(7_450));
        assert_eq!(next_in_phase(at(7_300), second, Some(ms(200))), at(8_200));
        assert_eq!(next_in_phase(at(7_300), second, Some(ms(300))), at(8_300));
        assert_eq!(next_in_phase(at(7_300), second, Some(ms(1_450))), at(7_450));
    }

    /// T-01 to T-06: the worked values of RFC 9568 §6.1 and RFC 3768 §6.1, in nanoseconds.
    #[test]
    fn skew_and_down_interval_are_exact_for_the_table_of_worked_values() {
        let table: [(Version, u8, u16, u64, u64); 13] = [
            (Version::V3, 100, 100, 609_375_000, 3_609_375_000),
            (Version::V3, 200, 100, 218_750_000, 3_218_750_000),
            (Version::V3, 254, 100, 7_812_500, 3_007_812_500),
            (Version::V3, 255, 100, 3_906_250, 3_003_906_250),
            (Version::V3, 1, 100, 996_093_750, 3_996_093_750),
            (Version::V3, 100, 1, 6_093_750, 36_093_750),
            (Version::V3, 254, 1, 78_125, 30_078_125),
            (Version::V3, 100, 4095, 24_953_906_250, 147_803_906_250),
            (Version::V3, 1, 4095, 40_790_039_062, 163_640_039_062),
            (Version::V2, 100, 100, 609_375_000, 3_609_375_000),
            (Version::V2, 100, 1_000, 609_375_000, 30_609_375_000),
            (Version::V2, 254, 100, 7_812_500, 3_007_812_500),
            (Version::V2, 1, 25_500, 996_093_750, 765_996_093_750),
        ];
        for (version, p, interval, skew_nanos, down_nanos) in table {
            let row = (version, p, interval);
            let got = skew(version, priority(p), centis(interval));
            assert_eq!(got.as_nanos(), u128::from(skew_nanos), "skew of {row:?}");
            let got = down_interval(version, priority(p), centis(interval), 3);
            assert_eq!(got.as_nanos(), u128::from(down_nanos), "down of {row:?}");
        }
    }

    /// T-05: nothing is lost below a centisecond.
    #[test]
    fn neighbouring_priorities_differ_by_a_256th_of_the_interval() {
        let high = skew(Version::V3, priority(254), AdvertInterval::DEFAULT);
        let low = skew(Version::V3, priority(253), AdvertInterval::DEFAULT);
        assert_eq!((low - high).as_nanos(), 3_906_250);
    }

    /// T-06: the largest product is far from the end of 64 bits, and both ends of every range stay ordered.
    #[test]
    fn extremes_do_not_overflow() {
        let longest = down_interval(Version::V3, priority(1), AdvertInterval::MAX_V2, 255);
        assert_eq!(
            longest.as_nanos(),
            255 * 255_000_000_000 + 255 * 25_500 * 78_125 / 2
        );
        let shortest = down_interval(Version::V3, priority(255), centis(1), 1);
        assert_eq!(shortest.as_nanos(), 10_000_000 + 39_062);
    }

    #[test]
    fn down_timer_adverts_replaces_the_three() {
        let got = down_interval(Version::V2, priority(100), AdvertInterval::DEFAULT, 5);
        assert_eq!(got, Duration::from_micros(5_609_375));
    }

    #[test]
    fn release_is_bounded_by_the_slowest_successor_two_seconds_and_the_setting() {
        let second = AdvertInterval::DEFAULT;
        let far = Duration::from_secs(60);
        assert_eq!(
            release_bound(Version::V3, second, far),
            Duration::from_micros(1_996_093) + Duration::from_nanos(750)
        );
        assert_eq!(
            release_bound(Version::V3, centis(10), far),
            Duration::from_nanos(199_609_375)
        );
        assert_eq!(
            release_bound(Version::V2, centis(300), far),
            Duration::from_secs(2)
        );
        assert_eq!(
            release_bound(Version::V3, second, Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn stall_and_confirm_bounds_have_their_floors() {
        assert_eq!(stall_threshold(centis(1)), Duration::from_millis(20));
        assert_eq!(stall_threshold(centis(100)), Duration::from_millis(500));
        assert_eq!(confirm_bound(centis(1)), Duration::from_secs(1));
        assert_eq!(confirm_bound(centis(300)), Duration::from_secs(3));
    }

    /// T-14: the grid is never moved by lateness, and missed points are counted, not made up.
    #[test]
    fn next_grid_point_is_after_now_and_on_the_grid() {
        let due = Instant::from_nanos(5_000_000);
        let ten_ms = centis(1);
        let at = |nanos: u64| next_on_grid(due, Instant::from_nanos(nanos), ten_ms);
        assert_eq!(at(5_000_000), (Instant::from_nanos(15_000_000), 0));
        assert_eq!(at(14_999_999), (Instant::from_nanos(15_000_000), 0));
        assert_eq!(at(15_000_000), (Instant::from_nanos(25_000_000), 1));
        assert_eq!(at(94_999_999), (Instant::from_nanos(95_000_000), 8));
    }
}
