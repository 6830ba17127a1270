use super::*;
use vrrp_record::cause::Cause;
use vrrp_record::words::Word;

const SECOND: i64 = 1_000_000_000;

fn takeover(number: u32) -> Kind {
    Kind::Transition {
        router: Name::new("vi_1"),
        from: Word::Backup,
        to: Word::Master,
        releasing: false,
        cause: Cause::SilentActive {
            last: None,
            silence_ms: Some(3_610),
        },
        priority: 100,
        number,
    }
}

#[test]
fn a_happening_is_judged_at_once_and_again_until_its_window_is_over() {
    let mut book = Book::default();
    let begin = Time(1_000 * SECOND);
    book.open(takeover(17), begin, None, 1_000_000_000);
    assert!(book.is_due(begin));
    let history = History::default();
    let outcomes = book.judge(&history, begin);
    assert_eq!(outcomes.len(), 1);
    assert!(!outcomes[0].amends);
    assert_eq!(outcomes[0].verdict.incident.number, Some(17));
    assert!(!book.is_due(begin.plus(SECOND)));
    let mut judged = 0;
    for tenth in 1..=320 {
        let now = begin.plus(tenth * SECOND / 10);
        if book.is_due(now) {
            judged += 1;
            // It says the same, so nobody needs to hear it again.
            assert!(book.judge(&history, now).is_empty());
        }
    }
    assert_eq!(judged, 4);
    assert!(book.open.is_empty());
}

#[test]
fn events_without_a_number_are_not_explained_and_the_open_ones_are_bounded() {
    let mut book = Book::default();
    book.open(takeover(0), Time(0), None, 1);
    book.open(Kind::Stopped, Time(0), None, 1);
    assert!(book.open.is_empty());
    for number in 1..=1_000 {
        book.open(takeover(number), Time(0), None, 1);
    }
    assert_eq!(book.open.len(), OPEN);
    assert!(book.open.contains_key(&1_000));
}

#[test]
fn an_anomaly_that_goes_on_is_told_once_an_hour_and_one_that_comes_back_again() {
    let mut book = Book::default();
    let router = Some(Name::new("vi_1"));
    let told = (0..7_200)
        .filter(|second| book.is_new(router, Anomaly::Rejected, Time(second * SECOND)))
        .count();
    assert_eq!(told, 2);
    assert!(book.is_new(router, Anomaly::SentLate, Time(SECOND)));
    assert!(book.is_new(None, Anomaly::Rejected, Time(SECOND)));
    assert!(book.is_new(router, Anomaly::Rejected, Time(7_300 * SECOND)));
}
