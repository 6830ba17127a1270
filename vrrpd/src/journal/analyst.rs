//! The explaining thread: follows the records as they come, measures, finds near failovers and anomalies, and makes the
//! verdicts. An ordinary thread that touches no disk, so it goes on when the disk that may be the cause hangs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use vrrp_config::plan::Plan;
use vrrp_proto::router::State;
use vrrp_record::event::{Anomaly, Event, Kind};
use vrrp_record::history::{Run, Time};
use vrrp_record::text::Name;

use super::book::{Book, Outcome};
use super::live::{Axis, Entry, Live, NearNote};
use super::measure::{Found, Measures, Near, Situation};
use super::past::{About, Past};
use super::records::{Fresh, Snapshots, nanos};
use crate::core::{self, CoreSnapshot, RouterSnapshot};
use crate::observe::{Numbers, Observer};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(100);

/// What the thread is given.
pub(crate) struct Inputs {
    /// The core's state; must not wait.
    pub(crate) snapshot: Box<dyn Fn() -> CoreSnapshot + Send>,
    /// Takes what it finds, and gives the plan.
    pub(crate) observer: Arc<Observer>,
    /// The observer's events.
    pub(crate) events: Receiver<Event>,
    /// This run.
    pub(crate) run: Run,
    /// The host's name.
    pub(crate) host: String,
}

/// The thread, until this is dropped.
#[derive(Debug)]
pub(crate) struct Analyst {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Analyst {
    /// Starts it.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(inputs: Inputs) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("explain".to_owned())
            .spawn(move || {
                let mut work = Work::new(inputs);
                while !stopped.load(Ordering::Relaxed) {
                    work.look();
                    std::thread::park_timeout(PERIOD);
                }
                work.look();
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Analyst {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Work {
    inputs: Inputs,
    axis: Axis,
    live: Arc<Live>,
    numbers: Arc<Numbers>,
    plan: Arc<Plan>,
    about: About,
    snapshots: Snapshots,
    past: Past,
    book: Book,
}

/// What one look found, to be told when no lock is held.
struct Told {
    kind: Kind,
    at: Time,
}

impl Work {
    fn new(inputs: Inputs) -> Self {
        let plan = inputs.observer.plan();
        Self {
            axis: inputs.observer.axis(),
            live: inputs.observer.live(),
            numbers: inputs.observer.numbers(),
            about: About::new(&plan, &inputs.host, inputs.run.clone()),
            plan,
            snapshots: Snapshots::default(),
            past: Past::default(),
            book: Book::default(),
            inputs,
        }
    }

    fn look(&mut self) {
        let plan = self.inputs.observer.plan();
        if !Arc::ptr_eq(&plan, &self.plan) {
            self.about = About::new(&plan, &self.inputs.host, self.inputs.run.clone());
            self.plan = plan;
        }
        let core = (self.inputs.snapshot)();
        let now = self.axis.time(core.taken);
        let fresh = self.snapshots.look(&core, self.axis);
        let told = self.measure(&core, &fresh);
        self.past.add(&fresh, now);
        for Told { kind, at } in told {
            self.inputs.observer.record_at(kind, self.axis.instant(at));
        }
        self.take_events();
        let now = self.axis.time(core::now());
        if self.book.is_due(now) {
            let history = self.past.history(&self.about, now);
            for outcome in self.book.judge(&history, now) {
                self.tell(&outcome);
            }
        }
    }

    /// Everything of the core that is measured; what it found is numbered.
    fn measure(&mut self, core: &CoreSnapshot, fresh: &Fresh) -> Vec<Told> {
        let live = Arc::clone(&self.live);
        let mut live = live.lock();
        live.routers
            .retain(|name, _| core.routers.iter().any(|router| router.name == *name));
        let mut found: Vec<(u16, Found)> = Vec::new();
        for (position, router) in (0..).zip(&core.routers) {
            let situation = self.situation(router);
            let entry = live
                .routers
                .entry(router.name.clone())
                .or_insert_with(|| Entry {
                    measures: Measures::default(),
                    situation,
                    near: NearNote::default(),
                });
            entry.situation = situation;
            found.extend(feed(entry, position, fresh).map(|found| (position, found)));
        }
        for sample in &fresh.samples {
            live.counters.insert(sample.unit, sample.value);
        }
        self.name(core, &found, &mut live.routers)
    }

    /// Numbers what was found; an anomaly that goes on has its number already.
    fn name(
        &mut self,
        core: &CoreSnapshot,
        found: &[(u16, Found)],
        entries: &mut std::collections::BTreeMap<String, Entry>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        let mut anomalies: HashMap<(u16, Anomaly), (Time, u32, u64)> = HashMap::new();
        for (position, found) in found {
            let Some(router) = core.routers.get(usize::from(*position)) else {
                continue;
            };
            match *found {
                Found::NearFailover(near) => {
                    let number = self.numbers.next();
                    if let Some(entry) = entries.get_mut(&router.name) {
                        entry.near = NearNote { number, why: None };
                    }
                    told.push(near_failover(&router.name, number, &near));
                }
                Found::Anomaly { what, at, amount } => {
                    let known = anomalies.entry((*position, what)).or_insert((at, 0, 0));
                    known.1 += 1;
                    known.2 = known.2.max(amount);
                }
            }
        }
        for ((position, what), (at, count, worst)) in anomalies {
            let name = core.routers.get(usize::from(position));
            let router = name.map(|router| Name::new(&router.name));
            if self.book.is_new(router, what, at) {
                let kind = Kind::Anomaly {
                    router,
                    number: self.numbers.next(),
                    what,
                    count,
                    worst_us: worst / 1_000,
                };
                told.push(Told { kind, at });
            }
        }
        told
    }

    fn situation(&self, router: &RouterSnapshot) -> Situation {
        let state = &router.router;
        let plan = self
            .plan
            .routers
            .iter()
            .find(|plan| plan.name == router.name);
        let about = self
            .about
            .routers
            .iter()
            .find(|about| about.name == router.name);
        let interval = nanos(state.active_interval.as_duration());
        let limit = nanos(state.down_interval);
        // A peer that was never heard may be as impatient as there can be.
        let peer = state
            .peer
            .map(|peer| peer.priority.as_u8())
            .filter(|priority| *priority > 0);
        let own = nanos(state.interval.as_duration());
        let peers_limit = about.map_or(limit, |about| {
            about.down_interval(Some(own), peer.unwrap_or(254))
        });
        let preempts = plan.is_none_or(|plan| plan.preempt);
        Situation {
            active: state.state == State::Active,
            backup: matches!(state.state, State::Backup { .. }),
            since: self.axis.time(state.since),
            interval: if state.state == State::Active {
                own
            } else {
                interval
            },
            limit,
            peers_limit,
            least_priority: if preempts { state.priority.as_u8() } else { 1 },
        }
    }

    fn take_events(&mut self) {
        loop {
            match self.inputs.events.try_recv() {
                Ok(event) => {
                    let at = self
                        .axis
                        .time(vrrp_proto::time::Instant::from_nanos(event.monotonic_ns));
                    self.past.event(at, event);
                    let position = event.kind.router().and_then(|name| self.position(name));
                    let interval = position
                        .and_then(|at| self.about.routers.get(usize::from(at)))
                        .map_or(1_000_000_000, |router| router.interval);
                    self.book.open(event.kind, at, position, interval);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn position(&self, name: &Name) -> Option<u16> {
        let routers = &self.about.routers;
        let position = routers
            .iter()
            .position(|router| Name::new(&router.name) == *name)?;
        u16::try_from(position).ok()
    }

    /// Hands a verdict on: to the log, and to the note on a near failover.
    fn tell(&self, outcome: &Outcome) {
        if let (Kind::NearFailover { router, number, .. }, false) =
            (outcome.kind, outcome.verdict.findings.is_empty())
            && let Some(entry) = self.live.lock().routers.get_mut(router.as_str())
            && entry.near.number == number
        {
            entry.near.why = Some(outcome.verdict.summary.clone());
        }
        self.inputs
            .observer
            .explained(outcome.kind, &outcome.verdict, outcome.amends);
    }
}

/// A router's share of what came.
fn feed(entry: &mut Entry, position: u16, fresh: &Fresh) -> impl Iterator<Item = Found> {
    let (measures, at) = (&mut entry.measures, &entry.situation);
    let mut found = Vec::new();
    if fresh.unseen_sent.contains(&position) {
        measures.unseen_sent();
    }
    if fresh.unseen_heard.contains(&position) {
        measures.unseen_heard();
    }
    for sent in fresh.due.iter().filter(|sent| sent.router == position) {
        found.extend(measures.due(sent, at));
    }
    for sent in fresh.settled.iter().filter(|sent| sent.router == position) {
        found.extend(measures.settled(sent, at));
    }
    for heard in fresh.heard.iter().filter(|heard| heard.router == position) {
        found.extend(measures.heard(heard, at));
    }
    let rejected = fresh
        .rejected
        .iter()
        .filter(|rejected| rejected.router == position);
    found.extend(rejected.map(Measures::rejected));
    found.into_iter()
}

fn near_failover(router: &str, number: u32, near: &Near) -> Told {
    let kind = Kind::NearFailover {
        router: Name::new(router),
        number,
        from: near.from,
        gap_ms: near.gap / 1_000_000,
        limit_ms: near.limit / 1_000_000,
    };
    Told { kind, at: near.at }
}
