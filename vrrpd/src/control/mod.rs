//! The control socket: takes requests of `vrrpctl` and answers from a snapshot.
//!
//! Whoever may connect can ask; only root can change. No client, stuck or malicious, can hold the daemon or make it
//! grow: connections, requests, bytes and time are bounded here. What a command does is the caller's.

mod connection;
mod limits;
mod listener;
mod server;
#[cfg(test)]
mod tests;

pub use limits::Limits;
pub(crate) use listener::GROUP;
pub use listener::{ControlError, Listener};
pub use server::{Change, Peer, Source, serve};
