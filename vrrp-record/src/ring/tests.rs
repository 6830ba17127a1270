//! What is written is what is read, from a file and in the process.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::event::{Event, Kind};
use crate::history::{Received, Router, Sample, Sent, Sequence, Stage, Time, Unit};
use crate::text::Name;

pub(crate) fn memory(layout: &Layout) -> Vec<AtomicU64> {
    (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect()
}

pub(crate) fn file(words: &[AtomicU64]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| {
            word.load(std::sync::atomic::Ordering::Relaxed)
                .to_ne_bytes()
        })
        .collect()
}

pub(crate) fn run() -> RunHeader {
    RunHeader {
        host: String::from("loadbalancer01"),
        boot_id: String::from("6c1d1f0a-7a3e-4a56-9a5e-0f4be1e9a1b2"),
        pid: 4711,
        version: String::from("0.1.0"),
        configuration: String::from("a1b2c3"),
        started: Time(1_700_000_000_000_000_000),
        monotonic_ns: 1_000_000_000,
        ..RunHeader::default()
    }
}

pub(crate) fn router() -> Router {
    Router {
        name: String::from("vi_1"),
        interface: String::from("eth0"),
        vrid: 71,
        ipv6: false,
        version: 3,
        source: Some([192, 168, 205, 2].into()),
        interval: 1_000_000_000,
        priority: 101,
        preempt: true,
        down_adverts: 3,
        addresses: vec![[192, 168, 205, 7].into()],
    }
}

pub(crate) fn sent(number: u16) -> Sent {
    let due = Time(1_700_000_000_000_000_000).plus(i64::from(number) * 1_000_000_000);
    Sent {
        router: 0,
        id: number,
        priority: 101,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: Some(due.plus(60_000)),
        submitted: Some(due.plus(70_000)),
        accepted: Some(due.plus(90_000)),
        queued: None,
        left: None,
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: false,
    }
}

pub(crate) fn received(number: u16) -> Received {
    let at = Time(1_700_000_000_000_000_000).plus(i64::from(number) * 1_000_000_000);
    Received {
        router: 0,
        from: [192, 168, 205, 3].into(),
        id: Some(number),
        priority: 100,
        interval: 1_000_000_000,
        arrived: Some(at),
        read: at.plus(40_000),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: number
            .is_multiple_of(2)
            .then_some([192, 168, 205, 99].into()),
    }
}

#[test]
fn a_ring_is_read_as_it_was_written() {
    let layout = Layout::new(2 << 20, 2).unwrap();
    let words = memory(&layout);
    let mut ring = Ring::format(&layout, &words, &run()).unwrap();
    ring.descriptions[0].write(&router());
    let first = ring.adverts.append(Record::Sent(sent(1)).encode());
    ring.adverts.append(Record::Received(received(2)).encode());
    let late = Sent {
        left: Some(sent(1).due.plus(100_000)),
        settled: true,
        ..sent(1)
    };
    assert!(ring.adverts.rewrite(first, Record::Sent(late).encode()));
    ring.kept.append(Record::Sent(sent(1)).encode());
    let at = sent(3).due;
    let counters = [Sample {
        at,
        unit: Unit::RunDelay,
        object: 0,
        value: 12_345,
    }];
    ring.samples.append(samples(at, &counters));
    for part in [[(3, 10)], [(40, 2)]] {
        let slot = minute(0, Time(60), Stage::Wake, 99_000, 12, &part);
        ring.minutes.append(slot);
    }
    let event = Event {
        seq: 1,
        unix_ms: 1_700_000_001_000,
        monotonic_ns: 2_000_000_000,
        kind: Kind::Discards {
            router: Some(Name::new("vi_1")),
            count: 7,
        },
    };
    append_event(&mut ring.events, &event);
    ring.life.beat(Time(5));
    ring.life.end(Time(1_700_000_009_000_000_000));
    let reading = read(&file(&words)).unwrap();
    assert_eq!(reading.run, run());
    assert_eq!(reading.history.routers, [router()]);
    assert_eq!(reading.history.sent, [late]);
    assert_eq!(reading.history.received, [received(2)]);
    assert_eq!(reading.history.samples, counters);
    assert_eq!(reading.history.minutes.len(), 1);
    assert_eq!(reading.history.minutes[0].histogram.count(), 12);
    assert_eq!(reading.history.events[0].event, event);
    let at = Time(1_700_000_001_000_000_000);
    assert_eq!(reading.history.events[0].at, at);
    assert_eq!(reading.ended, Ended::Clean(Time(1_700_000_009_000_000_000)));
    assert_eq!((reading.damaged, reading.unfinished), (0, 0));
    assert!(reading.history.damage.is_empty());
}
