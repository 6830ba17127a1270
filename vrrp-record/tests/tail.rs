//! Following a region while another thread writes it.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::AtomicU64;
use std::thread;

use vrrp_record::history::{Sent, Time};
use vrrp_record::ring::{Layout, Record, Ring, RunHeader, Tail};

fn sent(number: u64) -> Sent {
    let due = Time(i64::try_from(number).unwrap());
    Sent {
        router: 1,
        id: u16::try_from(number & 0xFFFF).unwrap(),
        priority: 100,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: Some(due),
        submitted: Some(due),
        accepted: Some(due),
        queued: Some(due),
        left: Some(due),
        taken: Some(due),
        held_bytes: u32::try_from(number & 0xFFFF_FFFF).unwrap(),
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: false,
    }
}

#[test]
fn a_reader_beside_the_writer_sees_whole_records_in_order_and_counts_the_rest() {
    const RECORDS: u64 = 300_000;
    let layout = Layout::new(128 * 1024, 1).unwrap();
    let words: Vec<_> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
    let mut ring = Ring::format(&layout, &words, &RunHeader::default()).unwrap();
    let mut reader = ring.adverts.reader();
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 1..=RECORDS {
                let seq = ring.adverts.append(Record::Sent(sent(number)).encode());
                assert_eq!(seq, number);
                // Stamps of the one before come now.
                if number > 1 {
                    let late = Sent {
                        settled: true,
                        ..sent(number - 1)
                    };
                    assert!(
                        ring.adverts
                            .rewrite(number - 1, Record::Sent(late).encode())
                    );
                }
            }
        });
        let mut slot = [0; 128];
        let (mut seen, mut lost, mut last) = (0, 0, 0);
        while seen + lost < RECORDS {
            match reader.next(&mut slot) {
                Tail::Record(seq) => {
                    assert_eq!(seq, seen + lost + 1);
                    assert!(seq > last);
                    last = seq;
                    seen += 1;
                    let Some(Record::Sent(one)) = Record::decode(&slot) else {
                        panic!("record {seq} is torn");
                    };
                    let settled = one.settled;
                    assert_eq!(
                        one,
                        Sent {
                            settled,
                            ..sent(seq)
                        }
                    );
                }
                Tail::Lost(count) => lost += count,
                Tail::Nothing => thread::yield_now(),
            }
        }
        assert!(seen > 0);
        assert_eq!(reader.next(&mut slot), Tail::Nothing);
        assert_eq!(reader.last(), RECORDS);
        assert!(reader.get(RECORDS - 1, &mut slot));
        assert!(!reader.get(1, &mut slot));
    });
}

#[test]
fn a_record_that_was_overwritten_cannot_be_rewritten() {
    let layout = Layout::new(128 * 1024, 1).unwrap();
    let words: Vec<_> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
    let mut ring = Ring::format(&layout, &words, &RunHeader::default()).unwrap();
    let mut reader = ring.adverts.reader();
    let capacity = ring.adverts.capacity();
    for number in 1..=capacity + 2 {
        ring.adverts.append(Record::Sent(sent(number)).encode());
    }
    assert!(!ring.adverts.rewrite(2, Record::Sent(sent(2)).encode()));
    assert!(!ring.adverts.rewrite(0, Record::Sent(sent(2)).encode()));
    assert!(
        !ring
            .adverts
            .rewrite(capacity + 3, Record::Sent(sent(2)).encode())
    );
    assert!(ring.adverts.rewrite(3, Record::Sent(sent(3)).encode()));
    let mut slot = [0; 128];
    assert_eq!(reader.next(&mut slot), Tail::Lost(2));
    assert_eq!(reader.next(&mut slot), Tail::Record(3));
    reader.seek(1);
    assert_eq!(reader.position(), 3);
    reader.seek(capacity);
    assert_eq!(reader.next(&mut slot), Tail::Record(capacity));
}
