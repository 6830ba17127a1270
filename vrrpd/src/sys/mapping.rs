//! A file on tmpfs as words in memory, for as long as the process lives, even where the file is shortened in place.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nix::libc;

/// Mapped ranges whose pages may go away with their file.
static RANGES: [Range; 64] = [const { Range::none() }; 64];

struct Range {
    /// Its first byte; zero where there is none.
    first: AtomicUsize,
    /// The byte behind its last.
    end: AtomicUsize,
    /// Pages of it that were replaced.
    replaced: AtomicU64,
}

impl Range {
    const fn none() -> Self {
        Self {
            first: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            replaced: AtomicU64::new(0),
        }
    }

    fn holds(&self, at: usize) -> bool {
        let first = self.first.load(Ordering::Acquire);
        first != 0 && first <= at && at < self.end.load(Ordering::Acquire)
    }
}

/// Maps the first `bytes` of a file, shared and with every page there already. The mapping is never taken back: it stays
/// when the file's name is removed. Where the file is shortened, which takes its pages away, empty memory takes their place
/// when somebody reaches for them, and [`replaced`] counts it.
///
/// # Errors
/// Where the file cannot be mapped, or the process has mapped too many.
pub(crate) fn map(file: &File, bytes: usize) -> io::Result<&'static [AtomicU64]> {
    let words = share(file, bytes)?;
    replace_lost(words)?;
    Ok(words)
}

/// Pages of a mapped file that went away and were replaced.
pub(crate) fn replaced(words: &'static [AtomicU64]) -> u64 {
    let at = words.as_ptr().addr();
    let range = RANGES.iter().find(|range| range.holds(at));
    range.map_or(0, |range| range.replaced.load(Ordering::Relaxed))
}

fn share(file: &File, bytes: usize) -> io::Result<&'static [AtomicU64]> {
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

/// Lets [`on_bus`] replace pages of this range.
fn replace_lost(words: &'static [AtomicU64]) -> io::Result<()> {
    let range = words.as_ptr_range();
    let free = RANGES.iter().find(|free| {
        free.first
            .compare_exchange(0, range.start.addr(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    });
    let Some(free) = free else {
        return Err(io::Error::other("too many files are mapped"));
    };
    free.end.store(range.end.addr(), Ordering::Release);
    // SAFETY: sigaction is a plain C structure for which all-zero bytes are a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = on_bus;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: `action` is initialised; the handler makes only system calls and atomic operations, which are safe in a
    // signal handler.
    let result = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Puts an empty page where one of a mapped file has gone, and lets the thread go on. Any other SIGBUS ends the process, as
/// it would have.
extern "C" fn on_bus(_signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo_t to a handler that was installed with SA_SIGINFO.
    let info = unsafe { &*info };
    // SAFETY: this field is the one that the kernel fills in for SIGBUS.
    let at = unsafe { info.si_addr() }.addr();
    if let Some(range) = RANGES.iter().find(|range| range.holds(at))
        && replace_page(at)
    {
        range.replaced.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: sigaction is a plain C structure for which all-zero bytes are a valid value: the default action.
    let action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `action` is initialised. The access is tried again behind the handler, and then ends the process.
    unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
}

fn replace_page(at: usize) -> bool {
    // SAFETY: takes a number and touches no memory.
    let Ok(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) else {
        return false;
    };
    let errno = io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or_default();
    let start = at - at % page;
    let replaced = [libc::MAP_LOCKED, 0].iter().any(|locked| {
        // SAFETY: the page lies in a range that `share` mapped for ever, so that nothing else is replaced, and nobody can have
        // stored anything there since its file ended before it.
        let page = unsafe {
            libc::mmap(
                ptr::without_provenance_mut(start),
                page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE
                    | libc::MAP_ANONYMOUS
                    | libc::MAP_FIXED
                    | libc::MAP_POPULATE
                    | locked,
                -1,
                0,
            )
        };
        page != libc::MAP_FAILED
    });
    nix::errno::Errno::set_raw(errno);
    replaced
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

    fn file(name: &str) -> (std::path::PathBuf, File) {
        let path = std::env::temp_dir().join(format!("vrrpd-{name}-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        file.set_len(1 << 16).unwrap();
        (path, file)
    }

    #[test]
    fn a_file_that_is_shortened_costs_its_pages_and_not_the_process() {
        let (path, file) = file("shortened");
        let words = map(&file, 1 << 16).unwrap();
        words[0].store(1, Ordering::Release);
        words[8191].store(2, Ordering::Release);
        assert_eq!(replaced(words), 0);
        file.set_len(4096).unwrap();
        assert_eq!(words[0].load(Ordering::Acquire), 1, "this page stays");
        assert_eq!(words[8191].load(Ordering::Acquire), 0, "this one is empty");
        words[8191].store(3, Ordering::Release);
        assert_eq!(words[8191].load(Ordering::Acquire), 3);
        assert_eq!(replaced(words), 1);
        // Other threads meet it, too, and those that block other signals.
        std::thread::spawn(|| {
            let mut blocked = nix::sys::signal::SigSet::all();
            blocked.remove(nix::sys::signal::Signal::SIGBUS);
            blocked.thread_block().unwrap();
            words[4096].store(4, Ordering::Release);
        })
        .join()
        .unwrap();
        assert_eq!(words[4096].load(Ordering::Acquire), 4);
        std::fs::remove_file(&path).unwrap();
    }

    /// In a process of its own, which it ends.
    #[test]
    fn any_other_access_behind_the_end_of_a_file_ends_the_process_as_before() {
        use std::os::unix::process::ExitStatusExt;
        let name = "sys::mapping::tests::an_access_behind_the_end_of_another_file";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", name])
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn an_access_behind_the_end_of_another_file() {
        let (path, guarded) = file("guarded");
        std::fs::remove_file(&path).unwrap();
        map(&guarded, 1 << 16).unwrap();
        let (path, other) = file("other");
        let words = share(&other, 1 << 16).unwrap();
        std::fs::remove_file(&path).unwrap();
        other.set_len(0).unwrap();
        words[0].store(1, Ordering::Release);
    }
}
