//! Which adverts are ordinary and may be folded, and which are kept whole.
//!
//! The limit is a twentieth of the interval, between 2 and 50 ms. A healthy machine stays a tenth of that below it (see
//! docs/engine.md), and no peer can notice less: its patience is three intervals and more. A gap is measured against the
//! interval with a quarter of tolerance, because a Backup sees the sender's lateness and its own at once.

use std::time::Duration;

use vrrp_record::history::{Received, Sent, Sequence};

const LEAST: u64 = 2_000_000;
const MOST: u64 = 50_000_000;

/// What is out of the ordinary for an interval in nanoseconds.
pub(super) fn limit(interval: u64) -> i64 {
    i64::try_from((interval / 20).clamp(LEAST, MOST)).unwrap_or(i64::MAX)
}

/// Whether a sent advert is kept whole: a farewell, late at any stage, refused in part, or held below the socket.
pub(super) fn is_odd_sent(sent: &Sent, interval: u64) -> bool {
    let limit = limit(interval);
    let after = |time: Option<_>, before| {
        time.is_some_and(|time: vrrp_record::history::Time| time.since(before) >= limit)
    };
    sent.priority == 0
        || sent.skipped > 0
        || sent.errno.is_some()
        || sent.submitted.is_none()
        || sent.copies_accepted < sent.copies
        || sent.held_bytes > 0
        || after(sent.woke, sent.due)
        || after(sent.accepted, sent.due)
        || after(sent.left, sent.due)
        || sent.left.is_some_and(|left| after(sent.taken, left))
        || (sent.settled && sent.left.is_none())
}

/// Whether a received advert is kept whole: a farewell, a number that is not the next, a gap or a burst, read late, or
/// the first after packets were dropped. `gap` is the time since the one before from the same sender.
pub(super) fn is_odd_received(received: &Received, gap: Option<Duration>) -> bool {
    let limit = limit(received.interval);
    let allowed = received.interval + received.interval / 4;
    let gap = gap.map(|gap| u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX));
    received.priority == 0
        || received.dropped > 0
        || !matches!(received.sequence, Sequence::Untrusted | Sequence::Next)
        || gap.is_some_and(|gap| gap > allowed.max(received.interval.saturating_add(LEAST)))
        || gap.is_some_and(|gap| gap < received.interval / 2)
        || received
            .arrived
            .is_some_and(|arrived| received.read.since(arrived) >= limit)
}

#[cfg(test)]
mod tests {
    use vrrp_record::history::Time;

    use super::*;

    const MILLI: i64 = 1_000_000;

    fn sent() -> Sent {
        Sent {
            router: 0,
            id: 1,
            priority: 100,
            copies: 1,
            copies_accepted: 1,
            due: Time(0),
            woke: Some(Time(50_000)),
            submitted: Some(Time(60_000)),
            accepted: Some(Time(90_000)),
            queued: Some(Time(70_000)),
            left: Some(Time(75_000)),
            taken: None,
            held_bytes: 0,
            errno: None,
            skipped: 0,
            ambiguous: false,
            settled: true,
        }
    }

    #[test]
    fn an_advert_on_time_is_ordinary_and_each_trouble_of_its_way_is_not() {
        let interval = 100_000_000;
        assert!(!is_odd_sent(&sent(), interval));
        let late = Some(Time(5 * MILLI));
        for odd in [
            Sent {
                woke: late,
                ..sent()
            },
            Sent {
                left: late,
                ..sent()
            },
            Sent {
                accepted: late,
                ..sent()
            },
            Sent {
                taken: Some(Time(6 * MILLI)),
                ..sent()
            },
            Sent {
                left: None,
                ..sent()
            },
            Sent {
                priority: 0,
                ..sent()
            },
            Sent {
                skipped: 1,
                ..sent()
            },
            Sent {
                held_bytes: 832,
                ..sent()
            },
            Sent {
                copies: 2,
                ..sent()
            },
            Sent {
                errno: Some(1),
                ..sent()
            },
            Sent {
                submitted: None,
                ..sent()
            },
        ] {
            assert!(is_odd_sent(&odd, interval), "{odd:?}");
        }
        let waits = Sent {
            left: None,
            settled: false,
            ..sent()
        };
        assert!(!is_odd_sent(&waits, interval), "its stamp may still come");
        assert!(!is_odd_sent(
            &Sent {
                woke: late,
                ..sent()
            },
            1_000_000_000
        ));
    }

    #[test]
    fn gaps_bursts_and_numbers_out_of_order_are_kept() {
        let heard = |sequence| Received {
            router: 0,
            from: "10.0.0.1".parse().unwrap(),
            id: Some(7),
            priority: 100,
            interval: 1_000_000_000,
            arrived: Some(Time(0)),
            read: Time(60_000),
            sequence,
            mac: None,
            dropped: 0,
            foreign: None,
        };
        let gap = |millis| Some(Duration::from_millis(millis));
        let next = heard(Sequence::Next);
        assert!(!is_odd_received(&next, gap(1000)) && !is_odd_received(&next, None));
        assert!(!is_odd_received(&next, gap(1200)));
        assert!(is_odd_received(&next, gap(1300)));
        assert!(is_odd_received(&next, gap(1)));
        assert!(is_odd_received(&heard(Sequence::Missing(1)), gap(1000)));
        let read_late = Received {
            read: Time(50 * MILLI),
            ..next
        };
        assert!(is_odd_received(&read_late, gap(1000)));
        assert!(is_odd_received(&Received { dropped: 1, ..next }, gap(1000)));
    }
}
