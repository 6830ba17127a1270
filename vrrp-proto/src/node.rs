//! All routers, trackers and sync groups of one daemon: events in, actions out, the earliest deadline known.

use alloc::vec::Vec;

use crate::group::GroupIndex;
use crate::router::{Action, Config, Event, RouterId, StopKind, Timer, VirtualRouter};
use crate::time::Instant;
use crate::track::{Reading, TrackLink, TrackerId};

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
    /// Virtual routers; identities are distinct.
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

/// The sans-IO aggregate of one daemon.
#[derive(Debug)]
pub struct Node {
    routers: Vec<VirtualRouter>,
}

impl Node {
    /// Builds everything; nothing is allocated afterwards.
    #[must_use]
    pub fn new(config: NodeConfig) -> Self {
        let _ = config;
        todo!()
    }

    /// Takes one event and hands every action to `sink`, in order, with the router that asks for it.
    pub fn handle(
        &mut self,
        now: Instant,
        event: NodeEvent<'_>,
        sink: &mut dyn FnMut(RouterIndex, &VirtualRouter, Action),
    ) {
        let _ = (now, event, sink);
        todo!()
    }

    /// Takes the place of `old`: see the module's text.
    pub fn adopt(
        &mut self,
        now: Instant,
        old: &mut Self,
        sink: &mut dyn FnMut(Side, RouterIndex, &VirtualRouter, Action),
    ) {
        let _ = (now, old, sink);
        todo!()
    }

    /// The earliest deadline and whose it is.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Instant, DeadlineOwner)> {
        todo!()
    }

    /// A router.
    #[must_use]
    pub fn router(&self, index: RouterIndex) -> Option<&VirtualRouter> {
        self.routers.get(usize::from(index.0))
    }

    /// All routers, in order.
    pub fn routers(&self) -> impl Iterator<Item = (RouterIndex, &VirtualRouter)> {
        (0..).map(RouterIndex).zip(&self.routers)
    }

    /// The position of a router.
    #[must_use]
    pub fn find(&self, id: RouterId) -> Option<RouterIndex> {
        let _ = id;
        todo!()
    }

    /// The last reading of a tracker, and when it expires.
    #[must_use]
    pub fn reading(&self, id: TrackerId) -> Option<(Reading, Option<Instant>)> {
        let _ = id;
        todo!()
    }
}
