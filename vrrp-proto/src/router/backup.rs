//! Backup: RFC 9568 §6.4.2, RFC 3768 §6.4.2.

use super::phase::{Phase, Watch};
use super::watch::Judged;
use super::{Cause, Event, GroupOrder, Standing, Step, VirtualRouter};

impl VirtualRouter {
    pub(super) fn in_backup(&mut self, step: &mut Step, event: Event<'_>, mut watch: Watch) {
        match event {
            // A second Startup changes nothing (S-01).
            Event::Start => {}
            // §6.4.2 Shutdown: cancel the timer and send nothing (S-05).
            Event::Stop(_) => {
                self.running = false;
                self.lowered = false;
                self.enter_initialize(step, Cause::Stopped);
            }
            // §6.4.2 advert received.
            Event::Advert(advert) => {
                self.watch_hears(step, &mut watch, advert);
                self.phase = Phase::Backup(watch);
            }
            // §6.4.2 Active_Down_Timer fires (S-06).
            Event::Deadline => match self.watch_deadline(step, &mut watch) {
                Judged::Waiting => self.phase = Phase::Backup(watch),
                Judged::TakeOver => {
                    if !self.take_over(step, &mut watch) {
                        self.phase = Phase::Backup(watch);
                    }
                }
            },
            Event::Stalled(late) => {
                self.watch_stalled(step, &mut watch, late);
                self.phase = Phase::Backup(watch);
            }
            Event::Reconfigure { config, priority } => {
                let before = self.span(watch.active_interval, watch.adverts);
                if self.adopt_settings(step, config, priority) {
                    // S-23: Shutdown and Startup.
                    self.enter_initialize(step, Cause::Reconfigured);
                    self.restart(step);
                } else {
                    self.watch_moved(&mut watch, step.now, before);
                    self.phase = Phase::Backup(watch);
                }
            }
            Event::Priority(priority) => {
                let before = self.span(watch.active_interval, watch.adverts);
                let restarts = self.ownership_changes(priority);
                self.set_priority(step, priority);
                if restarts {
                    self.enter_initialize(step, Cause::Reconfigured);
                    self.restart(step);
                } else {
                    self.watch_moved(&mut watch, step.now, before);
                    self.phase = Phase::Backup(watch);
                }
            }
            // S-27: a fault is Shutdown.
            Event::Faults(faults) => {
                if let Some(cause) = self.take_faults(faults) {
                    self.enter_initialize(step, cause);
                }
            }
            Event::Healthy(healthy) => self.healthy = healthy,
            Event::Stand(Standing::Out) => {
                self.set_standing(step, Standing::Out);
                self.enter_initialize(step, Cause::TakenOut);
            }
            Event::Stand(standing) => {
                self.stand_watching(step, &mut watch, standing);
                self.phase = Phase::Backup(watch);
            }
            Event::Group(GroupOrder::Activate) => self.activate_with_group(step, &watch),
            // Already there.
            Event::Group(GroupOrder::Yield | GroupOrder::Bounce) => {}
            Event::Source(source) => self.source = source,
            Event::Addresses(addresses) => self.addresses = addresses,
            // Addresses are not ours now.
            Event::AddressesLost | Event::SuccessorAnnounced => {}
        }
    }
}
