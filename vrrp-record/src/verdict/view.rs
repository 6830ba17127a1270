//! What was known of one router at one time: records in a window, and counters with what they do in quiet times.

use std::time::Duration;

use super::{Confidence, Evidence, Finding};
use crate::history::{History, Received, Rejected, Router, Sent, Stall, Time, Unit};
use crate::quantity::Span;
use crate::words::Word;

/// A minute before the window is what is usual.
const QUIET: i64 = 60_000_000_000;
/// Shorter quiet times are no baseline.
const LEAST_QUIET: i64 = 5_000_000_000;
/// A value that stands still is told again within this time.
const TOLD_AGAIN: i64 = 6_500_000_000;

/// One node's records up to a time.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) history: &'a History,
    pub(super) router: Option<u16>,
    pub(super) as_of: Time,
}

/// How far a counter moved in a window, and how far it usually does in as long a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) by: u64,
    pub(super) usual: Option<u64>,
}

impl Moved {
    /// It moved, and clearly more than usual.
    pub(super) fn stands_out(self) -> bool {
        self.by > 0
            && self
                .usual
                .is_none_or(|usual| self.by > usual.saturating_mul(3))
    }
}

impl<'a> View<'a> {
    pub(super) fn settings(&self) -> Option<&'a Router> {
        self.history.routers.get(usize::from(self.router?))
    }

    /// The router's interval in nanoseconds.
    pub(super) fn interval(&self) -> i64 {
        let interval = self.settings().map_or(1_000_000_000, |r| r.interval);
        i64::try_from(interval).unwrap_or(i64::MAX).max(1_000_000)
    }

    /// Less than this is no lateness worth a word: a twentieth of the interval, at least 20 ms.
    pub(super) fn late(&self) -> i64 {
        (self.interval() / 20).max(20_000_000)
    }

    fn is_mine(&self, router: u16) -> bool {
        self.router.is_none_or(|mine| mine == router)
    }

    /// The router's state at a time, where the records tell it.
    pub(super) fn state(&self, at: Time) -> Option<Word> {
        let phases = self.history.phases(self.router?);
        phases
            .into_iter()
            .rfind(|phase| phase.from < at)
            .and_then(|phase| phase.state)
    }

    /// Adverts due in the window.
    pub(super) fn sent(&self, from: Time, until: Time) -> impl Iterator<Item = &'a Sent> + use<'a> {
        let until = until.min(self.as_of);
        let all = &self.history.sent;
        let start = all.partition_point(|sent| sent.due < from);
        let view = *self;
        all[start..]
            .iter()
            .take_while(move |sent| sent.due <= until)
            .filter(move |sent| view.is_mine(sent.router))
    }

    /// Adverts that arrived in the window.
    pub(super) fn received(
        &self,
        from: Time,
        until: Time,
    ) -> impl Iterator<Item = &'a Received> + use<'a> {
        let until = until.min(self.as_of);
        let all = &self.history.received;
        let start = all.partition_point(|one| one.at() < from);
        let view = *self;
        all[start..]
            .iter()
            .take_while(move |one| one.at() <= until)
            .filter(move |one| view.is_mine(one.router))
            .filter(move |one| one.read <= view.as_of)
    }

    /// Adverts that a check refused in the window.
    pub(super) fn rejected(
        &self,
        from: Time,
        until: Time,
    ) -> impl Iterator<Item = &'a Rejected> + use<'a> {
        let until = until.min(self.as_of);
        let view = *self;
        self.history
            .rejected
            .iter()
            .filter(move |one| one.at >= from && one.at <= until && view.is_mine(one.router))
    }

    /// Late wake-ups that overlap the window.
    pub(super) fn stalls(
        &self,
        from: Time,
        until: Time,
    ) -> impl Iterator<Item = &'a Stall> + use<'a> {
        let view = *self;
        self.history
            .stalls
            .iter()
            .filter(move |stall| stall.at >= from && stall.due <= until && stall.at <= view.as_of)
    }

    /// The value of a counter at a time: its last reading before, not too old.
    pub(super) fn value(&self, unit: Unit, object: u32, at: Time) -> Option<u64> {
        let all = &self.history.samples;
        let end = all.partition_point(|sample| sample.at <= at);
        all[..end]
            .iter()
            .rev()
            .take_while(|sample| at.since(sample.at) <= TOLD_AGAIN)
            .find(|sample| sample.unit == unit && sample.object == object)
            .map(|sample| sample.value)
    }

    /// Whether the counters were read in a window: one that stands still leaves no sample, so only others tell that it was
    /// looked at.
    pub(super) fn looked(&self, from: Time, until: Time) -> bool {
        let all = &self.history.samples;
        let start = all.partition_point(|sample| sample.at < from);
        all[start..]
            .iter()
            .take_while(|sample| sample.at <= until.min(self.as_of))
            .any(|sample| {
                !matches!(
                    sample.unit,
                    Unit::ProbeRoundTrip | Unit::Claimant | Unit::Claimed
                )
            })
    }

    /// Objects that a unit was counted for around a window.
    pub(super) fn objects(&self, unit: Unit, from: Time, until: Time) -> Vec<u32> {
        let all = &self.history.samples;
        let start = all.partition_point(|sample| sample.at < from.plus(-TOLD_AGAIN));
        let mut objects: Vec<u32> = all[start..]
            .iter()
            .take_while(|sample| sample.at <= until.min(self.as_of))
            .filter(|sample| sample.unit == unit)
            .map(|sample| sample.object)
            .collect();
        objects.sort_unstable();
        objects.dedup();
        objects
    }

    fn growth(&self, unit: Unit, object: u32, from: Time, until: Time) -> Option<u64> {
        let before = self.value(unit, object, from)?;
        let last = self.history.samples.last()?.at;
        let after = self.value(unit, object, until.min(self.as_of).min(last))?;
        after.checked_sub(before)
    }

    /// How far a counter of one object moved.
    pub(super) fn moved(&self, unit: Unit, object: u32, from: Time, until: Time) -> Option<Moved> {
        let by = self.growth(unit, object, from, until)?;
        let all = &self.history.samples;
        let oldest = all.first()?.at.max(from.plus(-QUIET));
        let quiet = from.since(oldest);
        let usual = (quiet >= LEAST_QUIET)
            .then(|| {
                let first = all
                    .iter()
                    .skip(all.partition_point(|sample| sample.at < oldest))
                    .find(|sample| sample.unit == unit && sample.object == object)?;
                let last = self.value(unit, object, from)?;
                let span = from.since(first.at);
                let grown = u128::from(last.checked_sub(first.value)?);
                let length = u128::try_from(until.since(from)).unwrap_or(0);
                let span = u128::try_from(span)
                    .ok()
                    .filter(|span| *span >= u128::from(LEAST_QUIET.unsigned_abs()))?;
                u64::try_from(grown * length / span).ok()
            })
            .flatten();
        Some(Moved { by, usual })
    }

    /// The same over all objects.
    pub(super) fn moved_any(&self, unit: Unit, from: Time, until: Time) -> Option<Moved> {
        let mut sum: Option<Moved> = None;
        for object in self.objects(unit, from, until) {
            let Some(moved) = self.moved(unit, object, from, until) else {
                continue;
            };
            let known = sum.unwrap_or(Moved {
                by: 0,
                usual: Some(0),
            });
            sum = Some(Moved {
                by: known.by.saturating_add(moved.by),
                usual: known
                    .usual
                    .zip(moved.usual)
                    .map(|(a, b)| a.saturating_add(b)),
            });
        }
        sum
    }
}

/// A verdict in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) findings: Vec<Finding>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) ruled_out: Vec<String>,
    pub(super) missing: Vec<String>,
    pub(super) next: Vec<String>,
    pub(super) measure: Option<String>,
    pub(super) lateness: Option<u64>,
    pub(super) unexplained: Option<u64>,
    /// What is said where no cause is proven.
    pub(super) unknown: Option<String>,
    /// What is said where nothing went wrong.
    pub(super) plain: Option<String>,
}

impl Draft {
    pub(super) fn find(
        &mut self,
        code: super::Code,
        confidence: Confidence,
        share: Option<u64>,
        say: String,
        evidence: Vec<Evidence>,
    ) {
        if self.findings.iter().any(|finding| finding.code == code) {
            return;
        }
        self.findings.push(Finding {
            code,
            share,
            say,
            evidence,
            confidence,
        });
    }

    pub(super) fn saw(&mut self, text: impl Into<String>) {
        self.evidence.push(seen(text));
    }

    pub(super) fn lacks(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.missing.contains(&text) {
            self.missing.push(text);
        }
    }
}

/// Evidence without a baseline.
pub(super) fn seen(text: impl Into<String>) -> Evidence {
    Evidence {
        text: text.into(),
        baseline: None,
    }
}

/// Evidence with what is usual.
pub(super) fn against(text: impl Into<String>, usual: Option<String>) -> Evidence {
    Evidence {
        text: text.into(),
        baseline: usual,
    }
}

/// Nanoseconds as people read them.
pub(super) fn span(nanos: i64) -> Span {
    Span(Duration::from_nanos(
        u64::try_from(nanos).unwrap_or_default(),
    ))
}

pub(super) fn nanos(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
