//! The journal's directory: made for the daemon's user, and locked for as long as its thread lives (safety rule 10).
//!
//! Making it needs root and may wait for a disk that hangs, so a process of its own does it and is not waited for long.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::unistd::{Gid, Uid, fchown};

/// The first argument of the process that makes a directory.
pub(crate) const ARGUMENT: &str = "--make-journal-directory";
/// The lock's name in the directory.
const LOCK: &str = "vrrpd.lock";
/// How long a start waits for the directory.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is no journal directory for us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// Another daemon has it.
    #[error("another vrrpd ({}) uses the journal directory {}: stop it, or choose another one with --journal-dir", owner(*.pid), .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other daemon, where it said so.
        pid: Option<i32>,
    },
    /// A step failed.
    #[error("cannot {step} the journal directory {}: {source}", .path.display())]
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

/// Makes the directory where it is missing and gives it to a user, without waiting for long. What fails shows when it is
/// used.
pub(crate) fn make(path: &Path, uid: Uid, gid: Gid) {
    let child = Command::new("/proc/self/exe")
        .arg(ARGUMENT)
        .arg(path)
        .arg(uid.to_string())
        .arg(gid.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return;
    };
    let begin = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The process that makes it. True where it is there and given away.
pub(crate) fn make_main(args: &[OsString]) -> bool {
    let [path, uid, gid] = args else {
        return false;
    };
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse().ok());
    let (Some(uid), Some(gid)) = (number(uid), number(gid)) else {
        return false;
    };
    make_here(Path::new(path), Uid::from_raw(uid), Gid::from_raw(gid)).is_ok()
}

fn make_here(path: &Path, uid: Uid, gid: Gid) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)?;
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)?;
    fchown(&directory, Some(uid), Some(gid))?;
    directory.set_permissions(Permissions::from_mode(0o750))
}

/// The directory, ours until this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: Flock<File>,
}

impl Directory {
    /// Makes the directory where it is missing and can be made, and locks it. May wait for the disk.
    pub(super) fn lock(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |step| {
            let path = path.to_owned();
            move |source| DirectoryError::Io { step, path, source }
        };
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(path);
        made.map_err(failed("make"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path.join(LOCK))
            .map_err(failed("open the lock of"))?;
        let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut text = String::new();
                // The other one may not have written its number yet.
                let _ = file.read_to_string(&mut text);
                return Err(DirectoryError::InUse {
                    path: path.to_owned(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err((_, errno)) => return Err(failed("lock")(errno.into())),
        };
        // A full disk takes no number; the lock holds all the same.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(&*lock, "{}", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock that we hold is still the file of that name: another one could lock it else.
    pub(super) fn is_there(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let (Ok(held), Ok(named)) = (self.lock.metadata(), fs::metadata(self.path.join(LOCK)))
        else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_told_who_the_first_is() {
        let path = std::env::temp_dir().join(format!("vrrpd-journal-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        make_here(&path.join("deep/er"), uid, gid).unwrap();
        let first = Directory::lock(&path.join("deep/er")).unwrap();
        let second = Directory::lock(&path.join("deep/er")).unwrap_err();
        let pid = format!("pid {}", std::process::id());
        assert!(second.to_string().contains(&pid), "{second}");
        let mode = fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert!(first.is_there());
        fs::remove_dir_all(&path).unwrap();
        assert!(!first.is_there());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let text = Directory::lock(Path::new("/proc/nowhere"))
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("cannot make the journal directory /proc/nowhere"),
            "{text}"
        );
    }
}
