//! Places opened for reading: what is there, found out by the first bytes of each file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::history::Want;

use super::formats;
use super::{Kind, Node, Origin, Records, SourceError};

/// The flight recorder's name in the run directory, of this run and of the last one.
const RINGS: [&str; 2] = ["flight.ring", "flight.ring.previous"];

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
    files: Vec<Found>,
    /// Addresses of the node that took a capture, and keepalived's log beside it.
    capture: formats::CaptureOptions,
    /// How many files were handed out one by one.
    pieces: usize,
}

#[derive(Clone, Debug)]
struct Found {
    kind: Kind,
    path: PathBuf,
    /// What is told to people: the directory of a journal.
    shown: PathBuf,
    bytes: u64,
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
        let mut files = Vec::new();
        match place {
            Place::Here {
                run_dir,
                journal_dir,
            } => {
                let mut refused = None;
                for directory in [run_dir, journal_dir] {
                    match directory_files(directory) {
                        Ok(found) => files.extend(found),
                        Err(SourceError::Missing(_)) => {}
                        Err(error @ SourceError::NoPermission(_)) => refused = Some(error),
                        Err(error) => return Err(error),
                    }
                }
                if files.is_empty() {
                    return Err(refused.unwrap_or_else(|| SourceError::Nothing {
                        run_dir: run_dir.to_owned(),
                        journal_dir: journal_dir.to_owned(),
                    }));
                }
            }
            Place::Given(paths) => {
                for path in paths {
                    let meta = fs::metadata(path).map_err(|error| SourceError::of(path, error))?;
                    if !meta.is_dir() {
                        files.push(file(path, path)?);
                        continue;
                    }
                    let found = directory_files(path)?;
                    if found.is_empty() {
                        let text = String::from("the directory holds no such file");
                        return Err(SourceError::NotOurs(path.clone(), text));
                    }
                    files.extend(found);
                }
            }
        }
        let capture = formats::CaptureOptions::new(node, log);
        Ok(Self {
            files,
            capture,
            pieces: 0,
        })
    }

    /// The next file's records, oldest first; none where all were handed out. For records too long for one reading.
    ///
    /// # Errors
    /// As reading all of it.
    pub(crate) fn next_piece(&mut self, want: &Want) -> Result<Option<Vec<Node>>, SourceError> {
        let Some(found) = self.files.get(self.pieces) else {
            return Ok(None);
        };
        self.pieces += 1;
        let mut nodes = Vec::new();
        read_into(&mut nodes, found, want, &self.capture)?;
        Ok(Some(nodes))
    }
}

impl Records for Opened {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|found| found.bytes).sum()
    }

    fn read(&self, want: &Want) -> Result<Vec<Node>, SourceError> {
        let mut nodes = Vec::new();
        for found in &self.files {
            read_into(&mut nodes, found, want, &self.capture)?;
        }
        for node in &mut nodes {
            node.history.settle();
            clip(&mut node.history.detailed, want);
        }
        Ok(nodes)
    }
}

/// Full records exist only where they were asked for.
fn clip(detailed: &mut Vec<(vrrp_record::history::Time, vrrp_record::history::Time)>, want: &Want) {
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

/// Reads one file and adds it to the node that it belongs to.
fn read_into(
    nodes: &mut Vec<Node>,
    found: &Found,
    want: &Want,
    capture: &formats::CaptureOptions,
) -> Result<(), SourceError> {
    let origin = Origin {
        kind: found.kind,
        path: found.shown.clone(),
    };
    let mut history = match found.kind {
        Kind::Capture => formats::capture(&found.path, capture)?,
        Kind::Ring => formats::ring(&found.path, found.path.ends_with(RINGS[1]))?,
        Kind::Journal | Kind::Bundle => {
            let text = String::from("this version cannot read it");
            return Err(SourceError::NotOurs(found.path.clone(), text));
        }
    };
    formats::cut(&mut history, want);
    let same = nodes.iter_mut().find(|node| {
        let host = &node.history.node.host;
        // A capture is a view of its own, whoever took it.
        found.kind != Kind::Capture && !host.is_empty() && *host == history.node.host
    });
    match same {
        Some(node) => {
            node.history.absorb(history);
            if !node.origins.contains(&origin) {
                node.origins.push(origin);
            }
        }
        None => nodes.push(Node {
            history,
            origins: vec![origin],
        }),
    }
    Ok(())
}

/// The files of records in a directory: journal first, oldest segment first, then the last run's ring, then this one's.
fn directory_files(directory: &Path) -> Result<Vec<Found>, SourceError> {
    let failed = |error| SourceError::of(directory, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if RINGS.contains(&name.as_str()) || name.ends_with(".vrj") {
            paths.push(path);
        }
    }
    // Segments are named so that their order is that of their time.
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match file(&path, directory) {
            Ok(found) => files.push(found),
            // Rotated away since it was listed, or another file of that name.
            Err(SourceError::Missing(_) | SourceError::NotOurs(..)) => {}
            Err(error) => return Err(error),
        }
    }
    files.sort_by_key(|found| match found.kind {
        Kind::Journal | Kind::Bundle | Kind::Capture => 0,
        Kind::Ring if found.path.ends_with(RINGS[1]) => 1,
        Kind::Ring => 2,
    });
    Ok(files)
}

/// One file, by its first bytes.
fn file(path: &Path, shown: &Path) -> Result<Found, SourceError> {
    let failed = |error| SourceError::of(path, error);
    let mut opened = File::open(path).map_err(failed)?;
    let bytes = opened.metadata().map_err(failed)?.len();
    let mut first = [0; 16];
    let read = fill(&mut opened, &mut first).map_err(failed)?;
    if bytes == 0 && read == 0 {
        return Err(SourceError::NotOurs(
            path.to_owned(),
            String::from("it is empty"),
        ));
    }
    let Some(kind) = formats::kind(&first[..read]) else {
        let text = String::from("its first bytes are those of no format that is known here");
        return Err(SourceError::NotOurs(path.to_owned(), text));
    };
    let shown = if kind == Kind::Journal { shown } else { path };
    Ok(Found {
        kind,
        path: path.to_owned(),
        shown: shown.to_owned(),
        bytes,
    })
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
