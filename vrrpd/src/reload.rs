//! A reload's outcome in numbers: what a new plan changes.

use vrrp_config::plan::Plan;
use vrrp_config::{PlanDiff, diff};
use vrrp_record::event::ReloadOutcome;

/// What putting `new` in the place of `old` changes.
#[must_use]
pub fn outcome(old: &Plan, new: &Plan) -> (ReloadOutcome, PlanDiff) {
    let difference = diff(old, new);
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let changed = difference
        .changed
        .iter()
        .filter(|router| !router.fields.is_empty())
        .count();
    let kept = new.routers.len().saturating_sub(difference.added.len());
    let outcome = ReloadOutcome::Applied {
        added: count(difference.added.len()),
        changed: count(changed),
        removed: count(difference.removed.len()),
        untouched: count(kept.saturating_sub(changed)),
    };
    (outcome, difference)
}
