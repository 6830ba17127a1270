//! Files of the real file system and hosts as tests want them.

use std::path::{Path, PathBuf};

use vrrp_config::plan::{CommandPlan, UserSpec};
use vrrp_config::{CommandFinding, FileError, FileProvider, HostFacts, LoadOptions, Loaded, load};

/// The real file system, with shell patterns in the last part of a path.
pub(crate) struct Disk;

impl FileProvider for Disk {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 != 0 {
            return Err(FileError::NotRegular);
        }
        if usize::try_from(metadata.len()).is_ok_and(|length| length > limit) {
            return Err(FileError::TooLarge(limit));
        }
        std::fs::read(path).map_err(|error| reason(&error))
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
            return Vec::new();
        };
        let name = name.to_string_lossy();
        let Some((head, tail)) = name.split_once('*') else {
            return vec![pattern.to_owned()];
        };
        let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(head) && name.ends_with(tail)
            })
            .collect();
        found.sort();
        found
    }
}

fn reason(error: &std::io::Error) -> FileError {
    if error.kind() == std::io::ErrorKind::NotFound {
        FileError::Missing
    } else if error.kind() == std::io::ErrorKind::PermissionDenied {
        FileError::Denied
    } else {
        FileError::Other(error.to_string())
    }
}

/// A host with these interfaces, on which every user exists and commands are as `commands` says.
pub(crate) struct Host {
    /// Interfaces.
    pub(crate) interfaces: Vec<String>,
    /// What there is to say about a command.
    pub(crate) commands: fn(&CommandPlan) -> CommandFinding,
    /// Whether a user exists.
    pub(crate) users: fn(&str) -> bool,
}

impl Host {
    /// With these interfaces, all users and all commands.
    pub(crate) fn with_interfaces(names: &[&str]) -> Self {
        Self {
            interfaces: names.iter().map(|name| (*name).to_owned()).collect(),
            commands: |_| CommandFinding::Fine,
            users: |_| true,
        }
    }
}

impl HostFacts for Host {
    fn interface_exists(&self, name: &str) -> Option<bool> {
        Some(self.interfaces.iter().any(|known| known == name))
    }

    fn user_exists(&self, user: &UserSpec) -> Option<bool> {
        Some((self.users)(&user.user))
    }

    fn command(&self, command: &CommandPlan, _: Option<&UserSpec>) -> Option<CommandFinding> {
        Some((self.commands)(command))
    }
}

/// Reads a file of the real file system.
pub(crate) fn load_file(path: &Path, facts: &dyn HostFacts) -> Loaded {
    let options = LoadOptions {
        config_id: "host".to_owned(),
        strict_includes: false,
        fast_fail: None,
    };
    load(path, &Disk, facts, &options)
}
