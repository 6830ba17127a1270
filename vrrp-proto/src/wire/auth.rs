//! Version 2 authentication as RFC 2338 defines it: none, simple text, Authentication Header. Historic, protects little,
//! and is spoken because deployed pairs are configured with it (RFC 9568 §9).

use core::fmt;
use core::hint::black_box;

/// A password as it goes on the wire: up to eight bytes, filled with zeros on the right (RFC 2338 §5.3.10).
#[derive(Clone, Copy)]
pub struct Password([u8; 8]);

impl Password {
    /// The eight bytes on the wire.
    #[must_use]
    pub const fn from_wire(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// A configured text; what does not fit in eight bytes is cut off, as keepalived does.
    #[must_use]
    pub fn truncated(text: &[u8]) -> Self {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The secret itself, for encoding.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 8] {
        &self.0
    }
}

impl PartialEq for Password {
    /// Compares all eight bytes in a time that does not depend on them.
    fn eq(&self, other: &Self) -> bool {
        let mut differing = 0;
        for (ours, theirs) in self.0.iter().zip(&other.0) {
            differing = black_box(differing | (ours ^ theirs));
        }
        differing == 0
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    /// Never shows the secret (safety rule 11).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// Which header bytes the AH integrity check value covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcvForm {
    /// The TTL as sent: keepalived over multicast.
    TtlKept,
    /// The TTL taken as zero: RFC 2402 §3.3.3, and keepalived over unicast.
    TtlZeroed,
}

/// The authentication of one version 2 virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Authentication type 0.
    None,
    /// Authentication type 1, simple text.
    Pass(Password),
    /// Authentication type 2, HMAC-MD5-96 in an Authentication Header.
    Ah {
        /// The shared key.
        key: Password,
        /// What the check value covers.
        icv: IcvForm,
    },
}

impl Auth {
    /// What the message's trailer has to say under this setting.
    #[must_use]
    pub const fn kind(&self) -> TrailerKind {
        match self {
            Self::None => TrailerKind::None,
            Self::Pass(_) => TrailerKind::Pass,
            Self::Ah { .. } => TrailerKind::Ah,
        }
    }
}

/// The defined values of the version 2 Auth Type byte (RFC 2338 §5.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrailerKind {
    /// 0.
    None,
    /// 1.
    Pass,
    /// 2.
    Ah,
}

impl TrailerKind {
    /// The byte on the wire.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Pass => 1,
            Self::Ah => 2,
        }
    }

    /// The meaning of the byte, or `None` for an undefined one.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Pass),
            2 => Some(Self::Ah),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U-03: all eight bytes count, also those behind a zero.
    #[test]
    fn passwords_compare_as_eight_bytes() {
        let short = Password::truncated(b"abc");
        assert_eq!(short, Password::from_wire(*b"abc\0\0\0\0\0"));
        assert_ne!(short, Password::from_wire(*b"abc\0junk"));
        for position in 0..8 {
            for bit in 0..8 {
                let mut other = *short.expose();
                other[position] ^= 1 << bit;
                assert_ne!(
                    short,
                    Password::from_wire(other),
                    "byte {position}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_long_password_is_cut_to_eight_bytes() {
        assert_eq!(
            Password::truncated(b"totally_secret"),
            Password::from_wire(*b"totally_")
        );
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let auth = Auth::Ah {
            key: Password::truncated(b"topsecrt"),
            icv: IcvForm::TtlKept,
        };
        let shown = std::format!("{auth:?}");
        assert!(
            !shown.contains("topsecrt") && !shown.contains("116"),
            "{shown}"
        );
    }
}
