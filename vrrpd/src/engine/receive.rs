//! A packet's way in: from the socket to the router that it is for, judged by that router's checks.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use nix::libc;
use vrrp_proto::node::RouterIndex;
use vrrp_proto::router::Received;
use vrrp_proto::time::Instant;
use vrrp_proto::units::{Family, Version};
use vrrp_proto::wire::{
    Accepted, Auth, Datagram, Discard, ReceiveConfig, ReceiveTransport, TTL, Versions,
};
use vrrp_record::history;

use super::clock::{self, ClockPair};
use super::setup::{DiscardReport, Io, RouterIo};
use crate::net::{arrival, control};
use crate::sys::message::{BATCH, Inbox, Incoming};

/// What came of reading from a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Packets taken.
    pub(super) packets: usize,
    /// Whether the queue was seen empty.
    pub(super) empty: bool,
}

/// Counts of packets that belong to no router.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strays {
    /// Packets for a VRID, or of a kind, that no router here has.
    pub(super) unknown: u64,
    /// Packets that the kernel dropped because a receive queue was full.
    pub(super) drops: u64,
    /// Those of no router that were not reported yet.
    pub(super) discards: DiscardReport,
}

impl Strays {
    fn note(&mut self) {
        self.unknown += 1;
        self.discards.note();
    }
}

/// Takes up to `limit` packets of one socket and hands each valid advert to `accept`; never waits.
pub(super) fn receive(
    inbox: &mut Inbox,
    io: &mut Io,
    (interface, socket): (usize, usize),
    limit: usize,
    strays: &mut Strays,
    accept: &mut dyn FnMut(&mut Io, Instant, RouterIndex, &Received),
) -> Taken {
    let nothing = Taken {
        packets: 0,
        empty: true,
    };
    let Some(sockets) = io
        .interfaces
        .get(interface)
        .and_then(|interface| interface.sockets.as_deref())
    else {
        return nothing;
    };
    let Some(source) = sockets.receive.get(socket) else {
        return nothing;
    };
    let (family, multicast, index) = (source.family, source.multicast, sockets.index);
    let wanted = limit.min(BATCH);
    let Ok(packets) = inbox.receive(&source.socket, wanted, false) else {
        // The interface went down or away; the address thread tells when there are other sockets.
        return nothing;
    };
    let (read, pair) = (clock::now(), ClockPair::sample());
    let mut dropped = 0;
    for packet in inbox.iter() {
        let facts = Facts::read(&packet, family);
        if let Some(total) = facts.drops {
            let known = io
                .interfaces
                .get_mut(interface)
                .and_then(|interface| interface.drops.get_mut(socket));
            if let Some(known) = known {
                dropped = total.wrapping_sub(std::mem::replace(known, total));
                strays.drops += u64::from(dropped);
            }
        }
        if facts
            .interface
            .is_some_and(|arrived_on| arrived_on != index)
        {
            // From before the socket was bound: not from the interface of any router of this socket.
            strays.note();
            continue;
        }
        let arrived = facts.arrived.map(|real| pair.convert(real).min(read));
        match judge(
            io,
            interface,
            (family, multicast),
            &packet,
            &facts,
            (arrived, read, std::mem::take(&mut dropped)),
        ) {
            Some((router, received)) => accept(io, read, router, &received),
            None if facts.stray(io, interface, family, &packet) => strays.note(),
            None => {}
        }
    }
    Taken {
        packets,
        empty: packets < wanted,
    }
}

/// What the kernel tells beside a packet.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    arrived: Option<u64>,
    interface: Option<u32>,
    destination: Option<Ipv6Addr>,
    hop_limit: Option<u8>,
    flow_label: Option<u32>,
    drops: Option<u32>,
}

impl Facts {
    fn read(packet: &Incoming<'_>, family: Family) -> Self {
        let mut facts = Self {
            arrived: arrival(packet.control),
            ..Self::default()
        };
        for (level, kind, data) in control::walk(packet.control) {
            match (family, level, kind) {
                (_, libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => facts.drops = word(data, 0),
                // in_pktinfo: interface, local address, destination.
                (Family::V4, libc::IPPROTO_IP, libc::IP_PKTINFO) => facts.interface = word(data, 0),
                // in6_pktinfo: destination, interface.
                (Family::V6, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    facts.destination = data
                        .first_chunk::<16>()
                        .map(|octets| Ipv6Addr::from(*octets));
                    facts.interface = word(data, 16);
                }
                (Family::V6, libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    facts.hop_limit = word(data, 0).and_then(|limit| u8::try_from(limit).ok());
                }
                (Family::V6, libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO) => {
                    facts.flow_label = word(data, 0).map(|word| u32::from_be(word) & 0x000f_ffff);
                }
                _ => {}
            }
        }
        facts
    }

    fn datagram<'a>(&self, packet: &Incoming<'a>, family: Family) -> Option<Datagram<'a>> {
        match family {
            Family::V4 => Datagram::parse(family, packet.bytes).ok(),
            Family::V6 => {
                let Some(IpAddr::V6(source)) = packet.source else {
                    return None;
                };
                let mut datagram = Datagram::from_ipv6_socket(
                    source,
                    self.destination?,
                    self.hop_limit?,
                    packet.bytes,
                );
                datagram.sequence = self.flow_label.filter(|label| *label != 0);
                Some(datagram)
            }
        }
    }

    /// Whether the packet is for no router of this interface: one that is, was counted at its router.
    fn stray(&self, io: &Io, interface: usize, family: Family, packet: &Incoming<'_>) -> bool {
        let router = self
            .datagram(packet, family)
            .and_then(|datagram| datagram.peek_vrid())
            .and_then(|vrid| io.interfaces.get(interface)?.router(family, vrid));
        router.is_none()
    }
}

/// Finds the packet's router and lets it judge. `None` for what is discarded, which is counted at the router.
fn judge(
    io: &mut Io,
    interface: usize,
    (family, multicast): (Family, bool),
    packet: &Incoming<'_>,
    facts: &Facts,
    (arrived, read, dropped): (Option<Instant>, Instant, u32),
) -> Option<(RouterIndex, Received)> {
    let datagram = facts.datagram(packet, family)?;
    let index = io
        .interfaces
        .get(interface)?
        .router(family, datagram.peek_vrid()?)?;
    let router = io.routers.get_mut(usize::from(index.0))?;
    if router.multicast != multicast {
        // A multicast and a unicast socket of one interface hear each other's unicast packets; the router's own socket
        // brings it too.
        return None;
    }
    router.dirty = true;
    match router.receive.receive(&datagram, &mut router.ah) {
        Ok(accepted) => {
            let received = accepted.received(arrived);
            let counts = &mut router.received;
            counts.accepted += 1;
            if received.priority.is_release() {
                counts.releases += 1;
            }
            for warning in accepted.warnings.iter() {
                counts.warnings[warning.index()] += 1;
            }
            let delay = arrived.map_or(Duration::ZERO, |arrived| read.saturating_since(arrived));
            counts.worst_read_delay = counts.worst_read_delay.max(delay);
            // Interoperating peers send two adverts with one number; the second tells nothing.
            let own_version =
                received.version == Version::V3 || router.receive.versions != Versions::Both;
            let sequence = if own_version {
                router
                    .peer_sequence
                    .note(received.source, accepted.sequence)
            } else {
                history::Sequence::Untrusted
            };
            if let Some(flight) = io.flight.as_deref_mut().filter(|_| own_version) {
                let heard = history::Received {
                    router: 0,
                    from: received.source,
                    id: accepted.sequence.and_then(|id| u16::try_from(id).ok()),
                    priority: received.priority.as_u8(),
                    interval: nanos(received.interval.as_duration()),
                    arrived: arrived.map(|at| flight.time(at)),
                    read: flight.time(read),
                    sequence,
                    mac: None,
                    dropped,
                    foreign: foreign(&accepted, &router.receive),
                };
                flight.heard(&mut router.track, heard);
            }
            counts.missing = router.peer_sequence.missing;
            counts.breaks = router.peer_sequence.breaks;
            counts.sequence_trusted = router.peer_sequence.is_trusted();
            Some((index, received))
        }
        Err(discard) => {
            router.received.discards[discard.index()] += 1;
            router.discards.note();
            if discard == Discard::AuthReplay {
                router.replayed_by = Some(datagram.source);
            }
            if let Some(flight) = io.flight.as_deref_mut() {
                let at = flight.time(arrived.unwrap_or(read));
                let refused = refused(router, &datagram, discard, at);
                flight.rejected(&mut router.track, refused);
            }
            None
        }
    }
}

/// The first virtual address of an advert that has none of ours.
fn foreign(accepted: &Accepted<'_>, ours: &ReceiveConfig) -> Option<IpAddr> {
    let ours = ours.addresses.as_addresses();
    if accepted
        .advert
        .addresses()
        .iter()
        .any(|theirs| ours.iter().any(|own| own == theirs))
    {
        return None;
    }
    accepted.advert.addresses().iter().next()
}

/// The record of a packet that a check refused, with what the check compared.
fn refused(
    router: &RouterIo,
    datagram: &Datagram<'_>,
    discard: Discard,
    at: history::Time,
) -> history::Rejected {
    // An Authentication Header of 24 bytes may stand in front.
    let message = match datagram.protocol {
        PROTOCOL_AH => datagram.payload.get(AH_LENGTH..).unwrap_or_default(),
        _ => datagram.payload,
    };
    let byte = |at: usize| message.get(at).copied();
    let number = |at: usize| byte(at).map_or(0, u32::from);
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let millis = |interval: Duration| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
    let (value, expected) = match discard {
        Discard::Ttl => (u32::from(datagram.ttl), least_ttl(router, datagram.source)),
        Discard::Version => (
            number(0) >> 4,
            match router.receive.versions {
                Versions::Only(Version::V2) => 2,
                Versions::Only(Version::V3) | Versions::Both => 3,
            },
        ),
        Discard::Type => (number(0) & 0xf, 1),
        Discard::Truncated | Discard::Length => (length, 0),
        Discard::AuthTypeUnknown | Discard::AuthTypeMismatch => {
            (number(4), auth_type(&router.receive.auth))
        }
        // Version 2 has whole seconds at this place.
        Discard::IntervalMismatch => (
            number(5).saturating_mul(1000),
            millis(router.receive.interval.as_duration()),
        ),
        Discard::IpHeader
        | Discard::Fragment
        | Discard::NotVrrp
        | Discard::Destination
        | Discard::Source
        | Discard::OwnSource
        | Discard::AhHeader
        | Discard::Vrid
        | Discard::CountZero
        | Discard::AuthFailed
        | Discard::AuthReplay
        | Discard::Checksum
        | Discard::IntervalZero
        | Discard::FirstNotLinkLocal
        | Discard::Owner
        | Discard::AddrList => (0, 0),
    };
    history::Rejected {
        router: 0,
        from: datagram.source,
        reason: u8::try_from(discard.index()).unwrap_or(u8::MAX),
        priority: byte(2),
        value,
        expected,
        at,
        more: 0,
    }
}

/// Protocol number and length of an Authentication Header with HMAC-MD5-96.
const PROTOCOL_AH: u8 = 51;
const AH_LENGTH: usize = 24;

/// The lowest TTL that is accepted from a sender.
fn least_ttl(router: &RouterIo, from: IpAddr) -> u32 {
    match &router.receive.transport {
        ReceiveTransport::Multicast { .. } => TTL.into(),
        ReceiveTransport::Unicast { peers, .. } => peers
            .iter()
            .find(|peer| peer.address == from)
            .map_or(0, |peer| peer.min_ttl.into()),
    }
}

/// The authentication type on the wire.
const fn auth_type(auth: &Auth) -> u32 {
    match auth {
        Auth::None => 0,
        Auth::Pass(_) => 1,
        Auth::Ah { .. } => 2,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The 32-bit word at a position, in the machine's order.
fn word(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?
        .first_chunk::<4>()
        .map(|word| u32::from_ne_bytes(*word))
}
