//! What the process ends with: keepalived's exit codes, and one of our own.
//!
//! Scripts and service managers read these numbers, so each is stated here once.

use std::process::ExitCode;

/// How the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Orderly.
    Success,
    /// A bad option, or something that the machine refuses.
    Failure,
    /// The configuration is wrong for good: a restart does not help.
    Configuration,
    /// Somebody else speaks for these virtual routers already (safety rule 10). keepalived has no such code: its second
    /// start exits 0, which no service manager can tell from success.
    OtherSpeaker,
    /// A permission is missing.
    Permission,
    /// Only `-t`: there were complaints.
    Complaints,
    /// The configuration file is missing or cannot be read; with `-t` also a script security complaint.
    ConfigurationFile,
    /// A part of the daemon ended without being told to.
    Internal,
    /// The exit class that the configuration's check gave.
    Class(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Configuration => 2,
            Self::OtherSpeaker => 3,
            Self::Permission => 4,
            Self::Complaints => 5,
            Self::ConfigurationFile => 6,
            Self::Internal => 70,
            Self::Class(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
