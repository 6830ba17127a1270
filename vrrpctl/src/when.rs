//! Times and lengths of time as people type them.

use jiff::civil::{Date, DateTime, Time as ClockTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use vrrp_record::history::Time;

/// What is understood, for messages.
pub(crate) const EXAMPLES: &str = "a time is like 2h, 12:03, 12:03:41.5, 2026-11-24, \"2026-11-24 12:03:41 +01:00\", today, yesterday or now";

/// A length of time in nanoseconds: `1.5s`, `250ms`, `2h`, `3d`, `1h30min`.
pub(crate) fn span(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !(character.is_ascii_digit() || character == '.'))
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail
            .find(|character: char| !character.is_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let nanos = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" => 1_000,
            "ms" => 1_000_000,
            "s" | "sec" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        total = total.checked_add(scaled(number, nanos)?)?;
        rest = tail.trim_start();
    }
    Some(total)
}

/// `number`, with decimals, times `unit`.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = if whole.is_empty() && !decimals.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(unit)?;
    let mut part = unit;
    for digit in decimals.chars() {
        part /= 10;
        total = total.checked_add(i64::from(digit.to_digit(10)?) * part)?;
    }
    Some(total)
}

/// A point in time: a length of time ago, a time of day (the last one that is not in the future), a date, or both, with or
/// without an offset from UTC.
pub(crate) fn point(text: &str, now: Time, zone: &TimeZone) -> Option<Time> {
    let text = text.trim();
    let ago = text.strip_suffix("ago").map_or(text, str::trim_end);
    if let Some(length) = span(ago) {
        return Some(now.plus(length.checked_neg()?));
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return Some(Time(scaled(seconds, 1_000_000_000)?));
    }
    let here = Timestamp::from_nanosecond(now.0.into())
        .ok()?
        .to_zoned_datetime(zone.clone());
    let midnight = |date: Date| local(date.to_datetime(ClockTime::midnight()), zone);
    match text {
        "now" => return Some(now),
        "today" => return midnight(here.date()),
        "yesterday" => return midnight(here.date().yesterday().ok()?),
        _ => {}
    }
    if let Ok(time) = text.parse::<ClockTime>()
        && !text.contains('-')
    {
        let today = local(here.date().to_datetime(time), zone)?;
        if today <= now {
            return Some(today);
        }
        return local(
            here.date().checked_sub(1.day()).ok()?.to_datetime(time),
            zone,
        );
    }
    // As times are printed here: the offset stands behind a space.
    let joined = match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-', 'Z']) => format!("{time}{offset}"),
        _ => text.to_owned(),
    };
    if let Ok(stamp) = joined.parse::<Timestamp>() {
        return Some(Time(i64::try_from(stamp.as_nanosecond()).ok()?));
    }
    if let Ok(time) = joined.parse::<DateTime>() {
        return local(time, zone);
    }
    None
}

fn local(time: DateTime, zone: &TimeZone) -> Option<Time> {
    let stamp = zone.to_timestamp(time).ok()?;
    Some(Time(i64::try_from(stamp.as_nanosecond()).ok()?))
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn lengths_have_decimals_and_may_be_joined() {
        for (text, nanos) in [
            ("1.5s", Some(1_500_000_000)),
            ("250ms", Some(250_000_000)),
            ("1h30min", Some(5_400_000_000_000)),
            ("2 h 5 min", Some(7_500_000_000_000)),
            (".5s", Some(500_000_000)),
            ("60us", Some(60_000)),
            ("3d", Some(259_200_000_000_000)),
            ("3", None),
            ("", None),
            ("s", None),
            ("1.5.5s", None),
            ("99999999999999999999d", None),
            ("9223372036854775807d", None),
        ] {
            assert_eq!(span(text), nanos, "{text}");
        }
    }

    #[test]
    fn times_are_local_unless_they_say_otherwise() {
        let zone = TimeZone::fixed(Offset::from_hours(1).unwrap());
        // 2026-11-24 13:05:00 +01:00.
        let now = Time(1_795_521_900_000_000_000);
        let second = 1_000_000_000;
        let at = |text: &str| point(text, now, &zone).map(|time| time.since(now) / second);
        assert_eq!(at("now"), Some(0));
        assert_eq!(at("2h"), Some(-7_200));
        assert_eq!(at("90 s ago"), Some(-90));
        assert_eq!(at("13:04"), Some(-60));
        assert_eq!(at("13:06"), Some(60 - 86_400), "not in the future");
        assert_eq!(at("13:04:59.5"), Some(0));
        assert_eq!(at("today"), Some(-(13 * 3_600 + 300)));
        assert_eq!(at("yesterday"), Some(-(37 * 3_600 + 300)));
        assert_eq!(at("2026-11-24"), Some(-(13 * 3_600 + 300)));
        assert_eq!(at("2026-11-24 13:05:10"), Some(10));
        assert_eq!(at("2026-11-24T13:05:10"), Some(10));
        assert_eq!(at("2026-11-24 12:05:10 +00:00"), Some(10));
        assert_eq!(at("2026-11-24T12:05:10Z"), Some(10));
        assert_eq!(at("@1795521900"), Some(0));
        for wrong in [
            "",
            "soon",
            "25:00",
            "2026-13-01",
            "12:03 +01:00 x",
            "@x",
            "-5s",
        ] {
            assert_eq!(point(wrong, now, &zone), None, "{wrong}");
        }
    }
}
