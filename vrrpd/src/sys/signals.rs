//! A pending SIGCONT and who sent it: proof that somebody told this process to go on.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Reads SIGCONT where every thread of the process blocks it. A stopped process goes on whether it is blocked or not.
#[derive(Debug)]
pub(crate) struct ContinueWatch(SignalFd);

impl ContinueWatch {
    /// Blocks the signal for the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGCONT);
        set.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&set, flags)?))
    }

    /// The sender of a signal that is pending, which then is not any more; 0 where the kernel does not say.
    pub(crate) fn take(&self) -> Option<u32> {
        self.0.read_signal().ok().flatten().map(|info| info.ssi_pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_signal_names_its_sender_once() {
        std::thread::spawn(|| {
            let watch = ContinueWatch::open().unwrap();
            assert_eq!(watch.take(), None);
            // To this thread alone: the others of a test do not block it.
            nix::sys::signal::raise(Signal::SIGCONT).unwrap();
            assert_eq!(watch.take(), Some(std::process::id()));
            assert_eq!(watch.take(), None);
        })
        .join()
        .unwrap();
    }
}
