//! The configuration that this is built for, with a real haproxy on each host: the address follows the living one.

use std::time::{Duration, Instant};

use vrrp_tests::lab::{Capture, Haproxy, Probe, State, wait_until};
use vrrp_tests::motivating::{ADDRESS, FIRST, INTERFACE, ROUTER, second};

use crate::bench::{BOUND, Bench, Node, Pair, pairs};

pairs!(the_address_follows_the_living_haproxy);

fn the_address_follows_the_living_haproxy(pair: Pair) {
    let mut bench = Bench::new(pair);
    for (node, address) in [(&bench.leader, "11"), (&bench.follower, "12")] {
        node.host.ip(&format!(
            "addr add 192.168.205.{address}/24 dev {INTERFACE}"
        ));
        node.host.ip(&format!(
            "addr del 10.0.0.{}/24 dev {INTERFACE}",
            &address[1..]
        ));
    }
    let client = bench.lab.host("client");
    bench
        .lab
        .link(&client, INTERFACE, "lan", &["192.168.205.99/24"]);
    let first = Haproxy::start(&bench.leader.host);
    let other = Haproxy::start(&bench.follower.host);
    bench.leader.start_text(FIRST);
    leads(&bench, &bench.leader, 103);
    bench.follower.start_text(&second());
    bench
        .follower
        .peer()
        .wait_state(ROUTER, State::Backup, BOUND);
    let probe = Probe::start(&client, ADDRESS);
    answers(&probe, "lead");

    let killed = Instant::now();
    first.kill();
    leads(&bench, &bench.follower, 102);
    bench.leader.peer().wait_state(ROUTER, State::Backup, BOUND);
    bench.wait_holder(&bench.follower, &[ADDRESS]);
    answers(&probe, "follow");
    // A check every 2 s, three missed adverts and a skew of 0.6 s, and the load of this machine.
    let gap = probe.longest_gap(killed);
    assert!(gap < Duration::from_secs(8), "{gap:?} without an answer");

    let first = Haproxy::start(&bench.leader.host);
    leads(&bench, &bench.leader, 103);
    bench
        .follower
        .peer()
        .wait_state(ROUTER, State::Backup, BOUND);
    bench.wait_holder(&bench.leader, &[ADDRESS]);
    answers(&probe, "lead");

    // The follower's haproxy is nobody's loss, and its return no reason to move.
    other.kill();
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 4);
    let other = Haproxy::start(&bench.follower.host);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 3);
    assert!(first.process().ended().is_none() && other.process().ended().is_none());
    bench.wait_holder(&bench.leader, &[ADDRESS]);
}

/// Waits until a node sends adverts of this priority: its own and its script's.
fn leads(bench: &Bench, node: &Node, priority: u8) {
    node.peer().wait_state(ROUTER, State::Master, BOUND);
    bench.capture().wait_advert(
        node.host.name(),
        Capture::now(),
        BOUND,
        "an advert of the full priority",
        |advert| advert.priority == priority && advert.trailer == b"totally_",
    );
}

fn answers(probe: &Probe, name: &str) {
    let since = Instant::now();
    wait_until(&format!("{name} answers"), BOUND, || {
        probe
            .last()
            .filter(|answer| answer.from == name && answer.at > since)
    });
}
