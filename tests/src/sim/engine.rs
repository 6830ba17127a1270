//! The simulated engine: drains, tells of stalls, serves deadlines, sleeps; and checks every step.

use std::time::Duration;

use vrrp_proto::node::{NodeEvent, Sink};
use vrrp_proto::router::{Action, Cause, Event, Received, State};
use vrrp_proto::time::Instant;
use vrrp_proto::units::Version;

use super::cause_number;
use super::subject::Subject;
use super::world::{Input, What, World, index};

impl World {
    /// The engine's wake-up for a deadline.
    pub(super) fn wake(&mut self, host: usize, number: u64) {
        let machine = &self.hosts[host];
        if machine.wake != number || machine.paused_until.is_some() || machine.subject.is_none() {
            return;
        }
        let late = machine
            .asked
            .map_or(Duration::ZERO, |asked| self.now.saturating_since(asked));
        self.serve(host, late);
    }

    /// Stall first, then deadlines.
    pub(super) fn serve(&mut self, host: usize, late: Duration) {
        if late > Duration::from_millis(2) {
            self.step(host, None, &mut |subject, now, sink| {
                subject.handle(now, NodeEvent::Stalled(late), sink);
            });
        }
        self.deadline(host);
    }

    pub(super) fn deadline(&mut self, host: usize) {
        self.step(host, None, &mut |subject, now, sink| {
            subject.handle(now, NodeEvent::Deadline, sink);
        });
        let next = self.hosts[host]
            .subject
            .as_ref()
            .and_then(Subject::next_deadline);
        if next.is_some_and(|at| at <= self.now) {
            self.fail(host, 0, "a deadline is in the past after it was served");
        }
        self.reschedule(host);
    }

    pub(super) fn reschedule(&mut self, host: usize) {
        let next = self.hosts[host]
            .subject
            .as_ref()
            .and_then(Subject::next_deadline);
        self.hosts[host].asked = next;
        self.hosts[host].wake += 1;
        let number = self.hosts[host].wake;
        if let Some(at) = next {
            let bound = u64::try_from(self.lateness().as_nanos()).unwrap_or(u64::MAX);
            let late = Duration::from_nanos(self.prng.below(bound));
            let after = at.saturating_since(self.now) + late;
            self.push(after, What::Wake { host, number });
        }
    }

    /// Something reaches the machine: handled at once, or when it runs again.
    pub(super) fn arrive(&mut self, host: usize, input: Input) {
        let machine = &mut self.hosts[host];
        if machine.subject.is_none() {
            return;
        }
        match (machine.paused_until, machine.frozen, input) {
            (None, _, _) => {
                self.hand_over(host, input);
                self.deadline(host);
            }
            (Some(until), true, Input::Advert { .. }) => {
                let after = until.saturating_since(self.now) + self.span(0, 20);
                self.input(host, after, input);
            }
            (Some(_), _, _) => machine.inbox.push(input),
        }
    }

    pub(super) fn resume(&mut self, host: usize) {
        let machine = &mut self.hosts[host];
        if machine.paused_until.is_none_or(|until| until > self.now) {
            return;
        }
        machine.paused_until = None;
        machine.frozen = false;
        for watcher in &mut machine.watchers {
            watcher.disturbed();
        }
        let late = machine
            .asked
            .map_or(Duration::ZERO, |asked| self.now.saturating_since(asked));
        self.note(|| format!("host {host} goes on"));
        self.changed();
        let inbox = std::mem::take(&mut self.hosts[host].inbox);
        for input in inbox {
            self.hand_over(host, input);
        }
        self.serve(host, late);
    }

    pub(super) fn pause(&mut self, host: usize, span: Duration, frozen: bool) {
        let until = self.now.saturating_add(span);
        let machine = &mut self.hosts[host];
        if machine.subject.is_none() || machine.paused_until.is_some() {
            return;
        }
        machine.paused_until = Some(until);
        machine.frozen = frozen;
        let epoch = machine.epoch;
        self.note(|| format!("host {host} stands still for {span:?}, frozen {frozen}"));
        self.push(span, What::PauseEnds { host, epoch });
    }

    /// Ends every pause now.
    pub(super) fn end_pauses(&mut self) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].paused_until.is_some() {
                self.hosts[host].paused_until = Some(self.now);
                self.resume(host);
            }
        }
    }

    pub(super) fn hand_over(&mut self, host: usize, input: Input) {
        match input {
            Input::Advert {
                router,
                advert,
                sent,
            } => {
                if self.calm && sent < self.calm_at {
                    // Still on its way when the calm began, perhaps over a link that is cut now.
                    self.changed();
                }
                self.hand_over_advert(host, router, advert);
            }
            Input::Addresses(router, state) => {
                self.tell(host, router, Event::Addresses(state));
            }
            Input::SuccessorAnnounced(router) => {
                if self.state(host, router) == State::Releasing {
                    self.tell(host, router, Event::SuccessorAnnounced);
                }
            }
            Input::AddressesLost(router) => self.tell(host, router, Event::AddressesLost),
            Input::Reading(id, reading, expires) => {
                let event = NodeEvent::Tracker {
                    id,
                    reading,
                    expires: Some(expires),
                };
                self.step(host, None, &mut |subject, now, sink| {
                    subject.handle(now, event, sink);
                });
            }
            Input::Faults(faults) => {
                self.hosts[host].faults = faults;
                for router in 0..self.hosts[host].watchers.len() {
                    self.tell(host, router, Event::Faults(faults));
                }
            }
            Input::Stop(kind) => {
                self.hosts[host].stopped = true;
                self.note(|| format!("host {host} is told to stop ({kind:?})"));
                self.changed();
                self.step(host, None, &mut |subject, now, sink| {
                    subject.stop(now, kind, sink);
                });
            }
            Input::Stand(standing) => {
                self.changed();
                for watcher in &mut self.hosts[host].watchers {
                    watcher.stands(standing);
                }
                self.step(host, None, &mut |subject, now, sink| {
                    subject.handle(now, NodeEvent::Stand(standing), sink);
                });
            }
            Input::Start => {
                self.hosts[host].stopped = false;
                self.note(|| format!("host {host} is told to start"));
                self.changed();
                for watcher in &mut self.hosts[host].watchers {
                    watcher.disturbed();
                }
                for router in 0..self.hosts[host].watchers.len() {
                    self.step(host, None, &mut |subject, now, sink| {
                        subject.start(now, index(router), sink);
                    });
                }
            }
        }
    }

    /// The receive checks that matter here: version and, in version 2, the interval.
    pub(super) fn hand_over_advert(&mut self, host: usize, router: usize, advert: Received) {
        let config = self.hosts[host].plan.routers[router];
        let understood = advert.version == config.version
            && (config.version == Version::V3 || advert.interval == config.interval);
        if !understood {
            return;
        }
        let (grouped, late, now) = (self.hosts[host].plan.grouped, self.lateness(), self.now);
        let own = self.hosts[host]
            .subject
            .as_ref()
            .map(|subject| subject.router(index(router)).priority());
        if let Some(own) = own {
            self.hosts[host].watchers[router].delivers(now, &advert, own, &config, grouped, late);
        }
        self.note(|| {
            format!(
                "host {host} router {router} hears {} from {}",
                advert.priority.as_u8(),
                advert.source
            )
        });
        let event = Event::Advert(&advert);
        self.step(host, Some(router), &mut |subject, now, sink| {
            subject.handle(now, NodeEvent::Router(index(router), event), sink);
        });
    }

    pub(super) fn tell(&mut self, host: usize, router: usize, event: Event<'_>) {
        self.step(host, Some(router), &mut |subject, now, sink| {
            subject.handle(now, NodeEvent::Router(index(router), event), sink);
        });
    }

    /// One step of a host's node: every action is checked, then carried out.
    pub(super) fn step(
        &mut self,
        host: usize,
        router: Option<usize>,
        work: &mut dyn FnMut(&mut Subject, Instant, &mut Sink<'_>),
    ) {
        let now = self.now;
        let Some(mut subject) = self.hosts[host].subject.take() else {
            return;
        };
        let before = subject.next_deadline();
        let own: Vec<_> = (0..self.hosts[host].watchers.len())
            .map(|router| subject.router(index(router)).priority())
            .collect();
        let mut actions = Vec::new();
        work(&mut subject, now, &mut |index, _, action| {
            actions.push((usize::from(index.0), action));
        });
        let after = subject.next_deadline();
        let states: Vec<State> = (0..own.len())
            .map(|router| subject.router(index(router)).state())
            .collect();
        self.hosts[host].subject = Some(subject);
        let earliest = before.map_or(now, |before| before.min(now));
        if after.is_some_and(|at| at < earliest) {
            self.fail(host, router.unwrap_or(0), "sets a deadline in the past");
        }
        let late = self.lateness();
        for (router, action) in actions {
            let config = self.hosts[host].plan.routers[router];
            let watcher = &mut self.hosts[host].watchers[router];
            if let Err(wrong) = watcher.acts(now, &action, own[router], &config, late) {
                self.fail(host, router, &wrong);
            }
            self.carry_out(host, router, action);
        }
        for (router, state) in states.into_iter().enumerate() {
            if let Err(wrong) = self.hosts[host].watchers[router].after(now, state) {
                self.fail(host, router, &wrong);
            }
        }
    }

    pub(super) fn carry_out(&mut self, host: usize, router: usize, action: Action) {
        match action {
            Action::Advertise { priority, .. } => self.send(host, router, priority),
            Action::AddAddresses => self.command(host, router, true),
            Action::RemoveAddresses => self.command(host, router, false),
            Action::Announce(_) => self.announce(host, router),
            Action::Report(report) => {
                self.note(|| {
                    format!(
                        "host {host} router {router} {:?} -> {:?} ({:?})",
                        report.from, report.to, report.cause
                    )
                });
                self.statistics.transitions += 1;
                self.statistics.causes[cause_number(report.cause)] += 1;
                // A router whose addresses were refused comes back when its time is up.
                let comes_back = report.from == State::Initialize;
                if self.calm && !comes_back && self.now > self.still_at() {
                    self.fail(host, router, &format!("moves by itself: {report:?}"));
                }
                // Coming and going of routers is what the others settle after.
                let comes_or_goes =
                    report.from == State::Initialize || report.to == State::Initialize;
                if comes_or_goes && !matches!(report.cause, Cause::HoldExpired) {
                    self.changed();
                }
            }
            Action::PriorityChanged { from, to } => {
                self.note(|| format!("host {host} router {router} priority {from} -> {to}"));
                self.changed();
                self.hosts[host].watchers[router].disturbed();
            }
            Action::HoldAddresses
            | Action::LowerHeard { .. }
            | Action::PreemptDelayStarted
            | Action::OwnAddressHeard { .. }
            | Action::TrackerExpired(_)
            | Action::GroupReached { .. } => {}
            Action::TakeoverDeferred { .. } => self.statistics.deferred += 1,
        }
    }
}
