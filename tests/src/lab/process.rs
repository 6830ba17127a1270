//! A program running on a host: its output kept in a file, ended by its process id.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_for;
use super::worker::Worker;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    pid: Pid,
    log: PathBuf,
}

/// A program that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// Its output and error output.
    pub output: String,
}

impl Process {
    /// Starts `arguments` in the worker's namespaces, with `log` taking the output.
    pub(crate) fn start(worker: &Worker, path: &str, arguments: &[&str], log: PathBuf) -> Self {
        let (program, rest) = arguments
            .split_first()
            .expect("a command has at least its name");
        let name = (*program).to_owned();
        let output = File::create(&log)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", log.display()));
        let errors = output
            .try_clone()
            .unwrap_or_else(|error| panic!("cannot share {}: {error}", log.display()));
        let mut command = Command::new(program);
        command
            .args(rest)
            .current_dir("/")
            .env_clear()
            .env("PATH", path)
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = worker
            .run(move || command.spawn())
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", arguments.join(" ")));
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids fit into i32"));
        Self {
            name,
            child: Mutex::new(child),
            pid,
            log,
        }
    }

    /// The program's name as it was called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id as the test sees it; on the host it has another one.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// What it wrote until now.
    #[must_use]
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .try_wait()
            .unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    /// Sends a signal; does nothing once the program has ended.
    pub fn signal(&self, signal: Signal) {
        // Not reaped between the look and the kill, so the id is still its own.
        if self.ended().is_none() {
            let _ = kill(self.pid, signal);
        }
    }

    /// The end, within `bound`.
    ///
    /// # Panics
    /// When it goes on running.
    #[must_use]
    pub fn wait(&self, bound: Duration) -> Finished {
        let Some(status) = wait_for(bound, || self.ended()) else {
            panic!("{} still runs after {bound:?}:\n{}", self.name, self.log());
        };
        Finished {
            code: exit_code(status),
            output: self.log(),
        }
    }

    /// The program and everything it started, oldest first; as far as it is still there.
    #[must_use]
    pub fn family(&self) -> Vec<Pid> {
        let mut family = vec![self.pid];
        let mut next = 0;
        while let Some(&parent) = family.get(next) {
            let children =
                std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
                    .unwrap_or_default();
            family.extend(
                children
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse().ok())
                    .map(Pid::from_raw),
            );
            next += 1;
        }
        family
    }

    /// Kills the program and its children so that none of them sees another die first.
    pub fn kill_family(&self) {
        if self.ended().is_some() {
            return;
        }
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for pid in self.family() {
                let _ = kill(pid, signal);
            }
        }
        let _ = wait_for(Duration::from_secs(5), || self.ended());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = wait_for(Duration::from_secs(5), || self.ended());
        }
    }
}

pub(crate) fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}
