//! How much of the daemon its clients may use.

use std::time::Duration;

/// How much of the daemon its clients may use, all together and each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections: usize,
    /// Of those, how many are kept for root, so that nobody else can lock the administrator out.
    pub kept_for_root: usize,
    /// From accepting a connection to closing it, whatever the client does.
    pub deadline: Duration,
    /// The deadline of a connection that asked for a change, which takes as long as it takes.
    pub change_deadline: Duration,
    /// Requests on one connection.
    pub requests: u32,
    /// KiB of responses that wait for their clients to read them, of all connections together.
    pub pending_kib: u32,
    /// A status is computed at most this often; requests in between share one.
    pub status_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32,
            kept_for_root: 8,
            deadline: Duration::from_secs(5),
            change_deadline: Duration::from_secs(60),
            requests: 64,
            pending_kib: 32 * 1024,
            status_age: Duration::from_millis(20),
        }
    }
}
