//! The Releasing phase (safety rule 2): make before break, only when healthy, and bounded.

use super::*;

fn holding() -> Config {
    Config {
        release_hold: Duration::from_secs(60),
        ..config()
    }
}

fn present(actions: &[Action]) -> bool {
    !actions.contains(&Action::RemoveAddresses)
}

#[test]
fn planned_stop_sends_priority_zero_and_holds_the_addresses() {
    let mut bench = Bench::active(holding());
    let actions = bench.tell(Event::Stop(StopKind::Planned));
    assert_eq!(actions[0], advert(0, bench.now));
    assert_eq!(actions[1], Action::HoldAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!((report.from, report.to), (State::Active, State::Releasing));
    assert_eq!(actions.len(), 3);
}

#[test]
fn hold_ends_when_the_successor_announces() {
    let mut bench = Bench::active(holding());
    bench.tell(Event::Stop(StopKind::Planned));
    bench.advance(ms(400));
    let actions = bench.tell(Event::SuccessorAnnounced);
    assert_eq!(actions[0], Action::RemoveAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!(
        (report.to, report.cause),
        (State::Initialize, Cause::SuccessorReady)
    );
    assert_eq!(bench.router.next_deadline(), None);
}

#[test]
fn hold_ends_50_ms_after_the_successors_first_advert() {
    let mut bench = Bench::active(holding());
    bench.tell(Event::Stop(StopKind::Planned));
    let stopped = bench.now;
    bench.advance(ms(400));
    bench.hear(peer(1), 50);
    bench.advance(ms(30));
    bench.hear(peer(1), 50);
    let actions = bench.run_to_deadline();
    assert_eq!(transition(&actions).unwrap().cause, Cause::SuccessorReady);
    assert!(!present(&actions));
    // Only the first advert counts.
    assert_eq!(bench.now.saturating_since(stopped), ms(450));
}

#[test]
fn hold_is_bounded_by_the_skew_of_priority_1_and_one_interval() {
    let mut bench = Bench::active(holding());
    let start = bench.now;
    bench.tell(Event::Stop(StopKind::Planned));
    let actions = bench.run_to_deadline();
    assert_eq!(transition(&actions).unwrap().cause, Cause::HoldExpired);
    assert!(!present(&actions));
    assert_eq!(
        bench.now.saturating_since(start),
        Duration::from_nanos(1_996_093_750)
    );
}

#[test]
fn configured_hold_shortens_the_bound_and_zero_means_none() {
    let mut bench = Bench::active(Config {
        release_hold: ms(200),
        ..config()
    });
    let start = bench.now;
    bench.tell(Event::Stop(StopKind::Planned));
    bench.run_to_deadline();
    assert_eq!(bench.now.saturating_since(start), ms(200));
    let mut bench = Bench::active(config());
    assert!(!present(&bench.tell(Event::Stop(StopKind::Planned))));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn an_immediate_stop_never_holds_and_ends_a_hold() {
    let mut bench = Bench::active(holding());
    assert!(!present(&bench.tell(Event::Stop(StopKind::Immediate))));
    assert_eq!(bench.state(), State::Initialize);
    let mut bench = Bench::active(holding());
    bench.tell(Event::Stop(StopKind::Planned));
    let actions = bench.tell(Event::Stop(StopKind::Immediate));
    assert!(!present(&actions));
    assert_eq!(transition(&actions).unwrap().cause, Cause::Stopped);
}

#[test]
fn a_fault_never_holds() {
    let mut bench = Bench::active(holding());
    assert!(!present(&bench.tell(Event::Faults(FaultSet::TRACKER))));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn a_failing_tracker_forbids_the_hold_even_where_only_a_weight_fell() {
    let mut bench = Bench::active(holding());
    bench.tell(Event::Healthy(false));
    bench.tell(Event::Priority(priority(50)));
    assert!(!present(&bench.hear(peer(1), 90)));
    assert_eq!(bench.state(), State::Backup);
    let mut bench = Bench::active(holding());
    bench.tell(Event::Healthy(false));
    assert!(!present(&bench.tell(Event::Stop(StopKind::Planned))));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn the_first_failure_ends_the_hold_at_once() {
    for (event, to) in [
        (Event::Healthy(false), State::Initialize),
        (Event::Faults(FaultSet::INTERFACE_DOWN), State::Initialize),
    ] {
        let mut bench = Bench::active(holding());
        bench.tell(Event::Stop(StopKind::Planned));
        let actions = bench.tell(event);
        assert!(!present(&actions));
        let report = transition(&actions).unwrap();
        assert_eq!((report.to, report.cause), (to, Cause::HoldUnhealthy));
    }
    let mut bench = Bench::active(holding());
    bench.hear(peer(1), 200);
    assert_eq!(bench.state(), State::Releasing);
    let report = transition(&bench.tell(Event::Healthy(false))).unwrap();
    assert_eq!(
        (report.to, report.cause),
        (State::Backup, Cause::HoldUnhealthy)
    );
}

#[test]
fn being_preempted_holds_for_50_ms_while_the_backup_timer_runs() {
    let mut bench = Bench::active(holding());
    let actions = bench.hear_at(peer(1), 200, centis(30));
    assert_eq!(actions[0], Action::HoldAddresses);
    assert_eq!(adverts(&actions), [], "S-16");
    assert_eq!(bench.state(), State::Releasing);
    assert!(bench.router.is_watching());
    assert_eq!(
        bench.router.snapshot().down_at,
        Some(
            bench
                .now
                .saturating_add(ms(900) + us(182_812) + Duration::from_nanos(500))
        )
    );
    // Adverts are learned as in Backup meanwhile.
    bench.advance(ms(20));
    bench.hear_at(peer(1), 200, centis(10));
    assert_eq!(bench.router.snapshot().active_interval, centis(10));
    bench.advance(ms(30));
    let actions = bench.tell(Event::Deadline);
    assert_eq!(actions[0], Action::RemoveAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!(
        (report.from, report.to, report.cause),
        (State::Releasing, State::Backup, Cause::SuccessorReady)
    );
    assert_eq!(
        bench.down_in(),
        ms(270) + us(60_937) + Duration::from_nanos(500)
    );
}

#[test]
fn a_successor_that_falls_silent_during_the_hold_is_replaced_without_removing_anything() {
    let mut bench = Bench::active(Config {
        priority: priority(254),
        ..holding()
    });
    bench.hear_at(peer(1), 255, centis(1));
    // 30.08 ms of learned silence come before the 50 ms of the hold.
    let actions = bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active);
    assert_eq!(actions[0], advert(254, bench.now));
    assert!(present(&actions));
    assert!(actions.contains(&Action::Announce(AnnounceReason::BecameActive)));
    let report = transition(&actions).unwrap();
    assert_eq!((report.from, report.to), (State::Releasing, State::Active));
    // The kernel had confirmed them: no refusal follows, and no second announcement.
    assert_eq!(bench.addresses(1, 1), []);
}

#[test]
fn only_confirmed_addresses_are_held() {
    let mut bench = Bench::active(holding());
    bench.addresses(0, 1);
    assert!(!present(&bench.tell(Event::Stop(StopKind::Planned))));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn starting_again_during_the_hold_makes_a_backup_that_still_holds() {
    let mut bench = Bench::active(holding());
    bench.tell(Event::Stop(StopKind::Planned));
    assert_eq!(bench.tell(Event::Start), []);
    assert_eq!(bench.state(), State::Releasing);
    assert!(bench.router.is_watching() && bench.router.is_running());
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn stopping_a_preempted_router_sends_nothing_and_ends_in_initialize() {
    let mut bench = Bench::active(holding());
    bench.hear(peer(1), 200);
    assert_eq!(bench.tell(Event::Stop(StopKind::Planned)), []);
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn lost_addresses_end_the_hold() {
    let mut bench = Bench::active(holding());
    bench.hear(peer(1), 200);
    let actions = bench.tell(Event::AddressesLost);
    assert!(!present(&actions));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn becoming_an_owner_during_the_hold_is_shutdown_and_startup() {
    let mut bench = Bench::active(holding());
    bench.hear(peer(1), 200);
    let owner = Config {
        priority: Priority::OWNER,
        ..holding()
    };
    let actions = bench.tell(Event::Reconfigure {
        config: &owner,
        priority: Priority::OWNER,
    });
    assert!(!present(&actions));
    assert_eq!(adverts(&actions), [255]);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn a_group_pulled_down_holds_for_its_successor_and_the_handover_is_announced_once_more() {
    let mut bench = Bench::active(holding());
    let actions = bench.tell(Event::Group(GroupOrder::Yield));
    assert_eq!(adverts(&actions), []);
    assert_eq!(bench.state(), State::Releasing);
    // The other side: a successor announces again when the predecessor has gone.
    let mut bench = Bench::backup(config());
    bench.hear(peer(1), 0);
    bench.run_to_deadline();
    bench.addresses(1, 1);
    let later = bench.run_for(ms(500));
    assert_eq!(
        later,
        [(ms(100), Action::Announce(AnnounceReason::PredecessorGone))]
    );
}
