//! The interfaces of the setup: what the kernel has under each name now, and the addresses there.
//!
//! A name keeps its place while the interface behind it appears, vanishes, is renamed or made anew. Pure: messages in,
//! what they changed out.

use std::net::IpAddr;

use nix::libc;
use vrrp_proto::router::InterfaceKey;
use vrrp_proto::units::MacAddr;

use super::InterfaceSetup;
use super::netlink::{AddressSeen, LinkSeen};

/// `ARPHRD_ETHER`: the links on which ARP and neighbour discovery speak Ethernet.
const ETHERNET: u16 = 1;

const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_TENTATIVE: u32 = 0x40;
const IFA_F_OPTIMISTIC: u32 = 0x04;

/// The kernel's interface behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number.
    pub(super) index: u32,
    /// `IFF_*`.
    flags: u32,
    /// `ARPHRD_*`.
    kind: u16,
    /// Its address.
    mac: Option<MacAddr>,
}

impl Link {
    fn new(seen: &LinkSeen) -> Self {
        Self {
            index: seen.index,
            flags: seen.flags,
            kind: seen.kind,
            mac: seen.mac,
        }
    }

    /// Administratively up and with a carrier, as keepalived judges.
    pub(super) const fn is_up(&self) -> bool {
        let wanted = (libc::IFF_UP | libc::IFF_RUNNING).cast_unsigned();
        self.flags & wanted == wanted
    }

    /// Administratively up, carrier or not.
    pub(super) const fn is_set_up(&self) -> bool {
        self.flags & libc::IFF_UP.cast_unsigned() != 0
    }

    /// The address to announce with; none where nobody does ARP.
    pub(super) const fn announces_with(&self) -> Option<MacAddr> {
        if self.kind == ETHERNET && self.flags & libc::IFF_NOARP.cast_unsigned() == 0 {
            self.mac
        } else {
            None
        }
    }

    /// Its own address.
    pub(super) const fn mac(&self) -> Option<MacAddr> {
        self.mac
    }
}

/// A name of the setup with what is behind it.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// Name, sockets, tracker.
    pub(super) setup: InterfaceSetup,
    /// The interface of that name, if there is one.
    pub(super) link: Option<Link>,
    /// Its addresses in the kernel's order.
    pub(super) addresses: Vec<AddressSeen>,
}

impl Interface {
    /// Whether it exists and is up.
    pub(super) fn is_up(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_up)
    }

    /// Its number, if it exists.
    pub(super) fn index(&self) -> Option<u32> {
        self.link.as_ref().map(|link| link.index)
    }

    /// The present address with this prefix length.
    pub(super) fn find(&self, address: IpAddr, prefix: u8) -> Option<&AddressSeen> {
        self.addresses
            .iter()
            .find(|seen| seen.local == address && seen.prefix == prefix)
    }
}

/// Whether packets may leave from it: duplicate address detection is over, and found nobody.
pub(super) const fn is_usable(seen: &AddressSeen) -> bool {
    let tentative = seen.flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC) == IFA_F_TENTATIVE;
    !tentative && !has_failed(seen)
}

/// Whether duplicate address detection found somebody.
pub(super) const fn has_failed(seen: &AddressSeen) -> bool {
    seen.flags & IFA_F_DADFAILED != 0
}

/// What a message about links changed for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkChange {
    /// An interface of this name is there now, without known addresses.
    Appeared(usize),
    /// The interface with this number is gone, or has another name.
    Vanished(usize, u32),
    /// It changed between up and down.
    UpDown(usize),
}

/// Every name of the setup.
#[derive(Clone, Debug, Default)]
pub(super) struct Interfaces {
    /// In the order of the setup.
    pub(super) list: Vec<Interface>,
}

impl Interfaces {
    /// The names of a setup, with what is known about those that `old` has already.
    pub(super) fn new(setup: &[InterfaceSetup], old: Self) -> Self {
        let mut known = old.list;
        let list = setup
            .iter()
            .map(|wanted| {
                let place = known.iter().position(|k| k.setup.key == wanted.key);
                match place.map(|place| known.swap_remove(place)) {
                    Some(known) => Interface {
                        setup: wanted.clone(),
                        ..known
                    },
                    None => Interface {
                        setup: wanted.clone(),
                        link: None,
                        addresses: Vec::new(),
                    },
                }
            })
            .collect();
        Self { list }
    }

    /// The interface with this key.
    pub(super) fn get(&self, key: InterfaceKey) -> Option<&Interface> {
        self.list.iter().find(|i| i.setup.key == key)
    }

    /// The interface that the kernel gave this number.
    pub(super) fn by_index(&mut self, index: u32) -> Option<&mut Interface> {
        self.list.iter_mut().find(|i| i.index() == Some(index))
    }

    /// A link is there, or changed, possibly its name.
    pub(super) fn link(&mut self, seen: &LinkSeen, changed: &mut dyn FnMut(LinkChange)) {
        for (place, interface) in self.list.iter_mut().enumerate() {
            let same_name = interface.setup.name == seen.name;
            let old = interface.link.as_ref();
            match old.map(|link| (link.index, link.is_up())) {
                Some((index, was_up)) if index == seen.index && same_name => {
                    let link = Link::new(seen);
                    let is_up = link.is_up();
                    interface.link = Some(link);
                    if was_up != is_up {
                        changed(LinkChange::UpDown(place));
                    }
                }
                Some((index, _)) if index == seen.index => {
                    interface.link = None;
                    interface.addresses.clear();
                    changed(LinkChange::Vanished(place, index));
                }
                Some((index, _)) if same_name => {
                    interface.addresses.clear();
                    interface.link = Some(Link::new(seen));
                    changed(LinkChange::Vanished(place, index));
                    changed(LinkChange::Appeared(place));
                }
                None if same_name => {
                    interface.addresses.clear();
                    interface.link = Some(Link::new(seen));
                    changed(LinkChange::Appeared(place));
                }
                Some(_) | None => {}
            }
        }
    }

    /// The link with this number is gone.
    pub(super) fn link_gone(&mut self, index: u32, changed: &mut dyn FnMut(LinkChange)) {
        for (place, interface) in self.list.iter_mut().enumerate() {
            if interface.index() == Some(index) {
                interface.link = None;
                interface.addresses.clear();
                changed(LinkChange::Vanished(place, index));
            }
        }
    }

    /// All links there are: what is not among them is gone.
    pub(super) fn all_links(&mut self, seen: &[LinkSeen], changed: &mut dyn FnMut(LinkChange)) {
        let gone: Vec<u32> = self
            .list
            .iter()
            .filter_map(Interface::index)
            .filter(|index| !seen.iter().any(|link| link.index == *index))
            .collect();
        for index in gone {
            self.link_gone(index, changed);
        }
        for link in seen {
            self.link(link, changed);
        }
    }

    /// All addresses there are.
    pub(super) fn all_addresses(&mut self, seen: &[AddressSeen]) {
        for interface in &mut self.list {
            let index = interface.index();
            interface.addresses = seen
                .iter()
                .filter(|address| Some(address.index) == index)
                .copied()
                .collect();
        }
    }

    /// How many addresses are known.
    pub(super) fn address_count(&self) -> usize {
        self.list.iter().map(|one| one.addresses.len()).sum()
    }

    /// An address is there, or changed. Its interface, if it is one of ours.
    pub(super) fn address(&mut self, seen: &AddressSeen) -> Option<&Interface> {
        let interface = self.by_index(seen.index)?;
        let known = interface
            .addresses
            .iter_mut()
            .find(|known| is_same(known, seen));
        match known {
            Some(known) => *known = *seen,
            None => interface.addresses.push(*seen),
        }
        Some(interface)
    }

    /// An address is gone. Its interface, if it is one of ours.
    pub(super) fn address_gone(&mut self, seen: &AddressSeen) -> Option<&Interface> {
        let interface = self.by_index(seen.index)?;
        interface.addresses.retain(|known| !is_same(known, seen));
        Some(interface)
    }
}

/// The kernel tells addresses of an interface apart by these three.
fn is_same(one: &AddressSeen, other: &AddressSeen) -> bool {
    one.local == other.local && one.peer == other.peer && one.prefix == other.prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: u32 = 0x1_0043;
    const DOWN: u32 = 0x1002;

    fn interfaces(names: &[&str]) -> Interfaces {
        let setup: Vec<_> = names
            .iter()
            .zip(0..)
            .map(|(name, key)| InterfaceSetup {
                key: InterfaceKey(key),
                name: (*name).to_owned(),
                sockets: None,
                tracker: None,
            })
            .collect();
        Interfaces::new(&setup, Interfaces::default())
    }

    fn link(index: u32, name: &str, flags: u32) -> LinkSeen {
        LinkSeen {
            index,
            name: name.to_owned(),
            flags,
            kind: ETHERNET,
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            mtu: 1500,
            carrier_changes: None,
            master: 0,
        }
    }

    fn address(index: u32, address: &str) -> AddressSeen {
        let local = address.parse().unwrap();
        AddressSeen {
            index,
            local,
            peer: local,
            prefix: 24,
            flags: 0x80,
            origin: None,
        }
    }

    fn changes(run: impl FnOnce(&mut dyn FnMut(LinkChange))) -> Vec<LinkChange> {
        let mut list = Vec::new();
        run(&mut |change| list.push(change));
        list
    }

    #[test]
    fn a_name_survives_deletion_and_creation_with_another_number() {
        let mut all = interfaces(&["eth0"]);
        let seen = changes(|c| all.link(&link(3, "eth0", UP), c));
        assert_eq!(seen, [LinkChange::Appeared(0)]);
        assert!(all.address(&address(3, "10.0.0.1")).is_some());
        let seen = changes(|c| all.link_gone(3, c));
        assert_eq!(seen, [LinkChange::Vanished(0, 3)]);
        assert!(!all.list[0].is_up());
        let seen = changes(|c| all.link(&link(9, "eth0", DOWN), c));
        assert_eq!(seen, [LinkChange::Appeared(0)]);
        assert!(all.list[0].addresses.is_empty());
        let seen = changes(|c| all.link(&link(9, "eth0", UP), c));
        assert_eq!(seen, [LinkChange::UpDown(0)]);
    }

    #[test]
    fn a_rename_is_a_deletion_and_the_way_back_a_creation() {
        let mut all = interfaces(&["eth0", "eth1"]);
        changes(|c| all.link(&link(3, "eth0", UP), c));
        let seen = changes(|c| all.link(&link(3, "parked", UP), c));
        assert_eq!(seen, [LinkChange::Vanished(0, 3)]);
        let seen = changes(|c| all.link(&link(3, "eth1", UP), c));
        assert_eq!(seen, [LinkChange::Appeared(1)]);
        let seen = changes(|c| all.link(&link(3, "eth0", UP), c));
        assert_eq!(seen, [LinkChange::Appeared(0), LinkChange::Vanished(1, 3)]);
    }

    #[test]
    fn one_that_took_the_name_before_the_deletion_was_heard_replaces_the_old_one() {
        let mut all = interfaces(&["eth0"]);
        changes(|c| all.link(&link(3, "eth0", UP), c));
        let seen = changes(|c| all.link(&link(4, "eth0", UP), c));
        assert_eq!(seen, [LinkChange::Vanished(0, 3), LinkChange::Appeared(0)]);
        assert_eq!(changes(|c| all.link_gone(3, c)), []);
    }

    #[test]
    fn after_an_overrun_what_is_missing_is_gone() {
        let mut all = interfaces(&["eth0", "eth1"]);
        changes(|c| all.all_links(&[link(3, "eth0", UP), link(4, "eth1", UP)], c));
        let seen = changes(|c| all.all_links(&[link(4, "eth1", DOWN), link(5, "eth0", UP)], c));
        assert_eq!(
            seen,
            [
                LinkChange::Vanished(0, 3),
                LinkChange::UpDown(1),
                LinkChange::Appeared(0)
            ]
        );
    }

    #[test]
    fn loopback_and_links_without_arp_announce_nothing() {
        let with = |kind, flags| {
            Link::new(&LinkSeen {
                kind,
                ..link(1, "x", flags)
            })
        };
        assert!(with(ETHERNET, UP).announces_with().is_some());
        assert!(with(ETHERNET, UP | 0x80).announces_with().is_none());
        assert!(with(772, UP).announces_with().is_none());
    }

    #[test]
    fn a_new_plan_keeps_what_is_known() {
        let mut all = interfaces(&["eth0", "eth1"]);
        changes(|c| all.link(&link(3, "eth1", UP), c));
        let mut setup: Vec<_> = all.list.iter().map(|i| i.setup.clone()).collect();
        setup.remove(0);
        let all = Interfaces::new(&setup, all);
        assert_eq!(all.list.len(), 1);
        assert_eq!(all.list[0].index(), Some(3));
    }
}
