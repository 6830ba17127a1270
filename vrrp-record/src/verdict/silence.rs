//! A Backup heard nothing for the down interval, or nearly: was it late itself, did it lose adverts itself, what do the
//! numbers of later adverts tell, and what does the other node know?
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use std::net::IpAddr;

use super::decided::before;
use super::heard::{Gap, local_losses};
use super::numbers::numbers;
use super::other::{neither_heard, with_peer};
use super::own::own_lateness;
use super::view::{Draft, View, nanos, seen, signed, span};
use super::{Code, Confidence, Finding, Incident};
use crate::event::{InterfaceChange, Kind};
use crate::history::{History, Time, Unit};

/// Explains a takeover for silence.
pub(super) fn silence(
    view: &View<'_>,
    peer: Option<&History>,
    incident: &Incident,
    last: Option<IpAddr>,
    draft: &mut Draft,
) {
    let Some(sender) = last else {
        never_heard(view, peer, incident, draft);
        return;
    };
    let heard = view
        .received(incident.at.plus(-600_000_000_000), incident.at)
        .filter(|one| one.from == sender)
        .last();
    let Some(heard) = heard else {
        draft.unknown = Some(format!("the last advert of {sender} is not in the records"));
        return;
    };
    let gap = Gap {
        sender,
        begin: heard.at(),
        end: view
            .received(heard.at().plus(1), view.as_of)
            .find(|one| one.from == sender && one.read > incident.at)
            .map(|one| one.at()),
    };
    let limit = view.settings().map_or_else(
        || incident.at.since(gap.begin),
        |router| signed(router.down_interval(Some(heard.interval), router.priority)),
    );
    draft.measure = Some(format!(
        "{sender} silent {}, limit {}",
        span(incident.at.since(gap.begin)),
        span(limit)
    ));
    explain_gap(view, peer, &gap, incident.at, limit, draft);
}

/// Explains a gap up to `at`, when it ended or this node lost patience.
pub(super) fn explain_gap(
    view: &View<'_>,
    peer: Option<&History>,
    gap: &Gap,
    at: Time,
    limit: i64,
    draft: &mut Draft,
) {
    let mut own = Draft::default();
    let worst = own_lateness(view, gap.begin, at, &mut own);
    let local = local_losses(view, Some(gap.sender), gap.begin, at, draft);
    let local = reading_is_enough(at.since(gap.begin) - view.interval(), draft) && local;
    let read_late = draft
        .findings
        .iter()
        .any(|finding| finding.code == Code::IngressReadLate);
    let slept_through = worst * 5 >= limit.saturating_sub(view.interval()).max(1) * 4;
    if read_late || slept_through {
        if !read_late && !own.findings.is_empty() {
            draft.find(
                Code::IngressReadLate,
                Confidence::Medium,
                Some(nanos(worst)),
                format!("this node did not run for {} of the silence", span(worst)),
                vec![seen(format!("worst own lateness {}", span(worst)))],
            );
        }
        draft.lateness = own.lateness;
        draft.unexplained = own.unexplained;
        draft.unknown = own.unknown.take();
        draft.findings.append(&mut own.findings);
        draft.evidence.append(&mut own.evidence);
        draft.missing.append(&mut own.missing);
    } else if worst >= view.late() {
        draft.saw(format!(
            "this node was {} late itself in that time",
            span(worst)
        ));
    } else {
        draft.ruled_out.push(format!(
            "this node late (worst {} in that time)",
            span(worst)
        ));
    }
    let decided = !draft.findings.is_empty();
    if local && !decided {
        // Kept from our socket by this machine: nobody else knows better.
        return;
    }
    let joined = peer.is_some_and(|peer| with_peer(view, peer, gap, at, draft));
    if joined {
        return;
    }
    if !decided || !local {
        numbers(view, gap, at, decided, draft);
    }
    if draft.findings.is_empty() && peer.is_none() {
        draft.next.push(format!(
            "on {}: vrrpctl explain --last, or here with its bundle: vrrpctl explain --peer FILE",
            gap.sender
        ));
    }
}

/// Takes back that reading late explains a gap of which it is only a small part. Returns whether anything is left.
fn reading_is_enough(excess: i64, draft: &mut Draft) -> bool {
    let small = |finding: &Finding| {
        finding.code == Code::IngressReadLate
            && finding
                .share
                .is_some_and(|share| signed(share) * 4 < excess)
    };
    if let Some(position) = draft.findings.iter().position(small) {
        let taken = draft.findings.remove(position);
        draft.evidence.extend(taken.evidence);
        return !draft.findings.is_empty() || draft.unknown.is_some();
    }
    true
}

/// Whether somebody whom this node hears later was sending all through the last two of its intervals before a time: its
/// numbers count from one.
fn was_sending(view: &View<'_>, at: Time) -> bool {
    let mut later = view.received(at, view.as_of);
    let Some(first) = later.next() else {
        return false;
    };
    let goes_on = later
        .find(|one| one.from == first.from)
        .is_some_and(|next| next.id == first.id.map(|id| id.wrapping_add(1)));
    let began = first.id.map(|id| {
        first
            .at()
            .plus(-signed(first.interval).saturating_mul(i64::from(id) - 1))
    });
    goes_on && began.is_some_and(|began| at.since(began) >= 2 * signed(first.interval))
}

/// MASTER by timeout, and nobody was ever heard.
fn never_heard(view: &View<'_>, peer: Option<&History>, incident: &Incident, draft: &mut Draft) {
    let eth = view.settings().map_or("", |router| &router.interface);
    let started = view
        .history
        .runs
        .iter()
        .filter(|run| run.started <= incident.at)
        .map(|run| run.started)
        .next_back();
    let up = before(view, incident.at, 120_000_000_000).find_map(|event| match &event.event.kind {
        Kind::Interface {
            interface,
            change: InterfaceChange::Up,
            ..
        } if interface.as_str() == eth => Some(event.at),
        _ => None,
    });
    let since = up.max(started).unwrap_or(incident.from);
    let local = local_losses(view, None, since, incident.at, draft);
    let objects = view.objects(Unit::InterfaceReceived, since, incident.at);
    let received: Vec<u64> = objects
        .iter()
        .filter_map(|object| {
            let moved = view.moved(
                Unit::InterfaceReceived,
                *object,
                since.plus(200_000_000),
                incident.at,
            )?;
            Some(moved.by)
        })
        .collect();
    let later = objects.iter().any(|object| {
        view.moved(Unit::InterfaceReceived, *object, incident.at, view.as_of)
            .is_some_and(|moved| moved.by > 0)
    });
    let length = span(incident.at.since(since));
    let few = 2 + 2 * nanos(incident.at.since(since)) / 1_000_000_000;
    if received.is_empty() {
        draft.lacks("packets that the interface received since it came up");
    } else if received.iter().all(|by| *by == 0) {
        let text = format!("{eth} received 0 packets of any kind in {length} since it came up");
        // On a quiet network nobody speaks either: there has to be one who did.
        if later && !local && was_sending(view, incident.at) {
            draft.find(
                Code::PathPortBlocked,
                Confidence::Medium,
                None,
                format!("{text}: the port was blocked (STP, LACP)"),
                vec![seen(text), seen("packets came later")],
            );
            draft.find(
                Code::ElectionBlindStart,
                Confidence::Medium,
                None,
                format!(
                    "became MASTER {length} after it came up without being able to hear anybody"
                ),
                vec![seen("no advert and no other packet before the takeover")],
            );
            return;
        }
        draft.saw(text);
    } else if received.iter().all(|by| *by <= few) {
        // Spanning tree, LACP and LLDP speak through a blocked port, about once a second each.
        draft.saw(format!(
            "{eth} received hardly any packet in {length} since it came up"
        ));
    } else {
        draft
            .ruled_out
            .push(format!("a blocked port ({eth} received other packets)"));
    }
    let ever = (incident.at, view.as_of);
    if !local && peer.is_some_and(|peer| neither_heard(view, peer, ever, draft)) {
        return;
    }
    if !local {
        draft.unknown = Some(String::from(
            "nobody else speaks for this VRID, or nothing of it comes through",
        ));
    }
}
