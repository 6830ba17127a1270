//! The IP packet around a message: header stripping with every length checked, and the early look at the VRID.
//!
//! An IPv4 raw socket hands over the packet from its first header byte. An IPv6 raw socket does not: there the parts come
//! from the socket address and control messages ([`Datagram::from_ipv6_socket`]).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::discard::Discard;
use super::{Message, PROTOCOL_AH, PROTOCOL_VRRP, Sum};
use crate::units::Family;

/// An IP packet whose header is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address; of the family of the source.
    pub destination: IpAddr,
    /// TTL or hop limit as it arrived.
    pub ttl: u8,
    /// IP protocol or next header.
    pub protocol: u8,
    /// IPv4 identification, or IPv6 flow label where the header was seen: the sender's sequence, if it keeps one.
    pub sequence: Option<u32>,
    /// IPv4 header with its options, which an AH integrity check value covers; empty for IPv6.
    pub header: &'a [u8],
    /// What the header carries, without link padding.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// The packet from its first header byte, as an IPv4 raw socket or a packet socket gives it.
    ///
    /// # Errors
    /// [`Discard::IpHeader`] or [`Discard::Fragment`].
    pub fn parse(family: Family, packet: &'a [u8]) -> Result<Self, Discard> {
        match family {
            Family::V4 => Self::parse_ipv4(packet),
            Family::V6 => Self::parse_ipv6(packet),
        }
    }

    /// What an IPv6 raw socket of protocol 112 tells: addresses, hop limit, and the message.
    #[must_use]
    pub const fn from_ipv6_socket(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        hop_limit: u8,
        payload: &'a [u8],
    ) -> Self {
        Self {
            source: IpAddr::V6(source),
            destination: IpAddr::V6(destination),
            ttl: hop_limit,
            protocol: PROTOCOL_VRRP,
            sequence: None,
            header: &[],
            payload,
        }
    }

    fn parse_ipv4(packet: &'a [u8]) -> Result<Self, Discard> {
        let Some(
            &[
                first,
                _tos,
                l0,
                l1,
                i0,
                i1,
                f0,
                f1,
                ttl,
                protocol,
                _,
                _,
                s0,
                s1,
                s2,
                s3,
                d0,
                d1,
                d2,
                d3,
            ],
        ) = packet.first_chunk::<20>()
        else {
            return Err(Discard::IpHeader);
        };
        let header_length = usize::from(first & 0x0f).saturating_mul(4);
        let total = usize::from(u16::from_be_bytes([l0, l1]));
        if first >> 4 != 4 || header_length < 20 {
            return Err(Discard::IpHeader);
        }
        let whole = packet.get(..total).ok_or(Discard::IpHeader)?;
        let (header, payload) = whole
            .split_at_checked(header_length)
            .ok_or(Discard::IpHeader)?;
        if !Sum::default().bytes(header).verifies() {
            return Err(Discard::IpHeader);
        }
        // More fragments, or an offset; "don't fragment" is fine.
        if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
            return Err(Discard::Fragment);
        }
        Ok(Self {
            source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
            destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
            ttl,
            protocol,
            sequence: Some(u32::from(u16::from_be_bytes([i0, i1]))),
            header,
            payload,
        })
    }

    fn parse_ipv6(packet: &'a [u8]) -> Result<Self, Discard> {
        let (fixed, rest) = packet.split_first_chunk::<8>().ok_or(Discard::IpHeader)?;
        let (source, rest) = rest.split_first_chunk::<16>().ok_or(Discard::IpHeader)?;
        let (destination, rest) = rest.split_first_chunk::<16>().ok_or(Discard::IpHeader)?;
        let &[w0, w1, w2, w3, l0, l1, protocol, ttl] = fixed;
        if w0 >> 4 != 6 {
            return Err(Discard::IpHeader);
        }
        let payload = rest
            .get(..usize::from(u16::from_be_bytes([l0, l1])))
            .ok_or(Discard::IpHeader)?;
        Ok(Self {
            source: IpAddr::V6(Ipv6Addr::from(*source)),
            destination: IpAddr::V6(Ipv6Addr::from(*destination)),
            ttl,
            protocol,
            sequence: Some(u32::from_be_bytes([0, w1 & 0x0f, w2, w3])),
            header: &[],
            payload,
        })
    }

    /// The family of both addresses.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(&self.source)
    }

    /// A look at the VRID before any router is known, to find the router whose checks apply. `None` where the packet
    /// has no such byte; [`unaddressed`](Self::unaddressed) then says why.
    #[must_use]
    pub fn peek_vrid(&self) -> Option<u8> {
        match self.protocol {
            PROTOCOL_VRRP => self.payload.get(1).copied(),
            PROTOCOL_AH if self.family() == Family::V4 => self.payload.get(25).copied(),
            _ => None,
        }
    }

    /// Why a packet that belongs to no configured router is discarded; such packets count per interface (E-18).
    #[must_use]
    pub fn unaddressed(&self) -> Discard {
        let message = match self.protocol {
            PROTOCOL_VRRP => self.payload,
            PROTOCOL_AH if self.family() == Family::V4 => match self.payload.split_at_checked(24) {
                Some((_, message)) => message,
                None => return Discard::Truncated,
            },
            _ => return Discard::NotVrrp,
        };
        match Message::new(self.family(), message) {
            None => Discard::Truncated,
            Some(message) if !matches!(message.version(), 2 | 3) => Discard::Version,
            Some(message) if message.kind() != 1 => Discard::Type,
            Some(_) => Discard::Vrid,
        }
    }
}
