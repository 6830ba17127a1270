//! Whether a daemon is healthy: one judgement of a status, for the tool's exit code and the daemon's own answer.
//!
//! A BACKUP is as healthy as a MASTER. What keeps this node from doing its part in a failover is a reason against
//! health; what only weakens a measurement or a guarantee is a note.

use crate::event::{Asked, TrackerKind, TrackerState};
use crate::quantity::{Errno, Span};
use crate::status::{Health, LedgerEntry, Router, Status};
use crate::words::Word;
use std::time::Duration;

/// The heartbeat's age, in milliseconds, from which it counts against health (safety rule 1).
pub const HEARTBEAT_LATE_MS: u64 = 3_000;

/// Judges everything in a status but its own `health`.
#[must_use]
pub fn judge(status: &Status) -> Health {
    let mut reasons = Vec::new();
    let mut notes = Vec::new();
    if status.routers.is_empty() {
        reasons.push(String::from("no virtual router is configured"));
    }
    match status.asked.map(|asked| asked.what) {
        Some(Asked::MaintenanceForced) => reasons.push(String::from(
            "maintenance keeps this node out of the election: vrrpctl maintenance off ends it",
        )),
        Some(asked @ (Asked::Maintenance | Asked::Yield)) => notes.push(format!(
            "{asked}: {}; {} ends it",
            asked.meaning(),
            asked.ended_by()
        )),
        Some(Asked::Other) | None => {}
    }
    for router in &status.routers {
        judge_router(router, &mut reasons, &mut notes);
    }
    if !status.daemon.engine_running {
        reasons.push(String::from("the engine does not run"));
    }
    let heartbeat = status.daemon.heartbeat_age_ms;
    if heartbeat >= HEARTBEAT_LATE_MS {
        let age = Span(Duration::from_millis(heartbeat));
        reasons.push(format!(
            "the daemon's outer part has not answered its engine for {age}"
        ));
    }
    if status.daemon.configuration.refused.is_some() {
        reasons.push(String::from(
            "the configuration file is wrong, and the previous one is still in force",
        ));
    }
    for thread in &status.scheduling.threads {
        if let (false, Some(why)) = (thread.real_time, &thread.why_not) {
            notes.push(format!(
                "the {} thread does not run in real time: {why}",
                thread.name
            ));
        }
    }
    if let (false, Some(why)) = (
        status.scheduling.memory_locked,
        &status.scheduling.memory_why_not,
    ) {
        notes.push(format!("memory is not locked: {why}"));
    }
    if status.daemon.root {
        notes.push(String::from(
            "vrrpd has all of root's rights: create the system user vrrpd to run with less",
        ));
    }
    if let Some(trouble) = status.journal.iter().find_map(|kept| kept.trouble.as_ref()) {
        notes.push(format!("the journal keeps nothing: {trouble}"));
    }
    if let Some(trouble) = status
        .recorder
        .iter()
        .find_map(|kept| kept.trouble.as_ref())
    {
        notes.push(format!("the flight recorder: {trouble}"));
    }
    if status.daemon.reports_lost > 0 {
        notes.push(format!(
            "{} events were lost in a full queue",
            status.daemon.reports_lost
        ));
    }
    Health {
        healthy: reasons.is_empty(),
        reasons,
        notes,
    }
}

fn judge_router(router: &Router, reasons: &mut Vec<String>, notes: &mut Vec<String>) {
    let name = &router.name;
    match router.state {
        Word::Fault => {
            let why = router.fault_sentences.join("; ");
            reasons.push(if why.is_empty() {
                format!("{name} is in FAULT")
            } else {
                format!("{name}: {why}")
            });
        }
        // Said once, for the node.
        Word::Init if router.asked == Some(Asked::MaintenanceForced) => {}
        Word::Init => reasons.push(match router.fault_sentences.first() {
            Some(why) => format!("{name} has not started: {why}"),
            None => format!("{name} has not started"),
        }),
        Word::Master | Word::Backup => {
            for entry in &router.priority.entries {
                judge_entry(name, entry, reasons, notes);
            }
        }
    }
    if router.state == Word::Master {
        let missing = router
            .addresses
            .iter()
            .filter(|address| address.present == Some(false))
            .count();
        if missing > 0 {
            let errno = router
                .address_errno
                .map(|errno| format!(": {}", Errno(errno)))
                .unwrap_or_default();
            let wanted = router.addresses.len();
            reasons.push(format!(
                "{name} is MASTER and lacks {missing} of {wanted} addresses{errno}"
            ));
        }
        if let (true, Some(errno)) = (router.sent.errors > 0, router.sent.last_errno) {
            notes.push(format!(
                "{name}: {} adverts refused by the kernel: {}",
                router.sent.errors,
                Errno(errno)
            ));
        }
    }
}

fn judge_entry(
    name: &str,
    entry: &LedgerEntry,
    reasons: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    let object = match entry.kind {
        TrackerKind::Script => format!("script {}", entry.name),
        TrackerKind::Interface => format!("interface {}", entry.name),
        TrackerKind::Process => format!("process {}", entry.name),
        TrackerKind::Other => entry.name.clone(),
    };
    match (entry.state, entry.reverse) {
        (TrackerState::Bad, false) => reasons.push(format!("{name}: tracked {object} fails")),
        (TrackerState::Expired, _) => {
            reasons.push(format!("{name}: tracked {object} has not reported in time"))
        }
        (TrackerState::Unknown, _) => {
            notes.push(format!("{name}: tracked {object} has not reported yet"))
        }
        (TrackerState::Good, _) | (TrackerState::Bad, true) => {}
    }
}

#[cfg(test)]
mod tests;
