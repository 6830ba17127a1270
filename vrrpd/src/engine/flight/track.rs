//! What the recorder remembers of one router between its adverts: its position in the records, its present minute, whom it
//! heard last, and the flood of refused packets that it folds.

use std::net::IpAddr;

use vrrp_record::history::{Rejected, Router, Time};
use vrrp_record::ring::Slot;

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
    /// In records and in the ring's header; none until the engine has it.
    pub(super) position: Option<u16>,
    pub(super) description: Router,
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
    slot: Option<Slot>,
    written: Time,
}

/// What to do with a refused packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fold {
    /// A record of its own.
    New,
    /// It joined this one, which is due to be written again.
    Again(Rejected, Slot),
    /// It joined one that was written a moment ago.
    Counted,
    /// Nothing: too many different ones came.
    TooMany,
}

impl Track {
    pub(crate) fn new(description: Router) -> Self {
        Self {
            position: None,
            description,
            tally: Tally::new(),
            skipped: 0,
            heard: None,
            refused: None,
            second: Time(0),
            in_second: 0,
        }
    }

    /// The same router under a new configuration: what was measured goes on, what is configured is new.
    pub(crate) fn continue_as(&mut self, description: Router) -> Router {
        std::mem::replace(&mut self.description, description)
    }

    pub(super) fn fold(&mut self, next: &Rejected) -> Fold {
        if let Some(folded) = &mut self.refused
            && (folded.first.from, folded.first.reason) == (next.from, next.reason)
            && next.at.since(folded.first.at) < FOLD
        {
            folded.first.more = folded.first.more.saturating_add(1);
            return match folded.slot {
                Some(slot) if next.at.since(folded.written) >= AGAIN => {
                    folded.written = next.at;
                    Fold::Again(folded.first, slot)
                }
                _ => Fold::Counted,
            };
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

    pub(super) fn folded(&mut self, first: Rejected, slot: Slot) {
        self.refused = Some(Folded {
            first,
            slot: Some(slot),
            written: first.at,
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
    use super::super::described;
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
        let mut track = Track::new(described(1_000_000_000));
        assert!(matches!(track.fold(&refused(1, 0)), Fold::New));
        track.folded(refused(1, 0), Slot::default());
        for n in 1..100 {
            assert!(matches!(track.fold(&refused(1, n)), Fold::Counted));
        }
        let Fold::Again(folded, _) = track.fold(&refused(1, AGAIN)) else {
            panic!("it is written again after a while");
        };
        assert_eq!(folded.more, 100);
        let new = (2..200_u8).filter(|from| matches!(track.fold(&refused(*from, AGAIN)), Fold::New));
        assert_eq!(new.count(), usize::from(A_SECOND) - 1);
        assert!(matches!(track.fold(&refused(9, 2 * SECOND)), Fold::New));
    }
}
