//! Netlink: what the kernel tells of links and addresses, and what it is asked to change.
//!
//! Sockets and bytes only; what a message means for a router is decided elsewhere.

mod parse;
mod request;
mod socket;

pub(super) use parse::{AddressSeen, From, LinkSeen, Message};
pub(super) use request::{Change, ORIGIN, Requests, prefix};
pub(super) use socket::{Heard, Monitor};
