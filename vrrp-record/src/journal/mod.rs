//! The journal's files: framed records that a reader finds again behind any damage, and what they tell as a history.
//!
//! A segment is a sequence of frames and nothing else, so that a file may end anywhere: the loss of power costs the frame
//! that was being written. `docs/formats.md` describes every byte. When and what is written is the daemon's business.

mod frame;
mod minutes;
mod read;
mod scan;
mod write;

pub use frame::{FRAME_HEAD, LARGEST_PAYLOAD};
pub use read::{Explained, Note, Reading, is_journal, read};
pub use write::{Frames, RECORDS};

#[cfg(test)]
mod tests;
