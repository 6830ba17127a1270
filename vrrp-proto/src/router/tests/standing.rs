//! What an operator asks of a router (safety rule 9): giving way, reserve, out. And leaving at once by fast_fail.

use super::*;

fn held() -> Config {
    Config {
        release_hold: Duration::from_secs(2),
        ..config()
    }
}

fn causes(seen: &[(Duration, Action)]) -> Vec<(u64, State, State, Cause)> {
    seen.iter()
        .filter_map(|(at, action)| {
            let Action::Report(report) = action else {
                return None;
            };
            let millis = u64::try_from(at.as_millis()).unwrap();
            Some((millis, report.from, report.to, report.cause))
        })
        .collect()
}

#[test]
fn rule9_giving_way_releases_and_keeps_the_addresses_until_the_successor_has_them() {
    let mut bench = Bench::active(held());
    let actions = bench.tell(Event::Stand(Standing::Yielded));
    assert_eq!(actions[..2], [advert(0, bench.now), Action::HoldAddresses]);
    assert_eq!(bench.state(), State::Releasing);
    bench.advance(ms(700));
    bench.hear(peer(1), 90);
    assert_eq!(bench.state(), State::Releasing);
    let seen = bench.run_for(ms(60));
    let expected = (50, State::Releasing, State::Backup, Cause::SuccessorReady);
    assert_eq!(causes(&seen), [expected]);
    assert!(seen.contains(&(ms(50), Action::RemoveAddresses)));
}

#[test]
fn rule9_without_a_successor_it_stays_active_and_its_addresses_never_leave() {
    let mut bench = Bench::active(held());
    bench.tell(Event::Stand(Standing::Yielded));
    let seen = bench.run_for(Duration::from_secs(10));
    let expected = (1_996, State::Releasing, State::Active, Cause::NoSuccessor);
    assert_eq!(causes(&seen), [expected]);
    assert!(!seen.iter().any(|(_, a)| *a == Action::RemoveAddresses));
    assert_eq!(bench.router.standing(), Standing::Normal);
}

/// The bound is that of the interval, also where a planned stop would not wait as long: nobody else has the addresses.
#[test]
fn rule9_a_slow_interval_waits_for_its_slowest_successor() {
    let mut bench = Bench::active(Config {
        interval: centis(400),
        ..held()
    });
    bench.tell(Event::Stand(Standing::Yielded));
    let seen = bench.run_for(ms(7_900));
    assert_eq!(causes(&seen), []);
    assert_eq!(bench.state(), State::Releasing);
    bench.hear_at(peer(1), 1, centis(400));
    bench.run_for(ms(60));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn rule2_no_hold_over_a_failing_tracker_and_still_back_without_a_successor() {
    for fails_later in [false, true] {
        let mut bench = Bench::active(held());
        if !fails_later {
            bench.tell(Event::Healthy(false));
        }
        let mut actions = bench.tell(Event::Stand(Standing::Yielded));
        if fails_later {
            actions = bench.tell(Event::Healthy(false));
        }
        assert!(actions.contains(&Action::RemoveAddresses));
        assert_eq!(bench.state(), State::Backup);
        let seen = bench.run_for(ms(2_500));
        let expected = (1_996, State::Backup, State::Active, Cause::NoSuccessor);
        assert_eq!(causes(&seen), [expected]);
    }
}

#[test]
fn one_that_gave_way_preempts_nobody_until_the_active_is_silent_or_releases() {
    for owner in [false, true] {
        let mut bench = Bench::active(Config {
            priority: if owner {
                Priority::OWNER
            } else {
                priority(200)
            },
            ..held()
        });
        bench.tell(Event::Stand(Standing::Yielded));
        for _ in 0..30 {
            bench.hear(peer(1), 90);
            bench.run_for(ms(1_000));
        }
        assert_eq!(bench.state(), State::Backup, "owner {owner}");
        assert_eq!(bench.router.standing(), Standing::Yielded);
        // A fault that comes and goes changes nothing.
        bench.tell(Event::Faults(FaultSet::INTERFACE_DOWN));
        bench.tell(Event::Faults(FaultSet::NONE));
        assert_eq!(bench.state(), State::Backup, "owner {owner}");
        bench.hear(peer(1), 90);
        let seen = bench.run_for(Duration::from_secs(4));
        assert!(matches!(
            causes(&seen)[..],
            [(_, State::Backup, State::Active, Cause::SilentActive { .. })]
        ));
        assert_eq!(bench.router.standing(), Standing::Normal);
    }
}

#[test]
fn cancelled_it_preempts_again() {
    let mut bench = Bench::active(held());
    bench.tell(Event::Stand(Standing::Yielded));
    bench.hear(peer(1), 90);
    bench.run_for(ms(500));
    bench.tell(Event::Stand(Standing::Normal));
    for _ in 0..4 {
        bench.hear(peer(1), 90);
        bench.run_for(ms(1_000));
    }
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn a_backup_that_is_about_to_preempt_listens_again_when_told_to_give_way() {
    let mut bench = Bench::backup(held());
    bench.hear(peer(1), 90);
    bench.advance(ms(3_600));
    bench.tell(Event::Stand(Standing::Yielded));
    bench.run_for(ms(900));
    bench.hear(peer(1), 90);
    bench.run_for(ms(900));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn reserve_is_priority_1_and_takes_over_when_nobody_is_there() {
    let mut bench = Bench::backup(held());
    let actions = bench.tell(Event::Stand(Standing::Reserve));
    assert_eq!(
        actions,
        [Action::PriorityChanged {
            from: priority(100),
            to: priority(1)
        }]
    );
    bench.hear(peer(1), 1);
    let seen = bench.run_for(ms(4_500));
    let adverts: Vec<Action> = seen.iter().map(|(_, action)| *action).collect();
    assert_eq!(causes(&seen)[0].0, 3_996, "the last of all");
    assert_eq!(super::adverts(&adverts)[0], 1);
    bench.addresses(1, 1);
    // Whoever comes back takes it, and the reserve goes on after that.
    bench.hear(peer(1), 2);
    assert_eq!(bench.state(), State::Releasing);
    assert_eq!(bench.router.standing(), Standing::Reserve);
    // Trackers move what it will be afterwards.
    bench.tell(Event::Priority(priority(102)));
    assert_eq!(bench.router.priority(), priority(1));
    bench.tell(Event::Stand(Standing::Normal));
    assert_eq!(bench.router.priority(), priority(102));
}

#[test]
fn out_leaves_as_a_planned_stop_does_and_stays_out() {
    let mut bench = Bench::active(held());
    let actions = bench.tell(Event::Stand(Standing::Out));
    assert_eq!(actions[..2], [advert(0, bench.now), Action::HoldAddresses]);
    let seen = bench.run_for(Duration::from_secs(60));
    let expected = (
        1_996,
        State::Releasing,
        State::Initialize,
        Cause::HoldExpired,
    );
    assert_eq!(causes(&seen), [expected]);
    bench.tell(Event::Faults(FaultSet::INTERFACE_DOWN));
    bench.tell(Event::Faults(FaultSet::NONE));
    bench.tell(Event::Start);
    assert_eq!(bench.state(), State::Initialize);
    let actions = bench.tell(Event::Stand(Standing::Normal));
    assert_eq!(transition(&actions).unwrap().cause, Cause::BackIn);
    assert_eq!(bench.state(), State::Backup);
    let actions = bench.tell(Event::Stand(Standing::Out));
    assert_eq!(transition(&actions).unwrap().cause, Cause::TakenOut);
    assert_eq!(adverts(&actions), [0_u8; 0]);
}

#[test]
fn out_and_back_within_the_hold_keeps_the_addresses() {
    let mut bench = Bench::active(held());
    bench.tell(Event::Stand(Standing::Out));
    bench.advance(ms(200));
    bench.tell(Event::Stand(Standing::Normal));
    assert!(bench.router.is_watching());
    bench.tell(Event::Stand(Standing::Out));
    assert!(!bench.router.is_watching());
}

#[test]
fn a_stall_during_the_wait_for_a_successor_does_not_drop_the_addresses() {
    let mut bench = Bench::active(held());
    bench.tell(Event::Stand(Standing::Yielded));
    bench.advance(ms(3_000));
    bench.tell(Event::Stalled(ms(1_004)));
    let actions = bench.tell(Event::Deadline);
    assert!(!actions.contains(&Action::RemoveAddresses), "{actions:?}");
    let seen = bench.run_for(Duration::from_secs(3));
    assert!(!seen.iter().any(|(_, a)| *a == Action::RemoveAddresses));
    assert_eq!(bench.state(), State::Active);
}

fn fast(peer_priority: Option<u8>) -> Config {
    Config {
        priority: priority(103),
        fast_fail: Some(FastFail {
            peer_priority: peer_priority.and_then(Priority::new),
        }),
        ..held()
    }
}

#[test]
fn fast_fail_says_goodbye_when_a_check_leaves_a_peer_better_and_holds_nothing() {
    for configured in [false, true] {
        let mut bench = Bench::active(fast(configured.then_some(102)));
        if !configured {
            bench.hear(peer(1), 102);
        }
        let actions = bench.tell(Event::Priority(priority(101)));
        assert_eq!(adverts(&actions), [0]);
        assert!(actions.contains(&Action::RemoveAddresses));
        let report = transition(&actions).unwrap();
        assert_eq!(
            (report.to, report.cause),
            (State::Backup, Cause::Outweighed { by: 102 })
        );
        bench.advance(ms(700));
        bench.hear(peer(1), 102);
        bench.run_for(ms(3_000));
        assert_eq!(bench.state(), State::Backup);
    }
}

#[test]
fn fast_fail_stays_where_nobody_better_is_known_or_it_is_off() {
    let settings = [
        (fast(None), None),
        (fast(Some(100)), None),
        (fast(None), Some(101)),
        (
            Config {
                fast_fail: None,
                ..fast(None)
            },
            Some(102),
        ),
    ];
    for (config, heard) in settings {
        let mut bench = Bench::active(config);
        if let Some(heard) = heard {
            bench.hear(peer(1), heard);
        }
        bench.tell(Event::Priority(priority(101)));
        assert_eq!(bench.state(), State::Active, "{config:?}");
    }
}

#[test]
fn fast_fail_comes_back_when_nobody_takes_over_and_does_not_leave_for_the_same_peer_again() {
    let mut bench = Bench::active(fast(None));
    bench.hear(peer(1), 102);
    bench.tell(Event::Priority(priority(101)));
    let seen = bench.run_for(ms(2_500));
    let expected = (1_996, State::Backup, State::Active, Cause::NoSuccessor);
    assert_eq!(causes(&seen), [expected]);
    bench.addresses(1, 1);
    bench.tell(Event::Priority(priority(103)));
    bench.tell(Event::Priority(priority(101)));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn fast_fail_does_not_leave_for_a_priority_that_rises() {
    let mut bench = Bench::active(fast(Some(200)));
    bench.tell(Event::Priority(priority(110)));
    assert_eq!(bench.state(), State::Active);
}
