//! The stream of reports from both threads.

use std::io;

use tokio::io::unix::AsyncFd;

use super::Report;
use crate::queue::{Receiver, Signal};
use crate::sys;

/// The stream of reports from both threads, oldest first for each thread.
#[derive(Debug)]
pub struct Reports {
    signal: AsyncFd<Signal>,
    engine: Receiver<Report>,
    address: Receiver<Report>,
}

impl Reports {
    /// Within a tokio context.
    pub(super) fn new(
        signal: Signal,
        engine: Receiver<Report>,
        address: Receiver<Report>,
    ) -> io::Result<Self> {
        Ok(Self {
            signal: sys::readiness::register(signal)?,
            engine,
            address,
        })
    }

    /// The next report. Cancel-safe: a report is either returned or still there. After [`Report::Stopped`] there is
    /// none any more.
    pub async fn next(&mut self) -> Report {
        loop {
            // The address thread's facts first: what the engine decided rests on them.
            if let Some(report) = self.address.try_next().or_else(|| self.engine.try_next()) {
                return report;
            }
            match self.signal.readable().await {
                Ok(mut ready) => {
                    // Cleared before the queues are looked at, so that nothing sent in between is missed.
                    ready.get_inner().clear();
                    ready.clear_ready();
                }
                // Only a runtime that shuts down says so; it drops this future next.
                Err(_) => std::future::pending().await,
            }
        }
    }
}
