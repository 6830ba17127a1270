//! Decides what goes to the journal: every event and verdict, minutes as histograms, and full detail around what happened.
//!
//! Windows of full detail begin a minute before a happening and end half a minute after it. They coalesce, and those
//! without a transition are limited per router and hour. Records are written a few seconds late, when their stamps have
//! come. Touches no disk: pieces go to the writer's mailbox.

use std::collections::HashMap;

use vrrp_record::event::{Event, Kind};
use vrrp_record::history::{Minute, Router, Time};
use vrrp_record::journal::{Frames, Note};
use vrrp_record::ring::RunHeader;
use vrrp_record::status::Unavailable;
use vrrp_record::text::Name;
use vrrp_record::verdict::Verdict;

use super::disk::Bounds;
use super::past::Past;
use super::writer::{Piece, Writer};

const SECOND: i64 = 1_000_000_000;
/// Full detail before a happening.
pub(super) const BEFORE: i64 = 60 * SECOND;
/// And after it.
pub(super) const AFTER: i64 = 30 * SECOND;
/// Records are written when they are so old, and nothing more is expected of them.
const SETTLED: i64 = 6 * SECOND;
/// How often an open window is written.
const BATCH: i64 = 2 * SECOND;
/// Windows without a transition, of one router in an hour.
const WINDOWS: u32 = 6;
/// And of all routers together.
const ALL_WINDOWS: u32 = 30;
const HOUR: i64 = 3_600 * SECOND;

/// A window of full detail.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Time,
    until: Time,
    /// Written up to here.
    written: Time,
    transition: bool,
}

/// What is kept.
#[derive(Debug)]
pub(super) struct Keeper {
    frames: Frames,
    writer: Writer,
    window: Option<Window>,
    /// Full detail was written up to here.
    detailed: Time,
    hour: Time,
    windows: HashMap<Option<Name>, u32>,
    lost: u64,
    lost_since: Option<Time>,
}

impl Keeper {
    pub(super) fn new(run: RunHeader, writer: Writer) -> Self {
        Self {
            // Before its start the run knows nothing.
            detailed: run.started,
            frames: Frames::new(run),
            writer,
            window: None,
            hour: Time(i64::MIN),
            windows: HashMap::new(),
            lost: 0,
            lost_since: None,
        }
    }

    /// What positions in records mean from now on. False where the mailbox is full: it has to be told again, or later
    /// files would begin with what held before.
    pub(super) fn describe(&self, routers: &[Router], unavailable: &[Unavailable]) -> bool {
        let positioned: Vec<(u16, Router)> = (0..).zip(routers.iter().cloned()).collect();
        let mut head = Vec::new();
        self.frames.head(&positioned, unavailable, &mut head);
        let taken = self.writer.head(head.clone());
        if taken {
            self.put(head, 0, false);
        }
        taken
    }

    /// Other bounds from now on. A mailbox that is full keeps the old ones until the next reload.
    pub(super) fn bound(&self, bounds: Bounds) {
        self.writer.bound(bounds);
    }

    /// An event; one with a number opens or prolongs a window.
    pub(super) fn event(&mut self, event: &Event, at: Time) {
        let mut bytes = Vec::new();
        self.frames.event(event, &mut bytes);
        let transition = matches!(event.kind, Kind::Transition { .. });
        self.put(bytes, 1, transition);
        if event.kind.number().is_some() {
            self.open(event.kind.router().copied(), at, transition);
        }
    }

    /// A verdict on the happening of a number.
    pub(super) fn verdict(&mut self, number: u32, verdict: &Verdict) {
        let mut bytes = Vec::new();
        if self
            .frames
            .verdict(number, verdict.as_of, verdict, &mut bytes)
        {
            self.put(bytes, 1, false);
        }
    }

    /// Minutes that are over.
    pub(super) fn minutes(&mut self, minutes: &[Minute]) {
        if !minutes.is_empty() {
            let mut bytes = Vec::new();
            self.frames.minutes(minutes, &mut bytes);
            let count = u32::try_from(minutes.len()).unwrap_or(u32::MAX);
            self.put(bytes, count, false);
        }
    }

    fn open(&mut self, router: Option<Name>, at: Time, transition: bool) {
        if let Some(window) = &mut self.window {
            window.until = window.until.max(at.plus(AFTER));
            window.transition |= transition;
            return;
        }
        if at.0.saturating_sub(self.hour.0) >= HOUR {
            self.hour = at;
            self.windows.clear();
        }
        let all: u32 = self.windows.values().sum();
        let count = self.windows.entry(router).or_default();
        if !transition && (*count >= WINDOWS || all >= ALL_WINDOWS) {
            return;
        }
        *count += 1;
        let from = at.plus(-BEFORE).max(self.detailed);
        self.window = Some(Window {
            from,
            until: at.plus(AFTER),
            written: from,
            transition,
        });
    }

    /// Writes what is ready of an open window, and notes on what was lost.
    pub(super) fn turn(&mut self, past: &Past, now: Time) {
        self.note_losses(now);
        let Some(mut window) = self.window else {
            return;
        };
        let ready = now.plus(-SETTLED).min(window.until);
        let ends = ready >= window.until;
        if !ends && ready.since(window.written) < BATCH {
            return;
        }
        self.detail(past, window.written, ready, window.transition, !ends);
        window.written = ready;
        self.detailed = ready;
        if ends {
            let mut bytes = Vec::new();
            self.frames.detailed(window.from, window.until, &mut bytes);
            self.put(bytes, 1, window.transition);
            self.window = None;
        } else {
            self.window = Some(window);
        }
    }

    fn detail(&mut self, past: &Past, from: Time, until: Time, transition: bool, goes_on: bool) {
        let (records, samples) = past.between(from, until);
        let mut bytes = Vec::new();
        self.frames.records(&records, &mut bytes);
        self.frames.samples(&samples, &mut bytes);
        let count = records.len() + samples.len();
        self.writer.write(Piece {
            bytes,
            records: u32::try_from(count).unwrap_or(u32::MAX),
            transition,
            goes_on,
        });
    }

    /// Says in the journal itself that something is missing, once something can be written again.
    fn note_losses(&mut self, now: Time) {
        let lost = self.writer.lost();
        if lost == self.lost {
            if self.writer.is_healthy()
                && let Some(since) = self.lost_since.take()
            {
                let mut bytes = Vec::new();
                let note = Note {
                    from: since,
                    until: now,
                    lost: self.lost,
                    text: "the journal could not be written".to_owned(),
                };
                self.frames.note(&note, &mut bytes);
                self.put(bytes, 1, false);
            }
            return;
        }
        self.lost = lost;
        self.lost_since.get_or_insert(now);
    }

    /// The end of the run, with everything that is still open.
    pub(super) fn end(&mut self, past: &Past, minutes: &[Minute], now: Time, clean: bool) {
        self.minutes(minutes);
        if let Some(window) = self.window.take() {
            let until = now.min(window.until);
            self.detail(past, window.written, until, window.transition, true);
            let mut bytes = Vec::new();
            self.frames.detailed(window.from, until, &mut bytes);
            self.put(bytes, 1, window.transition);
        }
        let mut bytes = Vec::new();
        self.frames.ended(now, clean, &mut bytes);
        self.put(bytes, 1, false);
    }

    fn put(&self, bytes: Vec<u8>, records: u32, transition: bool) {
        let goes_on = self.window.is_some();
        self.writer.write(Piece {
            bytes,
            records,
            transition,
            goes_on,
        });
    }
}

#[cfg(test)]
mod tests;
