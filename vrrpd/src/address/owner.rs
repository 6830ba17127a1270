//! Who is behind a netlink port: a process, only if sure (safety rule 7).
//!
//! A port is a number that its owner chose; often it is the owner's process id, and nobody has to keep to that. So a
//! process is named only when it holds the very socket of that port, and held it when the address was removed. Reads
//! /proc, so it belongs to the world outside the engine; the address thread tells the port alone.

use std::fs;

use vrrp_proto::time::Instant;

use crate::core::Remover;
use crate::process::{since_boot, start};

/// Who removed an address at `seen` through `port`. A process that has ended by now, or whose descriptors may not be
/// looked at, stays a port.
pub(crate) fn identify(port: u32, seen: Instant) -> Remover {
    process(port, seen).unwrap_or(Remover::Port(port))
}

fn process(pid: u32, seen: Instant) -> Option<Remover> {
    let socket = format!("socket:[{}]", inode(pid)?);
    let started = start(pid)?;
    if started > since_boot(seen)? {
        return None;
    }
    let holds = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == &*socket));
    if !holds {
        return None;
    }
    let name = crate::process::named(pid, started)?;
    Some(Remover::Process { pid, name })
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
    use super::super::netlink::Requests;
    use super::super::tests::bench::in_namespace;
    use super::*;
    use crate::engine::clock;

    /// Safety rule 7.
    #[test]
    fn a_process_is_named_while_it_holds_the_socket_and_no_longer() {
        in_namespace(|| {
            let first = Requests::open().unwrap();
            // The kernel gives a process its own number as port for the first socket in a namespace.
            assert_eq!(first.port(), std::process::id());
            let named = identify(first.port(), clock::now());
            let Remover::Process { pid, name } = named else {
                panic!("not sure of itself: {named:?}")
            };
            assert_eq!(pid, std::process::id());
            assert_ne!(name[0], 0);
            let second = Requests::open().unwrap();
            assert_eq!(
                identify(second.port(), clock::now()),
                Remover::Port(second.port())
            );
            drop(first);
            assert_eq!(identify(pid, clock::now()), Remover::Port(pid));
        });
    }

    /// A number that was given to another process after the removal.
    #[test]
    fn a_process_that_started_after_the_removal_is_not_named() {
        in_namespace(|| {
            let socket = Requests::open().unwrap();
            let before_it_started = Instant::ZERO;
            let port = socket.port();
            assert_eq!(identify(port, before_it_started), Remover::Port(port));
        });
    }
}
