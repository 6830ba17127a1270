//! The spine of events: what the log, notify calls, status and later metrics and the journal are all made from.
//!
//! Each event has a bounded size and owns no heap, so that it can become a fixed-size binary record. None holds a
//! secret, a script's output or its arguments (safety rule 11).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
pub use crate::outcome::{
    Anomaly, Asked, AskedPhase, DownReason, InterfaceChange, ReloadOutcome, Remover, ResignReason,
    RunOutcome, SchedulingChange, StopReason, TrackerKind, TrackerState,
};
use crate::text::Name;
use crate::words::{Faults, Objects, Word};

/// One event with its place in time and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number of this event in this run of the daemon, from 1.
    pub seq: u64,
    /// Milliseconds since 1970-01-01 00:00:00 UTC when it happened, by the wall clock.
    pub unix_ms: i64,
    /// The same by CLOCK_MONOTONIC, in nanoseconds.
    pub monotonic_ns: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Kind {
    /// The daemon started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// What the flight recorder of the run before tells of its end.
    PreviousRun {
        /// Its process.
        pid: u32,
        /// It ended with a goodbye. Otherwise it was killed, crashed, or the machine went down.
        clean: bool,
        /// Its goodbye or its last sign of life, in milliseconds since 1970, where there is one.
        ended_unix_ms: Option<i64>,
        /// Virtual addresses that the kernel had for it when it ended without a goodbye.
        addresses_left: u16,
    },
    /// The daemon begins to stop.
    Stopping {
        /// On whose word.
        reason: StopReason,
    },
    /// The daemon is about to exit.
    Stopped,
    /// A router has its sockets, or is in FAULT with a stated reason.
    Ready {
        /// The router.
        router: Name,
        /// Empty where it has its sockets.
        faults: Faults,
    },
    /// The state that a router was in when whoever watches from outside began to see it.
    Found {
        /// The router.
        router: Name,
        /// Its state.
        state: Word,
    },
    /// A router changed state.
    Transition {
        /// The router.
        router: Name,
        /// The state left, in keepalived's words.
        from: Word,
        /// The state entered.
        to: Word,
        /// The router left on purpose and keeps its addresses until the successor has them.
        releasing: bool,
        /// Why.
        cause: Cause,
        /// Effective priority at that time.
        priority: u8,
        /// Number under which it is explained, across restarts; 0 where it was given none.
        #[serde(default)]
        number: u32,
    },
    /// A gap between adverts of more than half of the down interval that did not become a transition.
    NearFailover {
        /// The router.
        router: Name,
        /// Number under which it is explained.
        number: u32,
        /// Whose adverts kept away; none for our own, which the peers waited for.
        from: Option<IpAddr>,
        /// The gap, in milliseconds.
        gap_ms: u64,
        /// The down interval that it stayed below, in milliseconds: ours, or that of the peer who would take over.
        limit_ms: u64,
    },
    /// Something out of the ordinary that did not come near a failover. Told once, when it begins.
    Anomaly {
        /// The router; none where it concerns the whole node.
        router: Option<Name>,
        /// Number under which it is explained.
        number: u32,
        /// What.
        what: Anomaly,
        /// How many adverts or wake-ups it concerned until it was told.
        count: u32,
        /// The worst of them, in microseconds; 0 where it is no matter of time.
        worst_us: u64,
    },
    /// A sync group changed state.
    GroupTransition {
        /// The group.
        group: Name,
        /// The state that all members reached.
        to: Word,
    },
    /// The faults of a router changed.
    Faults {
        /// The router.
        router: Name,
        /// Everything wrong now.
        faults: Faults,
        /// What is at fault.
        #[serde(flatten)]
        objects: Objects,
    },
    /// A router's effective priority changed.
    Priority {
        /// The router.
        router: Name,
        /// The priority left.
        from: u8,
        /// The priority now.
        to: u8,
    },
    /// A tracked object changed.
    Tracker {
        /// Script or interface.
        kind: TrackerKind,
        /// Its name.
        name: Name,
        /// What it is now.
        state: TrackerState,
        /// How the run that decided it ended, for a script.
        outcome: Option<RunOutcome>,
    },
    /// A run of a track script ended in another way than the run before.
    ScriptRun {
        /// The script.
        script: Name,
        /// How it ended.
        outcome: RunOutcome,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A notify command was started, or could not be.
    Notify {
        /// Router or group.
        name: Name,
        /// For which event, in keepalived's word: MASTER, BACKUP, FAULT, STOP, DELETED, MASTER_RX_LOWER_PRI.
        word: Name,
        /// How it went.
        outcome: RunOutcome,
    },
    /// An advert that loses against ours was heard while Active.
    LowerHeard {
        /// The router.
        router: Name,
        /// Its sender.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// A lower Active was heard and the preempt delay begins.
    PreemptDelay {
        /// The router.
        router: Name,
        /// Its length in milliseconds.
        delay_ms: u64,
    },
    /// How far the kernel has the addresses, once after each transition to or from Active and whenever it changes.
    Addresses {
        /// The router.
        router: Name,
        /// Addresses that the kernel has.
        present: u16,
        /// Addresses that the router should hold: none unless it is Active.
        wanted: u16,
    },
    /// The sockets of an interface could not be opened.
    SocketsRefused {
        /// The interface.
        interface: Name,
        /// The kernel's reason, as Linux numbers it.
        errno: i32,
    },
    /// An equal advert came from our own source address.
    OwnAddressHeard {
        /// The router.
        router: Name,
        /// The address.
        from: IpAddr,
    },
    /// A takeover waits one more interval, because this machine was late itself.
    TakeoverDeferred {
        /// The router.
        router: Name,
        /// How late the engine woke, in microseconds.
        late_us: u64,
    },
    /// Another process removed a virtual address.
    AddressRemoved {
        /// The router.
        router: Name,
        /// The address.
        address: IpAddr,
        /// Who did it, only if sure.
        by: Remover,
    },
    /// A removed virtual address was put back.
    AddressRestored {
        /// The router.
        router: Name,
        /// The address.
        address: IpAddr,
    },
    /// The kernel refused a virtual address.
    AddressRefused {
        /// The router.
        router: Name,
        /// The address, where it concerns one.
        address: Option<IpAddr>,
        /// The kernel's reason, as Linux numbers it.
        errno: i32,
    },
    /// The addresses could not be kept against another process (safety rule 6).
    AddressesLost {
        /// The router.
        router: Name,
    },
    /// A left-over virtual address was removed at start.
    AddressLeftOver {
        /// The interface it was on.
        interface: Name,
        /// The address.
        address: IpAddr,
    },
    /// A virtual address came to an interface although the router is not Active: somebody added it, or an earlier run's
    /// came back. It stays: only what this daemon put there is taken off.
    AddressAdded {
        /// The router.
        router: Name,
        /// The address.
        address: IpAddr,
        /// Who did it, only if sure.
        #[serde(default, skip_serializing_if = "Remover::is_unknown")]
        by: Remover,
    },
    /// Addresses were announced by gratuitous ARP or neighbour advertisements: because a router became MASTER, another
    /// MASTER was there, or addresses came. What is only repeated later is not told.
    Announced {
        /// The router.
        router: Name,
        /// Frames that the kernel took.
        frames: u32,
        /// Times that it took none, because a queue was full or a hook dropped it.
        #[serde(default)]
        refused: u32,
        /// From the first of them to the last, in milliseconds.
        took_ms: u64,
    },
    /// The kernel's news about links and addresses came faster than they were read, some were lost, and everything was
    /// asked for again.
    NewsLost {
        /// How long the answers took, in milliseconds.
        took_ms: u64,
        /// Interfaces and addresses that were not as they were known.
        differences: u32,
    },
    /// A run of a track script took longer than its interval, so that the next one could not start. Told again after one
    /// that did not.
    ScriptOverran {
        /// The script.
        script: Name,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Its interval, in milliseconds.
        interval_ms: u64,
    },
    /// An interface changed.
    Interface {
        /// Its name.
        interface: Name,
        /// What it did.
        change: InterfaceChange,
        /// Why, where it went down.
        #[serde(default, skip_serializing_if = "is_default")]
        reason: DownReason,
        /// Who did it, only if sure. Linux tells it for some deletions, never for setting down.
        #[serde(default, skip_serializing_if = "Remover::is_unknown")]
        by: Remover,
    },
    /// Packets were rejected since the last such event; the status counts them by reason.
    Discards {
        /// The router whose VRID they carried; none for packets that belong to no router.
        router: Option<Name>,
        /// How many.
        count: u64,
    },
    /// The configuration was read again.
    Reload {
        /// How it went.
        outcome: ReloadOutcome,
    },
    /// The scheduling of a thread changed.
    Scheduling {
        /// The thread.
        thread: Name,
        /// What happened.
        change: SchedulingChange,
    },
    /// The engine was woken late by 20 ms or more. Told once a second at most.
    Stalled {
        /// How late, in microseconds.
        late_us: u64,
    },
    /// The rest of the daemon fell silent towards the engine, or is back (safety rule 1).
    Heartbeat {
        /// It is silent.
        late: bool,
        /// For how long, in milliseconds.
        age_ms: u64,
    },
    /// The engine gave up its routers.
    Resigned {
        /// Why.
        reason: ResignReason,
    },
    /// A client of the control socket asked for a change.
    Command {
        /// The command.
        command: Name,
        /// Its user.
        uid: u32,
        /// Its process.
        pid: u32,
        /// Its command name, only if sure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comm: Option<Name>,
        /// Whether it was carried out.
        granted: bool,
    },
    /// An operator's word about the whole node begins, goes on or ends.
    Asked {
        /// What was asked.
        what: Asked,
        /// What becomes of it.
        phase: AskedPhase,
        /// For how long it has been in force, in milliseconds.
        age_ms: u64,
        /// How much of its time is left, in milliseconds, where it has an end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_ms: Option<u64>,
    },
    /// A signal came that does not stop the daemon.
    Signal {
        /// Its number.
        number: i32,
        /// Its sender, where the kernel told.
        pid: Option<u32>,
        /// The sender's user, where the kernel told.
        uid: Option<u32>,
        /// The sender's command name, only if sure.
        comm: Option<Name>,
    },
    /// Reports of the engine that a full queue lost.
    ReportsLost {
        /// How many.
        count: u64,
    },
    /// An event that a newer daemon knows.
    #[serde(other)]
    Other,
}

/// What is left out of JSON.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Kind {
    /// A short name of the kind, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::PreviousRun { .. } => "previous_run",
            Self::Stopping { .. } => "stopping",
            Self::Stopped => "stopped",
            Self::Ready { .. } => "ready",
            Self::Found { .. } => "found",
            Self::Transition { .. } => "transition",
            Self::NearFailover { .. } => "near_failover",
            Self::Anomaly { .. } => "anomaly",
            Self::GroupTransition { .. } => "group_transition",
            Self::Faults { .. } => "faults",
            Self::Priority { .. } => "priority",
            Self::Tracker { .. } => "tracker",
            Self::ScriptRun { .. } => "script_run",
            Self::Notify { .. } => "notify",
            Self::LowerHeard { .. } => "lower_heard",
            Self::PreemptDelay { .. } => "preempt_delay",
            Self::Addresses { .. } => "addresses",
            Self::SocketsRefused { .. } => "sockets_refused",
            Self::OwnAddressHeard { .. } => "own_address_heard",
            Self::TakeoverDeferred { .. } => "takeover_deferred",
            Self::AddressRemoved { .. } => "address_removed",
            Self::AddressRestored { .. } => "address_restored",
            Self::AddressRefused { .. } => "address_refused",
            Self::AddressesLost { .. } => "addresses_lost",
            Self::AddressLeftOver { .. } => "address_left_over",
            Self::AddressAdded { .. } => "address_added",
            Self::Announced { .. } => "announced",
            Self::NewsLost { .. } => "news_lost",
            Self::ScriptOverran { .. } => "script_overran",
            Self::Interface { .. } => "interface",
            Self::Discards { .. } => "discards",
            Self::Reload { .. } => "reload",
            Self::Scheduling { .. } => "scheduling",
            Self::Stalled { .. } => "stalled",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Resigned { .. } => "resigned",
            Self::Command { .. } => "command",
            Self::Asked { .. } => "asked",
            Self::Signal { .. } => "signal",
            Self::ReportsLost { .. } => "reports_lost",
            Self::Other => "other",
        }
    }

    /// The router that the event is about.
    #[must_use]
    pub const fn router(&self) -> Option<&Name> {
        match self {
            Self::Ready { router, .. }
            | Self::Found { router, .. }
            | Self::Transition { router, .. }
            | Self::NearFailover { router, .. }
            | Self::Priority { router, .. }
            | Self::LowerHeard { router, .. }
            | Self::PreemptDelay { router, .. }
            | Self::AddressRemoved { router, .. }
            | Self::AddressAdded { router, .. }
            | Self::Announced { router, .. }
            | Self::AddressRestored { router, .. }
            | Self::AddressRefused { router, .. }
            | Self::AddressesLost { router }
            | Self::Addresses { router, .. }
            | Self::OwnAddressHeard { router, .. }
            | Self::TakeoverDeferred { router, .. }
            | Self::Faults { router, .. } => Some(router),
            Self::Discards { router, .. } | Self::Anomaly { router, .. } => router.as_ref(),
            Self::Started { .. }
            | Self::PreviousRun { .. }
            | Self::Stopping { .. }
            | Self::Stopped
            | Self::GroupTransition { .. }
            | Self::Tracker { .. }
            | Self::ScriptRun { .. }
            | Self::Notify { .. }
            | Self::Interface { .. }
            | Self::Reload { .. }
            | Self::Scheduling { .. }
            | Self::Resigned { .. }
            | Self::Stalled { .. }
            | Self::SocketsRefused { .. }
            | Self::AddressLeftOver { .. }
            | Self::NewsLost { .. }
            | Self::ScriptOverran { .. }
            | Self::Heartbeat { .. }
            | Self::Command { .. }
            | Self::Asked { .. }
            | Self::Signal { .. }
            | Self::ReportsLost { .. }
            | Self::Other => None,
        }
    }

    /// The number under which it is explained, across restarts: `vrrpctl explain 17`.
    #[must_use]
    pub const fn number(&self) -> Option<u32> {
        if let Self::Transition { number, .. }
        | Self::NearFailover { number, .. }
        | Self::Anomaly { number, .. } = self
            && *number != 0
        {
            return Some(*number);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_event_is_its_tag_in_json() {
        let router = Name::new("vi_1");
        let address = IpAddr::from([10, 0, 0, 1]);
        for kind in [
            Kind::Started { pid: 1 },
            Kind::PreviousRun {
                pid: 1,
                clean: false,
                ended_unix_ms: Some(5),
                addresses_left: 2,
            },
            Kind::Stopped,
            Kind::AddressesLost { router },
            Kind::OwnAddressHeard {
                router,
                from: address,
            },
            Kind::TakeoverDeferred { router, late_us: 1 },
            Kind::GroupTransition {
                group: router,
                to: Word::Master,
            },
            Kind::Found {
                router,
                state: Word::Backup,
            },
            Kind::Discards {
                router: None,
                count: 1,
            },
            Kind::ReportsLost { count: 1 },
            Kind::Asked {
                what: Asked::Maintenance,
                phase: AskedPhase::GoesOn,
                age_ms: 7_200_000,
                left_ms: Some(1_000),
            },
            Kind::NearFailover {
                router,
                number: 16,
                from: Some(address),
                gap_ms: 2_410,
                limit_ms: 3_610,
            },
            Kind::Anomaly {
                router: None,
                number: 17,
                what: Anomaly::Overflowed,
                count: 1,
                worst_us: 12_000,
            },
        ] {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json["event"], kind.name());
            assert_eq!(serde_json::from_value::<Kind>(json).unwrap(), kind);
        }
    }

    /// Later these become fixed-size records, and the last ones stand in memory for good.
    #[test]
    fn an_event_is_small() {
        assert!(size_of::<Event>() <= 320, "{}", size_of::<Event>());
    }
}
