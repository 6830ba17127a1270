//! Times the engine's loop steps and keeps the longest of them: evidence for where a late advert's time went.

use std::time::Duration;

use vrrp_proto::time::Instant;
use vrrp_record::step::Step;

/// A step that was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timed {
    pub(super) step: Step,
    pub(super) began: Instant,
    pub(super) length: Duration,
}

impl Timed {
    pub(super) const NONE: Self = Self {
        step: Step::Waiting,
        began: Instant::ZERO,
        length: Duration::ZERO,
    };

    fn raise(&mut self, other: Self) {
        if other.length > self.length {
            *self = other;
        }
    }
}

/// Times the steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    step: Step,
    began: Instant,
    longest_in_turn: Timed,
    longest_since_advert: Timed,
    longest: Timed,
}

impl Steps {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            step: Step::Waiting,
            began: now,
            longest_in_turn: Timed::NONE,
            longest_since_advert: Timed::NONE,
            longest: Timed::NONE,
        }
    }

    /// The step before ends and `step` begins. Waiting is not timed: how long it lasts says nothing. Returns the step
    /// before.
    pub(super) fn enter(&mut self, step: Step, now: Instant) -> Step {
        if self.step != Step::Waiting {
            let timed = Timed {
                step: self.step,
                began: self.began,
                length: now.saturating_since(self.began),
            };
            self.longest_in_turn.raise(timed);
            self.longest_since_advert.raise(timed);
            self.longest.raise(timed);
        }
        self.began = now;
        std::mem::replace(&mut self.step, step)
    }

    /// When the present step began.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// The longest step since the last question, which is one a turn.
    pub(super) const fn take_turn(&mut self) -> Timed {
        std::mem::replace(&mut self.longest_in_turn, Timed::NONE)
    }

    /// An advert was sent: the longest step before it is returned and forgotten.
    pub(super) const fn advert_sent(&mut self) -> Timed {
        std::mem::replace(&mut self.longest_since_advert, Timed::NONE)
    }

    /// The longest step since start.
    pub(super) const fn longest(&self) -> Timed {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_step_is_kept_for_the_turn_until_the_next_advert_and_forever() {
        let at = Instant::from_nanos;
        let mut steps = Steps::new(at(0));
        steps.enter(Step::Commands, at(1_000_000));
        steps.enter(Step::Receiving, at(1_000_005));
        steps.enter(Step::Deadlines, at(1_000_025));
        assert_eq!(steps.enter(Step::Waiting, at(1_000_030)), Step::Deadlines);
        let received = Timed {
            step: Step::Receiving,
            began: at(1_000_005),
            length: Duration::from_nanos(20),
        };
        assert_eq!(steps.take_turn(), received);
        assert_eq!(steps.advert_sent(), received);
        steps.enter(Step::Arming, at(2_000_000));
        steps.enter(Step::Waiting, at(2_000_003));
        let armed = steps.take_turn();
        assert_eq!(
            (armed.step, armed.length),
            (Step::Arming, Duration::from_nanos(3)),
            "waiting is no step"
        );
        assert_eq!(steps.advert_sent(), armed);
        assert_eq!(steps.longest(), received);
    }
}
