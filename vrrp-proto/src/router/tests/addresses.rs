//! Addresses and the state machine: announced when present, given up when refused, bounced when lost (safety rules 5
//! and 6; A-11).

use super::*;

fn refused(bench: &mut Bench, errno: i32) -> Vec<Action> {
    bench.tell(Event::Addresses(AddressState {
        present: 0,
        wanted: 1,
        errno: Some(errno),
    }))
}

#[test]
fn a11_nothing_is_announced_before_the_kernel_confirmed_an_address() {
    let mut bench = Bench::backup(config());
    assert!(
        !bench
            .run_to_deadline()
            .iter()
            .any(|action| matches!(action, Action::Announce(_)))
    );
    assert_eq!(bench.addresses(0, 3), []);
    let actions = bench.hear(peer(1), 50);
    assert!(
        !actions
            .iter()
            .any(|action| matches!(action, Action::Announce(_)))
    );
    assert_eq!(
        bench.addresses(1, 3),
        [Action::Announce(AnnounceReason::BecameActive)]
    );
    assert_eq!(bench.addresses(1, 3), []);
    assert_eq!(
        bench.addresses(3, 3),
        [Action::Announce(AnnounceReason::AddressesChanged)]
    );
    assert_eq!(bench.addresses(2, 3), []);
}

#[test]
fn rule5_refused_addresses_resign_with_priority_zero_and_the_errno() {
    let mut bench = Bench::backup(config());
    bench.run_to_deadline();
    let active = bench.now;
    assert_eq!(refused(&mut bench, 13), []);
    let seen = bench.run_for(ms(1_000));
    let actions: Vec<Action> = seen
        .iter()
        .filter(|(at, _)| *at == ms(1_000))
        .map(|(_, action)| *action)
        .collect();
    assert_eq!(actions[0], advert(0, active.saturating_add(ms(1_000))));
    assert_eq!(actions[1], Action::RemoveAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!(
        (report.to, report.cause),
        (
            State::Initialize,
            Cause::AddressesRefused { errno: Some(13) }
        )
    );
    let snapshot = bench.router.snapshot();
    assert!(snapshot.faults.contains(FaultSet::ADDRESS_REFUSED));
    assert_eq!(snapshot.refusal, Some(13));
}

#[test]
fn rule5_bound_is_one_interval_where_that_is_longer() {
    let mut bench = Bench::backup(Config {
        interval: centis(300),
        ..config()
    });
    bench.run_to_deadline();
    bench.run_for(ms(2_999));
    assert_eq!(bench.state(), State::Active);
    bench.run_for(ms(1));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn rule5_router_comes_back_after_a_growing_and_bounded_time() {
    let mut bench = Bench::backup(config());
    let mut waits = Vec::new();
    for _ in 0..8 {
        while bench.state() != State::Initialize {
            bench.run_to_deadline();
        }
        let left = bench.now;
        let report = transition(&bench.run_to_deadline()).unwrap();
        assert_eq!(
            (report.to, report.cause),
            (State::Backup, Cause::FaultCleared)
        );
        waits.push(bench.now.saturating_since(left).as_secs());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
    // A confirmed address ends the series.
    bench.run_to_deadline();
    bench.addresses(1, 1);
    bench.addresses(0, 1);
    while bench.state() != State::Initialize {
        bench.run_to_deadline();
    }
    let left = bench.now;
    bench.run_to_deadline();
    assert_eq!(bench.now.saturating_since(left).as_secs(), 10);
}

#[test]
fn rule5_an_active_whose_last_address_vanished_has_the_same_time_to_get_it_back() {
    let mut bench = Bench::active(config());
    bench.run_for(ms(300));
    bench.addresses(0, 1);
    bench.run_for(ms(999));
    assert_eq!(bench.state(), State::Active);
    bench.addresses(1, 1);
    bench.run_for(ms(5_000));
    assert_eq!(bench.state(), State::Active);
    bench.addresses(0, 1);
    bench.run_for(ms(1_000));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn rule5_a_router_without_addresses_is_told_so_and_stays() {
    let mut bench = Bench::backup(config());
    bench.run_to_deadline();
    assert_eq!(bench.addresses(0, 0), []);
    bench.run_for(ms(10_000));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn rule5_some_missing_is_no_reason_to_resign() {
    let mut bench = Bench::backup(config());
    bench.run_to_deadline();
    bench.addresses(1, 5);
    bench.run_for(ms(60_000));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn rule6_lost_addresses_bounce_through_backup_and_back_after_the_skew() {
    let mut bench = Bench::active(Config {
        priority: priority(150),
        ..config()
    });
    let actions = bench.tell(Event::AddressesLost);
    assert_eq!(actions[0], advert(0, bench.now));
    assert_eq!(actions[1], Action::RemoveAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!(
        (report.to, report.cause),
        (State::Backup, Cause::AddressesLost)
    );
    assert_eq!(bench.down_in(), us(414_063) - Duration::from_nanos(500));
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn rule6_a_peer_that_takes_over_during_the_bounce_keeps_it() {
    let mut bench = Bench::active(config());
    bench.tell(Event::AddressesLost);
    bench.advance(ms(500));
    bench.hear(peer(1), 150);
    bench.advance(ms(200));
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn no_fault_sends_more_than_four_releases() {
    for (configured, sent) in [(0, 0), (1, 1), (2, 2), (255, 4)] {
        let mut bench = Bench::active(Config {
            fault_releases: configured,
            ..config()
        });
        let actions = bench.tell(Event::Faults(FaultSet::TRACKER));
        assert_eq!(adverts(&actions).len(), sent);
    }
}
