//! The bare sender: a thread that sleeps on an absolute timer and sends an advert, and nothing else. What this machine does
//! to it, it does to everybody.
//!
//! It runs as a process of its own (`xtask lab-sender ADDRESS INTERVAL_US`), because only a new program can be started with
//! another scheduling class.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;
use socket2::{Domain, Protocol, Socket, Type};
use vrrp_proto::addr::AddressList;
use vrrp_proto::units::{AdvertInterval, Family, Vrid, WirePriority};
use vrrp_proto::wire::{Advert, ChecksumForm, GROUP_V4, MAX_PACKET, PROTOCOL_VRRP};

/// The word on the command line.
pub(crate) const ARGUMENT: &str = "lab-sender";
const VRID: u8 = 51;
const PRIORITY: u8 = 200;
/// No bench lasts longer: it ends by itself whatever becomes of its maker.
const LONGEST: Duration = Duration::from_secs(900);

/// The sender itself: adverts from `address` every `micros` microseconds.
#[must_use]
#[expect(clippy::print_stderr, reason = "the lab shows it")]
pub fn sender_main(address: &str, micros: &str) -> ExitCode {
    let (Ok(address), Ok(micros)) = (address.parse(), micros.parse()) else {
        eprintln!("usage: {ARGUMENT} ADDRESS INTERVAL_US");
        return ExitCode::from(2);
    };
    match send(address, Duration::from_micros(micros)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot send from {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send(address: Ipv4Addr, interval: Duration) -> io::Result<()> {
    let socket = Socket::new(
        Domain::IPV4,
        Type::RAW,
        Some(Protocol::from(i32::from(PROTOCOL_VRRP))),
    )?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_loop_v4(false)?;
    socket.bind(&SocketAddrV4::new(address, 0).into())?;
    let mut buffer = [0; MAX_PACKET];
    let length = message(address, interval, &mut buffer)
        .ok_or_else(|| io::Error::other("no advert can have this interval"))?;
    let packet = buffer.get(..length).unwrap_or_default();
    let to = SocketAddrV4::new(GROUP_V4, 0).into();
    // Without permission it is merely later.
    let _ = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE);
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    let start = Duration::from(clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?);
    let mut due = start + interval;
    while due < start + LONGEST {
        timer.set(
            Expiration::OneShot(TimeSpec::from(due)),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )?;
        timer.wait()?;
        socket.send_to(packet, &to)?;
        due += interval;
    }
    Ok(())
}

fn message(address: Ipv4Addr, interval: Duration, buffer: &mut [u8]) -> Option<usize> {
    let centis = u16::try_from(interval.as_millis() / 10).ok()?;
    let source = IpAddr::V4(address);
    let list = AddressList::new(Family::V4, [source]).ok()?;
    let advert = Advert::v3(
        Vrid::new(VRID)?,
        WirePriority::from_wire(PRIORITY),
        AdvertInterval::from_centis(centis)?,
        list.as_addresses(),
    )
    .ok()?;
    let group = IpAddr::V4(GROUP_V4);
    advert
        .encode_message(source, group, ChecksumForm::PseudoHeader, buffer)
        .ok()
}
