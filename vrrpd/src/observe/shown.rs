//! Measures, recorder and journal in the words of the status. Pure.

use std::time::Duration;

use vrrp_config::plan::RouterPlan;
use vrrp_record::history::Time;
use vrrp_record::moment::{Moment, millis};
use vrrp_record::status::{Journal, Lateness, Margin, NearFailover, NearFailovers, Recorder};

use super::clock::Now;
use crate::core::{EngineSnapshot, MemoryLock};
use crate::journal::{Axis, JournalFacts, Live, NearNote, RecorderFacts, Shown};

/// A disk that has not answered for this long hangs.
const HANGS: Duration = Duration::from_secs(3);
/// The journal's thread, which tells how it is every second, is held up where it has not for this long.
const SILENT: Duration = Duration::from_secs(5);

/// The flight recorder as its maker knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecorderShown {
    /// Its file.
    pub(crate) file: String,
    /// Its size; 0 where there is none.
    pub(crate) bytes: u64,
    /// Why the kernel does not keep it in memory.
    pub(crate) lock_errno: Option<i32>,
    /// How far back it can reach at the routers' pace.
    pub(crate) capacity: Option<Duration>,
    /// What is wrong with it.
    pub(crate) trouble: Option<String>,
}

impl RecorderShown {
    /// What is known of a recorder that was just made for these routers.
    pub(crate) fn show(&mut self, facts: &crate::recorder::RecorderFacts, routers: &[RouterPlan]) {
        self.bytes = facts.bytes;
        self.capacity = Some(facts.window(routers));
        if let MemoryLock::Refused(errno) = facts.locked {
            self.lock_errno = Some(errno);
        }
    }
}

/// What the explaining thread knows, for one status.
#[derive(Clone, Debug)]
pub(super) struct Known {
    axis: Axis,
    routers: Vec<(Shown, NearNote)>,
    recorder: Option<RecorderFacts>,
    journal: Option<JournalFacts>,
}

impl Known {
    pub(super) fn take(live: &Live, axis: Axis, now: Now) -> Self {
        Self {
            axis,
            routers: live.shown(axis.time(now.monotonic)),
            recorder: live.recorder(),
            journal: live.journal(),
        }
    }

    fn router(&self, name: &str) -> Option<&(Shown, NearNote)> {
        self.routers.iter().find(|(shown, _)| shown.router == name)
    }

    fn moment(&self, at: Time, now: Now) -> Moment {
        now.look_back(self.axis.instant(at))
    }

    pub(super) fn dropped(&self, name: &str) -> u64 {
        self.router(name)
            .map_or(0, |(shown, _)| shown.totals.dropped)
    }

    pub(super) fn lateness(&self, name: &str, now: Now) -> Option<Lateness> {
        let (shown, _) = self.router(name)?;
        let (ever_at, ever) = shown.totals.worst?;
        let quantile = |of| shown.lateness.quantile(of).unwrap_or_default() / 1_000;
        Some(Lateness {
            p50_us: quantile(0.5),
            p99_us: quantile(0.99),
            worst_us: shown.lateness.largest() / 1_000,
            ever_us: ever / 1_000,
            ever: Some(self.moment(ever_at, now)),
            device_worst_us: (shown.device.count() > 0).then(|| shown.device.largest() / 1_000),
            device_p99_us: shown.device.quantile(0.99).map(|nanos| nanos / 1_000),
        })
    }

    pub(super) fn margin(&self, name: &str) -> Option<Margin> {
        let (shown, _) = self.router(name)?;
        let [minute, hour, day] = shown
            .margins
            .map(|margin| margin.map(|nanos| nanos / 1_000_000));
        minute.or(hour).or(day)?;
        Some(Margin {
            limit_ms: shown.limit / 1_000_000,
            minute_ms: minute,
            hour_ms: hour,
            day_ms: day,
        })
    }

    pub(super) fn near_failovers(&self, name: &str, now: Now) -> Option<NearFailovers> {
        let (shown, note) = self.router(name)?;
        let last = shown.totals.last_near.map(|near| NearFailover {
            at: self.moment(near.at, now),
            number: note.number,
            from: near.from,
            gap_ms: near.gap / 1_000_000,
            limit_ms: near.limit / 1_000_000,
            why: note.why.clone(),
        });
        Some(NearFailovers {
            count: shown.totals.near_failovers,
            last,
        })
    }

    pub(super) fn recorder(
        &self,
        shown: Option<&RecorderShown>,
        engine: &EngineSnapshot,
        now: Now,
    ) -> Option<Recorder> {
        let shown = shown?;
        let facts = self.recorder.as_ref();
        let oldest = facts.and_then(|facts| facts.oldest);
        let window = oldest.map(|oldest| self.axis.time(now.monotonic).after(oldest).as_secs());
        let trouble = facts.and_then(|facts| facts.trouble.clone());
        Some(Recorder {
            file: shown.file.clone(),
            bytes: shown.bytes,
            lock_errno: shown.lock_errno,
            lost: engine.records_lost,
            capacity_s: shown.capacity.map(|capacity| capacity.as_secs()),
            window_s: window,
            trouble: shown.trouble.clone().or(trouble),
        })
    }

    pub(super) fn journal(&self, now: Now) -> Option<Journal> {
        let facts = self.journal.as_ref()?;
        let busy = facts
            .busy_since
            .map(|since| now.monotonic.saturating_since(since))
            .filter(|busy| *busy >= HANGS);
        let silent = now.monotonic.saturating_since(facts.told);
        let trouble = match (busy, &facts.trouble) {
            (Some(busy), _) => Some(format!(
                "the disk has not answered for {} s",
                millis(busy) / 1_000
            )),
            (None, None) if silent >= SILENT => Some(format!(
                "its thread has not run for {} s",
                millis(silent) / 1_000
            )),
            (None, trouble) => trouble.clone(),
        };
        Some(Journal {
            directory: facts.directory.clone(),
            bytes: facts.bytes,
            limit_bytes: facts.limit,
            oldest: facts.oldest.map(|unix_ms| {
                let age = now.unix_ms().saturating_sub(unix_ms);
                Moment {
                    unix_ms,
                    age_ms: u64::try_from(age).unwrap_or_default(),
                }
            }),
            lost: facts.lost,
            trouble,
        })
    }
}
