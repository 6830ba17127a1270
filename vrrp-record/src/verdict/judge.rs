//! Judging one incident: the order of questions. Local facts that force a transition come first, then whether this node was
//! late, then whether it lost or refused adverts itself, then what the numbers of later adverts tell, and last what the
//! other node knows.

use super::decided::decided;
use super::egress::departures;
use super::happenings::happening;
use super::own::own_lateness;
use super::silence::silence;
use super::view::{Draft, View, span};
use super::{Confidence, Happening, Incident, SCHEMA, Verdict};
use crate::cause::Cause;
use crate::event::Kind;
use crate::history::{History, Time};

/// What the records prove about an incident, as far as they were known at `as_of`. With the records of the node at the
/// other end of the wire, it says more; judged again with later records, too.
#[must_use]
pub fn judge(
    history: &History,
    peer: Option<&History>,
    incident: &Incident,
    as_of: Time,
) -> Verdict {
    let view = View {
        history,
        router: incident.router,
        as_of,
    };
    let mut draft = Draft::default();
    if matches!(incident.what, Happening::Transition { .. }) {
        transition(&view, peer, incident, &mut draft);
    } else {
        happening(&view, peer, incident, &mut draft);
    }
    finish(&view, peer, incident, draft)
}

/// The cause that the state machine had, and the priority then.
fn cause_of(view: &View<'_>, incident: &Incident) -> Option<(Cause, u8)> {
    let name = view.settings().map(|router| router.name.as_str());
    view.history.events.iter().find_map(|event| {
        let Kind::Transition {
            router,
            cause,
            priority,
            number,
            ..
        } = &event.event.kind
        else {
            return None;
        };
        let same = match incident.number {
            Some(known) if *number != 0 => known == *number,
            _ => event.at == incident.at,
        };
        (same && name.is_none_or(|name| name == router.as_str())).then_some((*cause, *priority))
    })
}

pub(super) fn transition(
    view: &View<'_>,
    peer: Option<&History>,
    incident: &Incident,
    draft: &mut Draft,
) {
    let Some((cause, priority)) = cause_of(view, incident) else {
        draft.unknown = Some(String::from("the records do not say what decided it"));
        return;
    };
    draft.measure = Some(cause.to_string());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are decided by a local fact"
    )]
    match cause {
        Cause::SilentActive { last, .. } => silence(view, peer, incident, last, draft),
        Cause::HigherPriority { .. } | Cause::TieLost { .. } => {
            // The old MASTER hears the new one: what did it do in the last down interval?
            let mut own = Draft::default();
            let worst = own_lateness(view, incident.from, incident.at, &mut own);
            if worst >= view.interval() {
                // Less than an interval costs nobody the mastership.
                draft.findings.append(&mut own.findings);
                (draft.lateness, draft.unexplained) = (own.lateness, own.unexplained);
            }
            draft.evidence.append(&mut own.evidence);
            draft.missing.append(&mut own.missing);
            let gone = departures(view, incident.from, incident.at, draft);
            if draft.findings.is_empty() {
                // What fits half is no cause here: the election decided.
                draft.unknown = None;
                draft.unexplained = None;
                draft.lateness = None;
                if gone.due > 0 && gone.left == gone.due {
                    draft.ruled_out.push(format!(
                        "this node late ({} adverts left on time, worst {})",
                        gone.left,
                        span(gone.worst.max(worst))
                    ));
                }
            }
            decided(view, incident, &cause, priority, draft);
        }
        _ => decided(view, incident, &cause, priority, draft),
    }
}

fn headline(incident: &Incident) -> String {
    match incident.what {
        Happening::Transition { old, new } if old == new => format!("{new} leaves"),
        Happening::Transition { old, new } => format!("{old} -> {new}"),
        Happening::NearFailover { .. } => String::from("near failover"),
        Happening::Anomaly { anomaly } => anomaly.to_string(),
        Happening::TwoActive { .. } => String::from("two MASTERs"),
        Happening::NobodyHeard => String::from("nobody heard"),
        Happening::Addresses => String::from("addresses"),
        Happening::Health => String::from("tracked object"),
        Happening::Link => String::from("interface"),
        Happening::StorageStall => String::from("storage stood still"),
        Happening::LateFloor => String::from("always late"),
        Happening::ThinMargin => String::from("thin margin"),
        Happening::Duplicates => String::from("packets twice"),
        Happening::OwnAddressHeard => String::from("own address heard"),
        Happening::Claimed => String::from("address announced elsewhere"),
        Happening::Unannounced => String::from("addresses not announced"),
        Happening::NewsLost => String::from("kernel's news lost"),
        Happening::ClockStep => String::from("wall clock stepped"),
        Happening::Restart => String::from("daemon started again"),
        Happening::Reload => String::from("reload"),
    }
}

fn finish(view: &View<'_>, peer: Option<&History>, incident: &Incident, draft: Draft) -> Verdict {
    let summary = if draft.findings.is_empty() {
        match draft.unknown.or_else(|| draft.plain.clone()) {
            Some(why) if draft.plain.is_some() => format!("nothing went wrong: {why}"),
            Some(why) => format!("undetermined: {why}"),
            None => String::from("undetermined: nothing that was looked at moved"),
        }
    } else {
        let mut said: Vec<String> = draft
            .findings
            .iter()
            .map(|finding| finding.say.clone())
            .collect();
        if let (Some(late), Some(rest)) = (draft.lateness, draft.unexplained)
            && rest * 10 > late
        {
            said.push(format!(
                "{} of {} unexplained",
                span(super::view::signed(rest)),
                span(super::view::signed(late))
            ));
        }
        said.join("; ")
    };
    let confidence = draft
        .findings
        .iter()
        .map(|finding| finding.confidence)
        .min()
        .unwrap_or(Confidence::None);
    let mut missing = draft.missing;
    for one in &view.history.unavailable {
        if draft.findings.is_empty() {
            let text = match &one.remedy {
                Some(remedy) => format!("{} ({}; {remedy})", one.what, one.why),
                None => format!("{} ({})", one.what, one.why),
            };
            if !missing.contains(&text) {
                missing.push(text);
            }
        }
    }
    Verdict {
        schema: SCHEMA,
        incident: *incident,
        node: view.history.node.host.clone(),
        peer: peer.map(|peer| peer.node.host.clone()),
        router: view.settings().map(|router| router.name.clone()),
        headline: headline(incident),
        measure: draft.measure,
        lateness: draft.lateness,
        unexplained: draft.unexplained,
        findings: draft.findings,
        evidence: draft.evidence,
        ruled_out: draft.ruled_out,
        missing,
        summary,
        confidence,
        next: draft.next,
        as_of: view.as_of,
    }
}
