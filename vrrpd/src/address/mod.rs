//! The address thread: links and their addresses, the virtual addresses and their announcements.
//!
//! It watches the kernel by netlink, opens the sockets of interfaces that appear, puts virtual addresses on and takes
//! them off, announces them, and listens for a successor. It may wait for the kernel's network lock and for nothing
//! else. When a router is Active is the engine's to say, never decided here.

use std::io;
use std::thread::JoinHandle;

mod cleanup;
mod doors;
mod holder;
mod links;
mod message;
pub(crate) mod netlink;
mod news;
mod outbox;
mod owner;
mod pace;
mod quiet;
mod restore;
mod setup;
mod source;
mod successor;
mod thread;
mod work;

pub(crate) use netlink::{AddressSeen, Heard, LinkSeen, Monitor, Requests};
pub(crate) use owner::{Owner, find as find_owner, identify};

pub use message::{AddressCommand, AddressEnds, AddressReport};
pub use setup::{AddressSetup, InterfaceSetup, RouterAddresses, SourceChoice};

/// Starts the address thread, in SCHED_FIFO with priority `fifo` where given and permitted.
///
/// # Errors
/// When netlink sockets, the poll or the thread cannot be had.
pub fn spawn(
    setup: AddressSetup,
    ends: AddressEnds,
    fifo: Option<u8>,
) -> io::Result<JoinHandle<()>> {
    thread::spawn(setup, ends, fifo)
}

/// Takes every virtual address of `setup` off its interface, whoever put it there, and says how many were taken. For the
/// way out when no address thread is left; may wait for the kernel's lock, at most a few seconds.
///
/// # Errors
/// When the kernel cannot be asked at all; an address that it keeps is not an error.
pub fn cleanup(setup: &AddressSetup) -> io::Result<usize> {
    cleanup::run(setup)
}
#[cfg(test)]
mod tests;
