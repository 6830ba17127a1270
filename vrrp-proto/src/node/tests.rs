//! Tests of the aggregate: deadlines, trackers with expiry, sync groups. Reload is in `adopt`.
mod adopt;
mod groups;

use std::net::{IpAddr, Ipv4Addr};
use std::vec;
use std::vec::Vec;

use core::time::Duration;

use super::*;
use crate::router::{AddressState, AnnounceReason, Cause, InterfaceKey, Received};
use crate::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};

const SCRIPT: TrackerId = TrackerId(7);

fn config(vrid: u8, priority: u8) -> Config {
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: Vrid::new(vrid).unwrap(),
        },
        version: Version::V3,
        interoperate: false,
        priority: Priority::new(priority).unwrap(),
        interval: AdvertInterval::DEFAULT,
        preempt: true,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: true,
        advert_before_yield: false,
        owner_clash_lowers: false,
        fault_releases: 1,
        release_hold: Duration::from_secs(2),
        phase: None,
        fast_fail: None,
    }
}

fn alone(vrid: u8, priority: u8, weights: &[i16]) -> RouterSetup {
    RouterSetup {
        config: config(vrid, priority),
        trackers: weights
            .iter()
            .map(|weight| TrackLink {
                tracker: SCRIPT,
                weight: *weight,
                reverse: false,
            })
            .collect(),
        group: None,
    }
}

fn script(initial: Reading) -> Vec<TrackerSetup> {
    vec![TrackerSetup {
        id: SCRIPT,
        initial,
    }]
}

/// A node with a clock, and what its sink was given.
struct Bench {
    node: Node,
    now: Instant,
    seen: Vec<(u16, Action)>,
}

impl Bench {
    fn new(config: NodeConfig) -> Self {
        Self {
            node: Node::new(config),
            now: Instant::from_nanos(1_000_000_000_000),
            seen: Vec::new(),
        }
    }

    /// All routers started, with a source address.
    fn started(config: NodeConfig) -> Self {
        let mut bench = Self::new(config);
        let own = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100));
        for index in bench.node.indices() {
            bench.tell(NodeEvent::Router(index, Event::Source(Some(own))));
            bench.tell(NodeEvent::Router(index, Event::Start));
        }
        bench
    }

    fn tell(&mut self, event: NodeEvent<'_>) -> Vec<(u16, Action)> {
        let seen = &mut self.seen;
        seen.clear();
        let mut confirm = Vec::new();
        self.node.handle(self.now, event, &mut |index, _, action| {
            seen.push((index.0, action));
            if action == Action::AddAddresses {
                confirm.push(index);
            }
        });
        let seen = self.seen.clone();
        for index in confirm {
            self.tell(NodeEvent::Router(
                index,
                Event::Addresses(AddressState {
                    present: 1,
                    wanted: 1,
                    errno: None,
                }),
            ));
        }
        seen
    }

    fn router(&mut self, index: u16, event: Event<'_>) -> Vec<(u16, Action)> {
        self.tell(NodeEvent::Router(RouterIndex(index), event))
    }

    fn hear(&mut self, index: u16, priority: u8) -> Vec<(u16, Action)> {
        let advert = Received {
            version: Version::V3,
            priority: WirePriority::from_wire(priority),
            interval: AdvertInterval::DEFAULT,
            source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            arrived: None,
        };
        self.router(index, Event::Advert(&advert))
    }

    fn read(&mut self, reading: Reading, expires_in: Option<u64>) -> Vec<(u16, Action)> {
        let expires = expires_in.map(|ms| self.now.saturating_add(Duration::from_millis(ms)));
        self.tell(NodeEvent::Tracker {
            id: SCRIPT,
            reading,
            expires,
        })
    }

    fn run_for(&mut self, millis: u64) -> Vec<(u16, Action)> {
        let end = self.now.saturating_add(Duration::from_millis(millis));
        let mut all = Vec::new();
        while let Some((at, _)) = self.node.next_deadline().filter(|(at, _)| *at <= end) {
            self.now = at;
            all.extend(self.tell(NodeEvent::Deadline));
            let next = self.node.next_deadline();
            assert!(
                next.is_none_or(|(at, _)| at > self.now),
                "a deadline in the past"
            );
        }
        self.now = end;
        all
    }

    fn states(&self) -> Vec<State> {
        self.node
            .routers()
            .map(|(_, router)| router.state())
            .collect()
    }

    fn priority(&self, index: u16) -> u8 {
        self.node
            .router(RouterIndex(index))
            .unwrap()
            .priority()
            .as_u8()
    }
}

fn reports(seen: &[(u16, Action)]) -> Vec<(u16, State, State, Cause)> {
    seen.iter()
        .filter_map(|(index, action)| {
            let Action::Report(report) = action else {
                return None;
            };
            Some((*index, report.from, report.to, report.cause))
        })
        .collect()
}

fn adverts(seen: &[(u16, Action)]) -> Vec<(u16, u8)> {
    seen.iter()
        .filter_map(|(index, action)| {
            let Action::Advertise { priority, .. } = action else {
                return None;
            };
            Some((*index, priority.as_u8()))
        })
        .collect()
}

#[test]
fn earliest_deadline_names_its_router_and_timer() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[]), alone(2, 200, &[])],
        ..NodeConfig::default()
    });
    let (at, owner) = bench.node.next_deadline().unwrap();
    assert_eq!(owner, DeadlineOwner::Router(RouterIndex(1), Timer::Down));
    bench.now = at;
    bench.tell(NodeEvent::Deadline);
    assert_eq!(bench.states(), [State::Backup, State::Active]);
    let (_, owner) = bench.node.next_deadline().unwrap();
    assert_eq!(owner, DeadlineOwner::Router(RouterIndex(0), Timer::Down));
}

#[test]
fn routers_are_found_by_identity() {
    let node = Node::new(NodeConfig {
        routers: vec![alone(9, 100, &[]), alone(2, 200, &[])],
        ..NodeConfig::default()
    });
    assert_eq!(node.find(config(9, 1).id), Some(RouterIndex(0)));
    assert_eq!(node.find(config(2, 1).id), Some(RouterIndex(1)));
    assert_eq!(node.find(config(3, 1).id), None);
    let other_family = RouterId {
        family: Family::V6,
        ..config(9, 1).id
    };
    assert_eq!(node.find(other_family), None, "S-22");
}

#[test]
fn s22_families_with_one_vrid_are_separate_routers() {
    let mut v6 = alone(1, 100, &[]);
    v6.config.id.family = Family::V6;
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[]), v6],
        ..NodeConfig::default()
    });
    for _ in 0..6 {
        bench.hear(0, 200);
        bench.run_for(1_000);
    }
    assert_eq!(bench.states(), [State::Backup, State::Active]);
}

#[test]
fn a_reading_moves_the_priority_of_every_router_that_tracks_it() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![
            alone(1, 100, &[2]),
            alone(2, 100, &[-30]),
            alone(3, 100, &[]),
        ],
        trackers: script(Reading::Pending),
        ..NodeConfig::default()
    });
    assert_eq!([0, 1, 2].map(|i| bench.priority(i)), [100, 100, 100]);
    let seen = bench.read(Reading::Good, None);
    assert_eq!([0, 1, 2].map(|i| bench.priority(i)), [102, 100, 100]);
    assert_eq!(seen.len(), 1, "one change, one report: {seen:?}");
    assert_eq!(bench.read(Reading::Good, None), []);
    bench.read(Reading::Bad, None);
    assert_eq!([0, 1, 2].map(|i| bench.priority(i)), [100, 70, 100]);
}

#[test]
fn initial_readings_count_from_the_start_and_are_no_news() {
    let mut bench = Bench::new(NodeConfig {
        routers: vec![alone(1, 100, &[20])],
        trackers: script(Reading::Good),
        ..NodeConfig::default()
    });
    assert_eq!(bench.priority(0), 120);
    let seen = bench.router(0, Event::Start);
    assert_eq!(reports(&seen).len(), seen.len());
}

#[test]
fn rule1_an_expired_result_counts_as_bad_at_its_deadline() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[0]), alone(2, 100, &[20])],
        trackers: script(Reading::Pending),
        ..NodeConfig::default()
    });
    bench.read(Reading::Good, Some(5_000));
    bench.run_for(4_000);
    assert_eq!(bench.states(), [State::Active, State::Active]);
    bench.read(Reading::Good, Some(5_000));
    bench.run_for(4_999);
    assert_eq!(bench.priority(1), 120);
    assert_eq!(
        bench.node.reading(SCRIPT),
        Some((
            Reading::Good,
            Some(bench.now.saturating_add(Duration::from_millis(1)))
        ))
    );
    let seen = bench.run_for(1);
    let expired: Vec<u16> = seen
        .iter()
        .filter(|(_, action)| *action == Action::TrackerExpired(SCRIPT))
        .map(|(index, _)| *index)
        .collect();
    assert_eq!(expired, [0, 1], "each router that tracks it is told");
    assert_eq!(bench.states(), [State::Initialize, State::Active]);
    assert_eq!(bench.priority(1), 100);
    assert_eq!(bench.node.reading(SCRIPT), Some((Reading::Bad, None)));
    // A new result brings it back.
    bench.read(Reading::Good, Some(5_000));
    assert_eq!(bench.states(), [State::Backup, State::Active]);
}

#[test]
fn rule1_a_result_that_comes_expired_counts_as_bad() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[0])],
        trackers: script(Reading::Pending),
        ..NodeConfig::default()
    });
    bench.read(Reading::Good, Some(0));
    assert_eq!(bench.states(), [State::Initialize]);
    assert_eq!(bench.node.reading(SCRIPT), Some((Reading::Bad, None)));
}

#[test]
fn rule2_an_expired_or_failing_tracker_ends_a_hold() {
    for weight in [0, 20, -20] {
        let mut bench = Bench::started(NodeConfig {
            routers: vec![alone(1, 100, &[weight])],
            trackers: script(Reading::Pending),
            ..NodeConfig::default()
        });
        bench.read(Reading::Good, Some(60_000));
        bench.run_for(4_000);
        bench.read(Reading::Good, Some(500));
        bench.tell(NodeEvent::Stop(StopKind::Planned));
        assert_eq!(bench.states(), [State::Releasing], "weight {weight}");
        let seen = bench.run_for(500);
        let expected = (0, State::Releasing, State::Initialize, Cause::HoldUnhealthy);
        assert_eq!(reports(&seen), [expected], "weight {weight}");
    }
}

#[test]
fn the_drivers_faults_and_the_trackers_add_up() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[0])],
        trackers: script(Reading::Good),
        ..NodeConfig::default()
    });
    bench.router(0, Event::Faults(FaultSet::INTERFACE_DOWN));
    bench.read(Reading::Bad, None);
    let faults = bench.node.router(RouterIndex(0)).unwrap().faults();
    assert_eq!(
        faults,
        FaultSet::INTERFACE_DOWN.with(FaultSet::TRACKER, true)
    );
    bench.router(0, Event::Faults(FaultSet::NONE));
    assert_eq!(bench.states(), [State::Initialize]);
    bench.read(Reading::Good, None);
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn what_the_node_decides_cannot_be_told_from_outside() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    });
    bench.router(0, Event::Priority(Priority::OWNER));
    bench.router(0, Event::Group(GroupOrder::Activate));
    assert_eq!(bench.states(), [State::Backup]);
    assert_eq!(bench.priority(0), 100);
}

#[test]
fn unknown_routers_and_trackers_are_ignored() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[0])],
        ..NodeConfig::default()
    });
    assert_eq!(bench.router(5, Event::Start), []);
    assert_eq!(bench.read(Reading::Bad, Some(10)), []);
    // A link to a tracker that nobody reads stays pending.
    assert_eq!(bench.states(), [State::Initialize]);
}

#[test]
fn stop_reaches_every_router_and_stall_every_backup() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[]), alone(2, 90, &[])],
        ..NodeConfig::default()
    });
    bench.now = bench.now.saturating_add(Duration::from_secs(10));
    let seen = bench.tell(NodeEvent::Stalled(Duration::from_secs(6)));
    assert_eq!(seen.len(), 2);
    bench.run_for(5_000);
    assert_eq!(bench.states(), [State::Active, State::Active]);
    let seen = bench.tell(NodeEvent::Stop(StopKind::Immediate));
    assert_eq!(adverts(&seen), [(0, 0), (1, 0)]);
    assert_eq!(bench.states(), [State::Initialize, State::Initialize]);
    assert_eq!(bench.node.next_deadline(), None);
}

#[test]
fn a_node_without_routers_has_nothing_to_do() {
    let mut bench = Bench::new(NodeConfig::default());
    assert_eq!(bench.tell(NodeEvent::Deadline), []);
    assert_eq!(bench.tell(NodeEvent::Stop(StopKind::Planned)), []);
    assert_eq!(bench.node.next_deadline(), None);
}

#[test]
fn announcements_follow_the_confirmation_of_each_router() {
    let mut bench = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    });
    bench.run_for(4_000);
    let last = bench.seen.clone();
    assert_eq!(last, [(0, Action::Announce(AnnounceReason::BecameActive))]);
}
