//! Registering descriptors with tokio.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signalfd::SignalFd;
use tokio::io::unix::AsyncFd;

use crate::queue::Signal;

/// Lets tokio wait for a signal. Within a tokio context.
pub(crate) fn register(signal: Signal) -> io::Result<AsyncFd<Signal>> {
    // SAFETY: the registered descriptor has to stay the same and open for the life of the AsyncFd. A Signal owns its
    // event descriptor through an Arc, gives no way to replace or close it, and is owned by the AsyncFd.
    Ok(unsafe { AsyncFd::register(signal) }?)
}

/// Lets tokio wait for the process's signals. Within a tokio context.
pub(crate) fn register_signals(signals: SignalFd) -> io::Result<AsyncFd<SignalFd>> {
    // SAFETY: the registered descriptor has to stay the same and open for the life of the AsyncFd. A SignalFd owns its
    // descriptor, keeps it when its mask changes, and is owned by the AsyncFd, whose holder only reads from it.
    Ok(unsafe { AsyncFd::register(signals) }?)
}

/// Lets tokio wait for the end of a process. Within a tokio context.
pub(crate) fn register_process(process: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the registered descriptor has to stay the same and open for the life of the AsyncFd. An OwnedFd keeps its
    // descriptor and is owned by the AsyncFd, whose holder only waits for it.
    Ok(unsafe { AsyncFd::register(process) }?)
}
