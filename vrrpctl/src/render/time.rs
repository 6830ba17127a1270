//! Points in time as people read them: local, with the offset from UTC.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vrrp_record::history::Time;
use vrrp_record::quantity::Span;

/// A length of time told in milliseconds.
pub(crate) const fn millis(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

/// `2026-11-24 11:07:54 +01:00`.
pub(super) fn full(unix_ms: i64, zone: &TimeZone) -> String {
    format(unix_ms, zone, "%Y-%m-%d %H:%M:%S %:z")
}

/// `2026-11-24 11:07:54.209`; the offset is told elsewhere.
pub(super) fn precise(unix_ms: i64, zone: &TimeZone) -> String {
    format(unix_ms, zone, "%Y-%m-%d %H:%M:%S%.3f")
}

/// `2026-11-24 11:07:54.209 +01:00`.
pub(crate) fn moment(at: Time, zone: &TimeZone) -> String {
    format(at.unix_ms(), zone, "%Y-%m-%d %H:%M:%S%.3f %:z")
}

/// `2026-11-24 11:07:54.209`; the offset is told elsewhere.
pub(crate) fn stamp(at: Time, zone: &TimeZone) -> String {
    precise(at.unix_ms(), zone)
}

/// `11:07:54.209`; date and offset are told elsewhere.
pub(crate) fn clock(at: Time, zone: &TimeZone) -> String {
    format(at.unix_ms(), zone, "%H:%M:%S%.3f")
}

/// `2026-11-24`.
pub(crate) fn date(at: Time, zone: &TimeZone) -> String {
    format(at.unix_ms(), zone, "%Y-%m-%d")
}

/// `5 min 2 s ago`; a time ahead of this clock is that of another machine.
pub(crate) fn ago(at: Time, now: Time) -> String {
    if at > now {
        return format!("{} ahead of this clock", Span(at.after(now)));
    }
    format!("{} ago", Span(now.after(at)))
}

/// A length of time told in nanoseconds.
pub(crate) const fn nanos(nanos: u64) -> Span {
    Span(Duration::from_nanos(nanos))
}

/// `+01:00`.
pub(crate) fn offset(unix_ms: i64, zone: &TimeZone) -> String {
    format(unix_ms, zone, "%:z")
}

fn format(unix_ms: i64, zone: &TimeZone, pattern: &str) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(time) => time
            .to_zoned_datetime(zone.clone())
            .strftime(pattern)
            .to_string(),
        // Beyond the calendar: a clock that was never set, or a broken answer.
        Err(_) => format!("{unix_ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn times_are_local_and_say_their_offset() {
        let zone = TimeZone::fixed(Offset::from_hours(1).unwrap());
        assert_eq!(full(1_779_617_274_209, &zone), "2026-05-24 11:07:54 +01:00");
        assert_eq!(precise(1_779_617_274_209, &zone), "2026-05-24 11:07:54.209");
        assert_eq!(offset(0, &zone), "+01:00");
    }

    #[test]
    fn a_time_beyond_the_calendar_does_not_panic() {
        assert_eq!(full(i64::MAX, &TimeZone::UTC), format!("{} ms", i64::MAX));
    }
}
