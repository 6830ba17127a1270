//! Reload: a new node takes the place of an old one by difference.
//!
//! Routers with the same identity keep their state and get their new settings; those that did not change do not notice
//! (S-34). Trackers with the same number keep their readings. New routers start, vanished ones stop. Nothing is
//! allocated: both nodes were built elsewhere.

use super::{Node, RouterIndex, Side};
use crate::group;
use crate::router::{Action, Event, FaultSet, StopKind, VirtualRouter};
use crate::time::Instant;

impl Node {
    /// Takes the place of `old`, which has no deadline and does nothing afterwards.
    ///
    /// Vanished routers leave at once, with priority 0 and without a hold, before new ones start: an address may
    /// move from one to another. For a router of both, the driver's faults as told to `old` hold; for a new one those
    /// that this node was told before the call.
    pub fn adopt(
        &mut self,
        now: Instant,
        old: &mut Self,
        sink: &mut dyn FnMut(Side, RouterIndex, &VirtualRouter, Action),
    ) {
        self.take_readings(old);
        for index in old.indices() {
            let vanished = old
                .router(index)
                .is_some_and(|router| self.find(router.config().id).is_none());
            if vanished {
                let event = Event::Stop(StopKind::Immediate);
                let _ = old.deliver(now, index, event, &mut |index, router, action| {
                    sink(Side::Old, index, router, action);
                });
            }
        }
        self.started |= old.started;
        self.standing = old.standing;
        let sink = &mut |index: RouterIndex, router: &VirtualRouter, action: Action| {
            sink(Side::New, index, router, action);
        };
        // Every state first, so that a sync group never sees half of its members.
        for index in self.indices() {
            self.take_state(index, old);
        }
        self.note_groups();
        for index in self.indices() {
            self.reconfigure(now, index, sink);
        }
        for index in self.indices() {
            let deferred = self.slot(index).is_some_and(|slot| slot.deferred);
            if self.comes_new(index, old) {
                // Before it starts: maintenance is for every router.
                let event = Event::Stand(self.standing);
                let _ = self.deliver(now, index, event, sink);
            }
            if self.started && !deferred && self.comes_new(index, old) {
                self.step(now, index, Event::Start, sink);
            }
        }
        for index in self.indices() {
            self.settle(now, index, None, sink);
        }
        old.deadlines.clear();
        old.started = false;
    }

    fn take_readings(&mut self, old: &Self) {
        let routers = self.routers.len();
        for (position, tracker) in self.trackers.iter_mut().enumerate() {
            if let Some((reading, expires)) = old.reading(tracker.id) {
                tracker.reading = reading;
                tracker.expires = expires;
                self.deadlines
                    .set(routers.saturating_add(position), expires);
            }
        }
    }

    fn comes_new(&self, index: RouterIndex, old: &Self) -> bool {
        self.router(index)
            .is_some_and(|router| old.find(router.config().id).is_none())
    }

    /// The state of the same router in `old`, under the new settings from [`Self::reconfigure`] on.
    fn take_state(&mut self, index: RouterIndex, old: &Self) {
        let Some(slot) = self.routers.get_mut(usize::from(index.0)) else {
            return;
        };
        let id = slot.router.config().id;
        let Some(before) = old.find(id).and_then(|found| old.slot(found)) else {
            return;
        };
        slot.next = Some(*slot.router.config());
        slot.router = before.router.in_group(slot.group.is_some());
        slot.driver = before.driver;
        slot.told = before.told;
        slot.healthy = before.healthy;
        slot.sibling_fault = before.told.contains(FaultSet::GROUP);
        let next = slot.router.next_deadline().map(|(at, _)| at);
        self.deadlines.set(usize::from(index.0), next);
    }

    /// Groups that are together already have nothing to report.
    fn note_groups(&mut self) {
        let mut position = 0_usize;
        while position < self.groups.len() {
            let state = u16::try_from(position)
                .ok()
                .and_then(|position| self.group_state(group::GroupIndex(position)));
            if let Some(group) = self.groups.get_mut(position) {
                group.reported = state;
            }
            position = position.saturating_add(1);
        }
    }

    /// New settings for a router of both nodes, or what trackers say for a new one.
    fn reconfigure(&mut self, now: Instant, index: RouterIndex, sink: &mut super::Sink<'_>) {
        let settings = self.slot_mut(index).and_then(|slot| slot.next.take());
        if let Some(config) = settings {
            let priority = self
                .assessment(index, config.priority)
                .map_or(config.priority, |assessed| assessed.priority);
            let event = Event::Reconfigure {
                config: &config,
                priority,
            };
            let order = self.deliver(now, index, event, sink);
            self.settle(now, index, order, sink);
        }
        self.assess(now, index, sink);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::time::Duration;

    use super::*;
    use crate::node::{NodeConfig, NodeEvent, RouterSetup};
    use crate::router::{Config, InterfaceKey, RouterId};
    use crate::units::{AdvertInterval, Family, Priority, Version, Vrid};

    fn router(vrid: u8) -> RouterSetup {
        RouterSetup {
            config: Config {
                id: RouterId {
                    interface: InterfaceKey(0),
                    family: Family::V4,
                    vrid: Vrid::new(vrid).unwrap(),
                },
                version: Version::V3,
                interoperate: false,
                priority: Priority::DEFAULT,
                interval: AdvertInterval::DEFAULT,
                preempt: true,
                preempt_delay: Duration::ZERO,
                startup_delay: Duration::ZERO,
                down_adverts: 3,
                answer_lower: true,
                advert_before_yield: false,
                owner_clash_lowers: false,
                fault_releases: 1,
                release_hold: Duration::ZERO,
                phase: None,
                fast_fail: None,
            },
            trackers: vec![],
            group: None,
        }
    }

    fn node(vrids: &[u8]) -> Node {
        Node::new(NodeConfig {
            routers: vrids.iter().map(|vrid| router(*vrid)).collect(),
            ..NodeConfig::default()
        })
    }

    #[test]
    fn a_new_router_starts_unless_its_driver_will_start_it() {
        for deferred in [false, true] {
            let (mut old, mut new) = (node(&[1]), node(&[1, 2]));
            let start = NodeEvent::Router(RouterIndex(0), Event::Start);
            old.handle(Instant::from_nanos(1), start, &mut |_, _, _| {});
            if deferred {
                new.defer_start(RouterIndex(1));
            }
            new.adopt(Instant::from_nanos(2), &mut old, &mut |_, _, _, _| {});
            let running = |index| new.router(index).unwrap().is_running();
            assert!(running(RouterIndex(0)), "a router of both goes on");
            assert_eq!(running(RouterIndex(1)), !deferred);
        }
    }
}
