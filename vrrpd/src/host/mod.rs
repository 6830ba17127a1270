//! The sampler: a thread of ordinary class that reads counters of the host and its interfaces ten times a second, and asks
//! neighbours once a second whether they are there.
//!
//! It has a thread of its own, so that nothing it reads can delay the engine; one that hangs costs samples and shows in the
//! status. It judges nothing.

mod adverts;
mod available;
mod counters;
mod economy;
mod frames;
mod kept;
mod links;
mod probe;
mod processes;
mod text;
mod thread;
mod watch;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vrrp_proto::time::Instant;
use vrrp_record::quantity::Span;
use vrrp_record::ring::{ADVERT, RegionWriter};
use vrrp_record::status::Unavailable;

pub(crate) use processes::{Processes, unavailable as no_process_events};
pub(crate) use watch::Watch;

use crate::engine::clock;
use crate::journal::Axis;
use crate::queue::{self, Sender, Signal};

/// Plans that may wait for a sampler that is busy.
const COMMANDS: usize = 16;
/// A sampler that was not heard of for so long hangs.
const SILENCE: Duration = Duration::from_secs(3);

/// Peers heard lately, each with the interface that it was heard on.
pub(crate) type Heard = Box<dyn Fn() -> Vec<(String, IpAddr)> + Send>;

/// What a sampler begins with.
pub(crate) struct Setup {
    /// What it watches.
    pub(crate) watch: Watch,
    /// The run's axis of time.
    pub(crate) axis: Axis,
    /// Must not wait.
    pub(crate) heard: Heard,
    /// What is known to be missing already.
    pub(crate) missing: Vec<Unavailable>,
    /// Where samples go; without it only the status learns something.
    pub(crate) ring: Option<RegionWriter<'static, ADVERT>>,
}

enum Command {
    Watch(Box<Watch>),
}

/// What the sampler tells about itself.
#[derive(Debug)]
struct Shared {
    /// CLOCK_MONOTONIC of its last turn, in nanoseconds.
    last: AtomicU64,
    period_ms: AtomicU64,
    /// Nothing until it has looked for the first time.
    unavailable: Mutex<Option<Vec<Unavailable>>>,
}

impl Shared {
    fn unavailable(&self) -> MutexGuard<'_, Option<Vec<Unavailable>>> {
        // It is replaced in one assignment.
        self.unavailable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set_unavailable(&self, list: Vec<Unavailable>) {
        *self.unavailable() = Some(list);
    }
}

/// The sampler, as the rest of the daemon holds it. It ends with this value.
pub(crate) struct Sampler {
    commands: Sender<Command>,
    evidence: Evidence,
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").finish_non_exhaustive()
    }
}

/// What the status shows of the sampler. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Evidence(Arc<Shared>);

impl Sampler {
    /// Starts the thread, in the network namespace of the caller and after the engine.
    pub(crate) fn start(setup: Setup) -> io::Result<Self> {
        let (commands, inbox) = queue::bounded(COMMANDS, Signal::new()?);
        let shared = Arc::new(Shared {
            last: AtomicU64::new(clock::now().as_nanos()),
            period_ms: AtomicU64::new(0),
            unavailable: Mutex::new(None),
        });
        let evidence = Evidence(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || {
                // A refused socket leaves the status to say that nothing is sampled.
                if let Ok(sampler) = thread::Sampler::new(setup, inbox, shared) {
                    sampler.run();
                }
            })?;
        Ok(Self { commands, evidence })
    }

    /// Watches what another plan needs. A sampler that hangs goes on with the old one.
    pub(crate) fn watch(&mut self, watch: Watch) {
        let _ = self.commands.send(Command::Watch(Box::new(watch)));
    }

    /// For the status.
    pub(crate) fn evidence(&self) -> Evidence {
        self.evidence.clone()
    }
}

impl Evidence {
    /// Whether the sampler has looked what this machine cannot give, or will not come to it, at `now`.
    pub(crate) fn is_known(&self, now: Instant) -> bool {
        self.0.unavailable().is_some() || self.silence(now) > SILENCE
    }

    fn silence(&self, now: Instant) -> Duration {
        let last = Instant::from_nanos(self.0.last.load(Ordering::Acquire));
        now.saturating_since(last)
    }

    /// What this machine cannot give, and whether the sampler hangs or saves time, at `now`.
    pub(crate) fn unavailable(&self, now: Instant) -> Vec<Unavailable> {
        let mut list = self.0.unavailable().clone().unwrap_or_default();
        let silence = self.silence(now);
        let period = self.0.period_ms.load(Ordering::Relaxed);
        let usual = u64::try_from(thread::PERIOD.as_millis()).unwrap_or_default();
        if silence > SILENCE {
            list.push(Unavailable {
                what: "host counters".to_owned(),
                why: format!("the sampler has not come round for {}", Span(silence)),
                remedy: None,
            });
        } else if period > usual {
            list.push(Unavailable {
                what: format!("host counters every {usual} ms"),
                why: format!(
                    "reading them takes too much CPU here: they are read every {period} ms"
                ),
                remedy: None,
            });
        }
        list
    }
}

#[cfg(test)]
mod tests;
