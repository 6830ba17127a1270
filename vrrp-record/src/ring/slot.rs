//! One slot: sixteen bytes of head and a body. Sealing puts number and checksum in, opening checks them.

/// Bytes of a slot for adverts, stalls, transitions, samples, and what a resume needs.
pub const ADVERT: usize = 128;
/// Bytes of a slot for a minute's histogram.
pub const MINUTE: usize = 256;
/// Bytes of a slot for text.
pub const EVENT: usize = 512;
/// Bytes before the body.
pub(crate) const HEAD: usize = 16;

/// What a slot holds; the numbers never change.
pub(crate) mod kind {
    pub(crate) const SENT: u8 = 1;
    pub(crate) const RECEIVED: u8 = 2;
    pub(crate) const REJECTED: u8 = 3;
    pub(crate) const STALL: u8 = 4;
    pub(crate) const TRANSITION: u8 = 5;
    pub(crate) const MINUTE: u8 = 16;
    pub(crate) const SAMPLES: u8 = 17;
    /// Text that the next slot continues.
    pub(crate) const TEXT_PART: u8 = 32;
    /// The last or only part of an event as JSON.
    pub(crate) const EVENT: u8 = 33;
    /// The last or only part of a missing piece of evidence as JSON.
    pub(crate) const UNAVAILABLE: u8 = 34;
    pub(crate) const ROUTER: u8 = 48;
    pub(crate) const RESUME: u8 = 49;
    pub(crate) const LIFE: u8 = 50;
}

/// Version of all kinds so far.
const VERSION: u8 = 1;

/// A record of `N` bytes, a multiple of eight, without number and checksum: those are the writer's.
#[derive(Clone, Copy, Debug)]
pub struct Slot<const N: usize>([u8; N]);

impl<const N: usize> Slot<N> {
    /// An empty body. `tag` is the router's position, or the length or number of what the body holds.
    pub(crate) fn new(kind: u8, tag: u16) -> Self {
        let mut bytes = [0; N];
        bytes[12] = kind;
        bytes[13] = VERSION;
        bytes[14..HEAD].copy_from_slice(&tag.to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        &mut self.0[HEAD..]
    }

    /// The bytes as they stand in the file under that number, which is never 0.
    #[must_use]
    pub fn seal(mut self, seq: u64) -> [u8; N] {
        self.0[..8].copy_from_slice(&seq.to_le_bytes());
        let sum = checksum(&self.0);
        self.0[8..12].copy_from_slice(&sum.to_le_bytes());
        self.0
    }
}

/// A slot that passed its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) seq: u64,
    pub(crate) kind: u8,
    pub(crate) tag: u16,
    pub(crate) body: &'a [u8],
}

/// What stands in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// Nothing was ever written.
    Empty,
    /// Number 0 before something else: its writer was at work.
    Unfinished,
    /// Number, content and checksum disagree.
    Damaged,
    /// Sound, of a version that this program does not know.
    Newer,
    /// A record.
    Good(Open<'a>),
}

/// Looks at a slot.
pub(crate) fn open(slot: &[u8]) -> Found<'_> {
    let Some((head, body)) = slot.split_at_checked(HEAD) else {
        return Found::Damaged;
    };
    let seq = u64::from_le_bytes(head[..8].try_into().unwrap_or_default());
    if seq == 0 {
        let blank = slot.iter().all(|byte| *byte == 0);
        return if blank {
            Found::Empty
        } else {
            Found::Unfinished
        };
    }
    let sum = u32::from_le_bytes(head[8..12].try_into().unwrap_or_default());
    if checksum(slot) != sum && !cfg!(fuzzing) {
        return Found::Damaged;
    }
    if head[13] != VERSION {
        return Found::Newer;
    }
    Found::Good(Open {
        seq,
        kind: head[12],
        tag: u16::from_le_bytes([head[14], head[15]]),
        body,
    })
}

/// CRC-32 of everything but the checksum itself.
fn checksum(slot: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&slot[..8]);
    hasher.update(&slot[12..]);
    hasher.finalize()
}
