//! Put back, but do not fight (safety rule 6): what follows when another process removed an address of an Active router.
//!
//! A decision from times alone; who removed it, and putting it back, is the caller's.

use std::time::Duration;

use vrrp_config::plan::RestoreAddresses;
use vrrp_proto::time::Instant;

/// Within this time at most as many removals are answered by putting back as there are delays.
const WINDOW: Duration = Duration::from_secs(60);
/// How long to wait before putting back for the first, second, … time within the window.
const DELAYS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1500),
    Duration::from_secs(5),
];

/// What to do about a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Put it back after this time.
    Restore(Duration),
    /// Do what keepalived does: bounce through Backup.
    Bounce,
    /// Report it only.
    Leave,
}

/// How often an address was put back lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RestoreHistory {
    /// Removals that were answered by putting back, oldest first.
    answered: [Option<Instant>; DELAYS.len()],
}

impl RestoreHistory {
    /// Decides about a removal. An address that is not tracked is left alone, whatever the policy.
    pub(super) fn removed(
        &mut self,
        now: Instant,
        policy: RestoreAddresses,
        tracked: bool,
    ) -> Answer {
        match policy {
            _ if !tracked => Answer::Leave,
            RestoreAddresses::Off => Answer::Leave,
            RestoreAddresses::Bounce => Answer::Bounce,
            RestoreAddresses::On => self.put_back(now),
        }
    }

    fn put_back(&mut self, now: Instant) -> Answer {
        let recent = |at: &Instant| now.saturating_since(*at) < WINDOW;
        let mut kept = [None; DELAYS.len()];
        let mut count = 0;
        for at in self.answered.into_iter().flatten().filter(recent) {
            kept[count] = Some(at);
            count += 1;
        }
        self.answered = kept;
        let (Some(place), Some(delay)) = (self.answered.get_mut(count), DELAYS.get(count)) else {
            return Answer::Bounce;
        };
        *place = Some(now);
        Answer::Restore(*delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.saturating_add(Duration::from_secs(seconds))
    }

    /// Safety rule 6.
    #[test]
    fn five_times_in_a_minute_with_growing_delay_then_bounce() {
        let mut history = RestoreHistory::default();
        let mut last = None;
        for second in [0, 1, 2, 3, 4] {
            let Answer::Restore(delay) = history.removed(at(second), RestoreAddresses::On, true)
            else {
                panic!("not put back after removal at {second} s");
            };
            assert!(
                last.is_none_or(|last| delay > last),
                "{delay:?} does not grow"
            );
            last = Some(delay);
        }
        assert_eq!(
            history.removed(at(5), RestoreAddresses::On, true),
            Answer::Bounce
        );
        assert_eq!(
            history.removed(at(59), RestoreAddresses::On, true),
            Answer::Bounce
        );
        // The first one is a minute old now, the other four are not.
        assert_eq!(
            history.removed(at(60), RestoreAddresses::On, true),
            Answer::Restore(DELAYS[4])
        );
        assert_eq!(
            history.removed(at(60), RestoreAddresses::On, true),
            Answer::Bounce
        );
    }

    #[test]
    fn rare_removals_are_put_back_at_once_for_ever() {
        let mut history = RestoreHistory::default();
        for minute in 0..100 {
            assert_eq!(
                history.removed(at(minute * 60), RestoreAddresses::On, true),
                Answer::Restore(Duration::ZERO)
            );
        }
    }

    #[test]
    fn the_other_policies_bounce_at_once_or_leave_it() {
        let mut history = RestoreHistory::default();
        assert_eq!(
            history.removed(at(0), RestoreAddresses::Bounce, true),
            Answer::Bounce
        );
        assert_eq!(
            history.removed(at(0), RestoreAddresses::Off, true),
            Answer::Leave
        );
        assert_eq!(
            history.removed(at(0), RestoreAddresses::Bounce, false),
            Answer::Leave
        );
        assert_eq!(
            history.removed(at(0), RestoreAddresses::On, false),
            Answer::Leave
        );
    }
}
