//! How single values become words and come back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use vrrp_proto::router::{Cause, FaultSet, Standing, State, Transition};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Priority, WirePriority};

use super::{Decoder, Encoder};

/// A value of a fixed number of words.
pub(super) trait Value: Sized {
    /// Adds the value's words.
    fn put(&self, to: &mut Encoder<'_>);
    /// Takes the value's words; `None` for words that no value has.
    fn take(from: &mut Decoder<'_>) -> Option<Self>;
}

/// Puts and takes the fields of a structure in one order, written once.
macro_rules! fields {
    ($kind:ty { $($field:ident),* $(,)? }) => {
        impl Value for $kind {
            fn put(&self, to: &mut Encoder<'_>) {
                let Self { $($field),* } = self;
                $($field.put(to);)*
            }

            fn take(from: &mut Decoder<'_>) -> Option<Self> {
                $(let $field = Value::take(from)?;)*
                Some(Self { $($field),* })
            }
        }
    };
}
pub(super) use fields;

impl Value for u64 {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(*self);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(from.take())
    }
}

/// Smaller numbers take a whole word: these values are few, and the layout stays plain.
macro_rules! narrow {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            fn put(&self, to: &mut Encoder<'_>) {
                to.put(u64::from(*self));
            }

            fn take(from: &mut Decoder<'_>) -> Option<Self> {
                Self::try_from(from.take()).ok()
            }
        }
    )*};
}
narrow!(u8, u16, u32);

impl Value for bool {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(u64::from(*self));
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(from.take() != 0)
    }
}

impl Value for i32 {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(u64::from(self.cast_unsigned()));
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(u32::try_from(from.take()).ok()?.cast_signed())
    }
}

impl Value for Instant {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(self.as_nanos());
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self::from_nanos(from.take()))
    }
}

impl Value for Duration {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX));
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self::from_nanos(from.take()))
    }
}

impl Value for Priority {
    fn put(&self, to: &mut Encoder<'_>) {
        self.as_u8().put(to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Self::new(u8::take(from)?)
    }
}

impl Value for WirePriority {
    fn put(&self, to: &mut Encoder<'_>) {
        self.as_u8().put(to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self::from_wire(u8::take(from)?))
    }
}

impl Value for AdvertInterval {
    fn put(&self, to: &mut Encoder<'_>) {
        self.as_centis().put(to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Self::from_centis(u16::take(from)?)
    }
}

impl Value for FaultSet {
    fn put(&self, to: &mut Encoder<'_>) {
        self.bits().put(to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self::from_bits(u16::take(from)?))
    }
}

impl Value for State {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(match self {
            Self::Initialize => 0,
            Self::Backup => 1,
            Self::Active => 2,
            Self::Releasing => 3,
        });
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        match from.take() {
            0 => Some(Self::Initialize),
            1 => Some(Self::Backup),
            2 => Some(Self::Active),
            3 => Some(Self::Releasing),
            _ => None,
        }
    }
}

impl Value for IpAddr {
    fn put(&self, to: &mut Encoder<'_>) {
        let (family, bits) = match self {
            Self::V4(address) => (4, u128::from(address.to_bits())),
            Self::V6(address) => (6, address.to_bits()),
        };
        to.put(family);
        let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)];
        to.put(u64::try_from(high).unwrap_or_default());
        to.put(u64::try_from(low).unwrap_or_default());
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        let (family, high, low) = (from.take(), from.take(), from.take());
        match family {
            4 => Some(Ipv4Addr::from_bits(u32::try_from(low).ok()?).into()),
            6 => Some(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into()),
            _ => None,
        }
    }
}

/// Absent values take as many words as present ones, so that a layout has one size.
pub(super) fn put_option<T: Value>(value: Option<T>, filler: T, to: &mut Encoder<'_>) {
    value.is_some().put(to);
    value.unwrap_or(filler).put(to);
}

/// The other side of [`put_option`].
#[expect(
    clippy::option_option,
    reason = "the outer one is the failure of every value's decoding"
)]
pub(super) fn take_option<T: Value>(from: &mut Decoder<'_>) -> Option<Option<T>> {
    let present = bool::take(from)?;
    let value = T::take(from);
    if present { value.map(Some) } else { Some(None) }
}

/// Fills the words of an address that is absent.
pub(super) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Value for Cause {
    fn put(&self, to: &mut Encoder<'_>) {
        // Kind, one number, and an address: every cause has at most one of each.
        let (kind, number, address) = match *self {
            Self::Started => (0, 0, None),
            Self::OwnerStarted => (1, 0, None),
            Self::SilentActive { last } => (2, 0, last),
            Self::Released { by } => (3, 0, Some(by)),
            Self::Preempting { over, priority } => (4, priority.as_u8().into(), Some(over)),
            Self::HigherPriority { from, priority } => (5, priority.as_u8().into(), Some(from)),
            Self::TieLost { from } => (6, 0, Some(from)),
            Self::Fault(faults) => (7, faults.bits().into(), None),
            Self::FaultCleared => (8, 0, None),
            Self::Group => (9, 0, None),
            Self::Stopped => (10, 0, None),
            Self::AddressesLost => (11, 0, None),
            Self::AddressesRefused { errno } => (
                12,
                errno.map_or(0, |errno| u64::from(errno.cast_unsigned()) + 1),
                None,
            ),
            Self::Reconfigured => (13, 0, None),
            Self::SuccessorReady => (14, 0, None),
            Self::HoldExpired => (15, 0, None),
            Self::HoldUnhealthy => (16, 0, None),
            Self::Yielded => (17, 0, None),
            Self::NoSuccessor => (18, 0, None),
            Self::TakenOut => (19, 0, None),
            Self::BackIn => (20, 0, None),
            Self::Outweighed { by } => (21, u64::from(by), None),
        };
        to.put(kind);
        to.put(number);
        put_option(address, NO_ADDRESS, to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        let (kind, number) = (from.take(), from.take());
        let address = take_option::<IpAddr>(from)?;
        let priority = || Some(WirePriority::from_wire(u8::try_from(number).ok()?));
        Some(match kind {
            0 => Self::Started,
            1 => Self::OwnerStarted,
            2 => Self::SilentActive { last: address },
            3 => Self::Released { by: address? },
            4 => Self::Preempting {
                over: address?,
                priority: priority()?,
            },
            5 => Self::HigherPriority {
                from: address?,
                priority: priority()?,
            },
            6 => Self::TieLost { from: address? },
            7 => Self::Fault(FaultSet::from_bits(u16::try_from(number).ok()?)),
            8 => Self::FaultCleared,
            9 => Self::Group,
            10 => Self::Stopped,
            11 => Self::AddressesLost,
            12 => Self::AddressesRefused {
                errno: match number.checked_sub(1) {
                    Some(errno) => Some(u32::try_from(errno).ok()?.cast_signed()),
                    None => None,
                },
            },
            13 => Self::Reconfigured,
            14 => Self::SuccessorReady,
            15 => Self::HoldExpired,
            16 => Self::HoldUnhealthy,
            17 => Self::Yielded,
            18 => Self::NoSuccessor,
            19 => Self::TakenOut,
            20 => Self::BackIn,
            21 => Self::Outweighed {
                by: u8::try_from(number).ok()?,
            },
            _ => return None,
        })
    }
}

impl Value for Standing {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(match self {
            Self::Normal => 0,
            Self::Yielded => 1,
            Self::Reserve => 2,
            Self::Out => 3,
        });
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        match from.take() {
            0 => Some(Self::Normal),
            1 => Some(Self::Yielded),
            2 => Some(Self::Reserve),
            3 => Some(Self::Out),
            _ => None,
        }
    }
}

impl Value for Transition {
    fn put(&self, to: &mut Encoder<'_>) {
        self.from.put(to);
        self.to.put(to);
        self.cause.put(to);
        self.at.put(to);
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            from: State::take(from)?,
            to: State::take(from)?,
            cause: Cause::take(from)?,
            at: Instant::take(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Value + PartialEq + std::fmt::Debug>(value: T) {
        let mut words = [0; 16];
        value.put(&mut Encoder::new(&mut words));
        assert_eq!(T::take(&mut Decoder::new(&words)), Some(value));
    }

    #[test]
    fn values_survive_at_both_ends_of_their_range() {
        for number in [i32::MIN, -1, 0, i32::MAX] {
            round_trip(number);
        }
        round_trip(Instant::from_nanos(u64::MAX));
        round_trip(Duration::from_nanos(u64::MAX));
        round_trip(Priority::OWNER);
        round_trip(WirePriority::RELEASE);
        round_trip(AdvertInterval::MAX_V2);
        round_trip(FaultSet::from_bits(u16::MAX));
        for address in [
            "0.0.0.0",
            "255.255.255.255",
            "::",
            "fe80::1:2:3",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            round_trip(address.parse::<IpAddr>().unwrap());
        }
        for state in [
            State::Initialize,
            State::Backup,
            State::Active,
            State::Releasing,
        ] {
            round_trip(state);
        }
    }

    #[test]
    fn every_cause_survives() {
        let (a, priority) = ("fe80::1".parse().unwrap(), WirePriority::from_wire(7));
        for cause in [
            Cause::Started,
            Cause::OwnerStarted,
            Cause::SilentActive { last: None },
            Cause::SilentActive { last: Some(a) },
            Cause::Released { by: a },
            Cause::Preempting { over: a, priority },
            Cause::HigherPriority { from: a, priority },
            Cause::TieLost { from: a },
            Cause::Fault(FaultSet::from_bits(0x1ff)),
            Cause::FaultCleared,
            Cause::Group,
            Cause::Stopped,
            Cause::AddressesLost,
            Cause::AddressesRefused { errno: None },
            Cause::AddressesRefused { errno: Some(0) },
            Cause::AddressesRefused { errno: Some(-1) },
            Cause::Reconfigured,
            Cause::SuccessorReady,
            Cause::HoldExpired,
            Cause::HoldUnhealthy,
            Cause::Yielded,
            Cause::NoSuccessor,
            Cause::TakenOut,
            Cause::BackIn,
            Cause::Outweighed { by: 102 },
        ] {
            round_trip(cause);
            round_trip(Transition {
                from: State::Active,
                to: State::Backup,
                cause,
                at: Instant::from_nanos(9),
            });
        }
    }

    #[test]
    fn words_of_no_value_are_refused() {
        assert_eq!(State::take(&mut Decoder::new(&[4])), None);
        assert_eq!(Priority::take(&mut Decoder::new(&[0])), None);
        assert_eq!(IpAddr::take(&mut Decoder::new(&[5, 0, 0])), None);
        assert_eq!(Cause::take(&mut Decoder::new(&[99, 0, 0, 4, 0, 0])), None);
        assert_eq!(
            Cause::take(&mut Decoder::new(&[3, 0, 0, 4, 0, 0])),
            None,
            "an address that must be there is not"
        );
    }
}
