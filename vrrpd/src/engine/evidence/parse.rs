//! Values in the texts of /proc and of cgroups. Nothing here allocates, and nothing here trusts the text.

use super::readings::Throttled;

/// Nanoseconds of a tick of /proc/stat: USER_HZ is 100 for every Linux that user programs can see.
const TICK: u64 = 10_000_000;

/// Time on a CPU and time waiting for one, of schedstat.
pub(super) fn schedstat(text: &[u8]) -> Option<(u64, u64)> {
    let mut words = words(text);
    Some((number(words.next()?)?, number(words.next()?)?))
}

/// Throttled time and how often, of cpu.stat: version 2 counts microseconds, version 1 nanoseconds.
pub(super) fn throttled(text: &[u8], version_2: bool) -> Option<Throttled> {
    let times = value(text, b"nr_throttled")?;
    let time = if version_2 {
        value(text, b"throttled_usec")?.saturating_mul(1000)
    } else {
        value(text, b"throttled_time")?
    };
    Some(Throttled { time, times })
}

/// Frozen time of cgroup.stat.local.
pub(super) fn frozen(text: &[u8]) -> Option<u64> {
    value(text, b"frozen_usec").map(|micros| micros.saturating_mul(1000))
}

/// Total of the line `full` of a pressure file.
pub(super) fn full_pressure(text: &[u8]) -> Option<u64> {
    let line = line(text, b"full")?;
    let total = words(line).find_map(|word| word.strip_prefix(b"total="))?;
    number(total).map(|micros| micros.saturating_mul(1000))
}

/// Steal of all CPUs: the eighth number of the first line of /proc/stat.
pub(super) fn steal(text: &[u8]) -> Option<u64> {
    let ticks = words(line(text, b"cpu")?).nth(8)?;
    number(ticks).map(|ticks| ticks.saturating_mul(TICK))
}

fn value(text: &[u8], key: &[u8]) -> Option<u64> {
    number(words(line(text, key)?).nth(1)?)
}

/// The complete line whose first word is `key`.
fn line<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.find(|line| line.ends_with(b"\n") && words(line).next() == Some(key))
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_what_kernels_write() {
        assert_eq!(schedstat(b"123 456 7\n"), Some((123, 456)));
        let version_2 =
            b"usage_usec 9\nuser_usec 9\nnr_periods 4\nnr_throttled 2\nthrottled_usec 893900\n";
        let expected = Throttled {
            time: 893_900_000,
            times: 2,
        };
        assert_eq!(throttled(version_2, true), Some(expected));
        let version_1 = b"nr_periods 4\nnr_throttled 2\nthrottled_time 893900000\n";
        assert_eq!(throttled(version_1, false), Some(expected));
        assert_eq!(frozen(b"frozen_usec 2093000\n"), Some(2_093_000_000));
        let pressure = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=55\n";
        assert_eq!(full_pressure(pressure), Some(55_000));
        let stat = b"cpu  1 2 3 4 5 6 7 89 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
        assert_eq!(steal(stat), Some(890_000_000));
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        assert_eq!(schedstat(b""), None);
        assert_eq!(schedstat(b"1"), None);
        assert_eq!(throttled(b"usage_usec 9\n", true), None, "the root cgroup");
        assert_eq!(frozen(b"frozen_usec\n"), None);
        assert_eq!(frozen(b"frozen_usec 20"), None, "cut off");
        assert_eq!(
            full_pressure(b"some total=4\n"),
            None,
            "the kernel's cpu.pressure of old"
        );
        assert_eq!(steal(b"cpu 1 2 3\n"), None);
        assert_eq!(steal(b"cpu 1 2 3 4 5 6 7 x\n"), None);
    }
}
