//! What the other node's records say about a gap that this node saw: adverts joined by their numbers, its times translated
//! by the distance of the clocks.
use super::decided::decided;
use super::egress::{Departures, deaf_interface, departures};
use super::heard::Gap;
use super::numbers::lost;
use super::own::own_lateness;
use super::paused::stood_still;
use super::view::{Draft, View, seen, span};
use super::{Code, Confidence, Evidence, Finding, Happening, Incident};
use crate::event::{Kind, StopReason};
use crate::history::{History, Time};
use crate::join::{self, Join};
use crate::words::Word;

/// What the other node knows about a gap. Returns whether it decides.
pub(super) fn with_peer(
    view: &View<'_>,
    peer: &History,
    gap: &Gap,
    at: Time,
    draft: &mut Draft,
) -> bool {
    let same = join::routers(view.history, peer);
    let Some(theirs) = same
        .iter()
        .find(|(ours, _)| Some(*ours) == view.router)
        .map(|(_, theirs)| *theirs)
    else {
        draft.lacks(format!("{} has no such router", peer.node.host));
        return false;
    };
    let source = peer.routers[usize::from(theirs)].source;
    if source.is_some_and(|source| source != gap.sender)
        && !peer.node.addresses.contains(&gap.sender)
    {
        draft.lacks(format!(
            "{} is not the node that fell silent",
            peer.node.host
        ));
        return false;
    }
    // Their clock − ours.
    let join = Join::of(view.history, peer);
    let Some(offset) = join.offset(gap.begin).best() else {
        draft.lacks(format!(
            "the clocks of the two nodes cannot be compared: no advert of {} is in both records",
            peer.node.host
        ));
        return false;
    };
    let host = &peer.node.host;
    let there = View {
        history: peer,
        router: Some(theirs),
        as_of: Time(i64::MAX),
    };
    let interval = view.interval();
    let (from, until) = (
        gap.begin.plus(offset).plus(interval / 2),
        at.plus(offset).plus(interval / 4),
    );
    if draft.findings.is_empty() && stood_still(view, peer, &join, gap, draft) {
        return true;
    }
    let mut theirs_draft = Draft::default();
    failed(&there, gap.begin.plus(offset), until, &mut theirs_draft);
    let worst = own_lateness(&there, from, until, &mut theirs_draft);
    let gone = departures(&there, from, until, &mut theirs_draft);
    ended(&there, from, until, &mut theirs_draft);
    // The advert before the gap arrived: where even that one has no counterpart, none can be missed.
    let matched = join
        .back()
        .iter()
        .any(|pair| view.history.received[pair.received].at() == gap.begin);
    let mut way = Way::of(view, peer, &join, theirs, (from, until));
    if !matched {
        way.lost = 0;
        draft.lacks(format!(
            "adverts in both records: those of {host} cannot be told by their sender"
        ));
    }
    draft.saw(format!(
        "{host}: {} due, {} left its kernel, the latest {} after it was due; woke {} late at worst",
        gone.due,
        gone.left,
        span(gone.worst),
        span(worst)
    ));
    if !theirs_draft.findings.is_empty() {
        adopt(host, theirs_draft, draft);
        return true;
    }
    draft.missing.append(&mut theirs_draft.missing);
    if worst >= there.late() || gone.due == 0 || gone.left < gone.due || gone.worst >= there.late()
    {
        if let Some(unknown) = theirs_draft.unknown {
            draft.unknown = Some(format!("on {host}: {unknown}"));
            return draft.findings.is_empty();
        }
        return false;
    }
    on_the_way(view, &there, gap, (at, from, until), gone, &way, draft)
}

/// Whether the other node gave up by itself in a window, for a fault of its own.
fn failed(there: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    let name = there.settings().map(|router| router.name.as_str());
    for event in &there.history.events {
        let Kind::Transition {
            router,
            to: Word::Fault,
            cause,
            priority,
            number,
            ..
        } = &event.event.kind
        else {
            continue;
        };
        if event.at < from || event.at > until || name != Some(router.as_str()) {
            continue;
        }
        let incident = Incident {
            what: Happening::Transition {
                old: Word::Master,
                new: Word::Fault,
            },
            router: there.router,
            number: Some(*number),
            from,
            at: event.at,
            until: event.at,
        };
        decided(there, &incident, cause, *priority, draft);
        return;
    }
}

/// Whether neither node ever heard the other although the adverts of both left their kernels. Without a common advert the
/// clocks cannot be compared: only what holds for all of both records counts.
pub(super) fn neither_heard(
    view: &View<'_>,
    peer: &History,
    (from, until): (Time, Time),
    draft: &mut Draft,
) -> bool {
    let Some((_, theirs)) = join::routers(view.history, peer)
        .into_iter()
        .find(|(ours, _)| Some(*ours) == view.router)
    else {
        return false;
    };
    let gone = departures(view, from, until, &mut Draft::default());
    let sent = peer
        .sent
        .iter()
        .filter(|one| one.router == theirs && one.left.is_some())
        .count();
    let heard_there = peer.received.iter().any(|one| one.router == theirs);
    let heard_here = view
        .history
        .received
        .iter()
        .any(|one| Some(one.router) == view.router);
    // What a check refused was heard all the same.
    let refused = peer.rejected.iter().any(|one| one.router == theirs)
        || view
            .history
            .rejected
            .iter()
            .any(|one| Some(one.router) == view.router);
    if sent < 3 || gone.left < 3 || heard_here || heard_there || refused {
        return false;
    }
    draft.find(
        Code::PathNeverHeard,
        Confidence::High,
        None,
        format!(
            "neither this node nor {} ever heard the other, and the adverts of both left their kernels: filtered or not delivered on the way",
            peer.node.host
        ),
        vec![seen(format!("{} adverts left here, {sent} there; none arrived", gone.left))],
    );
    true
}

/// Takes over what was found on the other node.
fn adopt(host: &str, theirs: Draft, draft: &mut Draft) {
    let local: Vec<Finding> = std::mem::take(&mut draft.findings);
    draft.lateness = theirs.lateness;
    draft.unexplained = theirs.unexplained;
    draft.findings = theirs
        .findings
        .into_iter()
        .map(|finding| Finding {
            say: format!("on {host}: {}", finding.say),
            ..finding
        })
        .collect();
    draft.findings.extend(local);
    draft.evidence.extend(theirs.evidence);
}

/// The other node did everything in time: what became of its adverts between the two kernels?
fn on_the_way(
    view: &View<'_>,
    there: &View<'_>,
    gap: &Gap,
    (at, from, until): (Time, Time, Time),
    gone: Departures,
    way: &Way,
    draft: &mut Draft,
) -> bool {
    let host = &there.history.node.host;
    if !draft.findings.is_empty() {
        return true;
    }
    draft.ruled_out.push(format!(
        "{host} late ({} adverts left its kernel on time)",
        gone.left
    ));
    if way.held > 0 && way.lost == 0 {
        let theirs_deaf = deaf_interface(there, from, until.plus(way.longest));
        let ours_deaf = deaf_interface(view, gap.begin, gap.end.unwrap_or(at));
        below(
            host,
            &view.history.node.host,
            way,
            theirs_deaf,
            ours_deaf,
            draft,
        );
        return true;
    }
    if way.lost > 0 && way.held == 0 {
        let say = format!(
            "{} adverts left {host}'s kernel on time and never arrived here",
            way.lost
        );
        let text = format!("{} of {} adverts arrived", way.arrived, gone.left);
        lost(view, gap, at, (Confidence::High, say, text), draft);
        return true;
    }
    false
}

/// Held below the sender's kernel and above ours.
fn below(
    host: &str,
    here: &str,
    way: &Way,
    theirs: Option<Vec<Evidence>>,
    ours: Option<Vec<Evidence>>,
    draft: &mut Draft,
) {
    let on_the_way = seen(format!(
        "{} adverts were under way for up to {}, none lost",
        way.held,
        span(way.longest)
    ));
    draft.ruled_out.push(String::from("loss (all arrived)"));
    match (theirs, ours) {
        (Some(mut signs), _) => {
            signs.insert(0, on_the_way);
            draft.find(
                Code::HostBackendStall,
                Confidence::High,
                None,
                format!(
                    "left {host}'s kernel on time, held below it, not lost, neither node was late: look at the host of {host}"
                ),
                signs,
            );
            draft.next.push(format!(
                "look at the host of {host}: its network backend, and the disk that it waits for"
            ));
        }
        (None, Some(mut signs)) => {
            signs.insert(0, on_the_way);
            draft.find(
                Code::PathHeld,
                Confidence::Medium,
                None,
                format!(
                    "left {host}'s kernel on time, held on the way, not lost, neither node was late; {here} heard nothing of anybody: look at the host of {here}"
                ),
                signs,
            );
            draft.next.push(format!("look at the host of {here}"));
        }
        (None, None) => {
            draft.find(
                Code::PathHeld,
                Confidence::Medium,
                None,
                format!(
                    "left {host}'s kernel on time, held below it, not lost, neither node was late: look at the hosts of {host} and {here} and the switch between"
                ),
                vec![on_the_way],
            );
            draft.lacks("signs of the device or of probes that tell which host held them");
            draft
                .next
                .push(format!("look at the hosts of {host} and {here}"));
        }
    }
}

/// What became of the peer's adverts on their way here.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    arrived: u32,
    held: u32,
    lost: u32,
    longest: i64,
}

impl Way {
    fn of(view: &View<'_>, peer: &History, join: &Join, theirs: u16, window: (Time, Time)) -> Self {
        let mut way = Self::default();
        let begin = peer.sent.partition_point(|sent| sent.due < window.0);
        for (position, sent) in peer.sent.iter().enumerate().skip(begin) {
            if sent.due > window.1 {
                break;
            }
            if sent.router != theirs || sent.left.is_none() {
                continue;
            }
            let pair = join.back().iter().find(|pair| pair.sent == position);
            match pair {
                Some(pair) => {
                    let heard = &view.history.received[pair.received];
                    if heard.at() > view.as_of {
                        continue;
                    }
                    let (least, _) = join.way_back(pair, heard.at());
                    way.arrived += 1;
                    if least >= view.late() {
                        way.held += 1;
                        way.longest = way.longest.max(least);
                    }
                }
                None => way.lost += 1,
            }
        }
        way
    }
}

/// Whether the other daemon ended in a window: on someone's word, or without.
fn ended(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    for event in &view.history.events {
        if event.at < from || event.at > until {
            continue;
        }
        if let Kind::Stopping {
            reason: reason @ StopReason::Signal { .. },
        } = &event.event.kind
        {
            draft.find(
                Code::SenderStoppedCleanly,
                Confidence::High,
                None,
                format!("planned: {reason}"),
                vec![seen("the daemon was told to stop")],
            );
        }
    }
    super::restarts::ends(view, from, until, draft);
}
