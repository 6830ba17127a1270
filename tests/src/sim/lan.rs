//! The virtual LAN: who hears whom, with which loss, delay and duplication. Reordering comes from unequal delays.

use std::time::Duration;

use super::prng::Prng;

/// Links between hosts, one for each direction.
#[derive(Clone, Debug)]
pub(super) struct Lan {
    open: Vec<Vec<bool>>,
    /// Percent of frames lost.
    pub(super) loss: u64,
    /// Percent of frames doubled.
    pub(super) doubled: u64,
    pub(super) shortest: Duration,
    pub(super) longest: Duration,
}

impl Lan {
    pub(super) fn new(hosts: usize, longest: Duration) -> Self {
        let mut lan = Self {
            open: vec![vec![true; hosts]; hosts],
            loss: 0,
            doubled: 0,
            shortest: Duration::from_micros(10),
            longest,
        };
        lan.calm(longest);
        lan
    }

    /// No loss, no doubling, at most this delay.
    pub(super) fn calm(&mut self, longest: Duration) {
        self.loss = 0;
        self.doubled = 0;
        self.longest = longest.max(self.shortest);
    }

    pub(super) fn hears(&self, from: usize, to: usize) -> bool {
        self.open[from][to]
    }

    pub(super) fn set(&mut self, from: usize, to: usize, open: bool) {
        self.open[from][to] = open;
    }

    /// Hosts hear each other where they are on the same side.
    pub(super) fn partition(&mut self, side: &dyn Fn(usize) -> usize) {
        for (from, row) in self.open.iter_mut().enumerate() {
            for (to, open) in row.iter_mut().enumerate() {
                *open = side(from) == side(to);
            }
        }
    }

    /// When copies of a frame that is sent now arrive, if any do.
    pub(super) fn carry(&self, prng: &mut Prng) -> [Option<Duration>; 2] {
        if prng.chance(self.loss) {
            return [None, None];
        }
        let first = Some(self.delay(prng));
        let second = prng.chance(self.doubled).then(|| self.delay(prng));
        [first, second]
    }

    fn delay(&self, prng: &mut Prng) -> Duration {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(prng.between(nanos(self.shortest), nanos(self.longest)))
    }
}
