//! Making frames. They are appended to a buffer that the caller writes to a file in one go.

use std::collections::VecDeque;

use serde::Serialize;

use super::frame::{FRAME_HEAD, Head, LARGEST_PAYLOAD, VERSION, kind};
use super::read::Note;
use crate::event::Event;
use crate::history::{Minute, Router, Sample, Time};
use crate::ring::{ADVERT, Record, RunHeader, SAMPLES, Slot, samples};
use crate::status::Unavailable;

/// Most records in one frame: what one bit of damage costs.
pub const RECORDS: usize = 128;
/// Most frames of records that one claim of a whole stretch rests on.
const WITNESSES: usize = 10_000;

/// Makes the frames of one run and numbers them.
#[derive(Clone, Debug)]
pub struct Frames {
    run: RunHeader,
    next: u64,
    /// Frames of adverts made so far, with their times: what the claim of a whole stretch rests on.
    witnesses: VecDeque<(u64, (Time, Time))>,
    /// Before that, nothing is claimed any more.
    forgotten: Time,
}

impl Frames {
    /// For a run of the daemon.
    #[must_use]
    pub const fn new(run: RunHeader) -> Self {
        Self::behind(run, 0)
    }

    /// For a run that has written frames before, up to this number.
    #[must_use]
    pub const fn behind(run: RunHeader, last: u64) -> Self {
        Self {
            run,
            next: last.saturating_add(1),
            witnesses: VecDeque::new(),
            forgotten: Time(i64::MIN),
        }
    }

    /// What each segment begins with, so that it can be read alone: the run, its routers in their positions, and the
    /// evidence that it cannot give. Not counted, so the same bytes may begin any number of segments. Written again inside
    /// a segment when the routers change.
    pub fn head(&self, routers: &[(u16, Router)], unavailable: &[Unavailable], into: &mut Vec<u8>) {
        let at = self.run.started;
        let head = |kind, payload: Option<Vec<u8>>, into: &mut Vec<u8>| {
            if let Some(payload) = payload {
                self.frame(0, kind, (at, at), &payload, into);
            }
        };
        head(kind::RUN, json(&self.run), into);
        for router in routers {
            head(kind::ROUTER, json(router), into);
        }
        for missing in unavailable {
            head(kind::UNAVAILABLE, json(missing), into);
        }
    }

    /// Adverts, stalls and transitions, in any order.
    pub fn records(&mut self, records: &[Record], into: &mut Vec<u8>) {
        for batch in records.chunks(RECORDS) {
            let times = span(batch.iter().map(Record::at));
            let slots = batch.iter().map(Record::encode);
            self.witnesses.push_back((self.next, times));
            if self.witnesses.len() > WITNESSES
                && let Some((_, (_, until))) = self.witnesses.pop_front()
            {
                self.forgotten = self.forgotten.max(until);
            }
            self.slots(times, slots, into);
        }
    }

    /// Counters of the host, in order.
    pub fn samples(&mut self, all: &[Sample], into: &mut Vec<u8>) {
        let slots: Vec<(Time, Slot<ADVERT>)> = all
            .chunk_by(|one, next| one.at == next.at)
            .flat_map(|same| same.chunks(SAMPLES))
            .map(|eight| (eight[0].at, samples(eight[0].at, eight)))
            .collect();
        for batch in slots.chunks(RECORDS) {
            let times = span(batch.iter().map(|(at, _)| *at));
            self.slots(times, batch.iter().map(|(_, slot)| *slot), into);
        }
    }

    /// Histograms of minutes.
    pub fn minutes(&mut self, minutes: &[Minute], into: &mut Vec<u8>) {
        // A histogram has at most 512 buckets of at most seven bytes.
        for batch in minutes.chunks(64) {
            let times = span(batch.iter().map(|minute| minute.at));
            let mut payload = Vec::new();
            for minute in batch {
                super::minutes::encode(minute, times.0.0, &mut payload);
            }
            self.counted(kind::MINUTES, times, &payload, into);
        }
    }

    /// An event.
    pub fn event(&mut self, event: &Event, into: &mut Vec<u8>) {
        let at = self.run.time(event.monotonic_ns);
        self.json(kind::EVENT, (at, at), event, into);
    }

    /// A verdict on the happening of that number. A later one of the same number amends it; both are kept. False where its
    /// JSON is longer than a frame.
    pub fn verdict(
        &mut self,
        number: u32,
        at: Time,
        verdict: &impl Serialize,
        into: &mut Vec<u8>,
    ) -> bool {
        self.json(kind::VERDICT, (at, at), &(number, verdict), into)
    }

    /// What was lost or went wrong with recording itself.
    pub fn note(&mut self, note: &Note, into: &mut Vec<u8>) {
        self.json(kind::NOTE, (note.from, note.until), note, into);
    }

    /// Every advert between these times was given to [`Frames::records`] before. The claim names the frames that it rests
    /// on, so that a reader that lacks one of them does not believe it.
    pub fn detailed(&mut self, from: Time, until: Time, into: &mut Vec<u8>) {
        let from = from.max(self.forgotten);
        let mut payload = Vec::new();
        for (number, (first, last)) in &self.witnesses {
            if *first <= until && from <= *last {
                payload.extend_from_slice(&number.to_le_bytes());
                payload.extend_from_slice(&first.0.to_le_bytes());
                payload.extend_from_slice(&last.0.to_le_bytes());
            }
        }
        self.counted(kind::DETAILED, (from, until), &payload, into);
    }

    /// The run ends here; `clean` where it said goodbye.
    pub fn ended(&mut self, at: Time, clean: bool, into: &mut Vec<u8>) {
        self.json(kind::ENDED, (at, at), &clean, into);
    }

    fn slots(
        &mut self,
        times: (Time, Time),
        slots: impl Iterator<Item = Slot<ADVERT>>,
        into: &mut Vec<u8>,
    ) {
        let mut payload = Vec::with_capacity(RECORDS * ADVERT);
        for (number, slot) in (1..).zip(slots) {
            payload.extend_from_slice(&slot.seal(number));
        }
        self.counted(kind::RECORDS, times, &payload, into);
    }

    fn json(
        &mut self,
        kind: u8,
        times: (Time, Time),
        value: &impl Serialize,
        into: &mut Vec<u8>,
    ) -> bool {
        let Some(payload) = json(value) else {
            return false;
        };
        self.counted(kind, times, &payload, into);
        true
    }

    fn counted(&mut self, kind: u8, times: (Time, Time), payload: &[u8], into: &mut Vec<u8>) {
        self.frame(self.next, kind, times, payload, into);
        self.next += 1;
    }

    fn frame(
        &self,
        number: u64,
        kind: u8,
        (from, until): (Time, Time),
        payload: &[u8],
        into: &mut Vec<u8>,
    ) {
        let head = Head {
            kind,
            version: VERSION,
            length: payload.len(),
            sum: crc32fast::hash(payload),
            number,
            run: self.run.started.0,
            from: from.0,
            until: until.0,
        };
        into.reserve(FRAME_HEAD + payload.len());
        into.extend_from_slice(&head.encode());
        into.extend_from_slice(payload);
    }
}

/// A value as the payload of a frame; None where it is too long for one.
fn json(value: &impl Serialize) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).ok()?;
    (json.len() <= LARGEST_PAYLOAD).then_some(json)
}

fn span(times: impl Iterator<Item = Time> + Clone) -> (Time, Time) {
    let first = times.clone().min().unwrap_or_default();
    (first, times.max().unwrap_or_default())
}
