//! The daemon's side of the runner: asks it, and hands each program's events to whoever started the program.
//!
//! Sending never waits: a runner that does not read is an error to the caller, not a reason to stop.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::socket::MsgFlags;
use tokio::sync::{mpsc, watch};

use vrrp_proto::time::Instant;

use crate::address::Owner;
use crate::process::since_boot;

use super::files::{FileError, memory_file, split_names};
use super::link::RunnerError;
use super::message::{MESSAGE_LIMIT, Reply, Request, RunEvent, receive, send};
use super::program::{Account, Candidate, Program, Resolved, Unusable};
use super::run::Run;

/// How long file work may take: a file system that hangs must not hold a reload for ever.
const FILE_BOUND: Duration = Duration::from_secs(20);

/// How long looking for the owner of a port may take: the loop waits for it.
const OWNER_BOUND: Duration = Duration::from_millis(200);

/// What the daemon can ask of the runner. Clones share it.
#[derive(Clone, Debug)]
pub struct Runner(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    socket: OwnedFd,
    /// Where it is a child of ours.
    process: Option<Mutex<std::process::Child>>,
    routes: Mutex<Routes>,
    gone: watch::Sender<bool>,
}

/// Where replies go.
#[derive(Debug, Default)]
struct Routes {
    last: u64,
    answers: HashMap<u64, SyncSender<(Reply, Option<OwnedFd>)>>,
    runs: HashMap<u64, mpsc::UnboundedSender<RunEvent>>,
}

impl Shared {
    fn routes(&self) -> MutexGuard<'_, Routes> {
        // Every change of the maps is complete at once, so a thread that panicked left nothing half done.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_replies(&self) {
        let mut buffer = vec![0; MESSAGE_LIMIT];
        loop {
            match receive(&self.socket, &mut buffer, MsgFlags::empty()) {
                Ok(Some((reply, descriptor))) => self.route(reply, descriptor),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => break,
            }
        }
        let mut routes = self.routes();
        // Dropping the senders tells everybody who waits.
        routes.answers.clear();
        routes.runs.clear();
        drop(routes);
        self.gone.send_replace(true);
    }

    fn route(&self, reply: Reply, descriptor: Option<OwnedFd>) {
        let mut routes = self.routes();
        match reply {
            Reply::Run { run, event } => {
                if let Some(events) = routes.runs.get(&run) {
                    // Whoever started it may have lost interest.
                    let _ = events.send(event);
                }
                if matches!(event, RunEvent::Ended { .. }) {
                    routes.runs.remove(&run);
                }
            }
            Reply::Read { id, .. }
            | Reply::Glob { id, .. }
            | Reply::Resolve { id, .. }
            | Reply::Owner { id, .. }
            | Reply::Name { id, .. }
            | Reply::Speaker { id, .. }
            | Reply::Done { id, .. } => {
                if let Some(answer) = routes.answers.remove(&id) {
                    // The channel holds one answer, and this is the only one; a caller that gave up is no matter.
                    let _ = answer.try_send((reply, descriptor));
                }
            }
        }
    }

    fn send(&self, request: &Request) -> Result<(), RunnerError> {
        self.send_with(request, None)
    }

    fn send_with(
        &self,
        request: &Request,
        descriptor: Option<&OwnedFd>,
    ) -> Result<(), RunnerError> {
        send(&self.socket, request, descriptor, MsgFlags::MSG_DONTWAIT).map_err(|error| {
            let kind = error.kind();
            if kind == io::ErrorKind::WouldBlock {
                RunnerError::Busy
            } else if matches!(
                kind,
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            ) {
                RunnerError::Gone
            } else {
                RunnerError::Send(error)
            }
        })
    }
}

impl Runner {
    /// Starts the thread that takes the replies.
    pub(super) fn attach(
        socket: OwnedFd,
        process: Option<std::process::Child>,
    ) -> Result<Self, RunnerError> {
        let shared = Arc::new(Shared {
            socket,
            process: process.map(Mutex::new),
            routes: Mutex::new(Routes::default()),
            gone: watch::Sender::new(false),
        });
        let reader = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(String::from("runner-replies"))
            .spawn(move || reader.read_replies())
            .map_err(RunnerError::Spawn)?;
        Ok(Self(shared))
    }

    /// Terminates a program, if it still runs. A runner that does not take the request has its own timeout for the
    /// program, or is gone.
    pub(super) fn kill(&self, run: u64) {
        let _ = self.0.send(&Request::Kill { run });
    }

    /// The runner's process id, where the daemon itself started it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let process = self.0.process.as_ref()?;
        let process = process.lock().unwrap_or_else(PoisonError::into_inner);
        Some(process.id())
    }

    /// Reads a file of at most `limit` bytes as the runner's user. Waits for it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let path = path.to_owned();
        let (reply, descriptor) = self.ask(|id| Request::Read { id, path, limit })?;
        content(reply, descriptor)
    }

    /// Every file name that matches a pattern. Waits for it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn glob(&self, pattern: &str) -> Result<Vec<PathBuf>, FileError> {
        let pattern = pattern.to_owned();
        let (reply, descriptor) = self.ask(|id| Request::Glob { id, pattern })?;
        Ok(split_names(&content(reply, descriptor)?))
    }

    /// Finds a program and its user. Waits for it.
    ///
    /// # Errors
    /// Why the runner did not answer; the inner error is why the program cannot be used.
    pub fn resolve(
        &self,
        candidate: &Candidate,
    ) -> Result<Result<Resolved, Unusable>, RunnerError> {
        let candidate = candidate.clone();
        let (reply, _) = self.ask(|id| Request::Resolve { id, candidate })?;
        match reply {
            Reply::Resolve { result, .. } => Ok(result),
            Reply::Read { .. }
            | Reply::Glob { .. }
            | Reply::Owner { .. }
            | Reply::Name { .. }
            | Reply::Speaker { .. }
            | Reply::Done { .. }
            | Reply::Run { .. } => Err(RunnerError::Busy),
        }
    }

    /// A keepalived that speaks VRRP in the runner's network namespace, which only root can tell of root's processes.
    /// Waits for the answer.
    ///
    /// # Errors
    /// Why the runner did not answer.
    pub fn keepalived(&self) -> Result<Option<i32>, RunnerError> {
        match self.ask(|id| Request::Speaker { id })?.0 {
            Reply::Speaker { keepalived, .. } => Ok(keepalived),
            Reply::Resolve { .. }
            | Reply::Read { .. }
            | Reply::Glob { .. }
            | Reply::Owner { .. }
            | Reply::Name { .. }
            | Reply::Done { .. }
            | Reply::Run { .. } => Err(RunnerError::Busy),
        }
    }

    /// Lets the runner remember programs that end, for [`Runner::owner`]. Waits for the answer.
    ///
    /// # Errors
    /// Where the kernel tells of none, or why the runner did not answer.
    pub(crate) fn watch_processes(&self) -> Result<(), FileError> {
        done(self.ask(|id| Request::Watch { id })?.0)
    }

    /// The command name of the process that has this number now and had it at `seen`. Waits for it, for a fifth of a second at
    /// most.
    #[must_use]
    pub(crate) fn name_since(&self, pid: u32, seen: Instant) -> Option<String> {
        let seen = since_boot(seen)?;
        match self.ask_within(OWNER_BOUND, |id| Request::Name { id, pid, seen }) {
            Ok((Reply::Name { name, .. }, _)) => name,
            Ok(_) | Err(_) => None,
        }
    }

    /// Writes a process id file. Waits for it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn write_pid(&self, path: &Path, pid: i32) -> Result<(), FileError> {
        let path = path.to_owned();
        done(self.ask(|id| Request::WritePid { id, path, pid })?.0)
    }

    /// Replaces a file by one with this content and mode, which belongs to the runner's user. Waits for it. One at a time:
    /// while an earlier one hangs in its file system the next is refused.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn replace(&self, path: &Path, mode: u32, content: &[u8]) -> Result<(), FileError> {
        let (path, content) = (path.to_owned(), memory_file(content)?);
        let request = |id| Request::Replace { id, path, mode };
        done(self.ask_with(FILE_BOUND, request, Some(&content))?.0)
    }

    /// Opens a FIFO for reading and writing, which never waits; it is made where it is missing, for `owner`. Waits for the
    /// answer.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn fifo(&self, path: &Path, owner: Option<&Account>) -> Result<File, FileError> {
        let (path, owner) = (path.to_owned(), owner.cloned());
        let (reply, descriptor) = self.ask(|id| Request::Fifo { id, path, owner })?;
        done(reply)?;
        Ok(descriptor.ok_or(FileError::NotFound)?.into())
    }

    /// Removes a FIFO, if the runner made it. Does not wait.
    pub fn remove_fifo(&self, path: &Path) {
        let path = path.to_owned();
        // A runner that does not take it removes all at its end.
        let _ = self.0.send(&Request::RemoveFifo { path });
    }

    /// Removes a process id file that still holds `pid`. Waits for it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn remove_pid(&self, path: &Path, pid: i32) -> Result<(), FileError> {
        let path = path.to_owned();
        done(self.ask(|id| Request::RemovePid { id, path, pid })?.0)
    }

    /// Which process holds a netlink port and was there at `seen` since boot. Waits for it, for a fifth of a second at most:
    /// who cannot be named soon is not named.
    #[must_use]
    pub(crate) fn owner(&self, port: u32, seen: Duration) -> Option<Owner> {
        let asked = self.ask_within(OWNER_BOUND, |id| Request::Owner { id, port, seen });
        match asked {
            Ok((Reply::Owner { owner, .. }, _)) => owner,
            Ok(_) | Err(_) => None,
        }
    }

    /// Starts a program, and kills it with its process group when `timeout` is over. Does not wait.
    ///
    /// # Errors
    /// When the runner does not take the request. That the program could not be started is an event of the [`Run`].
    pub fn launch(&self, program: &Program, timeout: Option<Duration>) -> Result<Run, RunnerError> {
        let (sender, events) = mpsc::unbounded_channel();
        let run = {
            let mut routes = self.0.routes();
            routes.last += 1;
            let run = routes.last;
            routes.runs.insert(run, sender);
            run
        };
        let request = Request::Start {
            run,
            program: program.clone(),
            timeout_ms: timeout
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        };
        // The flag is looked at after the route exists: a runner that went in between is seen by one or the other.
        let sent = if *self.0.gone.borrow() {
            Err(RunnerError::Gone)
        } else {
            self.0.send(&request)
        };
        if let Err(error) = sent {
            self.0.routes().runs.remove(&run);
            return Err(error);
        }
        Ok(Run::new(events, self.clone(), run))
    }

    /// Waits until the runner has ended.
    pub async fn gone(&self) {
        let mut gone = self.0.gone.subscribe();
        // The sender lives in `self`, so waiting ends only with the value.
        let _ = gone.wait_for(|gone| *gone).await;
    }

    /// Tells the runner to end everything that it started, and waits for its end, at most for `bound`.
    ///
    /// Returns whether it ended.
    pub async fn finish(&self, bound: Duration) -> bool {
        // A runner that does not take the request sees the end of the socket when this process ends.
        let _ = self.0.send(&Request::Finish);
        let ended = tokio::time::timeout(bound, self.gone()).await.is_ok();
        if ended && let Some(process) = &self.0.process {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            // Its socket is closed, so it is about to end or has ended; without it there is nothing to collect.
            let _ = process.wait();
        }
        ended
    }

    /// Sends a request about files and waits for its answer.
    fn ask(
        &self,
        request: impl FnOnce(u64) -> Request,
    ) -> Result<(Reply, Option<OwnedFd>), RunnerError> {
        self.ask_within(FILE_BOUND, request)
    }

    /// Sends a request and waits for its answer.
    fn ask_within(
        &self,
        bound: Duration,
        request: impl FnOnce(u64) -> Request,
    ) -> Result<(Reply, Option<OwnedFd>), RunnerError> {
        self.ask_with(bound, request, None)
    }

    /// [`ask_within`](Self::ask_within), with a descriptor for the runner.
    fn ask_with(
        &self,
        bound: Duration,
        request: impl FnOnce(u64) -> Request,
        descriptor: Option<&OwnedFd>,
    ) -> Result<(Reply, Option<OwnedFd>), RunnerError> {
        let (sender, answer) = sync_channel(1);
        let id = {
            let mut routes = self.0.routes();
            routes.last += 1;
            let id = routes.last;
            routes.answers.insert(id, sender);
            id
        };
        let sent = if *self.0.gone.borrow() {
            Err(RunnerError::Gone)
        } else {
            self.0.send_with(&request(id), descriptor)
        };
        let result = sent.and_then(|()| {
            answer.recv_timeout(bound).map_err(|error| match error {
                RecvTimeoutError::Timeout => RunnerError::Silent(bound),
                RecvTimeoutError::Disconnected => RunnerError::Gone,
            })
        });
        self.0.routes().answers.remove(&id);
        result
    }
}

/// The bytes behind a reply's descriptor, a memory file.
fn content(reply: Reply, descriptor: Option<OwnedFd>) -> Result<Vec<u8>, FileError> {
    done(reply)?;
    let descriptor = descriptor.ok_or(FileError::NotFound)?;
    let mut bytes = Vec::new();
    File::from(descriptor).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn done(reply: Reply) -> Result<(), FileError> {
    match reply {
        Reply::Read { result, .. } | Reply::Glob { result, .. } | Reply::Done { result, .. } => {
            result
        }
        Reply::Resolve { .. }
        | Reply::Owner { .. }
        | Reply::Name { .. }
        | Reply::Speaker { .. }
        | Reply::Run { .. } => Err(FileError::NotFound),
    }
}
