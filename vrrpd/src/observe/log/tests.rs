use super::*;
use vrrp_record::cause::Cause;
use vrrp_record::event::{
    DownReason, InterfaceChange, Remover, RunOutcome, StopReason, TrackerKind, TrackerState,
};
use vrrp_record::words::{FaultSet, Faults, Objects};

fn texts(kind: &Kind) -> Vec<(Level, String)> {
    lines(kind)
        .into_iter()
        .map(Line::whole)
        .map(|line| (line.level, line.text))
        .collect()
}

fn moved(from: Word, to: Word, cause: Cause) -> Kind {
    Kind::Transition {
        router: Name::new("VI_1"),
        from,
        to,
        releasing: false,
        cause,
        priority: 101,
        number: 0,
    }
}

#[test]
fn transitions_have_the_shape_that_keepalived_monitoring_matches_on() {
    let peer = "10.0.0.2".parse().unwrap();
    let silent = Cause::SilentActive {
        last: Some(peer),
        silence_ms: Some(3_605),
    };
    assert_eq!(
        texts(&moved(Word::Backup, Word::Master, silent)),
        [
            (
                Level::DEBUG,
                "(VI_1) Receive advertisement timeout".to_owned()
            ),
            (
                Level::INFO,
                "(VI_1) Entering MASTER STATE: no advert from 10.0.0.2 for 3.6 s".to_owned()
            ),
        ]
    );
    assert_eq!(
        texts(&moved(Word::Init, Word::Backup, Cause::Started)),
        [(
            Level::INFO,
            "(VI_1) Entering BACKUP STATE (init)".to_owned()
        )]
    );
    let higher = Cause::HigherPriority {
        from: peer,
        priority: 150,
        ours: 101,
    };
    assert_eq!(
        texts(&moved(Word::Master, Word::Backup, higher)),
        [
            (
                Level::DEBUG,
                "(VI_1) Master received advert from 10.0.0.2 with higher priority 150, ours 101"
                    .to_owned()
            ),
            (
                Level::INFO,
                "(VI_1) Entering BACKUP STATE: 10.0.0.2 advertised priority 150, ours is 101"
                    .to_owned()
            ),
        ]
    );
    let objects = Objects {
        interface: Some(Name::new("eth0")),
        ..Objects::default()
    };
    let fault = Cause::Fault {
        faults: Faults(FaultSet::INTERFACE_DOWN),
        objects,
    };
    assert_eq!(
        texts(&moved(Word::Master, Word::Fault, fault)),
        [(
            Level::WARN,
            "(VI_1) Entering FAULT STATE: interface eth0 is down or has no carrier".to_owned()
        )]
    );
}

#[test]
fn scripts_and_priorities_have_keepalived_lines() {
    let script = Name::new("chk_haproxy");
    let outcome = RunOutcome::Exited { status: 1 };
    let tracker = |state, outcome| Kind::Tracker {
        kind: TrackerKind::Script,
        name: script,
        state,
        outcome,
    };
    for (kind, text) in [
        (
            Kind::ScriptRun {
                script,
                outcome,
                took_ms: 3,
            },
            "Script `chk_haproxy` now returning 1",
        ),
        (
            tracker(TrackerState::Bad, Some(outcome)),
            "VRRP_Script(chk_haproxy) failed (exited with status 1)",
        ),
        (
            tracker(TrackerState::Bad, Some(RunOutcome::TimedOut)),
            "VRRP_Script(chk_haproxy) timed out",
        ),
        (
            tracker(TrackerState::Good, None),
            "VRRP_Script(chk_haproxy) succeeded",
        ),
        (
            Kind::Priority {
                router: Name::new("VI_1"),
                from: 103,
                to: 101,
            },
            "(VI_1) Changing effective priority from 103 to 101",
        ),
        (
            Kind::PreemptDelay {
                router: Name::new("VI_1"),
                delay_ms: 4_000,
            },
            "(VI_1) start preempt delay (4.000000)",
        ),
        (
            Kind::Interface {
                interface: Name::new("eth0"),
                change: InterfaceChange::Down,
                reason: DownReason::SetDown,
                by: Remover::Unknown,
            },
            "Netlink reports eth0 down: it was set down",
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
            "Stopping: SIGTERM from pid 1",
        ),
    ] {
        assert_eq!(lines(&kind).remove(0).whole().text, text);
    }
}

#[test]
fn other_events_of_a_router_carry_its_name_in_parentheses() {
    let kind = Kind::AddressesLost {
        router: Name::new("VI_1"),
    };
    assert!(
        lines(&kind)[0].text.starts_with("(VI_1) another process"),
        "{:?}",
        lines(&kind)
    );
}
