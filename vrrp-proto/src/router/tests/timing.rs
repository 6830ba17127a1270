//! The timers' requirements (RFC 9568 §6.1, §6.4), and what happens when the driver is late. Formulas are in
//! [`crate::timers`].

use super::*;

#[test]
fn t07_active_sends_its_own_interval_never_the_learned_one() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    bench.run_to_deadline();
    let start = bench.now;
    bench.addresses(1, 1);
    let times: Vec<_> = bench
        .run_for(ms(3_000))
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    assert_eq!(times, [ms(1_000), ms(2_000), ms(3_000)]);
    assert_eq!(bench.now.saturating_since(start), ms(3_000));
}

#[test]
fn t08_backup_takes_over_after_three_learned_intervals_and_their_skew() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    assert_eq!(bench.down_in(), ms(9_000) + us(1_828_125));
}

#[test]
fn t08_learned_on_the_way_from_active_to_backup() {
    let mut bench = Bench::active(config());
    bench.hear_at(peer(1), 200, centis(10));
    assert_eq!(bench.router.snapshot().active_interval, centis(10));
    assert_eq!(
        bench.down_in(),
        ms(300) + us(60_937) + Duration::from_nanos(500)
    );
}

#[test]
fn t09_version_2_never_learns() {
    let mut bench = Bench::backup(config_v2());
    bench.hear_at(peer(1), 200, centis(300));
    assert_eq!(bench.down_in(), us(3_609_375));
}

#[test]
fn t10_each_startup_begins_with_the_own_interval() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    bench.tell(Event::Stop(StopKind::Planned));
    bench.tell(Event::Start);
    assert_eq!(bench.down_in(), us(3_609_375));
}

#[test]
fn t11_after_priority_zero_the_wait_is_the_skew_of_the_learned_interval() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    bench.hear_at(peer(1), 0, centis(300));
    assert_eq!(bench.down_in(), us(1_828_125));
}

#[test]
fn t12_a_shorter_interval_counts_through_the_packet_that_carries_it() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    bench.advance(ms(2_000));
    bench.hear_at(peer(1), 200, centis(10));
    assert_eq!(
        bench.down_in(),
        ms(300) + us(60_937) + Duration::from_nanos(500)
    );
}

/// T-13: the machine knows no other clock than its argument, so a step of the wall clock is not even visible; a jump of
/// the monotonic one (suspend) is served once.
#[test]
fn t13_a_jump_of_the_clock_is_served_once() {
    let mut bench = Bench::active(config());
    bench.advance(Duration::from_secs(3_600));
    assert_eq!(adverts(&bench.tell(Event::Deadline)), [100]);
    assert!(bench.router.next_deadline().unwrap().0 > bench.now);
}

#[test]
fn t14_ten_thousand_late_adverts_keep_to_the_grid() {
    let mut bench = Bench::active(Config {
        interval: centis(1),
        ..config()
    });
    let grid = bench.router.next_deadline().unwrap().0;
    for period in 0..10_000_u64 {
        let due = grid.saturating_add(ms(10 * period));
        bench.now = due.saturating_add(us(37 + period % 900));
        assert_eq!(bench.tell(Event::Deadline), [advert(100, due)]);
    }
    assert_eq!(bench.router.snapshot().counters.skipped, 0);
}

#[test]
fn t14_after_a_stall_one_advert_and_the_missed_ones_are_counted() {
    let mut bench = Bench::active(config());
    let due = bench.router.next_deadline().unwrap().0;
    bench.now = due.saturating_add(ms(3_500));
    assert_eq!(bench.tell(Event::Deadline), [advert(100, due)]);
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(
        bench.router.next_deadline().unwrap().0,
        due.saturating_add(ms(4_000)),
        "the grid did not move"
    );
    assert_eq!(bench.router.snapshot().counters.skipped, 3);
}

#[test]
fn t15_early_and_repeated_deadline_calls_do_nothing() {
    let mut bench = Bench::backup(config());
    let (at, _) = bench.router.next_deadline().unwrap();
    bench.now = at.saturating_sub(Duration::from_nanos(1));
    assert_eq!(bench.tell(Event::Deadline), []);
    // A timer that was replaced and still fires: the advert came first.
    bench.hear(peer(1), 200);
    bench.now = at;
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.state(), State::Backup);
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active);
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.tell(Event::Deadline), []);
}

#[test]
fn t16_skew_uses_the_effective_priority_and_a_running_timer_moves_with_it() {
    let mut bench = Bench::backup(config());
    bench.advance(ms(1_000));
    bench.tell(Event::Priority(priority(150)));
    assert_eq!(bench.down_in(), us(2_414_063) - Duration::from_nanos(500));
    bench.tell(Event::Priority(priority(100)));
    assert_eq!(bench.down_in(), us(2_609_375));
    // During the wait after priority 0, too.
    bench.hear(peer(1), 0);
    bench.tell(Event::Priority(priority(200)));
    assert_eq!(bench.down_in(), us(218_750));
}

#[test]
fn t16_a_timer_never_moves_into_the_past() {
    let mut bench = Bench::backup(config());
    bench.hear(peer(1), 0);
    bench.advance(ms(600));
    bench.tell(Event::Priority(priority(254)));
    assert_eq!(bench.down_in(), Duration::ZERO);
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn t17_an_advert_read_before_a_due_takeover_cancels_it() {
    let mut bench = Bench::backup(config());
    let (at, _) = bench.router.next_deadline().unwrap();
    bench.now = at.saturating_add(ms(1));
    bench.hear(peer(1), 100);
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn t17_a_higher_advert_read_before_a_due_advert_leaves_no_extra_advert() {
    let mut bench = Bench::active(config());
    bench.advance(ms(1_001));
    assert_eq!(adverts(&bench.hear(peer(1), 200)), []);
    assert_eq!(bench.tell(Event::Deadline), []);
}

#[test]
fn a_takeover_after_an_own_stall_waits_for_one_more_learned_interval_once() {
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(20));
    let (at, _) = bench.router.next_deadline().unwrap();
    let late = ms(101);
    bench.now = at.saturating_add(late);
    assert_eq!(
        bench.tell(Event::Deadline),
        [Action::TakeoverDeferred { late }]
    );
    assert_eq!(bench.down_in(), ms(200));
    // Stalled again: never twice in a row.
    bench.advance(ms(10_000));
    bench.tell(Event::Stalled(ms(9_800)));
    bench.tell(Event::Deadline);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn an_accepted_advert_gives_the_next_stall_its_own_wait() {
    let mut bench = Bench::backup(config());
    for _ in 0..2 {
        bench.hear(peer(1), 200);
        bench.advance(ms(10_000));
        bench.tell(Event::Stalled(ms(7_000)));
        assert_eq!(bench.tell(Event::Deadline), []);
        assert_eq!(bench.down_in(), ms(1_000));
    }
    assert_eq!(bench.router.snapshot().counters.deferred, 2);
}

#[test]
fn a_stall_before_the_timer_is_due_or_below_the_threshold_defers_nothing() {
    let mut bench = Bench::backup(config());
    let (at, _) = bench.router.next_deadline().unwrap();
    bench.advance(ms(900));
    assert_eq!(bench.tell(Event::Stalled(ms(900))), []);
    assert_eq!(bench.router.next_deadline().unwrap().0, at);
    bench.now = at.saturating_add(ms(500));
    bench.tell(Event::Stalled(ms(500)));
    bench.tell(Event::Deadline);
    assert_eq!(bench.state(), State::Active);
    // 20 ms is the floor: at 10 ms intervals ordinary lateness is no stall.
    let mut bench = Bench::backup(Config {
        interval: centis(1),
        ..config()
    });
    let (at, _) = bench.router.next_deadline().unwrap();
    bench.now = at.saturating_add(ms(20));
    bench.tell(Event::Deadline);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn a_new_interval_of_an_active_is_told_at_once_and_starts_the_grid_anew() {
    let mut bench = Bench::active(config());
    bench.advance(ms(300));
    let faster = Config {
        interval: centis(10),
        ..config()
    };
    let actions = bench.tell(Event::Reconfigure {
        config: &faster,
        priority: Priority::DEFAULT,
    });
    assert_eq!(adverts(&actions), [100]);
    assert_eq!(
        bench.router.next_deadline().unwrap().0,
        bench.now.saturating_add(ms(100))
    );
}

#[test]
fn a_new_interval_of_a_backup_moves_its_timer_unless_it_learned_another() {
    let faster = Config {
        interval: centis(10),
        ..config()
    };
    let event = Event::Reconfigure {
        config: &faster,
        priority: Priority::DEFAULT,
    };
    let mut bench = Bench::backup(config());
    bench.advance(ms(100));
    bench.tell(event);
    assert_eq!(
        bench.down_in(),
        ms(200) + us(60_937) + Duration::from_nanos(500)
    );
    let mut bench = Bench::backup(config());
    bench.hear_at(peer(1), 200, centis(300));
    bench.tell(event);
    assert_eq!(bench.down_in(), ms(9_000) + us(1_828_125));
}

#[test]
fn down_timer_adverts_replaces_the_three() {
    let mut bench = Bench::backup(Config {
        down_adverts: 5,
        ..config()
    });
    assert_eq!(bench.down_in(), us(5_609_375));
    bench.hear(peer(1), 200);
    assert_eq!(bench.down_in(), us(5_609_375));
}
