//! keepalived's counters of one instance, from ours.

use vrrp_proto::wire::Discard;

use crate::core::RouterSnapshot;

/// What keepalived counts of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) became_master: u64,
    pub(super) released_master: u64,
    pub(super) length: u64,
    pub(super) ttl: u64,
    pub(super) kind: u64,
    pub(super) interval: u64,
    pub(super) address_list: u64,
    pub(super) auth_unknown: u64,
    pub(super) auth_mismatch: u64,
    pub(super) auth_failure: u64,
    pub(super) zero_received: u64,
    pub(super) zero_sent: u64,
}

impl Counts {
    /// Since the start.
    pub(crate) fn of(router: &RouterSnapshot) -> Self {
        let discarded = |reasons: &[Discard]| -> u64 {
            let counts = reasons
                .iter()
                .filter_map(|reason| router.received.discards.get(reason.index()));
            counts.sum()
        };
        Self {
            received: router.received.accepted,
            sent: router.adverts.accepted,
            became_master: router.router.counters.became_active,
            released_master: router.router.counters.left_active,
            length: discarded(&[Discard::Truncated, Discard::Length, Discard::CountZero]),
            ttl: discarded(&[Discard::Ttl]),
            kind: discarded(&[Discard::Type]),
            interval: discarded(&[Discard::IntervalMismatch, Discard::IntervalZero]),
            address_list: discarded(&[Discard::AddrList]),
            auth_unknown: discarded(&[Discard::AuthTypeUnknown]),
            auth_mismatch: discarded(&[Discard::AuthTypeMismatch]),
            auth_failure: discarded(&[Discard::AuthFailed, Discard::AuthReplay]),
            zero_received: router.received.releases,
            zero_sent: router.adverts.released,
        }
    }

    /// What came after `cleared`.
    pub(super) const fn since(self, cleared: Self) -> Self {
        Self {
            received: self.received.saturating_sub(cleared.received),
            sent: self.sent.saturating_sub(cleared.sent),
            became_master: self.became_master.saturating_sub(cleared.became_master),
            released_master: self.released_master.saturating_sub(cleared.released_master),
            length: self.length.saturating_sub(cleared.length),
            ttl: self.ttl.saturating_sub(cleared.ttl),
            kind: self.kind.saturating_sub(cleared.kind),
            interval: self.interval.saturating_sub(cleared.interval),
            address_list: self.address_list.saturating_sub(cleared.address_list),
            auth_unknown: self.auth_unknown.saturating_sub(cleared.auth_unknown),
            auth_mismatch: self.auth_mismatch.saturating_sub(cleared.auth_mismatch),
            auth_failure: self.auth_failure.saturating_sub(cleared.auth_failure),
            zero_received: self.zero_received.saturating_sub(cleared.zero_received),
            zero_sent: self.zero_sent.saturating_sub(cleared.zero_sent),
        }
    }
}
