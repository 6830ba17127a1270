//! The published words of the engine itself.

use std::time::Duration;

use super::values::{Value, fields, put_option, take_option};
use super::{Decoder, Encoder};
use crate::core::{MemoryLock, SchedulingClass};

/// Words of the engine; a test keeps it exact.
pub(crate) const ENGINE_WORDS: usize = 22;

/// What is published of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EngineFacts {
    pub(crate) running: bool,
    pub(crate) scheduling: SchedulingClass,
    pub(crate) address_scheduling: Option<SchedulingClass>,
    pub(crate) memory: MemoryLock,
    pub(crate) demotions: u64,
    pub(crate) worst_lateness: Duration,
    pub(crate) longest_step: Duration,
    /// Its number.
    pub(crate) longest_step_number: u8,
    pub(crate) last_advert_step: Duration,
    /// Its number.
    pub(crate) last_advert_step_number: u8,
    pub(crate) wakes: u64,
    pub(crate) unknown: u64,
    pub(crate) reports_lost: u64,
    pub(crate) receive_drops: u64,
    pub(crate) undelivered: u64,
    pub(crate) stamps_numbered: bool,
    pub(crate) evidence_given_up: bool,
    /// Records that were not written, because too many came.
    pub(crate) records_lost: u64,
}

impl EngineFacts {
    pub(crate) fn to_words(self) -> [u64; ENGINE_WORDS] {
        let mut words = [0; ENGINE_WORDS];
        self.put(&mut Encoder::new(&mut words));
        words
    }

    pub(crate) fn from_words(words: &[u64; ENGINE_WORDS]) -> Option<Self> {
        Self::take(&mut Decoder::new(words))
    }
}

impl Value for SchedulingClass {
    fn put(&self, to: &mut Encoder<'_>) {
        let (kind, number) = match self {
            Self::Fifo(priority) => (1, u64::from(*priority)),
            Self::Ordinary => (2, 0),
            Self::Refused(errno) => (3, u64::from(errno.cast_unsigned())),
            Self::Demoted => (4, 0),
        };
        to.put(kind);
        to.put(number);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        let (kind, number) = (from.take(), from.take());
        match kind {
            1 => Some(Self::Fifo(u8::try_from(number).ok()?)),
            2 => Some(Self::Ordinary),
            3 => Some(Self::Refused(u32::try_from(number).ok()?.cast_signed())),
            4 => Some(Self::Demoted),
            _ => None,
        }
    }
}

impl Value for Option<SchedulingClass> {
    fn put(&self, to: &mut Encoder<'_>) {
        put_option(*self, SchedulingClass::Ordinary, to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        take_option(from)
    }
}

impl Value for MemoryLock {
    fn put(&self, to: &mut Encoder<'_>) {
        let (kind, number) = match self {
            Self::Locked => (1, 0),
            Self::Refused(errno) => (2, u64::from(errno.cast_unsigned())),
            Self::Off => (3, 0),
        };
        to.put(kind);
        to.put(number);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        let (kind, number) = (from.take(), from.take());
        match kind {
            1 => Some(Self::Locked),
            2 => Some(Self::Refused(u32::try_from(number).ok()?.cast_signed())),
            3 => Some(Self::Off),
            _ => None,
        }
    }
}

fields!(EngineFacts {
    running,
    scheduling,
    address_scheduling,
    memory,
    demotions,
    worst_lateness,
    longest_step,
    longest_step_number,
    last_advert_step,
    last_advert_step_number,
    wakes,
    unknown,
    reports_lost,
    receive_drops,
    undelivered,
    stamps_numbered,
    evidence_given_up,
    records_lost,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_survives_and_fills_its_words_exactly() {
        for (scheduling, memory) in [
            (SchedulingClass::Fifo(1), MemoryLock::Locked),
            (SchedulingClass::Ordinary, MemoryLock::Off),
            (SchedulingClass::Refused(1), MemoryLock::Refused(12)),
            (SchedulingClass::Demoted, MemoryLock::Locked),
        ] {
            let facts = EngineFacts {
                running: true,
                scheduling,
                address_scheduling: Some(scheduling),
                memory,
                demotions: 1,
                worst_lateness: Duration::from_nanos(2),
                longest_step: Duration::from_nanos(3),
                longest_step_number: 4,
                last_advert_step: Duration::from_nanos(10),
                last_advert_step_number: 11,
                wakes: 5,
                unknown: 6,
                reports_lost: 7,
                receive_drops: 8,
                undelivered: 9,
                stamps_numbered: true,
                evidence_given_up: true,
                records_lost: 12,
            };
            assert_eq!(EngineFacts::from_words(&facts.to_words()), Some(facts));
            let mut words = [0; 64];
            let mut encoder = Encoder::new(&mut words);
            facts.put(&mut encoder);
            assert_eq!(encoder.filled(), ENGINE_WORDS);
        }
        assert_eq!(EngineFacts::from_words(&[0; ENGINE_WORDS]), None);
    }
}
