//! The formats of vrrp-record, one by one: which of them a file has, and how it becomes a history.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::capture;
use vrrp_record::history::{History, Want};
use vrrp_record::ring::{self, Ended};

use super::{Kind, SourceError};

/// Largest log of keepalived that is read.
const LOG_LIMIT: u64 = 256 * 1024 * 1024;

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

/// Largest flight recorder that is read; --ring-size allows less.
const RING_LIMIT: u64 = 1024 * 1024 * 1024;

/// What a file that begins so is.
pub(super) fn kind(first: &[u8]) -> Option<Kind> {
    if first.starts_with(b"VRRPRING") {
        Some(Kind::Ring)
    } else {
        capture::is_capture(first).then_some(Kind::Capture)
    }
}

/// Reads a flight recorder. `over` says that its run has ended: the file was put aside by a later one.
pub(super) fn ring(path: &Path, over: bool) -> Result<History, SourceError> {
    let reading = ring::read(&whole(path, RING_LIMIT)?)
        .map_err(|error| SourceError::NotOurs(path.to_owned(), error.to_string()))?;
    let mut history = reading.history;
    if let (Ended::Unknown(Some(last)), true) = (reading.ended, over) {
        for run in &mut history.runs {
            run.ended = run.ended.or(Some(last));
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

/// Reads a capture and the log beside it.
pub(super) fn capture(path: &Path, options: &CaptureOptions) -> Result<History, SourceError> {
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

/// Leaves what is wanted of a history that was read whole.
pub(super) fn cut(history: &mut History, want: &Want) {
    history.sent.retain(|sent| want.advert_at(sent.due));
    history.received.retain(|one| want.advert_at(one.at()));
    history.rejected.retain(|one| want.advert_at(one.at));
    history.stalls.retain(|stall| want.advert_at(stall.at));
    history.samples.retain(|sample| want.sample_at(sample.at));
    if !want.minutes {
        history.minutes.clear();
    }
}
