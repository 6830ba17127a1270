//! What crosses the host's interfaces: one packet socket that only listens. The kernel's filter lets VRRP through and
//! nothing else, and stamps each packet as it leaves or arrives.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt};
use socket2::{Domain, SockFilter, Socket, Type};
use vrrp_proto::time::Instant;
use vrrp_proto::units::Family;

use crate::observe::Now;
use crate::sys;

/// Room for a second of many routers' adverts on drivers that charge a page for each.
const BUFFER: usize = 4 << 20;
/// Longer than any advert.
const PACKET: usize = 4_608;
const ETH_P_ALL: u16 = 3;
/// `PACKET_OUTGOING` of linux/if_packet.h.
const OUTGOING: u8 = 4;

/// The socket.
#[derive(Debug)]
pub(super) struct Tap {
    socket: Socket,
    buffer: Box<[u8; PACKET]>,
    control: Vec<u8>,
}

/// A packet, from its IP header on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// When it left or arrived; when it was read where the kernel gave no stamp.
    pub(super) at: Instant,
    /// The interface.
    pub(super) index: u32,
    /// This host sent it.
    pub(super) outgoing: bool,
    /// Its link-layer sender.
    pub(super) mac: Option<[u8; 6]>,
    pub(super) family: Family,
    pub(super) bytes: &'a [u8],
}

impl Tap {
    /// Begins to listen on all interfaces.
    pub(super) fn open() -> io::Result<Self> {
        // Without a protocol it hears nothing until the filter is there. Cooked: packets begin with their IP header.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
        socket.attach_filter(&adverts())?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        // A smaller buffer only makes a stall of ours cost packets sooner.
        if setsockopt(&socket, RcvBufForce, &BUFFER).is_err() {
            let _ = setsockopt(&socket, RcvBuf, &BUFFER);
        }
        socket.bind(&sys::packet::address(0, ETH_P_ALL)?)?;
        Ok(Self {
            socket,
            buffer: Box::new([0; PACKET]),
            control: nix::cmsg_space!(libc::timespec),
        })
    }

    /// Shows the next waiting packet; false where none is waiting.
    pub(super) fn next(&mut self, now: Now, see: &mut dyn FnMut(&Packet<'_>)) -> io::Result<bool> {
        let mut parts = [IoSliceMut::new(self.buffer.as_mut_slice())];
        let message = recvmsg::<LinkAddr>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        );
        let message = match message {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(false),
            // An interface went down; what is queued is still good.
            Err(Errno::EINTR | Errno::ENETDOWN) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        };
        let stamp = message.cmsgs().ok().and_then(|mut all| {
            all.find_map(|one| {
                let ControlMessageOwned::ScmTimestampns(stamp) = one else {
                    return None;
                };
                Some(stamp.tv_sec().saturating_mul(1_000_000_000) + stamp.tv_nsec())
            })
        });
        let length = message.bytes;
        let Some(address) = message.address else {
            return Ok(true);
        };
        let family = match u16::from_be(address.protocol()) {
            0x0800 => Family::V4,
            0x86dd => Family::V6,
            _ => return Ok(true),
        };
        let at = stamp.map_or(now.monotonic, |stamp| {
            let age = u64::try_from(now.unix_ns.saturating_sub(stamp)).unwrap_or_default();
            Instant::from_nanos(now.monotonic.as_nanos().saturating_sub(age))
        });
        let outgoing = address.pkttype() == OUTGOING;
        let mac = (address.halen() == 6).then(|| address.addr()).flatten();
        let index = u32::try_from(address.ifindex()).unwrap_or_default();
        let bytes = self.buffer.get(..length).unwrap_or_default();
        see(&Packet {
            at,
            index,
            outgoing,
            mac,
            family,
            bytes,
        });
        Ok(true)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Takes VRRP and authentication headers over IPv4, VRRP over IPv6, without a VLAN tag: a tagged frame is seen again on the
/// VLAN's own interface.
fn adverts() -> [SockFilter; 11] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Offsets below are facts of the packet beside its bytes (linux/filter.h).
    const ANCILLARY: u32 = 0xffff_f000;
    const PROTOCOL: u32 = ANCILLARY;
    const VLAN_TAG_PRESENT: u32 = ANCILLARY + 48;
    // Jumps count instructions from the next one; accept is at 9, drop at 10.
    [
        SockFilter::new(LOAD_BYTE, 0, 0, VLAN_TAG_PRESENT),
        SockFilter::new(JUMP_EQUAL, 0, 8, 0),
        SockFilter::new(LOAD_HALF, 0, 0, PROTOCOL),
        SockFilter::new(JUMP_EQUAL, 3, 0, 0x86dd),
        SockFilter::new(JUMP_EQUAL, 0, 5, 0x0800),
        SockFilter::new(LOAD_BYTE, 0, 0, 9),
        SockFilter::new(JUMP_EQUAL, 2, 1, 51),
        SockFilter::new(LOAD_BYTE, 0, 0, 6),
        SockFilter::new(JUMP_EQUAL, 0, 1, 112),
        SockFilter::new(RETURN, 0, 0, 0xffff),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
