//! Releasing: Active was left as planned, and the addresses stay until the successor has them (safety rule 2).
//!
//! To the protocol the router is stopped, or a Backup; so what RFC 9568 §6.4.1 or §6.4.2 says for that holds here.

use super::change::SUCCESSOR_GRACE;
use super::phase::{Hold, Phase, Then};
use super::watch::Judged;
use super::{Cause, Event, GroupOrder, Received, Standing, Step, StopKind, VirtualRouter};

impl VirtualRouter {
    pub(super) fn in_releasing(&mut self, step: &mut Step, event: Event<'_>, mut hold: Hold) {
        match event {
            // A stopped router takes part again: a Backup that still holds.
            Event::Start => {
                self.running = true;
                if matches!(hold.then, Then::Stopped) && self.standing != Standing::Out {
                    hold.then = Then::Backup(self.new_watch(step.now));
                }
                self.phase = Phase::Releasing(hold);
            }
            // §6.4.2 Shutdown of a Backup sends nothing (S-05); the hold goes on, or ends at once.
            Event::Stop(kind) => {
                self.running = false;
                self.lowered = false;
                hold.then = Then::Stopped;
                match kind {
                    StopKind::Planned => self.phase = Phase::Releasing(hold),
                    StopKind::Immediate => self.end_hold(step, hold.then, Cause::Stopped),
                }
            }
            Event::Advert(advert) => self.releasing_hears(step, advert, hold),
            Event::Deadline => self.releasing_deadline(step, hold),
            Event::Stalled(late) => {
                if let Then::Backup(watch) = &mut hold.then {
                    self.watch_stalled(step, watch, late);
                }
                hold.outlast_watch();
                self.phase = Phase::Releasing(hold);
            }
            Event::Reconfigure { config, priority } => {
                let before = self.hold_span(&hold);
                if self.adopt_settings(step, config, priority) {
                    self.end_hold(step, Then::Stopped, Cause::Reconfigured);
                    self.restart(step);
                } else {
                    self.hold_moved(step, hold, before);
                }
            }
            Event::Priority(priority) => {
                let before = self.hold_span(&hold);
                let restarts = self.ownership_changes(priority);
                self.set_priority(step, priority);
                if restarts {
                    self.end_hold(step, Then::Stopped, Cause::Reconfigured);
                    self.restart(step);
                } else {
                    self.hold_moved(step, hold, before);
                }
            }
            // The first failure ends the hold at once.
            Event::Faults(faults) => {
                if self.take_faults(faults).is_some() {
                    self.end_hold(step, Then::Stopped, Cause::HoldUnhealthy);
                }
            }
            Event::Healthy(healthy) => {
                self.healthy = healthy;
                if !healthy {
                    self.end_hold(step, hold.then, Cause::HoldUnhealthy);
                }
            }
            Event::Stand(standing) => self.stand_releasing(step, hold, standing),
            Event::Group(GroupOrder::Activate) => {
                if let Then::Backup(watch) = hold.then {
                    self.activate_with_group(step, &watch);
                }
            }
            // Already out of Active.
            Event::Group(GroupOrder::Yield | GroupOrder::Bounce) => {}
            Event::Source(source) => self.source = source,
            Event::Addresses(addresses) => self.addresses = addresses,
            // Nothing is left to hold.
            Event::AddressesLost => self.end_hold(step, hold.then, Cause::AddressesLost),
            Event::SuccessorAnnounced => self.end_hold(step, hold.then, Cause::SuccessorReady),
        }
    }

    /// The successor's first advert shortens the hold; a preempted router watches on.
    fn releasing_hears(&mut self, step: &mut Step, advert: &Received, mut hold: Hold) {
        match &mut hold.then {
            Then::Backup(watch) => self.watch_hears(step, watch, advert),
            Then::Stopped => {
                if self.is_for_us(step.now, advert) {
                    self.note_peer(step.now, advert);
                }
            }
        }
        let from_other = self.source != Some(advert.source);
        if from_other && !advert.priority.is_release() && !hold.successor {
            hold.successor = true;
            hold.until = hold.until.min(step.now.saturating_add(SUCCESSOR_GRACE));
        }
        self.phase = Phase::Releasing(hold);
    }

    /// The watch first: a router that takes over again keeps the addresses that it still has.
    fn releasing_deadline(&mut self, step: &mut Step, mut hold: Hold) {
        if let Then::Backup(watch) = &mut hold.then {
            match self.watch_deadline(step, watch) {
                Judged::Waiting => {}
                Judged::TakeOver => {
                    if self.take_over(step, watch) {
                        return;
                    }
                }
            }
        }
        hold.outlast_watch();
        if hold.until <= step.now {
            let cause = if hold.successor {
                Cause::SuccessorReady
            } else {
                Cause::HoldExpired
            };
            self.end_hold(step, hold.then, cause);
        } else {
            self.phase = Phase::Releasing(hold);
        }
    }

    fn hold_span(&self, hold: &Hold) -> core::time::Duration {
        match hold.then {
            Then::Stopped => core::time::Duration::ZERO,
            Then::Backup(watch) => self.span(watch.active_interval, watch.adverts),
        }
    }

    fn hold_moved(&mut self, step: &Step, mut hold: Hold, before: core::time::Duration) {
        if let Then::Backup(watch) = &mut hold.then {
            self.watch_moved(watch, step.now, before);
        }
        hold.outlast_watch();
        self.phase = Phase::Releasing(hold);
    }
}
