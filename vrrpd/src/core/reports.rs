//! The stream of reports from both threads.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use vrrp_proto::time::Instant;

use super::{Remover, Report};
use crate::address::{self, Owner};
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
    owners: Owners,
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
            owners: Owners::default(),
        })
    }

    /// Asks somebody with more rights where a port's owner cannot be seen from here.
    pub(crate) fn ask_owners(&mut self, ask: AskOwner) {
        self.owners.ask = Some(ask);
    }

    /// The next report. Cancel-safe: a report is either returned or still there. After [`Report::Stopped`] there is
    /// none any more; an engine that ended without a word is taken for stopped.
    pub async fn next(&mut self) -> Report {
        loop {
            // The address thread's facts first: what the engine decided rests on them.
            let alone = self.engine.is_abandoned();
            if let Some(report) = self.address.try_next().or_else(|| self.engine.try_next()) {
                self.ended |= matches!(report, Report::Stopped { .. });
                return self.owners.identified(report);
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

/// Asks somebody with more rights who holds a port, at a time since boot.
pub(crate) type AskOwner = Box<dyn Fn(u32, Duration) -> Option<Owner> + Send>;

/// The address thread tells netlink ports; whose they are is looked up here, where waiting is allowed.
#[derive(Default)]
struct Owners {
    ask: Option<AskOwner>,
    /// The last port that was looked up, when, and what came of it: whoever removes a hundred addresses is looked up once.
    last: Option<(u32, Instant, Remover)>,
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners").finish_non_exhaustive()
    }
}

impl Owners {
    fn identified(&mut self, mut report: Report) -> Report {
        if let Report::AddressRemoved { by, at, .. } | Report::Interface { by, at, .. } =
            &mut report
            && let Remover::Port(port) = *by
        {
            *by = self.look_up(port, *at);
        }
        report
    }

    fn look_up(&mut self, port: u32, seen: Instant) -> Remover {
        if let Some((known, looked, who)) = self.last
            && known == port
        {
            // Whoever held it at the look held it before; who is gone does not come back.
            let fresh = match who {
                Remover::Process { .. } => seen <= looked,
                Remover::Kernel | Remover::Port(_) | Remover::Unknown => {
                    clock::now().saturating_since(looked) < Duration::from_secs(1)
                }
            };
            if fresh {
                return who;
            }
        }
        let who = address::identify(port, seen, |port, seen| {
            self.ask.as_ref().and_then(|ask| ask(port, seen))
        });
        self.last = Some((port, clock::now(), who));
        who
    }
}

#[cfg(test)]
mod tests {
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
