//! What must not be said.

use proptest::prelude::*;

use super::scene::*;
use crate::history::{Sequence, Unit};
use crate::verdict::{Code, incidents, judge};

/// A repeatable stream of numbers.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn ten_quiet_hours_hold_nothing_to_explain() {
    let mut noise = Noise(7);
    let (mut lb1, mut lb2) = (node("lb1", LB1, 101), node("lb2", LB2, 100));
    let (mut id, mut received) = (0_u16, 0_u64);
    for second in 0..36_000 {
        id = if id == u16::MAX { 2 } else { id + 1 };
        let mut one = sent(id, 101, at(second));
        // Up to two milliseconds, and up to fifteen now and then.
        let late = noise.below(2 * MILLI)
            + if noise.below(200) == 0 {
                noise.below(13 * MILLI)
            } else {
                0
            };
        for stage in [
            &mut one.woke,
            &mut one.submitted,
            &mut one.accepted,
            &mut one.queued,
            &mut one.left,
        ] {
            *stage = stage.map(|at| at.plus(late));
        }
        lb2.received.push(heard(
            id,
            101,
            arrival(second).plus(late + noise.below(MILLI)),
        ));
        lb1.sent.push(one);
        received += 40 + u64::try_from(noise.below(30)).unwrap();
        for (unit, value) in [
            (Unit::InterfaceReceived, received),
            (Unit::RunDelay, received * 10_000),
            (
                Unit::Steal,
                u64::try_from(second / 60 * 10 * MILLI).unwrap(),
            ),
            (Unit::PressureIo, received * 100_000),
            (Unit::QdiscDropped, 0),
        ] {
            lb1.samples.push(crate::history::Sample {
                at: at(second),
                unit,
                object: 0,
                value,
            });
        }
    }
    assert_eq!(incidents(&lb1), []);
    assert_eq!(incidents(&lb2), []);
}

/// The Backup of a healthy pair says nothing: that nobody is heard is no trouble, unless adverts came and were not heard.
#[test]
fn a_master_that_hears_nobody_is_quiet_until_something_tells_of_adverts() {
    let nobody = |node: &crate::history::History| {
        incidents(node)
            .iter()
            .any(|one| matches!(one.what, crate::verdict::Happening::NobodyHeard))
    };
    let mut lb1 = master(600);
    assert!(!nobody(&lb1));
    for second in 500..520 {
        lb1.rejected.push(crate::history::Rejected {
            router: 0,
            from: address(LB2),
            reason: u8::try_from(vrrp_proto::wire::Discard::Ttl.index()).unwrap(),
            priority: Some(90),
            value: 64,
            expected: 255,
            at: at(second),
            more: 0,
        });
    }
    assert!(nobody(&lb1));
}

#[test]
fn no_cause_is_named_whose_counter_did_not_move() {
    // Every kind of trouble without any counter behind it.
    let mut lb1 = master(120);
    sleeps(&mut lb1, 100, 2_500 * MILLI, |_| {});
    for verdict in judged(&lb1, None) {
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
    }
    let mut lb2 = backup(100);
    takes_over(&mut lb2, 99);
    for verdict in judged(&lb2, None) {
        assert_eq!(verdict.codes(), [Code::Undetermined], "{verdict}");
        assert!(!verdict.missing.is_empty());
    }
}

#[test]
fn what_the_machine_cannot_tell_is_listed_where_it_would_matter() {
    let mut lb1 = master(120);
    sleeps(&mut lb1, 100, 2_500 * MILLI, |stall| stall.run_delay = None);
    lb1.unavailable
        .push(unavailable("pressure stall information"));
    let verdict = &judged(&lb1, None)[0];
    assert_eq!(verdict.codes(), [Code::Undetermined]);
    for word in ["schedstat", "pressure stall information"] {
        assert!(
            verdict.missing.iter().any(|one| one.contains(word)),
            "{word}: {:?}",
            verdict.missing
        );
    }
}

#[test]
fn a_verdict_is_the_same_after_a_trip_through_json() {
    let mut lb2 = backup(100);
    let when = takes_over(&mut lb2, 99);
    for late in 100..104 {
        lb2.received.push(heard(
            number(late),
            101,
            when.plus(22 * MILLI + late * 100_000),
        ));
    }
    let verdict = of_transition(&lb2, None, end());
    let json = serde_json::to_string(&verdict).unwrap();
    assert!(
        json.contains("\"schema\":1") && json.contains("path.held"),
        "{json}"
    );
    assert_eq!(
        serde_json::from_str::<crate::verdict::Verdict>(&json).unwrap(),
        verdict
    );
}

proptest! {
    /// Records of another router, quiet counters in any order of objects, adverts long before: nothing of it counts.
    #[test]
    fn what_has_nothing_to_do_with_it_changes_no_verdict(
        others in proptest::collection::vec((0_i64..110, 0_i64..900), 0..40),
        lost in 0_u16..6,
    ) {
        let mut lb2 = backup(100);
        let when = takes_over(&mut lb2, 99);
        let mut next = heard(101 + lost, 101, when.plus(300 * MILLI));
        next.sequence = if lost == 0 { Sequence::Next } else { Sequence::Missing(lost) };
        lb2.received.push(next);
        let incident = numbered(&lb2);
        let plain = judge(&lb2, None, &incident, end());

        let mut router = lb2.routers[0].clone();
        router.name = String::from("vi_2");
        router.vrid = 52;
        lb2.routers.push(router);
        for (second, milli) in others {
            let mut foreign = heard(9, 200, arrival(second).plus(milli * MILLI));
            foreign.router = 1;
            foreign.sequence = Sequence::Missing(3);
            lb2.received.push(foreign);
        }
        lb2.received.sort_by_key(crate::history::Received::at);
        let beside = judge(&lb2, None, &incident, end());
        prop_assert_eq!(beside.codes(), plain.codes());
        prop_assert_eq!(beside.summary, plain.summary);
    }

    /// Shares and what remains always add up to the lateness, and nothing is named without its counter.
    #[test]
    fn shares_add_up_whatever_the_counters_say(
        run_delay in 0_u64..3_000, cpu in 0_u64..3_000, throttled in 0_u64..3_000, frozen in 0_u64..3_000,
        steal in 0_u64..3_000, io in 0_u64..3_000, faults in 0_u32..3, stopped: bool,
    ) {
        let mut lb1 = master(120);
        sleeps(&mut lb1, 100, 2_500 * MILLI, |s| {
            let ms = |value: u64| Some(value * 1_000_000);
            (s.run_delay, s.cpu, s.throttled, s.frozen) = (ms(run_delay), ms(cpu), ms(throttled), ms(frozen));
            (s.steal, s.io_pressure, s.major_faults) = (ms(steal), ms(io), Some(faults));
            s.throttled_times = Some(1);
            s.sigcont = stopped.then_some(0);
        });
        let verdict = judged(&lb1, None).remove(0);
        let sum: u64 = verdict.findings.iter().filter_map(|finding| finding.share).sum();
        prop_assert!(sum <= verdict.lateness.unwrap());
        prop_assert_eq!(sum + verdict.unexplained.unwrap(), verdict.lateness.unwrap());
        for (code, moved) in [
            (Code::SenderCpuWait, run_delay > 0), (Code::SenderOwnWork, cpu > 0), (Code::SenderThrottled, throttled > 0),
            (Code::SenderFrozen, frozen > 0), (Code::HostSteal, steal > 0), (Code::SenderPagedOut, faults > 0 && io > 0),
            (Code::SenderStopped, stopped),
        ] {
            prop_assert!(moved || !verdict.codes().contains(&code), "{}", verdict);
        }
    }
}
