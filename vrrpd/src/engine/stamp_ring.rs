//! Which kernel stamp belongs to which advert: the packets of one transmit socket whose stamps are awaited.
//!
//! From Linux 6.13 the sender numbers its stamps. Before, the kernel counts, and not every failed send counts the same;
//! there the first stamp of a packet is matched by time, and teaches the kernel's number for the second.

use vrrp_proto::node::RouterIndex;
use vrrp_proto::time::Instant;

use super::clock::{ClockPair, Converted};
use crate::net::StampPoint;

/// Packets whose stamps are awaited; older ones are given up.
const LENGTH: usize = 256;

/// The packets of one transmit socket whose stamps are awaited.
#[derive(Debug)]
pub(crate) struct StampRing {
    entries: Box<[Entry]>,
    next: u32,
    /// Whether the kernel takes our numbers. Found out by the first packet.
    pub(crate) numbered: bool,
    /// Packets accepted whose driver stamp has not come.
    waiting: u32,
    /// Driver stamps seen on this socket: a driver that never stamps is not worth extra looks.
    seen: u64,
    given_up: u64,
}

/// A packet handed to the kernel.
#[derive(Clone, Copy, Debug)]
struct Entry {
    state: EntryState,
    /// The number in the kernel's reports; with a counting kernel unknown until the first.
    id: Option<u32>,
    router: RouterIndex,
    number: u64,
    submitted: Instant,
    before: ClockPair,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryState {
    Free,
    /// In sendmsg.
    Submitted,
    /// Taken by the kernel.
    Waiting,
}

/// A stamp and the advert that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) router: RouterIndex,
    pub(crate) number: u64,
    pub(crate) at: Instant,
    pub(crate) ambiguous: bool,
}

/// A packet's place in the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// The number to give to the kernel.
    pub(crate) id: u32,
    /// An older packet gave its place up without a driver stamp.
    pub(crate) unstamped: Option<RouterIndex>,
}

impl StampRing {
    pub(crate) fn new() -> Self {
        let free = Entry {
            state: EntryState::Free,
            id: None,
            router: RouterIndex(0),
            number: 0,
            submitted: Instant::ZERO,
            before: ClockPair::sample(),
        };
        Self {
            entries: vec![free; LENGTH].into_boxed_slice(),
            next: 0,
            numbered: true,
            waiting: 0,
            seen: 0,
            given_up: 0,
        }
    }

    fn place(id: u32) -> usize {
        usize::try_from(id).unwrap_or_default() % LENGTH
    }

    /// A packet is about to be handed to the kernel.
    pub(crate) fn submit(
        &mut self,
        router: RouterIndex,
        number: u64,
        now: Instant,
        pair: ClockPair,
    ) -> Ticket {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let numbered = self.numbered;
        let entry = &mut self.entries[Self::place(id)];
        let unstamped = (entry.state == EntryState::Waiting).then_some(entry.router);
        *entry = Entry {
            state: EntryState::Submitted,
            id: numbered.then_some(id),
            router,
            number,
            submitted: now,
            before: pair,
        };
        if unstamped.is_some() {
            self.waiting = self.waiting.saturating_sub(1);
            self.given_up += 1;
        }
        Ticket { id, unstamped }
    }

    /// The kernel does not take our numbers.
    pub(crate) fn count_with_kernel(&mut self, ticket: Ticket) {
        self.numbered = false;
        self.entries[Self::place(ticket.id)].id = None;
    }

    /// The kernel took the packet.
    pub(crate) fn accepted(&mut self, ticket: Ticket) {
        self.entries[Self::place(ticket.id)].state = EntryState::Waiting;
        self.waiting += 1;
    }

    /// The kernel refused the packet.
    pub(crate) fn refused(&mut self, ticket: Ticket) {
        self.entries[Self::place(ticket.id)].state = EntryState::Free;
    }

    /// A report of the kernel, read at `now`.
    pub(crate) fn stamp(
        &mut self,
        id: u32,
        point: StampPoint,
        real: u64,
        now: Instant,
        after: ClockPair,
    ) -> Option<Matched> {
        let place = if self.numbered {
            Self::place(id)
        } else {
            self.find(id, real, after)?
        };
        let entry = &mut self.entries[place];
        if entry.id != Some(id) || entry.state != EntryState::Waiting {
            return None;
        }
        let converted = ClockPair::convert_between(entry.before, after, real, entry.submitted, now);
        let (at, ambiguous) = Converted::parts(converted);
        if point == StampPoint::Left {
            entry.state = EntryState::Free;
            self.waiting = self.waiting.saturating_sub(1);
            self.seen += 1;
        }
        Some(Matched {
            router: entry.router,
            number: entry.number,
            at,
            ambiguous,
        })
    }

    /// The entry with the kernel's number, or else the latest one submitted before the stamp, which then has it.
    fn find(&mut self, id: u32, real: u64, pair: ClockPair) -> Option<usize> {
        let waiting = |entry: &Entry| entry.state == EntryState::Waiting;
        let known = self
            .entries
            .iter()
            .position(|entry| waiting(entry) && entry.id == Some(id));
        if known.is_some() {
            return known;
        }
        let at = pair.convert(real);
        let candidates = self.entries.iter().enumerate();
        let (place, _) = candidates
            .filter(|(_, entry)| waiting(entry) && entry.id.is_none() && entry.submitted <= at)
            .max_by_key(|(_, entry)| entry.submitted)?;
        self.entries[place].id = Some(id);
        Some(place)
    }

    /// Whether a driver stamp is worth an extra look: one is missing, and this driver gives them.
    pub(crate) const fn worth_a_look(&self) -> bool {
        self.waiting > 0 && (self.seen > 0 || self.given_up + (self.waiting as u64) < 8)
    }

    /// The routers have other positions now; packets of routers that are gone are forgotten.
    pub(crate) fn renumber(&mut self, position: &dyn Fn(RouterIndex) -> Option<RouterIndex>) {
        for entry in &mut self.entries {
            if entry.state == EntryState::Free {
                continue;
            }
            match position(entry.router) {
                Some(router) => entry.router = router,
                None => {
                    entry.state = EntryState::Free;
                    self.waiting = self.waiting.saturating_sub(1);
                }
            }
        }
    }

    /// The socket is a new one: nothing of the old one's will be reported.
    pub(crate) fn reset(&mut self) {
        for entry in &mut self.entries {
            entry.state = EntryState::Free;
        }
        self.waiting = 0;
    }

    /// Where the entries are, for locking them.
    pub(crate) fn memory(&self) -> (usize, usize) {
        (self.entries.as_ptr().addr(), size_of_val(&*self.entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair whose offset is zero: stamps are given on the engine's clock.
    fn pair() -> ClockPair {
        ClockPair::with_offset(0)
    }

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn send(ring: &mut StampRing, number: u64, now: u64) -> Ticket {
        let ticket = ring.submit(RouterIndex(3), number, at(now), pair());
        ring.accepted(ticket);
        ticket
    }

    #[test]
    fn numbered_stamps_find_their_advert_in_any_order() {
        let mut ring = StampRing::new();
        let first = send(&mut ring, 1, 100);
        let second = send(&mut ring, 2, 200);
        let late = ring
            .stamp(second.id, StampPoint::Left, 210, at(300), pair())
            .unwrap();
        assert_eq!((late.number, late.at, late.ambiguous), (2, at(210), false));
        assert_eq!(
            ring.stamp(first.id, StampPoint::Queued, 105, at(300), pair())
                .unwrap()
                .number,
            1
        );
        assert_eq!(
            ring.stamp(first.id, StampPoint::Left, 106, at(300), pair())
                .unwrap()
                .number,
            1
        );
        assert_eq!(
            ring.stamp(first.id, StampPoint::Left, 107, at(300), pair()),
            None,
            "once only"
        );
        assert!(!ring.worth_a_look());
    }

    #[test]
    fn a_counting_kernel_is_understood_although_its_count_differs() {
        let mut ring = StampRing::new();
        let first = ring.submit(RouterIndex(3), 1, at(100), pair());
        ring.count_with_kernel(first);
        ring.accepted(first);
        send(&mut ring, 2, 200);
        // The kernel's numbers are 41 and 42: a number of sends failed before.
        assert_eq!(
            ring.stamp(42, StampPoint::Queued, 205, at(300), pair())
                .unwrap()
                .number,
            2
        );
        assert_eq!(
            ring.stamp(41, StampPoint::Queued, 105, at(300), pair())
                .unwrap()
                .number,
            1
        );
        assert_eq!(
            ring.stamp(41, StampPoint::Left, 500, at(600), pair())
                .unwrap()
                .number,
            1
        );
        assert_eq!(
            ring.stamp(42, StampPoint::Left, 206, at(600), pair())
                .unwrap()
                .number,
            2
        );
        assert_eq!(
            ring.stamp(43, StampPoint::Queued, 207, at(600), pair()),
            None
        );
    }

    #[test]
    fn a_refused_packet_awaits_no_stamp() {
        let mut ring = StampRing::new();
        let ticket = ring.submit(RouterIndex(0), 1, at(1), pair());
        ring.refused(ticket);
        assert!(!ring.worth_a_look());
        assert_eq!(
            ring.stamp(ticket.id, StampPoint::Left, 2, at(3), pair()),
            None
        );
    }

    #[test]
    fn a_packet_that_never_gets_its_stamp_gives_its_place_up_and_is_named() {
        let mut ring = StampRing::new();
        for number in 0..LENGTH {
            let ticket = ring.submit(RouterIndex(9), number as u64, at(1), pair());
            assert_eq!(ticket.unstamped, None);
            ring.accepted(ticket);
        }
        assert_eq!(
            ring.submit(RouterIndex(1), 0, at(2), pair()).unstamped,
            Some(RouterIndex(9))
        );
        assert!(!ring.worth_a_look(), "this driver never stamps");
    }

    #[test]
    fn routers_that_moved_are_followed_and_those_that_went_are_forgotten() {
        let mut ring = StampRing::new();
        let ticket = send(&mut ring, 1, 1);
        ring.renumber(&|_| Some(RouterIndex(7)));
        assert_eq!(
            ring.stamp(ticket.id, StampPoint::Queued, 2, at(3), pair())
                .unwrap()
                .router,
            RouterIndex(7)
        );
        ring.renumber(&|_| None);
        assert_eq!(
            ring.stamp(ticket.id, StampPoint::Left, 2, at(3), pair()),
            None
        );
    }
}
