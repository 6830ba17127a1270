//! From records to reasons: what happened on a node that wants an explanation, and what the records prove about it.
//!
//! Pure: a [`History`](crate::history::History), or two, in; [`Verdict`]s out. No cause is named without a number that moved in the time that
//! explains the incident and not outside it; what remains is said to be unexplained, and what cannot be decided is
//! undetermined, with what was looked at and what is missing.

mod adverts;
mod beside;
mod code;
mod decided;
mod egress;
mod faults;
mod happenings;
mod heard;
mod incidents;
mod judge;
mod model;
mod numbers;
mod other;
mod own;
mod paused;
mod plane;
mod render;
mod restarts;
mod silence;
mod view;

pub use code::Code;
pub use incidents::incidents;
pub use judge::judge;
pub use model::{Confidence, Evidence, Finding, Happening, Incident, SCHEMA, Verdict};

#[cfg(test)]
mod tests;
