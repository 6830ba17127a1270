//! The length-checked view of a VRRP message: eight bytes that exist, and whatever follows them.
//!
//! Accessors return fields as they lie on the wire; what they have to be is decided in `check`.

use crate::units::Family;

/// A message of at least eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    family: Family,
    head: &'a [u8; 8],
    body: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Message<'a> {
    /// The view; `None` for fewer than eight bytes.
    #[must_use]
    pub fn new(family: Family, whole: &'a [u8]) -> Option<Self> {
        let (head, body) = whole.split_first_chunk::<8>()?;
        Some(Self {
            family,
            head,
            body,
            whole,
        })
    }

    /// The family of the IP packet, which decides the size of the addresses.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The version nibble.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.head[0] >> 4
    }

    /// The type nibble.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.head[0] & 0x0f
    }

    /// The VRID byte.
    #[must_use]
    pub const fn vrid(&self) -> u8 {
        self.head[1]
    }

    /// The priority byte.
    #[must_use]
    pub const fn priority(&self) -> u8 {
        self.head[2]
    }

    /// The claimed number of addresses.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.head[3]
    }

    /// Version 2: the Auth Type byte.
    #[must_use]
    pub const fn auth_type(&self) -> u8 {
        self.head[4]
    }

    /// Version 2: the Adver Int byte, in seconds.
    #[must_use]
    pub const fn seconds(&self) -> u8 {
        self.head[5]
    }

    /// Version 3: the twelve bits of Max Advertise Interval, in centiseconds; the reserved nibble is masked out (P-07).
    #[must_use]
    pub const fn centis(&self) -> u16 {
        u16::from_be_bytes([self.head[4] & 0x0f, self.head[5]])
    }

    /// The checksum field.
    #[must_use]
    pub const fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.head[6], self.head[7]])
    }

    /// What follows the first eight bytes: addresses, and in version 2 the authentication data.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The whole message.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.whole
    }
}
