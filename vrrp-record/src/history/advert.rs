//! Adverts: sent, heard, and refused.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Time;

/// An advert that was due, as far as it came (DESIGN.md, The way of an advert).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Position of the router.
    pub router: u16,
    /// Sequence number: the IPv4 identification, or the number in the IPv6 flow label. 0 where none was built.
    pub id: u16,
    /// Its priority; 0 is the goodbye.
    pub priority: u8,
    /// Destinations: one for multicast, else the unicast peers.
    pub copies: u8,
    /// Copies that the kernel took.
    pub copies_accepted: u8,
    /// The schedule.
    pub due: Time,
    /// Clock after the poll returned. None for an observed sender.
    pub woke: Option<Time>,
    /// Clock before the first sendmsg. None where the advert was not built: no source address or no socket.
    pub submitted: Option<Time>,
    /// Clock after the last sendmsg.
    pub accepted: Option<Time>,
    /// Kernel stamp on entering the queue discipline.
    pub queued: Option<Time>,
    /// Kernel stamp on entering the driver, or of the capture.
    pub left: Option<Time>,
    /// When the device told that it took the packet: a hardware stamp, or send memory back to zero at the next look.
    pub taken: Option<Time>,
    /// Bytes of this socket still held below it when the next advert was due; 0 normally.
    pub held_bytes: u32,
    /// The kernel's refusal of a copy, as Linux numbers it.
    pub errno: Option<i32>,
    /// Due times skipped before this one, because the engine was late by more than an interval.
    pub skipped: u16,
    /// The wall clock was stepped around it, so the kernel's stamps may be wrong.
    pub ambiguous: bool,
    /// The daemon no longer waits for stamps of this advert: what is missing is missing.
    pub settled: bool,
}

impl Sent {
    /// A multicast advert of which only the schedule is known, and nothing more will be.
    #[must_use]
    pub const fn scheduled(router: u16, id: u16, priority: u8, due: Time) -> Self {
        Self {
            router,
            id,
            priority,
            copies: 1,
            copies_accepted: 0,
            due,
            woke: None,
            submitted: None,
            accepted: None,
            queued: None,
            left: None,
            taken: None,
            held_bytes: 0,
            errno: None,
            skipped: 0,
            ambiguous: false,
            settled: true,
        }
    }
}

/// What a sender's numbers tell about one advert, once they have earned trust (safety rule 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequence {
    /// No number, or the numbers have not earned trust.
    #[default]
    Untrusted,
    /// One more than the last.
    Next,
    /// So many are missing between.
    Missing(u16),
    /// The same, or up to 16 lower than the last: a duplicate or out of order.
    Repeated,
    /// Trust was broken: the sender restarted, or another one speaks.
    Broken,
}

/// A valid advert heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Position of the router.
    pub router: u16,
    /// Its sender.
    pub from: IpAddr,
    /// IPv4 identification or flow-label number, where there is one.
    pub id: Option<u16>,
    /// Its priority.
    pub priority: u8,
    /// Its interval in nanoseconds.
    pub interval: u64,
    /// Kernel receive stamp.
    pub arrived: Option<Time>,
    /// Clock after recvmsg; of a capture its stamp.
    pub read: Time,
    /// What its number tells.
    pub sequence: Sequence,
    /// Link-layer sender, where a capture or an observer saw it.
    pub mac: Option<[u8; 6]>,
    /// Packets that the receive queue had dropped since the advert before.
    pub dropped: u32,
    /// The first of its virtual addresses, where the router has none of them: the sender uses our VRID for something else.
    /// None where the two have an address in common, and where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<IpAddr>,
}

impl Received {
    /// The best time of arrival: the kernel's, else the reading.
    #[must_use]
    pub fn at(&self) -> Time {
        self.arrived.unwrap_or(self.read)
    }
}

/// An advert for one of our routers that a check refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Position of the router.
    pub router: u16,
    /// Its sender.
    pub from: IpAddr,
    /// The check: `vrrp_proto::wire::Discard::index`.
    pub reason: u8,
    /// Its priority, where the packet was long enough.
    pub priority: Option<u8>,
    /// What the check compared, where it has one: the TTL, interval in milliseconds, authentication type, version.
    pub value: u32,
    /// What it should have been.
    pub expected: u32,
    /// Kernel receive stamp, else the reading.
    pub at: Time,
    /// Further ones of the same sender and reason that this record stands for: a flood is folded.
    pub more: u32,
}
