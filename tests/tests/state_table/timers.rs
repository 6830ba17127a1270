//! When something happens: learned intervals, skew, the grid of adverts, the preempt delay.

use super::*;

/// T-07, T-08, T-10: the learned interval sets the wait, the own one sets the adverts, and a restart forgets it.
#[test]
fn learned_interval_is_for_waiting_and_the_own_one_for_sending() {
    let (mut router, now) = router_in(State::Backup, config(Version::V3, true));
    let _ = router.handle(now, Event::Advert(&Heard::Higher.advert(Version::V3)));
    let (takeover, _) = router.next_deadline().unwrap();
    assert!(close(
        takeover.saturating_since(now).as_secs_f64(),
        down(Version::V3, PRIORITY, theirs(Version::V3))
    ));
    let _ = router.handle(takeover, Event::Deadline);
    assert_eq!(router.state(), State::Active);
    assert!(close(until(&router, Timer::Advert, takeover), 1.0));
    let _ = router.handle(takeover, Event::Stop(StopKind::Immediate));
    let _ = router.handle(takeover, Event::Start);
    assert!(close(
        until(&router, Timer::Down, takeover),
        down(Version::V3, PRIORITY, AdvertInterval::DEFAULT)
    ));
}

/// T-11, S-07: after priority 0 the wait is the skew of the interval learned so far, not of the packet's.
#[test]
fn release_waits_the_skew_of_the_interval_learned_so_far() {
    let (mut router, now) = router_in(State::Backup, config(Version::V3, true));
    let _ = router.handle(now, Event::Advert(&Heard::Higher.advert(Version::V3)));
    let release = Received {
        interval: AdvertInterval::MAX_V3,
        ..Heard::Release.advert(Version::V3)
    };
    let _ = router.handle(now, Event::Advert(&release));
    assert!(close(
        until(&router, Timer::Down, now),
        skew(Version::V3, PRIORITY, theirs(Version::V3))
    ));
}

/// T-12: a shorter interval sets the timer anew from the packet that carried it.
#[test]
fn shorter_interval_counts_from_its_own_packet() {
    let (mut router, now) = router_in(State::Backup, config(Version::V3, true));
    let _ = router.handle(now, Event::Advert(&Heard::Higher.advert(Version::V3)));
    let later = now.saturating_add(Duration::from_secs(2));
    let short = AdvertInterval::from_centis(10).unwrap();
    let advert = Received {
        interval: short,
        ..Heard::Higher.advert(Version::V3)
    };
    let _ = router.handle(later, Event::Advert(&advert));
    assert!(close(
        until(&router, Timer::Down, later),
        down(Version::V3, PRIORITY, short)
    ));
}

/// S-08: under a stream of lower adverts the takeover comes at the original time.
#[test]
fn stream_of_lower_adverts_does_not_put_a_takeover_off() {
    let (mut router, mut now) = router_in(State::Backup, config(Version::V3, true));
    let (takeover, _) = router.next_deadline().unwrap();
    while now < takeover {
        let _ = router.handle(now, Event::Advert(&Heard::Lower.advert(Version::V3)));
        now = now.saturating_add(Duration::from_millis(100));
    }
    let _ = router.handle(takeover, Event::Deadline);
    assert_eq!(router.state(), State::Active);
}

/// S-23, T-16: a lowered priority shows in the next advert and in the comparison that follows.
#[test]
fn lowered_priority_counts_from_the_next_comparison_on() {
    let (mut router, now) = router_in(State::Active, config(Version::V3, true));
    let _ = router.handle(now, Event::Priority(Priority::new(50).unwrap()));
    assert_eq!(router.state(), State::Active);
    let (due, _) = router.next_deadline().unwrap();
    assert_eq!(adverts(&handle(&mut router, due, Event::Deadline)), [50]);
    let _ = router.handle(due, Event::Advert(&Heard::Lower.advert(Version::V3)));
    assert_eq!(router.state(), State::Backup);
    assert!(close(
        until(&router, Timer::Down, due),
        down(Version::V3, 50, theirs(Version::V3))
    ));
}

/// T-14: adverts stay on the grid of the first one, whatever the lateness, and a stall is followed by one advert.
#[test]
fn adverts_stay_on_their_grid_and_a_stall_makes_no_burst() {
    let short = AdvertInterval::from_centis(1).unwrap();
    let (mut router, _) = router_in(
        State::Active,
        Config {
            interval: short,
            ..config(Version::V3, true)
        },
    );
    let (first, _) = router.next_deadline().unwrap();
    let mut due = first;
    for period in 0..10_000_u64 {
        // Up to 9 ms late, a different amount each time.
        let late = Duration::from_micros(period * 7 % 9_000);
        let actions = handle(&mut router, due.saturating_add(late), Event::Deadline);
        assert_eq!(adverts(&actions), [PRIORITY]);
        due = router.next_deadline().unwrap().0;
    }
    assert_eq!(due.saturating_since(first), Duration::from_millis(100_000));
    let after_stall = due.saturating_add(Duration::from_millis(6_003));
    assert_eq!(
        adverts(&handle(&mut router, after_stall, Event::Deadline)),
        [PRIORITY]
    );
    let next = router.next_deadline().unwrap().0;
    assert_eq!(next.saturating_since(due), Duration::from_millis(6_010));
}

/// U-16: a lower Active is tolerated for the delay after it was first heard, then preempted.
#[test]
fn preempt_delay_tolerates_a_lower_active_and_then_preempts_it() {
    let delay = Duration::from_secs(20);
    let (mut router, start) = router_in(
        State::Backup,
        Config {
            preempt_delay: delay,
            ..config(Version::V2, true)
        },
    );
    let mut now = start;
    let lower = Heard::Lower.advert(Version::V2);
    let first = handle(&mut router, now, Event::Advert(&lower));
    assert_eq!(
        first
            .iter()
            .filter(|action| **action == Action::PreemptDelayStarted)
            .count(),
        1
    );
    let limit = start.saturating_add(Duration::from_secs(60));
    while router.state() == State::Backup && now < limit {
        now = now.saturating_add(Duration::from_secs(1));
        if router.next_deadline().unwrap().0 <= now {
            now = router.next_deadline().unwrap().0;
            let _ = router.handle(now, Event::Deadline);
        } else {
            let _ = router.handle(now, Event::Advert(&lower));
        }
    }
    assert_eq!(router.state(), State::Active);
    let waited = now.saturating_since(start).as_secs_f64();
    assert!(
        (20.0..=24.7).contains(&waited),
        "preempted after {waited} s"
    );
}
