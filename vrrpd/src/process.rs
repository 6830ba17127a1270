//! Facts of other processes in /proc: name, start. A name is told only if it is sure to belong to the process meant
//! (safety rule 7): a number can be given to another process after the first one has ended.
//!
//! Reads /proc, so it belongs to the world outside the engine.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use vrrp_proto::time::Instant;

use crate::engine::clock;

/// Bytes of a command name in the kernel, its end included.
pub(crate) const NAME: usize = 16;

/// The name of the process with this number, provided that the one that has it now had it at `seen` as well: it started
/// before, so it is the same.
pub(crate) fn name_since(pid: u32, seen: Instant) -> Option<[u8; NAME]> {
    let started = start(pid)?;
    // Start times are cut to the clock's ticks; a process of the same tick may have come later.
    if started.checked_add(tick())? > since_boot(seen)? {
        return None;
    }
    named(pid, started)
}

/// The name of a process that is known to live: it waits for us at the other end of a connection.
pub(crate) fn name_of_living(pid: u32) -> Option<[u8; NAME]> {
    named(pid, start(pid)?)
}

/// Its name, while it is the process that started then.
pub(crate) fn named(pid: u32, started: Duration) -> Option<[u8; NAME]> {
    if !is_ours() {
        return None;
    }
    let comm = fs::read(format!("/proc/{pid}/comm")).ok()?;
    // The same process at the end as at the beginning.
    if start(pid) != Some(started) {
        return None;
    }
    let mut name = [0; NAME];
    let text = comm.strip_suffix(b"\n").unwrap_or(&comm);
    for (to, from) in name.iter_mut().take(NAME - 1).zip(text) {
        *to = *from;
    }
    Some(name)
}

/// A name as text.
pub(crate) fn text(name: &[u8; NAME]) -> String {
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

/// When a process started, since boot, cut to the clock's ticks.
pub(crate) fn start(pid: u32) -> Option<Duration> {
    start_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn start_in(stat: &str) -> Option<Duration> {
    // The name in parentheses may hold anything; the start time is the 20th field behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: u64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    Some(Duration::from_millis(ticks.saturating_mul(1000) / rate()))
}

/// An instant of the engine's clock, since boot.
pub(crate) fn since_boot(at: Instant) -> Option<Duration> {
    let boot = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
    boot.checked_sub(clock::now().saturating_since(at))
}

/// A time since boot on the engine's clock.
pub(crate) fn on_clock(since_boot: Duration) -> Option<Instant> {
    let boot = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
    let ago = u64::try_from(boot.checked_sub(since_boot)?.as_nanos()).ok()?;
    let nanos = clock::now().as_nanos().checked_sub(ago)?;
    Some(Instant::from_nanos(nanos))
}

/// One tick of the clock in which start times are counted.
fn tick() -> Duration {
    Duration::from_millis(1000 / rate())
}

fn rate() -> u64 {
    let rate = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    rate.and_then(|rate| u64::try_from(rate).ok())
        .filter(|rate| *rate > 0)
        .unwrap_or(100)
}

/// Whether /proc shows the processes by the numbers that we know them by: not where it was mounted for another process
/// namespace.
pub(crate) fn is_ours() -> bool {
    static OURS: OnceLock<bool> = OnceLock::new();
    *OURS.get_or_init(|| {
        fs::read_link("/proc/self")
            .is_ok_and(|pid| pid.as_os_str().to_str() == Some(&std::process::id().to_string()))
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_was_there_before_is_named() {
        let own = std::process::id();
        std::thread::sleep(Duration::from_millis(30));
        let name = name_since(own, clock::now()).unwrap();
        let comm = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(text(&name), comm.trim_end());
        assert_eq!(name_of_living(own), Some(name));
    }

    #[test]
    fn a_process_that_came_later_or_is_gone_is_not_named() {
        let before = clock::now();
        let mut child = Command::new("sleep").arg("10").spawn().unwrap();
        let seen = name_since(child.id(), before);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen, None);
        assert_eq!(name_since(child.id(), clock::now()), None);
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_hide_the_start() {
        let stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1 0";
        let ticks = Duration::from_millis(98_765 * 1000 / rate());
        assert_eq!(start_in(stat), Some(ticks));
        assert_eq!(start_in("4711 (a) S 1"), None);
    }
}
