use std::net::IpAddr;

use super::*;
use crate::event::{Event, Kind};
use crate::histogram::Histogram;
use crate::history::{Minute, Router, Run, Sequence, Stage};

const SECOND: i64 = 1_000_000_000;

fn router(vrid: u8) -> Router {
    Router {
        name: format!("vi_{vrid}"),
        interface: String::from("eth0"),
        vrid,
        ipv6: false,
        version: 3,
        source: None,
        interval: 1_000_000_000,
        priority: 100,
        preempt: true,
        down_adverts: 3,
        addresses: Vec::new(),
    }
}

fn run(pid: u32, started: i64) -> Run {
    Run {
        boot_id: String::from("boot"),
        pid,
        version: String::from("0.1.0"),
        started: Time(started * SECOND),
        ended: None,
        clean: false,
    }
}

fn sent(router: u16, at: i64) -> Sent {
    Sent {
        router,
        id: u16::try_from(at).unwrap(),
        priority: 100,
        copies: 1,
        copies_accepted: 1,
        due: Time(at * SECOND),
        woke: Some(Time(at * SECOND + 1)),
        submitted: None,
        accepted: None,
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

fn received(router: u16, at: i64) -> Received {
    Received {
        router,
        from: IpAddr::from([10, 0, 0, 2]),
        id: Some(1),
        priority: 100,
        interval: 1_000_000_000,
        arrived: None,
        read: Time(at * SECOND),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

fn started(run: u16, seq: u64, at: i64) -> Numbered {
    Numbered {
        at: Time(at * SECOND),
        run,
        event: Event {
            seq,
            unix_ms: at * 1_000,
            monotonic_ns: 0,
            kind: Kind::Started { pid: 7 },
        },
    }
}

fn minute(router: u16, at: i64, counts: u64) -> Minute {
    let mut histogram = Histogram::default();
    for _ in 0..counts {
        histogram.record(1_000);
    }
    Minute {
        at: Time(at * SECOND),
        router,
        stage: Stage::Wake,
        histogram,
    }
}

#[test]
fn copies_of_an_advert_that_were_read_at_once_stay_two() {
    let read = received(0, 1).read;
    let first = Received {
        arrived: Some(read.plus(-400_000)),
        ..received(0, 1)
    };
    let copy = Received {
        arrived: Some(read.plus(-100_000)),
        ..first
    };
    let mut history = History {
        received: vec![first, copy, copy],
        ..History::default()
    };
    history.settle();
    assert_eq!(history.received, [first, copy]);
}

#[test]
fn a_record_that_two_readings_have_is_kept_once_and_whole() {
    let mut ring = History {
        runs: vec![run(9, 100)],
        routers: vec![router(51)],
        sent: vec![sent(0, 110)],
        received: vec![received(0, 105)],
        events: vec![started(0, 1, 100)],
        minutes: vec![minute(0, 60, 5)],
        detailed: vec![(Time(100 * SECOND), Time(111 * SECOND))],
        ..History::default()
    };
    let mut whole = sent(1, 110);
    whole.left = Some(Time(110 * SECOND + 9));
    whole.settled = true;
    let journal = History {
        runs: vec![run(8, 10), run(9, 100)],
        routers: vec![router(50), router(51)],
        sent: vec![sent(1, 20), whole],
        received: vec![received(1, 105), received(0, 104)],
        events: vec![started(0, 1, 10), started(1, 1, 100)],
        minutes: vec![minute(1, 60, 6), minute(0, 60, 1)],
        detailed: vec![(Time(10 * SECOND), Time(105 * SECOND))],
        damage: vec![String::from("x"), String::from("x")],
        ..History::default()
    };
    ring.absorb(journal);

    let vrids: Vec<u8> = ring.routers.iter().map(|router| router.vrid).collect();
    assert_eq!(vrids, [51, 50]);
    let pids: Vec<u32> = ring.runs.iter().map(|run| run.pid).collect();
    assert_eq!(pids, [8, 9], "oldest first");
    assert_eq!(ring.sent.len(), 2);
    assert!(ring.sent[1].settled && ring.sent[1].left.is_some());
    assert_eq!(ring.sent[0].router, 0, "positions are translated");
    let heard: Vec<(u16, i64)> = ring
        .received
        .iter()
        .map(|one| (one.router, one.read.0 / SECOND))
        .collect();
    assert_eq!(heard, [(1, 104), (0, 105)]);
    let events: Vec<(u16, i64)> = ring
        .events
        .iter()
        .map(|event| (event.run, event.at.0 / SECOND))
        .collect();
    assert_eq!(events, [(0, 10), (1, 100)]);
    let counts: Vec<(u16, u64)> = ring
        .minutes
        .iter()
        .map(|minute| (minute.router, minute.histogram.count()))
        .collect();
    assert_eq!(counts, [(0, 6), (1, 1)]);
    assert_eq!(ring.detailed, [(Time(10 * SECOND), Time(111 * SECOND))]);
    assert_eq!(ring.damage.len(), 1);
}

#[test]
fn absorbing_the_same_again_changes_nothing() {
    let one = History {
        runs: vec![run(8, 10), run(9, 100)],
        routers: vec![router(50), router(51)],
        sent: vec![sent(0, 20), sent(1, 20), sent(1, 21)],
        received: vec![received(0, 15), received(1, 15)],
        events: vec![started(0, 1, 10), started(1, 1, 100)],
        minutes: vec![minute(0, 60, 1), minute(1, 60, 2)],
        ..History::default()
    };
    let mut twice = one.clone();
    twice.absorb(one.clone());
    assert_eq!(twice.sent, one.sent);
    assert_eq!(twice.received, one.received);
    assert_eq!(twice.events, one.events);
    assert_eq!(twice.minutes, one.minutes);
    assert_eq!(twice.runs, one.runs);
    assert_eq!(twice.routers, one.routers);
}

#[test]
fn records_of_a_router_that_the_reading_does_not_name_are_left_out() {
    let mut history = History::default();
    history.absorb(History {
        routers: vec![router(51)],
        sent: vec![sent(3, 20)],
        received: vec![received(9, 20)],
        events: vec![started(4, 1, 20)],
        ..History::default()
    });
    assert!(history.sent.is_empty() && history.received.is_empty() && history.events.is_empty());
}

#[test]
fn a_router_is_described_as_it_was_configured_last() {
    let reading = |pid, started, interval| History {
        runs: vec![run(pid, started)],
        routers: vec![Router {
            interval,
            ..router(1)
        }],
        ..History::default()
    };
    let (old, new) = (reading(1, 10, 1_000_000_000), reading(2, 20, 100_000_000));
    for (mut first, second) in [(old.clone(), new.clone()), (new, old)] {
        first.absorb(second);
        assert_eq!(first.routers.len(), 1);
        assert_eq!(first.routers[0].interval, 100_000_000);
    }
}
