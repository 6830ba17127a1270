//! Counts of events since start, for metrics: what a log line says once is a number here.
//!
//! Bounded: by the routers and scripts of the plan, and by the words that a cause and an end have.

use std::collections::BTreeMap;
use std::time::Duration;

use vrrp_record::event::{Event, Kind, RunOutcome};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

use crate::journal::Buckets;

/// Counts of events since start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Transitions by router, state entered and code of the cause.
    pub(crate) transitions: BTreeMap<(Name, Word, &'static str), u64>,
    /// The last transition of each router, in milliseconds since 1970.
    pub(crate) last_transition: BTreeMap<Name, i64>,
    /// Virtual addresses that another process removed, by router.
    pub(crate) removed: BTreeMap<Name, u64>,
    /// Track scripts by name.
    pub(crate) scripts: BTreeMap<Name, ScriptTally>,
}

/// Runs of one script.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScriptTally {
    /// How long they took.
    pub(crate) took: Buckets,
    /// Ended with status 0.
    pub(crate) ok: u64,
    /// Ended otherwise, or could not be started.
    pub(crate) fail: u64,
    /// Given up.
    pub(crate) timeout: u64,
}

impl Tally {
    /// Counts an event.
    pub(crate) fn event(&mut self, event: &Event) {
        if let Kind::Transition {
            router, to, cause, ..
        } = event.kind
        {
            let counted = (router, to, cause.code());
            *self.transitions.entry(counted).or_default() += 1;
            self.last_transition.insert(router, event.unix_ms);
        } else if let Kind::AddressRemoved { router, .. } = event.kind {
            *self.removed.entry(router).or_default() += 1;
        }
    }

    /// Counts a run of a script.
    pub(crate) fn ran(&mut self, script: &str, outcome: RunOutcome, took: Duration) {
        let tally = self.scripts.entry(Name::new(script)).or_default();
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        tally.took.record(nanos);
        match outcome {
            RunOutcome::Exited { status: 0 } => tally.ok += 1,
            RunOutcome::TimedOut => tally.timeout += 1,
            RunOutcome::Started
            | RunOutcome::Exited { .. }
            | RunOutcome::Killed { .. }
            | RunOutcome::Failed { .. } => tally.fail += 1,
        }
    }

    /// Leaves what the present plan names.
    pub(crate) fn retain(
        &mut self,
        router: impl Fn(&Name) -> bool,
        script: impl Fn(&Name) -> bool,
    ) {
        self.transitions.retain(|(name, ..), _| router(name));
        self.last_transition.retain(|name, _| router(name));
        self.removed.retain(|name, _| router(name));
        self.scripts.retain(|name, _| script(name));
    }
}
