//! The settings of one virtual router that decide its behaviour. Everything about sockets, addresses and scripts is the
//! driver's.

use core::time::Duration;

use crate::units::{AdvertInterval, Family, Priority, Version, Vrid};

/// The caller's number for an interface; the same name keeps its number for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceKey(pub u16);

/// What makes a virtual router the same router over a reload: base interface, family and VRID (RFC 9568 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId {
    /// The interface that the router protects addresses on.
    pub interface: InterfaceKey,
    /// IPv4 and IPv6 routers with one VRID are different routers.
    pub family: Family,
    /// The VRID on the wire.
    pub vrid: Vrid,
}

/// Validated settings of one virtual router.
///
/// Where RFC 9568 and keepalived contradict each other, the point is a field here, and the profile sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Identity.
    pub id: RouterId,
    /// Version sent and accepted.
    pub version: Version,
    /// RFC 9568 §8.4.2: a version 3 router that also sends and hears version 2; IPv4 only.
    pub interoperate: bool,
    /// Configured priority; 255 is the address owner.
    pub priority: Priority,
    /// Own Advertisement_Interval.
    pub interval: AdvertInterval,
    /// Preempt_Mode (RFC 9568 §6.1). An owner preempts whatever this says.
    pub preempt: bool,
    /// keepalived's `preempt_delay`, 0–1,000 s: how long a lower Active is tolerated after it was first heard.
    pub preempt_delay: Duration,
    /// keepalived's `vrrp_startup_delay`: timers start, and adverts count, only after this time.
    pub startup_delay: Duration,
    /// Number of intervals in Active_Down_Interval: 3, or keepalived's `down_timer_adverts` 1–100.
    pub down_adverts: u8,
    /// Answer a losing advert while Active: RFC 9568 does for version 3 only, keepalived for both unless
    /// `lower_prio_no_advert`.
    pub answer_lower: bool,
    /// keepalived's `higher_prio_send_advert`: one last advert before yielding to a higher priority.
    pub advert_before_yield: bool,
    /// Whether an owner that meets a second owner lowers itself to 254 and yields when its address is the smaller one
    /// (keepalived 2.2.7) instead of only yielding (RFC 9568 §8.3.2).
    pub owner_clash_lowers: bool,
    /// keepalived adds the second priority 0 advert when a fault ends Active.
    pub fault_releases: u8,
    /// Longest time that addresses are kept after a planned release: the Releasing phase's bound. Zero removes them at
    /// once, as the RFC says.
    pub release_hold: Duration,
    /// Where in its interval this router's adverts lie: their times leave this remainder, on the caller's clock. Spreads
    /// the adverts of many routers. None starts the grid with the first advert.
    pub phase: Option<Duration>,
    /// Whether an Active whose priority falls below a peer's says goodbye at once, instead of being preempted a down
    /// interval later.
    pub fast_fail: Option<FastFail>,
}

/// Leaving at once when a check fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastFail {
    /// The best priority of the peers, where it was configured; one that was heard counts as well.
    pub peer_priority: Option<Priority>,
}
