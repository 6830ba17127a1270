//! What a seed makes of a scenario: hosts, their routers, trackers and sync groups. The disturbances are the world's.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use vrrp_proto::group::GroupIndex;
use vrrp_proto::node::{GroupSetup, NodeConfig, RouterSetup, TrackerSetup};
use vrrp_proto::router::{Config, FastFail, InterfaceKey, RouterId};
use vrrp_proto::track::{Reading, TrackLink, TrackerId};
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};

use super::prng::Prng;

/// A scenario before anything happens.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) hosts: Vec<HostPlan>,
    /// Unit of all times of the scenario.
    pub(super) base: AdvertInterval,
    /// How often the network is disturbed and left alone again.
    pub(super) rounds: u64,
}

/// A host: its settings, and the address that it sends from.
#[derive(Clone, Debug)]
pub(super) struct HostPlan {
    pub(super) source: IpAddr,
    pub(super) routers: Vec<Config>,
    pub(super) grouped: bool,
    /// Weights of the trackers; every router of the host tracks all of them.
    pub(super) weights: Vec<i16>,
    /// The trackers have a result before anything starts.
    pub(super) first: Reading,
}

impl HostPlan {
    /// The settings as a node takes them.
    pub(super) fn node(&self) -> NodeConfig {
        let links: Vec<TrackLink> = self
            .weights
            .iter()
            .zip(0..)
            .map(|(weight, number)| TrackLink {
                tracker: TrackerId(number),
                weight: *weight,
                reverse: false,
            })
            .collect();
        NodeConfig {
            routers: self
                .routers
                .iter()
                .map(|config| RouterSetup {
                    config: *config,
                    trackers: links.clone(),
                    group: self.grouped.then_some(GroupIndex(0)),
                })
                .collect(),
            trackers: links
                .iter()
                .map(|link| TrackerSetup {
                    id: link.tracker,
                    initial: self.first,
                })
                .collect(),
            groups: vec![GroupSetup {
                tracking_weight: false,
            }],
        }
    }
}

/// Draws a scenario.
pub(super) fn draw(prng: &mut Prng) -> Plan {
    let mixed_versions = prng.chance(10);
    let common = if prng.chance(65) {
        Version::V3
    } else {
        Version::V2
    };
    let any_v2 = mixed_versions || common == Version::V2;
    let base = if any_v2 {
        prng.pick(&[100, 200])
    } else {
        prng.pick(&[1, 2, 5, 10, 30, 100, 100, 300])
    };
    let count = prng.between(2, 5);
    let routers = prng.between(1, 3);
    let grouped = !mixed_versions && routers > 1 && prng.chance(40);
    // Different intervals split version 2, and a split group could never agree.
    let mixed_intervals = !(grouped && any_v2) && prng.chance(25);
    let hosts = (0..count)
        .map(|host| {
            let version = match (mixed_versions, prng.chance(50)) {
                (false, _) => common,
                (true, false) => Version::V2,
                (true, true) => Version::V3,
            };
            let factor = if mixed_intervals {
                prng.between(1, 3)
            } else {
                1
            };
            let first = draw_config(prng, version, base * u16::try_from(factor).unwrap_or(1));
            let configs = (1..=routers)
                .map(|vrid| {
                    let mut config = if grouped {
                        first
                    } else {
                        draw_config(prng, version, first.interval.as_centis())
                    };
                    config.id.vrid = vrid_of(vrid);
                    // It lowers one member only, and a group of unequal members may never agree.
                    config.owner_clash_lowers &= !grouped;
                    config
                })
                .collect();
            draw_host(prng, host, configs, grouped)
        })
        .collect();
    Plan {
        hosts,
        base: AdvertInterval::from_centis(base).unwrap_or(AdvertInterval::DEFAULT),
        rounds: prng.between(1, 3),
    }
}

fn vrid_of(number: u64) -> Vrid {
    let number = u8::try_from(number).expect("a scenario has three routers at most");
    Vrid::new(number).expect("VRIDs count from 1")
}

fn draw_host(prng: &mut Prng, host: u64, routers: Vec<Config>, grouped: bool) -> HostPlan {
    let trackers = prng.pick(&[0_u64, 0, 0, 1, 2]);
    let last = u8::try_from(10 + host).unwrap_or(u8::MAX);
    HostPlan {
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
        routers,
        grouped,
        weights: (0..trackers)
            .map(|_| prng.pick(&[0, 2, 50, -30, -200]))
            .collect(),
        first: prng.pick(&[Reading::Good, Reading::Good, Reading::Pending]),
    }
}

fn draw_config(prng: &mut Prng, version: Version, interval: u16) -> Config {
    let interval = AdvertInterval::from_centis(interval).unwrap_or(AdvertInterval::DEFAULT);
    let priority = match prng.below(20) {
        0 => 255,
        1..=9 => prng.pick(&[100, 100, 150, 200]),
        _ => prng.between(1, 254),
    };
    let intervals = |number: u64| interval.as_duration() * u32::try_from(number).unwrap_or(1);
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: vrid_of(1),
        },
        version,
        interoperate: false,
        priority: priority_of(priority),
        interval,
        preempt: prng.chance(80),
        preempt_delay: if prng.chance(20) {
            intervals(prng.between(1, 6))
        } else {
            Duration::ZERO
        },
        startup_delay: if prng.chance(10) {
            intervals(prng.between(1, 4))
        } else {
            Duration::ZERO
        },
        down_adverts: 3,
        answer_lower: version == Version::V3 || prng.chance(50),
        advert_before_yield: prng.chance(10),
        owner_clash_lowers: prng.chance(50),
        fault_releases: u8::try_from(prng.below(3)).unwrap_or(0),
        fast_fail: prng.chance(20).then(FastFail::default),
        release_hold: if prng.chance(50) {
            Duration::from_secs(2)
        } else {
            Duration::ZERO
        },
        phase: prng
            .chance(30)
            .then(|| Duration::from_millis(prng.below(1000))),
    }
}

/// A priority of 1–255.
pub(super) fn priority_of(number: u64) -> Priority {
    u8::try_from(number)
        .ok()
        .and_then(Priority::new)
        .unwrap_or(Priority::DEFAULT)
}
