//! A file of counters that gives up on itself when reading it keeps the engine.
//!
//! The kernel takes locks for some of them: it sums the counters of a cgroup up over all CPUs for `cpu.stat`, and a pressure
//! file waits for the worker that averages. On a machine where that takes long, the sampler's numbers have to do.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::sys::uio::pread;
use vrrp_proto::time::Instant;

use crate::engine::clock;

/// Reads that take longer than this one after the other end it.
const TOO_LONG: Duration = Duration::from_millis(1);
/// So many: one or two may be a machine that stood still.
const TIMES: u8 = 3;

/// The file, as long as it is read.
#[derive(Debug, Default)]
pub(super) struct Source {
    file: Option<File>,
    slow: u8,
}

impl Source {
    /// Opens it, where it is there.
    pub(super) fn open(path: impl AsRef<Path>) -> Self {
        Self {
            file: File::open(path).ok(),
            slow: 0,
        }
    }

    /// Whether it was closed because reading it took too long.
    pub(super) const fn gave_up(&self) -> bool {
        self.slow >= TIMES
    }

    /// The beginning of the file, which is made anew by each read at position 0.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let began = clock::now();
        let length = pread(self.file.as_ref()?.as_fd(), buffer, 0).ok()?;
        self.took(began, clock::now());
        buffer.get(..length)
    }

    fn took(&mut self, began: Instant, ended: Instant) {
        if ended.saturating_since(began) < TOO_LONG {
            self.slow = 0;
            return;
        }
        self.slow += 1;
        if self.gave_up() {
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_keeps_the_engine_again_and_again_is_left_alone() {
        let at = |micros: u64| Instant::from_nanos(micros * 1_000);
        let mut source = Source::open("/proc/self/stat");
        let mut buffer = [0; 64];
        assert!(source.read(&mut buffer).is_some());
        for micros in [1_500, 1_500, 300, 1_500, 1_500] {
            source.took(at(0), at(micros));
        }
        assert!(!source.gave_up(), "never three in a row");
        source.took(at(0), at(1_500));
        assert!(source.gave_up());
        assert_eq!(source.read(&mut buffer), None);
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        let mut source = Source::open("/proc/nowhere");
        assert_eq!(source.read(&mut [0; 8]), None);
    }
}
