//! Both clocks at one moment: the monotonic one that the core's instants are on, and the wall clock that people read.

use std::time::{SystemTime, UNIX_EPOCH};

use vrrp_proto::time::Instant;
use vrrp_record::moment::Moment;

use crate::core;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// CLOCK_MONOTONIC.
    pub monotonic: Instant,
    /// Nanoseconds since 1970-01-01 00:00:00 UTC: whole milliseconds would shift events against each other.
    pub unix_ns: i64,
}

impl Now {
    /// Reads both clocks.
    #[must_use]
    pub fn read() -> Self {
        let monotonic = core::now();
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            monotonic,
            unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// The wall clock in milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_ns.div_euclid(1_000_000)
    }

    /// Both clocks at an instant that this moment looks back at; never after this moment.
    #[must_use]
    pub fn at(self, at: Instant) -> Self {
        let age = self.monotonic.saturating_since(at);
        let age_ns = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        Self {
            monotonic: at.min(self.monotonic),
            unix_ns: self.unix_ns.saturating_sub(age_ns),
        }
    }

    /// A monotonic instant as a moment that this one looks back at.
    #[must_use]
    pub fn look_back(self, at: Instant) -> Moment {
        Moment::before(self.unix_ns, self.monotonic.saturating_since(at))
    }
}
