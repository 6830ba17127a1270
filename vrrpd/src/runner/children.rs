//! The programs that run now: started, timed, killed with their process groups, reaped.
//!
//! A program that was told to end keeps its zombie until its group has been killed, so that the group's number cannot
//! belong to somebody else by then.

use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{self, Pid};

use super::files::c_path;
use super::message::{Outcome, RunEvent};
use super::program::Program;
use crate::sys::process::{self, Executable, SHELL};

/// From SIGTERM to SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// Programs at one time; more are refused, so that notify programs that never end cannot fill the machine.
const LIMIT: usize = 256;
/// What a script does not inherit: each can change what a shell script or any program does.
const WITHHELD: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// What a program did, with its number.
pub(super) type Happened = (u64, RunEvent);

/// The programs that run now.
#[derive(Debug, Default)]
pub(super) struct Children {
    running: HashMap<u64, Child>,
}

#[derive(Debug)]
struct Child {
    pid: Pid,
    started: Instant,
    phase: Phase,
    /// Gives the errno of an exec that failed.
    report: OwnedFd,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Until its deadline, where it has one.
    Running(Option<Instant>),
    /// SIGTERM was sent to its group; SIGKILL follows.
    Terminating(Instant),
    /// SIGKILL was sent.
    Killed,
}

impl Children {
    /// Starts a program. What cannot be started is reported as ended.
    pub(super) fn start(
        &mut self,
        run: u64,
        program: &Program,
        timeout: Option<Duration>,
        now: Instant,
    ) -> Option<Happened> {
        let started = if self.running.len() >= LIMIT {
            Err(io::Error::from(Errno::EAGAIN))
        } else {
            executable(program).and_then(|executable| process::start(&executable))
        };
        match started {
            Ok((pid, report)) => {
                let child = Child {
                    pid,
                    started: now,
                    phase: Phase::Running(timeout.and_then(|timeout| now.checked_add(timeout))),
                    report,
                };
                self.running.insert(run, child);
                None
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                Some((run, ended(Outcome::NotStarted(errno), Duration::ZERO)))
            }
        }
    }

    /// Terminates a program with its group, if it still runs.
    pub(super) fn terminate(&mut self, run: u64, now: Instant) {
        if let Some(child) = self.running.get_mut(&run) {
            child.terminate(now);
        }
    }

    /// Terminates every program with its group.
    pub(super) fn terminate_all(&mut self, now: Instant) {
        for child in self.running.values_mut() {
            child.terminate(now);
        }
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// When [`Children::handle_time`] has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.running.values().filter_map(|child| match child.phase {
            Phase::Running(deadline) => deadline,
            Phase::Terminating(deadline) => Some(deadline),
            Phase::Killed => None,
        });
        deadlines.min()
    }

    /// Ends what has run for too long.
    pub(super) fn handle_time(&mut self, now: Instant, report: &mut impl FnMut(Happened)) {
        for (run, child) in &mut self.running {
            match child.phase {
                Phase::Running(Some(deadline)) if deadline <= now => {
                    child.terminate(now);
                    report((*run, RunEvent::TimedOut));
                }
                Phase::Terminating(deadline) if deadline <= now => child.kill(),
                Phase::Running(_) | Phase::Terminating(_) | Phase::Killed => {}
            }
        }
    }

    /// Collects what has ended.
    pub(super) fn reap(&mut self, now: Instant, report: &mut impl FnMut(Happened)) {
        self.running.retain(|run, child| {
            if !child.has_ended() {
                return true;
            }
            if matches!(child.phase, Phase::Terminating(_)) {
                // The leader obeyed; what is left of its group gets no second chance, as nobody would collect it.
                child.kill();
            }
            let outcome = child.collect();
            report((*run, ended(outcome, now.duration_since(child.started))));
            false
        });
    }
}

impl Child {
    fn terminate(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Running(_)) {
            self.signal(Signal::SIGTERM);
            self.phase = Phase::Terminating(now + GRACE);
        }
    }

    fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.phase = Phase::Killed;
    }

    /// To the whole group; a child that has not yet made its group gets the signal alone.
    fn signal(&self, signal: Signal) {
        if killpg(self.pid, signal) == Err(Errno::ESRCH) {
            // Its end is seen by reaping, whatever this says.
            let _ = nix::sys::signal::kill(self.pid, signal);
        }
    }

    /// Whether the leader ended, leaving it uncollected.
    fn has_ended(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        !matches!(
            waitid(Id::Pid(self.pid), flags),
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR)
        )
    }

    fn collect(&self) -> Outcome {
        let outcome = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, status)) => Outcome::Exited(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => Outcome::Killed(signal as i32),
            // A signal that nix cannot name.
            Ok(_) | Err(_) => Outcome::Killed(0),
        };
        let mut errno = [0; 4];
        match unistd::read(&self.report, &mut errno) {
            Ok(4) => Outcome::NotStarted(i32::from_ne_bytes(errno)),
            Ok(_) | Err(_) => outcome,
        }
    }
}

fn ended(outcome: Outcome, took: Duration) -> RunEvent {
    RunEvent::Ended {
        outcome,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }
}

/// What the kernel needs to start it. Words were checked for zero bytes when the program was resolved; one that slipped
/// through is an invalid argument.
fn executable(program: &Program) -> io::Result<Executable> {
    let invalid = || io::Error::from(Errno::EINVAL);
    let text = |word: &String| CString::new(word.as_bytes()).map_err(|_| invalid());
    let (path, argv) = if program.shell {
        let text = CString::new(program.argv.join(" ")).map_err(|_| invalid())?;
        (
            SHELL.to_owned(),
            vec![c"sh".to_owned(), c"-c".to_owned(), text],
        )
    } else {
        let path = c_path(&program.path).ok_or_else(invalid)?;
        let argv: Vec<_> = program.argv.iter().map(text).collect::<Result<_, _>>()?;
        (path, argv)
    };
    let environment = std::env::vars_os()
        .filter(|(name, _)| !WITHHELD.iter().any(|withheld| name == withheld))
        .filter_map(|(name, value)| {
            let mut entry = name.into_vec();
            entry.push(b'=');
            entry.extend(value.into_vec());
            CString::new(entry).ok()
        })
        .collect();
    Ok(Executable::new(
        path,
        argv,
        environment,
        program.uid,
        program.gid,
    ))
}
