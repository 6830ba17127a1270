//! What is kept and explained while the daemon runs: measures of each router, numbered happenings with their verdicts,
//! and the journal on disk.

mod analyst;
mod book;
mod buckets;
mod directory;
mod disk;
#[cfg(test)]
mod fixture;
mod gaps;
mod index;
mod inherit;
mod keeper;
mod live;
mod measure;
mod minutes;
mod past;
mod records;
mod ring;
mod slots;
mod writer;

pub(crate) use analyst::{Analyst, Inputs};
pub(crate) use buckets::Buckets;
pub(crate) use directory::{ARGUMENT, make, make_main};
pub(crate) use disk::Bounds;
pub(crate) use live::{Axis, JournalFacts, Live, NearNote, RecorderFacts};
#[cfg(test)]
pub(crate) use measure::{Measures, Situation};
pub(crate) use measure::{Shown, WINDOWS};
pub(crate) use ring::RingAccess;
pub(crate) use writer::{Begun, Writer};
