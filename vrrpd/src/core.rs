//! What the rest of the daemon sees of the engine and address threads: start, reload, feed, watch, stop.
//!
//! Nothing here decides anything about VRRP, and nothing here can hold the engine up: commands go through a wait-free
//! queue, reports come back through another, and a snapshot is read from atomics.

mod names;
mod options;
mod report;
mod snapshot;

pub use names::InterfaceNames;
pub use options::{CoreOptions, OnResign};
pub use report::{DemotionReason, Remover, Report, ResignReason};
pub use snapshot::{
    AdvertCounts, AdvertSnapshot, CoreSnapshot, EngineSnapshot, MemoryLock, ReceiveCounts,
    RouterSnapshot, SchedulingClass,
};
