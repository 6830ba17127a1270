//! Settings of an instance that depend on others: announcements, answers, transport, tracking.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::units::{Family, Priority, Version};

use super::Context;
use super::global::GlobalDraft;
use super::instance::InstanceDraft;
use super::track::Track;
use super::value::quoted;
use crate::plan::{AnnouncePlan, TrackPlan, Transport};
use crate::source::Span;

/// `answer_lower` and `advert_before_yield`.
pub(super) fn adverts(
    draft: &InstanceDraft,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> (bool, bool) {
    let no_answer = draft
        .lower_no_advert
        .as_ref()
        .map_or(global.lower_no_advert, |set| set.value);
    let before_yield = draft
        .higher_send_advert
        .as_ref()
        .map_or(global.higher_send_advert, |set| set.value);
    if !strict {
        return (!no_answer, before_yield);
    }
    if let Some(set) = draft.lower_no_advert.as_ref().filter(|set| !set.value) {
        forced(set.span, "lower_prio_no_advert on", context);
    }
    if let Some(set) = draft.higher_send_advert.as_ref().filter(|set| set.value) {
        forced(set.span, "higher_prio_send_advert off", context);
    }
    (false, false)
}

/// What strict mode leaves of the announcements.
pub(super) fn announce(
    draft: &InstanceDraft,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> AnnouncePlan {
    let mut plan = global.announce.resolve(&draft.announce);
    if strict {
        if let Some(span) = draft.announce_lower {
            forced(span, "garp_lower_prio_delay 0", context);
        }
        plan.lower_delay = Duration::ZERO;
        plan.lower_repeat = 0;
    }
    plan
}

/// Says that strict mode overrides a setting.
pub(super) fn forced(span: Span, setting: &str, context: &mut Context<'_>) {
    context.complain(
        span,
        format!("strict mode forces {setting}"),
        "remove the line, or strict mode",
    );
}

/// Without accept mode keepalived drops traffic to the addresses by firewall rules, which vrrpd does not write yet.
pub(super) fn accept(
    draft: &InstanceDraft,
    version: Version,
    strict: bool,
    priority: Priority,
    context: &mut Context<'_>,
) {
    if !strict || priority.is_owner() {
        return;
    }
    match (draft.accept, version) {
        (Some(span), Version::V2) => context.complain(
            span,
            "strict mode has no accept mode in version 2; keepalived would make the addresses unreachable, vrrpd does not yet",
            "remove vrrp_strict if the addresses are to answer",
        ),
        (None, _) => context.remark(
            draft.span,
            "strict mode makes keepalived drop all traffic to the virtual addresses; vrrpd does not do that yet",
            "remove vrrp_strict if the addresses are to answer",
        ),
        (Some(_), Version::V3) => {}
    }
}

/// Unicast where there are peers, else multicast.
pub(super) fn transport(
    draft: &InstanceDraft,
    family: Family,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> Transport {
    let words = &draft.transport;
    if words.peers.is_empty() && !words.fault_without_peer {
        if let Some(span) = words.unicast_word {
            let message = "there are no unicast peers: adverts go by multicast";
            context.complain(span, message, "list the peers in 'unicast_peer { }', or write mcast_src_ip for a multicast source");
        }
        if let Some(ttl) = &words.ttl {
            context.complain(
                ttl.span,
                "unicast_ttl has no effect without unicast peers",
                "remove the line, or list the peers",
            );
        }
        let group = match family {
            Family::V4 => IpAddr::V4(global.group4),
            Family::V6 => IpAddr::V6(global.group6),
        };
        let own = words.group.as_ref().map(|own| own.value);
        let group = own
            .filter(|own| own.is_ipv4() == group.is_ipv4())
            .unwrap_or(group);
        return Transport::Multicast { group };
    }
    if let Some(group) = &words.group {
        context.complain(
            group.span,
            "mcast_dst_ip has no effect with unicast peers and is ignored",
            "remove the line, or the peers",
        );
    }
    if strict {
        let message = format!(
            "instance {} is unicast, which strict mode of keepalived 2.4 refuses",
            quoted(&draft.name)
        );
        context.remark(draft.span, message, "remove vrrp_strict or strict_mode");
    }
    Transport::Unicast {
        peers: words.peers.clone(),
        ttl: words
            .ttl
            .as_ref()
            .map_or(if family == Family::V4 { 255 } else { 64 }, |set| set.value),
        check_source: words.check_source || global.check_unicast_source,
        fault_without_peer: words.fault_without_peer,
    }
}

/// The router's own interface is watched in any case; an owner follows no weights.
pub(super) fn track_interfaces(
    draft: &InstanceDraft,
    own: &str,
    priority: Priority,
    context: &mut Context<'_>,
) -> Vec<TrackPlan> {
    let mut tracks = Vec::new();
    for track in &draft.track_interfaces {
        if track.plan.name == own {
            let message = format!(
                "{} is the instance's own interface, which is watched in any case",
                quoted(own)
            );
            context.complain(track.span, message, "remove the entry");
        } else if !is_idle(track, priority, context) {
            tracks.push(track.plan.clone());
        }
    }
    tracks
}

/// Tracked scripts; an owner follows no weights.
pub(super) fn track_scripts(
    draft: &InstanceDraft,
    priority: Priority,
    context: &mut Context<'_>,
) -> Vec<TrackPlan> {
    let tracks = draft.track_scripts.iter();
    tracks
        .filter(|track| !is_idle(track, priority, context))
        .map(|track| track.plan.clone())
        .collect()
}

/// Weights cannot move an owner's priority, so keepalived leaves the entry out.
fn is_idle(track: &Track, priority: Priority, context: &mut Context<'_>) -> bool {
    let idle = priority.is_owner() && track.plan.weight != 0;
    if idle {
        let message = format!(
            "{} has a weight and the priority is 255, which never changes; it is NOT tracked",
            quoted(&track.plan.name)
        );
        let help = "use a priority up to 254, or weight 0 to go to FAULT instead";
        context.complain(track.span, message, help);
    }
    idle
}
