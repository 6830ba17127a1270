//! The head of a frame.

/// First bytes of a frame. The first of them is in no UTF-8 text.
pub(super) const MAGIC: [u8; 4] = [0xF7, b'V', b'R', b'J'];
/// Bytes of a frame before its payload.
pub const FRAME_HEAD: usize = 52;
/// Longest payload.
pub const LARGEST_PAYLOAD: usize = 256 * 1024;
/// Version of all frames so far.
pub(super) const VERSION: u8 = 1;

/// What a frame holds; the numbers never change.
pub(super) mod kind {
    /// A run of the daemon, as JSON.
    pub(in super::super) const RUN: u8 = 1;
    /// A router in its position, as JSON.
    pub(in super::super) const ROUTER: u8 = 2;
    /// Records as in the flight recorder, 128 bytes each.
    pub(in super::super) const RECORDS: u8 = 3;
    /// An event, as JSON.
    pub(in super::super) const EVENT: u8 = 4;
    /// Histograms of minutes.
    pub(in super::super) const MINUTES: u8 = 5;
    /// A verdict, as JSON.
    pub(in super::super) const VERDICT: u8 = 6;
    /// What was lost or went wrong with recording, as JSON.
    pub(in super::super) const NOTE: u8 = 7;
    /// A stretch of time of which everything was kept.
    pub(in super::super) const DETAILED: u8 = 8;
    /// Evidence that the machine cannot give, as JSON.
    pub(in super::super) const UNAVAILABLE: u8 = 9;
    /// The end of the run, as JSON.
    pub(in super::super) const ENDED: u8 = 10;
}

/// Everything that a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: u8,
    pub(super) version: u8,
    /// Bytes of the payload.
    pub(super) length: usize,
    /// CRC-32 of the payload.
    pub(super) sum: u32,
    /// Number in the run, from 1; 0 for what begins each segment and is not counted.
    pub(super) number: u64,
    /// The start of the run that it belongs to: the run's name.
    pub(super) run: i64,
    /// The first and the last time that the payload tells of.
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Head {
    pub(super) fn encode(&self) -> [u8; FRAME_HEAD] {
        let mut head = [0; FRAME_HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4] = self.kind;
        head[5] = self.version;
        let length = u32::try_from(self.length).unwrap_or(u32::MAX);
        head[8..12].copy_from_slice(&length.to_le_bytes());
        head[12..16].copy_from_slice(&self.sum.to_le_bytes());
        head[16..24].copy_from_slice(&self.number.to_le_bytes());
        head[24..32].copy_from_slice(&self.run.to_le_bytes());
        head[32..40].copy_from_slice(&self.from.to_le_bytes());
        head[40..48].copy_from_slice(&self.until.to_le_bytes());
        let sum = crc32fast::hash(&head[..48]);
        head[48..].copy_from_slice(&sum.to_le_bytes());
        head
    }

    /// The head that these bytes begin with, where they are one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; FRAME_HEAD] = bytes.first_chunk()?;
        let long = |at: usize| {
            let mut wide = [0; 8];
            wide.copy_from_slice(&head[at..at + 8]);
            i64::from_le_bytes(wide)
        };
        let short = |at: usize| {
            let mut wide = [0; 4];
            wide.copy_from_slice(&head[at..at + 4]);
            u32::from_le_bytes(wide)
        };
        let sound = cfg!(fuzzing) || crc32fast::hash(&head[..48]) == short(48);
        if head[..4] != MAGIC || !sound {
            return None;
        }
        let length = usize::try_from(short(8)).ok()?;
        (length <= LARGEST_PAYLOAD).then_some(Self {
            kind: head[4],
            version: head[5],
            length,
            sum: short(12),
            number: long(16).cast_unsigned(),
            run: long(24),
            from: long(32),
            until: long(40),
        })
    }
}
