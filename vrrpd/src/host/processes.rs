//! Remembers which programs were started and when they ended, so that one that lived for a few milliseconds can be named
//! (safety rule 7): `ip address del` is gone before anybody can look at it.
//!
//! By the kernel's process events, which it tells in the initial namespaces only, and to CAP_NET_ADMIN only. A flood of
//! them, or a gap in them, forgets everything: what is not known for sure is not known.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_CONNECTOR};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{SockFilter, SockRef};
use vrrp_proto::time::Instant;

use crate::address::Owner;
use crate::engine::clock;
use crate::process::{self, NAME};
use crate::queue::Signal;

/// Programs that are remembered.
const REMEMBERED: usize = 4096;
/// Events a second that are too many to follow.
const FLOOD: u32 = 2_000;
/// How long a flood is left alone.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a question waits for events that are on their way.
const CATCH_UP: Duration = Duration::from_millis(50);
/// How long the kernel has for its answer to the wish to listen.
const ANSWER: u16 = 200;

// Numbers of linux/connector.h and linux/cn_proc.h.
const GROUP: u32 = 1;
const LISTEN: u32 = 1;
const NONE: u32 = 0;
const EXEC: u32 = 2;
const EXIT: u32 = 0x8000_0000;
/// Where an event begins: behind the headers of netlink and connector.
const EVENT: usize = 16 + 20;

/// A program that was started.
#[derive(Clone, Copy, Debug)]
struct Life {
    began: Instant,
    /// None where its number is another one in a process namespace of its own.
    name: Option<[u8; NAME]>,
    ended: Option<Instant>,
}

#[derive(Debug, Default)]
struct Table {
    lives: HashMap<u32, Life>,
    /// Everything up to here is known; nothing while nobody listens.
    known_until: Option<Instant>,
    /// Nobody will ever listen.
    closed: bool,
}

/// The memory of programs. Clones share it; the thread behind it ends with the last one.
#[derive(Clone, Debug)]
pub(crate) struct Processes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    progress: Condvar,
    /// Somebody asks and waits for the listener to look.
    asked: Option<Signal>,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change is one insertion or assignment.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Processes {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the kernel tells nobody here.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = Listener::open()?;
        let shared = Arc::new(Shared {
            asked: Some(Signal::new()?),
            ..Shared::default()
        });
        let weak = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("processes".to_owned())
            .spawn(move || {
                let mut listener = Some(listener);
                while let Some(shared) = weak.upgrade() {
                    let Some(open) = listener.take().or_else(|| Listener::open().ok()) else {
                        shared.table().closed = true;
                        return;
                    };
                    if open.turn(&shared) {
                        listener = Some(open);
                    } else {
                        *shared.table() = Table::default();
                        drop((shared, open));
                        std::thread::sleep(PAUSE);
                    }
                }
            })?;
        Ok(Self(shared))
    }

    /// The program that had this number at `seen` and has ended since: one that lives can be looked at.
    pub(crate) fn find(&self, pid: u32, seen: Instant) -> Option<Owner> {
        let table = self.0.table();
        // Its end may be on its way as well.
        let asked = clock::now();
        let behind = |table: &mut Table| {
            !table.closed && table.known_until.is_some_and(|until| until <= asked)
        };
        if let Some(signal) = &self.0.asked {
            signal.raise();
        }
        let waited = self
            .0
            .progress
            .wait_timeout_while(table, CATCH_UP, behind)
            .unwrap_or_else(PoisonError::into_inner);
        let life = waited.0.lives.get(&pid)?;
        let there = life.began <= seen && life.ended.is_some_and(|ended| seen <= ended);
        let name = life.name.filter(|_| there)?;
        Some(Owner { pid, name })
    }
}

/// The socket on which the kernel tells.
struct Listener(Socket);

impl Listener {
    fn open() -> io::Result<Self> {
        if !process::is_ours() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut socket = Socket::new(NETLINK_CONNECTOR)?;
        SockRef::from(&socket).attach_filter(&filter())?;
        let _ = SockRef::from(&socket).set_recv_buffer_size(1 << 20);
        socket.bind(&SocketAddr::new(0, GROUP))?;
        socket.set_non_blocking(true)?;
        socket.send_to(&wish(LISTEN), &SocketAddr::new(0, 0), 0)?;
        let listener = Self(socket);
        let mut buffer = Vec::with_capacity(4096);
        // Events of others' wishes to listen may come before the answer to ours.
        loop {
            if !listener.wait(None, ANSWER)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match listener.next(&mut buffer)? {
                Some(Event::Answer { errno: 0 }) => return Ok(listener),
                Some(Event::Answer { errno }) => {
                    return Err(io::Error::from_raw_os_error(errno));
                }
                Some(Event::Exec { .. } | Event::Exit { .. }) | None => {}
            }
        }
    }

    fn wait(&self, asked: Option<&Signal>, millis: u16) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        fds.extend(asked.map(|signal| PollFd::new(signal.as_fd(), PollFlags::POLLIN)));
        let woken = poll(&mut fds, PollTimeout::from(millis))? > 0;
        if let Some(signal) = asked {
            signal.clear();
        }
        Ok(woken)
    }

    fn next(&self, buffer: &mut Vec<u8>) -> io::Result<Option<Event>> {
        buffer.clear();
        let (_, from) = self.0.recv_from(buffer, 0)?;
        Ok((from.port_number() == 0)
            .then(|| Event::parse(buffer))
            .flatten())
    }

    /// Follows events for a second. False when some were lost or too many came.
    fn turn(&self, shared: &Shared) -> bool {
        let began = clock::now();
        let mut buffer = Vec::with_capacity(4096);
        let mut count = 0;
        while clock::now().saturating_since(began) < Duration::from_secs(1) {
            let before = clock::now();
            match self.next(&mut buffer) {
                Ok(event) => {
                    count += 1;
                    if count > FLOOD {
                        return false;
                    }
                    if let Some(event) = event {
                        shared.table().take(event);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Whatever happened before was told.
                    shared.table().known_until = Some(before);
                    shared.progress.notify_all();
                    match self.wait(shared.asked.as_ref(), 1_000) {
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => return false,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }
}

impl Table {
    fn take(&mut self, event: Event) {
        match event {
            Event::Exec { pid, at } => {
                if self.lives.len() >= REMEMBERED && !self.lives.contains_key(&pid) {
                    self.forget();
                }
                let life = Life {
                    began: at,
                    name: fs::read_to_string(format!("/proc/{pid}/status"))
                        .ok()
                        .and_then(|status| name_in(&status)),
                    ended: None,
                };
                self.lives.insert(pid, life);
            }
            Event::Exit { pid, at } => {
                if let Some(life) = self.lives.get_mut(&pid) {
                    life.ended.get_or_insert(at);
                }
            }
            Event::Answer { .. } => {}
        }
    }

    /// Drops the older half.
    fn forget(&mut self) {
        let mut times: Vec<Instant> = self.lives.values().map(|life| life.began).collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied();
        self.lives.retain(|_, life| Some(life.began) > middle);
    }
}

/// What the kernel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Answer { errno: i32 },
    Exec { pid: u32, at: Instant },
    Exit { pid: u32, at: Instant },
}

impl Event {
    fn parse(datagram: &[u8]) -> Option<Self> {
        let (head, rest) = datagram.get(EVENT..)?.split_first_chunk::<16>()?;
        let (what, time) = (head.first_chunk::<4>()?, head.last_chunk::<8>()?);
        let at = Instant::from_nanos(u64::from_ne_bytes(*time));
        let first = u32::from_ne_bytes(*rest.first_chunk()?);
        match u32::from_ne_bytes(*what) {
            NONE => Some(Self::Answer {
                errno: first.cast_signed(),
            }),
            EXEC => {
                // Whatever thread does it, the process goes on under its own number.
                let pid = u32::from_ne_bytes(*rest.get(4..)?.first_chunk()?);
                Some(Self::Exec { pid, at })
            }
            EXIT => {
                let group = u32::from_ne_bytes(*rest.get(4..)?.first_chunk()?);
                (first == group).then_some(Self::Exit { pid: first, at })
            }
            _ => None,
        }
    }
}

/// The name in `/proc/PID/status`, provided that the process has one number only: in a process namespace of its own it is
/// known by another, and so are its ports.
fn name_in(status: &str) -> Option<[u8; NAME]> {
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name))
    };
    let numbers = field("NSpid:")?.split_ascii_whitespace().count();
    let name = field("Name:")?.trim();
    let mut bytes = [0; NAME];
    for (to, from) in bytes.iter_mut().take(NAME - 1).zip(name.bytes()) {
        *to = from;
    }
    (numbers == 1 && !name.is_empty()).then_some(bytes)
}

/// A message that asks the kernel to tell.
fn wish(operation: u32) -> Vec<u8> {
    const DONE: u16 = 3;
    let mut message = Vec::with_capacity(40);
    message.extend(40_u32.to_ne_bytes());
    message.extend(DONE.to_ne_bytes());
    message.extend([0; 10]);
    message.extend(GROUP.to_ne_bytes());
    message.extend(GROUP.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(4_u16.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(operation.to_ne_bytes());
    message
}

/// Takes starts, ends and answers, and drops forks and the rest before they wake anybody.
fn filter() -> [SockFilter; 6] {
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    // Filters read in the network's order.
    let kind = |what: u32| u32::from_be_bytes(what.to_ne_bytes());
    let place = u32::try_from(EVENT).expect("a short header");
    [
        SockFilter::new(LOAD, 0, 0, place),
        SockFilter::new(EQUAL, 3, 0, kind(EXEC)),
        SockFilter::new(EQUAL, 2, 0, kind(EXIT)),
        SockFilter::new(EQUAL, 1, 0, kind(NONE)),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

/// What status says where the kernel does not tell.
pub(crate) fn unavailable(errno: Option<i32>) -> vrrp_record::status::Unavailable {
    let why = match errno {
        Some(libc::EPERM) => "the kernel does not allow it here".to_owned(),
        Some(errno) => vrrp_record::quantity::Errno(errno).to_string(),
        None => "the kernel tells of processes in the initial namespaces only".to_owned(),
    };
    vrrp_record::status::Unavailable {
        what: "names of programs that have ended".to_owned(),
        why,
        remedy: Some("CAP_NET_ADMIN, outside of containers".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn datagram(what: u32, at: u64, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; EVENT];
        bytes.extend(what.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(at.to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    #[test]
    fn events_are_read_and_a_thread_s_end_is_not_its_process_s() {
        let at = Instant::from_nanos(7);
        let parse = |what, words: &[u32]| Event::parse(&datagram(what, 7, words));
        assert_eq!(parse(EXEC, &[12, 11]), Some(Event::Exec { pid: 11, at }));
        assert_eq!(
            parse(EXIT, &[11, 11, 0, 17]),
            Some(Event::Exit { pid: 11, at })
        );
        assert_eq!(parse(EXIT, &[12, 11, 0, 17]), None);
        assert_eq!(parse(NONE, &[1]), Some(Event::Answer { errno: 1 }));
        assert_eq!(parse(1, &[1, 1, 2, 2]), None);
        let whole = datagram(EXEC, 7, &[12, 11]);
        for cut in 0..whole.len() {
            assert_eq!(Event::parse(&whole[..cut]), None);
        }
    }

    #[test]
    fn a_process_of_another_namespace_has_no_name_here() {
        let status = "Name:\tip\nUmask:\t0022\nNSpid:\t4711\n";
        assert_eq!(process::text(&name_in(status).unwrap()), "ip");
        assert_eq!(name_in("Name:\tip\nNSpid:\t4711\t17\n"), None);
        assert_eq!(name_in("Name:\tip\n"), None);
    }

    #[test]
    fn a_number_names_its_program_only_while_that_lived() {
        let mut table = Table::default();
        let at = Instant::from_nanos;
        let pid = std::process::id();
        table.take(Event::Exec { pid, at: at(100) });
        table.take(Event::Exit { pid, at: at(200) });
        table.known_until = Some(at(1_000));
        let processes = Processes(Arc::new(Shared {
            table: Mutex::new(table),
            ..Shared::default()
        }));
        let found = |nanos| processes.find(pid, at(nanos)).map(|owner| owner.pid);
        assert_eq!(found(99), None);
        assert_eq!(found(100), Some(pid));
        assert_eq!(found(200), Some(pid));
        assert_eq!(found(201), None);
        assert_eq!(processes.find(pid + 1, at(150)), None);
        // Its number was given to another program since.
        processes.0.table().take(Event::Exec { pid, at: at(300) });
        assert_eq!(found(150), None);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_younger() {
        let mut table = Table::default();
        // Numbers that no process has.
        let first = 1 << 30;
        for n in 0..10_000_u32 {
            let at = Instant::from_nanos(n.into());
            table.take(Event::Exec { pid: first + n, at });
        }
        assert!(table.lives.len() <= REMEMBERED);
        assert!(table.lives.contains_key(&(first + 9_999)));
    }

    #[test]
    fn a_program_that_has_ended_is_named_where_the_kernel_tells() {
        let processes = match Processes::start() {
            Ok(processes) => processes,
            Err(error) => {
                eprintln!("SKIPPED: process events: {error}");
                return;
            }
        };
        let before = clock::now();
        let mut child = Command::new("sleep").arg("0.2").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let during = clock::now();
        child.wait().unwrap();
        let name = |seen| {
            // A machine that starts very many programs now is left alone.
            let owner = processes.find(child.id(), seen)?;
            Some(process::text(&owner.name))
        };
        // A thread that gets no CPU for long is late, and names nobody until then.
        let end = clock::now().saturating_add(Duration::from_secs(10));
        while name(during).is_none() && clock::now() < end {}
        assert_eq!(name(during).as_deref(), Some("sleep"));
        assert_eq!(name(before), None);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(name(clock::now()), None);
    }
}
