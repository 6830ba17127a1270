//! Follows the regions of the flight recorder's ring inside the process.
//!
//! An advert is taken when its record appears, and looked at again until its stamps have come. Ordinary and kept records
//! of one advert are the same advert.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use vrrp_record::history::{Router, Sent, Time};
use vrrp_record::ring::{ADVERT, Record, RegionReader, Tail, read, samples_of};

use super::records::Fresh;

/// Records of one region in one look; more are taken in the next.
const A_LOOK: usize = 20_000;
/// An advert without a driver stamp is not waited for any longer than this, in nanoseconds.
const SETTLED: i64 = 5_000_000_000;
/// Adverts that wait for their stamps.
const WAITING: usize = 4_096;

/// The ring of this run as this thread sees it.
#[derive(Clone, Debug)]
pub(crate) struct RingAccess {
    /// The whole file in memory.
    pub(crate) words: &'static [AtomicU64],
    /// Ordinary adverts.
    pub(crate) adverts: RegionReader<'static, ADVERT>,
    /// What is kept whole.
    pub(crate) kept: RegionReader<'static, ADVERT>,
    /// Counters of the host.
    pub(crate) samples: RegionReader<'static, ADVERT>,
    /// Its file.
    pub(crate) file: String,
}

/// A waiting advert: where its record stands.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    seq: u64,
    kept: bool,
    sent: Sent,
}

/// Follows a ring.
#[derive(Debug)]
pub(super) struct RingRecords {
    access: RingAccess,
    routers: Vec<Router>,
    waiting: VecDeque<Waiting>,
    /// The last advert that was due, and the last that was read, of each router.
    last_due: HashMap<u16, Time>,
    last_read: HashMap<u16, Time>,
}

impl RingRecords {
    pub(super) fn new(access: RingAccess) -> Self {
        let mut records = Self {
            access,
            routers: Vec::new(),
            waiting: VecDeque::new(),
            last_due: HashMap::new(),
            last_read: HashMap::new(),
        };
        records.describe();
        records
    }

    /// The routers that the ring describes, by their position in records.
    pub(super) fn routers(&self) -> &[Router] {
        &self.routers
    }

    /// Reads the routers' descriptions again, which a reload changes.
    pub(super) fn describe(&mut self) {
        let words = self.access.words.iter();
        let copy: Vec<u8> = words
            .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
            .collect();
        if let Ok(reading) = read(&copy) {
            self.routers = reading.history.routers;
        }
    }

    /// Its file and its size.
    pub(super) fn file(&self) -> (String, u64) {
        let bytes = u64::try_from(self.access.words.len()).unwrap_or_default() * 8;
        (self.access.file.clone(), bytes)
    }

    /// Time of the oldest ordinary record that it holds.
    pub(super) fn oldest(&self) -> Option<Time> {
        let mut slot = [0; ADVERT];
        let oldest = self.access.adverts.oldest();
        // It may be overwritten in this moment; the next one is not.
        (oldest..oldest + 4)
            .find(|seq| self.access.adverts.get(*seq, &mut slot))
            .and_then(|_| Record::decode(&slot))
            .map(|record| record.at())
    }

    /// What came since the last look.
    pub(super) fn look(&mut self, now: Time) -> Fresh {
        let mut fresh = Fresh::default();
        for kept in [false, true] {
            for _ in 0..A_LOOK {
                let mut slot = [0; ADVERT];
                let reader = if kept {
                    &mut self.access.kept
                } else {
                    &mut self.access.adverts
                };
                match reader.next(&mut slot) {
                    Tail::Record(seq) => {
                        if let Some(record) = Record::decode(&slot) {
                            self.take(record, seq, kept, &mut fresh);
                        }
                    }
                    Tail::Lost(count) => {
                        fresh.lost += count;
                        fresh.unseen_sent.extend(0..self.known());
                        fresh.unseen_heard.extend(0..self.known());
                    }
                    Tail::Nothing => break,
                }
            }
        }
        for _ in 0..A_LOOK {
            let mut slot = [0; ADVERT];
            match self.access.samples.next(&mut slot) {
                Tail::Record(_) => fresh.samples.extend(samples_of(&slot)),
                Tail::Lost(count) => fresh.lost += count,
                Tail::Nothing => break,
            }
        }
        self.settle(now, &mut fresh);
        fresh.due.sort_by_key(|sent| sent.due);
        fresh.heard.sort_by_key(|heard| heard.read);
        fresh
    }

    fn known(&self) -> u16 {
        u16::try_from(self.routers.len()).unwrap_or(u16::MAX)
    }

    fn take(&mut self, record: Record, seq: u64, kept: bool, fresh: &mut Fresh) {
        match record {
            Record::Sent(sent) => {
                let waiting = Waiting { seq, kept, sent };
                let last = self.last_due.entry(sent.router).or_insert(Time(i64::MIN));
                if sent.due > *last {
                    *last = sent.due;
                    fresh.due.push(sent);
                    self.waiting.push_back(waiting);
                } else if let Some(known) = self
                    .waiting
                    .iter_mut()
                    .find(|known| (known.sent.router, known.sent.due) == (sent.router, sent.due))
                {
                    // The kept record of an advert that was ordinary at first.
                    *known = waiting;
                } else {
                    fresh.amended.push(sent);
                }
            }
            Record::Received(received) => {
                let last = self
                    .last_read
                    .entry(received.router)
                    .or_insert(Time(i64::MIN));
                if received.read > *last {
                    *last = received.read;
                    fresh.heard.push(received);
                }
            }
            Record::Rejected(rejected) => fresh.rejected.push(rejected),
            Record::Stall(stall) => fresh.stalls.push(stall),
            // The event of the same change says more.
            Record::Transition(_) => fresh.transitions += 1,
        }
    }

    /// Looks again at adverts whose stamps had not come.
    fn settle(&mut self, now: Time, fresh: &mut Fresh) {
        let access = &self.access;
        self.waiting.retain_mut(|waiting| {
            let mut slot = [0; ADVERT];
            let reader = if waiting.kept {
                &access.kept
            } else {
                &access.adverts
            };
            let there = reader.get(waiting.seq, &mut slot);
            if there && let Some(Record::Sent(sent)) = Record::decode(&slot) {
                waiting.sent = sent;
            }
            let done = !there
                || waiting.sent.left.is_some()
                || waiting.sent.settled
                || now.since(waiting.sent.due) > SETTLED;
            if done {
                fresh.settled.push(waiting.sent);
            }
            !done
        });
        while self.waiting.len() > WAITING {
            if let Some(oldest) = self.waiting.pop_front() {
                fresh.settled.push(oldest.sent);
            }
        }
    }
}

#[cfg(test)]
mod tests;
