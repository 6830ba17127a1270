//! The flight recorder's file: made in the run directory, mapped and locked, and handed to its writers in parts.
//!
//! Only tmpfs will do: a store into a mapped file on a disk can wait for that disk, and the engine must not. Without a
//! recorder the daemon goes on and says so. What is in the file is said in `vrrp_record::ring`.

mod file;
mod previous;

use std::path::{Path, PathBuf};
use std::time::Duration;

use vrrp_config::plan::RouterPlan;
use vrrp_record::history::Router;
use vrrp_record::ring::{
    ADVERT, Description, EVENT, Layout, LifeWriter, MINUTE, RegionWriter, ResumeWriter, Ring,
    RunHeader,
};

pub(crate) use file::RingFile;
pub(crate) use previous::{Previous, find_previous};

use crate::core::MemoryLock;
use crate::journal::{Axis, RingAccess};
use vrrp_proto::time::Instant;

/// The recorder's file in the run directory.
pub(crate) const FILE: &str = "flight.ring";
/// The one of the run before.
pub(crate) const PREVIOUS: &str = "flight.ring.previous";
/// Whether a run left its recorder in the run directory, which a reboot empties.
pub(crate) fn was_here(run_dir: &Path) -> bool {
    [FILE, PREVIOUS]
        .into_iter()
        .any(|file| run_dir.join(file).exists())
}

/// Places for routers that a reload may add.
const SPARE: usize = 16;
/// Bytes for a daemon with one router and for one with more.
const ONE: usize = 2 << 20;
const MANY: usize = 8 << 20;

/// Bytes that the recorder has where nobody says how many: 2 MB for one router, 8 MB for more.
pub(crate) const fn default_bytes(routers: usize) -> usize {
    if routers <= 1 { ONE } else { MANY }
}

/// Everything of a recorder, to be handed to its writers and readers.
pub(crate) struct Recorder {
    /// What status shows.
    pub(crate) facts: RecorderFacts,
    /// For looking whether it is still there.
    pub(crate) file: RingFile,
    pub(crate) engine: EnginePart,
    /// Descriptions of routers, for the world outside the engine.
    pub(crate) descriptions: Vec<Description<'static>>,
    pub(crate) samples: RegionWriter<'static, ADVERT>,
    pub(crate) events: RegionWriter<'static, EVENT>,
    /// For the journal.
    pub(crate) access: RingAccess,
}

/// What the engine writes.
#[derive(Debug)]
pub(crate) struct EnginePart {
    pub(crate) axis: Axis,
    pub(crate) adverts: RegionWriter<'static, ADVERT>,
    pub(crate) kept: RegionWriter<'static, ADVERT>,
    pub(crate) minutes: RegionWriter<'static, MINUTE>,
    pub(crate) life: LifeWriter<'static>,
    pub(crate) resumes: Vec<ResumeWriter<'static>>,
}

/// What status shows of a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecorderFacts {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Ordinary adverts that it holds.
    pub(crate) adverts: u64,
    pub(crate) locked: MemoryLock,
}

impl RecorderFacts {
    /// How far back ordinary adverts reach, at the pace of these routers: each sends, or hears, one an interval.
    pub(crate) fn window(&self, routers: &[RouterPlan]) -> Duration {
        let pace: f64 = routers
            .iter()
            .map(|router| router.interval.as_duration().as_secs_f64().recip())
            .sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ring holds far fewer than 2^52 adverts"
        )]
        let seconds = self.adverts as f64 / pace;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Recorder {
    /// Makes the recorder of this run in `run_dir`, for so many routers.
    ///
    /// # Errors
    /// In words, for log and status; the daemon goes on without.
    pub(crate) fn open(
        run_dir: &Path,
        bytes: usize,
        routers: usize,
        run: &RunHeader,
    ) -> Result<Self, String> {
        let places = u16::try_from(routers + SPARE).unwrap_or(u16::MAX);
        let layout = Layout::new(bytes, places).map_err(|error| error.to_string())?;
        let (file, words, locked) = RingFile::make(&run_dir.join(FILE), layout.bytes())?;
        let ring = Ring::format(&layout, words, run).map_err(|error| error.to_string())?;
        let facts = RecorderFacts {
            path: run_dir.join(FILE),
            bytes: u64::try_from(layout.bytes()).unwrap_or(u64::MAX),
            adverts: ring.adverts.capacity(),
            locked,
        };
        let access = RingAccess {
            words,
            adverts: ring.adverts.reader(),
            kept: ring.kept.reader(),
            samples: ring.samples.reader(),
            file: facts.path.display().to_string(),
        };
        Ok(Self::of(ring, file, facts, access, axis(run)))
    }

    fn of(
        ring: Ring<'static>,
        file: RingFile,
        facts: RecorderFacts,
        access: RingAccess,
        axis: Axis,
    ) -> Self {
        let Ring {
            adverts,
            kept,
            minutes,
            samples,
            events,
            life,
            resumes,
            descriptions,
        } = ring;
        Self {
            facts,
            file,
            engine: EnginePart {
                axis,
                adverts,
                kept,
                minutes,
                life,
                resumes,
            },
            descriptions,
            samples,
            events,
            access,
        }
    }
}

/// The axis of a run's records.
pub(crate) fn axis(run: &RunHeader) -> Axis {
    Axis::new(Instant::from_nanos(run.monotonic_ns), run.started.0)
}

/// A router as records describe it.
pub(crate) fn describe(plan: &RouterPlan) -> Router {
    Router {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        vrid: plan.vrid.as_u8(),
        ipv6: plan.family == vrrp_proto::units::Family::V6,
        version: match plan.version {
            vrrp_proto::units::Version::V2 => 2,
            vrrp_proto::units::Version::V3 => 3,
        },
        source: plan.source,
        interval: u64::try_from(plan.interval.as_duration().as_nanos()).unwrap_or(u64::MAX),
        priority: plan.priority.as_u8(),
        preempt: plan.preempt,
        down_adverts: plan.down_adverts,
        addresses: plan.addresses.iter().map(|vip| vip.address).collect(),
    }
}

/// A recorder without a file for tests: what the core writes, and the memory behind it.
#[cfg(test)]
pub(crate) fn in_memory(
    bytes: usize,
    run: &RunHeader,
) -> (
    crate::core::Recording,
    &'static [std::sync::atomic::AtomicU64],
) {
    let layout = Layout::new(bytes, 4).unwrap();
    let words: Vec<_> = (0..layout.bytes() / 8)
        .map(|_| std::sync::atomic::AtomicU64::new(0))
        .collect();
    let words: &'static [_] = words.leak();
    let ring = Ring::format(&layout, words, run).unwrap();
    let engine = EnginePart {
        axis: axis(run),
        adverts: ring.adverts,
        kept: ring.kept,
        minutes: ring.minutes,
        life: ring.life,
        resumes: ring.resumes,
    };
    let descriptions = ring.descriptions;
    (
        crate::core::Recording {
            engine,
            descriptions,
        },
        words,
    )
}

/// What that memory would be as a file.
#[cfg(test)]
pub(crate) fn bytes_of(words: &[std::sync::atomic::AtomicU64]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| {
            word.load(std::sync::atomic::Ordering::Acquire)
                .to_ne_bytes()
        })
        .collect()
}
