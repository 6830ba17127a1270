//! Why a packet is not an advert for a router: one reason per check, each with a name and a counter.

use core::fmt;

/// The check that a packet failed. Every packet that is not accepted has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discard {
    /// IP header cut, of the wrong version, with an impossible length, or damaged.
    IpHeader,
    /// A fragment of an IPv4 packet.
    Fragment,
    /// Neither VRRP nor an Authentication Header in front of it.
    NotVrrp,
    /// Not the configured group, or not our unicast address.
    Destination,
    /// A source that the mode does not allow: unknown peer, multicast, unspecified, not link-local.
    Source,
    /// Our own source address: a looped frame, or a second host with it.
    OwnSource,
    /// TTL or hop limit not 255, or outside of the unicast peer's bounds.
    Ttl,
    /// An Authentication Header that is not one of HMAC-MD5-96.
    AhHeader,
    /// Fewer bytes than the message needs.
    Truncated,
    /// More bytes than the message has.
    Length,
    /// Not the router's version.
    Version,
    /// Not an advertisement.
    Type,
    /// No router with this VRID here.
    Vrid,
    /// No address in the list.
    CountZero,
    /// An authentication type that is not defined.
    AuthTypeUnknown,
    /// Another authentication type than the configured one, or an Authentication Header that does not fit it.
    AuthTypeMismatch,
    /// Wrong password, integrity check value or security parameters index.
    AuthFailed,
    /// AH sequence number seen before.
    AuthReplay,
    /// The checksum verifies in no accepted form.
    Checksum,
    /// An interval of zero where it would be learned.
    IntervalZero,
    /// Version 2 interval other than ours.
    IntervalMismatch,
    /// First IPv6 address is not link-local.
    FirstNotLinkLocal,
    /// Version 2 advert at the address owner.
    Owner,
    /// Version 2 address list differs.
    AddrList,
}

impl Discard {
    /// Every reason, in the order of the checks; a reason's place here is its [`index`](Self::index).
    pub const ALL: [Self; 24] = [
        Self::IpHeader,
        Self::Fragment,
        Self::NotVrrp,
        Self::Destination,
        Self::Source,
        Self::OwnSource,
        Self::Ttl,
        Self::AhHeader,
        Self::Truncated,
        Self::Length,
        Self::Version,
        Self::Type,
        Self::Vrid,
        Self::CountZero,
        Self::AuthTypeUnknown,
        Self::AuthTypeMismatch,
        Self::AuthFailed,
        Self::AuthReplay,
        Self::Checksum,
        Self::IntervalZero,
        Self::IntervalMismatch,
        Self::FirstNotLinkLocal,
        Self::Owner,
        Self::AddrList,
    ];
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// This reason's place in [`ALL`](Self::ALL), for arrays of counters and for records.
    #[must_use]
    #[expect(
        clippy::as_conversions,
        reason = "the discriminant of a fieldless enum; `ALL` is checked against it"
    )]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The error class of the test vectors, which status, metrics and records use as name. Both kinds of a wrong
    /// authentication type are one class.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::IpHeader => "ip-header",
            Self::Fragment => "fragment",
            Self::NotVrrp => "not-vrrp",
            Self::Destination => "destination",
            Self::Source => "source",
            Self::OwnSource => "own-source",
            Self::Ttl => "ttl",
            Self::AhHeader => "ah-header",
            Self::Truncated => "truncated",
            Self::Length => "length",
            Self::Version => "version",
            Self::Type => "type",
            Self::Vrid => "vrid",
            Self::CountZero => "count-zero",
            Self::AuthTypeUnknown | Self::AuthTypeMismatch => "auth-type",
            Self::AuthFailed => "auth-failed",
            Self::AuthReplay => "auth-replay",
            Self::Checksum => "checksum",
            Self::IntervalZero => "interval-zero",
            Self::IntervalMismatch => "interval-mismatch",
            Self::FirstNotLinkLocal => "first-not-link-local",
            Self::Owner => "owner",
            Self::AddrList => "addr-list",
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IpHeader => "IP header cut or damaged",
            Self::Fragment => "fragment of an IP packet",
            Self::NotVrrp => "not a VRRP packet",
            Self::Destination => "sent neither to our group nor to our unicast address",
            Self::Source => "source address not allowed here",
            Self::OwnSource => "carries our own source address",
            Self::Ttl => "TTL or hop limit too low: it crossed a router",
            Self::AhHeader => "authentication header of an unknown form",
            Self::Truncated => "shorter than its address count says",
            Self::Length => "longer than its address count says",
            Self::Version => "another VRRP version than ours",
            Self::Type => "not an advertisement",
            Self::Vrid => "no virtual router with this VRID here",
            Self::CountZero => "no address in it",
            Self::AuthTypeUnknown => "undefined authentication type",
            Self::AuthTypeMismatch => "another authentication type than ours",
            Self::AuthFailed => "authentication failed",
            Self::AuthReplay => "authenticated sequence number seen before",
            Self::Checksum => "wrong checksum",
            Self::IntervalZero => "advertisement interval of zero",
            Self::IntervalMismatch => "another advertisement interval than ours",
            Self::FirstNotLinkLocal => "first IPv6 address is not link-local",
            Self::Owner => "we own the addresses",
            Self::AddrList => "another address list than ours",
        })
    }
}

impl core::error::Error for Discard {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_its_index() {
        for (place, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), place, "{reason:?}");
        }
    }
}
