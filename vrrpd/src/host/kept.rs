//! A file of /proc or /sys that stays open and is read from its beginning again and again.
//!
//! Such files are made by the kernel from memory when they are read: no disk is touched.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Nothing that is read here is longer; a longer one is cut at a line.
const LIMIT: usize = 1024 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct Kept(File);

impl Kept {
    pub(super) fn open(path: &str) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Its content now, in `buffer`, whose memory is used again.
    pub(super) fn read<'a>(&self, buffer: &'a mut Vec<u8>) -> io::Result<&'a str> {
        let mut filled = 0;
        loop {
            if buffer.len() < filled + 4096 {
                buffer.resize((filled + 4096).next_power_of_two(), 0);
            }
            let count = match self.0.read_at(&mut buffer[filled..], filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            filled += count;
            if count == 0 || filled >= LIMIT {
                break;
            }
        }
        let content = &buffer[..filled];
        let text = match std::str::from_utf8(content) {
            Ok(text) => text,
            // Names are bytes to the kernel: what comes before the odd one is good.
            Err(error) => std::str::from_utf8(&content[..error.valid_up_to()]).unwrap_or_default(),
        };
        Ok(if filled < LIMIT {
            text
        } else {
            text.rsplit_once('\n')
                .map_or("", |(whole_lines, _)| whole_lines)
        })
    }
}
