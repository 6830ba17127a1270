//! A captured frame as both formats give it, and the byte orders they come in.

use crate::history::Time;

/// The longest packet that is believed: no capture program writes longer ones.
pub(super) const LONGEST: u32 = 262_144;

/// A frame of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// Its stamp.
    pub(super) at: Time,
    /// Its link type as the formats number it.
    pub(super) link: u16,
    /// The interface, where the file knows several.
    pub(super) interface: u32,
    /// The file says in which direction it went: true for out.
    pub(super) outgoing: Option<bool>,
    /// Its length on the wire.
    pub(super) original: u32,
    /// What was kept of it.
    pub(super) data: &'a [u8],
}

/// The order of a file's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The 16-bit number at a place; zero beyond the end, which callers excluded.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let Some(bytes) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self {
            Self::Little => u16::from_le_bytes(*bytes),
            Self::Big => u16::from_be_bytes(*bytes),
        }
    }

    /// The 32-bit number at a place; zero beyond the end, which callers excluded.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(bytes) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self {
            Self::Little => u32::from_le_bytes(*bytes),
            Self::Big => u32::from_be_bytes(*bytes),
        }
    }
}

/// A count of bytes as a length.
pub(super) fn length(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
