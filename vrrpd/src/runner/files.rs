//! Files on behalf of the daemon: configuration files and their names, process id files, dumps.
//!
//! Everything here may hang with the file system that it touches; callers give it a thread of its own.

use std::collections::hash_map::RandomState;
use std::ffi::{CString, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};

/// Why a file cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("no such file")]
    NotFound,
    /// A directory, a device, a pipe.
    #[error("not a regular file")]
    NotRegular,
    /// It has an execute bit; keepalived takes such a file for a program and refuses it.
    #[error("the file is executable, which a configuration file must not be: chmod a-x it")]
    Executable,
    /// It is too large.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// The kernel refused.
    #[error("{message}")]
    Refused {
        /// Its reason as a number.
        errno: i32,
        /// Its reason in words.
        message: String,
    },
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::NotFound;
        }
        Self::Refused {
            errno: error.raw_os_error().unwrap_or(libc::EIO),
            message: error.to_string(),
        }
    }
}

impl FileError {
    /// The kernel's number, where it gave one: what has none travels as EIO.
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { errno, .. } => Some(*errno).filter(|errno| *errno != libc::EIO),
            Self::NotFound | Self::NotRegular | Self::Executable | Self::TooLarge { .. } => None,
        }
    }
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// See [`FileError`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    // A pipe or device must not hold the reader.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    if metadata.mode() & 0o111 != 0 {
        return Err(FileError::Executable);
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
        return Err(FileError::TooLarge { limit });
    }
    Ok(content)
}

/// A memory file with this content, its position at the start.
///
/// # Errors
/// When the kernel has no memory or descriptor left.
pub(super) fn memory_file(content: &[u8]) -> Result<OwnedFd, FileError> {
    let descriptor = memfd_create(c"vrrpd", MFdFlags::MFD_CLOEXEC).map_err(io::Error::from)?;
    let mut file = File::from(descriptor);
    file.write_all(content)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

/// Writes a process id as keepalived does: decimal and newline, mode 0644.
///
/// # Errors
/// See [`FileError`].
pub(super) fn write_pid(path: &Path, pid: i32) -> Result<(), FileError> {
    replace(path, 0o644, |file| writeln!(file, "{pid}"))
}

/// Replaces a file by one with what a memory file holds.
///
/// # Errors
/// See [`FileError`].
pub(super) fn replace_by(
    path: &Path,
    mode: u32,
    content: Option<OwnedFd>,
) -> Result<(), FileError> {
    let mut content = File::from(content.ok_or(FileError::NotFound)?);
    replace(path, mode, |file| io::copy(&mut content, file).map(drop))
}

/// Replaces a file by a new one: made under another name, written, and renamed, so that no reader sees half of it. A link
/// at `path` is replaced, never followed.
fn replace(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FileError> {
    let name = path.file_name().ok_or(FileError::NotRegular)?;
    // In a directory that is everybody's, a name that somebody could guess is one that somebody could take.
    let number = RandomState::new().build_hasher().finish();
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{number:016x}"));
    let temporary = path.with_file_name(hidden);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    let result = file
        .set_permissions(fs::Permissions::from_mode(mode))
        .and_then(|()| write(&mut file))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(FileError::from)
}

/// Removes a process id file if it still holds `pid`: another daemon may have written its own by now.
///
/// # Errors
/// See [`FileError`].
pub(super) fn remove_pid(path: &Path, pid: i32) -> Result<(), FileError> {
    let content = read(path, 64)?;
    if String::from_utf8_lossy(&content).trim() == pid.to_string() {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// A C string of a path that holds no zero byte.
pub(super) fn c_path(path: &Path) -> Option<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).ok()
}

/// A list of names whose entries end with a zero byte, which no name holds.
pub(super) fn join_names(names: &[PathBuf]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    let mut list = Vec::new();
    for name in names {
        list.extend_from_slice(name.as_os_str().as_bytes());
        list.push(0);
    }
    list
}

/// The names in a list whose entries end with a zero byte.
pub(super) fn split_names(list: &[u8]) -> Vec<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    list.split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(OsStr::from_bytes(name)))
        .collect()
}
