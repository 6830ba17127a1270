//! Counts adverts that reach an interface, before any filter of this host: what the kernel drops behind it was not lost
//! on the way. And counts other multicast beside them: a switch that delivers none at all is no filter for adverts.
//!
//! Packet sockets whose filters take the one or the other and whose queues are never read: the kernel counts what a
//! filter took whether or not the queue has room, so a packet costs the count and nothing else.

use std::io;

use nix::libc;
use socket2::{Domain, SockFilter, Socket, Type};

use crate::sys;

// Numbers of linux/if_packet.h, linux/if_ether.h and linux/filter.h.
const PACKET_IGNORE_OUTGOING: i32 = 23;
const ETH_P_ALL: u16 = 3;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const ANCILLARY: u32 = 0xffff_f000;
const PROTOCOL: u32 = ANCILLARY;
const PACKET_TYPE: u32 = ANCILLARY + 4;
const VLAN: u32 = ANCILLARY + 44;

/// One count on one interface.
#[derive(Debug)]
struct Count {
    socket: Socket,
    total: u64,
}

impl Count {
    /// Begins to count what a filter takes on the interface with this number.
    fn open(index: u32, filter: &[SockFilter]) -> io::Result<Self> {
        // Without a protocol it hears nothing until filter and interface are set.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
        socket.attach_filter(filter)?;
        // Kernels before 4.20 hand outgoing frames over, and the filter tells them.
        let _ = sys::socket::set_option(&socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        // Nobody reads the queue, so a small one is enough.
        let _ = socket.set_recv_buffer_size(1);
        socket.bind(&sys::packet::address(index, ETH_P_ALL)?)?;
        Ok(Self { socket, total: 0 })
    }

    /// All that came since the beginning.
    fn total(&mut self) -> io::Result<u64> {
        self.total += u64::from(sys::packet::take_count(&self.socket)?);
        Ok(self.total)
    }
}

/// Counts on one interface.
#[derive(Debug)]
pub(super) struct Adverts {
    adverts: Count,
    /// Other multicast over IPv4 and IPv6.
    others: [Count; 2],
}

impl Adverts {
    /// Begins to count adverts with these VRIDs on the interface with this number.
    pub(super) fn open(index: u32, vrids: &[u8]) -> io::Result<Self> {
        Ok(Self {
            adverts: Count::open(index, &filter(vrids))?,
            others: [
                Count::open(index, &multicast(IPV4, 9))?,
                Count::open(index, &multicast(IPV6, 6))?,
            ],
        })
    }

    /// All adverts that came since the beginning.
    pub(super) fn total(&mut self) -> io::Result<u64> {
        self.adverts.total()
    }

    /// All other multicast packets since then, of IPv4 and IPv6.
    pub(super) fn others(&mut self) -> [io::Result<u64>; 2] {
        let [v4, v6] = &mut self.others;
        [v4.total(), v6.total()]
    }
}

/// Takes incoming multicast of a family that is not VRRP, plain or behind an authentication header; `next` is where the
/// header says what follows it.
fn multicast(family: u32, next: u32) -> Vec<SockFilter> {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_BYTE: u16 = 0x30;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const TO_A_GROUP: u32 = 2;
    let ins = SockFilter::new;
    vec![
        ins(LOAD_WORD, 0, 0, PACKET_TYPE),
        ins(EQUAL, 0, 6, TO_A_GROUP),
        ins(LOAD_WORD, 0, 0, PROTOCOL),
        ins(EQUAL, 0, 4, family),
        ins(LOAD_BYTE, 0, 0, next),
        ins(EQUAL, 2, 0, 112),
        ins(EQUAL, 1, 0, 51),
        ins(RETURN, 0, 0, 1),
        ins(RETURN, 0, 0, 0),
    ]
}

/// Takes incoming VRRP over IPv4, plain or behind an authentication header, and over IPv6, with one of these VRIDs.
fn filter(vrids: &[u8]) -> Vec<SockFilter> {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_BYTE_AT: u16 = 0x50;
    const LOAD_HEADER: u16 = 0xb1;
    const AND: u16 = 0x54;
    const JUMP: u16 = 0x05;
    const EQUAL: u16 = 0x15;
    const GREATER: u16 = 0x25;
    const RETURN: u16 = 0x06;
    let ins = SockFilter::new;
    // Jumps count instructions from the next one. The packet begins with the network header. 25 refuses, 26 begins the
    // comparison of the VRID.
    let mut program = vec![
        ins(LOAD_WORD, 0, 0, PACKET_TYPE),
        // Others' and our own frames.
        ins(GREATER, 23, 0, 2),
        // Those of a VLAN on this interface belong to another one.
        ins(LOAD_WORD, 0, 0, VLAN),
        ins(AND, 0, 0, 0xfff),
        ins(EQUAL, 0, 20, 0),
        ins(LOAD_WORD, 0, 0, PROTOCOL),
        ins(EQUAL, 2, 0, 0x0800),
        ins(EQUAL, 13, 17, 0x86dd),
        ins(RETURN, 0, 0, 0),
        // IPv4: the first fragment only.
        ins(0x28, 0, 0, 6),
        ins(0x45, 14, 0, 0x1fff),
        ins(LOAD_HEADER, 0, 0, 0),
        ins(LOAD_BYTE, 0, 0, 9),
        ins(EQUAL, 0, 2, 112),
        ins(LOAD_BYTE_AT, 0, 0, 1),
        ins(JUMP, 0, 0, 10),
        ins(EQUAL, 0, 8, 51),
        // Behind the authentication header of VRRP, which is 24 bytes long.
        ins(LOAD_BYTE_AT, 0, 0, 0),
        ins(EQUAL, 0, 6, 112),
        ins(LOAD_BYTE_AT, 0, 0, 25),
        ins(JUMP, 0, 0, 5),
        // IPv6.
        ins(LOAD_BYTE, 0, 0, 6),
        ins(EQUAL, 0, 2, 112),
        ins(LOAD_BYTE, 0, 0, 41),
        ins(JUMP, 0, 0, 1),
        ins(RETURN, 0, 0, 0),
    ];
    for vrid in vrids {
        program.push(ins(EQUAL, 0, 1, u32::from(*vrid)));
        program.push(ins(RETURN, 0, 0, 1));
    }
    program.push(ins(RETURN, 0, 0, 0));
    program
}
