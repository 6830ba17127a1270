//! Lists of virtual addresses: the owned, validated one that is configured, and the view of one inside a packet.
//!
//! Order is kept everywhere, because adverts carry the configured order; only comparison ignores it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::units::Family;

/// The addresses in an advert, as they lie there: up to 255 of one family. None at all is for version 2 only, where
/// keepalived sends and takes it (P-06).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Addresses<'a> {
    family: Family,
    bytes: &'a [u8],
}

impl<'a> Addresses<'a> {
    /// The view of whole addresses; `None` where there are more than 255, or a part of one.
    #[must_use]
    pub fn from_wire(family: Family, bytes: &'a [u8]) -> Option<Self> {
        let size = address_size(family);
        let count = bytes.len().checked_div(size)?;
        let whole = count.checked_mul(size)? == bytes.len();
        (whole && count <= AddressList::MAX).then_some(Self { family, bytes })
    }

    /// The family of all of them.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// How many there are: the count field of an advert.
    #[must_use]
    pub fn count(&self) -> u8 {
        let count = self
            .bytes
            .len()
            .checked_div(address_size(self.family))
            .unwrap_or_default();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// The bytes on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The addresses in their order.
    #[must_use]
    pub fn iter(&self) -> AddressIter<'a> {
        AddressIter {
            family: self.family,
            rest: self.bytes,
        }
    }

    /// The first address, which version 3 over IPv6 wants to be link-local (RFC 9568 §5.2.9).
    #[must_use]
    pub fn first(&self) -> Option<IpAddr> {
        self.iter().next()
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Addresses<'a> {
    type Item = IpAddr;
    type IntoIter = AddressIter<'a>;

    fn into_iter(self) -> AddressIter<'a> {
        self.iter()
    }
}

/// Iterates over the addresses in an advert without copying the list.
#[derive(Clone, Debug)]
pub struct AddressIter<'a> {
    family: Family,
    rest: &'a [u8],
}

impl Iterator for AddressIter<'_> {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        match self.family {
            Family::V4 => {
                let (octets, rest) = self.rest.split_first_chunk::<4>()?;
                self.rest = rest;
                Some(IpAddr::V4(Ipv4Addr::from(*octets)))
            }
            Family::V6 => {
                let (octets, rest) = self.rest.split_first_chunk::<16>()?;
                self.rest = rest;
                Some(IpAddr::V6(Ipv6Addr::from(*octets)))
            }
        }
    }
}

/// Bytes of one address.
#[must_use]
pub const fn address_size(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

/// Whether an address is in fe80::/10 (RFC 4291 §2.5.6).
#[must_use]
pub const fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The advertised addresses of a virtual router: up to 255 of one family, none twice, in configured order (C-07). Only a
/// version 2 router may have none (P-06); adverts of version 3 refuse an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressList {
    family: Family,
    wire: Box<[u8]>,
    sorted: Box<[IpAddr]>,
}

impl AddressList {
    /// The count field of an advert holds no more.
    pub const MAX: usize = 255;

    /// A checked list.
    ///
    /// # Errors
    /// When the list is too long, of mixed families, or names an address twice.
    pub fn new(
        family: Family,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Self, AddressListError> {
        let mut wire = Vec::new();
        let mut sorted = Vec::new();
        for address in addresses {
            if Family::of(&address) != family {
                return Err(AddressListError::OtherFamily(address));
            }
            match address {
                IpAddr::V4(address) => wire.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => wire.extend_from_slice(&address.octets()),
            }
            sorted.push(address);
        }
        if sorted.len() > Self::MAX {
            return Err(AddressListError::TooMany(sorted.len()));
        }
        sorted.sort_unstable();
        for (a, b) in sorted.iter().zip(sorted.iter().skip(1)) {
            if a == b {
                return Err(AddressListError::Twice(*a));
            }
        }
        Ok(Self {
            family,
            wire: wire.into_boxed_slice(),
            sorted: sorted.into_boxed_slice(),
        })
    }

    /// The same addresses with the first link-local one in front, as RFC 9568 §5.2.9 wants IPv6 adverts to be; the rest
    /// keep their order. Unchanged where there is none.
    #[must_use]
    pub fn with_link_local_first(self) -> Self {
        let Some(front) = self.as_addresses().iter().find(is_link_local) else {
            return self;
        };
        let mut wire = Vec::with_capacity(self.wire.len());
        let rest = self
            .as_addresses()
            .iter()
            .filter(|address| *address != front);
        for address in core::iter::once(front).chain(rest) {
            match address {
                IpAddr::V4(address) => wire.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => wire.extend_from_slice(&address.octets()),
            }
        }
        Self {
            wire: wire.into_boxed_slice(),
            ..self
        }
    }

    /// The family of all of them.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Whether there is no address at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Where the list's memory is, as address and bytes: for a driver that locks it.
    pub fn for_each_memory(&self, visit: &mut dyn FnMut(usize, usize)) {
        visit(self.wire.as_ptr().addr(), size_of_val(&*self.wire));
        visit(self.sorted.as_ptr().addr(), size_of_val(&*self.sorted));
    }

    /// The view that adverts carry.
    #[must_use]
    pub fn as_addresses(&self) -> Addresses<'_> {
        Addresses {
            family: self.family,
            bytes: &self.wire,
        }
    }

    /// Whether an advert names the same addresses, in whatever order. Allocates nothing.
    #[must_use]
    pub fn same_set(&self, received: Addresses<'_>) -> bool {
        if received.family != self.family || received.bytes.len() != self.wire.len() {
            return false;
        }
        if *received.bytes == *self.wire {
            return true;
        }
        let mut seen = [false; Self::MAX];
        received.iter().all(|address| {
            let Ok(position) = self.sorted.binary_search(&address) else {
                return false;
            };
            seen.get_mut(position)
                .is_some_and(|seen| !core::mem::replace(seen, true))
        })
    }
}

/// Why a list of addresses cannot be advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressListError {
    /// More than the count field holds.
    TooMany(usize),
    /// An address of the other family.
    OtherFamily(IpAddr),
    /// An address named twice.
    Twice(IpAddr),
}

impl fmt::Display for AddressListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => write!(
                f,
                "{count} addresses do not fit in an advert, which carries at most 255"
            ),
            Self::OtherFamily(address) => {
                write!(
                    f,
                    "{address} is not of the router's address family; give it a router of its own"
                )
            }
            Self::Twice(address) => write!(f, "{address} is listed twice; remove one"),
        }
    }
}

impl core::error::Error for AddressListError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_list_has_up_to_255_distinct_addresses_of_one_family() {
        assert!(AddressList::new(Family::V4, []).unwrap().is_empty());
        assert!(AddressList::new(Family::V4, (1..=255).map(v4)).is_ok());
        let many = (0..=255).map(v4);
        assert_eq!(
            AddressList::new(Family::V4, many),
            Err(AddressListError::TooMany(256))
        );
        assert_eq!(
            AddressList::new(Family::V4, [v4(1), v4(2), v4(1)]),
            Err(AddressListError::Twice(v4(1)))
        );
        let other = "2001:db8::1".parse().unwrap();
        assert_eq!(
            AddressList::new(Family::V4, [v4(1), other]),
            Err(AddressListError::OtherFamily(other))
        );
    }

    /// order does not matter, but a repeated address does not stand in for a missing one.
    #[test]
    fn comparison_ignores_order_and_sees_repetition() {
        let ours = AddressList::new(Family::V4, [v4(3), v4(1), v4(2)]).unwrap();
        let shuffled = AddressList::new(Family::V4, [v4(1), v4(2), v4(3)]).unwrap();
        assert!(ours.same_set(shuffled.as_addresses()));
        assert!(ours.same_set(ours.as_addresses()));
        let repeated: Vec<u8> = [[192, 0, 2, 1], [192, 0, 2, 1], [192, 0, 2, 2]].concat();
        assert!(!ours.same_set(Addresses::from_wire(Family::V4, &repeated).unwrap()));
        let shorter = AddressList::new(Family::V4, [v4(1), v4(2)]).unwrap();
        assert!(!ours.same_set(shorter.as_addresses()));
        let other = AddressList::new(Family::V4, [v4(1), v4(2), v4(4)]).unwrap();
        assert!(!ours.same_set(other.as_addresses()));
    }

    /// P-09: RFC 9568 §5.2.9.
    #[test]
    fn link_local_moves_to_the_front_and_the_rest_keeps_its_order() {
        let text = ["2001:db8::2", "2001:db8::1", "fe80::1", "fe80::2"];
        let list = AddressList::new(Family::V6, text.map(|text| text.parse().unwrap())).unwrap();
        let order = |list: &AddressList| {
            list.as_addresses()
                .iter()
                .map(|a| a.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(order(&list), text);
        let moved = list.clone().with_link_local_first();
        assert_eq!(
            order(&moved),
            ["fe80::1", "2001:db8::2", "2001:db8::1", "fe80::2"]
        );
        assert!(moved.same_set(list.as_addresses()));
    }

    #[test]
    fn a_view_holds_whole_addresses_only() {
        assert!(Addresses::from_wire(Family::V4, &[0; 5]).is_none());
        assert!(Addresses::from_wire(Family::V6, &[0; 24]).is_none());
        assert_eq!(
            Addresses::from_wire(Family::V6, &[0; 255 * 16])
                .unwrap()
                .count(),
            255
        );
        assert!(Addresses::from_wire(Family::V4, &[0; 256 * 4]).is_none());
    }
}
