//! What became of this node's adverts between the schedule and the driver, and what the device did with them.

use super::view::{Draft, View, against, nanos, seen, span};
use super::{Code, Confidence};
use crate::event::{DownReason, InterfaceChange, Kind};
use crate::history::{NO_ANSWER, ProbeTarget, Sent, Time, Unit};
use crate::quantity::{Errno, Plural};

/// A stamp that has not come after this time does not come.
const PATIENCE: i64 = 2_000_000_000;

/// How this node's adverts left it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Departures {
    /// Adverts due.
    pub(super) due: u32,
    /// Of them, those that reached the driver.
    pub(super) left: u32,
    /// Worst time from due to the driver, in nanoseconds.
    pub(super) worst: i64,
    /// Due times that passed without an advert, because its sender was later than an interval.
    pub(super) skipped: u32,
    /// Something was found here.
    pub(super) found: bool,
}

impl Departures {
    /// Every advert that was due left the kernel, and within `late` nanoseconds.
    pub(super) const fn on_time(&self, late: i64) -> bool {
        self.due > 0 && self.left == self.due && self.skipped == 0 && self.worst < late
    }
}

#[derive(Default)]
struct Counts {
    refused: Vec<(i32, u32, Time, Time)>,
    dropped: u32,
    unbuilt: u32,
    skipped: u32,
    unresolved: u32,
    waited_above: i64,
    vanished: u32,
    queued: u32,
    wait: i64,
    held: u32,
    held_bytes: u32,
    taken: i64,
}

impl Counts {
    fn of(view: &View<'_>, from: Time, until: Time) -> Self {
        let mut counts = Self::default();
        for sent in view.sent(from, until) {
            count(sent, view, true, view.late(), &mut counts);
        }
        counts
    }
}

/// The queue dropped nothing and nothing waited in it for a while around a window.
fn quiet_queue(view: &View<'_>, from: Time, until: Time) -> bool {
    let around = (from.plus(-5_000_000_000), until.plus(5_000_000_000));
    let drops = view
        .moved_any(Unit::QdiscDropped, around.0, around.1)
        .or_else(|| view.moved_any(Unit::QdiscDropped, from.plus(-200_000_000), around.1));
    // A queue that was replaced begins at zero again.
    let steady = view
        .objects(Unit::QdiscDropped, around.0, around.1)
        .into_iter()
        .all(|object| {
            let mut values = view
                .history
                .samples
                .iter()
                .filter(|one| one.unit == Unit::QdiscDropped && one.object == object)
                .filter(|one| (around.0..=around.1.min(view.as_of)).contains(&one.at))
                .map(|one| one.value);
            let first = values.next();
            values.all(|value| Some(value) == first)
        });
    steady
        && Counts::of(view, around.0, around.1).queued == 0
        && drops.is_some_and(|moved| moved.by == 0)
}

/// Judges the adverts due in a window.
pub(super) fn departures(
    view: &View<'_>,
    from: Time,
    until: Time,
    draft: &mut Draft,
) -> Departures {
    let mut result = Departures::default();
    let mut counts = Counts::default();
    let stamps = view
        .history
        .sent
        .iter()
        .any(|sent| Some(sent.router) == view.router && sent.left.is_some());
    let threshold = view.late();
    for sent in view.sent(from, until) {
        result.due += 1;
        result.skipped += u32::from(sent.skipped);
        counts.skipped += u32::from(sent.skipped);
        if let Some(left) = sent.left {
            result.left += 1;
            result.worst = result.worst.max(left.since(sent.due));
        }
        count(sent, view, stamps, threshold, &mut counts);
    }
    if !stamps && result.due > 0 {
        draft.lacks("transmit stamps: whether adverts left this kernel is unknown");
    }
    let before = draft.findings.len();
    refusals(&counts, view, draft);
    drops(&counts, view, from, until, draft);
    if counts.queued > 0 {
        draft.find(
            Code::EgressQueued,
            Confidence::High,
            Some(nanos(counts.wait)),
            format!(
                "waited {} in the queue of {}; give adverts priority",
                span(counts.wait),
                interface(view)
            ),
            vec![against(
                format!(
                    "{} waited between entering the queue and the driver, the longest {}",
                    Plural(counts.queued.into(), "advert"),
                    span(counts.wait)
                ),
                Some(String::from("some microseconds")),
            )],
        );
    }
    device(&counts, view, from, until, draft);
    result.found = draft.findings.len() > before;
    result
}

fn count(sent: &Sent, view: &View<'_>, stamps: bool, threshold: i64, counts: &mut Counts) {
    if let Some(errno) = sent.errno.filter(|errno| *errno != 105) {
        match counts.refused.iter_mut().find(|known| known.0 == errno) {
            Some(known) => {
                known.1 += 1;
                known.3 = sent.due;
            }
            None => counts.refused.push((errno, 1, sent.due, sent.due)),
        }
        return;
    }
    if sent.submitted.is_none() && sent.left.is_none() {
        counts.unbuilt += 1;
        return;
    }
    let over = sent.settled || view.as_of.since(sent.due) > PATIENCE;
    match (sent.queued, sent.left) {
        // A full queue or an egress hook says so, and its stamps may be lost.
        (_, None) if sent.errno == Some(105) => counts.dropped += 1,
        // Only a neighbour that does not resolve keeps a packet between the socket and the queue, and lets it go later.
        _ if waited_above(sent) >= threshold => {
            counts.unresolved += 1;
            counts.waited_above = counts.waited_above.max(waited_above(sent));
            return;
        }
        (Some(queued), Some(left)) if !sent.ambiguous => {
            let wait = left.since(queued);
            if wait >= threshold {
                counts.queued += 1;
                counts.wait = counts.wait.max(wait);
            }
        }
        (Some(_), None) if over && stamps => counts.dropped += 1,
        (None, None) if over && stamps && sent.held_bytes > 0 => counts.unresolved += 1,
        (None, None) if over && stamps => counts.vanished += 1,
        _ => {}
    }
    // Without bytes held at the next look, the device took it before; how late that look was is our own lateness.
    if let Some(left) = sent.left {
        let taken = sent.taken.map_or(0, |taken| taken.since(left));
        if sent.held_bytes > 0 {
            counts.held += 1;
            counts.held_bytes = counts.held_bytes.max(sent.held_bytes);
            counts.taken = counts.taken.max(taken);
        }
    }
}

/// How long an advert waited between being accepted and entering the queue of the interface.
fn waited_above(sent: &Sent) -> i64 {
    sent.queued
        .zip(sent.accepted)
        .filter(|_| !sent.ambiguous)
        .map_or(0, |(queued, accepted)| queued.since(accepted))
}

fn interface<'a>(view: &View<'a>) -> &'a str {
    view.settings()
        .map_or("the interface", |router| &router.interface)
}

fn refusals(counts: &Counts, view: &View<'_>, draft: &mut Draft) {
    for (errno, times, first, last) in &counts.refused {
        let length = last.since(*first) + view.interval();
        let evidence = vec![seen(format!(
            "sendmsg: {} for {}",
            Errno(*errno),
            Plural((*times).into(), "advert")
        ))];
        let eth = interface(view);
        let (code, say) = match errno {
            1 => (
                Code::EgressFirewall,
                format!(
                    "sendmsg: EPERM x {times} for {}: a local firewall rule drops protocol 112 on output",
                    span(length)
                ),
            ),
            90 => (
                Code::EgressTooBig,
                format!(
                    "{} exceed the MTU of {eth}",
                    Plural((*times).into(), "advert")
                ),
            ),
            19 | 100 | 101 => (
                Code::EgressLinkDown,
                format!("{eth} is down or gone: sendmsg {} x {times}", Errno(*errno)),
            ),
            113 => (
                Code::EgressPeerUnresolved,
                format!(
                    "a unicast peer does not resolve: {} x {times}",
                    Errno(*errno)
                ),
            ),
            _ => {
                draft.evidence.extend(evidence);
                draft.unknown = Some(format!(
                    "the kernel refused {}: {}",
                    Plural((*times).into(), "advert"),
                    Errno(*errno)
                ));
                continue;
            }
        };
        // No route and no interface look the same: only the link's own news tells that it went down.
        if code == Code::EgressLinkDown && link_lost(view, *first, *last).is_none() && *errno == 101
        {
            draft.evidence.extend(evidence);
            draft.unknown = Some(format!(
                "the kernel had no way to send {} (no route, or {eth} down)",
                Plural((*times).into(), "advert")
            ));
            continue;
        }
        draft.find(code, Confidence::High, None, say, evidence);
    }
    if counts.unbuilt > 0 {
        draft.saw(format!(
            "{} could not be built: no source address or no socket",
            Plural(counts.unbuilt.into(), "advert")
        ));
    }
    if counts.skipped > 0 {
        draft.saw(format!(
            "{} were skipped because the engine was later than an interval",
            Plural(counts.skipped.into(), "due time")
        ));
    }
}

/// How an interface of the router went down around a window, and when.
pub(super) fn link_lost(
    view: &View<'_>,
    from: Time,
    until: Time,
) -> Option<(Time, InterfaceChange, DownReason)> {
    let eth = &view.settings()?.interface;
    let slack = view.interval().max(1_000_000_000);
    view.history.events.iter().find_map(|event| {
        let Kind::Interface {
            interface,
            change: change @ (InterfaceChange::Down | InterfaceChange::Vanished),
            reason,
            ..
        } = &event.event.kind
        else {
            return None;
        };
        let near = event.at >= from.plus(-slack)
            && event.at <= until.plus(slack)
            && event.at <= view.as_of;
        (near && interface.as_str() == eth).then_some((event.at, *change, *reason))
    })
}

/// Whether a probe asked in a window, or a second before, was not answered.
fn no_answer(view: &View<'_>, object: u32, from: Time, until: Time) -> bool {
    let all = &view.history.samples;
    let start = all.partition_point(|sample| sample.at < from.plus(-1_000_000_000));
    all[start..]
        .iter()
        .take_while(|sample| sample.at <= until.min(view.as_of))
        .any(|sample| {
            sample.unit == Unit::ProbeRoundTrip
                && sample.object == object
                && sample.value == NO_ANSWER
        })
}

/// Adverts that waited or wait for the address of their neighbour.
fn unresolved(counts: &Counts, view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    let eth = interface(view);
    if counts.unresolved == 0 {
        return;
    }
    // They wait beyond the window, and probes are a second apart.
    let until = until.plus(counts.waited_above);
    let unanswered = view
        .objects(Unit::ProbeRoundTrip, from, until)
        .into_iter()
        .filter(|object| !ProbeTarget::of_object(*object).is_gateway())
        .any(|object| no_answer(view, object, from, until));
    let adverts = Plural(counts.unresolved.into(), "advert");
    let seen_text = if counts.waited_above > 0 {
        format!(
            "{adverts} waited between the socket and the queue of {eth}, the longest {}",
            span(counts.waited_above)
        )
    } else {
        format!("{adverts} accepted, never entered the queue, and still held below the socket")
    };
    if unanswered {
        draft.find(
            Code::EgressPeerUnresolved,
            Confidence::Medium,
            None,
            String::from("a unicast peer does not answer ARP or neighbour discovery"),
            vec![
                seen(seen_text),
                seen("our probe of the peer is not answered"),
            ],
        );
    } else {
        draft.saw(seen_text.clone());
        draft.unknown.get_or_insert(seen_text);
    }
}

fn drops(counts: &Counts, view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    let eth = interface(view);
    unresolved(counts, view, from, until, draft);
    if counts.vanished > 0 {
        let text = format!(
            "{} were accepted and entered no queue",
            Plural(counts.vanished.into(), "advert")
        );
        draft.saw(text.clone());
        draft.unknown.get_or_insert(text);
    }
    if counts.dropped == 0 {
        return;
    }
    let adverts = Plural(counts.dropped.into(), "advert");
    let lost = seen(format!(
        "{adverts} entered the queue of {eth} and never reached its driver"
    ));
    if let Some((_, change, reason)) = link_lost(view, from, until) {
        if change == InterfaceChange::Vanished || reason == DownReason::SetDown {
            draft.find(
                Code::EgressLinkDown,
                Confidence::High,
                None,
                format!("{eth} was set down or deleted"),
                vec![lost],
            );
        } else {
            draft.find(
                Code::EgressNoCarrier,
                Confidence::High,
                None,
                format!("{eth} lost its carrier; {adverts} went nowhere"),
                vec![lost],
            );
        }
        return;
    }
    let end = until.plus(view.interval().max(500_000_000));
    match view.moved_any(Unit::QdiscDropped, from.plus(-200_000_000), end) {
        Some(moved) if moved.stands_out() => draft.find(
            Code::EgressQueueDrop,
            Confidence::High,
            None,
            format!("{adverts} dropped in the queue of {eth}"),
            vec![
                lost,
                against(
                    format!("drops of the queue +{}", moved.by),
                    moved.usual.map(|usual| usual.to_string()),
                ),
            ],
        ),
        Some(moved) if moved.by == 0 && quiet_queue(view, from, until) => draft.find(
            Code::EgressHookDrop,
            Confidence::Medium,
            None,
            format!("{adverts} dropped between the queue of {eth} and its driver; the queue counted no drop: an egress hook"),
            vec![lost, seen("drops of the queue unchanged")],
        ),
        Some(moved) => {
            draft.evidence.push(lost);
            draft.evidence.push(against(
                format!("drops of the queue +{}", moved.by),
                moved.usual.map(|usual| usual.to_string()),
            ));
            draft.unknown = Some(format!("{adverts} were dropped in this host"));
        }
        None => {
            draft.evidence.push(lost);
            draft.lacks("drops of the queue discipline: a full queue and an egress hook look alike");
            draft.unknown = Some(format!("{adverts} were dropped in this host, by the queue or an egress hook"));
        }
    }
}

fn device(counts: &Counts, view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    let eth = interface(view);
    let end = until.plus(500_000_000);
    let stalls = view.moved_any(Unit::QueueStalls, from, end);
    let stalled = stalls.filter(|moved| moved.stands_out());
    let send_drops = view
        .moved_any(Unit::InterfaceSendDropped, from, end)
        .filter(|moved| moved.stands_out());
    // What waits in the queue or below the socket is held, too, and not by the device.
    let above = counts.queued + counts.dropped + counts.unresolved > 0;
    if counts.held == 0 && stalled.is_none() || above {
        return;
    }
    let around = Counts::of(
        view,
        from.plus(-view.interval() * 8),
        until.plus(view.interval() * 8),
    );
    if around.queued + around.dropped + around.unresolved > 0 {
        draft.saw(format!(
            "up to {} bytes of adverts were held below the socket",
            counts.held_bytes
        ));
        return;
    }
    let mut evidence = Vec::new();
    if counts.held > 0 {
        evidence.push(against(
            format!(
                "{} left this kernel and were not taken by the device in time (up to {} bytes held{})",
                Plural(counts.held.into(), "advert"),
                counts.held_bytes,
                if counts.taken > 0 {
                    format!(", longest {}", span(counts.taken))
                } else {
                    String::new()
                }
            ),
            Some(String::from("taken at once")),
        ));
    }
    if let Some(moved) = stalled {
        evidence.push(against(
            format!("stalls of the transmit queue of {eth} +{}", moved.by),
            moved.usual.map(|usual| usual.to_string()),
        ));
    }
    if let Some(moved) = send_drops {
        evidence.push(against(
            format!("{eth} dropped {} on sending", moved.by),
            moved.usual.map(|usual| usual.to_string()),
        ));
        draft.find(
            Code::EgressDeviceStall,
            Confidence::Medium,
            None,
            format!("the device of {eth} stopped sending and dropped packets"),
            evidence,
        );
    } else {
        draft.find(
            Code::HostBackendStall,
            Confidence::High,
            None,
            format!("the host did not take packets of {eth}: ask the host of this machine"),
            evidence,
        );
    }
}

/// Signs that nothing at all came through to this node's interface in a window: silence of a counter that normally moves,
/// probes that took long.
pub(super) fn deaf_interface(
    view: &View<'_>,
    from: Time,
    until: Time,
) -> Option<Vec<super::Evidence>> {
    let length = until.since(from);
    if length < 500_000_000 {
        return None;
    }
    let mut evidence = Vec::new();
    let mut slow = 0;
    for object in view.objects(Unit::ProbeRoundTrip, from, until) {
        let all = &view.history.samples;
        let start = all.partition_point(|sample| sample.at < from.plus(-200_000_000));
        let worst = all[start..]
            .iter()
            .take_while(|sample| sample.at <= until.min(view.as_of))
            .filter(|sample| sample.unit == Unit::ProbeRoundTrip && sample.object == object)
            .map(|sample| sample.value)
            .max();
        let usual = view.value(Unit::ProbeRoundTrip, object, from.plus(-200_000_000));
        if let (Some(worst), Some(usual)) = (worst, usual)
            && usual != NO_ANSWER
            && (worst == NO_ANSWER || worst >= 100_000_000)
            && worst / 5 > usual
        {
            slow += 1;
            let target = if ProbeTarget::of_object(object).is_gateway() {
                "the gateway"
            } else {
                "the peer"
            };
            let took = if worst == NO_ANSWER {
                String::from("was not answered within a second")
            } else {
                format!("took {}", span(super::view::signed(worst)))
            };
            evidence.push(against(
                format!("our probe of {target} {took}"),
                Some(span(super::view::signed(usual)).to_string()),
            ));
        }
    }
    // The counter is read every 100 ms: stay inside.
    let (inner, end) = (
        from.plus(length / 10 + 100_000_000),
        until.plus(-100_000_000),
    );
    let mut silent = false;
    let looked = view.looked(end.plus(-length / 4), end);
    for object in view.objects(Unit::InterfaceReceived, from, until) {
        if let Some(moved) = view.moved(Unit::InterfaceReceived, object, inner, end)
            && let Some(usual) = moved.usual
            && usual >= 5
            && moved.by * 20 <= usual
            && looked
        {
            silent = true;
            evidence.push(against(
                format!(
                    "the interface received {} in {}",
                    Plural(moved.by, "packet"),
                    span(end.since(inner))
                ),
                Some(usual.to_string()),
            ));
        }
    }
    (silent || slow > 0).then_some(evidence)
}
