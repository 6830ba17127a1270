//! One speaker for a virtual router (safety rule 10): another vrrpd by a claim that the kernel keeps, a keepalived by its
//! process.
//!
//! A claim is an abstract socket named after the router's identity. Such names belong to the network namespace, as the
//! router does, so two daemons meet there whatever their run directories, mounts and process namespaces are; and a claim
//! ends with its process, however that ends.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{UnixCredentials, getsockopt, sockopt};
use socket2::{Domain, SockAddr, Socket, Type};
use vrrp_config::plan::RouterPlan;
use vrrp_proto::units::Family;

use crate::cli;

/// How long a start waits for a daemon that has a claim to say who it is.
const ANSWER_BOUND: Duration = Duration::from_secs(2);

/// Questions that are answered at one claim in one go: as many as wait there at most.
const AT_ONCE: usize = 128;

/// Somebody else who speaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtherSpeaker {
    /// Another vrrpd.
    #[error("{router} is spoken for by another vrrpd ({}): stop it first", owner(*.pid))]
    Vrrpd {
        /// The router.
        router: String,
        /// The other daemon, where the kernel told.
        pid: Option<i32>,
    },
    /// A keepalived in this network namespace.
    #[error(
        "keepalived (pid {pid}) runs in this network namespace and would speak for the same virtual routers: stop it first"
    )]
    Keepalived {
        /// Its process.
        pid: i32,
    },
}

fn owner(pid: Option<i32>) -> String {
    pid.map_or_else(|| String::from("pid unknown"), |pid| format!("pid {pid}"))
}

/// The claims of this daemon.
#[derive(Debug, Default)]
pub struct Claims {
    held: HashMap<String, UnixListener>,
}

impl Claims {
    /// Makes the claims those of `routers`: new ones are added, and those of vanished routers are given up.
    ///
    /// # Errors
    /// The first router that another vrrpd claims; then the claims are as before.
    pub fn replace(&mut self, routers: &[RouterPlan]) -> Result<(), OtherSpeaker> {
        let mut added = HashMap::new();
        for router in routers {
            let name = claim_name(router);
            if self.held.contains_key(&name) {
                continue;
            }
            match claim(&name) {
                Ok(socket) => {
                    added.insert(name, socket);
                }
                Err(Refused::Taken(pid)) => {
                    return Err(OtherSpeaker::Vrrpd {
                        router: router.name.clone(),
                        pid,
                    });
                }
                Err(Refused::NotOurs(reason)) => {
                    tracing::warn!(
                        "({}) cannot be claimed against a second vrrpd: {reason}",
                        router.name
                    );
                }
            }
        }
        let wanted: Vec<String> = routers.iter().map(claim_name).collect();
        self.held.retain(|name, _| wanted.contains(name));
        self.held.extend(added);
        Ok(())
    }

    /// Lets go of daemons that asked who we are, so that the next one can ask: to be called about once a second. One
    /// system call while nobody asks, however many claims there are.
    pub fn answer(&self) {
        let mut asked: Vec<PollFd<'_>> = self
            .held
            .values()
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        if !poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
            return;
        }
        for (socket, asked) in self.held.values().zip(&asked) {
            if asked.any() == Some(true) {
                // Whoever asks more often waits for the next time.
                for _ in 0..AT_ONCE {
                    if socket.accept().is_err() {
                        break;
                    }
                }
            }
        }
    }
}

/// A router's name among the abstract sockets of its network namespace.
fn claim_name(router: &RouterPlan) -> String {
    let family = match router.family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    format!(
        "vrrpd/{}/{family}/{}",
        router.interface,
        router.vrid.as_u8()
    )
}

enum Refused {
    /// By a daemon: root's or of our own user.
    Taken(Option<i32>),
    /// By somebody who has no business with it, or not at all.
    NotOurs(String),
}

fn claim(name: &str) -> Result<UnixListener, Refused> {
    let not_ours = |error: io::Error| Refused::NotOurs(error.to_string());
    let address = SocketAddr::from_abstract_name(name).map_err(not_ours)?;
    match UnixListener::bind_addr(&address) {
        Ok(listener) => listener
            .set_nonblocking(true)
            .map(|()| listener)
            .map_err(not_ours),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(holder(name)),
        Err(error) => Err(not_ours(error)),
    }
}

/// Who has a name: only a daemon's claim counts, so that no other user can keep us from starting.
fn holder(name: &str) -> Refused {
    let credentials = ask(name);
    match credentials {
        Ok(peer) if peer.uid() == 0 || peer.uid() == daemon_uid() => {
            Refused::Taken((peer.pid() > 0).then_some(peer.pid()))
        }
        Ok(peer) => Refused::NotOurs(format!(
            "user {} has its name (pid {})",
            peer.uid(),
            peer.pid()
        )),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Refused::NotOurs(String::from(
            "whoever has its name does not answer as a vrrpd does",
        )),
        // It ends just now.
        Err(_) => Refused::Taken(None),
    }
}

/// Who listens there. A daemon answers once a second; one that hangs has room for everybody who asks until its engine
/// resigns.
fn ask(name: &str) -> io::Result<UnixCredentials> {
    // A leading zero byte makes the name abstract.
    let address = SockAddr::unix(format!("\0{name}"))?;
    let begin = Instant::now();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address) {
            Ok(()) => return Ok(getsockopt(&socket, sockopt::PeerCredentials)?),
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && begin.elapsed() < ANSWER_BOUND =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}

/// The user that daemons run as: vrrpd's where it exists, else our own.
fn daemon_uid() -> u32 {
    super::privileges::daemon_user()
        .map_or_else(|| nix::unistd::geteuid().as_raw(), |user| user.uid.as_raw())
}

/// A keepalived that speaks VRRP in this network namespace.
///
/// Found by its process rather than by its pid file, which can have any name, lie in another mount namespace, or be left
/// over. A keepalived that was told to run its checkers only does not speak VRRP. Namespaces of root's processes are for
/// root alone to see, so another user finds none.
#[must_use]
pub fn keepalived() -> Option<i32> {
    let own = std::process::id();
    let namespace = fs::read_link("/proc/self/ns/net").ok()?;
    let entries = fs::read_dir("/proc").ok()?;
    entries.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let process = entry.path();
        let speaks = u32::try_from(pid) != Ok(own)
            && is_keepalived(&process)
            && fs::read_link(process.join("ns/net")).is_ok_and(|other| other == namespace)
            && speaks_vrrp(&process);
        speaks.then_some(pid)
    })
}

/// Refuses to speak beside a keepalived that does: seen from here, or by a runner that is root where we are not.
///
/// # Errors
/// [`OtherSpeaker::Keepalived`].
pub fn refuse_keepalived(pid: Option<i32>) -> Result<(), OtherSpeaker> {
    pid.map_or(Ok(()), |pid| Err(OtherSpeaker::Keepalived { pid }))
}

fn is_keepalived(process: &Path) -> bool {
    let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
    // A vrrpd that was started by keepalived's name makes claims, and is met there.
    comm.trim_end()
        .to_ascii_lowercase()
        .starts_with("keepalived")
        && fs::read_link(process.join("exe")).ok() != fs::read_link("/proc/self/exe").ok()
}

fn speaks_vrrp(process: &Path) -> bool {
    let Ok(line) = fs::read(process.join("cmdline")) else {
        return false;
    };
    // A process that is about to be collected has no command line any more.
    if line.is_empty() {
        return false;
    }
    let words = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| OsString::from_vec(word.to_vec()));
    cli::parse(words).map_or(true, |options| !options.checkers_only)
}
