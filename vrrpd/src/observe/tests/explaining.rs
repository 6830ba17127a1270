//! The explaining thread beside an observer: what it finds in snapshots reaches status, log and events.

use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use vrrp_proto::router::{Cause as ProtoCause, State};
use vrrp_record::event::Kind;
use vrrp_record::ring::RunHeader;

use super::fixture::*;
use crate::control::Source;
use crate::core;
use crate::journal::{Analyst, Inputs};
use crate::observe::Observer;

fn start(
    bench: Bench,
) -> (
    Arc<Observer>,
    Arc<std::sync::Mutex<core::CoreSnapshot>>,
    Analyst,
) {
    let (observer, core) = (Arc::new(bench.observer), bench.core);
    let (sender, events) = std::sync::mpsc::sync_channel(64);
    observer.follow(sender);
    let seen = Arc::clone(&core);
    let inputs = Inputs {
        snapshot: Box::new(move || {
            let mut now = seen.lock().unwrap().clone();
            now.taken = core::now();
            now
        }),
        observer: Arc::clone(&observer),
        events,
        ring: None,
        writer: None,
        bounds: (None, None),
        run: RunHeader::default(),
    };
    (observer, core, Analyst::start(inputs).unwrap())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Clock::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_gap_that_ends_in_time_is_numbered_and_shown_before_anything_fails() {
    let bench = Bench::new();
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    let before = bench.observer.numbers().last();
    let (observer, core, analyst) = start(bench);
    let hear = |at| {
        let mut core = core.lock().unwrap();
        let router = &mut core.routers[0];
        router.received.accepted += 1;
        let peer = router.router.peer.as_mut().unwrap();
        peer.heard = at;
        peer.priority = priority(200).into();
    };
    let long = core.lock().unwrap().routers[0].router.down_interval * 7 / 10;
    let margin = |observer: &Observer| observer.status().routers[0].margin;
    // The thread has looked once before it can see a difference.
    until("measured", || {
        !observer
            .live()
            .shown(observer.axis().time(core::now()))
            .is_empty()
    });
    let first = core::now();
    core.lock().unwrap().routers[0].router.since = first;
    hear(first);
    until("the first advert", || margin(&observer).is_some());
    // Virtual time: the second advert was heard much later.
    hear(first.saturating_add(long));
    let events = || observer.status().last_events;
    until("a near failover", || {
        events().iter().any(|event| {
            matches!(event.kind, Kind::NearFailover { number, from: Some(_), .. } if number == before + 1)
        })
    });
    let near = observer.status().routers[0].near_failovers.clone().unwrap();
    assert_eq!(near.count, 1);
    let last = near.last.unwrap();
    assert_eq!(last.number, before + 1);
    assert!(last.gap_ms * 2 > last.limit_ms && last.gap_ms < last.limit_ms);
    drop(analyst);
}

#[test]
fn adverts_between_two_looks_are_never_taken_for_a_gap() {
    let bench = Bench::new();
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    let (observer, core, analyst) = start(bench);
    until("measured", || {
        !observer
            .live()
            .shown(observer.axis().time(core::now()))
            .is_empty()
    });
    let first = core::now();
    for step in 0..4u32 {
        let mut core = core.lock().unwrap();
        let router = &mut core.routers[0];
        router.router.since = first;
        // Three at once, and much later: two of them were not seen.
        router.received.accepted += 3;
        router.router.peer.as_mut().unwrap().heard =
            first.saturating_add(router.router.down_interval * 9 / 10 * step);
        router.router.peer.as_mut().unwrap().priority = priority(200).into();
        drop(core);
        std::thread::sleep(Duration::from_millis(150));
    }
    drop(analyst);
    let near = observer.status().routers[0].near_failovers.clone().unwrap();
    assert_eq!(near.count, 0);
}
