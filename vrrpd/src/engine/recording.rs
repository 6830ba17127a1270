//! The end of a turn of the loop: evidence where it ran late, what a later run may resume from, and the recorder's own
//! housekeeping. Nothing here is on the way of an advert.

use std::time::Duration;

use vrrp_proto::router::{State, VirtualRouter};
use vrrp_proto::time::Instant;
use vrrp_record::ring::Resume;
use vrrp_record::step::Step;

use super::clock;
use super::evidence::Evidence;
use super::flight::{Flight, Lateness};
use super::run::Engine;
use super::setup::{InterfaceIo, RouterIo, Setup};
use super::steps::Timed;
use crate::core::{MemoryLock, SchedulingClass};

/// A wake-up later than this, or a step longer than this, is looked into. A real-time thread on a healthy machine wakes
/// within a third of it (docs/engine.md).
const LATE: Duration = Duration::from_millis(1);
/// Evidence is not read when something is due this soon.
const SOON: Duration = Duration::from_millis(2);
/// Where something is always due soon, the evidence of a late wake-up waits no longer than this.
const PUT_OFF: Duration = Duration::from_millis(10);

/// A late wake-up or a long step whose evidence is still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    due: Instant,
    at: Instant,
    step: Timed,
}

impl Owed {
    fn length(&self) -> Duration {
        self.at.saturating_since(self.due)
    }
}

impl Engine {
    /// Looks back at the turn that is done.
    pub(super) fn keep_records(&mut self, woke: Instant) {
        let now = clock::now();
        self.steps.enter(Step::Recording, now);
        if let Some(late) = self.lateness(woke) {
            let longer = self.owed.filter(|owed| owed.length() > late.length());
            self.owed = Some(longer.unwrap_or(late));
        }
        match self.owed {
            Some(_) if !self.evidence.may_read(now) => self.owed = None,
            // The next turn comes within this time, and what is due then goes first.
            Some(owed) if self.is_due_soon(now) && now.saturating_since(owed.at) < PUT_OFF => {}
            Some(owed) => {
                self.owed = None;
                self.record_lateness(owed);
            }
            None if self.evidence.is_stale(now) && !self.is_busy_soon(now) => {
                self.evidence.renew();
                self.keep_house(now);
            }
            None => {}
        }
    }

    /// What of the turn ran late, if anything did: the wake-up or the longest step.
    fn lateness(&mut self, woke: Instant) -> Option<Owed> {
        let (armed, waited_since) = self.waited;
        let longest = self.steps.take_turn();
        let late = armed.map_or(Duration::ZERO, |armed| woke.saturating_since(armed));
        if late.max(longest.length) < LATE {
            return None;
        }
        Some(if late >= longest.length {
            Owed {
                due: armed.unwrap_or(woke),
                at: woke,
                step: Timed {
                    step: Step::Waiting,
                    began: waited_since,
                    length: woke.saturating_since(waited_since),
                },
            }
        } else {
            Owed {
                due: longest.began,
                at: longest.began.saturating_add(longest.length),
                step: longest,
            }
        })
    }

    fn record_lateness(&mut self, Owed { due, at, step }: Owed) {
        let (moved, from) = self.evidence.renew();
        let late = Lateness {
            due,
            at,
            from,
            step,
            timer_slack: self.evidence.timer_slack(),
            locked: self.realtime.memory == MemoryLock::Locked,
            fifo: match self.realtime.class {
                SchedulingClass::Fifo(priority) => priority,
                SchedulingClass::Ordinary
                | SchedulingClass::Refused(_)
                | SchedulingClass::Demoted => 0,
            },
            cpu_number: Evidence::cpu_number(),
        };
        if let Some(flight) = &mut self.setup.io.flight {
            flight.stalled(&late, &moved);
        }
        self.keep_house(clock::now());
    }

    /// Whether a deadline comes too soon for a baseline. Where one is always near, the baseline is read all the same.
    fn is_busy_soon(&self, now: Instant) -> bool {
        self.is_due_soon(now) && !self.evidence.is_very_stale(now)
    }

    fn is_due_soon(&self, now: Instant) -> bool {
        let next = self.setup.node.next_deadline();
        next.is_some_and(|(at, _)| at.saturating_since(now) < SOON)
    }

    /// What the recorder does once a second.
    fn keep_house(&mut self, now: Instant) {
        let io = &mut self.setup.io;
        let Some(flight) = &mut io.flight else { return };
        flight.beat(now);
        flight.settle(now);
        let tracks = io.routers.iter_mut().map(|router| &mut *router.track);
        flight.write_floods(now, tracks);
        let tracks = io.routers.iter_mut().map(|router| &mut *router.track);
        flight.put_minutes_away(now, tracks);
    }

    /// Writes down what a later run needs to go on, for every router that changed; before that is published.
    pub(super) fn remember(&mut self) {
        let expires = self.setup.node.earliest_expiry();
        let Setup { node, io, .. } = &mut *self.setup;
        let Some(flight) = &mut io.flight else { return };
        for ((_, router), own) in node.routers().zip(&io.routers) {
            if own.dirty {
                let interface = io.interfaces.get(own.interface);
                flight.remember(&resume(flight, router, own, interface, expires));
            }
        }
    }
}

fn resume(
    flight: &Flight,
    router: &VirtualRouter,
    own: &RouterIo,
    interface: Option<&InterfaceIo>,
    expires: Option<Instant>,
) -> Resume {
    let now = router.snapshot();
    let sockets = interface.and_then(|interface| interface.sockets.as_deref());
    Resume {
        router: own.track.position(),
        state: now.state,
        leaving: !now.running || now.state == State::Releasing,
        healthy: now.healthy,
        healthy_until: expires.map(|at| flight.time(at)),
        priority: now.priority.as_u8(),
        ifindex: sockets.map_or(0, |sockets| sockets.index),
        plan: own.track.plan,
        source: now.source,
        interval: u64::try_from(now.active_interval.as_duration().as_nanos()).unwrap_or(u64::MAX),
        id: own.sequence,
        ah_sequence: own.ah.last(),
        last_advert: own.record.last.map(|last| flight.time(last.due)),
        next: now.advert_at.or(now.down_at).map(|at| flight.time(at)),
        since: flight.time(now.since),
        present: now.addresses.present,
        wanted: now.addresses.wanted,
    }
}
