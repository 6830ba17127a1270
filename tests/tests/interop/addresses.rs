//! Addresses: many of them, removed by somebody else, and left over by a daemon that was killed.

use vrrp_tests::lab::{Capture, State, wait_until};

use crate::bench::{BOUND, Bench, Config, INTERFACE, Pair, ip, pairs};

pairs!(
    twenty_addresses_move_together,
    an_address_removed_by_somebody_comes_back,
    left_overs_of_a_killed_daemon_are_removed,
);

fn twenty_addresses_move_together(pair: Pair) {
    let texts: Vec<String> = (101..=120).map(|host| format!("10.0.0.{host}")).collect();
    let addresses: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (leader, follower) = (
        Config::v3(150).addresses(&addresses),
        Config::v3(100).addresses(&addresses),
    );
    let mut bench = Bench::new(pair);
    let begun = Capture::now();
    bench.start(&leader, &follower);
    let (_, advert) = bench
        .capture()
        .wait_advert("lead", begun, BOUND, "an advert", |_| true);
    assert_eq!(
        advert.addresses,
        leader.ips(),
        "all of them, in their order"
    );
    let stopped = Capture::now();
    bench.leader.stop();
    bench.wait_holder(&bench.follower, &follower.ips());
    for address in follower.ips() {
        wait_until(&format!("{address} is claimed"), BOUND, || {
            bench
                .capture()
                .claims("follow", stopped)
                .into_iter()
                .find(|(_, claim)| claim.address == address)
        });
    }
}

fn an_address_removed_by_somebody_comes_back(pair: Pair) {
    // The follower's skew is so much longer that it never gets in between.
    let (leader, follower) = (Config::v3(250), Config::v3(50));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    let removed = Capture::now();
    bench
        .leader
        .host
        .ip(&format!("addr del 10.0.0.7/32 dev {INTERFACE}"));
    wait_until("the address is back", BOUND, || {
        bench
            .leader
            .host
            .has(INTERFACE, ip("10.0.0.7"))
            .then_some(())
    });
    bench.leader.wait(State::Master);
    bench.wait_holder(&bench.leader, &leader.ips());
    wait_until("it is claimed again", BOUND, || {
        (!bench.capture().claims("lead", removed).is_empty()).then_some(())
    });
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 5);
}

fn left_overs_of_a_killed_daemon_are_removed(pair: Pair) {
    let (leader, follower) = (Config::v3(150), Config::v3(100));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    bench.leader.peer().kill();
    bench.follower.wait(State::Master);
    let mut holders = bench.lab.holders(INTERFACE, ip("10.0.0.7"));
    holders.sort_unstable();
    assert_eq!(
        holders,
        ["follow", "lead"],
        "a killed daemon leaves its address behind"
    );
    // Too low to lead again: if the address goes, it goes because it is a left-over.
    bench.leader.start(&Config::v3(50));
    bench.leader.wait(State::Backup);
    bench.wait_holder(&bench.follower, &follower.ips());
    bench.undisturbed(&bench.follower, &bench.leader, Capture::now(), 5);
}
