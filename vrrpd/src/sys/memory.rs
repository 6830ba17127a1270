//! Locking ranges of memory.

use std::io;

use nix::libc;

/// Keeps the pages that hold `length` bytes from `address` in memory, reading in those that are not there yet.
pub(crate) fn lock(address: usize, length: usize) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    // SAFETY: mlock reads and writes no memory of ours, whatever the range; a range that is not mapped is an error.
    let result = unsafe { libc::mlock(std::ptr::without_provenance(address), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
