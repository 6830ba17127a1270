//! Netlink: what the kernel tells of links and addresses, and what it is asked to change.
//!
//! Sockets and bytes only; what a message means for a router is decided elsewhere.

mod parse;
mod request;
mod socket;

pub(crate) use parse::{AddressSeen, LinkSeen};
pub(crate) use parse::{From, Message};
pub(crate) use request::Requests;
pub(crate) use request::{Change, ORIGIN, prefix};
pub(crate) use socket::{Heard, Monitor};
