//! Simulated records of a pair: `lb1` is MASTER at 10.0.0.2 with priority 101, `lb2` its Backup at 10.0.0.3 with 100, one
//! advert a second. Everything is quiet until a test changes something.

use std::net::IpAddr;

use crate::cause::Cause;
use crate::event::{Event, Kind};
use crate::history::{
    History, Node, Numbered, Received, Router, Run, Sample, Sent, Sequence, Source, Stall, Time,
    Unit,
};
use crate::status::Unavailable;
use crate::text::Name;
use crate::verdict::{Incident, Verdict, incidents, judge};
use crate::words::Word;

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const MILLI: i64 = 1_000_000;
pub(super) const LB1: [u8; 4] = [10, 0, 0, 2];
pub(super) const LB2: [u8; 4] = [10, 0, 0, 3];
/// The limit of lb2.
pub(super) const LIMIT: i64 = 3_609 * MILLI;
/// Their clocks differ by this much.
pub(super) const APART: i64 = -1_700 * MILLI;

pub(super) fn at(seconds: i64) -> Time {
    Time(1_000_000 * SECOND + seconds * SECOND)
}

pub(super) fn address(of: [u8; 4]) -> IpAddr {
    IpAddr::from(of)
}

pub(super) fn node(host: &str, of: [u8; 4], priority: u8) -> History {
    History {
        node: Node {
            host: host.to_owned(),
            source: Source::Daemon,
            addresses: vec![address(of)],
        },
        runs: vec![Run {
            boot_id: String::from("boot-1"),
            pid: 812,
            version: String::from("0.1.0"),
            started: at(-1000),
            ended: None,
            clean: false,
        }],
        routers: vec![Router {
            name: String::from("vi_1"),
            interface: String::from("eth0"),
            vrid: 51,
            ipv6: false,
            version: 3,
            source: Some(address(of)),
            interval: 1_000_000_000,
            priority,
            preempt: true,
            down_adverts: 3,
            addresses: vec![address([10, 0, 0, 100])],
        }],
        ..History::default()
    }
}

/// An advert on time.
pub(super) fn sent(id: u16, priority: u8, due: Time) -> Sent {
    Sent {
        router: 0,
        id,
        priority,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: Some(due.plus(60_000)),
        submitted: Some(due.plus(70_000)),
        accepted: Some(due.plus(110_000)),
        queued: Some(due.plus(90_000)),
        left: Some(due.plus(95_000)),
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: true,
    }
}

/// An advert of lb1 as lb2 hears it.
pub(super) fn heard(id: u16, priority: u8, arrived: Time) -> Received {
    Received {
        router: 0,
        from: address(LB1),
        id: Some(id),
        priority,
        interval: 1_000_000_000,
        arrived: Some(arrived),
        read: arrived.plus(50_000),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

/// lb1 after so many seconds as MASTER.
pub(super) fn master(seconds: i64) -> History {
    let mut node = node("lb1", LB1, 101);
    for second in 0..seconds {
        node.sent.push(sent(number(second), 101, at(second)));
    }
    quiet_counters(&mut node, at(seconds));
    push_event(
        &mut node,
        at(-900),
        Kind::Transition {
            router: Name::new("vi_1"),
            from: Word::Backup,
            to: Word::Master,
            releasing: false,
            cause: Cause::Other,
            priority: 101,
            number: 0,
        },
    );
    node
}

/// lb2 after so many seconds as Backup.
pub(super) fn backup(seconds: i64) -> History {
    let mut node = node("lb2", LB2, 100);
    for second in 0..seconds {
        node.received
            .push(heard(number(second), 101, arrival(second)));
    }
    quiet_counters(&mut node, at(seconds).plus(APART));
    node
}

pub(super) fn number(second: i64) -> u16 {
    u16::try_from(second + 1).unwrap()
}

/// When lb2 hears the advert that lb1 sends at that second, by its own clock.
pub(super) fn arrival(second: i64) -> Time {
    at(second).plus(APART).plus(200_000)
}

/// lb2 takes over after the advert of that second.
pub(super) fn takes_over(node: &mut History, last: i64) -> Time {
    let when = arrival(last).plus(LIMIT);
    push_transition(
        node,
        when,
        (Word::Backup, Word::Master),
        Cause::SilentActive {
            last: Some(address(LB1)),
            silence_ms: Some(3_609),
        },
    );
    when
}

pub(super) fn push_transition(
    node: &mut History,
    when: Time,
    (from, to): (Word, Word),
    cause: Cause,
) {
    push_event(
        node,
        when,
        Kind::Transition {
            router: Name::new("vi_1"),
            from,
            to,
            releasing: false,
            cause,
            priority: 100,
            number: 17,
        },
    );
}

pub(super) fn push_event(node: &mut History, when: Time, kind: Kind) {
    let seq = u64::try_from(node.events.len()).unwrap() + 1;
    node.events.push(Numbered {
        at: when,
        run: 0,
        event: Event {
            seq,
            unix_ms: when.unix_ms(),
            monotonic_ns: 0,
            kind,
        },
    });
    node.events.sort_by_key(|event| event.at);
}

/// Counters of a quiet machine, a reading a second for seventy seconds before `until` and ten after.
pub(super) fn quiet_counters(node: &mut History, until: Time) {
    let rates = [
        (Unit::InterfaceReceived, 2, 40),
        (Unit::QdiscDropped, 2, 0),
        (Unit::RunDelay, 0, 200_000),
        (Unit::Steal, 0, 0),
        (Unit::PressureIo, 0, 20_000_000),
        (Unit::SoftirqDropped, 0, 0),
        (Unit::SocketDropped, 0, 0),
        (Unit::AdvertsAtInterface, 2, 0),
        (Unit::InterfaceReceiveDropped, 2, 0),
        (Unit::InterfaceSendDropped, 2, 0),
        (Unit::QueueStalls, 2, 0),
        (Unit::OutOfMemoryKills, 0, 0),
        (Unit::WallClock, 0, 0),
    ];
    for second in -90..30 {
        let when = until.plus(second * SECOND);
        for (unit, object, rate) in rates {
            let value = 1_000_000 + rate * u64::try_from(second + 90).unwrap();
            node.samples.push(Sample {
                at: when,
                unit,
                object,
                value,
            });
        }
        node.samples.push(Sample {
            at: when,
            unit: Unit::Membership,
            object: 2,
            value: 1,
        });
    }
    node.samples.sort_by_key(|sample| sample.at);
}

/// Moves a counter by so much from a time on.
pub(super) fn bump(node: &mut History, unit: Unit, from: Time, by: u64) {
    for sample in &mut node.samples {
        if sample.unit == unit && sample.at >= from {
            sample.value += by;
        }
    }
}

/// A late wake-up with nothing but zeros.
pub(super) fn stall(due: Time, late: i64) -> Stall {
    Stall {
        due,
        at: due.plus(late),
        from: due.plus(-900 * MILLI),
        run_delay: Some(200_000),
        cpu: Some(300_000),
        throttled: Some(0),
        throttled_times: Some(0),
        frozen: Some(0),
        sigcont: None,
        major_faults: Some(0),
        minor_faults: Some(0),
        voluntary: Some(1),
        involuntary: Some(0),
        io_pressure: Some(0),
        steal: Some(0),
        suspended: Some(0),
        timer_slack: Some(50_000),
        locked: true,
        fifo: 0,
        cpu_number: 1,
        step: 0,
        step_time: 0,
    }
}

/// lb1 sleeps through the adverts from that second on and sends one when it wakes.
pub(super) fn sleeps(node: &mut History, from: i64, late: i64, change: impl FnOnce(&mut Stall)) {
    let mut stall = stall(at(from), late);
    change(&mut stall);
    node.stalls.push(stall);
    let first = usize::try_from(from).unwrap();
    let missed = usize::try_from(late / SECOND).unwrap();
    let last = (first + missed).min(node.sent.len() - 1);
    let mut one = sent(number(from), 101, at(from));
    let woke = at(from).plus(late);
    (one.woke, one.submitted) = (Some(woke), Some(woke));
    (one.queued, one.accepted) = (Some(woke), Some(woke));
    one.left = Some(woke);
    one.skipped = u16::try_from(missed).unwrap();
    node.sent.splice(first..=last, [one]);
}

pub(super) fn unavailable(what: &str) -> Unavailable {
    Unavailable {
        what: what.to_owned(),
        why: String::from("not in this kernel"),
        remedy: None,
    }
}

/// Everything judged, as known at the end; the beginning of the story aside.
pub(super) fn judged(node: &History, peer: Option<&History>) -> Vec<Verdict> {
    let end = Time(i64::MAX / 2);
    incidents(node)
        .iter()
        .filter(|incident| incident.at >= at(-10))
        .map(|incident| judge(node, peer, incident, end))
        .collect()
}

/// The verdict on the transition that has a number.
pub(super) fn of_transition(node: &History, peer: Option<&History>, as_of: Time) -> Verdict {
    judge(node, peer, &numbered(node), as_of)
}

pub(super) fn numbered(node: &History) -> Incident {
    incidents(node)
        .into_iter()
        .find(|incident| incident.number == Some(17))
        .expect("the incident has number 17")
}

pub(super) fn end() -> Time {
    Time(i64::MAX / 2)
}
