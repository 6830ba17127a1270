//! What a sender's numbers tell, once they have earned trust (safety rule 8).
//!
//! IPv4 identifications, and flow labels of IPv6, are a sequence only where the sender makes them one. Nothing is
//! concluded before sixteen steps of one in a row, and nothing any more after the first break that no loss explains. The
//! engine, the observer and captures judge by these rules alike; nothing here allocates.

use std::net::IpAddr;

use crate::history::Sequence;

/// Steps of one in a row that earn trust.
pub const EARNED: u8 = 16;
/// The longest step that is taken for loss; a longer one is a restart or no sequence at all.
const LONGEST_LOSS: u16 = 1000;
/// How far a number may lie behind the last and still be a duplicate or out of order.
const LONGEST_BACK: u16 = 16;

/// The numbers of one router's peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceWatch {
    last: Option<(IpAddr, u16)>,
    steps: u8,
    /// The last number, where it lay behind the highest one.
    behind: Option<u16>,
    /// Adverts that a trusted sequence shows missing.
    pub missing: u64,
    /// Times that a trusted sequence broke: the sender restarted, or numbers otherwise.
    pub breaks: u64,
}

impl SequenceWatch {
    /// An accepted advert with its number, where it has one. Another sender starts anew.
    pub fn note(&mut self, source: IpAddr, number: Option<u32>) -> Sequence {
        let behind = self.behind.take();
        let Some(number) = number
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| *number != 0)
        else {
            self.last = None;
            self.steps = 0;
            return Sequence::Untrusted;
        };
        let before = self.last.filter(|(before, _)| *before == source);
        let Some((_, before)) = before else {
            self.last = Some((source, number));
            self.steps = 0;
            return Sequence::Untrusted;
        };
        let trusted = self.is_trusted();
        let forward = step(before, number);
        if trusted && is_behind(before, number) && behind.is_none_or(|was| step(was, number) != 1) {
            self.behind = Some(number);
            return Sequence::Repeated;
        }
        self.last = Some((source, number));
        match forward {
            1 => {
                self.steps = self.steps.saturating_add(1).min(EARNED);
                if self.is_trusted() {
                    Sequence::Next
                } else {
                    Sequence::Untrusted
                }
            }
            2..=LONGEST_LOSS if trusted => {
                self.missing += u64::from(forward - 1);
                Sequence::Missing(forward - 1)
            }
            _ if trusted => {
                self.breaks += 1;
                self.steps = 0;
                Sequence::Broken
            }
            _ => {
                self.steps = 0;
                Sequence::Untrusted
            }
        }
    }

    /// Whether the numbers have earned trust.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
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

/// Whether a number is a duplicate or out of order: the last one or a few less. Who counts from 1 has restarted, and so
/// has who counts on from a number behind the last, which [`SequenceWatch::note`] sees.
fn is_behind(before: u16, number: u16) -> bool {
    number != 1 && (number == before || step(number, before) <= LONGEST_BACK)
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
        for next in [1, 3, 5000] {
            let watch = heard((1..=20).chain([next]));
            assert_eq!(
                (watch.missing, watch.breaks, watch.is_trusted()),
                (0, 1, false),
                "after {next}"
            );
        }
    }

    #[test]
    fn each_advert_is_told_what_its_number_says() {
        let mut watch = heard(1..=16);
        let mut tell = |number| watch.note(SOURCE, Some(number));
        for (number, told) in [
            (17, Sequence::Next),
            (20, Sequence::Missing(2)),
            (20, Sequence::Repeated),
            (18, Sequence::Repeated),
            (21, Sequence::Next),
            (1, Sequence::Broken),
            (2, Sequence::Untrusted),
        ] {
            assert_eq!(tell(number), told, "{number}");
        }
        assert_eq!((watch.missing, watch.breaks), (2, 1));
    }

    #[test]
    fn who_counts_on_from_a_number_behind_the_last_has_restarted() {
        let mut watch = heard(1..=18);
        assert_eq!(watch.note(SOURCE, Some(4)), Sequence::Repeated);
        assert_eq!(watch.note(SOURCE, Some(5)), Sequence::Broken);
        assert_eq!(watch.note(SOURCE, Some(6)), Sequence::Untrusted);
        assert!(!watch.is_trusted());
    }

    #[test]
    fn duplicates_of_every_advert_keep_trust() {
        let watch = heard((1..=20).chain((21..=40).flat_map(|number| [number, number])));
        assert_eq!(
            (watch.missing, watch.breaks, watch.is_trusted()),
            (0, 0, true)
        );
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
