//! Unsolicited Neighbor Advertisement: how an Active IPv6 router claims an address (RFC 9568 §6.4.1 and §6.4.2, RFC 4861
//! §4.4 and §7.2.6).
//!
//! When and how often to send it is the announcer's business.

use core::net::{IpAddr, Ipv6Addr};

use super::TTL;
use super::checksum::Sum;
use super::encode::EncodeError;
use crate::units::MacAddr;

/// Bytes of the frame.
pub const FRAME: usize = 86;
/// Everybody on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const NEXT_HEADER_ICMPV6: u8 = 58;
const ICMP_LENGTH: u8 = 32;
const FLAG_ROUTER: u8 = 0x80;
const FLAG_SOLICITED: u8 = 0x40;
const FLAG_OVERRIDE: u8 = 0x20;

/// A claim of one address: Override set, Solicited clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NeighborAdvertisement {
    /// Ethernet source and target link-layer address: the virtual MAC address, or the interface's where no virtual one
    /// is used.
    pub sender: MacAddr,
    /// IPv6 source: an address of the sending interface; keepalived takes the virtual address itself.
    pub source: Ipv6Addr,
    /// The address claimed.
    pub address: Ipv6Addr,
    /// The Router flag. Profile rfc9568: always; profile keepalived: where the interface forwards.
    pub router: bool,
}

impl NeighborAdvertisement {
    /// The whole Ethernet frame, to all nodes.
    #[must_use]
    pub fn to_frame(&self) -> [u8; FRAME] {
        let [m0, m1, m2, m3, m4, m5] = self.sender.0;
        let flags = if self.router {
            FLAG_ROUTER | FLAG_OVERRIDE
        } else {
            FLAG_OVERRIDE
        };
        let option = [2, 1, m0, m1, m2, m3, m4, m5];
        let sum = pseudo_header(self.source, ALL_NODES)
            .word(u16::from_be_bytes([136, 0]))
            .word(u16::from_be_bytes([flags, 0]))
            .address(IpAddr::V6(self.address))
            .bytes(&option);
        let [c0, c1] = sum.checksum().to_be_bytes();
        let ethernet = [0x33, 0x33, 0, 0, 0, 1, m0, m1, m2, m3, m4, m5, 0x86, 0xdd];
        let ip = [0x60, 0, 0, 0, 0, ICMP_LENGTH, NEXT_HEADER_ICMPV6, TTL];
        let icmp = [136, 0, c0, c1, flags, 0, 0, 0];
        let whole = ethernet
            .into_iter()
            .chain(ip)
            .chain(self.source.octets())
            .chain(ALL_NODES.octets())
            .chain(icmp)
            .chain(self.address.octets())
            .chain(option);
        let mut frame = [0; FRAME];
        for (to, from) in frame.iter_mut().zip(whole) {
            *to = from;
        }
        frame
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

    /// A claim in a received Ethernet frame: a valid unsolicited advertisement that overrides and carries the sender's
    /// link-layer address as its first option (RFC 4861 §7.1.2). `None` for every other frame.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let (ethernet, rest) = frame.split_first_chunk::<14>()?;
        let [_, _, _, _, _, _, _, _, _, _, _, _, 0x86, 0xdd] = ethernet else {
            return None;
        };
        let (ip, rest) = rest.split_first_chunk::<8>()?;
        let &[first, _, _, _, l0, l1, NEXT_HEADER_ICMPV6, TTL] = ip else {
            return None;
        };
        let (source, rest) = rest.split_first_chunk::<16>()?;
        let (destination, rest) = rest.split_first_chunk::<16>()?;
        let icmp = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
        let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
        let length = u16::from_be_bytes([l0, l1]);
        let sum = Sum::default()
            .address(IpAddr::V6(source))
            .address(IpAddr::V6(destination))
            .word(u16::from(NEXT_HEADER_ICMPV6))
            .word(length)
            .bytes(icmp);
        if first >> 4 != 6 || !sum.verifies() {
            return None;
        }
        let (head, rest) = icmp.split_first_chunk::<8>()?;
        let (address, rest) = rest.split_first_chunk::<16>()?;
        let (option, _) = rest.split_first_chunk::<8>()?;
        let &[136, 0, _, _, flags, _, _, _] = head else {
            return None;
        };
        let &[2, 1, m0, m1, m2, m3, m4, m5] = option else {
            return None;
        };
        let claims = flags & FLAG_OVERRIDE != 0 && flags & FLAG_SOLICITED == 0;
        claims.then_some(Self {
            sender: MacAddr([m0, m1, m2, m3, m4, m5]),
            source,
            address: Ipv6Addr::from(*address),
            router: flags & FLAG_ROUTER != 0,
        })
    }
}

fn pseudo_header(source: Ipv6Addr, destination: Ipv6Addr) -> Sum {
    Sum::default()
        .address(IpAddr::V6(source))
        .address(IpAddr::V6(destination))
        .word(u16::from(ICMP_LENGTH))
        .word(u16::from(NEXT_HEADER_ICMPV6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Family, Vrid};

    fn claim(router: bool) -> NeighborAdvertisement {
        NeighborAdvertisement {
            sender: MacAddr::of_virtual_router(Family::V6, Vrid::new(7).unwrap()),
            source: "fe80::1".parse().unwrap(),
            address: "2001:db8::10".parse().unwrap(),
            router,
        }
    }

    fn expected() -> [u8; FRAME] {
        let mut frame = [0; FRAME];
        let parts: [&[u8]; 9] = [
            &[0x33, 0x33, 0, 0, 0, 1, 0, 0, 0x5e, 0, 2, 7, 0x86, 0xdd],
            &[0x60, 0, 0, 0, 0, 32, 58, 255],
            &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            // Worked out by hand: see the sum in the test below.
            &[136, 0, 0x4a, 0x4d],
            &[0xa0, 0, 0, 0],
            &[
                0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
            ],
            &[2, 1],
            &[0, 0, 0x5e, 0, 2, 7],
        ];
        for (to, from) in frame.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        frame
    }

    /// A-06 in profile rfc9568, byte by byte.
    #[test]
    fn rfc_frame_has_router_and_override_and_the_link_layer_option() {
        // fe80+1 + ff02+1 + 20+3a + 8800+a000 + 2001+0db8+10 + 0201+5e00+0207, folded and inverted.
        let words: [u64; 15] = [
            0xfe80, 1, 0xff02, 1, 0x20, 0x3a, 0x8800, 0xa000, 0x2001, 0x0db8, 0x10, 0x0201, 0,
            0x5e00, 0x0207,
        ];
        let total: u64 = words.iter().sum();
        let folded = (total >> 16) + (total & 0xffff);
        assert_eq!(
            !u16::try_from(folded).unwrap(),
            u16::from_be_bytes([expected()[56], expected()[57]])
        );
        let mut buffer = [0; FRAME];
        assert_eq!(claim(true).encode(&mut buffer), Ok(FRAME));
        assert_eq!(buffer, expected());
        let too_small = EncodeError::BufferTooSmall {
            needed: 86,
            available: 85,
        };
        assert_eq!(claim(true).encode(&mut buffer[..85]), Err(too_small));
    }

    /// A-06 in profile keepalived: the Router flag follows forwarding.
    #[test]
    fn router_flag_can_be_clear() {
        let frame = claim(false).to_frame();
        assert_eq!(frame[58], 0x20);
        assert_eq!(NeighborAdvertisement::parse(&frame), Some(claim(false)));
    }

    #[test]
    fn only_valid_claims_are_parsed() {
        let frame = expected();
        assert_eq!(NeighborAdvertisement::parse(&frame), Some(claim(true)));
        for cut in 0..FRAME {
            assert_eq!(
                NeighborAdvertisement::parse(&frame[..cut]),
                None,
                "{cut} bytes"
            );
        }
        for byte in (12..22).chain(54..FRAME) {
            let mut damaged = frame;
            damaged[byte] ^= 0x50;
            // Class and flow label are free.
            if !(15..18).contains(&byte) {
                assert_eq!(NeighborAdvertisement::parse(&damaged), None, "byte {byte}");
            }
        }
    }
}
