//! Adverts whose last word is not said: stamps may still come, and then their records are written again.

use vrrp_proto::node::RouterIndex;
use vrrp_record::history::Sent;

/// Adverts that are remembered. Older ones are settled as they are: at a hundred adverts a second these are ten seconds.
const LENGTH: usize = 1024;

/// An advert, where it is recorded, and what is still to be learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Counts adverts of all routers; 0 where there is none.
    pub(super) number: u64,
    /// The engine's position of its router, which a reload changes.
    pub(super) router: RouterIndex,
    /// Interface and family of the socket that it left by.
    pub(super) socket: (usize, usize),
    /// Its router's interval in nanoseconds.
    pub(super) interval: u64,
    pub(super) sent: Sent,
    pub(super) copies_left: u8,
    /// Number of its record among the ordinary ones.
    pub(super) ordinary: Option<u64>,
    /// Number of its record among those kept whole.
    pub(super) kept: Option<u64>,
    /// It changed since it was written.
    pub(super) dirty: bool,
}

/// The last adverts.
#[derive(Debug)]
pub(super) struct OpenAdverts {
    adverts: Box<[Open]>,
    /// Number of the next one.
    next: u64,
    /// None below this number is unsettled.
    unsettled: u64,
}

impl OpenAdverts {
    pub(super) fn new() -> Self {
        use vrrp_record::history::Time;
        let none = Open {
            number: 0,
            router: RouterIndex(0),
            socket: (0, 0),
            interval: 0,
            sent: Sent {
                router: 0,
                id: 0,
                priority: 0,
                copies: 0,
                copies_accepted: 0,
                due: Time(0),
                woke: None,
                submitted: None,
                accepted: None,
                queued: None,
                left: None,
                taken: None,
                held_bytes: 0,
                errno: None,
                skipped: 0,
                ambiguous: false,
                settled: true,
            },
            copies_left: 0,
            ordinary: None,
            kept: None,
            dirty: false,
        };
        Self {
            adverts: vec![none; LENGTH].into_boxed_slice(),
            next: 1,
            unsettled: 1,
        }
    }

    fn place(number: u64) -> usize {
        usize::try_from(number % LENGTH as u64).unwrap_or_default()
    }

    /// The advert that gives its place to the next one.
    pub(super) fn oldest(&mut self) -> Option<&mut Open> {
        let open = &mut self.adverts[Self::place(self.next)];
        (open.number != 0).then_some(open)
    }

    /// Remembers an advert; its number.
    pub(super) fn begin(&mut self, open: Open) -> u64 {
        let number = self.next;
        self.next += 1;
        self.adverts[Self::place(number)] = Open { number, ..open };
        number
    }

    /// The advert of a number, while it is remembered.
    pub(super) fn get(&mut self, number: u64) -> Option<&mut Open> {
        let open = &mut self.adverts[Self::place(number)];
        (open.number == number && number != 0).then_some(open)
    }

    /// Adverts from `number` on, oldest first.
    pub(super) fn since(&mut self, number: u64, mut each: impl FnMut(&mut Open)) {
        let oldest = self.next.saturating_sub(LENGTH as u64).max(1);
        for number in number.max(oldest)..self.next {
            if let Some(open) = self.get(number) {
                each(open);
            }
        }
    }

    /// The oldest advert that is not settled. Looks each advert up once over its life.
    pub(super) fn first_unsettled(&mut self) -> Option<&mut Open> {
        self.unsettled = self.unsettled.max(self.next.saturating_sub(LENGTH as u64));
        while self.unsettled < self.next {
            let open = &self.adverts[Self::place(self.unsettled)];
            if open.number == self.unsettled && !open.sent.settled {
                return self.get(self.unsettled);
            }
            self.unsettled += 1;
        }
        None
    }

    /// The routers have other positions now.
    pub(super) fn renumber(&mut self, position: &dyn Fn(RouterIndex) -> Option<RouterIndex>) {
        for open in &mut self.adverts {
            // Nobody asks for the router of one that is gone; its record stays as it is.
            open.router = position(open.router).unwrap_or(RouterIndex(u16::MAX));
        }
    }

    /// Where the adverts are, for locking them.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.adverts.as_ptr().addr(), size_of_val(&*self.adverts))
    }
}
