//! Numbers as people read them: lengths of time, counts, and errnos of Linux.

use std::fmt;
use std::time::Duration;

/// A length of time as people read it: `3.61 s`, `4 min 12 s`, `12 d 4 h`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match seconds {
            0..10 => {
                let micros = self.0.as_micros();
                if micros < 1_000 {
                    format!("{micros} \u{b5}s")
                } else if micros < 10_000 {
                    trimmed(micros, 1_000, "ms")
                } else if micros < 1_000_000 {
                    format!("{} ms", micros / 1_000)
                } else {
                    trimmed(micros, 1_000_000, "s")
                }
            }
            10..60 => format!("{seconds} s"),
            60..3_600 => pair(seconds, 60, "min", "s"),
            3_600..86_400 => pair(seconds / 60, 60, "h", "min"),
            _ => pair(seconds / 3_600, 24, "d", "h"),
        };
        f.pad(&text)
    }
}

/// `value / unit` with at most two decimals, and without trailing zeros.
fn trimmed(value: u128, unit: u128, name: &str) -> String {
    let hundredths = value * 100 / unit;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{whole} {name}"),
        (_, 0) => format!("{whole}.{} {name}", rest / 10),
        _ => format!("{whole}.{rest:02} {name}"),
    }
}

/// Two units of a length of time, the smaller one left out where it is zero.
fn pair(small: u64, per_large: u64, large_name: &str, small_name: &str) -> String {
    match small % per_large {
        0 => format!("{} {large_name}", small / per_large),
        rest => format!("{} {large_name} {rest} {small_name}", small / per_large),
    }
}

/// An errno of Linux by name and meaning, wherever it is read.
#[derive(Clone, Copy, Debug)]
pub struct Errno(pub i32);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            1 => "EPERM (operation not permitted)",
            2 => "ENOENT (no such file or directory)",
            11 => "EAGAIN (try again)",
            12 => "ENOMEM (out of memory)",
            13 => "EACCES (permission denied)",
            16 => "EBUSY (device or resource busy)",
            17 => "EEXIST (exists already)",
            19 => "ENODEV (no such device)",
            22 => "EINVAL (invalid argument)",
            24 => "EMFILE (too many open files)",
            90 => "EMSGSIZE (message too long)",
            95 => "EOPNOTSUPP (not supported)",
            97 => "EAFNOSUPPORT (address family not supported)",
            98 => "EADDRINUSE (address in use)",
            99 => "EADDRNOTAVAIL (address not available)",
            100 => "ENETDOWN (network is down)",
            101 => "ENETUNREACH (network is unreachable)",
            105 => "ENOBUFS (no buffer space)",
            110 => "ETIMEDOUT (timed out)",
            113 => "EHOSTUNREACH (no route to host)",
            number => return write!(f, "errno {number}"),
        };
        f.write_str(text)
    }
}

/// A count in groups of three digits: `1 051 203`.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::new();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// `1 router`, `2 routers`, `3 addresses`: a number with its noun.
#[derive(Clone, Copy, Debug)]
pub struct Plural(pub u64, pub &'static str);

impl fmt::Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match self.0 {
            1 => "",
            _ if self.1.ends_with('s') => "es",
            _ => "s",
        };
        write!(f, "{} {}{ending}", Count(self.0), self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (duration, text) in [
            (Duration::from_nanos(400), "0 \u{b5}s"),
            (Duration::from_micros(850), "850 \u{b5}s"),
            (Duration::from_micros(1_400), "1.4 ms"),
            (Duration::from_millis(50), "50 ms"),
            (Duration::from_millis(999), "999 ms"),
            (Duration::from_secs(1), "1 s"),
            (Duration::from_millis(3_609), "3.6 s"),
            (Duration::from_millis(3_050), "3.05 s"),
            (Duration::from_secs(59), "59 s"),
            (Duration::from_secs(60), "1 min"),
            (Duration::from_secs(252), "4 min 12 s"),
            (Duration::from_secs(3_600 * 5 + 60 * 7 + 3), "5 h 7 min"),
            (Duration::from_secs(86_400 * 12 + 3_600 * 4), "12 d 4 h"),
        ] {
            assert_eq!(Span(duration).to_string(), text);
        }
    }

    #[test]
    fn unknown_errnos_are_told_by_number() {
        assert_eq!(Errno(4_711).to_string(), "errno 4711");
    }

    #[test]
    fn counts_are_grouped_from_the_right() {
        assert_eq!(Count(0).to_string(), "0");
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(1_051_203).to_string(), "1 051 203");
        assert_eq!(Plural(1, "router").to_string(), "1 router");
        assert_eq!(Plural(3, "address").to_string(), "3 addresses");
        assert_eq!(Plural(0, "router").to_string(), "0 routers");
    }
}
