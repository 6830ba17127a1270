//! Looks at a transmit socket's send memory: whether the device, or the host behind it, has taken what was sent.
//!
//! A look is one ioctl, so there is one a second, and more only while something suggests that adverts are held: bytes at the
//! last look, or a driver stamp that did not come.

use std::time::Duration;

use vrrp_proto::time::Instant;

const APART: Duration = Duration::from_secs(1);

/// What was seen of one transmit socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutQueue {
    looked: Option<Instant>,
    /// The first advert that may be held, while bytes are.
    held_from: Option<u64>,
}

impl OutQueue {
    /// Whether bytes were held at the last look.
    pub(in crate::engine) const fn is_held(&self) -> bool {
        self.held_from.is_some()
    }

    /// Whether to look now.
    pub(in crate::engine) fn is_due(&self, now: Instant, suspicious: bool) -> bool {
        let long_ago = |at: Instant| now.saturating_since(at) >= APART;
        suspicious || self.is_held() || self.looked.is_none_or(long_ago)
    }

    /// What a look saw, after advert `last`. Returns the first advert that is known to be taken now.
    pub(in crate::engine) fn saw(&mut self, bytes: u32, last: u64, now: Instant) -> Option<u64> {
        self.looked = Some(now);
        if bytes > 0 {
            self.held_from.get_or_insert(last);
            return None;
        }
        Some(self.held_from.take().unwrap_or(last))
    }

    /// Nothing is known any more: the socket is another one.
    pub(in crate::engine) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_a_second_and_more_while_something_is_held() {
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        let mut queue = OutQueue::default();
        assert!(queue.is_due(at(0), false));
        assert_eq!(queue.saw(0, 5, at(0)), Some(5));
        assert!(!queue.is_due(at(999), false));
        assert!(queue.is_due(at(10), true), "a stamp is missing");
        assert_eq!(queue.saw(832, 6, at(1000)), None);
        assert!(queue.is_held() && queue.is_due(at(1001), false));
        assert_eq!(queue.saw(1664, 7, at(1100)), None);
        assert_eq!(queue.saw(0, 8, at(1200)), Some(6), "all of them at once");
        assert!(!queue.is_held());
    }
}
