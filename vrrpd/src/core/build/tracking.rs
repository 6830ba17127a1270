//! What routers track: scripts and interfaces, of their own and of their sync group.

use std::time::Duration;

use vrrp_config::plan::{GroupPlan, Plan, RouterPlan, ScriptPlan, TrackPlan};
use vrrp_proto::group::GroupIndex;
use vrrp_proto::node::{RouterSetup, TrackerSetup};
use vrrp_proto::router::Config;
use vrrp_proto::track::{Reading, TrackLink, TrackerId};

use crate::core::names::{InterfaceNames, TrackerNames};

pub(super) fn router_setup(
    plan: &Plan,
    router: &RouterPlan,
    config: Config,
    interfaces: &InterfaceNames,
    trackers: &mut TrackerNames,
) -> RouterSetup {
    let groups = (0..=u16::MAX).map(GroupIndex).zip(&plan.groups);
    let group = groups
        .into_iter()
        .find(|(_, group)| group.members.contains(&router.name));
    let mut links = Vec::new();
    let none: &[TrackPlan] = &[];
    let (scripts, followed) = group.map_or((none, none), |(_, group): (_, &GroupPlan)| {
        (
            group.track_scripts.as_slice(),
            group.track_interfaces.as_slice(),
        )
    });
    for track in router.track_scripts.iter().chain(scripts) {
        push_link(&mut links, trackers.script(&track.name), track);
    }
    for track in router.track_interfaces.iter().chain(followed) {
        if let Some(tracker) = interfaces.key(&track.name).map(TrackerNames::interface) {
            push_link(&mut links, tracker, track);
        }
    }
    RouterSetup {
        config,
        trackers: links,
        group: group.map(|(index, _)| index),
    }
}

/// What a router and its group both track counts once, as the router says.
fn push_link(links: &mut Vec<TrackLink>, tracker: TrackerId, track: &TrackPlan) {
    if !links.iter().any(|link| link.tracker == tracker) {
        links.push(TrackLink {
            tracker,
            weight: track.weight,
            reverse: track.reverse,
        });
    }
}

pub(super) fn tracker_setups(
    plan: &Plan,
    interfaces: &InterfaceNames,
    trackers: &mut TrackerNames,
) -> Vec<TrackerSetup> {
    let mut setups: Vec<TrackerSetup> = plan
        .scripts
        .iter()
        .map(|script| TrackerSetup {
            id: trackers.script(&script.name),
            initial: if script.init_fail {
                Reading::Bad
            } else {
                Reading::Pending
            },
        })
        .collect();
    for track in tracked_interfaces(plan) {
        if let Some(id) = interfaces.key(&track.name).map(TrackerNames::interface) {
            setups.push(TrackerSetup {
                id,
                initial: Reading::Pending,
            });
        }
    }
    setups
}

pub(super) fn tracked_interfaces(plan: &Plan) -> impl Iterator<Item = &TrackPlan> {
    let of_routers = plan
        .routers
        .iter()
        .flat_map(|router| &router.track_interfaces);
    of_routers.chain(plan.groups.iter().flat_map(|group| &group.track_interfaces))
}

/// Safety rule 1: interval × fall + timeout + 1 s.
pub(super) fn longest_expiry(script: &ScriptPlan) -> Duration {
    script
        .interval
        .saturating_mul(script.fall)
        .saturating_add(script.timeout)
        .saturating_add(Duration::from_secs(1))
}
