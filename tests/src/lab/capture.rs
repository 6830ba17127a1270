//! Everything of interest that crosses a lab's switch, with the kernel's time stamps: one packet socket in the switch's
//! namespace sees each frame where it enters and where it leaves.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket,
};

use super::frame::{Advert, Claim, Frame};
use super::wait::wait_until;

const BUFFER: usize = 8 << 20;
const LOOK: u16 = 50;

/// A frame at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The kernel's stamp: time since 1970 on the machine's clock.
    pub at: Duration,
    /// The host at whose wire it was seen.
    pub host: String,
    /// Sent by that host; otherwise handed to it.
    pub sent: bool,
    /// What it is.
    pub frame: Frame,
}

/// Which host each port of the switch belongs to, by interface index.
pub(crate) type Ports = Arc<Mutex<HashMap<usize, String>>>;

/// What was seen until now.
#[derive(Debug)]
pub struct Capture {
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Opens the socket in the calling thread's network namespace.
    pub(crate) fn open() -> OwnedFd {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::EthAll,
        )
        .expect("root may open a packet socket");
        setsockopt(&socket, RcvBufForce, &BUFFER).expect("root may have a large receive buffer");
        setsockopt(&socket, ReceiveTimestampns, &true).expect("every socket can stamp");
        socket
    }

    pub(crate) fn start(socket: OwnedFd, ports: Ports) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn({
                let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
                move || {
                    while !stop.load(Ordering::Relaxed) {
                        let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
                        if poll(&mut ready, PollTimeout::from(LOOK)) == Ok(1) {
                            drain(&socket, &ports, &seen);
                        }
                    }
                }
            })
            .expect("the machine has room for a thread");
        Self {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// The time on the clock that stamps frames.
    #[must_use]
    pub fn now() -> Duration {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the machine's clock shows a time after 1970")
    }

    /// Everything seen from `since` on, by time.
    #[must_use]
    pub fn since(&self, since: Duration) -> Vec<Seen> {
        let mut seen: Vec<Seen> = lock(&self.seen)
            .iter()
            .filter(|seen| seen.at >= since)
            .cloned()
            .collect();
        seen.sort_by_key(|seen| seen.at);
        seen
    }

    /// Adverts that `host` sent from `since` on.
    #[must_use]
    pub fn adverts(&self, host: &str, since: Duration) -> Vec<(Duration, Advert)> {
        self.since(since)
            .into_iter()
            .filter(|seen| seen.sent && seen.host == host)
            .filter_map(|seen| match seen.frame {
                Frame::Advert(advert) => Some((seen.at, advert)),
                Frame::Claim(_) => None,
            })
            .collect()
    }

    /// Claims that `host` sent from `since` on.
    #[must_use]
    pub fn claims(&self, host: &str, since: Duration) -> Vec<(Duration, Claim)> {
        self.since(since)
            .into_iter()
            .filter(|seen| seen.sent && seen.host == host)
            .filter_map(|seen| match seen.frame {
                Frame::Claim(claim) => Some((seen.at, claim)),
                Frame::Advert(_) => None,
            })
            .collect()
    }

    /// Waits for an advert that `host` sends at or after `since` and that `wanted` likes.
    ///
    /// # Panics
    /// When there is none within `bound`.
    pub fn wait_advert(
        &self,
        host: &str,
        since: Duration,
        bound: Duration,
        what: &str,
        wanted: impl Fn(&Advert) -> bool,
    ) -> (Duration, Advert) {
        wait_until(&format!("{what}, sent by {host}"), bound, || {
            self.adverts(host, since)
                .into_iter()
                .find(|(_, advert)| wanted(advert))
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn drain(socket: &OwnedFd, ports: &Ports, seen: &Mutex<Vec<Seen>>) {
    let mut frame = [0; 2048];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    loop {
        let mut parts = [IoSliceMut::new(&mut frame)];
        let received = recvmsg::<LinkAddr>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        );
        let (length, place, at) = match received {
            Ok(message) => (message.bytes, message.address, stamp(&message)),
            Err(Errno::EINTR) => continue,
            // Nothing more to read, or an interface that went down: the next frame comes all the same.
            Err(_) => return,
        };
        let (Some(place), Some(at)) = (place, at) else {
            continue;
        };
        let Some(host) = lock(ports).get(&place.ifindex()).cloned() else {
            continue;
        };
        if let Some(parsed) = frame.get(..length).and_then(Frame::parse) {
            lock(seen).push(Seen {
                at,
                host,
                sent: place.pkttype() != libc::PACKET_OUTGOING,
                frame: parsed,
            });
        }
    }
}

fn stamp(message: &nix::sys::socket::RecvMsg<'_, '_, LinkAddr>) -> Option<Duration> {
    message.cmsgs().ok()?.find_map(|part| {
        if let ControlMessageOwned::ScmTimestampns(time) = part {
            Some(Duration::from(time))
        } else {
            None
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
