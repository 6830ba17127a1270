//! From the core's reports to events: numbers become names, and causes get what their sentences need.

use std::time::Duration;

use vrrp_config::plan::{Plan, RouterPlan};
use vrrp_proto::router::{self as proto, FaultSet, InterfaceKey, RouterId, State, Transition};
use vrrp_proto::time::Instant;
use vrrp_proto::track::TrackerId;
use vrrp_record::cause::{Cause, Context};
use vrrp_record::event::{
    Kind, Remover, ResignReason, SchedulingChange, TrackerKind, TrackerState,
};
use vrrp_record::moment::millis;
use vrrp_record::text::Name;
use vrrp_record::words::{Faults, Objects, Word, word};

use crate::core::{self, Core, Report, RouterSnapshot};
use crate::process;

/// The names behind the core's numbers.
pub trait Names {
    /// A router's name in the plan.
    fn router(&self, id: RouterId) -> Option<&str>;
    /// An interface's name.
    fn interface(&self, key: InterfaceKey) -> Option<&str>;
    /// A tracked script's name.
    fn tracker(&self, id: TrackerId) -> Option<&str>;
}

impl Names for Core {
    fn router(&self, id: RouterId) -> Option<&str> {
        self.router_name(id)
    }

    fn interface(&self, key: InterfaceKey) -> Option<&str> {
        self.interface_name(key)
    }

    fn tracker(&self, id: TrackerId) -> Option<&str> {
        self.tracker_name(id)
    }
}

/// What a transition looked like before it, and what the core says after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The word that people saw last.
    pub(super) before: Word,
    /// Since when the state left had lasted.
    pub(super) since: Option<Instant>,
    /// What is or was at fault.
    pub(super) objects: Objects,
    /// The router now.
    pub(super) snapshot: Option<&'a RouterSnapshot>,
    /// Effective priority.
    pub(super) priority: u8,
    /// Under which it is explained.
    pub(super) number: u32,
}

/// A transition in the words of the record.
pub(super) fn transition(name: Name, transition: &Transition, around: &Around<'_>) -> Kind {
    let faults = faults_entered(transition, around.snapshot);
    let context = Context {
        priority: around.priority,
        silence: silence(transition, around),
        objects: around.objects,
    };
    Kind::Transition {
        router: name,
        from: around.before,
        to: word(transition.to, faults),
        releasing: transition.to == State::Releasing,
        cause: Cause::new(transition.cause, &context),
        priority: around.priority,
        number: around.number,
    }
}

/// The faults that the state entered comes with: the cause knows them better than a snapshot taken later.
pub(super) fn faults_entered(
    transition: &Transition,
    snapshot: Option<&RouterSnapshot>,
) -> FaultSet {
    match transition.cause {
        proto::Cause::Fault(faults) => faults,
        proto::Cause::AddressesRefused { .. } => FaultSet::ADDRESS_REFUSED,
        proto::Cause::Group => FaultSet::GROUP,
        proto::Cause::Stopped | proto::Cause::TakenOut => FaultSet::NONE,
        proto::Cause::Started
        | proto::Cause::OwnerStarted
        | proto::Cause::SilentActive { .. }
        | proto::Cause::Released { .. }
        | proto::Cause::Preempting { .. }
        | proto::Cause::HigherPriority { .. }
        | proto::Cause::TieLost { .. }
        | proto::Cause::FaultCleared
        | proto::Cause::AddressesLost
        | proto::Cause::Reconfigured
        | proto::Cause::SuccessorReady
        | proto::Cause::HoldExpired
        | proto::Cause::HoldUnhealthy
        | proto::Cause::Outweighed { .. }
        | proto::Cause::Yielded
        | proto::Cause::NoSuccessor
        | proto::Cause::BackIn => snapshot.map_or(FaultSet::NONE, |now| now.router.faults),
    }
}

/// How long nothing was heard before a takeover: from the last advert of the Active that fell silent, or, where there
/// was none, since the router began to listen.
fn silence(transition: &Transition, around: &Around<'_>) -> Option<Duration> {
    let proto::Cause::SilentActive { last } = transition.cause else {
        return None;
    };
    let heard = around
        .snapshot
        .and_then(|now| now.router.peer)
        .filter(|peer| Some(peer.address) == last);
    let begin = match (last, heard) {
        (Some(_), Some(peer)) => Some(peer.heard),
        (Some(_), None) => None,
        (None, _) => around.since,
    };
    begin
        .filter(|begin| *begin <= transition.at)
        .map(|begin| transition.at.saturating_since(begin))
}

/// What a router's sentences about faults may name.
pub(super) fn objects(
    plan: &Plan,
    router: &RouterPlan,
    failing: Option<Name>,
    errno: Option<i32>,
) -> Objects {
    let group = plan
        .groups
        .iter()
        .find(|group| group.members.contains(&router.name));
    Objects {
        interface: Some(Name::new(&router.interface)),
        tracker: failing,
        group: group.map(|group| Name::new(&group.name)),
        errno,
    }
}

/// A change of faults that is no transition.
pub(super) const fn faults(router: Name, faults: FaultSet, objects: Objects) -> Kind {
    Kind::Faults {
        router,
        faults: Faults(faults),
        objects,
    }
}

/// Who removed an address.
pub(super) fn remover(by: core::Remover) -> Remover {
    match by {
        core::Remover::Kernel => Remover::Kernel,
        core::Remover::Process { pid, name } => Remover::Process {
            pid,
            name: Name::new(&process::text(&name)),
        },
        core::Remover::Port(port) => Remover::Port { port },
        core::Remover::Unknown => Remover::Unknown,
    }
}

/// Why the engine gave up.
pub(super) fn resigned(reason: core::ResignReason) -> ResignReason {
    match reason {
        core::ResignReason::HeartbeatLost(age) => ResignReason::HeartbeatLost {
            age_ms: millis(age),
        },
        core::ResignReason::AddressThreadLost => ResignReason::AddressThreadLost,
        core::ResignReason::LoopBroken(errno) => ResignReason::LoopBroken { errno },
        core::ResignReason::Panicked => ResignReason::EnginePanicked,
    }
}

/// Why the engine left real time.
pub(super) fn demoted(reason: core::DemotionReason) -> SchedulingChange {
    match reason {
        core::DemotionReason::Busy { used } => SchedulingChange::DemotedBusy {
            used_ms: millis(used),
        },
        core::DemotionReason::RealtimeLimit => SchedulingChange::DemotedByLimit,
    }
}

/// The router that a report is about.
pub(super) const fn router(report: &Report) -> Option<RouterId> {
    match report {
        Report::Ready { router, .. }
        | Report::Transition { router, .. }
        | Report::Faults { router, .. }
        | Report::Priority { router, .. }
        | Report::LowerHeard { router, .. }
        | Report::PreemptDelayStarted { router, .. }
        | Report::OwnAddressHeard { router, .. }
        | Report::TakeoverDeferred { router, .. }
        | Report::TrackerExpired { router, .. }
        | Report::Addresses { router, .. }
        | Report::AddressRemoved { router, .. }
        | Report::AddressAdded { router, .. }
        | Report::Announced { router, .. }
        | Report::AddressRestored { router, .. }
        | Report::AddressRefused { router, .. }
        | Report::AddressesLost { router, .. } => Some(*router),
        Report::Discards { router, .. } => *router,
        Report::GroupTransition { .. }
        | Report::LeftOverRemoved { .. }
        | Report::NewsLost { .. }
        | Report::Stalled { .. }
        | Report::Interface { .. }
        | Report::SocketsRefused { .. }
        | Report::HeartbeatLate { .. }
        | Report::HeartbeatBack { .. }
        | Report::Resigned { .. }
        | Report::Demoted { .. }
        | Report::Promoted { .. }
        | Report::Lost { .. }
        | Report::Stopped { .. } => None,
    }
}

/// Reports that need nothing but names.
#[expect(
    clippy::too_many_lines,
    reason = "one flat table with an arm for each report"
)]
pub(super) fn plain(report: &Report, names: &dyn Names, plan: &Plan) -> Option<Kind> {
    let router_name = |id: RouterId| names.router(id).map(Name::new);
    let kind = match *report {
        Report::Ready { router, faults, .. } => Kind::Ready {
            router: router_name(router)?,
            faults: Faults(faults),
        },
        Report::GroupTransition { group, to, .. } => {
            let group = plan.groups.get(usize::from(group.0))?;
            let faults = match to {
                State::Initialize => FaultSet::GROUP,
                State::Backup | State::Active | State::Releasing => FaultSet::NONE,
            };
            Kind::GroupTransition {
                group: Name::new(&group.name),
                to: word(to, faults),
            }
        }
        Report::Priority {
            router, from, to, ..
        } => Kind::Priority {
            router: router_name(router)?,
            from: from.as_u8(),
            to: to.as_u8(),
        },
        Report::LowerHeard {
            router,
            from,
            priority,
            ..
        } => Kind::LowerHeard {
            router: router_name(router)?,
            from,
            priority: priority.as_u8(),
        },
        Report::PreemptDelayStarted { router, .. } => {
            let name = names.router(router)?;
            let delay = plan
                .routers
                .iter()
                .find(|router| router.name == name)?
                .preempt_delay;
            Kind::PreemptDelay {
                router: Name::new(name),
                delay_ms: millis(delay),
            }
        }
        Report::OwnAddressHeard { router, from, .. } => Kind::OwnAddressHeard {
            router: router_name(router)?,
            from,
        },
        Report::TakeoverDeferred { router, late, .. } => Kind::TakeoverDeferred {
            router: router_name(router)?,
            late_us: micros(late),
        },
        Report::TrackerExpired { tracker, .. } => Kind::Tracker {
            // Only scripts have results that expire.
            kind: TrackerKind::Script,
            name: Name::new(names.tracker(tracker)?),
            state: TrackerState::Expired,
            outcome: None,
        },
        Report::Stalled { by, .. } => Kind::Stalled {
            late_us: micros(by),
        },
        Report::AddressRemoved {
            router,
            address,
            by,
            ..
        } => Kind::AddressRemoved {
            router: router_name(router)?,
            address,
            by: remover(by),
        },
        Report::AddressAdded {
            router,
            address,
            by,
            ..
        } => Kind::AddressAdded {
            router: router_name(router)?,
            address,
            by: remover(by),
        },
        Report::Announced {
            router,
            frames,
            refused,
            took,
            ..
        } => Kind::Announced {
            router: router_name(router)?,
            frames,
            refused,
            took_ms: millis(took),
        },
        Report::NewsLost {
            took, differences, ..
        } => Kind::NewsLost {
            took_ms: millis(took),
            differences,
        },
        Report::AddressRestored {
            router, address, ..
        } => Kind::AddressRestored {
            router: router_name(router)?,
            address,
        },
        Report::AddressRefused {
            router,
            address,
            errno,
            ..
        } => Kind::AddressRefused {
            router: router_name(router)?,
            address: Some(address),
            errno,
        },
        Report::AddressesLost { router, .. } => Kind::AddressesLost {
            router: router_name(router)?,
        },
        Report::LeftOverRemoved {
            interface, address, ..
        } => Kind::AddressLeftOver {
            interface: Name::new(names.interface(interface)?),
            address,
        },
        Report::SocketsRefused {
            interface, errno, ..
        } => Kind::SocketsRefused {
            interface: Name::new(names.interface(interface)?),
            errno,
        },
        Report::Discards { router, count, .. } => Kind::Discards {
            router: router.and_then(router_name),
            count: count.into(),
        },
        Report::HeartbeatLate { age, .. } => Kind::Heartbeat {
            late: true,
            age_ms: millis(age),
        },
        Report::HeartbeatBack { after, .. } => Kind::Heartbeat {
            late: false,
            age_ms: millis(after),
        },
        Report::Resigned { reason, .. } => Kind::Resigned {
            reason: resigned(reason),
        },
        Report::Demoted { reason, .. } => Kind::Scheduling {
            thread: Name::new("engine"),
            change: demoted(reason),
        },
        Report::Promoted { .. } => Kind::Scheduling {
            thread: Name::new("engine"),
            change: SchedulingChange::Restored,
        },
        Report::Lost { count, .. } => Kind::ReportsLost {
            count: count.into(),
        },
        Report::Addresses { router, state, .. } => {
            let name = names.router(router)?;
            let planned = plan.routers.iter().find(|router| router.name == name);
            // Nothing comes and nothing goes where there are none.
            let none = |router: &RouterPlan| {
                router.addresses.is_empty() && router.excluded.is_empty() && state.present == 0
            };
            if planned.is_some_and(none) {
                return None;
            }
            Kind::Addresses {
                router: Name::new(name),
                present: state.present,
                wanted: state.wanted,
            }
        }
        // Taken with what was remembered; the end of the core is the daemon's `Stopped`.
        Report::Transition { .. }
        | Report::Faults { .. }
        | Report::Interface { .. }
        | Report::Stopped { .. } => return None,
    };
    Some(kind)
}

/// When a report's fact came about.
pub(super) const fn instant(report: &Report) -> Instant {
    match report {
        Report::Transition { transition, .. } => transition.at,
        Report::Ready { at, .. }
        | Report::GroupTransition { at, .. }
        | Report::Faults { at, .. }
        | Report::Priority { at, .. }
        | Report::LowerHeard { at, .. }
        | Report::PreemptDelayStarted { at, .. }
        | Report::OwnAddressHeard { at, .. }
        | Report::TakeoverDeferred { at, .. }
        | Report::TrackerExpired { at, .. }
        | Report::Stalled { at, .. }
        | Report::Addresses { at, .. }
        | Report::AddressRemoved { at, .. }
        | Report::AddressAdded { at, .. }
        | Report::NewsLost { at, .. }
        | Report::Announced { at, .. }
        | Report::AddressRestored { at, .. }
        | Report::AddressRefused { at, .. }
        | Report::AddressesLost { at, .. }
        | Report::LeftOverRemoved { at, .. }
        | Report::Interface { at, .. }
        | Report::SocketsRefused { at, .. }
        | Report::Discards { at, .. }
        | Report::HeartbeatLate { at, .. }
        | Report::HeartbeatBack { at, .. }
        | Report::Resigned { at, .. }
        | Report::Demoted { at, .. }
        | Report::Promoted { at }
        | Report::Lost { at, .. }
        | Report::Stopped { at, .. } => *at,
    }
}

/// Microseconds of a duration.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
