//! What is written is what is read, and what is cut off or damaged is left out and told.

use std::io;

use super::*;
use crate::event::{Event, Kind};
use crate::histogram::Histogram;
use crate::history::{Minute, Sample, Stage, Time, Unit, Want};
use crate::ring::Record;
use crate::ring::tests::{received, router, run, sent};
use crate::text::Name;

/// A journal with something of everything, and the offset at which each frame ends.
fn journal() -> (Vec<u8>, Vec<usize>) {
    let mut frames = Frames::new(run());
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    frames.head(&[(0, router())], &[], &mut bytes);
    ends.push(bytes.len());
    for number in 1..20 {
        frames.records(
            &[
                Record::Sent(sent(number)),
                Record::Received(received(number)),
            ],
            &mut bytes,
        );
        ends.push(bytes.len());
        frames.event(&event(number.into()), &mut bytes);
        ends.push(bytes.len());
    }
    let mut histogram = Histogram::default();
    for nanos in [0, 5_000, 5_100, 3_500_000_000, u64::MAX] {
        histogram.record(nanos);
    }
    let minute = |router, stage| Minute {
        at: Time(1_700_000_040_000_000_000),
        router,
        stage,
        histogram: histogram.clone(),
    };
    frames.minutes(&[minute(0, Stage::Wake), minute(0, Stage::Gap)], &mut bytes);
    ends.push(bytes.len());
    let samples: Vec<Sample> = (0..20)
        .map(|object| Sample {
            at: Time(1_700_000_001_000_000_000 + i64::from(object / 10)),
            unit: Unit::DeviceBusy,
            object,
            value: u64::MAX - u64::from(object),
        })
        .collect();
    frames.samples(&samples, &mut bytes);
    ends.push(bytes.len());
    frames.verdict(17, sent(3).due, &"held on the path", &mut bytes);
    ends.push(bytes.len());
    frames.detailed(sent(1).due, sent(19).due, &mut bytes);
    ends.push(bytes.len());
    frames.ended(sent(20).due, true, &mut bytes);
    ends.push(bytes.len());
    (bytes, ends)
}

fn event(seq: u64) -> Event {
    Event {
        seq,
        unix_ms: 1_700_000_000_000 + i64::try_from(seq).unwrap() * 1000,
        monotonic_ns: 1_000_000_000 * (1 + seq),
        kind: Kind::Discards {
            router: Some(Name::new("vi_1")),
            count: seq,
        },
    }
}

fn read_bytes(bytes: &[u8], want: &Want) -> Reading {
    read([("1.vrj", io::Result::Ok(bytes))], want)
}

#[test]
fn a_journal_is_read_as_it_was_written() {
    let (bytes, _) = journal();
    assert!(is_journal(&bytes));
    let reading = read_bytes(&bytes, &Want::all());
    let history = &reading.history;
    assert!(history.damage.is_empty(), "{:?}", history.damage);
    assert_eq!(history.routers, [router()]);
    assert_eq!(history.runs, [run().run(Some(sent(20).due), true)]);
    assert_eq!(history.sent, (1..20).map(sent).collect::<Vec<_>>());
    assert_eq!(history.received, (1..20).map(received).collect::<Vec<_>>());
    assert_eq!(history.events.len(), 19);
    assert_eq!(history.events[0].at, sent(1).due);
    assert_eq!(history.minutes.len(), 2);
    assert_eq!(history.minutes[0].histogram.largest(), u64::MAX);
    assert_eq!(history.minutes[0].histogram.count(), 5);
    assert_eq!(history.samples.len(), 20);
    assert_eq!(history.detailed, [(sent(1).due, sent(19).due)]);
    assert_eq!(reading.verdicts[0].number, 17);
    assert_eq!(reading.verdicts[0].verdict, "held on the path");
}

#[test]
fn an_outline_has_the_events_and_a_window_has_its_adverts() {
    let (bytes, _) = journal();
    let outline = read_bytes(&bytes, &Want::outline()).history;
    assert_eq!((outline.sent.len(), outline.events.len()), (0, 19));
    let want = Want::all().within(vec![(sent(3).due, sent(5).due)]);
    let window = read_bytes(&bytes, &want).history;
    assert_eq!(window.sent, [sent(3), sent(4), sent(5)]);
}

#[test]
fn power_lost_at_any_byte_loses_the_last_frame_at_most() {
    let (bytes, ends) = journal();
    let whole = read_bytes(&bytes, &Want::all());
    for cut in ends[0]..bytes.len() {
        let reading = read_bytes(&bytes[..cut], &Want::all());
        let frames = ends.iter().filter(|end| **end <= cut).count() - 1;
        let records = frames.min(38).div_ceil(2);
        assert_eq!(reading.history.sent, whole.history.sent[..records], "{cut}");
        assert_eq!(reading.history.events.len(), frames.min(38) / 2);
        let torn = !ends.contains(&cut);
        assert_eq!(reading.history.damage.len(), usize::from(torn), "{cut}");
        // The file system may have made the file longer before it wrote the content; zeros may be the rest of a frame.
        let mut zeros = bytes[..cut].to_vec();
        zeros.resize(cut + 4096, 0);
        let reading = read_bytes(&zeros, &Want::all());
        let found = reading.history.sent;
        assert!(whole.history.sent.starts_with(&found), "{cut}");
        assert!((records..=records + 1).contains(&found.len()), "{cut}");
        assert_eq!(reading.history.damage.len(), 1);
    }
}

#[test]
fn what_damage_costs_is_told() {
    let (mut bytes, ends) = journal();
    bytes[ends[2] + 100] ^= 1;
    let reading = read_bytes(&bytes, &Want::all());
    assert_eq!(reading.history.sent.len(), 18);
    let damage = reading.history.damage;
    assert_eq!(
        damage,
        [
            format!(
                "journal 1.vrj: {} bytes from {} on are damaged and left out",
                ends[3] - ends[2],
                ends[2]
            ),
            String::from(
                "journal 1.vrj: 1 frames are missing before frame 4 of run 1700000000.000000000 after 1700000001.000000000"
            ),
        ]
    );
}

#[test]
fn records_whose_run_is_unknown_are_kept_under_a_name_that_says_so() {
    let (bytes, ends) = journal();
    let reading = read_bytes(&bytes[ends[0]..], &Want::all());
    assert_eq!(reading.history.sent.len(), 19);
    assert!(reading.history.routers[0].name.contains("lost"));
    assert_eq!(reading.history.events[0].at, sent(1).due);
}

#[test]
fn segments_that_cannot_be_opened_are_told() {
    let gone = io::Error::from(io::ErrorKind::NotFound);
    let (bytes, _) = journal();
    let reading = read([("1", Err(gone)), ("2", Ok(&bytes[..]))], &Want::all());
    assert_eq!(reading.history.sent.len(), 19);
    assert!(reading.history.damage[0].starts_with("journal 1: cannot be read further"));
}

#[test]
fn a_frame_with_the_last_of_all_numbers_is_a_frame() {
    let payload = b"true";
    let head = frame::Head {
        kind: frame::kind::ENDED,
        version: frame::VERSION,
        length: payload.len(),
        sum: crc32fast::hash(payload),
        number: u64::MAX,
        run: 0,
        from: 1,
        until: 1,
    };
    let mut bytes = head.encode().to_vec();
    bytes.extend_from_slice(payload);
    let twice = bytes.repeat(2);
    let reading = read([("1", io::Result::Ok(twice.as_slice()))], &Want::all());
    assert!(reading.history.runs[0].clean);
    assert_eq!(reading.history.damage, Vec::<String>::new());
}

#[test]
fn a_run_claims_nothing_of_the_time_before_it_began() {
    let mut frames = Frames::new(run());
    let mut bytes = Vec::new();
    let started = run().started;
    frames.detailed(started.plus(-60), started.plus(30), &mut bytes);
    frames.detailed(started.plus(-60), started.plus(-30), &mut bytes);
    let reading = read([("1", io::Result::Ok(bytes.as_slice()))], &Want::all());
    assert_eq!(reading.history.detailed, [(started, started.plus(30))]);
}
