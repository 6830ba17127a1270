//! keepalived.stats.

use std::fmt::Write as _;

use super::Inputs;

pub(super) fn text(inputs: &Inputs) -> String {
    let mut text = String::new();
    for router in inputs.routers() {
        let c = router.counts;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "VRRP Instance: {}\n  Advertisements:\n    Received: {}\n    Sent: {}\n  Became master: {}\n  \
             Released master: {}\n  Packet Errors:\n    Length: {}\n    TTL: {}\n    Invalid Type: {}\n    \
             Advertisement Interval: {}\n    Address List: {}\n  Authentication Errors:\n    Invalid Type: {}\n    \
             Type Mismatch: {}\n    Failure: {}\n  Priority Zero:\n    Received: {}\n    Sent: {}\n",
            router.plan.name,
            c.received,
            c.sent,
            c.became_master,
            c.released_master,
            c.length,
            c.ttl,
            c.kind,
            c.interval,
            c.address_list,
            c.auth_unknown,
            c.auth_mismatch,
            c.auth_failure,
            c.zero_received,
            c.zero_sent,
        );
    }
    text
}
