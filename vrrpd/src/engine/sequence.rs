//! What a sender's numbers tell, once they have earned trust (safety rule 8).
//!
//! IPv4 identifications, and flow labels of IPv6, are a sequence only where the sender makes them one. Nothing is
//! concluded before sixteen steps of one in a row, and nothing any more after the first break that no loss explains.

use std::net::IpAddr;

/// Steps of one in a row that earn trust.
const EARNED: u8 = 16;
/// The longest step that is taken for loss; a longer one is a restart or no sequence at all.
const LONGEST_LOSS: u16 = 1000;

/// The numbers of one router's peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SequenceWatch {
    last: Option<(IpAddr, u16)>,
    steps: u8,
    /// Adverts that a trusted sequence shows missing.
    pub(crate) missing: u64,
    /// Times that a trusted sequence broke: the sender restarted, or numbers otherwise.
    pub(crate) breaks: u64,
}

impl SequenceWatch {
    /// An accepted advert with its number, where it has one. Another sender starts anew.
    pub(crate) fn note(&mut self, source: IpAddr, number: Option<u32>) {
        let Some(number) = number
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| *number != 0)
        else {
            self.last = None;
            self.steps = 0;
            return;
        };
        let before = self
            .last
            .replace((source, number))
            .filter(|(before, _)| *before == source);
        let Some((_, before)) = before else {
            self.steps = 0;
            return;
        };
        match step(before, number) {
            1 => self.steps = self.steps.saturating_add(1).min(EARNED),
            step @ 2..=LONGEST_LOSS if self.is_trusted() => self.missing += u64::from(step - 1),
            _ => {
                self.breaks += u64::from(self.is_trusted());
                self.steps = 0;
            }
        }
    }

    /// Whether the numbers have earned trust.
    pub(crate) const fn is_trusted(&self) -> bool {
        self.steps >= EARNED
    }
}

/// Steps from one number to the next: 1 to 65535 in a circle without 0. keepalived goes from 65535 to 2.
const fn step(before: u16, number: u16) -> u16 {
    if before == u16::MAX && number == 2 {
        return 1;
    }
    if number > before {
        number - before
    } else {
        u16::MAX - before + number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn heard(numbers: impl IntoIterator<Item = u32>) -> SequenceWatch {
        let mut watch = SequenceWatch::default();
        for number in numbers {
            watch.note(SOURCE, Some(number));
        }
        watch
    }

    #[test]
    fn trust_is_earned_by_sixteen_steps_of_one() {
        assert!(!heard(100..=115).is_trusted());
        assert!(heard(100..=116).is_trusted());
    }

    #[test]
    fn before_trust_a_gap_means_nothing() {
        let watch = heard((1..=10).chain(20..=30));
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (0, 0, false)
        );
    }

    #[test]
    fn a_gap_in_a_trusted_sequence_is_loss_and_keeps_trust() {
        let watch = heard((1..=20).chain([24]));
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (3, 0, true)
        );
    }

    #[test]
    fn a_restart_ends_trust_at_once() {
        for next in [1, 20, 5000] {
            let watch = heard((1..=20).chain([next]));
            assert_eq!(
                (watch.missing, watch.breaks, watch.is_trusted()),
                (0, 1, false),
                "after {next}"
            );
        }
    }

    #[test]
    fn both_ways_around_the_end_are_steps_of_one() {
        let watch = heard((65_500..=65_535).chain(2..=5));
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (0, 0, true),
            "as keepalived wraps"
        );
        let watch = heard((65_500..=65_535).chain(1..=5));
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (0, 0, true),
            "as counting wraps"
        );
    }

    #[test]
    fn random_numbers_never_earn_trust() {
        let watch = heard(
            [28_114, 28_116, 28_118, 28_121, 28_122, 28_130]
                .into_iter()
                .cycle()
                .take(300),
        );
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (0, 0, false)
        );
    }

    #[test]
    fn another_sender_and_an_advert_without_number_start_anew() {
        let mut watch = heard(1..=20);
        watch.note("10.0.0.2".parse().unwrap(), Some(21));
        assert!(!watch.is_trusted());
        let mut watch = heard(1..=20);
        watch.note(SOURCE, None);
        assert!(!watch.is_trusted());
        assert_eq!(watch.breaks, 0);
    }
}
