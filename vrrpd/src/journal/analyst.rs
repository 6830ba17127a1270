//! The explaining thread: follows the records as they come, measures, finds near failovers and anomalies, and makes the
//! verdicts. An ordinary thread that touches no disk, so it goes on when the disk that may be the cause hangs.

use std::collections::{BTreeMap, HashMap, HashSet};
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
use super::index::Index;
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
/// How often it asks the core how its routers stand, where no record says that something changed, in nanoseconds.
const REFRESH: i64 = 1_000_000_000;
/// After a new plan it asks every time for so long: the engine takes it over a moment later.
const UNSETTLED: i64 = 5_000_000_000;

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
    index: Index,
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
    /// Names of the core's routers at the last look.
    named: Vec<Arc<str>>,
    /// When it was asked last what this machine cannot tell.
    asked: Time,
    /// How the core's routers stood when it was asked, and when that was.
    core: Arc<CoreSnapshot>,
    refreshed: Time,
    /// A plan was new a moment ago.
    unsettled_until: Time,
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
            index: Index::new(&plan, &about.routers),
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
            core: Arc::new((inputs.snapshot)()),
            refreshed: Time(i64::MIN),
            unsettled_until: Time(i64::MIN),
            inputs,
        }
    }

    fn look(&mut self) {
        let mut refreshed = self.refresh();
        let now = self.axis.time(core::now());
        let fresh = self.records.look(&self.core, self.axis, now);
        if fresh.transitions > 0 && !refreshed {
            self.core = Arc::new((self.inputs.snapshot)());
            refreshed = true;
        }
        if refreshed {
            self.stand();
        }
        let told = self.measure(&fresh);
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

    /// Asks the core how its routers stand, where that may be another than before: a thousand routers are not asked for
    /// nothing ten times a second.
    fn refresh(&mut self) -> bool {
        let plan = self.inputs.observer.plan();
        let now = self.axis.time(core::now());
        if !Arc::ptr_eq(&plan, &self.plan) || self.refreshed == Time(i64::MIN) {
            self.unsettled_until = now.plus(UNSETTLED);
        }
        let due = matches!(self.records, Records::Snapshots(_))
            || now < self.unsettled_until
            || now.0.saturating_sub(self.refreshed.0) >= REFRESH;
        if due {
            self.refreshed = now;
            self.core = Arc::new((self.inputs.snapshot)());
            let core = Arc::clone(&self.core);
            self.describe(plan, &core);
        }
        due
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
        let names = || core.routers.iter().map(|router| &router.name);
        if new_plan || !self.named.iter().eq(names()) {
            self.named = names().cloned().collect();
            let named: HashSet<&str> = self.named.iter().map(|name| &**name).collect();
            let mut live = self.live.lock();
            live.routers.retain(|name, _| named.contains(name.as_str()));
            drop(live);
            let named: HashSet<Name> = self.named.iter().map(|name| Name::new(name)).collect();
            self.gaps.retain(|name| named.contains(name));
            self.described &= !self.ask_ring();
            self.index = Index::new(&self.plan, &self.about.routers);
        }
        self.note_ring();
        if !self.described {
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
    /// a router for which it has no place is not looked for again. Whether it describes others than before.
    fn ask_ring(&mut self) -> bool {
        let Records::Ring(ring) = &mut self.records else {
            return false;
        };
        ring.describe();
        let others = self.about.routers != ring.routers();
        if others {
            self.about.routers = ring.routers().to_vec();
        }
        others
    }

    fn note_ring(&self) {
        if let Records::Ring(ring) = &self.records {
            let (file, bytes) = ring.file();
            self.live.lock().recorder = Some(RecorderFacts {
                file,
                bytes,
                oldest: ring.oldest(),
                trouble: None,
            });
        }
    }

    /// How each router stands from now on.
    fn stand(&self) {
        let mut live = self.live.lock();
        for router in &self.core.routers {
            let situation = self.situation(router);
            if let Some(entry) = live.routers.get_mut(&*router.name) {
                entry.situation = situation;
            } else {
                let entry = Entry {
                    measures: Measures::default(),
                    situation,
                    near: NearNote::default(),
                };
                live.routers.insert(router.name.to_string(), entry);
            }
        }
    }

    /// Everything that is measured; what it found is numbered.
    fn measure(&mut self, fresh: &Fresh) -> Vec<Told> {
        let live = Arc::clone(&self.live);
        let mut live = live.lock();
        let found = self.feed(&mut live.routers, fresh);
        for sample in &fresh.samples {
            live.counters.insert(sample.unit, sample.value);
        }
        self.name(&found, &mut live.routers)
    }

    /// Gives each router its share of what came.
    fn feed(&self, entries: &mut BTreeMap<String, Entry>, fresh: &Fresh) -> Vec<(Name, Found)> {
        let mut found = Vec::new();
        let mut give = |position: u16, measure: &mut dyn FnMut(&mut Entry, &mut Vec<Found>)| {
            let router = self.about.routers.get(usize::from(position));
            let entry = router.and_then(|router| Some((router, entries.get_mut(&router.name)?)));
            if let Some((router, entry)) = entry {
                let mut new = Vec::new();
                measure(entry, &mut new);
                let name = Name::new(&router.name);
                found.extend(new.into_iter().map(|found| (name, found)));
            }
        };
        for position in &fresh.unseen_sent {
            give(*position, &mut |entry, _| entry.measures.unseen_sent());
        }
        for position in &fresh.unseen_heard {
            give(*position, &mut |entry, _| entry.measures.unseen_heard());
        }
        for sent in &fresh.due {
            give(sent.router, &mut |entry, found| {
                found.extend(entry.measures.due(sent, &entry.situation));
            });
        }
        for sent in &fresh.settled {
            give(sent.router, &mut |entry, found| {
                found.extend(entry.measures.settled(sent, &entry.situation));
            });
        }
        for heard in &fresh.heard {
            give(heard.router, &mut |entry, found| {
                found.extend(entry.measures.heard(heard, &entry.situation));
            });
        }
        for rejected in &fresh.rejected {
            give(rejected.router, &mut |_, found| {
                found.push(Measures::rejected(rejected));
            });
        }
        found
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
        let plan = self.index.plan(&router.name);
        let plan = plan.and_then(|place| self.plan.routers.get(place));
        let about = self.index.position(&router.name);
        let about = about.and_then(|place| self.about.routers.get(usize::from(place)));
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
                    let position = event
                        .kind
                        .router()
                        .and_then(|name| self.index.position_of(name));
                    let interval = position
                        .and_then(|at| self.about.routers.get(usize::from(at)))
                        .map_or(1_000_000_000, |router| router.interval);
                    self.book.open(event.kind, at, position, interval);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
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
