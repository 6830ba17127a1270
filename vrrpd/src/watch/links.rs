//! Links and addresses of this host as the kernel tells of them. Only listens and asks.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use nix::libc;

use crate::address::netlink::{LinkSeen, Message, Requests};

/// A link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number.
    pub(super) index: u32,
    /// Somebody set it up.
    pub(super) set_up: bool,
    /// It is up and has carrier.
    pub(super) up: bool,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_name: HashMap<String, Link>,
    addresses: Vec<(u32, IpAddr)>,
}

impl Links {
    /// Asks for everything.
    pub(super) fn ask(&mut self) -> io::Result<()> {
        let mut requests = Requests::open()?;
        let (links, addresses) = (requests.links()?, requests.addresses()?);
        self.by_name.clear();
        for seen in &links {
            self.link(seen);
        }
        self.addresses = addresses
            .iter()
            .map(|seen| (seen.index, seen.local))
            .collect();
        Ok(())
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: Message) {
        match message {
            Message::Link(seen) => self.link(&seen),
            Message::LinkGone { index } => {
                self.by_name.retain(|_, link| link.index != index);
                self.addresses.retain(|(of, _)| *of != index);
            }
            Message::Address(seen) => {
                let entry = (seen.index, seen.local);
                if !self.addresses.contains(&entry) {
                    self.addresses.push(entry);
                }
            }
            Message::AddressGone(seen) => {
                self.addresses
                    .retain(|entry| *entry != (seen.index, seen.local));
            }
            Message::Queue(_)
            | Message::Route(_)
            | Message::Answer(_)
            | Message::Done
            | Message::Other => {}
        }
    }

    fn link(&mut self, seen: &LinkSeen) {
        // A link that was given another name is no longer there by the old one.
        self.by_name
            .retain(|name, link| link.index != seen.index || *name == seen.name);
        let has = |flag: i32| seen.flags & u32::try_from(flag).unwrap_or_default() != 0;
        let set_up = has(libc::IFF_UP);
        let link = Link {
            index: seen.index,
            set_up,
            up: set_up && has(libc::IFF_RUNNING),
        };
        self.by_name.insert(seen.name.clone(), link);
    }

    /// The link of that name.
    pub(super) fn named(&self, name: &str) -> Option<Link> {
        self.by_name.get(name).copied()
    }

    /// Whether some interface has the address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(_, local)| *local == address)
    }
}
