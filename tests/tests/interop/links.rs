//! Interfaces that go down, come up, vanish and are made again: FAULT in and out, and the membership of the multicast
//! group with them.

use vrrp_tests::lab::{Capture, State, wait_until};

use crate::bench::{BOUND, Bench, Config, FOLLOWER, INTERFACE, LEADER, Node, Pair, pairs};

pairs!(
    a_leader_without_a_link_is_replaced_and_comes_back,
    a_follower_hears_again_after_its_link_was_down,
    an_interface_made_again_is_used_again,
);

fn a_leader_without_a_link_is_replaced_and_comes_back(pair: Pair) {
    let (leader, follower) = (Config::v3(150), Config::v3(100));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    bench.lab.unplug(&bench.leader.host, INTERFACE);
    bench.leader.wait(State::Fault);
    bench.follower.wait(State::Master);
    bench.wait_holder(&bench.follower, &follower.ips());
    bench.lab.plug(&bench.leader.host, INTERFACE);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.wait_holder(&bench.leader, &leader.ips());
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 5);
    bench.leader.wait_notified(&[
        "INSTANCE VI BACKUP 150",
        "INSTANCE VI MASTER 150",
        "INSTANCE VI FAULT 150",
        "INSTANCE VI BACKUP 150",
        "INSTANCE VI MASTER 150",
    ]);
}

fn a_follower_hears_again_after_its_link_was_down(pair: Pair) {
    let mut bench = Bench::new(pair);
    bench.start(&Config::v3(150), &Config::v3(100));
    bench
        .follower
        .host
        .ip(&format!("link set {INTERFACE} down"));
    bench.follower.wait(State::Fault);
    bench.follower.host.ip(&format!("link set {INTERFACE} up"));
    follows_again(&bench);
}

fn an_interface_made_again_is_used_again(pair: Pair) {
    let mut bench = Bench::new(pair);
    bench.start(&Config::v3(150), &Config::v3(100));
    let make = |bench: &mut Bench, node: fn(&Bench) -> &Node, addresses| {
        let host = node(bench).host.clone();
        host.ip(&format!("link del {INTERFACE}"));
        node(bench).wait(State::Fault);
        bench.lab.link(&host, INTERFACE, "lan", addresses);
    };
    make(&mut bench, |bench| &bench.follower, FOLLOWER.1);
    follows_again(&bench);

    bench.leader.start(&Config::v3(150));
    bench.leader.wait(State::Master);
    make(&mut bench, |bench| &bench.leader, LEADER.1);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.wait_holder(&bench.leader, &Config::v3(150).ips());
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 5);
}

/// A follower that does not hear the group would take over after 0.7 s.
fn follows_again(bench: &Bench) {
    bench.follower.wait(State::Backup);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 10);
    bench.leader.stop();
    wait_until("the follower takes over", BOUND, || {
        (bench.follower.peer().state(crate::bench::NAME) == Some(State::Master)).then_some(())
    });
}
