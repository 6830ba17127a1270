//! A ring and a journal with something of everything, for tests of damage; and which records they hold.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use vrrp_proto::router::State;
use vrrp_record::event::{Event, Kind};
use vrrp_record::histogram::Histogram;
use vrrp_record::history::{
    History, Minute, Received, Rejected, Router, Sample, Sent, Sequence, Stage, Stall, Time, Unit,
};
use vrrp_record::journal::{Frames, Note};
use vrrp_record::ring::{
    self, Layout, Record, Resume, Ring, RunHeader, Transition, append_event, append_unavailable,
    minute, samples,
};
use vrrp_record::status::Unavailable;
use vrrp_record::text::Name;

/// Start of the run.
const START: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn run() -> RunHeader {
    RunHeader {
        host: String::from("loadbalancer01"),
        boot_id: String::from("6c1d1f0a-7a3e-4a56-9a5e-0f4be1e9a1b2"),
        pid: 4711,
        version: String::from("0.1.0"),
        started: Time(START),
        monotonic_ns: 5_000_000_000,
        ..RunHeader::default()
    }
}

fn router(vrid: u8) -> Router {
    Router {
        name: format!("vi_{vrid}"),
        interface: String::from("eth0"),
        vrid,
        ipv6: false,
        version: 3,
        source: Some([192, 168, 205, 2].into()),
        interval: 1_000_000_000,
        priority: 101,
        preempt: true,
        down_adverts: 3,
        addresses: vec![[192, 168, 205, vrid].into()],
    }
}

fn at(number: u32) -> Time {
    Time(START + i64::from(number) * SECOND)
}

fn sent(number: u32, settled: bool) -> Sent {
    let due = at(number);
    Sent {
        router: (number % 3) as u16,
        id: number as u16,
        priority: 101,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: Some(due.plus(60_000)),
        submitted: Some(due.plus(70_000)),
        accepted: Some(due.plus(90_000)),
        queued: settled.then(|| due.plus(95_000)),
        left: settled.then(|| due.plus(99_000)),
        taken: None,
        held_bytes: number,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled,
    }
}

fn received(number: u32) -> Received {
    Received {
        router: (number % 3) as u16,
        from: [192, 168, 205, 3].into(),
        id: Some(number as u16),
        priority: 100,
        interval: 1_000_000_000,
        arrived: Some(at(number)),
        read: at(number).plus(40_000),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

fn rejected(number: u32) -> Rejected {
    Rejected {
        router: 1,
        from: [192, 168, 205, 4].into(),
        reason: 3,
        priority: Some(9),
        value: 254,
        expected: 255,
        at: at(number),
        more: number,
    }
}

fn stall(number: u32) -> Stall {
    Stall {
        due: at(number),
        at: at(number).plus(3 * SECOND),
        from: at(number).plus(-SECOND),
        run_delay: Some(2_900_000_000),
        cpu: Some(1_000),
        throttled: None,
        throttled_times: None,
        frozen: Some(0),
        sigcont: None,
        major_faults: Some(1),
        minor_faults: Some(2),
        voluntary: Some(3),
        involuntary: Some(4),
        io_pressure: None,
        steal: Some(10_000_000),
        suspended: Some(0),
        timer_slack: Some(50_000),
        locked: true,
        fifo: 1,
        cpu_number: 1,
        step: 2,
        step_time: 77,
    }
}

fn transition(number: u32) -> Transition {
    Transition {
        router: 0,
        at: at(number),
        from: State::Backup,
        to: State::Active,
        cause: 3,
        priority: 101,
        peer: None,
    }
}

fn resume(number: u32) -> Resume {
    Resume {
        router: 0,
        state: State::Active,
        leaving: false,
        healthy: true,
        healthy_until: None,
        priority: 101,
        ifindex: 2,
        plan: 3,
        source: None,
        interval: 1_000_000_000,
        id: number as u16,
        ah_sequence: 0,
        last_advert: Some(at(number)),
        next: Some(at(number + 1)),
        since: at(0),
        present: 1,
        wanted: 1,
    }
}

/// Every third one is longer than a slot of text: its name has characters that JSON escapes.
fn event(number: u32) -> Event {
    let name = if number.is_multiple_of(3) {
        Name::new(&"\u{1}".repeat(63))
    } else {
        Name::new("vi_1")
    };
    Event {
        seq: number.into(),
        unix_ms: at(number).unix_ms(),
        monotonic_ns: 5_000_000_000 + u64::from(number) * 1_000_000_000,
        kind: Kind::Command {
            command: name,
            uid: number,
            pid: number + 1,
            comm: None,
            granted: number.is_multiple_of(2),
        },
    }
}

fn counters(number: u32) -> Vec<Sample> {
    (0..12)
        .map(|object| Sample {
            at: at(number),
            unit: Unit::DeviceBusy,
            object,
            value: u64::from(number) * 1_000 + u64::from(object),
        })
        .collect()
}

fn buckets(number: u32) -> Vec<(u16, u32)> {
    (0..80).map(|bucket| (bucket * 3, number + 1)).collect()
}

fn a_minute(number: u32) -> Minute {
    let mut histogram = Histogram::default();
    for (bucket, count) in buckets(number) {
        histogram.add_bucket(bucket, count, 9_000_000);
    }
    Minute {
        at: at(number * 60),
        router: 2,
        stage: Stage::Departure,
        histogram,
    }
}

fn missing() -> Unavailable {
    Unavailable {
        what: String::from("hardware stamps"),
        why: String::from("the device has none"),
        remedy: None,
    }
}

/// A ring in which every region was filled more than once.
pub(crate) fn ring_file() -> Vec<u8> {
    let layout = Layout::new(80 * 1024, 3).unwrap();
    let words: Vec<_> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
    let mut ring = Ring::format(&layout, &words, &run()).unwrap();
    for (vrid, description) in (1..).zip(&mut ring.descriptions) {
        description.write(&router(vrid));
    }
    append_unavailable(&mut ring.events, &missing());
    for number in 1..400 {
        let seq = ring
            .adverts
            .append(Record::Sent(sent(number, false)).encode());
        ring.adverts
            .append(Record::Received(received(number)).encode());
        ring.adverts
            .rewrite(seq, Record::Sent(sent(number, true)).encode());
        ring.kept
            .append(Record::Rejected(rejected(number)).encode());
        ring.kept.append(Record::Stall(stall(number)).encode());
        ring.kept
            .append(Record::Transition(transition(number)).encode());
        let counters = counters(number);
        for eight in counters.chunks(ring::SAMPLES) {
            ring.samples.append(samples(at(number), eight));
        }
        let total = u32::try_from(a_minute(number).histogram.count()).unwrap();
        for part in buckets(number).chunks(ring::MINUTE_BUCKETS) {
            let slot = minute(2, at(number * 60), Stage::Departure, 9_000_000, total, part);
            ring.minutes.append(slot);
        }
        append_event(&mut ring.events, &event(number));
        ring.life.beat(at(number));
        ring.resumes[0].write(&resume(number));
    }
    ring.life.end(at(400));
    words
        .iter()
        .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
        .collect()
}

/// A journal of the same run.
pub(crate) fn journal_file() -> Vec<u8> {
    let mut frames = Frames::new(run());
    let mut bytes = Vec::new();
    let routers: Vec<_> = (0..).zip((1..4).map(router)).collect();
    frames.head(&routers, &[missing()], &mut bytes);
    for number in (1..200).step_by(4) {
        let records: Vec<Record> = (number..number + 4)
            .flat_map(|number| {
                [
                    Record::Sent(sent(number, true)),
                    Record::Received(received(number)),
                    Record::Rejected(rejected(number)),
                    Record::Stall(stall(number)),
                    Record::Transition(transition(number)),
                ]
            })
            .collect();
        frames.records(&records, &mut bytes);
        frames.samples(&counters(number), &mut bytes);
        frames.minutes(&[a_minute(number)], &mut bytes);
        frames.event(&event(number), &mut bytes);
        frames.detailed(at(number), at(number + 3), &mut bytes);
        frames.verdict(number, at(number), &"undetermined", &mut bytes);
    }
    let note = Note {
        from: at(1),
        until: at(2),
        lost: 3,
        text: String::from("3 records were lost while the disk hung"),
    };
    frames.note(&note, &mut bytes);
    frames.ended(at(400), true, &mut bytes);
    bytes
}

/// Whatever either of them ever held, each as text, so that nothing of a record goes uncompared.
pub(crate) fn written() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for number in 1..400 {
        all.insert(format!("{:?}", sent(number, false)));
        all.insert(format!("{:?}", sent(number, true)));
        all.insert(format!("{:?}", received(number)));
        all.insert(format!("{:?}", rejected(number)));
        all.insert(format!("{:?}", stall(number)));
        all.insert(format!("{:?}", transition(number)));
        all.insert(format!("{:?}", resume(number)));
        all.insert(format!("{:?} {:?}", at(number), event(number)));
        all.insert(format!("{:?}", a_minute(number)));
        all.extend(counters(number).iter().map(|sample| format!("{sample:?}")));
    }
    all.insert(format!("{:?}", missing()));
    all.extend((1..4).map(|vrid| format!("{:?}", router(vrid))));
    all
}

/// The records of a history in the same form. A router whose description is lost is no record.
pub(crate) fn records(history: &History) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    all.extend(history.sent.iter().map(|one| format!("{one:?}")));
    all.extend(history.received.iter().map(|one| format!("{one:?}")));
    all.extend(history.rejected.iter().map(|one| format!("{one:?}")));
    all.extend(history.stalls.iter().map(|one| format!("{one:?}")));
    all.extend(history.samples.iter().map(|one| format!("{one:?}")));
    all.extend(history.minutes.iter().map(|one| format!("{one:?}")));
    all.extend(history.unavailable.iter().map(|one| format!("{one:?}")));
    let events = history.events.iter();
    all.extend(events.map(|one| format!("{:?} {:?}", one.at, one.event)));
    let described = history.routers.iter().filter(|router| router.vrid != 0);
    all.extend(described.map(|router| format!("{router:?}")));
    all
}

/// Every advert within the stretches that are called whole must be there: what is said to be complete is.
pub(crate) fn complete(history: &History) -> Result<(), String> {
    for (from, until) in &history.detailed {
        for number in 1..400 {
            let inside = |time: Time| *from <= time && time <= *until;
            let due = sent(number, true).due;
            if inside(due) && !history.sent.iter().any(|one| one.due == due) {
                return Err(format!(
                    "advert {number} sent is missing from {from} to {until}"
                ));
            }
            let heard = received(number);
            if inside(heard.at()) && !history.received.contains(&heard) {
                return Err(format!(
                    "advert {number} heard is missing from {from} to {until}"
                ));
            }
        }
    }
    Ok(())
}
