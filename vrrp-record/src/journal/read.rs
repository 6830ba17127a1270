//! Segments of a journal as a history.
//!
//! Frames outside of what is wanted are checked and skipped, so a long journal is read twice in little memory: once for its
//! events, once for the adverts around the interesting ones. What is damaged is left out and told.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::frame::{Head, MAGIC, VERSION, kind};
use super::scan::{Found, Scanner};
use crate::history::{History, Numbered, Router, Run, Source, Time, Want, cut_out};
use crate::ring::{
    self, ADVERT, MOST_ROUTERS, Parts, RunHeader, Transition, deliver, drop_impossible, routers_of,
};

/// A journal's content.
#[derive(Debug, Default)]
pub struct Reading {
    /// Its records.
    pub history: History,
    /// Changes of state as the engine wrote them. Their router is a position in the history.
    pub transitions: Vec<Transition>,
    /// Verdicts made while the daemon ran, in the order in which they were made.
    pub verdicts: Vec<Explained>,
    /// What the daemon told of its own recording.
    pub notes: Vec<Note>,
    /// The highest number of a frame of each run, by the run's start.
    pub numbered: BTreeMap<Time, u64>,
}

/// A verdict as it was made while the daemon ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// When.
    pub at: Time,
    /// The number of what it explains. A later one of the same number amends it.
    pub number: u32,
    /// The verdict.
    pub verdict: serde_json::Value,
}

/// What was lost or went wrong with recording itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The stretch of time that it concerns.
    pub from: Time,
    /// Its end.
    pub until: Time,
    /// Records that are missing, where that is known.
    #[serde(default)]
    pub lost: u64,
    /// What happened, as a sentence.
    pub text: String,
}

/// Whether a file that begins with these bytes is a segment of a journal.
#[must_use]
pub fn is_journal(first: &[u8]) -> bool {
    first.starts_with(&MAGIC)
}

/// Reads segments, oldest first, each with its name. One that cannot be opened or read further is told as damage.
///
/// Segments are opened by the iterator, one at a time.
pub fn read<N: Display, R: Read>(
    segments: impl IntoIterator<Item = (N, io::Result<R>)>,
    want: &Want,
) -> Reading {
    let mut reader = Reader {
        want,
        runs: BTreeMap::new(),
        verdicts: Vec::new(),
        notes: Vec::new(),
        damage: Vec::new(),
    };
    for (name, segment) in segments {
        let read = segment.and_then(|segment| reader.segment(&name, segment));
        if let Err(error) = read {
            reader
                .damage
                .push(format!("journal {name}: cannot be read further: {error}"));
        }
    }
    reader.finish()
}

struct Reader<'a> {
    want: &'a Want,
    runs: BTreeMap<i64, OneRun>,
    verdicts: Vec<Explained>,
    notes: Vec<Note>,
    damage: Vec<String>,
}

/// What was read of one run.
#[derive(Default)]
struct OneRun {
    header: Option<RunHeader>,
    routers: Vec<Option<Router>>,
    history: History,
    parts: Parts,
    events: Vec<crate::event::Event>,
    ended: Option<(Time, bool)>,
    /// Number of the last counted frame, and the last time that any told.
    last: u64,
    until: Option<Time>,
    /// Frames of adverts that were read.
    seen: HashSet<u64>,
    /// Claims of whole stretches, with the frames that each rests on.
    claims: Vec<Claim>,
    /// Times of which the daemon says that it lost records.
    holes: Vec<(Time, Time)>,
}

/// Every advert of a stretch is in the journal.
struct Claim {
    stretch: (Time, Time),
    /// Numbers and times of frames.
    witnesses: Vec<(u64, (Time, Time))>,
}

impl Claim {
    /// What of it holds, where these frames were read: a frame that is missing disproves this claim and no other.
    fn holds(&self, started: Time, seen: &HashSet<u64>) -> Vec<(Time, Time)> {
        // A window around the start reaches back to when nobody listened: of that time the run knows nothing.
        let (from, until) = (self.stretch.0.max(started), self.stretch.1);
        let mut stretches = vec![(from, until)];
        stretches.retain(|(from, until)| from < until);
        for (number, times) in &self.witnesses {
            if !seen.contains(number) {
                cut_out(&mut stretches, *times);
            }
        }
        stretches
    }
}

impl Reader<'_> {
    fn segment<R: Read>(&mut self, name: &impl Display, segment: R) -> io::Result<()> {
        let mut scanner = Scanner::new(segment);
        while let Some(found) = scanner.next()? {
            match found {
                Found::Frame(head) => self.frame(name, &head, scanner.payload()),
                Found::Damage {
                    offset,
                    bytes,
                    last,
                } => self.damage.push(if last {
                    format!(
                        "journal {name}: its last {bytes} bytes, from {offset} on, are no whole frame: the end was cut off"
                    )
                } else {
                    format!(
                        "journal {name}: {bytes} bytes from {offset} on are damaged and left out"
                    )
                }),
            }
        }
        Ok(())
    }

    fn frame(&mut self, name: &impl Display, head: &Head, payload: &[u8]) {
        let run = self.runs.entry(head.run).or_default();
        if head.number > 0 {
            let missing = head.number.saturating_sub(run.last.saturating_add(1));
            // The beginning of an old run goes with its oldest segments: that is no loss.
            if missing > 0 && run.last > 0 {
                let since = run
                    .until
                    .map_or_else(String::new, |until| format!(" after {until}"));
                self.damage.push(format!(
                    "journal {name}: {missing} frames are missing before frame {} of run {}{since}",
                    head.number,
                    Time(head.run)
                ));
            }
            run.last = run.last.max(head.number);
            run.until = run.until.max(Some(Time(head.until)));
        }
        let understood = head.version == VERSION && self.content(head, payload).is_some();
        if !understood {
            self.damage.push(format!(
                "journal {name}: a frame of kind {} version {} is not understood and left out",
                head.kind, head.version
            ));
        }
    }

    /// None where the payload is not what its kind says.
    fn content(&mut self, head: &Head, payload: &[u8]) -> Option<()> {
        let (from, until) = (Time(head.from), Time(head.until));
        let run = self.runs.entry(head.run).or_default();
        match head.kind {
            kind::RUN => run.header = Some(json(payload)?),
            kind::ROUTER => {
                let (position, router): (u16, Router) = json(payload)?;
                let position = usize::from(position);
                if position >= MOST_ROUTERS {
                    return None;
                }
                if run.routers.len() <= position {
                    run.routers.resize(position + 1, None);
                }
                run.routers[position] = Some(router);
            }
            kind::RECORDS => {
                run.seen.insert(head.number);
                if self.want.touches(from, until) {
                    for slot in payload.chunks_exact(ADVERT) {
                        if let ring::Found::Good(open) = ring::open(slot) {
                            deliver(&open, self.want, &mut run.history, &mut run.parts);
                        }
                    }
                }
            }
            kind::EVENT => run.events.push(json(payload)?),
            kind::MINUTES => {
                if self.want.minutes {
                    run.history
                        .minutes
                        .extend(super::minutes::decode(payload, head.from)?);
                }
            }
            kind::VERDICT => {
                let (number, verdict) = json(payload)?;
                self.verdicts.push(Explained {
                    at: from,
                    number,
                    verdict,
                });
            }
            kind::NOTE => {
                let note: Note = json(payload)?;
                if note.lost > 0 {
                    run.holes.push((note.from, note.until));
                }
                self.notes.push(note);
            }
            kind::DETAILED => {
                let witness = |bytes: &[u8]| {
                    let (words, _) = bytes.as_chunks::<8>();
                    let [number, first, last] = [words[0], words[1], words[2]];
                    let times = [first, last].map(|time| Time(i64::from_le_bytes(time)));
                    (u64::from_le_bytes(number), (times[0], times[1]))
                };
                run.claims.push(Claim {
                    stretch: (from, until),
                    witnesses: payload.chunks_exact(24).map(witness).collect(),
                });
            }
            kind::UNAVAILABLE => {
                let missing = json(payload)?;
                if !run.history.unavailable.contains(&missing) {
                    run.history.unavailable.push(missing);
                }
            }
            kind::ENDED => run.ended = Some((until, json(payload)?)),
            _ => return None,
        }
        Some(())
    }

    fn finish(self) -> Reading {
        let mut reading = Reading {
            verdicts: self.verdicts,
            notes: self.notes,
            ..Reading::default()
        };
        let newest = self.runs.last_key_value().map(|(started, _)| *started);
        for (started, run) in self.runs {
            // A frame that a claim names was there once, and its number is used.
            let claimed = run.claims.iter().flat_map(|claim| &claim.witnesses);
            let claimed = claimed.map(|(number, _)| *number).max();
            let last = run.last.max(claimed.unwrap_or_default());
            reading.numbered.insert(Time(started), last);
            let over = Some(started) != newest;
            let (history, transitions) = run.finish(Time(started), over);
            let theirs = history.routers.clone();
            reading.history.absorb(history);
            let here = &reading.history.routers;
            reading
                .transitions
                .extend(transitions.into_iter().filter_map(|mut one| {
                    let router = theirs.get(usize::from(one.router))?;
                    let same = |known: &Router| {
                        (&known.interface, known.ipv6, known.vrid)
                            == (&router.interface, router.ipv6, router.vrid)
                    };
                    one.router = u16::try_from(here.iter().position(same)?).ok()?;
                    Some(one)
                }));
        }
        for note in &reading.notes {
            reading.history.damage.push(format!(
                "recorder, {} to {}: {}",
                note.from, note.until, note.text
            ));
        }
        reading.history.damage.extend(self.damage);
        reading
    }
}

impl OneRun {
    fn finish(mut self, started: Time, over: bool) -> (History, Vec<Transition>) {
        let ended = match self.ended {
            Some((at, clean)) => (Some(at), clean),
            None => (self.until.filter(|_| over), false),
        };
        let mut history = self.history;
        for claim in &self.claims {
            history.detailed.extend(claim.holds(started, &self.seen));
        }
        history.detailed.sort_unstable();
        for hole in self.holes {
            cut_out(&mut history.detailed, hole);
        }
        history
            .events
            .extend(self.events.into_iter().map(|event| Numbered {
                at: match &self.header {
                    Some(header) => header.time(event.monotonic_ns),
                    None => Time(event.unix_ms.saturating_mul(1_000_000)),
                },
                run: 0,
                event,
            }));
        drop_impossible(&mut history);
        history.routers = routers_of(self.routers, &history);
        let transitions = std::mem::take(&mut self.parts.transitions);
        match &self.header {
            Some(header) => {
                history.node = header.node();
                history.runs = vec![header.run(ended.0, ended.1)];
            }
            None => {
                history.node.source = Source::Daemon;
                history.runs = vec![Run {
                    boot_id: String::new(),
                    pid: 0,
                    version: String::new(),
                    started,
                    ended: ended.0,
                    clean: ended.1,
                }];
            }
        }
        (history, transitions)
    }
}

fn json<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}
