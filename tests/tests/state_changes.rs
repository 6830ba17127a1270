//! What the transition table leaves out: ways out of Active other than adverts, faults, changed settings, reload, and two
//! versions on one link. Uses nothing but the public face of the state machine.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::node::{Node, NodeConfig, NodeEvent, RouterIndex, RouterSetup};
use vrrp_proto::router::{
    Action, AddressState, AnnounceReason, Cause, Config, Event, FaultSet, GroupOrder, InterfaceKey,
    Received, RouterId, State, StopKind, Timer, VirtualRouter,
};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77));

fn config(priority: u8) -> Config {
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: Vrid::new(9).unwrap(),
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
        release_hold: Duration::ZERO,
        phase: None,
        fast_fail: None,
    }
}

const CONFIRMED: AddressState = AddressState {
    present: 1,
    wanted: 1,
    errno: None,
};

fn active(config: Config) -> (VirtualRouter, Instant) {
    let mut router = VirtualRouter::new(config);
    let _ = router.handle(
        Instant::ZERO,
        Event::Source(Some("192.0.2.50".parse().unwrap())),
    );
    let _ = router.handle(Instant::ZERO, Event::Start);
    let mut now = Instant::ZERO;
    if router.state() != State::Active {
        now = router.next_deadline().unwrap().0;
        let _ = router.handle(now, Event::Deadline);
    }
    let _ = router.handle(now, Event::Addresses(CONFIRMED));
    assert_eq!(router.state(), State::Active);
    (router, now.saturating_add(Duration::from_millis(250)))
}

fn advert(version: Version, priority: u8, centis: u16) -> Received {
    Received {
        version,
        priority: WirePriority::from_wire(priority),
        interval: AdvertInterval::from_centis(centis).unwrap(),
        source: PEER,
        arrived: None,
    }
}

fn handle(router: &mut VirtualRouter, now: Instant, event: Event<'_>) -> Vec<Action> {
    router.handle(now, event).into_iter().collect()
}

fn releases(actions: &[Action]) -> usize {
    let release = |action: &&Action| matches!(action, Action::Advertise { priority, .. } if priority.is_release());
    actions.iter().filter(release).count()
}

/// S-17, S-32: whatever ends Active takes the addresses away in the same step.
#[test]
fn every_way_out_of_active_removes_the_addresses() {
    let higher = advert(Version::V3, 200, 100);
    let owner = Config {
        priority: Priority::OWNER,
        ..config(100)
    };
    let refused = AddressState {
        present: 0,
        wanted: 1,
        errno: Some(13),
    };
    let ways: [(&str, Vec<Event<'_>>); 8] = [
        ("shutdown", vec![Event::Stop(StopKind::Immediate)]),
        (
            "planned shutdown without a hold",
            vec![Event::Stop(StopKind::Planned)],
        ),
        ("higher priority", vec![Event::Advert(&higher)]),
        ("fault", vec![Event::Faults(FaultSet::INTERFACE_DOWN)]),
        ("sync group", vec![Event::Group(GroupOrder::Yield)]),
        (
            "bounce of the sync group",
            vec![Event::Group(GroupOrder::Bounce)],
        ),
        ("addresses lost", vec![Event::AddressesLost]),
        (
            "change to owner",
            vec![Event::Reconfigure {
                config: &owner,
                priority: Priority::OWNER,
            }],
        ),
    ];
    for (name, events) in ways {
        let (mut router, now) = active(config(100));
        let actions: Vec<Action> = events
            .into_iter()
            .flat_map(|event| handle(&mut router, now, event))
            .collect();
        assert!(
            actions.contains(&Action::RemoveAddresses),
            "{name}: {actions:?}"
        );
        let left = actions.iter().any(|action| {
            matches!(action, Action::Report(transition) if transition.from == State::Active)
        });
        assert!(left, "{name}: {actions:?}");
    }
    let (mut router, now) = active(config(100));
    let _ = router.handle(now, Event::Addresses(refused));
    let bound = now.saturating_add(Duration::from_secs(2));
    let actions = handle(&mut router, bound, Event::Deadline);
    assert!(
        actions.contains(&Action::RemoveAddresses) && releases(&actions) == 1,
        "refused: {actions:?}"
    );
    assert_eq!(router.state(), State::Initialize);
}

/// S-27: a fault is Shutdown, and its end is Startup with a whole down interval.
#[test]
fn fault_is_shutdown_and_its_end_is_startup() {
    for fault in [
        FaultSet::INTERFACE_DOWN,
        FaultSet::INTERFACE_GONE,
        FaultSet::NO_SOURCE,
        FaultSet::NO_SOCKET,
    ] {
        let (mut router, now) = active(config(100));
        let actions = handle(&mut router, now, Event::Faults(fault));
        assert_eq!((router.state(), releases(&actions)), (State::Initialize, 1));
        assert_eq!(router.next_deadline(), None);
        let later = now.saturating_add(Duration::from_secs(60));
        let _ = router.handle(later, Event::Faults(FaultSet::NONE));
        assert_eq!(router.state(), State::Backup);
        let (down, timer) = router.next_deadline().unwrap();
        assert_eq!(
            (down.saturating_since(later).as_micros(), timer),
            (3_609_375, Timer::Down)
        );
        assert!(matches!(
            router.snapshot().last_transition.unwrap().cause,
            Cause::FaultCleared
        ));
    }
}

/// S-21: without a source address the driver sends nothing; the state machine goes on and asks again each interval.
#[test]
fn missing_source_address_leaves_the_state_machine_running() {
    let (mut router, now) = active(config(100));
    let _ = router.handle(now, Event::Source(None));
    for _ in 0..5 {
        let (due, timer) = router.next_deadline().unwrap();
        assert_eq!(timer, Timer::Advert);
        let actions = handle(&mut router, due, Event::Deadline);
        assert!(
            matches!(actions[..], [Action::Advertise { .. }]),
            "{actions:?}"
        );
        assert_eq!(router.state(), State::Active);
    }
}

/// S-23: to and from 255 is Shutdown and Startup.
#[test]
fn becoming_and_ceasing_to_be_owner_is_shutdown_and_startup() {
    let (mut router, now) = active(config(100));
    let actions = handle(&mut router, now, Event::Priority(Priority::OWNER));
    assert_eq!(
        (router.state(), releases(&actions)),
        (State::Active, 1),
        "an owner starts as Active"
    );
    let actions = handle(&mut router, now, Event::Priority(Priority::DEFAULT));
    assert_eq!(
        (router.state(), releases(&actions)),
        (State::Backup, 1),
        "others start as Backup"
    );
}

/// S-23: a Backup whose priority changes has its skew changed with it.
#[test]
fn backup_with_a_new_priority_waits_its_new_skew() {
    let mut router = VirtualRouter::new(config(100));
    let _ = router.handle(Instant::ZERO, Event::Start);
    let _ = router.handle(Instant::ZERO, Event::Priority(Priority::new(200).unwrap()));
    let _ = router.handle(Instant::ZERO, Event::Advert(&advert(Version::V3, 250, 100)));
    assert_eq!(router.next_deadline().unwrap().0.as_nanos(), 3_218_750_000);
}

/// who heard a second Active announces again.
#[test]
fn second_active_makes_the_winner_announce_again() {
    let (mut router, now) = active(config(100));
    let actions = handle(
        &mut router,
        now,
        Event::Advert(&advert(Version::V3, 50, 100)),
    );
    assert!(
        actions.contains(&Action::Announce(AnnounceReason::OtherActive)),
        "{actions:?}"
    );
}

/// I-03, I-05: an interoperating Backup learns from version 2 alone, and ignores it from who sends version 3 too.
#[test]
fn interoperating_backup_follows_version_3_where_one_source_sends_both() {
    let mut router = VirtualRouter::new(Config {
        interoperate: true,
        ..config(100)
    });
    let mut now = Instant::ZERO;
    let _ = router.handle(now, Event::Start);
    let wait = |router: &VirtualRouter, now: Instant| {
        router
            .next_deadline()
            .unwrap()
            .0
            .saturating_since(now)
            .as_millis()
    };
    let _ = router.handle(now, Event::Advert(&advert(Version::V2, 200, 300)));
    assert_eq!(
        wait(&router, now),
        9_000 + 1_828,
        "version 2 alone: three seconds are learned"
    );
    for _ in 0..5 {
        now = now.saturating_add(Duration::from_millis(500));
        let _ = router.handle(now, Event::Advert(&advert(Version::V3, 200, 50)));
        let _ = router.handle(now, Event::Advert(&advert(Version::V2, 200, 100)));
        assert_eq!(
            wait(&router, now),
            1_500 + 304,
            "both: the interval of version 3"
        );
    }
}

/// I-02: without interoperation the other version does nothing, even if it got past the receive checks.
#[test]
fn other_version_changes_nothing_without_interoperation() {
    let mut router = VirtualRouter::new(config(100));
    let _ = router.handle(Instant::ZERO, Event::Start);
    let before = router.next_deadline();
    let later = Instant::from_nanos(1_000_000_000);
    assert_eq!(
        handle(
            &mut router,
            later,
            Event::Advert(&advert(Version::V2, 200, 100))
        ),
        []
    );
    assert_eq!(router.next_deadline(), before);
}

fn node(configs: &[Config]) -> Node {
    let setup = |config: &Config| RouterSetup {
        config: *config,
        trackers: vec![],
        group: None,
    };
    Node::new(NodeConfig {
        routers: configs.iter().map(setup).collect(),
        ..NodeConfig::default()
    })
}

fn start_all(node: &mut Node, count: u16) -> Instant {
    for index in (0..count).map(RouterIndex) {
        node.handle(
            Instant::ZERO,
            NodeEvent::Router(index, Event::Start),
            &mut |_, _, _| (),
        );
    }
    let (due, _) = node.next_deadline().unwrap();
    due
}

/// S-22: one VRID in both families is two routers.
#[test]
fn families_with_one_vrid_are_separate_routers() {
    let v6 = Config {
        id: RouterId {
            family: Family::V6,
            ..config(100).id
        },
        ..config(100)
    };
    let mut node = node(&[config(200), v6]);
    let due = start_all(&mut node, 2);
    let mut actions = 0;
    node.handle(due, NodeEvent::Deadline, &mut |index, _, _| {
        assert_eq!(index, RouterIndex(0));
        actions += 1;
    });
    assert!(actions > 0);
    assert_eq!(
        node.router(node.find(config(100).id).unwrap())
            .unwrap()
            .state(),
        State::Active
    );
    assert_eq!(
        node.router(node.find(v6.id).unwrap()).unwrap().state(),
        State::Backup
    );
}

/// S-34: a reload that changes nothing is not noticed: no advert, no transition, the same deadline.
#[test]
fn reload_without_change_is_not_noticed_by_an_active() {
    let mut old = node(&[config(200)]);
    let due = start_all(&mut old, 1);
    old.handle(due, NodeEvent::Deadline, &mut |_, _, _| ());
    old.handle(
        due,
        NodeEvent::Router(RouterIndex(0), Event::Addresses(CONFIRMED)),
        &mut |_, _, _| (),
    );
    let before = old.router(RouterIndex(0)).unwrap().snapshot();
    assert_eq!(before.state, State::Active);
    let deadline = old.next_deadline();
    let mut new = node(&[config(200)]);
    let mut actions = Vec::new();
    let now = due.saturating_add(Duration::from_millis(400));
    new.adopt(now, &mut old, &mut |side, _, _, action| {
        actions.push((side, action))
    });
    assert_eq!(actions, []);
    assert_eq!(new.router(RouterIndex(0)).unwrap().snapshot(), before);
    assert_eq!(new.next_deadline(), deadline);
    assert_eq!(old.next_deadline(), None);
}
