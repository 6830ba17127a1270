//! The engine's decisions allocate nothing: every event of a node, and the adoption of an old one, between two counts.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail where a number is out of range"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use vrrp_proto::group::GroupIndex;
use vrrp_proto::node::{
    GroupSetup, Node, NodeConfig, NodeEvent, RouterIndex, RouterSetup, TrackerSetup,
};
use vrrp_proto::router::{
    AddressState, Config, Event, FaultSet, InterfaceKey, Received, RouterId, Standing, State,
    StopKind,
};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackLink, TrackerId};
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};
use vrrp_tests::allocation::{Counting, calls};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUTERS: u16 = 8;
const TRACKER: TrackerId = TrackerId(1);

/// Eight routers, the last four of them in a group, all with a tracker.
fn config(priority: u8) -> NodeConfig {
    NodeConfig {
        routers: (0..ROUTERS)
            .map(|number| RouterSetup {
                config: Config {
                    id: RouterId {
                        interface: InterfaceKey(1),
                        family: Family::V4,
                        vrid: Vrid::new(u8::try_from(number + 1).unwrap()).unwrap(),
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
                    fault_releases: 2,
                    release_hold: Duration::from_secs(2),
                    phase: None,
                    fast_fail: None,
                },
                trackers: vec![TrackLink {
                    tracker: TRACKER,
                    weight: if number % 2 == 0 { 0 } else { 20 },
                    reverse: false,
                }],
                group: (number >= 4).then_some(GroupIndex(0)),
            })
            .collect(),
        trackers: vec![TrackerSetup {
            id: TRACKER,
            initial: Reading::Good,
        }],
        groups: vec![GroupSetup {
            tracking_weight: true,
        }],
    }
}

fn advert(priority: u8) -> Received {
    Received {
        version: Version::V3,
        priority: WirePriority::from_wire(priority),
        interval: AdvertInterval::DEFAULT,
        source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        arrived: None,
    }
}

/// A node's driver without memory of its own.
struct Driver {
    node: Node,
    now: Instant,
    actions: u64,
    seen: [bool; 4],
}

impl Driver {
    fn tell(&mut self, event: NodeEvent<'_>) {
        let (actions, seen) = (&mut self.actions, &mut self.seen);
        self.node.handle(self.now, event, &mut |_, router, _| {
            *actions += 1;
            seen[match router.state() {
                State::Initialize => 0,
                State::Backup => 1,
                State::Active => 2,
                State::Releasing => 3,
            }] = true;
        });
    }

    fn each(&mut self, event: Event<'_>) {
        for number in 0..ROUTERS {
            self.tell(NodeEvent::Router(RouterIndex(number), event));
        }
    }

    fn run_for(&mut self, millis: u64) {
        let end = self.now.saturating_add(Duration::from_millis(millis));
        while let Some((at, _)) = self.node.next_deadline().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.tell(NodeEvent::Deadline);
            self.each(Event::Addresses(AddressState {
                present: 1,
                wanted: 1,
                errno: None,
            }));
        }
        self.now = end;
    }

    /// Everything that can happen, through every state.
    fn exercise(&mut self) {
        self.each(Event::Source(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)))));
        self.each(Event::Start);
        for round in 0..20 {
            self.run_for(6_000);
            for priority in [50, 0, 100, 200] {
                self.each(Event::Advert(&advert(priority)));
                self.run_for(300);
            }
            self.tell(NodeEvent::Tracker {
                id: TRACKER,
                reading: Reading::Bad,
                expires: Some(self.now.saturating_add(Duration::from_secs(1))),
            });
            self.run_for(500);
            self.tell(NodeEvent::Tracker {
                id: TRACKER,
                reading: Reading::Good,
                expires: Some(self.now.saturating_add(Duration::from_secs(30))),
            });
            self.run_for(9_000);
            self.each(Event::AddressesLost);
            self.run_for(2_000);
            self.each(Event::Faults(FaultSet::INTERFACE_DOWN));
            self.each(Event::Faults(FaultSet::NONE));
            self.tell(NodeEvent::Stalled(Duration::from_secs(round)));
            self.run_for(6_000);
            for standing in [
                Standing::Yielded,
                Standing::Reserve,
                Standing::Out,
                Standing::Normal,
            ] {
                self.tell(NodeEvent::Stand(standing));
            }
            self.tell(NodeEvent::Stop(StopKind::Planned));
            self.run_for(1_000);
            self.each(Event::SuccessorAnnounced);
            self.each(Event::Start);
        }
    }
}

#[test]
fn deciding_does_not_allocate() {
    let mut driver = Driver {
        node: Node::new(config(100)),
        now: Instant::from_nanos(1_000_000_000),
        actions: 0,
        seen: [false; 4],
    };
    let mut next = Node::new(config(150));
    let before = calls();
    driver.exercise();
    let (actions, now) = (&mut driver.actions, driver.now);
    next.adopt(now, &mut driver.node, &mut |_, _, _, _| *actions += 1);
    std::mem::swap(&mut next, &mut driver.node);
    driver.exercise();
    let counted = calls() - before;
    assert_eq!(counted, 0, "{counted} calls of the allocator");
    assert!(driver.actions > 1_000, "{} actions", driver.actions);
    assert_eq!(driver.seen, [true; 4], "every state was there");
}
