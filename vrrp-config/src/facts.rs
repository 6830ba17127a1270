//! What a configuration check may ask about the host, so that it can object to what is not there.

use crate::plan::{CommandPlan, UserSpec};

/// What is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFinding {
    /// Nothing.
    Fine,
    /// The program does not exist or cannot be reached.
    Missing,
    /// The user it would run as may not execute it.
    NotExecutable,
    /// Somebody other than root could change it, and it would run as root.
    Insecure,
}

/// Answers about the host; `None` means that the asker cannot know.
pub trait HostFacts {
    /// Whether the interface exists.
    fn interface_exists(&self, name: &str) -> Option<bool>;
    /// Whether user and group exist.
    fn user_exists(&self, user: &UserSpec) -> Option<bool>;
    /// What there is to say about running this command as `user` (root where absent).
    fn command(&self, command: &CommandPlan, user: Option<&UserSpec>) -> Option<CommandFinding>;
}

/// Knows nothing about any host: a file can be read on a laptop.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFacts;

impl HostFacts for NoFacts {
    fn interface_exists(&self, _: &str) -> Option<bool> {
        None
    }

    fn user_exists(&self, _: &UserSpec) -> Option<bool> {
        None
    }

    fn command(&self, _: &CommandPlan, _: Option<&UserSpec>) -> Option<CommandFinding> {
        None
    }
}
