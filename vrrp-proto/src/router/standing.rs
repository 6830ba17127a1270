//! What an operator asked of a router: give way, stay in reserve, stay out (safety rule 9).

use super::phase::{Phase, Then, Wait, Watch};
use super::{Cause, Step, VirtualRouter};
use crate::time::Instant;
use crate::timers;
use crate::units::Priority;

/// How far a router takes part, by an operator's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// As its settings say.
    #[default]
    Normal,
    /// It gave way: a Backup that preempts nobody, until the Active falls silent or releases. Becoming Active ends it.
    Yielded,
    /// Maintenance: the last to take over, with priority 1, and only while nobody else is there.
    Reserve,
    /// Maintenance by force: out of the election, whoever is there.
    Out,
}

impl VirtualRouter {
    /// What an operator asked of it.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether it takes part: told to run, and not out for maintenance.
    pub(super) fn takes_part(&self) -> bool {
        self.running && self.standing != Standing::Out
    }

    /// RFC 9568 §6.4.1: an owner becomes Active at once, unless its group or an operator is to be asked.
    pub(super) fn starts_active(&self) -> bool {
        self.priority().is_owner() && self.standing == Standing::Normal
    }

    /// Takes an operator's word; the priority may change with it.
    pub(super) fn set_standing(&mut self, step: &mut Step, standing: Standing) {
        self.change_priority(step, |router| router.standing = standing);
    }

    /// The same in a Backup, whose timer moves with its priority. A lower Active that was about to be preempted is
    /// listened to first.
    pub(super) fn stand_watching(
        &mut self,
        step: &mut Step,
        watch: &mut Watch,
        standing: Standing,
    ) {
        let before = self.span(watch.active_interval, watch.adverts);
        self.set_standing(step, standing);
        self.watch_moved(watch, step.now, before);
        if self.standing != Standing::Normal && watch.lower.take().is_some() {
            self.rearm(watch, step.now);
        }
    }

    /// The priority that a standing gives, where it gives one.
    pub(super) const fn standing_priority(&self) -> Option<Priority> {
        match self.standing {
            Standing::Normal | Standing::Yielded | Standing::Out => None,
            Standing::Reserve => Some(Priority::LOWEST),
        }
    }

    /// A watch after giving way: whoever wants the addresses has taken them by its end, or nobody does.
    pub(super) fn successor_watch(&self, now: Instant) -> Watch {
        let mut watch = self.new_watch(now);
        watch.wait = Wait::Successor;
        watch.adverts = 0;
        watch.down_at = now.saturating_add(timers::successor_bound(
            self.config.version,
            self.config.interval,
        ));
        watch
    }

    /// Out for maintenance while the addresses are still held.
    pub(super) fn stand_releasing(
        &mut self,
        step: &mut Step,
        mut hold: super::phase::Hold,
        standing: Standing,
    ) {
        match (&mut hold.then, standing) {
            (_, Standing::Out) => {
                self.set_standing(step, standing);
                hold.then = Then::Stopped;
            }
            (Then::Backup(watch), Standing::Normal | Standing::Yielded | Standing::Reserve) => {
                self.stand_watching(step, watch, standing);
            }
            (Then::Stopped, Standing::Normal | Standing::Yielded | Standing::Reserve) => {
                let back = self.running && self.standing == Standing::Out;
                self.set_standing(step, standing);
                if back {
                    hold.then = Then::Backup(self.new_watch(step.now));
                }
            }
        }
        self.phase = Phase::Releasing(hold);
    }

    /// In Initialize: the end of maintenance by force is Startup.
    pub(super) fn stand_idle(
        &mut self,
        step: &mut Step,
        idle: super::phase::Idle,
        standing: Standing,
    ) {
        let back = self.standing == Standing::Out && standing != Standing::Out;
        self.set_standing(step, standing);
        if back {
            self.enter_from_initialize_for(step, idle, Cause::BackIn);
        }
    }
}
