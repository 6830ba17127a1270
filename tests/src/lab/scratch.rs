//! The lab's directory for logs, one per lab, named after the process that made it.
//!
//! Directories of processes that were killed before they could clean up are removed by the next lab: their name holds
//! their maker's process id, and it is removed only when no such process lives.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "vrrpd-lab-";

static NEXT: AtomicU32 = AtomicU32::new(0);
static LEFT_OVERS: Once = Once::new();

/// A directory that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        LEFT_OVERS.call_once(remove_left_overs);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whose directory this is, if it is a lab's.
fn maker(name: &str) -> Option<u32> {
    let (pid, _number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    pid.parse().ok()
}

fn remove_left_overs() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let dead = entry
            .file_name()
            .to_str()
            .and_then(maker)
            .is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if dead {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_a_dead_process_goes_and_others_stay() {
        // Larger than any process id that Linux gives.
        let dead = std::env::temp_dir().join(format!("{PREFIX}4194999-0"));
        let foreign = std::env::temp_dir().join(format!("{PREFIX}of-somebody"));
        let living = Scratch::new();
        for path in [&dead, &foreign] {
            std::fs::create_dir_all(path).unwrap();
        }
        remove_left_overs();
        assert!(!dead.exists());
        assert!(foreign.exists());
        assert!(living.path().exists());
        std::fs::remove_dir(foreign).unwrap();
    }
}
