//! A directory that belongs to one daemon: made where it is missing, and locked for as long as it is held (safety rule 10).

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::unistd::{Gid, Uid, fchown};

/// The lock's name in the directory.
const LOCK: &str = "vrrpd.lock";

/// What a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Control socket and flight recorder.
    Run,
    /// The journal.
    Journal,
}

impl Purpose {
    const fn option(self) -> &'static str {
        match self {
            Self::Run => "--run-dir",
            Self::Journal => "--journal-dir",
        }
    }

    /// Modes of the directory and of its lock: the journal is not for everybody.
    const fn modes(self) -> (u32, u32) {
        match self {
            Self::Run => (0o755, 0o644),
            Self::Journal => (0o750, 0o640),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "run directory",
            Self::Journal => "journal directory",
        })
    }
}

/// Why there is no directory for us.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another daemon has it.
    #[error("another vrrpd ({}) uses the {purpose} {}: stop it, or choose another one with {}", owner(*.pid), .path.display(), purpose.option())]
    InUse {
        /// What it is for.
        purpose: Purpose,
        /// The directory.
        path: PathBuf,
        /// The other daemon, where it said so.
        pid: Option<i32>,
    },
    /// A step failed.
    #[error("cannot {step} the {purpose} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// What it is for.
        purpose: Purpose,
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DirectoryError {
    /// The failure of a step.
    pub fn of(
        step: &'static str,
        purpose: Purpose,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            step,
            purpose,
            path,
            source,
        }
    }
}

fn owner(pid: Option<i32>) -> String {
    pid.map_or_else(|| String::from("pid unknown"), |pid| format!("pid {pid}"))
}

/// The directory, ours until this is dropped.
#[derive(Debug)]
pub struct LockedDirectory {
    purpose: Purpose,
    path: PathBuf,
    lock: Flock<File>,
}

impl LockedDirectory {
    /// Makes the directory where it is missing and can be made, and locks it. May wait for the disk.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn lock(path: &Path, purpose: Purpose) -> Result<Self, DirectoryError> {
        let failed = |step| DirectoryError::of(step, purpose, path);
        let (mode, lock_mode) = purpose.modes();
        make(path, mode).map_err(failed("make"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(lock_mode)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path.join(LOCK))
            .map_err(failed("open the lock of"))?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut text = String::new();
                // The other one may not have written its number yet.
                let _ = file.read_to_string(&mut text);
                return Err(DirectoryError::InUse {
                    purpose,
                    path: path.to_owned(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err((_, errno)) => return Err(failed("lock")(errno.into())),
        };
        Ok(Self {
            purpose,
            path: path.to_owned(),
            lock,
        })
    }

    /// Writes this process's number into the lock, for whoever is refused.
    ///
    /// # Errors
    /// When the disk takes it not; the lock holds all the same.
    pub fn sign(&mut self) -> Result<(), DirectoryError> {
        let written = self
            .lock
            .set_len(0)
            .and_then(|()| self.lock.rewind())
            .and_then(|()| writeln!(&*self.lock, "{}", std::process::id()));
        written.map_err(DirectoryError::of(
            "write to the lock of",
            self.purpose,
            &self.path,
        ))
    }

    /// Gives the directory to the user that the daemon goes on as.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn give_to(&self, uid: Uid, gid: Gid) -> Result<(), DirectoryError> {
        give(&self.path, self.purpose, uid, gid)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock that we hold is still the file of that name: another one could lock it else.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let (Ok(held), Ok(named)) = (self.lock.metadata(), fs::metadata(self.path.join(LOCK)))
        else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }
}

/// Makes the directory where it is missing and gives it to a user, without locking it.
pub(crate) fn make_for(
    path: &Path,
    purpose: Purpose,
    uid: Uid,
    gid: Gid,
) -> Result<(), DirectoryError> {
    make(path, purpose.modes().0).map_err(DirectoryError::of("make", purpose, path))?;
    give(path, purpose, uid, gid)
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
}

fn give(path: &Path, purpose: Purpose, uid: Uid, gid: Gid) -> Result<(), DirectoryError> {
    let failed = |step| DirectoryError::of(step, purpose, path);
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)
        .map_err(failed("open"))?;
    fchown(&directory, Some(uid), Some(gid))
        .map_err(io::Error::from)
        .map_err(failed("give away"))?;
    directory
        .set_permissions(Permissions::from_mode(purpose.modes().0))
        .map_err(failed("set the mode of"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_and_told(purpose: Purpose) {
        let name = format!("vrrpd-{purpose:?}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        let place = path.join("deep/er");
        let mut first = LockedDirectory::lock(&place, purpose).unwrap();
        first.sign().unwrap();
        let second = LockedDirectory::lock(&place, purpose).unwrap_err();
        let text = second.to_string();
        assert!(
            text.contains(&format!("pid {}", std::process::id()))
                && text.contains(purpose.option()),
            "{text}"
        );
        let mode = || fs::metadata(&place).unwrap().permissions().mode() & 0o777;
        let wanted = purpose.modes().0;
        assert_eq!(mode() & !wanted, 0);
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        first.give_to(uid, gid).unwrap();
        assert_eq!(mode(), wanted);
        assert!(first.is_there());
        drop(first);
        let again = LockedDirectory::lock(&place, purpose).unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert!(!again.is_there());
    }

    #[test]
    fn a_second_daemon_is_refused_and_told_who_the_first_is() {
        refused_and_told(Purpose::Run);
        refused_and_told(Purpose::Journal);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        for purpose in [Purpose::Run, Purpose::Journal] {
            let error = LockedDirectory::lock(Path::new("/proc/nowhere"), purpose).unwrap_err();
            let text = error.to_string();
            let begin = format!("cannot make the {purpose} /proc/nowhere");
            assert!(text.starts_with(&begin), "{text}");
        }
    }

    #[test]
    fn a_directory_is_made_for_a_user_with_the_mode_of_its_purpose() {
        let path = std::env::temp_dir().join(format!("vrrpd-made-for-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        make_for(&path.join("deep/er"), Purpose::Journal, uid, gid).unwrap();
        let mode = fs::metadata(path.join("deep/er")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o750);
        fs::remove_dir_all(&path).unwrap();
    }
}
