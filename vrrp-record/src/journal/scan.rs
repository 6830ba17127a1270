//! Finding frames in a stream, and the next good one behind damage.

use std::io::{self, Read};

use super::frame::{FRAME_HEAD, Head, LARGEST_PAYLOAD, MAGIC};

/// Bytes asked of the stream at once.
const CHUNK: usize = 256 * 1024;

/// What comes next in a stream.
#[derive(Debug)]
pub(super) enum Found {
    /// A good frame; its payload is [`Scanner::payload`].
    Frame(Head),
    /// So many bytes at this offset are no good frame. `last` where nothing good follows: the end was cut off, or never
    /// reached the disk.
    Damage { offset: u64, bytes: u64, last: bool },
}

/// Reads frames.
#[derive(Debug)]
pub(super) struct Scanner<R> {
    from: R,
    buffer: Vec<u8>,
    /// What of the buffer is done.
    start: usize,
    /// Offset of the buffer's first byte in the stream.
    base: u64,
    ended: bool,
    /// Where damage began that is not told yet.
    bad: Option<u64>,
    payload: std::ops::Range<usize>,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            buffer: Vec::with_capacity(CHUNK + LARGEST_PAYLOAD + FRAME_HEAD),
            start: 0,
            base: 0,
            ended: false,
            bad: None,
            payload: 0..0,
        }
    }

    /// The payload of the frame found last.
    pub(super) fn payload(&self) -> &[u8] {
        &self.buffer[self.payload.clone()]
    }

    /// The next frame or damage; None at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        loop {
            self.fill(FRAME_HEAD)?;
            if self.buffer.len() == self.start {
                return Ok(self.damage(true));
            }
            let head = Head::decode(&self.buffer[self.start..]);
            if let Some(head) = head {
                self.fill(FRAME_HEAD + head.length)?;
                let begin = self.start + FRAME_HEAD;
                let payload = self.buffer.get(begin..begin + head.length);
                if payload
                    .is_some_and(|payload| cfg!(fuzzing) || crc32fast::hash(payload) == head.sum)
                {
                    if let Some(damage) = self.damage(false) {
                        // The frame is found again with the next call.
                        return Ok(Some(damage));
                    }
                    self.payload = begin..begin + head.length;
                    self.start = begin + head.length;
                    return Ok(Some(Found::Frame(head)));
                }
            }
            self.bad.get_or_insert(self.base + self.start as u64);
            self.skip();
        }
    }

    /// Goes to the next place where a frame may begin.
    fn skip(&mut self) {
        let rest = &self.buffer[self.start + 1..];
        let next = rest.iter().position(|byte| *byte == MAGIC[0]);
        self.start = next.map_or(self.buffer.len(), |next| self.start + 1 + next);
    }

    /// The damage up to here, once.
    fn damage(&mut self, last: bool) -> Option<Found> {
        let offset = self.bad.take()?;
        Some(Found::Damage {
            offset,
            bytes: self.base + self.start as u64 - offset,
            last,
        })
    }

    /// Makes so many bytes available, or all that are left.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.ended && self.buffer.len() - self.start < wanted {
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.base += self.start as u64;
                self.start = 0;
            }
            let before = self.buffer.len();
            let got = (&mut self.from)
                .take(CHUNK as u64)
                .read_to_end(&mut self.buffer)?;
            debug_assert_eq!(self.buffer.len(), before + got);
            self.ended = got == 0;
        }
        Ok(())
    }
}
