//! Whole packets to send: IP header, Authentication Header and message in a caller's buffer.
//!
//! Encoded anew for each advert, so that a changed priority or address list shows in the very next one.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU16;

use super::advert::{Advert, AdvertError, Trailer};
use super::ah::{self, AhSequence};
use super::auth::{Auth, Password};
use super::checksum::{ChecksumForm, Sum};
use super::{PROTOCOL_AH, PROTOCOL_VRRP, TRAFFIC_CLASS};
use crate::addr::AddressList;
use crate::units::{AdvertInterval, Version, Vrid, WirePriority};

/// What adverts of one virtual router say, but for the priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendConfig {
    /// VRID.
    pub vrid: Vrid,
    /// Own Advertisement_Interval.
    pub interval: AdvertInterval,
    /// Advertised addresses, in the order they are sent. Profile rfc9568: with
    /// [`AddressList::with_link_local_first`] (P-09); profile keepalived: as configured.
    pub addresses: AddressList,
    /// Version 2 authentication.
    pub auth: Auth,
    /// Version 3 over IPv4: which checksum is sent. Profile rfc9568: [`ChecksumForm::Message`]; profile keepalived:
    /// [`ChecksumForm::PseudoHeader`].
    pub checksum: ChecksumForm,
}

/// The IP header around one advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Source address: the primary one of the interface.
    pub source: IpAddr,
    /// The group, or one unicast peer.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The advert's number: IPv4 identification or IPv6 flow label. Copies to several peers share it. Never zero, which
    /// a kernel replaces by a number of its own.
    pub sequence: NonZeroU16,
}

impl SendConfig {
    /// The advert with this priority.
    ///
    /// # Errors
    /// Where the settings do not fit the version. The only rounding is that of interoperation mode
    /// ([`AdvertInterval::seconds_rounded_up`]), so ask with `interoperating` there.
    pub fn advert(
        &self,
        version: Version,
        interoperating: bool,
        priority: WirePriority,
    ) -> Result<Advert<'_>, AdvertError> {
        let addresses = self.addresses.as_addresses();
        match version {
            Version::V2 => {
                let seconds = match self.interval.as_whole_seconds() {
                    Some(seconds) => seconds,
                    None if interoperating => self.interval.seconds_rounded_up(),
                    None => return Err(AdvertError::NotWholeSeconds(self.interval)),
                };
                Advert::v2(self.vrid, priority, seconds, self.trailer(), addresses)
            }
            Version::V3 => Advert::v3(self.vrid, priority, self.interval, addresses),
        }
    }

    /// Writes a whole packet from its first IP header byte, for a socket that takes the header too, and returns its
    /// length. `sequence` moves on only when the packet has an Authentication Header. For an IPv6 socket that builds the
    /// header itself use [`Advert::encode_message`].
    ///
    /// # Errors
    /// Where the envelope has another family than the addresses, the buffer is too small ([`MAX_PACKET`](super::MAX_PACKET)
    /// always suffices), or the AH sequence is used up.
    pub fn encode_packet(
        &self,
        advert: &Advert<'_>,
        envelope: &Envelope,
        sequence: &mut AhSequence,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        match (envelope.source, envelope.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => match (self.auth, advert.version()) {
                (Auth::Ah { key, icv }, Version::V2) => {
                    let number = sequence.advance().ok_or(EncodeError::SequenceUsedUp)?;
                    encode_ipv4(
                        advert,
                        self.checksum,
                        (source, destination),
                        envelope,
                        buffer,
                        |header, message| ah::seal(header, source, &key, icv, number, message),
                    )
                }
                (Auth::None | Auth::Pass(_) | Auth::Ah { .. }, _) => encode_ipv4(
                    advert,
                    self.checksum,
                    (source, destination),
                    envelope,
                    buffer,
                    |_, _| Some([]),
                ),
            },
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                encode_ipv6(advert, (source, destination), envelope, buffer)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                Err(EncodeError::Family)
            }
        }
    }

    fn trailer(&self) -> Trailer {
        let data = match self.auth {
            Auth::Pass(password) => password,
            Auth::None | Auth::Ah { .. } => Password::from_wire([0; 8]),
        };
        Trailer {
            kind: self.auth.kind(),
            data,
        }
    }
}

/// IPv4 header, `EXTRA` bytes that `extra` makes of header and message, and the message.
fn encode_ipv4<const EXTRA: usize>(
    advert: &Advert<'_>,
    form: ChecksumForm,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    envelope: &Envelope,
    buffer: &mut [u8],
    extra: impl FnOnce(&[u8; 20], &[u8]) -> Option<[u8; EXTRA]>,
) -> Result<usize, EncodeError> {
    let total = advert
        .message_length()
        .saturating_add(20)
        .saturating_add(EXTRA);
    let too_small = EncodeError::BufferTooSmall {
        needed: total,
        available: buffer.len(),
    };
    let packet = buffer.get_mut(..total).ok_or(too_small)?;
    let (header, rest) = packet.split_first_chunk_mut::<20>().ok_or(too_small)?;
    let (between, message) = rest.split_first_chunk_mut::<EXTRA>().ok_or(too_small)?;
    advert.encode_message(IpAddr::V4(source), IpAddr::V4(destination), form, message)?;

    let protocol = if EXTRA == 0 {
        PROTOCOL_VRRP
    } else {
        PROTOCOL_AH
    };
    let [l0, l1] = u16::try_from(total).unwrap_or(u16::MAX).to_be_bytes();
    let [i0, i1] = envelope.sequence.get().to_be_bytes();
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    *header = [
        0x45,
        TRAFFIC_CLASS,
        l0,
        l1,
        i0,
        i1,
        0,
        0,
        envelope.ttl,
        protocol,
        0,
        0,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ];
    *between = extra(header, message).ok_or(EncodeError::Family)?;
    let [c0, c1] = Sum::default().bytes(header).checksum().to_be_bytes();
    header[10] = c0;
    header[11] = c1;
    Ok(total)
}

/// IPv6 header with the sequence as flow label, and the message.
fn encode_ipv6(
    advert: &Advert<'_>,
    (source, destination): (Ipv6Addr, Ipv6Addr),
    envelope: &Envelope,
    buffer: &mut [u8],
) -> Result<usize, EncodeError> {
    let length = advert.message_length();
    let total = length.saturating_add(40);
    let too_small = EncodeError::BufferTooSmall {
        needed: total,
        available: buffer.len(),
    };
    let packet = buffer.get_mut(..total).ok_or(too_small)?;
    let (header, message) = packet.split_first_chunk_mut::<40>().ok_or(too_small)?;
    // The flow label of an IPv6 message never enters the pseudo-header.
    advert.encode_message(
        IpAddr::V6(source),
        IpAddr::V6(destination),
        ChecksumForm::PseudoHeader,
        message,
    )?;

    let [l0, l1] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let [f0, f1] = envelope.sequence.get().to_be_bytes();
    let first = 0x60 | (TRAFFIC_CLASS >> 4);
    let fixed = [
        first,
        TRAFFIC_CLASS << 4,
        f0,
        f1,
        l0,
        l1,
        PROTOCOL_VRRP,
        envelope.ttl,
    ];
    let whole = fixed
        .into_iter()
        .chain(source.octets())
        .chain(destination.octets());
    for (to, from) in header.iter_mut().zip(whole) {
        *to = from;
    }
    Ok(total)
}

/// Why a packet was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The buffer has fewer bytes than the packet needs.
    BufferTooSmall {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes of the buffer.
        available: usize,
    },
    /// The addresses of the IP header are not of the family of the virtual addresses.
    Family,
    /// All AH sequence numbers were sent; the key has to be changed.
    SequenceUsedUp,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, available } => {
                write!(
                    f,
                    "a packet of {needed} bytes does not fit in a buffer of {available}"
                )
            }
            Self::Family => {
                f.write_str("source and destination are not of the family of the virtual addresses")
            }
            Self::SequenceUsedUp => {
                f.write_str("all authentication sequence numbers are used up; change the key")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

#[cfg(test)]
mod tests;
