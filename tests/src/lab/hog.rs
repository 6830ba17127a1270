//! Something that takes a CPU away: a program that computes on one CPU until its time is over.
//!
//! It ends itself by the clock, because whatever would end it from outside may never get a CPU.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The word on the command line.
pub(crate) const ARGUMENT: &str = "lab-hog";
/// Nothing in the lab needs a CPU for longer.
const LONGEST: Duration = Duration::from_secs(30);

/// A running hog.
#[derive(Debug)]
pub struct Hog(Child);

impl Hog {
    /// Begins to compute on `cpu` for `time`, with a real-time priority: ordinary programs, however nice, hardly delay one
    /// that sleeps most of the time.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(xtask: &Path, cpu: usize, time: Duration, priority: u8) -> std::io::Result<Self> {
        let mut command = Command::new("chrt");
        command.args(["-f", &priority.to_string()]);
        command
            .arg(xtask)
            .args([ARGUMENT, &cpu.to_string(), &time.as_millis().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map(Self)
    }

    /// Waits for its end, which its own clock brings.
    pub fn wait(mut self) {
        let _ = self.0.wait();
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The hog itself.
#[must_use]
pub fn hog_main(cpu: &str, millis: &str) -> ExitCode {
    let (Ok(cpu), Ok(millis)) = (cpu.parse::<usize>(), millis.parse::<u64>()) else {
        return ExitCode::from(2);
    };
    let mut only = CpuSet::new();
    if only.set(cpu).is_err() || sched_setaffinity(Pid::from_raw(0), &only).is_err() {
        return ExitCode::FAILURE;
    }
    let end = Instant::now() + Duration::from_millis(millis).min(LONGEST);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    ExitCode::SUCCESS
}
