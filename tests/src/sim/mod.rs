//! Any number of routers on a virtual LAN, in virtual time, from a seed.
//!
//! Each seed draws hosts, routers, sync groups and trackers, disturbs them (loss, delay, reordering, duplication,
//! partition, one-way links, stalls, crashes, restarts, reloads, faults, failing trackers, lost and refused addresses)
//! and leaves them alone again, several times. The nodes are the daemon's own ([`vrrp_proto::node::Node`]). Checked are:
//!
//! * at every step: addresses wanted if and only if Active or Releasing; every change of state reported, along the
//!   diagram, with a cause that the outside saw; no takeover after less than three intervals of silence; after priority
//!   0 a takeover within the skew; adverts of an Active never further apart than its interval; no deadline in the past;
//! * after 2 × the largest (3 × interval + skew) + one interval + the largest delay without a disturbance: exactly one
//!   Active in each set of compatible routers that hear each other, not lower than one that preempts; then, once holds
//!   and preempt delays are over as well, the address there and nowhere else, and nothing moves.
//!
//! A set is all routers of one virtual router that take part (started, no fault), on hosts that hear each other, with
//! the same version and, in version 2, the same interval. A disturbance is also a router that comes or goes, and a
//! changed priority. Members of a sync group have one priority and one interval on a host.

mod check;
mod disturb;
mod engine;
mod lan;
mod outside;
mod plan;
mod prng;
mod settled;
mod subject;
mod world;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vrrp_proto::router::Cause;

pub use prng::Prng;
pub use subject::Mutation;

use world::World;

/// Names of the causes that are counted.
const CAUSES: [&str; 22] = [
    "started",
    "owner started",
    "silent active",
    "released",
    "preempting",
    "higher priority",
    "tie lost",
    "fault",
    "fault cleared",
    "group",
    "stopped",
    "addresses lost",
    "addresses refused",
    "reconfigured",
    "successor ready",
    "hold expired",
    "hold unhealthy",
    "yielded",
    "no successor",
    "taken out",
    "back in",
    "outweighed",
];

/// Position of a cause in [`CAUSES`].
const fn cause_number(cause: Cause) -> usize {
    match cause {
        Cause::Started => 0,
        Cause::OwnerStarted => 1,
        Cause::SilentActive { .. } => 2,
        Cause::Released { .. } => 3,
        Cause::Preempting { .. } => 4,
        Cause::HigherPriority { .. } => 5,
        Cause::TieLost { .. } => 6,
        Cause::Fault(_) => 7,
        Cause::FaultCleared => 8,
        Cause::Group => 9,
        Cause::Stopped => 10,
        Cause::AddressesLost => 11,
        Cause::AddressesRefused { .. } => 12,
        Cause::Reconfigured => 13,
        Cause::SuccessorReady => 14,
        Cause::HoldExpired => 15,
        Cause::HoldUnhealthy => 16,
        Cause::Yielded => 17,
        Cause::NoSuccessor => 18,
        Cause::TakenOut => 19,
        Cause::BackIn => 20,
        Cause::Outweighed { .. } => 21,
    }
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Events of all kinds.
    pub events: u64,
    /// Adverts sent.
    pub adverts: u64,
    /// Reported transitions.
    pub transitions: u64,
    /// Takeovers deferred after a stall.
    pub deferred: u64,
    /// Transitions by cause.
    causes: [u64; CAUSES.len()],
}

impl Statistics {
    fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.adverts += other.adverts;
        self.transitions += other.transitions;
        self.deferred += other.deferred;
        for (sum, more) in self.causes.iter_mut().zip(other.causes) {
            *sum += more;
        }
    }

    /// Transitions by the name of their cause.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CAUSES.into_iter().zip(self.causes)
    }
}

/// A seed that violated something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was violated.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {}\n  replay: cargo xtask sim --seed {}",
            self.seed, self.what, self.seed
        )
    }
}

/// The outcome of many scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Scenarios that were run.
    pub scenarios: u64,
    /// What happened in all of them.
    pub statistics: Statistics,
    /// Violations, lowest seeds first.
    pub failures: Vec<Failure>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics {
            events,
            adverts,
            transitions,
            deferred,
            ..
        } = self.statistics;
        writeln!(
            f,
            "{} scenarios, {events} events, {adverts} adverts, {transitions} transitions, {deferred} takeovers deferred",
            self.scenarios
        )?;
        for (name, count) in self.statistics.causes() {
            writeln!(f, "  {count:>9} {name}")?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        write!(f, "{} violations", self.failures.len())
    }
}

/// Runs every seed, on all processors.
#[must_use]
pub fn run(seeds: Range<u64>) -> Report {
    run_mutated(seeds, Mutation::None, false)
}

/// Runs seeds against routers with a mistake, to the first violation: what the checks must find.
#[must_use]
pub fn hunt(seeds: Range<u64>, mutation: Mutation) -> Report {
    run_mutated(seeds, mutation, true)
}

/// The event log of one seed, and what it violated.
pub fn replay(seed: u64) -> (Vec<String>, Result<(), String>) {
    let mut world = world(seed, Mutation::None, true);
    let result = world.run();
    (world.into_log(), result)
}

fn world(seed: u64, mutation: Mutation, log: bool) -> World {
    let mut prng = Prng::new(seed);
    let plan = plan::draw(&mut prng);
    World::new(plan, prng, mutation, log)
}

fn run_mutated(seeds: Range<u64>, mutation: Mutation, first_only: bool) -> Report {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(seeds.start);
    let found = AtomicBool::new(false);
    let work = || {
        let mut part = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || (first_only && found.load(Ordering::Relaxed)) {
                return part;
            }
            let mut world = world(seed, mutation, false);
            let result = world.run();
            part.scenarios += 1;
            part.statistics.add(&world.statistics);
            if let Err(what) = result {
                found.store(true, Ordering::Relaxed);
                part.failures.push(Failure { seed, what });
            }
        }
    };
    let parts: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a scenario does not panic"))
            .collect()
    });
    let mut report = Report::default();
    for part in parts {
        report.scenarios += part.scenarios;
        report.statistics.add(&part.statistics);
        report.failures.extend(part.failures);
    }
    report.failures.sort_by_key(|failure| failure.seed);
    report
}
