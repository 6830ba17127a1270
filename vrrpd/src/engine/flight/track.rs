//! What the recorder remembers of one router between its adverts: its position in the records, its present minute, whom it
//! heard last, and the flood of refused packets that it folds.

use std::net::IpAddr;

use vrrp_record::history::{Rejected, Time};

use super::tally::Tally;

/// Refused packets of one sender and reason share a record for this long.
const FOLD: i64 = 10_000_000_000;
/// A folded record is written again at most this often.
const AGAIN: i64 = 100_000_000;
/// New records of refused packets in a second; whoever makes up senders gets no more.
const A_SECOND: u8 = 10;
const SECOND: i64 = 1_000_000_000;

/// One router's memory. It stays with the router over reloads.
#[derive(Debug)]
pub(crate) struct Track {
    /// In records and in the ring's header; the same over reloads.
    pub(super) position: u16,
    /// Configured interval in nanoseconds.
    pub(super) interval: u64,
    /// Digest of its plan: a later run resumes only what is configured alike.
    pub(crate) plan: u64,
    pub(super) tally: Tally,
    /// Due times that had passed in silence at the advert before.
    pub(super) skipped: u64,
    /// The sender heard last, and when.
    pub(super) heard: Option<(IpAddr, Time)>,
    refused: Option<Folded>,
    second: Time,
    in_second: u8,
}

#[derive(Clone, Copy, Debug)]
struct Folded {
    first: Rejected,
    slot: u64,
    written: Time,
    /// `more` as it was written.
    told: u32,
}

/// What to do with a refused packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fold {
    /// A record of its own.
    New,
    /// It joined this one, which is due to be written again.
    Again(Rejected, u64),
    /// It joined one that was written a moment ago.
    Counted,
    /// Nothing: too many different ones came.
    TooMany,
}

impl Track {
    pub(crate) fn new(position: u16, interval: u64, plan: u64) -> Self {
        Self {
            position,
            interval,
            plan,
            tally: Tally::new(),
            skipped: 0,
            heard: None,
            refused: None,
            second: Time(0),
            in_second: 0,
        }
    }

    /// Takes over what was measured of the same router under an earlier configuration.
    pub(crate) fn inherit(&mut self, old: &mut Self) {
        let (interval, plan, position) = (self.interval, self.plan, self.position);
        std::mem::swap(self, old);
        self.interval = interval;
        self.plan = plan;
        self.position = position;
    }

    /// Its position in records.
    pub(in crate::engine) const fn position(&self) -> u16 {
        self.position
    }

    /// Whether the packet gets a record of its own.
    pub(super) fn fold(&mut self, next: &Rejected) -> Fold {
        if let Some(folded) = &mut self.refused
            && (folded.first.from, folded.first.reason) == (next.from, next.reason)
            && next.at.since(folded.first.at) < FOLD
        {
            folded.first.more = folded.first.more.saturating_add(1);
            if next.at.since(folded.written) < AGAIN {
                return Fold::Counted;
            }
            folded.written = next.at;
            folded.told = folded.first.more;
            return Fold::Again(folded.first, folded.slot);
        }
        if next.at.since(self.second) >= SECOND {
            self.second = next.at;
            self.in_second = 0;
        }
        if self.in_second >= A_SECOND {
            return Fold::TooMany;
        }
        self.in_second += 1;
        Fold::New
    }

    /// The record of a flood that has grown since it was written, once the flood pauses: its last packets count, too.
    pub(super) fn unwritten(&mut self, now: Time) -> Option<(Rejected, u64)> {
        let folded = self.refused.as_mut()?;
        if folded.first.more == folded.told || now.since(folded.written) < AGAIN {
            return None;
        }
        folded.written = now;
        folded.told = folded.first.more;
        Some((folded.first, folded.slot))
    }

    /// The record of the packets that may follow.
    pub(super) fn folded(&mut self, first: Rejected, slot: u64) {
        self.refused = Some(Folded {
            first,
            slot,
            written: first.at,
            told: first.more,
        });
    }

    /// Where its memory is, for locking it.
    pub(crate) fn memory(&self) -> [(usize, usize); 2] {
        [
            (std::ptr::from_ref(self).addr(), size_of::<Self>()),
            self.tally.memory(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: u8, at: i64) -> Rejected {
        Rejected {
            router: 0,
            from: IpAddr::from([10, 0, 0, from]),
            reason: 6,
            priority: Some(100),
            value: 64,
            expected: 255,
            at: Time(at),
            more: 0,
        }
    }

    #[test]
    fn a_flood_of_one_sender_is_one_record_and_one_of_many_senders_is_bounded() {
        let mut track = Track::new(0, 1_000_000_000, 0);
        assert!(matches!(track.fold(&refused(1, 0)), Fold::New));
        track.folded(refused(1, 0), 1);
        for n in 1..100 {
            assert!(matches!(track.fold(&refused(1, n)), Fold::Counted));
        }
        let Fold::Again(folded, _) = track.fold(&refused(1, AGAIN)) else {
            panic!("it is written again after a while");
        };
        assert_eq!(folded.more, 100);
        assert!(track.unwritten(Time(2 * AGAIN)).is_none(), "all is written");
        assert!(matches!(track.fold(&refused(1, AGAIN + 1)), Fold::Counted));
        assert!(track.unwritten(Time(AGAIN + 2)).is_none(), "a moment ago");
        let last = track
            .unwritten(Time(2 * AGAIN))
            .map(|(folded, _)| folded.more);
        assert_eq!(last, Some(101));
        assert!(track.unwritten(Time(4 * AGAIN)).is_none(), "once");
        let new =
            (2..200_u8).filter(|from| matches!(track.fold(&refused(*from, AGAIN)), Fold::New));
        assert_eq!(new.count(), usize::from(A_SECOND) - 1);
        assert!(matches!(track.fold(&refused(9, 2 * SECOND)), Fold::New));
    }
}
