//! What the texts of /proc and /sys say. Pure; a line that does not have the expected form gives nothing, never a wrong
//! number.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Packet counters of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) received: u64,
    pub(super) received_dropped: u64,
    pub(super) sent: u64,
    pub(super) sent_dropped: u64,
}

/// `/proc/net/dev`.
pub(super) fn interfaces(text: &str, found: &mut dyn FnMut(&str, Interface)) {
    for line in text.lines().skip(2) {
        let Some((name, numbers)) = line.split_once(':') else {
            continue;
        };
        // Bytes, packets, errors, drops, fifo, frame, compressed, multicast; the same for sending.
        let mut columns = [0; 12];
        if fill(numbers, &mut columns) {
            let counters = Interface {
                received: columns[1],
                received_dropped: columns[3],
                sent: columns[9],
                sent_dropped: columns[11],
            };
            found(name.trim_start(), counters);
        }
    }
}

/// Steal of all CPUs in `/proc/stat`, in ticks; none before Linux 2.6.11, which did not count it.
pub(super) fn steal(text: &str) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    line.split_ascii_whitespace().nth(7)?.parse().ok()
}

/// Total of a line of a pressure file, in nanoseconds. `kind` is `some` or `full`.
pub(super) fn pressure(text: &str, kind: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(kind))?;
    let total = line
        .split_ascii_whitespace()
        .find_map(|word| word.strip_prefix("total="))?;
    total.parse::<u64>().ok()?.checked_mul(1_000)
}

/// A block device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) requests: u64,
    pub(super) wait_ms: u64,
    pub(super) busy_ms: u64,
}

/// `/proc/diskstats`: whole devices that were ever used, without their partitions.
pub(super) fn disks(text: &str, found: &mut dyn FnMut(Disk)) {
    let mut whole = "";
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(major), Some(minor), Some(name)) = (
            words.next().and_then(|word| word.parse().ok()),
            words.next().and_then(|word| word.parse().ok()),
            words.next(),
        ) else {
            continue;
        };
        if is_partition(name, whole) {
            continue;
        }
        whole = name;
        // Reads, merged, sectors, ms; the same of writes; in flight, busy ms, weighted ms; since 4.18 the first four of
        // discards, since 5.5 flushes and their ms.
        let mut columns = [0; 17];
        let mut count = 0;
        for (column, word) in columns.iter_mut().zip(words) {
            let Ok(number) = word.parse() else { break };
            *column = number;
            count += 1;
        }
        let requests = [0, 4, 11, 15].map(|at| columns[at]);
        let waits = [3, 7, 14, 16].map(|at| columns[at]);
        let disk = Disk {
            major,
            minor,
            requests: requests.iter().sum(),
            wait_ms: waits.iter().sum(),
            busy_ms: columns[9],
        };
        if count >= 11 && disk.requests > 0 {
            found(disk);
        }
    }
}

/// Whether `name` is a partition of `whole`: sda1 of sda, nvme0n1p1 of nvme0n1.
fn is_partition(name: &str, whole: &str) -> bool {
    if whole.is_empty() {
        return false;
    }
    let Some(rest) = name.strip_prefix(whole) else {
        return false;
    };
    let number = if whole.ends_with(|last: char| last.is_ascii_digit()) {
        rest.strip_prefix('p')
    } else {
        Some(rest)
    };
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Packets dropped and budgets used up in the receive softirq, all CPUs: `/proc/net/softnet_stat`.
pub(super) fn softirq(text: &str) -> Option<(u64, u64)> {
    let mut sum = None;
    for line in text.lines() {
        let mut columns = line
            .split_ascii_whitespace()
            .map(|word| u64::from_str_radix(word, 16));
        let (Some(Ok(_)), Some(Ok(dropped)), Some(Ok(squeezed))) =
            (columns.next(), columns.next(), columns.next())
        else {
            return None;
        };
        let (all_dropped, all_squeezed) = sum.unwrap_or((0, 0));
        sum = Some((all_dropped + dropped, all_squeezed + squeezed));
    }
    sum
}

/// A raw socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawSocket {
    pub(super) protocol: u32,
    pub(super) inode: u64,
    pub(super) drops: u64,
}

/// `/proc/net/raw` and `/proc/net/raw6`.
pub(super) fn raw_sockets(text: &str, found: &mut dyn FnMut(RawSocket)) {
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let protocol = words
            .get(1)
            .and_then(|local| local.rsplit_once(':'))
            .and_then(|(_, protocol)| u32::from_str_radix(protocol, 16).ok());
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        if let (Some(protocol), Some(inode), Some(drops)) = (protocol, number(9), number(12)) {
            found(RawSocket {
                protocol,
                inode,
                drops,
            });
        }
    }
}

/// Memberships of `/proc/net/igmp`: interface and group.
pub(super) fn groups_v4(text: &str, found: &mut dyn FnMut(u32, Ipv4Addr)) {
    let mut index = None;
    for line in text.lines().skip(1) {
        let Some(first) = line.split_ascii_whitespace().next() else {
            continue;
        };
        if !line.starts_with('\t') {
            index = first.parse().ok();
        } else if let (Some(index), Ok(group)) = (index, u32::from_str_radix(first, 16)) {
            // Printed as a number of this machine, kept in the network's order.
            found(index, Ipv4Addr::from(group.to_ne_bytes()));
        }
    }
}

/// Memberships of `/proc/net/igmp6`.
pub(super) fn groups_v6(text: &str, found: &mut dyn FnMut(u32, Ipv6Addr)) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (index, group) = (words.next(), words.nth(1));
        if let (Some(Ok(index)), Some(Ok(group))) = (
            index.map(str::parse),
            group
                .filter(|text| text.len() == 32)
                .map(|text| u128::from_str_radix(text, 16)),
        ) {
            found(index, Ipv6Addr::from(group));
        }
    }
}

/// Run-queue wait in a `schedstat`, in nanoseconds.
pub(super) fn run_delay(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Processes killed for lack of memory, in `memory.events` (v2) or `memory.oom_control` (v1).
pub(super) fn oom_kills(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?
        .trim()
        .parse()
        .ok()
}

/// Directories of the own control group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// In the hierarchy of version 2, unless it is the root, which has no counters of its own.
    pub(super) unified: Option<String>,
    /// In the memory hierarchy of version 1.
    pub(super) memory: Option<String>,
}

/// From `/proc/self/cgroup` and `/proc/self/mountinfo`.
pub(super) fn group(memberships: &str, mounts: &str) -> Group {
    let path = |controller: &str| {
        memberships.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let controllers = parts.next()?;
            let matches = if controller.is_empty() {
                controllers.is_empty()
            } else {
                controllers.split(',').any(|one| one == controller)
            };
            matches.then(|| parts.next())?
        })
    };
    let directory = |kind: &str, option: Option<&str>, path: &str| {
        mounts.lines().find_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let mut words = file_system.split(' ');
            let options = words.nth(2).filter(|_| file_system.starts_with(kind))?;
            let named = option.is_none_or(|name| options.split(',').any(|one| one == name));
            let mut words = mount.split(' ').skip(3);
            let (root, point) = (words.next()?, words.next()?);
            // A container sees a part of the hierarchy only.
            let below = path.strip_prefix(root.trim_end_matches('/'))?;
            (named && file_system.split(' ').next() == Some(kind))
                .then(|| format!("{}{}", point, below.trim_end_matches('/')))
        })
    };
    Group {
        unified: path("")
            .filter(|path| *path != "/")
            .and_then(|path| directory("cgroup2", None, path)),
        memory: path("memory").and_then(|path| directory("cgroup", Some("memory"), path)),
    }
}

/// Puts as many leading numbers as there is room for; whether all were there.
fn fill(text: &str, columns: &mut [u64]) -> bool {
    let mut words = text.split_ascii_whitespace();
    columns.iter_mut().all(|column| {
        words
            .next()
            .and_then(|word| word.parse().ok())
            .is_some_and(|number| {
                *column = number;
                true
            })
    })
}

#[cfg(test)]
mod tests;
