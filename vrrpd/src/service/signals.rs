//! Signals as keepalived's users send them, read from a descriptor together with their sender.
//!
//! They are blocked before the first thread exists, so that no thread is interrupted and none is lost.

use std::io;

use nix::libc;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;
use vrrp_proto::time::Instant;
use vrrp_record::text::Name;

use crate::cli::signal_number;
use crate::dump::Dump;
use crate::engine::clock;
use crate::process;
use crate::sys::process::signal_set;
use crate::sys::readiness::register_signals;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stop in order.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Write one of keepalived's dumps.
    Dump(Dump),
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub number: i32,
    /// What it asks for.
    pub request: Request,
    /// Its sender, where the kernel vouches for one.
    pub pid: Option<u32>,
    /// The sender's user, where there is a sender.
    pub uid: Option<u32>,
    /// It had not come yet at this time: a process that was there before and is there now is its sender.
    pub after: Instant,
}

impl Received {
    /// The command name of its sender, only if sure. Asked at once: a sender may end as soon as it has sent. `elsewhere` is
    /// asked where other users' processes are hidden from us.
    #[must_use]
    pub fn comm(&self, elsewhere: impl FnOnce(u32, Instant) -> Option<String>) -> Option<Name> {
        let pid = self.pid?;
        let name = process::name_since(pid, self.after).map(|name| process::text(&name));
        let name = name.or_else(|| elsewhere(pid, self.after))?;
        Some(Name::new(&name))
    }
}

/// The blocked signals.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
}

/// What each signal asks for, by keepalived's name of it.
const REQUESTS: [(&str, Request); 6] = [
    ("STOP", Request::Stop),
    ("RELOAD", Request::Reload),
    ("DATA", Request::Dump(Dump::Data)),
    ("STATS", Request::Dump(Dump::Stats)),
    ("STATS_CLEAR", Request::Dump(Dump::StatsClear)),
    ("JSON", Request::Dump(Dump::Json)),
];

fn requests() -> impl Iterator<Item = (i32, Request)> {
    let named = REQUESTS
        .into_iter()
        .filter_map(|(name, request)| Some((signal_number(name)?, request)));
    named.chain([(libc::SIGINT, Request::Stop)])
}

impl Signals {
    /// Blocks the signals for this thread and every thread that it starts from now on.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn block(ignore_interrupt: bool) -> io::Result<Self> {
        if ignore_interrupt {
            crate::sys::process::ignore(nix::sys::signal::Signal::SIGINT)?;
        }
        let set = signal_set(requests().map(|(number, _)| number));
        set.thread_block()?;
        // The engine reads it, as evidence that the process was stopped; see `sys::signals`. A stopped process goes on
        // with it in any case.
        signal_set([libc::SIGCONT]).thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            descriptor: SignalFd::with_flags(&set, flags)?,
        })
    }

    /// Makes them awaitable. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the runtime refuses the descriptor.
    pub fn listen(self) -> io::Result<Listener> {
        Ok(Listener {
            descriptor: register_signals(self.descriptor)?,
            // Nothing was looked at before, so no sender is sure.
            empty: Instant::ZERO,
        })
    }
}

/// The signals as they come.
#[derive(Debug)]
pub struct Listener {
    descriptor: AsyncFd<SignalFd>,
    /// When no signal was waiting last.
    empty: Instant,
}

impl Listener {
    /// The next signal. Cancel safe. Looks at once, which also dates the last look that found none.
    ///
    /// # Errors
    /// When the descriptor fails, which leaves the daemon deaf.
    pub async fn next(&mut self) -> io::Result<Received> {
        loop {
            let before = clock::now();
            match self.descriptor.get_ref().read_signal() {
                Ok(Some(info)) => {
                    let number = i32::try_from(info.ssi_signo).unwrap_or_default();
                    let known = requests().find(|(known, _)| *known == number);
                    if let Some((_, request)) = known {
                        // What sigqueue sends carries a number that its sender chose.
                        let vouched = [libc::SI_USER, libc::SI_TKILL].contains(&info.ssi_code);
                        let sender = vouched && info.ssi_pid != 0;
                        return Ok(Received {
                            number,
                            request,
                            pid: sender.then_some(info.ssi_pid),
                            uid: sender.then_some(info.ssi_uid),
                            after: self.empty,
                        });
                    }
                }
                Ok(None) => {
                    self.empty = before;
                    self.descriptor.readable().await?.clear_ready();
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
