//! The thread that writes the journal: the only one that may wait for its disk.
//!
//! Its mailbox is bounded in pieces and bytes; what does not fit is dropped and counted, and nobody ever waits for it. It
//! holds no lock while it touches the disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vrrp_record::history::Want;
use vrrp_record::journal::read;

use super::disk::{Bounds, Disk};
use super::inherit::inherit;
use super::live::{JournalFacts, Live};
use crate::core;
use crate::service::locked::{DirectoryError, LockedDirectory, Purpose};

/// Pieces that may wait.
const PIECES: usize = 512;
/// Bytes that may wait.
const BYTES: usize = 8 * 1024 * 1024;
/// How often the directory is looked after when nothing comes.
const CARE: Duration = Duration::from_secs(1);
/// After a failure the disk is left alone for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// Files in which the last number, and the end of the run before, are looked for.
pub(super) const LOOKED_AT: usize = 8;
/// How long the end of the daemon waits for what is still to be written.
const END: Duration = Duration::from_secs(2);

/// A piece for the journal: whole records, already encoded.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The records.
    pub(crate) bytes: Vec<u8>,
    /// How many they are.
    pub(crate) records: u32,
    /// A transition is among them.
    pub(crate) transition: bool,
    /// A window of full detail goes on behind it.
    pub(crate) goes_on: bool,
}

/// What is asked of the thread.
#[derive(Debug)]
pub(super) enum Task {
    Write(Piece),
    Head(Vec<u8>),
    Bounds(Bounds),
}

/// The journal's mailbox. The thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    tasks: Option<SyncSender<Task>>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    healthy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread found when it began.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It writes. The number that earlier runs gave out last, where they gave out any.
    Ready(Option<u32>),
    /// It cannot write now, and tries again. The status has the reason.
    Trouble,
    /// Another daemon uses the directory.
    InUse(DirectoryError),
}

impl Writer {
    /// Starts the thread. What it found comes by the receiver, unless the disk hangs. `previous` is the flight recorder of
    /// the run before, whose end goes to the journal.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(
        path: PathBuf,
        bounds: Bounds,
        live: Arc<Live>,
        previous: Option<PathBuf>,
    ) -> std::io::Result<(Self, Receiver<Begun>)> {
        let (tasks, mailbox) = sync_channel(PIECES);
        let (begun, first) = sync_channel(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let lost = Arc::new(AtomicU64::new(0));
        let healthy = Arc::new(AtomicBool::new(false));
        let mut work = Work {
            healthy: Arc::clone(&healthy),
            path,
            bounds,
            live,
            waiting: Arc::clone(&waiting),
            lost: Arc::clone(&lost),
            head: Vec::new(),
            previous,
            place: None,
            trouble: None,
            paused: None,
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let found = work.begin();
                let in_use = matches!(found, Begun::InUse(_));
                // Nobody may be waiting any more.
                let _ = begun.try_send(found);
                if !in_use {
                    work.run(&mailbox);
                }
            })?;
        let writer = Self {
            tasks: Some(tasks),
            waiting,
            lost,
            healthy,
            thread: Some(thread),
        };
        Ok((writer, first))
    }

    /// One whose mailbox is full, until somebody receives from it.
    #[cfg(test)]
    pub(super) fn stuck() -> (Self, Receiver<Task>) {
        let (tasks, mailbox) = sync_channel(0);
        let writer = Self {
            tasks: Some(tasks),
            waiting: Arc::default(),
            lost: Arc::default(),
            healthy: Arc::default(),
            thread: None,
        };
        (writer, mailbox)
    }

    /// Hands a piece over, or counts its records as lost. Never waits.
    pub(crate) fn write(&self, piece: Piece) {
        let (bytes, records) = (piece.bytes.len(), u64::from(piece.records));
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = before.saturating_add(bytes) <= BYTES;
        if !room || !self.send(Task::Write(piece)) {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.lost.fetch_add(records, Ordering::Relaxed);
        }
    }

    /// Begins every new file from now on. False where the mailbox is full.
    pub(crate) fn head(&self, head: Vec<u8>) -> bool {
        self.send(Task::Head(head))
    }

    /// Other bounds from now on. False where the mailbox is full.
    pub(crate) fn bound(&self, bounds: Bounds) -> bool {
        self.send(Task::Bounds(bounds))
    }

    /// Records that were not kept, since start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// What was asked of the disk last, it did.
    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    fn send(&self, task: Task) -> bool {
        self.tasks
            .as_ref()
            .is_some_and(|tasks| tasks.try_send(task).is_ok())
    }
}

impl Drop for Writer {
    /// Waits for what is still to be written, and not for a disk that hangs.
    fn drop(&mut self) {
        self.tasks = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let begin = Instant::now();
        while !thread.is_finished() && begin.elapsed() < END {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

struct Place {
    directory: LockedDirectory,
    disk: Disk,
}

struct Work {
    path: PathBuf,
    bounds: Bounds,
    live: Arc<Live>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    healthy: Arc<AtomicBool>,
    head: Vec<u8>,
    /// A flight recorder that is still to be kept.
    previous: Option<PathBuf>,
    place: Option<Place>,
    trouble: Option<String>,
    paused: Option<Instant>,
}

impl Work {
    fn begin(&mut self) -> Begun {
        self.show(true);
        match self.settle() {
            Ok(()) => {
                self.show(false);
                let place = self.place.as_ref();
                Begun::Ready(place.and_then(|place| last_number(place.disk.files())))
            }
            Err(error @ DirectoryError::InUse { .. }) => Begun::InUse(error),
            Err(error) => {
                self.fail(text(&error));
                Begun::Trouble
            }
        }
    }

    fn run(&mut self, mailbox: &Receiver<Task>) {
        self.inherit();
        loop {
            match mailbox.recv_timeout(CARE) {
                Ok(Task::Write(piece)) => {
                    self.write(&piece);
                    self.waiting.fetch_sub(piece.bytes.len(), Ordering::Relaxed);
                }
                Ok(Task::Head(head)) => self.head = head,
                Ok(Task::Bounds(bounds)) => {
                    self.bounds = bounds;
                    if let Some(place) = &mut self.place {
                        place.disk.bound(bounds);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.care(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(place) = &self.place {
            // Nobody is left to be told.
            let _ = place.disk.sync();
        }
    }

    /// Takes the directory, where we have none.
    fn settle(&mut self) -> Result<(), DirectoryError> {
        if self
            .place
            .as_ref()
            .is_some_and(|place| place.directory.is_there())
        {
            return Ok(());
        }
        self.place = None;
        let mut directory = LockedDirectory::lock(&self.path, Purpose::Journal)?;
        // A full disk takes no number; the lock holds all the same.
        let _ = directory.sign();
        let disk = Disk::open(directory.path(), self.bounds).map_err(DirectoryError::of(
            "read",
            Purpose::Journal,
            &self.path,
        ))?;
        self.place = Some(Place { directory, disk });
        Ok(())
    }

    fn write(&mut self, piece: &Piece) {
        if self.paused.is_some_and(|since| since.elapsed() < PAUSE) {
            self.lose(piece);
            return;
        }
        self.paused = None;
        self.show(true);
        match self.try_write(piece) {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("the journal in {} is written again", self.path.display());
                }
                self.show(false);
            }
            Err(why) => {
                self.lose(piece);
                self.fail(why);
            }
        }
    }

    fn try_write(&mut self, piece: &Piece) -> Result<(), String> {
        self.settle().map_err(|error| text(&error))?;
        let Some(place) = &mut self.place else {
            return Err("no directory".to_owned());
        };
        let ends = !piece.goes_on;
        let written = place
            .disk
            .append(&self.head, &piece.bytes, now_ms(), ends)
            .and_then(|()| {
                if piece.transition {
                    place.disk.keep()
                } else {
                    Ok(())
                }
            })
            .and_then(|()| {
                if ends && piece.transition {
                    place.disk.sync()
                } else {
                    Ok(())
                }
            });
        written.map_err(|error| failed(&self.path, &error))
    }

    fn lose(&self, piece: &Piece) {
        self.lost
            .fetch_add(u64::from(piece.records), Ordering::Relaxed);
        self.show(false);
    }

    /// Remembers why nothing is kept; the log is told when it begins.
    fn fail(&mut self, why: String) {
        if self.trouble.is_none() {
            tracing::warn!("the journal keeps nothing now: {why}");
        }
        self.trouble = Some(why);
        self.paused = Some(Instant::now());
        self.show(false);
    }

    /// Looks after the directory when nothing is written, so that trouble shows before something is to be kept.
    fn care(&mut self) {
        if self.paused.is_some_and(|since| since.elapsed() < PAUSE) {
            return;
        }
        self.show(true);
        match self.settle() {
            Ok(()) => {
                self.show(false);
                self.inherit();
            }
            Err(error) => self.fail(text(&error)),
        }
    }

    /// Keeps the end of the run before, as its flight recorder tells it; later, where the disk refuses now.
    fn inherit(&mut self) {
        let (Some(ring), Some(place)) = (&self.previous, &mut self.place) else {
            return;
        };
        let pieces = inherit(ring, place.disk.files());
        self.show(true);
        let written = pieces.iter().try_for_each(|piece| self.try_write(piece));
        match written {
            Ok(()) => {
                self.previous = None;
                self.show(false);
            }
            Err(why) => self.fail(why),
        }
    }

    /// Tells the status, with `busy` before the disk is touched: whoever looks sees how long it takes.
    fn show(&self, busy: bool) {
        if !busy {
            let healthy = self.trouble.is_none() && self.place.is_some();
            self.healthy.store(healthy, Ordering::Relaxed);
        }
        let disk = self.place.as_ref().map(|place| &place.disk);
        let facts = JournalFacts {
            directory: self.path.display().to_string(),
            bytes: disk.map_or(0, Disk::bytes),
            limit: self.bounds.bytes,
            oldest: disk.and_then(Disk::oldest),
            lost: self.lost.load(Ordering::Relaxed),
            trouble: self.trouble.clone(),
            busy_since: busy.then(core::now),
            told: core::now(),
        };
        self.live.lock().journal = Some(facts);
    }
}

/// The highest number that the newest files tell of.
fn last_number(files: impl DoubleEndedIterator<Item = PathBuf>) -> Option<u32> {
    files.rev().take(LOOKED_AT).find_map(|file| {
        let name = file.display().to_string();
        let reading = read([(name, File::open(&file))], &Want::outline());
        let events = reading.history.events.iter();
        let told = events.filter_map(|event| event.event.kind.number());
        told.chain(reading.verdicts.iter().map(|verdict| verdict.number))
            .max()
    })
}

fn text(error: &DirectoryError) -> String {
    error.to_string()
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write to {}: {error}", path.display())
}

fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
