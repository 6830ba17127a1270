//! The flight recorder's file: what stands where, how a record becomes bytes and back, who writes and who reads.
//!
//! The file is a few header pages and five *regions*: circular arrays of slots of one size, each with one writing thread.
//! Writers store into memory that the caller maps, word by word, without a system call or an allocation; readers take a
//! copy of the file, or tail a region inside the process. `docs/formats.md` describes every byte. Nothing here maps, opens
//! or locks anything.

mod bytes;
mod codes;
mod header;
mod layout;
mod minutes;
mod read;
mod record;
mod resume;
mod samples;
mod slot;
mod tail;
mod text;
mod writer;

pub(crate) use codes::{stage, stage_of};
pub use header::{HEADER, RunHeader};
pub use layout::{Layout, Region, RegionId, Slots, TooSmall};
pub use minutes::{MINUTE_BUCKETS, minute};
pub use read::{Ended, NotARing, Reading, read};
pub(crate) use read::{MOST_ROUTERS, Parts, deliver, drop_impossible, routers_of};
pub use record::{Record, Transition};
pub use resume::Resume;
pub use samples::{SAMPLES, samples, samples_of};
pub use slot::{ADVERT, EVENT, MINUTE, Slot};
pub(crate) use slot::{Found, open};
pub use tail::{RegionReader, Tail};
pub use text::{append_event, append_unavailable};
pub use writer::{Description, LifeWriter, RegionWriter, ResumeWriter, Ring, Unfit};

#[cfg(test)]
pub(crate) mod tests;
