//! Slots of minute histograms. One that has more buckets than a slot holds is spread over several, which add up; each says
//! what the sum must be, so that a reader that lacks one of them does not show the rest as the whole.

use super::bytes::{Put, Take};
use super::codes::{stage, stage_of};
use super::slot::{MINUTE, Open, Slot, kind};
use crate::histogram::{BUCKETS, Histogram};
use crate::history::{Minute, Stage, Time};

/// Buckets in one slot.
pub const MINUTE_BUCKETS: usize = 36;

/// Part of a minute's histogram as a slot: the first [`MINUTE_BUCKETS`] of these buckets with their counts. `largest` is
/// that of the whole histogram, and `total` counts all of its values.
#[must_use]
pub fn minute(
    router: u16,
    at: Time,
    of: Stage,
    largest: u64,
    total: u32,
    buckets: &[(u16, u32)],
) -> Slot<MINUTE> {
    let count = buckets.len().min(MINUTE_BUCKETS);
    let mut slot = Slot::new(kind::MINUTE, router);
    let mut put = Put::new(slot.body_mut());
    put.time(at);
    put.u64(largest);
    put.u8(stage(of));
    put.u8(u8::try_from(count).unwrap_or_default());
    put.u32(total);
    for (bucket, count) in &buckets[..count] {
        put.u16(*bucket);
        put.u32(*count);
    }
    slot
}

/// The part of a histogram in a slot, and how many values the whole has; None for a stage that this version does not know.
pub(super) fn decode(open: &Open<'_>) -> Option<(Minute, u64)> {
    let mut take = Take::new(open.body);
    let (at, largest) = (take.time(), take.u64());
    let (stage, count) = (stage_of(take.u8())?, take.u8());
    let total = take.u32();
    let mut histogram = Histogram::default();
    for _ in 0..usize::from(count).min(MINUTE_BUCKETS) {
        let (bucket, count) = (take.u16(), take.u32());
        histogram.add_bucket(bucket.min(BUCKETS - 1), count, largest);
    }
    let minute = Minute {
        at,
        router: open.tag,
        stage,
        histogram,
    };
    Some((minute, total.into()))
}
