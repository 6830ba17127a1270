//! Gratuitous ARP: the broadcast request by which an Active IPv4 router claims an address (RFC 9568 §6.4.1 with errata
//! 7947 and 7949, RFC 5227 §3).
//!
//! When and how often to send it is the announcer's business.

use core::net::Ipv4Addr;

use super::encode::EncodeError;
use crate::units::MacAddr;

/// Bytes of the frame, before Ethernet padding.
pub const FRAME: usize = 42;

/// A claim of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GratuitousArp {
    /// Ethernet source and ARP sender: the virtual MAC address, or the interface's where no virtual one is used.
    pub sender: MacAddr,
    /// The address claimed: sender and target address alike.
    pub address: Ipv4Addr,
    /// ARP target hardware address, which receivers ignore. Profile rfc9568: the sender's; profile keepalived:
    /// [`MacAddr::BROADCAST`].
    pub target: MacAddr,
}

impl GratuitousArp {
    /// The whole Ethernet frame.
    #[must_use]
    pub fn to_frame(&self) -> [u8; FRAME] {
        let [a0, a1, a2, a3, a4, a5] = self.sender.0;
        let [t0, t1, t2, t3, t4, t5] = self.target.0;
        let [i0, i1, i2, i3] = self.address.octets();
        [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, a0, a1, a2, a3, a4, a5, 0x08,
            0x06, // Ethernet
            0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01, // Ethernet and IPv4, request
            a0, a1, a2, a3, a4, a5, i0, i1, i2, i3, // sender
            t0, t1, t2, t3, t4, t5, i0, i1, i2, i3, // target
        ]
    }

    /// Writes the frame and returns its length.
    ///
    /// # Errors
    /// When the buffer is too small.
    pub fn encode(&self, buffer: &mut [u8]) -> Result<usize, EncodeError> {
        let available = buffer.len();
        let to = buffer
            .first_chunk_mut()
            .ok_or(EncodeError::BufferTooSmall {
                needed: FRAME,
                available,
            })?;
        *to = self.to_frame();
        Ok(FRAME)
    }

    /// A claim in a received Ethernet frame, be it a request or a reply: a successor's, or an address clash. `None` for
    /// every other frame.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (ethernet, rest) = frame.split_first_chunk::<14>()?;
        let (fixed, rest) = rest.split_first_chunk::<8>()?;
        let [_, _, _, _, _, _, _, _, _, _, _, _, 0x08, 0x06] = ethernet else {
            return None;
        };
        let [0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 1 | 2] = fixed else {
            return None;
        };
        let (sender, rest) = rest.split_first_chunk::<6>()?;
        let (address, rest) = rest.split_first_chunk::<4>()?;
        let (target, rest) = rest.split_first_chunk::<6>()?;
        let wanted = rest.first_chunk::<4>()?;
        (address == wanted).then_some(Self {
            sender: MacAddr(*sender),
            address: Ipv4Addr::from(*address),
            target: MacAddr(*target),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Family, Vrid};

    const EXPECTED: [u8; FRAME] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x5e, 0x00, 0x01, 0xcd, 0x08, 0x06, 0x00,
        0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x00, 0x00, 0x5e, 0x00, 0x01, 0xcd, 0xc0, 0xa8,
        0xcd, 0x07, 0x00, 0x00, 0x5e, 0x00, 0x01, 0xcd, 0xc0, 0xa8, 0xcd, 0x07,
    ];

    fn claim() -> GratuitousArp {
        let sender = MacAddr::of_virtual_router(Family::V4, Vrid::new(205).unwrap());
        GratuitousArp {
            sender,
            address: Ipv4Addr::new(192, 168, 205, 7),
            target: sender,
        }
    }

    /// in profile rfc9568, byte by byte.
    #[test]
    fn rfc_frame_is_a_broadcast_request_with_the_address_twice() {
        let mut buffer = [0xaa; 60];
        assert_eq!(claim().encode(&mut buffer), Ok(FRAME));
        assert_eq!(buffer[..FRAME], EXPECTED);
        let too_small = EncodeError::BufferTooSmall {
            needed: 42,
            available: 41,
        };
        assert_eq!(claim().encode(&mut buffer[..41]), Err(too_small));
    }

    /// in profile keepalived: only the ignored target hardware address differs.
    #[test]
    fn keepalived_frame_has_a_broadcast_target() {
        let mut expected = EXPECTED;
        expected[32..38].fill(0xff);
        assert_eq!(
            GratuitousArp {
                target: MacAddr::BROADCAST,
                ..claim()
            }
            .to_frame(),
            expected
        );
    }

    #[test]
    fn only_claims_are_parsed() {
        assert_eq!(GratuitousArp::parse(&EXPECTED), Some(claim()));
        let mut reply = EXPECTED;
        reply[21] = 2;
        assert_eq!(GratuitousArp::parse(&reply), Some(claim()));
        let mut question = EXPECTED;
        question[41] = 8;
        assert_eq!(
            GratuitousArp::parse(&question),
            None,
            "a request for another address claims nothing"
        );
        for cut in 0..FRAME {
            assert_eq!(GratuitousArp::parse(&EXPECTED[..cut]), None, "{cut} bytes");
        }
    }
}
