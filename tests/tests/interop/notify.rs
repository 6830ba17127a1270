//! What notify scripts are told, and in which order.

use vrrp_tests::lab::State;

use crate::bench::{Bench, Config, INTERFACE, Pair, pairs};

pairs!(scripts_are_told_in_keepalived_s_order_with_its_arguments);

fn scripts_are_told_in_keepalived_s_order_with_its_arguments(pair: Pair) {
    let with = |priority| {
        ["master", "backup", "fault", "stop"]
            .iter()
            .fold(Config::v3(priority), |config, state| {
                config.line(format!(
                    "notify_{state} \"/etc/keepalived/notify.sh to {state}\""
                ))
            })
    };
    let mut bench = Bench::new(pair);
    bench.start(&with(150), &with(100));
    bench.lab.unplug(&bench.leader.host, INTERFACE);
    bench.leader.wait(State::Fault);
    bench.follower.wait(State::Master);
    bench.lab.plug(&bench.leader.host, INTERFACE);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.leader.stop();
    bench.follower.wait(State::Master);
    bench.follower.stop();
    let told = |states: &[&str], priority: u8| -> Vec<String> {
        states
            .iter()
            .flat_map(|state| {
                [
                    format!("to {}", state.to_lowercase()),
                    format!("INSTANCE VI {state} {priority}"),
                ]
            })
            .collect()
    };
    for (node, told) in [
        (
            &bench.leader,
            told(
                &["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"],
                150,
            ),
        ),
        (
            &bench.follower,
            told(&["BACKUP", "MASTER", "BACKUP", "MASTER", "STOP"], 100),
        ),
    ] {
        let wanted: Vec<&str> = told.iter().map(String::as_str).collect();
        node.wait_notified(&wanted);
    }
}
