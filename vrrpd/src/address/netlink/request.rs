//! Asking the kernel: what is there, and add or remove these addresses.
//!
//! The kernel carries a request out inside the system call that sends it, so the answers to a whole batch are there when
//! the call returns. Waiting for the kernel's network lock happens here.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_ECHO, NLM_F_EXCL, NLM_F_REPLACE,
    NLM_F_REQUEST,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol, CacheInfo,
};
use netlink_sys::{Socket, SocketAddr};
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use vrrp_config::plan::VipPlan;

use super::parse::{AddressSeen, LinkSeen, Message, QueueSeen, parse};
use super::socket::{self, Received};

/// How `ip address` shows whose addresses these are (`proto keepalived`): whoever replaced keepalived keeps its scripts.
pub(crate) const ORIGIN: u8 = 18;
/// Longest time that an answer may take after the request was sent; it is there at once unless memory is short.
const PATIENCE: u16 = 1000;
/// Attempts to get a dump that no change interrupted.
const DUMPS: usize = 5;

/// One change of an interface's addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    /// Put it on.
    Add(&'a VipPlan),
    /// It is there: change its lifetime so that nobody begins to use it (true), or back to what the plan says.
    Deprecate(&'a VipPlan, bool),
    /// Take it off.
    Remove(&'a VipPlan),
    /// Take off what was seen, whatever the plan says about its prefix.
    RemoveSeen(&'a AddressSeen),
}

/// A socket for requests.
pub(crate) struct Requests {
    socket: Socket,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
    answers: Vec<u8>,
}

impl Requests {
    /// A socket of its own port.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = socket::open()?;
        let port = socket.bind_auto()?.port_number();
        // Answers without the request in them: a batch of them fits into any buffer.
        let _ = socket.set_cap_ack(true);
        socket.set_non_blocking(true)?;
        Ok(Self {
            socket,
            port,
            sequence: 0,
            buffer: Vec::new(),
            answers: Vec::new(),
        })
    }

    /// A copy of the socket's descriptor.
    #[cfg(test)]
    pub(crate) fn descriptor(&self) -> std::os::fd::OwnedFd {
        self.socket.as_fd().try_clone_to_owned().unwrap()
    }

    /// The port that the kernel's messages about our own changes carry.
    pub(crate) const fn port(&self) -> u32 {
        self.port
    }

    /// Carries changes out in order, each on the interface with this number, and hands every outcome to `done`: the
    /// position in the list, and an errno where refused.
    pub(crate) fn change(
        &mut self,
        changes: &[(u32, Change<'_>)],
        done: &mut dyn FnMut(usize, Option<i32>),
    ) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.drain();
        self.buffer.clear();
        let first = self.sequence.wrapping_add(1);
        for (index, change) in changes {
            let (kind, flags, message) = describe(*index, *change);
            self.push(kind, flags, &message);
        }
        self.send()?;
        let mut outstanding = changes.len();
        while outstanding > 0 {
            self.receive()?;
            let parsed = parse(&self.answers, &mut |from, message| {
                let position = from.sequence.wrapping_sub(first);
                let position = usize::try_from(position).unwrap_or(usize::MAX);
                if let Message::Answer(errno) = message
                    && position < changes.len()
                {
                    outstanding = outstanding.saturating_sub(1);
                    done(position, errno);
                }
            });
            parsed.map_err(|_| io::Error::from_raw_os_error(libc::EBADMSG))?;
        }
        Ok(())
    }

    /// All links.
    pub(crate) fn links(&mut self) -> io::Result<Vec<LinkSeen>> {
        self.dump(libc::RTM_GETLINK, &[0; 16], |message| {
            if let Message::Link(link) = message {
                Some(link)
            } else {
                None
            }
        })
    }

    /// All addresses of all interfaces, in the kernel's order.
    pub(crate) fn addresses(&mut self) -> io::Result<Vec<AddressSeen>> {
        self.dump(libc::RTM_GETADDR, &[0; 8], |message| {
            if let Message::Address(address) = message {
                Some(address)
            } else {
                None
            }
        })
    }

    /// The root queue discipline of a link; none where it has none that counts.
    pub(crate) fn queue(&mut self, index: u32) -> io::Result<Option<QueueSeen>> {
        const ROOT: u32 = 0xffff_ffff;
        let mut payload = [0; 20];
        payload[4..8].copy_from_slice(&index.to_ne_bytes());
        payload[12..16].copy_from_slice(&ROOT.to_ne_bytes());
        // The kernel answers to the group of its listeners; the echo is ours.
        self.ask(libc::RTM_GETQDISC, NLM_F_ECHO, &payload, |message| {
            if let Message::Queue(queue) = message {
                Some(queue)
            } else {
                None
            }
        })
    }

    /// The gateway by which `to` is reached through a link; none where there is no route, or one without a gateway.
    pub(crate) fn gateway(&mut self, to: IpAddr, index: u32) -> io::Result<Option<IpAddr>> {
        const RTA_DST: u16 = 1;
        const RTA_OIF: u16 = 4;
        let (family, octets) = match to {
            IpAddr::V4(to) => (libc::AF_INET, to.octets().to_vec()),
            IpAddr::V6(to) => (libc::AF_INET6, to.octets().to_vec()),
        };
        let bits = u8::try_from(octets.len() * 8).unwrap_or(0);
        let mut payload = vec![u8::try_from(family).unwrap_or(0), bits];
        payload.resize(12, 0);
        for (kind, value) in [(RTA_DST, &octets[..]), (RTA_OIF, &index.to_ne_bytes()[..])] {
            let length = u16::try_from(value.len() + 4).unwrap_or(0);
            payload.extend(length.to_ne_bytes());
            payload.extend(kind.to_ne_bytes());
            payload.extend(value);
        }
        let found = self.ask(libc::RTM_GETROUTE, 0, &payload, |message| {
            if let Message::Route(gateway) = message {
                Some(gateway)
            } else {
                None
            }
        })?;
        Ok(found.flatten())
    }

    /// Asks for one thing. None where the kernel refuses: there is no such thing.
    fn ask<T>(
        &mut self,
        kind: u16,
        flags: u16,
        payload: &[u8],
        pick: impl Fn(Message) -> Option<T>,
    ) -> io::Result<Option<T>> {
        self.drain();
        self.buffer.clear();
        self.frame(kind, NLM_F_REQUEST | NLM_F_ACK | flags, payload.len());
        self.buffer.extend_from_slice(payload);
        self.send()?;
        let sequence = self.sequence;
        loop {
            self.receive()?;
            let (mut found, mut answered) = (None, false);
            let parsed = parse(&self.answers, &mut |from, message| {
                if from.sequence == sequence {
                    // The acknowledgement comes last, and alone where there is nothing to tell.
                    answered |= matches!(message, Message::Answer(_));
                    found = found.take().or_else(|| pick(message));
                }
            });
            parsed.map_err(|_| io::Error::from_raw_os_error(libc::EBADMSG))?;
            if answered || found.is_some() {
                return Ok(found);
            }
        }
    }

    fn dump<T>(
        &mut self,
        kind: u16,
        payload: &[u8],
        pick: impl Fn(Message) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut found = Vec::new();
        for _ in 0..DUMPS {
            self.drain();
            found.clear();
            self.buffer.clear();
            self.frame(kind, NLM_F_REQUEST | NLM_F_DUMP, payload.len());
            self.buffer.extend_from_slice(payload);
            self.send()?;
            let sequence = self.sequence;
            let (mut ended, mut interrupted, mut refused) = (false, false, None);
            while !ended {
                self.receive()?;
                let parsed = parse(&self.answers, &mut |from, message| {
                    if from.sequence != sequence {
                        return;
                    }
                    interrupted |= from.interrupted;
                    if let Message::Answer(errno) = message {
                        refused = errno;
                        ended = true;
                    } else if message == Message::Done {
                        ended = true;
                    } else {
                        found.extend(pick(message));
                    }
                });
                parsed.map_err(|_| io::Error::from_raw_os_error(libc::EBADMSG))?;
            }
            if let Some(errno) = refused {
                return Err(io::Error::from_raw_os_error(errno));
            }
            if !interrupted {
                return Ok(found);
            }
        }
        // Changes without end: the monitor tells the rest.
        Ok(found)
    }

    /// Forgets answers that nobody waited for.
    fn drain(&mut self) {
        for _ in 0..4096 {
            if let Err(error) = socket::receive(&self.socket, &mut self.answers)
                && error.kind() == io::ErrorKind::WouldBlock
            {
                return;
            }
        }
    }

    fn send(&self) -> io::Result<()> {
        self.socket
            .send_to(&self.buffer, &SocketAddr::new(0, 0), 0)
            .map(|_| ())
    }

    /// Waits for a datagram of the kernel.
    fn receive(&mut self) -> io::Result<()> {
        loop {
            match socket::receive(&self.socket, &mut self.answers) {
                Ok(Received::Kernel) => return Ok(()),
                Ok(Received::Other) => {}
                Ok(Received::Cut) => return Err(io::Error::from_raw_os_error(libc::EMSGSIZE)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    if poll(&mut fds, PATIENCE)? == 0 {
                        return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn push(&mut self, kind: u16, flags: u16, message: &AddressMessage) {
        let length = message.buffer_len();
        self.frame(kind, flags, length);
        let start = self.buffer.len();
        self.buffer.resize(start + length.next_multiple_of(4), 0);
        if let Some(place) = self.buffer.get_mut(start..start + length) {
            message.emit(place);
        }
    }

    /// A message's header, with the next number.
    fn frame(&mut self, kind: u16, flags: u16, payload: usize) {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(payload + 16).expect("our own requests are short");
        self.buffer.extend(length.to_ne_bytes());
        self.buffer.extend(kind.to_ne_bytes());
        self.buffer.extend(flags.to_ne_bytes());
        self.buffer.extend(self.sequence.to_ne_bytes());
        self.buffer.extend(self.port.to_ne_bytes());
    }
}

/// Message type, flags and contents of a change.
fn describe(index: u32, change: Change<'_>) -> (u16, u16, AddressMessage) {
    let ask = NLM_F_REQUEST | NLM_F_ACK;
    match change {
        Change::Add(vip) => (
            libc::RTM_NEWADDR,
            ask | NLM_F_CREATE | NLM_F_EXCL,
            addition(index, vip, vip.preferred_lifetime),
        ),
        Change::Deprecate(vip, on) => (
            libc::RTM_NEWADDR,
            ask | NLM_F_REPLACE,
            addition(index, vip, if on { 0 } else { vip.preferred_lifetime }),
        ),
        Change::Remove(vip) => {
            let peer = vip.peer.map_or(vip.address, |(peer, _)| peer);
            (
                libc::RTM_DELADDR,
                ask,
                removal(index, vip.address, peer, prefix(vip)),
            )
        }
        Change::RemoveSeen(seen) => (
            libc::RTM_DELADDR,
            ask,
            removal(index, seen.local, seen.peer, seen.prefix),
        ),
    }
}

/// The prefix length that the kernel keeps: the peer's, where there is one.
pub(crate) fn prefix(vip: &VipPlan) -> u8 {
    vip.peer.map_or(vip.prefix, |(_, prefix)| prefix)
}

fn removal(index: u32, local: IpAddr, peer: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(local);
    message.header.prefix_len = prefix;
    message.header.index = index;
    message.attributes = vec![
        AddressAttribute::Local(local),
        AddressAttribute::Address(peer),
    ];
    message
}

fn addition(index: u32, vip: &VipPlan, preferred: u32) -> AddressMessage {
    let peer = vip.peer.map_or(vip.address, |(peer, _)| peer);
    let mut message = removal(index, vip.address, peer, prefix(vip));
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Noprefixroute, vip.no_prefix_route);
    flags.set(AddressFlags::Mcautojoin, vip.autojoin);
    match vip.address {
        IpAddr::V4(_) => {
            message.header.scope = vip.scope.into();
            if let Some(broadcast) = vip.broadcast {
                message
                    .attributes
                    .push(AddressAttribute::Broadcast(broadcast));
            }
            if let Some(label) = &vip.label {
                message
                    .attributes
                    .push(AddressAttribute::Label(label.clone()));
            }
        }
        IpAddr::V6(_) => {
            flags.set(AddressFlags::Nodad, !vip.dad);
            flags.set(AddressFlags::Homeaddress, vip.home);
            flags.set(AddressFlags::Managetempaddr, vip.manage_temporary);
            let mut lifetime = CacheInfo::default();
            lifetime.ifa_preferred = preferred;
            lifetime.ifa_valid = u32::MAX;
            message
                .attributes
                .push(AddressAttribute::CacheInfo(lifetime));
        }
    }
    // The old field of eight bits, for kernels and readers that know no other.
    let low = flags.bits() & 0xff;
    message.header.flags =
        AddressHeaderFlags::from_bits_retain(u8::try_from(low).expect("masked to eight bits"));
    message.attributes.push(AddressAttribute::Flags(flags));
    message
        .attributes
        .push(AddressAttribute::Protocol(AddressProtocol::from(ORIGIN)));
    message
}

const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}
