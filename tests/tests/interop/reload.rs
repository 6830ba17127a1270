//! SIGHUP: an unchanged router does not notice, a changed one changes without leaving, and a bad file is refused.

use vrrp_tests::lab::{Capture, Daemon, State, status, wait_until};

use crate::bench::{BOUND, Bench, Config, INTERFACE, NAME, Pair, ip, millis, pairs, run};

pairs!(
    an_unchanged_router_does_not_notice,
    a_changed_priority_shows_in_the_next_advert,
    a_new_address_comes_and_an_old_one_goes,
);

fn an_unchanged_router_does_not_notice(pair: Pair) {
    let (leader, follower) = (Config::v3(150).every("0.3"), Config::v3(100).every("0.3"));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 2);
    let since = Capture::now();
    bench.leader.peer().reload(&leader.text());
    bench.follower.peer().reload(&follower.text());
    bench.undisturbed(&bench.leader, &bench.follower, since, 8);
    let adverts = bench.capture().adverts("lead", since);
    assert!(adverts.iter().all(|(_, advert)| advert.priority == 150));
    let longest = adverts
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .max()
        .expect("there are several");
    assert!(longest < millis(550), "{longest:?} without an advert");
    assert!(
        bench.capture().claims("lead", since).is_empty() || !bench.leader.is_ours(),
        "nothing is claimed again"
    );
    bench.wait_holder(&bench.leader, &leader.ips());
    bench
        .leader
        .wait_notified(&["INSTANCE VI BACKUP 150", "INSTANCE VI MASTER 150"]);
    bench.follower.wait_notified(&["INSTANCE VI BACKUP 100"]);
}

fn a_changed_priority_shows_in_the_next_advert(pair: Pair) {
    let (leader, follower) = (Config::v3(150), Config::v3(100));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    let since = Capture::now();
    bench.leader.peer().reload(&Config::v3(180).text());
    bench
        .capture()
        .wait_advert("lead", since, BOUND, "the new priority", |advert| {
            advert.priority == 180
        });
    bench.undisturbed(&bench.leader, &bench.follower, since, 5);
    let adverts = bench.capture().adverts("lead", since);
    assert!(adverts.iter().all(|(_, advert)| advert.priority != 0));
    // A lower priority than the follower's hands over by the ordinary rules.
    bench.leader.peer().reload(&Config::v3(50).text());
    bench.follower.wait(State::Master);
    bench.leader.wait(State::Backup);
    bench.wait_holder(&bench.follower, &follower.ips());
}

fn a_new_address_comes_and_an_old_one_goes(pair: Pair) {
    // Alone: keepalived 2.2 takes no advert whose addresses are not its own.
    let before = Config::v3(150).addresses(&["10.0.0.7", "10.0.0.8"]);
    let after = Config::v3(150).addresses(&["10.0.0.7", "10.0.0.9"]);
    let mut bench = Bench::new(pair);
    bench.leader.start(&before);
    bench.leader.wait(State::Master);
    bench.wait_holder(&bench.leader, &before.ips());
    let since = Capture::now();
    bench.leader.peer().reload(&after.text());
    bench.wait_holder(&bench.leader, &after.ips());
    wait_until("the old address is gone", BOUND, || {
        bench
            .lab
            .holders(INTERFACE, ip("10.0.0.8"))
            .is_empty()
            .then_some(())
    });
    bench
        .capture()
        .wait_advert("lead", since, BOUND, "the new list", |advert| {
            advert.addresses == after.ips()
        });
    wait_until("the new address is claimed", BOUND, || {
        bench
            .capture()
            .claims("lead", since)
            .into_iter()
            .find(|(_, claim)| claim.address == ip("10.0.0.9"))
    });
    bench
        .leader
        .wait_notified(&["INSTANCE VI BACKUP 150", "INSTANCE VI MASTER 150"]);
}

#[test]
fn a_bad_file_is_refused_and_ours_goes_on() {
    run(Daemon::Ours, Daemon::Keepalived, |pair| {
        let (leader, follower) = (Config::v3(150), Config::v3(100));
        let mut bench = Bench::new(pair);
        bench.start(&leader, &follower);
        let since = Capture::now();
        bench
            .leader
            .peer()
            .reload("vrrp_instance VI {\n    interface eth0\n    advert_int\n}\n");
        let refused = wait_until("the refusal shows in the status", BOUND, || {
            status(&bench.leader.host)?.daemon.configuration.refused
        });
        assert!(refused.unix_ms > 0);
        bench.undisturbed(&bench.leader, &bench.follower, since, 8);
        let adverts = bench.capture().adverts("lead", since);
        assert!(adverts.iter().all(|(_, advert)| advert.priority == 150));
        assert_eq!(bench.leader.peer().state(NAME), Some(State::Master));
        bench.wait_holder(&bench.leader, &leader.ips());
        // A good one is taken afterwards.
        bench.leader.peer().reload(&Config::v3(160).text());
        bench
            .capture()
            .wait_advert("lead", since, BOUND, "the new priority", |advert| {
                advert.priority == 160
            });
    });
}
