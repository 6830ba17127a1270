//! Short text without heap, so that a record that carries a name has a bounded size and can be copied.
//!
//! Longer text is cut at a character boundary. Not for passages of text, and never for a secret.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a router, group, script or interface as records carry it: at most 63 bytes.
pub type Name = Text<63>;

/// At most `N` bytes of UTF-8, `N` ≤ 255.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// As much of `text` as fits, cut at a character boundary.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let limit = N.min(usize::from(u8::MAX));
        let mut end = text.len().min(limit);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; N];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        Self {
            length: u8::try_from(end).unwrap_or(u8::MAX),
            bytes,
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Text<N> {
    /// As text.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(Text::<4>::new("aäöü").as_str(), "aä");
        assert_eq!(Text::<4>::new("abcdef").as_str(), "abcd");
        assert_eq!(Text::<4>::new("").as_str(), "");
        assert_eq!(Name::new("loadbalancer").as_str(), "loadbalancer");
    }

    #[test]
    fn text_is_a_plain_string_in_json() {
        let json = serde_json::to_string(&Name::new("a \"b\"")).unwrap();
        assert_eq!(json, r#""a \"b\"""#);
        assert_eq!(
            serde_json::from_str::<Name>(&json).unwrap().as_str(),
            "a \"b\""
        );
    }
}
