//! Transitions that a local fact decided, and events beside transitions.

use super::scene::*;
use crate::cause::Cause;
use crate::event::{
    DownReason, InterfaceChange, Kind, ReloadOutcome, Remover, RunOutcome, StopReason, TrackerKind,
    TrackerState,
};
use crate::history::History;
use crate::text::Name;
use crate::verdict::{Code, Verdict};
use crate::words::{FaultSet, Faults, Objects, Word};

fn leaves(cause: Cause, change: impl FnOnce(&mut History)) -> Verdict {
    let mut node = master(120);
    change(&mut node);
    push_transition(
        &mut node,
        at(119).plus(500 * MILLI),
        (Word::Master, Word::Backup),
        cause,
    );
    of_transition(&node, None, end())
}

fn fault(set: FaultSet) -> Cause {
    Cause::Fault {
        faults: Faults(set),
        objects: Objects {
            interface: Some(Name::new("eth0")),
            tracker: Some(Name::new("script chk")),
            group: Some(Name::new("VG")),
            errno: Some(1),
        },
    }
}

fn link(change: InterfaceChange, reason: DownReason, by: Remover) -> Kind {
    Kind::Interface {
        interface: Name::new("eth0"),
        change,
        reason,
        by,
    }
}

fn chk(state: TrackerState, outcome: RunOutcome) -> Kind {
    Kind::Tracker {
        kind: TrackerKind::Script,
        name: Name::new("chk"),
        state,
        outcome: Some(outcome),
    }
}

#[test]
fn the_election_is_told_by_the_comparison_that_decided() {
    let peer = address(LB2);
    for (cause, code) in [
        (
            Cause::HigherPriority {
                from: peer,
                priority: 150,
                ours: 101,
            },
            Code::ElectionHigherPriority,
        ),
        (
            Cause::TieLost {
                from: peer,
                priority: 101,
            },
            Code::ElectionTie,
        ),
        (
            Cause::TieLost {
                from: peer,
                priority: 255,
            },
            Code::ElectionOwnerClash,
        ),
        (Cause::Released { by: peer }, Code::ElectionResigned),
        (Cause::Group { group: None }, Code::ElectionSyncGroup),
        (
            Cause::AddressesRefused { errno: Some(1) },
            Code::AddressRefused,
        ),
        (Cause::AddressesLost, Code::AddressRemovedByOther),
        (Cause::Reconfigured, Code::OpsReload),
        (Cause::Stopped, Code::Undetermined),
        (Cause::Other, Code::Undetermined),
    ] {
        let verdict = leaves(cause, |_| {});
        assert_eq!(verdict.codes(), [code], "{verdict}");
    }
}

#[test]
fn an_own_priority_that_fell_is_told_with_the_tracker() {
    let verdict = leaves(
        Cause::HigherPriority {
            from: address(LB2),
            priority: 100,
            ours: 41,
        },
        |node| {
            push_event(
                node,
                at(118),
                chk(TrackerState::Bad, RunOutcome::Exited { status: 1 }),
            );
            push_event(
                node,
                at(118),
                Kind::Priority {
                    router: Name::new("vi_1"),
                    from: 101,
                    to: 41,
                },
            );
        },
    );
    assert_eq!(
        verdict.codes(),
        [Code::ElectionOwnPriorityFell, Code::HealthScriptFailed],
        "{verdict}"
    );
}

#[test]
fn a_fault_is_told_by_what_the_kernel_said() {
    let down = fault(FaultSet::INTERFACE_DOWN);
    let ip = Remover::Process {
        pid: 4_711,
        name: Name::new("ip"),
    };
    for (event, code, word) in [
        (
            link(
                InterfaceChange::Down,
                DownReason::NoCarrier,
                Remover::Unknown,
            ),
            Code::EgressNoCarrier,
            "lost its carrier",
        ),
        (
            link(InterfaceChange::Down, DownReason::SetDown, Remover::Unknown),
            Code::EgressLinkDown,
            "was set down",
        ),
        (
            link(InterfaceChange::Vanished, DownReason::Unknown, ip),
            Code::EgressLinkDown,
            "deleted by ip",
        ),
    ] {
        let verdict = leaves(down, |node| {
            push_event(node, at(119).plus(498 * MILLI), event)
        });
        assert_eq!(verdict.codes(), [code], "{verdict}");
        assert!(verdict.summary.contains(word), "{verdict}");
    }
    assert_eq!(leaves(down, |_| {}).codes(), [Code::Undetermined]);
    assert_eq!(
        leaves(fault(FaultSet::NO_SOURCE), |_| {}).codes(),
        [Code::EgressSourceGone]
    );
}

#[test]
fn a_script_is_told_by_how_it_ended() {
    for (outcome, code) in [
        (RunOutcome::Exited { status: 1 }, Code::HealthScriptFailed),
        (RunOutcome::Killed { signal: 9 }, Code::HealthScriptFailed),
        (RunOutcome::TimedOut, Code::HealthScriptTimeout),
        (
            RunOutcome::Failed { errno: 13 },
            Code::HealthScriptNotRunnable,
        ),
    ] {
        let verdict = leaves(fault(FaultSet::TRACKER), |node| {
            push_event(node, at(119), chk(TrackerState::Bad, outcome));
        });
        assert_eq!(verdict.codes(), [code], "{verdict}");
    }
    let flapping = leaves(fault(FaultSet::TRACKER), |node| {
        for turn in 0..7 {
            let state = if turn % 2 == 0 {
                TrackerState::Bad
            } else {
                TrackerState::Good
            };
            push_event(
                node,
                at(106 + turn * 2),
                chk(state, RunOutcome::Exited { status: 1 }),
            );
        }
    });
    assert_eq!(
        flapping.codes(),
        [Code::HealthOscillating, Code::HealthScriptFailed]
    );
}

#[test]
fn a_stop_is_told_by_whose_word_it_was() {
    let verdict = leaves(Cause::Stopped, |node| {
        push_event(
            node,
            at(119),
            Kind::Stopping {
                reason: StopReason::Signal {
                    number: 15,
                    pid: Some(1),
                    uid: None,
                    comm: None,
                },
            },
        );
    });
    assert_eq!(verdict.codes(), [Code::SenderStoppedCleanly]);
    assert!(verdict.summary.contains("SIGTERM from pid 1"), "{verdict}");
}

#[test]
fn the_old_master_says_first_whether_it_was_late_itself() {
    let mut node = master(120);
    sleeps(&mut node, 115, 4_200 * MILLI, |s| {
        s.frozen = Some(4_150_000_000)
    });
    push_transition(
        &mut node,
        at(119).plus(500 * MILLI),
        (Word::Master, Word::Backup),
        Cause::HigherPriority {
            from: address(LB2),
            priority: 150,
            ours: 101,
        },
    );
    let verdict = of_transition(&node, None, end());
    assert_eq!(
        verdict.codes(),
        [Code::SenderFrozen, Code::ElectionHigherPriority],
        "{verdict}"
    );
}

#[test]
fn events_beside_transitions_are_told_by_what_happened() {
    let router = Name::new("vi_1");
    let vip = address([10, 0, 0, 100]);
    for (kind, code) in [
        (
            Kind::AddressRemoved {
                router,
                address: vip,
                by: Remover::Port { port: 812 },
            },
            Code::AddressRemovedByOther,
        ),
        (
            Kind::AddressLeftOver {
                interface: Name::new("eth0"),
                address: vip,
            },
            Code::AddressLeftBehind,
        ),
        (
            Kind::AddressRefused {
                router,
                address: Some(vip),
                errno: 1,
            },
            Code::AddressRefused,
        ),
        (
            Kind::AddressRefused {
                router,
                address: Some(vip),
                errno: 98,
            },
            Code::AddressDadFailed,
        ),
        (
            chk(TrackerState::Bad, RunOutcome::TimedOut),
            Code::HealthScriptTimeout,
        ),
        (
            Kind::Reload {
                outcome: ReloadOutcome::Applied {
                    added: 0,
                    changed: 1,
                    removed: 0,
                    untouched: 2,
                },
            },
            Code::OpsReload,
        ),
    ] {
        let mut node = master(120);
        push_event(&mut node, at(110), kind);
        let verdicts = judged(&node, None);
        let last = verdicts.last().unwrap();
        assert_eq!(last.codes(), [code], "{last}");
    }
    let mut node = master(120);
    push_event(
        &mut node,
        at(110),
        link(
            InterfaceChange::Vanished,
            DownReason::Unknown,
            Remover::Unknown,
        ),
    );
    push_event(
        &mut node,
        at(112),
        link(
            InterfaceChange::Appeared,
            DownReason::Unknown,
            Remover::Unknown,
        ),
    );
    assert_eq!(
        judged(&node, None).last().unwrap().codes(),
        [Code::OpsNamespaceReplaced]
    );
}
