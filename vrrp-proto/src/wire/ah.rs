//! The Authentication Header in front of a version 2 message: HMAC-MD5-96 in the forms of RFC 2402 and of keepalived
//! (conformance requirements U-05 to U-08).
//!
//! The check value covers the IPv4 header with TOS, fragmentation and checksum taken as zero (and the TTL, in one form),
//! this header with a zero check value, and the message.

use core::net::Ipv4Addr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::PROTOCOL_VRRP;
use super::auth::{IcvForm, Password};
use super::discard::Discard;

/// Bytes of the header: six words.
pub(super) const LENGTH: usize = 24;
/// The Payload Len field: words minus two.
const PAYLOAD_LENGTH: u8 = 4;
/// Bytes of the header in front of the check value.
const FIXED: usize = 12;

type HmacMd5 = Hmac<Md5>;

/// What the header of an accepted advert said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AhFields {
    /// Security parameters index: the source address, as a number.
    pub spi: u32,
    /// Sequence number.
    pub sequence: u32,
}

/// The AH sequence of one virtual router: the highest number accepted or sent.
///
/// One counter serves both directions, as keepalived's does (U-08): a new Active goes on above the number that the old
/// one reached, so that nobody discards its adverts as replayed, and a router that restarted finds back by the first
/// advert it accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AhSequence(u32);

impl AhSequence {
    /// A sequence that has reached `last`; 0 has nothing accepted or sent.
    #[must_use]
    pub const fn resumed(last: u32) -> Self {
        Self(last)
    }

    /// The highest number accepted or sent.
    #[must_use]
    pub const fn last(self) -> u32 {
        self.0
    }

    /// Whether a received number is new (U-07).
    #[must_use]
    pub const fn accepts(self, sequence: u32) -> bool {
        sequence > self.0
    }

    /// Takes over the number of an accepted advert.
    pub(super) fn note(&mut self, sequence: u32) {
        self.0 = self.0.max(sequence);
    }

    /// Leaves `count` numbers out. Where two Actives on one grid send at the same moment, each with the number after the
    /// last one, both refuse the other's advert as replayed, and for good: numbers left out by one of them end it. When all
    /// are used up nothing is left out.
    pub fn leave_out(&mut self, count: u8) {
        if let Some(next) = self.0.checked_add(u32::from(count)) {
            self.0 = next;
        }
    }

    /// The number of the next advert to send; `None` when all are used up, as they must not repeat (RFC 2402 §3.3.2).
    #[must_use]
    pub fn advance(&mut self) -> Option<u32> {
        self.0 = self.0.checked_add(1)?;
        Some(self.0)
    }
}

/// The header of a received packet, and the message behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AhView<'a> {
    head: &'a [u8; FIXED],
    icv: &'a [u8; LENGTH - FIXED],
    message: &'a [u8],
}

impl<'a> AhView<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, Discard> {
        let (head, rest) = payload
            .split_first_chunk::<FIXED>()
            .ok_or(Discard::Truncated)?;
        let (icv, message) = rest
            .split_first_chunk::<{ LENGTH - FIXED }>()
            .ok_or(Discard::Truncated)?;
        match *head {
            [PROTOCOL_VRRP, PAYLOAD_LENGTH, ..] => Ok(Self { head, icv, message }),
            [PROTOCOL_VRRP, ..] => Err(Discard::AhHeader),
            _ => Err(Discard::NotVrrp),
        }
    }

    pub(super) const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Checks value, index and sequence, in this order, so that a forged packet never looks like a replay.
    pub(super) fn verify(
        &self,
        header: &[u8],
        source: Ipv4Addr,
        key: &Password,
        icv: IcvForm,
        last: AhSequence,
    ) -> Result<AhFields, Discard> {
        let [_, _, _, _, p0, p1, p2, p3, s0, s1, s2, s3] = *self.head;
        let mac = keyed(key, header, icv, self.head, self.message).ok_or(Discard::AuthFailed)?;
        // Compares in constant time.
        if !cfg!(fuzzing) && mac.verify_truncated_left(self.icv).is_err() {
            return Err(Discard::AuthFailed);
        }
        if source.octets() != [p0, p1, p2, p3] {
            return Err(Discard::AuthFailed);
        }
        let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
        if !last.accepts(sequence) {
            return Err(Discard::AuthReplay);
        }
        Ok(AhFields {
            spi: u32::from_be_bytes([p0, p1, p2, p3]),
            sequence,
        })
    }
}

/// Builds the header for a message in a packet with this IPv4 header; `None` for a header shorter than 20 bytes.
pub(super) fn seal(
    header: &[u8],
    source: Ipv4Addr,
    key: &Password,
    icv: IcvForm,
    sequence: u32,
    message: &[u8],
) -> Option<[u8; LENGTH]> {
    let [p0, p1, p2, p3] = source.octets();
    let [s0, s1, s2, s3] = sequence.to_be_bytes();
    let head = [
        PROTOCOL_VRRP,
        PAYLOAD_LENGTH,
        0,
        0,
        p0,
        p1,
        p2,
        p3,
        s0,
        s1,
        s2,
        s3,
    ];
    let value = keyed(key, header, icv, &head, message)?
        .finalize()
        .into_bytes();
    let mut out = [0; LENGTH];
    for (to, from) in out.iter_mut().zip(head.iter().chain(value.iter())) {
        *to = *from;
    }
    Some(out)
}

/// The keyed hash of everything the check value covers.
fn keyed(
    key: &Password,
    header: &[u8],
    icv: IcvForm,
    head: &[u8; FIXED],
    message: &[u8],
) -> Option<HmacMd5> {
    let (fixed, options) = header.split_first_chunk::<20>()?;
    let mut fixed = *fixed;
    fixed[1] = 0;
    fixed[6] = 0;
    fixed[7] = 0;
    fixed[10] = 0;
    fixed[11] = 0;
    if icv == IcvForm::TtlZeroed {
        fixed[8] = 0;
    }
    let mut mac = HmacMd5::new_from_slice(key.expose()).ok()?;
    mac.update(&fixed);
    mac.update(options);
    mac.update(head);
    mac.update(&[0; LENGTH - FIXED]);
    mac.update(message);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_never_repeats_and_never_wraps() {
        let mut sequence = AhSequence::default();
        assert_eq!(sequence.advance(), Some(1));
        sequence.note(5000);
        assert!(!sequence.accepts(5000));
        assert!(sequence.accepts(5001));
        assert_eq!(sequence.advance(), Some(5001));
        let mut used_up = AhSequence::resumed(u32::MAX);
        assert_eq!(used_up.advance(), None);
        assert!(!used_up.accepts(u32::MAX));
    }
}
