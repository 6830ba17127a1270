//! The sources of this machine: opened once at start, and what it cannot give, with what would help.

use std::fs;
use std::io;

use vrrp_record::quantity::Errno;
use vrrp_record::status::Unavailable;

use super::kept::Kept;
use super::text;

/// A source, or why there is none.
#[derive(Debug)]
pub(super) struct Source {
    kept: io::Result<Kept>,
}

impl Source {
    fn open(path: &str, buffer: &mut Vec<u8>) -> Self {
        // Some files can be opened and not be read: pressure files of a kernel with PSI switched off.
        let kept = Kept::open(path).and_then(|kept| kept.read(buffer).map(|_| ()).map(|()| kept));
        Self { kept }
    }

    fn missing() -> Self {
        Self {
            kept: Err(io::Error::from_raw_os_error(nix::libc::ENOENT)),
        }
    }

    const fn is_there(&self) -> bool {
        self.kept.is_ok()
    }

    /// Its content now.
    pub(super) fn read<'a>(&self, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
        self.kept.as_ref().ok()?.read(buffer).ok()
    }
}

/// Pressure of the machine or of the own control group.
#[derive(Debug)]
pub(super) struct Pressure {
    pub(super) cpu: Source,
    pub(super) io: Source,
    pub(super) memory: Source,
}

/// Every file that is read again and again.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) interfaces: Source,
    pub(super) engine: Source,
    pub(super) stat: Source,
    /// The machine's, and the own group's.
    pub(super) pressure: [Pressure; 2],
    pub(super) disks: Source,
    pub(super) softirq: Source,
    pub(super) raw: [Source; 2],
    pub(super) groups: [Source; 2],
    pub(super) memory: Source,
    group: text::Group,
}

impl Sources {
    /// Opens everything. Files of /proc/net belong to the network namespace of the calling thread.
    pub(super) fn open() -> Self {
        let mut buffer = Vec::new();
        let mut open = |path: &str| Source::open(path, &mut buffer);
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let group = text::group(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
        let mut pressure = |directory: Option<&str>, suffix: &str| {
            let mut open = |name: &str| {
                directory.map_or_else(Source::missing, |directory| {
                    open(&format!("{directory}/{name}{suffix}"))
                })
            };
            Pressure {
                cpu: open("cpu"),
                io: open("io"),
                memory: open("memory"),
            }
        };
        let pressure = [
            pressure(Some("/proc/pressure"), ""),
            pressure(group.unified.as_deref(), ".pressure"),
        ];
        let memory = match (&group.unified, &group.memory) {
            (_, Some(v1)) => open(&format!("{v1}/memory.oom_control")),
            (Some(v2), None) => open(&format!("{v2}/memory.events")),
            (None, None) => Source::missing(),
        };
        Self {
            interfaces: open("/proc/thread-self/net/dev"),
            engine: engine_thread().map_or_else(Source::missing, |thread| {
                open(&format!("/proc/self/task/{thread}/schedstat"))
            }),
            stat: open("/proc/stat"),
            pressure,
            disks: open("/proc/diskstats"),
            softirq: open("/proc/thread-self/net/softnet_stat"),
            raw: [
                open("/proc/thread-self/net/raw"),
                open("/proc/thread-self/net/raw6"),
            ],
            groups: [
                open("/proc/thread-self/net/igmp"),
                open("/proc/thread-self/net/igmp6"),
            ],
            memory,
            group,
        }
    }

    /// Stalls of all transmit queues of an interface since they are counted; none where nobody counts.
    pub(super) fn queue_stalls(&self, interface: &str, buffer: &mut Vec<u8>) -> Option<u64> {
        let mut sum = None;
        for queue in queues(interface) {
            let number = |name: &str, buffer: &mut Vec<u8>| {
                let kept = Kept::open(&format!("{queue}/{name}")).ok()?;
                kept.read(buffer).ok()?.trim().parse::<u64>().ok()
            };
            // Without a threshold nothing is counted.
            if number("stall_thrs", buffer).is_some_and(|threshold| threshold > 0) {
                sum = Some(sum.unwrap_or(0) + number("stall_cnt", buffer)?);
            }
        }
        sum
    }

    /// What this machine cannot give, with what would help.
    pub(super) fn unavailable(&self, interfaces: &[String]) -> Vec<Unavailable> {
        let mut list = Vec::new();
        let mut missing = |what: &str, why: &str, remedy: Option<&str>| {
            list.push(Unavailable {
                what: what.to_owned(),
                why: why.to_owned(),
                remedy: remedy.map(str::to_owned),
            });
        };
        if !self.pressure[0].cpu.is_there() {
            let why = "this kernel does not measure it";
            missing("pressure (PSI)", why, Some("boot with psi=1"));
        } else if !self.pressure[1].io.is_there() {
            missing(
                "pressure of the own control group",
                "vrrpd runs in the root group, or control groups version 2 are not mounted",
                Some("start it as a service of systemd"),
            );
        }
        if !self.engine.is_there() {
            let why = "there is no schedstat";
            missing(
                "run-queue wait",
                why,
                Some("a kernel with CONFIG_SCHED_INFO"),
            );
        }
        let mut buffer = Vec::new();
        if self.stat.read(&mut buffer).and_then(text::steal).is_none() {
            missing("steal", "/proc/stat has no such column", None);
        }
        let delays = fs::read_to_string("/proc/sys/kernel/task_delayacct");
        if delays.is_ok_and(|value| value.trim() == "0") {
            missing(
                "block I/O delay of threads",
                "delay accounting is off",
                Some("sysctl kernel.task_delayacct=1 before vrrpd starts"),
            );
        }
        if !self.disks.is_there() {
            missing("block devices", "there is no /proc/diskstats", None);
        }
        let frozen = self
            .group
            .unified
            .as_ref()
            .map(|group| format!("{group}/cgroup.stat.local"));
        if !frozen.is_some_and(|path| {
            fs::read_to_string(path).is_ok_and(|text| text.contains("frozen_usec"))
        }) {
            missing(
                "frozen time",
                "the own control group does not count it",
                Some("Linux 6.18 or later, and a service of systemd"),
            );
        }
        if !self.memory.is_there() {
            missing(
                "kills for lack of memory",
                "the own control group does not count them",
                None,
            );
        }
        for interface in interfaces {
            if let Some((why, remedy)) = why_no_stalls(interface) {
                missing(
                    &format!("queue stalls on {interface}"),
                    why,
                    remedy.as_deref(),
                );
            }
        }
        list
    }
}

/// A packet socket that was refused.
pub(super) fn refused(what: &str, errno: i32) -> Unavailable {
    Unavailable {
        what: what.to_owned(),
        why: format!("the kernel refuses a packet socket: {}", Errno(errno)),
        remedy: Some("CAP_NET_RAW".to_owned()),
    }
}

/// Why an interface does not count stalls, and what would help; none where it does.
fn why_no_stalls(interface: &str) -> Option<(&'static str, Option<String>)> {
    let mut queues = queues(interface).peekable();
    if queues.peek().is_none() {
        return Some(("its queues have no limits to watch", None));
    }
    let thresholds: Vec<Option<u64>> = queues
        .map(|queue| {
            let text = fs::read_to_string(format!("{queue}/stall_thrs")).ok()?;
            text.trim().parse().ok()
        })
        .collect();
    if thresholds.contains(&None) {
        return Some((
            "this kernel does not count them",
            Some("Linux 6.9 or later".to_owned()),
        ));
    }
    thresholds.contains(&Some(0)).then(|| {
        let file = format!("/sys/class/net/{interface}/queues/tx-*/byte_queue_limits/stall_thrs");
        (
            "counting is off",
            Some(format!("as root, write 1000 (milliseconds) to {file}")),
        )
    })
}

/// Directories with the limits of an interface's transmit queues.
fn queues(interface: &str) -> impl Iterator<Item = String> {
    let directory = format!("/sys/class/net/{interface}/queues");
    let entries = fs::read_dir(directory);
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("tx-"))
        .map(|entry| format!("{}/byte_queue_limits", entry.path().display()))
        .filter(|path| fs::metadata(path).is_ok())
}

/// The number of this process's engine thread.
fn engine_thread() -> Option<String> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    threads.flatten().find_map(|thread| {
        let comm = fs::read_to_string(thread.path().join("comm")).ok()?;
        (comm.trim_end() == "engine").then(|| thread.file_name().to_string_lossy().into_owned())
    })
}
