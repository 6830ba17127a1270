//! A takeover as lb2 sees it, alone and with the records of lb1.

use super::scene::*;
use crate::cause::Cause;
use crate::event::{Kind, StopReason};
use crate::history::{History, NO_ANSWER, Sample, Sequence, Unit};
use crate::verdict::{Code, Confidence};
use crate::words::{FaultSet, Faults, Objects, Word};

/// lb2 took over after second 99; adverts 100 to 103 came at once after it.
fn held() -> History {
    let mut node = backup(100);
    let when = takes_over(&mut node, 99);
    for late in 100..104 {
        let at = when.plus(22 * MILLI + (late - 100) * 500_000);
        node.received.push(heard(number(late), 101, at));
    }
    node
}

/// lb2 took over, and what came next is one advert with that number.
fn next_is(id: u16, sequence: Sequence) -> History {
    let mut node = backup(100);
    let when = takes_over(&mut node, 99);
    let mut next = heard(id, 101, when.plus(300 * MILLI));
    next.sequence = sequence;
    node.received.push(next);
    node
}

/// lb2 took over, and what came next counts from one.
fn begins_anew() -> History {
    let mut node = next_is(1, Sequence::Broken);
    let first = node.received.last().unwrap().arrived.unwrap();
    for id in 2..4 {
        let at = first.plus(i64::from(id - 1) * SECOND);
        node.received.push(heard(id, 101, at));
    }
    node
}

#[test]
fn a_burst_of_consecutive_numbers_was_held_on_the_way() {
    let verdict = of_transition(&held(), None, end());
    assert_eq!(verdict.codes(), [Code::PathHeld], "{verdict}");
    assert_eq!(verdict.confidence, Confidence::High);
    let text = verdict.render("2026-11-10 07:55:41.220");
    for line in [
        "#17  2026-11-10 07:55:41.220  vi_1  BACKUP -> MASTER   10.0.0.2 silent 3.6 s, limit 3.6 s",
        "  evidence   after 3.63 s 4 adverts of 10.0.0.2 came within 1.5 ms, numbers 101..104, none missing",
        "  ruled out  this node late",
        "confidence: high",
        "  next       on 10.0.0.2: vrrpctl explain --last",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn an_advert_on_its_beat_right_after_a_late_one_was_not_held() {
    // lb1 wakes late again and again: the advert before the gap was late by more than half an interval, and the next one
    // comes just before the one after it, which is on time. Found by the drill (A1, seed 4).
    let mut node = backup(96);
    let times = [(96, 660), (97, 750), (98, 820), (99, 660), (102, -14)];
    for (position, (second, late)) in (96_i64..).zip(times) {
        let when = arrival(second).plus(late * MILLI);
        node.received.push(heard(number(position), 101, when));
    }
    for (position, second) in (101..).zip(102_i64..112) {
        node.received
            .push(heard(number(position), 101, arrival(second)));
    }
    let verdicts = judged(&node, None);
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    }
}

#[test]
fn adverts_that_cannot_be_matched_are_not_lost() {
    // The other node's records name another source: its adverts are told apart from ours, and none has a counterpart.
    let mut lb1 = master(120);
    lb1.routers[0].source = Some(address([10, 0, 0, 44]));
    lb1.node.addresses = vec![address([10, 0, 0, 44]), address(LB1)];
    for sent in &mut lb1.sent {
        sent.id += 1_000;
    }
    // One advert of lb2 tells the distance of the clocks.
    let mut lb2 = held();
    let when = lb2.received.last().unwrap().at().plus(500 * MILLI);
    lb2.sent.push(sent(7, 100, when));
    lb1.received.push(crate::history::Received {
        from: address(LB2),
        priority: 100,
        ..heard(7, 100, when.plus(-APART + 300_000))
    });
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert!(!verdict.codes().contains(&Code::PathLost), "{verdict}");
}

#[test]
fn near_failovers_in_a_row_keep_each_its_own_gap() {
    // Two gaps of 2.5 s with two seconds between: found by the drill (A4+C1, seed 3).
    let mut node = backup(100);
    let (first, second) = (
        arrival(101).plus(500 * MILLI),
        arrival(104).plus(700 * MILLI),
    );
    for (position, when) in (100..).zip([first, arrival(102), first.plus(700 * MILLI), second]) {
        node.received.push(heard(number(position), 101, when));
    }
    node.received.sort_by_key(|one| one.at());
    for (number, at) in [(3, first), (4, second)] {
        push_event(
            &mut node,
            at.plus(MILLI),
            Kind::NearFailover {
                router: crate::text::Name::new("vi_1"),
                number,
                from: Some(address(LB1)),
                gap_ms: 2_500,
                limit_ms: 3_609,
            },
        );
    }
    let untils: Vec<_> = crate::verdict::incidents(&node)
        .iter()
        .filter_map(|one| Some((one.number?, one.until)))
        .collect();
    assert_eq!(untils, [(3, first), (4, second)]);
}

#[test]
fn a_burst_without_trusted_numbers_is_judged_by_its_spacing() {
    let mut node = held();
    for one in &mut node.received {
        (one.id, one.sequence) = (None, Sequence::Untrusted);
    }
    let verdict = of_transition(&node, None, end());
    assert_eq!(verdict.codes(), [Code::PathHeld]);
    assert_eq!(verdict.confidence, Confidence::Low);
    // One more advert than were due in the gap proves nothing.
    node.received.truncate(102);
    assert_eq!(
        of_transition(&node, None, end()).codes(),
        [Code::Undetermined]
    );
}

#[test]
fn the_next_number_after_a_gap_means_that_none_was_built() {
    let verdict = of_transition(&next_is(101, Sequence::Next), None, end());
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    assert!(verdict.summary.contains("built no advert in between"));
    assert!(!verdict.next.is_empty());
}

#[test]
fn a_jump_is_loss_and_a_new_beginning_a_restart() {
    let lost = of_transition(&next_is(105, Sequence::Missing(4)), None, end());
    assert_eq!(lost.codes(), [Code::PathLost]);
    let too_few = of_transition(&next_is(102, Sequence::Missing(1)), None, end());
    assert_eq!(too_few.codes(), [Code::Undetermined]);
    let anew = begins_anew();
    let restarted = of_transition(&anew, None, end());
    assert_eq!(restarted.codes(), [Code::SenderCrashed]);
    // Between the numbers of another program the old ones go on: nobody ended.
    let mut beside = anew;
    let when = beside.received.last().unwrap().arrived.unwrap();
    beside.received.insert(
        beside.received.len() - 1,
        heard(number(101), 101, when.plus(-500 * MILLI)),
    );
    let beside = of_transition(&beside, None, end());
    assert_eq!(beside.codes(), [Code::Undetermined], "{beside}");
    let untrusted = of_transition(&next_is(7, Sequence::Untrusted), None, end());
    assert_eq!(untrusted.codes(), [Code::Undetermined]);
}

#[test]
fn adverts_that_reach_the_interface_and_no_socket_were_filtered_here() {
    let mut node = backup(100);
    takes_over(&mut node, 99);
    for second in 100..130 {
        bump(&mut node, Unit::AdvertsAtInterface, arrival(second), 1);
    }
    assert_eq!(
        of_transition(&node, None, end()).codes(),
        [Code::IngressFirewall]
    );
}

#[test]
fn an_interface_that_became_a_port_is_no_firewall_and_no_loss() {
    let mut node = next_is(105, Sequence::Missing(4));
    for second in 100..130 {
        bump(&mut node, Unit::AdvertsAtInterface, arrival(second), 1);
    }
    for second in 90..130 {
        node.samples.push(Sample {
            at: arrival(second),
            unit: Unit::InterfaceMaster,
            object: 2,
            value: if second < 101 { 0 } else { 7 },
        });
    }
    node.samples.sort_by_key(|sample| sample.at);
    for peer in [None, Some(&master(110))] {
        let verdict = of_transition(&node, peer, end());
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
        assert!(verdict.summary.contains("bridge"), "{verdict}");
        assert!(verdict.next[0].contains("nomaster"), "{verdict:?}");
    }
}

#[test]
fn an_answer_to_each_losing_advert_is_no_burst_that_was_held() {
    let mut node = held();
    let when = node.received.last().unwrap().arrived.unwrap();
    // Our own adverts of an earlier time as MASTER, which the other one had not read yet.
    for id in 1..5 {
        node.sent
            .push(sent(id, 100, when.plus(-5 * SECOND + i64::from(id))));
    }
    let verdict = of_transition(&node, None, end());
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
}

#[test]
fn reading_a_little_late_does_not_explain_a_long_gap() {
    let mut node = next_is(101, Sequence::Next);
    let last = &mut node.received[99];
    last.read = last.read.plus(60 * MILLI);
    let verdict = of_transition(&node, None, end());
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    assert!(
        verdict
            .evidence
            .iter()
            .any(|one| one.text.contains("to reading")),
        "{verdict:?}"
    );
}

#[test]
fn the_other_node_knows_why_it_gave_up() {
    let lb2 = next_is(101, Sequence::Next);
    let mut lb1 = master(100);
    push_transition(
        &mut lb1,
        at(99).plus(700 * MILLI),
        (Word::Master, Word::Fault),
        Cause::Fault {
            faults: Faults(FaultSet::NO_SOURCE),
            objects: Objects::default(),
        },
    );
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::EgressSourceGone], "{verdict}");
    assert!(verdict.summary.starts_with("on lb1: "), "{verdict}");
}

#[test]
fn two_nodes_that_never_heard_each_other_are_told_with_both_records() {
    let mut lb2 = node("lb2", LB2, 100);
    push_transition(
        &mut lb2,
        at(4),
        (Word::Backup, Word::Master),
        Cause::SilentActive {
            last: None,
            silence_ms: Some(3_609),
        },
    );
    for second in 4..20 {
        lb2.sent.push(sent(number(second - 4), 100, at(second)));
    }
    assert_eq!(
        of_transition(&lb2, None, end()).codes(),
        [Code::Undetermined]
    );
    let verdict = of_transition(&lb2, Some(&master(20)), end());
    assert_eq!(verdict.codes(), [Code::PathNeverHeard], "{verdict}");
}

#[test]
fn a_lost_membership_is_told_by_the_kernels_list() {
    let mut node = backup(100);
    takes_over(&mut node, 99);
    for sample in &mut node.samples {
        if sample.unit == Unit::Membership && sample.at >= arrival(100) {
            sample.value = 0;
        }
    }
    assert_eq!(
        of_transition(&node, None, end()).codes(),
        [Code::IngressMembershipLost]
    );
}

#[test]
fn the_founding_story_is_told_with_both_nodes() {
    let lb2 = held();
    let mut lb1 = master(110);
    // Nothing comes in either, and the gateway's answer takes as long.
    lb1.samples
        .retain(|sample| sample.unit != Unit::InterfaceReceived);
    let mut received = 0;
    for tenth in 300..1_150 {
        let when = at(0).plus(tenth * 100 * MILLI);
        let stalled = (999..1_036).contains(&tenth);
        if !stalled {
            received += 4;
        }
        lb1.samples.push(Sample {
            at: when,
            unit: Unit::InterfaceReceived,
            object: 2,
            value: received,
        });
        if tenth % 10 == 0 {
            lb1.samples.push(Sample {
                at: when,
                unit: Unit::ProbeRoundTrip,
                object: 2 << 8,
                value: if stalled { NO_ANSWER } else { 300_000 },
            });
        }
    }
    lb1.samples.sort_by_key(|sample| sample.at);
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::HostBackendStall], "{verdict}");
    assert_eq!(
        verdict.summary,
        "left lb1's kernel on time, held below it, not lost, neither node was late: look at the host of lb1"
    );
    assert!(
        verdict.findings[0]
            .evidence
            .iter()
            .any(|one| one.baseline.is_some())
    );
}

#[test]
fn without_signs_of_the_device_both_hosts_are_named() {
    let verdict = of_transition(&held(), Some(&master(110)), end());
    assert_eq!(verdict.codes(), [Code::PathHeld], "{verdict}");
    assert!(verdict.summary.contains("lb1 and lb2"), "{verdict}");
}

#[test]
fn the_other_node_knows_why_it_built_none() {
    let lb2 = next_is(101, Sequence::Next);
    let mut lb1 = master(110);
    sleeps(&mut lb1, 100, 3_900 * MILLI, |s| s.sigcont = Some(4_711));
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::SenderStopped], "{verdict}");
    assert!(
        verdict.summary.starts_with("on lb1: process was stopped"),
        "{verdict}"
    );
}

#[test]
fn the_other_node_knows_what_it_dropped_itself() {
    let lb2 = next_is(105, Sequence::Missing(4));
    let mut lb1 = master(110);
    for sent in &mut lb1.sent[100..104] {
        (sent.errno, sent.queued, sent.left) = (Some(1), None, None);
    }
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.code(), Code::EgressFirewall, "{verdict}");

    let all_left = of_transition(&lb2, Some(&master(110)), end());
    assert_eq!(all_left.codes(), [Code::PathLost], "{all_left}");
    assert_eq!(all_left.confidence, Confidence::High);
}

#[test]
fn a_crash_and_a_clean_stop_of_the_other_node_are_told_apart() {
    let lb2 = next_is(1, Sequence::Broken);
    let mut lb1 = master(100);
    lb1.runs[0].ended = Some(at(99).plus(500 * MILLI));
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::SenderCrashed], "{verdict}");
    let mut next = lb1.runs[0].clone();
    (next.started, next.ended) = (at(140), None);
    next.boot_id = String::from("boot-2");
    lb1.runs.push(next);
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::OpsRebooted], "{verdict}");

    let mut lb1 = master(100);
    push_event(
        &mut lb1,
        at(100),
        Kind::Stopping {
            reason: StopReason::Signal {
                number: 15,
                pid: Some(1),
                uid: None,
                comm: None,
            },
        },
    );
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::SenderStoppedCleanly], "{verdict}");
}

#[test]
fn nodes_without_a_common_advert_are_not_compared() {
    let mut lb2 = held();
    for one in &mut lb2.received {
        one.id = None;
        one.sequence = Sequence::Untrusted;
    }
    let verdict = of_transition(&lb2, Some(&master(110)), end());
    assert!(
        verdict.missing.iter().any(|one| one.contains("clocks")),
        "{:?}",
        verdict.missing
    );
}

#[test]
fn a_peer_that_does_not_hear_us_is_told_after_three_adverts() {
    let mut lb1 = master(120);
    let from = address(LB2);
    for second in 100..110 {
        let mut one = heard(number(second - 100), 100, at(second).plus(400 * MILLI));
        one.from = from;
        lb1.received.push(one);
    }
    let verdicts = judged(&lb1, None);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].codes(), [Code::PathOneWay]);
    lb1.received.truncate(2);
    assert_eq!(judged(&lb1, None)[0].codes(), [Code::Undetermined]);
}

#[test]
fn a_blocked_port_is_one_where_nothing_came_and_then_something() {
    let mut node = node("lb2", LB2, 100);
    node.runs[0].started = at(0);
    for second in -10..60 {
        let value = u64::try_from((second - 30).max(0)).unwrap() * 40;
        node.samples.push(Sample {
            at: at(second),
            unit: Unit::InterfaceReceived,
            object: 2,
            value,
        });
    }
    push_transition(
        &mut node,
        at(4),
        (Word::Backup, Word::Master),
        Cause::SilentActive {
            last: None,
            silence_ms: Some(3_609),
        },
    );
    // Others speak only now, and began after it took over: a quiet network.
    let quiet = of_transition(&node, None, end());
    assert_eq!(quiet.codes(), [Code::Undetermined], "{quiet}");
    for second in 31..40 {
        node.received
            .push(heard(number(second + 20), 101, at(second)));
    }
    let verdict = of_transition(&node, None, end());
    assert_eq!(
        verdict.codes(),
        [Code::PathPortBlocked, Code::ElectionBlindStart],
        "{verdict}"
    );
    assert_eq!(
        of_transition(&node, None, at(10)).codes(),
        [Code::Undetermined]
    );
}
