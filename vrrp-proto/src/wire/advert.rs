//! An advert as a value that cannot represent an invalid message, and its encoding.
//!
//! Version 2 (RFC 3768 §5.1) has whole seconds, an authentication trailer and IPv4 only; version 3 (RFC 9568 §5.2) has
//! centiseconds and both families. Receiving goes through `check`, which is the only other maker of adverts.

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU8;

use super::auth::{Password, TrailerKind};
use super::checksum::{ChecksumForm, Sum};
use super::encode::EncodeError;
use crate::addr::Addresses;
use crate::units::{AdvertInterval, Family, Version, Vrid, WirePriority};

/// One advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    vrid: Vrid,
    priority: WirePriority,
    addresses: Addresses<'a>,
    body: Body,
}

/// The part that differs between the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    V2 {
        seconds: NonZeroU8,
        trailer: Trailer,
    },
    /// At most [`AdvertInterval::MAX_V3`].
    V3 { interval: AdvertInterval },
}

/// Authentication type and data of a version 2 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The Auth Type byte.
    pub kind: TrailerKind,
    /// The eight bytes at the end; zero when sent, but for a password.
    pub data: Password,
}

impl<'a> Advert<'a> {
    /// A version 2 advert.
    ///
    /// # Errors
    /// When the addresses are IPv6.
    pub const fn v2(
        vrid: Vrid,
        priority: WirePriority,
        seconds: NonZeroU8,
        trailer: Trailer,
        addresses: Addresses<'a>,
    ) -> Result<Self, AdvertError> {
        match addresses.family() {
            Family::V4 => Ok(Self {
                vrid,
                priority,
                addresses,
                body: Body::V2 { seconds, trailer },
            }),
            Family::V6 => Err(AdvertError::V2OverIpv6),
        }
    }

    /// A version 3 advert.
    ///
    /// # Errors
    /// When the interval is longer than 40.95 s, or there is no address (RFC 9568 §5.2.5).
    pub fn v3(
        vrid: Vrid,
        priority: WirePriority,
        interval: AdvertInterval,
        addresses: Addresses<'a>,
    ) -> Result<Self, AdvertError> {
        if interval > AdvertInterval::MAX_V3 {
            return Err(AdvertError::IntervalTooLong(interval));
        }
        if addresses.count() == 0 {
            return Err(AdvertError::NoAddress);
        }
        Ok(Self {
            vrid,
            priority,
            addresses,
            body: Body::V3 { interval },
        })
    }

    /// The version that this advert has.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self.body {
            Body::V2 { .. } => Version::V2,
            Body::V3 { .. } => Version::V3,
        }
    }

    /// The virtual router.
    #[must_use]
    pub const fn vrid(&self) -> Vrid {
        self.vrid
    }

    /// The sender's priority.
    #[must_use]
    pub const fn priority(&self) -> WirePriority {
        self.priority
    }

    /// The sender's interval; version 2 seconds times 100.
    #[must_use]
    pub fn interval(&self) -> AdvertInterval {
        match self.body {
            Body::V2 { seconds, .. } => AdvertInterval::from(seconds),
            Body::V3 { interval } => interval,
        }
    }

    /// The virtual addresses in the sender's order.
    #[must_use]
    pub const fn addresses(&self) -> Addresses<'a> {
        self.addresses
    }

    /// Version 2 authentication type and data.
    #[must_use]
    pub const fn trailer(&self) -> Option<Trailer> {
        match self.body {
            Body::V2 { trailer, .. } => Some(trailer),
            Body::V3 { .. } => None,
        }
    }

    /// Bytes of the message, at most 4,088.
    #[must_use]
    pub fn message_length(&self) -> usize {
        let trailer: usize = match self.body {
            Body::V2 { .. } => 8,
            Body::V3 { .. } => 0,
        };
        trailer
            .saturating_add(8)
            .saturating_add(self.addresses.as_bytes().len())
    }

    /// Writes the message for a packet from `source` to `destination` and returns its length. `form` matters for version
    /// 3 over IPv4 only: version 2 never sums a pseudo-header, version 3 over IPv6 always does.
    ///
    /// # Errors
    /// When the buffer is too small, or the addresses of the packet are of another family.
    pub fn encode_message(
        &self,
        source: IpAddr,
        destination: IpAddr,
        form: ChecksumForm,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let family = self.addresses.family();
        if Family::of(&source) != family || Family::of(&destination) != family {
            return Err(EncodeError::Family);
        }
        let length = self.message_length();
        let available = buffer.len();
        let too_small = EncodeError::BufferTooSmall {
            needed: length,
            available,
        };
        let message = buffer.get_mut(..length).ok_or(too_small)?;
        let (head, body) = message.split_first_chunk_mut::<8>().ok_or(too_small)?;
        let (version, four, five, trailer) = match self.body {
            Body::V2 { seconds, trailer } => (
                2 << 4,
                trailer.kind.as_u8(),
                seconds.get(),
                Some(trailer.data),
            ),
            Body::V3 { interval } => {
                // At most 4,095, so the reserved nibble is zero (P-07).
                let [high, low] = interval.as_centis().to_be_bytes();
                (3 << 4, high, low, None)
            }
        };
        let count = self.addresses.count();
        *head = [
            version | 1,
            self.vrid.as_u8(),
            self.priority.as_u8(),
            count,
            four,
            five,
            0,
            0,
        ];
        let data = trailer.as_ref().map_or(&[][..], |data| data.expose());
        for (to, from) in body
            .iter_mut()
            .zip(self.addresses.as_bytes().iter().chain(data))
        {
            *to = *from;
        }
        let pseudo = match (self.version(), family, form) {
            (Version::V2, _, _) | (Version::V3, Family::V4, ChecksumForm::Message) => {
                Sum::default()
            }
            (Version::V3, Family::V6, _)
            | (Version::V3, Family::V4, ChecksumForm::PseudoHeader) => {
                let length = u16::try_from(length).unwrap_or(u16::MAX);
                Sum::pseudo_header(source, destination, length)
            }
        };
        let [high, low] = pseudo.bytes(head).bytes(body).checksum().to_be_bytes();
        head[6] = high;
        head[7] = low;
        Ok(length)
    }
}

/// Why settings do not make an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertError {
    /// Version 2 exists for IPv4 only (RFC 3768 §1).
    V2OverIpv6,
    /// Version 3 has twelve bits of centiseconds.
    IntervalTooLong(AdvertInterval),
    /// Version 2 has whole seconds.
    NotWholeSeconds(AdvertInterval),
    /// Version 3 carries at least one address (RFC 9568 §5.2.5).
    NoAddress,
}

impl fmt::Display for AdvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V2OverIpv6 => f.write_str("version 2 exists for IPv4 only; use version 3"),
            Self::IntervalTooLong(interval) => {
                write!(
                    f,
                    "an interval of {} centiseconds is over the 4095 of version 3",
                    interval.as_centis()
                )
            }
            Self::NotWholeSeconds(interval) => write!(
                f,
                "an interval of {} centiseconds is not one of whole seconds, as version 2 needs",
                interval.as_centis()
            ),
            Self::NoAddress => f.write_str("version 3 carries at least one address"),
        }
    }
}

impl core::error::Error for AdvertError {}
