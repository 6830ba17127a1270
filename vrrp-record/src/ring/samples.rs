//! Slots of host counters: up to eight that were read at one time.

use super::bytes::{Put, Take};
use super::codes::{unit, unit_of};
use super::slot::{ADVERT, Found, Open, Slot, kind, open};
use crate::history::{Sample, Time};

/// Samples in one slot.
pub const SAMPLES: usize = 8;

/// Samples of one time as a slot: the first [`SAMPLES`] of them. Their own `at` does not count.
#[must_use]
pub fn samples(at: Time, samples: &[Sample]) -> Slot<ADVERT> {
    let count = samples.len().min(SAMPLES);
    let mut slot = Slot::new(kind::SAMPLES, u16::try_from(count).unwrap_or_default());
    let mut put = Put::new(slot.body_mut());
    put.time(at);
    for sample in &samples[..count] {
        put.u64(sample.value);
        put.u32(sample.object);
        put.u8(unit(sample.unit));
    }
    slot
}

/// The samples of a sealed slot; none where it is damaged, unfinished, or of another kind.
#[must_use]
pub fn samples_of(slot: &[u8]) -> Vec<Sample> {
    match open(slot) {
        Found::Good(open) if open.kind == kind::SAMPLES => decode(&open).collect(),
        Found::Good(_) | Found::Empty | Found::Unfinished | Found::Damaged | Found::Newer => {
            Vec::new()
        }
    }
}

/// The samples of a slot; counters of a newer version are left out.
pub(super) fn decode(open: &Open<'_>) -> impl Iterator<Item = Sample> {
    let mut take = Take::new(open.body);
    let at = take.time();
    (0..usize::from(open.tag).min(SAMPLES)).filter_map(move |_| {
        let (value, object, unit) = (take.u64(), take.u32(), unit_of(take.u8()));
        Some(Sample {
            at,
            unit: unit?,
            object,
            value,
        })
    })
}
