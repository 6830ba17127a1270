//! What a virtual router asks of its driver, and why it changed state.

use core::net::IpAddr;
use core::time::Duration;

use crate::group::GroupIndex;
use crate::time::Instant;
use crate::track::TrackerId;
use crate::units::{Priority, WirePriority};

/// The states of RFC 9568 §6.3, and the phase between Active and the removal of the addresses.
///
/// Invariant: the addresses are present if and only if Active or Releasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not taking part.
    Initialize,
    /// Watching the Active router.
    Backup,
    /// Forwarding for the virtual addresses.
    Active,
    /// Left Active on purpose; addresses stay until the successor has them. Then Initialize or Backup.
    Releasing,
}

/// Why a state changed. One cause for each transition, for the log, notify calls, status and records alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Startup.
    Started,
    /// Startup of the address owner.
    OwnerStarted,
    /// Active_Down_Timer ran out: no advert from `last` for the down interval.
    SilentActive {
        /// The Active that fell silent, where one was ever heard.
        last: Option<IpAddr>,
    },
    /// The Active released with priority 0, and the skew passed.
    Released {
        /// Who released.
        by: IpAddr,
    },
    /// A lower Active was tolerated long enough, and is now preempted.
    Preempting {
        /// Whose adverts lost.
        over: IpAddr,
        /// With which priority.
        priority: WirePriority,
    },
    /// An advert with a higher priority arrived while Active.
    HigherPriority {
        /// Its sender.
        from: IpAddr,
        /// Its priority.
        priority: WirePriority,
    },
    /// An advert with the same priority from a higher address arrived while Active.
    TieLost {
        /// Its sender.
        from: IpAddr,
    },
    /// A fault appeared.
    Fault(super::FaultSet),
    /// The last fault went away.
    FaultCleared,
    /// The sync group moved.
    Group,
    /// Told to stop.
    Stopped,
    /// Another process removed the addresses too often (safety rule 6).
    AddressesLost,
    /// The kernel confirmed none of the addresses in time (safety rule 5).
    AddressesRefused {
        /// The kernel's reason.
        errno: Option<i32>,
    },
    /// The router's settings changed to or from address owner (S-23).
    Reconfigured,
    /// The successor announced the addresses, or its first advert is 50 ms old.
    SuccessorReady,
    /// Nobody took the addresses within the bound.
    HoldExpired,
    /// A tracked object failed during the hold, which ends it at once (safety rule 2).
    HoldUnhealthy,
    /// A check failed, and a peer's priority is above ours now (fast_fail).
    Outweighed {
        /// That priority.
        by: u8,
    },
    /// An operator asked to give way (safety rule 9).
    Yielded,
    /// Gave way, and nobody took over within the bound.
    NoSuccessor,
    /// An operator took the router out for maintenance, whether somebody takes over or not.
    TakenOut,
    /// An operator ended such a maintenance.
    BackIn,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state left.
    pub from: State,
    /// The state entered.
    pub to: State,
    /// Why.
    pub cause: Cause,
    /// When it was decided.
    pub at: Instant,
}

/// Why the addresses are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceReason {
    /// The router became Active and the kernel confirmed its addresses.
    BecameActive,
    /// Another Active was, or may have been, there.
    OtherActive,
    /// Addresses were added or put back while Active.
    AddressesChanged,
    /// The predecessor was alive when it handed over and has removed its addresses by now: until then it may have
    /// answered for them. One round.
    PredecessorGone,
}

/// What a virtual router asks of its driver. Order matters and is part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send one advert now, from live settings, with this priority.
    Advertise {
        /// 0 releases.
        priority: WirePriority,
        /// When it was due on the router's grid; now, for adverts outside of it.
        due: Instant,
    },
    /// Put the addresses on the interface.
    AddAddresses,
    /// Take the addresses off the interface.
    RemoveAddresses,
    /// Listen for a successor's announcements, and let nobody announce or ask with the addresses.
    HoldAddresses,
    /// Announce the addresses by gratuitous ARP or neighbour advertisement.
    Announce(AnnounceReason),
    /// An advert that loses against ours was heard while Active.
    LowerHeard {
        /// Its sender.
        from: IpAddr,
        /// Its priority.
        priority: WirePriority,
    },
    /// A lower Active was heard and the preempt delay begins (keepalived logs it).
    PreemptDelayStarted,
    /// An equal advert from our own source address: a second host uses it, or our frames come back.
    OwnAddressHeard {
        /// Our address.
        from: IpAddr,
    },
    /// Our own stall ended when a takeover was due; one more interval is listened for first (never twice in a row).
    TakeoverDeferred {
        /// How much later than asked the driver woke.
        late: Duration,
    },
    /// The effective priority changed; the next advert shows it.
    PriorityChanged {
        /// Before.
        from: Priority,
        /// Now.
        to: Priority,
    },
    /// A tracker's last result expired and counts as bad (safety rule 1). Asked of every router that tracks it.
    TrackerExpired(TrackerId),
    /// Every member of the sync group has reached this state; comes after the members' own reports.
    GroupReached {
        /// Which group.
        group: GroupIndex,
        /// Active, Backup, or Initialize for a group with a fault or one that stopped.
        state: State,
    },
    /// The state changed. From Initialize to Initialize, with cause [`Cause::Fault`], it tells of a router that was
    /// not taking part yet and has a fault now.
    Report(Transition),
}
