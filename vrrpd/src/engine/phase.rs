//! The engine's loop steps by name, and the longest of them: evidence for where a late advert's time went.

use std::time::Duration;

use vrrp_proto::time::Instant;

/// A step of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// In epoll_wait.
    Waiting,
    /// Taking commands of the other world and reports of the address thread.
    Commands,
    /// Taking packets.
    Receiving,
    /// Carrying out deadlines, adverts included.
    Deadlines,
    /// Reading transmit stamps.
    Stamps,
    /// Telling the other world.
    Publishing,
    /// Setting the timer.
    Arming,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Commands,
        Self::Receiving,
        Self::Deadlines,
        Self::Stamps,
        Self::Publishing,
        Self::Arming,
    ];

    /// Its name in status and records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Commands => "commands",
            Self::Receiving => "receiving",
            Self::Deadlines => "deadlines",
            Self::Stamps => "stamps",
            Self::Publishing => "publishing",
            Self::Arming => "arming",
        }
    }

    /// Its number in published words.
    pub(super) fn number(self) -> u64 {
        Self::ALL
            .iter()
            .zip(0..)
            .find_map(|(phase, n)| (*phase == self).then_some(n))
            .unwrap_or_default()
    }

    /// The name behind a published number.
    pub(crate) fn name_of(number: u64) -> &'static str {
        usize::try_from(number)
            .ok()
            .and_then(|n| Self::ALL.get(n))
            .map_or("unknown", |phase| phase.name())
    }
}

/// Times the steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    phase: Phase,
    began: Instant,
    longest_since_advert: (Duration, Phase),
    longest: (Duration, Phase),
}

impl Steps {
    pub(super) const fn new(now: Instant) -> Self {
        let none = (Duration::ZERO, Phase::Waiting);
        Self {
            phase: Phase::Waiting,
            began: now,
            longest_since_advert: none,
            longest: none,
        }
    }

    /// The step before ends and `phase` begins. Waiting is not timed: how long it lasts says nothing.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != Phase::Waiting {
            let step = (now.saturating_since(self.began), self.phase);
            if step.0 > self.longest_since_advert.0 {
                self.longest_since_advert = step;
            }
            if step.0 > self.longest.0 {
                self.longest = step;
            }
        }
        self.phase = phase;
        self.began = now;
    }

    /// An advert was sent: the longest step before it is returned and forgotten.
    pub(super) fn advert_sent(&mut self) -> (Duration, Phase) {
        std::mem::replace(
            &mut self.longest_since_advert,
            (Duration::ZERO, Phase::Waiting),
        )
    }

    /// The longest step since start.
    pub(super) const fn longest(&self) -> (Duration, Phase) {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_step_is_kept_until_the_next_advert_and_forever() {
        let at = Instant::from_nanos;
        let mut steps = Steps::new(at(0));
        steps.enter(Phase::Commands, at(1_000_000));
        steps.enter(Phase::Receiving, at(1_000_005));
        steps.enter(Phase::Deadlines, at(1_000_025));
        steps.enter(Phase::Waiting, at(1_000_030));
        assert_eq!(
            steps.advert_sent(),
            (Duration::from_nanos(20), Phase::Receiving)
        );
        steps.enter(Phase::Arming, at(2_000_000));
        steps.enter(Phase::Waiting, at(2_000_003));
        assert_eq!(
            steps.advert_sent(),
            (Duration::from_nanos(3), Phase::Arming),
            "waiting is no step"
        );
        assert_eq!(
            steps.longest(),
            (Duration::from_nanos(20), Phase::Receiving)
        );
    }

    #[test]
    fn every_phase_is_found_by_its_number() {
        for phase in Phase::ALL {
            assert_eq!(Phase::name_of(phase.number()), phase.name());
        }
        assert_eq!(Phase::name_of(99), "unknown");
    }
}
