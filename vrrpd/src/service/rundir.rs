//! The run directory: made, given to the daemon's user, and locked for as long as the daemon lives (safety rule 10).

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::unistd::{Gid, Uid, fchown};

/// The lock's name in the run directory.
const LOCK: &str = "vrrpd.lock";

/// Why there is no run directory for us.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Another daemon has it.
    #[error("another vrrpd ({}) uses the run directory {}: stop it, or choose another one with --run-dir", owner(*.pid), .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other daemon, where it said so.
        pid: Option<i32>,
    },
    /// A step failed.
    #[error("cannot {step} the run directory {}: {source}", .path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn owner(pid: Option<i32>) -> String {
    pid.map_or_else(|| String::from("pid unknown"), |pid| format!("pid {pid}"))
}

/// The run directory, ours until this is dropped.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes the directory where it is missing, mode 0755, and locks it.
    ///
    /// # Errors
    /// See [`RunDirError`].
    pub fn lock(path: &Path) -> Result<Self, RunDirError> {
        let failed = |step| {
            let path = path.to_owned();
            move |source| RunDirError::Io { step, path, source }
        };
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path);
        made.map_err(failed("make"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path.join(LOCK))
            .map_err(failed("open the lock of"))?;
        let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut text = String::new();
                // The other one may not have written its number yet.
                let _ = file.read_to_string(&mut text);
                return Err(RunDirError::InUse {
                    path: path.to_owned(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err((_, errno)) => return Err(failed("lock")(errno.into())),
        };
        let written = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(&*lock, "{}", std::process::id()));
        written.map_err(failed("write to the lock of"))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Gives the directory to the user that the daemon goes on as.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn give_to(&self, uid: Uid, gid: Gid) -> Result<(), RunDirError> {
        let failed = |step| {
            let path = self.path.clone();
            move |source| RunDirError::Io { step, path, source }
        };
        let directory = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
            .open(&self.path)
            .map_err(failed("open"))?;
        fchown(&directory, Some(uid), Some(gid))
            .map_err(io::Error::from)
            .map_err(failed("give away"))?;
        directory
            .set_permissions(Permissions::from_mode(0o755))
            .map_err(failed("set the mode of"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_told_who_the_first_is() {
        let path = std::env::temp_dir().join(format!("vrrpd-rundir-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let first = RunDir::lock(&path.join("deep/er")).unwrap();
        let second = RunDir::lock(&path.join("deep/er")).unwrap_err();
        let text = second.to_string();
        assert!(
            text.contains(&format!("pid {}", std::process::id())),
            "{text}"
        );
        let mode = fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o755, 0);
        drop(first);
        RunDir::lock(&path.join("deep/er")).unwrap();
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let text = RunDir::lock(Path::new("/proc/nowhere"))
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("cannot make the run directory /proc/nowhere"),
            "{text}"
        );
    }
}
