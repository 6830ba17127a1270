use super::*;
use crate::history::{Minute, Received, Sent, Sequence};

const SECOND: i64 = 1_000_000_000;
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

fn sent(at: i64, late: i64) -> Sent {
    Sent {
        router: 0,
        id: 1,
        priority: 100,
        copies: 1,
        copies_accepted: 1,
        due: Time(at),
        woke: Some(Time(at + late)),
        submitted: Some(Time(at + late)),
        accepted: Some(Time(at + late + 10)),
        queued: Some(Time(at + late + 10)),
        left: Some(Time(at + late + 20)),
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: true,
    }
}

fn heard(at: i64, priority: u8) -> Received {
    Received {
        router: 0,
        from: PEER,
        id: Some(1),
        priority,
        interval: 1_000_000_000,
        arrived: Some(Time(at)),
        read: Time(at + 5),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

fn minute(number: i64, values: &[u64]) -> Minute {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.record(*value);
    }
    Minute {
        at: Time(number * MINUTE),
        router: 0,
        stage: Stage::Wake,
        histogram,
    }
}

#[test]
fn an_advert_that_a_minute_counts_is_not_counted_again() {
    let history = History {
        sent: vec![sent(30 * SECOND, 7_000_000), sent(90 * SECOND, 3_000)],
        minutes: vec![minute(0, &[1_000, 2_000, 7_000_000])],
        detailed: vec![
            (Time(25 * SECOND), Time(35 * SECOND)),
            (Time(80 * SECOND), Time(95 * SECOND)),
        ],
        ..History::default()
    };
    let all = (Time(0), Time(120 * SECOND));
    let only_detail = (Time(80 * SECOND), Time(95 * SECOND));
    let measured = measure(&history, 0, Stage::Wake, &[all, only_detail]);
    assert_eq!(measured[0].histogram.count(), 4);
    let worst = measured[0].worst.unwrap();
    assert_eq!(worst.value, 7_000_000);
    assert_eq!(
        (worst.at, worst.exact),
        (Time(30 * SECOND), true),
        "the full record tells when"
    );
    assert_eq!(measured[1].histogram.count(), 1);
    assert!(measure(&history, 1, Stage::Wake, &[all])[0].worst.is_none());
}

#[test]
fn a_worst_without_a_record_is_told_by_its_minute() {
    let history = History {
        minutes: vec![minute(5, &[1_000]), minute(6, &[9_000_000])],
        detailed: vec![(Time(0), Time(1))],
        ..History::default()
    };
    let all = (Time(0), Time(1_000 * SECOND));
    let worst = measure(&history, 0, Stage::Wake, &[all])[0].worst.unwrap();
    assert_eq!((worst.at, worst.exact), (Time(6 * MINUTE), false));
}

#[test]
fn a_takeover_ends_the_silence_that_caused_it_and_a_goodbye_is_no_silence() {
    let second = |at: i64| at * SECOND;
    let history = History {
        received: vec![
            heard(second(1), 100),
            heard(second(2), 100),
            // We took over at 5.6, and heard it again at 6 and 7.
            heard(second(6), 100),
            heard(second(7), 0),
            heard(second(50), 100),
        ],
        sent: vec![sent(second(5) + 600_000_000, 0)],
        ..History::default()
    };
    let gaps: Vec<(i64, u64, Option<usize>)> = gaps(&history, 0)
        .iter()
        .map(|gap| (gap.value.at.0, gap.value.nanos, gap.ended_by))
        .collect();
    assert_eq!(
        gaps,
        [
            (second(1), 1_000_000_000, Some(1)),
            (second(2), 3_600_000_000, None),
            (second(6), 1_000_000_000, Some(3)),
        ]
    );
}

#[test]
fn a_takeover_that_nothing_follows_ends_a_silence_too() {
    let history = History {
        received: vec![heard(SECOND, 100)],
        sent: vec![sent(5 * SECOND, 0)],
        ..History::default()
    };
    assert_eq!(gaps(&history, 0)[0].value.nanos, 4_000_000_000);
}

#[test]
fn a_hole_in_the_records_is_no_gap() {
    let history = History {
        received: vec![heard(SECOND, 100), heard(100 * SECOND, 100)],
        detailed: vec![
            (Time(0), Time(2 * SECOND)),
            (Time(99 * SECOND), Time(101 * SECOND)),
        ],
        ..History::default()
    };
    assert!(gaps(&history, 0).is_empty());
}

#[test]
fn stamps_around_a_step_of_the_clock_do_not_count() {
    let history = History {
        sent: vec![Sent {
            ambiguous: true,
            ..sent(0, 1_000)
        }],
        ..History::default()
    };
    assert!(values(&history, 0, Stage::Departure).is_empty());
    assert_eq!(values(&history, 0, Stage::Wake).len(), 1);
}

#[test]
fn the_silence_of_one_who_was_replaced_ends_with_its_successor() {
    let other = |at: i64| Received {
        from: IpAddr::from([10, 0, 0, 9]),
        ..heard(at, 90)
    };
    let history = History {
        received: vec![
            heard(SECOND, 100),
            other(SECOND + SECOND / 2),
            heard(2 * SECOND, 100),
            other(5 * SECOND),
            other(6 * SECOND),
            heard(60 * SECOND, 100),
        ],
        ..History::default()
    };
    let mut told: Vec<(IpAddr, i64)> = gaps(&history, 0)
        .iter()
        .map(|gap| {
            (
                gap.from,
                i64::try_from(gap.value.nanos).unwrap() / (SECOND / 2),
            )
        })
        .collect();
    told.sort_unstable();
    let second = IpAddr::from([10, 0, 0, 9]);
    assert_eq!(
        told,
        [
            (PEER, 2),
            (PEER, 6),
            (second, 2),
            (second, 7),
            (second, 108)
        ]
    );
}

#[test]
fn a_capture_does_not_tell_when_adverts_were_read() {
    let mut history = History {
        received: vec![heard(SECOND, 100)],
        ..History::default()
    };
    assert_eq!(values(&history, 0, Stage::Read).len(), 1);
    history.node.source = Source::Capture;
    assert!(values(&history, 0, Stage::Read).is_empty());
}
