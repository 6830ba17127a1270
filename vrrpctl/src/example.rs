//! Histories made by hand, for tests: two load balancers, of which the second takes over because the adverts of the first
//! are held on the way for 3.6 s.
//!
//! lb1 (10.0.0.2, priority 103) has been MASTER for a day. lb2 (10.0.0.3, priority 100) last hears id 380, takes over 3.61 s
//! later, then gets 381 to 384 at once, and gives way. lb1's clock may be set wrong.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use vrrp_record::cause::Cause;
use vrrp_record::event::{Event, Kind};
use vrrp_record::histogram::Histogram;
use vrrp_record::history::{
    History, Minute, Node, Numbered, Received, Router, Run, Sample, Sent, Sequence, Source, Stage,
    Stall, Time, Unit,
};
use vrrp_record::journal::Frames;
use vrrp_record::ring::{self, Layout, Record, Ring, RunHeader};
use vrrp_record::status::Unavailable;
use vrrp_record::text::Name;
use vrrp_record::words::Word;

pub(crate) const MICRO: i64 = 1_000;
pub(crate) const MILLI: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// 2026-11-24 12:03:41.220 UTC by lb2's clock: lb2 becomes MASTER.
pub(crate) const TAKEOVER: Time = Time(1_795_521_821_220_000_000);
/// When the adverts that were held come in.
pub(crate) const BURST: Time = Time(TAKEOVER.0 + 412 * MILLI);
/// What the clock says when somebody asks: 12:05:00.
pub(crate) const NOW: Time = Time(1_795_521_900_000_000_000);
/// Number of the last advert that came in time.
const LAST: i64 = 380;
/// How many adverts lb1 sent.
const ADVERTS: i64 = 455;
/// Fastest way from one to the other.
const WAY: i64 = 180 * MICRO;

pub(crate) const LB1: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
pub(crate) const LB2: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

/// When lb1's advert of that number is due, by lb2's clock.
fn due(id: i64) -> Time {
    TAKEOVER
        .plus(-3_610 * MILLI - WAY - 60 * MICRO)
        .plus((id - LAST) * SECOND)
}

fn base(host: &str, address: IpAddr, priority: u8, started: Time, pid: u32) -> History {
    History {
        node: Node {
            host: host.to_owned(),
            source: Source::Daemon,
            addresses: vec![address],
        },
        runs: vec![Run {
            boot_id: format!("boot-of-{host}"),
            pid,
            version: String::from("0.1.0"),
            started,
            ended: None,
            clean: false,
        }],
        routers: vec![Router {
            name: String::from("loadbalancer"),
            interface: String::from("eth0"),
            vrid: 205,
            ipv6: false,
            version: 2,
            source: Some(address),
            interval: 1_000_000_000,
            priority,
            preempt: true,
            down_adverts: 3,
            addresses: vec![IpAddr::from([192, 168, 205, 7])],
        }],
        unavailable: vec![Unavailable {
            what: String::from("PSI"),
            why: String::from("this kernel was booted without it"),
            remedy: Some(String::from("boot with psi=1")),
        }],
        ..History::default()
    }
}

fn event(at: Time, seq: u64, started: Time, kind: Kind) -> Numbered {
    Numbered {
        at,
        run: 0,
        event: Event {
            seq,
            unix_ms: at.unix_ms(),
            monotonic_ns: u64::try_from(at.since(started)).unwrap_or_default() + 5_000_000_000,
            kind,
        },
    }
}

fn transition(from: Word, to: Word, cause: Cause, priority: u8, number: u32) -> Kind {
    Kind::Transition {
        router: Name::new("loadbalancer"),
        from,
        to,
        releasing: false,
        cause,
        priority,
        number,
    }
}

/// An advert that left on time.
pub(crate) fn sent(id: u16, priority: u8, due: Time, late: i64) -> Sent {
    let after = |nanos| Some(due.plus(late + nanos));
    Sent {
        copies_accepted: 1,
        woke: after(0),
        submitted: after(4 * MICRO),
        accepted: after(31 * MICRO),
        queued: after(12 * MICRO),
        left: after(19 * MICRO),
        ..Sent::scheduled(0, id, priority, due)
    }
}

/// An advert that came in order.
pub(crate) fn heard(from: IpAddr, id: u16, priority: u8, arrived: Time) -> Received {
    Received {
        router: 0,
        from,
        id: Some(id),
        priority,
        interval: 1_000_000_000,
        arrived: Some(arrived),
        read: arrived.plus(24 * MICRO),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

/// Lateness that looks like a measured one and is the same in every run.
fn late(id: i64) -> i64 {
    40 * MICRO + (id * 7_919) % 97 * MICRO
}

fn id16(id: i64) -> u16 {
    u16::try_from(id).expect("examples have few adverts")
}

/// Minutes of the day before, with `value` nanoseconds every second.
fn day(stage: Stage, until: Time, value: impl Fn(i64) -> i64) -> Vec<Minute> {
    let first = until.0 - until.0.rem_euclid(60 * SECOND) - 24 * 3_600 * SECOND;
    let minutes = (0..24 * 60).map(|minute| {
        let mut histogram = Histogram::default();
        for second in 0..60 {
            histogram.record(u64::try_from(value(minute * 60 + second)).unwrap_or_default());
        }
        Minute {
            at: Time(first + minute * 60 * SECOND),
            router: 0,
            stage,
            histogram,
        }
    });
    minutes.collect()
}

/// lb1, its clock ahead of lb2's by `ahead` nanoseconds.
pub(crate) fn master(ahead: i64) -> History {
    let started = due(-5);
    let mut history = base("lb1", LB1, 103, started.plus(ahead), 812);
    let started = started.plus(ahead);
    let at = |time: Time| time.plus(ahead);
    let count = ADVERTS;
    for id in 1..=count {
        history
            .sent
            .push(sent(id16(id), 103, at(due(id)), late(id)));
    }
    // lb2's single advert, and the lower one that it did not hear the end of.
    history
        .received
        .push(heard(LB2, 1, 100, at(TAKEOVER.plus(540 * MICRO))));
    history.events = vec![
        event(started, 1, started, Kind::Started { pid: 812 }),
        event(
            at(due(1)),
            2,
            started,
            transition(
                Word::Backup,
                Word::Master,
                Cause::SilentActive {
                    last: None,
                    silence_ms: Some(3_597),
                },
                103,
                15,
            ),
        ),
        event(
            at(TAKEOVER.plus(564 * MICRO)),
            3,
            started,
            Kind::LowerHeard {
                router: Name::new("loadbalancer"),
                from: LB2,
                priority: 100,
            },
        ),
    ];
    history.minutes = day(Stage::Wake, started, late);
    history
        .minutes
        .extend(day(Stage::Departure, started, |id| late(id) + 19 * MICRO));
    history.detailed = vec![(started, at(due(count)))];
    history.settle();
    history
}

/// lb2, which took over.
pub(crate) fn backup() -> History {
    let started = due(-20);
    let mut history = base("lb2", LB2, 100, started, 4_711);
    for id in 1..=ADVERTS {
        let arrived = match id {
            381..=384 => BURST.plus((id - 381) * 600 * MICRO),
            _ => due(id).plus(late(id) + 19 * MICRO + WAY),
        };
        history.received.push(heard(LB1, id16(id), 103, arrived));
    }
    history.sent.push(sent(1, 100, TAKEOVER, 85 * MICRO));
    history.stalls.push(Stall {
        due: TAKEOVER.plus(-60 * SECOND),
        at: TAKEOVER.plus(-60 * SECOND + 24 * MILLI),
        from: TAKEOVER.plus(-60 * SECOND - 700 * MILLI),
        run_delay: Some(23_100_000),
        cpu: Some(210_000),
        throttled: None,
        throttled_times: None,
        frozen: None,
        sigcont: None,
        major_faults: Some(0),
        minor_faults: Some(0),
        voluntary: Some(1),
        involuntary: Some(3),
        io_pressure: None,
        steal: Some(0),
        suspended: Some(0),
        timer_slack: Some(50_000),
        locked: true,
        fifo: 2,
        cpu_number: 1,
        step: 0,
        step_time: 90_000,
    });
    let silent = Cause::SilentActive {
        last: Some(LB1),
        silence_ms: Some(3_610),
    };
    let higher = Cause::HigherPriority {
        from: LB1,
        priority: 103,
        ours: 100,
    };
    history.events = vec![
        event(started, 1, started, Kind::Started { pid: 4_711 }),
        event(
            started.plus(2 * MILLI),
            2,
            started,
            transition(Word::Init, Word::Backup, Cause::Started, 100, 15),
        ),
        event(
            TAKEOVER,
            3,
            started,
            transition(Word::Backup, Word::Master, silent, 100, 16),
        ),
        event(
            BURST.plus(40 * MICRO),
            4,
            started,
            transition(Word::Master, Word::Backup, higher, 100, 17),
        ),
    ];
    history.minutes = day(Stage::Gap, started, |id| SECOND + late(id) - late(id + 1));
    history.samples = (0..600)
        .map(|tick| Sample {
            at: TAKEOVER.plus((tick - 300) * 100 * MILLI),
            unit: Unit::InterfaceReceived,
            object: 2,
            value: u64::try_from(tick * 4).unwrap_or_default(),
        })
        .collect();
    history.detailed = vec![(started, due(ADVERTS))];
    history.settle();
    history
}

fn header(history: &History) -> RunHeader {
    let run = &history.runs[0];
    RunHeader {
        host: history.node.host.clone(),
        addresses: history.node.addresses.clone(),
        boot_id: run.boot_id.clone(),
        pid: run.pid,
        version: run.version.clone(),
        started: run.started,
        monotonic_ns: 5_000_000_000,
        ..RunHeader::default()
    }
}

/// A history as the flight recorder's file of a run that goes on.
pub(crate) fn ring(history: &History) -> Vec<u8> {
    let layout = Layout::new(2 << 20, 1).expect("two megabytes are enough for one router");
    let words: Vec<AtomicU64> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
    let mut ring = Ring::format(&layout, &words, &header(history)).expect("the example fits");
    ring.descriptions[0].write(&history.routers[0]);
    for sent in &history.sent {
        ring.adverts.append(Record::Sent(*sent).encode());
    }
    for one in &history.received {
        ring.adverts.append(Record::Received(*one).encode());
    }
    for stall in &history.stalls {
        ring.kept.append(Record::Stall(*stall).encode());
    }
    for minute in &history.minutes {
        let buckets: Vec<(u16, u32)> = minute.histogram.buckets().collect();
        let largest = minute.histogram.largest();
        ring.minutes.append(ring::minute(
            minute.router,
            minute.at,
            minute.stage,
            largest,
            u32::try_from(minute.histogram.count()).unwrap_or(u32::MAX),
            &buckets,
        ));
    }
    for event in &history.events {
        ring::append_event(&mut ring.events, &event.event);
    }
    for missing in &history.unavailable {
        ring::append_unavailable(&mut ring.events, missing);
    }
    let words = words
        .iter()
        .map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
    words.flatten().collect()
}

/// What the journal's files of a run begin with and hold, as one segment.
pub(crate) fn segment(history: &History) -> Vec<u8> {
    let mut frames = Frames::new(header(history));
    let mut bytes = Vec::new();
    let routers: Vec<(u16, Router)> = (0..).zip(history.routers.iter().cloned()).collect();
    frames.head(&routers, &history.unavailable, &mut bytes);
    let sent = history.sent.iter().map(|sent| Record::Sent(*sent));
    let received = history.received.iter().map(|one| Record::Received(*one));
    let stalls = history.stalls.iter().map(|stall| Record::Stall(*stall));
    let mut records: Vec<Record> = sent.chain(received).chain(stalls).collect();
    records.sort_by_key(Record::at);
    for some in records.chunks(64) {
        frames.records(some, &mut bytes);
    }
    for event in &history.events {
        frames.event(&event.event, &mut bytes);
    }
    frames.samples(&history.samples, &mut bytes);
    frames.minutes(&history.minutes, &mut bytes);
    for (from, until) in &history.detailed {
        frames.detailed(*from, *until, &mut bytes);
    }
    bytes
}
