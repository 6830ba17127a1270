//! All routers, trackers and sync groups of one daemon: events in, actions out, the earliest deadline known.
//!
//! Passes events on, turns readings into priorities and faults, and keeps sync groups together. What a router does with
//! an event is decided in [`crate::router`], what a group does in [`crate::group`], what readings amount to in
//! [`crate::track`]. Nothing is allocated after [`Node::new`].

mod adopt;
mod deadlines;
mod groups;
mod readings;

use alloc::vec::Vec;

use crate::group::{self, GroupIndex};
use crate::router::{
    Action, Config, Event, FaultSet, GroupOrder, RouterId, Standing, State, StopKind, Timer,
    VirtualRouter,
};
use crate::time::Instant;
use crate::track::{Assessment, Reading, TrackLink, TrackerId};
use deadlines::Deadlines;

/// Position of a router in its [`Node`], in the order of [`NodeConfig::routers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterIndex(pub u16);

/// A virtual router and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSetup {
    /// Its settings.
    pub config: Config,
    /// What it tracks, its group's tracked objects included.
    pub trackers: Vec<TrackLink>,
    /// The sync group that it belongs to.
    pub group: Option<GroupIndex>,
}

/// A tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackerSetup {
    /// Its number.
    pub id: TrackerId,
    /// What is known before the first result.
    pub initial: Reading,
}

/// A sync group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSetup {
    /// Members keep the weights of their trackers (`sync_group_tracking_weight`); else weights other than 0 are
    /// ignored.
    pub tracking_weight: bool,
}

/// Everything a [`Node`] is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeConfig {
    /// Virtual routers; identities are distinct. At most 65,536.
    pub routers: Vec<RouterSetup>,
    /// Tracked objects; a link to one that is not listed reads as pending.
    pub trackers: Vec<TrackerSetup>,
    /// Sync groups.
    pub groups: Vec<GroupSetup>,
}

/// What a [`Node`] can be told.
#[derive(Clone, Copy, Debug)]
pub enum NodeEvent<'a> {
    /// One router's event. [`Event::Faults`] are the driver's own faults only (interface, source, sockets): what
    /// trackers and sync groups add is decided here, and so are [`Event::Priority`], [`Event::Healthy`] and
    /// [`Event::Group`], which a driver never sends.
    Router(RouterIndex, Event<'a>),
    /// A tracked object was looked at.
    Tracker {
        /// Which one.
        id: TrackerId,
        /// What was found.
        reading: Reading,
        /// When this result counts as bad unless another comes (safety rule 1).
        expires: Option<Instant>,
    },
    /// The driver woke this much later than it asked to: told to every router, before [`NodeEvent::Deadline`].
    Stalled(core::time::Duration),
    /// Time has passed; every receive queue was drained before. Early, late and repeated calls are harmless.
    Deadline,
    /// Every router leaves.
    Stop(StopKind),
    /// What an operator asks of every router, and of those that a reload adds.
    Stand(Standing),
}

/// What a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineOwner {
    /// A router's timer.
    Router(RouterIndex, Timer),
    /// The expiry of a tracker's last result.
    Tracker(TrackerId),
}

/// Which of two nodes an index belongs to, in [`Node::adopt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The node that takes over.
    New,
    /// The node that is left.
    Old,
}

/// Where actions go.
pub type Sink<'a> = dyn FnMut(RouterIndex, &VirtualRouter, Action) + 'a;

/// The sans-IO aggregate of one daemon.
///
/// Driven as one [`VirtualRouter`] is: drain, tell of stalls, hand over [`NodeEvent::Deadline`], carry out what the
/// sink is given, sleep until [`Node::next_deadline`].
#[derive(Debug)]
pub struct Node {
    routers: Vec<Slot>,
    /// Routers by identity, sorted.
    by_id: Vec<(RouterId, RouterIndex)>,
    /// Links of all routers; each router has a range of them.
    links: Vec<TrackLink>,
    /// Sorted by number.
    trackers: Vec<Tracker>,
    groups: Vec<Group>,
    /// Routers first, then trackers.
    deadlines: Deadlines,
    /// A router was started, so the ones that a reload adds are started too.
    started: bool,
    /// What an operator asked of every router.
    standing: Standing,
}

/// A router and what is known around it.
#[derive(Debug)]
struct Slot {
    router: VirtualRouter,
    links: core::ops::Range<usize>,
    group: Option<GroupIndex>,
    /// The driver's own faults.
    driver: FaultSet,
    /// Whether a sibling has a fault.
    sibling_fault: bool,
    /// What its trackers amount to.
    assessed: Assessment,
    /// Health as told: its own and its siblings'.
    healthy: bool,
    /// Faults as told.
    told: FaultSet,
    /// The driver starts it, not [`Node::adopt`].
    deferred: bool,
    /// The new settings of a router whose state came from another node, until it is told of them.
    next: Option<Config>,
}

/// A tracked object.
#[derive(Debug)]
struct Tracker {
    id: TrackerId,
    reading: Reading,
    expires: Option<Instant>,
}

/// A sync group.
#[derive(Debug)]
struct Group {
    tracking_weight: bool,
    members: Vec<RouterIndex>,
    /// The state that was last reported for all members.
    reported: Option<State>,
}

impl Node {
    /// Builds everything; nothing is allocated afterwards.
    ///
    /// A link to a tracker that is not listed reads as pending for ever, and a group that is not listed is ignored.
    #[must_use]
    pub fn new(config: NodeConfig) -> Self {
        let mut groups: Vec<Group> = config
            .groups
            .iter()
            .map(|setup| Group {
                tracking_weight: setup.tracking_weight,
                members: Vec::new(),
                reported: None,
            })
            .collect();
        let mut trackers: Vec<Tracker> = config
            .trackers
            .iter()
            .map(|setup| Tracker {
                id: setup.id,
                reading: setup.initial,
                expires: None,
            })
            .collect();
        trackers.sort_unstable_by_key(|tracker| tracker.id);
        trackers.dedup_by_key(|tracker| tracker.id);
        let mut links = Vec::new();
        let mut routers = Vec::with_capacity(config.routers.len());
        let mut by_id = Vec::with_capacity(config.routers.len());
        for (index, setup) in (0..=u16::MAX).map(RouterIndex).zip(config.routers) {
            let first = links.len();
            links.extend(setup.trackers);
            let group = setup
                .group
                .filter(|group| usize::from(group.0) < groups.len());
            if let Some(group) = group.and_then(|group| groups.get_mut(usize::from(group.0))) {
                group.members.push(index);
            }
            by_id.push((setup.config.id, index));
            routers.push(Slot {
                router: VirtualRouter::new(setup.config).in_group(group.is_some()),
                links: first..links.len(),
                group,
                driver: FaultSet::NONE,
                sibling_fault: false,
                assessed: Assessment {
                    priority: setup.config.priority,
                    faults: FaultSet::NONE,
                    healthy: true,
                },
                healthy: true,
                told: FaultSet::NONE,
                deferred: false,
                next: None,
            });
        }
        by_id.sort_unstable_by_key(|(id, _)| *id);
        let deadlines = Deadlines::new(routers.len().saturating_add(trackers.len()));
        let mut node = Self {
            routers,
            by_id,
            links,
            trackers,
            groups,
            deadlines,
            started: false,
            standing: Standing::Normal,
        };
        // Nobody runs yet: what trackers say from the start is no change to tell of.
        node.assess_all(Instant::ZERO, &mut |_, _, _| {});
        node
    }

    /// Takes one event and hands every action to `sink`, in order, with the router that asks for it.
    pub fn handle(&mut self, now: Instant, event: NodeEvent<'_>, sink: &mut Sink<'_>) {
        match event {
            NodeEvent::Router(index, event) => self.handle_router(now, index, event, sink),
            NodeEvent::Tracker {
                id,
                reading,
                expires,
            } => {
                let late = expires.is_some_and(|at| at <= now);
                let (reading, expires) = if late {
                    (Reading::Bad, None)
                } else {
                    (reading, expires)
                };
                if let Some(position) = self.tracker_position(id) {
                    self.read(now, position, reading, expires, sink);
                }
            }
            NodeEvent::Stalled(late) => {
                for index in self.indices() {
                    self.step(now, index, Event::Stalled(late), sink);
                }
            }
            NodeEvent::Deadline => self.handle_deadlines(now, sink),
            NodeEvent::Stop(kind) => {
                // All of them before their groups look at the result: nobody follows a sibling that was told to stop.
                for index in self.indices() {
                    let _ = self.deliver(now, index, Event::Stop(kind), sink);
                }
                self.started = false;
            }
            NodeEvent::Stand(standing) => {
                self.standing = standing;
                // All of them before their groups look at the result, as above.
                for index in self.indices() {
                    let _ = self.deliver(now, index, Event::Stand(standing), sink);
                }
                for index in self.indices() {
                    self.settle(now, index, None, sink);
                }
            }
        }
    }

    /// What an operator asked of every router.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Leaves the start of a router to the driver: [`Node::adopt`] does not start it where it is new. For a driver that
    /// learns only after the reload what faults it has; its sync group would share them at once.
    pub fn defer_start(&mut self, index: RouterIndex) {
        if let Some(slot) = self.slot_mut(index) {
            slot.deferred = true;
        }
    }

    /// Where the node's memory is, as address and bytes: for a driver that locks it.
    pub fn for_each_memory(&self, visit: &mut dyn FnMut(usize, usize)) {
        fn range<T>(slice: &[T]) -> (usize, usize) {
            (slice.as_ptr().addr(), size_of_val(slice))
        }
        let fixed = [
            range(&self.routers),
            range(&self.by_id),
            range(&self.links),
            range(&self.trackers),
            range(&self.groups),
            self.deadlines.memory(),
        ];
        let members = self.groups.iter().map(|group| range(&group.members));
        for (address, bytes) in fixed.into_iter().chain(members) {
            visit(address, bytes);
        }
    }

    /// The earliest deadline and whose it is.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Instant, DeadlineOwner)> {
        let (at, slot) = self.deadlines.earliest()?;
        let owner = match self.routers.get(slot) {
            Some(found) => {
                let index = RouterIndex(u16::try_from(slot).ok()?);
                DeadlineOwner::Router(index, found.router.next_deadline()?.1)
            }
            None => {
                let position = slot.checked_sub(self.routers.len())?;
                DeadlineOwner::Tracker(self.trackers.get(position)?.id)
            }
        };
        Some((at, owner))
    }

    /// Visits every router whose deadline has come, in order.
    pub fn for_each_due(&self, now: Instant, visit: &mut dyn FnMut(RouterIndex, &VirtualRouter)) {
        self.deadlines.for_each_due(now, &mut |slot| {
            if let (Ok(index), Some(found)) = (u16::try_from(slot), self.routers.get(slot)) {
                visit(RouterIndex(index), &found.router);
            }
        });
    }

    /// A router.
    #[must_use]
    pub fn router(&self, index: RouterIndex) -> Option<&VirtualRouter> {
        self.slot(index).map(|slot| &slot.router)
    }

    /// All routers, in order.
    pub fn routers(&self) -> impl Iterator<Item = (RouterIndex, &VirtualRouter)> {
        (0..=u16::MAX)
            .map(RouterIndex)
            .zip(self.routers.iter().map(|slot| &slot.router))
    }

    /// The position of a router.
    #[must_use]
    pub fn find(&self, id: RouterId) -> Option<RouterIndex> {
        let place = self.by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.by_id.get(place).map(|(_, index)| *index)
    }

    /// The last reading of a tracker, and when it expires.
    #[must_use]
    pub fn reading(&self, id: TrackerId) -> Option<(Reading, Option<Instant>)> {
        let tracker = self.trackers.get(self.tracker_position(id)?)?;
        Some((tracker.reading, tracker.expires))
    }

    /// When the first result of a tracker expires; `None` without any that does.
    #[must_use]
    pub fn earliest_expiry(&self) -> Option<Instant> {
        let expiries = self.trackers.iter().filter_map(|tracker| tracker.expires);
        expiries.min()
    }

    /// What a sync group is as a whole, once its members agree.
    #[must_use]
    pub fn group_state(&self, group: GroupIndex) -> Option<State> {
        self.groups.get(usize::from(group.0))?;
        group::common_state(self.members(group))
    }

    fn handle_router(
        &mut self,
        now: Instant,
        index: RouterIndex,
        event: Event<'_>,
        sink: &mut Sink<'_>,
    ) {
        match event {
            Event::Faults(faults) => {
                if let Some(slot) = self.slot_mut(index) {
                    slot.driver = faults;
                }
                self.tell_faults(now, index, sink);
                self.settle(now, index, None, sink);
            }
            // Decided here, from readings and siblings.
            Event::Priority(_) | Event::Healthy(_) | Event::Group(_) => {}
            Event::Start => {
                self.started = true;
                self.step(now, index, event, sink);
            }
            Event::Reconfigure { .. } => {
                self.step(now, index, event, sink);
                self.assess(now, index, sink);
            }
            Event::Stop(_)
            | Event::Stand(_)
            | Event::Advert(_)
            | Event::Deadline
            | Event::Stalled(_)
            | Event::Source(_)
            | Event::Addresses(_)
            | Event::AddressesLost
            | Event::SuccessorAnnounced => self.step(now, index, event, sink),
        }
    }

    /// Everything that is due. Each owner's next deadline is after `now`, so this ends.
    fn handle_deadlines(&mut self, now: Instant, sink: &mut Sink<'_>) {
        while let Some((_, slot)) = self.deadlines.earliest().filter(|(at, _)| *at <= now) {
            match slot.checked_sub(self.routers.len()) {
                None => {
                    let index = RouterIndex(u16::try_from(slot).unwrap_or(u16::MAX));
                    self.step(now, index, Event::Deadline, sink);
                }
                Some(position) => self.expire(now, position, sink),
            }
        }
    }

    /// One router's step, and what its sync group makes of it.
    fn step(&mut self, now: Instant, index: RouterIndex, event: Event<'_>, sink: &mut Sink<'_>) {
        let order = self.deliver(now, index, event, sink);
        self.settle(now, index, order, sink);
    }

    /// One router's step alone. Tells what its siblings have to do, where it left Active.
    fn deliver(
        &mut self,
        now: Instant,
        index: RouterIndex,
        event: Event<'_>,
        sink: &mut Sink<'_>,
    ) -> Option<GroupOrder> {
        let slot = self.routers.get_mut(usize::from(index.0))?;
        let actions = slot.router.handle(now, event);
        let next = slot.router.next_deadline().map(|(at, _)| at);
        self.deadlines.set(usize::from(index.0), next);
        let mut order = None;
        for action in actions {
            if let Action::Report(transition) = action
                && transition.from == State::Active
            {
                order = group::order_after(transition.cause);
            }
            sink(index, &slot.router, action);
        }
        order
    }

    fn members(&self, group: GroupIndex) -> impl Iterator<Item = &VirtualRouter> {
        self.groups
            .get(usize::from(group.0))
            .into_iter()
            .flat_map(|group| &group.members)
            .filter_map(|member| self.router(*member))
    }

    fn indices(&self) -> impl Iterator<Item = RouterIndex> + use<> {
        let count = u16::try_from(self.routers.len()).unwrap_or(u16::MAX);
        (0..count).map(RouterIndex)
    }

    fn slot(&self, index: RouterIndex) -> Option<&Slot> {
        self.routers.get(usize::from(index.0))
    }

    fn slot_mut(&mut self, index: RouterIndex) -> Option<&mut Slot> {
        self.routers.get_mut(usize::from(index.0))
    }

    fn tracker_position(&self, id: TrackerId) -> Option<usize> {
        self.trackers
            .binary_search_by_key(&id, |tracker| tracker.id)
            .ok()
    }
}

#[cfg(test)]
mod tests;
