//! The state of the engine at one moment, as status, metrics and tests read it.
//!
//! Taken from atomics that the engine publishes; taking one never makes the engine wait.

use std::sync::Arc;
use std::time::Duration;

use vrrp_proto::router::Snapshot;
use vrrp_proto::time::Instant;
use vrrp_proto::units::WirePriority;
use vrrp_proto::wire::{Discard, Warning};

/// The state of the engine and of all routers. All instants are CLOCK_MONOTONIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSnapshot {
    /// When it was taken.
    pub taken: Instant,
    /// The engine thread.
    pub engine: EngineSnapshot,
    /// In the order of the plan.
    pub routers: Vec<RouterSnapshot>,
}

/// The engine thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSnapshot {
    /// Scheduling class now.
    pub scheduling: SchedulingClass,
    /// Scheduling class of the address thread, once it has told.
    pub address_scheduling: Option<SchedulingClass>,
    /// Whether the engine's memory is locked.
    pub memory: MemoryLock,
    /// How often the engine lowered itself (safety rule 4).
    pub demotions: u64,
    /// Age of the other world's heartbeat.
    pub heartbeat_age: Duration,
    /// Worst lateness of any wake-up since start.
    pub worst_lateness: Duration,
    /// The loop's longest step since start.
    pub longest_step: Duration,
    /// Its name.
    pub longest_step_name: &'static str,
    /// The longest step between the last two adverts of any router.
    pub last_advert_step: Duration,
    /// Its name.
    pub last_advert_step_name: &'static str,
    /// Wake-ups since start.
    pub wakes: u64,
    /// Packets that belong to no router, since start.
    pub unknown: u64,
    /// Reports dropped because nobody took them.
    pub reports_lost: u64,
    /// Packets that the kernel dropped because a receive queue was full.
    pub receive_drops: u64,
    /// Sent packets of which the network told that they could not be delivered.
    pub undelivered: u64,
    /// Whether the kernel lets the sender number its transmit stamps (Linux ≥ 6.13); else they are matched by counting.
    pub stamps_numbered: bool,
    /// Some counters of the engine's own thread are not read any more, because reading them kept it.
    pub evidence_given_up: bool,
    /// Records that the flight recorder did not take, because too many came.
    pub records_lost: u64,
    /// Whether the engine still runs.
    pub running: bool,
}

/// How the engine thread is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulingClass {
    /// SCHED_FIFO with this priority.
    Fifo(u8),
    /// Ordinary scheduling, as configured.
    Ordinary,
    /// Ordinary scheduling, because the kernel refused with this errno.
    Refused(i32),
    /// Ordinary scheduling until the demotion ends (safety rule 4).
    Demoted,
}

/// Whether the engine's memory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLock {
    /// The engine's stack, buffers and code cannot be paged out.
    Locked,
    /// The kernel refused with this errno.
    Refused(i32),
    /// Not asked for.
    Off,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSnapshot {
    /// Its name in the plan; shared, since snapshots of many routers are taken many times a second.
    pub name: Arc<str>,
    /// The name of its interface.
    pub interface: Arc<str>,
    /// What the state machine knows: state, priorities, peer, addresses, deadlines, last transition.
    pub router: Snapshot,
    /// Adverts sent.
    pub adverts: AdvertCounts,
    /// Stages of the last advert sent.
    pub last_advert: Option<AdvertSnapshot>,
    /// Worst lateness of an advert since start.
    pub worst_lateness: Duration,
    /// Adverts received.
    pub received: ReceiveCounts,
}

/// How many adverts reached each stage, copies to unicast peers not counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdvertCounts {
    /// Asked for by the schedule or by an event.
    pub due: u64,
    /// Encoded.
    pub built: u64,
    /// Taken by the kernel for at least one destination.
    pub accepted: u64,
    /// Handed to the driver, as its stamp says.
    pub left: u64,
    /// Of those accepted, how many got no driver stamp within the time that their record was kept.
    pub unstamped: u64,
    /// Refused by the kernel for every destination.
    pub refused: u64,
    /// Of those accepted, with priority 0.
    pub released: u64,
    /// Not built: the router had no source address or no socket at that moment.
    pub unsendable: u64,
}

/// The stages of one advert (DESIGN.md, The way of an advert).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertSnapshot {
    /// Sequence number: the IPv4 identification.
    pub sequence: u16,
    /// Its priority.
    pub priority: WirePriority,
    /// The schedule.
    pub due: Instant,
    /// Clock after the poll returned.
    pub woke: Instant,
    /// Clock before the first sendmsg.
    pub submitted: Instant,
    /// Clock after the last sendmsg.
    pub accepted: Instant,
    /// Kernel stamp on entering the queue discipline.
    pub queued: Option<Instant>,
    /// Kernel stamp on entering the driver; of the last copy where there are several.
    pub left: Option<Instant>,
    /// The clock was stepped around it, so the kernel's stamps may be wrong.
    pub ambiguous: bool,
    /// The kernel's refusal of a copy, as an errno.
    pub errno: Option<i32>,
}

/// How many packets were received for a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveCounts {
    /// Passed every check.
    pub accepted: u64,
    /// Of those, with priority 0.
    pub releases: u64,
    /// Discarded, by [`Discard::index`].
    pub discards: [u64; Discard::COUNT],
    /// Accepted but odd, by [`Warning::index`].
    pub warnings: [u64; Warning::COUNT],
    /// Worst time from arrival (kernel stamp) to reading.
    pub worst_read_delay: Duration,
    /// Whether the sender's numbers are known to be a sequence (safety rule 8).
    pub sequence_trusted: bool,
    /// Adverts that a trusted sequence showed missing.
    pub missing: u64,
    /// Times that a trusted sequence broke: the sender restarted, or numbers otherwise.
    pub breaks: u64,
}

impl Default for ReceiveCounts {
    fn default() -> Self {
        Self {
            accepted: 0,
            releases: 0,
            discards: [0; Discard::COUNT],
            warnings: [0; Warning::COUNT],
            worst_read_delay: Duration::ZERO,
            sequence_trusted: false,
            missing: 0,
            breaks: 0,
        }
    }
}
