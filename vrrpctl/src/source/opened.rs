//! Places opened for reading: what is there, found out by the first bytes of each file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::history::{Source, Time, Want};

use super::formats::{self, CaptureOptions};
use super::{Kind, Node, Origin, Records, SourceError};

/// The flight recorder's name in the run directory, of this run and of the last one.
pub(crate) const RINGS: [&str; 2] = ["flight.ring", "flight.ring.previous"];
/// How names of a journal's segments end.
pub(crate) const SEGMENT: &str = ".vrj";
/// How names of bundles and captures end.
const COLLECTED: [&str; 4] = [".vrb", ".pcap", ".pcapng", ".cap"];
/// About so many bytes of a journal are read for one piece.
const PIECE: u64 = 32 * 1024 * 1024;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// This machine's own records.
    Here {
        /// The run directory.
        run_dir: &'a Path,
        /// The journal's directory.
        journal_dir: &'a Path,
    },
    /// Files and directories that were named.
    Given(&'a [PathBuf]),
}

/// A place, opened.
#[derive(Debug)]
pub(crate) struct Opened {
    units: Vec<Unit>,
    capture: CaptureOptions,
    /// All of it is of this machine.
    here: bool,
    /// How many units were handed out one by one.
    pieces: usize,
    /// What should have been there and was not read.
    absent: Vec<String>,
}

/// What is read in one go: a file, or the segments of a journal.
#[derive(Clone, Debug)]
struct Unit {
    kind: Kind,
    files: Vec<(PathBuf, u64)>,
    /// What is told to people: the directory of a journal.
    shown: PathBuf,
}

impl Opened {
    /// Finds out what is there.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub(crate) fn open(
        place: Place<'_>,
        node: &[IpAddr],
        log: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let mut absent = Vec::new();
        let units = match place {
            Place::Here {
                run_dir,
                journal_dir,
            } => here(run_dir, journal_dir, &mut absent)?,
            Place::Given(paths) => {
                let mut units = Vec::new();
                for path in paths {
                    given(path, &mut units)?;
                }
                units
            }
        };
        Ok(Self {
            units,
            here: matches!(place, Place::Here { .. }),
            capture: CaptureOptions::new(node, log),
            pieces: 0,
            absent,
        })
    }

    /// The flight recorder in a run directory alone, of this run and of the one before.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub(crate) fn recorder(run_dir: &Path) -> Result<Self, SourceError> {
        let units = match directory_units(run_dir) {
            Err(SourceError::Missing(_)) => Vec::new(),
            units => units?,
        };
        if units.is_empty() {
            return Err(SourceError::NoRecorder(run_dir.to_owned()));
        }
        Ok(Self {
            units,
            here: true,
            capture: CaptureOptions::default(),
            pieces: 0,
            absent: Vec::new(),
        })
    }

    /// What may hold records that an earlier piece holds too, each place by itself: the flight recorder behind the journal.
    ///
    /// # Errors
    /// As reading all of it.
    pub(crate) fn repeating(&self, want: &Want) -> Result<Vec<Vec<Node>>, SourceError> {
        let behind = self.units.iter().skip(1);
        behind
            .filter(|unit| unit.kind != Kind::Journal)
            .map(|unit| {
                let mut nodes = Vec::new();
                read_into(&mut nodes, unit, want, &self.capture, self.here)?;
                Ok(nodes)
            })
            .collect()
    }

    /// Begins with the first piece again.
    pub(crate) const fn rewind(&mut self) {
        self.pieces = 0;
    }

    /// The records of the next piece, oldest first; none where all were handed out. For records too long for one reading.
    ///
    /// # Errors
    /// As reading all of it.
    pub(crate) fn next_piece(&mut self, want: &Want) -> Result<Option<Vec<Node>>, SourceError> {
        if self.pieces == 0 {
            self.units = self.units.drain(..).flat_map(Unit::split).collect();
        }
        let Some(unit) = self.units.get(self.pieces) else {
            return Ok(None);
        };
        self.pieces += 1;
        let mut nodes = Vec::new();
        read_into(&mut nodes, unit, want, &self.capture, self.here)?;
        Ok(Some(nodes))
    }
}

impl Records for Opened {
    fn bytes(&self) -> u64 {
        // A capture is read whole in any case, and most of it is commonly somebody else's traffic.
        let long = self.units.iter().filter(|unit| unit.kind != Kind::Capture);
        long.map(Unit::bytes).sum()
    }

    fn read(&self, want: &Want) -> Result<Vec<Node>, SourceError> {
        let mut nodes = Vec::new();
        for unit in &self.units {
            read_into(&mut nodes, unit, want, &self.capture, self.here)?;
        }
        if let Some(node) = nodes.first_mut() {
            node.history.damage.extend_from_slice(&self.absent);
        }
        super::tell_apart(&mut nodes);
        for node in &mut nodes {
            if node.history.node.source != Source::Capture {
                clip(&mut node.history.detailed, want);
            }
        }
        Ok(nodes)
    }
}

impl Unit {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The same in several units, where it has several files.
    fn split(self) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for file in self.files {
            match parts.last_mut() {
                Some(part) if part.bytes() + file.1 <= PIECE => part.files.push(file),
                _ => parts.push(Self {
                    kind: self.kind,
                    files: vec![file],
                    shown: self.shown.clone(),
                }),
            }
        }
        parts
    }
}

/// What this machine has; `absent` is told of what of it could not be read.
fn here(
    run_dir: &Path,
    journal_dir: &Path,
    absent: &mut Vec<String>,
) -> Result<Vec<Unit>, SourceError> {
    let mut units = Vec::new();
    let mut refused = None;
    // The journal is older than the flight recorder.
    for directory in [journal_dir, run_dir] {
        match directory_units(directory) {
            Ok(found) => units.extend(found),
            Err(SourceError::Missing(_)) => {}
            Err(error @ SourceError::NoPermission(_)) => {
                absent.push(format!(
                    "no permission to read {}: run as root, or as a member of the group vrrpd",
                    directory.display()
                ));
                refused = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if units.is_empty() {
        return Err(refused.unwrap_or_else(|| SourceError::Nothing {
            run_dir: run_dir.to_owned(),
            journal_dir: journal_dir.to_owned(),
        }));
    }
    if absent.is_empty() && units.iter().all(|unit| unit.kind != Kind::Ring) {
        absent.push(format!(
            "no flight recorder in {}: only what the journal kept is known",
            run_dir.display()
        ));
    }
    Ok(units)
}

/// What was named.
fn given(path: &Path, units: &mut Vec<Unit>) -> Result<(), SourceError> {
    let meta = fs::metadata(path).map_err(|error| SourceError::of(path, error))?;
    if !meta.is_dir() {
        let (kind, bytes) = file(path)?;
        units.push(Unit {
            kind,
            files: vec![(path.to_owned(), bytes)],
            shown: path.to_owned(),
        });
        return Ok(());
    }
    let mut found = directory_units(path)?;
    // A directory that somebody collected: run and journal directory beside each other, or bundles and captures.
    for entry in sorted(path)? {
        if entry.is_dir() {
            found.extend(directory_units(&entry)?);
        } else if COLLECTED
            .iter()
            .any(|suffix| entry.to_string_lossy().ends_with(suffix))
        {
            given(&entry, &mut found)?;
        }
    }
    if found.is_empty() {
        let text = format!(
            "the directory holds no {}, no *{SEGMENT} and no bundle or capture",
            RINGS[0]
        );
        return Err(SourceError::NotOurs(path.to_owned(), text));
    }
    // The journal is older than the flight recorder.
    found.sort_by_key(|unit| unit.kind == Kind::Ring);
    units.extend(found);
    Ok(())
}

/// Entries of a directory by name.
fn sorted(directory: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |error| SourceError::of(directory, error);
    let entries = fs::read_dir(directory).map_err(failed)?;
    let paths: io::Result<Vec<PathBuf>> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Full records exist only where they were asked for.
fn clip(detailed: &mut Vec<(Time, Time)>, want: &Want) {
    if want.windows().is_empty() {
        return;
    }
    let mut inside = Vec::new();
    for (from, until) in detailed.iter() {
        for (start, end) in want.windows() {
            let (from, until) = ((*from).max(*start), (*until).min(*end));
            if from < until {
                inside.push((from, until));
            }
        }
    }
    // A history that says nothing has everything everywhere, which is not true here.
    if inside.is_empty() {
        inside.extend(want.windows().first().map(|(from, _)| (*from, *from)));
    }
    *detailed = inside;
}

/// Reads one unit and adds it to the node that it belongs to.
fn read_into(
    nodes: &mut Vec<Node>,
    unit: &Unit,
    want: &Want,
    capture: &CaptureOptions,
    here: bool,
) -> Result<(), SourceError> {
    let origin = Origin {
        kind: unit.kind,
        path: unit.shown.clone(),
    };
    let paths: Vec<&Path> = unit.files.iter().map(|(path, _)| path.as_path()).collect();
    let read = formats::read(unit.kind, &paths, want, capture)?;
    let beside = unit.files.first().and_then(|(path, _)| path.parent());
    let same = nodes.iter_mut().find(|node| {
        // A capture is a view of its own, whoever took it. What lies in one directory, or on this machine, is of one node.
        let host = &node.history.node.host;
        let together = node
            .origins
            .iter()
            .any(|origin| origin.path.parent() == beside || Some(origin.path.as_path()) == beside);
        let together = together && unit.kind != Kind::Bundle;
        unit.kind != Kind::Capture
            && !host.is_empty()
            && *host == read.history.node.host
            && (here || together || node.is(&read.history))
    });
    match same {
        Some(node) => {
            node.history.absorb(read.history);
            node.verdicts.extend(read.verdicts);
            node.origins.push(origin);
        }
        None => nodes.push(Node {
            history: read.history,
            alias: None,
            verdicts: read.verdicts,
            origins: vec![origin],
        }),
    }
    Ok(())
}

/// What a directory holds: the journal's segments, oldest first, then the flight recorder of the last run and of this one.
fn directory_units(directory: &Path) -> Result<Vec<Unit>, SourceError> {
    // Segments are named so that their order is that of their time.
    let mut segments = sorted(directory)?;
    segments.retain(|path| path.to_string_lossy().ends_with(SEGMENT));
    let rings = RINGS.iter().rev().map(|name| directory.join(name));
    let mut units: Vec<Unit> = Vec::new();
    for path in segments.into_iter().chain(rings) {
        let (kind, bytes) = match file(&path) {
            Ok(found) => found,
            // Rotated away since it was listed, or another file of that name. An empty one has just been begun.
            Err(SourceError::Missing(_) | SourceError::NotOurs(..)) => continue,
            Err(error) => return Err(error),
        };
        match units.last_mut() {
            Some(unit) if kind == Kind::Journal && unit.kind == kind => {
                unit.files.push((path, bytes));
            }
            _ => units.push(Unit {
                kind,
                shown: if kind == Kind::Journal {
                    directory.to_owned()
                } else {
                    path.clone()
                },
                files: vec![(path, bytes)],
            }),
        }
    }
    Ok(units)
}

/// Kind and length of a file, by its first bytes.
fn file(path: &Path) -> Result<(Kind, u64), SourceError> {
    let failed = |error| SourceError::of(path, error);
    let mut opened = File::open(path).map_err(failed)?;
    let bytes = opened.metadata().map_err(failed)?.len();
    let mut first = [0; 16];
    let read = fill(&mut opened, &mut first).map_err(failed)?;
    if read == 0 {
        return Err(SourceError::NotOurs(
            path.to_owned(),
            String::from("it is empty"),
        ));
    }
    let Some(kind) = formats::kind(&first[..read]) else {
        let text = String::from("its first bytes are those of no format that is known here");
        return Err(SourceError::NotOurs(path.to_owned(), text));
    };
    Ok((kind, bytes))
}

/// Fills as much of a buffer as there is.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
