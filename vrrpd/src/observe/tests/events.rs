//! From reports to events.

use std::time::Duration;

use vrrp_proto::group::GroupIndex;
use vrrp_proto::router::{
    AddressState, Cause as ProtoCause, FaultSet, InterfaceKey, State, Transition,
};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackerId};
use vrrp_proto::units::WirePriority;
use vrrp_record::cause::Cause;
use vrrp_record::event::{Kind, RunOutcome};
use vrrp_record::words::Word;

use super::super::*;
use super::fixture::*;
use crate::control::{Peer as Client, Source};
use crate::core::Report;

#[test]
fn a_takeover_says_for_how_long_whom_nothing_was_heard_from() {
    let bench = Bench::new();
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    bench.transition(
        State::Backup,
        State::Active,
        ProtoCause::SilentActive {
            last: Some(address(PEER)),
        },
    );
    let status = bench.status();
    let Some(Cause::SilentActive {
        last,
        silence_ms: Some(silence),
    }) = status.routers[0].cause
    else {
        panic!("{:?}", status.routers[0].cause)
    };
    assert_eq!(last, Some(address(PEER)));
    assert!((3_600..4_600).contains(&silence), "{silence}");
    assert!(
        status.routers[0]
            .why
            .starts_with("no advert from 10.0.0.2 for "),
        "{}",
        status.routers[0].why
    );
    let last = status.last_events.last().unwrap().kind;
    assert!(
        matches!(
            last,
            Kind::Transition {
                from: Word::Backup,
                to: Word::Master,
                priority: 103,
                ..
            }
        ),
        "{last:?}"
    );
}

#[test]
fn a_takeover_from_nobody_counts_from_the_beginning_of_listening() {
    let bench = Bench::new();
    bench.change(|router| router.router.peer = None);
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    bench.transition(
        State::Backup,
        State::Active,
        ProtoCause::SilentActive { last: None },
    );
    let cause = bench.status().routers[0].cause;
    assert!(
        matches!(
            cause,
            Some(Cause::SilentActive {
                last: None,
                silence_ms: Some(0..1_000)
            })
        ),
        "{cause:?}"
    );
}

#[test]
fn a_failing_script_is_told_once_and_named_in_the_fault() {
    let mut plan = plan();
    plan.routers[0].track_scripts[0].weight = 0;
    let bench = Bench::of(plan);
    bench.well();
    for _ in 0..3 {
        bench.script_ran(RunOutcome::Exited { status: 1 }, Reading::Bad);
    }
    bench.change(|router| router.router.faults = FaultSet::TRACKER);
    bench.transition(
        State::Active,
        State::Initialize,
        ProtoCause::Fault(FaultSet::TRACKER),
    );
    let status = bench.status();
    let router = &status.routers[0];
    assert_eq!(
        (router.state, router.why.as_str()),
        (Word::Fault, "tracked script chk_haproxy failed")
    );
    assert_eq!(
        status.health.reasons,
        ["loadbalancer: tracked script chk_haproxy failed"]
    );
    let told = bench.sentences();
    let count = |part: &str| told.iter().filter(|text| text.contains(part)).count();
    assert_eq!(
        (count("exit 1 after"), count("script chk_haproxy: bad")),
        (1, 1),
        "{told:?}"
    );
}

#[test]
fn a_fault_at_start_enters_fault_from_init() {
    let bench = Bench::new();
    let faults = FaultSet::INTERFACE_GONE;
    bench.change(|router| router.router.faults = faults);
    bench.transition(
        State::Initialize,
        State::Initialize,
        ProtoCause::Fault(faults),
    );
    assert_eq!(
        bench.sentences(),
        ["loadbalancer: INIT -> FAULT, priority 103: interface eth0 does not exist"]
    );
}

#[test]
fn faults_that_a_transition_came_with_are_told_once_and_later_ones_too() {
    let bench = Bench::new();
    let down = FaultSet::INTERFACE_DOWN;
    let faults = |faults| {
        bench.observer.report(
            &Report::Faults {
                router: ID,
                faults,
                at: ago(0),
            },
            &Table,
        )
    };
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    bench.change(|router| router.router.faults = down);
    bench.transition(State::Backup, State::Initialize, ProtoCause::Fault(down));
    faults(down);
    faults(down.with(FaultSet::NO_SOURCE, true));
    bench.change(|router| router.router.faults = FaultSet::NONE);
    bench.transition(State::Initialize, State::Backup, ProtoCause::FaultCleared);
    faults(FaultSet::NONE);
    let told = bench.sentences();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(
        told[1],
        "loadbalancer: BACKUP -> FAULT, priority 103: interface eth0 is down or has no carrier"
    );
    assert!(
        told[2].contains("has no address to send adverts from"),
        "{told:?}"
    );
    assert_eq!(
        told[3],
        "loadbalancer: FAULT -> BACKUP, priority 103: the fault is over"
    );
}

#[test]
fn faults_told_before_their_transition_do_not_hide_it() {
    let bench = Bench::new();
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    let down = FaultSet::INTERFACE_DOWN;
    let transition = Transition {
        from: State::Backup,
        to: State::Initialize,
        cause: ProtoCause::Fault(down),
        at: ago(0),
    };
    bench.change(|router| {
        router.router.state = State::Initialize;
        router.router.faults = down;
        router.router.last_transition = Some(transition);
    });
    bench.observer.report(
        &Report::Faults {
            router: ID,
            faults: down,
            at: ago(0),
        },
        &Table,
    );
    bench.observer.report(
        &Report::Transition {
            router: ID,
            transition,
            priority: priority(103),
        },
        &Table,
    );
    let told = bench.sentences();
    assert!(
        told.last()
            .unwrap()
            .starts_with("loadbalancer: BACKUP -> FAULT"),
        "{told:?}"
    );
}

#[test]
fn a_release_keeps_the_word_until_the_addresses_are_gone() {
    let bench = Bench::new();
    bench.transition(
        State::Backup,
        State::Active,
        ProtoCause::Released { by: address(PEER) },
    );
    bench.transition(State::Active, State::Releasing, ProtoCause::Stopped);
    let status = bench.status();
    assert_eq!(
        (status.routers[0].state, status.routers[0].releasing),
        (Word::Master, true)
    );
    bench.transition(
        State::Releasing,
        State::Initialize,
        ProtoCause::SuccessorReady,
    );
    let told = bench.sentences();
    assert_eq!(
        told[1],
        "loadbalancer: leaves, and keeps its addresses until the successor has them: told to stop"
    );
    assert!(
        told[2].starts_with("loadbalancer: MASTER -> INIT"),
        "{told:?}"
    );
}

/// A version 2 router without addresses has none that could be present or gone.
#[test]
fn nothing_is_told_of_addresses_where_a_router_has_none() {
    let report = |present, wanted| Report::Addresses {
        router: ID,
        state: AddressState {
            present,
            wanted,
            errno: None,
        },
        at: ago(0),
    };
    let mut empty = plan();
    empty.routers[0].addresses.clear();
    empty.routers[0].excluded.clear();
    for (plan, expected) in [(plan(), 1), (empty, 0)] {
        let bench = Bench::of(plan);
        bench.observer.report(&report(0, 0), &Table);
        assert_eq!(bench.sentences().len(), expected);
    }
}

#[test]
fn events_are_numbered_and_bounded() {
    let bench = Bench::new();
    for _ in 0..100 {
        bench.observer.record(Kind::Stopped);
    }
    let events = bench.status().last_events;
    assert_eq!(events.len(), vrrp_record::status::LAST_EVENTS);
    assert_eq!(events.last().unwrap().seq, 100);
    assert!(events.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
}

#[test]
fn a_command_is_recorded_with_who_asked() {
    let bench = Bench::new();
    let peer = Client {
        uid: 1000,
        gid: 1000,
        pid: Some(4711),
    };
    bench
        .observer
        .commanded(vrrp_record::control::Command::Reload, peer, false);
    assert_eq!(
        bench.sentences(),
        ["uid 1000 (pid 4711) was refused reload"]
    );
}

fn reports(at: Instant) -> Vec<(Report, &'static str)> {
    let router = ID;
    let (to, from) = (priority(101), address(PEER));
    let other = WirePriority::from_wire(90);
    vec![
        (
            Report::Ready {
                router,
                faults: FaultSet::NONE,
                at,
            },
            "loadbalancer: ready",
        ),
        (
            Report::GroupTransition {
                group: GroupIndex(0),
                to: State::Active,
                at,
            },
            "group VG_1: all members are MASTER",
        ),
        (
            Report::Priority {
                router,
                from: priority(103),
                to,
                at,
            },
            "loadbalancer: effective priority 103 -> 101",
        ),
        (
            Report::LowerHeard {
                router,
                from,
                priority: other,
                at,
            },
            "loadbalancer: 10.0.0.2 advertises the lower priority 90 while we are MASTER",
        ),
        (
            Report::TrackerExpired {
                router,
                tracker: TrackerId(0),
                at,
            },
            "script chk_haproxy: has not reported in time, counts as bad",
        ),
        (
            Report::Stalled {
                by: Duration::from_millis(700),
                at,
            },
            "this machine woke the engine 700 ms late",
        ),
        (
            Report::Discards {
                router: Some(router),
                count: 3,
                at,
            },
            "loadbalancer: 3 adverts rejected",
        ),
        (
            Report::Discards {
                router: None,
                count: 1,
                at,
            },
            "1 packet for no router here, ignored",
        ),
        (
            Report::Lost { count: 4, at },
            "4 events lost in a full queue",
        ),
        (
            Report::Interface {
                interface: InterfaceKey(1),
                exists: false,
                up: false,
                set_up: true,
                by: crate::core::Remover::Unknown,
                at,
            },
            "interface eth1 vanished",
        ),
        (
            Report::LeftOverRemoved {
                interface: InterfaceKey(0),
                address: address("192.168.205.7"),
                at,
            },
            "192.168.205.7 was left on eth0 by an earlier run and is removed",
        ),
    ]
}

#[test]
fn reports_become_events_of_their_time() {
    let at = ago(5);
    let reports = reports(at);
    let bench = Bench::new();
    for (report, _) in &reports {
        bench.observer.report(report, &Table);
    }
    let expected: Vec<&str> = reports.iter().map(|(_, sentence)| *sentence).collect();
    assert_eq!(bench.sentences(), expected);
    assert!(
        bench
            .status()
            .last_events
            .iter()
            .all(|event| event.monotonic_ns == at.as_nanos())
    );
}

#[test]
fn an_event_from_before_has_the_wall_time_of_then() {
    let now = Now::read();
    let then = now.at(now.monotonic.saturating_sub(Duration::from_secs(3)));
    assert_eq!(now.unix_ns - then.unix_ns, 3_000_000_000);
    let future = now.at(now.monotonic.saturating_add(Duration::from_secs(3)));
    assert_eq!(future, now);
}
