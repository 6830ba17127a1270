//! What is counted about adverts: one counter per [`Discard`] and per [`Warning`], and the totals of RFC 6527.
//!
//! Plain numbers that only rise. Publishing them to another thread, and naming them in metrics, is the daemon's.

use crate::router::State;
use crate::units::WirePriority;
use crate::wire::{Accepted, Discard, Warning};

/// The counters of one virtual router, or of one interface for packets that belong to none (E-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    discards: [u64; Discard::COUNT],
    warnings: [u64; Warning::COUNT],
    /// Accepted adverts: `vrrpv3StatisticsRcvdAdvertisements` (E-09).
    pub accepted: u64,
    /// Accepted adverts with priority 0: `vrrpv3StatisticsRcvdPriZeroPackets` (E-10).
    pub releases_received: u64,
    /// Adverts handed to the kernel.
    pub sent: u64,
    /// Those with priority 0: `vrrpv3StatisticsSentPriZeroPackets` (E-10).
    pub releases_sent: u64,
    /// Adverts that the kernel refused or that had no source address to leave from (S-21).
    pub send_failures: u64,
    /// Transitions to Active: `vrrpv3StatisticsMasterTransitions` (E-11).
    pub became_active: u64,
    /// The last protocol error: `vrrpv3StatisticsProtoErrReason` (E-13).
    pub last_error: ProtocolError,
}

/// `vrrpv3StatisticsProtoErrReason` of RFC 6527.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProtocolError {
    /// noError(0).
    #[default]
    None,
    /// ipTtlError(1).
    Ttl,
    /// versionError(2).
    Version,
    /// checksumError(3).
    Checksum,
    /// vrIdError(4).
    Vrid,
}

impl ProtocolError {
    /// The reason that a discard is reported as, where the MIB has one.
    #[must_use]
    pub const fn of(discard: Discard) -> Option<Self> {
        match discard {
            Discard::Ttl => Some(Self::Ttl),
            Discard::Version => Some(Self::Version),
            Discard::Checksum => Some(Self::Checksum),
            Discard::Vrid => Some(Self::Vrid),
            Discard::IpHeader
            | Discard::Fragment
            | Discard::NotVrrp
            | Discard::Destination
            | Discard::Source
            | Discard::OwnSource
            | Discard::AhHeader
            | Discard::Truncated
            | Discard::Length
            | Discard::Type
            | Discard::CountZero
            | Discard::AuthTypeUnknown
            | Discard::AuthTypeMismatch
            | Discard::AuthFailed
            | Discard::AuthReplay
            | Discard::IntervalZero
            | Discard::IntervalMismatch
            | Discard::FirstNotLinkLocal
            | Discard::Owner
            | Discard::AddrList => None,
        }
    }
}

impl Counters {
    /// Nothing counted yet.
    pub const ZERO: Self = Self {
        discards: [0; Discard::COUNT],
        warnings: [0; Warning::COUNT],
        accepted: 0,
        releases_received: 0,
        sent: 0,
        releases_sent: 0,
        send_failures: 0,
        became_active: 0,
        last_error: ProtocolError::None,
    };

    /// Counts a discarded packet: exactly one counter rises by one.
    pub fn discard(&mut self, discard: Discard) {
        if let Some(counter) = self.discards.get_mut(discard.index()) {
            *counter = counter.saturating_add(1);
        }
        if let Some(error) = ProtocolError::of(discard) {
            self.last_error = error;
        }
    }

    /// Counts an accepted advert and what is odd about it.
    pub fn accept(&mut self, accepted: &Accepted<'_>) {
        self.accepted = self.accepted.saturating_add(1);
        if accepted.advert.priority().is_release() {
            self.releases_received = self.releases_received.saturating_add(1);
        }
        for warning in accepted.warnings.iter() {
            if let Some(counter) = self.warnings.get_mut(warning.index()) {
                *counter = counter.saturating_add(1);
            }
        }
    }

    /// Counts an advert that the kernel took, or did not.
    pub fn send(&mut self, priority: WirePriority, taken: bool) {
        if !taken {
            self.send_failures = self.send_failures.saturating_add(1);
            return;
        }
        self.sent = self.sent.saturating_add(1);
        if priority.is_release() {
            self.releases_sent = self.releases_sent.saturating_add(1);
        }
    }

    /// Counts a transition.
    pub fn transition(&mut self, to: State) {
        if to == State::Active {
            self.became_active = self.became_active.saturating_add(1);
        }
    }

    /// Packets discarded for this reason.
    #[must_use]
    pub fn discarded(&self, discard: Discard) -> u64 {
        self.discards
            .get(discard.index())
            .copied()
            .unwrap_or_default()
    }

    /// Accepted adverts with this warning.
    #[must_use]
    pub fn warned(&self, warning: Warning) -> u64 {
        self.warnings
            .get(warning.index())
            .copied()
            .unwrap_or_default()
    }

    /// All reasons with their counters, in the order of the checks.
    pub fn discards(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.into_iter().zip(self.discards)
    }

    /// All packets discarded.
    #[must_use]
    pub fn discarded_total(&self) -> u64 {
        self.discards
            .iter()
            .fold(0, |total, counter| total.saturating_add(*counter))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// reason and counter map one to one.
    #[test]
    fn each_discard_raises_its_own_counter_by_one() {
        for discard in Discard::ALL {
            let mut counters = Counters::ZERO;
            counters.discard(discard);
            for (other, count) in counters.discards() {
                assert_eq!(
                    count,
                    u64::from(other == discard),
                    "{discard:?} against {other:?}"
                );
            }
            assert_eq!(counters.discarded(discard), 1);
            assert_eq!(counters.discarded_total(), 1);
            let rest = Counters {
                discards: Counters::ZERO.discards,
                last_error: ProtocolError::None,
                ..counters
            };
            assert_eq!(rest, Counters::ZERO, "{discard:?} moved something else");
        }
    }

    /// E-13.
    #[test]
    fn the_last_protocol_error_stays() {
        let mut counters = Counters::ZERO;
        counters.discard(Discard::Checksum);
        counters.discard(Discard::AddrList);
        assert_eq!(counters.last_error, ProtocolError::Checksum);
        counters.discard(Discard::Ttl);
        assert_eq!(counters.last_error, ProtocolError::Ttl);
    }

    #[test]
    fn sent_adverts_releases_and_failures_are_told_apart() {
        let mut counters = Counters::ZERO;
        counters.send(WirePriority::from_wire(100), true);
        counters.send(WirePriority::RELEASE, true);
        counters.send(WirePriority::RELEASE, false);
        counters.transition(State::Active);
        counters.transition(State::Backup);
        let expected = Counters {
            sent: 2,
            releases_sent: 1,
            send_failures: 1,
            became_active: 1,
            ..Counters::ZERO
        };
        assert_eq!(counters, expected);
    }
}
