//! One virtual router: what it is told, what it decides, what it asks its driver to do.

mod action;
mod actions;
mod config;
mod event;
mod snapshot;

use crate::time::Instant;

pub use action::{Action, AnnounceReason, Cause, State, Transition};
pub use actions::Actions;
pub use config::{Config, InterfaceKey, RouterId};
pub use event::{AddressState, Event, FaultSet, GroupOrder, Received, StopKind};
pub use snapshot::{Peer, Snapshot, StepCounters, Timer};

/// The state machine of one (interface, family, VRID).
#[derive(Clone, Copy, Debug)]
pub struct VirtualRouter {
    config: Config,
}

impl VirtualRouter {
    /// A router in Initialize that was not started.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes one event; the actions are to be carried out in order.
    pub fn handle(&mut self, now: Instant, event: Event<'_>) -> Actions {
        let _ = (now, event, &mut self.config);
        todo!()
    }

    /// The earliest deadline and its reason.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Instant, Timer)> {
        todo!()
    }

    /// Plain data for observers.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// The settings in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
}
