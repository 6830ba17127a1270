//! Making, mapping and locking the file, and looking whether its name is still there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use nix::fcntl::{FallocateFlags, fallocate};
use nix::libc;
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use nix::unistd::{Gid, Group, fchown};

use crate::control::GROUP;
use crate::core::MemoryLock;
use crate::sys;

/// The file of this run.
#[derive(Debug)]
pub(crate) struct RingFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    words: &'static [AtomicU64],
}

/// What became of the file. Its records go on in memory in any case, until the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there.
    There,
    /// Its name is gone, or another file has it.
    Removed,
    /// Somebody shortened it: what stood behind its end is lost.
    Shortened,
}

impl RingFile {
    /// Makes the file anew, of `bytes` zeros, readable for the group of the control socket, and maps it.
    pub(super) fn make(
        path: &Path,
        bytes: usize,
    ) -> Result<(Self, &'static [AtomicU64], MemoryLock), String> {
        let failed = |step: &'static str| {
            let place = path.display().to_string();
            move |error: io::Error| format!("cannot {step} {place}: {error}")
        };
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace")(error));
            }
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(failed("make"))?;
        let made = Self::fill(&file, bytes, path);
        let words = match made {
            Ok(words) => words,
            Err(text) => {
                // Half a recorder would be taken for one by whoever reads it.
                let _ = fs::remove_file(path);
                return Err(text);
            }
        };
        let locked = match sys::memory::lock(words.as_ptr().addr(), bytes) {
            Ok(()) => MemoryLock::Locked,
            Err(error) => MemoryLock::Refused(error.raw_os_error().unwrap_or_default()),
        };
        let metadata = file.metadata().map_err(failed("look at"))?;
        let ring = Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            words,
        };
        Ok((ring, words, locked))
    }

    fn fill(file: &File, bytes: usize, path: &Path) -> Result<&'static [AtomicU64], String> {
        let failed = |step: &'static str| {
            let place = path.display().to_string();
            move |error: io::Error| format!("cannot {step} {place}: {error}")
        };
        let kind = fstatfs(file.as_fd()).map_err(|errno| failed("look at")(errno.into()))?;
        if kind.filesystem_type() != TMPFS_MAGIC {
            return Err(format!(
                "{} is not on tmpfs, where storing never waits for a disk, so nothing is recorded: choose a run directory below /run with --run-dir",
                path.display()
            ));
        }
        // With its pages there, a store can never meet a full file system.
        let length =
            i64::try_from(bytes).map_err(|_| failed("map")(io::ErrorKind::FileTooLarge.into()))?;
        fallocate(file.as_fd(), FallocateFlags::empty(), 0, length)
            .map_err(|errno| failed("make room for")(errno.into()))?;
        let owned = file.metadata().map_err(failed("look at"))?.gid();
        // Under its unit the daemon has that group already, and a sandbox that lets nobody change owners.
        let give = |group: Gid| {
            if owned == group.as_raw() {
                Ok(())
            } else {
                fchown(file, None, Some(group))
            }
        };
        let mode = match group().map(give) {
            Some(Ok(())) => 0o640,
            Some(Err(_)) | None => 0o600,
        };
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(failed("change the mode of"))?;
        sys::mapping::map(file, bytes).map_err(failed("map"))
    }

    /// What became of it.
    pub(crate) fn fate(&self) -> Fate {
        let Ok(now) = fs::symlink_metadata(&self.path) else {
            return Fate::Removed;
        };
        if (now.dev(), now.ino()) != (self.device, self.inode) {
            Fate::Removed
        } else if now.len() < self.bytes || sys::mapping::replaced(self.words) > 0 {
            Fate::Shortened
        } else {
            Fate::There
        }
    }
}

impl Fate {
    /// What the status says of it; nothing where all is well.
    pub(crate) fn trouble(self, file: &str) -> Option<String> {
        let what = match self {
            Self::There => return None,
            Self::Removed => "was removed",
            Self::Shortened => "was shortened, and what stood behind its end is lost",
        };
        Some(format!(
            "{file} {what}: this run goes on recording in memory, which vrrpctl cannot read; restart vrrpd when it suits"
        ))
    }
}

fn group() -> Option<Gid> {
    Group::from_name(GROUP)
        .ok()
        .flatten()
        .map(|group| group.gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual tmpfs of a test machine; without one there is nothing to test.
    fn tmpfs() -> Option<PathBuf> {
        let place = Path::new("/dev/shm");
        let kind = nix::sys::statfs::statfs(place).ok()?.filesystem_type();
        (kind == TMPFS_MAGIC).then(|| place.join(format!("vrrpd-ring-{}", std::process::id())))
    }

    #[test]
    fn a_file_that_is_removed_is_noticed_and_its_memory_stays() {
        let Some(directory) = tmpfs() else {
            return eprintln!("SKIPPED: /dev/shm is no tmpfs");
        };
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("flight.ring");
        let (file, words, _) = RingFile::make(&path, 1 << 16).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 16);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
        assert_eq!(file.fate(), Fate::There);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(file.fate(), Fate::Removed);
        words[0].store(7, std::sync::atomic::Ordering::Release);
        assert_eq!(words[0].load(std::sync::atomic::Ordering::Acquire), 7);
        fs::create_dir_all(&directory).unwrap();
        fs::write(&path, "another one").unwrap();
        assert_eq!(file.fate(), Fate::Removed);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_file_that_is_shortened_is_noticed_and_its_memory_goes_on() {
        let Some(directory) = tmpfs() else {
            return eprintln!("SKIPPED: /dev/shm is no tmpfs");
        };
        let path = directory.with_extension("shortened");
        let (ring, words, _) = RingFile::make(&path, 1 << 16).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(0).unwrap();
        assert_eq!(ring.fate(), Fate::Shortened);
        words[100].store(7, std::sync::atomic::Ordering::Release);
        assert_eq!(words[100].load(std::sync::atomic::Ordering::Acquire), 7);
        // Whoever makes it as long as it was brings nothing back.
        file.set_len(1 << 16).unwrap();
        assert_eq!(ring.fate(), Fate::Shortened);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_disk_is_refused_with_the_remedy() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("not-on-tmpfs-{}", std::process::id()));
        if nix::sys::statfs::statfs(env!("CARGO_MANIFEST_DIR"))
            .is_ok_and(|kind| kind.filesystem_type() == TMPFS_MAGIC)
        {
            return eprintln!("SKIPPED: the sources are on tmpfs");
        }
        let text = RingFile::make(&path, 1 << 16).unwrap_err();
        assert!(text.contains("--run-dir"), "{text}");
        assert!(text.contains("nothing is recorded"), "{text}");
        assert!(!path.exists());
    }
}
