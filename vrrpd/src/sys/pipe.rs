//! What waits in a pipe.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;

/// Bytes that wait in a pipe to be read: FIONREAD.
pub(crate) fn unread(pipe: impl AsFd) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    let result = unsafe { libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    if result == 0 {
        Ok(u32::try_from(bytes).unwrap_or_default())
    } else {
        Err(io::Error::last_os_error())
    }
}
