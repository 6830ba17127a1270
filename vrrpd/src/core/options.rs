//! Settings of the core that no configuration file carries.

use std::time::Duration;

use vrrp_proto::router::Standing;

/// Settings of the core that no configuration file carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreOptions {
    /// A heartbeat older than this is reported (safety rule 1).
    pub heartbeat_warn: Duration,
    /// A heartbeat older than this, or than the longest time a tracker's result may last, makes the engine resign.
    pub heartbeat_resign: Duration,
    /// What follows when the engine has resigned.
    pub on_resign: OnResign,
    /// How long a stop or a resignation waits for the address thread before it goes on without it.
    pub stop_bound: Duration,
    /// What an operator asked of every router before this start.
    pub standing: Standing,
}

impl Default for CoreOptions {
    /// The bounds of safety rule 1; a resignation ends the process.
    fn default() -> Self {
        Self {
            heartbeat_warn: Duration::from_secs(3),
            heartbeat_resign: Duration::from_secs(10),
            on_resign: OnResign::ExitProcess(1),
            stop_bound: Duration::from_secs(5),
            standing: Standing::Normal,
        }
    }
}

/// What follows when the engine has resigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnResign {
    /// The engine ends the process without running anything of the other world, which may hang: with this code if it does,
    /// with [`Exit::Internal`](crate::exit::Exit::Internal) where a part of the core broke.
    ExitProcess(i32),
    /// Only the core's threads end; for tests and for embedding.
    EndThreads,
}
