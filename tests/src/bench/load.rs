//! What else the machine has to do meanwhile. Each load is a session of its own, as a batch job is, and ends by its own clock.

use std::time::Duration;

use crate::lab::{Host, Process};

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Nothing,
    /// Twice as many computing processes as there are CPUs.
    Cpu,
    /// Two writers that wait for the disk after each megabyte.
    Disk,
    /// Shells that start programs as fast as they can.
    Fork,
}

impl Load {
    pub(super) const ALL: [Self; 4] = [Self::Nothing, Self::Cpu, Self::Disk, Self::Fork];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no load",
            Self::Cpu => "cpu",
            Self::Disk => "disk",
            Self::Fork => "fork",
        }
    }

    /// The shell's words for one process of it, which `$end` (seconds since 1970) ends.
    const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Cpu => {
                "n=0; while :; do n=$((n+1)); [ $((n % 100000)) -eq 0 ] && [ $(date +%s) -ge $end ] && exit; done"
            }
            Self::Disk => {
                "while [ $(date +%s) -lt $end ]; do dd if=/dev/zero of=$file bs=1M count=64 oflag=dsync status=none; done"
            }
            Self::Fork => {
                "while [ $(date +%s) -lt $end ]; do for n in 1 2 3 4 5 6 7 8; do /bin/true & done; wait; done"
            }
        }
    }

    const fn processes(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Cpu | Self::Fork => 4,
            Self::Disk => 2,
        }
    }
}

/// A running load; dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    processes: Vec<Process>,
    files: Vec<std::path::PathBuf>,
}

impl Running {
    pub(super) fn start(host: &Host, load: Load, time: Duration) -> Self {
        // On the machine's own disk: a lab host's /tmp is memory.
        let directory = std::env::current_exe()
            .ok()
            .and_then(|own| Some(own.parent()?.to_owned()))
            .unwrap_or_default();
        let (mut processes, mut files) = (Vec::new(), Vec::new());
        for number in 0..load.processes() {
            let file = directory.join(format!("bench-load-{}-{number}", std::process::id()));
            let script = format!(
                "end=$(($(date +%s) + {})); file={}; {}",
                time.as_secs().max(1),
                file.display(),
                load.words()
            );
            processes.push(host.spawn(&["setsid", "sh", "-c", &script]));
            files.push(file);
        }
        Self { processes, files }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for process in &self.processes {
            process.kill_family();
        }
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}
