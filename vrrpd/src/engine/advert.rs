//! The stages of a router's last advert, and the counters of how far its adverts came.

use std::time::Duration;

use vrrp_proto::time::Instant;
use vrrp_proto::units::WirePriority;

use crate::core::{AdvertCounts, AdvertSnapshot};
use crate::net::StampPoint;

/// The stages of the last advert of one router, and its counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AdvertRecord {
    pub(crate) counts: AdvertCounts,
    pub(crate) last: Option<AdvertSnapshot>,
    pub(crate) worst_lateness: Duration,
    /// Number of the last advert, so that a stamp that comes late finds out whether it is still about this one.
    number: u64,
    /// Copies that the kernel took, and copies that have left.
    copies: u32,
    copies_left: u32,
}

impl AdvertRecord {
    /// An advert is due. Its lateness counts, whatever becomes of it.
    pub(crate) fn due(&mut self, due: Instant, woke: Instant) {
        self.counts.due += 1;
        self.worst_lateness = self.worst_lateness.max(woke.saturating_since(due));
    }

    /// It has no source address or no socket to leave from.
    pub(crate) const fn unsendable(&mut self) {
        self.counts.unsendable += 1;
    }

    /// It is encoded; its copies are handed to the kernel next. `number` tells it from the adverts before.
    pub(crate) fn built(
        &mut self,
        number: u64,
        sequence: u16,
        priority: WirePriority,
        (due, woke, now): (Instant, Instant, Instant),
    ) {
        self.counts.built += 1;
        self.number = number;
        self.copies = 0;
        self.copies_left = 0;
        self.last = Some(AdvertSnapshot {
            sequence,
            priority,
            due,
            woke,
            submitted: now,
            accepted: now,
            queued: None,
            left: None,
            ambiguous: false,
            errno: None,
        });
    }

    /// The kernel took a copy.
    pub(crate) const fn copy_accepted(&mut self) {
        self.copies += 1;
    }

    /// The kernel refused a copy.
    pub(crate) const fn copy_refused(&mut self, errno: i32) {
        if let Some(last) = &mut self.last {
            last.errno = Some(errno);
        }
    }

    /// Every copy was handed to the kernel, or refused by it.
    pub(crate) const fn submitted(&mut self, now: Instant) {
        let Some(last) = &mut self.last else { return };
        last.accepted = now;
        if self.copies == 0 {
            self.counts.refused += 1;
            return;
        }
        self.counts.accepted += 1;
        if last.priority.is_release() {
            self.counts.released += 1;
        }
    }

    /// A stamp of a copy of advert `number`. Of several copies or devices, the first entering and the last leaving count.
    pub(crate) fn stamped(&mut self, number: u64, point: StampPoint, at: Instant, ambiguous: bool) {
        if number != self.number {
            // A later advert took the record; that this one left is still true.
            if point == StampPoint::Left {
                self.counts.left += 1;
            }
            return;
        }
        let Some(last) = &mut self.last else { return };
        last.ambiguous |= ambiguous;
        match point {
            StampPoint::Queued => {
                last.queued.get_or_insert(at);
            }
            StampPoint::Left => {
                last.left = Some(last.left.map_or(at, |before| before.max(at)));
                self.copies_left += 1;
                if self.copies_left == 1 {
                    self.counts.left += 1;
                }
            }
        }
    }

    /// A copy's stamp did not come while it was waited for.
    pub(crate) const fn unstamped(&mut self) {
        self.counts.unstamped += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn sent(record: &mut AdvertRecord, copies: u32) -> u64 {
        record.due(at(100), at(110));
        let number = record.counts.built + 1;
        let times = (at(100), at(110), at(120));
        record.built(number, 1, WirePriority::from_wire(100), times);
        for _ in 0..copies {
            record.copy_accepted();
        }
        record.submitted(at(130));
        number
    }

    #[test]
    fn an_advert_passes_every_stage() {
        let mut record = AdvertRecord::default();
        let number = sent(&mut record, 1);
        record.stamped(number, StampPoint::Queued, at(122), false);
        record.stamped(number, StampPoint::Queued, at(123), false);
        record.stamped(number, StampPoint::Left, at(125), false);
        let last = record.last.unwrap();
        assert_eq!(
            (last.due, last.woke, last.submitted, last.accepted),
            (at(100), at(110), at(120), at(130))
        );
        assert_eq!((last.queued, last.left), (Some(at(122)), Some(at(125))));
        let counts = record.counts;
        assert_eq!(
            (counts.due, counts.built, counts.accepted, counts.left),
            (1, 1, 1, 1)
        );
        assert_eq!(record.worst_lateness, Duration::from_nanos(10));
    }

    #[test]
    fn copies_to_peers_are_one_advert_that_left_with_the_last() {
        let mut record = AdvertRecord::default();
        let number = sent(&mut record, 2);
        record.stamped(number, StampPoint::Left, at(140), false);
        record.stamped(number, StampPoint::Left, at(150), false);
        assert_eq!(record.counts.left, 1);
        assert_eq!(record.last.unwrap().left, Some(at(150)));
    }

    #[test]
    fn an_advert_that_nobody_took_is_refused_with_its_reason() {
        let mut record = AdvertRecord::default();
        record.due(at(1), at(1));
        record.built(1, 1, WirePriority::RELEASE, (at(1), at(1), at(2)));
        record.copy_refused(101);
        record.submitted(at(3));
        assert_eq!(
            (
                record.counts.accepted,
                record.counts.refused,
                record.counts.released
            ),
            (0, 1, 0)
        );
        assert_eq!(record.last.unwrap().errno, Some(101));
    }

    #[test]
    fn a_stamp_of_an_earlier_advert_counts_and_does_not_touch_the_record_of_the_last() {
        let mut record = AdvertRecord::default();
        let first = sent(&mut record, 1);
        let second = sent(&mut record, 1);
        record.stamped(first, StampPoint::Left, at(900), false);
        assert_eq!(record.last.unwrap().left, None);
        record.stamped(second, StampPoint::Left, at(901), true);
        assert_eq!(record.counts.left, 2);
        assert!(record.last.unwrap().ambiguous);
    }
}
