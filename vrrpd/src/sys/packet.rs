//! AF_PACKET sockets: their addresses, which socket2 can carry but not build, and their counter.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use socket2::SockAddr;

/// The address of interface `index` and Ethernet type `protocol`, for binding and for sending whole frames.
pub(crate) fn address(index: u32, protocol: u16) -> io::Result<SockAddr> {
    let index = i32::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    // SAFETY: sockaddr_ll is a plain C structure for which all-zero bytes are a valid value.
    let mut link: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    link.sll_family =
        libc::sa_family_t::try_from(libc::AF_PACKET).expect("address families are small");
    link.sll_protocol = protocol.to_be();
    link.sll_ifindex = index;
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>())
        .expect("a socket address is short");
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is one of the structures that a sockaddr_storage holds: it is no larger, no more strictly
    // aligned, and begins with the address family.
    unsafe { *storage.view_as::<libc::sockaddr_ll>() = link };
    // SAFETY: the storage was just filled with a sockaddr_ll, whose length this is.
    Ok(unsafe { SockAddr::new(storage, length) })
}

/// Packets that an AF_PACKET socket's filter took since the last call, whether or not its queue had room for them.
pub(crate) fn take_count(socket: impl AsFd) -> io::Result<u32> {
    const PACKET_STATISTICS: i32 = 6;
    // struct tpacket_stats: packets, drops; the first holds the second.
    let mut counts = [0_u32; 2];
    let mut length =
        libc::socklen_t::try_from(size_of_val(&counts)).expect("two numbers are short");
    // SAFETY: the descriptor is open for the borrow's time; the kernel writes at most `length` bytes to `counts`, which
    // has that size and outlives the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_STATISTICS,
            counts.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(counts[0])
    } else {
        Err(io::Error::last_os_error())
    }
}
