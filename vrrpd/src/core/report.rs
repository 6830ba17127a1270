//! What the engine and the address thread tell the rest of the daemon: fixed-size values, one per fact.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::group::GroupIndex;
use vrrp_proto::router::{AddressState, FaultSet, InterfaceKey, RouterId, State, Transition};
use vrrp_proto::time::Instant;
use vrrp_proto::track::TrackerId;
use vrrp_proto::units::{Priority, WirePriority};

/// One fact for log, notify calls, status and records. All instants are CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// A router has what it needs to take part, or is in FAULT and says why. Once per router and setup.
    Ready {
        /// Which router.
        router: RouterId,
        /// Empty where it takes part.
        faults: FaultSet,
        /// When.
        at: Instant,
    },
    /// A router changed its state.
    Transition {
        /// Which router.
        router: RouterId,
        /// From, to, why, when.
        transition: Transition,
        /// The effective priority at that moment.
        priority: Priority,
    },
    /// All members of a sync group have moved.
    GroupTransition {
        /// The group's position in the plan.
        group: GroupIndex,
        /// Active, Backup, or Initialize for a group with a fault or one that stopped.
        to: State,
        /// When.
        at: Instant,
    },
    /// The faults of a router changed.
    Faults {
        /// Which router.
        router: RouterId,
        /// The new set.
        faults: FaultSet,
        /// When.
        at: Instant,
    },
    /// The effective priority changed.
    Priority {
        /// Which router.
        router: RouterId,
        /// Before.
        from: Priority,
        /// After.
        to: Priority,
        /// When.
        at: Instant,
    },
    /// An advert that loses against ours was heard while Active (`notify_master_rx_lower_pri`).
    LowerHeard {
        /// Which router.
        router: RouterId,
        /// Its sender.
        from: IpAddr,
        /// Its priority.
        priority: WirePriority,
        /// When.
        at: Instant,
    },
    /// A lower Active was heard and the preempt delay begins.
    PreemptDelayStarted {
        /// Which router.
        router: RouterId,
        /// When.
        at: Instant,
    },
    /// An equal advert came from our own source address: a second host uses it, or our frames come back.
    OwnAddressHeard {
        /// Which router.
        router: RouterId,
        /// Our address.
        from: IpAddr,
        /// When.
        at: Instant,
    },
    /// A takeover waits one more interval because of an own stall.
    TakeoverDeferred {
        /// Which router.
        router: RouterId,
        /// How late the engine woke.
        late: Duration,
        /// When.
        at: Instant,
    },
    /// A tracker's result passed its expiry, and counts as failed from now on (safety rule 1). Once per router that
    /// tracks it.
    TrackerExpired {
        /// Which router.
        router: RouterId,
        /// The tracker: see `Core::tracker_name`.
        tracker: TrackerId,
        /// When.
        at: Instant,
    },
    /// The engine was woken 20 ms or more after its deadline. Told once a second at most.
    Stalled {
        /// How late.
        by: Duration,
        /// When.
        at: Instant,
    },
    /// How far the kernel has the router's addresses: once after each transition into Active or out of it, as soon as it
    /// is known, and whenever it changes while Active. Notify programs of the transition start then, not before.
    Addresses {
        /// Which router.
        router: RouterId,
        /// Present, wanted, and the kernel's last refusal.
        state: AddressState,
        /// When.
        at: Instant,
    },
    /// Another process removed one of our addresses.
    AddressRemoved {
        /// Which router.
        router: RouterId,
        /// Which address.
        address: IpAddr,
        /// Who did it, only if sure (safety rule 7).
        by: Remover,
        /// When.
        at: Instant,
    },
    /// An address that another process removed is back.
    AddressRestored {
        /// Which router.
        router: RouterId,
        /// Which address.
        address: IpAddr,
        /// When.
        at: Instant,
    },
    /// The kernel refused an address.
    AddressRefused {
        /// Which router.
        router: RouterId,
        /// Which address.
        address: IpAddr,
        /// Its reason.
        errno: i32,
        /// When.
        at: Instant,
    },
    /// The addresses could not be kept: the router does what keepalived does (safety rule 6).
    AddressesLost {
        /// Which router.
        router: RouterId,
        /// When.
        at: Instant,
    },
    /// A virtual address that an earlier run left behind was taken off before anything else began (S-33).
    LeftOverRemoved {
        /// From which interface.
        interface: InterfaceKey,
        /// Which address.
        address: IpAddr,
        /// When.
        at: Instant,
    },
    /// Somebody put a virtual address on, although its router is not Active and nobody here asked for it.
    AddressAdded {
        /// Which router.
        router: RouterId,
        /// Which address.
        address: IpAddr,
        /// Who did it, only if sure (safety rule 7).
        by: Remover,
        /// When.
        at: Instant,
    },
    /// Addresses were announced because a router became Active, another Active was there, or addresses came. What is only
    /// repeated later is not told.
    Announced {
        /// Which router.
        router: RouterId,
        /// Frames that the kernel took; whether they left is another question.
        frames: u32,
        /// Times that it took none: a full queue, or a hook that drops.
        refused: u32,
        /// From the first of them to the last.
        took: Duration,
        /// When the last of them was sent.
        at: Instant,
    },
    /// The kernel's news were lost, and everything was asked for again.
    NewsLost {
        /// How long that took.
        took: Duration,
        /// Interfaces and addresses that were not as they were known.
        differences: u32,
        /// When it was done.
        at: Instant,
    },
    /// An interface appeared, vanished, or changed between up and down.
    Interface {
        /// Which interface.
        interface: InterfaceKey,
        /// Whether it exists.
        exists: bool,
        /// Whether it is up and has a carrier.
        up: bool,
        /// Whether it is set up, carrier or not.
        set_up: bool,
        /// Whose request did it, only if sure (safety rule 7): the kernel tells it for some deletions, and never for
        /// setting down.
        by: Remover,
        /// When.
        at: Instant,
    },
    /// The sockets of an interface could not be opened.
    SocketsRefused {
        /// Which interface.
        interface: InterfaceKey,
        /// The kernel's reason.
        errno: i32,
        /// When.
        at: Instant,
    },
    /// Packets were discarded since the last report of this kind; at most one each ten seconds.
    Discards {
        /// The router whose VRID they carried; none for packets that belong to no router.
        router: Option<RouterId>,
        /// How many, whatever the reason; the snapshot counts each.
        count: u32,
        /// When the last came.
        at: Instant,
    },
    /// The other world's heartbeat is late (safety rule 1).
    HeartbeatLate {
        /// Time since the last beat.
        age: Duration,
        /// When.
        at: Instant,
    },
    /// The heartbeat is back.
    HeartbeatBack {
        /// How long it was away.
        after: Duration,
        /// When.
        at: Instant,
    },
    /// The engine gave up its routers; threads and process end next.
    Resigned {
        /// Why.
        reason: ResignReason,
        /// When.
        at: Instant,
    },
    /// The engine lowered itself to ordinary scheduling for ten seconds (safety rule 4).
    Demoted {
        /// Why.
        reason: DemotionReason,
        /// When.
        at: Instant,
    },
    /// The engine is back in its real-time class.
    Promoted {
        /// When.
        at: Instant,
    },
    /// Reports were dropped because nobody took them.
    Lost {
        /// How many since the last report of this kind.
        count: u32,
        /// When.
        at: Instant,
    },
    /// Every router is in Initialize and the addresses are gone, or the bound for it has passed. The last report.
    Stopped {
        /// Whether the address thread confirmed that the addresses are gone.
        addresses_removed: bool,
        /// When.
        at: Instant,
    },
}

/// Who changed an address or a link (safety rule 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remover {
    /// The kernel, without a process: the interface went down, or another address took its subnet along.
    Kernel,
    /// A process: port, start time and identity agree.
    Process {
        /// Its id.
        pid: u32,
        /// Its command name, zero-filled.
        name: [u8; 16],
    },
    /// A netlink port whose owner is unknown.
    Port(u32),
    /// Nothing is known.
    Unknown,
}

/// Why the engine resigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResignReason {
    /// The other world did not beat for this long (safety rule 1).
    HeartbeatLost(Duration),
    /// The address thread is gone.
    AddressThreadLost,
    /// The kernel refused what the loop stands on (epoll or timer), with its errno.
    LoopBroken(i32),
    /// The engine panicked: a defect of its own.
    Panicked,
}

impl fmt::Display for ResignReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeartbeatLost(age) => write!(
                f,
                "the rest of the daemon has not answered for {:.1} s",
                age.as_secs_f64()
            ),
            Self::AddressThreadLost => f.write_str("the address thread has ended unexpectedly"),
            Self::LoopBroken(errno) => write!(f, "the event loop fails with errno {errno}"),
            Self::Panicked => f.write_str("the engine thread panicked"),
        }
    }
}

/// Why the engine lowered itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemotionReason {
    /// More than 20 % of a CPU over 200 ms.
    Busy {
        /// CPU time used in that window.
        used: Duration,
    },
    /// The kernel's limit for real-time threads was about to be reached (SIGXCPU).
    RealtimeLimit,
}
