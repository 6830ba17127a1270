//! The canary: how late this machine wakes even the most urgent thread, so that a timing test counts only what exceeds
//! it.
//!
//! One bare thread per CPU, of the lowest real-time priority where the machine permits it, sleeps to the next tick of
//! an absolute grid and keeps the largest lateness of each 50 ms window. It runs as a process of its own
//! (`xtask lab-canary FILE`) because only a new program can be started with another scheduling class.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
use nix::unistd::Pid;

use super::scratch::Scratch;

/// The word on the command line.
pub(crate) const ARGUMENT: &str = "lab-canary";
const READY: &str = "ready";
const TICK: Duration = Duration::from_millis(1);
const WINDOW: Duration = Duration::from_millis(50);
/// No test and no seed of the drill lasts longer; memory for it is there before the first tick.
const LONGEST: Duration = Duration::from_secs(1_800);

/// A running canary.
#[derive(Debug)]
pub struct Canary {
    child: Child,
    file: PathBuf,
    realtime: bool,
    _scratch: Scratch,
}

/// The largest lateness of each window, by the window's number on the wall clock.
#[derive(Clone, Debug, Default)]
pub struct Lateness {
    windows: BTreeMap<u128, Duration>,
    /// The canary had a real-time class.
    pub realtime: bool,
}

impl Canary {
    /// Starts it, and waits until all of its threads tick.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(xtask: &Path) -> Self {
        let scratch = Scratch::new();
        let file = scratch.path().join("canary");
        let realtime = Command::new("chrt")
            .args(["-f", "1", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let mut command = if realtime {
            let mut command = Command::new("chrt");
            command.args(["-f", "1"]).arg(xtask);
            command
        } else {
            Command::new(xtask)
        };
        let mut child = command
            .arg(ARGUMENT)
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start the canary: {error}"));
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        assert_eq!(line.trim_end(), READY, "the canary does not come up");
        Self {
            child,
            file,
            realtime,
            _scratch: scratch,
        }
    }

    /// Ends it and returns what it saw.
    #[must_use]
    pub fn finish(mut self) -> Lateness {
        self.end();
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mut lateness = Lateness {
            windows: BTreeMap::new(),
            realtime: self.realtime,
        };
        for line in text.lines() {
            let mut words = line.split(' ').map(str::parse::<u64>);
            if let (Some(Ok(window)), Some(Ok(nanos))) = (words.next(), words.next()) {
                let entry = lateness.windows.entry(u128::from(window)).or_default();
                *entry = (*entry).max(Duration::from_nanos(nanos));
            }
        }
        assert!(
            !lateness.windows.is_empty(),
            "the canary has seen nothing at all"
        );
        lateness
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.end();
    }
}

impl Lateness {
    /// The largest lateness in the windows from `from` to `to`, times since 1970.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Duration {
        self.windows
            .range(window(from)..=window(to))
            .map(|(_, lateness)| *lateness)
            .max()
            .unwrap_or_default()
    }
}

fn window(at: Duration) -> u128 {
    at.as_nanos() / WINDOW.as_nanos()
}

/// The canary itself: ticks until its input ends, then writes `WINDOW LATENESS_NS` lines to the file that is its only
/// argument.
#[must_use]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the lab reads it"
)]
pub fn canary_main(file: &Path) -> ExitCode {
    // Without it a page fault would count as lateness; the canary then merely sees more.
    let _ = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE);
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = cpus()
        .into_iter()
        .map(|cpu| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || tick(cpu, &stop))
        })
        .collect();
    println!("{READY}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    stop.store(true, Ordering::Relaxed);
    let mut text = String::new();
    for thread in threads {
        let windows = thread.join().unwrap_or_default();
        for (window, nanos) in windows {
            text.push_str(&format!("{window} {nanos}\n"));
        }
    }
    match std::fs::File::create(file).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

fn cpus() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count())
        .filter(|&cpu| allowed.is_set(cpu) == Ok(true))
        .collect()
}

fn tick(cpu: usize, stop: &AtomicBool) -> Vec<(u128, u128)> {
    let mut only = CpuSet::new();
    let _ = only.set(cpu);
    let _ = sched_setaffinity(Pid::from_raw(0), &only);
    let mut windows = Vec::with_capacity(
        (LONGEST.as_nanos() / WINDOW.as_nanos())
            .try_into()
            .unwrap_or(0),
    );
    let (mut current, mut worst) = (0, 0);
    let mut due = now(ClockId::CLOCK_MONOTONIC) + TICK;
    while !stop.load(Ordering::Relaxed) && windows.len() < windows.capacity() {
        let _ = clock_nanosleep(
            ClockId::CLOCK_MONOTONIC,
            ClockNanosleepFlags::TIMER_ABSTIME,
            &TimeSpec::from(due),
        );
        let woke = now(ClockId::CLOCK_MONOTONIC);
        let late = woke.saturating_sub(due).as_nanos();
        let here = window(now(ClockId::CLOCK_REALTIME));
        if here != current {
            windows.push((current, worst));
            // A window that was slept through is as late as the tick that ended it.
            (current, worst) = (here, 0);
        }
        worst = worst.max(late);
        due += TICK;
        if due < woke {
            due = woke + TICK;
        }
    }
    windows.push((current, worst));
    windows
}

fn now(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}
