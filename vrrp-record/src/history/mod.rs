//! What one node recorded, decoded: the one form in which the flight recorder, the journal, a bundle and a packet capture
//! are read, and the only input of verdicts, tables and pages.
//!
//! A history may span several runs of the daemon. It holds no byte format and does no I/O; readers fill it in.

mod advert;
mod host;
mod merge;
mod phases;
mod time;
mod want;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use advert::{Received, Rejected, Sent, Sequence};
pub use host::{NO_ANSWER, ProbeTarget, Sample, Stall, Unit};
pub use merge::cut_out;
pub use phases::Phase;
pub use time::Time;
pub use want::Want;

use crate::event::Event;
use crate::histogram::Histogram;
use crate::status::Unavailable;

/// Everything that is known of one node.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The node.
    pub node: Node,
    /// Runs of the daemon, oldest first. A capture is one run.
    pub runs: Vec<Run>,
    /// Virtual routers; records name them by position.
    pub routers: Vec<Router>,
    /// Adverts that this node was to send, by the time they were due.
    pub sent: Vec<Sent>,
    /// Valid adverts heard, by arrival. In a capture and when observing this holds what the other nodes sent.
    pub received: Vec<Received>,
    /// Adverts for one of the routers that a check refused, by arrival.
    pub rejected: Vec<Rejected>,
    /// Wake-ups and reads of the engine that were late, with what was measured about the reason.
    pub stalls: Vec<Stall>,
    /// Counters of the host and its interfaces, ten a second where they were kept.
    pub samples: Vec<Sample>,
    /// Everything else, in order: transitions, faults, trackers, addresses, links, commands, verdicts.
    pub events: Vec<Numbered>,
    /// What is left of minutes whose ordinary adverts were folded.
    pub minutes: Vec<Minute>,
    /// Evidence that this node could not give.
    pub unavailable: Vec<Unavailable>,
    /// Stretches of time for which full records exist, ascending and apart.
    pub detailed: Vec<(Time, Time)>,
    /// What was damaged or lost, in words.
    pub damage: Vec<String>,
}

/// The node that a history is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its host name; of a capture its file name.
    pub host: String,
    /// What the history was read from.
    pub source: Source,
    /// Its own addresses, where known: which adverts are its own.
    pub addresses: Vec<IpAddr>,
}

/// What a history was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A daemon's own records: ring, journal, bundle.
    #[default]
    Daemon,
    /// The records of `vrrpd --observe` beside another daemon.
    Observer,
    /// A packet capture.
    Capture,
}

/// One run of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The kernel's boot id.
    pub boot_id: String,
    /// Its process.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// When it started.
    pub started: Time,
    /// When it ended, as far as the records tell; none while it runs.
    pub ended: Option<Time>,
    /// It ended with a goodbye. Otherwise it was killed, crashed, or the machine went down.
    pub clean: bool,
}

/// A virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Name of the instance.
    pub name: String,
    /// Base interface.
    pub interface: String,
    /// VRID.
    pub vrid: u8,
    /// The adverts' family is IPv6.
    pub ipv6: bool,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Own source address, where known.
    pub source: Option<IpAddr>,
    /// Configured interval in nanoseconds.
    pub interval: u64,
    /// Base priority.
    pub priority: u8,
    /// It gives way to no lower router (`nopreempt` is off).
    pub preempt: bool,
    /// Adverts that may be missed, three unless configured.
    pub down_adverts: u8,
    /// Virtual addresses, in advert order.
    pub addresses: Vec<IpAddr>,
}

impl Router {
    /// Silence of the Active after which a Backup with this priority takes over, in nanoseconds (RFC 9568 §6.1). Version 3
    /// reckons with the interval that the Active advertises, where that is known.
    #[must_use]
    pub fn down_interval(&self, learned: Option<u64>, priority: u8) -> u64 {
        let interval = match self.version {
            2 => self.interval,
            _ => learned.unwrap_or(self.interval),
        };
        let per_priority = match self.version {
            2 => 1_000_000_000,
            _ => interval,
        };
        let steps = 256_u64.saturating_sub(priority.into());
        let skew = steps.saturating_mul(per_priority) / 256;
        interval
            .saturating_mul(self.down_adverts.into())
            .saturating_add(skew)
    }
}

/// An event with its time on the history's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// When.
    pub at: Time,
    /// Position of its run in [`History::runs`].
    pub run: u16,
    /// What; its own `seq` is unique within the run.
    pub event: Event,
}

/// A stage, or a distance between stages, of which minutes keep a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// woke − due.
    Wake,
    /// accepted − woke: own work and the system call.
    Send,
    /// left − queued: the queue discipline.
    Queue,
    /// taken − left: the device or the host behind it.
    Device,
    /// left − due: everything up to the driver.
    Departure,
    /// arrived − arrived of the advert before from the same sender.
    Gap,
    /// read − arrived.
    Read,
}

/// All adverts of one router in one minute, those that are also kept whole included: who sums up takes a minute's
/// histogram where there is one, and full records only where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Minute {
    /// Its beginning.
    pub at: Time,
    /// Position of the router.
    pub router: u16,
    /// What was measured.
    pub stage: Stage,
    /// How often each value came, in nanoseconds.
    pub histogram: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_down_interval_is_that_of_the_state_machine() {
        let router = |version, interval| Router {
            name: String::from("vi_1"),
            interface: String::from("eth0"),
            vrid: 1,
            ipv6: false,
            version,
            source: None,
            interval,
            priority: 100,
            preempt: true,
            down_adverts: 3,
            addresses: Vec::new(),
        };
        let version_2 = router(2, 1_000_000_000);
        assert_eq!(version_2.down_interval(None, 100), 3_609_375_000);
        assert_eq!(version_2.down_interval(Some(5), 100), 3_609_375_000);
        let version_3 = router(3, 1_000_000_000);
        assert_eq!(version_3.down_interval(Some(10_000_000), 255), 30_039_062);
        assert_eq!(version_3.down_interval(None, 1), 3_996_093_750);
        assert_eq!(router(3, u64::MAX).down_interval(None, 1), u64::MAX);
    }
}
