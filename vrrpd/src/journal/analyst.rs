//! The explaining thread: follows the records as they come, measures, finds near failovers and anomalies, and makes the
//! verdicts. An ordinary thread that touches no disk, so it goes on when the disk that may be the cause hangs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use vrrp_config::plan::Plan;
use vrrp_proto::router::State;
use vrrp_record::event::{Anomaly, Event, Kind};
use vrrp_record::history::Time;
use vrrp_record::ring::RunHeader;
use vrrp_record::status::Unavailable;
use vrrp_record::text::Name;

use super::book::{Book, Outcome};
use super::disk::Bounds;
use super::gaps::Gaps;
use super::keeper::Keeper;
use super::live::{Axis, Entry, Live, NearNote, RecorderFacts};
use super::measure::{Found, Measures, Near, Situation};
use super::minutes::Minutes;
use super::past::{About, Past};
use super::records::{Fresh, Snapshots, nanos};
use super::ring::{RingAccess, RingRecords};
use super::writer::Writer;
use crate::core::{self, CoreSnapshot, RouterSnapshot};
use crate::observe::{Numbers, Observer};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(100);
/// How often it asks what this machine cannot tell, in nanoseconds.
const ASK: i64 = 1_000_000_000;

/// What the thread is given.
pub(crate) struct Inputs {
    /// The core's state; must not wait.
    pub(crate) snapshot: Box<dyn Fn() -> CoreSnapshot + Send>,
    /// Takes what it finds, and gives the plan.
    pub(crate) observer: Arc<Observer>,
    /// The observer's events.
    pub(crate) events: Receiver<Event>,
    /// The flight recorder, where there is one.
    pub(crate) ring: Option<RingAccess>,
    /// The journal's mailbox, where there is one.
    pub(crate) writer: Option<Writer>,
    /// Bytes and age that the command line bounds the journal by.
    pub(crate) bounds: (Option<u64>, Option<Duration>),
    /// This run.
    pub(crate) run: RunHeader,
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
                work.end();
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
    records: Records,
    past: Past,
    book: Book,
    gaps: Gaps,
    minutes: Minutes,
    keeper: Option<Keeper>,
    /// The daemon said goodbye.
    goodbye: bool,
    /// The journal knows the present routers, and what this machine cannot tell.
    described: bool,
    /// Names of the core's routers at the last look into the ring's descriptions.
    named: Vec<String>,
    /// When it was asked last what this machine cannot tell.
    asked: Time,
}

/// Where records come from.
enum Records {
    Ring(Box<RingRecords>),
    Snapshots(Snapshots),
}

impl Records {
    /// What came since the last look.
    fn look(&mut self, core: &CoreSnapshot, axis: Axis, now: Time) -> Fresh {
        match self {
            Self::Ring(ring) => ring.look(now),
            Self::Snapshots(snapshots) => snapshots.look(core, axis),
        }
    }
}

/// What one look found, to be told when no lock is held.
struct Told {
    kind: Kind,
    at: Time,
}

impl Work {
    fn new(mut inputs: Inputs) -> Self {
        let plan = inputs.observer.plan();
        let records = match inputs.ring.take() {
            Some(ring) => Records::Ring(Box::new(RingRecords::new(ring))),
            None => Records::Snapshots(Snapshots::default()),
        };
        let about = About::new(&plan, &inputs.run);
        let writer = inputs.writer.take();
        let keeper = writer.map(|writer| Keeper::new(inputs.run.clone(), writer));
        Self {
            axis: inputs.observer.axis(),
            live: inputs.observer.live(),
            numbers: inputs.observer.numbers(),
            about,
            plan,
            records,
            past: Past::default(),
            book: Book::default(),
            gaps: Gaps::default(),
            minutes: Minutes::default(),
            keeper,
            goodbye: false,
            described: false,
            named: Vec::new(),
            asked: Time(i64::MIN),
            inputs,
        }
    }

    fn look(&mut self) {
        let plan = self.inputs.observer.plan();
        let core = (self.inputs.snapshot)();
        self.describe(plan, &core);
        let now = self.axis.time(core.taken);
        let fresh = self.records.look(&core, self.axis, now);
        let told = self.measure(&core, &fresh);
        self.past.add(&fresh, now);
        let minutes = self.minutes.add(&fresh, now);
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
        if let Some(keeper) = &mut self.keeper {
            keeper.minutes(&minutes);
            keeper.turn(&self.past, now);
        }
    }

    /// The run is over: what is open goes to the journal.
    fn end(&mut self) {
        let minutes = self.minutes.end();
        let now = self.axis.time(core::now());
        if let Some(keeper) = &mut self.keeper {
            keeper.end(&self.past, &minutes, now, self.goodbye);
        }
    }

    /// Keeps track of what the positions in records mean. The engine takes a plan over a moment after it is in force.
    fn describe(&mut self, plan: Arc<Plan>, core: &CoreSnapshot) {
        let new_plan = !Arc::ptr_eq(&plan, &self.plan);
        if new_plan {
            self.described = false;
            if let Some(keeper) = &self.keeper {
                keeper.bound(Bounds::new(plan.global.journal, self.inputs.bounds));
            }
            self.about = About {
                unavailable: std::mem::take(&mut self.about.unavailable),
                ..About::new(&plan, &self.inputs.run)
            };
            self.plan = plan;
        }
        self.ask_what_is_missing(self.axis.time(core.taken));
        let before = self.about.routers.clone();
        self.follow_ring(new_plan, core);
        if self.about.routers != before || !self.described {
            let (routers, unavailable) = (&self.about.routers, &self.about.unavailable);
            let keeper = self.keeper.as_ref();
            self.described = keeper.is_none_or(|keeper| keeper.describe(routers, unavailable));
        }
    }

    /// A verdict has to say what could not be seen. How long a sampler hangs already is no news to the journal.
    fn ask_what_is_missing(&mut self, now: Time) {
        if now.0.saturating_sub(self.asked.0) < ASK {
            return;
        }
        self.asked = now;
        let missing = self.inputs.observer.unavailable();
        let what = |list: &[Unavailable]| -> Vec<String> {
            list.iter().map(|missing| missing.what.clone()).collect()
        };
        self.described &= what(&missing) == what(&self.about.unavailable);
        self.about.unavailable = missing;
    }

    /// Positions in the ring's records are its own. Its descriptions change with the plan, and may come a moment later;
    /// a router for which it has no place is not looked for again.
    fn follow_ring(&mut self, new_plan: bool, core: &CoreSnapshot) {
        let Records::Ring(ring) = &mut self.records else {
            return;
        };
        let names = || core.routers.iter().map(|router| &router.name);
        if new_plan || !self.named.iter().eq(names()) {
            self.named = names().cloned().collect();
            ring.describe();
        }
        if self.about.routers != ring.routers() {
            self.about.routers = ring.routers().to_vec();
        }
        let (file, bytes) = ring.file();
        self.live.lock().recorder = Some(RecorderFacts {
            file,
            bytes,
            oldest: ring.oldest(),
            trouble: None,
        });
    }

    /// Everything of the core that is measured; what it found is numbered.
    fn measure(&mut self, core: &CoreSnapshot, fresh: &Fresh) -> Vec<Told> {
        let live = Arc::clone(&self.live);
        let mut live = live.lock();
        live.routers
            .retain(|name, _| core.routers.iter().any(|router| router.name == *name));
        self.gaps.retain(|name| {
            core.routers
                .iter()
                .any(|router| Name::new(&router.name) == *name)
        });
        let mut found: Vec<(Name, Found)> = Vec::new();
        for router in &core.routers {
            let name = Name::new(&router.name);
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
            if let Some(position) = self.position(&name) {
                found.extend(feed(entry, position, fresh).map(|found| (name, found)));
            }
        }
        for sample in &fresh.samples {
            live.counters.insert(sample.unit, sample.value);
        }
        self.name(&found, &mut live.routers)
    }

    /// Numbers what was found; an anomaly that goes on has its number already, and one of a near failover has that one's.
    fn name(
        &mut self,
        found: &[(Name, Found)],
        entries: &mut BTreeMap<String, Entry>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        let mut anomalies: HashMap<(Name, Anomaly), (Time, u32, u64)> = HashMap::new();
        for (router, found) in found {
            match *found {
                Found::NearFailover(near) => {
                    let number = self.gaps.number(*router, &near, || self.numbers.next());
                    if let Some(entry) = entries.get_mut(router.as_str()) {
                        entry.near = NearNote { number, why: None };
                    }
                    told.push(near_failover(*router, number, &near));
                }
                Found::Anomaly { what, at, amount } => {
                    let known = anomalies.entry((*router, what)).or_insert((at, 0, 0));
                    known.1 += 1;
                    known.2 = known.2.max(amount);
                }
            }
        }
        for ((router, what), (at, count, worst)) in anomalies {
            let new = self.book.is_new(Some(router), what, at);
            if new && !self.gaps.explain(router, at) {
                let number = self.numbers.next();
                self.gaps.anomaly(router, at, number);
                let kind = Kind::Anomaly {
                    router: Some(router),
                    number,
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
            backup: state.state == State::Backup,
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
                    self.goodbye |= matches!(event.kind, Kind::Stopped);
                    if let Some(keeper) = &mut self.keeper {
                        keeper.event(&event, at);
                    }
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
    fn tell(&mut self, outcome: &Outcome) {
        if let (Kind::NearFailover { router, number, .. }, false) =
            (outcome.kind, outcome.verdict.findings.is_empty())
            && let Some(entry) = self.live.lock().routers.get_mut(router.as_str())
            && entry.near.number == number
        {
            entry.near.why = Some(outcome.verdict.summary.clone());
        }
        if let (Some(keeper), Some(number)) = (&mut self.keeper, outcome.kind.number()) {
            keeper.verdict(number, &outcome.verdict);
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

fn near_failover(router: Name, number: u32, near: &Near) -> Told {
    let kind = Kind::NearFailover {
        router,
        number,
        from: near.from,
        gap_ms: near.gap / 1_000_000,
        limit_ms: near.limit / 1_000_000,
    };
    Told { kind, at: near.at }
}
