//! Counters as they were read, and how far they moved between two readings. Arithmetic only.

/// Ancestor cgroups whose throttling is read, at most: service managers nest less deeply.
pub(in crate::engine) const ANCESTORS: usize = 16;

/// The two clocks behind it are never read at one moment: what is shorter than this was no sleep of the machine.
const SLEEP: u64 = 1_000_000;

/// Time in which a cgroup was throttled, in nanoseconds, and how often it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Throttled {
    pub(in crate::engine) time: u64,
    pub(in crate::engine) times: u64,
}

/// Running totals at one time; times in nanoseconds. None is what this machine does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Readings {
    pub(super) run_delay: Option<u64>,
    pub(super) cpu: Option<u64>,
    pub(super) throttled: [Option<Throttled>; ANCESTORS],
    pub(super) frozen: Option<u64>,
    pub(super) io_pressure: Option<u64>,
    pub(super) steal: Option<u64>,
    pub(super) major_faults: Option<u64>,
    pub(super) minor_faults: Option<u64>,
    pub(super) voluntary: Option<u64>,
    pub(super) involuntary: Option<u64>,
    /// CLOCK_BOOTTIME − CLOCK_MONOTONIC.
    pub(super) asleep: Option<u64>,
}

/// How far the totals moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Moved {
    pub(in crate::engine) run_delay: Option<u64>,
    pub(in crate::engine) cpu: Option<u64>,
    /// Of the cgroup that was throttled longest.
    pub(in crate::engine) throttled: Option<Throttled>,
    pub(in crate::engine) frozen: Option<u64>,
    pub(in crate::engine) io_pressure: Option<u64>,
    pub(in crate::engine) steal: Option<u64>,
    pub(in crate::engine) major_faults: Option<u64>,
    pub(in crate::engine) minor_faults: Option<u64>,
    pub(in crate::engine) voluntary: Option<u64>,
    pub(in crate::engine) involuntary: Option<u64>,
    pub(in crate::engine) asleep: Option<u64>,
    /// Who sent the SIGCONT that was pending; 0 where the kernel did not say.
    pub(in crate::engine) continued: Option<u32>,
}

impl Readings {
    /// How far everything moved since `before`.
    pub(super) fn since(&self, before: &Self) -> Moved {
        let groups = self.throttled.iter().zip(&before.throttled);
        let throttled = groups
            .filter_map(|(now, before)| {
                let (now, before) = ((*now)?, (*before)?);
                Some(Throttled {
                    time: now.time.saturating_sub(before.time),
                    times: now.times.saturating_sub(before.times),
                })
            })
            .max_by_key(|throttled| (throttled.time, throttled.times));
        Moved {
            run_delay: difference(self.run_delay, before.run_delay),
            cpu: difference(self.cpu, before.cpu),
            throttled,
            frozen: difference(self.frozen, before.frozen),
            io_pressure: difference(self.io_pressure, before.io_pressure),
            steal: difference(self.steal, before.steal),
            major_faults: difference(self.major_faults, before.major_faults),
            minor_faults: difference(self.minor_faults, before.minor_faults),
            voluntary: difference(self.voluntary, before.voluntary),
            involuntary: difference(self.involuntary, before.involuntary),
            asleep: difference(self.asleep, before.asleep)
                .map(|slept| if slept < SLEEP { 0 } else { slept }),
            continued: None,
        }
    }
}

/// A counter that one of the readings lacks moved by an unknown amount, not by none.
fn difference(now: Option<u64>, before: Option<u64>) -> Option<u64> {
    Some(now?.saturating_sub(before?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_reading_lacks_is_unknown_and_not_zero() {
        let before = Readings {
            cpu: Some(5),
            ..Readings::default()
        };
        let now = Readings {
            cpu: Some(9),
            frozen: Some(3),
            ..Readings::default()
        };
        let moved = now.since(&before);
        assert_eq!(
            (moved.cpu, moved.frozen, moved.steal),
            (Some(4), None, None)
        );
        assert_eq!(moved.throttled, None);
    }

    #[test]
    fn the_ancestor_that_was_throttled_longest_counts() {
        let mut before = Readings::default();
        let mut now = Readings::default();
        for (place, time) in [0, 30, 20].into_iter().enumerate() {
            before.throttled[place] = Some(Throttled {
                time: 100,
                times: 7,
            });
            now.throttled[place] = Some(Throttled {
                time: 100 + time,
                times: 8,
            });
        }
        let expected = Throttled { time: 30, times: 1 };
        assert_eq!(now.since(&before).throttled, Some(expected));
    }
}
