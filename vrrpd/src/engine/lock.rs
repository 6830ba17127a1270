//! Which memory is locked: what the engine touches, and nothing else of the process (safety rule 4).
//!
//! Code and data of the program and its libraries, the engine's stack, its buffers, and the setup that it runs on. The
//! heap of the other world, which may grow, stays pageable. Pages of a setup that was replaced stay locked: they may be
//! shared with the present one's, and the allocator uses them for the next.

use std::io;

use super::run::Engine;
use super::setup::Setup;
use crate::core::MemoryLock;
use crate::sys;

impl Engine {
    /// Locks the engine's own memory; on the engine's thread, before the loop begins.
    pub(super) fn lock_memory(&mut self) {
        if !self.realtime.is_wanted() {
            self.realtime.memory = MemoryLock::Off;
            return;
        }
        let mut result = lock_image();
        let mut lock = |address, bytes| {
            if result.is_ok() {
                result = sys::memory::lock(address, bytes);
            }
        };
        if let Some((lowest, bytes)) = sys::thread::stack() {
            lock(lowest, bytes);
        }
        for (address, bytes) in self.hands.memory().into_iter().chain(self.inbox_memory()) {
            lock(address, bytes);
        }
        let (address, bytes) = self.evidence.memory();
        lock(address, bytes);
        self.realtime.memory = state(result.and_then(|()| lock_setup(&self.setup)));
    }
}

/// Locks the memory of a setup; for a new one on the thread that built it, because it may wait.
pub(crate) fn lock_setup(setup: &Setup) -> io::Result<()> {
    let mut result = Ok(());
    setup.for_each_memory(&mut |address, bytes| {
        if result.is_ok() {
            result = sys::memory::lock(address, bytes);
        }
    });
    result
}

pub(crate) fn state(result: io::Result<()>) -> MemoryLock {
    match result {
        Ok(()) => MemoryLock::Locked,
        Err(error) => MemoryLock::Refused(error.raw_os_error().unwrap_or_default()),
    }
}

/// Locks code and data of the program and its libraries: a page of code that has to be read back from a slow disk
/// delays an advert as much as anything.
fn lock_image() -> io::Result<()> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    for (from, to) in image_ranges(&maps) {
        sys::memory::lock(from, to - from)?;
    }
    Ok(())
}

/// The mappings of files of which some part is executable, from the text of `/proc/PID/maps`.
fn image_ranges(maps: &str) -> Vec<(usize, usize)> {
    let mappings: Vec<_> = maps.lines().filter_map(Mapping::parse).collect();
    let images: Vec<_> = mappings
        .iter()
        .filter(|mapping| mapping.executable)
        .map(|mapping| mapping.path)
        .collect();
    mappings
        .iter()
        .filter(|mapping| mapping.readable && images.contains(&mapping.path))
        .map(|mapping| (mapping.from, mapping.to))
        .collect()
}

/// A line of `/proc/PID/maps` that names a file.
struct Mapping<'a> {
    from: usize,
    to: usize,
    readable: bool,
    executable: bool,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let rights = words.next()?;
        let path = words.nth(3)?;
        Some(Self {
            from: usize::from_str_radix(from, 16).ok()?,
            to: usize::from_str_radix(to, 16)
                .ok()
                .filter(|_| path.starts_with('/'))?,
            readable: rights.starts_with('r'),
            executable: rights.as_bytes().get(2) == Some(&b'x'),
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_libraries_are_locked_and_nothing_else() {
        let maps = "\
55d0-55e0 r--p 00000000 fe:01 1 /usr/sbin/vrrpd
55e0-55f0 r-xp 00001000 fe:01 1 /usr/sbin/vrrpd
55f0-5600 rw-p 00002000 fe:01 1 /usr/sbin/vrrpd
5700-5800 rw-p 00000000 00:00 0 [heap]
7000-7010 rw-s 00000000 00:17 9 /run/vrrpd/ring
7010-7020 r-xp 00000000 fe:01 2 /lib/libc.so.6
7020-7030 ---p 00000000 fe:01 2 /lib/libc.so.6
7030-7040 rw-p 00000000 00:00 0 
7fff-8000 r-xp 00000000 00:00 0 [vdso]
";
        let ranges = image_ranges(maps);
        assert_eq!(
            ranges,
            [
                (0x55d0, 0x55e0),
                (0x55e0, 0x55f0),
                (0x55f0, 0x5600),
                (0x7010, 0x7020)
            ]
        );
    }

    #[test]
    fn this_program_has_an_image() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let code = image_ranges as *const () as usize;
        assert!(
            image_ranges(&maps)
                .iter()
                .any(|(from, to)| (*from..*to).contains(&code))
        );
    }
}
