//! The OpenMetrics endpoint: what dashboards and alerts scrape, from the same snapshots as the status.
//!
//! Served by the world outside the engine on a configured address, to a bounded number of clients for a bounded time.
//! Names are those that `docs/metrics.md` lists; state is never a label of a counter.

mod page;
mod serve;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use page::{Host, Scrape};
pub(crate) use serve::{Limits, serve};

/// What the endpoint shows.
pub(crate) trait Source: Send + Sync + 'static {
    /// Everything at one moment, from snapshots: must not wait.
    fn scrape(&self) -> Scrape;
}
