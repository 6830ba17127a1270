//! The journal's files: written in pieces, rotated, and bounded in bytes, age and free disk (safety rule 12).
//!
//! Every call may wait for the disk; only the journal's thread makes them. What the pieces hold is not looked at. Files are
//! named by the time of their beginning, and those with a transition are the last to go.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;
use nix::sys::statvfs::fstatvfs;
use vrrp_config::plan::JournalPlan;

/// What files of the journal end with.
const SUFFIX: &str = ".vrj";
/// What the names of files with a transition end with before that.
const KEPT: &str = "-transition";

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// What is older goes.
    pub(crate) age: Duration,
    /// Percentage of the file system that stays free.
    pub(crate) free_percent: u8,
}

impl Bounds {
    /// Bytes and age of the command line, else those of the plan.
    pub(crate) fn new(plan: JournalPlan, (bytes, age): (Option<u64>, Option<Duration>)) -> Self {
        Self {
            bytes: bytes.unwrap_or(plan.bytes),
            age: age.unwrap_or(plan.age),
            free_percent: plan.free_percent,
        }
    }

    /// A file is ended at this size, where no window of full detail is open.
    fn file(&self) -> u64 {
        (self.bytes / 32).clamp(250_000, 16_000_000)
    }
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    name: String,
    /// Milliseconds since 1970.
    begin: i64,
    bytes: u64,
    kept: bool,
}

/// The files of one directory.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    bounds: Bounds,
    /// Oldest first; the last one is the one that is written, if any is.
    segments: Vec<Segment>,
    open: Option<File>,
    /// Length of the open file up to the last whole piece.
    whole: u64,
}

impl Disk {
    /// Reads what is there.
    pub(super) fn open(path: &Path, bounds: Bounds) -> io::Result<Self> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((begin, kept)) = parsed(&name) {
                segments.push(Segment {
                    name,
                    begin,
                    bytes: entry.metadata()?.len(),
                    kept,
                });
            }
        }
        segments.sort_by(|one, two| (one.begin, &one.name).cmp(&(two.begin, &two.name)));
        Ok(Self {
            path: path.to_owned(),
            bounds,
            segments,
            open: None,
            whole: 0,
        })
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// When the oldest file begins, in milliseconds since 1970.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.segments.first().map(|segment| segment.begin)
    }

    /// Files, oldest first.
    pub(super) fn files(&self) -> impl DoubleEndedIterator<Item = PathBuf> + '_ {
        let segments = self.segments.iter();
        segments.map(|segment| self.path.join(&segment.name))
    }

    /// Other bounds from now on.
    pub(super) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Appends a piece whole or not at all. `head` begins a file; `ends` tells that the file may end behind the piece.
    pub(super) fn append(
        &mut self,
        head: &[u8],
        piece: &[u8],
        now_ms: i64,
        ends: bool,
    ) -> io::Result<()> {
        self.make_room(piece.len(), now_ms)?;
        if self.open.as_ref().is_none_or(is_deleted) {
            self.begin(head, now_ms)?;
        }
        let Some(file) = &self.open else {
            return Err(io::Error::other("no file is open"));
        };
        if let Err(error) = file.write_all_at(piece, self.whole) {
            // The beginning of a piece is no harm to a reader, but the next one would follow it.
            let _ = file.set_len(self.whole);
            self.open = None;
            self.drop_bare(head);
            return Err(error);
        }
        self.whole += len(piece);
        let (whole, most) = (self.whole, self.bounds.file());
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = whole;
        }
        if (ends && whole >= most) || whole >= 4 * most {
            self.end()?;
        }
        Ok(())
    }

    /// Takes a file away that was begun for a piece that did not fit: the next try begins another.
    fn drop_bare(&mut self, head: &[u8]) {
        if self.whole != len(head) {
            return;
        }
        if let Some(bare) = self.segments.pop()
            && fs::remove_file(self.path.join(&bare.name))
                .is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        {
            self.segments.push(bare);
        }
    }

    /// The open file holds a transition: it is the last to go.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        let (Some(segment), true) = (self.segments.last_mut(), self.open.is_some()) else {
            return Ok(());
        };
        if segment.kept {
            return Ok(());
        }
        let name = named(segment.begin, true);
        fs::rename(self.path.join(&segment.name), self.path.join(&name))?;
        segment.name = name;
        segment.kept = true;
        Ok(())
    }

    /// Waits until what was written would survive a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), File::sync_data)
    }

    fn end(&mut self) -> io::Result<()> {
        let synced = self.sync();
        self.open = None;
        synced
    }

    fn begin(&mut self, head: &[u8], now_ms: i64) -> io::Result<()> {
        self.open = None;
        // Two files of one millisecond, or a clock that was set back, must not write into one another.
        let last = self.segments.last().map_or(0, |segment| segment.begin);
        let begin = now_ms.max(last + 1).max(0);
        let name = named(begin, false);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.path.join(&name))?;
        if let Err(error) = file.write_all(head) {
            let _ = fs::remove_file(self.path.join(&name));
            return Err(error);
        }
        self.whole = len(head);
        self.segments.push(Segment {
            name,
            begin,
            bytes: self.whole,
            kept: false,
        });
        self.open = Some(file);
        Ok(())
    }

    /// Lets go of what is too old or too much, and fails where the file system is too full.
    fn make_room(&mut self, piece: usize, now_ms: i64) -> io::Result<()> {
        let age = i64::try_from(self.bounds.age.as_millis()).unwrap_or(i64::MAX);
        let piece = u64::try_from(piece).unwrap_or(u64::MAX);
        while let Some(first) = self.victim(|disk| {
            let too_much = disk.bytes().saturating_add(piece) > disk.bounds.bytes;
            let next = disk.segments.get(1).map_or(i64::MAX, |next| next.begin);
            let too_old = next != i64::MAX && now_ms.saturating_sub(next) > age;
            (too_much, too_old)
        }) {
            let segment = self.segments.remove(first);
            match fs::remove_file(self.path.join(&segment.name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.segments.insert(first, segment);
                    return Err(error);
                }
                _ => {}
            }
        }
        self.check_free()
    }

    /// Position of the next file to go. The one that is written stays.
    fn victim(&self, why: impl Fn(&Self) -> (bool, bool)) -> Option<usize> {
        let closed = self.segments.len() - usize::from(self.open.is_some());
        if closed == 0 {
            return None;
        }
        match why(self) {
            (_, true) => Some(0),
            (true, false) => {
                let kept: u64 = self
                    .segments
                    .iter()
                    .filter(|segment| segment.kept)
                    .map(|segment| segment.bytes)
                    .sum();
                let ordinary = self
                    .segments
                    .iter()
                    .take(closed)
                    .position(|segment| !segment.kept);
                // Half of the room is theirs.
                match ordinary {
                    Some(position) if kept <= self.bounds.bytes / 2 => Some(position),
                    _ => Some(0),
                }
            }
            (false, false) => None,
        }
    }

    fn check_free(&self) -> io::Result<()> {
        let directory = File::open(&self.path)?;
        let system = fstatvfs(&directory)?;
        let (all, free) = (
            u128::from(system.blocks()),
            u128::from(system.blocks_available()),
        );
        if all > 0 && free * 100 < all * u128::from(self.bounds.free_percent) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "only {} % of the file system are free, and {} % stay free",
                    free * 100 / all,
                    self.bounds.free_percent
                ),
            ));
        }
        Ok(())
    }
}

/// Whether a file that is open has no name any more.
fn is_deleted(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.nlink() == 0)
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn named(begin: i64, kept: bool) -> String {
    let kept = if kept { KEPT } else { "" };
    format!("{begin:015}{kept}{SUFFIX}")
}

fn parsed(name: &str) -> Option<(i64, bool)> {
    let stem = name.strip_suffix(SUFFIX)?;
    let (digits, kept) = match stem.strip_suffix(KEPT) {
        Some(digits) => (digits, true),
        None => (stem, false),
    };
    let begin = digits.bytes().all(|digit| digit.is_ascii_digit());
    begin
        .then(|| digits.parse().ok())
        .flatten()
        .map(|begin| (begin, kept))
}

#[cfg(test)]
mod tests;
