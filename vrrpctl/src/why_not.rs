//! `why-not`: the ledger of a priority, and what would have to change for this node to be MASTER.
//!
//! Made from a status and nothing else: of a running daemon, or as a bundle keeps it.

use std::net::IpAddr;

use serde_json::{Value, json};
use vrrp_record::event::{Asked, TrackerState};
use vrrp_record::quantity::Span;
use vrrp_record::status::{ActivePeer, LedgerEntry, Router, Status};
use vrrp_record::words::Word;

use crate::render::table::{hanging, line};
use crate::render::time::millis;
use crate::render::{Paint, Style, status};

/// Why one router is not MASTER.
pub(crate) struct Reason<'a> {
    router: &'a Router,
    /// The answer, without the router's name.
    answer: String,
    /// What would change it.
    remedies: Vec<String>,
}

/// The answer for each router of these names; for all where no name is given.
pub(crate) fn reasons<'a>(status: &'a Status, names: &[String]) -> Vec<Reason<'a>> {
    status
        .routers
        .iter()
        .filter(|router| names.is_empty() || names.contains(&router.name))
        .map(|router| {
            let mut reason = reason(router);
            // Its priority, or its absence, is the operator's first.
            if let Some(asked) = router.asked
                && router.state != Word::Master
            {
                let who = status.asked.filter(|order| order.what == asked);
                let since = who.map_or_else(String::new, |order| {
                    format!(" for {}, by uid {}", Span(order.since.age()), order.uid)
                });
                reason.answer = format!("{asked}{since}: {}; {}", asked.meaning(), reason.answer);
                reason.remedies.insert(0, asked.ended_by().to_owned());
            }
            reason
        })
        .collect()
}

fn reason(router: &Router) -> Reason<'_> {
    let since = Span(router.since.age());
    let mut remedies = Vec::new();
    let answer = match (router.state, &router.active) {
        (Word::Master, _) if router.releasing => String::from(
            "it is still MASTER and leaves on purpose: its addresses stay until the successor has them",
        ),
        (Word::Master, _) => format!("it is MASTER, for {since}"),
        (Word::Fault, _) => {
            remedies.extend(failing(router));
            let faults = if router.fault_sentences.is_empty() {
                router.why.clone()
            } else {
                router.fault_sentences.join("; ")
            };
            format!("FAULT keeps it out of the election: {faults}")
        }
        (Word::Init, _) if router.asked == Some(Asked::MaintenanceForced) => {
            String::from("it takes no part")
        }
        (Word::Init, _) => {
            let why = router.fault_sentences.first().unwrap_or(&router.why);
            format!("it has not started: {why}")
        }
        (Word::Backup, None) => format!(
            "nobody was heard yet; it takes over after {} of silence",
            millis(router.down_interval_ms)
        ),
        (Word::Backup, Some(active)) => backup(router, active, &mut remedies),
    };
    Reason {
        router,
        answer,
        remedies,
    }
}

/// A Backup that hears somebody.
fn backup(router: &Router, active: &ActivePeer, remedies: &mut Vec<String>) -> String {
    let ours = router.priority.effective;
    let (peer, theirs) = (active.address, active.priority);
    let heard = Span(active.heard.age());
    if theirs == 0 {
        return format!("{peer} released the addresses {heard} ago: this node takes over now");
    }
    if active.heard.age_ms >= router.down_interval_ms {
        return format!(
            "{peer} has been silent for {heard}, longer than the {} allowed: this node takes over now",
            millis(router.down_interval_ms)
        );
    }
    if router.asked == Some(Asked::Yield) && ours >= theirs {
        return format!(
            "{peer} is MASTER with priority {theirs}, ours is {ours}; this node gave way and lets it stay"
        );
    }
    if ours > theirs {
        if !router.preempt {
            remedies.push(format!(
                "{peer} has to release or fall silent for {}: nopreempt is set here",
                millis(router.down_interval_ms)
            ));
            return format!(
                "{peer} is MASTER with the lower priority {theirs}, ours is {ours}; nopreempt lets it stay"
            );
        }
        if router.preempt_delay_ms > 0 {
            return format!(
                "{peer} is MASTER with the lower priority {theirs}, ours is {ours}; preempt_delay tolerates that for {}",
                millis(router.preempt_delay_ms)
            );
        }
        return format!(
            "{peer} is MASTER with the lower priority {theirs}, ours is {ours}: this node takes over within {}",
            millis(router.down_interval_ms)
        );
    }
    remedies.extend(failing(router));
    if ours == theirs {
        let tie = match (router.source, peer) {
            (Some(own), peer) if higher(own, peer) => format!(
                "a tie goes to the higher address only between two MASTERs; {peer} was there first and a BACKUP does not preempt an equal"
            ),
            (Some(own), _) => {
                format!("a tie goes to the higher address, and {own} is the lower one")
            }
            (None, _) => String::from("a BACKUP does not preempt an equal"),
        };
        remedies.push(format!("a priority above {theirs} here"));
        return format!("{peer} is MASTER with the same priority {theirs}: {tie}");
    }
    if let Some(missing) = lost(router)
        && u16::from(ours) + missing.unsigned_abs() > u16::from(theirs)
    {
        let cost = missing.unsigned_abs();
        return format!(
            "{peer} is MASTER with priority {theirs}, ours is {ours}: tracked objects cost it {cost}, without that it would be MASTER"
        );
    }
    remedies.push(format!(
        "a priority above {theirs} here, or one below {ours} there"
    ));
    format!("{peer} is MASTER with the higher priority {theirs}, ours is {ours}")
}

/// What failing objects take from the priority, where they take anything.
fn lost(router: &Router) -> Option<i16> {
    let lost: i16 = router
        .priority
        .entries
        .iter()
        .map(shortfall)
        .fold(0, i16::saturating_sub);
    (lost < 0).then_some(lost)
}

/// How much less an object contributes than it could, as a positive number.
fn shortfall(entry: &LedgerEntry) -> i16 {
    match (entry.weight, entry.contribution) {
        (0, _) => 0,
        (weight, contribution) if weight > 0 => weight.saturating_sub(contribution),
        (_, contribution) => contribution.saturating_neg(),
    }
}

/// What the objects that cost something would have to do.
fn failing(router: &Router) -> Vec<String> {
    let costs = router
        .priority
        .entries
        .iter()
        .filter(|entry| entry.fault || shortfall(entry) > 0);
    costs
        .map(|entry| {
            let gain = if entry.fault {
                String::from("ends the fault")
            } else {
                format!("+{}", shortfall(entry))
            };
            let wanted = if entry.reverse {
                "bad (it is reversed)"
            } else {
                "good"
            };
            let since = entry
                .since
                .map(|since| format!(" for {}", Span(since.age())))
                .unwrap_or_default();
            let state = match entry.state {
                TrackerState::Bad => String::from("failing"),
                state @ (TrackerState::Good | TrackerState::Unknown | TrackerState::Expired) => {
                    state.to_string()
                }
            };
            format!(
                "{} {} has to be {wanted} ({gain}); it is {state}{since}",
                entry.kind, entry.name
            )
        })
        .collect()
}

/// Addresses compare as unsigned integers (RFC 9568 §6.4.3); of different families not at all.
fn higher(own: IpAddr, peer: IpAddr) -> bool {
    match (own, peer) {
        (IpAddr::V4(own), IpAddr::V4(peer)) => own > peer,
        (IpAddr::V6(own), IpAddr::V6(peer)) => own > peer,
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// Text for people.
pub(crate) fn text(reasons: &[Reason<'_>], style: Style) -> String {
    let mut out = String::new();
    if reasons.is_empty() {
        out.push_str("no virtual router is configured\n");
    }
    for (position, reason) in reasons.iter().enumerate() {
        if position > 0 {
            out.push('\n');
        }
        let router = reason.router;
        let name = style.paint(Paint::Strong, &router.name);
        hanging(
            &mut out,
            "",
            2,
            &format!("{name} {}: {}", style.word(router.state), reason.answer),
        );
        status::priority_lines(&mut out, router, style);
        if let Some(active) = &router.active {
            line(
                &mut out,
                "MASTER",
                &format!(
                    "{} with priority {}, heard {} ago",
                    active.address,
                    active.priority,
                    Span(active.heard.age())
                ),
            );
        }
        for (position, remedy) in reason.remedies.iter().enumerate() {
            line(
                &mut out,
                if position == 0 { "to change" } else { "" },
                remedy,
            );
        }
    }
    out
}

/// Lines for programs.
pub(crate) fn plain(reasons: &[Reason<'_>]) -> String {
    let mut out = String::from("router\tstate\tpriority\tbase\tmaster\tmaster_priority\tanswer\n");
    for Reason { router, answer, .. } in reasons {
        let active = router.active.as_ref();
        let fields = [
            router.name.clone(),
            router.state.to_string(),
            router.priority.effective.to_string(),
            router.priority.base.to_string(),
            active.map_or_else(String::new, |active| active.address.to_string()),
            active.map_or_else(String::new, |active| active.priority.to_string()),
            answer.clone(),
        ];
        out.push_str(&fields.join("\t"));
        out.push('\n');
    }
    out
}

/// The same as JSON.
pub(crate) fn json(reasons: &[Reason<'_>], status: &Status) -> String {
    let routers: Vec<Value> = reasons
        .iter()
        .map(|reason| {
            json!({
                "router": reason.router.name,
                "state": reason.router.state,
                "answer": reason.answer,
                "to_change": reason.remedies,
                "priority": reason.router.priority,
                "active": reason.router.active,
            })
        })
        .collect();
    let answer = json!({
        "schema": 1,
        "command": "why-not",
        "host": status.daemon.host,
        "taken_unix_ms": status.taken_unix_ms,
        "routers": routers,
    });
    format!(
        "{}\n",
        serde_json::to_string_pretty(&answer).unwrap_or_default()
    )
}

/// Whether each of them is MASTER.
pub(crate) fn all_master(reasons: &[Reason<'_>]) -> bool {
    reasons
        .iter()
        .all(|reason| reason.router.state == Word::Master)
}

#[cfg(test)]
mod tests;
