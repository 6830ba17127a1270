//! Receiving a datagram together with a descriptor.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// One datagram's length, and the descriptor that came with it. A datagram that is longer than `buffer` is an error.
pub(crate) fn receive_with_descriptor(
    socket: impl AsFd,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> io::Result<(usize, Option<OwnedFd>)> {
    // Room for one descriptor: the kernel closes what does not fit.
    let mut space = cmsg_space!([RawFd; 1]);
    let mut content = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(
        socket.as_fd().as_raw_fd(),
        &mut content,
        Some(&mut space),
        flags | MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    let mut descriptor = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for received in descriptors {
                // SAFETY: the kernel has just put this open descriptor into our table and told nobody else.
                descriptor = Some(unsafe { OwnedFd::from_raw_fd(received) });
            }
        }
    }
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    Ok((message.bytes, descriptor))
}
