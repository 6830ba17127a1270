//! What tests of the journal are about: a router, and an advert on time.

use vrrp_record::history::{Router, Sent, Time};

/// A router that sends once a second.
pub(super) fn router() -> Router {
    Router {
        name: "vi_1".to_owned(),
        interface: "eth0".to_owned(),
        vrid: 1,
        ipv6: false,
        version: 3,
        source: None,
        interval: 1_000_000_000,
        priority: 100,
        preempt: true,
        down_adverts: 3,
        addresses: Vec::new(),
    }
}

/// An advert that was due then and went its way at once.
pub(super) fn sent(due: Time) -> Sent {
    Sent {
        copies_accepted: 1,
        woke: Some(due.plus(50_000)),
        submitted: Some(due.plus(60_000)),
        accepted: Some(due.plus(70_000)),
        queued: Some(due.plus(71_000)),
        left: Some(due.plus(80_000)),
        ..Sent::scheduled(0, 1, 100, due)
    }
}
