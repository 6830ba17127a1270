//! Mistakes that other implementations made in the state machine; each test is named after one.

use super::*;

#[test]
fn trap_v3_backup_adopts_the_actives_interval_and_never_drops_a_mismatch() {
    let mut bench = Bench::backup(config());
    for _ in 0..10 {
        bench.advance(ms(3_000));
        bench.hear_at(peer(1), 200, centis(300));
    }
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.router.snapshot().active_interval, centis(300));
}

#[test]
fn trap_priority_zero_shortens_the_deadline_that_is_already_running() {
    let mut bench = Bench::backup(config());
    bench.hear(peer(1), 200);
    let before = bench.down_in();
    bench.hear(peer(1), 0);
    assert!(bench.down_in() < before);
    bench.advance(us(609_375));
    bench.tell(Event::Deadline);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn trap_a_losing_advert_is_answered_in_v3_and_ignored_in_v2() {
    assert_eq!(adverts(&Bench::active(config()).hear(peer(1), 99)), [100]);
    assert_eq!(adverts(&Bench::active(config_v2()).hear(peer(1), 99)), []);
}

#[test]
fn trap_tie_break_compares_whole_addresses_and_only_while_active() {
    // 10.0.0.1 against 9.0.0.2: one has the higher first byte, the other the higher last byte.
    let mut bench = Bench::active(config());
    bench.tell(Event::Source(Some("10.0.0.1".parse().unwrap())));
    bench.hear("9.0.0.2".parse().unwrap(), 100);
    assert_eq!(bench.state(), State::Active);
    let mut bench = Bench::backup(config());
    bench.advance(ms(3_000));
    bench.hear(peer(1), 100);
    assert_eq!(bench.down_in(), us(3_609_375), "s < L, and accepted");
}

#[test]
fn trap_a_changed_priority_shows_in_the_very_next_advert() {
    let mut bench = Bench::active(config());
    bench.tell(Event::Priority(priority(120)));
    assert_eq!(adverts(&bench.run_to_deadline()), [120]);
    bench.tell(Event::Priority(priority(90)));
    assert_eq!(adverts(&bench.hear(peer(1), 50)), [90]);
}

#[test]
fn trap_losing_the_link_shutdown_and_removal_take_the_addresses_away() {
    for event in [
        Event::Faults(FaultSet::INTERFACE_DOWN),
        Event::Faults(FaultSet::INTERFACE_GONE),
        Event::Stop(StopKind::Planned),
        Event::Stop(StopKind::Immediate),
    ] {
        let mut bench = Bench::active(config());
        assert!(bench.tell(event).contains(&Action::RemoveAddresses));
    }
}

#[test]
fn trap_a_second_startup_in_backup_does_not_make_active() {
    let mut bench = Bench::backup(config());
    let before = bench.router.snapshot();
    assert_eq!(bench.tell(Event::Start), []);
    assert_eq!(bench.router.snapshot(), before);
}

#[test]
fn trap_rejected_or_losing_adverts_do_not_starve_our_own() {
    // keepalived 2.2.7 rearms its advert timer at every advert it sees.
    let mut bench = Bench::active(config());
    let grid = bench.router.next_deadline().unwrap().0;
    for _ in 0..9 {
        bench.advance(ms(100));
        bench.hear(peer(1), 50);
        assert_eq!(bench.router.next_deadline().unwrap().0, grid);
    }
}

#[test]
fn trap_every_counter_has_a_place_where_it_moves() {
    let mut bench = Bench::active(config());
    let counters = |bench: &Bench| bench.router.snapshot().counters;
    assert_eq!(
        (counters(&bench).adverts, counters(&bench).became_active),
        (1, 1)
    );
    bench.hear(peer(1), 50);
    assert_eq!(counters(&bench).lower_heard, 1);
    bench.hear(peer(1), 0);
    assert_eq!(counters(&bench).releases_heard, 1);
    bench.hear(OWN, 100);
    assert_eq!(counters(&bench).own_heard, 1);
    for _ in 0..10 {
        bench.hear(peer(1), 50);
    }
    assert!(counters(&bench).unanswered > 0);
    bench.advance(ms(5_000));
    bench.tell(Event::Deadline);
    assert!(counters(&bench).skipped > 0);
    bench.hear(peer(1), 200);
    assert_eq!(counters(&bench).left_active, 1);
    bench.advance(ms(60_000));
    bench.tell(Event::Deadline);
    assert_eq!(counters(&bench).deferred, 1);
}
