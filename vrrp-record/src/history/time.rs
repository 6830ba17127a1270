//! Times of a history.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 00:00:00 UTC on the steady axis of one run: CLOCK_MONOTONIC plus the distance to the wall
/// clock at the run's start. Steps of the wall clock do not bend it; they are events.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// Nanoseconds from `earlier` to this time; negative where it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same as a duration; zero where `earlier` is later.
    #[must_use]
    pub fn after(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.since(earlier)).unwrap_or_default())
    }

    /// This time, later by so many nanoseconds.
    #[must_use]
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Milliseconds since 1970, rounded down.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl fmt::Display for Time {
    /// Seconds since 1970 with nine digits; people get local time from the tool.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}",
            self.0.div_euclid(1_000_000_000),
            self.0.rem_euclid(1_000_000_000)
        )
    }
}
