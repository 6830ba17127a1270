//! Writing into a ring: memory as words that the caller maps, one writer for each region.
//!
//! A slot is written as a sequence lock: number zero, then the content, then its number with release order. A reader that
//! sees the same number before and after its copy has the whole record; the checksum tells the same to one that reads the
//! file. No system call, no allocation, no lock after [`Ring::format`].

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::header::{
    DESCRIPTION, ENTRY, ENTRY_FIXED, HEADER, JSON, LIFE, Life, RunHeader, TABLE, entry, fixed,
};
use super::layout::{Layout, RegionId, Slots};
use super::resume::Resume;
use super::slot::{ADVERT, EVENT, HEAD, MINUTE, Slot, kind};
use crate::history::{Router, Time};

/// Writers of everything in a ring, to be handed to their threads.
#[derive(Debug)]
pub struct Ring<'m> {
    /// The engine's.
    pub adverts: RegionWriter<'m, ADVERT>,
    /// The engine's.
    pub kept: RegionWriter<'m, ADVERT>,
    /// The engine's.
    pub minutes: RegionWriter<'m, MINUTE>,
    /// The sampler's.
    pub samples: RegionWriter<'m, ADVERT>,
    /// Of the world outside the engine.
    pub events: RegionWriter<'m, EVENT>,
    /// The engine's sign of life.
    pub life: LifeWriter<'m>,
    /// The engine's, for each router in order.
    pub resumes: Vec<ResumeWriter<'m>>,
    /// Of the world outside the engine, for each router in order.
    pub descriptions: Vec<Description<'m>>,
}

/// The memory is not that of the layout, or the run's description does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// So many bytes were given, and so many are needed.
    Memory(usize, usize),
    /// The description has so many bytes, and so many fit.
    Description(usize, usize),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(given, needed) => {
                write!(f, "the flight recorder has {given} bytes of {needed}")
            }
            Self::Description(bytes, room) => write!(
                f,
                "host name, boot id and version have {bytes} bytes, of which the flight recorder holds {room}"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

impl<'m> Ring<'m> {
    /// Makes a ring of memory that holds zeros only.
    ///
    /// # Errors
    ///
    /// Where the memory is smaller than the layout, or the run's description does not fit its page.
    pub fn format(layout: &Layout, words: &'m [AtomicU64], run: &RunHeader) -> Result<Self, Unfit> {
        let given = words.len() * 8;
        if given < layout.bytes() {
            return Err(Unfit::Memory(given, layout.bytes()));
        }
        let mut run = run.clone();
        let json = loop {
            let json = serde_json::to_vec(&run).unwrap_or_default();
            if json.len() <= HEADER - JSON {
                break json;
            }
            if run.addresses.pop().is_none() {
                return Err(Unfit::Description(json.len(), HEADER - JSON));
            }
        };
        let mut page = [0; HEADER];
        let fixed = fixed(layout, json.len());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&fixed);
        for (position, region) in layout.regions().iter().enumerate() {
            let entry = entry(region);
            sum.update(&entry);
            let at = TABLE + position * ENTRY;
            page[at..at + ENTRY_FIXED].copy_from_slice(&entry);
        }
        sum.update(&json);
        page[..fixed.len()].copy_from_slice(&fixed);
        page[fixed.len()..fixed.len() + 4].copy_from_slice(&sum.finalize().to_le_bytes());
        page[JSON..JSON + json.len()].copy_from_slice(&json);
        store(&words[1..], &page[8..]);
        words[0].store(word(&page[..8]), Ordering::Release);
        let routers = 0..layout.routers();
        Ok(Self {
            adverts: RegionWriter::new(layout, RegionId::Adverts, words),
            kept: RegionWriter::new(layout, RegionId::Kept, words),
            minutes: RegionWriter::new(layout, RegionId::Minutes, words),
            samples: RegionWriter::new(layout, RegionId::Samples, words),
            events: RegionWriter::new(layout, RegionId::Events, words),
            life: LifeWriter(Places::new(LIFE, words)),
            resumes: routers
                .clone()
                .map(|router| ResumeWriter(Places::new(Layout::resume(router), words)))
                .collect(),
            descriptions: routers
                .map(|router| Description {
                    router,
                    places: Places::new(Layout::description(router), words),
                })
                .collect(),
        })
    }
}

/// Slots in memory, and the last number used.
#[derive(Debug)]
struct Places<'m, const N: usize> {
    words: &'m [AtomicU64],
    count: u64,
    last: u64,
}

impl<'m, const N: usize> Places<'m, N> {
    fn new(slots: Slots, words: &'m [AtomicU64]) -> Self {
        let start = slots.offset / 8;
        Self {
            words: &words[start..start + slots.count * N / 8],
            count: slots.count as u64,
            last: 0,
        }
    }

    fn append(&mut self, slot: Slot<N>) -> u64 {
        self.last += 1;
        self.write(self.last, slot);
        self.last
    }

    fn write(&self, seq: u64, slot: Slot<N>) {
        let position = usize::try_from((seq - 1) % self.count).unwrap_or_default();
        let start = position * (N / 8);
        let words = &self.words[start..start + N / 8];
        let bytes = slot.seal(seq);
        words[0].store(0, Ordering::Relaxed);
        // Orders the zero before the content, for a reader that sees any of it.
        fence(Ordering::Release);
        store(&words[1..], &bytes[8..]);
        words[0].store(word(&bytes[..8]), Ordering::Release);
    }
}

/// Writes one region. There is one for each region, and it belongs to one thread.
#[derive(Debug)]
pub struct RegionWriter<'m, const N: usize> {
    id: RegionId,
    places: Places<'m, N>,
    head: &'m AtomicU64,
}

impl<'m, const N: usize> RegionWriter<'m, N> {
    fn new(layout: &Layout, id: RegionId, words: &'m [AtomicU64]) -> Self {
        Self {
            id,
            places: Places::new(layout.region(id), words),
            head: &words[(TABLE + (usize::from(id.code()) - 1) * ENTRY + ENTRY_FIXED) / 8],
        }
    }

    /// Which region.
    #[must_use]
    pub const fn id(&self) -> RegionId {
        self.id
    }

    /// Appends a record and tells its number; the oldest one goes.
    pub fn append(&mut self, slot: Slot<N>) -> u64 {
        let seq = self.places.append(slot);
        self.head.store(seq.to_le(), Ordering::Release);
        seq
    }

    /// Writes the record of that number again, with what is known by now. False where its slot has a newer one already.
    pub fn rewrite(&mut self, seq: u64, slot: Slot<N>) -> bool {
        let here =
            seq != 0 && seq <= self.places.last && self.places.last - seq < self.places.count;
        if here {
            self.places.write(seq, slot);
        }
        here
    }

    /// The number of the last record; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.places.last
    }

    /// Records that the region holds.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.places.count
    }

    /// A reader of this region inside the process, which begins after the last record.
    #[must_use]
    pub fn reader(&self) -> super::tail::RegionReader<'m, N> {
        super::tail::RegionReader::new(self.places.words, self.places.count, self.head)
    }
}

/// Writes the engine's sign of life, into two slots in turn, so that one of them is always whole.
#[derive(Debug)]
pub struct LifeWriter<'m>(Places<'m, ADVERT>);

impl LifeWriter<'_> {
    /// The engine lives.
    pub fn beat(&mut self, now: Time) {
        self.0.append(
            Life {
                beat: now,
                ended: None,
            }
            .encode(),
        );
    }

    /// The engine ends on purpose, having said goodbye.
    pub fn end(&mut self, now: Time) {
        self.0.append(
            Life {
                beat: now,
                ended: Some(now),
            }
            .encode(),
        );
    }
}

/// Writes what a router's resume needs, into two slots in turn.
#[derive(Debug)]
pub struct ResumeWriter<'m>(Places<'m, ADVERT>);

impl ResumeWriter<'_> {
    /// The router's state now.
    pub fn write(&mut self, resume: &Resume) {
        self.0.append(resume.encode());
    }
}

/// Describes a router. Not for the engine: making JSON allocates.
#[derive(Debug)]
pub struct Description<'m> {
    router: u16,
    places: Places<'m, DESCRIPTION>,
}

impl Description<'_> {
    /// Describes the router of this place, anew where it was described before. Virtual addresses that do not fit are left
    /// out; about forty do.
    pub fn write(&mut self, router: &Router) {
        let mut router = router.clone();
        let json = loop {
            let json = serde_json::to_vec(&router).unwrap_or_default();
            if json.len() <= DESCRIPTION - HEAD - 2 {
                break json;
            }
            if router.addresses.pop().is_none() {
                return;
            }
        };
        let mut slot = Slot::new(kind::ROUTER, self.router);
        let body = slot.body_mut();
        let length = u16::try_from(json.len()).unwrap_or_default();
        body[..2].copy_from_slice(&length.to_le_bytes());
        body[2..2 + json.len()].copy_from_slice(&json);
        // One slot: its number only has to differ from zero.
        self.places.last = 0;
        self.places.append(slot);
    }
}

fn store(words: &[AtomicU64], bytes: &[u8]) {
    for (place, chunk) in words.iter().zip(bytes.chunks_exact(8)) {
        place.store(word(chunk), Ordering::Relaxed);
    }
}

/// Eight bytes as the word that has them in memory.
fn word(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().unwrap_or_default())
}
