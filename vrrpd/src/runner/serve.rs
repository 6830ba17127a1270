//! The runner process: one loop over the daemon's socket, the children's ends and their deadlines.
//!
//! It ends, with everything that it started, when the daemon says so or is gone. It writes nothing to its standard
//! streams: whatever there is to say goes through the socket.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::MsgFlags;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{self, Pid};

use super::children::{Children, Happened};
use super::fifo::Made;
use super::files::{self, FileError};
use super::glob::glob;
use super::message::{MESSAGE_LIMIT, Reply, Request, receive, send};
use super::program;
use crate::address;
use crate::exit::Exit;
use crate::host::Processes;
use crate::process as process_facts;
use crate::queue;
use crate::service::speaker::keepalived;
use crate::sys::process;

/// keepalived's umask: whatever a script makes is for its user alone.
const UMASK: Mode = Mode::from_bits_truncate(0o177);
/// File requests at one time, each with a thread of its own; one that hangs must not hold the others.
const FILE_THREADS: usize = 8;
/// Replies that wait for a daemon that does not read; then the runner stops taking requests.
const BACKLOG: usize = 4_096;

/// Runs until the daemon is gone. Standard input is the socket to it.
pub fn main() -> Exit {
    match prepare().and_then(|(socket, ends)| Server::new(socket, ends)?.run()) {
        Ok(()) => Exit::Success,
        // Nobody is there to be told: the daemon sees the end of the socket.
        Err(_) => Exit::Internal,
    }
}

/// Makes the process what scripts expect to be started from, and takes the socket off standard input.
fn prepare() -> io::Result<(OwnedFd, SignalFd)> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    unistd::dup2_stdin(&null)?;
    unistd::dup2_stdout(&null)?;
    unistd::dup2_stderr(&null)?;
    // The program's name would be `exe`, after the link that it was started by.
    let _ = prctl::set_name(c"vrrpd-runner");
    // Older kernels cannot; nothing depends on it.
    let _ = process::close_on_exec_from(3);
    // Not the terminal's or the service manager's to stop: stop programs are started after the daemon was told to stop.
    let _ = unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0));
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGPIPE,
    ] {
        process::ignore(signal)?;
    }
    // Ignored, as a careless parent may leave it, it would take the children's ends from us.
    process::default(Signal::SIGCHLD)?;
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGCHLD);
    ends.thread_set_mask()?;
    let ends = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    process::leave_real_time()?;
    umask(UMASK);
    unistd::chdir("/")?;
    Ok((socket, ends))
}

/// A reply and the descriptor that goes with it.
type Outgoing = (Reply, Option<OwnedFd>);

struct Server {
    socket: OwnedFd,
    ends: SignalFd,
    children: Children,
    /// Programs that ended, once the daemon wishes them to be remembered.
    processes: Option<Processes>,
    outgoing: VecDeque<Outgoing>,
    file_replies: mpsc::Receiver<Outgoing>,
    file_sender: mpsc::Sender<Outgoing>,
    file_signal: queue::Signal,
    file_threads: usize,
    fifos: Made,
    /// A file is being replaced.
    replacing: Arc<AtomicBool>,
    leaving: bool,
}

impl Server {
    fn new(socket: OwnedFd, ends: SignalFd) -> io::Result<Self> {
        let (file_sender, file_replies) = mpsc::channel();
        Ok(Self {
            socket,
            ends,
            children: Children::default(),
            processes: None,
            outgoing: VecDeque::new(),
            file_replies,
            file_sender,
            file_signal: queue::Signal::new()?,
            file_threads: 0,
            fifos: Made::default(),
            replacing: Arc::default(),
            leaving: false,
        })
    }

    fn run(mut self) -> io::Result<()> {
        while !(self.leaving && self.children.is_empty()) {
            let (readable, ended, files) = self.wait()?;
            if files {
                self.file_signal.clear();
                while let Ok(reply) = self.file_replies.try_recv() {
                    self.file_threads -= 1;
                    self.outgoing.push_back(reply);
                }
            }
            if ended {
                while let Ok(Some(_)) = self.ends.read_signal() {}
            }
            let now = Instant::now();
            let mut happened: Vec<Happened> = Vec::new();
            self.children
                .handle_time(now, &mut |event| happened.push(event));
            self.children.reap(now, &mut |event| happened.push(event));
            self.report(happened);
            if readable {
                self.take_requests();
            }
            self.flush();
        }
        Ok(())
    }

    /// Waits for something to do: (socket readable, a child ended, a file reply is there).
    fn wait(&self) -> io::Result<(bool, bool, bool)> {
        let timeout = self
            .children
            .next_deadline()
            .map_or(PollTimeout::NONE, |deadline| {
                // One more millisecond, so that the deadline is over when poll returns.
                let wait = deadline
                    .saturating_duration_since(Instant::now())
                    .as_millis()
                    + 1;
                PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
            });
        let mut interest = PollFlags::empty();
        if !self.leaving && self.outgoing.len() < BACKLOG {
            interest |= PollFlags::POLLIN;
        }
        if !self.leaving && !self.outgoing.is_empty() {
            interest |= PollFlags::POLLOUT;
        }
        let mut fds = vec![
            PollFd::new(self.ends.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.file_signal.as_fd(), PollFlags::POLLIN),
        ];
        if !self.leaving {
            fds.push(PollFd::new(self.socket.as_fd(), interest));
        }
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let any = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
        Ok((any(2), any(0), any(1)))
    }

    fn take_requests(&mut self) {
        let mut buffer = vec![0; MESSAGE_LIMIT];
        while !self.leaving && self.outgoing.len() < BACKLOG {
            match receive(&self.socket, &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(Some((request, descriptor))) => self.handle(request, descriptor),
                Ok(None) => self.leave(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Not our daemon's language, or a broken socket: nothing good can follow.
                Err(_) => self.leave(),
            }
        }
    }

    fn leave(&mut self) {
        self.leaving = true;
        self.fifos.remove_all();
        self.children.terminate_all(Instant::now());
    }

    fn handle(&mut self, request: Request, descriptor: Option<OwnedFd>) {
        match request {
            Request::Read { id, path, limit } => self.with_files(id, move || {
                let content = files::read(&path, limit).and_then(|text| files::memory_file(&text));
                let (result, descriptor) = split(content);
                (Reply::Read { id, result }, descriptor)
            }),
            Request::Glob { id, pattern } => self.with_files(id, move || {
                let names =
                    glob(&pattern).and_then(|names| files::memory_file(&files::join_names(&names)));
                let (result, descriptor) = split(names);
                (Reply::Glob { id, result }, descriptor)
            }),
            Request::Resolve { id, candidate } => self.with_files(id, move || {
                let result = program::resolve(&candidate);
                (Reply::Resolve { id, result }, None)
            }),
            Request::WritePid { id, path, pid } => self.with_files(id, move || {
                let result = files::write_pid(&path, pid);
                (Reply::Done { id, result }, None)
            }),
            Request::Replace { id, path, mode } => self.replace(id, path, mode, descriptor),
            Request::Fifo { id, path, owner } => {
                let made = self.fifos.clone();
                self.with_files(id, move || {
                    let (result, descriptor) = split(made.open(&path, owner.as_ref()));
                    (Reply::Read { id, result }, descriptor)
                });
            }
            Request::RemoveFifo { path } => {
                let made = self.fifos.clone();
                // Nobody waits for the answer.
                self.with_files(0, move || {
                    made.remove(&path);
                    let (id, result) = (0, Ok(()));
                    (Reply::Done { id, result }, None)
                });
            }
            Request::RemovePid { id, path, pid } => self.with_files(id, move || {
                let result = files::remove_pid(&path, pid);
                (Reply::Done { id, result }, None)
            }),
            Request::Owner { id, port, seen } => {
                let processes = self.processes.clone();
                self.with_files(id, move || {
                    let ended = || processes?.find(port, process_facts::on_clock(seen)?);
                    let owner = address::find_owner(port, seen).or_else(ended);
                    (Reply::Owner { id, owner }, None)
                });
            }
            Request::Watch { id } => {
                let result = Processes::start().map(|processes| self.processes = Some(processes));
                let result = result.map_err(FileError::from);
                self.outgoing.push_back((Reply::Done { id, result }, None));
            }
            Request::Name { id, pid, seen } => self.with_files(id, move || {
                let seen = process_facts::on_clock(seen);
                let name = seen.and_then(|seen| process_facts::name_since(pid, seen));
                let name = name.map(|name| process_facts::text(&name));
                (Reply::Name { id, name }, None)
            }),
            Request::Speaker { id } => self.with_files(id, move || {
                let keepalived = keepalived();
                (Reply::Speaker { id, keepalived }, None)
            }),
            Request::Start {
                run,
                program,
                timeout_ms,
            } => {
                let timeout = timeout_ms.map(std::time::Duration::from_millis);
                let failed = self.children.start(run, &program, timeout, Instant::now());
                self.report(failed);
            }
            Request::Kill { run } => self.children.terminate(run, Instant::now()),
            Request::Finish => self.leave(),
        }
    }

    /// One file at a time is replaced: a file system that hangs there keeps its thread, and must not take all of them.
    fn replace(&mut self, id: u64, path: PathBuf, mode: u32, content: Option<OwnedFd>) {
        let Some(alone) = Alone::claim(&self.replacing) else {
            let result = Err(FileError::Refused {
                errno: libc::EAGAIN,
                message: String::from("an earlier file hangs in the file system"),
            });
            self.outgoing.push_back((Reply::Done { id, result }, None));
            return;
        };
        self.with_files(id, move || {
            let result = files::replace_by(&path, mode, content);
            drop(alone);
            (Reply::Done { id, result }, None)
        });
    }

    /// Does file work on a thread of its own.
    fn with_files(&mut self, id: u64, work: impl FnOnce() -> Outgoing + Send + 'static) {
        let busy = Err(FileError::Refused {
            errno: libc::EAGAIN,
            message: String::from("earlier requests hang in the file system"),
        });
        if self.file_threads >= FILE_THREADS {
            self.outgoing
                .push_back((Reply::Done { id, result: busy }, None));
            return;
        }
        let (sender, signal) = (self.file_sender.clone(), self.file_signal.clone());
        let spawned = std::thread::Builder::new()
            .name(String::from("files"))
            .spawn(move || {
                let reply = work();
                // The receiver lives as long as the process.
                let _ = sender.send(reply);
                signal.raise();
            });
        match spawned {
            Ok(_) => self.file_threads += 1,
            Err(error) => {
                let result = Err(error.into());
                self.outgoing.push_back((Reply::Done { id, result }, None));
            }
        }
    }

    fn report(&mut self, happened: impl IntoIterator<Item = Happened>) {
        let replies = happened
            .into_iter()
            .map(|(run, event)| (Reply::Run { run, event }, None));
        self.outgoing.extend(replies);
    }

    /// Sends what the daemon takes now.
    fn flush(&mut self) {
        while let Some((reply, descriptor)) = self.outgoing.front() {
            match send(
                &self.socket,
                reply,
                descriptor.as_ref(),
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(()) => {
                    self.outgoing.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The daemon is gone, which the next read says as well.
                Err(_) => self.outgoing.clear(),
            }
        }
    }
}

/// Work that only one thread may do at a time, whatever becomes of that thread's start.
struct Alone(Arc<AtomicBool>);

impl Alone {
    fn claim(taken: &Arc<AtomicBool>) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(taken)))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn split<T>(result: Result<T, FileError>) -> (Result<(), FileError>, Option<T>) {
    match result {
        Ok(value) => (Ok(()), Some(value)),
        Err(error) => (Err(error), None),
    }
}
