//! Numbered happenings under explanation: when each is judged, and what came of it.
//!
//! A verdict is made at once and again when later adverts may have come: one interval, two, and four later, and when the
//! window of full detail is over. Both versions are kept under one number. Pure.

use std::collections::{BTreeMap, HashMap};

use vrrp_record::event::{Anomaly, Kind};
use vrrp_record::history::{History, Router, Time};
use vrrp_record::text::Name;
use vrrp_record::verdict::{Happening, Incident, Verdict, incidents, judge};

/// Full detail ends so long after a happening, and with it its explanation, in nanoseconds.
pub(super) const AFTER: i64 = 30_000_000_000;
/// An anomaly that went away for so long and comes back is another one.
const QUIET: i64 = 60_000_000_000;
/// One that does not go away is told again so often.
const AGAIN: i64 = 3_600_000_000_000;
/// Happenings under explanation at one time; the oldest makes room, with what is known of it.
const OPEN: usize = 256;

/// A happening under explanation.
#[derive(Clone, Debug)]
pub(super) struct Case {
    number: u32,
    kind: Kind,
    router: Option<u16>,
    at: Time,
    /// When it is judged next; the last one ends it.
    due: Vec<Time>,
    last: Option<Verdict>,
}

/// A verdict that says something new.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// The happening's event.
    pub(super) kind: Kind,
    /// The verdict.
    pub(super) verdict: Verdict,
    /// It changes an earlier one.
    pub(super) amends: bool,
}

/// Everything under explanation, and anomalies that go on.
#[derive(Debug, Default)]
pub(super) struct Book {
    open: BTreeMap<u32, Case>,
    going_on: HashMap<(Option<Name>, Anomaly), GoingOn>,
}

#[derive(Clone, Copy, Debug)]
struct GoingOn {
    told: Time,
    last: Time,
}

impl Book {
    /// An anomaly was found: whether it is told, or belongs to one that was told already.
    pub(super) fn is_new(&mut self, router: Option<Name>, what: Anomaly, at: Time) -> bool {
        let key = (router, what);
        let new = match self.going_on.get(&key) {
            Some(known) => at.since(known.last) > QUIET || at.since(known.told) > AGAIN,
            None => true,
        };
        let known = self
            .going_on
            .entry(key)
            .or_insert(GoingOn { told: at, last: at });
        known.last = known.last.max(at);
        if new {
            known.told = at;
        }
        new
    }

    /// Opens the case of an event that has a number. `interval` is the router's, in nanoseconds.
    pub(super) fn open(&mut self, kind: Kind, at: Time, router: Option<u16>, interval: u64) {
        let Some(number) = kind.number() else {
            return;
        };
        let interval = i64::try_from(interval)
            .unwrap_or(AFTER)
            .clamp(50_000_000, AFTER / 5);
        let due = [
            0,
            interval + interval / 4,
            2 * interval,
            4 * interval,
            AFTER,
        ];
        let case = Case {
            number,
            kind,
            router,
            at,
            due: due.map(|later| at.plus(later)).to_vec(),
            last: None,
        };
        self.open.insert(number, case);
        while self.open.len() > OPEN {
            self.open.pop_first();
        }
    }

    /// Whether anything is to be judged now.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.open
            .values()
            .any(|case| case.due.first().is_some_and(|due| *due <= now))
    }

    /// Judges what is due; verdicts that say nothing new are left out.
    pub(super) fn judge(&mut self, history: &History, now: Time) -> Vec<Outcome> {
        let known = incidents(history);
        let mut outcomes = Vec::new();
        self.open.retain(|_, case| {
            if case.due.first().is_none_or(|due| *due > now) {
                return !case.due.is_empty();
            }
            case.due.retain(|due| *due > now);
            let incident = case.incident(&known, history);
            let verdict = judge(history, None, &incident, now);
            let new = case
                .last
                .as_ref()
                .is_none_or(|last| !last.says_the_same(&verdict));
            if new {
                let amends = case.last.replace(verdict.clone()).is_some();
                outcomes.push(Outcome {
                    kind: case.kind,
                    verdict,
                    amends,
                });
            }
            !case.due.is_empty()
        });
        self.going_on
            .retain(|_, anomaly| now.since(anomaly.last) <= AGAIN);
        outcomes
    }
}

impl Case {
    /// The incident that the verdict engine found for this number; else one of what its event says.
    fn incident(&self, known: &[Incident], history: &History) -> Incident {
        let found = known
            .iter()
            .find(|incident| incident.number == Some(self.number));
        if let Some(found) = found {
            return *found;
        }
        let router = self
            .router
            .and_then(|at| history.routers.get(usize::from(at)));
        let window = router.map_or(4_000_000_000, |router: &Router| {
            router.down_interval(None, router.priority)
        });
        let (what, window) = if let Kind::Transition { from, to, .. } = self.kind {
            (Happening::Transition { old: from, new: to }, window)
        } else if let Kind::NearFailover {
            from: sender,
            gap_ms,
            limit_ms,
            ..
        } = self.kind
        {
            let (gap, limit) = (gap_ms * 1_000_000, limit_ms * 1_000_000);
            (Happening::NearFailover { sender, gap, limit }, gap)
        } else {
            // Nothing else has a number.
            let anomaly = if let Kind::Anomaly { what, .. } = self.kind {
                what
            } else {
                Anomaly::Other
            };
            (Happening::Anomaly { anomaly }, window)
        };
        Incident {
            what,
            router: self.router,
            number: Some(self.number),
            from: self.at.plus(-i64::try_from(window).unwrap_or(AFTER)),
            at: self.at,
            until: self.at,
        }
    }
}

#[cfg(test)]
mod tests;
