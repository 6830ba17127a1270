//! What the explaining thread shares with the status and the metrics: one lock, held for memory only. Whoever holds it
//! waits for nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vrrp_proto::time::Instant;
use vrrp_record::history::{Time, Unit};

use super::measure::{Measures, Shown, Situation};

/// How CLOCK_MONOTONIC becomes a time of the run's steady axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    offset: i64,
}

impl Axis {
    /// The axis on which `monotonic` was `unix_ns`.
    pub(crate) fn new(monotonic: Instant, unix_ns: i64) -> Self {
        let monotonic = i64::try_from(monotonic.as_nanos()).unwrap_or(i64::MAX);
        Self {
            offset: unix_ns.saturating_sub(monotonic),
        }
    }

    /// The time of an instant.
    pub(crate) fn time(self, at: Instant) -> Time {
        let at = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX);
        Time(at.saturating_add(self.offset))
    }

    /// The instant of a time; the clock's beginning for one before it.
    pub(crate) fn instant(self, at: Time) -> Instant {
        let nanos = at.0.saturating_sub(self.offset);
        Instant::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }
}

/// The flight recorder, as the explaining thread sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecorderFacts {
    /// Its file.
    pub(crate) file: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// Time of the oldest ordinary advert that it holds.
    pub(crate) oldest: Option<Time>,
    /// What is wrong.
    pub(crate) trouble: Option<String>,
}

/// The journal, as its thread told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournalFacts {
    /// Its directory.
    pub(crate) directory: String,
    /// Bytes of its files.
    pub(crate) bytes: u64,
    /// Bytes that it may hold.
    pub(crate) limit: u64,
    /// Milliseconds since 1970 of its oldest file.
    pub(crate) oldest: Option<i64>,
    /// Records that could not be kept.
    pub(crate) lost: u64,
    /// What is wrong.
    pub(crate) trouble: Option<String>,
    /// Since when the disk has not come back from what it was asked.
    pub(crate) busy_since: Option<Instant>,
    /// When its thread told this. It does so every second, whatever there is to write.
    pub(crate) told: Instant,
}

/// The number and the verdict of the last near failover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NearNote {
    pub(crate) number: u32,
    pub(crate) why: Option<String>,
}

/// One router.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) measures: Measures,
    pub(super) situation: Situation,
    pub(super) near: NearNote,
}

/// What is shared.
#[derive(Debug, Default)]
pub(crate) struct Live {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) routers: BTreeMap<String, Entry>,
    pub(super) recorder: Option<RecorderFacts>,
    pub(super) journal: Option<JournalFacts>,
    /// The last value of each counter, of all objects together.
    pub(super) counters: BTreeMap<Unit, u64>,
}

impl Live {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves at worst one record half counted.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every measured router, with the note on its last near failover.
    pub(crate) fn shown(&self, now: Time) -> Vec<(Shown, NearNote)> {
        let inner = self.lock();
        let routers = inner.routers.iter();
        routers
            .map(|(name, entry)| {
                let shown = entry.measures.shown(name, now, &entry.situation);
                (shown, entry.near.clone())
            })
            .collect()
    }

    /// The flight recorder.
    pub(crate) fn recorder(&self) -> Option<RecorderFacts> {
        self.lock().recorder.clone()
    }

    /// The last value of a counter, where it was ever sampled.
    pub(crate) fn counter(&self, unit: Unit) -> Option<u64> {
        self.lock().counters.get(&unit).copied()
    }

    /// The journal.
    pub(crate) fn journal(&self) -> Option<JournalFacts> {
        self.lock().journal.clone()
    }
}
