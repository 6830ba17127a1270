//! From records to reasons: what happened on a node that wants an explanation, and what the records prove about it.
//!
//! Pure: a [`History`](crate::history::History), or two, in; [`Verdict`]s out. This version finds the incidents and carries
//! what the state machine said of them; every verdict is undetermined until the judging of the catalogue's causes is built.

mod code;
mod incidents;
mod judge;
mod model;
mod render;

pub use code::Code;
pub use incidents::incidents;
pub use judge::judge;
pub use model::{Confidence, Evidence, Finding, Happening, Incident, SCHEMA, Verdict};
