//! What processes and the machine have used: CPU time to the nanosecond, memory, and the noise beside a measurement.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;

/// CPU time of all threads of these processes, as the scheduler counts it.
pub(super) fn cpu(family: &[Pid]) -> Duration {
    family
        .iter()
        .flat_map(|pid| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten();
            tasks.filter_map(Result::ok)
        })
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_ascii_whitespace().next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

/// Proportional share of memory of these processes, in megabytes (10^6 bytes).
#[expect(clippy::cast_precision_loss, reason = "kilobytes of one machine")]
pub(super) fn memory(family: &[Pid]) -> f64 {
    let kilobytes: u64 = family
        .iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok())
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum();
    (kilobytes * 1024) as f64 / 1e6
}

/// The thread of a process that has this name; the process itself where none has.
pub(super) fn thread(pid: Pid, name: &str) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let mut named = tasks.filter_map(Result::ok).filter(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    });
    named
        .next()
        .and_then(|task| task.file_name().to_str()?.parse().ok())
        .map_or(pid, Pid::from_raw)
}

/// System calls of one thread during `time`, by name, counted by strace; none where it cannot be had.
pub(super) fn system_calls(thread: Pid, time: Duration) -> Option<Vec<(String, u64)>> {
    let tracer = Command::new("strace")
        .args(["-c", "-q", "-U", "calls,name", "-o", "/dev/stdout", "-p"])
        .arg(thread.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    std::thread::sleep(time);
    let pid = Pid::from_raw(i32::try_from(tracer.id()).ok()?);
    let _ = kill(pid, Signal::SIGINT);
    let output = tracer.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let calls = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), calls))
    });
    let counted: Vec<(String, u64)> = lines.filter(|(name, _)| name != "total").collect();
    (!counted.is_empty()).then_some(counted)
}

/// The machine beside a measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Runnable and waiting tasks, mean of the last minute, before and after.
    pub load: (f64, f64),
    /// Time that the hypervisor took from all CPUs together, in percent.
    pub steal_percent: f64,
    /// The largest lateness that a bare FIFO thread per CPU saw in any 50 ms, in milliseconds; only where a canary ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_ms: Option<f64>,
}

/// The beginning of a [`Machine`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    load: f64,
    all: u64,
    steal: u64,
}

impl Before {
    pub(super) fn now() -> Self {
        let (all, steal) = jiffies().unwrap_or_default();
        Self {
            load: load().unwrap_or_default(),
            all,
            steal,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks of one bench")]
    pub(super) fn since(self, canary: Option<Duration>) -> Machine {
        let now = Self::now();
        let all = now.all.saturating_sub(self.all).max(1);
        Machine {
            load: (self.load, now.load),
            steal_percent: now.steal.saturating_sub(self.steal) as f64 * 100.0 / all as f64,
            canary_ms: canary.map(|late| late.as_secs_f64() * 1e3),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Beside it: load average {:.1} before and {:.1} after, steal {:.1} %",
            self.load.0, self.load.1, self.steal_percent
        )?;
        if let Some(canary) = self.canary_ms {
            write!(f, ", canary at most {canary:.2} ms late")?;
        }
        write!(f, ".")
    }
}

fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Time of all CPUs, and that which was stolen, in ticks.
fn jiffies() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let values: Vec<u64> = text
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    // The last two are parts of the first two.
    Some((values.iter().take(8).sum(), *values.get(7)?))
}
