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
    /// The advert that was sent last on it; 0 before the first.
    last: u64,
    /// The first advert that may be held, while bytes are.
    held_from: Option<u64>,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Seen {
    /// Nothing was sent on this socket yet.
    Nothing,
    /// Bytes of this advert, and perhaps of earlier ones, are still there.
    Held(u64),
    /// Everything is taken, from this advert on.
    Taken(u64),
}

impl OutQueue {
    /// Whether bytes were held at the last look.
    pub(in crate::engine) const fn is_held(&self) -> bool {
        self.held_from.is_some()
    }

    /// An advert was handed to the socket.
    pub(in crate::engine) const fn sent(&mut self, number: u64) {
        self.last = number;
    }

    /// Whether to look now.
    pub(in crate::engine) fn is_due(&self, now: Instant, suspicious: bool) -> bool {
        let long_ago = |at: Instant| now.saturating_since(at) >= APART;
        suspicious || self.is_held() || self.looked.is_none_or(long_ago)
    }

    /// A look saw so many bytes.
    pub(in crate::engine) fn saw(&mut self, bytes: u32, now: Instant) -> Seen {
        self.looked = Some(now);
        if self.last == 0 {
            return Seen::Nothing;
        }
        if bytes > 0 {
            self.held_from.get_or_insert(self.last);
            return Seen::Held(self.last);
        }
        Seen::Taken(self.held_from.take().unwrap_or(self.last))
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
        assert_eq!(queue.saw(0, at(0)), Seen::Nothing);
        queue.sent(5);
        assert_eq!(queue.saw(0, at(0)), Seen::Taken(5));
        assert!(!queue.is_due(at(999), false));
        assert!(queue.is_due(at(10), true), "a stamp is missing");
        queue.sent(6);
        assert_eq!(queue.saw(832, at(1000)), Seen::Held(6));
        assert!(queue.is_held() && queue.is_due(at(1001), false));
        queue.sent(9);
        assert_eq!(queue.saw(1664, at(1100)), Seen::Held(9));
        assert_eq!(
            queue.saw(0, at(1200)),
            Seen::Taken(6),
            "all of them at once"
        );
        assert!(!queue.is_held());
    }
}
