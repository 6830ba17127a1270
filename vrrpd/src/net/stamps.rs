//! Kernel packet stamps: switching them on, and what their reports mean.

use std::io;
use std::os::fd::AsFd;

use nix::libc;

use super::control;
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
pub(crate) fn enable_receive(socket: impl AsFd) -> io::Result<()> {
    sys::socket::set_option(socket, libc::SOL_SOCKET, SO_TIMESTAMPING, RECEIVE)
}

/// One report from a transmit socket's error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorReport {
    /// A stamp, in nanoseconds of CLOCK_REALTIME, of the packet with this number.
    Stamp {
        /// The number that the sender gave, or the kernel's count.
        id: u32,
        /// Where the packet was.
        point: StampPoint,
        /// When.
        real: u64,
    },
    /// A packet that could not be delivered: the kernel's reason. From this host or, by ICMP, from another.
    Undelivered {
        /// The errno.
        errno: u32,
    },
}

/// Where a stamped packet was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StampPoint {
    /// Entering the queue discipline.
    Queued,
    /// Handed to the driver.
    Left,
}

/// `SO_EE_ORIGIN_TIMESTAMPING` and the meanings of `ee_info` with it (linux/errqueue.h).
const ORIGIN_TIMESTAMPING: u8 = 4;
const INFO_SND: u32 = 0;
const INFO_SCHED: u32 = 1;

/// The report in the control messages of an error-queue entry. `None` for stamps that were not asked for.
pub(crate) fn error_report(bytes: &[u8]) -> Option<ErrorReport> {
    let mut stamp = None;
    let mut error = None;
    for (level, kind, data) in control::walk(bytes) {
        match (level, kind) {
            (libc::SOL_SOCKET, SO_TIMESTAMPING) => stamp = software_stamp(data),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                error = ExtendedError::parse(data);
            }
            _ => {}
        }
    }
    let error = error?;
    if error.origin != ORIGIN_TIMESTAMPING {
        return Some(ErrorReport::Undelivered { errno: error.errno });
    }
    let point = match error.info {
        INFO_SCHED => StampPoint::Queued,
        INFO_SND => StampPoint::Left,
        _ => return None,
    };
    Some(ErrorReport::Stamp {
        id: error.data,
        point,
        real: stamp?,
    })
}

/// The arrival of a received packet in nanoseconds of CLOCK_REALTIME, where the kernel stamped it.
pub(crate) fn arrival(bytes: &[u8]) -> Option<u64> {
    control::walk(bytes).find_map(|(level, kind, data)| {
        if (level, kind) == (libc::SOL_SOCKET, SO_TIMESTAMPING) {
            software_stamp(data)
        } else {
            None
        }
    })
}

/// The first of the three times of `scm_timestamping`: seconds and nanoseconds of 64 bits. Zero is no stamp.
fn software_stamp(data: &[u8]) -> Option<u64> {
    let (seconds, rest) = data.split_first_chunk::<8>()?;
    let (nanos, _) = rest.split_first_chunk::<8>()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    let nanos = u64::try_from(i64::from_ne_bytes(*nanos)).ok()?;
    let stamp = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    (stamp != 0).then_some(stamp)
}

/// C's `sock_extended_err`.
#[derive(Clone, Copy, Debug)]
struct ExtendedError {
    errno: u32,
    origin: u8,
    info: u32,
    data: u32,
}

impl ExtendedError {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let [
            e0,
            e1,
            e2,
            e3,
            origin,
            _,
            _,
            _,
            i0,
            i1,
            i2,
            i3,
            d0,
            d1,
            d2,
            d3,
        ] = *bytes.first_chunk::<16>()?;
        Some(Self {
            errno: u32::from_ne_bytes([e0, e1, e2, e3]),
            origin,
            info: u32::from_ne_bytes([i0, i1, i2, i3]),
            data: u32::from_ne_bytes([d0, d1, d2, d3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::Outgoing;
    use super::*;

    fn stamp(seconds: i64, nanos: i64) -> Vec<u8> {
        [seconds, nanos, 0, 0, 0, 0]
            .iter()
            .flat_map(|part| part.to_ne_bytes())
            .collect()
    }

    fn error(errno: u32, origin: u8, info: u32, data: u32) -> Vec<u8> {
        let mut bytes = errno.to_ne_bytes().to_vec();
        bytes.extend([origin, 0, 0, 0]);
        bytes.extend(info.to_ne_bytes());
        bytes.extend(data.to_ne_bytes());
        bytes.extend([0; 16]);
        bytes
    }

    fn messages(parts: &[(i32, i32, &[u8])]) -> Outgoing {
        let mut control = Outgoing::new();
        for (level, kind, data) in parts {
            control.push(*level, *kind, data);
        }
        control
    }

    #[test]
    fn both_points_of_a_send_are_told_apart_by_number_and_point() {
        let time = stamp(1_700_000_000, 123_456_789);
        for (info, point) in [
            (INFO_SCHED, StampPoint::Queued),
            (INFO_SND, StampPoint::Left),
        ] {
            for (level, kind) in [
                (libc::IPPROTO_IP, libc::IP_RECVERR),
                (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
            ] {
                let error = error(42, ORIGIN_TIMESTAMPING, info, 77);
                let control = messages(&[
                    (libc::SOL_SOCKET, SO_TIMESTAMPING, &time),
                    (level, kind, &error),
                ]);
                let expected = ErrorReport::Stamp {
                    id: 77,
                    point,
                    real: 1_700_000_000_123_456_789,
                };
                assert_eq!(error_report(control.as_bytes()), Some(expected));
            }
        }
    }

    #[test]
    fn an_error_of_the_network_is_no_stamp() {
        let error = error(111, 2, 0, 0);
        let control = messages(&[(libc::IPPROTO_IP, libc::IP_RECVERR, &error)]);
        assert_eq!(
            error_report(control.as_bytes()),
            Some(ErrorReport::Undelivered { errno: 111 })
        );
    }

    #[test]
    fn other_stamps_and_damaged_reports_are_ignored() {
        let time = stamp(1, 2);
        let acknowledged = error(42, ORIGIN_TIMESTAMPING, 2, 1);
        let sent = error(42, ORIGIN_TIMESTAMPING, INFO_SND, 1);
        let report = |parts: &[(i32, i32, &[u8])]| error_report(messages(parts).as_bytes());
        let ip = (libc::IPPROTO_IP, libc::IP_RECVERR);
        let sol = (libc::SOL_SOCKET, SO_TIMESTAMPING);
        assert_eq!(
            report(&[(sol.0, sol.1, &time), (ip.0, ip.1, &acknowledged)]),
            None
        );
        assert_eq!(report(&[(ip.0, ip.1, &sent)]), None, "no time");
        assert_eq!(report(&[(sol.0, sol.1, &time)]), None, "no number");
        assert_eq!(
            report(&[(sol.0, sol.1, &time[..15]), (ip.0, ip.1, &sent)]),
            None,
            "half a time"
        );
        assert_eq!(
            report(&[(sol.0, sol.1, &time), (ip.0, ip.1, &sent[..15])]),
            None,
            "half an error"
        );
        assert_eq!(report(&[]), None);
    }

    #[test]
    fn an_arrival_without_a_stamp_is_unknown_and_not_zero() {
        let sol = (libc::SOL_SOCKET, SO_TIMESTAMPING);
        assert_eq!(
            arrival(messages(&[(sol.0, sol.1, &stamp(5, 6))]).as_bytes()),
            Some(5_000_000_006)
        );
        assert_eq!(
            arrival(messages(&[(sol.0, sol.1, &stamp(0, 0))]).as_bytes()),
            None
        );
        assert_eq!(
            arrival(messages(&[(sol.0, sol.1, &stamp(-1, 0))]).as_bytes()),
            None
        );
        assert_eq!(arrival(&[]), None);
    }
}
