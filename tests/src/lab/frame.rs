//! What the capture understands of a frame: adverts, and claims of an address by ARP or Neighbor Advertisement.
//!
//! Reads leniently: a test judges what it finds, and a frame that is no advert to us is no advert in a test either.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vrrp_proto::units::{Family, MacAddr};
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;
use vrrp_proto::wire::{Datagram, Message, PROTOCOL_AH, PROTOCOL_VRRP};

const ETHERNET: usize = 14;
const AH: usize = 24;

/// A frame of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A VRRP message.
    Advert(Advert),
    /// A claim of an address.
    Claim(Claim),
}

/// A VRRP message as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Ethernet destination.
    pub to_mac: MacAddr,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS or traffic class.
    pub class: u8,
    /// IPv4 identification or IPv6 flow label.
    pub sequence: u32,
    /// 2 or 3.
    pub version: u8,
    /// Virtual router id.
    pub vrid: u8,
    /// 0 when its sender leaves.
    pub priority: u8,
    /// Interval in centiseconds, whatever the version.
    pub centis: u16,
    /// Version 2: authentication type.
    pub auth_type: u8,
    /// An Authentication Header lies before the message.
    pub ah: bool,
    /// Virtual addresses in their order.
    pub addresses: Vec<IpAddr>,
    /// What follows the addresses: version 2's authentication data.
    pub trailer: Vec<u8>,
}

/// Who says that an address is at its MAC address, without having been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: IpAddr,
    /// Where it is said to be.
    pub at: MacAddr,
}

impl Frame {
    /// Reads an Ethernet frame; `None` for everything that is neither an advert nor a claim.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        if let Some(arp) = GratuitousArp::parse(frame) {
            return Some(Self::Claim(Claim {
                address: IpAddr::V4(arp.address),
                at: arp.sender,
            }));
        }
        if let Some(advertisement) = NeighborAdvertisement::parse(frame) {
            return Some(Self::Claim(Claim {
                address: IpAddr::V6(advertisement.address),
                at: advertisement.sender,
            }));
        }
        Advert::parse(frame).map(Self::Advert)
    }
}

impl Advert {
    fn parse(frame: &[u8]) -> Option<Self> {
        let family = match frame.get(12..ETHERNET)? {
            [0x08, 0x00] => Family::V4,
            [0x86, 0xdd] => Family::V6,
            _ => return None,
        };
        let packet = frame.get(ETHERNET..)?;
        let datagram = Datagram::parse(family, packet).ok()?;
        let ah = datagram.protocol == PROTOCOL_AH;
        let bytes = match datagram.protocol {
            PROTOCOL_VRRP => datagram.payload,
            PROTOCOL_AH => datagram.payload.get(AH..)?,
            _ => return None,
        };
        let message = Message::new(family, bytes)?;
        let size = match family {
            Family::V4 => 4,
            Family::V6 => 16,
        };
        let listed = message.body().get(..usize::from(message.count()) * size)?;
        let version = message.version();
        Some(Self {
            to_mac: MacAddr(*frame.first_chunk()?),
            source: datagram.source,
            destination: datagram.destination,
            ttl: datagram.ttl,
            class: match family {
                Family::V4 => *packet.get(1)?,
                Family::V6 => (packet.first()? << 4) | (packet.get(1)? >> 4),
            },
            sequence: datagram.sequence.unwrap_or_default(),
            version,
            vrid: message.vrid(),
            priority: message.priority(),
            centis: if version == 2 {
                u16::from(message.seconds()) * 100
            } else {
                message.centis()
            },
            auth_type: if version == 2 { message.auth_type() } else { 0 },
            ah,
            addresses: listed.chunks_exact(size).filter_map(address).collect(),
            trailer: message.body().get(listed.len()..)?.to_vec(),
        })
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(v4)));
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|v6| IpAddr::V6(Ipv6Addr::from(v6)))
}
