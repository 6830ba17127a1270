//! The node under test, or a wrong one: the checks have to see what each mutation does.

use std::time::Duration;

use vrrp_proto::node::{Node, NodeConfig, NodeEvent, RouterIndex, Side, Sink};
use vrrp_proto::router::{Action, Event, State, StopKind, VirtualRouter};
use vrrp_proto::time::Instant;
use vrrp_proto::units::WirePriority;

/// A mistake that other implementations made, put into every router of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// None: the router as it is.
    None,
    /// Priority 0 adverts are ignored (S-07).
    IgnoreRelease,
    /// Lower adverts restart the timer of a Backup that preempts (S-08).
    RearmOnLower,
    /// A higher advert does not end Active (S-16).
    NeverYield,
    /// Addresses stay after Active (S-17).
    KeepAddresses,
    /// Transitions happen without a report.
    HideReports,
    /// The clock of timers runs ahead: takeovers come early.
    FastTimer,
    /// Adverts that are due are skipped now and then.
    LoseAdverts,
}

/// A node, perhaps with a mistake.
pub(super) struct Subject {
    node: Node,
    mutation: Mutation,
    advert: u64,
}

impl Subject {
    pub(super) fn new(config: NodeConfig, mutation: Mutation) -> Self {
        Self {
            node: Node::new(config),
            mutation,
            advert: 0,
        }
    }

    pub(super) fn handle(&mut self, now: Instant, event: NodeEvent<'_>, sink: &mut Sink<'_>) {
        let mut now = now;
        let mut event = event;
        let raised;
        if let NodeEvent::Router(index, Event::Advert(advert)) = event {
            let router = self.router(index);
            let (own, state) = (router.priority().as_u8(), router.state());
            let theirs = advert.priority.as_u8();
            let lower = theirs != 0 && theirs < own;
            match self.mutation {
                Mutation::IgnoreRelease if theirs == 0 => return,
                Mutation::NeverYield if state == State::Active && theirs > own => return,
                Mutation::RearmOnLower if state == State::Backup && lower => {
                    let mut copy = *advert;
                    copy.priority = WirePriority::from_wire(own);
                    raised = copy;
                    event = NodeEvent::Router(index, Event::Advert(&raised));
                }
                Mutation::None
                | Mutation::IgnoreRelease
                | Mutation::RearmOnLower
                | Mutation::NeverYield
                | Mutation::KeepAddresses
                | Mutation::HideReports
                | Mutation::FastTimer
                | Mutation::LoseAdverts => {}
            }
        }
        if self.mutation == Mutation::FastTimer && matches!(event, NodeEvent::Deadline) {
            now = now.saturating_add(Duration::from_millis(500));
        }
        let (mutation, count) = (self.mutation, &mut self.advert);
        self.node.handle(now, event, &mut |index, router, action| {
            if passes(mutation, count, action) {
                sink(index, router, action);
            }
        });
    }

    /// A reload with other settings.
    pub(super) fn reload(&mut self, now: Instant, config: NodeConfig, sink: &mut Sink<'_>) {
        let mut next = Node::new(config);
        let (mutation, count) = (self.mutation, &mut self.advert);
        next.adopt(now, &mut self.node, &mut |side, index, router, action| {
            debug_assert_eq!(side, Side::New, "scenarios keep their routers");
            if passes(mutation, count, action) {
                sink(index, router, action);
            }
        });
        self.node = next;
    }

    pub(super) fn start(&mut self, now: Instant, index: RouterIndex, sink: &mut Sink<'_>) {
        self.handle(now, NodeEvent::Router(index, Event::Start), sink);
    }

    pub(super) fn stop(&mut self, now: Instant, kind: StopKind, sink: &mut Sink<'_>) {
        self.handle(now, NodeEvent::Stop(kind), sink);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.node.next_deadline().map(|(at, _)| at)
    }

    pub(super) fn router(&self, index: RouterIndex) -> &VirtualRouter {
        self.node
            .router(index)
            .expect("a scenario names routers that it has")
    }
}

/// Whether a wrong router would ask for this, too.
fn passes(mutation: Mutation, count: &mut u64, action: Action) -> bool {
    match (mutation, action) {
        (Mutation::KeepAddresses, Action::RemoveAddresses)
        | (Mutation::HideReports, Action::Report(_)) => false,
        (Mutation::LoseAdverts, Action::Advertise { .. }) => {
            *count += 1;
            !count.is_multiple_of(5)
        }
        _ => true,
    }
}
