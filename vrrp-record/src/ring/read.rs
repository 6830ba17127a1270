//! A ring's file as a history, and how the run that wrote it ended.
//!
//! Takes a copy of the file: of a daemon that died, or of one that goes on writing. Never panics, whatever the bytes.

use std::fmt;

use super::header::{
    ENTRIES, ENTRY, ENTRY_FIXED, FORMAT, HEADER, JSON, LIFE, Life, MAGIC, ROUTER, RunHeader, TABLE,
};
use super::layout::{Layout, RegionId, Slots};
use super::record::{Record, Transition};
use super::resume::Resume;
use super::slot::{Found, Open, kind, open};
use crate::history::{History, Minute, Numbered, Router, Time, Want, cut_out};

/// A ring's content.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The run that wrote it.
    pub run: RunHeader,
    /// How it ended.
    pub ended: Ended,
    /// Its records.
    pub history: History,
    /// Changes of state as the engine wrote them.
    pub transitions: Vec<Transition>,
    /// What a resume needs, for each router that has it.
    pub resumes: Vec<Resume>,
    /// Slots whose checksum failed.
    pub damaged: u32,
    /// Slots that were being written.
    pub unfinished: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It said goodbye.
    Clean(Time),
    /// It did not: killed, crashed, the machine went down, or it still runs. This is its last sign of life or its last
    /// record.
    Unknown(Option<Time>),
}

/// The bytes are no ring that this program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotARing {
    /// The first bytes are others.
    Magic,
    /// Written in a format of this number, whose oldest reader is newer than this program.
    Newer(u16),
    /// The header is damaged or cut off.
    Header,
}

impl fmt::Display for NotARing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a flight recorder: it does not begin with VRRPRING"),
            Self::Newer(format) => write!(
                f,
                "flight recorder of format {format}: this program reads up to {FORMAT}; use the vrrpctl that came with the daemon"
            ),
            Self::Header => f.write_str("the header of the flight recorder is damaged"),
        }
    }
}

impl std::error::Error for NotARing {}

/// Reads a ring.
///
/// # Errors
///
/// Where it is none, or its header is damaged. Damage elsewhere costs the records that it hit.
pub fn read(bytes: &[u8]) -> Result<Reading, NotARing> {
    let (run, regions, routers) = header(bytes)?;
    let mut reading = Reading {
        history: History {
            node: run.node(),
            ..History::default()
        },
        ended: Ended::Unknown(None),
        run,
        transitions: Vec::new(),
        resumes: Vec::new(),
        damaged: 0,
        unfinished: 0,
    };
    let life = latest(bytes, LIFE, Life::of);
    for router in 0..routers {
        reading
            .resumes
            .extend(proven(bytes, Layout::resume(router)));
    }
    let described = (0..routers).map(|router| describe(bytes, router));
    let described: Vec<Option<Router>> = described.collect();
    let mut parts = Parts::default();
    for (id, slots) in regions {
        region(bytes, id, slots, &mut reading, &mut parts);
    }
    parts.finish(&reading.run, &mut reading.history);
    let transitions = std::mem::take(&mut parts.transitions);
    reading.transitions = transitions;
    reading.transitions.sort_by_key(|one| one.at);
    drop_impossible(&mut reading.history);
    reading.history.routers = routers_of(described, &reading.history);
    reading.history.settle();
    conclude(&mut reading, life, &parts);
    Ok(reading)
}

/// Tells how the run ended, and for which time everything is there.
fn conclude(reading: &mut Reading, life: Option<Life>, parts: &Parts) {
    let history = &reading.history;
    let last = [
        history.sent.last().map(|sent| sent.due),
        history.received.last().map(|one| one.at()),
        history.samples.last().map(|sample| sample.at),
        history.events.last().map(|event| event.at),
        life.map(|life| life.beat),
    ];
    let last = last.into_iter().flatten().max();
    reading.ended = match life.and_then(|life| life.ended) {
        Some(ended) => Ended::Clean(ended),
        None => Ended::Unknown(last),
    };
    let run = match reading.ended {
        Ended::Clean(ended) => reading.run.run(Some(ended), true),
        Ended::Unknown(_) => reading.run.run(None, false),
    };
    reading.history.runs = vec![run];
    if let (Some(from), Some(until)) = (parts.whole_from, last)
        && from <= until
    {
        let until = parts.whole_until.unwrap_or(until);
        let detailed = &mut reading.history.detailed;
        detailed.push((from, until));
        for hole in &parts.holes {
            cut_out(detailed, *hole);
        }
    }
}

/// The run, its regions, and the number of places for routers.
type Header = (RunHeader, Vec<(RegionId, Slots)>, u16);

/// The header's parts, checked.
fn header(bytes: &[u8]) -> Result<Header, NotARing> {
    if bytes.get(..8) != Some(&MAGIC[..]) {
        return Err(NotARing::Magic);
    }
    let page = bytes.get(..HEADER).ok_or(NotARing::Header)?;
    let number = |at: usize, length: usize| {
        let mut wide = [0; 8];
        wide[..length].copy_from_slice(&page[at..at + length]);
        u64::from_le_bytes(wide)
    };
    let small = |at, length| usize::try_from(number(at, length)).map_err(|_| NotARing::Header);
    let (count, json) = (small(26, 2)?, small(28, 4)?);
    let end = JSON.checked_add(json).filter(|end| *end <= HEADER);
    let (Some(end), true) = (end, count <= ENTRIES) else {
        return Err(NotARing::Header);
    };
    let mut sum = crc32fast::Hasher::new();
    sum.update(&page[..40]);
    for position in 0..count {
        let at = TABLE + position * ENTRY;
        sum.update(&page[at..at + ENTRY_FIXED]);
    }
    sum.update(&page[JSON..end]);
    if u64::from(sum.finalize()) != number(40, 4) && !cfg!(fuzzing) {
        return Err(NotARing::Header);
    }
    let format = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
    if format(10) > FORMAT {
        return Err(NotARing::Newer(format(8)));
    }
    let run = serde_json::from_slice(&page[JSON..end]).map_err(|_| NotARing::Header)?;
    let mut regions = Vec::new();
    for position in 0..count {
        let at = TABLE + position * ENTRY;
        // A region that a later format adds is skipped.
        let Some(id) = u32::try_from(number(at, 4)).ok().and_then(RegionId::of) else {
            continue;
        };
        regions.push((
            id,
            Slots {
                size: small(at + 4, 4)?,
                count: small(at + 8, 8)?,
                offset: small(at + 16, 8)?,
            },
        ));
    }
    let fits = (number(32, 4), number(36, 4)) == (HEADER as u64, ROUTER as u64);
    let routers = if fits { number(24, 2) } else { 0 };
    Ok((run, regions, u16::try_from(routers).unwrap_or_default()))
}

/// The good one of two copies with the higher number.
fn latest<T>(bytes: &[u8], slots: Slots, decode: impl Fn(&Open<'_>) -> Option<T>) -> Option<T> {
    let copies = bytes
        .get(slots.offset..)?
        .chunks_exact(slots.size)
        .take(slots.count);
    let good = copies.filter_map(|slot| match open(slot) {
        Found::Good(open) => Some((open.seq, decode(&open)?)),
        Found::Empty | Found::Unfinished | Found::Damaged | Found::Newer => None,
    });
    good.max_by_key(|(seq, _)| *seq).map(|(_, value)| value)
}

/// What a resume needs, where it is certain to be the last that was written: no copy is damaged or was being written.
fn proven(bytes: &[u8], slots: Slots) -> Option<Resume> {
    let copies = bytes.get(slots.offset..slots.offset + slots.count * slots.size)?;
    let certain = copies
        .chunks_exact(slots.size)
        .all(|slot| matches!(open(slot), Found::Good(_) | Found::Empty));
    certain.then(|| latest(bytes, slots, Resume::of)).flatten()
}

fn describe(bytes: &[u8], router: u16) -> Option<Router> {
    latest(bytes, Layout::description(router), |open| {
        let length = open.body.get(..2)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        (open.kind == kind::ROUTER)
            .then(|| serde_json::from_slice(open.body.get(2..2 + length)?).ok())
            .flatten()
    })
}

/// Most positions of routers that a reader believes. A node has a few; a damaged number must not cost its memory.
pub(crate) const MOST_ROUTERS: usize = 4096;

/// Leaves out what tells of a router whose position cannot be true.
pub(crate) fn drop_impossible(history: &mut History) {
    let possible = |router: u16| usize::from(router) < MOST_ROUTERS;
    history.sent.retain(|one| possible(one.router));
    history.received.retain(|one| possible(one.router));
    history.rejected.retain(|one| possible(one.router));
    history.minutes.retain(|one| possible(one.router));
}

/// The routers in their positions; a record's router without description gets a name that says so.
pub(crate) fn routers_of(described: Vec<Option<Router>>, history: &History) -> Vec<Router> {
    let named = history.sent.iter().map(|one| one.router);
    let named = named.chain(history.received.iter().map(|one| one.router));
    let named = named.chain(history.rejected.iter().map(|one| one.router));
    let named = named.chain(history.minutes.iter().map(|one| one.router));
    let named = named.max().map_or(0, |last| usize::from(last) + 1);
    let known = described.iter().rposition(Option::is_some);
    let known = known.map_or(0, |last| last + 1);
    let mut described = described.into_iter();
    (0..named.max(known))
        .map(|position| {
            let description = described.next().flatten();
            description.unwrap_or_else(|| Router {
                name: format!("router {position} (its description is lost)"),
                interface: format!("router {position}"),
                vrid: 0,
                ipv6: false,
                version: 0,
                source: None,
                interval: 0,
                priority: 0,
                preempt: false,
                down_adverts: 0,
                addresses: Vec::new(),
            })
        })
        .collect()
}

/// Reads a region.
fn region(bytes: &[u8], id: RegionId, slots: Slots, reading: &mut Reading, parts: &mut Parts) {
    let name = id.name();
    let whole = slots.size.checked_mul(slots.count);
    let whole = whole.and_then(|length| slots.offset.checked_add(length));
    let Some(end) = whole.filter(|_| slots.size == id.slot()) else {
        let line = format!("flight recorder: region {name} has a shape that is not known");
        reading.history.damage.push(line);
        parts.holes.push((Time(i64::MIN), Time(i64::MAX)));
        return;
    };
    let here = bytes
        .get(slots.offset.min(bytes.len())..end.min(bytes.len()))
        .unwrap_or_default();
    let mut good = Vec::new();
    let (mut damaged, mut newer, mut unfinished) = (0_u32, 0_u32, 0_u32);
    for (position, slot) in here.chunks_exact(slots.size).enumerate() {
        match open(slot) {
            Found::Empty => {}
            Found::Unfinished => unfinished += 1,
            Found::Damaged => damaged += 1,
            Found::Newer => newer += 1,
            Found::Good(open) => {
                // A record in another's place was not written there.
                if (open.seq - 1) % slots.count as u64 == position as u64 {
                    good.push(open);
                } else {
                    damaged += 1;
                }
            }
        }
    }
    let damage = &mut reading.history.damage;
    if here.len() < end - slots.offset.min(end) {
        damage.push(format!(
            "flight recorder: cut off; {} bytes of region {name} are missing",
            end - slots.offset - here.len()
        ));
    }
    if damaged > 0 {
        damage.push(format!(
            "flight recorder: {damaged} of {} slots of region {name} are damaged and left out",
            slots.count
        ));
    }
    if newer > 0 {
        damage.push(format!(
            "flight recorder: {newer} records of region {name} are of a newer version and left out"
        ));
    }
    reading.damaged += damaged;
    reading.unfinished += unfinished;
    good.sort_by_key(|open| open.seq);
    if matches!(id, RegionId::Adverts | RegionId::Kept) {
        let cut_off = here.len() < slots.count * slots.size;
        let incomplete = damaged + newer + unfinished > 0 || cut_off;
        extent(
            id,
            &good,
            slots.count,
            incomplete,
            reading.run.started,
            parts,
        );
    }
    for open in &good {
        deliver(open, &Want::all(), &mut reading.history, parts);
    }
}

/// Tells for which time a region of adverts holds everything: since its oldest record, but for the numbers that are missing.
fn extent(
    id: RegionId,
    good: &[Open<'_>],
    count: usize,
    incomplete: bool,
    started: Time,
    parts: &mut Parts,
) {
    /// An advert that is written late tells of an earlier time than the records around it: by no more than this, or the
    /// stall that made it late is an anomaly itself.
    const LATE: i64 = 10_000_000_000;
    let at = |open: &Open<'_>| Record::of(open).map(|record| record.at());
    let written = |open: &Open<'_>| Record::of(open).map(|record| record.written());
    let last = good.last().map_or(0, |open| open.seq);
    // Numbers below were overwritten, as they must be; what else is missing was damaged, or was being written.
    let overwritten = last.saturating_sub(count as u64);
    let present: Vec<&Open<'_>> = good.iter().filter(|open| open.seq > overwritten).collect();
    for pair in present.windows(2) {
        if pair[1].seq != pair[0].seq + 1
            && let (Some(before), Some(after)) = (at(pair[0]), written(pair[1]))
        {
            parts.holes.push((before.plus(-LATE), after));
        }
    }
    let from = match present.first() {
        Some(first) if first.seq == 1 && !incomplete => Some(started),
        Some(first) => written(first).map(|time| time.plus(1)),
        None => (id == RegionId::Kept && !incomplete).then_some(started),
    };
    parts.whole_from = match (id, from) {
        // What is anomalous stands in the other region only.
        (RegionId::Kept, Some(from)) => parts.whole_from.map(|other| other.max(from)),
        (RegionId::Kept, None) => None,
        _ => from,
    };
    if incomplete {
        // Damage behind the last good record hides how far the region went.
        let last = good.last().and_then(at).map(|last| last.plus(-LATE));
        let known = [parts.whole_until, last].into_iter().flatten().min();
        match known {
            Some(until) => parts.whole_until = Some(until),
            None => parts.whole_from = None,
        }
    }
}

/// What needs more than one slot, or a place that a history does not have.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    text: Vec<u8>,
    /// The number that the next part of the text must have.
    next: u64,
    minutes: std::collections::BTreeMap<(Time, u16, u8), (Minute, u64)>,
    events: Vec<crate::event::Event>,
    /// Since when all adverts are there, until when, and when not.
    whole_from: Option<Time>,
    whole_until: Option<Time>,
    holes: Vec<(Time, Time)>,
    pub(crate) transitions: Vec<Transition>,
}

impl Parts {
    /// Hands over what was gathered.
    pub(crate) fn finish(&mut self, run: &RunHeader, history: &mut History) {
        // One that lacks a part, overwritten or damaged, would be wrong.
        let whole = std::mem::take(&mut self.minutes)
            .into_values()
            .filter(|(minute, total)| minute.histogram.count() == *total);
        history.minutes.extend(whole.map(|(minute, _)| minute));
        history
            .events
            .extend(self.events.drain(..).map(|event| Numbered {
                at: run.time(event.monotonic_ns),
                run: 0,
                event,
            }));
    }
}

/// Puts a slot's record into a history, or into the parts.
pub(crate) fn deliver(open: &Open<'_>, want: &Want, history: &mut History, parts: &mut Parts) {
    match open.kind {
        kind::SAMPLES => {
            history
                .samples
                .extend(super::samples::decode(open).filter(|sample| want.sample_at(sample.at)));
        }
        kind::MINUTE => {
            if let Some((minute, total)) = super::minutes::decode(open).filter(|_| want.minutes) {
                let stage = super::codes::stage(minute.stage);
                parts
                    .minutes
                    .entry((minute.at, minute.router, stage))
                    .and_modify(|(known, _)| known.histogram.add(&minute.histogram))
                    .or_insert((minute, total));
            }
        }
        kind::TEXT_PART | kind::EVENT | kind::UNAVAILABLE => text(open, history, parts),
        _ => match Record::of(open) {
            Some(record) if want.advert_at(record.at()) => match record {
                Record::Sent(sent) => history.sent.push(sent),
                Record::Received(received) => history.received.push(received),
                Record::Rejected(rejected) => history.rejected.push(rejected),
                Record::Stall(stall) => history.stalls.push(stall),
                Record::Transition(transition) => parts.transitions.push(transition),
            },
            Some(_) | None => {}
        },
    }
}

fn text(open: &Open<'_>, history: &mut History, parts: &mut Parts) {
    if open.seq != parts.next {
        parts.text.clear();
    }
    let begins = parts.text.is_empty();
    let part = open.body.get(..open.tag.into()).unwrap_or_default();
    parts.text.extend_from_slice(part);
    parts.next = open.seq.wrapping_add(1);
    if open.kind == kind::TEXT_PART {
        return;
    }
    let text = std::mem::take(&mut parts.text);
    let lost = if open.kind == kind::EVENT {
        serde_json::from_slice(&text)
            .map(|event| parts.events.push(event))
            .is_err()
    } else {
        serde_json::from_slice(&text)
            .map(|missing| history.unavailable.push(missing))
            .is_err()
    };
    // The rest of a text whose beginning was overwritten is no damage.
    if lost && !begins {
        history
            .damage
            .push(format!("event record {} cannot be read", open.seq));
    }
}
