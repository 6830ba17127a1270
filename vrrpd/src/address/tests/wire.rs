//! Frames on the other end of the pair: what `eth0` really sent, and frames as another host would send them.

use std::io::Read;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use vrrp_proto::units::MacAddr;
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

use super::super::netlink::Requests;
use crate::sys;

const ETH_P_ALL: u16 = 3;
/// Frames that the other end sends itself are none that arrived.
const PACKET_IGNORE_OUTGOING: i32 = 23;

/// A captured frame and when it was read.
pub(super) struct Frame {
    pub(super) at: Instant,
    pub(super) bytes: Vec<u8>,
}

/// Captures what arrives at an interface.
pub(super) struct Capture {
    socket: Socket,
    index: u32,
    pub(super) frames: Vec<Frame>,
}

impl Capture {
    pub(super) fn on(device: &str) -> Self {
        let (index, _) = link(device);
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None).unwrap();
        let level = nix::libc::SOL_PACKET;
        sys::socket::set_option(&socket, level, PACKET_IGNORE_OUTGOING, 1).unwrap();
        socket
            .bind(&sys::packet::address(index, ETH_P_ALL).unwrap())
            .unwrap();
        Self {
            socket,
            index,
            frames: Vec::new(),
        }
    }

    /// Takes everything that has arrived.
    pub(super) fn take(&mut self) {
        let mut bytes = [0; 2048];
        let mut reader = &self.socket;
        while let Ok(length) = reader.read(&mut bytes) {
            self.frames.push(Frame {
                at: Instant::now(),
                bytes: bytes[..length].to_vec(),
            });
        }
    }

    /// Listens for this long.
    pub(super) fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.take();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The gratuitous ARP frames and unsolicited NA so far, as addresses.
    pub(super) fn claims(&mut self) -> Vec<IpAddr> {
        self.take();
        let claim = |frame: &Frame| {
            let arp = GratuitousArp::parse(&frame.bytes).map(|arp| arp.address.into());
            arp.or_else(|| NeighborAdvertisement::parse(&frame.bytes).map(|na| na.address.into()))
        };
        self.frames.iter().filter_map(claim).collect()
    }

    /// Sends a frame from this interface to the other end.
    pub(super) fn send(&self, frame: &[u8]) {
        let to = sys::packet::address(self.index, ETH_P_ALL).unwrap();
        self.socket.send_to(frame, &to).unwrap();
    }
}

/// Number and address of an interface.
pub(super) fn link(device: &str) -> (u32, MacAddr) {
    let links = Requests::open().unwrap().links().unwrap();
    let link = links.iter().find(|link| link.name == device).unwrap();
    (link.index, link.mac.unwrap())
}
