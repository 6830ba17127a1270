//! Fixed-size values that one thread publishes and any other reads, without a lock and without unsafe.
//!
//! A sequence lock over atomic words: the writer never waits and never knows its readers; a reader that meets a write in
//! progress tries again. What the words mean is said in the submodules.

mod engine;
mod router;
mod values;

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

pub(crate) use engine::{ENGINE_WORDS, EngineFacts};
pub(crate) use router::{ROUTER_WORDS, RouterFacts};

/// Where the routers of one setup are published, in the setup's order.
#[derive(Debug)]
pub(crate) struct Board {
    routers: Box<[Published<ROUTER_WORDS>]>,
}

impl Board {
    pub(crate) fn new(routers: usize) -> Self {
        Self {
            routers: (0..routers).map(|_| Published::new()).collect(),
        }
    }

    /// Publishes a router; the engine's alone.
    pub(crate) fn publish(&self, router: usize, facts: &RouterFacts) {
        if let Some(place) = self.routers.get(router) {
            place.write(&facts.to_words());
        }
    }

    /// A router as it was published last; `None` before the first time.
    pub(crate) fn read(&self, router: usize) -> Option<RouterFacts> {
        RouterFacts::from_words(&self.routers.get(router)?.read()?)
    }

    /// Where the words are, for locking them.
    pub(crate) fn memory(&self) -> (usize, usize) {
        (self.routers.as_ptr().addr(), size_of_val(&*self.routers))
    }
}

/// One published value of `N` words.
#[derive(Debug)]
pub(crate) struct Published<const N: usize> {
    /// Even when the words belong together; odd while they are written.
    sequence: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> Published<N> {
    pub(crate) const fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            words: [const { AtomicU64::new(0) }; N],
        }
    }

    /// Replaces the value. Only one thread at a time may write: others would tear it.
    pub(crate) fn write(&self, words: &[u64; N]) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(sequence.wrapping_add(1), Ordering::Relaxed);
        // A reader that sees one of the words below must also see the odd sequence above.
        fence(Ordering::Release);
        for (to, from) in self.words.iter().zip(words) {
            to.store(*from, Ordering::Relaxed);
        }
        self.sequence
            .store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// The last value. `None` only when the writer was stopped in the middle of a write, for as long as half a second.
    pub(crate) fn read(&self) -> Option<[u64; N]> {
        for attempt in 0..5000 {
            if let Some(words) = self.try_read() {
                return Some(words);
            }
            if attempt < 100 {
                std::hint::spin_loop();
            } else {
                // The writer was preempted; give it the processor.
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        None
    }

    fn try_read(&self) -> Option<[u64; N]> {
        let before = self.sequence.load(Ordering::Acquire);
        if before % 2 == 1 {
            return None;
        }
        let mut words = [0; N];
        for (to, from) in words.iter_mut().zip(&self.words) {
            *to = from.load(Ordering::Relaxed);
        }
        // The words above must have been read before the sequence is looked at again.
        fence(Ordering::Acquire);
        (self.sequence.load(Ordering::Relaxed) == before).then_some(words)
    }
}

/// Fills words one after the other.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    words: &'a mut [u64],
    next: usize,
}

impl<'a> Encoder<'a> {
    pub(crate) const fn new(words: &'a mut [u64]) -> Self {
        Self { words, next: 0 }
    }

    /// Adds a value. Values beyond the last word are dropped, which a test of each layout rules out.
    pub(crate) fn put(&mut self, value: u64) {
        debug_assert!(
            self.next < self.words.len(),
            "the layout has more values than words"
        );
        if let Some(word) = self.words.get_mut(self.next) {
            *word = value;
        }
        self.next += 1;
    }

    /// How many words were filled.
    #[cfg(test)]
    pub(crate) const fn filled(&self) -> usize {
        self.next
    }
}

/// Takes words out in the order in which an [`Encoder`] put them in.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    words: std::slice::Iter<'a, u64>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(words: &'a [u64]) -> Self {
        Self {
            words: words.iter(),
        }
    }

    /// The next value; zero beyond the last.
    pub(crate) fn take(&mut self) -> u64 {
        self.words.next().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_reader_gets_what_was_written_last() {
        let published = Published::<3>::new();
        assert_eq!(published.read(), Some([0; 3]));
        published.write(&[1, 2, 3]);
        published.write(&[4, 5, 6]);
        assert_eq!(published.read(), Some([4, 5, 6]));
    }

    #[test]
    fn a_reader_never_sees_half_of_a_write() {
        let published = Arc::new(Published::<16>::new());
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (published, stop) = (Arc::clone(&published), Arc::clone(&stop));
            move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    published.write(&[number; 16]);
                    if number % 8 == 0 {
                        // The engine sleeps between its writes; one that never did would starve every reader.
                        std::thread::sleep(Duration::from_micros(5));
                    }
                }
                number
            }
        });
        let mut last = 0;
        for _ in 0..5_000 {
            let words = published.read().unwrap();
            assert!(
                words.iter().all(|word| *word == words[0]),
                "torn: {words:?}"
            );
            assert!(words[0] >= last, "went back from {last} to {}", words[0]);
            last = words[0];
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() >= last);
    }

    #[test]
    fn a_writer_that_never_ends_is_given_up() {
        let published = Published::<1>::new();
        published.sequence.store(1, Ordering::Relaxed);
        assert_eq!(published.read(), None);
    }

    #[test]
    fn words_come_out_as_they_went_in() {
        let mut words = [0; 3];
        let mut encoder = Encoder::new(&mut words);
        encoder.put(7);
        encoder.put(8);
        assert_eq!(encoder.filled(), 2);
        let mut decoder = Decoder::new(&words);
        assert_eq!(
            (
                decoder.take(),
                decoder.take(),
                decoder.take(),
                decoder.take()
            ),
            (7, 8, 0, 0)
        );
    }
}
