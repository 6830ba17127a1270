//! Minute histograms in a frame: small numbers, since a minute fills few buckets with small counts.

use crate::histogram::{BUCKETS, Histogram};
use crate::history::{Minute, Time};
use crate::ring::{stage, stage_of};

/// Appends one minute. `from` is the first time of its frame.
pub(super) fn encode(minute: &Minute, from: i64, into: &mut Vec<u8>) {
    let distance = u64::try_from(minute.at.0.saturating_sub(from)).unwrap_or_default();
    varint(distance, into);
    varint(minute.router.into(), into);
    into.push(stage(minute.stage));
    varint(minute.histogram.largest(), into);
    varint(minute.histogram.buckets().count() as u64, into);
    let mut before = 0;
    for (bucket, count) in minute.histogram.buckets() {
        varint((bucket - before).into(), into);
        varint(count.into(), into);
        before = bucket;
    }
}

/// The minutes of a frame; None where the bytes are something else.
pub(super) fn decode(mut bytes: &[u8], from: i64) -> Option<Vec<Minute>> {
    let mut minutes = Vec::new();
    while !bytes.is_empty() {
        let at = Time(from.checked_add_unsigned(take(&mut bytes)?)?);
        let router = u16::try_from(take(&mut bytes)?).ok()?;
        let (code, rest) = bytes.split_first()?;
        bytes = rest;
        let largest = take(&mut bytes)?;
        let count = take(&mut bytes)?;
        let mut histogram = Histogram::default();
        let mut bucket = 0_u64;
        for _ in 0..count {
            bucket = bucket.checked_add(take(&mut bytes)?)?;
            let index = u16::try_from(bucket)
                .ok()
                .filter(|index| *index < BUCKETS)?;
            let times = u32::try_from(take(&mut bytes)?).ok()?;
            histogram.add_bucket(index, times, largest);
        }
        // A stage of a newer version is left out.
        if let Some(stage) = stage_of(*code) {
            minutes.push(Minute {
                at,
                router,
                stage,
                histogram,
            });
        }
    }
    Some(minutes)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(mut value: u64, into: &mut Vec<u8>) {
    loop {
        let [low, ..] = (value & 0x7F).to_le_bytes();
        value >>= 7;
        if value == 0 {
            into.push(low);
            return;
        }
        into.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
