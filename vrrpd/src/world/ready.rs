//! When the start, or a reload, is complete: each router has its sockets or is in FAULT with a stated reason.

use std::collections::HashSet;

use vrrp_config::plan::Plan;
use vrrp_proto::router::RouterId;

use super::Running;
use crate::core::Core;
use crate::service::background::Parent;
use crate::service::logging::PARENT;

/// Routers that have not said that they are ready.
#[derive(Debug)]
pub(super) struct Readiness {
    missing: HashSet<RouterId>,
    ready_once: HashSet<RouterId>,
    /// Whether this start or reload was told.
    told: bool,
    /// Whether the start was.
    started: bool,
    parent: Option<Parent>,
    begun: bool,
}

impl Readiness {
    pub(super) fn new(parent: Option<Parent>) -> Self {
        Self {
            missing: HashSet::new(),
            ready_once: HashSet::new(),
            told: false,
            started: false,
            parent,
            begun: false,
        }
    }

    /// A plan was put into force. Routers that stay have been ready before.
    pub(super) fn expect(&mut self, core: &Core, plan: &Plan) {
        let routers = plan.routers.iter();
        let wanted: HashSet<RouterId> = routers
            .filter_map(|router| core.router_id(router))
            .collect();
        self.ready_once.retain(|id| wanted.contains(id));
        self.missing = &wanted - &self.ready_once;
        self.told = false;
    }

    pub(super) fn reached(&mut self, router: RouterId) {
        self.begun = true;
        self.missing.remove(&router);
        self.ready_once.insert(router);
    }

    /// The loop has come round: the engine has had its chance to begin.
    pub(super) fn looked_at(&mut self) {
        self.begun |= self.told;
    }

    /// Whether the engine has begun to run.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }
}

impl Running {
    /// Tells the service manager and the waiting parent, once for each start and reload.
    pub(super) fn tell_when_ready(&mut self) {
        if self.readiness.told || !self.readiness.missing.is_empty() {
            return;
        }
        self.readiness.told = true;
        self.parts.manager.ready(&self.states());
        if let Some(parent) = self.readiness.parent.take() {
            parent.release();
        }
        if !std::mem::replace(&mut self.readiness.started, true) {
            tracing::info!(target: PARENT, "Startup complete");
        }
    }
}
