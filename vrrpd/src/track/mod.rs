//! Tracked scripts: when they are run, what their ends mean, and until when that holds.
//!
//! Readings go to the core with an expiry, so that a result that stops coming counts as a failure without anything here
//! having to run (safety rule 1). Interfaces are tracked by the address thread; weights and faults are the core's.

mod exits;
mod manager;
mod script;
#[cfg(test)]
mod tests;

pub use exits::Watched;
pub use manager::Trackers;
pub use script::{Launch, Settings, Verdict, validity, watch};
