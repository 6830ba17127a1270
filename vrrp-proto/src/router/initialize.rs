//! Initialize: RFC 9568 §6.4.1, and everything that keeps a router from Startup.

use super::phase::{Idle, Phase};
use super::{Event, Step, VirtualRouter};

impl VirtualRouter {
    pub(super) fn in_initialize(&mut self, step: &mut Step, event: Event<'_>, mut idle: Idle) {
        match event {
            // §6.4.1 Startup.
            Event::Start => {
                if !self.running {
                    self.running = true;
                    let delay = self.config.startup_delay;
                    if !delay.is_zero() {
                        idle.startup = Some(step.now.saturating_add(delay));
                    }
                    self.enter_from_initialize(step, idle);
                }
            }
            // Already out; the next Start begins afresh.
            Event::Stop(_) => {
                self.running = false;
                self.lowered = false;
                self.phase = Phase::Initialize(Idle::default());
            }
            // S-04: Initialize ignores adverts.
            Event::Advert(_) => {}
            Event::Deadline => {
                idle.startup = idle.startup.filter(|at| *at > step.now);
                idle.refused = idle.refused.filter(|refused| refused.retry_at > step.now);
                self.enter_from_initialize(step, idle);
            }
            // Nothing is judged by silence here.
            Event::Stalled(_) => {}
            Event::Reconfigure { config, priority } => {
                // Startup is still to come, so ownership and version need no Shutdown.
                let _ = self.adopt_settings(step, config, priority);
                self.enter_from_initialize(step, idle);
            }
            Event::Priority(priority) => self.set_priority(step, priority),
            // S-27: the last fault going away is Startup.
            Event::Faults(faults) => {
                self.outside = faults;
                self.enter_from_initialize(step, idle);
            }
            Event::Healthy(healthy) => self.healthy = healthy,
            Event::Stand(standing) => self.stand_idle(step, idle, standing),
            // A router that takes no part follows nobody.
            Event::Group(_) => {}
            Event::Source(source) => self.source = source,
            Event::Addresses(addresses) => self.addresses = addresses,
            // Addresses are not ours now.
            Event::AddressesLost | Event::SuccessorAnnounced => {}
        }
    }
}
