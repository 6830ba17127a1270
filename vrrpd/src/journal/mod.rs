//! What is kept and explained while the daemon runs: measures of each router, numbered happenings with their verdicts,
//! and the journal on disk.

mod analyst;
mod book;
mod buckets;
mod live;
mod measure;
mod past;
mod records;
mod slots;

pub(crate) use analyst::{Analyst, Inputs};
pub(crate) use buckets::Buckets;
pub(crate) use live::{Axis, JournalFacts, Live, NearNote, RecorderFacts};
#[cfg(test)]
pub(crate) use measure::{Measures, Situation};
pub(crate) use measure::{Shown, WINDOWS};
