//! Addresses of AF_PACKET sockets, which socket2 can carry but not build.

use std::io;

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
