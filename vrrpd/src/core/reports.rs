//! The stream of reports from both threads.

use std::fmt;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
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
            if let Some(report) = self.owners.answered().await {
                return report;
            }
            // The address thread's facts first: what the engine decided rests on them.
            let alone = self.engine.is_abandoned();
            if let Some(report) = self.address.try_next().or_else(|| self.engine.try_next()) {
                self.ended |= matches!(report, Report::Stopped { .. });
                if let Some(report) = self.owners.identified(report) {
                    return report;
                }
                continue;
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

/// How long a report waits for the name of whoever did it. On a host with very many processes the search takes its time.
const PATIENCE: Duration = Duration::from_secs(1);

/// The address thread tells netlink ports; whose they are is looked up by a thread of its own. The report in question, and
/// those behind it, wait for the answer, and nothing else does.
#[derive(Default)]
struct Owners {
    ask: Option<AskOwner>,
    thread: Option<SyncSender<Asked>>,
    waiting: Option<Waiting>,
    /// The last port that was looked up, when, and what came of it: whoever removes a hundred addresses is looked up once.
    last: Option<(u32, Instant, Remover)>,
}

/// A question to the thread.
struct Asked {
    port: u32,
    seen: Instant,
    answer: oneshot::Sender<Remover>,
}

/// A report without its name.
struct Waiting {
    report: Report,
    port: u32,
    answer: oneshot::Receiver<Remover>,
    until: tokio::time::Instant,
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners").finish_non_exhaustive()
    }
}

impl Owners {
    /// The report that waited for its name, once it has it or has waited long enough. Cancel-safe.
    async fn answered(&mut self) -> Option<Report> {
        let waiting = self.waiting.as_mut()?;
        let answer = tokio::time::timeout_at(waiting.until, &mut waiting.answer).await;
        let Waiting {
            mut report, port, ..
        } = self.waiting.take()?;
        let who = match answer {
            Ok(Ok(who)) => who,
            Ok(Err(_)) | Err(_) => Remover::Port(port),
        };
        self.last = Some((port, clock::now(), who));
        if let Some((by, _)) = remover(&mut report) {
            *by = who;
        }
        Some(report)
    }

    /// The report with the name of whoever did it; none while that is looked up.
    fn identified(&mut self, mut report: Report) -> Option<Report> {
        let Some((by, at)) = remover(&mut report) else {
            return Some(report);
        };
        let Remover::Port(port) = *by else {
            return Some(report);
        };
        if let Some(who) = self.known(port, at) {
            *by = who;
            return Some(report);
        }
        let (sender, answer) = oneshot::channel();
        let asked = Asked {
            port,
            seen: at,
            answer: sender,
        };
        // A thread that is still busy with another port leaves this one a port.
        if self
            .thread()
            .is_none_or(|thread| thread.try_send(asked).is_err())
        {
            return Some(report);
        }
        self.waiting = Some(Waiting {
            report,
            port,
            answer,
            until: tokio::time::Instant::now() + PATIENCE,
        });
        None
    }

    fn thread(&mut self) -> Option<&SyncSender<Asked>> {
        if self.thread.is_none() {
            let ask = self.ask.take();
            let (sender, questions) = sync_channel::<Asked>(1);
            let started = std::thread::Builder::new()
                .name("owners".to_owned())
                .spawn(move || {
                    for Asked { port, seen, answer } in questions {
                        let ask = |port, seen| ask.as_ref().and_then(|ask| ask(port, seen));
                        // Nobody may be waiting any more.
                        let _ = answer.send(address::identify(port, seen, ask));
                    }
                });
            self.thread = started.is_ok().then_some(sender);
        }
        self.thread.as_ref()
    }

    fn known(&self, port: u32, seen: Instant) -> Option<Remover> {
        let (known, looked, who) = self.last?;
        // Whoever held it at the look held it before; who is gone does not come back.
        let fresh = match who {
            Remover::Process { .. } => seen <= looked,
            Remover::Kernel | Remover::Port(_) | Remover::Unknown => {
                clock::now().saturating_since(looked) < Duration::from_secs(1)
            }
        };
        (known == port && fresh).then_some(who)
    }
}

/// Who did what a report tells of, and when, where it says so.
const fn remover(report: &mut Report) -> Option<(&mut Remover, Instant)> {
    if let Report::AddressRemoved { by, at, .. }
    | Report::AddressAdded { by, at, .. }
    | Report::Interface { by, at, .. } = report
    {
        Some((by, *at))
    } else {
        None
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

    fn removed(port: u32) -> Report {
        Report::AddressRemoved {
            router: vrrp_proto::router::RouterId {
                interface: vrrp_proto::router::InterfaceKey(0),
                family: vrrp_proto::units::Family::V4,
                vrid: vrrp_proto::units::Vrid::new(51).unwrap(),
            },
            address: std::net::IpAddr::from([10, 0, 0, 7]),
            by: Remover::Port(port),
            at: clock::now(),
        }
    }

    /// On a host with very many processes the search for a port's owner takes long.
    #[tokio::test(start_paused = true)]
    async fn a_search_that_takes_long_leaves_a_port_and_holds_nobody_else() {
        let signal = Signal::new().unwrap();
        let (mut engine, engine_end) = bounded(4, signal.clone());
        let (_address, address_end) = bounded(4, signal.clone());
        let mut reports = Reports::new(signal, engine_end, address_end).unwrap();
        let (go, wait) = sync_channel::<()>(0);
        let wait = std::sync::Mutex::new(wait);
        reports.ask_owners(Box::new(move |_, _| {
            let _ = wait.lock().unwrap().recv();
            None
        }));
        // A port that nobody here has.
        let port = u32::MAX - 7;
        engine.send(removed(port)).unwrap();
        let at = clock::now();
        engine.send(Report::Promoted { at }).unwrap();
        // Whoever waits for a report beside something else loses none.
        let soon = tokio::time::timeout(Duration::from_millis(10), reports.next()).await;
        assert!(soon.is_err(), "{soon:?}");
        let Report::AddressRemoved { by, .. } = reports.next().await else {
            panic!("out of order");
        };
        assert_eq!(by, Remover::Port(port));
        assert_eq!(reports.next().await, Report::Promoted { at });
        drop(go);
    }
}
