//! What the kernel's news mean: for interfaces, sources, and addresses that somebody removed.

use std::io;

use vrrp_proto::router::RouterId;
use vrrp_proto::time::Instant;

use super::doors::Door;
use super::holder::{Holder, Mode};
use super::links::{Interface, Link, LinkChange, has_failed, is_usable};
use super::netlink::{AddressSeen, Change, From, Message, ORIGIN, prefix};
use super::setup::SourceChoice;
use super::source;
use super::thread::AddressThread;
use crate::core::{Remover, Report};
use crate::engine::clock;

impl AddressThread {
    /// News in the kernel's order.
    pub(super) fn take_news(&mut self, now: Instant, news: Vec<(From, Message)>) {
        for (from, message) in news {
            match message {
                Message::Link(seen) => {
                    let mut changes = Vec::new();
                    self.interfaces
                        .link(&seen, &mut |change| changes.push(change));
                    self.take_link_changes(now, &changes, true, from.port);
                }
                Message::LinkGone { index } => {
                    let mut changes = Vec::new();
                    self.interfaces
                        .link_gone(index, &mut |change| changes.push(change));
                    self.take_link_changes(now, &changes, true, from.port);
                }
                Message::Address(seen) => self.address_came(now, &seen, from.port),
                Message::AddressGone(seen) => {
                    if self.interfaces.address_gone(&seen).is_some() {
                        // What we removed ourselves was answered already.
                        if from.port != self.requests.port() {
                            let by = match from.port {
                                0 => Remover::Kernel,
                                port => Remover::Port(port),
                            };
                            self.address_went(now, &seen, by);
                        }
                        self.source_changed(&seen);
                    }
                }
                Message::Queue(_)
                | Message::Route(_)
                | Message::Answer(_)
                | Message::Done
                | Message::Other => {}
            }
            self.tell(now);
        }
    }

    /// Asks for everything, and takes what differs from what was known as news.
    pub(super) fn resync(&mut self, now: Instant) -> io::Result<()> {
        let links = self.requests.links()?;
        let addresses = self.requests.addresses()?;
        let known = self.interfaces.address_count();
        let mut changes = Vec::new();
        self.interfaces
            .all_links(&links, &mut |change| changes.push(change));
        self.interfaces.all_addresses(&addresses);
        if std::mem::take(&mut self.looks_for_left_overs) {
            self.remove_left_overs(now, &addresses)?;
        }
        self.take_link_changes(now, &changes, false, 0);
        self.notice_missing(now);
        for place in 0..self.doors.len() {
            self.open_door(now, place);
        }
        self.choose_sources(|_| true);
        if self.is_known && std::mem::take(&mut self.news_lost) {
            // Who removed what was lost with the news: here is how much.
            let addresses = self.interfaces.address_count().abs_diff(known);
            let differences = changes.len().saturating_add(addresses);
            let done = clock::now();
            self.world.tell(
                done,
                Report::NewsLost {
                    took: done.saturating_since(now),
                    differences: u32::try_from(differences).unwrap_or(u32::MAX),
                    at: done,
                },
            );
        }
        Ok(())
    }

    fn take_link_changes(&mut self, now: Instant, changes: &[LinkChange], ask: bool, port: u32) {
        // Without a port it was the kernel itself, or somebody of whom it does not tell.
        let by = match port {
            0 => Remover::Unknown,
            port => Remover::Port(port),
        };
        for change in changes {
            let (LinkChange::Appeared(place)
            | LinkChange::Vanished(place, _)
            | LinkChange::UpDown(place)) = *change;
            let Some(interface) = self.interfaces.list.get(place) else {
                continue;
            };
            let key = interface.setup.key;
            let (exists, up) = (interface.link.is_some(), interface.is_up());
            let set_up = interface.link.as_ref().is_some_and(Link::is_set_up);
            match *change {
                LinkChange::Vanished(_, index) => {
                    for holder in &mut self.holders {
                        holder.link_gone(key, index);
                    }
                    if let Some(door) = self.doors.get_mut(place) {
                        door.close();
                    }
                }
                LinkChange::Appeared(_) => {
                    if ask && let Ok(addresses) = self.requests.addresses() {
                        self.interfaces.all_addresses(&addresses);
                    }
                    self.open_door(now, place);
                }
                LinkChange::UpDown(_) => self.open_door(now, place),
            }
            if exists {
                for holder in &mut self.holders {
                    if up || matches!(change, LinkChange::Appeared(_)) {
                        holder.link_back(key);
                    }
                }
            }
            if let Some(door) = self.doors.get_mut(place) {
                door.tell_all();
            }
            self.world.tell(
                now,
                Report::Interface {
                    interface: key,
                    exists,
                    up,
                    set_up,
                    by,
                    at: now,
                },
            );
            self.choose_sources(|interface| interface.setup.key == key);
        }
    }

    /// Opens the sockets of an interface where they are wanted and not open.
    pub(super) fn open_door(&mut self, now: Instant, place: usize) {
        let (Some(door), Some(interface)) =
            (self.doors.get_mut(place), self.interfaces.list.get(place))
        else {
            return;
        };
        let key = door.key;
        if let Some(errno) = Door::open(door, now, interface) {
            self.world.tell(
                now,
                Report::SocketsRefused {
                    interface: key,
                    errno,
                    at: now,
                },
            );
        }
    }

    fn address_came(&mut self, now: Instant, seen: &AddressSeen, port: u32) {
        let Some(interface) = self.interfaces.by_index(seen.index) else {
            return;
        };
        let new = interface.find(seen.local, seen.prefix).is_none();
        let before = interface
            .find(seen.local, seen.prefix)
            .is_some_and(is_usable);
        self.interfaces.address(seen);
        if new && port != self.requests.port() {
            self.notice_addition(now, seen, port);
        }
        let (usable, failed) = (is_usable(seen), has_failed(seen));
        if usable {
            for holder in &mut self.holders {
                holder.joined(seen);
            }
        }
        if failed || (usable && !before) {
            for place in 0..self.holders.len() {
                let fact = self
                    .holders
                    .get_mut(place)
                    .and_then(|holder| holder.detected(now, seen, failed));
                if let Some(fact) = fact {
                    self.tell_fact(now, place, seen.local, fact, Remover::Unknown);
                }
            }
        }
        self.source_changed(seen);
    }

    /// Somebody put an address on. It is one of a router that does not want it now, or nothing to us.
    fn notice_addition(&mut self, now: Instant, seen: &AddressSeen, port: u32) {
        let by = match port {
            0 => Remover::Unknown,
            port => Remover::Port(port),
        };
        let names = |holder: &&Holder| {
            holder.entries.iter().any(|entry| {
                let on = self.interfaces.get(entry.key).and_then(Interface::index);
                entry.plan.address == seen.local && on == Some(seen.index)
            })
        };
        let concerned: Vec<(RouterId, Mode)> = self
            .holders
            .iter()
            .filter(names)
            .map(|holder| (holder.setup.id, holder.mode))
            .collect();
        if let Some((router, _)) = concerned.first().copied()
            && concerned.iter().all(|(_, mode)| *mode == Mode::Idle)
        {
            self.world.tell(
                now,
                Report::AddressAdded {
                    router,
                    address: seen.local,
                    by,
                    at: now,
                },
            );
        }
    }

    /// Somebody else removed an address, or the kernel did.
    fn address_went(&mut self, now: Instant, seen: &AddressSeen, by: Remover) {
        let link_up = self
            .interfaces
            .by_index(seen.index)
            .is_some_and(|interface| interface.is_up());
        for place in 0..self.holders.len() {
            let mut facts = Vec::new();
            if let Some(holder) = self.holders.get_mut(place) {
                holder.gone(
                    now,
                    seen,
                    by == Remover::Kernel,
                    link_up,
                    &mut |address, fact| {
                        facts.push((address, fact));
                    },
                );
            }
            // Linux tells no port for IPv6, whoever asked.
            let by = if by == Remover::Kernel && seen.local.is_ipv6() {
                Remover::Unknown
            } else {
                by
            };
            for (address, fact) in facts {
                self.tell_fact(now, place, address, fact, by);
            }
        }
    }

    /// After a look at everything: addresses that are gone, nobody knows by whom.
    fn notice_missing(&mut self, now: Instant) {
        let mut missing = Vec::new();
        for entry in self.holders.iter().flat_map(|holder| &holder.entries) {
            let (Some(index), Some(interface)) = (entry.present_on, self.interfaces.get(entry.key))
            else {
                continue;
            };
            let there = interface.addresses.iter().any(|seen| entry.is(seen));
            if interface.index() == Some(index) && !there {
                let local = entry.plan.address;
                missing.push(AddressSeen {
                    index,
                    local,
                    peer: entry.plan.peer.map_or(local, |(peer, _)| peer),
                    prefix: prefix(&entry.plan),
                    flags: 0,
                    origin: None,
                });
            }
        }
        for seen in missing {
            self.address_went(now, &seen, Remover::Unknown);
        }
    }

    /// Takes off what an earlier run left (S-33): what the plan names, or what has one of its addresses and our origin.
    /// Addresses that a router has by right stay.
    fn remove_left_overs(&mut self, now: Instant, present: &[AddressSeen]) -> io::Result<()> {
        let mut left = Vec::new();
        for holder in &self.holders {
            for entry in holder.entries.iter().filter(|e| e.present_on.is_none()) {
                let Some(index) = self.interfaces.get(entry.key).and_then(Interface::index) else {
                    continue;
                };
                let ours = |seen: &&AddressSeen| {
                    seen.index == index
                        && is_left_over(entry.plan.address, prefix(&entry.plan), seen)
                };
                for seen in present.iter().filter(ours) {
                    if !left.iter().any(|(_, known)| known == seen) && !self.is_claimed(seen) {
                        left.push((entry.key, *seen));
                    }
                }
            }
        }
        for portion in left.chunks(32) {
            let changes: Vec<_> = portion
                .iter()
                .map(|(_, seen)| (seen.index, Change::RemoveSeen(seen)))
                .collect();
            let mut removed = Vec::new();
            self.requests.change(&changes, &mut |place, errno| {
                if errno.is_none() {
                    removed.push(place);
                }
            })?;
            for (interface, seen) in removed.iter().filter_map(|place| portion.get(*place)) {
                self.interfaces.address_gone(seen);
                self.world.tell(
                    now,
                    Report::LeftOverRemoved {
                        interface: *interface,
                        address: seen.local,
                        at: now,
                    },
                );
            }
        }
        Ok(())
    }

    /// Whether a router has this address by right.
    pub(super) fn is_claimed(&self, seen: &AddressSeen) -> bool {
        let entries = self.holders.iter().flat_map(|holder| &holder.entries);
        entries
            .into_iter()
            .any(|entry| entry.present_on == Some(seen.index) && entry.is(seen))
    }

    /// Chooses again where an address came or went that may be a source.
    fn source_changed(&mut self, seen: &AddressSeen) {
        let tracked = |choice| matches!(choice, SourceChoice::Tracked(a) if a == seen.local);
        if self.virtuals.contains(&seen.local)
            && !self
                .holders
                .iter()
                .any(|holder| tracked(holder.setup.source))
        {
            return;
        }
        self.choose_sources(|interface| interface.index() == Some(seen.index));
    }

    /// Chooses the sources of the routers on these interfaces.
    fn choose_sources(&mut self, concerned: impl Fn(&Interface) -> bool) {
        let virtuals = &self.virtuals;
        for holder in self.holders.iter_mut().filter(|holder| !holder.retired) {
            let Some(interface) = self.interfaces.get(holder.setup.id.interface) else {
                continue;
            };
            if !concerned(interface) {
                continue;
            }
            let chosen = interface.link.as_ref().and_then(|_| {
                source::choose(holder.setup.source, &interface.addresses, &|address| {
                    virtuals.contains(&address)
                })
            });
            if chosen != holder.source {
                holder.source = chosen;
                holder.untold.source = true;
            }
        }
    }
}

/// Whether a present address is one that an earlier run put there for this one of the plan.
pub(super) fn is_left_over(address: std::net::IpAddr, prefix: u8, seen: &AddressSeen) -> bool {
    seen.local == address && (seen.prefix == prefix || seen.origin == Some(ORIGIN))
}
