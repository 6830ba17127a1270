//! What the run before left in its flight recorder and could not bring to the journal any more: the last events and
//! minutes, the windows of full detail that were open, and how it ended.
//!
//! What the journal has of that run is looked at first, so that little stands there twice; what does, counts once for a
//! reader. Frames go on behind the run's last number, since claims of whole stretches name frames by it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use vrrp_record::event::{Event, Kind};
use vrrp_record::history::{Minute, Sample, Time, Want, cut_out};
use vrrp_record::journal::{self, Frames};
use vrrp_record::ring::{self, Ended, Reading, Record};

use super::keeper::{AFTER, BEFORE};
use super::writer::{LOOKED_AT, Piece};

/// A minute is written when it is over; so long before the journal's last frame they are all there, in nanoseconds.
const MINUTES: i64 = 120_000_000_000;

/// The pieces that are missing in the journal's files, oldest first; none where the recorder is not there any more.
pub(super) fn inherit(ring: &Path, files: impl DoubleEndedIterator<Item = PathBuf>) -> Vec<Piece> {
    let Some(ring) = fs::read(ring)
        .ok()
        .and_then(|bytes| ring::read(&bytes).ok())
    else {
        return Vec::new();
    };
    let mut newest: Vec<PathBuf> = files.rev().take(LOOKED_AT).collect();
    newest.reverse();
    let opened = newest
        .iter()
        .map(|file| (file.display().to_string(), File::open(file)));
    missing(&ring, &journal::read(opened, &Want::outline()))
}

fn missing(ring: &Reading, kept: &journal::Reading) -> Vec<Piece> {
    let started = ring.run.started;
    let last = kept.numbered.get(&started).copied().unwrap_or_default();
    let mut frames = Frames::behind(ring.run.clone(), last);
    let mut pieces = Vec::new();
    pieces.extend(told(ring, kept, &mut frames));
    for (from, until) in windows(ring, kept) {
        pieces.extend(detail(ring, (from, until), &mut frames));
    }
    let is_over = kept
        .history
        .runs
        .iter()
        .any(|run| run.started == started && run.clean);
    if let (Some((at, clean)), false) = (end(ring), is_over) {
        let mut bytes = Vec::new();
        frames.ended(at, clean, &mut bytes);
        pieces.push(Piece {
            bytes,
            records: 1,
            transition: false,
            goes_on: false,
        });
    }
    if let Some(first) = pieces.first_mut() {
        // The files that begin with it may go before this one.
        let routers: Vec<_> = (0..).zip(ring.history.routers.iter().cloned()).collect();
        let mut bytes = Vec::new();
        frames.head(&routers, &ring.history.unavailable, &mut bytes);
        bytes.append(&mut first.bytes);
        first.bytes = bytes;
    }
    pieces
}

/// When it ended, and whether with a goodbye.
const fn end(ring: &Reading) -> Option<(Time, bool)> {
    match ring.ended {
        Ended::Clean(at) => Some((at, true)),
        Ended::Unknown(Some(at)) => Some((at, false)),
        Ended::Unknown(None) => None,
    }
}

/// The events and minutes that the journal lacks.
fn told(ring: &Reading, kept: &journal::Reading, frames: &mut Frames) -> Option<Piece> {
    let run = kept
        .history
        .runs
        .iter()
        .position(|run| run.started == ring.run.started);
    let known: HashSet<u64> = kept
        .history
        .events
        .iter()
        .filter(|event| Some(usize::from(event.run)) == run)
        .map(|event| event.event.seq)
        .collect();
    let events: Vec<&Event> = ring
        .history
        .events
        .iter()
        .map(|event| &event.event)
        .filter(|event| !known.contains(&event.seq))
        .collect();
    let until = run
        .and_then(|run| kept.history.runs.get(run)?.ended)
        .unwrap_or(ring.run.started)
        .plus(-MINUTES);
    let minutes: Vec<Minute> = ring
        .history
        .minutes
        .iter()
        .filter(|minute| minute.at >= until)
        .cloned()
        .collect();
    let mut bytes = Vec::new();
    for event in &events {
        frames.event(event, &mut bytes);
    }
    frames.minutes(&minutes, &mut bytes);
    let count = events.len() + minutes.len();
    (count > 0).then(|| Piece {
        bytes,
        records: u32::try_from(count).unwrap_or(u32::MAX),
        transition: events
            .iter()
            .any(|event| matches!(event.kind, Kind::Transition { .. })),
        goes_on: false,
    })
}

/// The stretches around what happened, and before an end without a goodbye, as far as the recorder has all of them and the
/// journal does not.
fn windows(ring: &Reading, kept: &journal::Reading) -> Vec<(Time, Time)> {
    let numbered = ring
        .history
        .events
        .iter()
        .filter(|event| event.event.kind.number().is_some())
        .map(|event| event.at);
    let ended = end(ring).filter(|(_, clean)| !clean).map(|(at, _)| at);
    let want = Want::all().within(
        numbered
            .chain(ended)
            .map(|at| (at.plus(-BEFORE), at.plus(AFTER)))
            .collect(),
    );
    let mut windows = Vec::new();
    for (from, until) in want.windows() {
        for (first, last) in &ring.history.detailed {
            let (from, until) = ((*from).max(*first), (*until).min(*last));
            if from < until {
                windows.push((from, until));
            }
        }
    }
    for stretch in &kept.history.detailed {
        cut_out(&mut windows, *stretch);
    }
    windows
}

fn detail(ring: &Reading, (from, until): (Time, Time), frames: &mut Frames) -> Option<Piece> {
    let history = &ring.history;
    let within = |at: Time| from <= at && at <= until;
    let mut records: Vec<Record> = history.sent.iter().copied().map(Record::Sent).collect();
    records.extend(history.received.iter().copied().map(Record::Received));
    records.extend(history.rejected.iter().copied().map(Record::Rejected));
    records.extend(history.stalls.iter().copied().map(Record::Stall));
    records.extend(ring.transitions.iter().copied().map(Record::Transition));
    records.retain(|record| within(record.at()));
    records.sort_by_key(Record::at);
    let samples: Vec<Sample> = history
        .samples
        .iter()
        .filter(|sample| within(sample.at))
        .copied()
        .collect();
    let count = records.len() + samples.len();
    if count == 0 {
        return None;
    }
    let mut bytes = Vec::new();
    frames.records(&records, &mut bytes);
    frames.samples(&samples, &mut bytes);
    frames.detailed(from, until, &mut bytes);
    let transition = |event: &vrrp_record::history::Numbered| {
        matches!(event.event.kind, Kind::Transition { .. })
            && from <= event.at.plus(BEFORE)
            && event.at.plus(-AFTER) <= until
    };
    Some(Piece {
        bytes,
        records: u32::try_from(count).unwrap_or(u32::MAX),
        transition: history.events.iter().any(transition),
        goes_on: false,
    })
}

#[cfg(test)]
mod tests;
