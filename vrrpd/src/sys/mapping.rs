//! A file on tmpfs as words in memory, for as long as the process lives.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::slice;
use std::sync::atomic::AtomicU64;

use nix::libc;

/// Maps the first `bytes` of a file, shared and with every page there already. The mapping is never taken back: it stays
/// when the file's name is removed.
///
/// The file must have that length and keep it: storing beyond a file's end is fatal.
pub(crate) fn map(file: &File, bytes: usize) -> io::Result<&'static [AtomicU64]> {
    // SAFETY: the kernel chooses the place, so no mapping of ours is replaced; the descriptor is open.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping has at least this many bytes, begins at a page, is readable and writable, and is never unmapped.
    // AtomicU64 has no invalid bit patterns, and other processes that map the file may change it, which atomics allow.
    Ok(unsafe { slice::from_raw_parts(start.cast::<AtomicU64>(), bytes / size_of::<AtomicU64>()) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn stores_are_seen_in_the_file_and_survive_its_name() {
        let path = std::env::temp_dir().join(format!("vrrpd-mapping-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        file.set_len(8192).unwrap();
        let words = map(&file, 8192).unwrap();
        assert_eq!(words.len(), 1024);
        std::fs::remove_file(&path).unwrap();
        words[1023].store(u64::from_le_bytes(*b"recorded"), Ordering::Release);
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, 8184).unwrap();
        assert_eq!(&bytes, b"recorded");
    }
}
