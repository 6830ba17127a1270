//! Time stamps of log lines: classic syslog without a year, RFC 3339 and what journalctl makes of it, seconds since 1970,
//! and keepalived's own on a console.

/// A time as a line tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Year, where the line has one.
    year: Option<i64>,
    month: i64,
    day: i64,
    /// Seconds within the day.
    seconds: i64,
    nanos: i64,
    /// Distance to UTC in seconds, where the line has one.
    offset: Option<i64>,
    /// Nanoseconds that the line does not tell: a second, or less.
    pub(super) grain: i64,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SECOND: i64 = 1_000_000_000;

impl Stamp {
    /// The stamp that a line begins with, and the rest of the line.
    pub(super) fn parse(line: &str) -> Option<(Self, &str)> {
        let (first, rest) = word(line)?;
        if DAYS.contains(&first) {
            // `Tue Nov 24 15:08:11 2026: text`, or `Tue 2026-11-24 15:08:11 UTC host …`.
            return Self::classic(rest)
                .and_then(|(stamp, rest)| {
                    let (year, rest) = word(rest)?;
                    let year = year.trim_end_matches(':').parse().ok()?;
                    let stamp = Self {
                        year: Some(year),
                        ..stamp
                    };
                    Some((stamp, rest))
                })
                .or_else(|| Self::full(rest));
        }
        if MONTHS.contains(&first) {
            return Self::classic(line);
        }
        if let Some(stamp) = Self::rfc3339(first) {
            return Some((stamp, rest));
        }
        Self::unix(first).map(|stamp| (stamp, rest))
    }

    /// The line has no distance to UTC.
    pub(super) const fn is_local(&self) -> bool {
        self.offset.is_none()
    }

    /// Nanoseconds since 1970, with `offset` where the line has none, in the year that brings it nearest to `near`.
    pub(super) fn at(&self, offset: i64, near: i64) -> i64 {
        let within = |year: i64| {
            let days = days(year, self.month, self.day);
            let seconds = days * 86_400 + self.seconds - self.offset.unwrap_or(offset);
            seconds.saturating_mul(SECOND).saturating_add(self.nanos)
        };
        match self.year {
            Some(year) => within(year),
            None => {
                let year = 1970 + near.div_euclid(31_556_952 * SECOND);
                (year - 1..=year + 1)
                    .map(within)
                    .min_by_key(|at| at.abs_diff(near))
                    .unwrap_or_default()
            }
        }
    }

    /// `Nov 24 15:08:11`, with or without a fraction.
    fn classic(text: &str) -> Option<(Self, &str)> {
        let (month, rest) = word(text)?;
        let (day, rest) = word(rest)?;
        let (clock, rest) = word(rest)?;
        let month = MONTHS.iter().position(|name| *name == month)?;
        let (seconds, nanos, grain) = clock_of(clock)?;
        let stamp = Self {
            year: None,
            month: i64::try_from(month).ok()? + 1,
            day: day.parse().ok().filter(|day| (1..=31).contains(day))?,
            seconds,
            nanos,
            offset: None,
            grain,
        };
        Some((stamp, rest))
    }

    /// `2026-11-24 15:08:11 UTC`.
    fn full(text: &str) -> Option<(Self, &str)> {
        let (date, rest) = word(text)?;
        let (clock, rest) = word(rest)?;
        let (zone, rest) = word(rest)?;
        let stamp = Self::rfc3339(&format!("{date}T{clock}Z"))?;
        let offset = matches!(zone, "UTC" | "GMT").then_some(0);
        Some((Self { offset, ..stamp }, rest))
    }

    /// `2026-11-24T15:08:11.123456+01:00`, also with `+0100`, `Z` or nothing.
    fn rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', ' '])?;
        let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
        let (year, month, day) = (
            parts.next()?.ok()?,
            parts.next()?.ok()?,
            parts.next()?.ok()?,
        );
        let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at_checked(zone)?;
        let (seconds, nanos, grain) = clock_of(clock)?;
        let sane =
            (1970..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        sane.then_some(Self {
            year: Some(year),
            month,
            day,
            seconds,
            nanos,
            offset: match zone {
                "" => None,
                "Z" => Some(0),
                _ => Some(offset_of(zone)?),
            },
            grain,
        })
    }

    /// `1795533650.894025`.
    fn unix(text: &str) -> Option<Self> {
        let (seconds, fraction) = text.split_once('.')?;
        let total: i64 = seconds.parse().ok().filter(|_| seconds.len() >= 9)?;
        let (nanos, grain) = fraction_of(fraction)?;
        Some(Self {
            year: Some(1970),
            month: 1,
            day: 1,
            seconds: total,
            nanos,
            offset: Some(0),
            grain,
        })
    }
}

/// The next word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    let end = text.find(' ').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then(|| (word, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// `15:08:11.123`: seconds, nanoseconds, and what is not told.
fn clock_of(text: &str) -> Option<(i64, i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.splitn(3, ':').map(str::parse::<i64>);
    let (hours, minutes, seconds) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let sane =
        (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    let (nanos, grain) = fraction_of(fraction)?;
    sane.then_some((hours * 3600 + minutes * 60 + seconds, nanos, grain))
}

fn fraction_of(text: &str) -> Option<(i64, i64)> {
    if text.is_empty() {
        return Some((0, SECOND));
    }
    let digits = u32::try_from(text.len())
        .ok()
        .filter(|digits| *digits <= 9)?;
    let grain = 10_i64.pow(9 - digits);
    let value: i64 = text.parse().ok().filter(|value| *value >= 0)?;
    Some((value * grain, grain))
}

/// `+01:00` or `+0100` in seconds.
fn offset_of(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    let seconds = number / 100 * 3600 + number % 100 * 60;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 15:20:12 UTC.
    const AT: i64 = 1_795_533_612 * SECOND;

    fn at(line: &str, offset: i64) -> (i64, String) {
        let (stamp, rest) = Stamp::parse(line).expect("a stamp");
        (stamp.at(offset, AT), rest.to_owned())
    }

    #[test]
    fn every_form_of_a_stamp_is_the_same_time() {
        let rest = String::from("lb1 Keepalived[7]: text");
        for line in [
            "Nov 24 15:20:12 lb1 Keepalived[7]: text",
            "Nov 24 15:20:12.000000 lb1 Keepalived[7]: text",
            "2026-11-24T15:20:12Z lb1 Keepalived[7]: text",
            "2026-11-24T16:20:12.000+01:00 lb1 Keepalived[7]: text",
            "2026-11-24T10:20:12-0500 lb1 Keepalived[7]: text",
            "Tue 2026-11-24 15:20:12 UTC lb1 Keepalived[7]: text",
            "1795533612.000000 lb1 Keepalived[7]: text",
            "Tue Nov 24 15:20:12 2026: lb1 Keepalived[7]: text",
        ] {
            assert_eq!(at(line, 0), (AT, rest.clone()), "{line}");
        }
        assert_eq!(at("Nov 24 16:20:12 lb1 x", 3600).0, AT, "local time");
    }

    #[test]
    fn a_year_that_is_missing_is_the_nearest() {
        let (stamp, _) = Stamp::parse("Dec 31 23:59:59 lb1 x").expect("a stamp");
        let new_year = days(2014, 1, 1) * 86_400 * SECOND;
        assert_eq!(stamp.at(0, new_year), new_year - SECOND);
        let (stamp, _) = Stamp::parse("Jan  1 00:00:01 lb1 x").expect("a stamp");
        assert_eq!(stamp.at(0, new_year - SECOND), new_year + SECOND);
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        for line in [
            "",
            "text",
            "Nov",
            "Nov 99 15:20:12 x",
            "2026-13-01T00:00:00Z x",
            "Nov 24 25:20:12 x",
        ] {
            assert_eq!(Stamp::parse(line), None, "{line}");
        }
    }
}
