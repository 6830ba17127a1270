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
