use super::*;
use crate::journal::fixture;

const MS: i64 = 1_000_000;

fn situation(active: bool) -> Situation {
    Situation {
        active,
        backup: !active,
        since: Time(0),
        interval: 1_000_000_000,
        limit: 3_610_000_000,
        peers_limit: 3_610_000_000,
        least_priority: 100,
    }
}

/// An advert that was due at a time in milliseconds and went its way at once.
fn sent(due: i64) -> Sent {
    fixture::sent(Time(due * MS))
}

fn heard(at: i64) -> Received {
    Received {
        router: 0,
        from: "10.0.0.2".parse().unwrap(),
        id: None,
        priority: 100,
        interval: 1_000_000_000,
        arrived: Some(Time(at * MS)),
        read: Time(at * MS + 40_000),
        sequence: Sequence::Untrusted,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

fn kinds(found: &[Found]) -> Vec<Anomaly> {
    found
        .iter()
        .filter_map(|found| match found {
            Found::Anomaly { what, .. } => Some(*what),
            Found::NearFailover(_) => None,
        })
        .collect()
}

fn both(measures: &mut Measures, sent: &Sent) -> Vec<Found> {
    let at = situation(true);
    let mut found = measures.due(sent, &at);
    found.extend(measures.settled(sent, &at));
    found
}

#[test]
fn a_quiet_hour_finds_nothing_and_shows_a_full_margin() {
    let mut measures = Measures::default();
    let (active, backup) = (situation(true), situation(false));
    for second in 1..=3_600 {
        assert_eq!(both(&mut measures, &sent(second * 1_000)), []);
    }
    let shown = measures.shown("vi_1", Time(3_600_500 * MS), &active);
    assert_eq!(shown.margins, [Some(2_610_000_000); 3]);
    assert_eq!(shown.totals.confirmed, 3_600);
    assert_eq!(shown.lateness.largest(), 50_000);
    let mut measures = Measures::default();
    for second in 1..=3_600 {
        assert_eq!(measures.heard(&heard(second * 1_000), &backup), []);
    }
    let shown = measures.shown("vi_1", Time(3_600_500 * MS), &backup);
    assert_eq!(shown.margins, [Some(2_610_000_000); 3]);
    assert_eq!(shown.totals.read_delay.total(), 3_600);
}

#[test]
fn a_long_gap_that_ends_in_time_is_a_near_failover_and_leaves_the_windows_one_by_one() {
    let mut measures = Measures::default();
    let at = situation(false);
    for second in 1..=10 {
        measures.heard(&heard(second * 1_000), &at);
    }
    // Not yet over, it shows already.
    let open = measures.shown("vi_1", Time(12_410 * MS), &at);
    assert_eq!(open.margins[0], Some(1_200_000_000));
    let found = measures.heard(&heard(12_410), &at);
    let near = Near {
        from: Some("10.0.0.2".parse().unwrap()),
        at: Time(12_410 * MS),
        gap: 2_410_000_000,
        limit: 3_610_000_000,
    };
    assert_eq!(found, [Found::NearFailover(near)]);
    for second in 13..=200 {
        measures.heard(&heard(second * 1_000), &at);
    }
    let shown = measures.shown("vi_1", Time(200_100 * MS), &at);
    let (quiet, worst) = (Some(2_610_000_000), Some(1_200_000_000));
    assert_eq!(shown.margins, [quiet, worst, worst]);
    assert_eq!(
        (shown.totals.near_failovers, shown.totals.last_near),
        (1, Some(near))
    );
}

#[test]
fn a_gap_that_a_transition_ended_is_no_near_failover() {
    let mut measures = Measures::default();
    let mut at = situation(false);
    measures.heard(&heard(1_000), &at);
    at.since = Time(4_700 * MS);
    assert_eq!(measures.heard(&heard(4_800), &at), []);
}

#[test]
fn a_goodbye_and_adverts_that_lose_hold_nothing_off() {
    let mut measures = Measures::default();
    let at = situation(false);
    measures.heard(&heard(1_000), &at);
    measures.heard(
        &Received {
            priority: 0,
            ..heard(1_500)
        },
        &at,
    );
    assert_eq!(measures.heard(&heard(4_000), &at), []);
    // Only the adverts that count make a gap.
    measures.heard(
        &Received {
            priority: 99,
            ..heard(5_000)
        },
        &at,
    );
    assert!(matches!(
        measures.heard(&heard(6_000), &at)[..],
        [Found::NearFailover(Near {
            gap: 2_000_000_000,
            ..
        })]
    ));
}

#[test]
fn what_befell_an_advert_is_named_by_stage() {
    let mut measures = Measures::default();
    both(&mut measures, &sent(1_000));
    let fine = sent(2_000);
    let late = |nanos: i64| Some(fine.due.plus(nanos));
    for (advert, what) in [
        (
            Sent {
                woke: late(150 * MS),
                accepted: late(151 * MS),
                left: late(152 * MS),
                queued: late(152 * MS),
                ..fine
            },
            Anomaly::SentLate,
        ),
        (
            Sent {
                accepted: late(150 * MS),
                queued: late(150 * MS),
                left: late(151 * MS),
                ..fine
            },
            Anomaly::SentLate,
        ),
        (
            Sent {
                submitted: None,
                accepted: None,
                queued: None,
                left: None,
                ..fine
            },
            Anomaly::NotSent,
        ),
        (
            Sent {
                copies_accepted: 0,
                accepted: None,
                queued: None,
                left: None,
                errno: Some(1),
                ..fine
            },
            Anomaly::NotSent,
        ),
        (
            Sent {
                left: late(400 * MS),
                ..fine
            },
            Anomaly::Queued,
        ),
        (
            Sent {
                queued: None,
                left: None,
                ..fine
            },
            Anomaly::NotLeft,
        ),
        (
            Sent {
                held_bytes: 832,
                ..fine
            },
            Anomaly::Held,
        ),
    ] {
        assert_eq!(kinds(&both(&mut measures, &advert)), [what], "{advert:?}");
    }
    assert_eq!(measures.totals.refused[&1], 1);
    assert_eq!(measures.totals.dropped, 1);
}

#[test]
fn a_driver_without_stamps_drops_nothing() {
    let mut measures = Measures::default();
    for second in 1..=10 {
        let advert = Sent {
            queued: None,
            left: None,
            ..sent(second * 1_000)
        };
        assert_eq!(both(&mut measures, &advert), []);
    }
    assert_eq!(measures.totals.dropped, 0);
}

#[test]
fn what_befell_what_was_heard_is_named() {
    let mut measures = Measures::default();
    let at = situation(false);
    measures.heard(&heard(1_000), &at);
    let late = Received {
        read: Time(2_400 * MS),
        ..heard(2_000)
    };
    assert_eq!(kinds(&measures.heard(&late, &at)), [Anomaly::ReadLate]);
    let missing = Received {
        sequence: Sequence::Missing(2),
        ..heard(3_000)
    };
    assert_eq!(kinds(&measures.heard(&missing, &at)), [Anomaly::Missing]);
    let dropped = Received {
        dropped: 1,
        ..heard(4_000)
    };
    assert_eq!(kinds(&measures.heard(&dropped, &at)), [Anomaly::Overflowed]);
    assert_eq!(measures.totals.lost, 2);
}

#[test]
fn adverts_that_come_at_once_after_a_gap_were_held() {
    let mut measures = Measures::default();
    let at = situation(false);
    measures.heard(&heard(1_000), &at);
    let mut found = Vec::new();
    for millis in [4_100, 4_101, 4_102, 4_103, 5_100, 6_100] {
        found.extend(measures.heard(&heard(millis), &at));
    }
    assert_eq!(kinds(&found), [Anomaly::Burst]);
    assert_eq!(measures.totals.held, 4);
}

#[test]
fn another_active_is_measured_as_long_as_it_is_heard() {
    let mut measures = Measures::default();
    let at = situation(true);
    for millis in [1_000, 2_000, 3_000, 20_000, 21_000] {
        measures.heard(&heard(millis), &at);
    }
    assert_eq!(measures.totals.double, 3_000_000_000);
    for number in 0..100u32 {
        let from = IpAddr::from(number.to_be_bytes());
        measures.heard(
            &Received {
                from,
                ..heard(22_000)
            },
            &at,
        );
    }
    assert_eq!(measures.totals.peers.len(), PEERS);
}
