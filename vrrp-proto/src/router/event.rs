//! What a virtual router can be told.

use core::net::IpAddr;

use super::{Config, Standing};
use crate::time::Instant;
use crate::units::{AdvertInterval, Priority, Version, WirePriority};

/// The facts of an advert that passed every receive check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Version of this advert; differs from the router's only in interoperation mode.
    pub version: Version,
    /// Sender's priority, 0 for release.
    pub priority: WirePriority,
    /// Sender's interval.
    pub interval: AdvertInterval,
    /// IP source address.
    pub source: IpAddr,
    /// When the kernel got it, where the kernel told; recorded, never decided on.
    pub arrived: Option<Instant>,
}

/// Reasons that keep a router out of the election, as bits; keepalived shows any of them as FAULT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FaultSet(u16);

impl FaultSet {
    /// Nothing wrong.
    pub const NONE: Self = Self(0);
    /// The interface does not exist.
    pub const INTERFACE_GONE: Self = Self(1);
    /// The interface is down or has no carrier.
    pub const INTERFACE_DOWN: Self = Self(1 << 1);
    /// No usable source address.
    pub const NO_SOURCE: Self = Self(1 << 2);
    /// A tracked object without weight is bad.
    pub const TRACKER: Self = Self(1 << 3);
    /// Another member of the sync group has a fault.
    pub const GROUP: Self = Self(1 << 4);
    /// The kernel refused every virtual address (safety rule 5).
    pub const ADDRESS_REFUSED: Self = Self(1 << 5);
    /// The driver could not open the router's sockets.
    pub const NO_SOCKET: Self = Self(1 << 6);
    /// A tracked object without weight has not reported yet.
    pub const TRACKER_PENDING: Self = Self(1 << 7);
    /// A unicast router without a peer that asked to wait for one (keepalived's `unicast_fault_no_peer`).
    pub const NO_PEER: Self = Self(1 << 8);

    /// The bits, for records.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The set of these bits, as records hold them.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set with `other` added or taken away.
    #[must_use]
    pub const fn with(self, other: Self, present: bool) -> Self {
        if present {
            Self(self.0 | other.0)
        } else {
            Self(self.0 & !other.0)
        }
    }
}

/// How far the kernel has the router's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressState {
    /// Addresses that the kernel confirmed.
    pub present: u16,
    /// Addresses that the router should hold.
    pub wanted: u16,
    /// The kernel's last refusal, as an errno.
    pub errno: Option<i32>,
}

/// Why a router is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// Leave, and keep the addresses until the successor has them or `release_hold` is over (safety rule 2).
    Planned,
    /// Leave and remove the addresses at once.
    Immediate,
}

/// What a sync group asks of a member, so that all of them are in one place (decided in [`crate::group`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOrder {
    /// All members want to be Active: become it now.
    Activate,
    /// A member lost to a higher Active: go to Backup with it, without priority 0.
    Yield,
    /// A member bounces after its addresses were lost: do the same (priority 0, Backup, Active after the skew).
    Bounce,
}

/// What a virtual router can be told.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Take part (RFC 9568 §6.4.1 Startup).
    Start,
    /// Leave (RFC 9568 §6.4 Shutdown).
    Stop(StopKind),
    /// An advert that passed the receive checks.
    Advert(&'a Received),
    /// Time has passed: every receive queue was drained before. Early, late and repeated calls are harmless.
    Deadline,
    /// The driver woke this much later than it asked to: judge silence with care (own stall of a Backup).
    Stalled(core::time::Duration),
    /// New settings of the same router, and the effective priority that they give.
    Reconfigure {
        /// The settings; the identity is the router's own.
        config: &'a Config,
        /// 1–254, or 255 for an owner.
        priority: Priority,
    },
    /// The effective priority from tracked objects changed (1–254, or 255 for an owner).
    Priority(Priority),
    /// The faults changed.
    Faults(FaultSet),
    /// Whether every tracker of the router and of its sync group passes with an unexpired result (safety rule 2).
    Healthy(bool),
    /// What an operator asks.
    Stand(Standing),
    /// What the sync group asks of a member.
    Group(GroupOrder),
    /// The address that adverts leave from, as tie-breaks use it (RFC 9568 §6.4.3).
    Source(Option<IpAddr>),
    /// What the kernel made of the last add, or of somebody's removal. A router without addresses is told so as well
    /// (none wanted), since it waits for this report (safety rule 5).
    Addresses(AddressState),
    /// The addresses cannot be kept against another process: bounce through Backup as keepalived does (safety rule 6).
    AddressesLost,
    /// A successor's gratuitous ARP or neighbour advertisement for our addresses was seen while releasing.
    SuccessorAnnounced,
}

impl Event<'_> {
    /// A short name for records and replay logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop(StopKind::Planned) => "stop-planned",
            Self::Stop(StopKind::Immediate) => "stop-immediate",
            Self::Advert(_) => "advert",
            Self::Deadline => "deadline",
            Self::Stalled(_) => "stalled",
            Self::Reconfigure { .. } => "reconfigure",
            Self::Priority(_) => "priority",
            Self::Faults(_) => "faults",
            Self::Healthy(true) => "healthy",
            Self::Healthy(false) => "unhealthy",
            Self::Stand(Standing::Normal) => "stand-normal",
            Self::Stand(Standing::Yielded) => "stand-yielded",
            Self::Stand(Standing::Reserve) => "stand-reserve",
            Self::Stand(Standing::Out) => "stand-out",
            Self::Group(GroupOrder::Activate) => "group-activate",
            Self::Group(GroupOrder::Yield) => "group-yield",
            Self::Group(GroupOrder::Bounce) => "group-bounce",
            Self::Source(_) => "source",
            Self::Addresses(_) => "addresses",
            Self::AddressesLost => "addresses-lost",
            Self::SuccessorAnnounced => "successor-announced",
        }
    }
}
