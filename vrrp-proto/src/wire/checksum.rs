//! The Internet checksum (RFC 1071) and which bytes VRRP feeds it (RFC 9568 §5.2.8, RFC 5798 §5.2.8, RFC 3768 §5.3.8).

use core::net::IpAddr;

use super::PROTOCOL_VRRP;

/// The two readings of the version 3 checksum over IPv4 that are deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumForm {
    /// The VRRP message only: RFC 9568 §5.2.8.
    Message,
    /// With an IPv4 pseudo-header in front: RFC 5798 as deployed, keepalived's default.
    PseudoHeader,
}

/// Which checksum forms are accepted from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumAccept {
    /// Either; what matched is reported.
    Both,
    /// One only.
    Only(ChecksumForm),
}

impl ChecksumAccept {
    /// Whether this form is accepted.
    #[must_use]
    pub fn allows(self, form: ChecksumForm) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == form,
        }
    }
}

/// A one's complement sum in progress. Parts have an even length, but for the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The pseudo-header of a VRRP message of this length: RFC 8200 §8.1 for IPv6, the form of UDP and TCP for IPv4.
    #[must_use]
    pub fn pseudo_header(source: IpAddr, destination: IpAddr, length: u16) -> Self {
        Self::default()
            .address(source)
            .address(destination)
            .word(u16::from(PROTOCOL_VRRP))
            .word(length)
    }

    /// With these bytes; an odd last byte is padded with zero on the right.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let mut total = self.0;
        for &pair in pairs {
            total = total.wrapping_add(u64::from(u16::from_be_bytes(pair)));
        }
        if let &[last] = rest {
            total = total.wrapping_add(u64::from(u16::from_be_bytes([last, 0])));
        }
        Self(total)
    }

    /// With this 16-bit word.
    #[must_use]
    pub fn word(self, word: u16) -> Self {
        Self(self.0.wrapping_add(u64::from(word)))
    }

    /// With an address.
    #[must_use]
    pub fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.bytes(&address.octets()),
            IpAddr::V6(address) => self.bytes(&address.octets()),
        }
    }

    /// The checksum field for bytes whose own field was taken as zero.
    #[must_use]
    pub fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether bytes that hold their checksum are intact. A field of 0xffff in place of 0x0000 is, too.
    #[must_use]
    pub fn verifies(self) -> bool {
        // A fuzzer would spend its time on guessing sums.
        cfg!(fuzzing) || self.fold() == u16::MAX
    }

    fn fold(self) -> u16 {
        let mut total = self.0;
        while total > u64::from(u16::MAX) {
            total = (total >> 16).wrapping_add(total & u64::from(u16::MAX));
        }
        u16::try_from(total).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071 §3.
    #[test]
    fn rfc_1071_example() {
        let sum = Sum::default().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.fold(), 0xddf2);
        assert_eq!(sum.checksum(), 0x220d);
    }

    #[test]
    fn odd_last_byte_is_padded_on_the_right() {
        assert_eq!(Sum::default().bytes(&[0xab]).fold(), 0xab00);
    }

    #[test]
    fn all_zero_bytes_do_not_verify() {
        assert!(!Sum::default().bytes(&[0; 20]).verifies());
    }
}
