//! Finding what wants an explanation. Names no cause.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use std::net::IpAddr;

use super::view::{View, nanos, signed};
use super::{Happening, Incident};
use crate::event::{Anomaly, InterfaceChange, Kind, ReloadOutcome, RunOutcome, TrackerState};
use crate::history::{History, Sequence, Source, Time, Unit};
use crate::measure::gaps;
use crate::words::Word;

/// Anomalies closer together than this are one.
const TOGETHER: i64 = 10_000_000_000;
/// An advert without its stamp after this time stays without.
const PATIENCE: i64 = 2_000_000_000;

/// Everything on this node that wants an explanation, by time.
#[must_use]
pub fn incidents(history: &History) -> Vec<Incident> {
    let mut found = from_events(history);
    let mut seen = Vec::new();
    for router in 0..u16::try_from(history.routers.len()).unwrap_or(u16::MAX) {
        let view = View {
            history,
            router: Some(router),
            as_of: Time(i64::MAX),
        };
        near_failovers(&view, &mut seen);
        sent(&view, &mut seen);
        received(&view, &mut seen);
        rejected(&view, &mut seen);
        two_active(&view, &mut seen);
        nobody_heard(&view, &mut seen);
        floors(&view, &mut seen);
        thin_margins(&view, &mut seen);
    }
    storage(history, &mut seen);
    clock_steps(history, &mut seen);
    // What a near failover or a transition explains, and what an event tells, is told once.
    let near: Vec<Incident> = seen
        .iter()
        .filter(|one| matches!(one.what, Happening::NearFailover { .. }))
        .copied()
        .collect();
    seen.retain(|one| {
        !matches!(one.what, Happening::Anomaly { .. })
            || !near.iter().any(|known| {
                known.router == one.router && known.from <= one.until && one.from <= known.until
            })
    });
    seen.retain(|one| !found.iter_mut().any(|known| covers(known, one)));
    found.append(&mut seen);
    found.sort_by_key(|incident| (incident.at, incident.router));
    found
}

/// Whether an incident known from its event is the other one; then the event's number stands for what was measured.
fn covers(known: &mut Incident, other: &Incident) -> bool {
    if known.router.is_some() && other.router.is_some() && known.router != other.router {
        return false;
    }
    let slack = 2_000_000_000;
    let overlap = known.from.plus(-slack) <= other.until && other.from <= known.until.plus(slack);
    if !overlap {
        return false;
    }
    match (known.what, other.what) {
        (
            Happening::Transition { .. },
            Happening::NearFailover { .. }
            | Happening::Anomaly { .. }
            | Happening::TwoActive { .. },
        ) => known.router == other.router,
        (Happening::NearFailover { sender: a, .. }, Happening::NearFailover { sender: b, .. })
            if a == b =>
        {
            (known.what, known.from, known.until) = (other.what, other.from, other.until);
            true
        }
        (Happening::Anomaly { anomaly: a }, Happening::Anomaly { anomaly: b }) if a == b => {
            known.from = known.from.min(other.from);
            known.until = known.until.max(other.until);
            true
        }
        (a, b) => a == b,
    }
}

fn position(history: &History, name: &str) -> Option<u16> {
    let position = history
        .routers
        .iter()
        .position(|router| router.name == name)?;
    u16::try_from(position).ok()
}

/// The down interval of a router with its own settings.
fn window(history: &History, router: Option<u16>) -> i64 {
    router
        .and_then(|router| history.routers.get(usize::from(router)))
        .map_or(4_000_000_000, |router| {
            signed(router.down_interval(None, router.priority))
        })
}

fn from_events(history: &History) -> Vec<Incident> {
    let mut found: Vec<Incident> = Vec::new();
    for numbered in &history.events {
        let kind = &numbered.event.kind;
        let router = kind
            .router()
            .and_then(|name| position(history, name.as_str()));
        let at = numbered.at;
        let length = window(history, router);
        let (what, length) = match kind {
            Kind::Transition { from, to, .. } => (
                Happening::Transition {
                    old: *from,
                    new: *to,
                },
                length,
            ),
            Kind::NearFailover {
                from,
                gap_ms,
                limit_ms,
                ..
            } => {
                let gap = gap_ms.saturating_mul(1_000_000);
                let limit = limit_ms.saturating_mul(1_000_000);
                let sender = *from;
                (Happening::NearFailover { sender, gap, limit }, signed(gap))
            }
            Kind::Anomaly { what, .. } => (Happening::Anomaly { anomaly: *what }, length),
            // What a crash left behind is told with the crash.
            Kind::AddressLeftOver { .. } if after_crash(history, at) => continue,
            Kind::AddressRemoved { .. }
            | Kind::AddressesLost { .. }
            | Kind::AddressLeftOver { .. }
            | Kind::AddressRefused { .. } => (Happening::Addresses, 0),
            Kind::Tracker {
                state: TrackerState::Bad | TrackerState::Expired,
                ..
            } => (Happening::Health, 0),
            Kind::ScriptRun { outcome, .. }
                if !matches!(
                    outcome,
                    RunOutcome::Exited { status: 0 } | RunOutcome::Started
                ) =>
            {
                (Happening::Health, 0)
            }
            Kind::Interface {
                change: InterfaceChange::Appeared,
                ..
            } if vanished_before(history, kind, at) => (Happening::Link, 0),
            Kind::OwnAddressHeard { .. } => (Happening::OwnAddressHeard, length),
            Kind::Reload {
                outcome: ReloadOutcome::Applied { .. },
            } => (Happening::Reload, 0),
            Kind::PreviousRun { clean: false, .. } => (Happening::Restart, 0),
            _ => continue,
        };
        // The same trouble again and again is one incident.
        let repeats = found.iter_mut().rev().take(8).find(|known| {
            known.what == what
                && known.router == router
                && matches!(
                    what,
                    Happening::Addresses | Happening::Health | Happening::OwnAddressHeard
                )
                && at.since(known.until) <= TOGETHER
        });
        if let Some(known) = repeats {
            known.until = at;
            continue;
        }
        found.push(Incident {
            what,
            router,
            number: kind.number(),
            from: at.plus(-length),
            at,
            until: at,
        });
    }
    found
}

/// Whether the daemon has just started after a run without goodbye.
fn after_crash(history: &History, at: Time) -> bool {
    history.events.iter().any(|event| {
        at.since(event.at).abs() <= TOGETHER
            && matches!(event.event.kind, Kind::PreviousRun { clean: false, .. })
    })
}

fn vanished_before(history: &History, kind: &Kind, at: Time) -> bool {
    let Kind::Interface { interface, .. } = kind else {
        return false;
    };
    history.events.iter().any(|event| {
        event.at < at
            && at.since(event.at) <= 60_000_000_000
            && matches!(&event.event.kind, Kind::Interface { interface: other, change: InterfaceChange::Vanished, .. } if other == interface)
    })
}

fn near_failovers(view: &View<'_>, found: &mut Vec<Incident>) {
    let (Some(router), Some(settings)) = (view.router, view.settings()) else {
        return;
    };
    for gap in gaps(view.history, router) {
        let ended = gap
            .ended_by
            .and_then(|position| view.history.received.get(position))
            .filter(|one| one.from == gap.from);
        let Some(ended) = ended else {
            continue;
        };
        let limit = settings.down_interval(Some(ended.interval), settings.priority);
        // A lone advert that comes half an interval late is no near failover.
        if gap.value.nanos > limit / 2 && gap.value.nanos > settings.interval * 3 / 2 {
            found.push(Incident {
                what: Happening::NearFailover {
                    sender: Some(gap.from),
                    gap: gap.value.nanos,
                    limit,
                },
                router: view.router,
                number: None,
                from: gap.value.at,
                at: gap.value.at,
                until: gap.value.at.plus(signed(gap.value.nanos)),
            });
        }
    }
    own_gaps(view, found);
}

/// Gaps between our own adverts as they left, while MASTER.
fn own_gaps(view: &View<'_>, found: &mut Vec<Incident>) {
    let Some(settings) = view.settings() else {
        return;
    };
    if view.history.node.source == Source::Capture {
        return;
    }
    let limit = settings.down_interval(None, settings.priority);
    let mut last: Option<(Time, u16)> = None;
    for sent in view.sent(Time(i64::MIN), Time(i64::MAX)) {
        let Some(left) = sent.left.or(sent.accepted) else {
            continue;
        };
        if let Some((before, _)) = last {
            let gap = nanos(left.since(before));
            // Schedules that belong together are at most so far apart; otherwise another router was MASTER between.
            let scheduled =
                sent.due.since(before) <= view.interval() * (2 + i64::from(sent.skipped));
            if scheduled && gap > limit / 2 && gap > settings.interval * 3 / 2 {
                found.push(Incident {
                    what: Happening::NearFailover {
                        sender: None,
                        gap,
                        limit,
                    },
                    router: view.router,
                    number: None,
                    from: before,
                    at: before,
                    until: left,
                });
            }
        }
        last = (sent.priority > 0).then_some((left, sent.id));
    }
}

/// Joins anomalies of one kind that are close together.
struct Series {
    anomaly: Anomaly,
    open: Option<(Time, Time)>,
}

impl Series {
    const fn new(anomaly: Anomaly) -> Self {
        Self {
            anomaly,
            open: None,
        }
    }

    fn add(&mut self, view: &View<'_>, from: Time, until: Time, found: &mut Vec<Incident>) {
        match &mut self.open {
            Some((_, end)) if from.since(*end) <= TOGETHER => *end = until.max(*end),
            _ => {
                self.close(view, found);
                self.open = Some((from, until));
            }
        }
    }

    fn close(&mut self, view: &View<'_>, found: &mut Vec<Incident>) {
        if let Some((from, until)) = self.open.take() {
            found.push(Incident {
                what: Happening::Anomaly {
                    anomaly: self.anomaly,
                },
                router: view.router,
                number: None,
                from,
                at: from,
                until,
            });
        }
    }
}

fn sent(view: &View<'_>, found: &mut Vec<Incident>) {
    let stamps = view
        .history
        .sent
        .iter()
        .any(|sent| Some(sent.router) == view.router && sent.left.is_some());
    let end = view.history.extent().map_or(Time(0), |(_, last)| last);
    let late = view.late();
    let mut woke_late = Series::new(Anomaly::SentLate);
    let mut not_sent = Series::new(Anomaly::NotSent);
    let mut not_left = Series::new(Anomaly::NotLeft);
    let mut queued = Series::new(Anomaly::Queued);
    let mut held = Series::new(Anomaly::Held);
    for sent in view.sent(Time(i64::MIN), Time(i64::MAX)) {
        let due = sent.due;
        if let Some(woke) = sent.woke.filter(|woke| woke.since(due) >= late) {
            woke_late.add(view, due, woke, found);
        }
        let observed = view.history.node.source != Source::Daemon;
        if sent.errno.is_some_and(|errno| errno != 105)
            || sent.submitted.is_none() && sent.left.is_none() && !observed
        {
            not_sent.add(view, due, due, found);
            continue;
        }
        let over = sent.settled || end.since(due) > PATIENCE;
        match (sent.queued, sent.left) {
            (Some(queued_at), Some(left)) if !sent.ambiguous && left.since(queued_at) >= late => {
                queued.add(view, due, left, found);
            }
            (_, None) if over && stamps && sent.accepted.is_some() => {
                not_left.add(view, due, due, found);
            }
            _ => {}
        }
        if sent.left.is_some() && sent.held_bytes > 0 {
            held.add(view, due, due.plus(view.interval()), found);
        }
    }
    for series in [
        &mut woke_late,
        &mut not_sent,
        &mut not_left,
        &mut queued,
        &mut held,
    ] {
        series.close(view, found);
    }
}

fn received(view: &View<'_>, found: &mut Vec<Incident>) {
    let late = view.late();
    let mut read_late = Series::new(Anomaly::ReadLate);
    let mut overflowed = Series::new(Anomaly::Overflowed);
    let mut missing = Series::new(Anomaly::Missing);
    let mut repeated: Vec<Incident> = Vec::new();
    let mut last: Option<Time> = None;
    let mut before_it = None;
    for one in view.received(Time(i64::MIN), Time(i64::MAX)) {
        let at = one.at();
        if one.read.since(at) >= late {
            read_late.add(view, at, one.read, found);
        }
        if one.dropped > 0 {
            overflowed.add(view, last.unwrap_or(at), at, found);
        }
        match one.sequence {
            Sequence::Missing(_) => missing.add(view, last.unwrap_or(at), at, found),
            Sequence::Repeated | Sequence::Next | Sequence::Untrusted | Sequence::Broken => {}
        }
        if super::happenings::repeats(view, before_it, one) {
            match repeated.last_mut() {
                Some(open) if at.since(open.until) <= TOGETHER => open.until = at,
                _ => repeated.push(Incident {
                    what: Happening::Duplicates,
                    router: view.router,
                    number: None,
                    from: last.unwrap_or(at),
                    at,
                    until: at,
                }),
            }
        }
        last = Some(at);
        before_it = Some(one);
    }
    for series in [&mut read_late, &mut overflowed, &mut missing] {
        series.close(view, found);
    }
    found.append(&mut repeated);
}

fn rejected(view: &View<'_>, found: &mut Vec<Incident>) {
    let mut series = Series::new(Anomaly::Rejected);
    let mut open: Option<Time> = None;
    for one in view.rejected(Time(i64::MIN), Time(i64::MAX)) {
        // A flood is one incident for as long as it goes on.
        let from = open
            .filter(|last| one.at.since(*last) <= 6 * TOGETHER)
            .unwrap_or(one.at);
        series.add(view, from, one.at, found);
        open = Some(one.at);
    }
    series.close(view, found);
}

/// Adverts of another sender heard while this router is MASTER.
fn two_active(view: &View<'_>, found: &mut Vec<Incident>) {
    let Some(router) = view.router else {
        return;
    };
    // Who was silent for so long has left: the next time has a reason of its own.
    let apart = (view.interval() * 4).min(TOGETHER);
    for phase in view.history.phases(router) {
        if phase.state != Some(Word::Master) {
            continue;
        }
        let mut open: Option<(IpAddr, Time, Time)> = None;
        let begin = phase.from.plus(view.interval() / 2);
        for one in view.received(begin, phase.until.plus(-view.interval() / 4)) {
            if one.priority == 0 || view.history.node.addresses.contains(&one.from) {
                continue;
            }
            match &mut open {
                Some((other, _, last)) if *other == one.from && one.at().since(*last) <= apart => {
                    *last = one.at();
                }
                _ => {
                    if let Some((other, from, until)) = open {
                        push_two(view, other, from, until, found);
                    }
                    open = Some((one.from, one.at(), one.at()));
                }
            }
        }
        if let Some((other, from, until)) = open {
            push_two(view, other, from, until, found);
        }
    }
}

fn push_two(view: &View<'_>, other: IpAddr, from: Time, until: Time, found: &mut Vec<Incident>) {
    found.push(Incident {
        what: Happening::TwoActive { other },
        router: view.router,
        number: None,
        from,
        at: from,
        until,
    });
}

/// MASTER for a minute by timeout, and nobody was ever heard.
fn nobody_heard(view: &View<'_>, found: &mut Vec<Incident>) {
    let Some(router) = view.router else {
        return;
    };
    let heard = view.history.received.iter().any(|one| one.router == router);
    if heard || view.history.node.source != Source::Daemon {
        return;
    }
    let long = view.history.phases(router).into_iter().find(|phase| {
        phase.state == Some(Word::Master) && phase.until.since(phase.from) >= 60_000_000_000
    });
    if let Some(phase) = long {
        found.push(Incident {
            what: Happening::NobodyHeard,
            router: view.router,
            number: None,
            from: phase.from,
            at: phase.from,
            until: phase.until,
        });
    }
}

/// A minute in which every advert woke at least a millisecond late.
fn floors(view: &View<'_>, found: &mut Vec<Incident>) {
    const MINUTE: i64 = 60_000_000_000;
    let mut open: Option<(Time, Time, u32, i64)> = None;
    let mut close = |window: Option<(Time, Time, u32, i64)>| {
        if let Some((from, until, count, least)) = window
            && count >= 30
            && least >= 1_000_000
        {
            found.push(Incident {
                what: Happening::LateFloor,
                router: view.router,
                number: None,
                from,
                at: from,
                until,
            });
        }
    };
    for sent in view.sent(Time(i64::MIN), Time(i64::MAX)) {
        let Some(woke) = sent.woke else {
            continue;
        };
        let late = woke.since(sent.due);
        open = match open {
            Some((from, _, count, least)) if sent.due.since(from) <= MINUTE => {
                Some((from, sent.due, count + 1, least.min(late)))
            }
            other => {
                close(other);
                Some((sent.due, sent.due, 1, late))
            }
        };
    }
    close(open);
}

/// Eight gaps in a row that use three quarters of the down interval.
fn thin_margins(view: &View<'_>, found: &mut Vec<Incident>) {
    let Some(settings) = view.settings() else {
        return;
    };
    let mut last: Option<(IpAddr, Time)> = None;
    let mut row: Option<(Time, Time, u32)> = None;
    let mut told = false;
    for one in view.received(Time(i64::MIN), Time(i64::MAX)) {
        let limit = signed(settings.down_interval(Some(one.interval), settings.priority));
        let thin =
            last.is_some_and(|(from, at)| from == one.from && one.at().since(at) * 4 >= limit * 3);
        row = match (thin, row) {
            (true, Some((from, _, count))) => Some((from, one.at(), count + 1)),
            (true, None) => last.map(|(_, at)| (at, one.at(), 1)),
            (false, _) => {
                told = false;
                None
            }
        };
        if let (Some((from, until, 8..)), false) = (row, told) {
            told = true;
            found.push(Incident {
                what: Happening::ThinMargin,
                router: view.router,
                number: None,
                from,
                at: from,
                until,
            });
        }
        last = Some((one.from, one.at()));
    }
}

/// All tasks waiting for I/O for more than half of ten seconds.
fn storage(history: &History, found: &mut Vec<Incident>) {
    const WINDOW: i64 = 10_000_000_000;
    let mut begin: Option<(Time, u64)> = None;
    let mut open: Option<(Time, Time)> = None;
    let pressure = history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::PressureIo && sample.object == 0);
    for sample in pressure {
        let Some((from, value)) = begin else {
            begin = Some((sample.at, sample.value));
            continue;
        };
        if sample.at.since(from) < WINDOW {
            continue;
        }
        let stalled = signed(sample.value.saturating_sub(value));
        if stalled * 2 >= sample.at.since(from) {
            match &mut open {
                Some((_, until)) if *until == from => *until = sample.at,
                _ => {
                    push_storage(open.take(), found);
                    open = Some((from, sample.at));
                }
            }
        }
        begin = Some((sample.at, sample.value));
    }
    push_storage(open, found);
}

fn push_storage(window: Option<(Time, Time)>, found: &mut Vec<Incident>) {
    if let Some((from, until)) = window {
        found.push(Incident {
            what: Happening::StorageStall,
            router: None,
            number: None,
            from,
            at: from,
            until,
        });
    }
}

fn clock_steps(history: &History, found: &mut Vec<Incident>) {
    let mut last: Option<(u64, Time)> = None;
    for sample in history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::WallClock)
    {
        if let Some((value, _)) = last {
            let step = sample.value.wrapping_sub(value).cast_signed();
            if step.saturating_abs() >= 100_000_000 {
                found.push(Incident {
                    what: Happening::ClockStep,
                    router: None,
                    number: None,
                    from: sample.at,
                    at: sample.at,
                    until: sample.at,
                });
            }
        }
        last = Some((sample.value, sample.at));
    }
}
