//! What the engine runs on: routers with their packets and counters, interfaces with their sockets. Built and dropped by
//! the other world; the engine only moves it in and out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use vrrp_config::plan;
use vrrp_proto::node::{Node, NodeEvent, RouterIndex};
use vrrp_proto::router::{FaultSet, InterfaceKey, RouterId, Standing};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{Family, Vrid};
use vrrp_proto::wire::{AhSequence, ReceiveConfig, SendConfig};

use super::advert::AdvertRecord;
use super::flight::{Flight, OutQueue, Track};
use super::stamp_ring::StampRing;
use crate::address::AddressSetup;
use crate::core::{MemoryLock, ReceiveCounts};
use crate::net::{InterfaceSockets, SocketSpec};
use crate::publish::Board;
use vrrp_record::sequence::SequenceWatch;

/// Everything that a configuration gives the engine.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) node: Node,
    pub(crate) io: Io,
    /// Results of trackers last at most this long.
    pub(crate) longest_expiry: Duration,
    /// Scheduling that the configuration asks for.
    pub(crate) realtime: plan::Realtime,
    /// Whether the setup's memory could be locked, once that was tried.
    pub(crate) memory: Option<MemoryLock>,
    /// What the address thread was given: for the way out when that thread is gone.
    pub(crate) addresses: AddressSetup,
}

/// The part of a setup that actions of the node work on while the node itself is borrowed.
#[derive(Debug)]
pub(crate) struct Io {
    /// In the node's order.
    pub(crate) routers: Vec<RouterIo>,
    /// Every interface that a router speaks on or tracks.
    pub(crate) interfaces: Vec<InterfaceIo>,
    /// Where the routers are published.
    pub(crate) board: Arc<Board>,
    /// The flight recorder; it moves from setup to setup.
    pub(crate) flight: Option<Box<Flight>>,
}

/// A virtual router's packets, counters and driver-side state.
#[derive(Debug)]
pub(crate) struct RouterIo {
    pub(crate) id: RouterId,
    /// Position of its interface.
    pub(crate) interface: usize,
    pub(crate) send: SendConfig,
    pub(crate) receive: ReceiveConfig,
    /// The group, or every peer.
    pub(crate) destinations: Box<[IpAddr]>,
    pub(crate) multicast: bool,
    /// TTL or hop limit sent.
    pub(crate) ttl: u8,
    /// Source address of its adverts; the outer level is whether the address thread has told.
    pub(crate) source: Option<Option<IpAddr>>,
    /// Sequence number of the last advert.
    pub(crate) sequence: u16,
    pub(crate) ah: AhSequence,
    /// Who sent the last advert that was refused as replayed since our own last one.
    pub(crate) replayed_by: Option<IpAddr>,
    /// The driver's own faults, as the node was told last.
    pub(crate) faults: FaultSet,
    /// Whether the node was told to start it, and the other world that it was.
    pub(crate) started: bool,
    pub(crate) record: AdvertRecord,
    pub(crate) received: ReceiveCounts,
    /// What the peer's numbers tell.
    pub(crate) peer_sequence: SequenceWatch,
    /// What the flight recorder remembers of it.
    pub(crate) track: Box<Track>,
    /// Discards that were not reported yet, and when the last report was.
    pub(crate) discards: DiscardReport,
    /// Whether it changed since it was published.
    pub(crate) dirty: bool,
}

/// Discards since the last report about them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DiscardReport {
    pub(crate) count: u32,
    pub(crate) reported: Option<Instant>,
}

/// Reports about discards of one router are at least this far apart.
const DISCARD_REPORTS: Duration = Duration::from_secs(10);

impl DiscardReport {
    /// One more packet was discarded.
    pub(crate) fn note(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// How many were discarded, when it is time to tell.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u32> {
        let recently = |at: Instant| now.saturating_since(at) < DISCARD_REPORTS;
        if self.count == 0 || self.reported.is_some_and(recently) {
            return None;
        }
        self.reported = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

/// An interface.
#[derive(Debug)]
pub(crate) struct InterfaceIo {
    pub(crate) key: InterfaceKey,
    pub(crate) spec: SocketSpec,
    /// Whether the address thread has told about it.
    pub(crate) known: bool,
    pub(crate) exists: bool,
    pub(crate) up: bool,
    /// Why its sockets could not be opened.
    pub(crate) refused: Option<i32>,
    pub(crate) sockets: Option<Box<InterfaceSockets>>,
    /// Tells events of these sockets from those of earlier ones.
    pub(crate) generation: u32,
    /// Stamps that are awaited, by position of the transmit socket: one for each family.
    pub(crate) stamps: [StampRing; 2],
    /// Whether adverts left since the stamps were looked at, by family.
    pub(crate) touched: [bool; 2],
    /// What was seen of each family's send memory.
    pub(crate) outq: [OutQueue; 2],
    /// What each receive socket last told of dropped packets: a running total.
    pub(crate) drops: [u32; 8],
    /// Routers by family and VRID.
    pub(crate) by_vrid: Box<[[Option<RouterIndex>; 256]; 2]>,
}

impl InterfaceIo {
    pub(crate) fn router(&self, family: Family, vrid: u8) -> Option<RouterIndex> {
        self.by_vrid[family_position(family)][usize::from(vrid)]
    }

    /// Whether a driver stamp is missing, or bytes are held, so that another look is worth it.
    pub(super) const fn is_worth_a_look(&self, position: usize) -> bool {
        self.stamps[position].worth_a_look() || self.outq[position].is_held()
    }

    pub(crate) fn insert_router(&mut self, family: Family, vrid: Vrid, index: RouterIndex) {
        self.by_vrid[family_position(family)][usize::from(vrid.as_u8())] = Some(index);
    }
}

/// The place of a family in arrays of two.
pub(crate) const fn family_position(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl RouterIo {
    /// Takes over what is not configuration from the same router of an earlier setup.
    pub(crate) fn inherit(&mut self, old: &mut Self) {
        self.source = old.source;
        self.receive.own_source = old.receive.own_source;
        self.sequence = old.sequence;
        self.ah = old.ah;
        self.replayed_by = old.replayed_by;
        self.faults = old.faults;
        self.started = old.started;
        self.record = old.record;
        self.received = old.received;
        self.peer_sequence = old.peer_sequence;
        self.discards = old.discards;
        self.track.inherit(&mut old.track);
        self.dirty = true;
    }
}

impl InterfaceIo {
    /// Takes over what is not configuration from the same interface of an earlier setup. The sockets come along even
    /// where other ones are needed now: they serve until the address thread brings those.
    pub(crate) fn inherit(&mut self, old: &mut Self) {
        self.known = old.known;
        self.exists = old.exists;
        self.up = old.up;
        self.refused = old.refused;
        self.sockets = old.sockets.take();
        self.generation = old.generation;
        self.drops = old.drops;
        std::mem::swap(&mut self.stamps, &mut old.stamps);
    }
}

impl Setup {
    /// What an operator asked of every router before anything runs: nobody needs to hear of it.
    pub(crate) fn stand(&mut self, standing: Standing) {
        let Self { node, io, .. } = self;
        node.handle(Instant::ZERO, NodeEvent::Stand(standing), &mut |_, _, _| {});
        for ((_, router), io) in node.routers().zip(&mut io.routers) {
            io.receive.owner = router.priority().is_owner();
        }
    }

    /// Where the memory is that the engine touches, as address and bytes, for locking it.
    pub(crate) fn for_each_memory(&self, visit: &mut dyn FnMut(usize, usize)) {
        visit(std::ptr::from_ref(self).addr(), size_of::<Self>());
        self.node.for_each_memory(visit);
        self.io.for_each_memory(visit);
    }
}

impl Io {
    fn for_each_memory(&self, visit: &mut dyn FnMut(usize, usize)) {
        let mut slice = |address: usize, bytes: usize| visit(address, bytes);
        slice(
            self.routers.as_ptr().addr(),
            size_of_val(self.routers.as_slice()),
        );
        slice(
            self.interfaces.as_ptr().addr(),
            size_of_val(self.interfaces.as_slice()),
        );
        for router in &self.routers {
            slice(
                router.destinations.as_ptr().addr(),
                size_of_val(&*router.destinations),
            );
            router.send.addresses.for_each_memory(&mut slice);
            router.receive.for_each_memory(&mut slice);
            for (address, bytes) in router.track.memory() {
                slice(address, bytes);
            }
        }
        for interface in &self.interfaces {
            slice(
                interface.by_vrid.as_ptr().addr(),
                size_of_val(&*interface.by_vrid),
            );
            for ring in &interface.stamps {
                let (address, bytes) = ring.memory();
                slice(address, bytes);
            }
        }
        if let Some(flight) = &self.flight {
            let (address, bytes) = flight.memory();
            slice(address, bytes);
        }
        let (address, bytes) = self.board.memory();
        slice(address, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discards_are_told_at_once_and_then_at_most_each_ten_seconds() {
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        let mut discards = DiscardReport::default();
        assert_eq!(discards.take(at(1)), None);
        discards.note();
        assert_eq!(discards.take(at(2)), Some(1));
        for _ in 0..1000 {
            discards.note();
            assert_eq!(discards.take(at(3)), None);
        }
        assert_eq!(discards.take(at(10_001)), None);
        assert_eq!(discards.take(at(10_002)), Some(1000));
        assert_eq!(discards.take(at(30_000)), None);
    }
}
