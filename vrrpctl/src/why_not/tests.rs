use vrrp_record::event::TrackerKind;
use vrrp_record::moment::Moment;

use super::*;

const EXAMPLE: &str = include_str!("../../../vrrp-record/schema/status-1.json");

fn backup(ours: u8, theirs: u8) -> Status {
    let mut status: Status = serde_json::from_str(EXAMPLE).unwrap();
    let router = &mut status.routers[0];
    router.state = Word::Backup;
    router.preempt = true;
    router.preempt_delay_ms = 0;
    router.faults = vrrp_record::words::Faults::default();
    router.fault_sentences.clear();
    router.priority.base = ours;
    router.priority.effective = ours;
    router.priority.entries.clear();
    router.source = Some("10.0.0.1".parse().unwrap());
    router.active = Some(ActivePeer {
        address: "10.0.0.2".parse().unwrap(),
        priority: theirs,
        heard: Moment {
            unix_ms: 0,
            age_ms: 400,
        },
    });
    status
}

fn script(weight: i16, contribution: i16, state: TrackerState) -> LedgerEntry {
    LedgerEntry {
        kind: TrackerKind::Script,
        name: String::from("chk_haproxy"),
        state,
        since: Some(Moment {
            unix_ms: 0,
            age_ms: 14_000,
        }),
        weight,
        reverse: false,
        contribution,
        fault: false,
        from_group: false,
    }
}

/// The text on one line, since it is wrapped.
fn told(status: &Status) -> String {
    let text = text(&reasons(status, &[]), Style::default());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_tracked_object_that_costs_the_mastership_is_named_with_its_gain() {
    let mut status = backup(101, 102);
    let router = &mut status.routers[0];
    router.priority.entries = vec![script(2, 0, TrackerState::Bad)];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/why-not.txt");
    let whole = text(&reasons(&status, &[]), Style::default());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &whole).unwrap();
    }
    assert_eq!(whole, std::fs::read_to_string(path).unwrap(), "\n{whole}");
    let text = told(&status);
    assert!(
        text.starts_with(
            "loadbalancer BACKUP: 10.0.0.2 is MASTER with priority 102, ours is 101: tracked objects cost it 2, without"
        ),
        "{text}"
    );
    let remedy = "to change script chk_haproxy has to be good (+2); it is failing for 14 s";
    assert!(text.contains(remedy), "{text}");
}

#[test]
fn pain_ten_a_tie_that_would_not_change_hands() {
    // 101 less 1 by a failing script against a peer with 100.
    let mut status = backup(100, 100);
    let router = &mut status.routers[0];
    router.priority.base = 101;
    router.priority.entries = vec![script(-1, -1, TrackerState::Bad)];
    let text = told(&status);
    assert!(
        text.contains("10.0.0.2 is MASTER with the same priority 100"),
        "{text}"
    );
    assert!(text.contains("100 (base 101)"), "{text}");
    assert!(text.contains("chk_haproxy has to be good (+1)"), "{text}");
}

#[test]
fn each_other_reason_has_its_own_sentence() {
    let status = backup(100, 150);
    let text = told(&status);
    assert!(
        text.contains("is MASTER with the higher priority 150, ours is 100"),
        "{text}"
    );
    assert!(
        text.contains("to change a priority above 150 here, or one below 100 there"),
        "{text}"
    );

    let mut status = backup(150, 100);
    status.routers[0].preempt = false;
    assert!(told(&status).contains("nopreempt lets it stay"));
    let mut status = backup(150, 100);
    status.routers[0].preempt_delay_ms = 30_000;
    assert!(told(&status).contains("preempt_delay tolerates that for 30 s"));
    assert!(told(&backup(150, 100)).contains("this node takes over within"));
    assert!(told(&backup(100, 0)).contains("10.0.0.2 released the addresses"));

    let mut status = backup(100, 150);
    status.routers[0].active.as_mut().unwrap().heard.age_ms = 60_000;
    assert!(told(&status).contains("silent for 1 min"));
    let mut status = backup(100, 150);
    status.routers[0].active = None;
    assert!(told(&status).contains("nobody was heard yet"));

    let mut status = backup(100, 150);
    status.routers[0].state = Word::Fault;
    status.routers[0].fault_sentences =
        vec![String::from("interface eth0 is down or has no carrier")];
    assert!(told(&status).contains("FAULT keeps it out of the election: interface eth0 is down"));
    let mut status = backup(100, 150);
    status.routers[0].state = Word::Master;
    let reasons = reasons(&status, &[]);
    assert!(all_master(&reasons));
    assert!(reasons[0].answer.starts_with("it is MASTER, for"));
}

#[test]
fn programs_get_the_same_answer() {
    let status = backup(100, 150);
    let reasons = reasons(&status, &[]);
    let value: Value = serde_json::from_str(&json(&reasons, &status)).unwrap();
    assert_eq!(value["schema"], 1);
    assert_eq!(value["routers"][0]["active"]["priority"], 150);
    assert_eq!(plain(&reasons).lines().count(), 2);
}

#[test]
fn maintenance_and_giving_way_are_named_with_their_end() {
    let mut status = backup(101, 90);
    let order = |what| vrrp_record::status::OnRequest {
        what,
        since: Moment {
            unix_ms: 0,
            age_ms: 3_600_000,
        },
        left_ms: None,
        uid: 0,
        pid: 4711,
    };
    status.asked = Some(order(Asked::Yield));
    status.routers[0].asked = Some(Asked::Yield);
    let text = told(&status);
    assert!(
        text.contains("given way for 1 h, by uid 0: BACKUP until the MASTER falls silent")
            && text.contains("this node gave way and lets it stay")
            && text.contains("to change vrrpctl yield --cancel"),
        "{text}"
    );
    status.asked = Some(order(Asked::MaintenanceForced));
    status.routers[0].asked = Some(Asked::MaintenanceForced);
    status.routers[0].state = Word::Init;
    let text = told(&status);
    assert!(
        text.contains("maintenance by force for 1 h, by uid 0: out of the election")
            && text.contains("to change vrrpctl maintenance off"),
        "{text}"
    );
}
