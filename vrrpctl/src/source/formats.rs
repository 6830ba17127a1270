//! The formats of vrrp-record, one by one: which of them a file has, and how it becomes a history.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::bundle::{self, Bundle, part};
use vrrp_record::capture;
use vrrp_record::history::{History, Want};
use vrrp_record::journal::{self, Explained};
use vrrp_record::ring::{self, Ended};
use vrrp_record::status::Status;

use super::{Kind, RINGS, SourceError};

/// Largest log of keepalived that is read.
const LOG_LIMIT: u64 = 256 * 1024 * 1024;
/// Largest flight recorder that is read; --ring-size allows less.
const RING_LIMIT: u64 = 1024 * 1024 * 1024;
/// Room for reading a journal ahead.
const AHEAD: usize = 256 * 1024;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) history: History,
    /// Verdicts that the daemon made while it ran.
    pub(super) verdicts: Vec<Explained>,
}

/// What a capture does not tell itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct CaptureOptions {
    node: Vec<IpAddr>,
    log: Option<PathBuf>,
}

impl CaptureOptions {
    /// Addresses of the node, and keepalived's log of it.
    pub(super) fn new(node: &[IpAddr], log: Option<&Path>) -> Self {
        Self {
            node: node.to_vec(),
            log: log.map(Path::to_owned),
        }
    }
}

/// What a file that begins so is.
pub(super) fn kind(first: &[u8]) -> Option<Kind> {
    if first.starts_with(b"VRRPRING") {
        Some(Kind::Ring)
    } else if journal::is_journal(first) {
        Some(Kind::Journal)
    } else if capture::is_capture(first) {
        Some(Kind::Capture)
    } else {
        bundle::is_bundle(first).then_some(Kind::Bundle)
    }
}

/// Reads files of one kind: several segments of a journal, else one file.
///
/// Of a capture nothing is left out: without its adverts it tells nothing, and it holds nothing else.
pub(super) fn read(
    kind: Kind,
    paths: &[&Path],
    want: &Want,
    options: &CaptureOptions,
) -> Result<Read, SourceError> {
    let mut read = Read::default();
    for path in paths {
        match kind {
            Kind::Journal => return Ok(segments(paths, want)),
            Kind::Bundle => return bundled(path, want),
            Kind::Ring => read.history = recorder(path)?,
            Kind::Capture => {
                read.history = captured(path, options)?;
                continue;
            }
        }
        cut(&mut read.history, want);
    }
    Ok(read)
}

/// The status in a bundle.
///
/// # Errors
/// Where it is no bundle, or holds none.
pub(crate) fn status(path: &Path) -> Result<Status, SourceError> {
    let bundle = open_bundle(path)?;
    let Some(bytes) = bundle.part(part::STATUS) else {
        let text = String::from("it holds no status: it was made when no daemon answered");
        return Err(SourceError::Lacks(path.to_owned(), text));
    };
    serde_json::from_slice(bytes).map_err(|error| {
        SourceError::Lacks(
            path.to_owned(),
            format!("its status is not understood: {error}"),
        )
    })
}

fn segments(paths: &[&Path], want: &Want) -> Read {
    let opened = paths.iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = File::open(path).map(|file| BufReader::with_capacity(AHEAD, file));
        (name, file)
    });
    let reading = journal::read(opened, want);
    Read {
        history: reading.history,
        verdicts: reading.verdicts,
    }
}

fn open_bundle(path: &Path) -> Result<Bundle, SourceError> {
    let file = File::open(path).map_err(|error| SourceError::of(path, error))?;
    Bundle::read(BufReader::new(file)).map_err(|error| match error {
        bundle::Error::Read(error) => SourceError::of(path, error),
        error @ (bundle::Error::NotABundle | bundle::Error::Newer(_) | bundle::Error::TooLarge) => {
            SourceError::NotOurs(path.to_owned(), error.to_string())
        }
    })
}

fn bundled(path: &Path, want: &Want) -> Result<Read, SourceError> {
    let bundle = open_bundle(path)?;
    let mut read = Read {
        history: bundle.history(want),
        verdicts: bundle.journal(&Want::outline()).verdicts,
    };
    for missing in &bundle.manifest.missing {
        let mut missing = missing.clone();
        missing.what.push_str(" (not in the bundle)");
        read.history.unavailable.push(missing);
    }
    cut(&mut read.history, want);
    Ok(read)
}

fn recorder(path: &Path) -> Result<History, SourceError> {
    let reading = ring::read(&whole(path, RING_LIMIT)?)
        .map_err(|error| SourceError::NotOurs(path.to_owned(), error.to_string()))?;
    let mut history = reading.history;
    // Put aside by a later run, so its own has ended.
    if let (Ended::Unknown(Some(last)), true) = (reading.ended, path.ends_with(RINGS[1])) {
        for run in &mut history.runs {
            run.ended = run.ended.or(Some(last));
        }
    }
    Ok(history)
}

fn captured(path: &Path, options: &CaptureOptions) -> Result<History, SourceError> {
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let file = File::open(path).map_err(|error| SourceError::of(path, error))?;
    let wanted = capture::Options {
        name,
        node: options.node.clone(),
    };
    let mut history =
        capture::read(&mut BufReader::new(file), &wanted).map_err(|error| match error {
            capture::Error::Read(error) => SourceError::of(path, error),
            error @ (capture::Error::Format { .. }
            | capture::Error::Compressed
            | capture::Error::LinkType(_)
            | capture::Error::NoAdverts(_)) => {
                SourceError::NotOurs(path.to_owned(), error.to_string())
            }
        })?;
    if let Some(log) = &options.log {
        let bytes = whole(log, LOG_LIMIT)?;
        let text = String::from_utf8_lossy(&bytes);
        let summary = capture::log::merge(&text, &capture::log::Options::default(), &mut history);
        if summary.told == 0 {
            history.damage.push(format!(
                "{}: none of its {} lines of keepalived tells anything that is understood here",
                log.display(),
                summary.lines
            ));
        }
    }
    Ok(history)
}

/// A file's content, where it is not unreasonably long.
fn whole(path: &Path, limit: u64) -> Result<Vec<u8>, SourceError> {
    let failed = |error| SourceError::of(path, error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > limit {
        let text =
            format!("it has {length} bytes, more than the {limit} that are read of such a file");
        return Err(SourceError::Broken(path.to_owned(), io::Error::other(text)));
    }
    fs::read(path).map_err(failed)
}

/// Leaves what is wanted of a history that was read whole.
fn cut(history: &mut History, want: &Want) {
    history.sent.retain(|sent| want.advert_at(sent.due));
    history.received.retain(|one| want.advert_at(one.at()));
    history.rejected.retain(|one| want.advert_at(one.at));
    history.stalls.retain(|stall| want.advert_at(stall.at));
    history.samples.retain(|sample| want.sample_at(sample.at));
    if !want.minutes {
        history.minutes.clear();
    }
}
