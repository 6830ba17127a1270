use super::*;
use crate::moment::Moment;
use crate::words::Faults;
use vrrp_proto::router::FaultSet;

/// The committed example, with what is wrong in it put right.
fn healthy() -> Status {
    let mut status: Status =
        serde_json::from_str(include_str!("../../schema/status-1.json")).unwrap();
    status.daemon.configuration.refused = None;
    for entry in &mut status.routers[0].priority.entries {
        entry.state = TrackerState::Good;
    }
    status
}

fn reasons(change: impl FnOnce(&mut Status)) -> Vec<String> {
    let mut status = healthy();
    change(&mut status);
    let health = judge(&status);
    assert_eq!(health.healthy, health.reasons.is_empty());
    health.reasons
}

#[test]
fn master_and_backup_are_healthy() {
    assert_eq!(reasons(|_| {}), Vec::<String>::new());
    assert_eq!(
        reasons(|status| status.routers[0].state = Word::Backup),
        Vec::<String>::new()
    );
}

#[test]
fn a_daemon_without_a_router_is_not_healthy() {
    assert_eq!(
        reasons(|status| status.routers.clear()),
        ["no virtual router is configured"]
    );
}

#[test]
fn a_fault_is_told_with_its_sentence() {
    let told = reasons(|status| {
        let router = &mut status.routers[0];
        router.state = Word::Fault;
        router.faults = Faults(FaultSet::INTERFACE_DOWN);
        router.fault_sentences = vec!["interface eth0 is down or has no carrier".to_owned()];
    });
    assert_eq!(
        told,
        ["loadbalancer: interface eth0 is down or has no carrier"]
    );
}

#[test]
fn a_failing_tracked_object_is_a_reason_also_for_a_backup() {
    let told = reasons(|status| {
        status.routers[0].state = Word::Backup;
        status.routers[0].priority.entries[0].state = TrackerState::Bad;
    });
    assert_eq!(told, ["loadbalancer: tracked script chk_haproxy fails"]);
}

#[test]
fn a_reversed_object_may_be_bad_and_must_not_be_silent() {
    let reversed = |state| {
        reasons(|status| {
            status.routers[0].priority.entries[0].reverse = true;
            status.routers[0].priority.entries[0].state = state;
        })
    };
    assert_eq!(reversed(TrackerState::Bad), Vec::<String>::new());
    assert_eq!(
        reversed(TrackerState::Expired),
        ["loadbalancer: tracked script chk_haproxy has not reported in time"]
    );
}

#[test]
fn a_master_that_lacks_an_address_is_not_healthy_and_a_backup_has_none() {
    let missing = |state| {
        reasons(|status| {
            status.routers[0].state = state;
            status.routers[0].addresses[0].present = Some(false);
            status.routers[0].address_errno = Some(1);
        })
    };
    let sentence =
        "loadbalancer is MASTER and lacks 1 of 1 addresses: EPERM (operation not permitted)";
    assert_eq!(missing(Word::Master), [sentence]);
    assert_eq!(missing(Word::Backup), Vec::<String>::new());
}

#[test]
fn a_silent_outer_part_counts_from_three_seconds() {
    assert_eq!(
        reasons(|status| status.daemon.heartbeat_age_ms = 2_999),
        Vec::<String>::new()
    );
    assert_eq!(
        reasons(|status| status.daemon.heartbeat_age_ms = 3_000).len(),
        1
    );
}

#[test]
fn a_refused_configuration_is_a_reason() {
    let refused = Moment {
        unix_ms: 0,
        age_ms: 0,
    };
    assert_eq!(
        reasons(|status| status.daemon.configuration.refused = Some(refused)).len(),
        1
    );
}

#[test]
fn missing_real_time_is_a_note() {
    let health = judge(&healthy());
    assert!(health.healthy);
    assert_eq!(health.notes.len(), 3, "{:?}", health.notes);
}
