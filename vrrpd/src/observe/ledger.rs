//! How a router's priority comes about: the plan's tracked objects with what they say now.
//!
//! The engine decides with [`vrrp_proto::track::assess`]; this shows the same rule entry by entry.

use std::collections::HashMap;

use vrrp_config::plan::{GroupPlan, Plan, RouterPlan, TrackPlan};
use vrrp_proto::time::Instant;
use vrrp_record::event::{TrackerKind, TrackerState};
use vrrp_record::moment::Moment;
use vrrp_record::status::{LedgerEntry, PriorityLedger};
use vrrp_record::text::Name;

use super::clock::Now;
use super::scripts::Tracked;

/// An interface as the address thread reported it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) up: bool,
    pub(super) since: Instant,
}

/// What is known about tracked objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trackers<'a> {
    pub(super) scripts: &'a HashMap<String, Tracked>,
    pub(super) links: &'a HashMap<String, Link>,
}

impl Trackers<'_> {
    fn read(&self, kind: TrackerKind, name: &str, now: Now) -> (TrackerState, Option<Moment>) {
        let (state, since) = match kind {
            TrackerKind::Script => self
                .scripts
                .get(name)
                .map_or((TrackerState::Unknown, None), |script| {
                    (script.tracker_state(now.monotonic), script.since)
                }),
            TrackerKind::Interface => {
                self.links
                    .get(name)
                    .map_or((TrackerState::Unknown, None), |link| {
                        (
                            if link.up {
                                TrackerState::Good
                            } else {
                                TrackerState::Bad
                            },
                            Some(link.since),
                        )
                    })
            }
            TrackerKind::Process | TrackerKind::Other => (TrackerState::Unknown, None),
        };
        (state, since.map(|since| now.look_back(since)))
    }

    /// The first object that keeps a router in FAULT, as sentences name it.
    pub(super) fn failing(&self, plan: &Plan, router: &RouterPlan, now: Now) -> Option<Name> {
        let entries = self.entries(plan, router, now);
        let failing = entries.iter().find(|entry| entry.fault);
        let waiting = || {
            entries
                .iter()
                .find(|entry| entry.weight == 0 && entry.state == TrackerState::Unknown)
        };
        failing
            .or_else(waiting)
            .map(|entry| Name::new(&format!("{} {}", entry.kind, entry.name)))
    }

    /// Every object that a router tracks, its group's included.
    fn entries(&self, plan: &Plan, router: &RouterPlan, now: Now) -> Vec<LedgerEntry> {
        let group = plan
            .groups
            .iter()
            .find(|group| group.members.contains(&router.name));
        let weights = group.is_none_or(|group| group.tracking_weight);
        let own =
            objects(&router.track_scripts, &router.track_interfaces).map(|object| (object, false));
        let shared = group
            .into_iter()
            .flat_map(of_group)
            .map(|object| (object, true));
        own.chain(shared)
            .map(|((kind, track), from_group)| {
                let (state, since) = self.read(kind, &track.name, now);
                let seen = seen(state, track.reverse);
                LedgerEntry {
                    kind,
                    name: track.name.clone(),
                    state,
                    since,
                    weight: track.weight,
                    reverse: track.reverse,
                    contribution: if weights {
                        contribution(track.weight, seen)
                    } else {
                        0
                    },
                    fault: track.weight == 0 && seen == Seen::Bad,
                    from_group,
                }
            })
            .collect()
    }

    /// The whole ledger, ending in the priority that the engine uses.
    pub(super) fn ledger(
        &self,
        plan: &Plan,
        router: &RouterPlan,
        effective: u8,
        now: Now,
    ) -> PriorityLedger {
        let base = router.priority.as_u8();
        let entries = self.entries(plan, router, now);
        let sum = entries.iter().fold(i32::from(base), |sum, entry| {
            sum + i32::from(entry.contribution)
        });
        let clipped = !router.priority.is_owner() && !(1..=254).contains(&sum);
        PriorityLedger {
            base,
            effective,
            clipped,
            entries,
        }
    }
}

type Object<'a> = (TrackerKind, &'a TrackPlan);

fn objects<'a>(
    scripts: &'a [TrackPlan],
    interfaces: &'a [TrackPlan],
) -> impl Iterator<Item = Object<'a>> {
    let scripts = scripts.iter().map(|track| (TrackerKind::Script, track));
    scripts.chain(
        interfaces
            .iter()
            .map(|track| (TrackerKind::Interface, track)),
    )
}

fn of_group(group: &GroupPlan) -> impl Iterator<Item = Object<'_>> {
    objects(&group.track_scripts, &group.track_interfaces)
}

/// A state as a router sees it that may swap good and bad.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Unknown,
    Good,
    Bad,
}

const fn seen(state: TrackerState, reverse: bool) -> Seen {
    match (state, reverse) {
        (TrackerState::Unknown, _) => Seen::Unknown,
        (TrackerState::Good, false) | (TrackerState::Bad | TrackerState::Expired, true) => {
            Seen::Good
        }
        (TrackerState::Bad | TrackerState::Expired, false) | (TrackerState::Good, true) => {
            Seen::Bad
        }
    }
}

/// A positive weight counts while its object is good, a negative one while it is bad.
const fn contribution(weight: i16, seen: Seen) -> i16 {
    match seen {
        Seen::Good if weight > 0 => weight,
        Seen::Bad if weight < 0 => weight,
        Seen::Good | Seen::Bad | Seen::Unknown => 0,
    }
}
