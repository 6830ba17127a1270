use std::sync::atomic::AtomicU64;

use vrrp_record::history::{Sample, Unit};
use vrrp_record::ring::{Layout, Ring, RunHeader, samples};

use super::*;
use crate::journal::fixture;

const SECOND: i64 = 1_000_000_000;

fn ring() -> (Ring<'static>, RingAccess) {
    let layout = Layout::new(2 << 20, 4).unwrap();
    let words: Vec<AtomicU64> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
    let words: &'static [AtomicU64] = Box::leak(words.into_boxed_slice());
    let ring = Ring::format(&layout, words, &RunHeader::default()).unwrap();
    let access = RingAccess {
        words,
        adverts: ring.adverts.reader(),
        kept: ring.kept.reader(),
        samples: ring.samples.reader(),
        file: "flight.ring".to_owned(),
    };
    (ring, access)
}

fn sent(second: i64, left: bool) -> Sent {
    let sent = fixture::sent(Time(second * SECOND));
    Sent {
        left: sent.left.filter(|_| left),
        settled: left,
        ..sent
    }
}

#[test]
fn an_advert_is_due_once_and_settled_when_its_stamp_comes() {
    let (mut ring, access) = ring();
    let mut records = RingRecords::new(access);
    let seq = ring.adverts.append(Record::Sent(sent(1, false)).encode());
    let fresh = records.look(Time(SECOND));
    assert_eq!((fresh.due.len(), fresh.settled.len()), (1, 0));
    ring.adverts
        .rewrite(seq, Record::Sent(sent(1, true)).encode());
    let fresh = records.look(Time(2 * SECOND));
    assert_eq!(fresh.due, []);
    assert_eq!(fresh.settled, [sent(1, true)]);
    assert_eq!(records.look(Time(3 * SECOND)).settled, []);
}

#[test]
fn a_record_that_is_kept_later_is_the_same_advert() {
    let (mut ring, access) = ring();
    let mut records = RingRecords::new(access);
    ring.adverts.append(Record::Sent(sent(1, false)).encode());
    records.look(Time(SECOND));
    ring.kept.append(Record::Sent(sent(1, true)).encode());
    let fresh = records.look(Time(2 * SECOND));
    assert_eq!((fresh.due, fresh.settled), (vec![], vec![sent(1, true)]));
    let again = Sent {
        held_bytes: 7,
        ..sent(1, true)
    };
    ring.kept.append(Record::Sent(again).encode());
    let fresh = records.look(Time(3 * SECOND));
    assert_eq!(
        (fresh.due, fresh.settled, fresh.amended),
        (vec![], vec![], vec![again])
    );
}

#[test]
fn an_advert_without_a_stamp_is_given_up_after_a_while() {
    let (mut ring, access) = ring();
    let mut records = RingRecords::new(access);
    ring.adverts.append(Record::Sent(sent(1, false)).encode());
    assert_eq!(records.look(Time(5 * SECOND)).settled, []);
    assert_eq!(records.look(Time(7 * SECOND)).settled, [sent(1, false)]);
}

#[test]
fn what_was_overwritten_is_counted_and_its_neighbours_are_no_gap() {
    let (mut ring, access) = ring();
    let mut records = RingRecords::new(access);
    records.routers = vec![fixture::router()];
    let capacity = i64::try_from(ring.adverts.capacity()).unwrap();
    for second in 1..=capacity + 10 {
        ring.adverts
            .append(Record::Sent(sent(second, true)).encode());
    }
    let mut lost = 0;
    let mut due = 0;
    loop {
        let fresh = records.look(Time(0));
        if fresh.due.is_empty() && fresh.lost == 0 {
            break;
        }
        if fresh.lost > 0 {
            assert_eq!(fresh.unseen_sent, [0]);
        }
        lost += fresh.lost;
        due += i64::try_from(fresh.due.len()).unwrap();
    }
    assert_eq!((lost, due), (10, capacity));
    assert_eq!(records.oldest(), Some(Time(11 * SECOND)));
}

#[test]
fn counters_come_with_their_values() {
    let (mut ring, access) = ring();
    let mut records = RingRecords::new(access);
    let sample = Sample {
        at: Time(SECOND),
        unit: Unit::Steal,
        object: 0,
        value: 40_000_000,
    };
    ring.samples.append(samples(Time(SECOND), &[sample]));
    assert_eq!(records.look(Time(SECOND)).samples, [sample]);
}
