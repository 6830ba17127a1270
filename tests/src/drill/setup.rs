//! What a scene is built from: who runs where, and the two configurations.

use std::fmt::Write as _;
use std::time::Duration;

use vrrp_proto::units::Family;

use super::cause::Variant;
use crate::lab::Daemon;
use crate::sim::Prng;

/// The router's name.
pub(super) const ROUTER: &str = "VI";
/// Its VRID.
pub(super) const VRID: u8 = 51;
/// The interface on every host.
pub(super) const INTERFACE: &str = "eth0";

/// Who runs on which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// vrrpd on both.
    Ours,
    /// keepalived leads, vrrpd follows.
    TheirLeader,
    /// vrrpd leads, keepalived follows.
    TheirFollower,
    /// keepalived on both, and somebody who looks on.
    Theirs,
}

/// Everything that a seed and a cause decide about a scene.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Who.
    pub pairing: Pairing,
    /// Of the adverts.
    pub family: Family,
    /// VRRP version.
    pub version: u8,
    /// Between adverts, in milliseconds.
    pub interval: u64,
    /// The node that leads at first.
    pub leader: Side,
    /// The other one.
    pub follower: Side,
    /// The leader is behind a forwarder in user space.
    pub leader_behind: bool,
    /// And that has a slow disk, which it does not use itself.
    pub leader_disk: bool,
    /// The follower is behind one.
    pub follower_behind: bool,
    /// Forwarders send each frame twice.
    pub twice: bool,
    /// The cause itself starts the follower.
    pub late_follower: bool,
    /// There is no leader: a crafted speaker takes its place.
    pub without_leader: bool,
    /// A second segment joins the nodes' `eth1`.
    pub second_segment: bool,
}

/// One node's configuration.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Base priority.
    pub priority: u8,
    /// vrrpd runs without real time and locked memory.
    pub ordinary: bool,
    /// vrrpd is started from a disk of its own, so that its code can be taken away.
    pub from_slow_disk: bool,
    /// vrrpd is started in a group of this cgroup hierarchy, as service managers and containers start it.
    pub group: Option<&'static str>,
    /// The interface has a queue discipline, as on any machine but those in a lab.
    pub queue: bool,
    /// Lines of `global_defs`.
    pub globals: Vec<String>,
    /// Blocks before the instance.
    pub blocks: Vec<String>,
    /// Lines of the instance.
    pub lines: Vec<String>,
    /// Virtual addresses.
    pub addresses: Vec<String>,
}

impl Setup {
    /// The scene of a seed, before a cause changes it.
    pub(super) fn new(variant: Variant, prng: &mut Prng) -> Self {
        let family = variant.family.unwrap_or_else(|| {
            if prng.chance(70) {
                Family::V4
            } else {
                Family::V6
            }
        });
        let address = match family {
            Family::V4 => "10.0.0.7",
            Family::V6 => "fd00::7",
        };
        let side = |priority| Side {
            priority,
            addresses: vec![address.to_owned()],
            ..Side::default()
        };
        Self {
            pairing: variant.pairing,
            family,
            version: 3,
            interval: prng.between(4, 8) * 50,
            leader: side(150),
            follower: side(100),
            leader_behind: false,
            leader_disk: false,
            follower_behind: false,
            twice: false,
            late_follower: false,
            without_leader: false,
            second_segment: false,
        }
    }

    /// What runs on the leader.
    #[must_use]
    pub const fn leads(&self) -> Daemon {
        match self.pairing {
            Pairing::Ours | Pairing::TheirFollower => Daemon::Ours,
            Pairing::TheirLeader | Pairing::Theirs => Daemon::Keepalived,
        }
    }

    /// What runs on the follower.
    #[must_use]
    pub const fn follows(&self) -> Daemon {
        match self.pairing {
            Pairing::Ours | Pairing::TheirLeader => Daemon::Ours,
            Pairing::TheirFollower | Pairing::Theirs => Daemon::Keepalived,
        }
    }

    /// Whether the leader's adverts carry numbers: IPv4 identification, or our flow labels.
    #[must_use]
    pub fn numbered(&self) -> bool {
        self.family == Family::V4 || self.leads() == Daemon::Ours
    }

    /// Between adverts.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval)
    }

    /// After how much silence the follower takes over.
    #[must_use]
    pub fn down(&self) -> Duration {
        let skew = self.interval * u64::from(256 - u16::from(self.follower.priority)) / 256;
        Duration::from_millis(3 * self.interval + skew)
    }

    /// A configuration in keepalived's language.
    pub(super) fn text(&self, side: &Side, daemon: Daemon) -> String {
        let mut text = String::from("global_defs {\n    vrrp_garp_master_repeat 1\n");
        if side.ordinary && daemon == Daemon::Ours {
            text.push_str("    realtime off\n");
        }
        if !side.ordinary && self.pairing == Pairing::Theirs {
            // What else the machine does has no say in when its adverts leave.
            text.push_str("    vrrp_rt_priority 1\n    vrrp_rlimit_rttime 1000000\n");
        }
        for line in &side.globals {
            let _ = writeln!(text, "    {line}");
        }
        text.push_str("}\n");
        for block in &side.blocks {
            let _ = writeln!(text, "{block}");
        }
        let _ = write!(
            text,
            "vrrp_instance {ROUTER} {{\n    interface {INTERFACE}\n    version {}\n    virtual_router_id {VRID}\n    \
             priority {}\n    advert_int {}\n",
            self.version,
            side.priority,
            seconds(self.interval),
        );
        for line in &side.lines {
            let _ = writeln!(text, "    {line}");
        }
        text.push_str("    virtual_ipaddress {\n");
        for address in &side.addresses {
            let _ = writeln!(text, "        {address}");
        }
        text.push_str("    }\n}\n");
        text
    }
}

/// Milliseconds as keepalived writes seconds.
pub(super) fn seconds(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        (millis / 1000).to_string()
    } else {
        format!("{}.{:02}", millis / 1000, millis % 1000 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_keepalived_reads_them() {
        for (millis, text) in [(1000, "1"), (250, "0.25"), (50, "0.05"), (1200, "1.20")] {
            assert_eq!(seconds(millis), text);
        }
    }
}
