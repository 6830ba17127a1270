//! What the rest of the daemon sees of the engine and address threads: start, reload, feed, watch, stop.
//!
//! Nothing here decides anything about VRRP, and nothing here can hold the engine up: commands go through a wait-free
//! queue, reports come back through another, and a snapshot is read from atomics.

pub(crate) mod build;
mod error;
mod names;
mod options;
mod places;
mod report;
mod reports;
mod snapshot;
pub(crate) mod start;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use vrrp_config::plan::{Plan, Realtime, RouterPlan};
use vrrp_proto::router::{InterfaceKey, RouterId, Standing, StopKind};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackerId};
use vrrp_record::step::Step;

pub(crate) use build::receive_config;
pub use error::CoreError;
pub use names::InterfaceNames;
pub use options::{CoreOptions, OnResign};
pub use report::{DemotionReason, Remover, Report, ResignReason};
pub use reports::Reports;
pub use snapshot::{
    AdvertCounts, AdvertSnapshot, CoreSnapshot, EngineSnapshot, MemoryLock, ReceiveCounts,
    RouterSnapshot, SchedulingClass,
};
pub(crate) use start::{Recording, start};
pub use view::CoreView;

use build::RouterName;
pub(crate) use names::TrackerNames;
pub(crate) use places::Places;

use crate::address::AddressSetup;
use crate::engine::{self, Command, Setup, Shared, clock};
use crate::publish::{Board, EngineFacts};
use crate::queue::{Receiver, Sender};

/// CLOCK_MONOTONIC now, as every report and snapshot counts.
#[must_use]
pub fn now() -> Instant {
    clock::now()
}

/// Which addresses a plan puts where, for whoever needs no more of it.
pub(crate) fn addresses(plan: &Plan) -> Result<AddressSetup, CoreError> {
    let (mut interfaces, mut trackers) = (InterfaceNames::default(), TrackerNames::default());
    let mut places = Places::new(Vec::new());
    let built = build::build(plan, &mut interfaces, &mut trackers, &mut places)?;
    Ok(*built.address)
}

/// The engine and address threads, as the rest of the daemon holds them.
#[derive(Debug)]
pub struct Core {
    commands: Sender<Command>,
    /// Commands that wait because the engine is behind, in order.
    waiting: VecDeque<Command>,
    returned: Receiver<Box<Setup>>,
    shared: Arc<Shared>,
    interfaces: InterfaceNames,
    trackers: TrackerNames,
    places: Places,
    current: Published,
    /// What is shown until the engine has taken the current setup over.
    previous: Option<Published>,
    view: CoreView,
    threads: Vec<JoinHandle<()>>,
}

/// The routers of one setup and where they are published.
#[derive(Clone, Debug)]
struct Published {
    board: Arc<Board>,
    routers: Vec<RouterName>,
}

/// What a reload changes, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaceSummary {
    /// Routers that were not there before.
    pub added: Vec<String>,
    /// Routers that leave.
    pub removed: Vec<String>,
    /// Routers of both plans, whether their settings changed or not.
    pub kept: Vec<String>,
}

/// Commands that may wait for an engine that hangs; readings beyond that are dropped, and expire.
const WAITING: usize = 1024;
/// Longest wait for a stop on the way out of a panic: the core's own bounds end it before.
const LAST_STOP: Duration = Duration::from_secs(6);

impl Core {
    /// Reloads by difference: routers with the same interface, family and VRID keep their state, and those that did not
    /// change do not notice.
    ///
    /// # Errors
    /// When the plan cannot be built; the present one goes on then.
    pub fn replace(&mut self, plan: &Plan) -> Result<ReplaceSummary, CoreError> {
        self.take_returned();
        let mut built = build::build(
            plan,
            &mut self.interfaces,
            &mut self.trackers,
            &mut self.places,
        )?;
        if plan.global.realtime != Realtime::Off {
            built.setup.memory = Some(engine::lock_state(engine::lock_setup(&built.setup)));
        }
        let summary = self.summary(&built.routers);
        self.send(Command::Replace {
            setup: built.setup,
            address: built.address,
        })?;
        let current = Published {
            board: built.board,
            routers: built.routers,
        };
        let before = std::mem::replace(&mut self.current, current);
        // A setup that the engine never got to see shows nothing.
        if self
            .previous
            .as_ref()
            .is_none_or(|_| before.is_taken_over())
        {
            self.previous = Some(before);
        }
        self.view
            .replace(self.current.clone(), self.previous.clone());
        Ok(summary)
    }

    /// The result of a track script, which holds until `expires` (CLOCK_MONOTONIC). Scripts that the plan does not name
    /// are ignored.
    pub fn reading(&mut self, script: &str, reading: Reading, expires: Instant) {
        self.take_returned();
        let Some(tracker) = self.trackers.find(script) else {
            return;
        };
        // An engine that takes nothing cannot be helped by keeping more for it: what is missing expires.
        let _ = self.send(Command::Reading {
            tracker,
            reading,
            expires,
        });
    }

    /// What an operator asks of every router.
    ///
    /// # Errors
    /// When the engine takes nothing.
    pub fn stand(&mut self, standing: Standing) -> Result<(), CoreError> {
        self.send(Command::Stand(standing))
    }

    /// Every router leaves, then the threads end; [`Report::Stopped`] is the last report.
    pub fn stop(&mut self, kind: StopKind) {
        let _ = self.send(Command::Stop(kind));
    }

    /// The other world lives: call it once a second or more often, from the task that would hang with it (safety rule
    /// 1). Costs one atomic store.
    pub fn beat(&mut self) {
        self.shared.beat.beat(clock::now());
        self.flush();
        self.take_returned();
    }

    /// The state of the engine and of all routers. Never makes the engine wait.
    #[must_use]
    pub fn snapshot(&self) -> CoreSnapshot {
        self.view.snapshot()
    }

    /// Whether the engine runs. Never makes it wait.
    #[must_use]
    pub fn engine_runs(&self) -> bool {
        self.view.engine_runs()
    }

    /// Takes snapshots too, and can be held by somebody else.
    #[must_use]
    pub fn view(&self) -> CoreView {
        self.view.clone()
    }

    /// The identity of a router of the present plan.
    #[must_use]
    pub fn router_id(&self, router: &RouterPlan) -> Option<RouterId> {
        Some(RouterId {
            interface: self.interfaces.key(&router.interface)?,
            family: router.family,
            vrid: router.vrid,
        })
    }

    /// The name of a router of the present or the last plan.
    #[must_use]
    pub fn router_name(&self, id: RouterId) -> Option<&str> {
        let setups = std::iter::once(&self.current).chain(&self.previous);
        let mut routers = setups.flat_map(|setup| &setup.routers);
        routers
            .find(|router| router.id == id)
            .map(|router| &*router.name)
    }

    /// The name of an interface.
    #[must_use]
    pub fn interface_name(&self, key: InterfaceKey) -> Option<&str> {
        self.interfaces.name(key)
    }

    /// The name of a tracked script or interface.
    #[must_use]
    pub fn tracker_name(&self, tracker: TrackerId) -> Option<&str> {
        self.trackers.name(&self.interfaces, tracker)
    }

    /// Waits until both threads have ended; for after [`Report::Stopped`].
    pub fn join(mut self) {
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }

    /// Lets the engine run into a defect.
    #[cfg(test)]
    pub(crate) fn panic_engine(&mut self) {
        let _ = self.send(Command::Panic);
    }

    /// Whether both threads have ended.
    #[must_use]
    pub(crate) fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn send(&mut self, command: Command) -> Result<(), CoreError> {
        self.flush();
        if self.commands.is_abandoned() {
            return Err(CoreError::EngineBusy);
        }
        let refused = if self.waiting.is_empty() {
            self.commands.send(command).err()
        } else {
            Some(command)
        };
        match refused {
            None => Ok(()),
            Some(command) if self.waiting.len() < WAITING => {
                self.waiting.push_back(command);
                Ok(())
            }
            Some(_) => Err(CoreError::EngineBusy),
        }
    }

    fn flush(&mut self) {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(command) = self.commands.send(command) {
                self.waiting.push_front(command);
                return;
            }
        }
    }

    /// Drops setups that the engine gave back.
    fn take_returned(&mut self) {
        while let Some(setup) = self.returned.try_next() {
            drop(setup);
        }
    }

    fn summary(&self, next: &[RouterName]) -> ReplaceSummary {
        let before = &self.current.routers;
        let name = |router: &RouterName| String::from(&*router.name);
        let kept = |router: &&RouterName| before.iter().any(|old| old.id == router.id);
        ReplaceSummary {
            added: next
                .iter()
                .filter(|router| !kept(router))
                .map(name)
                .collect(),
            removed: before
                .iter()
                .filter(|old| !next.iter().any(|router| router.id == old.id))
                .map(name)
                .collect(),
            kept: next.iter().filter(kept).map(name).collect(),
        }
    }
}

/// A world that panics drops what it holds while it unwinds, and the process ends behind it: the routers say goodbye and
/// the addresses go first.
impl Drop for Core {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.stop(StopKind::Immediate);
        let end = clock::now().saturating_add(LAST_STOP);
        while !self.has_ended() && clock::now() < end {
            self.flush();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Published {
    /// Whether the engine runs on this setup: it publishes every router of a setup that it takes over.
    fn is_taken_over(&self) -> bool {
        self.routers.is_empty() || self.board.read(0).is_some()
    }

    fn snapshots(&self) -> Vec<RouterSnapshot> {
        let routers = self.routers.iter().enumerate();
        routers
            .filter_map(|(place, name)| Some(name.snapshot(self.board.read(place)?)))
            .collect()
    }
}

impl CoreSnapshot {
    /// Routers of another daemon, seen from outside: there is no engine of ours, and nothing of it to complain about.
    pub(crate) fn observed(taken: Instant, routers: Vec<RouterSnapshot>) -> Self {
        let engine = EngineSnapshot {
            running: true,
            ..EngineSnapshot::of(None, Duration::ZERO)
        };
        Self {
            taken,
            engine,
            routers,
        }
    }
}

impl EngineSnapshot {
    /// `None` before the engine has published anything: it does not run.
    fn of(facts: Option<EngineFacts>, heartbeat_age: Duration) -> Self {
        let Some(facts) = facts else {
            return Self {
                scheduling: SchedulingClass::Ordinary,
                address_scheduling: None,
                memory: MemoryLock::Off,
                demotions: 0,
                heartbeat_age,
                worst_lateness: Duration::ZERO,
                longest_step: Duration::ZERO,
                longest_step_name: Step::Waiting.as_str(),
                last_advert_step: Duration::ZERO,
                last_advert_step_name: Step::Waiting.as_str(),
                wakes: 0,
                unknown: 0,
                reports_lost: 0,
                receive_drops: 0,
                undelivered: 0,
                stamps_numbered: false,
                evidence_given_up: false,
                records_lost: 0,
                running: false,
            };
        };
        Self {
            scheduling: facts.scheduling,
            address_scheduling: facts.address_scheduling,
            memory: facts.memory,
            demotions: facts.demotions,
            heartbeat_age,
            worst_lateness: facts.worst_lateness,
            longest_step: facts.longest_step,
            longest_step_name: step_name(facts.longest_step_number),
            last_advert_step: facts.last_advert_step,
            last_advert_step_name: step_name(facts.last_advert_step_number),
            wakes: facts.wakes,
            unknown: facts.unknown,
            reports_lost: facts.reports_lost,
            receive_drops: facts.receive_drops,
            undelivered: facts.undelivered,
            stamps_numbered: facts.stamps_numbered,
            evidence_given_up: facts.evidence_given_up,
            records_lost: facts.records_lost,
            running: facts.running,
        }
    }
}

fn step_name(number: u8) -> &'static str {
    Step::from_u8(number).map_or("unknown", Step::as_str)
}
