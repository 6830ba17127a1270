//! What the engine does when a router asks: adverts to the wire, wishes to the address thread, facts to the other world.

use std::collections::VecDeque;

use vrrp_proto::node::RouterIndex;
use vrrp_proto::router::{Action, Cause, VirtualRouter};
use vrrp_proto::time::Instant;

use super::clock;
use super::ends::Outs;
use super::setup::Io;
use super::transmit::Outbox;
use crate::address::AddressCommand;
use crate::core::Report;
use crate::queue::Sender;

/// Commands that wait because the address thread is behind; more than that are lost and counted, which takes more
/// transitions than a network can cause while one netlink call hangs.
const BACKLOG: usize = 4096;

/// The engine's ways out.
pub(super) struct Hands {
    pub(super) outbox: Outbox,
    address: Sender<AddressCommand>,
    backlog: VecDeque<AddressCommand>,
    reports: Sender<Report>,
    /// Reports dropped since the last [`Report::Lost`], and since start.
    unreported: u32,
    pub(super) reports_lost: u64,
    /// When the present wake-up began.
    pub(super) woke: Instant,
    /// Whether an advert left in the present wake-up.
    pub(super) advertised: bool,
}

impl Hands {
    pub(super) fn new(outs: Outs) -> Self {
        Self {
            outbox: Outbox::new(),
            address: outs.address,
            backlog: VecDeque::with_capacity(BACKLOG),
            reports: outs.reports,
            unreported: 0,
            reports_lost: 0,
            woke: clock::now(),
            advertised: false,
        }
    }

    /// Carries out what a router asks for.
    pub(super) fn act(
        &mut self,
        io: &mut Io,
        index: RouterIndex,
        virtual_router: &VirtualRouter,
        action: Action,
    ) {
        let config = virtual_router.config();
        let router = config.id;
        let at = clock::now();
        if let Some(router) = io.routers.get_mut(usize::from(index.0)) {
            router.dirty = true;
        }
        match action {
            Action::Advertise { priority, due } => {
                self.advertised = true;
                let skipped = virtual_router.snapshot().counters.skipped;
                let times = (priority, due, self.woke);
                self.outbox.advertise(io, index, config, times, skipped);
            }
            Action::AddAddresses => self.ask(AddressCommand::Add { router }),
            Action::RemoveAddresses => self.ask(AddressCommand::Remove { router }),
            Action::HoldAddresses => self.ask(AddressCommand::Hold { router }),
            Action::Announce(reason) => self.ask(AddressCommand::Announce { router, reason }),
            Action::LowerHeard { from, priority } => {
                self.report(Report::LowerHeard {
                    router,
                    from,
                    priority,
                    at,
                });
            }
            Action::PreemptDelayStarted => self.report(Report::PreemptDelayStarted { router, at }),
            Action::OwnAddressHeard { from } => {
                self.report(Report::OwnAddressHeard { router, from, at })
            }
            Action::TakeoverDeferred { late } => {
                self.report(Report::TakeoverDeferred { router, late, at })
            }
            Action::PriorityChanged { from, to } => {
                if let Some(io) = io.routers.get_mut(usize::from(index.0)) {
                    io.receive.owner = to.is_owner();
                }
                self.report(Report::Priority {
                    router,
                    from,
                    to,
                    at,
                });
            }
            Action::TrackerExpired(tracker) => self.report(Report::TrackerExpired {
                router,
                tracker,
                at,
            }),
            Action::GroupReached { group, state } => self.report(Report::GroupTransition {
                group,
                to: state,
                at,
            }),
            Action::Report(transition) => {
                let multicast = io
                    .routers
                    .get(usize::from(index.0))
                    .is_none_or(|router| router.multicast);
                if transition.cause == Cause::FaultCleared && !multicast {
                    // Its peers may have forgotten where it is.
                    self.ask(AddressCommand::AnnounceSource { router });
                }
                let priority = virtual_router.snapshot().priority;
                if let (Some(flight), Some(router)) = (
                    io.flight.as_deref_mut(),
                    io.routers.get(usize::from(index.0)),
                ) {
                    flight.transition(&router.track, &transition, priority);
                }
                self.report(Report::Transition {
                    router,
                    transition,
                    priority,
                });
            }
        }
    }

    /// Tells the other world. A full queue costs the report, which is counted and told when there is room again.
    pub(super) fn report(&mut self, report: Report) {
        if self.unreported > 0 {
            let lost = Report::Lost {
                count: self.unreported,
                at: clock::now(),
            };
            if self.reports.send(lost).is_ok() {
                self.unreported = 0;
            }
        }
        if self.reports.send(report).is_err() {
            self.unreported = self.unreported.saturating_add(1);
            self.reports_lost += 1;
        }
    }

    /// Asks the address thread; in order, also when its queue is full for a while.
    pub(super) fn ask(&mut self, command: AddressCommand) {
        self.flush();
        let refused = if self.backlog.is_empty() {
            self.address.send(command).err()
        } else {
            Some(command)
        };
        let Some(command) = refused else { return };
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(command);
        } else {
            self.reports_lost += 1;
        }
    }

    /// Sends what waited for room in the address thread's queue. Says whether something still waits.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(command) = self.backlog.pop_front() {
            if let Err(command) = self.address.send(command) {
                self.backlog.push_front(command);
                return true;
            }
        }
        false
    }

    /// Where the buffers are, for locking them.
    pub(super) fn memory(&self) -> [(usize, usize); 3] {
        self.outbox.memory()
    }

    /// Whether the address thread is gone.
    pub(super) fn address_thread_is_gone(&self) -> bool {
        self.address.is_abandoned()
    }
}
