//! Gratuitous ARP and unsolicited NA on the wire: contents, gaps between frames, and the socket.
//!
//! How many rounds, and when a burst begins, is the announcer's; which addresses there are is the holder's.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use nix::libc;
use socket2::{Domain, Socket, Type};
use vrrp_proto::router::InterfaceKey;
use vrrp_proto::time::Instant;
use vrrp_proto::units::MacAddr;
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

use super::RouterAddresses;
use super::holder::Holder;
use super::links::{Interfaces, is_usable};
use crate::sys;

/// Frames and skipped addresses of one call: a removal is looked for in between.
const BUDGET: usize = 64;
/// How long a full device queue is left alone; twice as long each time that it still is.
const FULL: Duration = Duration::from_millis(1);
/// Most doublings of that: a hook that drops every frame costs eight tries a second, and not a thousand.
const DOUBLINGS: u32 = 7;

/// What one call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is left to send now; perhaps at this time.
    Idle(Option<Instant>),
    /// There is more to send at once.
    More,
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// The kernel took it, or it cannot be sent at all.
    Done { taken: bool },
    /// The kernel has no room for it before this time.
    Full(Instant),
    /// It is too early after the one before.
    Early(Instant),
}

impl Sending {
    /// Whether the kernel took it; none where it was not asked.
    const fn taken(self) -> Option<bool> {
        match self {
            Self::Done { taken: true } => Some(true),
            Self::Full(_) => Some(false),
            Self::Done { taken: false } | Self::Early(_) => None,
        }
    }
}

/// When the next frame may leave from an interface.
#[derive(Clone, Copy, Debug)]
struct Gap {
    key: InterfaceKey,
    arp_at: Instant,
    na_at: Instant,
    /// Times in a row that the kernel had no room.
    refused: u32,
}

impl Gap {
    /// The kernel had no room: how long to leave it alone.
    fn back_off(&mut self) -> Duration {
        let pause = FULL.saturating_mul(1 << self.refused.min(DOUBLINGS));
        self.refused = self.refused.saturating_add(1);
        pause
    }
}

/// Sends announcements.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Opened with the first frame; receives nothing.
    socket: Option<Socket>,
    gaps: Vec<Gap>,
    /// Whose turn it is, so that a long burst of one router does not keep another waiting.
    turn: usize,
}

impl Pacer {
    pub(super) const fn new() -> Self {
        Self {
            socket: None,
            gaps: Vec::new(),
            turn: 0,
        }
    }

    /// Sends what is due, at most a budget of frames.
    pub(super) fn run(
        &mut self,
        now: Instant,
        holders: &mut [Holder],
        interfaces: &Interfaces,
    ) -> Progress {
        let mut budget = BUDGET;
        let mut next: Option<Instant> = None;
        let mut wait = |at: Option<Instant>| {
            next = match (next, at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        };
        self.turn = self.turn.wrapping_add(1);
        let count = holders.len();
        for offset in 0..count {
            let place = self.turn.wrapping_add(offset) % count;
            let Some(holder) = holders.get_mut(place) else {
                continue;
            };
            let rounds = holder.announcer.take(now);
            holder.burst.extend(rounds);
            match self.serve(now, holder, interfaces, &mut budget) {
                Progress::More => return Progress::More,
                Progress::Idle(at) => wait(at),
            }
            wait(holder.announcer.next_deadline());
        }
        Progress::Idle(next)
    }

    /// Sends what is due of one router.
    fn serve(
        &mut self,
        now: Instant,
        holder: &mut Holder,
        interfaces: &Interfaces,
        budget: &mut usize,
    ) -> Progress {
        while holder.source_rounds > 0 {
            if *budget == 0 {
                return Progress::More;
            }
            *budget -= 1;
            if let Some(source) = holder.source {
                let (key, setup) = (holder.setup.id.interface, &holder.setup);
                if let Sending::Full(at) | Sending::Early(at) =
                    self.announce(now, setup, key, source, interfaces)
                {
                    return Progress::Idle(Some(at));
                }
            }
            holder.source_rounds -= 1;
        }
        while holder.burst.rounds > 0 {
            let count = holder.entries.len();
            if *budget == 0 {
                return Progress::More;
            }
            *budget -= 1;
            if let Some(entry) = holder.entries.get(holder.burst.next) {
                let ready = entry.is_present()
                    && (!entry.plan.dad || is_ready(interfaces, entry.key, entry.plan.address));
                if ready {
                    let (key, address) = (entry.key, entry.plan.address);
                    let sending = self.announce(now, &holder.setup, key, address, interfaces);
                    if let (Some(announced), Some(taken)) = (&mut holder.announced, sending.taken())
                    {
                        announced.count(now, taken);
                    }
                    if let Sending::Full(at) | Sending::Early(at) = sending {
                        return Progress::Idle(Some(at));
                    }
                }
            }
            holder.burst.advance(count);
        }
        Progress::Idle(None)
    }

    /// Sends one frame. What cannot be announced at all counts as done.
    fn announce(
        &mut self,
        now: Instant,
        setup: &RouterAddresses,
        key: InterfaceKey,
        address: IpAddr,
        interfaces: &Interfaces,
    ) -> Sending {
        let Some(interface) = interfaces.get(key) else {
            return Sending::Done { taken: false };
        };
        let link = interface.link.as_ref();
        let Some((index, mac)) =
            link.and_then(|link| link.announces_with().map(|mac| (link.index, mac)))
        else {
            return Sending::Done { taken: false };
        };
        let gap = self.gap(key);
        let (at, spacing) = match address {
            IpAddr::V4(_) => (&mut gap.arp_at, setup.arp_interval),
            IpAddr::V6(_) => (&mut gap.na_at, setup.na_interval),
        };
        if *at > now {
            return Sending::Early(*at);
        }
        *at = now.saturating_add(spacing);
        let sent = match address {
            IpAddr::V4(address) => {
                let target = if setup.arp_target_broadcast {
                    MacAddr::BROADCAST
                } else {
                    mac
                };
                let sender = mac;
                let claim = GratuitousArp {
                    sender,
                    address,
                    target,
                };
                self.send(index, &claim.to_frame())
            }
            IpAddr::V6(address) => {
                let claim = NeighborAdvertisement {
                    sender: mac,
                    // The virtual address is an address of the interface by now, so it satisfies both profiles.
                    source: address,
                    address,
                    router: setup.na_router_flag || forwards(&interface.setup.name),
                };
                self.send(index, &claim.to_frame())
            }
        };
        match sent.map_err(|error| error.raw_os_error()) {
            Err(Some(libc::ENOBUFS | libc::EAGAIN)) => {
                let gap = self.gap(key);
                let again = now.saturating_add(gap.back_off());
                match address {
                    IpAddr::V4(_) => gap.arp_at = again,
                    IpAddr::V6(_) => gap.na_at = again,
                }
                Sending::Full(again)
            }
            // A link that is down or gone takes no frame, and a later round may find it back.
            Err(_) => Sending::Done { taken: false },
            Ok(()) => {
                self.gap(key).refused = 0;
                Sending::Done { taken: true }
            }
        }
    }

    fn gap(&mut self, key: InterfaceKey) -> &mut Gap {
        let place = self.gaps.iter().position(|gap| gap.key == key);
        let place = place.unwrap_or_else(|| {
            self.gaps.push(Gap {
                key,
                arp_at: Instant::ZERO,
                na_at: Instant::ZERO,
                refused: 0,
            });
            self.gaps.len() - 1
        });
        &mut self.gaps[place]
    }

    fn send(&mut self, index: u32, frame: &[u8]) -> io::Result<()> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            // Protocol 0: it never receives.
            none => none.insert(Socket::new(
                Domain::PACKET,
                Type::RAW.nonblocking().cloexec(),
                None,
            )?),
        };
        let kind = frame.get(12..14).and_then(|kind| kind.try_into().ok());
        let to = sys::packet::address(index, kind.map_or(0, u16::from_be_bytes))?;
        socket.send_to(frame, &to).map(|_| ())
    }
}

/// Whether duplicate address detection is over for an address.
fn is_ready(interfaces: &Interfaces, key: InterfaceKey, address: IpAddr) -> bool {
    interfaces.get(key).is_some_and(|interface| {
        interface
            .addresses
            .iter()
            .any(|seen| seen.local == address && is_usable(seen))
    })
}

/// Whether the kernel forwards IPv6 packets that arrive on an interface. The file is the kernel's memory, never a disk.
fn forwards(interface: &str) -> bool {
    std::fs::read(format!("/proc/sys/net/ipv6/conf/{interface}/forwarding"))
        .is_ok_and(|value| value.first().is_some_and(|digit| *digit != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_stays_full_is_tried_less_and_less_often() {
        let mut gap = Gap {
            key: InterfaceKey(0),
            arp_at: Instant::ZERO,
            na_at: Instant::ZERO,
            refused: 0,
        };
        let pauses: Vec<_> = (0..10).map(|_| gap.back_off().as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 128, 128]);
    }
}
