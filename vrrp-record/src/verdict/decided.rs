//! Transitions that a local fact decided: priorities, releases, faults, trackers, groups, operators.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use super::faults::{fault, tracker};
use super::view::{Draft, View, seen, span};
use super::{Code, Confidence, Incident};
use crate::cause::Cause;
use crate::event::{Kind, StopReason};
use crate::history::{Numbered, Source, Time};
use crate::text::Name;
use crate::words::FaultSet;

/// How long before a transition its reason may lie, in nanoseconds.
pub(super) const BACK: i64 = 10_000_000_000;

/// Events of the window before a transition, latest first.
pub(super) fn before<'a>(
    view: &View<'a>,
    at: Time,
    length: i64,
) -> impl Iterator<Item = &'a Numbered> + use<'a> {
    let from = at.plus(-length);
    let until = at.plus(50_000_000).min(view.as_of);
    view.history
        .events
        .iter()
        .rev()
        .filter(move |event| event.at >= from && event.at <= until)
}

/// Names what decided a transition.
#[expect(
    clippy::too_many_lines,
    reason = "one flat table with an arm for each cause"
)]
pub(super) fn decided(
    view: &View<'_>,
    incident: &Incident,
    cause: &Cause,
    priority: u8,
    draft: &mut Draft,
) {
    let certain = Confidence::High;
    match cause {
        Cause::Preempting {
            over,
            priority: theirs,
            ours,
        } => {
            let fell = fell(view, *over, incident.at, *theirs);
            let say = match fell {
                Some(from) => format!(
                    "{over} lowered its priority from {from} to {theirs}, and ours is {ours}"
                ),
                None => format!("our priority {ours} > {theirs} of {over}"),
            };
            draft.find(
                Code::ElectionHigherPriority,
                certain,
                None,
                say,
                vec![seen(format!(
                    "advert of {over} with priority {theirs}, ours {ours}"
                ))],
            );
        }
        Cause::HigherPriority {
            from,
            priority: theirs,
            ours,
        } => {
            if own_fall(view, incident.at, *theirs, *ours, draft)
                || foreign(view, *from, incident.at, draft)
            {
                return;
            }
            if *theirs == 255 && *ours == 255 {
                owner_clash(*from, draft);
                return;
            }
            draft.find(
                Code::ElectionHigherPriority,
                certain,
                None,
                format!("{from} prio {theirs} > ours {ours}"),
                vec![seen(format!("advert of {from} with priority {theirs}"))],
            );
        }
        Cause::TieLost { from, priority } if *priority == 255 || owns(view, *from, incident.at) => {
            owner_clash(*from, draft);
        }
        Cause::TieLost { from, .. } if foreign(view, *from, incident.at, draft) => {}
        Cause::TieLost { from, priority } => {
            let ours = view.settings().and_then(|router| router.source);
            let ours = ours.map_or_else(|| String::from("ours"), |ours| ours.to_string());
            draft.find(
                Code::ElectionTie,
                certain,
                None,
                format!("tie at {priority}: {from} > {ours}"),
                vec![seen(format!(
                    "advert of {from} with our priority {priority}"
                ))],
            );
        }
        Cause::Released { by } => draft.find(
            Code::ElectionResigned,
            certain,
            None,
            format!("planned release by {by} (priority 0)"),
            vec![seen(format!("advert of {by} with priority 0"))],
        ),
        Cause::Fault { faults, objects } => fault(view, incident.at, faults.0, objects, draft),
        Cause::Group { group } => follows(view, incident, *group, draft),
        Cause::Stopped => stopped(view, incident.at, draft),
        Cause::Yielded | Cause::TakenOut | Cause::BackIn => asked(view, incident.at, cause, draft),
        Cause::AddressesLost => draft.find(
            Code::AddressRemovedByOther,
            certain,
            None,
            String::from("another process kept removing the virtual addresses"),
            removals(view, incident.at, 65_000_000_000),
        ),
        Cause::AddressesRefused { errno } => refused(*errno, draft),
        Cause::Reconfigured => draft.find(
            Code::OpsReload,
            certain,
            None,
            format!("the configuration changed; priority is {priority} now"),
            vec![seen("a reload was applied")],
        ),
        Cause::HoldUnhealthy | Cause::Outweighed { .. } => {
            tracker(view, incident.at, None, draft);
        }
        Cause::SuccessorReady | Cause::HoldExpired | Cause::NoSuccessor => {
            // The end of a farewell: what began it decides.
            match farewell(view, incident.at) {
                Some((began, why)) => {
                    let began = Incident {
                        at: began,
                        ..*incident
                    };
                    decided(view, &began, &why, priority, draft);
                }
                None => draft.unknown = Some(cause.to_string()),
            }
        }
        Cause::Unseen => unseen(view, incident.at, draft),
        Cause::Started | Cause::OwnerStarted | Cause::FaultCleared => {
            draft.plain = Some(cause.to_string());
        }
        Cause::SilentActive { .. } | Cause::Other => {
            draft.unknown = Some(cause.to_string());
        }
    }
}

/// Whether another one's adverts have the owner's priority.
fn owns(view: &View<'_>, from: std::net::IpAddr, at: Time) -> bool {
    view.received(at.plus(-BACK), at.plus(50_000_000))
        .any(|one| one.from == from && one.priority == 255)
}

/// Whether the one who won uses our VRID for addresses of which we have none.
pub(super) fn foreign(
    view: &View<'_>,
    from: std::net::IpAddr,
    at: Time,
    draft: &mut Draft,
) -> bool {
    let other = view
        .received(at.plus(-BACK), at.plus(50_000_000))
        .filter(|one| one.from == from)
        .last()
        .and_then(|one| one.foreign);
    let (Some(other), Some(router)) = (other, view.settings()) else {
        return false;
    };
    draft.find(
        Code::ElectionForeignVrid,
        Confidence::High,
        None,
        format!("VRID {} is used by {from} for {other}", router.vrid),
        vec![seen(format!(
            "the adverts of {from} have none of our addresses, and {other}"
        ))],
    );
    draft.next.push(format!(
        "give {} or {from} another VRID",
        view.history.node.host
    ));
    true
}

/// When a farewell that ends at a time began, and why.
fn farewell(view: &View<'_>, at: Time) -> Option<(Time, Cause)> {
    let name = view.settings().map(|router| router.name.clone());
    before(view, at.plus(-60_000_000), BACK).find_map(|event| match &event.event.kind {
        Kind::Transition {
            router,
            releasing: true,
            cause,
            ..
        } if name.as_deref() == Some(router.as_str())
            && !matches!(
                cause,
                Cause::SuccessorReady | Cause::HoldExpired | Cause::NoSuccessor
            ) =>
        {
            Some((event.at, *cause))
        }
        _ => None,
    })
}

/// The kernel's answer that stands for a failed duplicate address detection: adding an address never ends with it.
const DUPLICATE: i32 = 98;

/// Another machine has an address, where that is what the kernel's answer means.
pub(super) fn duplicate(errno: i32, which: &str, draft: &mut Draft) -> bool {
    if errno != DUPLICATE {
        return false;
    }
    draft.find(
        Code::AddressDadFailed,
        Confidence::High,
        None,
        format!("{which} is in use on another machine: duplicate address detection failed"),
        vec![seen(
            "the kernel marked the address as a duplicate (dadfailed)",
        )],
    );
    true
}

/// The kernel refused an address, or did not confirm it.
pub(super) fn refused(errno: Option<i32>, draft: &mut Draft) {
    if errno.is_some_and(|errno| duplicate(errno, "a virtual address", draft)) {
        return;
    }
    let text = Cause::AddressesRefused { errno }.to_string();
    if errno.is_some() {
        draft.find(
            Code::AddressRefused,
            Confidence::High,
            None,
            text,
            vec![seen("the kernel's answer to the request")],
        );
    } else {
        draft.lacks("the kernel's flags of the addresses (tentative, dadfailed)");
        draft.unknown = Some(text);
    }
}

fn owner_clash(from: std::net::IpAddr, draft: &mut Draft) {
    draft.find(
        Code::ElectionOwnerClash,
        Confidence::High,
        None,
        format!("{from} also claims to own the address (priority 255)"),
        vec![seen(format!(
            "advert of {from} with priority 255, ours is 255"
        ))],
    );
}

/// The priority that another one had before it fell to `now`.
fn fell(view: &View<'_>, from: std::net::IpAddr, at: Time, now: u8) -> Option<u8> {
    let last = view
        .received(at.plus(-BACK), at.plus(-1))
        .filter(|one| one.from == from && one.priority > now)
        .last()?;
    Some(last.priority)
}

/// Whether our own priority fell below the other's shortly before.
fn own_fall(view: &View<'_>, at: Time, theirs: u8, ours: u8, draft: &mut Draft) -> bool {
    let name = view.settings().map(|router| router.name.clone());
    let fall = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Priority { router, from, to }
            if name.as_deref() == Some(router.as_str()) && to < from =>
        {
            Some((*from, *to, event.at))
        }
        _ => None,
    });
    let Some((from, to, when)) = fall.or_else(|| advertised_fall(view, at)) else {
        return false;
    };
    if from < theirs {
        return false;
    }
    draft.find(
        Code::ElectionOwnPriorityFell,
        Confidence::High,
        None,
        format!("our priority fell from {from} to {to} < {theirs}"),
        vec![seen(format!(
            "effective priority {from} -> {to}; now {ours}"
        ))],
    );
    tracker(view, when, None, draft);
    true
}

/// The last fall of the priority that our own adverts had: what the records of a watcher tell of it.
fn advertised_fall(view: &View<'_>, at: Time) -> Option<(u8, u8, Time)> {
    let mut fall = None;
    let mut last: Option<u8> = None;
    for sent in view
        .sent(at.plus(-BACK), at)
        .filter(|sent| sent.priority > 0)
    {
        if let Some(last) = last.filter(|last| sent.priority < *last) {
            fall = Some((last, sent.priority, sent.due));
        }
        last = Some(sent.priority);
    }
    fall
}

fn follows(view: &View<'_>, incident: &Incident, group: Option<Name>, draft: &mut Draft) {
    draft.find(
        Code::ElectionSyncGroup,
        Confidence::High,
        None,
        Cause::Group { group }.to_string(),
        vec![seen("the sync group moved")],
    );
    leader(view, incident.at, draft);
}

/// The member of a sync group that moved first.
pub(super) fn leader(view: &View<'_>, at: Time, draft: &mut Draft) {
    let ours = view.settings().map(|router| router.name.clone());
    let first = before(view, at, 2_000_000_000).find_map(|event| match &event.event.kind {
        Kind::Transition {
            router,
            cause,
            number,
            ..
        } if ours.as_deref() != Some(router.as_str()) => match cause {
            Cause::Group { .. } => None,
            Cause::Fault { faults, objects } if !faults.0.contains(FaultSet::GROUP) => Some((
                *router,
                *number,
                Some((faults.0, *objects)),
                event.at,
                *cause,
            )),
            _ => Some((*router, *number, None, event.at, *cause)),
        },
        _ => None,
    });
    let Some((router, number, faulty, when, cause)) = first else {
        return;
    };
    draft.saw(format!("{router} #{number} moved first: {cause}"));
    if let Some((faults, objects)) = faulty {
        fault(view, when, faults, &objects, draft);
    }
}

/// On whose word the daemon stops, or the operator acts.
fn stopped(view: &View<'_>, at: Time, draft: &mut Draft) {
    let reason = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Stopping { reason } => Some(*reason),
        _ => None,
    });
    let command = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Command {
            command,
            uid,
            pid,
            granted: true,
            ..
        } => Some((*command, *uid, *pid)),
        _ => None,
    });
    match (reason, command) {
        (Some(reason @ StopReason::Signal { .. }), _) => draft.find(
            Code::SenderStoppedCleanly,
            Confidence::High,
            None,
            format!("planned: {reason}"),
            vec![seen(
                "the daemon was told to stop and said goodbye with priority 0",
            )],
        ),
        (None, Some((command, uid, pid))) => draft.find(
            Code::ElectionOperator,
            Confidence::High,
            None,
            format!("{command} by uid {uid} (pid {pid})"),
            vec![seen("a command on the control socket")],
        ),
        (Some(StopReason::Internal), _) => {
            draft.unknown = Some(String::from("the daemon could not go on"));
        }
        (None, None) if view.history.node.source == Source::Observer => gone(view, at, draft),
        (None, None) => {
            draft.unknown = Some(String::from("told to stop; by whom is not in the records"));
        }
    }
}

/// An operator's word: whose, where the records tell.
fn asked(view: &View<'_>, at: Time, cause: &Cause, draft: &mut Draft) {
    let command = before(view, at, BACK).find_map(|event| match &event.event.kind {
        Kind::Command {
            command,
            uid,
            pid,
            granted: true,
            ..
        } => Some(format!("{command} by uid {uid} (pid {pid})")),
        _ => None,
    });
    let confidence = match command {
        Some(_) => Confidence::High,
        None => Confidence::Medium,
    };
    let evidence = match &command {
        Some(_) => "a command on the control socket",
        None => "the state machine was told so; by whom is not in the records",
    };
    draft.find(
        Code::ElectionOperator,
        confidence,
        None,
        command.unwrap_or_else(|| cause.to_string()),
        vec![seen(evidence)],
    );
}

/// The watched process is no more. Whoever was MASTER says goodbye before it ends, unless it cannot.
fn gone(view: &View<'_>, at: Time, draft: &mut Draft) {
    let Some(last) = view.sent(at.plus(-BACK), at).last() else {
        draft.unknown = Some(String::from("the watched process has ended"));
        return;
    };
    let before = span(at.since(last.left.unwrap_or(last.due)).max(0));
    if last.priority == 0 {
        draft.find(
            Code::SenderStoppedCleanly,
            Confidence::High,
            None,
            String::from("the watched process said goodbye and ended"),
            vec![seen(format!(
                "its last advert, {before} before it was gone, has priority 0"
            ))],
        );
    } else if at.since(last.left.unwrap_or(last.due)) < view.interval() * 3 {
        draft.find(
            Code::SenderCrashed,
            Confidence::High,
            None,
            String::from("the watched process ended without goodbye"),
            vec![seen(format!(
                "its last advert, {before} before it was gone, has priority {}",
                last.priority
            ))],
        );
    } else {
        draft.unknown = Some(String::from("the watched process has ended"));
    }
}

fn removals(view: &View<'_>, at: Time, length: i64) -> Vec<super::Evidence> {
    let mut evidence: Vec<super::Evidence> = before(view, at, length)
        .filter_map(|event| match &event.event.kind {
            Kind::AddressRemoved { address, by, .. } => {
                Some(seen(format!("{address} was removed by {by}")))
            }
            _ => None,
        })
        .collect();
    evidence.truncate(5);
    evidence
}

/// A watcher from outside: a goodbye explains the end of a MASTER.
fn unseen(view: &View<'_>, at: Time, draft: &mut Draft) {
    let goodbye = view
        .sent(at.plus(-BACK), at.plus(50_000_000))
        .any(|sent| sent.priority == 0)
        || view
            .received(at.plus(-BACK), at.plus(50_000_000))
            .any(|one| one.priority == 0);
    if goodbye {
        draft.find(
            Code::ElectionResigned,
            Confidence::High,
            None,
            String::from("planned release (priority 0)"),
            vec![seen("an advert with priority 0")],
        );
    } else {
        draft.unknown = Some(Cause::Unseen.to_string());
    }
}
