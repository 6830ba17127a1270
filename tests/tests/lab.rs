//! The lab keeps its own promises: hosts apart, wires that can be cut, frames seen with their time, nothing left behind.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp_tests::lab::{
    Canary, Capture, Daemon, Frame, Haproxy, Lab, Peer, Probe, Seen, State, is_permitted,
    wait_until,
};

const SOON: Duration = Duration::from_secs(5);

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn killall_sees_only_the_haproxy_of_its_own_host() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let (with, without) = (lab.host("with"), lab.host("without"));
    let haproxy = Haproxy::start(&with);
    assert_eq!(with.run(&["killall", "-0", "haproxy"]).code, 0);
    assert_ne!(without.run(&["killall", "-0", "haproxy"]).code, 0);
    haproxy.kill();
    assert_ne!(with.run(&["killall", "-0", "haproxy"]).code, 0);
}

#[test]
fn a_host_has_files_of_its_own() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let (a, b) = (lab.host("a"), lab.host("b"));
    for path in ["/etc/lab-only", "/run/lab-only", "/tmp/lab-only"] {
        a.write(path, "here", 0o644);
        assert_eq!(a.read(path).as_deref(), Some("here"));
        assert_eq!(b.read(path), None);
        assert!(!std::path::Path::new(path).exists(), "{path} got out");
    }
    assert_eq!(a.run(&["hostname"]).output.trim(), "a");
    assert!(
        a.read("/etc/passwd").is_some(),
        "what the machine has in /etc is there too"
    );
}

#[test]
fn a_cut_stops_one_direction_and_heals() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let (a, b) = (lab.host("a"), lab.host("b"));
    lab.segment("lan");
    lab.link(&a, "eth0", "lan", &["10.0.0.1/24", "fd00::1/64"]);
    lab.link(&b, "eth0", "lan", &["10.0.0.2/24", "fd00::2/64"]);
    let ping = |to| a.run(&["ping", "-c1", "-W1", to]).code == 0;
    assert!(ping("10.0.0.2"));
    assert!(ping("fd00::2"));
    lab.cut((&b, "eth0"), (&a, "eth0"));
    assert!(!ping("10.0.0.2"));
    lab.heal();
    assert!(ping("10.0.0.2"));
    lab.unplug(&b, "eth0");
    assert!(!ping("10.0.0.2"));
    lab.plug(&b, "eth0");
    wait_until("the plugged link works again", SOON, || {
        ping("10.0.0.2").then_some(())
    });
}

#[test]
fn a_probe_measures_the_time_without_an_answer() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.segment("lan");
    lab.link(&server, "eth0", "lan", &["10.0.0.1/24"]);
    lab.link(&client, "eth0", "lan", &["10.0.0.9/24"]);
    let haproxy = Haproxy::start(&server);
    let probe = Probe::start(&client, ip("10.0.0.1"));
    wait_until("an answer", SOON, || probe.last());
    haproxy.kill();
    let killed = Instant::now();
    wait_until("half a second of silence", SOON, || {
        (probe.longest_gap(killed) > Duration::from_millis(500)).then_some(())
    });
    let _haproxy = Haproxy::start(&server);
    let again = Instant::now();
    wait_until("an answer again", SOON, || {
        probe.last().filter(|answer| answer.at > again)
    });
    assert_eq!(probe.last().unwrap().from, "server");
    assert!(probe.longest_gap(killed) > Duration::from_millis(500));
}

#[test]
fn the_end_of_a_lab_ends_its_programs_and_takes_its_files() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let host = lab.host("host");
    let program = host.spawn(&["sh", "-c", "sleep 600 & sleep 600"]);
    let family = wait_until("the shell has two children", SOON, || {
        let family = program.family();
        (family.len() == 3).then_some(family)
    });
    // The shell goes with its handle; its children only with the host.
    drop(program);
    drop(lab);
    drop(host);
    for pid in family {
        let gone = wait_until("every process of the host is gone", SOON, || {
            (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(true)
        });
        assert!(gone);
    }
}

#[test]
fn the_canary_notices_windows_and_reports_its_class() {
    if !is_permitted() {
        return;
    }
    let since = Capture::now();
    let xtask = std::path::Path::new(env!("CARGO_BIN_EXE_xtask"));
    let canary = Canary::start(xtask);
    let begun = Instant::now();
    wait_until("a quarter of a second", SOON, || {
        (begun.elapsed() > Duration::from_millis(250)).then_some(())
    });
    let lateness = canary.finish();
    let worst = lateness.between(since, Capture::now());
    assert!(worst > Duration::ZERO, "no wake-up is ever exactly on time");
    assert!(worst < Duration::from_secs(60));
}

#[test]
fn keepalived_takes_its_address_and_both_wires_show_it() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let (host, other) = (lab.host("lb1"), lab.host("other"));
    lab.segment("lan");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    lab.link(&other, "eth0", "lan", &["10.0.0.2/24"]);
    let since = Capture::now();
    let peer = Peer::start(
        &host,
        Daemon::Keepalived,
        "vrrp_instance one {\n    interface eth0\n    version 3\n    virtual_router_id 7\n    priority 200\n    \
         advert_int 0.1\n    virtual_ipaddress {\n        10.0.0.7\n    }\n}\n",
    );
    peer.wait_state("one", State::Master, SOON);
    wait_until("the address", SOON, || {
        host.has("eth0", ip("10.0.0.7")).then_some(())
    });
    let (_, advert) = lab
        .capture()
        .wait_advert("lb1", since, SOON, "an advert", |_| true);
    assert_eq!(
        (advert.vrid, advert.priority, advert.version, advert.centis),
        (7, 200, 3, 10)
    );
    assert_eq!(advert.addresses, [ip("10.0.0.7")]);
    let claim = |seen: &Seen, host: &str, sent: bool| {
        seen.host == host
            && seen.sent == sent
            && matches!(&seen.frame, Frame::Claim(claim) if claim.address == ip("10.0.0.7"))
    };
    let (left, arrived) = wait_until("a claim on both wires", SOON, || {
        let seen = lab.capture().since(since);
        let left = seen.iter().find(|seen| claim(seen, "lb1", true))?.at;
        let arrived = seen.iter().find(|seen| claim(seen, "other", false))?.at;
        Some((left, arrived))
    });
    assert!(since <= left && left <= arrived && arrived <= Capture::now());
    assert_eq!(peer.stop().code, 0);
    assert!(!host.has("eth0", ip("10.0.0.7")));
    lab.capture()
        .wait_advert("lb1", since, SOON, "priority 0", |advert| {
            advert.priority == 0
        });
}
