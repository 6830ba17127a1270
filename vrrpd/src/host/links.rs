//! The watched interfaces as the kernel has them now: number, address, carrier changes, own addresses, gateway.
//!
//! A monitor tells when to ask again, so nothing is asked for while nothing changes: these questions need the kernel's
//! network lock.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vrrp_proto::units::MacAddr;

use crate::address::{AddressSeen, Heard, LinkSeen, Monitor, Requests};

/// Addresses of documentation networks: reached by the default route, unless somebody uses them.
const FAR_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1)];
const FAR_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1),
];
/// News taken in one turn.
const BUDGET: usize = 64;

/// An interface of the kernel.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) carrier_changes: Option<u32>,
    /// What it is a port of; 0 without.
    pub(super) master: u32,
    /// Its Ethernet address, where it does ARP and is up.
    pub(super) mac: Option<MacAddr>,
    pub(super) addresses: Vec<AddressSeen>,
    /// IPv4 and IPv6.
    pub(super) gateways: [Option<IpAddr>; 2],
}

/// The watched interfaces.
pub(super) struct Links {
    monitor: Monitor,
    pub(super) requests: Requests,
    pub(super) list: Vec<Link>,
    /// Something changed since everything was asked for.
    stale: bool,
}

impl Links {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            monitor: Monitor::open()?,
            requests: Requests::open()?,
            list: Vec::new(),
            stale: true,
        })
    }

    /// What is watched has changed.
    pub(super) const fn forget(&mut self) {
        self.stale = true;
    }

    /// Takes what the kernel tells, and says whether anything has changed since the last [`Self::ask`].
    pub(super) fn hear(&mut self) -> bool {
        for _ in 0..BUDGET {
            match self.monitor.read(&mut |_, _| {}) {
                Heard::Nothing => break,
                Heard::Some => self.stale = true,
                Heard::Lost => {
                    self.monitor.discard();
                    self.stale = true;
                    break;
                }
            }
        }
        self.stale
    }

    /// Asks for everything about the interfaces with these names.
    pub(super) fn ask(&mut self, names: &[String]) -> io::Result<()> {
        self.stale = false;
        let asked = self.ask_all(names);
        self.stale = asked.is_err();
        asked
    }

    fn ask_all(&mut self, names: &[String]) -> io::Result<()> {
        let links = self.requests.links()?;
        let addresses = self.requests.addresses()?;
        self.list = links
            .into_iter()
            .filter(|link| names.contains(&link.name))
            .map(|link| {
                let of_link = |seen: &&AddressSeen| seen.index == link.index;
                Link {
                    index: link.index,
                    carrier_changes: link.carrier_changes,
                    master: link.master,
                    mac: speaks_arp(&link).then_some(link.mac).flatten(),
                    addresses: addresses.iter().filter(of_link).copied().collect(),
                    gateways: [None, None],
                    name: link.name,
                }
            })
            .collect();
        self.find_gateways();
        Ok(())
    }

    /// Routes change without news of links or addresses, so this is asked for now and then.
    pub(super) fn find_gateways(&mut self) {
        for link in &mut self.list {
            let mut by = |far: IpAddr| {
                let found = self.requests.gateway(far, link.index).ok().flatten();
                found.filter(|gateway| *gateway != far)
            };
            link.gateways = [
                FAR_V4.iter().find_map(|far| by((*far).into())),
                FAR_V6.iter().find_map(|far| by((*far).into())),
            ];
        }
    }
}

/// Up, Ethernet, and not told to do without ARP.
fn speaks_arp(link: &LinkSeen) -> bool {
    const ETHERNET: u16 = 1;
    const UP: u32 = nix::libc::IFF_UP.cast_unsigned();
    const NOT: u32 = (nix::libc::IFF_NOARP | nix::libc::IFF_LOOPBACK).cast_unsigned();
    link.kind == ETHERNET && link.flags & (UP | NOT) == UP
}
