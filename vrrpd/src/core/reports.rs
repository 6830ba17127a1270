//! The stream of reports from both threads.

use std::io;

use tokio::io::unix::AsyncFd;

use super::{Remover, Report};
use crate::address;
use crate::engine::clock;
use crate::queue::{Receiver, Signal};
use crate::sys;

/// The stream of reports from both threads, oldest first for each thread.
#[derive(Debug)]
pub struct Reports {
    signal: AsyncFd<Signal>,
    engine: Receiver<Report>,
    address: Receiver<Report>,
    /// Whether the last report was given out.
    ended: bool,
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
            ended: false,
        })
    }

    /// The next report. Cancel-safe: a report is either returned or still there. After [`Report::Stopped`] there is
    /// none any more; an engine that ended without a word is taken for stopped.
    pub async fn next(&mut self) -> Report {
        loop {
            // The address thread's facts first: what the engine decided rests on them.
            let alone = self.engine.is_abandoned();
            if let Some(report) = self.address.try_next().or_else(|| self.engine.try_next()) {
                self.ended |= matches!(report, Report::Stopped { .. });
                return identified(report);
            }
            if alone && !self.ended {
                self.ended = true;
                return Report::Stopped {
                    addresses_removed: false,
                    at: clock::now(),
                };
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

/// The address thread tells netlink ports; whose they are is looked up here, where waiting is allowed.
fn identified(mut report: Report) -> Report {
    if let Report::AddressRemoved { by, at, .. } | Report::Interface { by, at, .. } = &mut report
        && let Remover::Port(port) = *by
    {
        *by = address::identify(port, *at);
    }
    report
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::queue::bounded;

    #[tokio::test]
    async fn an_engine_that_ends_without_a_word_is_reported_as_stopped_once() {
        let signal = Signal::new().unwrap();
        let (mut engine, engine_end) = bounded(4, signal.clone());
        let (_address, address_end) = bounded(4, signal.clone());
        let mut reports = Reports::new(signal, engine_end, address_end).unwrap();
        let at = clock::now();
        engine.send(Report::Promoted { at }).unwrap();
        let dies = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(engine);
        });
        assert_eq!(reports.next().await, Report::Promoted { at });
        let last = reports.next().await;
        assert!(
            matches!(
                last,
                Report::Stopped {
                    addresses_removed: false,
                    ..
                }
            ),
            "{last:?}"
        );
        dies.join().unwrap();
        let nothing = tokio::time::timeout(Duration::from_millis(50), reports.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }
}
