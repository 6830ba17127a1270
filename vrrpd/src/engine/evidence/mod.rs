//! Why the engine ran late: counters of its own thread, its cgroups and the machine, and how far they moved.
//!
//! Descriptors are opened once, on the engine's thread, as those below /proc/thread-self belong to the thread that opened
//! them. They are read once a second as a baseline and after a late wake-up or a long step, never on the way of an advert,
//! and without allocating. Which cause the numbers speak for is the verdict's business.

mod cgroup;
mod parse;
mod readings;
mod source;

use std::time::Duration;

use nix::sched::sched_getcpu;
use vrrp_proto::time::Instant;

use super::clock;
use crate::sys;
use crate::sys::signals::ContinueWatch;
use cgroup::Cgroups;
pub(super) use readings::{Moved, Readings};
use source::Source;

/// A baseline older than this is refreshed before the next sleep.
const REFRESH: Duration = Duration::from_secs(1);
/// Full reads are at least this far apart: on a machine that is late all the time they must not become the reason.
const APART: Duration = Duration::from_millis(5);
/// Reading the machine's CPU statistics takes longer the more CPUs it has; where it takes longer than this, it is left to
/// the sampler.
const SLOW: Duration = Duration::from_micros(200);
/// What of a file is read: the values wanted stand in its beginning.
const ROOM: usize = 2048;

/// The sources of evidence, and the baseline.
#[derive(Debug)]
pub(super) struct Evidence {
    schedstat: Source,
    stat: Source,
    cgroups: Cgroups,
    continued: Option<ContinueWatch>,
    timer_slack: Option<u64>,
    buffer: Box<[u8; ROOM]>,
    baseline: Readings,
    read_at: Instant,
}

impl Evidence {
    /// Opens every source that this machine has; on the engine's thread.
    pub(super) fn open() -> Self {
        let mut evidence = Self {
            schedstat: Source::open("/proc/thread-self/schedstat"),
            stat: Source::open("/proc/stat"),
            cgroups: Cgroups::open(),
            continued: ContinueWatch::open().ok(),
            timer_slack: sys::thread::timer_slack(),
            buffer: Box::new([0; ROOM]),
            baseline: Readings::default(),
            read_at: clock::now(),
        };
        let before = clock::now();
        evidence.steal();
        if clock::now().saturating_since(before) > SLOW {
            evidence.stat = Source::default();
        }
        evidence.baseline = evidence.read();
        evidence
    }

    /// Whether some files are not read any more, because reading them kept the engine.
    pub(super) fn gave_up(&self) -> bool {
        let groups = &self.cgroups;
        let throttling = groups.throttling.iter().map(|group| &group.source);
        let mut sources = [
            &self.schedstat,
            &self.stat,
            &groups.frozen,
            &groups.io_pressure,
        ]
        .into_iter()
        .chain(throttling);
        sources.any(Source::gave_up)
    }

    /// Timer slack of the engine's thread, in nanoseconds.
    pub(super) const fn timer_slack(&self) -> Option<u64> {
        self.timer_slack
    }

    /// Whether it is time for another baseline.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.saturating_since(self.read_at) >= REFRESH
    }

    /// Whether the baseline is so old that it is renewed even when something is due.
    pub(super) fn is_very_stale(&self, now: Instant) -> bool {
        now.saturating_since(self.read_at) >= 2 * REFRESH
    }

    /// Whether a full read is affordable now.
    pub(super) fn may_read(&self, now: Instant) -> bool {
        now.saturating_since(self.read_at) >= APART
    }

    /// Reads everything; what is read now is the next baseline. Returns what moved since the last one, and since when.
    pub(super) fn renew(&mut self) -> (Moved, Instant) {
        let now = self.read();
        let mut moved = now.since(&self.baseline);
        moved.continued = self.continued.as_ref().and_then(ContinueWatch::take);
        self.baseline = now;
        let since = std::mem::replace(&mut self.read_at, clock::now());
        (moved, since)
    }

    /// CPU that the engine runs on.
    pub(super) fn cpu_number() -> u16 {
        sched_getcpu()
            .ok()
            .and_then(|cpu| u16::try_from(cpu).ok())
            .unwrap_or(u16::MAX)
    }

    /// Where the buffer is, for locking it.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.buffer.as_ptr().addr(), ROOM)
    }

    fn read(&mut self) -> Readings {
        let usage = sys::thread::usage();
        let mut readings = Readings {
            major_faults: usage.map(|usage| usage.major_faults),
            minor_faults: usage.map(|usage| usage.minor_faults),
            voluntary: usage.map(|usage| usage.voluntary),
            involuntary: usage.map(|usage| usage.involuntary),
            asleep: clock::asleep(),
            steal: self.steal(),
            ..Readings::default()
        };
        if let Some(text) = self.schedstat.read(&mut self.buffer[..])
            && let Some((cpu, waited)) = parse::schedstat(text)
        {
            readings.cpu = Some(cpu);
            readings.run_delay = Some(waited);
        }
        let groups = &mut self.cgroups;
        for (group, place) in groups.throttling.iter_mut().zip(&mut readings.throttled) {
            let text = group.source.read(&mut self.buffer[..]);
            *place = text.and_then(|text| parse::throttled(text, group.version_2));
        }
        let frozen = groups.frozen.read(&mut self.buffer[..]);
        readings.frozen = frozen.and_then(parse::frozen);
        let io_pressure = groups.io_pressure.read(&mut self.buffer[..]);
        readings.io_pressure = io_pressure.and_then(parse::full_pressure);
        readings
    }

    fn steal(&mut self) -> Option<u64> {
        let text = self.stat.read(&mut self.buffer[..]);
        text.and_then(parse::steal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_moves_the_time_on_a_cpu_and_sleep_does_not() {
        std::thread::spawn(|| {
            let mut evidence = Evidence::open();
            if evidence.baseline.run_delay.is_none() {
                return eprintln!("SKIPPED: this kernel has no schedstat");
            }
            let began = std::time::Instant::now();
            while began.elapsed() < Duration::from_millis(50) {
                std::hint::black_box(0);
            }
            let (worked, _) = evidence.renew();
            let (cpu, waited) = (worked.cpu.unwrap(), worked.run_delay.unwrap());
            assert!(cpu + waited >= 45_000_000, "{worked:?}");
            std::thread::sleep(Duration::from_millis(50));
            let (slept, since) = evidence.renew();
            assert!(slept.cpu.unwrap() < 20_000_000, "{slept:?}");
            assert!(since < clock::now());
            assert!(slept.voluntary.unwrap() >= 1, "{slept:?}");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_baseline_grows_stale_and_full_reads_are_apart() {
        let evidence = Evidence::open();
        let at = |time| evidence.read_at.saturating_add(time);
        assert!(!evidence.may_read(at(Duration::from_millis(4))));
        assert!(evidence.may_read(at(APART)) && !evidence.is_stale(at(APART)));
        assert!(evidence.is_stale(at(REFRESH)));
    }
}
