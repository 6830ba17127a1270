//! Opening the sockets of one interface.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;

use nix::libc;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockFilter, Socket, Type};
use vrrp_proto::units::Family;

use super::stamps;
use crate::sys;

/// VRRP's protocol number (RFC 9568 §5.1.1.4).
const VRRP: i32 = 112;
/// Queueing priority of adverts: network control, band 0 of pfifo_fast.
const PRIORITY: u32 = 7;
/// Traffic class of adverts, as keepalived sends: internetwork control.
const TRAFFIC_CLASS: u32 = 0xc0;
/// Least receive buffer: four seconds of one router at the default interval would need less.
const LEAST_BUFFER: usize = 256 * 1024;
/// Greatest receive buffer of one socket.
const GREATEST_BUFFER: usize = 64 * 1024 * 1024;
/// Receive buffer of a transmit socket: it holds stamp reports only, 832 bytes each.
const REPORT_BUFFER: usize = 512 * 1024;

/// What an interface needs: computed from the plan, the same for every incarnation of the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketSpec {
    /// Receive sockets; one per family and transport.
    pub receive: Vec<ReceiveSpec>,
    /// Transmit sockets; one per family.
    pub transmit: Vec<Family>,
}

/// One receive socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveSpec {
    /// Its family.
    pub family: Family,
    /// What it listens to.
    pub transport: ReceiveTransport,
    /// Also take authenticated adverts (protocol 51, version 2 over IPv4).
    pub authenticated: bool,
    /// Receive buffer in bytes: enough for a stall of four seconds.
    pub buffer: usize,
}

/// What a receive socket listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveTransport {
    /// Groups to join, at least one.
    Multicast(Vec<IpAddr>),
    /// Packets to this local address, which may not exist yet; to any local address where none is configured.
    Unicast(Option<IpAddr>),
}

/// The sockets of one incarnation of an interface.
#[derive(Debug)]
pub struct InterfaceSockets {
    /// The kernel's number of the interface.
    pub index: u32,
    /// In the order of the specification; an authenticated one is followed by its companion for protocol 51.
    pub receive: Vec<ReceiveSocket>,
    /// In the order of the specification.
    pub transmit: Vec<TransmitSocket>,
    /// What could not be opened: routers that need it have a fault, the others do not notice.
    pub refused: Vec<OpenError>,
}

impl InterfaceSockets {
    /// Whether a router of this family and transport can send and hear.
    #[must_use]
    pub fn serve(&self, family: Family, multicast: bool) -> bool {
        let hears =
            |socket: &ReceiveSocket| (socket.family, socket.multicast) == (family, multicast);
        let sends = |socket: &TransmitSocket| socket.family == family;
        self.receive.iter().any(hears) && self.transmit.iter().any(sends)
    }
}

/// An open receive socket: bound to the interface, stamps on, groups joined.
#[derive(Debug)]
pub struct ReceiveSocket {
    /// Its family.
    pub family: Family,
    /// Whether it joined groups.
    pub multicast: bool,
    /// The socket.
    pub socket: OwnedFd,
}

/// An open transmit socket: bound to the interface, never receives, stamps on.
#[derive(Debug)]
pub struct TransmitSocket {
    /// Its family.
    pub family: Family,
    /// Whether the kernel stamps what leaves here.
    pub stamped: bool,
    /// The socket.
    pub socket: OwnedFd,
}

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step} on interface {interface}")]
pub struct OpenError {
    /// The step that failed, as words that complete "cannot …".
    pub step: &'static str,
    /// The interface's name.
    pub interface: String,
    /// The kernel's reason.
    #[source]
    pub error: io::Error,
}

impl OpenError {
    /// The kernel's reason as a number.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.error.raw_os_error().unwrap_or(libc::EIO)
    }
}

/// A failed step, before the interface's name is added.
type Step<T> = Result<T, (&'static str, io::Error)>;

/// Names the step that an error belongs to.
trait Naming<T> {
    fn step(self, name: &'static str) -> Step<T>;
}

impl<T> Naming<T> for io::Result<T> {
    fn step(self, name: &'static str) -> Step<T> {
        self.map_err(|error| (name, error))
    }
}

/// Opens the sockets of `interface`, whose number is `index`. May wait for the kernel's network lock.
///
/// A step that the kernel refuses costs the sockets of its family and transport only: an interface without IPv6 still
/// serves IPv4 routers. Stamps, priority and large buffers are wishes; their refusal costs nothing.
///
/// # Errors
/// When nothing at all could be opened: the first refusal.
pub fn open(interface: &str, index: u32, spec: &SocketSpec) -> Result<InterfaceSockets, OpenError> {
    let mut sockets = InterfaceSockets {
        index,
        receive: Vec::new(),
        transmit: Vec::new(),
        refused: Vec::new(),
    };
    let refuse = |(step, error)| OpenError {
        step,
        interface: interface.to_owned(),
        error,
    };
    for wanted in &spec.receive {
        match open_receive_all(interface, index, wanted) {
            Ok(opened) => sockets.receive.extend(opened),
            Err(error) => sockets.refused.push(refuse(error)),
        }
    }
    for &family in &spec.transmit {
        match open_transmit(interface, index, family) {
            Ok(opened) => sockets.transmit.push(opened),
            Err(error) => sockets.refused.push(refuse(error)),
        }
    }
    let nothing = sockets.receive.is_empty() || sockets.transmit.is_empty();
    if nothing && !sockets.refused.is_empty() {
        return Err(sockets.refused.remove(0));
    }
    Ok(sockets)
}

/// A receive socket, and its companion where authenticated adverts are taken: both or none.
fn open_receive_all(interface: &str, index: u32, wanted: &ReceiveSpec) -> Step<Vec<ReceiveSocket>> {
    let multicast = matches!(wanted.transport, ReceiveTransport::Multicast(_));
    let protocols: &[i32] = if wanted.authenticated {
        &[VRRP, libc::IPPROTO_AH]
    } else {
        &[VRRP]
    };
    let open = |protocol: &i32| {
        let socket = open_receive(interface, index, wanted, *protocol)?;
        Ok(ReceiveSocket {
            family: wanted.family,
            multicast,
            socket: socket.into(),
        })
    };
    protocols.iter().map(open).collect()
}

fn open_transmit(interface: &str, index: u32, family: Family) -> Step<TransmitSocket> {
    let socket = match family {
        Family::V4 => open_transmit_v4(interface)?,
        Family::V6 => open_transmit_v6(interface, index)?,
    };
    // A kernel without stamps costs measurements, never adverts.
    let stamped = stamps::enable_transmit(&socket).is_ok();
    // Last: an earlier IP_TOS would have reset it.
    let _ = socket.set_priority(PRIORITY);
    Ok(TransmitSocket {
        family,
        stamped,
        socket: socket.into(),
    })
}

/// Opens one receive socket. Stamps are switched on before the first group is joined: a packet that arrives earlier
/// would have none.
fn open_receive(interface: &str, index: u32, spec: &ReceiveSpec, protocol: i32) -> Step<Socket> {
    let socket = raw(spec.family, protocol)?;
    socket
        .bind_device(Some(interface.as_bytes()))
        .step("bind a receive socket")?;
    // Raw sockets hear everything of their protocol until they are bound and filtered; what slipped in before is
    // judged by the receive checks like any other packet.
    let _ = stamps::enable_receive(&socket);
    // A buffer of the default size is a worse, not a broken receiver.
    let _ = set_receive_buffer(&socket, spec.buffer.clamp(LEAST_BUFFER, GREATEST_BUFFER));
    let _ = sys::socket::set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
    match spec.family {
        Family::V4 => {
            sys::socket::set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
                .step("ask for packet information")?;
            socket
                .set_multicast_all_v4(false)
                .step("limit multicast to own groups")?;
            let _ = socket.set_multicast_loop_v4(false);
        }
        Family::V6 => {
            sys::socket::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
                .step("ask for packet information")?;
            socket
                .set_recv_hoplimit_v6(true)
                .step("ask for the hop limit")?;
            let _ = sys::socket::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1);
            let _ = sys::socket::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO, 1);
            // Since Linux 4.20; before, the groups of other sockets come through and are told apart by destination.
            let _ = socket.set_multicast_all_v6(false);
            let _ = socket.set_multicast_loop_v6(false);
        }
    }
    match &spec.transport {
        ReceiveTransport::Multicast(groups) => {
            for group in groups {
                match group {
                    IpAddr::V4(group) => {
                        socket.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(index))
                    }
                    IpAddr::V6(group) => socket.join_multicast_v6(group, index),
                }
                .step("join the VRRP group")?;
            }
        }
        ReceiveTransport::Unicast(Some(source)) => {
            bind_to_source(&socket, *source, index).step("bind to the unicast source address")?;
        }
        ReceiveTransport::Unicast(None) => {}
    }
    Ok(socket)
}

/// Binds to an address that the interface may get later only.
fn bind_to_source(socket: &Socket, source: IpAddr, index: u32) -> io::Result<()> {
    let address = match source {
        IpAddr::V4(_) => {
            socket.set_freebind_v4(true)?;
            SocketAddr::new(source, 0)
        }
        IpAddr::V6(address) => {
            socket.set_freebind_v6(true)?;
            let scope = if address.is_unicast_link_local() {
                index
            } else {
                0
            };
            SocketAddrV6::new(address, 0, 0, scope).into()
        }
    };
    socket.bind(&address.into())
}

/// IPPROTO_RAW: we write the whole header, and the socket never receives, so its queue holds stamp reports only.
fn open_transmit_v4(interface: &str) -> Step<Socket> {
    let socket = raw(Family::V4, libc::IPPROTO_RAW)?;
    socket
        .bind_device(Some(interface.as_bytes()))
        .step("bind a transmit socket")?;
    socket
        .set_multicast_loop_v4(false)
        .step("switch multicast loop off")?;
    // Else a full queue discipline is reported as success.
    sys::socket::set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
        .step("ask for send errors")?;
    let _ = set_receive_buffer(&socket, REPORT_BUFFER);
    Ok(socket)
}

/// Protocol 112 with a filter that takes nothing, so its queue holds stamp reports only.
fn open_transmit_v6(interface: &str, index: u32) -> Step<Socket> {
    let socket = raw(Family::V6, VRRP)?;
    socket
        .attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])
        .step("close a transmit socket's receiving side")?;
    socket
        .bind_device(Some(interface.as_bytes()))
        .step("bind a transmit socket")?;
    socket
        .set_multicast_if_v6(index)
        .step("choose the multicast interface")?;
    socket
        .set_multicast_loop_v6(false)
        .step("switch multicast loop off")?;
    socket
        .set_multicast_hops_v6(255)
        .step("set the hop limit")?;
    socket
        .set_tclass_v6(TRAFFIC_CLASS)
        .step("set the traffic class")?;
    sys::socket::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
        .step("ask for send errors")?;
    // Lets each advert carry its sequence number as the flow label.
    let _ = sys::socket::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO_SEND, 1);
    let _ = set_receive_buffer(&socket, REPORT_BUFFER);
    Ok(socket)
}

fn raw(family: Family, protocol: i32) -> Step<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let kind = Type::RAW.nonblocking().cloexec();
    Socket::new_raw(domain, kind, Some(Protocol::from(protocol))).step("open a raw socket")
}

/// Beyond the system's limit where CAP_NET_ADMIN is there, else up to it.
fn set_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    let value = i32::try_from(bytes).unwrap_or(i32::MAX);
    sys::socket::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value)
        .or_else(|_| sys::socket::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, value))
}
