//! Turns what the threads report into the spine of events, and snapshots into the status.
//!
//! Everything that leaves the daemon for people is made here from the same events: the log's lines, the status, and what
//! the control socket says. Belongs to the world outside the engine; decides nothing about VRRP.

mod addresses;
mod clock;
mod convert;
mod history;
mod host;
mod ledger;
mod limiter;
mod log;
mod numbers;
mod observer;
mod scripts;
mod shown;
mod status;
mod tally;
#[cfg(test)]
mod tests;

pub use clock::Now;
pub use convert::Names;
pub use numbers::Numbers;
pub(crate) use observer::digest as plan_digest;
pub use observer::{Identity, Observer};
pub use scripts::ScriptRun;
pub(crate) use shown::RecorderShown;
pub(crate) use tally::Tally;
