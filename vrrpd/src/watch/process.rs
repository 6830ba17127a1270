//! The process that is watched: which one speaks VRRP in this network namespace, and how the kernel schedules it. Reads
//! /proc and cgroup files only; needs no right over the process.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use vrrp_proto::time::Instant;
use vrrp_record::history::Stall;

use crate::core;
use crate::journal::Axis;

/// Samples that are kept: as many as a minute has at ten a second.
const KEPT: usize = 600;
/// `step` of a stall that no engine of ours had.
const NO_STEP: u8 = u8::MAX;

/// What the kernel counts of the process until one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at: Instant,
    cpu: u64,
    run_delay: u64,
    minor_faults: u64,
    major_faults: u64,
    stopped: bool,
    processor: u16,
    fifo: u8,
    throttled: Option<(u64, u64)>,
    frozen: Option<u64>,
    io_pressure: Option<u64>,
    steal: Option<u64>,
}

/// The watched process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    groups: Vec<PathBuf>,
    samples: VecDeque<Sample>,
}

impl Process {
    /// The process that speaks for keepalived here, if there is one: the child of a keepalived, or one without a child.
    pub(super) fn find() -> Option<Self> {
        let here = namespace(Path::new("/proc/self"))?;
        let mut found: Vec<(u32, u32)> = Vec::new();
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let path = entry.path();
            let comm = fs::read_to_string(path.join("comm")).unwrap_or_default();
            if !comm.to_ascii_lowercase().starts_with("keepalived")
                || namespace(&path) != Some(here)
            {
                continue;
            }
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let fields = fields(&stat);
            // Field 4 is the parent; one that waits to be collected speaks no more.
            if fields.first() != Some(&"Z")
                && let Some(parent) = fields.get(1).and_then(|field| field.parse().ok())
            {
                found.push((pid, parent));
            }
        }
        let is_parent = |pid: u32| found.iter().any(|(_, parent)| *parent == pid);
        let told = ["/run/vrrp.pid", "/run/keepalived/vrrp.pid"]
            .iter()
            .find_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u32>().ok());
        let children: Vec<u32> = found
            .iter()
            .map(|(pid, _)| *pid)
            .filter(|pid| !is_parent(*pid))
            .collect();
        // Its checkers start before it.
        let pid = told
            .filter(|pid| children.contains(pid))
            .or_else(|| children.iter().copied().max())?;
        Some(Self {
            pid,
            groups: groups(pid),
            samples: VecDeque::with_capacity(KEPT),
        })
    }

    /// Takes a sample. False where the process is no more.
    pub(super) fn sample(&mut self) -> bool {
        let path = PathBuf::from(format!("/proc/{}", self.pid));
        let Ok(stat) = fs::read_to_string(path.join("stat")) else {
            return false;
        };
        let fields = fields(&stat);
        let number = |place: usize| -> u64 {
            fields
                .get(place)
                .and_then(|field| field.parse().ok())
                .unwrap_or_default()
        };
        let state = fields.first().copied().unwrap_or_default();
        if matches!(state, "Z" | "X") {
            return false;
        }
        let schedule = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let mut schedule = schedule.split_ascii_whitespace().map(str::parse::<u64>);
        let mut next = || schedule.next().and_then(Result::ok).unwrap_or_default();
        let (cpu, run_delay) = (next(), next());
        let real_time = number(38) == 1 || number(38) == 2;
        let sample = Sample {
            at: core::now(),
            cpu,
            run_delay,
            minor_faults: number(7),
            major_faults: number(9),
            stopped: matches!(state, "T" | "t"),
            processor: u16::try_from(number(36)).unwrap_or_default(),
            fifo: u8::try_from(number(37)).unwrap_or_default() * u8::from(real_time),
            throttled: self.throttled(),
            frozen: self
                .first_counter("cgroup.stat.local", "frozen_usec")
                .map(micros),
            io_pressure: self.pressure(),
            steal: steal(),
        };
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        true
    }

    /// When the last sample was taken.
    pub(super) fn sampled(&self) -> Option<Instant> {
        self.samples.back().map(|sample| sample.at)
    }

    /// What moved around an advert that was due then and left then, by the samples around; none where there are none yet.
    pub(super) fn stall(&self, due: Instant, left: Instant, axis: Axis) -> Option<Stall> {
        let from = self.samples.iter().rev().find(|sample| sample.at <= due)?;
        let until = self.samples.iter().find(|sample| sample.at >= left)?;
        let between = |sample: &&Sample| sample.at >= from.at && sample.at <= until.at;
        let stopped = self.samples.iter().filter(between).any(|one| one.stopped);
        let delta = |after: Option<u64>, before: Option<u64>| {
            after
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before))
        };
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let throttled = |sample: &Sample| sample.throttled.map(|(time, _)| time);
        let times = |sample: &Sample| sample.throttled.map(|(_, times)| times);
        Some(Stall {
            due: axis.time(due),
            at: axis.time(left),
            from: axis.time(from.at),
            run_delay: Some(until.run_delay.saturating_sub(from.run_delay)),
            cpu: Some(until.cpu.saturating_sub(from.cpu)),
            throttled: delta(throttled(until), throttled(from)),
            throttled_times: delta(times(until), times(from)).map(small),
            frozen: delta(until.frozen, from.frozen),
            // Who was seen stopped and runs was told to go on.
            sigcont: (stopped && !until.stopped).then_some(0),
            major_faults: Some(small(until.major_faults.saturating_sub(from.major_faults))),
            minor_faults: Some(small(until.minor_faults.saturating_sub(from.minor_faults))),
            voluntary: None,
            involuntary: None,
            io_pressure: delta(until.io_pressure, from.io_pressure),
            steal: delta(until.steal, from.steal),
            suspended: None,
            timer_slack: None,
            locked: false,
            fifo: until.fifo,
            cpu_number: until.processor,
            step: NO_STEP,
            step_time: 0,
        })
    }

    /// Time and times of throttling, of the ancestor with most.
    fn throttled(&self) -> Option<(u64, u64)> {
        self.groups
            .iter()
            .filter_map(|group| {
                let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
                let counter = |name| counter(&text, name);
                let time = counter("throttled_usec")
                    .map(micros)
                    .or_else(|| counter("throttled_time"))?;
                Some((time, counter("nr_throttled")?))
            })
            .max()
    }

    fn first_counter(&self, file: &str, name: &str) -> Option<u64> {
        self.groups.iter().find_map(|group| {
            let text = fs::read_to_string(group.join(file)).ok()?;
            counter(&text, name)
        })
    }

    fn pressure(&self) -> Option<u64> {
        let group = self
            .groups
            .iter()
            .find(|group| group.join("io.pressure").exists())?;
        let text = fs::read_to_string(group.join("io.pressure")).ok()?;
        let full = text.lines().find(|line| line.starts_with("full"))?;
        full.rsplit_once("total=")?
            .1
            .trim()
            .parse()
            .ok()
            .map(micros)
    }
}

/// What tells network namespaces apart: each has its own files under /proc/PID/net. Unlike the namespace's link, that may be
/// looked at without rights over the process.
fn namespace(process: &Path) -> Option<u64> {
    fs::metadata(process.join("net/dev"))
        .ok()
        .map(|file| file.ino())
}

/// Fields of a stat file behind the name, which may hold anything: the state is the first.
fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(')')
        .map(|(_, rest)| rest.split_ascii_whitespace().collect())
        .unwrap_or_default()
}

/// Directories of the process's cgroups and all their ancestors.
fn groups(pid: u32) -> Vec<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let root = match controllers {
            "" => ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
                .map(PathBuf::from)
                .into_iter()
                .find(|root| root.join("cgroup.controllers").exists()),
            _ if controllers.split(',').any(|one| one == "cpu") => {
                Some(Path::new("/sys/fs/cgroup").join(controllers)).filter(|root| root.exists())
            }
            _ => None,
        };
        let Some(root) = root else {
            continue;
        };
        let path = path.trim_start_matches('/').to_owned();
        let own = root.join(path);
        found.extend(
            own.ancestors()
                .take_while(|group| group.starts_with(&root))
                .map(Path::to_owned),
        );
    }
    found
}

fn counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| value.trim().parse().ok()).flatten()
    })
}

const fn micros(value: u64) -> u64 {
    value.saturating_mul(1_000)
}

/// Steal of all CPUs, which the kernel counts in hundredths of a second.
fn steal() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks: u64 = text
        .lines()
        .next()?
        .split_ascii_whitespace()
        .nth(8)?
        .parse()
        .ok()?;
    Some(ticks.saturating_mul(10_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_stat_file_may_hold_anything() {
        let stat = "12 (a) b) S 7 1 1 0 -1 4194560 234 0 3 0 0 0";
        assert_eq!(fields(stat)[..2], ["S", "7"]);
        assert_eq!(fields(stat)[9], "3");
    }

    #[test]
    fn the_own_process_is_sampled_and_a_gone_one_is_not() {
        let mut own = Process {
            pid: std::process::id(),
            groups: groups(std::process::id()),
            samples: VecDeque::new(),
        };
        let before = core::now();
        assert!(own.sample() && own.sample());
        let axis = Axis::new(before, 0);
        assert!(
            own.stall(before, core::now(), axis).is_none(),
            "no sample before it was due"
        );
        let due = own.samples[0].at;
        let stall = own.stall(due, own.samples[1].at, axis).unwrap();
        assert!(stall.cpu.is_some() && stall.run_delay.is_some());
        assert_eq!(stall.sigcont, None);
        own.pid = u32::MAX;
        assert!(!own.sample());
    }
}
