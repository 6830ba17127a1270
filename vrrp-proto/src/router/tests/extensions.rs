//! What is beyond the state machine of RFC 9568: delays, interoperation, and an own address heard.

use super::*;

#[test]
fn u16_preempt_delay_tolerates_a_lower_active_and_adds_to_the_running_timer() {
    let mut bench = Bench::backup(Config {
        preempt_delay: ms(4_000),
        ..config()
    });
    let first = bench.now;
    assert_eq!(bench.hear(peer(1), 50), [Action::PreemptDelayStarted]);
    let mut last_accepted = bench.now;
    while bench.state() == State::Backup {
        let next = last_accepted.saturating_add(ms(1_000));
        if bench.router.next_deadline().unwrap().0 <= next {
            bench.run_to_deadline();
            break;
        }
        bench.now = next;
        last_accepted = next;
        assert_eq!(bench.hear(peer(1), 50), []);
    }
    // Accepted at 0, 1, 2 and 3 s; the timer of the one at 3 s runs to its end.
    assert_eq!(bench.now.saturating_since(first), ms(3_000) + us(3_609_375));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn u16_a_not_lower_active_cancels_the_preempt_delay_and_silence_ignores_it() {
    let delayed = Config {
        preempt_delay: ms(60_000),
        ..config()
    };
    let mut bench = Bench::backup(delayed);
    bench.hear(peer(1), 50);
    assert!(bench.router.snapshot().preempt_at.is_some());
    bench.hear(peer(2), 100);
    assert_eq!(bench.router.snapshot().preempt_at, None);
    bench.hear(peer(1), 50);
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active, "the lower Active fell silent");
}

#[test]
fn u17_nopreempt_is_preempt_mode_false() {
    let mut bench = Bench::backup(Config {
        preempt: false,
        preempt_delay: ms(1_000),
        ..config()
    });
    for _ in 0..20 {
        bench.advance(ms(1_000));
        assert_eq!(bench.hear(peer(1), 50), [], "and it knows no delay");
    }
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn r26_an_advert_from_our_own_address_is_told_of_and_not_answered() {
    let mut bench = Bench::active(config());
    assert_eq!(
        bench.hear(OWN, 100),
        [Action::OwnAddressHeard { from: OWN }]
    );
    assert_eq!(bench.state(), State::Active);
    assert_eq!(bench.router.snapshot().counters.own_heard, 1);
}

#[test]
fn startup_delay_ignores_adverts_and_starts_the_timers_afterwards() {
    let mut bench = Bench::new(Config {
        startup_delay: ms(3_000),
        ..config()
    });
    assert_eq!(bench.tell(Event::Start), []);
    assert_eq!(bench.hear(peer(1), 200), []);
    let start = bench.now;
    let report = transition(&bench.run_to_deadline()).unwrap();
    assert_eq!((report.to, report.cause), (State::Backup, Cause::Started));
    assert_eq!(bench.now.saturating_since(start), ms(3_000));
    assert_eq!(bench.down_in(), us(3_609_375));
    // Only the first start waits: a fault that comes and goes does not begin it again.
    bench.tell(Event::Faults(FaultSet::TRACKER));
    bench.tell(Event::Faults(FaultSet::NONE));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn startup_delay_under_a_fault_waits_for_the_later_of_the_two() {
    let mut bench = Bench::new(Config {
        startup_delay: ms(3_000),
        ..config()
    });
    bench.tell(Event::Start);
    bench.tell(Event::Faults(FaultSet::NO_SOURCE));
    bench.tell(Event::Faults(FaultSet::NONE));
    assert_eq!(bench.state(), State::Initialize, "the delay runs");
    bench.tell(Event::Faults(FaultSet::NO_SOURCE));
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Initialize, "the fault stays");
    bench.tell(Event::Faults(FaultSet::NONE));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn i05_version_2_of_a_sender_of_version_3_is_ignored_in_interoperation() {
    let mut bench = Bench::backup(Config {
        interoperate: true,
        ..config()
    });
    let v2 = |interval| Received {
        version: Version::V2,
        priority: WirePriority::from_wire(200),
        interval,
        source: peer(1),
        arrived: None,
    };
    // I-03: alone, version 2 is learned.
    bench.tell(Event::Advert(&v2(centis(200))));
    assert_eq!(bench.router.snapshot().active_interval, centis(200));
    bench.hear_at(peer(1), 200, centis(50));
    bench.tell(Event::Advert(&v2(centis(100))));
    assert_eq!(bench.router.snapshot().active_interval, centis(50));
    // Once version 3 has fallen silent for its down interval, version 2 counts again.
    bench.now = bench.now.saturating_add(ms(60_000));
    bench.tell(Event::Advert(&v2(centis(100))));
    assert_eq!(bench.router.snapshot().active_interval, centis(100));
}

#[test]
fn i02_the_other_version_changes_nothing_without_interoperation() {
    let mut bench = Bench::backup(config());
    let before = bench.router.snapshot();
    let other = Received {
        version: Version::V2,
        priority: WirePriority::from_wire(255),
        interval: centis(100),
        source: peer(1),
        arrived: None,
    };
    assert_eq!(bench.tell(Event::Advert(&other)), []);
    assert_eq!(bench.router.snapshot(), before);
    let mut bench = Bench::active(config());
    assert_eq!(bench.tell(Event::Advert(&other)), []);
    assert_eq!(bench.state(), State::Active);
}
