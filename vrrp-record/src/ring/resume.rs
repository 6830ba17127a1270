//! What a new run needs to go on as Active where the last one died (safety rule 3).

use std::net::IpAddr;

use vrrp_proto::router::State;

use super::bytes::{Put, Take};
use super::codes::{state, state_of};
use super::slot::{ADVERT, Open, Slot, kind};
use crate::history::Time;

/// A router's state as the engine last left it in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Position of the router.
    pub router: u16,
    /// Its state.
    pub state: State,
    /// It was told to leave: never resumed.
    pub leaving: bool,
    /// Every tracker passed.
    pub healthy: bool,
    /// When the first of the trackers' results expires; None without trackers.
    pub healthy_until: Option<Time>,
    /// Effective priority.
    pub priority: u8,
    /// Index of its interface.
    pub ifindex: u32,
    /// Digest of the router's plan.
    pub plan: u64,
    /// Own source address.
    pub source: Option<IpAddr>,
    /// Interval in force in nanoseconds: learned, or the own one.
    pub interval: u64,
    /// Last IPv4 identification or flow-label number sent.
    pub id: u16,
    /// Last AH sequence number sent.
    pub ah_sequence: u32,
    /// When the last advert was due that was sent.
    pub last_advert: Option<Time>,
    /// When the next one is due, or the down timer ends.
    pub next: Option<Time>,
    /// Since when it is in this state.
    pub since: Time,
    /// Addresses that the kernel has.
    pub present: u16,
    /// Addresses that the router should hold.
    pub wanted: u16,
}

const LEAVING: u8 = 1;
const HEALTHY: u8 = 1 << 1;

impl Resume {
    pub(super) fn encode(&self) -> Slot<ADVERT> {
        let mut slot = Slot::new(kind::RESUME, self.router);
        let mut put = Put::new(slot.body_mut());
        put.u8(state(self.state));
        let leaving = if self.leaving { LEAVING } else { 0 };
        put.u8(if self.healthy {
            leaving | HEALTHY
        } else {
            leaving
        });
        put.u8(self.priority);
        put.u16(self.id);
        put.u32(self.ah_sequence);
        put.u32(self.ifindex);
        put.u16(self.present);
        put.u16(self.wanted);
        put.u64(self.plan);
        put.u64(self.interval);
        put.maybe_time(self.healthy_until);
        put.maybe_time(self.last_advert);
        put.maybe_time(self.next);
        put.time(self.since);
        put.address(self.source);
        slot
    }

    pub(super) fn of(open: &Open<'_>) -> Option<Self> {
        if open.kind != kind::RESUME {
            return None;
        }
        let mut take = Take::new(open.body);
        let state = state_of(take.u8())?;
        let flags = take.u8();
        Some(Self {
            router: open.tag,
            state,
            leaving: flags & LEAVING != 0,
            healthy: flags & HEALTHY != 0,
            priority: take.u8(),
            id: take.u16(),
            ah_sequence: take.u32(),
            ifindex: take.u32(),
            present: take.u16(),
            wanted: take.u16(),
            plan: take.u64(),
            interval: take.u64(),
            healthy_until: take.maybe_time(),
            last_advert: take.maybe_time(),
            next: take.maybe_time(),
            since: take.time(),
            source: take.address(),
        })
    }
}
