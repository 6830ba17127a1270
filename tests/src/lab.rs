//! The lab: hosts in namespaces of their own, wires between them, and everything a test needs to see what they do.
//!
//! A host has its own network, process and mount namespace, so that `killall -0 haproxy` on it sees its own haproxy
//! only. Nothing in the lab has a name outside the process that made it: when that process ends, however it ends, the
//! kernel takes hosts, wires and programs away.
//!
//! What cannot be set up ends the caller with a panic that says what and why: a test has nothing better to do.

mod canary;
mod capture;
mod cgroup;
mod forwarder;
mod frame;
mod haproxy;
mod hog;
mod host;
mod init;
mod mailbox;
mod network;
mod peer;
mod pinger;
mod probe;
mod process;
mod scratch;
mod wait;
mod worker;

pub use canary::{Canary, Lateness, canary_main};
pub use capture::{Capture, Seen};
pub use cgroup::Cgroup;
pub use forwarder::{Forwarder, Habits, forwarder_main};
pub use frame::{Advert, Claim, Frame};
pub use haproxy::Haproxy;
pub use hog::{Hog, hog_main};
pub use host::{Address, Host};
pub use init::init_main;
pub use mailbox::{Delivered, Mailbox};
pub use network::Lab;
pub use peer::{CONFIGURATION, Daemon, Keepalived, Ours, Peer, RUN_DIR, Software, State, status};
pub use pinger::{Echo, Pinged, Pinger};
pub use probe::{Answer, Probe};
pub use process::{Finished, Process};
pub use wait::{wait_for, wait_until};

/// Whether this process may make namespaces. Says so on the error output where it may not, because the test that asks
/// then checks nothing.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "a test that is left out has to be seen"
)]
pub fn is_permitted() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!(
            "SKIPPED: {} needs root for its namespaces",
            std::thread::current().name().unwrap_or("this test")
        );
    }
    root
}
