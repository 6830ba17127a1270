//! Who leads, and when: release, preemption, equal priorities, a learned interval.

use vrrp_tests::lab::{Capture, State, wait_until};

use crate::bench::{BOUND, Bench, Config, INTERFACE, Pair, ip, millis, pairs};

pairs!(
    priority_zero_hands_over_within_the_skew,
    a_higher_one_preempts,
    nopreempt_waits_for_the_lower_one_to_go,
    equal_priorities_are_decided_by_the_address,
    the_interval_of_the_active_one_is_learned,
);

fn priority_zero_hands_over_within_the_skew(pair: Pair) {
    let (leader, follower) = (Config::v2(150), Config::v2(100));
    let mut bench = Bench::new(pair);
    bench.start(&leader, &follower);
    let stopped = Capture::now();
    bench.leader.stop();
    let (released, _) =
        bench
            .capture()
            .wait_advert("lead", stopped, BOUND, "priority 0", |advert| {
                advert.priority == 0
            });
    let (taken, _) = bench
        .capture()
        .wait_advert("follow", stopped, BOUND, "an advert", |_| true);
    // (256 - 100) / 256 s.
    let (skew, took) = (millis(609), taken.saturating_sub(released));
    assert!(
        took >= skew - millis(30) && took <= skew + millis(400),
        "took over {took:?} after the release, not {skew:?}"
    );
    bench.wait_holder(&bench.follower, &follower.ips());
}

fn a_higher_one_preempts(pair: Pair) {
    let (leader, follower) = (Config::v3(150), Config::v3(100));
    let mut bench = Bench::new(pair);
    bench.follower.start(&follower);
    bench.follower.wait(State::Master);
    bench.wait_holder(&bench.follower, &follower.ips());
    bench.leader.start(&leader);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.wait_holder(&bench.leader, &leader.ips());
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 5);
    bench
        .leader
        .wait_notified(&["INSTANCE VI BACKUP 150", "INSTANCE VI MASTER 150"]);
}

fn nopreempt_waits_for_the_lower_one_to_go(pair: Pair) {
    let patient = |priority| Config::v3(priority).line("state BACKUP").line("nopreempt");
    let (higher, lower) = (patient(150), patient(100));
    let mut bench = Bench::new(pair);
    bench.leader.start(&lower);
    bench.leader.wait(State::Master);
    bench.follower.start(&higher);
    bench.follower.wait(State::Backup);
    // Many down intervals of 0.6 s and a bit.
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 12);
    bench.leader.stop();
    bench.follower.wait(State::Master);
    bench.wait_holder(&bench.follower, &higher.ips());
    // It yields to a higher one all the same.
    bench.leader.start(&Config::v3(200));
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.wait_holder(&bench.leader, &lower.ips());
}

fn equal_priorities_are_decided_by_the_address(pair: Pair) {
    let config = Config::v3(100);
    let mut bench = Bench::new(pair);
    let eth0 = |bench: &Bench, cut: bool| {
        let (leader, follower) = (&bench.leader.host, &bench.follower.host);
        if cut {
            bench.lab.cut((leader, INTERFACE), (follower, INTERFACE));
            bench.lab.cut((follower, INTERFACE), (leader, INTERFACE));
        } else {
            bench.lab.heal();
        }
    };
    bench.start(&config, &config);
    // As a Backup nobody compares addresses: who leads goes on leading.
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 5);
    eth0(&bench, true);
    bench.follower.wait(State::Master);
    assert_eq!(bench.lab.holders(INTERFACE, ip("10.0.0.7")).len(), 2);
    eth0(&bench, false);
    // The follower's address is the higher one.
    bench.leader.wait(State::Backup);
    bench.wait_holder(&bench.follower, &config.ips());
    bench.undisturbed(&bench.follower, &bench.leader, Capture::now(), 5);
    bench
        .follower
        .wait_notified(&["INSTANCE VI BACKUP 100", "INSTANCE VI MASTER 100"]);
}

fn the_interval_of_the_active_one_is_learned(pair: Pair) {
    let (leader, follower) = (Config::v3(150).every("0.6"), Config::v3(100).every("0.1"));
    let mut bench = Bench::new(pair);
    bench.leader.start(&leader);
    bench.leader.wait(State::Master);
    bench.follower.start(&follower);
    // Before the first advert it may take over by its own interval; from then on it knows.
    wait_until("the follower follows", BOUND, || {
        let since = Capture::now();
        bench.follower.wait(State::Backup);
        let heard = wait_until("two adverts", BOUND, || {
            let adverts = bench.capture().adverts("lead", since);
            (adverts.len() >= 2).then_some(adverts)
        });
        (!heard.is_empty() && bench.capture().adverts("follow", since).is_empty()).then_some(())
    });
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 4);
    let cut = Capture::now();
    bench.lab.cut(
        (&bench.leader.host, INTERFACE),
        (&bench.follower.host, INTERFACE),
    );
    let (taken, advert) = bench
        .capture()
        .wait_advert("follow", cut, BOUND, "an advert", |_| true);
    let last = bench
        .capture()
        .since(cut - millis(2000))
        .into_iter()
        .filter(|seen| seen.host == "follow" && !seen.sent)
        .filter(|seen| matches!(seen.frame, vrrp_tests::lab::Frame::Advert(_)))
        .map(|seen| seen.at)
        .max()
        .expect("the follower has heard the leader before the cut");
    // 3 × 0.6 s + (256 - 100) / 256 × 0.6 s, where its own interval would have made 0.36 s.
    let (down, took) = (millis(2165), taken.saturating_sub(last));
    assert!(
        took >= down - millis(30) && took <= down + millis(400),
        "took over {took:?} after the last advert, not {down:?}"
    );
    assert_eq!(advert.centis, 10, "its own adverts have its own interval");
}
