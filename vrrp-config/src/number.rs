//! Decimal numbers of seconds, for both languages.

const MICROS: u64 = 1_000_000;

/// Seconds with up to six decimals, in microseconds; further decimals round the last one and are told of.
pub(crate) fn decimal(text: &str) -> Option<(u64, bool)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let seconds: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut micros = 0_u64;
    for place in 0..6 {
        let digit = fraction
            .as_bytes()
            .get(place)
            .map_or(0, |byte| u64::from(byte - b'0'));
        micros = micros * 10 + digit;
    }
    if fraction.as_bytes().get(6).is_some_and(|byte| *byte >= b'5') {
        micros += 1;
    }
    let total = seconds.checked_mul(MICROS)?.checked_add(micros)?;
    Some((total, fraction.len() > 6))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn seconds_have_up_to_six_decimals_and_round_the_rest() {
        for (text, expected) in [
            ("1", Some((1_000_000, false))),
            ("1.5", Some((1_500_000, false))),
            (".5", Some((500_000, false))),
            ("0.000001", Some((1, false))),
            ("1.1234567", Some((1_123_457, true))),
            ("1.1234564", Some((1_123_456, true))),
            (".", None),
            ("1s", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }
}
