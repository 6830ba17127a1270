//! The address plane: addresses removed, refused, left behind, answered elsewhere, or not announced so that anybody learns of
//! them.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use std::net::IpAddr;

use super::decided::{before, duplicate};
use super::egress::{departures, link_lost};
use super::own::own_lateness;
use super::view::{Draft, View, against, seen, signed, span};
use super::{Code, Confidence, Happening, Incident};
use crate::event::{DownReason, Kind, Remover};
use crate::history::{Router, Time, Unit};
use crate::quantity::{Errno, Plural};
use crate::words::Word;

/// What is announced has left, or has not, after this time.
const LEAVES: i64 = 300_000_000;
/// Drops of a queue are read once a second.
const COUNTED: i64 = 1_100_000_000;
/// Other counters are read this often.
const READ: i64 = 150_000_000;
/// Announcements about another MASTER are no closer together.
const SPACING: i64 = 1_050_000_000;
/// After this time without an announcement none comes.
const ANNOUNCED: i64 = 5_000_000_000;
/// How long before an effect another program may have opened its sockets.
const OPENED: i64 = 3_000_000_000;

pub(super) fn addresses(view: &View<'_>, at: Time, draft: &mut Draft) {
    for event in before(view, at, 100_000_000) {
        match &event.event.kind {
            Kind::AddressRemoved {
                address,
                by: Remover::Kernel,
                ..
            } => {
                let text = format!("the kernel removed {address} itself, no process asked for it");
                draft.saw(text.clone());
                draft.unknown = Some(text);
            }
            Kind::AddressRemoved {
                address,
                by: by @ Remover::Process { name, .. },
                ..
            } if matches!(name.as_str(), "keepalived" | "vrrpd") => draft.find(
                Code::OpsSecondDaemon,
                Confidence::Medium,
                None,
                format!("another program here ({by}) handles our addresses: it removed {address}"),
                vec![seen(format!("{address} was removed by {by}"))],
            ),
            Kind::AddressRemoved { address, .. } if other_speaker(view, event.at).is_some() => {
                let sockets = other_speaker(view, event.at).unwrap_or_default();
                second_daemon(*address, sockets, draft);
            }
            Kind::AddressRemoved { address, by, .. } => draft.find(
                Code::AddressRemovedByOther,
                Confidence::High,
                None,
                format!("{address} was removed by {by}"),
                vec![seen(format!("the kernel told that {address} was removed"))],
            ),
            Kind::AddressesLost { .. } => draft.find(
                Code::AddressRemovedByOther,
                Confidence::High,
                None,
                String::from("another process kept removing the virtual addresses"),
                vec![seen("removed more often than they may be put back")],
            ),
            Kind::AddressAdded { address, by, .. } => {
                let who = if by.is_unknown() {
                    String::new()
                } else {
                    format!(", added by {by}")
                };
                let eth = view
                    .settings()
                    .map_or("the interface", |router| &router.interface);
                draft.find(
                    Code::AddressLeftBehind,
                    Confidence::High,
                    None,
                    format!("{address} is on {eth} though we are not MASTER{who}"),
                    vec![seen("the kernel told of an address that nobody here asked for")],
                );
                draft.next.push(format!(
                    "find what configures it beside the daemon, then: ip addr del {address} dev {eth}"
                ));
            }
            Kind::AddressLeftOver { interface, address } => draft.find(
                Code::AddressLeftBehind,
                Confidence::High,
                None,
                format!("{address} was on {interface} though we are not MASTER: left by an earlier run, removed now"),
                vec![seen("found among the kernel's addresses at the start")],
            ),
            Kind::AddressRefused { address, errno, .. } => {
                let what = address.map_or_else(|| String::from("an address"), |one| one.to_string());
                if duplicate(*errno, &what, draft) {
                    continue;
                }
                draft.find(
                    Code::AddressRefused,
                    Confidence::High,
                    None,
                    format!("cannot add {what}: {}", Errno(*errno)),
                    vec![seen("the kernel's answer to the request")],
                );
            }
            _ => {}
        }
    }
}

/// How many VRRP sockets another program here opened shortly before or after a time, where it opened any.
fn other_speaker(view: &View<'_>, at: Time) -> Option<u64> {
    let before = view.value(Unit::ForeignSockets, 0, at.plus(-OPENED))?;
    let after = view.value(Unit::ForeignSockets, 0, at.plus(OPENED / 2).min(view.as_of))?;
    after.checked_sub(before).filter(|more| *more > 0)
}

fn second_daemon(address: IpAddr, sockets: u64, draft: &mut Draft) {
    draft.find(
        Code::OpsSecondDaemon,
        Confidence::Medium,
        None,
        format!("another program here speaks VRRP, and {address} was removed when it began"),
        vec![against(
            format!(
                "{} opened by another program in this network namespace",
                Plural(sockets, "VRRP socket")
            ),
            Some(String::from("none")),
        )],
    );
    draft
        .next
        .push(String::from("ps -C keepalived,vrrpd; stop one of them"));
}

/// Whether somebody else speaks for this router around a time: then its announcements are its good right. What is refused
/// again and again is recorded now and then.
fn somebody_speaks(view: &View<'_>, at: Time) -> bool {
    let slack = 2 * view.interval() + 2_000_000_000;
    let folded = 60_000_000_000;
    view.received(at.plus(-slack), at.plus(slack))
        .next()
        .is_some()
        || view
            .rejected(at.plus(-folded), at.plus(folded))
            .next()
            .is_some()
}

/// The router's address whose last eight bytes are these.
fn of_number(router: &Router, number: u64) -> Option<IpAddr> {
    let low = |address: &IpAddr| match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let [.., a, b, c, d, e, f, g, h] = address.octets();
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        }
    };
    router
        .addresses
        .iter()
        .copied()
        .find(|address| low(address) == number)
}

/// Announcements of a machine that is no MASTER: who, of what, when, until when.
fn claims(view: &View<'_>) -> Vec<(u64, IpAddr, Time, Time)> {
    let mut found: Vec<(u64, IpAddr, Time, Time)> = Vec::new();
    let Some(router) = view.settings() else {
        return found;
    };
    for sample in &view.history.samples {
        if sample.unit != Unit::Claimant || sample.value == 0 || sample.at > view.as_of {
            continue;
        }
        let what = view
            .value(Unit::Claimed, sample.object, sample.at)
            .and_then(|number| of_number(router, number));
        let Some(address) = what else { continue };
        if view.state(sample.at) != Some(Word::Master) || somebody_speaks(view, sample.at) {
            continue;
        }
        match found.last_mut() {
            Some((mac, known, _, until))
                if (*mac, *known) == (sample.value, address)
                    && sample.at.since(*until) <= super::incidents::TOGETHER =>
            {
                *until = sample.at;
            }
            _ => found.push((sample.value, address, sample.at, sample.at)),
        }
    }
    found
}

/// Incidents of the address plane that no event tells.
pub(super) fn claimed(view: &View<'_>, found: &mut Vec<Incident>) {
    for (_, _, from, until) in claims(view) {
        found.push(Incident {
            what: Happening::Claimed,
            router: view.router,
            number: None,
            from,
            at: from,
            until,
        });
    }
}

/// Another machine announces an address that we have.
pub(super) fn elsewhere(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    for (number, address, begun, _) in claims(view) {
        if begun < from || begun > until {
            continue;
        }
        // Where our own adverts stayed away, a peer took over for that, and it is one of those that we cannot hear.
        let waited = view.settings().map_or(0, |router| {
            signed(router.down_interval(None, 1)).saturating_mul(2)
        });
        own_lateness(view, begun.plus(-waited), begun, draft);
        departures(view, begun.plus(-waited), begun, draft);
        if !draft.findings.is_empty() || draft.unknown.is_some() {
            draft.saw(format!("somebody announced {address} meanwhile"));
            continue;
        }
        let [_, _, bytes @ ..] = number.to_be_bytes();
        let mac = bytes.map(|byte| format!("{byte:02x}")).join(":");
        draft.find(
            Code::AddressAnsweredElsewhere,
            Confidence::High,
            None,
            format!("{address} also answered by {mac}"),
            vec![against(
                format!("{mac} announced {address} while we had it, and no advert of it was heard"),
                Some(String::from("nobody else announces it")),
            )],
        );
        draft.next.push(format!(
            "find {mac} in the switch's table, and take {address} off there; arping -D -I IFACE {address}"
        ));
    }
}

/// One order to announce, and what came of it.
#[derive(Clone, Copy)]
struct Burst {
    first: Time,
    last: Time,
    frames: u32,
    refused: u32,
}

/// What this router announced in a window.
fn announced<'a>(
    view: &View<'a>,
    from: Time,
    until: Time,
) -> impl Iterator<Item = Burst> + use<'a> {
    let name = view.settings().map(|router| router.name.as_str());
    let until = until.min(view.as_of);
    view.history
        .events
        .iter()
        .filter_map(move |event| match &event.event.kind {
            Kind::Announced {
                router,
                frames,
                refused,
                took_ms,
            } if event.at >= from && event.at <= until && name == Some(router.as_str()) => {
                Some(Burst {
                    first: event.at.plus(-signed(took_ms.saturating_mul(1_000_000))),
                    last: event.at,
                    frames: *frames,
                    refused: *refused,
                })
            }
            _ => None,
        })
}

/// Whether a burst of announcements did not leave: the kernel refused most of it, the queues dropped as many, or the
/// interfaces sent fewer packets of any kind than were announced.
fn kept_back(view: &View<'_>, burst: Burst) -> Option<(String, Option<u64>)> {
    let Burst {
        first,
        last,
        frames,
        refused,
    } = burst;
    if refused > frames {
        return Some((
            format!(
                "the kernel refused {} of {} within {}: a full queue, or an egress hook that drops them",
                refused,
                refused.saturating_add(frames),
                span(last.since(first))
            ),
            Some(0),
        ));
    }
    let (from, until) = (first.plus(-READ), last.plus(LEAVES));
    if view.as_of < last.plus(COUNTED) {
        return None;
    }
    let dropped = view
        .moved_any(Unit::QdiscDropped, from, last.plus(COUNTED))
        .filter(|moved| moved.stands_out() && moved.by * 2 >= u64::from(frames));
    if let Some(moved) = dropped {
        return Some((
            format!("the queue dropped {} meanwhile", Plural(moved.by, "packet")),
            moved.usual,
        ));
    }
    let sent = view
        .moved_any(Unit::InterfaceSent, from, until)
        .filter(|_| view.looked(last.plus(LEAVES / 6), until))?;
    (sent.by < u64::from(frames)).then(|| {
        (
            format!(
                "the interface sent {} of any kind within {}",
                Plural(sent.by, "packet"),
                span(until.since(from))
            ),
            None,
        )
    })
}

/// Bursts of announcements that did not leave.
pub(super) fn throttled(view: &View<'_>, found: &mut Vec<Incident>) {
    for burst in announced(view, Time(i64::MIN), Time(i64::MAX)) {
        if kept_back(view, burst).is_some() {
            found.push(Incident {
                what: Happening::Unannounced,
                router: view.router,
                number: None,
                from: burst.first,
                at: burst.last,
                until: burst.last.plus(LEAVES),
            });
        }
    }
}

/// Times in which two were MASTER and after which this one, who stayed, announced nothing.
pub(super) fn unannounced(view: &View<'_>, two: &[Incident], found: &mut Vec<Incident>) {
    // Where no announcement is ever told, they were not recorded.
    if announced(view, Time(i64::MIN), Time(i64::MAX))
        .next()
        .is_none()
    {
        return;
    }
    for known in two {
        if known.router == view.router
            && matches!(known.what, Happening::TwoActive { .. })
            && silent_after(view, known.until)
        {
            found.push(Incident {
                what: Happening::Unannounced,
                router: view.router,
                number: None,
                from: known.from,
                at: known.until,
                until: known.until.plus(ANNOUNCED),
            });
        }
    }
}

/// Whether this router stayed MASTER after another one was there too until a time, and announced nothing since: those
/// about another MASTER are at most a second older than the last advert of it.
fn silent_after(view: &View<'_>, until: Time) -> bool {
    let Some(router) = view.router else {
        return false;
    };
    let known_until = view.history.extent().map_or(until, |(_, last)| last);
    let end = until.plus(ANNOUNCED);
    let stayed = view.history.phases(router).into_iter().any(|phase| {
        phase.state == Some(Word::Master) && phase.from <= until && phase.until >= end
    });
    stayed
        && known_until >= end
        && view.as_of >= end
        && announced(view, until.plus(-SPACING), end).next().is_none()
}

/// An interface that went down around a window takes announcements along.
fn link_down(view: &View<'_>, incident: &Incident, draft: &mut Draft) {
    if let Some((_, _, reason)) = link_lost(view, incident.from, incident.until) {
        draft.unknown = Some(match reason {
            DownReason::SetDown => String::from("the interface was set down meanwhile"),
            DownReason::NoCarrier => String::from("the interface had no carrier"),
            DownReason::Unknown => String::from("the interface was down"),
        });
    }
}

/// Why nobody learned of the addresses.
pub(super) fn announcements(view: &View<'_>, incident: &Incident, draft: &mut Draft) {
    let kept = announced(view, incident.at.plus(-1), incident.at)
        .find_map(|burst| Some((burst, kept_back(view, burst)?)));
    if let Some((burst, (text, usual))) = kept {
        // What kept adverts back, too, is the cause, and says more.
        departures(
            view,
            incident.from.plus(-view.interval() * 8),
            incident.until,
            draft,
        );
        if draft.findings.is_empty() {
            link_down(view, incident, draft);
        }
        if !draft.findings.is_empty() || draft.unknown.is_some() {
            draft.saw(text);
            return;
        }
        draft.find(
            Code::AddressAnnounceThrottled,
            Confidence::High,
            None,
            format!(
                "{} of our addresses did not leave: {text}",
                Plural(u64::from(burst.frames.max(burst.refused)), "announcement")
            ),
            vec![against(text, usual.map(|usual| usual.to_string()))],
        );
        draft.next.push(String::from(
            "tc -s qdisc; nft list ruleset (netdev egress); garp_master_refresh repeats announcements until then",
        ));
        return;
    }
    if silent_after(view, incident.at) {
        draft.find(
            Code::AddressNotReannounced,
            Confidence::High,
            None,
            String::from("two were MASTER, this one stayed, and nothing was announced since"),
            vec![against(
                format!("no announcement within {}", span(ANNOUNCED)),
                Some(String::from("one after every other MASTER")),
            )],
        );
        draft.next.push(String::from(
            "garp_lower_prio_repeat must not be 0; until then hosts may send to the other MASTER's Ethernet address",
        ));
    }
}
