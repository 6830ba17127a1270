//! Active: RFC 9568 §6.4.3, RFC 3768 §6.4.3.

use core::time::Duration;

use super::change::Leave;
use super::phase::{Duty, Phase};
use super::{
    Action, AddressState, AnnounceReason, Cause, Event, GroupOrder, Received, Standing, Step,
    StopKind, VirtualRouter,
};
use crate::timers;

/// A predecessor that handed over alive has removed its addresses this long after ours were confirmed: 50 ms of its
/// hold, and as much for its kernel.
const PREDECESSOR_GONE: Duration = Duration::from_millis(100);

impl VirtualRouter {
    pub(super) fn in_active(&mut self, step: &mut Step, event: Event<'_>, mut duty: Duty) {
        match event {
            // A second Startup changes nothing (S-01).
            Event::Start => {}
            // §6.4.3 Shutdown: priority 0 first, then the addresses (S-30, S-31).
            Event::Stop(kind) => {
                self.running = false;
                self.leave_active(step, Leave::Stop(kind), Cause::Stopped);
                self.lowered = false;
            }
            // §6.4.3 advert received.
            Event::Advert(advert) => self.active_hears(step, advert, duty),
            Event::Deadline => self.active_deadline(step, duty),
            // An Active judges nobody's silence.
            Event::Stalled(_) => {}
            Event::Reconfigure { config, priority } => {
                let (interval, shown) = (self.config.interval, self.priority());
                if self.adopt_settings(step, config, priority) {
                    // S-23: Shutdown and Startup.
                    self.leave_active(step, Leave::Restart, Cause::Reconfigured);
                    self.restart(step);
                } else if interval != self.config.interval || shown != self.priority() {
                    // Peers are told at once, and the grid starts anew from here.
                    self.advertise(step, self.priority().into(), step.now);
                    duty.due = self.next_due(step.now);
                    self.phase = Phase::Active(duty);
                }
            }
            // The next advert shows it (S-23).
            Event::Priority(priority) => {
                let (restarts, before) = (self.ownership_changes(priority), self.priority());
                self.set_priority(step, priority);
                if let Some(by) = self.outweighed(before).filter(|_| !restarts) {
                    // A weight that fell never holds (safety rule 2).
                    self.leave_active(step, Leave::Resign, Cause::Outweighed { by });
                } else if restarts {
                    self.leave_active(step, Leave::Restart, Cause::Reconfigured);
                    self.restart(step);
                }
            }
            // S-27: a fault is Shutdown.
            Event::Faults(faults) => {
                if let Some(cause) = self.take_faults(faults) {
                    self.leave_active(step, Leave::Fault, cause);
                }
            }
            Event::Healthy(healthy) => self.healthy = healthy,
            // Safety rule 9: priority 0, and the addresses stay until somebody has them; else Active again.
            Event::Stand(Standing::Yielded) => {
                self.leave_active(step, Leave::GiveWay, Cause::Yielded);
                self.set_standing(step, Standing::Yielded);
            }
            // The planned stop, whoever is there.
            Event::Stand(Standing::Out) => {
                self.leave_active(step, Leave::Stop(StopKind::Planned), Cause::TakenOut);
                self.set_standing(step, Standing::Out);
            }
            // The next advert shows it.
            Event::Stand(standing @ (Standing::Normal | Standing::Reserve)) => {
                self.set_standing(step, standing);
            }
            // Already there.
            Event::Group(GroupOrder::Activate) => {}
            Event::Group(GroupOrder::Yield) => {
                self.leave_active(step, Leave::GroupYield, Cause::Group);
            }
            Event::Group(GroupOrder::Bounce) => {
                self.leave_active(step, Leave::Bounce, Cause::Group);
            }
            Event::Source(source) => self.source = source,
            Event::Addresses(addresses) => self.active_addresses(step, addresses, duty),
            // Safety rule 6: bounce as keepalived does.
            Event::AddressesLost => {
                self.leave_active(step, Leave::Bounce, Cause::AddressesLost);
            }
            // Nobody succeeds an Active that did not leave; its announcements are the driver's to report.
            Event::SuccessorAnnounced => {}
        }
    }

    /// §6.4.3: priority 0, a loser, or a winner.
    fn active_hears(&mut self, step: &mut Step, advert: &Received, mut duty: Duty) {
        if !self.is_for_us(step.now, advert) {
            return;
        }
        if self.source == Some(advert.source) {
            // looped back, or a second host with our address. Answering would answer ourselves.
            self.counters.own_heard = self.counters.own_heard.saturating_add(1);
            step.actions.push(Action::OwnAddressHeard {
                from: advert.source,
            });
            return;
        }
        let own = self.priority();
        let (theirs, ours) = (advert.priority.as_u8(), own.as_u8());
        if advert.priority.is_release() {
            // S-15: advertise at once and restart the timer.
            self.note_peer(step.now, advert);
            if self.may_answer(step, &mut duty) {
                self.advertise(step, own.into(), step.now);
                duty.due = self.next_due(step.now);
                announce_again(step, &duty);
            }
            self.phase = Phase::Active(duty);
        } else if theirs > ours {
            self.yield_to(
                step,
                advert,
                Cause::HigherPriority {
                    from: advert.source,
                    priority: advert.priority,
                },
            );
        } else if theirs == ours && self.loses_tie_to(advert.source) {
            // S-24: of two owners the one with the smaller address yields, in keepalived for good.
            if own.is_owner() && self.config.owner_clash_lowers {
                self.lowered = true;
                step.actions.push(Action::PriorityChanged {
                    from: own,
                    to: self.priority(),
                });
            }
            self.yield_to(
                step,
                advert,
                Cause::TieLost {
                    from: advert.source,
                },
            );
        } else {
            self.hears_loser(step, advert, &mut duty);
            self.phase = Phase::Active(duty);
        }
    }

    /// S-16: no priority 0 on this path; keepalived's `higher_prio_send_advert` sends a last advert.
    fn yield_to(&mut self, step: &mut Step, advert: &Received, cause: Cause) {
        self.note_peer(step.now, advert);
        if self.config.advert_before_yield {
            self.advertise(step, self.priority().into(), step.now);
        }
        self.leave_active(step, Leave::Yield(advert), cause);
    }

    /// A losing advert: version 3 answers at once (S-18), RFC 3768 not at all (S-19). The grid stays.
    fn hears_loser(&mut self, step: &mut Step, advert: &Received, duty: &mut Duty) {
        self.counters.lower_heard = self.counters.lower_heard.saturating_add(1);
        if !self.may_answer(step, duty) {
            return;
        }
        step.actions.push(Action::LowerHeard {
            from: advert.source,
            priority: advert.priority,
        });
        if self.config.answer_lower {
            self.advertise(step, self.priority().into(), step.now);
        }
        announce_again(step, duty);
    }

    /// Whether this advert gets an answer of its own, or too many came (S-20).
    fn may_answer(&mut self, step: &Step, duty: &mut Duty) -> bool {
        let may = duty
            .answers
            .take(step.now, self.config.interval.as_duration());
        if !may {
            self.counters.unanswered = self.counters.unanswered.saturating_add(1);
        }
        may
    }

    /// Adver_Timer (§6.4.3), the confirmation of the addresses (safety rule 5), the announcement after a handover.
    fn active_deadline(&mut self, step: &mut Step, mut duty: Duty) {
        if duty.confirm_by.is_some_and(|at| at <= step.now) {
            let errno = self.addresses.errno;
            self.leave_active(
                step,
                Leave::Refused(errno),
                Cause::AddressesRefused { errno },
            );
            return;
        }
        if duty.due <= step.now {
            // T-14: one advert, however late, and then on from the next point of the grid.
            let (next, skipped) = timers::next_on_grid(duty.due, step.now, self.config.interval);
            self.advertise(step, self.priority().into(), duty.due);
            self.counters.skipped = self.counters.skipped.saturating_add(skipped);
            duty.due = next;
        }
        if duty.predecessor_at.is_some_and(|at| at <= step.now) {
            duty.predecessor_at = None;
            step.actions
                .push(Action::Announce(AnnounceReason::PredecessorGone));
        }
        self.phase = Phase::Active(duty);
    }

    /// What the kernel has: announced once something is there (RFC 9568 §8.1.2, §8.2.2), given up when nothing comes.
    fn active_addresses(&mut self, step: &mut Step, addresses: AddressState, mut duty: Duty) {
        self.addresses = addresses;
        if addresses.present > 0 {
            self.refusals = 0;
            duty.confirm_by = None;
            if !duty.announced {
                duty.announced = true;
                step.actions
                    .push(Action::Announce(AnnounceReason::BecameActive));
                if duty.predecessor {
                    duty.predecessor_at = Some(step.now.saturating_add(PREDECESSOR_GONE));
                }
            } else if addresses.present > duty.present {
                step.actions
                    .push(Action::Announce(AnnounceReason::AddressesChanged));
            }
        } else if addresses.wanted == 0 {
            duty.confirm_by = None;
        } else if duty.confirm_by.is_none() {
            duty.confirm_by = Some(
                step.now
                    .saturating_add(timers::confirm_bound(self.config.interval)),
            );
        }
        duty.present = addresses.present;
        self.phase = Phase::Active(duty);
    }
}

/// Hosts and bridges may have learned the other router; nothing is announced before it is there.
fn announce_again(step: &mut Step, duty: &Duty) {
    if duty.announced && duty.present > 0 {
        step.actions
            .push(Action::Announce(AnnounceReason::OtherActive));
    }
}
