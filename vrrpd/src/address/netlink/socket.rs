//! The monitor: a netlink socket that hears of every change of links and addresses.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::libc;

use super::parse::{From, Message, parse};
use crate::sys;

/// Room for bursts: a thousand addresses at once are about a megabyte of kernel memory.
const BUFFER: i32 = 4 * 1024 * 1024;
/// Room for one datagram; the kernel sends at most 32 KiB.
const DATAGRAM: usize = 64 * 1024;

const GROUPS: u32 =
    bit(libc::RTNLGRP_LINK) | bit(libc::RTNLGRP_IPV4_IFADDR) | bit(libc::RTNLGRP_IPV6_IFADDR);

const fn bit(group: u32) -> u32 {
    1 << (group - 1)
}

/// What a look at the monitor's queue found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing is waiting.
    Nothing,
    /// One datagram was handed over.
    Some,
    /// Messages were lost, or cannot be understood: everything has to be asked for again.
    Lost,
}

/// Hears of every change of links and addresses.
pub(crate) struct Monitor {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Monitor {
    /// Begins to listen. What happened before has to be asked for.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = open()?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        socket.set_non_blocking(true)?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(DATAGRAM),
        })
    }

    /// Hands the messages of one waiting datagram to `sink`.
    pub(crate) fn read(&mut self, sink: &mut dyn FnMut(From, Message)) -> Heard {
        match receive(&self.socket, &mut self.buffer) {
            Ok(Received::Kernel) => match parse(&self.buffer, sink) {
                Ok(()) => Heard::Some,
                Err(_) => Heard::Lost,
            },
            Ok(Received::Other) => Heard::Some,
            Ok(Received::Cut) => Heard::Lost,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Heard::Some,
            Err(_) => Heard::Lost,
        }
    }

    /// Throws away what is waiting, before everything is asked for again; at most a second's flood of it.
    pub(crate) fn discard(&mut self) {
        for _ in 0..65_536 {
            match receive(&self.socket, &mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An overrun is reported once; what is queued behind it is old as well.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whose datagram was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The kernel's, whole.
    Kernel,
    /// Some process's: not to be believed.
    Other,
    /// Larger than the buffer.
    Cut,
}

/// Reads one datagram into `buffer`.
pub(super) fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<Received> {
    buffer.clear();
    if buffer.capacity() < DATAGRAM {
        buffer.reserve_exact(DATAGRAM);
    }
    let (length, from) = socket.recv_from(buffer, libc::MSG_TRUNC)?;
    Ok(if length > buffer.len() {
        Received::Cut
    } else if from.port_number() == 0 {
        Received::Kernel
    } else {
        Received::Other
    })
}

/// A routing socket with room for bursts.
pub(super) fn open() -> io::Result<Socket> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    let fd = socket.as_fd();
    sys::socket::set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, BUFFER)
        .or_else(|_| sys::socket::set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, BUFFER))
        // A small buffer only makes overruns, which are noticed, more likely.
        .unwrap_or(());
    Ok(socket)
}
