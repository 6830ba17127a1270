//! A stream of bytes that can be looked into before it is taken: what both capture formats are read from.
//!
//! Holds at most one window of the file. Knows no format.

use std::io::{self, Read};

/// The window: two of the longest packets that any capture program writes, with their heads.
pub(super) const WINDOW: usize = 1 << 20;

/// Read at once.
const CHUNK: usize = 64 << 10;

/// Bytes of a file, from where it is read on.
pub(super) struct Input<'a> {
    source: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    finished: bool,
}

impl<'a> Input<'a> {
    pub(super) fn new(source: &'a mut dyn Read) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            finished: false,
        }
    }

    /// Position in the file.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes: as many as wanted, at most [`WINDOW`], fewer only at the end of the file.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let wanted = wanted.min(WINDOW);
        if self.held() < wanted && !self.finished {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.fill(wanted)?;
        }
        let end = wanted.min(self.held()) + self.start;
        Ok(self.buffer.get(self.start..end).unwrap_or_default())
    }

    /// Takes bytes that were looked at, or leaves out others.
    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let window = u64::try_from(WINDOW).unwrap_or(u64::MAX);
            let step = usize::try_from(count.min(window)).unwrap_or(WINDOW);
            let here = self.peek(step)?.len();
            if here == 0 {
                break;
            }
            self.start += here;
            let here = u64::try_from(here).unwrap_or(u64::MAX);
            self.offset += here;
            count -= here;
        }
        Ok(())
    }

    const fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Reads until so many bytes are there or the file ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let used = self.buffer.len();
            self.buffer.resize(used + CHUNK, 0);
            let free = self.buffer.get_mut(used..).unwrap_or_default();
            let result = self.source.read(free);
            let count = result.as_ref().map_or(0, |count| (*count).min(CHUNK));
            self.buffer.truncate(used + count);
            match result {
                Ok(0) => {
                    self.finished = true;
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
