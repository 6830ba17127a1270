//! Whether the machine of the other node stood still with its clocks: paused by its host, or moved to another one. A clock
//! that stood falls behind for good, where an advert that was held is late only once.

use std::net::IpAddr;

use super::heard::Gap;
use super::view::{Draft, View, against, nanos, seen, span};
use super::{Code, Confidence};
use crate::event::{InterfaceChange, Kind};
use crate::history::{History, Time, Unit};
use crate::join::{Join, Pair};

/// Adverts on each side of a gap that tell the distance of the clocks.
const ADVERTS: usize = 3;
/// A held burst is over after this many intervals.
const SETTLED: i64 = 2;

/// How far the clock of the sender of a gap fell behind ours in it, in nanoseconds: by the fastest adverts before and after.
fn fell_behind(view: &View<'_>, join: &Join, gap: &Gap) -> Option<i64> {
    let end = gap.end?.plus(view.interval() * SETTLED);
    let arrival = |pair: &&Pair| view.history.received[pair.received].at();
    let ours = |pair: &&Pair| arrival(pair) <= view.as_of;
    let mut before: Vec<i64> = join
        .back()
        .iter()
        .filter(ours)
        .filter(|pair| arrival(pair) <= gap.begin)
        .map(|pair| pair.difference)
        .collect();
    let before = before.split_off(before.len().saturating_sub(10));
    let after: Vec<i64> = join
        .back()
        .iter()
        .filter(ours)
        .filter(|pair| arrival(pair) >= end)
        .take(10)
        .map(|pair| pair.difference)
        .collect();
    if before.len() < ADVERTS || after.len() < ADVERTS {
        return None;
    }
    // It grew from the slowest before to the fastest after: nothing under way explains that.
    Some(after.iter().min()? - before.iter().max()?)
}

/// Names a pause of the other node's machine where its clock fell behind by most of a gap. Returns whether it did.
pub(super) fn stood_still(
    view: &View<'_>,
    peer: &History,
    join: &Join,
    gap: &Gap,
    draft: &mut Draft,
) -> bool {
    let (Some(by), Some(end)) = (fell_behind(view, join, gap), gap.end) else {
        return false;
    };
    let length = end.since(gap.begin);
    let excess = length - view.interval();
    if by < view.late() || by * 5 < excess * 4 || by > length + view.late() {
        return false;
    }
    let host = &peer.node.host;
    let clock = against(
        format!(
            "the clock of {host} fell behind ours by {} in the gap of {}",
            span(by),
            span(length)
        ),
        Some(String::from("the two keep their distance")),
    );
    let moved = path_changed(peer, join, view, gap);
    if let Some(moved) = moved {
        draft.find(
            Code::HostMigrated,
            Confidence::Medium,
            Some(nanos(by)),
            format!(
                "the machine of {host} was paused for {} with its clock, and came back on another network path: live migration",
                span(by)
            ),
            vec![clock, seen(moved)],
        );
    } else {
        draft.find(
            Code::HostPaused,
            Confidence::High,
            Some(nanos(by)),
            format!(
                "the machine of {host} was paused for {} with its clock",
                span(by)
            ),
            vec![clock],
        );
    }
    draft.next.push(format!(
        "ask the host of {host} for snapshots, backups and migrations at that time"
    ));
    true
}

/// Whether the interface of the other node lost and found its carrier within a pause.
fn path_changed(peer: &History, join: &Join, view: &View<'_>, gap: &Gap) -> Option<String> {
    let departure = |position: usize| peer.sent.get(position).map(|sent| sent.due);
    let arrival = |pair: &Pair| view.history.received[pair.received].at();
    let last = join
        .back()
        .iter()
        .rfind(|pair| arrival(pair) <= gap.begin)?;
    let first = join
        .back()
        .iter()
        .find(|pair| Some(arrival(pair)) >= gap.end)?;
    let from = departure(last.sent)?;
    let until = departure(first.sent)?.plus(2 * view.interval());
    let there = View {
        history: peer,
        router: None,
        as_of: Time(i64::MAX),
    };
    let changes = there
        .moved_any(Unit::CarrierChanges, from, until)
        .filter(|moved| moved.stands_out());
    if let Some(moved) = changes {
        return Some(format!("its carrier changed {} times meanwhile", moved.by));
    }
    let back = peer.events.iter().any(|event| {
        event.at >= from
            && event.at <= until
            && matches!(
                event.event.kind,
                Kind::Interface {
                    change: InterfaceChange::Up | InterfaceChange::Appeared,
                    ..
                }
            )
    });
    back.then(|| String::from("its interface came up again meanwhile"))
}

/// How long this machine stood still at least and at most if it did while `other` took over: our last advert left up to an
/// interval before, the other one was patient for as long as we would be and its skew, and what it sent since then waited
/// and came together.
fn lasted(view: &View<'_>, other: IpAddr, at: Time) -> Option<(i64, i64)> {
    let interval = view.interval();
    let patience = interval * i64::from(view.settings()?.down_adverts);
    let waited = view
        .received(at, at.plus(interval / 2))
        .filter(|one| one.from == other && one.priority > 0)
        .count();
    let sending = interval * i64::try_from(waited.max(1)).ok()?;
    let least = patience + sending - 2 * interval;
    Some((
        least.max(patience),
        patience + interval + sending + view.late(),
    ))
}

/// Names a pause of this machine alone where its wall clock was set forward afterwards by as much as the pause lasted: it had
/// stood while another node took over, and nothing was late by this machine's own clock. Returns whether it did.
pub(super) fn set_right(view: &View<'_>, other: IpAddr, at: Time, draft: &mut Draft) -> bool {
    const LATER: i64 = 120_000_000_000;
    let Some((least, most)) = lasted(view, other, at) else {
        return false;
    };
    let mut readings = view
        .history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::WallClock)
        .filter(|sample| sample.at >= at.plus(-view.interval()))
        .filter(|sample| sample.at <= at.plus(LATER).min(view.as_of));
    let Some(mut last) = readings.next() else {
        return false;
    };
    for reading in readings {
        let step = reading.value.wrapping_sub(last.value).cast_signed();
        last = reading;
        if step.saturating_abs() < least {
            continue;
        }
        // The first step sets right whatever was wrong: one that does not fit was made for something else.
        if step < least || step > most {
            return false;
        }
        draft.find(
            Code::HostPaused,
            Confidence::Low,
            None,
            format!(
                "this machine was paused for about {}: its own clock shows no gap, another node took over, and the wall clock \
                 was set forward by {} afterwards",
                span(step),
                span(step)
            ),
            vec![
                against(
                    format!(
                        "CLOCK_REALTIME - CLOCK_MONOTONIC changed by +{}, {} after another node was MASTER",
                        span(step),
                        span(reading.at.since(at).max(0))
                    ),
                    Some(String::from("unchanged")),
                ),
                seen(format!(
                    "a pause in which {other} took over and sent what came of it lasts {} to {}",
                    span(least),
                    span(most)
                )),
            ],
        );
        draft.next.push(String::from(
            "ask the host of this machine for snapshots and backups at that time",
        ));
        return true;
    }
    false
}
