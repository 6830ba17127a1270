//! A crafted speaker: adverts as no daemon would send them, from any host and at any pace.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::num::NonZeroU16;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::sockopt::BindToDevice;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, setsockopt,
    socket,
};
use vrrp_proto::addr::AddressList;
use vrrp_proto::units::{AdvertInterval, Family, Version, Vrid, WirePriority};

use vrrp_proto::wire::{AhSequence, Auth, ChecksumForm, Envelope, SendConfig};

use super::setup::INTERFACE;
use crate::lab::Host;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// What it says. IPv4, version 3.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) source: Ipv4Addr,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    /// The interval that it claims.
    pub(super) claims: Duration,
    /// The interval that it keeps.
    pub(super) every: Duration,
    pub(super) address: Ipv4Addr,
    pub(super) ttl: u8,
}

/// The speaker; it speaks until it is dropped.
#[derive(Debug)]
pub(super) struct Speaker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Speaker {
    pub(super) fn start(host: &Host, speech: Speech) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = host.thread({
            let stop = Arc::clone(&stop);
            move || {
                let mut number = 1;
                while !stop.load(Ordering::Relaxed) {
                    say(&speech, number);
                    number = number.checked_add(1).unwrap_or(1);
                    std::thread::sleep(speech.every);
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Says it so many times, as fast as the kernel takes it.
    pub(super) fn flood(host: &Host, speech: Speech, times: u16) {
        let thread = host.thread(move || {
            for number in 1..=times {
                say(&speech, number);
            }
        });
        let _ = thread.join();
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What any host says to groups now and then, so that its absence can be told.
#[derive(Debug)]
pub(super) struct Chatter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Chatter {
    /// A packet to all hosts, twenty times a second, until it is dropped.
    pub(super) fn start(host: &Host) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = host.thread({
            let stop = Arc::clone(&stop);
            move || {
                let socket = UdpSocket::bind((Ipv4Addr::new(10, 0, 0, 9), 0))
                    .expect("the host has its address");
                while !stop.load(Ordering::Relaxed) {
                    let _ = socket.send_to(b".", (Ipv4Addr::new(224, 0, 0, 1), 9));
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn say(speech: &Speech, number: u16) {
    let packet = packet(speech, number).expect("a crafted advert is one that can be written");
    let socket = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Raw,
    )
    .expect("root may open a raw socket");
    let _ = setsockopt(&socket, BindToDevice, &INTERFACE.into());
    let [a, b, c, d] = GROUP.octets();
    // Whether it arrived is for the capture to say.
    let _ = sendto(
        socket.as_raw_fd(),
        &packet,
        &SockaddrIn::new(a, b, c, d, 0),
        MsgFlags::empty(),
    );
}

fn packet(speech: &Speech, number: u16) -> Option<Vec<u8>> {
    let centis = u16::try_from(speech.claims.as_millis() / 10).ok()?;
    let config = SendConfig {
        vrid: Vrid::new(speech.vrid)?,
        interval: AdvertInterval::from_centis(centis)?,
        addresses: AddressList::new(Family::V4, [IpAddr::V4(speech.address)]).ok()?,
        auth: Auth::None,
        checksum: ChecksumForm::PseudoHeader,
    };
    let advert = config
        .advert(Version::V3, false, WirePriority::from_wire(speech.priority))
        .ok()?;
    let envelope = Envelope {
        source: IpAddr::V4(speech.source),
        destination: IpAddr::V4(GROUP),
        ttl: speech.ttl,
        sequence: NonZeroU16::new(number)?,
    };
    let mut buffer = vec![0; 256];
    let length = config
        .encode_packet(&advert, &envelope, &mut AhSequence::default(), &mut buffer)
        .ok()?;
    buffer.truncate(length);
    Some(buffer)
}
