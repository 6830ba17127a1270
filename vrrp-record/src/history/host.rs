//! The host: late wake-ups with their evidence, and counters.

use serde::{Deserialize, Serialize};

use super::Time;

/// A late wake-up or a long step of the engine, with what moved meanwhile. Differences cover `from` to `at`.
///
/// None is "this machine does not tell", never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// When the wake-up was due.
    pub due: Time,
    /// When the engine ran.
    pub at: Time,
    /// Beginning of the span of the differences: the end of the loop's last turn.
    pub from: Time,
    /// Waiting for a CPU, in nanoseconds (schedstat).
    pub run_delay: Option<u64>,
    /// On a CPU, in nanoseconds.
    pub cpu: Option<u64>,
    /// Throttled by a cgroup, in nanoseconds: the largest of all ancestors.
    pub throttled: Option<u64>,
    /// How often.
    pub throttled_times: Option<u32>,
    /// Frozen by the cgroup v2 freezer, in nanoseconds.
    pub frozen: Option<u64>,
    /// A SIGCONT was pending, from this process (0: the kernel did not say).
    pub sigcont: Option<u32>,
    /// Major page faults.
    pub major_faults: Option<u32>,
    /// Minor page faults.
    pub minor_faults: Option<u32>,
    /// Voluntary context switches.
    pub voluntary: Option<u32>,
    /// Involuntary context switches.
    pub involuntary: Option<u32>,
    /// Full I/O pressure of the own cgroup, in nanoseconds.
    pub io_pressure: Option<u64>,
    /// Steal of all CPUs, in nanoseconds (10 ms grain).
    pub steal: Option<u64>,
    /// Sleep of the machine: growth of CLOCK_BOOTTIME − CLOCK_MONOTONIC, in nanoseconds.
    pub suspended: Option<u64>,
    /// Timer slack of the engine's thread, in nanoseconds.
    pub timer_slack: Option<u64>,
    /// The engine's memory is locked.
    pub locked: bool,
    /// SCHED_FIFO priority of the engine; 0 for ordinary scheduling.
    pub fifo: u8,
    /// CPU that the engine woke on.
    pub cpu_number: u16,
    /// The step that the engine was in: see `vrrp_record::step::Step`.
    pub step: u8,
    /// Length of that step, in nanoseconds.
    pub step_time: u64,
}

/// What a sample counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Packets that an interface received (object: interface index).
    InterfaceReceived,
    /// Packets that it sent.
    InterfaceSent,
    /// Packets that it dropped on receipt.
    InterfaceReceiveDropped,
    /// Packets that it dropped on sending.
    InterfaceSendDropped,
    /// Changes of its carrier.
    CarrierChanges,
    /// Packets that its queue discipline dropped.
    QdiscDropped,
    /// Bytes waiting in its queue discipline (a level, not a count).
    QdiscBacklog,
    /// Stalls of its transmit queues (byte_queue_limits/stall_cnt).
    QueueStalls,
    /// Run-queue wait of the engine's thread, in nanoseconds.
    RunDelay,
    /// Steal of all CPUs, in nanoseconds.
    Steal,
    /// Time in which some task waited for a CPU, in nanoseconds (PSI; object: 0 the machine, 1 the own control group, as
    /// for the other pressures).
    PressureCpu,
    /// Time in which all tasks waited for I/O, in nanoseconds (PSI).
    PressureIo,
    /// Time in which all tasks waited for memory, in nanoseconds (PSI).
    PressureMemory,
    /// Time in which a block device was busy, in nanoseconds (object: major << 20 | minor).
    DeviceBusy,
    /// Sum of the waits of its requests, in nanoseconds.
    DeviceWait,
    /// Requests that it completed.
    DeviceRequests,
    /// Packets dropped in the receive softirq, all CPUs (softnet_stat column 2).
    SoftirqDropped,
    /// Times that the receive softirq ran out of its budget (column 3).
    SoftirqSqueezed,
    /// Packets that receive queues of our sockets dropped.
    SocketDropped,
    /// Adverts that reached the interface, as a packet socket counts them (object: interface index).
    AdvertsAtInterface,
    /// IPv4 and IPv6 memberships in the VRRP group on an interface (a level; object: interface index).
    Membership,
    /// Round trip of the probe of a peer or gateway, in nanoseconds; [`NO_ANSWER`] without an answer (a level, at the time of
    /// the question; object: [`ProbeTarget::object`]).
    ProbeRoundTrip,
    /// CLOCK_REALTIME − CLOCK_MONOTONIC, in nanoseconds since the run's start (a level, two's complement).
    WallClock,
    /// Processes killed for lack of memory in the own cgroup.
    OutOfMemoryKills,
    /// Number of the bridge, bond or VRF that an interface is a port of, 0 without one (a level; object: interface index).
    InterfaceMaster,
    /// Raw sockets of VRRP that other programs have in this network namespace (a level).
    ForeignSockets,
    /// Multicast packets other than adverts that reached the interface (object: interface index, plus 2^31 for IPv6).
    MulticastAtInterface,
    /// Ethernet address, as a number, of another machine that announced a virtual address of ours within the last second while
    /// we had it, and is no peer that was heard; 0 of nobody (a level; object: interface index).
    Claimant,
    /// The last eight bytes of the address that it announced (a level; object: interface index).
    Claimed,
}

/// The value of a probe that was not answered within a second.
pub const NO_ANSWER: u64 = u64::MAX;

/// Whom a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProbeTarget {
    /// Number of the interface, below 2^24.
    pub interface: u32,
    /// 0 the IPv4 gateway, 1 the IPv6 gateway, peers from [`Self::FIRST_PEER`].
    pub number: u8,
}

impl ProbeTarget {
    /// The number of the first peer.
    pub const FIRST_PEER: u8 = 2;

    /// As the object of a sample.
    #[must_use]
    pub const fn object(self) -> u32 {
        self.interface << 8 | self.number as u32
    }

    /// Of the object of a sample.
    #[must_use]
    pub const fn of_object(object: u32) -> Self {
        let [number, ..] = object.to_le_bytes();
        Self {
            interface: object >> 8,
            number,
        }
    }

    /// Whether it is a gateway.
    #[must_use]
    pub const fn is_gateway(self) -> bool {
        self.number < Self::FIRST_PEER
    }
}

/// One counter at one time: a running total unless the unit says "level".
///
/// Recorders leave out readings that are equal to the one before. What stood still is told again at its last reading before
/// it changed, and every five seconds, so the last sample at or before a time is the value at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was read.
    pub at: Time,
    /// What it counts.
    pub unit: Unit,
    /// Of which object; 0 where there is only one.
    pub object: u32,
    /// Its value.
    pub value: u64,
}
