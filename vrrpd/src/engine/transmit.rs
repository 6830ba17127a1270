//! An advert's way out: encoded from live settings, handed to the kernel once per destination, stamps collected.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU16;

use nix::libc;
use vrrp_proto::node::RouterIndex;
use vrrp_proto::router::Config;
use vrrp_proto::time::Instant;
use vrrp_proto::units::{Version, WirePriority};
use vrrp_proto::wire::{AdvertError, Envelope, MAX_PACKET};

use super::clock::{self, ClockPair};
use super::flight::{Due, Flight, OutQueue, Seen};
use super::setup::{InterfaceIo, Io, RouterIo, family_position};
use super::stamp_ring::StampRing;
use crate::net::control::{self, Outgoing};
use crate::net::{ErrorReport, InterfaceSockets, TransmitSocket, error_report};
use crate::sys;
use crate::sys::message::{self, BATCH, Inbox};

/// Reads of an error queue at one look: enough for what can be in it, and no more than that.
const READS: usize = 64;

/// The memory that adverts are built in, and what is counted over all of them.
pub(super) struct Outbox {
    packet: Box<[u8; MAX_PACKET]>,
    reports: Inbox,
    pub(super) undelivered: u64,
    /// Numbers of adverts where there is no recorder that numbers them.
    unrecorded: u64,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            packet: Box::new([0; MAX_PACKET]),
            reports: Inbox::new(),
            undelivered: 0,
            unrecorded: 0,
        }
    }

    /// Sends one advert of a router, a copy to each destination.
    pub(super) fn advertise(
        &mut self,
        io: &mut Io,
        index: RouterIndex,
        config: &Config,
        (priority, due, woke): (WirePriority, Instant, Instant),
        skipped: u64,
    ) {
        let Io {
            routers,
            interfaces,
            flight,
            ..
        } = io;
        let Some(router) = routers.get_mut(usize::from(index.0)) else {
            return;
        };
        router.dirty = true;
        let woke = woke.max(due);
        router.record.due(due, woke);
        let mut flight = flight.as_deref_mut();
        let due = Due {
            router: index,
            socket: (router.interface, family_position(router.id.family)),
            priority,
            due,
            woke,
            skipped,
        };
        let number = match flight.as_deref_mut() {
            Some(flight) => flight.due(&mut router.track, due),
            None => {
                self.unrecorded += 1;
                self.unrecorded
            }
        };
        let Some(way) = Way::find(interfaces.get_mut(router.interface), router) else {
            router.record.unsendable();
            if let Some(flight) = flight {
                flight.unsendable(number);
            }
            return;
        };
        let unstamped = self.hand_over(router, way, config, (due, number), flight);
        if let Some(router) = unstamped.and_then(|other| routers.get_mut(usize::from(other.0))) {
            router.record.unstamped();
            router.dirty = true;
        }
    }

    /// Builds the advert and hands it to the kernel. Returns a router whose earlier advert lost its place in the ring of
    /// stamps by that.
    fn hand_over(
        &mut self,
        router: &mut RouterIo,
        way: Way<'_>,
        config: &Config,
        (due, number): (Due, u64),
        mut flight: Option<&mut Flight>,
    ) -> Option<RouterIndex> {
        let Way {
            source,
            sockets,
            socket,
            stamps,
            touched,
            outq,
        } = way;
        if let Some(flight) = flight.as_deref_mut() {
            if outq.is_held() {
                // What is still there now is held from the adverts before.
                look(flight, outq, socket, due.socket);
            }
            outq.sent(number);
        }
        *touched = socket.stamped;
        router.sequence = next_sequence(router.sequence);
        let now = clock::now();
        let times = (due.due, due.woke, now);
        router
            .record
            .built(number, router.sequence, due.priority, times);
        if let Some(flight) = flight.as_deref_mut() {
            flight.submitted(number, router.sequence, now);
        }
        let mut stamper = Stamper {
            ring: stamps,
            index: due.router,
            number,
            pair: ClockPair::sample(),
            unstamped: None,
            flight,
        };
        for &version in versions(config) {
            self.send_copies(
                router,
                (sockets, socket),
                source,
                (version, config.interoperate, due.priority),
                &mut stamper,
            );
        }
        let Stamper {
            unstamped, flight, ..
        } = stamper;
        let now = clock::now();
        router.record.submitted(now);
        if let Some(flight) = flight {
            flight.accepted(&mut router.track, number, now, socket.stamped);
        }
        unstamped
    }

    fn send_copies(
        &mut self,
        router: &mut RouterIo,
        (sockets, socket): (&InterfaceSockets, &TransmitSocket),
        source: IpAddr,
        (version, interoperate, priority): (Version, bool, WirePriority),
        stamper: &mut Stamper<'_>,
    ) {
        let RouterIo {
            send,
            destinations,
            ah,
            replayed_by,
            record,
            ..
        } = router;
        if let Some(other) = replayed_by.take() {
            // Differently many on both sides, so that two that collided do not do so again.
            ah.leave_out(if source > other { 2 } else { 1 });
        }
        // Settings that do not fit the version are refused when the setup is built.
        let Ok(advert) = send.advert(version, interoperate, priority) else {
            record.copy_refused(libc::EINVAL);
            stamper.copy(Err(libc::EINVAL));
            return;
        };
        for &destination in &*destinations {
            let envelope = Envelope {
                source,
                destination,
                ttl: router.ttl,
                sequence: NonZeroU16::new(router.sequence).unwrap_or(NonZeroU16::MIN),
            };
            let encoded = match destination {
                IpAddr::V4(_) => send.encode_packet(&advert, &envelope, ah, &mut self.packet[..]),
                IpAddr::V6(_) => {
                    advert.encode_message(source, destination, send.checksum, &mut self.packet[..])
                }
            };
            let Ok(length) = encoded else {
                record.copy_refused(libc::EMSGSIZE);
                stamper.copy(Err(libc::EMSGSIZE));
                continue;
            };
            let packet = &self.packet[..length];
            match stamper.send(socket, &envelope, sockets.index, packet, router.multicast) {
                Ok(()) => record.copy_accepted(),
                Err(errno) => record.copy_refused(errno),
            }
        }
    }

    /// Takes the stamps that are there from one transmit socket's error queue; never waits.
    pub(super) fn collect_stamps(&mut self, io: &mut Io, interface: usize, position: usize) {
        let Some(InterfaceIo {
            sockets: Some(sockets),
            stamps,
            outq,
            ..
        }) = io.interfaces.get_mut(interface)
        else {
            return;
        };
        let ring = &mut stamps[position];
        let socket = sockets
            .transmit
            .iter()
            .find(|socket| family_position(socket.family) == position);
        let Some(socket) = socket else { return };
        for _ in 0..READS {
            let Ok(count) = self.reports.receive(&socket.socket, BATCH, true) else {
                break;
            };
            let (now, pair) = (clock::now(), ClockPair::sample());
            for report in self.reports.iter() {
                match error_report(report.control) {
                    Some(ErrorReport::Stamp { id, point, real }) => {
                        let Some(matched) = ring.stamp(id, point, real, now, pair) else {
                            continue;
                        };
                        let mut router = io.routers.get_mut(usize::from(matched.router.0));
                        if let Some(flight) = io.flight.as_deref_mut() {
                            let track = router.as_deref_mut().map(|router| &mut *router.track);
                            flight.stamped(
                                track,
                                matched.number,
                                point,
                                matched.at,
                                matched.ambiguous,
                            );
                        }
                        let Some(router) = router else {
                            continue;
                        };
                        router
                            .record
                            .stamped(matched.number, point, matched.at, matched.ambiguous);
                        router.dirty = true;
                    }
                    Some(ErrorReport::Undelivered { .. }) => self.undelivered += 1,
                    None => {}
                }
            }
            if count < BATCH {
                break;
            }
        }
        let Some(flight) = io.flight.as_deref_mut() else {
            return;
        };
        let outq = &mut outq[position];
        if outq.is_due(clock::now(), ring.worth_a_look()) {
            look(flight, outq, socket, (interface, position));
        }
        flight.flush();
    }

    /// Where the buffers are, for locking them.
    pub(super) fn memory(&self) -> [(usize, usize); 3] {
        let [packets, controls] = self.reports.memory();
        [(self.packet.as_ptr().addr(), MAX_PACKET), packets, controls]
    }
}

/// What an advert needs to leave: a source address, a socket, and what keeps account of that socket.
struct Way<'a> {
    source: IpAddr,
    sockets: &'a InterfaceSockets,
    socket: &'a TransmitSocket,
    stamps: &'a mut StampRing,
    touched: &'a mut bool,
    outq: &'a mut OutQueue,
}

impl<'a> Way<'a> {
    /// None where the router has no destination, no source address, or its interface no socket.
    fn find(interface: Option<&'a mut InterfaceIo>, router: &RouterIo) -> Option<Self> {
        let interface = interface.filter(|_| !router.destinations.is_empty())?;
        let position = family_position(router.id.family);
        let sockets = interface.sockets.as_deref()?;
        let transmit = &sockets.transmit;
        Some(Self {
            source: router.source.flatten()?,
            sockets,
            socket: transmit
                .iter()
                .find(|socket| socket.family == router.id.family)?,
            stamps: &mut interface.stamps[position],
            touched: &mut interface.touched[position],
            outq: &mut interface.outq[position],
        })
    }
}

/// Interoperation (RFC 9568 §8.4.2) sends a second advert for version 2 routers; it is part of the same event.
fn versions(config: &Config) -> &[Version] {
    if config.interoperate {
        &[Version::V3, Version::V2]
    } else {
        std::slice::from_ref(&config.version)
    }
}

/// Looks at a transmit socket's send memory.
fn look(flight: &mut Flight, outq: &mut OutQueue, socket: &TransmitSocket, place: (usize, usize)) {
    let Ok(bytes) = sys::socket::unsent(&socket.socket) else {
        return;
    };
    let now = clock::now();
    match outq.saw(bytes, now) {
        Seen::Nothing => {}
        Seen::Held(last) => flight.held(last, bytes),
        Seen::Taken(from) => flight.taken(place, from, now),
    }
}

/// Hands copies of one advert to the kernel and remembers their numbers.
struct Stamper<'a> {
    ring: &'a mut StampRing,
    index: RouterIndex,
    number: u64,
    pair: ClockPair,
    unstamped: Option<RouterIndex>,
    flight: Option<&'a mut Flight>,
}

impl Stamper<'_> {
    /// Records what became of a copy.
    fn copy(&mut self, result: Result<(), i32>) {
        if let Some(flight) = self.flight.as_deref_mut() {
            flight.copy(self.number, result);
        }
    }

    /// Sends one packet; the kernel's refusal as an errno.
    fn send(
        &mut self,
        socket: &TransmitSocket,
        envelope: &Envelope,
        interface: u32,
        packet: &[u8],
        multicast: bool,
    ) -> Result<(), i32> {
        let ticket = self
            .ring
            .submit(self.index, self.number, clock::now(), self.pair);
        self.unstamped = self.unstamped.or(ticket.unstamped);
        let numbered = socket.stamped && self.ring.numbered;
        let to = address(envelope, interface);
        let control = control(envelope, interface, numbered.then_some(ticket.id));
        let mut result = message::send(&socket.socket, to, packet, control.as_bytes(), multicast);
        if numbered && matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EINVAL)) {
            // Either the kernel is older than numbered stamps, or the packet is refused whatever comes with it.
            let control = self::control(envelope, interface, None);
            result = message::send(&socket.socket, to, packet, control.as_bytes(), multicast);
            if result.is_ok() {
                self.ring.count_with_kernel(ticket);
            }
        }
        match result {
            Ok(()) if socket.stamped => self.ring.accepted(ticket),
            Ok(()) | Err(_) => self.ring.refused(ticket),
        }
        let result = result.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO));
        self.copy(result);
        result
    }
}

/// Where a packet goes. The flow label of IPv6 carries the sequence number, as the identification of IPv4 does.
fn address(envelope: &Envelope, interface: u32) -> SocketAddr {
    match envelope.destination {
        IpAddr::V4(_) => SocketAddr::new(envelope.destination, 0),
        IpAddr::V6(address) => {
            let scope = if needs_scope(address) { interface } else { 0 };
            let label = u32::from(envelope.sequence.get()).to_be();
            SocketAddrV6::new(address, 0, label, scope).into()
        }
    }
}

const fn needs_scope(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

fn control(envelope: &Envelope, interface: u32, id: Option<u32>) -> Outgoing {
    let mut control = Outgoing::new();
    if let IpAddr::V6(source) = envelope.source {
        control::push_source_v6(&mut control, source, interface);
        control::push_hop_limit(&mut control, envelope.ttl);
    }
    if let Some(id) = id {
        control::push_stamp_id(&mut control, id);
    }
    control
}

/// Counts 1, 2, 3 … 65535 and then 2, as keepalived was seen to do: a receiver can rely on one wrap. Never 0, which the
/// kernel replaces.
const fn next_sequence(last: u16) -> u16 {
    if last == u16::MAX { 2 } else { last + 1 }
}

/// Whether an advert can be sent in every version that the router speaks, and if not, why.
pub(crate) fn check_sendable(router: &RouterIo, config: &Config) -> Result<(), AdvertError> {
    let priority = WirePriority::from(config.priority);
    versions(config).iter().try_for_each(|version| {
        let advert = router.send.advert(*version, config.interoperate, priority);
        advert.map(|_| ())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_skips_zero_and_wraps_as_keepalived_does() {
        assert_eq!(next_sequence(0), 1);
        assert_eq!(next_sequence(1), 2);
        assert_eq!(next_sequence(65_534), 65_535);
        assert_eq!(next_sequence(65_535), 2);
    }

    #[test]
    fn an_ipv6_advert_carries_its_sequence_as_flow_label_in_network_order() {
        let envelope = Envelope {
            source: "fe80::1".parse().unwrap(),
            destination: "ff02::12".parse().unwrap(),
            ttl: 255,
            sequence: NonZeroU16::new(0x0102).unwrap(),
        };
        let SocketAddr::V6(to) = address(&envelope, 4) else {
            panic!("an IPv6 address")
        };
        assert_eq!(to.flowinfo().to_ne_bytes(), [0, 0, 1, 2]);
        assert_eq!(to.scope_id(), 4);
    }
}
