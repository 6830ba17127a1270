//! What the adverts that came later tell about a gap: none built, held, lost, or restarted (the table of numbers), and
//! whether this node lost or refused them itself.

use std::net::IpAddr;

use vrrp_proto::wire::Discard;

use super::view::{Draft, View, against, nanos, seen, span};
use super::{Code, Confidence};
use crate::history::{Received, Sequence, Time, Unit};
use crate::quantity::Plural;
use crate::words::Word;

/// A gap in the adverts of one sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) sender: IpAddr,
    /// Last arrival before it.
    pub(super) begin: Time,
    /// First arrival after it, where there is one yet.
    pub(super) end: Option<Time>,
}

/// What the numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing came yet.
    Nothing,
    /// The sender built none in between.
    NoneBuilt,
    /// So many came at once, none missing.
    Held(u32),
    /// So many are missing.
    Lost(u32),
    /// The sender began anew.
    Restarted,
    /// The numbers and the spacing do not say.
    Unclear,
}

/// Classifies a gap by the adverts that came after it.
pub(super) fn after_gap(view: &View<'_>, gap: &Gap) -> (Told, Vec<Received>) {
    let Some(end) = gap.end else {
        return (Told::Nothing, Vec::new());
    };
    let interval = view
        .received(end, end)
        .find(|one| one.from == gap.sender)
        .map_or_else(
            || view.interval(),
            |one| super::view::signed(one.interval).max(1_000_000),
        );
    // A burst: what comes closer together than a tenth of the interval, beginning with the first after the gap.
    let tight = (interval / 10).clamp(5_000_000, 50_000_000);
    let mut burst: Vec<Received> = Vec::new();
    for one in view.received(end, end.plus(interval * 4)) {
        if one.from != gap.sender {
            continue;
        }
        if let Some(last) = burst.last()
            && one.at().since(last.at()) > tight
        {
            break;
        }
        burst.push(*one);
    }
    let (Some(first), Some(last)) = (burst.first(), burst.last()) else {
        return (Told::Nothing, burst);
    };
    // A goodbye is sent between the beats.
    let beats = burst.iter().filter(|one| one.priority > 0).count();
    let beats = i64::try_from(beats).unwrap_or(i64::MAX);
    // The schedule goes on in the burst: that one was not held. The advert before the gap may have been late itself.
    let beat = beat(view, gap, interval);
    let length = end.since(beat);
    let to_next = (interval - length.rem_euclid(interval)) % interval;
    let on_beat = i64::from(
        to_next <= last.at().since(first.at()) + tight
            || goes_on_from(view, gap, last.at(), interval, tight),
    );
    // Who wakes up late sends one, and one more for each losing advert of ours that it finds; also for those that it had not
    // read yet when it sent the one before the gap.
    let answers = view
        .sent(gap.begin.plus(-interval * 6), last.at())
        .filter(|sent| sent.submitted.or(sent.left).is_some())
        .count();
    let late_builder = 1 + i64::try_from(answers).unwrap_or(i64::MAX / 2);
    let due = length / interval;
    let held = beats - on_beat > late_builder && beats >= due && due >= 2;
    let count = u32::try_from(beats).unwrap_or(u32::MAX);
    let rest_is_next = burst[1..].iter().all(|one| one.sequence == Sequence::Next);
    let told = match first.sequence {
        Sequence::Next if held && rest_is_next => Told::Held(count),
        Sequence::Next if beats - on_beat <= late_builder && beats < due => Told::NoneBuilt,
        Sequence::Missing(missing) => Told::Lost(missing.into()),
        Sequence::Broken if first.id.is_some_and(|id| id <= 3) && alone(view, gap, end) => {
            Told::Restarted
        }
        Sequence::Untrusted if held && beats <= due + 1 => Told::Held(count),
        Sequence::Next | Sequence::Repeated | Sequence::Broken | Sequence::Untrusted => {
            Told::Unclear
        }
    };
    (told, burst)
}

/// Whether the last advert of a burst came when it was due: by the beat that most adverts before kept, or by the next one,
/// which comes an interval later. What was held comes earlier in the beat than its successor will.
fn goes_on_from(view: &View<'_>, gap: &Gap, last: Time, interval: i64, tight: i64) -> bool {
    let near = |off: i64| off <= tight || interval - off <= tight;
    let of_sender = |one: &&Received| one.from == gap.sender && one.priority > 0;
    let before = view.received(gap.begin.plus(-interval * 20), gap.begin);
    let (mut with_it, mut against) = (0, 0);
    for one in before.filter(of_sender) {
        if near(last.since(one.at()).rem_euclid(interval)) {
            with_it += 1;
        } else {
            against += 1;
        }
    }
    let next = view
        .received(last.plus(tight), view.as_of)
        .find(of_sender)
        .is_some_and(|next| (next.at().since(last) - interval).abs() <= tight);
    next || with_it > against
}

/// Whether the sender that began anew goes on so: where another program speaks beside it, the old numbers go on between.
fn alone(view: &View<'_>, gap: &Gap, end: Time) -> bool {
    let ids: Vec<u16> = view
        .received(end, view.as_of)
        .filter(|one| one.from == gap.sender)
        .filter_map(|one| one.id)
        .take(4)
        .collect();
    ids.len() >= 3
        && ids
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1))
}

/// When the advert before a gap would have come on time, by the earliest of those before it.
fn beat(view: &View<'_>, gap: &Gap, interval: i64) -> Time {
    let earliest = view
        .received(gap.begin.plus(-interval * 20), gap.begin)
        .filter(|one| one.from == gap.sender && one.priority > 0)
        .map(|one| {
            let off = gap.begin.since(one.at()).rem_euclid(interval);
            // Later than a beat by less than half an interval, or earlier.
            if off > interval / 2 {
                off - interval
            } else {
                off
            }
        })
        .max()
        .unwrap_or(0);
    gap.begin.plus(-earliest.max(0))
}

/// Whether this node lost or refused adverts of a window itself. Returns whether something was found, with a code or without.
#[expect(clippy::too_many_lines, reason = "one question after the other")]
pub(super) fn local_losses(
    view: &View<'_>,
    sender: Option<IpAddr>,
    from: Time,
    until: Time,
    draft: &mut Draft,
) -> bool {
    let before = draft.findings.len();
    refused(view, from, until, draft);

    // A MASTER that reads late was late, and nothing depends on its reading.
    let listens = view.state(until) != Some(Word::Master) || view.state(from) != Some(Word::Master);
    let late: Vec<&Received> = view
        .received(from, until.plus(view.interval()))
        .filter(|one| listens && sender.is_none_or(|sender| sender == one.from))
        .filter(|one| {
            one.arrived
                .is_some_and(|at| one.read.since(at) >= view.late() && at <= until)
        })
        .collect();
    if let Some(worst) = late
        .iter()
        .filter_map(|one| one.arrived.map(|at| one.read.since(at)))
        .max()
    {
        draft.find(
            Code::IngressReadLate,
            Confidence::High,
            Some(nanos(worst)),
            format!(
                "{} waited in the socket; the kernel received them in time and this node read them {} late",
                Plural(u64::try_from(late.len()).unwrap_or_default(), "advert"),
                span(worst)
            ),
            vec![seen(format!("longest time from arrival to reading {}", span(worst)))],
        );
    }

    let overflow: u32 = view
        .received(from, until.plus(view.interval() * 2))
        .map(|one| one.dropped)
        .sum();
    let dropped = view.moved_any(Unit::SocketDropped, from, until.plus(300_000_000));
    let counted = dropped.filter(|moved| moved.stands_out());
    if overflow > 0 || counted.is_some() {
        let count = u64::from(overflow).max(counted.map_or(0, |moved| moved.by));
        draft.find(
            Code::IngressBufferOverflow,
            Confidence::High,
            None,
            format!(
                "{} dropped by our own receive buffer",
                Plural(count, "packet")
            ),
            vec![against(
                format!("the receive queue of the socket dropped {count}"),
                dropped
                    .and_then(|moved| moved.usual)
                    .map(|usual| usual.to_string()),
            )],
        );
    }

    let softirq = view
        .moved_any(Unit::SoftirqDropped, from, until)
        .filter(|moved| moved.stands_out());
    let nic = view
        .moved_any(Unit::InterfaceReceiveDropped, from, until)
        .filter(|moved| moved.stands_out() && moved.by >= 10);
    if let Some(moved) = softirq {
        draft.find(
            Code::IngressSoftirqDrop,
            Confidence::Medium,
            None,
            format!(
                "kernel dropped {} in softirq in this window",
                Plural(moved.by, "packet")
            ),
            vec![against(
                format!("softnet drops +{}", moved.by),
                moved.usual.map(|usual| usual.to_string()),
            )],
        );
    } else if let Some(moved) = nic {
        draft.saw(format!(
            "the interface dropped {} on receipt",
            Plural(moved.by, "packet")
        ));
    }

    membership(view, from, until, draft);
    if became_port(view, from, until, draft) {
        return true;
    }

    // Adverts that reached the interface and no socket.
    let heard =
        view.received(from.plus(200_000_000), until).count() + view.rejected(from, until).count();
    let at_interface = view
        .objects(Unit::AdvertsAtInterface, from, until)
        .into_iter()
        .filter_map(|object| {
            view.moved(
                Unit::AdvertsAtInterface,
                object,
                from.plus(200_000_000),
                until,
            )
        })
        .map(|moved| moved.by)
        .max();
    let alone = view.history.routers.len() == 1;
    match at_interface {
        Some(count) if count >= 2 && heard == 0 && alone => draft.find(
            Code::IngressFirewall,
            Confidence::High,
            None,
            String::from("adverts reach the interface but not the VRRP socket: local firewall"),
            vec![seen(format!(
                "a packet socket counted {} that no VRRP socket got",
                Plural(count, "advert")
            ))],
        ),
        Some(_) => {}
        None => draft.lacks("adverts counted at the interface (packet socket)"),
    }
    draft.findings.len() > before
}

/// Whether the interface became a port of another one in the window: a bridge or bond takes packets behind the packet
/// socket and before ours, so neither a filter nor the way is to blame.
fn became_port(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) -> bool {
    let became = view
        .objects(Unit::InterfaceMaster, from, until)
        .into_iter()
        .any(|object| {
            let before = view.value(Unit::InterfaceMaster, object, from);
            let now = view.value(Unit::InterfaceMaster, object, until);
            matches!((before, now), (Some(before), Some(now @ 1..)) if before != now)
        });
    if became {
        let eth = view
            .settings()
            .map_or("the interface", |router| &router.interface);
        let text = format!(
            "{eth} was made a port of another interface (bridge, bond or VRF), which takes its packets first"
        );
        draft.saw(text.clone());
        draft.unknown = Some(text);
        draft.next.push(format!(
            "ip -d link show {eth}: take it out again (ip link set {eth} nomaster), or move addresses and router to the other interface"
        ));
    }
    became
}

fn membership(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    for object in view.objects(Unit::Membership, from, until) {
        let before = view.value(Unit::Membership, object, from);
        let now = view.value(Unit::Membership, object, until);
        if let (Some(1..), Some(0)) = (before, now) {
            draft.find(
                Code::IngressMembershipLost,
                Confidence::High,
                None,
                format!("the membership in the VRRP group on interface {object} was lost"),
                vec![seen("the kernel's list of groups lacks the VRRP group")],
            );
        }
    }
}

/// Adverts that a check refused.
pub(super) fn refused(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    let mut groups: Vec<(IpAddr, u8, u64, u32, u32)> = Vec::new();
    for one in view.rejected(from, until) {
        let count = 1 + u64::from(one.more);
        match groups
            .iter_mut()
            .find(|group| (group.0, group.1) == (one.from, one.reason))
        {
            Some(group) => group.2 += count,
            None => groups.push((one.from, one.reason, count, one.value, one.expected)),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.2));
    for (from, reason, count, value, expected) in groups {
        let Some(discard) = Discard::ALL.get(usize::from(reason)).copied() else {
            continue;
        };
        let adverts = Plural(count, "advert");
        let (code, say) = match discard {
            Discard::IntervalMismatch | Discard::IntervalZero => (
                Code::ElectionIntervalMismatch,
                format!("refused {adverts} of {from}: interval {value} ms, ours {expected} ms"),
            ),
            Discard::AuthTypeUnknown | Discard::AuthTypeMismatch => (
                Code::ElectionAuthMismatch,
                format!(
                    "refused {adverts} of {from}: authentication type {value}, ours {expected}"
                ),
            ),
            Discard::AuthFailed | Discard::AuthReplay => (
                Code::ElectionAuthMismatch,
                format!("refused {adverts} of {from}: wrong password or integrity value"),
            ),
            Discard::AddrList => (
                Code::ElectionForeignVrid,
                format!("our VRID is used by {from} for other addresses ({adverts})"),
            ),
            Discard::OwnSource => {
                draft.saw(format!("{adverts} came from our own address {from}"));
                continue;
            }
            Discard::Ttl => (
                Code::IngressRejected,
                format!("{adverts} of {from} rejected: TTL {value} (a router in between?)"),
            ),
            Discard::IpHeader
            | Discard::Fragment
            | Discard::NotVrrp
            | Discard::Destination
            | Discard::Source
            | Discard::AhHeader
            | Discard::Truncated
            | Discard::Length
            | Discard::Version
            | Discard::Type
            | Discard::Vrid
            | Discard::CountZero
            | Discard::Checksum
            | Discard::FirstNotLinkLocal
            | Discard::Owner => (
                Code::IngressRejected,
                format!("{adverts} of {from} rejected: {}", discard.class()),
            ),
        };
        draft.find(
            code,
            Confidence::High,
            None,
            say,
            vec![seen(format!(
                "{adverts} of {from} refused by the check `{}`",
                discard.class()
            ))],
        );
    }
}
