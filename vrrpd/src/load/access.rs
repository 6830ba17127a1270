//! How a configuration's reader gets at files, users, programs and interfaces: through the runner, or directly.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::net::if_::if_nametoindex;
use vrrp_config::plan::{CommandPlan, UserSpec};
use vrrp_config::{CommandFinding, FileProvider, HostFacts};

use crate::runner::{self, Account, Candidate, FileError, Resolved, Runner, RunnerError, Unusable};

/// How files, users and programs are looked at.
#[derive(Clone, Debug)]
pub enum Access {
    /// By this process.
    Direct,
    /// By the runner.
    Runner(Runner),
}

impl Access {
    pub(super) fn resolve(
        &self,
        candidate: &Candidate,
    ) -> Result<Result<Resolved, Unusable>, RunnerError> {
        match self {
            Self::Direct => Ok(runner::resolve(candidate)),
            Self::Runner(runner) => runner.resolve(candidate),
        }
    }
}

impl Access {
    /// Opens a FIFO. Only the daemon has any use for one, so there is none without its runner.
    pub(super) fn fifo(&self, path: &Path, owner: Option<&UserSpec>) -> Result<File, FileError> {
        match self {
            Self::Direct => Err(FileError::NotFound),
            Self::Runner(runner) => runner.fifo(path, owner.map(account).as_ref()),
        }
    }
}

impl FileProvider for Access {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, vrrp_config::FileError> {
        let bytes = u64::try_from(limit).unwrap_or(u64::MAX);
        let content = match self {
            Self::Direct => runner::read(path, bytes),
            Self::Runner(runner) => runner.read(path, bytes),
        };
        content.map_err(|error| match error {
            FileError::NotFound => vrrp_config::FileError::Missing,
            FileError::NotRegular | FileError::Executable => vrrp_config::FileError::NotRegular,
            FileError::TooLarge { .. } => vrrp_config::FileError::TooLarge(limit),
            FileError::Refused { errno, .. } if errno == nix::libc::EACCES => {
                vrrp_config::FileError::Denied
            }
            FileError::Refused { message, .. } => vrrp_config::FileError::Other(message),
        })
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = pattern.to_string_lossy();
        let found = match self {
            Self::Direct => runner::glob(&pattern),
            Self::Runner(runner) => runner.glob(&pattern),
        };
        found.unwrap_or_else(|error| {
            tracing::warn!("cannot expand '{pattern}': {error}");
            Vec::new()
        })
    }
}

impl HostFacts for Access {
    fn interface_exists(&self, name: &str) -> Option<bool> {
        Some(if_nametoindex(name).is_ok())
    }

    fn user_exists(&self, user: &UserSpec) -> Option<bool> {
        // Any program will do: the user is looked at first.
        let candidate = Candidate {
            argv: vec![String::from("/")],
            shell: false,
            account: Some(account(user)),
            security: false,
        };
        let resolved = self.resolve(&candidate).ok()?;
        Some(!matches!(
            resolved,
            Err(Unusable::NoUser(_) | Unusable::NoGroup(_))
        ))
    }

    fn command(&self, command: &CommandPlan, user: Option<&UserSpec>) -> Option<CommandFinding> {
        let candidate = candidate(command, user, false);
        match self.resolve(&candidate).ok()? {
            Ok(Resolved {
                insecure: Some(_), ..
            }) => Some(CommandFinding::Insecure),
            Ok(_) => Some(CommandFinding::Fine),
            Err(Unusable::NotExecutable { .. }) => Some(CommandFinding::NotExecutable),
            Err(Unusable::NotFound(_) | Unusable::NotAFile(_) | Unusable::NoCommand) => {
                Some(CommandFinding::Missing)
            }
            // The user is another question; security was not asked for.
            Err(
                Unusable::NoUser(_)
                | Unusable::NoGroup(_)
                | Unusable::NoDefaultUser
                | Unusable::Insecure { .. },
            ) => None,
        }
    }
}

fn account(user: &UserSpec) -> Account {
    Account {
        user: user.user.clone(),
        group: user.group.clone(),
    }
}

pub(super) fn candidate(
    command: &CommandPlan,
    user: Option<&UserSpec>,
    security: bool,
) -> Candidate {
    Candidate {
        argv: command.argv.clone(),
        shell: command.shell,
        account: command.user.as_ref().or(user).map(account),
        security,
    }
}
