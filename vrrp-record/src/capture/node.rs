//! Which node took the capture: told, or inferred from what only that node's own frames look like.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::decode::Seen;

/// Fewer frames to or from single machines decide nothing.
const ENOUGH: u64 = 8;

/// What is known of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing: every advert is somebody else's.
    Unknown,
    /// The capture says of each frame whether it left; these sources did.
    Directed(Vec<IpAddr>),
    /// Its addresses, as told or inferred.
    Addresses(Vec<IpAddr>),
}

impl Node {
    /// Whether an advert is the node's own.
    pub(super) fn sent(&self, seen: &Seen) -> bool {
        match self {
            Self::Unknown => false,
            Self::Directed(_) => seen.outgoing == Some(true),
            Self::Addresses(addresses) => seen
                .outgoing
                .unwrap_or_else(|| addresses.contains(&seen.source)),
        }
    }

    /// Whether an advert that came in was for the node: to a group, or to one of its addresses as far as they are known.
    pub(super) fn heeds(&self, seen: &Seen) -> bool {
        seen.destination.is_multicast()
            || match self {
                Self::Unknown | Self::Directed(_) => true,
                Self::Addresses(addresses) => addresses.contains(&seen.destination),
            }
    }

    /// Its addresses.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Unknown => &[],
            Self::Directed(addresses) | Self::Addresses(addresses) => addresses,
        }
    }
}

/// Machines at the ends of every frame from one to another: the one that captured is at an end of all of them.
#[derive(Debug, Default)]
pub(super) struct Ends {
    common: Option<BTreeSet<[u8; 6]>>,
    frames: u64,
}

impl Ends {
    pub(super) fn note(&mut self, from: [u8; 6], to: [u8; 6]) {
        self.frames += 1;
        match &mut self.common {
            None => self.common = Some(BTreeSet::from([from, to])),
            Some(common) => common.retain(|mac| *mac == from || *mac == to),
        }
    }

    fn only(&self) -> Option<[u8; 6]> {
        let common = self.common.as_ref().filter(|_| self.frames >= ENOUGH)?;
        common.first().copied().filter(|_| common.len() == 1)
    }
}

/// Finds the node.
pub(super) fn find(told: &[IpAddr], seen: &[Seen], ends: &Ends) -> Node {
    if !told.is_empty() {
        return Node::Addresses(told.to_vec());
    }
    if seen.iter().any(|one| one.outgoing.is_some()) {
        let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
        for one in seen {
            match one.outgoing {
                Some(true) => addresses.insert(one.source),
                Some(false) if !one.destination.is_multicast() => addresses.insert(one.destination),
                Some(false) | None => false,
            };
        }
        return Node::Directed(addresses.into_iter().collect());
    }
    if let Some(mac) = ends.only() {
        let addresses: BTreeSet<IpAddr> = seen
            .iter()
            .filter(|one| one.mac == Some(mac))
            .map(|one| one.source)
            .collect();
        if !addresses.is_empty() {
            return Node::Addresses(addresses.into_iter().collect());
        }
    }
    unpadded(seen).map_or(Node::Unknown, |address| Node::Addresses(vec![address]))
}

/// Short frames are padded by the card that sends them, below where the sender's own capture looks: who is never padded,
/// where others are, is the node.
fn unpadded(seen: &[Seen]) -> Option<IpAddr> {
    let mut senders: BTreeMap<IpAddr, (bool, bool)> = BTreeMap::new();
    for one in seen {
        if let Some(padded) = one.padded {
            let (with, without) = senders.entry(one.source).or_default();
            *with |= padded;
            *without |= !padded;
        }
    }
    let never: Vec<IpAddr> = senders
        .iter()
        .filter(|(_, kinds)| **kinds == (false, true))
        .map(|(address, _)| *address)
        .collect();
    let always = senders.values().any(|kinds| *kinds == (true, false));
    match never.as_slice() {
        [one] if always => Some(*one),
        _ => None,
    }
}
