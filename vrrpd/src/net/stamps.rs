//! Kernel packet stamps: switching them on, and what their reports mean.

use std::io;
use std::os::fd::AsFd;

use nix::libc;

use crate::sys;

// Numbers of linux/net_tstamp.h.
const TX_SOFTWARE: i32 = 1 << 1;
const RX_SOFTWARE: i32 = 1 << 3;
const SOFTWARE: i32 = 1 << 4;
const OPT_ID: i32 = 1 << 7;
const TX_SCHED: i32 = 1 << 8;
const OPT_CMSG: i32 = 1 << 10;
const OPT_TSONLY: i32 = 1 << 11;

/// What transmit sockets ask for: a report for entering the queue discipline and one for entering the driver.
const TRANSMIT: i32 = TX_SCHED | TX_SOFTWARE | SOFTWARE | OPT_ID | OPT_TSONLY | OPT_CMSG;
/// What receive sockets ask for. `SO_TIMESTAMPNS` would invent a time for packets from before stamping began.
const RECEIVE: i32 = RX_SOFTWARE | SOFTWARE;

/// The option whose stamps are two 64-bit words: the newer number where a C `long` has 32 bits.
const SO_TIMESTAMPING: i32 = if cfg!(target_pointer_width = "64") {
    libc::SO_TIMESTAMPING
} else {
    65
};

/// Switches transmit stamps on.
pub(super) fn enable_transmit(socket: impl AsFd) -> io::Result<()> {
    sys::socket::set_option(socket, libc::SOL_SOCKET, SO_TIMESTAMPING, TRANSMIT)
}

/// Switches receive stamps on.
pub(super) fn enable_receive(socket: impl AsFd) -> io::Result<()> {
    sys::socket::set_option(socket, libc::SOL_SOCKET, SO_TIMESTAMPING, RECEIVE)
}
