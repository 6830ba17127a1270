//! A control group for a test: processes or single threads are put in, limited or frozen, and let go when it is dropped.
//!
//! Version 1's hierarchies, and version 2's for freezing where it is mounted. Groups of test processes that were killed
//! are emptied and removed by the next one: their names hold their maker's process id.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::unistd::Pid;

use super::wait::wait_for;

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "vrrpd-lab-";
const BOUND: Duration = Duration::from_secs(2);

static NEXT: AtomicU32 = AtomicU32::new(0);
static LEFT_OVERS: Once = Once::new();

/// A group of one hierarchy.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    parent: PathBuf,
}

impl Cgroup {
    /// Makes a group in a hierarchy: `cpu`, `freezer`, `blkio`, `memory`; `unified` or empty for version 2. None where the
    /// machine does not have it.
    #[must_use]
    pub fn new(hierarchy: &str) -> Option<Self> {
        LEFT_OVERS.call_once(remove_left_overs);
        let parent = Path::new(ROOT).join(hierarchy);
        if !parent.join("cgroup.procs").exists() {
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        Some(Self { path, parent })
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts processes in, with all of their threads.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add(&self, pids: &[Pid]) -> io::Result<()> {
        pids.iter()
            .try_for_each(|pid| self.set("cgroup.procs", &pid.to_string()))
    }

    /// Puts one thread in.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add_thread(&self, thread: Pid) -> io::Result<()> {
        self.set("tasks", &thread.to_string())
    }

    /// Writes one of the group's files.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set(&self, file: &str, value: &str) -> io::Result<()> {
        std::fs::write(self.path.join(file), value).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}/{file}: {value}: {error}", self.path.display()),
            )
        })
    }

    /// Reads one of the group's files.
    #[must_use]
    pub fn get(&self, file: &str) -> String {
        std::fs::read_to_string(self.path.join(file)).unwrap_or_default()
    }

    /// A line `NAME NUMBER` of one of the group's files.
    #[must_use]
    pub fn number(&self, file: &str, name: &str) -> Option<u64> {
        self.get(file)
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Stops everything in the group; the kernel has done so on return.
    ///
    /// # Errors
    /// The kernel's, or that it took too long.
    pub fn freeze(&self) -> io::Result<()> {
        let done = if self.path.join("freezer.state").exists() {
            self.set("freezer.state", "FROZEN")?;
            wait_for(BOUND, || {
                (self.get("freezer.state").trim() == "FROZEN").then_some(())
            })
        } else {
            self.set("cgroup.freeze", "1")?;
            wait_for(BOUND, || {
                (self.number("cgroup.events", "frozen ") == Some(1)).then_some(())
            })
        };
        done.ok_or_else(|| io::Error::other("the group does not freeze"))
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        thaw(&self.path);
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        dissolve(&self.path, &self.parent);
    }
}

fn thaw(path: &Path) {
    for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let file = path.join(file);
        if file.exists() {
            let _ = std::fs::write(file, value);
        }
    }
}

fn dissolve(path: &Path, parent: &Path) {
    thaw(path);
    let _ = wait_for(BOUND, || {
        for (file, to) in [("cgroup.procs", "cgroup.procs"), ("tasks", "tasks")] {
            let members = std::fs::read_to_string(path.join(file)).unwrap_or_default();
            for member in members.split_ascii_whitespace() {
                let _ = std::fs::write(parent.join(to), member);
            }
        }
        match std::fs::remove_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => None,
            Ok(()) | Err(_) => Some(()),
        }
    });
}

fn remove_left_overs() {
    for hierarchy in ["", "cpu", "freezer", "blkio", "memory", "unified"] {
        let parent = Path::new(ROOT).join(hierarchy);
        let Ok(entries) = std::fs::read_dir(&parent) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let maker = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
                .and_then(|(pid, _)| pid.parse::<u32>().ok());
            if maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                dissolve(&entry.path(), &parent);
            }
        }
    }
}
