//! Reading a region inside the process while it is written: for the thread that keeps the journal.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::slot::{Found, open};

/// What comes next in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// The record of this number was copied.
    Record(u64),
    /// So many records were overwritten before they were read; go on.
    Lost(u64),
    /// Nothing new yet.
    Nothing,
}

/// Follows one region.
#[derive(Clone, Debug)]
pub struct RegionReader<'m, const N: usize> {
    words: &'m [AtomicU64],
    count: u64,
    head: &'m AtomicU64,
    next: u64,
}

impl<'m, const N: usize> RegionReader<'m, N> {
    pub(super) fn new(words: &'m [AtomicU64], count: u64, head: &'m AtomicU64) -> Self {
        let next = u64::from_le(head.load(Ordering::Acquire)) + 1;
        Self {
            words,
            count,
            head,
            next,
        }
    }

    /// Number of the record that is read next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Goes on from this number, or from the oldest that is still there.
    pub fn seek(&mut self, seq: u64) {
        self.next = seq.max(self.oldest());
    }

    /// Number of the last record written.
    #[must_use]
    pub fn last(&self) -> u64 {
        u64::from_le(self.head.load(Ordering::Acquire))
    }

    /// Number of the oldest record that is still there.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        (self.last() + 1).saturating_sub(self.count).max(1)
    }

    /// Copies the next record as it stands in the file.
    pub fn next(&mut self, into: &mut [u8; N]) -> Tail {
        if self.next > self.last() {
            return Tail::Nothing;
        }
        let oldest = self.oldest();
        if self.next < oldest {
            let lost = oldest - self.next;
            self.next = oldest;
            return Tail::Lost(lost);
        }
        match self.copy(self.next, into) {
            Some(true) => {
                self.next += 1;
                Tail::Record(self.next - 1)
            }
            // Overwritten between the two looks.
            Some(false) => {
                self.next += 1;
                Tail::Lost(1)
            }
            None => Tail::Nothing,
        }
    }

    /// Copies the record of one number again, for what became known since. False where it is no longer there, or is being
    /// written in this moment.
    pub fn get(&self, seq: u64, into: &mut [u8; N]) -> bool {
        seq != 0 && self.copy(seq, into) == Some(true)
    }

    /// True with a copy; false where the slot has a later record; none where it is being written.
    fn copy(&self, seq: u64, into: &mut [u8; N]) -> Option<bool> {
        let position = usize::try_from((seq - 1) % self.count).unwrap_or_default();
        let start = position * (N / 8);
        let words = &self.words[start..start + N / 8];
        // A writer of the same number (stamps that came later) is done in no time; a few looks are enough.
        for _ in 0..8 {
            let before = u64::from_le(words[0].load(Ordering::Acquire));
            if before > seq {
                return Some(false);
            }
            if before == seq {
                for (word, place) in words.iter().zip(into.chunks_exact_mut(8)) {
                    place.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
                }
                fence(Ordering::Acquire);
                let after = u64::from_le(words[0].load(Ordering::Relaxed));
                if after == seq && matches!(open(into), Found::Good(_)) {
                    return Some(true);
                }
            }
            std::hint::spin_loop();
        }
        None
    }
}
