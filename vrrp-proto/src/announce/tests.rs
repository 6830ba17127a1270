use std::vec::Vec;

use super::*;

/// keepalived's defaults.
const SETTINGS: AnnounceSettings = AnnounceSettings {
    repeat: 5,
    delay: Duration::from_secs(5),
    refresh: Duration::ZERO,
    refresh_repeat: 1,
    lower_repeat: 5,
    lower_delay: Duration::from_secs(5),
    round_gap: Duration::ZERO,
};

fn at(millis: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_millis(millis))
}

/// Runs to `until` and lists (millisecond, rounds).
fn run(announcer: &mut Announcer, until: Instant) -> Vec<(u64, u32)> {
    let mut sent = Vec::new();
    while let Some(due) = announcer.next_deadline().filter(|due| *due <= until) {
        sent.push((due.as_nanos() / 1_000_000, announcer.take(due)));
        assert!(announcer.next_deadline().is_none_or(|next| next > due));
    }
    sent
}

/// keepalived's five and, after five seconds, five more.
#[test]
fn becoming_active_gives_a_burst_at_once_and_a_second_one_after_the_delay() {
    let mut announcer = Announcer::new(SETTINGS);
    announcer.start(at(1_000), AnnounceReason::BecameActive);
    assert_eq!(run(&mut announcer, at(60_000)), [(1_000, 5), (6_000, 5)]);
}

#[test]
fn refresh_repeats_until_the_router_leaves_active() {
    let mut announcer = Announcer::new(AnnounceSettings {
        delay: Duration::ZERO,
        refresh: Duration::from_secs(10),
        refresh_repeat: 2,
        ..SETTINGS
    });
    announcer.start(at(0), AnnounceReason::BecameActive);
    assert_eq!(
        run(&mut announcer, at(20_500)),
        [(0, 5), (10_000, 2), (20_000, 2)]
    );
    announcer.stop();
    assert_eq!(announcer.next_deadline(), None);
}

/// no repeat while another router is Active.
#[test]
fn leaving_active_cancels_every_pending_burst() {
    for reason in [
        AnnounceReason::BecameActive,
        AnnounceReason::OtherActive,
        AnnounceReason::AddressesChanged,
        AnnounceReason::PredecessorGone,
    ] {
        let mut announcer = Announcer::new(SETTINGS);
        announcer.start(at(0), reason);
        announcer.stop();
        assert_eq!(announcer.next_deadline(), None, "{reason:?}");
        assert_eq!(announcer.take(at(100_000)), 0, "{reason:?}");
    }
}

/// announced again when another Active was heard, at a bounded rate.
#[test]
fn lower_adverts_announce_again_but_not_for_every_packet_of_a_flood() {
    let mut announcer = Announcer::new(SETTINGS);
    let mut rounds = 0;
    for millis in 0..10_000 {
        announcer.start(at(millis), AnnounceReason::OtherActive);
        rounds += announcer.take(at(millis));
    }
    assert!(rounds >= 50, "{rounds}");
    assert!(rounds <= 11 * 5 + 5, "{rounds}");
    let mut announcer = Announcer::new(SETTINGS);
    announcer.start(at(0), AnnounceReason::OtherActive);
    assert_eq!(run(&mut announcer, at(60_000)), [(0, 5), (5_000, 5)]);
}

#[test]
fn lower_repeat_zero_means_no_burst() {
    let mut announcer = Announcer::new(AnnounceSettings {
        lower_repeat: 0,
        ..SETTINGS
    });
    announcer.start(at(0), AnnounceReason::OtherActive);
    assert_eq!(announcer.next_deadline(), None);
}

/// at most three in a row, a second apart.
#[test]
fn neighbour_advertisements_keep_to_three_in_a_row_a_second_apart() {
    let mut announcer = Announcer::new(
        AnnounceSettings {
            delay: Duration::ZERO,
            ..SETTINGS
        }
        .within_rfc4861(),
    );
    announcer.start(at(0), AnnounceReason::BecameActive);
    assert_eq!(
        run(&mut announcer, at(60_000)),
        [(0, 1), (1_000, 1), (2_000, 1)]
    );
}

#[test]
fn predecessor_gone_is_one_round_and_address_changes_a_burst() {
    let mut announcer = Announcer::new(SETTINGS);
    announcer.start(at(0), AnnounceReason::PredecessorGone);
    assert_eq!(run(&mut announcer, at(60_000)), [(0, 1)]);
    announcer.start(at(70_000), AnnounceReason::AddressesChanged);
    assert_eq!(run(&mut announcer, at(90_000)), [(70_000, 5)]);
}

#[test]
fn early_and_repeated_calls_send_nothing_twice() {
    let mut announcer = Announcer::new(SETTINGS);
    announcer.start(at(1_000), AnnounceReason::BecameActive);
    assert_eq!(announcer.take(at(999)), 0);
    assert_eq!(announcer.take(at(1_000)), 5);
    assert_eq!(announcer.take(at(1_000)), 0);
    assert_eq!(announcer.take(at(20_000)), 5);
    assert_eq!(announcer.take(at(20_000)), 0);
}

#[test]
fn a_stall_does_not_pile_up_refreshes() {
    let mut announcer = Announcer::new(AnnounceSettings {
        delay: Duration::ZERO,
        refresh: Duration::from_secs(1),
        ..SETTINGS
    });
    announcer.start(at(0), AnnounceReason::BecameActive);
    assert_eq!(announcer.take(at(30_000)), 5);
    assert_eq!(announcer.next_deadline(), Some(at(31_000)));
}

#[test]
fn reconfiguring_changes_the_refresh_and_keeps_a_burst_under_way() {
    let mut announcer = Announcer::new(AnnounceSettings {
        refresh: Duration::from_secs(60),
        ..SETTINGS
    });
    announcer.start(at(0), AnnounceReason::BecameActive);
    assert_eq!(announcer.take(at(0)), 5);
    announcer.reconfigure(
        at(1_000),
        AnnounceSettings {
            refresh: Duration::from_secs(2),
            ..SETTINGS
        },
    );
    assert_eq!(run(&mut announcer, at(6_000)), [(3_000, 1), (5_000, 5)]);
}
