//! Everything that wants an explanation and is no transition.

use std::net::IpAddr;

use super::beside::{clock, duplicates, floor, health, link, news, reload, storage, thin};
use super::egress::{deaf_interface, departures};
use super::heard::{Gap, local_losses, refused};
use super::incidents::transition_at;
use super::other::neither_heard;
use super::own::own_lateness;
use super::paused::set_right;
use super::plane::{addresses, announcements, elsewhere};
use super::silence::{explain_gap, silence};
use super::view::{Draft, View, against, seen, signed, span};
use super::{Code, Confidence, Happening, Incident};
use crate::cause::Cause;
use crate::event::{Anomaly, Kind};
use crate::history::{History, Sequence, Time};
use crate::join::{self, Join};
use crate::quantity::Plural;
use crate::words::Word;

/// Judges an incident that is no transition.
pub(super) fn happening(
    view: &View<'_>,
    peer: Option<&History>,
    incident: &Incident,
    draft: &mut Draft,
) {
    let (from, until) = (incident.from, incident.until.max(incident.at));
    match incident.what {
        Happening::Transition { .. } => {}
        Happening::NearFailover { sender, gap, limit } => {
            draft.measure = Some(if gap < limit {
                format!(
                    "gap {} of the {} that are allowed",
                    span(signed(gap)),
                    span(signed(limit))
                )
            } else {
                format!("gap {}, limit {}", span(signed(gap)), span(signed(limit)))
            });
            near(
                view,
                peer,
                incident,
                sender,
                (from, until),
                signed(limit),
                draft,
            );
        }
        Happening::Anomaly { anomaly } => anomalous(view, peer, anomaly, (from, until), draft),
        Happening::TwoActive { other } => two_active(view, peer, other, (from, until), draft),
        Happening::NobodyHeard => nobody(view, peer, (from, until), draft),
        Happening::Addresses => addresses(view, incident.at, draft),
        Happening::Health => health(view, incident.at, draft),
        Happening::Link => link(view, incident.at, draft),
        Happening::StorageStall => storage(view, (from, until), draft),
        Happening::LateFloor => floor(view, (from, until), draft),
        Happening::ThinMargin => thin(view, (from, until), draft),
        Happening::Duplicates => duplicates(view, (from, until), draft),
        Happening::OwnAddressHeard => {
            refused(view, from, until, draft);
            draft.unknown = Some(String::from(
                "an advert with our own address came: another program or host uses it, or frames come back",
            ));
            draft.lacks("which numbers and which MAC address it had");
        }
        Happening::Claimed => {
            // The other node tells why it took over, where it was that one.
            let told = peer.is_some_and(|peer| {
                takeover_there(view, peer, from, draft)
                    || neither_heard(view, peer, (from, view.as_of), draft)
            });
            if !told {
                elsewhere(view, (from, until), draft);
            }
        }
        Happening::Unannounced => announcements(view, incident, draft),
        Happening::NewsLost => news(view, incident.at, draft),
        Happening::ClockStep => clock(view, incident.at, draft),
        Happening::Restart => super::restarts::beginning(view, incident.at, draft),
        Happening::Reload => reload(view, incident.at, draft),
    }
}

fn near(
    view: &View<'_>,
    peer: Option<&History>,
    incident: &Incident,
    sender: Option<IpAddr>,
    (from, until): (Time, Time),
    limit: i64,
    draft: &mut Draft,
) {
    let Some(sender) = sender else {
        own_adverts(view, (from, until), draft);
        return;
    };
    let last = view
        .received(from.plus(-1_000_000_000), until.plus(-1))
        .filter(|one| one.from == sender && one.at() <= incident.from.plus(1_000_000))
        .last();
    let begin = last.map_or(from, |one| one.at());
    let end = view
        .received(begin.plus(1), view.as_of)
        .find(|one| one.from == sender)
        .map(|one| one.at());
    let gap = Gap { sender, begin, end };
    explain_gap(
        view,
        peer,
        &gap,
        end.unwrap_or(until).min(until),
        limit,
        draft,
    );
}

/// Own adverts that were late, unsent, or did not come away.
fn own_adverts(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    own_lateness(view, from, until, draft);
    departures(view, from, until, draft);
}

fn anomalous(
    view: &View<'_>,
    peer: Option<&History>,
    anomaly: Anomaly,
    window: (Time, Time),
    draft: &mut Draft,
) {
    let (from, until) = window;
    match anomaly {
        Anomaly::SentLate
        | Anomaly::NotSent
        | Anomaly::NotLeft
        | Anomaly::Queued
        | Anomaly::Held
        | Anomaly::Other => own_adverts(view, window, draft),
        Anomaly::ReadLate | Anomaly::Overflowed => {
            local_losses(view, None, from, until, draft);
            let mut own = Draft::default();
            own_lateness(view, from, until, &mut own);
            draft.findings.append(&mut own.findings);
            draft.evidence.append(&mut own.evidence);
            draft.missing.append(&mut own.missing);
            draft.unknown = own.unknown;
            draft.lateness = own.lateness;
            draft.unexplained = own.unexplained;
        }
        Anomaly::Rejected => refused(view, from, until, draft),
        Anomaly::Missing => missing(view, peer, window, draft),
        Anomaly::Burst => burst(view, peer, window, draft),
    }
}

fn missing(
    view: &View<'_>,
    peer: Option<&History>,
    (from, until): (Time, Time),
    draft: &mut Draft,
) {
    // Numbers missing after a takeover are told with the takeover, and nothing is lost for who does not listen.
    for one in view.received(from, until) {
        if !matches!(one.sequence, Sequence::Missing(_)) {
            continue;
        }
        let before_it = view
            .received(from.plus(-600_000_000_000), one.at().plus(-1))
            .filter(|other| other.from == one.from)
            .last();
        let Some(before_it) = before_it else {
            continue;
        };
        let ours = view.history.phases(view.router.unwrap_or_default());
        let left = ours.iter().find(|phase| {
            phase.from > before_it.at()
                && phase.from <= one.at()
                && phase.state != Some(Word::Backup)
        });
        let Some(left) = left else {
            continue;
        };
        let known = view
            .router
            .and_then(|router| transition_at(view.history, router, left.from));
        if let Some(known) = known {
            super::judge::transition(view, peer, &known, draft);
        }
        if draft.findings.is_empty() {
            draft.unknown = Some(String::from(
                "this node did not listen as Backup in that time",
            ));
        }
        return;
    }
    if local_losses(view, None, from, until, draft) {
        return;
    }
    let mut lost: Vec<(IpAddr, u64)> = Vec::new();
    let mut heard = 0_u64;
    for one in view.received(from, until) {
        heard += 1;
        if let Sequence::Missing(missing) = one.sequence {
            match lost.iter_mut().find(|known| known.0 == one.from) {
                Some(known) => known.1 += u64::from(missing),
                None => lost.push((one.from, missing.into())),
            }
        }
    }
    for (sender, count) in lost {
        draft.find(
            Code::PathLost,
            Confidence::Medium,
            None,
            format!(
                "{} of {sender} lost between its daemon and here",
                Plural(count, "advert")
            ),
            vec![against(
                format!("{count} numbers missing beside {heard} adverts heard"),
                Some(String::from("none missing")),
            )],
        );
    }
}

fn burst(view: &View<'_>, peer: Option<&History>, (from, until): (Time, Time), draft: &mut Draft) {
    let heard: Vec<_> = view
        .received(from.plus(-view.interval() * 4), until)
        .collect();
    let gap = heard
        .windows(2)
        .filter(|pair| pair[0].from == pair[1].from && pair[1].at() >= from)
        .max_by_key(|pair| pair[1].at().since(pair[0].at()));
    let Some([last, next]) = gap else {
        return;
    };
    let gap = Gap {
        sender: last.from,
        begin: last.at(),
        end: Some(next.at()),
    };
    explain_gap(view, peer, &gap, next.at(), view.interval() * 3, draft);
}

fn two_active(
    view: &View<'_>,
    peer: Option<&History>,
    other: IpAddr,
    (from, until): (Time, Time),
    draft: &mut Draft,
) {
    let interval = view.interval();
    let before_it = from.plus(-interval * 4);
    let mut own = Draft::default();
    let worst = own_lateness(view, before_it, until, &mut own);
    if worst >= interval {
        *draft = Draft {
            measure: draft.measure.take(),
            ..own
        };
    } else {
        // A peer's patience is three intervals and more: less than one costs nobody the mastership.
        draft.evidence.append(&mut own.evidence);
    }
    let gone = departures(view, before_it, until, draft);
    if !draft.findings.is_empty() {
        return;
    }
    if worst >= interval && draft.unknown.is_some() {
        // That it was late itself is what is known: nothing else may take its place.
        return;
    }
    draft.unknown = None;
    draft.lateness = None;
    draft.unexplained = None;
    if let Some(peer) = peer
        && takeover_there(view, peer, from, draft)
    {
        return;
    }
    let clean = worst < interval && gone.on_time(interval);
    if let Some(signs) = deaf_interface(view, before_it, from)
        && clean
    {
        draft
            .ruled_out
            .push(format!("this node late (worst {})", span(gone.worst)));
        draft.find(
            Code::HostBackendStall,
            Confidence::Medium,
            None,
            format!(
                "{} left this kernel on time while nothing came in; if {other} took over, they were held below this machine: ask its host",
                Plural(gone.left.into(), "advert")
            ),
            signs,
        );
        draft.next.push(format!(
            "here with the records of {other}, which say what reached it: vrrpctl explain --last --peer FILE"
        ));
        return;
    }
    let heard: Vec<_> = view
        .received(from, until.max(from.plus(interval * 6)))
        .filter(|one| one.from == other && one.priority > 0)
        .collect();
    let spread = heard
        .last()
        .zip(heard.first())
        .map_or(0, |(last, first)| last.at().since(first.at()));
    if heard.len() >= 3 && spread >= interval * 2 && clean {
        draft.ruled_out.push(format!(
            "this node late or silent ({} adverts left on time)",
            gone.left
        ));
        draft.find(
            Code::PathOneWay,
            Confidence::High,
            None,
            format!("we hear {other} acting as MASTER although our adverts leave on time: it does not hear us"),
            vec![seen(format!(
                "{} of {other} within {}",
                Plural(u64::try_from(heard.len()).unwrap_or_default(), "advert"),
                span(spread)
            ))],
        );
        return;
    }
    // One that gave way once it heard us again may have taken over while this machine stood still.
    if clean && set_right(view, other, from, draft) {
        return;
    }
    draft.unknown = Some(format!("{other} acted as MASTER for {}", span(spread)));
    if clean {
        draft.ruled_out.push(format!(
            "this node late ({} adverts left this kernel on time)",
            gone.left
        ));
    }
    draft
        .next
        .push(format!("on {other}: vrrpctl explain --last"));
}

/// The other node's takeover near a time of ours, explained with our records.
fn takeover_there(view: &View<'_>, peer: &History, at: Time, draft: &mut Draft) -> bool {
    let Some((_, theirs)) = join::routers(view.history, peer)
        .into_iter()
        .find(|(ours, _)| Some(*ours) == view.router)
    else {
        return false;
    };
    let Some(offset) = Join::of(view.history, peer).offset(at).best() else {
        return false;
    };
    // Its last entry before we heard it: how long ago that was depends on what kept its adverts from us. It may have left
    // again at once.
    let there = at.plus(offset);
    let interval = view.interval();
    let name = &peer.routers[usize::from(theirs)].name;
    let (mut entered, mut left) = (None, None);
    for event in &peer.events {
        let Kind::Transition {
            router,
            from,
            to,
            cause,
            ..
        } = &event.event.kind
        else {
            continue;
        };
        if router.as_str() != name || from == to {
            continue;
        }
        if *to == Word::Master && event.at <= there.plus(interval) {
            (entered, left) = (Some((event.at, *cause)), None);
        } else if left.is_none() {
            left = Some(event.at);
        }
    }
    let Some((entered, Cause::SilentActive { last, .. })) = entered else {
        return false;
    };
    if left.is_some_and(|left| left < there.plus(-interval)) {
        return false;
    }
    let Some(incident) = transition_at(peer, theirs, entered) else {
        return false;
    };
    let theirs = View {
        history: peer,
        router: Some(theirs),
        as_of: Time(i64::MAX),
    };
    let mut said = Draft::default();
    silence(&theirs, Some(view.history), &incident, last, &mut said);
    if said.findings.is_empty() {
        return false;
    }
    draft.findings = said.findings;
    draft.ruled_out.append(&mut said.ruled_out);
    draft.missing.append(&mut said.missing);
    draft.next.append(&mut said.next);
    draft.saw(format!(
        "takeover of {}: {}",
        peer.node.host,
        said.measure.unwrap_or_default()
    ));
    true
}

fn nobody(view: &View<'_>, peer: Option<&History>, (from, until): (Time, Time), draft: &mut Draft) {
    if local_losses(view, None, from, until, draft) {
        return;
    }
    if peer.is_some_and(|peer| neither_heard(view, peer, (from, until), draft)) {
        return;
    }
    draft.unknown = Some(String::from(
        "nobody else speaks for this VRID, or nothing of it comes through",
    ));
}
