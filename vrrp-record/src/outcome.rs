//! What events say about: reasons, outcomes, states of tracked objects, and the words for them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::quantity::{Count, Errno, Plural, Span};
use crate::text::Name;

/// Why the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum StopReason {
    /// A signal.
    Signal {
        /// Its number.
        number: i32,
        /// Its sender, where the kernel told.
        pid: Option<u32>,
        /// The sender's user, where the kernel told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<u32>,
        /// The sender's command name, only if sure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comm: Option<Name>,
    },
    /// Something inside cannot go on.
    Internal,
}

/// What an operator asked of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// To give way.
    Yield,
    /// To be the last to take over.
    Maintenance,
    /// To take no part.
    MaintenanceForced,
    /// Anything that a newer daemon knows.
    #[serde(other)]
    Other,
}

impl Asked {
    /// Whether it is maintenance of either kind.
    #[must_use]
    pub const fn is_maintenance(self) -> bool {
        matches!(self, Self::Maintenance | Self::MaintenanceForced)
    }

    /// What the node does meanwhile.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Yield => "BACKUP until the MASTER falls silent",
            Self::Maintenance => "MASTER only while nobody else is there, with priority 1",
            Self::MaintenanceForced => "out of the election, whoever else is there",
            Self::Other => "something that this version does not know",
        }
    }

    /// The command that ends it.
    #[must_use]
    pub const fn ended_by(self) -> &'static str {
        match self {
            Self::Yield => "vrrpctl yield --cancel",
            Self::Maintenance | Self::MaintenanceForced => "vrrpctl maintenance off",
            Self::Other => "the vrrpctl of the daemon's own version",
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yield => "given way",
            Self::Maintenance => "maintenance",
            Self::MaintenanceForced => "maintenance by force",
            Self::Other => "another order",
        })
    }
}

/// What becomes of an operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedPhase {
    /// It is in force.
    Began,
    /// It is in force still, as it was before this start.
    Kept,
    /// It is in force still; told once an hour.
    GoesOn,
    /// An operator ended it.
    Ended,
    /// Its time is up.
    TimeUp,
    /// Nobody took over within the bound, or whoever did is gone: this node is MASTER.
    Needed,
    /// Anything that a newer daemon knows.
    #[serde(other)]
    Other,
}

/// What is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackerKind {
    /// A `vrrp_script`.
    Script,
    /// An interface.
    Interface,
    /// A process (`vrrp_track_process`).
    Process,
    /// Anything that a newer daemon tracks.
    #[serde(other)]
    Other,
}

/// What a tracked object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackerState {
    /// No result yet.
    Unknown,
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// Its last result is too old to count (safety rule 1): counts as bad.
    Expired,
}

/// How a run of a user's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum RunOutcome {
    /// It was started, and nobody waits for its end.
    Started,
    /// It exited.
    Exited {
        /// With this status; 0 is good.
        status: i32,
    },
    /// A signal ended it.
    Killed {
        /// Its number.
        signal: i32,
    },
    /// It ran longer than allowed and was killed with its process group.
    TimedOut,
    /// It could not be started.
    Failed {
        /// The kernel's reason, as Linux numbers it.
        errno: i32,
    },
}

/// Something out of the ordinary, which is kept and explained although nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// The engine woke late for adverts.
    SentLate,
    /// Adverts were not built or the kernel refused them.
    NotSent,
    /// Adverts were accepted and never reached the driver.
    NotLeft,
    /// Adverts waited in the queue discipline.
    Queued,
    /// Adverts left the driver and the device did not take them.
    Held,
    /// Adverts were read late.
    ReadLate,
    /// Adverts that the sender numbered never came.
    Missing,
    /// Several adverts came at once after a gap.
    Burst,
    /// A receive queue was full and dropped packets.
    Overflowed,
    /// Adverts for a router were refused by a check.
    Rejected,
    /// Anything that a newer daemon tells.
    #[serde(other)]
    Other,
}

/// What an interface did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceChange {
    /// It exists now.
    Appeared,
    /// It no longer exists.
    Vanished,
    /// It is up and has carrier.
    Up,
    /// It is down or has no carrier.
    Down,
    /// Anything that a newer daemon tells.
    #[serde(other)]
    Other,
}

/// Why an interface is down, as far as its flags tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownReason {
    /// Somebody set it down (IFF_UP is gone).
    SetDown,
    /// It is set up and has no carrier.
    NoCarrier,
    /// It is not down, or nothing is known.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How a reload went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// The new configuration is in force.
    Applied {
        /// Routers that started.
        added: u32,
        /// Routers whose settings changed.
        changed: u32,
        /// Routers that stopped.
        removed: u32,
        /// Routers that did not notice.
        untouched: u32,
    },
    /// The new configuration is wrong, and the old one stays in force.
    Refused {
        /// Number of errors; the log has them.
        errors: u32,
    },
}

/// A change of a thread's scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SchedulingChange {
    /// The thread used more than 20 % of a CPU and left real time for ten seconds (safety rule 4).
    DemotedBusy {
        /// CPU time used within 200 ms, in milliseconds.
        used_ms: u64,
    },
    /// The kernel's limit for real-time threads was about to be reached, and the thread left real time.
    DemotedByLimit,
    /// The thread is back in real time.
    Restored,
    /// Real time was wanted and refused.
    Refused {
        /// The kernel's reason, as Linux numbers it.
        errno: i32,
    },
}

/// Who removed an address (safety rule 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Remover {
    /// The kernel, without a process: the interface went down, or another address took its subnet along.
    Kernel,
    /// A process: port, start time and identity agree.
    Process {
        /// Its id.
        pid: u32,
        /// Its command name.
        name: Name,
    },
    /// A netlink port whose owner is unknown; a port id is not a pid.
    Port {
        /// The port id.
        port: u32,
    },
    /// Nothing is known.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Remover {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Why the engine gave up its routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum ResignReason {
    /// The rest of the daemon hangs (safety rule 1).
    HeartbeatLost {
        /// Age of the last heartbeat, in milliseconds.
        age_ms: u64,
    },
    /// The address thread is gone.
    AddressThreadLost,
    /// The kernel refused what the engine stands on.
    LoopBroken {
        /// Its reason, as Linux numbers it.
        errno: i32,
    },
    /// The engine ran into a defect of its own.
    EnginePanicked,
    /// Anything that a newer daemon tells.
    #[serde(other)]
    Other,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SentLate => "adverts were late",
            Self::NotSent => "adverts could not be sent",
            Self::NotLeft => "adverts were accepted and never left this kernel",
            Self::Queued => "adverts waited in the queue of the interface",
            Self::Held => "adverts were not taken by the device",
            Self::ReadLate => "adverts were read late",
            Self::Missing => "adverts that the sender numbered never came",
            Self::Burst => "adverts came at once after a gap",
            Self::Overflowed => "the receive queue was full and dropped packets",
            Self::Rejected => "adverts were rejected",
            Self::Other => "something out of the ordinary",
        })
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal {
                number,
                pid,
                uid,
                comm,
            } => Sent {
                number: *number,
                pid: *pid,
                uid: *uid,
                comm: *comm,
            }
            .fmt(f),
            Self::Internal => f.write_str("it cannot go on"),
        }
    }
}

impl fmt::Display for TrackerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Script => "script",
            Self::Interface => "interface",
            Self::Process => "process",
            Self::Other => "object",
        })
    }
}

impl fmt::Display for TrackerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "no result yet",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Expired => "has not reported in time, counts as bad",
        })
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Exited { status } => write!(f, "exit {status}"),
            Self::Killed { signal } => write!(f, "killed by {}", Signal(*signal)),
            Self::TimedOut => f.write_str("timed out"),
            Self::Failed { errno } => write!(f, "could not be started: {}", Errno(*errno)),
        }
    }
}

impl fmt::Display for InterfaceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::Up => "is up",
            Self::Down => "is down or has no carrier",
            Self::Other => "changed",
        })
    }
}

impl fmt::Display for ReloadOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied {
                added,
                changed,
                removed,
                untouched,
            } => {
                let parts = [
                    (added, "added"),
                    (changed, "changed"),
                    (removed, "removed"),
                    (untouched, "untouched"),
                ];
                let parts = parts.into_iter().filter(|(count, _)| **count > 0);
                let parts: Vec<String> = parts
                    .map(|(count, what)| format!("{} {what}", Plural((*count).into(), "router")))
                    .collect();
                write!(f, "reloaded: {}", parts.join(", "))
            }
            Self::Refused { errors } => {
                let errors = Plural((*errors).into(), "error");
                write!(
                    f,
                    "the new configuration has {errors}, the old one stays in force"
                )
            }
        }
    }
}

impl fmt::Display for SchedulingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DemotedBusy { used_ms } => {
                write!(
                    f,
                    "leaves real time for 10 s: it used {used_ms} ms of CPU in 200 ms"
                )
            }
            Self::DemotedByLimit => {
                f.write_str("leaves real time for 10 s: the kernel's limit was near")
            }
            Self::Restored => f.write_str("is back in real time"),
            Self::Refused { errno } => write!(f, "does not run in real time: {}", Errno(*errno)),
        }
    }
}

impl fmt::Display for Remover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("the kernel"),
            Self::Process { pid, name } => write!(f, "{name} (pid {pid})"),
            Self::Port { port } => {
                write!(f, "another process (netlink port id {port}, owner unknown)")
            }
            Self::Unknown => f.write_str("another process"),
        }
    }
}

impl fmt::Display for ResignReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeartbeatLost { age_ms } => {
                write!(
                    f,
                    "the daemon's outer part has not answered for {}",
                    Span(Duration::from_millis(*age_ms))
                )
            }
            Self::AddressThreadLost => f.write_str("its address thread is gone"),
            Self::LoopBroken { errno } => {
                write!(f, "the kernel refused what it stands on: {}", Errno(*errno))
            }
            Self::EnginePanicked => f.write_str("its engine thread panicked"),
            Self::Other => f.write_str("for a reason that this version does not know"),
        }
    }
}

/// A signal with its sender, as far as the kernel told and the name is sure.
pub(crate) struct Sent {
    pub(crate) number: i32,
    pub(crate) pid: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) comm: Option<Name>,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Signal(self.number).fmt(f)?;
        match (self.comm, self.pid, self.uid) {
            (Some(comm), Some(pid), Some(uid)) => {
                write!(f, " from {comm} (pid {pid}, uid {uid})")
            }
            (Some(comm), Some(pid), None) => write!(f, " from {comm} (pid {pid})"),
            (None, Some(pid), Some(uid)) => write!(f, " from pid {pid} (uid {uid})"),
            (None, Some(pid), None) => write!(f, " from pid {pid}"),
            (_, None, _) => Ok(()),
        }
    }
}

/// A signal of Linux by name.
struct Signal(i32);

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            6 => "SIGABRT",
            10 => "SIGUSR1",
            12 => "SIGUSR2",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            number => return write!(f, "signal {}", Count(u64::from(number.unsigned_abs()))),
        })
    }
}
