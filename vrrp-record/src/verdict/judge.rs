//! Judging one incident: the order of questions. Each question is a module of its own.

use super::{Confidence, Happening, Incident, SCHEMA, Verdict};
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
    let router = incident
        .router
        .and_then(|router| history.routers.get(usize::from(router)));
    let headline = if let Happening::Transition { old, new } = incident.what {
        format!("{old} -> {new}")
    } else {
        String::from("out of the ordinary")
    };
    let cause = history.events.iter().find_map(|numbered| {
        let Kind::Transition { cause, .. } = &numbered.event.kind else {
            return None;
        };
        (numbered.at == incident.at).then_some(cause)
    });
    Verdict {
        schema: SCHEMA,
        incident: *incident,
        node: history.node.host.clone(),
        peer: peer.map(|peer| peer.node.host.clone()),
        router: router.map(|router| router.name.clone()),
        headline,
        measure: cause.map(ToString::to_string),
        lateness: None,
        unexplained: None,
        findings: Vec::new(),
        evidence: Vec::new(),
        ruled_out: Vec::new(),
        missing: Vec::new(),
        summary: String::from("undetermined"),
        confidence: Confidence::None,
        next: Vec::new(),
        as_of,
    }
}
