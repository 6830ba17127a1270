//! What the tracking of scripts tells, and what changed by it.

use std::time::Duration;

use vrrp_config::plan::ScriptPlan;
use vrrp_proto::time::Instant;
use vrrp_proto::track::Reading;
use vrrp_record::event::{Kind, RunOutcome, TrackerKind, TrackerState};
use vrrp_record::moment::millis;
use vrrp_record::status::{LastRun, Script};
use vrrp_record::text::Name;

use super::clock::Now;
use crate::runner::Outcome;
use crate::track::Verdict;

/// A run of a track script that ended, or was given up, and what is known of the script then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptRun {
    /// How it ended.
    pub outcome: RunOutcome,
    /// When.
    pub ended: Instant,
    /// After how long.
    pub took: Duration,
    /// What is known of the script now.
    pub reading: Reading,
    /// For how long that counts (safety rule 1).
    pub valid_for: Duration,
    /// Its interval, where it was still running when the next run was due.
    pub overran: Option<Duration>,
}

impl ScriptRun {
    /// What a verdict of the tracking tells, which came at `ended`.
    #[must_use]
    pub fn of(verdict: &Verdict, ended: Instant) -> Self {
        let outcome = match verdict.outcome {
            Some(Outcome::Exited(status)) => RunOutcome::Exited { status },
            Some(Outcome::Killed(signal)) => RunOutcome::Killed { signal },
            Some(Outcome::NotStarted(errno)) => RunOutcome::Failed { errno },
            None => RunOutcome::TimedOut,
        };
        let Verdict {
            took,
            reading,
            valid_for,
            interval,
            overran,
            ..
        } = *verdict;
        Self {
            outcome,
            ended,
            took,
            reading,
            valid_for,
            overran: overran.then_some(interval),
        }
    }
}

/// What is known of a track script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracked {
    reading: Reading,
    /// Results in a row against `reading`.
    contrary: u32,
    last: Option<ScriptRun>,
    pub(super) since: Option<Instant>,
}

impl Tracked {
    /// A script that never ran; `init_fail` starts as bad.
    pub(super) const fn new(init_fail: bool) -> Self {
        let reading = if init_fail {
            Reading::Bad
        } else {
            Reading::Pending
        };
        Self {
            reading,
            contrary: 0,
            last: None,
            since: None,
        }
    }

    /// Takes a run, and tells the events that this makes: a new kind of end, a new reading.
    pub(super) fn ran(&mut self, name: &str, run: ScriptRun) -> Vec<Kind> {
        let mut events = Vec::new();
        let name = Name::new(name);
        if self.last.map(|last| last.outcome) != Some(run.outcome) {
            let took_ms = millis(run.took);
            events.push(Kind::ScriptRun {
                script: name,
                outcome: run.outcome,
                took_ms,
            });
        }
        if let Some(interval) = run.overran
            && self.last.is_none_or(|last| last.overran.is_none())
        {
            events.push(Kind::ScriptOverran {
                script: name,
                took_ms: millis(run.took),
                interval_ms: millis(interval),
            });
        }
        if run.reading != self.reading || self.since.is_none() {
            self.since = Some(run.ended);
            let (kind, state) = (TrackerKind::Script, tracker_state(run.reading));
            events.push(Kind::Tracker {
                kind,
                name,
                state,
                outcome: Some(run.outcome),
            });
        }
        let success = run.outcome == RunOutcome::Exited { status: 0 };
        let agrees = success == (run.reading == Reading::Good);
        self.contrary = if agrees {
            0
        } else {
            self.contrary.saturating_add(1)
        };
        self.reading = run.reading;
        self.last = Some(run);
        events
    }

    fn expires(&self) -> Option<Instant> {
        self.last.map(|run| run.ended.saturating_add(run.valid_for))
    }

    /// What it says now, its expiry considered.
    pub(super) fn tracker_state(&self, now: Instant) -> TrackerState {
        if self.expires().is_some_and(|expires| expires <= now) {
            TrackerState::Expired
        } else {
            tracker_state(self.reading)
        }
    }

    /// As the status shows it. Runs begin on a beat; one that is due and has not been told of is going on.
    pub(super) fn status(&self, plan: &ScriptPlan, now: Now) -> Script {
        let until = |at: Instant| millis(at.saturating_since(now.monotonic));
        let next = self.last.map(|run| {
            run.ended
                .saturating_sub(run.took)
                .saturating_add(plan.interval)
        });
        let running = next.is_none_or(|next| next <= now.monotonic);
        Script {
            name: plan.name.clone(),
            state: self.tracker_state(now.monotonic),
            since: self.since.map(|since| now.look_back(since)),
            interval_ms: millis(plan.interval),
            timeout_ms: millis(plan.timeout),
            rise: plan.rise,
            fall: plan.fall,
            contrary: self.contrary,
            running,
            last: self.last.map(|run| LastRun {
                outcome: run.outcome,
                ended: now.look_back(run.ended),
                took_ms: millis(run.took),
            }),
            next_in_ms: next.filter(|_| !running).map(until),
            expires_in_ms: self.expires().map(until),
        }
    }
}

/// A reading in the words of the record.
pub(super) const fn tracker_state(reading: Reading) -> TrackerState {
    match reading {
        Reading::Pending => TrackerState::Unknown,
        Reading::Good => TrackerState::Good,
        Reading::Bad => TrackerState::Bad,
    }
}
