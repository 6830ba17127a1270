//! The heartbeat of the other world (safety rule 1): how old it is, when to warn, when to resign.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vrrp_proto::time::Instant;

/// The last beat, stored by the other world and read by the engine.
#[derive(Debug)]
pub(crate) struct Beat(AtomicU64);

impl Beat {
    pub(crate) const fn new(now: Instant) -> Self {
        Self(AtomicU64::new(now.as_nanos()))
    }

    /// The other world lives.
    pub(crate) fn beat(&self, now: Instant) {
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// The engine's judgement of the beat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    warn: Duration,
    resign: Duration,
    last: Instant,
    /// Time since the last beat in which nobody could have beaten, because the engine itself did not run.
    excused: Duration,
    late: bool,
}

/// What a look at the beat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Nothing changed.
    Steady,
    /// It is late now.
    Late(Duration),
    /// It is back after this long.
    Back(Duration),
    /// Resign: it is missing for this long.
    Lost(Duration),
}

impl Heartbeat {
    pub(super) const fn new(warn: Duration, resign: Duration, last: Instant) -> Self {
        Self {
            warn,
            resign,
            last,
            excused: Duration::ZERO,
            late: false,
        }
    }

    /// The longest time that a result of a tracker may last has changed: resign only after that.
    pub(super) fn set_longest_expiry(&mut self, resign: Duration, longest: Duration) {
        self.resign = resign.max(longest);
    }

    /// The engine itself was not run for this long: a paused machine or a stopped process is no hanging world.
    pub(super) fn excuse(&mut self, stall: Duration) {
        self.excused += stall;
    }

    /// Looks at the last beat.
    pub(super) fn look(&mut self, now: Instant, last: Instant) -> Pulse {
        if last != self.last {
            let age = self.age(last);
            self.last = last;
            self.excused = Duration::ZERO;
            if self.late {
                self.late = false;
                return Pulse::Back(age);
            }
        }
        let age = self.age(now);
        if age >= self.resign {
            return Pulse::Lost(age);
        }
        if age >= self.warn && !self.late {
            self.late = true;
            return Pulse::Late(age);
        }
        Pulse::Steady
    }

    /// When to look again at the latest.
    pub(super) fn deadline(&self) -> Instant {
        let bound = if self.late { self.resign } else { self.warn };
        self.last.saturating_add(bound.saturating_add(self.excused))
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_since(self.last).saturating_sub(self.excused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(Duration::from_secs(3), Duration::from_secs(10), at(0))
    }

    #[test]
    fn a_steady_beat_says_nothing() {
        let mut heartbeat = heartbeat();
        for second in 1..30 {
            assert_eq!(
                heartbeat.look(at(second * 1000), at(second * 1000 - 5)),
                Pulse::Steady
            );
        }
    }

    #[test]
    fn a_missing_beat_warns_once_then_resigns() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.deadline(), at(3000));
        assert_eq!(heartbeat.look(at(2999), at(0)), Pulse::Steady);
        assert_eq!(
            heartbeat.look(at(3000), at(0)),
            Pulse::Late(Duration::from_secs(3))
        );
        assert_eq!(heartbeat.deadline(), at(10_000));
        assert_eq!(heartbeat.look(at(9999), at(0)), Pulse::Steady);
        assert_eq!(
            heartbeat.look(at(10_000), at(0)),
            Pulse::Lost(Duration::from_secs(10))
        );
    }

    #[test]
    fn a_beat_that_comes_back_is_told_once() {
        let mut heartbeat = heartbeat();
        assert!(matches!(heartbeat.look(at(5000), at(0)), Pulse::Late(_)));
        assert_eq!(
            heartbeat.look(at(6000), at(5900)),
            Pulse::Back(Duration::from_millis(5900))
        );
        assert_eq!(heartbeat.look(at(7000), at(5900)), Pulse::Steady);
        assert!(matches!(heartbeat.look(at(8900), at(5900)), Pulse::Late(_)));
    }

    #[test]
    fn the_longest_expiry_of_a_tracker_moves_the_end_but_not_the_warning() {
        let mut heartbeat = heartbeat();
        heartbeat.set_longest_expiry(Duration::from_secs(10), Duration::from_secs(61));
        assert!(matches!(heartbeat.look(at(3000), at(0)), Pulse::Late(_)));
        assert_eq!(heartbeat.look(at(60_999), at(0)), Pulse::Steady);
        assert!(matches!(heartbeat.look(at(61_000), at(0)), Pulse::Lost(_)));
        heartbeat.set_longest_expiry(Duration::from_secs(10), Duration::from_secs(2));
        assert!(matches!(heartbeat.look(at(10_000), at(0)), Pulse::Lost(_)));
    }

    /// A machine that was paused for a minute must not resign when it goes on: the other world was paused too.
    #[test]
    fn time_in_which_the_engine_did_not_run_does_not_count() {
        let mut heartbeat = heartbeat();
        heartbeat.excuse(Duration::from_secs(60));
        assert_eq!(heartbeat.look(at(61_000), at(0)), Pulse::Steady);
        assert_eq!(heartbeat.deadline(), at(63_000));
        assert!(matches!(heartbeat.look(at(63_000), at(0)), Pulse::Late(_)));
        assert_eq!(
            heartbeat.look(at(64_000), at(63_500)),
            Pulse::Back(Duration::from_millis(3500))
        );
        assert_eq!(
            heartbeat.deadline(),
            at(66_500),
            "the excuse ends with the next beat"
        );
    }
}
