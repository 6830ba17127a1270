//! Who is behind a netlink port: a process, only if sure (safety rule 7).
//!
//! A port is a number that its owner chose; often it is the owner's process id, and nobody has to keep to that. So a
//! process is named only when it holds the very socket of that port, alone, and was there when the address was removed.
//! Reads /proc, so it belongs to the world outside the engine; the address thread tells the port alone. Whose descriptors
//! may not be looked at by the daemon's user, the runner looks at.

use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vrrp_proto::time::Instant;

use crate::core::Remover;
use crate::process::{NAME, named, since_boot, start};

/// Ports up to here may be process ids (`PID_MAX_LIMIT`); the kernel chooses others at random.
const LAST_PID: u32 = 1 << 22;

/// How old a process must be that is named by a port of the kernel's choice: one that was just forked may hold its parent's
/// socket until it executes something else.
const SETTLED: Duration = Duration::from_secs(1);

/// A process that holds a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    pub(crate) name: [u8; NAME],
}

/// Who removed an address at `seen` through `port`. A process that has ended by now, or whose descriptors may not be
/// looked at, stays a port, unless `ask` knows it: it is given the port and the time since boot.
pub(crate) fn identify(
    port: u32,
    seen: Instant,
    ask: impl Fn(u32, Duration) -> Option<Owner>,
) -> Remover {
    let owner = since_boot(seen).and_then(|seen| find(port, seen).or_else(|| ask(port, seen)));
    match owner {
        Some(Owner { pid, name }) => Remover::Process { pid, name },
        None => Remover::Port(port),
    }
}

/// The process that holds `port` and was there at `seen`, which counts from boot.
pub(crate) fn find(port: u32, seen: Duration) -> Option<Owner> {
    let socket = format!("socket:[{}]", inode(port)?);
    // A number that looks like a process id and is held by another process may have been somebody else's before.
    let (pid, age) = if port <= LAST_PID {
        (holds(port, &socket).then_some(port)?, Duration::ZERO)
    } else {
        (only_holder(&socket)?, SETTLED)
    };
    let started = start(pid)?;
    if started.checked_add(age)? > seen {
        return None;
    }
    let name = named(pid, started)?;
    Some(Owner { pid, name })
}

/// The one process that holds a socket; none where several do, as after a fork.
fn only_holder(socket: &str) -> Option<u32> {
    let mut holders = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        holds(pid, socket).then_some(pid)
    });
    let first = holders.next()?;
    holders.next().is_none().then_some(first)
}

fn holds(pid: u32, socket: &str) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
    let mut descriptors = descriptors.into_iter().flatten().flatten();
    descriptors.any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == socket))
}

/// The inode of the routing socket with this port, in the caller's network namespace.
fn inode(port: u32) -> Option<String> {
    let table = fs::read_to_string("/proc/thread-self/net/netlink").ok()?;
    // sk, protocol, port, groups, rmem, wmem, dump, locks, drops, inode
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ours = fields.get(1) == Some(&"0") && fields.get(2)?.parse() == Ok(port);
        ours.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::netlink::{Message, Monitor, Requests};
    use super::super::tests::bench::{in_namespace, ip, until};
    use super::*;
    use crate::engine::clock;

    /// Safety rule 7.
    #[test]
    fn a_process_is_named_while_it_holds_the_socket_and_no_longer() {
        in_namespace(|| {
            let first = Requests::open().unwrap();
            // The kernel gives a process its own number as port for the first socket in a namespace.
            assert_eq!(first.port(), std::process::id());
            let who = |port| identify(port, clock::now(), |_, _| None);
            let named = who(first.port());
            let Remover::Process { pid, name } = named else {
                panic!("not sure of itself: {named:?}")
            };
            assert_eq!(pid, std::process::id());
            assert_ne!(name[0], 0);
            let second = Requests::open().unwrap();
            // Its second port is a number of the kernel's choice, and its own all the same.
            assert!(second.port() > LAST_PID);
            // As soon as this process is old enough, and while no other test forks.
            until("the owner of the second port", || {
                who(second.port()) == named
            });
            drop(first);
            assert_eq!(who(pid), Remover::Port(pid));
            let gone = second.port();
            drop(second);
            assert_eq!(who(gone), Remover::Port(gone));
        });
    }

    /// A number that was given to another process after the removal.
    #[test]
    fn a_process_that_started_after_the_removal_is_not_named() {
        in_namespace(|| {
            let socket = Requests::open().unwrap();
            let before_it_started = Instant::ZERO;
            let port = socket.port();
            let who = identify(port, before_it_started, |_, _| None);
            assert_eq!(who, Remover::Port(port));
        });
    }

    #[test]
    fn a_socket_that_two_processes_hold_names_neither() {
        in_namespace(|| {
            let _first = Requests::open().unwrap();
            let second = Requests::open().unwrap();
            let fd = second.descriptor();
            let inherited = Command::new("sleep").arg("20").stdin(fd).spawn();
            let mut child = inherited.unwrap();
            let port = second.port();
            assert_eq!(
                identify(port, clock::now(), |_, _| None),
                Remover::Port(port)
            );
            child.kill().unwrap();
            child.wait().unwrap();
        });
    }

    #[test]
    fn whoever_may_look_is_asked_where_we_may_not() {
        let owner = Owner {
            pid: 812,
            name: *b"systemd-network\0",
        };
        let who = identify(u32::MAX - 7, clock::now(), |_, _| Some(owner));
        let Owner { pid, name } = owner;
        assert_eq!(who, Remover::Process { pid, name });
    }

    /// The whole way: the kernel's news, the port, the program that has ended.
    #[test]
    fn a_program_that_removed_an_address_and_ended_is_named_by_process_events_or_not_at_all() {
        // They come in the initial namespace only.
        let processes = crate::host::Processes::start().ok();
        in_namespace(move || {
            ip("addr add 10.0.0.9/24 dev eth0");
            let mut monitor = Monitor::open().unwrap();
            let program = Command::new("ip")
                .args(["addr", "del", "10.0.0.9/24", "dev", "eth0"])
                .spawn();
            let mut program = program.unwrap();
            let (mut removal, mut read) = (None, 0);
            until("the removal", || {
                let seen = clock::now();
                monitor.read(&mut |from, message| {
                    read += 1;
                    if matches!(message, Message::AddressGone(_)) {
                        removal = Some((from.port, seen));
                    }
                });
                removal.is_some()
            });
            program.wait().unwrap();
            let (port, seen) = removal.unwrap();
            assert_eq!(port, program.id());
            let who = identify(port, seen, |port, _| processes.as_ref()?.find(port, seen));
            if let Remover::Process { pid, name } = who {
                assert_eq!(
                    (pid, crate::process::text(&name).as_str()),
                    (program.id(), "ip")
                );
            } else {
                assert_eq!(who, Remover::Port(port));
            }
            eprintln!("who: {who:?}, after {read} messages");
        });
    }
}
