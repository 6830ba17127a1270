//! Listens for a successor's gratuitous ARP and unsolicited NA while addresses are held (safety rule 2).
//!
//! Sockets and frames only; what an announcement means for a router is the holder's.

use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use nix::libc;
use socket2::{Domain, SockFilter, Socket, Type};
use vrrp_proto::units::MacAddr;
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

use crate::sys;

/// Frames taken in one go from one interface.
const BUDGET: usize = 64;
/// An announcement is shorter than this; the rest of a longer frame does not matter.
const FRAME: usize = 256;
/// Numbers of linux/if_packet.h and linux/if_ether.h.
const PACKET_IGNORE_OUTGOING: i32 = 23;
const ETH_P_ALL: u16 = 3;

/// An announcement that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Number of the interface.
    pub(super) index: u32,
    /// What was announced.
    pub(super) address: IpAddr,
    /// Who has it now.
    pub(super) sender: MacAddr,
}

/// One socket for each interface with held addresses.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    list: Vec<(u32, Socket)>,
}

impl Listeners {
    /// Listens on the interfaces with these numbers, and on no others. Where the kernel refuses, nothing is heard and
    /// the engine's bound ends the hold.
    pub(super) fn listen_on(&mut self, indexes: &[u32]) {
        self.list.retain(|(index, _)| indexes.contains(index));
        for index in indexes {
            if !self.list.iter().any(|(known, _)| known == index)
                && let Ok(socket) = open(*index)
            {
                self.list.push((*index, socket));
            }
        }
    }

    /// What to poll.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.list.iter().map(|(_, socket)| socket.as_fd())
    }

    /// Takes announcements that are waiting. A flood is left for the next call.
    pub(super) fn hear(&self, heard: &mut dyn FnMut(Claim)) {
        let mut frame = [0; FRAME];
        for (index, socket) in &self.list {
            for _ in 0..BUDGET {
                let mut reader: &Socket = socket;
                let Ok(length) = reader.read(&mut frame) else {
                    break;
                };
                if let Some((address, sender)) = frame.get(..length).and_then(claim) {
                    heard(Claim {
                        index: *index,
                        address,
                        sender,
                    });
                }
            }
        }
    }
}

/// The claim in an Ethernet frame.
fn claim(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    if let Some(arp) = GratuitousArp::parse(frame) {
        return Some((arp.address.into(), arp.sender));
    }
    NeighborAdvertisement::parse(frame).map(|na| (na.address.into(), na.sender))
}

fn open(index: u32) -> io::Result<Socket> {
    // Without a protocol it hears nothing until filter and interface are set.
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)?;
    socket.attach_filter(&announcements())?;
    // Our own frames; kernels before 4.20 hand them over, and they are told by their sender.
    let _ = sys::socket::set_option(&socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    socket.bind(&sys::packet::address(index, ETH_P_ALL)?)?;
    Ok(socket)
}

/// Takes ARP and neighbour advertisements, and drops everything else before it costs anything.
fn announcements() -> [SockFilter; 9] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let whole = u32::try_from(FRAME).expect("a short frame");
    // Jumps count instructions from the next one; accept is at 7, drop at 8.
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_EQUAL, 5, 0, 0x0806),
        SockFilter::new(JUMP_EQUAL, 0, 5, 0x86dd),
        SockFilter::new(LOAD_BYTE, 0, 0, 20),
        SockFilter::new(JUMP_EQUAL, 0, 3, 58),
        SockFilter::new(LOAD_BYTE, 0, 0, 54),
        SockFilter::new(JUMP_EQUAL, 0, 1, 136),
        SockFilter::new(RETURN, 0, 0, whole),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
