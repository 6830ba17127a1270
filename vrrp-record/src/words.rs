//! The words of every surface: keepalived's states, and faults in plain language.
//!
//! One function maps states; nothing else in the workspace spells MASTER, BACKUP or FAULT for output.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use vrrp_proto::router::FaultSet;
use vrrp_proto::router::State;

use crate::quantity::Errno;
use crate::text::Name;

/// A router's state in keepalived's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
const FAULTS: [(FaultSet, &str); 9] = [
    (FaultSet::INTERFACE_GONE, "interface_gone"),
    (FaultSet::INTERFACE_DOWN, "interface_down"),
    (FaultSet::NO_SOURCE, "no_source"),
    (FaultSet::TRACKER, "tracker"),
    (FaultSet::GROUP, "group"),
    (FaultSet::ADDRESS_REFUSED, "address_refused"),
    (FaultSet::NO_SOCKET, "no_socket"),
    (FaultSet::TRACKER_PENDING, "tracker_pending"),
    (FaultSet::NO_PEER, "no_peer"),
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
                "no_peer" => String::from("no unicast peer is configured (unicast_fault_no_peer)"),
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

#[cfg(test)]
mod tests;
