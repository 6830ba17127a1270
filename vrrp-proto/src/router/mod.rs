//! One virtual router: what it is told, what it decides, what it asks its driver to do.
//!
//! The four states have a file each, with one arm for each event; `change.rs` holds the one way into each state and
//! out of it. Sync groups and trackers reach a router as events; [`crate::node`] sends them.

mod action;
mod actions;
mod active;
mod backup;
mod change;
mod config;
mod event;
mod initialize;
mod phase;
mod releasing;
mod snapshot;
mod standing;
mod watch;

use core::net::IpAddr;

use crate::time::Instant;
use crate::timers;
use crate::units::{AdvertInterval, Priority, WirePriority};
use phase::{Idle, NO_ADDRESSES, Phase, Then, Watch};

pub use action::{Action, AnnounceReason, Cause, State, Transition};
pub use actions::Actions;
pub use config::{Config, FastFail, InterfaceKey, RouterId};
pub use event::{AddressState, Event, FaultSet, GroupOrder, Received, StopKind};
pub use snapshot::{Peer, Snapshot, StepCounters, Timer};
pub use standing::Standing;

/// The state machine of one (interface, family, VRID): RFC 9568 §6.4 and RFC 3768 §6.4.
///
/// ```text
///                    Start, no fault, priority < 255; fault cleared
///        +------------+ ------------------------------------> +--------+
///        | Initialize | <------------------------------------ | Backup |
///        +------------+          Stop, a fault                +--------+
///          |  ^    ^                                            |  ^  ^
///          |  |    | Stop(Immediate), a fault (both: priority 0)|  |  |
///   Start, |  |    | no address confirmed (safety rule 5)       |  |  | higher advert, tie lost, sync group:
///   owner  |  |    |                                            |  |  | no hold allowed
///          |  |    +---------------- +--------+ <---------------+  |  | addresses lost (priority 0, back after skew)
///          +--|--------------------> | Active |   timer fired,     |  |
///             |                      +--------+   sync group agrees|  |
///             |  Stop(Planned):        | |  |  ^                   |  |
///             |  priority 0, hold      | |  +--|-------------------|--+
///             |               +--------+ |     | timer fired       |
///             |               v          v     |                   |
///             |            +----------------------+  hold over     |
///             +----------- |      Releasing       | ---------------+
///               hold over  +----------------------+  (was preempted)
/// ```
///
/// Releasing holds the addresses only (safety rule 2). A router that was preempted is a Backup to the protocol
/// meanwhile: it learns, and its Active_Down_Timer runs. The addresses are present if and only if the state is Active
/// or Releasing.
///
/// # The run loop
///
/// 1. Drain every receive queue; hand each advert that passed the receive checks over as [`Event::Advert`].
/// 2. When the wake-up was late, hand over [`Event::Stalled`].
/// 3. When [`VirtualRouter::next_deadline`] has come, hand over [`Event::Deadline`]. Early, late and repeated calls are
///    harmless.
/// 4. Carry out the actions of each step in order.
/// 5. Sleep until the next deadline or the next packet.
///
/// ```
/// use core::time::Duration;
/// use vrrp_proto::router::{Action, Config, Event, InterfaceKey, RouterId, State, VirtualRouter};
/// use vrrp_proto::time::Instant;
/// use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};
///
/// let config = Config {
///     id: RouterId { interface: InterfaceKey(1), family: Family::V4, vrid: Vrid::new(205).unwrap() },
///     version: Version::V3,
///     interoperate: false,
///     priority: Priority::DEFAULT,
///     interval: AdvertInterval::DEFAULT,
///     preempt: true,
///     preempt_delay: Duration::ZERO,
///     startup_delay: Duration::ZERO,
///     down_adverts: 3,
///     answer_lower: true,
///     advert_before_yield: false,
///     owner_clash_lowers: false,
///     fault_releases: 1,
///     release_hold: Duration::ZERO,
///     phase: None,
///     fast_fail: None,
/// };
/// let mut router = VirtualRouter::new(config);
/// let _ = router.handle(Instant::ZERO, Event::Start);
/// let (takeover, _) = router.next_deadline().unwrap();
/// assert_eq!(takeover.as_nanos(), 3_609_375_000);
/// let actions = router.handle(takeover, Event::Deadline);
/// assert!(matches!(actions.iter().next(), Some(Action::Advertise { .. })));
/// assert_eq!(router.state(), State::Active);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VirtualRouter {
    config: Config,
    /// In a sync group, the group decides when to become Active.
    grouped: bool,
    /// Effective priority as told.
    priority: Priority,
    /// An owner that met a second owner with a higher address goes on with 254 (keepalived 2.2.7; S-24).
    lowered: bool,
    source: Option<IpAddr>,
    /// Faults as told.
    outside: FaultSet,
    healthy: bool,
    running: bool,
    /// What an operator asked of it.
    standing: Standing,
    phase: Phase,
    since: Instant,
    addresses: AddressState,
    /// Refusals of the addresses in a row, for the growing retry time.
    refusals: u8,
    peer: Option<Peer>,
    /// The priority that somebody else was last heard with, a goodbye aside.
    rival: Option<WirePriority>,
    /// Who last sent version 3 and when, for interoperation (I-05).
    heard_v3: Option<(IpAddr, Instant)>,
    last_transition: Option<Transition>,
    counters: StepCounters,
}

/// One step under way: when it happens and what it asks for.
struct Step {
    now: Instant,
    actions: Actions,
}

impl VirtualRouter {
    /// A router in Initialize that was not started.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            priority: config.priority,
            config,
            grouped: false,
            lowered: false,
            source: None,
            outside: FaultSet::NONE,
            healthy: true,
            running: false,
            standing: Standing::Normal,
            phase: Phase::Initialize(Idle {
                startup: None,
                refused: None,
                faulted: false,
            }),
            since: Instant::ZERO,
            addresses: NO_ADDRESSES,
            refusals: 0,
            peer: None,
            rival: None,
            heard_v3: None,
            last_transition: None,
            counters: StepCounters {
                adverts: 0,
                skipped: 0,
                unanswered: 0,
                became_active: 0,
                left_active: 0,
                lower_heard: 0,
                releases_heard: 0,
                own_heard: 0,
                deferred: 0,
            },
        }
    }

    /// The router as a member of a sync group, or not: a member becomes Active by [`GroupOrder::Activate`] only.
    #[must_use]
    pub const fn in_group(mut self, grouped: bool) -> Self {
        self.grouped = grouped;
        self
    }

    /// Takes one event; the actions are to be carried out in order.
    pub fn handle(&mut self, now: Instant, event: Event<'_>) -> Actions {
        let mut step = Step {
            now,
            actions: Actions::NONE,
        };
        if let Event::Advert(advert) = event {
            self.note_rival(advert);
        }
        match self.phase {
            Phase::Initialize(idle) => self.in_initialize(&mut step, event, idle),
            Phase::Backup(watch) => self.in_backup(&mut step, event, watch),
            Phase::Active(duty) => self.in_active(&mut step, event, duty),
            Phase::Releasing(hold) => self.in_releasing(&mut step, event, hold),
        }
        step.actions
    }

    /// The earliest deadline and its reason.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Instant, Timer)> {
        let candidates = match self.phase {
            Phase::Initialize(idle) => [
                idle.startup.map(|at| (at, Timer::Startup)),
                idle.refused.map(|refused| (refused.retry_at, Timer::Retry)),
                None,
            ],
            Phase::Backup(watch) => [Some((watch.down_at, Timer::Down)), None, None],
            Phase::Active(duty) => [
                Some((duty.due, Timer::Advert)),
                duty.confirm_by.map(|at| (at, Timer::Confirm)),
                duty.predecessor_at.map(|at| (at, Timer::Predecessor)),
            ],
            Phase::Releasing(hold) => [
                Some((hold.until, Timer::Hold)),
                match hold.then {
                    Then::Stopped => None,
                    Then::Backup(watch) => Some((watch.down_at, Timer::Down)),
                },
                None,
            ],
        };
        candidates.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Plain data for observers.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let watch = self.watch();
        let active_interval = watch.map_or(self.config.interval, |watch| watch.active_interval);
        let (version, priority) = (self.config.version, self.priority());
        let refused = match self.phase {
            Phase::Initialize(idle) => idle.refused,
            Phase::Backup(_) | Phase::Active(_) | Phase::Releasing(_) => None,
        };
        Snapshot {
            id: self.config.id,
            version,
            state: self.state(),
            since: self.since,
            running: self.running,
            faults: self.faults(),
            refusal: refused.and_then(|refused| refused.errno),
            base_priority: self.config.priority,
            priority,
            interval: self.config.interval,
            active_interval,
            skew: timers::skew(version, priority, active_interval),
            down_interval: timers::down_interval(
                version,
                priority,
                active_interval,
                self.config.down_adverts,
            ),
            down_at: watch.map(|watch| watch.down_at),
            advert_at: match self.phase {
                Phase::Active(duty) => Some(duty.due),
                Phase::Initialize(_) | Phase::Backup(_) | Phase::Releasing(_) => None,
            },
            preempt_at: watch.and_then(|watch| watch.tolerate_until),
            hold_until: match self.phase {
                Phase::Releasing(hold) => Some(hold.until),
                Phase::Initialize(_) | Phase::Backup(_) | Phase::Active(_) => None,
            },
            retry_at: refused.map(|refused| refused.retry_at),
            source: self.source,
            peer: self.peer,
            addresses: self.addresses,
            healthy: self.healthy,
            wants_active: self.wants_active(),
            standing: self.standing,
            last_transition: self.last_transition,
            counters: self.counters,
        }
    }

    /// The settings in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The state now.
    #[must_use]
    pub const fn state(&self) -> State {
        self.phase.state()
    }

    /// Effective priority: what the next advert carries.
    #[must_use]
    pub fn priority(&self) -> Priority {
        match self.standing_priority() {
            Some(priority) => priority,
            None if self.lowered => Priority::new(254).unwrap_or(self.priority),
            None => self.priority,
        }
    }

    /// Effective priority as it was last told.
    pub(crate) const fn told_priority(&self) -> Priority {
        self.priority
    }

    /// Faults as told and own ones.
    #[must_use]
    pub fn faults(&self) -> FaultSet {
        match self.phase {
            Phase::Initialize(idle) => self
                .outside
                .with(FaultSet::ADDRESS_REFUSED, idle.refused.is_some()),
            Phase::Backup(_) | Phase::Active(_) | Phase::Releasing(_) => self.outside,
        }
    }

    /// Whether it was started and not told to stop.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// Whether its timer fired and it waits for its sync group.
    #[must_use]
    pub fn wants_active(&self) -> bool {
        self.watch().is_some_and(|watch| watch.wants_active)
    }

    /// Whether it is a Backup to the protocol: in Backup, or preempted and releasing.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.watch().is_some()
    }

    /// The running Active_Down_Timer, in Backup and in a hold that ends there.
    const fn watch(&self) -> Option<Watch> {
        match self.phase {
            Phase::Backup(watch) => Some(watch),
            Phase::Releasing(hold) => match hold.then {
                Then::Backup(watch) => Some(watch),
                Then::Stopped => None,
            },
            Phase::Initialize(_) | Phase::Active(_) => None,
        }
    }

    /// Faults that end taking part: one that only waits for a first result keeps a router in Initialize, and takes
    /// nobody out of a running election.
    fn disqualified(&self) -> bool {
        !self
            .faults()
            .with(FaultSet::TRACKER_PENDING, false)
            .is_empty()
    }

    /// Active_Down_Interval with this Active_Adver_Interval and `adverts` of them.
    fn span(&self, active: AdvertInterval, adverts: u8) -> core::time::Duration {
        timers::down_interval(self.config.version, self.priority(), active, adverts)
    }
}

#[cfg(test)]
mod tests;
