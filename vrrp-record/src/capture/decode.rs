//! From a frame to the advert in it. Judges what a packet says of itself; what its receiver would compare with
//! its own settings is judged later, by whoever knows them.

use std::net::{IpAddr, Ipv4Addr};

use vrrp_proto::addr::AddressList;
use vrrp_proto::units::{AdvertInterval, Family, Version, Vrid};
use vrrp_proto::wire::{
    AhSequence, Auth, Datagram, Discard, Message, PROTOCOL_AH, PROTOCOL_VRRP, Password,
    ReceiveConfig, ReceivePolicy, ReceiveTransport, Sum, TTL, Versions,
};

use super::frame::Frame;
use super::link::Link;
use crate::history::Time;

/// Bytes of an Authentication Header of HMAC-MD5-96.
const AH: usize = 24;

/// A VRRP message, valid or not.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Time,
    /// The machine that captured sent it, where that is known.
    pub(super) outgoing: Option<bool>,
    /// The interface as the file numbers it: of a section, or the kernel's index.
    pub(super) place: u32,
    pub(super) vlan: Option<u16>,
    pub(super) mac: Option<[u8; 6]>,
    /// On Ethernet, of a packet that fills no frame: whether padding was there.
    pub(super) padded: Option<bool>,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) id: Option<u32>,
    pub(super) vrid: u8,
    pub(super) version: u8,
    pub(super) priority: u8,
    /// In nanoseconds.
    pub(super) interval: u64,
    /// Version 2: authentication type and data, to be compared and never shown.
    pub(super) auth: (u8, [u8; 8]),
    pub(super) checksum: u16,
    pub(super) addresses: Vec<IpAddr>,
    /// Cut by the capture: its checksum and its addresses could not be looked at.
    pub(super) cut: bool,
    /// The check that it fails at every receiver, with what it has and what it should have.
    pub(super) flaw: Option<(Discard, u32, u32)>,
}

/// The VRRP message of a frame whose link layer is off.
pub(super) fn look(frame: &Frame<'_>, link: &Link<'_>) -> Option<Seen> {
    let family = link.family()?;
    let protocol = match family {
        Family::V4 => link.content.get(9),
        Family::V6 => link.content.get(6),
    };
    match protocol.copied()? {
        PROTOCOL_VRRP | PROTOCOL_AH => advert(frame, link, family),
        _ => None,
    }
}

fn advert(frame: &Frame<'_>, link: &Link<'_>, family: Family) -> Option<Seen> {
    let cut = super::frame::length(frame.original) > frame.data.len();
    let parsed = Datagram::parse(family, link.content);
    let (datagram, header_flaw) = match (parsed, family) {
        (Ok(datagram), _) => (datagram, None),
        // What the capture cut, and what the header's checks refuse, still says who spoke.
        (Err(flaw), Family::V4) => (lenient(link.content)?, (!cut).then_some(flaw)),
        (Err(flaw), Family::V6) => (lenient_6(link.content)?, (!cut).then_some(flaw)),
    };
    if header_flaw == Some(Discard::Fragment) && datagram.protocol != PROTOCOL_VRRP {
        return None;
    }
    let sealed = datagram.protocol == PROTOCOL_AH;
    let message = if sealed {
        datagram.payload.get(AH..)?
    } else {
        datagram.payload
    };
    let message = Message::new(family, message)?;
    // Another protocol in an Authentication Header.
    if sealed && (message.version() != 2 || datagram.payload.first() != Some(&PROTOCOL_VRRP)) {
        return None;
    }
    let size = match family {
        Family::V4 => 4,
        Family::V6 => 16,
    };
    let count = usize::from(message.count());
    let addresses: Vec<IpAddr> = message
        .body()
        .chunks_exact(size)
        .take(count)
        .filter_map(address)
        .collect();
    let data = message
        .body()
        .get(count * size..)
        .and_then(<[u8]>::first_chunk::<8>)
        .copied()
        .unwrap_or_default();
    let flaw = match header_flaw {
        Some(flaw) => Some(flaw),
        None if cut => None,
        None => judge(&datagram, &message, data, sealed),
    };
    let expected = match flaw {
        Some(Discard::Ttl) => (u32::from(datagram.ttl), u32::from(TTL)),
        Some(Discard::Version) => (u32::from(message.version()), 0),
        _ => (0, 0),
    };
    let interval = if message.version() == 2 {
        u64::from(message.seconds()) * 1_000_000_000
    } else {
        u64::from(message.centis()) * 10_000_000
    };
    let on_wire = link.header + datagram.header.len().max(20) + datagram.payload.len();
    let short = frame.link == 1 && !cut && family == Family::V4 && on_wire < 60;
    Some(Seen {
        at: frame.at,
        outgoing: link.outgoing,
        place: link.index.unwrap_or(frame.interface),
        vlan: link.vlan,
        mac: link.mac,
        padded: short.then_some(super::frame::length(frame.original) > on_wire),
        source: datagram.source,
        destination: datagram.destination,
        id: datagram.sequence.filter(|id| *id != 0),
        vrid: message.vrid(),
        version: message.version(),
        priority: message.priority(),
        interval,
        auth: if message.version() == 2 {
            (message.auth_type(), data)
        } else {
            (0, [0; 8])
        },
        checksum: message.checksum(),
        addresses: if cut { Vec::new() } else { addresses },
        cut,
        flaw: flaw.map(|flaw| (flaw, expected.0, expected.1)),
    })
}

/// The checks that need no settings: the packet is measured by what it says itself.
fn judge(
    datagram: &Datagram<'_>,
    message: &Message<'_>,
    data: [u8; 8],
    sealed: bool,
) -> Option<Discard> {
    if sealed {
        // Without the key the integrity check value means nothing.
        let sum = Sum::default().bytes(message.as_bytes());
        return (!sum.verifies()).then_some(Discard::Checksum);
    }
    let family = datagram.family();
    let version = match message.version() {
        2 => Version::V2,
        3 => Version::V3,
        _ => return Some(Discard::Version),
    };
    let any = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::V6 => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    let (Some(vrid), Ok(list)) = (Vrid::new(message.vrid()), AddressList::new(family, [any]))
    else {
        return Some(Discard::Vrid);
    };
    let interval = match version {
        Version::V2 => AdvertInterval::from_seconds(message.seconds()),
        Version::V3 => AdvertInterval::from_centis(message.centis()),
    };
    let Some(interval) = interval else {
        return Some(Discard::IntervalZero);
    };
    let config = ReceiveConfig {
        vrid,
        versions: Versions::Only(version),
        owner: false,
        interval,
        addresses: list,
        auth: match (version, message.auth_type()) {
            (Version::V2, 1) => Auth::Pass(Password::from_wire(data)),
            _ => Auth::None,
        },
        transport: if datagram.destination.is_multicast() {
            ReceiveTransport::Multicast {
                group: datagram.destination,
            }
        } else {
            ReceiveTransport::Unicast {
                local: None,
                peers: Box::default(),
                check_source: false,
            }
        },
        own_source: None,
        policy: ReceivePolicy {
            check_addresses: false,
            ..ReceivePolicy::KEEPALIVED
        },
    };
    config.receive(datagram, &mut AhSequence::default()).err()
}

/// The header of an IPv4 packet that is cut or damaged, as far as it says who spoke.
fn lenient(packet: &[u8]) -> Option<Datagram<'_>> {
    let head = packet.first_chunk::<20>()?;
    let length = usize::from(head[0] & 0x0f) * 4;
    if head[0] >> 4 != 4 || length < 20 {
        return None;
    }
    let address = |at: usize| head.get(at..).and_then(address_4);
    Some(Datagram {
        source: address(12)?,
        destination: address(16)?,
        ttl: head[8],
        protocol: head[9],
        sequence: Some(u32::from(u16::from_be_bytes([head[4], head[5]]))),
        header: packet.get(..length)?,
        payload: packet.get(length..)?,
    })
}

fn lenient_6(packet: &[u8]) -> Option<Datagram<'_>> {
    let head = packet.first_chunk::<40>()?;
    Some(Datagram {
        source: head.get(8..24).and_then(address)?,
        destination: head.get(24..40).and_then(address)?,
        ttl: head[7],
        protocol: head[6],
        sequence: Some(u32::from_be_bytes([0, head[1] & 0x0f, head[2], head[3]])),
        header: &[],
        payload: packet.get(40..)?,
    })
}

fn address_4(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk::<4>().map(|octets| IpAddr::from(*octets))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        16 => bytes
            .first_chunk::<16>()
            .map(|octets| IpAddr::from(*octets)),
        _ => address_4(bytes),
    }
}
