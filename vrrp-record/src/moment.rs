//! When something happened, told twice: by the wall clock, which people compare with other logs, and as an age by the
//! monotonic clock, which stays right when the wall clock is stepped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time as a status tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since 1970-01-01 00:00:00 UTC, by the wall clock as it is now: the time of the status less the age.
    pub unix_ms: i64,
    /// Monotonic milliseconds between that point and the status that tells it.
    pub age_ms: u64,
}

impl Moment {
    /// The point `age` before the wall clock read `now_unix_ns`.
    #[must_use]
    pub fn before(now_unix_ns: i64, age: Duration) -> Self {
        let age_ns = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        Self {
            unix_ms: now_unix_ns.saturating_sub(age_ns).div_euclid(1_000_000),
            age_ms: millis(age),
        }
    }

    /// The age.
    #[must_use]
    pub const fn age(self) -> Duration {
        Duration::from_millis(self.age_ms)
    }
}

/// Whole milliseconds of a duration.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
