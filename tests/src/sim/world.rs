//! Virtual time: hosts with nodes, their engines and address threads, and what happens to them.
//!
//! The engine is simulated as the daemon's works: drain, tell of stalls, serve deadlines, sleep. The address thread
//! confirms late, sometimes refuses, and works in order. Which disturbance comes when is `disturb.rs`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use vrrp_proto::node::RouterIndex;
use vrrp_proto::router::{AddressState, Event, FaultSet, Received, Standing, State, StopKind};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackerId};

use super::Statistics;
use super::check::Watcher;
use super::lan::Lan;
use super::plan::{HostPlan, Plan};
use super::prng::Prng;
use super::settled::{self, Member};
use super::subject::{Mutation, Subject};

/// Settled moments that end a round.
const SETTLED_CHECKS: u32 = 12;
/// A round that never settles is an error of the simulation itself; no run gets near this.
const MOST_EVENTS: u64 = 4_000_000;

/// What comes to a host from outside its engine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    Advert {
        router: usize,
        advert: Received,
        sent: Instant,
    },
    Addresses(usize, AddressState),
    SuccessorAnnounced(usize),
    AddressesLost(usize),
    Reading(TrackerId, Reading, Instant),
    Faults(FaultSet),
    Stop(StopKind),
    Stand(Standing),
    Start,
}

/// What happens at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Wake {
        host: usize,
        number: u64,
    },
    Arrive {
        host: usize,
        epoch: u64,
        input: Input,
    },
    AddressDone {
        host: usize,
        epoch: u64,
        router: usize,
        add: bool,
    },
    PauseEnds {
        host: usize,
        epoch: u64,
    },
    Results {
        host: usize,
        epoch: u64,
    },
    Restart {
        host: usize,
    },
    Disturb,
    Calm,
    Check,
}

#[derive(Clone, Copy, Debug)]
struct Queued {
    at: Instant,
    pub(super) number: u64,
    what: What,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A machine.
pub(super) struct Host {
    pub(super) plan: HostPlan,
    /// None while crashed.
    pub(super) subject: Option<Subject>,
    /// Counts lives, so that what was meant for an earlier one is dropped.
    pub(super) epoch: u64,
    pub(super) asked: Option<Instant>,
    pub(super) wake: u64,
    pub(super) paused_until: Option<Instant>,
    /// The whole machine is paused: frames wait below the socket and come after the wake-up.
    pub(super) frozen: bool,
    pub(super) inbox: Vec<Input>,
    pub(super) watchers: Vec<Watcher>,
    pub(super) threads: Vec<AddressThread>,
    /// The other world hangs: no results.
    pub(super) hung: bool,
    pub(super) refusing: bool,
    pub(super) readings: Vec<Reading>,
    pub(super) faults: FaultSet,
    pub(super) stopped: bool,
}

/// The simulated address thread's work for one router.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressThread {
    pub(super) present: bool,
    pub(super) wanted: bool,
    pub(super) busy_until: Instant,
}

/// Everything.
pub(super) struct World {
    pub(super) prng: Prng,
    pub(super) plan: Plan,
    pub(super) mutation: Mutation,
    pub(super) now: Instant,
    queue: BinaryHeap<Reverse<Queued>>,
    pub(super) number: u64,
    pub(super) hosts: Vec<Host>,
    pub(super) lan: Lan,
    /// Sides of the partition while calm.
    pub(super) sides: Vec<usize>,
    pub(super) calm: bool,
    /// When it began.
    pub(super) calm_at: Instant,
    pub(super) changed_at: Instant,
    pub(super) settled: u32,
    pub(super) failure: Option<String>,
    pub(super) log: Option<Vec<String>>,
    pub(super) statistics: Statistics,
}

impl World {
    pub(super) fn new(plan: Plan, prng: Prng, mutation: Mutation, log: bool) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let hosts: Vec<Host> = plan
            .hosts
            .iter()
            .map(|plan| Host::new(plan.clone()))
            .collect();
        let longest = plan.base.as_duration() / 10;
        let count = hosts.len();
        Self {
            prng,
            plan,
            mutation,
            now,
            queue: BinaryHeap::new(),
            number: 0,
            hosts,
            lan: Lan::new(count, longest),
            sides: vec![0; count],
            calm: false,
            calm_at: now,
            changed_at: now,
            settled: 0,
            failure: None,
            log: log.then(Vec::new),
            statistics: Statistics::default(),
        }
    }

    /// Runs to the end, or to the first violation.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for host in 0..self.hosts.len() {
            let after = self.span(0, 300);
            self.push(after, What::Restart { host });
        }
        let rounds = self.plan.rounds;
        for _ in 0..rounds {
            self.round()?;
        }
        Ok(())
    }

    pub(super) fn into_log(self) -> Vec<String> {
        self.log.unwrap_or_default()
    }

    /// A time of trouble, then calm until everything has been still for a while.
    fn round(&mut self) -> Result<(), String> {
        self.calm = false;
        let trouble = self.span(500, 4_000);
        for _ in 0..self.prng.between(2, 14) {
            let within = u64::try_from(trouble.as_nanos()).unwrap_or(u64::MAX);
            let after = Duration::from_nanos(self.prng.below(within));
            self.push(after, What::Disturb);
        }
        self.push(trouble, What::Calm);
        self.settled = 0;
        while self.settled < SETTLED_CHECKS {
            let Some(Reverse(next)) = self.queue.pop() else {
                return Err("nothing is left to happen".to_owned());
            };
            self.now = next.at;
            self.statistics.events += 1;
            if self.statistics.events > MOST_EVENTS {
                return Err("does not settle".to_owned());
            }
            self.happen(next.what);
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
        }
        Ok(())
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Wake { host, number } => self.wake(host, number),
            What::Arrive { host, epoch, input } => {
                if self.hosts[host].epoch == epoch {
                    self.arrive(host, input);
                }
            }
            What::AddressDone {
                host,
                epoch,
                router,
                add,
            } => {
                if self.hosts[host].epoch == epoch {
                    self.address_done(host, router, add);
                }
            }
            What::PauseEnds { host, epoch } => {
                if self.hosts[host].epoch == epoch {
                    self.resume(host);
                }
            }
            What::Results { host, epoch } => {
                if self.hosts[host].epoch == epoch {
                    self.results(host);
                }
            }
            What::Restart { host } => self.restart(host),
            What::Disturb => {
                if !self.calm {
                    self.disturb();
                }
            }
            What::Calm => {
                self.calm = true;
                self.calm_at = self.now;
                self.calm_down();
                self.changed();
                let after = self.plan.base.as_duration();
                self.push(after, What::Check);
            }
            What::Check => {
                if self.calm {
                    self.check_settled();
                }
            }
        }
    }

    /// A random time in hundredths of the base interval.
    pub(super) fn span(&mut self, low: u64, high: u64) -> Duration {
        let base = u64::try_from(self.plan.base.as_duration().as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(base / 100 * self.prng.between(low, high))
    }

    /// The latest that an engine wakes while nothing is wrong with it.
    pub(super) fn lateness(&self) -> Duration {
        (self.plan.base.as_duration() / 20).min(Duration::from_millis(1))
    }

    /// Something changed that routers have to settle after.
    pub(super) const fn changed(&mut self) {
        self.changed_at = self.now;
        self.settled = 0;
    }

    pub(super) fn push(&mut self, after: Duration, what: What) {
        self.number += 1;
        self.queue.push(Reverse(Queued {
            at: self.now.saturating_add(after),
            number: self.number,
            what,
        }));
    }

    pub(super) fn input(&mut self, host: usize, after: Duration, input: Input) {
        let epoch = self.hosts[host].epoch;
        self.push(after, What::Arrive { host, epoch, input });
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            let nanos = self.now.as_nanos();
            log.push(format!(
                "{:>8}.{:06} {}",
                nanos / 1_000_000_000,
                nanos % 1_000_000_000 / 1_000,
                text()
            ));
        }
    }

    pub(super) fn fail(&mut self, host: usize, router: usize, what: &str) {
        let text = format!("host {host} router {router}: {what}");
        self.note(|| format!("VIOLATION {text}"));
        if self.failure.is_none() {
            self.failure = Some(text);
        }
    }

    pub(super) fn state(&self, host: usize, router: usize) -> State {
        self.hosts[host]
            .subject
            .as_ref()
            .map_or(State::Initialize, |subject| {
                subject.router(index(router)).state()
            })
    }

    /// A machine comes up: addresses of an earlier life are removed first, then everything starts.
    pub(super) fn restart(&mut self, host: usize) {
        if self.hosts[host].subject.is_some() {
            return;
        }
        let (now, mutation) = (self.now, self.mutation);
        let machine = &mut self.hosts[host];
        machine.begin(now, mutation);
        let (source, faults) = (machine.plan.source, machine.faults);
        self.note(|| format!("host {host} comes up"));
        self.changed();
        for router in 0..self.hosts[host].watchers.len() {
            self.tell(host, router, Event::Source(Some(source)));
            self.tell(host, router, Event::Faults(faults));
            self.step(host, None, &mut |subject, now, sink| {
                subject.start(now, index(router), sink);
            });
        }
        self.deadline(host);
        let epoch = self.hosts[host].epoch;
        let after = self.span(0, 50);
        self.push(after, What::Results { host, epoch });
    }

    pub(super) fn crash(&mut self, host: usize) {
        let after = self.span(50, 1_500);
        let machine = &mut self.hosts[host];
        if machine.subject.is_none() {
            return;
        }
        machine.end();
        self.note(|| format!("host {host} crashes"));
        self.changed();
        self.push(after, What::Restart { host });
    }

    /// From when on nothing moves, if it is left alone.
    pub(super) fn still_at(&self) -> Instant {
        let configs = self.configs();
        self.settled_at()
            .saturating_add(settled::waiting_time(&configs))
    }

    /// From when on there is one Active, if it is left alone.
    fn settled_at(&self) -> Instant {
        let delay = self.lan.longest + self.lateness();
        self.changed_at
            .saturating_add(settled::settling_time(&self.configs(), delay))
    }

    pub(super) fn configs(&self) -> Vec<vrrp_proto::router::Config> {
        self.hosts
            .iter()
            .flat_map(|host| host.plan.routers.iter().copied())
            .collect()
    }

    fn check_settled(&mut self) {
        let configs = self.configs();
        let tolerant = configs.iter().any(|config| !config.preempt_delay.is_zero());
        let from = if tolerant {
            self.still_at()
        } else {
            self.settled_at()
        };
        if self.now >= from {
            let still = self.now >= self.still_at();
            let members = self.members(still);
            if let Err(wrong) = settled::one_active(&members) {
                self.fail(0, 0, &wrong);
            }
            if still {
                self.settled += 1;
            }
        }
        let after = self.plan.base.as_duration();
        self.push(after, What::Check);
    }

    /// Everybody that runs. Addresses are judged once holds are over, too.
    fn members(&self, still: bool) -> Vec<Member> {
        let mut members = Vec::new();
        for (number, host) in self.hosts.iter().enumerate() {
            let Some(subject) = &host.subject else {
                continue;
            };
            for (router, config) in host.plan.routers.iter().enumerate() {
                let snapshot = subject.router(index(router)).snapshot();
                let active = snapshot.state == State::Active;
                members.push(Member {
                    host: number,
                    side: self.sides[number],
                    router,
                    config: *config,
                    snapshot,
                    present: if still {
                        host.threads[router].present
                    } else {
                        active
                    },
                });
            }
        }
        members
    }
}

impl Host {
    fn new(plan: HostPlan) -> Self {
        Self {
            readings: vec![Reading::Good; plan.weights.len()],
            plan,
            subject: None,
            epoch: 0,
            asked: None,
            wake: 0,
            paused_until: None,
            frozen: false,
            inbox: Vec::new(),
            watchers: Vec::new(),
            threads: Vec::new(),
            hung: false,
            refusing: false,
            faults: FaultSet::NONE,
            stopped: false,
        }
    }

    fn begin(&mut self, now: Instant, mutation: Mutation) {
        self.end();
        let count = self.plan.routers.len();
        self.stopped = false;
        self.watchers = vec![Watcher::new(); count];
        self.threads = vec![
            AddressThread {
                present: false,
                wanted: false,
                busy_until: now,
            };
            count
        ];
        self.subject = Some(Subject::new(self.plan.node(), mutation));
    }

    fn end(&mut self) {
        self.epoch += 1;
        self.subject = None;
        self.paused_until = None;
        self.frozen = false;
        self.inbox.clear();
        self.asked = None;
        self.wake += 1;
    }
}

/// The node's number for a router.
pub(super) fn index(router: usize) -> RouterIndex {
    RouterIndex(u16::try_from(router).unwrap_or(u16::MAX))
}
