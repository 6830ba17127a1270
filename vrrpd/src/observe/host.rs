//! What metrics show of the host, from what the recorder samples anyway.

use nix::sys::resource::{UsageWho, getrusage};
use vrrp_record::history::Unit;
use vrrp_record::status::Status;

use crate::core::EngineSnapshot;
use crate::journal::Live;
use crate::metrics::Host;

/// The host now. What was never sampled is not there.
pub(super) fn read(engine: &EngineSnapshot, status: &Status, live: &Live) -> Host {
    let counter = |unit| live.counter(unit);
    let faults = getrusage(UsageWho::RUSAGE_SELF)
        .ok()
        .and_then(|usage| u64::try_from(usage.major_page_faults()).ok());
    let stamps = status
        .routers
        .iter()
        .any(|router| router.sent.left.is_some_and(|left| left > 0));
    let has = |unit| counter(unit).is_some();
    Host {
        run_queue_wait: counter(Unit::RunDelay),
        steal: counter(Unit::Steal),
        major_faults: faults,
        longest_step: (
            engine.longest_step_name,
            u64::try_from(engine.longest_step.as_nanos()).unwrap_or(u64::MAX),
        ),
        evidence: vec![
            ("psi", has(Unit::PressureCpu)),
            ("schedstat", has(Unit::RunDelay)),
            ("steal", has(Unit::Steal)),
            ("txstamp", stamps),
            ("bql", has(Unit::QueueStalls)),
        ],
    }
}
