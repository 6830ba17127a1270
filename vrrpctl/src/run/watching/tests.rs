//! What monitoring systems and scripts read.

use vrrp_record::control::{Answer, MAX_RESPONSE, Response, encode_frame};
use vrrp_record::health;
use vrrp_record::status::{Lateness, Margin, Status};
use vrrp_record::words::Word;

use crate::run::tests::{Directory, status_in};

/// A status with figures that do not change with the example.
fn status(state: Word, change: impl FnOnce(&mut Status)) -> Status {
    let mut status = status_in(state);
    let router = &mut status.routers[0];
    router.margin = Some(Margin {
        limit_ms: 3600,
        hour_ms: Some(590),
        ..Margin::default()
    });
    router.lateness = Some(Lateness {
        worst_us: 104,
        ..Lateness::default()
    });
    router.near_failovers = None;
    change(&mut status);
    status.health = health::judge(&status);
    status
}

fn check(status: Status, words: &[&str]) -> (u8, String) {
    let directory = Directory::new();
    let daemon = directory.answer_status(status);
    let mut all = vec!["check"];
    all.extend(words);
    let (exit, answer, message) = directory.run(&all);
    daemon.join().unwrap();
    assert_eq!(message, "");
    (exit.code(), answer)
}

#[test]
fn a_healthy_pair_is_ok_in_one_line_with_figures() {
    let (code, answer) = check(status(Word::Backup, |_| {}), &["--warning-margin", "300"]);
    assert_eq!(code, 0);
    assert_eq!(answer.lines().count(), 1);
    let (text, figures) = answer.trim_end().split_once(" | ").unwrap();
    assert_eq!(text, "VRRP OK: loadbalancer BACKUP");
    let figures: Vec<&str> = figures.split(' ').collect();
    assert_eq!(figures[0], "'loadbalancer_master'=0;;;0;1");
    assert!(
        figures.contains(&"'loadbalancer_margin'=590ms;300:;;0"),
        "{figures:?}"
    );
    assert!(
        figures.contains(&"'loadbalancer_lateness'=0.104ms;;;0"),
        "{figures:?}"
    );
    let counter =
        |figure: &&&str| figure.starts_with("'loadbalancer_sent'=") && figure.ends_with('c');
    assert!(figures.iter().any(|figure| counter(&figure)), "{figures:?}");
}

#[test]
fn what_is_wrong_decides_between_warning_and_critical() {
    let fault = |status: &mut Status| status.routers[0].state = Word::Fault;
    assert_eq!(check(status(Word::Backup, fault), &[]).0, 2);

    let lacks = |status: &mut Status| status.routers[0].addresses[0].present = Some(false);
    let (code, answer) = check(status(Word::Master, lacks), &[]);
    assert_eq!(code, 2);
    assert!(
        answer.starts_with("VRRP CRITICAL: loadbalancer is MASTER and lacks"),
        "{answer}"
    );

    let hangs = |status: &mut Status| status.daemon.heartbeat_age_ms = 5_000;
    let (code, answer) = check(status(Word::Backup, hangs), &[]);
    assert_eq!(code, 1);
    assert!(
        answer.starts_with("VRRP WARNING: the daemon's outer part"),
        "{answer}"
    );

    let ended = |status: &mut Status| status.daemon.engine_running = false;
    assert_eq!(check(status(Word::Backup, ended), &[]).0, 2);
}

#[test]
fn limits_and_the_expected_state_are_judged() {
    let backup = || status(Word::Backup, |_| {});
    for (words, code) in [
        (&["--warning-margin", "590"][..], 0),
        (&["--warning-margin", "591"], 1),
        (&["--warning-margin", "700", "--critical-margin", "600"], 2),
        (&["--warning-lateness", "1"], 0),
        (&["--expect", "BACKUP"], 0),
        (&["--expect", "MASTER"], 2),
    ] {
        assert_eq!(check(backup(), words).0, code, "{words:?}");
    }
    let late = |status: &mut Status| status.routers[0].lateness.as_mut().unwrap().worst_us = 20_001;
    let (code, answer) = check(
        status(Word::Master, late),
        &["--warning-lateness", "10", "--critical-lateness", "20"],
    );
    assert_eq!(code, 2);
    assert!(answer.contains("an advert was 20.001 ms late"), "{answer}");
}

#[test]
fn no_daemon_is_critical_and_what_cannot_be_told_is_unknown() {
    let directory = Directory::new();
    let (exit, answer, _) = directory.run(&["check"]);
    assert_eq!(exit.code(), 2);
    assert!(
        answer.starts_with("VRRP CRITICAL: vrrpd does not run"),
        "{answer}"
    );

    let directory = Directory::new();
    let _daemon = directory.answer_bytes(b"\0\0\0\x02{}".to_vec());
    assert_eq!(directory.run(&["check"]).0.code(), 3);

    let (code, answer) = check(status(Word::Backup, |_| {}), &["nobody"]);
    assert_eq!(code, 3);
    assert!(
        answer.starts_with("VRRP UNKNOWN: no router is named nobody"),
        "{answer}"
    );

    assert_eq!(Directory::new().run(&["check", "--nonsense"]).0.code(), 3);
}

#[test]
fn names_cannot_break_the_figures() {
    let odd = |status: &mut Status| status.routers[0].name = String::from("it's=odd");
    let (_, answer) = check(status(Word::Backup, odd), &[]);
    assert!(answer.contains("'it''s_odd_priority'="), "{answer}");
}

#[test]
fn waiting_ends_with_the_state_or_says_what_is_there() {
    let directory = Directory::new();
    let daemon = directory.answer_status(status(Word::Master, |_| {}));
    let (exit, answer, message) = directory.run(&["wait", "MASTER", "--timeout", "5s"]);
    daemon.join().unwrap();
    assert_eq!(
        (exit.code(), answer.as_str(), message.as_str()),
        (0, "", "")
    );

    let directory = Directory::new();
    let daemon = directory.answer_status(status(Word::Backup, |_| {}));
    let (exit, _, message) = directory.run(&["wait", "MASTER", "--timeout", "0s"]);
    daemon.join().unwrap();
    assert_eq!(exit.code(), 1);
    assert!(
        message.starts_with("vrrpctl: after 0s loadbalancer is still BACKUP: "),
        "{message}"
    );

    assert_eq!(
        Directory::new()
            .run(&["wait", "MASTER", "--timeout", "x"])
            .0
            .code(),
        2
    );
    assert_eq!(
        Directory::new()
            .run(&["wait", "MASTER", "--timeout", "0s"])
            .0
            .code(),
        3
    );
}

/// After `systemctl start` the socket is not there yet.
#[test]
fn a_daemon_that_starts_meanwhile_is_waited_for() {
    let directory = Directory::new();
    let path = directory.0.clone();
    let bytes = encode_frame(
        &Response::new(Answer::Status {
            status: Box::new(status(Word::Backup, |_| {})),
        }),
        MAX_RESPONSE,
    );
    let late = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let twin = std::mem::ManuallyDrop::new(Directory(path));
        twin.answer_bytes(bytes.unwrap()).join().unwrap();
    });
    let (exit, _, message) = directory.run(&["wait", "BACKUP", "--timeout", "20s"]);
    late.join().unwrap();
    assert_eq!((exit.code(), message.as_str()), (0, ""));
}
