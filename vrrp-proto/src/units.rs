//! Numbers with a range or a unit, as types whose constructors check them.

use core::fmt;
use core::num::NonZeroU8;
use core::time::Duration;

/// The VRRP version spoken by a virtual router (RFC 9568 §5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Version 2: RFC 3768, with the authentication types of RFC 2338; IPv4 only.
    V2,
    /// Version 3: RFC 9568; IPv4 and IPv6.
    V3,
}

/// The address family of a virtual router; routers of both families may share a VRID (RFC 9568 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: &core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(_) => Self::V4,
            core::net::IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Virtual Router Identifier, 1–255 (RFC 9568 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// A VRID, or `None` for 0.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A configured or effective priority, 1–255; 255 is the address owner (RFC 9568 §5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(NonZeroU8);

impl Priority {
    /// The priority of the address owner.
    pub const OWNER: Self = Self(NonZeroU8::MAX);
    /// The lowest priority that may be configured.
    pub const LOWEST: Self = Self(NonZeroU8::MIN);
    /// What a router has when nothing is configured (RFC 9568 §6.1).
    pub const DEFAULT: Self = Self(NonZeroU8::new(100).unwrap());

    /// A priority, or `None` for 0, which is never configured.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0.get()
    }

    /// Whether this is the address owner's priority.
    #[must_use]
    pub const fn is_owner(self) -> bool {
        self.0.get() == u8::MAX
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A priority as adverts carry it: 1–255, or 0 to release (RFC 9568 §5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WirePriority(u8);

impl WirePriority {
    /// The Active router leaves.
    pub const RELEASE: Self = Self(0);

    /// The priority byte of an advert; every value is legal on the wire.
    #[must_use]
    pub const fn from_wire(value: u8) -> Self {
        Self(value)
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0
    }

    /// Whether the sender leaves Active.
    #[must_use]
    pub const fn is_release(self) -> bool {
        self.0 == 0
    }
}

impl From<Priority> for WirePriority {
    fn from(priority: Priority) -> Self {
        Self(priority.as_u8())
    }
}

/// The time between adverts: one type for both versions, in centiseconds, 1–25,500.
///
/// Only the wire format of version 2 knows seconds (1–255) and only that of version 3 is limited to 12 bits of
/// centiseconds (1–4,095; RFC 9568 §5.2.7, erratum 8301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdvertInterval(u16);

impl AdvertInterval {
    /// One second, the default of both versions.
    pub const DEFAULT: Self = Self(100);
    /// The longest interval that version 3 can express: 40.95 s.
    pub const MAX_V3: Self = Self(4095);
    /// The longest interval that version 2 can express: 255 s.
    pub const MAX_V2: Self = Self(25_500);

    /// An interval of 1–25,500 centiseconds, else `None`.
    #[must_use]
    pub const fn from_centis(centis: u16) -> Option<Self> {
        if centis == 0 || centis > Self::MAX_V2.0 {
            None
        } else {
            Some(Self(centis))
        }
    }

    /// An interval of 1–255 seconds, else `None`.
    #[must_use]
    pub const fn from_seconds(seconds: u8) -> Option<Self> {
        #[expect(clippy::as_conversions, reason = "widening; `From` is not const")]
        let seconds = seconds as u16;
        Self::from_centis(seconds.saturating_mul(100))
    }

    /// The interval in seconds, where it is a whole number of them: what version 2 can say.
    #[must_use]
    pub fn as_whole_seconds(self) -> Option<NonZeroU8> {
        let seconds = self.seconds_rounded_up();
        (Self::from(seconds) == self).then_some(seconds)
    }

    /// The next whole number of seconds: what the version 2 adverts of interoperation mode say, so that a version 2
    /// Backup never times out early (I-04).
    #[must_use]
    pub fn seconds_rounded_up(self) -> NonZeroU8 {
        u8::try_from(self.0.div_ceil(100))
            .ok()
            .and_then(NonZeroU8::new)
            .unwrap_or(NonZeroU8::MAX)
    }

    /// The interval in centiseconds.
    #[must_use]
    pub const fn as_centis(self) -> u16 {
        self.0
    }

    /// The interval as a duration.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        Duration::from_millis(u64::from(self.0).saturating_mul(10))
    }
}

impl From<NonZeroU8> for AdvertInterval {
    /// An interval of whole seconds, as version 2 has it.
    fn from(seconds: NonZeroU8) -> Self {
        Self(u16::from(seconds.get()).saturating_mul(100))
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The virtual router's own address (RFC 9568 §7.3).
    #[must_use]
    pub const fn of_virtual_router(family: Family, vrid: Vrid) -> Self {
        let group = match family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        Self([0x00, 0x00, 0x5e, 0x00, group, vrid.as_u8()])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_at_both_ends() {
        assert_eq!(Vrid::new(0), None);
        assert_eq!(Vrid::new(255).map(Vrid::as_u8), Some(255));
        assert_eq!(Priority::new(0), None);
        assert!(Priority::new(255).unwrap().is_owner());
        assert!(!Priority::new(254).unwrap().is_owner());
        assert_eq!(AdvertInterval::from_centis(0), None);
        assert_eq!(AdvertInterval::from_centis(25_501), None);
        assert_eq!(AdvertInterval::from_seconds(0), None);
        assert_eq!(
            AdvertInterval::from_seconds(255),
            Some(AdvertInterval::MAX_V2)
        );
        assert_eq!(
            AdvertInterval::MAX_V2.as_whole_seconds(),
            NonZeroU8::new(255)
        );
        assert_eq!(AdvertInterval::MAX_V3.as_whole_seconds(), None);
        for (centis, seconds) in [(1, 1), (100, 1), (101, 2), (4095, 41), (25_500, 255)] {
            let interval = AdvertInterval::from_centis(centis).unwrap();
            assert_eq!(interval.seconds_rounded_up().get(), seconds, "{centis} cs");
        }
        assert_eq!(
            AdvertInterval::MAX_V3.as_duration(),
            Duration::from_millis(40_950)
        );
    }

    /// M-01: the table of RFC 9568 §7.3.
    #[test]
    fn virtual_mac_carries_family_and_vrid() {
        let vrid = Vrid::new(205).unwrap();
        assert_eq!(
            MacAddr::of_virtual_router(Family::V4, vrid).0,
            [0, 0, 0x5e, 0, 1, 205]
        );
        assert_eq!(
            MacAddr::of_virtual_router(Family::V6, vrid).0,
            [0, 0, 0x5e, 0, 2, 205]
        );
    }
}
