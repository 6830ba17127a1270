//! Socket options by number.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;

/// Sets an option whose value is a C int.
pub(crate) fn set_option(socket: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = u32::try_from(size_of::<i32>()).expect("an int is four bytes");
    // SAFETY: the descriptor is open for the borrow's time; the kernel reads `length` bytes from `value`, which is an
    // initialised int of exactly that size and outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Bytes of packets sent on a socket that are still held below it: SIOCOUTQ.
pub(crate) fn unsent(socket: impl AsFd) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 {
        Ok(u32::try_from(bytes).unwrap_or_default())
    } else {
        Err(io::Error::last_os_error())
    }
}
