//! A journal of a gigabyte is read in seconds and in little memory. Not part of the everyday run: it is a measurement.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::io::Write;
use std::time::Instant;

use vrrp_record::cause::Cause;
use vrrp_record::event::{Event, Kind};
use vrrp_record::history::{Received, Router, Sample, Sent, Sequence, Time, Unit, Want};
use vrrp_record::journal::{self, Frames};
use vrrp_record::ring::{Record, RunHeader};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

const BYTES: u64 = 1 << 30;
const TRANSITIONS: u64 = 100;
const START: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn pair(number: i64) -> [Record; 2] {
    let due = Time(START + number * SECOND / 10);
    let sent = Record::Sent(Sent {
        router: 0,
        id: u16::try_from(number & 0xFFFF).unwrap(),
        priority: 101,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: Some(due),
        submitted: Some(due),
        accepted: Some(due),
        queued: Some(due),
        left: Some(due),
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: true,
    });
    let received = Record::Received(Received {
        router: 0,
        from: [192, 168, 205, 3].into(),
        id: None,
        priority: 100,
        interval: 1_000_000_000,
        arrived: Some(due),
        read: due,
        sequence: Sequence::Untrusted,
        mac: None,
        dropped: 0,
        foreign: None,
    });
    [sent, received]
}

/// Highest resident size of this process in kilobytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "writes a gigabyte; run with --release -- --ignored --nocapture"]
fn a_gigabyte_is_outlined_and_its_transitions_are_read_in_ten_seconds_and_200_megabytes() {
    let path = std::env::temp_dir().join(format!("vrrp-long-journal-{}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let router = Router {
        name: String::from("vi_1"),
        interface: String::from("eth0"),
        vrid: 71,
        ipv6: false,
        version: 3,
        source: None,
        interval: 100_000_000,
        priority: 101,
        preempt: true,
        down_adverts: 3,
        addresses: Vec::new(),
    };
    let mut frames = Frames::new(RunHeader {
        started: Time(START),
        ..RunHeader::default()
    });
    let mut bytes = Vec::new();
    frames.head(&[(0, router)], &[], &mut bytes);
    let (mut written, mut next, mut events) = (0, 0, 0);
    while written < BYTES {
        let records: Vec<Record> = (next..next + 64).flat_map(pair).collect();
        next += 64;
        frames.records(&records, &mut bytes);
        let samples: Vec<Sample> = (0..256)
            .map(|object| Sample {
                at: records[usize::try_from(object).unwrap() / 2].at(),
                unit: Unit::DeviceBusy,
                object,
                value: 7,
            })
            .collect();
        frames.samples(&samples, &mut bytes);
        if written >= events * (BYTES / TRANSITIONS) {
            events += 1;
            let event = Event {
                seq: events,
                unix_ms: 0,
                monotonic_ns: u64::try_from(next * SECOND / 10).unwrap(),
                kind: Kind::Transition {
                    router: Name::new("vi_1"),
                    from: Word::Backup,
                    to: Word::Master,
                    releasing: false,
                    cause: Cause::Started,
                    priority: 101,
                    number: u32::try_from(events).unwrap(),
                },
            };
            frames.event(&event, &mut bytes);
        }
        written += bytes.len() as u64;
        file.write_all(&bytes).unwrap();
        bytes.clear();
    }
    drop((file, frames, bytes));

    let before = peak();
    let began = Instant::now();
    let open = || [("1.vrj", File::open(&path))];
    let outline = journal::read(open(), &Want::outline()).history;
    let outlined = began.elapsed();
    assert_eq!(outline.events.len() as u64, TRANSITIONS);
    let around = outline.events.iter();
    let around = around.map(|event| (event.at.plus(-60 * SECOND), event.at.plus(30 * SECOND)));
    let want = Want::all().within(around.collect());
    let detail = journal::read(open(), &want).history;
    let all = began.elapsed();
    fs::remove_file(&path).unwrap();
    assert!(detail.damage.is_empty(), "{:?}", detail.damage);
    assert!(detail.sent.len() > 80_000, "{}", detail.sent.len());
    println!(
        "outline {outlined:?}, with {} adverts around its transitions {all:?}; {before} kB before, {} kB at most",
        detail.sent.len() + detail.received.len(),
        peak()
    );
    assert!(all.as_secs() < 10, "{all:?}");
    assert!(peak() < 200_000, "{} kB", peak());
}
