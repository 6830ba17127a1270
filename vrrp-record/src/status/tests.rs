use std::time::Duration;

use vrrp_proto::router::FaultSet;

use super::*;
use crate::event::Kind;
use crate::health::judge;
use crate::text::Name;

/// The committed example of schema 1: what older tools and daemons were built against.
const EXAMPLE: &str = include_str!("../../schema/status-1.json");

const TAKEN: i64 = 1_779_617_288_412;

fn ago(millis: u64) -> Moment {
    Moment::before(TAKEN * 1_000_000, Duration::from_millis(millis))
}

/// A status that uses every field of the schema.
fn example() -> Status {
    let peer: IpAddr = "10.0.0.2".parse().unwrap();
    let transition = Event {
        seq: 41,
        unix_ms: TAKEN - 14_203,
        monotonic_ns: 93_113_000_000_000,
        kind: Kind::Transition {
            router: Name::new("loadbalancer"),
            from: Word::Backup,
            to: Word::Master,
            releasing: false,
            cause: Cause::SilentActive {
                last: Some(peer),
                silence_ms: Some(3_605),
            },
            priority: 101,
            number: 17,
        },
    };
    let script = Event {
        seq: 42,
        unix_ms: TAKEN - 8_001,
        monotonic_ns: 93_119_202_000_000,
        kind: Kind::ScriptRun {
            script: Name::new("chk_haproxy"),
            outcome: RunOutcome::Exited { status: 1 },
            took_ms: 11,
        },
    };
    let mut status = Status {
        asked: None,
        schema: SCHEMA,
        health: Health::default(),
        taken_unix_ms: TAKEN,
        taken_monotonic_ns: 93_127_204_000_000,
        daemon: daemon(),
        routers: vec![router(peer)],
        groups: vec![Group {
            name: "VG_1".to_owned(),
            state: Some(Word::Master),
            members: vec!["loadbalancer".to_owned()],
        }],
        scripts: vec![Script {
            name: "chk_haproxy".to_owned(),
            state: TrackerState::Bad,
            since: Some(ago(8_001)),
            interval_ms: 2_000,
            timeout_ms: 2_000,
            rise: 1,
            fall: 1,
            contrary: 0,
            running: false,
            last: Some(LastRun {
                outcome: RunOutcome::Exited { status: 1 },
                ended: ago(2),
                took_ms: 11,
            }),
            next_in_ms: Some(1_987),
            expires_in_ms: Some(4_998),
        }],
        scheduling: Scheduling {
            threads: vec![
                Thread {
                    name: "engine".to_owned(),
                    real_time: true,
                    priority: Some(2),
                    why_not: None,
                },
                Thread {
                    name: "address".to_owned(),
                    real_time: false,
                    priority: None,
                    why_not: Some("EPERM (operation not permitted)".to_owned()),
                },
            ],
            memory_locked: false,
            memory_why_not: Some("ENOMEM (out of memory)".to_owned()),
        },
        recorder: Some(recorder()),
        journal: Some(Journal {
            directory: "/var/log/vrrpd".to_owned(),
            bytes: 20_480,
            limit_bytes: 200_000_000,
            oldest: Some(ago(93_127_000)),
            lost: 7,
            trouble: Some("no space left on device".to_owned()),
        }),
        unavailable: vec![Unavailable {
            what: "pressure stall information".to_owned(),
            why: "the kernel was built or booted without it".to_owned(),
            remedy: Some("boot with psi=1".to_owned()),
        }],
        last_events: vec![transition, script],
    };
    status.health = judge(&status);
    status
}

fn daemon() -> Daemon {
    Daemon {
        version: "0.1.0".to_owned(),
        pid: 1204,
        host: "lb1".to_owned(),
        router_id: Some("loadbalancer01".to_owned()),
        started: ago(93_127_204),
        run_dir: "/run/vrrpd".to_owned(),
        root: false,
        configuration: Configuration {
            file: "/etc/keepalived/keepalived.conf".to_owned(),
            digest: "b6d81b360a5672d8".to_owned(),
            loaded: ago(93_127_104),
            warnings: 1,
            refused: Some(ago(3_600_000)),
        },
        heartbeat_age_ms: 210,
        engine_running: true,
        reports_lost: 0,
    }
}

fn recorder() -> Recorder {
    Recorder {
        file: "/run/vrrpd/flight.ring".to_owned(),
        bytes: 2_097_152,
        lock_errno: None,
        lost: 0,
        capacity_s: Some(9_000),
        window_s: Some(8_040),
        trouble: None,
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a whole router in one place is easier to read"
)]
fn router(peer: IpAddr) -> Router {
    Router {
        asked: None,
        name: "loadbalancer".to_owned(),
        interface: "eth0".to_owned(),
        family: 4,
        vrid: 205,
        version: 2,
        state: Word::Master,
        releasing: false,
        since: ago(14_203),
        why: "no advert from 10.0.0.2 for 3.6 s".to_owned(),
        cause: Some(Cause::SilentActive {
            last: Some(peer),
            silence_ms: Some(3_605),
        }),
        faults: Faults(FaultSet::NONE),
        fault_sentences: Vec::new(),
        priority: PriorityLedger {
            base: 101,
            effective: 101,
            clipped: false,
            entries: vec![LedgerEntry {
                kind: TrackerKind::Script,
                name: "chk_haproxy".to_owned(),
                state: TrackerState::Bad,
                since: Some(ago(8_001)),
                weight: 2,
                reverse: false,
                contribution: 0,
                fault: false,
                from_group: false,
            }],
        },
        wanted_master: true,
        preempt: true,
        preempt_delay_ms: 0,
        interval: Interval {
            own_ms: 1_000,
            learned_ms: None,
        },
        down_interval_ms: 3_605,
        transport: Transport::Multicast {
            group: "224.0.0.18".parse().unwrap(),
        },
        source: Some("10.0.0.1".parse().unwrap()),
        active: Some(ActivePeer {
            address: peer,
            priority: 100,
            heard: ago(17_808),
        }),
        addresses: vec![Address {
            address: "192.168.205.7/32".to_owned(),
            interface: "eth0".to_owned(),
            present: Some(true),
            excluded: false,
        }],
        address_errno: None,
        sent: Sent {
            due: 15,
            built: 15,
            accepted: 15,
            left: Some(15),
            dropped: 0,
            errors: 0,
            last_errno: None,
            worst_lateness_us: 412,
        },
        received: Received {
            accepted: 93_110,
            missing: Some(2),
            discarded: vec![Discarded {
                reason: "auth-type".to_owned(),
                meaning: "another authentication type than ours".to_owned(),
                count: 3,
            }],
        },
        lateness: Some(Lateness {
            p50_us: 51,
            p99_us: 214,
            worst_us: 412,
            ever_us: 412,
            ever: Some(ago(9_000)),
            device_worst_us: Some(3_100),
            device_p99_us: Some(200),
        }),
        margin: Some(Margin {
            limit_ms: 3_605,
            minute_ms: Some(2_604),
            hour_ms: Some(1_195),
            day_ms: Some(1_195),
        }),
        near_failovers: Some(NearFailovers {
            count: 1,
            last: Some(NearFailover {
                at: ago(600_000),
                number: 16,
                from: Some(peer),
                gap_ms: 2_410,
                limit_ms: 3_605,
                why: Some("waited 1.4 s for a CPU".to_owned()),
            }),
        }),
    }
}

#[test]
fn the_committed_example_is_what_this_crate_writes() {
    let text = serde_json::to_string_pretty(&example()).unwrap();
    assert_eq!(
        text.trim_end(),
        EXAMPLE.trim_end(),
        "schema 1 changed: only added fields with defaults are allowed"
    );
}

#[test]
fn the_committed_example_reads_back_whole() {
    assert_eq!(serde_json::from_str::<Status>(EXAMPLE).unwrap(), example());
}

#[test]
fn fields_and_events_of_a_newer_daemon_are_passed_over() {
    let mut value: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    value["new_field"] = serde_json::json!({"anything": [1, 2]});
    value["last_events"][0]["event"] = "advert_gap".into();
    value["routers"][0]["cause"]["code"] = "moon_phase".into();
    value["routers"][0]["transport"] = serde_json::json!({"kind": "pigeon", "birds": 2});
    let status: Status = serde_json::from_value(value).unwrap();
    assert_eq!(status.last_events[0].kind, Kind::Other);
    assert_eq!(status.last_events[0].seq, 41);
    assert_eq!(status.routers[0].cause, Some(Cause::Other));
    assert_eq!(status.routers[0].transport, Transport::Other);
}

#[test]
fn fields_with_a_default_may_be_missing() {
    let mut value: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    for field in ["groups", "scripts", "unavailable", "last_events"] {
        value.as_object_mut().unwrap().remove(field);
    }
    let status: Status = serde_json::from_value(value).unwrap();
    assert!(status.groups.is_empty() && status.scripts.is_empty() && status.last_events.is_empty());
}
