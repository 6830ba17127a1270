//! FIFOs on behalf of the daemon: made, opened, and removed again.

use std::fs::{self, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown, mkfifo};

use super::files::FileError;
use super::program::{self, Account};

/// FIFOs that were made here, and are removed when nobody wants them or the runner ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Made(Arc<Mutex<Vec<PathBuf>>>);

impl Made {
    fn list(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // Every change is complete at once.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a FIFO without waiting for whoever uses it, and makes it first where it is missing: for its owner alone, as the
    /// runner's umask says.
    ///
    /// # Errors
    /// When something else is there, the owner does not exist, or the kernel refuses.
    pub(super) fn open(&self, path: &Path, owner: Option<&Account>) -> Result<OwnedFd, FileError> {
        match mkfifo(path, Mode::from_bits_truncate(0o644)) {
            Ok(()) => {
                self.list().push(path.to_owned());
                if let Some(owner) = owner {
                    give(path, owner)?;
                }
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(std::io::Error::from(errno).into()),
        }
        let fifo = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
            .open(path)?;
        if !fifo.metadata()?.file_type().is_fifo() {
            return Err(FileError::Refused {
                errno: libc::EEXIST,
                message: String::from("something that is no fifo is there: move it away"),
            });
        }
        Ok(fifo.into())
    }

    /// Removes one that was made here.
    pub(super) fn remove(&self, path: &Path) {
        let mut made = self.list();
        if let Some(place) = made.iter().position(|known| known == path) {
            made.swap_remove(place);
            // One that is gone already is as it should be.
            let _ = fs::remove_file(path);
        }
    }

    /// Removes all that were made here.
    pub(super) fn remove_all(&self) {
        for path in self.list().drain(..) {
            let _ = fs::remove_file(path);
        }
    }
}

fn give(path: &Path, owner: &Account) -> Result<(), FileError> {
    let (uid, gid) = program::numbers(owner).map_err(|error| FileError::Refused {
        errno: libc::EINVAL,
        message: error.to_string(),
    })?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    chown(path, Some(uid), Some(gid)).map_err(|errno| std::io::Error::from(errno).into())
}
