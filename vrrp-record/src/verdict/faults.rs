//! What a router's own faults come from: its interface, a tracked object, the script that checks it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use super::decided::{BACK, before, leader, refused};
use super::egress::link_lost;
use super::view::{Draft, View, seen};
use super::{Code, Confidence};
use crate::cause::Cause;
use crate::event::{DownReason, InterfaceChange, Kind, RunOutcome, TrackerKind, TrackerState};
use crate::history::Time;
use crate::text::Name;
use crate::words::{FaultSet, Objects};

pub(super) fn fault(
    view: &View<'_>,
    at: Time,
    faults: FaultSet,
    objects: &Objects,
    draft: &mut Draft,
) {
    let eth = objects
        .interface
        .map_or_else(|| String::from("the interface"), |name| name.to_string());
    if faults.contains(FaultSet::INTERFACE_GONE) || faults.contains(FaultSet::INTERFACE_DOWN) {
        link(
            view,
            at,
            &eth,
            faults.contains(FaultSet::INTERFACE_GONE),
            draft,
        );
    } else if faults.contains(FaultSet::NO_SOURCE) {
        draft.find(
            Code::EgressSourceGone,
            Confidence::High,
            None,
            format!("the address that adverts leave from vanished from {eth}"),
            vec![seen(format!("{eth} has no source address"))],
        );
    }
    if faults.contains(FaultSet::TRACKER) {
        tracker(view, at, objects.tracker, draft);
    }
    if faults.contains(FaultSet::GROUP) {
        draft.find(
            Code::ElectionSyncGroup,
            Confidence::High,
            None,
            Cause::Group {
                group: objects.group,
            }
            .to_string(),
            vec![seen("another member of the group has a fault")],
        );
        leader(view, at, draft);
    }
    if faults.contains(FaultSet::ADDRESS_REFUSED) {
        refused(objects.errno, draft);
    }
    if draft.findings.is_empty() {
        draft.unknown = Some(crate::words::Faults(faults).sentences(objects).join("; "));
    }
}

/// Why an interface is down.
fn link(view: &View<'_>, at: Time, eth: &str, gone: bool, draft: &mut Draft) {
    let change = link_lost(view, at, at);
    let by = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Interface { interface, by, .. } if interface.as_str() == eth && !by.is_unknown() => {
            Some(*by)
        }
        _ => None,
    });
    let who = by.map_or_else(String::new, |by| format!(" by {by}"));
    match change {
        Some((_, InterfaceChange::Vanished, _)) => draft.find(
            Code::EgressLinkDown,
            Confidence::High,
            None,
            format!("{eth} was deleted{who}"),
            vec![seen(format!("the kernel told that {eth} is gone"))],
        ),
        Some((_, _, DownReason::SetDown)) => draft.find(
            Code::EgressLinkDown,
            Confidence::High,
            None,
            format!("{eth} was set down{who}"),
            vec![seen(format!("{eth} is no longer up (IFF_UP)"))],
        ),
        Some((_, _, DownReason::NoCarrier)) => draft.find(
            Code::EgressNoCarrier,
            Confidence::High,
            None,
            format!("{eth} lost its carrier"),
            vec![seen(format!("{eth} is up and has no carrier"))],
        ),
        _ if gone => draft.find(
            Code::EgressLinkDown,
            Confidence::High,
            None,
            format!("{eth} does not exist"),
            vec![seen(format!("the kernel knows no {eth}"))],
        ),
        _ => {
            draft.unknown = Some(format!(
                "{eth} is down or has no carrier, and its flags were not recorded"
            ));
        }
    }
}

/// What a tracker said shortly before.
pub(super) fn tracker(view: &View<'_>, at: Time, named: Option<Name>, draft: &mut Draft) {
    let bad = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Tracker {
            kind,
            name,
            state: TrackerState::Bad | TrackerState::Expired,
            outcome,
        } if named.is_none_or(|named| named.as_str().ends_with(name.as_str())) => {
            Some((*kind, *name, *outcome))
        }
        _ => None,
    });
    let interface = named
        .as_ref()
        .and_then(|named| named.as_str().strip_prefix("interface "))
        .map(Name::new);
    if let (None, Some(interface)) = (bad, interface) {
        tracked_link(view, at, interface, draft);
        return;
    }
    let Some((kind, name, outcome)) = bad else {
        draft.saw("a tracked object failed; its own event is not in the records");
        return;
    };
    let changes = before(view, at, 60_000_000_000)
        .filter(|event| {
            matches!(&event.event.kind, Kind::Tracker { name: other, state: TrackerState::Good | TrackerState::Bad, .. } if *other == name)
        })
        .count();
    if kind == TrackerKind::Interface {
        tracked_link(view, at, name, draft);
        return;
    }
    if kind == TrackerKind::Process {
        draft.find(
            Code::HealthProcessGone,
            Confidence::High,
            None,
            format!("tracked process {name} is gone, or too few of it run"),
            vec![seen(format!("process {name} counts as bad"))],
        );
        return;
    }
    if changes >= 6 {
        draft.find(
            Code::HealthOscillating,
            Confidence::High,
            None,
            format!("{name} changed {changes} times in 60 s"),
            vec![seen(format!("{changes} changes of script {name}"))],
        );
    }
    script(name, outcome, draft);
}

/// A tracked interface is down, or flaps.
fn tracked_link(view: &View<'_>, at: Time, name: Name, draft: &mut Draft) {
    let changes = before(view, at, 60_000_000_000)
        .filter(|event| {
            matches!(&event.event.kind, Kind::Interface { interface, change: InterfaceChange::Down | InterfaceChange::Up, .. } if *interface == name)
        })
        .count();
    if changes >= 6 {
        draft.find(
            Code::HealthLinkFlapping,
            Confidence::High,
            None,
            format!("{name} changed {changes} times in 60 s"),
            vec![seen(format!(
                "{changes} changes of tracked interface {name}"
            ))],
        );
        return;
    }
    other_link(view, at, name, draft);
}

/// A tracked interface other than the router's own.
fn other_link(view: &View<'_>, at: Time, name: Name, draft: &mut Draft) {
    let reason = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Interface {
            interface,
            change: InterfaceChange::Down | InterfaceChange::Vanished,
            reason,
            ..
        } if *interface == name => Some(*reason),
        _ => None,
    });
    let (code, say) = match reason {
        Some(DownReason::NoCarrier) => (
            Code::EgressNoCarrier,
            format!("tracked interface {name} lost its carrier"),
        ),
        Some(DownReason::SetDown) => (
            Code::EgressLinkDown,
            format!("tracked interface {name} was set down"),
        ),
        _ => {
            draft.unknown = Some(format!("tracked interface {name} is down"));
            return;
        }
    };
    draft.unknown = None;
    draft.find(
        code,
        Confidence::High,
        None,
        say,
        vec![seen(format!("the kernel's flags of {name}"))],
    );
}

/// Why a script counts as failed.
pub(super) fn script(name: Name, outcome: Option<RunOutcome>, draft: &mut Draft) {
    let (code, say) = match outcome {
        Some(RunOutcome::TimedOut) => (
            Code::HealthScriptTimeout,
            format!("{name} timed out and was killed"),
        ),
        Some(RunOutcome::Failed { .. }) => (
            Code::HealthScriptNotRunnable,
            format!(
                "{name} {}",
                outcome.map_or_else(String::new, |o| o.to_string())
            ),
        ),
        Some(RunOutcome::Exited { .. } | RunOutcome::Killed { .. }) => (
            Code::HealthScriptFailed,
            format!(
                "{name} failed ({})",
                outcome.map_or_else(String::new, |o| o.to_string())
            ),
        ),
        Some(RunOutcome::Started) | None => {
            draft.unknown = Some(format!("{name} has not reported in time"));
            draft.saw(format!("the last result of {name} is too old to count"));
            return;
        }
    };
    draft.find(
        code,
        Confidence::High,
        None,
        say,
        vec![seen(format!("script {name} counts as bad"))],
    );
}
