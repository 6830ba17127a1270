//! A router's inner state as plain data, for observers. Nothing here decides anything.

use core::net::IpAddr;
use core::time::Duration;

use super::{AddressState, FaultSet, RouterId, Standing, State, Transition};
use crate::time::Instant;
use crate::units::{AdvertInterval, Priority, Version, WirePriority};

/// Which of a router's deadlines is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Adver_Timer: the next advert of an Active.
    Advert,
    /// Active_Down_Timer of a Backup.
    Down,
    /// The end of the Releasing phase.
    Hold,
    /// The end of the start-up delay.
    Startup,
    /// The time by which the kernel has to confirm an address (safety rule 5).
    Confirm,
    /// The end of the fault that refused addresses caused.
    Retry,
    /// One more announcement when the predecessor has gone.
    Predecessor,
}

/// The Active router that a router last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Its priority.
    pub priority: WirePriority,
    /// Its interval.
    pub interval: AdvertInterval,
    /// When its last advert was handled.
    pub heard: Instant,
}

/// What is counted by the state machine alone; adverts as such are counted where they are sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounters {
    /// Adverts asked for, those with priority 0 included.
    pub adverts: u64,
    /// Grid points that passed without an advert because the driver was late (T-14).
    pub skipped: u64,
    /// Losing or releasing adverts that got no answer of their own, because too many came (S-20).
    pub unanswered: u64,
    /// Transitions to Active.
    pub became_active: u64,
    /// Transitions out of Active.
    pub left_active: u64,
    /// Losing adverts heard while Active.
    pub lower_heard: u64,
    /// Adverts with priority 0 heard.
    pub releases_heard: u64,
    /// Adverts from the router's own source address.
    pub own_heard: u64,
    /// Takeovers deferred after an own stall.
    pub deferred: u64,
}

/// A router at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Identity.
    pub id: RouterId,
    /// Version spoken.
    pub version: Version,
    /// State now.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Whether it was started and not told to stop.
    pub running: bool,
    /// Faults from outside and own ones.
    pub faults: FaultSet,
    /// Why the kernel refused the addresses, while [`FaultSet::ADDRESS_REFUSED`] is set.
    pub refusal: Option<i32>,
    /// Configured priority.
    pub base_priority: Priority,
    /// Effective priority.
    pub priority: Priority,
    /// Own Advertisement_Interval.
    pub interval: AdvertInterval,
    /// Active_Adver_Interval: learned in version 3 (T-08), else the own one.
    pub active_interval: AdvertInterval,
    /// Skew_Time from the effective priority and the active interval.
    pub skew: Duration,
    /// Active_Down_Interval.
    pub down_interval: Duration,
    /// When a Backup takes over unless it hears something.
    pub down_at: Option<Instant>,
    /// When an Active's next advert is due.
    pub advert_at: Option<Instant>,
    /// Until when a lower Active is tolerated, while a preempt delay runs.
    pub preempt_at: Option<Instant>,
    /// Until when addresses are held, while Releasing.
    pub hold_until: Option<Instant>,
    /// When refused addresses are tried again.
    pub retry_at: Option<Instant>,
    /// Source address of its adverts.
    pub source: Option<IpAddr>,
    /// The Active last heard.
    pub peer: Option<Peer>,
    /// What the driver last told of the addresses.
    pub addresses: AddressState,
    /// Whether every tracker passes.
    pub healthy: bool,
    /// Whether it waits for its sync group to become Active.
    pub wants_active: bool,
    /// What an operator asked of it.
    pub standing: Standing,
    /// The last change of state.
    pub last_transition: Option<Transition>,
    /// Counters since start.
    pub counters: StepCounters,
}
