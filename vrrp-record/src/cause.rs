//! Why a router changed state: the state machine's cause with the numbers and names that turn it into a sentence.
//!
//! The sentence itself is the `Display` of [`Cause`]; logs, status and notify records all use it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vrrp_proto::router as proto;

use crate::moment::millis;
use crate::quantity::{Errno, Span};
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
    /// A check failed, and a peer's priority is above ours now (fast_fail).
    Outweighed {
        /// That priority.
        by: u8,
        /// Our effective priority.
        ours: u8,
    },
    /// An operator asked to give way.
    Yielded,
    /// Gave way, and nobody took over within the bound.
    NoSuccessor,
    /// An operator took the router out for maintenance, whether somebody takes over or not.
    TakenOut,
    /// An operator ended such a maintenance.
    BackIn,
    /// Whoever watched from outside did not see why: a goodbye, or a silence that nothing explains.
    Unseen,
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
    /// A short code, as in JSON and in metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::OwnerStarted => "owner_started",
            Self::SilentActive { .. } => "silent_active",
            Self::Released { .. } => "released",
            Self::Preempting { .. } => "preempting",
            Self::HigherPriority { .. } => "higher_priority",
            Self::TieLost { .. } => "tie_lost",
            Self::Fault { .. } => "fault",
            Self::FaultCleared => "fault_cleared",
            Self::Group { .. } => "group",
            Self::Stopped => "stopped",
            Self::AddressesLost => "addresses_lost",
            Self::AddressesRefused { .. } => "addresses_refused",
            Self::Reconfigured => "reconfigured",
            Self::SuccessorReady => "successor_ready",
            Self::HoldExpired => "hold_expired",
            Self::HoldUnhealthy => "hold_unhealthy",
            Self::Outweighed { .. } => "outweighed",
            Self::Yielded => "yielded",
            Self::NoSuccessor => "no_successor",
            Self::TakenOut => "taken_out",
            Self::BackIn => "back_in",
            Self::Unseen => "unseen",
            Self::Other => "other",
        }
    }

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
            proto::Cause::Outweighed { by } => Self::Outweighed {
                by,
                ours: context.priority,
            },
            proto::Cause::Yielded => Self::Yielded,
            proto::Cause::NoSuccessor => Self::NoSuccessor,
            proto::Cause::TakenOut => Self::TakenOut,
            proto::Cause::BackIn => Self::BackIn,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::OwnerStarted => f.write_str("started as the address owner (priority 255)"),
            Self::SilentActive {
                last: Some(last),
                silence_ms: Some(silence),
            } => {
                write!(
                    f,
                    "no advert from {last} for {}",
                    Span(Duration::from_millis(*silence))
                )
            }
            Self::SilentActive {
                last: Some(last),
                silence_ms: None,
            } => write!(f, "no advert from {last} any more"),
            Self::SilentActive {
                last: None,
                silence_ms: Some(silence),
            } => {
                write!(
                    f,
                    "no advert from anybody for {}",
                    Span(Duration::from_millis(*silence))
                )
            }
            Self::SilentActive {
                last: None,
                silence_ms: None,
            } => f.write_str("no advert from anybody"),
            Self::Released { by } => write!(f, "{by} released the addresses (priority 0)"),
            Self::Preempting {
                over,
                priority,
                ours,
            } => {
                write!(f, "{over} advertised priority {priority}, ours is {ours}")
            }
            Self::HigherPriority {
                from,
                priority,
                ours,
            } => {
                write!(f, "{from} advertised priority {priority}, ours is {ours}")
            }
            Self::TieLost { from, priority } => {
                write!(
                    f,
                    "{from} advertised the same priority {priority} and has the higher address"
                )
            }
            Self::Fault { faults, objects } => {
                let sentences = faults.sentences(objects);
                if sentences.is_empty() {
                    f.write_str("a fault appeared")
                } else {
                    f.write_str(&sentences.join("; "))
                }
            }
            Self::FaultCleared => f.write_str("the fault is over"),
            Self::Group { group: Some(group) } => write!(f, "follows sync group {group}"),
            Self::Group { group: None } => f.write_str("follows its sync group"),
            Self::Stopped => f.write_str("told to stop"),
            Self::AddressesLost => {
                f.write_str("another process kept removing the virtual addresses")
            }
            Self::AddressesRefused { errno: Some(errno) } => {
                write!(
                    f,
                    "the kernel refused the virtual addresses: {}",
                    Errno(*errno)
                )
            }
            Self::AddressesRefused { errno: None } => {
                f.write_str("the kernel did not confirm the virtual addresses")
            }
            Self::Reconfigured => f.write_str("the configuration changed"),
            Self::SuccessorReady => f.write_str("the successor has the addresses"),
            Self::HoldExpired => f.write_str("nobody took the addresses within the bound"),
            Self::HoldUnhealthy => {
                f.write_str("a tracked object failed while the addresses were held")
            }
            Self::Outweighed { by, ours } => write!(
                f,
                "a check failed, which leaves priority {ours} against {by} of a peer: goodbye at once (fast_fail)"
            ),
            Self::Yielded => f.write_str("asked to give way"),
            Self::NoSuccessor => f.write_str("gave way, and nobody took over within the bound"),
            Self::TakenOut => f.write_str("taken out for maintenance"),
            Self::BackIn => f.write_str("maintenance ended"),
            Self::Unseen => f.write_str("for a reason that is not seen from outside"),
            Self::Other => f.write_str("a cause that this version does not know"),
        }
    }
}

#[cfg(test)]
mod tests {
    use vrrp_proto::router::FaultSet;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_code_of_a_cause_is_its_tag_in_json() {
        for cause in [
            Cause::Started,
            Cause::SilentActive {
                last: None,
                silence_ms: None,
            },
            Cause::TieLost {
                from: address("10.0.0.2"),
                priority: 100,
            },
            Cause::Group { group: None },
            Cause::AddressesRefused { errno: Some(1) },
            Cause::HoldUnhealthy,
            Cause::Outweighed { by: 102, ours: 101 },
            Cause::Yielded,
            Cause::NoSuccessor,
            Cause::TakenOut,
            Cause::BackIn,
        ] {
            let json = serde_json::to_value(cause).unwrap();
            assert_eq!(json["code"], cause.code());
        }
    }

    #[test]
    fn causes_are_sentences_with_their_numbers() {
        let objects = Objects {
            interface: Some(Name::new("eth0")),
            tracker: Some(Name::new("script chk_haproxy")),
            group: Some(Name::new("VG_1")),
            errno: Some(1),
        };
        let fault = |set| Cause::Fault {
            faults: Faults(set),
            objects,
        };
        let peer = address("10.0.0.2");
        for (cause, sentence) in [
            (
                Cause::SilentActive {
                    last: Some(peer),
                    silence_ms: Some(3_609),
                },
                "no advert from 10.0.0.2 for 3.6 s",
            ),
            (
                Cause::SilentActive {
                    last: None,
                    silence_ms: Some(3_550),
                },
                "no advert from anybody for 3.55 s",
            ),
            (
                Cause::Released { by: peer },
                "10.0.0.2 released the addresses (priority 0)",
            ),
            (
                Cause::HigherPriority {
                    from: peer,
                    priority: 103,
                    ours: 101,
                },
                "10.0.0.2 advertised priority 103, ours is 101",
            ),
            (
                Cause::TieLost {
                    from: peer,
                    priority: 100,
                },
                "10.0.0.2 advertised the same priority 100 and has the higher address",
            ),
            (
                fault(FaultSet::TRACKER),
                "tracked script chk_haproxy failed",
            ),
            (
                fault(FaultSet::INTERFACE_DOWN.with(FaultSet::NO_SOURCE, true)),
                "interface eth0 is down or has no carrier; interface eth0 has no address to send adverts from",
            ),
            (
                fault(FaultSet::GROUP),
                "another member of sync group VG_1 has a fault",
            ),
            (
                Cause::AddressesRefused { errno: Some(1) },
                "the kernel refused the virtual addresses: EPERM (operation not permitted)",
            ),
        ] {
            assert_eq!(cause.to_string(), sentence);
        }
    }
}
