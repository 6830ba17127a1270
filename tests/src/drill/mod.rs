//! The fault drill: causes of the catalogue injected into real namespaces between real daemons, and what the verdicts say
//! compared with the truth.
//!
//! Each cause is injected in several variants, that a seed gives sizes, lengths and intervals. Kernel counters and
//! captures show that the injection happened; only then the verdicts count.

pub mod beside;
mod cause;
mod inject;
mod judge;
mod noise;
mod report;
mod scene;
mod schedule;
mod setup;
mod speaker;

pub use cause::{Cause, Truth, Variant, View};
pub use inject::catalogue;
pub use judge::{Grade, Seen};
pub use report::Report;
pub use scene::{Node, Scene};
pub use schedule::{Options, run};
pub use setup::{Pairing, Setup, Side};
