//! The header page: what the file is, whose run it records, and whether that run ended.
//!
//! Numbers of the layout stand at fixed places; the run is described by JSON, in which later versions only add fields.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::bytes::{Put, Take};
use super::layout::{Layout, Slots};
use super::slot::{ADVERT, Open, Slot, kind};
use crate::history::{Node, Run, Source, Time};

/// Bytes of the header page.
pub const HEADER: usize = 4096;
/// First bytes of the file; written last.
pub(super) const MAGIC: [u8; 8] = *b"VRRPRING";
/// The format that this program writes.
pub(super) const FORMAT: u16 = 1;
/// The oldest format whose readers understand what is written.
pub(super) const READABLE_BY: u16 = 1;
/// Bytes of a router's area: description, then two copies of what a resume needs.
pub(super) const ROUTER: usize = 2048;
/// Bytes of a router's description.
pub(super) const DESCRIPTION: usize = ROUTER - 2 * ADVERT;

/// Where the table of regions begins, and the bytes of an entry.
pub(super) const TABLE: usize = 64;
pub(super) const ENTRY: usize = 32;
/// Entries that fit.
pub(super) const ENTRIES: usize = 8;
/// Bytes of an entry that never change: the rest is the region's last number.
pub(super) const ENTRY_FIXED: usize = 24;
/// The two copies of the sign of life.
pub(super) const LIFE: Slots = Slots {
    offset: TABLE + ENTRIES * ENTRY,
    size: ADVERT,
    count: 2,
};
/// Where the description of the run begins.
pub(super) const JSON: usize = LIFE.offset + 2 * ADVERT;

/// A run of the daemon as ring and journal describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Host name.
    pub host: String,
    /// A daemon, or an observer beside one.
    #[serde(default)]
    pub source: Source,
    /// The host's own addresses.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// The kernel's boot id.
    pub boot_id: String,
    /// Inode of the network namespace; 0 where unknown.
    #[serde(default)]
    pub namespace: u64,
    /// Process id.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// Digest of the configuration's plan.
    #[serde(default)]
    pub configuration: String,
    /// The clock pair: CLOCK_REALTIME at the start of the run …
    pub started: Time,
    /// … and CLOCK_MONOTONIC in the same moment, in nanoseconds.
    pub monotonic_ns: u64,
}

impl RunHeader {
    /// A reading of CLOCK_MONOTONIC on the steady axis of this run.
    #[must_use]
    pub fn time(&self, monotonic_ns: u64) -> Time {
        let elapsed = i128::from(monotonic_ns) - i128::from(self.monotonic_ns);
        self.started
            .plus(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    /// The node that ran it.
    #[must_use]
    pub fn node(&self) -> Node {
        Node {
            host: self.host.clone(),
            source: self.source,
            addresses: self.addresses.clone(),
        }
    }

    /// The run in a history.
    #[must_use]
    pub fn run(&self, ended: Option<Time>, clean: bool) -> Run {
        Run {
            boot_id: self.boot_id.clone(),
            pid: self.pid,
            version: self.version.clone(),
            started: self.started,
            ended,
            clean,
        }
    }
}

/// The fixed part of the header: everything that the checksum covers but the JSON, in file order.
pub(super) fn fixed(layout: &Layout, json: usize) -> [u8; 40] {
    let mut bytes = [0; 40];
    let mut put = Put::new(&mut bytes);
    put.raw(&MAGIC);
    put.u16(FORMAT);
    put.u16(READABLE_BY);
    put.u32(number(HEADER));
    put.u64(layout.bytes() as u64);
    put.u16(layout.routers());
    put.u16(layout.regions().len() as u16);
    put.u32(number(json));
    put.u32(number(HEADER));
    put.u32(number(ROUTER));
    bytes
}

/// The fixed part of an entry of the table of regions.
pub(super) fn entry(region: &super::layout::Region) -> [u8; ENTRY_FIXED] {
    let mut bytes = [0; ENTRY_FIXED];
    let mut put = Put::new(&mut bytes);
    put.u32(region.id.code().into());
    put.u32(number(region.slots.size));
    put.u64(region.slots.count as u64);
    put.u64(region.slots.offset as u64);
    bytes
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The sign of life that the engine leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// When the engine last said that it lives.
    pub(super) beat: Time,
    /// When it said goodbye.
    pub(super) ended: Option<Time>,
}

impl Life {
    pub(super) fn encode(self) -> Slot<ADVERT> {
        let mut slot = Slot::new(kind::LIFE, 0);
        let mut put = Put::new(slot.body_mut());
        put.time(self.beat);
        put.maybe_time(self.ended);
        slot
    }

    pub(super) fn of(open: &Open<'_>) -> Option<Self> {
        let mut take = Take::new(open.body);
        (open.kind == kind::LIFE).then(|| Self {
            beat: take.time(),
            ended: take.maybe_time(),
        })
    }
}
