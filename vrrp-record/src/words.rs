//! The words of every surface: keepalived's states, faults in plain language, causes as sentences, the names of errnos.
//!
//! One function maps states; nothing else in the workspace spells MASTER, BACKUP or FAULT for output.

use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vrrp_proto::router::{FaultSet, State};

use crate::cause::Cause;
use crate::text::Name;

/// A router's state in keepalived's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Word {
    /// Not started, or waiting for the first result of a tracked script.
    Init,
    /// Watching the Active router.
    Backup,
    /// Has the addresses.
    Master,
    /// Kept out of the election by a fault.
    Fault,
}

/// The one mapping of states to keepalived's words.
///
/// Releasing is MASTER: the addresses are still here, and a notify script that stops the service must not run before
/// they are gone. A router that only waits for the first result of a tracked script is INIT, as keepalived reports
/// nothing about it before that result.
#[must_use]
pub fn word(state: State, faults: FaultSet) -> Word {
    match state {
        State::Active | State::Releasing => Word::Master,
        State::Backup => Word::Backup,
        State::Initialize => {
            if faults.with(FaultSet::TRACKER_PENDING, false).is_empty() {
                Word::Init
            } else {
                Word::Fault
            }
        }
    }
}

impl Word {
    /// The word in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        }
    }

    /// The word that people type: keepalived's or RFC 9568's, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "master" | "active" => Some(Self::Master),
            "backup" => Some(Self::Backup),
            "fault" => Some(Self::Fault),
            "init" | "initialize" => Some(Self::Init),
            _ => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reasons that keep a router out of the election; a list of short codes in JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults(pub FaultSet);

/// Every fault and its code.
const FAULTS: [(FaultSet, &str); 8] = [
    (FaultSet::INTERFACE_GONE, "interface_gone"),
    (FaultSet::INTERFACE_DOWN, "interface_down"),
    (FaultSet::NO_SOURCE, "no_source"),
    (FaultSet::TRACKER, "tracker"),
    (FaultSet::GROUP, "group"),
    (FaultSet::ADDRESS_REFUSED, "address_refused"),
    (FaultSet::NO_SOCKET, "no_socket"),
    (FaultSet::TRACKER_PENDING, "tracker_pending"),
];

/// What is at fault, for the sentences; what is unknown is told without a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// The router's interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<Name>,
    /// The tracked object: `script chk_haproxy`, `interface eth1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracker: Option<Name>,
    /// The sync group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
    /// The kernel's reason, as Linux numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
}

impl Faults {
    /// The codes of the faults in this set.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        FAULTS
            .iter()
            .filter(move |(fault, _)| self.0.contains(*fault))
            .map(|(_, code)| *code)
    }

    /// One sentence for each fault.
    #[must_use]
    pub fn sentences(self, objects: &Objects) -> Vec<String> {
        let interface = Named("interface", objects.interface);
        let tracker = match objects.tracker {
            Some(name) => format!("tracked {name}"),
            None => String::from("a tracked object"),
        };
        self.codes()
            .map(|code| match code {
                "interface_gone" => format!("{interface} does not exist"),
                "interface_down" => format!("{interface} is down or has no carrier"),
                "no_source" => format!("{interface} has no address to send adverts from"),
                "tracker" => format!("{tracker} failed"),
                "group" => format!(
                    "another member of {} has a fault",
                    Named("sync group", objects.group)
                ),
                "address_refused" => match objects.errno {
                    Some(errno) => {
                        format!("the kernel refused the virtual addresses: {}", Errno(errno))
                    }
                    None => String::from("the kernel did not confirm the virtual addresses"),
                },
                "no_socket" => match objects.errno {
                    Some(errno) => {
                        format!("cannot open the sockets on {interface}: {}", Errno(errno))
                    }
                    None => format!("cannot open the sockets on {interface}"),
                },
                _ => format!("waits for the first result of {tracker}"),
            })
            .collect()
    }
}

/// `kind name`, or `the kind`.
struct Named(&'static str, Option<Name>);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) => write!(f, "{} {name}", self.0),
            None => write!(f, "the {}", self.0),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.codes()).finish()
    }
}

impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.codes())
    }
}

impl<'de> Deserialize<'de> for Faults {
    /// Codes that a newer daemon knows are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codes = Vec::<String>::deserialize(deserializer)?;
        if codes.len() > 64 {
            return Err(D::Error::custom("more than 64 faults"));
        }
        let mut set = FaultSet::NONE;
        for (fault, code) in FAULTS {
            set = set.with(fault, codes.iter().any(|c| c == code));
        }
        Ok(Self(set))
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
            Self::Other => f.write_str("a cause that this version does not know"),
        }
    }
}

/// A length of time as people read it: `3.61 s`, `4 min 12 s`, `12 d 4 h`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match seconds {
            0..10 => {
                let micros = self.0.as_micros();
                if micros < 1_000 {
                    format!("{micros} \u{b5}s")
                } else if micros < 10_000 {
                    trimmed(micros, 1_000, "ms")
                } else if micros < 1_000_000 {
                    format!("{} ms", micros / 1_000)
                } else {
                    trimmed(micros, 1_000_000, "s")
                }
            }
            10..60 => format!("{seconds} s"),
            60..3_600 => pair(seconds, 60, "min", "s"),
            3_600..86_400 => pair(seconds / 60, 60, "h", "min"),
            _ => pair(seconds / 3_600, 24, "d", "h"),
        };
        f.pad(&text)
    }
}

/// `value / unit` with at most two decimals, and without trailing zeros.
fn trimmed(value: u128, unit: u128, name: &str) -> String {
    let hundredths = value * 100 / unit;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{whole} {name}"),
        (_, 0) => format!("{whole}.{} {name}", rest / 10),
        _ => format!("{whole}.{rest:02} {name}"),
    }
}

/// Two units of a length of time, the smaller one left out where it is zero.
fn pair(small: u64, per_large: u64, large_name: &str, small_name: &str) -> String {
    match small % per_large {
        0 => format!("{} {large_name}", small / per_large),
        rest => format!("{} {large_name} {rest} {small_name}", small / per_large),
    }
}

/// An errno of Linux by name and meaning, wherever it is read.
#[derive(Clone, Copy, Debug)]
pub struct Errno(pub i32);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            1 => "EPERM (operation not permitted)",
            2 => "ENOENT (no such file or directory)",
            11 => "EAGAIN (try again)",
            12 => "ENOMEM (out of memory)",
            13 => "EACCES (permission denied)",
            16 => "EBUSY (device or resource busy)",
            17 => "EEXIST (exists already)",
            19 => "ENODEV (no such device)",
            22 => "EINVAL (invalid argument)",
            24 => "EMFILE (too many open files)",
            90 => "EMSGSIZE (message too long)",
            95 => "EOPNOTSUPP (not supported)",
            97 => "EAFNOSUPPORT (address family not supported)",
            98 => "EADDRINUSE (address in use)",
            99 => "EADDRNOTAVAIL (address not available)",
            100 => "ENETDOWN (network is down)",
            101 => "ENETUNREACH (network is unreachable)",
            105 => "ENOBUFS (no buffer space)",
            110 => "ETIMEDOUT (timed out)",
            113 => "EHOSTUNREACH (no route to host)",
            number => return write!(f, "errno {number}"),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests;
