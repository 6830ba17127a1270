//! Who is measured.

use std::fmt;

use crate::lab::Daemon;

/// One of those that a bench compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Debian's keepalived.
    Keepalived,
    /// This workspace's daemon.
    Vrrpd,
    /// A timer that sends, and nothing else: the least that this machine can do.
    Bare,
}

impl Subject {
    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keepalived => "keepalived",
            Self::Vrrpd => "vrrpd",
            Self::Bare => "bare sender",
        }
    }

    /// A short name, of which those of a lab's interfaces are made.
    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Keepalived => "k",
            Self::Vrrpd => "v",
            Self::Bare => "b",
        }
    }

    /// The daemon that it is; the bare sender is none.
    pub(super) const fn daemon(self) -> Option<Daemon> {
        match self {
            Self::Keepalived => Some(Daemon::Keepalived),
            Self::Vrrpd => Some(Daemon::Ours),
            Self::Bare => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
