//! One virtual address of a router, and what is known about it.

use vrrp_config::plan::VipPlan;
use vrrp_proto::router::InterfaceKey;
use vrrp_proto::time::Instant;

use crate::address::netlink::{AddressSeen, prefix};
use crate::address::restore::RestoreHistory;

/// One address.
#[derive(Clone, Debug)]
pub(in crate::address) struct Entry {
    /// Its interface.
    pub(in crate::address) key: InterfaceKey,
    /// Its words.
    pub(in crate::address) plan: VipPlan,
    /// Number of the interface on which the kernel confirmed it.
    pub(in crate::address) present_on: Option<u32>,
    /// The kernel's last refusal.
    pub(super) errno: Option<i32>,
    /// What is wanted was asked for and answered.
    pub(super) tried: bool,
    /// Not asked for again before this time.
    pub(super) again_at: Option<Instant>,
    /// Another process removed it, and it is being put back.
    pub(super) restoring: bool,
    /// The kernel took it when the link went down: asked for again when the link is back.
    pub(super) waits_for_link: bool,
    /// A successor has announced it.
    pub(super) released: bool,
    /// Its lifetime was shortened, so that nobody begins to use it.
    pub(super) deprecated: bool,
    /// Duplicate address detection found somebody.
    pub(super) duplicate: bool,
    /// The kernel is still joining its group, at most until this time.
    pub(super) joining_until: Option<Instant>,
    /// How often it was put back lately.
    pub(super) history: RestoreHistory,
}

impl Entry {
    pub(super) fn new(key: InterfaceKey, plan: VipPlan) -> Self {
        Self {
            key,
            plan,
            present_on: None,
            errno: None,
            tried: false,
            again_at: None,
            restoring: false,
            waits_for_link: false,
            released: false,
            deprecated: false,
            duplicate: false,
            joining_until: None,
            history: RestoreHistory::default(),
        }
    }

    /// Whether the kernel has it, and nobody else was found to have it.
    pub(in crate::address) const fn is_present(&self) -> bool {
        self.present_on.is_some() && !self.duplicate
    }

    /// Whether the kernel's news are about this address.
    pub(in crate::address) fn is(&self, seen: &AddressSeen) -> bool {
        self.plan.address == seen.local && prefix(&self.plan) == seen.prefix
    }

    /// A new command: what was tried before does not count.
    pub(super) const fn start_over(&mut self) {
        self.errno = None;
        self.tried = false;
        self.again_at = None;
        self.restoring = false;
        self.waits_for_link = false;
        self.released = false;
    }
}
