//! Reload by difference.

use super::*;

/// Adopts `old` and returns what both sides were told to do.
fn adopt(old: &mut Bench, config: NodeConfig) -> (Bench, Vec<(Side, u16, Action)>) {
    let mut new = Bench::new(config);
    new.now = old.now;
    let mut seen = Vec::new();
    new.node
        .adopt(old.now, &mut old.node, &mut |side, index, _, action| {
            seen.push((side, index.0, action));
        });
    (new, seen)
}

#[test]
fn s34_unchanged_routers_do_not_notice() {
    let config = || NodeConfig {
        routers: vec![alone(1, 100, &[20]), alone(2, 100, &[0])],
        trackers: script(Reading::Pending),
        ..NodeConfig::default()
    };
    let mut old = Bench::started(config());
    old.read(Reading::Good, Some(60_000));
    for _ in 0..5 {
        old.hear(1, 200);
        old.run_for(1_000);
    }
    assert_eq!(old.states(), [State::Active, State::Backup]);
    let before: Vec<_> = old.node.routers().map(|(_, r)| r.snapshot()).collect();
    let deadline = old.node.next_deadline();
    let (new, seen) = adopt(&mut old, config());
    assert_eq!(seen, []);
    let after: Vec<_> = new.node.routers().map(|(_, r)| r.snapshot()).collect();
    assert_eq!(before, after);
    assert_eq!(new.node.next_deadline(), deadline);
    assert_eq!(
        new.node.reading(SCRIPT).unwrap().0,
        Reading::Good,
        "readings and their expiry are kept"
    );
    assert!(new.node.reading(SCRIPT).unwrap().1.is_some());
    assert_eq!(old.node.next_deadline(), None);
}

#[test]
fn reordered_routers_keep_their_own_state() {
    let mut old = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[]), alone(2, 100, &[])],
        ..NodeConfig::default()
    });
    for _ in 0..5 {
        old.hear(1, 200);
        old.run_for(1_000);
    }
    let (new, seen) = adopt(
        &mut old,
        NodeConfig {
            routers: vec![alone(2, 100, &[]), alone(1, 100, &[])],
            ..NodeConfig::default()
        },
    );
    assert_eq!(seen, []);
    assert_eq!(new.states(), [State::Backup, State::Active]);
}

#[test]
fn vanished_routers_release_at_once_before_new_ones_start() {
    let mut old = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    });
    old.run_for(5_000);
    let mut owner = alone(9, 100, &[]);
    owner.config.priority = Priority::OWNER;
    let (new, seen) = adopt(
        &mut old,
        NodeConfig {
            routers: vec![owner],
            ..NodeConfig::default()
        },
    );
    assert_eq!(new.states(), [State::Active]);
    let sides: Vec<Side> = seen.iter().map(|(side, _, _)| *side).collect();
    assert_eq!(
        sides,
        [
            Side::Old,
            Side::Old,
            Side::Old,
            Side::New,
            Side::New,
            Side::New
        ]
    );
    assert!(matches!(
        seen[0].2,
        Action::Advertise { priority, .. } if priority.is_release()
    ));
    assert_eq!(seen[1].2, Action::RemoveAddresses);
    assert_eq!(seen[4].2, Action::AddAddresses);
}

#[test]
fn new_routers_wait_for_the_start_of_the_first_ones() {
    let mut old = Bench::new(NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    });
    let (new, seen) = adopt(
        &mut old,
        NodeConfig {
            routers: vec![alone(1, 100, &[]), alone(2, 100, &[])],
            ..NodeConfig::default()
        },
    );
    assert_eq!(seen, []);
    assert_eq!(new.states(), [State::Initialize, State::Initialize]);
}

#[test]
fn a_changed_priority_is_weighed_with_the_readings_and_told_once() {
    let mut old = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[20])],
        trackers: script(Reading::Good),
        ..NodeConfig::default()
    });
    old.run_for(5_000);
    let (_, seen) = adopt(
        &mut old,
        NodeConfig {
            routers: vec![alone(1, 150, &[20])],
            trackers: script(Reading::Pending),
            ..NodeConfig::default()
        },
    );
    let sent: Vec<u8> = seen
        .iter()
        .filter_map(|(_, _, action)| {
            let Action::Advertise { priority, .. } = action else {
                return None;
            };
            Some(priority.as_u8())
        })
        .collect();
    assert_eq!(sent, [170], "no advert with a priority in between");
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn a_tracker_that_vanishes_takes_its_fault_along_and_a_new_one_is_waited_for() {
    let mut old = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[0]), alone(2, 100, &[])],
        trackers: script(Reading::Bad),
        ..NodeConfig::default()
    });
    old.run_for(5_000);
    assert_eq!(old.states(), [State::Initialize, State::Active]);
    let (new, _) = adopt(
        &mut old,
        NodeConfig {
            routers: vec![alone(1, 100, &[]), alone(2, 100, &[0])],
            trackers: Vec::new(),
            ..NodeConfig::default()
        },
    );
    assert_eq!(
        new.states(),
        [State::Backup, State::Active],
        "pending takes nobody out"
    );
}

#[test]
fn the_drivers_faults_stay_over_a_reload() {
    let mut old = Bench::started(NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    });
    old.router(0, Event::Faults(FaultSet::INTERFACE_DOWN));
    let mut new = Bench::new(NodeConfig {
        routers: vec![alone(1, 100, &[]), alone(2, 100, &[])],
        ..NodeConfig::default()
    });
    new.now = old.now;
    // What the driver knows of a new router, it tells before.
    new.router(1, Event::Faults(FaultSet::NO_SOCKET));
    new.node.adopt(old.now, &mut old.node, &mut |_, _, _, _| {});
    assert_eq!(new.states(), [State::Initialize, State::Initialize]);
    new.router(0, Event::Faults(FaultSet::NONE));
    new.router(1, Event::Faults(FaultSet::NONE));
    assert_eq!(new.states(), [State::Backup, State::Backup]);
}

#[test]
fn a_group_that_is_together_stays_together_and_reports_nothing() {
    let config = || NodeConfig {
        routers: [1, 2]
            .map(|vrid| RouterSetup {
                group: Some(GroupIndex(0)),
                ..alone(vrid, 100, &[])
            })
            .to_vec(),
        groups: vec![GroupSetup {
            tracking_weight: false,
        }],
        ..NodeConfig::default()
    };
    let mut old = Bench::started(config());
    old.run_for(5_000);
    assert_eq!(old.states(), [State::Active, State::Active]);
    let (mut new, seen) = adopt(&mut old, config());
    assert_eq!(seen, []);
    new.router(0, Event::Faults(FaultSet::INTERFACE_DOWN));
    assert_eq!(new.states(), [State::Initialize, State::Initialize]);
}

#[test]
fn a_member_that_a_reload_adds_does_not_take_an_active_group_down() {
    let config = |count: usize| NodeConfig {
        routers: [1, 2, 3]
            .into_iter()
            .take(count)
            .map(|vrid| RouterSetup {
                group: Some(GroupIndex(0)),
                ..alone(vrid, 100, &[])
            })
            .collect(),
        groups: vec![GroupSetup {
            tracking_weight: false,
        }],
        ..NodeConfig::default()
    };
    let mut old = Bench::started(config(2));
    old.run_for(5_000);
    let (mut new, seen) = adopt(&mut old, config(3));
    assert!(seen.iter().all(|(_, index, _)| *index == 2), "{seen:?}");
    assert_eq!(new.states(), [State::Active, State::Active, State::Backup]);
    new.run_for(4_000);
    assert_eq!(new.states(), [State::Active; 3]);
}

#[test]
fn a_router_that_is_releasing_goes_on_releasing() {
    let config = || NodeConfig {
        routers: vec![alone(1, 100, &[])],
        ..NodeConfig::default()
    };
    let mut old = Bench::started(config());
    old.run_for(5_000);
    old.tell(NodeEvent::Stop(StopKind::Planned));
    let (mut new, seen) = adopt(&mut old, config());
    assert_eq!(seen, []);
    assert_eq!(new.states(), [State::Releasing]);
    let end = new.node.next_deadline().unwrap().0;
    new.now = end;
    new.tell(NodeEvent::Deadline);
    assert_eq!(new.states(), [State::Initialize]);
}
