//! The recorder of the run before: how that run ended, and what it left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vrrp_proto::router::State;
use vrrp_record::event::Kind;
use vrrp_record::history::Time;
use vrrp_record::ring::{Ended, Reading, read};

use super::{FILE, PREVIOUS};

/// The largest file that is read as a recorder.
const LARGEST: u64 = 1 << 30;

/// The run before, as its recorder tells.
#[derive(Debug)]
pub(crate) struct Previous {
    /// Where its recorder is now.
    pub(crate) file: PathBuf,
    /// Its process.
    pub(crate) pid: u32,
    /// How it ended.
    pub(crate) ended: Ended,
    /// Addresses that the kernel had when it ended without a goodbye.
    pub(crate) addresses_left: u16,
    /// The highest number of an event that it tells of.
    pub(crate) last_number: Option<u32>,
}

impl Previous {
    fn of(reading: &Reading, file: PathBuf) -> Self {
        let left = match reading.ended {
            Ended::Clean(_) => 0,
            Ended::Unknown(_) => reading
                .resumes
                .iter()
                .filter(|router| matches!(router.state, State::Active | State::Releasing))
                .map(|router| router.present)
                .sum(),
        };
        let events = reading.history.events.iter();
        Self {
            file,
            pid: reading.run.pid,
            ended: reading.ended,
            addresses_left: left,
            last_number: events.filter_map(|event| event.event.kind.number()).max(),
        }
    }

    /// The event that tells of it.
    pub(crate) fn told(&self) -> Kind {
        let (ended, clean) = match self.ended {
            Ended::Clean(at) => (Some(at), true),
            Ended::Unknown(at) => (at, false),
        };
        Kind::PreviousRun {
            pid: self.pid,
            clean,
            ended_unix_ms: ended.map(Time::unix_ms),
            addresses_left: self.addresses_left,
        }
    }
}

/// Reads the recorder that an earlier run left in the run directory, and moves it out of the way of this run's.
///
/// # Errors
/// In words, where there is one that cannot be read or moved.
pub(crate) fn find_previous(run_dir: &Path) -> Result<Option<Previous>, String> {
    let path = run_dir.join(FILE);
    let failed = |step: &str, error: &dyn std::fmt::Display| {
        format!(
            "cannot {step} the recorder of the last run, {}: {error}",
            path.display()
        )
    };
    let length = match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(failed("read", &"it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("look at", &error)),
    };
    let bytes = if length <= LARGEST {
        fs::read(&path).map_err(|error| failed("read", &error))?
    } else {
        return Err(failed("read", &format!("{length} bytes are too many")));
    };
    let moved = run_dir.join(PREVIOUS);
    fs::rename(&path, &moved).map_err(|error| failed("move", &error))?;
    match read(&bytes) {
        Ok(reading) => Ok(Some(Previous::of(&reading, moved))),
        Err(error) => Err(failed("read", &error)),
    }
}

#[cfg(test)]
mod tests {
    use vrrp_record::ring::{Resume, RunHeader};

    use super::super::{bytes_of, in_memory};
    use super::*;

    fn run() -> RunHeader {
        RunHeader {
            pid: 4711,
            started: Time(1_000),
            ..RunHeader::default()
        }
    }

    fn active(present: u16) -> Resume {
        Resume {
            router: 0,
            state: State::Active,
            leaving: false,
            healthy: true,
            healthy_until: None,
            priority: 100,
            ifindex: 2,
            plan: 9,
            source: None,
            interval: 1_000_000_000,
            id: 77,
            ah_sequence: 0,
            last_advert: Some(Time(5_000)),
            next: None,
            since: Time(2_000),
            present,
            wanted: 2,
        }
    }

    #[test]
    fn a_run_that_was_killed_is_told_from_one_that_said_goodbye() {
        let directory = std::env::temp_dir().join(format!("vrrpd-previous-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        assert!(find_previous(&directory).unwrap().is_none());

        let (recording, words) = in_memory(1 << 20, &run());
        let mut engine = recording.engine;
        engine.resumes[0].write(&active(2));
        engine.life.beat(Time(6_000));
        fs::write(directory.join(FILE), bytes_of(words)).unwrap();
        let killed = find_previous(&directory).unwrap().unwrap();
        assert_eq!((killed.pid, killed.addresses_left), (4711, 2));
        assert_eq!(killed.ended, Ended::Unknown(Some(Time(6_000))));
        assert_eq!(killed.file, directory.join(PREVIOUS));
        assert!(!directory.join(FILE).exists() && directory.join(PREVIOUS).exists());

        engine.life.end(Time(7_000));
        fs::write(directory.join(FILE), bytes_of(words)).unwrap();
        let stopped = find_previous(&directory).unwrap().unwrap();
        assert_eq!(stopped.ended, Ended::Clean(Time(7_000)));
        assert_eq!(stopped.addresses_left, 0);

        fs::write(directory.join(FILE), "no recorder").unwrap();
        let text = find_previous(&directory).unwrap_err();
        assert!(text.contains("VRRPRING"), "{text}");
        assert!(!directory.join(FILE).exists(), "it is out of the way");
        fs::remove_dir_all(&directory).unwrap();
    }
}
