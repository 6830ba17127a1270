//! Golden texts: what people see for statuses made by hand.

use jiff::tz::TimeZone;
use vrrp_record::cause::Cause;
use vrrp_record::event::TrackerKind;
use vrrp_record::health::judge;
use vrrp_record::moment::Moment;
use vrrp_record::status::{Address, Health, LedgerEntry, Transport};
use vrrp_record::words::Faults;

use super::*;
use crate::render::table::WIDTH;

const EXAMPLE: &str = include_str!("../../../../vrrp-record/schema/status-1.json");

fn example() -> Status {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn rendered(status: &Status) -> String {
    whole(status, Style::default(), &TimeZone::UTC)
}

/// Compares with the golden file; `UPDATE_GOLDEN=1` writes it.
fn assert_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "\n{text}");
}

/// All is well, on the MASTER of the motivating configuration.
fn master() -> Status {
    let mut status = example();
    status.daemon.configuration.refused = None;
    status.unavailable.clear();
    status.groups.clear();
    status.scheduling.threads[1].real_time = true;
    status.scheduling.threads[1].priority = Some(1);
    status.scheduling.threads[1].why_not = None;
    status.scheduling.memory_locked = true;
    status.scheduling.memory_why_not = None;
    let journal = status.journal.as_mut().unwrap();
    (journal.lost, journal.trouble) = (0, None);
    let router = &mut status.routers[0];
    router.priority.effective = 103;
    router.priority.entries[0].state = TrackerState::Good;
    router.priority.entries[0].contribution = 2;
    status.scripts[0].state = TrackerState::Good;
    status.scripts[0].last.as_mut().unwrap().outcome =
        vrrp_record::event::RunOutcome::Exited { status: 0 };
    status.last_events.truncate(1);
    status.health = judge(&status);
    status
}

fn backup() -> Status {
    let mut status = master();
    let taken = status.taken_unix_ms;
    let router = &mut status.routers[0];
    router.state = Word::Backup;
    router.cause = Some(Cause::Started);
    router.why = "started".to_owned();
    router.priority.base = 100;
    router.priority.effective = 102;
    router.addresses[0].present = Some(false);
    router.active.as_mut().unwrap().heard =
        Moment::before(taken * 1_000_000, Duration::from_millis(412));
    router.sent = vrrp_record::status::Sent::default();
    router.received.discarded.clear();
    status.last_events.clear();
    status.health = judge(&status);
    status
}

#[test]
fn a_healthy_master() {
    let text = rendered(&master());
    assert!(
        text.starts_with("loadbalancer MASTER for 14 s, healthy\n"),
        "{text}"
    );
    assert_golden("master.txt", &text);
}

#[test]
fn a_healthy_backup() {
    let text = rendered(&backup());
    assert!(
        text.starts_with("loadbalancer BACKUP for 14 s, healthy\n"),
        "{text}"
    );
    assert_golden("backup.txt", &text);
}

#[test]
fn everything_that_can_be_wrong_at_once() {
    let mut status = example();
    let mut fault = status.routers[0].clone();
    fault.name = "vi_6".to_owned();
    fault.family = 6;
    fault.version = 3;
    fault.state = Word::Fault;
    fault.faults = Faults(vrrp_proto_faults());
    fault.fault_sentences = fault
        .faults
        .sentences(&vrrp_record::words::Objects::default());
    fault.why = fault.fault_sentences.join("; ");
    fault.preempt = false;
    fault.interval.learned_ms = Some(250);
    fault.transport = Transport::Unicast {
        peers: vec![
            "2001:db8::2".parse().unwrap(),
            "2001:db8::3".parse().unwrap(),
        ],
    };
    fault.source = None;
    fault.active = None;
    fault.addresses = (1..=12)
        .map(|number| Address {
            address: format!("2001:db8::100:{number}/64"),
            interface: if number == 12 { "eth1" } else { "eth0" }.to_owned(),
            present: Some(number == 1),
            excluded: number == 12,
        })
        .collect();
    fault.priority.entries.push(LedgerEntry {
        kind: TrackerKind::Interface,
        name: "eth7".to_owned(),
        state: TrackerState::Expired,
        since: None,
        weight: 0,
        reverse: false,
        contribution: 0,
        fault: true,
        from_group: true,
    });
    status.routers.push(fault);
    let master = &mut status.routers[0];
    master.addresses[0].present = Some(false);
    master.address_errno = Some(1);
    master.sent.errors = 3;
    master.sent.last_errno = Some(1);
    master.sent.left = None;
    master.priority.clipped = true;
    status.groups[0].state = None;
    status.health = judge(&status);
    let text = rendered(&status);
    assert!(
        text.starts_with("2 routers: 1 MASTER, 1 FAULT, not healthy\n  ! "),
        "{text}"
    );
    assert_golden("wrong.txt", &text);
}

fn vrrp_proto_faults() -> vrrp_record::words::FaultSet {
    use vrrp_record::words::FaultSet;
    FaultSet::INTERFACE_DOWN.with(FaultSet::NO_SOURCE, true)
}

#[test]
fn a_script_that_turned_bad_is_one_event() {
    let mut status = example();
    let mut turned = *status.last_events.last().unwrap();
    let Kind::ScriptRun {
        script, outcome, ..
    } = turned.kind
    else {
        panic!("{turned:?}")
    };
    turned.seq += 1;
    turned.kind = Kind::Tracker {
        kind: TrackerKind::Script,
        name: script,
        state: TrackerState::Bad,
        outcome: Some(outcome),
    };
    assert!(rendered(&status).contains("script chk_haproxy: exit 1 after 11 ms\n"));
    status.last_events.push(turned);
    let text = rendered(&status);
    assert!(text.contains("script chk_haproxy: bad (exit 1)"), "{text}");
    assert!(!text.contains("exit 1 after 11 ms\n"), "{text}");
}

#[test]
fn no_line_is_wider_than_a_hundred_columns() {
    for golden in ["master.txt", "backup.txt", "wrong.txt"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("golden")
            .join(golden);
        for text in std::fs::read_to_string(path).unwrap().lines() {
            assert!(text.chars().count() <= WIDTH, "{golden}: {text}");
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let status = master();
    let coloured = whole(&status, Style { colour: true }, &TimeZone::UTC);
    assert!(coloured.contains("\x1b[32mMASTER\x1b[0m"), "{coloured}");
    let mut plain = String::new();
    let mut escape = false;
    for character in coloured.chars() {
        match (escape, character) {
            (false, '\x1b') => escape = true,
            (true, 'm') => escape = false,
            (true, _) => {}
            (false, character) => plain.push(character),
        }
    }
    assert_eq!(plain, rendered(&status));
}

#[test]
fn a_daemon_without_routers_says_so_first() {
    let mut status = master();
    status.routers.clear();
    status.health = judge(&status);
    let text = headline(&status, Style::default());
    assert_eq!(
        text,
        "no router, not healthy\n  ! no virtual router is configured\n"
    );
}

#[test]
fn a_leaving_master_says_so() {
    let mut status = master();
    status.routers[0].releasing = true;
    status.health = Health {
        healthy: true,
        ..Health::default()
    };
    assert_eq!(
        headline(&status, Style::default()),
        "loadbalancer MASTER (leaving) for 14 s, healthy\n"
    );
}

/// Every number of the example, as a path of keys and indices.
fn numbers(value: &serde_json::Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        serde_json::Value::Number(_) => found.push(path.clone()),
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                numbers(item, path, found);
                path.pop();
            }
        }
        serde_json::Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                numbers(field, path, found);
                path.pop();
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
    }
}

#[test]
fn numbers_at_the_ends_of_their_ranges_are_rendered_and_judged() {
    let value: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    let mut found = Vec::new();
    numbers(&value, &mut Vec::new(), &mut found);
    assert!(found.len() > 50, "{}", found.len());
    let mut rendered_ones = 0;
    for path in found {
        let pointer = format!("/{}", path.join("/"));
        for extreme in [
            serde_json::json!(0),
            serde_json::json!(u64::MAX),
            serde_json::json!(i64::MIN),
            serde_json::json!(i64::MAX),
            serde_json::json!(i32::MIN),
            serde_json::json!(i16::MIN),
            serde_json::json!(255),
        ] {
            let mut changed = value.clone();
            *changed.pointer_mut(&pointer).unwrap() = extreme;
            // What the field cannot hold is refused when it is read; the rest must be shown.
            if let Ok(mut status) = serde_json::from_value::<Status>(changed) {
                status.health = judge(&status);
                assert!(!rendered(&status).is_empty());
                rendered_ones += 1;
            }
        }
    }
    assert!(rendered_ones > 100, "{rendered_ones}");
}

#[test]
fn the_documented_example_is_what_the_tool_prints() {
    let documented = include_str!("../../../../docs/status.md");
    let block: String = documented
        .lines()
        .skip_while(|text| !text.starts_with("    loadbalancer MASTER"))
        .take_while(|text| text.is_empty() || text.starts_with("    "))
        .map(|text| format!("{}\n", text.strip_prefix("    ").unwrap_or(text)))
        .collect();
    assert_eq!(block.trim_end(), rendered(&master()).trim_end());
}

#[test]
fn an_operators_word_is_the_first_line() {
    let mut status = backup();
    status.asked = Some(OnRequest {
        what: vrrp_record::event::Asked::Maintenance,
        since: Moment {
            unix_ms: 0,
            age_ms: 7_200_000,
        },
        left_ms: Some(600_000),
        uid: 0,
        pid: 4711,
    });
    let text = whole(&status, Style::default(), &TimeZone::UTC);
    let first: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(
        first,
        [
            "MAINTENANCE for 2 h, by uid 0 (pid 4711): MASTER only while nobody else is there, with priority 1;",
            "  10 min left; vrrpctl maintenance off ends it"
        ]
    );
}
