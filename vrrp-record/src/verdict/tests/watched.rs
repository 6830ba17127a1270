//! What may be said of another daemon that is only looked at: `vrrpd --observe`, and captures.

use super::scene::*;
use crate::cause::Cause;
use crate::event::Kind;
use crate::history::{History, Source, Time};
use crate::text::Name;
use crate::verdict::{Code, Happening, incidents};
use crate::words::Word;

/// What somebody who looks on records of a MASTER: adverts as they leave.
fn watched(mut node: History, source: Source) -> History {
    node.node.source = source;
    for sent in &mut node.sent {
        (sent.woke, sent.submitted, sent.accepted, sent.queued) = (None, None, None, None);
    }
    node
}

/// lb1 leaves three seconds of adverts out, and lb2 speaks meanwhile and a while longer.
fn stood_still(source: Source, run_delay: u64) -> History {
    let mut lb1 = master(120);
    sleeps(&mut lb1, 100, 5_500 * MILLI, |stall| {
        stall.run_delay = Some(run_delay);
    });
    if source == Source::Capture {
        lb1.stalls.clear();
    }
    for second in 104..108 {
        let mut one = heard(1, 100, at(second));
        one.from = address(LB2);
        lb1.received.push(one);
    }
    watched(lb1, source)
}

#[test]
fn a_node_whose_own_adverts_were_late_is_not_told_that_it_is_not_heard() {
    let lb1 = stood_still(Source::Capture, 0);
    let two = |what: &Happening| matches!(what, Happening::TwoActive { .. });
    assert!(incidents(&lb1).iter().any(|one| two(&one.what)));
    for verdict in judged(&lb1, None) {
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    }
}

#[test]
fn what_explains_less_than_half_of_a_lateness_behind_the_process_is_no_cause_of_it() {
    let little = stood_still(Source::Observer, 1_000_000_000);
    for verdict in judged(&little, None) {
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    }
    let all = stood_still(Source::Observer, 5_400_000_000);
    let codes: Vec<Code> = judged(&all, None)
        .iter()
        .flat_map(super::super::Verdict::codes)
        .collect();
    assert!(codes.contains(&Code::SenderCpuWait), "{codes:?}");
}

/// lb1 is MASTER with adverts of this priority at the end, and its process goes away.
fn ends(last: u8) -> Vec<Code> {
    let mut lb1 = watched(master(100), Source::Observer);
    lb1.sent.push(sent(number(100), last, at(100)));
    let gone = at(100).plus(400 * MILLI);
    push_transition(&mut lb1, gone, (Word::Master, Word::Init), Cause::Stopped);
    of_transition(&lb1, None, end()).codes()
}

#[test]
fn a_process_that_goes_away_as_master_has_crashed_unless_it_said_goodbye() {
    assert_eq!(ends(101), [Code::SenderCrashed]);
    assert_eq!(ends(0), [Code::SenderStoppedCleanly]);
    // Whoever is Backup says no goodbye.
    let mut lb2 = backup(100);
    lb2.node.source = Source::Observer;
    push_transition(
        &mut lb2,
        Time(arrival(100).0),
        (Word::Backup, Word::Init),
        Cause::Stopped,
    );
    let verdict = of_transition(&lb2, None, end());
    assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
}

#[test]
fn a_priority_that_fell_in_the_adverts_has_fallen() {
    let lost = |before: u8, now: u8| {
        let mut lb1 = watched(master(100), Source::Observer);
        for sent in &mut lb1.sent {
            sent.priority = before;
        }
        lb1.sent.push(sent(number(100), now, at(100)));
        let cause = Cause::HigherPriority {
            from: address(LB2),
            priority: 100,
            ours: now,
        };
        push_transition(
            &mut lb1,
            at(100).plus(600 * MILLI),
            (Word::Master, Word::Backup),
            cause,
        );
        of_transition(&lb1, None, end()).codes()
    };
    assert_eq!(lost(150, 60), [Code::ElectionOwnPriorityFell]);
    // It was the lower one before, too: what made it MASTER then is another matter.
    assert_eq!(lost(90, 60), [Code::ElectionHigherPriority]);
}

#[test]
fn a_near_failover_and_the_anomaly_that_announced_it_are_one_incident() {
    let mut lb1 = master(120);
    let router = Some(Name::new("vi_1"));
    let anomaly = Kind::Anomaly {
        router,
        number: 7,
        what: crate::event::Anomaly::SentLate,
        count: 1,
        worst_us: 2_000_000,
    };
    push_event(&mut lb1, at(100), anomaly);
    let near = |number| Kind::NearFailover {
        router: Name::new("vi_1"),
        number,
        from: None,
        gap_ms: 2_500,
        limit_ms: 3_600,
    };
    push_event(&mut lb1, at(102), near(7));
    push_event(&mut lb1, at(1_000), near(8));
    let numbers: Vec<(Option<u32>, bool)> = incidents(&lb1)
        .iter()
        .filter(|one| one.number.is_some_and(|number| number > 0))
        .map(|one| {
            let near = matches!(one.what, Happening::NearFailover { .. });
            (one.number, near)
        })
        .collect();
    assert_eq!(numbers, [(Some(7), true), (Some(8), true)]);
}
