//! Turns readings of trackers into what routers are told: priority, faults, health. The arithmetic is
//! [`crate::track`]'s.

use super::{Node, RouterIndex, Sink};
use crate::group::GroupIndex;
use crate::router::{Action, Event, FaultSet, VirtualRouter};
use crate::time::Instant;
use crate::track::{self, Assessment, Reading, TrackerId};
use crate::units::Priority;

impl Node {
    /// A result, or the end of one.
    pub(super) fn read(
        &mut self,
        now: Instant,
        position: usize,
        reading: Reading,
        expires: Option<Instant>,
        sink: &mut Sink<'_>,
    ) {
        self.deadlines
            .set(self.routers.len().saturating_add(position), expires);
        let Some(tracker) = self.trackers.get_mut(position) else {
            return;
        };
        tracker.expires = expires;
        if tracker.reading == reading {
            return;
        }
        tracker.reading = reading;
        let id = tracker.id;
        for index in self.indices() {
            if self.tracks(index, id) {
                self.assess(now, index, sink);
            }
        }
    }

    /// Safety rule 1: an expired result counts as bad, without the other world.
    pub(super) fn expire(&mut self, now: Instant, position: usize, sink: &mut Sink<'_>) {
        let Some(tracker) = self.trackers.get(position) else {
            return;
        };
        if tracker.reading != Reading::Bad {
            let id = tracker.id;
            for (index, router) in self.routers() {
                if self.tracks(index, id) {
                    sink(index, router, Action::TrackerExpired(id));
                }
            }
        }
        self.read(now, position, Reading::Bad, None, sink);
    }

    pub(super) fn assess_all(&mut self, now: Instant, sink: &mut Sink<'_>) {
        for index in self.indices() {
            self.assess(now, index, sink);
        }
    }

    /// Weighs a router's readings anew and tells it, and its sync group, what changed.
    pub(super) fn assess(&mut self, now: Instant, index: RouterIndex, sink: &mut Sink<'_>) {
        let base = self.router(index).map(|router| router.config().priority);
        let Some(assessed) = base.and_then(|base| self.assessment(index, base)) else {
            return;
        };
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        slot.assessed = assessed;
        let group = slot.group;
        match group {
            Some(group) => {
                let healthy = self.group_healthy(group);
                self.each_member(group, &mut |node, member| {
                    node.tell_health(now, member, healthy, sink);
                });
            }
            None => self.tell_health(now, index, assessed.healthy, sink),
        }
        let told = self.router(index).map(VirtualRouter::told_priority);
        if told != Some(assessed.priority) {
            let _ = self.deliver(now, index, Event::Priority(assessed.priority), sink);
        }
        self.tell_faults(now, index, sink);
        self.settle(now, index, None, sink);
    }

    /// What a router's trackers amount to now, on top of this configured priority.
    pub(super) fn assessment(&self, index: RouterIndex, base: Priority) -> Option<Assessment> {
        let slot = self.slot(index)?;
        let weights = match slot.group {
            Some(group) => self.groups.get(usize::from(group.0))?.tracking_weight,
            None => true,
        };
        let links = self.links.get(slot.links.clone())?;
        let readings = links.iter().map(|link| {
            let known = self.reading(link.tracker);
            (
                *link,
                known.map_or(Reading::Pending, |(reading, _)| reading),
            )
        });
        Some(track::assess(base, weights, readings))
    }

    pub(super) fn tell_health(
        &mut self,
        now: Instant,
        index: RouterIndex,
        healthy: bool,
        sink: &mut Sink<'_>,
    ) {
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        if slot.healthy != healthy {
            slot.healthy = healthy;
            let _ = self.deliver(now, index, Event::Healthy(healthy), sink);
        }
    }

    /// Tells a router the union of the driver's, its trackers' and its group's faults, where that changed.
    pub(super) fn tell_faults(&mut self, now: Instant, index: RouterIndex, sink: &mut Sink<'_>) {
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        let faults = FaultSet::from_bits(slot.driver.bits() | slot.assessed.faults.bits())
            .with(FaultSet::GROUP, slot.sibling_fault);
        if slot.told != faults {
            slot.told = faults;
            let _ = self.deliver(now, index, Event::Faults(faults), sink);
        }
    }

    fn group_healthy(&self, group: GroupIndex) -> bool {
        self.groups
            .get(usize::from(group.0))
            .into_iter()
            .flat_map(|group| &group.members)
            .filter_map(|member| self.slot(*member))
            .all(|slot| slot.assessed.healthy)
    }

    fn tracks(&self, index: RouterIndex, id: TrackerId) -> bool {
        self.slot(index)
            .and_then(|slot| self.links.get(slot.links.clone()))
            .is_some_and(|links| links.iter().any(|link| link.tracker == id))
    }
}
