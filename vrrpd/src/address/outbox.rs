//! What the address thread has to tell: facts to the rest of the daemon, counted when nobody takes them, and the state of
//! things to the engine, kept until there is room.

use vrrp_proto::time::Instant;

use super::AddressReport;
use crate::core::Report;
use crate::queue::Sender;

/// Facts for the rest of the daemon.
#[derive(Debug)]
pub(super) struct World {
    sender: Sender<Report>,
    lost: u32,
}

impl World {
    pub(super) const fn new(sender: Sender<Report>) -> Self {
        Self { sender, lost: 0 }
    }

    /// Tells a fact. Never waits: one that finds no room is counted, and the count is told with the next.
    pub(super) fn tell(&mut self, at: Instant, report: Report) {
        if self.lost > 0 {
            let count = self.lost;
            if self.sender.send(Report::Lost { count, at }).is_err() {
                self.lost = self.lost.saturating_add(1);
                return;
            }
            self.lost = 0;
        }
        if self.sender.send(report).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// The state of things for the engine.
#[derive(Debug)]
pub(super) struct Engine {
    sender: Sender<AddressReport>,
}

impl Engine {
    pub(super) const fn new(sender: Sender<AddressReport>) -> Self {
        Self { sender }
    }

    /// Tells something if `untold` is set and there is room, and clears it then. Whether nothing is left to tell.
    pub(super) fn tell(
        &mut self,
        untold: &mut bool,
        report: impl FnOnce() -> AddressReport,
    ) -> bool {
        if *untold && self.sender.free() > 0 && self.sender.send(report()).is_ok() {
            *untold = false;
        }
        !*untold
    }

    /// Whether a report finds room.
    pub(super) fn has_room(&self) -> bool {
        self.sender.free() > 0
    }

    /// Tells the last report. Whether it found room, or nobody is there to take it.
    pub(super) fn tell_stopped(&mut self, left: u16) -> bool {
        self.sender.send(AddressReport::Stopped { left }).is_ok() || self.sender.is_abandoned()
    }
}
