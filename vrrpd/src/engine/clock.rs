//! The engine's clocks: CLOCK_MONOTONIC for every decision, and the offset to CLOCK_REALTIME that kernel stamps need.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use vrrp_proto::time::Instant;

/// CLOCK_MONOTONIC now. Served by the vDSO: no system call.
pub(crate) fn now() -> Instant {
    Instant::from_nanos(read(ClockId::CLOCK_MONOTONIC))
}

/// CPU time that the calling thread has used.
pub(super) fn cpu_time() -> Duration {
    Duration::from_nanos(read(ClockId::CLOCK_THREAD_CPUTIME_ID))
}

/// How long the machine slept since its boot, in nanoseconds: CLOCK_BOOTTIME − CLOCK_MONOTONIC, to a few microseconds.
pub(super) fn asleep() -> Option<u64> {
    let monotonic = read(ClockId::CLOCK_MONOTONIC);
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    let boot = Duration::from(boot).as_nanos();
    Some(u64::try_from(boot).ok()?.saturating_sub(monotonic))
}

fn read(clock: ClockId) -> u64 {
    // These clocks exist on every Linux that can run this program, and reading one cannot fail otherwise.
    let time = clock_gettime(clock).expect("a clock that every kernel has can be read");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// What a kernel stamp may be off against the offset that it is converted with, before a clock step is suspected.
const STEP: u64 = 1_000;

/// CLOCK_REALTIME minus CLOCK_MONOTONIC at one moment. Constant until somebody steps the clock: both are slewed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockPair {
    offset: u64,
}

/// A kernel stamp on the engine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Converted {
    /// The instant.
    Certain(Instant),
    /// The clock was stepped around it; the instant that fits best.
    Ambiguous(Instant),
}

impl Converted {
    /// The instant, and whether a clock step makes it doubtful.
    pub(super) const fn parts(self) -> (Instant, bool) {
        match self {
            Self::Certain(at) => (at, false),
            Self::Ambiguous(at) => (at, true),
        }
    }
}

impl ClockPair {
    /// Takes the offset: the narrowest of three brackets, because one may be stretched by preemption.
    pub(super) fn sample() -> Self {
        let brackets: [_; 3] = std::array::from_fn(|_| {
            let before = read(ClockId::CLOCK_MONOTONIC);
            let real = read(ClockId::CLOCK_REALTIME);
            let after = read(ClockId::CLOCK_MONOTONIC);
            (before, real, after)
        });
        Self::of_brackets(brackets)
    }

    /// A pair with this offset.
    #[cfg(test)]
    pub(super) const fn with_offset(offset: u64) -> Self {
        Self { offset }
    }

    /// The offset from (monotonic, real, monotonic) readings.
    fn of_brackets(brackets: [(u64, u64, u64); 3]) -> Self {
        let narrowest = brackets
            .into_iter()
            .min_by_key(|(before, _, after)| after.saturating_sub(*before));
        let (before, real, after) = narrowest.expect("three brackets are not none");
        let middle = before.saturating_add(after.saturating_sub(before) / 2);
        Self {
            offset: real.saturating_sub(middle),
        }
    }

    /// A kernel stamp in nanoseconds of CLOCK_REALTIME, converted with this pair alone.
    pub(super) const fn convert(self, real: u64) -> Instant {
        Instant::from_nanos(real.saturating_sub(self.offset))
    }

    /// A kernel stamp taken between `earliest` and `latest`, converted with the pair from before and the one from after.
    pub(super) fn convert_between(
        before: Self,
        after: Self,
        real: u64,
        earliest: Instant,
        latest: Instant,
    ) -> Converted {
        let (first, last) = (before.convert(real), after.convert(real));
        if before.offset.abs_diff(after.offset) <= STEP {
            return Converted::Certain(last);
        }
        let fits = |at: Instant| earliest <= at && at <= latest;
        match (fits(first), fits(last)) {
            (true, false) => Converted::Certain(first),
            (false, true) => Converted::Certain(last),
            (true, true) | (false, false) => Converted::Ambiguous(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn pair(offset: u64) -> ClockPair {
        ClockPair::with_offset(offset)
    }

    #[test]
    fn the_narrowest_bracket_decides() {
        let wide = (100, 5_000 + 900, 1_900);
        let narrow = (2_000, 7_020, 2_040);
        assert_eq!(ClockPair::of_brackets([wide, narrow, wide]), pair(5_000));
    }

    #[test]
    fn a_sample_converts_the_present_to_the_present() {
        let pair = ClockPair::sample();
        let before = now();
        let real = read(ClockId::CLOCK_REALTIME);
        let after = now();
        let converted = pair.convert(real).as_nanos();
        assert!(
            converted + 100_000 >= before.as_nanos() && converted <= after.as_nanos() + 100_000
        );
    }

    #[test]
    fn without_a_step_the_stamp_is_certain() {
        let at = Instant::from_nanos;
        let converted = ClockPair::convert_between(
            pair(SECOND),
            pair(SECOND + 500),
            SECOND + 40,
            at(0),
            at(100),
        );
        assert!(matches!(converted, Converted::Certain(_)));
    }

    #[test]
    fn after_a_step_the_offset_that_fits_is_taken_and_else_it_is_doubtful() {
        let at = Instant::from_nanos;
        let (old, new) = (pair(SECOND), pair(2 * SECOND));
        let window = (at(1_000), at(2_000));
        let convert = |real| ClockPair::convert_between(old, new, real, window.0, window.1);
        assert_eq!(
            convert(SECOND + 1_500),
            Converted::Certain(at(1_500)),
            "stamped before the step"
        );
        assert_eq!(
            convert(2 * SECOND + 1_500),
            Converted::Certain(at(1_500)),
            "stamped after the step"
        );
        assert!(
            matches!(convert(10 * SECOND), Converted::Ambiguous(_)),
            "neither fits"
        );
        let close = ClockPair::convert_between(
            pair(SECOND),
            pair(SECOND + 1_200),
            SECOND + 2_000,
            at(0),
            at(9_000),
        );
        assert!(matches!(close, Converted::Ambiguous(_)), "both fit");
    }
}
