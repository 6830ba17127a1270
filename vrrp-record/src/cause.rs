//! Why a router changed state: the state machine's cause with the numbers and names that turn it into a sentence.
//!
//! The sentence itself is the `Display` of [`Cause`]; logs, status and notify records all use it.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vrrp_proto::router as proto;

use crate::moment::millis;
use crate::text::Name;
use crate::words::{Faults, Objects};

/// Why a router changed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Cause {
    /// Startup.
    Started,
    /// Startup of the address owner.
    OwnerStarted,
    /// No advert for the down interval.
    SilentActive {
        /// Who fell silent, where somebody was ever heard.
        last: Option<IpAddr>,
        /// For how long, in milliseconds.
        silence_ms: Option<u64>,
    },
    /// The Active released with priority 0.
    Released {
        /// Who released.
        by: IpAddr,
    },
    /// A lower Active is preempted.
    Preempting {
        /// Whose adverts lost.
        over: IpAddr,
        /// With which priority.
        priority: u8,
        /// Against which effective priority of ours.
        ours: u8,
    },
    /// A higher priority was heard while Active.
    HigherPriority {
        /// Its sender.
        from: IpAddr,
        /// Its priority.
        priority: u8,
        /// Our effective priority.
        ours: u8,
    },
    /// The same priority from a higher address was heard while Active.
    TieLost {
        /// Its sender.
        from: IpAddr,
        /// The priority of both.
        priority: u8,
    },
    /// A fault appeared.
    Fault {
        /// Everything wrong at that time.
        faults: Faults,
        /// What is at fault.
        #[serde(flatten)]
        objects: Objects,
    },
    /// The last fault went away.
    FaultCleared,
    /// The sync group moved.
    Group {
        /// Its name.
        group: Option<Name>,
    },
    /// Told to stop.
    Stopped,
    /// Another process removed the addresses too often.
    AddressesLost,
    /// The kernel confirmed none of the addresses in time.
    AddressesRefused {
        /// The kernel's reason, as Linux numbers it.
        errno: Option<i32>,
    },
    /// The settings changed.
    Reconfigured,
    /// The successor has the addresses.
    SuccessorReady,
    /// Nobody took the addresses within the bound.
    HoldExpired,
    /// A tracked object failed while the addresses were held.
    HoldUnhealthy,
    /// A cause that a newer daemon knows.
    #[serde(other)]
    Other,
}

/// What the state machine's cause does not say itself and a sentence needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// Effective priority at the time of the transition.
    pub priority: u8,
    /// How long nothing was heard: the down interval, or the measured silence where known.
    pub silence: Option<Duration>,
    /// The router's interface, sync group, and the tracked object that failed.
    pub objects: Objects,
}

impl Cause {
    /// The state machine's cause, completed.
    #[must_use]
    pub fn new(cause: proto::Cause, context: &Context) -> Self {
        match cause {
            proto::Cause::Started => Self::Started,
            proto::Cause::OwnerStarted => Self::OwnerStarted,
            proto::Cause::SilentActive { last } => Self::SilentActive {
                last,
                silence_ms: context.silence.map(millis),
            },
            proto::Cause::Released { by } => Self::Released { by },
            proto::Cause::Preempting { over, priority } => Self::Preempting {
                over,
                priority: priority.as_u8(),
                ours: context.priority,
            },
            proto::Cause::HigherPriority { from, priority } => Self::HigherPriority {
                from,
                priority: priority.as_u8(),
                ours: context.priority,
            },
            proto::Cause::TieLost { from } => Self::TieLost {
                from,
                priority: context.priority,
            },
            proto::Cause::Fault(faults) => Self::Fault {
                faults: Faults(faults),
                objects: context.objects,
            },
            proto::Cause::FaultCleared => Self::FaultCleared,
            proto::Cause::Group => Self::Group {
                group: context.objects.group,
            },
            proto::Cause::Stopped => Self::Stopped,
            proto::Cause::AddressesLost => Self::AddressesLost,
            proto::Cause::AddressesRefused { errno } => Self::AddressesRefused { errno },
            proto::Cause::Reconfigured => Self::Reconfigured,
            proto::Cause::SuccessorReady => Self::SuccessorReady,
            proto::Cause::HoldExpired => Self::HoldExpired,
            proto::Cause::HoldUnhealthy => Self::HoldUnhealthy,
        }
    }
}
