//! The interfaces of the host as the kernel lists them at this moment.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// More interfaces than this are left out.
const MOST: usize = 1_024;

/// ARPHRD numbers of the kernel.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;
const INFINIBAND: u16 = 32;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) kind: u16,
    pub(super) mac: Option<[u8; 6]>,
    pub(super) flags: InterfaceFlags,
    /// The first of its family; for IPv6 the first link-local one.
    pub(super) v4: Option<IpAddr>,
    pub(super) v6: Option<IpAddr>,
    pub(super) mtu: Option<u32>,
}

/// All interfaces in the kernel's order; none where it refuses.
pub(super) fn list() -> Vec<Interface> {
    let mut list: Vec<Interface> = Vec::new();
    let Ok(entries) = getifaddrs() else {
        return list;
    };
    for entry in entries {
        let Some(address) = entry.address else {
            continue;
        };
        if let Some(link) = address.as_link_addr() {
            if list.len() < MOST {
                list.push(Interface {
                    mtu: mtu(&entry.interface_name),
                    name: entry.interface_name,
                    index: link.ifindex(),
                    kind: link.hatype(),
                    mac: link.addr(),
                    flags: entry.flags,
                    v4: None,
                    v6: None,
                });
            }
            continue;
        }
        let found = list
            .iter_mut()
            .find(|known| known.name == entry.interface_name);
        let Some(known) = found else { continue };
        if let Some(v4) = address.as_sockaddr_in() {
            known.v4.get_or_insert_with(|| v4.ip().into());
        } else if let Some(v6) = address.as_sockaddr_in6()
            && v6.ip().is_unicast_link_local()
        {
            known.v6.get_or_insert_with(|| v6.ip().into());
        }
    }
    list
}

fn mtu(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/mtu")).ok()?;
    text.trim().parse().ok()
}

impl Interface {
    /// `UP, RUNNING, no broadcast, loopback, no multicast`.
    pub(super) fn state(&self) -> String {
        let has = |flag| self.flags.contains(flag);
        let words = [
            (
                true,
                if has(InterfaceFlags::IFF_UP) {
                    "UP"
                } else {
                    "DOWN"
                },
            ),
            (
                has(InterfaceFlags::IFF_UP),
                if has(InterfaceFlags::IFF_RUNNING) {
                    "RUNNING"
                } else {
                    "not RUNNING"
                },
            ),
            (!has(InterfaceFlags::IFF_BROADCAST), "no broadcast"),
            (has(InterfaceFlags::IFF_LOOPBACK), "loopback"),
            (has(InterfaceFlags::IFF_POINTOPOINT), "point to point"),
            (has(InterfaceFlags::IFF_NOARP), "no arp"),
            (!has(InterfaceFlags::IFF_MULTICAST), "no multicast"),
        ];
        let words: Vec<&str> = words
            .iter()
            .filter(|(shown, _)| *shown)
            .map(|(_, word)| *word)
            .collect();
        words.join(", ")
    }

    /// keepalived's word for the kind of hardware.
    pub(super) const fn hardware(&self) -> &'static str {
        match self.kind {
            ETHERNET => "ETHERNET",
            LOOPBACK => "LOOPBACK",
            INFINIBAND => "INFINIBAND",
            _ => "UNKNOWN",
        }
    }
}
