//! Asks gateway and peers once a second for their link-layer address: an answer tells a quiet network from a path that is
//! silent. Sockets of its own, so that no advert ever waits for a probe.
//!
//! The same sockets hear who announces an address: a virtual one that another machine announces is answered twice.
//!
//! The sender is always an address of the interface's own, never a virtual one: a neighbour must not learn from a probe
//! where a virtual address is.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use nix::libc;
use nix::time::{ClockId, clock_gettime};
use socket2::{Domain, SockFilter, Socket, Type};
use vrrp_proto::time::Instant;
use vrrp_proto::units::MacAddr;
use vrrp_record::history::{NO_ANSWER, ProbeTarget};

use super::frames;
use super::links::Link;
use super::watch::Watch;
use crate::engine::clock;
use crate::net::{arrival, enable_receive};
use crate::sys;
use crate::sys::message::{BATCH, Inbox};

/// Peers probed on one interface, gateways not counted.
const PEERS: usize = 8;
/// Peers whose Ethernet addresses are remembered.
const REMEMBERED: usize = 64;
const ETH_P_ARP: u16 = 0x0806;
const ETH_P_IPV6: u16 = 0x86dd;

/// One neighbour that is asked.
#[derive(Debug)]
struct Target {
    object: ProbeTarget,
    address: IpAddr,
    source: IpAddr,
    sender: MacAddr,
    mac: Option<MacAddr>,
    /// When it was asked, while it has not answered.
    asked: Option<Instant>,
}

/// All neighbours that are asked.
pub(super) struct Prober {
    targets: Vec<Target>,
    /// By number of the interface: ARP, ND.
    sockets: HashMap<(u32, bool), Socket>,
    inbox: Inbox,
    /// Peers that have answered, by interface.
    peers: Vec<(u32, MacAddr)>,
    /// Errno of a refused socket.
    pub(super) refused: Option<i32>,
}

impl Prober {
    pub(super) fn new() -> Self {
        Self {
            targets: Vec::new(),
            sockets: HashMap::new(),
            inbox: Inbox::new(),
            peers: Vec::new(),
            refused: None,
        }
    }

    /// Chooses the targets: gateways of the routers' families, configured peers, and peers that were heard, each by its
    /// interface's name.
    pub(super) fn follow(&mut self, watch: &Watch, links: &[Link], heard: &[(String, IpAddr)]) {
        let old = std::mem::take(&mut self.targets);
        for link in links.iter().filter(|_| watch.probe) {
            let (Some(sender), Some(watched)) = (
                link.mac,
                watch.interfaces.iter().find(|one| one.name == link.name),
            ) else {
                continue;
            };
            if watched.vrids.is_empty() {
                continue;
            }
            let gateways = (0..)
                .zip(link.gateways)
                .filter_map(|(family, gateway)| Some((family, gateway?)));
            let wanted = gateways.filter(|(family, _)| watched.families[usize::from(*family)]);
            let heard = heard.iter().filter(|(name, _)| *name == link.name);
            let mut peers: Vec<IpAddr> = watched.peers.clone();
            for (_, peer) in heard {
                if !peers.contains(peer) {
                    peers.push(*peer);
                }
            }
            let peers = (ProbeTarget::FIRST_PEER..)
                .zip(peers.into_iter().take(PEERS))
                .filter(|(_, peer)| is_near(link, *peer));
            for (number, address) in wanted.chain(peers) {
                let Some(source) = source(watch, link, address) else {
                    continue;
                };
                let object = ProbeTarget {
                    interface: link.index,
                    number,
                };
                let known = old
                    .iter()
                    .find(|old| (old.object, old.address) == (object, address));
                self.targets.push(Target {
                    object,
                    address,
                    source,
                    sender,
                    mac: known.and_then(|known| known.mac),
                    asked: known.and_then(|known| known.asked),
                });
            }
        }
        let mut wanted: Vec<(u32, bool)> = Vec::new();
        for link in links.iter().filter(|link| link.mac.is_some()) {
            let watched = watch.interfaces.iter().find(|one| one.name == link.name);
            for (family, v6) in [(0, false), (1, true)] {
                if watched.is_some_and(|one| !one.vrids.is_empty() && one.families[family]) {
                    wanted.push((link.index, v6));
                }
            }
        }
        self.open(&wanted);
    }

    fn open(&mut self, wanted: &[(u32, bool)]) {
        self.refused = None;
        self.sockets.retain(|known, _| wanted.contains(known));
        for (index, v6) in wanted.iter().copied() {
            if self.sockets.contains_key(&(index, v6)) {
                continue;
            }
            match open(index, v6) {
                Ok(socket) => {
                    self.sockets.insert((index, v6), socket);
                }
                Err(error) => self.refused = error.raw_os_error(),
            }
        }
    }

    /// Asks everybody, and tells who has not answered since the last time.
    pub(super) fn ask(&mut self, tell: &mut dyn FnMut(Instant, ProbeTarget, u64)) {
        for target in &mut self.targets {
            if let Some(asked) = target.asked.take() {
                tell(asked, target.object, NO_ANSWER);
                // It may have another address now.
                target.mac = None;
            }
            let socket = self
                .sockets
                .get(&(target.object.interface, target.address.is_ipv6()));
            let question =
                frames::question(target.sender, target.source, target.address, target.mac);
            if let (Some(socket), Some(question)) = (socket, question) {
                let now = clock::now();
                // What could not be sent has no answer either, and its sample says so.
                let _ = socket.send(&question);
                target.asked = Some(now);
            }
        }
    }

    /// Whether a machine is a peer that has answered.
    pub(super) fn is_peer(&self, index: u32, mac: MacAddr) -> bool {
        self.peers.contains(&(index, mac))
    }

    /// Takes answers that are waiting, and hands over who announced which address on the interface with which number.
    pub(super) fn hear(
        &mut self,
        tell: &mut dyn FnMut(Instant, ProbeTarget, u64),
        announced: &mut dyn FnMut(u32, IpAddr, MacAddr),
    ) {
        for ((index, _), socket) in &self.sockets {
            let Ok(1..) = self.inbox.receive(socket, BATCH, false) else {
                continue;
            };
            let (now, wall) = (clock::now(), wall());
            for incoming in self.inbox.iter() {
                if let Some((address, mac)) = frames::announcement(incoming.bytes) {
                    announced(*index, address, mac);
                }
                let Some((address, mac)) = frames::answer(incoming.bytes) else {
                    continue;
                };
                let same = |target: &&mut Target| {
                    target.object.interface == *index && target.address == address
                };
                for target in self.targets.iter_mut().filter(same) {
                    target.mac = Some(mac);
                    let peer = (*index, mac);
                    if !target.object.is_gateway() && !self.peers.contains(&peer) {
                        if self.peers.len() >= REMEMBERED {
                            self.peers.remove(0);
                        }
                        self.peers.push(peer);
                    }
                    let Some(asked) = target.asked.take() else {
                        continue;
                    };
                    // The kernel's stamp: when this thread gets to read it says nothing about the neighbour.
                    let ago = arrival(incoming.control)
                        .and_then(|stamp| wall.checked_sub(stamp))
                        .unwrap_or(0);
                    let whole = now.saturating_since(asked);
                    let whole = u64::try_from(whole.as_nanos()).unwrap_or(NO_ANSWER - 1);
                    tell(asked, target.object, whole.saturating_sub(ago));
                }
            }
        }
    }

    /// What to poll.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.values().map(Socket::as_fd)
    }
}

/// Whether a peer is on the link: only then it answers there.
fn is_near(link: &Link, peer: IpAddr) -> bool {
    let on_every_link = matches!(peer, IpAddr::V6(peer) if peer.is_unicast_link_local());
    let mut own = link.addresses.iter();
    on_every_link || own.any(|own| covers(own.peer, own.prefix, peer) && own.local != peer)
}

fn covers(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits().into(), address.to_bits().into(), 32_u8)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let shift = u32::from(bits.saturating_sub(prefix));
    let cut = |number: u128| number.checked_shr(shift).unwrap_or(0);
    cut(network) == cut(address)
}

/// An own address of the interface to ask from, never a virtual one: link-local for IPv6.
fn source(watch: &Watch, link: &Link, target: IpAddr) -> Option<IpAddr> {
    let usable = |own: IpAddr| {
        !watch.virtuals.contains(&own)
            && match own {
                IpAddr::V4(_) => target.is_ipv4(),
                IpAddr::V6(own) => target.is_ipv6() && own.is_unicast_link_local(),
            }
    };
    let own = link.addresses.iter().filter(|own| usable(own.local));
    // One of the target's network first: a host need not answer strangers.
    own.clone()
        .find(|own| covers(own.peer, own.prefix, target))
        .or_else(|| own.clone().next())
        .map(|own| own.local)
}

fn open(index: u32, v6: bool) -> io::Result<Socket> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)?;
    const LOAD_WORD: u16 = 0x20;
    const TO_X: u16 = 0x07;
    const EQUAL_X: u16 = 0x1d;
    let accept = [
        SockFilter::new(RETURN, 0, 0, 256),
        SockFilter::new(RETURN, 0, 0, 0),
    ];
    let (protocol, mut filter) = if v6 {
        let test = vec![
            SockFilter::new(LOAD_BYTE, 0, 0, 20),
            SockFilter::new(EQUAL, 0, 3, 58),
            SockFilter::new(LOAD_BYTE, 0, 0, 54),
            SockFilter::new(EQUAL, 0, 1, 136),
        ];
        (ETH_P_IPV6, test)
    } else {
        // A reply, or sender and target are the same: an announcement.
        let test = vec![
            SockFilter::new(LOAD_HALF, 0, 0, 20),
            SockFilter::new(EQUAL, 4, 0, 2),
            SockFilter::new(LOAD_WORD, 0, 0, 28),
            SockFilter::new(TO_X, 0, 0, 0),
            SockFilter::new(LOAD_WORD, 0, 0, 38),
            SockFilter::new(EQUAL_X, 0, 1, 0),
        ];
        (ETH_P_ARP, test)
    };
    filter.extend(accept);
    socket.attach_filter(&filter)?;
    let _ = enable_receive(&socket);
    // A small queue: a flood of answers is of no use.
    let _ = sys::socket::set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, 32 * 1024);
    socket.bind(&sys::packet::address(index, protocol)?)?;
    Ok(socket)
}

fn wall() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_REALTIME);
    now.ok()
        .and_then(|now| {
            let seconds = u64::try_from(now.tv_sec()).ok()?;
            let nanos = u64::try_from(now.tv_nsec()).ok()?;
            seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
        })
        .unwrap_or(0)
}
