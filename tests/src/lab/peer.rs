//! A VRRP daemon on a host, *ours* or *keepalived*, behind one interface: scenarios do not know which they drive.

use std::fmt::Debug;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use vrrp_record::control::{
    Answer, Command, MAX_REQUEST, MAX_RESPONSE, Request, Response, SOCKET_NAME, decode_frame,
    read_frame, write_frame,
};
use vrrp_record::status::Status;
pub use vrrp_record::words::Word as State;

use super::host::Host;
use super::process::{Finished, Process};
use super::wait::wait_for;

/// The configuration's place on the host.
pub const CONFIGURATION: &str = "/etc/keepalived/keepalived.conf";
/// The run directory of ours.
pub const RUN_DIR: &str = "/run/vrrpd";

const PATIENCE: Duration = Duration::from_secs(2);
const STOP_BOUND: Duration = Duration::from_secs(10);

/// What differs between daemons.
pub trait Software: Debug + Send + Sync {
    /// Its name in messages.
    fn name(&self) -> &'static str;
    /// The command that runs it in the foreground with [`CONFIGURATION`].
    fn command(&self) -> Vec<String>;
    /// The state of a router of that name, if it is known yet.
    fn state(&self, host: &Host, process: &Process, router: &str) -> Option<State>;
}

/// Debian's keepalived.
#[derive(Clone, Copy, Debug)]
pub struct Keepalived;

/// The daemon of this workspace.
#[derive(Clone, Copy, Debug)]
pub struct Ours;

/// Which daemon to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Debian's.
    Keepalived,
    /// This workspace's.
    Ours,
}

impl Daemon {
    /// What drives it.
    #[must_use]
    pub fn software(self) -> Box<dyn Software> {
        match self {
            Self::Keepalived => Box::new(Keepalived),
            Self::Ours => Box::new(Ours),
        }
    }
}

impl Software for Keepalived {
    fn name(&self) -> &'static str {
        "keepalived"
    }

    fn command(&self) -> Vec<String> {
        words(
            "keepalived -n -l -D -G -P -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid -r /run/vrrp.pid",
        )
    }

    fn state(&self, _host: &Host, process: &Process, router: &str) -> Option<State> {
        let entering = format!("({router}) Entering ");
        process.log().lines().rev().find_map(|line| {
            let (_, rest) = line.split_once(&entering)?;
            State::parse(rest.split_ascii_whitespace().next()?)
        })
    }
}

impl Software for Ours {
    fn name(&self) -> &'static str {
        "vrrpd"
    }

    fn command(&self) -> Vec<String> {
        words(
            "vrrpd -n -l -D -f /etc/keepalived/keepalived.conf --run-dir /run/vrrpd --journal-dir /run/vrrpd-journal -p /run/keepalived.pid -r /run/vrrp.pid",
        )
    }

    fn state(&self, host: &Host, _process: &Process, router: &str) -> Option<State> {
        status(host).and_then(|status| {
            status
                .routers
                .into_iter()
                .find(|entry| entry.name == router)
                .map(|entry| entry.state)
        })
    }
}

/// What our daemon on a host says about itself; `None` while it does not answer. Asked over the control socket, because
/// a waiting test asks often.
#[must_use]
pub fn status(host: &Host) -> Option<Status> {
    host.within(|| {
        let mut stream = UnixStream::connect(Path::new(RUN_DIR).join(SOCKET_NAME)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        write_frame(&mut stream, &Request::new(Command::Status), MAX_REQUEST).ok()?;
        let response: Response = decode_frame(&read_frame(&mut stream, MAX_RESPONSE).ok()?).ok()?;
        match response.answer {
            Answer::Status { status } => Some(*status),
            Answer::Done { .. } | Answer::Error { .. } => None,
        }
    })
}

/// A running daemon. Dropping it kills it with its children.
#[derive(Debug)]
pub struct Peer {
    host: Host,
    software: Box<dyn Software>,
    process: Process,
}

impl Peer {
    /// Writes the configuration and starts the daemon.
    #[must_use]
    pub fn start(host: &Host, daemon: Daemon, configuration: &str) -> Self {
        host.write(CONFIGURATION, configuration, 0o644);
        let software = daemon.software();
        let command = software.command();
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        Self {
            host: host.clone(),
            process: host.spawn(&words),
            software,
        }
    }

    /// The host it runs on.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Its process.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// The state of a router, if it is known yet.
    #[must_use]
    pub fn state(&self, router: &str) -> Option<State> {
        self.software.state(&self.host, &self.process, router)
    }

    /// Waits until a router is in `wanted`.
    ///
    /// # Panics
    /// When it is not within `bound`.
    pub fn wait_state(&self, router: &str, wanted: State, bound: Duration) {
        let mut last = None;
        let reached = wait_for(bound, || {
            last = self.state(router);
            (last == Some(wanted)).then_some(())
        });
        assert!(
            reached.is_some(),
            "{} on {}: {router} is not {} within {bound:?} but {}",
            self.software.name(),
            self.host.name(),
            wanted.as_str(),
            last.map_or("unknown", State::as_str),
        );
    }

    /// Replaces the configuration and asks for a reload.
    pub fn reload(&self, configuration: &str) {
        self.host.write(CONFIGURATION, configuration, 0o644);
        self.hup();
    }

    /// Asks for a reload.
    pub fn hup(&self) {
        self.process.signal(Signal::SIGHUP);
    }

    /// Ends it in good order.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self) -> Finished {
        self.process.signal(Signal::SIGTERM);
        self.process.wait(STOP_BOUND)
    }

    /// Kills it with all its children, so that nothing can clean up.
    pub fn kill(&self) {
        self.process.kill_family();
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}
