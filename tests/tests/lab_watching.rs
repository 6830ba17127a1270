//! `vrrpctl check` and `vrrpctl wait` beside a daemon that starts, serves, fails and is gone: what a monitoring system and a
//! script get to read, and by which exit codes they go.

#![expect(
    clippy::print_stdout,
    reason = "what a monitoring system shows has to be seen"
)]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vrrp_tests::lab::{CONFIGURATION, Finished, Host, Lab, Process, is_permitted, wait_until};

const BOUND: Duration = Duration::from_secs(20);

const CONFIG: &str = "vrrp_instance VI {\n interface eth0\n virtual_router_id 51\n priority 100\n advert_int 1\n \
                      virtual_ipaddress {\n 10.0.0.7/24\n }\n}\n";

fn ctl(host: &Host, words: &str) -> Finished {
    let mut arguments = vec!["vrrpctl"];
    arguments.extend(words.split(' '));
    let finished = host.run(&arguments);
    println!("$ vrrpctl {words}\n{}{}\n", finished.output, finished.code);
    finished
}

fn assert_says(finished: &Finished, code: i32, said: &str) {
    assert_eq!(finished.code, code, "{}", finished.output);
    assert!(
        finished.output.contains(said),
        "{said:?} is not in {:?}",
        finished.output
    );
}

fn lone_host() -> (Lab, Host) {
    let mut lab = Lab::new();
    lab.segment("lan");
    let host = lab.host("lb1");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    host.write(CONFIGURATION, CONFIG, 0o644);
    (lab, host)
}

fn daemon(host: &Host) -> Process {
    host.spawn(&[
        "vrrpd",
        "-n",
        "-l",
        "-f",
        CONFIGURATION,
        "--journal-dir",
        "/run/journal",
    ])
}

#[test]
fn a_monitoring_system_is_told_of_a_daemon_that_serves_and_of_one_that_does_not() {
    if !is_permitted() {
        return;
    }
    let (_lab, host) = lone_host();
    assert_says(&ctl(&host, "check"), 2, "VRRP CRITICAL: ");
    let daemon = daemon(&host);
    assert_says(&ctl(&host, "wait MASTER --timeout 20s"), 0, "");
    // The address is confirmed, and the first advert measured, a moment after the state.
    let served = wait_until("the address is served", BOUND, || {
        let checked = ctl(&host, "check VI --expect MASTER --warning-lateness 60000");
        (checked.code == 0 && checked.output.contains("VI_lateness")).then_some(checked)
    });
    assert_says(
        &served,
        0,
        "VRRP OK: VI MASTER | 'VI_master'=1;;;0;1 'VI_priority'=100;;;1;255",
    );
    assert!(served.output.contains("ms;60000;;0 "), "{}", served.output);
    assert_says(
        &ctl(&host, "check --expect BACKUP"),
        2,
        "VRRP CRITICAL: VI is MASTER and not BACKUP |",
    );
    assert_says(&ctl(&host, "check other"), 3, "VRRP UNKNOWN: ");
    host.ip("link set eth0 down");
    assert_says(&ctl(&host, "wait FAULT --timeout 20s"), 0, "");
    let failed = ctl(&host, "check");
    assert_says(&failed, 2, "VRRP CRITICAL: ");
    assert_says(&failed, 2, "eth0");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(BOUND).code, 0);
    assert_says(&ctl(&host, "check"), 2, "VRRP CRITICAL: ");
}

#[test]
fn a_script_waits_for_a_daemon_that_starts_later_and_no_longer_than_it_said() {
    if !is_permitted() {
        return;
    }
    let (_lab, host) = lone_host();
    let begun = Instant::now();
    assert_says(&ctl(&host, "wait MASTER --timeout 500ms"), 3, "");
    assert!(begun.elapsed() >= Duration::from_millis(500));
    let waiting = host.spawn(&["vrrpctl", "wait", "MASTER", "VI", "--timeout", "20s"]);
    let daemon = daemon(&host);
    let waited = waiting.wait(BOUND);
    assert_says(&waited, 0, "");
    assert_says(
        &ctl(&host, "wait BACKUP --timeout 500ms"),
        1,
        "after 500ms VI is still MASTER: ",
    );
    assert_says(&ctl(&host, "wait MASTER other"), 2, "other");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(BOUND).code, 0);
}
