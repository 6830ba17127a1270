//! The last events, numbered and bounded.

use std::collections::VecDeque;

use vrrp_record::event::{Event, Kind};
use vrrp_record::status::LAST_EVENTS;

use super::clock::Now;

/// The last events.
#[derive(Debug, Default)]
pub(super) struct History {
    last: VecDeque<Event>,
    count: u64,
}

impl History {
    /// Numbers an event and keeps it in place of the oldest.
    pub(super) fn add(&mut self, kind: Kind, at: Now) -> Event {
        self.count += 1;
        let event = Event {
            seq: self.count,
            unix_ms: at.unix_ms(),
            monotonic_ns: at.monotonic.as_nanos(),
            kind,
        };
        if self.last.len() >= LAST_EVENTS {
            self.last.pop_front();
        }
        self.last.push_back(event);
        event
    }

    /// Oldest first.
    pub(super) fn events(&self) -> Vec<Event> {
        self.last.iter().copied().collect()
    }
}
