//! What the outer world knows between reports: plan, scripts, interfaces, the last events. One lock, held shortly, that
//! the engine never meets.

mod answers;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use vrrp_config::plan::Plan;
use vrrp_proto::router::{FaultSet, Transition};
use vrrp_proto::time::Instant;
use vrrp_record::cause::Cause;
use vrrp_record::event::{DownReason, Event, InterfaceChange, Kind, Remover};
use vrrp_record::ring::{EVENT, RegionWriter, append_event};
use vrrp_record::text::Name;
use vrrp_record::verdict::Verdict;
use vrrp_record::words::{Word, word};

use super::addresses::Missing;
use super::clock::Now;
use super::convert::{self, Around, Names};
use super::history::History;
use super::ledger::{Link, Trackers};
use super::log::Log;
use super::numbers::Numbers;
use super::scripts::{ScriptRun, Tracked};
use super::shown::RecorderShown;
use super::tally::Tally;
use crate::core::{self, CoreSnapshot, Report, RouterSnapshot};
use crate::host::Evidence;
use crate::journal::{Axis, Live};
use crate::recorder::RingFile;
use crate::world::Order;

/// What does not change in a run of the daemon.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Version of the program.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// The run directory.
    pub run_dir: PathBuf,
    /// It could not become a user of its own and kept root's rights.
    pub root: bool,
    /// Start of this run, on CLOCK_MONOTONIC.
    pub started: Instant,
}

/// The configuration in force.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) plan: Arc<Plan>,
    pub(super) file: PathBuf,
    pub(super) digest: String,
    pub(super) warnings: u32,
    pub(super) loaded: Instant,
    pub(super) refused: Option<Instant>,
}

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) scripts: HashMap<String, Tracked>,
    pub(super) links: HashMap<String, Link>,
    pub(super) routers: HashMap<String, Remembered>,
    pub(super) history: History,
    pub(super) recorder: Option<RecorderShown>,
    /// What an operator asked of the node.
    pub(super) order: Option<Order>,
    tally: Tally,
}

/// What was told about one router.
#[derive(Debug)]
pub(super) struct Remembered {
    /// The word that people saw last.
    word: Word,
    /// Since when.
    since: Option<Instant>,
    /// The last transition, by its time, with its complete cause.
    pub(super) cause: Option<(Instant, Cause)>,
    /// The faults that people were told of last.
    faults: FaultSet,
    pub(super) missing: Missing,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            word: Word::Init,
            since: None,
            cause: None,
            faults: FaultSet::NONE,
            missing: Missing::default(),
        }
    }
}

/// Takes reports and events, and gives the status. Shared by the outer world and the control socket.
pub struct Observer {
    identity: Identity,
    snapshot: Box<dyn Fn() -> CoreSnapshot + Send + Sync>,
    numbers: Arc<Numbers>,
    axis: Axis,
    /// What the sampler tells, once it runs.
    evidence: OnceLock<Evidence>,
    live: Arc<Live>,
    inner: Mutex<Inner>,
}

struct Inner {
    running: Running,
    memory: Memory,
    log: Log,
    follower: Option<SyncSender<Event>>,
    kept: Option<RegionWriter<'static, EVENT>>,
    /// Events that the follower had no room for.
    unfollowed: u64,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Observer {
    /// An observer of a core that runs `plan`, which was read from `file` with so many warnings.
    ///
    /// `snapshot` is the core's and must not wait.
    #[must_use]
    pub fn new(
        identity: Identity,
        plan: Arc<Plan>,
        file: PathBuf,
        warnings: u32,
        snapshot: Box<dyn Fn() -> CoreSnapshot + Send + Sync>,
    ) -> Self {
        let begin = Now::read();
        let mut memory = Memory::default();
        adopt_scripts(&mut memory, &plan);
        let digest = digest(&plan);
        let running = Running {
            plan,
            file,
            digest,
            warnings,
            loaded: begin.monotonic,
            refused: None,
        };
        Self {
            identity,
            snapshot,
            numbers: Arc::default(),
            axis: Axis::new(begin.monotonic, begin.unix_ns),
            evidence: OnceLock::new(),
            live: Arc::default(),
            inner: Mutex::new(Inner {
                running,
                memory,
                log: Log::default(),
                follower: None,
                kept: None,
                unfollowed: 0,
            }),
        }
    }

    /// The same on the axis of the flight recorder.
    pub(crate) fn on_axis(mut self, axis: Axis) -> Self {
        self.axis = axis;
        self
    }

    /// The same with keepalived's lines byte for byte, and what we know beyond them in lines of our own.
    pub(crate) fn speaking_as_keepalived(self, as_keepalived: bool) -> Self {
        self.lock().log.as_keepalived = as_keepalived;
        self
    }

    /// Puts every event from now on into the flight recorder.
    pub(crate) fn keep_in(&self, events: RegionWriter<'static, EVENT>) {
        self.lock().kept = Some(events);
    }

    /// What status shows of the flight recorder.
    pub(crate) fn show_recorder(&self, shown: RecorderShown) {
        self.lock().memory.recorder = Some(shown);
    }

    /// What status shows of an operator's word.
    pub(crate) fn show_order(&self, order: Option<Order>) {
        self.lock().memory.order = order;
    }

    /// Shows that the recorder's file is lost, where it is; what is to be said of it.
    pub(crate) fn recorder_lost(&self, file: &RingFile) -> Option<String> {
        let fate = file.fate();
        let shown = &mut self.lock().memory.recorder;
        let shown = shown.as_mut()?;
        shown.trouble = fate.trouble(&shown.file);
        shown.trouble.clone()
    }

    /// What numbers the happenings of this daemon.
    #[must_use]
    pub fn numbers(&self) -> Arc<Numbers> {
        Arc::clone(&self.numbers)
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.lock().running.plan)
    }

    /// Digest of the plan in force.
    pub(crate) fn digest(&self) -> String {
        self.lock().running.digest.clone()
    }

    /// Sends every event from now on there, too. A full channel loses events, and counts them as lost.
    pub(crate) fn follow(&self, follower: SyncSender<Event>) {
        self.lock().follower = Some(follower);
    }

    /// Takes what the explaining thread found, with the time that it happened.
    pub(crate) fn record_at(&self, kind: Kind, at: Instant) {
        self.lock().add(kind, Now::read().at(at));
    }

    /// Takes the state in which another daemon's router was found.
    pub(crate) fn found(&self, name: &str, state: Word, at: Instant) {
        let now = Now::read().at(at);
        let mut inner = self.lock();
        let remembered = inner.remember(name);
        remembered.word = state;
        remembered.cause = Some((at, Cause::Unseen));
        let router = Name::new(name);
        inner.add(Kind::Found { router, state }, now);
    }

    /// Takes a change of state that was seen from outside of the daemon that made it.
    pub(crate) fn seen(
        &self,
        name: &str,
        (from, to): (Word, Word),
        cause: Cause,
        priority: u8,
        at: Instant,
    ) {
        let now = Now::read().at(at);
        let number = self.numbers.next();
        let mut inner = self.lock();
        let remembered = inner.remember(name);
        remembered.word = to;
        remembered.since = Some(at);
        remembered.cause = Some((at, cause));
        let kind = Kind::Transition {
            router: Name::new(name),
            from,
            to,
            releasing: false,
            cause,
            priority,
            number,
        };
        inner.add(kind, now);
    }

    /// Takes the verdict on a numbered happening, for the log.
    pub(crate) fn explained(&self, kind: Kind, verdict: &Verdict, amends: bool) {
        self.lock().log.verdict(&kind, verdict, amends, core::now());
    }

    /// What the explaining thread shows by the status.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// The sampler runs, and the status shows what it tells.
    pub(crate) fn sampled(&self, evidence: Evidence) {
        // There is one sampler in the life of a daemon.
        let _ = self.evidence.set(evidence);
    }

    /// The steady axis of this run.
    pub(crate) const fn axis(&self) -> Axis {
        self.axis
    }

    /// A reload put `plan` into force. What is known about scripts and routers that stay is kept.
    pub fn reloaded(&self, plan: Arc<Plan>, warnings: u32) {
        let mut inner = self.lock();
        adopt_scripts(&mut inner.memory, &plan);
        inner
            .memory
            .routers
            .retain(|name, _| plan.routers.iter().any(|router| router.name == *name));
        inner.memory.tally.retain(
            |name| {
                plan.routers
                    .iter()
                    .any(|router| Name::new(&router.name) == *name)
            },
            |name| {
                plan.scripts
                    .iter()
                    .any(|script| Name::new(&script.name) == *name)
            },
        );
        let file = std::mem::take(&mut inner.running.file);
        let (digest, loaded) = (digest(&plan), Now::read().monotonic);
        inner.running = Running {
            plan,
            file,
            digest,
            warnings,
            loaded,
            refused: None,
        };
    }

    /// A reload was refused, and the old plan stays in force.
    pub fn reload_refused(&self) {
        self.lock().running.refused = Some(Now::read().monotonic);
    }

    /// Takes an event of the outer world: start, stop, reload, notify runs, commands.
    pub fn record(&self, kind: Kind) {
        let now = Now::read();
        // It is recorded when the threads run already, and comes before all that they tell.
        let begin = matches!(kind, Kind::Started { .. }).then_some(self.identity.started);
        self.lock()
            .add(kind, begin.map_or(now, |begin| now.at(begin)));
    }

    /// Takes a run of a track script, before its reading goes to the core. Scripts of no plan are ignored.
    pub fn script_ran(&self, name: &str, run: ScriptRun) {
        let now = Now::read().at(run.ended);
        let mut inner = self.lock();
        let Some(tracked) = inner.memory.scripts.get_mut(name) else {
            return;
        };
        let events = tracked.ran(name, run);
        inner.memory.tally.ran(name, run.outcome, run.took);
        for kind in events {
            inner.add(kind, now);
        }
    }

    /// Takes a report of the core: logs it, keeps it, remembers what the status needs. Returns the word for the state
    /// that a transition led to.
    pub fn report(&self, report: &Report, names: &dyn Names) -> Option<Word> {
        let now = Now::read().at(convert::instant(report));
        let name = convert::router(report).and_then(|id| names.router(id));
        if let (
            Report::Transition {
                transition,
                priority,
                ..
            },
            Some(name),
        ) = (*report, name)
        {
            return self.transition(name, &transition, priority.as_u8(), now);
        } else if let (Report::Faults { faults, .. }, Some(name)) = (*report, name) {
            self.faults(name, faults, now);
        } else if let Report::Interface {
            interface,
            exists,
            up,
            set_up,
            by,
            ..
        } = *report
        {
            if let Some(name) = names.interface(interface) {
                let reason = match (exists, up, set_up) {
                    (true, false, false) => DownReason::SetDown,
                    (true, false, true) => DownReason::NoCarrier,
                    (false, _, _) | (_, true, _) => DownReason::Unknown,
                };
                self.interface(name, (exists, up), reason, convert::remover(by), now);
            }
        } else {
            let mut inner = self.lock();
            if let Some(name) = name {
                inner.remember(name).missing.reported(report);
            }
            let plan = Arc::clone(&inner.running.plan);
            if let Some(kind) = convert::plain(report, names, &plan) {
                inner.add(kind, now);
            }
        }
        None
    }

    fn transition(
        &self,
        name: &str,
        transition: &Transition,
        priority: u8,
        now: Now,
    ) -> Option<Word> {
        let core = (self.snapshot)();
        let snapshot = core.routers.iter().find(|router| *router.name == *name);
        let mut inner = self.lock();
        let objects = inner.objects(name, snapshot, now);
        let remembered = inner.remember(name);
        let around = Around {
            before: remembered.word,
            since: remembered.since,
            objects,
            snapshot,
            priority,
            number: self.numbers.next(),
        };
        let kind = convert::transition(Name::new(name), transition, &around);
        if let Kind::Transition { to, cause, .. } = kind {
            remembered.word = to;
            remembered.since = Some(transition.at);
            remembered.cause = Some((transition.at, cause));
            remembered.faults = convert::faults_entered(transition, None);
        }
        let word = remembered.word;
        inner.add(kind, now);
        Some(word)
    }

    /// Faults that change while the router is in FAULT, or that begin or end its waiting for a first result. Those that a
    /// transition came with were told by it.
    fn faults(&self, name: &str, faults: FaultSet, now: Now) {
        let core = (self.snapshot)();
        let snapshot = core.routers.iter().find(|router| *router.name == *name);
        let mut inner = self.lock();
        let objects = inner.objects(name, snapshot, now);
        let remembered = inner.remember(name);
        if std::mem::replace(&mut remembered.faults, faults) == faults {
            return;
        }
        // A transition that is still to be told says itself what it leads to.
        if let Some(snapshot) = snapshot
            && snapshot.router.last_transition.map(|last| last.at)
                == remembered.cause.map(|(at, _)| at)
        {
            remembered.word = word(snapshot.router.state, faults);
        }
        inner.add(convert::faults(Name::new(name), faults, objects), now);
    }

    fn interface(
        &self,
        name: &str,
        (exists, up): (bool, bool),
        reason: DownReason,
        by: Remover,
        now: Now,
    ) {
        let mut inner = self.lock();
        let before = inner.memory.links.insert(
            name.to_owned(),
            Link {
                up: exists && up,
                since: now.monotonic,
            },
        );
        let change = match (before, exists, up) {
            (_, false, _) => InterfaceChange::Vanished,
            (_, true, true) => InterfaceChange::Up,
            (_, true, false) => InterfaceChange::Down,
        };
        if let (Some(before), Some(link)) = (before, inner.memory.links.get_mut(name))
            && before.up == link.up
        {
            link.since = before.since;
        }
        inner.add(
            Kind::Interface {
                interface: Name::new(name),
                change,
                reason,
                by,
            },
            now,
        );
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves at worst one event half remembered.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, kind: Kind, at: Now) {
        let event = self.memory.history.add(kind, at);
        self.memory.tally.event(&event);
        if let Some(kept) = &mut self.kept {
            append_event(kept, &event);
        }
        if let Some(follower) = &self.follower
            && follower.try_send(event).is_err()
        {
            self.unfollowed += 1;
        }
        self.log.write(&event);
    }

    fn remember(&mut self, name: &str) -> &mut Remembered {
        self.memory.routers.entry(name.to_owned()).or_default()
    }

    /// What sentences about this router's faults may name.
    fn objects(
        &self,
        name: &str,
        snapshot: Option<&RouterSnapshot>,
        now: Now,
    ) -> vrrp_record::words::Objects {
        let plan = &self.running.plan;
        let Some(router) = plan.routers.iter().find(|router| *router.name == *name) else {
            return vrrp_record::words::Objects::default();
        };
        let trackers = Trackers {
            scripts: &self.memory.scripts,
            links: &self.memory.links,
        };
        let failing = trackers.failing(plan, router, now);
        let errno = snapshot.and_then(|now| now.router.refusal.or(now.router.addresses.errno));
        convert::objects(plan, router, failing, errno)
    }
}

/// Leaves the scripts of the plan, and adds those that are new.
fn adopt_scripts(memory: &mut Memory, plan: &Plan) {
    memory
        .scripts
        .retain(|name, _| plan.scripts.iter().any(|script| script.name == *name));
    for script in &plan.scripts {
        let fresh = || Tracked::new(script.init_fail);
        memory
            .scripts
            .entry(script.name.clone())
            .or_insert_with(fresh);
    }
}

/// A digest of the plan, to compare two hosts or two times. Secrets are not part of it, as a digest of a short password
/// would tell it (safety rule 11).
pub(crate) fn digest(plan: &Plan) -> String {
    let text = format!("{plan:?}");
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{fnv:016x}")
}
