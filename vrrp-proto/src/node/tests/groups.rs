//! Sync groups (keepalived's rules): together Active, together Backup, together in FAULT.

use super::*;

const GROUP: GroupIndex = GroupIndex(0);

fn member(vrid: u8, priority: u8, weights: &[i16]) -> RouterSetup {
    RouterSetup {
        group: Some(GROUP),
        ..alone(vrid, priority, weights)
    }
}

fn pair(weights: &[i16]) -> NodeConfig {
    NodeConfig {
        routers: vec![member(1, 100, weights), member(2, 100, &[])],
        trackers: script(Reading::Good),
        groups: vec![GroupSetup {
            tracking_weight: false,
        }],
    }
}

fn active_pair(weights: &[i16]) -> Bench {
    let mut bench = Bench::started(pair(weights));
    bench.run_for(5_000);
    assert_eq!(bench.states(), [State::Active, State::Active]);
    bench
}

fn reached(seen: &[(u16, Action)]) -> Vec<State> {
    seen.iter()
        .filter_map(|(_, action)| {
            let Action::GroupReached { group, state } = action else {
                return None;
            };
            assert_eq!(*group, GROUP);
            Some(*state)
        })
        .collect()
}

#[test]
fn a_member_whose_timer_fires_waits_until_all_want_to_be_active() {
    let mut bench = Bench::started(pair(&[]));
    for _ in 0..6 {
        bench.hear(1, 200);
        bench.run_for(1_000);
        assert_eq!(bench.states(), [State::Backup, State::Backup]);
    }
    assert!(bench.node.router(RouterIndex(0)).unwrap().wants_active());
    // The other member's Active falls silent: both move in the same step, members first and then the group.
    let seen = bench.run_for(4_000);
    let moved = reports(&seen);
    assert_eq!(moved.len(), 2);
    assert!(moved.iter().all(|(_, _, to, _)| *to == State::Active));
    assert_eq!(reached(&seen), [State::Active]);
    let group_at = seen
        .iter()
        .position(|(_, action)| matches!(action, Action::GroupReached { .. }))
        .unwrap();
    let last_report = seen
        .iter()
        .rposition(|(_, action)| matches!(action, Action::Report(_)))
        .unwrap();
    assert!(group_at > last_report);
}

#[test]
fn a_wish_ends_when_the_member_accepts_an_advert() {
    let mut bench = Bench::started(pair(&[]));
    for _ in 0..6 {
        bench.hear(1, 200);
        bench.run_for(1_000);
    }
    bench.hear(0, 200);
    assert!(!bench.node.router(RouterIndex(0)).unwrap().wants_active());
}

#[test]
fn a_preempted_member_pulls_the_others_down_without_priority_zero() {
    let mut bench = active_pair(&[]);
    let seen = bench.hear(0, 200);
    assert_eq!(adverts(&seen), []);
    assert_eq!(bench.states(), [State::Releasing, State::Releasing]);
    assert_eq!(reached(&seen), [State::Backup]);
    let moved = reports(&seen);
    assert_eq!(moved[1].0, 1);
    assert_eq!(moved[1].3, Cause::Group);
}

#[test]
fn a_fault_of_one_member_is_a_fault_of_all_and_ends_for_all_together() {
    let mut bench = active_pair(&[0]);
    let seen = bench.read(Reading::Bad, None);
    assert_eq!(bench.states(), [State::Initialize, State::Initialize]);
    assert_eq!(reached(&seen), [State::Initialize]);
    // The siblings release as well: their peers need not wait for the down interval.
    assert_eq!(adverts(&seen), [(0, 0), (1, 0)]);
    let causes: Vec<Cause> = reports(&seen).iter().map(|report| report.3).collect();
    assert_eq!(
        causes,
        [
            Cause::Fault(FaultSet::TRACKER),
            Cause::Fault(FaultSet::GROUP)
        ]
    );
    bench.router(1, Event::Faults(FaultSet::INTERFACE_DOWN));
    bench.read(Reading::Good, None);
    assert_eq!(
        bench.states(),
        [State::Initialize, State::Initialize],
        "the other one's fault stays"
    );
    let seen = bench.router(1, Event::Faults(FaultSet::NONE));
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
    assert_eq!(reached(&seen), [State::Backup]);
}

#[test]
fn lost_addresses_of_one_member_bounce_all_of_them_with_priority_zero() {
    let mut bench = active_pair(&[]);
    let seen = bench.router(0, Event::AddressesLost);
    assert_eq!(adverts(&seen), [(0, 0), (1, 0)]);
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
    bench.run_for(610);
    assert_eq!(bench.states(), [State::Active, State::Active]);
}

#[test]
fn refused_addresses_of_one_member_are_a_fault_of_all() {
    let mut bench = active_pair(&[]);
    bench.router(
        0,
        Event::Addresses(AddressState {
            present: 0,
            wanted: 1,
            errno: Some(13),
        }),
    );
    bench.run_for(1_000);
    assert_eq!(bench.states(), [State::Initialize, State::Initialize]);
    bench.run_for(10_000);
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
}

#[test]
fn owners_of_a_group_are_active_as_soon_as_all_are_started() {
    let mut config = pair(&[]);
    for router in &mut config.routers {
        router.config.priority = Priority::OWNER;
    }
    let mut bench = Bench::new(config);
    bench.router(0, Event::Start);
    // The other member is not running, and a group of those that run is complete.
    assert_eq!(bench.states(), [State::Active, State::Initialize]);
    bench.router(1, Event::Start);
    assert_eq!(bench.states(), [State::Active, State::Active]);
}

#[test]
fn weights_are_ignored_in_a_group_unless_it_keeps_them() {
    let mut bench = active_pair(&[-50]);
    bench.read(Reading::Bad, None);
    assert_eq!(bench.priority(0), 100);
    let mut config = pair(&[-50]);
    config.groups[0].tracking_weight = true;
    let mut bench = Bench::started(config);
    bench.read(Reading::Bad, None);
    assert_eq!(bench.priority(0), 50);
}

#[test]
fn rule2_a_failing_tracker_of_a_sibling_ends_the_hold() {
    let mut bench = active_pair(&[-20]);
    bench.tell(NodeEvent::Stop(StopKind::Planned));
    assert_eq!(bench.states(), [State::Releasing, State::Releasing]);
    let seen = bench.read(Reading::Bad, None);
    assert_eq!(bench.states(), [State::Initialize, State::Initialize]);
    assert!(
        reports(&seen)
            .iter()
            .all(|report| report.3 == Cause::HoldUnhealthy)
    );
}

#[test]
fn a_member_that_is_told_to_stop_leaves_the_group_to_the_others() {
    let mut bench = active_pair(&[]);
    bench.router(0, Event::Stop(StopKind::Immediate));
    assert_eq!(bench.states(), [State::Initialize, State::Active]);
    bench.run_for(10_000);
    assert_eq!(bench.states(), [State::Initialize, State::Active]);
}

#[test]
fn rule9_a_group_gives_way_together_and_stays_together_without_a_successor() {
    for successor in [false, true] {
        let mut bench = active_pair(&[]);
        bench.tell(NodeEvent::Stand(Standing::Yielded));
        assert_eq!(bench.states(), [State::Releasing; 2]);
        if successor {
            bench.hear(0, 90);
            bench.hear(1, 90);
        }
        let seen = bench.run_for(if successor { 500 } else { 2_500 });
        let (state, removals) = if successor {
            (State::Backup, 2)
        } else {
            (State::Active, 0)
        };
        assert_eq!(bench.states(), [state; 2]);
        let removed = seen
            .iter()
            .filter(|(_, action)| *action == Action::RemoveAddresses);
        assert_eq!(removed.count(), removals);
    }
}

#[test]
fn maintenance_holds_for_routers_that_a_reload_adds() {
    let alone = NodeConfig {
        routers: vec![member(1, 100, &[])],
        ..pair(&[])
    };
    let mut old = Bench::started(alone);
    old.tell(NodeEvent::Stand(Standing::Out));
    let mut new = Node::new(pair(&[]));
    new.adopt(old.now, &mut old.node, &mut |_, _, _, _| {});
    for (_, router) in new.routers() {
        assert_eq!(
            (router.state(), router.standing()),
            (State::Initialize, Standing::Out)
        );
    }
}
