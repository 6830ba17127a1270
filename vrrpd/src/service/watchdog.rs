//! The service manager's watchdog (sd_watchdog_enabled(3)): it is fed by progress and by nothing else.
//!
//! The world's loop looks once a beat, so that a loop that hangs feeds nothing; and it feeds only when the engine has
//! been through its own loop since the last time, so that a world without an engine feeds nothing either.

use std::time::Duration;

use vrrp_proto::time::Instant;

/// The engine looks after the heartbeat every three seconds at the latest: a shorter period would be starved by health.
pub const SHORTEST: Duration = Duration::from_secs(10);

/// When to feed, and whether it is deserved.
#[derive(Debug)]
pub struct Watchdog {
    every: Duration,
    fed: Instant,
    /// The engine's wakes when it was fed.
    wakes: u64,
}

impl Watchdog {
    /// The watchdog that the service manager asked this process for, if it did.
    #[must_use]
    pub fn from_environment(now: Instant) -> Option<Self> {
        let variable = |name| std::env::var(name).ok();
        let limit = limit(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
            std::process::id(),
        )?;
        if limit < SHORTEST {
            tracing::warn!(
                "WatchdogSec={} s is too short to tell a busy machine from a dead one: set 30 s or more",
                limit.as_secs_f64()
            );
        }
        Some(Self::new(limit, now))
    }

    fn new(limit: Duration, now: Instant) -> Self {
        Self {
            // A few chances before the limit.
            every: limit / 4,
            fed: now,
            wakes: 0,
        }
    }

    /// Whether to feed it now: time has come, and the engine, which has woken so often until now, has made progress.
    pub fn deserves(&mut self, now: Instant, wakes: u64) -> bool {
        if now.saturating_since(self.fed) < self.every || wakes == self.wakes {
            return false;
        }
        self.fed = now;
        self.wakes = wakes;
        true
    }
}

/// How long the manager waits, if it waits for the process `own`.
fn limit(microseconds: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    let ours = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let microseconds = microseconds?.parse().ok().filter(|limit| *limit > 0)?;
    ours.then(|| Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn progress_feeds_it_and_time_alone_does_not() {
        let mut watchdog = Watchdog::new(Duration::from_secs(60), at(0));
        assert!(!watchdog.deserves(at(14), 100), "too early");
        assert!(watchdog.deserves(at(15), 100));
        for second in 16..600 {
            assert!(!watchdog.deserves(at(second), 100), "the engine hangs");
        }
        assert!(watchdog.deserves(at(600), 101), "it goes on");
        assert!(!watchdog.deserves(at(601), 102));
    }

    #[test]
    fn the_manager_s_limit_is_for_the_process_that_it_names() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(limit(Some("60000000"), Some("7"), 7), minute);
        assert_eq!(limit(Some("60000000"), None, 7), minute);
        assert_eq!(limit(Some("60000000"), Some("8"), 7), None);
        assert_eq!(limit(Some("0"), None, 7), None);
        assert_eq!(limit(Some("soon"), None, 7), None);
        assert_eq!(limit(None, None, 7), None);
    }
}
