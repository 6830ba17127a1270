//! Own lateness, departures and arrivals of one node.

use super::scene::*;
use crate::event::{DownReason, InterfaceChange, Kind, Remover};
use crate::history::{History, Rejected, Sample, Sequence, Stall, Time, Unit};
use crate::step::Step;
use crate::text::Name;
use crate::verdict::{Code, Confidence, Verdict};

/// What lb1 says about its sleep of 2.5 s.
fn asleep(change: impl FnOnce(&mut Stall)) -> Verdict {
    let mut node = master(120);
    sleeps(&mut node, 100, 2_500 * MILLI, change);
    let mut all = judged(&node, None);
    assert!(!all.is_empty());
    all.remove(0)
}

fn ms(value: u64) -> Option<u64> {
    Some(value * 1_000_000)
}

#[test]
fn each_cause_of_a_late_wake_up_is_told_by_its_own_counter() {
    type Change = fn(&mut Stall);
    let cases: [(Code, Change); 12] = [
        (Code::SenderCpuWait, |s| s.run_delay = ms(2_480)),
        (Code::SenderRtStarved, |s| {
            (s.run_delay, s.fifo) = (ms(2_480), 1);
        }),
        (Code::SenderThrottled, |s| {
            (s.run_delay, s.throttled, s.throttled_times) = (ms(2_490), ms(2_400), Some(20));
        }),
        (Code::SenderStopped, |s| s.sigcont = Some(4_711)),
        (Code::SenderFrozen, |s| s.frozen = ms(2_480)),
        (Code::SenderBlockedFile, |s| {
            (s.step, s.step_time) = (Step::SlowFile.as_u8(), 2_450_000_000);
        }),
        (Code::SenderBlockedService, |s| {
            (s.step, s.step_time) = (Step::SlowService.as_u8(), 2_450_000_000);
        }),
        (Code::SenderPagedOut, |s| {
            (s.major_faults, s.io_pressure, s.locked) = (Some(128), ms(2_400), false);
        }),
        (Code::SenderOwnWork, |s| {
            (s.cpu, s.step, s.step_time) = (ms(2_450), Step::Reload.as_u8(), 2_450_000_000);
        }),
        (Code::HostSteal, |s| s.steal = ms(2_470)),
        (Code::HostSteal, |s| {
            (s.steal, s.run_delay) = (ms(2_490), ms(2_470));
        }),
        (Code::HostSuspended, |s| s.suspended = ms(4_213_000)),
    ];
    for (code, change) in cases {
        let verdict = asleep(change);
        assert_eq!(verdict.codes(), [code], "{verdict}");
        let explained: u64 = verdict.findings.iter().filter_map(|f| f.share).sum();
        let rest = verdict.unexplained.unwrap();
        assert_eq!(explained + rest, verdict.lateness.unwrap(), "{verdict}");
    }
}

#[test]
fn two_causes_at_once_are_both_named_and_their_parts_add_up() {
    let verdict = asleep(|s| {
        (s.run_delay, s.cpu) = (ms(1_700), ms(780));
    });
    assert_eq!(
        verdict.codes(),
        [Code::SenderCpuWait, Code::SenderOwnWork],
        "{verdict}"
    );
    let shares: Vec<u64> = verdict.findings.iter().filter_map(|f| f.share).collect();
    assert_eq!(shares, [1_700_000_000, 780_000_000]);
    assert_eq!(verdict.unexplained, Some(20_000_000));

    let stopped_and_waited = asleep(|s| {
        (s.run_delay, s.sigcont) = (ms(1_000), Some(0));
    });
    assert_eq!(
        stopped_and_waited.codes(),
        [Code::SenderStopped, Code::SenderCpuWait]
    );
}

#[test]
fn a_sleep_that_no_counter_explains_is_undetermined_and_says_what_was_looked_at() {
    let verdict = asleep(|s| s.frozen = None);
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    assert_eq!(verdict.unexplained, Some(2_500_000_000));
    assert!(verdict.summary.contains("2.5 s"), "{verdict}");
    assert!(
        verdict.missing.iter().any(|one| one.contains("frozen")),
        "{:?}",
        verdict.missing
    );
}

#[test]
fn steal_that_is_always_there_is_no_cause() {
    let mut node = master(120);
    for sample in &mut node.samples {
        if sample.unit == Unit::Steal {
            // Half a second a second, all the time.
            let seconds = u64::try_from((sample.at.0 - at(0).0) / SECOND).unwrap();
            sample.value = 500_000_000 * seconds;
        }
    }
    sleeps(&mut node, 100, 2_500 * MILLI, |s| s.steal = ms(1_700));
    let verdict = &judged(&node, None)[0];
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
}

#[test]
fn a_coarse_timer_is_a_floor_under_every_wake_up() {
    let mut node = master(120);
    for sent in &mut node.sent {
        sent.woke = Some(sent.due.plus(48 * MILLI));
    }
    let mut late = stall(at(50), 48 * MILLI);
    late.timer_slack = Some(50_000_000);
    node.stalls.push(late);
    let verdicts = judged(&node, None);
    assert_eq!(
        verdicts[0].codes(),
        [Code::HostCoarseTimer],
        "{}",
        verdicts[0]
    );
    node.stalls.clear();
    assert_eq!(judged(&node, None)[0].codes(), [Code::Undetermined]);
}

/// lb1's adverts 100 to 103 are changed.
fn departing(change: impl Fn(&mut crate::history::Sent)) -> History {
    let mut node = master(120);
    for sent in &mut node.sent[100..104] {
        change(sent);
    }
    node
}

fn only(node: &History) -> Verdict {
    let verdicts = judged(node, None);
    assert_eq!(
        verdicts.len(),
        1,
        "{:?}",
        verdicts.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    verdicts.into_iter().next().unwrap()
}

#[test]
fn refusals_of_the_kernel_are_told_by_their_errno() {
    for (errno, code) in [
        (1, Code::EgressFirewall),
        (90, Code::EgressTooBig),
        (19, Code::EgressLinkDown),
        (113, Code::EgressPeerUnresolved),
        (101, Code::Undetermined),
        (22, Code::Undetermined),
    ] {
        let node = departing(|sent| {
            (sent.errno, sent.queued, sent.left, sent.copies_accepted) =
                (Some(errno), None, None, 0);
        });
        assert_eq!(only(&node).codes(), [code], "errno {errno}");
    }
}

#[test]
fn a_drop_after_the_queue_is_told_by_the_counter_that_moved() {
    let dropped = |sent: &mut crate::history::Sent| sent.left = None;
    let mut queue = departing(dropped);
    bump(&mut queue, Unit::QdiscDropped, at(102), 4);
    assert_eq!(only(&queue).codes(), [Code::EgressQueueDrop]);

    assert_eq!(only(&departing(dropped)).codes(), [Code::EgressHookDrop]);

    let mut unknown = departing(dropped);
    unknown
        .samples
        .retain(|sample| sample.unit != Unit::QdiscDropped);
    let verdict = only(&unknown);
    assert_eq!(verdict.codes(), [Code::Undetermined]);
    assert!(verdict.missing.iter().any(|one| one.contains("queue")));

    for (change, reason, code) in [
        (
            InterfaceChange::Down,
            DownReason::NoCarrier,
            Code::EgressNoCarrier,
        ),
        (
            InterfaceChange::Down,
            DownReason::SetDown,
            Code::EgressLinkDown,
        ),
        (
            InterfaceChange::Vanished,
            DownReason::Unknown,
            Code::EgressLinkDown,
        ),
    ] {
        let mut node = departing(dropped);
        push_event(
            &mut node,
            at(100).plus(-10 * MILLI),
            Kind::Interface {
                interface: Name::new("eth0"),
                change,
                reason,
                by: Remover::Unknown,
            },
        );
        assert_eq!(only(&node).codes(), [code]);
    }
}

#[test]
fn a_driver_that_never_stamps_is_no_drop() {
    let mut node = master(120);
    for sent in &mut node.sent {
        sent.left = None;
    }
    assert!(judged(&node, None).is_empty());
}

#[test]
fn waiting_in_the_queue_and_below_the_driver_are_apart() {
    let queued = departing(|sent| sent.left = sent.queued.map(|at| at.plus(700 * MILLI)));
    let verdict = only(&queued);
    assert_eq!(verdict.codes(), [Code::EgressQueued], "{verdict}");

    let held = departing(|sent| sent.held_bytes = 832);
    assert_eq!(only(&held).codes(), [Code::HostBackendStall]);

    let mut stalled = departing(|sent| sent.held_bytes = 832);
    bump(&mut stalled, Unit::QueueStalls, at(101), 3);
    bump(&mut stalled, Unit::InterfaceSendDropped, at(101), 30);
    assert_eq!(only(&stalled).codes(), [Code::EgressDeviceStall]);
}

#[test]
fn a_peer_that_does_not_resolve_keeps_the_adverts_below_the_socket() {
    let mut node = departing(|sent| {
        (sent.queued, sent.left, sent.held_bytes) = (None, None, 8_320);
    });
    assert_eq!(only(&node).codes(), [Code::Undetermined]);
    for second in 95..120 {
        node.samples.push(Sample {
            at: at(second),
            unit: Unit::ProbeRoundTrip,
            object: 2 << 8 | 2,
            value: crate::history::NO_ANSWER,
        });
    }
    node.samples.sort_by_key(|sample| sample.at);
    assert_eq!(only(&node).codes(), [Code::EgressPeerUnresolved]);

    // They leave late when it answers again: they waited above the queue, not below the driver.
    for sent in &mut node.sent[100..103] {
        (sent.queued, sent.left) = (Some(at(104)), Some(at(104)));
    }
    for verdict in judged(&node, None) {
        assert_eq!(verdict.codes(), [Code::EgressPeerUnresolved], "{verdict}");
    }
}

#[test]
fn a_late_look_at_what_the_device_took_is_no_stall_of_the_device() {
    let mut node = master(120);
    sleeps(&mut node, 100, 3_900 * MILLI, |stall| {
        stall.sigcont = Some(4_711)
    });
    // Taken long before; seen at the next look.
    node.sent[99].taken = Some(at(104));
    for verdict in judged(&node, None) {
        assert_eq!(verdict.codes(), [Code::SenderStopped], "{verdict}");
    }
}

fn backup_with(change: impl FnOnce(&mut History)) -> Vec<Verdict> {
    let mut node = backup(120);
    change(&mut node);
    judged(&node, None)
}

#[test]
fn lateness_of_the_reader_is_its_own() {
    let verdicts = backup_with(|node| {
        for one in &mut node.received[100..102] {
            one.read = arrival(102);
        }
        let mut late = stall(arrival(100), 2 * SECOND);
        late.sigcont = Some(0);
        node.stalls.push(late);
    });
    assert_eq!(
        verdicts[0].codes(),
        [Code::IngressReadLate, Code::SenderStopped],
        "{}",
        verdicts[0]
    );
}

#[test]
fn what_this_node_lost_itself_is_not_lost_on_the_way() {
    let verdicts = backup_with(|node| {
        node.received.drain(100..102);
        node.received[100].sequence = Sequence::Missing(2);
        node.received[100].dropped = 15;
    });
    assert!(
        verdicts
            .iter()
            .all(|one| one.codes() == [Code::IngressBufferOverflow]),
        "{verdicts:?}"
    );

    let verdicts = backup_with(|node| {
        node.received.drain(100..102);
        node.received[100].sequence = Sequence::Missing(2);
        bump(node, Unit::SoftirqDropped, arrival(101), 900);
    });
    assert!(
        verdicts
            .iter()
            .all(|one| one.codes() == [Code::IngressSoftirqDrop]),
        "{verdicts:?}"
    );
}

#[test]
fn missing_numbers_are_loss_and_repeated_ones_duplicates() {
    let verdicts = backup_with(|node| {
        node.received.remove(100);
        node.received[100].sequence = Sequence::Missing(1);
    });
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].codes(), [Code::PathLost]);

    let verdicts = backup_with(|node| {
        for second in 100..104 {
            let mut twice = heard(number(second), 101, arrival(second).plus(MILLI));
            twice.sequence = Sequence::Repeated;
            node.received.push(twice);
        }
        node.received.sort_by_key(crate::history::Received::at);
    });
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].codes(), [Code::PathDuplicated]);
}

#[test]
fn rejected_adverts_are_told_by_the_check() {
    use vrrp_proto::wire::Discard;
    for (discard, code) in [
        (Discard::Ttl, Code::IngressRejected),
        (Discard::Checksum, Code::IngressRejected),
        (Discard::IntervalMismatch, Code::ElectionIntervalMismatch),
        (Discard::AuthFailed, Code::ElectionAuthMismatch),
        (Discard::AuthTypeMismatch, Code::ElectionAuthMismatch),
        (Discard::AddrList, Code::ElectionForeignVrid),
    ] {
        let verdicts = backup_with(|node| {
            for second in 100..104 {
                node.rejected.push(Rejected {
                    router: 0,
                    from: address([10, 0, 0, 77]),
                    reason: u8::try_from(discard.index()).unwrap(),
                    priority: Some(90),
                    value: 2_000,
                    expected: 1_000,
                    at: arrival(second),
                    more: 0,
                });
            }
        });
        assert_eq!(verdicts.len(), 1, "{discard:?}");
        assert_eq!(verdicts[0].codes(), [code], "{discard:?}");
    }
}

#[test]
fn a_storage_stall_that_harms_nothing_is_proof_of_innocence() {
    let mut node = master(120);
    node.samples
        .retain(|sample| sample.unit != Unit::PressureIo);
    let mut value = 0;
    for second in 30..150 {
        value += if (90..110).contains(&second) {
            900_000_000
        } else {
            2_000_000
        };
        node.samples.push(Sample {
            at: at(second),
            unit: Unit::PressureIo,
            object: 0,
            value,
        });
    }
    node.samples.sort_by_key(|sample| sample.at);
    let verdict = only(&node);
    assert_eq!(verdict.codes(), [Code::HostIoStallHarmless], "{verdict}");
    assert_eq!(verdict.confidence, Confidence::High);
}

#[test]
fn a_step_of_the_wall_clock_is_told_and_moves_nothing() {
    let mut node = master(120);
    bump(&mut node, Unit::WallClock, at(110), 1_800_000_000);
    let verdict = only(&node);
    assert_eq!(verdict.codes(), [Code::OpsClockStep]);
    assert!(verdict.summary.contains("+1.8 s"), "{verdict}");
}

#[test]
fn a_margin_that_shrinks_with_each_advert_is_told_before_anything_fails() {
    let mut node = node("lb2", LB2, 100);
    node.routers[0].version = 2;
    node.routers[0].interval = 333_000_000;
    node.routers[0].down_adverts = 1;
    for second in 0..30 {
        node.received
            .push(heard(number(second), 101, arrival(second)));
    }
    let verdicts = judged(&node, None);
    assert!(
        verdicts
            .iter()
            .any(|one| one.codes() == [Code::IngressTimerShort]),
        "{verdicts:?}"
    );
}

#[test]
fn a_near_failover_is_explained_before_anything_fails() {
    let mut node = backup(120);
    node.received.drain(100..102);
    let verdicts = judged(&node, None);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].headline, "near failover");
    assert_eq!(verdicts[0].codes(), [Code::Undetermined]);
    assert!(
        verdicts[0].summary.contains("built no advert"),
        "{}",
        verdicts[0]
    );
    assert_eq!(
        verdicts[0].measure.as_deref(),
        Some("gap 3 s of the 3.6 s that are allowed")
    );
}

#[test]
fn as_of_hides_what_was_not_known_yet() {
    let mut node = backup(100);
    let when = takes_over(&mut node, 99);
    let early = of_transition(&node, None, when);
    assert_eq!(early.codes(), [Code::Undetermined]);
    assert!(early.summary.contains("nothing was heard"), "{early}");
    for late in 100..104 {
        node.received.push(heard(
            number(late),
            101,
            when.plus(22 * MILLI + late * 100_000),
        ));
    }
    assert_eq!(of_transition(&node, None, when).summary, early.summary);
    let amended = of_transition(&node, None, end());
    assert_eq!(amended.codes(), [Code::PathHeld], "{amended}");
    assert_eq!(amended.incident.number, early.incident.number);
    assert!(!amended.says_the_same(&early));
    let _: Time = amended.as_of;
}
