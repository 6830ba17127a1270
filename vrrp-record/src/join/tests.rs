use super::*;
use crate::history::{Node, Router, Run, Sequence};

const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;

fn node(address: [u8; 4], starts: &[i64]) -> History {
    let source = IpAddr::from(address);
    History {
        node: Node {
            addresses: vec![source],
            ..Node::default()
        },
        runs: starts
            .iter()
            .map(|at| Run {
                boot_id: String::from("boot"),
                pid: 1,
                version: String::from("0.1.0"),
                started: Time(*at),
                ended: None,
                clean: false,
            })
            .collect(),
        routers: vec![Router {
            name: String::from("vi_1"),
            interface: String::from("eth0"),
            vrid: 51,
            ipv6: false,
            version: 3,
            source: Some(source),
            interval: 1_000_000_000,
            priority: 100,
            preempt: true,
            down_adverts: 3,
            addresses: Vec::new(),
        }],
        ..History::default()
    }
}

fn sent(id: u16, left: i64) -> Sent {
    Sent {
        router: 0,
        id,
        priority: 100,
        copies: 1,
        copies_accepted: 1,
        due: Time(left),
        woke: Some(Time(left)),
        submitted: Some(Time(left)),
        accepted: Some(Time(left)),
        queued: Some(Time(left)),
        left: Some(Time(left)),
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped: 0,
        ambiguous: false,
        settled: true,
    }
}

fn heard(from: [u8; 4], id: u16, at: i64) -> Received {
    Received {
        router: 0,
        from: IpAddr::from(from),
        id: Some(id),
        priority: 100,
        interval: 1_000_000_000,
        arrived: Some(Time(at)),
        read: Time(at + 20_000),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}

const A: [u8; 4] = [10, 0, 0, 2];
const B: [u8; 4] = [10, 0, 0, 3];

/// A sends every second from 0 to `until`; B hears each after `way`, by a clock that is `offset` ahead.
fn one_way(until: i64, offset: i64, way: i64) -> (History, History) {
    let (mut a, mut b) = (node(A, &[0]), node(B, &[0]));
    for second in 0..until {
        let id = u16::try_from(second % 65_535 + 1).unwrap();
        a.sent.push(sent(id, second * SECOND));
        b.received
            .push(heard(A, id, second * SECOND + offset + way));
    }
    (a, b)
}

#[test]
fn one_sided_adverts_bound_the_offset_from_above_only() {
    let (a, b) = one_way(100, 500 * MILLI, 200_000);
    let join = Join::of(&a, &b);
    assert_eq!(join.there().len(), 100);
    let offset = join.offset(Time(50 * SECOND));
    assert_eq!(offset.lower, None);
    assert_eq!(offset.upper, Some(500 * MILLI + 200_000));
    assert_eq!(offset.width(), None);
}

#[test]
fn adverts_of_both_give_an_interval_that_holds_the_truth() {
    let truth = -1_700 * MILLI;
    let (mut a, mut b) = one_way(100, truth, 300_000);
    for second in 100..130 {
        let id = u16::try_from(second).unwrap();
        let left = second * SECOND;
        b.sent.push(sent(id, left + truth));
        a.received.push(heard(B, id, left + 400_000));
    }
    let join = Join::of(&a, &b);
    assert_eq!((join.there().len(), join.back().len()), (100, 30));
    let offset = join.offset(Time(100 * SECOND));
    let (lower, upper) = (offset.lower.unwrap(), offset.upper.unwrap());
    assert!(lower <= truth && truth <= upper, "{offset:?}");
    assert!(offset.width().unwrap() <= 900_000, "{offset:?}");
    // An advert held for two seconds was under way for about that long.
    let held = Pair {
        sent: 0,
        received: 0,
        difference: truth + 2_000 * MILLI,
    };
    let (least, most) = join.way_there(&held, Time(100 * SECOND));
    assert!(least <= 2_000 * MILLI && 2_000 * MILLI <= most.unwrap());
    assert!(least >= 1_999 * MILLI, "{least}");
}

#[test]
fn what_was_seen_long_ago_bounds_less() {
    let (a, b) = one_way(10, 0, 100_000);
    let join = Join::of(&a, &b);
    let (now, later) = (Time(9 * SECOND), Time(3_609 * SECOND));
    assert_eq!(join.offset(now).upper, Some(100_000));
    let expected = 100_000 + 3_600 * SECOND / 1_000_000 * DRIFT_PPM;
    assert_eq!(join.offset(later).upper, Some(expected));
}

#[test]
fn an_advert_that_was_held_is_still_the_same_advert() {
    let (a, mut b) = one_way(60, 0, 100_000);
    for (position, heard) in b.received.iter_mut().enumerate().skip(50).take(4) {
        let at = Time(53 * SECOND + 600 * MILLI + i64::try_from(position).unwrap());
        heard.arrived = Some(at);
    }
    let join = Join::of(&a, &b);
    assert_eq!(join.there().len(), 60);
    let least = join.way_there(&join.there()[50], Time(53 * SECOND)).0;
    assert!((3_599 * MILLI..3_600 * MILLI).contains(&least), "{least}");
}

#[test]
fn numbers_that_come_again_after_a_wrap_or_restart_are_not_mixed_up() {
    // Two times around, with clocks four hours apart.
    let (a, b) = one_way(2 * 65_535, 4 * 3_600 * SECOND, 100_000);
    let join = Join::of(&a, &b);
    assert_eq!(join.there().len(), 2 * 65_535);
    assert!(join.there().iter().all(|pair| pair.sent == pair.received));

    // A restart after ten seconds: the same ten numbers again, by an axis that the second run set 2 s later.
    let (mut a, mut b) = (node(A, &[0, 20 * SECOND]), node(B, &[0]));
    for second in 0..10 {
        let id = u16::try_from(second).unwrap() + 1;
        a.sent.push(sent(id, second * SECOND));
        b.received.push(heard(A, id, second * SECOND + 100_000));
    }
    for second in 20..30 {
        let id = u16::try_from(second).unwrap() - 19;
        a.sent.push(sent(id, second * SECOND));
        b.received
            .push(heard(A, id, (second - 2) * SECOND + 100_000));
    }
    let join = Join::of(&a, &b);
    assert_eq!(join.there().len(), 20);
    assert!(join.there().iter().all(|pair| pair.sent == pair.received));
    let before = join.offset(Time(5 * SECOND)).upper.unwrap();
    let after = join.offset(Time(25 * SECOND)).upper.unwrap();
    assert_eq!((before, after), (100_000, 100_000 - 2 * SECOND));
}

#[test]
fn numbers_of_a_run_that_the_sender_lost_are_not_those_of_the_next() {
    // Killed after ten seconds with what it had sent, and MASTER again nine seconds later.
    let (mut a, mut b) = (node(A, &[0, 15 * SECOND]), node(B, &[0]));
    for second in (0..10).chain(19..80) {
        let id = if second < 10 { second } else { second - 19 };
        let id = u16::try_from(id).unwrap() + 1;
        if second >= 19 {
            a.sent.push(sent(id, second * SECOND));
        }
        b.received.push(heard(A, id, second * SECOND + 100_000));
    }
    let join = Join::of(&a, &b);
    assert_eq!(join.there().len(), 61);
    let arrived = |pair: &Pair| pair.received == pair.sent + 10;
    assert!(join.there().iter().all(arrived), "{:?}", join.there());
    assert_eq!(join.offset(Time(20 * SECOND)).upper, Some(100_000));
}

#[test]
fn adverts_of_somebody_else_or_without_a_number_are_not_joined() {
    let (a, mut b) = one_way(10, 0, 100_000);
    for heard in &mut b.received[..5] {
        heard.from = IpAddr::from([10, 0, 0, 99]);
    }
    b.received[5].id = None;
    assert_eq!(Join::of(&a, &b).there().len(), 4);
    b.routers[0].vrid = 52;
    assert!(Join::of(&a, &b).there().is_empty());
    assert_eq!(Join::of(&a, &b).offset(Time(0)), Offset::default());
}

#[test]
fn a_duplicate_is_joined_with_its_first_arrival() {
    let (a, mut b) = one_way(3, 0, 100_000);
    let again = Received {
        arrived: Some(Time(SECOND + 900_000)),
        ..b.received[1]
    };
    b.received.insert(2, again);
    let join = Join::of(&a, &b);
    let received: Vec<usize> = join.there().iter().map(|pair| pair.received).collect();
    assert_eq!(received, [0, 1, 3]);
}

#[test]
fn a_clock_that_was_slewed_in_between_contradicts_and_has_no_width() {
    let (mut a, mut b) = one_way(10, 0, 100_000);
    for second in 10..20 {
        let id = u16::try_from(second).unwrap();
        b.sent.push(sent(id, second * SECOND + 5 * MILLI));
        a.received.push(heard(B, id, second * SECOND + 100_000));
    }
    let offset = Join::of(&a, &b).offset(Time(10 * SECOND));
    assert!(offset.contradicts(), "{offset:?}");
    assert_eq!(offset.width(), None);
}

#[test]
fn times_of_the_second_node_are_told_by_the_clock_of_the_first() {
    let truth = 4 * 3_600 * SECOND;
    let (mut a, mut b) = one_way(100, truth, 200_000);
    b.sent.push(sent(7, 50 * SECOND + truth));
    a.received.push(heard(B, 7, 50 * SECOND + 200_000));
    let join = Join::of(&a, &b);
    assert_eq!(join.known_at(&a), Some(Time(50 * SECOND + 200_000)));
    let told = join.by_first(Time(50 * SECOND + truth)).unwrap();
    assert!(told.since(Time(50 * SECOND)).abs() <= 200_000, "{told:?}");
    assert_eq!(Join::of(&a, &History::default()).by_first(Time(0)), None);
}
