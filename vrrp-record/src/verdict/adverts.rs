//! Finding what is out of the ordinary in a router's adverts, sent, heard and refused. Names no cause.

use std::net::IpAddr;

use super::heard::local_losses;
use super::incidents::TOGETHER;
use super::view::{Draft, View, nanos, signed};
use super::{Happening, Incident};
use crate::event::Anomaly;
use crate::history::{Sequence, Source, Time};
use crate::measure::gaps;
use crate::words::Word;

/// An advert without its stamp after this time stays without.
const PATIENCE: i64 = 2_000_000_000;

pub(super) fn near_failovers(view: &View<'_>, found: &mut Vec<Incident>) {
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

pub(super) fn sent(view: &View<'_>, found: &mut Vec<Incident>) {
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

pub(super) fn received(view: &View<'_>, found: &mut Vec<Incident>) {
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
        if super::beside::repeats(view, before_it, one) {
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

pub(super) fn rejected(view: &View<'_>, found: &mut Vec<Incident>) {
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
pub(super) fn two_active(view: &View<'_>, found: &mut Vec<Incident>) {
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

/// MASTER for a minute, nobody was ever heard, and something here tells that somebody spoke: the Backup of a healthy pair says
/// nothing either.
pub(super) fn nobody_heard(view: &View<'_>, found: &mut Vec<Incident>) {
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
    let lost = |from, until| local_losses(view, None, from, until, &mut Draft::default());
    if let Some(phase) = long.filter(|phase| lost(phase.from, phase.until)) {
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
pub(super) fn floors(view: &View<'_>, found: &mut Vec<Incident>) {
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
pub(super) fn thin_margins(view: &View<'_>, found: &mut Vec<Incident>) {
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
