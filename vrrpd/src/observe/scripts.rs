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

/// One track script as its tracking sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptState {
    /// What it says.
    pub reading: Reading,
    /// Results in a row against `reading`.
    pub contrary: u32,
    /// A run is going on.
    pub running: bool,
    /// The last run that ended.
    pub last: Option<ScriptRun>,
    /// When the next run starts.
    pub next: Option<Instant>,
    /// When `reading` no longer counts (safety rule 1).
    pub expires: Option<Instant>,
}

impl ScriptState {
    /// A script that never ran; `init_fail` starts as bad.
    #[must_use]
    pub const fn new(init_fail: bool) -> Self {
        let reading = if init_fail {
            Reading::Bad
        } else {
            Reading::Pending
        };
        Self {
            reading,
            contrary: 0,
            running: false,
            last: None,
            next: None,
            expires: None,
        }
    }
}

/// A run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptRun {
    /// How.
    pub outcome: RunOutcome,
    /// When.
    pub ended: Instant,
    /// After how long.
    pub took: Duration,
}

/// A script's state and since when it says what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracked {
    pub(super) state: ScriptState,
    pub(super) since: Option<Instant>,
}

impl Tracked {
    pub(super) const fn new(state: ScriptState) -> Self {
        Self { state, since: None }
    }

    /// Takes the new state, and tells the events that this makes.
    pub(super) fn update(&mut self, name: &str, state: ScriptState, now: Instant) -> Vec<Kind> {
        let mut events = Vec::new();
        let name = Name::new(name);
        let before = self.state;
        if let Some(run) = state.last
            && before.last.map(|last| last.outcome) != Some(run.outcome)
        {
            events.push(Kind::ScriptRun {
                script: name,
                outcome: run.outcome,
                took_ms: millis(run.took),
            });
        }
        if state.reading != before.reading || (self.since.is_none() && state.last.is_some()) {
            self.since = Some(state.last.map_or(now, |run| run.ended));
            let outcome = state.last.map(|run| run.outcome);
            let kind = TrackerKind::Script;
            events.push(Kind::Tracker {
                kind,
                name,
                state: tracker_state(state.reading),
                outcome,
            });
        }
        self.state = state;
        events
    }

    /// What it says now, its expiry considered.
    pub(super) fn tracker_state(&self, now: Instant) -> TrackerState {
        match (self.state.reading, self.state.expires) {
            (Reading::Good | Reading::Bad, Some(expires)) if expires <= now => {
                TrackerState::Expired
            }
            (reading, _) => tracker_state(reading),
        }
    }

    /// As the status shows it.
    pub(super) fn status(&self, plan: &ScriptPlan, now: Now) -> Script {
        let until =
            |instant: Option<Instant>| instant.map(|at| millis(at.saturating_since(now.monotonic)));
        Script {
            name: plan.name.clone(),
            state: self.tracker_state(now.monotonic),
            since: self.since.map(|since| now.look_back(since)),
            interval_ms: millis(plan.interval),
            timeout_ms: millis(plan.timeout),
            rise: plan.rise,
            fall: plan.fall,
            contrary: self.state.contrary,
            running: self.state.running,
            last: self.state.last.map(|run| LastRun {
                outcome: run.outcome,
                ended: now.look_back(run.ended),
                took_ms: millis(run.took),
            }),
            next_in_ms: until(self.state.next),
            expires_in_ms: until(self.state.expires),
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
