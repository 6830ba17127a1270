//! The ways into and out of states: one function enters each, one leaves Active, and nothing else sets the phase.

use super::phase::{Answers, Duty, Hold, Idle, Phase, Refused, Then, Wait, Watch};
use super::{
    Action, AnnounceReason, Cause, Config, FaultSet, Received, Standing, State, Step, StopKind,
    Transition, VirtualRouter,
};
use crate::time::Instant;
use crate::timers;
use crate::units::{Priority, WirePriority};
use core::time::Duration;

/// More priority 0 adverts than this say nothing new.
const MOST_RELEASES: u8 = 4;
/// After the successor's first advert its announcements may still be on the way for this long (safety rule 2).
pub(super) const SUCCESSOR_GRACE: Duration = Duration::from_millis(50);
/// First retry after the kernel refused every address; doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// A router is never lost for longer than this to a refusal that has gone.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// How Active is left.
pub(super) enum Leave<'a> {
    /// Told to stop (RFC 9568 §6.4.3 Shutdown; S-30).
    Stop(StopKind),
    /// A fault: Shutdown, without a hold (S-27).
    Fault,
    /// The kernel refused every address (safety rule 5).
    Refused(Option<i32>),
    /// An operator's word: priority 0, and Active again unless somebody takes over (safety rule 9).
    GiveWay,
    /// A check failed and a peer is better: priority 0 and no hold; Active again unless somebody takes over.
    Resign,
    /// Another router wins (RFC 9568 §6.4.3; S-16): no priority 0.
    Yield(&'a Received),
    /// The sync group goes to Backup with a member that another router won against: no priority 0.
    GroupYield,
    /// The addresses are lost: priority 0, and Active again after the skew unless somebody else is.
    Bounce,
    /// Shutdown before a Startup with other settings (S-23).
    Restart,
}

impl VirtualRouter {
    /// Startup as soon as nothing stands in its way (RFC 9568 §6.4.1); else stays, and tells of a fault once.
    pub(super) fn enter_from_initialize(&mut self, step: &mut Step, idle: Idle) {
        self.enter_from_initialize_for(step, idle, Cause::Started);
    }

    /// The same with another cause than that it was started.
    pub(super) fn enter_from_initialize_for(
        &mut self,
        step: &mut Step,
        mut idle: Idle,
        started: Cause,
    ) {
        self.phase = Phase::Initialize(idle);
        if !self.takes_part() {
            return;
        }
        if self.disqualified() {
            if !idle.faulted {
                idle.faulted = true;
                self.phase = Phase::Initialize(idle);
                let faults = self.faults();
                self.report(step, State::Initialize, Cause::Fault(faults));
            }
            return;
        }
        if !self.outside.is_empty() || idle.startup.is_some() {
            return;
        }
        let cause = if idle.faulted {
            Cause::FaultCleared
        } else if self.starts_active() && !self.grouped {
            Cause::OwnerStarted
        } else {
            started
        };
        self.startup(step, cause);
    }

    /// RFC 9568 §6.4.1: an owner becomes Active at once, anybody else watches with its own interval first.
    fn startup(&mut self, step: &mut Step, cause: Cause) {
        self.peer = None;
        self.heard_v3 = None;
        if self.starts_active() && !self.grouped {
            self.enter_active(step, cause, false);
            return;
        }
        let mut watch = self.new_watch(step.now);
        watch.wants_active = self.starts_active();
        self.enter_backup(step, cause, watch);
    }

    /// The only way into Backup.
    pub(super) fn enter_backup(&mut self, step: &mut Step, cause: Cause, watch: Watch) {
        let from = self.state();
        self.phase = Phase::Backup(watch);
        self.report(step, from, cause);
    }

    /// The only way into Active: advert first, then addresses, announcements once they are confirmed (S-06).
    pub(super) fn enter_active(&mut self, step: &mut Step, cause: Cause, predecessor: bool) {
        let from = self.state();
        if cause == Cause::NoSuccessor {
            // Whoever was heard once is not there.
            self.rival = None;
        }
        if self.standing == Standing::Yielded {
            self.standing = Standing::Normal;
        }
        self.advertise(step, self.priority().into(), step.now);
        step.actions.push(Action::AddAddresses);
        // Held addresses never left: the kernel confirmed them before.
        let held = if from == State::Releasing {
            self.addresses.present
        } else {
            0
        };
        if held > 0 {
            step.actions
                .push(Action::Announce(AnnounceReason::BecameActive));
        }
        self.phase = Phase::Active(Duty {
            due: self.next_due(step.now),
            confirm_by: (held == 0).then(|| {
                step.now
                    .saturating_add(timers::confirm_bound(self.config.interval))
            }),
            announced: held > 0,
            present: held,
            predecessor,
            predecessor_at: None,
            answers: Answers::new(),
        });
        self.counters.became_active = self.counters.became_active.saturating_add(1);
        self.report(step, from, cause);
    }

    /// A takeover whose timer fired: at once, or as a wish that the sync group decides about.
    pub(super) fn take_over(&mut self, step: &mut Step, watch: &mut Watch) -> bool {
        if self.grouped {
            watch.wants_active = true;
            self.rearm(watch, step.now);
            return false;
        }
        let cause = self.takeover_cause(watch);
        self.enter_active(step, cause, handed_over(watch));
        true
    }

    /// The sync group agrees. A member that wanted it has its own cause.
    pub(super) fn activate_with_group(&mut self, step: &mut Step, watch: &Watch) {
        let cause = if !watch.wants_active {
            Cause::Group
        } else if self.priority().is_owner()
            && self.peer.is_none()
            && !matches!(watch.wait, Wait::Successor)
        {
            Cause::OwnerStarted
        } else {
            self.takeover_cause(watch)
        };
        self.enter_active(step, cause, handed_over(watch));
    }

    /// The only way out of Active: what is sent, then what becomes of the addresses, then the report.
    pub(super) fn leave_active(&mut self, step: &mut Step, leave: Leave<'_>, cause: Cause) {
        let releases = match &leave {
            Leave::Stop(_)
            | Leave::Refused(_)
            | Leave::Bounce
            | Leave::Restart
            | Leave::GiveWay
            | Leave::Resign => 1,
            Leave::Fault => self.config.fault_releases.min(MOST_RELEASES),
            Leave::Yield(_) | Leave::GroupYield => 0,
        };
        for _ in 0..releases {
            self.advertise(step, WirePriority::RELEASE, step.now);
        }
        self.counters.left_active = self.counters.left_active.saturating_add(1);
        let (then, hold) = match leave {
            Leave::Stop(StopKind::Planned) => (Then::Stopped, self.hold(step.now)),
            Leave::Yield(advert) => {
                let mut watch = self.new_watch(step.now);
                self.learn(&mut watch, advert);
                self.rearm(&mut watch, step.now);
                let until = step.now.saturating_add(SUCCESSOR_GRACE);
                let hold = self.hold(step.now).map(|bound| bound.min(until));
                (Then::Backup(watch), hold)
            }
            Leave::GiveWay => {
                let watch = self.successor_watch(step.now);
                (Then::Backup(watch), self.hold(step.now))
            }
            Leave::Resign => (Then::Backup(self.successor_watch(step.now)), None),
            Leave::GroupYield => (Then::Backup(self.new_watch(step.now)), self.hold(step.now)),
            Leave::Bounce => {
                let mut watch = self.new_watch(step.now);
                self.arm_skew(&mut watch, step.now, Wait::Bounce);
                (Then::Backup(watch), None)
            }
            Leave::Refused(errno) => {
                self.leave_refused(step, errno, cause);
                return;
            }
            Leave::Stop(StopKind::Immediate) | Leave::Fault | Leave::Restart => {
                (Then::Stopped, None)
            }
        };
        match hold {
            Some(until) => {
                step.actions.push(Action::HoldAddresses);
                let mut hold = Hold {
                    until,
                    successor: matches!(
                        cause,
                        Cause::HigherPriority { .. } | Cause::TieLost { .. }
                    ),
                    then,
                };
                hold.outlast_watch();
                self.phase = Phase::Releasing(hold);
                self.report(step, State::Active, cause);
            }
            None => {
                step.actions.push(Action::RemoveAddresses);
                self.after_addresses(step, then, cause);
            }
        }
    }

    /// Safety rule 5: out of the election until a retry, which comes later each time.
    fn leave_refused(&mut self, step: &mut Step, errno: Option<i32>, cause: Cause) {
        let factor = 1_u32
            .checked_shl(u32::from(self.refusals))
            .unwrap_or(u32::MAX);
        let wait = FIRST_RETRY.saturating_mul(factor).min(LONGEST_RETRY);
        self.refusals = self.refusals.saturating_add(1);
        step.actions.push(Action::RemoveAddresses);
        self.phase = Phase::Initialize(Idle {
            startup: None,
            refused: Some(Refused {
                errno,
                retry_at: step.now.saturating_add(wait),
            }),
            faulted: true,
        });
        self.report(step, State::Active, cause);
    }

    /// The only way out of Releasing that removes the addresses.
    pub(super) fn end_hold(&mut self, step: &mut Step, then: Then, cause: Cause) {
        step.actions.push(Action::RemoveAddresses);
        self.after_addresses(step, then, cause);
    }

    /// The addresses are on their way out: Backup, or Initialize.
    fn after_addresses(&mut self, step: &mut Step, then: Then, cause: Cause) {
        match then {
            Then::Backup(watch) => self.enter_backup(step, cause, watch),
            Then::Stopped => self.enter_initialize(step, cause),
        }
    }

    /// The way into Initialize.
    pub(super) fn enter_initialize(&mut self, step: &mut Step, cause: Cause) {
        let from = self.state();
        self.phase = Phase::Initialize(Idle {
            startup: None,
            refused: None,
            faulted: self.running && self.disqualified(),
        });
        self.report(step, from, cause);
    }

    /// Until when addresses may be held now, if at all (safety rule 2).
    fn hold(&self, now: Instant) -> Option<Instant> {
        let bound = timers::release_bound(
            self.config.version,
            self.config.interval,
            self.config.release_hold,
        );
        let allowed =
            !bound.is_zero() && self.healthy && !self.disqualified() && self.addresses.present > 0;
        allowed.then(|| now.saturating_add(bound))
    }

    /// Takes over new settings. Tells whether they mean Shutdown and Startup: a change to or from owner (S-23), or of
    /// the version, whose adverts nobody of the old group understands.
    pub(super) fn adopt_settings(
        &mut self,
        step: &mut Step,
        config: &Config,
        priority: Priority,
    ) -> bool {
        let restarts = self.ownership_changes(priority) || self.config.version != config.version;
        if self.config.priority != config.priority {
            self.lowered = false;
        }
        self.config = *config;
        self.set_priority(step, priority);
        restarts
    }

    /// Takes over the effective priority and tells of the change.
    pub(super) fn set_priority(&mut self, step: &mut Step, priority: Priority) {
        self.change_priority(step, |router| router.priority = priority);
    }

    /// Makes a change that the effective priority may follow, and tells of that.
    pub(super) fn change_priority(&mut self, step: &mut Step, change: impl FnOnce(&mut Self)) {
        let from = self.priority();
        change(self);
        let to = self.priority();
        if from != to {
            step.actions.push(Action::PriorityChanged { from, to });
        }
    }

    /// Startup after the Shutdown of S-23.
    pub(super) fn restart(&mut self, step: &mut Step) {
        if self.takes_part() && self.faults().is_empty() {
            self.startup(step, Cause::Reconfigured);
        } else if let Phase::Initialize(idle) = self.phase {
            self.enter_from_initialize(step, idle);
        }
    }

    /// When the advert after one of now is due, in this router's place among the others.
    pub(super) fn next_due(&self, now: Instant) -> Instant {
        timers::next_in_phase(now, self.config.interval, self.config.phase)
    }

    /// Asks for one advert.
    pub(super) fn advertise(&mut self, step: &mut Step, priority: WirePriority, due: Instant) {
        self.counters.adverts = self.counters.adverts.saturating_add(1);
        step.actions.push(Action::Advertise { priority, due });
    }

    /// Records and reports a change into the current state.
    fn report(&mut self, step: &mut Step, from: State, cause: Cause) {
        let transition = Transition {
            from,
            to: self.state(),
            cause,
            at: step.now,
        };
        if transition.from != transition.to {
            self.since = step.now;
        }
        self.last_transition = Some(transition);
        step.actions.push(Action::Report(transition));
    }

    /// Tells whether a fault ends taking part, with its cause.
    pub(super) fn take_faults(&mut self, faults: FaultSet) -> Option<Cause> {
        self.outside = faults;
        self.disqualified().then(|| Cause::Fault(self.faults()))
    }
}

/// Whether the predecessor was alive when this watch ended: it released, or it is preempted.
const fn handed_over(watch: &Watch) -> bool {
    matches!(watch.wait, Wait::Release { .. }) || watch.lower.is_some()
}
