//! Both clocks at one moment: the monotonic one that the core's instants are on, and the wall clock that people read.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use vrrp_proto::time::Instant;
use vrrp_record::moment::Moment;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// CLOCK_MONOTONIC.
    pub monotonic: Instant,
    /// Milliseconds since 1970-01-01 00:00:00 UTC.
    pub unix_ms: i64,
}

impl Now {
    /// Reads both clocks.
    #[must_use]
    pub fn read() -> Self {
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Instant::ZERO, |time| {
            let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
            let nanos = u64::try_from(time.tv_nsec()).unwrap_or_default();
            Instant::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
        });
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            monotonic,
            unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Both clocks at an instant that this moment looks back at; never after this moment.
    #[must_use]
    pub fn at(self, at: Instant) -> Self {
        let moment = self.look_back(at);
        Self {
            monotonic: at.min(self.monotonic),
            unix_ms: moment.unix_ms,
        }
    }

    /// A monotonic instant as a moment that this one looks back at.
    #[must_use]
    pub fn look_back(self, at: Instant) -> Moment {
        Moment::before(self.unix_ms, self.monotonic.saturating_since(at))
    }
}
