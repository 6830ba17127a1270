//! Sending and receiving packets with control messages, without allocating.
//!
//! nix collects control messages in vectors, which the engine must not do; here the caller brings all memory.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use nix::libc;
use socket2::SockAddr;

/// Packets taken by one call.
pub(crate) const BATCH: usize = 8;
/// Room for one packet: the longest advert with the longest IPv4 header; more is cut, which its length then shows.
const PACKET: usize = 4352;
/// Room for the control messages of one packet: four times what stamps, packet information and errors need.
const CONTROL: usize = 512;
/// Room for one sender's address, of any family.
const NAME: usize = 128;

/// Memory for receiving up to [`BATCH`] packets at a time, and what the last call put there.
pub(crate) struct Inbox {
    packets: Box<[[u8; PACKET]; BATCH]>,
    controls: Box<[[u8; CONTROL]; BATCH]>,
    lengths: [(usize, usize); BATCH],
    sources: [Option<IpAddr>; BATCH],
    count: usize,
}

/// One packet of an [`Inbox`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    /// The bytes, cut to what fits.
    pub(crate) bytes: &'a [u8],
    /// Its control messages.
    pub(crate) control: &'a [u8],
    /// Its sender, where the kernel says.
    pub(crate) source: Option<IpAddr>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            packets: Box::new([[0; PACKET]; BATCH]),
            controls: Box::new([[0; CONTROL]; BATCH]),
            lengths: [(0, 0); BATCH],
            sources: [None; BATCH],
            count: 0,
        }
    }

    /// Takes up to `limit` packets that are there already, or reports of the error queue; never waits. Zero when there
    /// are none.
    pub(crate) fn receive(
        &mut self,
        socket: impl AsFd,
        limit: usize,
        errors: bool,
    ) -> io::Result<usize> {
        self.count = 0;
        let limit = limit.min(BATCH);
        let mut names = [[0_u8; NAME]; BATCH];
        let mut vectors = [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; BATCH];
        // SAFETY: mmsghdr is a plain C structure for which all-zero bytes are a valid value.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (n, header) in headers.iter_mut().enumerate() {
            vectors[n] = libc::iovec {
                iov_base: self.packets[n].as_mut_ptr().cast(),
                iov_len: PACKET,
            };
            header.msg_hdr.msg_name = names[n].as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = u32::try_from(NAME).unwrap_or(0);
            header.msg_hdr.msg_iov = &raw mut vectors[n];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = self.controls[n].as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        let flags = libc::MSG_DONTWAIT | if errors { libc::MSG_ERRQUEUE } else { 0 };
        // SAFETY: each of the first `limit` headers points to memory of the stated sizes that lives and is not moved or
        // borrowed elsewhere until the call returns: packets and controls are owned by `self`, which is borrowed
        // mutably, names and vectors by this frame. The time-out may be null.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                u32::try_from(limit).unwrap_or(0),
                flags as _,
                ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(result) else {
            let error = io::Error::last_os_error();
            let nothing =
                [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind());
            return if nothing { Ok(0) } else { Err(error) };
        };
        for (n, header) in headers.iter().take(count).enumerate() {
            let bytes = usize::try_from(header.msg_len).unwrap_or(0).min(PACKET);
            let control = length(header.msg_hdr.msg_controllen).min(CONTROL);
            self.lengths[n] = (bytes, control);
            let name = usize::try_from(header.msg_hdr.msg_namelen)
                .unwrap_or(0)
                .min(NAME);
            self.sources[n] = source(&names[n][..name]);
        }
        self.count = count;
        Ok(count)
    }

    /// What the last call received.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Incoming<'_>> {
        (0..self.count).map(|n| {
            let (bytes, control) = self.lengths[n];
            Incoming {
                bytes: &self.packets[n][..bytes],
                control: &self.controls[n][..control],
                source: self.sources[n],
            }
        })
    }

    /// Where the buffers are, for locking them.
    pub(crate) fn memory(&self) -> [(usize, usize); 2] {
        [
            (self.packets.as_ptr().addr(), size_of_val(&*self.packets)),
            (self.controls.as_ptr().addr(), size_of_val(&*self.controls)),
        ]
    }
}

/// Hands one packet with control messages to the kernel; never waits. With `direct` the routing table is not asked.
pub(crate) fn send(
    socket: impl AsFd,
    to: SocketAddr,
    packet: &[u8],
    control: &[u8],
    direct: bool,
) -> io::Result<()> {
    let to = SockAddr::from(to);
    let mut vector = libc::iovec {
        iov_base: packet.as_ptr().cast_mut().cast(),
        iov_len: packet.len(),
    };
    // SAFETY: msghdr is a plain C structure for which all-zero bytes are a valid value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = to.as_ptr().cast_mut().cast();
    header.msg_namelen = to.len();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    if !control.is_empty() {
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len() as _;
    }
    let flags =
        libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | if direct { libc::MSG_DONTROUTE } else { 0 };
    // SAFETY: name, vector and control point to memory of the stated sizes that outlives the call, and the kernel only
    // reads them.
    let result = unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const header, flags) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The address in a C `sockaddr_in` or `sockaddr_in6`.
fn source(name: &[u8]) -> Option<IpAddr> {
    let (family, rest) = name.split_first_chunk::<2>()?;
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Some(Ipv4Addr::from(*rest.get(2..)?.first_chunk::<4>()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// A length as the C library has it: 32 or 64 bits, depending on which.
fn length(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(0)
}
