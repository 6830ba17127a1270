use super::*;
use crate::cause::Cause;
use crate::event::{Anomaly, ReloadOutcome, Remover, RunOutcome, StopReason};
use crate::text::Name;
use crate::words::Word;

#[test]
#[expect(clippy::too_many_lines, reason = "one flat table")]
fn events_stand_alone_as_sentences() {
    let router = Name::new("vi_1");
    let address = "10.0.0.100".parse().unwrap();
    let transition = |from, to, releasing, cause| Kind::Transition {
        router,
        from,
        to,
        releasing,
        cause,
        priority: 101,
        number: 0,
    };
    let released = Cause::Released {
        by: "10.0.0.2".parse().unwrap(),
    };
    for (kind, sentence) in [
        (
            transition(Word::Backup, Word::Master, false, released),
            "vi_1: BACKUP -> MASTER, priority 101: 10.0.0.2 released the addresses (priority 0)",
        ),
        (
            transition(Word::Master, Word::Master, true, Cause::Stopped),
            "vi_1: leaves, and keeps its addresses until the successor has them: told to stop",
        ),
        (
            Kind::NearFailover {
                router,
                number: 16,
                from: None,
                gap_ms: 2_410,
                limit_ms: 3_610,
            },
            "vi_1: no advert of ours for 2.41 s of the 3.61 s that lead to a failover",
        ),
        (
            Kind::Anomaly {
                router: Some(router),
                number: 17,
                what: Anomaly::SentLate,
                count: 3,
                worst_us: 93_000,
            },
            "vi_1: adverts were late (3, worst 93 ms)",
        ),
        (
            Kind::AddressRemoved {
                router,
                address,
                by: Remover::Port { port: 812 },
            },
            "vi_1: 10.0.0.100 was removed by another process (netlink port id 812, owner unknown)",
        ),
        (
            Kind::ScriptRun {
                script: Name::new("chk"),
                outcome: RunOutcome::Exited { status: 1 },
                took_ms: 11,
            },
            "script chk: exit 1 after 11 ms",
        ),
        (
            Kind::Reload {
                outcome: ReloadOutcome::Refused { errors: 2 },
            },
            "the new configuration has 2 errors, the old one stays in force",
        ),
        (
            Kind::Stopping {
                reason: StopReason::Signal {
                    number: 15,
                    pid: Some(1),
                    uid: None,
                    comm: None,
                },
            },
            "vrrpd stops: SIGTERM from pid 1",
        ),
        (
            Kind::Stopping {
                reason: StopReason::Signal {
                    number: 15,
                    pid: Some(1),
                    uid: Some(0),
                    comm: Some(Name::new("systemd")),
                },
            },
            "vrrpd stops: SIGTERM from systemd (pid 1, uid 0)",
        ),
        (
            Kind::Signal {
                number: 1,
                pid: Some(812),
                uid: Some(0),
                comm: None,
            },
            "SIGHUP from pid 812 (uid 0)",
        ),
        (
            Kind::Interface {
                interface: Name::new("eth0"),
                change: InterfaceChange::Down,
                reason: DownReason::NoCarrier,
                by: Remover::Unknown,
            },
            "interface eth0 has no carrier",
        ),
        (
            Kind::Interface {
                interface: Name::new("eth0"),
                change: InterfaceChange::Vanished,
                reason: DownReason::Unknown,
                by: Remover::Process {
                    pid: 812,
                    name: Name::new("systemd-network"),
                },
            },
            "interface eth0 vanished, by systemd-network (pid 812)",
        ),
        (
            Kind::Command {
                command: Name::new("reload"),
                uid: 0,
                pid: 4711,
                comm: Some(Name::new("vrrpctl")),
                granted: true,
            },
            "uid 0 (vrrpctl, pid 4711) asked for reload",
        ),
        (
            Kind::Command {
                command: Name::new("reload"),
                uid: 1000,
                pid: 4711,
                comm: None,
                granted: false,
            },
            "uid 1000 (pid 4711) was refused reload",
        ),
        (
            Kind::Asked {
                what: Asked::Maintenance,
                phase: AskedPhase::GoesOn,
                age_ms: 7_200_000,
                left_ms: None,
            },
            "maintenance for 2 h: MASTER only while nobody else is there, with priority 1; vrrpctl maintenance off ends it",
        ),
        (
            Kind::Asked {
                what: Asked::Yield,
                phase: AskedPhase::TimeUp,
                age_ms: 600_000,
                left_ms: Some(0),
            },
            "given way ended after 10 min: its time is up",
        ),
    ] {
        assert_eq!(kind.to_string(), sentence);
    }
}

#[test]
fn the_end_of_the_run_before_is_told_in_a_sentence() {
    let killed = Kind::PreviousRun {
        pid: 812,
        clean: false,
        ended_unix_ms: Some(1_709_210_096_500),
        addresses_left: 2,
    };
    assert_eq!(
        killed.to_string(),
        "the run before (pid 812) ended without a goodbye after 2024-02-29 12:34:56 UTC, leaving 2 addresses"
    );
    let stopped = Kind::PreviousRun {
        pid: 812,
        clean: true,
        ended_unix_ms: None,
        addresses_left: 0,
    };
    assert_eq!(
        stopped.to_string(),
        "the run before (pid 812) ended in order"
    );
}
