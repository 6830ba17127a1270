//! From snapshots to a status.

use std::sync::Arc;
use std::time::Duration;

use vrrp_config::plan::{AuthPlan, Realtime, TrackPlan};
use vrrp_proto::router::{AddressState, Cause as ProtoCause, FaultSet, State};
use vrrp_proto::track::{Reading, TrackLink, TrackerId, assess};
use vrrp_proto::wire::Discard;
use vrrp_record::event::{RunOutcome, TrackerState};
use vrrp_record::status::Transport as StatusTransport;
use vrrp_record::words::Word;

use super::super::*;
use super::fixture::*;
use crate::core::{AdvertCounts, MemoryLock, Remover, Report, SchedulingClass};

#[test]
fn a_backup_that_hears_its_active_is_healthy() {
    let bench = Bench::new();
    bench.well();
    bench.transition(State::Initialize, State::Backup, ProtoCause::Started);
    let status = bench.status();
    assert!(status.health.healthy, "{:?}", status.health);
    let router = &status.routers[0];
    assert_eq!(
        (router.state, router.why.as_str()),
        (Word::Backup, "started")
    );
    assert_eq!(
        router.transport,
        StatusTransport::Multicast {
            group: address("224.0.0.18")
        }
    );
    let active = router.active.unwrap();
    assert_eq!((active.address, active.priority), (address(PEER), 100));
    assert!(active.heard.age_ms >= 3_600);
    assert_eq!(status.daemon.configuration.warnings, 1);
    assert_eq!(status.groups[0].state, Some(Word::Backup));
}

#[test]
fn the_ledger_shows_each_contribution_and_since_when() {
    let bench = Bench::new();
    bench.well();
    let ledger = bench.status().routers[0].priority.clone();
    assert_eq!(
        (ledger.base, ledger.effective, ledger.clipped),
        (101, 103, false)
    );
    let script = &ledger.entries[0];
    assert_eq!(
        (script.name.as_str(), script.state, script.contribution),
        ("chk_haproxy", TrackerState::Good, 2)
    );
    assert!(script.since.is_some());
    let interface = &ledger.entries[1];
    assert_eq!(
        (interface.name.as_str(), interface.state, interface.fault),
        ("eth1", TrackerState::Good, false)
    );
}

#[test]
fn the_ledger_follows_the_rule_that_the_engine_decides_by() {
    for weight in [-300_i16, -2, 0, 2, 300] {
        for reverse in [false, true] {
            for reading in [Reading::Pending, Reading::Good, Reading::Bad] {
                let mut plan = plan();
                plan.routers[0].track_interfaces.clear();
                plan.routers[0].track_scripts[0] = TrackPlan {
                    name: "chk_haproxy".to_owned(),
                    weight,
                    reverse,
                };
                let bench = Bench::of(plan);
                if reading != Reading::Pending {
                    bench.script_ran(RunOutcome::Exited { status: 0 }, reading);
                }
                let ledger = bench.status().routers[0].priority.clone();
                let entry = &ledger.entries[0];
                let link = TrackLink {
                    tracker: TrackerId(0),
                    weight,
                    reverse,
                };
                let assessed = assess(priority(101), true, std::iter::once((link, reading)));
                let sum = (101 + i32::from(entry.contribution)).clamp(1, 254);
                let case = format!("weight {weight}, reverse {reverse}, {reading:?}");
                assert_eq!(sum, i32::from(assessed.priority.as_u8()), "{case}");
                assert_eq!(
                    entry.fault,
                    assessed.faults.contains(FaultSet::TRACKER),
                    "{case}"
                );
                assert_eq!(
                    ledger.clipped,
                    weight.abs() == 300 && entry.contribution != 0,
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn an_expired_result_shows_although_nobody_told() {
    let bench = Bench::new();
    bench.well();
    let run = ScriptRun {
        outcome: RunOutcome::Exited { status: 0 },
        ended: ago(5_000),
        took: Duration::ZERO,
        reading: Reading::Good,
        valid_for: Duration::from_millis(4_999),
        overran: None,
    };
    bench.observer.script_ran("chk_haproxy", run);
    let status = bench.status();
    assert_eq!(status.scripts[0].state, TrackerState::Expired);
    assert_eq!(status.routers[0].priority.entries[0].contribution, 0);
    assert_eq!(
        status.health.reasons,
        ["loadbalancer: tracked script chk_haproxy has not reported in time"]
    );
}

#[test]
fn a_script_shows_its_last_run_the_next_and_results_against_its_state() {
    let bench = Bench::new();
    bench.well();
    let good = bench.status().scripts[0].clone();
    assert_eq!(
        (good.state, good.contrary, good.running),
        (TrackerState::Good, 0, false)
    );
    assert!(
        good.next_in_ms.unwrap() <= 1_989 && good.expires_in_ms.unwrap() <= 5_000,
        "{good:?}"
    );
    assert_eq!(good.last.unwrap().took_ms, 11);
    bench.script_ran(RunOutcome::TimedOut, Reading::Good);
    bench.script_ran(RunOutcome::TimedOut, Reading::Good);
    let doubtful = bench.status().scripts[0].clone();
    assert_eq!((doubtful.state, doubtful.contrary), (TrackerState::Good, 2));
    bench.script_ran(RunOutcome::TimedOut, Reading::Bad);
    let bad = bench.status().scripts[0].clone();
    assert_eq!((bad.state, bad.contrary), (TrackerState::Bad, 0));
}

#[test]
fn waiting_for_a_first_result_is_init_and_names_the_script() {
    let mut plan = plan();
    plan.routers[0].track_scripts[0].weight = 0;
    let bench = Bench::of(plan);
    bench.link(1, true);
    bench.change(|router| {
        router.router.state = State::Initialize;
        router.router.faults = FaultSet::TRACKER_PENDING;
    });
    let status = bench.status();
    assert_eq!(status.routers[0].state, Word::Init);
    assert_eq!(
        status.routers[0].why,
        "waits for the first result of tracked script chk_haproxy"
    );
}

#[test]
fn a_removed_address_is_named_until_it_is_back() {
    let bench = Bench::new();
    bench.well();
    bench.transition(
        State::Backup,
        State::Active,
        ProtoCause::Released { by: address(PEER) },
    );
    let gone = address("192.168.205.8");
    let count = |present| {
        bench.change(|router| {
            router.router.addresses = AddressState {
                present,
                wanted: 2,
                errno: None,
            }
        })
    };
    count(2);
    assert!(bench.status().health.healthy);
    count(1);
    let removed = Report::AddressRemoved {
        router: ID,
        address: gone,
        by: Remover::Port(812),
        at: ago(0),
    };
    bench.observer.report(&removed, &Table);
    let status = bench.status();
    let shown = &status.routers[0].addresses;
    assert_eq!(
        (shown[0].present, shown[1].present),
        (Some(true), Some(false))
    );
    assert_eq!(
        (shown[0].interface.as_str(), shown[1].interface.as_str()),
        ("eth0", "eth1")
    );
    assert_eq!(
        status.health.reasons,
        ["loadbalancer is MASTER and lacks 1 of 2 addresses"]
    );
    count(2);
    bench.observer.report(
        &Report::AddressRestored {
            router: ID,
            address: gone,
            at: ago(0),
        },
        &Table,
    );
    let status = bench.status();
    assert!(status.health.healthy, "{:?}", status.health);
}

#[test]
fn which_address_is_missing_is_left_open_where_nobody_told() {
    let bench = Bench::new();
    bench.change(|router| {
        router.router.addresses = AddressState {
            present: 1,
            wanted: 2,
            errno: Some(1),
        }
    });
    let shown = bench.status().routers[0].addresses.clone();
    assert_eq!((shown[0].present, shown[1].present), (None, None));
}

#[test]
fn a_backup_has_no_address() {
    let shown = Bench::new().status().routers[0].addresses.clone();
    assert!(shown.iter().all(|address| address.present == Some(false)));
}

#[test]
fn missing_stamps_are_listed_and_not_counted_as_lost() {
    let bench = Bench::new();
    bench.change(|router| {
        router.adverts = AdvertCounts {
            due: 9,
            built: 9,
            accepted: 9,
            unstamped: 4,
            ..AdvertCounts::default()
        };
    });
    let status = bench.status();
    assert_eq!(status.routers[0].sent.left, None);
    assert_eq!(status.unavailable[0].what, "transmit stamps on eth0");
    bench.change(|router| router.adverts.left = 5);
    let status = bench.status();
    assert_eq!(status.routers[0].sent.left, Some(5));
    assert!(status.unavailable.is_empty());
}

#[test]
fn counters_that_the_engine_gave_up_are_listed() {
    let bench = Bench::new();
    bench.core.lock().unwrap().engine.evidence_given_up = true;
    let status = bench.status();
    assert_eq!(
        status.unavailable[0].what,
        "all counters of the engine's thread"
    );
}

#[test]
fn discards_of_one_class_are_counted_together() {
    let bench = Bench::new();
    bench.change(|router| {
        router.received.discards[Discard::AuthTypeUnknown.index()] = 2;
        router.received.discards[Discard::AuthTypeMismatch.index()] = 3;
        router.received.discards[Discard::Ttl.index()] = 1;
    });
    let received = bench.status().routers[0].received.clone();
    let counts: Vec<(&str, u64)> = received
        .discarded
        .iter()
        .map(|class| (class.reason.as_str(), class.count))
        .collect();
    assert_eq!(counts, [("ttl", 1), ("auth-type", 5)]);
}

#[test]
fn refused_real_time_is_a_note_with_a_remedy_unless_it_is_off() {
    let bench = Bench::new();
    bench.core.lock().unwrap().engine.scheduling = SchedulingClass::Refused(1);
    bench.core.lock().unwrap().engine.memory = MemoryLock::Refused(12);
    let notes = bench.status().health.notes.join("\n");
    assert!(
        notes.contains("EPERM") && notes.contains("CAP_SYS_NICE"),
        "{notes}"
    );
    assert!(
        notes.contains("ENOMEM") && notes.contains("LimitMEMLOCK"),
        "{notes}"
    );
    let mut plan = plan();
    plan.global.realtime = Realtime::Off;
    let bench = Bench::of(plan);
    bench.core.lock().unwrap().engine.scheduling = SchedulingClass::Ordinary;
    assert!(
        bench
            .status()
            .health
            .notes
            .iter()
            .all(|note| !note.contains("real time"))
    );
}

#[test]
fn a_refused_reload_shows_until_a_good_one() {
    let bench = Bench::new();
    bench.well();
    bench.observer.reload_refused();
    assert!(!bench.status().health.healthy);
    bench.observer.reloaded(Arc::new(plan()), 0);
    let status = bench.status();
    assert!(status.health.healthy, "{:?}", status.health);
    assert_eq!(status.daemon.configuration.warnings, 0);
    assert_eq!(
        status.daemon.configuration.file,
        "/etc/keepalived/keepalived.conf"
    );
}

#[test]
fn the_digest_follows_the_plan_and_not_the_password() {
    let digest = |plan| Bench::of(plan).status().daemon.configuration.digest;
    let first = digest(plan());
    let mut other = plan();
    other.routers[0].auth = AuthPlan::Pass(*b"another_");
    assert_eq!(digest(other), first);
    let mut other = plan();
    other.routers[0].priority = priority(102);
    assert_ne!(digest(other), first);
}

/// Safety rule 11.
#[test]
fn no_password_and_no_argument_of_a_script_is_in_the_status() {
    let bench = Bench::new();
    bench.well();
    bench.transition(
        State::Backup,
        State::Active,
        ProtoCause::Released { by: address(PEER) },
    );
    let json = serde_json::to_string(&bench.status()).unwrap();
    for secret in ["totally", "killall", "-0"] {
        assert!(!json.contains(secret), "{secret} is in {json}");
    }
}
